/* A client that does one operation after the other as a driver tells it, and describes what comes of each (operations.py has
 * the other end). Expressions are tuples: ("value", v), ("slot", n), ("tuple", e...), ("make", kind, e...). */
#define _POSIX_C_SOURCE 200809L
#include "twin.h"

#define SLOTS 256

struct driven {
    rpyc_connection *connection;
    rpyc_value *slots[SLOTS];
};

static void close_all(struct driven *driven)
{
    for (size_t i = 0; i < SLOTS; i++) {
        rpyc_value_free(driven->slots[i]);
        driven->slots[i] = NULL;
    }
    if (driven->connection != NULL)
        rpyc_connection_close(driven->connection, NULL);
    rpyc_connection_free(driven->connection);
    driven->connection = NULL;
}

static void close_it(rpyc_call *call, void *self)
{
    close_all(self);
    rpyc_call_return(call, NULL);
}

/* Slot 0 is the root. */
static void open_it(rpyc_call *call, void *self)
{
    struct driven *driven = self;
    const char *text = NULL;
    size_t length = 0;
    char address[100] = "";
    rpyc_config *config = rpyc_config_new();
    rpyc_object *root = NULL;
    rpyc_error *error = NULL;
    close_all(driven);
    if (!rpyc_call_get_str(call, 0, &text, &length) && length < sizeof address) {
        memcpy(address, text, length);
        rpyc_config_set_bool(config, "allow_public_attrs", 1, NULL);
        rpyc_config_set_bool(config, "allow_setattr", 1, NULL);
        rpyc_config_set_bool(config, "allow_delattr", 1, NULL);
        /* The peer may be slow on a busy machine, and so may its processes be that are started for it. */
        rpyc_config_set(config, "connect_timeout", "60", NULL);
        rpyc_config_set(config, "sync_request_timeout", "60", NULL);
        if (!rpyc_connect(address, NULL, config, &driven->connection, &error) &&
            !rpyc_connection_root(driven->connection, &root, &error))
            driven->slots[0] = object_value(root);
        rpyc_object_free(root);
        answer_or_raise(call, rpyc_value_new_none(), error);
    }
    rpyc_config_free(config);
}

/* ---------------------------------------------------------------- expressions */

static rpyc_value *evaluate(struct driven *driven, const rpyc_value *expression);

