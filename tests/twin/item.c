/* Item and SubItem of things.py. */
#define _POSIX_C_SOURCE 200809L
#include "twin.h"

#include <stdio.h>

struct item {
    int64_t rank;
    rpyc_value *label;
    rpyc_object *slots; /* a dict of the library's */
};

static rpyc_class *classes[2]; /* Item, SubItem */

rpyc_class *item_class(bool derived)
{
    return classes[derived];
}

static void item_free(void *self)
{
    struct item *item = self;
    rpyc_value_free(item->label);
    rpyc_object_free(item->slots);
    free(item);
}

/* Is it a rank? Else the call has got its exception. */
static bool take_rank(rpyc_call *call, const rpyc_value *value, int64_t *rank_out)
{
    if (rpyc_value_kind(value) != RPYC_VALUE_INT)
        raise_type_error(call, "rank must be an int");
    else if (rpyc_value_get_int(value, rank_out, NULL) || *rank_out < -1000 || *rank_out > 1000)
        rpyc_call_raise(call, "ValueError", "rank out of range");
    else
        return true;
    return false;
}

rpyc_object *new_item(rpyc_call *call, const rpyc_class *klass, const rpyc_value *rank)
{
    struct item *item = calloc(1, sizeof *item);
    rpyc_object *object = NULL;
    if (item == NULL || (rank != NULL && !take_rank(call, rank, &item->rank))) {
        free(item);
        return NULL;
    }
    item->label = rpyc_value_new_none();
    rpyc_dict_new(NULL, NULL, 0, &item->slots, NULL);
    rpyc_object_new(klass, item, item_free, &object, NULL);
    return object;
}

/* Calling a class; userdata is where its handle is. A constructor has no signature; this is "__init__(rank=0)". */
static void construct(rpyc_call *call, void *userdata)
{
    const char *name = NULL;
    size_t length = 0, given = rpyc_call_arg_count(call);
    const rpyc_value *rank = given > 0 ? rpyc_call_arg(call, 0) : NULL;
    char text[200];
    for (size_t i = 0; i < rpyc_call_keyword_count(call); i++) {
        const rpyc_value *value = NULL;
        rpyc_call_keyword(call, i, &name, &length, &value);
        if (length != 4 || memcmp(name, "rank", 4) != 0) {
            snprintf(text, sizeof text, "__init__() got an unexpected keyword argument '%.*s'", (int)length, name);
            raise_type_error(call, text);
            return;
        }
        if (rank != NULL) {
            raise_type_error(call, "__init__() got multiple values for argument 'rank'");
            return;
        }
        rank = value;
    }
    if (given > 1) {
        snprintf(text, sizeof text, "__init__() takes from 0 to 1 positional arguments but %zu were given", given);
        raise_type_error(call, text);
        return;
    }
    rpyc_object *object = new_item(call, *(rpyc_class **)userdata, rank);
    if (object != NULL)
        answer_object(call, object);
}

/* ---------------------------------------------------------------- rank, label */

static void get_rank(rpyc_call *call, void *self)
{
    rpyc_call_return_int(call, ((struct item *)self)->rank);
}

static void set_rank(rpyc_call *call, void *self)
{
    int64_t rank = 0;
    if (!take_rank(call, rpyc_call_arg(call, 0), &rank))
        return;
    ((struct item *)self)->rank = rank;
    rpyc_call_return(call, NULL);
}

static rpyc_value *swap_label(struct item *item, rpyc_value *label)
{
    rpyc_value *old = item->label;
    item->label = label;
    return old;
}

static void get_label(rpyc_call *call, void *self)
{
    rpyc_call_return(call, rpyc_value_clone(((struct item *)self)->label));
}

static void set_label(rpyc_call *call, void *self)
{
    rpyc_value_free(swap_label(self, rpyc_value_clone(rpyc_call_arg(call, 0))));
    rpyc_call_return(call, NULL);
}

static void del_label(rpyc_call *call, void *self)
{
    rpyc_value_free(swap_label(self, rpyc_value_new_none()));
    rpyc_call_return(call, NULL);
}

static void get_fixed(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, "fixed", RPYC_NUL_TERMINATED);
}

static void set(rpyc_call *call, void *self)
{
    rpyc_value_free(swap_label(self, rpyc_value_clone(rpyc_call_arg(call, 0))));
    rpyc_call_return_object(call, rpyc_call_target(call));
}

static void swap(rpyc_call *call, void *self)
{
    rpyc_call_return(call, swap_label(self, rpyc_value_clone(rpyc_call_arg(call, 0))));
}

static void sub_get(rpyc_call *call, void *self)
{
    answer(call, TUPLE(str_value("sub"), rpyc_value_clone(((struct item *)self)->label)));
}

static void sub_own(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_str(call, "own", RPYC_NUL_TERMINATED);
}

