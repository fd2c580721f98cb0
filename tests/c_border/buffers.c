/* Answers in memory of the caller: which lie there, when the memory is busy, and how often its destructor runs. */
#define _POSIX_C_SOURCE 200809L
#include <sys/socket.h>

#include "check.h"
#include "peers.h"

#define LONG 300000
#define HALF 60000
#define ALL 100000

static int destroyed;
/* What the destructor uses, which would wait for itself if it ran under the connection's lock. */
static rpyc_connection *used;

static void destroy(void *userdata)
{
    CHECK(userdata == &destroyed);
    if (used)
        OK(rpyc_connection_set_option(used, "compress", "true", &error));
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
}

static unsigned char memory[LONG];

static rpyc_buffer *buffer_of(size_t capacity)
{
    rpyc_buffer *buffer = NULL;

    destroyed = 0;
    OK(rpyc_buffer_new(memory, capacity, &destroyed, destroy, &buffer, &error));
    CHECK(buffer != NULL && !rpyc_buffer_busy(buffer));
    return buffer;
}

static int lies_in_memory(const rpyc_value *value)
{
    const uint8_t *data = NULL;
    size_t length = 0;

    OK(rpyc_value_get_bytes(value, &data, &length, &error));
    return data == memory;
}

/* Bytes of some pattern; `noise`: such as do not get shorter by compression. */
static rpyc_value *pattern(size_t length, int noise)
{
    unsigned char *bytes = malloc(length + 1);
    uint64_t state = 88172645463325252u;
    rpyc_value *value = NULL;

    for (size_t i = 0; i < length; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes[i] = (unsigned char)(noise ? state >> 24 : i % 7);
    }
    OK(rpyc_value_new_bytes(bytes, length, &value, &error));
    free(bytes);
    return value;
}

static rpyc_value *echo_into(rpyc_object *root, rpyc_value *arg, rpyc_buffer *buffer)
{
    rpyc_value *args[] = {arg}, *answer = NULL;

    OK(rpyc_object_call_method_into(root, "echo", args, 1, NULL, buffer, &answer, &error));
    return answer;
}

static void making(void)
{
    rpyc_buffer *buffer = NULL, *more;

    destroyed = 0;
    CHECK(rpyc_buffer_new(NULL, 5, &destroyed, destroy, &buffer, NULL) == RPYC_ERR_NULL);
    CHECK(rpyc_buffer_new(memory, 5, &destroyed, destroy, NULL, NULL) == RPYC_ERR_NULL);
    CHECK(rpyc_buffer_new(memory, SIZE_MAX, &destroyed, destroy, &buffer, NULL) == RPYC_ERR_ARGUMENT);
    CHECK(buffer == NULL && destroyed == 3);
    buffer = buffer_of(5);
    more = rpyc_buffer_clone(buffer);
    rpyc_buffer_free(buffer);
    CHECK(destroyed == 0);
    rpyc_buffer_free(more);
    CHECK(destroyed == 1);
}

/* All lengths around what fits, compressible or not. */
static void fitting(rpyc_object *root)
{
    static const size_t lengths[] = {0, 1, 30, 31, 5000, 65536, 70000, LONG - 1, LONG, LONG + 1};

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        for (int noise = 0; noise < 2; noise++) {
            rpyc_buffer *buffer = buffer_of(LONG);
            rpyc_value *sent = pattern(lengths[i], noise), *answer, *more;
            int fits = lengths[i] <= LONG;

            memset(memory, '-', sizeof memory);
            answer = echo_into(root, rpyc_value_clone(sent), buffer);
            CHECK(rpyc_value_equal(sent, answer) && lies_in_memory(answer) == fits);
            CHECK(rpyc_buffer_busy(buffer) == fits);
            /* Another answer meanwhile lies elsewhere. */
            more = echo_into(root, rpyc_value_clone(sent), buffer);
            CHECK(lies_in_memory(more) == 0);
            rpyc_value_free(more);
            CHECK(rpyc_value_equal(sent, answer));
            /* What lies there may be sent on, and is held by clones. */
            more = rpyc_value_clone(answer);
            rpyc_value_free(echo_into(root, answer, buffer));
            CHECK(rpyc_buffer_busy(buffer) == fits);
            rpyc_buffer_free(buffer);
            CHECK(destroyed == !fits);
            rpyc_value_free(more);
            CHECK(destroyed == 1);
            rpyc_value_free(sent);
        }
    }
}

