/* Handles that are freed before what was made of them: a world with a handle of each kind, freed in random orders, while all that
 * is left goes on being used. lifetimes [WORLDS [SEED]]. */
#define _GNU_SOURCE
/* Each thread looks at its own errors. */
#define ERROR_STORAGE _Thread_local
#include "check.h"

#include <rpyc_helpers.h>
#include <sys/mman.h>

#define MOST 128

enum kind {
    CONFIG,
    CLASS,
    SERVER,
    QUEUE,
    TRANSPORT,
    CONNECTION,
    OBJECT,
    VALUE,
    RESULT,
    ITERATOR,
    BUFFER,
    ERROR,
    SERVING,
    SESSION,
    DECODER,
    CLASSIC,
    CALL,
};

static struct handle {
    enum kind kind;
    void *it;
} handles[MOST];
static size_t handle_count;
static uint64_t state;
static int alive; /* instances of ours, and what is given to free functions */
static rpyc_call *deferred[2];
static pthread_t queue_thread;
static int queue_runs;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static size_t below(size_t end)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (size_t)(state >> 33) % end;
}

static void keep(enum kind kind, void *it)
{
    if (it == NULL)
        return;
    if (handle_count == MOST)
        abort();
    handles[handle_count++] = (struct handle){kind, it};
}

/* Whether it went well is not asked here: half of the world is gone. */
static int went(rpyc_status status)
{
    check(status == RPYC_OK || error != NULL, "a failure has an error", __LINE__);
    rpyc_error_free(error);
    error = NULL;
    return status == RPYC_OK;
}

static void *born(void)
{
    __atomic_add_fetch(&alive, 1, __ATOMIC_SEQ_CST);
    return malloc(8);
}

static void died(void *it)
{
    __atomic_sub_fetch(&alive, 1, __ATOMIC_SEQ_CST);
    free(it);
}

/* ---------------------------------------------------------------- the service */

static rpyc_class *item_class;

static void give(rpyc_call *call, rpyc_object *object)
{
    rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void touch(rpyc_call *call, void *self)
{
    *(volatile char *)self = 1;
    rpyc_call_return_int(call, (int64_t)rpyc_call_arg_count(call));
}

static void make(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;

    *(volatile char *)self = 1;
    if (rpyc_object_new(item_class, born(), died, &object, NULL) == RPYC_OK)
        give(call, object);
}

static void numbers(rpyc_call *call, void *self)
{
    rpyc_object *list = NULL;

    (void)self;
    if (rpyc_list_new(RPYC_ARGS(rpyc_int(1), rpyc_float(2.5), rpyc_str("three")), &list, NULL) == RPYC_OK)
        give(call, list);
}

static void fails(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_raise_with(call, "builtins", "KeyError", RPYC_ARGS(rpyc_str("key")), NULL);
}

static void later(rpyc_call *call, void *self)
{
    (void)self;
    pthread_mutex_lock(&lock);
    for (int n = 0; n < 2; n++) {
        if (deferred[n] == NULL) {
            deferred[n] = rpyc_call_defer(call);
            break;
        }
    }
    pthread_mutex_unlock(&lock);
}

static void back(rpyc_call *call, void *self)
{
    rpyc_object *function = NULL;
    rpyc_value *value = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &function) != RPYC_OK)
        return;
    if (rpyc_object_call(function, NULL, 0, NULL, &value, NULL) == RPYC_OK)
        rpyc_call_return(call, value);
    rpyc_object_free(function);
}

static void bytes(rpyc_call *call, void *self)
{
    static char data[5000];

    (void)self;
    rpyc_call_return_bytes(call, data, sizeof data);
}

static void next(rpyc_call *call, void *self)
{
    *(volatile char *)self = 1;
    rpyc_call_return_int(call, 1);
}

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    *(volatile char *)userdata = 1;
    return born();
}

static void quiet(rpyc_async_result *result, void *userdata)
{
    (void)result;
    *(volatile char *)userdata = 1;
}

