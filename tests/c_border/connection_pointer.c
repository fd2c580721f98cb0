/* create gets its connection, on which nothing can be requested yet, and a connection keeps a pointer of the application's. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

static int instance, freed, disconnected, shared_connections;
static void *seen_at_the_end;

static void count(void *userdata)
{
    CHECK(userdata == &instance);
    freed++;
}

static void *create(rpyc_connection *connection, void *userdata)
{
    rpyc_value *credentials = NULL;
    rpyc_object *root = NULL;

    CHECK(connection != NULL && rpyc_connection_userdata(connection) == NULL);
    /* Nothing has begun: asking and serving fail at once, and do no harm. */
    GIVES(RPYC_ERR_STATE, rpyc_connection_root(connection, &root, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connection_ping(connection, "x", 1, -1, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connection_serve(connection, 10, NULL, &error));
    GIVES(RPYC_ERR_STATE, rpyc_connection_local_root(connection, &root, &error));
    CHECK(root == NULL && !rpyc_connection_closed(connection));
    OK(rpyc_connection_credentials(connection, &credentials, &error));
    rpyc_value_free(credentials);
    /* One that is replaced is freed. */
    OK(rpyc_connection_set_userdata(connection, &instance, count, &error));
    CHECK(freed == 0);
    OK(rpyc_connection_set_userdata(connection, &instance, count, &error));
    CHECK(freed == 1);
    return userdata;
}

static void on_connect(rpyc_connection *connection, void *self)
{
    CHECK(self == &instance && rpyc_connection_userdata(connection) == &instance);
}

static void on_disconnect(rpyc_connection *connection, void *self)
{
    (void)self;
    seen_at_the_end = rpyc_connection_userdata(connection);
    disconnected++;
    CHECK(freed == 1);
}

static void kept(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_bool(call, rpyc_connection_userdata(rpyc_call_connection(call)) == &instance);
}

static void *refuse(rpyc_connection *connection, void *userdata)
{
    (void)userdata;
    OK(rpyc_connection_set_userdata(connection, &instance, count, &error));
    return NULL;
}

static void *for_all(rpyc_connection *connection, void *userdata)
{
    CHECK(connection == NULL);
    shared_connections++;
    return userdata;
}

static rpyc_class *service(void *(*make)(rpyc_connection *, void *), uint64_t flags)
{
    static const rpyc_method methods[] = {{"exposed_kept", kept, "kept()", NULL, 0}};
    const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .name = "Pointers",
        .methods = methods,
        .method_count = 1,
        .flags = flags,
        .create = make,
        .on_connect = make == create ? on_connect : NULL,
        .on_disconnect = make == create ? on_disconnect : NULL,
    };
    rpyc_class *made = NULL;

    OK(rpyc_class_new(&table, &instance, NULL, &made, &error));
    return made;
}

static rpyc_status connect_to(rpyc_class *class_, rpyc_transport **client)
{
    rpyc_transport *end = NULL;
    rpyc_connection *connection = NULL;
    rpyc_status status;

    OK(rpyc_transport_new_pair(&end, client, &error));
    status = rpyc_connection_new(end, class_, NULL, &connection, NULL);
    CHECK((status == RPYC_OK) == (connection != NULL));
    rpyc_connection_free(connection);
    return status;
}

static void *serve(void *connection)
{
    rpyc_connection_serve_all(connection, NULL);
    return NULL;
}

static void kept_as_long_as_the_connection(void)
{
    rpyc_class *class_ = service(create, 0);
    rpyc_transport *ends[2] = {NULL, NULL};
    rpyc_connection *server = NULL, *client = NULL;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    pthread_t thread;
    bool same = false;

    OK(rpyc_transport_new_pair(&ends[0], &ends[1], &error));
    OK(rpyc_connection_new(ends[0], class_, NULL, &server, &error));
    OK(rpyc_connection_new(ends[1], NULL, NULL, &client, &error));
    CHECK(rpyc_connection_userdata(server) == &instance && rpyc_connection_userdata(client) == NULL);
    CHECK(pthread_create(&thread, NULL, serve, server) == 0);
    OK(rpyc_connection_root(client, &root, &error));
    OK(rpyc_object_call_method(root, "kept", NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_bool(value, &same, &error));
    CHECK(same);
    rpyc_object_free(root);
    rpyc_connection_free(client);
    pthread_join(thread, NULL);
    rpyc_connection_free(server);
    rpyc_class_free(class_);
    CHECK(disconnected == 1 && seen_at_the_end == &instance && freed == 2);
}

static void refused(void)
{
    rpyc_class *class_ = service(refuse, 0);
    rpyc_transport *client = NULL;

    freed = 0;
    GIVES(RPYC_ERR_STATE, connect_to(class_, &client));
    CHECK(freed == 1);
    rpyc_transport_free(client);
    rpyc_class_free(class_);
}

static void one_for_all(void)
{
    rpyc_class *class_ = service(for_all, RPYC_CLASS_SHARED);
    rpyc_transport *client = NULL;

    OK(connect_to(class_, &client));
    CHECK(shared_connections == 1);
    rpyc_transport_free(client);
    rpyc_class_free(class_);
}

static void misuse(void)
{
    freed = 0;
    GIVES(RPYC_ERR_NULL, rpyc_connection_set_userdata(NULL, &instance, count, &error));
    CHECK(freed == 1 && rpyc_connection_userdata(NULL) == NULL);
}

int main(void)
{
    kept_as_long_as_the_connection();
    refused();
    one_for_all();
    misuse();
    return finish();
}
