/* A program without standard descriptors, as daemons are: no connection takes their numbers, where what it prints would go. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>

#include "check.h"
#include "peers.h"

static int copies[3];

static void close_all(void)
{
    for (int fd = 0; fd < 3; fd++)
        close(fd);
}

static int all_closed(void)
{
    return fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
}

/* Printed as somebody does who does not know that there is nobody to read it. */
static void print(void)
{
    static const char text[] = "\0\0\0\1\0printed\n";

    for (int fd = 0; fd < 3; fd++)
        check(write(fd, text, sizeof text) < 0 && errno == EBADF, "a standard descriptor is closed", __LINE__);
}

static void prints(rpyc_call *call)
{
    print();
    rpyc_call_return_int(call, 42);
}

static void use(const char *address)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;

    OK(rpyc_connect(address, NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    for (int i = 0; i < 3 && root; i++) {
        rpyc_value *value = NULL;
        int64_t number = 0;

        OK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &value, &error));
        OK(rpyc_value_get_int(value, &number, &error));
        CHECK(number == 42);
        rpyc_value_free(value);
        print();
    }
    CHECK(all_closed());
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    CHECK(all_closed());
}

static const char *unix_address(void)
{
    static char text[60];

    snprintf(text, sizeof text, "unix://@rpyc-closed-standard-%ld", (long)getpid());
    return text;
}

static void serve(const char *address, const rpyc_class *service)
{
    rpyc_server *server = NULL;

    OK(rpyc_server_new(address, service, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    CHECK(all_closed());
    use(rpyc_server_address(server));
    OK(rpyc_server_stop(server, 1000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
}

/* The address of standard streams that are none is an error, and takes nothing. */
static void no_streams(void)
{
    static const char *const addresses[] = {"stdio:", "fd:0,1", "fd:1,1", "fd:2,0"};
    rpyc_connection *connection = NULL;

    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        GIVES(RPYC_ERR_ADDRESS, rpyc_connect(addresses[i], NULL, NULL, &connection, &error));
    CHECK(!connection && all_closed());
}

/* A child has the streams that it was given, and no other. */
static void child(const char *program)
{
    char address[4096];

    snprintf(address, sizeof address, "exec:exec '%s' child 2>&-", program);
    use(address);
}

static int be_child(void)
{
    rpyc_class *service = peers_service();
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;

    /* The stream has the numbers of the standard descriptors only until it is taken. */
    OK(rpyc_transport_connect("stdio:", NULL, &transport, &error));
    close_all();
    OK(rpyc_connection_new(transport, service, NULL, &connection, &error));
    OK(rpyc_connection_serve_all(connection, &error));
    rpyc_connection_free(connection);
    rpyc_class_free(service);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    rpyc_class *service;

    alarm(60);
    peers_probe = prints;
    if (argc > 1 && strcmp(argv[1], "child") == 0)
        return be_child();
    for (int fd = 0; fd < 3; fd++)
        copies[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 20);
    close_all();
    service = peers_service();
    no_streams();
    serve("tcp://127.0.0.1:0", service);
    serve(unix_address(), service);
    child(argv[0]);
    rpyc_class_free(service);
    for (int fd = 0; fd < 3; fd++)
        dup2(copies[fd], fd);
    return finish();
}
