/* Operations on objects of the peer: one request each, waited for. */
#define _POSIX_C_SOURCE 200809L
#include "bare.h"

#include <stdlib.h>
#include <string.h>

rpyc_status bare_ask(const rpyc_object *object, int32_t handler, const char *name, rpyc_value *const *args,
                     size_t count, rpyc_value *keywords, rpyc_value **value_out, rpyc_error **error_out)
{
    struct bare_reply reply = {0};
    rpyc_error *error = NULL;
    bare_connection *connection = bare_find(object);
    *value_out = NULL;
    if (error_out != NULL)
        *error_out = NULL;
    if (connection == NULL && !rpyc_object_is_remote(object))
        return bare_ask_own((rpyc_object *)(uintptr_t)object, handler, name, args, count, keywords, value_out,
                            error_out);
    if (connection == NULL) {
        for (size_t i = 0; i < count; i++)
            rpyc_value_free(args[i]);
        rpyc_value_free(keywords);
        return bare_fail(RPYC_ERR_STALE, "the object's connection has ended", error_out);
    }
    rpyc_status status =
        rpyc_session_ask(connection->session, (uintptr_t)&reply, handler, object, name, RPYC_NUL_TERMINATED, args,
                         count, keywords, bare_now_ms() + BARE_TIMEOUT_MS, NULL, &error);
    if (status == RPYC_OK) {
        bare_flush(connection);
        bare_wait_for(connection, &reply);
        *value_out = reply.value;
        error = reply.error;
        status = error != NULL ? rpyc_error_status(error) : reply.done ? RPYC_OK : RPYC_ERR_CLOSED;
    }
    bare_put(connection);
    if (error_out != NULL)
        *error_out = error;
    else
        rpyc_error_free(error);
    return status;
}

#define ARGS(...) (rpyc_value *[]){__VA_ARGS__}, sizeof((rpyc_value *[]){__VA_ARGS__}) / sizeof(rpyc_value *)

static rpyc_value *value_of(const rpyc_object *object)
{
    rpyc_value *value = NULL;
    rpyc_value_new_object(object, &value, NULL);
    return value;
}

rpyc_status bare_object_call(rpyc_object *object, rpyc_value *const *args, size_t count, rpyc_value *keywords,
                             rpyc_value **value_out, rpyc_error **error_out)
{
    return bare_ask(object, RPYC_HANDLE_CALL, NULL, args, count, keywords, value_out, error_out);
}

rpyc_status bare_object_call_method(rpyc_object *object, const char *method, rpyc_value *const *args, size_t count,
                                    rpyc_value *keywords, rpyc_value **value_out, rpyc_error **error_out)
{
    return bare_ask(object, RPYC_HANDLE_CALLATTR, method, args, count, keywords, value_out, error_out);
}

rpyc_status bare_object_get_attr(rpyc_object *object, const char *name, rpyc_value **value_out, rpyc_error **error_out)
{
    return bare_ask(object, RPYC_HANDLE_GETATTR, name, NULL, 0, NULL, value_out, error_out);
}

static rpyc_status without_value(rpyc_status status, rpyc_value *value)
{
    rpyc_value_free(value);
    return status;
}

rpyc_status bare_object_set_attr(rpyc_object *object, const char *name, rpyc_value *value, rpyc_error **error_out)
{
    rpyc_value *none = NULL;
    rpyc_status status = bare_ask(object, RPYC_HANDLE_SETATTR, name, &value, 1, NULL, &none, error_out);
    return without_value(status, none);
}

rpyc_status bare_object_del_attr(rpyc_object *object, const char *name, rpyc_error **error_out)
{
    rpyc_value *none = NULL;
    rpyc_status status = bare_ask(object, RPYC_HANDLE_DELATTR, name, NULL, 0, NULL, &none, error_out);
    return without_value(status, none);
}

#define SIMPLE(function, handler)                                                                                      \
    rpyc_status function(rpyc_object *object, rpyc_value **value_out, rpyc_error **error_out)                          \
    {                                                                                                                  \
        return bare_ask(object, handler, NULL, NULL, 0, NULL, value_out, error_out);                                   \
    }
SIMPLE(bare_object_str, RPYC_HANDLE_STR)
SIMPLE(bare_object_repr, RPYC_HANDLE_REPR)
SIMPLE(bare_object_hash, RPYC_HANDLE_HASH)
SIMPLE(bare_object_dir, RPYC_HANDLE_DIR)
SIMPLE(bare_object_inspect, RPYC_HANDLE_INSPECT)

rpyc_status bare_object_compare(rpyc_object *object, int32_t op, rpyc_value *other, rpyc_value **result_out,
                                rpyc_error **error_out)
{
    static const char *const names[] = {[RPYC_LT] = "__lt__", [RPYC_LE] = "__le__", [RPYC_EQ] = "__eq__",
                                        [RPYC_NE] = "__ne__", [RPYC_GT] = "__gt__", [RPYC_GE] = "__ge__"};
    return bare_ask(object, RPYC_HANDLE_CMP, names[op], &other, 1, NULL, result_out, error_out);
}

static rpyc_status get_bool(rpyc_status status, rpyc_value *value, bool *result_out, rpyc_error **error_out)
{
    *result_out = false;
    if (status == RPYC_OK)
        status = rpyc_value_get_bool(value, result_out, error_out);
    return without_value(status, value);
}

