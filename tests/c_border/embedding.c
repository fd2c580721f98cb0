/* What a host may do within a callback and beside it: free the handle in use, fork, close from two threads, call from a
 * destructor while calls come in order. */
#define _DEFAULT_SOURCE
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "peers.h"

static rpyc_connection *ends[2]; /* the client, the served one */
static rpyc_object *root;
static rpyc_config *config;
static int freed;

static void open_ends(void)
{
    rpyc_class *service = peers_service();
    int fds[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    for (int i = 0; i < 2; i++) {
        rpyc_transport *transport = NULL;

        OK(rpyc_transport_new_fd(fds[i], fds[i], 1, &transport, &error));
        OK(rpyc_connection_new(transport, service, config, &ends[i], &error));
    }
    rpyc_class_free(service);
}

static rpyc_async_result *ask(const char *method, rpyc_value *arg)
{
    rpyc_async_result *result = NULL;

    OK(rpyc_object_call_method_async(root, method, &arg, arg != NULL, NULL, 30000, &result, &error));
    return result;
}

/* The root, fetched while another thread serves. */
static void fetch_root(void)
{
    rpyc_serving *serving = NULL;

    OK(rpyc_connection_serve_background(ends[1], 1, 0, &serving, &error));
    OK(rpyc_connection_root(ends[0], &root, &error));
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
}

static void free_it(rpyc_call *call)
{
    char *blocks[64];

    rpyc_connection_free(ends[1]);
    freed = 1;
    /* Whoever looks at the memory of the handle, finds something else there. */
    for (int i = 0; i < 64; i++) {
        blocks[i] = malloc(16);
        memset(blocks[i], 0x41, 16);
    }
    for (int i = 0; i < 64; i++)
        free(blocks[i]);
    rpyc_call_return_int(call, 1);
}

static rpyc_status ways(int way)
{
    rpyc_value *value = NULL;

    switch (way) {
    case 0:
        return rpyc_connection_serve_all(ends[1], NULL);
    case 1:
        return rpyc_connection_serve(ends[1], 30000, NULL, NULL);
    case 2:
        return rpyc_connection_poll_all(ends[1], 30000, NULL, NULL);
    case 3:
        return rpyc_connection_process(ends[1], NULL, NULL);
    case 4:
        return rpyc_connection_serve_threaded(ends[1], 1, 0, NULL);
    case 5:
        return rpyc_connection_close(ends[1], NULL);
    case 6:
        return rpyc_connection_ping(ends[1], NULL, 0, 30000, NULL);
    default:
        return rpyc_connection_sync_request(ends[1], RPYC_HANDLE_GETROOT, NULL, 0, &value, NULL);
    }
}

static void handles_freed_in_callbacks(void)
{
    peers_probe = free_it;
    for (int way = 0; way < 8; way++) {
        rpyc_async_result *result;
        rpyc_status status;

        freed = 0;
        open_ends();
        fetch_root();
        result = ask("probe", NULL);
        if (way == 5) /* requests are refused while it is closed */
            OK(rpyc_connection_serve(ends[1], 30000, NULL, &error));
        else {
            status = ways(way);
            CHECK(status == RPYC_OK || status == RPYC_ERR_CLOSED);
        }
        CHECK(freed);
        rpyc_async_result_free(result);
        rpyc_object_free(root);
        rpyc_connection_free(ends[0]);
    }
    peers_probe = NULL;
}

static void fork_it(rpyc_call *call)
{
    rpyc_async_result *result;
    int status = -1;
    pid_t child;

    /* This is for the parent. */
    result = ask("echo", rpyc_value_new_int(5));
    rpyc_async_result_free(result);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        const char *program = rpyc_call_cancelled(call) ? "true" : "false";

        alarm(20);
        execlp(program, program, (char *)NULL); /* what the child holds is no leak */
        _exit(EXIT_FAILURE);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    CHECK(!rpyc_call_cancelled(call));
}

/* A child takes nothing of what the peer sends to its parent. */
static void fork_within_a_call(void)
{
    rpyc_async_result *result;
    bool handled = false;

    open_ends();
    fetch_root();
    peers_probe = fork_it;
    result = ask("probe", NULL);
    OK(rpyc_connection_serve(ends[1], 30000, &handled, &error));
    CHECK(handled);
    OK(rpyc_connection_serve(ends[1], 5000, &handled, &error));
    CHECK(handled);
    OK(rpyc_async_result_wait(result, &error));
    rpyc_async_result_free(result);
    peers_probe = NULL;
    rpyc_object_free(root);
    rpyc_connection_free(ends[0]);
    rpyc_connection_free(ends[1]);
}

static atomic_int leaving;

static rpyc_status last_words(rpyc_connection *connection, rpyc_object *object, void *userdata)
{
    (void)object;
    (void)userdata;
    atomic_fetch_add(&leaving, 1);
    usleep(200000);
    CHECK(!rpyc_connection_closed(connection));
    CHECK(rpyc_connection_close(connection, NULL) == RPYC_OK); /* does nothing */
    CHECK(!rpyc_connection_closed(connection));
    return RPYC_OK;
}

static void *close_it(void *connection)
{
    CHECK(rpyc_connection_close(connection, NULL) == RPYC_OK);
    CHECK(rpyc_connection_closed(connection));
    return NULL;
}

/* Whoever closes comes back when it is closed, also while another thread does it. */
static void closed_by_two(void)
{
    rpyc_serving *serving = NULL;
    pthread_t thread;

    OK(rpyc_config_set_before_closed(config, last_words, NULL, NULL, &error));
    open_ends();
    OK(rpyc_connection_serve_background(ends[1], 1, 0, &serving, &error));
    CHECK(pthread_create(&thread, NULL, close_it, ends[0]) == 0);
    while (!atomic_load(&leaving))
        usleep(1000);
    close_it(ends[0]);
    pthread_join(thread, NULL);
    CHECK(atomic_load(&leaving) == 1);
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    rpyc_connection_free(ends[0]);
    rpyc_connection_free(ends[1]);
    OK(rpyc_config_set_before_closed(config, NULL, NULL, NULL, &error));
}

static rpyc_object *func; /* the client's, as the served side has it */
static atomic_int destroyed = -1;

static void nothing(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, NULL);
}

