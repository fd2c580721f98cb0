/* reflection: a server whose functions, classes and objects say what they are, for tests/run/clients/reflection.py. Prints
 * "listening ADDRESS", and ends with its stdin. */
#include "check.h"

static rpyc_class *base, *thing;

static void nothing(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, NULL);
}

static void give_class(rpyc_call *call, rpyc_class *of)
{
    rpyc_object *object = NULL;

    OK(rpyc_class_object(of, &object, &error));
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void get_base(rpyc_call *call, void *self)
{
    (void)self;
    give_class(call, base);
}

static void get_thing_class(rpyc_call *call, void *self)
{
    (void)self;
    give_class(call, thing);
}

static void get_thing(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;

    (void)self;
    OK(rpyc_object_new(thing, NULL, NULL, &object, &error));
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

/* The function of a signature. */
static void function(rpyc_call *call, void *self)
{
    const char *text = NULL;
    size_t length = 0;
    char signature[200];
    rpyc_object *object = NULL;

    (void)self;
    OK(rpyc_call_get_str(call, 0, &text, &length));
    snprintf(signature, sizeof signature, "%.*s", (int)length, text);
    OK(rpyc_function_new("function", nothing, signature, "What it does.", 0, NULL, NULL, &object, &error));
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void get_size(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 3);
}

int main(void)
{
    static const rpyc_method base_methods[] = {
        {"hello", nothing, "hello(name, greeting='hi', *rest, loud=False, **more)", "Greets.", 0}};
    static const rpyc_method thing_methods[] = {{"move", nothing, "move(x, y=0, /, *, fast)", "Moves it.", 0},
                                                {"__len__", nothing, "__len__()", NULL, 0}};
    static const rpyc_property thing_properties[] = {{"size", get_size, NULL, NULL, "How large it is."}};
    static const rpyc_method methods[] = {
        {"exposed_base", get_base, "base()", NULL, 0},
        {"exposed_thing_class", get_thing_class, "thing_class()", NULL, 0},
        {"exposed_thing", get_thing, "thing()", NULL, 0},
        {"exposed_function", function, "function(signature)", NULL, 0},
    };
    rpyc_class_table base_table = {.struct_size = sizeof base_table,
                                   .method_size = sizeof(rpyc_method),
                                   .module = "things",
                                   .name = "Base",
                                   .doc = "A base.",
                                   .methods = base_methods,
                                   .method_count = 1};
    rpyc_class_table thing_table = {.struct_size = sizeof thing_table,
                                    .method_size = sizeof(rpyc_method),
                                    .property_size = sizeof(rpyc_property),
                                    .module = "things",
                                    .name = "Thing",
                                    .methods = thing_methods,
                                    .method_count = 2,
                                    .properties = thing_properties,
                                    .property_count = 1};
    rpyc_class_table table = {.struct_size = sizeof table,
                              .method_size = sizeof(rpyc_method),
                              .name = "ReflectionService",
                              .methods = methods,
                              .method_count = 4};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "allow_all_attrs", "true", &error));
    OK(rpyc_class_new(&base_table, NULL, NULL, &base, &error));
    thing_table.base = base;
    OK(rpyc_class_new(&thing_table, NULL, NULL, &thing, &error));
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, config, &server, &error));
    OK(rpyc_server_start(server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    OK(rpyc_server_stop(server, 1000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_class_free(thing);
    rpyc_class_free(base);
    rpyc_config_free(config);
    return finish();
}
