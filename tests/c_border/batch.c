/* Batches and prepared methods, between two connections of this process: outcomes of single calls, whatever ends a run in the
 * middle, and what may be done from within. */
#define _POSIX_C_SOURCE 200809L
/* Each thread looks at its own errors. */
#define ERROR_STORAGE _Thread_local
#include <stdatomic.h>
#include <time.h>

#include "peers.h"

#define CALLS 500

/* What a callback has been told. */
struct told {
    rpyc_batch *batch;
    rpyc_prepared *prepared;
    struct peers *peers;
    size_t count, good, times[CALLS];
    int64_t sum;
    rpyc_status statuses[CALLS];
    int unsent, sent;
    size_t cancel_at; /* 0: never */
    int frees;
};

static atomic_int probes;

static void probe(rpyc_call *call)
{
    atomic_fetch_add(&probes, 1);
    (void)call;
}

static void tell(size_t index, const rpyc_value *value, const rpyc_error *why, void *userdata)
{
    struct told *told = userdata;
    int64_t n = 0;

    CHECK(index < CALLS && (value == NULL) != (why == NULL));
    told->count++;
    told->times[index]++;
    told->statuses[index] = why ? rpyc_error_status(why) : RPYC_OK;
    if (value && !rpyc_value_get_int(value, &n, NULL)) {
        told->good++;
        told->sum += n;
    }
    if (why && strstr(rpyc_error_message(why), "this call was not sent"))
        told->unsent++;
    if (why && strstr(rpyc_error_message(why), "this call may still be running"))
        told->sent++;
    if (told->count == told->cancel_at) {
        CHECK(rpyc_batch_cancel(told->batch));
        CHECK(!rpyc_batch_cancel(told->batch));
        GIVES(RPYC_ERR_STATE, rpyc_batch_run(told->batch, -1, NULL, NULL, &error));
        GIVES(RPYC_ERR_STATE, rpyc_batch_add(told->batch, told->prepared, NULL, 0, NULL, &error));
    }
    if (told->frees && told->count == 1)
        rpyc_batch_free(told->batch);
}

static int each_once(const struct told *told, size_t calls)
{
    size_t i;

    for (i = 0; i < calls; i++)
        if (told->times[i] != 1)
            return 0;
    return told->count == calls;
}

static rpyc_prepared *prepare(struct peers *peers, const char *method)
{
    rpyc_object *root = NULL;
    rpyc_prepared *prepared = NULL;

    OK(rpyc_connection_root(peers->client, &root, &error));
    OK(rpyc_prepared_new(root, method, &prepared, &error));
    rpyc_object_free(root);
    return prepared;
}

/* echo(0), echo(1), ... */
static rpyc_batch *numbers(rpyc_prepared *prepared, size_t window, size_t calls)
{
    rpyc_batch *batch = NULL;
    rpyc_value **args = calloc(calls + 1, sizeof *args);
    size_t i;

    for (i = 0; i < calls; i++)
        args[i] = rpyc_value_new_int((int64_t)i);
    OK(rpyc_batch_new(window, &batch, &error));
    OK(rpyc_batch_add_many(batch, prepared, args, 1, calls, &error));
    free(args);
    return batch;
}

static int value_is(rpyc_batch *batch, size_t index, int64_t wanted)
{
    rpyc_value *value = NULL;
    int64_t n = -1;
    rpyc_status status = rpyc_batch_value(batch, index, &value, NULL);

    if (!status)
        rpyc_value_get_int(value, &n, NULL);
    rpyc_value_free(value);
    return !status && n == wanted;
}

