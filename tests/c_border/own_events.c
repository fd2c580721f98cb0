/* A thread that takes the events of a session asks objects of that session, alone and in containers of the library: nothing
 * waits for itself, and each failure says what to do. Other threads, and sessions of any thread, wait and get an answer. */
#define _POSIX_C_SOURCE 200809L
#include <time.h>
#define ERROR_STORAGE _Thread_local
#include "check.h"

#define EVENT(name) rpyc_session_event name = {.struct_size = sizeof name}

enum { THING = 1, FUNCTION };

static rpyc_session *session;
static rpyc_class *thing_class;
static rpyc_object *thing, *function;
static int stopping;

static const char *const METHODS[] = {"__eq__",    "__lt__",    "__hash__",  "__bool__",     "__len__",     "__iter__",
                                      "__next__",  "__float__", "__index__", "__contains__", "__getitem__", "__repr__",
                                      "__enter__", "__exit__",  "keys",      "read"};
enum { METHOD_COUNT = sizeof METHODS / sizeof *METHODS };

static rpyc_value *value_of(rpyc_object *object)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_object(object, &value, &error));
    return value;
}

/* The failure of what would have waited for itself: the status, or what it became on its way through Python's rules. */
static void refused(rpyc_status status, rpyc_error *failure, int line)
{
    const char *text = rpyc_error_message(failure);

    check(status == RPYC_ERR_STATE || (status == RPYC_ERR_REMOTE && rpyc_error_is(failure, "RuntimeError")),
          "it is refused", line);
    check(strstr(text, "_async") != NULL && strstr(text, "another thread") != NULL, "it says what to do", line);
    if (strstr(text, "_async") == NULL)
        fprintf(stderr, "line %d: %s: %s\n", line, rpyc_status_name(status), text);
    rpyc_error_free(failure);
}

#define REFUSED(call)                                                                                                  \
    do {                                                                                                               \
        rpyc_error *failure = NULL;                                                                                    \
        rpyc_status status = call;                                                                                     \
        refused(status, failure, __LINE__);                                                                            \
    } while (0)

static rpyc_status method(rpyc_object *object, const char *name, rpyc_object *arg, rpyc_value *keywords,
                          rpyc_error **failure)
{
    rpyc_value *args[1], *result = NULL;
    rpyc_status status;

    if (arg != NULL)
        args[0] = value_of(arg);
    status = rpyc_object_call_method(object, name, args, arg != NULL, keywords, &result, failure);
    rpyc_value_free(result);
    return status;
}

static rpyc_object *list_of(rpyc_value *first, rpyc_value *second)
{
    rpyc_value *items[] = {first, second};
    rpyc_object *list = NULL;

    OK(rpyc_list_new(items, second != NULL ? 2 : 1, &list, &error));
    return list;
}

static void alone(void)
{
    rpyc_value *value = NULL, *own = value_of(thing);
    rpyc_object *iterator = NULL;
    bool truth = false;

    REFUSED(rpyc_object_truth(thing, &truth, &failure));
    REFUSED(rpyc_object_equal(thing, rpyc_value_new_int(1), &truth, &failure));
    REFUSED(rpyc_object_compare(thing, RPYC_LT, rpyc_value_new_int(1), &value, &failure));
    REFUSED(rpyc_object_contains(thing, rpyc_value_new_int(1), &truth, &failure));
    REFUSED(rpyc_object_iter(thing, &iterator, &failure));
    REFUSED(rpyc_object_next(thing, &value, &failure));
    REFUSED(rpyc_object_repr(thing, &value, &failure));
    REFUSED(rpyc_object_hash(thing, &value, &failure));
    REFUSED(rpyc_object_call(function, NULL, 0, NULL, &value, &failure));
    REFUSED(method(thing, "keys", NULL, NULL, &failure));
    CHECK(rpyc_object_obtain(thing, 10, 10, 1000, &value, NULL) != RPYC_OK);
    REFUSED(rpyc_value_convert(own, RPYC_VALUE_FLOAT, -1, &value, &failure));
    REFUSED(rpyc_value_convert(own, RPYC_VALUE_BOOL, -1, &value, &failure));
    rpyc_value_free(own);
}

static void in_lists(void)
{
    static const char *const searches[] = {"index", "count", "remove", "__contains__"};
    rpyc_object *numbers = list_of(rpyc_value_new_int(1), rpyc_value_new_int(2)),
                *things = list_of(rpyc_value_new_int(2), value_of(thing));
    rpyc_value *text = NULL, *keys = NULL, *copy = NULL, *key = NULL, *by = NULL;
    bool found = false;

    for (size_t i = 0; i < sizeof searches / sizeof *searches; i++)
        REFUSED(method(numbers, searches[i], thing, NULL, &failure));
    REFUSED(rpyc_object_contains(things, rpyc_value_new_int(1), &found, &failure));
    REFUSED(method(things, "sort", NULL, NULL, &failure));
    OK(rpyc_value_new_str("key", RPYC_NUL_TERMINATED, &key, &error));
    by = value_of(function);
    OK(rpyc_value_new_dict(&key, &by, 1, &keys, &error));
    REFUSED(method(numbers, "sort", NULL, keys, &failure));
    REFUSED(method(numbers, "extend", thing, NULL, &failure));
    REFUSED(method(numbers, "__iadd__", thing, NULL, &failure));
    REFUSED(method(numbers, "__mul__", thing, NULL, &failure));
    REFUSED(method(numbers, "pop", thing, NULL, &failure));
    REFUSED(method(numbers, "__getitem__", thing, NULL, &failure));
    /* What only shows one shows its type. */
    OK(rpyc_object_repr(things, &text, &error));
    const char *shown = NULL;
    size_t length = 0;
    OK(rpyc_value_get_str(text, &shown, &length, &error));
    CHECK(shown != NULL && strstr(shown, "Thing object") != NULL);
    rpyc_value_free(text);
    /* Nothing of the object is asked for. */
    OK(method(numbers, "append", thing, NULL, &error));
    CHECK(rpyc_list_count(numbers) == 3);
    CHECK(rpyc_object_obtain(things, 10, 10, 1000, &copy, NULL) != RPYC_OK);
    rpyc_value_free(copy);
    rpyc_object_free(numbers);
    rpyc_object_free(things);
}

