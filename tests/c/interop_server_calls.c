/* The service's functions that call back to the client, and those that take their time. */
#include "interop_server.h"

#include <stdlib.h>
#include <string.h>

/* function(*args, **keywords); keywords may be NULL. */
static rpyc_status call_with(rpyc_object *function, const rpyc_value *args, const rpyc_value *keywords,
                             rpyc_value **result_out, rpyc_error **error_out)
{
    size_t count = 0;
    rpyc_value **items = cloned_items(args, &count);
    if (items == NULL)
        return RPYC_ERR_NULL;
    rpyc_status status = rpyc_object_call(function, items, count, keywords != NULL ? rpyc_value_clone(keywords) : NULL,
                                          result_out, error_out);
    free(items);
    return status;
}

void root_call(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *function = NULL;
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    if (rpyc_call_get_object(call, 0, &function))
        return;
    call_with(function, rpyc_call_arg(call, 1), rpyc_call_arg(call, 2), &result, &error);
    answer_or_raise(call, result, error);
    rpyc_object_free(function);
}

void root_call_n(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *function = NULL;
    rpyc_error *error = NULL;
    int64_t wanted = 0;
    size_t count = 0, capacity = 0;
    rpyc_value **results = NULL;
    if (rpyc_call_get_int(call, 1, &wanted) || rpyc_call_get_object(call, 0, &function))
        return;
    for (int64_t i = 0; i < wanted && error == NULL; i++) {
        if (count == capacity) {
            capacity = 2 * capacity + 8;
            rpyc_value **larger = realloc(results, capacity * sizeof *results);
            if (larger == NULL)
                break;
            results = larger;
        }
        rpyc_value *result = NULL;
        rpyc_object_call(function, ITEMS(rpyc_value_new_int(i)), NULL, &result, &error);
        if (error == NULL)
            results[count++] = result;
    }
    rpyc_object_free(function);
    if (error == NULL && (wanted <= 0 || count == (size_t)wanted)) {
        answer(call, tuple_value(results, count));
        free(results);
    } else {
        free_values(results, count);
        answer_or_raise(call, NULL, error);
    }
}

void root_call_catch(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *function = NULL;
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    if (rpyc_call_get_object(call, 0, &function))
        return;
    call_with(function, rpyc_call_arg(call, 1), NULL, &result, &error);
    const char *raised = rpyc_error_type_name(error);
    if (raised != NULL) {
        const char *dot = strrchr(raised, '.');
        answer(call, TUPLE(str_value("raised"), str_value(dot != NULL ? dot + 1 : raised), rpyc_error_args(error)));
        rpyc_error_free(error);
    } else if (error != NULL) {
        rpyc_call_raise_error(call, error);
    } else {
        answer(call, TUPLE(str_value("returned"), result));
    }
    rpyc_object_free(function);
}

void root_recurse(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *function = NULL;
    int64_t depth = 0;
    if (rpyc_call_get_int(call, 1, &depth))
        return;
    if (depth <= 0) {
        rpyc_call_return_int(call, 0);
        return;
    }
    if (rpyc_call_get_object(call, 0, &function))
        return;
    rpyc_value *result = NULL, *one = rpyc_value_new_int(1);
    rpyc_error *error = NULL;
    rpyc_object_call(function, ITEMS(rpyc_value_new_int(depth - 1)), NULL, &result, &error);
    if (error != NULL)
        rpyc_call_raise_error(call, error);
    else
        answer_sum(call, one, result);
    rpyc_value_free(one);
    rpyc_value_free(result);
    rpyc_object_free(function);
}

/* The text of argument `index` as a C string to be freed, or NULL with the call answered. */
static char *name_argument(rpyc_call *call, size_t index)
{
    const char *text = NULL;
    size_t length = 0;
    if (rpyc_call_get_str(call, index, &text, &length))
        return NULL;
    char *name = memchr(text, '\0', length) == NULL ? malloc(length + 1) : NULL;
    if (name == NULL) {
        rpyc_call_raise(call, "ValueError", "that cannot be a name");
        return NULL;
    }
    memcpy(name, text, length);
    name[length] = '\0';
    return name;
}

/* In two requests, as Python does: GETATTR, then CALL. */
static rpyc_status get_and_call(rpyc_object *object, const char *name, const rpyc_value *args, rpyc_value **result_out,
                                rpyc_error **error_out)
{
    rpyc_value *attribute = NULL;
    rpyc_object *method = NULL;
    rpyc_status status = rpyc_object_get_attr(object, name, &attribute, error_out);
    if (status == RPYC_OK)
        status = rpyc_value_get_object(attribute, &method, error_out);
    if (status == RPYC_OK)
        status = call_with(method, args, NULL, result_out, error_out);
    rpyc_object_free(method);
    rpyc_value_free(attribute);
    return status;
}

void root_call_method(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *object = NULL;
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    char *name = name_argument(call, 1);
    if (name != NULL && rpyc_call_get_object(call, 0, &object) == RPYC_OK) {
        get_and_call(object, name, rpyc_call_arg(call, 2), &result, &error);
        answer_or_raise(call, result, error);
    }
    rpyc_object_free(object);
    free(name);
}

/* In one request, CALLATTR. */
void root_ask_root(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *client_root = NULL;
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    size_t count = 0;
    char *name = name_argument(call, 0);
    if (name == NULL)
        return;
    if (rpyc_connection_root(rpyc_call_connection(call), &client_root, &error) == RPYC_OK) {
        rpyc_value **args = cloned_items(rpyc_call_arg(call, 1), &count);
        if (args != NULL)
            rpyc_object_call_method(client_root, name, args, count, NULL, &result, &error);
        free(args);
    }
    answer_or_raise(call, result, error);
    rpyc_object_free(client_root);
    free(name);
}

