/* Lists and dicts by value (option native) that are nested deeply, read and written on stacks of all sizes, in both roles and by bare
   sessions: each arrives as it was, or is refused, and the connection and what was lent with it are as before. */
#include "check.h"
#include "peers.h"

enum { SHALLOW = 3, DEEP = 990 };

static const size_t sizes[] = {32, 64, 128, 1024, 8192};

/* A message of DEEP levels is refused where the stack is small, and arrives where it is large; between them the library decides. */
static int fits_size(int refused, size_t kib)
{
    return kib <= 128 ? refused : kib < 8192 || !refused;
}

/* A message of SHALLOW levels arrives. */
static int is_enough(size_t kib)
{
    return kib >= 64;
}

static int ended, refusals, arrivals;

static void thing_ends(void *unused)
{
    (void)unused;
    __atomic_add_fetch(&ended, 1, __ATOMIC_SEQ_CST);
}

static void nothing(rpyc_call *call, void *userdata)
{
    (void)userdata;
    rpyc_call_return(call, NULL);
}

/* An object whose end is counted. */
static rpyc_value *thing(void)
{
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_function_new("thing", nothing, NULL, NULL, 0, &ended, thing_ends, &object, &error));
    OK(rpyc_value_new_object(object, &value, &error));
    rpyc_object_free(object);
    return value;
}

/* Lists, dicts and tuples in one another, and four objects: before, within, beneath and behind. */
static rpyc_value *nested(int levels, int with_things)
{
    rpyc_value *value = with_things ? thing() : rpyc_value_new_int(1), *items[4];
    int level;

    for (level = 0; level < levels; level++) {
        rpyc_value *key = rpyc_value_new_int(level), *tuple[2];

        if (level % 3 == 0) {
            OK(rpyc_value_new_list(&value, 1, &value, &error));
        } else if (level % 3 == 1) {
            OK(rpyc_value_new_dict(&key, &value, 1, &value, &error));
            continue;
        } else {
            tuple[0] = value;
            tuple[1] = with_things && level == 2 ? thing() : rpyc_value_new_bool(true);
            OK(rpyc_value_new_tuple(tuple, 2, &value, &error));
        }
        rpyc_value_free(key);
    }
    items[0] = with_things ? thing() : rpyc_value_new_none();
    items[1] = value;
    items[2] = with_things ? thing() : rpyc_value_new_none();
    OK(rpyc_value_new_list(items, 3, &value, &error));
    return value;
}

/* ---------------------------------------------------------------- threads */

static void in_thread(void *(*work)(void *), void *arg, size_t kib)
{
    pthread_attr_t attributes;
    pthread_t made;

    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, kib << 10) == 0);
    CHECK(pthread_create(&made, &attributes, work, arg) == 0);
    pthread_attr_destroy(&attributes);
    pthread_join(made, NULL);
}

/* ---------------------------------------------------------------- a connection */

static rpyc_object *root;
static rpyc_value *sent;

/* What is refused here is RPYC_ERR_LIMIT, and RecursionError where it is refused there. */
static void *call_echo(void *unused)
{
    rpyc_value *arg = rpyc_value_clone(sent), *back = NULL;
    rpyc_error *failure = NULL;
    rpyc_status status = rpyc_object_call_method(root, "echo", &arg, 1, NULL, &back, &failure);

    if (status == RPYC_OK) {
        check(rpyc_value_equal(back, sent), "it comes back as it was", __LINE__);
        arrivals++;
    } else {
        check(status == RPYC_ERR_LIMIT || rpyc_error_is(failure, "RecursionError"), rpyc_error_message(failure),
              __LINE__);
        check(strstr(rpyc_error_message(failure), "nested too deeply for the stack") != NULL,
              rpyc_error_message(failure), __LINE__);
        refusals++;
    }
    rpyc_value_free(back);
    rpyc_error_free(failure);
    return unused;
}

