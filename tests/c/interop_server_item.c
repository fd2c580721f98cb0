/* Item and SubItem: objects that live on the server. */
#define _POSIX_C_SOURCE 200809L
#include "interop_server.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct item {
    pthread_mutex_t lock;
    rpyc_value *label; /* a str */
    rpyc_value *value; /* an int */
    struct mapping slots;
};

static rpyc_class *classes[2]; /* Item, SubItem */
static atomic_llong live;

rpyc_class *item_class(void)
{
    return classes[0];
}

rpyc_class *sub_item_class(void)
{
    return classes[1];
}

int64_t live_items(void)
{
    return atomic_load(&live);
}

static void item_free(void *self)
{
    struct item *item = self;
    rpyc_value_free(item->label);
    rpyc_value_free(item->value);
    mapping_clear(&item->slots);
    pthread_mutex_destroy(&item->lock);
    free(item);
    atomic_fetch_sub(&live, 1);
}

rpyc_object *item_object(const rpyc_class *klass, rpyc_value *label)
{
    rpyc_object *object = NULL;
    struct item *item = label != NULL ? calloc(1, sizeof *item) : NULL;
    if (item == NULL || pthread_mutex_init(&item->lock, NULL) != 0) {
        rpyc_value_free(label);
        free(item);
        return NULL;
    }
    item->label = label;
    item->value = rpyc_value_new_int(0);
    atomic_fetch_add(&live, 1);
    rpyc_object_new(klass, item, item_free, &object, NULL);
    return object;
}

/* Calling a class; userdata is where its handle is. */
static void construct(rpyc_call *call, void *userdata)
{
    if (rpyc_call_arg_count(call) != 1 || rpyc_call_keyword_count(call) != 0) {
        raise_type_error(call, "an item is made of one label");
        return;
    }
    const char *text = NULL;
    size_t length = 0;
    if (rpyc_call_get_str(call, 0, &text, &length) == RPYC_OK)
        answer_object(call, item_object(*(rpyc_class **)userdata, rpyc_value_clone(rpyc_call_arg(call, 0))));
}

/* ---------------------------------------------------------------- the label */

static rpyc_value *label_of(struct item *item)
{
    pthread_mutex_lock(&item->lock);
    rpyc_value *label = rpyc_value_clone(item->label);
    pthread_mutex_unlock(&item->lock);
    return label;
}

static void get_label(rpyc_call *call, void *self)
{
    answer(call, label_of(self));
}

static void item_rename(rpyc_call *call, void *self)
{
    struct item *item = self;
    const char *text = NULL;
    size_t length = 0;
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    rpyc_value *label = rpyc_value_clone(rpyc_call_arg(call, 0));
    pthread_mutex_lock(&item->lock);
    rpyc_value *old = item->label;
    item->label = label;
    pthread_mutex_unlock(&item->lock);
    rpyc_value_free(old);
    rpyc_call_return_object(call, rpyc_call_target(call));
}

static void item_same(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *other = NULL;
    bool same = rpyc_value_get_object(rpyc_call_arg(call, 0), &other, NULL) == RPYC_OK &&
                rpyc_object_same(other, rpyc_call_target(call));
    rpyc_object_free(other);
    rpyc_call_return_bool(call, same);
}

/* prefix + label + suffix */
static void answer_around_label(rpyc_call *call, struct item *item, const char *prefix, const char *suffix)
{
    rpyc_value *start = str_value(prefix), *label = label_of(item), *end = str_value(suffix);
    rpyc_value *half = NULL, *whole = NULL;
    add_values(start, label, &half);
    add_values(half, end, &whole);
    answer(call, whole);
    rpyc_value_free(start);
    rpyc_value_free(label);
    rpyc_value_free(end);
    rpyc_value_free(half);
}

static void item_str(rpyc_call *call, void *self)
{
    answer_around_label(call, self, "item ", "");
}

