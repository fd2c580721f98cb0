/* A server that has no descriptors left for connections says so once, does not spin, and goes on when there are some again. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "check.h"
#include "peers.h"

static int errors, attempts;

static void note(int32_t level, const char *message, size_t length, void *userdata)
{
    char text[200];
    const char *number;

    (void)userdata;
    snprintf(text, sizeof text, "%.*s", (int)length, message);
    if (level == RPYC_LOG_ERROR && strstr(text, "cannot accept"))
        __atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
    number = strstr(text, "again, after ");
    if (number)
        __atomic_store_n(&attempts, atoi(number + strlen("again, after ")), __ATOMIC_SEQ_CST);
}

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* With `soft` descriptors a client comes; the server logs `logged` errors until it can be accepted. */
static void short_of_descriptors(rpyc_server *server, rlim_t soft, int logged)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct rlimit limit;
    rlim_t before;
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    errors = attempts = 0;
    address.sin_port = htons((uint16_t)atoi(strrchr(rpyc_server_address(server), ':') + 1));
    CHECK(fd >= 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0);
    before = limit.rlim_cur;
    limit.rlim_cur = soft;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    nap(1000);
    limit.rlim_cur = before;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (int i = 0; i < 3000 && !__atomic_load_n(&attempts, __ATOMIC_SEQ_CST); i++)
        nap(10);
    CHECK(attempts >= 1 && attempts < 1000);
    CHECK(errors == logged);
    OK(rpyc_transport_new_fd(fd, fd, 1, &transport, &error));
    OK(rpyc_connection_new(transport, NULL, NULL, &connection, &error));
    OK(rpyc_connection_ping(connection, NULL, 0, 20000, &error));
    rpyc_connection_free(connection);
}

int main(void)
{
    rpyc_class *service = peers_service();
    rpyc_server *server = NULL;

    OK(rpyc_set_log_callback(RPYC_LOG_INFO, note, NULL, NULL, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    nap(100);
    short_of_descriptors(server, 3, 1);
    /* First accepting fails, then waiting: poll() takes no more descriptors than the limit. */
    short_of_descriptors(server, 1, 2);
    OK(rpyc_server_stop(server, 1000, &error));
    OK(rpyc_server_join(server, &error));
    OK(rpyc_set_log_callback(0, NULL, NULL, NULL, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    return finish();
}
