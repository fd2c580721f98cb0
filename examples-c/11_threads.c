/* 11_threads: many threads use one connection.
 *
 * Shows that any thread may use a connection and its objects at any time, without a lock of the application.
 *
 *     cc -pthread 11_threads.c -o 11_threads $(pkg-config --cflags --libs rpyc)
 *     python3 peers/calculator_server.py tcp://127.0.0.1:18861 &
 *     ./11_threads tcp://127.0.0.1:18861
 *
 * Prints:
 *     thread 0: 50 calls, sum 1225
 *     thread 1: 50 calls, sum 6225
 *     thread 2: 50 calls, sum 11225
 *     thread 3: 50 calls, sum 16225
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

#define THREADS 4
#define CALLS 50

struct work {
    pthread_t thread;
    rpyc_object *root; /* each thread has its own handle of the same remote object */
    int64_t base, sum;
    int calls;
    rpyc_error *error;
};

static void *run(void *userdata)
{
    struct work *work = userdata;

    while (work->calls < CALLS) {
        rpyc_value *args[] = {rpyc_value_new_int(work->base), rpyc_value_new_int(work->calls)};
        rpyc_value *result = NULL;
        int64_t n = 0;
        rpyc_status status = rpyc_object_call_method(work->root, "add", args, 2, NULL, &result, &work->error);

        if (!status)
            status = rpyc_value_get_int(result, &n, &work->error);
        rpyc_value_free(result);
        if (status)
            break;
        work->sum += n;
        work->calls++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct work works[THREADS] = {0};
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE, started = 0, i;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error)) {
        fprintf(stderr, "11_threads: %s\n", rpyc_error_describe(error));
        goto done;
    }
    for (i = 0; i < THREADS; i++, started++) {
        works[i].root = rpyc_object_clone(root);
        works[i].base = 100 * i;
        if (pthread_create(&works[i].thread, NULL, run, &works[i])) {
            rpyc_object_free(works[i].root);
            break;
        }
    }
    exit_code = started == THREADS ? EXIT_SUCCESS : EXIT_FAILURE;

    for (i = 0; i < started; i++) {
        pthread_join(works[i].thread, NULL);
        if (works[i].error) {
            fprintf(stderr, "thread %d: %s\n", i, rpyc_error_describe(works[i].error));
            exit_code = EXIT_FAILURE;
        }
        printf("thread %d: %d calls, sum %" PRId64 "\n", i, works[i].calls, works[i].sum);
        rpyc_error_free(works[i].error);
        rpyc_object_free(works[i].root);
    }

done:
    rpyc_error_free(error);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}