static void item_repr(rpyc_call *call, void *self)
{
    answer_around_label(call, self, "<Item ", ">");
}

static void item_add(rpyc_call *call, void *self)
{
    rpyc_value *label = label_of(self);
    answer_sum(call, label, rpyc_call_arg(call, 0));
    rpyc_value_free(label);
}

static void item_radd(rpyc_call *call, void *self)
{
    rpyc_value *label = label_of(self);
    answer_sum(call, rpyc_call_arg(call, 0), label);
    rpyc_value_free(label);
}

static void item_call(rpyc_call *call, void *self)
{
    answer(call, TUPLE(label_of(self), rpyc_value_clone(rpyc_call_arg(call, 0)), sorted_pairs(rpyc_call_arg(call, 1))));
}

/* ---------------------------------------------------------------- the label as a collection of characters */

/* Where the character at `text` ends. */
static const char *next_character(const char *text, const char *end)
{
    do
        text++;
    while (text < end && ((unsigned char)*text & 0xc0) == 0x80);
    return text;
}

/* The label's characters as a tuple. */
static rpyc_value *characters(struct item *item)
{
    rpyc_value *label = label_of(item), *tuple = NULL;
    const char *text = NULL;
    size_t length = 0, count = 0;
    rpyc_value_get_str(label, &text, &length, NULL);
    rpyc_value **items = calloc(length + 1, sizeof *items);
    if (items != NULL && text != NULL) {
        for (const char *end = text + length, *next; text < end; text = next) {
            next = next_character(text, end);
            items[count++] = text_value(text, (size_t)(next - text));
        }
        tuple = tuple_value(items, count);
    }
    free(items);
    rpyc_value_free(label);
    return tuple;
}

static void item_length(rpyc_call *call, void *self)
{
    rpyc_value *all = characters(self);
    answer(call, all != NULL ? rpyc_value_new_int((int64_t)rpyc_value_count(all)) : NULL);
    rpyc_value_free(all);
}

static void item_bool(rpyc_call *call, void *self)
{
    rpyc_value *label = label_of(self);
    rpyc_call_return_bool(call, !rpyc_value_str_equal(label, "false"));
    rpyc_value_free(label);
}

static void item_iterate(rpyc_call *call, void *self)
{
    rpyc_value *all = characters(self);
    answer_object(call, all != NULL ? items_iterator(all) : NULL);
    rpyc_value_free(all);
}

static void item_contains(rpyc_call *call, void *self)
{
    const char *text = NULL;
    size_t length = 0;
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    rpyc_value *label = label_of(self);
    rpyc_call_return_bool(call, text_contains(label, rpyc_call_arg(call, 0)));
    rpyc_value_free(label);
}

/* ---------------------------------------------------------------- comparisons */

/* The label of an Item, or a str itself; NULL for anything else. */
static rpyc_value *comparable(const rpyc_value *other)
{
    if (rpyc_value_kind(other) == RPYC_VALUE_STR)
        return rpyc_value_clone(other);
    rpyc_object *object = NULL;
    rpyc_value *label = NULL;
    if (rpyc_value_get_object(other, &object, NULL) == RPYC_OK) {
        struct item *item = rpyc_object_self(object, item_class());
        if (item != NULL)
            label = label_of(item);
    }
    rpyc_object_free(object);
    return label;
}

/* false: the other does not compare; else how the label stands to it. */
static bool order_to(struct item *item, const rpyc_value *other, int *order_out)
{
    rpyc_value *label = label_of(item), *other_label = comparable(other);
    bool compares = other_label != NULL;
    if (compares)
        *order_out = compare_texts(label, other_label);
    rpyc_value_free(label);
    rpyc_value_free(other_label);
    return compares;
}

static void item_equal(rpyc_call *call, void *self)
{
    int order = 0;
    rpyc_call_return_bool(call, order_to(self, rpyc_call_arg(call, 0), &order) && order == 0);
}