static const rpyc_method item_methods[] = {RPYC_METHOD("touch", touch, NULL, NULL)};
static const rpyc_method methods[] = {
    RPYC_METHOD("touch", touch, NULL, NULL),     RPYC_METHOD("make", make, NULL, NULL),
    RPYC_METHOD("numbers", numbers, NULL, NULL), RPYC_METHOD("fails", fails, NULL, NULL),
    RPYC_METHOD("later", later, NULL, NULL),     RPYC_METHOD("back", back, "back(f)", NULL),
    RPYC_METHOD("bytes", bytes, NULL, NULL),
};

/* ---------------------------------------------------------------- the world */

static void *attr(rpyc_object *object, const char *name)
{
    rpyc_value *value = NULL;
    rpyc_object *made = NULL;

    if (went(rpyc_object_get_attr(object, name, &value, &error))) {
        went(rpyc_value_get_object(value, &made, &error));
        rpyc_value_free(value);
    }
    return made;
}

static void *called(rpyc_object *object, const char *name)
{
    rpyc_value *value = NULL;
    rpyc_object *made = NULL;

    if (went(rpyc_object_call_method(object, name, NULL, 0, NULL, &value, &error))) {
        went(rpyc_value_get_object(value, &made, &error));
        rpyc_value_free(value);
    }
    return made;
}

static void asked(rpyc_object *object, const char *name, int wait)
{
    rpyc_async_result *result = NULL;

    if (!went(rpyc_object_call_method_async(object, name, NULL, 0, NULL, 1000, &result, &error)))
        return;
    went(rpyc_async_result_add_callback(result, quiet, born(), died, &error));
    if (wait)
        went(rpyc_async_result_wait(result, &error));
    keep(RESULT, result);
}

static void *local_things(void)
{
    rpyc_object *list = NULL, *dict = NULL, *generator = NULL, *function = NULL, *file = NULL, *view = NULL,
                *own = NULL, *of = NULL;
    rpyc_class *class = NULL;
    const char *const names[] = {"touch"};

    OK(rpyc_list_new(RPYC_ARGS(rpyc_int(1), rpyc_str("two")), &list, &error));
    OK(rpyc_dict_new((rpyc_value *[]){rpyc_str("k")}, (rpyc_value *[]){rpyc_int(1)}, 1, &dict, &error));
    OK(rpyc_generator_new(next, born(), died, &generator, &error));
    OK(rpyc_function_new("f", touch, NULL, NULL, 0, born(), died, &function, &error));
    OK(rpyc_file_new(memfd_create("lifetimes", 0), "r+b", 1, &file, &error));
    OK(rpyc_object_new(item_class, born(), died, &own, &error));
    OK(rpyc_object_restricted(own, names, 1, NULL, 0, &view, &error));
    OK(rpyc_class_object(item_class, &of, &error));
    OK(rpyc_object_class(own, &class, &error));
    OK(rpyc_list_append(list, rpyc_ref(own), &error));
    void *all[] = {list, dict, generator, file, own, view, of};
    for (size_t n = 0; n < RPYC_COUNT(all); n++)
        keep(OBJECT, all[n]);
    keep(CLASS, class);
    return function;
}

