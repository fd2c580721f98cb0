/* 08_deferred: a server that answers calls later, from another thread.
 *
 * Shows a call that is kept with rpyc_call_defer() and answered by a worker thread. Meanwhile its connection is
 * served.
 *
 *     cc -pthread 08_deferred.c -o 08_deferred $(pkg-config --cflags --libs rpyc)
 *     ./08_deferred tcp://127.0.0.1:18861 &
 *     python3 peers/kitchen_client.py tcp://127.0.0.1:18861
 *
 * Prints, and ends when its first client has disconnected:
 *     listening tcp://127.0.0.1:18861
 *     ordered: soup
 *     ordered: stones
 *     ordered: cake
 *     cooking 3 dishes
 *     served: soup
 *     no idea how to make: stones
 *     served: cake
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rpyc.h>

#define MOST_ORDERS 16

/* Orders are kept here until a client calls cook(). */
struct kitchen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    rpyc_call *orders[MOST_ORDERS];
    int count;
    bool cook, closing;
};

static void order(rpyc_call *call, void *self)
{
    struct kitchen *kitchen = self;
    const char *dish;
    size_t length;
    bool full;

    if (rpyc_call_get_str(call, 0, &dish, &length))
        return;
    pthread_mutex_lock(&kitchen->lock);
    full = kitchen->count == MOST_ORDERS;
    if (!full) {
        printf("ordered: %.*s\n", (int)length, dish);
        kitchen->orders[kitchen->count++] = rpyc_call_defer(call); /* kept, with its arguments */
    }
    pthread_mutex_unlock(&kitchen->lock);
    if (full)
        rpyc_call_raise(call, "RuntimeError", "the kitchen is full");
}

static void waiting(rpyc_call *call, void *self)
{
    struct kitchen *kitchen = self;
    int count;

    pthread_mutex_lock(&kitchen->lock);
    count = kitchen->count;
    pthread_mutex_unlock(&kitchen->lock);
    rpyc_call_return_int(call, count);
}

static void cook(rpyc_call *call, void *self)
{
    struct kitchen *kitchen = self;

    pthread_mutex_lock(&kitchen->lock);
    printf("cooking %d dishes\n", kitchen->count);
    kitchen->cook = true;
    pthread_cond_signal(&kitchen->changed);
    pthread_mutex_unlock(&kitchen->lock);
    rpyc_call_return(call, NULL);
}

/* Answers one deferred call and frees it. The caller may have gone by now. */
static void serve(rpyc_call *call)
{
    const char *dish = "";
    char answer[80];
    size_t length = 0;

    if (rpyc_call_cancelled(call)) {
        printf("nobody waits any more\n");
    } else if (!rpyc_call_get_str(call, 0, &dish, &length)) {
        if (rpyc_value_str_equal(rpyc_call_arg(call, 0), "stones")) {
            printf("no idea how to make: %.*s\n", (int)length, dish);
            rpyc_call_raise(call, "LookupError", "no recipe");
        } else {
            printf("served: %.*s\n", (int)length, dish);
            snprintf(answer, sizeof answer, "hot %.*s", (int)length, dish);
            rpyc_call_return_str(call, answer, RPYC_NUL_TERMINATED);
        }
    }
    rpyc_call_free(call);
}

static void *cooks_thread(void *userdata)
{
    struct kitchen *kitchen = userdata;
    rpyc_call *orders[MOST_ORDERS];
    int count, i;

    for (;;) {
        pthread_mutex_lock(&kitchen->lock);
        while (!kitchen->cook && !kitchen->closing)
            pthread_cond_wait(&kitchen->changed, &kitchen->lock);
        if (kitchen->closing)
            break;
        count = kitchen->count;
        memcpy(orders, kitchen->orders, sizeof orders);
        kitchen->count = 0;
        kitchen->cook = false;
        pthread_mutex_unlock(&kitchen->lock);
        for (i = 0; i < count; i++)
            serve(orders[i]); /* after unlocking */
    }
    for (i = 0; i < kitchen->count; i++)
        rpyc_call_free(kitchen->orders[i]); /* unanswered: the caller gets RuntimeError */
    kitchen->count = 0;
    pthread_mutex_unlock(&kitchen->lock);
    return NULL;
}

static const rpyc_method methods[] = {
    {"exposed_order", order, "order(dish)", "Answers when the dish is ready.", 0},
    {"exposed_waiting", waiting, "waiting()", "How many orders wait.", RPYC_METHOD_QUICK},
    {"exposed_cook", cook, "cook()", "Starts the cook.", RPYC_METHOD_QUICK},
};

static const rpyc_class_table table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "KitchenService",
    .methods = methods,
    .method_count = sizeof methods / sizeof methods[0],
}; /* no create: every connection gets the userdata as self */

int main(int argc, char **argv)
{
    struct kitchen kitchen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;
    pthread_t cook_thread;

    if (pthread_create(&cook_thread, NULL, cooks_thread, &kitchen))
        return EXIT_FAILURE;

    if (rpyc_class_new(&table, &kitchen, NULL, &service, &error) ||
        rpyc_server_new(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861", service, NULL, &server, &error))
        goto done;
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    if (rpyc_server_serve_one(server, &error)) /* one client, in this thread */
        goto done;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "08_deferred: %s\n", rpyc_error_describe(error));
    pthread_mutex_lock(&kitchen.lock);
    kitchen.closing = true;
    pthread_cond_signal(&kitchen.changed);
    pthread_mutex_unlock(&kitchen.lock);
    pthread_join(cook_thread, NULL);
    rpyc_error_free(error);
    rpyc_server_free(server);
    rpyc_class_free(service);
    return exit_code;
}
