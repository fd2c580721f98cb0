/* 05_objects: uses an object of a Python server.
 *
 * Shows attributes, items, length, membership, str and repr, comparison, iteration, a context manager, dir and
 * inspect.
 *
 *     cc 05_objects.c -o 05_objects $(pkg-config --cflags --libs rpyc)
 *     python3 peers/shop_server.py tcp://127.0.0.1:18861 &
 *     ./05_objects tcp://127.0.0.1:18861
 *
 * Prints:
 *     type shop.Basket, str: a basket of Ada's
 *     owner: Ada, then Grace
 *     2 items, apples: 3, pears: 5
 *     has apples: yes, has plums: no
 *     plums raised KeyError: 'plums'
 *     iteration: apples nuts
 *     the same basket: yes, equal to a new one: no
 *     in the sale: 5, after it: 10
 *     offers a method price
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

/* Makes a str; NULL on failure. The function that gets NULL returns RPYC_ERR_NULL. */
static rpyc_value *text(const char *s)
{
    rpyc_value *value = NULL;

    rpyc_value_new_str(s, RPYC_NUL_TERMINATED, &value, NULL);
    return value;
}

/* Prints a str value and frees it. */
static void print_and_free(rpyc_value *value)
{
    const char *s = "?";
    size_t length = 1;

    rpyc_value_get_str(value, &s, &length, NULL);
    printf("%.*s", (int)length, s);
    rpyc_value_free(value);
}

/* Calls a method of an object without arguments; the result must be an object. */
static rpyc_status call_for_object(rpyc_object *object, const char *method, rpyc_object **object_out,
                                   rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_object_call_method(object, method, NULL, 0, NULL, &value, error_out);

    if (!status)
        status = rpyc_value_get_object(value, object_out, error_out);
    rpyc_value_free(value);
    return status;
}

static rpyc_status attributes(rpyc_object *basket, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status;

    if ((status = rpyc_object_str(basket, &value, error_out)))
        return status;
    printf("type %s, str: ", rpyc_object_type_name(basket));
    print_and_free(value);

    if ((status = rpyc_object_get_attr(basket, "owner", &value, error_out)))
        return status;
    printf("\nowner: ");
    print_and_free(value);

    if ((status = rpyc_object_set_attr(basket, "owner", text("Grace"), error_out)) ||
        (status = rpyc_object_get_attr(basket, "owner", &value, error_out)))
        return status;
    printf(", then ");
    print_and_free(value);
    printf("\n");
    return RPYC_OK;
}

static rpyc_status count(rpyc_object *basket, const char *name, int64_t *count_out, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_object_get_item(basket, text(name), &value, error_out);

    if (!status)
        status = rpyc_value_get_int(value, count_out, error_out);
    rpyc_value_free(value);
    return status;
}

static rpyc_status items(rpyc_object *basket, rpyc_error **error_out)
{
    int64_t length = 0, apples = 0, pears = 0;
    bool has_apples = false, has_plums = false;
    rpyc_status status;

    if ((status = rpyc_object_set_item(basket, text("pears"), rpyc_value_new_int(5), error_out)) ||
        (status = rpyc_object_length(basket, &length, error_out)) ||
        (status = count(basket, "apples", &apples, error_out)) || (status = count(basket, "pears", &pears, error_out)))
        return status;
    printf("%" PRId64 " items, apples: %" PRId64 ", pears: %" PRId64 "\n", length, apples, pears);

    if ((status = rpyc_object_del_item(basket, text("pears"), error_out)) ||
        (status = rpyc_object_contains(basket, text("apples"), &has_apples, error_out)) ||
        (status = rpyc_object_contains(basket, text("plums"), &has_plums, error_out)))
        return status;
    printf("has apples: %s, has plums: %s\n", has_apples ? "yes" : "no", has_plums ? "yes" : "no");

    status = count(basket, "plums", &length, error_out);
    if (!rpyc_error_is(*error_out, "KeyError"))
        return status;
    printf("plums raised %s\n", rpyc_error_describe(*error_out));
    rpyc_error_free(*error_out);
    *error_out = NULL;
    return RPYC_OK;
}