static void remote_things(rpyc_connection *connection, rpyc_object *function)
{
    rpyc_object *root = NULL, *list;
    rpyc_iterator *iterator = NULL;
    rpyc_value *value = NULL, *back = rpyc_ref(function);
    rpyc_buffer *buffer = NULL;
    rpyc_async_result *result = NULL;
    rpyc_error *raised = NULL;

    OK(rpyc_connection_root(connection, &root, &error));
    keep(OBJECT, root);
    keep(OBJECT, attr(root, "touch"));
    keep(OBJECT, called(root, "make"));
    list = called(root, "numbers");
    if (list != NULL && went(rpyc_object_iterate(list, &iterator, &error)))
        keep(ITERATOR, iterator);
    if (list != NULL) {
        keep(VALUE, rpyc_pair(rpyc_ref(list), rpyc_int(5)));
        keep(CONNECTION, rpyc_object_hold_connection(list));
    }
    keep(OBJECT, list);
    rpyc_object_call_method(root, "fails", NULL, 0, NULL, &value, &raised);
    keep(ERROR, raised);
    if (raised != NULL)
        keep(VALUE, rpyc_error_args(raised));
    if (went(rpyc_object_call_method(root, "back", &back, 1, NULL, &value, &error)))
        keep(VALUE, value);
    asked(root, "make", 1);
    asked(root, "make", 0);
    asked(root, "later", 0);
    asked(root, "later", 0);
    asked(root, "fails", 0);
    void *room = born();
    OK(rpyc_buffer_new(room, 8, room, died, &buffer, &error));
    keep(BUFFER, buffer);
    if (went(rpyc_object_call_method_into_async(root, "bytes", NULL, 0, NULL, buffer, 500, &result, &error)))
        keep(RESULT, result);
    value = rpyc_ref(root);
    const rpyc_value *of[] = {value};
    const rpyc_value_kind_id kinds[] = {RPYC_VALUE_INT};
    if (went(rpyc_value_convert_async(of, kinds, 1, 500, &result, &error)))
        keep(RESULT, result);
    keep(VALUE, value);
}

static void sessions(const rpyc_config *config)
{
    rpyc_session *session = NULL;
    rpyc_class *class = NULL;
    rpyc_object *object = NULL, *function = NULL, *stand_in = NULL;
    rpyc_session_class_table table = {.struct_size = sizeof table, .name = "Root", .module = "m"};
    char out[256];
    size_t taken = 0;

    OK(rpyc_session_new(config, 0, &session, &error));
    OK(rpyc_session_class_new(session, 1, &table, &class, &error));
    OK(rpyc_session_object_new(session, class, 2, &object, &error));
    OK(rpyc_session_function_new(session, 3, "f", NULL, NULL, &function, &error));
    OK(rpyc_session_set_root(session, class, 4, &error));
    for (size_t n = 0; n < handle_count && stand_in == NULL; n++)
        if (handles[n].kind == OBJECT)
            went(rpyc_session_stand_in(session, handles[n].it, 5, &stand_in, &error));
    OK(rpyc_session_request(session, 9, 3, NULL, 0, -1, NULL, &error));
    rpyc_session_take(session, out, sizeof out, &taken);
    keep(SESSION, session);
    keep(CLASS, class);
    keep(OBJECT, object);
    keep(OBJECT, function);
    keep(OBJECT, stand_in);
    rpyc_decoder *decoder = rpyc_decoder_new();
    rpyc_decoder_feed(decoder, out, taken);
    keep(DECODER, decoder);
}

static void eval(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 1);
}

static void *run_queue(void *queue)
{
    rpyc_queue_run(queue, 1000, 400, NULL, NULL);
    rpyc_queue_free(queue);
    return NULL;
}

static void classic_things(const rpyc_config *config)
{
    rpyc_object *module = NULL, *namespace = NULL, *builtins = NULL;
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_connection *master = NULL, *slave = NULL;
    rpyc_classic *classic = NULL;
    rpyc_class *class = NULL;
    rpyc_serving *serving = NULL;

    OK(rpyc_module_new("mod", NULL, &module, &error));
    const char *const names[] = {"mod"};
    rpyc_object *modules[] = {module};
    rpyc_slave_table table = {.struct_size = sizeof table,
                              .name = "SLAVE",
                              .module_names = names,
                              .modules = modules,
                              .module_count = 1,
                              .eval = eval,
                              .execute = eval,
                              .create = create,
                              .destroy = died};
    OK(rpyc_slave_new(&table, born(), died, &class, &error));
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_connection_new(left, class, config, &slave, &error));
    OK(rpyc_connection_new(right, NULL, config, &master, &error));
    OK(rpyc_connection_serve_background(slave, 1, 0, &serving, &error));
    OK(rpyc_classic_new(master, &classic, &error));
    if (went(rpyc_classic_namespace(classic, &namespace, &error)))
        keep(OBJECT, namespace);
    if (went(rpyc_classic_builtins(classic, &builtins, &error)))
        keep(OBJECT, builtins);
    keep(OBJECT, module);
    keep(CLASS, class);
    keep(CONNECTION, slave);
    keep(CONNECTION, master);
    keep(SERVING, serving);
    keep(CLASSIC, classic);
}

