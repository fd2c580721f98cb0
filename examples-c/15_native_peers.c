/* 15_native_peers: a C server and a C client, two processes over a Unix socket, without Python.
 *
 * Shows a store for any value, watchers that are functions of the client and are called by the server, an exception
 * between C programs, and when to fork: before the library is used.
 *
 *     cc 15_native_peers.c -o 15_native_peers $(pkg-config --cflags --libs rpyc)
 *     ./15_native_peers
 *
 * Prints:
 *     watcher: colour is now 'red'
 *     watcher: size is now (3, 4)
 *     colour = 'red'
 *     weight: KeyError: 'weight'
 *     watcher: colour is now 'blue'
 *     the server has kept 2 values
 */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rpyc.h>

/* ---------------------------------------------------------------- server */

#define MOST 8

struct store {
    rpyc_value *keys[MOST], *values[MOST];
    rpyc_object *watchers[MOST];
    int count, watcher_count;
};

/* Returns the index of the key in argument 0; count for a new key. */
static int find(rpyc_call *call, const struct store *store)
{
    int i = 0;

    while (i < store->count && !rpyc_value_equal(store->keys[i], rpyc_call_arg(call, 0)))
        i++;
    return i;
}

static void put(rpyc_call *call, void *self)
{
    struct store *store = self;
    int place = find(call, store), i;

    if (place == MOST) {
        rpyc_call_raise(call, "OverflowError", "the store is full");
        return;
    }
    if (place == store->count)
        store->keys[store->count++] = rpyc_value_clone(rpyc_call_arg(call, 0));
    rpyc_value_free(store->values[place]);
    store->values[place] = rpyc_value_clone(rpyc_call_arg(call, 1));

    for (i = 0; i < store->watcher_count; i++) { /* calls the client, while a call of the client is served */
        rpyc_value *args[] = {rpyc_value_clone(store->keys[place]), rpyc_value_clone(store->values[place])};
        rpyc_value *ignored = NULL;
        rpyc_error *error = NULL;

        if (rpyc_object_call(store->watchers[i], args, 2, NULL, &ignored, &error)) {
            rpyc_call_raise_error(call, error);
            return;
        }
        rpyc_value_free(ignored);
    }
    rpyc_call_return(call, NULL);
}

static void get(rpyc_call *call, void *self)
{
    struct store *store = self;
    int place = find(call, store);

    if (place < store->count) {
        rpyc_call_return(call, rpyc_value_clone(store->values[place]));
    } else { /* KeyError(key) */
        rpyc_value *args[] = {rpyc_value_clone(rpyc_call_arg(call, 0))};

        rpyc_call_raise_with(call, "builtins", "KeyError", args, 1, NULL);
    }
}

static void watch(rpyc_call *call, void *self)
{
    struct store *store = self;

    if (store->watcher_count == MOST)
        rpyc_call_raise(call, "OverflowError", "too many watchers");
    else if (!rpyc_call_get_object(call, 0, &store->watchers[store->watcher_count])) {
        store->watcher_count++;
        rpyc_call_return(call, NULL);
    }
}

static const rpyc_method methods[] = {
    {"exposed_put", put, "put(key, value)", "Keeps a value and tells the watchers.", 0},
    {"exposed_get", get, "get(key)", "The value kept, or KeyError.", RPYC_METHOD_QUICK},
    {"exposed_watch", watch, "watch(func)", "func(key, value) is called at each put.", RPYC_METHOD_QUICK},
};

static const rpyc_class_table table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "StoreService",
    .flags = RPYC_CLASS_SERIAL,
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
};

