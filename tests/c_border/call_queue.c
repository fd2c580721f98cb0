/* Queues of calls: what is queued, refused, too late, whose turn it is, and what the queue's thread runs while it waits. */
#define _DEFAULT_SOURCE
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "check.h"

struct side {
    rpyc_connection *client, *server;
    rpyc_serving *serving;
    rpyc_object *root;
};

static pthread_t owner;
static int elsewhere;
static char order[64]; /* who called, one letter a call */

static void note(rpyc_call *call, void *self)
{
    const char *name;
    size_t length;

    (void)self;
    elsewhere += !pthread_equal(pthread_self(), owner);
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    strncat(order, name, length);
    rpyc_call_return_int(call, (int64_t)strlen(order));
}

/* Calls its argument, whose answer is the answer. */
static void around(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;
    rpyc_value *answer = NULL;
    rpyc_error *why = NULL;

    (void)self;
    elsewhere += !pthread_equal(pthread_self(), owner);
    if (rpyc_call_get_object(call, 0, &func))
        return;
    if (rpyc_object_call(func, NULL, 0, NULL, &answer, &why))
        rpyc_call_raise_error(call, why);
    else
        rpyc_call_return(call, answer);
    rpyc_object_free(func);
}

#define BIG ((size_t)8 << 20)

/* More than goes at once. */
static void big(rpyc_call *call, void *self)
{
    char *bytes = calloc(1, BIG);
    rpyc_value *value = NULL;

    (void)self;
    rpyc_value_new_bytes(bytes, BIG, &value, NULL);
    rpyc_call_return(call, value);
    free(bytes);
}

