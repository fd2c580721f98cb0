/* Calls, comparisons, destructors and values that are nested without end, on stacks of all sizes: each ends with
   RecursionError, and the process and the connection live on.

   Without arguments: both sides in this process. ADDRESS: a peer whose method `bounce(f)` answers with f(bounce).
   measure: the bytes of stack that a level takes, and how many were never used of each stack.

   src/nesting.rs keeps a part of each stack for the innermost level. Whether that is enough is not seen where nothing happens
   to lie below, so the stacks are painted, and of each one some must be left: a compiler, or a profile, that makes frames
   larger is noticed before a stack overflows. */
#define _GNU_SOURCE
#include "check.h"
#include "peers.h"
#include <stdint.h>
#include <sys/mman.h>
#include <ucontext.h>

static const size_t sizes[] = {32, 64, 128, 256, 512, 1024, 1664, 2048, 8192};

static struct peers peers, others;
static rpyc_object *bounce_object, *self_object, *equal_object;
static rpyc_value *deep, *deeper;

/* What the thread of a test finds out. */
static pthread_t thread;
static int depth, deepest, large;
static uintptr_t lowest, highest;

static void enter(void *local)
{
    uintptr_t here = (uintptr_t)local;

    if (!pthread_equal(thread, pthread_self()))
        return;
    if (++depth > deepest)
        deepest = depth;
    if (here < lowest)
        lowest = here;
    if (here > highest)
        highest = here;
}

static void leave(void)
{
    if (pthread_equal(thread, pthread_self()))
        depth--;
}

static void give(rpyc_call *call, rpyc_value *result, rpyc_error *failure)
{
    if (failure)
        rpyc_call_raise_error(call, failure);
    else
        rpyc_call_return(call, result);
}

static rpyc_value *as_value(rpyc_object *object)
{
    rpyc_value *value = NULL;

    rpyc_value_new_object(object, &value, NULL);
    return value;
}

/* ---------------------------------------------------------------- what nests */

static __attribute__((noinline)) void call_plain(rpyc_object *function, rpyc_value **arg, rpyc_value **result,
                                                 rpyc_error **failure)
{
    rpyc_object_call(function, arg, 1, NULL, result, failure);
}

/* From a frame with large variables. */
static __attribute__((noinline)) void call_roomy(rpyc_object *function, rpyc_value **arg, rpyc_value **result,
                                                 rpyc_error **failure)
{
    volatile char room[48 << 10];

    memset((void *)room, 1, sizeof room);
    rpyc_object_call(function, arg, 1, NULL, result, failure);
    CHECK(room[sizeof room - 1] == 1);
}

/* bounce(f): f(bounce) */
static void bounce(rpyc_call *call, void *userdata)
{
    rpyc_value *arg = as_value(bounce_object), *result = NULL;
    rpyc_object *function = NULL;
    rpyc_error *failure = NULL;

    (void)userdata;
    enter(&arg);
    rpyc_call_get_object(call, 0, &function);
    (large && pthread_equal(thread, pthread_self()) ? call_roomy : call_plain)(function, &arg, &result, &failure);
    give(call, result, failure);
    rpyc_object_free(function);
    leave();
}

/* Calls itself without the wire. */
static void itself(rpyc_call *call, void *userdata)
{
    rpyc_value *result = NULL;
    rpyc_error *failure = NULL;

    (void)userdata;
    enter(&result);
    rpyc_object_call(self_object, NULL, 0, NULL, &result, &failure);
    give(call, result, failure);
    leave();
}

static void equals(rpyc_call *call, void *self)
{
    rpyc_value *this = as_value(equal_object);
    rpyc_error *failure = NULL;
    bool equal = false;

    (void)self;
    enter(&equal);
    rpyc_object_equal(equal_object, this, &equal, &failure);
    if (failure)
        rpyc_call_raise_error(call, failure);
    else
        rpyc_call_return_bool(call, equal);
    leave();
}

