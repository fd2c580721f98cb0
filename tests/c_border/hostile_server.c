/* What hostile peers attack: hostile_server KIND ADDRESS [NAME=VALUE...] serves anybody until SIGTERM. KIND is server; queue,
 * where the main thread runs the calls; slave; small, where each connection has a thread of ours with a small stack; or loop, where
 * one thread serves all connections with poll(). What the library logs goes to standard error, a line for each message. */
#include "hostile_service.h"

#define SMALL_STACK (128 << 10)

static const rpyc_method methods[] = {
    RPYC_METHOD("exposed_add", add, "add(a, b)", NULL),
    RPYC_METHOD("exposed_echo", echo, "echo(value)", NULL),
    RPYC_METHOD("exposed_call", call_back, "call(func, *args)", NULL),
    RPYC_METHOD("exposed_make_list", make_list, "make_list(n)", NULL),
    RPYC_METHOD("exposed_make_dict", make_dict, "make_dict()", NULL),
    RPYC_METHOD("exposed_gen", make_generator, "gen(n)", NULL),
    RPYC_METHOD("exposed_total", total, "total(iterable)", NULL),
    RPYC_METHOD("exposed_obtain", obtain, "obtain(obj)", NULL),
    RPYC_METHOD("exposed_hold", hold, "hold(obj)", NULL),
    RPYC_METHOD("exposed_get_held", get_held, "get_held()", NULL),
    RPYC_METHOD("exposed_in_use", in_use, "in_use()", NULL),
    RPYC_METHOD("secret", secret, "secret()", NULL),
};

static const rpyc_class_table table = {
    .struct_size = sizeof table,
    .method_size = sizeof(rpyc_method),
    .name = "attacked.Service",
    .methods = methods,
    .method_count = RPYC_COUNT(methods),
};

/* ---------------------------------------------------------------- ways of serving */

/* Evaluates nothing: it gives the text back. */
static void eval(rpyc_call *call, void *self)
{
    echo(call, self);
}

static rpyc_class *service_of(const char *kind)
{
    rpyc_slave_table slave = {.struct_size = sizeof slave, .eval = eval, .execute = eval};
    rpyc_class *service = NULL;

    if (strcmp(kind, "slave") == 0)
        OK(rpyc_slave_new(&slave, NULL, NULL, &service, &error));
    else
        OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    return service;
}

static void serve(const char *kind, const char *address, rpyc_class *service, rpyc_config *config)
{
    struct pollfd fds[2] = {{.fd = -1, .events = POLLIN}, {.fd = ending[0], .events = POLLIN}};
    rpyc_server *server = NULL;
    rpyc_queue *queue = NULL;

    OK(rpyc_server_new(address, service, config, &server, &error));
    if (strcmp(kind, "queue") == 0) {
        OK(rpyc_queue_new(100000, &queue, &error));
        OK(rpyc_server_set_queue(server, queue, &error));
        fds[0].fd = rpyc_queue_fileno(queue);
    }
    OK(rpyc_server_start(server, &error));
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    while (!fds[1].revents)
        if (poll(fds, 2, -1) > 0 && fds[0].revents)
            OK(rpyc_queue_run(queue, 0, 0, NULL, &error));
    OK(rpyc_server_stop(server, 0, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_queue_free(queue);
}

struct accepted {
    int fd;
    rpyc_class *service;
    rpyc_config *config;
};

static void *serve_one(void *argument)
{
    struct accepted accepted = *(struct accepted *)argument;
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;

    free(argument);
    if (!rpyc_transport_new_fd(accepted.fd, accepted.fd, 1, &transport, NULL) &&
        !rpyc_connection_new(transport, accepted.service, accepted.config, &connection, NULL))
        rpyc_connection_serve_all(connection, NULL);
    rpyc_connection_free(connection);
    return NULL;
}

/* Threads of ours, whose stacks are small. */
static void serve_small(rpyc_class *service, rpyc_config *config)
{
    struct pollfd fds[2] = {{.fd = listen_here(), .events = POLLIN}, {.fd = ending[0], .events = POLLIN}};
    pthread_attr_t attributes;
    pthread_t thread;
    int fd;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, SMALL_STACK);
    while (!fds[1].revents) {
        struct accepted *accepted;

        if (poll(fds, 2, -1) <= 0 || !fds[0].revents || (fd = accept(fds[0].fd, NULL, NULL)) < 0)
            continue;
        accepted = malloc(sizeof *accepted);
        *accepted = (struct accepted){fd, service, config};
        if (pthread_create(&thread, &attributes, serve_one, accepted))
            abort();
    }
    /* Connections that are open still are left to the end of the process. */
    finish();
    _exit(failures ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* ---------------------------------------------------------------- one thread for all */

enum { MOST = 400 };

static rpyc_connection *clients[MOST];
static nfds_t count;

static void take_in(int listener, rpyc_class *service, rpyc_config *config)
{
    rpyc_transport *transport = NULL;
    rpyc_connection *client = NULL;
    int fd = accept(listener, NULL, NULL);

    if (fd < 0)
        return;
    OK(rpyc_transport_new_fd(fd, fd, 1, &transport, &error));
    OK(rpyc_connection_new(transport, service, config, &client, &error));
    OK(rpyc_connection_set_nonblocking(client, 1, &error));
    clients[count++] = client;
}

/* What each of them waits for, and for how long at most: milliseconds, -1 for ever. */
static int64_t interests(struct pollfd *fds)
{
    int64_t wait = -1;

    for (nfds_t i = 0; i < count; i++) {
        int interest = rpyc_connection_interest(clients[i]);
        int64_t deadline = rpyc_connection_next_deadline(clients[i]);

        fds[i].fd = rpyc_connection_fileno(clients[i]);
        fds[i].events = (short)((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0));
        if (deadline >= 0 && (wait < 0 || deadline < wait))
            wait = deadline;
    }
    return wait;
}

static void serve_loop(rpyc_class *service, rpyc_config *config)
{
    static struct pollfd fds[MOST + 2];
    int listener = listen_here();

    in_a_loop = 1;
    for (;;) {
        int64_t wait = interests(fds);
        nfds_t kept = 0, i, polled = count;

        fds[polled] = (struct pollfd){.fd = polled < MOST ? listener : -1, .events = POLLIN};
        fds[polled + 1] = (struct pollfd){.fd = ending[0], .events = POLLIN};
        if (poll(fds, polled + 2, (int)wait) < 0)
            continue;
        for (i = 0; i < polled; i++) {
            rpyc_status status = rpyc_connection_process(clients[i], NULL, NULL);

            if (status == RPYC_OK || status == RPYC_ERR_BACKPRESSURE)
                clients[kept++] = clients[i];
            else
                rpyc_connection_free(clients[i]);
        }
        count = kept;
        if (fds[polled].revents)
            take_in(listener, service, config);
        if (fds[polled + 1].revents)
            break;
    }
    while (count > 0)
        rpyc_connection_free(clients[--count]);
    close(listener);
}

int main(int argc, char **argv)
{
    rpyc_config *config = hostile_begin(argc, argv);
    rpyc_class *service = service_of(argv[1]);

    if (strcmp(argv[1], "small") == 0)
        serve_small(service, config);
    else if (strcmp(argv[1], "loop") == 0)
        serve_loop(service, config);
    else
        serve(argv[1], argv[2], service, config);
    rpyc_object_free(held);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}
