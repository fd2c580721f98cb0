/* Hooks of services in a queue: whose thread runs them, in which order, and what becomes of them when nobody runs the queue.
 * Alone with clients in C; "serve ADDRESS": for stock clients, until one of them says stop. */
#define _DEFAULT_SOURCE
/* Each thread looks at its own errors. */
#define ERROR_STORAGE _Thread_local
#include <time.h>

#include "check.h"

static pthread_t owner;
static int elsewhere, alive;
static int refuse;      /* create gives nothing */
static int ask_peer;    /* on_connect calls the peer */
static char order[256]; /* a letter for each: Create, coNnect, cAll, callEnd, Left, Destroy */

static void note(char what)
{
    const char text[2] = {what, 0};

    elsewhere += !pthread_equal(pthread_self(), owner);
    if (strlen(order) + 1 < sizeof order)
        strcat(order, text);
}

static void *guest_new(rpyc_connection *connection, void *userdata)
{
    (void)connection, (void)userdata;
    note('C');
    alive += !refuse;
    return refuse ? NULL : calloc(1, 8);
}

static void guest_free(void *instance)
{
    note('D');
    alive--;
    free(instance);
}

static void came(rpyc_connection *connection, void *instance)
{
    rpyc_object *root = NULL;
    rpyc_value *name = NULL;

    (void)instance;
    if (ask_peer) {
        OK(rpyc_connection_root(connection, &root, &error));
        OK(rpyc_object_call_method(root, "get_service_name", NULL, 0, NULL, &name, &error));
        CHECK(rpyc_value_kind(name) == RPYC_VALUE_STR);
        rpyc_value_free(name);
        rpyc_object_free(root);
    }
    note('N');
}

static void went(rpyc_connection *connection, void *instance)
{
    (void)instance;
    CHECK(rpyc_connection_closed(connection));
    note('L');
}

static void call(rpyc_call *call_, void *self)
{
    (void)self;
    note('A');
    note('E');
    rpyc_call_return_int(call_, elsewhere);
}

/* Ends its own connection. */
static void leave(rpyc_call *call_, void *self)
{
    rpyc_connection *connection = rpyc_call_connection(call_);

    (void)self;
    note('A');
    OK(rpyc_connection_close(connection, &error));
    note('E');
}

static int stopping;

static void stop(rpyc_call *call_, void *self)
{
    (void)self;
    stopping = 1;
    rpyc_call_return_str(call_, order, RPYC_NUL_TERMINATED);
}

static rpyc_class *guests(void)
{
    rpyc_class *service = NULL;
    static const rpyc_method methods[] = {
        {"exposed_call", call, "call()", NULL, 0},
        {"exposed_leave", leave, "leave()", NULL, 0},
        {"exposed_stop", stop, "stop()", NULL, 0},
    };
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "GuestService",
        .methods = methods,
        .method_count = sizeof methods / sizeof *methods,
        .create = guest_new,
        .destroy = guest_free,
        .on_connect = came,
        .on_disconnect = went,
    };

    OK(rpyc_class_new(&table, NULL, NULL, &service, &error));
    return service;
}

struct house {
    rpyc_queue *queue;
    rpyc_server *server;
    pthread_t client;
    const char *method; /* that the client calls; NULL: it only connects, "": and asks for the root */
    int failed;
    int leaves;   /* the client may end */
    int comes_on; /* the client connects again where it was not served */
};

static void *visit(void *argument)
{
    struct house *house = argument;
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;

    rpyc_config_set(config, "dialect", "6", NULL);
    for (int tries = 0; tries == 0 || (house->failed && house->comes_on && tries < 200); tries++) {
        rpyc_connection_free(connection);
        connection = NULL;
        house->failed = rpyc_connect(rpyc_server_address(house->server), NULL, config, &connection, NULL) != RPYC_OK;
        if (house->method != NULL && !house->failed)
            house->failed = rpyc_connection_root(connection, &root, NULL) != RPYC_OK;
        if (house->failed && house->comes_on)
            usleep(20000);
    }
    if (root != NULL && *house->method)
        rpyc_object_call_method(root, house->method, NULL, 0, NULL, &value, NULL);
    while (!__atomic_load_n(&house->leaves, __ATOMIC_ACQUIRE))
        if (rpyc_connection_poll_all(connection, 1, NULL, NULL) != RPYC_OK || rpyc_connection_closed(connection))
            usleep(1000); /* it has ended */
    rpyc_value_free(value);
    rpyc_object_free(root);
    rpyc_connection_close(connection, NULL);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    return NULL;
}

