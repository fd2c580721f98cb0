/* Checks: first contact, calls, and every kind of value there and back. */
#include "interop_client.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- basics */

CHECK(connect_and_root)
{
    rpyc_object *one = NULL, *two = NULL;
    OK(rpyc_connection_root(c->connection, &one, ERROR));
    OK(rpyc_connection_root(c->connection, &two, ERROR));
    TRUE(rpyc_object_same(one, two));
    EQUAL(ATTRIBUTE(one, "contract"), I(1));
    rpyc_object_free(one);
    rpyc_object_free(two);
}

CHECK(ping)
{
    OK(rpyc_connection_ping(c->connection, NULL, 0, 3000, ERROR));
    OK(rpyc_connection_ping(c->connection, "short", 5, 3000, ERROR));
}

CHECK(service_name)
{
    EQUAL(CALL(c->root, "get_service_name"), S("INTEROP"));
    EQUAL(CALL(c->root, "get_service_aliases"), TUPLE(S("INTEROP"), S("INTEROPALIAS")));
}

CHECK(implementation_text)
{
    rpyc_value *text = CALL(c->root, "implementation");
    TRUE(rpyc_value_kind(text) == RPYC_VALUE_STR);
    rpyc_value_free(text);
}

CHECK(call_positional)
{
    EQUAL(CALL(c->root, "add", I(2), I(3)), I(5));
    EQUAL(CALL(c->root, "add", S("a"), S("b")), S("ab"));
    EQUAL(CALL(c->root, "add", TUPLE(I(1)), TUPLE(I(2))), TUPLE(I(1), I(2)));
}

CHECK(call_keywords)
{
    EQUAL(CALL_WITH(c->root, KEYWORDS("b", S("B"), "a", S("A")), "concat", S("x"), I(1), I(2)),
          TUPLE(S("x"), TUPLE(I(1), I(2)), TUPLE(TUPLE(S("a"), S("A")), TUPLE(S("b"), S("B")))));
    EQUAL(CALL(c->root, "concat", S("x")), TUPLE(S("x"), empty_tuple(), empty_tuple()));
    EQUAL(CALL_WITH(c->root, KEYWORDS("a", I(1), "b", I(2)), "add"), I(3));
    EQUAL(CALL_WITH(c->root, KEYWORDS("b", I(2)), "add", I(1)), I(3));
}

CHECK(call_keywords_unicode)
{
    EQUAL(CALL_WITH(c->root, KEYWORDS("\xc3\xa9t\xc3\xa9", I(1)), "concat", S("x")),
          TUPLE(S("x"), empty_tuple(), TUPLE(TUPLE(S("\xc3\xa9t\xc3\xa9"), I(1)))));
}

CHECK(call_keyword_by_reference)
{
    rpyc_object *mine = KEEP(list_object(ITEMS(I(1), I(2))));
    rpyc_value *result = CALL_WITH(c->root, KEYWORDS("key", O(mine)), "concat", S("x"));
    const rpyc_value *pair = rpyc_value_item(rpyc_value_item(result, 2), 0);
    TRUE(rpyc_value_str_equal(rpyc_value_item(pair, 0), "key"));
    TRUE(rpyc_object_same(OBJECT_AT(pair, 1), mine));
    rpyc_value_free(result);
}

CHECK(call_defaults)
{
    EQUAL(CALL(c->root, "defaults", I(1)), TUPLE(I(1), I(2), I(3)));
    EQUAL(CALL(c->root, "defaults", I(1), I(5)), TUPLE(I(1), I(5), I(3)));
    EQUAL(CALL_WITH(c->root, KEYWORDS("c", I(9)), "defaults", I(1)), TUPLE(I(1), I(2), I(9)));
}

CHECK(call_wrong_arguments)
{
    RAISES("TypeError", TRY(c->root, "add", I(1)));
    RAISES("TypeError", TRY_WITH(c->root, KEYWORDS("nope", I(3)), "add", I(1), I(2)));
}

CHECK(call_returns_none)
{
    EQUAL(CALL(c->root, "nothing"), NONE);
}

CHECK(method_object_reused)
{
    rpyc_object *add = OBJECT(ATTRIBUTE(c->root, "add"));
    for (int64_t i = 0; i < 5; i++)
        EQUAL(INVOKE(add, I(i), I(i)), I(2 * i));
}

/* ---------------------------------------------------------------- echo */

static void echo(struct check *c, const char *file, int line, rpyc_value *value)
{
    rpyc_value *copy = rpyc_value_clone(value);
    check_equal(c, file, line, check_call(c, file, line, c->root, NULL, "echo", copy, END), value);
}

