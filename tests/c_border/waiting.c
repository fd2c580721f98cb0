/* waiting ADDRESS: timeouts of threads, and interrupting them, against a stock server (tests/run/clients/waiting_server.py). */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include <rpyc_helpers.h>

#define ERROR_STORAGE _Thread_local
#include "check.h"

static const char *address;

struct peer {
    rpyc_connection *connection;
    rpyc_object *root;
};

static const char *interruptible = "false";

static struct peer open_peer(const char *seconds)
{
    struct peer peer = {NULL, NULL};
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "sync_request_timeout", seconds, &error));
    OK(rpyc_config_set(config, "interruptible", interruptible, &error));
    OK(rpyc_connect(address, NULL, config, &peer.connection, &error));
    OK(rpyc_connection_root(peer.connection, &peer.root, &error));
    rpyc_config_free(config);
    return peer;
}

static void close_peer(struct peer peer)
{
    rpyc_object_free(peer.root);
    OK(rpyc_connection_close(peer.connection, &error));
    rpyc_connection_free(peer.connection);
}

static rpyc_status slow(rpyc_object *root, double seconds)
{
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_object_call_method(root, "slow", RPYC_ARGS(rpyc_float(seconds)), NULL, &value, &error);

    rpyc_value_free(value);
    return status;
}

