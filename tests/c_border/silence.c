/* Peers that fall silent. Without arguments: a session with a clock of its own. As a server for tests/run/silence.py:
 *
 *     silence threads ADDRESS [OPTION=TEXT...]    rpyc_server, until standard input ends
 *     silence one ADDRESS [OPTION=TEXT...]        one connection of rpyc_server_serve_one, whose end is printed
 *     silence own ADDRESS [OPTION=TEXT...]        one connection over a socket that the program accepted, rpyc_connection_serve_all
 *     silence loop ADDRESS [OPTION=TEXT...]       the same in an event loop
 *
 * "listening ADDRESS" and what the log says are printed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "peers.h"

static void line(const char *what, const char *text)
{
    printf("%s %s\n", what, text);
    fflush(stdout);
}

static void on_log(int32_t level, const char *message, size_t length, void *userdata)
{
    (void)level, (void)length, (void)userdata;
    line("log", message);
}

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection, (void)userdata;
    return malloc(1);
}

static void destroy(void *instance)
{
    free(instance);
    line("instance", "is freed");
}

static void on_disconnect(rpyc_connection *connection, void *instance)
{
    (void)connection, (void)instance;
    line("peer", "is gone");
}

static void pause_ms(int64_t milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static void slow(rpyc_call *call, void *self)
{
    int64_t milliseconds;

    (void)self;
    if (rpyc_call_get_int(call, 0, &milliseconds))
        return;
    pause_ms(milliseconds);
    rpyc_call_return_int(call, milliseconds);
}

/* Runs on after its peer has gone: tells what it sees then, and ends when a file is there. */
static void stubborn(rpyc_call *call, void *self)
{
    const char *text;
    char path[200];
    size_t length;
    rpyc_object *function = NULL;
    rpyc_value *answer = NULL;

    (void)self;
    if (rpyc_call_get_str(call, 0, &text, &length) || rpyc_call_get_object(call, 1, &function))
        return;
    snprintf(path, sizeof path, "%.*s", (int)length, text);
    line("handler", "runs");
    while (!rpyc_call_cancelled(call))
        pause_ms(10);
    line("handler", "is cancelled");
    line("asking gives", rpyc_status_name(rpyc_object_call(function, NULL, 0, NULL, &answer, NULL)));
    while (access(path, F_OK))
        pause_ms(10);
    rpyc_object_free(function);
    line("returning gives", rpyc_status_name(rpyc_call_return_int(call, 1)));
}

static void call_back(rpyc_call *call, void *self)
{
    rpyc_object *function = NULL;
    rpyc_value *answer = NULL;
    rpyc_error *why = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &function))
        return;
    if (rpyc_object_call(function, NULL, 0, NULL, &answer, &why))
        rpyc_call_raise_error(call, why);
    else
        rpyc_call_return(call, answer);
    rpyc_object_free(function);
}

static rpyc_class *service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_echo", peers_echo, "echo(value)", NULL, 0},
        {"exposed_slow", slow, "slow(milliseconds)", NULL, 0},
        {"exposed_stubborn", stubborn, "stubborn(path, function)", NULL, 0},
        {"exposed_call_back", call_back, "call_back(function)", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "SilenceService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .create = create,
        .destroy = destroy,
        .on_disconnect = on_disconnect,
    };
    rpyc_class *class_out = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &class_out, &error));
    return class_out;
}

static rpyc_config *options(char **given)
{
    rpyc_config *config = rpyc_config_new();

    for (; *given; ++given) {
        char *text = strchr(*given, '=');

        *text = '\0';
        OK(rpyc_config_set(config, *given, text + 1, &error));
        *text = '=';
    }
    return config;
}

