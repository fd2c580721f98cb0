/* What an option of a client does with a stock server, clients/parameters_server.py: parameters_client ADDRESS NAME TEXT */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static const char *address, *parameter, *text;
static int on;

static rpyc_connection *open_with(rpyc_config *config)
{
    rpyc_connection *connection = NULL;

    OK(rpyc_connect(address, NULL, config, &connection, &error));
    if (!connection)
        exit(finish());
    return connection;
}

/* Has the server raise an exception with one argument; the error of it. */
static rpyc_error *raised(rpyc_connection *connection, const char *type)
{
    rpyc_object *root = NULL;
    rpyc_value *args[2] = {NULL, NULL}, *value = NULL;
    rpyc_error *got = NULL;

    OK(rpyc_value_new_str(type, RPYC_NUL_TERMINATED, &args[0], &error));
    OK(rpyc_value_new_str("pears", RPYC_NUL_TERMINATED, &args[1], &error));
    OK(rpyc_connection_root(connection, &root, &error));
    GIVES(RPYC_ERR_REMOTE, rpyc_object_call_method(root, "raise_it", args, 2, NULL, &value, &got));
    rpyc_object_free(root);
    return got;
}

static int code_of(rpyc_connection *connection, const char *type)
{
    rpyc_error *got = raised(connection, type);
    int code = rpyc_error_code(got);

    /* Whatever is made of it, its names and its text are those of the peer. */
    CHECK(rpyc_error_is(got, type));
    CHECK(strstr(rpyc_error_message(got), "pears") != NULL);
    rpyc_error_free(got);
    return code;
}

/* ---- instantiate_custom_exceptions, import_custom_exceptions, instantiate_oldstyle_exceptions */

static int asked;

static int32_t resolve(const char *module, const char *name, void *userdata)
{
    CHECK(userdata == (void *)&asked);
    asked++;
    return strcmp(module, "shop") == 0 && strcmp(name, "SoldOut") == 0 ? 43 : 0;
}

static void resolved(void *userdata)
{
    *(int *)userdata += 1000;
}

static void instantiate(void)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection;

    OK(rpyc_config_set(config, "instantiate_custom_exceptions", text, &error));
    OK(rpyc_config_register_exception(config, "shop", "SoldOut", 41, &error));
    OK(rpyc_config_register_exception(config, "builtins", "ValueError", 42, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_config_register_exception(config, "shop", "Closed", 0, &error));
    connection = open_with(config);
    CHECK(code_of(connection, "shop.SoldOut") == (on ? 41 : 0));
    CHECK(code_of(connection, "ValueError") == 42); /* builtins need no leave */
    CHECK(code_of(connection, "KeyError") == 0);
    /* The switch can be turned while the connection lives. */
    OK(rpyc_connection_set_option(connection, "instantiate_custom_exceptions", on ? "false" : "true", &error));
    CHECK(code_of(connection, "shop.SoldOut") == (on ? 0 : 41));
    rpyc_connection_free(connection);
    rpyc_config_free(config);
}

static void import(void)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection;

    OK(rpyc_config_set(config, "import_custom_exceptions", text, &error));
    OK(rpyc_config_set(config, "instantiate_custom_exceptions", "true", &error));
    OK(rpyc_config_set_exception_resolver(config, resolve, &asked, resolved, &error));
    connection = open_with(config);
    CHECK(code_of(connection, "shop.SoldOut") == (on ? 43 : 0));
    CHECK(code_of(connection, "shop.SoldOut") == (on ? 43 : 0));
    CHECK(code_of(connection, "ValueError") == 0);
    CHECK(asked == (on ? 2 : 0)); /* once for each type */
    /* As in Python, importing alone produces nothing. */
    OK(rpyc_connection_set_option(connection, "instantiate_custom_exceptions", "false", &error));
    CHECK(code_of(connection, "shop.SoldOut") == 0);
    rpyc_connection_free(connection);
    CHECK(asked < 1000);
    rpyc_config_free(config);
    CHECK(asked >= 1000);
}

