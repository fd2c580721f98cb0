/* Classes as data for the session, tables of functions for this program; requests find their function again. */
#include "bare.h"

#include <stdlib.h>
#include <string.h>

struct bare_class {
    rpyc_class_table table; /* what it points to is constant or copied; base is a bare_class */
    struct bare_member *members;
    rpyc_session_member *described;
    size_t count;
    void *userdata;
};

rpyc_status bare_class_new(const rpyc_class_table *table, void *userdata, rpyc_free_fn userdata_free,
                           bare_class **class_out, rpyc_error **error_out)
{
    bare_class *klass = calloc(1, sizeof *klass);
    (void)userdata_free;
    *class_out = klass;
    if (klass == NULL)
        return bare_fail(RPYC_ERR_STATE, "no memory", error_out);
    klass->table = *table;
    klass->userdata = userdata;
    klass->count = table->method_count + table->property_count;
    klass->members = calloc(klass->count + 1, sizeof *klass->members);
    klass->described = calloc(klass->count + 1, sizeof *klass->described);
    for (size_t i = 0; i < klass->count; i++) {
        struct bare_member *member = &klass->members[i];
        rpyc_session_member *described = &klass->described[i];
        described->id = (uintptr_t)member;
        if (i < table->method_count) {
            const rpyc_method *method = &table->methods[i];
            member->call = method->call;
            described->name = method->name;
            described->signature = method->signature;
            described->doc = method->doc;
            described->kind = RPYC_MEMBER_METHOD;
        } else {
            const rpyc_property *property = &table->properties[i - table->method_count];
            member->get = property->get;
            member->set = property->set;
            member->del = property->del;
            described->name = property->name;
            described->doc = property->doc;
            described->kind = RPYC_MEMBER_PROPERTY;
            described->access = (property->get != NULL ? RPYC_ACCESS_GET : 0) |
                                (property->set != NULL ? RPYC_ACCESS_SET : 0) |
                                (property->del != NULL ? RPYC_ACCESS_DEL : 0);
        }
    }
    return RPYC_OK;
}

void bare_class_free(bare_class *klass)
{
    if (klass == NULL)
        return;
    free(klass->members);
    free(klass->described);
    free(klass);
}

static const bare_class *base_of(const bare_class *klass)
{
    return (const bare_class *)(const void *)klass->table.base;
}

/* Each connection has its own: calling a class is told to the session that lent it. */
static rpyc_class *real_class(bare_connection *connection, const bare_class *klass, rpyc_error **error_out)
{
    if (klass == NULL)
        return NULL;
    for (struct bare_known_class *known = connection->classes; known != NULL; known = known->next)
        if (known->klass == klass)
            return known->real;
    struct bare_known_class *known = calloc(1, sizeof *known);
    if (known == NULL)
        return NULL;
    rpyc_session_class_table table = {
        .struct_size = sizeof table,
        .member_size = sizeof *klass->described,
        .module = klass->table.module,
        .name = klass->table.name,
        .doc = klass->table.doc,
        .base = real_class(connection, base_of(klass), error_out),
        .flags = klass->table.construct != NULL ? RPYC_SESSION_CLASS_CALLABLE : 0,
        .members = klass->described,
        .member_count = klass->count,
        .aliases = klass->table.aliases,
        .alias_count = klass->table.alias_count,
    };
    if (rpyc_session_class_new(connection->session, (uintptr_t)klass, &table, &known->real, error_out) != RPYC_OK) {
        free(known);
        return NULL;
    }
    known->klass = klass;
    known->next = connection->classes;
    connection->classes = known;
    return known->real;
}

rpyc_class *bare_real_class(bare_connection *connection, const bare_class *klass, rpyc_error **error_out)
{
    pthread_mutex_lock(&connection->classes_lock);
    rpyc_class *real = real_class(connection, klass, error_out);
    pthread_mutex_unlock(&connection->classes_lock);
    return real;
}

/* ---------------------------------------------------------------- objects */

static struct bare_object *new_object(bare_connection *connection, struct bare_object described)
{
    struct bare_object *object = malloc(sizeof *object);
    if (object == NULL)
        return NULL;
    *object = described;
    pthread_mutex_lock(&connection->classes_lock);
    object->next = connection->objects;
    object->link = &connection->objects;
    if (object->next != NULL)
        object->next->link = &object->next;
    connection->objects = object;
    pthread_mutex_unlock(&connection->classes_lock);
    return object;
}

