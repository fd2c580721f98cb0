/* A child may free what it inherited, whatever other threads of its parent were doing with it when it was made. */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <time.h>

#include "check.h"
#include "peers.h"

enum { OBJECTS = 20000, ROUNDS = 30, AT_MOST = 1000, MEANWHILE = 5 };

static rpyc_class *things;
static int many_wanted;
static int freeing; /* 0: not yet, 1: now, 2: done */

static void give(rpyc_call *call)
{
    static rpyc_value *items[OBJECTS];
    rpyc_value *tuple = NULL;

    for (int i = 0; i < many_wanted; i++) {
        rpyc_object *thing = NULL;

        rpyc_object_new(things, NULL, NULL, &thing, NULL);
        rpyc_value_new_object(thing, &items[i], NULL);
        rpyc_object_free(thing);
    }
    OK(rpyc_value_new_tuple(items, (size_t)many_wanted, &tuple, &error));
    OK(rpyc_call_return(call, tuple));
}

static void *free_many(void *many)
{
    __atomic_store_n(&freeing, 1, __ATOMIC_SEQ_CST);
    rpyc_value_free(many);
    __atomic_store_n(&freeing, 2, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(void)
{
    static const rpyc_class_table table = {.struct_size = sizeof table, .name = "Thing"};
    static const struct timespec moment = {.tv_nsec = 20000};
    struct peers peers = {0};
    rpyc_object *root = NULL;
    int meanwhile = 0;

    OK(rpyc_class_new(&table, NULL, NULL, &things, &error));
    peers_probe = give;
    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    /* Whether the thread is in the middle of it when the child is made is the scheduler's matter: until it was, often enough. */
    for (int i = 0; i < ROUNDS || (meanwhile < MEANWHILE && i < AT_MOST); i++) {
        rpyc_value *many = NULL, *kept = NULL;
        pthread_t thread;
        pid_t child;
        int status = -1;

        many_wanted = 1;
        OK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &kept, &error));
        many_wanted = OBJECTS;
        OK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &many, &error));
        freeing = 0;
        CHECK(pthread_create(&thread, NULL, free_many, many) == 0);
        while (!__atomic_load_n(&freeing, __ATOMIC_SEQ_CST))
            nanosleep(&moment, NULL); /* where there is one processor, it is the thread's until then */
        child = fork();
        if (child == 0) {
            alarm(20); /* kills it */
            rpyc_value_free(kept);
            rpyc_object_free(root);
            _exit(EXIT_SUCCESS);
        }
        meanwhile += __atomic_load_n(&freeing, __ATOMIC_SEQ_CST) == 1;
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
        CHECK(pthread_join(thread, NULL) == 0);
        rpyc_value_free(kept);
        OK(rpyc_connection_ping(peers.client, NULL, 0, 20000, &error));
    }
    CHECK(meanwhile >= MEANWHILE);
    rpyc_object_free(root);
    peers_close(&peers);
    rpyc_class_free(things);
    return finish();
}
