/* release_then_call ADDRESS ROUNDS: what a release just before a call costs, and an answer in several pieces, beside plain
 * calls.
 *
 * Against an interop server. Prints "plain N us", "release N us", "long N us" (medians of a round), "ratio N" and
 * "long ratio N". */
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

/* An answer that stock servers send in two pieces, and the second only when the first has been acknowledged. */
enum { LONG = 70000 };

static double median_long_round(rpyc_object *root, int rounds)
{
    double *times = calloc((size_t)rounds, sizeof *times), median;
    unsigned char *noise = malloc(LONG);
    uint32_t state = 1;

    for (int i = 0; i < LONG; i++) {
        state = state * 1664525u + 1013904223u;
        noise[i] = (unsigned char)(state >> 24);
    }
    for (int i = 0; i < rounds; i++) {
        double start = now_us();
        rpyc_value *bytes = NULL, *back;
        const uint8_t *data = NULL;
        size_t length = 0;

        OK(rpyc_value_new_bytes(noise, LONG, &bytes, &error));
        back = call(root, "echo", bytes);
        OK(rpyc_value_get_bytes(back, &data, &length, &error));
        CHECK(length == LONG && memcmp(data, noise, LONG) == 0);
        rpyc_value_free(back);
        times[i] = now_us() - start;
    }
    qsort(times, (size_t)rounds, sizeof *times, ascending);
    median = times[rounds / 2];
    free(noise);
    free(times);
    return median;
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

            OK(rpyc_value_new_str("gone at once", RPYC_NUL_TERMINATED, &label, &error));
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
    double plain, release, whole;

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
    whole = median_long_round(root, rounds / 10 + 1);
    printf("plain %.0f us\nrelease %.0f us\nlong %.0f us\n", plain, release, whole);
    printf("ratio %.2f\nlong ratio %.2f\n", release / plain, whole / plain);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    return finish();
}