#define ECHO(value)                                                                                                    \
    do {                                                                                                               \
        if (!c->failed)                                                                                                \
            echo(HERE, value);                                                                                         \
    } while (0)

CHECK(echo_scalars)
{
    static const int64_t ints[] = {
        0, 1, -1, -48, -49, 159, 160, 255, 256, INT32_MAX, INT32_MIN, INT64_C(1) << 32, INT64_MAX, INT64_MIN,
    };
    static const double floats[] = {0.0, 1.5, -2.25, 1e308, 5e-324};
    ECHO(NONE);
    ECHO(rpyc_value_new_bool(1));
    ECHO(rpyc_value_new_bool(0));
    for (size_t i = 0; i < COUNT(ints); i++)
        ECHO(I(ints[i]));
    ECHO(big_value("18446744073709551616"));
    ECHO(big_value(ten_to_300()));
    ECHO(big_value(minus_ten_to_300()));
    for (size_t i = 0; i < COUNT(floats); i++)
        ECHO(rpyc_value_new_float(floats[i]));
    ECHO(rpyc_value_new_complex(1, -2));
    ECHO(rpyc_value_new_ellipsis());
    ECHO(rpyc_value_new_not_implemented());
}

/* The bits of a float value; something that no check wants if it is not one. */
static uint64_t float_bits(const rpyc_value *value)
{
    double number = 0;
    uint64_t bits = UINT64_MAX;
    if (rpyc_value_kind(value) == RPYC_VALUE_FLOAT && rpyc_value_get_float(value, &number, NULL) == RPYC_OK)
        memcpy(&bits, &number, sizeof bits);
    return bits;
}

CHECK(echo_float_specials)
{
    static const uint64_t specials[] = {0x8000000000000000, 0x7ff0000000000000, 0xfff0000000000000,
                                        0x7ff8000000000000, 0xfff8000000000000, 0x7ff800000000002a};
    for (size_t i = 0; i < COUNT(specials); i++) {
        double number;
        memcpy(&number, &specials[i], sizeof number);
        rpyc_value *got = CALL(c->root, "echo", rpyc_value_new_float(number));
        TRUE(float_bits(got) == specials[i]);
        rpyc_value_free(got);
    }
}

static rpyc_value *repeated(char letter, size_t count)
{
    char text[512];
    memset(text, letter, count);
    return text_value(text, count);
}

CHECK(echo_strings)
{
    static const char *const texts[] = {
        "",
        "a",
        "abcd",
        "abcde",
        "\xc3\xa9",
        "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
        "\xf0\x9f\x98\x80",
        "\xef\xbf\xbf",
        "\xf4\x8f\xbf\xbf",
        "line\nline",
        "\xef\xbb\xbf",
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        ECHO(S(texts[i]));
    ECHO(repeated('x', 255));
    ECHO(repeated('x', 256));
    ECHO(text_value("\0", 1));
}

CHECK(echo_bytes)
{
    static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 255, 256, 257};
    uint8_t data[257];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    for (size_t i = 0; i < COUNT(sizes); i++)
        ECHO(bytes_value(data, sizes[i]));
}

CHECK(echo_tuples)
{
    static const int64_t counts[] = {0, 1, 2, 3, 4, 5, 255, 256, 300};
    for (size_t i = 0; i < COUNT(counts); i++)
        ECHO(range_value(counts[i]));
    ECHO(TUPLE(TUPLE(I(1), TUPLE(I(2), TUPLE(I(3), empty_tuple()))), TUPLE(S("a"), bytes_value("b", 1))));
}

static rpyc_value *slice_value(rpyc_value *start, rpyc_value *stop, rpyc_value *step)
{
    rpyc_value *value = NULL;
    rpyc_value_new_slice(start, stop, step, &value, NULL);
    return value;
}

CHECK(echo_slices)
{
    ECHO(slice_value(NULL, NULL, NULL));
    ECHO(slice_value(I(1), I(2), I(3)));
    ECHO(slice_value(NULL, I(-1), NULL));
    ECHO(slice_value(S("a"), NULL, rpyc_value_new_float(2.5)));
}

static rpyc_value *frozenset_value(rpyc_value *const *items, size_t count)
{
    rpyc_value *value = NULL;
    rpyc_value_new_frozenset(items, count, &value, NULL);
    return value;
}

static rpyc_value *frozen_range(int64_t count)
{
    rpyc_value *items[300];
    for (int64_t i = 0; i < count; i++)
        items[i] = I(i);
    return frozenset_value(items, (size_t)count);
}

