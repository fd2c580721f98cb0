/* Two sessions that talk through memory: events, objects as data, packed values, time, the end, and misuse; and the
 * decoder, which reads along. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#define EVENT(name) rpyc_session_event name = {.struct_size = sizeof name}

static rpyc_session *left, *right; /* left asks; right has the root */
static rpyc_decoder *from_left, *from_right;
static rpyc_object *root; /* right's, as left holds it */

enum { ROOT = 1, THING, MAKER, FUNCTION, OPEN, ITEM };
enum { ADD = 100, SIZE, DATA };

static rpyc_class *root_class, *thing_class, *open_class;

/* ---------------------------------------------------------------- bytes */

static void move_some(rpyc_session *from, rpyc_session *to, rpyc_decoder *decoder, size_t piece)
{
    char buffer[4096];
    size_t taken = 0;

    while (rpyc_session_take(from, buffer, sizeof buffer, &taken) == RPYC_OK && taken > 0) {
        rpyc_decoder_feed(decoder, buffer, taken);
        for (size_t at = 0; at < taken; at += piece)
            OK(rpyc_session_feed(to, buffer + at, taken - at < piece ? taken - at : piece, &error));
    }
}

static void move(void)
{
    move_some(left, right, from_left, 4096);
    move_some(right, left, from_right, 4096);
}

static void expect_event(rpyc_session *session, rpyc_session_event *event, int32_t kind, int line)
{
    *event = (rpyc_session_event){.struct_size = sizeof *event};
    move();
    if (session == left) { /* what right answers without its host */
        expect(rpyc_session_next_event(right, event, &error), RPYC_OK, "rpyc_session_next_event(right)", line);
        check(event->kind == RPYC_EVENT_NONE, "right's host hears nothing", line);
        move();
    }
    expect(rpyc_session_next_event(session, event, &error), RPYC_OK, "rpyc_session_next_event", line);
    check(event->kind == kind, "the kind of the event", line);
}

#define NEXT(session, event, kind) expect_event(session, event, kind, __LINE__)

/* Nothing is to be told, and nothing lies there. */
static void expect_nothing(rpyc_session *session, int line)
{
    EVENT(event);

    expect_event(session, &event, RPYC_EVENT_NONE, line);
    check(!rpyc_session_has_message(session), "no message is left", line);
}

#define NOTHING(session) expect_nothing(session, __LINE__)

static int named(const rpyc_session_event *event, const char *name)
{
    return event->name_length == strlen(name) && memcmp(event->name, name, event->name_length) == 0;
}

/* ---------------------------------------------------------------- asking */

static void ask(uint64_t token, int32_t handler, const rpyc_object *object, const char *name, rpyc_value *arg)
{
    OK(rpyc_session_ask(left, token, handler, object, name, RPYC_NUL_TERMINATED, arg != NULL ? &arg : NULL, arg != NULL,
                        NULL, -1, NULL, &error));
}

/* The value of the reply with this token, which is the next event of left. */
static rpyc_value *reply(uint64_t token)
{
    EVENT(event);

    NEXT(left, &event, RPYC_EVENT_REPLY);
    CHECK(event.token == token);
    if (event.error != NULL)
        fprintf(stderr, "reply %llu: %s\n", (unsigned long long)token, rpyc_error_message(event.error));
    CHECK(event.value != NULL && event.error == NULL);
    return event.value;
}

static void raises(uint64_t token, rpyc_status status, const char *type)
{
    EVENT(event);

    NEXT(left, &event, RPYC_EVENT_REPLY);
    CHECK(event.token == token && event.value == NULL);
    CHECK(rpyc_error_status(event.error) == status && (type == NULL || rpyc_error_is(event.error, type)));
    rpyc_error_free(event.error);
}

static int64_t to_int(rpyc_value *value)
{
    int64_t number = -999;

    OK(rpyc_value_get_int(value, &number, &error));
    rpyc_value_free(value);
    return number;
}

static int equals(rpyc_value *value, const char *text)
{
    int equal = rpyc_value_str_equal(value, text);

    rpyc_value_free(value);
    return equal;
}

static rpyc_object *to_object(rpyc_value *value)
{
    rpyc_object *object = NULL;

    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    return object;
}

/* Answers the request that comes to right with an object. */
static void give_object(rpyc_call *call, const rpyc_class *klass, uint64_t token)
{
    rpyc_object *object = NULL;

    OK(rpyc_session_object_new(right, klass, token, &object, &error));
    OK(rpyc_call_return_object(call, object));
    rpyc_object_free(object); /* the token is what names it */
    rpyc_call_free(call);
}

/* ---------------------------------------------------------------- parts */

static void set_up(void)
{
    rpyc_value *constant = NULL;
    OK(rpyc_value_new_str("constant", RPYC_NUL_TERMINATED, &constant, &error));
    const rpyc_session_member members[] = {
        {ADD, "exposed_add", "add(a, b=2)", "The sum.", RPYC_MEMBER_METHOD, 0, NULL},
        {SIZE, "exposed_size", NULL, NULL, RPYC_MEMBER_PROPERTY, RPYC_ACCESS_GET | RPYC_ACCESS_SET, NULL},
        {DATA, "exposed_data", NULL, NULL, RPYC_MEMBER_VALUE, 0, constant},
    };
    const rpyc_session_member len[] = {{7, "__len__", NULL, NULL, RPYC_MEMBER_METHOD, 0, NULL}};
    const char *const aliases[] = {"ONE", "TWO"};
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .member_size = sizeof *members,
                                      .module = "bare",
                                      .name = "Root",
                                      .members = members,
                                      .member_count = 3,
                                      .aliases = aliases,
                                      .alias_count = 2};
    OK(rpyc_session_class_new(NULL, 0, &table, &root_class, &error));
    table.name = "Thing";
    table.flags = RPYC_SESSION_CLASS_CALLABLE;
    table.base = root_class;
    table.members = len;
    table.member_count = 1;
    GIVES(RPYC_ERR_NULL, rpyc_session_class_new(NULL, 0, &table, &thing_class, &error));
    OK(rpyc_session_class_new(right, MAKER, &table, &thing_class, &error));
    table.name = "Open";
    table.base = NULL;
    table.flags = RPYC_SESSION_CLASS_DYNAMIC | RPYC_SESSION_CLASS_OWN_SET;
    table.member_count = 0;
    OK(rpyc_session_class_new(NULL, 0, &table, &open_class, &error));
    table.flags = 1 << 20;
    rpyc_class *none = NULL;
    GIVES(RPYC_ERR_ABI, rpyc_session_class_new(NULL, 0, &table, &none, &error));
    rpyc_value_free(constant);
    OK(rpyc_session_set_root(right, root_class, ROOT, &error));
}

