/* A peer that is gone is a status: SIGPIPE has its default action here, so that one would end this program. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "check.h"
#include "peers.h"

/* Our end's two descriptors and the other end's. */
struct ends {
    int read_fd, write_fd, other_read_fd, other_write_fd;
};

static int unix_pair(struct ends *ends)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
        return -1;
    *ends = (struct ends){fds[0], fds[0], fds[1], fds[1]};
    return 0;
}

static int tcp_pair(struct ends *ends)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), ours = socket(AF_INET, SOCK_STREAM, 0), theirs = -1;

    if (!bind(listener, (struct sockaddr *)&address, length) && !listen(listener, 1) &&
        !getsockname(listener, (struct sockaddr *)&address, &length) &&
        !connect(ours, (struct sockaddr *)&address, length))
        theirs = accept(listener, NULL, NULL);
    close(listener);
    *ends = (struct ends){ours, ours, theirs, theirs};
    return theirs < 0 ? -1 : 0;
}

static int pipes(struct ends *ends)
{
    int in[2], out[2];

    if (pipe(in) || pipe(out))
        return -1;
    *ends = (struct ends){in[0], out[1], out[0], in[1]};
    return 0;
}

/* Writes to a peer that has closed both directions, twice: the second write meets what the first one provoked. */
static void write_to_the_gone(const char *what, int (*make)(struct ends *))
{
    struct ends ends;
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;
    rpyc_config *config = peers_config();
    rpyc_status status = RPYC_OK;

    printf("%s\n", what);
    CHECK(make(&ends) == 0);
    OK(rpyc_transport_new_fd(ends.read_fd, ends.write_fd, 1, &transport, &error));
    OK(rpyc_connection_new(transport, NULL, config, &connection, &error));
    close(ends.other_read_fd);
    if (ends.other_write_fd != ends.other_read_fd)
        close(ends.other_write_fd);
    for (int i = 0; i < 3; i++) {
        rpyc_async_result *result = NULL;

        status = rpyc_connection_async_request(connection, RPYC_HANDLE_GETROOT, NULL, 0, 1000, &result, NULL);
        rpyc_async_result_free(result);
        poll(NULL, 0, 20); /* until a reset has come back */
    }
    status = rpyc_connection_ping(connection, NULL, 0, 1000, &error);
    CHECK(status == RPYC_ERR_EOF || status == RPYC_ERR_IO || status == RPYC_ERR_CLOSED);
    rpyc_error_free(error);
    error = NULL;
    rpyc_connection_free(connection);
    rpyc_config_free(config);
}

int main(void)
{
    struct sigaction action;
    sigset_t set;

    signal(SIGPIPE, SIG_DFL);
    write_to_the_gone("socket pair", unix_pair);
    write_to_the_gone("TCP", tcp_pair);
    write_to_the_gone("pipes", pipes);

    /* And nothing of the process has changed. */
    CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGPIPE) == 0);
    CHECK(sigpending(&set) == 0 && sigismember(&set, SIGPIPE) == 0);
    return finish();
}
