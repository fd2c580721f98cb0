/* The client of the measurements. */
#include "bench.h"

#include <rpyc.h>

struct client {
    char address[160];
    rpyc_config *config;
    rpyc_connection *conn;
    rpyc_object *root, *target;
    rpyc_value *payload;
    const unsigned char *bytes;
    rpyc_connection **idle;
    rpyc_object **idle_roots;
};

/* The error, or what the caller says if there is none. */
static void die(rpyc_error *error, const char *what)
{
    bench_die(error ? rpyc_error_message(error) : what);
}

static void dial(struct client *client, rpyc_connection **conn, rpyc_object **root)
{
    rpyc_error *error = NULL;

    if (rpyc_connect(client->address, NULL, client->config, conn, &error) || rpyc_connection_root(*conn, root, &error))
        die(error, "connect");
}

/* The integer in the value; frees the value. */
static int64_t take_int(rpyc_value *value)
{
    rpyc_error *error = NULL;
    int64_t x = -1;

    if (rpyc_value_get_int(value, &x, &error))
        die(error, "not an integer");
    rpyc_value_free(value);
    return x;
}

/* root.METHOD(args...); takes the arguments. */
static rpyc_value *call(rpyc_object *root, const char *method, rpyc_value **args, size_t count)
{
    rpyc_error *error = NULL;
    rpyc_value *result = NULL;

    if (rpyc_object_call_method(root, method, args, count, NULL, &result, &error))
        die(error, method);
    return result;
}

static int64_t echo_at(rpyc_object *root, int64_t x)
{
    rpyc_value *args[] = {rpyc_value_new_int(x)};

    return take_int(call(root, "echo", args, 1));
}

static int64_t echo(void *ctx, int64_t x)
{
    return echo_at(((struct client *)ctx)->root, x);
}

static int64_t sink(void *ctx, int64_t x)
{
    struct client *client = ctx;
    rpyc_value *args[] = {rpyc_value_clone(client->payload)};

    (void)x;
    return take_int(call(client->root, "sink", args, 1));
}

static int64_t blob(void *ctx, int64_t x)
{
    struct client *client = ctx;
    rpyc_value *args[] = {rpyc_value_clone(client->payload)};
    rpyc_value *result = call(client->root, "blob", args, 1);
    const uint8_t *data = NULL;
    size_t length = 0;

    (void)x;
    if (rpyc_value_get_bytes(result, &data, &length, NULL) || length != BENCH_BULK ||
        memcmp(data, client->bytes, 64) != 0 || data[length - 1] != client->bytes[length - 1])
        bench_die("wrong bytes");
    rpyc_value_free(result);
    return (int64_t)length;
}

/* What the server calls while callback waits for its answer. */
static void target(rpyc_call *call, void *self)
{
    int64_t x;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &x))
        rpyc_call_return_int(call, x);
}

static int64_t callback(void *ctx, int64_t x)
{
    struct client *client = ctx;
    rpyc_value *args[2] = {NULL, rpyc_value_new_int(x)};
    rpyc_error *error = NULL;

    if (rpyc_value_new_object(client->target, &args[0], &error))
        die(error, "target");
    return take_int(call(client->root, "callback", args, 2));
}

/* n calls, at most `window` of them on their way; the window is filled up when half of it has been answered. */
static void pipe_run(struct client *client, long n, int window)
{
    rpyc_async_result **results = bench_alloc((size_t)window, sizeof *results);
    rpyc_error *error = NULL;
    long sent = 0, got = 0;

    while (got < n) {
        rpyc_async_result **oldest = &results[got % window];
        rpyc_value *value = NULL;

        if (sent - got <= window / 2 && sent < n) {
            if (rpyc_connection_begin(client->conn, &error))
                die(error, "begin");
            for (; sent < n && sent - got < window; sent++) {
                rpyc_value *args[] = {rpyc_value_new_int(sent)};

                if (rpyc_object_call_method_async(client->root, "echo", args, 1, NULL, -1, &results[sent % window],
                                                  &error))
                    die(error, "echo");
            }
            if (rpyc_connection_flush(client->conn, &error))
                die(error, "flush");
        }
        if (rpyc_async_result_value(*oldest, &value, &error))
            die(error, "echo");
        rpyc_async_result_free(*oldest);
        if (take_int(value) != got)
            bench_die("wrong answer");
        got++;
    }
    free(results);
}

static int64_t open_idle(void *ctx, int64_t i)
{
    struct client *client = ctx;

    dial(client, &client->idle[i], &client->idle_roots[i]);
    return echo_at(client->idle_roots[i], i);
}

int main(int argc, char **argv)
{
    struct bench_args args = bench_parse(argc, argv);
    const char *compress = getenv("BENCH_COMPRESS");
    struct client client = {.config = rpyc_config_new()};
    rpyc_error *error = NULL;
    unsigned char *bytes = bench_payload();
    int port;
    long i;

    client.bytes = bytes;
    if (bench_is_tcp(args.addr, &port))
        snprintf(client.address, sizeof client.address, "tcp://127.0.0.1:%d", port);
    else
        snprintf(client.address, sizeof client.address, "unix://%s", bench_path(args.addr));
    if (compress && rpyc_config_set(client.config, "compress", compress, &error))
        die(error, "BENCH_COMPRESS");

    if (strcmp(args.mode, "idle") == 0) {
        client.idle = bench_alloc((size_t)args.n + 1, sizeof *client.idle);
        client.idle_roots = bench_alloc((size_t)args.n + 1, sizeof *client.idle_roots);
        bench_idle(open_idle, &client, args.n, args.srv);
        for (i = 0; i <= args.n; i++) {
            rpyc_object_free(client.idle_roots[i]);
            rpyc_connection_free(client.idle[i]);
        }
        free(client.idle);
        free(client.idle_roots);
    } else {
        dial(&client, &client.conn, &client.root);
        if (strcmp(args.mode, "lat") == 0) {
            bench_latency("lat", echo, &client, args.n, args.srv);
        } else if (strcmp(args.mode, "pipe") == 0) {
            struct bench_mark mark;

            pipe_run(&client, args.n / 10 + 1000, args.window);
            mark = bench_begin(args.srv);
            pipe_run(&client, args.n, args.window);
            bench_end(mark, bench_pipe_name(args.window), args.n, args.srv);
        } else if (strcmp(args.mode, "bulk") == 0) {
            /* Bytes that stay ours until the value is freed: sent without a copy. */
            if (rpyc_value_new_bytes_owned(bytes, BENCH_BULK, NULL, NULL, &client.payload, &error))
                die(error, "payload");
            bench_bulk("bulk_echo", blob, &client, args.n, args.srv);
            bench_bulk("bulk_send", sink, &client, args.n, args.srv);
        } else if (strcmp(args.mode, "cb") == 0) {
            if (rpyc_function_new("target", target, "target(x)", NULL, NULL, NULL, &client.target, &error))
                die(error, "target");
            bench_latency("cb", callback, &client, args.n, args.srv);
        } else {
            bench_die("MODE must be lat, pipe, bulk, cb or idle");
        }
    }
    rpyc_value_free(client.payload);
    rpyc_object_free(client.target);
    rpyc_object_free(client.root);
    rpyc_connection_free(client.conn);
    rpyc_config_free(client.config);
    free(bytes);
    return 0;
}
