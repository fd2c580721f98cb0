/* Connecting without blocking: connecting, connecting ADDRESS [OPTION VALUE]... */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define ERROR_STORAGE _Thread_local
#include "check.h"

static void answer(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 42);
}

static rpyc_class *service(void)
{
    static const rpyc_method methods[] = {{"exposed_answer", answer, "answer()", NULL, 0}};
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "AnswerService",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_class *made = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &made, &error));
    return made;
}

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static rpyc_connecting *start(const char *address, const char *option, const char *value)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connecting *connecting = NULL;

    if (option)
        OK(rpyc_config_set(config, option, value, &error));
    OK(rpyc_connect_start(address, NULL, config, &connecting, &error));
    rpyc_config_free(config);
    return connecting;
}

/* The loop. Waits for `also` too, if it is a descriptor. */
static rpyc_status drive(rpyc_connecting *connecting, int also, rpyc_connection **connection_out)
{
    rpyc_status status = RPYC_OK;

    *connection_out = NULL;
    while (!status && !*connection_out) {
        const int32_t interest = rpyc_connecting_interest(connecting);
        const int64_t left = rpyc_connecting_next_deadline(connecting);
        struct pollfd fds[2] = {{.fd = rpyc_connecting_fileno(connecting)}, {.fd = also, .events = POLLIN}};
        char byte;

        CHECK((fds[0].fd < 0) == (interest == 0));
        fds[0].events = (short)((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0));
        poll(fds, 2, left < 0 || left > 10000 ? 10000 : (int)left);
        if (fds[1].revents && read(also, &byte, 1) != 1)
            also = -1;
        rpyc_error_free(error);
        error = NULL;
        status = rpyc_connecting_process(connecting, connection_out, &error);
        CHECK((error != NULL) == (status != RPYC_OK));
    }
    return status;
}

/* The root is asked in non-blocking mode, then a method in the usual one. */
static void use(rpyc_connection *connection, const char *method, int64_t wanted)
{
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    int64_t number = 0;

    OK(rpyc_connection_root(connection, &root, &error));
    if (method) {
        OK(rpyc_object_call_method(root, method, NULL, 0, NULL, &value, &error));
        OK(rpyc_value_get_int(value, &number, &error));
        CHECK(number == wanted);
        rpyc_value_free(value);
    } else {
        OK(rpyc_object_repr(root, &value, &error));
        rpyc_value_free(value);
    }
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
}

static void *resolve(void *connecting)
{
    OK(rpyc_connecting_resolve(connecting, &error));
    rpyc_connecting_free(connecting);
    return NULL;
}

static void reached(void)
{
    rpyc_class *made = service();
    char named[64], address[64];

    snprintf(address, sizeof address, "unix://@rpyc-connecting-%ld", (long)getpid());
    const char *const at[] = {"tcp://127.0.0.1:0", address};
    for (int i = 0; i < 2; i++) {
        rpyc_server *server = NULL;
        rpyc_connection *connection = NULL;
        rpyc_connecting *connecting;

        OK(rpyc_server_new(at[i], made, NULL, &server, &error));
        OK(rpyc_server_start(server, &error));
        connecting = start(rpyc_server_address(server), NULL, NULL);
        CHECK(!rpyc_connecting_needs_resolve(connecting));
        OK(rpyc_connecting_resolve(connecting, &error)); /* nothing to do */
        GIVES(RPYC_OK, drive(connecting, -1, &connection));
        CHECK(rpyc_connecting_fileno(connecting) == -1 && rpyc_connecting_interest(connecting) == 0);
        CHECK(rpyc_connecting_next_deadline(connecting) == -1);
        rpyc_connection *none = NULL;
        GIVES(RPYC_ERR_STATE, rpyc_connecting_process(connecting, &none, &error));
        rpyc_connecting_free(connecting);
        use(connection, "answer", 42);
        if (i == 0) {
            /* A name needs a thread; before it is resolved, nothing happens. It may have addresses at which nobody listens. */
            pthread_t thread;

            snprintf(named, sizeof named, "tcp://localhost%s", strrchr(rpyc_server_address(server), ':'));
            connecting = start(named, NULL, NULL);
            CHECK(rpyc_connecting_needs_resolve(connecting) && rpyc_connecting_fileno(connecting) == -1);
            CHECK(rpyc_connecting_next_deadline(connecting) == -1);
            OK(rpyc_connecting_process(connecting, &connection, &error));
            CHECK(connection == NULL);
            CHECK(pthread_create(&thread, NULL, resolve, rpyc_connecting_clone(connecting)) == 0);
            pthread_join(thread, NULL);
            CHECK(!rpyc_connecting_needs_resolve(connecting));
            GIVES(RPYC_OK, drive(connecting, -1, &connection));
            rpyc_connecting_free(connecting);
            use(connection, "answer", 42);
        }
        OK(rpyc_server_stop(server, 1000, &error));
        OK(rpyc_server_join(server, &error));
        rpyc_server_free(server);
    }
    rpyc_class_free(made);
}

