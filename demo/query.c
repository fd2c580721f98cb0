/* query: SQL over a CSV file, from C, with Python's own csv and sqlite3 in a stock RPyC server.
 *
 *     python3 sql_server.py 18862 &
 *     ./query tcp://127.0.0.1:18862 data/stations.csv
 *
 * The rows arrive as tuples, many in one message. Python calls back into this program while it loads the file,
 * and SQLite calls a function of this program for every row of a query.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <rpyc.h>

/* A str value, or NULL: the function that takes it then answers RPYC_ERR_NULL. */
static rpyc_value *text(const char *s)
{
    rpyc_value *value = NULL;

    rpyc_value_new_str(s, RPYC_NUL_TERMINATED, &value, NULL);
    return value;
}

/* The function as a value, or NULL. */
static rpyc_value *function(const rpyc_object *func)
{
    rpyc_value *value = NULL;

    rpyc_value_new_object(func, &value, NULL);
    return value;
}

/* ---------------------------------------------------------------- functions that Python calls */

static void progress(rpyc_call *call, void *self)
{
    int *calls = self;
    int64_t rows;

    if (rpyc_call_get_int(call, 0, &rows))
        return;
    ++*calls;
    printf("   ... %" PRId64 " rows\n", rows);
    rpyc_call_return(call, NULL);
}

/* A rule that exists in C, and is used in SQL: how bad was that day? */
static void risk(rpyc_call *call, void *self)
{
    int *calls = self;
    double temp_min, rain, wind;

    if (rpyc_call_get_float(call, 0, &temp_min) || rpyc_call_get_float(call, 1, &rain) ||
        rpyc_call_get_float(call, 2, &wind))
        return;
    ++*calls;
    if (wind > 45 && rain > 10)
        rpyc_call_return_str(call, "storm", RPYC_NUL_TERMINATED);
    else if (temp_min < 0 && rain > 1)
        rpyc_call_return_str(call, "snow", RPYC_NUL_TERMINATED);
    else if (temp_min < 0)
        rpyc_call_return_str(call, "frost", RPYC_NUL_TERMINATED);
    else
        rpyc_call_return_str(call, "none", RPYC_NUL_TERMINATED);
}

/* ---------------------------------------------------------------- rows */

/* One cell of a row, at least `width` wide. */
static void print_cell(const rpyc_value *value, int width)
{
    const char *s = NULL;
    size_t length = 0;
    int64_t n = 0;
    double x = 0;

    if (rpyc_value_get_str(value, &s, &length, NULL) == RPYC_OK)
        printf("%-*.*s", width, (int)length, s);
    else if (rpyc_value_get_int(value, &n, NULL) == RPYC_OK)
        printf("%-*" PRId64, width, n);
    else if (rpyc_value_get_float(value, &x, NULL) == RPYC_OK)
        printf("%-*.1f", width, x);
    else
        printf("%-*s", width, "-"); /* None, where the database has NULL */
}

static void print_row(const rpyc_value *row)
{
    size_t count = rpyc_value_count(row), i;

    printf("   ");
    for (i = 0; i < count; i++)
        print_cell(rpyc_value_item(row, i), i + 1 < count ? 17 : 0);
    printf("\n");
}

/* Runs the SQL, in which ? stands for the number, and prints the answer. */
static rpyc_status query(rpyc_object *root, const char *sql, int64_t number, rpyc_error **error_out)
{
    rpyc_value *args[] = {text(sql), rpyc_value_new_int(number)};
    rpyc_value *answer = NULL, *row = NULL;
    rpyc_object *cursor = NULL;
    rpyc_iterator *rows = NULL;
    rpyc_status status;

    printf("   %s\n", sql);
    if ((status = rpyc_object_call_method(root, "query", args, 2, NULL, &answer, error_out)) ||
        (status = rpyc_value_get_object(rpyc_value_item(answer, 1), &cursor, error_out)) ||
        (status = rpyc_object_iterate(cursor, &rows, error_out)))
        goto done;
    print_row(rpyc_value_item(answer, 0)); /* the names of the columns */
    while (!(status = rpyc_iterator_next(rows, &row, error_out))) {
        print_row(row);
        rpyc_value_free(row);
    }
    if (status == RPYC_ERR_STOP_ITERATION) { /* that was all */
        status = RPYC_OK;
        if (error_out) {
            rpyc_error_free(*error_out);
            *error_out = NULL;
        }
    }
done:
    rpyc_iterator_free(rows);
    rpyc_object_free(cursor);
    rpyc_value_free(answer);
    return status;
}