static void other_answers(rpyc_object *root)
{
    rpyc_buffer *buffer = buffer_of(LONG);
    rpyc_value *answer = echo_into(root, rpyc_value_new_int(5), buffer), *args[1];

    CHECK(rpyc_value_kind(answer) == RPYC_VALUE_INT && !rpyc_buffer_busy(buffer));
    rpyc_value_free(answer);
    /* A peer of our kind tells that there is no such name from that it is refused. */
    GIVES(RPYC_ERR_REMOTE, rpyc_object_call_method_into(root, "nothing", NULL, 0, NULL, buffer, &answer, &error));
    CHECK(answer == NULL && !rpyc_buffer_busy(buffer));
    args[0] = pattern(10, 0);
    GIVES(RPYC_ERR_NULL, rpyc_object_call_method_into(root, "echo", args, 1, NULL, NULL, &answer, &error));
    answer = echo_into(root, pattern(LONG, 1), buffer);
    CHECK(lies_in_memory(answer));
    rpyc_value_free(answer);
    CHECK(!rpyc_buffer_busy(buffer) && destroyed == 0);
    rpyc_buffer_free(buffer);
    CHECK(destroyed == 1);
}

static void asynchronous(rpyc_object *root)
{
    rpyc_buffer *buffer = buffer_of(LONG);
    rpyc_async_result *result = NULL;
    rpyc_value *answer = NULL, *args[] = {pattern(LONG, 1)};

    OK(rpyc_object_call_method_into_async(root, "echo", args, 1, NULL, buffer, 20000, &result, &error));
    CHECK(rpyc_buffer_busy(buffer));
    OK(rpyc_async_result_value(result, &answer, &error));
    CHECK(lies_in_memory(answer));
    rpyc_value_free(answer);
    CHECK(rpyc_buffer_busy(buffer));
    rpyc_async_result_free(result);
    CHECK(!rpyc_buffer_busy(buffer) && destroyed == 0);
    rpyc_buffer_free(buffer);
    CHECK(destroyed == 1);
}

/* ---------------------------------------------------------------- a peer that is played by hand */

struct hand {
    int fd;
    rpyc_connection *connection;
    rpyc_object *root;
};

static void put(int fd, const void *bytes, size_t length)
{
    const char *rest = bytes;

    while (length > 0) {
        ssize_t sent = write(fd, rest, length);

        CHECK(sent > 0);
        if (sent <= 0)
            return;
        rest += sent;
        length -= (size_t)sent;
    }
}

/* The beginning of the answer to request `number`, with so many of its bytes; `put_rest` sends the others. */
static void put_beginning(int fd, int number, size_t length, size_t now)
{
    size_t body = 10 + length;
    unsigned char head[] = {(unsigned char)(body >> 24),
                            (unsigned char)(body >> 16),
                            (unsigned char)(body >> 8),
                            (unsigned char)body,
                            0,
                            2,
                            0x11,
                            (unsigned char)(0x50 + number),
                            0x11,
                            0x51,
                            0x0f,
                            (unsigned char)(length >> 24),
                            (unsigned char)(length >> 16),
                            (unsigned char)(length >> 8),
                            (unsigned char)length};
    unsigned char *data = malloc(now + 1);

    memset(data, 'a' + number, now);
    put(fd, head, sizeof head);
    put(fd, data, now);
    free(data);
}

