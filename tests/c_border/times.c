/* Dates and times: alone, between two peers of this process; "call ADDRESS", of clients/times_server.py; "serve", for
 * clients/times_client.py, which prints "listening ADDRESS". */
#define _POSIX_C_SOURCE 200809L
#include <limits.h>

#include "check.h"
#include "peers.h"

#define DAY 86400000000
#define MINUTE 60000000

/* As in clients/time_things.py. */
static const struct thing {
    rpyc_value_kind_id kind;
    rpyc_datetime fields;
    int64_t days, seconds, microseconds; /* of a timedelta; of a timezone the offset */
    const char *repr;
} things[] = {
    {RPYC_VALUE_DATE, {.year = 2026, .month = 11, .day = 30}, 0, 0, 0, "datetime.date(2026, 11, 30)"},
    {RPYC_VALUE_DATE, {.year = 1, .month = 1, .day = 1}, 0, 0, 0, "datetime.date(1, 1, 1)"},
    {RPYC_VALUE_DATE, {.year = 9999, .month = 12, .day = 31}, 0, 0, 0, "datetime.date(9999, 12, 31)"},
    {RPYC_VALUE_TIME, {.hour = 0}, 0, 0, 0, "datetime.time(0, 0)"},
    {RPYC_VALUE_TIME,
     {.hour = 23, .minute = 59, .second = 58, .microsecond = 999999},
     0,
     0,
     0,
     "datetime.time(23, 59, 58, 999999)"},
    {RPYC_VALUE_TIME, {.hour = 1, .minute = 30, .fold = 1}, 0, 0, 0, "datetime.time(1, 30, fold=1)"},
    {RPYC_VALUE_TIME,
     {.hour = 12, .second = 5, .aware = true, .utcoffset = 330 * (int64_t)MINUTE},
     0,
     0,
     0,
     "datetime.time(12, 0, 5, tzinfo=datetime.timezone(datetime.timedelta(seconds=19800)))"},
    {RPYC_VALUE_DATETIME,
     {2026, 11, 30, 15, 30, 10, 5, 0, false, 0},
     0,
     0,
     0,
     "datetime.datetime(2026, 11, 30, 15, 30, 10, 5)"},
    {RPYC_VALUE_DATETIME,
     {2026, 10, 25, 2, 30, 0, 0, 1, false, 0},
     0,
     0,
     0,
     "datetime.datetime(2026, 10, 25, 2, 30, fold=1)"},
    {RPYC_VALUE_DATETIME, {1, 1, 1, 0, 0, 0, 0, 0, false, 0}, 0, 0, 0, "datetime.datetime(1, 1, 1, 0, 0)"},
    {RPYC_VALUE_DATETIME,
     {9999, 12, 31, 23, 59, 59, 999999, 0, false, 0},
     0,
     0,
     0,
     "datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)"},
    {RPYC_VALUE_DATETIME,
     {2024, 2, 29, 12, 0, 0, 0, 0, true, 0},
     0,
     0,
     0,
     "datetime.datetime(2024, 2, 29, 12, 0, tzinfo=datetime.timezone.utc)"},
    {RPYC_VALUE_DATETIME,
     {2024, 2, 29, 17, 30, 0, 0, 0, true, 330 * (int64_t)MINUTE},
     0,
     0,
     0,
     "datetime.datetime(2024, 2, 29, 17, 30, tzinfo=datetime.timezone(datetime.timedelta(seconds=19800)))"},
    {RPYC_VALUE_DATETIME,
     {2024, 2, 29, 9, 0, 0, 1, 0, true, -180 * (int64_t)MINUTE - 1},
     0,
     0,
     0,
     "datetime.datetime(2024, 2, 29, 9, 0, 0, 1, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=75599, microseconds=999999)))"},
    {RPYC_VALUE_TIMEDELTA, {0}, 0, 0, 0, "datetime.timedelta(0)"},
    {RPYC_VALUE_TIMEDELTA, {0}, 1, 2, 3, "datetime.timedelta(days=1, seconds=2, microseconds=3)"},
    {RPYC_VALUE_TIMEDELTA, {0}, 0, 0, -1, "datetime.timedelta(days=-1, seconds=86399, microseconds=999999)"},
    {RPYC_VALUE_TIMEDELTA,
     {0},
     999999999,
     86399,
     999999,
     "datetime.timedelta(days=999999999, seconds=86399, microseconds=999999)"},
    {RPYC_VALUE_TIMEDELTA, {0}, -999999999, 0, 0, "datetime.timedelta(days=-999999999)"},
    {RPYC_VALUE_TIMEZONE, {0}, 0, 0, 0, "datetime.timezone.utc"},
    {RPYC_VALUE_TIMEZONE, {0}, 0, 0, 330 * (int64_t)MINUTE, "datetime.timezone(datetime.timedelta(seconds=19800))"},
    {RPYC_VALUE_TIMEZONE,
     {0},
     0,
     0,
     -180 * (int64_t)MINUTE - 1,
     "datetime.timezone(datetime.timedelta(days=-1, seconds=75599, microseconds=999999))"},
};
enum { THINGS = sizeof things / sizeof *things };