static rpyc_status iteration(rpyc_object *basket, rpyc_error **error_out)
{
    rpyc_iterator *iterator = NULL;
    rpyc_value *item = NULL;
    rpyc_status status;

    if ((status = rpyc_object_set_item(basket, text("nuts"), rpyc_value_new_int(40), error_out)) ||
        (status = rpyc_object_iterate(basket, &iterator, error_out)))
        return status;
    printf("iteration:");
    while (!(status = rpyc_iterator_next(iterator, &item, error_out))) {
        printf(" ");
        print_and_free(item);
    }
    printf("\n");
    rpyc_iterator_free(iterator);
    if (status != RPYC_ERR_STOP_ITERATION)
        return status;
    rpyc_error_free(*error_out); /* the end of the iteration */
    *error_out = NULL;
    return RPYC_OK;
}

static rpyc_status identity(rpyc_object *root, rpyc_object *basket, rpyc_error **error_out)
{
    rpyc_object *again = NULL, *other = NULL;
    rpyc_value *value = NULL, *result = NULL;
    bool equal = false;
    rpyc_status status;

    if ((status = call_for_object(root, "basket", &again, error_out)) ||
        (status = call_for_object(root, "new_basket", &other, error_out)) ||
        (status = rpyc_value_new_object(other, &value, error_out)) ||
        (status = rpyc_object_compare(basket, RPYC_EQ, value, &result, error_out)) ||
        (status = rpyc_value_get_bool(result, &equal, error_out)))
        goto done;
    printf("the same basket: %s, equal to a new one: %s\n", rpyc_object_same(basket, again) ? "yes" : "no",
           equal ? "yes" : "no");

done:
    rpyc_value_free(result);
    rpyc_object_free(other);
    rpyc_object_free(again);
    return status;
}

static rpyc_status price(rpyc_object *basket, int64_t *price_out, rpyc_error **error_out)
{
    rpyc_value *value = NULL;
    rpyc_status status = rpyc_object_call_method(basket, "price", NULL, 0, NULL, &value, error_out);

    if (!status)
        status = rpyc_value_get_int(value, price_out, error_out);
    rpyc_value_free(value);
    return status;
}

/* with root.sale(): ... */
static rpyc_status context(rpyc_object *root, rpyc_object *basket, rpyc_error **error_out)
{
    rpyc_object *sale = NULL;
    rpyc_value *entered = NULL;
    int64_t during = 0, after = 0;
    bool swallowed = false;
    rpyc_status status;

    if ((status = call_for_object(root, "sale", &sale, error_out)) ||
        (status = rpyc_object_enter(sale, &entered, error_out)))
        goto done;
    status = price(basket, &during, error_out);
    if (status) { /* the block failed: tell the context manager, and keep the first error */
        rpyc_object_exit(sale, error_out ? *error_out : NULL, &swallowed, NULL);
        goto done;
    }
    if ((status = rpyc_object_exit(sale, NULL, &swallowed, error_out)) || (status = price(basket, &after, error_out)))
        goto done;
    printf("in the sale: %" PRId64 ", after it: %" PRId64 "\n", during, after);

done:
    rpyc_value_free(entered);
    rpyc_object_free(sale);
    return status;
}

static rpyc_status introspection(rpyc_object *basket, rpyc_error **error_out)
{
    rpyc_value *names = NULL;
    rpyc_status status = rpyc_object_dir(basket, &names, error_out);
    size_t i;

    for (i = 0; i < rpyc_value_count(names); i++)
        if (rpyc_value_str_equal(rpyc_value_item(names, i), "exposed_price"))
            printf("offers a method price\n");
    rpyc_value_free(names);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL, *basket = NULL;
    rpyc_error *error = NULL;
    int exit_code = EXIT_FAILURE;

    if (argc != 2) {
        fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error) ||
        call_for_object(root, "basket", &basket, &error) || attributes(basket, &error) || items(basket, &error) ||
        iteration(basket, &error) || identity(root, basket, &error) || context(root, basket, &error) ||
        introspection(basket, &error))
        goto done;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "05_objects: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_object_free(basket); /* the last handle: the server can release the object */
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}
