/* 18_epoll_loop: a program driven by epoll, in one thread.
 *
 * Shows how to update the events in epoll only when they change.
 *
 *     cc 18_epoll_loop.c -o 18_epoll_loop $(pkg-config --cflags --libs rpyc)
 *     python3 peers/ticker_server.py tcp://127.0.0.1:18861 &
 *     ./18_epoll_loop tcp://127.0.0.1:18861
 *
 * Prints:
 *     subscribed
 *     tick 1
 *     tick 2
 *     tick 3
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <rpyc.h>

static int ticks;

/* Called by the server, in this thread, inside rpyc_connection_process(). */
static void tick(rpyc_call *call, void *self)
{
    int64_t number;

    (void)self;
    if (rpyc_call_get_int(call, 0, &number))
        return;
    printf("tick %" PRId64 "\n", number);
    ticks++;
    rpyc_call_return(call, NULL);
}

/* Connects and subscribes to three ticks. After that only the loop waits. */
static rpyc_status start(const char *address, rpyc_connection **conn_out, rpyc_error **error_out)
{
    rpyc_object *func = NULL, *root = NULL;
    rpyc_value *args[2] = {NULL, rpyc_value_new_int(3)};
    rpyc_async_result *result = NULL;
    rpyc_status status;

    if ((status = rpyc_connect(address, NULL, NULL, conn_out, error_out)) ||
        (status = rpyc_connection_root(*conn_out, &root, error_out)) ||
        (status = rpyc_connection_set_nonblocking(*conn_out, 1, error_out)) ||
        (status = rpyc_function_new("tick", tick, "tick(number)", NULL, 0, NULL, NULL, &func, error_out)) ||
        (status = rpyc_value_new_object(func, &args[0], error_out)))
        goto done;
    status = rpyc_object_call_method_async(root, "subscribe", args, 2, NULL, 30000, &result, error_out);
    args[0] = args[1] = NULL; /* consumed */
    if (!status)
        printf("subscribed\n");
done:
    rpyc_value_free(args[0]);
    rpyc_value_free(args[1]);
    rpyc_async_result_free(result);
    rpyc_object_free(func);
    rpyc_object_free(root);
    return status;
}

/* Makes one step. Returns false at the end of the connection. A peer that does not receive at the moment is not a
 * failure. */
static bool step(rpyc_connection *conn)
{
    rpyc_error *error = NULL;
    rpyc_status status = rpyc_connection_process(conn, NULL, &error);

    if (status && status != RPYC_ERR_BACKPRESSURE)
        fprintf(stderr, "%s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    return !status || status == RPYC_ERR_BACKPRESSURE;
}

static bool loop(rpyc_connection *conn)
{
    struct epoll_event event = {0};
    int epoll = epoll_create1(EPOLL_CLOEXEC), fd = rpyc_connection_fileno(conn), known = 0;
    bool good = epoll >= 0 && !epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);

    while (good && ticks < 3) {
        int interest = rpyc_connection_interest(conn);
        int64_t wait = rpyc_connection_next_deadline(conn);

        if (interest != known) {
            event.events = (interest & RPYC_WAIT_READ ? EPOLLIN : 0u) | (interest & RPYC_WAIT_WRITE ? EPOLLOUT : 0u);
            good = !epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
            known = interest;
        }
        if (epoll_wait(epoll, &event, 1, wait > 1000 ? 1000 : (int)wait) < 0 && errno != EINTR)
            good = false;
        good = good && step(conn);
    }
    if (epoll >= 0)
        close(epoll);
    return good;
}

int main(int argc, char **argv)
{
    rpyc_connection *conn = NULL;
    rpyc_error *error = NULL;
    bool good = false;

    if (argc != 2)
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
    else if (start(argv[1], &conn, &error))
        fprintf(stderr, "18_epoll_loop: %s\n", rpyc_error_describe(error));
    else
        good = loop(conn);
    rpyc_error_free(error);
    rpyc_connection_free(conn);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
