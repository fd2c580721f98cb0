/* Objects that an idle connection lets go of end at the peer, without a message of the application.
 *
 *     idle_release ADDRESS       of tests/run/clients/release_server.py, or of "idle_release serve"
 *     idle_release calls KIND ADDRESS COUNT    obtains and frees so many objects, one after the other
 *     idle_release serve         a server with the same methods; says "listening ADDRESS"
 *
 * A second connection asks how many have ended. */
#define _DEFAULT_SOURCE
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "check.h"

static rpyc_connection *watching;
static rpyc_object *watching_root;

static rpyc_value *call(rpyc_object *object, const char *name, rpyc_value *arg)
{
    rpyc_value *result = NULL, *args[] = {arg};

    OK(rpyc_object_call_method(object, name, args, arg ? 1 : 0, NULL, &result, &error));
    return result;
}

static int64_t ended(void)
{
    rpyc_value *value = call(watching_root, "ended", NULL);
    int64_t n = -1;

    OK(rpyc_value_get_int(value, &n, &error));
    rpyc_value_free(value);
    return n;
}

/* Waits until `count` more have ended. Nothing is done on the other connection meanwhile. */
static bool end_soon(int64_t before, int64_t count)
{
    for (int i = 0; i < 6000; i++) {
        if (ended() == before + count)
            return true;
        usleep(5000);
    }
    return false;
}

static rpyc_object *make(rpyc_object *root)
{
    rpyc_value *value = call(root, "make", NULL);
    rpyc_object *thing = NULL;

    OK(rpyc_value_get_object(value, &thing, &error));
    rpyc_value_free(value);
    return thing;
}

static rpyc_connection *open(const char *address, const char *release, rpyc_object **root)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;

    OK(rpyc_config_set(config, "release", release, &error));
    OK(rpyc_connect(address, NULL, config, &connection, &error));
    OK(rpyc_connection_root(connection, root, &error));
    rpyc_config_free(config);
    return connection;
}

static void finish_connection(rpyc_connection *connection, rpyc_object *root)
{
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
}

/* Without a thread: lazily with the next message, with flush, or at once. */
static void no_thread(const char *address)
{
    rpyc_object *root = NULL, *thing;
    rpyc_connection *connection = open(address, "lazy", &root);
    int64_t before = ended();

    thing = make(root);
    rpyc_object_free(thing);
    usleep(300000);
    CHECK(ended() == before);
    rpyc_value_free(call(root, "ended", NULL));
    CHECK(end_soon(before, 1));

    thing = make(root);
    rpyc_object_free(thing);
    OK(rpyc_connection_flush(connection, &error));
    CHECK(end_soon(before, 2));

    /* What a value holds is an object too. */
    rpyc_value_free(call(root, "make", NULL));
    OK(rpyc_connection_flush(connection, &error));
    CHECK(end_soon(before, 3));

    thing = make(root);
    OK(rpyc_connection_set_option(connection, "release", "now", &error));
    rpyc_object_free(thing);
    CHECK(end_soon(before, 4));
    rpyc_value_free(call(root, "make", NULL));
    CHECK(end_soon(before, 5));

    /* Setting it sends what waits. */
    OK(rpyc_connection_set_option(connection, "release", "lazy", &error));
    rpyc_object_free(make(root));
    OK(rpyc_connection_set_option(connection, "release", "now", &error));
    CHECK(end_soon(before, 6));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_connection_set_option(connection, "release", "soon", &error));
    finish_connection(connection, root);

    connection = open(address, "now", &root);
    before = ended();
    for (int i = 0; i < 5; i++)
        rpyc_object_free(make(root));
    CHECK(end_soon(before, 5));
    finish_connection(connection, root);
}

static void *serve_all(void *connection)
{
    rpyc_connection_serve_all(connection, NULL);
    return NULL;
}

