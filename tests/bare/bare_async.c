/* Requests that are not waited for. */
#define _POSIX_C_SOURCE 200809L
#include "bare.h"

#include <stdlib.h>

typedef struct bare_async_result bare_async_result;
typedef void (*bare_async_callback)(bare_async_result *result, void *userdata);

struct bare_async_result {
    struct bare_reply reply; /* first: it is the token */
    bare_connection *connection;
    int references;               /* the host's, and the request's until its reply; under the lock */
    bare_async_callback callback; /* one is enough here */
    void *userdata;
    bool expired; /* told by the error, which is given out once */
};

static void drop(bare_async_result *result)
{
    pthread_mutex_lock(&result->connection->lock);
    bool last = --result->references == 0;
    pthread_mutex_unlock(&result->connection->lock);
    if (!last)
        return;
    rpyc_value_free(result->reply.value);
    rpyc_error_free(result->reply.error);
    bare_put(result->connection);
    free(result);
}

static void settle(struct bare_reply *reply)
{
    bare_async_result *result = (bare_async_result *)(void *)reply;
    if (result->callback != NULL)
        result->callback(result, result->userdata);
    drop(result);
}

static rpyc_status start(rpyc_object *object, int32_t handler, const char *name, rpyc_value *const *args, size_t count,
                         rpyc_value *keywords, int64_t timeout_ms, bare_async_result **result_out,
                         rpyc_error **error_out)
{
    bare_async_result *result = calloc(1, sizeof *result);
    *result_out = NULL;
    result->connection = bare_find(object);
    if (result->connection == NULL) {
        free(result);
        return bare_fail(RPYC_ERR_STALE, "the object's connection has ended", error_out);
    }
    result->reply.settle = settle;
    result->references = 2;
    rpyc_status status = rpyc_session_ask(result->connection->session, (uintptr_t)&result->reply, handler, object, name,
                                          RPYC_NUL_TERMINATED, args, count, keywords,
                                          timeout_ms < 0 ? -1 : bare_now_ms() + timeout_ms, NULL, error_out);
    if (status != RPYC_OK) {
        drop(result);
        drop(result);
        return status;
    }
    bare_flush(result->connection);
    *result_out = result;
    return RPYC_OK;
}

rpyc_status bare_object_call_async(rpyc_object *object, rpyc_value *const *args, size_t count, rpyc_value *keywords,
                                   int64_t timeout_ms, bare_async_result **result_out, rpyc_error **error_out)
{
    return start(object, RPYC_HANDLE_CALL, NULL, args, count, keywords, timeout_ms, result_out, error_out);
}

rpyc_status bare_object_call_method_async(rpyc_object *object, const char *method, rpyc_value *const *args,
                                          size_t count, rpyc_value *keywords, int64_t timeout_ms,
                                          bare_async_result **result_out, rpyc_error **error_out)
{
    return start(object, RPYC_HANDLE_CALLATTR, method, args, count, keywords, timeout_ms, result_out, error_out);
}

rpyc_status bare_async_result_wait(bare_async_result *result, rpyc_error **error_out)
{
    if (bare_wait_for(result->connection, &result->reply))
        return RPYC_OK;
    return bare_fail(RPYC_ERR_CLOSED, "the connection is gone", error_out);
}

/* An error is given out once. */
rpyc_status bare_async_result_value(bare_async_result *result, rpyc_value **value_out, rpyc_error **error_out)
{
    *value_out = NULL;
    rpyc_status status = bare_async_result_wait(result, error_out);
    if (status != RPYC_OK)
        return status;
    if (result->reply.error != NULL) {
        status = rpyc_error_status(result->reply.error);
        result->expired = status == RPYC_ERR_TIMEOUT;
        if (error_out != NULL) {
            *error_out = result->reply.error;
            result->reply.error = NULL;
        }
        return status;
    }
    *value_out = rpyc_value_clone(result->reply.value);
    return RPYC_OK;
}

bool bare_async_result_ready(bare_async_result *result)
{
    return result->reply.done;
}

bool bare_async_result_error(bare_async_result *result)
{
    return result->reply.done && result->reply.value == NULL;
}

bool bare_async_result_expired(bare_async_result *result)
{
    return result->expired || (result->reply.done && rpyc_error_status(result->reply.error) == RPYC_ERR_TIMEOUT);
}

rpyc_status bare_async_result_add_callback(bare_async_result *result, bare_async_callback callback, void *userdata,
                                           rpyc_free_fn userdata_free, rpyc_error **error_out)
{
    (void)userdata_free;
    if (result->reply.done)
        return bare_fail(RPYC_ERR_STATE, "too late here", error_out);
    result->userdata = userdata;
    result->callback = callback;
    return RPYC_OK;
}

void bare_async_result_free(bare_async_result *result)
{
    if (result != NULL)
        drop(result);
}
