/* Checks: how long objects live; iteration; context managers. */
#include "interop_client.h"

/* ---------------------------------------------------------------- lifecycle */

static int64_t live(struct check *c)
{
    rpyc_value *value = CALL(c->root, "live");
    int64_t count = -1;
    OK(rpyc_value_get_int(value, &count, ERROR));
    rpyc_value_free(value);
    return count;
}

/* The number of live items on the server, once it no longer changes. */
static int64_t settled(struct check *c)
{
    /* A server may keep the last traceback, with its locals. */
    RAISES("ValueError", TRY(c->root, "fail", S("ValueError")));
    int64_t last = -1;
    double deadline = monotonic_seconds() + 5;
    for (int calm = 0; !c->failed && calm < 4;) {
        EQUAL(CALL(c->root, "collect"), NONE);
        int64_t now = live(c);
        calm = now == last ? calm + 1 : 0;
        last = now;
        sleep_seconds(0.02);
        TRUE(calm == 4 || monotonic_seconds() < deadline);
    }
    return last;
}

static void eventually_live(struct check *c, const char *file, int line, int64_t want)
{
    double deadline = monotonic_seconds() + 5;
    int64_t now = live(c);
    while (!c->failed && now != want && monotonic_seconds() < deadline) {
        sleep_seconds(0.02);
        now = live(c);
    }
    if (now != want)
        check_fail(c, file, line, "%lld live items, want %lld", (long long)now, (long long)want);
}

CHECK(objects_released)
{
    int64_t base = settled(c);
    rpyc_object *items[20] = {0};
    for (size_t i = 0; i < COUNT(items); i++)
        items[i] = OBJECT(CALL(c->root, "make", S("n")));
    TRUE(live(c) == base + 20);
    for (size_t i = 5; i < COUNT(items); i++)
        check_drop(c, items[i]);
    eventually_live(HERE, base + 5);
    for (size_t i = 0; i < 5; i++)
        check_drop(c, items[i]);
    eventually_live(HERE, base);
}

CHECK(object_released_after_many_receptions)
{
    int64_t base = settled(c);
    rpyc_object *item = OBJECT(CALL(c->root, "make", S("many")));
    for (int i = 0; i < 10; i++) {
        rpyc_object *again = OBJECT(CALL(c->root, "echo", O(item)));
        TRUE(rpyc_object_same(again, item));
        check_drop(c, again);
    }
    rpyc_object *pair[2] = {0};
    for (size_t i = 0; i < COUNT(pair); i++)
        pair[i] = OBJECT(CALL(c->root, "echo", O(item)));
    TRUE(live(c) == base + 1);
    EQUAL(ATTRIBUTE(item, "label"), S("many"));
    check_drop(c, pair[0]);
    check_drop(c, item);
    TRUE(live(c) == base + 1);
    EQUAL(ATTRIBUTE(pair[1], "label"), S("many"));
    check_drop(c, pair[1]);
    eventually_live(HERE, base);
}

CHECK(object_revived)
{
    rpyc_object *item = OBJECT(CALL(c->root, "shared"));
    check_drop(c, item);
    rpyc_object *again = OBJECT(CALL(c->root, "shared"));
    EQUAL(ATTRIBUTE(again, "label"), S("shared"));
}

/* ---------------------------------------------------------------- lists and dicts */

#define ITEM_AT(object, key) GET(rpyc_object_get_item(object, key, OUT, ERROR))

static rpyc_value *slice_of(int64_t start, int64_t stop)
{
    rpyc_value *value = NULL;
    rpyc_value_new_slice(I(start), I(stop), NULL, &value, NULL);
    return value;
}

CHECK(list_reference)
{
    rpyc_object *data = OBJECT(CALL(c->root, "make_list", I(10)));
    int64_t length = 0;
    bool within = false;
    OK(rpyc_object_length(data, &length, ERROR));
    TRUE(length == 10);
    EQUAL(ITEM_AT(data, I(3)), I(3));
    EQUAL(ITEM_AT(data, I(-1)), I(9));
    EQUAL(LIST(OBJECT(ITEM_AT(data, slice_of(2, 5)))), TUPLE(I(2), I(3), I(4)));
    EQUAL(LIST(data), range_value(10));
    OK(rpyc_object_contains(data, I(4), &within, ERROR));
    TRUE(within);
    OK(rpyc_object_contains(data, I(40), &within, ERROR));
    TRUE(!within);
    OK(rpyc_object_set_item(data, I(0), S("zero"), ERROR));
    EQUAL(ITEM_AT(data, I(0)), S("zero"));
    OK(rpyc_object_del_item(data, I(0), ERROR));
    OK(rpyc_object_length(data, &length, ERROR));
    TRUE(length == 9);
    EQUAL(ITEM_AT(data, I(0)), I(1));
    RAISES("IndexError", rpyc_object_get_item(data, I(99), OUT, ERROR));
}

CHECK(dict_reference)
{
    rpyc_object *data = OBJECT(CALL(c->root, "make_dict"));
    int64_t length = 0;
    bool within = false;
    EQUAL(ITEM_AT(data, S("a")), I(1));
    EQUAL(ITEM_AT(data, S("b")), TUPLE(I(2), I(3)));
    OK(rpyc_object_length(data, &length, ERROR));
    TRUE(length == 2);
    OK(rpyc_object_contains(data, S("a"), &within, ERROR));
    TRUE(within);
    OK(rpyc_object_contains(data, S("z"), &within, ERROR));
    TRUE(!within);
    rpyc_value *keys = LIST(data);
    TRUE(rpyc_value_count(keys) == 2);
    TRUE(compare_texts(rpyc_value_item(keys, 0), rpyc_value_item(keys, 1)) != 0);
    for (size_t i = 0; i < rpyc_value_count(keys); i++) {
        const rpyc_value *key = rpyc_value_item(keys, i);
        TRUE(rpyc_value_str_equal(key, "a") || rpyc_value_str_equal(key, "b"));
    }
    rpyc_value_free(keys);
    RAISES("KeyError", rpyc_object_get_item(data, S("z"), OUT, ERROR));
}

