/* How the checks of interop_client are written.
 *
 * A check is a function of a `struct check *c`. The first thing that goes wrong in it is its failure: from then on the
 * macros below do nothing, and what they would have given is NULL, 0 or false. So checks need no branches for failures,
 * and they free what they made on one path. Objects from OBJECT, FUNCTION and KEEP are freed with
 * the check. */
#ifndef INTEROP_CLIENT_H
#define INTEROP_CLIENT_H

#include "interop.h"

struct check {
    rpyc_connection *connection; /* borrowed */
    rpyc_object *root;           /* borrowed */
    rpyc_connection *(*dial)(rpyc_error **error_out);
    rpyc_value *result; /* where OUT points */
    rpyc_error *error;  /* where ERROR points; after RAISES the exception */
    rpyc_object **kept;
    size_t kept_count, kept_capacity;
    bool failed;
    char reason[400];
};

/* Every check, in the order of peer_client.py. */
/* clang-format off */
#define CHECKS(X)                                                                                                      \
    X(connect_and_root) X(ping) X(service_name) X(implementation_text) X(call_positional) X(call_keywords)             \
    X(call_keywords_unicode) X(call_keyword_by_reference) X(call_defaults) X(call_wrong_arguments)                     \
    X(call_returns_none) X(method_object_reused) X(echo_scalars) X(echo_float_specials) X(echo_strings) X(echo_bytes)  \
    X(echo_tuples) X(echo_slices) X(echo_frozensets) X(echo_deep_tuple) X(kinds_seen_by_server) X(samples_from_server) \
    X(callback_plain) X(callback_keywords) X(callback_many) X(callback_exception_caught_there)                         \
    X(callback_exception_passes_through) X(callback_recursion) X(object_passed_and_called)                             \
    X(object_passed_and_described) X(object_denies_private) X(object_round_trip_identity) X(object_held_by_server)     \
    X(list_passed_by_reference) X(client_root_used) X(server_calls_later) X(object_methods) X(object_identity)         \
    X(object_property) X(object_operators) X(object_hash) X(object_text) X(object_container) X(object_called)          \
    X(object_dir) X(object_denied) X(object_isinstance) X(object_class_called) X(object_closure)                       \
    X(tuple_with_references) X(objects_released) X(object_released_after_many_receptions) X(object_revived)            \
    X(list_reference) X(dict_reference) X(generator) X(generator_fails) X(buffered_iteration) X(context_manager)       \
    X(context_manager_error) X(exception_builtin) X(exception_organic) X(exception_oserror)                            \
    X(exception_stop_iteration) X(exception_custom) X(exception_remote_traceback_text) X(exception_then_normal_work)   \
    X(bulk_compressible) X(bulk_incompressible) X(bulk_tuple) X(async_call) X(async_several) X(async_callback)         \
    X(async_failure) X(async_timeout) X(async_object_result) X(threads_share_connection) X(background_serving_thread)  \
    X(raw_callattr_on_root) X(raw_unknown_handler) X(raw_unknown_object) X(second_connection) X(close)
/* clang-format on */

#define DECLARE_CHECK(name) void check_##name(struct check *c);
CHECKS(DECLARE_CHECK)
#define CHECK(name) void check_##name(struct check *c)

/* ---------------------------------------------------------------- values, short */

#define I(number) rpyc_value_new_int(number)
#define S(text) str_value(text)
#define O(object) object_value(object)
#define NONE rpyc_value_new_none()

/* ---------------------------------------------------------------- expectations */

#define HERE c, __FILE__, __LINE__

