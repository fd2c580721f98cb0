/**
 * @file rpyc_helpers.h
 *
 * Helpers on top of rpyc.h, for C and C++: short names for the most common operations. They are
 * optional inline functions and macros, which the library does not export. For statuses, limits
 * and threads, see the functions of rpyc.h that they call.
 *
 * @code{.c}
 * rpyc_value *result = NULL;
 * int64_t sum = 0;
 * if (!rpyc_object_call_method(object, "add", RPYC_ARGS(rpyc_int(40), rpyc_int(2)), NULL, &result,
 *                              &error))
 *     rpyc_take_int(result, &sum, &error); // frees the result
 * @endcode
 *
 * MIT licence.
 */
#ifndef RPYC_HELPERS_H
#define RPYC_HELPERS_H

#include <stdlib.h>
#include <string.h>

#include "rpyc.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Number of elements of an array. Not for pointers. */
#define RPYC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Values. Each result is owned, free with rpyc_value_free(). It is NULL if the value cannot be
 * made: if a string is not UTF-8, or if there is not enough memory. It needs no check before it is
 * passed to a call: with a NULL argument the call fails with RPYC_ERR_NULL and frees the others.
 */

/** Makes a str of a NUL-terminated string, which is copied. */
static inline rpyc_value *rpyc_str(const char *text)
{
    rpyc_value *value = NULL;

    rpyc_value_new_str(text, RPYC_NUL_TERMINATED, &value, NULL);
    return value;
}

/** Makes an int. */
static inline rpyc_value *rpyc_int(int64_t number)
{
    return rpyc_value_new_int(number);
}

/** Makes a float. */
static inline rpyc_value *rpyc_float(double number)
{
    return rpyc_value_new_float(number);
}

/** Makes a bool: False for 0, otherwise True. */
static inline rpyc_value *rpyc_bool(int32_t truth)
{
    return rpyc_value_new_bool(truth);
}

/** Makes None. */
static inline rpyc_value *rpyc_none(void)
{
    return rpyc_value_new_none();
}

/** Makes bytes of `length` bytes of data, which are copied. */
static inline rpyc_value *rpyc_bytes(const void *data, size_t length)
{
    rpyc_value *value = NULL;

    rpyc_value_new_bytes(data, length, &value, NULL);
    return value;
}

/** Makes a value that references an object. The object is borrowed. */
static inline rpyc_value *rpyc_ref(const rpyc_object *object)
{
    rpyc_value *value = NULL;

    rpyc_value_new_object(object, &value, NULL);
    return value;
}

/** Makes a tuple. The items are consumed. */
static inline rpyc_value *rpyc_tuple(rpyc_value *const *items, size_t count)
{
    rpyc_value *value = NULL;

    rpyc_value_new_tuple(items, count, &value, NULL);
    return value;
}

/** Makes a tuple of two items. Both are consumed. */
static inline rpyc_value *rpyc_pair(rpyc_value *first, rpyc_value *second)
{
    rpyc_value *items[2];

    items[0] = first;
    items[1] = second;
    return rpyc_tuple(items, 2);
}

#ifndef __cplusplus
/**
 * Arguments of a call, as a pointer and a count:
 * `rpyc_object_call(f, RPYC_ARGS(rpyc_int(1), rpyc_str("x")), NULL, &value, &error)`
 */
#define RPYC_ARGS(...) \
    (rpyc_value *[]){__VA_ARGS__}, (sizeof((rpyc_value *[]){__VA_ARGS__}) / sizeof(rpyc_value *))
/** Makes a tuple of at least one value, all consumed: `RPYC_TUPLE(rpyc_int(1), rpyc_str("x"))` */
#define RPYC_TUPLE(...) rpyc_tuple(RPYC_ARGS(__VA_ARGS__))
#endif

/*
 * Results of calls, converted to C. The value is consumed, also on failure. A NULL value fails with
 * RPYC_ERR_NULL. These functions do not ask the peer: see rpyc_value_convert() for remote numbers.
 */

/** Gets the number of an int and frees the value. */
static inline rpyc_status rpyc_take_int(rpyc_value *value, int64_t *out, rpyc_error **error_out)
{
    rpyc_status status = rpyc_value_get_int(value, out, error_out);

    rpyc_value_free(value);
    return status;
}

