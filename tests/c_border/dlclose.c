/* The library is loaded, used by a thread and closed; that thread's end, a fork and a second loading do no harm. */
#define _POSIX_C_SOURCE 200809L
#include <dlfcn.h>
#include <sys/wait.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rpyc.h>

static pthread_barrier_t used, closed;

/* Uses what the library keeps for a thread and for the process, through whatever handle there is. */
static int use(void *library)
{
    rpyc_value *(*value_new_int)(int64_t) = NULL, *(*value_repr)(const rpyc_value *) = NULL;
    void (*value_free)(rpyc_value *) = NULL, (*error_free)(rpyc_error *) = NULL;
    rpyc_status (*connect)(const char *, const rpyc_class *, const rpyc_config *, rpyc_connection **, rpyc_error **) =
        NULL;
    rpyc_value *value, *text;
    rpyc_connection *connection = NULL;
    rpyc_error *error = NULL;
    rpyc_status status;

    *(void **)&value_new_int = dlsym(library, "rpyc_value_new_int");
    *(void **)&value_repr = dlsym(library, "rpyc_value_repr");
    *(void **)&value_free = dlsym(library, "rpyc_value_free");
    *(void **)&error_free = dlsym(library, "rpyc_error_free");
    *(void **)&connect = dlsym(library, "rpyc_connect");
    if (!value_new_int || !value_repr || !value_free || !error_free || !connect)
        return 0;
    value = value_new_int(1);
    text = value_repr(value);
    status = connect("unix:///nonexistent/librpyc", NULL, NULL, &connection, &error);
    error_free(error);
    value_free(text);
    value_free(value);
    return text != NULL && status == RPYC_ERR_ADDRESS && connection == NULL;
}

static void *thread(void *library)
{
    static int good;

    good = use(library);
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&closed);
    return &good;
}

int main(void)
{
    int failed = 0, status = -1;

    pthread_barrier_init(&used, NULL, 2);
    pthread_barrier_init(&closed, NULL, 2);
    for (int round = 0; round < 3; round++) {
        void *library = dlopen(LIBRPYC, RTLD_NOW | RTLD_LOCAL), *good = NULL;
        pthread_t user;
        pid_t child;

        if (!library || pthread_create(&user, NULL, thread, library)) {
            fprintf(stderr, "cannot load %s: %s\n", LIBRPYC, dlerror());
            return EXIT_FAILURE;
        }
        pthread_barrier_wait(&used);
        failed |= dlclose(library) != 0;
        pthread_barrier_wait(&closed);
        pthread_join(user, &good); /* its destructors of thread-local data have run */
        failed |= !*(int *)good;
        child = fork(); /* and the handler of a fork */
        if (child == 0)
            _exit(EXIT_SUCCESS);
        failed |= waitpid(child, &status, 0) != child || status != 0;
    }
    printf("%d passed, %d failed\n", !failed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