/* Until both sides have told each other of what they hold no more. */
static void settle(rpyc_object *from)
{
    int i;

    for (i = 0; i < 3; i++) {
        rpyc_value *arg = rpyc_value_new_int(i), *back = NULL;

        OK(rpyc_object_call_method(from, "echo", &arg, 1, NULL, &back, &error));
        rpyc_value_free(back);
    }
}

static void exchange(int levels, size_t kib)
{
    char told[100];
    int before = ended;

    sent = nested(levels, 1);
    in_thread(call_echo, NULL, kib);
    rpyc_value_free(sent);
    settle(root);
    snprintf(told, sizeof told, "%d levels on %zu KiB: %d of 4 objects have ended", levels, kib, ended - before);
    check(ended == before + 4, told, __LINE__);
}

static rpyc_class *native_service;

static void *serve(void *connection)
{
    rpyc_connection_serve_all(connection, NULL);
    return NULL;
}

/* The client's thread or the server's has a stack of this size, the other has 8 MiB. */
static void connected(size_t client_kib, size_t server_kib)
{
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_connection *client = NULL, *server = NULL;
    rpyc_config *config = peers_config();
    pthread_attr_t attributes;
    pthread_t thread;

    OK(rpyc_config_set(config, "native", "on", &error));
    OK(rpyc_config_set(config, "max_depth", "1000", &error));
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &client, &error));
    OK(rpyc_connection_new(right, native_service, config, &server, &error));
    rpyc_config_free(config);
    pthread_attr_init(&attributes);
    CHECK(pthread_attr_setstacksize(&attributes, server_kib << 10) == 0);
    CHECK(pthread_create(&thread, &attributes, serve, server) == 0);
    pthread_attr_destroy(&attributes);
    OK(rpyc_connection_root(client, &root, &error));
    exchange(SHALLOW, client_kib);
    exchange(DEEP, client_kib);
    exchange(SHALLOW, client_kib);
    rpyc_object_free(root);
    OK(rpyc_connection_close(client, &error));
    pthread_join(thread, NULL);
    rpyc_connection_free(client);
    rpyc_connection_free(server);
}

static void connections(void)
{
    size_t size;

    native_service = peers_service();
    for (size = 0; size < sizeof sizes / sizeof *sizes; size++) {
        int role;

        for (role = 0; role < 2; role++) {
            arrivals = refusals = 0;
            connected(role ? 8192 : sizes[size], role ? sizes[size] : 8192);
            CHECK(arrivals + refusals == 3);
            CHECK(!is_enough(sizes[size]) || (arrivals >= 2 && fits_size(refusals, sizes[size])));
        }
    }
    rpyc_class_free(native_service);
}

/* ---------------------------------------------------------------- sessions */

static rpyc_session *left, *right; /* left asks; right has the root */
static rpyc_object *far;
static rpyc_status done;
static rpyc_session_event event;

static void move(rpyc_session *from, rpyc_session *to)
{
    char buffer[4096];
    size_t taken = 0;

    while (rpyc_session_take(from, buffer, sizeof buffer, &taken) == RPYC_OK && taken > 0)
        OK(rpyc_session_feed(to, buffer, taken, &error));
}

static void *ask(void *unused)
{
    rpyc_value *arg = rpyc_value_clone(sent);

    done = rpyc_session_ask(left, 1, RPYC_HANDLE_CALLATTR, far, "echo", RPYC_NUL_TERMINATED, &arg, 1, NULL, -1, NULL,
                            &error);
    return unused;
}

static void *next(void *session)
{
    event = (rpyc_session_event){.struct_size = sizeof event};
    done = rpyc_session_next_event(session, &event, NULL);
    return session;
}

/* The answer, read on a stack of this size; 1 if it is what was sent, 0 if it is refused. */
static int answered(size_t kib)
{
    int arrived;

    move(right, left);
    in_thread(next, left, kib);
    CHECK(done == RPYC_OK && event.kind == RPYC_EVENT_REPLY);
    arrived = event.value != NULL;
    if (arrived)
        CHECK(rpyc_value_equal(event.value, sent));
    else
        check(rpyc_error_status(event.error) == RPYC_ERR_LIMIT || rpyc_error_is(event.error, "RecursionError"),
              rpyc_error_message(event.error), __LINE__);
    rpyc_value_free(event.value);
    rpyc_error_free(event.error);
    return arrived;
}

