/* The service of service.py. */
#define _POSIX_C_SOURCE 200809L
#include "twin.h"

#define ARG(n) rpyc_call_arg(call, n)
#define COPY(n) rpyc_value_clone(rpyc_call_arg(call, n))

/* What is kept is in a dict of the library's. */
struct root {
    rpyc_object *kept;
};

static void none_or_raise(rpyc_call *call, rpyc_error *error)
{
    answer_or_raise(call, rpyc_value_new_none(), error);
}

/* ---------------------------------------------------------------- the service's own */

/* The name in an argument, NUL-terminated. */
static bool take_name(rpyc_call *call, size_t index, char name[static 100])
{
    const char *text = NULL;
    size_t length = 0;
    if (rpyc_value_get_str(rpyc_call_arg(call, index), &text, &length, NULL)) {
        raise_type_error(call, "a name is a str");
        return false;
    }
    memset(name, 0, 100);
    memcpy(name, text, length < 100 ? length : 99);
    return true;
}

static void rules(rpyc_call *call, void *self)
{
    (void)self;
    static const char *const options[] = {"allow_public_attrs", "allow_setattr", "allow_delattr", "allow_pickle"};
    rpyc_connection *connection = rpyc_call_connection(call);
    rpyc_error *error = NULL;
    bool pickle = rpyc_value_str_equal(ARG(0), "pickle"), open = pickle || rpyc_value_str_equal(ARG(0), "public");
    for (size_t i = 0; i < COUNT(options) && error == NULL; i++)
        rpyc_connection_set_option(connection, options[i], (i < 3 ? open : pickle) ? "true" : "false", &error);
    none_or_raise(call, error);
}

static void make(rpyc_call *call, void *self)
{
    (void)self;
    make_thing(call, ARG(0), ARG(1));
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, COPY(0));
}

static void strict(rpyc_call *call, void *self)
{
    (void)self;
    answer(call, TUPLE(COPY(0), COPY(1), COPY(2)));
}

static void fail(rpyc_call *call, void *self)
{
    (void)self;
    size_t count = 0;
    char name[100];
    if (!take_name(call, 0, name))
        return;
    rpyc_value **items = cloned_items(ARG(1), &count);
    rpyc_call_raise_with(call, "builtins", name, items, count, NULL);
    free(items);
}

static void keep(rpyc_call *call, void *self)
{
    rpyc_error *error = NULL;
    rpyc_object_set_item(((struct root *)self)->kept, COPY(0), COPY(1), &error);
    none_or_raise(call, error);
}

static void kept(rpyc_call *call, void *self)
{
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;
    rpyc_object_get_item(((struct root *)self)->kept, COPY(0), &value, &error);
    answer_or_raise(call, value, error);
}

static void drop(rpyc_call *call, void *self)
{
    rpyc_error *error = NULL;
    rpyc_object_del_item(((struct root *)self)->kept, COPY(0), &error);
    none_or_raise(call, error);
}

static void invoke(rpyc_call *call, void *self)
{
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;
    if (rpyc_object_get_item(((struct root *)self)->kept, COPY(0), &value, &error))
        rpyc_call_raise_error(call, error);
    else
        pass_call(call, value, ARG(1), ARG(2));
    rpyc_value_free(value);
}

/* ---------------------------------------------------------------- calls */

static void call_it(rpyc_call *call, void *self)
{
    (void)self;
    pass_call(call, ARG(0), ARG(1), ARG(2));
}

static void attempt(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *function = held(call, ARG(0));
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    size_t count = 0;
    if (function == NULL)
        return;
    rpyc_value **items = cloned_items(ARG(1), &count);
    rpyc_status status = rpyc_object_call(function, items, count, NULL, &result, &error);
    if (status == RPYC_OK) {
        answer(call, TUPLE(str_value("returned"), result));
    } else if (rpyc_error_type_name(error) != NULL) {
        answer(call, TUPLE(str_value("raised"), str_value(rpyc_error_type_name(error)), rpyc_error_args(error)));
        rpyc_error_free(error);
    } else {
        rpyc_call_raise_error(call, error);
    }
    free(items);
    rpyc_object_free(function);
}

/* tuple(function(item) for item in made) */
static void answer_results(rpyc_call *call, rpyc_object *function, rpyc_object *made)
{
    size_t count = rpyc_list_count(made);
    rpyc_value **results = calloc(count + 1, sizeof *results);
    rpyc_error *error = NULL;
    for (size_t i = 0; i < count && error == NULL; i++) {
        rpyc_value *item = NULL;
        rpyc_list_get(made, (int64_t)i, &item, NULL);
        rpyc_object_call(function, ITEMS(item), NULL, &results[i], &error);
    }
    if (error != NULL) {
        rpyc_call_raise_error(call, error);
        free_values(results, count);
    } else {
        answer(call, tuple_value(results, count));
        free(results);
    }
}

