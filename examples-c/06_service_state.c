/* 06_service_state: a server with state for each connection, and objects of a class.
 *
 * Shows create and destroy, on_connect and on_disconnect, an option set for one connection, a property, and special
 * methods, with which Python's own syntax works on a C object.
 *
 *     cc 06_service_state.c -o 06_service_state $(pkg-config --cflags --libs rpyc)
 *     ./06_service_state tcp://127.0.0.1:18861 &
 *     python3 peers/vector_client.py tcp://127.0.0.1:18861
 *
 * Prints, for a client that opens two connections:
 *     listening tcp://127.0.0.1:18861
 *     a client came
 *     a client came
 *     a client left after 8 calls
 *     a client left after 5 calls
 *     0 vectors are left
 */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rpyc.h>

/* ---- Vector: a class of objects. Several threads serve, so shared variables are atomic. */

static rpyc_class *vector_class, *cursor_class;
static atomic_int vectors;

struct vector {
    double items[3];
    char label[32];
};

static void vector_free(void *self)
{
    free(self);
    atomic_fetch_sub(&vectors, 1);
}

/* Makes a Vector and returns it to the caller. */
static void return_vector(rpyc_call *call, double x, double y, double z)
{
    struct vector *vector = calloc(1, sizeof *vector);
    rpyc_object *object = NULL;
    rpyc_error *error = NULL;

    if (!vector) {
        rpyc_call_raise(call, "MemoryError", "no room for a vector");
        return;
    }
    atomic_fetch_add(&vectors, 1);
    vector->items[0] = x;
    vector->items[1] = y;
    vector->items[2] = z;
    strcpy(vector->label, "unnamed");
    if (rpyc_object_new(vector_class, vector, vector_free, &object, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return_object(call, object);
    rpyc_object_free(object); /* the peer has a reference now */
}

static void vector_len(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 3);
}

/* Returns the item at the index in argument 0. Raises IndexError and returns NULL if there is none. */
static double *item(rpyc_call *call, struct vector *vector)
{
    int64_t index;

    if (rpyc_call_get_int(call, 0, &index))
        return NULL;
    if (index < 0)
        index += 3;
    if (index < 0 || index > 2) {
        rpyc_call_raise(call, "IndexError", "a vector has 3 items");
        return NULL;
    }
    return &vector->items[index];
}

static void vector_get_item(rpyc_call *call, void *self)
{
    double *place = item(call, self);

    if (place)
        rpyc_call_return_float(call, *place);
}

static void vector_set_item(rpyc_call *call, void *self)
{
    double *place = item(call, self), value;

    if (!place || rpyc_call_get_float(call, 1, &value))
        return;
    *place = value;
    rpyc_call_return(call, NULL);
}

static void vector_add(rpyc_call *call, void *self)
{
    struct vector *left = self, *right = NULL;
    rpyc_object *other = NULL;

    /* An object of this process is received as itself. Other operands are not supported. */
    if (rpyc_value_get_object(rpyc_call_arg(call, 0), &other, NULL) == RPYC_OK)
        right = rpyc_object_self(other, vector_class);
    if (right)
        return_vector(call, left->items[0] + right->items[0], left->items[1] + right->items[1],
                      left->items[2] + right->items[2]);
    else
        rpyc_call_return(call, rpyc_value_new_not_implemented());
    rpyc_object_free(other);
}

static void vector_repr(rpyc_call *call, void *self)
{
    struct vector *vector = self;
    char buffer[160];

    snprintf(buffer, sizeof buffer, "<Vector %s (%g, %g, %g)>", vector->label, vector->items[0], vector->items[1],
             vector->items[2]);
    rpyc_call_return_str(call, buffer, RPYC_NUL_TERMINATED);
}

static void label_get(rpyc_call *call, void *self)
{
    rpyc_call_return_str(call, ((struct vector *)self)->label, RPYC_NUL_TERMINATED);
}

static void label_set(rpyc_call *call, void *self)
{
    struct vector *vector = self;
    const char *text;
    size_t length;

    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    if (length >= sizeof vector->label) {
        rpyc_call_raise(call, "ValueError", "the label is too long");
        return;
    }
    memcpy(vector->label, text, length);
    vector->label[length] = '\0';
    rpyc_call_return(call, NULL);
}

static void label_del(rpyc_call *call, void *self)
{
    strcpy(((struct vector *)self)->label, "unnamed");
    rpyc_call_return(call, NULL);
}

/* ---- iter(vector): an object with __next__. It keeps the vector, which the caller may release. */

struct cursor {
    rpyc_object *vector;
    int next;
};

static void cursor_free(void *self)
{
    struct cursor *cursor = self;

    rpyc_object_free(cursor->vector);
    free(cursor);
}

static void vector_iter(rpyc_call *call, void *self)
{
    struct cursor *cursor = calloc(1, sizeof *cursor);
    rpyc_object *object = NULL;
    rpyc_error *error = NULL;

    (void)self;
    if (!cursor) {
        rpyc_call_raise(call, "MemoryError", "no room for an iterator");
        return;
    }
    cursor->vector = rpyc_object_clone(rpyc_call_target(call));
    if (rpyc_object_new(cursor_class, cursor, cursor_free, &object, &error))
        rpyc_call_raise_error(call, error);
    else
        rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void cursor_iter(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_object(call, rpyc_call_target(call));
}

static void cursor_next(rpyc_call *call, void *self)
{
    struct cursor *cursor = self;
    struct vector *vector = rpyc_object_self(cursor->vector, vector_class);

    if (!vector || cursor->next == 3)
        rpyc_call_raise(call, "StopIteration", NULL);
    else
        rpyc_call_return_float(call, vector->items[cursor->next++]);
}

static const rpyc_method vector_methods[] = {
    {"__len__", vector_len, "__len__()", NULL, RPYC_METHOD_QUICK},
    {"__getitem__", vector_get_item, "__getitem__(index)", NULL, RPYC_METHOD_QUICK},
    {"__setitem__", vector_set_item, "__setitem__(index, value)", NULL, RPYC_METHOD_QUICK},
    {"__add__", vector_add, "__add__(other)", "The sum of two vectors.", RPYC_METHOD_QUICK},
    {"__iter__", vector_iter, "__iter__()", NULL, RPYC_METHOD_QUICK},
    {"__repr__", vector_repr, "__repr__()", NULL, RPYC_METHOD_QUICK},
};

static const rpyc_property vector_properties[] = {
    {"exposed_label", label_get, label_set, label_del, "A name for people to read."},
};

/* Serial: calls for one vector never overlap, so its data needs no lock. */
static const rpyc_class_table vector_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .property_size = sizeof(rpyc_property),
    .name = "Vector",
    .flags = RPYC_CLASS_SERIAL,
    .methods = vector_methods,
    .method_count = sizeof vector_methods / sizeof vector_methods[0],
    .properties = vector_properties,
    .property_count = sizeof vector_properties / sizeof vector_properties[0],
};

static const rpyc_method cursor_methods[] = {
    {"__iter__", cursor_iter, "__iter__()", NULL, RPYC_METHOD_QUICK},
    {"__next__", cursor_next, "__next__()", NULL, RPYC_METHOD_QUICK},
};

static const rpyc_class_table cursor_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "VectorIterator",
    .flags = RPYC_CLASS_SERIAL,
    .methods = cursor_methods,
    .method_count = sizeof cursor_methods / sizeof cursor_methods[0],
};

