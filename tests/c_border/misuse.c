/* What a program may do wrong is answered with a status that says so, and spoils nothing. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "check.h"
#include "peers.h"

/* ---------------------------------------------------------------- values */

static void values(void)
{
    rpyc_value *number = rpyc_value_new_int(7), *big = NULL, *text = NULL, *none = NULL;
    const char *chars = "before";
    size_t length = 99;
    int64_t small = 99;
    uint64_t positive = 99;
    double real = 99;
    bool truth = true;

    GIVES(RPYC_ERR_TYPE, rpyc_value_get_str(number, &chars, &length, &error));
    CHECK(chars == NULL && length == 0);
    GIVES(RPYC_ERR_TYPE, rpyc_value_get_bool(number, &truth, &error));
    CHECK(!truth);
    OK(rpyc_value_new_int_text("1180591620717411303424", RPYC_NUL_TERMINATED, &big, &error));
    GIVES(RPYC_ERR_RANGE, rpyc_value_get_int(big, &small, &error));
    GIVES(RPYC_ERR_RANGE, rpyc_value_get_uint(big, &positive, &error));
    CHECK(small == 0 && positive == 0);
    rpyc_value_free(number);
    number = rpyc_value_new_int(-1);
    positive = 99;
    GIVES(RPYC_ERR_RANGE, rpyc_value_get_uint(number, &positive, &error));
    CHECK(positive == 0);
    OK(rpyc_value_new_str("text", RPYC_NUL_TERMINATED, &text, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_value_get_float(text, &real, &error));
    CHECK(real == 0);
    GIVES(RPYC_ERR_UTF8, rpyc_value_new_str("\xff", 1, &none, &error));
    CHECK(none == NULL);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_value_new_int_text("1_0", RPYC_NUL_TERMINATED, &none, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_value_new_int_text("", 0, &none, &error));
    CHECK(none == NULL);
    CHECK(rpyc_value_item(text, 0) == NULL && rpyc_value_key(text, 0) == NULL && rpyc_value_lookup(text, "a") == NULL);
    rpyc_value_free(number);
    rpyc_value_free(big);
    rpyc_value_free(text);
}

static void options(void)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_value *text = NULL;

    GIVES(RPYC_ERR_ARGUMENT, rpyc_config_set(config, "no_such_option", "1", &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_config_set(config, "allow_public_attrs", "perhaps", &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_config_set(config, "sync_request_timeout", "-1", &error));
    GIVES(RPYC_ERR_UTF8, rpyc_config_set(config, "connid", "\xff", &error));
    OK(rpyc_config_get(config, "allow_public_attrs", &text, &error));
    CHECK(rpyc_value_str_equal(text, "false"));
    rpyc_value_free(text);
    rpyc_config_free(config);
}

static void addresses(void)
{
    const char *wrong[] = {"",          "nonsense", "tcp://", "tcp://host", "tcp://host:port", "tcp://127.0.0.1:99999",
                           "http://a:1"};
    rpyc_connection *connection = NULL;
    rpyc_server *server = NULL;

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        GIVES(RPYC_ERR_ADDRESS, rpyc_connect(wrong[i], NULL, NULL, &connection, &error));
        CHECK(connection == NULL);
    }
    GIVES(RPYC_ERR_ADDRESS, rpyc_connect("unix:///nonexistent/librpyc", NULL, NULL, &connection, &error));
    GIVES(RPYC_ERR_UTF8, rpyc_connect("tcp://\xff:1", NULL, NULL, &connection, &error));
    GIVES(RPYC_ERR_ADDRESS, rpyc_server_new("nonsense", NULL, NULL, &server, &error));
    CHECK(connection == NULL && server == NULL);
}

/* A transport is taken even when the connection cannot be made. */
static void transports(void)
{
    int fds[2] = {-1, -1};
    rpyc_transport *transport = NULL;

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    OK(rpyc_transport_new_fd(fds[0], fds[0], 1, &transport, &error));
    GIVES(RPYC_ERR_NULL, rpyc_connection_new(transport, NULL, NULL, NULL, &error));
    CHECK(fcntl(fds[0], F_GETFD) == -1 && errno == EBADF);
    close(fds[1]);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_transport_new_fd(-1, -1, 0, &transport, &error));
    CHECK(transport == NULL);
}

/* ---------------------------------------------------------------- calls */