static void a_call_byte_by_byte(void)
{
    EVENT(event);
    int64_t a = 0, b = 0;
    char buffer[4096];
    size_t taken = 0;

    ask(1, RPYC_HANDLE_GETROOT, NULL, NULL, NULL);
    root = to_object(reply(1));
    CHECK(rpyc_session_owns(left, root) && !rpyc_session_owns(right, root));
    ask(2, RPYC_HANDLE_CALLATTR, root, "add", rpyc_value_new_int(40));
    OK(rpyc_session_take(left, buffer, sizeof buffer, &taken));
    rpyc_decoder_feed(from_left, buffer, taken);
    for (size_t at = 0; at < taken; at++) {
        OK(rpyc_session_next_event(right, &event, &error));
        CHECK(event.kind == RPYC_EVENT_NONE && !rpyc_session_has_message(right));
        OK(rpyc_session_feed(right, buffer + at, 1, &error));
    }
    CHECK(rpyc_session_has_message(right));
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.asks == RPYC_ASK_CALL && event.token == ROOT && event.member == ADD && named(&event, "exposed_add"));
    CHECK(rpyc_call_arg_count(event.call) == 2);
    OK(rpyc_call_get_int(event.call, 0, &a));
    OK(rpyc_call_get_int(event.call, 1, &b));
    OK(rpyc_call_return_int(event.call, a + b));
    GIVES(RPYC_ERR_STATE, rpyc_call_return_int(event.call, 1));
    rpyc_call_free(event.call);
    CHECK(to_int(reply(2)) == 42);
    /* Nobody hears of what does not fit the signature, nor of what the library knows. */
    ask(3, RPYC_HANDLE_CALLATTR, root, "add", NULL);
    raises(3, RPYC_ERR_REMOTE, "TypeError");
    ask(4, RPYC_HANDLE_GETATTR, root, "data", NULL);
    CHECK(equals(reply(4), "constant"));
    ask(5, RPYC_HANDLE_CALLATTR, root, "get_service_name", NULL);
    CHECK(equals(reply(5), "ONE"));
    ask(6, RPYC_HANDLE_GETATTR, root, "secret", NULL); /* there is none, which a peer of our kind is told */
    raises(6, RPYC_ERR_REMOTE, "AttributeError");
    ask(7, RPYC_HANDLE_REPR, root, NULL, NULL);
    CHECK(equals(reply(7), "<bare.Root object>"));
    ask(8, RPYC_HANDLE_PICKLE, root, NULL, rpyc_value_new_int(2));
    raises(8, RPYC_ERR_REMOTE, NULL);
    NOTHING(right);
    /* A request that falls is answered. */
    ask(8, RPYC_HANDLE_CALLATTR, root, "add", rpyc_value_new_int(1));
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    rpyc_call_free(event.call);
    raises(8, RPYC_ERR_REMOTE, "RuntimeError");
}

static void properties(void)
{
    EVENT(event);

    ask(1, RPYC_HANDLE_GETATTR, root, "size", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.asks == RPYC_ASK_GET && event.member == SIZE && event.token == ROOT);
    OK(rpyc_call_return_int(event.call, 5));
    rpyc_call_free(event.call);
    CHECK(to_int(reply(1)) == 5);
    /* Only things can be set: a root refuses it, as services do. */
    ask(2, RPYC_HANDLE_SETATTR, root, "size", rpyc_value_new_int(6));
    raises(2, RPYC_ERR_DENIED, "AttributeError");
}

