/* native_peers serve ADDRESS NATIVE: serves until SIGTERM.
 * native_peers call ADDRESS NATIVE c|python native|stock: calls such a server, or tests/peers/peer_server.py, and checks
 * that lists, dicts and arrays travel by value, or as references if stock is what is to be expected.
 *
 * NATIVE is the option native: off, accept or on. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#define MANY 100000

static rpyc_config *configured(const char *native)
{
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "native", native, &error));
    return config;
}

/* ---------------------------------------------------------------- server */

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

/* "list", "array" or so if it came by value, else "ref". */
static void kind(rpyc_call *call, void *self)
{
    const char *name = "other";

    (void)self;
    switch (rpyc_value_kind(rpyc_call_arg(call, 0))) {
    case RPYC_VALUE_LIST:
        name = "list";
        break;
    case RPYC_VALUE_DICT:
        name = "dict";
        break;
    case RPYC_VALUE_ARRAY:
        name = "array";
        break;
    case RPYC_VALUE_OBJECT:
        name = "ref";
        break;
    }
    rpyc_call_return_str(call, name, RPYC_NUL_TERMINATED);
}

/* The sum of an array that came by value. */
static void sum(rpyc_call *call, void *self)
{
    int32_t type;
    const void *data;
    size_t count;
    double total = 0;

    (void)self;
    if (rpyc_value_get_array(rpyc_call_arg(call, 0), &type, &data, &count, NULL) || type != RPYC_ARRAY_DOUBLE) {
        rpyc_call_raise(call, "TypeError", "an array of doubles is wanted");
        return;
    }
    for (size_t i = 0; i < count; i++)
        total += ((const double *)data)[i];
    rpyc_call_return_float(call, total);
}

