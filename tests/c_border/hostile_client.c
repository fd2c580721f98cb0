/* A client of hostile servers: hostile_client ADDRESS ROUNDS [STACK-KIB] connects ROUNDS times, makes every operation that asks
 * the peer for something, and looks at what came of it: a failure has an error and no result, a success has none. Which status
 * there is, is the server's affair. Each round has a thread, with a small stack if asked for. At the end it says how much of its
 * memory is in use after ten rounds and after all. */
#define _GNU_SOURCE
#include "check.h"

#include <dirent.h>
#include <malloc.h>

#include <rpyc_helpers.h>

static const char *address;
static unsigned counts[1000];

/* ---------------------------------------------------------------- what came of it */

static void look_at_error(const rpyc_error *why)
{
    rpyc_value *args = rpyc_error_args(why);
    size_t n, count = rpyc_error_attribute_count(why);

    CHECK(rpyc_error_message(why)[0] != '\0' && rpyc_error_describe(why)[0] != '\0');
    CHECK(strchr(rpyc_error_describe(why), '\n') == NULL && strchr(rpyc_error_describe(why), '\x1b') == NULL);
    (void)rpyc_error_traceback(why);
    (void)rpyc_error_type_name(why);
    for (n = 0; n < count && n < 20; n++) {
        const char *name = rpyc_error_attribute_name(why, n);

        if (name)
            rpyc_value_free(rpyc_error_attribute(why, name));
    }
    rpyc_value_free(args);
}

static int came(rpyc_status status, rpyc_error **error_out, int has_result, const char *call)
{
    rpyc_error *why = *error_out;

    *error_out = NULL;
    if (status >= 0 && status < (rpyc_status)RPYC_COUNT(counts))
        __atomic_add_fetch(&counts[status], 1, __ATOMIC_RELAXED);
    /* The end of an iteration makes no error, but where a peer raises StopIteration elsewhere. */
    if ((status != RPYC_ERR_STOP_ITERATION && (status == RPYC_OK) == (why != NULL)) ||
        (status != RPYC_OK && has_result) || (why && rpyc_error_status(why) != status))
        check(0, call, __LINE__);
    if (why)
        look_at_error(why);
    rpyc_error_free(why);
    return status == RPYC_OK;
}

static _Thread_local rpyc_status last;

/* With &why as the last argument of the call. */
#define CAME(result, call) (last = (call), came(last, &why, (result) != NULL, #call))
#define DONE(call) (last = (call), came(last, &why, 0, #call))

static void drop(rpyc_value **value)
{
    rpyc_value *text;
    const char *shown;
    size_t length;

    if (*value && rpyc_value_count(*value) < 1000) {
        text = rpyc_value_repr(*value);
        if (!rpyc_value_get_str(text, &shown, &length, NULL))
            CHECK(memchr(shown, '\n', length) == NULL && memchr(shown, '\x1b', length) == NULL);
        rpyc_value_free(text);
    }
    rpyc_value_free(*value);
    *value = NULL;
}

/* ---------------------------------------------------------------- operations */

static void called_back(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static rpyc_value *callback(void)
{
    rpyc_object *function = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_function_new("called_back", called_back, NULL, NULL, 0, NULL, NULL, &function, NULL));
    OK(rpyc_value_new_object(function, &value, NULL));
    rpyc_object_free(function);
    return value;
}

static rpyc_value *key(void)
{
    return rpyc_value_new_int(1);
}

static void of_texts(rpyc_object *object)
{
    rpyc_value *value = NULL;
    rpyc_error *why = NULL;

    CAME(value, rpyc_object_str(object, &value, &why)), drop(&value);
    CAME(value, rpyc_object_repr(object, &value, &why)), drop(&value);
    CAME(value, rpyc_object_hash(object, &value, &why)), drop(&value);
    CAME(value, rpyc_object_dir(object, &value, &why)), drop(&value);
    CAME(value, rpyc_object_inspect(object, &value, &why)), drop(&value);
    CHECK(rpyc_object_type_name(object) != NULL);
}

static void of_attributes(rpyc_object *object)
{
    rpyc_value *value = NULL, *args[2];
    rpyc_error *why = NULL;

    CAME(value, rpyc_object_get_attr(object, "x", &value, &why)), drop(&value);
    DONE(rpyc_object_set_attr(object, "x", key(), &why));
    DONE(rpyc_object_del_attr(object, "x", &why));
    args[0] = key(), args[1] = callback();
    CAME(value, rpyc_object_call_method(object, "work", args, 2, NULL, &value, &why)), drop(&value);
    args[0] = callback();
    CAME(value, rpyc_object_call(object, args, 1, NULL, &value, &why)), drop(&value);
    CAME(value, rpyc_object_enter(object, &value, &why)), drop(&value);
}

static void of_comparisons(rpyc_object *object)
{
    rpyc_value *value = NULL;
    rpyc_error *why = NULL;
    int64_t number;
    bool flag;

    CAME(value, rpyc_object_compare(object, RPYC_LT, key(), &value, &why)), drop(&value);
    DONE(rpyc_object_equal(object, key(), &flag, &why));
    DONE(rpyc_object_truth(object, &flag, &why));
    DONE(rpyc_object_length(object, &number, &why));
    DONE(rpyc_object_contains(object, callback(), &flag, &why));
    DONE(rpyc_object_is_instance(object, object, &flag, &why));
    DONE(rpyc_object_exit(object, NULL, &flag, &why));
    CAME(value, rpyc_object_get_item(object, key(), &value, &why)), drop(&value);
    DONE(rpyc_object_set_item(object, key(), callback(), &why));
    DONE(rpyc_object_del_item(object, key(), &why));
}

