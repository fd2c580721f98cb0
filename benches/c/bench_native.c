/* What the native dialect costs and gains beside brine, both between librpyc peers (docs/reference/native.md).
 *
 *     bench_native ADDR SERVER_PID MODE COUNT
 *
 * against bench_server, whose echo and blob give back what they get. MODE:
 *
 *   small    echo of an integer, over a connection with native values and over one without: small.native, small.brine
 *   records  100 records of 20 fields there and back. records.brine: tuples of tuples, which go as brine; records.native:
 *            lists of the same tuples, which go as one native value; records.dicts: lists of dicts, native only
 *   ints     10,000 integers of 40 bits there and back: ints.brine a tuple, ints.native a list, ints.array an array
 *   arrays   1,000,000 doubles there and back: arrays.native an array; arrays.bytes the same as bytes; arrays.brine a tuple
 *            of floats (a hundredth as often); arrays.memcpy copying them once within this process
 *
 * The rows are those of bench_end: .rate and .cpu of one operation. With BENCH_COMPRESS=false, for the server too, they are
 * without zlib, which would be most of what the ints cost. */
#include "bench.h"

#include <rpyc.h>

#define RECORDS 100
#define FIELDS 20
#define INTS 10000
#define DOUBLES 1000000

struct side {
    rpyc_connection *conn;
    rpyc_object *root;
};

static rpyc_error *error;

static void die(const char *what)
{
    bench_die(error ? rpyc_error_message(error) : what);
}

static struct side dial(const char *addr, const char *native)
{
    rpyc_config *config = rpyc_config_new();
    struct side side = {0};
    const char *compress = getenv("BENCH_COMPRESS");
    char address[160];
    int port;

    if (compress && rpyc_config_set(config, "compress", compress, &error))
        die("BENCH_COMPRESS");
    if (bench_is_tcp(addr, &port))
        snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port);
    else
        snprintf(address, sizeof address, "unix://%s", bench_path(addr));
    if (rpyc_config_set(config, "native", native, &error) || rpyc_connect(address, NULL, config, &side.conn, &error) ||
        rpyc_connection_root(side.conn, &side.root, &error))
        die("connect");
    if (rpyc_connection_is_native(side.conn) != (strcmp(native, "on") == 0))
        bench_die("the server did not agree, or too much");
    rpyc_config_free(config);
    return side;
}

static rpyc_value *call(struct side *side, const char *method, rpyc_value *arg)
{
    rpyc_value *args[] = {arg}, *result = NULL;

    if (rpyc_object_call_method(side->root, method, args, 1, NULL, &result, &error))
        die(method);
    return result;
}

static int64_t echo(void *ctx, int64_t x)
{
    rpyc_value *result = call(ctx, "echo", rpyc_value_new_int(x));
    int64_t got = -1;

    rpyc_value_get_int(result, &got, NULL);
    rpyc_value_free(result);
    return got;
}

/* n times there and back; takes the value, and checks that the same came back once. */
static void round_trips(struct side *side, const char *group, rpyc_value *value, long n, pid_t server)
{
    rpyc_value *back = call(side, "blob", rpyc_value_clone(value));
    struct bench_mark mark;

    if (!rpyc_value_equal(back, value))
        bench_die("something else came back");
    rpyc_value_free(back);
    mark = bench_begin(server);
    for (long i = 0; i < n; i++)
        rpyc_value_free(call(side, "blob", rpyc_value_clone(value)));
    bench_end(mark, group, n, server);
    rpyc_value_free(value);
}

/* A tuple or a list of the items, which are consumed. */
static rpyc_value *sequence(int list, rpyc_value **items, size_t count)
{
    rpyc_value *value = NULL;

    if ((list ? rpyc_value_new_list : rpyc_value_new_tuple)(items, count, &value, &error))
        die("items");
    return value;
}

static rpyc_value *field(long record, int at)
{
    char text[40];
    rpyc_value *value = NULL;

    switch (at % 4) {
    case 0:
        return rpyc_value_new_int(record * 1000003 + at);
    case 1:
        return rpyc_value_new_float((double)record / 7 + at);
    case 2:
        return rpyc_value_new_bool(at & 4);
    }
    snprintf(text, sizeof text, "field %d of record %ld", at, record);
    if (rpyc_value_new_str(text, RPYC_NUL_TERMINATED, &value, &error))
        die("str");
    return value;
}

