/* What things.py has beside items: functions, generators, files, bags. */
#define _POSIX_C_SOURCE 200809L
#include "twin.h"

#include <stdio.h>
#include <unistd.h>

static rpyc_class *bag_class, *bare_thing_class;

/* ---------------------------------------------------------------- calls */

rpyc_object *held(rpyc_call *call, const rpyc_value *value)
{
    rpyc_object *object = NULL;
    if (rpyc_value_get_object(value, &object, NULL))
        raise_type_error(call, "no object");
    return object;
}

void pass_call(rpyc_call *call, const rpyc_value *function, const rpyc_value *args, const rpyc_value *keywords)
{
    rpyc_object *object = held(call, function);
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    size_t count = 0;
    if (object == NULL)
        return;
    rpyc_value **items = cloned_items(args, &count);
    rpyc_object_call(object, items, count, keywords != NULL ? rpyc_value_clone(keywords) : NULL, &result, &error);
    free(items);
    answer_or_raise(call, result, error);
    rpyc_object_free(object);
}

void mix(rpyc_call *call, void *self)
{
    (void)self;
    answer(call, TUPLE(rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_clone(rpyc_call_arg(call, 1)),
                       rpyc_value_clone(rpyc_call_arg(call, 2)), rpyc_value_clone(rpyc_call_arg(call, 3)),
                       sorted_pairs(rpyc_call_arg(call, 4))));
}

/* ---------------------------------------------------------------- functions */

static void pair(rpyc_call *call, void *self)
{
    (void)self;
    answer(call, TUPLE(rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_clone(rpyc_call_arg(call, 1))));
}

static void boom(rpyc_call *call, void *self)
{
    (void)self;
    size_t count = 0;
    rpyc_value **items = cloned_items(rpyc_call_arg(call, 0), &count);
    rpyc_call_raise_with(call, "builtins", "ValueError", items, count, NULL);
    free(items);
}

static void stop(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_raise(call, "StopIteration", NULL);
}

static void ask(rpyc_call *call, void *self)
{
    (void)self;
    pass_call(call, rpyc_call_arg(call, 0), rpyc_call_arg(call, 1), rpyc_call_arg(call, 2));
}

static void add(rpyc_call *call, void *base)
{
    answer(call, TUPLE(rpyc_value_clone(base), rpyc_value_clone(rpyc_call_arg(call, 0)),
                       rpyc_value_clone(rpyc_call_arg(call, 1))));
}

static void tick(rpyc_call *call, void *count)
{
    rpyc_call_return_int(call, ++*(int64_t *)count);
}

static rpyc_object *function(const char *name, rpyc_method_fn code, const char *signature, void *userdata,
                             rpyc_free_fn userdata_free)
{
    rpyc_object *object = NULL;
    rpyc_function_new(name, code, signature, NULL, 0, userdata, userdata_free, &object, NULL);
    return object;
}

/* ---------------------------------------------------------------- generators */

struct items {
    rpyc_value **values;
    size_t count, next;
};

static void free_items(void *self)
{
    struct items *items = self;
    free_values(items->values, items->count);
    free(items);
}

static void next_item(rpyc_call *call, void *self)
{
    struct items *items = self;
    if (items->next == items->count) {
        rpyc_call_raise(call, "StopIteration", NULL);
        return;
    }
    rpyc_value *item = rpyc_value_clone(items->values[items->next++]);
    if (rpyc_value_str_equal(item, "raise")) {
        rpyc_call_raise(call, "LookupError", "raise");
        rpyc_value_free(item);
    } else {
        rpyc_call_return(call, item);
    }
}

static rpyc_object *generator(const rpyc_value *args)
{
    struct items *items = calloc(1, sizeof *items);
    rpyc_object *object = NULL;
    if (items == NULL)
        return NULL;
    items->values = cloned_items(args, &items->count);
    rpyc_generator_new(next_item, items, free_items, &object, NULL);
    return object;
}

/* ---------------------------------------------------------------- bags */

static bool begins_with(const char *text, size_t length, const char *start)
{
    return length >= strlen(start) && memcmp(text, start, strlen(start)) == 0;
}

static void bag_missing(rpyc_call *call, const char *name, size_t length)
{
    char text[600];
    if (begins_with(name, length, "_") || begins_with(name, length, "exposed_")) {
        rpyc_call_raise_with(call, "builtins", "AttributeError", ITEMS(text_value(name, length)), NULL);
    } else {
        int size = snprintf(text, sizeof text, "no %.*s", (int)length, name);
        rpyc_call_return_str(call, text, (size_t)size);
    }
}