static void item_unequal(rpyc_call *call, void *self)
{
    int order = 0;
    rpyc_call_return_bool(call, !(order_to(self, rpyc_call_arg(call, 0), &order) && order == 0));
}

static void item_less(rpyc_call *call, void *self)
{
    int order = 0;
    if (order_to(self, rpyc_call_arg(call, 0), &order))
        rpyc_call_return_bool(call, order < 0);
    else
        rpyc_call_return(call, rpyc_value_new_not_implemented());
}

static void item_greater(rpyc_call *call, void *self)
{
    int order = 0;
    if (order_to(self, rpyc_call_arg(call, 0), &order))
        rpyc_call_return_bool(call, order > 0);
    else
        rpyc_call_return(call, rpyc_value_new_not_implemented());
}

static void item_hash(rpyc_call *call, void *self)
{
    rpyc_value *label = label_of(self);
    const char *text = NULL;
    size_t length = 0;
    int64_t sum = 0;
    rpyc_value_get_str(label, &text, &length, NULL);
    for (size_t i = 0; i < length; i++)
        sum += (unsigned char)text[i];
    rpyc_value_free(label);
    rpyc_call_return_int(call, sum);
}

/* ---------------------------------------------------------------- slots: item[key] */

static void item_get_slot(rpyc_call *call, void *self)
{
    struct item *item = self;
    pthread_mutex_lock(&item->lock);
    const rpyc_value *found = mapping_get(&item->slots, rpyc_call_arg(call, 0));
    rpyc_value *value = found != NULL ? rpyc_value_clone(found) : NULL;
    pthread_mutex_unlock(&item->lock);
    if (value != NULL)
        rpyc_call_return(call, value);
    else
        raise_key_error(call, rpyc_call_arg(call, 0));
}

static void item_set_slot(rpyc_call *call, void *self)
{
    struct item *item = self;
    rpyc_value *displaced[2];
    rpyc_value *key = rpyc_value_clone(rpyc_call_arg(call, 0)), *value = rpyc_value_clone(rpyc_call_arg(call, 1));
    pthread_mutex_lock(&item->lock);
    bool stored = mapping_set(&item->slots, key, value, displaced);
    pthread_mutex_unlock(&item->lock);
    rpyc_value_free(displaced[0]);
    rpyc_value_free(displaced[1]);
    if (stored)
        rpyc_call_return(call, NULL);
    else
        answer(call, NULL);
}

static void item_delete_slot(rpyc_call *call, void *self)
{
    struct item *item = self;
    rpyc_value *displaced[2];
    pthread_mutex_lock(&item->lock);
    bool found = mapping_delete(&item->slots, rpyc_call_arg(call, 0), displaced);
    pthread_mutex_unlock(&item->lock);
    rpyc_value_free(displaced[0]);
    rpyc_value_free(displaced[1]);
    if (found)
        rpyc_call_return(call, NULL);
    else
        raise_key_error(call, rpyc_call_arg(call, 0));
}

/* ---------------------------------------------------------------- properties */

static void get_value(rpyc_call *call, void *self)
{
    struct item *item = self;
    pthread_mutex_lock(&item->lock);
    rpyc_value *value = rpyc_value_clone(item->value);
    pthread_mutex_unlock(&item->lock);
    answer(call, value);
}

static void store_value(rpyc_call *call, struct item *item, rpyc_value *value)
{
    pthread_mutex_lock(&item->lock);
    rpyc_value *old = item->value;
    item->value = value;
    pthread_mutex_unlock(&item->lock);
    rpyc_value_free(old);
    rpyc_call_return(call, NULL);
}

static void set_value(rpyc_call *call, void *self)
{
    if (rpyc_value_kind(rpyc_call_arg(call, 0)) == RPYC_VALUE_INT)
        store_value(call, self, rpyc_value_clone(rpyc_call_arg(call, 0)));
    else
        raise_type_error(call, "value must be an int");
}

