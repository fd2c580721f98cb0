/* TLS by the library's own options, for tests/run/tls.py: "client ADDRESS NAME=VALUE..." calls a service of Python or of this program,
 * "serve NAME=VALUE..." is one, "refused ADDRESS NAME=VALUE..." prints the status and text of the error. */
#define ERROR_STORAGE _Thread_local
#include "check.h"

#include <time.h>

static rpyc_config *config_of(char **args)
{
    rpyc_config *config = rpyc_config_new();

    for (; *args != NULL; args++) {
        char *value = strchr(*args, '=');

        *value++ = '\0';
        OK(rpyc_config_set(config, *args, value, &error));
    }
    return config;
}

static void add(rpyc_call *call, void *self)
{
    int64_t a, b;

    (void)self;
    if (rpyc_call_get_int(call, 0, &a) || rpyc_call_get_int(call, 1, &b))
        return;
    rpyc_call_return_int(call, a + b);
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static void apply(rpyc_call *call, void *self)
{
    rpyc_object *function = NULL;
    rpyc_value *args[1], *result = NULL;
    rpyc_error *failed = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &function))
        return;
    args[0] = rpyc_value_clone(rpyc_call_arg(call, 1));
    if (rpyc_object_call(function, args, 1, NULL, &result, &failed) == RPYC_OK)
        rpyc_call_return(call, result);
    else
        rpyc_call_raise(call, "RuntimeError", rpyc_error_message(failed));
    rpyc_error_free(failed);
    rpyc_object_free(function);
}

/* The bytes of the certificate by which the client has shown who it is. */
static void who(rpyc_call *call, void *self)
{
    rpyc_value *credentials = NULL;

    (void)self;
    if (rpyc_connection_credentials(rpyc_call_connection(call), &credentials, NULL) == RPYC_OK)
        rpyc_call_return(call, credentials);
}

static const rpyc_method methods[] = {
    {"exposed_add", add, "add(a, b)", NULL, 0},
    {"exposed_echo", echo, "echo(value)", NULL, 0},
    {"exposed_apply", apply, "apply(function, value)", NULL, 0},
    {"exposed_who", who, "who()", NULL, 0},
};

static void tell(int32_t level, const char *message, size_t length, void *userdata)
{
    (void)level;
    (void)userdata;
    printf("log %.*s\n", (int)length, message);
    fflush(stdout);
}

