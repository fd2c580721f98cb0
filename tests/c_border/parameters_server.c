/* A server whose connections have the options NAME=TEXT: parameters_server ADDRESS [NAME=TEXT...]. One client after the other;
 * how each connection ended is printed. Its Python twin is tests/run/clients/parameters_server.py. */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rpyc.h>

static char heard[20000]; /* what the logger got; one connection at a time */
static size_t heard_length;

static void logged(int level, const char *message, size_t length, void *userdata)
{
    (void)userdata;
    if (heard_length + length + 3 < sizeof heard)
        heard_length += (size_t)sprintf(heard + heard_length, "%d %.*s\n", level, (int)length, message);
}

/* ---- Thing: a member of each kind that the attribute rules tell apart. */

static struct thing {
    int64_t public;
    int deleted;
} thing = {1, 0};

static void get_public(rpyc_call *call, void *self)
{
    rpyc_call_return_int(call, ((struct thing *)self)->public);
}

static void set_public(rpyc_call *call, void *self)
{
    if (!rpyc_call_get_int(call, 0, &((struct thing *)self)->public))
        rpyc_call_return(call, NULL);
}

static void del_public(rpyc_call *call, void *self)
{
    ((struct thing *)self)->deleted = 1;
    rpyc_call_return(call, NULL);
}

#define NUMBER(name, number)                                                                                           \
    static void name(rpyc_call *call, void *self)                                                                      \
    {                                                                                                                  \
        (void)self;                                                                                                    \
        rpyc_call_return_int(call, number);                                                                            \
    }
NUMBER(two, 2)
NUMBER(three, 3)
NUMBER(five, 5)
NUMBER(nine, 9)

static const rpyc_property properties[] = {
    {.name = "public", .get = get_public, .set = set_public, .del = del_public},
    {.name = "exposed_shown", .get = two},
    {.name = "_private", .get = three},
    {.name = "x_tag", .get = nine},
};
static void twice(rpyc_call *call, void *self)
{
    int64_t n;

    if (self == &thing && !rpyc_call_get_int(call, 0, &n))
        rpyc_call_return_int(call, 2 * n);
}

static const rpyc_method thing_methods[] = {{"__len__", five, NULL, NULL, 0},
                                            {"exposed_twice", twice, "twice(n)", NULL, 0}};
static const rpyc_class_table thing_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .property_size = sizeof(rpyc_property),
    .name = "Thing",
    .methods = thing_methods,
    .method_count = 2,
    .properties = properties,
    .property_count = sizeof properties / sizeof *properties,
};

/* ---- The service. */

static rpyc_class *thing_class;
static rpyc_object *the_thing;