static rpyc_value *make(const struct thing *thing)
{
    const rpyc_datetime *fields = &thing->fields;
    rpyc_value *value = NULL;

    switch (thing->kind) {
    case RPYC_VALUE_DATE:
        OK(rpyc_value_new_date(fields->year, fields->month, fields->day, &value, &error));
        break;
    case RPYC_VALUE_TIME:
        OK(rpyc_value_new_time(fields, &value, &error));
        break;
    case RPYC_VALUE_DATETIME:
        OK(rpyc_value_new_datetime(fields, &value, &error));
        break;
    case RPYC_VALUE_TIMEDELTA:
        OK(rpyc_value_new_timedelta(thing->days, thing->seconds, thing->microseconds, &value, &error));
        break;
    default:
        OK(rpyc_value_new_timezone(thing->microseconds, &value, &error));
        break;
    }
    return value;
}

/* Is it printed so? The value is freed. */
static int is_repr(rpyc_value *value, const char *wanted)
{
    rpyc_value *text = rpyc_value_repr(value);
    int good = rpyc_value_str_equal(text, wanted);

    if (!good) {
        const char *data = "NULL";
        size_t length = 4;

        rpyc_value_get_str(text, &data, &length, NULL);
        fprintf(stderr, "wanted %.300s, got %.*s\n", wanted, (int)length, data);
    }
    rpyc_value_free(text);
    rpyc_value_free(value);
    return good;
}

static void fields_are(const rpyc_value *value, const struct thing *thing)
{
    rpyc_datetime got = {.year = 77};
    int64_t days = 77, seconds = 77, microseconds = 77;
    int is_span = thing->kind == RPYC_VALUE_TIMEDELTA || thing->kind == RPYC_VALUE_TIMEZONE;

    CHECK(rpyc_value_kind(value) == thing->kind);
    if (is_span) {
        GIVES(RPYC_ERR_TYPE, rpyc_value_get_datetime(value, &got, &error));
        OK(rpyc_value_get_timedelta(value, &days, &seconds, &microseconds, &error));
        CHECK(seconds >= 0 && seconds < 86400 && microseconds >= 0 && microseconds < 1000000);
        CHECK(days - thing->days == -(thing->microseconds < 0));
        CHECK((days - thing->days) * DAY + (seconds - thing->seconds) * 1000000 + microseconds == thing->microseconds);
        return;
    }
    GIVES(RPYC_ERR_TYPE, rpyc_value_get_timedelta(value, &days, &seconds, &microseconds, &error));
    OK(rpyc_value_get_datetime(value, &got, &error));
    CHECK(got.year == thing->fields.year && got.month == thing->fields.month && got.day == thing->fields.day);
    CHECK(got.hour == thing->fields.hour && got.minute == thing->fields.minute && got.second == thing->fields.second);
    CHECK(got.microsecond == thing->fields.microsecond && got.fold == thing->fields.fold);
    CHECK(got.aware == thing->fields.aware && got.utcoffset == thing->fields.utcoffset);
}

static rpyc_value *ask(rpyc_object *root, const char *method, rpyc_value *arg)
{
    rpyc_value *value = NULL;

    OK(rpyc_object_call_method(root, method, &arg, arg ? 1 : 0, NULL, &value, &error));
    return value;
}

static rpyc_value *obtained(rpyc_value *value)
{
    rpyc_object *object = NULL;
    rpyc_value *copy = NULL;

    OK(rpyc_value_get_object(value, &object, &error));
    OK(rpyc_object_obtain(object, 0, 0, 0, &copy, &error));
    rpyc_object_free(object);
    rpyc_value_free(value);
    return copy;
}

/* ------------------------------------------------------------------------------------------------ within this process */

