/* Each destructor runs exactly once and each consumed value is taken, on success and on every early error. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "peers.h"

static int destroyed;

static void destroy(void *userdata)
{
    CHECK(userdata == &destroyed);
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_RELAXED);
}

static void expect_destroyed(int want, const char *text, int line)
{
    int got = __atomic_load_n(&destroyed, __ATOMIC_RELAXED);

    if (got != want)
        fprintf(stderr, "destroyed %d times, not %d\n", got, want);
    check(got == want, text, line);
}

/* The call fails, and has run the destructor all the same. */
#define FAILS_ONCE(call)                                                                                               \
    do {                                                                                                               \
        rpyc_status status;                                                                                            \
        destroyed = 0;                                                                                                 \
        status = (call);                                                                                               \
        check(status != RPYC_OK && status != RPYC_ERR_PANIC, "fails: " #call, __LINE__);                               \
        expect_destroyed(1, #call, __LINE__);                                                                          \
    } while (0)

/* ---------------------------------------------------------------- userdata with a destructor */

static void bytes(void)
{
    rpyc_value *value = NULL, *more;

    FAILS_ONCE(rpyc_value_new_bytes_owned(NULL, 3, &destroyed, destroy, &value, NULL));
    FAILS_ONCE(rpyc_value_new_bytes_owned("abc", 3, &destroyed, destroy, NULL, NULL));
    destroyed = 0;
    OK(rpyc_value_new_bytes_owned("abc", 3, &destroyed, destroy, &value, &error));
    more = rpyc_value_clone(value);
    rpyc_value_free(value);
    expect_destroyed(0, "one handle is left", __LINE__);
    rpyc_value_free(more);
    expect_destroyed(1, "the last handle is gone", __LINE__);
}

static void method(rpyc_call *call, void *self)
{
    rpyc_call_return_bool(call, self == &destroyed);
}

static void classes(void)
{
    const rpyc_method methods[] = {{"exposed_method", method, "method(a)", NULL, 0}};
    const rpyc_method unnamed[] = {{NULL, method, NULL, NULL, 0}};
    const rpyc_method unsigned_[] = {{"exposed_method", method, "method(a, a", NULL, 0}};
    const rpyc_method no_text[] = {{"\xff", method, NULL, NULL, 0}};
    const rpyc_method flagged[] = {{"exposed_method", method, NULL, NULL, 8}};
    const struct {
        rpyc_class_table table;
        uint64_t later; /* as a later version may have it */
    } longer = {.table = {.struct_size = sizeof longer, .name = "Probe"}, .later = 1};
    const rpyc_class_table good = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "Probe",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_class_table table;
    rpyc_class *class = NULL, *more;

    FAILS_ONCE(rpyc_class_new(NULL, &destroyed, destroy, &class, NULL));
    FAILS_ONCE(rpyc_class_new(&good, &destroyed, destroy, NULL, NULL));
#define WRONG(member, wrong)                                                                                           \
    table = good;                                                                                                      \
    table.member = wrong;                                                                                              \
    FAILS_ONCE(rpyc_class_new(&table, &destroyed, destroy, &class, NULL));                                             \
    CHECK(class == NULL)
    WRONG(struct_size, 0);
    WRONG(struct_size, 3);
    WRONG(struct_size, SIZE_MAX);
    WRONG(method_size, 0);
    WRONG(method_size, SIZE_MAX);
    WRONG(name, NULL);
    WRONG(name, "\xff");
    WRONG(module, "\xff");
    WRONG(methods, NULL);
    WRONG(methods, unnamed);
    WRONG(methods, unsigned_);
    WRONG(methods, no_text);
    WRONG(property_count, 1);
    WRONG(alias_count, 1);
    WRONG(methods, flagged);
    WRONG(flags, 4);
    WRONG(flags, UINT64_C(1) << 40);
    FAILS_ONCE(rpyc_class_new(&longer.table, &destroyed, destroy, &class, NULL));
    GIVES(RPYC_ERR_ABI, rpyc_class_new(&longer.table, NULL, NULL, &class, &error));
    table = good;
    table.methods = flagged;
    CHECK(rpyc_class_new(&table, NULL, NULL, &class, &error) == RPYC_ERR_ABI);
    CHECK(strstr(rpyc_error_message(error), "'exposed_method'") && strstr(rpyc_error_message(error), "0x8"));
    rpyc_error_free(error);
    error = NULL;
#undef WRONG
    destroyed = 0;
    OK(rpyc_class_new(&good, &destroyed, destroy, &class, &error));
    more = rpyc_class_clone(class);
    rpyc_class_free(class);
    expect_destroyed(0, "one handle is left", __LINE__);
    rpyc_class_free(more);
    expect_destroyed(1, "the last handle is gone", __LINE__);
}

static void functions(void)
{
    rpyc_object *object = NULL;

    FAILS_ONCE(rpyc_function_new(NULL, method, NULL, NULL, 0, &destroyed, destroy, &object, NULL));
    FAILS_ONCE(rpyc_function_new("f", NULL, NULL, NULL, 0, &destroyed, destroy, &object, NULL));
    FAILS_ONCE(rpyc_function_new("f", method, "f(", NULL, 0, &destroyed, destroy, &object, NULL));
    FAILS_ONCE(rpyc_function_new("\xff", method, NULL, NULL, 0, &destroyed, destroy, &object, NULL));
    FAILS_ONCE(rpyc_function_new("f", method, NULL, NULL, 0, &destroyed, destroy, NULL, NULL));
    FAILS_ONCE(rpyc_function_new("f", method, NULL, NULL, 4, &destroyed, destroy, &object, NULL));
    GIVES(RPYC_ERR_ABI, rpyc_function_new("f", method, NULL, NULL, 4, NULL, NULL, &object, &error));
    CHECK(object == NULL);
    destroyed = 0;
    OK(rpyc_function_new("f", method, NULL, NULL, 0, &destroyed, destroy, &object, &error));
    expect_destroyed(0, "it is in use", __LINE__);
    rpyc_object_free(object);
    expect_destroyed(1, "the last handle is gone", __LINE__);
}

/* One object for each key, as long as it lives; what a second one would have been made of ends at once. */
static void keyed_objects(const rpyc_class *class)
{
    static int keys[100], other;
    rpyc_object *object = NULL, *again = NULL, *more = NULL;
    int i;

    FAILS_ONCE(rpyc_object_get_or_new(NULL, keys, &destroyed, destroy, &object, NULL));
    FAILS_ONCE(rpyc_object_get_or_new(class, NULL, &destroyed, destroy, &object, NULL));
    FAILS_ONCE(rpyc_object_get_or_new(class, keys, &destroyed, destroy, NULL, NULL));
    destroyed = 0;
    OK(rpyc_object_get_or_new(class, keys, &other, NULL, &object, &error));
    OK(rpyc_object_get_or_new(class, keys, &destroyed, destroy, &again, &error));
    expect_destroyed(1, "it was not needed", __LINE__);
    CHECK(rpyc_object_same(object, again) && rpyc_object_self(again, class) == &other);
    OK(rpyc_object_get_or_new(class, keys + 1, &destroyed, destroy, &more, &error));
    CHECK(!rpyc_object_same(object, more) && rpyc_object_self(more, class) == &destroyed);
    rpyc_object_free(again);
    rpyc_object_free(more);
    expect_destroyed(2, "the last handle is gone", __LINE__);
    /* Many that end at once, while one lives. */
    for (i = 1; i < 100; i++) {
        OK(rpyc_object_get_or_new(class, keys + i, &destroyed, destroy, &more, &error));
        rpyc_object_free(more);
    }
    expect_destroyed(101, "each has ended", __LINE__);
    OK(rpyc_object_get_or_new(class, keys, NULL, NULL, &again, &error));
    CHECK(rpyc_object_same(object, again));
    rpyc_object_free(again);
    rpyc_object_free(object);
    OK(rpyc_object_get_or_new(class, keys, &destroyed, destroy, &object, &error));
    CHECK(rpyc_object_self(object, class) == &destroyed);
    rpyc_object_free(object);
    expect_destroyed(102, "a new one", __LINE__);
}

static void objects(const rpyc_class *class)
{
    rpyc_object *object = NULL;

    FAILS_ONCE(rpyc_object_new(NULL, &destroyed, destroy, &object, NULL));
    FAILS_ONCE(rpyc_object_new(class, &destroyed, destroy, NULL, NULL));
    destroyed = 0;
    OK(rpyc_object_new(class, &destroyed, destroy, &object, &error));
    CHECK(rpyc_object_self(object, class) == &destroyed);
    rpyc_object_free(object);
    expect_destroyed(1, "the last handle is gone", __LINE__);
}

static int called;

static void answered(rpyc_async_result *result, void *userdata)
{
    CHECK(result != NULL && userdata == &destroyed);
    __atomic_add_fetch(&called, 1, __ATOMIC_RELAXED);
    expect_destroyed(0, "the destructor comes after the call", __LINE__);
}

static rpyc_async_result *request(struct peers *peers)
{
    rpyc_async_result *result = NULL;

    OK(rpyc_connection_async_request(peers->client, RPYC_HANDLE_GETROOT, NULL, 0, 5000, &result, &error));
    return result;
}

static void async_callbacks(struct peers *peers)
{
    rpyc_async_result *result = request(peers);

    FAILS_ONCE(rpyc_async_result_add_callback(NULL, answered, &destroyed, destroy, NULL));
    FAILS_ONCE(rpyc_async_result_add_callback(result, NULL, &destroyed, destroy, NULL));
    destroyed = called = 0;
    OK(rpyc_async_result_add_callback(result, answered, &destroyed, destroy, &error));
    OK(rpyc_async_result_wait(result, &error));
    CHECK(called == 1);
    expect_destroyed(1, "called and destroyed", __LINE__);
    destroyed = called = 0;
    OK(rpyc_async_result_add_callback(result, answered, &destroyed, destroy, &error)); /* ready: at once */
    CHECK(called == 1);
    expect_destroyed(1, "called at once and destroyed", __LINE__);
    rpyc_async_result_free(result);
    CHECK(called == 1);
    expect_destroyed(1, "the handle's end changes nothing", __LINE__);
}

/* The answer never comes. */
static void callback_of_a_lost_result(void)
{
    struct peers peers = {0};
    rpyc_async_result *result;

    peers_open(&peers);
    result = request(&peers);
    destroyed = called = 0;
    OK(rpyc_async_result_add_callback(result, answered, &destroyed, destroy, &error));
    rpyc_async_result_free(result);
    peers_close(&peers);
    CHECK(called <= 1);
    expect_destroyed(1, "once the connection is gone", __LINE__);
}

static void log_line(int32_t level, const char *message, size_t length, void *userdata)
{
    CHECK(level >= RPYC_LOG_ERROR && level <= RPYC_LOG_DEBUG && message != NULL && length > 0 &&
          userdata == &destroyed);
}

static void log_callbacks(void)
{
    destroyed = 0;
    OK(rpyc_set_log_callback(RPYC_LOG_DEBUG, log_line, &destroyed, destroy, &error));
    expect_destroyed(0, "it is in use", __LINE__);
    OK(rpyc_set_log_callback(RPYC_LOG_DEBUG, log_line, &destroyed, destroy, &error));
    expect_destroyed(1, "another one has taken its place", __LINE__);
    OK(rpyc_set_log_callback(0, NULL, NULL, NULL, &error));
    expect_destroyed(2, "none is left", __LINE__);
}

/* ---------------------------------------------------------------- consumed values */

static rpyc_value *probe(void)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_bytes_owned("abc", 3, &destroyed, destroy, &value, &error));
    return value;
}

