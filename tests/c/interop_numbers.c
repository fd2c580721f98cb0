/* Python's + and // for the values of the contract, integers of any size included. */
#include "interop.h"

#include <stdlib.h>
#include <string.h>

static bool is_int(const rpyc_value *value)
{
    int32_t kind = rpyc_value_kind(value);
    return kind == RPYC_VALUE_INT || kind == RPYC_VALUE_BOOL;
}

static bool is_real(const rpyc_value *value)
{
    return is_int(value) || rpyc_value_kind(value) == RPYC_VALUE_FLOAT;
}

/* An integer in little-endian two's complement, with one byte of sign to spare; free() it. */
static uint8_t *wide_int(const rpyc_value *value, size_t size)
{
    rpyc_value *bytes = NULL;
    const uint8_t *data = NULL;
    size_t length = 0;
    uint8_t *wide = NULL;
    rpyc_value *plain = NULL; /* a bool as the int that it is */
    int64_t small = 0;
    if (rpyc_value_get_int(value, &small, NULL) == RPYC_OK)
        plain = rpyc_value_new_int(small);
    else
        plain = rpyc_value_clone(value);
    if (!rpyc_value_get_int_bytes(plain, &bytes, NULL) && !rpyc_value_get_bytes(bytes, &data, &length, NULL) &&
        length <= size && (wide = malloc(size)) != NULL) {
        memset(wide, length > 0 && data[length - 1] & 0x80 ? 0xff : 0, size);
        if (length > 0)
            memcpy(wide, data, length);
    }
    rpyc_value_free(bytes);
    rpyc_value_free(plain);
    return wide;
}

/* How many bytes both integers fit into, with room for a carry and a sign. */
static size_t common_size(const rpyc_value *left, const rpyc_value *right)
{
    size_t size = sizeof(int64_t);
    const rpyc_value *both[] = {left, right};
    for (size_t i = 0; i < 2; i++) {
        rpyc_value *bytes = NULL;
        if (!rpyc_value_get_int_bytes(both[i], &bytes, NULL) && rpyc_value_count(bytes) > size)
            size = rpyc_value_count(bytes);
        rpyc_value_free(bytes);
    }
    return size + 2;
}

