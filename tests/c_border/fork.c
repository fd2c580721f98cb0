/* A forked child is refused on the handles that it inherited, may free them, and does the parent no harm. */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>

#include "check.h"
#include "peers.h"

struct handles {
    rpyc_server *server;
    rpyc_connection *connection;
    rpyc_object *root;
    rpyc_async_result *result;
};

static void refused_in_the_child(struct handles *h)
{
    rpyc_value *value = NULL;
    rpyc_object *object = NULL;
    rpyc_async_result *result = NULL;
    bool handled = false;

    GIVES(RPYC_ERR_FORKED, rpyc_connection_ping(h->connection, NULL, 0, 1000, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_connection_root(h->connection, &object, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_connection_serve(h->connection, 0, &handled, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_connection_poll(h->connection, 0, &handled, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_connection_poll_all(h->connection, 0, &handled, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_connection_serve_all(h->connection, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_connection_sync_request(h->connection, RPYC_HANDLE_GETROOT, NULL, 0, &value, &error));
    GIVES(RPYC_ERR_FORKED,
          rpyc_connection_async_request(h->connection, RPYC_HANDLE_GETROOT, NULL, 0, 1000, &result, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_object_str(h->root, &value, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_object_call_method(h->root, "probe", NULL, 0, NULL, &value, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_async_result_wait(h->result, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_server_serve(h->server, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_server_start(h->server, &error));
    GIVES(RPYC_ERR_FORKED, rpyc_server_join(h->server, &error));
    CHECK(value == NULL && object == NULL && result == NULL && !handled);
}

/* Values belong to no connection, and a connection of the child's own is its own. */
static void works_in_the_child(void)
{
    struct peers peers = {0};
    rpyc_value *value = rpyc_value_new_int(7), *text = rpyc_value_repr(value);

    CHECK(rpyc_value_str_equal(text, "7"));
    rpyc_value_free(text);
    rpyc_value_free(value);
    peers_open(&peers);
    OK(rpyc_connection_ping(peers.client, NULL, 0, 5000, &error));
    peers_close(&peers);
}

int main(void)
{
    struct handles h = {0};
    rpyc_class *service = peers_service();
    rpyc_config *config = peers_config();
    rpyc_value *value = NULL;
    pid_t child;
    int status = -1;

    OK(rpyc_server_new("tcp://127.0.0.1:0", service, NULL, &h.server, &error));
    OK(rpyc_server_start(h.server, &error));
    OK(rpyc_connect(rpyc_server_address(h.server), NULL, config, &h.connection, &error));
    OK(rpyc_connection_root(h.connection, &h.root, &error));
    OK(rpyc_connection_async_request(h.connection, RPYC_HANDLE_GETROOT, NULL, 0, 5000, &h.result, &error));
    fflush(NULL);
    child = fork();
    if (child == 0) {
        alarm(20);
        refused_in_the_child(&h);
        works_in_the_child();
        rpyc_async_result_free(h.result);
        rpyc_object_free(h.root);
        rpyc_connection_free(h.connection);
        rpyc_server_free(h.server);
        rpyc_class_free(service);
        _exit(failures ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);

    /* The child has released nothing and closed nothing. */
    OK(rpyc_async_result_wait(h.result, &error));
    OK(rpyc_object_call_method(h.root, "probe", NULL, 0, NULL, &value, &error));
    OK(rpyc_connection_ping(h.connection, NULL, 0, 5000, &error));
    CHECK(rpyc_server_connection_count(h.server) == 1);
    rpyc_value_free(value);
    rpyc_async_result_free(h.result);
    rpyc_object_free(h.root);
    rpyc_connection_free(h.connection);
    OK(rpyc_server_stop(h.server, 1000, &error));
    OK(rpyc_server_join(h.server, &error));
    rpyc_server_free(h.server);
    rpyc_config_free(config);
    rpyc_class_free(service);
    return finish();
}
