/* 16 threads on one connection: calls, results with callbacks, calls nested 50 deep both ways, and limits of time. Every reply comes
 * to its caller, nothing is lost, and nothing waits for ever.
 *
 *     stress SECONDS            against another connection of this process
 *     stress SECONDS ADDRESS    against tests/run/clients/stress_server.py
 */
#define _DEFAULT_SOURCE
#include <inttypes.h>
#include <stdatomic.h>
#include <time.h>

#include "check.h"

#define THREADS 16
#define LEVELS 100 /* every other one on this side */

static rpyc_object *root, *here;
static atomic_long calls, chains, callbacks, registered, in_time, too_late, wrong;
static time_t end;

/* Gives the number of levels plus token, each level being a call of the other side. */
static void bounce(rpyc_call *call, void *self)
{
    rpyc_value *args[3], *answer = NULL;
    rpyc_object *func = NULL, *own = self;
    rpyc_error *why = NULL;
    int64_t levels, token, sum = 0;

    if (rpyc_call_get_int(call, 0, &levels) || rpyc_call_get_int(call, 1, &token) ||
        rpyc_call_get_object(call, 2, &func))
        return;
    if (levels == 0)
        rpyc_call_return_int(call, token);
    else {
        args[0] = rpyc_value_new_int(levels - 1);
        args[1] = rpyc_value_new_int(token);
        args[2] = NULL;
        if (rpyc_value_new_object(own ? own : here, &args[2], &why) ||
            rpyc_object_call(func, args, 3, NULL, &answer, &why) || rpyc_value_get_int(answer, &sum, &why))
            rpyc_call_raise_error(call, why);
        else
            rpyc_call_return_int(call, sum + 1);
        rpyc_value_free(answer);
    }
    rpyc_object_free(func);
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

/* Answers after some milliseconds, from a thread of its own. */
static void *wake(void *deferred)
{
    rpyc_call *call = deferred;
    int64_t milliseconds = 0;

    if (!rpyc_call_get_int(call, 1, &milliseconds)) {
        usleep((useconds_t)milliseconds * 1000);
        rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
    }
    rpyc_call_free(call);
    return NULL;
}

static void sleepy(rpyc_call *call, void *self)
{
    rpyc_call *ours = rpyc_call_defer(call);
    pthread_attr_t small;
    pthread_t thread;

    (void)self;
    pthread_attr_init(&small);
    pthread_attr_setdetachstate(&small, PTHREAD_CREATE_DETACHED);
    if (pthread_create(&thread, &small, wake, ours))
        rpyc_call_free(ours);
    pthread_attr_destroy(&small);
}

static int64_t taken(rpyc_value *value)
{
    int64_t n = -1;

    rpyc_value_get_int(value, &n, NULL);
    rpyc_value_free(value);
    return n;
}

static void on_answer(rpyc_async_result *result, void *expected)
{
    rpyc_value *value = NULL;

    atomic_fetch_add(&callbacks, 1);
    if (rpyc_async_result_value(result, &value, NULL) || taken(value) != (int64_t)(intptr_t)expected)
        atomic_fetch_add(&wrong, 1);
}

static void tell(const char *what, rpyc_error *why)
{
    if (atomic_fetch_add(&wrong, 1) < 10)
        fprintf(stderr, "%s: %s\n", what, why ? rpyc_error_message(why) : "a reply that is another's");
    rpyc_error_free(why);
}

static void one_round(int64_t token, int kind)
{
    rpyc_value *args[3] = {rpyc_value_new_int(token), NULL, NULL}, *value = NULL;
    rpyc_async_result *result = NULL;
    rpyc_error *why = NULL;
    rpyc_status status;

    if (kind == 0) {
        rpyc_value_free(args[0]);
        args[0] = rpyc_value_new_int(LEVELS);
        args[1] = rpyc_value_new_int(token);
        if (rpyc_value_new_object(here, &args[2], NULL) ||
            rpyc_object_call_method(root, "bounce", args, 3, NULL, &value, &why) || taken(value) != token + LEVELS)
            tell("bounce", why);
        atomic_fetch_add(&chains, 1);
    } else if (kind == 1) {
        args[1] = rpyc_value_new_int(token % 4);
        if (rpyc_object_call_method_async(root, "sleepy", args, 2, NULL, token % 5, &result, &why)) {
            tell("sleepy", why);
            return;
        }
        status = rpyc_async_result_value(result, &value, &why);
        if (status == RPYC_OK && taken(value) == token)
            atomic_fetch_add(&in_time, 1);
        else if (status == RPYC_ERR_TIMEOUT)
            atomic_fetch_add(&too_late, 1);
        else
            tell("sleepy", status ? why : NULL);
        if (status == RPYC_ERR_TIMEOUT)
            rpyc_error_free(why);
    } else if (kind == 2) {
        if (rpyc_object_call_method_async(root, "echo", args, 1, NULL, -1, &result, &why))
            tell("echo, later", why);
        atomic_fetch_add(&registered, 1);
        if (rpyc_async_result_add_callback(result, on_answer, (void *)(intptr_t)token, NULL, NULL) ||
            (token % 3 && (rpyc_async_result_value(result, &value, &why) || taken(value) != token)))
            tell("echo, later", why);
    } else if (rpyc_object_call_method(root, "echo", args, 1, NULL, &value, &why) || taken(value) != token)
        tell("echo", why);
    rpyc_async_result_free(result);
    atomic_fetch_add(&calls, 1);
}

static void *work(void *number)
{
    int64_t token = (int64_t)(intptr_t)number << 32;
    int i;

    /* Each kind at least once, however slow the machine is. */
    for (i = 0; i < 20 || (time(NULL) < end && !atomic_load(&wrong)); i++)
        one_round(token + i, i % 20 == 0 ? 0 : i % 4);
    return NULL;
}

static rpyc_config *settings(void)
{
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "max_serving", "100000", &error));
    OK(rpyc_config_set(config, "sync_request_timeout", "none", &error));
    return config;
}

