/* Where received bytes lie: numbers in them can be read in place. Alone, of a native peer; with an ADDRESS, of a stock
 * server there whose method echo gives its argument back. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "peers.h"

static const size_t SIZES[] = {0,     1,     2,     4,     6,     8,     12,     16,     20,     24,
                               26,    28,    30,    32,    40,    800,   1023,   1024,   1032,   8000,
                               16384, 65528, 65535, 65536, 65537, 65600, 100008, 262144, 800000, 2000003};
enum { NUMBER_OF_SIZES = sizeof SIZES / sizeof *SIZES };

/* Bytes of a pattern that compresses well or not at all. */
static rpyc_value *pattern(size_t size, int noise)
{
    uint8_t *data = malloc(size + 1);
    uint64_t state = size + 1;
    rpyc_value *value = NULL;

    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[i] = noise ? (uint8_t)(state >> 56) : (uint8_t)(i >> 9);
    }
    OK(rpyc_value_new_bytes(data, size, &value, &error));
    free(data);
    return value;
}

/* Whether received bytes lie where the header says. */
static int lies_well(const rpyc_value *value, size_t size)
{
    const uint8_t *data = NULL;
    size_t length = 0;
    uintptr_t address;

    OK(rpyc_value_get_bytes(value, &data, &length, &error));
    address = (uintptr_t)data;
    if (length != size)
        return 0;
    if (size >= 65536)
        return address % 64 == 0;
    /* Up to 30 bytes lie in the value itself. */
    if (size <= 30 && size % 8)
        return address % (size % 4 == 0 ? 4 : size % 2 == 0 ? 2 : 1) == 0;
    return address % 8 == 0;
}

/* Everything comes back equal, and lies well: alone, among others, and kept beyond its message. */
static void echoed(rpyc_object *root, int noise)
{
    rpyc_value *kept[NUMBER_OF_SIZES];

    for (size_t at = 0; at < NUMBER_OF_SIZES; at++) {
        rpyc_value *sent = pattern(SIZES[at], noise), *text = NULL, *arg, *got = NULL;

        arg = rpyc_value_clone(sent);
        OK(rpyc_object_call_method(root, "echo", &arg, 1, NULL, &kept[at], &error));
        CHECK(lies_well(kept[at], SIZES[at]) && rpyc_value_equal(kept[at], sent));
        for (size_t before = 0; before < 9; before++) {
            rpyc_value *items[3];

            OK(rpyc_value_new_str("<f8<f8<f8", before, &text, &error));
            items[0] = text;
            items[1] = rpyc_value_clone(sent);
            items[2] = rpyc_value_clone(sent);
            OK(rpyc_value_new_tuple(items, 3, &arg, &error));
            OK(rpyc_object_call_method(root, "echo", &arg, 1, NULL, &got, &error));
            for (size_t item = 1; item < 3; item++)
                CHECK(lies_well(rpyc_value_item(got, item), SIZES[at]) &&
                      rpyc_value_equal(rpyc_value_item(got, item), sent));
            rpyc_value_free(got);
            if (SIZES[at] > 100000)
                break;
        }
        rpyc_value_free(sent);
    }
    for (size_t at = 0; at < NUMBER_OF_SIZES; at++) {
        rpyc_value *clone = rpyc_value_clone(kept[at]);

        rpyc_value_free(kept[at]);
        CHECK(lies_well(clone, SIZES[at]));
        rpyc_value_free(clone);
    }
}

/* Arrays by value are aligned to their elements, and long ones to 64 too. */
static void arrays(rpyc_object *root)
{
    static const double numbers[100000] = {1, 2, 3};
    const size_t counts[] = {1, 3, 127, 128, 1000, 8192, 10001, 100000};

    for (size_t at = 0; at < sizeof counts / sizeof *counts; at++) {
        rpyc_value *arg = NULL, *got = NULL;
        const void *data = NULL;
        size_t count = 0;
        rpyc_array_type_id type = 0;

        OK(rpyc_value_new_array(RPYC_ARRAY_DOUBLE, numbers, counts[at], &arg, &error));
        OK(rpyc_object_call_method(root, "echo", &arg, 1, NULL, &got, &error));
        OK(rpyc_value_get_array(got, &type, &data, &count, &error));
        CHECK(count == counts[at] && memcmp(data, numbers, 8 * count) == 0);
        CHECK((uintptr_t)data % (8 * count >= 65536 ? 64 : 8) == 0);
        rpyc_value_free(got);
    }
}

int main(int argc, char **argv)
{
    struct peers peers = {0};
    rpyc_connection *connection = NULL;
    rpyc_object *root = NULL;

    if (argc == 2)
        OK(rpyc_connect(argv[1], NULL, NULL, &connection, &error));
    else {
        peers_native = "on";
        peers_open(&peers);
    }
    OK(rpyc_connection_root(argc == 2 ? connection : peers.client, &root, &error));
    echoed(root, 0);
    echoed(root, 1);
    if (argc != 2)
        arrays(root);
    rpyc_object_free(root);
    rpyc_connection_free(connection);
    if (argc != 2)
        peers_close(&peers);
    return finish();
}
