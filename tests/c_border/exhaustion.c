/* Memory that cannot be had: a status or MemoryError, never the end of the process.
 *
 * exhaustion values         makes values beyond RLIMIT_AS
 * exhaustion written        writes values in other forms: for native peers, packed
 * exhaustion serve ADDRESS OPTION=VALUE...  serves clients/exhaustion_client.py, which says when memory gets short, and
 * clients/budget_client.py, which takes what it gets */
#include <malloc.h>
#include <sys/resource.h>

#include "peers.h"

enum { MIB = 1 << 20, BIG = 32 * MIB, COUNT = 1 << 20 };

static rpyc_server *server;

static size_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    CHECK(file && fscanf(file, "%lu", &pages) == 1);
    if (file)
        fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Leaves this amount to be allocated; 0 lifts the limit. */
static void leave(size_t bytes)
{
    struct rlimit limit;

    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = bytes ? address_space() + bytes : limit.rlim_max;
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static rpyc_status array(const void *data, rpyc_value **value_out)
{
    return rpyc_value_new_array(RPYC_ARRAY_DOUBLE, data, BIG / 8, value_out, &error);
}

/* Each kind of value whose size is the caller's: refused, and made where there is memory. */
static void kinds(rpyc_status want, const char *data, rpyc_value **items, rpyc_value **keys, const char **names)
{
    rpyc_value *value = NULL;

#define MADE(call)                                                                                                     \
    do {                                                                                                               \
        GIVES(want, call);                                                                                             \
        CHECK((value != NULL) == (want == RPYC_OK));                                                                   \
        rpyc_value_free(value);                                                                                        \
        value = NULL;                                                                                                  \
    } while (0)
    MADE(rpyc_value_new_bytes(data, BIG, &value, &error));
    MADE(rpyc_value_new_str(data, BIG, &value, &error));
    MADE(rpyc_value_new_bytes(data, BIG / 2, &value, &error));
    MADE(array(data, &value));
    MADE(rpyc_value_new_tuple(items, COUNT, &value, &error));
    MADE(rpyc_value_new_list(items, COUNT, &value, &error));
    MADE(rpyc_value_new_frozenset(items, COUNT, &value, &error));
    MADE(rpyc_value_new_dict(keys, items, COUNT, &value, &error));
    MADE(rpyc_value_new_keywords(names, items, COUNT / 8, &value, &error));
#undef MADE
}

static int values(void)
{
    char *data = malloc(BIG), (*texts)[8] = malloc(COUNT / 8 * sizeof *texts);
    rpyc_value **items = malloc(COUNT * sizeof *items), **keys = malloc(COUNT * sizeof *keys);
    const char **names = malloc(COUNT / 8 * sizeof *names);

    CHECK(data && items && keys && names && texts);
    memset(data, 'x', BIG);
    /* Small ints take no memory of their own, so what a refused call frees is still there. */
    for (int i = 0; i < COUNT; i++) {
        items[i] = rpyc_value_new_int(i & 1023);
        keys[i] = rpyc_value_new_int(i);
    }
    for (int i = 0; i < COUNT / 8; i++) {
        snprintf(texts[i], sizeof texts[i], "n%d", i);
        names[i] = texts[i];
    }
    leave(8 * MIB);
    kinds(RPYC_ERR_NO_MEMORY, data, items, keys, names);
    leave(0);
    kinds(RPYC_OK, data, items, keys, names);
    free(data);
    free(texts);
    free(items);
    free(keys);
    free(names);
    return finish();
}

/* ---- What is written in another form, for which there is no memory */

/* A list by value for a native peer: the call fails, and the next one goes well. */
static void native_list(void)
{
    struct peers peers;
    rpyc_object *root = NULL;
    rpyc_value **items = malloc(COUNT * sizeof *items), *list = NULL, *back = NULL, *arg;

    peers_native = "on";
    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    for (int64_t i = 0; i < COUNT; i++)
        items[i] = rpyc_value_new_int(INT64_MAX - i);
    OK(rpyc_value_new_list(items, COUNT, &list, &error));
    free(items);
    OK(rpyc_value_new_list(NULL, 0, &arg, &error));
    OK(rpyc_object_call_method(root, "echo", &arg, 1, NULL, &back, &error));
    rpyc_value_free(back);
    leave(8 * MIB);
    arg = rpyc_value_clone(list);
    GIVES(RPYC_ERR_NO_MEMORY, rpyc_object_call_method(root, "echo", &arg, 1, NULL, &back, &error));
    leave(0);
    OK(rpyc_object_call_method(root, "echo", &list, 1, NULL, &back, &error));
    CHECK(rpyc_value_count(back) == COUNT);
    rpyc_value_free(back);
    rpyc_object_free(root);
    peers_close(&peers);
}

static void pass_on(rpyc_session *from, rpyc_session *to)
{
    const void *data;
    size_t length;

    while (!rpyc_session_outgoing(from, &data, &length) && length > 0) {
        OK(rpyc_session_feed(to, data, length, &error));
        OK(rpyc_session_sent(from, length));
    }
}

static rpyc_session_event next_event(rpyc_session *session, int32_t kind)
{
    rpyc_session_event event = {.struct_size = sizeof event};

    OK(rpyc_session_next_event(session, &event, &error));
    CHECK(event.kind == kind);
    return event;
}

/* Packed values, in which a binding gets arguments and answers. */
static void packed(void)
{
    static const rpyc_session_member members[] = {{.id = 1, .name = "exposed_take", .kind = RPYC_MEMBER_METHOD}};
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .member_size = sizeof *members,
                                      .name = "Taker",
                                      .members = members,
                                      .member_count = 1};
    rpyc_session *plain = NULL, *packs = NULL;
    rpyc_class *taker = NULL;
    rpyc_session_event event;
    rpyc_object *root = NULL;
    rpyc_value *big = NULL;
    char *data = calloc(1, BIG);

    OK(rpyc_session_new(NULL, 0, &plain, &error));
    OK(rpyc_session_new(NULL, RPYC_SESSION_PACKED, &packs, &error));
    OK(rpyc_session_class_new(packs, 1, &table, &taker, &error));
    OK(rpyc_session_set_root(packs, taker, 2, &error));
    OK(rpyc_session_ask(plain, 1, RPYC_HANDLE_GETROOT, NULL, NULL, 0, NULL, 0, NULL, -1, NULL, &error));
    pass_on(plain, packs);
    next_event(packs, RPYC_EVENT_NONE);
    pass_on(packs, plain);
    event = next_event(plain, RPYC_EVENT_REPLY);
    OK(rpyc_value_get_object(event.value, &root, &error));
    rpyc_value_free(event.value);

    OK(rpyc_value_new_bytes(data, BIG, &big, &error));
    OK(rpyc_session_ask(plain, 2, RPYC_HANDLE_CALLATTR, root, "take", RPYC_NUL_TERMINATED, &big, 1, NULL, -1, NULL,
                        &error));
    pass_on(plain, packs);
    leave(8 * MIB);
    next_event(packs, RPYC_EVENT_NONE);
    leave(0);
    pass_on(packs, plain);
    event = next_event(plain, RPYC_EVENT_REPLY);
    CHECK(rpyc_error_is(event.error, "MemoryError"));
    rpyc_error_free(event.error);

    /* An answer of the peer: PING is answered by the library. */
    OK(rpyc_value_new_bytes(data, BIG, &big, &error));
    OK(rpyc_session_request(packs, 3, RPYC_HANDLE_PING, &big, 1, -1, NULL, &error));
    pass_on(packs, plain);
    next_event(plain, RPYC_EVENT_NONE);
    pass_on(plain, packs);
    leave(8 * MIB);
    event = next_event(packs, RPYC_EVENT_REPLY);
    leave(0);
    CHECK(event.packed == NULL && rpyc_error_status(event.error) == RPYC_ERR_NO_MEMORY);
    rpyc_error_free(event.error);
    rpyc_object_free(root);
    rpyc_session_free(plain);
    rpyc_session_free(packs);
    rpyc_class_free(taker);
    free(data);
}

