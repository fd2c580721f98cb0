/* bridges_bare RULES OWNER [ADDRESS [OPTION=VALUE...]]: bridges.c on sessions, which the program drives itself, for up to 15
 * clients. What is asked of an object that was passed on comes as an event, and is asked over the session of its owner.
 * ADDRESS: tcp://127.0.0.1:0 or unix:// and a path. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"

enum { OWNER, ENDS = 16 };
enum { ROOT = 1, ASK, FIRST_TOKEN = 100 };

/* One whose peer has gone has no fd any more; its session says so to whoever asks, until another takes the place. */
static struct {
    int fd;
    bool ended; /* the stream is to be closed: its peer waits for that */
    rpyc_session *session;
} ends[ENDS];
static rpyc_object *owner; /* its root */
static rpyc_call *waiting[1000];

/* ---------------------------------------------------------------- asking */

/* Has the answer to a request be that of a call. */
static void ask(rpyc_session *session, int32_t handler, const rpyc_object *object, const char *name, size_t length,
                rpyc_call *call)
{
    size_t slot = 0, count = rpyc_call_arg_count(call), named = rpyc_call_keyword_count(call);
    rpyc_value **args = calloc(count + 1, sizeof *args), **keys = calloc(named + 1, sizeof *keys),
               **values = calloc(named + 1, sizeof *values);
    rpyc_value *keywords = NULL;
    rpyc_error *failure = NULL;

    while (waiting[slot] != NULL)
        slot++;
    for (size_t i = 0; i < count; i++)
        args[i] = rpyc_value_clone(rpyc_call_arg(call, i));
    for (size_t i = 0; i < named; i++) {
        const char *key = NULL;
        size_t key_length = 0;
        const rpyc_value *value = NULL;

        OK(rpyc_call_keyword(call, i, &key, &key_length, &value));
        OK(rpyc_value_new_str(key, key_length, &keys[i], &error));
        values[i] = rpyc_value_clone(value);
    }
    if (named > 0)
        OK(rpyc_value_new_dict(keys, values, named, &keywords, &error));
    if (rpyc_session_ask(session, FIRST_TOKEN + slot, handler, object, name, length, args, count, keywords, -1, NULL,
                         &failure)) {
        OK(rpyc_call_raise_error(call, failure));
        rpyc_call_free(call);
    } else {
        waiting[slot] = call;
    }
    free(args);
    free(keys);
    free(values);
}

/* ---------------------------------------------------------------- events */

static void request(rpyc_session_event *event)
{
    rpyc_session *session = ends[OWNER].session;
    const char *name = "ask";
    size_t length = RPYC_NUL_TERMINATED;

    if (event->asks == RPYC_ASK_FORWARD) { /* of an owner that may have gone */
        session = ends[rpyc_object_session_id(event->object) - 1].session;
        name = event->name;
        length = event->name_length;
        CHECK(rpyc_session_owns(session, event->object));
    } else {
        CHECK(event->member == ASK && event->object == NULL && event->handler == 0);
    }
    ask(session, event->handler ? event->handler : RPYC_HANDLE_CALLATTR, event->object ? event->object : owner, name,
        length, event->call);
    rpyc_object_free(event->object);
}

static void reply(rpyc_session_event *event)
{
    rpyc_call *call;

    if (event->token < FIRST_TOKEN) {
        OK(rpyc_value_get_object(event->value, &owner, &error));
        rpyc_value_free(event->value);
        return;
    }
    call = waiting[event->token - FIRST_TOKEN];
    waiting[event->token - FIRST_TOKEN] = NULL;
    if (event->error != NULL)
        rpyc_call_raise_error(call, event->error);
    else
        rpyc_call_return(call, event->value);
    rpyc_call_free(call);
}

/* Handles what has arrived. */
static void events(int end)
{
    rpyc_session_event event = {.struct_size = sizeof event};

    while (ends[end].session != NULL && rpyc_session_next_event(ends[end].session, &event, NULL) == RPYC_OK &&
           event.kind != RPYC_EVENT_NONE) {
        if (event.kind == RPYC_EVENT_REQUEST)
            request(&event);
        else if (event.kind == RPYC_EVENT_REPLY)
            reply(&event);
        else if (event.kind == RPYC_EVENT_SEND)
            return;
        else
            rpyc_error_free(event.error);
        ends[end].ended = ends[end].ended || event.kind == RPYC_EVENT_CLOSED;
    }
}

static void move_bytes(int end, short ready)
{
    char buffer[65536];
    ssize_t got = 0;
    size_t taken = 0;

    if (ready & (POLLIN | POLLHUP)) {
        got = read(ends[end].fd, buffer, sizeof buffer);
        if (got > 0)
            rpyc_session_feed(ends[end].session, buffer, (size_t)got, NULL); /* what follows the end is not read */
        else
            OK(rpyc_session_end_of_stream(ends[end].session));
        ends[end].ended = got <= 0;
        events(end);
    }
    while (rpyc_session_take(ends[end].session, buffer, sizeof buffer, &taken) == RPYC_OK && taken > 0)
        for (size_t at = 0; at < taken; at += (size_t)got) /* of the bytes for a peer that has gone nothing is left */
            if ((got = send(ends[end].fd, buffer + at, taken - at, MSG_NOSIGNAL)) <= 0)
                break;
    if (ends[end].ended) {
        close(ends[end].fd);
        ends[end].fd = -1;
    }
}