rpyc_status bare_object_new(const bare_class *klass, void *self, rpyc_free_fn self_free, rpyc_object **object_out,
                            rpyc_error **error_out)
{
    bare_connection *connection = bare_current();
    *object_out = NULL;
    struct bare_object described = {.self = self, .self_free = self_free, .klass = klass};
    struct bare_object *object = connection != NULL ? new_object(connection, described) : NULL;
    if (object == NULL)
        return bare_fail(RPYC_ERR_STATE, "there is no connection to make an object for", error_out);
    rpyc_class *real = bare_real_class(connection, klass, error_out);
    return rpyc_session_object_new(connection->session, real, (uintptr_t)object, object_out, error_out);
}

rpyc_status bare_function_new(const char *name, rpyc_method_fn call, const char *signature, const char *doc,
                              uint64_t flags, void *userdata, rpyc_free_fn userdata_free, rpyc_object **object_out,
                              rpyc_error **error_out)
{
    bare_connection *connection = bare_current();
    (void)flags;
    *object_out = NULL;
    struct bare_object described = {.self = userdata, .self_free = userdata_free, .call = call};
    struct bare_object *object = connection != NULL ? new_object(connection, described) : NULL;
    if (object == NULL)
        return bare_fail(RPYC_ERR_STATE, "there is no connection to make a function for", error_out);
    return rpyc_session_function_new(connection->session, (uintptr_t)object, name, signature, doc, object_out,
                                     error_out);
}

static bool derives(const bare_class *klass, const bare_class *ancestor)
{
    return klass != NULL && (klass == ancestor || derives(base_of(klass), ancestor));
}

void *bare_object_self(const rpyc_object *object, const bare_class *klass)
{
    uint64_t token = 0;
    if (!rpyc_object_token(object, &token))
        return NULL;
    struct bare_object *own = (struct bare_object *)(uintptr_t)token;
    return klass == NULL || derives(own->klass, klass) ? own->self : NULL;
}

rpyc_status bare_class_object(const bare_class *klass, rpyc_object **object_out, rpyc_error **error_out)
{
    bare_connection *connection = bare_current();
    rpyc_class *real = connection != NULL ? bare_real_class(connection, klass, error_out) : NULL;
    return rpyc_class_object(real, object_out, error_out);
}

/* ---------------------------------------------------------------- roots */

void *bare_make_self(const bare_class *service)
{
    return service->table.create != NULL ? service->table.create(NULL, service->userdata) : service->userdata;
}

struct bare_object *bare_root_of(const bare_class *service, void *self)
{
    rpyc_free_fn destroy = service->table.create != NULL ? service->table.destroy : NULL;
    return new_object(bare_current(), (struct bare_object){.self = self, .self_free = destroy, .klass = service});
}

void bare_hook(const bare_class *service, bare_connection *connection, bool ends)
{
    void (*hook)(rpyc_connection *, void *) = service == NULL ? NULL
                                              : ends          ? service->table.on_disconnect
                                                              : service->table.on_connect;
    if (hook != NULL)
        hook((rpyc_connection *)(void *)connection, connection->self);
}

/* ---------------------------------------------------------------- requests */

void bare_serve_request(bare_connection *connection, const rpyc_session_event *event)
{
    (void)connection;
    rpyc_call *call = event->call;
    if (event->asks == RPYC_ASK_CONSTRUCT) {
        const bare_class *klass = (const bare_class *)(uintptr_t)event->token;
        klass->table.construct(call, klass->userdata);
        rpyc_call_free(call);
        return;
    }
    struct bare_object *object = (struct bare_object *)(uintptr_t)event->token;
    struct bare_member *member =
        event->member != RPYC_MEMBER_NONE ? (struct bare_member *)(uintptr_t)event->member : NULL;
    rpyc_method_fn run = member == NULL                 ? object->call
                         : event->asks == RPYC_ASK_CALL ? member->call
                         : event->asks == RPYC_ASK_GET  ? member->get
                         : event->asks == RPYC_ASK_SET  ? member->set
                                                        : member->del;
    run(call, object->self);
    rpyc_call_free(call); /* what was deferred has another handle */
}