static void in_background(const char *address, int threads, const char *release)
{
    rpyc_object *root = NULL, *things[3];
    rpyc_connection *connection = open(address, release, &root);
    rpyc_serving *serving = NULL;
    int64_t before = ended();

    OK(rpyc_connection_serve_background(connection, (size_t)threads, 0, &serving, &error));
    rpyc_object_free(make(root));
    CHECK(end_soon(before, 1));
    for (int i = 0; i < 3; i++)
        things[i] = make(root);
    usleep(200000); /* nothing has happened for a while */
    for (int i = 0; i < 3; i++) {
        rpyc_object_free(things[i]);
        CHECK(end_soon(before, i + 2));
    }
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    finish_connection(connection, root);
}

static void in_serve_all(const char *address, bool idle)
{
    rpyc_object *root = NULL, *thing;
    rpyc_connection *connection = open(address, "lazy", &root);
    int64_t before = ended();
    pthread_t thread;

    thing = make(root);
    CHECK(!pthread_create(&thread, NULL, serve_all, connection));
    if (idle)
        usleep(200000);
    rpyc_object_free(thing);
    CHECK(end_soon(before, 1));
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    pthread_join(thread, NULL);
    rpyc_connection_free(connection);
}

struct loop {
    rpyc_connection *connection;
    rpyc_object *freed; /* by another thread, while the loop waits */
};

static void *free_later(void *data)
{
    struct loop *loop = data;

    usleep(200000);
    rpyc_object_free(loop->freed);
    return NULL;
}

/* The loop steps only when it is told to: by a descriptor, or when its deadline has come. */
static bool loop_until_ended(rpyc_connection *connection, int64_t before, int64_t count)
{
    for (int i = 0; i < 6000; i++) {
        int interest = rpyc_connection_interest(connection);
        int64_t wait = rpyc_connection_next_deadline(connection);
        struct pollfd fds[2] = {{.fd = rpyc_connection_fileno(connection)},
                                {.fd = rpyc_connection_wake_fileno(connection), .events = POLLIN}};
        bool due = wait >= 0 && wait <= 5;
        int ready;

        fds[0].events = (short)((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0));
        ready = poll(fds, 2, due ? (int)wait : 5);
        if (ready > 0 || due)
            OK(rpyc_connection_process(connection, NULL, &error));
        if (ended() == before + count)
            return true;
    }
    return false;
}

static void in_loop(const char *address)
{
    rpyc_object *root = NULL;
    struct loop loop = {open(address, "lazy", &root), NULL};
    int64_t before = ended();
    pthread_t thread;

    OK(rpyc_connection_set_nonblocking(loop.connection, 1, &error));
    loop.freed = make(root);
    rpyc_object_free(make(root));
    CHECK(rpyc_connection_next_deadline(loop.connection) >= 0 && rpyc_connection_next_deadline(loop.connection) <= 100);
    CHECK(loop_until_ended(loop.connection, before, 1));
    CHECK(!pthread_create(&thread, NULL, free_later, &loop));
    CHECK(loop_until_ended(loop.connection, before, 2));
    pthread_join(thread, NULL);
    finish_connection(loop.connection, root);
}

static atomic_int callbacks_ended;

static void callback(rpyc_call *served, void *self)
{
    (void)self;
    rpyc_call_return(served, NULL);
}

static void callback_ended(void *data)
{
    (void)data;
    atomic_fetch_add(&callbacks_ended, 1);
}

/* The peer lets go of callbacks of an idle client, which serves. */
static void callbacks(const char *address)
{
    rpyc_object *root = NULL, *function = NULL;
    rpyc_connection *connection = open(address, "lazy", &root);
    rpyc_serving *serving = NULL;
    rpyc_value *arg = NULL;

    OK(rpyc_connection_serve_background(connection, 1, 0, &serving, &error));
    OK(rpyc_function_new("callback", callback, NULL, NULL, 0, &callbacks_ended, callback_ended, &function, &error));
    OK(rpyc_value_new_object(function, &arg, &error));
    rpyc_object_free(function);
    rpyc_value_free(call(root, "keep", arg));
    CHECK(!atomic_load(&callbacks_ended));
    rpyc_value_free(call(root, "drop", rpyc_value_new_float(0.2)));
    for (int i = 0; i < 6000 && !atomic_load(&callbacks_ended); i++)
        usleep(5000);
    CHECK(atomic_load(&callbacks_ended) == 1);
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    finish_connection(connection, root);
}

