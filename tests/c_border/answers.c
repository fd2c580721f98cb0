/* Small answers, for a stock twin to compare with: answers serve ADDRESS [OPTION=VALUE...] serves clients/answers_client.py until
 * it is told to end; answers call ADDRESS asks clients/answers_server.py. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static rpyc_class *bags[2], *odd_class, *ruled_class, *plain_class;
static rpyc_server *server;

static rpyc_value *text(const char *chars)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_str(chars, RPYC_NUL_TERMINATED, &value, NULL));
    return value;
}

static void free_object(void *object)
{
    rpyc_object_free(object);
}

static void free_value(void *value)
{
    rpyc_value_free(value);
}

static void give(rpyc_call *call, rpyc_class *klass, void *self, rpyc_free_fn self_free)
{
    rpyc_object *object = NULL;

    OK(rpyc_object_new(klass, self, self_free, &object, NULL));
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void hello(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, "hello", RPYC_NUL_TERMINATED);
}

/* ---- Attributes in a dict. */

static rpyc_object *new_dict(void)
{
    static const char *const names[] = {"x", "exposed_y", "both", "exposed_both", "_p", "exposed__q"};
    rpyc_object *dict = NULL, *function = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_dict_new(NULL, NULL, 0, &dict, NULL));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        OK(rpyc_dict_set(dict, text(names[i]), text(names[i]), NULL));
    OK(rpyc_function_new("f", hello, "f()", NULL, 0, NULL, NULL, &function, NULL));
    OK(rpyc_value_new_object(function, &value, NULL));
    OK(rpyc_dict_set(dict, text("f"), value, NULL));
    OK(rpyc_value_new_object(function, &value, NULL));
    OK(rpyc_dict_set(dict, text("__len__"), value, NULL));
    rpyc_object_free(function);
    return dict;
}

static int32_t bag_has(void *self, const char *name, size_t length)
{
    rpyc_value *key = NULL;
    bool there = false;

    OK(rpyc_value_new_str(name, length, &key, NULL));
    OK(rpyc_object_contains(self, key, &there, NULL));
    return there;
}

static void bag_get(rpyc_call *call, void *self)
{
    rpyc_value *value = NULL;

    if (rpyc_object_get_item(self, rpyc_value_clone(rpyc_call_arg(call, 0)), &value, NULL))
        rpyc_call_raise(call, "AttributeError", "not in the bag");
    else
        rpyc_call_return(call, value);
}

/* With has_dynamic nobody asks for what is not there. */
static void bag_get_sure(rpyc_call *call, void *self)
{
    rpyc_value *value = NULL;

    OK(rpyc_object_get_item(self, rpyc_value_clone(rpyc_call_arg(call, 0)), &value, NULL));
    rpyc_call_return(call, value);
}

static void bag_set(rpyc_call *call, void *self)
{
    OK(rpyc_dict_set(self, rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_clone(rpyc_call_arg(call, 1)), NULL));
    rpyc_call_return(call, NULL);
}

static void bag_del(rpyc_call *call, void *self)
{
    if (rpyc_object_del_item(self, rpyc_value_clone(rpyc_call_arg(call, 0)), NULL))
        rpyc_call_raise(call, "AttributeError", "not in the bag");
    else
        rpyc_call_return(call, NULL);
}

static void make_bag(rpyc_call *call, void *self)
{
    int64_t which;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &which))
        give(call, bags[which], new_dict(), free_object);
}

/* What code of this process finds on such an object, which needs no prefix. */
static void own_view(rpyc_call *call, void *self)
{
    static const char *const names[] = {"x", "y", "exposed_y", "both", "nothing", "_p", "__array__"};
    char all[200] = "";

    (void)self;
    for (size_t which = 0; which < 2; which++) {
        rpyc_object *bag = NULL;

        OK(rpyc_object_new(bags[which], new_dict(), free_object, &bag, NULL));
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            rpyc_value *value = NULL;

            strcat(all, rpyc_object_get_attr(bag, names[i], &value, NULL) ? "-" : "+");
            rpyc_value_free(value);
        }
        strcat(all, rpyc_object_set_attr(bag, "fresh", text("new"), NULL) ? "-" : "+");
        strcat(all, rpyc_object_del_attr(bag, "fresh", NULL) ? "-" : "+");
        strcat(all, rpyc_object_del_attr(bag, "fresh", NULL) ? "- " : "+ ");
        rpyc_object_free(bag);
    }
    rpyc_call_return_str(call, all, RPYC_NUL_TERMINATED);
}

