/* Connecting with the dialect left to be found out, to clients/dialect_server.py: dialects CASE ADDRESS DIALECT [TIMES]. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <dirent.h>
#include <sys/wait.h>

#include <rpyc_helpers.h>

static const char *address;
static int created, destroyed, connected, disconnected, asked;
static rpyc_class *service;
static rpyc_config *config;

static void *create(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    created++;
    return userdata;
}

static void destroy(void *self)
{
    (void)self;
    destroyed++;
}

static void on_connect(rpyc_connection *connection, void *self)
{
    (void)self;
    connected++;
    /* It knows already what is spoken, and can ask. */
    CHECK(rpyc_connection_dialect(connection) != 0);
}

static void on_disconnect(rpyc_connection *connection, void *self)
{
    (void)connection;
    (void)self;
    disconnected++;
}

static void whoami(rpyc_call *call, void *self)
{
    (void)self;
    asked++;
    rpyc_call_return_str(call, "a client of C", RPYC_NUL_TERMINATED);
}

static void make_service(void)
{
    static const rpyc_method methods[] = {{"exposed_whoami", whoami, "whoami()", NULL, 0}};
    rpyc_class_table table = {0};

    table.struct_size = sizeof table;
    table.method_size = sizeof *methods;
    table.name = "WatchedService";
    table.methods = methods;
    table.method_count = 1;
    table.create = create;
    table.destroy = destroy;
    table.on_connect = on_connect;
    table.on_disconnect = on_disconnect;
    OK(rpyc_class_new(&table, &created, NULL, &service, &error));
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void use(rpyc_connection *connection, int dialect)
{
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    int64_t sum = 0;

    CHECK(rpyc_connection_dialect(connection) == dialect);
    OK(rpyc_connection_root(connection, &root, &error));
    OK(rpyc_object_call_method(root, "add", RPYC_ARGS(rpyc_int(40), rpyc_int(2)), NULL, &value, &error));
    OK(rpyc_take_int(value, &sum, &error));
    CHECK(sum == 42);
    rpyc_object_free(root);
}

/* The service sees each connection once, and nothing of the attempts. */
static void works(int dialect, int times, int called_back)
{
    int before = 0;

    for (int i = 1; i <= times && !failures; i++) {
        rpyc_connection *connection = NULL;

        OK(rpyc_connect(address, service, config, &connection, &error));
        if (!connection)
            return;
        CHECK(created == i && connected == i && disconnected == i - 1);
        use(connection, dialect);
        while (called_back && asked < i && !failures)
            OK(rpyc_connection_serve(connection, 1000, NULL, &error));
        OK(rpyc_connection_close(connection, &error));
        rpyc_connection_free(connection);
        CHECK(destroyed == i && disconnected == i);
        if (i == 1)
            before = open_descriptors();
    }
    CHECK(open_descriptors() == before);
}

/* What cannot be found out without using the peer up is said, with what to do; and that helps. */
static void is_told(int dialect, const char *again)
{
    rpyc_connection *connection = NULL;
    rpyc_error *got = NULL;
    char option[40];
    int before = open_descriptors();

    GIVES(RPYC_ERR_DIALECT, rpyc_connect(address, service, config, &connection, &got));
    snprintf(option, sizeof option, "option dialect to %d", dialect);
    check(strstr(rpyc_error_message(got), option) != NULL, rpyc_error_message(got), __LINE__);
    rpyc_error_free(got);
    CHECK(created == 0 && connected == 0 && disconnected == 0);
    if (!again) {
        CHECK(open_descriptors() == before);
        return;
    }
    snprintf(option, sizeof option, "%d", dialect);
    OK(rpyc_config_set(config, "dialect", option, &error));
    OK(rpyc_connect(again, service, config, &connection, &error));
    use(connection, dialect);
    rpyc_connection_free(connection);
}

/* Another server takes the place of the one before, as often as a line of the standard input says which. */
static void changing(void)
{
    char line[20];

    while (fgets(line, sizeof line, stdin)) {
        rpyc_connection *connection = NULL;

        OK(rpyc_connect(address, NULL, config, &connection, &error));
        if (connection)
            use(connection, atoi(line));
        rpyc_connection_free(connection);
        printf("done %s", line);
        fflush(stdout);
    }
}

static int expected_dialect, times = 10;
/* A stock ThreadPoolServer forgets a connection by its descriptor, which a new one may have by then; that one it closes. */
static int lost_connections_allowed;

static rpyc_status add_once(rpyc_error **why)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_value *sum = NULL, *args[] = {rpyc_int(40), rpyc_int(2)};
    int64_t number = 0;
    rpyc_status status = rpyc_connect(address, NULL, config, &connection, why);

    if (status == RPYC_OK)
        CHECK(rpyc_connection_dialect(connection) == expected_dialect);
    if (status || (status = rpyc_connection_root(connection, &root, why))) {
        rpyc_value_free(args[0]);
        rpyc_value_free(args[1]);
    } else {
        status = rpyc_object_call_method(root, "add", args, 2, NULL, &sum, why);
    }
    if (status == RPYC_OK) {
        OK(rpyc_take_int(sum, &number, NULL));
        CHECK(number == 42);
        OK(rpyc_connection_close(connection, NULL));
    }
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    return status;
}

static void *connect_often(void *unused)
{
    for (int i = 0; i < times; i++) {
        rpyc_error *why = NULL;
        rpyc_status status = add_once(&why);

        if (status == RPYC_ERR_EOF && __atomic_sub_fetch(&lost_connections_allowed, 1, __ATOMIC_RELAXED) >= 0)
            i--;
        else
            check(status == RPYC_OK, rpyc_error_message(why), __LINE__);
        rpyc_error_free(why);
    }
    return unused;
}

