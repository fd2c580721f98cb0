/* deadlines: between two peers of the native dialect, a served call sees how long its caller still waits: synchronous,
 * asynchronous, deferred, queued, and in sessions.
 * deadlines python ADDRESS 5|6: a stock server hears nothing of it, whatever is asked.
 * deadlines serve ADDRESS: serves until SIGTERM; left() gives what a call sees, -1 for stock clients. */
#define _POSIX_C_SOURCE 200809L
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "check.h"

#define HOUR 3600000

static void nap(void)
{
    nanosleep(&(struct timespec){0, 2000000}, NULL);
}

static rpyc_config *configured(const char *native, const char *seconds, const char *dialect)
{
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "native", native, &error));
    OK(rpyc_config_set(config, "dialect", dialect, &error));
    OK(rpyc_config_set(config, "compress", "false", &error));
    OK(rpyc_config_set(config, "sync_request_timeout", seconds, &error));
    return config;
}

/* ---------------------------------------------------------------- service */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static rpyc_call *deferred;
static int gave_up, caller_gave_up, noted;

static void left(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, rpyc_call_time_left(call));
}

/* Works until nobody waits any more. */
static void work(rpyc_call *call, void *self)
{
    (void)self;
    while (!rpyc_call_cancelled(call))
        nap();
    CHECK(rpyc_call_time_left(call) == 0);
    /* An answer that came first would still be taken. */
    while (!__atomic_load_n(&caller_gave_up, __ATOMIC_SEQ_CST))
        nap();
    rpyc_call_return_int(call, 1);
    __atomic_add_fetch(&gave_up, 1, __ATOMIC_SEQ_CST);
}

static void later(rpyc_call *call, void *self)
{
    (void)self;
    pthread_mutex_lock(&lock);
    deferred = rpyc_call_defer(call);
    CHECK(deferred != NULL && rpyc_call_time_left(call) == 0); /* the lent handle is none any more */
    pthread_mutex_unlock(&lock);
}

static void note(rpyc_call *call, void *self)
{
    (void)self;
    noted++;
    rpyc_call_return_int(call, rpyc_call_time_left(call));
}

static rpyc_class *new_service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_left", left, "left()", NULL, RPYC_METHOD_QUICK},
        {"exposed_work", work, "work()", NULL, 0},
        {"exposed_later", later, "later()", NULL, 0},
        {"exposed_note", note, "note()", NULL, 0},
    };
    static const rpyc_property properties[] = {{"exposed_limit", left, NULL, NULL, NULL}};
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "DeadlineService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .property_size = sizeof(rpyc_property),
        .properties = properties,
        .property_count = 1,
    };
    rpyc_class *service = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    return service;
}

static int64_t to_int(rpyc_value *value)
{
    int64_t number = -999;

    OK(rpyc_value_get_int(value, &number, &error));
    rpyc_value_free(value);
    return number;
}

/* ---------------------------------------------------------------- two connections */

static rpyc_connection *client, *server;
static rpyc_object *root;

