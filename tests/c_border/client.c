/* Clients that connect again: client, client forked, client restarts ADDRESS COUNT THREADS FILE, client serve ADDRESS
 * FILE. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>

#define ERROR_STORAGE _Thread_local
#include "check.h"

static char address[64];
static atomic_int connected, lost, failed, freed, called;
static _Atomic rpyc_status last_status;
static int file = -1;

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void await(atomic_int *number, int least)
{
    for (int i = 0; i < 6000 && *number < least; i++)
        nap(10);
    CHECK(*number >= least);
}

/* ------------------------------------------------------------- the server */

/* Writes its number before it answers: a number that was executed twice is in the file twice. */
static void bump(rpyc_call *call, void *self)
{
    char text[32];
    int64_t number = 0;

    (void)self;
    rpyc_call_get_int(call, 0, &number);
    called++;
    if (file >= 0) {
        const int length = snprintf(text, sizeof text, "%" PRId64 "\n", number);

        CHECK(write(file, text, (size_t)length) == length);
        nap(1);
    }
    rpyc_call_return_int(call, number);
}

static void take(rpyc_call *call, void *self)
{
    (void)self;
    called++;
    rpyc_call_return(call, NULL);
}

/* The service itself: a path may go through it. */
static void itself(rpyc_call *call, void *self)
{
    rpyc_object *root = NULL;

    (void)self;
    OK(rpyc_connection_local_root(rpyc_call_connection(call), &root, &error));
    rpyc_call_return_object(call, root);
    rpyc_object_free(root);
}

static void size(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, 7);
}

