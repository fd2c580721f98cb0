/* 20_single_thread: a server in one thread, with the application's own listening socket and accept().
 *
 * Shows a connection for each accepted descriptor in one poll() loop, shared state without locks, and a method that
 * calls its client back without blocking the other clients.
 *
 *     cc 20_single_thread.c -o 20_single_thread $(pkg-config --cflags --libs rpyc)
 *     ./20_single_thread tcp://127.0.0.1:18861 &
 *     python3 peers/ledger_client.py tcp://127.0.0.1:18861
 *
 * Prints, for ten clients at once, until SIGINT or SIGTERM:
 *     listening tcp://127.0.0.1:18861
 *     served 11 clients; the balance is 50500
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rpyc.h>

enum { MAX_CLIENTS = 64, CALLBACK_MS = 5000 };

static rpyc_connection *clients[MAX_CLIENTS];
static nfds_t client_count;
static int64_t balance, served;
static volatile sig_atomic_t stopping;

static void deposit(rpyc_call *call, void *self)
{
    int64_t amount;

    (void)self;
    if (rpyc_call_get_int(call, 0, &amount))
        return;
    balance += amount;
    rpyc_call_return_int(call, balance);
}

/* Runs in the loop when the client has replied, unless that takes longer than CALLBACK_MS. */
static void reported(rpyc_async_result *result, void *deferred)
{
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;

    if (rpyc_async_result_value(result, &value, &error))
        rpyc_call_raise_error(deferred, error); /* consumes the error */
    else
        rpyc_call_return(deferred, value); /* consumes the value */
}

/* Destructor of the callback's userdata. If the call is still unanswered, the client gets RuntimeError. */
static void drop(void *deferred)
{
    rpyc_call_free(deferred);
}

/* Calls the client's function and returns its result. The call is deferred, so that the loop continues meanwhile. */
static void report(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;
    rpyc_async_result *result = NULL;
    rpyc_error *error = NULL;
    rpyc_value *args[1];

    (void)self;
    if (rpyc_call_get_object(call, 0, &func))
        return;
    args[0] = rpyc_value_new_int(balance);
    if (rpyc_object_call_async(func, args, 1, NULL, CALLBACK_MS, &result, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_async_result_add_callback(result, reported, rpyc_call_defer(call), drop, NULL);
    rpyc_async_result_free(result);
    rpyc_object_free(func);
}

static const rpyc_method methods[] = {
    {"exposed_deposit", deposit, "deposit(amount)", "Adds to the balance and returns it.", 0},
    {"exposed_report", report, "report(func)", "Returns func(balance).", 0},
};

static const rpyc_class_table ledger = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "LedgerService",
    .methods = methods,
    .method_count = sizeof methods / sizeof *methods,
    .flags = RPYC_CLASS_SHARED,
};

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

/* Makes a listening socket for tcp://IPV4:PORT; -1 on failure. */
static int listen_at(const char *address)
{
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t length = sizeof name;
    char host[64];
    uint16_t port;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (sscanf(address, "tcp://%63[0-9.]:%" SCNu16, host, &port) != 2 || inet_pton(AF_INET, host, &name.sin_addr) != 1)
        return -1;
    name.sin_port = htons(port);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) || bind(fd, (struct sockaddr *)&name, sizeof name) ||
        listen(fd, 128) || getsockname(fd, (struct sockaddr *)&name, &length))
        return -1;
    printf("listening tcp://%s:%d\n", host, ntohs(name.sin_port));
    fflush(stdout);
    return fd;
}

/* Accepts one client and makes its connection. The client speaks first, so nothing here waits for it. */
static void accept_client(int listener, rpyc_class *service)
{
    rpyc_transport *transport = NULL;
    rpyc_connection *client = NULL;
    int one = 1, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;                                                 /* disconnected */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* replies are small and must not wait */
    if (rpyc_transport_new_fd(fd, fd, 1, &transport, NULL)) {
        close(fd); /* consumed on success only */
        return;
    }
    if (rpyc_connection_new(transport, service, NULL, &client, NULL))
        return;
    if (rpyc_connection_set_nonblocking(client, 1, NULL)) {
        rpyc_connection_free(client);
        return;
    }
    clients[client_count++] = client;
    served++;
}

/* Makes one step for each client. Frees the connections that have ended. */
static void process_clients(void)
{
    nfds_t kept = 0, i;

    for (i = 0; i < client_count; i++) {
        rpyc_status status = rpyc_connection_process(clients[i], NULL, NULL);

        if (status == RPYC_OK || status == RPYC_ERR_BACKPRESSURE)
            clients[kept++] = clients[i];
        else
            rpyc_connection_free(clients[i]);
    }
    client_count = kept;
}

static void loop(int listener, rpyc_class *service, const sigset_t *unblocked)
{
    struct pollfd fds[MAX_CLIENTS + 1];
    nfds_t i;

    while (!stopping) {
        int64_t wait = -1; /* milliseconds; -1: no limit */
        struct timespec limit;

        for (i = 0; i < client_count; i++) {
            int interest = rpyc_connection_interest(clients[i]);
            int64_t deadline = rpyc_connection_next_deadline(clients[i]);

            fds[i].fd = rpyc_connection_fileno(clients[i]);
            fds[i].events =
                (short)((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0));
            if (deadline >= 0 && (wait < 0 || deadline < wait))
                wait = deadline;
        }
        /* If all places are in use, further clients wait in the listen queue. */
        fds[client_count].fd = client_count < MAX_CLIENTS ? listener : -1;
        fds[client_count].events = POLLIN;
        fds[client_count].revents = 0;
        limit = (struct timespec){.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000};
        if (ppoll(fds, client_count + 1, wait < 0 ? NULL : &limit, unblocked) < 0)
            continue; /* a signal */
        i = client_count;
        process_clients();
        if (fds[i].revents)
            accept_client(listener, service);
    }
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop};
    sigset_t stop_signals, unblocked;
    rpyc_class *service = NULL;
    const char *address = argc > 1 ? argv[1] : "tcp://127.0.0.1:18861";
    int listener;

    /* Delivered only inside ppoll(), so that none is missed between the test of `stopping` and the wait. */
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGINT);
    sigaddset(&stop_signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop_signals, &unblocked);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    listener = listen_at(address);
    if (listener < 0 || rpyc_class_new(&ledger, NULL, NULL, &service, NULL)) {
        fprintf(stderr, "20_single_thread: cannot listen at %s: %s\n", address, strerror(errno));
        return EXIT_FAILURE;
    }
    loop(listener, service, &unblocked);
    while (client_count > 0)
        rpyc_connection_free(clients[--client_count]);
    rpyc_class_free(service);
    close(listener);
    printf("served %" PRId64 " clients; the balance is %" PRId64 "\n", served, balance);
    return EXIT_SUCCESS;
}
