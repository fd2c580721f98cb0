/**
 * @file rpyc_helpers.h
 *
 * Conveniences over rpyc.h for programs in C and C++: short names for what user programs write most. All of it is inline
 * code on top of the functions of rpyc.h, which say what is not said here; nothing here is needed, and the library exports
 * none of it.
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

/** The number of elements of an array (not of a pointer). */
#define RPYC_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Values. Each is owned, or NULL where it cannot be made: a text that is not UTF-8, no memory. NULL among arguments makes
 * the call fail with RPYC_ERR_NULL and frees the others, so that it need not be looked at.
 */

/** A str of a text that ends with NUL; copied. */
static inline rpyc_value *rpyc_str(const char *text)
{
    rpyc_value *value = NULL;

    rpyc_value_new_str(text, RPYC_NUL_TERMINATED, &value, NULL);
    return value;
}

/** An int. */
static inline rpyc_value *rpyc_int(int64_t number)
{
    return rpyc_value_new_int(number);
}

/** A float. */
static inline rpyc_value *rpyc_float(double number)
{
    return rpyc_value_new_float(number);
}

/** A bool: 0 is False. */
static inline rpyc_value *rpyc_bool(int32_t truth)
{
    return rpyc_value_new_bool(truth);
}

/** None. */
static inline rpyc_value *rpyc_none(void)
{
    return rpyc_value_new_none();
}

/** Bytes; copied. */
static inline rpyc_value *rpyc_bytes(const void *data, size_t length)
{
    rpyc_value *value = NULL;

    rpyc_value_new_bytes(data, length, &value, NULL);
    return value;
}

/** An object as a value; the object is borrowed. */
static inline rpyc_value *rpyc_ref(const rpyc_object *object)
{
    rpyc_value *value = NULL;

    rpyc_value_new_object(object, &value, NULL);
    return value;
}

/** A tuple; the items are consumed. */
static inline rpyc_value *rpyc_tuple(rpyc_value *const *items, size_t count)
{
    rpyc_value *value = NULL;

    rpyc_value_new_tuple(items, count, &value, NULL);
    return value;
}

/** A tuple of two; both are consumed. */
static inline rpyc_value *rpyc_pair(rpyc_value *first, rpyc_value *second)
{
    rpyc_value *items[2];

    items[0] = first;
    items[1] = second;
    return rpyc_tuple(items, 2);
}

#ifndef __cplusplus
/** Arguments of a call, pointer and count: rpyc_object_call(f, RPYC_ARGS(rpyc_int(1), rpyc_str("x")), NULL, &value, &error) */
#define RPYC_ARGS(...) \
    (rpyc_value *[]){__VA_ARGS__}, (sizeof((rpyc_value *[]){__VA_ARGS__}) / sizeof(rpyc_value *))
/** A tuple of at least one value; they are consumed: RPYC_TUPLE(rpyc_int(1), rpyc_str("x")) */
#define RPYC_TUPLE(...) rpyc_tuple(RPYC_ARGS(__VA_ARGS__))
#endif

/*
 * What calls give, taken apart: the value is consumed, on success and on every failure. NULL is RPYC_ERR_NULL.
 */

/** Takes an int out of a value. */
static inline rpyc_status rpyc_take_int(rpyc_value *value, int64_t *out, rpyc_error **error_out)
{
    rpyc_status status = rpyc_value_get_int(value, out, error_out);

    rpyc_value_free(value);
    return status;
}

/** Takes a float out of a value. */
static inline rpyc_status rpyc_take_float(rpyc_value *value, double *out, rpyc_error **error_out)
{
    rpyc_status status = rpyc_value_get_float(value, out, error_out);

    rpyc_value_free(value);
    return status;
}

/** Takes a bool out of a value. */
static inline rpyc_status rpyc_take_bool(rpyc_value *value, bool *out, rpyc_error **error_out)
{
    rpyc_status status = rpyc_value_get_bool(value, out, error_out);

    rpyc_value_free(value);
    return status;
}

/** Takes an object out of a value; it is owned. */
static inline rpyc_status rpyc_take_object(rpyc_value *value, rpyc_object **out, rpyc_error **error_out)
{
    rpyc_status status = rpyc_value_get_object(value, out, error_out);

    rpyc_value_free(value);
    return status;
}

/** Takes a text out of a value: a copy that ends with NUL, owned, freed with free(). A NUL within it ends it for C. */
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

/** Drops what a call gives. */
static inline rpyc_status rpyc_take_nothing(rpyc_value *value)
{
    rpyc_value_free(value);
    return RPYC_OK;
}

/*
 * Services. In C:
 *
 *     static const rpyc_method methods[] = {
 *         RPYC_METHOD("exposed_add", add, "add(a, b)", "The sum."),
 *     };
 *     static const rpyc_class_table table = {RPYC_METHODS("CalculatorService", methods)};
 *
 * More members may follow: {RPYC_METHODS("CalculatorService", methods), .flags = RPYC_CLASS_SERIAL}. In C++, where older
 * standards have no designated initializers: rpyc_class_table table = rpyc_table("CalculatorService", methods, count).
 */

/** One method, without flags. */
#define RPYC_METHOD(name, call, signature, doc) {name, call, signature, doc, 0}
/** One method that is short and never waits. */
#define RPYC_QUICK_METHOD(name, call, signature, doc) {name, call, signature, doc, RPYC_METHOD_QUICK}

#ifndef __cplusplus
/** What begins a class table: its sizes, its name, and an array of methods. */
#define RPYC_METHODS(class_name, array) \
    .struct_size = sizeof(rpyc_class_table), .method_size = sizeof(rpyc_method), .property_size = sizeof(rpyc_property), \
    .name = (class_name), .methods = (array), .method_count = RPYC_COUNT(array)
#endif

/** A class table with sizes, name and methods; what they point to is borrowed as long as the table is used. */
static inline rpyc_class_table rpyc_table(const char *name, const rpyc_method *methods, size_t count)
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
