/* classic_nesting ADDRESS: a slave whose masters call it back without end, for tests/run/clients/classic_nesting.py. eval(name) and
   execute(name) call what the namespace has there, an import calls `importer` of the namespace, and the module `my` has
   call(f, *args). It ends with its stdin. */
#include "check.h"

static void give(rpyc_call *call, rpyc_status status, rpyc_value *result, rpyc_error *failure)
{
    if (status)
        rpyc_call_raise_error(call, failure);
    else
        rpyc_call_return(call, result);
}

/* call(f, *args) */
static void call_it(rpyc_call *call, void *userdata)
{
    rpyc_object *function = NULL;
    rpyc_value *result = NULL, **args;
    rpyc_error *failure = NULL;
    rpyc_status status;
    size_t count = rpyc_call_arg_count(call), at;

    (void)userdata;
    if (rpyc_call_get_object(call, 0, &function))
        return;
    args = calloc(count, sizeof *args);
    for (at = 1; at < count; at++)
        args[at - 1] = rpyc_value_clone(rpyc_call_arg(call, at));
    status = rpyc_object_call(function, args, count - 1, NULL, &result, &failure);
    give(call, status, result, failure);
    free(args);
    rpyc_object_free(function);
}

/* Calls what the namespace of the connection has under a name. */
static void call_named(rpyc_call *call, const char *name, size_t length)
{
    rpyc_object *names = NULL, *function = NULL;
    rpyc_value *value = NULL, *key = NULL, *result = NULL;
    rpyc_error *failure = NULL;
    rpyc_status status = rpyc_value_new_str(name, length, &key, &failure);

    if (!status)
        status = rpyc_object_get_attr(rpyc_call_target(call), "namespace", &value, &failure);
    if (!status)
        status = rpyc_value_get_object(value, &names, &failure);
    rpyc_value_free(value);
    value = NULL;
    if (status)
        rpyc_value_free(key);
    else
        status = rpyc_object_get_item(names, key, &value, &failure);
    if (!status)
        status = rpyc_value_get_object(value, &function, &failure);
    if (!status)
        status = rpyc_object_call(function, NULL, 0, NULL, &result, &failure);
    give(call, status, result, failure);
    rpyc_value_free(value);
    rpyc_object_free(function);
    rpyc_object_free(names);
}

static void run(rpyc_call *call, void *self)
{
    const char *text;
    size_t length;

    (void)self;
    if (!rpyc_call_get_str(call, 0, &text, &length))
        call_named(call, text, length);
}

static void import(rpyc_call *call, void *self)
{
    (void)self;
    call_named(call, "importer", RPYC_NUL_TERMINATED);
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"my"};
    rpyc_object *my = NULL, *function = NULL;
    rpyc_value *value = NULL;
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_slave_table table = {.struct_size = sizeof table,
                              .module_names = names,
                              .modules = &my,
                              .module_count = 1,
                              .getmodule = import,
                              .eval = run,
                              .execute = run};

    if (argc != 2)
        return 2;
    OK(rpyc_module_new("my", NULL, &my, &error));
    OK(rpyc_function_new("call", call_it, NULL, NULL, 0, NULL, NULL, &function, &error));
    OK(rpyc_value_new_object(function, &value, &error));
    OK(rpyc_object_set_attr(my, "call", value, &error));
    OK(rpyc_slave_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(argv[1], service, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    while (getchar() != EOF) {}
    OK(rpyc_server_stop(server, 1000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_object_free(function);
    rpyc_object_free(my);
    return finish();
}