static int serve(char **args)
{
    rpyc_class_table table = {0};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    int32_t passed = 0;
    rpyc_config *config = config_of(args);
    sigset_t set;
    int signal;

    OK(rpyc_set_log_callback(RPYC_LOG_WARN, tell, NULL, NULL, &error));
    table.struct_size = sizeof table;
    table.method_size = sizeof methods[0];
    table.name = "CalculatorService";
    table.methods = methods;
    table.method_count = sizeof methods / sizeof methods[0];
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    if (rpyc_server_new("tls://127.0.0.1:0", service, config, &server, &error)) {
        printf("%s %s\n", rpyc_status_name(rpyc_error_status(error)), rpyc_error_message(error));
        rpyc_error_free(error);
        rpyc_class_free(service);
        rpyc_config_free(config);
        return 1;
    }
    OK(rpyc_server_start(server, &error));
    /* Its successor would serve without TLS. */
    GIVES(RPYC_ERR_UNSUPPORTED, rpyc_server_pass_socket(server, &passed, &error));
    CHECK(passed == -1);
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    sigwait(&set, &signal);
    OK(rpyc_server_stop(server, 0, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    OK(rpyc_set_log_callback(0, NULL, NULL, NULL, &error));
    return finish();
}

static int refused(const char *address, char **args)
{
    rpyc_config *config = config_of(args);
    rpyc_connection *connection = NULL;

    if (rpyc_connect(address, NULL, config, &connection, &error) == RPYC_OK)
        printf("connected\n");
    else
        printf("%s %s\n", rpyc_status_name(rpyc_error_status(error)), rpyc_error_message(error));
    rpyc_error_free(error);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    return 0;
}

static void increment(rpyc_call *call, void *userdata)
{
    int64_t n;

    (void)userdata;
    if (rpyc_call_get_int(call, 0, &n) == RPYC_OK)
        rpyc_call_return_int(call, n + 1);
}

static void call_add(rpyc_object *root, int64_t a, int64_t b)
{
    rpyc_value *args[2], *sum = NULL;
    int64_t n = 0;

    args[0] = rpyc_value_new_int(a);
    args[1] = rpyc_value_new_int(b);
    OK(rpyc_object_call_method(root, "add", args, 2, NULL, &sum, &error));
    OK(rpyc_value_get_int(sum, &n, &error));
    CHECK(n == a + b);
    rpyc_value_free(sum);
}

static void call_echo(rpyc_object *root, size_t size)
{
    char *data = malloc(size);
    rpyc_value *args[1], *back = NULL;
    const uint8_t *got = NULL;
    size_t length = 0;

    memset(data, 'x', size);
    data[size / 2] = 0;
    OK(rpyc_value_new_bytes(data, size, &args[0], &error));
    OK(rpyc_object_call_method(root, "echo", args, 1, NULL, &back, &error));
    OK(rpyc_value_get_bytes(back, &got, &length, &error));
    CHECK(length == size && memcmp(got, data, size) == 0);
    rpyc_value_free(back);
    free(data);
}

static void *call_much(void *root)
{
    int i;

    for (i = 0; i < 100; i++)
        call_add(root, i, 7);
    call_echo(root, 100000);
    return NULL;
}

/* Many requests in one write: each of their frames is in a record of its own. */
static void burst(rpyc_object *root)
{
    rpyc_async_result *results[60];
    int i;

    for (i = 0; i < 60; i++) {
        rpyc_value *args[2];

        args[0] = rpyc_value_new_int(i);
        args[1] = rpyc_value_new_int(1);
        OK(rpyc_object_call_method_async(root, "add", args, 2, NULL, -1, &results[i], &error));
    }
    for (i = 0; i < 60; i++) {
        rpyc_value *sum = NULL;
        int64_t n = 0;

        OK(rpyc_async_result_value(results[i], &sum, &error));
        OK(rpyc_value_get_int(sum, &n, &error));
        CHECK(n == i + 1);
        rpyc_value_free(sum);
        rpyc_async_result_free(results[i]);
    }
}

static int client(const char *address, char **args)
{
    rpyc_config *config = config_of(args);
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL, *function = NULL;
    rpyc_value *call[2], *result = NULL, *credentials = NULL;
    pthread_t threads[4];
    int64_t n = 0;
    int i;

    OK(rpyc_connect(address, NULL, config, &connection, &error));
    if (connection == NULL)
        return finish();
    OK(rpyc_connection_root(connection, &root, &error));
    call_add(root, 40, 2);
    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, call_much, root) == 0);
    for (i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    call_echo(root, 3 << 20);
    burst(root);
    OK(rpyc_function_new("increment", increment, "increment(n)", NULL, 0, NULL, NULL, &function, &error));
    OK(rpyc_value_new_object(function, &call[0], &error));
    rpyc_object_free(function);
    call[1] = rpyc_value_new_int(6);
    OK(rpyc_object_call_method(root, "apply", call, 2, NULL, &result, &error));
    OK(rpyc_value_get_int(result, &n, &error));
    CHECK(n == 7);
    rpyc_value_free(result);
    OK(rpyc_connection_credentials(connection, &credentials, &error));
    CHECK(rpyc_value_kind(credentials) == RPYC_VALUE_BYTES);
    rpyc_value_free(credentials);
    CHECK(!rpyc_connection_has_message(connection));
    CHECK(rpyc_connection_fileno(connection) >= 0);
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    return finish();
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "client") == 0)
        return client(argv[2], argv + 3);
    if (argc > 2 && strcmp(argv[1], "refused") == 0)
        return refused(argv[2], argv + 3);
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return serve(argv + 2);
    return 2;
}