static int written(void)
{
    /* What is large goes back to the system when it is freed, and is not there for the next. */
    CHECK(mallopt(M_MMAP_THRESHOLD, 128 << 10) && mallopt(M_ARENA_MAX, 1));
    native_list();
    packed();
    return finish();
}

static void size(rpyc_call *call, void *self)
{
    const uint8_t *data;
    size_t length = 0;

    (void)self;
    if (rpyc_value_get_bytes(rpyc_call_arg(call, 0), &data, &length, NULL))
        length = 0;
    rpyc_call_return_int(call, (int64_t)length);
}

/* Bytes, or as many ints as a tuple. */
static void made(rpyc_call *call, void *self)
{
    int64_t count = 0;
    rpyc_value *value = NULL, **items;
    rpyc_error *failed = NULL;
    char *data;

    (void)self;
    OK(rpyc_value_get_int(rpyc_call_arg(call, 0), &count, &error));
    data = malloc((size_t)count);
    if (data == NULL) {
        rpyc_call_raise(call, "MemoryError", "malloc");
        return;
    }
    memset(data, 1, (size_t)count);
    if (rpyc_call_arg_count(call) == 1) {
        if (rpyc_value_new_bytes(data, (size_t)count, &value, &failed))
            rpyc_call_raise_error(call, failed);
        else
            rpyc_call_return(call, value);
    } else {
        count /= (int64_t)sizeof *items;
        items = (rpyc_value **)(void *)data;
        for (int64_t i = 0; i < count; i++)
            items[i] = rpyc_value_new_int(1000000000 + i);
        if (rpyc_value_new_tuple(items, (size_t)count, &value, &failed))
            rpyc_call_raise_error(call, failed);
        else
            rpyc_call_return(call, value);
    }
    free(data);
}

