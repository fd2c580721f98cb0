/* A call that is kept: what was borrowed from it stays, and it may be answered after its connection is gone. */
#define _DEFAULT_SOURCE
#include "check.h"
#include "peers.h"

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rpyc_call *call;
    rpyc_connection *connection;
    rpyc_object *target;
    const char *name, *text;
    size_t length;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void keep(rpyc_call *call)
{
    const char *text = NULL;
    size_t length = 0;

    pthread_mutex_lock(&kept.lock);
    kept.connection = rpyc_call_connection(call);
    kept.target = rpyc_call_target(call);
    kept.name = rpyc_call_name(call);
    CHECK(rpyc_call_get_str(call, 0, &text, &length) == RPYC_OK);
    kept.text = text;
    kept.length = length;
    kept.call = rpyc_call_defer(call);
    CHECK(kept.call != NULL);
    /* Nothing is left in the handle that was lent. */
    CHECK(rpyc_call_defer(call) == NULL);
    CHECK(rpyc_call_connection(call) == NULL && rpyc_call_target(call) == NULL && rpyc_call_arg_count(call) == 0);
    CHECK(rpyc_call_cancelled(call));
    GIVES(RPYC_ERR_STATE, rpyc_call_return_int(call, 1));
    pthread_cond_signal(&kept.changed);
    pthread_mutex_unlock(&kept.lock);
}

/* Asks for `probe` with a text, and waits until the call is kept. */
static rpyc_async_result *ask(rpyc_object *root)
{
    rpyc_async_result *result = NULL;
    rpyc_value *args[1] = {NULL};

    OK(rpyc_value_new_str("a text that is longer than what lies inline in a value", RPYC_NUL_TERMINATED, &args[0],
                          &error));
    kept.call = NULL;
    OK(rpyc_object_call_method_async(root, "probe", args, 1, NULL, -1, &result, &error));
    pthread_mutex_lock(&kept.lock);
    while (!kept.call)
        pthread_cond_wait(&kept.changed, &kept.lock);
    pthread_mutex_unlock(&kept.lock);
    return result;
}

static rpyc_call *deferred;

static void defer(rpyc_call *call, void *userdata)
{
    (void)userdata;
    __atomic_store_n(&deferred, rpyc_call_defer(call), __ATOMIC_SEQ_CST);
}

static void *answer_later(void *unused)
{
    rpyc_call *call;

    while (!(call = __atomic_exchange_n(&deferred, NULL, __ATOMIC_SEQ_CST)))
        usleep(1000);
    usleep(100000);
    OK(rpyc_call_return_int(call, 9));
    rpyc_call_free(call);
    return unused;
}

/* A function of this process, called on a thread that serves nobody: only an asynchronous call has a limit. */
static void without_peer(void)
{
    rpyc_object *function = NULL;
    rpyc_async_result *result = NULL;
    rpyc_value *answer = NULL;
    pthread_t thread;
    int64_t number = 0;

    OK(rpyc_function_new("defer", defer, NULL, NULL, 0, NULL, NULL, &function, &error));
    OK(rpyc_object_call_async(function, NULL, 0, NULL, 50, &result, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_wait(result, &error));
    CHECK(rpyc_async_result_expired(result));
    OK(rpyc_call_return_int(deferred, 5));
    rpyc_call_free(__atomic_exchange_n(&deferred, NULL, __ATOMIC_SEQ_CST));
    CHECK(!rpyc_async_result_ready(result));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_value(result, &answer, &error));
    rpyc_async_result_free(result);

    OK(rpyc_object_call_async(function, NULL, 0, NULL, 60000, &result, &error));
    CHECK(pthread_create(&thread, NULL, answer_later, NULL) == 0);
    OK(rpyc_async_result_value(result, &answer, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    rpyc_async_result_free(result);
    rpyc_value_free(answer);

    CHECK(pthread_create(&thread, NULL, answer_later, NULL) == 0);
    OK(rpyc_object_call(function, NULL, 0, NULL, &answer, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    OK(rpyc_value_get_int(answer, &number, &error));
    CHECK(number == 9);
    rpyc_value_free(answer);
    rpyc_object_free(function);
}

int main(void)
{
    struct peers peers = {0};
    rpyc_object *root = NULL;
    rpyc_value *answer = NULL;
    rpyc_async_result *result;
    int64_t number = 0;

    peers_probe = keep;
    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    result = ask(root);
    /* The callback returns before the thread that serves can answer this. */
    OK(rpyc_connection_ping(peers.client, NULL, 0, 20000, &error));
    CHECK(rpyc_call_connection(kept.call) == kept.connection && rpyc_connection_dialect(kept.connection) == 6);
    CHECK(rpyc_call_target(kept.call) == kept.target);
    CHECK(strcmp(rpyc_object_type_name(kept.target), "librpyc.ProbeService") == 0);
    CHECK(rpyc_call_name(kept.call) == kept.name && strcmp(kept.name, "exposed_probe") == 0);
    CHECK(kept.length > 30 && memcmp(kept.text, "a text that", 11) == 0);
    CHECK(!rpyc_call_cancelled(kept.call));
    OK(rpyc_call_return_int(kept.call, 5));
    rpyc_call_free(kept.call);
    OK(rpyc_async_result_value(result, &answer, &error));
    OK(rpyc_value_get_int(answer, &number, &error));
    CHECK(number == 5);
    rpyc_value_free(answer);
    rpyc_async_result_free(result);

    result = ask(root);
    rpyc_object_free(root);
    peers_close(&peers);
    CHECK(rpyc_call_cancelled(kept.call) && rpyc_connection_closed(kept.connection));
    GIVES(RPYC_ERR_CLOSED, rpyc_call_return_int(kept.call, 5));
    GIVES(RPYC_ERR_STATE, rpyc_call_return_int(kept.call, 5));
    rpyc_call_free(kept.call);
    GIVES(RPYC_ERR_CLOSED, rpyc_async_result_wait(result, &error));
    rpyc_async_result_free(result);
    without_peer();
    return finish();
}