static void open_house_for(struct house *house, const char *method, int64_t timeout_ms)
{
    rpyc_class *service = guests();

    memset(house, 0, sizeof *house);
    order[0] = 0;
    OK(rpyc_queue_new(1, &house->queue, &error));
    OK(rpyc_queue_set_hooks(house->queue, 1, &error));
    OK(rpyc_queue_set_timeout(house->queue, timeout_ms, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, NULL, &house->server, &error));
    OK(rpyc_server_set_queue(house->server, house->queue, &error));
    OK(rpyc_server_start(house->server, &error));
    rpyc_class_free(service);
    house->method = method;
    CHECK(pthread_create(&house->client, NULL, visit, house) == 0);
}

static void open_house(struct house *house, const char *method)
{
    open_house_for(house, method, -1);
}

/* Runs the queue until this has happened. */
static void run_until(struct house *house, const char *happened)
{
    int i;

    for (i = 0; i < 600 && strcmp(order, happened) != 0; i++)
        OK(rpyc_queue_run(house->queue, 1, 100, NULL, &error));
    check(strcmp(order, happened) == 0, order, __LINE__);
}

static void await_length(rpyc_queue *queue, size_t length)
{
    int i;

    for (i = 0; i < 30000 && rpyc_queue_length(queue) != length; i++)
        usleep(1000);
    CHECK(rpyc_queue_length(queue) == length);
}

static void send_home(struct house *house)
{
    __atomic_store_n(&house->leaves, 1, __ATOMIC_RELEASE);
}

static void close_house(struct house *house)
{
    send_home(house);
    CHECK(pthread_join(house->client, NULL) == 0);
    OK(rpyc_server_stop(house->server, 0, &error));
    OK(rpyc_server_join(house->server, &error));
    rpyc_queue_free(house->queue);
    rpyc_server_free(house->server);
    CHECK(alive == 0);
    CHECK(elsewhere == 0);
}

static void in_order(void)
{
    struct house house;

    open_house(&house, "call");
    run_until(&house, "CNAE");
    send_home(&house);
    run_until(&house, "CNAELD");
    CHECK(!house.failed);
    close_house(&house);
}

static void with_questions(void)
{
    struct house house;

    ask_peer = 1;
    open_house(&house, "call");
    /* While on_connect waits for the peer, it runs what that one calls. */
    while (strlen(order) < 4)
        OK(rpyc_queue_run(house.queue, 1, -1, NULL, &error));
    CHECK(strcmp(order, "CNAE") == 0 || strcmp(order, "CAEN") == 0);
    ask_peer = 0;
    send_home(&house);
    while (strlen(order) < 6)
        OK(rpyc_queue_run(house.queue, 1, -1, NULL, &error));
    CHECK(strcmp(order + 4, "LD") == 0);
    close_house(&house);
}

static void behind_the_call_that_ends_it(void)
{
    struct house house;

    open_house(&house, "leave");
    send_home(&house);
    run_until(&house, "CNAELD");
    close_house(&house);
}

static void turned_away(void)
{
    struct house house;

    refuse = 1;
    open_house(&house, "");
    send_home(&house);
    run_until(&house, "C");
    CHECK(pthread_join(house.client, NULL) == 0);
    CHECK(house.failed);
    refuse = 0;
    CHECK(pthread_create(&house.client, NULL, visit, &house) == 0);
    run_until(&house, "CCNLD");
    close_house(&house);
}

