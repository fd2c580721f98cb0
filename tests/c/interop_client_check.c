/* Behind the macros of interop_client.h. */
#include "interop_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char check_end[] = "end of the arguments";

/* ---------------------------------------------------------------- failures */

void check_fail(struct check *c, const char *file, int line, const char *format, ...)
{
    if (c->failed)
        return;
    c->failed = true;
    const char *slash = strrchr(file, '/');
    int used = snprintf(c->reason, sizeof c->reason, "%s:%d: ", slash != NULL ? slash + 1 : file, line);
    va_list arguments;
    va_start(arguments, format);
    if (used > 0 && (size_t)used < sizeof c->reason)
        vsnprintf(c->reason + used, sizeof c->reason - (size_t)used, format, arguments);
    va_end(arguments);
}

static void fail_with_error(struct check *c, const char *file, int line, rpyc_status status, const char *call)
{
    check_fail(c, file, line, "%s: %s: %s", call, rpyc_status_name(status), rpyc_error_message(c->error));
}

void check_finish(struct check *c)
{
    rpyc_value_free(c->result);
    rpyc_error_free(c->error);
    while (c->kept_count > 0)
        rpyc_object_free(c->kept[--c->kept_count]);
    free(c->kept);
    c->result = NULL;
    c->error = NULL;
    c->kept = NULL;
    c->kept_capacity = 0;
}

/* ---------------------------------------------------------------- comparing, with nothing but the getters */

static bool same_float(double left, double right)
{
    return memcmp(&left, &right, sizeof left) == 0;
}

static bool same_int(const rpyc_value *left, const rpyc_value *right)
{
    const char *a = NULL, *b = NULL;
    size_t a_length = 0, b_length = 0;
    rpyc_value *left_text = NULL, *right_text = NULL;
    rpyc_value_get_int_text(left, &left_text, NULL);
    rpyc_value_get_int_text(right, &right_text, NULL);
    bool same = !rpyc_value_get_str(left_text, &a, &a_length, NULL) &&
                !rpyc_value_get_str(right_text, &b, &b_length, NULL) && a_length == b_length &&
                memcmp(a, b, a_length) == 0;
    rpyc_value_free(left_text);
    rpyc_value_free(right_text);
    return same;
}

