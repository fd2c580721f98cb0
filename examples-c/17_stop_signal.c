/* 17_stop_signal: a server in the main thread, stopped by a signal handler; written with rpyc_helpers.h.
 *
 * Shows how SIGINT or SIGTERM stops rpyc_server_serve(). A signal handler may call few functions, but it may write to
 * the stop descriptor of the server. 02_server needs no handler: a thread of its own waits for the signal.
 *
 *     cc 17_stop_signal.c -o 17_stop_signal $(pkg-config --cflags --libs rpyc)
 *     ./17_stop_signal tcp://127.0.0.1:18861
 *
 * Prints:
 *     listening tcp://127.0.0.1:18861
 *     stopped after 3 greetings
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rpyc_helpers.h>

static int stop_fd = -1;
static int64_t greetings;

/* Async-signal-safe: it only calls write(), and errno is preserved. */
static void stop(int number)
{
    const uint64_t one = 1;
    int before = errno;

    (void)number;
    if (write(stop_fd, &one, sizeof one) < 0)
        errno = 0; /* it was stopped already */
    errno = before;
}

static void greet(rpyc_call *call, void *self)
{
    const char *name = NULL;
    size_t length = 0;
    char text[100];
    int size;

    (void)self;
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    greetings++;
    size = snprintf(text, sizeof text, "Hello, %.*s!", length < 80 ? (int)length : 80, name);
    rpyc_call_return(call, rpyc_pair(rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_bytes(text, (size_t)size)));
}

/* Calls a function of the caller with RPYC_ARGS, and reads its result. */
static void ask(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;
    rpyc_value *answer = NULL;
    rpyc_error *error = NULL;
    int64_t number = 0;

    (void)self;
    if (rpyc_call_get_object(call, 0, &func))
        return;
    if (rpyc_object_call(func, RPYC_ARGS(rpyc_int(20), rpyc_str("one")), NULL, &answer, &error) ||
        rpyc_take_int(answer, &number, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return_int(call, number + 1);
    rpyc_object_free(func);
}

static const rpyc_method methods[] = {
    RPYC_METHOD("exposed_greet", greet, "greet(name)", "The name, and a greeting as bytes."),
    RPYC_METHOD("exposed_ask", ask, "ask(func)", "One more than func(20, 'one') says."),
};

static const rpyc_class_table greeter = {RPYC_METHODS("GreeterService", methods), .flags = RPYC_CLASS_SERIAL};

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    if (rpyc_class_new(&greeter, NULL, NULL, &service, &error) ||
        rpyc_server_new(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861", service, NULL, &server, &error))
        goto done;
    /* The handler uses it, so set it first. */
    stop_fd = rpyc_server_stop_fd(server);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);

    /* Returns when the handler has run. Then running calls have a second to end, and the connections are closed. */
    if (rpyc_server_serve(server, &error) || rpyc_server_stop(server, 1000, &error) || rpyc_server_join(server, &error))
        goto done;
    printf("stopped after %" PRId64 " greetings\n", greetings);
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "17_stop_signal: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    /* No handler may run when the server is freed. */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    rpyc_server_free(server);
    rpyc_class_free(service);
    return exit_code;
}