static void plainly(struct peers *peers)
{
    static const size_t windows[] = {0, 1, 2, 7, 100000};
    rpyc_prepared *echo = prepare(peers, "echo"), *other;
    rpyc_value *arg = rpyc_value_new_int(7), *value = NULL;
    rpyc_async_result *result = NULL;
    int64_t n = 0;
    size_t i, w;

    other = rpyc_prepared_clone(echo);
    rpyc_prepared_free(echo);
    echo = other;
    OK(rpyc_prepared_call(echo, &arg, 1, NULL, &value, &error));
    CHECK(!rpyc_value_get_int(value, &n, NULL) && n == 7);
    rpyc_value_free(value);
    arg = rpyc_value_new_int(8);
    OK(rpyc_prepared_call_async(echo, &arg, 1, NULL, 10000, &result, &error));
    OK(rpyc_async_result_value(result, &value, &error));
    CHECK(!rpyc_value_get_int(value, &n, NULL) && n == 8);
    rpyc_value_free(value);
    rpyc_async_result_free(result);
    for (w = 0; w < sizeof windows / sizeof *windows; w++) {
        struct told told = {0};
        rpyc_batch *batch = numbers(echo, windows[w], CALLS);

        OK(rpyc_batch_run(batch, -1, tell, &told, &error));
        CHECK(each_once(&told, CALLS) && told.good == CALLS && told.sum == CALLS * (CALLS - 1) / 2);
        GIVES(RPYC_ERR_STATE, rpyc_batch_value(batch, 0, &value, &error));
        rpyc_batch_free(batch);
        batch = numbers(echo, windows[w], CALLS);
        OK(rpyc_batch_run(batch, 30000, NULL, NULL, &error));
        for (i = 0; i < CALLS; i += 50)
            CHECK(value_is(batch, i, (int64_t)i) && value_is(batch, i, (int64_t)i));
        GIVES(RPYC_ERR_ARGUMENT, rpyc_batch_value(batch, CALLS, &value, &error));
        /* The next list. */
        arg = rpyc_value_new_int(5);
        OK(rpyc_batch_add(batch, echo, &arg, 1, NULL, &error));
        GIVES(RPYC_ERR_STATE, rpyc_batch_value(batch, 0, &value, &error));
        OK(rpyc_batch_run(batch, -1, NULL, NULL, &error));
        CHECK(value_is(batch, 0, 5));
        GIVES(RPYC_ERR_ARGUMENT, rpyc_batch_value(batch, 1, &value, &error));
        rpyc_batch_free(batch);
    }
    rpyc_prepared_free(echo);
}

/* A tuple in a tuple, and so on: deeper than can be sent. */
static rpyc_value *deep(void)
{
    rpyc_value *value = rpyc_value_new_int(1);
    int i;

    for (i = 0; i < 300; i++) {
        rpyc_value *outer = NULL;

        OK(rpyc_value_new_tuple(&value, 1, &outer, &error));
        value = outer;
    }
    return value;
}

static void single_failures(struct peers *peers)
{
    rpyc_prepared *echo = prepare(peers, "echo"), *missing = prepare(peers, "missing"),
                  *probe_it = prepare(peers, "probe");
    rpyc_batch *batch = NULL;
    struct told told = {0};
    int before = atomic_load(&probes), i;

    OK(rpyc_batch_new(0, &batch, &error));
    for (i = 0; i < 60; i++) {
        rpyc_value *arg = i == 30 ? deep() : rpyc_value_new_int(i);

        if (i % 10 == 3)
            OK(rpyc_batch_add(batch, missing, &arg, 1, NULL, &error));
        else if (i % 10 == 4)
            OK(rpyc_batch_add(batch, probe_it, &arg, 1, NULL, &error));
        else
            OK(rpyc_batch_add(batch, echo, &arg, 1, NULL, &error));
    }
    OK(rpyc_batch_run(batch, -1, tell, &told, &error));
    CHECK(each_once(&told, 60));
    for (i = 0; i < 60; i++) {
        int wanted = i == 30 ? RPYC_ERR_LIMIT : i % 10 == 3 ? RPYC_ERR_REMOTE : RPYC_OK;

        if (told.statuses[i] != wanted)
            fprintf(stderr, "call %d: %s\n", i, rpyc_status_name(told.statuses[i]));
        CHECK(told.statuses[i] == wanted);
    }
    /* What is behind a call that could not be sent has run. */
    CHECK(atomic_load(&probes) == before + 6);
    OK(rpyc_connection_ping(peers->client, NULL, 0, -1, &error));
    rpyc_batch_free(batch);
    rpyc_prepared_free(echo);
    rpyc_prepared_free(missing);
    rpyc_prepared_free(probe_it);
}

