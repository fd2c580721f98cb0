/* The service's functions on plain values: values, exceptions, bulk. */
#include "interop_server.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More than this is refused with MemoryError. */
#define LARGEST_BLOB ((int64_t)1 << 30)

void root_implementation(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_value *name = str_value("C librpyc "), *version = str_value(rpyc_version_string());
    answer_sum(call, name, version);
    rpyc_value_free(name);
    rpyc_value_free(version);
}

void root_add(rpyc_call *call, void *self)
{
    (void)self;
    answer_sum(call, rpyc_call_arg(call, 0), rpyc_call_arg(call, 1));
}

void root_echo(rpyc_call *call, void *self)
{
    (void)self;
    answer(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

void root_concat(rpyc_call *call, void *self)
{
    (void)self;
    answer(call, TUPLE(rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_clone(rpyc_call_arg(call, 1)),
                       sorted_pairs(rpyc_call_arg(call, 2))));
}

void root_defaults(rpyc_call *call, void *self)
{
    (void)self;
    answer(call, TUPLE(rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_clone(rpyc_call_arg(call, 1)),
                       rpyc_value_clone(rpyc_call_arg(call, 2))));
}

void root_nothing(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, NULL);
}

void root_kind(rpyc_call *call, void *self)
{
    (void)self;
    static const char *const names[] = {
        [RPYC_VALUE_NONE] = "none",         [RPYC_VALUE_NOT_IMPLEMENTED] = "notimplemented",
        [RPYC_VALUE_ELLIPSIS] = "ellipsis", [RPYC_VALUE_BOOL] = "bool",
        [RPYC_VALUE_INT] = "int",           [RPYC_VALUE_FLOAT] = "float",
        [RPYC_VALUE_COMPLEX] = "complex",   [RPYC_VALUE_STR] = "str",
        [RPYC_VALUE_BYTES] = "bytes",       [RPYC_VALUE_TUPLE] = "tuple",
        [RPYC_VALUE_SLICE] = "slice",       [RPYC_VALUE_FROZENSET] = "frozenset",
    };
    const rpyc_value *value = rpyc_call_arg(call, 0);
    int32_t kind = rpyc_value_kind(value);
    const char *name = kind >= 0 && (size_t)kind < COUNT(names) ? names[kind] : NULL;
    if (kind == RPYC_VALUE_OBJECT) {
        rpyc_object *object = NULL;
        if (rpyc_value_get_object(value, &object, NULL) == RPYC_OK)
            name = rpyc_object_is_remote(object) ? "ref" : "own";
        rpyc_object_free(object);
    }
    if (name != NULL)
        rpyc_call_return_str(call, name, RPYC_NUL_TERMINATED);
    else
        raise_type_error(call, "a value of a kind that the contract does not name");
}

/* ---------------------------------------------------------------- samples */

static rpyc_value *sample_bytes_256(void)
{
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    return bytes_value(all, sizeof all);
}

static rpyc_value *sample_tuple(void)
{
    return TUPLE(rpyc_value_new_int(1), str_value("two"), TUPLE(rpyc_value_new_float(3.0), rpyc_value_new_none()));
}

static rpyc_value *sample_slice(void)
{
    rpyc_value *value = NULL;
    rpyc_value_new_slice(rpyc_value_new_int(1), NULL, rpyc_value_new_int(2), &value, NULL);
    return value;
}

static rpyc_value *sample_frozenset(void)
{
    rpyc_value *value = NULL;
    rpyc_value_new_frozenset(ITEMS(rpyc_value_new_int(1), rpyc_value_new_int(2), rpyc_value_new_int(3)), &value, NULL);
    return value;
}

#define SAMPLE(text, expression)                                                                                       \
    if (strcmp(name, text) == 0)                                                                                       \
    return (expression)

/* NULL: there is no such sample. */
static rpyc_value *sample(const char *name)
{
    SAMPLE("none", rpyc_value_new_none());
    SAMPLE("true", rpyc_value_new_bool(1));
    SAMPLE("false", rpyc_value_new_bool(0));
    SAMPLE("zero", rpyc_value_new_int(0));
    SAMPLE("int", rpyc_value_new_int(12345));
    SAMPLE("negative", rpyc_value_new_int(-49));
    SAMPLE("imm-low", rpyc_value_new_int(-48));
    SAMPLE("imm-high", rpyc_value_new_int(159));
    SAMPLE("int64-min", rpyc_value_new_int(INT64_MIN));
    SAMPLE("uint64-max", rpyc_value_new_uint(UINT64_MAX));
    SAMPLE("huge", big_value(ten_to_300()));
    SAMPLE("float", rpyc_value_new_float(1.5));
    SAMPLE("minus-zero", rpyc_value_new_float(-0.0));
    SAMPLE("inf", rpyc_value_new_float(INFINITY));
    SAMPLE("nan", rpyc_value_new_float(NAN));
    SAMPLE("complex", rpyc_value_new_complex(1.5, -2.5));
    SAMPLE("str", str_value("text"));
    SAMPLE("str-empty", str_value(""));
    SAMPLE("str-unicode", str_value("\xd7\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
    SAMPLE("bytes", bytes_value("\x00\xff", 2));
    SAMPLE("bytes-empty", bytes_value("", 0));
    SAMPLE("bytes-256", sample_bytes_256());
    SAMPLE("tuple", sample_tuple());
    SAMPLE("tuple-empty", empty_tuple());
    SAMPLE("tuple-300", range_value(300));
    SAMPLE("slice", sample_slice());
    SAMPLE("frozenset", sample_frozenset());
    SAMPLE("ellipsis", rpyc_value_new_ellipsis());
    SAMPLE("notimplemented", rpyc_value_new_not_implemented());
    return NULL;
}

void root_sample(rpyc_call *call, void *self)
{
    (void)self;
    const char *text = NULL;
    size_t length = 0;
    char name[32];
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    rpyc_value *value = NULL;
    if (length < sizeof name && memchr(text, '\0', length) == NULL) {
        memcpy(name, text, length);
        name[length] = '\0';
        value = sample(name);
    }
    if (value != NULL)
        rpyc_call_return(call, value);
    else
        raise_key_error(call, rpyc_call_arg(call, 0));
}

/* ---------------------------------------------------------------- exceptions */

static const char *const builtin_exceptions[] = {
    "ValueError",    "KeyError",          "TypeError",           "ZeroDivisionError", "AttributeError", "RuntimeError",
    "StopIteration", "FileNotFoundError", "NotImplementedError", "IndexError",        "ImportError",
};

static rpyc_value *two_attributes(const char *first, rpyc_value *first_value, const char *second,
                                  rpyc_value *second_value)
{
    const char *names[] = {first, second};
    rpyc_value *values[] = {first_value, second_value};
    rpyc_value *attributes = NULL;
    rpyc_value_new_keywords(names, values, COUNT(values), &attributes, NULL);
    return attributes;
}

/* CustomError(message, code=7) */
static void raise_custom(rpyc_call *call, const rpyc_value *args)
{
    size_t count = rpyc_value_count(args);
    if (count < 1 || count > 2) {
        raise_type_error(call, "CustomError takes a message and perhaps a code");
        return;
    }
    const char *name = "code";
    rpyc_value *code = count == 2 ? rpyc_value_clone(rpyc_value_item(args, 1)) : rpyc_value_new_int(7);
    rpyc_value *attributes = NULL;
    rpyc_value_new_keywords(&name, &code, 1, &attributes, NULL);
    rpyc_call_raise_with(call, "interop", "CustomError", ITEMS(rpyc_value_clone(rpyc_value_item(args, 0))), attributes);
}

static void raise_builtin(rpyc_call *call, const char *name, const rpyc_value *args)
{
    size_t count = 0;
    rpyc_value **items = cloned_items(args, &count);
    rpyc_value *attributes = NULL;
    if (items == NULL) {
        answer(call, NULL);
        return;
    }
    if (strcmp(name, "FileNotFoundError") == 0 && count == 2)
        attributes = two_attributes("errno", rpyc_value_clone(items[0]), "strerror", rpyc_value_clone(items[1]));
    rpyc_call_raise_with(call, "builtins", name, items, count, attributes);
    free(items);
}

void root_fail(rpyc_call *call, void *self)
{
    (void)self;
    const rpyc_value *name = rpyc_call_arg(call, 0), *args = rpyc_call_arg(call, 1);
    for (size_t i = 0; i < COUNT(builtin_exceptions); i++) {
        if (rpyc_value_str_equal(name, builtin_exceptions[i])) {
            raise_builtin(call, builtin_exceptions[i], args);
            return;
        }
    }
    if (rpyc_value_str_equal(name, "CustomError"))
        raise_custom(call, args);
    else
        raise_key_error(call, name);
}

void root_divide(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_value *quotient = NULL;
    rpyc_status status = floor_divide_values(rpyc_call_arg(call, 0), rpyc_call_arg(call, 1), &quotient);
    if (status == RPYC_ERR_RANGE)
        rpyc_call_raise(call, "ZeroDivisionError", "integer division or modulo by zero");
    else if (status == RPYC_ERR_TYPE)
        raise_type_error(call, "unsupported operand types for //");
    else
        answer(call, quotient);
}

/* ---------------------------------------------------------------- bulk */

/* Zeroed memory for the size that argument 0 asks for, or NULL with the call answered. Python's size below 0 is 0. */
static uint8_t *bulk_memory(rpyc_call *call, size_t *size_out)
{
    int64_t size = 0;
    if (rpyc_call_get_int(call, 0, &size))
        return NULL;
    *size_out = size > 0 ? (size_t)size : 0;
    uint8_t *data = size <= LARGEST_BLOB ? calloc(*size_out + 1, 1) : NULL;
    if (data == NULL)
        rpyc_call_raise(call, "MemoryError", "that is too large");
    return data;
}

/* Sends the memory without a copy and frees it then. */
static void answer_bulk(rpyc_call *call, uint8_t *data, size_t size)
{
    rpyc_value *value = NULL;
    rpyc_value_new_bytes_owned(data, size, data, free, &value, NULL);
    answer(call, value);
}

void root_blob(rpyc_call *call, void *self)
{
    (void)self;
    size_t size = 0;
    uint8_t *data = bulk_memory(call, &size);
    if (data == NULL)
        return;
    noise(data, size);
    answer_bulk(call, data, size);
}

void root_zeros(rpyc_call *call, void *self)
{
    (void)self;
    size_t size = 0;
    uint8_t *data = bulk_memory(call, &size);
    if (data != NULL)
        answer_bulk(call, data, size);
}

void root_digest(rpyc_call *call, void *self)
{
    (void)self;
    const uint8_t *data = NULL;
    size_t length = 0;
    char hex[65];
    if (rpyc_call_get_bytes(call, 0, &data, &length))
        return;
    sha256_hex(data, length, hex);
    rpyc_call_return_str(call, hex, RPYC_NUL_TERMINATED);
}