/* The items of an expression from `first` on, evaluated; free the array. */
static rpyc_value **evaluate_all(struct driven *driven, const rpyc_value *expressions, size_t first, size_t *count_out)
{
    size_t count = rpyc_value_count(expressions) - first;
    rpyc_value **values = calloc(count + 1, sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = evaluate(driven, rpyc_value_item(expressions, first + i));
    *count_out = count;
    return values;
}

static rpyc_value *evaluate(struct driven *driven, const rpyc_value *expression)
{
    const rpyc_value *kind = rpyc_value_item(expression, 0);
    rpyc_value *value = NULL;
    int64_t slot = 0;
    size_t count = 0;
    if (rpyc_value_str_equal(kind, "value"))
        return rpyc_value_clone(rpyc_value_item(expression, 1));
    if (rpyc_value_str_equal(kind, "slot")) {
        rpyc_value_get_int(rpyc_value_item(expression, 1), &slot, NULL);
        return rpyc_value_clone(driven->slots[slot]);
    }
    bool makes = rpyc_value_str_equal(kind, "make");
    rpyc_value **values = evaluate_all(driven, expression, makes ? 2 : 1, &count);
    rpyc_value_new_tuple(values, count, &value, NULL);
    free(values);
    if (makes) {
        rpyc_value *args = value;
        value = local_thing(rpyc_value_item(expression, 1), args, NULL);
        rpyc_value_free(args);
    }
    return value;
}

/* Keywords of ((name, expression), ...); NULL: there are none. */
static rpyc_value *evaluate_named(struct driven *driven, const rpyc_value *named)
{
    size_t count = rpyc_value_count(named);
    rpyc_value **keys = calloc(count + 1, sizeof *keys), **values = calloc(count + 1, sizeof *values), *dict = NULL;
    for (size_t i = 0; i < count; i++) {
        const rpyc_value *pair = rpyc_value_item(named, i);
        keys[i] = rpyc_value_clone(rpyc_value_item(pair, 0));
        values[i] = evaluate(driven, rpyc_value_item(pair, 1));
    }
    if (count > 0)
        rpyc_value_new_dict(keys, values, count, &dict, NULL);
    free(keys);
    free(values);
    return dict;
}

/* ---------------------------------------------------------------- descriptions */

/* Those whose repr has no address. */
static bool shows_itself(const char *type)
{
    static const char *const types[] = {"builtins.list",        "builtins.dict",       "builtins.dict_keys",
                                        "builtins.dict_values", "builtins.dict_items", "things.Item",
                                        "things.SubItem"};
    for (size_t i = 0; i < COUNT(types); i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

static int64_t first_slot_of(struct driven *driven, const rpyc_object *object)
{
    for (int64_t i = 0; i < SLOTS; i++) {
        rpyc_object *other = NULL;
        if (driven->slots[i] == NULL || rpyc_value_get_object(driven->slots[i], &other, NULL))
            continue;
        bool same = rpyc_object_same(object, other);
        rpyc_object_free(other);
        if (same)
            return i;
    }
    return -1;
}

/* ((name, value), ...) */
static rpyc_value *attributes_of(const rpyc_error *error)
{
    size_t count = rpyc_error_attribute_count(error);
    rpyc_value **pairs = calloc(count + 1, sizeof *pairs);
    for (size_t i = 0; i < count; i++) {
        const char *name = rpyc_error_attribute_name(error, i);
        pairs[i] = TUPLE(str_value(name), rpyc_error_attribute(error, name));
    }
    rpyc_value *tuple = tuple_value(pairs, count);
    free(pairs);
    return tuple;
}

static rpyc_value *describe_error(rpyc_error *error)
{
    const char *module = rpyc_error_type_module(error), *name = rpyc_error_type_name(error);
    rpyc_value *value;
    if (name != NULL)
        value = TUPLE(str_value("raises"), str_value(module != NULL ? module : ""), str_value(name),
                      rpyc_error_args(error), attributes_of(error));
    else
        value = TUPLE(str_value("fails"), str_value(rpyc_status_name(rpyc_error_status(error))),
                      str_value(rpyc_error_message(error)));
    rpyc_error_free(error);
    return value;
}

static rpyc_value *list_items(rpyc_object *object, rpyc_error **error_out);

static rpyc_value *reprs(const rpyc_value *items)
{
    size_t count = rpyc_value_count(items);
    rpyc_value **texts = calloc(count + 1, sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        rpyc_object *object = NULL;
        if (rpyc_value_get_object(rpyc_value_item(items, i), &object, NULL))
            texts[i] = rpyc_value_repr(rpyc_value_item(items, i));
        else
            rpyc_object_repr(object, &texts[i], NULL);
        rpyc_object_free(object);
    }
    rpyc_value *tuple = tuple_value(texts, count);
    free(texts);
    return tuple;
}

static rpyc_value *describe_object(struct driven *driven, rpyc_object *object)
{
    rpyc_value *shown = rpyc_value_new_none();
    rpyc_error *error = NULL;
    const char *type = rpyc_object_type_name(object);
    if (shows_itself(type)) {
        rpyc_value_free(shown);
        if (rpyc_object_repr(object, &shown, &error))
            shown = describe_error(error);
    }
    if (strcmp(type, "builtins.set") == 0) {
        rpyc_value *items = list_items(object, &error);
        rpyc_value_free(shown);
        shown = items != NULL ? reprs(items) : describe_error(error);
        rpyc_value_free(items);
    }
    return TUPLE(str_value("object"), str_value(type), shown, rpyc_value_new_int(first_slot_of(driven, object)),
                 rpyc_value_new_bool(rpyc_object_is_remote(object)));
}

static rpyc_value *describe(struct driven *driven, const rpyc_value *value)
{
    rpyc_object *object = NULL;
    int32_t kind = rpyc_value_kind(value);
    if (kind == RPYC_VALUE_TUPLE) {
        size_t count = rpyc_value_count(value);
        rpyc_value **items = calloc(count + 1, sizeof *items), *tuple = NULL;
        for (size_t i = 0; i < count; i++)
            items[i] = describe(driven, rpyc_value_item(value, i));
        rpyc_value_new_tuple(items, count, &tuple, NULL);
        free(items);
        return TUPLE(str_value("tuple"), tuple);
    }
    if (rpyc_value_get_object(value, &object, NULL))
        return TUPLE(str_value("value"), rpyc_value_clone(value));
    rpyc_value *described = describe_object(driven, object);
    rpyc_object_free(object);
    return described;
}

/* ---------------------------------------------------------------- operations */

static const char *const comparisons[] = {"__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"};

/* All items, as a loop takes them. */
static rpyc_value *list_items(rpyc_object *object, rpyc_error **error_out)
{
    rpyc_iterator *iterator = NULL;
    rpyc_value **items = NULL, *item = NULL, *tuple = NULL;
    size_t count = 0;
    rpyc_status status = rpyc_object_iterate(object, &iterator, error_out);
    while (status == RPYC_OK && (status = rpyc_iterator_next(iterator, &item, error_out)) == RPYC_OK) {
        items = realloc(items, (count + 1) * sizeof *items);
        items[count++] = item;
    }
    rpyc_iterator_free(iterator);
    if (status == RPYC_ERR_STOP_ITERATION)
        tuple = tuple_value(items, count);
    else
        for (size_t i = 0; i < count; i++)
            rpyc_value_free(items[i]);
    free(items);
    return tuple;
}

/* An operation without arguments. */
static rpyc_value *look(const char *kind, rpyc_object *object, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_object *iterator = NULL;
    int64_t number = 0;
    bool is = false;
    if (strcmp(kind, "len") == 0)
        return rpyc_object_length(object, &number, error_out) ? NULL : rpyc_value_new_int(number);
    if (strcmp(kind, "bool") == 0)
        return rpyc_object_truth(object, &is, error_out) ? NULL : rpyc_value_new_bool(is);
    if (strcmp(kind, "str") == 0)
        rpyc_object_str(object, &value, error_out);
    else if (strcmp(kind, "repr") == 0)
        rpyc_object_repr(object, &value, error_out);
    else if (strcmp(kind, "hash") == 0)
        rpyc_object_hash(object, &value, error_out);
    else if (strcmp(kind, "next") == 0)
        rpyc_object_next(object, &value, error_out);
    else if (strcmp(kind, "tuple") == 0)
        value = list_items(object, error_out);
    else if (strcmp(kind, "iter") == 0 && !rpyc_object_iter(object, &iterator, error_out))
        value = object_value(iterator);
    rpyc_object_free(iterator);
    return value;
}

/* An operation with arguments, which it consumes. */
static rpyc_value *operate(const char *kind, const char *name, rpyc_object *object, rpyc_value **args, size_t count,
                           rpyc_value *named, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    bool is = false;
    if (strcmp(kind, "call") == 0) {
        rpyc_object_call(object, args, count, named, &value, error_out);
    } else if (strcmp(kind, "method") == 0) {
        rpyc_object_call_method(object, name, args, count, named, &value, error_out);
    } else if (strcmp(kind, "get") == 0) {
        rpyc_object_get_attr(object, name, &value, error_out);
    } else if (strcmp(kind, "set") == 0) {
        return rpyc_object_set_attr(object, name, args[0], error_out) ? NULL : rpyc_value_new_none();
    } else if (strcmp(kind, "del") == 0) {
        return rpyc_object_del_attr(object, name, error_out) ? NULL : rpyc_value_new_none();
    } else if (strcmp(kind, "item") == 0) {
        rpyc_object_get_item(object, args[0], &value, error_out);
    } else if (strcmp(kind, "store") == 0) {
        return rpyc_object_set_item(object, args[0], args[1], error_out) ? NULL : rpyc_value_new_none();
    } else if (strcmp(kind, "delete") == 0) {
        return rpyc_object_del_item(object, args[0], error_out) ? NULL : rpyc_value_new_none();
    } else if (strcmp(kind, "has") == 0) {
        return rpyc_object_contains(object, args[0], &is, error_out) ? NULL : rpyc_value_new_bool(is);
    } else if (strcmp(kind, "equal") == 0) {
        return rpyc_object_equal(object, args[0], &is, error_out) ? NULL : rpyc_value_new_bool(is);
    } else if (strcmp(kind, "compare") == 0) {
        for (int32_t op = 0; op < 6; op++)
            if (strcmp(comparisons[op], name) == 0)
                rpyc_object_compare(object, op, args[0], &value, error_out);
    } else {
        return look(kind, object, error_out);
    }
    return value;
}

static void copy_text(const rpyc_value *value, char text[static 100])
{
    const char *chars = NULL;
    size_t length = 0;
    memset(text, 0, 100);
    if (!rpyc_value_get_str(value, &chars, &length, NULL))
        memcpy(text, chars, length < 100 ? length : 99);
}

/* run(kind, name, target, args, named, slot): the description of what the operation gives; its value goes into the slot. */
static void run(rpyc_call *call, void *self)
{
    struct driven *driven = self;
    char kind[100], name[100];
    int64_t slot = 0;
    size_t count = 0;
    rpyc_object *object = NULL;
    rpyc_error *error = NULL;
    copy_text(rpyc_call_arg(call, 0), kind);
    copy_text(rpyc_call_arg(call, 1), name);
    rpyc_value *target = evaluate(driven, rpyc_call_arg(call, 2)), *value = NULL;
    if (rpyc_call_get_int(call, 5, &slot))
        return;
    rpyc_value **args = evaluate_all(driven, rpyc_call_arg(call, 3), 0, &count);
    if (strcmp(kind, "make") == 0) {
        value = rpyc_value_clone(target);
    } else if (rpyc_value_get_object(target, &object, &error) == RPYC_OK) {
        value = operate(kind, name, object, args, count, evaluate_named(driven, rpyc_call_arg(call, 4)), &error);
        rpyc_object_free(object);
    }
    free(args);
    rpyc_value_free(target);
    answer(call, error != NULL ? describe_error(error) : value != NULL ? describe(driven, value) : NULL);
    if (value != NULL && slot >= 0 && slot < SLOTS && driven->slots[slot] == NULL)
        driven->slots[slot] = value;
    else
        rpyc_value_free(value);
}

/* ---------------------------------------------------------------- the service */

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection, (void)userdata;
    return calloc(1, sizeof(struct driven));
}

static void destroy(void *self)
{
    close_all(self);
    free(self);
}

static const rpyc_method methods[] = {
    {"exposed_open", open_it, "open(address)", NULL, 0},
    {"exposed_run", run, "run(kind, name, target, args, named, slot)", NULL, 0},
    {"exposed_close", close_it, "close()", NULL, 0},
};

rpyc_status driven_client_new(rpyc_class **service_out, rpyc_error **error_out)
{
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .name = "DrivenClientService",
        .methods = methods,
        .method_count = COUNT(methods),
        .create = create,
        .destroy = destroy,
    };
    return rpyc_class_new(&table, NULL, NULL, service_out, error_out);
}
