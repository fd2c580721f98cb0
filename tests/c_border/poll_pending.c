/* Two messages that arrive together, in a loop that waits in poll(2): the second one lies in the library's buffer, where no
 * poll sees it, so rpyc_connection_has_message tells. */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <sys/socket.h>

#include "check.h"
#include "peers.h"

static int readable(int fd, int timeout_ms)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    return poll(&one, 1, timeout_ms) == 1;
}

struct link {
    rpyc_connection *client, *server;
    rpyc_object *root; /* the server's, at the client */
};

static void open_link(struct link *link, const rpyc_class *service, const rpyc_config *config)
{
    int fds[2] = {-1, -1};
    rpyc_transport *left = NULL, *right = NULL;

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    OK(rpyc_transport_new_fd(fds[0], fds[0], 1, &left, &error));
    OK(rpyc_transport_new_fd(fds[1], fds[1], 1, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &link->client, &error));
    OK(rpyc_connection_new(right, service, config, &link->server, &error));
    CHECK(rpyc_connection_fileno(link->server) >= 0);
}

/* What the library answers by itself, without a callback, is handled like the rest. */
static void get_root(struct link *link)
{
    rpyc_async_result *result = NULL;
    rpyc_value *root = NULL;
    bool handled = false;

    OK(rpyc_connection_async_request(link->client, RPYC_HANDLE_GETROOT, NULL, 0, 5000, &result, &error));
    CHECK(readable(rpyc_connection_fileno(link->server), 5000));
    OK(rpyc_connection_poll(link->server, 0, &handled, &error));
    CHECK(handled);
    OK(rpyc_async_result_value(result, &root, &error));
    OK(rpyc_value_get_object(root, &link->root, &error));
    rpyc_value_free(root);
    rpyc_async_result_free(result);
}

static void two_requests(struct link *link, rpyc_async_result *results[2])
{
    for (int i = 0; i < 2; i++)
        OK(rpyc_object_call_method_async(link->root, "probe", NULL, 0, NULL, 5000, &results[i], &error));
}

static void both_answered(rpyc_async_result *results[2])
{
    for (int i = 0; i < 2; i++) {
        CHECK(rpyc_async_result_ready(results[i]));
        CHECK(!rpyc_async_result_error(results[i]));
        rpyc_async_result_free(results[i]);
    }
}

/* One message at a time, as a loop does that shares its thread. */
static void one_by_one(struct link *link)
{
    rpyc_async_result *results[2] = {NULL, NULL};
    int fd = rpyc_connection_fileno(link->server), turns = 0;
    bool handled = false;

    two_requests(link, results);
    CHECK(readable(fd, 5000));
    CHECK(!rpyc_connection_has_message(link->server)); /* nothing was read yet */
    OK(rpyc_connection_poll(link->server, 0, &handled, &error));
    CHECK(handled);
    /* The loop's rule: go on while something is pending, wait in poll otherwise. Both messages came in one read. */
    CHECK(!readable(fd, 0));
    CHECK(rpyc_connection_has_message(link->server));
    while (turns++ < 5 && rpyc_connection_has_message(link->server))
        OK(rpyc_connection_poll(link->server, 0, &handled, &error));
    CHECK(turns == 2);
    CHECK(!rpyc_connection_has_message(link->server));
    both_answered(results);
}

/* All that has arrived, without waiting. */
static void all_at_once(struct link *link)
{
    rpyc_async_result *results[2] = {NULL, NULL};
    bool handled = false;

    two_requests(link, results);
    CHECK(readable(rpyc_connection_fileno(link->server), 5000));
    OK(rpyc_connection_poll_all(link->server, 0, &handled, &error));
    CHECK(handled);
    CHECK(!rpyc_connection_has_message(link->server));
    CHECK(!readable(rpyc_connection_fileno(link->server), 0));
    both_answered(results);
    OK(rpyc_connection_poll_all(link->server, 0, &handled, &error));
    CHECK(!handled);
}

int main(void)
{
    struct link link = {0};
    rpyc_class *service = peers_service();
    rpyc_config *config = peers_config();

    open_link(&link, service, config);
    if (link.client && link.server) {
        get_root(&link);
        one_by_one(&link);
        all_at_once(&link);
    }
    rpyc_object_free(link.root);
    rpyc_connection_free(link.client);
    rpyc_connection_free(link.server);
    rpyc_config_free(config);
    rpyc_class_free(service);
    return finish();
}