/* ---------------------------------------------------------------- generators */

CHECK(generator)
{
    EQUAL(LIST(OBJECT(CALL(c->root, "gen", I(6)))), TUPLE(I(0), I(1), I(4), I(9), I(16), I(25)));
    EQUAL(LIST(OBJECT(CALL(c->root, "gen", I(0)))), empty_tuple());
    rpyc_object *iterator = NULL;
    OK(rpyc_object_iter(OBJECT(CALL(c->root, "gen", I(2))), &iterator, ERROR));
    EQUAL(GET(rpyc_object_next(iterator, OUT, ERROR)), I(0));
    EQUAL(GET(rpyc_object_next(iterator, OUT, ERROR)), I(1));
    RAISES("StopIteration", rpyc_object_next(iterator, OUT, ERROR));
    rpyc_object_free(iterator);
}

CHECK(generator_fails)
{
    rpyc_object *iterator = NULL;
    OK(rpyc_object_iter(OBJECT(CALL(c->root, "gen_fail", I(3))), &iterator, ERROR));
    for (int64_t i = 0; i < 3; i++)
        EQUAL(GET(rpyc_object_next(iterator, OUT, ERROR)), I(i));
    RAISES("ValueError", rpyc_object_next(iterator, OUT, ERROR));
    rpyc_object_free(iterator);
}

/* How many items an iterator gives in chunks of 5 and then 7, if item i is i * i. */
static size_t squares_in_chunks(struct check *c, rpyc_object *iterator)
{
    size_t total = 0;
    int64_t chunk = 5;
    for (size_t count = 1; !c->failed && count > 0; chunk = 7) {
        rpyc_value *items = GET(rpyc_object_next_chunk(iterator, chunk, OUT, ERROR));
        count = rpyc_value_count(items);
        TRUE(count <= (size_t)chunk);
        for (size_t i = 0; i < count; i++, total++)
            EQUAL(rpyc_value_clone(rpyc_value_item(items, i)), I((int64_t)(total * total)));
        rpyc_value_free(items);
    }
    return total;
}

/* Where an iteration that does not end with StopIteration ends. */
static rpyc_status last_status(struct check *c, rpyc_object *object)
{
    rpyc_iterator *iterator = NULL;
    rpyc_status status = rpyc_object_iterate(object, &iterator, ERROR);
    while (status == RPYC_OK)
        status = rpyc_iterator_next(iterator, OUT, ERROR);
    rpyc_iterator_free(iterator);
    return status;
}

CHECK(buffered_iteration)
{
    rpyc_object *iterator = NULL;
    EQUAL(CHUNKS(OBJECT(CALL(c->root, "make_list", I(100)))), range_value(100));
    OK(rpyc_object_iter(OBJECT(CALL(c->root, "gen", I(37))), &iterator, ERROR));
    TRUE(squares_in_chunks(c, iterator) == 37);
    EQUAL(CHUNKS(OBJECT(CALL(c->root, "make_list", I(0)))), empty_tuple());
    RAISES("ValueError", last_status(c, OBJECT(CALL(c->root, "gen_fail", I(25)))));
    rpyc_object_free(iterator);
}

/* ---------------------------------------------------------------- context managers */

CHECK(context_manager)
{
    rpyc_object *ctx = OBJECT(CALL(c->root, "ctx"));
    bool swallowed = true;
    EQUAL(CALL(ctx, "state"), S("new"));
    TRUE(rpyc_object_same(OBJECT(GET(rpyc_object_enter(ctx, OUT, ERROR))), ctx));
    EQUAL(CALL(ctx, "state"), S("entered"));
    OK(rpyc_object_exit(ctx, NULL, &swallowed, ERROR));
    TRUE(!swallowed);
    EQUAL(CALL(ctx, "state"), S("exited"));
}

/* Enters, fails and exits; was the error swallowed? */
static bool fail_inside(struct check *c, rpyc_object *ctx)
{
    bool swallowed = false;
    TRUE(rpyc_object_same(OBJECT(GET(rpyc_object_enter(ctx, OUT, ERROR))), ctx));
    RAISES("ValueError", TRY(c->root, "fail", S("ValueError"), S("inside")));
    rpyc_error *inside = c->error;
    c->error = NULL;
    OK(rpyc_object_exit(ctx, inside, &swallowed, ERROR));
    rpyc_error_free(inside);
    return swallowed;
}

CHECK(context_manager_error)
{
    rpyc_object *ctx = OBJECT(CALL(c->root, "ctx"));
    TRUE(!fail_inside(c, ctx));
    EQUAL(CALL(ctx, "state"), S("exited with an error"));
    rpyc_object *swallowing = OBJECT(CALL_WITH(c->root, KEYWORDS("swallow", rpyc_value_new_bool(1)), "ctx"));
    TRUE(fail_inside(c, swallowing));
    EQUAL(CALL(swallowing, "state"), S("exited with an error"));
}
