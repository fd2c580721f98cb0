/* What hostile peers attack: hostile_server KIND ADDRESS [NAME=VALUE...] serves anybody until SIGTERM. KIND is server; queue,
 * where the main thread runs the calls; slave; or small, where each connection has a thread of ours with a small stack. What the
 * library logs goes to standard error, a line for each message. */
#define _GNU_SOURCE
#include "check.h"

#include <limits.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <rpyc_helpers.h>

#define SMALL_STACK (128 << 10)

static rpyc_object *held;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---------------------------------------------------------------- the service */

static void add(rpyc_call *call, void *self)
{
    int64_t a, b;

    (void)self;
    if (!rpyc_call_get_int(call, 0, &a) && !rpyc_call_get_int(call, 1, &b))
        rpyc_call_return_int(call, (int64_t)((uint64_t)a + (uint64_t)b));
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static void answer(rpyc_call *call, rpyc_value *value, rpyc_error *raised)
{
    if (raised)
        rpyc_call_raise_error(call, raised);
    else
        rpyc_call_return(call, value);
}

/* Calls what it is given with the rest of its arguments. */
static void call_back(rpyc_call *call, void *self)
{
    size_t count = rpyc_call_arg_count(call), n;
    rpyc_object *function = NULL;
    rpyc_value *args[8], *value = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &function))
        return;
    for (n = 1; n < count && n <= 8; n++)
        args[n - 1] = rpyc_value_clone(rpyc_call_arg(call, n));
    rpyc_object_call(function, args, n - 1, NULL, &value, &raised);
    rpyc_object_free(function);
    answer(call, value, raised);
}

static void give_object(rpyc_call *call, rpyc_object *object, rpyc_error *raised)
{
    if (raised)
        rpyc_call_raise_error(call, raised);
    else
        rpyc_call_return_object(call, object);
    rpyc_object_free(object);
}

static void make_list(rpyc_call *call, void *self)
{
    int64_t count, n;
    rpyc_object *list = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_int(call, 0, &count))
        return;
    rpyc_list_new(NULL, 0, &list, &raised);
    for (n = 0; n < count && n < 100000 && !raised; n++)
        rpyc_list_append(list, rpyc_value_new_int(n), &raised);
    give_object(call, list, raised);
}

static void make_dict(rpyc_call *call, void *self)
{
    rpyc_value *keys[2] = {rpyc_value_new_int(1), rpyc_value_new_int(2)};
    rpyc_value *values[2] = {rpyc_value_new_int(10), rpyc_value_new_int(20)};
    rpyc_object *dict = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    rpyc_dict_new(keys, values, 2, &dict, &raised);
    give_object(call, dict, raised);
}

static void next(rpyc_call *call, void *self)
{
    int64_t *left = self;

    if (*left > 0)
        rpyc_call_return_int(call, --*left);
    else
        rpyc_call_raise(call, "StopIteration", NULL);
}

static void make_generator(rpyc_call *call, void *self)
{
    int64_t count, *left;
    rpyc_object *made = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_int(call, 0, &count) || !(left = malloc(sizeof *left)))
        return;
    *left = count;
    rpyc_generator_new(next, left, free, &made, &raised);
    give_object(call, made, raised);
}

/* Goes through what a peer says is iterable, a thousand items at most. */
static void total(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;
    rpyc_iterator *iterator = NULL;
    rpyc_value *item = NULL;
    rpyc_error *raised = NULL;
    int64_t sum = 0, number, rounds = 0;

    (void)self;
    if (rpyc_call_get_object(call, 0, &object))
        return;
    if (!rpyc_object_iterate(object, &iterator, &raised)) {
        while (rounds++ < 1000 && !rpyc_iterator_next(iterator, &item, &raised) && item) {
            if (!rpyc_value_get_int(item, &number, NULL))
                sum = (int64_t)((uint64_t)sum + (uint64_t)number);
            rpyc_value_free(item);
            item = NULL;
        }
        rpyc_value_free(item);
        rpyc_iterator_free(iterator);
    }
    rpyc_object_free(object);
    answer(call, raised ? NULL : rpyc_value_new_int(sum), raised);
}

