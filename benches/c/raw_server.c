/* The limit, server: a thread for each connection, which receives greedily and answers all that came in one send. */
#include "raw.h"

#include <pthread.h>

struct stream {
    int fd, spin;
    char *in, *out;
    size_t room, have, used, answers;
};

enum { ROOM = 64 << 10 };

/* One message that is here as a whole; 0: the stream is over. */
static int serve(struct stream *stream, struct raw_message message, const char *payload)
{
    if (message.kind == RAW_BLOB) { /* back as it came */
        message.kind = RAW_REPLY;
        raw_send(stream->fd, &message, sizeof message, payload, message.payload);
        return 1;
    }
    if (message.kind == RAW_CALLBACK) {
        struct raw_message nested = message;

        nested.kind = RAW_NESTED;
        raw_send(stream->fd, &nested, sizeof nested, NULL, 0);
        if (!raw_receive_all(stream->fd, &nested, sizeof nested, stream->spin))
            return 0;
        message.x = nested.x;
    }
    if (message.kind == RAW_SINK)
        message.x = message.payload;
    message.kind = RAW_REPLY;
    message.payload = 0;
    memcpy(stream->out + stream->answers, &message, sizeof message);
    stream->answers += sizeof message;
    return 1;
}

/* All messages that are here; 0: the stream is over. */
static int serve_all(struct stream *stream)
{
    struct raw_message message;

    stream->used = stream->answers = 0;
    while (stream->have - stream->used >= sizeof message) {
        size_t size;

        memcpy(&message, stream->in + stream->used, sizeof message);
        size = sizeof message + message.payload;
        if (size > stream->room) {
            char *larger = raw_room(size);

            memcpy(larger, stream->in, stream->have);
            stream->room = size;
            stream->in = larger;
        }
        if (stream->have - stream->used < size)
            break;
        if (!serve(stream, message, stream->in + stream->used + sizeof message))
            return 0;
        stream->used += size;
    }
    if (stream->answers > 0)
        raw_send(stream->fd, stream->out, stream->answers, NULL, 0);
    stream->have -= stream->used;
    memmove(stream->in, stream->in + stream->used, stream->have);
    return 1;
}

static void *run(void *arg)
{
    struct stream stream = {.fd = (int)(intptr_t)arg, .spin = getenv("BENCH_SPIN") != NULL, .room = ROOM};
    size_t n;

    stream.in = raw_room(ROOM);
    stream.out = bench_alloc(ROOM, 1); /* at most as much as came in one receive */
    raw_prepare(stream.fd);
    do {
        n = raw_receive(stream.fd, stream.in + stream.have, stream.room - stream.have, stream.spin);
        stream.have += n;
    } while (n > 0 && serve_all(&stream));
    free(stream.out);
    close(stream.fd);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_storage address;
    pthread_attr_t detached;
    socklen_t length;
    int listener, on = 1;

    if (argc != 2)
        bench_die("usage: raw_server ADDR");
    length = raw_address(&address, argv[1]);
    listener = socket(address.ss_family, SOCK_STREAM, 0);
    if (address.ss_family == AF_UNIX)
        unlink(bench_path(argv[1]));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, length) || listen(listener, 1024))
        bench_die("cannot listen");
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    bench_ready(NULL);
    for (;;) { /* until it is killed */
        int fd = accept(listener, NULL, NULL);
        pthread_t thread;

        if (fd >= 0 && pthread_create(&thread, &detached, run, (void *)(intptr_t)fd))
            close(fd);
    }
}
