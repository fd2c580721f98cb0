/* release_then_call ADDRESS ROUNDS: what a release just before a call costs, beside the same calls without one.
 *
 * Against an interop server. Prints "plain N us", "release N us" (medians of a round) and "ratio N". */
#define _POSIX_C_SOURCE 200809L
#include <time.h>

#include "check.h"

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int ascending(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return (a > b) - (a < b);
}

static rpyc_value *call(rpyc_object *root, const char *name, rpyc_value *arg)
{
    rpyc_value *result = NULL, *args[] = {arg};

    OK(rpyc_object_call_method(root, name, args, 1, NULL, &result, &error));
    return result;
}

/* Two calls a round; with `release`, the object that the first one gave is freed between them. */
static double median_round(rpyc_object *root, int rounds, int release)
{
    double *times = calloc((size_t)rounds, sizeof *times), median;

    for (int i = 0; i < rounds; i++) {
        double start = now_us();
        rpyc_value *made;

        if (release) {
            rpyc_value *label = NULL;

            OK(rpyc_value_new_str("gone at once", RPYC_ZT, &label, &error));
            made = call(root, "make", label);
        } else {
            made = call(root, "echo", rpyc_value_new_int(i));
        }
        rpyc_value_free(made);
        rpyc_value_free(call(root, "echo", rpyc_value_new_int(i)));
        times[i] = now_us() - start;
    }
    qsort(times, (size_t)rounds, sizeof *times, ascending);
    median = times[rounds / 2];
    free(times);
    return median;
}

int main(int argc, char **argv)
{
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    int rounds = argc == 3 ? atoi(argv[2]) : 0;
    double plain, release;

    if (rounds < 1) {
        fprintf(stderr, "usage: %s ADDRESS ROUNDS\n", argv[0]);
        return EXIT_FAILURE;
    }
    OK(rpyc_connect(argv[1], NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    if (failures)
        return finish();
    median_round(root, rounds, 0); /* warm */
    plain = median_round(root, rounds, 0);
    release = median_round(root, rounds, 1);
    printf("plain %.0f us\nrelease %.0f us\nratio %.2f\n", plain, release, release / plain);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    return finish();
}
