/* Checks: asynchronous requests, threads, raw requests, other connections, closing. */
#define _POSIX_C_SOURCE 200809L
#include "interop_client.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

/* ---------------------------------------------------------------- asynchronous requests */

#define F(number) rpyc_value_new_float(number)

/* root.slow(delay, text), not waited for. */
static rpyc_async_result *start_slow(struct check *c, double delay, const char *text, int64_t timeout_ms)
{
    rpyc_async_result *result = NULL;
    rpyc_object *slow = OBJECT(ATTRIBUTE(c->root, "slow"));
    OK(rpyc_object_call_async(slow, ITEMS(F(delay), S(text)), NULL, timeout_ms, &result, ERROR));
    return result;
}

CHECK(async_call)
{
    rpyc_async_result *result = start_slow(c, 0.1, "done", -1);
    TRUE(!rpyc_async_result_ready(result));
    EQUAL(GET(rpyc_async_result_value(result, OUT, ERROR)), S("done"));
    TRUE(rpyc_async_result_ready(result) && !rpyc_async_result_error(result) && !rpyc_async_result_expired(result));
    rpyc_async_result_free(result);
}

CHECK(async_several)
{
    rpyc_async_result *results[50] = {0};
    for (size_t i = 0; i < COUNT(results); i++)
        OK(rpyc_object_call_method_async(c->root, "echo", ITEMS(I((int64_t)i)), NULL, -1, &results[i], ERROR));
    for (size_t i = 0; i < COUNT(results); i++)
        EQUAL(GET(rpyc_async_result_value(results[i], OUT, ERROR)), I((int64_t)i));
    for (size_t i = 0; i < COUNT(results); i++)
        rpyc_async_result_free(results[i]);
}

struct seen {
    rpyc_value *value;
    int count;
};

static void note(rpyc_async_result *result, void *userdata)
{
    struct seen *seen = userdata;
    if (seen->count++ == 0)
        rpyc_async_result_value(result, &seen->value, NULL);
}

CHECK(async_callback)
{
    static struct seen seen; /* static: a failed check does not wait for what comes late */
    rpyc_async_result *result = start_slow(c, 0.05, "cb", -1);
    OK(rpyc_async_result_add_callback(result, note, &seen, NULL, ERROR));
    OK(rpyc_async_result_wait(result, ERROR));
    TRUE(seen.count == 1);
    EQUAL(rpyc_value_clone(seen.value), S("cb"));
    rpyc_async_result_free(result);
    rpyc_value_free(seen.value);
    seen.value = NULL;
}

CHECK(async_failure)
{
    rpyc_async_result *result = NULL;
    OK(rpyc_object_call_method_async(c->root, "slow_fail", ITEMS(F(0.05)), NULL, -1, &result, ERROR));
    OK(rpyc_async_result_wait(result, ERROR));
    TRUE(rpyc_async_result_error(result));
    RAISES("ValueError", rpyc_async_result_value(result, OUT, ERROR));
    rpyc_async_result_free(result);
}

CHECK(async_timeout)
{
    rpyc_async_result *result = start_slow(c, 0.6, "late", 200);
    FAILS(RPYC_ERR_TIMEOUT, rpyc_async_result_value(result, OUT, ERROR));
    TRUE(rpyc_async_result_expired(result));
    EQUAL(CALL(c->root, "add", I(1), I(1)), I(2));
    rpyc_async_result_free(result);
}

CHECK(async_object_result)
{
    rpyc_async_result *result = NULL;
    OK(rpyc_object_call_method_async(c->root, "make", ITEMS(S("async")), NULL, -1, &result, ERROR));
    rpyc_object *item = OBJECT(GET(rpyc_async_result_value(result, OUT, ERROR)));
    EQUAL(ATTRIBUTE(item, "label"), S("async"));
    rpyc_async_result_free(result);
}

/* ---------------------------------------------------------------- threads */

struct sharer {
    pthread_t thread;
    struct check check; /* its own, on the connection of all */
    int64_t tag;
    int rounds;
};

static void *share(void *argument)
{
    struct sharer *sharer = argument;
    struct check *c = &sharer->check;
    rpyc_object *echo = OBJECT(ATTRIBUTE(c->root, "echo"));
    for (int64_t i = 0; i < 20; i++) {
        EQUAL(INVOKE(echo, TUPLE(I(sharer->tag), I(i))), TUPLE(I(sharer->tag), I(i)));
        sharer->rounds++;
    }
    check_finish(c);
    return NULL;
}

CHECK(threads_share_connection)
{
    struct sharer sharers[4] = {0};
    bool started[4] = {false};
    for (size_t i = 0; i < COUNT(sharers); i++) {
        sharers[i].tag = (int64_t)i;
        sharers[i].check = (struct check){.connection = c->connection, .root = c->root};
        started[i] = pthread_create(&sharers[i].thread, NULL, share, &sharers[i]) == 0;
    }
    for (size_t i = 0; i < COUNT(sharers); i++) {
        TRUE(started[i]);
        if (started[i])
            pthread_join(sharers[i].thread, NULL);
        if (sharers[i].check.failed)
            check_fail(HERE, "%s", sharers[i].check.reason);
        TRUE(sharers[i].rounds == 20);
    }
}

