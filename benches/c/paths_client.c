/* One path of the library, many times and nothing else, for counting instructions and requests:
 *
 *     paths_client ADDR PATH COUNT
 *
 * PATH is call, callback, pipeline (256 outstanding), batch (the same in batches), text, attribute or bytes (1 KiB there
 * and back), COUNT times; or iterate (a list of COUNT integers) or copy (a dict of COUNT lists of 10 integers each), once.
 */
#include "client.h"

struct paths {
    rpyc_connection *conn;
    rpyc_object *root;
    long count;
};

static void run_call(struct paths *paths)
{
    long i;

    for (i = 0; i < paths->count; i++)
        if (bench_echo(paths->root, i) != i)
            bench_die("wrong answer");
}

static void run_callback(struct paths *paths)
{
    rpyc_object *target = bench_new_target();
    long i;

    for (i = 0; i < paths->count; i++)
        if (bench_callback(paths->root, target, i) != i)
            bench_die("wrong answer");
    rpyc_object_free(target);
}

static void run_pipeline(struct paths *paths)
{
    bench_pipe(paths->conn, paths->root, paths->count, 256);
}

static void run_batch(struct paths *paths)
{
    bench_batch(paths->root, paths->count, 256);
}

static void run_text(struct paths *paths)
{
    static const char text[] = "sixteen letters!";
    rpyc_error *error = NULL;
    long i;

    for (i = 0; i < paths->count; i++) {
        rpyc_value *args[2] = {NULL, rpyc_value_new_int(i)};

        if (rpyc_value_new_str(text, sizeof text - 1, &args[0], &error))
            bench_fail(error, "text");
        if (bench_take_int(bench_call_method(paths->root, "measure", args, 2)) != i + (long)sizeof text - 1)
            bench_die("wrong answer");
    }
}

static void run_attribute(struct paths *paths)
{
    rpyc_error *error = NULL;
    long i;

    for (i = 0; i < paths->count; i++) {
        rpyc_value *value = NULL;

        if (rpyc_object_get_attr(paths->root, "answer", &value, &error))
            bench_fail(error, "answer");
        if (bench_take_int(value) != 42)
            bench_die("wrong answer");
    }
}

static void run_bytes(struct paths *paths)
{
    enum { SIZE = 1024 };
    unsigned char *bytes = bench_random_bytes(SIZE);
    rpyc_error *error = NULL;
    long i;

    for (i = 0; i < paths->count; i++) {
        rpyc_value *args[1] = {NULL}, *result;
        const uint8_t *data = NULL;
        size_t length = 0;

        if (rpyc_value_new_bytes(bytes, SIZE, &args[0], &error))
            bench_fail(error, "bytes");
        result = bench_call_method(paths->root, "blob", args, 1);
        if (rpyc_value_get_bytes(result, &data, &length, NULL) || length != SIZE || data[SIZE - 1] != bytes[SIZE - 1])
            bench_die("wrong bytes");
        rpyc_value_free(result);
    }
    free(bytes);
}

/* The sum of the integers of a list, which comes as a reference. */
static int64_t sum_list(rpyc_object *list, long *count)
{
    rpyc_iterator *iterator = NULL;
    rpyc_value *item = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;
    int64_t sum = 0;

    if (rpyc_object_iterate(list, &iterator, &error))
        bench_fail(error, "iterate");
    while (!(status = rpyc_iterator_next(iterator, &item, &error))) {
        sum += bench_take_int(item);
        *count += 1;
    }
    if (status != RPYC_ERR_STOP_ITERATION)
        bench_fail(error, "next");
    rpyc_error_free(error);
    rpyc_iterator_free(iterator);
    return sum;
}

static rpyc_object *object_of(rpyc_value *value)
{
    rpyc_object *object = NULL;
    rpyc_error *error = NULL;

    if (rpyc_value_get_object(value, &object, &error))
        bench_fail(error, "not an object");
    rpyc_value_free(value);
    return object;
}

static rpyc_object *container(struct paths *paths, const char *method)
{
    rpyc_value *args[] = {rpyc_value_new_int(paths->count)};

    return object_of(bench_call_method(paths->root, method, args, 1));
}

static void run_iterate(struct paths *paths)
{
    rpyc_object *list = container(paths, "numbers");
    long count = 0;

    if (sum_list(list, &count) != (int64_t)paths->count * (paths->count - 1) / 2 || count != paths->count)
        bench_die("wrong items");
    rpyc_object_free(list);
}

/* As a program writes it that wants all of a dict of lists: its keys, and for each the list. */
static void run_copy(struct paths *paths)
{
    rpyc_object *dict = container(paths, "table");
    rpyc_iterator *iterator = NULL;
    rpyc_value *key = NULL, *row = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;
    long count = 0, last = paths->count * 10;
    int64_t sum = 0;

    if (rpyc_object_iterate(dict, &iterator, &error))
        bench_fail(error, "iterate");
    while (!(status = rpyc_iterator_next(iterator, &key, &error))) {
        rpyc_object *list;

        if (rpyc_object_get_item(dict, key, &row, &error)) /* takes the key */
            bench_fail(error, "row");
        list = object_of(row);
        sum += sum_list(list, &count);
        rpyc_object_free(list);
    }
    if (status != RPYC_ERR_STOP_ITERATION)
        bench_fail(error, "next");
    if (count != last || sum != (int64_t)last * (last - 1) / 2)
        bench_die("wrong items");
    rpyc_error_free(error);
    rpyc_iterator_free(iterator);
    rpyc_object_free(dict);
}

static const struct {
    const char *name;
    void (*run)(struct paths *paths);
} all[] = {
    {"call", run_call},   {"callback", run_callback}, {"pipeline", run_pipeline},
    {"batch", run_batch}, {"text", run_text},         {"attribute", run_attribute},
    {"bytes", run_bytes}, {"iterate", run_iterate},   {"copy", run_copy},
};

int main(int argc, char **argv)
{
    struct paths paths = {.conn = NULL};
    rpyc_config *config = bench_config();
    char address[160];
    size_t i, count = sizeof all / sizeof all[0];

    if (argc != 4)
        bench_die("usage: paths_client ADDR PATH COUNT");
    bench_address(address, sizeof address, argv[1]);
    paths.count = strtol(argv[3], NULL, 10);
    if (paths.count < 1)
        bench_die("COUNT must be at least 1");
    /* A server that valgrind slows down would be asked for its dialect twice, in some of the runs. */
    if (rpyc_config_set(config, "dialect", "6", NULL))
        bench_die("dialect");
    bench_dial(address, config, &paths.conn, &paths.root);
    for (i = 0; i < count && strcmp(argv[2], all[i].name) != 0; i++)
        ;
    if (i == count)
        bench_die("there is no such path");
    all[i].run(&paths);
    rpyc_object_free(paths.root);
    rpyc_connection_free(paths.conn);
    rpyc_config_free(config);
    return 0;
}
