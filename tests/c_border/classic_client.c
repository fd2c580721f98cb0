/* The master's side of classic mode, against a stock rpyc_classic.py: classic_client ADDRESS FOLDER. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <inttypes.h>
#include <sys/stat.h>

static rpyc_classic *classic;
static const char *folder;

/* ------------------------------------------------------------------ little helpers */
static int is_text(rpyc_value *value, const char *want)
{
    const char *text = NULL;
    size_t length = 0;
    int same = rpyc_value_get_str(value, &text, &length, NULL) == RPYC_OK && length == strlen(want) &&
               memcmp(text, want, length) == 0;

    rpyc_value_free(value);
    return same;
}

static int is_int(rpyc_value *value, int64_t want)
{
    int64_t got = 0;
    int same = rpyc_value_get_int(value, &got, NULL) == RPYC_OK && got == want;

    rpyc_value_free(value);
    return same;
}

/* Is it, in Python's words, this? */
static int has_repr(rpyc_value *value, const char *want)
{
    rpyc_value *text = rpyc_value_repr(value);
    const char *got = "";
    size_t length = 0;
    int same;

    rpyc_value_get_str(text, &got, &length, NULL);
    same = length == strlen(want) && memcmp(got, want, length) == 0;
    if (!same)
        fprintf(stderr, "got %.*s, not %s\n", (int)length, got, want);
    rpyc_value_free(text);
    rpyc_value_free(value);
    return same;
}

static rpyc_value *eval(const char *expression)
{
    rpyc_value *value = NULL;

    OK(rpyc_classic_eval(classic, expression, RPYC_NUL_TERMINATED, &value, &error));
    return value;
}

static rpyc_object *eval_object(const char *expression)
{
    rpyc_value *value = eval(expression);
    rpyc_object *object = NULL;

    OK(rpyc_value_get_object(value, &object, &error));
    rpyc_value_free(value);
    return object;
}

static rpyc_value *text(const char *text)
{
    rpyc_value *value = NULL;

    OK(rpyc_value_new_str(text, RPYC_NUL_TERMINATED, &value, &error));
    return value;
}

