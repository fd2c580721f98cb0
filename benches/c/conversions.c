/* What conversions cost, in C: benches/run/conversions.py has the other end and counts the requests.
 *
 *     conversions call ADDRESS     reads lines "NAME KIND COUNT": asks for give(NAME) and converts it, COUNT times; prints the
 *                                  fewest microseconds that it took and what came of it, or "- " and why there is nothing
 *     conversions serve            a service that takes such things and gives C's own; prints "listening ADDRESS"
 */
#define _POSIX_C_SOURCE 200809L
#include "bench.h"

#include <rpyc.h>

enum { MANY = 2000 };

/* ---------------------------------------------------------------- from Python */

static rpyc_status converted(const rpyc_value *value, const char *kind, rpyc_value **out, rpyc_error **error)
{
    static const struct {
        const char *name;
        rpyc_value_kind_id kind;
    } kinds[] = {{"int", RPYC_VALUE_INT},
                 {"float", RPYC_VALUE_FLOAT},
                 {"bool", RPYC_VALUE_BOOL},
                 {"str", RPYC_VALUE_STR},
                 {"bytes", RPYC_VALUE_BYTES}};
    rpyc_object *object = NULL;
    rpyc_status status;

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, kind))
            return rpyc_value_convert(value, kinds[i].kind, 60000, out, error);
    status = rpyc_value_get_object(value, &object, NULL);
    if (status != RPYC_OK) {
        *out = rpyc_value_clone(value);
        return RPYC_OK;
    }
    status = rpyc_object_obtain(object, 0, 0, 0, out, error);
    rpyc_object_free(object);
    return status;
}

static rpyc_status once(rpyc_object *root, const char *name, const char *kind, rpyc_value **out, rpyc_error **error)
{
    rpyc_value *arg = NULL, *value = NULL;
    rpyc_status status;

    rpyc_value_new_str(name, RPYC_NUL_TERMINATED, &arg, NULL);
    status = rpyc_object_call_method(root, "give", &arg, 1, NULL, &value, error);
    if (status == RPYC_OK)
        status = converted(value, kind, out, error);
    rpyc_value_free(value);
    return status;
}

static void print_outcome(double us, const rpyc_value *value)
{
    rpyc_value *repr = rpyc_value_repr(value);
    const char *text = "";
    size_t length = 0;

    rpyc_value_get_str(repr, &text, &length, NULL);
    printf("%.1f %.*s\n", us, (int)(length < 60 ? length : 60), text);
    rpyc_value_free(repr);
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int call(const char *address)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_error *error = NULL;
    char name[64], kind[16];
    int count;

    if (rpyc_connect(address, NULL, NULL, &connection, &error) || rpyc_connection_root(connection, &root, &error))
        bench_die(rpyc_error_message(error));
    while (scanf("%63s %15s %d", name, kind, &count) == 3) {
        rpyc_value *value = NULL;
        double best = 1e9;

        for (int i = 0; i < count && error == NULL; i++) {
            double start = now();

            rpyc_value_free(value);
            value = NULL;
            once(root, name, kind, &value, &error);
            best = now() - start < best ? now() - start : best;
        }
        if (error != NULL)
            printf("- %s\n", rpyc_error_describe(error));
        else
            print_outcome(best * 1e6, value);
        fflush(stdout);
        rpyc_value_free(value);
        rpyc_error_free(error);
        error = NULL;
    }
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    return 0;
}

/* ---------------------------------------------------------------- to Python */

static void take(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static rpyc_value *numbers(bool dict, bool tuple)
{
    rpyc_value *keys[MANY], *values[MANY], *made = NULL;

    for (int i = 0; i < MANY; i++) {
        keys[i] = rpyc_value_new_int(i);
        values[i] = rpyc_value_new_float(i / 2.0);
    }
    if (dict)
        rpyc_value_new_dict(keys, values, MANY, &made, NULL);
    else if (tuple)
        rpyc_value_new_tuple(values, MANY, &made, NULL);
    else
        rpyc_value_new_list(values, MANY, &made, NULL);
    for (int i = 0; i < MANY && !dict; i++)
        rpyc_value_free(keys[i]);
    return made;
}

static void give(rpyc_call *call, void *self)
{
    const char *name = "";
    size_t length = 0;
    double array[MANY];
    rpyc_value *value = NULL;

    (void)self;
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    for (int i = 0; i < MANY; i++)
        array[i] = i / 2.0;
    if (length == 5 && !memcmp(name, "array", 5))
        rpyc_value_new_array(RPYC_ARRAY_DOUBLE, array, MANY, &value, NULL);
    else if (length == 5 && !memcmp(name, "float", 5))
        value = rpyc_value_new_float(2.5);
    else
        value = numbers(*name == 'd', *name == 't');
    rpyc_call_return(call, value);
}

static int serve(void)
{
    static const rpyc_method methods[] = {
        {"exposed_take_int", take, "take_int(value: int)", NULL, 0},
        {"exposed_take_float", take, "take_float(value: float)", NULL, 0},
        {"exposed_take_bool", take, "take_bool(value: bool)", NULL, 0},
        {"exposed_take_str", take, "take_str(value: str)", NULL, 0},
        {"exposed_take_bytes", take, "take_bytes(value: bytes)", NULL, 0},
        {"exposed_give", give, "give(name)", NULL, 0},
    };
    rpyc_class_table table = {.struct_size = sizeof table,
                              .method_size = sizeof *methods,
                              .name = "ConversionsService",
                              .methods = methods,
                              .method_count = sizeof methods / sizeof *methods};
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;

    rpyc_config_set_bool(config, "allow_pickle", 1, NULL);
    if (rpyc_class_new(&table, NULL, NULL, &service, &error) ||
        rpyc_server_new("tcp://127.0.0.1:0", service, config, &server, &error))
        bench_die(rpyc_error_message(error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    if (rpyc_server_serve(server, &error))
        bench_die(rpyc_error_message(error));
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "call"))
        return call(argv[2]);
    if (argc == 2 && !strcmp(argv[1], "serve"))
        return serve();
    fprintf(stderr, "usage: conversions call ADDRESS, conversions serve\n");
    return 2;
}
