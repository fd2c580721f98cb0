/* nesting_middle OWNER KIB [MAX_SERVING]: stands between two peers. It serves connections on threads of so many KiB; `call`, `echo` and `bounce`
   of its service are those of the server at OWNER, which has one connection for each of its own. It prints "listening ADDRESS", and ends
   with its stdin. */
#define _DEFAULT_SOURCE
#include "check.h"

static const char *owner_address, *most;

static void *new_state(rpyc_connection *lent, void *userdata)
{
    (void)lent;
    rpyc_connection *connection = NULL;
    rpyc_config *config = rpyc_config_new();

    (void)userdata;
    OK(rpyc_config_set(config, "allow_public_attrs", "true", &error));
    OK(rpyc_config_set(config, "max_serving", most, &error));
    OK(rpyc_connect(owner_address, NULL, config, &connection, &error));
    rpyc_config_free(config);
    return connection;
}

static void free_state(void *connection)
{
    rpyc_connection_free(connection);
}

static void far(rpyc_call *call, void *connection)
{
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    rpyc_error *failure = NULL;

    if (rpyc_connection_root(connection, &root, &failure) ||
        rpyc_object_get_attr(root, rpyc_call_name(call) + 8, &value, &failure))
        rpyc_call_raise_error(call, failure);
    else
        rpyc_call_return(call, value);
    rpyc_object_free(root);
}

static rpyc_server *server;
static int stopping;

/* Connections, one after the other. */
static void *serve(void *unused)
{
    while (!__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
        if (rpyc_server_serve_one(server, NULL) == RPYC_ERR_STATE)
            usleep(1000); /* another one accepts */
    }
    return unused;
}

int main(int argc, char **argv)
{
    static const rpyc_property properties[] = {{.name = "exposed_call", .get = far},
                                               {.name = "exposed_echo", .get = far},
                                               {.name = "exposed_bounce", .get = far}};
    static const rpyc_class_table table = {.struct_size = sizeof table,
                                           .property_size = sizeof *properties,
                                           .name = "MiddleService",
                                           .properties = properties,
                                           .property_count = 3,
                                           .create = new_state,
                                           .destroy = free_state};
    rpyc_class *service = NULL;
    rpyc_config *config = rpyc_config_new();
    pthread_attr_t attributes;
    pthread_t threads[3];
    size_t i;

    if (argc < 3)
        return 2;
    owner_address = argv[1];
    most = argc > 3 ? argv[3] : "256";
    OK(rpyc_config_set(config, "max_serving", most, &error));
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, strtoul(argv[2], NULL, 10) << 10) == 0);
    for (i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], &attributes, serve, NULL) == 0);
    pthread_attr_destroy(&attributes);
    while (getchar() != EOF) {}
    __atomic_store_n(&stopping, 1, __ATOMIC_SEQ_CST);
    OK(rpyc_server_stop(server, 1000, &error));
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}
