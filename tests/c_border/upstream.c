/* The server's half of what RPyC's own tests check, for tests/run/clients/upstream_client.py: upstream ADDRESS [OPTION=VALUE...].
 * It serves until a client calls quit. With the address "stdio:" it is a slave on its standard streams. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <time.h>

static int connected, disconnected, callers_gone;
static rpyc_class *thing_class, *restricted_class, *context_class, *dummy_class, *invoker_class;
static rpyc_object *deleted; /* names of dummies that are gone */
static rpyc_server *server;

static void rest(int64_t ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static rpyc_class *class_of(const char *name, const rpyc_method *methods, size_t count, rpyc_class_table more)
{
    rpyc_class *klass = NULL;

    more.struct_size = sizeof more;
    more.method_size = sizeof(rpyc_method);
    more.name = name;
    more.methods = methods;
    more.method_count = count;
    OK(rpyc_class_new(&more, NULL, NULL, &klass, &error));
    return klass;
}

static void give(rpyc_call *call, rpyc_class *klass, void *self, rpyc_free_fn self_free)
{
    rpyc_object *object = NULL;

    OK(rpyc_object_new(klass, self, self_free, &object, NULL));
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

/* A class whose attributes are of all kinds, and a restricted view of it. */
static void say_name(rpyc_call *call, void *self)
{
    const char *name = rpyc_call_name(call);

    (void)self;
    rpyc_call_return_str(call, strcmp(name, "exposed_foobar") ? name + (*name == '_') : "Fee Fie Foe Foo",
                         RPYC_NUL_TERMINATED);
}

static void add(rpyc_call *call, void *self)
{
    const char *other;
    size_t length;
    char text[64];

    (void)self;
    if (rpyc_call_get_str(call, 0, &other, &length))
        return;
    snprintf(text, sizeof text, "foo%.*s", (int)length, other);
    rpyc_call_return_str(call, text, RPYC_NUL_TERMINATED);
}

static const rpyc_method thing_methods[] = {
    {"__add__", add, "__add__(other)", NULL, 0}, {"foo", say_name, "foo()", NULL, 0},
    {"bar", say_name, "bar()", NULL, 0},         {"spam", say_name, "spam()", NULL, 0},
    {"_privy", say_name, "_privy()", NULL, 0},   {"exposed_foobar", say_name, "foobar()", NULL, 0},
};

static void make_thing(rpyc_call *call, void *userdata)
{
    (void)userdata;
    give(call, thing_class, NULL, NULL);
}

static void restricted_get(rpyc_call *call, void *self)
{
    static const char *const allowed[] = {"exposed_foobar", "__add__", "_privy", "foo", "bar"};
    const char *name;
    size_t length;

    (void)self;
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        for (size_t j = 0; j < sizeof thing_methods / sizeof *thing_methods; j++)
            if (strlen(allowed[i]) == length && memcmp(allowed[i], name, length) == 0 &&
                strcmp(allowed[i], thing_methods[j].name) == 0) {
                rpyc_object *function = NULL;

                OK(rpyc_function_new(allowed[i], thing_methods[j].call, NULL, NULL, 0, NULL, NULL, &function, NULL));
                rpyc_call_return_object(call, function);
                rpyc_object_free(function);
                return;
            }
    rpyc_call_raise(call, "AttributeError", "not in the list");
}

static void get_one(rpyc_call *call, void *self)
{
    (void)self;
    give(call, restricted_class, NULL, NULL);
}

static void thing(rpyc_call *call, void *self)
{
    rpyc_object *klass = NULL;

    (void)self;
    OK(rpyc_class_object(thing_class, &klass, NULL));
    rpyc_call_return_object(call, klass);
    rpyc_object_free(klass);
}

/* A custom service. */
static int point(const rpyc_value *pair, double *x, double *y)
{
    return rpyc_value_count(pair) == 2 && !rpyc_value_get_float(rpyc_value_item(pair, 0), x, NULL) &&
           !rpyc_value_get_float(rpyc_value_item(pair, 1), y, NULL);
}

static void distance(rpyc_call *call, void *self)
{
    double x1, y1, x2, y2;

    (void)self;
    if (!point(rpyc_call_arg(call, 0), &x1, &y1) || !point(rpyc_call_arg(call, 1), &x2, &y2))
        rpyc_call_raise(call, "TypeError", "a point is a pair of numbers");
    else
        rpyc_call_return_float(call, (x1 < x2 ? x2 - x1 : x1 - x2) + (y1 < y2 ? y2 - y1 : y1 - y2));
}

static void getlist(rpyc_call *call, void *self)
{
    rpyc_value *items[3] = {rpyc_value_new_int(1), rpyc_value_new_int(2), rpyc_value_new_int(3)};
    rpyc_object *list = NULL;

    (void)self;
    OK(rpyc_list_new(items, 3, &list, NULL));
    rpyc_call_return_object(call, list);
    rpyc_object_free(list);
}

static void count_of_connections(rpyc_call *call, void *self)
{
    rpyc_value *pair[2] = {NULL, NULL}, *value = NULL;

    (void)self;
    pair[0] = rpyc_value_new_int(__atomic_load_n(&connected, __ATOMIC_SEQ_CST));
    pair[1] = rpyc_value_new_int(__atomic_load_n(&disconnected, __ATOMIC_SEQ_CST));
    OK(rpyc_value_new_tuple(pair, 2, &value, NULL));
    rpyc_call_return(call, value);
}

/* A context that remembers what happened to it. */
struct context {
    int64_t y;
    int entered, failed, left;
};

static void enter(rpyc_call *call, void *self)
{
    struct context *context = self;

    context->entered++;
    rpyc_call_return_int(call, 17 + context->y);
}

static void leave(rpyc_call *call, void *self)
{
    struct context *context = self;

    context->failed += rpyc_value_kind(rpyc_call_arg(call, 0)) != RPYC_VALUE_NONE;
    context->left++;
    rpyc_call_return_bool(call, 0);
}

static void seen(rpyc_call *call, void *self)
{
    struct context *context = self;
    rpyc_value *parts[3] = {rpyc_value_new_int(context->entered), rpyc_value_new_int(context->failed),
                            rpyc_value_new_int(context->left)};
    rpyc_value *value = NULL;

    OK(rpyc_value_new_tuple(parts, 3, &value, NULL));
    rpyc_call_return(call, value);
}

static void make_context(rpyc_call *call, void *self)
{
    struct context *context = calloc(1, sizeof *context);

    (void)self;
    if (rpyc_call_get_int(call, 0, &context->y))
        free(context);
    else
        give(call, context_class, context, free);
}

/* Exceptions. */
static void remote_assert(rpyc_call *call, void *self)
{
    bool holds;

    (void)self;
    if (rpyc_call_get_bool(call, 0, &holds))
        return;
    if (holds)
        rpyc_call_return(call, NULL);
    else
        rpyc_call_raise(call, "AssertionError", NULL);
}

static void to_int(rpyc_call *call, void *self)
{
    const char *text;
    size_t length;

    (void)self;
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    if (length && text[0] >= '0' && text[0] <= '9')
        rpyc_call_return_int(call, text[0] - '0');
    else
        rpyc_call_raise(call, "ValueError", "invalid literal for int() with base 10");
}

/* Calls that take their time: each is answered by a thread of its own. */
struct sleeper {
    rpyc_call *call;
    int64_t ms;
};

static void *sleep_and_answer(void *userdata)
{
    struct sleeper *sleeper = userdata;

    rest(sleeper->ms);
    rpyc_call_return(sleeper->call, NULL);
    rpyc_call_free(sleeper->call);
    free(sleeper);
    return NULL;
}

static void sleep_ms(rpyc_call *call, void *self)
{
    struct sleeper *sleeper = malloc(sizeof *sleeper);
    pthread_t thread;

    (void)self;
    if (rpyc_call_get_int(call, 0, &sleeper->ms)) {
        free(sleeper);
        return;
    }
    sleeper->call = rpyc_call_defer(call);
    CHECK(pthread_create(&thread, NULL, sleep_and_answer, sleeper) == 0 && pthread_detach(thread) == 0);
}

/* One that goes on until its caller is gone. */
static void linger(rpyc_call *call, void *self)
{
    (void)self;
    for (int i = 0; i < 3000 && !rpyc_call_cancelled(call); i++)
        rest(20);
    __atomic_add_fetch(&callers_gone, rpyc_call_cancelled(call), __ATOMIC_SEQ_CST);
    rpyc_call_return(call, NULL);
}

static void gone(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, __atomic_load_n(&callers_gone, __ATOMIC_SEQ_CST));
}

/* Objects that say when they go. */
static void dummy_gone(void *name)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_str(name, RPYC_NUL_TERMINATED, &value, NULL));
    OK(rpyc_list_append(deleted, value, NULL));
    free(name);
}

