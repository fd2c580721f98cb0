/* A forked child that frees its handles leaves the parent's streams and the parent's child process alone. */
#define _POSIX_C_SOURCE 200809L
#include <sys/socket.h>
#include <sys/wait.h>

#include "check.h"
#include "peers.h"

static void freed_in_a_child(rpyc_connection *connection)
{
    pid_t child;
    int status = -1;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        alarm(20);
        rpyc_connection_free(connection);
        _exit(EXIT_SUCCESS);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
}

static rpyc_connection *over(rpyc_transport *transport, rpyc_config *config)
{
    rpyc_connection *connection = NULL;

    OK(rpyc_connection_new(transport, NULL, config, &connection, &error));
    return connection;
}

int main(void)
{
    rpyc_config *config = peers_config();
    rpyc_transport *transport = NULL;
    rpyc_connection *connection;
    int fds[2] = {-1, -1};
    char byte;

    /* "cat" sends our requests back, and so we answer them ourselves. */
    OK(rpyc_transport_connect("exec:cat", NULL, &transport, &error));
    connection = over(transport, config);
    OK(rpyc_connection_ping(connection, NULL, 0, 20000, &error));
    freed_in_a_child(connection);
    OK(rpyc_connection_ping(connection, NULL, 0, 20000, &error));
    rpyc_connection_free(connection);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    OK(rpyc_transport_new_fd(fds[0], fds[0], 1, &transport, &error));
    connection = over(transport, config);
    freed_in_a_child(connection);
    /* Nothing has come, and the stream has not ended. */
    CHECK(recv(fds[1], &byte, 1, MSG_DONTWAIT) == -1 && (errno == EAGAIN || errno == EWOULDBLOCK));
    rpyc_connection_free(connection);
    close(fds[1]);
    rpyc_config_free(config);
    return finish();
}