static void list(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;

    (void)self;
    OK(rpyc_list_new(NULL, 0, &object, &error));
    OK(rpyc_value_new_object(object, &value, &error));
    rpyc_object_free(object);
    rpyc_call_return(call, value);
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static void dict(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;

    (void)self;
    OK(rpyc_dict_new(NULL, NULL, 0, &object, &error));
    OK(rpyc_value_new_object(object, &value, &error));
    rpyc_object_free(object);
    rpyc_call_return(call, value);
}

/* Bytes in use, by malloc's own figure. */
static void used(rpyc_call *call, void *self)
{
    struct mallinfo2 info = mallinfo2();

    (void)self;
    rpyc_call_return_int(call, (int64_t)(info.uordblks + info.hblkhd));
}

static void short_of(rpyc_call *call, void *self)
{
    int64_t mebibytes = 0;

    (void)self;
    OK(rpyc_value_get_int(rpyc_call_arg(call, 0), &mebibytes, &error));
    leave((size_t)mebibytes * MIB);
    rpyc_call_return(call, rpyc_value_new_none());
}

static void stop(rpyc_call *call, void *self)
{
    static const uint64_t one = 1;

    (void)self;
    rpyc_call_return(call, rpyc_value_new_none());
    CHECK(write(rpyc_server_stop_fd(server), &one, sizeof one) == sizeof one);
}

static void logged(int32_t level, const char *text, size_t length, void *userdata)
{
    (void)level;
    (void)userdata;
    fprintf(stderr, "%.*s\n", (int)length, text);
}

static int serve(const char *address, char **options)
{
    static const rpyc_method methods[] = {{"exposed_size", size, "size(data)", NULL, 0},
                                          {"exposed_made", made, NULL, NULL, 0},
                                          {"exposed_list", list, "list()", NULL, 0},
                                          {"exposed_dict", dict, "dict()", NULL, 0},
                                          {"exposed_echo", echo, "echo(data)", NULL, 0},
                                          {"exposed_used", used, "used()", NULL, 0},
                                          {"exposed_short", short_of, "short(mebibytes)", NULL, 0},
                                          {"exposed_stop", stop, "stop()", NULL, 0}};
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service = NULL;

    /* What is large goes back to the system when it is freed, and is not there for the next. */
    CHECK(mallopt(M_MMAP_THRESHOLD, 128 << 10) && mallopt(M_ARENA_MAX, 1));
    OK(rpyc_set_log_callback(RPYC_LOG_INFO, logged, NULL, NULL, &error));
    OK(rpyc_config_set_bool(config, "allow_public_attrs", 1, &error));
    OK(rpyc_config_set_bool(config, "allow_pickle", 1, &error));
    for (; *options; options++) {
        char *value = strchr(*options, '=');

        *value = 0;
        OK(rpyc_config_set(config, *options, value + 1, &error));
    }
    OK(rpyc_class_new(&(rpyc_class_table){.struct_size = sizeof(rpyc_class_table),
                                          .method_size = sizeof *methods,
                                          .name = "ExhaustionService",
                                          .methods = methods,
                                          .method_count = sizeof methods / sizeof *methods},
                      NULL, NULL, &service, &error));
    OK(rpyc_server_new(address, service, config, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve(server, &error));
    OK(rpyc_server_stop(server, 10000, &error));
    rpyc_server_free(server);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}

int main(int argc, char **argv)
{
    if (argc >= 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2], argv + 3);
    if (argc == 2 && strcmp(argv[1], "written") == 0)
        return written();
    return argc == 2 && strcmp(argv[1], "values") == 0 ? values() : 2;
}