static void refused(void)
{
    const char *const unsupported[] = {"fd:0,1", "stdio:", "exec:true", "shm:///tmp/nothing"};
    rpyc_connecting *connecting = NULL;
    rpyc_connection *connection = NULL;
    rpyc_config *config = rpyc_config_new();
    char address[128];

    for (int i = 0; i < 4; i++)
        GIVES(RPYC_ERR_UNSUPPORTED, rpyc_connect_start(unsupported[i], NULL, NULL, &connecting, &error));
    GIVES(RPYC_ERR_ADDRESS, rpyc_connect_start("nowhere", NULL, NULL, &connecting, &error));
    OK(rpyc_config_set_secret(config, "a secret of many bytes", 22, &error));
    GIVES(RPYC_ERR_UNSUPPORTED, rpyc_connect_start("tcp://127.0.0.1:1", NULL, config, &connecting, &error));
    rpyc_config_free(config);
    snprintf(address, sizeof address, "unix://@rpyc-nobody-%ld", (long)getpid());
    connecting = start(address, NULL, NULL);
    GIVES(RPYC_ERR_ADDRESS, drive(connecting, -1, &connection));
    GIVES(RPYC_ERR_STATE, rpyc_connecting_process(connecting, &connection, &error));
    rpyc_connecting_free(connecting);
    /* A name that no host can have. */
    snprintf(address, sizeof address, "tcp://%070d.invalid:1", 0);
    connecting = start(address, NULL, NULL);
    GIVES(RPYC_ERR_IO, rpyc_connecting_resolve(connecting, &error));
    CHECK(!rpyc_connecting_needs_resolve(connecting) && rpyc_connecting_next_deadline(connecting) == 0);
    GIVES(RPYC_ERR_IO, rpyc_connecting_process(connecting, &connection, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connecting_process(connecting, &connection, &error));
    rpyc_connecting_free(connecting);
    CHECK(rpyc_connecting_clone(NULL) == NULL);
}

/* A socket that is bound, or that listens with a short queue. */
static int bound(int domain, const struct sockaddr *to, socklen_t length, int backlog)
{
    const int fd = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(bind(fd, to, length) == 0 && (backlog < 0 || listen(fd, backlog) == 0));
    return fd;
}

static int tcp_port(int backlog, char *address, size_t size, const char *scheme)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof to;
    const int fd = bound(AF_INET, (struct sockaddr *)&to, sizeof to, backlog);

    CHECK(getsockname(fd, (struct sockaddr *)&to, &length) == 0);
    snprintf(address, size, "%s://127.0.0.1:%d", scheme, ntohs(to.sin_port));
    return fd;
}

