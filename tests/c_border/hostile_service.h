/* The service that hostile peers attack, and what its programs have in common. */
#ifndef HOSTILE_SERVICE_H
#define HOSTILE_SERVICE_H

#define _GNU_SOURCE
#include "check.h"

#include <limits.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <rpyc_helpers.h>

static rpyc_object *held;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int in_a_loop;

static inline void add(rpyc_call *call, void *self)
{
    int64_t a, b;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &a) && !rpyc_call_get_int(call, 1, &b))
        rpyc_call_return_int(call, (int64_t)((uint64_t)a + (uint64_t)b));
}

static inline void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static inline void answer(rpyc_call *call, rpyc_value *value, rpyc_error *raised)
{
    if (raised)
        rpyc_call_raise_error(call, raised);
    else
        rpyc_call_return(call, value);
}

static inline void came(rpyc_async_result *result, void *deferred)
{
    rpyc_value *value = NULL;
    rpyc_error *raised = NULL;

    rpyc_async_result_value(result, &value, &raised);
    answer(deferred, value, raised);
}

static inline void drop(void *deferred)
{
    rpyc_call_free(deferred);
}

/* The thread that serves all does not wait. */
static inline void call_later(rpyc_call *call, rpyc_object *function, rpyc_value **args, size_t count)
{
    rpyc_async_result *result = NULL;
    rpyc_error *raised = NULL;

    if (rpyc_object_call_async(function, args, count, NULL, 30000, &result, &raised))
        answer(call, NULL, raised);
    else
        rpyc_async_result_add_callback(result, came, rpyc_call_defer(call), drop, NULL);
    rpyc_async_result_free(result);
}

/* Calls what it is given with the rest of its arguments. */
static inline void call_back(rpyc_call *call, void *self)
{
    size_t count = rpyc_call_arg_count(call), n;
    rpyc_object *function = NULL;
    rpyc_value *args[8], *value = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &function))
        return;
    for (n = 1; n < count && n <= 8; n++)
        args[n - 1] = rpyc_value_clone(rpyc_call_arg(call, n));
    if (in_a_loop) {
        call_later(call, function, args, n - 1);
    } else {
        rpyc_object_call(function, args, n - 1, NULL, &value, &raised);
        answer(call, value, raised);
    }
    rpyc_object_free(function);
}

static inline void give_object(rpyc_call *call, rpyc_object *object, rpyc_error *raised)
{
    if (raised)
        rpyc_call_raise_error(call, raised);
    else
        rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static inline void make_list(rpyc_call *call, void *self)
{
    int64_t count, n;
    rpyc_object *list = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_int(call, 0, &count))
        return;
    rpyc_list_new(NULL, 0, &list, &raised);
    for (n = 0; n < count && n < 100000 && !raised; n++)
        rpyc_list_append(list, rpyc_value_new_int(n), &raised);
    give_object(call, list, raised);
}

static inline void make_dict(rpyc_call *call, void *self)
{
    rpyc_value *keys[2] = {rpyc_value_new_int(1), rpyc_value_new_int(2)};
    rpyc_value *values[2] = {rpyc_value_new_int(10), rpyc_value_new_int(20)};
    rpyc_object *dict = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    rpyc_dict_new(keys, values, 2, &dict, &raised);
    give_object(call, dict, raised);
}

static inline void next(rpyc_call *call, void *self)
{
    int64_t *left = self;

    if (*left > 0)
        rpyc_call_return_int(call, --*left);
    else
        rpyc_call_raise(call, "StopIteration", NULL);
}

static inline void make_generator(rpyc_call *call, void *self)
{
    int64_t count, *left;
    rpyc_object *made = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_int(call, 0, &count) || !(left = malloc(sizeof *left)))
        return;
    *left = count;
    rpyc_generator_new(next, left, free, &made, &raised);
    give_object(call, made, raised);
}

/* Goes through what a peer says is iterable, a thousand items at most. */
static inline void total(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;
    rpyc_iterator *iterator = NULL;
    rpyc_value *item = NULL;
    rpyc_error *raised = NULL;
    int64_t sum = 0, number, rounds = 0;

    (void)self;
    if (rpyc_call_get_object(call, 0, &object))
        return;
    if (!rpyc_object_iterate(object, &iterator, &raised)) {
        while (rounds++ < 1000 && !rpyc_iterator_next(iterator, &item, &raised) && item) {
            if (!rpyc_value_get_int(item, &number, NULL))
                sum = (int64_t)((uint64_t)sum + (uint64_t)number);
            rpyc_value_free(item);
            item = NULL;
        }
        rpyc_value_free(item);
        rpyc_iterator_free(iterator);
    }
    rpyc_object_free(object);
    answer(call, raised ? NULL : rpyc_value_new_int(sum), raised);
}

/* A copy of what a peer says is a container. */
static inline void obtain(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &object))
        return;
    rpyc_object_obtain(object, 20, 10000, 1 << 20, &value, &raised);
    rpyc_object_free(object);
    answer(call, value, raised);
}

/* Keeps an object for all connections. */
static inline void hold(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL, *before;

    (void)self;
    if (rpyc_call_get_object(call, 0, &object))
        return;
    pthread_mutex_lock(&lock);
    before = held;
    held = object;
    pthread_mutex_unlock(&lock);
    rpyc_object_free(before);
    rpyc_call_return(call, NULL);
}

static inline void get_held(rpyc_call *call, void *self)
{
    rpyc_object *object;

    (void)self;
    pthread_mutex_lock(&lock);
    object = rpyc_object_clone(held);
    pthread_mutex_unlock(&lock);
    if (object)
        rpyc_call_return_object(call, object);
    else
        rpyc_call_raise(call, "LookupError", "nothing is held");
    rpyc_object_free(object);
}

/* Bytes that malloc has given out and not got back. */
static inline void in_use(rpyc_call *call, void *self)
{
    struct mallinfo2 all = mallinfo2();

    (void)self;
    rpyc_call_return_int(call, (int64_t)(all.uordblks + all.hblkhd));
}

static inline void secret(rpyc_call *call, void *self)
{
    (void)self;
    fprintf(stderr, "a secret was told\n");
    rpyc_call_return_str(call, "secret", RPYC_NUL_TERMINATED);
}

static int ending[2];

static inline void on_signal(int number)
{
    (void)number;
    if (write(ending[1], "!", 1) != 1)
        _exit(EXIT_FAILURE);
}

static inline void logged(int32_t level, const char *message, size_t length, void *userdata)
{
    (void)userdata;
    fprintf(stderr, "log %d %.*s\n", (int)level, (int)length, message);
}

/* A listening socket of ours on a free port of 127.0.0.1, which is printed. */
static inline int listen_here(void)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    CHECK(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 200) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&name, &length) == 0);
    printf("listening tcp://127.0.0.1:%d\n", (int)ntohs(name.sin_port));
    fflush(stdout);
    return listener;
}

/* The options that follow the address; what is wrong is reported. */
static inline rpyc_config *hostile_begin(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    rpyc_config *config = rpyc_config_new();

    if (argc < 3 || pipe(ending))
        exit(EXIT_FAILURE);
    sigaction(SIGTERM, &action, NULL);
    OK(rpyc_set_log_callback(RPYC_LOG_DEBUG, logged, NULL, NULL, &error));
    for (int n = 3; n < argc; n++) {
        char *equals = strchr(argv[n], '=');

        if (!equals)
            exit(EXIT_FAILURE);
        *equals = '\0';
        OK(rpyc_config_set(config, argv[n], equals + 1, &error));
    }
    return config;
}

#endif
