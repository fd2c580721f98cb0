/* Connections, classes, objects and servers over rpyc_session, on sockets of this program's own: what tests/c needs of
 * rpyc.h, so that the whole interop contract runs over sessions. The functions are those that rename.h renames.
 *
 * All input and output is here: a thread that waits for something pumps its connection, with poll, recv and send; the
 * library never calls back. */
#ifndef BARE_H
#define BARE_H

#include <pthread.h>
#include <rpyc.h>

typedef struct bare_class bare_class;
typedef struct bare_connection bare_connection;

/* What the token of a request of ours leads to. Written under the connection's lock. */
struct bare_reply {
    bool done;
    rpyc_value *value; /* NULL where it failed */
    rpyc_error *error;
    void (*settle)(struct bare_reply *reply); /* called without the lock, once it is done; may be NULL */
};

/* What the id of a member leads to. */
struct bare_member {
    rpyc_method_fn call, get, set, del;
};

/* What the token of an object or function of ours leads to. */
struct bare_object {
    void *self;
    rpyc_free_fn self_free;
    const bare_class *klass; /* NULL: a function, served by `call` */
    rpyc_method_fn call;
    struct bare_object *next, **link; /* among those of its connection */
};

struct bare_known_class {
    const bare_class *klass;
    rpyc_class *real;
    struct bare_known_class *next;
};

struct bare_connection {
    int in, out;
    rpyc_session *session;
    pthread_mutex_t lock, sending, classes_lock;
    pthread_cond_t changed;
    bool pumping, closed;       /* a thread reads; the end has been told */
    unsigned long transactions; /* events that were handled */
    int references;             /* under the list's lock */
    const bare_class *service;
    rpyc_object *root; /* the peer's, once it was asked for */
    void *self;        /* of our own root */
    struct bare_known_class *classes;
    struct bare_object *objects;
    bare_connection *next;
};

/* bare_connection.c */
bare_connection *bare_start(int in, int out, const bare_class *service, const rpyc_config *config,
                            rpyc_error **error_out);
void bare_serve_to_the_end(bare_connection *connection);
bare_connection *bare_current(void); /* the one whose request this thread serves, or which it used last; borrowed */
void bare_set_current(bare_connection *connection);
bare_connection *bare_find(const rpyc_object *object); /* the one over which it was lent; give it back with bare_put */
void bare_put(bare_connection *connection);
void bare_flush(bare_connection *connection);
/* Pumps until it is so, the time (-1: none) is over, or the connection. */
bool bare_wait(bare_connection *connection, bool (*so)(void *), void *data, int64_t deadline_ms);
bool bare_wait_for(bare_connection *connection, struct bare_reply *reply);
int64_t bare_now_ms(void);
void bare_forget(struct bare_object *object); /* ends its self */
rpyc_status bare_fail(rpyc_status status, const char *message, rpyc_error **error_out);

/* bare_class.c */
rpyc_class *bare_real_class(bare_connection *connection, const bare_class *klass,
                            rpyc_error **error_out); /* borrowed */
void bare_serve_request(bare_connection *connection, const rpyc_session_event *event);
void *bare_make_self(const bare_class *service);
void bare_hook(const bare_class *service, bare_connection *connection, bool ends);
struct bare_object *bare_root_of(const bare_class *service, void *self);

/* bare_object.c */
#define BARE_TIMEOUT_MS 30000
/* One request, waited for. args are consumed. */
rpyc_status bare_ask(const rpyc_object *object, int32_t handler, const char *name, rpyc_value *const *args,
                     size_t count, rpyc_value *keywords, rpyc_value **value_out, rpyc_error **error_out);

/* bare_own.c: the same of an object of this process. */
rpyc_status bare_ask_own(rpyc_object *object, int32_t handler, const char *name, rpyc_value *const *args, size_t count,
                         rpyc_value *keywords, rpyc_value **value_out, rpyc_error **error_out);
rpyc_status bare_own_contains(rpyc_object *object, rpyc_value *item, rpyc_value **value_out, rpyc_error **error_out);
rpyc_status bare_own_exit(rpyc_object *object, const rpyc_error *error, rpyc_value **value_out, rpyc_error **error_out);

/* bare_socket.c */
int bare_dial(const char *address); /* -1 with errno */
int bare_listen(const char *address, char *actual, size_t size);

#endif
