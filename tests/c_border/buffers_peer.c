/* buffers_peer ADDRESS ROUNDS: bytes of a server's echo(), in memory of ours: right, there, and free again each time. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#define MOST ((size_t)1 << 20)

static unsigned char memory[MOST], sent[MOST + 1];
static int destroyed;

static void destroy(void *userdata)
{
    (void)userdata;
    destroyed++;
}

static void echo(rpyc_object *root, rpyc_buffer *buffer, size_t length)
{
    rpyc_value *args[1] = {NULL}, *answer = NULL;
    const uint8_t *data = NULL;
    size_t got = 0;

    OK(rpyc_value_new_bytes(sent, length, &args[0], &error));
    memset(memory, '-', sizeof memory);
    OK(rpyc_object_call_method_into(root, "echo", args, 1, NULL, buffer, &answer, &error));
    OK(rpyc_value_get_bytes(answer, &data, &got, &error));
    CHECK(got == length && (data == memory) == (length <= MOST) && memcmp(data, sent, length) == 0);
    CHECK(rpyc_buffer_busy(buffer) == (length <= MOST));
    rpyc_value_free(answer);
    CHECK(!rpyc_buffer_busy(buffer));
}

int main(int argc, char **argv)
{
    static const size_t lengths[] = {0, 30, 3000, 65000, 65536, 100000, MOST - 1, MOST, MOST + 1};
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;
    rpyc_buffer *buffer = NULL;
    int rounds = argc == 3 ? atoi(argv[2]) : 0;

    if (rounds < 1) {
        fprintf(stderr, "usage: %s ADDRESS ROUNDS\n", argv[0]);
        return EXIT_FAILURE;
    }
    srand(1);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (unsigned char)(i < MOST / 2 ? rand() >> 8 : 'x'); /* one half can be compressed */
    OK(rpyc_buffer_new(memory, sizeof memory, NULL, destroy, &buffer, &error));
    OK(rpyc_connect(argv[1], NULL, NULL, &connection, &error));
    OK(rpyc_connection_root(connection, &root, &error));
    if (failures)
        return finish();
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            echo(root, buffer, lengths[i]);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    rpyc_buffer_free(buffer);
    CHECK(destroyed == 1);
    return finish();
}
