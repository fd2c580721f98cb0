/* Checks: objects of the server, used from here. */
#include "interop_client.h"

#include <string.h>

#define YES rpyc_value_new_bool(1)
#define NO rpyc_value_new_bool(0)

/* A new Item of the server. */
#define ITEM(label) OBJECT(CALL(c->root, "make", S(label)))

CHECK(object_methods)
{
    rpyc_object *item = ITEM("abc");
    EQUAL(CALL(item, "get"), S("abc"));
    EQUAL(ATTRIBUTE(item, "label"), S("abc"));
    TRUE(rpyc_object_same(OBJECT(CALL(item, "rename", S("xyz"))), item));
    EQUAL(ATTRIBUTE(item, "label"), S("xyz"));
}

CHECK(object_identity)
{
    rpyc_object *one = OBJECT(CALL(c->root, "shared"));
    TRUE(rpyc_object_same(one, OBJECT(CALL(c->root, "shared"))));
    EQUAL(CALL(c->root, "is_same", O(one), CALL(c->root, "shared")), YES);
    EQUAL(CALL(c->root, "is_same", O(one), CALL(c->root, "make", S("shared"))), NO);
    EQUAL(CALL(one, "same", O(one)), YES);
}

CHECK(object_property)
{
    rpyc_object *item = ITEM("p");
    EQUAL(ATTRIBUTE(item, "value"), I(0));
    OK(rpyc_object_set_attr(item, "value", I(41), ERROR));
    EQUAL(ATTRIBUTE(item, "value"), I(41));
    RAISES("TypeError", rpyc_object_set_attr(item, "value", S("text"), ERROR));
    EQUAL(ATTRIBUTE(item, "value"), I(41));
    OK(rpyc_object_del_attr(item, "value", ERROR));
    EQUAL(ATTRIBUTE(item, "value"), I(0));
}

#define COMPARE(left, op, right) GET(rpyc_object_compare(left, op, right, OUT, ERROR))

CHECK(object_operators)
{
    rpyc_object *a = ITEM("a"), *b = ITEM("b"), *a2 = ITEM("a");
    EQUAL(COMPARE(a, RPYC_EQ, O(a2)), YES);
    EQUAL(COMPARE(a, RPYC_NE, O(b)), YES);
    EQUAL(COMPARE(a, RPYC_LT, O(b)), YES);
    EQUAL(COMPARE(b, RPYC_GT, O(a)), YES);
    EQUAL(COMPARE(a, RPYC_EQ, S("a")), YES);
    EQUAL(COMPARE(a, RPYC_NE, S("b")), YES);
    EQUAL(COMPARE(a, RPYC_LT, O(a2)), NO);
    EQUAL(COMPARE(a, RPYC_EQ, I(5)), NO);
    EQUAL(COMPARE(a, RPYC_NE, I(5)), YES);
    EQUAL(COMPARE(a, RPYC_LT, I(5)), rpyc_value_new_not_implemented()); /* which Python makes a TypeError of */
    EQUAL(CALL(a, "__add__", S("!")), S("a!"));
    EQUAL(CALL(a, "__radd__", S("!")), S("!a"));
}

CHECK(object_hash)
{
    rpyc_object *a = ITEM("ab"), *a2 = ITEM("ab");
    EQUAL(GET(rpyc_object_hash(a, OUT, ERROR)), I(97 + 98));
    EQUAL(GET(rpyc_object_hash(a2, OUT, ERROR)), I(97 + 98));
    EQUAL(COMPARE(a, RPYC_EQ, O(a2)), YES);
}

CHECK(object_text)
{
    rpyc_object *item = ITEM("txt");
    EQUAL(GET(rpyc_object_str(item, OUT, ERROR)), S("item txt"));
    EQUAL(GET(rpyc_object_repr(item, OUT, ERROR)), S("<Item txt>"));
}

CHECK(object_container)
{
    rpyc_object *item = ITEM("hello");
    int64_t length = 0;
    bool within = false;
    OK(rpyc_object_length(item, &length, ERROR));
    TRUE(length == 5);
    EQUAL(CALL(item, "__bool__"), YES);
    EQUAL(CALL(ITEM("false"), "__bool__"), NO);
    OK(rpyc_object_contains(item, S("ell"), &within, ERROR));
    TRUE(within);
    OK(rpyc_object_contains(item, S("xyz"), &within, ERROR));
    TRUE(!within);
    EQUAL(LIST(item), TUPLE(S("h"), S("e"), S("l"), S("l"), S("o")));
    OK(rpyc_object_set_item(item, S("k"), TUPLE(I(1), I(2)), ERROR));
    EQUAL(GET(rpyc_object_get_item(item, S("k"), OUT, ERROR)), TUPLE(I(1), I(2)));
    OK(rpyc_object_del_item(item, S("k"), ERROR));
    RAISES("KeyError", rpyc_object_get_item(item, S("k"), OUT, ERROR));
}

