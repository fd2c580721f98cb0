/* Lists, dicts, generators and files that peers change: containers ADDRESS serves one Python client, then looks at what
 * that left (not with another argument). Without an address it uses them from C alone. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/socket.h>

static int ended; /* generators whose userdata was freed */

static rpyc_value *text(const char *chars)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_str(chars, RPYC_NUL_TERMINATED, &value, &error));
    return value;
}

static int shows(rpyc_value *value, const char *wanted)
{
    rpyc_value *repr = rpyc_value_repr(value);
    int same = rpyc_value_str_equal(repr, wanted);

    if (!same) {
        const char *is;
        size_t length;

        OK(rpyc_value_get_str(repr, &is, &length, &error));
        fprintf(stderr, "is %.*s, not %s\n", (int)length, is, wanted);
    }
    rpyc_value_free(repr);
    rpyc_value_free(value);
    return same;
}

static int list_is(rpyc_object *list, const char *wanted)
{
    rpyc_value *value = NULL;

    OK(rpyc_list_snapshot(list, &value, &error));
    return shows(value, wanted);
}

static int dict_is(rpyc_object *dict, const char *wanted)
{
    rpyc_value *value = NULL;

    OK(rpyc_dict_snapshot(dict, &value, &error));
    return shows(value, wanted);
}

static rpyc_object *new_list(int64_t from, int64_t to)
{
    rpyc_object *list = NULL;

    OK(rpyc_list_new(NULL, 0, &list, &error));
    while (from < to)
        OK(rpyc_list_append(list, rpyc_value_new_int(from++), &error));
    return list;
}

static rpyc_object *new_dict(void)
{
    rpyc_value *keys[3] = {text("a"), rpyc_value_new_int(2), text("c")};
    rpyc_value *values[3] = {rpyc_value_new_int(1), text("two"), NULL};
    rpyc_object *dict = NULL;

    values[2] = rpyc_value_new_float(3.5);
    OK(rpyc_dict_new(keys, values, 3, &dict, &error));
    return dict;
}

/* Counts down, then ends; raises at 13. */
struct countdown {
    int64_t left;
};

static void next(rpyc_call *call, void *self)
{
    struct countdown *countdown = self;

    if (countdown->left == 13)
        rpyc_call_raise(call, "LookupError", "thirteen");
    else if (countdown->left == 0)
        rpyc_call_raise(call, "StopIteration", NULL);
    else
        rpyc_call_return_int(call, countdown->left--);
}

static void end(void *self)
{
    __atomic_add_fetch(&ended, 1, __ATOMIC_RELAXED);
    free(self);
}

static rpyc_object *generator(int64_t from)
{
    struct countdown *countdown = malloc(sizeof *countdown);
    rpyc_object *made = NULL;

    countdown->left = from;
    OK(rpyc_generator_new(next, countdown, end, &made, &error));
    return made;
}

static rpyc_value *value_of(rpyc_object *object)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_object(object, &value, &error));
    rpyc_object_free(object);
    return value;
}

static rpyc_object *shared_list, *shared_dict;

/* The same by value. */
static rpyc_value *list_by_value(int64_t count)
{
    rpyc_value *items[64], *list = NULL;
    int64_t n;

    CHECK(count <= 64);
    for (n = 0; n < count; n++)
        items[n] = rpyc_value_new_int(n);
    OK(rpyc_value_new_list(items, (size_t)count, &list, &error));
    return list;
}

static rpyc_value *dict_by_value(void)
{
    rpyc_value *keys[3] = {text("a"), rpyc_value_new_int(2), text("c")};
    rpyc_value *values[3] = {rpyc_value_new_int(1), text("two"), NULL};
    rpyc_value *dict = NULL;

    values[2] = rpyc_value_new_float(3.5);
    OK(rpyc_value_new_dict(keys, values, 3, &dict, &error));
    return dict;
}

