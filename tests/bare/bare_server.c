/* A thread for each connection that is accepted. */
#define _POSIX_C_SOURCE 200809L
#include "bare.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct bare_server {
    int listener, stop[2];
    char address[300];
    const bare_class *service;
    rpyc_config *config;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int connections;
} bare_server;

struct served {
    bare_server *server;
    int fd;
};

static void *serve_one(void *argument)
{
    struct served served = *(struct served *)argument;
    rpyc_error *error = NULL;
    free(argument);
    bare_connection *connection =
        bare_start(served.fd, served.fd, served.server->service, served.server->config, &error);
    if (connection != NULL) {
        bare_serve_to_the_end(connection);
        bare_put(connection);
    }
    rpyc_error_free(error);
    pthread_mutex_lock(&served.server->lock);
    served.server->connections--;
    pthread_cond_broadcast(&served.server->changed);
    pthread_mutex_unlock(&served.server->lock);
    return NULL;
}

rpyc_status bare_server_new(const char *address, const bare_class *service, const rpyc_config *config,
                            bare_server **server_out, rpyc_error **error_out)
{
    bare_server *server = calloc(1, sizeof *server);
    *server_out = server;
    if (server == NULL || pipe(server->stop) != 0)
        return bare_fail(RPYC_ERR_STATE, "no memory", error_out);
    signal(SIGPIPE, SIG_IGN);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->service = service;
    server->config = rpyc_config_clone(config);
    server->listener = bare_listen(address, server->address, sizeof server->address);
    return server->listener >= 0 ? RPYC_OK : bare_fail(RPYC_ERR_ADDRESS, strerror(errno), error_out);
}

const char *bare_server_address(const bare_server *server)
{
    return server->address;
}

rpyc_status bare_server_serve(bare_server *server, rpyc_error **error_out)
{
    struct pollfd waits[2] = {{.fd = server->listener, .events = POLLIN}, {.fd = server->stop[0], .events = POLLIN}};
    pthread_attr_t detached;
    (void)error_out;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    while (poll(waits, 2, -1) >= 0 || errno == EINTR) {
        if (waits[1].revents != 0)
            break;
        if (waits[0].revents == 0)
            continue;
        struct served *served = malloc(sizeof *served);
        pthread_t thread;
        int on = 1;
        *served = (struct served){server, accept(server->listener, NULL, NULL)};
        setsockopt(served->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        pthread_mutex_lock(&server->lock);
        server->connections++;
        pthread_mutex_unlock(&server->lock);
        if (pthread_create(&thread, &detached, serve_one, served) != 0)
            abort();
    }
    pthread_attr_destroy(&detached);
    return RPYC_OK;
}

rpyc_status bare_server_stop(bare_server *server, int64_t grace_ms, rpyc_error **error_out)
{
    (void)grace_ms, (void)error_out;
    return write(server->stop[1], "x", 1) == 1 ? RPYC_OK : RPYC_ERR_IO;
}

/* Connections that are open still are left to the end of the process. */
rpyc_status bare_server_join(bare_server *server, rpyc_error **error_out)
{
    (void)server, (void)error_out;
    return RPYC_OK;
}

void bare_server_free(bare_server *server)
{
    (void)server; /* threads of connections may still use it */
}
