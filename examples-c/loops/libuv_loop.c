/* libuv_loop: a program driven by libuv, in one thread.
 *
 * Shows a uv_poll_t for the descriptor and a uv_timer_t for the next deadline.
 *
 *     cc libuv_loop.c -o libuv_loop $(pkg-config --cflags --libs rpyc libuv)
 *     python3 ../peers/ticker_server.py tcp://127.0.0.1:18861 &
 *     ./libuv_loop tcp://127.0.0.1:18861
 *
 * Prints:
 *     subscribed
 *     tick 1
 *     tick 2
 *     tick 3
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>
#include <uv.h>

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

struct program {
    rpyc_connection *conn;
    uv_poll_t poll;
    uv_timer_t timer;
    bool good;
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);

/* Starts waiting for the events and the deadline of the connection. */
static void arm(struct program *program)
{
    int interest = rpyc_connection_interest(program->conn);
    int64_t wait = rpyc_connection_next_deadline(program->conn);

    uv_poll_start(&program->poll,
                  (interest & RPYC_WAIT_READ ? UV_READABLE : 0) | (interest & RPYC_WAIT_WRITE ? UV_WRITABLE : 0),
                  on_poll);
    if (wait >= 0)
        uv_timer_start(&program->timer, on_timer, (uint64_t)wait, 0);
    else
        uv_timer_stop(&program->timer);
}

static void go_on(struct program *program)
{
    program->good = step(program->conn);
    if (program->good && ticks < 3) {
        arm(program);
        return;
    }
    uv_close((uv_handle_t *)&program->poll, NULL);
    uv_close((uv_handle_t *)&program->timer, NULL);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    go_on(poll->data);
}

static void on_timer(uv_timer_t *timer)
{
    go_on(timer->data);
}

static bool loop(rpyc_connection *conn)
{
    struct program program = {.conn = conn};
    uv_loop_t loop;

    uv_loop_init(&loop);
    uv_poll_init(&loop, &program.poll, rpyc_connection_fileno(conn));
    uv_timer_init(&loop, &program.timer);
    program.poll.data = program.timer.data = &program;
    arm(&program);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return program.good;
}

int main(int argc, char **argv)
{
    rpyc_connection *conn = NULL;
    rpyc_error *error = NULL;
    bool good = false;

    if (argc != 2)
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
    else if (start(argv[1], &conn, &error))
        fprintf(stderr, "libuv_loop: %s\n", rpyc_error_describe(error));
    else
        good = loop(conn);
    rpyc_error_free(error);
    rpyc_connection_free(conn);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
