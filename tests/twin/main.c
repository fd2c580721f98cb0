/* twin serve ADDRESS: the service; twin pool ADDRESS: the same by a pool of threads; twin queue ADDRESS: in the main thread; twin
 * drive ADDRESS: the client that is told what to do; twin bridge ADDRESS SERVER: a service in the middle. Each ends with standard
 * input. */
#define _POSIX_C_SOURCE 200809L
#include "twin.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* Runs the calls of clients in this thread, until the end of standard input. */
static void run_queue(rpyc_queue *queue)
{
    struct pollfd files[] = {{STDIN_FILENO, POLLIN, 0}, {rpyc_queue_fileno(queue), POLLIN, 0}};
    while (poll(files, COUNT(files), -1) > 0 && files[0].revents == 0)
        rpyc_queue_run(queue, 0, 0, NULL, NULL);
}

static rpyc_status serve(const char *what, const char *address, char *behind, rpyc_error **error_out)
{
    rpyc_class *service = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_server *server = NULL;
    rpyc_queue *queue = NULL;
    char byte;
    rpyc_config_set_bool(config, "allow_public_attrs", 1, NULL);
    rpyc_config_set_bool(config, "allow_setattr", 1, NULL);
    rpyc_config_set_bool(config, "allow_delattr", 1, NULL);
    if (strcmp(what, "pool") == 0)
        rpyc_config_set(config, "pool_threads", "2", NULL);
    rpyc_status status = strcmp(what, "serve") == 0 || strcmp(what, "pool") == 0 || strcmp(what, "queue") == 0
                             ? service_new(&service, error_out)
                         : strcmp(what, "drive") == 0 ? driven_client_new(&service, error_out)
                                                      : bridge_new(behind, &service, error_out);
    if (status == RPYC_OK)
        status = rpyc_server_new(address, service, config, &server, error_out);
    if (status == RPYC_OK && strcmp(what, "queue") == 0 && !(status = rpyc_queue_new(100, &queue, error_out)))
        status = rpyc_server_set_queue(server, queue, error_out);
    if (status == RPYC_OK)
        status = rpyc_server_start(server, error_out);
    if (status == RPYC_OK) {
        printf("listening %s\n", rpyc_server_address(server));
        fflush(stdout);
        if (queue != NULL)
            run_queue(queue);
        while (read(STDIN_FILENO, &byte, 1) > 0)
            ;
        rpyc_server_stop(server, 2000, NULL);
    }
    rpyc_server_free(server);
    rpyc_queue_free(queue);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_error *error = NULL;
    if (argc != 3 && !(argc == 4 && strcmp(argv[1], "bridge") == 0)) {
        fprintf(stderr, "usage: %s serve|pool|queue|drive ADDRESS, %s bridge ADDRESS SERVER\n", argv[0], argv[0]);
        return EXIT_FAILURE;
    }
    if (things_init(&error) || serve(argv[1], argv[2], argv[3], &error))
        fprintf(stderr, "%s: %s\n", argv[0], rpyc_error_message(error));
    things_free();
    bool failed = error != NULL;
    rpyc_error_free(error);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
