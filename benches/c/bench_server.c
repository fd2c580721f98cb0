/* The server of the measurements: echo, blob, sink, callback. */
#include "bench.h"

#include <rpyc.h>

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

static const rpyc_method methods[] = {
    {"exposed_echo", echo, "echo(x)", "The integer x.", RPYC_METHOD_QUICK},
    {"exposed_blob", blob, "blob(data)", "The bytes as they came.", 0},
    {"exposed_sink", sink, "sink(data)", "How many bytes came.", 0},
    {"exposed_callback", callback, "callback(func, x)", "func(x)", 0},
};

static const rpyc_class_table table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "BenchService",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
};

int main(int argc, char **argv)
{
    const char *compress = getenv("BENCH_COMPRESS");
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;
    char address[160];
    int port;

    if (argc != 2)
        bench_die("usage: bench_server ADDR");
    if (bench_is_tcp(argv[1], &port)) {
        snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    } else {
        snprintf(address, sizeof address, "unix://%s", bench_path(argv[1]));
        unlink(bench_path(argv[1]));
    }
    if ((compress && rpyc_config_set(config, "compress", compress, &error)) ||
        rpyc_class_new(&table, NULL, NULL, &service, &error) ||
        rpyc_server_new(address, service, config, &server, &error))
        bench_die(rpyc_error_message(error));
    bench_ready(NULL);
    if (rpyc_server_serve(server, &error)) /* until it is killed */
        bench_die(rpyc_error_message(error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return 0;
}