static void given_up(struct peers *peers)
{
    rpyc_prepared *echo = prepare(peers, "echo");
    struct told told = {.cancel_at = 10, .prepared = echo};

    told.batch = numbers(echo, 4, CALLS);
    GIVES(RPYC_ERR_CANCELLED, rpyc_batch_run(told.batch, -1, tell, &told, &error));
    CHECK(each_once(&told, CALLS) && told.good >= 10 && told.good < 30);
    CHECK(told.unsent > CALLS - 40 && told.good + (size_t)(told.sent + told.unsent) == CALLS);
    CHECK(!rpyc_batch_cancel(told.batch));
    OK(rpyc_connection_ping(peers->client, NULL, 0, -1, &error));
    rpyc_batch_free(told.batch);
    /* The only handle goes in the middle of a run. */
    told = (struct told){.frees = 1};
    told.batch = numbers(echo, 4, CALLS);
    OK(rpyc_batch_run(told.batch, -1, tell, &told, &error));
    CHECK(each_once(&told, CALLS) && told.good == CALLS);
    /* It may go unused, too. */
    rpyc_batch_free(numbers(echo, 4, CALLS));
    rpyc_prepared_free(echo);
}

/* Calls that get no answer, until something ends the run. */
static struct {
    pthread_mutex_t lock;
    rpyc_call *calls[CALLS];
    size_t count;
} kept = {PTHREAD_MUTEX_INITIALIZER, {NULL}, 0};

static void keep(rpyc_call *call)
{
    call = rpyc_call_defer(call);
    pthread_mutex_lock(&kept.lock);
    kept.calls[kept.count++] = call;
    pthread_mutex_unlock(&kept.lock);
}

static void answer_all(void)
{
    pthread_mutex_lock(&kept.lock);
    while (kept.count) {
        rpyc_call_return_int(kept.calls[--kept.count], 1);
        rpyc_call_free(kept.calls[kept.count]);
    }
    pthread_mutex_unlock(&kept.lock);
}

static size_t kept_count(void)
{
    size_t count;

    pthread_mutex_lock(&kept.lock);
    count = kept.count;
    pthread_mutex_unlock(&kept.lock);
    return count;
}

static rpyc_batch *without_args(rpyc_prepared *prepared, size_t window, size_t calls)
{
    rpyc_batch *batch = NULL;

    OK(rpyc_batch_new(window, &batch, &error));
    OK(rpyc_batch_add_many(batch, prepared, NULL, 0, calls, &error));
    return batch;
}

static rpyc_batch *unanswered(struct peers *peers, size_t window, size_t calls)
{
    rpyc_prepared *probe_it = prepare(peers, "probe");
    rpyc_batch *batch = without_args(probe_it, window, calls);

    rpyc_prepared_free(probe_it);
    return batch;
}

static void await_kept(size_t count)
{
    struct timespec rest = {0, 1000000};
    int i;

    for (i = 0; i < 30000 && kept_count() < count; i++)
        nanosleep(&rest, NULL);
}

static void *cancel_it(void *batch)
{
    await_kept(20);
    CHECK(rpyc_batch_cancel(batch));
    return NULL;
}

static void *interrupt_it(void *connection)
{
    await_kept(20);
    rpyc_connection_interrupt(connection);
    return NULL;
}

static void *close_it(void *connection)
{
    await_kept(20);
    OK(rpyc_connection_close(connection, NULL));
    return NULL;
}

/* 20 calls are on their way, 30 were not sent. */
static void in_the_middle(struct peers *peers, rpyc_status wanted, void *(*ends)(void *), int of_batch,
                          int64_t timeout_ms)
{
    struct told told = {0};
    pthread_t thread;

    peers_probe = keep;
    told.batch = unanswered(peers, 20, 50);
    if (ends)
        pthread_create(&thread, NULL, ends, of_batch ? (void *)told.batch : (void *)peers->client);
    GIVES(wanted, rpyc_batch_run(told.batch, timeout_ms, tell, &told, &error));
    if (ends)
        pthread_join(thread, NULL);
    CHECK(each_once(&told, 50) && told.good == 0 && told.statuses[0] == wanted && told.statuses[49] == wanted);
    /* On a busy machine the time may be up before anything is sent. */
    CHECK(told.sent + told.unsent == 50 && (told.sent == 20 || (!ends && told.sent == 0)));
    rpyc_batch_free(told.batch);
    await_kept((size_t)told.sent);
    CHECK(kept_count() == (size_t)told.sent);
    answer_all();
    peers_probe = probe;
}

