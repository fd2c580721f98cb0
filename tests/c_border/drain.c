/* Stopping a server without losing a request, and sockets that listen already. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>

#define ERROR_STORAGE _Thread_local
#include "check.h"

static int started, finished, left, released, cancelled; /* by the service */
static rpyc_server *own;                                 /* for a callback of the server itself */
static rpyc_call *deferred;

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int get(int *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void await(int *number, int least)
{
    for (int i = 0; i < 3000 && get(number) < least; i++)
        nap(10);
    CHECK(get(number) >= least);
}

static void slow(rpyc_call *call, void *self)
{
    int64_t ms = 0;

    (void)self;
    __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
    rpyc_call_get_int(call, 0, &ms);
    nap((long)ms);
    __atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

/* Runs until it is told to end. */
static void endless(rpyc_call *call, void *self)
{
    (void)self;
    __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
    while (!get(&released))
        nap(5);
    __atomic_store_n(&cancelled, rpyc_call_cancelled(call) + 1, __ATOMIC_SEQ_CST);
    rpyc_call_return(call, NULL);
}

static void later(rpyc_call *call, void *self)
{
    (void)self;
    deferred = rpyc_call_defer(call);
    __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
}

static void drain_here(rpyc_call *call, void *self)
{
    size_t cut = 7;

    (void)self;
    GIVES(RPYC_ERR_DEADLOCK, rpyc_server_drain(own, 0, 1000, &cut, &error));
    CHECK(cut == 0);
    rpyc_call_return(call, NULL);
}

static void bye(rpyc_connection *connection, void *self)
{
    (void)connection;
    (void)self;
    __atomic_add_fetch(&left, 1, __ATOMIC_SEQ_CST);
}

static rpyc_class *service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_slow", slow, "slow(ms)", NULL, 0},
        {"exposed_endless", endless, "endless()", NULL, 0},
        {"exposed_later", later, "later()", NULL, 0},
        {"exposed_drain_here", drain_here, "drain_here()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "DrainedService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .on_disconnect = bye,
    };
    rpyc_class *made = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &made, &error));
    return made;
}

static rpyc_server *serving_with(const char *address, const rpyc_config *config, rpyc_queue *queue)
{
    rpyc_class *made = service();
    rpyc_server *server = NULL;

    started = finished = left = released = cancelled = 0;
    OK(rpyc_server_new(address, made, config, &server, &error));
    if (queue != NULL)
        OK(rpyc_server_set_queue(server, queue, &error));
    OK(rpyc_server_start(server, &error));
    rpyc_class_free(made);
    return server;
}

static rpyc_server *serving(const char *address)
{
    return serving_with(address, NULL, NULL);
}

static rpyc_connection *client(const char *address, rpyc_object **root)
{
    rpyc_connection *connection = NULL;
    rpyc_config *config = NULL;

    config = rpyc_config_new();
    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_connect(address, NULL, config, &connection, &error));
    OK(rpyc_connection_root(connection, root, &error));
    rpyc_config_free(config);
    return connection;
}

static rpyc_async_result *begin(rpyc_object *root, const char *method, int64_t ms)
{
    rpyc_value *args[] = {rpyc_value_new_int(ms)};
    rpyc_async_result *result = NULL;

    OK(rpyc_object_call_method_async(root, method, args, strcmp(method, "slow") == 0, NULL, -1, &result, &error));
    if (strcmp(method, "slow") != 0)
        rpyc_value_free(args[0]);
    return result;
}

static void ends(rpyc_async_result *result, rpyc_status want)
{
    rpyc_value *value = NULL;

    GIVES(want, rpyc_async_result_value(result, &value, &error));
    rpyc_value_free(value);
    rpyc_async_result_free(result);
}

static void end(rpyc_server *server, rpyc_connection *connection, rpyc_object *root)
{
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
}

/* What was received is answered: a call that runs, and a hundred behind it that have not begun. */
static void requests_are_answered(const char *address)
{
    rpyc_async_result *results[100];
    rpyc_server *server = serving(address);
    rpyc_object *root = NULL;
    rpyc_connection *connection = client(rpyc_server_address(server), &root), *other = NULL;
    size_t cut = 7;

    for (int i = 0; i < 100; i++)
        results[i] = begin(root, "slow", i ? 1 : 200);
    await(&started, 1);
    OK(rpyc_server_drain(server, 0, 60000, &cut, &error));
    CHECK(cut == 0 && get(&finished) == 100 && get(&left) == 1);
    CHECK(rpyc_server_connection_count(server) == 0);
    for (int i = 0; i < 100; i++)
        ends(results[i], RPYC_OK);
    GIVES(RPYC_ERR_STATE, rpyc_server_start(server, &error));
    CHECK(rpyc_connect(rpyc_server_address(server), NULL, NULL, &other, NULL) != RPYC_OK);
    /* Nothing is left to do. */
    OK(rpyc_server_drain(server, 0, -1, NULL, &error));
    OK(rpyc_server_stop(server, 0, &error));
    end(server, connection, root);
}