static rpyc_status load(rpyc_object *root, const char *path, rpyc_object *progress_func, rpyc_error **error_out)
{
    rpyc_value *args[] = {text(path), text("weather"), function(progress_func)};
    rpyc_value *result = NULL;
    int64_t rows = 0;
    rpyc_status status = rpyc_object_call_method(root, "load", args, 3, NULL, &result, error_out);

    if (!status)
        status = rpyc_value_get_int(result, &rows, error_out);
    if (!status)
        printf("   %" PRId64 " rows are loaded\n", rows);
    rpyc_value_free(result);
    return status;
}

static rpyc_status define(rpyc_object *root, const char *name, int64_t arity, rpyc_object *func, rpyc_error **error_out)
{
    rpyc_value *args[] = {text(name), rpyc_value_new_int(arity), function(func)};
    rpyc_value *result = NULL;
    rpyc_status status = rpyc_object_call_method(root, "define", args, 3, NULL, &result, error_out);

    rpyc_value_free(result);
    return status;
}

int main(int argc, char **argv)
{
    rpyc_connection *conn = NULL;
    rpyc_object *root = NULL, *progress_func = NULL, *risk_func = NULL;
    rpyc_error *error = NULL;
    int progress_calls = 0, risk_calls = 0, exit_code = EXIT_FAILURE;

    if (argc != 3) {
        fprintf(stderr, "usage: %s ADDRESS CSV-FILE\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (rpyc_connect(argv[1], NULL, NULL, &conn, &error) || rpyc_connection_root(conn, &root, &error) ||
        rpyc_function_new("progress", progress, "progress(rows)", NULL, 0, &progress_calls, NULL, &progress_func,
                          &error) ||
        rpyc_function_new("risk", risk, "risk(temp_min, rain, wind)", NULL, 0, &risk_calls, NULL, &risk_func, &error))
        goto done;

    printf("Loading, with a progress function in C:\n");
    if (load(root, argv[2], progress_func, &error))
        goto done;

    printf("The wettest stations:\n");
    if (query(root,
              "SELECT station, region, elevation_m, SUM(rain_mm) AS rain, MIN(temp_min_c) AS coldest FROM weather "
              "GROUP BY station ORDER BY rain DESC LIMIT ?",
              5, &error))
        goto done;

    printf("A function of this program in SQL:\n");
    if (define(root, "risk", 3, risk_func, &error) ||
        query(root,
              "SELECT region, risk(temp_min_c, rain_mm, wind_kmh) AS danger, COUNT(*) AS days FROM weather "
              "WHERE danger <> 'none' GROUP BY region, danger HAVING days >= ? ORDER BY days DESC, region, danger",
              3, &error))
        goto done;
    printf("   SQLite called it %s, progress was called %d times\n", risk_calls >= 200 ? "for every row" : "too seldom",
           progress_calls);

    printf("A mistake in the SQL is an exception of Python's sqlite3:\n");
    if (query(root, "SELECT humidity FROM weather LIMIT ?", 1, &error) != RPYC_ERR_REMOTE)
        goto done;
    printf("   %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    error = NULL;
    exit_code = EXIT_SUCCESS;

done:
    if (exit_code != EXIT_SUCCESS)
        fprintf(stderr, "query: %s\n", rpyc_error_describe(error));
    rpyc_error_free(error);
    rpyc_object_free(progress_func);
    rpyc_object_free(risk_func);
    rpyc_object_free(root);
    rpyc_connection_free(conn);
    return exit_code;
}