/* Asks, reads the question and reads the answer on stacks of these sizes. */
static int round_trip(size_t asking, size_t reading, size_t hearing)
{
    in_thread(ask, NULL, asking);
    if (done != RPYC_OK) {
        GIVES(RPYC_ERR_LIMIT, done);
        return 0;
    }
    move(left, right);
    in_thread(next, right, reading);
    CHECK(done == RPYC_OK);
    if (event.kind == RPYC_EVENT_REQUEST) {
        OK(rpyc_call_return(event.call, rpyc_value_clone(rpyc_call_arg(event.call, 0))));
        rpyc_call_free(event.call);
    } else {
        CHECK(event.kind == RPYC_EVENT_NONE);
    }
    return answered(hearing);
}

static void open_sessions(rpyc_class **class)
{
    static const rpyc_session_member members[] = {
        {1, "exposed_echo", "echo(value)", NULL, RPYC_MEMBER_METHOD, 0, NULL}};
    static const rpyc_session_class_table table = {.struct_size = sizeof table,
                                                   .member_size = sizeof *members,
                                                   .name = "Root",
                                                   .members = members,
                                                   .member_count = 1};
    rpyc_config *config = peers_config();

    OK(rpyc_config_set(config, "native", "on", &error));
    OK(rpyc_config_set(config, "max_depth", "1000", &error));
    OK(rpyc_session_new(config, 0, &left, &error));
    OK(rpyc_session_new(config, 0, &right, &error));
    rpyc_config_free(config);
    OK(rpyc_session_class_new(NULL, 0, &table, class, &error));
    OK(rpyc_session_set_root(right, *class, 1, &error));
    OK(rpyc_session_ask(left, 1, RPYC_HANDLE_GETROOT, NULL, NULL, 0, NULL, 0, NULL, -1, NULL, &error));
    move(left, right);
    next(right);
    move(right, left);
    next(left);
    CHECK(event.kind == RPYC_EVENT_REPLY);
    OK(rpyc_value_get_object(event.value, &far, &error));
    rpyc_value_free(event.value);
}

static void sessions(void)
{
    rpyc_class *class = NULL;
    rpyc_value *deep = nested(DEEP, 0), *shallow = nested(SHALLOW, 0);
    size_t at;

    open_sessions(&class);
    for (at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        const size_t size = sizes[at];

        sent = shallow;
        CHECK(round_trip(size, size, size) || !is_enough(size));
        sent = deep;
        CHECK(fits_size(!round_trip(size, 8192, 8192), size));
        CHECK(fits_size(!round_trip(8192, size, 8192), size));
        CHECK(fits_size(!round_trip(8192, 8192, size), size));
    }
    rpyc_value_free(deep);
    rpyc_value_free(shallow);
    rpyc_object_free(far);
    rpyc_session_free(left);
    rpyc_session_free(right);
    rpyc_class_free(class);
}

/* How many levels pass on a stack of each size. */
static void measure(void)
{
    rpyc_class *class = NULL;
    size_t at, step;

    open_sessions(&class);
    for (at = 0; at < sizeof sizes / sizeof *sizes; at++) {
        printf("%4zu KiB:", sizes[at]);
        for (step = 0; step < 3; step++) {
            int low = 0, high = DEEP + 1;

            while (high - low > 1) {
                const int levels = (low + high) / 2;
                int passed;

                sent = nested(levels, 0);
                passed = round_trip(step == 0 ? sizes[at] : 8192, step == 1 ? sizes[at] : 8192,
                                    step == 2 ? sizes[at] : 8192);
                rpyc_value_free(sent);
                *(passed ? &low : &high) = levels;
            }
            printf(" %4d levels %s,", low, step == 0 ? "written" : step == 1 ? "read as a call" : "read as an answer");
        }
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "measure") == 0) {
        measure();
        return 0;
    }
    connections();
    sessions();
    return finish();
}