/* Makes a thing of right's and gives what left holds of it. */
static rpyc_object *get_thing(const rpyc_class *klass, uint64_t token)
{
    EVENT(event);

    ask(90, RPYC_HANDLE_GETATTR, root, "size", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    give_object(event.call, klass, token);
    return to_object(reply(90));
}

static void objects(void)
{
    EVENT(event);
    rpyc_object *thing = get_thing(thing_class, THING), *again, *made;
    rpyc_object *class_object = NULL;

    CHECK(strcmp(rpyc_object_type_name(thing), "bare.Thing") == 0);
    again = get_thing(thing_class, THING);
    CHECK(rpyc_object_same(thing, again));
    rpyc_object_free(again);
    NOTHING(right);
    ask(1, RPYC_HANDLE_CALLATTR, thing, "__len__", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.token == THING && event.member == 7);
    OK(rpyc_call_return_int(event.call, 3));
    rpyc_call_free(event.call);
    CHECK(to_int(reply(1)) == 3);
    /* A method taken by itself and called. */
    ask(2, RPYC_HANDLE_GETATTR, thing, "add", NULL);
    made = to_object(reply(2));
    ask(3, RPYC_HANDLE_CALL, made, NULL, rpyc_value_new_int(1));
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.token == THING && event.member == ADD);
    OK(rpyc_call_return_int(event.call, 4));
    rpyc_call_free(event.call);
    CHECK(to_int(reply(3)) == 4);
    rpyc_object_free(made);
    rpyc_object_free(thing);
    NEXT(right, &event, RPYC_EVENT_RELEASED);
    CHECK(event.token == THING);
    NOTHING(right);
    /* Lent anew before the host has heard that it was gone: it is not told then. */
    thing = get_thing(thing_class, THING);
    rpyc_object_free(thing);
    move();
    ask(4, RPYC_HANDLE_GETATTR, root, "size", NULL);
    move();
    OK(rpyc_session_object_new(right, thing_class, THING, &again, &error));
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    give_object(event.call, thing_class, THING);
    rpyc_object_free(again);
    thing = to_object(reply(4));
    NOTHING(right);
    rpyc_object_free(thing);
    NEXT(right, &event, RPYC_EVENT_RELEASED);
    /* The class itself; calling it. */
    OK(rpyc_class_object(thing_class, &class_object, &error));
    ask(5, RPYC_HANDLE_GETATTR, root, "size", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    OK(rpyc_call_return_object(event.call, class_object));
    rpyc_call_free(event.call);
    rpyc_object_free(class_object);
    class_object = to_object(reply(5));
    CHECK(rpyc_object_is_class(class_object));
    ask(6, RPYC_HANDLE_CALL, class_object, NULL, rpyc_value_new_int(9));
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.asks == RPYC_ASK_CONSTRUCT && event.token == MAKER && event.member == RPYC_MEMBER_NONE);
    give_object(event.call, thing_class, THING);
    thing = to_object(reply(6));
    rpyc_value *other = NULL;
    OK(rpyc_value_new_object(thing, &other, &error));
    ask(7, RPYC_HANDLE_INSTANCECHECK, class_object, NULL, other);
    bool is = false;
    rpyc_value *answer = reply(7);
    OK(rpyc_value_get_bool(answer, &is, &error));
    CHECK(is);
    rpyc_value_free(answer);
    rpyc_object_free(class_object);
    rpyc_object_free(thing);
    NEXT(right, &event, RPYC_EVENT_RELEASED);
    NOTHING(right);
}

static void attributes_by_name(void)
{
    EVENT(event);
    rpyc_object *thing = get_thing(open_class, OPEN);

    ask(1, RPYC_HANDLE_GETATTR, thing, "color", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.asks == RPYC_ASK_EXISTS && event.token == OPEN && named(&event, "exposed_color"));
    OK(rpyc_call_return_bool(event.call, 1));
    rpyc_call_free(event.call);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.asks == RPYC_ASK_GET && event.member == RPYC_MEMBER_NONE && named(&event, "exposed_color"));
    OK(rpyc_call_return_str(event.call, "red", RPYC_NUL_TERMINATED));
    rpyc_call_free(event.call);
    CHECK(equals(reply(1), "red"));
    ask(2, RPYC_HANDLE_GETATTR, thing, "smell", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    OK(rpyc_call_return_bool(event.call, 0));
    rpyc_call_free(event.call);
    raises(2, RPYC_ERR_DENIED, "AttributeError");
    /* Rules of its own: the name comes as it is. */
    ask(3, RPYC_HANDLE_SETATTR, thing, "_anything", rpyc_value_new_int(4));
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.asks == RPYC_ASK_SET && named(&event, "_anything") && rpyc_call_arg_count(event.call) == 2);
    OK(rpyc_call_return(event.call, NULL));
    rpyc_call_free(event.call);
    rpyc_value_free(reply(3));
    rpyc_object_free(thing);
    NEXT(right, &event, RPYC_EVENT_RELEASED);
}

static void data_by_value(void)
{
    EVENT(event);
    rpyc_value *items[] = {rpyc_value_new_int(1), rpyc_value_new_int(2), rpyc_value_new_int(3)}, *list = NULL, *got;
    rpyc_object *object;

    ask(1, RPYC_HANDLE_GETATTR, root, "size", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    OK(rpyc_value_new_list(items, 3, &list, &error));
    OK(rpyc_call_return(event.call, list));
    rpyc_call_free(event.call);
    object = to_object(reply(1));
    CHECK(strcmp(rpyc_object_type_name(object), "builtins.list") == 0);
    ask(2, RPYC_HANDLE_CALLATTR, object, "__len__", NULL);
    CHECK(to_int(reply(2)) == 3);
    ask(3, RPYC_HANDLE_CALLATTR, object, "__getitem__", rpyc_value_new_int(-1));
    CHECK(to_int(reply(3)) == 3);
    ask(4, RPYC_HANDLE_BUFFITER, object, NULL, rpyc_value_new_int(2));
    got = reply(4);
    CHECK(rpyc_value_kind(got) == RPYC_VALUE_TUPLE && rpyc_value_count(got) == 2);
    rpyc_value_free(got);
    ask(5, RPYC_HANDLE_CMP, object, "__eq__", rpyc_value_new_int(2));
    got = reply(5);
    CHECK(rpyc_value_kind(got) == RPYC_VALUE_NOT_IMPLEMENTED);
    rpyc_value_free(got);
    rpyc_object_free(object);
    NOTHING(right);
}

static void functions(void)
{
    EVENT(event);
    rpyc_object *function = NULL, *same = NULL;
    rpyc_value *value = NULL;
    uint64_t token = 0;

    /* Of left's, called by right: both sides may do all of this. */
    OK(rpyc_session_function_new(left, FUNCTION, "twice", "twice(x)", NULL, &function, &error));
    OK(rpyc_session_function_new(left, FUNCTION, "twice", "twice(x)", NULL, &same, &error));
    CHECK(rpyc_object_same(function, same) && rpyc_object_token(function, &token) && token == FUNCTION);
    CHECK(!rpyc_object_token(root, &token));
    rpyc_object_free(same);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_object_new(left, root_class, FUNCTION, &same, &error));
    OK(rpyc_value_new_object(function, &value, &error));
    rpyc_object_free(function);
    ask(1, RPYC_HANDLE_CALLATTR, root, "add", value);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    rpyc_call *call = event.call;
    OK(rpyc_call_get_object(call, 0, &function));
    rpyc_value *arg = rpyc_value_new_int(21);
    OK(rpyc_session_ask(right, 77, RPYC_HANDLE_CALL, function, NULL, 0, &arg, 1, NULL, -1, NULL, &error));
    rpyc_object_free(function);
    NEXT(left, &event, RPYC_EVENT_REQUEST);
    CHECK(event.token == FUNCTION && event.asks == RPYC_ASK_CALL && named(&event, "twice"));
    OK(rpyc_call_return_int(event.call, 42));
    rpyc_call_free(event.call);
    NEXT(right, &event, RPYC_EVENT_REPLY);
    CHECK(event.token == 77);
    OK(rpyc_call_return(call, event.value));
    rpyc_call_free(call);
    CHECK(to_int(reply(1)) == 42);
    NEXT(left, &event, RPYC_EVENT_RELEASED);
    CHECK(event.token == FUNCTION);
}