static void put_rest(int fd, int number, size_t length, size_t sent)
{
    unsigned char *data = malloc(length - sent + 1);

    memset(data, 'a' + number, length - sent);
    data[length - sent] = '\n';
    put(fd, data, length - sent + 1);
    free(data);
}

static void open_hand(struct hand *hand)
{
    static const unsigned char root[] = {0,    0,    0,    11,   0,   2,    0x11, 0x50, 0x11,
                                         0x54, 0x12, 0x08, 0x0a, 'R', 0x51, 0x52, '\n'};
    int fds[2] = {-1, -1}, size = 1 << 20;
    rpyc_transport *transport = NULL;
    rpyc_config *config = peers_config();

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    hand->fd = fds[1];
    OK(rpyc_config_set(config, "sync_request_timeout", "0.2", &error));
    OK(rpyc_config_set(config, "close_timeout", "0.01", &error));
    OK(rpyc_transport_new_fd(fds[0], fds[0], 1, &transport, &error));
    OK(rpyc_connection_new(transport, NULL, config, &hand->connection, &error));
    rpyc_config_free(config);
    put(hand->fd, root, sizeof root);
    OK(rpyc_connection_root(hand->connection, &hand->root, &error));
}

static void close_hand(struct hand *hand)
{
    if (hand->fd >= 0)
        close(hand->fd);
    rpyc_object_free(hand->root);
    rpyc_connection_free(hand->connection);
}

static int all_are(unsigned char byte, size_t length)
{
    size_t good = 0;

    while (good < length && memory[good] == byte)
        good++;
    return good == length;
}

/* The time is up in the middle: what is being received stays safe, and the next call finds all as it should be. */
static void late(void)
{
    struct hand hand = {0};
    rpyc_buffer *buffer = buffer_of(ALL);
    rpyc_value *answer = NULL;

    open_hand(&hand);
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_call_method_into(hand.root, "get", NULL, 0, NULL, buffer, &answer, &error));
    CHECK(!rpyc_buffer_busy(buffer)); /* nothing had begun */
    put_beginning(hand.fd, 1, ALL, ALL);
    put(hand.fd, "\n", 1);
    put_beginning(hand.fd, 2, ALL, HALF);
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_call_method_into(hand.root, "get", NULL, 0, NULL, buffer, &answer, &error));
    CHECK(rpyc_buffer_busy(buffer) && all_are('c', HALF) && memory[HALF] != 'c');
    put_rest(hand.fd, 2, ALL, HALF);
    put_beginning(hand.fd, 3, ALL, ALL);
    put(hand.fd, "\n", 1);
    OK(rpyc_object_call_method_into(hand.root, "get", NULL, 0, NULL, buffer, &answer, &error));
    CHECK(!lies_in_memory(answer) && !rpyc_buffer_busy(buffer) && all_are('c', ALL));
    rpyc_value_free(answer);
    put_beginning(hand.fd, 4, ALL, ALL);
    put(hand.fd, "\n", 1);
    OK(rpyc_object_call_method_into(hand.root, "get", NULL, 0, NULL, buffer, &answer, &error));
    CHECK(lies_in_memory(answer) && all_are('e', ALL));
    /* A buffer that nobody holds any more lives as long as it is being received into. */
    rpyc_value_free(answer);
    put_beginning(hand.fd, 5, ALL, HALF);
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_call_method_into(hand.root, "get", NULL, 0, NULL, buffer, &answer, &error));
    rpyc_buffer_free(buffer);
    CHECK(destroyed == 0);
    put_rest(hand.fd, 5, ALL, HALF);
    put_beginning(hand.fd, 6, 5, 5);
    put(hand.fd, "\n", 1);
    OK(rpyc_object_call_method(hand.root, "get", NULL, 0, NULL, &answer, &error));
    CHECK(destroyed == 1 && all_are('f', ALL));
    rpyc_value_free(answer);
    close_hand(&hand);
    CHECK(destroyed == 1);
}

