/* 16_classic_client: controls a Python interpreter, as rpyc.classic.connect() does.
 *
 * Shows modules by name, evaluating and executing Python code, its namespace, plain data copied in both directions,
 * the output of Python's print, and a file upload.
 *
 *     cc 16_classic_client.c -o 16_classic_client $(pkg-config --cflags --libs rpyc)
 *     python3 peers/classic_server.py tcp://127.0.0.1:18812 &
 *     ./16_classic_client tcp://127.0.0.1:18812
 *
 * The server can also be rpyc_classic.py. A client of such a server can run any code there.
 *
 * Prints:
 *     os.path.join: a/b
 *     2 ** 100 = 1267650600228229401496703205376
 *     Python says: hello from Python
 *     words: {'one': [3, 'n'], 'three': [5, 'r']}
 *     delivered: 6
 *     uploaded 3000 bytes
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rpyc.h>

/* Prints a value as Python does, and frees it. */
static void show(const char *what, rpyc_value *value)
{
    rpyc_value *text = rpyc_value_repr(value);
    const char *bytes = "";
    size_t length = 0;

    if (rpyc_value_get_str(value, &bytes, &length, NULL)) /* a str as it is */
        rpyc_value_get_str(text, &bytes, &length, NULL);
    printf("%s%.*s\n", what, (int)length, bytes);
    rpyc_value_free(text);
    rpyc_value_free(value);
}

static rpyc_status modules(rpyc_classic *python, rpyc_error **error_out)
{
    rpyc_value *args[2] = {NULL, NULL}, *path = NULL, *power = NULL;
    rpyc_status status;

    rpyc_value_new_str("a", RPYC_NUL_TERMINATED, &args[0], NULL);
    rpyc_value_new_str("b", RPYC_NUL_TERMINATED, &args[1], NULL);
    status = rpyc_classic_call(python, "os.path", "join", args, 2, NULL, &path, error_out);
    if (status)
        return status;
    show("os.path.join: ", path);
    status = rpyc_classic_eval(python, "2 ** 100", RPYC_NUL_TERMINATED, &power, error_out);
    if (!status)
        show("2 ** 100 = ", power);
    return status;
}

static void heard(const char *text, size_t length, void *userdata)
{
    char *line = userdata;

    strncat(line, text, length);
}

static rpyc_status output(rpyc_classic *python, rpyc_error **error_out)
{
    rpyc_redirection *redirection = NULL;
    char line[100] = "";
    rpyc_status status;

    status = rpyc_classic_redirect(python, NULL, heard, NULL, line, NULL, &redirection, error_out);
    if (status)
        return status;
    status = rpyc_classic_execute(python, "print('hello from Python')", RPYC_NUL_TERMINATED, error_out);
    if (!status)
        status = rpyc_redirection_end(redirection, error_out);
    rpyc_redirection_free(redirection);
    if (!status)
        printf("Python says: %s", line);
    return status;
}

/* Shows a dict of lists: as an object of the peer, and as a copy. */
static rpyc_status data(rpyc_classic *python, rpyc_error **error_out)
{
    rpyc_value *value = NULL, *items[3], *numbers = NULL, *there = NULL;
    rpyc_object *words = NULL;
    rpyc_status status;

    status = rpyc_classic_execute(python, "words = {w: [len(w), w[1 + len(w) // 4]] for w in ('one', 'three')}",
                                  RPYC_NUL_TERMINATED, error_out);
    if (!status)
        status = rpyc_classic_get(python, "words", &value, error_out);
    if (!status)
        status = rpyc_value_get_object(value, &words, error_out);
    rpyc_value_free(value);
    value = NULL;
    if (!status)
        status = rpyc_object_obtain(words, 0, 0, 0, &value, error_out); /* two bursts of requests for each level */
    rpyc_object_free(words);
    if (status)
        return status;
    show("words: ", value);

    for (int i = 0; i < 3; i++)
        items[i] = rpyc_value_new_int(i + 1);
    status = rpyc_value_new_list(items, 3, &numbers, error_out);
    if (!status)
        status = rpyc_classic_deliver(python, numbers, &there, error_out); /* becomes a list of the peer */
    if (!status)
        status = rpyc_classic_set(python, "numbers", there, error_out);
    value = NULL;
    if (!status)
        status = rpyc_classic_eval(python, "sum(numbers)", RPYC_NUL_TERMINATED, &value, error_out);
    if (!status)
        show("delivered: ", value);
    return status;
}

static bool progress(const rpyc_transfer_progress *now, void *userdata)
{
    *(uint64_t *)userdata = now->total;
    return true; /* continue */
}

static rpyc_status files(rpyc_classic *python, rpyc_error **error_out)
{
    char here[] = "/tmp/librpyc-example-XXXXXX", there[sizeof here + 5], block[3000] = "";
    uint64_t copied = 0;
    rpyc_transfer_options options = {.struct_size = sizeof options, .progress = progress, .userdata = &copied};
    rpyc_status status = RPYC_ERR_IO;
    int file = mkstemp(here);

    snprintf(there, sizeof there, "%s.copy", here);
    if (file >= 0 && write(file, block, sizeof block) == (ssize_t)sizeof block)
        status = rpyc_classic_upload(python, here, there, &options, error_out); /* also copies folders */
    if (!status)
        printf("uploaded %d bytes\n", (int)copied);
    if (file >= 0)
        close(file);
    unlink(here);
    unlink(there);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_classic *python = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (rpyc_classic_connect(argv[1], NULL, NULL, &python, &error) || modules(python, &error) ||
        output(python, &error) || data(python, &error) || files(python, &error))
        fprintf(stderr, "16_classic_client: %s\n", rpyc_error_describe(error));
    else
        exit_code = EXIT_SUCCESS;
    rpyc_error_free(error);
    rpyc_classic_free(python);
    return exit_code;
}