static rpyc_server *serve(void)
{
    static const rpyc_method methods[] = {
        {"exposed_bump", bump, "bump(number)", NULL, 0},
        {"exposed_take", take, "take(anything)", NULL, 0},
    };
    static const rpyc_property properties[] = {
        {"exposed_itself", itself, NULL, NULL, NULL},
        {"exposed_size", size, NULL, NULL, NULL},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "BumpService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .property_size = sizeof(rpyc_property),
        .properties = properties,
        .property_count = sizeof properties / sizeof *properties,
    };
    rpyc_class *made = NULL;
    rpyc_server *server = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &made, &error));
    OK(rpyc_server_new(address, made, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    rpyc_class_free(made);
    return server;
}

static void stop(rpyc_server *server)
{
    OK(rpyc_server_stop(server, 0, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
}

/* ------------------------------------------------------------- the client */

static void count_free(void *userdata)
{
    (void)userdata;
    freed++;
}

static void tell(int32_t event, uint64_t generation, rpyc_connection *connection, const rpyc_error *why, void *userdata)
{
    CHECK(userdata == &freed);
    CHECK((event == RPYC_CLIENT_CONNECTED) == (connection != NULL) && (connection != NULL) == (why == NULL));
    last_status = why ? rpyc_error_status(why) : RPYC_OK;
    if (event == RPYC_CLIENT_CONNECTED) {
        CHECK(generation == (uint64_t)++connected);
        CHECK(!rpyc_connection_closed(connection));
    } else if (event == RPYC_CLIENT_LOST) {
        CHECK(generation == (uint64_t)connected && ++lost == connected);
    } else {
        CHECK(event == RPYC_CLIENT_FAILED && generation == (uint64_t)connected);
        failed++;
    }
}

static rpyc_client *client_of(const char *to, const char *retry)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_client *client = NULL;

    connected = lost = failed = freed = called = 0;
    if (retry)
        OK(rpyc_config_set(config, "connect_retry", retry, &error));
    OK(rpyc_client_new(to, NULL, config, tell, &freed, count_free, &client, &error));
    rpyc_config_free(config);
    return client;
}

static rpyc_status bump_by(rpyc_client *client, const char *path, int64_t number, rpyc_error **error_out)
{
    rpyc_value *arg = rpyc_value_new_int(number), *value = NULL;
    int64_t got = -1;
    const rpyc_status status = rpyc_client_call(client, path, &arg, 1, NULL, &value, error_out);

    if (!status) {
        OK(rpyc_value_get_int(value, &got, &error));
        CHECK(got == number);
    }
    rpyc_value_free(value);
    return status;
}

static rpyc_status take_by(rpyc_client *client, rpyc_object *object)
{
    rpyc_value *arg = NULL, *value = NULL;

    OK(rpyc_value_new_object(object, &arg, &error));
    const rpyc_status status = rpyc_client_call(client, "take", &arg, 1, NULL, &value, &error);
    rpyc_value_free(value);
    return status;
}

static void rejected(void)
{
    rpyc_client *client = NULL;
    const char *const wrong[] = {"fd:0,1", "stdio:", "nowhere"};

    for (int i = 0; i < 3; i++) {
        freed = 0;
        GIVES(i < 2 ? RPYC_ERR_ARGUMENT : RPYC_ERR_ADDRESS,
              rpyc_client_new(wrong[i], NULL, NULL, tell, &freed, count_free, &client, &error));
        CHECK(client == NULL && freed == 1);
    }
    GIVES(RPYC_ERR_NULL, rpyc_client_new(address, NULL, NULL, tell, &freed, count_free, NULL, &error));
    CHECK(freed == 2);
    CHECK(rpyc_client_generation(NULL) == 0 && rpyc_client_clone(NULL) == NULL);
}

/* Servers come and go; the first call after each is made, nothing is repeated, and no reference means another object. */
static void generations(void)
{
    rpyc_client *client = client_of(address, NULL), *clone = rpyc_client_clone(client);
    rpyc_object *old = NULL, *root = NULL;
    rpyc_value *value = NULL;
    rpyc_connection *connection = NULL, *same = NULL;
    rpyc_server *server;

    GIVES(RPYC_ERR_ADDRESS, bump_by(client, "bump", 1, &error));
    CHECK(connected == 0 && lost == 0 && failed == 1 && last_status == RPYC_ERR_ADDRESS);
    CHECK(rpyc_client_generation(client) == 0);
    server = serve();
    OK(bump_by(client, "bump", 2, &error));
    OK(bump_by(client, "bump", 3, &error));
    CHECK(connected == 1 && failed == 1 && rpyc_client_generation(clone) == 1);
    OK(rpyc_client_root(client, &old, &error));
    OK(rpyc_client_connection(client, &connection, &error));
    OK(rpyc_client_connection(clone, &same, &error));
    CHECK(rpyc_connection_fileno(connection) == rpyc_connection_fileno(same));
    rpyc_connection_free(same);
    OK(take_by(client, old));
    CHECK(called == 3);
    stop(server);
    /* It is there no more, and the call was not sent. */
    GIVES(RPYC_ERR_ADDRESS, bump_by(client, "bump", 4, &error));
    CHECK(lost == 1 && failed == 2 && called == 3);
    for (int i = 0; i < 2; i++) {
        GIVES(RPYC_ERR_STALE, rpyc_object_call_method(old, "bump", NULL, 0, NULL, &value, &error));
        GIVES(RPYC_ERR_STALE, rpyc_object_str(old, &value, &error));
        CHECK(rpyc_connection_closed(connection) &&
              rpyc_connection_ping(connection, NULL, 0, -1, NULL) != RPYC_ERR_STALE);
    }
    server = serve();
    OK(bump_by(client, "bump", 5, &error));
    CHECK(connected == 2 && rpyc_client_generation(client) == 2);
    GIVES(RPYC_ERR_STALE, rpyc_object_call_method(old, "bump", NULL, 0, NULL, &value, &error));
    GIVES(RPYC_ERR_STALE, take_by(client, old));
    CHECK(called == 4);
    OK(rpyc_client_root(client, &root, &error));
    CHECK(!rpyc_object_same(old, root));
    OK(take_by(client, root));
    rpyc_object_free(root);
    /* A server that was replaced between two calls is not noticed. */
    stop(server);
    server = serve();
    OK(bump_by(client, "bump", 6, &error));
    CHECK(connected == 3 && lost == 2);
    rpyc_connection_free(connection);
    rpyc_client_free(clone);
    OK(bump_by(client, "bump", 7, &error));
    CHECK(freed == 0);
    OK(rpyc_client_close(client, &error));
    GIVES(RPYC_ERR_CLOSED, bump_by(client, "bump", 8, &error));
    GIVES(RPYC_ERR_CLOSED, rpyc_client_connection(client, &connection, &error));
    OK(rpyc_client_serve_all(client, &error));
    OK(rpyc_client_close(client, &error));
    CHECK(called == 7 && lost == 2);
    rpyc_client_free(client);
    CHECK(freed == 1);
    stop(server);
    GIVES(RPYC_ERR_STALE, rpyc_object_str(old, &value, &error));
    rpyc_object_free(old);
}

static void paths(void)
{
    rpyc_client *client = client_of(address, NULL);
    rpyc_server *server = serve();
    rpyc_value *value = NULL;

    OK(rpyc_client_get_attr(client, "bump", &value, &error));
    CHECK(rpyc_value_kind(value) == RPYC_VALUE_OBJECT);
    rpyc_value_free(value);
    OK(rpyc_client_get_attr(client, "itself.itself.size", &value, &error));
    CHECK(rpyc_value_kind(value) == RPYC_VALUE_INT);
    rpyc_value_free(value);
    OK(bump_by(client, "itself.itself.bump", 1, &error));
    GIVES(RPYC_ERR_TYPE, bump_by(client, "itself.size.bump", 1, &error));
    GIVES(RPYC_ERR_REMOTE, rpyc_client_get_attr(client, "nothing", &value, NULL));
    GIVES(RPYC_ERR_REMOTE, bump_by(client, "nothing.bump", 1, NULL));
    CHECK(called == 1);
    rpyc_client_free(client);
    stop(server);
}

/* ------------------------------------------------------------- callbacks, limits and threads */

static rpyc_client *greeting;

static void greet(int32_t event, uint64_t generation, rpyc_connection *connection, const rpyc_error *why,
                  void *userdata)
{
    rpyc_object *root = NULL;

    (void)generation, (void)why, (void)userdata;
    if (event != RPYC_CLIENT_CONNECTED) {
        GIVES(RPYC_ERR_STATE, bump_by(greeting, "bump", 0, &error));
        failed++;
        return;
    }
    OK(rpyc_connection_root(connection, &root, &error));
    rpyc_object_free(root);
    CHECK(called % 2 == 0);
    OK(bump_by(greeting, "bump", 0, &error));
}

/* What the callback sends on a new connection is before everything else. */
static void callbacks(void)
{
    rpyc_server *server;

    called = failed = 0;
    OK(rpyc_client_new(address, NULL, NULL, greet, NULL, NULL, &greeting, &error));
    for (int i = 1; i <= 2; i++) {
        GIVES(RPYC_ERR_ADDRESS, bump_by(greeting, "bump", 1, &error));
        server = serve();
        OK(bump_by(greeting, "bump", 1, &error));
        CHECK(called == 2 * i);
        stop(server);
    }
    /* Once lost, and each time failed. */
    CHECK(failed == 3);
    rpyc_client_free(greeting);
}

static void *call_client(void *client)
{
    const rpyc_status status = bump_by(client, "bump", 1, NULL);

    CHECK(status == RPYC_ERR_CLOSED);
    return NULL;
}

static void *serve_client(void *client)
{
    OK(rpyc_client_serve_all(client, &error));
    return NULL;
}

static void limits(void)
{
    rpyc_client *client = client_of(address, "3600");
    pthread_t threads[3];

    /* The limit of a thread is shorter. */
    size_t limit = rpyc_timeout_begin(300);
    GIVES(RPYC_ERR_TIMEOUT, bump_by(client, "bump", 1, &error));
    GIVES(RPYC_ERR_TIMEOUT, bump_by(client, "bump", 1, &error));
    rpyc_timeout_end(limit);
    /* One connects, and the others wait for it: the one with a limit not longer than that. */
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, i == 0 ? serve_client : call_client, client) == 0);
    limit = rpyc_timeout_begin(300);
    GIVES(RPYC_ERR_TIMEOUT, bump_by(client, "bump", 1, &error));
    rpyc_timeout_end(limit);
    /* Closing ends all of them. */
    OK(rpyc_client_close(client, &error));
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK(connected == 0 && lost == 0);
    rpyc_client_free(client);
    CHECK(freed == 1);
}