static void delete_value(rpyc_call *call, void *self)
{
    store_value(call, self, rpyc_value_new_int(0));
}

/* These exist under names that no peer may use: the library has to refuse them. */
static void get_hidden(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, "not for you", RPYC_NUL_TERMINATED);
}

static void set_hidden(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, NULL);
}

/* ---------------------------------------------------------------- the classes */

static const rpyc_method methods[] = {
    {"exposed_get", get_label, "get()", "Gives the label.", RPYC_METHOD_QUICK},
    {"exposed_rename", item_rename, "rename(label)", "Sets the label; gives the item itself.", RPYC_METHOD_QUICK},
    {"exposed_same", item_same, "same(other)", "Is the other this very item?", RPYC_METHOD_QUICK},
    {"__str__", item_str, "__str__()", NULL, RPYC_METHOD_QUICK},
    {"__repr__", item_repr, "__repr__()", NULL, RPYC_METHOD_QUICK},
    {"__len__", item_length, "__len__()", NULL, RPYC_METHOD_QUICK},
    {"__bool__", item_bool, "__bool__()", NULL, RPYC_METHOD_QUICK},
    {"__iter__", item_iterate, "__iter__()", NULL, RPYC_METHOD_QUICK},
    {"__contains__", item_contains, "__contains__(text)", NULL, RPYC_METHOD_QUICK},
    {"__getitem__", item_get_slot, "__getitem__(key)", NULL, RPYC_METHOD_QUICK},
    {"__setitem__", item_set_slot, "__setitem__(key, value)", NULL, RPYC_METHOD_QUICK},
    {"__delitem__", item_delete_slot, "__delitem__(key)", NULL, RPYC_METHOD_QUICK},
    {"__call__", item_call, "__call__(*args, **kwargs)", NULL, RPYC_METHOD_QUICK},
    {"__add__", item_add, "__add__(text)", NULL, RPYC_METHOD_QUICK},
    {"__radd__", item_radd, "__radd__(text)", NULL, RPYC_METHOD_QUICK},
    {"__eq__", item_equal, "__eq__(other)", NULL, RPYC_METHOD_QUICK},
    {"__ne__", item_unequal, "__ne__(other)", NULL, RPYC_METHOD_QUICK},
    {"__lt__", item_less, "__lt__(other)", NULL, RPYC_METHOD_QUICK},
    {"__gt__", item_greater, "__gt__(other)", NULL, RPYC_METHOD_QUICK},
    {"__hash__", item_hash, "__hash__()", NULL, RPYC_METHOD_QUICK},
};

static const rpyc_property properties[] = {
    {"exposed_label", get_label, NULL, NULL, "The label."},
    {"exposed_value", get_value, set_value, delete_value, "An int; 0 when deleted."},
    {"hidden", get_hidden, set_hidden, set_hidden, NULL},
    {"_value", get_hidden, set_hidden, set_hidden, NULL},
};

rpyc_status items_init(rpyc_error **error_out)
{
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .property_size = sizeof *properties,
        .module = "interop",
        .name = "Item",
        .doc = "An object that lives on the server.",
        .methods = methods,
        .method_count = COUNT(methods),
        .properties = properties,
        .property_count = COUNT(properties),
        .construct = construct,
    };
    rpyc_status status = rpyc_class_new(&table, &classes[0], NULL, &classes[0], error_out);
    if (status != RPYC_OK)
        return status;
    rpyc_class_table derived = {
        .struct_size = sizeof derived,
        .method_size = sizeof *methods,
        .module = "interop",
        .name = "SubItem",
        .doc = "A class derived from Item.",
        .base = classes[0],
        .construct = construct,
    };
    return rpyc_class_new(&derived, &classes[1], NULL, &classes[1], error_out);
}

void items_free(void)
{
    rpyc_class_free(classes[1]);
    rpyc_class_free(classes[0]);
    classes[0] = classes[1] = NULL;
}