/* Many threads find it out at once, from an address that nothing is remembered of. */
static void threads(int dialect)
{
    pthread_t all[8];
    int before = open_descriptors();

    expected_dialect = dialect;
    for (int i = 0; i < 8; i++)
        CHECK(pthread_create(&all[i], NULL, connect_often, NULL) == 0);
    for (int i = 0; i < 8; i++)
        pthread_join(all[i], NULL);
    CHECK(open_descriptors() == before);
}

/* Processes that fork before, between and after their connections; the forked know what their parents have found out. */
static void forks(int dialect)
{
    rpyc_connection *connection = NULL;

    expected_dialect = dialect;
    times = 3;
    for (int i = 0; i < 4; i++) {
        int status = -1;
        pid_t child;

        if (i == 1)
            OK(rpyc_connect(address, NULL, config, &connection, &error));
        fflush(NULL);
        child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            connect_often(NULL);
            rpyc_connection_free(connection); /* the parent's, which it does not end */
            _exit(failures ? EXIT_FAILURE : EXIT_SUCCESS);
        }
        CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
        if (connection)
            use(connection, dialect);
    }
    rpyc_connection_free(connection);
    connect_often(NULL);
}

/* A classic server that drives its client as well, and so speaks first. */
static void classic(int dialect)
{
    static const rpyc_slave_table table = {.struct_size = sizeof table};
    rpyc_class *slave = NULL;
    rpyc_classic *master = NULL;
    rpyc_connection *connection = NULL;
    rpyc_value *value = NULL;
    int64_t sum = 0;

    OK(rpyc_slave_new(&table, NULL, NULL, &slave, &error));
    OK(rpyc_classic_connect(address, slave, config, &master, &error));
    if (master) {
        OK(rpyc_classic_connection(master, &connection, &error));
        CHECK(rpyc_connection_dialect(connection) == dialect);
        OK(rpyc_classic_eval(master, "40 + 2", RPYC_NUL_TERMINATED, &value, &error));
        OK(rpyc_take_int(value, &sum, &error));
        CHECK(sum == 42);
    }
    rpyc_connection_free(connection);
    rpyc_classic_free(master);
    rpyc_class_free(slave);
}

/* Neither dialect is answered. */
static void silent(void)
{
    rpyc_connection *connection = NULL;
    int before = open_descriptors();

    OK(rpyc_config_set(config, "sync_request_timeout", "1.5", &error));
    GIVES(RPYC_ERR_TIMEOUT, rpyc_connect(address, service, config, &connection, &error));
    CHECK(created == 0 && connected == 0 && open_descriptors() == before);
}

/* What is no RPyC is found out at once. */
static void foreign(void)
{
    rpyc_connection *connection = NULL;
    rpyc_status status = rpyc_connect(address, service, config, &connection, &error);

    CHECK(status == RPYC_ERR_LIMIT || status == RPYC_ERR_MALFORMED || status == RPYC_ERR_EOF);
    CHECK(created == 0 && connected == 0);
    rpyc_error_free(error);
    error = NULL;
}

/* ---- Servers that end a connection before the client has said a word, and shown its dialect. */

static void hang_up(rpyc_connection *connection, void *self)
{
    (void)self;
    OK(rpyc_connection_close(connection, &error));
}

static void *refuse(rpyc_connection *connection, void *userdata)
{
    (void)connection;
    (void)userdata;
    return NULL;
}

static void serve(const char *how)
{
    rpyc_class_table table = {.struct_size = sizeof table, .name = "RudeService"};
    rpyc_class *rude = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_server *server = NULL;
    char line[20];

    if (strcmp(how, "closes") == 0)
        table.on_connect = hang_up;
    else if (strcmp(how, "refuses") == 0)
        table.create = refuse;
    OK(rpyc_class_new(&table, NULL, NULL, &rude, &error));
    /* Full is full, also where the other connection says nothing. */
    OK(rpyc_config_set(config, "make_room", "false", &error));
    OK(rpyc_server_new(address, rude, config, &server, &error));
    rpyc_config_free(config);
    if (strcmp(how, "is-full") == 0)
        OK(rpyc_server_set_max_connections(server, 1, &error));
    OK(rpyc_server_start(server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    /* Until the client has connected, or gone. */
    CHECK(fgets(line, sizeof line, stdin) != NULL);
    OK(rpyc_server_stop(server, 0, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_class_free(rude);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "", *more = argc > 4 ? argv[4] : NULL;
    int dialect = argc > 3 ? atoi(argv[3]) : 0;

    if (argc < 3)
        return EXIT_FAILURE;
    address = argv[2];
    config = rpyc_config_new();
    make_service();
    /* Whatever waits for this, the time limit of the test ends. */
    OK(rpyc_config_set(config, "sync_request_timeout", "3600", &error));
    if (more && strcmp(more, "pool") == 0)
        lost_connections_allowed = 5;
    if (strcmp(name, "works") == 0)
        works(dialect, more ? atoi(more) : 1, 0);
    else if (strcmp(name, "called-back") == 0)
        works(dialect, 2, 1);
    else if (strcmp(name, "told") == 0)
        is_told(dialect, more);
    else if (strcmp(name, "threads") == 0)
        threads(dialect);
    else if (strcmp(name, "forks") == 0)
        forks(dialect);
    else if (strcmp(name, "changing") == 0)
        changing();
    else if (strcmp(name, "classic") == 0)
        classic(dialect);
    else if (strcmp(name, "serve") == 0)
        serve(more ? more : "");
    else if (strcmp(name, "silent") == 0)
        silent();
    else if (strcmp(name, "foreign") == 0)
        foreign();
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}
