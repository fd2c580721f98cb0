/* What the client lends to the server: its root, and objects of a class of its own. */
#include "interop_client.h"

#include <stdlib.h>
#include <string.h>

static rpyc_class *root_service, *thing_class;

/* ---------------------------------------------------------------- the root */

static void root_double(rpyc_call *call, void *self)
{
    (void)self;
    answer_sum(call, rpyc_call_arg(call, 0), rpyc_call_arg(call, 0));
}

static void root_join(rpyc_call *call, void *self)
{
    (void)self;
    const rpyc_value *parts = rpyc_call_arg(call, 0);
    rpyc_value *dash = str_value("-"), *joined = str_value("");
    rpyc_status status = RPYC_OK;
    for (size_t i = 0; i < rpyc_value_count(parts) && status == RPYC_OK; i++) {
        rpyc_value *with_dash = NULL, *longer = NULL;
        status = i > 0 ? add_values(joined, dash, &with_dash) : RPYC_OK;
        if (status == RPYC_OK)
            status = add_values(with_dash != NULL ? with_dash : joined, rpyc_value_item(parts, i), &longer);
        rpyc_value_free(with_dash);
        rpyc_value_free(joined);
        joined = longer;
    }
    rpyc_value_free(dash);
    if (status == RPYC_ERR_TYPE)
        raise_type_error(call, "join() takes text");
    else
        answer(call, joined);
}

static void root_refuse(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_raise(call, "PermissionError", "not today");
}

rpyc_class *client_root_service(void)
{
    return root_service;
}

/* ---------------------------------------------------------------- things */

static void thing_hello(rpyc_call *call, void *self)
{
    rpyc_value *greeting = TUPLE(str_value("hello"), str_value(self));
    answer_sum(call, greeting, rpyc_call_arg(call, 0));
    rpyc_value_free(greeting);
}

static void thing_name(rpyc_call *call, void *self)
{
    rpyc_call_return_str(call, self, RPYC_NUL_TERMINATED);
}

static void thing_secret(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, "no", RPYC_NUL_TERMINATED);
}

static void thing_str(rpyc_call *call, void *self)
{
    rpyc_value *kind = str_value("thing "), *name = str_value(self);
    answer_sum(call, kind, name);
    rpyc_value_free(kind);
    rpyc_value_free(name);
}

static void thing_repr(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, "<LocalThing>", RPYC_NUL_TERMINATED);
}

static void thing_length(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 11);
}

rpyc_object *local_thing(const char *name)
{
    rpyc_object *object = NULL;
    char *self = malloc(strlen(name) + 1);
    if (self == NULL)
        return NULL;
    strcpy(self, name);
    rpyc_object_new(thing_class, self, free, &object, NULL);
    return object;
}

/* ---------------------------------------------------------------- the classes */

static const rpyc_method root_methods[] = {
    {"exposed_double", root_double, "double(value)", "The value, twice.", RPYC_METHOD_QUICK},
    {"exposed_join", root_join, "join(*parts)", "The texts, joined with dashes.", RPYC_METHOD_QUICK},
    {"exposed_refuse", root_refuse, "refuse()", "Raises PermissionError.", RPYC_METHOD_QUICK},
};

static const rpyc_method thing_methods[] = {
    {"exposed_hello", thing_hello, "hello(*args)", NULL, RPYC_METHOD_QUICK},
    {"__str__", thing_str, "__str__()", NULL, RPYC_METHOD_QUICK},
    {"__repr__", thing_repr, "__repr__()", NULL, RPYC_METHOD_QUICK},
    {"__len__", thing_length, "__len__()", NULL, RPYC_METHOD_QUICK},
};

static const rpyc_property thing_properties[] = {
    {"exposed_name", thing_name, NULL, NULL, NULL},
    {"secret", thing_secret, NULL, NULL, NULL},
};

rpyc_status local_init(rpyc_error **error_out)
{
    rpyc_class_table root = {
        .struct_size = sizeof root,
        .method_size = sizeof *root_methods,
        .module = "interop_client",
        .name = "ClientRoot",
        .doc = "What the client offers as its root.",
        .methods = root_methods,
        .method_count = COUNT(root_methods),
    };
    rpyc_class_table thing = {
        .struct_size = sizeof thing,
        .method_size = sizeof *thing_methods,
        .property_size = sizeof *thing_properties,
        .module = "interop_client",
        .name = "LocalThing",
        .doc = "A client object that the server gets by reference.",
        .methods = thing_methods,
        .method_count = COUNT(thing_methods),
        .properties = thing_properties,
        .property_count = COUNT(thing_properties),
    };
    rpyc_status status = rpyc_class_new(&root, NULL, NULL, &root_service, error_out);
    return status == RPYC_OK ? rpyc_class_new(&thing, NULL, NULL, &thing_class, error_out) : status;
}

void local_free(void)
{
    rpyc_class_free(root_service);
    rpyc_class_free(thing_class);
    root_service = thing_class = NULL;
}
