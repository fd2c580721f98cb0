/* bridge OWNER OPTION=VALUE...: lends what the Python server at OWNER gives to Python clients of its own, under the rules that
 * the options say. Prints "listening ADDRESS", and ends with its stdin. */
#include "check.h"

static rpyc_object *owner;

static void lend(rpyc_call *call, void *self)
{
    rpyc_value *thing = NULL;

    (void)self;
    OK(rpyc_object_call_method(owner, "thing", NULL, 0, NULL, &thing, &error));
    rpyc_call_return(call, thing);
}

int main(int argc, char **argv)
{
    static const rpyc_method methods[] = {{"exposed_lend", lend, "lend()", NULL, 0}};
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "LenderService",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_connection *connection = NULL;
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_connect(argv[1], NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &owner, &error));
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        *value++ = '\0';
        OK(rpyc_config_set(config, argv[i], value, &error));
    }
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, config, &server, &error));
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