static const char *path(const char *name)
{
    static char paths[4][512];
    static int turn;
    char *path = paths[turn++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, size_t size)
{
    FILE *file = fopen(path(name), "wb");

    CHECK(file != NULL);
    for (size_t i = 0; file && i < size; i++)
        fputc((int)(i * 7 % 251), file);
    if (file)
        fclose(file);
}

static int same_files(const char *left, const char *right)
{
    FILE *a = fopen(path(left), "rb"), *b = fopen(path(right), "rb");
    int same = a && b, c = 0;

    while (same && c != EOF) {
        c = fgetc(a);
        same = c == fgetc(b);
    }
    if (a)
        fclose(a);
    if (b)
        fclose(b);
    return same;
}

/* ------------------------------------------------------------------ what is checked */
static void modules(void)
{
    rpyc_object *sys = NULL, *again = NULL, *minidom = NULL, *builtins = NULL;
    rpyc_value *value = NULL, *args[2];

    OK(rpyc_classic_module(classic, "sys", &sys, &error));
    OK(rpyc_classic_module(classic, "sys", &again, &error));
    CHECK(rpyc_object_same(sys, again));
    OK(rpyc_object_get_attr(sys, "maxsize", &value, &error));
    CHECK(is_int(value, INT64_MAX));
    OK(rpyc_classic_module(classic, "xml.dom.minidom", &minidom, &error));
    args[0] = text("<a><b/></a>");
    OK(rpyc_object_call_method(minidom, "parseString", args, 1, NULL, &value, &error));
    rpyc_value_free(value);
    OK(rpyc_classic_builtins(classic, &builtins, &error));
    OK(rpyc_object_get_attr(builtins, "__name__", &value, &error));
    CHECK(is_text(value, "builtins"));
    args[0] = text("a");
    args[1] = text("b");
    OK(rpyc_classic_call(classic, "os.path", "join", args, 2, NULL, &value, &error));
    CHECK(is_text(value, "a/b"));
    args[0] = text("four");
    OK(rpyc_classic_call(classic, NULL, "len", args, 1, NULL, &value, &error));
    CHECK(is_int(value, 4));
    rpyc_object_free(sys);
    GIVES(RPYC_ERR_REMOTE, rpyc_classic_module(classic, "no.such.module", &sys, &error));
    CHECK(sys == NULL);
    rpyc_object_free(again);
    rpyc_object_free(minidom);
    rpyc_object_free(builtins);
}

static void evaluation(void)
{
    rpyc_object *namespace = NULL, *conn = NULL;
    rpyc_connection *connection = NULL;
    rpyc_classic *second = NULL;
    rpyc_value *value = NULL;
    rpyc_error *raised = NULL;
    int64_t length = 0;

    CHECK(is_int(eval("6 * 7"), 42));
    OK(rpyc_classic_execute(classic, "def twice(x):\n    return 2 * x\nready = True", RPYC_NUL_TERMINATED, &error));
    CHECK(is_int(eval("twice(21)"), 42));
    OK(rpyc_classic_set(classic, "answer", rpyc_value_new_int(5), &error));
    CHECK(is_int(eval("answer + 1"), 6));
    OK(rpyc_classic_get(classic, "answer", &value, &error));
    CHECK(is_int(value, 5));
    CHECK(rpyc_classic_get(classic, "nothing", &value, &raised) == RPYC_ERR_REMOTE &&
          rpyc_error_is(raised, "KeyError"));
    rpyc_error_free(raised);
    CHECK(rpyc_classic_eval(classic, "1 +", RPYC_NUL_TERMINATED, &value, &raised) == RPYC_ERR_REMOTE &&
          rpyc_error_is(raised, "SyntaxError"));
    rpyc_error_free(raised);
    OK(rpyc_classic_namespace(classic, &namespace, &error));
    OK(rpyc_object_length(namespace, &length, &error));
    CHECK(length >= 3 && strcmp(rpyc_object_type_name(namespace), "builtins.dict") == 0);
    OK(rpyc_classic_getconn(classic, &conn, &error));
    OK(rpyc_object_get_attr(conn, "closed", &value, &error));
    rpyc_value_free(value);
    OK(rpyc_classic_connection(classic, &connection, &error));
    OK(rpyc_classic_new(connection, &second, &error));
    OK(rpyc_classic_eval(second, "answer", RPYC_NUL_TERMINATED, &value, &error));
    CHECK(is_int(value, 5));
    rpyc_classic_free(second);
    rpyc_connection_free(connection);
    rpyc_object_free(conn);
    rpyc_object_free(namespace);
}

struct told {
    int calls, files, stop_after;
    uint64_t total;
};

static bool progress(const rpyc_transfer_progress *now, void *userdata)
{
    struct told *told = userdata;

    told->calls++;
    told->files += now->done == 0;
    told->total = now->total;
    CHECK(now->done <= now->size && *now->local && *now->remote);
    return told->stop_after == 0 || told->calls < told->stop_after;
}

static bool no_temporary_files(const char *name, void *userdata)
{
    (void)userdata;
    return strstr(name, ".tmp") == NULL;
}

static void transfer(void)
{
    struct told told = {0};
    rpyc_transfer_options options = {.struct_size = sizeof options,
                                     .filter = no_temporary_files,
                                     .progress = progress,
                                     .userdata = &told,
                                     .chunk_size = 10000};

    CHECK(mkdir(path("from"), 0700) == 0 && mkdir(path("from/deep"), 0700) == 0 &&
          mkdir(path("from/deep/er"), 0700) == 0);
    write_file("from/one", 123456);
    write_file("from/deep/two", 0);
    write_file("from/deep/er/three", 10000);
    write_file("from/four.tmp", 10);
    OK(rpyc_classic_upload(classic, path("from/one"), path("single"), NULL, &error));
    CHECK(same_files("from/one", "single"));
    OK(rpyc_classic_upload(classic, path("from"), path("there"), &options, &error));
    CHECK(same_files("from/one", "there/one") && same_files("from/deep/two", "there/deep/two"));
    CHECK(same_files("from/deep/er/three", "there/deep/er/three") && access(path("there/four.tmp"), F_OK) != 0);
    CHECK(told.files == 3 && told.total == 133456 && told.calls == 3 + 13 + 1);
    memset(&told, 0, sizeof told);
    OK(rpyc_classic_download(classic, path("there"), path("back"), &options, &error));
    CHECK(same_files("from/one", "back/one") && same_files("from/deep/two", "back/deep/two"));
    CHECK(same_files("from/deep/er/three", "back/deep/er/three"));
    CHECK(told.files == 3 && told.total == 133456);
    OK(rpyc_classic_download(classic, path("there/one"), path("single-back"), NULL, &error));
    CHECK(same_files("from/one", "single-back"));
    told.calls = 0;
    told.stop_after = 4;
    GIVES(RPYC_ERR_STATE, rpyc_classic_download(classic, path("there/one"), path("stopped"), &options, &error));
    CHECK(told.calls == 4);
    GIVES(RPYC_ERR_IO, rpyc_classic_upload(classic, path("nothing"), path("x"), NULL, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_classic_download(classic, path("nothing"), path("x"), NULL, &error));
    GIVES(RPYC_ERR_ARGUMENT, rpyc_classic_upload(classic, "/dev/null", path("x"), NULL, &error));
    options.struct_size = 3;
    GIVES(RPYC_ERR_ABI, rpyc_classic_upload(classic, path("from"), path("x"), &options, &error));
    /* A server that would have us write elsewhere. */
    OK(rpyc_classic_execute(classic, "import os\nreal = os.listdir\nos.listdir = lambda folder: ['../escaped']",
                            RPYC_NUL_TERMINATED, &error));
    GIVES(RPYC_ERR_UNSAFE, rpyc_classic_download(classic, path("there"), path("back"), NULL, &error));
    OK(rpyc_classic_execute(classic, "os.listdir = real", RPYC_NUL_TERMINATED, &error));
    CHECK(access(path("escaped"), F_OK) != 0);
}

struct streams {
    char out[200], err[200];
    const char *in;
    int freed;
};

static void to_out(const char *text, size_t length, void *userdata)
{
    struct streams *streams = userdata;

    strncat(streams->out, text, length);
}

static void to_err(const char *text, size_t length, void *userdata)
{
    struct streams *streams = userdata;

    strncat(streams->err, text, length);
}

static size_t from_in(char *buffer, size_t size, void *userdata)
{
    struct streams *streams = userdata;
    size_t length = strlen(streams->in);

    length = length > size ? size : length;
    memcpy(buffer, streams->in, length);
    streams->in += length;
    return length;
}

static void streams_free(void *userdata)
{
    ((struct streams *)userdata)->freed++;
}

/* The third stream cannot be set: all three get back what they had. */
static void stdio_redirected_half(void)
{
    /* The peer may hold what it was given longer than this function runs. */
    static struct streams streams = {.in = ""};
    rpyc_redirection *redirection = NULL;
    rpyc_classic *fresh = NULL;
    rpyc_connection *connection = NULL;

    OK(rpyc_classic_execute(classic,
                            "import sys\n"
                            "class Stubborn:\n"
                            "    def __init__(self):\n"
                            "        self.__dict__.update(stdin=1, stdout=2, stderr=3, log=[])\n"
                            "    def __setattr__(self, name, value):\n"
                            "        self.log.append(name)\n"
                            "        if len(self.log) == 3: raise ValueError('not ' + name)\n"
                            "        self.__dict__[name] = value\n"
                            "real, stubborn = sys, Stubborn()\n"
                            "sys.modules['sys'] = stubborn\n",
                            RPYC_NUL_TERMINATED, &error));
    OK(rpyc_classic_connection(classic, &connection, &error));
    OK(rpyc_classic_new(connection, &fresh, &error));
    GIVES(RPYC_ERR_REMOTE,
          rpyc_classic_redirect(fresh, from_in, to_out, to_err, &streams, streams_free, &redirection, &error));
    CHECK(redirection == NULL);
    OK(rpyc_classic_execute(classic, "real.modules['sys'] = sys = real", RPYC_NUL_TERMINATED, &error));
    CHECK(has_repr(eval("(stubborn.stdin, stubborn.stdout, stubborn.stderr, len(stubborn.log))"), "(1, 2, 3, 6)"));
    OK(rpyc_classic_execute(classic, "del stubborn", RPYC_NUL_TERMINATED, &error));
    rpyc_classic_free(fresh);
    rpyc_connection_free(connection);
}

static void stdio_redirected(void)
{
    struct streams streams = {.in = "Ada\nsecond line\nthird"};
    rpyc_redirection *redirection = NULL;
    FILE *in = fopen(path("in"), "w+"), *out = fopen(path("out"), "w+");
    char line[100] = "";
    rpyc_value *value = eval("repr(__import__('sys').stdout)");

    OK(rpyc_classic_set(classic, "before", value, &error));
    OK(rpyc_classic_redirect(classic, from_in, to_out, to_err, &streams, streams_free, &redirection, &error));
    OK(rpyc_classic_execute(
        classic,
        "import sys\nprint('hello', 1, flush=True)\nprint('oops', file=sys.stderr)\n"
        "name = input('name? ')\nrest = sys.stdin.readlines()\nsys.stdout.writelines(['a\\n', 'b\\n'])",
        RPYC_NUL_TERMINATED, &error));
    CHECK(strcmp(streams.out, "hello 1\nname? a\nb\n") == 0);
    CHECK(strcmp(streams.err, "oops\n") == 0);
    OK(rpyc_classic_get(classic, "name", &value, &error));
    CHECK(is_text(value, "Ada"));
    CHECK(is_text(eval("repr(list(rest))"), "['second line\\n', 'third']"));
    OK(rpyc_redirection_end(redirection, &error));
    OK(rpyc_redirection_end(redirection, &error));
    rpyc_redirection_free(redirection);
    CHECK(is_text(eval("str(repr(sys.stdout) == before)"), "True"));

    /* What rpyc.classic.interact does: the peer's prompt, and here the keyboard and the screen. */
    streams = (struct streams){.in = "answer = 6 * 7\nprint('is', answer)\n"};
    OK(rpyc_classic_redirect(classic, from_in, to_out, to_err, &streams, streams_free, &redirection, &error));
    OK(rpyc_classic_execute(classic, "import code\ncode.interact(banner='', exitmsg='', local=globals())",
                            RPYC_NUL_TERMINATED, &error));
    OK(rpyc_redirection_end(redirection, &error));
    rpyc_redirection_free(redirection);
    CHECK(strstr(streams.out, "is 42\n") != NULL);
    OK(rpyc_classic_get(classic, "answer", &value, &error));
    CHECK(has_repr(value, "42"));

    CHECK(in && out);
    fputs("line one\nline two\n", in);
    rewind(in);
    OK(rpyc_classic_redirect_files(classic, in, out, NULL, &redirection, &error));
    OK(rpyc_classic_execute(classic, "print(input().upper())\nprint(sys.stdin.readline(4))", RPYC_NUL_TERMINATED,
                            &error));
    OK(rpyc_redirection_end(redirection, &error));
    rpyc_redirection_free(redirection);
    rewind(out);
    CHECK(fgets(line, sizeof line, out) && strcmp(line, "LINE ONE\n") == 0);
    CHECK(fgets(line, sizeof line, out) && strcmp(line, "line\n") == 0);
    fclose(in);
    fclose(out);
    CHECK(is_text(eval("str(repr(sys.stdout) == before)"), "True"));
}

/* ------------------------------------------------------------------ copies */
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

static rpyc_value *obtained(const char *expression)
{
    rpyc_object *object = eval_object(expression);
    rpyc_value *value = NULL;

    requests = bursts = 0;
    OK(rpyc_object_obtain(object, 0, 0, 0, &value, &error));
    rpyc_object_free(object);
    return value;
}

static rpyc_value *unpickled(const char *expression)
{
    rpyc_object *object = eval_object(expression);
    rpyc_value *value = NULL;

    OK(rpyc_classic_obtain(classic, object, 0, 0, 0, &value, &error));
    rpyc_object_free(object);
    return value;
}

static void copies(void)
{
    const char *nested = "{'a': [1, (2, [3.5, None]), b'x'], 'b': {1: {'c': frozenset([4])}}, 'd': {7}}";
    const char *plain = "{'a': [1, (2, [3.5, None]), b'x'], 'b': {1: {'c': frozenset({4})}}, 'd': frozenset({7})}";
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;
    int first;

    OK(rpyc_set_log_callback(RPYC_LOG_DEBUG, logged, NULL, NULL, &error));
    CHECK(has_repr(obtained(nested), plain));
    CHECK(has_repr(unpickled(nested), plain));
    CHECK(has_repr(obtained("__import__('collections').OrderedDict(a=[])"), "{'a': []}"));
    CHECK(has_repr(obtained("range(3)"), "[0, 1, 2]"));
    CHECK(has_repr(unpickled("[1 - 2j, ..., bytearray(b'x'), range(9, 1, -3), slice(1, None, 2), {2}]"),
                   "[(1-2j), Ellipsis, b'x', [9, 6, 3], slice(1, None, 2), frozenset({2})]"));
    /* The number of bursts is that of the levels, whatever lies on them. */
    rpyc_value_free(obtained("[[n] for n in range(3)]"));
    first = bursts;
    CHECK(first == 2 && requests == 1 + 3);
    rpyc_value_free(obtained("[[n] for n in range(3000)]"));
    CHECK(bursts == first && requests == 1 + 3000);
    rpyc_value_free(obtained("{n: {n: n} for n in range(3)}"));
    first = bursts;
    CHECK(first == 4);
    rpyc_value_free(obtained("{n: {n: n} for n in range(1000)}"));
    CHECK(bursts == first);

    object = eval_object("[[[1]]]");
    GIVES(RPYC_ERR_LIMIT, rpyc_object_obtain(object, 2, 0, 0, &value, &error));
    GIVES(RPYC_ERR_LIMIT, rpyc_classic_obtain(classic, object, 2, 0, 0, &value, &error));
    OK(rpyc_object_obtain(object, 3, 0, 0, &value, &error));
    rpyc_value_free(value);
    rpyc_object_free(object);
    object = eval_object("['x' * 100] * 100");
    GIVES(RPYC_ERR_LIMIT, rpyc_object_obtain(object, 0, 99, 0, &value, &error));
    GIVES(RPYC_ERR_LIMIT, rpyc_object_obtain(object, 0, 0, 9999, &value, &error));
    OK(rpyc_object_obtain(object, 1, 100, 10000, &value, &error));
    rpyc_value_free(value);
    rpyc_object_free(object);
    OK(rpyc_classic_execute(classic,
                            "loop = [1]\nloop.append((loop,))\nshared = [2]\ntwice_the_same = [shared, shared]",
                            RPYC_NUL_TERMINATED, &error));
    object = eval_object("loop");
    GIVES(RPYC_ERR_TYPE, rpyc_object_obtain(object, 0, 0, 0, &value, &error));
    CHECK(rpyc_classic_obtain(classic, object, 0, 0, 0, &value, NULL) != RPYC_OK);
    rpyc_object_free(object);
    CHECK(has_repr(obtained("twice_the_same"), "[[2], [2]]"));
    CHECK(requests == 2);
    object = eval_object("[print]");
    GIVES(RPYC_ERR_TYPE, rpyc_object_obtain(object, 0, 0, 0, &value, &error));
    GIVES(RPYC_ERR_UNSAFE, rpyc_classic_obtain(classic, object, 0, 0, 0, &value, &error));
    rpyc_object_free(object);
    OK(rpyc_set_log_callback(0, NULL, NULL, NULL, &error));
}

/* Whatever is plain data becomes a real one there, and comes back the same. */
static void deliver_all(void)
{
    static const char times[] =
        "[datetime.date(2026, 11, 30), datetime.time(1, 2, 3, 4, fold=1), "
        "datetime.datetime(2024, 2, 29, 17, 30, tzinfo=datetime.timezone(datetime.timedelta(seconds=19800))), "
        "datetime.timedelta(days=-1, seconds=86399, microseconds=999999), datetime.timezone.utc, (1-2j), Ellipsis, slice(1, None, 2)]";
    const rpyc_datetime at = {2024, 2, 29, 17, 30, 0, 0, 0, true, 19800000000},
                        clock = {0, 0, 0, 1, 2, 3, 4, 1, false, 0};
    rpyc_value *items[8] = {NULL}, *list = NULL, *there = NULL;
    rpyc_object *object = NULL;

    OK(rpyc_value_new_date(2026, 11, 30, &items[0], &error));
    OK(rpyc_value_new_time(&clock, &items[1], &error));
    OK(rpyc_value_new_datetime(&at, &items[2], &error));
    OK(rpyc_value_new_timedelta(0, 0, -1, &items[3], &error));
    OK(rpyc_value_new_timezone(0, &items[4], &error));
    items[5] = rpyc_value_new_complex(1, -2);
    items[6] = rpyc_value_new_ellipsis();
    OK(rpyc_value_new_slice(rpyc_value_new_int(1), NULL, rpyc_value_new_int(2), &items[7], &error));
    OK(rpyc_value_new_list(items, 8, &list, &error));
    OK(rpyc_classic_deliver(classic, list, &there, &error));
    OK(rpyc_classic_set(classic, "delivered", there, &error));
    OK(rpyc_classic_execute(classic, "import datetime", RPYC_NUL_TERMINATED, &error));
    CHECK(is_text(eval("repr(delivered)"), times));
    CHECK(has_repr(unpickled("delivered"), times));
    CHECK(
        has_repr(obtained("delivered[:5]"),
                 "[datetime.date(2026, 11, 30), datetime.time(1, 2, 3, 4, fold=1), "
                 "datetime.datetime(2024, 2, 29, 17, 30, tzinfo=datetime.timezone(datetime.timedelta(seconds=19800))), "
                 "datetime.timedelta(days=-1, seconds=86399, microseconds=999999), datetime.timezone.utc]"));
    /* The pickle of a zone of the database has no offset. */
    OK(rpyc_classic_execute(classic, "import zoneinfo", RPYC_NUL_TERMINATED, &error));
    object = eval_object("[datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))]");
    GIVES(RPYC_ERR_UNSAFE, rpyc_classic_obtain(classic, object, 0, 0, 0, &there, &error));
    rpyc_object_free(object);
    CHECK(
        has_repr(obtained("[datetime.datetime(2026, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin'))]"),
                 "[datetime.datetime(2026, 7, 1, 0, 0, tzinfo=datetime.timezone(datetime.timedelta(seconds=7200)))]"));
    /* A bytearray and a range are made by their names. */
    OK(rpyc_value_new_bytes((const uint8_t *)"ab", 2, &items[0], &error));
    OK(rpyc_classic_call(classic, NULL, "bytearray", items, 1, NULL, &there, &error));
    OK(rpyc_classic_set(classic, "delivered", there, &error));
    items[0] = rpyc_value_new_int(1);
    items[1] = rpyc_value_new_int(9);
    items[2] = rpyc_value_new_int(3);
    OK(rpyc_classic_call(classic, NULL, "range", items, 3, NULL, &there, &error));
    OK(rpyc_classic_set(classic, "counted", there, &error));
    CHECK(is_text(eval("repr((delivered, counted))"), "(bytearray(b'ab'), range(1, 9, 3))"));
}

/* Objects of the peer in what is delivered are parts of it then, and no others are taken. */
static void deliver_around(void)
{
    rpyc_value *bytes = NULL, *items[3], *keys[2], *values[2], *list = NULL, *dict = NULL, *there = NULL;
    rpyc_object *own = NULL;
    int i;

    OK(rpyc_value_new_bytes((const uint8_t *)"ab", 2, &bytes, &error));
    OK(rpyc_classic_call(classic, NULL, "bytearray", &bytes, 1, NULL, &items[0], &error));
    OK(rpyc_classic_set(classic, "buffer", rpyc_value_clone(items[0]), &error));
    keys[0] = rpyc_value_clone(items[0]);
    items[1] = text("x");
    OK(rpyc_value_new_list(NULL, 0, &items[2], &error));
    OK(rpyc_value_new_list(items, 3, &list, &error));
    values[0] = list;
    OK(rpyc_value_new_tuple(&keys[0], 1, &values[1], &error));
    keys[0] = text("k");
    keys[1] = rpyc_value_new_int(2);
    OK(rpyc_value_new_dict(keys, values, 2, &dict, &error));
    OK(rpyc_classic_deliver(classic, dict, &there, &error));
    OK(rpyc_classic_set(classic, "delivered", there, &error));
    CHECK(is_text(eval("repr(delivered)"), "{'k': [bytearray(b'ab'), 'x', []], 2: (bytearray(b'ab'),)}"));
    CHECK(is_text(eval("str((type(delivered) is dict, type(delivered['k']) is list, type(delivered['k'][2]) is list, "
                       "delivered['k'][0] is buffer, delivered[2][0] is buffer))"),
                  "(True, True, True, True, True)"));
    OK(rpyc_list_new(NULL, 0, &own, &error));
    OK(rpyc_value_new_object(own, &items[0], &error));
    rpyc_object_free(own);
    OK(rpyc_value_new_list(items, 1, &list, &error));
    GIVES(RPYC_ERR_TYPE, rpyc_classic_deliver(classic, list, &there, &error));
    /* Not deeper than it says. */
    list = eval("[]");
    for (i = 0; i < 150; i++) {
        items[0] = list;
        OK(rpyc_value_new_list(items, 1, &list, &error));
    }
    GIVES(RPYC_ERR_LIMIT, rpyc_classic_deliver(classic, list, &there, &error));
}

static void deliveries(void)
{
    rpyc_value *items[2] = {rpyc_value_new_int(1), rpyc_value_new_none()};
    rpyc_value *list = NULL, *dict = NULL, *key = text("k"), *there = NULL;

    OK(rpyc_value_new_list(items, 2, &list, &error));
    OK(rpyc_value_new_dict(&key, &list, 1, &dict, &error));
    OK(rpyc_classic_deliver(classic, dict, &there, &error));
    OK(rpyc_classic_set(classic, "delivered", there, &error));
    CHECK(is_text(eval("repr(delivered) + str(type(delivered) is dict and type(delivered['k']) is list)"),
                  "{'k': [1, None]}True"));
    OK(rpyc_classic_deliver(classic, rpyc_value_new_int(7), &there, &error));
    CHECK(is_int(there, 7));
    deliver_all();
    deliver_around();
}

/* What the server may do with a dict of ours, by the settings of the connection. */
static void dict_at_server(const char *want)
{
    rpyc_value *items[2] = {rpyc_value_new_int(1), rpyc_value_new_int(2)};
    rpyc_value *list = NULL, *dict = NULL, *key = text("k");

    OK(rpyc_value_new_list(items, 2, &list, &error));
    OK(rpyc_value_new_dict(&key, &list, 1, &dict, &error));
    OK(rpyc_classic_set(classic, "given", dict, &error));
    OK(rpyc_classic_execute(classic,
                            "import importlib.util, rpyc.utils.classic\n"
                            "def tried(f):\n"
                            "    try:\n"
                            "        return f()\n"
                            "    except Exception as e:\n"
                            "        return str(e).splitlines()[0]\n",
                            RPYC_NUL_TERMINATED, &error));
    CHECK(is_text(eval("tried(lambda: str(list(given.keys())))"), want ? want : "['k']"));
    CHECK(is_text(eval("tried(lambda: str(rpyc.utils.classic.obtain(given)))"),
                  want ? "pickling is disabled" : "{'k': [1, 2]}"));
    if (!want && is_text(eval("str(importlib.util.find_spec('pandas') is not None)"), "True")) {
        CHECK(is_text(eval("str(__import__('pandas').DataFrame(given).to_dict())"), "{'k': {0: 1, 1: 2}}"));
        printf("with pandas\n");
    }
}

/* The settings are those of rpyc.classic.connect(), but for what is set by name. */
static void settings(const char *address)
{
    rpyc_classic *before = classic;
    rpyc_config *config = rpyc_config_new();

    dict_at_server(NULL);
    OK(rpyc_config_set_int(config, "sync_request_timeout", 20, &error));
    OK(rpyc_classic_connect(address, NULL, config, &classic, &error));
    dict_at_server(NULL);
    rpyc_classic_free(classic);
    OK(rpyc_config_set_bool(config, "allow_all_attrs", 0, &error));
    OK(rpyc_config_set(config, "allow_pickle", "false", &error));
    OK(rpyc_classic_connect(address, NULL, config, &classic, &error));
    dict_at_server("cannot access 'keys'");
    rpyc_classic_free(classic);
    rpyc_config_free(config);
    classic = before;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return EXIT_FAILURE;
    folder = argv[2];
    GIVES(RPYC_ERR_ADDRESS, rpyc_classic_connect("nonsense:", NULL, NULL, &classic, &error));
    OK(rpyc_classic_connect(argv[1], NULL, NULL, &classic, &error));
    if (!classic)
        return finish();
    modules();
    evaluation();
    transfer();
    stdio_redirected();
    stdio_redirected_half();
    copies();
    deliveries();
    settings(argv[1]);
    rpyc_classic_free(classic);
    return finish();
}
