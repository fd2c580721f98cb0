/* A slave with a language of its own, "NAME", "NAME=NUMBER", "say TEXT": classic_slave ADDRESS serves one master;
   with --plain it is a slave without any callbacks. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <inttypes.h>

static int made, ended, connected, gone;

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    (void)userdata;
    made++;
    return malloc(1);
}

static void destroy(void *self)
{
    ended++;
    free(self);
}

static void on_connect(rpyc_connection *connection, void *self)
{
    CHECK(connection != NULL && self != NULL);
    connected++;
}

static void on_disconnect(rpyc_connection *connection, void *self)
{
    CHECK(connection != NULL && self != NULL);
    gone++;
}

/* The namespace of the connection, as the master has it. */
static rpyc_object *namespace_of(rpyc_call *call)
{
    rpyc_object *names = NULL;

    OK(rpyc_slave_namespace(call, &names, &error));
    return names;
}

static rpyc_value *copy_of(const char *text, size_t length)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_str(text, length, &value, &error));
    return value;
}

static void eval(rpyc_call *call, void *self)
{
    const char *text;
    size_t length;
    rpyc_object *names;
    rpyc_value *value = NULL;
    rpyc_error *raised = NULL;

    CHECK(self != NULL);
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    names = namespace_of(call);
    if (rpyc_object_get_item(names, copy_of(text, length), &value, &raised))
        rpyc_call_raise_error(call, raised);
    else
        rpyc_call_return(call, value);
    rpyc_object_free(names);
}

/* What rpyc.classic.interact calls: here it only writes what it was given. */
static void interact(rpyc_call *call, void *self)
{
    rpyc_object *given = NULL, *sys = NULL, *stream = NULL;
    rpyc_value *value = NULL, *line = NULL;
    rpyc_error *why = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &given))
        return;
    if (rpyc_object_get_item(given, copy_of("greeting", RPYC_NUL_TERMINATED), &line, &why)) {
        rpyc_call_raise_error(call, why);
    } else {
        OK(rpyc_slave_module(call, "sys", &sys, &error));
        OK(rpyc_object_get_attr(sys, "stdout", &value, &error));
        OK(rpyc_value_get_object(value, &stream, &error));
        rpyc_value_free(value);
        OK(rpyc_object_call_method(stream, "write", &line, 1, NULL, &value, &error));
        rpyc_value_free(value);
        rpyc_object_free(stream);
        rpyc_object_free(sys);
        rpyc_call_return(call, NULL);
    }
    rpyc_object_free(given);
}

static void execute(rpyc_call *call, void *self)
{
    const char *text, *equals;
    size_t length;
    rpyc_object *names, *sys = NULL, *stream = NULL;
    rpyc_value *value = NULL;

    (void)self;
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    if (length > 4 && memcmp(text, "say ", 4) == 0) {
        rpyc_value *line = copy_of(text + 4, length - 4);

        OK(rpyc_slave_module(call, "sys", &sys, &error));
        OK(rpyc_object_get_attr(sys, "stdout", &value, &error));
        OK(rpyc_value_get_object(value, &stream, &error));
        rpyc_value_free(value);
        OK(rpyc_object_call_method(stream, "write", &line, 1, NULL, &value, &error));
        rpyc_value_free(value);
        rpyc_object_free(stream);
        rpyc_object_free(sys);
        rpyc_call_return(call, NULL);
        return;
    }
    if (length > 15 && memcmp(text, "def _rinteract(", 15) == 0) {
        rpyc_object *function = NULL;

        OK(rpyc_function_new("_rinteract", interact, "_rinteract(ns)", NULL, 0, NULL, NULL, &function, &error));
        OK(rpyc_value_new_object(function, &value, &error));
        rpyc_object_free(function);
        names = namespace_of(call);
        OK(rpyc_object_set_item(names, copy_of("_rinteract", RPYC_NUL_TERMINATED), value, &error));
        rpyc_object_free(names);
        rpyc_call_return(call, NULL);
        return;
    }
    equals = memchr(text, '=', length);
    if (!equals) {
        rpyc_call_raise(call, "SyntaxError", "NAME=NUMBER is all that is understood");
        return;
    }
    names = namespace_of(call);
    OK(rpyc_object_set_item(names, copy_of(text, (size_t)(equals - text)),
                            rpyc_value_new_int(strtoll(equals + 1, NULL, 10)), &error));
    rpyc_object_free(names);
    rpyc_call_return(call, NULL);
}

static rpyc_call *waiting;

