/* 04_values: sends every kind of value and receives it back.
 *
 * Shows how each kind is made and read, its type in Python, big integers, and the kinds that are passed by value.
 *
 *     cc 04_values.c -o 04_values $(pkg-config --cflags --libs rpyc)
 *     python3 peers/values_server.py tcp://127.0.0.1:18861 &
 *     ./04_values tcp://127.0.0.1:18861
 *
 * Prints, for each value, its type and its repr in Python, and the value that this program received back:
 *     NoneType           None                      None
 *     ...
 *     int                18446744073709551615      unsigned 18446744073709551615
 *     ...
 *     list               total 6                   sent by reference to a snapshot
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rpyc.h>

/* Makes a str; NULL on failure. The function that gets NULL returns RPYC_ERR_NULL. */
static rpyc_value *text(const char *s)
{
    rpyc_value *value = NULL;

    rpyc_value_new_str(s, RPYC_NUL_TERMINATED, &value, NULL);
    return value;
}

static void print_str(const rpyc_value *value)
{
    const char *s = "?";
    size_t length = 1;

    rpyc_value_get_str(value, &s, &length, NULL);
    printf("%.*s", (int)length, s);
}

/* Prints a value of any kind, with one branch for each kind. */
static void print(const rpyc_value *value)
{
    rpyc_value *digits = NULL;
    const uint8_t *data = NULL;
    size_t length = 0, i;
    int64_t n = 0;
    uint64_t u = 0;
    double x = 0, y = 0;
    bool truth = false;

    switch (rpyc_value_kind(value)) {
    case RPYC_VALUE_NONE:
        printf("None");
        break;
    case RPYC_VALUE_NOT_IMPLEMENTED:
        printf("NotImplemented");
        break;
    case RPYC_VALUE_ELLIPSIS:
        printf("Ellipsis");
        break;
    case RPYC_VALUE_BOOL:
        rpyc_value_get_bool(value, &truth, NULL);
        printf("%s", truth ? "true" : "false");
        break;
    case RPYC_VALUE_INT:
        if (rpyc_value_get_int(value, &n, NULL) == RPYC_OK) {
            printf("%" PRId64, n);
        } else if (rpyc_value_get_uint(value, &u, NULL) == RPYC_OK) { /* RPYC_ERR_RANGE: out of range */
            printf("unsigned %" PRIu64, u);
        } else if (rpyc_value_get_int_text(value, &digits, NULL) == RPYC_OK) {
            printf("big ");
            print_str(digits);
            rpyc_value_free(digits);
        }
        break;
    case RPYC_VALUE_FLOAT:
        rpyc_value_get_float(value, &x, NULL);
        printf("%g", x);
        break;
    case RPYC_VALUE_COMPLEX:
        rpyc_value_get_complex(value, &x, &y, NULL);
        printf("%g and %gi", x, y);
        break;
    case RPYC_VALUE_STR:
        print_str(value);
        break;
    case RPYC_VALUE_BYTES:
        rpyc_value_get_bytes(value, &data, &length, NULL);
        for (i = 0; i < length; i++)
            printf("%02x", data[i]);
        break;
    case RPYC_VALUE_TUPLE:
    case RPYC_VALUE_SLICE: /* three items: start, stop, step */
    case RPYC_VALUE_FROZENSET:
        for (i = 0; i < rpyc_value_count(value); i++) {
            printf("%s", i ? ", " : "[");
            print(rpyc_value_item(value, i));
        }
        printf("%s", i ? "]" : "[]");
        break;
    default:
        printf("kind %d", (int)rpyc_value_kind(value));
        break;
    }
}

/* Sends a value to root.describe(), which returns (type, repr, the value), and prints the three. Consumes the value. */
static rpyc_status there_and_back(rpyc_object *root, rpyc_value *value, rpyc_error **error_out)
{
    rpyc_value *kept = rpyc_value_clone(value); /* no copy: values are immutable and reference counted */
    rpyc_value *args[] = {value};
    rpyc_value *result = NULL;
    const char *type = "", *repr = "";
    size_t type_length = 0, repr_length = 0;
    rpyc_status status;

    status = rpyc_object_call_method(root, "describe", args, 1, NULL, &result, error_out);
    if (!status)
        status = rpyc_value_get_str(rpyc_value_item(result, 0), &type, &type_length, error_out);
    if (!status)
        status = rpyc_value_get_str(rpyc_value_item(result, 1), &repr, &repr_length, error_out);
    if (!status) {
        printf("%-18.*s %-25.*s ", (int)type_length, type, (int)repr_length, repr);
        print(rpyc_value_item(result, 2));
        printf("%s\n", rpyc_value_equal(kept, rpyc_value_item(result, 2)) ? "" : " (not equal)");
    }
    rpyc_value_free(result);
    rpyc_value_free(kept);
    return status;
}