/* Serves a connection in a thread until it is told to stop, as RPyC's BgServingThread. */
struct background {
    rpyc_connection *connection;
    atomic_bool stop;
    rpyc_status status;
};

static void *serve_in_background(void *argument)
{
    struct background *background = argument;
    while (!atomic_load(&background->stop) && background->status == RPYC_OK) {
        bool handled = false;
        background->status = rpyc_connection_serve(background->connection, 100, &handled, NULL);
    }
    return NULL;
}

struct event {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool set;
};

static void set_event(rpyc_call *call, void *userdata)
{
    struct event *event = userdata;
    pthread_mutex_lock(&event->lock);
    event->set = true;
    pthread_cond_signal(&event->changed);
    pthread_mutex_unlock(&event->lock);
    rpyc_call_return(call, NULL);
}

static bool wait_for(struct event *event, int seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += seconds;
    pthread_mutex_lock(&event->lock);
    while (!event->set && pthread_cond_timedwait(&event->changed, &event->lock, &deadline) == 0)
        ;
    bool set = event->set;
    pthread_mutex_unlock(&event->lock);
    return set;
}

CHECK(background_serving_thread)
{
    struct background background = {.connection = c->connection};
    static struct event event = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t thread;
    bool started = pthread_create(&thread, NULL, serve_in_background, &background) == 0;
    TRUE(started);
    rpyc_object *function = FUNCTION(set_event, "set_event(value)", &event);
    EQUAL(CALL(c->root, "later", F(0.1), O(function), NONE), NONE);
    TRUE(wait_for(&event, 5));
    atomic_store(&background.stop, true);
    if (started)
        pthread_join(thread, NULL);
    TRUE(background.status == RPYC_OK);
}

/* ---------------------------------------------------------------- raw requests */

#define REQUEST(handler, ...) rpyc_connection_sync_request(c->connection, handler, ITEMS(__VA_ARGS__), OUT, ERROR)

CHECK(raw_callattr_on_root)
{
    EQUAL(GET(REQUEST(RPYC_HANDLE_CALLATTR, O(c->root), S("add"), TUPLE(I(4), I(5)), empty_tuple())), I(9));
    EQUAL(GET(REQUEST(RPYC_HANDLE_CALLATTR, O(c->root), S("concat"), TUPLE(S("z")), TUPLE(TUPLE(S("k"), I(1))))),
          TUPLE(S("z"), empty_tuple(), TUPLE(TUPLE(S("k"), I(1)))));
}

CHECK(raw_unknown_handler)
{
    RAISES("KeyError", rpyc_connection_sync_request(c->connection, 99, NULL, 0, OUT, ERROR));
    EQUAL(CALL(c->root, "add", I(1), I(2)), I(3));
}

/* peer_client.py forges a reference. From here two requests name what the server does not have: an object that it was
 * told to forget, and an id_pack by value. */
CHECK(raw_unknown_object)
{
    rpyc_object *item = OBJECT(CALL(c->root, "make", S("forgotten")));
    EQUAL(ATTRIBUTE(item, "label"), S("forgotten"));
    EQUAL(GET(REQUEST(RPYC_HANDLE_DEL, O(item), I(1))), NONE);
    RAISES("KeyError", rpyc_object_get_attr(item, "label", OUT, ERROR));
    RAISES("KeyError", REQUEST(RPYC_HANDLE_INSPECT, TUPLE(S("no.Such"), I(1234567), I(7654321))));
    check_drop(c, item);
    EQUAL(CALL(c->root, "add", I(1), I(2)), I(3));
}

/* ---------------------------------------------------------------- the very end */

CHECK(second_connection)
{
    rpyc_connection *other = c->dial(ERROR);
    rpyc_object *other_root = NULL;
    TRUE(other != NULL);
    OK(rpyc_connection_root(other, &other_root, ERROR));
    EQUAL(CALL(other_root, "add", I(5), I(5)), I(10));
    rpyc_object *theirs = OBJECT(CALL(other_root, "shared")), *ours = OBJECT(CALL(c->root, "shared"));
    TRUE(!rpyc_object_same(theirs, ours));
    EQUAL(ATTRIBUTE(theirs, "label"), S("shared"));
    OK(rpyc_connection_close(other, ERROR));
    FAILS(RPYC_ERR_STALE, rpyc_object_get_attr(theirs, "label", OUT, ERROR));
    rpyc_object_free(other_root);
    rpyc_connection_free(other);
    EQUAL(CALL(c->root, "add", I(5), I(6)), I(11));
}

CHECK(close)
{
    TRUE(!rpyc_connection_closed(c->connection));
    OK(rpyc_connection_close(c->connection, ERROR));
    TRUE(rpyc_connection_closed(c->connection));
    FAILS(RPYC_ERR_CLOSED, rpyc_connection_ping(c->connection, NULL, 0, 3000, ERROR));
}
