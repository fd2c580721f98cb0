/* Batches to a peer that is not ours: batch_peer ADDRESS [reversed | deaf | ends DIALECT], of tests/run/clients/batch_server.py; and
 * to one that calls us: batch_peer --serve, whose method run(func, n) calls func n times in a batch. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#define CALLS 300

struct told {
    size_t count, times[CALLS];
    int64_t values[CALLS];
    rpyc_status statuses[CALLS];
    size_t order[CALLS];
    rpyc_error *first;
};

static void tell(size_t index, const rpyc_value *value, const rpyc_error *why, void *userdata)
{
    struct told *told = userdata;

    CHECK(index < CALLS && (value == NULL) != (why == NULL));
    told->order[told->count++] = index;
    told->times[index]++;
    told->statuses[index] = why ? rpyc_error_status(why) : RPYC_OK;
    if (value && rpyc_value_kind(value) == RPYC_VALUE_INT)
        rpyc_value_get_int(value, &told->values[index], NULL);
}

static int each_once(const struct told *told, size_t calls)
{
    size_t i;

    for (i = 0; i < calls; i++)
        if (told->times[i] != 1)
            return 0;
    return told->count == calls;
}

static rpyc_batch *calls_of(rpyc_object *root, const char *method, rpyc_object *first, size_t window, size_t calls)
{
    rpyc_prepared *prepared = NULL;
    rpyc_batch *batch = NULL;
    size_t i;

    OK(rpyc_prepared_new(root, method, &prepared, &error));
    OK(rpyc_batch_new(window, &batch, &error));
    for (i = 0; i < calls; i++) {
        rpyc_value *args[2] = {NULL, rpyc_value_new_int((int64_t)i)};

        if (first)
            OK(rpyc_value_new_object(first, &args[0], &error));
        OK(rpyc_batch_add(batch, prepared, first ? args : args + 1, first ? 2 : 1, NULL, &error));
    }
    rpyc_prepared_free(prepared);
    return batch;
}

static void doubled(rpyc_call *call, void *self)
{
    int64_t n;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &n))
        rpyc_call_return_int(call, 2 * n);
}

/* Wants: the answer of call i is i * factor. */
static void good(rpyc_batch *batch, int64_t factor)
{
    struct told told = {0};
    size_t i, wrong = 0;

    OK(rpyc_batch_run(batch, -1, tell, &told, &error));
    CHECK(each_once(&told, CALLS));
    for (i = 0; i < CALLS; i++)
        wrong += told.statuses[i] != RPYC_OK || told.values[i] != (int64_t)i * factor;
    CHECK(wrong == 0);
    rpyc_batch_free(batch);
}