static void each(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *function = held(call, ARG(0)), *made = NULL;
    rpyc_value *nothing = NULL;
    rpyc_error *error = NULL;
    if (function == NULL)
        return;
    rpyc_list_new(NULL, 0, &made, NULL);
    if (rpyc_object_call_method(made, "extend", ITEMS(COPY(1)), NULL, &nothing, &error))
        rpyc_call_raise_error(call, error);
    else
        answer_results(call, function, made);
    rpyc_value_free(nothing);
    rpyc_object_free(made);
    rpyc_object_free(function);
}

/* ---------------------------------------------------------------- operations on what the client sends */

static void method(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *object = held(call, ARG(0));
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    char name[100];
    size_t count = 0;
    if (object != NULL && take_name(call, 1, name)) {
        rpyc_value **items = cloned_items(ARG(2), &count);
        rpyc_object_call_method(object, name, items, count, NULL, &result, &error);
        free(items);
        answer_or_raise(call, result, error);
    }
    rpyc_object_free(object);
}

static void get(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *object = held(call, ARG(0));
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    char name[100];
    if (object != NULL && take_name(call, 1, name)) {
        rpyc_object_get_attr(object, name, &result, &error);
        answer_or_raise(call, result, error);
    }
    rpyc_object_free(object);
}

static void put(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *object = held(call, ARG(0));
    rpyc_error *error = NULL;
    char name[100];
    if (object != NULL && take_name(call, 1, name)) {
        rpyc_object_set_attr(object, name, COPY(2), &error);
        none_or_raise(call, error);
    }
    rpyc_object_free(object);
}

static void remove_it(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *object = held(call, ARG(0));
    rpyc_error *error = NULL;
    char name[100];
    if (object != NULL && take_name(call, 1, name)) {
        rpyc_object_del_attr(object, name, &error);
        none_or_raise(call, error);
    }
    rpyc_object_free(object);
}

static void iterate(rpyc_call *call, rpyc_object *object)
{
    rpyc_object *iterator = NULL;
    rpyc_value **items = NULL, *item = NULL;
    rpyc_error *error = NULL;
    size_t count = 0;
    rpyc_status status = rpyc_object_iter(object, &iterator, &error);
    while (status == RPYC_OK && (status = rpyc_object_next(iterator, &item, &error)) == RPYC_OK) {
        items = realloc(items, (count + 1) * sizeof *items);
        items[count++] = item;
    }
    rpyc_object_free(iterator);
    if (status == RPYC_ERR_STOP_ITERATION) {
        rpyc_error_free(error);
        answer(call, tuple_value(items, count));
        free(items);
    } else {
        rpyc_call_raise_error(call, error);
        free_values(items, count);
    }
}

static void within(rpyc_call *call, rpyc_object *object)
{
    rpyc_object *function = held(call, ARG(1));
    rpyc_value *entered = NULL, *result = NULL;
    rpyc_error *error = NULL, *failed = NULL;
    bool swallowed = false;
    size_t count = 0;
    if (function == NULL)
        return;
    rpyc_value **items = cloned_items(ARG(2), &count), **all = calloc(count + 1, sizeof *all);
    if (rpyc_object_enter(object, &entered, &error)) {
        rpyc_call_raise_error(call, error);
        free_values(items, count);
    } else {
        all[0] = entered;
        for (size_t i = 0; i < count; i++)
            all[i + 1] = items[i];
        free(items);
        rpyc_object_call(function, all, count + 1, NULL, &result, &failed);
        rpyc_value_free(result);
        if (rpyc_object_exit(object, failed, &swallowed, &error)) {
            rpyc_error_free(failed);
            rpyc_call_raise_error(call, error);
        } else if (failed != NULL && !swallowed) {
            rpyc_call_raise_error(call, failed);
        } else {
            rpyc_error_free(failed);
            rpyc_call_return_str(call, "after", RPYC_NUL_TERMINATED);
        }
    }
    free(all);
    rpyc_object_free(function);
}

static void same(rpyc_call *call, rpyc_object *object)
{
    rpyc_object *other = NULL;
    rpyc_value_get_object(ARG(1), &other, NULL);
    rpyc_call_return_bool(call, other != NULL && rpyc_object_same(object, other));
    rpyc_object_free(other);
}

