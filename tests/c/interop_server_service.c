/* The service: its table, and what each connection has of its own. */
#define _POSIX_C_SOURCE 200809L
#include "interop_server.h"

#include <stdlib.h>

static void get_contract(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 1);
}

static const rpyc_property properties[] = {
    {"exposed_contract", get_contract, NULL, NULL, "The version of the contract."},
};

static const rpyc_method methods[] = {
    {"exposed_implementation", root_implementation, "implementation()", NULL, RPYC_METHOD_QUICK},
    {"exposed_add", root_add, "add(a, b)", "The sum of two ints, strs or tuples.", RPYC_METHOD_QUICK},
    {"exposed_echo", root_echo, "echo(value)", "The same thing again.", RPYC_METHOD_QUICK},
    {"exposed_kind", root_kind, "kind(value)", NULL, RPYC_METHOD_QUICK},
    {"exposed_sample", root_sample, "sample(name)", NULL, RPYC_METHOD_QUICK},
    {"exposed_concat", root_concat, "concat(first, *rest, **named)", NULL, RPYC_METHOD_QUICK},
    {"exposed_defaults", root_defaults, "defaults(a, b=2, *, c=3)", NULL, RPYC_METHOD_QUICK},
    {"exposed_nothing", root_nothing, "nothing()", NULL, RPYC_METHOD_QUICK},
    {"exposed_fail", root_fail, "fail(name, *args)", "Raises the builtin exception of that name.", RPYC_METHOD_QUICK},
    {"exposed_divide", root_divide, "divide(a, b)", NULL, RPYC_METHOD_QUICK},

    {"exposed_blob", root_blob, "blob(size)", "Bytes that do not compress.", 0},
    {"exposed_zeros", root_zeros, "zeros(size)", NULL, 0},
    {"exposed_digest", root_digest, "digest(data)", "SHA-256 in hexadecimal.", 0},

    {"exposed_call", root_call, "call(func, *args, **kwargs)", NULL, 0},
    {"exposed_call_n", root_call_n, "call_n(func, count)", NULL, 0},
    {"exposed_call_catch", root_call_catch, "call_catch(func, *args)", NULL, 0},
    {"exposed_recurse", root_recurse, "recurse(func, depth)", NULL, 0},
    {"exposed_call_method", root_call_method, "call_method(obj, name, *args)", NULL, 0},
    {"exposed_describe", root_describe, "describe(obj)", NULL, 0},
    {"exposed_total", root_total, "total(iterable)", NULL, 0},
    {"exposed_ask_root", root_ask_root, "ask_root(name, *args)", NULL, 0},
    {"exposed_later", root_later, "later(delay, func, value)", NULL, 0},
    {"exposed_slow", root_slow, "slow(delay, value)", NULL, 0},
    {"exposed_slow_fail", root_slow_fail, "slow_fail(delay)", NULL, 0},

    {"exposed_hold", root_hold, "hold(obj)", NULL, RPYC_METHOD_QUICK},
    {"exposed_get_held", root_get_held, "get_held()", NULL, RPYC_METHOD_QUICK},
    {"exposed_release", root_release, "release()", NULL, RPYC_METHOD_QUICK},
    {"exposed_is_same", root_is_same, "is_same(a, b)", NULL, RPYC_METHOD_QUICK},
    {"exposed_make", root_make, "make(label)", "A new Item.", RPYC_METHOD_QUICK},
    {"exposed_make_sub", root_make_sub, "make_sub(label)", "A new SubItem.", RPYC_METHOD_QUICK},
    {"exposed_classes", root_classes, "classes()", NULL, RPYC_METHOD_QUICK},
    {"exposed_shared", root_shared, "shared()", NULL, RPYC_METHOD_QUICK},
    {"exposed_live", root_live, "live()", "How many items there are now.", RPYC_METHOD_QUICK},
    {"exposed_collect", root_collect, "collect()", NULL, RPYC_METHOD_QUICK},
    {"exposed_make_list", root_make_list, "make_list(n)", NULL, RPYC_METHOD_QUICK},
    {"exposed_make_dict", root_make_dict, "make_dict()", NULL, RPYC_METHOD_QUICK},
    {"exposed_gen", root_gen, "gen(n)", NULL, RPYC_METHOD_QUICK},
    {"exposed_gen_fail", root_gen_fail, "gen_fail(n)", NULL, RPYC_METHOD_QUICK},
    {"exposed_mixed", root_mixed, "mixed()", NULL, RPYC_METHOD_QUICK},
    {"exposed_ctx", root_ctx, "ctx(swallow=False)", "A context manager.", RPYC_METHOD_QUICK},
    {"exposed_adder", root_adder, "adder(base)", "A function that adds the base to a value.", RPYC_METHOD_QUICK},
};

static void *create_root(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    (void)userdata;
    struct root *root = calloc(1, sizeof *root);
    if (root == NULL)
        return NULL;
    if (pthread_mutex_init(&root->lock, NULL) != 0) {
        free(root);
        return NULL;
    }
    root->shared = item_object(item_class(), str_value("shared"));
    return root;
}

static void destroy_root(void *self)
{
    struct root *root = self;
    if (root == NULL)
        return;
    rpyc_value_free(root->held);
    rpyc_object_free(root->shared);
    pthread_mutex_destroy(&root->lock);
    free(root);
}

/* What the client lent is of no use any more. */
static void disconnected(rpyc_connection *connection, void *self)
{
    (void)connection;
    struct root *root = self;
    pthread_mutex_lock(&root->lock);
    rpyc_value *held = root->held;
    root->held = NULL;
    pthread_mutex_unlock(&root->lock);
    rpyc_value_free(held);
}

rpyc_status service_new(rpyc_class **service_out, rpyc_error **error_out)
{
    static const char *const aliases[] = {"INTEROP", "INTEROPALIAS"};
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .property_size = sizeof *properties,
        .module = "interop",
        .name = "InteropService",
        .doc = "The service of the interop contract.",
        .methods = methods,
        .method_count = COUNT(methods),
        .properties = properties,
        .property_count = COUNT(properties),
        .aliases = aliases,
        .alias_count = COUNT(aliases),
        .create = create_root,
        .destroy = destroy_root,
        .on_disconnect = disconnected,
    };
    return rpyc_class_new(&table, NULL, NULL, service_out, error_out);
}
