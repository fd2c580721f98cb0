/* Truth and equality, arguments as one tuple, errors of the host's own, userdata, serial functions, services that refuse. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "check.h"
#include "peers.h"

static int class_data, state, created, connected, disconnected, destroyed;
static int refuse;
static rpyc_class *plain, *lists, *falses;

/* ---------------------------------------------------------------- the service */

static void none(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, NULL);
}

static void give_false(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_bool(call, 0);
}

static void give_text(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, "no bool", RPYC_NUL_TERMINATED);
}

static void length(rpyc_call *call, void *self)
{
    rpyc_call_return_int(call, (int64_t)(intptr_t)self);
}

static void equal_to_seven(rpyc_call *call, void *self)
{
    int64_t number = 0;

    (void)self;
    if (rpyc_value_get_int(rpyc_call_arg(call, 0), &number, NULL))
        rpyc_call_return(call, rpyc_value_new_not_implemented());
    else
        rpyc_call_return_bool(call, number == 7);
}

static void make(rpyc_call *call, void *self)
{
    int64_t size = 0;
    rpyc_object *thing = NULL;
    const rpyc_class *klass;

    (void)self;
    if (rpyc_call_get_int(call, 0, &size))
        return;
    klass = size == -1 ? plain : size == -2 ? falses : lists;
    OK(rpyc_object_new(klass, (void *)(intptr_t)size, NULL, &thing, &error));
    rpyc_call_return_object(call, thing);
    rpyc_object_free(thing);
}

static void userdata(rpyc_call *call, void *self)
{
    rpyc_call_return_bool(call, self == &state && rpyc_call_userdata(call) == &class_data);
}

static void all(rpyc_call *call, void *self)
{
    rpyc_value *both[2] = {rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_clone(rpyc_call_arg(call, 1))},
               *pair = NULL;

    (void)self;
    OK(rpyc_value_new_tuple(both, 2, &pair, &error));
    rpyc_call_return(call, pair);
}

static void items(rpyc_call *call, void *self)
{
    rpyc_value *both[2] = {rpyc_value_new_int(1), rpyc_value_new_int(2)}, *list = NULL;

    (void)self;
    OK(rpyc_value_new_list(both, 2, &list, &error));
    rpyc_call_return(call, list);
}

static rpyc_status fail_with(const char *type, rpyc_error **error_out)
{
    return rpyc_error_new(RPYC_ERR_RANGE, type, "no such row", error_out);
}

static void fail(rpyc_call *call, void *self)
{
    rpyc_error *mine = NULL;

    (void)self;
    CHECK(fail_with(rpyc_call_arg_count(call) ? "bank.Closed" : NULL, &mine) == RPYC_ERR_RANGE);
    rpyc_call_raise_error(call, mine);
}

static void no_file(rpyc_call *call, void *self)
{
    rpyc_value *args[2] = {rpyc_value_new_int(2), NULL}, *attributes = NULL, *keys[3], *values[3];

    (void)self;
    OK(rpyc_value_new_str("No such file or directory", RPYC_NUL_TERMINATED, &args[1], &error));
    for (int i = 0; i < 3; i++)
        OK(rpyc_value_new_str((const char *[]){"errno", "strerror", "filename"}[i], RPYC_NUL_TERMINATED, &keys[i],
                              &error));
    values[0] = rpyc_value_clone(args[0]);
    values[1] = rpyc_value_clone(args[1]);
    OK(rpyc_value_new_str("/x", RPYC_NUL_TERMINATED, &values[2], &error));
    OK(rpyc_value_new_dict(keys, values, 3, &attributes, &error));
    rpyc_call_raise_with(call, NULL, "FileNotFoundError", args, 2, attributes);
}

static void *create(rpyc_connection *connection, void *data)
{
    (void)connection;
    CHECK(data == &class_data);
    created++;
    return refuse ? NULL : &state;
}

static void destroy(void *self)
{
    CHECK(self == &state);
    destroyed++;
}

static void on_connect(rpyc_connection *connection, void *self)
{
    (void)connection;
    CHECK(self == &state);
    connected++;
}

static void on_disconnect(rpyc_connection *connection, void *self)
{
    (void)connection, (void)self;
    disconnected++;
}

