/* 07_async: calls whose replies are received later.
 *
 * Shows several calls in flight, a callback for a reply, waiting, an exception that is received later, and timeouts.
 *
 *     cc 07_async.c -o 07_async $(pkg-config --cflags --libs rpyc)
 *     python3 peers/slow_server.py tcp://127.0.0.1:18861 &
 *     ./07_async tcp://127.0.0.1:18861
 *
 * Prints:
 *     3 calls are on their way
 *     callback: 1
 *     callback: 4
 *     callback: 9
 *     the sum is 14
 *     later: ValueError: bad luck
 *     gave up: RPYC_ERR_TIMEOUT, expired: yes
 *     the connection still works: 49
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

/* Calls root.slow_square(seconds, x) and does not wait for the reply; timeout_ms -1 is no limit. */
static rpyc_status slow_square(rpyc_object *root, double seconds, int64_t x, int64_t timeout_ms,
                               rpyc_async_result **result_out, rpyc_error **error_out)
{
    rpyc_value *args[] = {rpyc_value_new_float(seconds), rpyc_value_new_int(x)};

    return rpyc_object_call_method_async(root, "slow_square", args, 2, NULL, timeout_ms, result_out, error_out);
}

/* Waits for the result and frees it. An exception of the peer is returned as an error. */
static rpyc_status take_int(rpyc_async_result **result, int64_t *out, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_async_result_value(*result, &value, error_out);

    if (!status)
        status = rpyc_value_get_int(value, out, error_out);
    rpyc_value_free(value);
    rpyc_async_result_free(*result);
    *result = NULL;
    return status;
}

/* Runs in the thread of this program that reads the reply: here main, while it waits. */
static void arrived(rpyc_async_result *result, void *userdata)
{
    rpyc_value *value = NULL;
    int64_t n = 0;

    (void)userdata;
    if (!rpyc_async_result_value(result, &value, NULL) && !rpyc_value_get_int(value, &n, NULL))
        printf("callback: %" PRId64 "\n", n);
    rpyc_value_free(value);
}

int main(int argc, char **argv)
{
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL;
    rpyc_async_result *results[3] = {NULL, NULL, NULL}, *result = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;
    int64_t n = 0, sum = 0;
    int exit_code = EXIT_FAILURE, i;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error))
        goto done;

    for (i = 0; i < 3; i++)
        if (slow_square(root, 0.05, i + 1, -1, &results[i], &error) ||
            rpyc_async_result_add_callback(results[i], arrived, NULL, NULL, &error))
            goto done;
    printf("3 calls are on their way\n");
    for (i = 0; i < 3; i++) {
        if (take_int(&results[i], &n, &error))
            goto done;
        sum += n;
    }
    printf("the sum is %" PRId64 "\n", sum);

    /* The request itself succeeds; the reply contains the exception. */
    if (slow_square(root, 0.01, 13, -1, &result, &error))
        goto done;
    if (take_int(&result, &n, &error) != RPYC_ERR_REMOTE)
        goto done;
    printf("later: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    error = NULL;

    /* The timeout is local: the server continues, and its late reply is dropped. */
    if (slow_square(root, 0.5, 6, 50, &result, &error))
        goto done;
    status = rpyc_async_result_wait(result, &error);
    if (status != RPYC_ERR_TIMEOUT)
        goto done;
    printf("gave up: %s, expired: %s\n", rpyc_status_name(status), rpyc_async_result_expired(result) ? "yes" : "no");
    rpyc_error_free(error);
    error = NULL;
    rpyc_async_result_free(result);
    result = NULL;

    if (slow_square(root, 0, 7, 10000, &result, &error) || take_int(&result, &n, &error))
        goto done;
    printf("the connection still works: %" PRId64 "\n", n);
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "07_async: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_async_result_free(result);
    for (i = 0; i < 3; i++)
        rpyc_async_result_free(results[i]);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}