static void make_dummy(rpyc_call *call, void *userdata)
{
    const char *name;
    size_t length;

    (void)userdata;
    if (!rpyc_call_get_str(call, 0, &name, &length))
        give(call, dummy_class, strndup(name, length), dummy_gone);
}

static void dummy(rpyc_call *call, void *self)
{
    rpyc_object *klass = NULL;

    (void)self;
    OK(rpyc_class_object(dummy_class, &klass, NULL));
    rpyc_call_return_object(call, klass);
    rpyc_object_free(klass);
}

static void deleted_objects(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_object(call, deleted);
}

/* A thread that calls back until it is stopped. */
struct invoker {
    rpyc_object *callback;
    int64_t ms;
    int stop;
    pthread_t thread;
};

static void *invoke(void *userdata)
{
    struct invoker *invoker = userdata;

    for (int64_t i = 0; !__atomic_load_n(&invoker->stop, __ATOMIC_SEQ_CST); i++) {
        rpyc_value *arg = rpyc_value_new_int(i);
        rpyc_async_result *result = NULL;

        OK(rpyc_object_call_async(invoker->callback, &arg, 1, NULL, -1, &result, NULL));
        rpyc_async_result_free(result);
        rest(invoker->ms);
    }
    return NULL;
}

static void make_invoker(rpyc_call *call, void *userdata)
{
    struct invoker *invoker = calloc(1, sizeof *invoker);

    (void)userdata;
    if (rpyc_call_get_object(call, 0, &invoker->callback) || rpyc_call_get_int(call, 1, &invoker->ms)) {
        rpyc_object_free(invoker->callback);
        free(invoker);
        return;
    }
    CHECK(pthread_create(&invoker->thread, NULL, invoke, invoker) == 0);
    give(call, invoker_class, invoker, free);
}