/* A copy of what a peer says is a container. */
static void obtain(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL;
    rpyc_value *value = NULL;
    rpyc_error *raised = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &object))
        return;
    rpyc_object_obtain(object, 20, 10000, 1 << 20, &value, &raised);
    rpyc_object_free(object);
    answer(call, value, raised);
}

/* Keeps an object for all connections. */
static void hold(rpyc_call *call, void *self)
{
    rpyc_object *object = NULL, *before;

    (void)self;
    if (rpyc_call_get_object(call, 0, &object))
        return;
    pthread_mutex_lock(&lock);
    before = held;
    held = object;
    pthread_mutex_unlock(&lock);
    rpyc_object_free(before);
    rpyc_call_return(call, NULL);
}

static void get_held(rpyc_call *call, void *self)
{
    rpyc_object *object;

    (void)self;
    pthread_mutex_lock(&lock);
    object = rpyc_object_clone(held);
    pthread_mutex_unlock(&lock);
    if (object)
        rpyc_call_return_object(call, object);
    else
        rpyc_call_raise(call, "LookupError", "nothing is held");
    rpyc_object_free(object);
}

/* Bytes that malloc has given out and not got back. */
static void in_use(rpyc_call *call, void *self)
{
    struct mallinfo2 all = mallinfo2();

    (void)self;
    rpyc_call_return_int(call, (int64_t)(all.uordblks + all.hblkhd));
}

static void secret(rpyc_call *call, void *self)
{
    (void)self;
    fprintf(stderr, "a secret was told\n");
    rpyc_call_return_str(call, "secret", RPYC_NUL_TERMINATED);
}

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

static int ending[2];

static void on_signal(int number)
{
    (void)number;
    if (write(ending[1], "!", 1) != 1)
        _exit(EXIT_FAILURE);
}

static void logged(int32_t level, const char *message, size_t length, void *userdata)
{
    (void)userdata;
    fprintf(stderr, "log %d %.*s\n", (int)level, (int)length, message);
}

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
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct pollfd fds[2] = {{.fd = listener, .events = POLLIN}, {.fd = ending[0], .events = POLLIN}};
    pthread_attr_t attributes;
    pthread_t thread;

    CHECK(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 100) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&name, &length) == 0);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, SMALL_STACK);
    printf("listening tcp://127.0.0.1:%d\n", (int)ntohs(name.sin_port));
    fflush(stdout);
    while (!fds[1].revents) {
        struct accepted *accepted;

        if (poll(fds, 2, -1) <= 0 || !fds[0].revents)
            continue;
        accepted = malloc(sizeof *accepted);
        *accepted = (struct accepted){accept(listener, NULL, NULL), service, config};
        if (pthread_create(&thread, &attributes, serve_one, accepted))
            abort();
    }
    /* Connections that are open still are left to the end of the process. */
    finish();
    _exit(failures ? EXIT_FAILURE : EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    rpyc_config *config = rpyc_config_new();
    rpyc_class *service;

    if (argc < 3 || pipe(ending))
        return EXIT_FAILURE;
    sigaction(SIGTERM, &action, NULL);
    OK(rpyc_set_log_callback(RPYC_LOG_DEBUG, logged, NULL, NULL, &error));
    for (int n = 3; n < argc; n++) {
        char *equals = strchr(argv[n], '=');

        if (!equals)
            return EXIT_FAILURE;
        *equals = '\0';
        OK(rpyc_config_set(config, argv[n], equals + 1, &error));
    }
    service = service_of(argv[1]);
    if (strcmp(argv[1], "small") == 0)
        serve_small(service, config);
    else
        serve(argv[1], argv[2], service, config);
    rpyc_object_free(held);
    rpyc_class_free(service);
    rpyc_config_free(config);
    return finish();
}
