/* Messages beyond a limit: beyond serve ADDRESS OPTION=VALUE... serves clients/beyond_client.py until it is told to stop;
 * beyond call ADDRESS asks clients/beyond_server.py for answers that are too large. */
#include "check.h"

static rpyc_server *server;

static rpyc_config *options(char **texts)
{
    rpyc_config *config = rpyc_config_new();

    for (; *texts; texts++) {
        char *value = strchr(*texts, '=');

        *value = 0;
        OK(rpyc_config_set(config, *texts, value + 1, &error));
        *value = '=';
    }
    return config;
}

static void size(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, (int64_t)rpyc_call_arg_count(call));
}

/* Calls its argument with what is too large for it: the exception of the peer goes back. */
static void relay(rpyc_call *call, void *self)
{
    rpyc_object *callback = NULL;
    rpyc_value *data = rpyc_value_clone(rpyc_call_arg(call, 1)), *result = NULL;
    rpyc_error *failed = NULL;

    (void)self;
    OK(rpyc_value_get_object(rpyc_call_arg(call, 0), &callback, &error));
    if (rpyc_object_call(callback, &data, 1, NULL, &result, &failed))
        rpyc_call_raise_error(call, failed);
    else
        rpyc_call_return(call, result);
    rpyc_object_free(callback);
}

static void stop(rpyc_call *call, void *self)
{
    static const uint64_t one = 1;

    (void)self;
    rpyc_call_return(call, rpyc_value_new_none());
    CHECK(write(rpyc_server_stop_fd(server), &one, sizeof one) == sizeof one);
}

static void logged(int32_t level, const char *text, size_t length, void *userdata)
{
    (void)userdata;
    if (level <= RPYC_LOG_WARN) {
        printf("logged %.*s\n", (int)length, text);
        fflush(stdout);
    }
}

static int serve(const char *address, char **texts)
{
    static const rpyc_method methods[] = {{"exposed_size", size, NULL, NULL, 0},
                                          {"exposed_relay", relay, "relay(callback, data)", NULL, 0},
                                          {"exposed_stop", stop, "stop()", NULL, 0}};
    rpyc_config *config = options(texts);
    rpyc_class *service = NULL;

    OK(rpyc_set_log_callback(RPYC_LOG_WARN, logged, NULL, NULL, &error));
    OK(rpyc_class_new(&(rpyc_class_table){.struct_size = sizeof(rpyc_class_table),
                                          .method_size = sizeof *methods,
                                          .name = "BeyondService",
                                          .methods = methods,
                                          .method_count = 3},
                      NULL, NULL, &service, &error));
    OK(rpyc_server_new(address, service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve(server, &error));
    OK(rpyc_server_stop(server, 10000, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}

/* An answer of `bytes` bytes: the call fails alone if `option` is given. */
static void ask(rpyc_object *root, const char *method, int64_t bytes, const char *option)
{
    rpyc_value *args[] = {rpyc_value_new_int(bytes)}, *result = NULL;
    rpyc_status status = rpyc_object_call_method(root, method, args, 1, NULL, &result, &error);

    if (option) {
        CHECK(status == RPYC_ERR_LIMIT && strstr(rpyc_error_message(error), option));
        rpyc_error_free(error);
        error = NULL;
    } else {
        CHECK(status == RPYC_OK && result);
    }
    rpyc_value_free(result);
}

static int call(const char *address)
{
    char frame[] = "max_frame=100000", inflated[] = "max_inflated=200000", bytes[] = "max_bytes=150000";
    rpyc_config *config = options((char *[]){frame, inflated, bytes, NULL});
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_async_result *results[3] = {NULL};
    rpyc_value *result = NULL;

    OK(rpyc_connect(address, NULL, config, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    for (int round = 0; round < 2; round++) {
        ask(root, "noise", 90000, NULL);
        ask(root, "noise", 150000, "max_frame");
        ask(root, "zeros", 140000, NULL);
        ask(root, "zeros", 160000, "max_bytes");
        ask(root, "zeros", 300000, "max_inflated");
        ask(root, "noise", 399000, "max_frame");
        ask(root, "failing", 150000, "max_frame");
    }
    /* Those before and behind it are there. */
    for (int i = 0; i < 3; i++) {
        rpyc_value *args[] = {rpyc_value_new_int(i == 1 ? 200000 : 10)};

        OK(rpyc_object_call_method_async(root, "noise", args, 1, NULL, 10000, &results[i], &error));
    }
    for (int i = 0; i < 3; i++) {
        GIVES(i == 1 ? RPYC_ERR_LIMIT : RPYC_OK, rpyc_async_result_value(results[i], &result, &error));
        rpyc_value_free(result);
        result = NULL;
        rpyc_async_result_free(results[i]);
    }
    /* Beyond four times the limit. */
    ask(root, "noise", 410000, "max_frame");
    GIVES(RPYC_ERR_LIMIT, rpyc_connection_ping(connection, NULL, 0, -1, &error));
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    return finish();
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2], argv + 3);
    return argc == 3 && strcmp(argv[1], "call") == 0 ? call(argv[2]) : 2;
}
