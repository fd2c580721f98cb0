/* Queues, threads that serve and connections of a loop, in a forked child: they may be freed, and no more. */
#include <sys/wait.h>

#include "peers.h"

int main(void)
{
    struct peers peers;
    rpyc_serving *serving = NULL;
    rpyc_queue *queue = NULL;
    int status = 1;
    pid_t child;

    alarm(60);
    peers_open(&peers);
    OK(rpyc_queue_new(5, &queue, &error));
    OK(rpyc_connection_set_queue(peers.client, queue, &error));
    OK(rpyc_connection_serve_background(peers.client, 2, RPYC_SERVE_IN_ORDER, &serving, &error));
    OK(rpyc_connection_set_nonblocking(peers.server, 1, &error));
    OK(rpyc_connection_ping(peers.client, NULL, 0, 30000, &error));
    fflush(NULL);
    child = fork();
    if (child == 0) {
        alarm(20);
        GIVES(RPYC_ERR_FORKED, rpyc_queue_run(queue, 0, -1, NULL, &error));
        GIVES(RPYC_ERR_FORKED, rpyc_queue_set_timeout(queue, 1, &error));
        CHECK(rpyc_queue_length(queue) == 0);
        GIVES(RPYC_ERR_FORKED, rpyc_connection_set_queue(peers.server, queue, &error));
        GIVES(RPYC_ERR_FORKED, rpyc_connection_process(peers.server, NULL, &error));
        GIVES(RPYC_ERR_FORKED, rpyc_connection_set_nonblocking(peers.server, 0, &error));
        CHECK(rpyc_connection_interest(peers.server) == 0);
        CHECK(rpyc_connection_next_deadline(peers.server) == -1);
        CHECK(rpyc_connection_wake_fileno(peers.server) == -1);
        GIVES(RPYC_ERR_FORKED, rpyc_connection_serve_threaded(peers.client, 2, 0, &error));
        GIVES(RPYC_ERR_FORKED, rpyc_serving_stop(serving, &error));
        GIVES(RPYC_ERR_FORKED, rpyc_serving_join(serving, &error));
        CHECK(!rpyc_serving_is_running(serving));
        rpyc_serving_free(serving);
        rpyc_queue_free(queue);
        _exit(failures ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    OK(rpyc_connection_ping(peers.client, NULL, 0, 30000, &error));
    CHECK(rpyc_serving_is_running(serving));
    peers_close(&peers);
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    rpyc_queue_free(queue);
    return finish();
}
