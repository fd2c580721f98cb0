/* interop_server ADDRESS [--until-eof] [--set NAME=VALUE]...
 *
 * Offers the service of tests/peers/contract.md at tcp://HOST:PORT or unix:///PATH to any number of clients, or at
 * stdio: to the one at the other end of standard input and output. The first line says "listening ADDRESS", with the
 * real port; with stdio: it goes to standard error. Ends on SIGTERM and SIGINT, and with --until-eof when standard
 * input ends. --set changes an option of the connections, for instance --set bind_threads=true. */
#define _POSIX_C_SOURCE 200809L
#include "interop_server.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#define GRACE_MS 1000

/* ---------------------------------------------------------------- when to end */

/* A thread that waits for a signal or for the end of standard input, and then ends what the main thread serves. */
struct watcher {
    pthread_t thread;
    bool until_eof;
    rpyc_server *server; /* one of these two */
    rpyc_connection *connection;
};

static volatile sig_atomic_t signalled;

static void note_signal(int number)
{
    (void)number;
    signalled = 1;
}

/* All threads block the two signals; only the watcher takes them, while it waits. */
static void block_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static bool stdin_ended(void)
{
    char dropped[256];
    ssize_t count = read(STDIN_FILENO, dropped, sizeof dropped);
    return count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
}

static void *watch(void *argument)
{
    struct watcher *watcher = argument;
    sigset_t while_waiting;
    pthread_sigmask(SIG_BLOCK, NULL, &while_waiting);
    sigdelset(&while_waiting, SIGTERM);
    sigdelset(&while_waiting, SIGINT);
    bool ended = false;
    while (!signalled && !ended) {
        fd_set readable;
        FD_ZERO(&readable);
        if (watcher->until_eof)
            FD_SET(STDIN_FILENO, &readable);
        int ready = pselect(watcher->until_eof ? STDIN_FILENO + 1 : 0, &readable, NULL, NULL, NULL, &while_waiting);
        ended = ready > 0 && stdin_ended();
    }
    if (watcher->server != NULL) {
        rpyc_server_stop(watcher->server, GRACE_MS, NULL);
    } else {
        rpyc_connection_set_option(watcher->connection, "close_timeout", "1", NULL);
        rpyc_connection_close(watcher->connection, NULL);
    }
    return NULL;
}

static bool watcher_start(struct watcher *watcher)
{
    return pthread_create(&watcher->thread, NULL, watch, watcher) == 0;
}

static void watcher_end(struct watcher *watcher)
{
    pthread_kill(watcher->thread, SIGTERM);
    pthread_join(watcher->thread, NULL);
}

/* ---------------------------------------------------------------- serving */

static rpyc_status serve_stdio(const rpyc_class *service, const rpyc_config *config, rpyc_error **error_out)
{
    rpyc_transport *transport = NULL;
    struct watcher watcher = {0};
    rpyc_status status = rpyc_transport_connect("stdio:", config, &transport, error_out);
    if (status == RPYC_OK)
        status = rpyc_connection_new(transport, service, config, &watcher.connection, error_out);
    if (status == RPYC_OK && !watcher_start(&watcher))
        status = RPYC_ERR_STATE;
    if (status == RPYC_OK) {
        fprintf(stderr, "listening stdio:\n");
        status = rpyc_connection_serve_all(watcher.connection, error_out);
        watcher_end(&watcher);
    }
    if (status == RPYC_ERR_CLOSED && signalled) {
        rpyc_error_free(*error_out);
        *error_out = NULL;
        status = RPYC_OK;
    }
    rpyc_connection_free(watcher.connection);
    return status;
}

static rpyc_status serve_address(const char *address, const rpyc_class *service, const rpyc_config *config,
                                 bool until_eof, rpyc_error **error_out)
{
    struct watcher watcher = {.until_eof = until_eof};
    rpyc_status status = rpyc_server_new(address, service, config, &watcher.server, error_out);
    if (status == RPYC_OK && !watcher_start(&watcher))
        status = RPYC_ERR_STATE;
    if (status == RPYC_OK) {
        printf("listening %s\n", rpyc_server_address(watcher.server));
        fflush(stdout);
        status = rpyc_server_serve(watcher.server, error_out);
        watcher_end(&watcher);
        if (status == RPYC_OK)
            status = rpyc_server_join(watcher.server, error_out);
    }
    rpyc_server_free(watcher.server);
    return status;
}

/* ---------------------------------------------------------------- main */

struct options {
    const char *address;
    bool until_eof;
    rpyc_config *config;
};

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s tcp://HOST:PORT | unix:///PATH | stdio: [--until-eof] [--set NAME=VALUE]...\n", program);
    return 2;
}

/* 0, or the exit status. */
static int parse(int argc, char **argv, struct options *options)
{
    rpyc_error *error = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--until-eof") == 0) {
            options->until_eof = true;
        } else if (strcmp(argv[i], "--set") == 0 && i + 1 < argc) {
            if (set_option(options->config, argv[++i], &error)) {
                fprintf(stderr, "%s: %s\n", argv[0], rpyc_error_message(error));
                rpyc_error_free(error);
                return 2;
            }
        } else if (argv[i][0] != '-' && options->address == NULL) {
            options->address = argv[i];
        } else {
            return usage(argv[0]);
        }
    }
    bool stdio = options->address != NULL && strcmp(options->address, "stdio:") == 0;
    return options->address == NULL || (stdio && options->until_eof) ? usage(argv[0]) : 0;
}

static rpyc_status run(const struct options *options, rpyc_error **error_out)
{
    rpyc_class *service = NULL;
    rpyc_status status = rpyc_config_set_bool(options->config, "allow_setattr", 1, error_out);
    if (status == RPYC_OK)
        status = rpyc_config_set_bool(options->config, "allow_delattr", 1, error_out);
    if (status == RPYC_OK)
        status = containers_init(error_out);
    if (status == RPYC_OK)
        status = items_init(error_out);
    if (status == RPYC_OK)
        status = objects_init(error_out);
    if (status == RPYC_OK)
        status = service_new(&service, error_out);
    if (status == RPYC_OK && strcmp(options->address, "stdio:") == 0)
        status = serve_stdio(service, options->config, error_out);
    else if (status == RPYC_OK)
        status = serve_address(options->address, service, options->config, options->until_eof, error_out);
    later_stop(); /* its threads hold objects of the classes and of the clients */
    rpyc_class_free(service);
    objects_free();
    items_free();
    containers_free();
    return status;
}

int main(int argc, char **argv)
{
    struct options options = {.config = rpyc_config_new()};
    rpyc_error *error = NULL;
    int exit_status = parse(argc, argv, &options);
    if (exit_status == 0) {
        block_signals();
        if (run(&options, &error) != RPYC_OK) {
            fprintf(stderr, "%s: %s\n", argv[0], rpyc_error_message(error));
            exit_status = 1;
        }
    }
    rpyc_error_free(error);
    rpyc_config_free(options.config);
    return exit_status;
}
