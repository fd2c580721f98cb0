/* Services in all their forms, for clients/services_client.py: services serve ADDRESS CLASS; and as client of
 * clients/services_server.py: services call ADDRESS. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static void line(const char *text)
{
    printf("%s\n", text);
    fflush(stdout);
}

/* What the peer's root answers to a method without arguments, or the name of the status. */
static void ask(rpyc_connection *connection, const char *method, char *text, size_t size)
{
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    const char *got = "";
    size_t length = 0;
    rpyc_status status;

    if ((status = rpyc_connection_root(connection, &root, NULL)) ||
        (status = rpyc_object_call_method(root, method, NULL, 0, NULL, &value, NULL)) ||
        (status = rpyc_value_get_str(value, &got, &length, NULL)))
        snprintf(text, size, "%s", rpyc_status_name(status));
    else
        snprintf(text, size, "%.*s", (int)length, got);
    rpyc_value_free(value);
    rpyc_object_free(root);
}

/* ---- on_connect with the connection at hand: it asks the peer who it is, and opens itself. */

struct guest {
    char name[60];
};

static void *guest_new(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    (void)userdata;
    return calloc(1, sizeof(struct guest));
}

static void guest_free(void *self)
{
    free(self);
    line("destroyed");
}

static void greet(rpyc_connection *connection, void *self)
{
    struct guest *guest = self;

    ask(connection, "whoami", guest->name, sizeof guest->name);
    if (rpyc_connection_set_option(connection, "allow_public_attrs", "true", NULL))
        line("it could not be opened");
}

/* Nothing can be sent any more; asking fails at once, and breaks nothing. */
static void part(rpyc_connection *connection, void *self)
{
    struct guest *guest = self;
    char text[100], all[200];

    ask(connection, "whoami", text, sizeof text);
    snprintf(all, sizeof all, "%s left: %s, %s", guest->name, text,
             rpyc_connection_closed(connection) ? "closed" : "open");
    line(all);
}

static void guest_name(rpyc_call *call, void *self)
{
    rpyc_call_return_str(call, ((struct guest *)self)->name, RPYC_NUL_TERMINATED);
}

static const rpyc_method guest_methods[] = {
    {"exposed_name", guest_name, "name()", NULL, 0},
    {"public_name", guest_name, "public_name()", NULL, 0},
};

/* ---- A root for each connection: the odd ones get the counter itself, the others a view of it. */

static rpyc_object *counter, *view;
static int64_t count, connections;

static void counter_add(rpyc_call *call, void *self)
{
    int64_t n;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &n))
        rpyc_call_return_int(call, count += n);
}

static void counter_read(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, count);
}

static const rpyc_method counter_methods[] = {
    {"exposed_add", counter_add, "add(n)", NULL, 0},
    {"exposed_read", counter_read, "read()", NULL, 0},
};

static void choose_root(rpyc_connection *connection, void *self)
{
    (void)self;
    if (rpyc_connection_set_root(connection, ++connections % 2 ? counter : view, NULL))
        line("there is no other root");
}

static void root_left(rpyc_connection *connection, void *self)
{
    (void)connection;
    line(strcmp(self, "the instance") == 0 ? "the instance is told" : "another is told");
}

static void *instance(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    return userdata;
}

static const char *const aliases[] = {"foo", "Bar", "lalaland"};
static const rpyc_class_table tables[] = {
    {.name = "Guest",
     .methods = guest_methods,
     .method_count = 2,
     .create = guest_new,
     .destroy = guest_free,
     .on_connect = greet,
     .on_disconnect = part},
    {.name = "Chooser", .create = instance, .on_connect = choose_root, .on_disconnect = root_left},
    {.name = "Foobar", .aliases = aliases, .alias_count = 3},
    {.name = "CalculatorService"},
    {.name = "Myservice"},
};

static int serve(const char *address, const char *name)
{
    static const rpyc_class_table counter_table = {.struct_size = sizeof(rpyc_class_table),
                                                   .method_size = sizeof(rpyc_method),
                                                   .name = "Counter",
                                                   .methods = counter_methods,
                                                   .method_count = 2};
    static const char *const readable[] = {"read"};
    rpyc_class *service = NULL, *counter_class = NULL;
    rpyc_server *server = NULL;

    OK(rpyc_class_new(&counter_table, NULL, NULL, &counter_class, &error));
    OK(rpyc_object_new(counter_class, &count, NULL, &counter, &error));
    OK(rpyc_object_restricted(counter, readable, 1, NULL, 0, &view, &error));
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        rpyc_class_table table = tables[i];

        table.struct_size = sizeof table;
        table.method_size = sizeof(rpyc_method);
        if (strcmp(table.name, name) == 0)
            OK(rpyc_class_new(&table, (void *)"the instance", NULL, &service, &error));
    }
    OK(rpyc_server_new(address, service, NULL, &server, &error));
    if (failures)
        return EXIT_FAILURE;
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve(server, &error));
    return EXIT_SUCCESS;
}

/* ---- The client's side: its own services, and none. */

static void twice(rpyc_call *call, void *self)
{
    int64_t n;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &n))
        rpyc_call_return_int(call, 2 * n);
}

static void call_server(const char *address)
{
    static const rpyc_method methods[] = {{"exposed_twice", twice, "twice(n)", NULL, 0}};
    static const rpyc_class_table table = {.struct_size = sizeof(rpyc_class_table),
                                           .method_size = sizeof(rpyc_method),
                                           .name = "DoublingService",
                                           .methods = methods,
                                           .method_count = 1};
    rpyc_class *service = NULL;
    char text[100];

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    for (int own = 0; own < 2; own++) {
        rpyc_connection *connection = NULL;
        rpyc_object *root = NULL;
        rpyc_value *n = rpyc_value_new_int(21), *value = NULL;
        int64_t result = 0;

        OK(rpyc_connect(address, own ? service : NULL, NULL, &connection, &error));
        /* The server looks at our root when it is connected to, and serves us meanwhile. */
        do
            ask(connection, "peer", text, sizeof text);
        while (text[0] == 0);
        CHECK(strcmp(text, own ? "DOUBLING ('DOUBLING',)" : "VOID ('VOID',)") == 0);
        ask(connection, "get_service_name", text, sizeof text);
        CHECK(strcmp(text, "ASKING") == 0);
        OK(rpyc_connection_root(connection, &root, &error));
        if (own) {
            OK(rpyc_object_call_method(root, "through_you", &n, 1, NULL, &value, &error));
            OK(rpyc_value_get_int(value, &result, &error));
            CHECK(result == 42);
        } else {
            rpyc_error *lacking = NULL;

            GIVES(RPYC_ERR_REMOTE, rpyc_object_call_method(root, "through_you", &n, 1, NULL, &value, &lacking));
            rpyc_error_free(lacking);
        }
        rpyc_value_free(value);
        rpyc_object_free(root);
        OK(rpyc_connection_close(connection, &error));
        rpyc_connection_free(connection);
    }
    rpyc_class_free(service);
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return serve(argv[2], argv[3]);
    if (argc != 3)
        return EXIT_FAILURE;
    call_server(argv[2]);
    return finish();
}
