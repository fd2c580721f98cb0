/* A child may pass on what it inherited from a peer of its parent, over a connection of its own, whatever other threads of its parent
   were doing when it was made. */
#define _POSIX_C_SOURCE 200809L
#include <sys/wait.h>
#include <time.h>

#include "check.h"
#include "peers.h"

enum { OBJECTS = 2000, ROUNDS = 150 };

/* One for each object: so that it takes longer to look them up. */
static rpyc_class *things[OBJECTS];
static rpyc_value *passed_on, *inherited;
static struct peers owner, other;
static rpyc_object *other_root;
static int passing = 1;

/* probe(n): a tuple of so many objects */
static void give(rpyc_call *call)
{
    static rpyc_value *items[OBJECTS];
    rpyc_value *tuple = NULL;
    int64_t count = 0;

    OK(rpyc_call_get_int(call, 0, &count));
    for (int64_t i = 0; i < count; i++) {
        rpyc_object *thing = NULL;

        rpyc_object_new(things[i], NULL, NULL, &thing, NULL);
        rpyc_value_new_object(thing, &items[i], NULL);
        rpyc_object_free(thing);
    }
    OK(rpyc_value_new_tuple(items, (size_t)count, &tuple, &error));
    OK(rpyc_call_return(call, tuple));
}

static rpyc_value *given(rpyc_object *root, int64_t count)
{
    rpyc_value *arg = rpyc_value_new_int(count), *result = NULL;

    OK(rpyc_object_call_method(root, "probe", &arg, 1, NULL, &result, &error));
    return result;
}

static rpyc_status echo(rpyc_object *root, const rpyc_value *value)
{
    rpyc_value *arg = rpyc_value_clone(value), *result = NULL;
    rpyc_status status = rpyc_object_call_method(root, "echo", &arg, 1, NULL, &result, NULL);

    rpyc_value_free(result);
    return status;
}

/* Each of them is made ready for the other peer, and forgotten when they turn out to be too many, again and again. */
static void *pass_on(void *unused)
{
    while (__atomic_load_n(&passing, __ATOMIC_SEQ_CST))
        check(echo(other_root, passed_on) == RPYC_ERR_LIMIT, "there are too many", __LINE__);
    return unused;
}

static void in_child(void)
{
    struct peers own = {0};
    rpyc_object *root = NULL;
    int good;

    alarm(20); /* kills it */
    peers_open(&own);
    good = rpyc_connection_root(own.client, &root, NULL) == RPYC_OK && echo(root, inherited) == RPYC_OK;
    rpyc_object_free(root);
    peers_close(&own);
    rpyc_value_free(inherited);
    _exit(good ? EXIT_SUCCESS : EXIT_FAILURE);
}

int main(void)
{
    static const rpyc_class_table table = {.struct_size = sizeof table, .name = "Thing"};
    rpyc_object *root = NULL;
    pthread_t thread;

    for (int i = 0; i < OBJECTS; i++)
        OK(rpyc_class_new(&table, NULL, NULL, &things[i], &error));
    peers_probe = give;
    peers_open(&owner);
    peers_open(&other);
    OK(rpyc_connection_root(owner.client, &root, &error));
    OK(rpyc_connection_root(other.client, &other_root, &error));
    OK(rpyc_connection_set_option(other.client, "max_exports", "1990", &error));
    passed_on = given(root, OBJECTS);
    inherited = given(root, 5);
    CHECK(pthread_create(&thread, NULL, pass_on, NULL) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        const struct timespec moment = {.tv_nsec = 100000 + i * 37000};
        int status = -1;
        pid_t child;

        nanosleep(&moment, NULL);
        child = fork();
        if (child == 0)
            in_child();
        CHECK(child > 0 && waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS);
    }
    __atomic_store_n(&passing, 0, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(thread, NULL) == 0);
    rpyc_value_free(passed_on);
    rpyc_value_free(inherited);
    rpyc_object_free(root);
    rpyc_object_free(other_root);
    peers_close(&owner);
    peers_close(&other);
    for (int i = 0; i < OBJECTS; i++)
        rpyc_class_free(things[i]);
    return finish();
}