static void late(void)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    rpyc_connection *connection = NULL;
    rpyc_connecting *connecting;
    char address[128];
    int filled[64], count = 0, fd;

    /* Nobody listens at the port of a socket that is only bound. */
    fd = tcp_port(-1, address, sizeof address, "tcp");
    connecting = start(address, NULL, NULL);
    GIVES(RPYC_ERR_ADDRESS, drive(connecting, -1, &connection));
    rpyc_connecting_free(connecting);
    close(fd);

    /* A full queue is waited for, and the time is limited. */
    const int length = snprintf(to.sun_path + 1, sizeof to.sun_path - 1, "rpyc-full-%ld", (long)getpid());
    const socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
    fd = bound(AF_UNIX, (struct sockaddr *)&to, size, 0);
    do
        filled[count] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    while (connect(filled[count++], (struct sockaddr *)&to, size) == 0 && count < 64);
    CHECK(count < 64);
    snprintf(address, sizeof address, "unix://@%s", to.sun_path + 1);
    connecting = start(address, "connect_timeout", "0.2");
    GIVES(RPYC_ERR_TIMEOUT, drive(connecting, -1, &connection));
    rpyc_connecting_free(connecting);
    connecting = start(address, "connect_timeout", "60");
    OK(rpyc_connecting_process(connecting, &connection, &error));
    CHECK(connection == NULL);
    for (int i = 0; i < count - 1; i++)
        close(accept(fd, NULL, NULL));
    GIVES(RPYC_OK, drive(connecting, -1, &connection));
    rpyc_connection_free(connection);
    rpyc_connecting_free(connecting);
    while (count)
        close(filled[--count]);
    close(fd);
}

/* A TLS server that says nothing. */
static void silent(void)
{
    const int before = descriptors();
    rpyc_connection *connection = NULL;
    rpyc_connecting *connecting = NULL;
    rpyc_config *config = rpyc_config_new();
    char address[64];
    const int fd = tcp_port(8, address, sizeof address, "tls");

    OK(rpyc_config_set(config, "tls_insecure_no_verification", "true", &error));
    for (int i = 0; i < 2; i++) {
        OK(rpyc_config_set(config, "connect_timeout", i ? "60" : "0.2", &error));
        const rpyc_status status = rpyc_connect_start(address, NULL, config, &connecting, &error);
        if (status == RPYC_ERR_UNSUPPORTED) { /* built without TLS */
            rpyc_error_free(error);
            error = NULL;
            break;
        }
        OK(status);
        if (i == 0) {
            GIVES(RPYC_ERR_TIMEOUT, drive(connecting, -1, &connection));
        } else {
            /* It is given up in the middle. */
            do {
                OK(rpyc_connecting_process(connecting, &connection, &error));
                CHECK(connection == NULL);
                struct pollfd wait = {.fd = rpyc_connecting_fileno(connecting), .events = POLLOUT};
                poll(&wait, 1, 10000);
            } while (rpyc_connecting_interest(connecting) != RPYC_WAIT_READ);
        }
        rpyc_connecting_free(connecting);
    }
    rpyc_config_free(config);
    close(fd);
    CHECK(descriptors() == before);
}

/* A server of another program. */
static void other(int count, char **args)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connecting *connecting = NULL;
    rpyc_connection *connection = NULL;
    int ends[2];

    CHECK(pipe(ends) == 0);
    for (int i = 2; i + 1 < count; i += 2)
        OK(rpyc_config_set(config, args[i], args[i + 1], &error));
    OK(rpyc_connect_start(args[1], NULL, config, &connecting, &error));
    rpyc_config_free(config);
    if (rpyc_connecting_needs_resolve(connecting)) {
        pthread_t thread;

        CHECK(pthread_create(&thread, NULL, resolve, rpyc_connecting_clone(connecting)) == 0);
        pthread_join(thread, NULL);
        CHECK(write(ends[1], "", 1) == 1);
    }
    GIVES(RPYC_OK, drive(connecting, ends[0], &connection));
    rpyc_connecting_free(connecting);
    if (connection)
        use(connection, NULL, 0);
    close(ends[0]);
    close(ends[1]);
}

int main(int count, char **args)
{
    if (count > 1) {
        other(count, args);
    } else {
        reached();
        refused();
        late();
        silent();
    }
    return finish();
}