static void give_class(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (rpyc_class_object(thing_class, &object, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void give_thing(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_object(call, the_thing);
}

static void give_public(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, thing.deleted ? -1 : thing.public);
}

static void raise_it(rpyc_call *call, void *self)
{
    const char *name = "", *module = NULL, *dot;
    char text[100];
    size_t length = 0;
    rpyc_value *arg = rpyc_value_clone(rpyc_call_arg(call, 1));

    (void)self;
    if (rpyc_call_get_str(call, 0, &name, &length)) {
        rpyc_value_free(arg);
        return;
    }
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    dot = strchr(text, '.');
    if (dot) {
        text[dot - text] = 0;
        module = text;
    }
    rpyc_call_raise_with(call, module, dot ? dot + 1 : text, &arg, 1, NULL);
}

static void raise_with(rpyc_call *call, void *self)
{
    const char *name = "";
    char text[100];
    size_t length = 0, count = 0;
    rpyc_value *args[8];
    const rpyc_value *given = rpyc_call_arg(call, 1);

    (void)self;
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    for (; count < rpyc_value_count(given) && count < 8; count++)
        args[count] = rpyc_value_clone(rpyc_value_item(given, count));
    rpyc_call_raise_with(call, NULL, text, args, count, NULL);
}

static void give_list(rpyc_call *call, void *self)
{
    rpyc_value *items[] = {rpyc_value_new_int(1), rpyc_value_new_int(2), rpyc_value_new_int(3)}, *list = NULL;

    (void)self;
    if (rpyc_value_new_list(items, 3, &list, NULL) == RPYC_OK)
        rpyc_call_return(call, list);
}

static void give_credentials(rpyc_call *call, void *self)
{
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (rpyc_connection_credentials(rpyc_call_connection(call), &value, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return(call, value);
}

static void give_endpoints(rpyc_call *call, void *self)
{
    rpyc_value *ends[2] = {NULL, NULL}, *pair = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (rpyc_connection_endpoints(rpyc_call_connection(call), &ends[0], &ends[1], &error) ||
        rpyc_value_new_tuple(ends, 2, &pair, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return(call, pair);
}

static void give_option(rpyc_call *call, void *self)
{
    const char *name = "";
    char text[100];
    size_t length = 0;
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    if (rpyc_connection_get_option(rpyc_call_connection(call), text, &value, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return(call, value);
}

/* Changes an option of the living connection. */
static void set_option(rpyc_call *call, void *self)
{
    const char *texts[2] = {"", ""};
    char name[100], text[100];
    size_t lengths[2] = {0, 0};
    rpyc_error *error = NULL;

    (void)self;
    if (rpyc_call_get_str(call, 0, &texts[0], &lengths[0]) || rpyc_call_get_str(call, 1, &texts[1], &lengths[1]))
        return;
    snprintf(name, sizeof name, "%.*s", (int)lengths[0], texts[0]);
    snprintf(text, sizeof text, "%.*s", (int)lengths[1], texts[1]);
    if (rpyc_connection_set_option(rpyc_call_connection(call), name, text, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return(call, NULL);
}

static void give_log(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, heard, heard_length);
}

/* Calls its argument with 21. */
static void call_back(rpyc_call *call, void *self)
{
    rpyc_value *arg = rpyc_value_new_int(21), *result = NULL;
    rpyc_object *function = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &function)) {
        rpyc_value_free(arg);
        return;
    }
    if (rpyc_object_call(function, &arg, 1, NULL, &result, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return(call, result);
    rpyc_object_free(function);
}

static const rpyc_method methods[] = {
    {"exposed_thing", give_thing, "thing()", NULL, 0},
    {"exposed_cls", give_class, "cls()", NULL, 0},
    {"exposed_public", give_public, "public()", NULL, 0},
    {"exposed_raise_it", raise_it, "raise_it(name, arg)", NULL, 0},
    {"exposed_raise_with", raise_with, "raise_with(name, args)", NULL, 0},
    {"exposed_list", give_list, "list()", NULL, 0},
    {"exposed_credentials", give_credentials, "credentials()", NULL, 0},
    {"exposed_endpoints", give_endpoints, "endpoints()", NULL, 0},
    {"exposed_option", give_option, "option(name)", NULL, 0},
    {"exposed_set_option", set_option, "set_option(name, text)", NULL, 0},
    {"exposed_log", give_log, "log()", NULL, 0},
    {"exposed_call_back", call_back, "call_back(function)", NULL, 0},
};
static const rpyc_class_table table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "ParametersService",
    .methods = methods,
    .method_count = sizeof methods / sizeof *methods,
};

static rpyc_status set(rpyc_config *config, const char *option, rpyc_error **error)
{
    const char *text = strchr(option, '=') ? strchr(option, '=') + 1 : "";
    char name[100];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(option, "="), option);
    if (strcmp(name, "credentials") == 0) {
        rpyc_value *value = NULL;
        rpyc_status status = rpyc_value_new_str(text, RPYC_NUL_TERMINATED, &value, error);

        return status ? status : rpyc_config_set_credentials(config, value, error);
    }
    if (strcmp(name, "endpoints") == 0)
        return rpyc_config_set_endpoints(config, text, "a proxy", error);
    if (strcmp(name, "logger") == 0)
        return rpyc_config_set_logger(config, atoi(text), logged, NULL, NULL, error);
    return rpyc_config_set(config, name, text, error);
}

int main(int argc, char **argv)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;

    for (int i = 2; i < argc; i++) {
        if (set(config, argv[i], &error))
            goto failed;
    }
    if (rpyc_class_new(&thing_table, NULL, NULL, &thing_class, &error) ||
        rpyc_object_new(thing_class, &thing, NULL, &the_thing, &error) ||
        rpyc_class_new(&table, NULL, NULL, &service, &error) ||
        rpyc_server_new(argv[1], service, config, &server, &error))
        goto failed;
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    for (;;) {
        rpyc_status status = rpyc_server_serve_one(server, &error);

        printf("ended %s %d %s\n", rpyc_status_name(status), (int)rpyc_error_exit_code(error),
               rpyc_error_message(error));
        fflush(stdout);
        rpyc_error_free(error);
        error = NULL;
    }
failed:
    fprintf(stderr, "%s\n", rpyc_error_message(error));
    return EXIT_FAILURE;
}
