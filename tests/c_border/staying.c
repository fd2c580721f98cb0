/* A client that stays connected with a server that is killed, stopped and started again:
 * staying restarts ADDRESS COUNT, staying heartbeat ADDRESS serve|background|loop. */
#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <poll.h>
#include <time.h>

#include "check.h"

static void line(const char *what, const char *text)
{
    printf("%s %s\n", what, text);
    fflush(stdout);
}

static rpyc_config *config(const char *const *options)
{
    rpyc_config *made = rpyc_config_new();

    for (; *options; options += 2)
        OK(rpyc_config_set(made, options[0], options[1], &error));
    return made;
}

/* Connects anew whenever the connection is lost. Counts the calls that may have run; every reply is right. */
static void restarts(const char *address, int count)
{
    static const char *const options[] = {"connect_retry", "60", "sync_request_timeout", "30", NULL};
    rpyc_config *made = config(options);
    int lost = 0;
    int64_t calls = 0;

    for (int round = 0; round <= count; round++) {
        rpyc_connection *connection = NULL;
        rpyc_object *root = NULL;
        rpyc_status status = rpyc_connect(address, NULL, made, &connection, &error);

        if (status) {
            GIVES(RPYC_OK, status);
            break;
        }
        status = rpyc_connection_root(connection, &root, NULL);
        for (int first = 1; !status; first = 0) {
            rpyc_value *args[] = {rpyc_value_new_int(calls)}, *value = NULL;
            int64_t got = -1;

            status = rpyc_object_call_method(root, "echo", args, 1, NULL, &value, NULL);
            if (!status) {
                OK(rpyc_value_get_int(value, &got, &error));
                CHECK(got == calls++);
            }
            rpyc_value_free(value);
            if (first && !status)
                line("up", "");
            if (round == count && calls && !status)
                break;
        }
        if (status) {
            CHECK(status == RPYC_ERR_EOF || status == RPYC_ERR_CLOSED || status == RPYC_ERR_IO);
            lost++;
            /* An object of the lost connection stays an error. */
            CHECK(root == NULL || rpyc_object_call_method(root, "echo", NULL, 0, NULL, NULL, NULL) != RPYC_OK);
        }
        rpyc_object_free(root);
        rpyc_connection_free(connection);
    }
    printf("lost %d\n", lost);
    rpyc_config_free(made);
}

/* One connection in a loop of poll(). */
static rpyc_status loop(rpyc_connection *connection)
{
    rpyc_status status;
    bool handled;

    OK(rpyc_connection_set_nonblocking(connection, 1, &error));
    do {
        const int32_t interest = rpyc_connection_interest(connection);
        const int64_t left = rpyc_connection_next_deadline(connection);
        struct pollfd fd = {.fd = rpyc_connection_fileno(connection)};

        fd.events = (short)((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0));
        poll(&fd, 1, left > 10000 || left < 0 ? 10000 : (int)left);
        status = rpyc_connection_process(connection, &handled, NULL);
    } while (!status);
    return status;
}

/* Nothing is called; a peer that is there keeps the connection open, one that is gone is found. */
static void heartbeat(const char *address, const char *how)
{
    static const char *const options[] = {"heartbeat", "0.1", "heartbeat_timeout", "3", NULL};
    rpyc_config *made = config(options);
    rpyc_connection *connection = NULL;
    rpyc_serving *serving = NULL;
    rpyc_status status = RPYC_OK;

    OK(rpyc_connect(address, NULL, made, &connection, &error));
    line("connected", "");
    if (strcmp(how, "loop") == 0) {
        status = loop(connection);
    } else if (strcmp(how, "background") == 0) {
        OK(rpyc_connection_serve_background(connection, 1, 0, &serving, &error));
        while (!rpyc_connection_closed(connection))
            nanosleep(&(struct timespec){0, 10000000}, NULL);
        rpyc_serving_free(serving);
        status = rpyc_connection_ping(connection, NULL, 0, 1000, NULL);
    } else {
        status = rpyc_connection_serve_all(connection, NULL);
    }
    line("ended", rpyc_status_name(status));
    rpyc_connection_free(connection);
    rpyc_config_free(made);
}

int main(int count, char **args)
{
    if (count == 4 && strcmp(args[1], "restarts") == 0)
        restarts(args[2], atoi(args[3]));
    else if (count == 4 && strcmp(args[1], "heartbeat") == 0)
        heartbeat(args[2], args[3]);
    else
        return 2;
    return finish();
}
