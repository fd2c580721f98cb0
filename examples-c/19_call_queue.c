/* 19_call_queue: a server whose main thread owns all state, so that nothing needs a lock.
 *
 * Shows a queue of calls: threads of the library read the requests of clients. The main loop runs the calls, including
 * callbacks to the clients, when the queue's descriptor becomes readable.
 *
 *     cc -pthread 19_call_queue.c -o 19_call_queue $(pkg-config --cflags --libs rpyc)
 *     ./19_call_queue tcp://127.0.0.1:18861 &
 *     python3 peers/ledger_client.py tcp://127.0.0.1:18861
 *
 * Prints, for ten clients at once, until SIGINT or SIGTERM:
 *     listening tcp://127.0.0.1:18861
 *     1021 calls, all in the main thread; the balance is 50500
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rpyc.h>

/* Used by the main thread alone: no locks, no atomics. */
static struct {
    pthread_t owner;
    int64_t balance, calls, elsewhere;
} ledger;

static void enter(void)
{
    ledger.calls++;
    if (!pthread_equal(pthread_self(), ledger.owner))
        ledger.elsewhere++;
}

static void deposit(rpyc_call *call, void *self)
{
    int64_t amount;

    (void)self;
    enter();
    if (rpyc_call_get_int(call, 0, &amount))
        return;
    ledger.balance += amount;
    rpyc_call_return_int(call, ledger.balance);
}

/* Calls the client back before it answers. Requests of the callback are served in this thread too. */
static void report(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;
    rpyc_error *error = NULL;
    rpyc_value *args[1], *answer = NULL;

    (void)self;
    enter();
    if (rpyc_call_get_object(call, 0, &func))
        return;
    args[0] = rpyc_value_new_int(ledger.balance);
    if (rpyc_object_call(func, args, 1, NULL, &answer, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return(call, answer);
    rpyc_object_free(func);
}

static const rpyc_method methods[] = {
    {"exposed_deposit", deposit, "deposit(amount)", "Adds to the balance, and gives it.", 0},
    {"exposed_report", report, "report(func)", "Gives what func(balance) gives.", 0},
};

static const rpyc_class_table ledger_table = {
    .struct_size = sizeof ledger_table,
    .method_size = sizeof(rpyc_method),
    .name = "LedgerService",
    .methods = methods,
    .method_count = sizeof methods / sizeof *methods,
};

static int stop_pipe[2];

static void on_signal(int number)
{
    (void)number;
    if (write(stop_pipe[1], "!", 1) != 1)
        _exit(EXIT_FAILURE);
}

/* The application's own loop. Here it waits only for calls and for the end. */
static rpyc_status loop(rpyc_queue *queue, rpyc_error **error_out)
{
    struct pollfd fds[2] = {{.fd = rpyc_queue_fileno(queue), .events = POLLIN}, {.fd = stop_pipe[0], .events = POLLIN}};
    rpyc_status status = RPYC_OK;

    while (!status) {
        if (poll(fds, 2, -1) < 0)
            continue; /* a signal */
        if (fds[1].revents)
            break;
        status = rpyc_queue_run(queue, 0, 0, NULL, error_out);
    }
    return status;
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_queue *queue = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    ledger.owner = pthread_self();
    if (pipe(stop_pipe)) {
        perror("pipe");
        return EXIT_FAILURE;
    }
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    /* At most 1000 calls wait, and none of them for more than 20 s. */
    if (rpyc_queue_new(1000, &queue, &error) || rpyc_queue_set_timeout(queue, 20000, &error) ||
        rpyc_class_new(&ledger_table, NULL, NULL, &service, &error) ||
        rpyc_server_new(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861", service, NULL, &server, &error) ||
        rpyc_server_set_queue(server, queue, &error) || rpyc_server_start(server, &error))
        goto done;
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    if (loop(queue, &error) || rpyc_server_stop(server, 0, &error) || rpyc_server_join(server, &error))
        goto done;
    printf("%" PRId64 " calls, %s; the balance is %" PRId64 "\n", ledger.calls,
           ledger.elsewhere ? "some elsewhere" : "all in the main thread", ledger.balance);
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "19_call_queue: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_server_free(server);
    rpyc_queue_free(queue);
    rpyc_class_free(service);
    return exit_code;
}
