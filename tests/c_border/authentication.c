/* Authentication before the first frame. Without arguments: what the callbacks may do, over pairs in memory. For
 * tests/run/authentication.py:
 *
 *     authentication serve ADDRESS HOW [OPTION=TEXT...]    rpyc_server, until standard input ends
 *     authentication call ADDRESS HOW [OPTION=TEXT...]     a client: prints what who() gives, or its failure
 *
 * HOW: secret:TEXT, user:UID, group:GID, word (the callback `word`), sleep:MS (one that accepts late), none.
 */
#define _GNU_SOURCE
#define ERROR_STORAGE _Thread_local
#include "check.h"

#include <sys/socket.h>
#include <time.h>

static void pause_ms(int64_t milliseconds)
{
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

    nanosleep(&time, NULL);
}

static void print_line(const char *what, const char *text)
{
    printf("%s %s\n", what, text);
    fflush(stdout);
}

static void print_value(const char *what, const rpyc_value *value)
{
    rpyc_value *text = rpyc_value_repr(value);
    const char *bytes = "";
    size_t length;

    if (!rpyc_value_get_str(text, &bytes, &length, NULL)) {
        printf("%s %.*s\n", what, (int)length, bytes);
        fflush(stdout);
    }
    rpyc_value_free(text);
}

static void on_log(int32_t level, const char *message, size_t length, void *userdata)
{
    (void)level, (void)length, (void)userdata;
    print_line("log", message);
}

static rpyc_value *str(const char *text, size_t length)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_str(text, length, &value, &error));
    return value;
}

/* ------------------------------------------------------------------ callbacks */

/* The server reads a word and a length byte with that many bytes, the name; the client sends them. */
static void word(rpyc_authentication *authentication, void *userdata)
{
    char read[6] = {0}, name[256];

    (void)userdata;
    if (!rpyc_authentication_is_server(authentication)) {
        if (rpyc_authentication_write(authentication, "Ma6ik\3Ann", 9, NULL) == RPYC_OK)
            rpyc_authentication_accept(authentication, str("the server", RPYC_NUL_TERMINATED), NULL);
        return;
    }
    if (rpyc_authentication_read(authentication, read, 6, NULL))
        return;
    if (memcmp(read, "Ma6ik", 5)) {
        rpyc_authentication_refuse(authentication, "wrong magic word", NULL);
        return;
    }
    if (rpyc_authentication_read(authentication, name, (unsigned char)read[5], NULL))
        return;
    rpyc_authentication_accept(authentication, str(name, (unsigned char)read[5]), NULL);
}

static void late(rpyc_authentication *authentication, void *userdata)
{
    pause_ms((int64_t)(intptr_t)userdata);
    rpyc_authentication_accept(authentication, rpyc_value_new_int(1), NULL);
}

static rpyc_config *configured(const char *how, int options, char **option)
{
    rpyc_config *config = rpyc_config_new();
    uint32_t id = (uint32_t)strtoul(strchr(how, ':') ? strchr(how, ':') + 1 : "0", NULL, 10);

    for (int i = 0; i < options; i++) {
        char *value = strchr(option[i], '=');

        *value = 0;
        OK(rpyc_config_set(config, option[i], value + 1, &error));
    }
    if (!strncmp(how, "secret:", 7))
        OK(rpyc_config_set_secret(config, how + 7, strlen(how + 7), &error));
    else if (!strncmp(how, "user:", 5))
        OK(rpyc_config_set_unix_peers(config, &id, 1, NULL, 0, &error));
    else if (!strncmp(how, "group:", 6))
        OK(rpyc_config_set_unix_peers(config, NULL, 0, &id, 1, &error));
    else if (!strncmp(how, "sleep:", 6))
        OK(rpyc_config_set_authenticator(config, late, (void *)(intptr_t)id, NULL, &error));
    else if (!strcmp(how, "word"))
        OK(rpyc_config_set_authenticator(config, word, NULL, NULL, &error));
    return config;
}

/* ------------------------------------------------------------------ the service */

static rpyc_server *running;

static void who(rpyc_call *call, void *self)
{
    rpyc_value *credentials = NULL;

    (void)self;
    if (!rpyc_connection_credentials(rpyc_call_connection(call), &credentials, NULL))
        rpyc_call_return(call, rpyc_value_repr(credentials));
    rpyc_value_free(credentials);
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static void failed(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, (int64_t)rpyc_server_authentication_failures(running));
}

static void *create(rpyc_connection *connection, void *userdata)
{
    rpyc_value *credentials = NULL;

    (void)userdata;
    OK(rpyc_connection_credentials(connection, &credentials, &error));
    print_value("created for", credentials);
    rpyc_value_free(credentials);
    return malloc(1);
}

static rpyc_class *service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_who", who, "who()", NULL, 0},
        {"exposed_echo", echo, "echo(value)", NULL, 0},
        {"exposed_failed", failed, "failed()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "WhoService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .create = create,
        .destroy = free,
    };
    rpyc_class *service = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    return service;
}

