/* A service in the middle: it hands out the root of a connection of its own to another server, one for each client. */
#define _POSIX_C_SOURCE 200809L
#include "twin.h"

struct bridge {
    rpyc_connection *connection;
    rpyc_object *root;
};

static void behind(rpyc_call *call, void *self)
{
    rpyc_call_return_object(call, ((struct bridge *)self)->root);
}

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    struct bridge *bridge = calloc(1, sizeof *bridge);
    rpyc_config *config = rpyc_config_new();
    rpyc_config_set_bool(config, "allow_public_attrs", 1, NULL);
    rpyc_config_set_bool(config, "allow_setattr", 1, NULL);
    rpyc_config_set_bool(config, "allow_delattr", 1, NULL);
    if (bridge != NULL && !rpyc_connect(userdata, NULL, config, &bridge->connection, NULL))
        rpyc_connection_root(bridge->connection, &bridge->root, NULL);
    rpyc_config_free(config);
    return bridge;
}

static void destroy(void *self)
{
    struct bridge *bridge = self;
    rpyc_object_free(bridge->root);
    rpyc_connection_free(bridge->connection);
    free(bridge);
}

static const rpyc_method methods[] = {{"exposed_behind", behind, "behind()", NULL, 0}};

rpyc_status bridge_new(char *address, rpyc_class **service_out, rpyc_error **error_out)
{
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .name = "BridgeService",
        .methods = methods,
        .method_count = COUNT(methods),
        .create = create,
        .destroy = destroy,
    };
    return rpyc_class_new(&table, address, NULL, service_out, error_out);
}