static void open_pair(const char *ours, const char *theirs, rpyc_serving **serving, rpyc_queue *queue)
{
    rpyc_transport *left_end = NULL, *right_end = NULL;
    rpyc_config *config = configured(ours, "3600", "6"), *other = configured(theirs, "30", "6");
    rpyc_class *service = new_service();
    int fds[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    OK(rpyc_transport_new_fd(fds[0], fds[0], 1, &left_end, &error));
    OK(rpyc_transport_new_fd(fds[1], fds[1], 1, &right_end, &error));
    OK(rpyc_connection_new(left_end, NULL, config, &client, &error));
    OK(rpyc_connection_new(right_end, service, other, &server, &error));
    if (queue != NULL)
        OK(rpyc_connection_set_queue(server, queue, &error));
    OK(rpyc_connection_serve_background(server, 1, 0, serving, &error));
    OK(rpyc_connection_root(client, &root, &error));
    rpyc_class_free(service);
    rpyc_config_free(config);
    rpyc_config_free(other);
}

static void close_pair(rpyc_serving *serving)
{
    rpyc_object_free(root);
    OK(rpyc_connection_close(client, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    rpyc_connection_free(client);
    rpyc_connection_free(server);
}

static int64_t call(const char *name)
{
    rpyc_value *result = NULL;

    OK(rpyc_object_call_method(root, name, NULL, 0, NULL, &result, &error));
    return to_int(result);
}

static rpyc_async_result *start(const char *name, int64_t timeout_ms)
{
    rpyc_async_result *result = NULL;

    OK(rpyc_object_call_method_async(root, name, NULL, 0, NULL, timeout_ms, &result, &error));
    return result;
}

static int64_t value_of(rpyc_async_result *result)
{
    rpyc_value *value = NULL;

    OK(rpyc_async_result_value(result, &value, &error));
    rpyc_async_result_free(result);
    return to_int(value);
}

/* Less than an hour, but not much less: a minute is for a machine that is busy with other things. */
static int about_an_hour(int64_t milliseconds)
{
    return milliseconds > HOUR - 60000 && milliseconds <= HOUR;
}

static void calls(void)
{
    rpyc_serving *serving = NULL;
    rpyc_value *value = NULL;
    int64_t limited;
    size_t limit;

    open_pair("on", "accept", &serving, NULL);
    CHECK(rpyc_connection_is_native(client));
    for (int i = 0; i < 3; i++) /* not known at first, and then known */
        CHECK(about_an_hour(call("left")));
    OK(rpyc_object_get_attr(root, "limit", &value, &error));
    CHECK(about_an_hour(to_int(value)));
    limit = rpyc_timeout_begin(60000);
    limited = call("left");
    CHECK(limited > 0 && limited <= 60000);
    rpyc_timeout_end(limit);
    OK(rpyc_connection_set_option(client, "sync_request_timeout", "none", &error));
    CHECK(call("left") == -1);
    CHECK(value_of(start("left", -1)) == -1);
    CHECK(about_an_hour(value_of(start("left", HOUR))));
    CHECK(value_of(start("left", INT64_MAX)) == -1); /* as good as for ever */

    /* A call that looks whether anybody waits ends by itself. */
    OK(rpyc_connection_set_option(client, "sync_request_timeout", "0.05", &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_call_method(root, "work", NULL, 0, NULL, &value, &error));
    __atomic_store_n(&caller_gave_up, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&gave_up, __ATOMIC_SEQ_CST))
        nap();
    OK(rpyc_connection_set_option(client, "sync_request_timeout", "3600", &error));
    CHECK(about_an_hour(call("left")));
    close_pair(serving);
}

/* Looks at a deferred call, and answers it. */
static void *answer(void *late)
{
    rpyc_call *mine = NULL;

    while (mine == NULL) {
        nap();
        pthread_mutex_lock(&lock);
        mine = deferred;
        deferred = NULL;
        pthread_mutex_unlock(&lock);
    }
    if (late != NULL) {
        while (rpyc_call_time_left(mine) != 0)
            nap();
        CHECK(rpyc_call_cancelled(mine));
    } else {
        CHECK(about_an_hour(rpyc_call_time_left(mine)) && !rpyc_call_cancelled(mine));
    }
    OK(rpyc_call_return_int(mine, 7)); /* the connection lives: it is dropped at the other side if it is late */
    rpyc_call_free(mine);
    return NULL;
}

static void deferred_calls(void)
{
    rpyc_serving *serving = NULL;
    rpyc_async_result *result;
    pthread_t thread;
    int late = 1;

    open_pair("accept", "on", &serving, NULL);
    CHECK(!rpyc_connection_is_native(client)); /* the server has asked nothing yet */
    CHECK(call("left") == -1);
    close_pair(serving);
    open_pair("on", "on", &serving, NULL);
    CHECK(pthread_create(&thread, NULL, answer, NULL) == 0);
    result = start("later", HOUR);
    CHECK(value_of(result) == 7);
    pthread_join(thread, NULL);
    CHECK(pthread_create(&thread, NULL, answer, &late) == 0);
    result = start("later", 30);
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_wait(result, &error));
    rpyc_async_result_free(result);
    pthread_join(thread, NULL);
    CHECK(about_an_hour(call("left")));
    close_pair(serving);
}

/* ---------------------------------------------------------------- sessions */

static rpyc_session *asking;
static rpyc_decoder *decoder;
static char decoded[4096]; /* what it has sent, a line for each message */

static void read_along(const void *data, size_t length)
{
    rpyc_decoded message = {.struct_size = sizeof message};
    bool found = false;

    rpyc_decoder_feed(decoder, data, length);
    while (rpyc_decoder_next(decoder, &message, &found) == RPYC_OK && found) {
        CHECK(message.fault[0] == 0);
        strncat(decoded, message.text, 200);
        strcat(decoded, "\n");
    }
}

/* Sends what waits, and takes events until there is a reply, whose outcome it gives. */
static rpyc_status await_reply(int fd, uint64_t token, rpyc_value **value, rpyc_error **why)
{
    for (;;) {
        rpyc_session_event event = {.struct_size = sizeof event};
        const void *data = NULL;
        char buffer[4096];
        size_t length = 0;
        ssize_t got;

        OK(rpyc_session_outgoing(asking, &data, &length));
        if (length > 0) {
            CHECK(write(fd, data, length) == (ssize_t)length);
            read_along(data, length);
            OK(rpyc_session_sent(asking, length));
            continue;
        }
        OK(rpyc_session_next_event(asking, &event, &error));
        if (event.kind == RPYC_EVENT_REPLY) {
            CHECK(event.token == token && event.time_left_ms == -1);
            *value = event.value;
            *why = event.error;
            return event.error == NULL ? RPYC_OK : rpyc_error_status(event.error);
        }
        CHECK(event.kind == RPYC_EVENT_NONE);
        got = read(fd, buffer, sizeof buffer);
        CHECK(got > 0);
        if (got <= 0)
            exit(finish());
        OK(rpyc_session_feed(asking, buffer, (size_t)got, &error));
    }
}

static rpyc_value *asked(int fd, int32_t handler, rpyc_object *object, const char *name, int64_t deadline_ms)
{
    rpyc_value *value = NULL;
    rpyc_error *why = NULL;

    OK(rpyc_session_ask(asking, 5, handler, object, name, RPYC_NUL_TERMINATED, NULL, 0, NULL, deadline_ms, NULL,
                        &error));
    CHECK(await_reply(fd, 5, &value, &why) == RPYC_OK);
    rpyc_error_free(why);
    return value;
}

static rpyc_object *open_session(int fd, const char *dialect)
{
    rpyc_config *config = configured("on", "30", dialect);
    rpyc_value *value;
    rpyc_object *object = NULL;

    decoder = rpyc_decoder_new();
    decoded[0] = 0;
    OK(rpyc_session_new(config, 0, &asking, &error));
    value = asked(fd, RPYC_HANDLE_GETROOT, NULL, NULL, -1);
    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    rpyc_config_free(config);
    return object;
}

static void close_session(rpyc_object *object, int fd)
{
    rpyc_object_free(object);
    rpyc_session_free(asking);
    rpyc_decoder_free(decoder);
    close(fd);
}

/* The host's clock is told; without that nothing of a deadline is sent. */
static void queued(void)
{
    rpyc_transport *end = NULL;
    rpyc_config *config = configured("accept", "30", "6");
    rpyc_class *service = new_service();
    rpyc_serving *serving = NULL;
    rpyc_queue *queue = NULL;
    rpyc_connection *queued_to = NULL;
    rpyc_object *object;
    rpyc_value *value = NULL;
    rpyc_error *why = NULL;
    size_t ran = 9;
    int fds[2];

    OK(rpyc_queue_new(10, &queue, &error));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    OK(rpyc_transport_new_fd(fds[1], fds[1], 1, &end, &error));
    OK(rpyc_connection_new(end, service, config, &queued_to, &error));
    OK(rpyc_connection_serve_background(queued_to, 1, 0, &serving, &error));
    object = open_session(fds[0], "6");
    /* Nobody has said what time it is. */
    CHECK(to_int(asked(fds[0], RPYC_HANDLE_CALLATTR, object, "note", 5000)) == -1);
    CHECK(strstr(decoded, "within") == NULL);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_set_time(asking, -1));
    OK(rpyc_session_set_time(asking, 1000));
    OK(rpyc_session_set_time(asking, 500)); /* time does not go back */
    CHECK(about_an_hour(to_int(asked(fds[0], RPYC_HANDLE_CALLATTR, object, "note", 1000 + HOUR))));
    CHECK(strstr(decoded, "CALLATTR within 3600000 ms your librpyc.DeadlineService#") != NULL);
    CHECK(to_int(asked(fds[0], RPYC_HANDLE_CALLATTR, object, "note", -1)) == -1);
    CHECK(to_int(asked(fds[0], RPYC_HANDLE_CALLATTR, object, "note", 300)) == 0); /* past, and run all the same */
    CHECK(noted == 4);
    OK(rpyc_session_expire(asking, 2000, NULL)); /* says the time too */
    decoded[0] = 0;
    CHECK(to_int(asked(fds[0], RPYC_HANDLE_CALLATTR, object, "note", HOUR)) <= HOUR - 2000);
    CHECK(strstr(decoded, "within 3598000 ms") != NULL && noted == 5);

    /* In a queue: one whose time is up is not run. Its caller's clock stands, so that the answer is seen. */
    OK(rpyc_connection_set_queue(queued_to, queue, &error));
    OK(rpyc_session_ask(asking, 6, RPYC_HANDLE_CALLATTR, object, "note", RPYC_NUL_TERMINATED, NULL, 0, NULL, 2020, NULL,
                        &error));
    OK(rpyc_session_ask(asking, 7, RPYC_HANDLE_CALLATTR, object, "note", RPYC_NUL_TERMINATED, NULL, 0, NULL, HOUR, NULL,
                        &error));
    {
        const void *data = NULL;
        size_t length = 0;

        OK(rpyc_session_outgoing(asking, &data, &length));
        CHECK(write(fds[0], data, length) == (ssize_t)length);
        OK(rpyc_session_sent(asking, length));
    }
    while (rpyc_queue_length(queue) != 2)
        nap();
    for (int i = 0; i < 30; i++)
        nap(); /* 20 ms and more */
    OK(rpyc_queue_run(queue, 0, 0, &ran, &error));
    CHECK(ran == 1 && noted == 6);
    CHECK(await_reply(fds[0], 6, &value, &why) == RPYC_ERR_REMOTE);
    CHECK(rpyc_error_is(why, "TimeoutError") &&
          strstr(rpyc_error_message(why), "expired before the call was run") != NULL);
    rpyc_error_free(why);
    CHECK(await_reply(fds[0], 7, &value, &why) == RPYC_OK);
    CHECK(to_int(value) > 0);
    close_session(object, fds[0]);
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    rpyc_connection_free(queued_to);
    rpyc_queue_free(queue);
    rpyc_class_free(service);
    rpyc_config_free(config);
}

/* A connection asks a session. */
static void asked_of_a_session(void)
{
    const rpyc_session_member members[] = {{1, "exposed_left", "left()", NULL, RPYC_MEMBER_METHOD, 0, NULL}};
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .member_size = sizeof *members,
                                      .name = "Bare",
                                      .members = members,
                                      .member_count = 1};
    rpyc_config *config = configured("on", "3600", "6"), *other = configured("accept", "30", "6");
    rpyc_session *session = NULL;
    rpyc_class *klass = NULL;
    rpyc_transport *end = NULL;
    rpyc_connection *connection = NULL;
    rpyc_async_result *result = NULL;
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;
    int fds[2], step = 0;

    OK(rpyc_session_new(other, 0, &session, &error));
    OK(rpyc_session_class_new(NULL, 0, &table, &klass, &error));
    OK(rpyc_session_set_root(session, klass, 9, &error));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    OK(rpyc_transport_new_fd(fds[1], fds[1], 1, &end, &error));
    OK(rpyc_connection_new(end, NULL, config, &connection, &error));
    OK(rpyc_connection_async_request(connection, RPYC_HANDLE_GETROOT, NULL, 0, -1, &result, &error));
    while (step < 4) {
        rpyc_session_event event = {.struct_size = sizeof event};
        const void *data = NULL;
        char buffer[4096];
        size_t length = 0;

        OK(rpyc_session_outgoing(session, &data, &length));
        if (length > 0) {
            CHECK(write(fds[0], data, length) == (ssize_t)length);
            OK(rpyc_session_sent(session, length));
        }
        if (rpyc_async_result_ready(result)) {
            static const int64_t timeouts[] = {HOUR, -1, 1};

            OK(rpyc_async_result_value(result, &value, &error));
            rpyc_async_result_free(result);
            result = NULL;
            if (step == 0)
                OK(rpyc_value_get_object(value, &object, &error));
            rpyc_value_free(value);
            if (step < 2)
                OK(rpyc_object_call_method_async(object, "left", NULL, 0, NULL, timeouts[step], &result, &error));
            else
                step = 4;
            step++;
            continue;
        }
        OK(rpyc_session_next_event(session, &event, &error));
        if (event.kind == RPYC_EVENT_REQUEST) {
            int64_t now = rpyc_call_time_left(event.call);

            if (step == 1) {
                CHECK(about_an_hour(event.time_left_ms) && about_an_hour(now) && now <= event.time_left_ms);
                CHECK(!rpyc_call_cancelled(event.call));
            } else {
                CHECK(event.time_left_ms == -1 && now == -1);
            }
            OK(rpyc_call_return_int(event.call, 1));
            rpyc_call_free(event.call);
        } else {
            struct pollfd readable = {fds[0], POLLIN, 0};

            CHECK(event.kind == RPYC_EVENT_NONE);
            if (poll(&readable, 1, 1) == 1) {
                ssize_t got = read(fds[0], buffer, sizeof buffer);

                CHECK(got > 0);
                OK(rpyc_session_feed(session, buffer, got > 0 ? (size_t)got : 0, &error));
            }
        }
    }
    rpyc_object_free(object);
    rpyc_session_free(session);
    close(fds[0]);
    rpyc_connection_free(connection);
    rpyc_class_free(klass);
    rpyc_config_free(config);
    rpyc_config_free(other);
}

