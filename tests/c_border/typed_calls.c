/* A service whose signatures have types: typed_calls MODE [TIMEOUT]. MODE: threads, pool (of two threads), queue (calls run in
 * the main thread), loop (one connection after the other, driven without waiting), session (the program does the I/O). Prints
 * "listening ADDRESS". */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "check.h"

static _Atomic int runs; /* of the methods below, but for runs itself */

/* Answers with the arguments, as they came here. */
static void echo(rpyc_call *call, void *self)
{
    size_t count = rpyc_call_arg_count(call);
    rpyc_value *items[8], *tuple = NULL;

    (void)self;
    runs++;
    for (size_t i = 0; i < count; i++)
        items[i] = rpyc_value_clone(rpyc_call_arg(call, i));
    OK(rpyc_value_new_tuple(items, count, &tuple, &error));
    rpyc_call_return(call, tuple);
}

/* What an accessor says of an argument that nobody converted. */
static void untyped(rpyc_call *call, void *self)
{
    double number;

    (void)self;
    if (!rpyc_call_get_float(call, 0, &number))
        rpyc_call_return_float(call, number);
}

static void count_runs(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, runs);
}

static void give_function(rpyc_call *call, void *self);

static const rpyc_method methods[] = {
    {"exposed_set", echo, "set(value: float, count: int = 1)", NULL, 0},
    {"exposed_all", echo, "all(i: int, f: float, b: bool, s: str, y: bytes)", NULL, 0},
    {"exposed_optional", echo, "optional(a: float | None, b: Optional[int] = None, c: 'str' = 5, d: \"bytes\" = None)",
     NULL, 0},
    {"exposed_rest", echo, "rest(*values: float, **named: int)", NULL, 0},
    {"exposed_other", echo, "other(value: numpy.ndarray, more: list[int], x: float | int)", NULL, 0},
    {"exposed_quick", echo, "quick(value: float)", NULL, RPYC_METHOD_QUICK},
    {"exposed_untyped", untyped, "untyped(value)", NULL, 0},
    {"exposed_function", give_function, "function()", NULL, 0},
    {"exposed_runs", count_runs, "runs()", NULL, 0},
};
enum { METHODS = sizeof methods / sizeof *methods };

static void give_function(rpyc_call *call, void *self)
{
    rpyc_object *function = NULL;

    (void)self;
    OK(rpyc_function_new("typed", echo, "typed(value: float)", NULL, 0, NULL, NULL, &function, &error));
    rpyc_call_return_object(call, function);
    rpyc_object_free(function);
}

static rpyc_class *service_class(void)
{
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "TypedService",
        .methods = methods,
        .method_count = METHODS,
    };
    rpyc_class *class_ = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &class_, &error));
    return class_;
}

static int listener(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&name, sizeof name) || listen(fd, 4) ||
        getsockname(fd, (struct sockaddr *)&name, &length))
        exit(3);
    printf("listening tcp://127.0.0.1:%d\n", ntohs(name.sin_port));
    fflush(stdout);
    return fd;
}

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void serve_loop(int fd, const rpyc_class *service, const rpyc_config *config)
{
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;

    OK(rpyc_transport_new_fd(fd, fd, 1, &transport, &error));
    OK(rpyc_connection_new(transport, service, config, &connection, &error));
    OK(rpyc_connection_set_nonblocking(connection, true, &error));
    while (!rpyc_connection_closed(connection)) {
        int32_t interest = rpyc_connection_interest(connection);
        struct pollfd ready[2] = {
            {.fd = rpyc_connection_fileno(connection),
             .events = (short)((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0))},
            {.fd = rpyc_connection_wake_fileno(connection), .events = POLLIN}};
        int64_t wait = rpyc_connection_next_deadline(connection);

        poll(ready, 2, wait < 0 || wait > 60000 ? 60000 : (int)wait);
        rpyc_connection_process(connection, NULL, NULL);
    }
    rpyc_connection_free(connection);
}