/* ---------------------------------------------------------------- setting up */

static rpyc_config *rules(const char *name)
{
    static const char *const more[] = {"allow_setattr", "allow_delattr", "allow_pickle"};
    rpyc_config *config = rpyc_config_new();

    for (size_t i = 0; strcmp(name, "default") != 0 && i < 3; i++)
        OK(rpyc_config_set(config, more[i], "true", &error));
    if (strcmp(name, "default") != 0)
        OK(rpyc_config_set(config, strcmp(name, "all") == 0 ? "allow_all_attrs" : "allow_public_attrs", "true",
                           &error));
    return config;
}

static void start(int end, int fd, const rpyc_config *config)
{
    rpyc_session_free(ends[end].session);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); /* fails for a Unix socket */
    ends[end].fd = fd;
    ends[end].ended = false;
    OK(rpyc_session_new(config, RPYC_SESSION_FORWARDS, &ends[end].session, &error));
    OK(rpyc_session_set_id(ends[end].session, (uint64_t)end + 1));
}

/* A place whose session has ended. */
static int free_place(void)
{
    for (int end = OWNER + 1; end < ENDS; end++)
        if (ends[end].fd < 0)
            return end;
    return -1;
}

union place {
    struct sockaddr any;
    struct sockaddr_in tcp;
    struct sockaddr_un local;
};

/* A socket for an address, and what that is to the system. */
static int socket_for(const char *text, union place *place, socklen_t *size)
{
    bool tcp = strncmp(text, "tcp:", 4) == 0;

    memset(place, 0, sizeof *place);
    *size = tcp ? sizeof place->tcp : sizeof place->local;
    place->any.sa_family = tcp ? AF_INET : AF_UNIX;
    if (tcp) {
        place->tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        place->tcp.sin_port = htons((uint16_t)atoi(strrchr(text, ':') + 1));
    } else {
        snprintf(place->local.sun_path, sizeof place->local.sun_path, "%s", text + strlen("unix://"));
    }
    return socket(place->any.sa_family, SOCK_STREAM, 0);
}

static int connected(const char *text)
{
    union place place;
    socklen_t size;
    int fd = socket_for(text, &place, &size);

    CHECK(connect(fd, &place.any, size) == 0);
    return fd;
}

static int listening(const char *text)
{
    union place place;
    socklen_t size;
    int fd = socket_for(text, &place, &size);

    CHECK(bind(fd, &place.any, size) == 0 && listen(fd, 5) == 0);
    if (place.any.sa_family == AF_INET) {
        CHECK(getsockname(fd, &place.any, &size) == 0);
        printf("listening tcp://127.0.0.1:%d\n", ntohs(place.tcp.sin_port));
    } else {
        printf("listening %s\n", text);
    }
    fflush(stdout);
    return fd;
}

static void set_options(rpyc_config *config, char **options, int count)
{
    for (int i = 0; i < count; i++) {
        char *value = strchr(options[i], '=');

        *value++ = '\0';
        OK(rpyc_config_set(config, options[i], value, &error));
    }
}

/* Serves until the end of standard input. */
static void serve(int listener, rpyc_class *service, const rpyc_config *config)
{
    for (;;) {
        struct pollfd fds[2 + ENDS] = {{0, POLLIN, 0}, {free_place() < 0 ? -1 : listener, POLLIN, 0}};

        for (int end = 0; end < ENDS; end++)
            fds[2 + end] = (struct pollfd){ends[end].fd, POLLIN, 0};
        poll(fds, 2 + ENDS, -1);
        if (fds[0].revents)
            break;
        for (int end = 0; end < ENDS; end++)
            if (ends[end].fd >= 0)
                move_bytes(end, fds[2 + end].revents);
        for (int end = 0; end < ENDS; end++) /* an answer may have led to another request */
            if (ends[end].fd >= 0)
                events(end);
        for (int end = 0; end < ENDS; end++)
            if (ends[end].fd >= 0)
                move_bytes(end, 0);
        if (fds[1].revents) {
            int place = free_place();

            start(place, accept(listener, NULL, NULL), config);
            OK(rpyc_session_set_root(ends[place].session, service, ROOT, &error));
        }
    }
}

int main(int argc, char **argv)
{
    static const rpyc_session_member members[] = {{ASK, "exposed_ask", NULL, NULL, RPYC_MEMBER_METHOD, 0, NULL}};
    static const rpyc_session_class_table table = {.struct_size = sizeof table,
                                                   .member_size = sizeof *members,
                                                   .name = "MiddleService",
                                                   .members = members,
                                                   .member_count = 1};
    rpyc_config *config = rules(argc > 1 ? argv[1] : "default");
    rpyc_class *service = NULL;

    for (int end = 0; end < ENDS; end++)
        ends[end].fd = -1;
    OK(rpyc_session_class_new(NULL, 0, &table, &service, &error));
    if (argc > 4)
        set_options(config, argv + 4, argc - 4);
    start(OWNER, connected(argv[2]), config);
    OK(rpyc_session_ask(ends[OWNER].session, ROOT, RPYC_HANDLE_GETROOT, NULL, NULL, 0, NULL, 0, NULL, -1, NULL,
                        &error));
    move_bytes(OWNER, 0);
    serve(listening(argc > 3 ? argv[3] : "tcp://127.0.0.1:0"), service, config);
    rpyc_object_free(owner);
    for (int end = 0; end < ENDS; end++)
        rpyc_session_free(ends[end].session);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}