static void answer_twice(rpyc_call *call)
{
    OK(rpyc_call_return_int(call, 1));
    GIVES(RPYC_ERR_STATE, rpyc_call_return_int(call, 2));
    GIVES(RPYC_ERR_STATE, rpyc_call_raise(call, "ValueError", "too late"));
    CHECK(rpyc_call_defer(call) == NULL);
}

static void answer_badly(rpyc_call *call)
{
    const char *text = "before";
    size_t length = 99;

    CHECK(rpyc_call_arg(call, 99) == NULL);
    CHECK(rpyc_call_get_str(call, 99, &text, &length) != RPYC_OK); /* has sent a TypeError */
    CHECK(text == NULL && length == 0);
    GIVES(RPYC_ERR_STATE, rpyc_call_return_int(call, 2));
}

static void drop_deferred(rpyc_call *call)
{
    rpyc_call *deferred = rpyc_call_defer(call);

    CHECK(deferred != NULL);
    GIVES(RPYC_ERR_STATE, rpyc_call_return_int(call, 1)); /* the call is no longer the callback's */
    rpyc_call_free(deferred);
}

static rpyc_call *kept;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_kept = PTHREAD_COND_INITIALIZER;

static void keep(rpyc_call *call)
{
    pthread_mutex_lock(&lock);
    kept = rpyc_call_defer(call);
    pthread_cond_signal(&has_kept);
    pthread_mutex_unlock(&lock);
}

static rpyc_call *wait_for_kept(void)
{
    rpyc_call *call;

    pthread_mutex_lock(&lock);
    while (!kept)
        pthread_cond_wait(&has_kept, &lock);
    call = kept;
    kept = NULL;
    pthread_mutex_unlock(&lock);
    return call;
}

static void calls(struct peers *peers, rpyc_object *root)
{
    rpyc_value *answer = NULL;
    rpyc_error *raised = NULL;
    rpyc_async_result *result = NULL;
    rpyc_call *call;
    int64_t number = 0;

    peers_probe = answer_twice;
    OK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &answer, &error));
    OK(rpyc_value_get_int(answer, &number, &error));
    CHECK(number == 1);
    rpyc_value_free(answer);

    peers_probe = answer_badly;
    CHECK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &answer, &raised) == RPYC_ERR_REMOTE);
    CHECK(rpyc_error_is(raised, "TypeError"));
    rpyc_error_free(raised);

    peers_probe = drop_deferred;
    CHECK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &answer, &raised) == RPYC_ERR_REMOTE);
    CHECK(rpyc_error_is(raised, "RuntimeError"));
    rpyc_error_free(raised);

    /* Deferred, and answered from another thread than the one that served it. */
    peers_probe = keep;
    OK(rpyc_object_call_method_async(root, "probe", NULL, 0, NULL, 5000, &result, &error));
    call = wait_for_kept();
    CHECK(!rpyc_async_result_ready(result));
    OK(rpyc_call_return_int(call, 3));
    GIVES(RPYC_ERR_STATE, rpyc_call_return_int(call, 4));
    rpyc_call_free(call);
    OK(rpyc_async_result_value(result, &answer, &error));
    OK(rpyc_value_get_int(answer, &number, &error));
    CHECK(number == 3);
    rpyc_value_free(answer);
    rpyc_async_result_free(result);

    /* Deferred, and answered when nobody listens any more. */
    OK(rpyc_object_call_method_async(root, "probe", NULL, 0, NULL, 5000, &result, &error));
    call = wait_for_kept();
    OK(rpyc_connection_close(peers->client, &error));
    for (int i = 0; i < 500 && !rpyc_connection_closed(peers->server); i++)
        poll(NULL, 0, 10);
    CHECK(rpyc_connection_closed(peers->server));
    CHECK(rpyc_call_cancelled(call));
    GIVES(RPYC_ERR_CLOSED, rpyc_call_return(call, rpyc_value_new_int(5)));
    rpyc_call_free(call);
    CHECK(rpyc_async_result_value(result, &answer, NULL) != RPYC_OK && answer == NULL);
    rpyc_async_result_free(result);
}

/* What a callback forgets to answer is answered for it. */
static void forget(rpyc_call *call, void *self)
{
    (void)call;
    (void)self;
}

