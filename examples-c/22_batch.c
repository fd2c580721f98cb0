/* 22_batch: many calls at once.
 *
 * Shows a prepared method, a batch with a callback for each result, a batch that keeps its results, and errors of
 * single calls.
 *
 *     cc 22_batch.c -o 22_batch $(pkg-config --cflags --libs rpyc)
 *     python3 peers/calculator_server.py tcp://127.0.0.1:18861 &
 *     ./22_batch tcp://127.0.0.1:18861
 *
 * Prints:
 *     the squares of 0 to 999 add up to 332833500
 *     100 / 4 = 25
 *     100 / 0: ZeroDivisionError: cannot divide by zero
 *     100 / 8 = 12.5
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

#define COUNT 1000

/* Called in main's thread for each result. */
static void add_up(size_t index, const rpyc_value *value, const rpyc_error *error, void *userdata)
{
    int64_t *sum = userdata, n = 0;

    if (error)
        fprintf(stderr, "call %zu: %s\n", index, rpyc_error_describe(error));
    else if (!rpyc_value_get_int(value, &n, NULL))
        *sum += n;
}

static rpyc_status squares(rpyc_object *root, rpyc_error **error_out)
{
    rpyc_prepared *power = NULL;
    rpyc_batch *batch = NULL;
    rpyc_value *args[COUNT];
    int64_t sum = 0;
    rpyc_status status;
    int i;

    for (i = 0; i < COUNT; i++)
        args[i] = rpyc_value_new_int(i);
    status = rpyc_prepared_new(root, "power", &power, error_out);
    if (!status)
        status = rpyc_batch_new(100, &batch, error_out); /* at most 100 wait for their reply */
    if (!status)
        status = rpyc_batch_add_many(batch, power, args, 1, COUNT, error_out); /* power(0), power(1), ... */
    if (!status)
        status = rpyc_batch_run(batch, 10000, add_up, &sum, error_out);
    if (!status)
        printf("the squares of 0 to %d add up to %" PRId64 "\n", COUNT - 1, sum);
    rpyc_batch_free(batch);
    rpyc_prepared_free(power);
    return status;
}

static rpyc_status quotients(rpyc_object *root, rpyc_error **error_out)
{
    static const int64_t divisors[] = {4, 0, 8};
    rpyc_prepared *divide = NULL;
    rpyc_batch *batch = NULL;
    rpyc_status status = rpyc_prepared_new(root, "divide", &divide, error_out);
    size_t i;

    if (!status)
        status = rpyc_batch_new(0, &batch, error_out);
    for (i = 0; !status && i < 3; i++) {
        rpyc_value *args[] = {rpyc_value_new_int(100), rpyc_value_new_int(divisors[i])};

        status = rpyc_batch_add(batch, divide, args, 2, NULL, error_out);
    }
    if (!status)
        status = rpyc_batch_run(batch, 10000, NULL, NULL, error_out); /* without a callback: keeps the results */
    for (i = 0; !status && i < 3; i++) {
        rpyc_value *value = NULL;
        rpyc_error *error = NULL;
        double quotient = 0;

        if (rpyc_batch_value(batch, i, &value, &error) || rpyc_value_get_float(value, &quotient, &error))
            printf("100 / %" PRId64 ": %s\n", divisors[i], rpyc_error_describe(error));
        else
            printf("100 / %" PRId64 " = %g\n", divisors[i], quotient);
        rpyc_error_free(error);
        rpyc_value_free(value);
    }
    rpyc_batch_free(batch);
    rpyc_prepared_free(divide);
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
    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error))
        goto done;
    if (squares(root, &error) || quotients(root, &error))
        goto done;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "22_batch: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}