static void bag_get(rpyc_call *call, void *self)
{
    const char *name = NULL;
    size_t length = 0;
    rpyc_value *value = NULL;
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    if (rpyc_dict_get(self, rpyc_value_clone(rpyc_call_arg(call, 0)), &value, NULL) == RPYC_OK && value != NULL)
        rpyc_call_return(call, value);
    else
        bag_missing(call, name, length);
}

static void bag_set(rpyc_call *call, void *self)
{
    rpyc_error *error = NULL;
    rpyc_dict_set(self, rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_clone(rpyc_call_arg(call, 1)), &error);
    answer_or_raise(call, rpyc_value_new_none(), error);
}

static void bag_del(rpyc_call *call, void *self)
{
    const char *name = NULL;
    size_t length = 0;
    bool found = false;
    char text[600];
    if (rpyc_call_get_str(call, 0, &name, &length))
        return;
    rpyc_dict_delete(self, rpyc_value_clone(rpyc_call_arg(call, 0)), &found, NULL);
    snprintf(text, sizeof text, "'Bag' object has no attribute '%.*s'", (int)length, name);
    if (found)
        rpyc_call_return(call, NULL);
    else
        rpyc_call_raise(call, "AttributeError", text);
}

static void free_object(void *object)
{
    rpyc_object_free(object);
}

static rpyc_object *bag(void)
{
    rpyc_object *dict = NULL, *object = NULL;
    rpyc_dict_new(NULL, NULL, 0, &dict, NULL);
    rpyc_object_new(bag_class, dict, free_object, &object, NULL);
    return object;
}

static void nothing(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, NULL);
}

/* ---------------------------------------------------------------- containers, files */

static rpyc_object *list(const rpyc_value *args)
{
    rpyc_object *object = NULL;
    size_t count = 0;
    rpyc_value **items = cloned_items(args, &count);
    rpyc_list_new(items, count, &object, NULL);
    free(items);
    return object;
}

static rpyc_object *dict(const rpyc_value *pairs, rpyc_error **error_out)
{
    rpyc_object *object = NULL;
    rpyc_value *nothing = NULL;
    rpyc_dict_new(NULL, NULL, 0, &object, NULL);
    if (rpyc_object_call_method(object, "update", ITEMS(rpyc_value_clone(pairs)), NULL, &nothing, error_out)) {
        rpyc_object_free(object);
        object = NULL;
    }
    rpyc_value_free(nothing);
    return object;
}

/* The library makes sets of keys of dicts. */
static rpyc_object *set(const rpyc_value *items, rpyc_error **error_out)
{
    rpyc_object *from = NULL, *keys = NULL, *made = NULL;
    rpyc_value *value = NULL;
    rpyc_dict_new(NULL, NULL, 0, &from, NULL);
    if (!rpyc_object_call_method(from, "keys", NULL, 0, NULL, &value, error_out))
        rpyc_value_get_object(value, &keys, NULL);
    rpyc_value_free(value);
    value = NULL;
    if (keys != NULL &&
        !rpyc_object_call_method(keys, "__or__", ITEMS(rpyc_value_clone(items)), NULL, &value, error_out))
        rpyc_value_get_object(value, &made, NULL);
    rpyc_value_free(value);
    rpyc_object_free(keys);
    rpyc_object_free(from);
    return made;
}

static rpyc_object *file(const rpyc_value *args, rpyc_error **error_out)
{
    char path[] = "/tmp/librpyc-twin-XXXXXX", mode[8] = "";
    const char *chars = NULL, *content = NULL;
    size_t mode_length = 0, length = 0;
    rpyc_object *object = NULL;
    int descriptor = mkstemp(path);
    rpyc_value_get_str(rpyc_value_item(args, 0), &chars, &mode_length, NULL);
    rpyc_value_get_str(rpyc_value_item(args, 1), &content, &length, NULL);
    if (descriptor < 0 || chars == NULL || mode_length >= sizeof mode || content == NULL)
        return NULL;
    memcpy(mode, chars, mode_length);
    unlink(path);
    if (write(descriptor, content, length) != (ssize_t)length || lseek(descriptor, 0, SEEK_SET) != 0)
        return NULL;
    rpyc_file_new(descriptor, mode, 1, &object, error_out);
    return object;
}

/* ---------------------------------------------------------------- by name */

static rpyc_object *class_object(const rpyc_class *klass)
{
    rpyc_object *object = NULL;
    rpyc_class_object(klass, &object, NULL);
    return object;
}

