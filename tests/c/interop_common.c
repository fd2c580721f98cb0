/* Small helpers over rpyc.h: making values, answering calls, time, options. */
#define _POSIX_C_SOURCE 200809L
#include "interop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---------------------------------------------------------------- values */

rpyc_value *text_value(const char *text, size_t length)
{
    rpyc_value *value = NULL;
    rpyc_value_new_str(text, length, &value, NULL);
    return value;
}

rpyc_value *str_value(const char *text)
{
    return text_value(text, RPYC_NUL_TERMINATED);
}

rpyc_value *bytes_value(const void *data, size_t length)
{
    rpyc_value *value = NULL;
    rpyc_value_new_bytes(data, length, &value, NULL);
    return value;
}

rpyc_value *big_value(const char *digits)
{
    rpyc_value *value = NULL;
    rpyc_value_new_int_text(digits, RPYC_NUL_TERMINATED, &value, NULL);
    return value;
}

rpyc_value *object_value(const rpyc_object *object)
{
    rpyc_value *value = NULL;
    if (object != NULL)
        rpyc_value_new_object(object, &value, NULL);
    return value;
}

rpyc_value *tuple_value(rpyc_value *const *items, size_t count)
{
    rpyc_value *value = NULL;
    rpyc_value_new_tuple(items, count, &value, NULL);
    return value;
}

rpyc_value *empty_tuple(void)
{
    return tuple_value(NULL, 0);
}

rpyc_value *range_value(int64_t count)
{
    size_t size = count > 0 ? (size_t)count : 0;
    rpyc_value **items = calloc(size + 1, sizeof *items);
    if (items == NULL)
        return NULL;
    for (size_t i = 0; i < size; i++)
        items[i] = rpyc_value_new_int((int64_t)i);
    rpyc_value *tuple = tuple_value(items, size);
    free(items);
    return tuple;
}

#define THIRTY_NOUGHTS "000000000000000000000000000000"
#define THREE_HUNDRED_NOUGHTS                                                                                          \
    THIRTY_NOUGHTS THIRTY_NOUGHTS THIRTY_NOUGHTS THIRTY_NOUGHTS THIRTY_NOUGHTS THIRTY_NOUGHTS THIRTY_NOUGHTS           \
        THIRTY_NOUGHTS THIRTY_NOUGHTS THIRTY_NOUGHTS

const char *ten_to_300(void)
{
    return "1" THREE_HUNDRED_NOUGHTS;
}

const char *minus_ten_to_300(void)
{
    return "-1" THREE_HUNDRED_NOUGHTS;
}

rpyc_value **cloned_items(const rpyc_value *sequence, size_t *count_out)
{
    size_t count = rpyc_value_count(sequence);
    rpyc_value **items = calloc(count + 1, sizeof *items);
    if (items == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++)
        items[i] = rpyc_value_clone(rpyc_value_item(sequence, i));
    *count_out = count;
    return items;
}

struct pair {
    const rpyc_value *key, *value;
};

/* UTF-8 sorts by bytes as Python sorts by code points. */
int compare_texts(const rpyc_value *left, const rpyc_value *right)
{
    const char *a = NULL, *b = NULL;
    size_t a_length = 0, b_length = 0;
    rpyc_value_get_str(left, &a, &a_length, NULL);
    rpyc_value_get_str(right, &b, &b_length, NULL);
    size_t common = a_length < b_length ? a_length : b_length;
    int order = common > 0 ? memcmp(a, b, common) : 0;
    return order != 0 ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_pairs(const void *left, const void *right)
{
    return compare_texts(((const struct pair *)left)->key, ((const struct pair *)right)->key);
}

rpyc_value *sorted_pairs(const rpyc_value *dict)
{
    size_t count = rpyc_value_count(dict);
    struct pair *pairs = calloc(count + 1, sizeof *pairs);
    rpyc_value **items = calloc(count + 1, sizeof *items);
    rpyc_value *tuple = NULL;
    if (pairs != NULL && items != NULL) {
        for (size_t i = 0; i < count; i++)
            pairs[i] = (struct pair){rpyc_value_key(dict, i), rpyc_value_item(dict, i)};
        qsort(pairs, count, sizeof *pairs, compare_pairs);
        for (size_t i = 0; i < count; i++)
            items[i] = TUPLE(rpyc_value_clone(pairs[i].key), rpyc_value_clone(pairs[i].value));
        tuple = tuple_value(items, count);
    }
    free(items);
    free(pairs);
    return tuple;
}

bool text_contains(const rpyc_value *text, const rpyc_value *part)
{
    const char *hay = NULL, *needle = NULL;
    size_t hay_length = 0, needle_length = 0;
    if (rpyc_value_get_str(text, &hay, &hay_length, NULL) || rpyc_value_get_str(part, &needle, &needle_length, NULL))
        return false;
    if (needle_length == 0)
        return true;
    for (size_t i = 0; i + needle_length <= hay_length; i++)
        if (memcmp(hay + i, needle, needle_length) == 0)
            return true;
    return false;
}

void free_value(void *value)
{
    rpyc_value_free(value);
}

void free_values(rpyc_value **values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        rpyc_value_free(values[i]);
    free(values);
}

/* ---------------------------------------------------------------- answers */

void answer(rpyc_call *call, rpyc_value *value)
{
    if (value == NULL)
        rpyc_call_raise(call, "MemoryError", "the result could not be made");
    else
        rpyc_call_return(call, value);
}

void answer_or_raise(rpyc_call *call, rpyc_value *value, rpyc_error *error)
{
    if (error != NULL) {
        rpyc_value_free(value);
        rpyc_call_raise_error(call, error);
    } else {
        answer(call, value);
    }
}

void answer_object(rpyc_call *call, rpyc_object *object)
{
    answer(call, object_value(object));
    rpyc_object_free(object);
}

void raise_type_error(rpyc_call *call, const char *message)
{
    rpyc_call_raise(call, "TypeError", message);
}

void raise_key_error(rpyc_call *call, const rpyc_value *key)
{
    rpyc_call_raise_with(call, "builtins", "KeyError", ITEMS(rpyc_value_clone(key)), NULL);
}

void raise_stop_iteration(rpyc_call *call)
{
    rpyc_call_raise_with(call, "builtins", "StopIteration", NULL, 0, NULL);
}

/* ---------------------------------------------------------------- the rest */

void sleep_seconds(double seconds)
{
    if (!(seconds > 0))
        return;
    if (seconds > 1e6)
        seconds = 1e6;
    struct timespec left = {.tv_sec = (time_t)seconds};
    left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

double monotonic_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

rpyc_status set_option(rpyc_config *config, const char *assignment, rpyc_error **error_out)
{
    const char *equals = strchr(assignment, '=');
    size_t length = equals != NULL ? (size_t)(equals - assignment) : strlen(assignment);
    char name[64];
    if (length >= sizeof name)
        length = sizeof name - 1;
    memcpy(name, assignment, length);
    name[length] = '\0';
    return rpyc_config_set(config, name, equals != NULL ? equals + 1 : "true", error_out);
}
