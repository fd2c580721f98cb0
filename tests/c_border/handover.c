/* A server that is restarted under load: handover serve ADDRESS. For each line of its input it starts a successor, which
 * takes over the listening socket and the input; then it drains. At the end of the input the last one drains. */
#define _POSIX_C_SOURCE 200809L
#include <fcntl.h>
#include <inttypes.h>
#include <sys/wait.h>

#include "check.h"

static void add(rpyc_call *call, void *self)
{
    int64_t a = 0, b = 0;

    (void)self;
    rpyc_call_get_int(call, 0, &a);
    rpyc_call_get_int(call, 1, &b);
    rpyc_call_return(call, rpyc_value_new_int(a + b));
}

static void pid(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_new_int(getpid()));
}

static rpyc_server *serving(const char *address)
{
    static const rpyc_method methods[] = {
        {"exposed_add", add, "add(a, b)", NULL, 0},
        {"exposed_pid", pid, "pid()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "RestartedService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };
    rpyc_class *service = NULL;
    rpyc_server *server = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    OK(rpyc_server_new(address, service, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    rpyc_class_free(service);
    return server;
}

/* Starts the successor, and waits until it accepts. */
static void hand_over(rpyc_server *server, char *program)
{
    char address[32], ready[32], byte;
    int32_t fd = -1;
    int pipes[2];

    OK(rpyc_server_pass_socket(server, &fd, &error));
    CHECK(pipe(pipes) == 0);
    snprintf(address, sizeof address, "fd:%d", (int)fd);
    snprintf(ready, sizeof ready, "%d", pipes[1]);
    if (fork() == 0) {
        fcntl(fd, F_SETFD, 0);
        close(pipes[0]);
        execl(program, program, "serve", address, ready, (char *)NULL);
        _exit(127);
    }
    CHECK(close(fd) == 0 && close(pipes[1]) == 0);
    CHECK(read(pipes[0], &byte, 1) == 1);
    close(pipes[0]);
}

int main(int count, char **args)
{
    const char *idle = getenv("HANDOVER_IDLE_MS");
    rpyc_server *server;
    size_t cut = 0;
    int status = 0;
    char byte = 0;

    if (count < 3)
        return 2;
    server = serving(args[2]);
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    if (count > 3) {
        int ready = atoi(args[3]);
        CHECK(write(ready, "", 1) == 1 && close(ready) == 0);
    }
    while (read(0, &byte, 1) == 1 && byte != '\n')
        continue;
    if (byte == '\n')
        hand_over(server, args[0]);
    OK(rpyc_server_drain(server, idle ? atoi(idle) : 5000, 60000, &cut, &error));
    printf("drained %d %s cut %zu\n", (int)getpid(), byte == '\n' ? "handed over" : "at the end", cut);
    fflush(stdout);
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    if (byte == '\n')
        CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return finish();
}