static void stock(const char *address, rpyc_object *root)
{
    rpyc_connection *second = NULL;
    rpyc_object *other = NULL, *func = NULL, *echo = NULL;
    rpyc_prepared *prepared = NULL;
    rpyc_value *keywords = NULL, *value = NULL, *plus, *arg = rpyc_value_new_int(1);
    static const char *name = "plus";
    rpyc_batch *batch;
    struct told told = {0};
    int64_t n = 0;
    size_t i, wrong = 0;

    good(calls_of(root, "echo", NULL, 7, CALLS), 1);
    good(calls_of(root, "echo", NULL, 0, CALLS), 1);
    /* The peer asks back before it answers, so that a request of its own is nested in each call. */
    OK(rpyc_function_new("doubled", doubled, "doubled(n)", NULL, 0, NULL, NULL, &func, &error));
    good(calls_of(root, "call", func, 20, CALLS), 2);
    rpyc_object_free(func);
    /* Three in a chain: what the peer calls is an object of another connection. */
    OK(rpyc_connect(address, NULL, NULL, &second, &error));
    OK(rpyc_connection_root(second, &other, &error));
    OK(rpyc_object_get_attr(other, "echo", &value, &error));
    OK(rpyc_value_get_object(value, &echo, &error));
    rpyc_value_free(value);
    good(calls_of(root, "call", echo, 20, CALLS), 1);
    rpyc_object_free(echo);
    rpyc_object_free(other);
    rpyc_connection_free(second);
    /* Exceptions are outcomes. */
    batch = calls_of(root, "raise_odd", NULL, 10, CALLS);
    OK(rpyc_batch_run(batch, 60000, NULL, NULL, &error));
    for (i = 0; i < CALLS; i++) {
        rpyc_error *why = NULL;
        rpyc_status status = rpyc_batch_value(batch, i, &value, &why);

        wrong += status != (i % 2 ? RPYC_ERR_REMOTE : RPYC_OK);
        wrong += why && strcmp(rpyc_error_type_name(why), "ValueError") != 0;
        rpyc_error_free(why);
        rpyc_value_free(value);
    }
    CHECK(wrong == 0);
    rpyc_batch_free(batch);
    /* Answers of 90 MB to calls that all fit into the window: they do not pile up. */
    batch = calls_of(root, "long", NULL, CALLS, CALLS);
    OK(rpyc_batch_run(batch, -1, tell, &told, &error));
    CHECK(each_once(&told, CALLS));
    rpyc_batch_free(batch);
    /* Keywords. */
    OK(rpyc_prepared_new(root, "echo", &prepared, &error));
    plus = rpyc_value_new_int(41);
    OK(rpyc_value_new_keywords(&name, &plus, 1, &keywords, &error));
    OK(rpyc_prepared_call(prepared, &arg, 1, rpyc_value_clone(keywords), &value, &error));
    CHECK(!rpyc_value_get_int(value, &n, NULL) && n == 42);
    rpyc_value_free(value);
    OK(rpyc_batch_new(0, &batch, &error));
    arg = rpyc_value_new_int(2);
    OK(rpyc_batch_add(batch, prepared, &arg, 1, keywords, &error));
    OK(rpyc_batch_run(batch, -1, NULL, NULL, &error));
    OK(rpyc_batch_value(batch, 0, &value, &error));
    CHECK(!rpyc_value_get_int(value, &n, NULL) && n == 43);
    rpyc_value_free(value);
    rpyc_batch_free(batch);
    rpyc_prepared_free(prepared);
    /* The peer dies. */
    batch = calls_of(root, "echo", NULL, 0, 100);
    OK(rpyc_prepared_new(root, "die", &prepared, &error));
    OK(rpyc_batch_add(batch, prepared, NULL, 0, NULL, &error));
    rpyc_prepared_free(prepared);
    OK(rpyc_prepared_new(root, "echo", &prepared, &error));
    for (i = 0; i < 100; i++) {
        arg = rpyc_value_new_int(1);
        OK(rpyc_batch_add(batch, prepared, &arg, 1, NULL, &error));
    }
    rpyc_prepared_free(prepared);
    told = (struct told){0};
    GIVES(RPYC_ERR_EOF, rpyc_batch_run(batch, -1, tell, &told, &error));
    CHECK(each_once(&told, 201));
    /* What it has sent may be lost with it, but not in the middle. */
    for (i = wrong = 0; i < 201; i++)
        wrong += told.statuses[i] != RPYC_ERR_EOF && (told.statuses[i] != RPYC_OK || i >= 100);
    for (i = 1; i < 201; i++)
        wrong += told.statuses[i - 1] == RPYC_ERR_EOF && told.statuses[i] == RPYC_OK;
    CHECK(wrong == 0);
    rpyc_batch_free(batch);
}

