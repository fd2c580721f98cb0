/* 13_child_process: starts a Python program and uses it, over its standard input and output.
 *
 * Shows an exec: address, a child that exists only for this program, and a large computation in one call.
 *
 *     cc 13_child_process.c -o 13_child_process $(pkg-config --cflags --libs rpyc)
 *     ./13_child_process "exec:python3 peers/statistics_child.py"
 *
 * Prints:
 *     median 5.5
 *     deviation 2.87
 *     quantiles 2.75 5.5 8.25
 *     the child ended with the connection
 */
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

/* Makes the tuple (1, 2, ... 10). */
static rpyc_status new_sample(rpyc_value **sample_out, rpyc_error **error_out)
{
    rpyc_value *items[10];
    int i;

    for (i = 0; i < 10; i++)
        items[i] = rpyc_value_new_int(i + 1);
    return rpyc_value_new_tuple(items, 10, sample_out, error_out);
}

/* Calls a function of Python's module statistics and prints its result: a number or a tuple of numbers. */
static rpyc_status compute(rpyc_object *root, const char *label, const char *function, const rpyc_value *sample,
                           rpyc_error **error_out)
{
    rpyc_value *args[] = {NULL, rpyc_value_clone(sample)};
    rpyc_value *result = NULL;
    double x = 0;
    rpyc_status status = rpyc_value_new_str(function, RPYC_NUL_TERMINATED, &args[0], error_out);
    size_t i;

    if (status) {
        rpyc_value_free(args[1]);
        return status;
    }
    status = rpyc_object_call_method(root, "compute", args, 2, NULL, &result, error_out);
    if (status)
        return status;
    printf("%s", label);
    if (rpyc_value_kind(result) != RPYC_VALUE_TUPLE) {
        status = rpyc_value_get_float(result, &x, error_out);
        printf(" %.3g", x);
    }
    for (i = 0; !status && i < rpyc_value_count(result); i++) {
        status = rpyc_value_get_float(rpyc_value_item(result, i), &x, error_out);
        printf(" %.3g", x);
    }
    printf("\n");
    rpyc_value_free(result);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL;
    rpyc_value *sample = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s \"exec:COMMAND\" [DIALECT]\n", argv[0]);
        rpyc_config_free(config);
        return EXIT_FAILURE;
    }
    /* A child is started only once, so RPyC before 6.0 in it is not detected: set DIALECT to 5 for it. */
    if (argc == 3 && rpyc_config_set(config, "dialect", argv[2], &error))
        goto done;
    if (rpyc_connect(argv[1], NULL, config, &conn, &error) || rpyc_connection_root(conn, &root, &error) ||
        new_sample(&sample, &error) || compute(root, "median", "median", sample, &error) ||
        compute(root, "deviation", "pstdev", sample, &error) || compute(root, "quantiles", "quantiles", sample, &error))
        goto done;
    if (rpyc_connection_close(conn, &error)) /* the child reads the end of its input and exits */
        goto done;
    printf("the child ended with the connection\n");
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "13_child_process: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_value_free(sample);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    rpyc_config_free(config);
    return exit_code;
}