/* ---- An object whose comparisons and __contains__ answer with what it was made with. */

static void stored(rpyc_call *call, void *self)
{
    rpyc_call_return(call, rpyc_value_clone(self));
}

static const rpyc_method odd_methods[] = {
    {"__eq__", stored, "__eq__(other)", NULL, 0},
    {"__lt__", stored, "__lt__(other)", NULL, 0},
    {"__contains__", stored, "__contains__(item)", NULL, 0},
};

/* The answer is an instance without truth of its own where "own" is asked for. */
static void make_odd(rpyc_call *call, void *self)
{
    rpyc_value *value = rpyc_value_clone(rpyc_call_arg(call, 0));

    (void)self;
    if (rpyc_value_str_equal(value, "own empty list")) {
        rpyc_object *list = NULL;

        rpyc_value_free(value);
        OK(rpyc_list_new(NULL, 0, &list, NULL));
        OK(rpyc_value_new_object(list, &value, NULL));
        rpyc_object_free(list);
    }
    give(call, odd_class, value, free_value);
}

/* The odd one in a list of ours, which asks it. */
static void in_list(rpyc_call *call, void *self)
{
    rpyc_value *items[2] = {NULL, rpyc_value_new_int(7)};
    rpyc_object *list = NULL, *odd = NULL;

    (void)self;
    OK(rpyc_object_new(odd_class, rpyc_value_clone(rpyc_call_arg(call, 0)), free_value, &odd, NULL));
    OK(rpyc_value_new_object(odd, &items[0], NULL));
    OK(rpyc_list_new(items, 2, &list, NULL));
    rpyc_call_return_object(call, list);
    rpyc_object_free(list);
    rpyc_object_free(odd);
}

/* ---- Own rules: names that begin with "my_" are allowed. */

static int mine(rpyc_call *call)
{
    const char *name;
    size_t length;

    if (rpyc_call_get_str(call, 0, &name, &length))
        return 0;
    if (length > 3 && strncmp(name, "my_", 3) == 0)
        return 1;
    rpyc_call_raise(call, "AttributeError", "denied");
    return 0;
}

static void ruled_get(rpyc_call *call, void *self)
{
    if (mine(call))
        bag_get(call, self);
}

static void ruled_set(rpyc_call *call, void *self)
{
    if (mine(call))
        bag_set(call, self);
}

static void ruled_del(rpyc_call *call, void *self)
{
    if (mine(call))
        bag_del(call, self);
}

static void make_ruled(rpyc_call *call, void *self)
{
    rpyc_object *dict = new_dict(), *function = NULL;
    rpyc_value *value = NULL;

    (void)self;
    OK(rpyc_dict_set(dict, text("my_x"), text("x"), NULL));
    OK(rpyc_function_new("my_f", hello, "my_f()", NULL, 0, NULL, NULL, &function, NULL));
    OK(rpyc_value_new_object(function, &value, NULL));
    OK(rpyc_dict_set(dict, text("my_f"), value, NULL));
    rpyc_object_free(function);
    give(call, ruled_class, dict, free_object);
}

/* ---- Properties that can be deleted, and one that cannot. */

static void read_p(rpyc_call *call, void *self)
{
    if (*(int *)self)
        rpyc_call_return_int(call, *(int *)self);
    else
        rpyc_call_raise(call, "AttributeError", "deleted");
}

static void write_p(rpyc_call *call, void *self)
{
    int64_t n;

    if (!rpyc_call_get_int(call, 0, &n))
        rpyc_call_return_int(call, *(int *)self = (int)n);
}

static void delete_p(rpyc_call *call, void *self)
{
    if (!*(int *)self)
        rpyc_call_raise(call, "AttributeError", "deleted");
    else
        rpyc_call_return_int(call, *(int *)self = 0);
}

static const rpyc_property properties[] = {
    {"p", read_p, write_p, delete_p, NULL},
    {"exposed_e", read_p, write_p, delete_p, NULL},
    {"fixed", read_p, NULL, NULL, NULL},
};
static const rpyc_method plain_methods[] = {{"method", hello, "method()", NULL, 0}};

static void make_plain(rpyc_call *call, void *self)
{
    int *state = malloc(sizeof *state);

    (void)self;
    *state = 1;
    give(call, plain_class, state, free);
}

