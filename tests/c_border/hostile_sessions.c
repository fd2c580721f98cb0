/* What hostile peers attack: hostile_sessions KIND ADDRESS [NAME=VALUE...] serves anybody until SIGTERM, with a session for each
 * connection and one poll() for all of them. The program does all that the library does elsewhere: bytes, time, ends. */
#include "hostile_service.h"

#include <fcntl.h>
#include <time.h>

enum { MOST = 400, CHUNK = 64 << 10 };

struct client {
    int fd;
    rpyc_session *session;
    rpyc_class *root;
    int over; /* nothing more is to come of it */
};

static struct client *clients[MOST], *current;
static nfds_t count;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Calls what it is given with the rest of its arguments; the answer comes as an event. */
static void call_by_event(rpyc_call *call, void *self)
{
    size_t given = rpyc_call_arg_count(call), n;
    rpyc_object *function = NULL;
    rpyc_value *args[8];
    rpyc_error *raised = NULL;
    rpyc_call *waits;

    (void)self;
    if (rpyc_call_get_object(call, 0, &function))
        return;
    for (n = 1; n < given && n <= 8; n++)
        args[n - 1] = rpyc_value_clone(rpyc_call_arg(call, n));
    waits = rpyc_call_defer(call);
    if (rpyc_session_ask(current->session, (uintptr_t)waits, RPYC_HANDLE_CALL, function, NULL, 0, args, n - 1, NULL, -1,
                         NULL, &raised)) {
        rpyc_call_raise_error(waits, raised);
        rpyc_call_free(waits);
    }
    rpyc_object_free(function);
}

/* The id of each is its place, and one. */
static const struct {
    const char *name, *signature;
    rpyc_method_fn run;
} functions[] = {
    {"exposed_add", "add(a, b)", add},
    {"exposed_echo", "echo(value)", echo},
    {"exposed_call", "call(func, *args)", call_by_event},
    {"exposed_make_list", "make_list(n)", make_list},
    {"exposed_make_dict", "make_dict()", make_dict},
    {"exposed_gen", "gen(n)", make_generator},
    {"exposed_hold", "hold(obj)", hold},
    {"exposed_get_held", "get_held()", get_held},
    {"exposed_in_use", "in_use()", in_use},
    {"secret", "secret()", secret},
};

static void set_root(struct client *client)
{
    rpyc_session_member members[RPYC_COUNT(functions)];
    rpyc_session_class_table table = {
        .struct_size = sizeof table,
        .member_size = sizeof *members,
        .name = "attacked.Service",
        .members = members,
        .member_count = RPYC_COUNT(functions),
    };

    memset(members, 0, sizeof members);
    for (size_t i = 0; i < RPYC_COUNT(functions); i++) {
        members[i].id = i + 1;
        members[i].name = functions[i].name;
        members[i].signature = functions[i].signature;
        members[i].kind = RPYC_MEMBER_METHOD;
    }
    OK(rpyc_session_class_new(client->session, 1, &table, &client->root, &error));
    OK(rpyc_session_set_root(client->session, client->root, 2, &error));
}

static void take_in(int listener, rpyc_config *config)
{
    struct client *client = calloc(1, sizeof *client);

    client->fd = accept(listener, NULL, NULL);
    if (client->fd < 0) {
        free(client);
        return;
    }
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    OK(rpyc_session_new(config, 0, &client->session, &error));
    rpyc_session_set_time(client->session, now_ms());
    set_root(client);
    clients[count++] = client;
}

/* Sends what is taken; what is left goes when there is room. */
static void send_some(struct client *client)
{
    const void *data;
    size_t length;
    ssize_t sent;

    while (!rpyc_session_outgoing(client->session, &data, &length) && length > 0) {
        sent = send(client->fd, data, length, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EINTR)
                client->over = 1;
            return;
        }
        rpyc_session_sent(client->session, (size_t)sent);
    }
}

static int may_read(const struct client *client)
{
    const void *data;
    size_t waits = 0;

    /* Of a peer that takes nothing, nothing is read. */
    rpyc_session_outgoing(client->session, &data, &waits);
    return waits < CHUNK;
}