static rpyc_value *records(int list, int dicts)
{
    rpyc_value *all[RECORDS], *keys[FIELDS], *values[FIELDS];

    for (long r = 0; r < RECORDS; r++) {
        for (int f = 0; f < FIELDS; f++) {
            char name[16];

            values[f] = field(r, f);
            snprintf(name, sizeof name, "name_%d", f);
            if (dicts && rpyc_value_new_str(name, RPYC_NUL_TERMINATED, &keys[f], &error))
                die("key");
        }
        if (!dicts)
            all[r] = sequence(0, values, FIELDS);
        else if (rpyc_value_new_dict(keys, values, FIELDS, &all[r], &error))
            die("dict");
    }
    return sequence(list, all, RECORDS);
}

static rpyc_value *array(int32_t type, const void *data, size_t count)
{
    rpyc_value *value = NULL;

    if (rpyc_value_new_array_owned(type, data, count, NULL, NULL, &value, &error))
        die("array");
    return value;
}

static void ints(struct side *native, struct side *brine, struct bench_args args)
{
    int64_t *numbers = bench_alloc(INTS, sizeof *numbers);
    rpyc_value **values = bench_alloc(2 * INTS, sizeof *values);

    for (long i = 0; i < INTS; i++) {
        numbers[i] = i * 104729003;
        values[i] = rpyc_value_new_int(numbers[i]);
        values[INTS + i] = rpyc_value_new_int(numbers[i]);
    }
    round_trips(brine, "ints.brine", sequence(0, values, INTS), args.n, args.srv);
    round_trips(native, "ints.native", sequence(1, values + INTS, INTS), args.n, args.srv);
    round_trips(native, "ints.array", array(RPYC_ARRAY_INT64, numbers, INTS), args.n, args.srv);
    free(values);
    free(numbers);
}

static void arrays(struct side *native, struct side *brine, struct bench_args args)
{
    double *numbers = bench_alloc(DOUBLES, sizeof *numbers), *copy = bench_alloc(DOUBLES, sizeof *copy);
    rpyc_value **values = bench_alloc(DOUBLES, sizeof *values), *bytes = NULL;
    uint64_t noise = 1;
    struct bench_mark mark;

    for (long i = 0; i < DOUBLES; i++) {
        noise = noise * 6364136223846793005u + 1442695040888963407u;
        numbers[i] = (double)(noise >> 11) / 9007199254740992.0; /* does not compress */
        values[i] = rpyc_value_new_float(numbers[i]);
    }
    if (rpyc_value_new_bytes_owned(numbers, DOUBLES * sizeof *numbers, NULL, NULL, &bytes, &error))
        die("bytes");
    mark = bench_begin(args.srv);
    for (long i = 0; i < args.n; i++) {
        memcpy(copy, numbers, DOUBLES * sizeof *numbers);
        numbers[i % DOUBLES] = copy[(i + 1) % DOUBLES];
    }
    bench_end(mark, "arrays.memcpy", args.n, args.srv);
    round_trips(native, "arrays.native", array(RPYC_ARRAY_DOUBLE, numbers, DOUBLES), args.n, args.srv);
    round_trips(brine, "arrays.bytes", bytes, args.n, args.srv);
    round_trips(brine, "arrays.brine", sequence(0, values, DOUBLES), args.n / 100 + 1, args.srv);
    free(values);
    free(copy);
    free(numbers);
}

int main(int argc, char **argv)
{
    struct bench_args args = bench_parse(argc, argv);
    struct side native = dial(args.addr, "on"), brine = dial(args.addr, "off");

    if (strcmp(args.mode, "small") == 0) {
        bench_latency("small.brine", echo, &brine, args.n, args.srv);
        bench_latency("small.native", echo, &native, args.n, args.srv);
    } else if (strcmp(args.mode, "records") == 0) {
        round_trips(&brine, "records.brine", records(0, 0), args.n, args.srv);
        round_trips(&native, "records.native", records(1, 0), args.n, args.srv);
        round_trips(&native, "records.dicts", records(1, 1), args.n, args.srv);
    } else if (strcmp(args.mode, "ints") == 0) {
        ints(&native, &brine, args);
    } else if (strcmp(args.mode, "arrays") == 0) {
        arrays(&native, &brine, args);
    } else {
        bench_die("MODE must be small, records, ints or arrays");
    }
    rpyc_object_free(native.root);
    rpyc_object_free(brine.root);
    rpyc_connection_free(native.conn);
    rpyc_connection_free(brine.conn);
    return 0;
}
