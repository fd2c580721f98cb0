/* 14_access_rules: the attributes that a peer can access.
 *
 * Shows the rule that only exposed_ names are accessible, an option that gives a trusted connection more access, and
 * an object that decides about every name itself.
 *
 *     cc 14_access_rules.c -o 14_access_rules $(pkg-config --cflags --libs rpyc)
 *     ./14_access_rules tcp://127.0.0.1:18861 &
 *     python3 peers/visitor_client.py tcp://127.0.0.1:18861
 *
 * Prints, and ends when its first client has disconnected:
 *     listening tcp://127.0.0.1:18861
 *     opened
 *     trusted
 *     maintenance done
 *     host is read
 *     port is read
 *     port is set to 8080
 *     host cannot be set
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rpyc.h>

/* ---- An object with its own rules, like RPyC's restricted(): host and port can be read, port can be set. */

struct settings {
    char host[40];
    int64_t port;
};

/* get_attr replaces all other rules for reading. Argument 0 is the name that the peer sent. */
static void settings_get(rpyc_call *call, void *self)
{
    struct settings *settings = self;
    const rpyc_value *name = rpyc_call_arg(call, 0);

    if (rpyc_value_str_equal(name, "host")) {
        printf("host is read\n");
        rpyc_call_return_str(call, settings->host, RPYC_NUL_TERMINATED);
    } else if (rpyc_value_str_equal(name, "port")) {
        printf("port is read\n");
        rpyc_call_return_int(call, settings->port);
    } else { /* Python tries twice before it raises: reading must have no side effects */
        rpyc_call_raise(call, "AttributeError", "the settings have a host and a port");
    }
}

static void settings_set(rpyc_call *call, void *self)
{
    struct settings *settings = self;
    int64_t port;

    if (!rpyc_value_str_equal(rpyc_call_arg(call, 0), "port")) {
        printf("host cannot be set\n");
        rpyc_call_raise(call, "AttributeError", "only the port can be set");
    } else if (!rpyc_call_get_int(call, 1, &port)) {
        printf("port is set to %" PRId64 "\n", port);
        settings->port = port;
        rpyc_call_return(call, NULL);
    }
}

static const rpyc_class_table settings_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "Settings",
    .get_attr = settings_get,
    .set_attr = settings_set,
};

/* ---- The service. The settings object is its self. */

static void open_gate(rpyc_call *call, void *self)
{
    (void)self;
    printf("opened\n");
    rpyc_call_return(call, NULL);
}

static void maintenance(rpyc_call *call, void *self)
{
    (void)self;
    printf("maintenance done\n");
    rpyc_call_return(call, NULL);
}

static void get_settings(rpyc_call *call, void *self)
{
    rpyc_call_return_object(call, self);
}

/* Gives this connection more access: names without the prefix become accessible, unless they start with "_". A real
 * program would check a signature, or the identity of the peer that the transport knows. */
static void trust(rpyc_call *call, void *self)
{
    rpyc_error *error = NULL;

    (void)self;
    if (!rpyc_value_str_equal(rpyc_call_arg(call, 0), "open sesame")) {
        rpyc_call_raise(call, "PermissionError", "that is not the word");
    } else if (rpyc_connection_set_option(rpyc_call_connection(call), "allow_public_attrs", "true", &error)) {
        rpyc_call_raise_error(call, error);
    } else {
        printf("trusted\n");
        rpyc_call_return(call, NULL);
    }
}

static const rpyc_method methods[] = {
    {"exposed_open", open_gate, "open()", NULL, 0},
    {"exposed_trust", trust, "trust(word)", NULL, 0},
    {"exposed_settings", get_settings, "settings()", NULL, 0},
    {"maintenance", maintenance, "maintenance()", NULL, 0},
    {"_self_destruct", maintenance, "_self_destruct()", NULL, 0},
};

static const rpyc_class_table service_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "GateService",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
};

int main(int argc, char **argv)
{
    struct settings settings = {"gate.example", 80};
    rpyc_class *settings_class = NULL, *service = NULL;
    rpyc_object *settings_object = NULL;
    rpyc_config *config = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    config = rpyc_config_new();
    /* RPyC's options have the same names here. This one removes the traceback of this program from exceptions. */
    if (rpyc_config_set(config, "include_local_traceback", "false", &error))
        goto done;
    if (rpyc_class_new(&settings_table, NULL, NULL, &settings_class, &error) ||
        rpyc_object_new(settings_class, &settings, NULL, &settings_object, &error) ||
        rpyc_class_new(&service_table, settings_object, NULL, &service, &error) ||
        rpyc_server_new(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861", service, config, &server, &error))
        goto done;
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    if (rpyc_server_serve_one(server, &error))
        goto done;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "14_access_rules: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_object_free(settings_object);
    rpyc_class_free(settings_class);
    rpyc_config_free(config);
    return exit_code;
}