static void odd(rpyc_object *root, const char *mode)
{
    struct told told = {0};
    rpyc_batch *batch;
    size_t i, wrong = 0;

    if (strcmp(mode, "reversed") == 0) {
        batch = calls_of(root, "echo", NULL, 50, CALLS);
        OK(rpyc_batch_run(batch, -1, tell, &told, &error));
        /* Each once, with the first of its two answers; the last of a burst came first. */
        CHECK(each_once(&told, CALLS) && told.order[0] > told.order[10]);
        for (i = 0; i < CALLS; i++)
            wrong += told.statuses[i] != RPYC_OK || told.values[i] != (int64_t)i;
        CHECK(wrong == 0);
    } else if (strcmp(mode, "ends") == 0) {
        batch = calls_of(root, "echo", NULL, 20, CALLS);
        GIVES(RPYC_ERR_EOF, rpyc_batch_run(batch, -1, tell, &told, &error));
        CHECK(each_once(&told, CALLS));
        for (i = 0; i < CALLS; i++)
            wrong += told.statuses[i] != RPYC_ERR_EOF && (told.statuses[i] != RPYC_OK || i >= 10);
        CHECK(wrong == 0);
    } else {
        /* It takes nothing: only what its window and the buffers hold is sent, and the time ends it. */
        static char bytes[200000];
        rpyc_prepared *prepared = NULL;

        OK(rpyc_prepared_new(root, "echo", &prepared, &error));
        OK(rpyc_batch_new(CALLS, &batch, &error));
        for (i = 0; i < CALLS; i++) {
            rpyc_value *arg = NULL;

            OK(rpyc_value_new_bytes(bytes, sizeof bytes, &arg, &error));
            OK(rpyc_batch_add(batch, prepared, &arg, 1, NULL, &error));
        }
        GIVES(RPYC_ERR_TIMEOUT, rpyc_batch_run(batch, 300, tell, &told, &error));
        CHECK(each_once(&told, CALLS) && told.statuses[0] == RPYC_ERR_TIMEOUT);
        rpyc_prepared_free(prepared);
    }
    rpyc_batch_free(batch);
}

/* ---------------------------------------------------------------- the other role */

static void run(rpyc_call *call, void *self)
{
    const rpyc_value *arg = rpyc_call_arg(call, 0);
    rpyc_object *func = NULL;
    rpyc_prepared *prepared = NULL;
    rpyc_batch *batch = NULL;
    struct told told = {0};
    int64_t n = 0, sum = 0;
    size_t i;

    (void)self;
    if (rpyc_call_get_int(call, 1, &n) || n < 0 || n > CALLS)
        return;
    CHECK(!rpyc_value_get_object(arg, &func, NULL) && !rpyc_prepared_new(func, NULL, &prepared, NULL));
    CHECK(!rpyc_batch_new(16, &batch, NULL));
    for (i = 0; i < (size_t)n; i++) {
        rpyc_value *number = rpyc_value_new_int((int64_t)i);

        CHECK(!rpyc_batch_add(batch, prepared, &number, 1, NULL, NULL));
    }
    CHECK(!rpyc_batch_run(batch, -1, tell, &told, NULL) && each_once(&told, (size_t)n));
    for (i = 0; i < (size_t)n; i++)
        sum += told.statuses[i] ? 1000000 : told.values[i];
    rpyc_batch_free(batch);
    rpyc_prepared_free(prepared);
    rpyc_object_free(func);
    rpyc_call_return_int(call, sum);
}

static int serve(void)
{
    static const rpyc_method methods[] = {{"exposed_run", run, "run(func, n)", "Calls func(0) to func(n - 1).", 0}};
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "BatchService",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    printf("PORT %s\n", strrchr(rpyc_server_address(server), ':') + 1);
    fflush(stdout);
    while (getchar() != EOF)
        ;
    rpyc_server_free(server);
    rpyc_class_free(service);
    return finish();
}

int main(int argc, char **argv)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_config *config = rpyc_config_new();

    if (argc == 2 && strcmp(argv[1], "--serve") == 0)
        return rpyc_config_free(config), serve();
    if (argc < 2) {
        fprintf(stderr, "usage: batch_peer ADDRESS [reversed | deaf | ends DIALECT]\n");
        return 2;
    }
    if (argc > 3)
        OK(rpyc_config_set(config, "dialect", argv[3], &error));
    OK(rpyc_connect(argv[1], NULL, config, &connection, &error));
    rpyc_config_free(config);
    OK(rpyc_connection_root(connection, &root, &error));
    if (root && argc > 2)
        odd(root, argv[2]);
    else if (root)
        stock(argv[1], root);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    return finish();
}