static int threads(const char *address, rpyc_class *root, rpyc_config *config, int one)
{
    rpyc_server *server = NULL;
    rpyc_status status;
    char order[100];

    OK(rpyc_server_new(address, root, config, &server, &error));
    if (!server)
        return EXIT_FAILURE;
    line("listening", rpyc_server_address(server));
    if (one) {
        status = rpyc_server_serve_one(server, NULL);
        line("ended", rpyc_status_name(status));
    } else {
        OK(rpyc_server_start(server, &error));
        while (fgets(order, sizeof order, stdin)) {
            printf("connections %zu\n", rpyc_server_connection_count(server));
            fflush(stdout);
        }
        OK(rpyc_server_stop(server, 0, &error));
        OK(rpyc_server_join(server, &error));
    }
    rpyc_server_free(server);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* A connection over a socket that this program accepts by itself. */
static rpyc_connection *accept_one(rpyc_class *root, rpyc_config *config)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;
    char address[60];

    if (bind(listener, (struct sockaddr *)&name, sizeof name) || listen(listener, 5) ||
        getsockname(listener, (struct sockaddr *)&name, &length))
        return NULL;
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", ntohs(name.sin_port));
    line("listening", address);
    fd = accept(listener, NULL, NULL);
    close(listener);
    OK(rpyc_transport_new_fd(fd, fd, 1, &transport, &error));
    OK(rpyc_connection_new(transport, root, config, &connection, &error));
    return connection;
}

static rpyc_status drive(rpyc_connection *connection)
{
    rpyc_status status = rpyc_connection_set_nonblocking(connection, 1, NULL);

    while (!status) {
        int interest = rpyc_connection_interest(connection);
        int64_t wait = rpyc_connection_next_deadline(connection);
        struct pollfd fds[2] = {{rpyc_connection_fileno(connection), 0, 0},
                                {rpyc_connection_wake_fileno(connection), POLLIN, 0}};

        if (interest & RPYC_WAIT_READ)
            fds[0].events |= POLLIN;
        if (interest & RPYC_WAIT_WRITE)
            fds[0].events |= POLLOUT;
        poll(fds, 2, wait < 0 ? -1 : (int)wait);
        status = rpyc_connection_process(connection, NULL, NULL);
    }
    return status;
}

/* ---- A session, and a clock that shows what this program says */

static void feed(rpyc_session *session, const void *bytes, size_t length)
{
    OK(rpyc_session_feed(session, bytes, length, &error));
}

static int ended(rpyc_session *session, rpyc_status *why)
{
    rpyc_session_event event = {.struct_size = sizeof event};
    int closed = 0;

    while (!closed && !rpyc_session_next_event(session, &event, NULL) && event.kind != RPYC_EVENT_NONE) {
        closed = event.kind == RPYC_EVENT_CLOSED;
        *why = rpyc_error_status(event.error);
        rpyc_value_free(event.value);
        rpyc_error_free(event.error);
    }
    return closed;
}

static int closed_at(rpyc_session *session, int64_t now, rpyc_status *why)
{
    OK(rpyc_session_expire(session, now, NULL));
    return ended(session, why);
}

static rpyc_session *session_with(const char *option, const char *text)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_session *session = NULL;

    if (option)
        OK(rpyc_config_set(config, option, text, &error));
    OK(rpyc_session_new(config, 0, &session, &error));
    rpyc_config_free(config);
    OK(rpyc_session_set_time(session, 1000000));
    return session;
}

/* A message beyond max_frame that is passed over, on the clock that looks at silence. The other one stands still. */
static void skipped(void)
{
    /* A PING with 100,000 bytes. */
    static const unsigned char head[] = {0,    1,    0x86, 0xaf, 0,    1,    0x11, 0x50, 0x11, 0x51,
                                         0x11, 0x52, 0x10, 0x11, 0x51, 0x0f, 0,    1,    0x86, 0xa0};
    static const char rest[2000];
    int64_t next = 0, now = 5000000;
    rpyc_status why = RPYC_OK;
    rpyc_session *session = session_with("max_frame", "50000");

    CHECK(rpyc_session_watch_silence(session, now, 0, &next) == RPYC_OK && next == -1);
    feed(session, head, sizeof head);
    feed(session, rest, sizeof rest);
    CHECK(ended(session, &why) == 0);
    CHECK(rpyc_session_watch_silence(session, now, 0, &next) == RPYC_OK && next == now + 30000);
    for (int n = 1; n < 30; n++) {
        feed(session, rest, 100); /* which is no progress */
        CHECK(rpyc_session_watch_silence(session, now + 1000 * n, 0, &next) == RPYC_OK && next == now + 30000);
        CHECK(ended(session, &why) == 0);
    }
    CHECK(rpyc_session_watch_silence(session, now + 30000, 1, &next) == RPYC_OK && next >= now + 30000);
    CHECK(ended(session, &why) == 1 && why == RPYC_ERR_LIMIT);
    rpyc_session_free(session);
}

