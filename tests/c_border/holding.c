/* A class that is used when its handle is gone, and handles that keep the connection of an object open. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "peers.h"

static int freed;

static void count_free(void *self)
{
    (void)self;
    freed++;
}

/* The class that is called makes the object: userdata knows no handle of it. */
static void construct(rpyc_call *call, void *userdata)
{
    rpyc_class *klass = NULL;
    rpyc_object *made = NULL;
    rpyc_value *value = NULL;

    CHECK(userdata == &freed);
    OK(rpyc_object_class(rpyc_call_target(call), &klass, &error));
    OK(rpyc_object_new(klass, &freed, count_free, &made, &error));
    CHECK(rpyc_object_self(made, klass) == &freed);
    OK(rpyc_value_new_object(made, &value, &error));
    rpyc_object_free(made);
    rpyc_class_free(klass);
    rpyc_call_return(call, value);
}

static rpyc_object *class_without_handle(void)
{
    const rpyc_class_table table = {.struct_size = sizeof table, .name = "Motor", .construct = construct};
    rpyc_class *klass = NULL;
    rpyc_object *object = NULL;

    OK(rpyc_class_new(&table, &freed, count_free, &klass, &error));
    OK(rpyc_class_object(klass, &object, &error));
    rpyc_class_free(klass);
    return object;
}

static void classes(void)
{
    rpyc_object *klass = class_without_handle(), *made = NULL, *list = NULL;
    rpyc_class *of = NULL, *own = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_object_call(klass, NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &made, &error));
    rpyc_value_free(value);
    CHECK(strcmp(rpyc_object_type_name(made), "librpyc.Motor") == 0);
    /* Of an object and of the class itself, the same one. */
    OK(rpyc_object_class(made, &of, &error));
    OK(rpyc_object_class(klass, &own, &error));
    CHECK(rpyc_object_self(made, of) == &freed && rpyc_object_self(made, own) == &freed);
    rpyc_class_free(of);
    rpyc_class_free(own);
    rpyc_object_free(klass);
    CHECK(freed == 0);
    rpyc_object_free(made);
    CHECK(freed == 2);
    /* What no table describes has none. */
    OK(rpyc_list_new(NULL, 0, &list, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_object_class(list, &of, &error));
    CHECK(of == NULL);
    rpyc_object_free(list);
}

static rpyc_value *of_object(const rpyc_object *object)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_object(object, &value, &error));
    return value;
}

static void connections(void)
{
    struct peers peers = {0}, others = {0};
    rpyc_connection *held = NULL, *again = NULL, *lent = NULL;
    rpyc_object *root = NULL, *klass = class_without_handle(), *other = NULL;
    rpyc_value *parts[2], *tuple = NULL, *value = NULL;
    rpyc_class *of = NULL;

    peers_open(&peers);
    peers_open(&others);
    OK(rpyc_connection_root(peers.client, &root, &error));
    OK(rpyc_connection_root(others.client, &other, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_object_class(root, &of, &error));
    CHECK(rpyc_object_is_of(root, peers.client) && !rpyc_object_is_of(root, others.client));
    CHECK(!rpyc_object_is_of(klass, peers.client) && !rpyc_object_is_of(NULL, peers.client) &&
          !rpyc_object_is_of(root, NULL));

    /* Objects of this process, and plain data, have no connection. */
    CHECK(rpyc_object_hold_connection(klass) == NULL && rpyc_object_hold_connection(NULL) == NULL);
    value = of_object(klass);
    CHECK(rpyc_value_hold_connection(value) == NULL && rpyc_value_hold_connection(NULL) == NULL);
    rpyc_value_free(value);
    value = rpyc_value_new_int(5);
    CHECK(rpyc_value_hold_connection(value) == NULL);
    rpyc_value_free(value);

    /* The first object of a peer, at any depth. */
    parts[0] = of_object(klass);
    parts[1] = of_object(root);
    OK(rpyc_value_new_list(parts, 2, &tuple, &error));
    parts[0] = tuple;
    parts[1] = of_object(other);
    OK(rpyc_value_new_tuple(parts, 2, &tuple, &error));
    held = rpyc_value_hold_connection(tuple);
    CHECK(held != NULL && rpyc_object_is_of(root, held));
    rpyc_value_free(tuple);
    again = rpyc_object_hold_connection(root);
    CHECK(again != NULL && rpyc_object_is_of(root, again));

    /* The last of them ends the connection; one that is lent does not keep it. */
    OK(rpyc_object_connection(root, &lent, &error));
    rpyc_connection_free(peers.client);
    peers.client = lent;
    OK(rpyc_connection_ping(lent, NULL, 0, 20000, &error));
    rpyc_connection_free(held);
    OK(rpyc_connection_ping(lent, NULL, 0, 20000, &error));
    rpyc_connection_free(again);
    CHECK(rpyc_connection_closed(lent));
    CHECK(rpyc_object_hold_connection(root) == NULL);

    rpyc_object_free(root);
    rpyc_object_free(other);
    rpyc_object_free(klass);
    peers_close(&peers);
    peers_close(&others);
}

int main(void)
{
    classes();
    connections();
    return finish();
}