/* Nobody runs the queue: its time limit ends it, or the client does, the server, or the queue. */
static void not_begun(int how)
{
    struct house house;

    open_house_for(&house, how == 0 ? "" : NULL, how == 0 ? 300 : -1);
    if (how > 0)
        await_length(house.queue, 1);
    if (how == 1) {
        send_home(&house);
        await_length(house.queue, 0);
    }
    if (how == 2)
        OK(rpyc_server_stop(house.server, 0, &error));
    if (how == 3) {
        rpyc_queue_free(house.queue);
        house.queue = NULL;
    }
    if (how == 0) {
        send_home(&house);
        CHECK(pthread_join(house.client, NULL) == 0); /* its request for the root has failed */
        CHECK(house.failed);
        house.method = NULL;
        CHECK(pthread_create(&house.client, NULL, visit, &house) == 0);
    }
    close_house(&house);
    CHECK(!house.failed);
    CHECK(order[0] == 0);
}

/* The queue goes while an end waits in it: that is not lost. */
static void ends_with_the_queue(void)
{
    struct house house;

    open_house(&house, "");
    run_until(&house, "CN");
    send_home(&house);
    await_length(house.queue, 1);
    CHECK(strcmp(order, "CN") == 0);
    rpyc_queue_free(house.queue);
    house.queue = NULL;
    CHECK(strcmp(order, "CNLD") == 0);
    close_house(&house);
}

/* The server is stopped by the queue's thread: this or the connection's own thread ends it, and then it is told. */
static void ends_with_the_server(void)
{
    struct house house;

    open_house(&house, "");
    run_until(&house, "CN");
    OK(rpyc_server_stop(house.server, 0, &error));
    OK(rpyc_server_join(house.server, &error));
    OK(rpyc_queue_run(house.queue, 0, 0, NULL, &error));
    check(strcmp(order, "CNLD") == 0, order, __LINE__);
    close_house(&house);
}

/* After the end of the queue the library's thread tells. */
static void ends_after_the_queue(void)
{
    struct house house;

    open_house(&house, "");
    run_until(&house, "CN");
    rpyc_queue_free(house.queue);
    house.queue = NULL;
    send_home(&house);
    CHECK(pthread_join(house.client, NULL) == 0);
    OK(rpyc_server_stop(house.server, 5000, &error));
    OK(rpyc_server_join(house.server, &error));
    CHECK(strcmp(order, "CNLD") == 0);
    rpyc_server_free(house.server);
    CHECK(alive == 0);
    elsewhere = 0;
}

/* Has its client end the connection meanwhile. */
static void send_away(rpyc_call *call_, void *self)
{
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;

    (void)self;
    if (rpyc_connection_root(rpyc_call_connection(call_), &root, NULL) == RPYC_OK)
        rpyc_object_call_method(root, "leave", NULL, 0, NULL, &value, NULL);
    rpyc_value_free(value);
    rpyc_object_free(root);
    rpyc_call_return(call_, NULL);
}

