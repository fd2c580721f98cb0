/* A session, two descriptors, and whoever waits pumps between them. */
#define _POSIX_C_SOURCE 200809L
#include "bare.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (64 * 1024)
#define TICK_MS 50 /* so often a thread that waits looks whether something else has changed */

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static bare_connection *connections;
static _Thread_local bare_connection *current;

int64_t bare_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

rpyc_status bare_fail(rpyc_status status, const char *message, rpyc_error **error_out)
{
    return rpyc_error_new(status, NULL, message, error_out);
}

bare_connection *bare_current(void)
{
    return current;
}

void bare_set_current(bare_connection *connection)
{
    current = connection;
}

/* ---------------------------------------------------------------- the list of all connections */

bare_connection *bare_find(const rpyc_object *object)
{
    pthread_mutex_lock(&list_lock);
    bare_connection *connection = connections;
    while (connection != NULL && !rpyc_session_owns(connection->session, object))
        connection = connection->next;
    if (connection != NULL)
        connection->references++;
    pthread_mutex_unlock(&list_lock);
    return connection;
}

void bare_forget(struct bare_object *object)
{
    *object->link = object->next;
    if (object->next != NULL)
        object->next->link = object->link;
    if (object->self_free != NULL)
        object->self_free(object->self);
    free(object);
}

/* What is still told: objects that went with the session. */
static void drain(bare_connection *connection)
{
    rpyc_session_event event = {.struct_size = sizeof event};
    while (rpyc_session_next_event(connection->session, &event, NULL) == RPYC_OK && event.kind != RPYC_EVENT_NONE) {
        if (event.kind == RPYC_EVENT_RELEASED)
            bare_forget((struct bare_object *)(uintptr_t)event.token);
        rpyc_call_free(event.call);
        rpyc_value_free(event.value);
        rpyc_error_free(event.error);
    }
}

void bare_put(bare_connection *connection)
{
    pthread_mutex_lock(&list_lock);
    bool last = --connection->references == 0;
    for (bare_connection **at = &connections; last && *at != NULL; at = &(*at)->next) {
        if (*at == connection) {
            *at = connection->next;
            break;
        }
    }
    pthread_mutex_unlock(&list_lock);
    if (!last)
        return;
    if (current == connection)
        current = NULL;
    rpyc_object_free(connection->root);
    drain(connection);
    rpyc_session_free(connection->session);
    while (connection->objects != NULL)
        bare_forget(connection->objects);
    while (connection->classes != NULL) {
        struct bare_known_class *known = connection->classes;
        connection->classes = known->next;
        rpyc_class_free(known->real);
        free(known);
    }
    close(connection->in);
    if (connection->out != connection->in)
        close(connection->out);
    free(connection);
}

/* ---------------------------------------------------------------- bytes */

static void write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = write(fd, data, length);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return; /* the peer is gone; reading will tell */
        data += sent;
        length -= (size_t)sent;
    }
}

void bare_flush(bare_connection *connection)
{
    char *buffer = malloc(CHUNK);
    size_t taken = 0;
    if (buffer == NULL)
        return;
    pthread_mutex_lock(&connection->sending);
    while (rpyc_session_take(connection->session, buffer, CHUNK, &taken) == RPYC_OK && taken > 0)
        write_all(connection->out, buffer, taken);
    pthread_mutex_unlock(&connection->sending);
    free(buffer);
}

/* Receives what is there, waiting at most so long. */
static void receive(bare_connection *connection, int timeout_ms)
{
    struct pollfd readable = {.fd = connection->in, .events = POLLIN};
    if (poll(&readable, 1, timeout_ms) <= 0)
        return;
    char *buffer = malloc(CHUNK);
    if (buffer == NULL)
        return;
    ssize_t count = read(connection->in, buffer, CHUNK);
    if (count > 0)
        rpyc_session_feed(connection->session, buffer, (size_t)count, NULL);
    else if (count == 0 || (errno != EINTR && errno != EAGAIN))
        rpyc_session_end_of_stream(connection->session);
    free(buffer);
}

/* ---------------------------------------------------------------- pumping */