static void text(rpyc_call *call, void *self)
{
    rpyc_value *result = NULL;
    rpyc_error *failure = NULL;

    (void)self;
    enter(&result);
    rpyc_object_repr(equal_object, &result, &failure);
    give(call, result, failure);
    leave();
}

static void property(rpyc_call *call, void *self)
{
    rpyc_value *result = NULL;
    rpyc_error *failure = NULL;

    (void)self;
    enter(&result);
    rpyc_object_get_attr(equal_object, "again", &result, &failure);
    give(call, result, failure);
    leave();
}

static rpyc_object *nested_object(void)
{
    static const rpyc_method methods[] = {{"__eq__", equals, NULL, NULL, 0}, {"__repr__", text, NULL, NULL, 0}};
    static const rpyc_property properties[] = {{.name = "again", .get = property}};
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof *methods,
        .property_size = sizeof *properties,
        .name = "Nested",
        .methods = methods,
        .method_count = 2,
        .properties = properties,
        .property_count = 1,
    };
    rpyc_class *class = NULL;
    rpyc_object *object = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &class, &error));
    OK(rpyc_object_new(class, NULL, NULL, &object, &error));
    rpyc_class_free(class);
    return object;
}

/* ---------------------------------------------------------------- kinds of nesting */

/* Its outcome is an error of this type, and None in `error`; or it cannot fail. */
typedef rpyc_status kind(rpyc_error **failure);

static rpyc_status probe(struct peers *with, rpyc_value *arg, rpyc_error **failure)
{
    rpyc_object *root = NULL;
    rpyc_value *result = NULL;
    rpyc_status status = rpyc_connection_root(with->client, &root, failure);

    if (!status)
        status = rpyc_object_call_method(root, "probe", &arg, 1, NULL, &result, failure);
    else
        rpyc_value_free(arg);
    rpyc_value_free(result);
    rpyc_object_free(root);
    return status;
}

static rpyc_status callbacks(rpyc_error **failure)
{
    return probe(&peers, as_value(bounce_object), failure);
}

/* A function of one peer is passed to another, and the other way round. */
static rpyc_status bridged(rpyc_error **failure)
{
    rpyc_object *root = NULL;
    rpyc_value *function = NULL;
    rpyc_status status = rpyc_connection_root(others.client, &root, failure);

    if (!status)
        status = rpyc_object_get_attr(root, "probe", &function, failure);
    rpyc_object_free(root);
    return status ? status : probe(&peers, function, failure);
}

static rpyc_status calls(rpyc_error **failure)
{
    rpyc_value *result = NULL;
    rpyc_status status = rpyc_object_call(self_object, NULL, 0, NULL, &result, failure);

    rpyc_value_free(result);
    return status;
}

static rpyc_status comparisons(rpyc_error **failure)
{
    rpyc_value *this = as_value(equal_object);
    bool equal;

    return rpyc_object_equal(equal_object, this, &equal, failure);
}

static rpyc_status texts(rpyc_error **failure)
{
    rpyc_value *result = NULL;
    rpyc_status status = rpyc_object_repr(equal_object, &result, failure);

    rpyc_value_free(result);
    return status;
}

static rpyc_status properties(rpyc_error **failure)
{
    rpyc_value *result = NULL;
    rpyc_status status = rpyc_object_get_attr(equal_object, "again", &result, failure);

    rpyc_value_free(result);
    return status;
}

/* ---------------------------------------------------------------- what cannot be refused */

static int freed;

static void nothing(rpyc_call *call, void *userdata)
{
    (void)userdata;
    rpyc_call_return(call, NULL);
}

static void free_next(void *next)
{
    freed++;
    rpyc_object_free(next);
}

static rpyc_status destructors(rpyc_error **failure)
{
    enum { LINKS = 100000 };
    rpyc_object *chain = NULL;
    int i;

    (void)failure;
    freed = 0;
    for (i = 0; i < LINKS; i++) {
        rpyc_object *next = chain;

        CHECK(rpyc_function_new("link", nothing, NULL, NULL, 0, next, free_next, &chain, NULL) == RPYC_OK);
    }
    rpyc_object_free(chain);
    CHECK(freed == LINKS);
    return RPYC_OK;
}

