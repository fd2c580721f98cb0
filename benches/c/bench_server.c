/* The server of the measurements: a service, and the items that it lends. */
#include "peer.h"

static rpyc_class *item_class;

static void echo(rpyc_call *call, void *self)
{
    int64_t x;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &x))
        rpyc_call_return_int(call, x);
}

static void blob(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static void sink(rpyc_call *call, void *self)
{
    const uint8_t *data;
    size_t length;

    (void)self;
    if (!rpyc_call_get_bytes(call, 0, &data, &length))
        rpyc_call_return_int(call, (int64_t)length);
}

static void callback(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;
    rpyc_value *args[1], *result = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &func))
        return;
    args[0] = rpyc_value_clone(rpyc_call_arg(call, 1));
    if (rpyc_object_call(func, args, 1, NULL, &result, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return(call, result);
    rpyc_object_free(func);
}

static void measure(rpyc_call *call, void *self)
{
    const char *text;
    size_t length;
    int64_t x;

    (void)self;
    if (!rpyc_call_get_str(call, 0, &text, &length) && !rpyc_call_get_int(call, 1, &x))
        rpyc_call_return_int(call, (int64_t)length + x);
}

static void answer(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 42);
}

/* Room for the values of a container, if so many can be meant; NULL: the caller has been told. */
static rpyc_value **values_for(rpyc_call *call, int64_t *count)
{
    if (rpyc_call_get_int(call, 0, count))
        return NULL;
    if (*count < 0 || *count > 10000000) {
        rpyc_call_raise(call, "ValueError", "so many items cannot be had");
        return NULL;
    }
    return bench_alloc((size_t)*count, sizeof(rpyc_value *));
}

static void items(rpyc_call *call, void *self)
{
    int64_t count, i;
    rpyc_value **values = values_for(call, &count), *value = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (!values)
        return;
    for (i = 0; i < count; i++) {
        rpyc_object *item = NULL;

        if (rpyc_object_new(item_class, NULL, NULL, &item, &error) || rpyc_value_new_object(item, &values[i], &error))
            bench_die(rpyc_error_message(error));
        rpyc_object_free(item);
    }
    if (rpyc_value_new_tuple(values, (size_t)count, &value, &error))
        bench_die(rpyc_error_message(error));
    rpyc_call_return(call, value);
    free(values);
}

static rpyc_value *list_of_numbers(rpyc_value **values, int64_t first, int64_t count)
{
    rpyc_value *list = NULL;
    rpyc_error *error = NULL;
    int64_t i;

    for (i = 0; i < count; i++)
        values[i] = rpyc_value_new_int(first + i);
    if (rpyc_value_new_list(values, (size_t)count, &list, &error))
        bench_die(rpyc_error_message(error));
    return list;
}

static void numbers(rpyc_call *call, void *self)
{
    int64_t count;
    rpyc_value **values = values_for(call, &count);

    (void)self;
    if (!values)
        return;
    rpyc_call_return(call, list_of_numbers(values, 0, count));
    free(values);
}

static void table(rpyc_call *call, void *self)
{
    enum { WIDTH = 10 };
    int64_t count, i;
    rpyc_value **rows = values_for(call, &count), **keys, *row[WIDTH], *value = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (!rows)
        return;
    keys = bench_alloc((size_t)count, sizeof *keys);
    for (i = 0; i < count; i++) {
        keys[i] = rpyc_value_new_int(i);
        rows[i] = list_of_numbers(row, i * WIDTH, WIDTH);
    }
    if (rpyc_value_new_dict(keys, rows, (size_t)count, &value, &error))
        bench_die(rpyc_error_message(error));
    rpyc_call_return(call, value);
    free(keys);
    free(rows);
}

static const rpyc_method methods[] = {
    {"exposed_echo", echo, "echo(x)", "The integer x.", RPYC_METHOD_QUICK},
    {"exposed_blob", blob, "blob(data)", "The bytes as they came.", 0},
    {"exposed_sink", sink, "sink(data)", "How many bytes came.", 0},
    {"exposed_callback", callback, "callback(func, x)", "func(x)", 0},
    {"exposed_measure", measure, "measure(text, x)", "The length of the text, and x more.", 0},
    {"exposed_items", items, "items(count)", "A tuple of new objects, each with an echo of its own.", 0},
    {"exposed_numbers", numbers, "numbers(count)", "A list of the integers from 0 on.", 0},
    {"exposed_table", table, "table(count)", "A dict of lists of 10 integers each.", 0},
};

static const rpyc_property properties[] = {{"exposed_answer", answer, NULL, NULL, "An integer."}};

static const rpyc_class_table service_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .property_size = sizeof(rpyc_property),
    .name = "BenchService",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
    .properties = properties,
    .property_count = 1,
};

static const rpyc_class_table item_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "Item",
    .methods = methods, /* echo, the first */
    .method_count = 1,
};

int main(int argc, char **argv)
{
    rpyc_config *config = bench_config();
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;
    char address[160];

    if (argc != 2)
        bench_die("usage: bench_server ADDR");
    bench_address(address, sizeof address, argv[1]);
    if (strncmp(argv[1], "tcp:", 4) != 0)
        unlink(bench_path(argv[1]));
    bench_many_files();
    if (rpyc_class_new(&item_table, NULL, NULL, &item_class, &error) ||
        rpyc_class_new(&service_table, NULL, NULL, &service, &error) ||
        rpyc_server_new(address, service, config, &server, &error))
        bench_die(rpyc_error_message(error));
    bench_ready(NULL);
    if (rpyc_server_serve(server, &error)) /* until it is killed */
        bench_die(rpyc_error_message(error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_class_free(item_class);
    rpyc_config_free(config);
    return 0;
}