/* Nobody calls: the thread that serves finds the ends and connects again. */
static void served(void)
{
    rpyc_client *client = client_of(address, "60");
    pthread_t thread;

    CHECK(pthread_create(&thread, NULL, serve_client, client) == 0);
    for (int i = 1; i <= 3; i++) {
        rpyc_server *server = serve();

        await(&connected, i);
        OK(bump_by(client, "bump", i, &error));
        stop(server);
        await(&lost, i);
    }
    OK(rpyc_client_close(client, &error));
    pthread_join(thread, NULL);
    CHECK(called == 3);
    rpyc_client_free(client);
}

static void forked(void)
{
    rpyc_client *client = client_of(address, NULL);
    rpyc_server *server = serve();
    int status = -1;

    OK(bump_by(client, "bump", 1, &error));
    const pid_t child = fork();
    if (child == 0) {
        const rpyc_status got = bump_by(client, "bump", 2, NULL);

        rpyc_client_free(client);
        _exit(got == RPYC_ERR_FORKED ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    OK(bump_by(client, "bump", 3, &error));
    CHECK(called == 2);
    rpyc_client_free(client);
    stop(server);
}

/* ------------------------------------------------------------- a server that is killed */

static rpyc_client *shared;
static int results, generations_wanted;
static atomic_int next_number, uncertain, first_of;

static void up(int32_t event, uint64_t generation, rpyc_connection *connection, const rpyc_error *why, void *userdata)
{
    (void)generation, (void)connection, (void)why, (void)userdata;
    if (event == RPYC_CLIENT_LOST)
        lost++;
}

/* Calls with a number of its own each, until the last server has answered. */
static void *caller(void *unused)
{
    (void)unused;
    for (;;) {
        const int number = ++next_number;
        const rpyc_status status = bump_by(shared, "bump", number, NULL);
        const int generation = (int)rpyc_client_generation(shared);
        char text[32];

        if (status) {
            CHECK(status == RPYC_ERR_EOF || status == RPYC_ERR_IO || status == RPYC_ERR_CLOSED ||
                  status == RPYC_ERR_STALE);
            uncertain++;
            continue;
        }
        const int length = snprintf(text, sizeof text, "%d\n", number);
        CHECK(write(results, text, (size_t)length) == length);
        int before = first_of;
        if (before < generation && atomic_compare_exchange_strong(&first_of, &before, generation)) {
            printf("up %d\n", generation);
            fflush(stdout);
        }
        if (generation > generations_wanted)
            return NULL;
    }
}

static void restarts(const char *to, int count, int threads, const char *path)
{
    static const char *const options[] = {"connect_retry", "60", "sync_request_timeout", "60", NULL};
    rpyc_config *config = rpyc_config_new();
    pthread_t callers[64];

    for (int i = 0; options[i]; i += 2)
        OK(rpyc_config_set(config, options[i], options[i + 1], &error));
    results = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    generations_wanted = count;
    OK(rpyc_client_new(to, NULL, config, up, NULL, NULL, &shared, &error));
    rpyc_config_free(config);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&callers[i], NULL, caller, NULL) == 0);
    for (int i = 0; i < threads; i++)
        pthread_join(callers[i], NULL);
    CHECK(rpyc_client_generation(shared) == (uint64_t)count + 1 && lost == count);
    printf("uncertain %d\n", uncertain);
    OK(rpyc_client_close(shared, &error));
    rpyc_client_free(shared);
    close(results);
}

static void name_address(void)
{
    snprintf(address, sizeof address, "unix://@rpyc-client-%ld", (long)getpid());
}

int main(int count, char **args)
{
    if (count == 1) {
        name_address();
        rejected();
        generations();
        paths();
        callbacks();
        limits();
        served();
    } else if (count == 2 && strcmp(args[1], "forked") == 0) {
        name_address();
        forked();
    } else if (count == 6 && strcmp(args[1], "restarts") == 0 && atoi(args[4]) <= 64) {
        restarts(args[2], atoi(args[3]), atoi(args[4]), args[5]);
    } else if (count == 4 && strcmp(args[1], "serve") == 0) {
        snprintf(address, sizeof address, "%s", args[2]);
        file = open(args[3], O_WRONLY | O_APPEND | O_CREAT, 0600);
        serve();
        printf("ready\n");
        fflush(stdout);
        for (;;)
            pause();
    } else {
        return 2;
    }
    return finish();
}
