/* A client that Python calls while its main thread does something else: in the background, and through a queue.
 *
 *     background_client ADDRESS      of examples-c/peers/ticker_server.py
 */
#define _DEFAULT_SOURCE
#include <stdatomic.h>

#include "check.h"

#define TICKS 5

struct seen {
    pthread_t owner;
    atomic_int ticks, by_owner, wrong;
};

static void tick(rpyc_call *call, void *self)
{
    struct seen *seen = self;
    int64_t number;

    if (rpyc_call_get_int(call, 0, &number))
        return;
    if (pthread_equal(pthread_self(), seen->owner))
        atomic_fetch_add(&seen->by_owner, 1);
    if (number != atomic_fetch_add(&seen->ticks, 1) + 1)
        atomic_fetch_add(&seen->wrong, 1);
    rpyc_call_return(call, NULL);
}

static void subscribe(rpyc_connection *connection, struct seen *seen)
{
    rpyc_object *root = NULL, *func = NULL;
    rpyc_value *args[2] = {NULL, rpyc_value_new_int(TICKS)}, *result = NULL;

    OK(rpyc_connection_root(connection, &root, &error));
    OK(rpyc_function_new("tick", tick, "tick(number)", NULL, 0, seen, NULL, &func, &error));
    OK(rpyc_value_new_object(func, &args[0], &error));
    OK(rpyc_object_call_method(root, "subscribe", args, 2, NULL, &result, &error));
    rpyc_value_free(result);
    rpyc_object_free(func);
    rpyc_object_free(root);
}

static void run(const char *address, int queued)
{
    struct seen seen = {pthread_self(), 0, 0, 0};
    rpyc_connection *connection = NULL;
    rpyc_serving *serving = NULL;
    rpyc_queue *queue = NULL;
    int i;

    OK(rpyc_connect(address, NULL, NULL, &connection, &error));
    if (queued) {
        OK(rpyc_queue_new(100, &queue, &error));
        OK(rpyc_connection_set_queue(connection, queue, &error));
    }
    OK(rpyc_connection_serve_background(connection, 1, 0, &serving, &error));
    subscribe(connection, &seen);
    for (i = 0; i < 30000 && atomic_load(&seen.ticks) < TICKS; i++)
        if (queued)
            OK(rpyc_queue_run(queue, 0, 100, NULL, &error));
        else
            usleep(1000);
    CHECK(atomic_load(&seen.ticks) == TICKS && atomic_load(&seen.wrong) == 0);
    /* Without a queue the main thread has run none, but for those that came while it waited for an answer itself. */
    CHECK(queued ? atomic_load(&seen.by_owner) == TICKS : atomic_load(&seen.by_owner) < TICKS);
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    /* It serves no more, and the connection is still there. */
    OK(rpyc_connection_ping(connection, NULL, 0, 30000, &error));
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
    rpyc_queue_free(queue);
}

int main(int argc, char **argv)
{
    alarm(80);
    if (argc == 2) {
        run(argv[1], 0);
        run(argv[1], 1);
    }
    return finish();
}