/* A connection of the program's own, which its thread reads itself: the end comes behind the call that brings it about. */
static void of_ones_own(void)
{
    static const rpyc_method methods[] = {{"exposed_send_away", send_away, "send_away()", NULL, 0}};
    static const rpyc_class_table table = {
        .struct_size = sizeof table,
        .method_size = sizeof(rpyc_method),
        .name = "HostService",
        .methods = methods,
        .method_count = 1,
    };
    rpyc_class *host = NULL, *service = guests();
    rpyc_server *server = NULL;
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_queue *queue = NULL;
    rpyc_value *value = NULL;
    size_t ran = 0;

    order[0] = 0;
    OK(rpyc_class_new(&table, NULL, NULL, &host, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", host, NULL, &server, &error));
    OK(rpyc_server_start(server, &error));
    OK(rpyc_queue_new(1, &queue, &error));
    OK(rpyc_queue_set_hooks(queue, 1, &error));
    OK(rpyc_connect(rpyc_server_address(server), service, NULL, &connection, &error));
    OK(rpyc_connection_set_queue(connection, queue, &error));
    OK(rpyc_queue_run(queue, 0, 0, NULL, &error)); /* so that this is a thread of the queue */
    OK(rpyc_connection_root(connection, &root, &error));
    CHECK(rpyc_object_call_method(root, "send_away", NULL, 0, NULL, &value, NULL) != RPYC_OK);
    check(strcmp(order, "CNAE") == 0, order, __LINE__);
    OK(rpyc_queue_run(queue, 0, 0, &ran, &error));
    CHECK(ran == 1);
    check(strcmp(order, "CNAEL") == 0, order, __LINE__);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    check(strcmp(order, "CNAELD") == 0, order, __LINE__);
    rpyc_queue_free(queue);
    rpyc_server_free(server);
    rpyc_class_free(host);
    rpyc_class_free(service);
    CHECK(alive == 0);
    CHECK(elsewhere == 0);
}

/* It is switched off again: what begins then begins elsewhere, and so it ends. */
static void switched_off(void)
{
    struct house house;

    open_house(&house, NULL);
    run_until(&house, "CN");
    OK(rpyc_queue_set_hooks(house.queue, 0, &error));
    send_home(&house);
    CHECK(pthread_join(house.client, NULL) == 0);
    OK(rpyc_server_stop(house.server, 5000, &error));
    OK(rpyc_server_join(house.server, &error));
    CHECK(strcmp(order, "CNLD") == 0);
    rpyc_queue_free(house.queue);
    rpyc_server_free(house.server);
    CHECK(alive == 0);
    elsewhere = 0;
}

/* One that has said nothing makes room for another, also while its hooks wait. */
static void makes_room(void)
{
    struct house house, second;
    rpyc_class *service = guests();
    rpyc_config *config = rpyc_config_new();

    memset(&house, 0, sizeof house);
    order[0] = 0;
    OK(rpyc_config_set(config, "max_connections", "1", &error));
    OK(rpyc_queue_new(1, &house.queue, &error));
    OK(rpyc_queue_set_hooks(house.queue, 1, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", service, config, &house.server, &error));
    OK(rpyc_server_set_queue(house.server, house.queue, &error));
    OK(rpyc_server_start(house.server, &error));
    rpyc_class_free(service);
    rpyc_config_free(config);
    CHECK(pthread_create(&house.client, NULL, visit, &house) == 0);
    await_length(house.queue, 1);
    second = house;
    second.method = "call";
    second.comes_on = 1; /* no room is made while the server's thread looks at the first one */
    CHECK(pthread_create(&second.client, NULL, visit, &second) == 0);
    while (strstr(order, "AE") == NULL && !__atomic_load_n(&second.leaves, __ATOMIC_ACQUIRE))
        OK(rpyc_queue_run(house.queue, 1, 5000, NULL, &error));
    send_home(&second);
    CHECK(pthread_join(second.client, NULL) == 0);
    CHECK(!second.failed);
    close_house(&house);
}

static int serve(const char *address)
{
    rpyc_class *service = guests();
    rpyc_queue *queue = NULL;
    rpyc_server *server = NULL;

    OK(rpyc_queue_new(10, &queue, &error));
    OK(rpyc_queue_set_hooks(queue, 1, &error));
    OK(rpyc_server_new(address, service, NULL, &server, &error));
    OK(rpyc_server_set_queue(server, queue, &error));
    OK(rpyc_server_start(server, &error));
    rpyc_class_free(service);
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    while (!stopping)
        OK(rpyc_queue_run(queue, 0, -1, NULL, &error));
    OK(rpyc_server_stop(server, 1000, &error));
    OK(rpyc_server_join(server, &error));
    rpyc_server_free(server);
    rpyc_queue_free(queue);
    CHECK(alive == 0);
    CHECK(elsewhere == 0);
    return finish();
}

int main(int argc, char **argv)
{
    int how;

    owner = pthread_self();
    if (argc == 3)
        return serve(argv[2]);
    in_order();
    with_questions();
    behind_the_call_that_ends_it();
    turned_away();
    for (how = 0; how < 4; how++)
        not_begun(how);
    ends_with_the_queue();
    ends_with_the_server();
    ends_after_the_queue();
    of_ones_own();
    switched_off();
    makes_room();
    return finish();
}
