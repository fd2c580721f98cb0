/* stdio MODE [PROGRAM]: a program whose standard streams are a connection, and which prints all the same.
 *
 *     stdio serve            serves at stdio:
 *     stdio descriptors      serves at fd:0,1
 *     stdio call DIALECT     calls say("...") of the peer at stdio:, and prints in between
 *     stdio own PROGRAM      runs PROGRAM serve as exec: and calls it
 *     stdio closed           has no descriptor 0; says on standard error what it gets for stdio:
 */
#define _DEFAULT_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"

/* Prints in every way, also in children. */
static void print_much(void)
{
    char line[16] = "";
    FILE *child;

    printf("from printf\n");
    puts("from puts");
    fflush(stdout);
    check(write(1, "from write\n", 11) == 11, "write to 1", __LINE__);
    CHECK(system("echo from a child") == 0);
    /* Children read nothing of the protocol either. */
    child = popen("wc -c", "r");
    CHECK(child && fgets(line, sizeof line, child) && atoi(line) == 0);
    CHECK(child && pclose(child) == 0);
}

static void noisy(rpyc_call *call, void *self)
{
    (void)self;
    print_much();
    CHECK(getchar() == EOF);
    clearerr(stdin);
    rpyc_call_return_int(call, failures);
}

static void descriptors(rpyc_call *call, void *self)
{
    struct stat null, in, out, err;

    (void)self;
    CHECK(!stat("/dev/null", &null) && !fstat(0, &in) && !fstat(1, &out));
    CHECK(in.st_rdev == null.st_rdev);
    CHECK(!(fcntl(0, F_GETFD) & FD_CLOEXEC) && !(fcntl(1, F_GETFD) & FD_CLOEXEC));
    if (fstat(2, &err)) /* standard error was closed */
        CHECK(out.st_rdev == null.st_rdev);
    else
        CHECK(out.st_dev == err.st_dev && out.st_ino == err.st_ino);
    rpyc_call_return_int(call, failures);
}

/* The second use. */
static void again(rpyc_call *call, void *self)
{
    rpyc_transport *transport = NULL;

    (void)self;
    GIVES(RPYC_ERR_ADDRESS, rpyc_transport_connect("stdio:", NULL, &transport, &error));
    CHECK(!transport);
    rpyc_call_return_int(call, failures);
}

static rpyc_class *service(void)
{
    static const rpyc_method methods[] = {
        {"exposed_noisy", noisy, "noisy()", NULL, 0},
        {"exposed_descriptors", descriptors, "descriptors()", NULL, 0},
        {"exposed_again", again, "again()", NULL, 0},
    };
    static const rpyc_class_table table = {.struct_size = sizeof table,
                                           .method_size = sizeof(rpyc_method),
                                           .name = "NoisyService",
                                           .methods = methods,
                                           .method_count = sizeof methods / sizeof *methods};
    rpyc_class *made = NULL;

    OK(rpyc_class_new(&table, NULL, NULL, &made, &error));
    return made;
}

static void serve(const char *address)
{
    rpyc_class *offered = service();
    rpyc_transport *transport = NULL;
    rpyc_connection *connection = NULL;

    OK(rpyc_transport_connect(address, NULL, &transport, &error));
    OK(rpyc_connection_new(transport, offered, NULL, &connection, &error));
    OK(rpyc_connection_serve_all(connection, &error));
    rpyc_connection_free(connection);
    rpyc_class_free(offered);
    /* They stay as they are after the end. */
    print_much();
}

static void call(rpyc_object *root, const char *name, const char *text)
{
    rpyc_value *result = NULL, *args[1] = {NULL};
    int64_t number = -1;

    if (text)
        OK(rpyc_value_new_str(text, RPYC_NUL_TERMINATED, &args[0], &error));
    OK(rpyc_object_call_method(root, name, args, text ? 1 : 0, NULL, &result, &error));
    OK(rpyc_value_get_int(result, &number, &error));
    CHECK(number == 0);
    rpyc_value_free(result);
}

static void client(const char *address, const char *dialect, int own)
{
    rpyc_config *config = rpyc_config_new();
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;

    OK(rpyc_config_set(config, "dialect", dialect, &error));
    OK(rpyc_connect(address, NULL, config, &connection, &error));
    rpyc_config_free(config);
    OK(rpyc_connection_root(connection, &root, &error));
    for (int i = 0; i < 3; i++) {
        if (own) {
            call(root, "noisy", NULL);
            call(root, "descriptors", NULL);
            call(root, "again", NULL);
        } else {
            print_much();
            call(root, "say", "hello");
        }
    }
    rpyc_object_free(root);
    OK(rpyc_connection_close(connection, &error));
    rpyc_connection_free(connection);
}

static void closed(void)
{
    struct stat before, after;
    rpyc_transport *transport = NULL;

    close(0);
    CHECK(!fstat(1, &before));
    GIVES(RPYC_ERR_ADDRESS, rpyc_transport_connect("stdio:", NULL, &transport, &error));
    CHECK(!fstat(1, &after) && before.st_ino == after.st_ino && before.st_dev == after.st_dev);
    CHECK(fcntl(0, F_GETFD) < 0 && !transport);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";

    alarm(60);
    if (!strcmp(mode, "serve"))
        serve("stdio:");
    else if (!strcmp(mode, "descriptors"))
        serve("fd:0,1");
    else if (!strcmp(mode, "call") && argc == 3)
        client("stdio:", argv[2], 0);
    else if (!strcmp(mode, "own") && argc == 3) {
        char address[4096];

        snprintf(address, sizeof address, "exec:'%s' serve", argv[2]);
        client(address, "auto", 1);
    } else if (!strcmp(mode, "closed"))
        closed();
    return finish();
}