static rpyc_class *service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_bounce", bounce, "bounce(levels, token, func)", NULL, 0},
        {"exposed_echo", echo, "echo(value)", NULL, 0},
        {"exposed_sleepy", sleepy, "sleepy(value, milliseconds)", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "StressService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };
    rpyc_class *class_out = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &class_out, &error));
    return class_out;
}

int main(int argc, char **argv)
{
    rpyc_config *config = settings();
    rpyc_class *offered = service();
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_connection *client = NULL, *server = NULL;
    rpyc_serving *serving = NULL;
    pthread_t threads[THREADS];
    int i, seconds = argc > 1 ? atoi(argv[1]) : 5;

    alarm((unsigned)seconds + 75);
    OK(rpyc_function_new("bounce", bounce, "bounce(levels, token, func)", NULL, 0, NULL, NULL, &here, &error));
    if (argc > 2)
        OK(rpyc_connect(argv[2], offered, config, &client, &error));
    else {
        OK(rpyc_transport_new_pair(&left, &right, &error));
        OK(rpyc_connection_new(left, offered, config, &client, &error));
        OK(rpyc_connection_new(right, offered, config, &server, &error));
        OK(rpyc_connection_serve_background(server, 4, 0, &serving, &error));
    }
    OK(rpyc_connection_root(client, &root, &error));
    end = time(NULL) + seconds;
    for (i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)(intptr_t)(i + 1)) == 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    /* The answers that nobody waited for lie before this one. */
    OK(rpyc_connection_ping(client, NULL, 0, 60000, &error));
    for (i = 0; i < 60000 && atomic_load(&callbacks) != atomic_load(&registered); i++)
        OK(rpyc_connection_poll_all(client, 1, NULL, &error));
    CHECK(atomic_load(&wrong) == 0);
    CHECK(atomic_load(&chains) >= THREADS);
    CHECK(atomic_load(&callbacks) == atomic_load(&registered) && atomic_load(&registered) >= THREADS);
    CHECK(atomic_load(&in_time) + atomic_load(&too_late) >= THREADS);
    rpyc_object_free(root);
    rpyc_object_free(here);
    OK(rpyc_connection_close(client, &error));
    if (serving)
        OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    rpyc_connection_free(client);
    rpyc_connection_free(server);
    rpyc_class_free(offered);
    rpyc_config_free(config);
    printf("%ld calls, %ld of them nested %d deep, %ld callbacks, %ld answers in time and %ld too late\n",
           atomic_load(&calls), atomic_load(&chains), LEVELS, atomic_load(&callbacks), atomic_load(&in_time),
           atomic_load(&too_late));
    return finish();
}
