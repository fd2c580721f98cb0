/* 02_server: a calculator that any RPyC client can use.
 *
 * Shows a service as a table of C functions, a signature that checks arguments, raising an exception, calling a
 * function of the caller, and a server that ends cleanly on Ctrl-C.
 *
 *     cc 02_server.c -o 02_server $(pkg-config --cflags --libs rpyc)
 *     ./02_server tcp://127.0.0.1:18861
 *
 * and in another terminal
 *
 *     python3 -c 'import rpyc; print(rpyc.connect("127.0.0.1", 18861).root.add(40, 2))'
 *
 * Prints:
 *     listening tcp://127.0.0.1:18861
 *     stopped
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

static void add(rpyc_call *call, void *self)
{
    int64_t a, b;

    (void)self;
    /* The library has checked the number and names of the arguments by the signature in the table below. */
    if (rpyc_call_get_int(call, 0, &a) || rpyc_call_get_int(call, 1, &b))
        return; /* the caller has been sent a TypeError that names the argument */
    if (__builtin_add_overflow(a, b, &a))
        rpyc_call_raise(call, "OverflowError", "the sum does not fit in 64 bits");
    else
        rpyc_call_return_int(call, a);
}

static void power(rpyc_call *call, void *self)
{
    int64_t base, exponent, result = 1;

    (void)self;
    if (rpyc_call_get_int(call, 0, &base) || rpyc_call_get_int(call, 1, &exponent))
        return;
    if (exponent < 0 || exponent > 62) {
        rpyc_call_raise(call, "ValueError", "the exponent must be from 0 to 62");
        return;
    }
    while (exponent-- > 0)
        if (__builtin_mul_overflow(result, base, &result)) {
            rpyc_call_raise(call, "OverflowError", "the power does not fit in 64 bits");
            return;
        }
    rpyc_call_return_int(call, result);
}

static void divide(rpyc_call *call, void *self)
{
    double a, b;

    (void)self;
    if (rpyc_call_get_float(call, 0, &a) || rpyc_call_get_float(call, 1, &b))
        return;
    if (b == 0)
        rpyc_call_raise(call, "ZeroDivisionError", "cannot divide by zero");
    else
        rpyc_call_return_float(call, a / b);
}

/* Calls a function of the caller over the same connection, and passes on its result or exception. */
static void apply(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;
    rpyc_value *args[1], *result = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &func))
        return;
    args[0] = rpyc_value_clone(rpyc_call_arg(call, 1));
    if (rpyc_object_call(func, args, 1, NULL, &result, &error))
        rpyc_call_raise_error(call, error); /* consumes the error */
    else
        rpyc_call_return(call, result); /* consumes the value */
    rpyc_object_free(func);
}

static const rpyc_method methods[] = {
    {"exposed_add", add, "add(a, b)", "The sum of two integers.", RPYC_METHOD_QUICK},
    {"exposed_power", power, "power(base, exponent=2)", "base multiplied by itself exponent times.", RPYC_METHOD_QUICK},
    {"exposed_divide", divide, "divide(a, b)", "The quotient of two numbers.", RPYC_METHOD_QUICK},
    {"exposed_apply", apply, "apply(func, value)", "Calls func, which may be a function of the caller, with value.", 0},
};

static const rpyc_class_table calculator = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "CalculatorService",
    .doc = "Sums, powers and quotients.",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
};

int main(int argc, char **argv)
{
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE, received;
    sigset_t stop_signals;

    /* Blocked before the server starts its threads, so that only sigwait() below gets these signals. */
    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGINT);
    sigaddset(&stop_signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop_signals, NULL);

    if (rpyc_class_new(&calculator, NULL, NULL, &service, &error) ||
        rpyc_server_new(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861", service, NULL, &server, &error))
        goto done;
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);

    if (rpyc_server_start(server, &error))
        goto done;
    sigwait(&stop_signals, &received);
    if (rpyc_server_stop(server, 1000, &error) || rpyc_server_join(server, &error))
        goto done;
    printf("stopped\n");
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "02_server: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_server_free(server);
    rpyc_class_free(service);
    return exit_code;
}
