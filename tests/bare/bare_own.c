/* Operations on objects of this process: what they ask of the application, or of the peer, are events of the session, so that
 * whoever waits for the answer pumps. */
#define _POSIX_C_SOURCE 200809L
#include "bare.h"

#include <string.h>

static int32_t comparison(const char *name)
{
    static const char *const names[] = {[RPYC_LT] = "__lt__", [RPYC_LE] = "__le__", [RPYC_EQ] = "__eq__",
                                        [RPYC_NE] = "__ne__", [RPYC_GT] = "__gt__", [RPYC_GE] = "__ge__"};
    for (int32_t op = RPYC_LT; op <= RPYC_GE; op++)
        if (strcmp(names[op], name) == 0)
            return op;
    return -1;
}

static rpyc_status begin(rpyc_object *object, int32_t handler, const char *name, rpyc_value *const *args, size_t count,
                         rpyc_value *keywords, rpyc_async_result **result_out, rpyc_error **error_out)
{
    switch (handler) {
    case RPYC_HANDLE_CALL:
        return rpyc_object_call_async(object, args, count, keywords, BARE_TIMEOUT_MS, result_out, error_out);
    case RPYC_HANDLE_CALLATTR:
        return rpyc_object_call_method_async(object, name, args, count, keywords, BARE_TIMEOUT_MS, result_out,
                                             error_out);
    case RPYC_HANDLE_GETATTR:
        return rpyc_object_get_attr_async(object, name, BARE_TIMEOUT_MS, result_out, error_out);
    case RPYC_HANDLE_SETATTR:
        return rpyc_object_set_attr_async(object, name, args[0], BARE_TIMEOUT_MS, result_out, error_out);
    case RPYC_HANDLE_DELATTR:
        return rpyc_object_del_attr_async(object, name, BARE_TIMEOUT_MS, result_out, error_out);
    case RPYC_HANDLE_STR:
        return rpyc_object_str_async(object, BARE_TIMEOUT_MS, result_out, error_out);
    case RPYC_HANDLE_REPR:
        return rpyc_object_repr_async(object, BARE_TIMEOUT_MS, result_out, error_out);
    case RPYC_HANDLE_HASH:
        return rpyc_object_hash_async(object, BARE_TIMEOUT_MS, result_out, error_out);
    case RPYC_HANDLE_CMP:
        return rpyc_object_compare_async(object, comparison(name), args[0], BARE_TIMEOUT_MS, result_out, error_out);
    default:
        for (size_t i = 0; i < count; i++)
            rpyc_value_free(args[i]);
        return bare_fail(RPYC_ERR_ARGUMENT, "this is not asked of objects of this process", error_out);
    }
}

static bool ready(void *result)
{
    return rpyc_async_result_ready(result);
}

static rpyc_status finish(rpyc_async_result *result, rpyc_value **value_out, rpyc_error **error_out)
{
    if (bare_current() != NULL)
        bare_wait(bare_current(), ready, result, bare_now_ms() + BARE_TIMEOUT_MS);
    rpyc_status status = rpyc_async_result_value(result, value_out, error_out);
    rpyc_async_result_free(result);
    return status;
}

rpyc_status bare_ask_own(rpyc_object *object, int32_t handler, const char *name, rpyc_value *const *args, size_t count,
                         rpyc_value *keywords, rpyc_value **value_out, rpyc_error **error_out)
{
    rpyc_async_result *result = NULL;
    rpyc_status status = begin(object, handler, name, args, count, keywords, &result, error_out);
    return status == RPYC_OK ? finish(result, value_out, error_out) : status;
}

rpyc_status bare_own_contains(rpyc_object *object, rpyc_value *item, rpyc_value **value_out, rpyc_error **error_out)
{
    rpyc_async_result *result = NULL;
    rpyc_status status = rpyc_object_contains_async(object, item, BARE_TIMEOUT_MS, &result, error_out);
    return status == RPYC_OK ? finish(result, value_out, error_out) : status;
}

rpyc_status bare_own_exit(rpyc_object *object, const rpyc_error *error, rpyc_value **value_out, rpyc_error **error_out)
{
    rpyc_async_result *result = NULL;
    rpyc_status status = rpyc_object_exit_async(object, error, BARE_TIMEOUT_MS, &result, error_out);
    return status == RPYC_OK ? finish(result, value_out, error_out) : status;
}