/* "later" is imported as soon as somebody imports "now". */
static void getmodule(rpyc_call *call, void *self)
{
    const char *text;
    size_t length;
    rpyc_object *module = NULL;

    (void)self;
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    if (length == 5 && memcmp(text, "later", 5) == 0) {
        CHECK(waiting == NULL);
        waiting = rpyc_call_defer(call);
        return;
    }
    if (length == 3 && memcmp(text, "now", 3) == 0) {
        CHECK(waiting != NULL);
        OK(rpyc_call_return(waiting, NULL));
        rpyc_call_free(waiting);
        waiting = NULL;
        rpyc_call_return(call, NULL);
        return;
    }
    if (length != 4 || memcmp(text, "late", 4) != 0) {
        rpyc_call_raise(call, "ModuleNotFoundError", "there is only 'late'");
        return;
    }
    OK(rpyc_module_new("late", "Made when it is asked for.", &module, &error));
    rpyc_call_return_object(call, module);
    rpyc_object_free(module);
}

/* Gives back what it gets, a snapshot of ours. */
static void twice(rpyc_call *call, void *self)
{
    int64_t n;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &n))
        rpyc_call_return_int(call, 2 * n);
}

/* An object that decides itself what of it may be read and set: "open", and nothing else. */
static void own_get(rpyc_call *call, void *self)
{
    const char *name;
    size_t length;

    (void)self;
    CHECK(rpyc_call_connection(call) != NULL);
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    if (length == 4 && memcmp(name, "open", 4) == 0)
        rpyc_call_return_int(call, 7);
    else
        rpyc_call_raise(call, "AttributeError", "only 'open' is there");
}

static void own_set(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_raise(call, "AttributeError", "nothing is set");
}

static void secret(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 13);
}

static rpyc_value *guarded(void)
{
    static const rpyc_property properties[] = {{"secret", secret, secret, NULL, NULL}};
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .property_size = sizeof *properties,
        .name = "Guarded",
        .properties = properties,
        .property_count = 1,
        .get_attr = own_get,
        .set_attr = own_set,
    };
    rpyc_class *klass = NULL;
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &klass, &error));
    OK(rpyc_object_new(klass, NULL, NULL, &object, &error));
    OK(rpyc_value_new_object(object, &value, &error));
    rpyc_object_free(object);
    rpyc_class_free(klass);
    return value;
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"my.math", "builtins"};
    rpyc_object *math = NULL, *builtins = NULL, *function = NULL, *modules[2];
    rpyc_value *value = NULL;
    rpyc_slave_table table = {.struct_size = sizeof table,
                              .name = "ToySlaveService",
                              .doc = "A toy.",
                              .module_names = names,
                              .modules = modules,
                              .module_count = 2,
                              .getmodule = getmodule,
                              .eval = eval,
                              .execute = execute,
                              .create = create,
                              .destroy = destroy,
                              .on_connect = on_connect,
                              .on_disconnect = on_disconnect};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;

    const rpyc_slave_table plain = {.struct_size = sizeof plain};
    int is_plain = argc == 3 && strcmp(argv[2], "--plain") == 0;

    if (argc != 2 && !is_plain)
        return EXIT_FAILURE;
    OK(rpyc_module_new("my.math", NULL, &math, &error));
    OK(rpyc_function_new("twice", twice, "twice(n)", "n + n", 0, NULL, NULL, &function, &error));
    OK(rpyc_value_new_object(function, &value, &error));
    OK(rpyc_object_set_attr(math, "twice", value, &error));
    OK(rpyc_object_set_attr(math, "pi", rpyc_value_new_float(3.25), &error));
    OK(rpyc_object_set_attr(math, "guarded", guarded(), &error));
    modules[0] = math;
    OK(rpyc_module_new("builtins", NULL, &builtins, &error));
    OK(rpyc_object_set_attr(builtins, "answer", rpyc_value_new_int(42), &error));
    OK(rpyc_object_set_attr(builtins, "dir", rpyc_value_new_int(1), &error));
    modules[1] = builtins;
    GIVES(RPYC_ERR_NULL, rpyc_slave_new(NULL, NULL, NULL, &service, &error));
    table.struct_size = 8;
    GIVES(RPYC_ERR_ABI, rpyc_slave_new(&table, NULL, NULL, &service, &error));
    table.struct_size = sizeof table;
    OK(rpyc_slave_new(is_plain ? &plain : &table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(argv[1], service, NULL, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve_one(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_object_free(math);
    rpyc_object_free(builtins);
    rpyc_object_free(function);
    CHECK(is_plain || (made == 1 && ended == 1 && connected == 1 && gone == 1));
    return finish();
}