static int probe_kind;

static void look(rpyc_call *call)
{
    probe_kind = rpyc_value_kind(rpyc_call_arg(call, 0));
}

/* To a peer that agreed they go by value, in containers too; to others as objects, which come back as they were. */
static void between_peers(const char *native)
{
    struct peers peers;
    rpyc_object *root = NULL;
    rpyc_value *items[THINGS], *list = NULL, *copy = NULL;
    char wanted[4000] = "[";
    bool by_value;

    peers_native = native;
    peers_probe = look;
    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    by_value = rpyc_connection_is_native(peers.client);
    CHECK(by_value == !strcmp(native, "on"));
    for (int i = 0; i < THINGS; i++) {
        rpyc_value *value;

        rpyc_value_free(ask(root, "probe", make(&things[i])));
        CHECK(probe_kind == (by_value ? things[i].kind : RPYC_VALUE_OBJECT));
        value = ask(root, "echo", make(&things[i]));
        CHECK(rpyc_value_kind(value) == (by_value ? things[i].kind : RPYC_VALUE_OBJECT));
        if (!by_value)
            value = obtained(value);
        fields_are(value, &things[i]);
        CHECK(is_repr(value, things[i].repr));
        items[i] = make(&things[i]);
        snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "%s%s", i ? ", " : "", things[i].repr);
    }
    strcat(wanted, "]");
    OK(rpyc_value_new_list(items, THINGS, &list, &error));
    copy = ask(root, "echo", list);
    CHECK(is_repr(by_value ? copy : obtained(copy), wanted));
    rpyc_object_free(root);
    peers_close(&peers);
}

static void values(void)
{
    rpyc_value *a, *b, *value = NULL, *set = NULL, *unused = NULL;
    rpyc_datetime fields = {2024, 2, 29, 12, 0, 0, 0, 0, true, 0};
    rpyc_value *items[2];
    int64_t stamp = 0;

    for (int i = 0; i < THINGS; i++) {
        value = make(&things[i]);
        fields_are(value, &things[i]);
        OK(rpyc_value_convert(value, things[i].kind == RPYC_VALUE_TIMEZONE ? RPYC_VALUE_BOOL : things[i].kind, 10000,
                              &unused, &error));
        rpyc_value_free(unused);
        GIVES(RPYC_ERR_TYPE, rpyc_value_convert(value, RPYC_VALUE_FLOAT, 10000, &unused, &error));
        CHECK(is_repr(value, things[i].repr));
    }
    /* The same moment in two zones is one key. */
    a = make(&things[11]);
    b = make(&things[12]);
    CHECK(rpyc_value_equal(a, b));
    OK(rpyc_value_get_timestamp(a, &stamp, &error));
    CHECK(stamp == 1709208000000000);
    OK(rpyc_value_new_timestamp(stamp, &value, &error));
    CHECK(rpyc_value_equal(a, value));
    rpyc_value_free(value);
    items[0] = a;
    items[1] = b;
    OK(rpyc_value_new_frozenset(items, 2, &set, &error));
    CHECK(rpyc_value_count(set) == 1);
    rpyc_value_free(set);
    GIVES(RPYC_ERR_TYPE, rpyc_value_get_timestamp(rpyc_value_new_int(5), &stamp, &error));
    fields.microsecond = 1000000;
    GIVES(RPYC_ERR_RANGE, rpyc_value_new_datetime(&fields, &value, &error));
    CHECK(value == NULL);
    fields.microsecond = INT_MIN;
    GIVES(RPYC_ERR_RANGE, rpyc_value_new_datetime(&fields, &value, &error));
    GIVES(RPYC_ERR_RANGE, rpyc_value_new_date(2100, 2, 29, &value, &error));
    GIVES(RPYC_ERR_RANGE, rpyc_value_new_timedelta(INT64_MAX, INT64_MAX, INT64_MAX, &value, &error));
    GIVES(RPYC_ERR_RANGE, rpyc_value_new_timestamp(INT64_MIN, &value, &error));
    GIVES(RPYC_ERR_RANGE, rpyc_value_new_timezone(INT64_MIN, &value, &error));
    GIVES(RPYC_ERR_NULL, rpyc_value_new_time(NULL, &value, &error));
}

/* ------------------------------------------------------------------------------------------------ of a stock server */

