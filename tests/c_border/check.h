/* Checks that are counted, for the programs of this folder. */
#ifndef CHECK_H
#define CHECK_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rpyc.h>

static int checks, failures;
/* _Thread_local where several threads fail at the same time. */
#ifndef ERROR_STORAGE
#define ERROR_STORAGE
#endif
static ERROR_STORAGE rpyc_error *error; /* of the last call that took &error */

static inline void check(int good, const char *text, int line)
{
    __atomic_add_fetch(&checks, 1, __ATOMIC_RELAXED);
    if (good)
        return;
    __atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
    fprintf(stderr, "line %d: not so: %s\n", line, text);
}

static inline void expect(rpyc_status got, rpyc_status want, const char *call, int line)
{
    char text[700];

    snprintf(text, sizeof text, "%s is %s (got %s: %s)", call, rpyc_status_name(want), rpyc_status_name(got),
             rpyc_error_message(error));
    check(got == want, text, line);
    /* What says an error, has one; what is well, has none. */
    check(error == NULL || rpyc_error_status(error) == got, "the error has the status that was returned", line);
    check(error != NULL || got == RPYC_OK || strstr(call, "&error") == NULL, "a failure has an error", line);
    rpyc_error_free(error);
    error = NULL;
}

#define CHECK(condition) check((condition) != 0, #condition, __LINE__)
/* For calls that take &error, or none at all. */
#define GIVES(want, call) expect((call), (want), #call, __LINE__)
#define OK(call) GIVES(RPYC_OK, call)

static inline int finish(void)
{
    printf("%d passed, %d failed\n", checks - failures, failures);
    return failures || !checks ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