/* obj == obj, as Python does it: NotImplemented leaves identity to decide, and it is the same object. */
static rpyc_status equal_to_itself(rpyc_object *object, rpyc_value **result_out, rpyc_error **error_out)
{
    rpyc_status status = rpyc_object_compare(object, RPYC_EQ, object_value(object), result_out, error_out);
    if (status == RPYC_OK && rpyc_value_kind(*result_out) == RPYC_VALUE_NOT_IMPLEMENTED) {
        rpyc_value_free(*result_out);
        *result_out = rpyc_value_new_bool(1);
    }
    return status;
}

void root_describe(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *object = NULL;
    rpyc_value *text = NULL, *repr = NULL, *equal = NULL;
    rpyc_error *error = NULL;
    int64_t length = 0;
    if (rpyc_call_get_object(call, 0, &object))
        return;
    if (rpyc_object_str(object, &text, &error) || rpyc_object_repr(object, &repr, &error) ||
        rpyc_object_length(object, &length, &error) || equal_to_itself(object, &equal, &error)) {
        rpyc_value_free(text);
        rpyc_value_free(repr);
        answer_or_raise(call, equal, error);
    } else {
        answer(call, TUPLE(text, repr, rpyc_value_new_int(length), equal));
    }
    rpyc_object_free(object);
}

/* ---------------------------------------------------------------- total */

/* Adds the item, which is consumed, to *sum. */
static rpyc_status add_to(rpyc_value **sum, rpyc_value *item)
{
    rpyc_value *next = NULL;
    rpyc_status status = add_values(*sum, item, &next);
    rpyc_value_free(item);
    if (status == RPYC_OK) {
        rpyc_value_free(*sum);
        *sum = next;
    }
    return status;
}

/* One item a request, as Python's sum() does it. RPYC_ERR_TYPE without an error: an item that cannot be added. */
static rpyc_status add_remote_items(rpyc_object *iterable, rpyc_value **sum, rpyc_error **error_out)
{
    rpyc_object *iterator = NULL;
    rpyc_value *item = NULL;
    rpyc_status status = rpyc_object_iter(iterable, &iterator, error_out);
    while (status == RPYC_OK && (status = rpyc_object_next(iterator, &item, error_out)) == RPYC_OK)
        status = add_to(sum, item);
    rpyc_object_free(iterator);
    if (status != RPYC_ERR_STOP_ITERATION)
        return status;
    rpyc_error_free(*error_out);
    *error_out = NULL;
    return RPYC_OK;
}

void root_total(rpyc_call *call, void *self)
{
    (void)self;
    const rpyc_value *iterable = rpyc_call_arg(call, 0);
    rpyc_value *sum = rpyc_value_new_int(0);
    rpyc_object *object = NULL;
    rpyc_error *error = NULL;
    rpyc_status status = RPYC_OK;
    if (rpyc_value_kind(iterable) == RPYC_VALUE_TUPLE || rpyc_value_kind(iterable) == RPYC_VALUE_LIST) {
        for (size_t i = 0; i < rpyc_value_count(iterable) && status == RPYC_OK; i++)
            status = add_to(&sum, rpyc_value_clone(rpyc_value_item(iterable, i)));
    } else if (rpyc_call_get_object(call, 0, &object) == RPYC_OK) {
        status = add_remote_items(object, &sum, &error);
    } else {
        rpyc_value_free(sum);
        return;
    }
    if (error != NULL || status == RPYC_OK) {
        answer_or_raise(call, sum, error);
    } else {
        raise_type_error(call, "unsupported operand types for +");
        rpyc_value_free(sum);
    }
    rpyc_object_free(object);
}

/* ---------------------------------------------------------------- time */

struct tick {
    rpyc_object *function;
    rpyc_value *value;
};

static void tick(void *data, bool cancelled)
{
    struct tick *tick = data;
    rpyc_value *result = NULL;
    if (!cancelled) /* nobody is there to hear of an error */
        rpyc_object_call(tick->function, ITEMS(rpyc_value_clone(tick->value)), NULL, &result, NULL);
    rpyc_value_free(result);
    rpyc_value_free(tick->value);
    rpyc_object_free(tick->function);
    free(tick);
}

void root_later(rpyc_call *call, void *self)
{
    (void)self;
    double delay = 0;
    rpyc_object *function = NULL;
    if (rpyc_call_get_float(call, 0, &delay) || rpyc_call_get_object(call, 1, &function))
        return;
    struct tick *data = malloc(sizeof *data);
    if (data == NULL) {
        rpyc_object_free(function);
        answer(call, NULL);
        return;
    }
    *data = (struct tick){function, rpyc_value_clone(rpyc_call_arg(call, 2))};
    if (later(delay, tick, data)) {
        rpyc_call_return(call, NULL);
    } else {
        tick(data, true);
        rpyc_call_raise(call, "RuntimeError", "no thread could be started");
    }
}

void root_slow(rpyc_call *call, void *self)
{
    (void)self;
    double delay = 0;
    if (rpyc_call_get_float(call, 0, &delay))
        return;
    sleep_seconds(delay);
    answer(call, rpyc_value_clone(rpyc_call_arg(call, 1)));
}

static void fail_late(void *data, bool cancelled)
{
    rpyc_call *deferred = data;
    if (!cancelled)
        rpyc_call_raise(deferred, "ValueError", "late failure");
    rpyc_call_free(deferred);
}

/* Keeps no thread of the connection: the answer comes from another one. */
void root_slow_fail(rpyc_call *call, void *self)
{
    (void)self;
    double delay = 0;
    if (rpyc_call_get_float(call, 0, &delay))
        return;
    rpyc_call *deferred = rpyc_call_defer(call);
    if (!later(delay, fail_late, deferred))
        fail_late(deferred, true);
}
