/* The client of the measurements. */
#include "client.h"

struct client {
    char address[160];
    rpyc_config *config;
    rpyc_connection *conn;
    rpyc_object *root, *target;
    rpyc_value *payload;
    rpyc_buffer *buffer; /* NULL: answers lie in memory of the library */
    const unsigned char *bytes;
    rpyc_connection **idle;
    rpyc_object **idle_roots;
};

static int64_t echo(void *ctx, int64_t x)
{
    return bench_echo(((struct client *)ctx)->root, x);
}

static int64_t callback(void *ctx, int64_t x)
{
    struct client *client = ctx;

    return bench_callback(client->root, client->target, x);
}

static int64_t sink(void *ctx, int64_t x)
{
    struct client *client = ctx;
    rpyc_value *args[] = {rpyc_value_clone(client->payload)};

    (void)x;
    return bench_take_int(bench_call_method(client->root, "sink", args, 1));
}

/* The payload there and back; how many bytes came. */
static int64_t blob(void *ctx, int64_t x)
{
    struct client *client = ctx;
    rpyc_value *args[] = {rpyc_value_clone(client->payload)};
    rpyc_value *result = NULL;
    const uint8_t *sent = NULL, *data = NULL;
    size_t size = 0, length = 0, head;

    (void)x;
    if (!client->buffer)
        result = bench_call_method(client->root, "blob", args, 1);
    else if (rpyc_object_call_method_into(client->root, "blob", args, 1, NULL, client->buffer, &result, NULL))
        bench_die("no answer");
    if (rpyc_value_get_bytes(client->payload, &sent, &size, NULL) || rpyc_value_get_bytes(result, &data, &length, NULL))
        bench_die("no bytes");
    head = size < 64 ? size : 64;
    if (length != size || (size && (memcmp(data, sent, head) != 0 || data[size - 1] != sent[size - 1])))
        bench_die("wrong bytes");
    rpyc_value_free(result);
    return (int64_t)length;
}

static int64_t open_idle(void *ctx, int64_t i)
{
    struct client *client = ctx;

    bench_dial(client->address, client->config, &client->idle[i], &client->idle_roots[i]);
    return bench_echo(client->idle_roots[i], i);
}

static void run_idle(struct client *client, long n, pid_t srv)
{
    long i;

    client->idle = bench_alloc((size_t)n + 1, sizeof *client->idle);
    client->idle_roots = bench_alloc((size_t)n + 1, sizeof *client->idle_roots);
    bench_idle(open_idle, client, n, srv);
    for (i = 0; i <= n; i++) {
        rpyc_object_free(client->idle_roots[i]);
        rpyc_connection_free(client->idle[i]);
    }
    free(client->idle);
    free(client->idle_roots);
}

/* Bytes that stay ours until the value is freed: sent without a copy. */
static void make_payload(struct client *client, size_t size)
{
    rpyc_error *error = NULL;

    if (rpyc_value_new_bytes_owned(client->bytes, size, NULL, NULL, &client->payload, &error))
        bench_fail(error, "payload");
}

int main(int argc, char **argv)
{
    struct bench_args args = bench_parse(argc, argv);
    struct client client = {.config = bench_config()};
    size_t size = strcmp(args.mode, "size") == 0 ? (size_t)args.window : BENCH_BULK;
    unsigned char *bytes = bench_random_bytes(size);

    client.bytes = bytes;
    bench_address(client.address, sizeof client.address, args.addr);
    if (strcmp(args.mode, "idle") == 0) {
        run_idle(&client, args.n, args.srv);
    } else {
        bench_dial(client.address, client.config, &client.conn, &client.root);
        if (strcmp(args.mode, "lat") == 0) {
            bench_latency("lat", echo, &client, args.n, args.srv);
        } else if (strcmp(args.mode, "pipe") == 0) {
            struct bench_mark mark;

            bench_pipe(client.conn, client.root, args.n / 10 + 1000, args.window);
            mark = bench_begin(args.srv);
            bench_pipe(client.conn, client.root, args.n, args.window);
            bench_end(mark, bench_pipe_name(args.window), args.n, args.srv);
        } else if (strcmp(args.mode, "batch") == 0) {
            struct bench_mark mark;

            bench_batch(client.root, args.n / 10 + 1000, args.window);
            mark = bench_begin(args.srv);
            bench_batch(client.root, args.n, args.window);
            bench_end(mark, "batch", args.n, args.srv);
        } else if (strcmp(args.mode, "bulk") == 0) {
            make_payload(&client, size);
            bench_bulk("bulk_echo", blob, &client, args.n, args.srv);
            bench_bulk("bulk_send", sink, &client, args.n, args.srv);
        } else if (strcmp(args.mode, "into") == 0) {
            void *memory = malloc(size ? size : 1);

            make_payload(&client, size);
            if (rpyc_buffer_new(memory, size, memory, free, &client.buffer, NULL))
                bench_die("no buffer");
            bench_bulk("bulk_into", blob, &client, args.n, args.srv);
        } else if (strcmp(args.mode, "size") == 0) {
            make_payload(&client, size);
            bench_sized(blob, &client, size, args.n);
        } else if (strcmp(args.mode, "cb") == 0) {
            client.target = bench_new_target();
            bench_latency("cb", callback, &client, args.n, args.srv);
        } else {
            bench_die("MODE must be lat, pipe, batch, bulk, into, size, cb or idle");
        }
    }
    rpyc_value_free(client.payload);
    rpyc_buffer_free(client.buffer);
    rpyc_object_free(client.target);
    rpyc_object_free(client.root);
    rpyc_connection_free(client.conn);
    rpyc_config_free(client.config);
    free(bytes);
    return 0;
}