/* A thread that runs a queue holds nothing up, nor does the queue while nobody runs it. */
static void with_queue(const char *address)
{
    rpyc_object *root = NULL, *thing;
    rpyc_connection *connection = open(address, "lazy", &root);
    rpyc_queue *queue = NULL;
    rpyc_serving *serving = NULL;
    int64_t before = ended();

    OK(rpyc_queue_new(10, &queue, &error));
    OK(rpyc_connection_set_queue(connection, queue, &error));
    OK(rpyc_connection_serve_background(connection, 1, 0, &serving, &error));
    thing = make(root);
    usleep(200000);
    rpyc_object_free(thing);
    CHECK(end_soon(before, 1));
    OK(rpyc_queue_run(queue, 10, 0, NULL, &error)); /* this thread is one of the queue's from now on */
    rpyc_object_free(make(root));
    CHECK(end_soon(before, 2));
    OK(rpyc_serving_stop(serving, &error));
    OK(rpyc_serving_join(serving, &error));
    rpyc_serving_free(serving);
    rpyc_object_free(make(root));
    OK(rpyc_connection_flush(connection, &error));
    CHECK(end_soon(before, 3));
    finish_connection(connection, root);
    rpyc_queue_free(queue);
}

struct flusher {
    rpyc_connection *connection;
    rpyc_object *things[200];
};

static void *free_and_flush(void *data)
{
    struct flusher *flusher = data;

    for (int i = 0; i < 200; i++) {
        rpyc_object_free(flusher->things[i]);
        OK(rpyc_connection_flush(flusher->connection, NULL));
    }
    return NULL;
}

/* From several threads at once: each release is sent once. */
static void flushed_by_threads(const char *address, const char *release)
{
    rpyc_object *root = NULL;
    rpyc_connection *connection = open(address, release, &root);
    struct flusher flushers[4];
    pthread_t threads[4];
    int64_t before = ended();

    for (int i = 0; i < 4; i++) {
        flushers[i].connection = connection;
        for (int k = 0; k < 200; k++)
            flushers[i].things[k] = make(root);
    }
    for (int i = 0; i < 4; i++)
        CHECK(!pthread_create(&threads[i], NULL, free_and_flush, &flushers[i]));
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(end_soon(before, 800));
    finish_connection(connection, root);
}