CHECK(echo_frozensets)
{
    ECHO(frozen_range(0));
    ECHO(frozenset_value(ITEMS(I(1))));
    ECHO(frozenset_value(ITEMS(I(1), I(2), I(3))));
    ECHO(frozen_range(300));
    ECHO(frozenset_value(ITEMS(S("a"), TUPLE(I(1), I(2)), NONE)));
}

CHECK(echo_deep_tuple)
{
    rpyc_value *deep = empty_tuple();
    for (int i = 0; i < 60; i++)
        deep = TUPLE(deep);
    ECHO(rpyc_value_clone(deep));
    rpyc_value_free(deep);
}

/* ---------------------------------------------------------------- kinds and samples */

static rpyc_value *list_value(void)
{
    rpyc_value *value = NULL;
    rpyc_value_new_list(NULL, 0, &value, NULL);
    return value;
}

static rpyc_value *dict_value(void)
{
    rpyc_value *value = NULL;
    rpyc_value_new_dict(NULL, NULL, 0, &value, NULL);
    return value;
}

#define KIND(value, name) EQUAL(CALL(c->root, "kind", value), S(name))

CHECK(kinds_seen_by_server)
{
    KIND(NONE, "none");
    KIND(rpyc_value_new_bool(1), "bool");
    KIND(I(1), "int");
    KIND(big_value("10000000000000000000000000000000000000000"), "int");
    KIND(rpyc_value_new_float(1.0), "float");
    KIND(rpyc_value_new_complex(0, 1), "complex");
    KIND(S(""), "str");
    KIND(bytes_value("", 0), "bytes");
    KIND(empty_tuple(), "tuple");
    KIND(slice_value(NULL, I(1), NULL), "slice");
    KIND(frozen_range(0), "frozenset");
    KIND(rpyc_value_new_ellipsis(), "ellipsis");
    KIND(rpyc_value_new_not_implemented(), "notimplemented");
    KIND(list_value(), "ref");
    KIND(dict_value(), "ref");
    KIND(O(KEEP(local_thing("k"))), "ref");
    KIND(CALL(c->root, "shared"), "own");
    KIND(O(c->root), "own");
}

static rpyc_value *all_bytes(void)
{
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    return bytes_value(all, sizeof all);
}

#define SAMPLE(name, value) EQUAL(CALL(c->root, "sample", S(name)), value)

CHECK(samples_from_server)
{
    SAMPLE("none", NONE);
    SAMPLE("true", rpyc_value_new_bool(1));
    SAMPLE("false", rpyc_value_new_bool(0));
    SAMPLE("zero", I(0));
    SAMPLE("int", I(12345));
    SAMPLE("negative", I(-49));
    SAMPLE("imm-low", I(-48));
    SAMPLE("imm-high", I(159));
    SAMPLE("int64-min", I(INT64_MIN));
    SAMPLE("uint64-max", big_value("18446744073709551615"));
    SAMPLE("huge", big_value(ten_to_300()));
    SAMPLE("float", rpyc_value_new_float(1.5));
    SAMPLE("minus-zero", rpyc_value_new_float(-0.0));
    SAMPLE("inf", rpyc_value_new_float(INFINITY));
    SAMPLE("complex", rpyc_value_new_complex(1.5, -2.5));
    SAMPLE("str", S("text"));
    SAMPLE("str-empty", S(""));
    SAMPLE("str-unicode", S("\xd7\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
    SAMPLE("bytes", bytes_value("\x00\xff", 2));
    SAMPLE("bytes-empty", bytes_value("", 0));
    SAMPLE("bytes-256", all_bytes());
    SAMPLE("tuple", TUPLE(I(1), S("two"), TUPLE(rpyc_value_new_float(3.0), NONE)));
    SAMPLE("tuple-empty", empty_tuple());
    SAMPLE("tuple-300", range_value(300));
    SAMPLE("slice", slice_value(I(1), NULL, I(2)));
    SAMPLE("frozenset", frozenset_value(ITEMS(I(1), I(2), I(3))));
    SAMPLE("ellipsis", rpyc_value_new_ellipsis());
    SAMPLE("notimplemented", rpyc_value_new_not_implemented());

    rpyc_value *nan = CALL(c->root, "sample", S("nan"));
    double number = 0;
    TRUE(rpyc_value_kind(nan) == RPYC_VALUE_FLOAT);
    OK(rpyc_value_get_float(nan, &number, ERROR));
    TRUE(isnan(number));
    rpyc_value_free(nan);
    RAISES("KeyError", TRY(c->root, "sample", S("no such sample")));
}
