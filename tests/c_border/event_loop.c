/* A connection in an event loop: nothing waits for a peer that does not receive, what does not go is bounded and said,
 * and everything arrives once the peer receives. Two connections, one thread, poll() between them. */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "peers.h"

#define BIG ((size_t)256 << 10)

struct seen {
    int answers, wrong;
};

static rpyc_value *zeros(size_t length)
{
    char *bytes = calloc(1, length);
    rpyc_value *value = NULL;

    rpyc_value_new_bytes(bytes, length, &value, NULL);
    free(bytes);
    return value;
}

static void big(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, zeros(BIG));
}

static void on_answer(rpyc_async_result *result, void *userdata)
{
    struct seen *seen = userdata;
    rpyc_value *value = NULL;
    const uint8_t *bytes = NULL;
    size_t length = 0;

    seen->answers++;
    if (rpyc_async_result_value(result, &value, NULL) || rpyc_value_get_bytes(value, &bytes, &length, NULL) ||
        length != BIG)
        seen->wrong++;
    rpyc_value_free(value);
}

/* One round of a loop for both connections; what came is handled on each that `process` says. */
static void once(rpyc_connection *connections[2], int limit_ms)
{
    struct pollfd fds[4];
    int i, wait = limit_ms;

    for (i = 0; i < 2; i++) {
        int interest = rpyc_connection_interest(connections[i]);
        int64_t deadline = rpyc_connection_next_deadline(connections[i]);

        fds[2 * i] = (struct pollfd){rpyc_connection_fileno(connections[i]), 0, 0};
        fds[2 * i + 1] = (struct pollfd){rpyc_connection_wake_fileno(connections[i]), POLLIN, 0};
        if (interest & RPYC_WAIT_READ)
            fds[2 * i].events |= POLLIN;
        if (interest & RPYC_WAIT_WRITE)
            fds[2 * i].events |= POLLOUT;
        if (deadline >= 0 && deadline < wait)
            wait = (int)deadline;
    }
    poll(fds, 4, wait);
    for (i = 0; i < 2; i++) {
        rpyc_status status = rpyc_connection_process(connections[i], NULL, NULL);

        CHECK(status == RPYC_OK || status == RPYC_ERR_BACKPRESSURE);
    }
}

static rpyc_class *service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_big", big, "big()", NULL, 0},
        {"exposed_echo", peers_echo, "echo(value)", "The same.", 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "LoopService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };
    rpyc_class *class_out = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &class_out, &error));
    return class_out;
}

static void open_pair(rpyc_connection *connections[2])
{
    rpyc_class *offered = service();
    int fds[2], i;

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    for (i = 0; i < 2; i++) {
        rpyc_transport *transport = NULL;
        rpyc_config *config = peers_config();

        OK(rpyc_config_set(config, "max_queued", "1000000", &error));
        OK(rpyc_config_set(config, "compress", "false", &error));
        OK(rpyc_transport_new_fd(fds[i], fds[i], 1, &transport, &error));
        OK(rpyc_connection_new(transport, offered, config, &connections[i], &error));
        rpyc_config_free(config);
        CHECK(rpyc_connection_wake_fileno(connections[i]) == -1);
        OK(rpyc_connection_set_nonblocking(connections[i], 1, &error));
        CHECK(rpyc_connection_wake_fileno(connections[i]) >= 0);
        CHECK(rpyc_connection_write_fileno(connections[i]) == rpyc_connection_fileno(connections[i]));
        CHECK(rpyc_connection_interest(connections[i]) == RPYC_WAIT_READ);
        CHECK(rpyc_connection_next_deadline(connections[i]) == -1);
    }
    rpyc_class_free(offered);
}

/* The peer's root, without a synchronous call. */
static rpyc_object *root_of(rpyc_connection *connections[2])
{
    rpyc_async_result *result = NULL;
    rpyc_value *value = NULL;
    rpyc_object *root = NULL;

    OK(rpyc_connection_async_request(connections[0], RPYC_HANDLE_GETROOT, NULL, 0, 30000, &result, &error));
    CHECK(rpyc_connection_next_deadline(connections[0]) > 0 && rpyc_connection_next_deadline(connections[0]) <= 30000);
    while (!rpyc_async_result_ready(result))
        once(connections, 1000);
    OK(rpyc_async_result_value(result, &value, &error));
    OK(rpyc_value_get_object(value, &root, &error));
    rpyc_value_free(value);
    rpyc_async_result_free(result);
    CHECK(rpyc_connection_next_deadline(connections[0]) == -1);
    return root;
}

