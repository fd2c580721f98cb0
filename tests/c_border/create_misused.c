/* What create may do with its connection: close it, serve it, give it a root, keep it; and a server that is stopped meanwhile. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static void (*in_create)(rpyc_connection *connection);
static int connected, disconnected, destroyed, freed;
static rpyc_connection *kept;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool creating, go_on;

static void count(void *userdata)
{
    __atomic_add_fetch((int *)userdata, 1, __ATOMIC_RELAXED);
}

static void *create(rpyc_connection *connection, void *userdata)
{
    OK(rpyc_connection_set_userdata(connection, &freed, count, &error));
    in_create(connection);
    return userdata;
}

static void destroy(void *instance)
{
    CHECK(instance == &connected);
    rpyc_connection_free(kept);
    kept = NULL;
    destroyed++;
}

static void on_connect(rpyc_connection *connection, void *self)
{
    rpyc_object *root = NULL;

    CHECK(self == &connected);
    connected++;
    if (rpyc_connection_closed(connection))
        CHECK(rpyc_connection_root(connection, &root, NULL) == RPYC_ERR_CLOSED);
}

static void on_disconnect(rpyc_connection *connection, void *self)
{
    CHECK(self == &connected && destroyed == 0 && rpyc_connection_userdata(connection) == &freed);
    disconnected++;
}

static void other(rpyc_call *call, void *self)
{
    rpyc_call_return_bool(call, self == &freed);
}

static rpyc_class *service(const char *name, rpyc_method_fn method)
{
    const rpyc_method methods[] = {{"exposed_other", method, "other()", NULL, 0}};
    const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .name = name,
        .methods = methods,
        .method_count = 1,
        .create = method == NULL ? create : NULL,
        .destroy = method == NULL ? destroy : NULL,
        .on_connect = method == NULL ? on_connect : NULL,
        .on_disconnect = method == NULL ? on_disconnect : NULL,
    };
    rpyc_class_table simple = table;
    rpyc_class *made = NULL;

    if (method == NULL)
        simple.method_count = 0;
    OK(rpyc_class_new(&simple, &connected, NULL, &made, &error));
    return made;
}

static void close_it(rpyc_connection *connection)
{
    OK(rpyc_connection_close(connection, &error));
    CHECK(rpyc_connection_closed(connection));
}

/* Closed in create: all that follows tells so at once, and both hooks run. */
static void closed(void)
{
    rpyc_class *class_ = service("Closed", NULL);
    rpyc_transport *ends[2] = {NULL, NULL};
    rpyc_connection *connection = NULL;
    rpyc_serving *serving = NULL;
    rpyc_object *root = NULL;

    in_create = close_it;
    connected = disconnected = destroyed = freed = 0;
    OK(rpyc_transport_new_pair(&ends[0], &ends[1], &error));
    OK(rpyc_connection_new(ends[0], class_, NULL, &connection, &error));
    CHECK(connected == 1 && disconnected == 1 && destroyed == 0);
    GIVES(RPYC_ERR_CLOSED, rpyc_connection_root(connection, &root, &error));
    GIVES(RPYC_ERR_CLOSED, rpyc_connection_ping(connection, "x", 1, -1, &error));
    GIVES(RPYC_ERR_CLOSED, rpyc_connection_serve(connection, -1, NULL, &error));
    OK(rpyc_connection_serve_all(connection, &error));
    OK(rpyc_connection_serve_background(connection, 1, 0, &serving, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    OK(rpyc_connection_local_root(connection, &root, &error));
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    CHECK(destroyed == 0 && freed == 0);
    rpyc_connection_free(connection);
    CHECK(disconnected == 1 && destroyed == 1 && freed == 1);
    rpyc_transport_free(ends[1]);
    rpyc_class_free(class_);
}

static void serve_it(rpyc_connection *connection)
{
    rpyc_serving *serving = NULL;

    GIVES(RPYC_ERR_STATE, rpyc_connection_serve_background(connection, 1, 0, &serving, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connection_serve_threaded(connection, 2, 0, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connection_serve_all(connection, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connection_flush(connection, &error));
    CHECK(serving == NULL);
}

/* Another root. */
static void give_root(rpyc_connection *connection)
{
    rpyc_class *class_ = service("Other", other);
    rpyc_object *root = NULL;

    serve_it(connection);
    OK(rpyc_object_new(class_, &freed, NULL, &root, &error));
    OK(rpyc_connection_set_root(connection, root, &error));
    rpyc_object_free(root);
    rpyc_class_free(class_);
}

static void *serve(void *connection)
{
    rpyc_connection_serve_all(connection, NULL);
    return NULL;
}

static void another_root(void)
{
    rpyc_class *class_ = service("Rooted", NULL);
    rpyc_transport *ends[2] = {NULL, NULL};
    rpyc_connection *server = NULL, *client = NULL;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    pthread_t thread;
    bool same = false;

    in_create = give_root;
    connected = disconnected = destroyed = freed = 0;
    OK(rpyc_transport_new_pair(&ends[0], &ends[1], &error));
    OK(rpyc_connection_new(ends[0], class_, NULL, &server, &error));
    OK(rpyc_connection_new(ends[1], NULL, NULL, &client, &error));
    CHECK(pthread_create(&thread, NULL, serve, server) == 0);
    OK(rpyc_connection_root(client, &root, &error));
    OK(rpyc_object_call_method(root, "other", NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_bool(value, &same, &error));
    CHECK(same);
    rpyc_object_free(root);
    rpyc_connection_free(client);
    pthread_join(thread, NULL);
    rpyc_connection_free(server);
    rpyc_class_free(class_);
    CHECK(disconnected == 1 && destroyed == 1 && freed == 1);
}

static void keep_it(rpyc_connection *connection)
{
    kept = rpyc_connection_clone(connection);
}

static void wait_until(bool *what)
{
    pthread_mutex_lock(&lock);
    while (!*what)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void tell(bool *what)
{
    pthread_mutex_lock(&lock);
    *what = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void take_long(rpyc_connection *connection)
{
    keep_it(connection);
    tell(&creating);
    wait_until(&go_on);
}

static rpyc_server *serving(rpyc_class *class_)
{
    rpyc_server *server = NULL;

    connected = disconnected = destroyed = freed = 0;
    OK(rpyc_server_new("tcp://127.0.0.1:0", class_, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    return server;
}

/* An instance that holds its connection goes with it, and the connection's memory too. */
static void kept_by_the_instance(void)
{
    rpyc_class *class_ = service("Keeps", NULL);
    rpyc_server *server = serving(class_);
    rpyc_connection *client = NULL;
    rpyc_object *root = NULL;

    in_create = keep_it;
    OK(rpyc_connect(rpyc_server_address(server), NULL, NULL, &client, &error));
    OK(rpyc_connection_root(client, &root, &error));
    rpyc_object_free(root);
    rpyc_connection_free(client);
    OK(rpyc_server_stop(server, 0, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(class_);
    CHECK(connected == 1 && disconnected == 1 && destroyed == 1 && freed == 1 && kept == NULL);
}

static void *stop(void *server)
{
    OK(rpyc_server_stop(server, 0, &error));
    tell(&go_on);
    return NULL;
}

static void stopped_meanwhile(void)
{
    rpyc_class *class_ = service("Stopped", NULL);
    rpyc_server *server = serving(class_);
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *client = NULL;
    rpyc_object *root = NULL;
    pthread_t stopping;

    in_create = take_long;
    /* With a known dialect it connects once, and waits for nothing. */
    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_connect(rpyc_server_address(server), NULL, config, &client, &error));
    rpyc_config_free(config);
    wait_until(&creating);
    CHECK(pthread_create(&stopping, NULL, stop, server) == 0);
    pthread_join(stopping, NULL);
    CHECK(rpyc_connection_root(client, &root, NULL) != RPYC_OK && root == NULL);
    rpyc_connection_free(client);
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(class_);
    CHECK(connected == 1 && disconnected == 1 && destroyed == 1 && freed == 1 && kept == NULL);
}

int main(void)
{
    closed();
    another_root();
    kept_by_the_instance();
    stopped_meanwhile();
    return finish();
}