static void time_limits(void)
{
    EVENT(event);
    int64_t sequence = -5;
    size_t expired = 9;

    CHECK(rpyc_session_next_deadline(left) == -1);
    OK(rpyc_session_ask(left, 1, RPYC_HANDLE_GETATTR, root, "size", 4, NULL, 0, NULL, 1000, &sequence, &error));
    CHECK(sequence >= 0 && rpyc_session_next_deadline(left) == 1000);
    OK(rpyc_session_expire(left, 999, &expired));
    CHECK(expired == 0);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    OK(rpyc_session_expire(left, 1000, &expired));
    CHECK(expired == 1);
    raises(1, RPYC_ERR_TIMEOUT, NULL);
    OK(rpyc_call_return_int(event.call, 1)); /* too late */
    rpyc_call_free(event.call);
    NOTHING(left);
    OK(rpyc_session_ask(left, 2, RPYC_HANDLE_GETATTR, root, "data", RPYC_NUL_TERMINATED, NULL, 0, NULL, -1, &sequence,
                        &error));
    OK(rpyc_session_forget(left, sequence));
    NOTHING(right);
    NOTHING(left);
    /* Also once its time is over. */
    OK(rpyc_session_ask(left, 3, RPYC_HANDLE_GETATTR, root, "data", RPYC_NUL_TERMINATED, NULL, 0, NULL, 2000, &sequence,
                        &error));
    OK(rpyc_session_expire(left, 2000, &expired));
    CHECK(expired == 1 && rpyc_session_has_message(left));
    OK(rpyc_session_forget(left, -1));
    OK(rpyc_session_forget(left, sequence));
    NOTHING(right);
    NOTHING(left);
}

/* Many whole messages at once: each call says so until none is left, and a full buffer has an event of its own. */
static void nothing_is_hidden(void)
{
    EVENT(event);
    static char data[20000];
    int replies = 0, full = 0;
    size_t length = 0;
    const void *bytes = NULL;
    rpyc_value *value = NULL;

    for (size_t i = 0; i < sizeof data; i++) /* what cannot be compressed */
        data[i] = (char)(rand() >> 7);
    for (int i = 0; i < 100; i++) {
        OK(rpyc_value_new_bytes(data, sizeof data, &value, &error));
        ask(1000 + (uint64_t)i, RPYC_HANDLE_PING, NULL, NULL, value);
    }
    for (int i = 0; i < 50; i++)
        ask(2000, RPYC_HANDLE_GETATTR, root, "size", NULL);
    while (rpyc_session_outgoing(left, &bytes, &length) == RPYC_OK && length > 0) {
        OK(rpyc_session_feed(right, bytes, length, &error));
        GIVES(RPYC_ERR_ARGUMENT, rpyc_session_sent(left, rpyc_session_waiting(left) + 1));
        OK(rpyc_session_sent(left, length));
    }
    int requests = 0;
    while (rpyc_session_has_message(right)) {
        OK(rpyc_session_next_event(right, &event, &error));
        CHECK(event.kind != RPYC_EVENT_NONE);
        if (event.kind == RPYC_EVENT_SEND) {
            full++;
            CHECK(rpyc_session_waiting(right) > 256 * 1024);
            move_some(right, left, from_right, 4096);
        } else if (event.kind == RPYC_EVENT_REQUEST) {
            requests++;
            OK(rpyc_call_return_int(event.call, 1));
            rpyc_call_free(event.call);
        }
    }
    CHECK(full > 0);
    CHECK(requests == 50);
    NOTHING(right);
    while (rpyc_session_has_message(left)) {
        OK(rpyc_session_next_event(left, &event, &error));
        CHECK(event.kind == RPYC_EVENT_REPLY);
        rpyc_value_free(event.value);
        replies++;
    }
    CHECK(replies == 150);
}

static void *free_elsewhere(void *object)
{
    rpyc_object_free(object);
    return NULL;
}

/* Data at once, an object with its own questions, and what cannot be converted. */
static void conversions(void)
{
    rpyc_value *one = rpyc_value_new_int(1), *object = NULL, *value;
    const rpyc_value *values[2] = {one, one};
    const rpyc_value_kind_id kinds[2] = {RPYC_VALUE_FLOAT, RPYC_VALUE_BOOL}, integer = RPYC_VALUE_INT,
                             tuple = RPYC_VALUE_TUPLE;
    double number = 0;
    bool truth = false;

    OK(rpyc_session_convert(left, 90, values, kinds, 2, -1, &error));
    value = reply(90);
    OK(rpyc_value_get_float(rpyc_value_item(value, 0), &number, &error));
    OK(rpyc_value_get_bool(rpyc_value_item(value, 1), &truth, &error));
    CHECK(number == 1 && truth);
    rpyc_value_free(value);
    OK(rpyc_value_new_object(root, &object, &error));
    values[0] = object;
    OK(rpyc_session_convert(left, 91, values, &integer, 1, -1, &error));
    raises(91, RPYC_ERR_TYPE, NULL);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_convert(left, 92, values, &tuple, 1, -1, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_convert(right, 92, values, &integer, 1, -1, &error));
    GIVES(RPYC_ERR_NULL, rpyc_session_convert(left, 92, NULL, &integer, 1, -1, &error));
    OK(rpyc_session_convert(left, 93, NULL, NULL, 0, -1, &error));
    rpyc_value_free(reply(93));
    /* The time is up before the answer. */
    values[0] = object;
    OK(rpyc_session_set_time(left, 0));
    OK(rpyc_session_convert(left, 94, values, &integer, 1, 100, &error));
    CHECK(rpyc_session_next_deadline(left) == 100);
    OK(rpyc_session_expire(left, 99, NULL));
    OK(rpyc_session_expire(left, 101, NULL));
    raises(94, RPYC_ERR_TIMEOUT, NULL);
    rpyc_value_free(object);
    rpyc_value_free(one);
}