/* Hands out what Python asks for by name. */
static void give(rpyc_call *call, void *self)
{
    const char *kind;
    size_t length;
    int64_t n;

    (void)self;
    if (rpyc_call_get_str(call, 0, &kind, &length))
        return;
    if (length == 4 && memcmp(kind, "list", 4) == 0) {
        if (!rpyc_call_get_int(call, 1, &n))
            rpyc_call_return(call, value_of(new_list(0, n)));
    } else if (length == 4 && memcmp(kind, "dict", 4) == 0) {
        rpyc_call_return(call, value_of(new_dict()));
    } else if (length == 13 && memcmp(kind, "list by value", 13) == 0) {
        if (!rpyc_call_get_int(call, 1, &n))
            rpyc_call_return(call, list_by_value(n));
    } else if (length == 13 && memcmp(kind, "dict by value", 13) == 0) {
        rpyc_call_return(call, dict_by_value());
    } else if (length == 14 && memcmp(kind, "lists by value", 14) == 0) {
        rpyc_value *lists[2] = {list_by_value(3), list_by_value(2)}, *outer = NULL;

        OK(rpyc_value_new_list(lists, 2, &outer, &error));
        rpyc_call_return(call, outer);
    } else if (length == 6 && memcmp(kind, "shared", 6) == 0) {
        rpyc_value *both[2] = {NULL, NULL}, *pair = NULL;

        OK(rpyc_value_new_object(shared_list, &both[0], &error));
        OK(rpyc_value_new_object(shared_dict, &both[1], &error));
        OK(rpyc_value_new_tuple(both, 2, &pair, &error));
        rpyc_call_return(call, pair);
    } else if (length == 9 && memcmp(kind, "generator", 9) == 0) {
        if (!rpyc_call_get_int(call, 1, &n))
            rpyc_call_return(call, value_of(generator(n)));
    } else {
        rpyc_call_raise(call, "ValueError", "no such kind");
    }
}

static void give_file(rpyc_call *call, void *self)
{
    const char *chars;
    size_t length;
    char path[1024], mode[8];
    int descriptor;
    rpyc_object *file = NULL;

    (void)self;
    if (rpyc_call_get_str(call, 0, &chars, &length) || length >= sizeof path)
        return;
    memcpy(path, chars, length);
    path[length] = 0;
    if (rpyc_call_get_str(call, 1, &chars, &length) || length >= sizeof mode)
        return;
    memcpy(mode, chars, length);
    mode[length] = 0;
    descriptor = open(path, strchr(mode, '+') ? O_RDWR : strchr(mode, 'r') ? O_RDONLY : O_WRONLY);
    CHECK(descriptor >= 0);
    OK(rpyc_file_new(descriptor, mode, 1, &file, &error));
    rpyc_call_return(call, value_of(file));
}

static void how_many_ended(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, __atomic_load_n(&ended, __ATOMIC_RELAXED));
}

/* Answered later. */
static rpyc_call *kept;

static void keep(rpyc_call *call, void *self)
{
    (void)self;
    kept = rpyc_call_defer(call);
}

static rpyc_class *new_service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_give", give, "give(kind, n=0)", NULL, 0},
        {"exposed_file", give_file, "file(path, mode)", NULL, 0},
        {"exposed_keep", keep, "keep(item)", NULL, 0},
        {"exposed_ended", how_many_ended, "ended()", NULL, 0},
    };
    static const rpyc_class_table table = {.struct_size = sizeof table,
                                           .method_size = sizeof(rpyc_method),
                                           .name = "ContainersService",
                                           .methods = methods,
                                           .method_count = sizeof methods / sizeof *methods};
    rpyc_class *service = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    return service;
}

