/* Objects and classes that travel over several connections, for tests/run/clients/identities_*.py:
 *
 *   identities server NAME            objects and classes of its own
 *   identities fork NAME              the same twice, as NAME and in a forked child as "child of NAME"
 *   identities middle OWNER [OTHER]   what the server at OWNER (and OTHER, or OWNER once more) has, passed on
 *   identities client HALL NAME       registers a function, and serves
 *   identities clients HALL NAME NAME registers a function, forks, registers the same in the child, and both serve
 *
 * Servers print "listening ADDRESS" and end with their stdin. */
#include <sys/wait.h>

#include "peers.h"

static char name[64];
static rpyc_class *base_class, *derived_class;
static rpyc_object *kept;      /* the same one for all connections */
static rpyc_object *owners[2]; /* roots, or NULL */
static rpyc_connection *connections[2];

static void say_name(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, name, RPYC_NUL_TERMINATED);
}

static rpyc_object *make(const rpyc_class *klass)
{
    rpyc_object *object = NULL;

    OK(rpyc_object_new(klass, NULL, NULL, &object, NULL));
    return object;
}

static void give(rpyc_call *call, rpyc_object *object)
{
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void construct(rpyc_call *call, void *userdata)
{
    (void)userdata;
    give(call, make(base_class));
}

static void construct_derived(rpyc_call *call, void *userdata)
{
    (void)userdata;
    give(call, make(derived_class));
}

/* Asks an owner for what it has under a name. */
static void pass_on(rpyc_call *call, const char *method, int owner)
{
    rpyc_value *args[] = {rpyc_value_clone(rpyc_call_arg(call, 0))};
    rpyc_value *value = NULL;
    rpyc_error *failure = NULL;

    if (rpyc_object_call_method(owners[owner], method, args, 1, NULL, &value, &failure))
        rpyc_call_raise_error(call, failure);
    else
        rpyc_call_return(call, value);
}

static int is(const char *wanted, rpyc_call *call)
{
    const char *text = "";
    size_t length = 0;

    rpyc_call_get_str(call, 0, &text, &length);
    return strlen(wanted) == length && memcmp(text, wanted, length) == 0;
}

static void thing(rpyc_call *call, void *self)
{
    (void)self;
    if (owners[0])
        pass_on(call, "thing", 0);
    else if (is("kept", call))
        rpyc_call_return_object(call, kept);
    else
        give(call, make(is("Base", call) ? base_class : derived_class));
}

static void thing_of_other(rpyc_call *call, void *self)
{
    (void)self;
    pass_on(call, "thing", 1);
}

static void klass(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;

    (void)self;
    if (owners[0]) {
        pass_on(call, "klass", 0);
        return;
    }
    OK(rpyc_class_object(is("Base", call) ? base_class : derived_class, &object, NULL));
    give(call, object);
}

static void klass_of_other(rpyc_call *call, void *self)
{
    (void)self;
    pass_on(call, "klass", 1);
}

static void own_list(rpyc_call *call, void *self)
{
    rpyc_value *items[] = {rpyc_value_new_int(1)};
    rpyc_object *list = NULL;

    (void)self;
    OK(rpyc_list_new(items, 1, &list, NULL));
    give(call, list);
}

/* isinstance as C asks it, waiting and not, which must be the same. */
static void check_instance(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL, *of = NULL;
    rpyc_async_result *later = NULL;
    rpyc_value *value = NULL;
    rpyc_error *failure = NULL;
    bool answer = false;

    (void)self;
    OK(rpyc_call_get_object(call, 0, &object));
    OK(rpyc_call_get_object(call, 1, &of));
    if (rpyc_object_is_instance(object, of, &answer, &failure)) {
        rpyc_call_raise_error(call, failure);
    } else {
        bool again = !answer;

        OK(rpyc_object_is_instance_async(object, of, 30000, &later, NULL));
        OK(rpyc_async_result_value(later, &value, NULL));
        /* What the peer says, of which an object would have to be asked for its truth. */
        if (rpyc_value_kind(value) == RPYC_VALUE_BOOL) {
            OK(rpyc_value_get_bool(value, &again, NULL));
            CHECK(again == answer);
        }
        rpyc_call_return_bool(call, answer);
    }
    rpyc_value_free(value);
    rpyc_async_result_free(later);
    rpyc_object_free(object);
    rpyc_object_free(of);
}

/* What two objects say that they are. */
static void names(rpyc_call *call, void *self)
{
    rpyc_value *both[2] = {NULL, NULL}, *pair = NULL;

    (void)self;
    for (size_t i = 0; i < 2; i++) {
        rpyc_object *object = NULL;

        OK(rpyc_call_get_object(call, i, &object));
        OK(rpyc_object_call_method(object, "name", NULL, 0, NULL, &both[i], NULL));
        rpyc_object_free(object);
    }
    OK(rpyc_value_new_tuple(both, 2, &pair, NULL));
    rpyc_call_return(call, pair);
}

/* Gives an object to another server's method "check_instance": an object of the one owner and a class of the other. */
static void ask_owner(rpyc_call *call, void *self)
{
    rpyc_value *args[] = {rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_clone(rpyc_call_arg(call, 1))};
    rpyc_value *value = NULL;
    rpyc_error *failure = NULL;

    (void)self;
    if (rpyc_object_call_method(owners[0], "check_instance", args, 2, NULL, &value, &failure))
        rpyc_call_raise_error(call, failure);
    else
        rpyc_call_return(call, value);
}

static const rpyc_method service_methods[] = {
    {"exposed_thing", thing, "thing(name)", NULL, 0},
    {"exposed_thing_of_other", thing_of_other, "thing_of_other(name)", NULL, 0},
    {"exposed_klass", klass, "klass(name)", NULL, 0},
    {"exposed_klass_of_other", klass_of_other, "klass_of_other(name)", NULL, 0},
    {"exposed_own_list", own_list, "own_list()", NULL, 0},
    {"exposed_check_instance", check_instance, "check_instance(thing, klass)", NULL, 0},
    {"exposed_ask_owner", ask_owner, "ask_owner(thing, klass)", NULL, 0},
    {"exposed_names", names, "names(one, other)", NULL, 0},
};

static const rpyc_method thing_methods[] = {{"exposed_name", say_name, "name()", NULL, 0}};

static rpyc_class *class_of(const char *name_of_class, const rpyc_class *base, void (*constructor)(rpyc_call *, void *),
                            const rpyc_method *methods, size_t count)
{
    rpyc_class_table table = {.struct_size = sizeof table, .method_size = sizeof(rpyc_method)};
    rpyc_class *made = NULL;

    table.module = "identities";
    table.name = name_of_class;
    table.base = base;
    table.construct = constructor;
    table.methods = methods;
    table.method_count = count;
    OK(rpyc_class_new(&table, NULL, NULL, &made, &error));
    return made;
}

static void serve(void)
{
    rpyc_class *service =
        class_of("IdentityService", NULL, NULL, service_methods, sizeof service_methods / sizeof *service_methods);
    rpyc_server *server = NULL;

    OK(rpyc_server_new("tcp://127.0.0.1:0", service, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    printf("%slistening %s\n", strncmp(name, "child", 5) ? "" : "child ", rpyc_server_address(server));
    fflush(stdout);
    while (getchar() != EOF)
        continue;
    OK(rpyc_server_stop(server, 1000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
}

/* What has been lent before the fork has its ids before it. */
static void lend_before(void)
{
    struct peers peers;
    rpyc_object *root = NULL;
    rpyc_value *args[] = {NULL}, *back = NULL;

    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    OK(rpyc_value_new_object(kept, &args[0], &error));
    OK(rpyc_object_call_method(root, "echo", args, 1, NULL, &back, &error));
    rpyc_value_free(back);
    rpyc_object_free(root);
    peers_close(&peers);
}

static rpyc_object *registered(const char *address, rpyc_object *function, rpyc_connection **connection)
{
    rpyc_object *root = NULL;
    rpyc_value *args[] = {NULL}, *value = NULL;

    OK(rpyc_connect(address, NULL, NULL, connection, &error));
    OK(rpyc_connection_root(*connection, &root, &error));
    OK(rpyc_value_new_object(function, &args[0], &error));
    OK(rpyc_object_call_method(root, "register", args, 1, NULL, &value, &error));
    rpyc_value_free(value);
    return root;
}

/* With the name of a child, it forks between the two connections. */
static int be_client(const char *address, const char *child_name)
{
    rpyc_object *root, *other = NULL, *function = NULL;
    pid_t child = -1;
    int status = 0, own = 0;

    OK(rpyc_function_new("whoami", say_name, "whoami()", NULL, 0, NULL, NULL, &function, &error));
    root = registered(address, function, &connections[0]);
    if (child_name) {
        fflush(NULL);
        child = fork();
        CHECK(child >= 0);
    }
    if (child == 0) {
        snprintf(name, sizeof name, "%s", child_name);
        other = registered(address, function, &connections[1]);
        own = 1;
    }
    rpyc_connection_serve_all(connections[own], NULL);
    rpyc_object_free(function);
    rpyc_object_free(root);
    rpyc_object_free(other);
    rpyc_connection_free(connections[0]);
    rpyc_connection_free(connections[1]);
    if (child > 0)
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    return finish();
}

int main(int argc, char **argv)
{
    pid_t child = -1;

    snprintf(name, sizeof name, "%s", argv[strcmp(argv[1], "clients") == 0 ? 3 : argc - 1]);
    if (strcmp(argv[1], "client") == 0 || strcmp(argv[1], "clients") == 0)
        return be_client(argv[2], argc > 4 ? argv[4] : NULL);
    base_class = class_of("Base", NULL, construct, thing_methods, 1);
    derived_class = class_of("Derived", base_class, construct_derived, NULL, 0);
    kept = make(base_class);
    for (int i = 0; strcmp(argv[1], "middle") == 0 && i < 2; i++) {
        OK(rpyc_connect(argv[argc - 1 - (i == 0 && argc > 3)], NULL, NULL, &connections[i], &error));
        OK(rpyc_connection_root(connections[i], &owners[i], &error));
    }
    if (strcmp(argv[1], "fork") == 0) {
        lend_before();
        fflush(NULL);
        child = fork();
        CHECK(child >= 0);
        if (child == 0)
            snprintf(name, sizeof name, "child of %s", argv[2]);
    }
    serve();
    for (int i = 0; i < 2; i++) {
        rpyc_object_free(owners[i]);
        rpyc_connection_free(connections[i]);
    }
    rpyc_object_free(kept);
    rpyc_class_free(derived_class);
    rpyc_class_free(base_class);
    if (child == 0)
        _exit(failures ? EXIT_FAILURE : EXIT_SUCCESS);
    if (child > 0) {
        int status = 1;

        CHECK(waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    }
    return finish();
}
