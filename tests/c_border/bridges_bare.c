/* bridges_bare RULES OWNER DIALECT: bridges.c on sessions, which the program drives itself, for a client at a time. What is
 * asked of an object that was passed on comes as an event, and is asked over the session of its owner. */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

enum { OWNER, CLIENT, ENDS };
enum { ROOT = 1, ASK, FIRST_TOKEN = 100 };

static struct {
    int fd;
    rpyc_session *session;
} ends[ENDS] = {{-1, NULL}, {-1, NULL}};
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

    if (event->asks == RPYC_ASK_FORWARD) {
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
        events(end);
    }
    while (rpyc_session_take(ends[end].session, buffer, sizeof buffer, &taken) == RPYC_OK && taken > 0)
        CHECK(write(ends[end].fd, buffer, taken) == (ssize_t)taken);
    if (got == 0 && ready & (POLLIN | POLLHUP)) {
        rpyc_session_free(ends[end].session);
        close(ends[end].fd);
        ends[end].session = NULL;
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
    ends[end].fd = fd;
    OK(rpyc_session_new(config, RPYC_SESSION_FORWARDS, &ends[end].session, &error));
    OK(rpyc_session_set_id(ends[end].session, (uint64_t)end + 1));
}

static int connected(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *port = strrchr(text, ':') + 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)atoi(port));
    CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static int listening(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 5) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    printf("listening tcp://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
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
    int listener;

    OK(rpyc_session_class_new(NULL, 0, &table, &service, &error));
    OK(rpyc_config_set(config, "dialect", argv[3], &error));
    start(OWNER, connected(argv[2]), config);
    OK(rpyc_session_ask(ends[OWNER].session, ROOT, RPYC_HANDLE_GETROOT, NULL, NULL, 0, NULL, 0, NULL, -1, NULL,
                        &error));
    move_bytes(OWNER, 0);
    listener = listening();
    for (;;) {
        struct pollfd fds[] = {{0, POLLIN, 0},
                               {ends[CLIENT].fd < 0 ? listener : -1, POLLIN, 0},
                               {ends[OWNER].fd, POLLIN, 0},
                               {ends[CLIENT].fd, POLLIN, 0}};

        poll(fds, 4, -1);
        if (fds[0].revents)
            break;
        if (fds[1].revents) {
            start(CLIENT, accept(listener, NULL, NULL), config);
            OK(rpyc_session_set_root(ends[CLIENT].session, service, ROOT, &error));
        }
        for (int end = 0; end < ENDS; end++)
            if (ends[end].session != NULL)
                move_bytes(end, fds[2 + end].revents);
        for (int end = 0; end < ENDS; end++) /* an answer may have led to another request */
            events(end);
        for (int end = 0; end < ENDS; end++)
            if (ends[end].session != NULL)
                move_bytes(end, 0);
    }
    rpyc_object_free(owner);
    for (int end = 0; end < ENDS; end++)
        rpyc_session_free(ends[end].session);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}