/** Gets the number of a float and frees the value. */
static inline rpyc_status rpyc_take_float(rpyc_value *value, double *out, rpyc_error **error_out)
{
    rpyc_status status = rpyc_value_get_float(value, out, error_out);

    rpyc_value_free(value);
    return status;
}

/** Gets a bool and frees the value. */
static inline rpyc_status rpyc_take_bool(rpyc_value *value, bool *out, rpyc_error **error_out)
{
    rpyc_status status = rpyc_value_get_bool(value, out, error_out);

    rpyc_value_free(value);
    return status;
}

/** Gets the object of a value and frees the value. *out is owned, free with rpyc_object_free(). */
static inline rpyc_status rpyc_take_object(rpyc_value *value, rpyc_object **out,
                                           rpyc_error **error_out)
{
    rpyc_status status = rpyc_value_get_object(value, out, error_out);

    rpyc_value_free(value);
    return status;
}

/**
 * Copies the string of a str and frees the value. *out is owned, free with free(). It is
 * NUL-terminated; a NUL inside the string ends it early for C.
 */
static inline rpyc_status rpyc_take_str(rpyc_value *value, char **out, rpyc_error **error_out)
{
    const char *text = NULL;
    size_t length = 0;
    rpyc_status status = RPYC_ERR_NULL;

    if (out != NULL) {
        *out = NULL;
        status = rpyc_value_get_str(value, &text, &length, error_out);
        if (status == RPYC_OK) {
            *out = (char *)malloc(length + 1);
            if (*out != NULL) {
                memcpy(*out, text, length);
                (*out)[length] = '\0';
            } else {
                status = rpyc_error_new(RPYC_ERR_LIMIT, NULL, "no memory for the text", error_out);
            }
        }
    } else {
        status = rpyc_error_new(RPYC_ERR_NULL, NULL, "out is NULL", error_out);
    }
    rpyc_value_free(value);
    return status;
}

/** Frees the result of a call. NULL does nothing. */
static inline rpyc_status rpyc_take_nothing(rpyc_value *value)
{
    rpyc_value_free(value);
    return RPYC_OK;
}

/*
 * Tables of services. In C:
 *
 *     static const rpyc_method methods[] = {
 *         RPYC_METHOD("exposed_add", add, "add(a, b)", "The sum."),
 *     };
 *     static const rpyc_class_table table = {RPYC_METHODS("CalculatorService", methods)};
 *
 * More members may follow:
 *
 *     {RPYC_METHODS("CalculatorService", methods), .flags = RPYC_CLASS_SERIAL}
 *
 * Older standards of C++ have no designated initializers. Write there:
 *
 *     rpyc_class_table table = rpyc_table("CalculatorService", methods, count);
 */

/** Initializer of an rpyc_method without flags. */
#define RPYC_METHOD(name, call, signature, doc) \
    {                                           \
        name, call, signature, doc, 0           \
    }
/** Initializer of an rpyc_method that is short and never blocks, see RPYC_METHOD_QUICK. */
#define RPYC_QUICK_METHOD(name, call, signature, doc) \
    {                                                 \
        name, call, signature, doc, RPYC_METHOD_QUICK \
    }

#ifndef __cplusplus
/** First members of an rpyc_class_table: its sizes, its name, and an array of methods. */
#define RPYC_METHODS(class_name, array)                                               \
    .struct_size = sizeof(rpyc_class_table), .method_size = sizeof(rpyc_method),      \
    .property_size = sizeof(rpyc_property), .name = (class_name), .methods = (array), \
    .method_count = RPYC_COUNT(array)
#endif

/** Makes a class table with sizes, name and methods. Both are borrowed while it is used. */
static inline rpyc_class_table rpyc_table(const char *name, const rpyc_method *methods,
                                          size_t count)
{
    rpyc_class_table table;

    memset(&table, 0, sizeof table);
    table.struct_size = sizeof(rpyc_class_table);
    table.method_size = sizeof(rpyc_method);
    table.property_size = sizeof(rpyc_property);
    table.name = name;
    table.methods = methods;
    table.method_count = count;
    return table;
}

#ifdef __cplusplus
}
#endif

#endif /* RPYC_HELPERS_H */