#define TRUE(condition)                                                                                                \
    do {                                                                                                               \
        if (!c->failed && !(condition))                                                                                \
            check_fail(HERE, "not true: %s", #condition);                                                              \
    } while (0)

/* The same kind of value and the same value, at every level. Both are consumed. */
#define EQUAL(got, want)                                                                                               \
    do {                                                                                                               \
        if (!c->failed)                                                                                                \
            check_equal(HERE, got, want);                                                                              \
    } while (0)

/* A call of rpyc.h, made with OUT and ERROR where it takes a value_out and an error_out, that succeeds. */
#define OK(call)                                                                                                       \
    do {                                                                                                               \
        if (!c->failed)                                                                                                \
            check_status(HERE, call, #call);                                                                           \
    } while (0)

/* ... that raises this builtin exception at the peer; it stays in c->error until the next call. */
#define RAISES(name, call)                                                                                             \
    do {                                                                                                               \
        if (!c->failed)                                                                                                \
            check_raises(HERE, call, name, #call);                                                                     \
    } while (0)

/* ... that fails with this status. */
#define FAILS(status, call)                                                                                            \
    do {                                                                                                               \
        if (!c->failed)                                                                                                \
            check_fails(HERE, call, status, #call);                                                                    \
    } while (0)

#define OUT check_out(c)
#define ERROR check_error(c)

/* ---------------------------------------------------------------- calls that give something */

/* The value that a call puts into OUT: GET(rpyc_object_str(item, OUT, ERROR)). Owned. */
#define GET(call) (c->failed ? NULL : (check_status(HERE, call, #call), check_take(c)))
/* object.name(arguments...), one request. The arguments are consumed, the result is owned. */
#define CALL(object, ...) (c->failed ? NULL : check_call(HERE, object, NULL, __VA_ARGS__, END))
/* The same with keywords, which are consumed: KEYWORDS("a", I(1), "b", I(2)). */
#define CALL_WITH(object, keywords, ...) (c->failed ? NULL : check_call(HERE, object, keywords, __VA_ARGS__, END))
#define KEYWORDS(...)                                                                                                  \
    check_keywords((const void *[]){__VA_ARGS__}, sizeof((const void *[]){__VA_ARGS__}) / sizeof(void *))
/* For RAISES: the status of such a call. */
#define TRY(object, ...) check_try(c, object, NULL, __VA_ARGS__, END)
#define TRY_WITH(object, keywords, ...) check_try(c, object, keywords, __VA_ARGS__, END)
/* object(arguments...) */
#define INVOKE(object, ...) GET(rpyc_object_call(object, ITEMS(__VA_ARGS__), NULL, OUT, ERROR))
#define ATTRIBUTE(object, name) GET(rpyc_object_get_attr(object, name, OUT, ERROR))
/* The object in a value, which is consumed. */
#define OBJECT(value) (c->failed ? NULL : check_object(HERE, value))
/* The object at a place in a tuple. */
#define OBJECT_AT(tuple, index) OBJECT(rpyc_value_clone(rpyc_value_item(tuple, index)))
/* A C function as an object. */
#define FUNCTION(function, signature, userdata) (c->failed ? NULL : check_function(HERE, function, signature, userdata))
/* An object that was just made, to be freed with the check. */
#define KEEP(object) (c->failed ? NULL : check_keep(HERE, object))
/* All items of an iterable as a tuple: one request each, or (CHUNKS) fetched many at a time. */
#define LIST(object) (c->failed ? NULL : check_list(HERE, object))
#define CHUNKS(object) (c->failed ? NULL : check_chunks(HERE, object))

/* Gives an object up before the check ends. */
void check_drop(struct check *c, rpyc_object *object);

/* ---------------------------------------------------------------- behind the macros (interop_client_check.c) */

extern const char check_end[];
#define END ((rpyc_value *)(uintptr_t)check_end)

void check_fail(struct check *c, const char *file, int line, const char *format, ...);
void check_equal(struct check *c, const char *file, int line, rpyc_value *got, rpyc_value *want);
void check_status(struct check *c, const char *file, int line, rpyc_status status, const char *call);
void check_raises(struct check *c, const char *file, int line, rpyc_status status, const char *name, const char *call);
void check_fails(struct check *c, const char *file, int line, rpyc_status status, rpyc_status want, const char *call);
rpyc_value **check_out(struct check *c);
rpyc_error **check_error(struct check *c);
rpyc_value *check_take(struct check *c);
rpyc_value *check_call(struct check *c, const char *file, int line, rpyc_object *object, rpyc_value *keywords,
                       const char *name, ...);
rpyc_status check_try(struct check *c, rpyc_object *object, rpyc_value *keywords, const char *name, ...);
rpyc_value *check_keywords(const void *const *names_and_values, size_t count);
rpyc_object *check_object(struct check *c, const char *file, int line, rpyc_value *value);
rpyc_object *check_function(struct check *c, const char *file, int line, rpyc_method_fn function, const char *signature,
                            void *userdata);
rpyc_object *check_keep(struct check *c, const char *file, int line, rpyc_object *object);
rpyc_value *check_list(struct check *c, const char *file, int line, rpyc_object *object);
rpyc_value *check_chunks(struct check *c, const char *file, int line, rpyc_object *object);
void check_finish(struct check *c); /* frees what the check still has */

/* ---------------------------------------------------------------- what the client lends (interop_client_local.c) */

rpyc_status local_init(rpyc_error **error_out);
void local_free(void);
rpyc_class *client_root_service(void);      /* double, join, refuse; borrowed */
rpyc_object *local_thing(const char *name); /* hello(*args), name, str, repr, len; hides `secret` */

#endif
