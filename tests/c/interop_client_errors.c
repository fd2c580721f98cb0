/* Checks: exceptions, and a lot of data. */
#include "interop_client.h"

#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- exceptions */

CHECK(exception_builtin)
{
    static const char *const names[] = {"ValueError",   "TypeError",  "ZeroDivisionError",   "AttributeError",
                                        "RuntimeError", "IndexError", "NotImplementedError", "ImportError"};
    for (size_t i = 0; i < COUNT(names); i++) {
        RAISES(names[i], TRY(c->root, "fail", S(names[i]), S("message"), I(2)));
        EQUAL(rpyc_error_args(c->error), TUPLE(S("message"), I(2)));
    }
    RAISES("KeyError", TRY(c->root, "fail", S("KeyError"), TUPLE(S("k"), I(1))));
    EQUAL(rpyc_error_args(c->error), TUPLE(TUPLE(S("k"), I(1))));
}

CHECK(exception_organic)
{
    RAISES("ZeroDivisionError", TRY(c->root, "divide", I(1), I(0)));
}

CHECK(exception_oserror)
{
    RAISES("FileNotFoundError", TRY(c->root, "fail", S("FileNotFoundError"), I(2), S("gone")));
    EQUAL(rpyc_error_attribute(c->error, "errno"), I(2));
    EQUAL(rpyc_error_args(c->error), TUPLE(I(2), S("gone")));
}

CHECK(exception_stop_iteration)
{
    RAISES("StopIteration", TRY(c->root, "fail", S("StopIteration")));
}

CHECK(exception_custom)
{
    FAILS(RPYC_ERR_REMOTE, TRY(c->root, "fail", S("CustomError"), S("special")));
    TRUE(rpyc_error_is(c->error, "interop.CustomError"));
    TRUE(!rpyc_error_is(c->error, "ValueError"));
    const char *module = rpyc_error_type_module(c->error), *name = rpyc_error_type_name(c->error);
    TRUE(module != NULL && strcmp(module, "interop") == 0);
    TRUE(name != NULL && strcmp(name, "CustomError") == 0);
    EQUAL(rpyc_error_args(c->error), TUPLE(S("special")));
    EQUAL(rpyc_error_attribute(c->error, "code"), I(7));
    TRUE(rpyc_error_attribute(c->error, "no such attribute") == NULL);
    bool listed = false;
    for (size_t i = 0; i < rpyc_error_attribute_count(c->error); i++) {
        const char *attribute = rpyc_error_attribute_name(c->error, i);
        listed = listed || (attribute != NULL && strcmp(attribute, "code") == 0);
    }
    TRUE(listed);
}

CHECK(exception_remote_traceback_text)
{
    RAISES("ValueError", TRY(c->root, "fail", S("ValueError"), S("tb")));
    const char *traceback = rpyc_error_traceback(c->error);
    TRUE(traceback != NULL && traceback[0] != '\0');
    TRUE(strstr(rpyc_error_message(c->error), "ValueError: tb") != NULL);
}

CHECK(exception_then_normal_work)
{
    for (int64_t i = 0; i < 5; i++) {
        RAISES("ValueError", TRY(c->root, "fail", S("ValueError"), I(i)));
        EQUAL(rpyc_error_args(c->error), TUPLE(I(i)));
        EQUAL(CALL(c->root, "add", I(i), I(1)), I(i + 1));
    }
}

/* ---------------------------------------------------------------- bulk */

static rpyc_value *digest_value(const uint8_t *data, size_t size)
{
    char hex[65];
    sha256_hex(data, size, hex);
    return S(hex);
}

/* The server's digest of the data is that of the data; `method`(size) gives the same data back. */
static void exchange(struct check *c, const uint8_t *data, size_t size, const char *method)
{
    EQUAL(CALL(c->root, "digest", bytes_value(data, size)), digest_value(data, size));
    EQUAL(CALL(c->root, method, I((int64_t)size)), bytes_value(data, size));
}

CHECK(bulk_compressible)
{
    static const size_t sizes[] = {2900, 3000, 3100, 64000, 100000, 1 << 20};
    uint8_t *zeros = calloc(1 << 20, 1);
    TRUE(zeros != NULL);
    for (size_t i = 0; i < COUNT(sizes) && zeros != NULL; i++)
        exchange(c, zeros, sizes[i], "zeros");
    free(zeros);
}

CHECK(bulk_incompressible)
{
    static const size_t sizes[] = {2985, 3005, 63990, 64010, 200000, 1 << 20};
    uint8_t *blob = malloc(1 << 20);
    TRUE(blob != NULL);
    if (blob != NULL)
        noise(blob, 1 << 20);
    for (size_t i = 0; i < COUNT(sizes) && blob != NULL; i++)
        exchange(c, blob, sizes[i], "blob");
    free(blob);
}

CHECK(bulk_tuple)
{
    EQUAL(CALL(c->root, "echo", range_value(20000)), range_value(20000));
}