static void ended(struct peers *peers)
{
    struct told told = {0};
    rpyc_value *value = NULL;
    rpyc_prepared *probe_it = prepare(peers, "probe");

    in_the_middle(peers, RPYC_ERR_CANCELLED, cancel_it, 1, -1);
    in_the_middle(peers, RPYC_ERR_WAIT_INTERRUPTED, interrupt_it, 0, -1);
    in_the_middle(peers, RPYC_ERR_TIMEOUT, NULL, 0, 200);
    /* Late answers have been dropped, and the next run is its own. */
    OK(rpyc_connection_ping(peers->client, NULL, 0, -1, &error));
    told.batch = unanswered(peers, 20, 50);
    OK(rpyc_batch_run(told.batch, -1, tell, &told, &error));
    CHECK(each_once(&told, 50));
    rpyc_batch_free(told.batch);
    /* Nothing is sent after the time. */
    told = (struct told){0};
    told.batch = unanswered(peers, 20, 50);
    GIVES(RPYC_ERR_TIMEOUT, rpyc_batch_run(told.batch, 0, tell, &told, &error));
    CHECK(each_once(&told, 50) && told.unsent == 50);
    rpyc_batch_free(told.batch);
    in_the_middle(peers, RPYC_ERR_CLOSED, close_it, 0, -1);
    told = (struct told){0};
    told.batch = without_args(probe_it, 20, 50);
    rpyc_prepared_free(probe_it);
    GIVES(RPYC_ERR_STALE, rpyc_batch_run(told.batch, -1, tell, &told, &error));
    CHECK(each_once(&told, 50) && told.unsent == 50);
    GIVES(RPYC_ERR_STATE, rpyc_batch_value(told.batch, 0, &value, &error));
    rpyc_batch_free(told.batch);
}

/* ------------------------------------------------------------- from within, and beside others */

static struct peers *inner_peers;

static void run_another(size_t index, const rpyc_value *value, const rpyc_error *why, void *userdata)
{
    struct told *told = userdata, inner = {0};
    rpyc_batch *batch;

    tell(index, value, why, userdata);
    if (index % 100)
        return;
    batch = numbers(told->prepared, 3, 10);
    OK(rpyc_batch_run(batch, -1, tell, &inner, &error));
    CHECK(each_once(&inner, 10) && inner.good == 10);
    rpyc_batch_free(batch);
}

/* While a call is served, its caller is asked back: a batch in a handler. */
static void probe_with_batch(rpyc_call *call)
{
    struct told told = {0};
    rpyc_object *root = NULL;
    rpyc_prepared *echo = NULL;
    rpyc_batch *batch;

    OK(rpyc_connection_root(inner_peers->server, &root, NULL));
    OK(rpyc_prepared_new(root, "__hash__", &echo, NULL));
    OK(rpyc_batch_new(5, &batch, NULL));
    OK(rpyc_batch_add_many(batch, echo, NULL, 0, 40, NULL));
    OK(rpyc_batch_run(batch, -1, tell, &told, NULL));
    CHECK(each_once(&told, 40) && told.good == 40);
    rpyc_batch_free(batch);
    rpyc_prepared_free(echo);
    rpyc_object_free(root);
    rpyc_call_return_int(call, 1);
}

static void *echoes(void *peers)
{
    rpyc_prepared *echo = prepare(peers, "echo");
    int i;

    for (i = 0; i < 200; i++) {
        rpyc_value *arg = rpyc_value_new_int(i), *value = NULL;
        int64_t n = -1;

        CHECK(!rpyc_prepared_call(echo, &arg, 1, NULL, &value, NULL) && !rpyc_value_get_int(value, &n, NULL) && n == i);
        rpyc_value_free(value);
    }
    rpyc_prepared_free(echo);
    return NULL;
}

static void *batches(void *peers)
{
    rpyc_prepared *echo = prepare(peers, "echo");
    int i;

    for (i = 0; i < 5; i++) {
        struct told told = {0};
        rpyc_batch *batch = numbers(echo, 16, CALLS);

        CHECK(!rpyc_batch_run(batch, -1, tell, &told, NULL) && each_once(&told, CALLS) && told.good == CALLS);
        rpyc_batch_free(batch);
    }
    rpyc_prepared_free(echo);
    return NULL;
}

