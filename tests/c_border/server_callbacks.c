/* Functions that wait for a server, called in its callbacks: in the threads of a queue, in hooks, in an authenticator. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#define ERROR_STORAGE _Thread_local
#include "check.h"

static rpyc_server *server; /* for its callbacks */
static rpyc_queue *queue;
static int came, left, called;

static int get(int *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void count(int *number)
{
    __atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST);
}

static void await(int *number, int least)
{
    for (int i = 0; i < 3000 && get(number) < least; i++)
        nanosleep(&(struct timespec){0, 10000000}, NULL);
    CHECK(get(number) >= least);
}

static void refused_here(void)
{
    size_t cut = 7;

    GIVES(RPYC_ERR_DEADLOCK, rpyc_server_drain(server, 0, 1000, &cut, &error));
    GIVES(RPYC_ERR_DEADLOCK, rpyc_server_join(server, &error));
    CHECK(cut == 0);
}

static void wait_here(rpyc_call *call, void *self)
{
    (void)self;
    refused_here();
    count(&called);
    rpyc_call_return(call, NULL);
}

/* Would wait for a day if it waited for its own call. */
static void stop_here(rpyc_call *call, void *self)
{
    (void)self;
    OK(rpyc_server_stop(server, 86400000, &error));
    count(&called);
    rpyc_call_return(call, NULL);
}

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    (void)userdata;
    count(&came);
    return &came;
}

static void greet(rpyc_connection *connection, void *self)
{
    (void)connection;
    (void)self;
    count(&came);
}

static void part(rpyc_connection *connection, void *self)
{
    (void)connection;
    (void)self;
    refused_here();
    count(&left);
}

static void serve(const rpyc_config *config)
{
    static const rpyc_method methods[] = {
        {"exposed_wait_here", wait_here, "wait_here()", NULL, 0},
        {"exposed_stop_here", stop_here, "stop_here()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "WaitingService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .create = create,
        .on_connect = greet,
        .on_disconnect = part,
    };
    rpyc_class *service = NULL;

    came = left = called = 0;
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, config, &server, &error));
    rpyc_class_free(service);
    if (queue != NULL)
        OK(rpyc_server_set_queue(server, queue, &error));
    OK(rpyc_server_start(server, &error));
}

static rpyc_connection *client(rpyc_object **root)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;

    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_connect(rpyc_server_address(server), NULL, config, &connection, &error));
    if (root != NULL)
        OK(rpyc_connection_root(connection, root, &error));
    rpyc_config_free(config);
    return connection;
}

static void end(void)
{
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
}

/* A call that a thread of the application runs from the queue. The same thread may wait for the server afterwards. */
static void calls_of_a_queue(const char *method)
{
    rpyc_object *root = NULL;
    rpyc_connection *connection;
    rpyc_async_result *result = NULL;
    size_t ran = 0, cut = 7;

    OK(rpyc_queue_new(10, &queue, &error));
    serve(NULL);
    connection = client(&root);
    OK(rpyc_object_call_method_async(root, method, NULL, 0, NULL, -1, &result, &error));
    OK(rpyc_queue_run(queue, 1, 30000, &ran, &error));
    CHECK(ran == 1 && get(&called) == 1);
    OK(rpyc_server_drain(server, 0, 60000, &cut, &error));
    CHECK(cut == 0);
    end();
    rpyc_async_result_free(result);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    rpyc_queue_free(queue);
    queue = NULL;
}

/* The hooks of idle connections run in the thread that drains, or stops. */
static void hooks_of_idle_connections(int drains)
{
    rpyc_object *roots[2] = {NULL, NULL};
    rpyc_connection *connections[2];

    serve(NULL);
    for (int i = 0; i < 2; i++)
        connections[i] = client(&roots[i]);
    if (drains)
        OK(rpyc_server_drain(server, 0, 60000, NULL, &error));
    else
        OK(rpyc_server_stop(server, 0, &error));
    await(&left, 2);
    end();
    for (int i = 0; i < 2; i++) {
        rpyc_object_free(roots[i]);
        rpyc_connection_free(connections[i]);
    }
}

static void stop_and_accept(rpyc_authentication *authentication, void *userdata)
{
    (void)userdata;
    OK(rpyc_server_stop(server, 0, &error));
    rpyc_authentication_accept(authentication, NULL, NULL);
    count(&called);
}

/* A connection that has ended before its service was created has none. */
static void no_service_after_the_end(const char *threads)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection;

    OK(rpyc_config_set(config, "pool_threads", threads, &error));
    OK(rpyc_config_set_authenticator(config, stop_and_accept, NULL, NULL, &error));
    serve(config);
    connection = client(NULL);
    await(&called, 1);
    end();
    CHECK(get(&came) == 0 && get(&left) == 0);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
}

int main(void)
{
    calls_of_a_queue("wait_here");
    calls_of_a_queue("stop_here");
    hooks_of_idle_connections(1);
    hooks_of_idle_connections(0);
    no_service_after_the_end("0");
    no_service_after_the_end("2");
    return finish();
}