static rpyc_class *class_of(const char *name, const rpyc_method *methods, size_t count)
{
    const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .name = name,
        .methods = methods,
        .method_count = count,
    };
    rpyc_class *klass = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &klass, &error));
    return klass;
}

static rpyc_class *service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_make", make, "make(size)", NULL, 0},      {"exposed_userdata", userdata, "userdata()", NULL, 0},
        {"exposed_all", all, "all(a, b)", NULL, 0},         {"exposed_fail", fail, NULL, NULL, 0},
        {"exposed_no_file", no_file, "no_file()", NULL, 0}, {"exposed_items", items, "items()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .name = "ConvenientService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .create = create,
        .destroy = destroy,
        .on_connect = on_connect,
        .on_disconnect = on_disconnect,
    };
    rpyc_class *made = NULL;

    OK(rpyc_class_new(&table, &class_data, NULL, &made, &error));
    return made;
}

/* ---------------------------------------------------------------- its client */

static rpyc_object *thing(rpyc_object *root, int64_t size)
{
    rpyc_value *args[] = {rpyc_value_new_int(size)}, *value = NULL;
    rpyc_object *object = NULL;

    OK(rpyc_object_call_method(root, "make", args, 1, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    return object;
}

static void truth(rpyc_object *object, int expected)
{
    bool truth = !expected;

    OK(rpyc_object_truth(object, &truth, &error));
    CHECK(truth == !!expected);
}

static int is_equal(rpyc_object *object, rpyc_value *value)
{
    bool equal = true;

    OK(rpyc_object_equal(object, value, &equal, &error));
    return equal;
}

static void truths(rpyc_object *root)
{
    const rpyc_method no_bool[] = {{"__bool__", give_text, NULL, NULL, 0}};
    rpyc_class *wrong = class_of("Wrong", no_bool, 1);
    rpyc_object *bare = thing(root, -1), *no = thing(root, -2), *empty = thing(root, 0), *full = thing(root, 3),
                *local = NULL;
    rpyc_value *same = NULL, *other = NULL;
    bool answer = true;

    truth(bare, 1), truth(no, 0), truth(empty, 0), truth(full, 1);
    OK(rpyc_object_new(falses, NULL, NULL, &local, &error));
    truth(local, 0);
    rpyc_object_free(local);
    OK(rpyc_object_new(wrong, NULL, NULL, &local, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_object_truth(local, &answer, &error));
    CHECK(!answer);
    rpyc_object_free(local);
    rpyc_class_free(wrong);

    OK(rpyc_value_new_object(bare, &same, &error));
    OK(rpyc_value_new_object(full, &other, &error));
    CHECK(is_equal(bare, rpyc_value_clone(same)) && !is_equal(bare, rpyc_value_clone(other)));
    CHECK(!is_equal(bare, rpyc_value_new_int(7)));
    /* Its own __eq__ says so, also when only the other one has it. */
    CHECK(is_equal(no, rpyc_value_new_int(7)) && !is_equal(no, rpyc_value_new_int(8)));
    CHECK(!is_equal(no, same));
    GIVES(RPYC_ERR_NULL, rpyc_object_equal(bare, NULL, &answer, &error));
    rpyc_value_free(other);
    rpyc_object_free(bare), rpyc_object_free(no), rpyc_object_free(empty), rpyc_object_free(full);
}

static void tuples(rpyc_object *root)
{
    rpyc_value *items[2] = {rpyc_value_new_int(1), rpyc_value_new_int(2)}, *args = NULL, *value = NULL, *text,
               *all_of_it = NULL;
    rpyc_object *method = NULL;

    OK(rpyc_value_new_tuple(items, 2, &args, &error));
    OK(rpyc_object_call_tuple(root, "all", rpyc_value_clone(args), NULL, &value, &error));
    text = rpyc_value_repr(value);
    CHECK(rpyc_value_str_equal(text, "(1, 2)"));
    rpyc_value_free(text), rpyc_value_free(value);
    OK(rpyc_object_get_attr(root, "all", &all_of_it, &error));
    OK(rpyc_value_get_object(all_of_it, &method, &error));
    OK(rpyc_object_call_tuple(method, NULL, args, NULL, &value, &error));
    rpyc_value_free(value);
    GIVES(RPYC_ERR_TYPE, rpyc_object_call_tuple(method, NULL, rpyc_value_new_int(1), NULL, &value, &error));
    CHECK(value == NULL);
    GIVES(RPYC_ERR_REMOTE, rpyc_object_call_tuple(method, NULL, NULL, NULL, &value, &error));
    rpyc_object_free(method), rpyc_value_free(all_of_it);
}

static void errors(rpyc_object *root)
{
    rpyc_value *value = NULL, *args[] = {rpyc_value_new_int(1)};

    CHECK(fail_with(NULL, NULL) == RPYC_ERR_RANGE);
    CHECK(fail_with(NULL, &error) == RPYC_ERR_RANGE && rpyc_error_status(error) == RPYC_ERR_RANGE);
    CHECK(strcmp(rpyc_error_message(error), "no such row") == 0 && rpyc_error_type_name(error) == NULL);
    rpyc_error_free(error);
    CHECK(rpyc_error_new(RPYC_OK, NULL, NULL, &error) == RPYC_ERR_ARGUMENT);
    CHECK(strcmp(rpyc_error_message(error), "RPYC_ERR_ARGUMENT") == 0);
    rpyc_error_free(error);
    CHECK(rpyc_error_new(RPYC_ERR_IO, NULL, "\xff", &error) == RPYC_ERR_UTF8);
    rpyc_error_free(error);
    rpyc_error_new(RPYC_ERR_IO, NULL, "a\n\t\r\x1b[2J\x7f\xc2\x9b\xe2\x80\xae\\n caf\xc3\xa9", &error);
    CHECK(strcmp(rpyc_error_describe(error), "a\\n\\t\\r\\x1b[2J\\x7f\\x9b\\u202e\\n caf\xc3\xa9") == 0);
    CHECK(rpyc_error_describe(error) == rpyc_error_describe(error) && strchr(rpyc_error_message(error), '\n') != NULL);
    CHECK(strcmp(rpyc_error_describe(NULL), "") == 0);
    rpyc_error_free(error);
    CHECK(rpyc_object_call_method(root, "fail", NULL, 0, NULL, &value, &error) == RPYC_ERR_REMOTE);
    CHECK(strcmp(rpyc_error_message(error), "OverflowError: no such row") == 0);
    rpyc_error_free(error);
    CHECK(rpyc_object_call_method(root, "fail", args, 1, NULL, &value, &error) == RPYC_ERR_REMOTE);
    CHECK(strcmp(rpyc_error_message(error), "bank.Closed: no such row") == 0);
    rpyc_error_free(error);
    CHECK(rpyc_object_call_method(root, "no_file", NULL, 0, NULL, &value, &error) == RPYC_ERR_REMOTE);
    CHECK(strcmp(rpyc_error_message(error), "FileNotFoundError: [Errno 2] No such file or directory: '/x'") == 0);
    rpyc_error_free(error);
    error = NULL;
}

/* The end of an iteration is no error. */
static void iteration(rpyc_object *root)
{
    rpyc_value *list = NULL, *item = NULL;
    rpyc_object *object = NULL;
    rpyc_iterator *iterator = NULL;

    OK(rpyc_object_call_method(root, "items", NULL, 0, NULL, &list, &error));
    OK(rpyc_value_get_object(list, &object, &error));
    OK(rpyc_object_iterate(object, &iterator, &error));
    for (int i = 0; i < 2; i++) {
        OK(rpyc_iterator_next(iterator, &item, &error));
        rpyc_value_free(item);
    }
    for (int i = 0; i < 2; i++)
        CHECK(rpyc_iterator_next(iterator, &item, &error) == RPYC_ERR_STOP_ITERATION && item == NULL && error == NULL);
    rpyc_iterator_free(iterator);
    rpyc_object_free(object);
    rpyc_value_free(list);
}

/* ---------------------------------------------------------------- functions and refusals */

static int inside, most;

static void alone(rpyc_call *call, void *self)
{
    int now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);

    CHECK(self == &state && rpyc_call_userdata(call) == &state);
    if (now > __atomic_load_n(&most, __ATOMIC_SEQ_CST))
        __atomic_store_n(&most, now, __ATOMIC_SEQ_CST);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    rpyc_call_return(call, NULL);
}

static void *call_function(void *function)
{
    rpyc_value *value = NULL;

    CHECK(rpyc_object_call(function, NULL, 0, NULL, &value, NULL) == RPYC_OK);
    return NULL;
}

static int overlap(uint64_t flags)
{
    rpyc_object *function = NULL;
    pthread_t threads[8];

    most = 0;
    OK(rpyc_function_new("alone", alone, "alone()", NULL, flags, &state, NULL, &function, &error));
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&threads[i], NULL, call_function, function) == 0);
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    rpyc_object_free(function);
    return most;
}