static void *answer(void *unused)
{
    (void)unused;
    nap(100);
    OK(rpyc_call_return(deferred, rpyc_value_new_int(1)));
    return NULL;
}

static void deferred_calls_are_answered(void)
{
    rpyc_server *server = serving("tcp://127.0.0.1:0");
    rpyc_object *root = NULL;
    rpyc_connection *connection = client(rpyc_server_address(server), &root);
    rpyc_async_result *result = begin(root, "later", 0);
    pthread_t thread;
    size_t cut = 7;

    await(&started, 1);
    CHECK(pthread_create(&thread, NULL, answer, NULL) == 0);
    OK(rpyc_server_drain(server, 0, 60000, &cut, &error));
    CHECK(cut == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    ends(result, RPYC_OK);
    rpyc_call_free(deferred);
    end(server, connection, root);
}

/* At the limit: one of two connections has a call, which finds its caller gone. */
static void the_rest_is_cut(void)
{
    rpyc_server *server = serving("tcp://127.0.0.1:0");
    rpyc_object *root = NULL, *idle_root = NULL;
    rpyc_connection *connection = client(rpyc_server_address(server), &root);
    rpyc_connection *idle = client(rpyc_server_address(server), &idle_root);
    rpyc_async_result *result = begin(root, "endless", 0);
    size_t cut = 7;

    await(&started, 1);
    OK(rpyc_server_drain(server, 0, 2000, &cut, &error));
    CHECK(cut == 1);
    ends(result, RPYC_ERR_EOF);
    GIVES(RPYC_ERR_EOF, rpyc_connection_ping(idle, NULL, 0, 10000, &error));
    __atomic_store_n(&released, 1, __ATOMIC_SEQ_CST);
    await(&cancelled, 2);
    rpyc_object_free(idle_root);
    rpyc_connection_free(idle);
    end(server, connection, root);
}

static void not_from_a_callback(void)
{
    rpyc_object *root = NULL;
    rpyc_connection *connection;
    rpyc_value *value = NULL;

    own = serving("tcp://127.0.0.1:0");
    connection = client(rpyc_server_address(own), &root);
    OK(rpyc_object_call_method(root, "drain_here", NULL, 0, NULL, &value, &error));
    rpyc_value_free(value);
    OK(rpyc_server_stop(own, 1000, &error));
    end(own, connection, root);
}

struct asking {
    rpyc_object *root;
    int calls;
};

/* Calls one after another, with pauses. */
static void *ask(void *argument)
{
    struct asking *asking = argument;

    for (; asking->calls < 10; asking->calls++) {
        ends(begin(asking->root, "slow", 1), RPYC_OK);
        nap(30);
    }
    return NULL;
}

/* A client that pauses between two calls is not cut off by a drain that waits longer than it does. */
static void pauses_are_waited_for(void)
{
    rpyc_server *server = serving("tcp://127.0.0.1:0");
    rpyc_object *root = NULL;
    rpyc_connection *connection = client(rpyc_server_address(server), &root);
    struct asking asking = {root, 0};
    pthread_t thread;
    size_t cut = 7;

    CHECK(pthread_create(&thread, NULL, ask, &asking) == 0);
    await(&started, 1);
    OK(rpyc_server_drain(server, 3000, 60000, &cut, &error));
    CHECK(cut == 0 && pthread_join(thread, NULL) == 0 && asking.calls == 10);
    end(server, connection, root);
}

/* The second server takes over the socket of the first in the same process; no file is removed. */
static void sockets_are_passed(const char *address)
{
    rpyc_server *first = serving(address), *second = NULL;
    rpyc_object *root = NULL;
    rpyc_connection *connection;
    char text[32], known[200];
    int32_t fd = -1;

    snprintf(known, sizeof known, "%s", rpyc_server_address(first));
    OK(rpyc_server_pass_socket(first, &fd, &error));
    CHECK(fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    OK(rpyc_server_stop(first, 1000, &error));
    OK(rpyc_server_join(first, &error));
    rpyc_server_free(first);
    snprintf(text, sizeof text, "fd:%d", (int)fd);
    second = serving(text);
    CHECK(strcmp(rpyc_server_address(second), known) == 0);
    CHECK(fcntl(fd, F_GETFD) == -1); /* it was taken over */
    connection = client(known, &root);
    ends(begin(root, "slow", 1), RPYC_OK);
    OK(rpyc_server_drain(second, 0, 60000, NULL, &error));
    end(second, connection, root);
    if (strncmp(known, "unix:///", 8) == 0)
        CHECK(unlink(known + 7) == 0);
}

static void misuse(void)
{
    rpyc_class *made = service();
    rpyc_server *server = NULL, *other = NULL;
    char text[32];
    int32_t fd = 5;
    int pipes[2], pair[2];

    GIVES(RPYC_ERR_ADDRESS, rpyc_server_new("fd:12345", made, NULL, &server, &error));
    CHECK(pipe(pipes) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    snprintf(text, sizeof text, "fd:%d", pipes[0]);
    GIVES(RPYC_ERR_ADDRESS, rpyc_server_new(text, made, NULL, &server, &error));
    snprintf(text, sizeof text, "fd:%d", pair[0]);
    GIVES(RPYC_ERR_ADDRESS, rpyc_server_new(text, made, NULL, &server, &error));
    GIVES(RPYC_ERR_ADDRESS, rpyc_server_new("fd:0,1", made, NULL, &server, &error));
    CHECK(close(pipes[0]) == 0 && close(pipes[1]) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0);
    OK(rpyc_server_new("", made, NULL, &server, &error));
    GIVES(RPYC_ERR_STATE, rpyc_server_pass_socket(server, &fd, &error));
    CHECK(fd == -1);
    GIVES(RPYC_ERR_NULL, rpyc_server_pass_socket(server, NULL, &error));
    /* A server that never began. */
    OK(rpyc_server_drain(server, -5, -5, NULL, &error));
    rpyc_server_free(server);
    /* Two sockets at one address only if both agree. */
    rpyc_config *config = rpyc_config_new();
    OK(rpyc_config_set(config, "reuse_port", "true", &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", made, config, &server, &error));
    GIVES(RPYC_ERR_IO, rpyc_server_new(rpyc_server_address(server), made, NULL, &other, &error));
    OK(rpyc_server_new(rpyc_server_address(server), made, config, &other, &error));
    rpyc_server_free(other);
    rpyc_server_free(server);
    rpyc_config_free(config);
    rpyc_class_free(made);
}

/* A server that could not be made leaves the descriptor to the caller, who can try again. */
static void descriptors_are_kept(void)
{
    rpyc_class *made = service();
    rpyc_server *server = serving("tcp://127.0.0.1:0"), *other = NULL;
    rpyc_config *config = rpyc_config_new();
    char text[32];
    int32_t fd = -1;

    OK(rpyc_server_pass_socket(server, &fd, &error));
    OK(rpyc_server_stop(server, 0, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    snprintf(text, sizeof text, "fd:%d", (int)fd);
    OK(rpyc_config_set(config, "pool_threads", "2", &error));
    OK(rpyc_config_set(config, "bind_threads", "true", &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_server_new(text, made, config, &other, &error));
    CHECK(other == NULL && fcntl(fd, F_GETFD) != -1);
    OK(rpyc_config_set(config, "bind_threads", "false", &error));
    OK(rpyc_server_new(text, made, config, &other, &error));
    CHECK(fcntl(fd, F_GETFD) == -1);
    rpyc_server_free(other);
    rpyc_config_free(config);
    rpyc_class_free(made);
}

/* A message of rpyc 6: a ping. */
static const char ping[] = "\0\0\0\x0f\0\x01\x11\x50\x11\x51\x11\x52\x10\x11\x51\x0e\x03xxx\n";
static const size_t ping_size = sizeof ping - 1;

/* A drain refuses clients that were not accepted before. */
static void is_accepted(rpyc_server *server)
{
    for (int i = 0; i < 3000 && rpyc_server_connection_count(server) != 1; i++)
        nap(10);
    CHECK(rpyc_server_connection_count(server) == 1);
}

static int plain_client(rpyc_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_port = htons((uint16_t)atoi(strrchr(rpyc_server_address(server), ':') + 1));
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    is_accepted(server);
    return fd;
}

/* Reads the whole reply to a ping, or finds the end of the stream. */
static int is_answered(int fd)
{
    unsigned char head[5], rest[256];

    return recv(fd, head, sizeof head, MSG_WAITALL) == sizeof head &&
           recv(fd, rest, head[3] + 1U, MSG_WAITALL) == head[3] + 1;
}

struct draining {
    rpyc_server *server;
    int64_t limit_ms;
    size_t cut;
};

static void *drain(void *argument)
{
    struct draining *draining = argument;

    OK(rpyc_server_drain(draining->server, 1000, draining->limit_ms, &draining->cut, &error));
    return NULL;
}

/* A drain gives the connection time, longer than its client may be idle, for the rest of what the client has begun. At
 * the limit it is cut off. */
static void goes_on(rpyc_server *server, int fd, const char *rest, size_t size)
{
    struct draining draining = {server, size ? 60000 : 700, 7};
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, drain, &draining) == 0);
    if (size) {
        nap(1500);
        CHECK(send(fd, rest, size, MSG_NOSIGNAL) == (ssize_t)size && is_answered(fd));
    }
    CHECK(pthread_join(thread, NULL) == 0 && draining.cut == !size);
    CHECK(!is_answered(fd) && close(fd) == 0);
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
}

static void messages_may_arrive_slowly(const char *threads, int whole)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_server *server;
    int fd;

    OK(rpyc_config_set(config, "pool_threads", threads, &error));
    server = serving_with("tcp://127.0.0.1:0", config, NULL);
    fd = plain_client(server);
    CHECK(write(fd, ping, ping_size) == (ssize_t)ping_size && is_answered(fd));
    CHECK(write(fd, ping, 7) == 7);
    goes_on(server, fd, ping + 7, whole ? ping_size - 7 : 0);
    rpyc_config_free(config);
}

static void one_byte(rpyc_authentication *authentication, void *userdata)
{
    char byte;

    (void)userdata;
    if (rpyc_authentication_read(authentication, &byte, 1, NULL) == RPYC_OK)
        rpyc_authentication_accept(authentication, NULL, NULL);
}

static void authentications_may_last(const char *threads, int whole)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_server *server;
    char rest[sizeof ping];
    int fd;

    rest[0] = 'x';
    memcpy(rest + 1, ping, ping_size);
    OK(rpyc_config_set(config, "pool_threads", threads, &error));
    OK(rpyc_config_set_authenticator(config, one_byte, NULL, NULL, &error));
    server = serving_with("tcp://127.0.0.1:0", config, NULL);
    fd = plain_client(server);
    goes_on(server, fd, rest, whole ? sizeof rest : 0);
    rpyc_config_free(config);
}

/* A reply that the client reads late is not lost, although the client sends more meanwhile. */
static void replies_may_be_read_late(void)
{
    enum { SIZE = 300000 };
    static char large[21 + SIZE] = "\0\0\0\0\0\x01\x11\x50\x11\x51\x11\x52\x10\x11\x51\x0f";
    rpyc_server *server = serving("tcp://127.0.0.1:0");
    struct draining draining = {server, 60000, 7};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    unsigned char head[5];
    pthread_t thread;
    char *reply = malloc(SIZE + 100);
    ssize_t length;

    /* The head has the length of all but itself and the newline; the string has its own length, as the last 4 bytes. */
    for (int i = 0; i < 4; i++) {
        large[i] = (char)((sizeof large - 6) >> 8 * (3 - i));
        large[16 + i] = (char)(SIZE >> 8 * (3 - i));
    }
    /* Replies are compressed: the bytes must not be alike. */
    for (size_t i = 20, word = 1; i < sizeof large - 1; i++) {
        word = word * 1103515245 + 12345;
        large[i] = (char)(word >> 24);
    }
    large[sizeof large - 1] = '\n';
    address.sin_port = htons((uint16_t)atoi(strrchr(rpyc_server_address(server), ':') + 1));
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    is_accepted(server);
    CHECK(send(fd, large, sizeof large, MSG_NOSIGNAL) == sizeof large);
    CHECK(pthread_create(&thread, NULL, drain, &draining) == 0);
    nap(1600);
    CHECK(send(fd, ping, ping_size, MSG_NOSIGNAL) == (ssize_t)ping_size);
    nap(100);
    CHECK(recv(fd, head, sizeof head, MSG_WAITALL) == sizeof head);
    length = (head[1] << 16) + (head[2] << 8) + head[3] + 1;
    CHECK(length > SIZE / 2 && length < SIZE + 100);
    CHECK(recv(fd, reply, (size_t)length, MSG_WAITALL) == length);
    CHECK(is_answered(fd) && close(fd) == 0);
    CHECK(pthread_join(thread, NULL) == 0 && draining.cut == 0);
    free(reply);
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
}

int main(void)
{
    char path[100];

    snprintf(path, sizeof path, "unix:///tmp/librpyc-drain-%d", (int)getpid());
    requests_are_answered("tcp://127.0.0.1:0");
    requests_are_answered(path);
    deferred_calls_are_answered();
    the_rest_is_cut();
    not_from_a_callback();
    pauses_are_waited_for();
    sockets_are_passed("tcp://127.0.0.1:0");
    sockets_are_passed(path);
    descriptors_are_kept();
    for (int whole = 0; whole < 2; whole++) {
        messages_may_arrive_slowly("0", whole);
        messages_may_arrive_slowly("1", whole);
        authentications_may_last("0", whole);
        authentications_may_last("1", whole);
    }
    replies_may_be_read_late();
    misuse();
    return finish();
}
