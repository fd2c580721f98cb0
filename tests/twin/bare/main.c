/* twin_bare serve ADDRESS: the service of the twin over bare sessions. Ends with standard input. */
#define _POSIX_C_SOURCE 200809L
#include "twin.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static void *stop_at_end_of_input(void *server)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
    rpyc_server_stop(server, 0, NULL);
    return NULL;
}

/* Classes and the server stay: threads of connections may still use them. */
static rpyc_status serve(const char *address, rpyc_error **error_out)
{
    rpyc_class *service = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_server *server = NULL;
    pthread_t thread;
    rpyc_config_set_bool(config, "allow_public_attrs", 1, NULL);
    rpyc_config_set_bool(config, "allow_setattr", 1, NULL);
    rpyc_config_set_bool(config, "allow_delattr", 1, NULL);
    rpyc_status status = service_new(&service, error_out);
    if (status == RPYC_OK)
        status = rpyc_server_new(address, service, config, &server, error_out);
    rpyc_config_free(config);
    if (status != RPYC_OK)
        return status;
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    if (pthread_create(&thread, NULL, stop_at_end_of_input, server) != 0)
        return RPYC_ERR_IO;
    status = rpyc_server_serve(server, error_out);
    pthread_join(thread, NULL);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_error *error = NULL;
    if (argc != 3 || strcmp(argv[1], "serve") != 0) {
        fprintf(stderr, "usage: %s serve ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (things_init(&error) || serve(argv[2], &error)) {
        fprintf(stderr, "%s: %s\n", argv[0], rpyc_error_message(error));
        rpyc_error_free(error);
        return EXIT_FAILURE;
    }
    fflush(stdout);
    _exit(EXIT_SUCCESS);
}
