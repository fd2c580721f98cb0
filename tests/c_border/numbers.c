/* Numbers, strings and bytes of objects: numbers call ADDRESS, of clients/numbers_server.py. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>

#include "check.h"
#include "peers.h"

static const struct {
    const char *name;
    rpyc_value_kind_id kind;
} kinds[] = {
    {"int", RPYC_VALUE_INT}, {"float", RPYC_VALUE_FLOAT}, {"bool", RPYC_VALUE_BOOL},
    {"str", RPYC_VALUE_STR}, {"bytes", RPYC_VALUE_BYTES},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static rpyc_object *root;

static rpyc_value *ask(const char *method, rpyc_value *a, rpyc_value *b)
{
    rpyc_value *args[2] = {a, b}, *value = NULL;

    OK(rpyc_object_call_method(root, method, args, b ? 2 : a ? 1 : 0, NULL, &value, &error));
    return value;
}

/* The same value of the same kind; every NaN is one. */
static int same(const rpyc_value *a, const rpyc_value *b)
{
    double x, y;

    if (!rpyc_value_get_float(a, &x, NULL) && !rpyc_value_get_float(b, &y, NULL) && isnan(x) && isnan(y))
        return 1;
    return rpyc_value_kind(a) == rpyc_value_kind(b) && rpyc_value_equal(a, b);
}

static void tell(const rpyc_value *text)
{
    const char *data = "";
    size_t length = 0;

    rpyc_value_get_str(text, &data, &length, NULL);
    fprintf(stderr, "%.*s", (int)(length < 80 ? length : 80), data);
}

/* What CPython says natively of one object and one kind, and what we say. */
static void compare(int64_t index, int kind)
{
    rpyc_value *thing = ask("thing", rpyc_value_new_int(index), NULL), *text = NULL, *ours = NULL, *name;
    rpyc_value *native = NULL;
    const char *wanted = "";
    rpyc_error *failed = NULL;
    size_t length = 0;
    int is_value, good;
    rpyc_status status;

    OK(rpyc_value_new_str(kinds[kind].name, RPYC_NUL_TERMINATED, &text, &error));
    native = ask("native", rpyc_value_new_int(index), text);
    name = ask("name", rpyc_value_new_int(index), NULL);
    is_value = rpyc_value_str_equal(rpyc_value_item(native, 0), "value");
    status = rpyc_value_convert(thing, kinds[kind].kind, 20000, &ours, &failed);
    if (is_value) {
        good = status == RPYC_OK && same(ours, rpyc_value_item(native, 1)) && rpyc_value_kind(ours) == kinds[kind].kind;
    } else {
        OK(rpyc_value_get_str(rpyc_value_item(native, 1), &wanted, &length, &error));
        if (status == RPYC_ERR_REMOTE)
            good = !strncmp(rpyc_error_type_name(failed), wanted, length);
        else
            good = status == RPYC_ERR_TYPE ? !strncmp(wanted, "TypeError", length)
                                           : status == RPYC_ERR_RANGE && !strncmp(wanted, "OverflowError", length);
        good = good && ours == NULL;
    }
    if (!good) {
        rpyc_value *texts[2] = {rpyc_value_repr(native), rpyc_value_repr(ours)};

        fprintf(stderr, "%s of ", kinds[kind].name);
        tell(name);
        fprintf(stderr, ": Python ");
        tell(texts[0]);
        fprintf(stderr, ", here %s ", rpyc_status_name(status));
        tell(texts[1]);
        fprintf(stderr, " %.300s\n", rpyc_error_message(failed));
        rpyc_value_free(texts[0]);
        rpyc_value_free(texts[1]);
    }
    check(good, "a conversion is CPython's", __LINE__);
    rpyc_error_free(failed);
    rpyc_value_free(thing);
    rpyc_value_free(native);
    rpyc_value_free(name);
    rpyc_value_free(ours);
}

/* Accessors do not ask, and say who does. */
static void accessors(void)
{
    rpyc_value *thing = ask("thing", rpyc_value_new_int(0), NULL), *unused = NULL;
    const char *text;
    const uint8_t *data;
    rpyc_error *said = NULL;
    size_t length;
    int64_t number;
    uint64_t natural;
    double real;
    bool truth;

#define SAYS(call)                                                                                                     \
    do {                                                                                                               \
        CHECK((call) == RPYC_ERR_TYPE && strstr(rpyc_error_message(said), "rpyc_value_convert"));                      \
        rpyc_error_free(said);                                                                                         \
        said = NULL;                                                                                                   \
    } while (0)
    SAYS(rpyc_value_get_int(thing, &number, &said));
    SAYS(rpyc_value_get_uint(thing, &natural, &said));
    SAYS(rpyc_value_get_int_text(thing, &unused, &said));
    SAYS(rpyc_value_get_int_bytes(thing, &unused, &said));
    SAYS(rpyc_value_get_float(thing, &real, &said));
    SAYS(rpyc_value_get_bool(thing, &truth, &said));
    SAYS(rpyc_value_get_str(thing, &text, &length, &said));
    SAYS(rpyc_value_get_bytes(thing, &data, &length, &said));
    /* Data has no such friend. */
    CHECK(rpyc_value_get_int(rpyc_value_item(thing, 0), &number, &said) == RPYC_ERR_NULL);
    rpyc_error_free(said);
    rpyc_value_free(thing);
}