static void finalizers(void)
{
    EVENT(event);
    rpyc_object *thing = get_thing(thing_class, THING);
    pthread_t thread;

    move();
    CHECK(rpyc_session_waiting(left) == 0);
    CHECK(pthread_create(&thread, NULL, free_elsewhere, thing) == 0);
    pthread_join(thread, NULL);
    NEXT(right, &event, RPYC_EVENT_RELEASED);
    CHECK(event.token == THING);
}

/* ---------------------------------------------------------------- misuse */

static void misuse(void)
{
    EVENT(event);
    rpyc_session *other = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_object *own = NULL;
    rpyc_value *value = rpyc_value_new_int(1);

    OK(rpyc_config_set_bool(config, "bind_threads", 1, &error));
    GIVES(RPYC_ERR_UNSUPPORTED, rpyc_session_new(config, 0, &other, &error));
    rpyc_config_free(config);
    GIVES(RPYC_ERR_ABI, rpyc_session_new(NULL, 8, &other, &error));
    event.struct_size = 8;
    GIVES(RPYC_ERR_ABI, rpyc_session_next_event(left, &event, &error));
    event.struct_size = sizeof event;
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_ask(left, 1, 99, root, NULL, 0, NULL, 0, NULL, -1, NULL, &error));
    GIVES(RPYC_ERR_ARGUMENT,
          rpyc_session_ask(left, 1, RPYC_HANDLE_REPR, root, NULL, 0, &value, 1, NULL, -1, NULL, &error));
    GIVES(RPYC_ERR_NULL, rpyc_session_ask(left, 1, RPYC_HANDLE_REPR, NULL, NULL, 0, NULL, 0, NULL, -1, NULL, &error));
    OK(rpyc_session_object_new(left, root_class, 5, &own, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_session_ask(left, 1, RPYC_HANDLE_REPR, own, NULL, 0, NULL, 0, NULL, -1, NULL, &error));
    rpyc_object_free(own);
    NEXT(left, &event, RPYC_EVENT_RELEASED);
    OK(rpyc_session_new(NULL, 0, &other, &error));
    GIVES(RPYC_ERR_ARGUMENT,
          rpyc_session_ask(other, 1, RPYC_HANDLE_REPR, root, NULL, 0, NULL, 0, NULL, -1, NULL, &error));
    value = NULL;
    OK(rpyc_value_new_object(root, &value, &error));
    GIVES(RPYC_ERR_UNSUPPORTED,
          rpyc_session_ask(other, 1, RPYC_HANDLE_PING, NULL, NULL, 0, &value, 1, NULL, -1, NULL, &error));
    /* What is not RPyC ends a session, and it says so. */
    OK(rpyc_session_feed(other, "GET / HTTP/1.1\r\n\r\n", 18, &error));
    OK(rpyc_session_next_event(other, &event, &error));
    CHECK(event.kind == RPYC_EVENT_CLOSED && rpyc_error_status(event.error) != RPYC_OK);
    rpyc_error_free(event.error);
    CHECK(rpyc_session_closed(other));
    GIVES(RPYC_ERR_CLOSED, rpyc_session_next_event(other, &event, &error));
    GIVES(RPYC_ERR_CLOSED, rpyc_session_feed(other, "x", 1, &error));
    GIVES(RPYC_ERR_CLOSED,
          rpyc_session_ask(other, 1, RPYC_HANDLE_GETROOT, NULL, NULL, 0, NULL, 0, NULL, -1, NULL, &error));
    rpyc_session_free(other);
    rpyc_session_free(NULL);
}

/* ---------------------------------------------------------------- packed */

struct pack {
    unsigned char bytes[512];
    size_t length;
};

static void put(struct pack *pack, const void *data, size_t length)
{
    memcpy(pack->bytes + pack->length, data, length);
    pack->length += length;
}

static void put_word(struct pack *pack, unsigned char kind, uint64_t word, size_t size)
{
    put(pack, &kind, 1);
    for (size_t i = 0; i < size; i++)
        pack->bytes[pack->length++] = (unsigned char)(word >> (8 * i));
}

static void put_text(struct pack *pack, const char *text)
{
    put_word(pack, 9, strlen(text), 4);
    put(pack, text, strlen(text));
}

