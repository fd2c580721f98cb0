/* Transports of the application: callbacks that give one byte at a time, say "not yet" for nothing, fail and end in the middle of a
 * frame, use the library, and are shut down while somebody waits. */
#define ERROR_STORAGE _Thread_local
#include "check.h"

#include <poll.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#define WAITS 1     /* wait and wake, no descriptor */
#define SMALL 2     /* one byte at a time */
#define SPURIOUS 4  /* every other call gives nothing */
#define BUSY 8      /* wait says that everything is ready */
#define USES 16     /* the callbacks use the library */
#define LIES 32     /* a count beyond the size */
#define NONSENSE 64 /* a status without a meaning */
#define SILENT 128  /* no text for failures */
#define NOTHING 256 /* OK with no bytes */

struct stream {
    int fd, flags;
    atomic_int running, freed, shutdowns, reads, writes, calls;
    int fail_after, end_after; /* bytes read; 0: never */
    int write_fails_after;     /* bytes written */
    int got, put;
    rpyc_connection *other; /* that the callbacks may use */
};

static atomic_int streams_freed, overlaps;

static int enter(struct stream *stream)
{
    if (atomic_fetch_add(&stream->running, 1) != 0)
        atomic_fetch_add(&overlaps, 1);
    return atomic_fetch_add(&stream->calls, 1);
}

static int32_t leave(struct stream *stream, int32_t status)
{
    atomic_fetch_sub(&stream->running, 1);
    return status;
}

static void use_library(struct stream *stream)
{
    rpyc_value *value = rpyc_value_new_int(1);

    rpyc_value_free(value);
    if (stream->other != NULL)
        CHECK(rpyc_connection_ping(stream->other, NULL, 0, 20000, NULL) == RPYC_OK);
}

static int32_t read_some(void *userdata, void *buffer, size_t size, size_t *count_out)
{
    struct stream *stream = userdata;
    int call = enter(stream);
    ssize_t n;

    atomic_fetch_add(&stream->reads, 1);
    CHECK(size > 0 && *count_out == 0);
    if (stream->flags & USES)
        use_library(stream);
    if (stream->flags & SPURIOUS && call % 2)
        return leave(stream, RPYC_TRANSPORT_WANT_READ);
    if (stream->fail_after && stream->got >= stream->fail_after)
        return leave(stream, RPYC_TRANSPORT_FAILED);
    if (stream->end_after && stream->got >= stream->end_after)
        return leave(stream, RPYC_TRANSPORT_END);
    if (stream->flags & SMALL)
        size = 1;
    n = recv(stream->fd, buffer, size, MSG_DONTWAIT);
    if (n < 0)
        return leave(stream, errno == EAGAIN ? RPYC_TRANSPORT_WANT_READ : RPYC_TRANSPORT_FAILED);
    if (n == 0)
        return leave(stream, RPYC_TRANSPORT_END);
    stream->got += (int)n;
    *count_out = stream->flags & LIES ? size + 100000 : stream->flags & NOTHING ? 0 : (size_t)n;
    return leave(stream, stream->flags & NONSENSE ? 77 : RPYC_TRANSPORT_OK);
}

