/* arrays ADDRESS RULES NUMPY: arrays of numbers of tests/run/clients/arrays_server.py, copied; RULES is default or public,
 * NUMPY 0 or 1. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static int requests, bursts;
static rpyc_object *root;

static void logged(int level, const char *message, size_t length, void *userdata)
{
    char line[200];
    const char *at;

    (void)level;
    (void)userdata;
    snprintf(line, sizeof line, "%.*s", (int)length, message);
    at = strstr(line, "levels, ");
    if (strncmp(line, "obtain: ", 8) == 0 && at)
        sscanf(at, "levels, %d requests in %d bursts", &requests, &bursts);
}

static rpyc_object *give(const char *name)
{
    rpyc_object *object = NULL;
    rpyc_value *arg = NULL, *value = NULL;

    OK(rpyc_value_new_str(name, RPYC_NUL_TERMINATED, &arg, &error));
    OK(rpyc_object_call_method(root, "give", &arg, 1, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    return object;
}

/* The repr of a copy; ARRAY stands for "array('d', ...)" and the like. */
static void is(const char *name, const char *want)
{
    rpyc_object *object = give(name);
    rpyc_value *value = NULL, *text;
    const char *got = "";
    size_t length = 0;

    OK(rpyc_object_obtain(object, 0, 0, 0, &value, &error));
    text = rpyc_value_repr(value);
    OK(rpyc_value_get_str(text, &got, &length, &error));
    if (length != strlen(want) || memcmp(got, want, length))
        fprintf(stderr, "%s is %.*s\n", name, (int)length, got);
    CHECK(length == strlen(want) && memcmp(got, want, length) == 0);
    rpyc_value_free(text);
    rpyc_value_free(value);
    rpyc_object_free(object);
}

/* An array with its shape, the sum of its doubles, and how it was asked for. */
static void shaped(const char *name, const char *shape, double sum, int most_requests, int most_bursts)
{
    rpyc_object *object = give(name);
    rpyc_value *value = NULL, *lengths = NULL, *text;
    rpyc_array_type_id type = 0;
    const void *data = NULL;
    const char *got = "";
    size_t length = 0, count = 0;
    double total = 0;

    OK(rpyc_object_obtain_array(object, 0, &value, &lengths, &error));
    text = rpyc_value_repr(lengths);
    OK(rpyc_value_get_str(text, &got, &length, &error));
    if (length != strlen(shape) || memcmp(got, shape, length))
        fprintf(stderr, "%s has the shape %.*s\n", name, (int)length, got);
    CHECK(length == strlen(shape) && memcmp(got, shape, length) == 0);
    OK(rpyc_value_get_array(value, &type, &data, &count, &error));
    if (type == RPYC_ARRAY_DOUBLE)
        for (size_t i = 0; i < count; i++)
            total += ((const double *)data)[i];
    if (total != sum || requests > most_requests || bursts > most_bursts)
        fprintf(stderr, "%s: sum %g, %d requests in %d bursts\n", name, total, requests, bursts);
    CHECK(total == sum && requests <= most_requests && bursts <= most_bursts);
    rpyc_value_free(text);
    rpyc_value_free(value);
    rpyc_value_free(lengths);
    rpyc_object_free(object);
}

static void refused(const char *name, rpyc_status status, size_t most)
{
    rpyc_object *object = give(name);
    rpyc_value *value = NULL, *shape = NULL;

    GIVES(status, rpyc_object_obtain_array(object, most, &value, &shape, &error));
    CHECK(value == NULL && shape == NULL);
    rpyc_object_free(object);
}

/* Nor is it a value. */
static void uncopied(const char *name, rpyc_status status)
{
    rpyc_object *object = give(name);
    rpyc_value *value = NULL;

    GIVES(status, rpyc_object_obtain(object, 0, 0, 0, &value, &error));
    CHECK(value == NULL);
    rpyc_object_free(object);
}

static void of_python(int public)
{
    is("array_d", "array('d', [0.5, -1.5, 2.5])");
    is("array_l", "array('q', [-5, 6])");
    is("array_u", "['a', 'b']");
    is("array_empty", public ? "array('h')" : "[]");
    is("view_bytes", public ? "array('B', [97, 98, 99])" : "array('q', [97, 98, 99])");
    is("view_doubles", "array('d', [1.5, 2.5])");
    is("nested", public ? "{'list': [array('b', [1, 2]), b'xy'], 'tuple': (array('B', [122]),)}"
                        : "{'list': [array('q', [1, 2]), b'xy'], 'tuple': (array('q', [122]),)}");
    shaped("array_d", "(3,)", 1.5, public ? 3 : 4, public ? 2 : 2);
    shaped("array_i", "(1000,)", 0, public ? 3 : 4, 2);
    shaped("view_doubles", "(2,)", 4, public ? 3 : 4, 2);
    if (public)
        shaped("view_matrix", "(2, 3)", 0, 3, 2);
    shaped("bytearray", "(256,)", 0, 3, 3);
    shaped("array_empty", "(0,)", 0, 4, 2);
    refused("array_u", RPYC_ERR_TYPE, 0);
    refused("nested", RPYC_ERR_TYPE, 0);
    refused("array_i", RPYC_ERR_LIMIT, 100);
}