/* Each callback waits for something else, and meanwhile the next result comes. */
static int called;

static void wait_more(rpyc_async_result *result, void *userdata)
{
    rpyc_status status;
    rpyc_error *failure = NULL;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;

    (void)result;
    (void)userdata;
    enter(&root);
    called++;
    status = rpyc_connection_root(peers.client, &root, &failure);
    if (!status)
        status = rpyc_object_call_method(root, "echo", (rpyc_value *[]){rpyc_value_new_int(called)}, 1, NULL, &value,
                                         &failure);
    check(status == RPYC_OK, rpyc_error_message(failure), __LINE__);
    rpyc_error_free(failure);
    rpyc_value_free(value);
    rpyc_object_free(root);
    leave();
}

static rpyc_status results(rpyc_error **failure)
{
    enum { MANY = 1000 };
    rpyc_async_result *all[MANY];
    rpyc_object *root = NULL;
    int i;

    called = 0;
    if (rpyc_connection_root(peers.client, &root, failure))
        return rpyc_error_status(*failure);
    for (i = 0; i < MANY; i++) {
        rpyc_value *arg = rpyc_value_new_int(i);

        CHECK(rpyc_object_call_method_async(root, "echo", &arg, 1, NULL, -1, &all[i], NULL) == RPYC_OK);
        CHECK(rpyc_async_result_add_callback(all[i], wait_more, NULL, NULL, NULL) == RPYC_OK);
    }
    for (i = 0; i < MANY; i++) {
        CHECK(rpyc_async_result_wait(all[i], NULL) == RPYC_OK);
        rpyc_async_result_free(all[i]);
    }
    CHECK(called == MANY);
    rpyc_object_free(root);
    return RPYC_OK;
}

/* A value of many levels. */
static rpyc_value *nest(int levels)
{
    rpyc_value *value = rpyc_value_new_int(7);

    while (levels--)
        CHECK(rpyc_value_new_tuple(&value, 1, &value, NULL) == RPYC_OK);
    return value;
}

static rpyc_status send(rpyc_value *value, rpyc_error **failure)
{
    rpyc_object *root = NULL;
    rpyc_value *arg = rpyc_value_clone(value), *back = NULL;
    rpyc_status status = rpyc_connection_root(peers.client, &root, failure);

    if (!status)
        status = rpyc_object_call_method(root, "echo", &arg, 1, NULL, &back, failure);
    if (!status)
        CHECK(rpyc_value_equal(back, value));
    rpyc_value_free(back);
    rpyc_object_free(root);
    return status;
}

static rpyc_status values(rpyc_error **failure)
{
    rpyc_value *own = nest(999), *shown = rpyc_value_repr(own);

    CHECK(rpyc_value_equal(own, deeper) && shown != NULL);
    rpyc_value_free(shown);
    rpyc_value_free(own);
    return send(deep, failure) || send(deeper, failure) ? rpyc_error_status(*failure) : RPYC_OK;
}

/* ---------------------------------------------------------------- threads */

static kind *wanted;
static rpyc_status status;
static rpyc_error *outcome;

static void *work(void *unused)
{
    thread = pthread_self();
    depth = deepest = 0;
    lowest = UINTPTR_MAX;
    highest = 0;
    outcome = NULL;
    status = wanted(&outcome);
    return unused;
}

/* What no thread has left of its stack, and how many bytes that was in the last one. */
enum { PAINT = 0xa5, LEAST_LEFT = 2 << 10 };
static size_t untouched;