/* The peer receives nothing: requests are taken up to the limit, then refused; nothing waits. */
static void requests_that_do_not_go(void)
{
    rpyc_connection *connections[2];
    struct seen seen = {0, 0};
    rpyc_object *root;
    int sent = 0, i;
    rpyc_status status;

    open_pair(connections);
    root = root_of(connections);
    do {
        rpyc_value *args[] = {zeros(BIG)};
        rpyc_async_result *result = NULL;

        status = rpyc_object_call_method_async(root, "echo", args, 1, NULL, -1, &result, &error);
        CHECK((status == RPYC_OK) == (result != NULL));
        if (result)
            OK(rpyc_async_result_add_callback(result, on_answer, &seen, NULL, &error));
        rpyc_async_result_free(result);
        sent += status == RPYC_OK;
    } while (status == RPYC_OK && sent < 1000);
    GIVES(RPYC_ERR_BACKPRESSURE, status);
    CHECK(sent >= 4 && sent < 1000);
    for (i = 0; i < 5; i++) {
        bool handled = true;

        /* It is this test's limit of time that would notice if it waited. */
        GIVES(RPYC_ERR_BACKPRESSURE, rpyc_connection_process(connections[0], &handled, &error));
        CHECK(!handled);
        CHECK(rpyc_connection_interest(connections[0]) == (RPYC_WAIT_READ | RPYC_WAIT_WRITE));
    }
    CHECK(seen.answers == 0);
    for (i = 0; i < 100000 && seen.answers < sent; i++)
        once(connections, 1000);
    CHECK(seen.answers == sent && seen.wrong == 0);
    CHECK(rpyc_connection_interest(connections[0]) == RPYC_WAIT_READ);
    OK(rpyc_connection_process(connections[0], NULL, &error));
    rpyc_object_free(root);
    CHECK(rpyc_connection_next_deadline(connections[0]) >= 0); /* the object is given back soon */
    rpyc_connection_free(connections[0]);
    while (!rpyc_connection_process(connections[1], NULL, NULL))
        ;
    GIVES(RPYC_ERR_EOF, rpyc_connection_process(connections[1], NULL, &error));
    CHECK(rpyc_connection_interest(connections[1]) == RPYC_WAIT_READ);
    CHECK(rpyc_connection_next_deadline(connections[1]) == 0);
    rpyc_connection_free(connections[1]);
}

/* The peer asks and does not receive: answers are kept up to the limit, and then it is not served until it does. */
static void answers_that_do_not_go(void)
{
    rpyc_connection *connections[2];
    struct seen seen = {0, 0};
    rpyc_object *root;
    rpyc_status status;
    int i;

    open_pair(connections);
    root = root_of(connections);
    for (i = 0; i < 40; i++) {
        rpyc_async_result *result = NULL;

        OK(rpyc_object_call_method_async(root, "big", NULL, 0, NULL, -1, &result, &error));
        OK(rpyc_async_result_add_callback(result, on_answer, &seen, NULL, &error));
        rpyc_async_result_free(result);
    }
    status = rpyc_connection_process(connections[1], NULL, &error);
    GIVES(RPYC_ERR_BACKPRESSURE, status);
    GIVES(RPYC_ERR_BACKPRESSURE, rpyc_connection_process(connections[1], NULL, &error));
    CHECK(rpyc_connection_has_message(connections[1])); /* not all of 40 are answered */
    CHECK(rpyc_connection_interest(connections[1]) & RPYC_WAIT_WRITE);
    CHECK(rpyc_connection_next_deadline(connections[1]) == -1); /* no use to look again before there is room */
    for (i = 0; i < 100000 && seen.answers < 40; i++)
        once(connections, 1000);
    CHECK(seen.answers == 40 && seen.wrong == 0);
    rpyc_object_free(root);
    rpyc_connection_free(connections[0]);
    rpyc_connection_free(connections[1]);
}