static void of_stock(const char *address)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL, *object = NULL;
    rpyc_value *value, *copy = NULL, *text;
    const char *data = "";
    size_t length = 0;
    int64_t count = 0;

    OK(rpyc_connect(address, NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    value = ask(root, "count", NULL);
    OK(rpyc_value_get_int(value, &count, &error));
    rpyc_value_free(value);
    CHECK(count > THINGS);
    for (int64_t i = 0; i < count; i++) {
        char wanted[300];

        text = ask(root, "copy", rpyc_value_new_int(i));
        OK(rpyc_value_get_str(text, &data, &length, &error));
        snprintf(wanted, sizeof wanted, "%.*s", (int)length, data);
        rpyc_value_free(text);
        copy = obtained(ask(root, "thing", rpyc_value_new_int(i)));
        if (i < THINGS)
            fields_are(copy, &things[i]);
        if (rpyc_value_kind(copy) != RPYC_VALUE_TIMEZONE) {
            rpyc_value *converted = NULL;

            value = ask(root, "thing", rpyc_value_new_int(i));
            OK(rpyc_value_convert(value, rpyc_value_kind(copy), 10000, &converted, &error));
            CHECK(is_repr(converted, wanted));
            GIVES(RPYC_ERR_TYPE, rpyc_value_convert(value, RPYC_VALUE_INT, 10000, &converted, &error));
            if (rpyc_value_kind(copy) == RPYC_VALUE_DATETIME)
                GIVES(RPYC_ERR_TYPE, rpyc_value_convert(value, RPYC_VALUE_DATE, 10000, &converted, &error));
            rpyc_value_free(value);
        }
        CHECK(is_repr(copy, wanted));
    }
    copy = obtained(ask(root, "all", NULL));
    text = ask(root, "all_repr", NULL);
    value = rpyc_value_repr(copy);
    CHECK(rpyc_value_equal(text, value));
    rpyc_value_free(text);
    rpyc_value_free(value);
    rpyc_value_free(copy);
    static const char *const others[] = {"subclass", "zone"};
    for (int i = 0; i < 2; i++) {
        value = ask(root, others[i], NULL);
        OK(rpyc_value_get_object(value, &object, &error));
        GIVES(RPYC_ERR_TYPE, rpyc_object_obtain(object, 0, 0, 0, &copy, &error));
        GIVES(RPYC_ERR_TYPE, rpyc_value_convert(value, RPYC_VALUE_DATETIME, 10000, &copy, &error));
        rpyc_object_free(object);
        rpyc_value_free(value);
    }
    static const char *const names[] = {"date", "time", "datetime", "timedelta", "timezone"};
    for (int i = 0; i < 5; i++) {
        OK(rpyc_value_new_str(names[i], RPYC_NUL_TERMINATED, &text, &error));
        value = ask(root, "no_time", text);
        OK(rpyc_value_get_object(value, &object, &error));
        GIVES(RPYC_ERR_TYPE, rpyc_object_obtain(object, 0, 0, 0, &copy, &error));
        if (i < 4)
            GIVES(RPYC_ERR_TYPE, rpyc_value_convert(value, RPYC_VALUE_DATE + i, 10000, &copy, &error));
        rpyc_object_free(object);
        rpyc_value_free(value);
    }
    /* Arguments are objects there, which answer what they are asked. */
    value = ask(root, "take", make(&things[11]));
    CHECK(rpyc_value_str_equal(value, "datetime 2024-02-29 12:00:00+00:00"));
    rpyc_value_free(value);
    value = ask(root, "take", make(&things[15]));
    CHECK(rpyc_value_str_equal(value, "timedelta 1 day, 0:00:02.000003"));
    rpyc_value_free(value);
    rpyc_object_free(root);
    rpyc_connection_close(connection, NULL);
    rpyc_connection_free(connection);
}

/* ------------------------------------------------------------------------------------------------ for a stock client */

static int stopping[2];
static rpyc_class *meeting;

static void give_thing(rpyc_call *call, void *self)
{
    int64_t index;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &index))
        rpyc_call_return(call, make(&things[index]));
}

static void give_everything(rpyc_call *call, void *self)
{
    rpyc_value *items[THINGS], *parts[2], *list = NULL;

    (void)self;
    for (int i = 0; i < THINGS; i++)
        items[i] = make(&things[i]);
    OK(rpyc_value_new_list(items, THINGS, &parts[0], &error));
    for (int i = 0; i < THINGS; i++)
        items[i] = make(&things[i]);
    OK(rpyc_value_new_tuple(items, THINGS, &parts[1], &error));
    OK(rpyc_value_new_list(parts, 2, &list, &error));
    rpyc_call_return(call, list);
}