static void make_world(size_t number)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_class *class = NULL;
    rpyc_server *server = NULL;
    rpyc_connection *connection = NULL;
    rpyc_queue *queue = NULL;
    rpyc_serving *serving = NULL;
    rpyc_transport *left = NULL, *right = NULL;
    char address[100];

    OK(rpyc_config_set(config, "sync_request_timeout", "20", &error));
    OK(rpyc_config_set(config, "close_timeout", "0.3", &error));
    if (below(2))
        OK(rpyc_config_set(config, "native", "on", &error));
    if (below(4) == 0)
        OK(rpyc_config_set(config, "release", "now", &error));
    rpyc_class_table item_table = rpyc_table("Item", item_methods, 1);
    OK(rpyc_class_new(&item_table, NULL, NULL, &item_class, &error));
    rpyc_class_table table = rpyc_table("Service", methods, RPYC_COUNT(methods));
    table.create = create;
    table.destroy = died;
    OK(rpyc_class_new(&table, born(), died, &class, &error));
    snprintf(address, sizeof address, "unix:///tmp/lifetimes-%d-%zu.sock", (int)getpid(), number);
    OK(rpyc_server_new(address, class, config, &server, &error));
    if (below(3) == 0) {
        OK(rpyc_queue_new(100, &queue, &error));
        OK(rpyc_server_set_queue(server, queue, &error));
        queue_runs = pthread_create(&queue_thread, NULL, run_queue, rpyc_queue_clone(queue)) == 0;
        keep(QUEUE, queue);
    }
    OK(rpyc_server_start(server, &error));
    OK(rpyc_connect(address, class, config, &connection, &error));
    keep(CONFIG, config);
    keep(CLASS, class);
    keep(CLASS, item_class);
    keep(SERVER, server);
    keep(SERVER, rpyc_server_clone(server));
    keep(CONNECTION, connection);
    if (below(2) && went(rpyc_connection_serve_background(connection, 1 + below(2), 0, &serving, &error)))
        keep(SERVING, serving);
    OK(rpyc_transport_new_pair(&left, &right, &error));
    keep(TRANSPORT, left);
    keep(TRANSPORT, right);
    rpyc_object *function = local_things();
    remote_things(connection, function);
    keep(OBJECT, function);
    sessions(config);
    classic_things(config);
    pthread_mutex_lock(&lock);
    for (int n = 0; n < 2; n++) {
        keep(CALL, deferred[n]);
        deferred[n] = NULL;
    }
    pthread_mutex_unlock(&lock);
    unlink(address);
}

/* ---------------------------------------------------------------- using and freeing */

static void use_object(rpyc_object *object)
{
    rpyc_value *value = NULL;
    rpyc_connection *connection;
    rpyc_class *class = NULL;
    rpyc_object *iterator = NULL;
    rpyc_async_result *result = NULL;
    bool truth;

    switch (below(10)) {
    case 0:
        if (went(rpyc_object_call(object, NULL, 0, NULL, &value, &error)))
            rpyc_value_free(value);
        break;
    case 1:
        if (went(rpyc_object_get_attr(object, "touch", &value, &error)))
            rpyc_value_free(value);
        break;
    case 2:
        if (went(rpyc_object_repr(object, &value, &error)))
            rpyc_value_free(value);
        break;
    case 3:
        connection = rpyc_object_hold_connection(object);
        rpyc_connection_free(connection);
        went(rpyc_object_truth(object, &truth, &error));
        break;
    case 4:
        if (went(rpyc_object_iter(object, &iterator, &error)))
            keep(OBJECT, iterator);
        break;
    case 5:
        if (went(rpyc_object_call_method_async(object, "touch", NULL, 0, NULL, 300, &result, &error)))
            keep(RESULT, result);
        break;
    case 6:
        if (went(rpyc_object_class(object, &class, &error)))
            keep(CLASS, class);
        break;
    case 7:
        if (went(rpyc_object_obtain(object, 3, 100, 10000, &value, &error)))
            keep(VALUE, value);
        break;
    case 8:
        if (went(rpyc_object_next(object, &value, &error)))
            rpyc_value_free(value);
        break;
    default:
        if (went(rpyc_object_call_method(object, "touch", NULL, 0, NULL, &value, &error)))
            rpyc_value_free(value);
    }
}