static rpyc_object *thing(const char *kind, const rpyc_value *args, rpyc_error **error_out)
{
    rpyc_object *object = NULL;
    if (strcmp(kind, "list") == 0)
        return list(args);
    if (strcmp(kind, "dict") == 0)
        return dict(args, error_out);
    if (strcmp(kind, "set") == 0)
        return set(args, error_out);
    if (strcmp(kind, "generator") == 0)
        return generator(args);
    if (strcmp(kind, "counter") == 0)
        return function("tick", tick, "tick(*args)", calloc(1, sizeof(int64_t)), free);
    if (strcmp(kind, "pair") == 0)
        return function("pair", pair, "pair(a, b=None)", NULL, NULL);
    if (strcmp(kind, "boom") == 0)
        return function("boom", boom, "boom(*args)", NULL, NULL);
    if (strcmp(kind, "stop") == 0)
        return function("stop", stop, "stop()", NULL, NULL);
    if (strcmp(kind, "ask") == 0)
        return function("ask", ask, "ask(function, *args, **kwargs)", NULL, NULL);
    if (strcmp(kind, "adder") == 0)
        return function("add", add, "add(value, *more)", rpyc_value_clone(rpyc_value_item(args, 0)), free_value);
    if (strcmp(kind, "Bag") == 0)
        return bag();
    if (strcmp(kind, "Bare") == 0) {
        rpyc_object_new(bare_thing_class, NULL, NULL, &object, error_out);
        return object;
    }
    if (strcmp(kind, "Item class") == 0 || strcmp(kind, "SubItem class") == 0)
        return class_object(item_class(*kind == 'S'));
    if (strcmp(kind, "file") == 0)
        return file(args, error_out);
    rpyc_error_new(RPYC_ERR_ARGUMENT, NULL, "no such thing", error_out);
    return NULL;
}

static rpyc_value *mixed(rpyc_object *item)
{
    rpyc_object *numbers = NULL, *empty = NULL;
    rpyc_list_new(ITEMS(rpyc_value_new_int(1), rpyc_value_new_int(2)), &numbers, NULL);
    rpyc_dict_new(NULL, NULL, 0, &empty, NULL);
    rpyc_value *value =
        TUPLE(rpyc_value_new_int(1), object_value(numbers), TUPLE(object_value(item), object_value(empty)));
    rpyc_object_free(numbers);
    rpyc_object_free(empty);
    return value;
}

rpyc_value *local_thing(const rpyc_value *kind, const rpyc_value *args, rpyc_error **error_out)
{
    const char *chars = NULL;
    size_t length = 0;
    char name[20] = "";
    rpyc_value_get_str(kind, &chars, &length, NULL);
    if (chars != NULL && length < sizeof name)
        memcpy(name, chars, length);
    rpyc_object *object;
    if (strcmp(name, "Item") == 0 || strcmp(name, "SubItem") == 0 || strcmp(name, "mixed") == 0) {
        rpyc_value *three = rpyc_value_new_int(3);
        object = new_item(NULL, item_class(*name == 'S'), *name == 'm' ? three : rpyc_value_item(args, 0));
        rpyc_value_free(three);
    } else {
        object = thing(name, args, error_out);
    }
    rpyc_value *value = *name == 'm' && object != NULL ? mixed(object) : object_value(object);
    rpyc_object_free(object);
    return value;
}

void make_thing(rpyc_call *call, const rpyc_value *kind, const rpyc_value *args)
{
    rpyc_error *error = NULL;
    if (rpyc_value_str_equal(kind, "Item") || rpyc_value_str_equal(kind, "SubItem")) {
        rpyc_object *item = new_item(call, item_class(rpyc_value_str_equal(kind, "SubItem")), rpyc_value_item(args, 0));
        if (item != NULL)
            answer_object(call, item);
        return;
    }
    rpyc_value *value = local_thing(kind, args, &error);
    answer_or_raise(call, value, error);
}

/* ---------------------------------------------------------------- the classes */

static const rpyc_method bare_methods[] = {{"exposed_nothing", nothing, "nothing()", NULL, 0}};

rpyc_status things_init(rpyc_error **error_out)
{
    rpyc_class_table bags = {
        .struct_size = sizeof bags,
        .module = "things",
        .name = "Bag",
        .doc = "Attributes that are made by setting them.",
        .get_dynamic = bag_get,
        .set_dynamic = bag_set,
        .del_dynamic = bag_del,
    };
    rpyc_class_table bare = {
        .struct_size = sizeof bare,
        .method_size = sizeof *bare_methods,
        .module = "things",
        .name = "Bare",
        .doc = "An object without anything that Python does not give it.",
        .methods = bare_methods,
        .method_count = COUNT(bare_methods),
    };
    rpyc_status status = rpyc_class_new(&bags, NULL, NULL, &bag_class, error_out);
    if (status == RPYC_OK)
        status = rpyc_class_new(&bare, NULL, NULL, &bare_thing_class, error_out);
    return status == RPYC_OK ? items_init(error_out) : status;
}

void things_free(void)
{
    items_free();
    rpyc_class_free(bare_thing_class);
    rpyc_class_free(bag_class);
    bare_thing_class = bag_class = NULL;
}