static int in_thread(kind *run, size_t kib)
{
    const size_t guard = 64 << 10, size = kib << 10;
    unsigned char *memory = mmap(NULL, guard + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attributes;
    pthread_t made;
    int started;

    wanted = run;
    CHECK(memory != MAP_FAILED && mprotect(memory, guard, PROT_NONE) == 0);
    memset(memory + guard, PAINT, size);
    pthread_attr_init(&attributes);
    started = pthread_attr_setstack(&attributes, memory + guard, size) == 0 &&
              pthread_create(&made, &attributes, work, NULL) == 0;
    pthread_attr_destroy(&attributes);
    if (started)
        pthread_join(made, NULL);
    for (untouched = 0; untouched < size && memory[guard + untouched] == PAINT; untouched++)
        continue;
    munmap(memory, guard + size);
    return started;
}

static const struct {
    kind *run;
    const char *name;
    int refused;
} kinds[] = {
    {callbacks, "callbacks", 1},
    {bridged, "bridged calls", 1},
    {calls, "local calls", 1},
    {comparisons, "==", 1},
    {texts, "repr", 1},
    {properties, "properties", 1},
    {destructors, "destructors", 0},
    {results, "callbacks of results", 0},
    {values, "values", 0},
};

static void judge(size_t at, size_t kib)
{
    char told[300];

    snprintf(told, sizeof told, "%s on %zu KiB: %d levels, %zu bytes left, %s", kinds[at].name, kib, deepest, untouched,
             outcome ? rpyc_error_message(outcome) : "no error");
    if (getenv("VERBOSE"))
        printf("%s\n", told);
    check(kinds[at].refused ? rpyc_error_is(outcome, "RecursionError") : status == RPYC_OK, told, __LINE__);
    check(untouched >= LEAST_LEFT, told, __LINE__);
    check(depth == 0, "all levels have been left", __LINE__);
    rpyc_error_free(outcome);
    outcome = NULL;
    check(send(deep, &outcome) == RPYC_OK, "the connection lives on", __LINE__);
}

static void all_sizes(void)
{
    size_t at, size;

    for (at = 0; at < sizeof kinds / sizeof *kinds; at++) {
        for (size = 0; size < sizeof sizes / sizeof *sizes; size++) {
            if (in_thread(kinds[at].run, sizes[size]))
                judge(at, sizes[size]);
        }
        wanted = kinds[at].run;
        untouched = SIZE_MAX; /* of the stack that the program has begun on */
        work(NULL);
        judge(at, 0);
    }
    large = 1;
    for (size = 5; size < sizeof sizes / sizeof *sizes; size++) {
        if (in_thread(callbacks, sizes[size]))
            judge(0, sizes[size]);
    }
    large = 0;
}

/* A stack that the thread does not know of. */
static ucontext_t outside, inside;

static void on_other_stack(void)
{
    work(NULL);
}

static void coroutine(char *stack, size_t size, kind *run)
{
    wanted = run;
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = size;
    inside.uc_link = &outside;
    makecontext(&inside, on_other_stack, 0);
    swapcontext(&outside, &inside);
}

static void coroutines(void)
{
    static const size_t size = 8 << 20;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    size_t at;

    for (at = 0; at < sizeof kinds / sizeof *kinds; at++) {
        coroutine(stack, size, kinds[at].run);
        untouched = SIZE_MAX; /* not looked at */
        judge(at, size >> 10);
        /* The count decides alone. */
        CHECK(!kinds[at].refused || kinds[at].run == bridged || deepest > 200);
    }
    munmap(stack, size);
}

/* ---------------------------------------------------------------- a queue, and a peer elsewhere */

static rpyc_queue *queue;

static rpyc_status from_queue(rpyc_error **failure)
{
    rpyc_async_result *result = NULL;
    rpyc_object *root = NULL;
    rpyc_value *arg = as_value(bounce_object);

    if (rpyc_connection_root(peers.client, &root, failure))
        return rpyc_error_status(*failure);
    rpyc_object_call_method_async(root, "probe", &arg, 1, NULL, -1, &result, failure);
    while (!rpyc_async_result_ready(result))
        rpyc_queue_run(queue, 1, 20, NULL, NULL);
    rpyc_async_result_wait(result, failure);
    rpyc_async_result_value(result, &arg, failure);
    rpyc_async_result_free(result);
    rpyc_object_free(root);
    return RPYC_OK;
}

static void queues(void)
{
    rpyc_serving *serving = NULL;
    size_t size;

    OK(rpyc_queue_new(100, &queue, &error));
    OK(rpyc_connection_set_queue(peers.client, queue, &error));
    OK(rpyc_connection_serve_background(peers.client, 1, 0, &serving, &error));
    for (size = 2; size < sizeof sizes / sizeof *sizes; size++) {
        if (in_thread(from_queue, sizes[size]))
            judge(0, sizes[size]);
    }
    rpyc_serving_stop(serving, NULL);
    rpyc_serving_join(serving, NULL);
    rpyc_serving_free(serving);
    rpyc_queue_free(queue);
}

static rpyc_object *remote_bounce;

static rpyc_status with_peer(rpyc_error **failure)
{
    rpyc_value *arg = as_value(bounce_object), *result = NULL;
    rpyc_status got = rpyc_object_call(remote_bounce, &arg, 1, NULL, &result, failure);

    rpyc_value_free(result);
    return got;
}

static void elsewhere(const char *address)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    size_t size;

    OK(rpyc_connect(address, NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    OK(rpyc_object_get_attr(root, "bounce", &value, &error));
    OK(rpyc_value_get_object(value, &remote_bounce, &error));
    rpyc_value_free(value);
    for (size = 0; size < sizeof sizes / sizeof *sizes; size++) {
        if (in_thread(with_peer, sizes[size])) {
            char told[100];

            snprintf(told, sizeof told, "%zu bytes left of %zu KiB", untouched, sizes[size]);
            if (getenv("VERBOSE"))
                printf("%s\n", told);
            check(untouched >= LEAST_LEFT, told, __LINE__);
            check(rpyc_error_is(outcome, "RecursionError"), rpyc_error_message(outcome), __LINE__);
            rpyc_error_free(outcome);
            outcome = NULL;
            OK(rpyc_object_call_method(root, "echo", NULL, 0, NULL, &value, &error));
            rpyc_value_free(value);
        }
    }
    rpyc_object_free(remote_bounce);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
}

static void measure(void)
{
    size_t at, size;

    for (at = 0; at < sizeof kinds / sizeof *kinds; at++) {
        in_thread(kinds[at].run, 8192);
        printf("%-20s", kinds[at].name);
        if (deepest > 1)
            printf(" %4d levels, %5zu bytes each;", deepest, (size_t)(highest - lowest) / (size_t)(deepest - 1));
        printf(" left of");
        for (size = 0; size < sizeof sizes / sizeof *sizes; size++) {
            rpyc_error_free(outcome);
            if (in_thread(kinds[at].run, sizes[size]))
                printf(" %zu KiB: %zu%s", sizes[size], untouched, size + 1 < sizeof sizes / sizeof *sizes ? "," : "\n");
        }
        rpyc_error_free(outcome);
    }
}

static void call_back(rpyc_call *call)
{
    bounce(call, NULL);
}

/* Values may be as deep as they can be. */
static void open_peers(struct peers *opened)
{
    peers_open(opened);
    OK(rpyc_connection_set_option(opened->client, "max_depth", "1000", &error));
    OK(rpyc_connection_set_option(opened->server, "max_depth", "1000", &error));
}

int main(int argc, char **argv)
{
    OK(rpyc_function_new("bounce", bounce, NULL, NULL, 0, NULL, NULL, &bounce_object, &error));
    OK(rpyc_function_new("itself", itself, NULL, NULL, 0, NULL, NULL, &self_object, &error));
    equal_object = nested_object();
    deep = nest(90);
    deeper = nest(999);
    if (argc > 1 && strcmp(argv[1], "measure")) {
        elsewhere(argv[1]);
    } else {
        peers_probe = call_back;
        open_peers(&peers);
        open_peers(&others);
        if (argc > 1) {
            measure();
        } else {
            all_sizes();
            coroutines();
            queues();
        }
        peers_close(&peers);
        peers_close(&others);
    }
    rpyc_value_free(deep);
    rpyc_value_free(deeper);
    rpyc_object_free(bounce_object);
    rpyc_object_free(self_object);
    rpyc_object_free(equal_object);
    return finish();
}
