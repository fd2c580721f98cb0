/* Copies of a peer's containers under default rules: alone, of a native peer; with an ADDRESS, of data_server.py there. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "peers.h"

static int requests, bursts;

static void logged(int level, const char *message, size_t length, void *userdata)
{
    char line[200];
    const char *at;

    (void)level;
    (void)userdata;
    snprintf(line, sizeof line, "%.*s", (int)length, message);
    at = strstr(line, "levels, ");
    if (strncmp(line, "obtain: ", 8) == 0 && at)
        sscanf(at, "levels, %d requests in %d bursts", &requests, &bursts);
}

static rpyc_value *list(rpyc_value *a, rpyc_value *b)
{
    rpyc_value *items[] = {a, b}, *made = NULL;

    OK(rpyc_value_new_list(items, 2, &made, &error));
    return made;
}

/* {1: [2, [3, {4: (5, [6, 7])}]]}, each container of its own. */
static void give_nested(rpyc_call *call)
{
    rpyc_value *four = rpyc_value_new_int(4), *one = rpyc_value_new_int(1), *pair[2], *tuple = NULL, *inner = NULL,
               *outer = NULL;

    pair[0] = rpyc_value_new_int(5);
    pair[1] = list(rpyc_value_new_int(6), rpyc_value_new_int(7));
    OK(rpyc_value_new_tuple(pair, 2, &tuple, &error));
    OK(rpyc_value_new_dict(&four, &tuple, 1, &inner, &error));
    inner = list(rpyc_value_new_int(2), list(rpyc_value_new_int(3), inner));
    OK(rpyc_value_new_dict(&one, &inner, 1, &outer, &error));
    OK(rpyc_call_return(call, outer));
}

/* A list of 2000 lists. */
static void give_wide(rpyc_call *call)
{
    static rpyc_value *items[2000];
    rpyc_value *made = NULL;

    for (int i = 0; i < 2000; i++)
        items[i] = list(rpyc_value_new_int(i), rpyc_value_new_none());
    OK(rpyc_value_new_list(items, 2000, &made, &error));
    OK(rpyc_call_return(call, made));
}

static rpyc_object *ask(rpyc_connection *connection, const char *method)
{
    rpyc_object *root = NULL, *object = NULL;
    rpyc_value *value = NULL;

    OK(rpyc_connection_root(connection, &root, &error));
    OK(rpyc_object_call_method(root, method, NULL, 0, NULL, &value, &error));
    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    rpyc_object_free(root);
    return object;
}

static void nested_is(rpyc_object *object, int most_bursts)
{
    const char *want = "{1: [2, [3, {4: (5, [6, 7])}]]}", *got = "";
    rpyc_value *value = NULL, *text;
    size_t length = 0;

    OK(rpyc_object_obtain(object, 0, 0, 0, &value, &error));
    text = rpyc_value_repr(value);
    OK(rpyc_value_get_str(text, &got, &length, &error));
    CHECK(length == strlen(want) && memcmp(got, want, length) == 0);
    CHECK(bursts <= most_bursts);
    rpyc_value_free(text);
    rpyc_value_free(value);
    GIVES(RPYC_ERR_LIMIT, rpyc_object_obtain(object, 4, 0, 0, &value, &error));
    GIVES(RPYC_ERR_LIMIT, rpyc_object_obtain(object, 0, 5, 0, &value, &error));
    rpyc_object_free(object);
}

static void wide_is(rpyc_object *object)
{
    rpyc_value *value = NULL;

    OK(rpyc_object_obtain(object, 0, 0, 0, &value, &error));
    CHECK(rpyc_value_count(value) == 2000 && bursts == 2 && requests == 2001);
    rpyc_value_free(value);
    rpyc_object_free(object);
}

/* The most memory that this process has had, in KiB. */
static long peak(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[200];
    long kib = -1;

    while (status && kib < 0 && fgets(line, sizeof line, status))
        sscanf(line, "VmHWM: %ld", &kib);
    if (status)
        fclose(status);
    return kib;
}

/* 400 lists of half a MiB each, of which 4 MiB are allowed: the rest is not kept, not even until its turn. */
static void heavy_is_refused(rpyc_connection *connection)
{
    rpyc_object *object = ask(connection, "heavy");
    rpyc_value *value = NULL;
    long before = peak();

    CHECK(before > 0);
    GIVES(RPYC_ERR_LIMIT, rpyc_object_obtain(object, 0, 0, 4 << 20, &value, &error));
    rpyc_object_free(object);
    /* The connection is none the worse; this comes after all the answers that were outstanding. */
    nested_is(ask(connection, "nested"), 7);
    CHECK(peak() - before < 64 << 10);
}

/* An iterator has no __contains__: it is followed to the item, and no further than the chunk of it. */
static void contains(rpyc_connection *connection)
{
    rpyc_object *numbers = ask(connection, "numbers");
    bool found = false;

    OK(rpyc_object_contains(numbers, rpyc_value_new_int(2), &found, &error));
    CHECK(found);
    OK(rpyc_object_contains(numbers, rpyc_value_new_float(700), &found, &error));
    CHECK(found);
    OK(rpyc_object_contains(numbers, rpyc_value_new_int(3), &found, &error));
    CHECK(!found);
    rpyc_object_free(numbers);
    numbers = ask(connection, "nested");
    OK(rpyc_object_contains(numbers, rpyc_value_new_int(1), &found, &error));
    CHECK(found);
    rpyc_object_free(numbers);
    /* A service can do neither. */
    OK(rpyc_connection_root(connection, &numbers, &error));
    GIVES(RPYC_ERR_REMOTE, rpyc_object_contains(numbers, rpyc_value_new_int(1), &found, &error));
    rpyc_object_free(numbers);
}

int main(int argc, char **argv)
{
    struct peers peers = {0};
    rpyc_connection *connection = NULL;

    OK(rpyc_set_log_callback(RPYC_LOG_DEBUG, logged, NULL, NULL, &error));
    if (argc == 2) {
        rpyc_value *value = NULL;
        rpyc_object *loop;

        OK(rpyc_connect(argv[1], NULL, NULL, &connection, &error));
        nested_is(ask(connection, "nested"), 7);
        wide_is(ask(connection, "wide"));
        loop = ask(connection, "loop");
        GIVES(RPYC_ERR_TYPE, rpyc_object_obtain(loop, 0, 0, 0, &value, &error));
        rpyc_object_free(loop);
        contains(connection);
        heavy_is_refused(connection);
        rpyc_connection_free(connection);
    } else {
        peers_open(&peers);
        peers_probe = give_nested;
        nested_is(ask(peers.client, "probe"), 7);
        peers_probe = give_wide;
        wide_is(ask(peers.client, "probe"));
        peers_close(&peers);
    }
    OK(rpyc_set_log_callback(0, NULL, NULL, NULL, &error));
    return finish();
}