static int serve(const char *address, bool changed)
{
    rpyc_class *service = new_service();
    rpyc_server *server = NULL;
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set_bool(config, "allow_public_attrs", 1, &error));
    OK(rpyc_config_set_bool(config, "allow_pickle", 1, &error));
    shared_list = new_list(0, 3);
    shared_dict = new_dict();
    OK(rpyc_server_new(address, service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve_one(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    CHECK(!changed || list_is(shared_list, "[0, 1, 2, 'from Python']"));
    CHECK(!changed || dict_is(shared_dict, "{'a': 1, 2: 'two', 'c': 3.5, 'new': (1, 2)}"));
    rpyc_object_free(shared_list);
    rpyc_object_free(shared_dict);
    return finish();
}

static void lists(void)
{
    rpyc_object *list = new_list(0, 3), *other = new_list(0, 3), *dict = new_dict();
    rpyc_value *value = NULL, *items[2];
    bool same = false;

    CHECK(rpyc_list_count(list) == 3 && rpyc_list_count(dict) == 0 && rpyc_list_count(NULL) == 0);
    CHECK(strcmp(rpyc_object_type_name(list), "builtins.list") == 0);
    OK(rpyc_list_set(list, -1, text("last"), &error));
    OK(rpyc_list_insert(list, -100, rpyc_value_new_none(), &error));
    OK(rpyc_list_insert(list, 100, rpyc_value_new_bool(1), &error));
    CHECK(list_is(list, "[None, 0, 1, 'last', True]"));
    OK(rpyc_list_remove(list, 0, &error));
    OK(rpyc_list_remove(list, -1, &error));
    OK(rpyc_list_get(list, 2, &value, &error));
    CHECK(shows(value, "'last'"));
    GIVES(RPYC_ERR_RANGE, rpyc_list_get(list, 3, &value, &error));
    CHECK(value == NULL);
    GIVES(RPYC_ERR_RANGE, rpyc_list_set(list, -4, rpyc_value_new_int(1), &error));
    GIVES(RPYC_ERR_RANGE, rpyc_list_remove(list, 3, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_list_append(dict, rpyc_value_new_int(1), &error));
    GIVES(RPYC_ERR_NULL, rpyc_list_append(list, NULL, &error));
    /* The general functions work too. */
    OK(rpyc_object_set_item(list, rpyc_value_new_int(2), rpyc_value_new_int(2), &error));
    OK(rpyc_object_equal(list, value_of(other), &same, &error));
    CHECK(same);
    items[0] = rpyc_value_new_int(9);
    OK(rpyc_object_call_method(list, "append", items, 1, NULL, &value, &error));
    rpyc_value_free(value);
    OK(rpyc_object_call_method(list, "sort", NULL, 0, NULL, &value, &error));
    rpyc_value_free(value);
    CHECK(list_is(list, "[0, 1, 2, 9]"));
    /* It may stand in itself. */
    OK(rpyc_value_new_object(list, &value, &error));
    OK(rpyc_list_append(list, value, &error));
    OK(rpyc_object_repr(list, &value, &error));
    CHECK(rpyc_value_str_equal(value, "[0, 1, 2, 9, [...]]"));
    rpyc_value_free(value);
    OK(rpyc_list_clear(list, &error));
    CHECK(rpyc_list_count(list) == 0);
    items[0] = rpyc_value_new_int(1);
    items[1] = NULL;
    rpyc_object_free(list);
    GIVES(RPYC_ERR_NULL, rpyc_list_new(items, 2, &list, &error));
    CHECK(list == NULL);
    rpyc_object_free(dict);
}

static void dicts(void)
{
    rpyc_object *dict = new_dict(), *list = new_list(0, 1);
    rpyc_value *value = NULL, *key = NULL, *keys[1], *values[1];
    bool found = true;

    CHECK(rpyc_dict_count(dict) == 3 && rpyc_dict_count(list) == 0 && rpyc_dict_count(NULL) == 0);
    CHECK(strcmp(rpyc_object_type_name(dict), "builtins.dict") == 0);
    OK(rpyc_dict_get(dict, rpyc_value_new_float(2.0), &value, &error));
    CHECK(shows(value, "'two'"));
    OK(rpyc_dict_get(dict, text("none"), &value, &error));
    CHECK(value == NULL);
    OK(rpyc_dict_set(dict, text("a"), rpyc_value_new_int(11), &error));
    OK(rpyc_dict_delete(dict, rpyc_value_new_int(2), &found, &error));
    CHECK(found);
    OK(rpyc_dict_delete(dict, rpyc_value_new_int(2), &found, &error));
    CHECK(!found);
    OK(rpyc_dict_set(dict, rpyc_value_new_int(2), rpyc_value_new_none(), &error));
    CHECK(dict_is(dict, "{'a': 11, 'c': 3.5, 2: None}"));
    GIVES(RPYC_ERR_TYPE, rpyc_dict_get(list, text("a"), &value, &error));
    /* A list is no key, a class instance is. */
    OK(rpyc_value_new_object(list, &key, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_dict_set(dict, key, rpyc_value_new_none(), &error));
    keys[0] = value_of(generator(1));
    values[0] = rpyc_value_new_int(5);
    key = rpyc_value_clone(keys[0]);
    OK(rpyc_dict_clear(dict, &error));
    rpyc_object_free(dict);
    OK(rpyc_dict_new(keys, values, 1, &dict, &error));
    OK(rpyc_dict_get(dict, key, &value, &error));
    CHECK(shows(value, "5"));
    OK(rpyc_dict_clear(dict, &error));
    CHECK(rpyc_dict_count(dict) == 0);
    rpyc_object_free(dict);
    rpyc_object_free(list);
}

static void generators(void)
{
    rpyc_object *made = generator(3);
    rpyc_iterator *iterator = NULL;
    rpyc_value *value = NULL;
    int before = ended;

    OK(rpyc_object_iterate(made, &iterator, &error));
    OK(rpyc_iterator_next(iterator, &value, &error));
    CHECK(shows(value, "3"));
    OK(rpyc_iterator_next(iterator, &value, &error));
    CHECK(shows(value, "2"));
    OK(rpyc_iterator_next(iterator, &value, &error));
    CHECK(shows(value, "1"));
    /* That it is over was seen: its userdata is gone, though the object is there. */
    CHECK(ended == before + 1);
    CHECK(rpyc_iterator_next(iterator, &value, NULL) == RPYC_ERR_STOP_ITERATION);
    rpyc_iterator_free(iterator);
    rpyc_object_free(made);
    made = generator(3);
    OK(rpyc_object_call_method(made, "close", NULL, 0, NULL, &value, &error));
    CHECK(ended == before + 2);
    CHECK(rpyc_object_next(made, &value, NULL) == RPYC_ERR_STOP_ITERATION);
    rpyc_object_free(made);
    rpyc_object_free(generator(3));
    CHECK(ended == before + 3);
    GIVES(RPYC_ERR_NULL, rpyc_generator_new(NULL, malloc(sizeof(struct countdown)), end, &made, &error));
    CHECK(ended == before + 4);
}

static void files(void)
{
    int ends[2];
    char byte;
    rpyc_object *file = NULL;
    rpyc_value *value = NULL, *line;

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    OK(rpyc_file_new(ends[0], "r+", 1, &file, &error));
    CHECK(write(ends[1], "one\ntwo", 7) == 7);
    OK(rpyc_object_call_method(file, "readline", NULL, 0, NULL, &value, &error));
    CHECK(shows(value, "'one\\n'"));
    line = text("answer");
    OK(rpyc_object_call_method(file, "write", &line, 1, NULL, &value, &error));
    CHECK(shows(value, "6"));
    line = rpyc_value_new_int(3);
    OK(rpyc_object_call_method(file, "read", &line, 1, NULL, &value, &error));
    CHECK(shows(value, "'two'"));
    rpyc_object_free(file);
    /* The descriptor went with the file: the other end sees what was written, and the end. */
    for (int i = 0; i < 6; i++)
        CHECK(read(ends[1], &byte, 1) == 1 && byte == "answer"[i]);
    CHECK(read(ends[1], &byte, 1) == 0);
    OK(rpyc_file_new(ends[1], "rb", 0, &file, &error));
    OK(rpyc_object_call_method(file, "close", NULL, 0, NULL, &value, &error));
    rpyc_object_free(file);
    CHECK(fcntl(ends[1], F_GETFD) >= 0);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_file_new(ends[1], "rw", 1, &file, &error));
    CHECK(file == NULL && fcntl(ends[1], F_GETFD) >= 0);
    CHECK(close(ends[1]) == 0);
    GIVES(RPYC_ERR_ARGUMENT, rpyc_file_new(ends[1], "r", 1, &file, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_file_new(-1, "r", 0, &file, &error));
}

/* No signal ends the program when nobody reads any more. */
static void pipes(void)
{
    int ends[2];
    rpyc_object *file = NULL;
    rpyc_value *value = NULL, *line = NULL;

    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    CHECK(pipe(ends) == 0);
    OK(rpyc_file_new(ends[1], "w", 1, &file, &error));
    line = text("read");
    OK(rpyc_object_call_method(file, "write", &line, 1, NULL, &value, &error));
    rpyc_value_free(value);
    value = NULL;
    CHECK(close(ends[0]) == 0);
    line = text("lost");
    CHECK(rpyc_object_call_method(file, "write", &line, 1, NULL, &value, &error) != RPYC_OK);
    CHECK(strstr(rpyc_error_message(error), "Broken pipe") != NULL);
    rpyc_error_free(error);
    error = NULL;
    rpyc_object_free(file);
}

/* As deep as a peer can make them, they are let go without much stack. */
static void chains(void)
{
    rpyc_object *list = NULL, *inner = generator(1);
    rpyc_value *held;
    int before = ended;

    for (int i = 0; i < 200000; i++) {
        held = value_of(inner);
        OK(rpyc_list_new(&held, 1, &list, &error));
        inner = list;
    }
    CHECK(ended == before);
    rpyc_object_free(list);
    CHECK(ended == before + 1);
}

/* More than there is memory for. */
static void too_large(void)
{
    rpyc_object *list = new_list(0, 2);
    rpyc_value *count = rpyc_value_new_int(1 << 27), *value = NULL;

    CHECK(rpyc_object_call_method(list, "__mul__", &count, 1, NULL, &value, &error) != RPYC_OK);
    CHECK(strstr(rpyc_error_type_name(error), "MemoryError") != NULL);
    rpyc_error_free(error);
    error = NULL;
    CHECK(list_is(list, "[0, 1]"));
    rpyc_object_free(list);
}

static void *many(void *list)
{
    for (int i = 0; i < 2000; i++) {
        rpyc_value *value = NULL;

        OK(rpyc_list_append(list, rpyc_value_new_int(i), NULL));
        OK(rpyc_list_remove(list, 0, NULL));
        OK(rpyc_list_append(list, text("x"), NULL));
        OK(rpyc_list_get(list, -1, &value, NULL));
        rpyc_value_free(value);
    }
    return NULL;
}

static void threads(void)
{
    rpyc_object *list = new_list(0, 8);
    pthread_t ids[4];

    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&ids[i], NULL, many, list) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(ids[i], NULL) == 0);
    CHECK(rpyc_list_count(list) == 8 + 4 * 2000);
    rpyc_object_free(list);
}

static void *serve_all(void *connection)
{
    rpyc_connection_serve_all(connection, NULL);
    return NULL;
}

static rpyc_object *given(rpyc_object *root, const char *kind)
{
    rpyc_value *args[2] = {text(kind), rpyc_value_new_int(3)}, *value = NULL;
    rpyc_object *object = NULL;

    OK(rpyc_object_call_method(root, "give", args, 2, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    return object;
}

static void put(rpyc_object *list, rpyc_object *item)
{
    rpyc_value *value = NULL, *none = NULL;

    OK(rpyc_value_new_object(item, &value, &error));
    OK(rpyc_object_call_method(list, "append", &value, 1, NULL, &none, &error));
    rpyc_value_free(none);
}

/* A call that is answered, or answered and not yet freed, after its connection has ended holds a circle until then. */
static void held_by_call(bool answered)
{
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_connection *client = NULL, *server = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = new_service();
    rpyc_object *root = NULL, *list, *made;
    rpyc_async_result *result = NULL;
    rpyc_value *value = NULL;
    pthread_t thread;
    int before = ended;

    OK(rpyc_config_set_bool(config, "allow_public_attrs", 1, &error));
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &client, &error));
    OK(rpyc_connection_new(right, service, config, &server, &error));
    CHECK(pthread_create(&thread, NULL, serve_all, server) == 0);
    OK(rpyc_connection_root(client, &root, &error));
    list = given(root, "list");
    made = given(root, "generator");
    put(list, made);
    put(list, list);
    OK(rpyc_value_new_object(list, &value, &error));
    OK(rpyc_object_call_method_async(root, "keep", &value, 1, NULL, -1, &result, &error));
    rpyc_object_free(made);
    rpyc_object_free(list);
    OK(rpyc_connection_ping(client, NULL, 0, -1, &error));
    if (answered)
        OK(rpyc_call_return(kept, NULL));
    OK(rpyc_connection_close(client, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(ended == before);
    if (!answered)
        GIVES(RPYC_ERR_CLOSED, rpyc_call_return(kept, NULL));
    rpyc_call_free(kept);
    CHECK(ended == before + 1);
    rpyc_async_result_free(result);
    rpyc_object_free(root);
    rpyc_connection_free(client);
    rpyc_connection_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
}

/* A peer has lists and dicts hold one another, and forgets them: they go when its connection does. What the host holds, stays. */
static void circles(void)
{
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_connection *client = NULL, *server = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = new_service();
    rpyc_object *root = NULL, *list, *dict, *made, *pair[2] = {NULL, NULL};
    rpyc_value *value = NULL;
    pthread_t thread;
    int before = ended;

    OK(rpyc_config_set_bool(config, "allow_public_attrs", 1, &error));
    shared_list = new_list(0, 1);
    shared_dict = new_dict();
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &client, &error));
    OK(rpyc_connection_new(right, service, config, &server, &error));
    CHECK(pthread_create(&thread, NULL, serve_all, server) == 0);
    OK(rpyc_connection_root(client, &root, &error));
    list = given(root, "list");
    dict = given(root, "dict");
    made = given(root, "generator");
    put(list, made);
    put(list, list);
    put(list, dict);
    OK(rpyc_value_new_object(list, &value, &error));
    OK(rpyc_object_set_item(dict, text("back"), value, &error));
    rpyc_object_free(made);
    rpyc_object_free(list);
    rpyc_object_free(dict);
    value = text("shared");
    OK(rpyc_object_call_method(root, "give", &value, 1, NULL, &value, &error));
    for (size_t i = 0; i < 2; i++)
        OK(rpyc_value_get_object(rpyc_value_item(value, i), &pair[i], &error));
    rpyc_value_free(value);
    put(pair[0], pair[1]);
    put(pair[0], pair[0]);
    rpyc_object_free(pair[0]);
    rpyc_object_free(pair[1]);
    rpyc_object_free(root);
    OK(rpyc_connection_ping(client, NULL, 0, -1, &error));
    CHECK(ended == before);
    OK(rpyc_connection_close(client, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(ended == before + 1);
    CHECK(rpyc_list_count(shared_list) == 3 && rpyc_dict_count(shared_dict) == 3);
    OK(rpyc_list_clear(shared_list, &error)); /* the host's own circle is the host's to undo */
    rpyc_object_free(shared_list);
    rpyc_object_free(shared_dict);
    rpyc_connection_free(client);
    rpyc_connection_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
}

int main(int argc, char **argv)
{
    if (argc >= 2)
        return serve(argv[1], argc == 2);
    circles();
    held_by_call(false);
    held_by_call(true);
    lists();
    dicts();
    generators();
    files();
    pipes();
    chains();
    too_large();
    threads();
    return finish();
}
