/* What the clients share: connecting, and calls that must go well. */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include "peer.h"

static inline void bench_dial(const char *address, rpyc_config *config, rpyc_connection **conn, rpyc_object **root)
{
    rpyc_error *error = NULL;

    if (rpyc_connect(address, NULL, config, conn, &error) || rpyc_connection_root(*conn, root, &error))
        bench_fail(error, "connect");
}

/* The integer in the value; frees the value. */
static inline int64_t bench_take_int(rpyc_value *value)
{
    rpyc_error *error = NULL;
    int64_t x = -1;

    if (rpyc_value_get_int(value, &x, &error))
        bench_fail(error, "not an integer");
    rpyc_value_free(value);
    return x;
}

/* object.METHOD(args...); takes the arguments. */
static inline rpyc_value *bench_call_method(rpyc_object *object, const char *method, rpyc_value **args, size_t count)
{
    rpyc_error *error = NULL;
    rpyc_value *result = NULL;

    if (rpyc_object_call_method(object, method, args, count, NULL, &result, &error))
        bench_fail(error, method);
    return result;
}

static inline int64_t bench_echo(rpyc_object *object, int64_t x)
{
    rpyc_value *args[] = {rpyc_value_new_int(x)};

    return bench_take_int(bench_call_method(object, "echo", args, 1));
}

/* What the server calls while callback(target, x) waits for its answer. */
static inline void bench_target(rpyc_call *call, void *self)
{
    int64_t x;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &x))
        rpyc_call_return_int(call, x);
}

static inline rpyc_object *bench_new_target(void)
{
    rpyc_error *error = NULL;
    rpyc_object *target = NULL;

    if (rpyc_function_new("target", bench_target, "target(x)", NULL, 0, NULL, NULL, &target, &error))
        bench_fail(error, "target");
    return target;
}

static inline int64_t bench_callback(rpyc_object *root, rpyc_object *target, int64_t x)
{
    rpyc_value *args[2] = {NULL, rpyc_value_new_int(x)};
    rpyc_error *error = NULL;

    if (rpyc_value_new_object(target, &args[0], &error))
        bench_fail(error, "target");
    return bench_take_int(bench_call_method(root, "callback", args, 2));
}

/* How many calls a batch has. */
#define BENCH_BATCH 8192

/* n calls, at most `window` of them on their way; the window is filled up when half of it has been answered. */
static inline void bench_pipe(rpyc_connection *conn, rpyc_object *root, long n, int window)
{
    rpyc_async_result **results = bench_alloc((size_t)window, sizeof *results);
    rpyc_error *error = NULL;
    long sent = 0, got = 0;

    while (got < n) {
        rpyc_async_result **oldest = &results[got % window];
        rpyc_value *value = NULL;

        if (sent - got <= window / 2 && sent < n) {
            if (rpyc_connection_cork(conn, &error))
                bench_fail(error, "begin");
            for (; sent < n && sent - got < window; sent++) {
                rpyc_value *args[] = {rpyc_value_new_int(sent)};

                if (rpyc_object_call_method_async(root, "echo", args, 1, NULL, -1, &results[sent % window], &error))
                    bench_fail(error, "echo");
            }
            if (rpyc_connection_flush(conn, &error))
                bench_fail(error, "flush");
        }
        if (rpyc_async_result_value(*oldest, &value, &error))
            bench_fail(error, "echo");
        rpyc_async_result_free(*oldest);
        if (bench_take_int(value) != got)
            bench_die("wrong answer");
        got++;
    }
    free(results);
}

/* Tells that an answer has come, which must be the next. */
static inline void bench_answered(size_t index, const rpyc_value *value, const rpyc_error *error, void *userdata)
{
    int64_t *got = userdata, x = -1;

    if (error || rpyc_value_get_int(value, &x, NULL) || x != *got || (size_t)x % BENCH_BATCH != index)
        bench_die("wrong answer");
    ++*got;
}

/* The same n calls in batches, with a callback for each answer. */
static inline void bench_batch(rpyc_object *root, long n, int window)
{
    rpyc_value **args = bench_alloc(BENCH_BATCH, sizeof *args);
    rpyc_prepared *echo = NULL;
    rpyc_batch *batch = NULL;
    rpyc_error *error = NULL;
    int64_t sent = 0, got = 0;

    if (rpyc_prepared_new(root, "echo", &echo, &error) || rpyc_batch_new((size_t)window, &batch, &error))
        bench_fail(error, "prepare");
    while (sent < n) {
        size_t count = 0;

        while (count < BENCH_BATCH && sent < n)
            args[count++] = rpyc_value_new_int(sent++);
        if (rpyc_batch_add_many(batch, echo, args, 1, count, &error) ||
            rpyc_batch_run(batch, -1, bench_answered, &got, &error))
            bench_fail(error, "batch");
    }
    if (got != n)
        bench_die("answers are missing");
    rpyc_batch_free(batch);
    rpyc_prepared_free(echo);
    free(args);
}

#endif
