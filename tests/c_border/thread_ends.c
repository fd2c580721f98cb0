/* A thread's own connection is used and freed by the destructor of its thread-specific data, when the thread ends. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static pthread_key_t key;
static rpyc_server *server;
static const char *thread_option;
static int ended;

/* A function of the thread that is called while it ends: nested, serial and in a list that is printed. */
static void ask_back(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 7);
}

static rpyc_value *function(void)
{
    rpyc_object *made = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_function_new("ask_back", ask_back, "ask_back()", NULL, RPYC_FUNCTION_SERIAL, NULL, NULL, &made, &error));
    OK(rpyc_value_new_object(made, &value, &error));
    rpyc_object_free(made);
    return value;
}

static int64_t number(rpyc_value *value)
{
    int64_t n = 0;

    OK(rpyc_value_get_int(value, &n, &error));
    rpyc_value_free(value);
    return n;
}

static void end(void *connection)
{
    rpyc_object *root = NULL;
    rpyc_value *value = NULL, *args[1];
    rpyc_async_result *result = NULL;

    OK(rpyc_connection_ping(connection, "x", 1, -1, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    args[0] = function();
    OK(rpyc_object_call_method(root, "relay", args, 1, NULL, &value, &error));
    CHECK(number(value) == 7);
    args[0] = function();
    OK(rpyc_object_call_method_async(root, "relay", args, 1, NULL, -1, &result, &error));
    OK(rpyc_async_result_value(result, &value, &error));
    CHECK(number(value) == 7);
    rpyc_async_result_free(result);
    OK(rpyc_connection_serve(connection, 1, NULL, &error));
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
    ended++;
}

static void relay(rpyc_call *call, void *self)
{
    rpyc_object *function = NULL;
    rpyc_value *value = NULL;

    (void)self;
    CHECK(rpyc_call_get_object(call, 0, &function) == RPYC_OK);
    CHECK(rpyc_object_call(function, NULL, 0, NULL, &value, NULL) == RPYC_OK);
    rpyc_object_free(function);
    rpyc_call_return(call, value);
}

static void *work(void *connection)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *made = NULL;

    (void)connection;
    OK(rpyc_config_set(config, "bind_threads", thread_option, &error));
    OK(rpyc_connect(rpyc_server_address(server), NULL, config, &made, &error));
    rpyc_config_free(config);
    pthread_setspecific(key, made);
    return NULL;
}

int main(void)
{
    static const rpyc_method methods[] = {{"exposed_relay", relay, "relay(function)", NULL, 0}};
    static const char *const options[] = {"false", "true"};
    const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .name = "Ends",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_config *config = NULL;
    rpyc_class *class_ = NULL;
    pthread_t thread;

    CHECK(pthread_key_create(&key, end) == 0);
    OK(rpyc_class_new(&table, NULL, NULL, &class_, &error));
    for (int i = 0; i < 2; i++) {
        thread_option = options[i];
        config = rpyc_config_new();
        OK(rpyc_config_set(config, "bind_threads", thread_option, &error));
        OK(rpyc_server_new("tcp://127.0.0.1:0", class_, config, &server, &error));
        rpyc_config_free(config);
        OK(rpyc_server_start(server, &error));
        CHECK(pthread_create(&thread, NULL, work, NULL) == 0);
        pthread_join(thread, NULL);
        OK(rpyc_server_stop(server, 1000, &error));
        OK(rpyc_server_join(server, &error));
        rpyc_server_free(server);
    }
    rpyc_class_free(class_);
    CHECK(ended == 2);
    return finish();
}
