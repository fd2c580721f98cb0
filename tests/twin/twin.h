/* The native half of the random twin: the same things, the same service, and a client that is told what to do. */
#ifndef TWIN_H
#define TWIN_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "interop.h"

/* ---------------------------------------------------------------- things.c, item.c: things.py */

rpyc_status things_init(rpyc_error **error_out); /* the classes; once, before the first object */
void things_free(void);
rpyc_status items_init(rpyc_error **error_out);
void items_free(void);
rpyc_class *item_class(bool derived);
/* NULL where the rank does not fit: the call has got its exception. */
rpyc_object *new_item(rpyc_call *call, const rpyc_class *klass, const rpyc_value *rank);

/* What make() makes of a kind and arguments; answers the call. */
void make_thing(rpyc_call *call, const rpyc_value *kind, const rpyc_value *args);
/* The same without a peer. NULL: it cannot be made; *error_out has why. */
rpyc_value *local_thing(const rpyc_value *kind, const rpyc_value *args, rpyc_error **error_out);
/* value.exposed_mix, which items and the service have. */
void mix(rpyc_call *call, void *self);

/* The object in a value, owned; NULL: it is plain data, and the call has got its TypeError. */
rpyc_object *held(rpyc_call *call, const rpyc_value *value);
/* function(*args, **keywords); keywords may be NULL. Answers the call. */
void pass_call(rpyc_call *call, const rpyc_value *function, const rpyc_value *args, const rpyc_value *keywords);

/* ---------------------------------------------------------------- service.c: service.py */

rpyc_status service_new(rpyc_class **service_out, rpyc_error **error_out);

/* ---------------------------------------------------------------- client.c */

/* The service through which a driver tells the client what to ask a server. */
rpyc_status driven_client_new(rpyc_class **service_out, rpyc_error **error_out);

/* ---------------------------------------------------------------- bridge.c */

rpyc_status bridge_new(char *address, rpyc_class **service_out, rpyc_error **error_out);

#endif