static void remember(rpyc_call *call, void *self)
{
    rpyc_value *all = TUPLE(rpyc_value_clone(rpyc_call_arg(call, 0)), sorted_pairs(rpyc_call_arg(call, 1)));
    rpyc_value_free(swap_label(self, rpyc_value_clone(all)));
    answer(call, all);
}

static void fail(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_raise_with(call, "builtins", "ValueError", ITEMS(rpyc_value_clone(rpyc_call_arg(call, 0))), NULL);
}

static void refuse(rpyc_call *call, void *self)
{
    int64_t rank = ((struct item *)self)->rank;
    const char *names[] = {"rank"};
    rpyc_value *values[] = {rpyc_value_new_int(rank)}, *attributes = NULL;
    rpyc_value_new_keywords(names, values, 1, &attributes, NULL);
    rpyc_call_raise_with(call, "things", "Refusal", ITEMS(str_value("refused"), rpyc_value_new_int(rank)), attributes);
}

static void call_label(rpyc_call *call, void *self)
{
    rpyc_value *label = rpyc_value_clone(((struct item *)self)->label);
    pass_call(call, label, rpyc_call_arg(call, 0), rpyc_call_arg(call, 1));
    rpyc_value_free(label);
}

static void slots(rpyc_call *call, void *self)
{
    rpyc_call_return_object(call, ((struct item *)self)->slots);
}

/* ---------------------------------------------------------------- special methods */

static void show(rpyc_call *call, const char *format, void *self)
{
    char text[40];
    snprintf(text, sizeof text, format, (int)((struct item *)self)->rank);
    rpyc_call_return_str(call, text, RPYC_NUL_TERMINATED);
}

static void item_repr(rpyc_call *call, void *self)
{
    show(call, "<Item %d>", self);
}

static void item_str(rpyc_call *call, void *self)
{
    show(call, "item %d", self);
}

static void item_hash(rpyc_call *call, void *self)
{
    int64_t rank = ((struct item *)self)->rank;
    rpyc_call_return_int(call, rank == -1 ? -2 : rank);
}

/* The item that a value is; NULL: it is none. */
static struct item *other_item(rpyc_call *call)
{
    rpyc_object *object = NULL;
    struct item *other = NULL;
    if (rpyc_value_get_object(rpyc_call_arg(call, 0), &object, NULL) == RPYC_OK)
        other = rpyc_object_self(object, classes[0]);
    rpyc_object_free(object); /* the call holds it */
    return other;
}

static void item_equal(rpyc_call *call, void *self)
{
    struct item *other = other_item(call);
    if (other != NULL)
        rpyc_call_return_bool(call, other->rank == ((struct item *)self)->rank);
    else
        rpyc_call_return(call, rpyc_value_new_not_implemented());
}

static void item_less(rpyc_call *call, void *self)
{
    struct item *other = other_item(call);
    if (other != NULL)
        rpyc_call_return_bool(call, ((struct item *)self)->rank < other->rank);
    else
        rpyc_call_return(call, rpyc_value_new_not_implemented());
}

static void item_bool(rpyc_call *call, void *self)
{
    rpyc_call_return_bool(call, ((struct item *)self)->rank != 0);
}

static void item_add(rpyc_call *call, void *self)
{
    answer(call, TUPLE(rpyc_value_new_int(((struct item *)self)->rank), rpyc_value_clone(rpyc_call_arg(call, 0))));
}

static void item_radd(rpyc_call *call, void *self)
{
    answer(call, TUPLE(rpyc_value_clone(rpyc_call_arg(call, 0)), rpyc_value_new_int(((struct item *)self)->rank)));
}

static void item_neg(rpyc_call *call, void *self)
{
    rpyc_value *rank = rpyc_value_new_int(-((struct item *)self)->rank);
    answer_object(call, new_item(call, classes[0], rank));
    rpyc_value_free(rank);
}

static void item_call(rpyc_call *call, void *self)
{
    answer(call, TUPLE(rpyc_value_new_int(((struct item *)self)->rank), rpyc_value_clone(rpyc_call_arg(call, 0)),
                       sorted_pairs(rpyc_call_arg(call, 1))));
}

/* What the dict of slots does. */
static void item_length(rpyc_call *call, void *self)
{
    rpyc_call_return_int(call, (int64_t)rpyc_dict_count(((struct item *)self)->slots));
}

static void item_iterate(rpyc_call *call, void *self)
{
    rpyc_object *iterator = NULL;
    rpyc_error *error = NULL;
    rpyc_object_iter(((struct item *)self)->slots, &iterator, &error);
    answer_or_raise(call, object_value(iterator), error);
    rpyc_object_free(iterator);
}

