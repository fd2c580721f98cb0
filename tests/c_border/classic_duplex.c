/* Two sides that drive each other. Alone: both are ours, in this process. With an ADDRESS: duplex_server.py there. */
#define _DEFAULT_SOURCE
#include "check.h"

/* The language of the slave: the text is a name of the namespace, or "ask EXPRESSION", which is asked of the master. */
static void eval(rpyc_call *call, void *self)
{
    const char *text;
    size_t length;
    rpyc_value *value = NULL, *key = NULL;
    rpyc_object *root = rpyc_call_target(call), *names = NULL;
    rpyc_classic *master = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    if (length > 4 && memcmp(text, "ask ", 4) == 0) {
        OK(rpyc_classic_new(rpyc_call_connection(call), &master, &error));
        if (rpyc_classic_eval(master, text + 4, length - 4, &value, &raised))
            rpyc_call_raise_error(call, raised);
        else
            rpyc_call_return(call, value);
        rpyc_classic_free(master);
        return;
    }
    OK(rpyc_object_get_attr(root, "namespace", &value, &error));
    OK(rpyc_value_get_object(value, &names, &error));
    rpyc_value_free(value);
    OK(rpyc_value_new_str(text, length, &key, &error));
    if (rpyc_object_get_item(names, key, &value, &raised))
        rpyc_call_raise_error(call, raised);
    else
        rpyc_call_return(call, value);
    rpyc_object_free(names);
}

static rpyc_class *slave(void)
{
    static const rpyc_slave_table table = {.struct_size = sizeof table, .eval = eval};
    rpyc_class *service = NULL;

    OK(rpyc_slave_new(&table, NULL, NULL, &service, &error));
    return service;
}

static int64_t number(rpyc_value *value)
{
    int64_t number = -1;

    OK(rpyc_value_get_int(value, &number, &error));
    rpyc_value_free(value);
    return number;
}

static int64_t evaluated(rpyc_classic *classic, const char *text)
{
    rpyc_value *value = NULL;

    OK(rpyc_classic_eval(classic, text, RPYC_NUL_TERMINATED, &value, &error));
    return number(value);
}

/* What both masters see of a slave of ours. */
static void native_slave(rpyc_classic *classic)
{
    rpyc_value *items[] = {rpyc_value_new_int(1), rpyc_value_new_none()}, *list = NULL, *there = NULL, *back = NULL;
    rpyc_object *object = NULL, *sys = NULL;

    OK(rpyc_classic_set(classic, "x", rpyc_value_new_int(5), &error));
    CHECK(evaluated(classic, "x") == 5);
    OK(rpyc_classic_module(classic, "sys", &sys, &error));
    GIVES(RPYC_ERR_REMOTE, rpyc_classic_module(classic, "nothing", &object, &error));
    GIVES(RPYC_ERR_REMOTE,
          rpyc_classic_execute(classic, "x = 1", RPYC_NUL_TERMINATED, &error)); /* it has no such callback */
    OK(rpyc_value_new_list(items, 2, &list, &error));
    OK(rpyc_classic_deliver(classic, list, &there, &error));
    OK(rpyc_value_get_object(there, &object, &error));
    OK(rpyc_classic_obtain(classic, object, 0, 0, 0, &back, &error));
    CHECK(rpyc_value_kind(back) == RPYC_VALUE_LIST && rpyc_value_count(back) == 2);
    rpyc_value_free(back);
    OK(rpyc_object_obtain(object, 0, 0, 0, &back, &error));
    CHECK(rpyc_value_kind(back) == RPYC_VALUE_LIST && rpyc_value_count(back) == 2);
    rpyc_value_free(back);
    rpyc_value_free(there);
    rpyc_object_free(object);
    rpyc_object_free(sys);
}

static void *serve(void *connection)
{
    rpyc_connection_serve_all(connection, NULL);
    return NULL;
}

static void native(void)
{
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_connection *here = NULL, *there = NULL;
    rpyc_classic *classic = NULL;
    rpyc_class *service = slave();
    rpyc_object *root = NULL, *names = NULL;
    rpyc_value *value = NULL, *key = NULL;
    pthread_t thread;

    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_connection_new(left, service, NULL, &here, &error));
    OK(rpyc_connection_new(right, service, NULL, &there, &error));
    CHECK(pthread_create(&thread, NULL, serve, there) == 0);
    OK(rpyc_classic_new(here, &classic, &error));
    native_slave(classic);
    /* The other side asks for a name of ours while it serves us. */
    OK(rpyc_connection_root(here, &root, &error));
    OK(rpyc_object_get_attr(root, "namespace", &value, &error));
    OK(rpyc_value_get_object(value, &names, &error));
    rpyc_value_free(value);
    GIVES(RPYC_ERR_REMOTE, rpyc_classic_eval(classic, "ask y", RPYC_NUL_TERMINATED, &value, &error));
    OK(rpyc_value_new_str("y", RPYC_NUL_TERMINATED, &key, &error));
    OK(rpyc_object_set_item(names, key, rpyc_value_new_int(6), &error));
    CHECK(evaluated(classic, "y") == 6); /* its own namespace, which is not ours */
    rpyc_object_free(names);
    rpyc_object_free(root);
    rpyc_classic_free(classic);
    OK(rpyc_connection_close(here, &error));
    pthread_join(thread, NULL);
    rpyc_connection_free(here);
    rpyc_connection_free(there);
    rpyc_class_free(service);
}

static void python(const char *address)
{
    rpyc_classic *classic = NULL;
    rpyc_class *service = slave();

    OK(rpyc_classic_connect(address, service, NULL, &classic, &error));
    if (!classic) {
        rpyc_class_free(service);
        return;
    }
    CHECK(evaluated(classic, "6 * 7") == 42);
    /* The server serves us while it still prepares to drive us. */
    for (int i = 0; i < 1000 && evaluated(classic, "int('master' in globals())") != 1; i++)
        usleep(10000);
    /* Python sets a name here, and asks for it, while we wait for it. */
    OK(rpyc_classic_execute(classic, "master.namespace['z'] = 7", RPYC_NUL_TERMINATED, &error));
    CHECK(evaluated(classic, "master.eval('z')") == 7);
    CHECK(evaluated(classic, "master.eval('ask 40 + 2')") == 42);
    CHECK(evaluated(classic, "master.builtins.len('four')") == 4);
    rpyc_classic_free(classic);
    rpyc_class_free(service);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        python(argv[1]);
    else
        native();
    return finish();
}