/* Is there a method of this name among the (name, doc) pairs? */
static bool lists_method(const rpyc_value *methods, const char *name)
{
    for (size_t i = 0; i < rpyc_value_count(methods); i++)
        if (rpyc_value_str_equal(rpyc_value_item(rpyc_value_item(methods, i), 0), name))
            return true;
    return false;
}

CHECK(object_called)
{
    rpyc_object *item = ITEM("f");
    rpyc_value *methods = GET(rpyc_object_inspect(item, OUT, ERROR));
    TRUE(lists_method(methods, "__call__"));
    TRUE(!lists_method(methods, "__enter__"));
    rpyc_value_free(methods);
    EQUAL(GET(rpyc_object_call(item, ITEMS(I(1), S("x")), KEYWORDS("k", I(2)), OUT, ERROR)),
          TUPLE(S("f"), TUPLE(I(1), S("x")), TUPLE(TUPLE(S("k"), I(2)))));
}

static bool ends_with(const rpyc_value *text, const char *end)
{
    const char *start = NULL;
    size_t length = 0, end_length = strlen(end);
    return rpyc_value_get_str(text, &start, &length, NULL) == RPYC_OK && length >= end_length &&
           memcmp(start + length - end_length, end, end_length) == 0;
}

CHECK(object_dir)
{
    rpyc_value *names = GET(rpyc_object_dir(ITEM("d"), OUT, ERROR));
    bool found = false;
    for (size_t i = 0; i < rpyc_value_count(names); i++)
        found = found || ends_with(rpyc_value_item(names, i), "get");
    TRUE(found);
    rpyc_value_free(names);
}

CHECK(object_denied)
{
    rpyc_object *item = ITEM("d");
    RAISES("AttributeError", rpyc_object_get_attr(item, "hidden", OUT, ERROR));
    RAISES("AttributeError", rpyc_object_get_attr(item, "_value", OUT, ERROR));
    RAISES("AttributeError", rpyc_object_get_attr(item, "no_such_thing", OUT, ERROR));
    RAISES("AttributeError", rpyc_object_get_attr(c->root, "no_such_method", OUT, ERROR));
    RAISES("AttributeError", rpyc_object_set_attr(item, "hidden", I(1), ERROR));
    RAISES("AttributeError", rpyc_object_set_attr(c->root, "contract", I(2), ERROR));
    EQUAL(ATTRIBUTE(c->root, "contract"), I(1));
}

CHECK(object_isinstance)
{
    rpyc_value *classes = CALL(c->root, "classes");
    rpyc_object *item_class = OBJECT_AT(classes, 0), *sub_class = OBJECT_AT(classes, 1);
    rpyc_object *item = ITEM("i"), *sub = OBJECT(CALL(c->root, "make_sub", S("s")));
    rpyc_object *list = OBJECT(CALL(c->root, "make_list", I(1)));
    bool is = false;
    TRUE(rpyc_value_count(classes) == 2);
    TRUE(rpyc_object_is_class(item_class) && rpyc_object_is_class(sub_class) && !rpyc_object_is_class(item));
    OK(rpyc_object_is_instance(item, item_class, &is, ERROR));
    TRUE(is);
    OK(rpyc_object_is_instance(sub, sub_class, &is, ERROR));
    TRUE(is);
    OK(rpyc_object_is_instance(item, sub_class, &is, ERROR));
    TRUE(!is);
    OK(rpyc_object_is_instance(list, item_class, &is, ERROR));
    TRUE(!is);
    FAILS(RPYC_ERR_TYPE, rpyc_object_is_instance(item, sub, &is, ERROR));
    rpyc_value_free(classes);
}

CHECK(object_class_called)
{
    rpyc_value *classes = CALL(c->root, "classes");
    rpyc_object *item = OBJECT(INVOKE(OBJECT_AT(classes, 0), S("made by class")));
    EQUAL(CALL(item, "get"), S("made by class"));
    rpyc_value_free(classes);
}

CHECK(object_closure)
{
    rpyc_object *plus = OBJECT(CALL(c->root, "adder", I(10)));
    EQUAL(INVOKE(plus, I(5)), I(15));
}

CHECK(tuple_with_references)
{
    rpyc_value *mixed = CALL(c->root, "mixed");
    const rpyc_value *nested = rpyc_value_item(mixed, 3);
    TRUE(rpyc_value_count(mixed) == 5 && rpyc_value_count(nested) == 2);
    EQUAL(rpyc_value_clone(rpyc_value_item(mixed, 0)), I(1));
    EQUAL(rpyc_value_clone(rpyc_value_item(mixed, 1)), S("two"));
    EQUAL(rpyc_value_clone(rpyc_value_item(mixed, 4)), NONE);
    EQUAL(ATTRIBUTE(OBJECT_AT(mixed, 2), "label"), S("three"));
    EQUAL(rpyc_value_clone(rpyc_value_item(nested, 0)), I(4));
    EQUAL(LIST(OBJECT_AT(nested, 1)), TUPLE(I(5), I(6)));
    rpyc_value_free(mixed);
}