static void of_items(rpyc_object *object)
{
    rpyc_value *value = NULL;
    rpyc_object *iterator = NULL;
    rpyc_iterator *through = NULL;
    rpyc_error *why = NULL;
    int n = 0;

    if (CAME(iterator, rpyc_object_iter(object, &iterator, &why))) {
        CAME(value, rpyc_object_next(iterator, &value, &why)), drop(&value);
        CAME(value, rpyc_object_next_chunk(iterator, 5, &value, &why)), drop(&value);
    }
    rpyc_object_free(iterator);
    if (CAME(through, rpyc_object_iterate(object, &through, &why))) {
        do {
            drop(&value);
        } while (CAME(value, rpyc_iterator_next(through, &value, &why)) && value && ++n < 20);
        drop(&value);
    }
    rpyc_iterator_free(through);
}

static void of_copies(rpyc_object *object)
{
    static const rpyc_value_kind_id kinds[] = {RPYC_VALUE_INT, RPYC_VALUE_FLOAT, RPYC_VALUE_STR, RPYC_VALUE_BYTES,
                                               RPYC_VALUE_BOOL};
    rpyc_value *value = NULL, *shape = NULL, *given = NULL;
    rpyc_async_result *result = NULL;
    rpyc_buffer *buffer = NULL;
    rpyc_error *why = NULL;
    char memory[100];
    size_t n;

    CAME(value, rpyc_object_obtain(object, 10, 1000, 100000, &value, &why)), drop(&value);
    CAME(value, rpyc_object_obtain_array(object, 100000, &value, &shape, &why)), drop(&value), drop(&shape);
    for (n = 0; n < RPYC_COUNT(kinds); n++) {
        OK(rpyc_value_new_object(object, &given, NULL));
        CAME(value, rpyc_value_convert(given, kinds[n], 500, &value, &why)), drop(&value), drop(&given);
    }
    OK(rpyc_buffer_new(memory, sizeof memory, NULL, NULL, &buffer, NULL));
    CAME(value, rpyc_object_call_method_into(object, "work", NULL, 0, NULL, buffer, &value, &why)), drop(&value);
    rpyc_buffer_free(buffer);
    if (CAME(result, rpyc_object_call_method_async(object, "work", NULL, 0, NULL, 500, &result, &why))) {
        DONE(rpyc_async_result_wait(result, &why));
        CAME(value, rpyc_async_result_value(result, &value, &why)), drop(&value);
    }
    rpyc_async_result_free(result);
}

static void of_classic(rpyc_connection *connection)
{
    rpyc_classic *classic = NULL;
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;
    rpyc_error *why = NULL;

    if (CAME(classic, rpyc_classic_new(connection, &classic, &why))) {
        CAME(value, rpyc_classic_eval(classic, "1 + 1", RPYC_NUL_TERMINATED, &value, &why)), drop(&value);
        DONE(rpyc_classic_execute(classic, "x = 1", RPYC_NUL_TERMINATED, &why));
        CAME(value, rpyc_classic_get(classic, "x", &value, &why)), drop(&value);
        CAME(value, rpyc_classic_deliver(classic, callback(), &value, &why)), drop(&value);
        CAME(object, rpyc_classic_namespace(classic, &object, &why));
        rpyc_object_free(object), object = NULL;
        if (CAME(object, rpyc_classic_module(classic, "os", &object, &why))) {
            CAME(value, rpyc_classic_obtain(classic, object, 10, 1000, 100000, &value, &why)), drop(&value);
        }
        rpyc_object_free(object);
    }
    rpyc_classic_free(classic);
}

/* One connection, with every operation on its root. */
static void *round_of(void *argument)
{
    const char *dialects[] = {"6", "auto", "5", "6"};
    int number = *(int *)argument;
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_error *why = NULL;

    OK(rpyc_config_set(config, "dialect", dialects[number % 4], NULL));
    OK(rpyc_config_set(config, "native", number % 4 == 3 ? "on" : "accept", NULL));
    OK(rpyc_config_set(config, "connect_timeout", "0.5", NULL));
    OK(rpyc_config_set(config, "sync_request_timeout", "0.5", NULL));
    OK(rpyc_config_set(config, "close_timeout", "0.2", NULL));
    if (CAME(connection, rpyc_connect(address, NULL, config, &connection, &why))) {
        DONE(rpyc_connection_ping(connection, "x", 1, 500, &why));
        if (CAME(root, rpyc_connection_root(connection, &root, &why))) {
            of_texts(root);
            of_attributes(root);
            of_comparisons(root);
            of_items(root);
            of_copies(root);
            of_classic(connection);
        }
        rpyc_object_free(root);
        DONE(rpyc_connection_close(connection, &why));
    }
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    return NULL;
}

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static size_t in_use(void)
{
    struct mallinfo2 all = mallinfo2();

    return all.uordblks + all.hblkhd;
}

int main(int argc, char **argv)
{
    size_t after_ten = 0;
    int number, rounds, open_before = descriptors();
    pthread_attr_t attributes;
    pthread_t thread;

    if (argc < 3)
        return EXIT_FAILURE;
    address = argv[1];
    rounds = atoi(argv[2]);
    pthread_attr_init(&attributes);
    if (argc > 3)
        pthread_attr_setstacksize(&attributes, (size_t)atoi(argv[3]) << 10);
    for (number = 0; number < rounds; number++) {
        CHECK(pthread_create(&thread, &attributes, round_of, &number) == 0);
        pthread_join(thread, NULL);
        if (number == 10)
            after_ten = in_use();
    }
    for (number = 0; number < (int)RPYC_COUNT(counts); number++)
        if (counts[number])
            printf("%s: %u\n", rpyc_status_name(number), counts[number]);
    CHECK(descriptors() == open_before);
    printf("in use: %zu, %zu\n", after_ten, in_use());
    return finish();
}