static void use_connection(rpyc_connection *connection)
{
    rpyc_object *root = NULL;
    rpyc_value *text = NULL;
    bool handled;

    switch (below(5)) {
    case 0:
        went(rpyc_connection_ping(connection, "x", 1, 50, &error));
        break;
    case 1:
        if (went(rpyc_connection_root(connection, &root, &error)))
            keep(OBJECT, root);
        break;
    case 2:
        if (went(rpyc_connection_local_root(connection, &root, &error)))
            keep(OBJECT, root);
        break;
    case 3:
        if (went(rpyc_connection_peer_name(connection, &text, &error)))
            keep(VALUE, text);
        break;
    default:
        went(rpyc_connection_poll(connection, 1, &handled, &error));
    }
}

static void use_value(rpyc_value *value)
{
    rpyc_value *made = rpyc_value_repr(value);
    rpyc_object *object = NULL;

    rpyc_value_free(made);
    if (went(rpyc_value_convert(value, RPYC_VALUE_STR, 50, &made, &error)))
        rpyc_value_free(made);
    if (went(rpyc_value_get_object(value, &object, &error)))
        keep(OBJECT, object);
    keep(VALUE, rpyc_value_clone(value));
    rpyc_connection_free(rpyc_value_hold_connection(value));
}

static void use_class(rpyc_class *class)
{
    rpyc_object *object = NULL;

    if (went(rpyc_class_object(class, &object, &error))) {
        use_object(object);
        keep(OBJECT, object);
    }
    if (went(rpyc_object_new(class, born(), died, &object, &error)))
        keep(OBJECT, object);
}

static void use_session(rpyc_session *session)
{
    rpyc_session_event event = {.struct_size = sizeof event};
    static const char ping[] = "\0\0\0\x0a\0\x01\x11\x51\x11\x51\x11\x51\x10\x55\x55\n";

    went(rpyc_session_feed(session, ping, sizeof ping - 1, &error));
    if (went(rpyc_session_next_event(session, &event, &error))) {
        rpyc_call_free(event.call);
        rpyc_value_free(event.value);
        rpyc_error_free(event.error);
    }
}

static void use_within(struct handle handle)
{
    rpyc_value *value = NULL;
    rpyc_connection *connection = NULL;
    rpyc_object *object = NULL;
    rpyc_decoded decoded = {.struct_size = sizeof decoded};
    bool found;

    switch (handle.kind) {
    case CONFIG:
        went(rpyc_config_set(handle.it, "sync_request_timeout", "10", &error));
        keep(CONFIG, rpyc_config_clone(handle.it));
        break;
    case CLASS:
        use_class(handle.it);
        break;
    case SERVER:
        if (below(4) == 0)
            went(rpyc_server_stop(handle.it, 0, &error));
        rpyc_server_free(rpyc_server_clone(handle.it));
        break;
    case QUEUE:
        went(rpyc_queue_run(handle.it, 1, 1, NULL, &error));
        break;
    case CONNECTION:
        use_connection(handle.it);
        break;
    case OBJECT:
        use_object(handle.it);
        break;
    case VALUE:
        use_value(handle.it);
        break;
    case RESULT:
        if (below(3) == 0)
            went(rpyc_async_result_add_callback(handle.it, quiet, born(), died, &error));
        if (went(rpyc_async_result_value(handle.it, &value, &error)))
            keep(VALUE, value);
        break;
    case ITERATOR:
        if (went(rpyc_iterator_next(handle.it, &value, &error)))
            rpyc_value_free(value);
        break;
    case ERROR:
        rpyc_value_free(rpyc_error_attribute(handle.it, "args"));
        rpyc_value_free(rpyc_error_args(handle.it));
        break;
    case SERVING:
        if (below(2))
            went(rpyc_serving_stop(handle.it, &error));
        break;
    case SESSION:
        use_session(handle.it);
        break;
    case DECODER:
        rpyc_decoder_next(handle.it, &decoded, &found);
        break;
    case CLASSIC:
        if (went(rpyc_classic_connection(handle.it, &connection, &error)))
            keep(CONNECTION, connection);
        if (went(rpyc_classic_eval(handle.it, "1", 1, &value, &error)))
            rpyc_value_free(value);
        if (went(rpyc_classic_builtins(handle.it, &object, &error)))
            keep(OBJECT, object);
        break;
    case CALL:
        connection = rpyc_call_connection(handle.it);
        rpyc_connection_free(connection);
        rpyc_object_free(rpyc_call_target(handle.it));
        rpyc_call_return_int(handle.it, 1);
        break;
    default:
        break;
    }
}