static void give_repr(rpyc_call *call, void *self)
{
    (void)self;
    CHECK(rpyc_value_kind(rpyc_call_arg(call, 0)) != RPYC_VALUE_OBJECT);
    rpyc_call_return(call, rpyc_value_repr(rpyc_call_arg(call, 0)));
}

static void set_rules(rpyc_call *call, void *self)
{
    const char *kind;
    size_t length;

    (void)self;
    if (rpyc_call_get_str(call, 0, &kind, &length))
        return;
    OK(rpyc_connection_set_option(rpyc_call_connection(call), "allow_public_attrs", length == 6 ? "true" : "false",
                                  &error));
    OK(rpyc_connection_set_option(rpyc_call_connection(call), "allow_pickle", length == 6 ? "true" : "false", &error));
    rpyc_call_return(call, NULL);
}

static void stop(rpyc_call *call, void *self)
{
    (void)self;
    CHECK(write(stopping[1], "", 1) == 1);
    rpyc_call_return(call, NULL);
}

struct meeting {
    rpyc_datetime at;
    double hours;
    char title[20];
};

static void construct(rpyc_call *call, void *userdata)
{
    struct meeting *made = calloc(1, sizeof *made);
    rpyc_object *object = NULL;
    const char *title = "";
    size_t length = 0;

    (void)userdata;
    OK(rpyc_value_get_datetime(rpyc_call_arg(call, 0), &made->at, &error));
    OK(rpyc_call_get_str(call, 1, &title, &length));
    OK(rpyc_call_get_float(call, 2, &made->hours));
    snprintf(made->title, sizeof made->title, "%.*s", (int)length, title);
    OK(rpyc_object_new(meeting, made, free, &object, &error));
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void meeting_text(rpyc_call *call, void *self)
{
    const struct meeting *made = self;
    char text[100];

    snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d:%02d %s %.1f", made->at.year, made->at.month, made->at.day,
             made->at.hour, made->at.minute, made->at.second, made->title, made->hours);
    rpyc_call_return_str(call, text, RPYC_NUL_TERMINATED);
}

static void give_meeting(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;

    (void)self;
    OK(rpyc_class_object(meeting, &object, &error));
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void serve(void)
{
    static const rpyc_method methods[] = {
        {"exposed_thing", give_thing, "thing(index)", NULL, 0},
        {"exposed_everything", give_everything, "everything()", NULL, 0},
        {"exposed_typed_date", give_repr, "typed_date(value: date)", NULL, 0},
        {"exposed_typed_time", give_repr, "typed_time(value: datetime.time)", NULL, 0},
        {"exposed_typed_datetime", give_repr, "typed_datetime(value: 'datetime')", NULL, 0},
        {"exposed_typed_timedelta", give_repr, "typed_timedelta(value: datetime.timedelta)", NULL, 0},
        {"exposed_rules", set_rules, "rules(kind)", NULL, 0},
        {"exposed_stop", stop, "stop()", NULL, 0},
    };
    static const rpyc_property properties[] = {{"exposed_Meeting", give_meeting, NULL, NULL, NULL}};
    static const rpyc_method of_meetings[] = {{"exposed_text", meeting_text, "text()", NULL, 0}};
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .property_size = sizeof(rpyc_property),
        .name = "TimesService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .properties = properties,
        .property_count = 1,
    };
    static const rpyc_class_table meeting_table = {
        .struct_size = sizeof meeting_table,
        .method_size = sizeof(rpyc_method),
        .name = "Meeting",
        .methods = of_meetings,
        .method_count = 1,
        .construct = construct,
        .construct_signature = "Meeting(at: datetime, title: str, hours: float = 1.0)",
    };
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    char byte;

    CHECK(!pipe(stopping));
    OK(rpyc_class_new(&meeting_table, NULL, NULL, &meeting, &error));
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    CHECK(read(stopping[0], &byte, 1) == 1);
    OK(rpyc_server_stop(server, 2000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_class_free(meeting);
    close(stopping[0]);
    close(stopping[1]);
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "call")) {
        of_stock(argv[2]);
    } else if (argc == 2 && !strcmp(argv[1], "serve")) {
        serve();
    } else {
        values();
        between_peers("on");
        between_peers("off");
    }
    return finish();
}