static void within_and_beside(struct peers *peers)
{
    struct told told = {0};
    rpyc_batch *batch;
    rpyc_object *object = NULL;
    rpyc_value *arg = rpyc_value_new_int(3);
    pthread_t threads[4];
    int i;

    told.prepared = prepare(peers, "echo");
    batch = numbers(told.prepared, 50, CALLS);
    OK(rpyc_batch_run(batch, -1, run_another, &told, &error));
    CHECK(each_once(&told, CALLS) && told.good == CALLS);
    rpyc_batch_free(batch);
    rpyc_prepared_free(told.prepared);
    inner_peers = peers;
    peers_probe = probe_with_batch;
    told = (struct told){0};
    batch = unanswered(peers, 20, 30);
    OK(rpyc_batch_run(batch, -1, tell, &told, &error));
    CHECK(each_once(&told, 30) && told.good == 30);
    rpyc_batch_free(batch);
    peers_probe = probe;
    for (i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, i % 2 ? echoes : batches, peers);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    /* Objects of this process are called here, also among others. */
    told = (struct told){0};
    OK(rpyc_function_new("probe", peers_echo, "probe(value)", NULL, 0, NULL, NULL, &object, &error));
    OK(rpyc_prepared_new(object, NULL, &told.prepared, &error));
    batch = numbers(told.prepared, 3, 10);
    OK(rpyc_batch_run(batch, -1, tell, &told, &error));
    CHECK(each_once(&told, 10) && told.good == 10 && told.sum == 45);
    rpyc_prepared_free(told.prepared);
    told = (struct told){0};
    OK(rpyc_prepared_new(object, NULL, &told.prepared, &error));
    OK(rpyc_batch_add(batch, told.prepared, &arg, 1, NULL, &error));
    rpyc_prepared_free(told.prepared);
    told.prepared = prepare(peers, "echo");
    arg = rpyc_value_new_int(4);
    OK(rpyc_batch_add(batch, told.prepared, &arg, 1, NULL, &error));
    OK(rpyc_batch_run(batch, -1, tell, &told, &error));
    CHECK(each_once(&told, 2) && told.sum == 7);
    rpyc_prepared_free(told.prepared);
    rpyc_batch_free(batch);
    rpyc_object_free(object);
}

static void misused(struct peers *peers, struct peers *others)
{
    rpyc_prepared *echo = prepare(peers, "echo"), *foreign = prepare(others, "echo"), *prepared = NULL;
    rpyc_batch *batch = NULL, *clone;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL, *args[2] = {rpyc_value_new_int(1), NULL};

    OK(rpyc_connection_root(peers->client, &root, &error));
    GIVES(RPYC_ERR_UTF8, rpyc_prepared_new(root, "\xff", &prepared, &error));
    rpyc_object_free(root);
    OK(rpyc_batch_new(0, &batch, &error));
    OK(rpyc_batch_run(batch, -1, NULL, NULL, &error)); /* of nothing */
    GIVES(RPYC_ERR_ARGUMENT, rpyc_batch_value(batch, 0, &value, &error));
    GIVES(RPYC_ERR_NULL, rpyc_batch_add(batch, echo, args, 2, NULL, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_batch_add(batch, echo, NULL, 0, rpyc_value_new_int(1), &error));
    GIVES(RPYC_ERR_NULL, rpyc_batch_add_many(batch, echo, NULL, 1, 5, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_batch_add_many(batch, echo, NULL, SIZE_MAX / 2, 4, &error));
    GIVES(RPYC_ERR_LIMIT, rpyc_batch_add_many(batch, echo, NULL, 0, SIZE_MAX, &error));
    args[0] = rpyc_value_new_int(1);
    OK(rpyc_batch_add(batch, echo, args, 1, NULL, &error));
    args[0] = rpyc_value_new_int(1);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_batch_add(batch, foreign, args, 1, NULL, &error));
    clone = rpyc_batch_clone(batch);
    rpyc_batch_free(batch);
    OK(rpyc_batch_run(clone, -1, NULL, NULL, &error));
    CHECK(value_is(clone, 0, 1));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_batch_value(clone, 1, &value, &error));
    CHECK(!rpyc_batch_cancel(clone) && !rpyc_batch_cancel(NULL) && !rpyc_batch_clone(NULL) &&
          !rpyc_prepared_clone(NULL));
    rpyc_batch_free(clone);
    rpyc_prepared_free(echo);
    rpyc_prepared_free(foreign);
}

int main(void)
{
    static const char *natives[] = {"off", "on"};
    struct peers peers, others;
    int i;

    for (i = 0; i < 2; i++) {
        peers_native = natives[i];
        peers_probe = probe;
        peers_open(&peers);
        peers_open(&others);
        plainly(&peers);
        single_failures(&peers);
        given_up(&peers);
        within_and_beside(&peers);
        misused(&peers, &others);
        ended(&peers);
        peers_close(&others);
        peers_close(&peers);
    }
    return finish();
}
