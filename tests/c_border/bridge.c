/* bridge OWNER OPTION=VALUE...: lends what the Python server at OWNER gives to Python clients of its own, under the rules that
 * the options say. Prints "listening ADDRESS", and ends with its stdin. */
#include "check.h"

static rpyc_object *owner, *lent;

static void lend(rpyc_call *call, void *self)
{
    rpyc_value *thing = NULL;

    (void)self;
    OK(rpyc_object_call_method(owner, "thing", NULL, 0, NULL, &thing, &error));
    rpyc_object_free(lent);
    lent = NULL;
    OK(rpyc_value_get_object(thing, &lent, &error));
    rpyc_call_return(call, thing);
}

/* What was lent comes back as what it was: an object of the owner's. Alone, and in a tuple. */
static void take_back(rpyc_call *call, void *self)
{
    rpyc_object *objects[2] = {NULL, NULL};
    rpyc_value *length = NULL;
    const rpyc_value *pair = rpyc_call_arg(call, 1);

    (void)self;
    OK(rpyc_call_get_object(call, 0, &objects[0]));
    OK(rpyc_value_get_object(rpyc_value_item(pair, 0), &objects[1], &error));
    for (int i = 0; i < 2; i++) {
        rpyc_connection *found = NULL;

        CHECK(rpyc_object_same(objects[i], lent) && rpyc_object_is_remote(objects[i]));
        OK(rpyc_object_connection(objects[i], &found, &error));
        CHECK(found != NULL);
        rpyc_connection_free(found);
        rpyc_value_free(length);
        OK(rpyc_object_call_method(objects[i], "__len__", NULL, 0, NULL, &length, &error));
    }
    rpyc_call_return(call, length);
    rpyc_object_free(objects[0]);
    rpyc_object_free(objects[1]);
}

int main(int argc, char **argv)
{
    static const rpyc_method methods[] = {
        {"exposed_lend", lend, "lend()", NULL, 0},
        {"exposed_take_back", take_back, "take_back(thing, pair)", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "LenderService",
        .methods = methods,
        .method_count = 2,
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
    rpyc_object_free(lent);
    rpyc_object_free(owner);
    rpyc_connection_free(connection);
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}