static int serve(const char *address, rpyc_config *config)
{
    rpyc_class *klass = service();

    OK(rpyc_set_log_callback(RPYC_LOG_WARN, on_log, NULL, NULL, &error));
    OK(rpyc_server_new(address, klass, config, &running, &error));
    OK(rpyc_server_start(running, &error));
    print_line("listening", rpyc_server_address(running));
    while (getchar() != EOF)
        continue;
    OK(rpyc_server_stop(running, 0, &error));
    OK(rpyc_server_join(running, &error));
    rpyc_server_free(running);
    rpyc_class_free(klass);
    rpyc_config_free(config);
    return finish();
}

static int call(const char *address, rpyc_config *config)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_value *answer = NULL, *credentials = NULL;
    rpyc_status status = rpyc_connect(address, NULL, config, &connection, &error);

    if (status) {
        printf("failed %s %s\n", rpyc_status_name(status), rpyc_error_message(error));
        rpyc_error_free(error);
    } else {
        OK(rpyc_connection_root(connection, &root, &error));
        OK(rpyc_object_call_method(root, "who", NULL, 0, NULL, &answer, &error));
        {
            const char *text = "";
            size_t length = 0;

            OK(rpyc_value_get_str(answer, &text, &length, &error));
            printf("I am %.*s\n", (int)length, text);
        }
        OK(rpyc_connection_credentials(connection, &credentials, &error));
        print_value("it is", credentials);
    }
    rpyc_value_free(credentials);
    rpyc_value_free(answer);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    return 0;
}

/* ------------------------------------------------------------------ without arguments */

static int freed;

static void count(void *userdata)
{
    __atomic_add_fetch((int *)userdata, 1, __ATOMIC_SEQ_CST);
}

static void twice(rpyc_authentication *authentication, void *userdata)
{
    (void)userdata;
    OK(rpyc_authentication_accept(authentication, rpyc_value_new_int(7), &error));
    GIVES(RPYC_ERR_STATE, rpyc_authentication_accept(authentication, str("again", 5), &error));
}

static void changes(rpyc_authentication *authentication, void *userdata)
{
    (void)userdata;
    OK(rpyc_authentication_accept(authentication, NULL, &error));
    OK(rpyc_authentication_refuse(authentication, "on second thoughts", &error));
    GIVES(RPYC_ERR_STATE, rpyc_authentication_accept(authentication, NULL, &error));
    GIVES(RPYC_ERR_UTF8, rpyc_authentication_refuse(authentication, "\xff", &error));
    OK(rpyc_authentication_refuse(authentication, "on second thoughts", &error));
}

static void nothing(rpyc_authentication *authentication, void *userdata)
{
    (void)authentication, (void)userdata;
}

static void looks(rpyc_authentication *authentication, void *userdata)
{
    rpyc_value *value = NULL;

    (void)userdata;
    CHECK(!rpyc_authentication_is_server(authentication));
    CHECK(!strcmp(rpyc_authentication_peer_name(authentication), "memory"));
    CHECK(rpyc_authentication_time_left(authentication) <= 300);
    GIVES(RPYC_ERR_UNSUPPORTED, rpyc_authentication_unix_peer(authentication, &value, &error));
    CHECK(value == NULL);
    OK(rpyc_authentication_certificate(authentication, &value, &error));
    CHECK(rpyc_value_kind(value) == RPYC_VALUE_NONE);
    OK(rpyc_authentication_read(authentication, NULL, 0, &error));
    OK(rpyc_authentication_write(authentication, NULL, 0, &error));
    GIVES(RPYC_ERR_NULL, rpyc_authentication_read(authentication, NULL, 1, &error));
    GIVES(RPYC_ERR_NULL, rpyc_authentication_write(authentication, NULL, 1, &error));
    OK(rpyc_authentication_accept(authentication, NULL, &error));
}

/* Nobody sends anything: accepting after that is an error, and the reason stays. */
static void waits(rpyc_authentication *authentication, void *userdata)
{
    char byte;

    (void)userdata;
    GIVES(RPYC_ERR_TIMEOUT, rpyc_authentication_read(authentication, &byte, 1, &error));
    CHECK(rpyc_authentication_time_left(authentication) == 0);
    GIVES(RPYC_ERR_TIMEOUT, rpyc_authentication_write(authentication, "x", 1, &error));
    GIVES(RPYC_ERR_STATE, rpyc_authentication_accept(authentication, NULL, &error));
}

/* More than the pair holds: the peer does not read. */
static void floods(rpyc_authentication *authentication, void *userdata)
{
    static char much[1 << 20];

    (void)userdata;
    GIVES(RPYC_ERR_TIMEOUT, rpyc_authentication_write(authentication, much, sizeof much, &error));
}

