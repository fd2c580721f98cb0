/* The parts of interop_server: the service of tests/peers/contract.md. */
#ifndef INTEROP_SERVER_H
#define INTEROP_SERVER_H

#include "interop.h"

#include <pthread.h>

/* What each connection has of its own. */
struct root {
    pthread_mutex_t lock; /* calls on one connection may run in several threads */
    rpyc_value *held;     /* by hold(), or NULL */
    rpyc_object *shared;  /* the Item that shared() gives */
};

typedef void handler(rpyc_call *call, void *self);

/* interop_server_values.c: values, exceptions, bulk */
handler root_implementation, root_add, root_echo, root_kind, root_sample, root_concat, root_defaults, root_nothing;
handler root_fail, root_divide, root_blob, root_zeros, root_digest;

/* interop_server_calls.c: calls back to the client, time */
handler root_call, root_call_n, root_call_catch, root_recurse, root_call_method, root_describe, root_total;
handler root_ask_root, root_later, root_slow, root_slow_fail;

/* interop_server_objects.c: objects that are handed out, and the client's that are held */
handler root_hold, root_get_held, root_release, root_is_same, root_make, root_make_sub, root_classes, root_shared;
handler root_live, root_collect, root_make_list, root_make_dict, root_gen, root_gen_fail, root_mixed, root_ctx;
handler root_adder;
rpyc_status objects_init(rpyc_error **error_out);
void objects_free(void);

/* interop_server_service.c */
rpyc_status service_new(rpyc_class **service_out, rpyc_error **error_out);

/* interop_server_item.c */
rpyc_status items_init(rpyc_error **error_out); /* the classes Item and SubItem */
void items_free(void);
rpyc_class *item_class(void), *sub_item_class(void);                  /* borrowed */
rpyc_object *item_object(const rpyc_class *klass, rpyc_value *label); /* the label, a str, is consumed */
int64_t live_items(void);

/* interop_server_later.c: work that is done in a thread of its own, after a while */
typedef void (*later_fn)(void *data, bool cancelled);
/* Calls work once, after delay or, cancelled, when later_stop is called. false: it never will be. */
bool later(double delay, later_fn work, void *data);
void later_stop(void);

#endif