static bool same_text(const rpyc_value *left, const rpyc_value *right)
{
    const char *a = NULL, *b = NULL;
    size_t a_length = 0, b_length = 0;
    return !rpyc_value_get_str(left, &a, &a_length, NULL) && !rpyc_value_get_str(right, &b, &b_length, NULL) &&
           a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static bool same_bytes(const rpyc_value *left, const rpyc_value *right)
{
    const uint8_t *a = NULL, *b = NULL;
    size_t a_length = 0, b_length = 0;
    return !rpyc_value_get_bytes(left, &a, &a_length, NULL) && !rpyc_value_get_bytes(right, &b, &b_length, NULL) &&
           a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static bool same_complex(const rpyc_value *left, const rpyc_value *right)
{
    double a[2] = {0}, b[2] = {1, 1};
    return !rpyc_value_get_complex(left, &a[0], &a[1], NULL) && !rpyc_value_get_complex(right, &b[0], &b[1], NULL) &&
           same_float(a[0], b[0]) && same_float(a[1], b[1]);
}

static bool same_value(const rpyc_value *left, const rpyc_value *right);

static bool same_items(const rpyc_value *left, const rpyc_value *right)
{
    size_t count = rpyc_value_count(left);
    bool same = count == rpyc_value_count(right);
    for (size_t i = 0; i < count && same; i++)
        same = same_value(rpyc_value_item(left, i), rpyc_value_item(right, i));
    return same;
}

/* The items of a set come in any order. */
static bool same_set(const rpyc_value *left, const rpyc_value *right)
{
    size_t count = rpyc_value_count(left);
    bool same = count == rpyc_value_count(right);
    for (size_t i = 0; i < count && same; i++) {
        bool found = false;
        for (size_t j = 0; j < count && !found; j++)
            found = same_value(rpyc_value_item(left, i), rpyc_value_item(right, j));
        same = found;
    }
    return same;
}

static bool same_value(const rpyc_value *left, const rpyc_value *right)
{
    int32_t kind = rpyc_value_kind(left);
    double a = 0, b = 1;
    bool yes = false, no = true;
    if (kind != rpyc_value_kind(right))
        return false;
    switch (kind) {
    case RPYC_VALUE_NONE:
    case RPYC_VALUE_NOT_IMPLEMENTED:
    case RPYC_VALUE_ELLIPSIS:
        return true;
    case RPYC_VALUE_BOOL:
        return !rpyc_value_get_bool(left, &yes, NULL) && !rpyc_value_get_bool(right, &no, NULL) && yes == no;
    case RPYC_VALUE_INT:
        return same_int(left, right);
    case RPYC_VALUE_FLOAT:
        return !rpyc_value_get_float(left, &a, NULL) && !rpyc_value_get_float(right, &b, NULL) && same_float(a, b);
    case RPYC_VALUE_COMPLEX:
        return same_complex(left, right);
    case RPYC_VALUE_STR:
        return same_text(left, right);
    case RPYC_VALUE_BYTES:
        return same_bytes(left, right);
    case RPYC_VALUE_TUPLE:
    case RPYC_VALUE_SLICE:
        return same_items(left, right);
    case RPYC_VALUE_FROZENSET:
        return same_set(left, right);
    default:
        return false; /* objects are compared by rpyc_object_same */
    }
}

/* A value's repr in at most about a hundred bytes. */
static void describe(const rpyc_value *value, char *out, size_t size)
{
    const char *text = "NULL";
    size_t length = 4;
    rpyc_value *repr = rpyc_value_repr(value);
    rpyc_value_get_str(repr, &text, &length, NULL);
    if (text == NULL)
        length = 0;
    snprintf(out, size, "%.*s%s", (int)(length < size - 4 ? length : size - 4), text != NULL ? text : "",
             length < size - 4 ? "" : "...");
    rpyc_value_free(repr);
}

/* The library's own equality has to say the same, but is not believed alone. */
void check_equal(struct check *c, const char *file, int line, rpyc_value *got, rpyc_value *want)
{
    if (!c->failed && (!same_value(got, want) || !rpyc_value_equal(got, want))) {
        char got_text[120], want_text[120];
        describe(got, got_text, sizeof got_text);
        describe(want, want_text, sizeof want_text);
        check_fail(c, file, line, "got %s, want %s", got_text, want_text);
    }
    rpyc_value_free(got);
    rpyc_value_free(want);
}

/* ---------------------------------------------------------------- statuses */

void check_status(struct check *c, const char *file, int line, rpyc_status status, const char *call)
{
    if (status != RPYC_OK)
        fail_with_error(c, file, line, status, call);
    else if (c->error != NULL)
        check_fail(c, file, line, "%s: RPYC_OK, but with an error: %s", call, rpyc_error_message(c->error));
}

void check_raises(struct check *c, const char *file, int line, rpyc_status status, const char *name, const char *call)
{
    if (c->failed)
        return;
    const char *module = rpyc_error_type_module(c->error), *class_name = rpyc_error_type_name(c->error);
    rpyc_status expected = strcmp(name, "StopIteration") == 0 ? RPYC_ERR_STOP_ITERATION : RPYC_ERR_REMOTE;
    if (status == RPYC_ERR_DENIED && strcmp(name, "AttributeError") == 0)
        expected = status; /* of one that the attribute rules made */
    if (status == RPYC_OK)
        check_fail(c, file, line, "%s: succeeded, want %s", call, name);
    else if (status != expected || status != rpyc_error_status(c->error) || module == NULL || class_name == NULL)
        fail_with_error(c, file, line, status, call);
    else if (strcmp(module, "builtins") != 0 || strcmp(class_name, name) != 0 || !rpyc_error_is(c->error, name))
        check_fail(c, file, line, "%s: raised %s.%s, want %s: %s", call, module, class_name, name,
                   rpyc_error_message(c->error));
}

void check_fails(struct check *c, const char *file, int line, rpyc_status status, rpyc_status want, const char *call)
{
    if (c->failed)
        return;
    if (status == RPYC_OK)
        check_fail(c, file, line, "%s: succeeded, want %s", call, rpyc_status_name(want));
    else if (status != want || rpyc_error_status(c->error) != want)
        fail_with_error(c, file, line, status, call);
}

rpyc_value **check_out(struct check *c)
{
    rpyc_value_free(c->result);
    c->result = NULL;
    return &c->result;
}

rpyc_error **check_error(struct check *c)
{
    rpyc_error_free(c->error);
    c->error = NULL;
    return &c->error;
}

rpyc_value *check_take(struct check *c)
{
    rpyc_value *value = c->result;
    c->result = NULL;
    return value;
}

/* ---------------------------------------------------------------- calls */

#define MOST_ARGUMENTS 8

static rpyc_status call_method(struct check *c, rpyc_object *object, rpyc_value *keywords, const char *name,
                               va_list arguments, rpyc_value **result_out)
{
    rpyc_value *args[MOST_ARGUMENTS];
    size_t count = 0;
    for (rpyc_value *arg; count < MOST_ARGUMENTS && (arg = va_arg(arguments, rpyc_value *)) != END; count++)
        args[count] = arg;
    return rpyc_object_call_method(object, name, args, count, keywords, result_out, check_error(c));
}

rpyc_value *check_call(struct check *c, const char *file, int line, rpyc_object *object, rpyc_value *keywords,
                       const char *name, ...)
{
    rpyc_value *result = NULL;
    va_list arguments;
    va_start(arguments, name);
    rpyc_status status = call_method(c, object, keywords, name, arguments, &result);
    va_end(arguments);
    check_status(c, file, line, status, name);
    return result;
}

rpyc_status check_try(struct check *c, rpyc_object *object, rpyc_value *keywords, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    rpyc_status status = call_method(c, object, keywords, name, arguments, check_out(c));
    va_end(arguments);
    return status;
}

rpyc_value *check_keywords(const void *const *names_and_values, size_t count)
{
    const char *names[MOST_ARGUMENTS];
    rpyc_value *values[MOST_ARGUMENTS], *keywords = NULL;
    for (size_t i = 0; i < count / 2 && i < MOST_ARGUMENTS; i++) {
        names[i] = names_and_values[2 * i];
        values[i] = (rpyc_value *)(uintptr_t)names_and_values[2 * i + 1];
    }
    rpyc_value_new_keywords(names, values, count / 2, &keywords, NULL);
    return keywords;
}

/* ---------------------------------------------------------------- objects */

rpyc_object *check_keep(struct check *c, const char *file, int line, rpyc_object *object)
{
    if (object == NULL) {
        check_fail(c, file, line, "an object could not be made");
        return NULL;
    }
    if (c->kept_count == c->kept_capacity) {
        size_t capacity = 2 * c->kept_capacity + 8;
        rpyc_object **larger = realloc(c->kept, capacity * sizeof *larger);
        if (larger == NULL) {
            rpyc_object_free(object);
            check_fail(c, file, line, "no memory");
            return NULL;
        }
        c->kept = larger;
        c->kept_capacity = capacity;
    }
    c->kept[c->kept_count++] = object;
    return object;
}

rpyc_object *check_object(struct check *c, const char *file, int line, rpyc_value *value)
{
    rpyc_object *object = NULL;
    if (!c->failed)
        check_status(c, file, line, rpyc_value_get_object(value, &object, check_error(c)), "rpyc_value_get_object");
    rpyc_value_free(value);
    return c->failed ? NULL : check_keep(c, file, line, object);
}

rpyc_object *check_function(struct check *c, const char *file, int line, rpyc_method_fn function, const char *signature,
                            void *userdata)
{
    rpyc_object *object = NULL;
    rpyc_error **error_out = check_error(c);
    char name[60];
    snprintf(name, sizeof name, "%.*s", signature ? (int)strcspn(signature, "(") : 8,
             signature ? signature : "function");
    rpyc_status status = rpyc_function_new(name, function, signature, NULL, 0, userdata, NULL, &object, error_out);
    check_status(c, file, line, status, "rpyc_function_new");
    return c->failed ? NULL : check_keep(c, file, line, object);
}

void check_drop(struct check *c, rpyc_object *object)
{
    for (size_t i = 0; i < c->kept_count; i++) {
        if (c->kept[i] == object) {
            c->kept[i] = c->kept[--c->kept_count];
            rpyc_object_free(object);
            return;
        }
    }
}

/* ---------------------------------------------------------------- iteration */

struct items {
    rpyc_value **items;
    size_t count, capacity;
};

static bool items_add(struct items *items, rpyc_value *item)
{
    if (items->count == items->capacity) {
        size_t capacity = 2 * items->capacity + 16;
        rpyc_value **larger = realloc(items->items, capacity * sizeof *larger);
        if (larger == NULL) {
            rpyc_value_free(item);
            return false;
        }
        items->items = larger;
        items->capacity = capacity;
    }
    items->items[items->count++] = item;
    return true;
}

/* The tuple of what was collected if the iteration ended as it should, else NULL. */
static rpyc_value *items_end(struct check *c, const char *file, int line, rpyc_status status, struct items *items)
{
    rpyc_value *tuple = NULL;
    if (status == RPYC_ERR_STOP_ITERATION) {
        tuple = tuple_value(items->items, items->count);
        free(items->items);
    } else {
        fail_with_error(c, file, line, status, "iteration");
        free_values(items->items, items->count);
    }
    return tuple;
}

rpyc_value *check_list(struct check *c, const char *file, int line, rpyc_object *object)
{
    struct items items = {0};
    rpyc_object *iterator = NULL;
    rpyc_value *item = NULL;
    rpyc_status status = rpyc_object_iter(object, &iterator, check_error(c));
    while (status == RPYC_OK && (status = rpyc_object_next(iterator, &item, check_error(c))) == RPYC_OK)
        if (!items_add(&items, item))
            status = RPYC_ERR_NULL;
    rpyc_object_free(iterator);
    return items_end(c, file, line, status, &items);
}

rpyc_value *check_chunks(struct check *c, const char *file, int line, rpyc_object *object)
{
    struct items items = {0};
    rpyc_iterator *iterator = NULL;
    rpyc_value *item = NULL;
    rpyc_status status = rpyc_object_iterate(object, &iterator, check_error(c));
    while (status == RPYC_OK && (status = rpyc_iterator_next(iterator, &item, check_error(c))) == RPYC_OK)
        if (!items_add(&items, item))
            status = RPYC_ERR_NULL;
    rpyc_iterator_free(iterator);
    return items_end(c, file, line, status, &items);
}