/* A message is received to its end, however little may wait to be taken apart. */
static void messages_larger_than_max_buffered(void)
{
    rpyc_connection *connections[2];
    struct seen seen = {0, 0};
    rpyc_object *root;
    int i;

    open_pair(connections);
    root = root_of(connections);
    for (i = 0; i < 2; i++)
        OK(rpyc_connection_set_option(connections[i], "max_buffered", "40000", &error));
    for (i = 0; i < 3; i++) {
        rpyc_value *args[] = {zeros(BIG)};
        rpyc_async_result *result = NULL;

        OK(rpyc_object_call_method_async(root, "echo", args, 1, NULL, -1, &result, &error));
        OK(rpyc_async_result_add_callback(result, on_answer, &seen, NULL, &error));
        rpyc_async_result_free(result);
    }
    for (i = 0; i < 2000 && seen.answers < 3; i++)
        once(connections, 10);
    CHECK(seen.answers == 3 && seen.wrong == 0);
    rpyc_object_free(root);
    for (i = 0; i < 2; i++)
        rpyc_connection_free(connections[i]);
}

static rpyc_call *kept;
static rpyc_connection *looped;

static void keep(rpyc_call *call)
{
    /* Off and on again, within the step that runs this. */
    OK(rpyc_connection_set_nonblocking(looped, 0, &error));
    OK(rpyc_connection_set_nonblocking(looped, 1, &error));
    kept = rpyc_call_defer(call);
}

static void *answer_late(void *fd)
{
    (void)fd;
    /* It does not go at once, and nobody waits for that here. */
    OK(rpyc_call_return(kept, zeros(4 * BIG)));
    rpyc_call_free(kept);
    return NULL;
}

/* An answer of another thread that does not go at once wakes the loop. */
static void a_thread_wakes_the_loop(void)
{
    rpyc_connection *connections[2];
    rpyc_transport *transports[2] = {NULL, NULL};
    rpyc_class *offered = peers_service();
    rpyc_config *config = peers_config();
    rpyc_async_result *result = NULL;
    rpyc_value *value = NULL;
    rpyc_object *root;
    struct pollfd wake;
    pthread_t thread;
    int fds[2], i;

    peers_probe = keep;
    OK(rpyc_config_set(config, "compress", "false", &error));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    for (i = 0; i < 2; i++) {
        OK(rpyc_transport_new_fd(fds[i], fds[i], 1, &transports[i], &error));
        OK(rpyc_connection_new(transports[i], offered, config, &connections[i], &error));
        OK(rpyc_connection_set_nonblocking(connections[i], 1, &error));
    }
    looped = connections[1];
    root = root_of(connections);
    OK(rpyc_object_call_method_async(root, "probe", NULL, 0, NULL, 200, &result, &error));
    for (i = 0; i < 1000 && !kept; i++)
        once(connections, 100);
    CHECK(kept != NULL);
    /* The time of the result is over, and no deadline is left. */
    while (!rpyc_async_result_expired(result))
        once(connections, 1000);
    CHECK(rpyc_connection_next_deadline(connections[0]) == -1);
    rpyc_async_result_free(result);
    wake = (struct pollfd){rpyc_connection_wake_fileno(connections[1]), POLLIN, 0};
    CHECK(poll(&wake, 1, 0) == 0);
    CHECK(pthread_create(&thread, NULL, answer_late, NULL) == 0);
    CHECK(poll(&wake, 1, 60000) == 1);
    pthread_join(thread, NULL);
    CHECK(rpyc_connection_interest(connections[1]) & RPYC_WAIT_WRITE);
    OK(rpyc_connection_async_request(connections[0], RPYC_HANDLE_PING, (rpyc_value *[]){rpyc_value_new_int(7)}, 1, -1,
                                     &result, &error));
    while (!rpyc_async_result_ready(result))
        once(connections, 1000);
    OK(rpyc_async_result_value(result, &value, &error));
    CHECK(poll(&wake, 1, 0) == 0);
    rpyc_value_free(value);
    rpyc_async_result_free(result);
    rpyc_object_free(root);
    OK(rpyc_connection_set_nonblocking(connections[0], 0, &error));
    CHECK(rpyc_connection_wake_fileno(connections[0]) == -1);
    for (i = 0; i < 2; i++)
        rpyc_connection_free(connections[i]);
    rpyc_config_free(config);
    rpyc_class_free(offered);
}

