/* Checks: what the server does with the functions, objects and the root of the client. */
#include "interop_client.h"

#include <string.h>

/* ---------------------------------------------------------------- functions */

static void multiply(rpyc_call *call, void *userdata)
{
    (void)userdata;
    int64_t a = 0, b = 0;
    if (rpyc_call_get_int(call, 0, &a) || rpyc_call_get_int(call, 1, &b))
        return;
    rpyc_call_return_int(call, a * b);
}

CHECK(callback_plain)
{
    rpyc_object *function = FUNCTION(multiply, "multiply(a, b)", NULL);
    EQUAL(CALL(c->root, "call", O(function), I(6), I(7)), I(42));
}

CHECK(callback_keywords)
{
    rpyc_object *function = FUNCTION(multiply, "multiply(a, scale=1)", NULL);
    EQUAL(CALL_WITH(c->root, KEYWORDS("scale", I(3)), "call", O(function), I(6)), I(18));
}

struct counted {
    int64_t next; /* the argument that is due */
    bool in_order;
};

static void square(rpyc_call *call, void *userdata)
{
    struct counted *counted = userdata;
    int64_t number = 0;
    if (rpyc_call_get_int(call, 0, &number))
        return;
    counted->in_order = counted->in_order && number == counted->next;
    counted->next++;
    rpyc_call_return_int(call, number * number);
}

CHECK(callback_many)
{
    static struct counted counted = {0, true}; /* static: a call may come late, after the check has failed */
    rpyc_object *function = FUNCTION(square, "square(number)", &counted);
    rpyc_value *squares[20];
    for (int64_t i = 0; i < 20; i++)
        squares[i] = I(i * i);
    rpyc_value *want = tuple_value(squares, COUNT(squares));
    EQUAL(CALL(c->root, "call_n", O(function), I(20)), rpyc_value_clone(want));
    TRUE(counted.in_order && counted.next == 20);
    rpyc_value_free(want);
}

static void raise_value_error(rpyc_call *call, void *userdata)
{
    (void)userdata;
    rpyc_call_raise_with(call, "builtins", "ValueError", ITEMS(S("from the client"), I(5)), NULL);
}