/* The connection ends in the middle, by the peer or by us after the time was up. */
static void ended(int by_peer)
{
    struct hand hand = {0};
    rpyc_buffer *buffer = buffer_of(ALL);
    rpyc_value *answer = NULL;

    open_hand(&hand);
    put_beginning(hand.fd, 1, ALL, HALF);
    if (by_peer) {
        shutdown(hand.fd, SHUT_WR);
        GIVES(RPYC_ERR_EOF, rpyc_object_call_method_into(hand.root, "get", NULL, 0, NULL, buffer, &answer, &error));
    } else {
        GIVES(RPYC_ERR_TIMEOUT, rpyc_object_call_method_into(hand.root, "get", NULL, 0, NULL, buffer, &answer, &error));
        CHECK(rpyc_buffer_busy(buffer));
        OK(rpyc_connection_close(hand.connection, &error));
    }
    CHECK(answer == NULL && !rpyc_buffer_busy(buffer) && all_are('b', HALF));
    rpyc_buffer_free(buffer);
    CHECK(destroyed == 1);
    close_hand(&hand);
    CHECK(destroyed == 1);
}

/* An answer that comes after its asynchronous result has expired is dropped, and its buffer is free again. */
static void expired(void)
{
    struct hand hand = {0};
    rpyc_buffer *buffer = buffer_of(ALL);
    rpyc_async_result *result = NULL;
    rpyc_value *answer = NULL;

    open_hand(&hand);
    OK(rpyc_object_call_method_into_async(hand.root, "get", NULL, 0, NULL, buffer, 1, &result, &error));
    rpyc_buffer_free(buffer);
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_value(result, &answer, &error));
    CHECK(destroyed == 0);
    put_beginning(hand.fd, 1, ALL, ALL);
    put(hand.fd, "\n", 1);
    put_beginning(hand.fd, 2, 5, 5);
    put(hand.fd, "\n", 1);
    OK(rpyc_object_call_method(hand.root, "get", NULL, 0, NULL, &answer, &error));
    CHECK(destroyed == 1);
    rpyc_value_free(answer);
    rpyc_async_result_free(result);
    close_hand(&hand);
    CHECK(destroyed == 1);
}

/* The answer to a request whose result has been freed is dropped where the destructor may use the connection. */
static void abandoned(size_t length)
{
    struct hand hand = {0};
    rpyc_buffer *buffer = buffer_of(ALL);
    rpyc_async_result *result = NULL;
    rpyc_value *answer = NULL;

    open_hand(&hand);
    OK(rpyc_object_call_method_into_async(hand.root, "get", NULL, 0, NULL, buffer, -1, &result, &error));
    rpyc_async_result_free(result);
    rpyc_buffer_free(buffer);
    CHECK(destroyed == 0);
    used = hand.connection;
    put_beginning(hand.fd, 1, length, length);
    put(hand.fd, "\n", 1);
    put_beginning(hand.fd, 2, 5, 5);
    put(hand.fd, "\n", 1);
    OK(rpyc_object_call_method(hand.root, "get", NULL, 0, NULL, &answer, &error));
    CHECK(destroyed == 1);
    used = NULL;
    rpyc_value_free(answer);
    close_hand(&hand);
    CHECK(destroyed == 1);
}

int main(void)
{
    struct peers peers = {0};
    rpyc_object *root = NULL;

    signal(SIGPIPE, SIG_IGN);
    making();
    for (int compressed = 0; compressed < 2; compressed++) {
        peers_open(&peers);
        OK(rpyc_connection_set_option(peers.server, "compress", compressed ? "true" : "false", &error));
        OK(rpyc_connection_root(peers.client, &root, &error));
        fitting(root);
        other_answers(root);
        asynchronous(root);
        rpyc_object_free(root);
        peers_close(&peers);
    }
    late();
    ended(0);
    ended(1);
    expired();
    abandoned(40);
    abandoned(ALL);
    return finish();
}