/* The call takes the two values in `v`, or as many as are said. */
#define TAKES(count, call)                                                                                             \
    do {                                                                                                               \
        rpyc_value *v[2] = {NULL, NULL};                                                                               \
        destroyed = 0;                                                                                                 \
        for (int i = 0; i < (count); i++)                                                                              \
            v[i] = probe();                                                                                            \
        (void)(call);                                                                                                  \
        expect_destroyed((count), "takes its values: " #call, __LINE__);                                               \
    } while (0)

static void consumed_by_constructors(void)
{
    const char *names[] = {"a", "b"}, *no_text[] = {"a", "\xff"}, *no_names[] = {"a", NULL};
    rpyc_value *made = NULL;

    TAKES(2, rpyc_value_new_tuple(v, 2, NULL, NULL));
    TAKES(2, rpyc_value_new_list(v, 2, NULL, NULL));
    TAKES(2, rpyc_value_new_frozenset(v, 2, NULL, NULL));
    TAKES(2, rpyc_value_new_slice(v[0], v[1], NULL, NULL, NULL));
    TAKES(2, rpyc_value_new_dict(v, v + 1, 1, NULL, NULL));
    TAKES(1, rpyc_value_new_dict(v, NULL, 1, &made, NULL));
    TAKES(1, rpyc_value_new_dict(NULL, v, 1, &made, NULL));
    TAKES(2, rpyc_value_new_keywords(names, v, 2, NULL, NULL));
    TAKES(2, rpyc_value_new_keywords(NULL, v, 2, &made, NULL));
    TAKES(2, rpyc_value_new_keywords(no_text, v, 2, &made, NULL));
    TAKES(2, rpyc_value_new_keywords(no_names, v, 2, &made, NULL));
    /* One item is missing: the other one is taken. */
    TAKES(1, rpyc_value_new_tuple(v, 2, &made, NULL));
    TAKES(1, rpyc_value_new_list(v, 2, &made, NULL));
    TAKES(1, rpyc_value_new_frozenset(v, 2, &made, NULL));
    TAKES(1, rpyc_value_new_keywords(names, v, 2, &made, NULL));
    CHECK(made == NULL);
    TAKES(2, (rpyc_value_new_tuple(v, 2, &made, NULL), rpyc_value_free(made)));
}

static void consumed_by_requests(rpyc_connection *connection, rpyc_object *object)
{
    rpyc_value *made = NULL;
    rpyc_async_result *result = NULL;

    TAKES(2, rpyc_connection_sync_request(NULL, RPYC_HANDLE_PING, v, 2, &made, NULL));
    TAKES(2, rpyc_connection_sync_request(connection, RPYC_HANDLE_PING, v, 2, NULL, NULL));
    TAKES(1, rpyc_connection_sync_request(connection, RPYC_HANDLE_PING, v, 2, &made, NULL));
    TAKES(2, rpyc_connection_async_request(NULL, RPYC_HANDLE_PING, v, 2, 1000, &result, NULL));
    TAKES(2, rpyc_connection_async_request(connection, RPYC_HANDLE_PING, v, 2, 1000, NULL, NULL));
    TAKES(2, rpyc_object_call(NULL, v, 1, v[1], &made, NULL));
    TAKES(2, rpyc_object_call(object, v, 1, v[1], NULL, NULL));
    TAKES(2, rpyc_object_call(object, v, 1, v[1], &made, NULL)); /* bytes are no keywords */
    TAKES(2, rpyc_object_call_method(NULL, "echo", v, 1, v[1], &made, NULL));
    TAKES(2, rpyc_object_call_method(object, NULL, v, 2, NULL, &made, NULL));
    TAKES(2, rpyc_object_call_method(object, "\xff", v, 2, NULL, &made, NULL));
    TAKES(2, rpyc_object_call_method(object, "echo", v, 2, NULL, NULL, NULL));
    TAKES(2, rpyc_object_call_async(NULL, v, 1, v[1], 1000, &result, NULL));
    TAKES(2, rpyc_object_call_method_async(object, NULL, v, 2, NULL, 1000, &result, NULL));
    TAKES(1, rpyc_object_set_attr(NULL, "name", v[0], NULL));
    TAKES(1, rpyc_object_set_attr(object, NULL, v[0], NULL));
    TAKES(1, rpyc_object_set_attr_async(object, NULL, v[0], 1000, &result, NULL));
    TAKES(1, rpyc_object_compare(NULL, RPYC_EQ, v[0], &made, NULL));
    TAKES(1, rpyc_object_compare(object, 99, v[0], &made, NULL));
    TAKES(1, rpyc_object_get_item(NULL, v[0], &made, NULL));
    TAKES(1, rpyc_object_get_item(object, v[0], NULL, NULL));
    TAKES(2, rpyc_object_set_item(NULL, v[0], v[1], NULL));
    TAKES(1, rpyc_object_set_item(object, v[0], NULL, NULL));
    TAKES(1, rpyc_object_set_item(object, NULL, v[0], NULL));
    TAKES(1, rpyc_object_del_item(NULL, v[0], NULL));
    TAKES(1, rpyc_object_contains(NULL, v[0], NULL, NULL));
    TAKES(2, rpyc_object_set_item_async(NULL, v[0], v[1], 1000, &result, NULL));
    CHECK(made == NULL && result == NULL);
}

static void consumed_by_answers(void)
{
    TAKES(1, rpyc_call_return(NULL, v[0]));
    TAKES(2, rpyc_call_raise_with(NULL, "builtins", "ValueError", v, 1, v[1]));
}

static void consumed_by_a_call_that_is_answered(rpyc_call *call)
{
    TAKES(1, rpyc_call_raise_with(call, NULL, NULL, v, 1, NULL));
    OK(rpyc_call_return_int(call, 1));
    TAKES(1, rpyc_call_return(call, v[0]));
    TAKES(2, rpyc_call_raise_with(call, "builtins", "ValueError", v, 1, v[1]));
}

/* A value that was sent is let go once the request has been answered. */
static void consumed_by_success(rpyc_object *root)
{
    rpyc_value *answer = NULL;

    TAKES(1, rpyc_object_call_method(root, "echo", v, 1, NULL, &answer, &error));
    CHECK(rpyc_value_kind(answer) == RPYC_VALUE_BYTES);
    rpyc_value_free(answer);
}

int main(void)
{
    struct peers peers = {0};
    rpyc_object *root = NULL;
    rpyc_value *answer = NULL;

    bytes();
    classes();
    functions();
    log_callbacks();
    consumed_by_constructors();
    consumed_by_answers();
    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    objects(peers.service);
    keyed_objects(peers.service);
    async_callbacks(&peers);
    consumed_by_requests(peers.client, root);
    consumed_by_success(root);
    peers_probe = consumed_by_a_call_that_is_answered;
    OK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &answer, &error));
    peers_probe = NULL;
    rpyc_value_free(answer);
    rpyc_object_free(root);
    peers_close(&peers);
    callback_of_a_lost_result();
    return finish();
}
