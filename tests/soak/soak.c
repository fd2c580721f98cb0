/* What the soak (tests/run/soak.py) measures: a server that stays while its clients come, go and are killed, and a client that stays
 * while its servers do.
 *
 *     soak serve ADDRESS            a server; prints "listening ADDRESS"
 *     soak call ADDRESS SEED COUNT [native]
 *                                   a client with COUNT random operations, 0: until it is killed
 *     soak churn                    reads "ADDRESS SEED COUNT", connects in a thread and does the same; a peer that is gone is no fault
 *
 * serve and churn answer the line "report" with one line of numbers, and end with their standard input.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rpyc_helpers.h>

#define KEPT 16 /* functions of the peer that an instance of the service keeps */

static atomic_long alive, operations, wrong, running, gone;
static rpyc_server *server;

/* ---- Reports */

static long entries(const char *folder)
{
    DIR *all = opendir(folder);
    long count = -2;

    if (!all)
        return -1;
    while (readdir(all))
        ++count;
    closedir(all);
    return count;
}

static long resident(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    long pages = 0;

    if (file && fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * sysconf(_SC_PAGESIZE);
}

static void report(void)
{
    struct mallinfo2 heap = mallinfo2();

    printf(
        "report in_use=%zu free=%zu resident=%ld threads=%ld descriptors=%ld connections=%zu objects=%ld running=%ld "
        "operations=%ld gone=%ld wrong=%ld\n",
        heap.uordblks + heap.hblkhd, heap.fordblks, resident(), entries("/proc/self/task"), entries("/proc/self/fd"),
        rpyc_server_connection_count(server), atomic_load(&alive), atomic_load(&running), atomic_load(&operations),
        atomic_load(&gone), atomic_load(&wrong));
    fflush(stdout);
}

/* ---- The service */

struct desk {
    pthread_mutex_t lock;
    rpyc_object *kept[KEPT];
};

static void *desk_create(rpyc_connection *connection, void *userdata)
{
    struct desk *desk = calloc(1, sizeof *desk);

    (void)connection, (void)userdata;
    if (desk && !pthread_mutex_init(&desk->lock, NULL))
        atomic_fetch_add(&alive, 1);
    return desk;
}

static void desk_free(void *self)
{
    struct desk *desk = self;

    if (!desk)
        return;
    for (int at = 0; at < KEPT; ++at)
        rpyc_object_free(desk->kept[at]);
    pthread_mutex_destroy(&desk->lock);
    free(desk);
    atomic_fetch_sub(&alive, 1);
}

static void echo(rpyc_call *call, void *self)
{
    (void)self;
    rpyc_call_return(call, rpyc_value_clone(rpyc_call_arg(call, 0)));
}

static void pass_on(rpyc_call *call, rpyc_object *func, rpyc_value *argument)
{
    rpyc_value *answer = NULL;
    rpyc_error *why = NULL;

    if (rpyc_object_call(func, &argument, 1, NULL, &answer, &why))
        rpyc_call_raise_error(call, why);
    else
        rpyc_call_return(call, answer);
}

static void apply(rpyc_call *call, void *self)
{
    rpyc_object *func = NULL;

    (void)self;
    if (rpyc_call_get_object(call, 0, &func))
        return;
    pass_on(call, func, rpyc_value_clone(rpyc_call_arg(call, 1)));
    rpyc_object_free(func);
}

/* keep(slot, func): instead of what was there. */
static void keep(rpyc_call *call, void *self)
{
    struct desk *desk = self;
    rpyc_object *func = NULL, *before;
    int64_t slot;

    if (rpyc_call_get_int(call, 0, &slot) || rpyc_call_get_object(call, 1, &func))
        return;
    pthread_mutex_lock(&desk->lock);
    before = desk->kept[slot & (KEPT - 1)];
    desk->kept[slot & (KEPT - 1)] = func;
    pthread_mutex_unlock(&desk->lock);
    rpyc_object_free(before);
    rpyc_call_return(call, NULL);
}

/* kept(slot, argument): calls it. */
static void kept(rpyc_call *call, void *self)
{
    struct desk *desk = self;
    rpyc_object *func;
    int64_t slot;

    if (rpyc_call_get_int(call, 0, &slot))
        return;
    pthread_mutex_lock(&desk->lock);
    func = rpyc_object_clone(desk->kept[slot & (KEPT - 1)]);
    pthread_mutex_unlock(&desk->lock);
    if (!func)
        rpyc_call_raise(call, "KeyError", "nothing is kept");
    else
        pass_on(call, func, rpyc_value_clone(rpyc_call_arg(call, 1)));
    rpyc_object_free(func);
}

static void fail(rpyc_call *call, void *self)
{
    char message[100];
    const char *text;
    size_t length;

    (void)self;
    if (rpyc_call_get_str(call, 0, &text, &length))
        return;
    snprintf(message, sizeof message, "%.*s", (int)length, text);
    rpyc_call_raise(call, "ValueError", message);
}

/* numbers(n): a list of ours, [0, 1, ... n - 1]. */
static void numbers(rpyc_call *call, void *self)
{
    rpyc_object *list = NULL;
    rpyc_error *why = NULL;
    int64_t count;

    (void)self;
    if (rpyc_call_get_int(call, 0, &count))
        return;
    if (rpyc_list_new(NULL, 0, &list, &why)) {
        rpyc_call_raise_error(call, why);
        return;
    }
    for (int64_t at = 0; at < count && at < 10000; ++at)
        rpyc_list_append(list, rpyc_int(at), NULL);
    rpyc_call_return_object(call, list);
    rpyc_object_free(list);
}

/* total(numbers): goes through a container of the peer. */
static void total(rpyc_call *call, void *self)
{
    rpyc_object *container = NULL;
    rpyc_iterator *iterator = NULL;
    rpyc_value *item = NULL;
    rpyc_error *why = NULL;
    rpyc_status status;
    int64_t sum = 0, one = 0;

    (void)self;
    if (rpyc_call_get_object(call, 0, &container))
        return;
    status = rpyc_object_iterate(container, &iterator, &why);
    while (!status && !(status = rpyc_iterator_next(iterator, &item, &why)) &&
           !(status = rpyc_take_int(item, &one, &why)))
        sum += one;
    if (status == RPYC_ERR_STOP_ITERATION)
        rpyc_call_return_int(call, sum);
    else
        rpyc_call_raise_error(call, why);
    rpyc_iterator_free(iterator);
    rpyc_object_free(container);
}

static const rpyc_method methods[] = {
    RPYC_METHOD("exposed_echo", echo, "echo(x)", NULL),
    RPYC_METHOD("exposed_apply", apply, "apply(func, x)", NULL),
    RPYC_METHOD("exposed_keep", keep, "keep(slot, func)", NULL),
    RPYC_METHOD("exposed_kept", kept, "kept(slot, x)", NULL),
    RPYC_METHOD("exposed_fail", fail, "fail(text)", NULL),
    RPYC_METHOD("exposed_numbers", numbers, "numbers(n)", NULL),
    RPYC_METHOD("exposed_total", total, "total(numbers)", NULL),
};
static const rpyc_class_table service = {RPYC_METHODS("SoakService", methods), .create = desk_create,
                                         .destroy = desk_free};

/* ---- The client */

struct client {
    rpyc_object *root;
    uint64_t random;
    int64_t held[KEPT]; /* what each kept function adds; 0: none */
    rpyc_error *why;
};

static uint64_t draw(struct client *client, uint64_t below)
{
    client->random ^= client->random << 13;
    client->random ^= client->random >> 7;
    client->random ^= client->random << 17;
    return client->random % below;
}

struct adder {
    int64_t more;
};

static void add(rpyc_call *call, void *self)
{
    int64_t x;

    if (rpyc_call_get_int(call, 0, &x))
        return;
    if (x < 0)
        rpyc_call_raise(call, "ValueError", "negative");
    else
        rpyc_call_return_int(call, x + ((struct adder *)self)->more);
}

static void adder_free(void *self)
{
    free(self);
    atomic_fetch_sub(&alive, 1);
}

static rpyc_value *adder(int64_t more)
{
    struct adder *self = malloc(sizeof *self);
    rpyc_object *func = NULL;
    rpyc_value *value = NULL;

    self->more = more;
    atomic_fetch_add(&alive, 1);
    if (!rpyc_function_new("add", add, "add(x)", NULL, 0, self, adder_free, &func, NULL))
        value = rpyc_ref(func);
    rpyc_object_free(func);
    return value;
}

/* An answer that is a number. */
static bool gives(struct client *client, const char *method, rpyc_value *first, rpyc_value *second, int64_t want)
{
    rpyc_value *args[2] = {first, second}, *value = NULL;
    int64_t got = want + 1;
    rpyc_status status;

    status = rpyc_object_call_method(client->root, method, args, second ? 2 : 1, NULL, &value, &client->why);
    if (!status)
        status = rpyc_take_int(value, &got, &client->why);
    return !status && got == want;
}

static bool raises(struct client *client, const char *method, rpyc_value *first, rpyc_value *second)
{
    rpyc_value *args[2] = {first, second}, *value = NULL;
    bool right;

    right = rpyc_object_call_method(client->root, method, args, second ? 2 : 1, NULL, &value, &client->why) ==
                RPYC_ERR_REMOTE &&
            !strcmp(rpyc_error_type_name(client->why), "ValueError");
    rpyc_value_free(value);
    if (right) {
        rpyc_error_free(client->why);
        client->why = NULL;
    }
    return right;
}

static bool echoes(struct client *client)
{
    static const size_t lengths[] = {0, 1, 30, 300, 4000, 40000};
    size_t length = lengths[draw(client, 6)] + draw(client, 50);
    char *text = malloc(length + 1);
    rpyc_value *sent, *args[1], *value = NULL;
    bool right;

    for (size_t at = 0; at < length; ++at)
        text[at] = (char)('a' + (at * 7 + length) % 23);
    sent = RPYC_TUPLE(rpyc_bytes(text, length), rpyc_int((int64_t)draw(client, 1 << 30)), rpyc_float(0.5),
                      rpyc_str("x"), rpyc_none());
    free(text);
    args[0] = rpyc_value_clone(sent);
    right = !rpyc_object_call_method(client->root, "echo", args, 1, NULL, &value, &client->why) &&
            rpyc_value_equal(sent, value);
    rpyc_value_free(value);
    rpyc_value_free(sent);
    return right;
}

/* Goes through a list of the peer. */
static bool lists(struct client *client)
{
    int64_t count = (int64_t)draw(client, 300), sum = 0, one, length = -1;
    rpyc_value *args[1] = {rpyc_int(count)}, *value = NULL, *item = NULL;
    rpyc_object *list = NULL;
    rpyc_iterator *iterator = NULL;
    rpyc_status status;

    status = rpyc_object_call_method(client->root, "numbers", args, 1, NULL, &value, &client->why);
    if (!status)
        status = rpyc_take_object(value, &list, &client->why);
    if (!status)
        status = rpyc_object_length(list, &length, &client->why);
    if (!status)
        status = rpyc_object_iterate(list, &iterator, &client->why);
    while (!status && !(status = rpyc_iterator_next(iterator, &item, &client->why)) &&
           !(status = rpyc_take_int(item, &one, &client->why)))
        sum += one;
    rpyc_iterator_free(iterator);
    rpyc_object_free(list);
    return status == RPYC_ERR_STOP_ITERATION && length == count && sum == count * (count - 1) / 2;
}

/* Lends a list of ours, or a native value that arrives as a container or as a copy. */
static bool totals(struct client *client)
{
    int64_t count = (int64_t)draw(client, 100);
    rpyc_object *list = NULL;
    rpyc_value *args[1] = {NULL}, *value = NULL;
    int64_t got = -1;
    rpyc_status status;

    if (rpyc_list_new(NULL, 0, &list, &client->why))
        return false;
    for (int64_t at = 0; at < count; ++at)
        rpyc_list_append(list, rpyc_int(at), NULL);
    args[0] = rpyc_ref(list);
    rpyc_object_free(list);
    status = rpyc_object_call_method(client->root, "total", args, 1, NULL, &value, &client->why);
    if (!status)
        status = rpyc_take_int(value, &got, &client->why);
    return !status && got == count * (count - 1) / 2;
}

/* Several that are on their way at once. */
static bool bursts(struct client *client)
{
    rpyc_async_result *results[8] = {NULL};
    rpyc_value *args[2], *value = NULL;
    int64_t got, more = (int64_t)draw(client, 1000);
    bool right = true;

    for (int at = 0; right && at < 8; ++at) {
        args[0] = at % 2 ? adder(more) : rpyc_int(at);
        args[1] = rpyc_int(at);
        right = !rpyc_object_call_method_async(client->root, at % 2 ? "apply" : "echo", args, at % 2 ? 2 : 1, NULL, -1,
                                               &results[at], &client->why);
        if (!(at % 2))
            rpyc_value_free(args[1]);
    }
    for (int at = 0; at < 8; ++at) {
        right = right && !rpyc_async_result_value(results[at], &value, &client->why) &&
                !rpyc_take_int(value, &got, &client->why) && got == (at % 2 ? at + more : at);
        rpyc_async_result_free(results[at]);
    }
    return right;
}

static bool one_operation(struct client *client)
{
    int64_t x = (int64_t)draw(client, 1000000), slot = (int64_t)draw(client, KEPT);

    switch (draw(client, 9)) {
    case 0:
        return gives(client, "echo", rpyc_int(x), NULL, x);
    case 1:
        return echoes(client);
    case 2:
        return gives(client, "apply", adder(slot), rpyc_int(x), x + slot);
    case 3:
        return raises(client, "apply", adder(0), rpyc_int(-1));
    case 4: {
        rpyc_value *args[2] = {rpyc_int(slot), adder(x + 1)}, *value = NULL;

        client->held[slot] = x + 1;
        return !rpyc_object_call_method(client->root, "keep", args, 2, NULL, &value, &client->why) &&
               !rpyc_take_nothing(value);
    }
    case 5:
        return !client->held[slot] || gives(client, "kept", rpyc_int(slot), rpyc_int(x), x + client->held[slot]);
    case 6:
        return raises(client, "fail", rpyc_str("a failure that was asked for"), NULL);
    case 7:
        return lists(client);
    default:
        return x % 2 ? totals(client) : bursts(client);
    }
}

static bool is_gone(const rpyc_error *why)
{
    rpyc_status status = rpyc_error_status(why);

    /* A server that is killed while its dialect is found out. */
    if (status == RPYC_ERR_DIALECT && strstr(rpyc_error_message(why), "could not be reached again"))
        return true;
    return status == RPYC_ERR_EOF || status == RPYC_ERR_CLOSED || status == RPYC_ERR_IO;
}

static int call(const char *address, uint64_t seed, long count, const char *native)
{
    struct client client = {.random = seed * 2654435761u + 1};
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;
    bool right;
    int bad = 0;

    rpyc_config_set(config, "native", native, NULL);
    /* No answer is wrong because the machine is busy. */
    rpyc_config_set(config, "sync_request_timeout", "none", NULL);
    rpyc_config_set(config, "connect_timeout", "none", NULL);
    right = !rpyc_connect(address, NULL, config, &connection, &client.why) &&
            !rpyc_connection_root(connection, &client.root, &client.why);
    for (long at = 0; right && (!count || at < count); ++at) {
        right = one_operation(&client);
        atomic_fetch_add(&operations, 1);
    }
    if (!right && is_gone(client.why)) {
        atomic_fetch_add(&gone, 1);
    } else if (!right) {
        fprintf(stderr, "%s, seed %" PRIu64 ": %s\n", address, seed,
                client.why ? rpyc_error_describe(client.why) : "a wrong answer");
        atomic_fetch_add(&wrong, 1);
        bad = 1;
    }
    rpyc_error_free(client.why);
    rpyc_object_free(client.root);
    rpyc_connection_close(connection, NULL);
    rpyc_connection_free(connection);
    rpyc_config_free(config);
    return bad;
}

/* ---- Orders on standard input */

struct order {
    char address[200];
    uint64_t seed;
    long count;
};

static void *obey(void *taken)
{
    struct order *order = taken;

    call(order->address, order->seed, order->count, "accept");
    free(order);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

static void orders(void)
{
    char line[300];
    pthread_t thread;

    while (fgets(line, sizeof line, stdin)) {
        struct order *order = calloc(1, sizeof *order);

        if (!order)
            return;
        if (sscanf(line, "%199s %" SCNu64 " %ld", order->address, &order->seed, &order->count) == 3) {
            atomic_fetch_add(&running, 1);
            if (!pthread_create(&thread, NULL, obey, order)) {
                pthread_detach(thread);
                continue;
            }
            atomic_fetch_sub(&running, 1);
        }
        free(order);
        if (!strncmp(line, "report", 6))
            report();
    }
}

static int serve(const char *address)
{
    rpyc_class *root = NULL;
    rpyc_config *config = rpyc_config_new();
    rpyc_error *why = NULL;

    rpyc_config_set(config, "sync_request_timeout", "none", NULL);
    if (rpyc_class_new(&service, NULL, NULL, &root, &why) || rpyc_server_new(address, root, config, &server, &why) ||
        rpyc_server_start(server, &why)) {
        fprintf(stderr, "%s\n", rpyc_error_describe(why));
        return EXIT_FAILURE;
    }
    rpyc_class_free(root);
    rpyc_config_free(config);
    printf("listening %s\n", rpyc_server_address(server));
    fflush(stdout);
    orders();
    rpyc_server_stop(server, 0, NULL);
    rpyc_server_join(server, NULL);
    rpyc_server_free(server);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "serve"))
        return serve(argv[2]);
    if (argc >= 5 && !strcmp(argv[1], "call"))
        return call(argv[2], strtoull(argv[3], NULL, 10), strtol(argv[4], NULL, 10), argc > 5 ? "on" : "off");
    if (argc == 2 && !strcmp(argv[1], "churn")) {
        puts("ready");
        fflush(stdout);
        orders();
        return EXIT_SUCCESS;
    }
    fprintf(stderr, "usage: see tests/soak/soak.c\n");
    return 2;
}
