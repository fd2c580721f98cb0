/* Iterators that travel by reference, and the classes of all containers. */
#include "interop.h"

#include <stdlib.h>

static rpyc_class *iterator_class;

struct iterator {
    iterator_step step;
    void *state;
    rpyc_free_fn state_free;
};

static void iterator_free(void *self)
{
    struct iterator *iterator = self;
    iterator->state_free(iterator->state);
    free(iterator);
}

static void return_itself(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_object(call, rpyc_call_target(call));
}

static void iterator_next(rpyc_call *call, void *self)
{
    struct iterator *iterator = self;
    iterator->step(call, iterator->state);
}

static const rpyc_method iterator_methods[] = {
    {"__iter__", return_itself, "__iter__()", NULL, 0},
    {"__next__", iterator_next, "__next__()", NULL, 0},
};

rpyc_object *iterator_object(iterator_step step, void *state, rpyc_free_fn state_free)
{
    rpyc_object *object = NULL;
    struct iterator *iterator = malloc(sizeof *iterator);
    if (iterator == NULL) {
        state_free(state);
        return NULL;
    }
    *iterator = (struct iterator){step, state, state_free};
    rpyc_object_new(iterator_class, iterator, iterator_free, &object, NULL);
    return object;
}

struct items_state {
    rpyc_value **items;
    size_t count, next;
};

static void items_state_free(void *state)
{
    struct items_state *items = state;
    free_values(items->items, items->count);
    free(items);
}

static void items_step(rpyc_call *call, void *state)
{
    struct items_state *items = state;
    if (items->next < items->count)
        answer(call, rpyc_value_clone(items->items[items->next++]));
    else
        raise_stop_iteration(call);
}

rpyc_object *iterator_over(rpyc_value **items, size_t count)
{
    struct items_state *state = items != NULL ? malloc(sizeof *state) : NULL;
    if (state == NULL) {
        free_values(items, items != NULL ? count : 0);
        return NULL;
    }
    *state = (struct items_state){items, count, 0};
    return iterator_object(items_step, state, items_state_free);
}

rpyc_object *items_iterator(const rpyc_value *sequence)
{
    size_t count = 0;
    rpyc_value **items = cloned_items(sequence, &count);
    return iterator_over(items, count);
}

/* ---------------------------------------------------------------- classes under the names that every peer knows */

rpyc_status builtin_class(const char *name, const rpyc_method *methods, size_t count, uint64_t flags,
                          rpyc_class **class_out, rpyc_error **error_out)
{
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .module = "builtins",
        .name = name,
        .flags = flags,
        .methods = methods,
        .method_count = count,
    };
    return rpyc_class_new(&table, NULL, NULL, class_out, error_out);
}

rpyc_status containers_init(rpyc_error **error_out)
{
    rpyc_status status = builtin_class("generator", iterator_methods, COUNT(iterator_methods), RPYC_CLASS_SERIAL,
                                       &iterator_class, error_out);
    if (status == RPYC_OK)
        status = list_init(error_out);
    if (status == RPYC_OK)
        status = dict_init(error_out);
    return status;
}

void containers_free(void)
{
    list_free_class();
    dict_free_class();
    rpyc_class_free(iterator_class);
    iterator_class = NULL;
}
