/* The limit: the same work over plain sockets, without a library. Messages have 30 bytes, as many as a small call of
 * RPyC; a payload follows. */
#ifndef BENCH_RAW_H
#define BENCH_RAW_H

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

enum raw_kind { RAW_ECHO, RAW_BLOB, RAW_SINK, RAW_CALLBACK, RAW_NESTED, RAW_REPLY };

struct __attribute__((packed)) raw_message {
    uint32_t payload; /* bytes that follow */
    uint8_t kind, unused;
    uint64_t number;
    int64_t x;
    char filling[8];
};

_Static_assert(sizeof(struct raw_message) == 30, "30 bytes");

/* The socket address of ADDR; how long it is. */
static inline socklen_t raw_address(struct sockaddr_storage *storage, const char *addr)
{
    struct sockaddr_in *in = (struct sockaddr_in *)storage;
    struct sockaddr_un *un = (struct sockaddr_un *)storage;
    int port;

    memset(storage, 0, sizeof *storage);
    if (bench_is_tcp(addr, &port)) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return sizeof *in;
    }
    un->sun_family = AF_UNIX;
    snprintf(un->sun_path, sizeof un->sun_path, "%s", bench_path(addr));
    return sizeof *un;
}

/* Room for a payload, until the program ends. Some processors copy many times slower if what they copy to begins 1 to 31 bytes
 * further into its page than what they copy from. The kernel's pages begin with the message; half a page away is safe. */
static inline void *raw_room(size_t size)
{
    const size_t page = 4096;
    char *room = aligned_alloc(page, (size / page + 2) * page);

    if (!room)
        bench_die("out of memory");
    return room + page / 2;
}

/* No delay for small messages. Unix sockets know none. */
static inline void raw_prepare(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Receives what there is, at most `size` bytes; 0: the stream has ended. With BENCH_SPIN it asks without sleeping. */
static inline size_t raw_receive(int fd, void *room, size_t size, int spin)
{
    ssize_t n;

    do
        n = recv(fd, room, size, spin ? MSG_DONTWAIT : 0);
    while (n < 0 && (errno == EINTR || (spin && errno == EAGAIN)));
    return n < 0 ? 0 : (size_t)n;
}

/* All of `size` bytes, or 0. */
static inline int raw_receive_all(int fd, void *room, size_t size, int spin)
{
    size_t have = 0, n;

    while (have < size) {
        n = raw_receive(fd, (char *)room + have, size - have, spin);
        if (n == 0)
            return 0;
        have += n;
    }
    return 1;
}

/* Sends a message and its payload. */
static inline void raw_send(int fd, const void *message, size_t size, const void *payload, size_t length)
{
    struct iovec parts[2] = {{(void *)message, size}, {(void *)payload, length}};
    struct msghdr header = {.msg_iov = parts, .msg_iovlen = payload ? 2 : 1};
    size_t left = size + length;

    while (left > 0) {
        ssize_t n =
            payload ? sendmsg(fd, &header, MSG_NOSIGNAL) : send(fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL);
        size_t sent = n < 0 ? 0 : (size_t)n, first;

        if (n < 0 && errno != EINTR)
            bench_die("send");
        left -= sent;
        first = sent < parts[0].iov_len ? sent : parts[0].iov_len;
        parts[0].iov_base = (char *)parts[0].iov_base + first;
        parts[0].iov_len -= first;
        parts[1].iov_base = (char *)parts[1].iov_base + (sent - first);
        parts[1].iov_len -= sent - first;
    }
}

#endif