static void item_contains(rpyc_call *call, void *self)
{
    bool there = false;
    rpyc_error *error = NULL;
    rpyc_object_contains(((struct item *)self)->slots, rpyc_value_clone(rpyc_call_arg(call, 0)), &there, &error);
    answer_or_raise(call, rpyc_value_new_bool(there), error);
}

static void item_get_slot(rpyc_call *call, void *self)
{
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;
    rpyc_object_get_item(((struct item *)self)->slots, rpyc_value_clone(rpyc_call_arg(call, 0)), &value, &error);
    answer_or_raise(call, value, error);
}

static void item_set_slot(rpyc_call *call, void *self)
{
    rpyc_error *error = NULL;
    rpyc_object_set_item(((struct item *)self)->slots, rpyc_value_clone(rpyc_call_arg(call, 0)),
                         rpyc_value_clone(rpyc_call_arg(call, 1)), &error);
    answer_or_raise(call, rpyc_value_new_none(), error);
}

static void item_del_slot(rpyc_call *call, void *self)
{
    rpyc_error *error = NULL;
    rpyc_object_del_item(((struct item *)self)->slots, rpyc_value_clone(rpyc_call_arg(call, 0)), &error);
    answer_or_raise(call, rpyc_value_new_none(), error);
}

static void item_enter(rpyc_call *call, void *self)
{
    rpyc_value_free(swap_label(self, str_value("entered")));
    rpyc_call_return_object(call, rpyc_call_target(call));
}

static void item_exit(rpyc_call *call, void *self)
{
    bool failed = rpyc_value_kind(rpyc_call_arg(call, 0)) != RPYC_VALUE_NONE;
    rpyc_value_free(swap_label(self, str_value(failed ? "failed" : "left")));
    item_bool(call, self);
}

/* ---------------------------------------------------------------- the classes */

static const rpyc_method methods[] = {
    {"exposed_get", get_label, "get()", NULL, 0},
    {"exposed_set", set, "set(value)", NULL, 0},
    {"exposed_swap", swap, "swap(value)", NULL, 0},
    {"exposed_remember", remember, "remember(*args, **kwargs)", NULL, 0},
    {"exposed_mix", mix, "mix(a, b=2, *rest, c=3, **named)", NULL, 0},
    {"exposed_fail", fail, "fail(value=None)", NULL, 0},
    {"exposed_refuse", refuse, "refuse()", NULL, 0},
    {"exposed_call", call_label, "call(*args, **kwargs)", NULL, 0},
    {"exposed_slots", slots, "slots()", NULL, 0},
    {"__repr__", item_repr, "__repr__()", NULL, 0},
    {"__str__", item_str, "__str__()", NULL, 0},
    {"__hash__", item_hash, "__hash__()", NULL, 0},
    {"__eq__", item_equal, "__eq__(other)", NULL, 0},
    {"__lt__", item_less, "__lt__(other)", NULL, 0},
    {"__bool__", item_bool, "__bool__()", NULL, 0},
    {"__index__", get_rank, "__index__()", NULL, 0},
    {"__add__", item_add, "__add__(other)", NULL, 0},
    {"__radd__", item_radd, "__radd__(other)", NULL, 0},
    {"__neg__", item_neg, "__neg__()", NULL, 0},
    {"__call__", item_call, "__call__(*args, **kwargs)", NULL, 0},
    {"__len__", item_length, "__len__()", NULL, 0},
    {"__iter__", item_iterate, "__iter__()", NULL, 0},
    {"__contains__", item_contains, "__contains__(key)", NULL, 0},
    {"__getitem__", item_get_slot, "__getitem__(key)", NULL, 0},
    {"__setitem__", item_set_slot, "__setitem__(key, value)", NULL, 0},
    {"__delitem__", item_del_slot, "__delitem__(key)", NULL, 0},
    {"__enter__", item_enter, "__enter__()", NULL, 0},
    {"__exit__", item_exit, "__exit__(kind, value, traceback)", NULL, 0},
};

static const rpyc_property properties[] = {
    {"exposed_rank", get_rank, set_rank, NULL, NULL},
    {"exposed_label", get_label, set_label, del_label, NULL},
    {"exposed_fixed", get_fixed, NULL, NULL, NULL},
};

static const rpyc_method sub_methods[] = {
    {"exposed_get", sub_get, "get()", NULL, 0},
    {"exposed_own", sub_own, "own()", NULL, 0},
};

rpyc_status items_init(rpyc_error **error_out)
{
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .property_size = sizeof *properties,
        .module = "things",
        .name = "Item",
        .doc = "An object with a rank, anything under a label, and slots.",
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
        .method_size = sizeof *sub_methods,
        .module = "things",
        .name = "SubItem",
        .doc = "An Item that knows more.",
        .base = classes[0],
        .methods = sub_methods,
        .method_count = COUNT(sub_methods),
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