/* ---------------------------------------------------------------- stock peers */

static int connected(const char *address)
{
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char host[100] = "";
    int fd = -1;

    strncat(host, address + strlen("tcp://"), sizeof host - 1);
    char *colon = strrchr(host, ':');
    CHECK(colon != NULL);
    *colon = 0;
    CHECK(getaddrinfo(host, colon + 1, &hints, &found) == 0);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect(fd, found->ai_addr, found->ai_addrlen) == 0);
    freeaddrinfo(found);
    return fd;
}

static int64_t seen = -999;

static void look(rpyc_call *call, void *self)
{
    (void)self;
    seen = rpyc_call_time_left(call);
    rpyc_call_return_int(call, 3);
}

static int with_python(const char *address, const char *dialect)
{
    rpyc_config *config = configured("on", "3600", dialect);
    rpyc_connection *connection = NULL;
    rpyc_object *function = NULL, *object;
    rpyc_value *args[2] = {NULL}, *result = NULL;
    int fd;

    OK(rpyc_connect(address, NULL, config, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    CHECK(!rpyc_connection_is_native(connection));
    args[0] = rpyc_value_new_int(40);
    args[1] = rpyc_value_new_int(2);
    OK(rpyc_object_call_method(root, "add", args, 2, NULL, &result, &error));
    CHECK(to_int(result) == 42);
    OK(rpyc_function_new("look", look, NULL, NULL, 0, NULL, NULL, &function, &error));
    OK(rpyc_value_new_object(function, &args[0], &error));
    OK(rpyc_object_call_method(root, "call", args, 1, NULL, &result, &error));
    CHECK(to_int(result) == 3 && seen == -1);
    rpyc_object_free(function);
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
    rpyc_config_free(config);

    /* All that a session says to it is what any peer would say. */
    fd = connected(address);
    object = open_session(fd, dialect);
    OK(rpyc_session_set_time(asking, 1));
    result = asked(fd, RPYC_HANDLE_CALLATTR, object, "nothing", HOUR);
    rpyc_value_free(result);
    result = asked(fd, RPYC_HANDLE_REPR, object, NULL, HOUR);
    rpyc_value_free(result);
    CHECK(strstr(decoded, "PING") != NULL && strstr(decoded, "\nCALLATTR your ") != NULL);
    CHECK(strstr(decoded, "\nREPR your ") != NULL && strstr(decoded, "within") == NULL);
    close_session(object, fd);
    return finish();
}

static int serve(const char *address)
{
    rpyc_config *config = configured("on", "30", "auto");
    rpyc_class *service = new_service();
    rpyc_server *listening = NULL;
    sigset_t stop;
    int received;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    OK(rpyc_server_new(address, service, config, &listening, &error));
    printf("listening %s\n", rpyc_server_address(listening));
    fflush(stdout);
    OK(rpyc_server_start(listening, &error));
    sigwait(&stop, &received);
    OK(rpyc_server_stop(listening, 1000, &error));
    OK(rpyc_server_join(listening, &error));
    rpyc_server_free(listening);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "serve"))
        return serve(argv[2]);
    if (argc == 4 && !strcmp(argv[1], "python"))
        return with_python(argv[2], argv[3]);
    CHECK(rpyc_call_time_left(NULL) == 0);
    calls();
    deferred_calls();
    queued();
    asked_of_a_session();
    return finish();
}
