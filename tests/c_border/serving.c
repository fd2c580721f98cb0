/* Serving in the background and in several threads: stopping, joining, misuse, calls in order and calls that overlap. */
#define _DEFAULT_SOURCE
#include <sys/socket.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

static atomic_int inside, most_inside, met, waited_for;
static rpyc_serving *serving;
static char order[1000];
static atomic_size_t length;

static void enter(void)
{
    int now = atomic_fetch_add(&inside, 1) + 1, most = atomic_load(&most_inside);

    while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now))
        ;
}

/* In order, nobody is here beside it, and the letters come as they were sent. */
static void letter(rpyc_call *call, void *self)
{
    const char *text;
    size_t size;

    (void)self;
    enter();
    if (!rpyc_call_get_str(call, 0, &text, &size)) {
        usleep(200);
        order[atomic_fetch_add(&length, 1)] = text[0];
        rpyc_call_return(call, NULL);
    }
    atomic_fetch_sub(&inside, 1);
}

/* Returns when two of its kind are here at once. */
static void meet(rpyc_call *call, void *self)
{
    int i;

    (void)self;
    enter();
    atomic_fetch_add(&met, 1);
    for (i = 0; i < 30000 && atomic_load(&met) < 2; i++)
        usleep(1000);
    atomic_fetch_sub(&inside, 1);
    rpyc_call_return_int(call, atomic_load(&met));
}

/* In order: while it waits for its caller, the next call runs; and afterwards it is alone again. */
static void around(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;
    rpyc_value *answer = NULL;
    rpyc_error *why = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &func))
        return;
    enter();
    usleep(200);
    atomic_fetch_sub(&inside, 1);
    if (rpyc_object_call(func, NULL, 0, NULL, &answer, &why))
        rpyc_call_raise_error(call, why);
    else {
        enter();
        usleep(200);
        rpyc_call_return(call, answer);
        atomic_fetch_sub(&inside, 1);
    }
    rpyc_object_free(func);
}

/* Waits for its own threads. */
static void join_own(rpyc_call *call, void *self)
{
    rpyc_status status = rpyc_serving_join(serving, NULL);

    (void)self;
    atomic_fetch_add(&waited_for, 1);
    rpyc_call_return_int(call, status);
}

struct side {
    rpyc_connection *client, *server;
    rpyc_object *root;
};

static void open_side(struct side *side)
{
    static const rpyc_method methods[] = {
        {"exposed_letter", letter, "letter(text)", NULL, 0},
        {"exposed_meet", meet, "meet()", NULL, 0},
        {"exposed_around", around, "around(func)", NULL, 0},
        {"exposed_join", join_own, "join()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "ServingService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = NULL;

    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &side->client, &error));
    OK(rpyc_connection_new(right, service, config, &side->server, &error));
    rpyc_class_free(service);
    rpyc_config_free(config);
    side->root = NULL;
    atomic_store(&most_inside, 0);
    atomic_store(&met, 0);
    atomic_store(&length, 0);
    memset(order, 0, sizeof order);
}

static void close_side(struct side *side)
{
    rpyc_object_free(side->root);
    OK(rpyc_connection_close(side->client, &error));
    rpyc_connection_free(side->client);
    rpyc_connection_free(side->server);
}

static int64_t number(rpyc_value *value)
{
    int64_t n = -1;

    OK(rpyc_value_get_int(value, &n, &error));
    rpyc_value_free(value);
    return n;
}

static void stop_and_join(void)
{
    struct side side;
    rpyc_serving *other;
    rpyc_value *value = NULL;

    open_side(&side);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_connection_serve_background(side.server, 0, 0, &serving, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_connection_serve_background(side.server, 1025, 0, &serving, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_connection_serve_background(side.server, 1, 2, &serving, &error));
    CHECK(serving == NULL);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_connection_serve_threaded(side.server, 0, 0, &error));
    OK(rpyc_connection_serve_background(side.server, 3, 0, &serving, &error));
    OK(rpyc_connection_root(side.client, &side.root, &error));
    OK(rpyc_object_call_method(side.root, "join", NULL, 0, NULL, &value, &error));
    CHECK(number(value) == RPYC_ERR_DEADLOCK);
    CHECK(rpyc_serving_is_running(serving));
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_join(serving, &error));
    CHECK(!rpyc_serving_is_running(serving));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    /* The connection is still open, and can be served again. */
    CHECK(!rpyc_connection_closed(side.server));
    OK(rpyc_connection_serve_background(side.server, 1, 0, &serving, &error));
    OK(rpyc_connection_ping(side.client, NULL, 0, 30000, &error));
    /* The last handle stops them, too; the end of the connection ends them at once. */
    other = rpyc_serving_clone(serving);
    rpyc_serving_free(other);
    CHECK(rpyc_serving_is_running(serving));
    close_side(&side);
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    serving = NULL;
}

