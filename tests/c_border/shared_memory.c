/* shm:// between two processes: calls of all sizes and in both directions, threads, a connection of a loop, a forked child, and
 * peers that are killed at any moment, after which nothing is left behind.
 * shared_memory other-user, as root: with a client of another user no memory is shared. */
#define _DEFAULT_SOURCE
#define ERROR_STORAGE _Thread_local
#include <dirent.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"

#define KILLED 12

static char address[128], path[100];

/* ---------------------------------------------------------------- what is open and mapped */

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -1; /* its own */

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static int mappings(void)
{
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[1000];
    int count = 0;

    while (fgets(line, sizeof line, maps))
        count += strstr(line, "memfd:rpyc") != NULL;
    fclose(maps);
    return count;
}

/* ---------------------------------------------------------------- the server */

static void add(rpyc_call *call, void *self)
{
    int64_t a, b;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &a) && !rpyc_call_get_int(call, 1, &b))
        rpyc_call_return_int(call, a + b);
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

/* Calls what it is given so often. */
static void back(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;
    int64_t times, i;

    (void)self;
    if (rpyc_value_get_object(rpyc_call_arg(call, 0), &func, NULL) || rpyc_call_get_int(call, 1, &times))
        return;
    for (i = 0; i < times; i++) {
        rpyc_value *number = rpyc_value_new_int(i), *result = NULL;

        if (rpyc_object_call(func, &number, 1, NULL, &result, NULL))
            break;
        rpyc_value_free(result);
    }
    rpyc_object_free(func);
    rpyc_call_return_int(call, i);
}

static void nap(rpyc_call *call, void *self)
{
    int64_t ms;

    (void)self;
    if (rpyc_call_get_int(call, 0, &ms))
        return;
    usleep((useconds_t)ms * 1000);
    rpyc_call_return(call, NULL);
}

/* Descriptors, and mappings of rings, of the server. */
static void held(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return_int(call, descriptors() * 1000 + mappings());
}

