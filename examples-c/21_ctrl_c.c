/* 21_ctrl_c: Ctrl-C ends a call that takes too long, and the program continues.
 *
 * Shows a timeout for one call, a signal handler that interrupts a wait, and that the connection remains usable.
 *
 *     cc 21_ctrl_c.c -o 21_ctrl_c $(pkg-config --cflags --libs rpyc)
 *     python3 peers/slow_server.py tcp://127.0.0.1:18861 &
 *     ./21_ctrl_c tcp://127.0.0.1:18861
 *
 * Without Ctrl-C within a second, an alarm does the same.
 *
 * Prints:
 *     within a timeout: RPYC_ERR_TIMEOUT
 *     waiting; press Ctrl-C
 *     interrupted: RPYC_ERR_WAIT_INTERRUPTED
 *     the connection still works: 49
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rpyc_helpers.h>

static rpyc_connection *connection; /* set before the handler is */

static void interrupt(int number)
{
    (void)number;
    rpyc_connection_interrupt(connection);
}

static rpyc_status slow_square(rpyc_object *root, double seconds, int64_t x, int64_t *out, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_object_call_method(root, "slow_square", RPYC_ARGS(rpyc_float(seconds), rpyc_int(x)), NULL,
                                                 &value, error_out);

    if (!status)
        status = rpyc_value_get_int(value, out, error_out);
    rpyc_value_free(value);
    return status;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = interrupt};
    rpyc_object *root = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;
    int64_t square = 0;
    size_t timeout;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (rpyc_connect(argv[1], NULL, NULL, &connection, &error) || rpyc_connection_root(connection, &root, &error))
        goto failed;

    timeout = rpyc_timeout_begin(100);
    status = slow_square(root, 0.5, 2, &square, NULL);
    rpyc_timeout_end(timeout);
    printf("within a timeout: %s\n", rpyc_status_name(status));

    sigaction(SIGINT, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    alarm(1);
    printf("waiting; press Ctrl-C\n");
    fflush(stdout);
    status = slow_square(root, 3, 3, &square, NULL);
    printf("interrupted: %s\n", rpyc_status_name(status));

    /* The server is still busy with the calls that were given up. Their replies are dropped. */
    if (slow_square(root, 0, 7, &square, &error))
        goto failed;
    printf("the connection still works: %d\n", (int)square);

    signal(SIGINT, SIG_DFL); /* before the connection is freed */
    signal(SIGALRM, SIG_DFL);
    rpyc_object_free(root);
    rpyc_connection_close(connection, NULL);
    rpyc_connection_free(connection);
    return EXIT_SUCCESS;

failed:
    fprintf(stderr, "%s: %s\n", rpyc_status_name(rpyc_error_status(error)), rpyc_error_message(error));
    rpyc_error_free(error);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    return EXIT_FAILURE;
}