static void of_numpy(int public)
{
    shaped("doubles", "(2000,)", 999500, public ? 4 : 2003, public ? 2 : 3);
    shaped("matrix", "(2, 3)", 15, public ? 4 : 12, public ? 2 : 4);
    shaped("transposed", "(3, 2)", 15, public ? 4 : 13, public ? 2 : 4);
    shaped("strided", "(4,)", 18, public ? 4 : 8, public ? 2 : 3);
    is("floats", "array('f', [0.5, 1.5])");
    is("halves", "array('f', [0.5, -2.0, 65504.0])");
    is("ints", "array('q', [-3, -2, -1, 0, 1, 2])");
    is("bytes", "array('B', [0, 1, 2, 3, 4])");
    is("big_endian", "array('i', [1, 2, 300])");
    is("unsigned", "array('Q', [18446744073709551615])");
    is("truths", "[True, False]");
    is("matrix", "[array('d', [0.0, 1.0, 2.0]), array('d', [3.0, 4.0, 5.0])]");
    is("transposed", "[array('d', [0.0, 3.0]), array('d', [1.0, 4.0]), array('d', [2.0, 5.0])]");
    is("single", "2.5");
    is("empty", public ? "array('d')" : "[]");
    is("empty_rows", public ? "[array('d'), array('d')]" : "[[], []]");
    is("objects", "[1, 'two', [3.0]]");
    is("numbers", "[0.5, 7, True, 0.25, 255]");
    is("keys", "{1: 2.0}");
    is("texts", "['a', 'b']");
    is("words", "['word', b'bytes', {'key': ''}]");
    refused("texts", RPYC_ERR_TYPE, 0);
    shaped("empty", "(0,)", 0, 4, 2);
    shaped("cube", "(2, 3, 4)", 0, public ? 4 : 40, public ? 2 : 5);
    refused("objects", RPYC_ERR_TYPE, 0);
    refused("own_items", RPYC_ERR_TYPE, 0); /* and does not ask for the same items for ever */
    uncopied("own_items", RPYC_ERR_TYPE);
    refused("numbers", RPYC_ERR_TYPE, 0);
    refused("long", RPYC_ERR_LIMIT, 1000);
    if (public) {
        is("complex", "[(1+2j), (3+0j)]");
        shaped("long", "(100000,)", 4999950000, 4, 2);
        shaped("single", "()", 2.5, 4, 2);
    }
}

/* What numpy makes of an array of ours: type, shape, sum and requests. */
static void numpy_of(rpyc_array_type_id type, const void *numbers, size_t count, const char *want)
{
    rpyc_value *arg = NULL, *value = NULL, *text;
    const char *got = "";
    size_t length = 0;

    OK(rpyc_value_new_array(type, numbers, count, &arg, &error));
    OK(rpyc_object_call_method(root, "numpy_of", &arg, 1, NULL, &value, &error));
    text = rpyc_value_repr(value);
    OK(rpyc_value_get_str(text, &got, &length, &error));
    if (length != strlen(want) || memcmp(got, want, length))
        fprintf(stderr, "%.*s, not %s\n", (int)length, got, want);
    CHECK(length == strlen(want) && memcmp(got, want, length) == 0);
    rpyc_value_free(text);
    rpyc_value_free(value);
}

static void to_numpy(void)
{
    static const double doubles[] = {1.5, 2.5, 3};
    static const int16_t shorts[] = {-1, 300};
    static const uint8_t bytes[] = {200, 1};
    static double many[100000];

    for (size_t i = 0; i < 100000; i++)
        many[i] = (double)i;
    numpy_of(RPYC_ARRAY_DOUBLE, doubles, 3, "('<f8', (3,), 7.0, 1)");
    numpy_of(RPYC_ARRAY_INT16, shorts, 2, "('<i2', (2,), 299.0, 1)");
    numpy_of(RPYC_ARRAY_UINT8, bytes, 2, "('|u1', (2,), 201.0, 1)");
    numpy_of(RPYC_ARRAY_FLOAT, NULL, 0, "('<f4', (0,), 0.0, 1)");
    numpy_of(RPYC_ARRAY_DOUBLE, many, 100000, "('<f8', (100000,), 4999950000.0, 1)");
}

/* Python's own ways of copying need no numpy. */
static void copies(void)
{
    static const int32_t numbers[] = {1, -2, 3};
    rpyc_value *arg = NULL, *value = NULL;

    OK(rpyc_value_new_array(RPYC_ARRAY_INT32, numbers, 3, &arg, &error));
    OK(rpyc_object_call_method(root, "copies_of", &arg, 1, NULL, &value, &error));
    for (size_t i = 0; i < 3; i++) {
        bool same = false;

        OK(rpyc_value_get_bool(rpyc_value_item(value, i), &same, &error));
        CHECK(same);
    }
    rpyc_value_free(value);
}

/* Columns of a DataFrame, and their names. */
static void of_pandas(void)
{
    is("column", "[1.5, 2.5]");
    is("strings", "['a', 'b']");
    is("names", "['x', 's']");
    is("rows", "[0, 1]");
}

int main(int argc, char **argv)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;
    int public, numpy, pandas;

    if (argc != 4)
        return EXIT_FAILURE;
    public = strcmp(argv[2], "public") == 0;
    pandas = strcmp(argv[3], "2") == 0;
    numpy = pandas || strcmp(argv[3], "1") == 0;
    OK(rpyc_set_log_callback(RPYC_LOG_DEBUG, logged, NULL, NULL, &error));
    OK(rpyc_config_set(config, "allow_pickle", public ? "true" : "false", &error));
    OK(rpyc_connect(argv[1], NULL, config, &connection, &error));
    rpyc_config_free(config);
    OK(rpyc_connection_root(connection, &root, &error));
    of_python(public);
    if (numpy)
        of_numpy(public);
    if (pandas)
        of_pandas();
    if (public)
        copies();
    if (public && numpy)
        to_numpy();
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    OK(rpyc_set_log_callback(0, NULL, NULL, NULL, &error));
    return finish();
}