static void stop_invoker(rpyc_call *call, void *self)
{
    struct invoker *invoker = self;

    __atomic_store_n(&invoker->stop, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(invoker->thread, NULL) == 0);
    rpyc_object_free(invoker->callback);
    rpyc_call_return(call, NULL);
}

static void foo(rpyc_call *call, void *self)
{
    int64_t x;

    (void)self;
    if (rpyc_call_get_int(call, 0, &x))
        return;
    rest(300);
    rpyc_call_return_int(call, x * 17);
}

static void quit(rpyc_call *call, void *self)
{
    uint64_t one = 1;

    (void)self;
    rpyc_call_return(call, NULL);
    CHECK(write(rpyc_server_stop_fd(server), &one, sizeof one) == sizeof one);
}

static void on_connect(rpyc_connection *connection, void *self)
{
    (void)connection, (void)self;
    __atomic_add_fetch(&connected, 1, __ATOMIC_SEQ_CST);
}

static void on_disconnect(rpyc_connection *connection, void *self)
{
    (void)connection, (void)self;
    __atomic_add_fetch(&disconnected, 1, __ATOMIC_SEQ_CST);
}

/* The slave: a module with a list that the master changes. Its language has one word, "count". */
static void eval(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 10);
}

static int slave(void)
{
    static const char *const names[] = {"host"};
    rpyc_object *module = NULL, *path = NULL, *modules[1];
    rpyc_value *value = NULL;
    rpyc_class *service = NULL;
    rpyc_connection *connection = NULL;
    rpyc_slave_table table = {
        .struct_size = sizeof table, .module_names = names, .modules = modules, .module_count = 1, .eval = eval};

    OK(rpyc_module_new("host", NULL, &module, &error));
    OK(rpyc_list_new(NULL, 0, &path, &error));
    OK(rpyc_value_new_object(path, &value, &error));
    OK(rpyc_object_set_attr(module, "path", value, &error));
    modules[0] = module;
    OK(rpyc_slave_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_connect("stdio:", service, NULL, &connection, &error));
    OK(rpyc_connection_serve_all(connection, &error));
    CHECK(rpyc_list_count(path) == 1);
    rpyc_connection_free(connection);
    rpyc_class_free(service);
    rpyc_object_free(module);
    rpyc_object_free(path);
    return failures || !checks ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const rpyc_method context_methods[] = {{"__enter__", enter, "__enter__()", NULL, 0},
                                                  {"__exit__", leave, NULL, NULL, 0},
                                                  {"exposed_seen", seen, "seen()", NULL, 0}};
    static const rpyc_method invoker_methods[] = {{"exposed_stop", stop_invoker, "stop()", NULL, 0}};
    static const rpyc_method methods[] = {
        {"exposed_get_one", get_one, "get_one()", NULL, 0},
        {"exposed_distance", distance, "distance(p1, p2)", NULL, 0},
        {"exposed_getlist", getlist, "getlist()", NULL, 0},
        {"exposed_connections", count_of_connections, "connections()", NULL, 0},
        {"foobar", say_name, "foobar()", NULL, 0},
        {"exposed_context", make_context, "context(y)", NULL, 0},
        {"exposed_remote_assert", remote_assert, "remote_assert(val)", NULL, 0},
        {"exposed_int", to_int, "int(text)", NULL, 0},
        {"exposed_sleep", sleep_ms, "sleep(ms)", NULL, 0},
        {"exposed_linger", linger, "linger()", NULL, 0},
        {"exposed_gone", gone, "gone()", NULL, 0},
        {"exposed_deleted", deleted_objects, "deleted()", NULL, 0},
        {"exposed_Invoker", make_invoker, "Invoker(callback, ms)", NULL, 0},
        {"exposed_foo", foo, "foo(x)", NULL, 0},
        {"exposed_quit", quit, "quit()", NULL, 0},
    };
    static const rpyc_property properties[] = {{"exposed_Thing", thing, NULL, NULL, NULL},
                                               {"exposed_Dummy", dummy, NULL, NULL, NULL}};
    rpyc_class *service;
    rpyc_config *config = rpyc_config_new();

    if (argc < 2)
        return EXIT_FAILURE;
    if (strcmp(argv[1], "stdio:") == 0) {
        rpyc_config_free(config);
        return slave();
    }
    for (int i = 2; i < argc; i++) {
        char *value = strchr(argv[i], '=');

        *value++ = 0;
        OK(rpyc_config_set(config, argv[i], value, &error));
    }
    OK(rpyc_list_new(NULL, 0, &deleted, &error));
    thing_class = class_of("Thing", thing_methods, sizeof thing_methods / sizeof *thing_methods,
                           (rpyc_class_table){.construct = make_thing});
    restricted_class = class_of("Restricted", NULL, 0, (rpyc_class_table){.get_attr = restricted_get});
    context_class = class_of("Context", context_methods, 3, (rpyc_class_table){.flags = RPYC_CLASS_SERIAL});
    dummy_class = class_of("Dummy", NULL, 0, (rpyc_class_table){.construct = make_dummy});
    invoker_class = class_of("Invoker", invoker_methods, 1, (rpyc_class_table){.flags = 0});
    service = class_of("UpstreamService", methods, sizeof methods / sizeof *methods,
                       (rpyc_class_table){.on_connect = on_connect,
                                          .on_disconnect = on_disconnect,
                                          .property_size = sizeof *properties,
                                          .properties = properties,
                                          .property_count = sizeof properties / sizeof *properties});
    OK(rpyc_server_new(argv[1], service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve(server, &error));
    OK(rpyc_server_stop(server, 10000, &error));
    /* Stopping waits for calls; the last on_disconnect may still run. */
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    CHECK(connected > 0 && connected == disconnected);
    rpyc_class_free(service);
    rpyc_class_free(thing_class);
    rpyc_class_free(restricted_class);
    rpyc_class_free(context_class);
    rpyc_class_free(dummy_class);
    rpyc_class_free(invoker_class);
    rpyc_object_free(deleted);
    rpyc_config_free(config);
    return finish();
}