static int64_t number(rpyc_object *root, const char *method)
{
    rpyc_value *value = NULL;
    int64_t number = -1;

    OK(rpyc_object_call_method(root, method, NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_int(value, &number, &error));
    rpyc_value_free(value);
    return number;
}

/* ---------------------------------------------------------------- time limits */

static void limits(void)
{
    struct peer peer = open_peer("30");
    size_t outer, inner;
    int64_t calls;

    outer = rpyc_timeout_begin(100);
    GIVES(RPYC_ERR_TIMEOUT, slow(peer.root, 0.8));
    /* It is over: what follows is not sent. */
    GIVES(RPYC_ERR_TIMEOUT, slow(peer.root, 0));
    rpyc_timeout_end(outer);
    /* The connection goes on, and the late answer is nobody's. */
    calls = number(peer.root, "calls");

    /* An inner limit can only shorten. */
    outer = rpyc_timeout_begin(50);
    rpyc_timeout_begin(60000);
    inner = rpyc_timeout_begin(-1);
    GIVES(RPYC_ERR_TIMEOUT, slow(peer.root, 0.4));
    rpyc_timeout_end(inner);
    rpyc_timeout_end(outer); /* with one that was forgotten */
    CHECK(number(peer.root, "calls") == calls + 1);
    outer = rpyc_timeout_begin(60000);
    inner = rpyc_timeout_begin(50);
    GIVES(RPYC_ERR_TIMEOUT, slow(peer.root, 0.4));
    rpyc_timeout_end(inner);
    OK(slow(peer.root, 0));
    rpyc_timeout_end(outer);
    rpyc_timeout_end(outer); /* does nothing */
    rpyc_timeout_end(1000);
    OK(slow(peer.root, 0));
    close_peer(peer);
}

static void of_every_function(void)
{
    struct peer peer = open_peer("30");
    rpyc_value *value = NULL, *list = NULL;
    rpyc_object *numbers = NULL;
    rpyc_async_result *later = NULL;
    bool yes = false;
    int64_t length = 0;
    size_t limit;

    OK(rpyc_object_call_method(peer.root, "numbers", NULL, 0, NULL, &list, &error));
    OK(rpyc_value_get_object(list, &numbers, &error));
    limit = rpyc_timeout_begin(0);
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_length(numbers, &length, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_repr(numbers, &value, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_get_attr(peer.root, "echo", &value, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_get_item(numbers, rpyc_int(0), &value, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_truth(numbers, &yes, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_obtain(numbers, 0, 0, 0, &value, &error));
    GIVES(RPYC_ERR_TIMEOUT,
          rpyc_connection_sync_request(peer.connection, RPYC_HANDLE_GETROOT, NULL, 0, &value, &error));
    /* Asynchronous results have limits of their own. */
    OK(rpyc_object_call_method_async(peer.root, "calls", NULL, 0, NULL, 30000, &later, &error));
    OK(rpyc_async_result_wait(later, &error));
    OK(rpyc_connection_ping(peer.connection, NULL, 0, 30000, &error));
    rpyc_timeout_end(limit);
    limit = rpyc_timeout_begin(60000);
    OK(rpyc_object_obtain(numbers, 0, 0, 0, &value, &error));
    rpyc_timeout_end(limit);
    CHECK(rpyc_value_count(value) == 3);
    rpyc_value_free(value);
    rpyc_async_result_free(later);
    rpyc_object_free(numbers);
    rpyc_value_free(list);
    close_peer(peer);
}

static void longer_than_the_option(void)
{
    struct peer peer = open_peer("0.05");
    size_t limit = rpyc_timeout_begin(60000);

    OK(slow(peer.root, 0.3));
    rpyc_timeout_end(limit);
    limit = rpyc_timeout_begin(-1);
    OK(slow(peer.root, 0.3));
    rpyc_timeout_end(limit);
    GIVES(RPYC_ERR_TIMEOUT, slow(peer.root, 0.3));
    close_peer(peer);
}

static struct peer shared;
static int nested;

/* Serves a peer while its thread waits within a limit, which is not for what is served. */
static void nest(rpyc_call *call, void *self)
{
    (void)self;
    OK(slow(shared.root, 0.5));
    nested++;
    rpyc_call_return(call, NULL);
}

static void not_of_what_is_served(void)
{
    rpyc_object *func = NULL;
    rpyc_value *value = NULL;
    rpyc_status status;
    size_t limit;

    shared = open_peer("30");
    OK(rpyc_function_new("nest", nest, "nest()", NULL, 0, NULL, NULL, &func, &error));
    limit = rpyc_timeout_begin(200);
    status = rpyc_object_call_method(shared.root, "call", RPYC_ARGS(rpyc_ref(func)), NULL, &value, NULL);
    CHECK(status == RPYC_ERR_TIMEOUT || status == RPYC_OK);
    GIVES(RPYC_ERR_TIMEOUT, slow(shared.root, 0)); /* its own limit has come back */
    rpyc_timeout_end(limit);
    OK(slow(shared.root, 0));
    CHECK(nested == 1);
    rpyc_value_free(value);
    rpyc_object_free(func);
    close_peer(shared);
}

static void *other_thread(void *unused)
{
    (void)unused;
    OK(slow(shared.root, 0.1));
    return NULL;
}

static void of_one_thread(void)
{
    size_t limit;
    pthread_t thread;

    shared = open_peer("30");
    limit = rpyc_timeout_begin(0);
    CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0);
    pthread_join(thread, NULL);
    rpyc_timeout_end(limit);
    close_peer(shared);
}

/* ---------------------------------------------------------------- interrupting */

static rpyc_connection *to_interrupt;
static pthread_t interrupting;

static void on_signal(int number)
{
    (void)number;
    errno = 77;
    rpyc_connection_interrupt(to_interrupt);
    if (errno != 77)
        abort();
}

/* Interrupts after a moment: by a signal to the thread that has asked for it, or by a thread. */
static int by_signal;

static void *interrupt_soon(void *thread)
{
    nanosleep(&(struct timespec){0, 60000000}, NULL);
    if (by_signal)
        pthread_kill(*(pthread_t *)thread, SIGUSR1);
    else
        OK(rpyc_connection_interrupt(to_interrupt));
    free(thread);
    return NULL;
}

static void soon(rpyc_connection *connection)
{
    pthread_t *self = malloc(sizeof *self);

    *self = pthread_self();
    to_interrupt = connection;
    CHECK(pthread_create(&interrupting, NULL, interrupt_soon, self) == 0);
}

#define INTERRUPTED(connection, call)                                                                                  \
    do {                                                                                                               \
        soon(connection);                                                                                              \
        GIVES(RPYC_ERR_WAIT_INTERRUPTED, call);                                                                        \
        pthread_join(interrupting, NULL);                                                                              \
    } while (0)

static rpyc_status hold(rpyc_object *root, const char *gate)
{
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_object_call_method(root, "hold", RPYC_ARGS(rpyc_str(gate)), NULL, &value, &error);

    rpyc_value_free(value);
    return status;
}

static void open_gate(struct peer other, const char *gate)
{
    rpyc_value *value = NULL;

    OK(rpyc_object_call_method(other.root, "open", RPYC_ARGS(rpyc_str(gate)), NULL, &value, &error));
    rpyc_value_free(value);
}

static void waits(const char *gate)
{
    struct peer peer = open_peer("none"), other = open_peer("30");
    rpyc_async_result *later = NULL, *several[2] = {NULL, NULL};
    rpyc_value *value = NULL;
    rpyc_queue *queue = NULL;
    rpyc_serving *serving = NULL;
    size_t index = 0, ran = 0;
    bool handled = false;
    int64_t calls;

    INTERRUPTED(peer.connection, hold(peer.root, gate));
    OK(rpyc_connection_poll(peer.connection, 0, &handled, &error));
    open_gate(other, gate); /* the late answer is dropped */
    OK(slow(peer.root, 0));
    INTERRUPTED(peer.connection, slow(peer.root, 0.3));

    /* Nobody waits: it is the next one, which is not sent, however often it was said. */
    calls = number(peer.root, "calls");
    OK(rpyc_connection_interrupt(peer.connection));
    OK(rpyc_connection_interrupt(peer.connection));
    OK(rpyc_connection_poll(peer.connection, 0, &handled, &error)); /* does not wait */
    GIVES(RPYC_ERR_WAIT_INTERRUPTED, slow(peer.root, 0));
    CHECK(number(peer.root, "calls") == calls);

    /* Asynchronous results may be waited for again. */
    OK(rpyc_object_call_method_async(peer.root, "slow", RPYC_ARGS(rpyc_float(0.3), rpyc_int(5)), NULL, -1, &later,
                                     &error));
    INTERRUPTED(peer.connection, rpyc_async_result_wait(later, &error));
    OK(rpyc_async_result_value(later, &value, &error));
    rpyc_value_free(value);
    rpyc_async_result_free(later);
    OK(rpyc_object_call_method_async(peer.root, "slow", RPYC_ARGS(rpyc_float(0.3), rpyc_int(5)), NULL, -1, &several[0],
                                     &error));
    OK(rpyc_object_call_method_async(peer.root, "slow", RPYC_ARGS(rpyc_float(0.1), rpyc_int(5)), NULL, -1, &several[1],
                                     &error));
    INTERRUPTED(peer.connection, rpyc_async_result_wait_any(several, 2, -1, &index, &error));
    INTERRUPTED(peer.connection, rpyc_async_result_wait_all(several, 2, -1, &error));
    OK(rpyc_async_result_wait_all(several, 2, 30000, &error));
    rpyc_async_result_free(several[0]);
    rpyc_async_result_free(several[1]);
    /* Of two connections. */
    OK(rpyc_object_call_method_async(peer.root, "slow", RPYC_ARGS(rpyc_float(0.3)), NULL, -1, &several[0], &error));
    OK(rpyc_object_call_method_async(other.root, "slow", RPYC_ARGS(rpyc_float(0.3)), NULL, -1, &several[1], &error));
    INTERRUPTED(other.connection, rpyc_async_result_wait_any(several, 2, -1, &index, &error));
    OK(rpyc_async_result_wait_all(several, 2, 30000, &error));
    rpyc_async_result_free(several[0]);
    rpyc_async_result_free(several[1]);

    /* Serving. */
    INTERRUPTED(peer.connection, rpyc_connection_serve(peer.connection, -1, &handled, &error));
    INTERRUPTED(peer.connection, rpyc_connection_poll(peer.connection, 30000, &handled, &error));
    INTERRUPTED(peer.connection, rpyc_connection_poll_all(peer.connection, 30000, &handled, &error));
    INTERRUPTED(peer.connection, rpyc_connection_serve_all(peer.connection, &error));
    INTERRUPTED(peer.connection, rpyc_connection_serve_threaded(peer.connection, 3, 0, &error));
    OK(rpyc_connection_close(peer.connection, &error));
    OK(rpyc_connection_interrupt(peer.connection));
    GIVES(RPYC_ERR_STALE, slow(peer.root, 0));
    rpyc_object_free(peer.root);
    rpyc_connection_free(peer.connection);

    /* Threads of the library serve on; the queue's thread stops waiting. */
    peer = open_peer("none");
    OK(rpyc_queue_new(10, &queue, &error));
    OK(rpyc_connection_set_queue(peer.connection, queue, &error));
    OK(rpyc_connection_serve_background(peer.connection, 2, 0, &serving, &error));
    INTERRUPTED(peer.connection, rpyc_queue_run(queue, 0, -1, &ran, &error));
    INTERRUPTED(peer.connection, rpyc_queue_run(queue, 0, -1, &ran, &error));
    INTERRUPTED(peer.connection, slow(peer.root, 0.3));
    CHECK(rpyc_serving_is_running(serving));
    OK(slow(peer.root, 0));
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    close_peer(peer);
    rpyc_queue_free(queue);
    close_peer(other);
}

/* ---------------------------------------------------------------- several at once, and one in the other */

static void *held(void *gate)
{
    GIVES(RPYC_ERR_WAIT_INTERRUPTED, hold(shared.root, gate));
    return NULL;
}

static void several_threads(void)
{
    struct peer other = open_peer("30");
    pthread_t threads[3];
    int64_t calls = number(other.root, "calls");

    shared = open_peer("none");
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, held, "several") == 0);
    while (number(other.root, "calls") == calls)
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    nanosleep(&(struct timespec){0, 200000000}, NULL); /* until all of them wait */
    OK(rpyc_connection_interrupt(shared.connection));
    open_gate(other, "later");
    OK(hold(other.root, "later"));
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    open_gate(other, "several");
    OK(slow(shared.root, 0)); /* it was for those */
    close_peer(shared);
    close_peer(other);
}

/* A handler finds its own thread where it waits for another one that reads: it stops at once, not together with the reader,
   which notices within a second. Where that second is just over, it is tried again. */
static atomic_int reader_ended;

static void *reads(void *unused)
{
    (void)unused;
    GIVES(RPYC_ERR_WAIT_INTERRUPTED, hold(shared.root, "reader"));
    reader_ended = 1;
    return NULL;
}

static void beside_a_reader(void)
{
    struct peer other = open_peer("30");
    int first = 0;

    by_signal = 1;
    interruptible = "false";
    shared = open_peer("none");
    for (int round = 0; round < 30 && !first; round++) {
        int64_t calls = number(other.root, "calls");
        pthread_t reader;

        reader_ended = 0;
        CHECK(pthread_create(&reader, NULL, reads, NULL) == 0);
        while (number(other.root, "calls") == calls)
            nanosleep(&(struct timespec){0, 5000000}, NULL);
        INTERRUPTED(shared.connection, hold(shared.root, "reader"));
        nanosleep(&(struct timespec){0, 100000000}, NULL);
        first = !reader_ended;
        pthread_join(reader, NULL);
    }
    CHECK(first);
    open_gate(other, "reader");
    OK(slow(shared.root, 0));
    close_peer(shared);
    close_peer(other);
}

/* Nobody reads for the queue's connections, so that nobody but the queue's thread can notice. */
static void queue_without_a_reader(void)
{
    struct peer one = open_peer("none"), two = open_peer("none");
    rpyc_queue *queue = NULL;
    size_t ran = 0;

    OK(rpyc_queue_new(10, &queue, &error));
    OK(rpyc_connection_set_queue(one.connection, queue, &error));
    OK(rpyc_connection_set_queue(two.connection, queue, &error));
    for (by_signal = 0; by_signal < 2; by_signal++) {
        INTERRUPTED(one.connection, rpyc_queue_run(queue, 0, -1, &ran, &error));
        INTERRUPTED(two.connection, rpyc_queue_run(queue, 0, -1, &ran, &error));
    }
    OK(slow(one.root, 0)); /* it was for the queue's thread */
    OK(slow(two.root, 0));
    OK(rpyc_queue_run(queue, 0, 1, &ran, &error));
    close_peer(one);
    OK(rpyc_queue_run(queue, 0, 1, &ran, &error));
    close_peer(two);
    rpyc_queue_free(queue);
}

static int inner_ended;

static void nest_interrupted(rpyc_call *call, void *self)
{
    (void)self;
    INTERRUPTED(shared.connection, slow(shared.root, 0.3));
    inner_ended++;
    rpyc_call_return_int(call, 5);
}

/* The innermost wait ends. */
static void nested_waits(void)
{
    rpyc_object *func = NULL;
    rpyc_value *value = NULL;
    int64_t answer = 0;

    shared = open_peer("30");
    OK(rpyc_function_new("nest", nest_interrupted, "nest()", NULL, 0, NULL, NULL, &func, &error));
    OK(rpyc_object_call_method(shared.root, "call", RPYC_ARGS(rpyc_ref(func)), NULL, &value, &error));
    OK(rpyc_value_get_int(value, &answer, &error));
    CHECK(answer == 5 && inner_ended > 0);
    rpyc_value_free(value);
    rpyc_object_free(func);
    close_peer(shared);
}

/* What a callback does not deal with, its caller gets as InterruptedError. */
static void pass_on(rpyc_call *call, void *self)
{
    rpyc_error *why = NULL;
    rpyc_value *value = NULL;

    (void)self;
    soon(shared.connection);
    if (rpyc_object_call_method(shared.root, "slow", RPYC_ARGS(rpyc_float(0.3)), NULL, &value, &why))
        rpyc_call_raise_error(call, why);
    pthread_join(interrupting, NULL);
    rpyc_value_free(value);
}

static void told_to_the_peer(void)
{
    rpyc_object *func = NULL;
    rpyc_value *value = NULL;
    const char *text;
    size_t length = 0;

    shared = open_peer("30");
    OK(rpyc_function_new("pass_on", pass_on, "pass_on()", NULL, 0, NULL, NULL, &func, &error));
    OK(rpyc_object_call_method(shared.root, "call_and_tell", RPYC_ARGS(rpyc_ref(func)), NULL, &value, &error));
    text = NULL;
    OK(rpyc_value_get_str(value, &text, &length, &error));
    CHECK(text != NULL && strcmp(text, "InterruptedError") == 0);
    rpyc_value_free(value);
    rpyc_object_free(func);
    close_peer(shared);
}

/* A peer that does not receive: whoever waits for room stops, too. */
static void stalled(void)
{
    rpyc_transport *end = NULL;
    rpyc_connection *connection = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_value *value = NULL, *args[1];
    char *much = calloc(1, 8 << 20);
    int fds[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_config_set(config, "compress", "false", &error));
    OK(rpyc_config_set(config, "interruptible", interruptible, &error));
    OK(rpyc_config_set(config, "close_timeout", "0", &error));
    OK(rpyc_config_set(config, "sync_request_timeout", "none", &error));
    OK(rpyc_transport_new_fd(fds[0], fds[0], 1, &end, &error));
    OK(rpyc_connection_new(end, NULL, config, &connection, &error));
    args[0] = rpyc_bytes(much, 8 << 20);
    INTERRUPTED(connection, rpyc_connection_sync_request(connection, RPYC_HANDLE_PING, args, 1, &value, &error));
    args[0] = rpyc_int(1);
    INTERRUPTED(connection, rpyc_connection_sync_request(connection, RPYC_HANDLE_PING, args, 1, &value, &error));
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    close(fds[1]);
    free(much);
}

static void misuse(void)
{
    GIVES(RPYC_ERR_NULL, rpyc_connection_interrupt(NULL));
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    alarm(80);
    if (argc == 2) {
        address = argv[1];
        limits();
        of_every_function();
        longer_than_the_option();
        not_of_what_is_served();
        of_one_thread();
        sigaction(SIGUSR1, &action, NULL);
        for (by_signal = 0; by_signal < 2; by_signal++) {
            interruptible = by_signal ? "false" : "true";
            waits(by_signal ? "signal" : "thread");
            nested_waits();
            told_to_the_peer();
            stalled();
        }
        several_threads();
        beside_a_reader();
        queue_without_a_reader();
        misuse();
    }
    return finish();
}