static void in_other_containers(void)
{
    rpyc_value *key = rpyc_value_new_int(1), *value = rpyc_value_new_int(2), *items = NULL;
    rpyc_object *dict = NULL, *file = NULL;
    bool found = false;
    int ends[2];

    OK(rpyc_dict_new(&key, &value, 1, &dict, &error));
    REFUSED(rpyc_object_contains(dict, value_of(thing), &found, &failure));
    REFUSED(method(dict, "get", thing, NULL, &failure));
    REFUSED(method(dict, "update", thing, NULL, &failure));
    REFUSED(method(dict, "fromkeys", thing, NULL, &failure));
    OK(rpyc_object_call_method(dict, "values", NULL, 0, NULL, &items, &error));
    rpyc_object *view = NULL;
    OK(rpyc_value_get_object(items, &view, &error));
    REFUSED(rpyc_object_contains(view, value_of(thing), &found, &failure));
    rpyc_object_free(view);
    rpyc_value_free(items);
    rpyc_object_free(dict);

    CHECK(pipe(ends) == 0);
    OK(rpyc_file_new(ends[1], "w", 1, &file, &error));
    REFUSED(method(file, "writelines", thing, NULL, &failure));
    OK(method(file, "close", NULL, NULL, &error));
    rpyc_object_free(file);
    close(ends[0]);
}

/* Takes one event if there is one, and answers a method with true. */
static int take_one(void)
{
    EVENT(event);
    rpyc_value *yes = rpyc_value_new_bool(true);

    OK(rpyc_session_next_event(session, &event, &error));
    if (event.kind != RPYC_EVENT_REQUEST) {
        rpyc_value_free(yes);
        return 0;
    }
    OK(rpyc_call_return(event.call, yes));
    rpyc_call_free(event.call);
    return 1;
}

/* The _async function, and events until the result is there. */
static void asynchronously(void)
{
    rpyc_async_result *result = NULL;
    rpyc_value *value = NULL;
    bool truth = false;

    OK(rpyc_object_call_method_async(thing, "keys", NULL, 0, NULL, -1, &result, &error));
    while (!rpyc_async_result_ready(result))
        take_one();
    OK(rpyc_async_result_value(result, &value, &error));
    OK(rpyc_value_get_bool(value, &truth, &error));
    CHECK(truth);
    rpyc_value_free(value);
    rpyc_async_result_free(result);
    /* Nothing was left behind by what was refused. */
    CHECK(!take_one());
}

static void *find(void *list)
{
    bool found = false;

    OK(rpyc_object_contains(list, rpyc_value_new_int(7), &found, &error));
    CHECK(found);
    __atomic_store_n(&stopping, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *take_all(void *unused)
{
    while (!__atomic_load_n(&stopping, __ATOMIC_SEQ_CST)) {
        if (!take_one())
            nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return unused;
}

static void make(uint64_t flags)
{
    rpyc_session_member members[METHOD_COUNT];
    rpyc_session_class_table table = {.struct_size = sizeof table,
                                      .member_size = sizeof *members,
                                      .name = "Thing",
                                      .members = members,
                                      .member_count = METHOD_COUNT};

    memset(members, 0, sizeof members);
    for (size_t i = 0; i < METHOD_COUNT; i++) {
        members[i].id = i + 1;
        members[i].name = METHODS[i];
        members[i].kind = RPYC_MEMBER_METHOD;
    }
    OK(rpyc_session_new(NULL, flags, &session, &error));
    OK(rpyc_session_class_new(NULL, 0, &table, &thing_class, &error));
    OK(rpyc_session_object_new(session, thing_class, THING, &thing, &error));
    OK(rpyc_session_function_new(session, FUNCTION, "function", NULL, NULL, &function, &error));
    CHECK(!take_one());
}

static void end(void)
{
    rpyc_object_free(thing);
    rpyc_object_free(function);
    rpyc_class_free(thing_class);
    rpyc_session_free(session);
}

int main(void)
{
    pthread_t thread;

    alarm(60);
    make(0);
    alone();
    in_lists();
    in_other_containers();
    asynchronously();
    /* Another thread waits, and this one takes. */
    rpyc_object *list = list_of(rpyc_value_new_int(1), value_of(thing));
    CHECK(pthread_create(&thread, NULL, find, list) == 0);
    take_all(NULL);
    pthread_join(thread, NULL);
    rpyc_object_free(list);
    end();

    /* Whichever thread has taken the events so far, another one may take the next. */
    make(RPYC_SESSION_ANY_THREAD);
    list = list_of(rpyc_value_new_int(1), value_of(thing));
    stopping = 0;
    CHECK(pthread_create(&thread, NULL, take_all, NULL) == 0);
    find(list);
    pthread_join(thread, NULL);
    rpyc_object_free(list);
    end();
    return finish();
}
