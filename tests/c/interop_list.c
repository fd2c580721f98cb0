/* Lists that travel by reference. */
#define _POSIX_C_SOURCE 200809L
#include "interop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static rpyc_class *list_class;

struct list {
    pthread_mutex_t lock; /* iterators read a list outside its own calls */
    rpyc_value **items;
    size_t count;
};

static void list_free(void *self)
{
    struct list *list = self;
    free_values(list->items, list->count);
    pthread_mutex_destroy(&list->lock);
    free(list);
}

rpyc_object *list_object(rpyc_value *const *items, size_t count)
{
    rpyc_object *object = NULL;
    struct list *list = calloc(1, sizeof *list);
    rpyc_value **copy = calloc(count + 1, sizeof *copy);
    if (list == NULL || copy == NULL || pthread_mutex_init(&list->lock, NULL) != 0) {
        for (size_t i = 0; i < count; i++)
            rpyc_value_free(items[i]);
        free(copy);
        free(list);
        return NULL;
    }
    if (count > 0)
        memcpy(copy, items, count * sizeof *copy);
    list->items = copy;
    list->count = count;
    rpyc_object_new(list_class, list, list_free, &object, NULL);
    return object;
}

static void list_length(rpyc_call *call, void *self)
{
    struct list *list = self;
    pthread_mutex_lock(&list->lock);
    size_t count = list->count;
    pthread_mutex_unlock(&list->lock);
    rpyc_call_return_int(call, (int64_t)count);
}

/* What is wrong with an index or a slice: an exception, raised when the list is unlocked again. */
struct problem {
    const char *name, *message;
};
static const struct problem FINE = {NULL, NULL};

/* A bound of a slice, counted from the front and held within low and high; false: not an int. */
static bool slice_bound(const rpyc_value *value, int64_t absent, int64_t count, int64_t low, int64_t high, int64_t *out)
{
    if (rpyc_value_kind(value) == RPYC_VALUE_NONE) {
        *out = absent;
        return true;
    }
    double rough = 0;
    rpyc_status status = rpyc_value_get_int(value, out, NULL);
    if (status == RPYC_ERR_RANGE && !rpyc_value_get_float(value, &rough, NULL))
        *out = rough < 0 ? low : high;
    else if (status != RPYC_OK)
        return false;
    else if (*out < 0)
        *out += count;
    *out = *out < low ? low : *out > high ? high : *out;
    return true;
}

/* Some of the positions of a list: start + i * step for i below length. */
struct positions {
    int64_t start, step;
    size_t length;
};

/* Python's slice.indices(). */
static struct problem slice_positions(const rpyc_value *slice, size_t size, struct positions *out)
{
    static const struct problem not_int = {"TypeError", "slice indices must be integers or None"};
    int64_t count = (int64_t)size, step = 1, stop = 0;
    if (!slice_bound(rpyc_value_item(slice, 2), 1, 0, -count - 1, count + 1, &step))
        return not_int; /* a longer step makes no difference */
    if (step == 0)
        return (struct problem){"ValueError", "slice step cannot be zero"};
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? count - 1 : count;
    int64_t first = step < 0 ? high : low, last = step < 0 ? low : high;
    if (!slice_bound(rpyc_value_item(slice, 0), first, count, low, high, &out->start) ||
        !slice_bound(rpyc_value_item(slice, 1), last, count, low, high, &stop))
        return not_int;
    int64_t distance = step > 0 ? stop - out->start : out->start - stop;
    out->step = step;
    out->length = distance > 0 ? (size_t)((distance - 1) / (step > 0 ? step : -step) + 1) : 0;
    return FINE;
}

static struct problem index_position(const rpyc_value *index, size_t count, struct positions *out)
{
    int64_t at = -1;
    rpyc_status status = rpyc_value_get_int(index, &at, NULL);
    if (status != RPYC_OK && status != RPYC_ERR_RANGE)
        return (struct problem){"TypeError", "list indices must be integers or slices"};
    if (status == RPYC_OK && at < 0)
        at += (int64_t)count;
    if (status != RPYC_OK || at < 0 || at >= (int64_t)count)
        return (struct problem){"IndexError", "list index out of range"};
    *out = (struct positions){at, 1, 1};
    return FINE;
}

static struct problem key_positions(const rpyc_value *key, size_t count, struct positions *out)
{
    if (rpyc_value_kind(key) == RPYC_VALUE_SLICE)
        return slice_positions(key, count, out);
    return index_position(key, count, out);
}

static void list_get(rpyc_call *call, void *self)
{
    struct list *list = self;
    const rpyc_value *key = rpyc_call_arg(call, 0);
    struct positions at = {0};
    rpyc_value **found = NULL;
    pthread_mutex_lock(&list->lock);
    struct problem problem = key_positions(key, list->count, &at);
    if (problem.name == NULL && (found = calloc(at.length + 1, sizeof *found)) != NULL)
        for (size_t i = 0; i < at.length; i++)
            found[i] = rpyc_value_clone(list->items[at.start + (int64_t)i * at.step]);
    pthread_mutex_unlock(&list->lock);
    if (problem.name != NULL)
        rpyc_call_raise(call, problem.name, problem.message);
    else if (rpyc_value_kind(key) == RPYC_VALUE_SLICE)
        answer_object(call, found != NULL ? list_object(found, at.length) : NULL);
    else
        answer(call, found != NULL ? found[0] : NULL);
    free(found);
}