static void quit(rpyc_call *call, void *self)
{
    uint64_t one = 1;

    (void)self;
    rpyc_call_return(call, NULL);
    CHECK(write(rpyc_server_stop_fd(server), &one, sizeof one) == sizeof one);
}

static const rpyc_method methods[] = {
    {"exposed_bag", make_bag, "bag(which)", NULL, 0},  {"exposed_own_view", own_view, "own_view()", NULL, 0},
    {"exposed_odd", make_odd, "odd(value)", NULL, 0},  {"exposed_in_list", in_list, "in_list(value)", NULL, 0},
    {"exposed_ruled", make_ruled, "ruled()", NULL, 0}, {"exposed_plain", make_plain, "plain()", NULL, 0},
    {"exposed_quit", quit, "quit()", NULL, 0},
};

static rpyc_class *new_class(rpyc_class_table table)
{
    rpyc_class *klass = NULL;

    table.struct_size = sizeof table;
    table.method_size = sizeof(rpyc_method);
    table.property_size = sizeof(rpyc_property);
    OK(rpyc_class_new(&table, NULL, NULL, &klass, &error));
    return klass;
}

static int serve(const char *address, char **options)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = new_class((rpyc_class_table){
        .name = "AnswersService", .methods = methods, .method_count = sizeof methods / sizeof *methods});

    for (; *options; options++) {
        char *value = strchr(*options, '=');

        *value = 0;
        OK(rpyc_config_set(config, *options, value + 1, &error));
        *value = '=';
    }
    bags[0] = new_class((rpyc_class_table){.name = "Bag",
                                           .has_dynamic = bag_has,
                                           .get_dynamic = bag_get_sure,
                                           .set_dynamic = bag_set,
                                           .del_dynamic = bag_del});
    bags[1] = new_class(
        (rpyc_class_table){.name = "Bag", .get_dynamic = bag_get, .set_dynamic = bag_set, .del_dynamic = bag_del});
    odd_class = new_class((rpyc_class_table){.name = "Odd", .methods = odd_methods, .method_count = 3});
    ruled_class = new_class(
        (rpyc_class_table){.name = "Ruled", .get_attr = ruled_get, .set_attr = ruled_set, .del_attr = ruled_del});
    plain_class = new_class((rpyc_class_table){
        .name = "Plain", .methods = plain_methods, .method_count = 1, .properties = properties, .property_count = 3});
    OK(rpyc_server_new(address, service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve(server, &error));
    OK(rpyc_server_stop(server, 10000, &error));
    rpyc_server_free(server);
    rpyc_config_free(config);
    rpyc_class_free(service);
    rpyc_class_free(bags[0]);
    rpyc_class_free(bags[1]);
    rpyc_class_free(odd_class);
    rpyc_class_free(ruled_class);
    rpyc_class_free(plain_class);
    return finish();
}

/* ---- As a client of Python. */