static int32_t write_some(void *userdata, const void *data, size_t size, size_t *count_out)
{
    struct stream *stream = userdata;
    int call = enter(stream);
    ssize_t n;

    atomic_fetch_add(&stream->writes, 1);
    CHECK(size > 0 && *count_out == 0);
    if (stream->flags & USES)
        use_library(stream);
    if (stream->flags & SPURIOUS && call % 2)
        return leave(stream, RPYC_TRANSPORT_WANT_WRITE);
    if (stream->write_fails_after && stream->put >= stream->write_fails_after)
        return leave(stream, RPYC_TRANSPORT_FAILED);
    if (stream->flags & SMALL)
        size = 1;
    n = send(stream->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return leave(stream, errno == EAGAIN ? RPYC_TRANSPORT_WANT_WRITE : RPYC_TRANSPORT_FAILED);
    stream->put += (int)n;
    *count_out = (size_t)n;
    return leave(stream, RPYC_TRANSPORT_OK);
}

static const char *why(void *userdata)
{
    return ((struct stream *)userdata)->flags & SILENT ? NULL : "the line was cut by a digger";
}

static int32_t descriptor(void *userdata)
{
    return ((struct stream *)userdata)->fd;
}

static int32_t await(void *userdata, int32_t events, int64_t timeout_ms)
{
    struct stream *stream = userdata;
    struct pollfd polled = {stream->fd, 0, 0};
    int32_t found = 0;

    CHECK(timeout_ms >= 0 && timeout_ms <= 1000 && events >= 0 && events <= 3);
    if (stream->flags & USES)
        use_library(stream);
    if (stream->flags & BUSY)
        return events;
    polled.events = (short)((events & RPYC_WAIT_READ ? POLLIN : 0) | (events & RPYC_WAIT_WRITE ? POLLOUT : 0));
    if (poll(&polled, 1, (int)(timeout_ms < 20 ? timeout_ms : 20)) > 0) {
        if (polled.revents & (POLLIN | POLLHUP | POLLERR))
            found |= events & RPYC_WAIT_READ;
        if (polled.revents & (POLLOUT | POLLHUP | POLLERR))
            found |= events & RPYC_WAIT_WRITE;
    }
    return found;
}

static void shut(void *userdata)
{
    struct stream *stream = userdata;

    atomic_fetch_add(&stream->shutdowns, 1);
    shutdown(stream->fd, SHUT_RDWR);
}

static void close_stream(void *userdata)
{
    struct stream *stream = userdata;

    CHECK(atomic_load(&stream->running) == 0);
    CHECK(atomic_load(&stream->shutdowns) <= 1);
    CHECK(atomic_fetch_add(&stream->freed, 1) == 0);
    rpyc_connection_free(stream->other);
    close(stream->fd);
    free(stream);
    atomic_fetch_add(&streams_freed, 1);
}

static rpyc_transport_table table_of(int flags)
{
    rpyc_transport_table table = {0};

    table.struct_size = sizeof table;
    table.peer_name = "serial line 7";
    table.read = read_some;
    table.write = write_some;
    table.error_text = why;
    table.shutdown = shut;
    if (flags & (WAITS | BUSY))
        table.wait = await;
    else
        table.fileno = descriptor;
    return table;
}

static struct stream *stream_over(int fd, int flags)
{
    struct stream *stream = calloc(1, sizeof *stream);

    stream->fd = fd;
    stream->flags = flags;
    return stream;
}

static rpyc_transport *transport_over(struct stream *stream)
{
    rpyc_transport_table table = table_of(stream->flags);
    rpyc_transport *transport = NULL;

    OK(rpyc_transport_new(&table, stream, close_stream, &transport, &error));
    return transport;
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static rpyc_class *make_service(void)
{
    static const rpyc_method methods[] = {{"exposed_echo", echo, "echo(thing)", NULL, 0}};
    rpyc_class_table table = {0};
    rpyc_class *service = NULL;

    table.struct_size = sizeof table;
    table.method_size = sizeof methods[0];
    table.name = "EchoService";
    table.methods = methods;
    table.method_count = 1;
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    return service;
}

static rpyc_server *make_server(const rpyc_class *service)
{
    rpyc_server *server = NULL;

    OK(rpyc_server_new("", service, NULL, &server, &error));
    CHECK(strcmp(rpyc_server_address(server), "") == 0);
    return server;
}

static void pair(int fds[2])
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
}

static void call_echo(rpyc_connection *connection, size_t size, rpyc_status want)
{
    char *bytes = calloc(size, 1);
    rpyc_value *arg = NULL, *back = NULL;
    rpyc_object *root = NULL;
    rpyc_value *args[1];
    const uint8_t *data = NULL;
    size_t length = 0;

    if (rpyc_connection_root(connection, &root, NULL) == RPYC_OK) {
        OK(rpyc_value_new_bytes(bytes, size, &arg, &error));
        args[0] = arg;
        GIVES(want, rpyc_object_call_method(root, "echo", args, 1, NULL, &back, &error));
        if (want == RPYC_OK) {
            OK(rpyc_value_get_bytes(back, &data, &length, &error));
            CHECK(length == size);
        }
        rpyc_value_free(back);
        rpyc_object_free(root);
    } else {
        CHECK(want != RPYC_OK);
    }
    free(bytes);
}

/* Calls through two such transports, of a server that listens nowhere and of a client. */
static void both_ways(int client_flags, int server_flags, size_t size)
{
    rpyc_class *service = make_service();
    rpyc_server *server = make_server(service);
    rpyc_connection *connection = NULL;
    int fds[2], before = atomic_load(&streams_freed);

    pair(fds);
    OK(rpyc_server_add_transport(server, transport_over(stream_over(fds[1], server_flags)), &error));
    OK(rpyc_connection_new(transport_over(stream_over(fds[0], client_flags)), NULL, NULL, &connection, &error));
    call_echo(connection, 3, RPYC_OK);
    call_echo(connection, size, RPYC_OK);
    CHECK(rpyc_server_connection_count(server) == 1);
    CHECK(rpyc_connection_fileno(connection) == (client_flags & (WAITS | BUSY) ? -1 : fds[0]));
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
    OK(rpyc_server_stop(server, 0, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    CHECK(atomic_load(&streams_freed) == before + 2);
}

/* A stream that goes wrong in the middle: the reason is told. */
static void goes_wrong(struct stream *stream, int fd, const char *text)
{
    rpyc_class *service = make_service();
    rpyc_server *server = make_server(service);
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;
    rpyc_status status;
    int before = atomic_load(&streams_freed);

    OK(rpyc_transport_new_fd(fd, fd, 1, &transport, &error));
    OK(rpyc_server_add_transport(server, transport, &error));
    OK(rpyc_connection_new(transport_over(stream), NULL, NULL, &connection, &error));
    status = rpyc_connection_ping(connection, NULL, 0, 20000, &error);
    CHECK(status == RPYC_ERR_EOF);
    CHECK(error != NULL && strstr(rpyc_error_message(error), text) != NULL);
    if (error == NULL || strstr(rpyc_error_message(error), text) == NULL)
        fprintf(stderr, "expected '%s', got '%s'\n", text, error ? rpyc_error_message(error) : "no error");
    rpyc_error_free(error);
    error = NULL;
    GIVES(RPYC_ERR_EOF, rpyc_connection_ping(connection, NULL, 0, 20000, &error));
    rpyc_connection_free(connection);
    CHECK(atomic_load(&streams_freed) == before + 1);
    OK(rpyc_server_stop(server, 0, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
}

static void all_that_goes_wrong(void)
{
    static const struct {
        int flags, fail, end, put;
        const char *text;
    } cases[] = {
        {SMALL | SPURIOUS, 3, 0, 0, "the stream failed: the line was cut by a digger"},
        {SMALL, 9, 0, 0, "cut by a digger"},
        {SMALL | WAITS, 9, 0, 0, "cut by a digger"},
        {SMALL | SILENT, 9, 0, 0, "read of the application's transport failed"},
        {SMALL, 0, 9, 0, "the peer ended the stream inside a message"},
        {SMALL, 0, 0, 5, "cut by a digger"},
        {LIES, 0, 0, 0, "read of the application's transport returned"},
        {NOTHING, 0, 0, 0, "read of the application's transport returned 0 bytes"},
        {NONSENSE, 0, 0, 0, "returned the unknown status 77"},
    };
    size_t i;

    for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stream *stream;
        int fds[2];

        pair(fds);
        stream = stream_over(fds[0], cases[i].flags);
        stream->fail_after = cases[i].fail;
        stream->end_after = cases[i].end;
        stream->write_fails_after = cases[i].put;
        goes_wrong(stream, fds[1], cases[i].text);
    }
}

static void *wait_long(void *connection)
{
    CHECK(rpyc_connection_ping(connection, NULL, 0, 20000, NULL) == RPYC_ERR_CLOSED);
    return NULL;
}

/* Closed by one thread while another waits for an answer that never comes. */
static void closed_while_waiting(int flags)
{
    struct timespec moment = {0, 30 * 1000 * 1000};
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;
    struct stream *stream;
    pthread_t waiting;
    int fds[2], before = atomic_load(&streams_freed);

    pair(fds);
    stream = stream_over(fds[0], flags);
    OK(rpyc_config_set(config, "close_timeout", "0", &error));
    OK(rpyc_connection_new(transport_over(stream), NULL, config, &connection, &error));
    CHECK(pthread_create(&waiting, NULL, wait_long, connection) == 0);
    nanosleep(&moment, NULL);
    OK(rpyc_connection_close(connection, &error));
    pthread_join(waiting, NULL);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    close(fds[1]);
    CHECK(atomic_load(&streams_freed) == before + 1);
}

static void *call_much(void *connection)
{
    int i;

    for (i = 0; i < 25; i++)
        call_echo(connection, (size_t)i * 997, RPYC_OK);
    return NULL;
}

/* Four threads call through one transport, whose callbacks never overlap. */
static void many_threads(int flags)
{
    rpyc_class *service = make_service();
    rpyc_server *server = make_server(service);
    rpyc_connection *connection = NULL;
    pthread_t threads[4];
    int fds[2], i;

    pair(fds);
    OK(rpyc_server_add_transport(server, transport_over(stream_over(fds[1], flags)), &error));
    OK(rpyc_connection_new(transport_over(stream_over(fds[0], flags)), NULL, NULL, &connection, &error));
    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, call_much, connection) == 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    rpyc_connection_free(connection);
    OK(rpyc_server_stop(server, 0, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    CHECK(atomic_load(&overlaps) == 0);
}

/* The callbacks ask another connection meanwhile, whose transport is in memory. */
static void uses_the_library(void)
{
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_class *service = make_service();
    rpyc_server *server = make_server(service);
    rpyc_connection *connection = NULL;
    struct stream *stream;
    int fds[2];

    pair(fds);
    stream = stream_over(fds[0], USES);
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_server_add_transport(server, right, &error));
    OK(rpyc_connection_new(left, NULL, NULL, &stream->other, &error));
    OK(rpyc_server_add_transport(server, transport_over(stream_over(fds[1], 0)), &error));
    OK(rpyc_connection_new(transport_over(stream), NULL, NULL, &connection, &error));
    call_echo(connection, 100, RPYC_OK);
    rpyc_connection_free(connection);
    OK(rpyc_server_stop(server, 0, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
}

static atomic_int opened;

static rpyc_transport *open_stream(void *userdata, int64_t timeout_ms)
{
    rpyc_transport *transport = NULL;
    int fds[2];

    CHECK(timeout_ms > 0 && timeout_ms <= 10000);
    if (atomic_fetch_add(&opened, 1) > 0 || userdata == NULL)
        return NULL;
    pair(fds);
    OK(rpyc_transport_new_fd(fds[1], fds[1], 1, &transport, &error));
    OK(rpyc_server_add_transport(userdata, transport, &error));
    return transport_over(stream_over(fds[0], SMALL | SPURIOUS));
}

static void connected_by(void)
{
    rpyc_class *service = make_service();
    rpyc_server *server = make_server(service);
    rpyc_connection *connection = NULL;

    OK(rpyc_connect_by("tcp://elsewhere:1", open_stream, server, NULL, NULL, &connection, &error));
    call_echo(connection, 10, RPYC_OK);
    rpyc_connection_free(connection);
    GIVES(RPYC_ERR_IO, rpyc_connect_by("tcp://elsewhere:2", open_stream, NULL, NULL, NULL, &connection, &error));
    CHECK(connection == NULL);
    GIVES(RPYC_ERR_NULL, rpyc_connect_by("tcp://elsewhere:2", NULL, NULL, NULL, NULL, &connection, &error));
    GIVES(RPYC_ERR_ADDRESS, rpyc_connect_by("elsewhere", open_stream, NULL, NULL, NULL, &connection, &error));
    OK(rpyc_server_stop(server, 0, &error));
    GIVES(RPYC_ERR_STATE, rpyc_server_serve(server, &error));
    {
        rpyc_transport *left = NULL, *right = NULL;

        OK(rpyc_transport_new_pair(&left, &right, &error));
        GIVES(RPYC_ERR_STATE, rpyc_server_add_transport(server, left, &error));
        GIVES(RPYC_ERR_NULL, rpyc_server_add_transport(NULL, right, &error));
        GIVES(RPYC_ERR_NULL, rpyc_server_add_transport(server, NULL, &error));
    }
    rpyc_server_free(server);
    rpyc_class_free(service);
}

static void count_free(void *userdata)
{
    ++*(int *)userdata;
}

/* Tables that cannot be right; the pointer is freed all the same. */
static void refused_tables(void)
{
    rpyc_transport *transport = NULL;
    rpyc_transport_table table;
    struct stream closed = {0};
    int freed = 0;

    closed.fd = 1000000;
    table = table_of(0);
    table.struct_size = 1;
    GIVES(RPYC_ERR_ABI, rpyc_transport_new(&table, &freed, count_free, &transport, &error));
    table = table_of(WAITS);
    table.read = NULL;
    GIVES(RPYC_ERR_NULL, rpyc_transport_new(&table, &freed, count_free, &transport, &error));
    table = table_of(WAITS);
    table.write = NULL;
    GIVES(RPYC_ERR_NULL, rpyc_transport_new(&table, &freed, count_free, &transport, &error));
    table = table_of(WAITS);
    table.wait = NULL;
    GIVES(RPYC_ERR_ARGUMENT, rpyc_transport_new(&table, &freed, count_free, &transport, &error));
    table = table_of(WAITS);
    table.peer_name = "\xff";
    GIVES(RPYC_ERR_UTF8, rpyc_transport_new(&table, &freed, count_free, &transport, &error));
    GIVES(RPYC_ERR_NULL, rpyc_transport_new(NULL, &freed, count_free, &transport, &error));
    table = table_of(WAITS);
    GIVES(RPYC_ERR_NULL, rpyc_transport_new(&table, &freed, count_free, NULL, &error));
    CHECK(transport == NULL && freed == 7);
    table = table_of(0);
    GIVES(RPYC_ERR_ADDRESS, rpyc_transport_new(&table, &closed, NULL, &transport, &error));
    table = table_of(WAITS);
    OK(rpyc_transport_new(&table, &freed, count_free, &transport, &error));
    rpyc_transport_free(transport);
    CHECK(freed == 8);
}

/* A server that listens nowhere is served, and stopped, like others. */
static void *serve(void *server)
{
    CHECK(rpyc_server_serve(server, NULL) == RPYC_OK);
    return NULL;
}

static void served_nowhere(void)
{
    rpyc_class *service = make_service();
    rpyc_server *server = make_server(service);
    rpyc_transport *left = NULL, *right = NULL;
    uint64_t one = 1;
    pthread_t serving;

    OK(rpyc_server_set_max_connections(server, 1, &error));
    CHECK(pthread_create(&serving, NULL, serve, server) == 0);
    CHECK(write(rpyc_server_stop_fd(server), &one, sizeof one) == sizeof one);
    pthread_join(serving, NULL);
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_server_add_transport(server, right, &error));
    {
        rpyc_connection *connection = NULL;

        OK(rpyc_connection_new(left, NULL, NULL, &connection, &error));
        call_echo(connection, 1, RPYC_OK);
        OK(rpyc_transport_new_pair(&left, &right, &error));
        GIVES(RPYC_ERR_LIMIT, rpyc_server_add_transport(server, right, &error));
        rpyc_transport_free(left);
        rpyc_connection_free(connection);
    }
    OK(rpyc_server_stop(server, 0, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
}

int main(void)
{
    both_ways(0, 0, 300000);
    both_ways(WAITS, WAITS, 300000);
    both_ways(SMALL, SMALL, 2000);
    both_ways(SMALL | SPURIOUS, SMALL | SPURIOUS | WAITS, 2000);
    both_ways(SPURIOUS | BUSY, SPURIOUS, 300000);
    all_that_goes_wrong();
    closed_while_waiting(0);
    closed_while_waiting(WAITS);
    many_threads(SPURIOUS);
    many_threads(SPURIOUS | WAITS);
    uses_the_library();
    connected_by();
    refused_tables();
    served_nowhere();
    return finish();
}
