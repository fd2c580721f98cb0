/* Asynchronous results: their callbacks, cancelling, waiting for several; calls answered by any thread. */
#define _POSIX_C_SOURCE 200809L
#include "peers.h"

#include <time.h>

/* Calls that wait for their answer, in the order in which they came. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rpyc_call *calls[64];
    size_t count;
} kept = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, {NULL}, 0};

static void keep(rpyc_call *call)
{
    call = rpyc_call_defer(call);
    pthread_mutex_lock(&kept.lock);
    kept.calls[kept.count++] = call;
    pthread_cond_broadcast(&kept.changed);
    pthread_mutex_unlock(&kept.lock);
}

static rpyc_call *taken(size_t index)
{
    rpyc_call *call;

    pthread_mutex_lock(&kept.lock);
    while (kept.count <= index)
        pthread_cond_wait(&kept.changed, &kept.lock);
    call = kept.calls[index];
    kept.calls[index] = NULL;
    pthread_mutex_unlock(&kept.lock);
    return call;
}

/* Looked at when it is there, and left for answer(). */
static int is_cancelled(size_t index)
{
    int cancelled;

    pthread_mutex_lock(&kept.lock);
    while (kept.count <= index)
        pthread_cond_wait(&kept.changed, &kept.lock);
    cancelled = rpyc_call_cancelled(kept.calls[index]);
    pthread_mutex_unlock(&kept.lock);
    return cancelled;
}

static void answer(size_t index)
{
    rpyc_call *call = taken(index);

    rpyc_call_return_int(call, (int64_t)index);
    rpyc_call_free(call);
}

static rpyc_async_result *ask(struct peers *peers, int64_t timeout_ms)
{
    rpyc_object *root = NULL;
    rpyc_async_result *result = NULL;

    OK(rpyc_connection_root(peers->client, &root, &error));
    OK(rpyc_object_call_method_async(root, "probe", NULL, 0, NULL, timeout_ms, &result, &error));
    rpyc_object_free(root);
    return result;
}

