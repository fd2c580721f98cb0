/* The limit, client. */
#include "raw.h"

struct client {
    int fd, spin;
    uint64_t number;
    size_t size;
    unsigned char *payload, *back;
};

static void dial(struct client *client, const char *addr)
{
    struct sockaddr_storage address;
    socklen_t length = raw_address(&address, addr);

    client->spin = getenv("BENCH_SPIN") != NULL;
    client->fd = socket(address.ss_family, SOCK_STREAM, 0);
    if (connect(client->fd, (struct sockaddr *)&address, length))
        bench_die("cannot connect");
    raw_prepare(client->fd);
}

static struct raw_message request(struct client *client, enum raw_kind kind, int64_t x)
{
    return (struct raw_message){.kind = (uint8_t)kind, .number = ++client->number, .x = x};
}

static struct raw_message receive(struct client *client)
{
    struct raw_message message;

    if (!raw_receive_all(client->fd, &message, sizeof message, client->spin))
        bench_die("the server is gone");
    return message;
}

static int64_t echo(void *ctx, int64_t x)
{
    struct client *client = ctx;
    struct raw_message message = request(client, RAW_ECHO, x);

    raw_send(client->fd, &message, sizeof message, NULL, 0);
    message = receive(client);
    return message.number == client->number ? message.x : -1;
}

static int64_t callback(void *ctx, int64_t x)
{
    struct client *client = ctx;
    struct raw_message message = request(client, RAW_CALLBACK, x);

    raw_send(client->fd, &message, sizeof message, NULL, 0);
    message = receive(client);
    while (message.kind == RAW_NESTED) {
        message.kind = RAW_REPLY;
        raw_send(client->fd, &message, sizeof message, NULL, 0);
        message = receive(client);
    }
    return message.number == client->number ? message.x : -1;
}

static int64_t sink(void *ctx, int64_t x)
{
    struct client *client = ctx;
    struct raw_message message = request(client, RAW_SINK, x);

    message.payload = (uint32_t)client->size;
    raw_send(client->fd, &message, sizeof message, client->payload, client->size);
    return receive(client).x;
}

static int64_t blob(void *ctx, int64_t x)
{
    struct client *client = ctx;
    struct raw_message message = request(client, RAW_BLOB, x);
    size_t size = client->size, head = size < 64 ? size : 64;

    message.payload = (uint32_t)size;
    raw_send(client->fd, &message, sizeof message, client->payload, size);
    message = receive(client);
    if (message.payload != size || !raw_receive_all(client->fd, client->back, size, client->spin))
        bench_die("the server is gone");
    if (size &&
        (memcmp(client->back, client->payload, head) != 0 || client->back[size - 1] != client->payload[size - 1]))
        bench_die("wrong bytes");
    return (int64_t)size;
}

/* n calls, at most `window` of them on their way; the window is filled up, in one send, when half of it was answered. */
static void pipe_run(struct client *client, long n, int window)
{
    struct raw_message *out = bench_alloc((size_t)window, sizeof *out), *in = bench_alloc((size_t)window, sizeof *in);
    long sent = 0, got = 0;
    size_t have = 0, i, whole, bytes;

    while (got < n) {
        if (sent - got <= window / 2 && sent < n) {
            size_t count = 0;

            for (; sent < n && sent - got < window; sent++)
                out[count++] = (struct raw_message){.kind = RAW_ECHO, .number = (uint64_t)sent, .x = sent};
            raw_send(client->fd, out, count * sizeof *out, NULL, 0);
        }
        bytes = raw_receive(client->fd, (char *)in + have, (size_t)window * sizeof *in - have, client->spin);
        if (bytes == 0)
            bench_die("the server is gone");
        have += bytes;
        whole = have / sizeof *in;
        for (i = 0; i < whole; i++, got++)
            if (in[i].x != got)
                bench_die("wrong answer");
        have -= whole * sizeof *in;
        memmove(in, in + whole, have);
    }
    free(out);
    free(in);
}

int main(int argc, char **argv)
{
    struct bench_args args = bench_parse(argc, argv);
    struct client client = {.size = BENCH_BULK};

    if (strcmp(args.mode, "size") == 0)
        client.size = (size_t)args.window;
    client.payload = raw_room(client.size);
    client.back = raw_room(client.size);
    bench_fill(client.payload, client.size);
    dial(&client, args.addr);
    if (strcmp(args.mode, "lat") == 0) {
        bench_latency("lat", echo, &client, args.n, args.srv);
    } else if (strcmp(args.mode, "cb") == 0) {
        bench_latency("cb", callback, &client, args.n, args.srv);
    } else if (strcmp(args.mode, "pipe") == 0) {
        struct bench_mark mark;

        pipe_run(&client, args.n / 10 + 1000, args.window);
        mark = bench_begin(args.srv);
        pipe_run(&client, args.n, args.window);
        bench_end(mark, bench_pipe_name(args.window), args.n, args.srv);
    } else if (strcmp(args.mode, "bulk") == 0) {
        bench_bulk("bulk_echo", blob, &client, args.n, args.srv);
        bench_bulk("bulk_send", sink, &client, args.n, args.srv);
    } else if (strcmp(args.mode, "size") == 0) {
        bench_sized(blob, &client, client.size, args.n);
    } else {
        bench_die("MODE must be lat, pipe, bulk, size or cb");
    }
    close(client.fd);
    return 0;
}