static void forgotten(rpyc_object *root)
{
    rpyc_object *function = NULL;
    rpyc_value *args[1] = {NULL}, *answer = NULL;
    rpyc_error *raised = NULL;

    OK(rpyc_function_new("forget", forget, NULL, NULL, 0, NULL, NULL, &function, &error));
    CHECK(rpyc_object_call(function, NULL, 0, NULL, &answer, &raised) == RPYC_ERR_REMOTE);
    CHECK(rpyc_error_is(raised, "RuntimeError"));
    rpyc_error_free(raised);
    /* And one of ours that went to the peer comes back as itself. */
    OK(rpyc_value_new_object(function, &args[0], &error));
    OK(rpyc_object_call_method(root, "echo", args, 1, NULL, &answer, &error));
    CHECK(rpyc_value_kind(answer) == RPYC_VALUE_OBJECT);
    rpyc_value_free(answer);
    rpyc_object_free(function);
}

static void wrong_requests(struct peers *peers, rpyc_object *root)
{
    rpyc_value *answer = NULL;

    GIVES(RPYC_ERR_REMOTE, rpyc_connection_sync_request(peers->client, 999, NULL, 0, &answer, &error));
    GIVES(RPYC_ERR_REMOTE, rpyc_connection_sync_request(peers->client, RPYC_HANDLE_CALL, NULL, 0, &answer, &error));
    GIVES(RPYC_ERR_UTF8, rpyc_object_get_attr(root, "\xff", &answer, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_object_compare(root, 99, rpyc_value_new_int(1), &answer, &error));
    CHECK(answer == NULL);
    OK(rpyc_connection_ping(peers->client, NULL, 0, 5000, &error)); /* all is well after that */
}

/* ---------------------------------------------------------------- a connection that is closed */

static void closed(struct peers *peers, rpyc_object *root)
{
    rpyc_value *answer = NULL;
    rpyc_object *object = NULL;
    rpyc_async_result *result = NULL;
    bool handled = true;

    CHECK(rpyc_connection_closed(peers->client));
    CHECK(rpyc_connection_fileno(peers->client) == -1);
    OK(rpyc_connection_close(peers->client, &error)); /* again */
    GIVES(RPYC_ERR_CLOSED, rpyc_connection_ping(peers->client, NULL, 0, 1000, &error));
    GIVES(RPYC_ERR_CLOSED, rpyc_connection_root(peers->client, &object, &error));
    GIVES(RPYC_ERR_CLOSED, rpyc_connection_sync_request(peers->client, RPYC_HANDLE_GETROOT, NULL, 0, &answer, &error));
    GIVES(RPYC_ERR_CLOSED,
          rpyc_connection_async_request(peers->client, RPYC_HANDLE_GETROOT, NULL, 0, 1000, &result, &error));
    GIVES(RPYC_ERR_STALE, rpyc_object_str(root, &answer, &error));
    GIVES(RPYC_ERR_CLOSED, rpyc_connection_serve(peers->client, 0, &handled, &error));
    CHECK(answer == NULL && object == NULL && result == NULL && !handled);
}

/* ---------------------------------------------------------------- a server that waits for itself */

static rpyc_server *own_server;

static void join_myself(rpyc_call *call)
{
    GIVES(RPYC_ERR_DEADLOCK, rpyc_server_join(own_server, &error));
    rpyc_call_return_bool(call, 1);
}

static void servers(void)
{
    rpyc_class *service = peers_service();
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_value *answer = NULL;
    bool truth = false;

    OK(rpyc_server_new("tcp://127.0.0.1:0", service, NULL, &own_server, &error));
    OK(rpyc_server_start(own_server, &error));
    GIVES(RPYC_ERR_STATE, rpyc_server_start(own_server, &error));
    OK(rpyc_connect(rpyc_server_address(own_server), NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    peers_probe = join_myself;
    OK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &answer, &error));
    OK(rpyc_value_get_bool(answer, &truth, &error));
    CHECK(truth);
    peers_probe = NULL;
    rpyc_value_free(answer);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    OK(rpyc_server_stop(own_server, 1000, &error));
    OK(rpyc_server_join(own_server, &error));
    rpyc_server_free(own_server);
    rpyc_class_free(service);
}

int main(void)
{
    struct peers peers = {0};
    rpyc_object *root = NULL;

    alarm(60);
    values();
    options();
    addresses();
    transports();
    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    forgotten(root);
    wrong_requests(&peers, root);
    calls(&peers, root);
    closed(&peers, root);
    rpyc_object_free(root);
    peers_close(&peers);
    servers();
    return finish();
}