static rpyc_class *slave(void)
{
    const rpyc_slave_table table = {
        .struct_size = sizeof table,
        .create = create,
        .destroy = destroy,
        .on_connect = on_connect,
        .on_disconnect = on_disconnect,
    };
    rpyc_class *klass = NULL;

    OK(rpyc_slave_new(&table, &class_data, NULL, &klass, &error));
    return klass;
}

static void refusals(rpyc_class *klass)
{
    rpyc_server *server = NULL;
    rpyc_connection *connection = NULL;
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_status status;

    created = connected = disconnected = destroyed = 0;
    refuse = 1;
    OK(rpyc_server_new("tcp://127.0.0.1:0", klass, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    status = rpyc_connect(rpyc_server_address(server), NULL, NULL, &connection, &error);
    if (status == RPYC_OK)
        status = rpyc_connection_ping(connection, NULL, 0, 20000, &error);
    CHECK(status == RPYC_ERR_EOF);
    rpyc_error_free(error);
    error = NULL;
    rpyc_connection_free(connection);
    CHECK(created == 1 && connected == 0);
    refuse = 0;
    OK(rpyc_connect(rpyc_server_address(server), NULL, NULL, &connection, &error));
    OK(rpyc_connection_ping(connection, NULL, 0, 20000, &error));
    rpyc_connection_free(connection);
    OK(rpyc_server_stop(server, 5000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    CHECK(created == 2 && connected == 1 && disconnected == 1 && destroyed == 1);

    refuse = 1;
    OK(rpyc_transport_new_pair(&left, &right, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connection_new(left, klass, NULL, &connection, &error));
    CHECK(connection == NULL && connected == 1);
    rpyc_transport_free(right);
    refuse = 0;
}

int main(void)
{
    static const rpyc_method sized[] = {{"__len__", length, "__len__()", NULL, 0}};
    static const rpyc_method falsy[] = {{"__bool__", give_false, NULL, NULL, 0},
                                        {"__eq__", equal_to_seven, NULL, NULL, 0}};
    static const rpyc_method bare[] = {{"exposed_none", none, NULL, NULL, 0}};
    struct peers peers = {0};
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_config *config = peers_config();
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    bool good = false;

    plain = class_of("Plain", bare, 1);
    lists = class_of("Sized", sized, 1);
    falses = class_of("Falsy", falsy, 2);
    peers.service = service();
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &peers.client, &error));
    OK(rpyc_connection_new(right, peers.service, config, &peers.server, &error));
    CHECK(pthread_create(&peers.thread, NULL, peers_serve, peers.server) == 0);
    OK(rpyc_connection_root(peers.client, &root, &error));
    OK(rpyc_object_call_method(root, "userdata", NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_bool(value, &good, &error));
    CHECK(good && rpyc_call_userdata(NULL) == NULL);
    rpyc_value_free(value);
    truths(root);
    tuples(root);
    errors(root);
    iteration(root);
    rpyc_object_free(root);
    rpyc_connection_free(peers.client);
    CHECK(pthread_join(peers.thread, NULL) == 0);
    rpyc_connection_free(peers.server);
    CHECK(overlap(RPYC_FUNCTION_SERIAL) == 1);
    CHECK(overlap(RPYC_FUNCTION_QUICK) > 1);
    refusals(peers.service);
    rpyc_class_free(peers.service);
    peers.service = slave();
    refusals(peers.service);
    rpyc_class_free(peers.service);
    rpyc_class_free(plain), rpyc_class_free(lists), rpyc_class_free(falses);
    rpyc_config_free(config);
    return finish();
}