static int serve(int ready)
{
    static const rpyc_method methods[] = {
        {"exposed_add", add, "add(a, b)", NULL, 0},    {"exposed_echo", echo, "echo(value)", NULL, 0},
        {"exposed_back", back, "back(f, n)", NULL, 0}, {"exposed_nap", nap, "nap(ms)", NULL, 0},
        {"exposed_held", held, "held()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "SharedService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(address, service, NULL, &server, &error));
    if (failures || write(ready, "x", 1) != 1)
        return EXIT_FAILURE;
    rpyc_server_serve(server, NULL);
    return EXIT_FAILURE; /* it is killed */
}

static pid_t start_server(void)
{
    int fds[2];
    char byte;
    pid_t server;

    CHECK(pipe(fds) == 0);
    fflush(NULL);
    server = fork();
    if (server == 0) {
        alarm(80);
        close(fds[0]);
        _exit(serve(fds[1]));
    }
    close(fds[1]);
    CHECK(server > 0 && read(fds[0], &byte, 1) == 1);
    close(fds[0]);
    return server;
}

/* ---------------------------------------------------------------- clients */

static rpyc_connection *connected(rpyc_object **root)
{
    rpyc_connection *connection = NULL;

    *root = NULL;
    OK(rpyc_connect(address, NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, root, &error));
    return connection;
}

static rpyc_status sum(rpyc_object *root, int64_t number, rpyc_error **error_out)
{
    rpyc_value *args[2] = {rpyc_value_new_int(number), rpyc_value_new_int(1)}, *result = NULL;
    rpyc_status status = rpyc_object_call_method(root, "add", args, 2, NULL, &result, error_out);
    int64_t got;

    if (status == RPYC_OK)
        CHECK(rpyc_value_get_int(result, &got, NULL) == RPYC_OK && got == number + 1);
    rpyc_value_free(result);
    return status;
}

static int64_t asked(rpyc_object *root, const char *name)
{
    rpyc_value *result = NULL;
    int64_t got = -1;

    OK(rpyc_object_call_method(root, name, NULL, 0, NULL, &result, &error));
    rpyc_value_get_int(result, &got, NULL);
    rpyc_value_free(result);
    return got;
}

static void echoes(rpyc_object *root, size_t size)
{
    char *bytes = malloc(size + 1);
    rpyc_value *sent = NULL, *result = NULL;
    const uint8_t *data;
    size_t got = 0, i;

    for (i = 0; i < size; i++)
        bytes[i] = (char)(i * 31 + i / 60);
    OK(rpyc_value_new_bytes(bytes, size, &sent, &error));
    OK(rpyc_object_call_method(root, "echo", &sent, 1, NULL, &result, &error));
    CHECK(rpyc_value_get_bytes(result, &data, &got, NULL) == RPYC_OK && got == size && !memcmp(data, bytes, size));
    rpyc_value_free(result);
    free(bytes);
}

static int called;

static void count(rpyc_call *call, void *self)
{
    (void)self;
    called++;
    rpyc_call_return(call, NULL);
}

static void calls(rpyc_object *root)
{
    static const size_t sizes[] = {0, 1, 20, 59, 60, 61, 1000, 14000, 15000, 16000, 70000, 3000000};
    rpyc_value *args[2] = {NULL, rpyc_value_new_int(100)}, *result = NULL;
    rpyc_async_result *results[300];
    rpyc_object *func = NULL;
    size_t i;

    for (i = 0; i < 1000; i++)
        OK(sum(root, (int64_t)i, &error));
    for (i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        echoes(root, sizes[i]);
        OK(sum(root, 5, &error));
    }
    called = 0;
    OK(rpyc_function_new("count", count, "count(i)", NULL, 0, NULL, NULL, &func, &error));
    OK(rpyc_value_new_object(func, &args[0], &error));
    OK(rpyc_object_call_method(root, "back", args, 2, NULL, &result, &error));
    CHECK(called == 100);
    rpyc_value_free(result);
    rpyc_object_free(func);
    for (i = 0; i < 300; i++) {
        rpyc_value *numbers[2] = {rpyc_value_new_int((int64_t)i), rpyc_value_new_int(2)};

        OK(rpyc_object_call_method_async(root, "add", numbers, 2, NULL, -1, &results[i], &error));
    }
    for (i = 0; i < 300; i++) {
        int64_t got = 0;

        OK(rpyc_async_result_value(results[i], &result, &error));
        CHECK(rpyc_value_get_int(result, &got, NULL) == RPYC_OK && got == (int64_t)i + 2);
        rpyc_value_free(result);
        rpyc_async_result_free(results[i]);
    }
}

static void *many_calls(void *root)
{
    int64_t i;

    for (i = 0; i < 300; i++) {
        OK(sum(root, i, &error));
        if (i % 100 == 0)
            echoes(root, 40000);
    }
    return NULL;
}

static void threads(rpyc_object *root)
{
    pthread_t thread[4];
    int i;

    for (i = 0; i < 4; i++)
        CHECK(pthread_create(&thread[i], NULL, many_calls, root) == 0);
    for (i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
}

/* Answers that a loop waits for, after the connection was used by threads. */
static void in_a_loop(rpyc_connection *connection, rpyc_object *root)
{
    int round, fd;

    OK(rpyc_connection_set_nonblocking(connection, 1, &error));
    fd = rpyc_connection_fileno(connection);
    for (round = 0; round < 200; round++) {
        rpyc_value *args[2] = {rpyc_value_new_int(round), rpyc_value_new_int(2)}, *result = NULL;
        rpyc_async_result *answer = NULL;
        int64_t got = 0;
        int waits = 0;

        OK(rpyc_object_call_method_async(root, "add", args, 2, NULL, -1, &answer, &error));
        while (!rpyc_async_result_ready(answer) && waits++ < 100) {
            struct pollfd polled = {fd, 0, 0};
            int interest = rpyc_connection_interest(connection);
            int64_t deadline = rpyc_connection_next_deadline(connection);

            polled.events =
                (short)((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0));
            CHECK(poll(&polled, 1, deadline < 0 ? 20000 : (int)deadline) >= 0);
            OK(rpyc_connection_process(connection, NULL, &error));
        }
        OK(rpyc_async_result_value(answer, &result, &error));
        CHECK(rpyc_value_get_int(result, &got, NULL) == RPYC_OK && got == round + 2);
        rpyc_value_free(result);
        rpyc_async_result_free(answer);
    }
    OK(rpyc_connection_set_nonblocking(connection, 0, &error));
    OK(sum(root, 3, &error));
}

static void in_a_child(rpyc_connection *connection, rpyc_object *root)
{
    int status = -1;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        alarm(20);
        CHECK(mappings() == 0);
        GIVES(RPYC_ERR_FORKED, sum(root, 1, &error));
        rpyc_connection_fileno(connection);
        rpyc_connection_interrupt(connection);
        rpyc_object_free(root);
        rpyc_connection_free(connection);
        _exit(failures ? EXIT_FAILURE : EXIT_SUCCESS);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    OK(sum(root, 2, &error));
}

/* ---------------------------------------------------------------- the killed */

static void kill_and_wait(pid_t process)
{
    kill(process, SIGKILL);
    CHECK(waitpid(process, NULL, 0) == process);
}

static void *kill_soon(void *server)
{
    usleep((useconds_t)(rand() % 3000));
    kill(*(pid_t *)server, SIGKILL);
    return NULL;
}

static void servers_that_are_killed(void)
{
    int round, open_before = descriptors(), mapped_before = mappings();

    for (round = 0; round < KILLED; round++) {
        pid_t server = start_server();
        rpyc_object *root;
        rpyc_connection *connection = connected(&root);
        rpyc_value *ms = rpyc_value_new_int(60000), *result = NULL;
        rpyc_status status = RPYC_OK;
        pthread_t killer;
        int64_t i;

        OK(sum(root, 1, &error));
        CHECK(mappings() > mapped_before);
        CHECK(pthread_create(&killer, NULL, kill_soon, &server) == 0);
        if (round % 2) {
            for (i = 0; status == RPYC_OK; i++)
                status = sum(root, i, NULL);
            rpyc_value_free(ms);
        } else {
            status = rpyc_object_call_method(root, "nap", &ms, 1, NULL, &result, NULL);
        }
        CHECK(status == RPYC_ERR_EOF || status == RPYC_ERR_CLOSED);
        pthread_join(killer, NULL);
        CHECK(waitpid(server, NULL, 0) == server);
        rpyc_object_free(root);
        rpyc_connection_free(connection);
    }
    CHECK(mappings() == mapped_before);
    CHECK(descriptors() == open_before);
}

static void clients_that_are_killed(void)
{
    pid_t server = start_server();
    rpyc_object *root;
    rpyc_connection *connection = connected(&root);
    int64_t before = asked(root, "held"), now = -1;
    int round;

    for (round = 0; round < KILLED; round++) {
        pid_t client;

        fflush(NULL);
        client = fork();
        if (client == 0) {
            rpyc_object *own;
            int64_t i;

            alarm(20);
            connected(&own);
            for (i = 0;; i++) {
                sum(own, i, NULL);
                if (i % 64 == 0)
                    echoes(own, 20000);
            }
        }
        usleep((useconds_t)(3000 + rand() % 5000));
        kill_and_wait(client);
    }
    for (round = 0; round < 500 && now != before; round++) {
        usleep(10000);
        now = asked(root, "held");
    }
    CHECK(now == before);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    kill_and_wait(server);
}

/* ---------------------------------------------------------------- another user */

static int client_of_another_user(void)
{
    rpyc_connection *connection;
    rpyc_object *root;
    int i;

    CHECK(setgid(65534) == 0 && setuid(65534) == 0);
    connection = connected(&root);
    for (i = 0; i < 100; i++)
        OK(sum(root, i, &error));
    echoes(root, 100000);
    CHECK(mappings() == 0);
    CHECK(asked(root, "held") % 1000 == 0);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void another_user(void)
{
    pid_t server = start_server(), client;
    int status = -1;

    CHECK(chmod(path, 0666) == 0);
    fflush(NULL);
    client = fork();
    if (client == 0) {
        alarm(20);
        _exit(client_of_another_user());
    }
    CHECK(client > 0 && waitpid(client, &status, 0) == client);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    kill_and_wait(server);
}

int main(int argc, char **argv)
{
    rpyc_connection *connection;
    rpyc_object *root;
    pid_t server;

    alarm(80);
    snprintf(path, sizeof path, "/tmp/librpyc-shared-%ld", (long)getpid());
    snprintf(address, sizeof address, "shm://%s", path);
    if (argc == 2 && strcmp(argv[1], "other-user") == 0) {
        another_user();
        unlink(path);
        return finish();
    }
    clients_that_are_killed();
    server = start_server();
    connection = connected(&root);
    OK(sum(root, 1, &error));
    CHECK(mappings() == 2);
    calls(root);
    threads(root);
    in_a_child(connection, root);
    in_a_loop(connection, root);
    calls(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    CHECK(mappings() == 0);
    kill_and_wait(server);
    servers_that_are_killed();
    unlink(path);
    return finish();
}