static int timeout_until(int64_t deadline_ms, const bare_connection *connection)
{
    int64_t left = TICK_MS, now = bare_now_ms(), next = rpyc_session_next_deadline(connection->session);
    if (deadline_ms >= 0 && deadline_ms - now < left)
        left = deadline_ms - now;
    if (next >= 0 && next - now < left)
        left = next - now;
    return left > 0 ? (int)left : 0;
}

/* The next event, if one comes soon. */
static bool pump(bare_connection *connection, int64_t deadline_ms, rpyc_session_event *event)
{
    bool received = false;
    for (;;) {
        bare_flush(connection);
        rpyc_session_expire(connection->session, bare_now_ms(), NULL);
        if (rpyc_session_next_event(connection->session, event, NULL) != RPYC_OK)
            return false;
        if (event->kind != RPYC_EVENT_NONE && event->kind != RPYC_EVENT_SEND)
            return true;
        if (event->kind == RPYC_EVENT_NONE && rpyc_session_has_message(connection->session))
            abort(); /* it never says that nothing is there while a whole message is */
        if (event->kind == RPYC_EVENT_NONE) {
            if (received)
                return false;
            receive(connection, timeout_until(deadline_ms, connection));
            received = true;
        }
    }
}

static void handle(bare_connection *connection, const rpyc_session_event *event)
{
    struct bare_reply *reply = (struct bare_reply *)(uintptr_t)event->token;
    bare_connection *before = current;
    switch (event->kind) {
    case RPYC_EVENT_REQUEST:
        current = connection;
        bare_serve_request(connection, event);
        current = before;
        bare_flush(connection);
        break;
    case RPYC_EVENT_REPLY:
        pthread_mutex_lock(&connection->lock);
        reply->value = event->value;
        reply->error = event->error;
        void (*settle)(struct bare_reply *) = reply->settle;
        reply->done = true;
        pthread_mutex_unlock(&connection->lock);
        if (settle != NULL)
            settle(reply);
        break;
    case RPYC_EVENT_RELEASED:
        pthread_mutex_lock(&connection->classes_lock);
        bare_forget((struct bare_object *)(uintptr_t)event->token);
        pthread_mutex_unlock(&connection->classes_lock);
        break;
    case RPYC_EVENT_CLOSED:
        rpyc_error_free(event->error);
        break;
    default:
        abort();
    }
    pthread_mutex_lock(&connection->lock);
    connection->transactions++;
    connection->closed = connection->closed || event->kind == RPYC_EVENT_CLOSED;
    pthread_cond_broadcast(&connection->changed);
    pthread_mutex_unlock(&connection->lock);
}

static void pause_until_changed(bare_connection *connection)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&connection->changed, &connection->lock, &until);
}

bool bare_wait(bare_connection *connection, bool (*so)(void *), void *data, int64_t deadline_ms)
{
    rpyc_session_event event = {.struct_size = sizeof event};
    bool is = false;
    pthread_mutex_lock(&connection->lock);
    while (!(is = so(data)) && !connection->closed && (deadline_ms < 0 || bare_now_ms() < deadline_ms)) {
        if (connection->pumping) {
            pause_until_changed(connection);
            continue;
        }
        connection->pumping = true;
        pthread_mutex_unlock(&connection->lock);
        bool got = pump(connection, deadline_ms, &event);
        pthread_mutex_lock(&connection->lock);
        connection->pumping = false;
        pthread_cond_broadcast(&connection->changed);
        if (got) {
            pthread_mutex_unlock(&connection->lock);
            handle(connection, &event);
            pthread_mutex_lock(&connection->lock);
        }
    }
    pthread_mutex_unlock(&connection->lock);
    bare_flush(connection);
    return is;
}

static bool reply_done(void *data)
{
    return ((struct bare_reply *)data)->done;
}

bool bare_wait_for(bare_connection *connection, struct bare_reply *reply)
{
    return bare_wait(connection, reply_done, reply, -1);
}

/* ---------------------------------------------------------------- beginning and end */

