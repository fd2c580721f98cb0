/* waiting ADDRESS: time limits of threads, against a stock server (tests/run/clients/waiting_server.py). */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>

#include <rpyc_helpers.h>

#include "check.h"

static const char *address;

struct peer {
    rpyc_connection *connection;
    rpyc_object *root;
};

static struct peer open_peer(const char *seconds)
{
    struct peer peer = {NULL, NULL};
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "sync_request_timeout", seconds, &error));
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
    GIVES(RPYC_ERR_TIMEOUT, rpyc_connection_sync_request(peer.connection, RPYC_HANDLE_GETROOT, NULL, 0, &value, &error));
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

int main(int argc, char **argv)
{
    alarm(80);
    if (argc == 2) {
        address = argv[1];
        limits();
        of_every_function();
        longer_than_the_option();
        not_of_what_is_served();
        of_one_thread();
    }
    return finish();
}
