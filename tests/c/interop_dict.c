/* Dicts that travel by reference, and the mapping inside them. */
#include "interop.h"

#include <stdlib.h>
#include <string.h>

static rpyc_class *dict_class;

/* ---------------------------------------------------------------- mappings */

static size_t mapping_find(const struct mapping *mapping, const rpyc_value *key)
{
    size_t at = 0;
    while (at < mapping->count && !rpyc_value_equal(mapping->keys[at], key))
        at++;
    return at;
}

const rpyc_value *mapping_get(const struct mapping *mapping, const rpyc_value *key)
{
    size_t at = mapping_find(mapping, key);
    return at < mapping->count ? mapping->values[at] : NULL;
}

static bool mapping_grow(struct mapping *mapping)
{
    if (mapping->count < mapping->capacity)
        return true;
    size_t capacity = mapping->capacity > 0 ? 2 * mapping->capacity : 4;
    rpyc_value **keys = realloc(mapping->keys, capacity * sizeof *keys);
    if (keys != NULL)
        mapping->keys = keys;
    rpyc_value **values = realloc(mapping->values, capacity * sizeof *values);
    if (values != NULL)
        mapping->values = values;
    if (keys == NULL || values == NULL)
        return false;
    mapping->capacity = capacity;
    return true;
}

bool mapping_set(struct mapping *mapping, rpyc_value *key, rpyc_value *value, rpyc_value *displaced[2])
{
    size_t at = mapping_find(mapping, key);
    displaced[0] = key;
    displaced[1] = value;
    if (key == NULL || value == NULL)
        return false;
    if (at < mapping->count) { /* as in Python the first key stays */
        displaced[1] = mapping->values[at];
        mapping->values[at] = value;
        return true;
    }
    if (!mapping_grow(mapping))
        return false;
    mapping->keys[at] = key;
    mapping->values[at] = value;
    mapping->count++;
    displaced[0] = displaced[1] = NULL;
    return true;
}

bool mapping_delete(struct mapping *mapping, const rpyc_value *key, rpyc_value *displaced[2])
{
    size_t at = mapping_find(mapping, key);
    displaced[0] = displaced[1] = NULL;
    if (at == mapping->count)
        return false;
    displaced[0] = mapping->keys[at];
    displaced[1] = mapping->values[at];
    mapping->count--;
    memmove(mapping->keys + at, mapping->keys + at + 1, (mapping->count - at) * sizeof *mapping->keys);
    memmove(mapping->values + at, mapping->values + at + 1, (mapping->count - at) * sizeof *mapping->values);
    return true;
}

void mapping_clear(struct mapping *mapping)
{
    free_values(mapping->keys, mapping->count);
    free_values(mapping->values, mapping->count);
    *mapping = (struct mapping){0};
}

/* ---------------------------------------------------------------- dicts
 * Calls for one never overlap: the class is serial. */

static void dict_free(void *self)
{
    mapping_clear(self);
    free(self);
}

rpyc_object *dict_object(rpyc_value *const *keys, rpyc_value *const *values, size_t count)
{
    rpyc_object *object = NULL;
    struct mapping *dict = calloc(1, sizeof *dict);
    bool complete = dict != NULL;
    for (size_t i = 0; i < count; i++) {
        rpyc_value *displaced[2] = {keys[i], values[i]};
        if (complete)
            complete = mapping_set(dict, keys[i], values[i], displaced);
        rpyc_value_free(displaced[0]);
        rpyc_value_free(displaced[1]);
    }
    if (complete)
        rpyc_object_new(dict_class, dict, dict_free, &object, NULL);
    else if (dict != NULL)
        dict_free(dict);
    return object;
}

static void dict_length(rpyc_call *call, void *self)
{
    rpyc_call_return_int(call, (int64_t)((struct mapping *)self)->count);
}

static void dict_get(rpyc_call *call, void *self)
{
    const rpyc_value *value = mapping_get(self, rpyc_call_arg(call, 0));
    if (value != NULL)
        rpyc_call_return(call, rpyc_value_clone(value));
    else
        raise_key_error(call, rpyc_call_arg(call, 0));
}

static void dict_set(rpyc_call *call, void *self)
{
    rpyc_value *displaced[2];
    rpyc_value *key = rpyc_value_clone(rpyc_call_arg(call, 0)), *value = rpyc_value_clone(rpyc_call_arg(call, 1));
    if (mapping_set(self, key, value, displaced))
        rpyc_call_return(call, NULL);
    else
        answer(call, NULL);
    rpyc_value_free(displaced[0]);
    rpyc_value_free(displaced[1]);
}

static void dict_delete(rpyc_call *call, void *self)
{
    rpyc_value *displaced[2];
    if (mapping_delete(self, rpyc_call_arg(call, 0), displaced))
        rpyc_call_return(call, NULL);
    else
        raise_key_error(call, rpyc_call_arg(call, 0));
    rpyc_value_free(displaced[0]);
    rpyc_value_free(displaced[1]);
}

static void dict_contains(rpyc_call *call, void *self)
{
    rpyc_call_return_bool(call, mapping_get(self, rpyc_call_arg(call, 0)) != NULL);
}

static rpyc_value **clone_all(rpyc_value *const *values, size_t count)
{
    rpyc_value **clones = calloc(count + 1, sizeof *clones);
    for (size_t i = 0; clones != NULL && i < count; i++)
        clones[i] = rpyc_value_clone(values[i]);
    return clones;
}

static void dict_iterate(rpyc_call *call, void *self)
{
    struct mapping *dict = self;
    answer_object(call, iterator_over(clone_all(dict->keys, dict->count), dict->count));
}

static void dict_repr(rpyc_call *call, void *self)
{
    struct mapping *dict = self;
    rpyc_value **keys = clone_all(dict->keys, dict->count), **values = clone_all(dict->values, dict->count);
    rpyc_value *snapshot = NULL;
    if (keys != NULL && values != NULL) {
        rpyc_value_new_dict(keys, values, dict->count, &snapshot, NULL);
        free(keys);
        free(values);
    } else {
        free_values(keys, keys != NULL ? dict->count : 0);
        free_values(values, values != NULL ? dict->count : 0);
    }
    answer(call, rpyc_value_repr(snapshot));
    rpyc_value_free(snapshot);
}

static const rpyc_method dict_methods[] = {
    {"__len__", dict_length, "__len__()", NULL, RPYC_METHOD_QUICK},
    {"__getitem__", dict_get, "__getitem__(key)", NULL, RPYC_METHOD_QUICK},
    {"__setitem__", dict_set, "__setitem__(key, value)", NULL, RPYC_METHOD_QUICK},
    {"__delitem__", dict_delete, "__delitem__(key)", NULL, RPYC_METHOD_QUICK},
    {"__contains__", dict_contains, "__contains__(key)", NULL, RPYC_METHOD_QUICK},
    {"__iter__", dict_iterate, "__iter__()", NULL, RPYC_METHOD_QUICK},
    {"__repr__", dict_repr, "__repr__()", NULL, 0},
};

rpyc_status dict_init(rpyc_error **error_out)
{
    return builtin_class("dict", dict_methods, COUNT(dict_methods), RPYC_CLASS_SERIAL, &dict_class, error_out);
}

void dict_free_class(void)
{
    rpyc_class_free(dict_class);
    dict_class = NULL;
}
