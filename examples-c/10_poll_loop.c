/* 10_poll_loop: a program with its own main loop, in one thread.
 *
 * Shows the connection's descriptor in poll() beside another one: the events and the time to wait for, and a step that
 * never blocks.
 *
 *     cc 10_poll_loop.c -o 10_poll_loop $(pkg-config --cflags --libs rpyc)
 *     python3 peers/ticker_server.py tcp://127.0.0.1:18861 &
 *     ./10_poll_loop tcp://127.0.0.1:18861
 *
 * Prints:
 *     subscribed
 *     tick 1
 *     tick 2
 *     tick 3
 *     the loop's own event: 3 ticks seen
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rpyc.h>

struct program {
    int ticks;
    int wake_fd; /* writing to it makes the loop's own event */
};

/* Called by the server, in this thread, inside rpyc_connection_process(). */
static void tick(rpyc_call *call, void *self)
{
    struct program *program = self;
    int64_t number;

    if (rpyc_call_get_int(call, 0, &number))
        return;
    printf("tick %" PRId64 "\n", number);
    if (++program->ticks == 3 && write(program->wake_fd, "!", 1) != 1)
        rpyc_call_raise(call, "OSError", "cannot wake the loop");
    else
        rpyc_call_return(call, NULL);
}

/* Does not wait: the loop handles replies and calls of the peer. */
static rpyc_status subscribe(rpyc_object *root, rpyc_object *func, rpyc_error **error_out)
{
    rpyc_value *args[2] = {NULL, rpyc_value_new_int(3)};
    rpyc_async_result *result = NULL;
    rpyc_status status = rpyc_value_new_object(func, &args[0], error_out);

    if (status)
        return status;
    status = rpyc_object_call_method_async(root, "subscribe", args, 2, NULL, 30000, &result, error_out);
    rpyc_async_result_free(result);
    return status;
}

static rpyc_status loop(rpyc_connection *conn, int own_fd, struct program *program, rpyc_error **error_out)
{
    struct pollfd fds[2] = {{.fd = rpyc_connection_fileno(conn)}, {.fd = own_fd, .events = POLLIN}};
    rpyc_status status;
    char byte;

    for (;;) {
        int interest = rpyc_connection_interest(conn);
        int64_t wait = rpyc_connection_next_deadline(conn);

        fds[0].events = (short)((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0));
        if (poll(fds, 2, wait > 1000 ? 1000 : (int)wait) < 0 && errno != EINTR) {
            perror("poll");
            return RPYC_ERR_IO;
        }
        status = rpyc_connection_process(conn, NULL, error_out);
        /* The peer does not receive at the moment. Nothing is lost, and the loop continues. */
        if (status == RPYC_ERR_BACKPRESSURE && error_out) {
            rpyc_error_free(*error_out);
            *error_out = NULL;
        } else if (status)
            return status;
        if (fds[1].revents & POLLIN && read(own_fd, &byte, 1) == 1) {
            printf("the loop's own event: %d ticks seen\n", program->ticks);
            return RPYC_OK;
        }
    }
}

int main(int argc, char **argv)
{
    struct program program = {0, -1};
    rpyc_connection *conn = NULL;
    rpyc_object *func = NULL, *root = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE, pipe_fds[2];

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (pipe(pipe_fds)) {
        perror("pipe");
        return EXIT_FAILURE;
    }
    program.wake_fd = pipe_fds[1];

    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) ||
        rpyc_function_new("tick", tick, "tick(number)", NULL, 0, &program, NULL, &func, &error) ||
        rpyc_connection_root(conn, &root, &error) || rpyc_connection_set_nonblocking(conn, 1, &error) ||
        subscribe(root, func, &error))
        goto done;
    printf("subscribed\n");
    if (loop(conn, pipe_fds[0], &program, &error))
        goto done;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "10_poll_loop: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_object_free(func);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    return exit_code;
}