static void oldstyle(void)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection;

    /* Python 3 has no such exceptions: on or off, nothing changes. */
    OK(rpyc_config_set(config, "instantiate_oldstyle_exceptions", text, &error));
    OK(rpyc_config_register_exception(config, "shop", "SoldOut", 41, &error));
    OK(rpyc_config_register_exception(config, "builtins", "ValueError", 42, &error));
    connection = open_with(config);
    CHECK(code_of(connection, "shop.SoldOut") == 0);
    CHECK(code_of(connection, "ValueError") == 42);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
}

/* ---- sync_request_timeout */

static void sync_request_timeout(void)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection;
    rpyc_object *root = NULL;
    rpyc_value *seconds, *value = NULL;
    rpyc_error *late = NULL;

    OK(rpyc_config_set(config, "sync_request_timeout", text, &error));
    connection = open_with(config);
    OK(rpyc_connection_root(connection, &root, &error));
    seconds = rpyc_value_new_int(strcmp(text, "none") == 0 ? 1 : 5);
    if (strcmp(text, "none") == 0) {
        OK(rpyc_object_call_method(root, "sleep", &seconds, 1, NULL, &value, &error));
        CHECK(rpyc_value_str_equal(value, "awake"));
    } else {
        char want[200];

        GIVES(RPYC_ERR_TIMEOUT, rpyc_object_call_method(root, "sleep", &seconds, 1, NULL, &value, &late));
        snprintf(want, sizeof want, "sleep() on %s did not reply in 0.5 s; it may still be running",
                 address + strlen("tcp://"));
        CHECK(strcmp(rpyc_error_message(late), want) == 0);
        rpyc_error_free(late);
    }
    rpyc_value_free(value);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
}

/* ---- before_closed, close_catchall */

static int left;

static rpyc_status say_goodbye(rpyc_connection *connection, rpyc_object *root, void *userdata)
{
    rpyc_value *words = NULL, *value = NULL;
    rpyc_status status;

    left++;
    OK(rpyc_value_new_str(userdata, RPYC_NUL_TERMINATED, &words, &error));
    status = rpyc_object_call_method(root, "note", &words, 1, NULL, &value, &error);
    rpyc_value_free(value);
    CHECK(status != RPYC_OK || !rpyc_connection_closed(connection));
    rpyc_error_free(error);
    error = NULL;
    OK(rpyc_connection_close(connection, &error)); /* does nothing: it is being closed */
    return status;
}

static void notes_are(const char *want)
{
    rpyc_connection *connection = open_with(NULL);
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_connection_root(connection, &root, &error));
    OK(rpyc_object_call_method(root, "notes", NULL, 0, NULL, &value, &error));
    CHECK(rpyc_value_str_equal(value, want));
    rpyc_value_free(value);
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
}

static void before_closed(void)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection, *second;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;

    if (on)
        OK(rpyc_config_set_before_closed(config, say_goodbye, "bye", NULL, &error));
    connection = open_with(config);
    second = open_with(config);
    OK(rpyc_connection_close(connection, &error));
    OK(rpyc_connection_close(connection, &error));
    CHECK(rpyc_connection_closed(connection) && left == on);
    rpyc_connection_free(connection);
    notes_are(on ? "bye" : "");
    /* Where the peer has gone, there is nothing left to be said. */
    OK(rpyc_connection_root(second, &root, &error));
    rpyc_object_call_method(root, "stop", NULL, 0, NULL, &value, NULL);
    rpyc_value_free(value);
    for (int i = 0; i < 100 && !rpyc_connection_closed(second); i++)
        rpyc_connection_serve(second, 100, NULL, NULL);
    CHECK(rpyc_connection_closed(second));
    OK(rpyc_connection_close(second, &error));
    CHECK(left == on);
    rpyc_object_free(root);
    rpyc_connection_free(second);
    rpyc_config_free(config);
}

static rpyc_status fail(rpyc_connection *connection, rpyc_object *root, void *userdata)
{
    (void)connection;
    (void)root;
    left++;
    return *(rpyc_status *)userdata;
}

static void close_catchall(void)
{
    /* That the peer is gone does not matter; whether anything else does, the option says. */
    rpyc_status gives[] = {RPYC_ERR_RANGE, RPYC_ERR_EOF, RPYC_ERR_TIMEOUT, RPYC_OK};

    for (int i = 0; i < 4; i++) {
        rpyc_config *config = rpyc_config_new();
        rpyc_connection *connection;

        OK(rpyc_config_set(config, "close_catchall", text, &error));
        OK(rpyc_config_set_before_closed(config, fail, &gives[i], NULL, &error));
        connection = open_with(config);
        GIVES(i == 0 && !on ? RPYC_ERR_RANGE : RPYC_OK, rpyc_connection_close(connection, &error));
        CHECK(rpyc_connection_closed(connection) && left == i + 1);
        rpyc_connection_free(connection);
        rpyc_config_free(config);
    }
}