/* ---- The service: one session for each connection, and one app for all of them. */

struct app {
    atomic_int clients;
};

struct session {
    struct app *app;
    int calls;
};

static void *session_new(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    struct session *session = calloc(1, sizeof *session);

    if (session)
        session->app = userdata;
    return session;
}

static void came(rpyc_connection *connection, void *self)
{
    struct session *session = self;

    rpyc_connection_set_option(connection, "allow_setattr", "true", NULL); /* for this client: vector.label = "..." */
    rpyc_connection_set_option(connection, "allow_delattr", "true", NULL);
    atomic_fetch_add(&session->app->clients, 1);
    printf("a client came\n");
}

static void left(rpyc_connection *connection, void *self)
{
    struct session *session = self;

    (void)connection;
    printf("a client left after %d calls\n", session->calls);
    atomic_fetch_sub(&session->app->clients, 1);
}

static void new_vector(rpyc_call *call, void *self)
{
    struct session *session = self;
    double x, y, z;

    session->calls++;
    if (!rpyc_call_get_float(call, 0, &x) && !rpyc_call_get_float(call, 1, &y) && !rpyc_call_get_float(call, 2, &z))
        return_vector(call, x, y, z);
}

static void clients(rpyc_call *call, void *self)
{
    struct session *session = self;

    rpyc_call_return_int(call, atomic_load(&session->app->clients));
}

static void calls(rpyc_call *call, void *self)
{
    struct session *session = self;

    rpyc_call_return_int(call, ++session->calls);
}

static const rpyc_method service_methods[] = {
    {"exposed_vector", new_vector, "vector(x, y=0.0, z=0.0)", "A new vector.", RPYC_METHOD_QUICK},
    {"exposed_clients", clients, "clients()", "How many clients there are.", RPYC_METHOD_QUICK},
    {"exposed_calls", calls, "calls()", "How many calls this connection has made, this one included.",
     RPYC_METHOD_QUICK},
};

static const rpyc_class_table service_table = {
    .struct_size = sizeof(rpyc_class_table),
    .method_size = sizeof(rpyc_method),
    .name = "VectorService",
    .flags = RPYC_CLASS_SERIAL,
    .methods = service_methods,
    .method_count = sizeof service_methods / sizeof service_methods[0],
    .create = session_new,
    .destroy = free,
    .on_connect = came,
    .on_disconnect = left,
};

int main(int argc, char **argv)
{
    struct app app = {0};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE, received;
    sigset_t stop_signals;

    sigemptyset(&stop_signals);
    sigaddset(&stop_signals, SIGINT);
    sigaddset(&stop_signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop_signals, NULL);

    if (rpyc_class_new(&vector_table, NULL, NULL, &vector_class, &error) ||
        rpyc_class_new(&cursor_table, NULL, NULL, &cursor_class, &error) ||
        rpyc_class_new(&service_table, &app, NULL, &service, &error) ||
        rpyc_server_new(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861", service, NULL, &server, &error))
        goto done;
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);

    if (rpyc_server_start(server, &error))
        goto done;
    sigwait(&stop_signals, &received);
    if (rpyc_server_stop(server, 1000, &error) || rpyc_server_join(server, &error))
        goto done;
    printf("%d vectors are left\n", atomic_load(&vectors));
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "06_service_state: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_class_free(cursor_class);
    rpyc_class_free(vector_class);
    return exit_code;
}