/* A forked child lets go of nothing that is its parent's. */
static void flushed_by_a_child(const char *address)
{
    rpyc_object *root = NULL, *thing;
    rpyc_connection *connection = open(address, "now", &root);
    int64_t before = ended();
    int status = -1;
    pid_t child;

    thing = make(root);
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        rpyc_object_free(thing);
        GIVES(RPYC_ERR_FORKED, rpyc_connection_flush(connection, &error));
        GIVES(RPYC_ERR_FORKED, rpyc_connection_cork(connection, &error));
        rpyc_object_free(root);
        rpyc_connection_free(connection);
        _exit(failures ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    OK(rpyc_connection_ping(connection, NULL, 0, -1, &error));
    CHECK(ended() == before);
    rpyc_object_free(thing);
    CHECK(end_soon(before, 1));
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    for (int i = 0; i < 2; i++)
        GIVES(RPYC_ERR_CLOSED, rpyc_connection_flush(connection, &error));
    rpyc_connection_free(connection);
}

static void calls(const char *kind, const char *address, int count)
{
    rpyc_object *root = NULL;
    rpyc_connection *connection = open(address, "lazy", &root);
    rpyc_serving *serving = NULL;
    pthread_t thread;

    if (!strcmp(kind, "background"))
        OK(rpyc_connection_serve_background(connection, 1, 0, &serving, &error));
    if (!strcmp(kind, "serve-all"))
        CHECK(!pthread_create(&thread, NULL, serve_all, connection));
    if (!strcmp(kind, "loop"))
        OK(rpyc_connection_set_nonblocking(connection, 1, &error));
    for (int i = 0; i < count; i++) {
        rpyc_object_free(make(root));
        if (!strcmp(kind, "loop"))
            OK(rpyc_connection_process(connection, NULL, &error));
    }
    if (serving)
        OK(rpyc_serving_stop(serving, &error));
    rpyc_serving_free(serving);
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    if (!strcmp(kind, "serve-all"))
        pthread_join(thread, NULL);
    rpyc_connection_free(connection);
}

/* ---------------------------------------------------------------- the same as a server */

static atomic_int things_ended;
static rpyc_class *things;
static rpyc_object *kept;

static void thing_ended(void *self)
{
    free(self);
    atomic_fetch_add(&things_ended, 1);
}

static void served_make(rpyc_call *served, void *self)
{
    rpyc_object *thing = NULL;

    (void)self;
    if (!rpyc_object_new(things, malloc(1), thing_ended, &thing, NULL))
        rpyc_call_return_object(served, thing);
    rpyc_object_free(thing);
}

static void served_ended(rpyc_call *served, void *self)
{
    (void)self;
    rpyc_call_return_int(served, atomic_load(&things_ended));
}

static void served_keep(rpyc_call *served, void *self)
{
    (void)self;
    if (!rpyc_call_get_object(served, 0, &kept))
        rpyc_call_return(served, NULL);
}

static void *drop_later(void *seconds)
{
    usleep(*(useconds_t *)seconds);
    free(seconds);
    rpyc_object_free(kept);
    kept = NULL;
    return NULL;
}

static void served_drop(rpyc_call *served, void *self)
{
    useconds_t *time = malloc(sizeof *time);
    double seconds = 0;
    pthread_t thread;

    (void)self;
    if (rpyc_call_get_float(served, 0, &seconds)) {
        free(time);
        return;
    }
    *time = (useconds_t)(seconds * 1e6);
    pthread_create(&thread, NULL, drop_later, time);
    pthread_detach(thread);
    rpyc_call_return(served, NULL);
}

static int serve(void)
{
    static const rpyc_method methods[] = {
        {"exposed_make", served_make, NULL, NULL, 0},
        {"exposed_ended", served_ended, NULL, NULL, 0},
        {"exposed_keep", served_keep, "keep(callback)", NULL, 0},
        {"exposed_drop", served_drop, "drop(seconds)", NULL, 0},
    };
    static const rpyc_class_table thing = {
        .struct_size = sizeof thing, .method_size = sizeof(rpyc_method), .name = "Thing"};
    static const rpyc_class_table table = {.struct_size = sizeof table,
                                           .method_size = sizeof(rpyc_method),
                                           .name = "ReleaseService",
                                           .methods = methods,
                                           .method_count = sizeof methods / sizeof *methods};
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;

    OK(rpyc_class_new(&thing, NULL, NULL, &things, &error));
    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, NULL, &server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    OK(rpyc_server_serve(server, &error));
    return finish();
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "serve"))
        return serve();
    if (argc == 5 && !strcmp(argv[1], "calls")) {
        calls(argv[2], argv[3], atoi(argv[4]));
        return finish();
    }
    if (argc != 2)
        return EXIT_FAILURE;
    alarm(150);
    watching = open(argv[1], "lazy", &watching_root);
    no_thread(argv[1]);
    in_background(argv[1], 1, "lazy");
    in_background(argv[1], 3, "lazy");
    in_background(argv[1], 1, "now");
    in_serve_all(argv[1], false);
    in_serve_all(argv[1], true);
    in_loop(argv[1]);
    callbacks(argv[1]);
    with_queue(argv[1]);
    flushed_by_threads(argv[1], "lazy");
    flushed_by_threads(argv[1], "now");
    flushed_by_a_child(argv[1]);
    finish_connection(watching, watching_root);
    return finish();
}
