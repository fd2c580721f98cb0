/* bridges RULES OWNER [ADDRESS [OPTION=VALUE...]]: a server that passes on what the server at OWNER has, for
 * tests/run/clients/bridges_peer.py and chains.py. Prints "listening ADDRESS", and ends with its stdin. */
#include "check.h"

static rpyc_object *owner;

/* ask(*args): what the owner's method of this name answers. */
static void ask(rpyc_call *call, void *self)
{
    rpyc_value *args[8], *value = NULL;
    rpyc_error *failure = NULL;
    size_t count = rpyc_call_arg_count(call);

    (void)self;
    CHECK(count <= 8);
    for (size_t i = 0; i < count; i++)
        args[i] = rpyc_value_clone(rpyc_call_arg(call, i));
    if (rpyc_object_call_method(owner, "ask", args, count, NULL, &value, &failure))
        rpyc_call_raise_error(call, failure);
    else
        rpyc_call_return(call, value);
}

static void set(rpyc_config *config, const char *option)
{
    OK(rpyc_config_set(config, option, "true", &error));
}

static rpyc_config *rules(const char *name)
{
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "sync_request_timeout", "20", &error));
    if (strcmp(name, "default") == 0)
        return config;
    set(config, strcmp(name, "all") == 0 ? "allow_all_attrs" : "allow_public_attrs");
    set(config, "allow_setattr");
    set(config, "allow_delattr");
    set(config, "allow_pickle");
    return config;
}

int main(int argc, char **argv)
{
    static const rpyc_method methods[] = {{"exposed_ask", ask, NULL, NULL, 0}};
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "MiddleService",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_connection *connection = NULL;
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_config *config = rules(argc > 1 ? argv[1] : "default");

    for (int i = 4; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        *value = 0;
        OK(rpyc_config_set(config, argv[i], value + 1, &error));
    }
    OK(rpyc_connect(argv[2], NULL, config, &connection, &error));
    OK(rpyc_connection_root(connection, &owner, &error));
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(argc > 3 ? argv[3] : "tcp://127.0.0.1:0", service, config, &server, &error));
    OK(rpyc_server_start(server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    OK(rpyc_server_stop(server, 1000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_object_free(owner);
    rpyc_connection_free(connection);
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}