static void calls_overlap(void)
{
    struct side side;
    rpyc_async_result *results[2] = {NULL, NULL};
    rpyc_value *value = NULL;
    int i;

    open_side(&side);
    OK(rpyc_connection_serve_background(side.server, 2, 0, &serving, &error));
    OK(rpyc_connection_root(side.client, &side.root, &error));
    for (i = 0; i < 2; i++)
        OK(rpyc_object_call_method_async(side.root, "meet", NULL, 0, NULL, 60000, &results[i], &error));
    for (i = 0; i < 2; i++) {
        OK(rpyc_async_result_value(results[i], &value, &error));
        CHECK(number(value) == 2);
        rpyc_async_result_free(results[i]);
    }
    CHECK(atomic_load(&most_inside) == 2);
    close_side(&side);
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
}

static void *serve_in_four(void *connection)
{
    OK(rpyc_connection_serve_threaded(connection, 4, RPYC_SERVE_IN_ORDER, &error));
    return NULL;
}

static void back(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 5);
}

static void calls_in_order(void)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz";
    struct side side;
    rpyc_async_result *results[260], *nested[10];
    rpyc_object *func = NULL;
    rpyc_value *value = NULL;
    pthread_t thread;
    int i;

    open_side(&side);
    CHECK(pthread_create(&thread, NULL, serve_in_four, side.server) == 0);
    OK(rpyc_connection_root(side.client, &side.root, &error));
    OK(rpyc_function_new("back", back, "back()", NULL, 0, NULL, NULL, &func, &error));
    for (i = 0; i < 260; i++) {
        rpyc_value *args[1] = {NULL};

        OK(rpyc_value_new_str(&alphabet[i % 26], 1, &args[0], &error));
        OK(rpyc_object_call_method_async(side.root, "letter", args, 1, NULL, 60000, &results[i], &error));
        if (i % 26)
            continue;
        OK(rpyc_value_new_object(func, &args[0], &error));
        OK(rpyc_object_call_method_async(side.root, "around", args, 1, NULL, 60000, &nested[i / 26], &error));
    }
    for (i = 0; i < 260; i++) {
        OK(rpyc_async_result_wait(results[i], &error));
        rpyc_async_result_free(results[i]);
    }
    for (i = 0; i < 10; i++) {
        OK(rpyc_async_result_value(nested[i], &value, &error));
        CHECK(number(value) == 5);
        rpyc_async_result_free(nested[i]);
    }
    CHECK(atomic_load(&most_inside) == 1);
    for (i = 0; i < 260; i++)
        if (order[i] != alphabet[i % 26])
            break;
    CHECK(i == 260);
    rpyc_object_free(func);
    close_side(&side);
    pthread_join(thread, NULL);
}

static void *wait_cancelled(void *result)
{
    CHECK(rpyc_async_result_wait(result, NULL) == RPYC_ERR_CANCELLED);
    return NULL;
}

/* In memory, over a socket, over pipes. */
static void open_quiet(int kind, rpyc_connection **ours, rpyc_connection **other)
{
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_config *config = rpyc_config_new();
    int there[2], back[2];

    OK(rpyc_config_set(config, "dialect", "6", &error));
    if (kind == 0) {
        OK(rpyc_transport_new_pair(&left, &right, &error));
    } else if (kind == 1) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, there) == 0);
        OK(rpyc_transport_new_fd(there[0], there[0], 1, &left, &error));
        OK(rpyc_transport_new_fd(there[1], there[1], 1, &right, &error));
    } else {
        CHECK(pipe(there) == 0 && pipe(back) == 0);
        OK(rpyc_transport_new_fd(there[0], back[1], 1, &left, &error));
        OK(rpyc_transport_new_fd(back[0], there[1], 1, &right, &error));
    }
    OK(rpyc_connection_new(left, NULL, config, ours, &error));
    OK(rpyc_connection_new(right, NULL, config, other, &error));
    rpyc_config_free(config);
}

/* A thread that receives, and nothing comes: each of these would take most of a second if it had to look around by itself. */
static void readers_are_interrupted(int kind)
{
    enum { ROUNDS = 20 };
    rpyc_connection *ours = NULL, *other = NULL;
    time_t begin = time(NULL);
    int i;

    open_quiet(kind, &ours, &other);
    for (i = 0; i < ROUNDS; i++) {
        OK(rpyc_connection_serve_background(ours, 2, 0, &serving, &error));
        usleep(2000);
        OK(rpyc_serving_stop(serving, &error));
        OK(rpyc_serving_join(serving, &error));
        rpyc_serving_free(serving);
    }
    for (i = 0; i < ROUNDS; i++) {
        rpyc_async_result *result = NULL;
        pthread_t waiter;

        OK(rpyc_connection_async_request(ours, 1, NULL, 0, -1, &result, &error));
        CHECK(pthread_create(&waiter, NULL, wait_cancelled, result) == 0);
        usleep(2000);
        CHECK(rpyc_async_result_cancel(result));
        CHECK(pthread_join(waiter, NULL) == 0);
        rpyc_async_result_free(result);
    }
    CHECK(time(NULL) - begin < ROUNDS);
    rpyc_connection_free(ours);
    rpyc_connection_free(other);
    serving = NULL;
}

int main(void)
{
    alarm(80);
    stop_and_join();
    readers_are_interrupted(0);
    readers_are_interrupted(1);
    readers_are_interrupted(2);
    calls_overlap();
    calls_in_order();
    return finish();
}