static void over_pair(rpyc_authenticator_fn callback, rpyc_status want, const char *text)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_connection *connection = NULL;
    rpyc_status status;

    freed = 0;
    OK(rpyc_config_set(config, "connect_timeout", "0.3", &error));
    OK(rpyc_config_set_authenticator(config, callback, &freed, count, &error));
    OK(rpyc_transport_new_pair(&left, &right, &error));
    status = rpyc_connection_new(left, NULL, config, &connection, &error);
    CHECK(status == want);
    CHECK((connection != NULL) == (want == RPYC_OK));
    if (status != RPYC_OK && !strstr(rpyc_error_message(error), text))
        CHECK(!"the error has the reason"), fprintf(stderr, "%s\n", rpyc_error_message(error));
    rpyc_error_free(error);
    error = NULL;
    if (connection) {
        rpyc_value *credentials = NULL;

        OK(rpyc_connection_credentials(connection, &credentials, &error));
        CHECK(rpyc_value_kind(credentials) == (callback == twice ? RPYC_VALUE_INT : RPYC_VALUE_NONE));
        rpyc_value_free(credentials);
    }
    CHECK(freed == 0);
    rpyc_connection_free(connection);
    rpyc_transport_free(right);
    rpyc_config_free(config);
    CHECK(freed == 1);
}

static void configurations(void)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_session *session = NULL;
    uint32_t id = 1;

    freed = 0;
    GIVES(RPYC_ERR_NULL, rpyc_config_set_authenticator(NULL, nothing, &freed, count, &error));
    CHECK(freed == 1);
    OK(rpyc_config_set_authenticator(config, NULL, &freed, count, &error));
    CHECK(freed == 2);
    OK(rpyc_config_set_authenticator(config, nothing, &freed, count, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_config_set_secret(config, "fifteen letters", 15, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_config_set_unix_peers(config, &id, 0, &id, 0, &error));
    GIVES(RPYC_ERR_NULL, rpyc_config_set_unix_peers(config, NULL, 1, NULL, 0, &error));
    CHECK(freed == 2);
    /* A session has no stream: it must not pass for authenticated. */
    GIVES(RPYC_ERR_UNSUPPORTED, rpyc_session_new(config, 0, &session, &error));
    OK(rpyc_config_set_secret(config, "sixteen letters.", 16, &error));
    CHECK(freed == 3);
    GIVES(RPYC_ERR_UNSUPPORTED, rpyc_session_new(config, 0, &session, &error));
    OK(rpyc_config_set_authenticator(config, NULL, NULL, NULL, &error));
    OK(rpyc_session_new(config, 0, &session, &error));
    rpyc_session_free(session);
    rpyc_config_free(config);
}

/* Streams that the application accepted itself, and a server of one connection. */
static void servers(void)
{
    rpyc_config *config = rpyc_config_new(), *plain = rpyc_config_new();
    rpyc_class *klass = service();
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_connection *connection = NULL;
    rpyc_value *credentials = NULL;
    int ends[2];

    OK(rpyc_config_set_secret(config, "sixteen letters.", 16, &error));
    OK(rpyc_server_new("", klass, config, &running, &error));
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_server_add_transport(running, left, &error));
    OK(rpyc_connection_new(right, NULL, config, &connection, &error));
    OK(rpyc_connection_ping(connection, NULL, 0, 5000, &error));
    OK(rpyc_connection_credentials(connection, &credentials, &error));
    CHECK(rpyc_value_kind(credentials) == RPYC_VALUE_DICT);
    rpyc_value_free(credentials);
    rpyc_connection_free(connection);
    CHECK(rpyc_server_authentication_failures(running) == 0);
    /* A client without the secret, over a socket. */
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    OK(rpyc_transport_new_fd(ends[0], ends[0], 1, &left, &error));
    OK(rpyc_transport_new_fd(ends[1], ends[1], 1, &right, &error));
    OK(rpyc_server_add_transport(running, left, &error));
    OK(rpyc_connection_new(right, NULL, plain, &connection, &error));
    CHECK(rpyc_connection_ping(connection, NULL, 0, 5000, NULL) == RPYC_ERR_EOF);
    rpyc_connection_free(connection);
    OK(rpyc_server_stop(running, 0, &error));
    OK(rpyc_server_join(running, &error));
    CHECK(rpyc_server_authentication_failures(running) == 1);
    CHECK(rpyc_server_authentication_failures(NULL) == 0);
    rpyc_server_free(running);
    rpyc_class_free(klass);
    rpyc_config_free(config);
    rpyc_config_free(plain);
}

int main(int argc, char **argv)
{
    if (argc >= 4 && !strcmp(argv[1], "serve"))
        return serve(argv[2], configured(argv[3], argc - 4, argv + 4));
    if (argc >= 4 && !strcmp(argv[1], "call"))
        return call(argv[2], configured(argv[3], argc - 4, argv + 4));
    over_pair(twice, RPYC_OK, "");
    over_pair(looks, RPYC_OK, "");
    over_pair(changes, RPYC_ERR_AUTHENTICATION, "memory: on second thoughts");
    over_pair(nothing, RPYC_ERR_AUTHENTICATION, "did not accept the peer");
    over_pair(waits, RPYC_ERR_TIMEOUT, "connect_timeout");
    over_pair(floods, RPYC_ERR_TIMEOUT, "connect_timeout");
    configurations();
    servers();
    return finish();
}