static void receive(struct client *client)
{
    static char buffer[CHUNK];
    ssize_t got = recv(client->fd, buffer, sizeof buffer, 0);

    if (got > 0)
        rpyc_session_feed(client->session, buffer, (size_t)got, NULL);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        rpyc_session_end_of_stream(client->session);
}

static void handle(struct client *client, rpyc_session_event *event)
{
    rpyc_call *waiting = (rpyc_call *)(uintptr_t)event->token;

    switch (event->kind) {
    case RPYC_EVENT_REQUEST:
        current = client;
        if (event->asks == RPYC_ASK_CALL && event->member >= 1 && event->member <= RPYC_COUNT(functions))
            functions[event->member - 1].run(event->call, NULL);
        rpyc_call_free(event->call);
        break;
    case RPYC_EVENT_REPLY:
        answer(waiting, event->value, event->error);
        rpyc_call_free(waiting);
        break;
    case RPYC_EVENT_CLOSED:
        if (event->error)
            fprintf(stderr, "log a session ended: %s\n", rpyc_error_describe(event->error));
        rpyc_error_free(event->error);
        client->over = 1;
        break;
    default:
        break;
    }
}

/* Deals with what has come, until there is nothing more of it or what is to be sent does not go. */
static void step(struct client *client)
{
    rpyc_session_event event = {.struct_size = sizeof event};

    for (int n = 0; n < 64; n++) {
        send_some(client);
        if (rpyc_session_next_event(client->session, &event, NULL) || event.kind == RPYC_EVENT_NONE)
            break;
        if (event.kind == RPYC_EVENT_SEND) {
            send_some(client);
            if (!may_read(client))
                break;
            continue;
        }
        handle(client, &event);
    }
    send_some(client);
}

static void leave(struct client *client)
{
    static char nobody_reads[CHUNK];
    rpyc_session_event event = {.struct_size = sizeof event};
    size_t dropped = 0;

    rpyc_session_end_of_stream(client->session);
    while (!rpyc_session_next_event(client->session, &event, NULL) && event.kind != RPYC_EVENT_NONE)
        if (event.kind != RPYC_EVENT_SEND)
            handle(client, &event);
        else
            while (!rpyc_session_take(client->session, nobody_reads, CHUNK, &dropped) && dropped > 0)
                continue;
    rpyc_session_free(client->session);
    rpyc_class_free(client->root);
    close(client->fd);
    free(client);
}

static int64_t interests(struct pollfd *fds)
{
    int64_t wait = -1, now = now_ms();

    for (nfds_t i = 0; i < count; i++) {
        const void *data;
        size_t waits = 0;
        int64_t deadline = rpyc_session_next_deadline(clients[i]->session);

        rpyc_session_outgoing(clients[i]->session, &data, &waits);
        fds[i] =
            (struct pollfd){clients[i]->fd, (short)((may_read(clients[i]) ? POLLIN : 0) | (waits ? POLLOUT : 0)), 0};
        if (rpyc_session_has_message(clients[i]->session) && may_read(clients[i]))
            wait = 0;
        else if (deadline >= 0 && (wait < 0 || deadline - now < wait))
            wait = deadline > now ? deadline - now : 0;
    }
    return wait;
}

static void serve(rpyc_config *config)
{
    static struct pollfd fds[MOST + 2];
    int listener = listen_here();

    for (;;) {
        int64_t wait = interests(fds);
        nfds_t kept = 0, polled = count;

        fds[polled] = (struct pollfd){.fd = polled < MOST ? listener : -1, .events = POLLIN};
        fds[polled + 1] = (struct pollfd){.fd = ending[0], .events = POLLIN};
        if (poll(fds, polled + 2, (int)wait) < 0)
            continue;
        for (nfds_t i = 0; i < polled; i++) {
            struct client *client = clients[i];

            if (fds[i].revents)
                receive(client);
            rpyc_session_expire(client->session, now_ms(), NULL);
            step(client);
            if (!client->over)
                clients[kept++] = client;
            else
                leave(client);
        }
        count = kept;
        if (fds[polled].revents)
            take_in(listener, config);
        if (fds[polled + 1].revents)
            break;
    }
    while (count > 0)
        leave(clients[--count]);
    close(listener);
}

int main(int argc, char **argv)
{
    rpyc_config *config = hostile_begin(argc, argv);

    serve(config);
    rpyc_object_free(held);
    rpyc_config_free(config);
    return finish();
}