bare_connection *bare_start(int in, int out, const bare_class *service, const rpyc_config *config,
                            rpyc_error **error_out)
{
    bare_connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL)
        return NULL;
    pthread_mutex_init(&connection->lock, NULL);
    pthread_mutex_init(&connection->sending, NULL);
    pthread_mutex_init(&connection->classes_lock, NULL);
    pthread_cond_init(&connection->changed, NULL);
    connection->in = in;
    connection->out = out;
    connection->service = service;
    connection->references = 1;
    rpyc_status status = rpyc_session_new(config, 0, &connection->session, error_out);
    pthread_mutex_lock(&list_lock);
    connection->next = connections;
    connections = connection;
    pthread_mutex_unlock(&list_lock);
    if (status == RPYC_OK && service != NULL) {
        rpyc_class *real = bare_real_class(connection, service, error_out);
        bare_connection *before = current;
        current = connection;
        connection->self = real != NULL ? bare_make_self(service) : NULL;
        struct bare_object *root = bare_root_of(service, connection->self);
        status = real != NULL && root != NULL
                     ? rpyc_session_set_root(connection->session, real, (uintptr_t)root, error_out)
                     : RPYC_ERR_STATE;
        current = before;
    }
    if (status != RPYC_OK) {
        bare_put(connection);
        return NULL;
    }
    return connection;
}

static bool never(void *data)
{
    (void)data;
    return false;
}

void bare_serve_to_the_end(bare_connection *connection)
{
    bare_hook(connection->service, connection, false);
    bare_wait(connection, never, NULL, -1);
    bare_hook(connection->service, connection, true);
}

rpyc_status bare_connection_root(bare_connection *connection, rpyc_object **root_out, rpyc_error **error_out)
{
    struct bare_reply reply = {0};
    *root_out = NULL;
    bare_set_current(connection);
    if (connection->root == NULL) {
        rpyc_status status = rpyc_session_ask(connection->session, (uintptr_t)&reply, RPYC_HANDLE_GETROOT, NULL, NULL,
                                              0, NULL, 0, NULL, bare_now_ms() + BARE_TIMEOUT_MS, NULL, error_out);
        if (status != RPYC_OK)
            return status;
        bare_flush(connection);
        bare_wait_for(connection, &reply);
        if (reply.value == NULL) {
            status = rpyc_error_status(reply.error);
            *error_out = reply.error;
            return status;
        }
        status = rpyc_value_get_object(reply.value, &connection->root, error_out);
        rpyc_value_free(reply.value);
        if (status != RPYC_OK)
            return status;
    }
    *root_out = rpyc_object_clone(connection->root);
    return RPYC_OK;
}

static bare_connection *open_connection(const char *address, const bare_class *service, const rpyc_config *config,
                                        rpyc_error **error_out)
{
    int fd = bare_dial(address);
    if (fd < 0) {
        bare_fail(RPYC_ERR_ADDRESS, strerror(errno), error_out);
        return NULL;
    }
    return bare_start(fd, fd, service, config, error_out);
}

/* A peer that does not understand how it is spoken to answers in its own dialect. */
rpyc_status bare_connect(const char *address, const bare_class *service, const rpyc_config *config,
                         bare_connection **connection_out, rpyc_error **error_out)
{
    rpyc_object *root = NULL;
    bare_connection *connection = open_connection(address, service, config, error_out);
    *connection_out = NULL;
    if (connection == NULL)
        return RPYC_ERR_ADDRESS;
    rpyc_status status = bare_connection_root(connection, &root, error_out);
    rpyc_object_free(root);
    if (status == RPYC_ERR_DIALECT && rpyc_session_heard(connection->session) == 5) {
        rpyc_config *fitting = rpyc_config_clone(config);
        rpyc_error_free(*error_out);
        status = rpyc_config_set(fitting, "dialect", "5", error_out);
        bare_put(connection);
        connection = open_connection(address, service, fitting, error_out);
        rpyc_config_free(fitting);
    }
    bare_set_current(connection);
    *connection_out = connection;
    return connection != NULL ? RPYC_OK : RPYC_ERR_STATE;
}

rpyc_status bare_connection_close(bare_connection *connection, rpyc_error **error_out)
{
    rpyc_status status = rpyc_session_close(connection->session, error_out);
    bare_flush(connection);
    bare_wait(connection, never, NULL, bare_now_ms() + 1000);
    pthread_mutex_lock(&connection->lock);
    connection->closed = true;
    pthread_mutex_unlock(&connection->lock);
    return status;
}

bool bare_connection_closed(const bare_connection *connection)
{
    return connection->closed || rpyc_session_closed(connection->session);
}