static void rest(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static int same_value(rpyc_async_result *result, int64_t wanted)
{
    rpyc_value *value = NULL;
    int64_t n = -1;

    OK(rpyc_async_result_value(result, &value, &error));
    OK(rpyc_value_get_int(value, &n, &error));
    rpyc_value_free(value);
    return n == wanted;
}

static char order[64];
static int ends;

static void note(rpyc_async_result *result, void *letter)
{
    CHECK(rpyc_async_result_ready(result));
    strcat(order, letter);
}

static void ended(void *letter)
{
    (void)letter;
    ends++;
}

static void add_more(rpyc_async_result *result, void *letter)
{
    note(result, letter);
    OK(rpyc_async_result_add_callback(result, note, "z", ended, NULL));
    strcat(order, ".");
}

static void begin(void)
{
    order[0] = 0;
    ends = 0;
    kept.count = 0;
}

static void callbacks(struct peers *peers)
{
    rpyc_async_result *result;

    begin();
    result = ask(peers, -1);
    OK(rpyc_async_result_add_callback(result, note, "a", ended, &error));
    OK(rpyc_async_result_add_callback(result, add_more, "b", ended, &error));
    OK(rpyc_async_result_add_callback(result, note, "c", ended, &error));
    CHECK(order[0] == 0);
    answer(0);
    OK(rpyc_async_result_wait(result, &error));
    CHECK(strcmp(order, "ab.cz") == 0);
    OK(rpyc_async_result_add_callback(result, note, "l", ended, &error));
    CHECK(strcmp(order, "ab.czl") == 0);
    OK(rpyc_async_result_wait(result, &error));
    CHECK(rpyc_async_result_ready(result) && strcmp(order, "ab.czl") == 0 && ends == 5);
    rpyc_async_result_free(result);
    CHECK(ends == 5);
}

static void expiry(struct peers *peers)
{
    rpyc_async_result *result;
    rpyc_value *value = NULL;

    begin();
    result = ask(peers, 50);
    OK(rpyc_async_result_add_callback(result, note, "a", ended, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_value(result, &value, &error));
    CHECK(rpyc_async_result_expired(result));
    OK(rpyc_async_result_add_callback(result, note, "b", ended, &error));
    answer(0);
    OK(rpyc_connection_ping(peers->client, NULL, 0, -1, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_wait(result, &error));
    CHECK(rpyc_async_result_expired(result) && !rpyc_async_result_ready(result));
    OK(rpyc_async_result_add_callback(result, note, "c", ended, &error));
    CHECK(order[0] == 0 && ends == 0);
    rpyc_async_result_free(result);
    CHECK(order[0] == 0 && ends == 3);
}

static void *wait_cancelled(void *result)
{
    CHECK(rpyc_async_result_wait(result, NULL) == RPYC_ERR_CANCELLED);
    return NULL;
}

static void cancelling(struct peers *peers)
{
    rpyc_async_result *result, *other;
    rpyc_value *value = NULL;
    pthread_t waiting, reading;

    begin();
    result = ask(peers, -1);
    OK(rpyc_async_result_add_callback(result, note, "a", ended, &error));
    OK(rpyc_async_result_add_callback(result, note, "b", ended, &error));
    CHECK(rpyc_async_result_cancel(result) && !rpyc_async_result_cancel(result) && !rpyc_async_result_cancel(NULL));
    CHECK(strcmp(order, "ab") == 0 && ends == 2);
    CHECK(rpyc_async_result_ready(result) && rpyc_async_result_error(result));
    GIVES(RPYC_ERR_CANCELLED, rpyc_async_result_value(result, &value, &error));
    OK(rpyc_async_result_add_callback(result, note, "l", ended, &error));
    CHECK(strcmp(order, "abl") == 0 && ends == 3);
    answer(0);
    other = ask(peers, -1);
    answer(1);
    CHECK(same_value(other, 1) && !rpyc_async_result_cancel(other) && same_value(other, 1));
    GIVES(RPYC_ERR_CANCELLED, rpyc_async_result_value(result, &value, &error));
    CHECK(strcmp(order, "abl") == 0);
    rpyc_async_result_free(result);
    rpyc_async_result_free(other);
    /* Two threads that wait: one reads, one sleeps. */
    result = ask(peers, -1);
    other = ask(peers, -1);
    CHECK(pthread_create(&reading, NULL, wait_cancelled, result) == 0);
    rest(50);
    CHECK(pthread_create(&waiting, NULL, wait_cancelled, other) == 0);
    rest(50);
    CHECK(rpyc_async_result_cancel(other));
    CHECK(pthread_join(waiting, NULL) == 0);
    CHECK(rpyc_async_result_cancel(result));
    CHECK(pthread_join(reading, NULL) == 0);
    answer(2);
    answer(3);
    OK(rpyc_connection_ping(peers->client, NULL, 0, -1, &error));
    rpyc_async_result_free(result);
    rpyc_async_result_free(other);
}

/* Answers 2, then 0, 3 and 1, each after a while. */
static void *answer_all(void *unused)
{
    static const size_t turns[] = {2, 0, 3, 1};

    (void)unused;
    for (size_t i = 0; i < 4; i++) {
        rest(60);
        answer(turns[i]);
    }
    return NULL;
}

static void several(struct peers *one, struct peers *two)
{
    rpyc_async_result *results[5] = {NULL};
    size_t index = 9;
    pthread_t thread;

    begin();
    for (size_t i = 0; i < 4; i++) {
        results[i] = ask(i % 2 ? two : one, -1);
        rest(20); /* so that they come in this order, though over two connections */
    }
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_wait_any(results, 4, 20, &index, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_wait_all(results, 4, 20, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_async_result_wait_any(results, 0, -1, &index, &error));
    GIVES(RPYC_ERR_NULL, rpyc_async_result_wait_all(results, 5, -1, &error));
    OK(rpyc_async_result_wait_all(NULL, 0, -1, &error));
    CHECK(pthread_create(&thread, NULL, answer_all, NULL) == 0);
    OK(rpyc_async_result_wait_any(results, 4, -1, &index, &error));
    CHECK(index == 2 && same_value(results[2], 2));
    OK(rpyc_async_result_wait_any(results, 2, -1, &index, &error));
    CHECK(index == 0);
    OK(rpyc_async_result_wait_all(results, 4, -1, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    for (size_t i = 0; i < 4; i++) {
        CHECK(same_value(results[i], (int64_t)i));
        rpyc_async_result_free(results[i]);
    }
    /* What expires or is given up is nothing to wait for either. */
    kept.count = 0;
    results[0] = ask(one, -1);
    results[1] = ask(one, 60);
    OK(rpyc_async_result_wait_any(results, 2, -1, &index, &error));
    CHECK(index == 1 && rpyc_async_result_expired(results[1]));
    CHECK(rpyc_async_result_cancel(results[0]));
    OK(rpyc_async_result_wait_all(results, 2, -1, &error));
    answer(0);
    answer(1);
    rpyc_async_result_free(results[0]);
    rpyc_async_result_free(results[1]);
}

/* The same on one connection, while another thread reads. */
static void *read_all(void *connection)
{
    rpyc_connection_serve_all(connection, NULL);
    return NULL;
}

static void with_a_reader(struct peers *peers)
{
    rpyc_async_result *results[4];
    size_t index = 9;
    pthread_t thread, reader;

    begin();
    CHECK(pthread_create(&reader, NULL, read_all, peers->client) == 0);
    for (size_t i = 0; i < 4; i++)
        results[i] = ask(peers, -1);
    CHECK(pthread_create(&thread, NULL, answer_all, NULL) == 0);
    OK(rpyc_async_result_wait_any(results, 4, -1, &index, &error));
    CHECK(index == 2);
    OK(rpyc_async_result_wait_all(results, 4, -1, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    for (size_t i = 0; i < 4; i++)
        rpyc_async_result_free(results[i]);
    /* The end of the connection ends the waiting. */
    results[0] = ask(peers, -1);
    results[1] = ask(peers, -1);
    rpyc_call_free(taken(4));
    OK(rpyc_async_result_wait_any(results, 2, -1, &index, &error));
    CHECK(index == 0 && rpyc_async_result_error(results[0]));
    CHECK(!is_cancelled(5));
    rpyc_connection_close(peers->client, NULL);
    OK(rpyc_async_result_wait_all(results, 2, -1, &error));
    CHECK(pthread_join(reader, NULL) == 0);
    CHECK(pthread_join(peers->thread, NULL) == 0);
    CHECK(is_cancelled(5));
    answer(5);
    rpyc_async_result_free(results[0]);
    rpyc_async_result_free(results[1]);
    rpyc_connection_free(peers->client);
    rpyc_connection_free(peers->server);
    rpyc_class_free(peers->service);
}

int main(void)
{
    struct peers one, two;

    peers_probe = keep;
    peers_open(&one);
    peers_open(&two);
    callbacks(&one);
    expiry(&one);
    cancelling(&one);
    several(&one, &two);
    peers_close(&two);
    with_a_reader(&one);
    return finish();
}
