/* Cost per call against what there is much of:
 *
 *     growth_client ADDR SERVER_PID connections|references|threads COUNT CALLS
 *
 * prints rows as bench_client does, for COUNT connections, live references or threads, measured with CALLS calls.
 */
#include "client.h"

#include <pthread.h>

struct growth {
    char address[160];
    rpyc_config *config;
    pid_t srv;
    long count, calls;
};

static long memory_of(pid_t pid)
{
    char path[64];

    snprintf(path, sizeof path, "/proc/%ld/status", (long)(pid ? pid : getpid()));
    return bench_status_field(path, "VmRSS:");
}

/* Memory of both sides when there was one, and now that there are `count`. */
struct memory {
    long client, server;
};

static struct memory memory_now(pid_t srv)
{
    return (struct memory){memory_of(0), memory_of(srv)};
}

static void emit_memory(struct memory before, pid_t srv, long more)
{
    struct memory now = memory_now(srv);

    if (more > 0) {
        bench_emit("memory_client", (double)(now.client - before.client) * 1024 / (double)more, "bytes each");
        bench_emit("memory_server", (double)(now.server - before.server) * 1024 / (double)more, "bytes each");
    }
}

/* Calls of one object; the time of one. */
static void emit_calls(const char *metric, rpyc_object **objects, long count, long calls)
{
    uint64_t state = 1, start = bench_ns();
    long i;

    for (i = 0; i < calls; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        if (bench_echo(objects[(state >> 33) % (uint64_t)count], i) != i)
            bench_die("wrong answer");
    }
    bench_emit(metric, (double)(bench_ns() - start) * 1e-3 / (double)calls, "us");
}

/* All idle but the first. */
static void connections(struct growth *growth)
{
    size_t count = (size_t)growth->count, i;
    rpyc_connection **conns = bench_alloc(count, sizeof *conns);
    rpyc_object **roots = bench_alloc(count, sizeof *roots);
    struct memory before = {0, 0};

    for (i = 0; i < count; i++) {
        bench_dial(growth->address, growth->config, &conns[i], &roots[i]);
        if (bench_echo(roots[i], 7) != 7)
            bench_die("wrong answer");
        if (i == 0)
            before = memory_now(growth->srv);
    }
    emit_memory(before, growth->srv, growth->count - 1);
    emit_calls("warm", roots, 1, growth->calls / 4 + 1);
    emit_calls("call", roots, 1, growth->calls);
    for (i = 0; i < count; i++) {
        rpyc_object_free(roots[i]);
        rpyc_connection_free(conns[i]);
    }
    free(conns);
    free(roots);
}

/* `count` more references from the server. */
static void fetch(rpyc_object *root, rpyc_object **items, size_t count)
{
    rpyc_value *args[] = {rpyc_value_new_int((int64_t)count)};
    rpyc_value *tuple = bench_call_method(root, "items", args, 1);
    rpyc_error *error = NULL;
    size_t i;

    if (rpyc_value_count(tuple) != count)
        bench_die("wrong number of items");
    for (i = 0; i < count; i++)
        if (rpyc_value_get_object(rpyc_value_item(tuple, i), &items[i], &error))
            bench_fail(error, "item");
    rpyc_value_free(tuple);
}

static void references(struct growth *growth)
{
    enum { AT_ONCE = 1000 };
    size_t count = (size_t)growth->count, have = 0, more;
    rpyc_object **items = bench_alloc(count, sizeof *items), *root = NULL;
    rpyc_connection *conn = NULL;
    struct memory before;
    uint64_t start;
    size_t i;

    bench_dial(growth->address, growth->config, &conn, &root);
    memset(items, 0xff, count * sizeof *items); /* the pages are there before memory is looked at */
    before = memory_now(growth->srv);
    start = bench_ns();
    for (; have < count; have += more) {
        more = count - have < AT_ONCE ? count - have : AT_ONCE;
        fetch(root, items + have, more);
    }
    bench_emit("lend", (double)(bench_ns() - start) * 1e-3 / (double)count, "us each");
    emit_memory(before, growth->srv, growth->count);
    emit_calls("warm", items, growth->count, growth->calls / 4 + 1);
    emit_calls("call", &root, 1, growth->calls);
    emit_calls("call_any", items, growth->count, growth->calls);
    start = bench_ns();
    for (i = 0; i < count; i++)
        rpyc_object_free(items[i]);
    if (bench_echo(root, 1) != 1) /* the releases have left, and were handled before it was answered */
        bench_die("wrong answer");
    bench_emit("release", (double)(bench_ns() - start) * 1e-3 / (double)count, "us each");
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    free(items);
}

struct worker {
    pthread_t thread;
    rpyc_object *root;
    long calls;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    long i;

    for (i = 0; i < worker->calls; i++)
        if (bench_echo(worker->root, i) != i)
            bench_die("wrong answer");
    return NULL;
}

static void run_threads(rpyc_object *root, size_t count, long calls)
{
    struct worker *workers = bench_alloc(count, sizeof *workers);
    size_t i;

    for (i = 0; i < count; i++) {
        workers[i] = (struct worker){.root = root, .calls = calls / (long)count + 1};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            bench_die("no thread");
    }
    for (i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    free(workers);
}

static void threads(struct growth *growth)
{
    rpyc_object *root = NULL;
    rpyc_connection *conn = NULL;
    size_t count = (size_t)growth->count;
    uint64_t start;
    double made = (double)((growth->calls / growth->count + 1) * growth->count);

    bench_dial(growth->address, growth->config, &conn, &root);
    run_threads(root, count, growth->calls / 4);
    start = bench_ns();
    run_threads(root, count, growth->calls);
    bench_emit("call", (double)(bench_ns() - start) * 1e-3 / made, "us");
    rpyc_object_free(root);
    rpyc_connection_free(conn);
}

int main(int argc, char **argv)
{
    struct growth growth = {.config = bench_config()};

    if (argc != 6)
        bench_die("usage: growth_client ADDR SERVER_PID connections|references|threads COUNT CALLS");
    bench_address(growth.address, sizeof growth.address, argv[1]);
    growth.srv = (pid_t)strtol(argv[2], NULL, 10);
    growth.count = strtol(argv[4], NULL, 10);
    growth.calls = strtol(argv[5], NULL, 10);
    if (growth.count < 1 || growth.calls < 1)
        bench_die("COUNT and CALLS must be at least 1");
    bench_many_files();
    if (strcmp(argv[3], "connections") == 0)
        connections(&growth);
    else if (strcmp(argv[3], "references") == 0)
        references(&growth);
    else if (strcmp(argv[3], "threads") == 0)
        threads(&growth);
    else
        bench_die("it must be connections, references or threads");
    rpyc_config_free(growth.config);
    return 0;
}
