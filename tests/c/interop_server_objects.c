/* The service's functions that hand out objects, and those that hold the client's. */
#include "interop_server.h"

#include <stdlib.h>

/* More than this is refused with MemoryError. */
#define LONGEST_LIST ((int64_t)1 << 24)

/* ---------------------------------------------------------------- the client's objects */

static void hold(struct root *root, rpyc_value *value)
{
    pthread_mutex_lock(&root->lock);
    rpyc_value *old = root->held;
    root->held = value;
    pthread_mutex_unlock(&root->lock);
    rpyc_value_free(old);
}

void root_hold(rpyc_call *call, void *self)
{
    hold(self, rpyc_value_clone(rpyc_call_arg(call, 0)));
    rpyc_call_return(call, NULL);
}

void root_get_held(rpyc_call *call, void *self)
{
    struct root *root = self;
    pthread_mutex_lock(&root->lock);
    rpyc_value *value = root->held != NULL ? rpyc_value_clone(root->held) : rpyc_value_new_none();
    pthread_mutex_unlock(&root->lock);
    answer(call, value);
}

void root_release(rpyc_call *call, void *self)
{
    hold(self, NULL);
    rpyc_call_return(call, NULL);
}

void root_is_same(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *left = NULL, *right = NULL;
    bool same = rpyc_value_get_object(rpyc_call_arg(call, 0), &left, NULL) == RPYC_OK &&
                rpyc_value_get_object(rpyc_call_arg(call, 1), &right, NULL) == RPYC_OK && rpyc_object_same(left, right);
    rpyc_object_free(left);
    rpyc_object_free(right);
    rpyc_call_return_bool(call, same);
}

/* ---------------------------------------------------------------- items */

static void make(rpyc_call *call, const rpyc_class *klass)
{
    const char *text = NULL;
    size_t length = 0;
    if (rpyc_call_get_str(call, 0, &text, &length) == RPYC_OK)
        answer_object(call, item_object(klass, rpyc_value_clone(rpyc_call_arg(call, 0))));
}

void root_make(rpyc_call *call, void *self)
{
    (void)self;
    make(call, item_class());
}

void root_make_sub(rpyc_call *call, void *self)
{
    (void)self;
    make(call, sub_item_class());
}

static rpyc_value *class_value(const rpyc_class *klass)
{
    rpyc_object *object = NULL;
    rpyc_class_object(klass, &object, NULL);
    rpyc_value *value = object_value(object);
    rpyc_object_free(object);
    return value;
}

void root_classes(rpyc_call *call, void *self)
{
    (void)self;
    answer(call, TUPLE(class_value(item_class()), class_value(sub_item_class())));
}

void root_shared(rpyc_call *call, void *self)
{
    struct root *root = self;
    answer(call, object_value(root->shared));
}

void root_live(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, live_items());
}

void root_collect(rpyc_call *call, void *self)
{
    (void)self; /* nothing is left to a collector here */
    rpyc_call_return(call, NULL);
}

/* ---------------------------------------------------------------- containers */

void root_make_list(rpyc_call *call, void *self)
{
    (void)self;
    int64_t count = 0;
    size_t length = 0;
    if (rpyc_call_get_int(call, 0, &count))
        return;
    rpyc_value *range = count <= LONGEST_LIST ? range_value(count) : NULL;
    rpyc_value **items = range != NULL ? cloned_items(range, &length) : NULL;
    answer_object(call, items != NULL ? list_object(items, length) : NULL);
    free(items);
    rpyc_value_free(range);
}

void root_make_dict(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_value *keys[] = {str_value("a"), str_value("b")};
    rpyc_value *values[] = {rpyc_value_new_int(1), TUPLE(rpyc_value_new_int(2), rpyc_value_new_int(3))};
    answer_object(call, dict_object(keys, values, COUNT(keys)));
}

/* The inner list is one of the library's, made from a value; make_list() gives one of this program's. */
void root_mixed(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *item = item_object(item_class(), str_value("three"));
    rpyc_value *list = NULL;
    rpyc_value_new_list(ITEMS(rpyc_value_new_int(5), rpyc_value_new_int(6)), &list, NULL);
    answer(call, TUPLE(rpyc_value_new_int(1), str_value("two"), object_value(item), TUPLE(rpyc_value_new_int(4), list),
                       rpyc_value_new_none()));
    rpyc_object_free(item);
}