static void serve_session(int fd, const rpyc_class *service, const rpyc_config *config)
{
    rpyc_session *session = NULL;
    char buffer[65536];
    int64_t start = now_ms();

    OK(rpyc_session_new(config, 0, &session, &error));
    OK(rpyc_session_set_root(session, service, 1, &error));
    OK(rpyc_session_set_time(session, 0));
    for (;;) {
        rpyc_session_event event = {.struct_size = sizeof event};
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int64_t deadline;
        size_t taken = 0;
        ssize_t got;

        if (rpyc_session_next_event(session, &event, NULL) != RPYC_OK)
            break;
        if (event.kind == RPYC_EVENT_REQUEST) {
            if (event.member < METHODS)
                methods[event.member].call(event.call, NULL);
            else
                echo(event.call, NULL);
            rpyc_call_free(event.call);
        }
        rpyc_value_free(event.value);
        rpyc_error_free(event.error);
        while (rpyc_session_take(session, buffer, sizeof buffer, &taken) == RPYC_OK && taken > 0)
            for (size_t at = 0; at < taken;) {
                ssize_t sent = send(fd, buffer + at, taken - at, MSG_NOSIGNAL);
                if (sent <= 0)
                    break;
                at += (size_t)sent;
            }
        if (event.kind != RPYC_EVENT_NONE)
            continue;
        deadline = rpyc_session_next_deadline(session);
        deadline = deadline < 0 ? 60000 : deadline - (now_ms() - start);
        poll(&ready, 1, deadline < 0 ? 0 : deadline > 60000 ? 60000 : (int)deadline);
        OK(rpyc_session_expire(session, now_ms() - start, NULL));
        if (!(ready.revents & (POLLIN | POLLHUP | POLLERR)))
            continue;
        got = recv(fd, buffer, sizeof buffer, 0);
        if (got > 0)
            rpyc_session_feed(session, buffer, (size_t)got, NULL);
        else
            rpyc_session_end_of_stream(session);
    }
    rpyc_session_free(session);
    close(fd);
}

static rpyc_class *session_class(void)
{
    rpyc_session_member members[METHODS] = {{0}};
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .member_size = sizeof *members,
                                      .name = "TypedService",
                                      .members = members,
                                      .member_count = METHODS};
    rpyc_class *class_ = NULL;

    for (size_t i = 0; i < METHODS; i++)
        members[i] = (rpyc_session_member){
            .id = i, .name = methods[i].name, .signature = methods[i].signature, .kind = RPYC_MEMBER_METHOD};
    OK(rpyc_session_class_new(NULL, 0, &table, &class_, &error));
    return class_;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "threads";
    rpyc_config *config = rpyc_config_new();
    rpyc_server *server = NULL;
    rpyc_queue *queue = NULL;
    rpyc_class *service = strcmp(mode, "session") ? service_class() : session_class();

    if (argc > 2)
        OK(rpyc_config_set(config, "sync_request_timeout", argv[2], &error));
    if (argc > 3)
        OK(rpyc_config_set(config, "max_serving", argv[3], &error));
    if (!strcmp(mode, "pool"))
        OK(rpyc_config_set(config, "pool_threads", "2", &error));
    if (!strcmp(mode, "loop") || !strcmp(mode, "session")) {
        for (int fd = listener();;)
            (strcmp(mode, "loop") ? serve_session : serve_loop)(accept(fd, NULL, NULL), service, config);
    }
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, config, &server, &error));
    if (!strcmp(mode, "queue")) {
        OK(rpyc_queue_new(100, &queue, &error));
        OK(rpyc_server_set_queue(server, queue, &error));
    }
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    if (!queue) {
        OK(rpyc_server_serve(server, &error));
        return finish();
    }
    OK(rpyc_server_start(server, &error));
    for (;;)
        OK(rpyc_queue_run(queue, 0, -1, NULL, &error));
}