/* Two packed sessions: every kind goes there in an argument and back in the answer, and comes back byte for byte. */
static void packed(void)
{
    rpyc_session *one = NULL, *two = NULL, *left_before = left, *right_before = right;
    EVENT(event);
    struct pack value = {.length = 0}, call = {.length = 0};
    rpyc_class *klass = NULL;
    rpyc_object *its_root = NULL;
    double number = 1.5;
    uint64_t bits;

    OK(rpyc_session_new(NULL, RPYC_SESSION_PACKED, &one, &error));
    OK(rpyc_session_new(NULL, RPYC_SESSION_PACKED, &two, &error));
    left = one;
    right = two;
    const rpyc_session_member echo[] = {{1, "exposed_echo", NULL, NULL, RPYC_MEMBER_METHOD, 0, NULL}};
    rpyc_session_class_table table = {
        .struct_size = sizeof table, .member_size = sizeof *echo, .name = "Echo", .members = echo, .member_count = 1};
    OK(rpyc_session_class_new(NULL, 0, &table, &klass, &error));
    OK(rpyc_session_set_root(two, klass, ROOT, &error));
    OK(rpyc_session_ask_packed(one, 1, RPYC_HANDLE_GETROOT, NULL, NULL, 0, NULL, 0, -1, NULL, &error));
    NEXT(one, &event, RPYC_EVENT_REPLY);
    CHECK(event.value == NULL && event.packed_length == 9 && *(const unsigned char *)event.packed == 16);
    uintptr_t address = 0;
    memcpy(&address, (const char *)event.packed + 1, sizeof address);
    its_root = (rpyc_object *)address;

    memcpy(&bits, &number, sizeof bits);
    put_word(&value, 11, 11, 4);
    for (unsigned char kind = 0; kind < 5; kind++)
        put(&value, &kind, 1);
    put_word(&value, 5, (uint64_t)-7, 8);
    put_word(&value, 6, 20, 4);
    put(&value, "12345678901234567890", 20);
    put_word(&value, 7, bits, 8);
    put_text(&value, "text");
    put_word(&value, 10, 2, 4);
    put(&value, "\0\1", 2);
    put_word(&value, 15, 0, 0);
    put(&value, "\0\0\0", 3);

    put_word(&call, 11, 2, 4);
    put_word(&call, 11, 3, 4);
    put(&call, value.bytes, value.length);
    put_word(&call, 17, THING, 8); /* an object and a function of ours */
    uint64_t class_address = (uintptr_t)klass;
    put(&call, &class_address, 8);
    put_word(&call, 19, FUNCTION, 8);
    put(&call, "\3\0\0\0fun", 7);
    put_word(&call, 13, 1, 4);
    put_text(&call, "key");
    put_word(&call, 5, 6, 8);
    OK(rpyc_session_ask_packed(one, 2, RPYC_HANDLE_CALLATTR, its_root, "echo", RPYC_NUL_TERMINATED, call.bytes,
                               call.length, -1, NULL, &error));
    NEXT(two, &event, RPYC_EVENT_REQUEST);
    const unsigned char *got = event.packed;
    CHECK(event.packed_length == 10 + value.length + 9 + 9 + 5 + 8 + 9);
    CHECK(memcmp(got, call.bytes, 10 + value.length) == 0 && got[10 + value.length] == 16);
    CHECK(rpyc_call_keyword_count(event.call) == 1);
    rpyc_object *theirs[2];
    for (size_t i = 0; i < 2; i++) {
        memcpy(&address, got + 10 + value.length + 9 * i + 1, sizeof address);
        theirs[i] = (rpyc_object *)address;
    }
    CHECK(strcmp(rpyc_object_type_name(theirs[0]), "librpyc.Echo") == 0);
    CHECK(strcmp(rpyc_object_type_name(theirs[1]), "builtins.function") == 0);
    struct pack answer = {.length = 0};
    put_word(&answer, 11, 2, 4);
    put(&answer, value.bytes, value.length);
    put_word(&answer, 16, (uintptr_t)theirs[0], 8);
    OK(rpyc_session_return_packed(two, event.call, answer.bytes, answer.length, &error));
    rpyc_object_free(theirs[0]);
    rpyc_object_free(theirs[1]);
    /* The object comes home as its token, in a step that does it all. */
    char buffer[4096];
    size_t taken = 0;
    OK(rpyc_session_take(two, buffer, sizeof buffer, &taken));
    char output[64];
    size_t output_length = 9;
    OK(rpyc_session_step(one, buffer, taken, output, sizeof output, &output_length, &event, &error));
    got = event.packed;
    CHECK(event.kind == RPYC_EVENT_REPLY && event.token == 2 && event.packed_length == 5 + value.length + 9);
    CHECK(memcmp(got + 5, value.bytes, value.length) == 0 && got[5 + value.length] == 17 &&
          got[6 + value.length] == THING);
    /* Each piece that is cut off is refused, and so is what does not fit. */
    for (size_t length = 1; length < call.length; length++)
        GIVES(RPYC_ERR_ARGUMENT, rpyc_session_ask_packed(one, 3, RPYC_HANDLE_CALLATTR, its_root, "echo",
                                                         RPYC_NUL_TERMINATED, call.bytes, length, -1, NULL, &error));
    GIVES(RPYC_ERR_ARGUMENT,
          rpyc_session_ask_packed(one, 3, RPYC_HANDLE_CALLATTR, its_root, "echo", RPYC_NUL_TERMINATED,
                                  "\13\2\0\0\0\13\0\0\0\0\77", 11, -1, NULL, &error));
    OK(rpyc_session_ask_packed(one, 4, RPYC_HANDLE_CALLATTR, its_root, "echo", RPYC_NUL_TERMINATED, NULL, 0, -1, NULL,
                               &error));
    NEXT(two, &event, RPYC_EVENT_REQUEST);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_session_return_packed(two, event.call, "\77", 1, &error));
    move();
    bool replied = false;
    while (!replied && rpyc_session_next_event(one, &event, &error) == RPYC_OK && event.kind != RPYC_EVENT_NONE)
        replied = event.kind == RPYC_EVENT_REPLY; /* the object and the function were released before */
    CHECK(replied && event.token == 4 && rpyc_error_is(event.error, "RuntimeError"));
    rpyc_error_free(event.error);
    rpyc_object_free(its_root);
    rpyc_session_free(one);
    rpyc_session_free(two);
    rpyc_class_free(klass);
    left = left_before;
    right = right_before;
}