/* Many at once, and what becomes of the others when one cannot be converted. */
static void several(void)
{
    enum { MANY = 500 };
    rpyc_value *items = ask("things", rpyc_value_new_int(MANY), NULL), *out[MANY] = {NULL};
    const rpyc_value *values[MANY];
    rpyc_value_kind_id wanted[MANY];
    rpyc_async_result *later = NULL;
    rpyc_value *value = NULL, *text = NULL;
    size_t failed = 0, count = 0;
    double sum = 0, number;

    for (size_t i = 0; i < MANY; i++) {
        values[i] = rpyc_value_item(items, i);
        wanted[i] = RPYC_VALUE_FLOAT;
    }
    OK(rpyc_value_convert_all(values, wanted, MANY, 20000, out, &failed, &error));
    CHECK(failed == MANY);
    for (size_t i = 0; i < MANY; i++) {
        OK(rpyc_value_get_float(out[i], &number, &error));
        sum += number;
        rpyc_value_free(out[i]);
    }
    CHECK(sum == MANY * (MANY - 1) / 2.0);
    OK(rpyc_value_convert_async(values, wanted, MANY, 20000, &later, &error));
    OK(rpyc_async_result_value(later, &value, &error));
    CHECK(rpyc_value_kind(value) == RPYC_VALUE_TUPLE && rpyc_value_count(value) == MANY);
    OK(rpyc_value_get_float(rpyc_value_item(value, 7), &number, &error));
    CHECK(number == 7);
    rpyc_value_free(value);
    rpyc_async_result_free(later);

    OK(rpyc_value_new_str("text", RPYC_NUL_TERMINATED, &text, &error));
    wanted[3] = RPYC_VALUE_INT; /* a float is none */
    GIVES(RPYC_ERR_TYPE, rpyc_value_convert_all(values, wanted, 10, 20000, out, &failed, &error));
    CHECK(failed == 3 && out[0] == NULL && out[9] == NULL);
    values[5] = text;
    GIVES(RPYC_ERR_TYPE, rpyc_value_convert_all(values, wanted, 10, 20000, out, NULL, &error));
    GIVES(RPYC_ERR_NULL, rpyc_value_convert_all(values, wanted, 10, 20000, NULL, &failed, &error));
    CHECK(failed == 10);
    GIVES(RPYC_OK, rpyc_value_convert_all(NULL, NULL, 0, 0, NULL, &failed, &error));
    GIVES(RPYC_ERR_NULL, rpyc_value_convert_all(NULL, wanted, 2, 0, out, &count, &error));
    wanted[0] = RPYC_VALUE_TUPLE;
    GIVES(RPYC_ERR_ARGUMENT, rpyc_value_convert_all(values, wanted, 10, 20000, out, &failed, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_value_convert(text, RPYC_VALUE_NONE, 0, &value, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_value_convert_async(values, wanted, 10, 20000, &later, &error));
    OK(rpyc_value_convert_async(NULL, NULL, 0, -1, &later, &error));
    OK(rpyc_async_result_value(later, &value, &error));
    CHECK(rpyc_value_kind(value) == RPYC_VALUE_TUPLE && rpyc_value_count(value) == 0);
    rpyc_value_free(value);
    rpyc_async_result_free(later);
    rpyc_value_free(text);
    rpyc_value_free(items);
}

/* Objects of this process are asked as well, and one whose peer does not answer in time. */
static void index_of(rpyc_call *call, void *self)
{
    rpyc_call_return_int(call, (int64_t)(intptr_t)self);
}

static void local(void)
{
    static const rpyc_method methods[] = {{"__index__", index_of, "__index__()", NULL, 0}};
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "Number",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_class *class_ = NULL;
    rpyc_object *object = NULL;
    rpyc_value *value = NULL, *out = NULL;
    double number = 0;

    OK(rpyc_class_new(&table, NULL, NULL, &class_, &error));
    OK(rpyc_object_new(class_, (void *)(intptr_t)11, NULL, &object, &error));
    OK(rpyc_value_new_object(object, &value, &error));
    OK(rpyc_value_convert(value, RPYC_VALUE_FLOAT, 1000, &out, &error));
    OK(rpyc_value_get_float(out, &number, &error));
    CHECK(number == 11);
    rpyc_value_free(out);
    OK(rpyc_value_convert(value, RPYC_VALUE_BOOL, 1000, &out, &error));
    rpyc_value_free(out);
    GIVES(RPYC_ERR_TYPE, rpyc_value_convert(value, RPYC_VALUE_STR, 1000, &out, &error));
    rpyc_value_free(value);
    rpyc_object_free(object);
    rpyc_class_free(class_);
}

int main(int argc, char **argv)
{
    rpyc_connection *connection = NULL;
    rpyc_value *things;
    int64_t count = 0;

    if (argc != 3)
        return 2;
    OK(rpyc_connect(argv[2], NULL, NULL, &connection, &error));
    if (!connection)
        return finish();
    OK(rpyc_connection_root(connection, &root, &error));
    things = ask("count", NULL, NULL);
    OK(rpyc_value_get_int(things, &count, &error));
    rpyc_value_free(things);
    for (int64_t index = 0; index < count; index++)
        for (int kind = 0; kind < KINDS; kind++)
            compare(index, kind);
    accessors();
    several();
    local();
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
    return finish();
}
