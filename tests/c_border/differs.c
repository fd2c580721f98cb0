/* What docs/guide/python.md says of differences from RPyC in Python that no other test looks at. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "peers.h"

/* Objects do not keep a connection open: the last handle of the connection ends it. */
static void lifetime(void)
{
    struct peers peers = {0};
    rpyc_connection *clone = NULL;
    rpyc_object *root = NULL;
    rpyc_value *answer = NULL;

    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    clone = rpyc_connection_clone(peers.client);
    rpyc_connection_free(peers.client);
    OK(rpyc_object_call_method(root, "probe", NULL, 0, NULL, &answer, &error)); /* one handle is left */
    rpyc_value_free(answer);
    answer = NULL;
    rpyc_connection_free(clone);
    GIVES(RPYC_ERR_STALE, rpyc_object_call_method(root, "probe", NULL, 0, NULL, &answer, &error));
    pthread_join(peers.thread, NULL); /* the other side has seen the end */
    CHECK(rpyc_connection_closed(peers.server));
    rpyc_object_free(root);
    rpyc_connection_free(peers.server);
    rpyc_class_free(peers.service);
}

/* Whether an object can be called, the answer tells, not a check on this side as in rpyc.async_(). */
static void asynchronous(struct peers *peers, rpyc_object *root)
{
    rpyc_async_result *result = NULL;
    rpyc_value *answer = NULL;
    rpyc_error *raised = NULL;

    (void)peers;
    OK(rpyc_object_call_async(root, NULL, 0, NULL, -1, &result, &error));
    CHECK(rpyc_async_result_value(result, &answer, &raised) == RPYC_ERR_REMOTE);
    CHECK(raised && strcmp(rpyc_error_type_name(raised), "TypeError") == 0);
    rpyc_error_free(raised);
    rpyc_async_result_free(result);
}

static int asked;

static void no_attribute(rpyc_call *call, void *self)
{
    (void)self;
    asked++;
    rpyc_call_raise(call, "AttributeError", "none");
}

/* An attribute that is not there is asked for once. Python asks again. */
static void missing(void)
{
    static const rpyc_class_table table = {.struct_size = sizeof(rpyc_class_table),
                                           .method_size = sizeof(rpyc_method),
                                           .name = "None",
                                           .get_attr = no_attribute};
    struct peers peers = {0};
    rpyc_class *klass = NULL;
    rpyc_object *thing = NULL;
    rpyc_object *root = NULL;
    rpyc_value *got = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &klass, &error));
    OK(rpyc_object_new(klass, NULL, NULL, &thing, &error));
    peers_open(&peers);
    OK(rpyc_connection_set_root(peers.server, thing, &error));
    OK(rpyc_connection_root(peers.client, &root, &error));
    GIVES(RPYC_ERR_REMOTE, rpyc_object_get_attr(root, "nothing", &got, &error));
    CHECK(asked == 1);
    rpyc_object_free(root);
    rpyc_object_free(thing);
    peers_close(&peers);
    rpyc_class_free(klass);
}

/* RPYC_BIND_THREADS is for Python's RPyC alone. */
static void environment(void)
{
    rpyc_config *config;
    rpyc_value *text = NULL;
    const char *start = NULL;
    size_t length = 0;

    setenv("RPYC_BIND_THREADS", "true", 1);
    config = rpyc_config_new();
    OK(rpyc_config_get(config, "bind_threads", &text, &error));
    OK(rpyc_value_get_str(text, &start, &length, &error));
    CHECK(length == 5 && memcmp(start, "false", 5) == 0);
    rpyc_value_free(text);
    rpyc_config_free(config);
    unsetenv("RPYC_BIND_THREADS");
}

/* Of a restricted view, what can be read cannot be written unless it is named again. */
static void views(rpyc_object *root)
{
    static const char *const names[] = {"echo"};
    rpyc_object *view = NULL;
    rpyc_value *got = NULL;

    OK(rpyc_object_restricted(root, names, 1, NULL, 0, &view, &error));
    OK(rpyc_object_get_attr(view, "echo", &got, &error));
    GIVES(RPYC_ERR_DENIED, rpyc_object_set_attr(view, "echo", rpyc_value_new_int(1), &error));
    rpyc_value_free(got);
    rpyc_object_free(view);
}

int main(void)
{
    struct peers peers = {0};
    rpyc_object *root = NULL;

    environment();
    missing();
    lifetime();
    peers_open(&peers);
    OK(rpyc_connection_root(peers.client, &root, &error));
    asynchronous(&peers, root);
    views(root);
    rpyc_object_free(root);
    peers_close(&peers);
    return finish();
}