/* What is asked of these objects inside the library's own work cannot wait for this thread, which takes the events. */
static void inside_lists(void)
{
    EVENT(event);
    rpyc_object *list = NULL, *object = NULL;
    rpyc_value *item = NULL;
    rpyc_class *klass = NULL;
    const rpyc_session_member members[] = {{1, "__repr__", NULL, NULL, RPYC_MEMBER_METHOD, 0, NULL},
                                           {2, "__eq__", NULL, NULL, RPYC_MEMBER_METHOD, 0, NULL},
                                           {3, "__lt__", NULL, NULL, RPYC_MEMBER_METHOD, 0, NULL}};
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .member_size = sizeof *members,
                                      .module = "bare",
                                      .name = "Item",
                                      .members = members,
                                      .member_count = 3};

    OK(rpyc_session_class_new(NULL, 0, &table, &klass, &error));
    ask(1, RPYC_HANDLE_GETATTR, root, "size", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    OK(rpyc_session_object_new(right, klass, ITEM, &object, &error));
    OK(rpyc_value_new_object(object, &item, &error));
    rpyc_object_free(object);
    rpyc_value *items[] = {item, rpyc_value_clone(item), rpyc_value_new_int(1)};
    OK(rpyc_list_new(items, 3, &list, &error));
    OK(rpyc_call_return_object(event.call, list));
    rpyc_object_free(list);
    rpyc_call_free(event.call);
    list = to_object(reply(1));
    ask(2, RPYC_HANDLE_REPR, list, NULL, NULL);
    CHECK(equals(reply(2), "[<bare.Item object>, <bare.Item object>, 1]"));
    ask(3, RPYC_HANDLE_CALLATTR, list, "__contains__", rpyc_value_new_int(1));
    raises(3, RPYC_ERR_REMOTE, "RuntimeError");
    /* The item itself can be asked, and its host hears of it. */
    ask(5, RPYC_HANDLE_CALLATTR, list, "__getitem__", rpyc_value_new_int(0));
    object = to_object(reply(5));
    ask(6, RPYC_HANDLE_REPR, object, NULL, NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    CHECK(event.token == ITEM && event.member == 1);
    OK(rpyc_call_return_str(event.call, "its own", RPYC_NUL_TERMINATED));
    rpyc_call_free(event.call);
    CHECK(equals(reply(6), "its own"));
    rpyc_object_free(object);
    rpyc_object_free(list);
    NEXT(right, &event, RPYC_EVENT_RELEASED);
    CHECK(event.token == ITEM);
    NOTHING(right);
    rpyc_class_free(klass);
}

static void *make_object(void *out)
{
    check(rpyc_session_object_new(right, open_class, OPEN, out, NULL) == RPYC_OK, "the object", __LINE__);
    return NULL;
}

/* Several objects with one token, one after the other and at the same time: the host is told once, when all are gone. */
static void one_release(void)
{
    EVENT(event);
    rpyc_object *objects[4] = {NULL};
    pthread_t threads[4];

    for (int i = 0; i < 2; i++) {
        make_object(&objects[0]);
        rpyc_object_free(objects[0]);
    }
    NEXT(right, &event, RPYC_EVENT_RELEASED);
    CHECK(event.token == OPEN);
    NOTHING(right);
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 4; i++)
            CHECK(pthread_create(&threads[i], NULL, make_object, &objects[i]) == 0);
        for (int i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        for (int i = 1; i < 4; i++)
            CHECK(rpyc_object_same(objects[0], objects[i]));
        NOTHING(right);
        for (int i = 0; i < 4; i++)
            rpyc_object_free(objects[i]);
        NEXT(right, &event, RPYC_EVENT_RELEASED);
        NOTHING(right);
    }
}

/* An object outlives its session: who calls it is told at once, and so is who waited. */
static void *call_it(void *object)
{
    rpyc_error *failed = NULL;
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_object_call_method(object, "size", NULL, 0, NULL, &value, &failed);

    check(status == RPYC_ERR_REMOTE && rpyc_error_is(failed, "RuntimeError"), "RuntimeError", __LINE__);
    check(strstr(rpyc_error_message(failed), "the session was freed") != NULL, "the message", __LINE__);
    rpyc_error_free(failed);
    return NULL;
}

static void freed_session(void)
{
    rpyc_session *session = NULL;
    rpyc_object *object = NULL, *maker = NULL;
    rpyc_class *klass = NULL;
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .member_size = sizeof(rpyc_session_member),
                                      .name = "Made",
                                      .flags = RPYC_SESSION_CLASS_CALLABLE};
    rpyc_value *value = NULL;
    pthread_t thread;
    struct timespec nap = {0, 1000000};

    OK(rpyc_session_new(NULL, 0, &session, &error));
    OK(rpyc_session_class_new(session, MAKER, &table, &klass, &error));
    OK(rpyc_class_object(klass, &maker, &error));
    OK(rpyc_session_object_new(session, root_class, ROOT, &object, &error));
    CHECK(pthread_create(&thread, NULL, call_it, object) == 0);
    while (!rpyc_session_has_message(session))
        nanosleep(&nap, NULL);
    rpyc_session_free(session);
    pthread_join(thread, NULL);
    call_it(object);
    CHECK(rpyc_object_call(maker, NULL, 0, NULL, &value, &error) == RPYC_ERR_REMOTE && value == NULL);
    CHECK(strstr(rpyc_error_message(error), "the session was freed") != NULL);
    rpyc_error_free(error);
    error = NULL;
    rpyc_object_free(object);
    rpyc_object_free(maker);
    rpyc_class_free(klass);
}

static int destructors;

static void look_back(void *session)
{
    destructors++;
    CHECK(rpyc_session_waiting(session) == 0);
}

/* A root that falls may take objects of the host with it, whose destructors use the session. */
static void roots(void)
{
    rpyc_session *session = NULL;
    rpyc_class *plain = NULL, *klass = NULL;
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;
    rpyc_class_table fields = {.struct_size = sizeof fields, .method_size = sizeof(rpyc_method), .name = "Plain"};

    OK(rpyc_session_new(NULL, 0, &session, &error));
    OK(rpyc_class_new(&fields, NULL, NULL, &plain, &error));
    OK(rpyc_object_new(plain, session, look_back, &object, &error));
    OK(rpyc_value_new_object(object, &value, &error));
    rpyc_object_free(object);
    const rpyc_session_member members[] = {{1, "exposed_it", NULL, NULL, RPYC_MEMBER_VALUE, 0, value}};
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .member_size = sizeof *members,
                                      .name = "Holder",
                                      .members = members,
                                      .member_count = 1};
    OK(rpyc_session_class_new(NULL, 0, &table, &klass, &error));
    rpyc_value_free(value);
    OK(rpyc_session_set_root(session, klass, ROOT, &error));
    rpyc_class_free(klass);
    CHECK(destructors == 0);
    OK(rpyc_session_set_root(session, root_class, MAKER, &error));
    CHECK(destructors == 1);
    rpyc_session_free(session);
    rpyc_class_free(plain);
}