rpyc_status bare_object_is_instance(rpyc_object *object, rpyc_object *klass, bool *result_out, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status =
        bare_ask(klass, RPYC_HANDLE_INSTANCECHECK, NULL, ARGS(value_of(object)), NULL, &value, error_out);
    return get_bool(status, value, result_out, error_out);
}

/* ---------------------------------------------------------------- containers */

rpyc_status bare_object_length(rpyc_object *object, int64_t *length_out, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status = bare_object_call_method(object, "__len__", NULL, 0, NULL, &value, error_out);
    if (status == RPYC_OK)
        status = rpyc_value_get_int(value, length_out, error_out);
    return without_value(status, value);
}

rpyc_status bare_object_contains(rpyc_object *object, rpyc_value *item, bool *result_out, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_object_is_remote(object)
                             ? bare_object_call_method(object, "__contains__", &item, 1, NULL, &value, error_out)
                             : bare_own_contains(object, item, &value, error_out);
    return get_bool(status, value, result_out, error_out);
}

rpyc_status bare_object_get_item(rpyc_object *object, rpyc_value *key, rpyc_value **value_out, rpyc_error **error_out)
{
    return bare_object_call_method(object, "__getitem__", &key, 1, NULL, value_out, error_out);
}

rpyc_status bare_object_set_item(rpyc_object *object, rpyc_value *key, rpyc_value *value, rpyc_error **error_out)
{
    rpyc_value *none = NULL;
    rpyc_status status = bare_object_call_method(object, "__setitem__", ARGS(key, value), NULL, &none, error_out);
    return without_value(status, none);
}

rpyc_status bare_object_del_item(rpyc_object *object, rpyc_value *key, rpyc_error **error_out)
{
    rpyc_value *none = NULL;
    rpyc_status status = bare_object_call_method(object, "__delitem__", &key, 1, NULL, &none, error_out);
    return without_value(status, none);
}

/* ---------------------------------------------------------------- iteration */

rpyc_status bare_object_iter(rpyc_object *object, rpyc_object **iterator_out, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    *iterator_out = NULL;
    rpyc_status status = bare_object_call_method(object, "__iter__", NULL, 0, NULL, &value, error_out);
    if (status == RPYC_OK)
        status = rpyc_value_get_object(value, iterator_out, error_out);
    return without_value(status, value);
}

rpyc_status bare_object_next(rpyc_object *iterator, rpyc_value **item_out, rpyc_error **error_out)
{
    return bare_object_call_method(iterator, "__next__", NULL, 0, NULL, item_out, error_out);
}

rpyc_status bare_object_next_chunk(rpyc_object *iterator, int64_t count, rpyc_value **items_out, rpyc_error **error_out)
{
    return bare_ask(iterator, RPYC_HANDLE_BUFFITER, NULL, ARGS(rpyc_value_new_int(count)), NULL, items_out, error_out);
}

typedef struct bare_iterator {
    rpyc_object *iterator;
    rpyc_value *items;
    size_t next;
} bare_iterator;

rpyc_status bare_object_iterate(rpyc_object *object, bare_iterator **iterator_out, rpyc_error **error_out)
{
    rpyc_object *inner = NULL;
    *iterator_out = NULL;
    rpyc_status status = bare_object_iter(object, &inner, error_out);
    if (status != RPYC_OK)
        return status;
    *iterator_out = calloc(1, sizeof **iterator_out);
    (*iterator_out)->iterator = inner;
    return RPYC_OK;
}

rpyc_status bare_iterator_next(bare_iterator *iterator, rpyc_value **item_out, rpyc_error **error_out)
{
    *item_out = NULL;
    if (iterator->next == rpyc_value_count(iterator->items)) {
        rpyc_value_free(iterator->items);
        iterator->next = 0;
        rpyc_status status = bare_object_next_chunk(iterator->iterator, 10, &iterator->items, error_out);
        if (status != RPYC_OK)
            return status;
        if (rpyc_value_count(iterator->items) == 0)
            return RPYC_ERR_STOP_ITERATION;
    }
    *item_out = rpyc_value_clone(rpyc_value_item(iterator->items, iterator->next++));
    return RPYC_OK;
}

void bare_iterator_free(bare_iterator *iterator)
{
    if (iterator == NULL)
        return;
    rpyc_object_free(iterator->iterator);
    rpyc_value_free(iterator->items);
    free(iterator);
}

/* ---------------------------------------------------------------- context managers */

rpyc_status bare_object_enter(rpyc_object *object, rpyc_value **value_out, rpyc_error **error_out)
{
    return bare_object_call_method(object, "__enter__", NULL, 0, NULL, value_out, error_out);
}

rpyc_status bare_object_exit(rpyc_object *object, const rpyc_error *error, bool *swallowed_out, rpyc_error **error_out)
{
    rpyc_value *value = NULL, *failed = error != NULL ? rpyc_value_new_bool(1) : rpyc_value_new_none();
    rpyc_status status;
    if (rpyc_object_is_remote(object)) {
        status = bare_ask(object, RPYC_HANDLE_CTXEXIT, NULL, &failed, 1, NULL, &value, error_out);
    } else {
        rpyc_value_free(failed);
        status = bare_own_exit(object, error, &value, error_out);
    }
    *swallowed_out = false;
    if (status == RPYC_OK && rpyc_value_kind(value) == RPYC_VALUE_BOOL)
        status = rpyc_value_get_bool(value, swallowed_out, error_out);
    return without_value(status, value);
}