/* Asks the client, whose function asks this side in turn. */
static void destructor(void *userdata)
{
    rpyc_value *value = NULL;

    (void)userdata;
    atomic_store(&destroyed, rpyc_object_call(func, NULL, 0, NULL, &value, NULL));
    rpyc_value_free(value);
}

/* The first call brings the client's function, and gets an object with the destructor. */
static void exchange(rpyc_call *call)
{
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;

    if (func)
        return;
    CHECK(rpyc_connection_root(ends[1], &func, NULL) == RPYC_OK);
    CHECK(rpyc_function_new("given", nothing, "given()", NULL, 0, "x", destructor, &object, NULL) == RPYC_OK);
    CHECK(rpyc_value_new_object(object, &value, NULL) == RPYC_OK);
    rpyc_object_free(object);
    rpyc_call_return(call, value);
}

static void back(rpyc_call *call, void *self)
{
    rpyc_value *arg = rpyc_value_new_int(1), *value = NULL;

    (void)self;
    CHECK(rpyc_object_call_method(root, "echo", &arg, 1, NULL, &value, NULL) == RPYC_OK);
    rpyc_value_free(value);
    rpyc_call_return(call, NULL);
}

/* A destructor waits for a call that comes later in the line than the one before which it runs. */
static void destructors_in_order(void)
{
    rpyc_serving *serving = NULL;
    rpyc_async_result *results[3];
    rpyc_object *given = NULL, *service = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_config_set(config, "sync_request_timeout", "10", &error));
    open_ends();
    OK(rpyc_function_new("back", back, "back()", NULL, 0, NULL, NULL, &service, &error));
    OK(rpyc_connection_set_root(ends[0], service, &error));
    OK(rpyc_connection_serve_background(ends[1], 2, RPYC_SERVE_IN_ORDER, &serving, &error));
    OK(rpyc_connection_root(ends[0], &root, &error));
    peers_probe = exchange;
    OK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &given, &error));
    rpyc_value_free(value);
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    OK(rpyc_connection_cork(ends[0], &error));
    results[0] = ask("echo", rpyc_value_new_int(1));
    rpyc_object_free(given); /* it leaves behind the next request */
    results[1] = ask("echo", rpyc_value_new_int(2));
    results[2] = ask("echo", rpyc_value_new_int(3));
    OK(rpyc_connection_flush(ends[0], &error));
    OK(rpyc_connection_serve_background(ends[1], 2, RPYC_SERVE_IN_ORDER, &serving, &error));
    for (int i = 0; i < 3; i++) {
        OK(rpyc_async_result_wait(results[i], &error));
        rpyc_async_result_free(results[i]);
    }
    for (int i = 0; i < 300 && atomic_load(&destroyed) < 0; i++)
        rpyc_connection_serve(ends[0], 100, NULL, NULL);
    CHECK(atomic_load(&destroyed) == RPYC_OK);
    rpyc_object_free(func);
    rpyc_object_free(root);
    rpyc_object_free(service);
    OK(rpyc_connection_close(ends[0], &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    rpyc_connection_free(ends[0]);
    rpyc_connection_free(ends[1]);
}

int main(void)
{
    alarm(80);
    config = peers_config();
    handles_freed_in_callbacks();
    fork_within_a_call();
    closed_by_two();
    destructors_in_order();
    rpyc_config_free(config);
    return finish();
}