static void give_back(rpyc_call *call, void *userdata)
{
    (void)userdata;
    answer(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

CHECK(callback_exception_caught_there)
{
    rpyc_object *bad = FUNCTION(raise_value_error, "bad()", NULL), *good = FUNCTION(give_back, "good(value)", NULL);
    EQUAL(CALL(c->root, "call_catch", O(bad)), TUPLE(S("raised"), S("ValueError"), TUPLE(S("from the client"), I(5))));
    EQUAL(CALL(c->root, "call_catch", O(good), I(9)), TUPLE(S("returned"), I(9)));
}

static void raise_round_trip(rpyc_call *call, void *userdata)
{
    (void)userdata;
    rpyc_call_raise(call, "KeyError", "round trip");
}

CHECK(callback_exception_passes_through)
{
    rpyc_object *bad = FUNCTION(raise_round_trip, "bad()", NULL);
    RAISES("KeyError", TRY(c->root, "call", O(bad)));
    EQUAL(rpyc_error_args(c->error), TUPLE(S("round trip")));
}

struct recursion {
    rpyc_object *root, *function;
    int entered;
};

static void go(rpyc_call *call, void *userdata)
{
    struct recursion *recursion = userdata;
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    recursion->entered++;
    rpyc_value *args[] = {O(recursion->function), rpyc_value_clone(rpyc_call_arg(call, 0))};
    rpyc_object_call_method(recursion->root, "recurse", args, COUNT(args), NULL, &result, &error);
    answer_or_raise(call, result, error);
}

CHECK(callback_recursion)
{
    static struct recursion recursion;
    recursion.root = c->root;
    recursion.function = FUNCTION(go, "go(depth)", &recursion);
    EQUAL(CALL(c->root, "recurse", O(recursion.function), I(10)), I(10));
    TRUE(recursion.entered == 10);
    recursion = (struct recursion){0};
}

/* ---------------------------------------------------------------- objects */

CHECK(object_passed_and_called)
{
    rpyc_object *thing = KEEP(local_thing("t1"));
    EQUAL(CALL(c->root, "call_method", O(thing), S("hello"), I(1), S("x")), TUPLE(S("hello"), S("t1"), I(1), S("x")));
}

CHECK(object_passed_and_described)
{
    rpyc_object *thing = KEEP(local_thing("t2"));
    EQUAL(CALL(c->root, "describe", O(thing)), TUPLE(S("thing t2"), S("<LocalThing>"), I(11), rpyc_value_new_bool(1)));
}

CHECK(object_denies_private)
{
    rpyc_object *thing = KEEP(local_thing("t3"));
    RAISES("AttributeError", TRY(c->root, "call_method", O(thing), S("secret")));
}

CHECK(object_round_trip_identity)
{
    rpyc_object *thing = KEEP(local_thing("t4")), *other = KEEP(local_thing("t5"));
    TRUE(rpyc_object_same(OBJECT(CALL(c->root, "echo", O(thing))), thing));
    EQUAL(CALL(c->root, "is_same", O(thing), O(thing)), rpyc_value_new_bool(1));
    EQUAL(CALL(c->root, "is_same", O(thing), O(other)), rpyc_value_new_bool(0));
    rpyc_value *back = CALL(c->root, "echo", TUPLE(I(1), O(thing), TUPLE(O(thing), I(2))));
    TRUE(rpyc_value_count(back) == 3);
    TRUE(rpyc_object_same(OBJECT_AT(back, 1), thing));
    TRUE(rpyc_object_same(OBJECT_AT(rpyc_value_item(back, 2), 0), thing));
    TRUE(!rpyc_object_same(OBJECT_AT(back, 1), other));
    rpyc_value_free(back);
}

CHECK(object_held_by_server)
{
    rpyc_object *thing = KEEP(local_thing("held"));
    EQUAL(CALL(c->root, "hold", O(thing)), NONE);
    TRUE(rpyc_object_same(OBJECT(CALL(c->root, "get_held")), thing));
    EQUAL(CALL(c->root, "release"), NONE);
    EQUAL(CALL(c->root, "get_held"), NONE);
}

static rpyc_value *library_list(void)
{
    rpyc_value *value = NULL;
    rpyc_value_new_list(ITEMS(I(1), I(2), I(3)), &value, NULL);
    return value;
}

static rpyc_object *squares_iterator(void)
{
    rpyc_value *squares = TUPLE(I(0), I(1), I(4), I(9), I(16));
    rpyc_object *iterator = items_iterator(squares);
    rpyc_value_free(squares);
    return iterator;
}

CHECK(list_passed_by_reference)
{
    rpyc_object *data = KEEP(list_object(ITEMS(I(1), I(2), I(3))));
    EQUAL(CALL(c->root, "total", O(data)), I(6));
    EQUAL(CALL(c->root, "total", library_list()), I(6));
    EQUAL(CALL(c->root, "total", O(KEEP(squares_iterator()))), I(30));
    TRUE(rpyc_object_same(OBJECT(CALL(c->root, "echo", O(data))), data));
}

CHECK(client_root_used)
{
    EQUAL(CALL(c->root, "ask_root", S("double"), I(21)), I(42));
    EQUAL(CALL(c->root, "ask_root", S("join"), S("a"), S("b")), S("a-b"));
    RAISES("PermissionError", TRY(c->root, "ask_root", S("refuse")));
    EQUAL(rpyc_error_args(c->error), TUPLE(S("not today")));
}

/* ---------------------------------------------------------------- later */

struct received {
    rpyc_value *first;
    int count;
};

static void receive(rpyc_call *call, void *userdata)
{
    struct received *received = userdata;
    if (received->count++ == 0)
        received->first = rpyc_value_clone(rpyc_call_arg(call, 0));
    rpyc_call_return(call, NULL);
}

CHECK(server_calls_later)
{
    static struct received received;
    rpyc_object *function = FUNCTION(receive, "receive(value)", &received);
    EQUAL(CALL(c->root, "later", rpyc_value_new_float(0.15), O(function), S("tick")), NONE);
    double deadline = monotonic_seconds() + 5;
    while (!c->failed && received.count == 0 && monotonic_seconds() < deadline) {
        bool handled = false;
        OK(rpyc_connection_serve(c->connection, 50, &handled, ERROR));
    }
    TRUE(received.count == 1);
    EQUAL(rpyc_value_clone(received.first), S("tick"));
    rpyc_value_free(received.first);
    received.first = NULL;
}