static rpyc_object *made(rpyc_object *root, const char *method)
{
    rpyc_value *value = NULL;
    rpyc_object *object = NULL;

    OK(rpyc_object_call_method(root, method, NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    return object;
}

static int is_int(const rpyc_value *value, int64_t wanted)
{
    int64_t n = 0;

    OK(rpyc_value_get_int(value, &n, &error));
    return n == wanted;
}

static int denied(rpyc_status status)
{
    int is = status == RPYC_ERR_DENIED ||
             (status == RPYC_ERR_REMOTE && strcmp(rpyc_error_type_name(error), "AttributeError") == 0);

    if (!is)
        fprintf(stderr, "%s: %s\n", rpyc_status_name(status), rpyc_error_message(error));
    rpyc_error_free(error);
    error = NULL;
    return is;
}

/* An object of Python with _rpyc_getattr, _rpyc_setattr and _rpyc_delattr, which allow names with "my_". */
static void ruled(rpyc_object *root)
{
    rpyc_object *object = made(root, "ruled");
    rpyc_value *value = NULL;

    OK(rpyc_object_get_attr(object, "my_x", &value, &error));
    CHECK(rpyc_value_str_equal(value, "x"));
    rpyc_value_free(value);
    OK(rpyc_object_call_method(object, "my_f", NULL, 0, NULL, &value, &error));
    CHECK(rpyc_value_str_equal(value, "hello"));
    rpyc_value_free(value);
    OK(rpyc_object_set_attr(object, "my_new", rpyc_value_new_int(7), &error));
    OK(rpyc_object_get_attr(object, "my_new", &value, &error));
    CHECK(is_int(value, 7));
    rpyc_value_free(value);
    OK(rpyc_object_del_attr(object, "my_new", &error));
    CHECK(denied(rpyc_object_get_attr(object, "my_new", &value, &error)));
    CHECK(denied(rpyc_object_del_attr(object, "my_new", &error)));
    CHECK(denied(rpyc_object_get_attr(object, "x", &value, &error)));
    CHECK(denied(rpyc_object_get_attr(object, "exposed_y", &value, &error)));
    CHECK(denied(rpyc_object_call_method(object, "f", NULL, 0, NULL, &value, &error)));
    CHECK(denied(rpyc_object_set_attr(object, "x", rpyc_value_new_int(1), &error)));
    CHECK(denied(rpyc_object_del_attr(object, "x", &error)));
    CHECK(value == NULL);
    rpyc_object_free(object);
}

static int contains(rpyc_object *object, int64_t item)
{
    bool found = false;

    OK(rpyc_object_contains(object, rpyc_value_new_int(item), &found, &error));
    return found;
}

/* in goes no further than it must. */
static void membership(rpyc_object *root)
{
    rpyc_object *object = made(root, "squares"), *iterator;
    rpyc_value *value = NULL;
    bool found = true;

    CHECK(contains(object, 4));
    OK(rpyc_object_next(object, &value, &error));
    CHECK(is_int(value, 9));
    rpyc_value_free(value);
    CHECK(!contains(object, 10));
    GIVES(RPYC_ERR_STOP_ITERATION, rpyc_object_next(object, &value, &error));
    rpyc_object_free(object);
    /* What gives the same iterator each time is no container either. */
    object = made(root, "same_iterator");
    CHECK(contains(object, 1) && contains(object, 4) && !contains(object, 4));
    rpyc_object_free(object);
    object = made(root, "old_sequence");
    CHECK(contains(object, 2) && contains(object, 2) && !contains(object, 3));
    rpyc_object_free(object);
    object = made(root, "plain");
    GIVES(RPYC_ERR_REMOTE, rpyc_object_contains(object, rpyc_value_new_int(1), &found, &error));
    rpyc_object_free(object);
    object = made(root, "odd_true");
    CHECK(contains(object, 1));
    OK(rpyc_object_equal(object, rpyc_value_new_int(5), &found, &error));
    CHECK(found);
    rpyc_object_free(object);
    object = made(root, "odd_false");
    CHECK(!contains(object, 1));
    OK(rpyc_object_equal(object, rpyc_value_new_int(5), &found, &error));
    CHECK(!found);
    rpyc_object_free(object);
    object = made(root, "squares");
    OK(rpyc_object_iter(object, &iterator, &error));
    CHECK(contains(iterator, 0) && contains(object, 1));
    rpyc_object_free(iterator);
    rpyc_object_free(object);
}

/* What fails with AttributeError is there all the same. */
static void failing(rpyc_object *root)
{
    static const char *const names[] = {"failing", "negative_length"};
    rpyc_object *object;
    bool truth = false;

    for (int i = 0; i < 2; i++) {
        object = made(root, names[i]);
        GIVES(RPYC_ERR_REMOTE, rpyc_object_truth(object, &truth, &error));
        GIVES(RPYC_ERR_REMOTE, rpyc_object_contains(object, rpyc_value_new_int(1), &truth, &error));
        rpyc_object_free(object);
    }
    object = made(root, "equal_to_failing");
    GIVES(RPYC_ERR_REMOTE, rpyc_object_equal(object, rpyc_value_new_int(1), &truth, &error));
    GIVES(RPYC_ERR_REMOTE, rpyc_object_contains(object, rpyc_value_new_int(1), &truth, &error));
    rpyc_object_free(object);
    object = made(root, "plain");
    OK(rpyc_object_truth(object, &truth, &error));
    CHECK(truth);
    rpyc_object_free(object);
}

static int call(const char *address)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;

    OK(rpyc_connect(address, NULL, config, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    ruled(root);
    membership(root);
    failing(root);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    return finish();
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2], argv + 3);
    if (argc == 3 && strcmp(argv[1], "call") == 0)
        return call(argv[2]);
    return EXIT_FAILURE;
}
