/* interop_client ADDRESS [--only CHECK]... [--set NAME=VALUE]... [--list]
 *
 * Runs the checks of tests/peers/peer_client.py, under the same names and in the same order, against any server that
 * offers the service of tests/peers/contract.md. ADDRESS is tcp://HOST:PORT, unix:///PATH or exec:COMMAND. Prints
 * "<check> ok" or "<check> FAIL <reason>" for each, and last "N passed, N failed"; the exit status is 0 when at least
 * one was run and none failed. --set changes an option of the connection, for instance --set dialect=5. */
#include "interop_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const char *name;
    void (*run)(struct check *c);
};

#define ENTRY(name) {#name, check_##name},
static const struct entry checks[] = {CHECKS(ENTRY)};

static const char *address;
static rpyc_config *config;

static rpyc_connection *dial(rpyc_error **error_out)
{
    rpyc_connection *connection = NULL;
    rpyc_connect(address, client_root_service(), config, &connection, error_out);
    return connection;
}

/* ---------------------------------------------------------------- running */

/* peer_client.py's names have dashes; a name on the command line may be written either way. */
static void print_name(const char *name)
{
    for (; *name != '\0'; name++)
        putchar(*name == '_' ? '-' : *name);
}

static bool same_name(const char *left, const char *right)
{
    while (*left != '\0' && (*left == *right || (*left == '_' && *right == '-')))
        left++, right++;
    return *left == *right;
}

/* Words of the text with single spaces between them. */
static void print_line(const char *text)
{
    bool gap = false;
    for (; *text != '\0'; text++) {
        bool space = strchr(" \t\r\n", *text) != NULL;
        if (!space && gap)
            putchar(' ');
        if (!space)
            putchar(*text);
        gap = space;
    }
    putchar('\n');
}

/* Runs one check on *connection, which is opened when there is none or it is closed. */
static bool run(const struct entry *entry, rpyc_connection **connection)
{
    struct check check = {.dial = dial}, *c = &check;
    if (*connection != NULL && rpyc_connection_closed(*connection)) {
        rpyc_connection_free(*connection);
        *connection = NULL;
    }
    if (*connection == NULL)
        *connection = dial(ERROR);
    if (*connection == NULL)
        check_fail(HERE, "no connection: %s", rpyc_error_message(c->error));
    c->connection = *connection;
    OK(rpyc_connection_root(c->connection, &c->root, ERROR));
    if (!c->failed)
        entry->run(c);
    check_finish(c);
    rpyc_object_free(c->root);
    print_name(entry->name);
    if (c->failed) {
        fputs(" FAIL ", stdout);
        print_line(c->reason);
    } else {
        puts(" ok");
    }
    fflush(stdout);
    return !c->failed;
}

static bool chosen(const struct entry *entry, const char *const *only, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (same_name(entry->name, only[i]))
            return true;
    return count == 0;
}

static int run_all(const char *const *only, size_t only_count)
{
    rpyc_connection *connection = NULL;
    int passed = 0, failed = 0;
    for (size_t i = 0; i < COUNT(checks); i++) {
        if (!chosen(&checks[i], only, only_count))
            continue;
        if (run(&checks[i], &connection))
            passed++;
        else
            failed++;
    }
    if (connection != NULL)
        rpyc_connection_close(connection, NULL);
    rpyc_connection_free(connection);
    printf("%d passed, %d failed\n", passed, failed);
    fflush(stdout);
    return failed > 0 || passed == 0;
}

/* ---------------------------------------------------------------- main */

static int usage(const char *program)
{
    fprintf(stderr, "usage: %s ADDRESS [--only CHECK]... [--set NAME=VALUE]... [--list]\n", program);
    return 2;
}

static int complain(const char *program, const rpyc_error *error)
{
    fprintf(stderr, "%s: %s\n", program, rpyc_error_message(error));
    return 2;
}

static int list_checks(void)
{
    for (size_t i = 0; i < COUNT(checks); i++) {
        print_name(checks[i].name);
        putchar('\n');
    }
    return 0;
}

static bool known(const char *name)
{
    for (size_t i = 0; i < COUNT(checks); i++)
        if (same_name(checks[i].name, name))
            return true;
    return false;
}

/* Parses the command line and does what it says. `only` has room for every argument. */
static int command(int argc, char **argv, const char **only)
{
    rpyc_error *error = NULL;
    size_t only_count = 0;
    int exit_status = 0;
    rpyc_status status = rpyc_config_set(config, "sync_request_timeout", "20", &error);
    for (int i = 1; i < argc && status == RPYC_OK; i++) {
        if (strcmp(argv[i], "--list") == 0)
            return list_checks();
        if (strcmp(argv[i], "--only") == 0 && i + 1 < argc && known(argv[i + 1]))
            only[only_count++] = argv[++i];
        else if (strcmp(argv[i], "--set") == 0 && i + 1 < argc)
            status = set_option(config, argv[++i], &error);
        else if (argv[i][0] != '-' && address == NULL)
            address = argv[i];
        else
            return usage(argv[0]);
    }
    if (status == RPYC_OK && address == NULL)
        return usage(argv[0]);
    if (status == RPYC_OK)
        status = containers_init(&error);
    if (status == RPYC_OK)
        status = local_init(&error);
    exit_status = status == RPYC_OK ? run_all(only, only_count) : complain(argv[0], error);
    rpyc_error_free(error);
    return exit_status;
}

int main(int argc, char **argv)
{
    const char **only = calloc((size_t)argc + 1, sizeof *only);
    config = rpyc_config_new();
    int exit_status = only != NULL ? command(argc, argv, only) : 1;
    local_free();
    containers_free();
    rpyc_config_free(config);
    free(only);
    return exit_status;
}
