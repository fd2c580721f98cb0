/* 01_client: calls a Python RPyC server.
 *
 * Shows a connection, the root object, calls with positional and keyword arguments, reading the result, and an
 * exception of the server.
 *
 *     cc 01_client.c -o 01_client $(pkg-config --cflags --libs rpyc)
 *     python3 peers/calculator_server.py tcp://127.0.0.1:18861 &
 *     ./01_client tcp://127.0.0.1:18861
 *
 * Prints:
 *     add(40, 2) = 42
 *     power(2, exponent=10) = 1024
 *     divide(7, 2) = 3.5
 *     divide(1, 0) raised ZeroDivisionError: cannot divide by zero
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

static rpyc_status add(rpyc_object *root, rpyc_error **error_out)
{
    rpyc_value *args[] = {rpyc_value_new_int(40), rpyc_value_new_int(2)};
    rpyc_value *result = NULL;
    int64_t sum = 0;
    rpyc_status status;

    status = rpyc_object_call_method(root, "add", args, 2, NULL, &result, error_out); /* consumes the args */
    if (!status)
        status = rpyc_value_get_int(result, &sum, error_out);
    if (!status)
        printf("add(40, 2) = %" PRId64 "\n", sum);
    rpyc_value_free(result);
    return status;
}

static rpyc_status power(rpyc_object *root, rpyc_error **error_out)
{
    const char *names[] = {"exponent"};
    rpyc_value *values[] = {rpyc_value_new_int(10)};
    rpyc_value *args[1];
    rpyc_value *keywords = NULL, *result = NULL;
    int64_t power = 0;
    rpyc_status status;

    status = rpyc_value_new_keywords(names, values, 1, &keywords, error_out);
    if (status)
        return status;
    args[0] = rpyc_value_new_int(2);
    status = rpyc_object_call_method(root, "power", args, 1, keywords, &result, error_out); /* and the keywords */
    if (!status)
        status = rpyc_value_get_int(result, &power, error_out);
    if (!status)
        printf("power(2, exponent=10) = %" PRId64 "\n", power);
    rpyc_value_free(result);
    return status;
}

static rpyc_status divide(rpyc_object *root, int64_t a, int64_t b, rpyc_error **error_out)
{
    rpyc_value *args[] = {rpyc_value_new_int(a), rpyc_value_new_int(b)};
    rpyc_value *result = NULL;
    double quotient = 0;
    rpyc_status status;

    status = rpyc_object_call_method(root, "divide", args, 2, NULL, &result, error_out);
    if (!status)
        status = rpyc_value_get_float(result, &quotient, error_out);
    if (!status)
        printf("divide(%" PRId64 ", %" PRId64 ") = %g\n", a, b, quotient);
    rpyc_value_free(result);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    /* RPYC_OK is 0, so calls can be chained: the first one that fails ends the chain. */
    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error) ||
        add(root, &error) || power(root, &error) || divide(root, 7, 2, &error))
        goto done;

    if (divide(root, 1, 0, &error) != RPYC_ERR_REMOTE || !rpyc_error_is(error, "ZeroDivisionError"))
        goto done;
    printf("divide(1, 0) raised %s\n", rpyc_error_describe(error)); /* rpyc_error_traceback: where, in the server */
    rpyc_error_free(error);
    error = NULL;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "01_client: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}