/* Something of every kind, made here. */
static void make(rpyc_call *call, void *self)
{
    static const int16_t numbers[] = {-1, 0, 1, 256, 4096};
    rpyc_value *value = NULL;

    (void)self;
    if (rpyc_value_new_array(RPYC_ARRAY_INT16, numbers, 5, &value, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return(call, value);
}

static int serve(const char *address, const char *native)
{
    static const rpyc_method methods[] = {
        {"exposed_echo", echo, "echo(value)", NULL, RPYC_METHOD_QUICK},
        {"exposed_kind", kind, "kind(value)", NULL, RPYC_METHOD_QUICK},
        {"exposed_sum", sum, "sum(array)", NULL, RPYC_METHOD_QUICK},
        {"exposed_make", make, "make()", NULL, RPYC_METHOD_QUICK},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "NativeService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };
    rpyc_config *config = configured(native);
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    sigset_t stop;
    int received;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(address, service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_start(server, &error));
    sigwait(&stop, &received);
    OK(rpyc_server_stop(server, 1000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}

/* ---------------------------------------------------------------- client */

static rpyc_value *call(rpyc_object *root, const char *name, rpyc_value *arg)
{
    rpyc_value *result = NULL, *args[] = {arg};

    OK(rpyc_object_call_method(root, name, args, arg != NULL, NULL, &result, &error));
    return result;
}

static rpyc_value *str(const char *text)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_str(text, RPYC_NUL_TERMINATED, &value, &error));
    return value;
}

static rpyc_value *list(void)
{
    rpyc_value *value = NULL, *inner = NULL, *items[3] = {rpyc_value_new_int(1), rpyc_value_new_float(2.5)};

    OK(rpyc_value_new_list(NULL, 0, &inner, &error));
    items[2] = inner;
    OK(rpyc_value_new_list(items, 3, &value, &error));
    return value;
}

static rpyc_value *dict(void)
{
    rpyc_value *value = NULL, *keys[] = {str("one"), rpyc_value_new_int(2)};
    rpyc_value *values[] = {rpyc_value_new_int(1), list()};

    OK(rpyc_value_new_dict(keys, values, 2, &value, &error));
    return value;
}

static int freed;

static void count_free(void *data)
{
    free(data);
    __atomic_add_fetch(&freed, 1, __ATOMIC_SEQ_CST);
}

/* The doubles from 0 on, which go out from where they are. */
static rpyc_value *array(size_t count)
{
    double *numbers = malloc(count * sizeof *numbers);
    rpyc_value *value = NULL;

    for (size_t i = 0; i < count; i++)
        numbers[i] = (double)i;
    OK(rpyc_value_new_array_owned(RPYC_ARRAY_DOUBLE, numbers, count, numbers, count_free, &value, &error));
    return value;
}

/* A value goes there and comes back. */
static void round_trip(rpyc_object *root, rpyc_value *value, const char *name, int native)
{
    rpyc_value *kind = call(root, "kind", rpyc_value_clone(value)), *back = call(root, "echo", rpyc_value_clone(value));

    CHECK(rpyc_value_str_equal(kind, native ? name : "ref"));
    if (native) {
        CHECK(rpyc_value_equal(back, value));
        CHECK(rpyc_value_kind(back) == rpyc_value_kind(value));
        CHECK(rpyc_value_count(back) == rpyc_value_count(value));
    } else {
        rpyc_object *object = NULL;
        int64_t length = 0;

        /* Our own object, which the library made for it. */
        OK(rpyc_value_get_object(back, &object, &error));
        OK(rpyc_object_length(object, &length, &error));
        CHECK((size_t)length == rpyc_value_count(value));
        rpyc_object_free(object);
    }
    rpyc_value_free(kind);
    rpyc_value_free(back);
    rpyc_value_free(value);
}

static void by_value(rpyc_object *root)
{
    rpyc_value *back = call(root, "echo", dict()), *sum;
    const rpyc_value *found = rpyc_value_lookup(back, "one");
    int64_t number = 0;
    double total = 0;
    int32_t type = 0;
    const void *data = NULL;
    size_t count = 0;

    OK(rpyc_value_get_int(found, &number, &error));
    CHECK(number == 1);
    CHECK(rpyc_value_kind(rpyc_value_item(back, 1)) == RPYC_VALUE_LIST);
    CHECK(rpyc_value_kind(rpyc_value_key(back, 1)) == RPYC_VALUE_INT);
    rpyc_value_free(back);

    sum = call(root, "sum", array(MANY));
    OK(rpyc_value_get_float(sum, &total, &error));
    CHECK(total == (double)MANY * (MANY - 1) / 2);
    rpyc_value_free(sum);

    back = call(root, "echo", array(MANY));
    OK(rpyc_value_get_array(back, &type, &data, &count, &error));
    CHECK(type == RPYC_ARRAY_DOUBLE && count == MANY && (uintptr_t)data % sizeof(double) == 0);
    CHECK(count == MANY && ((const double *)data)[MANY - 1] == MANY - 1);
    rpyc_value_free(back);

    back = call(root, "make", NULL);
    OK(rpyc_value_get_array(back, &type, &data, &count, &error));
    CHECK(type == RPYC_ARRAY_INT16 && count == 5 && ((const int16_t *)data)[0] == -1 &&
          ((const int16_t *)data)[4] == 4096);
    rpyc_value_free(back);
}

/* What a Python peer does with them. */
static void as_references(rpyc_object *root)
{
    rpyc_value *total = call(root, "total", array(1000)), *parts, *got;
    rpyc_object *object = NULL;
    double sum = 0;
    int64_t length = 0;

    OK(rpyc_value_get_float(total, &sum, &error));
    CHECK(sum == 499500);
    rpyc_value_free(total);
    parts = call(root, "describe", array(2)); /* str, repr, len, == */
    CHECK(rpyc_value_str_equal(rpyc_value_item(parts, 0), "array('d', [0.0, 1.0])"));
    OK(rpyc_value_get_int(rpyc_value_item(parts, 2), &length, &error));
    CHECK(length == 2);
    rpyc_value_free(parts);
    got = call(root, "echo", array(3));
    OK(rpyc_value_get_object(got, &object, &error));
    rpyc_value_free(got);
    rpyc_object_free(object);
}

static int call_server(const char *address, const char *option, int python, int native)
{
    rpyc_config *config = configured(option);
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;

    OK(rpyc_connect(address, NULL, config, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    CHECK(rpyc_connection_is_native(connection) == native);
    round_trip(root, list(), "list", native);
    round_trip(root, dict(), "dict", native);
    round_trip(root, array(3), "array", native);
    if (native)
        by_value(root);
    if (python)
        as_references(root);
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    CHECK(freed == 1 + 2 * native + 3 * python);
    return finish();
}

int main(int argc, char **argv)
{
    if (argc == 4 && !strcmp(argv[1], "serve"))
        return serve(argv[2], argv[3]);
    if (argc == 6 && !strcmp(argv[1], "call"))
        return call_server(argv[2], argv[3], !strcmp(argv[4], "python"), !strcmp(argv[5], "native"));
    fprintf(stderr, "usage: native_peers serve ADDRESS NATIVE | call ADDRESS NATIVE c|python native|stock\n");
    return 2;
}
