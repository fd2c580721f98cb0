/* glib_loop: a program driven by GLib's main loop, as GTK programs are, in one thread.
 *
 * Shows a GSource that asks the connection for the events and the time to wait for.
 *
 *     cc glib_loop.c -o glib_loop $(pkg-config --cflags --libs rpyc glib-2.0)
 *     python3 ../peers/ticker_server.py tcp://127.0.0.1:18861 &
 *     ./glib_loop tcp://127.0.0.1:18861
 *
 * Prints:
 *     subscribed
 *     tick 1
 *     tick 2
 *     tick 3
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <glib.h>
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

struct source {
    GSource source;
    rpyc_connection *conn;
    gpointer fd;
    GMainLoop *loop;
    bool *good;
};

/* Before the loop sleeps: sets the events and the time to wait for. */
static gboolean prepare(GSource *base, gint *timeout)
{
    struct source *source = (struct source *)base;
    int interest = rpyc_connection_interest(source->conn);
    int64_t wait = rpyc_connection_next_deadline(source->conn);

    g_source_modify_unix_fd(base, source->fd,
                            (interest & RPYC_WAIT_READ ? G_IO_IN : 0) | (interest & RPYC_WAIT_WRITE ? G_IO_OUT : 0));
    *timeout = (gint)(wait > 1000 ? 1000 : wait);
    return wait == 0;
}

static gboolean check(GSource *base)
{
    struct source *source = (struct source *)base;

    return g_source_query_unix_fd(base, source->fd) || rpyc_connection_next_deadline(source->conn) == 0;
}

static gboolean dispatch(GSource *base, GSourceFunc callback, gpointer userdata)
{
    struct source *source = (struct source *)base;

    (void)callback;
    (void)userdata;
    *source->good = step(source->conn);
    if (!*source->good || ticks == 3)
        g_main_loop_quit(source->loop);
    return G_SOURCE_CONTINUE;
}

static bool loop(rpyc_connection *conn)
{
    static GSourceFuncs functions = {.prepare = prepare, .check = check, .dispatch = dispatch};
    GSource *base = g_source_new(&functions, sizeof(struct source));
    struct source *source = (struct source *)base;
    bool good = false;

    source->conn = conn;
    source->good = &good;
    source->loop = g_main_loop_new(NULL, FALSE);
    source->fd = g_source_add_unix_fd(base, rpyc_connection_fileno(conn), G_IO_IN);
    g_source_attach(base, NULL);
    g_main_loop_run(source->loop);
    g_source_destroy(base);
    g_main_loop_unref(source->loop);
    g_source_unref(base);
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
        fprintf(stderr, "glib_loop: %s\n", rpyc_error_describe(error));
    else
        good = loop(conn);
    rpyc_error_free(error);
    rpyc_connection_free(conn);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