static void list_set(rpyc_call *call, void *self)
{
    struct list *list = self;
    struct positions at = {0};
    if (rpyc_value_kind(rpyc_call_arg(call, 0)) == RPYC_VALUE_SLICE) {
        raise_type_error(call, "this list does not take assignments to slices");
        return;
    }
    rpyc_value *spare = rpyc_value_clone(rpyc_call_arg(call, 1));
    pthread_mutex_lock(&list->lock);
    struct problem problem = index_position(rpyc_call_arg(call, 0), list->count, &at);
    if (problem.name == NULL) {
        rpyc_value *old = list->items[at.start];
        list->items[at.start] = spare;
        spare = old;
    }
    pthread_mutex_unlock(&list->lock);
    rpyc_value_free(spare);
    if (problem.name != NULL)
        rpyc_call_raise(call, problem.name, problem.message);
    else
        rpyc_call_return(call, NULL);
}

/* Moves the items at those positions out of the list. */
static void take_out(struct list *list, struct positions at, rpyc_value **removed)
{
    for (size_t i = 0; i < at.length; i++) {
        removed[i] = list->items[at.start + (int64_t)i * at.step];
        list->items[at.start + (int64_t)i * at.step] = NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->items[i] != NULL)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

static void list_delete(rpyc_call *call, void *self)
{
    struct list *list = self;
    struct positions at = {0};
    rpyc_value **removed = NULL;
    pthread_mutex_lock(&list->lock);
    struct problem problem = key_positions(rpyc_call_arg(call, 0), list->count, &at);
    if (problem.name == NULL && (removed = calloc(at.length + 1, sizeof *removed)) != NULL)
        take_out(list, at, removed);
    pthread_mutex_unlock(&list->lock);
    if (problem.name != NULL)
        rpyc_call_raise(call, problem.name, problem.message);
    else if (removed == NULL)
        answer(call, NULL);
    else
        rpyc_call_return(call, NULL);
    free_values(removed, removed != NULL ? at.length : 0);
}

static void list_contains(rpyc_call *call, void *self)
{
    struct list *list = self;
    bool found = false;
    pthread_mutex_lock(&list->lock);
    for (size_t i = 0; i < list->count && !found; i++)
        found = rpyc_value_equal(list->items[i], rpyc_call_arg(call, 0));
    pthread_mutex_unlock(&list->lock);
    rpyc_call_return_bool(call, found);
}

static void list_repr(rpyc_call *call, void *self)
{
    struct list *list = self;
    rpyc_value *snapshot = NULL;
    pthread_mutex_lock(&list->lock);
    rpyc_value **items = calloc(list->count + 1, sizeof *items);
    for (size_t i = 0; items != NULL && i < list->count; i++)
        items[i] = rpyc_value_clone(list->items[i]);
    size_t count = list->count;
    pthread_mutex_unlock(&list->lock);
    if (items != NULL)
        rpyc_value_new_list(items, count, &snapshot, NULL);
    free(items);
    answer(call, rpyc_value_repr(snapshot));
    rpyc_value_free(snapshot);
}

struct list_state {
    rpyc_object *object;
    struct list *list; /* alive as long as the object */
    size_t next;
};

static void list_state_free(void *state)
{
    rpyc_object_free(((struct list_state *)state)->object);
    free(state);
}

static void list_step(rpyc_call *call, void *state)
{
    struct list_state *at = state;
    rpyc_value *item = NULL;
    pthread_mutex_lock(&at->list->lock);
    if (at->next < at->list->count)
        item = rpyc_value_clone(at->list->items[at->next++]);
    pthread_mutex_unlock(&at->list->lock);
    if (item != NULL)
        rpyc_call_return(call, item);
    else
        raise_stop_iteration(call);
}

static void list_iterate(rpyc_call *call, void *self)
{
    struct list_state *state = malloc(sizeof *state);
    if (state == NULL) {
        answer(call, NULL);
        return;
    }
    *state = (struct list_state){rpyc_object_clone(rpyc_call_target(call)), self, 0};
    answer_object(call, iterator_object(list_step, state, list_state_free));
}

static const rpyc_method list_methods[] = {
    {"__len__", list_length, "__len__()", NULL, RPYC_METHOD_QUICK},
    {"__getitem__", list_get, "__getitem__(key)", NULL, RPYC_METHOD_QUICK},
    {"__setitem__", list_set, "__setitem__(key, value)", NULL, RPYC_METHOD_QUICK},
    {"__delitem__", list_delete, "__delitem__(key)", NULL, RPYC_METHOD_QUICK},
    {"__contains__", list_contains, "__contains__(item)", NULL, RPYC_METHOD_QUICK},
    {"__iter__", list_iterate, "__iter__()", NULL, RPYC_METHOD_QUICK},
    {"__repr__", list_repr, "__repr__()", NULL, 0},
};

rpyc_status list_init(rpyc_error **error_out)
{
    return builtin_class("list", list_methods, COUNT(list_methods), 0, &list_class, error_out);
}

void list_free_class(void)
{
    rpyc_class_free(list_class);
    list_class = NULL;
}