static void use(struct handle handle)
{
    size_t limit = rpyc_timeout_begin(50);

    if (handle_count < MOST - 8)
        use_within(handle);
    rpyc_timeout_end(limit);
}

static void free_handle(struct handle handle)
{
    switch (handle.kind) {
    case CONFIG:
        rpyc_config_free(handle.it);
        break;
    case CLASS:
        rpyc_class_free(handle.it);
        break;
    case SERVER:
        rpyc_server_free(handle.it);
        break;
    case QUEUE:
        rpyc_queue_free(handle.it);
        break;
    case TRANSPORT:
        rpyc_transport_free(handle.it);
        break;
    case CONNECTION:
        rpyc_connection_free(handle.it);
        break;
    case OBJECT:
        rpyc_object_free(handle.it);
        break;
    case VALUE:
        rpyc_value_free(handle.it);
        break;
    case RESULT:
        rpyc_async_result_free(handle.it);
        break;
    case ITERATOR:
        rpyc_iterator_free(handle.it);
        break;
    case BUFFER:
        rpyc_buffer_free(handle.it);
        break;
    case ERROR:
        rpyc_error_free(handle.it);
        break;
    case SERVING:
        rpyc_serving_free(handle.it);
        break;
    case SESSION:
        rpyc_session_free(handle.it);
        break;
    case DECODER:
        rpyc_decoder_free(handle.it);
        break;
    case CLASSIC:
        rpyc_classic_free(handle.it);
        break;
    case CALL:
        rpyc_call_free(handle.it);
        break;
    }
}

static struct handle take_any(void)
{
    size_t at = below(handle_count);
    struct handle taken = handles[at];

    handles[at] = handles[--handle_count];
    return taken;
}

/* Frees all of it, one after the other, and uses what is left meanwhile. */
static void end_world(void)
{
    for (size_t most = handle_count; handle_count > 0; most -= most > 0) {
        free_handle(take_any());
        for (int n = 0; n < 2 && handle_count > 0; n++)
            use(handles[below(handle_count)]);
        while (handle_count >= most && handle_count > 0) /* what using made */
            free_handle(take_any());
    }
}

int main(int argc, char **argv)
{
    size_t worlds = argc > 1 ? strtoul(argv[1], NULL, 0) : 7;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

    for (size_t world = 0; world < worlds; world++) {
        state = seed + world;
        make_world(world);
        end_world();
        if (queue_runs)
            pthread_join(queue_thread, NULL);
        queue_runs = 0;
        for (int n = 0; n < 1000 && __atomic_load_n(&alive, __ATOMIC_SEQ_CST) != 0; n++)
            usleep(10000);
        if (__atomic_load_n(&alive, __ATOMIC_SEQ_CST) != 0)
            fprintf(stderr, "world %zu of seed %llu: %d left\n", world, (unsigned long long)seed, alive);
        CHECK(__atomic_load_n(&alive, __ATOMIC_SEQ_CST) == 0);
    }
    return finish();
}
