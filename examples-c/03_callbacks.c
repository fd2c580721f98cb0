/* 03_callbacks: passes C functions to a Python server, which calls them.
 *
 * Shows a C function as a value, its userdata, an exception from C that Python catches, and when the userdata is
 * freed.
 *
 *     cc 03_callbacks.c -o 03_callbacks $(pkg-config --cflags --libs rpyc)
 *     python3 peers/callbacks_server.py tcp://127.0.0.1:18861 &
 *     ./03_callbacks tcp://127.0.0.1:18861
 *
 * Prints:
 *     map(square, (1, 2, 3)) = (1, 4, 9)
 *     download: 25 %
 *     download: 50 %
 *     download: 75 %
 *     download: 100 %
 *     Python caught ValueError: too many
 *     the reporter was called 5 times, its data is freed
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

static void square(rpyc_call *call, void *self)
{
    int64_t x;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &x))
        rpyc_call_return_int(call, x * x);
}

/* The userdata of one reporter, which its function gets as self. It is freed when neither this program nor the peer
 * references the function. */
struct reporter {
    int *calls;
    bool *freed;
};

static void reporter_free(void *userdata)
{
    struct reporter *reporter = userdata;

    *reporter->freed = true;
    free(reporter);
}

static void report(rpyc_call *call, void *self)
{
    struct reporter *reporter = self;
    const char *what;
    size_t length;
    int64_t percent;

    ++*reporter->calls;
    if (rpyc_call_get_str(call, 0, &what, &length) || rpyc_call_get_int(call, 1, &percent))
        return;
    if (percent > 100) {
        rpyc_call_raise(call, "ValueError", "too many");
        return;
    }
    printf("%.*s: %d %%\n", (int)length, what, (int)percent);
    rpyc_call_return(call, NULL); /* None */
}

/* Calls root.NAME(func, argument) and prints the result. Consumes the argument. */
static rpyc_status give(rpyc_object *root, const char *name, const rpyc_object *func, rpyc_value *argument,
                        const char *label, rpyc_error **error_out)
{
    rpyc_value *args[2] = {NULL, argument};
    rpyc_value *result = NULL, *repr = NULL;
    const char *text = NULL;
    size_t length = 0;
    rpyc_status status;

    status = rpyc_value_new_object(func, &args[0], error_out);
    if (status) {
        rpyc_value_free(argument);
        return status;
    }
    status = rpyc_object_call_method(root, name, args, 2, NULL, &result, error_out);
    if (status)
        return status;
    if (rpyc_value_kind(result) == RPYC_VALUE_STR)
        repr = rpyc_value_clone(result);
    else
        repr = rpyc_value_repr(result);
    status = rpyc_value_get_str(repr, &text, &length, error_out);
    if (!status)
        printf("%s%.*s\n", label, (int)length, text);
    rpyc_value_free(repr);
    rpyc_value_free(result);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL, *square_func = NULL, *report_func = NULL;
    rpyc_value *numbers = NULL;
    rpyc_error *error = NULL;
    struct reporter *reporter = NULL;
    int calls = 0, exit_code = EXIT_FAILURE;
    bool freed = false;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    reporter = malloc(sizeof *reporter);
    if (!reporter)
        return EXIT_FAILURE;
    reporter->calls = &calls;
    reporter->freed = &freed;

    if (rpyc_function_new("report", report, "report(what, percent)", NULL, 0, reporter, reporter_free, &report_func,
                          &error) ||
        rpyc_function_new("square", square, "square(x)", "x times x", 0, NULL, NULL, &square_func, &error) ||
        rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error))
        goto done;

    {
        rpyc_value *items[] = {rpyc_value_new_int(1), rpyc_value_new_int(2), rpyc_value_new_int(3)};

        if (rpyc_value_new_tuple(items, 3, &numbers, &error) ||
            give(root, "map", square_func, numbers, "map(square, (1, 2, 3)) = ", &error))
            goto done;
    }
    if (give(root, "download", report_func, rpyc_value_new_int(4), "", &error) || rpyc_connection_close(conn, &error))
        goto done;

    rpyc_object_free(report_func); /* the last reference: closing has released that of the peer */
    report_func = NULL;
    printf("the reporter was called %d times, its data is %s\n", calls, freed ? "freed" : "kept");
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "03_callbacks: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_object_free(square_func);
    rpyc_object_free(report_func);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}
