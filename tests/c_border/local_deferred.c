/* local_deferred ADDRESS SECONDS: a service whose `call(f)` calls f, which may be its own `defer()`, answered by `settle(x)`. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static rpyc_call *kept;

static void call(rpyc_call *call, void *self)
{
    rpyc_object *function = NULL;
    rpyc_value *result = NULL;
    rpyc_error *failure = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &function) || rpyc_object_call(function, NULL, 0, NULL, &result, &failure))
        rpyc_call_raise_error(call, failure);
    else
        rpyc_call_return(call, result);
    rpyc_object_free(function);
}

static rpyc_call *swap(rpyc_call *next)
{
    rpyc_call *taken;

    pthread_mutex_lock(&lock);
    taken = kept;
    kept = next;
    pthread_mutex_unlock(&lock);
    return taken;
}

static void defer(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_free(swap(rpyc_call_defer(call)));
}

/* Returns whether there was something to settle. */
static void settle(rpyc_call *call, void *self)
{
    rpyc_call *taken = swap(NULL);
    int64_t number = 0;

    (void)self;
    rpyc_call_get_int(call, 0, &number);
    if (taken)
        rpyc_call_return_int(taken, number);
    rpyc_call_return_bool(call, taken != NULL);
    rpyc_call_free(taken);
}

int main(int argc, char **argv)
{
    static const rpyc_method methods[] = {
        {"exposed_call", call, NULL, NULL, 0},
        {"exposed_defer", defer, NULL, NULL, 0},
        {"exposed_settle", settle, "settle(number)", NULL, 0},
    };
    static const rpyc_class_table table = {.struct_size = sizeof table,
                                           .method_size = sizeof *methods,
                                           .name = "DeferringService",
                                           .methods = methods,
                                           .method_count = sizeof methods / sizeof *methods};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_config *config = rpyc_config_new();

    if (argc != 3)
        return 2;
    OK(rpyc_config_set(config, "sync_request_timeout", argv[2], &error));
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(argv[1], service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve_one(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    rpyc_call_free(swap(NULL));
    return finish();
}