static void negate(uint8_t *number, size_t size)
{
    unsigned carry = 1;
    for (size_t i = 0; i < size; i++) {
        carry += (uint8_t)~number[i];
        number[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

/* ---------------------------------------------------------------- + */

static rpyc_status add_ints(const rpyc_value *left, const rpyc_value *right, rpyc_value **sum_out)
{
    size_t size = common_size(left, right);
    uint8_t *a = wide_int(left, size), *b = wide_int(right, size);
    rpyc_status status = RPYC_ERR_NULL;
    if (a != NULL && b != NULL) {
        unsigned carry = 0;
        for (size_t i = 0; i < size; i++) {
            carry += (unsigned)a[i] + b[i];
            a[i] = (uint8_t)carry;
            carry >>= 8;
        }
        status = rpyc_value_new_int_bytes(a, size, sum_out, NULL);
    }
    free(a);
    free(b);
    return status;
}

static rpyc_status join_bytes(const void *left, size_t left_length, const void *right, size_t right_length, bool text,
                              rpyc_value **sum_out)
{
    char *joined = malloc(left_length + right_length + 1);
    if (joined == NULL)
        return RPYC_ERR_NULL;
    if (left_length > 0)
        memcpy(joined, left, left_length);
    if (right_length > 0)
        memcpy(joined + left_length, right, right_length);
    size_t length = left_length + right_length;
    *sum_out = text ? text_value(joined, length) : bytes_value(joined, length);
    free(joined);
    return *sum_out != NULL ? RPYC_OK : RPYC_ERR_NULL;
}

static rpyc_status join_tuples(const rpyc_value *left, const rpyc_value *right, rpyc_value **sum_out)
{
    size_t left_count = rpyc_value_count(left), right_count = rpyc_value_count(right);
    rpyc_value **items = calloc(left_count + right_count + 1, sizeof *items);
    if (items == NULL)
        return RPYC_ERR_NULL;
    for (size_t i = 0; i < left_count; i++)
        items[i] = rpyc_value_clone(rpyc_value_item(left, i));
    for (size_t i = 0; i < right_count; i++)
        items[left_count + i] = rpyc_value_clone(rpyc_value_item(right, i));
    rpyc_status status = rpyc_value_new_tuple(items, left_count + right_count, sum_out, NULL);
    free(items);
    return status;
}

rpyc_status add_values(const rpyc_value *left, const rpyc_value *right, rpyc_value **sum_out)
{
    *sum_out = NULL;
    if (is_int(left) && is_int(right))
        return add_ints(left, right, sum_out);
    if (is_real(left) && is_real(right)) {
        double a = 0, b = 0;
        rpyc_status status = rpyc_value_get_float(left, &a, NULL);
        if (status == RPYC_OK)
            status = rpyc_value_get_float(right, &b, NULL);
        if (status == RPYC_OK)
            *sum_out = rpyc_value_new_float(a + b);
        return status;
    }
    if (rpyc_value_kind(left) != rpyc_value_kind(right))
        return RPYC_ERR_TYPE;
    switch (rpyc_value_kind(left)) {
    case RPYC_VALUE_STR: {
        const char *a = NULL, *b = NULL;
        size_t a_length = 0, b_length = 0;
        rpyc_value_get_str(left, &a, &a_length, NULL);
        rpyc_value_get_str(right, &b, &b_length, NULL);
        return join_bytes(a, a_length, b, b_length, true, sum_out);
    }
    case RPYC_VALUE_BYTES: {
        const uint8_t *a = NULL, *b = NULL;
        size_t a_length = 0, b_length = 0;
        rpyc_value_get_bytes(left, &a, &a_length, NULL);
        rpyc_value_get_bytes(right, &b, &b_length, NULL);
        return join_bytes(a, a_length, b, b_length, false, sum_out);
    }
    case RPYC_VALUE_TUPLE:
        return join_tuples(left, right, sum_out);
    default:
        return RPYC_ERR_TYPE;
    }
}

void answer_sum(rpyc_call *call, const rpyc_value *left, const rpyc_value *right)
{
    rpyc_value *sum = NULL;
    if (add_values(left, right, &sum) == RPYC_ERR_TYPE)
        raise_type_error(call, "unsupported operand types for +");
    else
        answer(call, sum);
}

/* ---------------------------------------------------------------- // */

static bool is_zero(const uint8_t *number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (number[i] != 0)
            return false;
    return true;
}

static bool at_least(const uint8_t *number, const uint8_t *other, size_t size)
{
    for (size_t i = size; i-- > 0;)
        if (number[i] != other[i])
            return number[i] > other[i];
    return true;
}

static void subtract(uint8_t *number, const uint8_t *other, size_t size)
{
    int borrow = 0;
    for (size_t i = 0; i < size; i++) {
        int difference = number[i] - other[i] - borrow;
        borrow = difference < 0;
        number[i] = (uint8_t)difference;
    }
}

/* Long division by bits: dividend becomes the quotient; all are magnitudes of `size` bytes. */
static void divide_magnitudes(uint8_t *dividend, const uint8_t *divisor, uint8_t *remainder, size_t size)
{
    memset(remainder, 0, size);
    for (size_t bit = size * 8; bit-- > 0;) {
        unsigned carry = dividend[bit / 8] >> bit % 8 & 1;
        for (size_t i = 0; i < size; i++) {
            carry |= (unsigned)remainder[i] << 1;
            remainder[i] = (uint8_t)carry;
            carry >>= 8;
        }
        uint8_t mask = (uint8_t)(1u << bit % 8);
        dividend[bit / 8] &= (uint8_t)~mask;
        if (at_least(remainder, divisor, size)) {
            subtract(remainder, divisor, size);
            dividend[bit / 8] |= mask;
        }
    }
}

static rpyc_status floor_divide_ints(const rpyc_value *left, const rpyc_value *right, rpyc_value **quotient_out)
{
    size_t size = common_size(left, right);
    uint8_t *a = wide_int(left, size), *b = wide_int(right, size), *remainder = malloc(size);
    rpyc_status status = RPYC_ERR_NULL;
    if (a != NULL && b != NULL && remainder != NULL) {
        if (is_zero(b, size)) {
            status = RPYC_ERR_RANGE;
        } else {
            bool negative = ((a[size - 1] ^ b[size - 1]) & 0x80) != 0;
            if (a[size - 1] & 0x80)
                negate(a, size);
            if (b[size - 1] & 0x80)
                negate(b, size);
            divide_magnitudes(a, b, remainder, size);
            if (negative) { /* -(q + 1) is ~q */
                if (is_zero(remainder, size))
                    negate(a, size);
                else
                    for (size_t i = 0; i < size; i++)
                        a[i] = (uint8_t)~a[i];
            }
            status = rpyc_value_new_int_bytes(a, size, quotient_out, NULL);
        }
    }
    free(a);
    free(b);
    free(remainder);
    return status;
}

static double floor_of(double number)
{
    if (!(number > -9e15 && number < 9e15))
        return number; /* beyond 2^53 every double is whole */
    double whole = (double)(int64_t)number;
    return whole > number ? whole - 1 : whole;
}

rpyc_status floor_divide_values(const rpyc_value *left, const rpyc_value *right, rpyc_value **quotient_out)
{
    *quotient_out = NULL;
    if (is_int(left) && is_int(right))
        return floor_divide_ints(left, right, quotient_out);
    if (!is_real(left) || !is_real(right))
        return RPYC_ERR_TYPE;
    double a = 0, b = 0;
    rpyc_status status = rpyc_value_get_float(left, &a, NULL);
    if (status == RPYC_OK)
        status = rpyc_value_get_float(right, &b, NULL);
    if (status == RPYC_OK && b == 0)
        status = RPYC_ERR_RANGE;
    if (status == RPYC_OK)
        *quotient_out = rpyc_value_new_float(floor_of(a / b));
    return status;
}
