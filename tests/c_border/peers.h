/* Two connections of this process that talk to each other in memory; a thread serves one of them. */
#ifndef PEERS_H
#define PEERS_H

#include "check.h"

struct peers {
    rpyc_connection *client, *server;
    rpyc_class *service;
    pthread_t thread;
};

/* The option native of both, if any. */
static const char *peers_native;

/* What the method `probe` of the served side does with its call; it answers None if this does not. */
static void (*peers_probe)(rpyc_call *call);

static inline void peers_call_probe(rpyc_call *call, void *self)
{
    (void)self;
    if (peers_probe)
        peers_probe(call);
    rpyc_call_return(call, NULL); /* RPYC_ERR_STATE if it is answered */
}

static inline void peers_echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static inline rpyc_class *peers_service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_probe", peers_call_probe, NULL, NULL, 0},
        {"exposed_echo", peers_echo, "echo(value)", "The same.", 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof(rpyc_class_table),
        .method_size = sizeof(rpyc_method),
        .name = "ProbeService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
    };
    rpyc_class *service = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    return service;
}

static inline void *peers_serve(void *connection)
{
    rpyc_connection_serve_all(connection, NULL);
    return NULL;
}

/* Both know the dialect, so that nobody waits to find it out. */
static inline rpyc_config *peers_config(void)
{
    rpyc_config *config = rpyc_config_new();

    OK(rpyc_config_set(config, "dialect", "6", &error));
    OK(rpyc_config_set(config, "allow_setattr", "true", &error));
    if (peers_native)
        OK(rpyc_config_set(config, "native", peers_native, &error));
    return config;
}

static inline void peers_open(struct peers *peers)
{
    rpyc_transport *left = NULL, *right = NULL;
    rpyc_config *config = peers_config();

    peers->service = peers_service();
    OK(rpyc_transport_new_pair(&left, &right, &error));
    OK(rpyc_connection_new(left, NULL, config, &peers->client, &error));
    OK(rpyc_connection_new(right, peers->service, config, &peers->server, &error));
    rpyc_config_free(config);
    if (!peers->client || !peers->server || pthread_create(&peers->thread, NULL, peers_serve, peers->server)) {
        finish();
        exit(EXIT_FAILURE);
    }
}

static inline void peers_close(struct peers *peers)
{
    rpyc_connection_close(peers->client, NULL);
    pthread_join(peers->thread, NULL);
    rpyc_connection_free(peers->client);
    rpyc_connection_free(peers->server);
    rpyc_class_free(peers->service);
}

#endif
