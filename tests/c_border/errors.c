/* Each kind of failure has a status of its own and a sentence that says what to do: errors CASE ADDRESS, with
 * clients/errors_server.py there. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static const char *address, *place; /* with and without "tcp://" */
static rpyc_connection *connection;
static rpyc_object *root;

static void open_with(const char *option, const char *text)
{
    rpyc_config *config = rpyc_config_new();

    if (option)
        OK(rpyc_config_set(config, option, text, &error));
    OK(rpyc_connect(address, NULL, config, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    rpyc_config_free(config);
    if (failures)
        exit(finish());
}

/* The message of the error that came: `form`, in which %s is the place of the peer. */
static void says(rpyc_status status, rpyc_error *got, const char *form)
{
    char want[500];

    snprintf(want, sizeof want, form, place, place);
    check(strcmp(rpyc_error_message(got), want) == 0, rpyc_error_message(got), __LINE__);
    CHECK(rpyc_error_status(got) == status);
    rpyc_error_free(got);
}

static void timeout(void)
{
    rpyc_value *args[] = {rpyc_value_new_int(20), rpyc_value_new_int(22)}, *value = NULL;
    rpyc_error *got = NULL;

    open_with("sync_request_timeout", "0.5");
    GIVES(RPYC_ERR_TIMEOUT, rpyc_object_call_method(root, "add", args, 2, NULL, &value, &got));
    says(RPYC_ERR_TIMEOUT, got, "add() on %s did not reply in 0.5 s; it may still be running");
}

static void expired_result(void)
{
    rpyc_value *args[] = {rpyc_value_new_int(20), rpyc_value_new_int(22)}, *value = NULL;
    rpyc_async_result *result = NULL;
    rpyc_error *got = NULL;

    open_with(NULL, NULL);
    OK(rpyc_object_call_method_async(root, "add", args, 2, NULL, 500, &result, &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_async_result_value(result, &value, &got));
    says(
        RPYC_ERR_TIMEOUT, got,
        "the result expired: add() on %s did not reply in 0.5 s; it may still be running, and a late reply is dropped");
    rpyc_async_result_free(result);
}

static void lost_connection(void)
{
    rpyc_value *value = NULL;
    rpyc_error *got = NULL;

    open_with(NULL, NULL);
    /* The server goes while we wait, and is gone for all who come later. */
    for (int i = 0; i < 2; i++) {
        const rpyc_status status = i == 0 ? RPYC_ERR_EOF : RPYC_ERR_STALE;

        GIVES(status, rpyc_object_call_method(root, "vanish", NULL, 0, NULL, &value, &got));
        says(
            status, got,
            "lost the connection with %s: the peer ended the stream; connect again, and request the root and all objects again");
    }
}

static void closed(void)
{
    rpyc_value *value = NULL;
    rpyc_error *got = NULL;

    open_with(NULL, NULL);
    OK(rpyc_connection_close(connection, &error));
    GIVES(RPYC_ERR_STALE, rpyc_object_call_method(root, "get_service_name", NULL, 0, NULL, &value, &got));
    says(RPYC_ERR_STALE, got,
         "the object's connection has ended; connect again, and request the root and all objects again");
    GIVES(RPYC_ERR_CLOSED, rpyc_connection_ping(connection, NULL, 0, -1, &got));
    says(RPYC_ERR_CLOSED, got, "the connection is closed; connect again");
}

static void refused_attribute(void)
{
    rpyc_value *value = NULL;
    rpyc_error *got = NULL;

    open_with(NULL, NULL);
    GIVES(RPYC_ERR_DENIED, rpyc_object_get_attr(root, "secret", &value, &got));
    CHECK(rpyc_error_is(got, "builtins.AttributeError")); /* it is the peer's exception all the same */
    says(RPYC_ERR_DENIED, got,
         "AttributeError: cannot access 'secret': there is no such attribute, or the attribute rules of the "
         "object's owner deny it; check the name, expose it there, or change the rules");
    GIVES(RPYC_ERR_DENIED, rpyc_object_set_attr(root, "secret", rpyc_value_new_int(1), &got));
    says(RPYC_ERR_DENIED, got,
         "AttributeError: access denied: the attribute rules of the object's owner deny it; "
         "check the name, expose it there, or change the rules");
    /* What does not exist is not what is refused. */
    GIVES(RPYC_ERR_REMOTE, rpyc_object_get_attr(root, "exposed_nothing", &value, &got));
    rpyc_error_free(got);
}

static void wrong_dialect(void)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_error *got = NULL;

    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_connect(address, NULL, config, &connection, &error));
    GIVES(RPYC_ERR_DIALECT, rpyc_connection_root(connection, &root, &got));
    says(RPYC_ERR_DIALECT, got,
         "the peer speaks the dialect of rpyc 5.3 and older, not that of 6.0; set the option dialect to 5 (or auto)");
    rpyc_config_free(config);
}

static void nobody_there(void)
{
    rpyc_error *got = NULL;

    GIVES(RPYC_ERR_ADDRESS, rpyc_connect("tcp://127.0.0.1:1", NULL, NULL, &connection, &got));
    CHECK(strstr(rpyc_error_message(got), "127.0.0.1:1") != NULL);
    rpyc_error_free(got);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } all[] = {
        {"timeout", timeout},
        {"expired-result", expired_result},
        {"lost-connection", lost_connection},
        {"closed", closed},
        {"refused-attribute", refused_attribute},
        {"wrong-dialect", wrong_dialect},
        {"nobody-there", nobody_there},
    };

    if (argc != 3)
        return EXIT_FAILURE;
    address = argv[2];
    place = address + strlen("tcp://");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (strcmp(all[i].name, argv[1]) == 0)
            all[i].run();
    }
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    return finish();
}