/* Serves one client. Writes to ready_fd when it listens. */
static int run_server(const char *address, int ready_fd)
{
    struct store store = {0};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;
    int i;

    if (!(status = rpyc_class_new(&table, &store, NULL, &service, &error)) &&
        !(status = rpyc_server_new(address, service, NULL, &server, &error)) && write(ready_fd, "!", 1) == 1)
        status = rpyc_server_serve_one(server, &error);
    if (status)
        fprintf(stderr, "server: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_server_free(server);
    rpyc_class_free(service);

    for (i = 0; i < store.watcher_count; i++)
        rpyc_object_free(store.watchers[i]);
    for (i = 0; i < store.count; i++) {
        rpyc_value_free(store.keys[i]);
        rpyc_value_free(store.values[i]);
    }
    printf("the server has kept %d values\n", store.count);
    return status ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---------------------------------------------------------------- client */

/* Makes a str; NULL on failure. The function that gets NULL returns RPYC_ERR_NULL. */
static rpyc_value *text(const char *s)
{
    rpyc_value *value = NULL;

    rpyc_value_new_str(s, RPYC_NUL_TERMINATED, &value, NULL);
    return value;
}

/* Prints a value as Python does. */
static void print(const rpyc_value *value)
{
    rpyc_value *repr = rpyc_value_repr(value);
    const char *s = "?";
    size_t length = 1;

    rpyc_value_get_str(repr, &s, &length, NULL);
    printf("%.*s\n", (int)length, s);
    rpyc_value_free(repr);
}

static void changed(rpyc_call *call, void *self)
{
    const char *key;
    size_t length;

    (void)self;
    if (rpyc_call_get_str(call, 0, &key, &length))
        return;
    printf("watcher: %.*s is now ", (int)length, key);
    print(rpyc_call_arg(call, 1));
    rpyc_call_return(call, NULL);
}

/* Calls root.put(key, value). Consumes the value. */
static rpyc_status put_value(rpyc_object *root, const char *key, rpyc_value *value, rpyc_error **error_out)
{
    rpyc_value *args[] = {text(key), value}, *result = NULL;
    rpyc_status status = rpyc_object_call_method(root, "put", args, 2, NULL, &result, error_out);

    rpyc_value_free(result);
    return status;
}

static rpyc_status get_value(rpyc_object *root, const char *key, rpyc_value **value_out, rpyc_error **error_out)
{
    rpyc_value *args[] = {text(key)};

    return rpyc_object_call_method(root, "get", args, 1, NULL, value_out, error_out);
}

static int run_client(const char *address)
{
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL, *watcher = NULL;
    rpyc_value *args[1], *result = NULL, *colour = NULL, *pair = NULL;
    rpyc_value *sides[] = {rpyc_value_new_int(3), rpyc_value_new_int(4)};
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    if (rpyc_value_new_tuple(sides, 2, &pair, &error) || rpyc_connect(address, NULL, NULL, &conn, &error) ||
        rpyc_connection_root(conn, &root, &error) ||
        rpyc_function_new("changed", changed, "changed(key, value)", NULL, 0, NULL, NULL, &watcher, &error) ||
        rpyc_value_new_object(watcher, &args[0], &error) ||
        rpyc_object_call_method(root, "watch", args, 1, NULL, &result, &error))
        goto done;
    if (put_value(root, "colour", text("red"), &error) || put_value(root, "size", rpyc_value_clone(pair), &error) ||
        get_value(root, "colour", &colour, &error))
        goto done;
    printf("colour = ");
    print(colour);
    rpyc_value_free(colour);
    colour = NULL;

    if (get_value(root, "weight", &colour, &error) != RPYC_ERR_REMOTE)
        goto done;
    printf("weight: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    error = NULL;
    if (put_value(root, "colour", text("blue"), &error))
        goto done;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "client: %s\n", rpyc_error_describe(error));
    fflush(stdout); /* the server uses the same stdout when this connection ends */
    rpyc_error_free(error);
    rpyc_value_free(colour);
    rpyc_value_free(pair);
    rpyc_value_free(result);
    rpyc_object_free(watcher);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}

int main(void)
{
    char folder[] = "/tmp/rpyc-example-XXXXXX", path[64], address[80], byte;
    int ready[2], server_status = 1, exit_code = EXIT_FAILURE;
    pid_t server;

    if (!mkdtemp(folder) || pipe(ready)) {
        perror("15_native_peers");
        return EXIT_FAILURE;
    }
    snprintf(path, sizeof path, "%s/socket", folder);
    snprintf(address, sizeof address, "unix://%s", path);

    server = fork(); /* before any function of the library: handles do not survive a fork */
    if (server == 0) {
        close(ready[0]);
        return run_server(address, ready[1]);
    }
    close(ready[1]);
    if (server > 0 && read(ready[0], &byte, 1) == 1)
        exit_code = run_client(address);
    close(ready[0]);
    if (server > 0 && exit_code != EXIT_SUCCESS)
        kill(server, SIGTERM); /* it may still wait for a client */
    if (server > 0 && (waitpid(server, &server_status, 0) != server || server_status != 0))
        exit_code = EXIT_FAILURE;
    unlink(path);
    rmdir(folder);
    return exit_code;
}
