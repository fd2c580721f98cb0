/* 12_pair: two connections inside one process, without any socket; each side calls the other.
 *
 * Shows the in-memory pair, that both ends of a connection are equal, a request inside a request, and a thread that
 * serves until the other side has closed. Useful for tests of a service.
 *
 *     cc -pthread 12_pair.c -o 12_pair $(pkg-config --cflags --libs rpyc)
 *     ./12_pair
 *
 * Prints:
 *     right is asked to count down from 3
 *     left is asked to count down from 2
 *     right is asked to count down from 1
 *     left is asked to count down from 0
 *     the answer is: left right left right lift-off
 *     right has served all
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

/* count_down(n): calls count_down(n - 1) of the other side, over the connection of this call. */
static void count_down(rpyc_call *call, void *self)
{
    const char *name = self;
    rpyc_object *other = NULL;
    rpyc_value *args[1], *result = NULL;
    rpyc_error *error = NULL;
    const char *text;
    char answer[80];
    size_t length;
    int64_t n;

    if (rpyc_call_get_int(call, 0, &n))
        return;
    printf("%s is asked to count down from %" PRId64 "\n", name, n);
    if (n <= 0) {
        rpyc_call_return_str(call, "lift-off", RPYC_NUL_TERMINATED);
        return;
    }
    args[0] = rpyc_value_new_int(n - 1);
    if (rpyc_connection_root(rpyc_call_connection(call), &other, &error)) {
        rpyc_value_free(args[0]);
        rpyc_call_raise_error(call, error);
        return;
    }
    if (rpyc_object_call_method(other, "count_down", args, 1, NULL, &result, &error) ||
        rpyc_value_get_str(result, &text, &length, &error)) {
        rpyc_call_raise_error(call, error);
    } else {
        snprintf(answer, sizeof answer, "%s %.*s", name, (int)length, text);
        rpyc_call_return_str(call, answer, RPYC_NUL_TERMINATED);
    }
    rpyc_value_free(result);
    rpyc_object_free(other);
}

static const rpyc_method methods[] = {
    {"exposed_count_down", count_down, "count_down(n)", NULL, 0},
};

static const rpyc_class_table table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "CountDownService",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
};

struct side {
    rpyc_class *service;
    rpyc_transport *transport;
    rpyc_connection *conn;
};

static void *serve(void *userdata)
{
    rpyc_connection *conn = userdata;
    rpyc_error *error = NULL;

    if (rpyc_connection_serve_all(conn, &error))
        fprintf(stderr, "right: %s\n", rpyc_error_describe(error));
    else
        printf("right has served all\n");
    rpyc_error_free(error);
    return NULL;
}

/* Calls left.root.count_down(3) and prints the result. */
static rpyc_status start(rpyc_connection *left, rpyc_error **error_out)
{
    rpyc_object *root = NULL;
    rpyc_value *args[1], *result = NULL;
    const char *text = NULL;
    size_t length = 0;
    rpyc_status status = rpyc_connection_root(left, &root, error_out);

    if (status)
        return status;
    args[0] = rpyc_value_new_int(3);
    status = rpyc_object_call_method(root, "count_down", args, 1, NULL, &result, error_out);
    if (!status)
        status = rpyc_value_get_str(result, &text, &length, error_out);
    if (!status)
        printf("the answer is: left %.*s\n", (int)length, text);
    rpyc_value_free(result);
    rpyc_object_free(root);
    return status;
}

int main(void)
{
    struct side left = {NULL, NULL, NULL}, right = {NULL, NULL, NULL};
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;
    pthread_t thread;

    /* The userdata is the name of the side; both have the same methods. */
    if (rpyc_class_new(&table, "left", NULL, &left.service, &error) ||
        rpyc_class_new(&table, "right", NULL, &right.service, &error) ||
        rpyc_transport_new_pair(&left.transport, &right.transport, &error))
        goto done;
    /* A connection consumes its transport, also on failure. */
    if (rpyc_connection_new(left.transport, left.service, NULL, &left.conn, &error)) {
        rpyc_transport_free(right.transport);
        goto done;
    }
    if (rpyc_connection_new(right.transport, right.service, NULL, &right.conn, &error))
        goto done;

    if (pthread_create(&thread, NULL, serve, right.conn))
        goto done;
    if (!start(left.conn, &error) && !rpyc_connection_close(left.conn, &error))
        exit_code = EXIT_SUCCESS;
    else
        rpyc_connection_close(left.conn, NULL);
    pthread_join(thread, NULL);

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "12_pair: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_connection_free(left.conn);
    rpyc_connection_free(right.conn);
    rpyc_class_free(left.service);
    rpyc_class_free(right.service);
    return exit_code;
}