/* A connection over pipes, in a loop; the peer's ends are given too. */
static rpyc_connection *open_pipes(rpyc_class *offered, rpyc_config *config, int *peer_reads, int *peer_writes)
{
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;
    int there[2], back[2];

    CHECK(pipe(there) == 0 && pipe(back) == 0);
    OK(rpyc_transport_new_fd(there[0], back[1], 1, &transport, &error));
    OK(rpyc_connection_new(transport, offered, config, &connection, &error));
    OK(rpyc_connection_set_nonblocking(connection, 1, &error));
    CHECK(rpyc_connection_write_fileno(connection) != rpyc_connection_fileno(connection));
    CHECK(rpyc_connection_next_deadline(connection) == -1);
    *peer_reads = back[0];
    *peer_writes = there[1];
    return connection;
}

/* Nobody receives any more, and what could be received never ends: the loop is told to look all the same. */
static void a_send_that_breaks(void)
{
    rpyc_config *config = peers_config();
    rpyc_connection *connection;
    rpyc_async_result *result = NULL;
    int reads, writes;
    bool handled;

    connection = open_pipes(NULL, config, &reads, &writes);
    close(reads);
    OK(rpyc_connection_async_request(connection, RPYC_HANDLE_PING, NULL, 0, -1, &result, &error));
    CHECK(rpyc_connection_next_deadline(connection) == 0);
    do
        CHECK(rpyc_connection_process(connection, &handled, NULL) != RPYC_ERR_BACKPRESSURE);
    while (handled);
    GIVES(RPYC_ERR_EOF, rpyc_connection_process(connection, NULL, &error));
    GIVES(RPYC_ERR_EOF, rpyc_async_result_wait(result, &error));
    CHECK(rpyc_connection_closed(connection) && rpyc_connection_next_deadline(connection) == 0);
    rpyc_async_result_free(result);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    close(writes);
}

static void keep_only(rpyc_call *call)
{
    kept = rpyc_call_defer(call);
}

static void *leave(void *unused)
{
    (void)unused;
    OK(rpyc_call_raise(kept, "SystemExit", "7"));
    rpyc_call_free(kept);
    return NULL;
}

static void *call_probe(void *connection)
{
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_connection_root(connection, &root, &error));
    CHECK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &value, NULL) == RPYC_ERR_EOF);
    rpyc_object_free(root);
    return NULL;
}

/* A deferred call ends the program, says another thread: whoever is in the loop learns of it, over pipes too. */
static void an_exit_of_a_deferred_call(void)
{
    rpyc_class *offered = peers_service();
    rpyc_config *config = peers_config();
    rpyc_connection *connection, *peer = NULL;
    rpyc_transport *transport = NULL;
    rpyc_status status = RPYC_OK;
    struct pollfd fds[2];
    pthread_t caller, thread;
    int reads, writes;

    OK(rpyc_config_set(config, "propagate_SystemExit_locally", "true", &error));
    connection = open_pipes(offered, config, &reads, &writes);
    OK(rpyc_transport_new_fd(reads, writes, 1, &transport, &error));
    OK(rpyc_connection_new(transport, NULL, config, &peer, &error));
    peers_probe = keep_only;
    kept = NULL;
    CHECK(pthread_create(&caller, NULL, call_probe, peer) == 0);
    fds[0] = (struct pollfd){rpyc_connection_fileno(connection), POLLIN, 0};
    while (!kept) {
        poll(fds, 1, 100);
        OK(rpyc_connection_process(connection, NULL, &error));
    }
    fds[1] = (struct pollfd){rpyc_connection_wake_fileno(connection), POLLIN, 0};
    CHECK(poll(&fds[1], 1, 0) == 0);
    CHECK(pthread_create(&thread, NULL, leave, NULL) == 0);
    CHECK(poll(&fds[1], 1, 60000) == 1);
    pthread_join(thread, NULL);
    CHECK(rpyc_connection_next_deadline(connection) == 0);
    while (!status)
        status = rpyc_connection_process(connection, NULL, &error);
    GIVES(RPYC_ERR_EXIT, status);
    pthread_join(caller, NULL);
    peers_probe = NULL;
    rpyc_connection_free(connection);
    rpyc_connection_free(peer);
    rpyc_config_free(config);
    rpyc_class_free(offered);
}

int main(void)
{
    alarm(80);
    a_send_that_breaks();
    an_exit_of_a_deferred_call();
    requests_that_do_not_go();
    answers_that_do_not_go();
    messages_larger_than_max_buffered();
    a_thread_wakes_the_loop();
    return finish();
}