void bare_connection_free(bare_connection *connection)
{
    if (connection == NULL)
        return;
    bare_flush(connection);
    bare_put(connection);
}

rpyc_status bare_connection_ping(bare_connection *connection, const void *data, size_t length, int64_t timeout_ms,
                                 rpyc_error **error_out)
{
    struct bare_reply reply = {0};
    rpyc_value *sent = NULL;
    rpyc_value_new_bytes(data != NULL ? data : "ping", data != NULL ? length : 4, &sent, NULL);
    rpyc_value *args[] = {rpyc_value_clone(sent)};
    rpyc_status status = rpyc_session_ask(connection->session, (uintptr_t)&reply, RPYC_HANDLE_PING, NULL, NULL, 0, args,
                                          1, NULL, bare_now_ms() + timeout_ms, NULL, error_out);
    if (status == RPYC_OK) {
        bare_flush(connection);
        bare_wait_for(connection, &reply);
        if (reply.value == NULL) {
            status = rpyc_error_status(reply.error);
            if (error_out != NULL)
                *error_out = reply.error;
        } else if (!rpyc_value_equal(reply.value, sent)) {
            status = bare_fail(RPYC_ERR_MALFORMED, "another answer to ping", error_out);
        }
        rpyc_value_free(reply.value);
    }
    rpyc_value_free(sent);
    return status;
}

struct transaction {
    bare_connection *connection;
    unsigned long before;
};

static bool has_happened(void *data)
{
    struct transaction *transaction = data;
    return transaction->connection->transactions != transaction->before;
}

rpyc_status bare_connection_serve(bare_connection *connection, int64_t timeout_ms, bool *handled_out,
                                  rpyc_error **error_out)
{
    struct transaction transaction = {connection, connection->transactions};
    *handled_out = bare_wait(connection, has_happened, &transaction, bare_now_ms() + timeout_ms);
    return connection->closed ? bare_fail(RPYC_ERR_EOF, "the peer is gone", error_out) : RPYC_OK;
}

rpyc_status bare_connection_sync_request(bare_connection *connection, int32_t handler, rpyc_value *const *args,
                                         size_t count, rpyc_value **value_out, rpyc_error **error_out)
{
    struct bare_reply reply = {0};
    *value_out = NULL;
    rpyc_status status = rpyc_session_request(connection->session, (uintptr_t)&reply, handler, args, count,
                                              bare_now_ms() + BARE_TIMEOUT_MS, NULL, error_out);
    if (status != RPYC_OK)
        return status;
    bare_flush(connection);
    bare_wait_for(connection, &reply);
    *value_out = reply.value;
    *error_out = reply.error;
    return reply.error != NULL ? rpyc_error_status(reply.error) : RPYC_OK;
}

bare_connection *bare_call_connection(const rpyc_call *call)
{
    (void)call;
    return current;
}

/* ---------------------------------------------------------------- standard input and output */

struct bare_transport {
    int in, out;
};

rpyc_status bare_transport_connect(const char *address, const rpyc_config *config,
                                   struct bare_transport **transport_out, rpyc_error **error_out)
{
    (void)config;
    *transport_out = strcmp(address, "stdio:") == 0 ? malloc(sizeof **transport_out) : NULL;
    if (*transport_out == NULL)
        return bare_fail(RPYC_ERR_ADDRESS, "only stdio: is connected to here", error_out);
    **transport_out = (struct bare_transport){dup(STDIN_FILENO), dup(STDOUT_FILENO)};
    return RPYC_OK;
}

rpyc_status bare_connection_new(struct bare_transport *transport, const bare_class *service, const rpyc_config *config,
                                bare_connection **connection_out, rpyc_error **error_out)
{
    *connection_out = bare_start(transport->in, transport->out, service, config, error_out);
    free(transport);
    return *connection_out != NULL ? RPYC_OK : RPYC_ERR_STATE;
}

rpyc_status bare_connection_serve_all(bare_connection *connection, rpyc_error **error_out)
{
    (void)error_out;
    bare_serve_to_the_end(connection);
    return RPYC_OK;
}

rpyc_status bare_connection_set(bare_connection *connection, const char *option, const char *text,
                                rpyc_error **error_out)
{
    (void)connection, (void)option, (void)text; /* only close_timeout, which is fixed here */
    *error_out = NULL;
    return RPYC_OK;
}
