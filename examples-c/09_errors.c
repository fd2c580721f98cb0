/* 09_errors: exceptions in both directions, with all of their parts.
 *
 * Shows the parts of a remote exception, an exception class of the peer, raising an exception with arguments and
 * attributes from a C function, passing on an error of the peer, and errors that are not exceptions.
 *
 *     cc 09_errors.c -o 09_errors $(pkg-config --cflags --libs rpyc)
 *     python3 peers/bank_server.py tcp://127.0.0.1:18861 &
 *     ./09_errors tcp://127.0.0.1:18861
 *
 * Prints:
 *     status RPYC_ERR_REMOTE
 *     type bank.InsufficientFunds
 *     args ('not enough money', 100)
 *     balance 30
 *     text bank.InsufficientFunds: ('not enough money', 100)
 *     the traceback names exposed_withdraw: yes
 *     Python caught vault.Locked ('come back later',) until 9
 *     Python caught FileNotFoundError
 *     not an exception: RPYC_ERR_TYPE
 *     not an exception: RPYC_ERR_ADDRESS
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rpyc.h>

/* Makes a str; NULL on failure. The function that gets NULL returns RPYC_ERR_NULL. */
static rpyc_value *text(const char *s)
{
    rpyc_value *value = NULL;

    rpyc_value_new_str(s, RPYC_NUL_TERMINATED, &value, NULL);
    return value;
}

/* Prints Python's repr of a value and frees the value. */
static void print_and_free(const char *label, rpyc_value *value)
{
    rpyc_value *repr = rpyc_value_repr(value);
    const char *s = "?";
    size_t length = 1;

    rpyc_value_get_str(repr, &s, &length, NULL);
    printf("%s %.*s\n", label, (int)length, s);
    rpyc_value_free(repr);
    rpyc_value_free(value);
}

static void print_error(const rpyc_error *error)
{
    const char *traceback = rpyc_error_traceback(error); /* NULL unless a peer raised the error */

    printf("status %s\n", rpyc_status_name(rpyc_error_status(error)));
    printf("type %s.%s\n", rpyc_error_type_module(error), rpyc_error_type_name(error));
    print_and_free("args", rpyc_error_args(error));
    print_and_free("balance", rpyc_error_attribute(error, "balance"));
    printf("text %s\n", rpyc_error_describe(error));
    printf("the traceback names exposed_withdraw: %s\n",
           traceback && strstr(traceback, "exposed_withdraw") ? "yes" : "no");
}

/* Raises an exception class of this program, "vault.Locked", with an attribute. */
static void open_vault(rpyc_call *call, void *self)
{
    const char *names[] = {"until"};
    rpyc_value *hours[] = {rpyc_value_new_int(9)};
    rpyc_value *args[] = {text("come back later")};
    rpyc_value *attributes = NULL;

    (void)self;
    rpyc_value_new_keywords(names, hours, 1, &attributes, NULL);
    rpyc_call_raise_with(call, "vault", "Locked", args, 1, attributes);
}

/* Calls the peer, which fails, and passes on the exception unchanged. */
static void read_ledger(rpyc_call *call, void *self)
{
    rpyc_object *root = self;
    rpyc_value *args[] = {text("/no/such/ledger")};
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;

    if (rpyc_object_call_method(root, "read", args, 1, NULL, &result, &error))
        rpyc_call_raise_error(call, error); /* consumes the error */
    else
        rpyc_call_return(call, result);
}

static void root_free(void *userdata)
{
    rpyc_object_free(userdata);
}

/* Calls root.attempt(func), which calls func and returns the exception that it caught. Consumes the function. */
static rpyc_status attempt(rpyc_object *root, rpyc_object *func, rpyc_error **error_out)
{
    rpyc_value *args[1] = {NULL};
    rpyc_value *result = NULL;
    const char *s = NULL;
    size_t length = 0;
    rpyc_status status = rpyc_value_new_object(func, &args[0], error_out);

    rpyc_object_free(func);
    if (!status)
        status = rpyc_object_call_method(root, "attempt", args, 1, NULL, &result, error_out);
    if (!status)
        status = rpyc_value_get_str(result, &s, &length, error_out);
    if (!status)
        printf("Python caught %.*s\n", (int)length, s);
    rpyc_value_free(result);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_connection *conn = NULL, *none = NULL;
    rpyc_object *root = NULL, *func = NULL;
    rpyc_value *args[1], *value = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;
    int exit_code = EXIT_FAILURE;
    int64_t n = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error))
        goto done;

    args[0] = rpyc_value_new_int(100);
    status = rpyc_object_call_method(root, "withdraw", args, 1, NULL, &value, &error);
    if (status != RPYC_ERR_REMOTE || !rpyc_error_is(error, "bank.InsufficientFunds"))
        goto done;
    print_error(error);
    rpyc_error_free(error);
    error = NULL;

    if (rpyc_function_new("open_vault", open_vault, "open_vault()", NULL, 0, NULL, NULL, &func, &error) ||
        attempt(root, func, &error))
        goto done;
    if (rpyc_function_new("read_ledger", read_ledger, "read_ledger()", NULL, 0, rpyc_object_clone(root), root_free,
                          &func, &error) ||
        attempt(root, func, &error))
        goto done;

    /* Some errors are not exceptions of the peer. */
    value = text("a text");
    if (!rpyc_value_get_int(value, &n, &error))
        goto done;
    printf("not an exception: %s\n", rpyc_status_name(rpyc_error_status(error)));
    rpyc_error_free(error);
    if (!rpyc_connect("carrier-pigeon://home", NULL, NULL, &none, &error))
        goto done;
    printf("not an exception: %s\n", rpyc_status_name(rpyc_error_status(error)));
    rpyc_error_free(error);
    error = NULL;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "09_errors: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_value_free(value);
    rpyc_object_free(root);
    rpyc_connection_free(none);
    rpyc_connection_free(conn);
    return exit_code;
}