static void sessions(void)
{
    static const char begun[] = {0, 0, 1, 0, 0, 1};
    rpyc_status why = RPYC_OK;
    int64_t next = 0;
    rpyc_session *session = session_with(NULL, NULL);

    CHECK(rpyc_session_next_deadline(session) == -1);
    CHECK(!closed_at(session, 900000000, &why));
    feed(session, begun, sizeof begun);
    CHECK(!closed_at(session, 900000000, &why));
    CHECK(rpyc_session_next_deadline(session) == 900010000);
    CHECK(!closed_at(session, 900009999, &why));
    CHECK(closed_at(session, 900010000, &why) && why == RPYC_ERR_LIMIT);
    CHECK(rpyc_session_next_deadline(session) == -1);
    CHECK(rpyc_session_expire(session, 900010001, NULL) == RPYC_OK);
    rpyc_session_free(session);

    session = session_with("first_message_timeout", "2.5");
    CHECK(rpyc_session_next_deadline(session) == 1002500);
    CHECK(!closed_at(session, 1002499, &why));
    CHECK(closed_at(session, 1002500, &why) && why == RPYC_ERR_LIMIT);
    rpyc_session_free(session);

    session = session_with("idle_timeout", "60");
    CHECK(rpyc_session_next_deadline(session) == 1060000);
    CHECK(closed_at(session, 1060000, &why) && why == RPYC_ERR_LIMIT);
    rpyc_session_free(session);

    /* Whoever tells no time has no limits, or asks for them. */
    session = NULL;
    OK(rpyc_session_new(NULL, 0, &session, &error));
    feed(session, begun, sizeof begun);
    CHECK(rpyc_session_next_deadline(session) == -1);
    CHECK(rpyc_session_watch_silence(session, -1, 0, &next) == RPYC_ERR_ARGUMENT);
    CHECK(rpyc_session_watch_silence(session, 5, 0, NULL) == RPYC_ERR_NULL);
    CHECK(rpyc_session_watch_silence(session, 5, 0, &next) == RPYC_OK && next == 10005);
    CHECK(rpyc_session_watch_silence(session, 10005, 0, &next) == RPYC_OK && next == 10005);
    CHECK(ended(session, &why) == 0);
    CHECK(rpyc_session_watch_silence(session, 10004, 1, &next) == RPYC_OK && ended(session, &why) == 0);
    CHECK(rpyc_session_watch_silence(session, 10005, 1, &next) == RPYC_OK && ended(session, &why) == 1);
    CHECK(why == RPYC_ERR_LIMIT);
    CHECK(rpyc_session_watch_silence(session, 10006, 1, &next) == RPYC_OK && next == -1);
    rpyc_session_free(session);
    skipped();
}

int main(int argc, char **argv)
{
    rpyc_class *root;
    rpyc_config *config;
    rpyc_connection *connection = NULL;
    rpyc_status status = RPYC_OK;

    if (argc == 1) {
        sessions();
        return finish();
    }
    if (argc < 3)
        return 2;
    rpyc_set_log_callback(RPYC_LOG_WARN, on_log, NULL, NULL, NULL);
    root = service();
    config = options(argv + 3);
    if (!strcmp(argv[1], "threads") || !strcmp(argv[1], "one"))
        status = threads(argv[2], root, config, !strcmp(argv[1], "one"));
    else if ((connection = accept_one(root, config)) != NULL) {
        status = !strcmp(argv[1], "loop") ? drive(connection) : rpyc_connection_serve_all(connection, NULL);
        line("ended", rpyc_status_name(status));
        rpyc_connection_free(connection);
        status = failures;
    }
    rpyc_class_free(root);
    rpyc_config_free(config);
    return (int)status;
}