static int lines;

static void write_line(int32_t level, const char *text, size_t length, void *context)
{
    (void)level;
    (void)text;
    (void)length;
    (void)context;
    lines++;
}

/* What is logged is written, and not kept. */
static void logged(void)
{
    OK(rpyc_set_log_callback(RPYC_LOG_DEBUG, write_line, NULL, NULL, &error));
    ask(1, RPYC_HANDLE_CALLATTR, root, "add", NULL); /* an exception that the peer gets */
    raises(1, RPYC_ERR_REMOTE, "TypeError");
    CHECK(lines > 0);
    OK(rpyc_set_log_callback(RPYC_LOG_ERROR, NULL, NULL, NULL, &error));
}

/* The functions for connections do not take these objects, and do not wait. */
static void not_a_connection(void)
{
    rpyc_value *value = NULL;

    GIVES(RPYC_ERR_STATE, rpyc_object_str(root, &value, &error));
    CHECK(value == NULL);
}

/* ---------------------------------------------------------------- the end */

static void the_end(void)
{
    EVENT(event);
    rpyc_call *late;

    ask(1, RPYC_HANDLE_GETATTR, root, "size", NULL);
    NEXT(right, &event, RPYC_EVENT_REQUEST);
    late = event.call;
    CHECK(!rpyc_call_cancelled(late));
    OK(rpyc_session_close(right, &error));
    move();
    raises(1, RPYC_ERR_EOF, NULL);
    NEXT(left, &event, RPYC_EVENT_CLOSED);
    CHECK(rpyc_error_status(event.error) == RPYC_ERR_EOF);
    rpyc_error_free(event.error);
    GIVES(RPYC_ERR_CLOSED, rpyc_session_next_event(left, &event, &error));
    CHECK(rpyc_session_closed(left) && !rpyc_session_closed(right));
    OK(rpyc_session_end_of_stream(right));
    OK(rpyc_session_next_event(right, &event, &error));
    CHECK(event.kind == RPYC_EVENT_CLOSED);
    rpyc_error_free(event.error);
    CHECK(rpyc_call_cancelled(late));
    rpyc_session_free(right);
    GIVES(RPYC_ERR_CLOSED, rpyc_call_return_int(late, 1));
    rpyc_call_free(late);
    rpyc_object_free(root);
    rpyc_session_free(left);
    rpyc_class_free(root_class);
    rpyc_class_free(thing_class);
    rpyc_class_free(open_class);
}

static int found(rpyc_decoder *decoder, const char *wanted)
{
    rpyc_decoded decoded = {.struct_size = sizeof decoded};
    bool is = false;
    int count = 0;

    while (rpyc_decoder_next(decoder, &decoded, &is) == RPYC_OK && is) {
        CHECK(decoded.kind != RPYC_DECODED_GARBAGE && decoded.dialect == 6 && decoded.fault[0] == '\0');
        CHECK(decoded.size > 0 && decoded.payload_size > 0);
        if (strstr(decoded.text, wanted) != NULL)
            count++;
    }
    return count;
}

static void decoders(void)
{
    rpyc_decoded decoded = {.struct_size = 3};
    bool is = false;

    CHECK(found(from_left, "CALLATTR your bare.Root#") > 3);
    CHECK(found(from_right, "my bare.Thing#") > 3);
    GIVES(RPYC_ERR_ABI, rpyc_decoder_next(from_left, &decoded, &is));
    decoded.struct_size = sizeof decoded;
    OK(rpyc_decoder_set_width(from_left, 10));
    OK(rpyc_decoder_feed(from_left, "\0\0\0\5\0hello\n\0\0", 13));
    OK(rpyc_decoder_end(from_left));
    OK(rpyc_decoder_next(from_left, &decoded, &is));
    CHECK(is && decoded.kind == RPYC_DECODED_GARBAGE && decoded.size == 11 && strstr(decoded.fault, "0x68") != NULL);
    CHECK(decoded.fault_offset == decoded.offset + 5 && decoded.sequence == -1 && decoded.handler == 0);
    OK(rpyc_decoder_next(from_left, &decoded, &is));
    CHECK(is && decoded.kind == RPYC_DECODED_GARBAGE && decoded.size == 2);
    OK(rpyc_decoder_next(from_left, &decoded, &is));
    CHECK(!is);
    rpyc_decoder_free(from_left);
    rpyc_decoder_free(from_right);
}

int main(void)
{
    OK(rpyc_session_new(NULL, 0, &left, &error));
    rpyc_config *config = rpyc_config_new();
    OK(rpyc_config_set_bool(config, "allow_setattr", 1, &error));
    OK(rpyc_session_new(config, 0, &right, &error));
    rpyc_config_free(config);
    from_left = rpyc_decoder_new();
    from_right = rpyc_decoder_new();
    set_up();
    a_call_byte_by_byte();
    properties();
    objects();
    attributes_by_name();
    data_by_value();
    functions();
    conversions();
    time_limits();
    finalizers();
    misuse();
    packed();
    inside_lists();
    one_release();
    freed_session();
    roots();
    logged();
    not_a_connection();
    decoders();
    from_left = rpyc_decoder_new();
    from_right = rpyc_decoder_new();
    nothing_is_hidden();
    the_end();
    rpyc_decoder_free(from_left);
    rpyc_decoder_free(from_right);
    return finish();
}
