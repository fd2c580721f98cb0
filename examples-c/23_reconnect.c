/* 23_reconnect: a client that connects again after its server was restarted, and is told so.
 *
 * Shows rpyc_client, its events, and stale references. The server is in the same process, to be stopped and started at
 * the right moments. A call finds its way from the root again on each connection; a call that may have been executed is
 * not repeated.
 *
 *     cc 23_reconnect.c -o 23_reconnect $(pkg-config --cflags --libs rpyc)
 *     ./23_reconnect
 *
 * Prints:
 *     connected: number 1
 *     add: 42
 *     the server is stopped
 *     lost: number 1
 *     no connection: RPYC_ERR_ADDRESS
 *     add: RPYC_ERR_ADDRESS
 *     the server is started
 *     connected: number 2
 *     add: 7
 *     the old root: RPYC_ERR_STALE
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rpyc.h>

static void check(rpyc_status status, rpyc_error *error)
{
    if (status == RPYC_OK)
        return;
    fprintf(stderr, "%s: %s\n", rpyc_status_name(status), rpyc_error_describe(error));
    exit(EXIT_FAILURE);
}

static void add(rpyc_call *call, void *self)
{
    int64_t a = 0, b = 0;

    (void)self;
    rpyc_call_get_int(call, 0, &a);
    rpyc_call_get_int(call, 1, &b);
    rpyc_call_return_int(call, a + b);
}

static rpyc_server *start_server(const char *address)
{
    static const rpyc_method methods[] = {{"exposed_add", add, "add(a, b)", "The sum.", 0}};
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "CalculatorService",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;

    check(rpyc_class_new(&table, NULL, NULL, &service, &error), error);
    check(rpyc_server_new(address, service, NULL, &server, &error), error);
    check(rpyc_server_start(server, &error), error);
    rpyc_class_free(service);
    return server;
}

static void stop_server(rpyc_server *server)
{
    rpyc_server_stop(server, 1000, NULL);
    rpyc_server_join(server, NULL);
    rpyc_server_free(server);
}

/* Runs in the thread that uses the client, while others wait. To log in or to subscribe, use the connection here. */
static void tell(int32_t event, uint64_t generation, rpyc_connection *connection, const rpyc_error *error,
                 void *userdata)
{
    (void)connection;
    (void)userdata;
    if (event == RPYC_CLIENT_CONNECTED)
        printf("connected: number %" PRIu64 "\n", generation);
    else if (event == RPYC_CLIENT_LOST)
        printf("lost: number %" PRIu64 "\n", generation);
    else
        printf("no connection: %s\n", rpyc_status_name(rpyc_error_status(error)));
}

static void print_sum(rpyc_client *client, int64_t a, int64_t b)
{
    rpyc_value *args[2] = {rpyc_value_new_int(a), rpyc_value_new_int(b)}, *sum = NULL;
    rpyc_error *error = NULL;
    int64_t number = 0;
    rpyc_status status = rpyc_client_call(client, "add", args, 2, NULL, &sum, &error);

    if (status == RPYC_OK) {
        check(rpyc_value_get_int(sum, &number, &error), error);
        printf("add: %" PRId64 "\n", number);
    } else {
        /* RPYC_ERR_EOF: the call may have been executed. RPYC_ERR_ADDRESS: it was not sent. */
        printf("add: %s\n", rpyc_status_name(status));
    }
    rpyc_error_free(error);
    rpyc_value_free(sum);
}

int main(void)
{
    rpyc_client *client = NULL;
    rpyc_object *root = NULL;
    rpyc_value *text = NULL;
    rpyc_error *error = NULL;
    rpyc_server *server;
    char address[64];

    snprintf(address, sizeof address, "unix://@reconnect-%ld", (long)getpid());
    server = start_server(address);

    /* With a connect_retry of 60, each use would wait up to a minute for the server. */
    check(rpyc_client_new(address, NULL, NULL, tell, NULL, NULL, &client, &error), error);
    print_sum(client, 40, 2);
    check(rpyc_client_root(client, &root, &error), error);

    puts("the server is stopped");
    stop_server(server);
    print_sum(client, 1, 2);

    puts("the server is started");
    server = start_server(address);
    print_sum(client, 3, 4);
    printf("the old root: %s\n", rpyc_status_name(rpyc_object_str(root, &text, NULL)));

    rpyc_object_free(root);
    check(rpyc_client_close(client, &error), error);
    rpyc_client_free(client);
    stop_server(server);
    return EXIT_SUCCESS;
}