static void operation(rpyc_call *call, const char *name, rpyc_object *object)
{
    rpyc_value *result = NULL;
    rpyc_error *error = NULL;
    int64_t number = 0;
    bool is = false;
    if (strcmp(name, "len") == 0) {
        rpyc_object_length(object, &number, &error);
        result = rpyc_value_new_int(number);
    } else if (strcmp(name, "item") == 0) {
        rpyc_object_get_item(object, COPY(1), &result, &error);
    } else if (strcmp(name, "store") == 0) {
        rpyc_object_set_item(object, COPY(1), COPY(2), &error);
        result = rpyc_value_new_none();
    } else if (strcmp(name, "delete") == 0) {
        rpyc_object_del_item(object, COPY(1), &error);
        result = rpyc_value_new_none();
    } else if (strcmp(name, "has") == 0) {
        rpyc_object_contains(object, COPY(1), &is, &error);
        result = rpyc_value_new_bool(is);
    } else if (strcmp(name, "show") == 0) {
        rpyc_object_repr(object, &result, &error);
    } else if (strcmp(name, "text") == 0) {
        rpyc_object_str(object, &result, &error);
    } else if (strcmp(name, "hash") == 0) {
        rpyc_object_hash(object, &result, &error);
    } else if (strcmp(name, "truth") == 0) {
        rpyc_object_truth(object, &is, &error);
        result = rpyc_value_new_bool(is);
    } else if (strcmp(name, "equal") == 0) {
        rpyc_object_equal(object, COPY(1), &is, &error);
        result = rpyc_value_new_bool(is);
    } else if (strcmp(name, "same") == 0) {
        same(call, object);
        return;
    } else if (strcmp(name, "iterate") == 0) {
        iterate(call, object);
        return;
    } else {
        within(call, object);
        return;
    }
    answer_or_raise(call, result, error);
}

static void operate(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *object = held(call, ARG(0));
    if (object != NULL)
        operation(call, rpyc_call_name(call) + strlen("exposed_"), object);
    rpyc_object_free(object);
}

/* ---------------------------------------------------------------- the class */

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection, (void)userdata;
    struct root *root = calloc(1, sizeof *root);
    if (root != NULL)
        rpyc_dict_new(NULL, NULL, 0, &root->kept, NULL);
    return root;
}

static void destroy(void *self)
{
    struct root *root = self;
    rpyc_object_free(root->kept);
    free(root);
}

static const rpyc_method methods[] = {
    {"exposed_rules", rules, "rules(name)", NULL, 0},
    {"exposed_make", make, "make(kind, *args)", NULL, 0},
    {"exposed_echo", echo, "echo(value)", NULL, 0},
    {"exposed_mix", mix, "mix(a, b=2, *rest, c=3, **named)", NULL, 0},
    {"exposed_strict", strict, "strict(a, /, b, *, c)", NULL, 0},
    {"exposed_fail", fail, "fail(name, *args)", NULL, 0},
    {"exposed_keep", keep, "keep(key, value)", NULL, 0},
    {"exposed_kept", kept, "kept(key)", NULL, 0},
    {"exposed_drop", drop, "drop(key)", NULL, 0},
    {"exposed_invoke", invoke, "invoke(key, *args, **kwargs)", NULL, 0},
    {"exposed_call", call_it, "call(function, *args, **kwargs)", NULL, 0},
    {"exposed_attempt", attempt, "attempt(function, *args)", NULL, 0},
    {"exposed_each", each, "each(function, items)", NULL, 0},
    {"exposed_method", method, "method(value, name, *args)", NULL, 0},
    {"exposed_get", get, "get(value, name)", NULL, 0},
    {"exposed_put", put, "put(value, name, new)", NULL, 0},
    {"exposed_remove", remove_it, "remove(value, name)", NULL, 0},
    {"exposed_len", operate, "len(value)", NULL, 0},
    {"exposed_item", operate, "item(value, key)", NULL, 0},
    {"exposed_store", operate, "store(value, key, new)", NULL, 0},
    {"exposed_delete", operate, "delete(value, key)", NULL, 0},
    {"exposed_has", operate, "has(value, key)", NULL, 0},
    {"exposed_iterate", operate, "iterate(value)", NULL, 0},
    {"exposed_show", operate, "show(value)", NULL, 0},
    {"exposed_text", operate, "text(value)", NULL, 0},
    {"exposed_hash", operate, "hash(value)", NULL, 0},
    {"exposed_truth", operate, "truth(value)", NULL, 0},
    {"exposed_equal", operate, "equal(value, other)", NULL, 0},
    {"exposed_same", operate, "same(value, other)", NULL, 0},
    {"exposed_within", operate, "within(value, function, *args)", NULL, 0},
};

rpyc_status service_new(rpyc_class **service_out, rpyc_error **error_out)
{
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .module = "service",
        .name = "TwinService",
        .methods = methods,
        .method_count = COUNT(methods),
        .create = create,
        .destroy = destroy,
    };
    return rpyc_class_new(&table, NULL, NULL, service_out, error_out);
}
