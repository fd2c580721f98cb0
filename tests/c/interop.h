/* What interop_server and interop_client share. Both implement tests/peers/contract.md. */
#ifndef INTEROP_H
#define INTEROP_H

#include <rpyc.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---------------------------------------------------------------- values (interop_common.c)
 * NULL is "could not be made"; the makers below take it as an argument and give it on. */

/* An argument array and its length, as the functions of rpyc.h take them. */
#define ITEMS(...) (rpyc_value *[]){__VA_ARGS__}, sizeof((rpyc_value *[]){__VA_ARGS__}) / sizeof(rpyc_value *)

rpyc_value *str_value(const char *text);
rpyc_value *text_value(const char *text, size_t length);
rpyc_value *bytes_value(const void *data, size_t length);
rpyc_value *big_value(const char *digits);
rpyc_value *object_value(const rpyc_object *object);
rpyc_value *tuple_value(rpyc_value *const *items, size_t count);
#define TUPLE(...) tuple_value(ITEMS(__VA_ARGS__))
rpyc_value *empty_tuple(void);
rpyc_value *range_value(int64_t count); /* (0, 1, ... count-1) */

/* 10^300 and its negative in decimal. */
const char *ten_to_300(void);
const char *minus_ten_to_300(void);

/* The items of a tuple or list, cloned into an array for a call that consumes them; free() it. NULL: no memory. */
rpyc_value **cloned_items(const rpyc_value *sequence, size_t *count_out);
/* ((key, value), ...) of a dict with text keys, sorted by key. */
rpyc_value *sorted_pairs(const rpyc_value *dict);
int compare_texts(const rpyc_value *left, const rpyc_value *right); /* <0, 0, >0 as Python orders two str */
bool text_contains(const rpyc_value *text, const rpyc_value *part);
void free_value(void *value);                        /* rpyc_value_free as a destructor */
void free_values(rpyc_value **values, size_t count); /* the items and their array */

/* ---------------------------------------------------------------- answers (interop_common.c) */

/* Returns the value; NULL raises MemoryError. (rpyc_call_return takes NULL as None.) */
void answer(rpyc_call *call, rpyc_value *value);
/* Returns the value, or raises the error if there is one. Both are consumed. */
void answer_or_raise(rpyc_call *call, rpyc_value *value, rpyc_error *error);
/* Returns the object and gives the handle up; NULL raises MemoryError. */
void answer_object(rpyc_call *call, rpyc_object *object);
void raise_type_error(rpyc_call *call, const char *message);
void raise_key_error(rpyc_call *call, const rpyc_value *key);
void raise_stop_iteration(rpyc_call *call);

/* ---------------------------------------------------------------- numbers (interop_numbers.c) */

/* Python's left + right for numbers, str, bytes and tuples; RPYC_ERR_TYPE for anything else. */
rpyc_status add_values(const rpyc_value *left, const rpyc_value *right, rpyc_value **sum_out);
/* Python's left // right for real numbers; RPYC_ERR_RANGE when right is zero. */
rpyc_status floor_divide_values(const rpyc_value *left, const rpyc_value *right, rpyc_value **quotient_out);
/* Answers with left + right, or with Python's TypeError. */
void answer_sum(rpyc_call *call, const rpyc_value *left, const rpyc_value *right);

/* ---------------------------------------------------------------- containers (interop_iterator.c, _list.c, _dict.c) */

rpyc_status containers_init(rpyc_error **error_out); /* the classes; once, before the first object */
void containers_free(void);

/* A builtins.list by reference. The items are consumed, also on failure. */
rpyc_object *list_object(rpyc_value *const *items, size_t count);
/* A builtins.dict by reference. Keys and values are consumed, also on failure. */
rpyc_object *dict_object(rpyc_value *const *keys, rpyc_value *const *values, size_t count);

/* One step of an iterator: answers the call with the next item, or raises. Calls for one iterator never overlap. */
typedef void (*iterator_step)(rpyc_call *call, void *state);
/* A builtins.generator. The state is consumed (by state_free), also on failure. */
rpyc_object *iterator_object(iterator_step step, void *state, rpyc_free_fn state_free);
/* An iterator over items; takes the items and their array. */
rpyc_object *iterator_over(rpyc_value **items, size_t count);
/* An iterator over the items of a tuple or list value. */
rpyc_object *items_iterator(const rpyc_value *sequence);

/* Insertion-ordered pairs under Python's equality; not locked. */
struct mapping {
    rpyc_value **keys, **values;
    size_t count, capacity;
};
const rpyc_value *mapping_get(const struct mapping *mapping, const rpyc_value *key); /* borrowed, NULL if absent */
/* Consumes key and value, gives what is no longer needed (to be freed with no lock held); false: no memory. */
bool mapping_set(struct mapping *mapping, rpyc_value *key, rpyc_value *value, rpyc_value *displaced[2]);
bool mapping_delete(struct mapping *mapping, const rpyc_value *key, rpyc_value *displaced[2]); /* false: absent */
void mapping_clear(struct mapping *mapping);

/* For the container files themselves. */
rpyc_status builtin_class(const char *name, const rpyc_method *methods, size_t count, uint64_t flags,
                          rpyc_class **class_out, rpyc_error **error_out);
rpyc_status list_init(rpyc_error **error_out);
void list_free_class(void);
rpyc_status dict_init(rpyc_error **error_out);
void dict_free_class(void);

/* ---------------------------------------------------------------- bytes (interop_sha256.c) */

void sha256(const void *data, size_t length, uint8_t digest[32]);
void sha256_hex(const void *data, size_t length, char hex[65]);
/* SHA-256("interop" + 8-byte big-endian counter from 0), joined, cut to size. */
void noise(uint8_t *out, size_t size);

/* ---------------------------------------------------------------- the rest (interop_common.c) */

void sleep_seconds(double seconds);
double monotonic_seconds(void);
/* "NAME=VALUE" as --set gives it. */
rpyc_status set_option(rpyc_config *config, const char *assignment, rpyc_error **error_out);

#endif
