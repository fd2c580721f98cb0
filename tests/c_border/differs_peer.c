/* What docs/guide/python.md says of differences from RPyC in Python, beside stock peers (run/clients/differs_twin.py).
 *
 * differs_peer serve ADDRESS: serves what the script asks of a stock service too, until its stdin ends.
 * differs_peer call ADDRESS: a client of the script's stock server. */
#define _POSIX_C_SOURCE 200809L
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "check.h"

static void back(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static void raises(rpyc_call *call, void *self)
{
    char type[64];
    const char *name = NULL;
    size_t length = 0;

    (void)self;
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    snprintf(type, sizeof type, "%.*s", (int)length, name);
    rpyc_call_raise(call, type, "text");
}

static void frozen(rpyc_call *call, void *self)
{
    rpyc_value *item = rpyc_value_clone(rpyc_call_arg(call, 0)), *set = NULL;

    (void)self;
    OK(rpyc_value_new_frozenset(&item, 1, &set, &error));
    rpyc_call_return(call, set);
}

static void caller(rpyc_call *call, void *self)
{
    rpyc_object *root = NULL;
    rpyc_value *name = NULL;

    (void)self;
    OK(rpyc_connection_root(rpyc_call_connection(call), &root, &error));
    OK(rpyc_object_call_method(root, "get_service_name", NULL, 0, NULL, &name, &error));
    rpyc_object_free(root);
    rpyc_call_return(call, name);
}

static void *stop(void *server)
{
    while (getchar() != EOF)
        ;
    rpyc_server_stop(server, 1000, NULL);
    return NULL;
}

static int serve(const char *address)
{
    static const rpyc_method methods[] = {
        {"exposed_back", back, "back(value)", NULL, 0},
        {"exposed_raises", raises, "raises(name)", NULL, 0},
        {"exposed_frozen", frozen, "frozen(item)", NULL, 0},
        {"exposed_caller", caller, "caller()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .module = "nowhere",
        .name = "ThingService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    pthread_t thread;

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(address, service, NULL, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    CHECK(pthread_create(&thread, NULL, stop, server) == 0);
    OK(rpyc_server_serve(server, &error));
    pthread_join(thread, NULL);
    rpyc_server_free(server);
    rpyc_class_free(service);
    return finish();
}

static int64_t number(rpyc_object *root, const char *method)
{
    rpyc_value *value = NULL;
    int64_t got = -1;

    OK(rpyc_object_call_method(root, method, NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_int(value, &got, &error));
    rpyc_value_free(value);
    return got;
}

/* 10, 20, 40, ... at a time: what the script's generator has given when the first item is here, and later ones. */
static void chunks(rpyc_object *root)
{
    static const int64_t firsts[] = {0, 10, 30, 70, 150, 310, 630, 1270, 2270, 3270};
    rpyc_value *value = NULL;
    rpyc_object *counted = NULL;
    rpyc_iterator *iterator = NULL;
    size_t next = 0;

    OK(rpyc_object_call_method(root, "counted", NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &counted, &error));
    rpyc_value_free(value);
    OK(rpyc_object_iterate(counted, &iterator, &error));
    for (int64_t n = 0; n <= 3270; n++) {
        rpyc_value *item = NULL;

        OK(rpyc_iterator_next(iterator, &item, &error));
        rpyc_value_free(item);
        if (n == firsts[next]) {
            next++;
            CHECK(number(root, "given") == (next < 10 ? firsts[next] : 4270));
        }
    }
    CHECK(next == 10);
    rpyc_iterator_free(iterator);
    rpyc_object_free(counted);
}

/* What no UTF-8 is, is no string: nothing is sent. Python raises UnicodeEncodeError. */
static void surrogates(void)
{
    rpyc_value *value = NULL;

    GIVES(RPYC_ERR_UTF8, rpyc_value_new_str("\xed\xa0\x80", 3, &value, &error));
}

static int option(int fd, int level, int name)
{
    int got = -1;
    socklen_t size = sizeof got;

    CHECK(getsockopt(fd, level, name, &got, &size) == 0);
    return got;
}

static void sockets(const char *address)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;
    int fd;

    OK(rpyc_config_set_int(config, "tcp_keepalive", 7, &error));
    OK(rpyc_connect(address, NULL, config, &connection, &error));
    fd = rpyc_connection_fileno(connection);
    CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY));
    CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE));
    CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 7); /* as the script's stock connection has it */
    CHECK(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 7);
    CHECK(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 5);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
}

/* A traceback is what the peer sent: stock adds a warning where the other version of RPyC is another major one. */
static void traceback(rpyc_object *root)
{
    rpyc_value *value = NULL;
    rpyc_error *raised = NULL;

    CHECK(rpyc_object_call_method(root, "fail", NULL, 0, NULL, &value, &raised) == RPYC_ERR_REMOTE);
    CHECK(raised && strstr(rpyc_error_traceback(raised), "ZeroDivisionError"));
    CHECK(raised && !strstr(rpyc_error_traceback(raised), "WARNING"));
    rpyc_error_free(raised);
}

/* An exception whose module is None is one all the same. */
static void homeless(rpyc_object *root)
{
    rpyc_value *value = NULL;
    rpyc_error *raised = NULL;

    CHECK(rpyc_object_call_method(root, "homeless", NULL, 0, NULL, &value, &raised) == RPYC_ERR_REMOTE);
    CHECK(raised && strcmp(rpyc_error_type_module(raised), "None") == 0);
    CHECK(raised && strcmp(rpyc_error_type_name(raised), "Homeless") == 0);
    rpyc_error_free(raised);
}

static int client(const char *address)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    const char *name = NULL;
    size_t length = 0;

    OK(rpyc_connect(address, NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    chunks(root);
    surrogates();
    traceback(root);
    homeless(root);
    sockets(address);
    OK(rpyc_object_call_method(root, "caller", NULL, 0, NULL, &value, &error)); /* what a client without a service is */
    OK(rpyc_value_get_str(value, &name, &length, &error));
    CHECK(length == 4 && memcmp(name, "VOID", 4) == 0);
    rpyc_value_free(value);
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    CHECK(rpyc_connection_fileno(connection) >= 0); /* nobody else can have got it meanwhile */
    rpyc_connection_free(connection);
    return finish();
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return EXIT_FAILURE;
    return strcmp(argv[1], "serve") == 0 ? serve(argv[2]) : client(argv[2]);
}
