/* A peer that never stops asking does not keep poll_all, whoever runs the calls: this thread, a queue, threads in the
 * background, or the threads that bind_threads names. At the end all of them are told the same. */
#define _DEFAULT_SOURCE
#include <stdatomic.h>
#include <sys/socket.h>

#include "check.h"

enum { PLAIN, QUEUE_HERE, QUEUE_ELSEWHERE, BOUND, BACKGROUND, SEVERAL, KINDS };

struct flood {
    rpyc_connection *client, *server;
    rpyc_queue *queue;
    rpyc_serving *serving;
    pthread_t asker, runner;
    atomic_int stop, ended, asked, served;
};

static void served(rpyc_call *call, void *self)
{
    (void)self;
    atomic_fetch_add((atomic_int *)rpyc_call_userdata(call), 1);
    rpyc_call_return(call, NULL);
}

/* Asks faster than anybody answers, and takes what comes. */
static void *ask(void *userdata)
{
    struct flood *flood = userdata;
    rpyc_object *root = NULL;
    rpyc_value *last = NULL;

    OK(rpyc_connection_root(flood->client, &root, NULL));
    while (!atomic_load(&flood->stop)) {
        rpyc_async_result *results[64] = {NULL};

        for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
            OK(rpyc_object_call_method_async(root, "served", NULL, 0, NULL, -1, &results[i], NULL));
            atomic_fetch_add(&flood->asked, 1);
        }
        for (size_t i = 0; i < sizeof results / sizeof *results; i++)
            rpyc_async_result_free(results[i]);
        /* Not more than a queue takes. */
        do
            OK(rpyc_connection_poll_all(flood->client, 0, NULL, NULL));
        while (atomic_load(&flood->asked) - atomic_load(&flood->served) > 20000);
    }
    /* Behind everything else. */
    OK(rpyc_object_call_method(root, "served", NULL, 0, NULL, &last, NULL));
    atomic_fetch_add(&flood->asked, 1);
    rpyc_value_free(last);
    rpyc_object_free(root);
    OK(rpyc_connection_close(flood->client, NULL));
    atomic_store(&flood->ended, 1);
    return NULL;
}

static void *run_queue(void *userdata)
{
    struct flood *flood = userdata;

    while (!atomic_load(&flood->ended))
        OK(rpyc_queue_run(flood->queue, 100, 10, NULL, NULL));
    return NULL;
}

static void open_flood(struct flood *flood, int kind)
{
    static const rpyc_method methods[] = {{"exposed_served", served, "served()", NULL, 0}};
    const rpyc_class_table table = {.struct_size = sizeof table,
                                    .method_size = sizeof *methods,
                                    .name = "FloodService",
                                    .methods = methods,
                                    .method_count = 1};
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = NULL;
    rpyc_transport *left = NULL, *right = NULL;
    int fds[2] = {-1, -1};

    memset(flood, 0, sizeof *flood);
    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_config_set(config, "max_serving", "100000", &error)); /* that is, in the queue */
    if (kind == BOUND)
        OK(rpyc_config_set(config, "bind_threads", "true", &error));
    OK(rpyc_class_new(&table, &flood->served, NULL, &service, &error));
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    OK(rpyc_transport_new_fd(fds[0], fds[0], 1, &left, &error));
    OK(rpyc_transport_new_fd(fds[1], fds[1], 1, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &flood->client, &error));
    OK(rpyc_connection_new(right, service, config, &flood->server, &error));
    if (kind == QUEUE_HERE || kind == QUEUE_ELSEWHERE) {
        OK(rpyc_queue_new(100000, &flood->queue, &error));
        OK(rpyc_connection_set_queue(flood->server, flood->queue, &error));
    }
    if (kind == BACKGROUND || kind == SEVERAL)
        OK(rpyc_connection_serve_background(flood->server, kind == SEVERAL ? 3 : 1, 0, &flood->serving, &error));
    rpyc_class_free(service);
    rpyc_config_free(config);
}

/* What has ended says so each time, at once. */
static void at_the_end(rpyc_connection *connection)
{
    for (int i = 0; i < 3; i++) {
        bool handled = true;

        GIVES(RPYC_ERR_EOF, rpyc_connection_poll(connection, -1, &handled, &error));
        GIVES(RPYC_ERR_EOF, rpyc_connection_serve(connection, -1, &handled, &error));
        OK(rpyc_connection_poll_all(connection, i ? -1 : 60000, &handled, &error));
        CHECK(!handled);
    }
}

static void flooded(int kind)
{
    struct flood flood;
    bool handled = false;

    open_flood(&flood, kind);
    CHECK(pthread_create(&flood.asker, NULL, ask, &flood) == 0);
    if (kind == QUEUE_ELSEWHERE)
        CHECK(pthread_create(&flood.runner, NULL, run_queue, &flood) == 0);
    for (int i = 0; i < 30; i++) {
        /* It returns, though more comes all the time. */
        OK(rpyc_connection_poll_all(flood.server, i % 3 ? 0 : 5, &handled, &error));
        if (kind == QUEUE_HERE)
            OK(rpyc_queue_run(flood.queue, 50, 0, NULL, &error));
        CHECK(!atomic_load(&flood.ended));
    }
    atomic_store(&flood.stop, 1);
    while (!atomic_load(&flood.ended)) {
        OK(rpyc_connection_poll_all(flood.server, 1, NULL, &error));
        if (kind == QUEUE_HERE)
            OK(rpyc_queue_run(flood.queue, 1000, 0, NULL, &error));
    }
    pthread_join(flood.asker, NULL);
    if (kind == QUEUE_ELSEWHERE)
        pthread_join(flood.runner, NULL);
    CHECK(atomic_load(&flood.served) == atomic_load(&flood.asked));
    if (flood.serving)
        OK(rpyc_serving_join(flood.serving, &error));
    else
        OK(rpyc_connection_poll_all(flood.server, -1, NULL, &error)); /* to the end */
    at_the_end(flood.server);
    rpyc_serving_free(flood.serving);
    rpyc_connection_free(flood.client);
    rpyc_connection_free(flood.server);
    rpyc_queue_free(flood.queue);
}

int main(void)
{
    alarm(80);
    for (int kind = 0; kind < KINDS; kind++)
        flooded(kind);
    return finish();
}