/* ---- propagate_SystemExit_locally, propagate_KeyboardInterrupt_locally: a callback raises, in the middle of a call of ours */

static const char *exit_type;
static rpyc_value *exit_argument;
static pthread_t raiser;

static void *raise_later(void *call)
{
    GIVES(RPYC_OK, rpyc_call_raise_with(call, NULL, exit_type, &exit_argument, exit_argument != NULL, NULL));
    rpyc_call_free(call);
    return NULL;
}

static void leave(rpyc_call *call, void *self)
{
    (void)self;
    if (strcmp(text, "deferred") == 0) {
        CHECK(pthread_create(&raiser, NULL, raise_later, rpyc_call_defer(call)) == 0);
        return;
    }
    OK(rpyc_call_raise_with(call, NULL, exit_type, &exit_argument, exit_argument != NULL, NULL));
}

static void leaves(const char *option, const char *type, rpyc_value *argument, rpyc_status status, int code)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection;
    rpyc_object *root = NULL, *function = NULL;
    rpyc_value *arg = NULL, *value = NULL;
    rpyc_error *got = NULL;

    exit_type = type;
    exit_argument = argument;
    if (option)
        OK(rpyc_config_set(config, option, "true", &error));
    connection = open_with(config);
    OK(rpyc_connection_root(connection, &root, &error));
    OK(rpyc_function_new("leave", leave, NULL, NULL, 0, NULL, NULL, &function, &error));
    OK(rpyc_value_new_object(function, &arg, &error));
    if (strcmp(text, "served") == 0) {
        rpyc_async_result *result = NULL;
        rpyc_status served = RPYC_OK;

        OK(rpyc_object_call_method_async(root, "call_back", &arg, 1, NULL, -1, &result, &error));
        while (served == RPYC_OK)
            served = rpyc_connection_serve(connection, -1, NULL, &got);
        CHECK(served == status);
        rpyc_async_result_free(result);
    } else {
        GIVES(status, rpyc_object_call_method(root, "call_back", &arg, 1, NULL, &value, &got));
    }
    if (strcmp(text, "deferred") == 0)
        CHECK(pthread_join(raiser, NULL) == 0);
    CHECK(rpyc_error_exit_code(got) == code && rpyc_error_is(got, type));
    rpyc_error_free(got);
    CHECK(rpyc_connection_closed(connection));
    GIVES(status, rpyc_connection_serve_all(connection, &error));
    rpyc_object_free(function);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
}

static void system_exit(void)
{
    const char *option = "propagate_SystemExit_locally";
    rpyc_value *words = NULL;

    OK(rpyc_value_new_str("all is lost", RPYC_NUL_TERMINATED, &words, &error));
    leaves(option, "SystemExit", rpyc_value_new_int(7), RPYC_ERR_EXIT, 7);
    leaves(option, "SystemExit", NULL, RPYC_ERR_EXIT, 0);
    leaves(option, "SystemExit", words, RPYC_ERR_EXIT, 1);
}

static void keyboard_interrupt(void)
{
    leaves(NULL, "KeyboardInterrupt", NULL, RPYC_ERR_INTERRUPTED, 130);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } all[] = {
        {"instantiate_custom_exceptions", instantiate},
        {"import_custom_exceptions", import},
        {"instantiate_oldstyle_exceptions", oldstyle},
        {"sync_request_timeout", sync_request_timeout},
        {"before_closed", before_closed},
        {"close_catchall", close_catchall},
        {"propagate_SystemExit_locally", system_exit},
        {"propagate_KeyboardInterrupt_locally", keyboard_interrupt},
    };

    if (argc != 4)
        return EXIT_FAILURE;
    address = argv[1];
    parameter = argv[2];
    text = argv[3];
    on = strcmp(text, "true") == 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, parameter) == 0)
            all[i].run();
    }
    return finish();
}