static rpyc_class *queue_service(void)
{
    rpyc_class *service = NULL;
    static const rpyc_method methods[] = {
        {"exposed_note", note, "note(name)", NULL, 0},
        {"exposed_around", around, "around(func)", NULL, 0},
        {"exposed_big", big, "big()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "QueueService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    return service;
}

static rpyc_config *queue_config(void)
{
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_config_set(config, "compress", "false", &error));
    return config;
}

static void open_side(struct side *side, rpyc_queue *queue)
{
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_config *config = queue_config();
    rpyc_class *service = queue_service();
    int fds[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    OK(rpyc_transport_new_fd(fds[0], fds[0], 1, &left, &error));
    OK(rpyc_transport_new_fd(fds[1], fds[1], 1, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &side->client, &error));
    OK(rpyc_connection_new(right, service, config, &side->server, &error));
    OK(rpyc_connection_set_queue(side->server, queue, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connection_set_queue(side->server, queue, &error));
    OK(rpyc_connection_serve_background(side->server, 1, 0, &side->serving, &error));
    OK(rpyc_connection_root(side->client, &side->root, &error)); /* no call: it is not queued */
    rpyc_class_free(service);
    rpyc_config_free(config);
}

static void close_side(struct side *side)
{
    rpyc_object_free(side->root);
    OK(rpyc_connection_close(side->client, &error));
    OK(rpyc_serving_join(side->serving, &error));
    CHECK(!rpyc_serving_is_running(side->serving));
    rpyc_serving_free(side->serving);
    rpyc_connection_free(side->client);
    rpyc_connection_free(side->server);
}

static rpyc_async_result *ask(struct side *side, const char *name)
{
    rpyc_value *args[1] = {NULL};
    rpyc_async_result *result = NULL;

    OK(rpyc_value_new_str(name, RPYC_NUL_TERMINATED, &args[0], &error));
    OK(rpyc_object_call_method_async(side->root, "note", args, 1, NULL, 30000, &result, &error));
    return result;
}

/* Waits until so many calls are in the queue. */
static void await_length(rpyc_queue *queue, size_t length)
{
    int i;

    for (i = 0; i < 30000 && rpyc_queue_length(queue) != length; i++)
        usleep(1000);
    CHECK(rpyc_queue_length(queue) == length);
}

static int readable(rpyc_queue *queue)
{
    struct pollfd fd = {rpyc_queue_fileno(queue), POLLIN, 0};

    return poll(&fd, 1, 0) == 1;
}

/* The answer is there, or comes; it is an exception of this type, or none. */
static void expect_answer(rpyc_async_result *result, const char *type)
{
    rpyc_value *value = NULL;
    rpyc_error *why = NULL;
    rpyc_status status = rpyc_async_result_value(result, &value, &why);

    CHECK(status == (type ? RPYC_ERR_REMOTE : RPYC_OK));
    if (type)
        CHECK(strstr(rpyc_error_message(why), type) != NULL);
    rpyc_error_free(why);
    rpyc_value_free(value);
    rpyc_async_result_free(result);
}

static void limit_and_time(void)
{
    struct side side;
    rpyc_queue *queue = NULL, *other;
    rpyc_async_result *results[5];
    size_t ran = 9;
    int i;

    GIVES(RPYC_ERR_ARGUMENT, rpyc_queue_new(0, &queue, &error));
    CHECK(queue == NULL);
    OK(rpyc_queue_new(3, &queue, &error));
    open_side(&side, queue);
    CHECK(!readable(queue));
    OK(rpyc_queue_run(queue, 0, 0, &ran, &error));
    CHECK(ran == 0);
    OK(rpyc_queue_run(queue, 0, 20, &ran, &error)); /* waits in vain */
    CHECK(ran == 0);
    order[0] = 0;
    for (i = 0; i < 5; i++)
        results[i] = ask(&side, "a");
    /* The fourth and the fifth are refused at once. */
    expect_answer(results[3], "RuntimeError");
    expect_answer(results[4], "RuntimeError");
    CHECK(rpyc_queue_length(queue) == 3 && readable(queue) && order[0] == 0);
    OK(rpyc_queue_run(queue, 2, 0, &ran, &error));
    CHECK(ran == 2 && rpyc_queue_length(queue) == 1 && readable(queue));
    OK(rpyc_queue_run(queue, 2, -1, &ran, &error));
    CHECK(ran == 1 && rpyc_queue_length(queue) == 0 && !readable(queue));
    for (i = 0; i < 3; i++)
        expect_answer(results[i], NULL);
    CHECK(!strcmp(order, "aaa"));
    /* One that waits too long is not run. */
    OK(rpyc_queue_set_timeout(queue, 10, &error));
    results[0] = ask(&side, "late");
    await_length(queue, 1);
    usleep(50000);
    OK(rpyc_queue_run(queue, 0, 0, &ran, &error));
    CHECK(ran == 0 && !strcmp(order, "aaa"));
    expect_answer(results[0], "TimeoutError");
    OK(rpyc_queue_set_timeout(queue, -1, &error));
    /* The last handle ends it for those who wait and those who come. */
    results[0] = ask(&side, "never");
    await_length(queue, 1);
    other = rpyc_queue_clone(queue);
    rpyc_queue_free(queue);
    CHECK(rpyc_queue_length(other) == 1);
    rpyc_queue_free(other);
    expect_answer(results[0], "RuntimeError");
    expect_answer(ask(&side, "never"), "RuntimeError");
    CHECK(!strcmp(order, "aaa"));
    close_side(&side);
}

/* One connection cannot keep another waiting, and each has its order. */
static void fair_order(void)
{
    struct side one, other;
    rpyc_queue *queue = NULL;
    rpyc_async_result *results[6];
    size_t ran;
    int i;

    OK(rpyc_queue_new(100, &queue, &error));
    open_side(&one, queue);
    open_side(&other, queue);
    order[0] = 0;
    for (i = 0; i < 4; i++)
        results[i] = ask(&one, (const char *[]){"a", "b", "c", "d"}[i]);
    await_length(queue, 4);
    results[4] = ask(&other, "X");
    await_length(queue, 5);
    results[5] = ask(&other, "Y");
    await_length(queue, 6);
    OK(rpyc_queue_run(queue, 0, 0, &ran, &error));
    CHECK(ran == 6);
    CHECK(!strcmp(order, "aXbYcd"));
    for (i = 0; i < 6; i++)
        expect_answer(results[i], NULL);
    /* The calls of a connection that is gone are forgotten. */
    results[0] = ask(&one, "gone");
    results[1] = ask(&other, "Z");
    await_length(queue, 2);
    close_side(&one);
    CHECK(rpyc_queue_length(queue) == 1);
    OK(rpyc_queue_run(queue, 0, 0, &ran, &error));
    CHECK(ran == 1 && !strcmp(order, "aXbYcdZ"));
    CHECK(rpyc_async_result_wait(results[0], NULL) == RPYC_ERR_CLOSED);
    rpyc_async_result_free(results[0]);
    expect_answer(results[1], NULL);
    close_side(&other);
    CHECK(elsewhere == 0);
    rpyc_queue_free(queue);
}

static struct side nested;

static void call_back(rpyc_call *call, void *self)
{
    rpyc_value *args[1] = {NULL}, *answer = NULL;
    rpyc_error *why = NULL;

    (void)self;
    rpyc_value_new_str("n", RPYC_NUL_TERMINATED, &args[0], NULL);
    if (rpyc_object_call_method(nested.root, "note", args, 1, NULL, &answer, &why))
        rpyc_call_raise_error(call, why);
    else
        rpyc_call_return(call, answer);
}

static void *call_around(void *unused)
{
    rpyc_object *func = NULL;
    rpyc_value *args[1] = {NULL}, *answer = NULL;
    int i;

    (void)unused;
    for (i = 0; i < 50; i++) {
        if (rpyc_function_new("back", call_back, NULL, NULL, 0, NULL, NULL, &func, NULL) ||
            rpyc_value_new_object(func, &args[0], NULL) ||
            rpyc_object_call_method(nested.root, "around", args, 1, NULL, &answer, NULL))
            break;
        rpyc_value_free(answer);
        rpyc_object_free(func);
    }
    return (void *)(intptr_t)i;
}

/* While the queue's thread waits for the peer, it runs what that asks meanwhile. */
static void calls_within_calls(void)
{
    rpyc_queue *queue = NULL;
    pthread_t thread;
    void *rounds = NULL;
    size_t ran, sum = 0;

    OK(rpyc_queue_new(4, &queue, &error));
    open_side(&nested, queue);
    order[0] = 0;
    CHECK(pthread_create(&thread, NULL, call_around, NULL) == 0);
    while (sum < 50) {
        OK(rpyc_queue_run(queue, 0, 60000, &ran, &error));
        CHECK(ran > 0);
        if (ran == 0)
            break;
        sum += ran;
    }
    pthread_join(thread, &rounds);
    CHECK(rounds == (void *)(intptr_t)50);
    CHECK(strlen(order) == 50 && elsewhere == 0);
    close_side(&nested);
    rpyc_queue_free(queue);
}

/* A client that does not receive keeps no other waiting, and gets its answer when it does. */
static void one_does_not_receive(void)
{
    struct side deaf, other;
    rpyc_queue *queue = NULL;
    rpyc_async_result *result = NULL, *answer;
    rpyc_value *value = NULL;
    const uint8_t *bytes = NULL;
    size_t ran, length = 0;
    int i;

    OK(rpyc_queue_new(4, &queue, &error));
    open_side(&deaf, queue);
    open_side(&other, queue);
    order[0] = 0;
    OK(rpyc_object_call_method_async(deaf.root, "big", NULL, 0, NULL, 60000, &result, &error));
    await_length(queue, 1);
    OK(rpyc_queue_run(queue, 1, 0, &ran, &error)); /* the test's limit of time would notice if it waited */
    CHECK(ran == 1);
    for (i = 0; i < 3; i++) {
        answer = ask(&other, "o");
        OK(rpyc_queue_run(queue, 1, 60000, &ran, &error));
        CHECK(ran == 1);
        expect_answer(answer, NULL);
    }
    OK(rpyc_async_result_value(result, &value, &error));
    OK(rpyc_value_get_bytes(value, &bytes, &length, &error));
    CHECK(length == BIG && !strcmp(order, "ooo"));
    rpyc_value_free(value);
    rpyc_async_result_free(result);
    close_side(&deaf);
    close_side(&other);
    rpyc_queue_free(queue);
}

static void *run_without_limit(void *queue)
{
    size_t ran = 9;

    CHECK(rpyc_queue_run(queue, 0, -1, &ran, NULL) == RPYC_OK);
    CHECK(ran == 0);
    return NULL;
}

static void the_last_handle_ends_a_run(void)
{
    rpyc_queue *queue = NULL;
    pthread_t thread;

    OK(rpyc_queue_new(4, &queue, &error));
    CHECK(pthread_create(&thread, NULL, run_without_limit, queue) == 0);
    usleep(100000);
    rpyc_queue_free(queue);
    pthread_join(thread, NULL);
}

static void *stop_with_grace(void *server)
{
    CHECK(rpyc_server_stop(server, 60000, NULL) == RPYC_OK);
    return NULL;
}

/* A server that is stopped waits for calls that are in the queue, though other messages come meanwhile. */
static void a_stopped_server_answers(void)
{
    rpyc_config *config = queue_config();
    rpyc_class *service = queue_service();
    struct side side = {0};
    rpyc_server *server = NULL;
    rpyc_queue *queue = NULL;
    rpyc_async_result *answer;
    pthread_t thread;
    size_t ran;

    OK(rpyc_queue_new(4, &queue, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, config, &server, &error));
    OK(rpyc_server_set_queue(server, queue, &error));
    OK(rpyc_server_start(server, &error));
    OK(rpyc_connect(rpyc_server_address(server), NULL, config, &side.client, &error));
    OK(rpyc_connection_root(side.client, &side.root, &error));
    answer = ask(&side, "s");
    await_length(queue, 1);
    CHECK(pthread_create(&thread, NULL, stop_with_grace, server) == 0);
    usleep(200000);
    OK(rpyc_connection_ping(side.client, NULL, 0, 30000, &error));
    OK(rpyc_connection_ping(side.client, NULL, 0, 30000, &error));
    OK(rpyc_queue_run(queue, 1, 30000, &ran, &error));
    CHECK(ran == 1);
    expect_answer(answer, NULL);
    pthread_join(thread, NULL);
    OK(rpyc_server_join(server, &error));
    rpyc_object_free(side.root);
    rpyc_connection_free(side.client);
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    rpyc_queue_free(queue);
}

int main(void)
{
    alarm(80);
    owner = pthread_self();
    limit_and_time();
    fair_order();
    calls_within_calls();
    one_does_not_receive();
    the_last_handle_ends_a_run();
    a_stopped_server_answers();
    return finish();
}
