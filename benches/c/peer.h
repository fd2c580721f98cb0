/* What the programs over the library share: addresses, settings, errors. */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "bench.h"

#include <rpyc.h>

/* The exit code of a program whose settings the library does not know. */
#define BENCH_UNSUPPORTED 3

/* Ends with the error, or with what the caller says if there is none. */
static inline void bench_fail(rpyc_error *error, const char *what)
{
    bench_die(error ? rpyc_error_message(error) : what);
}

/* The library's notation of ADDR. */
static inline void bench_address(char *address, size_t size, const char *addr)
{
    int port;

    if (bench_is_tcp(addr, &port))
        snprintf(address, size, "tcp://127.0.0.1:%d", port);
    else
        snprintf(address, size, "%s://%s", bench_is_shared(addr) ? "shm" : "unix", bench_path(addr));
}

/* The settings, of which the environment names two: BENCH_COMPRESS (compress) and BENCH_SPIN (spin_us). */
static inline rpyc_config *bench_config(void)
{
    const char *compress = getenv("BENCH_COMPRESS"), *spin = getenv("BENCH_SPIN");
    rpyc_config *config = rpyc_config_new();
    rpyc_error *error = NULL;

    if (compress && rpyc_config_set(config, "compress", compress, &error))
        bench_fail(error, "BENCH_COMPRESS");
    if (spin && rpyc_config_set(config, "spin_us", spin, &error)) {
        fprintf(stderr, "bench: %s\n", rpyc_error_message(error));
        exit(BENCH_UNSUPPORTED);
    }
    return config;
}

#endif