/* ---------------------------------------------------------------- generators */

struct generator {
    int64_t next, count;
    bool fails; /* ValueError in the place of StopIteration; plain numbers, not squares */
};

static void generator_step(rpyc_call *call, void *state)
{
    struct generator *generator = state;
    if (generator->next < generator->count) {
        int64_t i = generator->next++;
        rpyc_call_return_int(call, generator->fails ? i : i * i);
    } else if (generator->fails) {
        generator->fails = false; /* a Python generator ends when it has raised */
        rpyc_call_raise(call, "ValueError", "generator gave up");
    } else {
        raise_stop_iteration(call);
    }
}

static void generate(rpyc_call *call, bool fails)
{
    int64_t count = 0;
    if (rpyc_call_get_int(call, 0, &count))
        return;
    struct generator *state = malloc(sizeof *state);
    if (state == NULL) {
        answer(call, NULL);
        return;
    }
    *state = (struct generator){0, count < INT32_MAX ? count : INT32_MAX, fails};
    answer_object(call, iterator_object(generator_step, state, free));
}

void root_gen(rpyc_call *call, void *self)
{
    (void)self;
    generate(call, false);
}

void root_gen_fail(rpyc_call *call, void *self)
{
    (void)self;
    generate(call, true);
}

/* ---------------------------------------------------------------- adder */

static void add_to_base(rpyc_call *call, void *base)
{
    answer_sum(call, base, rpyc_call_arg(call, 0));
}

void root_adder(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_object *function = NULL;
    rpyc_error *error = NULL;
    rpyc_function_new("adder", add_to_base, "adder(value)", "Adds the value to the base.", 0,
                      rpyc_value_clone(rpyc_call_arg(call, 0)), free_value, &function, &error);
    answer_or_raise(call, object_value(function), error);
    rpyc_object_free(function);
}

/* ---------------------------------------------------------------- context managers */

/* Calls for one never overlap: its class is serial. */
struct context {
    const char *state;
    bool swallow;
};

static rpyc_class *context_class;

static void context_state(rpyc_call *call, void *self)
{
    rpyc_call_return_str(call, ((struct context *)self)->state, RPYC_NUL_TERMINATED);
}

static void context_enter(rpyc_call *call, void *self)
{
    ((struct context *)self)->state = "entered";
    rpyc_call_return_object(call, rpyc_call_target(call));
}

static void context_exit(rpyc_call *call, void *self)
{
    struct context *context = self;
    bool failed = rpyc_value_kind(rpyc_call_arg(call, 0)) != RPYC_VALUE_NONE;
    context->state = failed ? "exited with an error" : "exited";
    rpyc_call_return_bool(call, context->swallow && failed);
}

void root_ctx(rpyc_call *call, void *self)
{
    (void)self;
    bool swallow = false;
    rpyc_object *object = NULL;
    rpyc_error *error = NULL;
    if (rpyc_call_get_bool(call, 0, &swallow))
        return;
    struct context *context = malloc(sizeof *context);
    if (context == NULL) {
        answer(call, NULL);
        return;
    }
    *context = (struct context){"new", swallow};
    rpyc_object_new(context_class, context, free, &object, &error);
    answer_or_raise(call, object_value(object), error);
    rpyc_object_free(object);
}

static const rpyc_method context_methods[] = {
    {"exposed_state", context_state, "state()", "What has happened so far.", 0},
    {"__enter__", context_enter, "__enter__()", NULL, 0},
    {"__exit__", context_exit, "__exit__(kind, value, traceback)", NULL, 0},
};

rpyc_status objects_init(rpyc_error **error_out)
{
    rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *context_methods,
        .module = "interop",
        .name = "Ctx",
        .doc = "A context manager; state() tells what happened.",
        .flags = RPYC_CLASS_SERIAL,
        .methods = context_methods,
        .method_count = COUNT(context_methods),
    };
    return rpyc_class_new(&table, NULL, NULL, &context_class, error_out);
}

void objects_free(void)
{
    rpyc_class_free(context_class);
    context_class = NULL;
}