/* Sends a list or a dict. Python gets a reference to a list or dict that the library keeps. */
static rpyc_status container(rpyc_object *root, const char *type, rpyc_value *value, rpyc_error **error_out)
{
    rpyc_value *args[] = {value};
    rpyc_value *result = NULL;
    int64_t total = 0;
    rpyc_status status;

    status = rpyc_object_call_method(root, "total", args, 1, NULL, &result, error_out);
    if (!status)
        status = rpyc_value_get_int(result, &total, error_out);
    if (!status)
        printf("%-18s total %-19" PRId64 " sent by reference to a snapshot\n", type, total);
    rpyc_value_free(result);
    return status;
}

/* The following functions make values from others. They return NULL on failure. */
static rpyc_value *new_tuple(rpyc_error **error_out)
{
    rpyc_value *inner[] = {rpyc_value_new_float(2.5), rpyc_value_new_none()};
    rpyc_value *items[] = {rpyc_value_new_int(1), text("two"), NULL};
    rpyc_value *tuple = NULL;

    if (rpyc_value_new_tuple(inner, 2, &items[2], error_out)) {
        rpyc_value_free(items[0]);
        rpyc_value_free(items[1]);
        return NULL;
    }
    rpyc_value_new_tuple(items, 3, &tuple, error_out);
    return tuple;
}

static rpyc_value *new_numbers(rpyc_status (*make)(rpyc_value *const *, size_t, rpyc_value **, rpyc_error **),
                               rpyc_error **error_out)
{
    rpyc_value *items[] = {rpyc_value_new_int(1), rpyc_value_new_int(2), rpyc_value_new_int(3)};
    rpyc_value *value = NULL;

    make(items, 3, &value, error_out);
    return value;
}

static rpyc_value *new_dict(rpyc_error **error_out)
{
    rpyc_value *keys[] = {text("apples"), text("pears")};
    rpyc_value *values[] = {rpyc_value_new_int(10), rpyc_value_new_int(20)};
    rpyc_value *dict = NULL;

    rpyc_value_new_dict(keys, values, 2, &dict, error_out);
    return dict;
}

int main(int argc, char **argv)
{
    static const uint8_t octets[] = {0x00, 0x7f, 0xff};
    static const uint8_t two_to_the_64[] = {0, 0, 0, 0, 0, 0, 0, 0, 1};
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL;
    rpyc_value *value = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error))
        goto done;

    if (there_and_back(root, rpyc_value_new_none(), &error) ||
        there_and_back(root, rpyc_value_new_not_implemented(), &error) ||
        there_and_back(root, rpyc_value_new_ellipsis(), &error) ||
        there_and_back(root, rpyc_value_new_bool(true), &error) ||
        there_and_back(root, rpyc_value_new_int(-49), &error) ||
        there_and_back(root, rpyc_value_new_uint(UINT64_MAX), &error))
        goto done;

    if (rpyc_value_new_int_text("-1000000000000000000000", RPYC_NUL_TERMINATED, &value, &error) ||
        there_and_back(root, value, &error) ||
        rpyc_value_new_int_bytes(two_to_the_64, sizeof two_to_the_64, &value, &error) ||
        there_and_back(root, value, &error))
        goto done;

    if (there_and_back(root, rpyc_value_new_float(0.1), &error) ||
        there_and_back(root, rpyc_value_new_complex(1.5, -2), &error) ||
        there_and_back(root, text("na\xc3\xafve \xe2\x82\xac"), &error))
        goto done;

    if (rpyc_value_new_bytes(octets, sizeof octets, &value, &error) || there_and_back(root, value, &error))
        goto done;

    if (!(value = new_tuple(&error)) || there_and_back(root, value, &error) ||
        !(value = new_numbers(rpyc_value_new_frozenset, &error)) || there_and_back(root, value, &error))
        goto done;

    if (rpyc_value_new_slice(rpyc_value_new_int(1), NULL, rpyc_value_new_int(2), &value, &error) ||
        there_and_back(root, value, &error))
        goto done;

    if (!(value = new_numbers(rpyc_value_new_list, &error)) || container(root, "list", value, &error) ||
        !(value = new_dict(&error)) || container(root, "dict", value, &error))
        goto done;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "04_values: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}
