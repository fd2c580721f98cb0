/**
 * @file rpyc.h
 *
 * librpyc: RPyC, Python's transparent and symmetric remote procedure call, for programs that are
 * not Python. MIT licence.
 *
 * One page of rules that hold for every function below.
 *
 * Handles. Every type without a visible body is a handle. The shared ones (rpyc_value,
 * rpyc_connection, rpyc_object, rpyc_class, rpyc_async_result, rpyc_prepared, rpyc_batch,
 * rpyc_buffer, rpyc_server, rpyc_classic) are reference counted and may be used from any thread:
 * _clone gives one more handle, _free gives one back. The unique ones (rpyc_config, rpyc_error,
 * rpyc_transport, rpyc_iterator, rpyc_redirection, rpyc_decoder and a deferred rpyc_call) belong to
 * one thread at a time. _free of NULL does nothing; _free never waits and never fails, and may be
 * called inside a callback. const on a handle means that the function reads what is stored locally:
 * it changes nothing, sends nothing, and does not wait for the peer. Values never change and are
 * always const; rpyc_value_convert() and rpyc_value_convert_all() ask the objects in them.
 *
 * Ownership has four words. Borrowed: valid for the span that is stated, never freed. Owned: yours,
 * freed once with the function of its type. Consumed: the library takes it when the function is
 * entered, on success and on every failure. Copied: read during the call. Where a text says
 * nothing, results are owned and inputs are copied; the values in an argument array, a keyword dict
 * and a returned value are consumed.
 *
 * Status. Functions that can fail return an rpyc_status: RPYC_OK is 0; 1 to 99 the caller's
 * mistake, 100 to 199 the transport, 200 to 299 the protocol, 300 to 399 what the peer raised, 900
 * a panic inside the library, after which that connection is closed and all else goes on. A number
 * is never used again for something else; treat one that you do not know as an error. NULL where a
 * pointer is needed is RPYC_ERR_NULL and never a crash. A handle that was freed must not be used
 * again: that is not detected.
 *
 * Common statuses. Functions refer to three groups by name. Connection errors are the reasons for
 * which a connection ends: RPYC_ERR_EOF (by the peer), RPYC_ERR_CLOSED (by this side), RPYC_ERR_IO,
 * RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_EXIT and RPYC_ERR_INTERRUPTED, and
 * RPYC_ERR_STATE (in create of a service, before the connection begins). Sending errors are
 * connection errors and the reasons for which a request is not sent: RPYC_ERR_FORKED,
 * RPYC_ERR_BACKPRESSURE (in non-blocking mode), RPYC_ERR_LIMIT (nested too deep),
 * RPYC_ERR_UNSUPPORTED (a value that cannot be sent), RPYC_ERR_STATE (an object of a session).
 * Request errors are sending errors and the failures of waiting for the reply: RPYC_ERR_REMOTE,
 * RPYC_ERR_DENIED and RPYC_ERR_STOP_ITERATION (exceptions of the peer), RPYC_ERR_UNKNOWN_OBJECT
 * (the reply names an object that was not exported), RPYC_ERR_TIMEOUT, RPYC_ERR_WAIT_INTERRUPTED
 * (by rpyc_connection_interrupt).
 *
 * Outputs are named _out, stand last, and are written on every path: NULL, 0 or false first, the
 * result on success. error_out may be NULL; else it is always written, NULL on success, and what it
 * then holds is owned: free it with rpyc_error_free.
 *
 * Strings are UTF-8. Names and addresses end with NUL. Data is a pointer and a length and may
 * contain NUL; the length RPYC_NUL_TERMINATED says that the string ends with NUL. Results have one
 * of three forms. (1) A const char * is borrowed from its handle and ends with NUL: names,
 * messages, addresses. (2) A pointer and a length are borrowed from the immutable value that holds
 * them, and do not end with NUL: the contents of str and bytes. (3) An rpyc_value ** gives an owned
 * str: a string that is made for the call.
 *
 * Access to an attribute is *denied* by rules (RPYC_ERR_DENIED), a connection is *refused* by a
 * service or a server, an argument is *rejected* before anything is done with it.
 *
 * Times are in milliseconds (_ms); -1 is without limit.
 *
 * Callbacks. (1) No call starts after the destructor of its userdata has started. (2) The
 * destructor runs exactly once, after the last call has returned, also when the registration fails.
 * (3) Calls for one object may overlap when several threads serve, unless its class has
 * RPYC_CLASS_SERIAL. (4) They run on a thread that is inside a function of this library for that
 * connection, on a server's threads, or on the thread that answers a deferred call; a plain client
 * has no hidden threads. (5) No lock is held meanwhile, so any function may be called, except those
 * that say otherwise. (6) They return: no longjmp, pthread_exit and C++ exception passes through
 * them. A thread must not be cancelled (pthread_cancel) while it is in the library or in a
 * callback: the process would be aborted.
 *
 * Threads. Any function may be called from any thread, on the same handle too if it is a shared
 * one, unless its text says otherwise. After fork(), the child gets RPYC_ERR_FORKED from the
 * handles that it inherited, and may free them.
 *
 * Tables begin with their size, so that members can be appended; a member that is missing or NULL
 * has its default.
 *
 * The library installs no signal handlers, reads no environment variables and prints nothing.
 */



#ifndef RPYC_H
#define RPYC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ==============================================================================================
 * Basics: versions, handles and lengths
 * ============================================================================================== */
/**
 * @defgroup rpyc_basics Basics: versions, handles and lengths
 *
 * The version macros tell what a program was compiled against; the functions tell what it runs
 * with. The types below have no visible body: a program has pointers to them, which are called
 * handles.
 *
 * @code{.c}
 * printf("librpyc %s, compiled against %d.%d\n", rpyc_version_string(), RPYC_VERSION_MAJOR,
 *        RPYC_VERSION_MINOR);
 * @endcode
 *
 * @{
 */

/**
 * The version that this header belongs to: the first number changes when programs must be changed.
 */
#define RPYC_VERSION_MAJOR 0

/** The second number: something was added. */
#define RPYC_VERSION_MINOR 1

/** The third number: something was repaired. */
#define RPYC_VERSION_PATCH 0

/**
 * The version of the library that is running, such as "0.1.0".
 *
 * @return borrowed, for ever; never NULL
 *
 * Threads: any thread. Since 0.1.
 */
const char *rpyc_version_string(void);

/**
 * The version of the library that is running as one number: major * 65536 + minor * 256 + patch.
 *
 * @return a number that grows from version to version
 *
 * Threads: any thread. Since 0.1.
 */
uint32_t rpyc_version_number(void);

/** As a length: the text ends with NUL. */
#define RPYC_NUL_TERMINATED SIZE_MAX

/** The answer to an asynchronous request, before or after it came. Shared. */
typedef struct rpyc_async_result rpyc_async_result;

/** Calls that are sent together. Shared. */
typedef struct rpyc_batch rpyc_batch;

/**
 * Memory of the application for one bytes answer at a time, received there without a copy. Shared.
 */
typedef struct rpyc_buffer rpyc_buffer;

/**
 * A call that a peer made, while it is being served. Lent to its callback, or, deferred, unique.
 */
typedef struct rpyc_call rpyc_call;

/**
 * A class: the methods of a service or of objects. Shared; it can itself be sent, see
 * rpyc_class_object.
 */
typedef struct rpyc_class rpyc_class;

/**
 * The master of a classic server: Python's rpyc.classic.connect(). Shared.
 *
 * The server gives everything away: whoever can connect runs any code there. Modules and the
 * namespace are fetched once.
 */
typedef struct rpyc_classic rpyc_classic;

/** Settings for connections and servers, which copy them. Unique. */
typedef struct rpyc_config rpyc_config;

/**
 * A connection: one peer, both ways. Shared; the last handle of the user's that is freed closes it.
 */
typedef struct rpyc_connection rpyc_connection;

/**
 * Takes one direction of a connection apart, message by message, for tracing and for tests. It
 * needs no peer, takes both dialects and both directions, and never fails: what is not RPyC, it
 * gives as garbage. Unique.
 */
typedef struct rpyc_decoder rpyc_decoder;

/** What went wrong: a status, a message, and the exception if a peer raised one. Unique. */
typedef struct rpyc_error rpyc_error;

/** An iteration over all items of a container or iterator, fetched in growing chunks. Unique. */
typedef struct rpyc_iterator rpyc_iterator;

/** An object: one of a peer, or one of ours that peers can use. Shared. */
typedef struct rpyc_object rpyc_object;

/** A method of an object, with both encoded once for the calls that follow. Shared. */
typedef struct rpyc_prepared rpyc_prepared;

/**
 * A queue of calls. Threads of the library read what peers ask and put it here; the application
 * runs it in a thread of its own, when the queue's descriptor becomes readable. Shared; when the
 * last handle is freed, calls are refused.
 */
typedef struct rpyc_queue rpyc_queue;

/**
 * The standard streams of a classic server, led to this side. Shared between threads, but has one
 * owner.
 */
typedef struct rpyc_redirection rpyc_redirection;

/**
 * A server: it listens at an address and serves each connection in a thread of its own. One more
 * thread reads for connections whose calls run long. Shared.
 */
typedef struct rpyc_server rpyc_server;

/**
 * Threads that serve a connection in the background, as RPyC's BgServingThread. Shared; when the
 * last handle is freed, they stop.
 */
typedef struct rpyc_serving rpyc_serving;

/**
 * One connection as a state machine: bytes go in, bytes and events come out. It has no socket, no
 * clock and no thread, and calls nobody. For applications that own their input and output, and for
 * bindings of other languages.
 *
 * Any of its functions may be called from any thread; they take turns. What must keep its order is
 * the application's to order: the bytes that it feeds, and those that it takes to send them.
 */
typedef struct rpyc_session rpyc_session;

/** A byte stream in both directions, before a connection uses it. Unique. */
typedef struct rpyc_transport rpyc_transport;

/** A value: plain data, or a reference to an object. Shared and immutable. */
typedef struct rpyc_value rpyc_value;

/**
 * Ends what a userdata pointer stands for. NULL: there is nothing to end.
 *
 * It runs exactly once, after the last use of the pointer, on whatever thread that is, and also
 * when the function that took the pointer failed. It returns: no longjmp and no C++ exception.
 */
typedef void (*rpyc_free_fn)(void *userdata);

/** @} */

/* ==============================================================================================
 * Statuses and errors
 * ============================================================================================== */
/**
 * @defgroup rpyc_errors Statuses and errors
 *
 * A function that can fail returns an rpyc_status. The reason is in an rpyc_error: a message, and
 * for an exception of the peer its type, arguments, attributes and traceback. An error is immutable
 * and belongs to its caller, who frees it.
 *
 * @code{.c}
 * rpyc_status status = rpyc_connection_ping(connection, NULL, 0, 1000, &error);
 * if (status == RPYC_ERR_REMOTE && rpyc_error_is(error, "KeyError"))
 *     fprintf(stderr, "no such key\n");
 * else if (status != RPYC_OK)
 *     fprintf(stderr, "%s\n", rpyc_error_describe(error));
 * rpyc_error_free(error);
 * @endcode
 *
 * @{
 */

/** What a function answers: RPYC_OK, or why it failed. */
typedef int32_t rpyc_status;

/** It went well. */
#define RPYC_OK 0

/** A pointer was NULL that must not be. */
#define RPYC_ERR_NULL 1

/** An argument has not the range or form that it must have. */
#define RPYC_ERR_ARGUMENT 2

/** A text is not UTF-8. */
#define RPYC_ERR_UTF8 3

/** Not now: answered already, not started yet, and the like. */
#define RPYC_ERR_STATE 4

/** Waiting here would never end. */
#define RPYC_ERR_DEADLOCK 5

/** The handle was made before a fork(), in the parent. */
#define RPYC_ERR_FORKED 6

/** The size that a table says of itself cannot be right. */
#define RPYC_ERR_ABI 7

/** A value of another kind than is needed. */
#define RPYC_ERR_TYPE 8

/** A number that does not fit. */
#define RPYC_ERR_RANGE 9

/** Not possible on this system, or not with this peer. */
#define RPYC_ERR_UNSUPPORTED 10

/**
 * Memory could not be had: an allocation failed whose size an argument or a peer chose. Nothing has
 * happened; what was consumed is freed.
 */
#define RPYC_ERR_NO_MEMORY 11

/** The operating system refused to read, write, or open something. */
#define RPYC_ERR_IO 100

/** The peer ended the stream. */
#define RPYC_ERR_EOF 101

/** The time is over. */
#define RPYC_ERR_TIMEOUT 102

/** The connection was closed, by this side or before the call. */
#define RPYC_ERR_CLOSED 103

/** An address that cannot be understood, resolved or reached. */
#define RPYC_ERR_ADDRESS 104

/**
 * The peer does not receive, and as much waits to be sent as may; try again when the descriptor is
 * writable.
 */
#define RPYC_ERR_BACKPRESSURE 105

/** The request was given up with rpyc_async_result_cancel. */
#define RPYC_ERR_CANCELLED 106

/** The wait was ended with rpyc_connection_interrupt. */
#define RPYC_ERR_WAIT_INTERRUPTED 107

/** The peer sent what is not RPyC. */
#define RPYC_ERR_MALFORMED 200

/** More, longer or deeper than the limits allow. */
#define RPYC_ERR_LIMIT 201

/**
 * What the peer sent is not safe to accept: a pickle of more than plain data, a name that leads out
 * of a directory.
 */
#define RPYC_ERR_UNSAFE 202

/** The peer named an object that it was not lent. */
#define RPYC_ERR_UNKNOWN_OBJECT 203

/** The peer speaks a dialect of RPyC that is not spoken here. */
#define RPYC_ERR_DIALECT 204

/** The peer raised an exception. */
#define RPYC_ERR_REMOTE 300

/** The peer raised StopIteration: the end of an iteration. */
#define RPYC_ERR_STOP_ITERATION 301

/**
 * The attribute rules of the object's owner deny access to a name: an AttributeError, which says so
 * in RPyC's words.
 */
#define RPYC_ERR_DENIED 302

/**
 * A callback of this side raised SystemExit, which is not sent to the peer
 * (propagate_SystemExit_locally): the connection has ended, and the program is to end too.
 */
#define RPYC_ERR_EXIT 303

/** The same with KeyboardInterrupt (propagate_KeyboardInterrupt_locally). */
#define RPYC_ERR_INTERRUPTED 304

/** Something panicked inside the library; the connection in question is closed. */
#define RPYC_ERR_PANIC 900

/**
 * The name of a status as it stands in this header, such as "RPYC_ERR_TIMEOUT".
 *
 * @param status  any number
 * @return borrowed, for ever; NULL if no status has this number
 *
 * Threads: any thread. Since 0.1.
 */
const char *rpyc_status_name(rpyc_status status);

/**
 * Makes an error of the application's own, so that its functions can report as those of this
 * library do: `return rpyc_error_new(RPYC_ERR_ARGUMENT, NULL, "no such row", error_out);`
 *
 * @param status     what the error says and this function returns; RPYC_OK and what is no status of
 *                   this header become RPYC_ERR_ARGUMENT
 * @param type       copied; NUL-terminated; the type that a peer is to see when the error is passed
 *                   on with rpyc_call_raise_error, as of rpyc_call_raise; NULL: what that function
 *                   says of the status
 * @param message    copied; NUL-terminated; NULL: the name of the status
 * @param error_out  owned; may be NULL
 * @return status; RPYC_ERR_UTF8 for a type or message that is none
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_error_new(rpyc_status status,
                           const char *type,
                           const char *message,
                           rpyc_error **error_out);

/**
 * Copies an error, for instance one that is borrowed for a callback.
 *
 * @param error  borrowed
 * @return owned; free it with rpyc_error_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_error *rpyc_error_clone(const rpyc_error *error);

/**
 * Frees an error and all texts that were borrowed from it.
 *
 * @param error  consumed; NULL does nothing
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
void rpyc_error_free(rpyc_error *error);

/**
 * The status of an error: the one that the function returned which gave the error.
 *
 * @param error  borrowed; may be NULL
 * @return a status; RPYC_OK for NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_error_status(const rpyc_error *error);

/**
 * What went wrong, for people to read: for an exception its type and text as Python prints them,
 * without the traceback; for RPYC_ERR_DENIED also the rule, and what there is to be done.
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed; NUL-terminated UTF-8 (a NUL within is replaced by
 *         U+FFFD); "" for NULL, and never NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
const char *rpyc_error_message(const rpyc_error *error);

/**
 * What rpyc_error_message() says, as it can be printed or logged: on one line, with escapes as
 * Python writes them (`\n`, `\x1b`, `\u202e`) in place of control characters, line separators and
 * marks that turn the direction of writing.
 *
 * The text of an exception is the peer's own. Compare and pass on what rpyc_error_message() says,
 * and show this.
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed; NUL-terminated UTF-8; "" for NULL, and never NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
const char *rpyc_error_describe(const rpyc_error *error);

/**
 * The module of an exception's type, such as "builtins".
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed; NUL-terminated UTF-8; NULL unless the error is an
 *         exception
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
const char *rpyc_error_type_module(const rpyc_error *error);

/**
 * The name of an exception's type, such as "ValueError".
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed; NUL-terminated UTF-8; NULL unless the error is an
 *         exception
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
const char *rpyc_error_type_name(const rpyc_error *error);

/**
 * The traceback of an exception, as the peer sent it: where in its program the exception was
 * raised.
 *
 * The peer decides what it tells; Python sends "<traceback denied>" with include_local_traceback
 * off.
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed; NUL-terminated UTF-8 of many lines; NULL unless the
 *         error is an exception
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
const char *rpyc_error_traceback(const rpyc_error *error);

/**
 * The arguments of an exception, Python's `args`.
 *
 * They are plain data: what could not travel by value came as its repr (RPyC wire: exceptions).
 *
 * @param error  borrowed; may be NULL
 * @return an owned tuple, freed with rpyc_value_free(); NULL unless the error is an exception
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_value *rpyc_error_args(const rpyc_error *error);

/**
 * The arguments and attributes of an exception at once, packed: a tuple of a tuple and a dict. For
 * bindings of other languages; see rpyc_session_ask_packed.
 *
 * @param error  borrowed; may be NULL
 * @return an owned bytes value, freed with rpyc_value_free(); NULL unless the error is an exception
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_value *rpyc_error_packed(const rpyc_error *error);

/**
 * How many attributes came with an exception, such as the errno of an OSError.
 *
 * @param error  borrowed; may be NULL
 * @return a number; 0 unless the error is an exception
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
size_t rpyc_error_attribute_count(const rpyc_error *error);

/**
 * The name of an exception's attribute.
 *
 * @param error  borrowed; may be NULL
 * @param index  from 0 to rpyc_error_attribute_count() - 1
 * @return borrowed until the error is freed; NUL-terminated UTF-8; NULL past the end
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
const char *rpyc_error_attribute_name(const rpyc_error *error, size_t index);

/**
 * An attribute of an exception.
 *
 * @param error  borrowed; may be NULL
 * @param name   copied; NUL-terminated UTF-8; may be NULL
 * @return owned, freed with rpyc_value_free(); NULL if there is no such attribute
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_value *rpyc_error_attribute(const rpyc_error *error, const char *name);

/**
 * The application's own code of an exception's type, from rpyc_config_register_exception or the
 * resolver.
 *
 * @param error  borrowed; may be NULL
 * @return the code; 0 if the type has none, or the options of the connection do not let it be told
 *         apart
 *
 * Threads: one thread at a time per handle; the resolver may run. Since 0.1.
 */
int32_t rpyc_error_code(const rpyc_error *error);

/**
 * What the program is to give exit() for RPYC_ERR_EXIT and RPYC_ERR_INTERRUPTED, as Python would:
 * the number that SystemExit was raised with, 0 for none, 1 for anything else, 130 for
 * KeyboardInterrupt.
 *
 * @param error  borrowed; may be NULL
 * @return the code; 0 for NULL, 1 for every other error
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
int32_t rpyc_error_exit_code(const rpyc_error *error);

/**
 * Is an error an exception of this type? Types derived from it are not counted: what a type derives
 * from does not travel.
 *
 * @param error  borrowed; may be NULL
 * @param name   copied; NUL-terminated: the type's name ("ValueError"), or module and name
 *               ("bank.InsufficientFunds")
 * @return whether it is; false for NULL and for errors that are not exceptions
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
bool rpyc_error_is(const rpyc_error *error,
                   const char *name);

/** @} */

/* ==============================================================================================
 * Values
 * ============================================================================================== */
/**
 * @defgroup rpyc_values Values
 *
 * A value is what Python passes by value: None, bool, int, float, complex, str, bytes, tuple,
 * slice, frozenset; between two peers of this library also lists, dicts, arrays, dates and times.
 * All else is passed by reference, as a value of the kind RPYC_VALUE_OBJECT. Values are immutable
 * and reference counted. Constructors consume the values that are put into them, and the functions
 * of rpyc_helpers.h have short names for the common ones.
 *
 * @code{.c}
 * rpyc_value *point = NULL;
 * rpyc_value *pair[2];
 * double x = 0;
 * pair[0] = rpyc_value_new_float(1.5);
 * pair[1] = rpyc_value_new_float(2.5);
 * if (!rpyc_value_new_tuple(pair, 2, &point, &error)) // consumes both, also on failure
 *     rpyc_value_get_float(rpyc_value_item(point, 0), &x, &error);
 * rpyc_value_free(point);
 * @endcode
 *
 * @{
 */

/** What kind of value something is. */
typedef int32_t rpyc_value_kind_id;

/** None */
#define RPYC_VALUE_NONE 0

/** NotImplemented */
#define RPYC_VALUE_NOT_IMPLEMENTED 1

/** Ellipsis, Python's "..." */
#define RPYC_VALUE_ELLIPSIS 2

/** True or False */
#define RPYC_VALUE_BOOL 3

/** An integer of any size */
#define RPYC_VALUE_INT 4

/** A double */
#define RPYC_VALUE_FLOAT 5

/** Two doubles */
#define RPYC_VALUE_COMPLEX 6

/** UTF-8 text */
#define RPYC_VALUE_STR 7

/** Bytes */
#define RPYC_VALUE_BYTES 8

/** Values in order */
#define RPYC_VALUE_TUPLE 9

/** Three values: start, stop, step */
#define RPYC_VALUE_SLICE 10

/** Values of which no two are equal */
#define RPYC_VALUE_FROZENSET 11

/** Values in order; a Python peer gets a reference to a list that holds them */
#define RPYC_VALUE_LIST 12

/** Keys with values; a Python peer gets a reference to a dict that holds them */
#define RPYC_VALUE_DICT 13

/** A reference to an object, the peer's or ours */
#define RPYC_VALUE_OBJECT 14

/**
 * Numbers of one type, one behind the other; a Python peer gets a reference to a sequence that
 * holds them
 */
#define RPYC_VALUE_ARRAY 15

/** A day of the calendar; a Python peer gets a reference to a date */
#define RPYC_VALUE_DATE 16

/** A time of day; a Python peer gets a reference to it */
#define RPYC_VALUE_TIME 17

/** A day and a time of day; a Python peer gets a reference to it */
#define RPYC_VALUE_DATETIME 18

/** A span of time; a Python peer gets a reference to it */
#define RPYC_VALUE_TIMEDELTA 19

/** A timezone whose offset never changes; a Python peer gets a reference to it */
#define RPYC_VALUE_TIMEZONE 20

/**
 * One more handle for a value. Nothing large is copied.
 *
 * @param value  borrowed; may be NULL
 * @return owned, freed with rpyc_value_free(); NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_clone(const rpyc_value *value);

/**
 * Frees a handle of a value, and with it all that was borrowed from this handle.
 *
 * With the last handle of a reference the peer is told that its object is not used any more; with
 * the last handle of bytes that the application lent, their destructor runs.
 *
 * @param value  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_value_free(rpyc_value *value);

/**
 * The kind of a value.
 *
 * @param value  borrowed; may be NULL
 * @return one of RPYC_VALUE_...; -1 for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value_kind_id rpyc_value_kind(const rpyc_value *value);

/**
 * Python's None.
 *
 * @return owned, freed with rpyc_value_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_new_none(void);

/**
 * Python's NotImplemented: what a comparison or an operator answers if it does not know the other
 * operand.
 *
 * @return owned, freed with rpyc_value_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_new_not_implemented(void);

/**
 * Python's Ellipsis.
 *
 * @return owned, freed with rpyc_value_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_new_ellipsis(void);

/**
 * True or False.
 *
 * @param value  0 for False, anything else for True
 * @return owned, freed with rpyc_value_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_new_bool(int32_t value);

/**
 * An int.
 *
 * @param value  any number
 * @return owned, freed with rpyc_value_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_new_int(int64_t value);

/**
 * An int that is not negative.
 *
 * @param value  any number
 * @return owned, freed with rpyc_value_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_new_uint(uint64_t value);

/**
 * A float. Every bit is kept, also those of NaNs (RPyC wire: brine).
 *
 * @param value  any number
 * @return owned, freed with rpyc_value_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_new_float(double value);

/**
 * A complex number.
 *
 * @param real       the real part
 * @param imaginary  the imaginary part
 * @return owned, freed with rpyc_value_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_new_complex(double real, double imaginary);

/**
 * An int of any size from decimal text.
 *
 * At most 4300 digits, as many as Python peers read (RPyC wire: brine).
 *
 * @param digits     copied; a sign or none, then decimal digits and nothing else
 * @param length     bytes of digits, or RPYC_NUL_TERMINATED
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for another text; RPYC_ERR_LIMIT for too many
 *         digits
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_int_text(const char *digits,
                                    size_t length,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * An int of any size from two's complement, least significant byte first.
 *
 * At most 4300 decimal digits, as many as Python peers read (RPyC wire: brine).
 *
 * @param little_endian  copied; the top bit of the last byte is the sign; may be NULL for no bytes,
 *                       which are 0
 * @param length         bytes
 * @param value_out      owned, freed with rpyc_value_free()
 * @param error_out      owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for an impossible length; RPYC_ERR_LIMIT for
 *         too many digits
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_int_bytes(const uint8_t *little_endian,
                                     size_t length,
                                     rpyc_value **value_out,
                                     rpyc_error **error_out);

/**
 * A str.
 *
 * @param text       copied; UTF-8, may hold NUL; may be NULL if the length is 0
 * @param length     bytes of text, or RPYC_NUL_TERMINATED
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_UTF8; RPYC_ERR_ARGUMENT for an impossible length,
 *         RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_str(const char *text,
                               size_t length,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Bytes that are copied.
 *
 * @param data       copied; may be NULL if the length is 0
 * @param length     bytes
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for an impossible length, RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_bytes(const void *data,
                                 size_t length,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Bytes that stay where they are, and go out from there without a copy. They must not change until
 * the destructor runs: after the value, all its clones and all that holds it are freed and sent.
 *
 * @param data           borrowed until the destructor runs; may be NULL if the length is 0
 * @param length         bytes
 * @param userdata       consumed; given to the destructor
 * @param userdata_free  the destructor: runs exactly once, on any thread, also if this function
 *                       fails; may be NULL
 * @param value_out      owned, freed with rpyc_value_free()
 * @param error_out      owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for an impossible length
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_bytes_owned(const void *data,
                                       size_t length,
                                       void *userdata,
                                       rpyc_free_fn userdata_free,
                                       rpyc_value **value_out,
                                       rpyc_error **error_out);

/**
 * A tuple.
 *
 * @param items      the values are consumed, on success and on every failure; may be NULL for none
 * @param count      items
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL, also for an item; RPYC_ERR_ARGUMENT for an impossible count;
 *         RPYC_ERR_LIMIT for more than 1000 levels of nesting, RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_tuple(rpyc_value *const *items,
                                 size_t count,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * A slice, as Python's x[start:stop:step] has it.
 *
 * @param start      consumed, on success and on every failure; NULL for None
 * @param stop       consumed likewise; NULL for None
 * @param step       consumed likewise; NULL for None
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_LIMIT for more than 1000 levels of nesting
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_slice(rpyc_value *start,
                                 rpyc_value *stop,
                                 rpyc_value *step,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * A frozenset; of equal items the first is kept.
 *
 * @param items      the values are consumed, on success and on every failure; may be NULL for none
 * @param count      items
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL, also for an item; RPYC_ERR_TYPE for an item that Python cannot
 *         hash (list, dict, slice); RPYC_ERR_ARGUMENT for an impossible count; RPYC_ERR_LIMIT for
 *         more than 1000 levels of nesting, RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_frozenset(rpyc_value *const *items,
                                     size_t count,
                                     rpyc_value **value_out,
                                     rpyc_error **error_out);

/**
 * A list: a snapshot, which the receiver cannot change for the sender. A Python peer gets a
 * reference to a list that the library keeps for it.
 *
 * @param items      the values are consumed, on success and on every failure; may be NULL for none
 * @param count      items
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL, also for an item; RPYC_ERR_ARGUMENT for an impossible count;
 *         RPYC_ERR_LIMIT for more than 1000 levels of nesting, RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_list(rpyc_value *const *items,
                                size_t count,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * A dict: a snapshot, which the receiver cannot change for the sender. A Python peer gets a
 * reference to a dict that the library keeps for it. Of equal keys the first is kept, with the
 * value of the last.
 *
 * @param keys       the values are consumed, on success and on every failure; may be NULL for none
 * @param values     likewise; values[i] belongs to keys[i]
 * @param count      keys, and as many values
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL, also for an item; RPYC_ERR_TYPE for a key that Python cannot hash
 *         (list, dict, slice); RPYC_ERR_ARGUMENT for an impossible count; RPYC_ERR_LIMIT for more
 *         than 1000 levels of nesting, RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_dict(rpyc_value *const *keys,
                                rpyc_value *const *values,
                                size_t count,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * A dict whose keys are texts, as keyword arguments and the attributes of an exception want it.
 *
 * @param names      copied; each NUL-terminated UTF-8; may be NULL for none
 * @param values     consumed, on success and on every failure; values[i] belongs to names[i]; may
 *                   be NULL for none
 * @param count      names, and as many values
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL, also for a name or a value; RPYC_ERR_UTF8; RPYC_ERR_ARGUMENT for
 *         an impossible count or if a name comes twice; RPYC_ERR_LIMIT for more than 1000 levels of
 *         nesting, RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_keywords(const char *const *names,
                                    rpyc_value *const *values,
                                    size_t count,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * A reference to an object: the peer gets the object itself.
 *
 * @param object     borrowed; it stays the caller's to free
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_object(const rpyc_object *object,
                                  rpyc_value **value_out,
                                  rpyc_error **error_out);

/**
 * Reads a bool.
 *
 * @param value      borrowed; a bool
 * @param out        whether it is True
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_bool(const rpyc_value *value, bool *out, rpyc_error **error_out);

/**
 * Reads an int or bool.
 *
 * @param value      borrowed; an int or bool
 * @param out        the number
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind; RPYC_ERR_RANGE if it does not fit
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_int(const rpyc_value *value, int64_t *out, rpyc_error **error_out);

/**
 * Reads an int or bool that is not negative.
 *
 * @param value      borrowed; an int or bool
 * @param out        the number
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind; RPYC_ERR_RANGE if it does not fit
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_uint(const rpyc_value *value, uint64_t *out, rpyc_error **error_out);

/**
 * Reads an int or bool of any size as decimal text.
 *
 * @param value      borrowed; an int or bool
 * @param text_out   an owned str, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_int_text(const rpyc_value *value,
                                    rpyc_value **text_out,
                                    rpyc_error **error_out);

/**
 * Reads an int or bool of any size as two's complement, least significant byte first, as short as
 * it can be.
 *
 * @param value      borrowed; an int or bool
 * @param bytes_out  an owned bytes value of at least one byte, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_int_bytes(const rpyc_value *value,
                                     rpyc_value **bytes_out,
                                     rpyc_error **error_out);

/**
 * Reads a float, int or bool. An int is rounded to the nearest double, as Python's float() does.
 *
 * @param value      borrowed; a float, int or bool
 * @param out        the number
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind; RPYC_ERR_RANGE for an int beyond
 *         all doubles
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_float(const rpyc_value *value,
                                 double *out,
                                 rpyc_error **error_out);

/**
 * Reads a complex number, or a float, int or bool, whose imaginary part is 0.
 *
 * @param value          borrowed; a complex, float, int or bool
 * @param real_out       the real part
 * @param imaginary_out  the imaginary part
 * @param error_out      owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind; RPYC_ERR_RANGE for an int beyond
 *         all doubles
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_complex(const rpyc_value *value,
                                   double *real_out,
                                   double *imaginary_out,
                                   rpyc_error **error_out);

/**
 * Reads a str.
 *
 * @param value       borrowed; a str
 * @param text_out    borrowed until this handle of the value is freed; UTF-8, not NUL-terminated,
 *                    may hold NUL
 * @param length_out  bytes of text
 * @param error_out   owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_str(const rpyc_value *value,
                               const char **text_out,
                               size_t *length_out,
                               rpyc_error **error_out);

/**
 * Reads bytes.
 *
 * Received bytes begin at an address that is a multiple of 64 if they are 64 KiB or longer, and of
 * 8 otherwise, so that numbers in them can be read in place. Bytes of up to 30 whose length is not
 * a multiple of 8 are kept in the value itself, at a multiple of 4 or 2 if their length is one.
 * Bytes that this process made begin wherever they were made.
 *
 * @param value       borrowed; a bytes value
 * @param data_out    borrowed until this handle of the value is freed
 * @param length_out  bytes
 * @param error_out   owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_bytes(const rpyc_value *value,
                                 const uint8_t **data_out,
                                 size_t *length_out,
                                 rpyc_error **error_out);

/**
 * Reads a reference to an object.
 *
 * @param value       borrowed; an object
 * @param object_out  owned, freed with rpyc_object_free()
 * @param error_out   owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_object(const rpyc_value *value,
                                  rpyc_object **object_out,
                                  rpyc_error **error_out);

/**
 * How much is in a value: items of a tuple, list, frozenset, dict or array, the 3 of a slice, bytes
 * of a str or bytes value.
 *
 * @param value  borrowed; may be NULL
 * @return a number; 0 for NULL and for other kinds
 *
 * Threads: any thread. Since 0.1.
 */
size_t rpyc_value_count(const rpyc_value *value);

/**
 * An item of a tuple, list or frozenset; of a slice start, stop and step; of a dict the value of a
 * pair. The numbers of an array are no values: rpyc_value_get_array() has them.
 *
 * @param value  borrowed; may be NULL
 * @param index  from 0 to rpyc_value_count() - 1
 * @return borrowed until this handle of the value is freed; NULL past the end, for NULL and for
 *         other kinds
 *
 * Threads: any thread. Since 0.1.
 */
const rpyc_value *rpyc_value_item(const rpyc_value *value,
                                  size_t index);

/**
 * A key of a dict. The pairs have no certain order.
 *
 * @param value  borrowed; may be NULL
 * @param index  from 0 to rpyc_value_count() - 1
 * @return borrowed until this handle of the value is freed; NULL past the end, for NULL and for
 *         other kinds
 *
 * Threads: any thread. Since 0.1.
 */
const rpyc_value *rpyc_value_key(const rpyc_value *value,
                                 size_t index);

/**
 * What a dict has under a text. It looks at one pair after the other.
 *
 * @param value  borrowed; may be NULL
 * @param key    copied; NUL-terminated UTF-8; may be NULL
 * @return borrowed until this handle of the value is freed; NULL if there is no such key, for NULL
 *         and for other kinds
 *
 * Threads: any thread. Since 0.1.
 */
const rpyc_value *rpyc_value_lookup(const rpyc_value *value,
                                    const char *key);

/**
 * Are two values equal? For plain data as Python's == says (1, 1.0 and True are equal); objects are
 * equal if they are the same object. No peer is asked.
 *
 * @param left   borrowed; may be NULL
 * @param right  borrowed; may be NULL
 * @return whether they are; false if one is NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_value_equal(const rpyc_value *left,
                      const rpyc_value *right);

/**
 * Is a value a str with this text?
 *
 * @param value  borrowed; may be NULL
 * @param text   copied; NUL-terminated UTF-8; may be NULL
 * @return whether it is
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_value_str_equal(const rpyc_value *value, const char *text);

/**
 * A value as Python's repr() prints it. Objects are named by their type, in which control
 * characters are escaped; no peer is asked (rpyc_object_repr() asks).
 *
 * @param value  borrowed; may be NULL
 * @return an owned str, freed with rpyc_value_free(); NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_value *rpyc_value_repr(const rpyc_value *value);

/** @} */

/* ==============================================================================================
 * Arrays
 * ============================================================================================== */
/**
 * @defgroup rpyc_arrays Arrays
 *
 * An array is a value of many numbers of one type, in the memory layout of C. Peers of this library
 * exchange it as it is; a Python peer gets a tuple. rpyc_object_obtain_array() fetches numpy
 * arrays, array.array and buffers of a Python peer.
 *
 * @code{.c}
 * const double samples[3] = {0.5, 1.5, 2.5};
 * rpyc_value *array = NULL;
 * rpyc_array_type_id type = 0;
 * const void *data = NULL;
 * size_t count = 0;
 * if (!rpyc_value_new_array(RPYC_ARRAY_DOUBLE, samples, 3, &array, &error))
 *     rpyc_value_get_array(array, &type, &data, &count, &error);
 * rpyc_value_free(array);
 * @endcode
 *
 * @{
 */

/** The type of the numbers in an array. */
typedef int32_t rpyc_array_type_id;

/** int8_t */
#define RPYC_ARRAY_INT8 1

/** uint8_t */
#define RPYC_ARRAY_UINT8 2

/** int16_t */
#define RPYC_ARRAY_INT16 3

/** uint16_t */
#define RPYC_ARRAY_UINT16 4

/** int32_t */
#define RPYC_ARRAY_INT32 5

/** uint32_t */
#define RPYC_ARRAY_UINT32 6

/** int64_t */
#define RPYC_ARRAY_INT64 7

/** uint64_t */
#define RPYC_ARRAY_UINT64 8

/** float */
#define RPYC_ARRAY_FLOAT 9

/** double */
#define RPYC_ARRAY_DOUBLE 10

/**
 * An array of numbers that are copied: a snapshot. Between librpyc peers that agreed on native
 * values it travels by value; another peer gets a reference to a sequence that the library keeps
 * for it, whose type is called array.array.
 *
 * @param type       one of RPYC_ARRAY_...
 * @param data       copied; may be NULL if the count is 0
 * @param count      numbers, not bytes
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for an unknown type or an impossible count;
 *         RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_array(rpyc_array_type_id type,
                                 const void *data,
                                 size_t count,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * An array of numbers that stay where they are, and go out from there without a copy. They must not
 * change until the destructor runs: after the value, all its clones and all that holds it are freed
 * and sent. Numbers at an address that is no multiple of their size are copied, and the destructor
 * runs at once.
 *
 * @param type           one of RPYC_ARRAY_...
 * @param data           borrowed until the destructor runs; may be NULL if the count is 0
 * @param count          numbers, not bytes
 * @param userdata       consumed; given to the destructor
 * @param userdata_free  the destructor: runs exactly once, on any thread, also if this function
 *                       fails; may be NULL
 * @param value_out      owned, freed with rpyc_value_free()
 * @param error_out      owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for an unknown type or an impossible count;
 *         RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_array_owned(rpyc_array_type_id type,
                                       const void *data,
                                       size_t count,
                                       void *userdata,
                                       rpyc_free_fn userdata_free,
                                       rpyc_value **value_out,
                                       rpyc_error **error_out);

/**
 * Reads an array. The numbers are in the byte order of this machine, at an address that is a
 * multiple of their size.
 *
 * @param value      borrowed; an array
 * @param type_out   one of RPYC_ARRAY_...
 * @param data_out   borrowed until this handle of the value is freed; never NULL on success
 * @param count_out  numbers, not bytes
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_array(const rpyc_value *value,
                                 rpyc_array_type_id *type_out,
                                 const void **data_out,
                                 size_t *count_out,
                                 rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Dates and times
 * ============================================================================================== */
/**
 * @defgroup rpyc_dates Dates and times
 *
 * Python's date, time, datetime, timedelta and timezone as values. A Python peer gets objects that
 * behave as its own do.
 *
 * @code{.c}
 * const rpyc_datetime noon = {.year = 2030, .month = 1, .day = 31, .hour = 12};
 * rpyc_value *value = NULL;
 * rpyc_value_new_datetime(&noon, &value, &error);
 * rpyc_value_free(value);
 * @endcode
 *
 * @{
 */

/**
 * The fields of a date, a time or a datetime, by Python's names. What is not set is 0: {2026, 11,
 * 30} is a day, and a naive datetime at midnight. This struct never changes.
 */
typedef struct rpyc_datetime {
    /** 1 to 9999 */
    int32_t year;
    /** 1 to 12 */
    int32_t month;
    /** From 1 */
    int32_t day;
    /** 0 to 23 */
    int32_t hour;
    /** 0 to 59 */
    int32_t minute;
    /** 0 to 59: Python has no leap seconds */
    int32_t second;
    /** 0 to 999999 */
    int32_t microsecond;
    /**
     * 1: the later of two moments at which clocks show this, as in the night in which summer ends;
     * else 0
     */
    int32_t fold;
    /** Is the offset from UTC known ("aware", in Python's words)? Else it is a naive time. */
    bool aware;
    /**
     * Microseconds that it is ahead of UTC: positive east of Greenwich; less than a day. Nothing
     * where it is naive.
     */
    int64_t utcoffset;
} rpyc_datetime;

/**
 * A date: datetime.date.
 *
 * @param year       1 to 9999
 * @param month      1 to 12
 * @param day        from 1
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_RANGE if there is no such day
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_date(int32_t year,
                                int32_t month,
                                int32_t day,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * A time of day: datetime.time.
 *
 * @param time       copied; year, month and day are not looked at
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_RANGE for a field that is none
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_time(const rpyc_datetime *time,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * A date with a time of day: datetime.datetime.
 *
 * @param datetime   copied
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_RANGE for a field that is none
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_datetime(const rpyc_datetime *datetime,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * A datetime in UTC: datetime.fromtimestamp(microseconds / 1e6, timezone.utc).
 *
 * @param microseconds  since the beginning of 1970 in UTC; negative before
 * @param value_out     owned, freed with rpyc_value_free()
 * @param error_out     owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_RANGE outside of the years 1 to 9999
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_timestamp(int64_t microseconds,
                                     rpyc_value **value_out,
                                     rpyc_error **error_out);

/**
 * A span of time: datetime.timedelta(days, seconds, microseconds).
 *
 * @param days          of any size and sign, as the others: Python's own form is made of them
 * @param seconds       likewise
 * @param microseconds  likewise
 * @param value_out     owned, freed with rpyc_value_free()
 * @param error_out     owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_RANGE for more than 999999999 days
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_timedelta(int64_t days,
                                     int64_t seconds,
                                     int64_t microseconds,
                                     rpyc_value **value_out,
                                     rpyc_error **error_out);

/**
 * A timezone whose offset never changes: datetime.timezone.
 *
 * @param utcoffset  microseconds that it is ahead of UTC; 0: timezone.utc; less than a day
 * @param value_out  owned, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_RANGE for a day or more
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_new_timezone(int64_t utcoffset,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Reads a date, time or datetime. Fields that it does not have are 0: rpyc_value_kind() says what
 * it is.
 *
 * @param value         borrowed; a date, time or datetime
 * @param datetime_out  its fields
 * @param error_out     owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_datetime(const rpyc_value *value,
                                    rpyc_datetime *datetime_out,
                                    rpyc_error **error_out);

/**
 * The moment of a datetime, as a number. A naive one is taken to be in UTC.
 *
 * @param value             borrowed; a datetime
 * @param microseconds_out  since the beginning of 1970 in UTC; negative before
 * @param error_out         owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_timestamp(const rpyc_value *value,
                                     int64_t *microseconds_out,
                                     rpyc_error **error_out);

/**
 * Reads a timedelta in Python's own form, or the offset of a timezone.
 *
 * @param value             borrowed; a timedelta or a timezone
 * @param days_out          -999999999 to 999999999
 * @param seconds_out       0 to 86399
 * @param microseconds_out  0 to 999999
 * @param error_out         owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_TYPE for another kind
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_get_timedelta(const rpyc_value *value,
                                     int64_t *days_out,
                                     int64_t *seconds_out,
                                     int64_t *microseconds_out,
                                     rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Conversions of remote values
 * ============================================================================================== */
/**
 * @defgroup rpyc_conversions Conversions of remote values
 *
 * numpy.float64, IntEnum, Decimal and other numbers of a Python peer arrive as objects. The
 * rpyc_value_get_ functions never ask the peer, so they reject an object; the functions of this
 * chapter ask, with Python's own rules.
 *
 * @code{.c}
 * rpyc_value *number = NULL;
 * double x = 0;
 * if (!rpyc_value_convert(value, RPYC_VALUE_FLOAT, RPYC_TIMEOUT_DEFAULT, &number, &error))
 *     rpyc_value_get_float(number, &x, &error);
 * rpyc_value_free(number);
 * @endcode
 *
 * @{
 */

/**
 * In the place of the time of a conversion: as long as synchronous requests wait, which is
 * sync_request_timeout, or the time limit of rpyc_timeout_begin(), which may be shorter or longer.
 */
#define RPYC_TIMEOUT_DEFAULT -2

/**
 * Converts a value to a bool, int, float, str, bytes, date or time as CPython's own functions do.
 * An object is asked, a peer's also with RPyC's default rules; data is converted here.
 *
 * - RPYC_VALUE_INT: an int stays, a bool becomes 0 or 1, an object gives what its __index__ gives
 *   (numpy.int64, IntEnum). A float never becomes an int.
 * - RPYC_VALUE_FLOAT: a float stays, an int is rounded; an object is asked for __float__, then for
 *   __index__ (numpy.float32, Decimal, Fraction).
 * - RPYC_VALUE_BOOL: what Python's bool() gives for any value; an object is asked for __bool__,
 *   then for __len__.
 * - RPYC_VALUE_STR and RPYC_VALUE_BYTES: an instance of a subclass (class Color(str, Enum)), which
 *   is known by its methods, is copied as by [:], never by str().
 * - RPYC_VALUE_DATE, RPYC_VALUE_TIME, RPYC_VALUE_DATETIME, RPYC_VALUE_TIMEDELTA: an object of
 *   exactly that type of Python's module datetime is copied, by its str(); for DATETIME also a
 *   Timestamp of pandas, without its nanoseconds. The offset from UTC is kept, the name of a
 *   timezone is not; fold is kept where the time is naive. A naive time costs two requests.
 *
 * All else is RPYC_ERR_TYPE. A number costs one request, a str two.
 *
 * @param value       borrowed
 * @param kind        RPYC_VALUE_BOOL, RPYC_VALUE_INT, RPYC_VALUE_FLOAT, RPYC_VALUE_STR,
 *                    RPYC_VALUE_BYTES, RPYC_VALUE_DATE, RPYC_VALUE_TIME, RPYC_VALUE_DATETIME or
 *                    RPYC_VALUE_TIMEDELTA
 * @param timeout_ms  how long to wait for the peer, in milliseconds; -1: no limit; or
 *                    RPYC_TIMEOUT_DEFAULT
 * @param value_out   owned, freed with rpyc_value_free(); of the kind that is wanted
 * @param error_out   owned; may be NULL; an exception that the object raises arrives here
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (another kind); RPYC_ERR_TYPE (it cannot become
 *         that kind); RPYC_ERR_RANGE (an int beyond all doubles); RPYC_ERR_STATE (an object of a
 *         session); request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_convert(const rpyc_value *value,
                               rpyc_value_kind_id kind,
                               int64_t timeout_ms,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Converts several values as rpyc_value_convert() does. The peer is asked for all of them in one
 * burst of requests, so that this takes about as long as one of them.
 *
 * @param values      borrowed; count of them, none NULL; may be NULL if count is 0
 * @param kinds       copied; the kind that each becomes; may be NULL if count is 0
 * @param count       number of values
 * @param timeout_ms  how long to wait for the peer, in milliseconds; -1: no limit; or
 *                    RPYC_TIMEOUT_DEFAULT
 * @param values_out  count places; each gets an owned value, freed with rpyc_value_free(); all NULL
 *                    on failure
 * @param failed_out  the place of a value that cannot be converted, where the status is about one;
 *                    else count; may be NULL
 * @param error_out   owned; may be NULL
 * @return as rpyc_value_convert
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_value_convert_all(const rpyc_value *const *values,
                                   const rpyc_value_kind_id *kinds,
                                   size_t count,
                                   int64_t timeout_ms,
                                   rpyc_value **values_out,
                                   size_t *failed_out,
                                   rpyc_error **error_out);

/**
 * Converts several values as rpyc_value_convert_all() does, without waiting. All objects of peers
 * among them are of one connection.
 *
 * @param values      borrowed; count of them, none NULL; may be NULL if count is 0
 * @param kinds       copied; the kind that each becomes; may be NULL if count is 0
 * @param count       number of values
 * @param timeout_ms  after this time the result expires; -1: no limit
 * @param result_out  owned, freed with rpyc_async_result_free(); its value is a tuple of the
 *                    converted values
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (another kind, or objects of several
 *         connections); RPYC_ERR_STATE (an object of a session); connection errors
 *
 * Threads: any thread; never waits for the peer. Since 0.1.
 */
rpyc_status rpyc_value_convert_async(const rpyc_value *const *values,
                                     const rpyc_value_kind_id *kinds,
                                     size_t count,
                                     int64_t timeout_ms,
                                     rpyc_async_result **result_out,
                                     rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Configuration
 * ============================================================================================== */
/**
 * @defgroup rpyc_config Configuration
 *
 * A configuration holds RPyC's options (allow_public_attrs, sync_request_timeout and so on) and
 * this library's own: limits, timeouts, the dialect. Connections and servers copy it when they are
 * made. rpyc_config_set() lists the options.
 *
 * @code{.c}
 * rpyc_config *config = rpyc_config_new();
 * if (rpyc_config_set(config, "allow_public_attrs", "true", &error) ||
 *     rpyc_config_set_int(config, "sync_request_timeout", 5, &error))
 *     fprintf(stderr, "%s\n", rpyc_error_describe(error));
 * rpyc_config_free(config);
 * @endcode
 *
 * @{
 */

/**
 * Settings as rpyc 6.0.2 has them at first. NULL in place of a config means the same.
 *
 * @return owned, freed with rpyc_config_free(); never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_config *rpyc_config_new(void);

/**
 * A copy of settings, to be changed by itself.
 *
 * @param config  borrowed; may be NULL
 * @return owned, freed with rpyc_config_free(); NULL for NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_config *rpyc_config_clone(const rpyc_config *config);

/**
 * Frees settings. Connections and servers that were made with them keep their copy.
 *
 * @param config  consumed; NULL does nothing
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
void rpyc_config_free(rpyc_config *config);

/**
 * Sets an option by its name and a text, as a binding or a settings file has them.
 *
 * Flags are "true" or "false". Times are in seconds, "0.5" for instance, or "none" for no limit.
 * Names are separated by spaces or commas. RPyC's logger, credentials, endpoints and before_closed
 * are no texts, and have functions of their own. The options and their defaults, of which the first
 * group is RPyC's own:
 *
 * - allow_safe_attrs=true: peers may use the names of safe_attrs
 * - allow_exposed_attrs=true: peers may use names that begin with exposed_prefix
 * - allow_public_attrs=false: peers may use names that do not begin with "_"
 * - allow_all_attrs=false: peers may use every name
 * - safe_attrs: names of special methods, 80 at first
 * - exposed_prefix=exposed_: is put before a name that a peer asks for
 * - allow_getattr=true: peers may read attributes
 * - allow_setattr=false: peers may set attributes
 * - allow_delattr=false: peers may delete attributes
 * - allow_pickle=false: objects that are plain data (lists, dicts) answer a peer's obtain() with a
 *   pickle; none is ever run
 * - include_local_traceback=true: exceptions go out with a traceback
 * - include_local_version=true: exceptions go out with the version
 * - sync_request_timeout=30: how long a request waits for its answer
 * - instantiate_custom_exceptions=false: exceptions of registered types have their code, see
 *   rpyc_config_register_exception
 * - import_custom_exceptions=false: the resolver is asked about other types, see
 *   rpyc_config_set_exception_resolver
 * - instantiate_oldstyle_exceptions=false: is taken, and has no meaning, as with Python 3
 * - propagate_SystemExit_locally=false: a callback's SystemExit ends the connection with
 *   RPYC_ERR_EXIT, and is not sent
 * - propagate_SystemExit=true: the older name, which says the opposite
 * - propagate_KeyboardInterrupt_locally=true: the same for KeyboardInterrupt, with
 *   RPYC_ERR_INTERRUPTED
 * - log_exceptions=true: exceptions that a peer gets are logged, at RPYC_LOG_DEBUG
 * - debug=false: each message is logged, at RPYC_LOG_DEBUG
 * - close_catchall=false: closing reports no failure of before_closed
 * - bind_threads=false: what a peer's thread asks is served by the thread that waits for that
 *   thread
 * - compress=true: frames above the threshold are compressed
 * - remote_version: the version that exceptions go out with, as _remote_version; empty: that of the
 *   dialect, and of librpyc. Stock RPyC compares the part before the first dot with its own
 *   version, and warns
 * - connid: a name for the connection
 *
 * - close_timeout=5: how long closing waits for the peer; not "none"
 * - connect_timeout=10: how long connecting may take
 * - tcp_keepalive=none: after so long a silence, in whole seconds, the kernel asks whether the peer
 *   is still there; the connection ends after five such times without an answer
 * - frame_timeout=30: how long a message that has begun may fail to go on, which is to its end or
 *   by 16384 bytes, before the connection ends; one beyond max_frame too, which is not kept
 * - handshake_timeout=10: the same until the first message of the peer is here
 * - first_message_timeout=none: how long the peer may take to send its first whole message before
 *   the connection ends; stock clients send nothing until they are used
 * - idle_timeout=none: how long nothing may come from the peer before the connection ends, while no
 *   request waits for its answer in either direction, or what is sent is not taken
 * - max_connections=0: of a server: as rpyc_server_set_max_connections
 * - max_connections_per_address=0: of a server: more connections of one IPv4 address or one /64 of
 *   IPv6 are closed at once; 0: no limit. Unix sockets have no addresses
 * - make_room=true: of a server: at rpyc_server_set_max_connections the oldest connection of which
 *   no message has come is closed for a new one; if there is none, or "false", the new one is
 *   closed
 * - release=lazy: the peer is told of freed objects behind the next message, within 100 ms where a
 *   thread serves or an event loop runs, or by rpyc_connection_flush. now: at once, as far as the
 *   transport accepts it without blocking
 * - dialect=auto: "5": rpyc 4.1 to 5.3, "6": rpyc 6; auto: what the peer speaks (see rpyc_connect)
 * - native=accept: lists, dicts and arrays by value between two librpyc peers. "on": the peer is
 *   asked, in front of the first request; accept: if the peer asks; "off": never. A Python peer
 *   notices nothing
 * - compression_threshold=3000: bytes
 * - compression_level=1: 0 to 9
 * - spin_us=0: for how many microseconds a thread looks for input again and again before it sleeps
 * - interruptible=false: rpyc_connection_interrupt ends waits at once, whichever thread it comes
 *   from; costs a system call for each receive
 * - max_depth=128: levels of nesting in a value
 * - max_digits=4300: digits of an int
 * - max_items=16777216: items of all tuples and sets in one message
 * - max_memory=536870912: bytes of memory that the values of one message take
 * - max_bytes=268435456: bytes of one text or bytes value
 * - max_frame=268435456: bytes of one message as it is received
 * - max_inflated=268435456: bytes of one message after decompression
 * - max_exports=16777216: objects of ours that the peer holds
 * - max_imports=16777216: objects of the peer that we hold
 * - max_pending=1048576: requests of ours that wait for an answer
 * - max_serving=256: requests of the peer that are being served
 * - max_buffered=67108864: bytes that wait to be decoded or sent
 * - max_queued=1048576: bytes that wait to be sent on a connection of an event loop before no more
 *   is taken on
 * - max_total_memory=0: bytes of memory that a server's connections take together, or all
 *   connections that are made with one configuration: what is received, inflated, waits to be sent,
 *   and is held for peers. One alone takes half of it at most. 0: no limit
 * - profile=auto: limits that are not set one by one. trusted: as above. untrusted: max_frame and
 *   max_inflated 67108864, max_memory 268435456, max_exports 65536, max_total_memory 1073741824.
 *   auto: untrusted for servers on tcp, else trusted
 *
 * @param config     borrowed
 * @param name       copied; NUL-terminated
 * @param text       copied; NUL-terminated UTF-8
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_UTF8; RPYC_ERR_ARGUMENT for an unknown name or a text
 *         that is no value for it
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_set(rpyc_config *config,
                            const char *name,
                            const char *text,
                            rpyc_error **error_out);

/**
 * The text of an option: what rpyc_config_set() would take for its present value.
 *
 * @param config     borrowed
 * @param name       copied; NUL-terminated
 * @param text_out   an owned str, freed with rpyc_value_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_UTF8; RPYC_ERR_ARGUMENT for an unknown name
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_get(const rpyc_config *config,
                            const char *name,
                            rpyc_value **text_out,
                            rpyc_error **error_out);

/**
 * Sets a flag; rpyc_config_set() has the list.
 *
 * @param config     borrowed
 * @param name       copied; NUL-terminated
 * @param value      0 for false, anything else for true
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_UTF8; RPYC_ERR_ARGUMENT for an unknown name or one that
 *         is no flag
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_set_bool(rpyc_config *config,
                                 const char *name,
                                 int32_t value,
                                 rpyc_error **error_out);

/**
 * Sets a number, or a time in whole seconds; rpyc_config_set() has the list.
 *
 * @param config     borrowed
 * @param name       copied; NUL-terminated
 * @param value      the number
 * @param error_out  owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_UTF8; RPYC_ERR_ARGUMENT for an unknown name or a number
 *         that is no value for it
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_set_int(rpyc_config *config,
                                const char *name,
                                int64_t value,
                                rpyc_error **error_out);

/**
 * What the application does before it closes a connection: connection and the peer's root are lent,
 * and may still be used.
 *
 * It returns RPYC_OK or the status of what it could not do. That the peer is gone or does not
 * answer (RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_TIMEOUT) does not matter; any other status is
 * what rpyc_connection_close gives, unless close_catchall is on. The connection is closed in any
 * case.
 */
typedef rpyc_status (*rpyc_before_closed_fn)(rpyc_connection *connection,
                                             rpyc_object *root,
                                             void *userdata);

/** @} */

/* ==============================================================================================
 * Transports
 * ============================================================================================== */
/**
 * @defgroup rpyc_transports Transports
 *
 * A transport is a stream of bytes that a connection runs over. rpyc_connect() makes one from an
 * address; this chapter is for descriptors that are open already, a pair in memory, and streams of
 * the application.
 *
 * @code{.c}
 * rpyc_transport *left = NULL, *right = NULL;
 * if (!rpyc_transport_new_pair(&left, &right, &error)) {
 *     rpyc_transport_free(left);
 *     rpyc_transport_free(right);
 * }
 * @endcode
 *
 * @{
 */

/**
 * Opens a transport to an address.
 *
 * Addresses: "tcp://HOST:PORT" ("tcp://[::1]:PORT" for IPv6; without a host, loopback),
 * "unix:///PATH", "fd:R,W" (open descriptors, taken over), "stdio:" (descriptors 0 and 1, taken
 * over), "exec:COMMAND" (a child process, run by the shell, whose standard input and output are the
 * stream).
 *
 * With "stdio:" the transport uses private copies of descriptors 0 and 1. From then on 0 is
 * /dev/null and 1 is standard error, for the application and its children; they stay so after the
 * connection, and a second "stdio:" is RPYC_ERR_ADDRESS. Where standard error is closed or is the
 * same stream, 1 (and then 2) is /dev/null. Call fflush(stdout) before: bytes that stdio still
 * buffers are written to standard error later. "fd:" does the same for 0, 1 and 2.
 *
 * @param address        copied; NUL-terminated
 * @param config         copied; its connect_timeout counts; NULL for defaults
 * @param transport_out  owned; free it with rpyc_transport_free, or give it to rpyc_connection_new
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_IO
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_transport_connect(const char *address,
                                   const rpyc_config *config,
                                   rpyc_transport **transport_out,
                                   rpyc_error **error_out);

/**
 * Makes a transport of open descriptors: sockets or pipes, which may be the same. Their flags are
 * left alone.
 *
 * @param read_fd        descriptor to receive from
 * @param write_fd       descriptor to send to
 * @param close_fds      1: the descriptors are consumed on success; of 0, 1 and 2 the transport
 *                       makes copies, and 0 and 2 become /dev/null, 1 standard error; 0: they stay
 *                       the caller's
 * @param transport_out  owned; free it with rpyc_transport_free
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT, RPYC_ERR_ADDRESS (not open, or no stream),
 *         RPYC_ERR_IO
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_transport_new_fd(int32_t read_fd,
                                  int32_t write_fd,
                                  int32_t close_fds,
                                  rpyc_transport **transport_out,
                                  rpyc_error **error_out);

/**
 * Makes two transports that are connected to each other in memory.
 *
 * @param left_out   owned; free it with rpyc_transport_free
 * @param right_out  owned; free it with rpyc_transport_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_transport_new_pair(rpyc_transport **left_out,
                                    rpyc_transport **right_out,
                                    rpyc_error **error_out);

/**
 * Closes a transport that no connection has taken.
 *
 * @param transport  consumed; NULL does nothing
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
void rpyc_transport_free(rpyc_transport *transport);

/** @} */

/* ==============================================================================================
 * Connections
 * ============================================================================================== */
/**
 * @defgroup rpyc_connections Connections
 *
 * A connection is one end of RPyC's symmetric protocol: it asks the peer for objects, and answers
 * what the peer asks of the service that it was given. Requests wait for their reply and serve the
 * peer's requests meanwhile.
 *
 * @code{.c}
 * rpyc_object *root = NULL;
 * if (!rpyc_connect("tcp://127.0.0.1:18861", NULL, NULL, &connection, &error) &&
 *     !rpyc_connection_root(connection, &root, &error))
 *     rpyc_object_call_method(root, "get_answer", NULL, 0, NULL, &value, &error);
 * rpyc_value_free(value);
 * rpyc_object_free(root);
 * rpyc_connection_close(connection, NULL);
 * rpyc_connection_free(connection);
 * @endcode
 *
 * @{
 */

/**
 * Connects to an address: opens a transport and makes a connection over it.
 *
 * With the option dialect at "auto", the peer's root is fetched at once, which finds out what the
 * peer speaks. A server of rpyc 4.1 to 5.3 is connected to once more, and one that says nothing for
 * a moment is asked in the other dialect on a second connection; the one that is answered stays,
 * and the service sees no other. connect_timeout and sync_request_timeout bound both together. What
 * "exec:" runs is run once: if it speaks the dialect of rpyc 4.1 to 5.3 and does not speak first,
 * the result is RPYC_ERR_DIALECT; set the option to "5". So it is with a server that takes one
 * connection. "fd:" and "stdio:" are as rpyc_connection_new.
 *
 * @param address         copied; as for rpyc_transport_connect
 * @param service         copied reference; what the peer gets as our root; NULL for nothing
 * @param config          copied; NULL for defaults, which are those of RPyC 6
 * @param connection_out  owned; free it with rpyc_connection_free
 * @param error_out       owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_STATE
 *         (create refuses the connection), connection errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connect(const char *address,
                         const rpyc_class *service,
                         const rpyc_config *config,
                         rpyc_connection **connection_out,
                         rpyc_error **error_out);

/**
 * Makes a connection over a transport.
 *
 * Nothing is sent. With the option dialect at "auto", the peer's first message tells what it
 * speaks; if this side speaks first, it speaks as rpyc 6.
 *
 * @param transport       consumed, on success and on every failure
 * @param service         copied reference; what the peer gets as our root; NULL for nothing
 * @param config          copied; NULL for defaults
 * @param connection_out  owned; free it with rpyc_connection_free
 * @param error_out       owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (create refuses the connection)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_new(rpyc_transport *transport,
                                const rpyc_class *service,
                                const rpyc_config *config,
                                rpyc_connection **connection_out,
                                rpyc_error **error_out);

/**
 * Another handle of the same connection. Clones of a handle that was lent to a callback do not keep
 * the connection open.
 *
 * @param connection  borrowed
 * @return owned; free it with rpyc_connection_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_connection *rpyc_connection_clone(const rpyc_connection *connection);

/**
 * Frees a handle. With the last one the connection ends: the peer is told if that can be done
 * without waiting.
 *
 * @param connection  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_connection_free(rpyc_connection *connection);

/**
 * Closes a connection: tells the peer and waits, at most close_timeout, for it to end the stream.
 *
 * Requests that wait for answers may get them meanwhile, and fail with RPYC_ERR_CLOSED otherwise;
 * objects of the peer are gone. Closing again does nothing. What rpyc_config_set_before_closed was
 * given runs first.
 *
 * @param connection  borrowed
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED; what before_closed could not do, unless
 *         close_catchall is on: the connection is closed all the same
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_close(rpyc_connection *connection,
                                  rpyc_error **error_out);

/**
 * Has the connection ended, on either side?
 *
 * @param connection  borrowed
 * @return true also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_connection_closed(const rpyc_connection *connection);

/**
 * The peer's root object: what its service offers. It is asked for once per connection.
 *
 * @param connection  borrowed
 * @param root_out    owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the root is no object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_root(rpyc_connection *connection,
                                 rpyc_object **root_out,
                                 rpyc_error **error_out);

/**
 * Sends some data to the peer and expects it back.
 *
 * @param connection  borrowed
 * @param data        copied; sent as bytes; NULL: the 520 letters of RPyC's ping, as text
 * @param length      bytes of data
 * @param timeout_ms  milliseconds; -1: no limit
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors; RPYC_ERR_MALFORMED also where something else came
 *         back
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_ping(rpyc_connection *connection,
                                 const void *data,
                                 size_t length,
                                 int64_t timeout_ms,
                                 rpyc_error **error_out);

/**
 * Changes an option of a living connection, from the next message on.
 *
 * @param connection  borrowed
 * @param option      copied; NUL-terminated; as for rpyc_config_set
 * @param text        copied; NUL-terminated
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT, RPYC_ERR_STATE
 *         (this option is settled when a connection starts)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_set_option(rpyc_connection *connection,
                                       const char *option,
                                       const char *text,
                                       rpyc_error **error_out);

/**
 * Keeps a pointer of the application's at the connection, in the place of one that was kept.
 *
 * create of a service may do it, so that its other callbacks find the pointer. What userdata stands
 * for must not hold a clone of this connection: the two would keep each other.
 *
 * @param connection     borrowed; also one that was lent to a callback
 * @param userdata       consumed, also if the function fails; what rpyc_connection_userdata gives
 *                       from now on
 * @param userdata_free  ends userdata when it is replaced, or after on_disconnect when nobody uses
 *                       the connection any more; may be NULL
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_set_userdata(rpyc_connection *connection,
                                         void *userdata,
                                         rpyc_free_fn userdata_free,
                                         rpyc_error **error_out);

/**
 * The pointer that rpyc_connection_set_userdata was given.
 *
 * @param connection  borrowed; also one that was lent to a callback
 * @return borrowed until another one takes its place or the connection is gone; NULL where there is
 *         none, and in a forked child
 *
 * Threads: any thread; whoever replaces the pointer sees to it that no other thread uses it. Since
 * 0.1.
 */
void *rpyc_connection_userdata(const rpyc_connection *connection);

/**
 * The dialect that is spoken.
 *
 * @param connection  borrowed
 * @return 6: that of rpyc 6; 5: that of rpyc 4.1 to 5.3; 0: not known yet
 *
 * Threads: any thread. Since 0.1.
 */
int32_t rpyc_connection_dialect(const rpyc_connection *connection);

/**
 * Do lists, dicts and arrays travel by value? So it is between two librpyc peers of which one has
 * the option native at "on" and the other at least at "accept"; it is settled before the first
 * request is answered. If not, they travel as references to objects that the library keeps.
 *
 * @param connection  borrowed; may be NULL
 * @return whether the peer agreed
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_connection_is_native(const rpyc_connection *connection);

/**
 * What the other side is called: its address where it has one.
 *
 * @param connection  borrowed
 * @param text_out    owned; free it with rpyc_value_free; a text value
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_peer_name(const rpyc_connection *connection,
                                      rpyc_value **text_out,
                                      rpyc_error **error_out);

/**
 * Our own root on this connection: what the peer gets.
 *
 * @param connection  borrowed
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection is being made),
 *         RPYC_ERR_CLOSED (it is closed, and its last handle that kept it open has been freed)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_local_root(const rpyc_connection *connection,
                                       rpyc_object **object_out,
                                       rpyc_error **error_out);

/**
 * The text of an option of a living connection: what rpyc_connection_set_option would take for its
 * present value.
 *
 * @param connection  borrowed
 * @param option      copied; NUL-terminated; as for rpyc_config_set
 * @param text_out    an owned str, freed with rpyc_value_free()
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (an unknown
 *         name)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_get_option(const rpyc_connection *connection,
                                       const char *option,
                                       rpyc_value **text_out,
                                       rpyc_error **error_out);

/**
 * Whom the application takes the peer for: what rpyc_config_set_credentials was given.
 *
 * @param connection       borrowed; also one that was lent to a service's callback
 * @param credentials_out  owned; free it with rpyc_value_free; None if nothing was set
 * @param error_out        owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_credentials(const rpyc_connection *connection,
                                        rpyc_value **credentials_out,
                                        rpyc_error **error_out);

/**
 * Both ends of a connection: for TCP "tcp://HOST:PORT" with what getsockname() and getpeername()
 * say, unless rpyc_config_set_endpoints says otherwise.
 *
 * @param connection  borrowed; also one that was lent to a service's callback
 * @param local_out   owned; free it with rpyc_value_free; a text value
 * @param peer_out    owned; free it with rpyc_value_free; a text value
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_endpoints(const rpyc_connection *connection,
                                      rpyc_value **local_out,
                                      rpyc_value **peer_out,
                                      rpyc_error **error_out);

/**
 * Gives this one connection another root: what the peer gets from now on when it asks for our root.
 * Peers ask once, so the place for it is create or on_connect. The service's hooks still get the
 * instance that was made for the connection.
 *
 * @param connection  borrowed; also one that was lent to a service's callback
 * @param root        copied reference; an object of this process
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_TYPE (a peer's object; a restricted
 *         view of it can be a root)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_set_root(rpyc_connection *connection,
                                     const rpyc_object *root,
                                     rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Requests by number
 * ============================================================================================== */
/**
 * @defgroup rpyc_requests Requests by number
 *
 * The functions for objects cover what programs need. These send any request of the protocol, with
 * the handler's number and its arguments as RPyC defines them, and send several requests in one
 * write.
 *
 * @code{.c}
 * rpyc_value *args[1] = {NULL};
 * if (!rpyc_value_new_object(object, &args[0], &error))
 *     rpyc_connection_sync_request(connection, RPYC_HANDLE_REPR, args, 1, &value, &error);
 * rpyc_value_free(value);
 * @endcode
 *
 * @{
 */

/** Sends its data and gets it back. */
#define RPYC_HANDLE_PING 1

/** Ends the connection. */
#define RPYC_HANDLE_CLOSE 2

/** The root object. */
#define RPYC_HANDLE_GETROOT 3

/** An attribute of an object: object, name. */
#define RPYC_HANDLE_GETATTR 4

/** Deletes an attribute: object, name. */
#define RPYC_HANDLE_DELATTR 5

/** Sets an attribute: object, name, value. */
#define RPYC_HANDLE_SETATTR 6

/** Calls an object: object, arguments, keywords as a tuple of pairs. */
#define RPYC_HANDLE_CALL 7

/** Calls a method: object, name, arguments, keywords as a tuple of pairs. */
#define RPYC_HANDLE_CALLATTR 8

/** The repr of an object. */
#define RPYC_HANDLE_REPR 9

/** The str of an object. */
#define RPYC_HANDLE_STR 10

/** Compares: object, other, name of the operator's method. */
#define RPYC_HANDLE_CMP 11

/** The hash of an object. */
#define RPYC_HANDLE_HASH 12

/** The names of an object's attributes. */
#define RPYC_HANDLE_DIR 13

/** A pickle of an object: object, protocol. */
#define RPYC_HANDLE_PICKLE 14

/** Gives references back: object, count. The library sends it itself. */
#define RPYC_HANDLE_DEL 15

/** The methods of an object, by its id. */
#define RPYC_HANDLE_INSPECT 16

/** The next items of an iterator: object, count. */
#define RPYC_HANDLE_BUFFITER 17

/** Slices of Python 2: object, attempt, fallback, start, stop, arguments. */
#define RPYC_HANDLE_OLDSLICING 18

/** Leaves a context: object, exception or None. */
#define RPYC_HANDLE_CTXEXIT 19

/** Is it an instance: class, id of the other. */
#define RPYC_HANDLE_INSTANCECHECK 20

/**
 * Sends any request and waits for its answer, at most sync_request_timeout; requests of the peer
 * are served meanwhile.
 *
 * The functions of rpyc_object send all that a program needs; this is for what they do not cover
 * (RPyC wire: handlers).
 *
 * @param connection  borrowed
 * @param handler     number of the handler, RPYC_HANDLE_...
 * @param args        consumed, on success and on every failure
 * @param count       number of args
 * @param value_out   owned; free it with rpyc_value_free; the answer
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_sync_request(rpyc_connection *connection,
                                         int32_t handler,
                                         rpyc_value *const *args,
                                         size_t count,
                                         rpyc_value **value_out,
                                         rpyc_error **error_out);

/**
 * Sends any request without waiting for its answer.
 *
 * @param connection  borrowed
 * @param handler     number of the handler, RPYC_HANDLE_...
 * @param args        consumed, on success and on every failure
 * @param count       number of args
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_async_request(rpyc_connection *connection,
                                          int32_t handler,
                                          rpyc_value *const *args,
                                          size_t count,
                                          int64_t timeout_ms,
                                          rpyc_async_result **result_out,
                                          rpyc_error **error_out);

/**
 * Begins a burst: asynchronous requests that follow are gathered, and leave in one write with
 * rpyc_connection_flush. They also leave before anything is waited for on this connection, and when
 * there are very many of them.
 *
 * @param connection  borrowed
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread; it holds for the requests of all threads. Since 0.1.
 */
rpyc_status rpyc_connection_cork(rpyc_connection *connection,
                                 rpyc_error **error_out);

/**
 * Sends everything that is pending: the requests gathered since rpyc_connection_cork, whose burst
 * it ends, and the releases of objects that were freed.
 *
 * @param connection  borrowed
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, connection errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_flush(rpyc_connection *connection,
                                  rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Time limits and interruption
 * ============================================================================================== */
/**
 * @defgroup rpyc_timeouts Time limits and interruption
 *
 * A time limit set with rpyc_timeout_begin() counts for all synchronous requests of the calling
 * thread until it is ended. rpyc_connection_interrupt() ends a wait from a signal handler or
 * another thread.
 *
 * @code{.c}
 * const size_t limit = rpyc_timeout_begin(2000);
 * rpyc_status status = rpyc_object_call_method(object, "slow", NULL, 0, NULL, &value, &error);
 * rpyc_timeout_end(limit);
 * if (status == RPYC_ERR_TIMEOUT)
 *     fprintf(stderr, "no reply within two seconds\n");
 * @endcode
 *
 * @{
 */

/**
 * Limits the time in which this thread waits for answers, until rpyc_timeout_end(): every
 * synchronous request that it makes meanwhile, by whatever function and on whatever connection,
 * fails with RPYC_ERR_TIMEOUT once the time is up, instead of after sync_request_timeout, which may
 * be shorter or longer. The time runs from this call on, for all of them together; a request that
 * is made when it is up is not sent. The connection goes on, and a late answer is dropped.
 *
 * size_t limit = rpyc_timeout_begin(2000); status = rpyc_object_call_method(root, "slow", NULL, 0,
 * NULL, &value, &error); rpyc_timeout_end(limit);
 *
 * A limit within another one can only shorten it. Not limited are connecting, serving, closing and
 * asynchronous results, which have limits of their own, and what this thread serves for a peer
 * while it waits. Native peers are told the time that is left, see rpyc_call_time_left().
 *
 * @param timeout_ms  milliseconds; -1: no limit, instead of sync_request_timeout; 0: every request
 *                    fails
 * @return for rpyc_timeout_end(), in this thread
 *
 * Threads: any thread; for this one alone. Since 0.1.
 */
size_t rpyc_timeout_begin(int64_t timeout_ms);

/**
 * Ends a time limit of this thread, with those that were begun within it and not ended.
 *
 * @param limit  what rpyc_timeout_begin() returned
 *
 * Threads: the thread that began it. Since 0.1.
 */
void rpyc_timeout_end(size_t limit);

/**
 * Ends the waits on a connection that are there, or else the next one: each fails with
 * RPYC_ERR_WAIT_INTERRUPTED. May be called in a signal handler. The connection goes on: what was
 * asked may still be running at the peer, and a late answer is dropped.
 *
 * Ended are synchronous requests, batches, waits for asynchronous results (which may be waited for
 * again), for calls of the connection's queue, and functions that serve in a thread of the
 * application. The next one, where nobody waits, is not sent. Of waits that are nested in one
 * thread, the innermost ends; what the callback makes of it, the outer one gets as its answer.
 * Closing ends at once, with RPYC_OK. What does not wait goes on: functions with a timeout of 0,
 * rpyc_connection_process(), asynchronous requests; and so do threads that the library started,
 * servers, waits for nothing but this process, and connecting.
 *
 * A wait ends at once in the thread in which the signal handler runs (of threads that wait for the
 * one that receives, in the first eight); with the option interruptible, and with threads that
 * serve in the background, in every thread; otherwise within a second. Over a pair in memory the
 * thread that receives always needs up to a second.
 *
 * @param connection  borrowed; must not be freed meanwhile
 * @return RPYC_OK, also where the connection has ended; RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread, and signal handlers, which see errno as before. Since 0.1.
 */
rpyc_status rpyc_connection_interrupt(const rpyc_connection *connection);

/** @} */

/* ==============================================================================================
 * Serving a connection
 * ============================================================================================== */
/**
 * @defgroup rpyc_serving Serving a connection
 *
 * A connection answers its peer while a thread waits in one of these functions or for a reply. A
 * client whose peer calls back at any time serves in the background; a server does it by itself.
 *
 * @code{.c}
 * rpyc_serving *serving = NULL;
 * if (!rpyc_connection_serve_background(connection, 1, 0, &serving, &error)) {
 *     // callbacks run in a thread of their own from here on
 *     rpyc_serving_stop(serving, &error);
 *     rpyc_serving_join(serving, &error);
 * }
 * rpyc_serving_free(serving);
 * @endcode
 *
 * @{
 */

/**
 * Waits for one message of the peer and handles it: a request is run in this thread, nested ones
 * included. The end of the connection is RPYC_ERR_EOF at once.
 *
 * @param connection   borrowed
 * @param timeout_ms   milliseconds to wait for it; -1: no limit; 0: only what is here
 * @param handled_out  was there one? May be NULL
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED, connection errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_serve(rpyc_connection *connection,
                                  int64_t timeout_ms,
                                  bool *handled_out,
                                  rpyc_error **error_out);

/**
 * As rpyc_connection_serve; RPyC has both names.
 *
 * @param connection   borrowed
 * @param timeout_ms   milliseconds to wait for a message; -1: no limit; 0: only what is here
 * @param handled_out  was there one? May be NULL
 * @param error_out    owned; may be NULL
 * @return as rpyc_connection_serve
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_poll(rpyc_connection *connection,
                                 int64_t timeout_ms,
                                 bool *handled_out,
                                 rpyc_error **error_out);

/**
 * Handles all messages that come within a time. The whole time passes, unless the connection ends.
 *
 * A message that arrived in time is handled also if the time is over by then. With 0, the messages
 * are handled that have arrived when the function is called; a peer that goes on sending does not
 * keep it from returning.
 *
 * @param connection   borrowed
 * @param timeout_ms   milliseconds to serve for; -1: until the connection ends; 0: only what has
 *                     arrived
 * @param handled_out  whether there was any; false at the end of the connection; may be NULL
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, also where the connection has ended, as in RPyC: see rpyc_connection_closed();
 *         RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT,
 *         RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED, RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_poll_all(rpyc_connection *connection,
                                     int64_t timeout_ms,
                                     bool *handled_out,
                                     rpyc_error **error_out);

/**
 * Serves the peer in this thread until the connection ends.
 *
 * @param connection  borrowed
 * @param error_out   owned; may be NULL
 * @return RPYC_OK when the peer or this side closed it; RPYC_ERR_NULL, RPYC_ERR_FORKED,
 *         RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_STATE (in create of a
 *         service), RPYC_ERR_WAIT_INTERRUPTED (by rpyc_connection_interrupt); RPYC_ERR_EXIT,
 *         RPYC_ERR_INTERRUPTED (a callback raised SystemExit or KeyboardInterrupt, see
 *         propagate_SystemExit_locally; rpyc_error_exit_code has the number)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_serve_all(rpyc_connection *connection,
                                      rpyc_error **error_out);

/**
 * Calls of the connection run one after the other, in the order of their arrival. The next one
 * begins when the one before has returned, or waits in a function of the library; it goes on when
 * it is alone again. Without this, as many calls run at once as there are threads.
 */
#define RPYC_SERVE_IN_ORDER 1

/**
 * Serves a connection in threads of the library, until it ends or rpyc_serving_stop is called. It
 * does not keep the connection open.
 *
 * @param connection   borrowed
 * @param threads      how many, 1 to 1024. With RPYC_SERVE_IN_ORDER, take two at least, so that the
 *                     peer is read while a call runs
 * @param flags        0 or RPYC_SERVE_IN_ORDER; it holds for all threads that serve the connection,
 *                     from now on
 * @param serving_out  owned; free it with rpyc_serving_free
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT, RPYC_ERR_IO (no thread can be
 *         had), RPYC_ERR_STATE (in create of a service)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_serve_background(rpyc_connection *connection,
                                             size_t threads,
                                             int32_t flags,
                                             rpyc_serving **serving_out,
                                             rpyc_error **error_out);

/**
 * Serves a connection in several threads until it ends: in this one, and in others that the library
 * makes.
 *
 * @param connection  borrowed
 * @param threads     how many, this one included; 1 to 1024
 * @param flags       as for rpyc_connection_serve_background
 * @param error_out   owned; may be NULL
 * @return RPYC_OK when the peer or this side closed it; RPYC_ERR_NULL, RPYC_ERR_FORKED,
 *         RPYC_ERR_ARGUMENT, RPYC_ERR_IO (no thread can be had), RPYC_ERR_MALFORMED,
 *         RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_STATE (in create of a service),
 *         RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_serve_threaded(rpyc_connection *connection,
                                           size_t threads,
                                           int32_t flags,
                                           rpyc_error **error_out);

/**
 * Another handle of the same threads.
 *
 * @param serving  borrowed
 * @return owned; free it with rpyc_serving_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_serving *rpyc_serving_clone(const rpyc_serving *serving);

/**
 * Frees a handle. With the last one the threads stop, as after rpyc_serving_stop; this does not
 * wait for them.
 *
 * @param serving  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_serving_free(rpyc_serving *serving);

/**
 * Do any of the threads still run?
 *
 * @param serving  borrowed
 * @return false also for NULL, and in a forked child
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_serving_is_running(const rpyc_serving *serving);

/**
 * Has the threads end when they have done what they are doing, and does not wait for that. A thread
 * that waits for the peer ends at once. The connection stays open.
 *
 * @param serving    borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_serving_stop(rpyc_serving *serving,
                              rpyc_error **error_out);

/**
 * Waits until the threads have ended, because they were stopped or the connection is over, and
 * nothing of them is left.
 *
 * @param serving    borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called by one of these
 *         threads), and how the connection ended: RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT,
 *         RPYC_ERR_DIALECT
 *
 * Threads: not from a callback. Since 0.1.
 */
rpyc_status rpyc_serving_join(rpyc_serving *serving,
                              rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Event loops
 * ============================================================================================== */
/**
 * @defgroup rpyc_loops Event loops
 *
 * In non-blocking mode a connection never waits: the application polls its descriptor for what
 * rpyc_connection_interest() returns, and calls rpyc_connection_process() when it is ready.
 *
 * @code{.c}
 * bool handled = false;
 * rpyc_connection_set_nonblocking(connection, 1, &error);
 * const int32_t interest = rpyc_connection_interest(connection);
 * // poll rpyc_connection_fileno(connection) for RPYC_WAIT_READ or RPYC_WAIT_WRITE in it
 * if (interest & RPYC_WAIT_READ)
 *     rpyc_connection_process(connection, &handled, &error);
 * @endcode
 *
 * @{
 */

/** Wait until the descriptor is readable. */
#define RPYC_WAIT_READ 1

/** Wait until the descriptor is writable. */
#define RPYC_WAIT_WRITE 2

/**
 * The descriptor that becomes readable when the peer has sent something, for poll or epoll.
 *
 * Messages that are in the library's buffer already do not show there: see
 * rpyc_connection_has_message.
 *
 * @param connection  borrowed
 * @return a descriptor, not to be read or closed; -1 for NULL and where there is none
 *
 * Threads: any thread. Since 0.1.
 */
int32_t rpyc_connection_fileno(const rpyc_connection *connection);

/**
 * The descriptor to wait at for RPYC_WAIT_WRITE. It is that of rpyc_connection_fileno, but over a
 * pair of pipes.
 *
 * @param connection  borrowed
 * @return a descriptor, not to be written or closed; -1 for NULL and where there is none
 *
 * Threads: any thread. Since 0.1.
 */
int32_t rpyc_connection_write_fileno(const rpyc_connection *connection);

/**
 * The descriptor that becomes readable when another thread has left something for the loop to do,
 * such as an answer that did not go at once. rpyc_connection_process empties it. Only programs
 * whose other threads use the connection need it.
 *
 * @param connection  borrowed
 * @return a descriptor, not to be read or closed; valid until the connection is freed or set to
 *         block again; -1 for NULL, in a forked child, and where rpyc_connection_set_nonblocking
 *         was not called
 *
 * Threads: any thread. Since 0.1.
 */
int32_t rpyc_connection_wake_fileno(const rpyc_connection *connection);

/**
 * Says that an event loop drives a connection: from then on no function waits for the peer to
 * receive, but those that wait for its answer. What does not go at once waits, up to about
 * max_queued bytes, and leaves in rpyc_connection_process.
 *
 * Asynchronous requests beyond that are refused with RPYC_ERR_BACKPRESSURE. Answers are always
 * taken; while they wait, no further message of the peer is handled.
 *
 * @param connection   borrowed
 * @param nonblocking  1, or 0 for the way it was; sends then what waits, which may wait for the
 *                     peer
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_IO (no descriptor can be had)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_set_nonblocking(rpyc_connection *connection,
                                            int32_t nonblocking,
                                            rpyc_error **error_out);

/**
 * What a loop is to wait for before it calls rpyc_connection_process. Ask each time before waiting.
 *
 * @param connection  borrowed
 * @return RPYC_WAIT_READ for rpyc_connection_fileno, RPYC_WAIT_WRITE for
 *         rpyc_connection_write_fileno, both, or 0: only for rpyc_connection_wake_fileno, while
 *         another thread reads; 0 also for NULL and in a forked child
 *
 * Threads: any thread. Since 0.1.
 */
int32_t rpyc_connection_interest(const rpyc_connection *connection);

/**
 * How long a loop may wait at most before it calls rpyc_connection_process, though nothing
 * happened: until the next asynchronous result expires, for one, or releases of freed objects are
 * to be sent. Ask each time before waiting.
 *
 * @param connection  borrowed
 * @return milliseconds, rounded up; 0: do not wait; -1: no limit; -1 also for NULL and in a forked
 *         child
 *
 * Threads: any thread. Since 0.1.
 */
int64_t rpyc_connection_next_deadline(const rpyc_connection *connection);

/**
 * Sends what the transport accepts without blocking and handles received messages: calls of the
 * peer run in this thread, and so do callbacks of results. It never waits for the peer, neither to
 * send nor to receive.
 *
 * It handles at most about 64 messages, so that a peer that goes on sending does not hold up the
 * loop. While there are more, rpyc_connection_next_deadline is 0, and RPYC_WAIT_WRITE is set, so
 * that the loop comes back at once.
 *
 * @param connection   borrowed
 * @param handled_out  was there any message? May be NULL
 * @param error_out    owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_BACKPRESSURE: the peer does not receive, and no more of its messages
 *         are handled until some of what waits has left: no failure, wait as
 *         rpyc_connection_interest says; otherwise as rpyc_connection_serve. The end of the
 *         connection is returned at once, or by the next call if messages were handled before
 *
 * Threads: any thread; usually always the same. Since 0.1.
 */
rpyc_status rpyc_connection_process(rpyc_connection *connection,
                                    bool *handled_out,
                                    rpyc_error **error_out);

/**
 * Returns whether a whole message is in the library's own buffer, where no poll of the descriptor
 * can see it.
 *
 * @param connection  borrowed
 * @return false for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_connection_has_message(const rpyc_connection *connection);

/** @} */

/* ==============================================================================================
 * Objects
 * ============================================================================================== */
/**
 * @defgroup rpyc_objects Objects
 *
 * An object is a reference: to an object of the peer, or to one of this process that the peer can
 * use. The functions do what Python's operators and builtins of the same name do, each in one
 * request.
 *
 * @code{.c}
 * rpyc_value *key = NULL, *item = NULL;
 * int64_t length = 0;
 * if (!rpyc_object_length(object, &length, &error) &&
 *     !rpyc_value_new_str("name", RPYC_NUL_TERMINATED, &key, &error))
 *     rpyc_object_get_item(object, key, &item, &error);
 * rpyc_value_free(item);
 * @endcode
 *
 * @{
 */

/**
 * Another handle of the same object.
 *
 * @param object  borrowed
 * @return owned; free it with rpyc_object_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_object *rpyc_object_clone(const rpyc_object *object);

/**
 * Frees a handle. With the last use of an object of the peer, the peer is told as the option
 * release says.
 *
 * @param object  consumed; NULL does nothing
 *
 * Threads: any thread; never waits. Since 0.1.
 */
void rpyc_object_free(rpyc_object *object);

/**
 * Is it an object of a peer?
 *
 * @param object  borrowed
 * @return false for objects of this process, and for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_object_is_remote(const rpyc_object *object);

/**
 * Is it a class?
 *
 * @param object  borrowed
 * @return false also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_object_is_class(const rpyc_object *object);

/**
 * Are two handles the same object, as Python's "is"?
 *
 * @param left   borrowed
 * @param right  borrowed
 * @return false where one is NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_object_same(const rpyc_object *left, const rpyc_object *right);

/**
 * The name of an object's type with its module, such as "builtins.list"; for a class, its own name.
 * Of a peer's object it is what the peer says: escape control characters before you print it.
 *
 * @param object  borrowed
 * @return borrowed until the handle is freed; NUL-terminated; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
const char *rpyc_object_type_name(const rpyc_object *object);

/**
 * The connection over which an object of a peer was lent.
 *
 * @param object          borrowed
 * @param connection_out  owned; free it with rpyc_connection_free; it does not keep the connection
 *                        open
 * @param error_out       owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (an object of this process), RPYC_ERR_CLOSED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_connection(const rpyc_object *object,
                                   rpyc_connection **connection_out,
                                   rpyc_error **error_out);

/**
 * An attribute of an object. The peer's rules decide which names it gives.
 *
 * @param object     borrowed
 * @param attribute  copied; NUL-terminated
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_get_attr(rpyc_object *object,
                                 const char *attribute,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Sets an attribute of an object.
 *
 * @param object     borrowed
 * @param attribute  copied; NUL-terminated
 * @param value      consumed, on success and on every failure
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_set_attr(rpyc_object *object,
                                 const char *attribute,
                                 rpyc_value *value,
                                 rpyc_error **error_out);

/**
 * Deletes an attribute of an object.
 *
 * @param object     borrowed
 * @param attribute  copied; NUL-terminated
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_del_attr(rpyc_object *object,
                                 const char *attribute,
                                 rpyc_error **error_out);

/**
 * Calls an object.
 *
 * @param object     borrowed
 * @param args       consumed, on success and on every failure
 * @param count      number of args
 * @param keywords   consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (keywords are no dict with text
 *         keys)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_call(rpyc_object *object,
                             rpyc_value *const *args,
                             size_t count,
                             rpyc_value *keywords,
                             rpyc_value **value_out,
                             rpyc_error **error_out);

/**
 * Calls a method of an object, in one request.
 *
 * @param object     borrowed
 * @param method     copied; NUL-terminated
 * @param args       consumed, on success and on every failure
 * @param count      number of args
 * @param keywords   consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are no
 *         dict with text keys)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_call_method(rpyc_object *object,
                                    const char *method,
                                    rpyc_value *const *args,
                                    size_t count,
                                    rpyc_value *keywords,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Calls an object, or a method of it, with arguments that are one tuple already, such as those of a
 * call that is passed on.
 *
 * @param object     borrowed
 * @param method     copied; NUL-terminated; NULL: the object itself is called
 * @param args       consumed, on success and on every failure; a tuple; NULL for none
 * @param keywords   consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return as rpyc_object_call_method; RPYC_ERR_TYPE also where args are no tuple
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_call_tuple(rpyc_object *object,
                                   const char *method,
                                   rpyc_value *args,
                                   rpyc_value *keywords,
                                   rpyc_value **value_out,
                                   rpyc_error **error_out);

/**
 * The text of an object, as Python's str().
 *
 * @param object     borrowed
 * @param text_out   owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_str(rpyc_object *object, rpyc_value **text_out, rpyc_error **error_out);

/**
 * The representation of an object, as Python's repr().
 *
 * @param object     borrowed
 * @param text_out   owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_repr(rpyc_object *object, rpyc_value **text_out, rpyc_error **error_out);

/**
 * The hash of an object, an int.
 *
 * @param object     borrowed
 * @param hash_out   owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_hash(rpyc_object *object, rpyc_value **hash_out, rpyc_error **error_out);

/**
 * The names of an object's attributes, as Python's dir(): a tuple of texts.
 *
 * @param object     borrowed
 * @param names_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_dir(rpyc_object *object, rpyc_value **names_out, rpyc_error **error_out);

/**
 * The methods of an object: a tuple of pairs (name, doc), doc a text or None.
 *
 * @param object       borrowed
 * @param methods_out  owned; free it with rpyc_value_free
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_inspect(rpyc_object *object,
                                rpyc_value **methods_out,
                                rpyc_error **error_out);

/**
 * Is an object true, as Python's bool()? Its __bool__ says so, else its __len__; one that has
 * neither is true.
 *
 * @param object     borrowed
 * @param truth_out  whether it is; false on failure
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (__bool__ or __len__ answer with
 *         something else)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_truth(rpyc_object *object,
                              bool *truth_out,
                              rpyc_error **error_out);

/**
 * Is an object equal to a value, as Python's ==? Where its __eq__ knows no answer, that of the
 * value is asked if it is an object, and at last only an object itself is equal to it.
 *
 * @param object     borrowed
 * @param other      consumed, on success and on every failure
 * @param equal_out  whether they are; false on failure
 * @param error_out  owned; may be NULL
 * @return as rpyc_object_truth; RPYC_ERR_TYPE (__eq__ answers with something that is neither bool
 *         nor object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_equal(rpyc_object *object,
                              rpyc_value *other,
                              bool *equal_out,
                              rpyc_error **error_out);

/**
 * Gets a handle that keeps the connection of an object open, as a clone of the application's own
 * handle does.
 *
 * Objects by themselves keep no connection open. With this a binding lets those that it got as
 * results do so: it frees the handle together with the object.
 *
 * @param object  borrowed
 * @return owned, free with rpyc_connection_free(); NULL for NULL, for an object of this process,
 *         and where there is nothing to keep open: the connection is a server's own, or no handle
 *         of the application keeps it open any more
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_connection *rpyc_object_hold_connection(const rpyc_object *object);

/**
 * Evaluates isinstance(object, class_).
 *
 * Object and class may belong to different peers or to this process. Equal class ids tell without a
 * request, as do names where one of the two is local; otherwise the peer that owns the class is
 * asked.
 *
 * @param object      borrowed
 * @param class_      borrowed; a class
 * @param result_out  the answer
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (class_ is not a class)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_is_instance(rpyc_object *object,
                                    rpyc_object *class_,
                                    bool *result_out,
                                    rpyc_error **error_out);

/**
 * The length of a container. Of an object without `__len__` it is an AttributeError of the peer's:
 * RPYC_ERR_REMOTE.
 *
 * @param object      borrowed
 * @param length_out  items
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (__len__ answers with something
 *         else), RPYC_ERR_RANGE (it does not fit)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_length(rpyc_object *object,
                               int64_t *length_out,
                               rpyc_error **error_out);

/**
 * An item of a container: object[key]; key may be a slice. Of an object without `__getitem__` it is
 * an AttributeError.
 *
 * @param object     borrowed
 * @param key        consumed, on success and on every failure
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_get_item(rpyc_object *object,
                                 rpyc_value *key,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Sets an item of a container.
 *
 * @param object     borrowed
 * @param key        consumed, on success and on every failure
 * @param value      consumed, on success and on every failure
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_set_item(rpyc_object *object,
                                 rpyc_value *key,
                                 rpyc_value *value,
                                 rpyc_error **error_out);

/**
 * Deletes an item of a container.
 *
 * @param object     borrowed
 * @param key        consumed, on success and on every failure
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_del_item(rpyc_object *object, rpyc_value *key, rpyc_error **error_out);

/**
 * Evaluates Python's `item in object`. An object without `__contains__` is asked for one item after
 * the other until one is equal, as in Python: an iterator goes on behind that item.
 *
 * @param object      borrowed
 * @param item        consumed, on success and on every failure
 * @param result_out  the answer
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (what the object answers with is of
 *         another type)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_contains(rpyc_object *object,
                                 rpyc_value *item,
                                 bool *result_out,
                                 rpyc_error **error_out);

/**
 * Enters a context, as Python's with. Of an object without `__enter__` it is an AttributeError.
 *
 * @param object     borrowed
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_enter(rpyc_object *object, rpyc_value **value_out, rpyc_error **error_out);

/**
 * Leaves a context. The peer learns whether there was an error, and no more (RPyC wire: CTXEXIT).
 *
 * @param object         borrowed
 * @param error          borrowed; why the block is left; NULL: normally
 * @param swallowed_out  the answer : an error of the block is dealt with
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (what __bool__ of the answer gives
 *         is no bool)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_exit(rpyc_object *object,
                             const rpyc_error *error,
                             bool *swallowed_out,
                             rpyc_error **error_out);

/** Is it less? */
#define RPYC_LT 0

/** Is it less or equal? */
#define RPYC_LE 1

/** Is it equal? */
#define RPYC_EQ 2

/** Is it unequal? */
#define RPYC_NE 3

/** Is it greater? */
#define RPYC_GT 4

/** Is it greater or equal? */
#define RPYC_GE 5

/**
 * Compares an object with a value: a bool, NotImplemented where its class does not compare the two,
 * or whatever it answers.
 *
 * @param object      borrowed
 * @param op          RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
 * @param other       consumed, on success and on every failure
 * @param result_out  owned; free it with rpyc_value_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_ARGUMENT
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_compare(rpyc_object *object,
                                int32_t op,
                                rpyc_value *other,
                                rpyc_value **result_out,
                                rpyc_error **error_out);

/**
 * Gets such a handle for the first object of a peer in a value, at any depth of its containers.
 *
 * @param value  borrowed
 * @return owned, free with rpyc_connection_free(); NULL as of rpyc_object_hold_connection(), and if
 *         there is no such object
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_connection *rpyc_value_hold_connection(const rpyc_value *value);

/** @} */

/* ==============================================================================================
 * Iteration
 * ============================================================================================== */
/**
 * @defgroup rpyc_iteration Iteration
 *
 * rpyc_object_iterate() fetches the items of a remote iterable in chunks; rpyc_object_iter() and
 * rpyc_object_next() are Python's iter() and next(), with one request for each item.
 *
 * @code{.c}
 * rpyc_iterator *iterator = NULL;
 * rpyc_value *item = NULL;
 * rpyc_status status = rpyc_object_iterate(object, &iterator, &error);
 * while (!status && !(status = rpyc_iterator_next(iterator, &item, &error)))
 *     rpyc_value_free(item);
 * if (status != RPYC_ERR_STOP_ITERATION)
 *     fprintf(stderr, "%s\n", rpyc_error_describe(error));
 * rpyc_iterator_free(iterator);
 * @endcode
 *
 * @{
 */

/**
 * Starts to iterate over a container. Items are fetched 10, 20, 40 and at last 1000 at a time, so
 * that an iterator may go further than what rpyc_iterator_next has given; use rpyc_object_next
 * where it is used afterwards.
 *
 * @param object        borrowed
 * @param iterator_out  owned; free it with rpyc_iterator_free
 * @param error_out     owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the iterator is no object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_iterate(rpyc_object *object,
                                rpyc_iterator **iterator_out,
                                rpyc_error **error_out);

/**
 * The next item of an iteration.
 *
 * @param iterator   borrowed
 * @param item_out   owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_STOP_ITERATION at the end (also when asked again), which makes no
 *         error, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer answers with something else
 *         than items)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_iterator_next(rpyc_iterator *iterator,
                               rpyc_value **item_out,
                               rpyc_error **error_out);

/**
 * Ends an iteration.
 *
 * @param iterator  consumed; NULL does nothing
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
void rpyc_iterator_free(rpyc_iterator *iterator);

/**
 * An iterator over a container, for rpyc_object_next. Of an object without `__iter__` it is an
 * AttributeError.
 *
 * @param object        borrowed
 * @param iterator_out  owned; free it with rpyc_object_free
 * @param error_out     owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the iterator is no object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_iter(rpyc_object *object,
                             rpyc_object **iterator_out,
                             rpyc_error **error_out);

/**
 * The next item of an iterator; RPYC_ERR_STOP_ITERATION at the end. One request for each:
 * rpyc_object_iterate needs far fewer. Of an object without `__next__` it is an AttributeError.
 *
 * @param iterator   borrowed; an iterator
 * @param item_out   owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_next(rpyc_object *iterator,
                             rpyc_value **item_out,
                             rpyc_error **error_out);

/**
 * The next items of an iterator, in one request: a tuple, empty at the end. An exception of the
 * iterator replaces the whole tuple.
 *
 * @param iterator   borrowed; an iterator
 * @param count      how many items at most
 * @param items_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_next_chunk(rpyc_object *iterator,
                                   int64_t count,
                                   rpyc_value **items_out,
                                   rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Asynchronous requests
 * ============================================================================================== */
/**
 * @defgroup rpyc_async Asynchronous requests
 *
 * The functions whose names end with _async send a request and return a result that arrives later.
 * A result can be waited for, polled, cancelled, or given a callback.
 *
 * @code{.c}
 * rpyc_async_result *result = NULL;
 * if (!rpyc_object_call_method_async(object, "slow", NULL, 0, NULL, 5000, &result, &error))
 *     rpyc_async_result_value(result, &value, &error);
 * rpyc_async_result_free(result);
 * rpyc_value_free(value);
 * @endcode
 *
 * @{
 */

/**
 * Told that an answer has come. The result is lent for the call.
 *
 * It runs once, in the thread that read the answer, or in the one that registered it when the
 * answer was there already. It does not run for an answer that came after the result expired.
 */
typedef void (*rpyc_async_callback)(rpyc_async_result *result, void *userdata);

/**
 * Another handle of the same result.
 *
 * @param result  borrowed
 * @return owned; free it with rpyc_async_result_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_async_result *rpyc_async_result_clone(const rpyc_async_result *result);

/**
 * Frees a handle. The request goes on; when its answer comes, callbacks run, and it is dropped.
 *
 * @param result  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_async_result_free(rpyc_async_result *result);

/**
 * Has the answer come? As in RPyC, messages that have arrived are handled first, without waiting.
 *
 * @param result  borrowed
 * @return false also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_async_result_ready(rpyc_async_result *result);

/**
 * Has the answer come, and is it an exception?
 *
 * @param result  borrowed
 * @return false also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_async_result_error(rpyc_async_result *result);

/**
 * Has the time gone by without an answer?
 *
 * @param result  borrowed
 * @return false also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_async_result_expired(rpyc_async_result *result);

/**
 * Waits until the answer is here or the time is over; requests of the peer are served meanwhile.
 *
 * @param result     borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK (an answer or an exception came), RPYC_ERR_NULL, RPYC_ERR_FORKED,
 *         RPYC_ERR_TIMEOUT, RPYC_ERR_CANCELLED, RPYC_ERR_WAIT_INTERRUPTED, connection errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_async_result_wait(rpyc_async_result *result,
                                   rpyc_error **error_out);

/**
 * Waits as rpyc_async_result_wait does, and gives the answer. It may be asked for again.
 *
 * @param result     borrowed
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL; an exception of the peer arrives here
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_CANCELLED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_async_result_value(rpyc_async_result *result,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Gives a request up: the result fails with RPYC_ERR_CANCELLED at once, its callbacks run in this
 * thread, and an answer that comes later is dropped. RPyC cannot tell the peer, which goes on.
 * Threads that wait for the result wake up.
 *
 * @param result  borrowed
 * @return true if it was given up now; false if the answer was here already, if it was given up
 *         before, and for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_async_result_cancel(rpyc_async_result *result);

/**
 * Waits until there is something to be had from one of several results: its answer, an exception,
 * or that it has expired or its connection has ended. They may belong to several connections, whose
 * requests are served meanwhile.
 *
 * @param results     borrowed, and so are the handles in it
 * @param count       results, at least one
 * @param timeout_ms  milliseconds; -1: no limit but their own
 * @param index_out   which one it is; the first of several
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (no results), RPYC_ERR_TIMEOUT (none of them in
 *         time), RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_async_result_wait_any(rpyc_async_result *const *results,
                                       size_t count,
                                       int64_t timeout_ms,
                                       size_t *index_out,
                                       rpyc_error **error_out);

/**
 * Waits until there is nothing left to wait for from any of several results: each has its answer,
 * an exception, has expired, or its connection has ended. They may belong to several connections,
 * whose requests are served meanwhile.
 *
 * @param results     borrowed, and so are the handles in it; may be NULL for none
 * @param count       results
 * @param timeout_ms  milliseconds; -1: no limit but their own
 * @param error_out   owned; may be NULL
 * @return RPYC_OK (ask each for what came of it), RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (an impossible
 *         count), RPYC_ERR_TIMEOUT (not all of them in time), RPYC_ERR_FORKED,
 *         RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_async_result_wait_all(rpyc_async_result *const *results,
                                       size_t count,
                                       int64_t timeout_ms,
                                       rpyc_error **error_out);

/**
 * Has a callback run when the answer comes; at once if it is here. Several run in the order of
 * registration, one after the other: one that is added while others run, also by one of them, runs
 * behind them, in their thread.
 *
 * @param result         borrowed
 * @param callback       the callback
 * @param userdata       passed to it
 * @param userdata_free  ends userdata, after the callback ran or when it never will; may be NULL
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_async_result_add_callback(rpyc_async_result *result,
                                           rpyc_async_callback callback,
                                           void *userdata,
                                           rpyc_free_fn userdata_free,
                                           rpyc_error **error_out);

/**
 * Sets the time within which the answer must come, counted from now.
 *
 * @param result      borrowed
 * @param timeout_ms  milliseconds; -1: no limit
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_async_result_set_expiry(rpyc_async_result *result,
                                         int64_t timeout_ms,
                                         rpyc_error **error_out);

/**
 * As rpyc_object_get_attr, without waiting for the answer.
 *
 * @param object      borrowed
 * @param attribute   copied; NUL-terminated
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_get_attr_async(rpyc_object *object,
                                       const char *attribute,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * As rpyc_object_set_attr, without waiting for the answer.
 *
 * @param object      borrowed
 * @param attribute   copied; NUL-terminated
 * @param value       consumed, on success and on every failure
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_set_attr_async(rpyc_object *object,
                                       const char *attribute,
                                       rpyc_value *value,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * As rpyc_object_del_attr, without waiting for the answer.
 *
 * @param object      borrowed
 * @param attribute   copied; NUL-terminated
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_del_attr_async(rpyc_object *object,
                                       const char *attribute,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * As rpyc_object_call, without waiting for the answer.
 *
 * @param object      borrowed
 * @param args        consumed, on success and on every failure
 * @param count       number of args
 * @param keywords    consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (keywords are no dict with text
 *         keys)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_call_async(rpyc_object *object,
                                   rpyc_value *const *args,
                                   size_t count,
                                   rpyc_value *keywords,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * As rpyc_object_call_method, without waiting for the answer.
 *
 * @param object      borrowed
 * @param method      copied; NUL-terminated
 * @param args        consumed, on success and on every failure
 * @param count       number of args
 * @param keywords    consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are no
 *         dict with text keys)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_call_method_async(rpyc_object *object,
                                          const char *method,
                                          rpyc_value *const *args,
                                          size_t count,
                                          rpyc_value *keywords,
                                          int64_t timeout_ms,
                                          rpyc_async_result **result_out,
                                          rpyc_error **error_out);

/**
 * As rpyc_object_str, without waiting for the answer.
 *
 * @param object      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_str_async(rpyc_object *object,
                                  int64_t timeout_ms,
                                  rpyc_async_result **result_out,
                                  rpyc_error **error_out);

/**
 * As rpyc_object_repr, without waiting for the answer.
 *
 * @param object      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_repr_async(rpyc_object *object,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * As rpyc_object_hash, without waiting for the answer.
 *
 * @param object      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_hash_async(rpyc_object *object,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * As rpyc_object_compare, without waiting for the answer.
 *
 * @param object      borrowed
 * @param op          RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
 * @param other       consumed, on success and on every failure
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_ARGUMENT
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_compare_async(rpyc_object *object,
                                      int32_t op,
                                      rpyc_value *other,
                                      int64_t timeout_ms,
                                      rpyc_async_result **result_out,
                                      rpyc_error **error_out);

/**
 * As rpyc_object_dir, without waiting for the answer.
 *
 * @param object      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_dir_async(rpyc_object *object,
                                  int64_t timeout_ms,
                                  rpyc_async_result **result_out,
                                  rpyc_error **error_out);

/**
 * As rpyc_object_inspect, without waiting for the answer.
 *
 * @param object      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_inspect_async(rpyc_object *object,
                                      int64_t timeout_ms,
                                      rpyc_async_result **result_out,
                                      rpyc_error **error_out);

/**
 * As rpyc_object_is_instance, without waiting for the answer.
 *
 * @param object      borrowed
 * @param class_      borrowed; a class
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (class_ is not a class)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_is_instance_async(rpyc_object *object,
                                          rpyc_object *class_,
                                          int64_t timeout_ms,
                                          rpyc_async_result **result_out,
                                          rpyc_error **error_out);

/**
 * As rpyc_object_length, without waiting for the answer.
 *
 * @param object      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_length_async(rpyc_object *object,
                                     int64_t timeout_ms,
                                     rpyc_async_result **result_out,
                                     rpyc_error **error_out);

/**
 * As rpyc_object_get_item, without waiting for the answer.
 *
 * @param object      borrowed
 * @param key         consumed, on success and on every failure
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_get_item_async(rpyc_object *object,
                                       rpyc_value *key,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * As rpyc_object_set_item, without waiting for the answer.
 *
 * @param object      borrowed
 * @param key         consumed, on success and on every failure
 * @param value       consumed, on success and on every failure
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_set_item_async(rpyc_object *object,
                                       rpyc_value *key,
                                       rpyc_value *value,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * As rpyc_object_del_item, without waiting for the answer.
 *
 * @param object      borrowed
 * @param key         consumed, on success and on every failure
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_del_item_async(rpyc_object *object,
                                       rpyc_value *key,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * As rpyc_object_contains, without waiting for the answer, and of objects with `__contains__`
 * alone.
 *
 * @param object      borrowed
 * @param item        consumed, on success and on every failure
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_contains_async(rpyc_object *object,
                                       rpyc_value *item,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * As rpyc_object_iter, without waiting for the answer.
 *
 * @param object      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_iter_async(rpyc_object *object,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * As rpyc_object_next, without waiting for the answer.
 *
 * @param iterator    borrowed; an iterator
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_next_async(rpyc_object *iterator,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * As rpyc_object_next_chunk, without waiting for the answer.
 *
 * @param iterator    borrowed; an iterator
 * @param count       how many items at most
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_next_chunk_async(rpyc_object *iterator,
                                         int64_t count,
                                         int64_t timeout_ms,
                                         rpyc_async_result **result_out,
                                         rpyc_error **error_out);

/**
 * As rpyc_object_enter, without waiting for the answer.
 *
 * @param object      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_enter_async(rpyc_object *object,
                                    int64_t timeout_ms,
                                    rpyc_async_result **result_out,
                                    rpyc_error **error_out);

/**
 * As rpyc_object_exit, without waiting for the answer.
 *
 * @param object      borrowed
 * @param error       borrowed; why the block is left; NULL: normally
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_exit_async(rpyc_object *object,
                                   const rpyc_error *error,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Prepared methods and batches
 * ============================================================================================== */
/**
 * @defgroup rpyc_batches Prepared methods and batches
 *
 * A prepared method has its object and name encoded once. A batch sends many calls with one write
 * for each burst, keeps a window of them outstanding, and reports each reply to a callback or keeps
 * it.
 *
 * @code{.c}
 * rpyc_prepared *prepared = NULL;
 * rpyc_batch *batch = NULL;
 * if (!rpyc_prepared_new(object, "set", &prepared, &error) &&
 *     !rpyc_batch_new(256, &batch, &error)) {
 *     for (int at = 0; at < 1000; ++at) {
 *         rpyc_value *args[1] = {rpyc_int(at)};
 *         rpyc_batch_add(batch, prepared, args, 1, NULL, &error);
 *     }
 *     rpyc_batch_run(batch, 10000, NULL, NULL, &error);
 * }
 * rpyc_batch_free(batch);
 * rpyc_prepared_free(prepared);
 * @endcode
 *
 * @{
 */

/**
 * Prepares a method of an object for many calls: the object and the name are encoded once. Nothing
 * is sent.
 *
 * @param object        borrowed; the prepared method keeps the object, and as any object it does
 *                      not keep the connection open
 * @param method        copied; NUL-terminated; NULL: the object itself is called
 * @param prepared_out  owned; free it with rpyc_prepared_free
 * @param error_out     owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_CLOSED (nothing is left of the
 *         connection), RPYC_ERR_STATE (an object of a session)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_prepared_new(rpyc_object *object,
                              const char *method,
                              rpyc_prepared **prepared_out,
                              rpyc_error **error_out);

/**
 * Returns another handle of the same prepared method.
 *
 * @param prepared  borrowed
 * @return owned; free it with rpyc_prepared_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_prepared *rpyc_prepared_clone(const rpyc_prepared *prepared);

/**
 * Frees a handle.
 *
 * @param prepared  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_prepared_free(rpyc_prepared *prepared);

/**
 * Calls a prepared method, as rpyc_object_call_method does.
 *
 * @param prepared   borrowed
 * @param args       consumed, on success and on every failure
 * @param count      number of args
 * @param keywords   consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (keywords are no dict with text
 *         keys)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_prepared_call(rpyc_prepared *prepared,
                               rpyc_value *const *args,
                               size_t count,
                               rpyc_value *keywords,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Calls a prepared method without waiting for the answer, as rpyc_object_call_method_async does.
 *
 * @param prepared    borrowed
 * @param args        consumed, on success and on every failure
 * @param count       number of args
 * @param keywords    consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (keywords are no dict with text
 *         keys)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_prepared_call_async(rpyc_prepared *prepared,
                                     rpyc_value *const *args,
                                     size_t count,
                                     rpyc_value *keywords,
                                     int64_t timeout_ms,
                                     rpyc_async_result **result_out,
                                     rpyc_error **error_out);

/**
 * Receives the outcome of one call of a batch.
 *
 * It runs in the thread that called rpyc_batch_run(), one call at a time, and with no lock held: it
 * may call any function, also for the same connection and the same batch.
 *
 * index is the number of the call, counted from 0 in the order of adding; value is borrowed for the
 * call, and NULL if the call failed; error is borrowed for the call, and NULL if it did not.
 * rpyc_value_clone() and rpyc_error_clone() keep them.
 */
typedef void (*rpyc_batch_fn)(size_t index,
                              const rpyc_value *value,
                              const rpyc_error *error,
                              void *userdata);

/**
 * Makes an empty batch: a list of calls to objects of one connection, which rpyc_batch_run() sends
 * together. Nothing is allocated for a single call, and a burst of calls takes the connection's
 * lock once and is sent in one write.
 *
 * The calls are sent in the order of adding, and on a peer that handles one request after the other
 * they run in it. At most `window` of them have been sent and have no answer yet: that bounds what
 * the peer and this side keep, and a peer that does not receive is not sent more.
 *
 * @param window     calls; 0: 256. The option max_pending bounds it too.
 * @param batch_out  owned; free it with rpyc_batch_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_batch_new(size_t window,
                           rpyc_batch **batch_out,
                           rpyc_error **error_out);

/**
 * Returns another handle of the same batch.
 *
 * @param batch  borrowed
 * @return owned; free it with rpyc_batch_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_batch *rpyc_batch_clone(const rpyc_batch *batch);

/**
 * Frees a handle. A run that is under way goes on. Calls that were added and not run are dropped
 * with the last handle.
 *
 * @param batch  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_batch_free(rpyc_batch *batch);

/**
 * Adds one call to a batch. Nothing is sent before rpyc_batch_run(). The results of the last run
 * are dropped.
 *
 * @param batch      borrowed
 * @param prepared   borrowed; of the same connection as those before, or of an object of this
 *                   process
 * @param args       consumed, on success and on every failure
 * @param count      number of args
 * @param keywords   consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the batch is running),
 *         RPYC_ERR_ARGUMENT (of another connection, or an impossible count), RPYC_ERR_TYPE
 *         (keywords are no dict with text keys), RPYC_ERR_CLOSED (nothing is left of the
 *         connection), RPYC_ERR_LIMIT (2^32 calls), RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_batch_add(rpyc_batch *batch,
                           const rpyc_prepared *prepared,
                           rpyc_value *const *args,
                           size_t count,
                           rpyc_value *keywords,
                           rpyc_error **error_out);

/**
 * Adds many calls of one method to a batch, as rpyc_batch_add does: all of them, or none if it
 * fails.
 *
 * @param batch      borrowed
 * @param prepared   borrowed
 * @param args       consumed, on success and on every failure; calls times count values: first
 *                   those of the first call
 * @param count      number of args of each call
 * @param calls      how many calls
 * @param error_out  owned; may be NULL
 * @return as rpyc_batch_add
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_batch_add_many(rpyc_batch *batch,
                                const rpyc_prepared *prepared,
                                rpyc_value *const *args,
                                size_t count,
                                size_t calls,
                                rpyc_error **error_out);

/**
 * Makes the calls that were added since the last run, and waits until each is over; requests of the
 * peer are served meanwhile, those too that it makes before it answers.
 *
 * A call that fails does not end the batch: an exception of the peer, and an argument that cannot
 * be sent, which sends nothing of that call, are its own outcome, and the others go on. What ends
 * the batch is the status: then the calls without an answer fail with that status, and the message
 * of each says whether it was sent. One that was sent may still be running, and a late answer is
 * dropped. No call is sent in part.
 *
 * With a callback, it is called exactly once for each call, in the order in which answers arrive,
 * and nothing is kept. Without one, rpyc_batch_value() gives the results after this function has
 * returned, also if it failed.
 *
 * @param batch       borrowed; it may be freed while this function runs, also by the callback
 * @param timeout_ms  milliseconds within which all calls must be over; -1: no limit but that of
 *                    rpyc_timeout_begin(); the option sync_request_timeout does not count
 * @param callback    called in this thread; NULL: keep the results
 * @param userdata    borrowed until this function returns; given to the callback
 * @param error_out   owned; may be NULL
 * @return RPYC_OK (each call has an outcome of its own), RPYC_ERR_NULL, RPYC_ERR_STATE (the batch
 *         is running already, and no callback is called), RPYC_ERR_FORKED, RPYC_ERR_TIMEOUT,
 *         RPYC_ERR_CANCELLED (rpyc_batch_cancel), RPYC_ERR_WAIT_INTERRUPTED, connection errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_batch_run(rpyc_batch *batch,
                           int64_t timeout_ms,
                           rpyc_batch_fn callback,
                           void *userdata,
                           rpyc_error **error_out);

/**
 * Gets the result of one call of the last run. It may be asked for again, until a call is added, or
 * the batch is run anew.
 *
 * @param batch      borrowed
 * @param index      the number of the call, from 0 in the order of adding
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL; the error of that call arrives here
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (there is no such call), RPYC_ERR_STATE (there
 *         are no results, or the batch is running), request errors, RPYC_ERR_CANCELLED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_batch_value(rpyc_batch *batch,
                             size_t index,
                             rpyc_value **value_out,
                             rpyc_error **error_out);

/**
 * Gives up the run of a batch that is under way: no further call is sent, those without an answer
 * fail with RPYC_ERR_CANCELLED, and rpyc_batch_run() returns it. RPyC cannot tell the peer, which
 * goes on with what it was sent.
 *
 * @param batch  borrowed
 * @return true if it was given up now; false if it does not run, if it was given up before, and for
 *         NULL
 *
 * Threads: any thread, also in the callback of the batch. Since 0.1.
 */
bool rpyc_batch_cancel(rpyc_batch *batch);

/** @} */

/* ==============================================================================================
 * Large data
 * ============================================================================================== */
/**
 * @defgroup rpyc_bulk Large data
 *
 * rpyc_object_obtain() copies a container of the peer with all it holds, rpyc_object_obtain_array()
 * the numbers of an array. A buffer receives the bytes of a reply in memory of the application.
 *
 * @code{.c}
 * rpyc_value *array = NULL, *shape = NULL;
 * rpyc_object_obtain_array(object, 64 << 20, &array, &shape, &error);
 * rpyc_value_free(array);
 * rpyc_value_free(shape);
 * @endcode
 *
 * @{
 */

/**
 * Copies an object that is plain data into a value: lists, dicts, tuples, sets and frozensets,
 * ranges and views of dicts, arrays, with all that is in them.
 *
 * An array of numbers becomes a value of kind RPYC_VALUE_ARRAY: numpy.ndarray, array.array,
 * memoryview; one of several dimensions lists of arrays, for which rpyc_object_obtain_array() is
 * better. numpy's numbers become int, float and bool, arrays of truths lists, other arrays of numpy
 * what its tolist() gives; a bytearray becomes bytes. Where the peer gives public names
 * (allow_public_attrs, classic servers), the bytes of an array come in one piece, in two bursts of
 * requests. Elsewhere its items are asked for, and each of numpy's numbers, all in one burst.
 *
 * All requests for one level of nesting leave in one burst (two where there are dicts; a burst has
 * at most 16384 requests), so that the time it takes grows with the depth and not with the number
 * of items. Nothing is asked of the peer but what RPyC's servers allow with their default settings.
 * Sets become frozensets; an OrderedDict, defaultdict or Counter a dict, a deque a list. An object
 * that is changed meanwhile may be copied in part as it was before.
 *
 * @param object     borrowed
 * @param max_depth  levels of nesting, a list of numbers being one; 0 for 100
 * @param max_items  items of all containers together, counted as if nothing were shared, those of a
 *                   dict twice; 0 for 1048576. One container has less than 1048576 items in any
 *                   case
 * @param max_bytes  bytes of all texts, bytes, arrays and long ints together; 0 for 67108864
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors; RPYC_ERR_LIMIT also where it is larger or deeper
 *         than this; RPYC_ERR_TYPE (something in it is no plain data, or a container holds itself)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_obtain(rpyc_object *object,
                               size_t max_depth,
                               size_t max_items,
                               size_t max_bytes,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Copies an array of numbers with its shape: a numpy.ndarray of any number of dimensions, an
 * array.array, a memoryview or a bytearray. The requests are those of rpyc_object_obtain().
 *
 * Floats of 16 bits become floats of 32, truths 0 and 1 of RPYC_ARRAY_UINT8. The byte order is that
 * of this machine, whatever numpy's is there; array.array and memoryview are taken to have the byte
 * order of this machine. An array that has no items and does not tell its type is one of doubles;
 * without its type, which the peer's rules may hide, an array.array or memoryview has doubles or
 * int64_t.
 *
 * @param object     borrowed
 * @param max_bytes  of all numbers together; 0 for 67108864
 * @param array_out  owned, of kind RPYC_VALUE_ARRAY, with the last index varying fastest; free it
 *                   with rpyc_value_free
 * @param shape_out  owned, a tuple of ints: the length in each dimension, none for a single number;
 *                   may be NULL; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors; RPYC_ERR_LIMIT also where it is larger than this;
 *         RPYC_ERR_TYPE (it is another object, or its items are not numbers of one type)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_obtain_array(rpyc_object *object,
                                     size_t max_bytes,
                                     rpyc_value **array_out,
                                     rpyc_value **shape_out,
                                     rpyc_error **error_out);

/**
 * Memory of yours into which the library may receive the answer to a call: see
 * rpyc_object_call_method_into().
 *
 * From here on the library may write there, and reads what it wrote, until the destructor has run:
 * after this handle and its clones are freed, and no call and no value uses the memory any more.
 * While rpyc_buffer_busy() says so, you do not write there, and read only through the value that
 * lies there.
 *
 * @param data           borrowed until the destructor runs
 * @param capacity       bytes
 * @param userdata       consumed; given to the destructor
 * @param userdata_free  the destructor: runs exactly once, on any thread, also if this function
 *                       fails; may be NULL
 * @param buffer_out     owned, freed with rpyc_buffer_free()
 * @param error_out      owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for an impossible capacity
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_buffer_new(void *data,
                            size_t capacity,
                            void *userdata,
                            rpyc_free_fn userdata_free,
                            rpyc_buffer **buffer_out,
                            rpyc_error **error_out);

/**
 * Another handle of the same buffer.
 *
 * @param buffer  borrowed
 * @return owned; free it with rpyc_buffer_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_buffer *rpyc_buffer_clone(const rpyc_buffer *buffer);

/**
 * Frees a handle. The memory itself is in use until its destructor runs: at once, or when the call
 * or the value that uses it is done with it.
 *
 * @param buffer  consumed; NULL does nothing
 *
 * Threads: any thread; never waits. Since 0.1.
 */
void rpyc_buffer_free(rpyc_buffer *buffer);

/**
 * Is the memory in use: by a call whose answer may still come into it, or by a value that lies in
 * it?
 *
 * A call that timed out uses it as long as its answer is being received: until that is here as a
 * whole or the connection has ended. Nothing is read while no thread waits on the connection.
 *
 * @param buffer  borrowed
 * @return false also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_buffer_busy(const rpyc_buffer *buffer);

/**
 * As rpyc_object_call_method, with memory for the answer: bytes that fit lie in the buffer, at its
 * beginning, and rpyc_value_get_bytes() gives the address of `data`. Long ones that come
 * uncompressed (from 64 KiB; see the option compress, which is the peer's) are received straight
 * into it, without a copy; all others are copied.
 *
 * Every other answer is an ordinary value, and so are bytes that do not fit, and any answer if the
 * buffer was busy at the call. Its memory can be used again when the value, its clones and all that
 * holds it are freed.
 *
 * @param object     borrowed
 * @param method     copied; NUL-terminated
 * @param args       consumed, on success and on every failure
 * @param count      number of args
 * @param keywords   consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param buffer     borrowed
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return as rpyc_object_call_method
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_call_method_into(rpyc_object *object,
                                         const char *method,
                                         rpyc_value *const *args,
                                         size_t count,
                                         rpyc_value *keywords,
                                         rpyc_buffer *buffer,
                                         rpyc_value **value_out,
                                         rpyc_error **error_out);

/**
 * As rpyc_object_call_method_into, without waiting for the answer. The buffer is busy until the
 * result and all values that lie in the buffer are freed.
 *
 * @param object      borrowed
 * @param method      copied; NUL-terminated
 * @param args        consumed, on success and on every failure
 * @param count       number of args
 * @param keywords    consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param buffer      borrowed
 * @param timeout_ms  milliseconds within which the answer must come; -1: no limit
 * @param result_out  owned; free it with rpyc_async_result_free
 * @param error_out   owned; may be NULL
 * @return as rpyc_object_call_method_async
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_call_method_into_async(rpyc_object *object,
                                               const char *method,
                                               rpyc_value *const *args,
                                               size_t count,
                                               rpyc_value *keywords,
                                               rpyc_buffer *buffer,
                                               int64_t timeout_ms,
                                               rpyc_async_result **result_out,
                                               rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Classes and services
 * ============================================================================================== */
/**
 * @defgroup rpyc_classes Classes and services
 *
 * A class is a table of C functions that a peer sees as methods and properties. The class of a
 * connection's root is its service. An object of a class belongs to an instance, a pointer of the
 * application that each callback gets.
 *
 * @code{.c}
 * static void get_answer(rpyc_call *call, void *self)
 * {
 *     (void)self;
 *     rpyc_call_return_int(call, 42);
 * }
 *
 * static const rpyc_method methods[] = {
 *     {"exposed_get_answer", get_answer, "get_answer()", NULL, 0},
 * };
 *
 * static rpyc_status serve(const char *address, rpyc_server **server_out, rpyc_error **error_out)
 * {
 *     const rpyc_class_table table = {
 *         .struct_size = sizeof table,
 *         .method_size = sizeof methods[0],
 *         .name = "AnswerService",
 *         .methods = methods,
 *         .method_count = 1,
 *     };
 *     rpyc_class *service = NULL;
 *     rpyc_status status = rpyc_class_new(&table, NULL, NULL, &service, error_out);
 *     if (!status)
 *         status = rpyc_server_new(address, service, NULL, server_out, error_out);
 *     rpyc_class_free(service);
 *     return status;
 * }
 * @endcode
 *
 * @{
 */

/**
 * Code of the application that serves a call.
 *
 * It answers with one of rpyc_call_return... or rpyc_call_raise..., or keeps the call with
 * rpyc_call_defer; if it does neither, the caller gets a RuntimeError. It returns: no longjmp, no
 * C++ exception.
 *
 * call is lent for the time of the call; self is the pointer of the object (of a function, its
 * userdata).
 */
typedef void (*rpyc_method_fn)(rpyc_call *call, void *instance);

/** A method is short and never waits: answers to a burst of calls may leave together. */
#define RPYC_METHOD_QUICK 1

/** One method of a class. */
typedef struct rpyc_method {
    /** The literal name, such as "exposed_add" or "__len__". NUL-terminated. */
    const char *name;
    /** Serves a call. Not NULL. */
    rpyc_method_fn call;
    /**
     * Such as "add(a, b=2, *rest, c=3, **named)". Arguments are checked before the callback runs,
     * and each parameter is an argument of the call, in the order of the text: *rest is a tuple,
     * **named a dict. Its name is that of the method, with or without the prefix, or left out.
     * NULL: anything goes.
     *
     * With a type, as in "set(value: float, count: int = 1)", an argument is converted before the
     * callback runs, as by rpyc_value_convert(): bool, int, float, str, bytes, date, time,
     * datetime, timedelta, "float | None". Objects are asked without blocking whoever reads, and
     * other calls can overtake this one meanwhile. It counts in max_serving; after
     * sync_request_timeout the caller gets TypeError. Other annotations mean nothing.
     */
    const char *signature;
    /** What the method does, for Python's help(). NULL: nothing to say. */
    const char *doc;
    /** RPYC_METHOD_... or 0. Bits without a meaning are refused. */
    uint64_t flags;
} rpyc_method;

/** One property of a class. */
typedef struct rpyc_property {
    /** The literal name, such as "exposed_size". NUL-terminated. */
    const char *name;
    /** Answers with the value. NULL: it cannot be read. */
    rpyc_method_fn get;
    /** Argument 0 is the new value. NULL: it cannot be set. */
    rpyc_method_fn set;
    /** NULL: it cannot be deleted. */
    rpyc_method_fn del;
    /** What it is. NULL: nothing to say. */
    const char *doc;
} rpyc_property;

/**
 * Calls for one object of the class never overlap; while one of them waits in a function of this
 * library, others run.
 */
#define RPYC_CLASS_SERIAL 1

/** A service with one instance for all connections. */
#define RPYC_CLASS_SHARED 2

/**
 * Describes a class. All of it is copied by rpyc_class_new. Members are only ever appended; what is
 * 0 or NULL has the meaning that is said of it.
 */
typedef struct rpyc_class_table {
    /** sizeof(rpyc_class_table) */
    size_t struct_size;
    /** sizeof(rpyc_method); may be 0 where there are no methods */
    size_t method_size;
    /** sizeof(rpyc_property); may be 0 where there are no properties */
    size_t property_size;
    /**
     * The module that the class says it belongs to. NULL: "librpyc". With "builtins" and the name
     * of one of Python's own types, Python peers use its objects as such.
     */
    const char *module;
    /** Such as "CalculatorService". Not NULL. */
    const char *name;
    /** What the class is, for Python's help(). NULL: nothing to say. */
    const char *doc;
    /** Methods, properties and access rules are inherited from it. NULL: there is none. */
    const rpyc_class *base;
    /** RPYC_CLASS_... or 0. Bits without a meaning are refused. */
    uint64_t flags;
    /** Its methods. NULL: it has none of its own. */
    const rpyc_method *methods;
    /** How many methods there are. */
    size_t method_count;
    /** Its properties. NULL: it has none of its own. */
    const rpyc_property *properties;
    /** How many properties there are. */
    size_t property_count;
    /**
     * Called when a peer calls the class; answers with an object of it. userdata is that of the
     * class. NULL: the class cannot be called.
     */
    void (*construct)(rpyc_call *call, void *userdata);
    /**
     * Own rules for reading, RPyC's _rpyc_getattr: argument 0 is the name as the peer gave it.
     * NULL: the usual rules.
     */
    rpyc_method_fn get_attr;
    /**
     * Own rules for setting, RPyC's _rpyc_setattr: arguments are the name and the value. NULL: the
     * usual rules.
     */
    rpyc_method_fn set_attr;
    /**
     * Own rules for deleting, RPyC's _rpyc_delattr: argument 0 is the name. NULL: the usual rules.
     */
    rpyc_method_fn del_attr;
    /**
     * Returns whether the object has an attribute that is in no table; not 0: it has. Asked for
     * each permitted name before get_dynamic and del_dynamic, special methods included; 0 is an
     * AttributeError for the peer. set_dynamic is called without it: setting makes attributes. The
     * usual rules hold for the names. NULL: an attribute exists unless get_dynamic raises
     * AttributeError, as with Python's __getattr__.
     */
    int32_t (*has_dynamic)(void *instance, const char *name, size_t length);
    /** Reads such an attribute; argument 0 is its name. NULL: they cannot be read. */
    rpyc_method_fn get_dynamic;
    /** Sets such an attribute; arguments are its name and the value. NULL: they cannot be set. */
    rpyc_method_fn set_dynamic;
    /** Deletes such an attribute; argument 0 is its name. NULL: they cannot be deleted. */
    rpyc_method_fn del_dynamic;
    /** Of a service: its names. NULL: its class name without "Service", in upper case. */
    const char *const *aliases;
    /** How many names there are. */
    size_t alias_count;
    /**
     * Of a service: makes the pointer that callbacks get as self, for each connection. If it
     * returns NULL, the connection is refused: it ends before anything is answered, without
     * on_connect and on_disconnect, and where this side made it, the function that did gives
     * RPYC_ERR_STATE. connection is lent; it tells its options, credentials and ends, and keeps a
     * pointer (rpyc_connection_set_userdata), but nothing can be requested or served yet:
     * RPYC_ERR_STATE. What create makes may hold a clone of it. It is NULL for the one object of
     * RPYC_CLASS_SHARED. NULL in place of the function: self is userdata.
     */
    void *(*create)(rpyc_connection *connection, void *userdata);
    /**
     * Ends what create made: after on_disconnect, when the calls that use it have returned and no
     * handle of the application's keeps the connection open.
     */
    void (*destroy)(void *instance);
    /**
     * Of a service: a connection has begun; no request of the peer has been served. connection is
     * lent.
     */
    void (*on_connect)(rpyc_connection *connection, void *instance);
    /** Of a service: a connection has ended; nothing can be sent. connection is lent. */
    void (*on_disconnect)(rpyc_connection *connection, void *instance);
    /**
     * What construct takes, such as "Point(x, y=0)", whose name is that of the class: its arguments
     * are then fitted as those of a method with a signature, keywords and types included. NULL:
     * construct gets the arguments as they came.
     */
    const char *construct_signature;
} rpyc_class_table;

/**
 * Makes a class of a table.
 *
 * @param table          copied, with everything that it points to
 * @param userdata       given to construct and create, and the self of a service without create
 * @param userdata_free  ends userdata when the class and all its objects are gone; may be NULL
 * @param class_out      owned; free it with rpyc_class_free
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size cannot be right, or flags or
 *         members are set that this version does not have), RPYC_ERR_ARGUMENT (a signature or name,
 *         one that is given twice among them; a property without functions); the message says which
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_class_new(const rpyc_class_table *table,
                           void *userdata,
                           rpyc_free_fn userdata_free,
                           rpyc_class **class_out,
                           rpyc_error **error_out);

/**
 * Another handle of the same class.
 *
 * @param class_  borrowed
 * @return owned; free it with rpyc_class_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_class *rpyc_class_clone(const rpyc_class *class_);

/**
 * Frees a handle. The class lives as long as its objects, servers and connections.
 *
 * @param class_  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_class_free(rpyc_class *class_);

/**
 * The class as an object that can be sent. A peer that calls it constructs.
 *
 * @param class_      borrowed
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_class_object(const rpyc_class *class_,
                              rpyc_object **object_out,
                              rpyc_error **error_out);

/**
 * Makes an object of this process: an instance of a class around a pointer.
 *
 * @param class_      copied reference
 * @param instance    given to the class's callbacks
 * @param self_free   ends self when neither this process nor a peer uses the object any more; may
 *                    be NULL
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_new(const rpyc_class *class_,
                            void *instance,
                            rpyc_free_fn self_free,
                            rpyc_object **object_out,
                            rpyc_error **error_out);

/**
 * Gives the living object of a class that was made here for a key, or makes one: what the
 * application holds once becomes one object, whose identity peers can compare, for as long as this
 * process or a peer uses it.
 *
 * @param class_      copied reference; each class has keys of its own
 * @param key         tells objects apart, usually the address of what the object stands for; it is
 *                    not read. While the object lives, the application uses it for nothing else
 * @param instance    given to the class's callbacks, where an object is made
 * @param self_free   ends self when neither this process nor a peer uses the object any more, or at
 *                    once where there was an object, which then keeps what it was made with; may be
 *                    NULL
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also without a key)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_get_or_new(const rpyc_class *class_,
                                   const void *key,
                                   void *instance,
                                   rpyc_free_fn self_free,
                                   rpyc_object **object_out,
                                   rpyc_error **error_out);

/**
 * The pointer inside an object of this process.
 *
 * @param object  borrowed
 * @param class_  borrowed; the object must be an instance of it, or of a class derived from it
 * @return borrowed, as long as the object lives; NULL for other objects
 *
 * Threads: any thread. Since 0.1.
 */
void *rpyc_object_self(const rpyc_object *object, const rpyc_class *class_);

/**
 * Gets the class of an object of this process; of a class that was sent as an object, the class
 * itself. In a construct callback, the class that is called is that of rpyc_call_target().
 *
 * @param object     borrowed; made with rpyc_object_new() or rpyc_class_object(), or the root of a
 *                   service
 * @param class_out  owned, free with rpyc_class_free()
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (an object of a peer, or one that no rpyc_class
 *         describes)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_class(const rpyc_object *object,
                              rpyc_class **class_out,
                              rpyc_error **error_out);

/**
 * Returns whether an object of a peer came over a connection.
 *
 * @param object      borrowed
 * @param connection  borrowed
 * @return false also for NULL, and for an object of this process
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_object_is_of(const rpyc_object *object, const rpyc_connection *connection);

/**
 * Makes a view of an object that lets peers use some of its attributes and no others, whatever the
 * attribute rules say; RPyC's restricted().
 *
 * What the view lets pass is done with the object as this program would do it: of an object of
 * ours, the name is found with and without "exposed_" in front; a peer's object is asked, and its
 * owner's rules hold. A name that the view does not let pass gives the AttributeError of RPyC, with
 * the attribute refused_by. Methods are read, so their names stand among the readable ones. Unlike
 * in Python, what is readable is not also writable unless it is said.
 *
 * @param object          copied reference; of this process or of a peer
 * @param readable        copied; names that may be read; NULL: none
 * @param readable_count  number of these
 * @param writable        copied; names that may be set; NULL: none
 * @param writable_count  number of these
 * @param view_out        owned; free it with rpyc_object_free
 * @param error_out       owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_object_restricted(const rpyc_object *object,
                                   const char *const *readable,
                                   size_t readable_count,
                                   const char *const *writable,
                                   size_t writable_count,
                                   rpyc_object **view_out,
                                   rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Functions, lists, dicts, generators and files
 * ============================================================================================== */
/**
 * @defgroup rpyc_containers Functions, lists, dicts, generators and files
 *
 * Objects of this process that a peer uses as it would its own: a C function is callable, a list
 * and a dict are shared, a generator yields what a callback returns, a file reads and writes a
 * descriptor.
 *
 * @code{.c}
 * rpyc_object *list = NULL;
 * if (!rpyc_list_new(NULL, 0, &list, &error)) {
 *     rpyc_list_append(list, rpyc_int(1), &error);
 *     rpyc_value_new_object(list, &value, &error);
 * }
 * rpyc_value_free(value);
 * rpyc_object_free(list);
 * @endcode
 *
 * @{
 */

/** A function is short and never waits: answers to a burst of calls may leave together. */
#define RPYC_FUNCTION_QUICK 1

/**
 * Calls of the function never overlap; while one of them waits in a function of this library,
 * others run.
 */
#define RPYC_FUNCTION_SERIAL 2

/**
 * Makes a C function a callable object, which Python peers see as a function.
 *
 * @param name           copied; NUL-terminated
 * @param call           serves a call; gets userdata as its self
 * @param signature      copied; as of rpyc_method; NULL: anything goes
 * @param doc            copied; NULL: nothing to say
 * @param flags          RPYC_FUNCTION_... or 0
 * @param userdata       given to call
 * @param userdata_free  ends userdata when neither this process nor a peer uses the function any
 *                       more; may be NULL
 * @param object_out     owned; free it with rpyc_object_free
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the signature), RPYC_ERR_ABI
 *         (flags without a meaning)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_function_new(const char *name,
                              rpyc_method_fn call,
                              const char *signature,
                              const char *doc,
                              uint64_t flags,
                              void *userdata,
                              rpyc_free_fn userdata_free,
                              rpyc_object **object_out,
                              rpyc_error **error_out);

/**
 * Makes a list that this process and its peers share: what one of them changes, all see. A Python
 * peer uses it as it uses a list of a Python server, under the attribute rules of the connection:
 * methods like append are public names. All functions of rpyc_object work on it too.
 *
 * @param items      the values are consumed, on success and on every failure; may be NULL for none
 * @param count      items
 * @param list_out   owned; free it with rpyc_object_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (an impossible count)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_list_new(rpyc_value *const *items,
                          size_t count,
                          rpyc_object **list_out,
                          rpyc_error **error_out);

/**
 * How many items a list has.
 *
 * @param list  borrowed
 * @return 0 also for NULL and for what is no list of rpyc_list_new
 *
 * Threads: any thread. Since 0.1.
 */
size_t rpyc_list_count(const rpyc_object *list);

/**
 * An item of a list.
 *
 * @param list       borrowed
 * @param index      from 0; -1 is the last one
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no list of rpyc_list_new), RPYC_ERR_RANGE
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_list_get(const rpyc_object *list,
                          int64_t index,
                          rpyc_value **value_out,
                          rpyc_error **error_out);

/**
 * Puts a value in the place of an item.
 *
 * @param list       borrowed
 * @param index      from 0; -1 is the last one
 * @param value      consumed, on success and on every failure
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no list of rpyc_list_new), RPYC_ERR_RANGE
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_list_set(rpyc_object *list,
                          int64_t index,
                          rpyc_value *value,
                          rpyc_error **error_out);

/**
 * Puts a value at the end of a list.
 *
 * @param list       borrowed
 * @param value      consumed, on success and on every failure
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no list of rpyc_list_new)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_list_append(rpyc_object *list, rpyc_value *value, rpyc_error **error_out);

/**
 * Puts a value in front of an item.
 *
 * @param list       borrowed
 * @param index      from 0, negative ones count from the end; beyond an end it is that end, as in
 *                   Python
 * @param value      consumed, on success and on every failure
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no list of rpyc_list_new)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_list_insert(rpyc_object *list,
                             int64_t index,
                             rpyc_value *value,
                             rpyc_error **error_out);

/**
 * Takes an item out of a list.
 *
 * @param list       borrowed
 * @param index      from 0; -1 is the last one
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no list of rpyc_list_new), RPYC_ERR_RANGE
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_list_remove(rpyc_object *list, int64_t index, rpyc_error **error_out);

/**
 * Takes all items out of a list.
 *
 * @param list       borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no list of rpyc_list_new)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_list_clear(rpyc_object *list, rpyc_error **error_out);

/**
 * The items as they are now, in a value of kind list.
 *
 * @param list       borrowed
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no list of rpyc_list_new)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_list_snapshot(const rpyc_object *list,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Makes a dict that this process and its peers share: what one of them changes, all see. A Python
 * peer uses it as it uses a dict of a Python server, under the attribute rules of the connection:
 * methods like keys are public names. All functions of rpyc_object work on it too. Entries stay in
 * the order of insertion; an object is a key by its identity.
 *
 * @param keys       the values are consumed, on success and on every failure; may be NULL for none
 * @param values     likewise; values[i] belongs to keys[i]
 * @param count      keys, and as many values
 * @param dict_out   owned; free it with rpyc_object_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (an impossible count),
 *         RPYC_ERR_TYPE (a key that Python cannot hash)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_dict_new(rpyc_value *const *keys,
                          rpyc_value *const *values,
                          size_t count,
                          rpyc_object **dict_out,
                          rpyc_error **error_out);

/**
 * How many entries a dict has.
 *
 * @param dict  borrowed
 * @return 0 also for NULL and for what is no dict of rpyc_dict_new
 *
 * Threads: any thread. Since 0.1.
 */
size_t rpyc_dict_count(const rpyc_object *dict);

/**
 * The value of a key.
 *
 * @param dict       borrowed
 * @param key        consumed, on success and on every failure
 * @param value_out  owned; free it with rpyc_value_free; NULL, with RPYC_OK, if the dict has no
 *                   such key
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no dict of rpyc_dict_new, or a key that Python
 *         cannot hash)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_dict_get(const rpyc_object *dict,
                          rpyc_value *key,
                          rpyc_value **value_out,
                          rpyc_error **error_out);

/**
 * Sets the value of a key.
 *
 * @param dict       borrowed
 * @param key        consumed, on success and on every failure
 * @param value      consumed, on success and on every failure
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no dict of rpyc_dict_new, or a key that Python
 *         cannot hash)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_dict_set(rpyc_object *dict,
                          rpyc_value *key,
                          rpyc_value *value,
                          rpyc_error **error_out);

/**
 * Takes a key and its value out of a dict.
 *
 * @param dict       borrowed
 * @param key        consumed, on success and on every failure
 * @param found_out  whether there was such a key
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no dict of rpyc_dict_new, or a key that Python
 *         cannot hash)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_dict_delete(rpyc_object *dict,
                             rpyc_value *key,
                             bool *found_out,
                             rpyc_error **error_out);

/**
 * Takes all entries out of a dict.
 *
 * @param dict       borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no dict of rpyc_dict_new)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_dict_clear(rpyc_object *dict, rpyc_error **error_out);

/**
 * The entries as they are now, in a value of kind dict: to go through them with rpyc_value_key and
 * rpyc_value_item.
 *
 * @param dict       borrowed
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (no dict of rpyc_dict_new)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_dict_snapshot(const rpyc_object *dict,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Makes a generator: items that are made when somebody asks for them, with Python's next(), a loop,
 * send or RPyC's buffiter.
 *
 * @param next           answers with the next item (rpyc_call_return and the like) or raises
 *                       StopIteration, after which it is not called again, nor after any other
 *                       exception, nor after a peer has called close. Its calls never overlap; it
 *                       may defer. Argument 0 is what a peer sent with send, else None
 * @param userdata       given to next as its self
 * @param userdata_free  ends userdata at the end of the generator, or when nobody holds it any
 *                       more; may be NULL
 * @param generator_out  owned; free it with rpyc_object_free
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_generator_new(rpyc_method_fn next,
                               void *userdata,
                               rpyc_free_fn userdata_free,
                               rpyc_object **generator_out,
                               rpyc_error **error_out);

/**
 * Makes a file of a descriptor, which a Python peer uses as it uses one of open(): read, write,
 * seek, lines, with. Text is UTF-8, and lines end with "\n"; neither is translated. What is written
 * goes to the system at once.
 *
 * @param fd         an open descriptor
 * @param mode       copied; as of Python's open: "r", "rb", "w", "a", "r+", "w+b" and so on; it
 *                   says what peers may do, and does not change the descriptor, nor truncate
 * @param close_fd   1: the descriptor is consumed on success; it is closed by close(), at the end
 *                   of a with, or when nobody holds the file any more. 0: it stays the caller's;
 *                   the file uses a duplicate, which shares its position
 * @param file_out   owned; free it with rpyc_object_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (mode or descriptor),
 *         RPYC_ERR_IO (no duplicate could be made)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_file_new(int32_t fd,
                          const char *mode,
                          int32_t close_fd,
                          rpyc_object **file_out,
                          rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Calls that are served
 * ============================================================================================== */
/**
 * @defgroup rpyc_calls Calls that are served
 *
 * A callback gets an rpyc_call, reads its arguments, and answers it once: with a value or an
 * exception. A callback that returns without an answer gives None. rpyc_call_defer() lets the
 * answer come later, from any thread.
 *
 * @code{.c}
 * static void divide(rpyc_call *call, void *self)
 * {
 *     double a, b;
 *
 *     (void)self;
 *     if (rpyc_call_get_float(call, 0, &a) || rpyc_call_get_float(call, 1, &b))
 *         return; // the caller gets the TypeError
 *     if (b == 0)
 *         rpyc_call_raise(call, "ZeroDivisionError", "division by zero");
 *     else
 *         rpyc_call_return_float(call, a / b);
 * }
 * @endcode
 *
 * @{
 */

/**
 * The userdata of what is called: of a function, or of the class of the object as it was given to
 * rpyc_class_new, also where create made another self.
 *
 * @param call  borrowed
 * @return borrowed, as long as the class or function lives; NULL for NULL and where there is none
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
void *rpyc_call_userdata(const rpyc_call *call);

/**
 * How many arguments a call has; with a signature, one for each parameter.
 *
 * @param call  borrowed
 * @return 0 also for NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
size_t rpyc_call_arg_count(const rpyc_call *call);

/**
 * An argument of a call.
 *
 * @param call   borrowed
 * @param index  from 0; with a signature, the parameter's place in its text
 * @return borrowed, as long as the call lives; NULL past the end
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
const rpyc_value *rpyc_call_arg(const rpyc_call *call, size_t index);

/**
 * How many keywords a call has, where its method has no signature; with one, they are arguments.
 *
 * @param call  borrowed
 * @return 0 also for NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
size_t rpyc_call_keyword_count(const rpyc_call *call);

/**
 * A keyword of a call, in the order in which they were given.
 *
 * @param call        borrowed
 * @param index       from 0
 * @param name_out    borrowed, as long as the call lives; not NUL-terminated
 * @param length_out  bytes of the name
 * @param value_out   borrowed, as long as the call lives
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE, RPYC_ERR_RANGE (past the end)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_keyword(const rpyc_call *call,
                              size_t index,
                              const char **name_out,
                              size_t *length_out,
                              const rpyc_value **value_out);

/**
 * Reads a bool argument.
 *
 * @param call   borrowed
 * @param index  from 0
 * @param out    the argument
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE; RPYC_ERR_TYPE: the caller has been sent a
 *         TypeError that names the argument, and the callback has only to return
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_get_bool(rpyc_call *call,
                               size_t index,
                               bool *out);

/**
 * Reads an int argument; a bool counts as 0 or 1, as in Python.
 *
 * @param call   borrowed
 * @param index  from 0
 * @param out    the argument
 * @return as rpyc_call_get_bool, and RPYC_ERR_RANGE: it does not fit, and the caller has been sent
 *         an OverflowError
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_get_int(rpyc_call *call,
                              size_t index,
                              int64_t *out);

/**
 * Reads an int argument that is not negative; a bool counts as 0 or 1.
 *
 * @param call   borrowed
 * @param index  from 0
 * @param out    the argument
 * @return as rpyc_call_get_int
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_get_uint(rpyc_call *call, size_t index, uint64_t *out);

/**
 * Reads a float argument; an int or bool is converted.
 *
 * @param call   borrowed
 * @param index  from 0
 * @param out    the argument
 * @return as rpyc_call_get_bool
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_get_float(rpyc_call *call, size_t index, double *out);

/**
 * Reads a text argument.
 *
 * @param call        borrowed
 * @param index       from 0
 * @param text_out    borrowed, as long as the call lives; UTF-8, not NUL-terminated
 * @param length_out  bytes
 * @return as rpyc_call_get_bool
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_get_str(rpyc_call *call,
                              size_t index,
                              const char **text_out,
                              size_t *length_out);

/**
 * Reads a bytes argument.
 *
 * @param call        borrowed
 * @param index       from 0
 * @param data_out    borrowed, as long as the call lives
 * @param length_out  bytes
 * @return as rpyc_call_get_bool
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_get_bytes(rpyc_call *call,
                                size_t index,
                                const uint8_t **data_out,
                                size_t *length_out);

/**
 * Reads an argument that is an object, of a peer or of this process.
 *
 * @param call        borrowed
 * @param index       from 0
 * @param object_out  owned; free it with rpyc_object_free
 * @return as rpyc_call_get_bool
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_get_object(rpyc_call *call, size_t index, rpyc_object **object_out);

/**
 * The connection over which a call came.
 *
 * @param call  borrowed
 * @return borrowed, as long as the call lives; clones of it do not keep the connection open; NULL
 *         for calls within this process and for NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_connection *rpyc_call_connection(const rpyc_call *call);

/**
 * The object that is called.
 *
 * @param call  borrowed
 * @return borrowed, as long as the call lives; NULL for NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_object *rpyc_call_target(const rpyc_call *call);

/**
 * The name of the method that is called, as in its table.
 *
 * @param call  borrowed
 * @return borrowed, as long as the call lives; NUL-terminated; "" where there is none
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
const char *rpyc_call_name(const rpyc_call *call);

/**
 * Does nobody wait for the answer any more? It looks whether the stream has ended, without waiting,
 * and whether the deadline of the call has passed (rpyc_call_time_left): a long call may ask again
 * and again.
 *
 * @param call  borrowed
 * @return true also for NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
bool rpyc_call_cancelled(const rpyc_call *call);

/**
 * How long the caller still waits for the answer. Only a peer that has agreed on the native dialect
 * says it: in its sync_request_timeout, the timeout of an asynchronous call, or the deadline of a
 * request of a session. It counts from when the request was read here, and holds for deferred calls
 * too. An answer can be given also when it has passed.
 *
 * @param call  borrowed
 * @return milliseconds; 0: the time is up; -1: the caller has not said it, or waits without a
 *         limit, or has its answer; 0 also for NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
int64_t rpyc_call_time_left(const rpyc_call *call);

/**
 * Keeps a call beyond its callback, to answer it later and from any thread. What was borrowed from
 * it stays valid as long as the new handle.
 *
 * @param call  borrowed; it answers RPYC_ERR_STATE from now on
 * @return owned; answer it, then free it with rpyc_call_free; NULL if the call was answered or
 *         deferred before
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_call *rpyc_call_defer(rpyc_call *call);

/**
 * Frees a deferred call. If it was not answered, the caller gets a RuntimeError.
 *
 * @param call  consumed; NULL does nothing; never a call that is lent to its callback
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_call_free(rpyc_call *call);

/**
 * Answers with a value.
 *
 * @param call   borrowed
 * @param value  consumed, on success and on every failure; NULL: None
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED (the caller is
 *         gone), RPYC_ERR_TYPE and RPYC_ERR_LIMIT (the value cannot be sent: the caller has been
 *         told)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_return(rpyc_call *call,
                             rpyc_value *value);

/**
 * Answers with a bool.
 *
 * @param call   borrowed
 * @param value  0: False; otherwise True
 * @return as rpyc_call_return
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_return_bool(rpyc_call *call, int32_t value);

/**
 * Answers with an int.
 *
 * @param call   borrowed
 * @param value  the answer
 * @return as rpyc_call_return
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_return_int(rpyc_call *call, int64_t value);

/**
 * Answers with a float.
 *
 * @param call   borrowed
 * @param value  the answer
 * @return as rpyc_call_return
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_return_float(rpyc_call *call, double value);

/**
 * Answers with a text.
 *
 * @param call    borrowed
 * @param text    copied; UTF-8
 * @param length  bytes, or RPYC_NUL_TERMINATED
 * @return as rpyc_call_return, and RPYC_ERR_UTF8 (not answered)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_return_str(rpyc_call *call, const char *text, size_t length);

/**
 * Answers with bytes.
 *
 * @param call    borrowed
 * @param data    copied
 * @param length  bytes
 * @return as rpyc_call_return
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_return_bytes(rpyc_call *call, const void *data, size_t length);

/**
 * Answers with an object.
 *
 * @param call    borrowed
 * @param object  copied reference
 * @return as rpyc_call_return
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_return_object(rpyc_call *call, const rpyc_object *object);

/**
 * Answers with an exception that has one argument, its message.
 *
 * @param call     borrowed
 * @param name     copied; a builtin of Python such as "ValueError", or "module.Name";
 *                 "StopIteration" ends an iteration
 * @param message  copied; NULL: no arguments
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_raise(rpyc_call *call,
                            const char *name,
                            const char *message);

/**
 * Answers with an exception that has any arguments and attributes. What cannot travel by value
 * arrives as its repr.
 *
 * Builtin types whose constructors make attributes of their arguments get those as in Python: an
 * OSError with 2 and two texts is a FileNotFoundError with errno, strerror and filename. Attributes
 * that are given stay as they are.
 *
 * @param call        borrowed
 * @param module      copied; NULL: "builtins"
 * @param name        copied; the class's name
 * @param args        consumed, on success and on every failure
 * @param count       number of args
 * @param attributes  consumed; a dict with text keys; NULL: none
 * @return as rpyc_call_raise, and RPYC_ERR_TYPE (attributes are no such dict)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_raise_with(rpyc_call *call,
                                 const char *module,
                                 const char *name,
                                 rpyc_value *const *args,
                                 size_t count,
                                 rpyc_value *attributes);

/**
 * Answers with an error: a remote exception passes on as it is, with its traceback; other errors
 * become what stock Python raises for the same. A timeout becomes a TimeoutError, the end of a
 * connection an EOFError, RPYC_ERR_IO and RPYC_ERR_ADDRESS an OSError, RPYC_ERR_UNSAFE a
 * PermissionError, RPYC_ERR_TYPE a TypeError, RPYC_ERR_RANGE an OverflowError, RPYC_ERR_NO_MEMORY a
 * MemoryError; RPYC_ERR_ARGUMENT, RPYC_ERR_MALFORMED and RPYC_ERR_LIMIT a ValueError; anything else
 * a RuntimeError.
 *
 * @param call   borrowed
 * @param error  consumed, on success and on every failure
 * @return as rpyc_call_raise
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_call_raise_error(rpyc_call *call,
                                  rpyc_error *error);

/** @} */

/* ==============================================================================================
 * Servers
 * ============================================================================================== */
/**
 * @defgroup rpyc_servers Servers
 *
 * A server listens at an address and serves each connection in a thread of its own.
 * rpyc_server_stop() may be called in a signal handler through the descriptor of
 * rpyc_server_stop_fd().
 *
 * @code{.c}
 * rpyc_server *server = NULL;
 * if (!rpyc_server_new("tcp://127.0.0.1:18861", service, NULL, &server, &error))
 *     rpyc_server_serve(server, &error); // returns when the server is stopped
 * rpyc_server_free(server);
 * @endcode
 *
 * @{
 */

/**
 * Makes a server. When it returns, the address is taken and clients can connect; they are served
 * from rpyc_server_serve, rpyc_server_start or rpyc_server_serve_one on.
 *
 * @param address     copied; "tcp://HOST:PORT" (without a host, loopback; port 0: any free one) or
 *                    "unix:///PATH"
 * @param service     copied reference; what clients get as root, an instance for each connection
 * @param config      copied; the options of its connections; NULL for defaults
 * @param server_out  owned; free it with rpyc_server_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_IO
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_server_new(const char *address,
                            const rpyc_class *service,
                            const rpyc_config *config,
                            rpyc_server **server_out,
                            rpyc_error **error_out);

/**
 * Another handle of the same server.
 *
 * @param server  borrowed
 * @return owned; free it with rpyc_server_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_server *rpyc_server_clone(const rpyc_server *server);

/**
 * Frees a handle. With the last one the server is stopped, without waiting for calls that run.
 *
 * @param server  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_server_free(rpyc_server *server);

/**
 * The address at which a server listens, with its real port.
 *
 * @param server  borrowed
 * @return borrowed, as long as the handle lives; NUL-terminated; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
const char *rpyc_server_address(const rpyc_server *server);

/**
 * How many connections a server has.
 *
 * @param server  borrowed
 * @return 0 also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
size_t rpyc_server_connection_count(const rpyc_server *server);

/**
 * Limits the connections of a server. For one that comes beyond it, the oldest is closed of which
 * no whole message has come; if there is none, or the option make_room is "false", the new one is
 * closed at once. A connection that has sent a message is never closed for another, however long it
 * is silent then.
 *
 * @param server     borrowed
 * @param count      0: no limit
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_server_set_max_connections(rpyc_server *server,
                                            size_t count,
                                            rpyc_error **error_out);

/**
 * Accepts connections in this thread until the server is stopped; each is served in a thread of its
 * own.
 *
 * @param server     borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK when it was stopped, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or
 *         accepting already), RPYC_ERR_IO
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_server_serve(rpyc_server *server,
                              rpyc_error **error_out);

/**
 * Accepts one connection and serves it in this thread until it ends.
 *
 * @param server     borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already),
 *         RPYC_ERR_IO, and how the connection ended: RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT,
 *         RPYC_ERR_DIALECT, RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_server_serve_one(rpyc_server *server,
                                  rpyc_error **error_out);

/**
 * Accepts connections in a thread of the server's own, until it is stopped.
 *
 * @param server     borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already),
 *         RPYC_ERR_IO (no thread can be had)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_server_start(rpyc_server *server,
                              rpyc_error **error_out);

/**
 * Stops a server: it accepts no more, waits for calls that are running, and ends its connections.
 *
 * As with RPyC's own servers, peers see the end of the stream, and no CLOSE.
 *
 * @param server     borrowed
 * @param grace_ms   milliseconds that calls have at most which run, wait in a queue or were
 *                   deferred, until their answers have left; called from one of the server's own
 *                   callbacks, it does not wait
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_server_stop(rpyc_server *server,
                             int64_t grace_ms,
                             rpyc_error **error_out);

/**
 * A descriptor through which a signal handler can end rpyc_server_serve, which no other function
 * here can do: with `uint64_t one = 1; write(fd, &one, sizeof one);`. The server then accepts no
 * more, and rpyc_server_serve returns; open connections go on until rpyc_server_stop is called.
 * Nobody closes the descriptor but the server.
 *
 * @param server  borrowed
 * @return borrowed, as long as the server lives; -1 for NULL and in a forked child
 *
 * Threads: any thread; get it before the handler is installed. Since 0.1.
 */
int32_t rpyc_server_stop_fd(const rpyc_server *server);

/**
 * Waits until a server has been stopped and its threads have ended, and nothing of them is left.
 *
 * @param server     borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called from one of the
 *         server's own callbacks)
 *
 * Threads: not from a callback. Since 0.1.
 */
rpyc_status rpyc_server_join(rpyc_server *server,
                             rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Queues of calls
 * ============================================================================================== */
/**
 * @defgroup rpyc_queues Queues of calls
 *
 * A queue brings the calls of a server's connections to one thread of the application, such as the
 * one of a user interface.
 *
 * @code{.c}
 * rpyc_queue *queue = NULL;
 * size_t ran = 0;
 * if (!rpyc_queue_new(100, &queue, &error)) {
 *     rpyc_server_set_queue(server, queue, &error);
 *     rpyc_server_start(server, &error);
 *     rpyc_queue_run(queue, 0, 1000, &ran, &error);
 * }
 * rpyc_queue_free(queue);
 * @endcode
 *
 * @{
 */

/**
 * Makes a queue.
 *
 * @param limit      how many calls may wait in it, of all connections together; a caller beyond
 *                   that gets RuntimeError at once. Of one connection there are never more than
 *                   max_serving
 * @param queue_out  owned; free it with rpyc_queue_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (a limit of 0), RPYC_ERR_IO (no descriptor can
 *         be had)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_queue_new(size_t limit,
                           rpyc_queue **queue_out,
                           rpyc_error **error_out);

/**
 * Another handle of the same queue.
 *
 * @param queue  borrowed
 * @return owned; free it with rpyc_queue_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_queue *rpyc_queue_clone(const rpyc_queue *queue);

/**
 * Frees a handle. With the last one, those whose calls wait get RuntimeError, and so do all who
 * call later.
 *
 * @param queue  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_queue_free(rpyc_queue *queue);

/**
 * The descriptor that is readable while calls wait.
 *
 * @param queue  borrowed
 * @return borrowed, as long as the queue lives; not to be read or closed; -1 for NULL
 *
 * Threads: any thread. Since 0.1.
 */
int32_t rpyc_queue_fileno(const rpyc_queue *queue);

/**
 * How many calls wait, and hooks with rpyc_queue_set_hooks().
 *
 * @param queue  borrowed
 * @return 0 also for NULL, and in a forked child
 *
 * Threads: any thread. Since 0.1.
 */
size_t rpyc_queue_length(const rpyc_queue *queue);

/**
 * Limits how long a call may wait. One that has waited longer when its turn comes is answered with
 * TimeoutError and not run; so is one whose caller has stopped waiting by then, as far as that is
 * known (rpyc_call_time_left).
 *
 * @param queue       borrowed
 * @param timeout_ms  milliseconds, for calls that come from now on; -1: no limit, as at first
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_queue_set_timeout(rpyc_queue *queue,
                                   int64_t timeout_ms,
                                   rpyc_error **error_out);

/**
 * Has the queue run the hooks of services too, so that the application's own thread makes and tells
 * them.
 *
 * For connections that a server accepts, create and on_connect run in the queue before the first
 * call, and the peer's requests wait until then. They do not count against the limit of the queue.
 * The connection is closed instead when the peer has gone meanwhile, the time of
 * rpyc_queue_set_timeout() is over, the server is stopped or the queue is freed.
 *
 * on_disconnect runs in the queue when the last call that was running has returned, and behind it
 * the instance is destroyed, unless the application still holds it or a handle of the connection.
 * It has no time limit and is never left out: those that wait when the last handle of the queue is
 * freed run in that thread, and later ones in the thread that ends the connection. In a thread of
 * the queue that ends a connection outside of its calls, it runs at once.
 *
 * Connections that the application makes itself have run create and on_connect before they can be
 * given a queue.
 *
 * @param queue      borrowed
 * @param on         1, or 0 as at first: threads of the library run them. Hooks whose time comes
 *                   from now on
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_queue_set_hooks(rpyc_queue *queue,
                                 int32_t on,
                                 rpyc_error **error_out);

/**
 * Runs calls that wait, in this thread, one of each connection in turn; those of one connection in
 * the order of their arrival.
 *
 * From its first time on, this thread is one of the queue's: while it waits for something on a
 * connection of the queue, it runs what that connection's peer calls meanwhile.
 *
 * @param queue       borrowed
 * @param most        how many calls at most; 0: as many as wait at first
 * @param timeout_ms  milliseconds to wait for the first; -1: no limit; 0: only what is here. It
 *                    ends when the last handle is freed
 * @param ran_out     how many were run, hooks included; may be NULL
 * @param error_out   owned; may be NULL
 * @return RPYC_OK (also when none came), RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any thread; usually always the same. Since 0.1.
 */
rpyc_status rpyc_queue_run(rpyc_queue *queue,
                           size_t most,
                           int64_t timeout_ms,
                           size_t *ran_out,
                           rpyc_error **error_out);

/**
 * Has all calls that come over a server's connections wait in a queue; each connection's thread
 * reads them. It holds for connections that are accepted from now on. Hooks (create, on_connect,
 * on_disconnect) and destructors run in threads of the server as before, but for
 * rpyc_queue_set_hooks().
 *
 * @param server     borrowed
 * @param queue      copied reference; the server does not keep it open
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the server has a queue)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_server_set_queue(rpyc_server *server,
                                  const rpyc_queue *queue,
                                  rpyc_error **error_out);

/**
 * Has the calls that come over a connection wait in a queue. They are read by whoever serves the
 * connection: rpyc_connection_serve_background does it in a thread of the library.
 *
 * @param connection  borrowed
 * @param queue       copied reference; the connection does not keep it open
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection has a queue)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_connection_set_queue(rpyc_connection *connection,
                                      const rpyc_queue *queue,
                                      rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Classic mode
 * ============================================================================================== */
/**
 * @defgroup rpyc_classic Classic mode
 *
 * A classic server runs the code that a client sends. These functions are a client of one, as
 * RPyC's classic module is; the last ones make this process a slave whose names a Python client
 * types.
 *
 * @code{.c}
 * rpyc_classic *classic = NULL;
 * if (!rpyc_classic_connect("tcp://127.0.0.1:18812", NULL, NULL, &classic, &error))
 *     rpyc_classic_eval(classic, "sum(range(10))", RPYC_NUL_TERMINATED, &value, &error);
 * rpyc_value_free(value);
 * rpyc_classic_free(classic);
 * @endcode
 *
 * @{
 */

/** How far a transfer has come. */
typedef struct rpyc_transfer_progress {
    /** The file of this side that is being copied. Borrowed for the call; NUL-terminated. */
    const char *local;
    /** The file of the peer. Borrowed for the call; NUL-terminated. */
    const char *remote;
    /** Bytes of the file that have been copied. */
    uint64_t done;
    /** Bytes of the file at the beginning. */
    uint64_t size;
    /** Files that were copied before it. */
    uint64_t files;
    /** Bytes of all files that have been copied. */
    uint64_t total;
} rpyc_transfer_progress;

/**
 * How files and folders are copied. Members are only ever appended; what is 0 or NULL has the
 * meaning that is said of it.
 */
typedef struct rpyc_transfer_options {
    /** sizeof(rpyc_transfer_options) */
    size_t struct_size;
    /** Bytes in one message. 0: 64000, as in RPyC. */
    size_t chunk_size;
    /**
     * Is a file or folder of this name, which lies in a folder that is copied, to be copied too?
     * NULL: all are.
     */
    bool (*filter)(const char *name, void *userdata);
    /**
     * Told at the beginning of each file and after each message. false: the transfer ends. NULL:
     * nobody is told.
     */
    bool (*progress)(const rpyc_transfer_progress *progress, void *userdata);
    /** Given to filter and progress. */
    void *userdata;
} rpyc_transfer_options;

/**
 * Puts up to `size` bytes of what the peer is to read into `buffer`, and tells how many; 0 is the
 * end.
 */
typedef size_t (*rpyc_input_fn)(char *buffer, size_t size, void *userdata);

/** Gets what the peer writes: UTF-8 of `length` bytes, borrowed for the call. */
typedef void (*rpyc_output_fn)(const char *text, size_t length, void *userdata);

/**
 * Connects to a classic server (rpyc_classic.py).
 *
 * Without a service, the server gets nothing of ours to use: RPyC's ClassicClient. With one made by
 * rpyc_slave_new, both drive each other: RPyC's ClassicService.
 *
 * What the server does with values of ours is not limited, as with rpyc.classic.connect():
 * allow_all_attrs, allow_getattr, allow_setattr, allow_delattr, allow_pickle, and the three options
 * that make exceptions of the types they have at the peer, are on where config does not set them.
 * So pandas.DataFrame(a dict of ours) works.
 *
 * @param address      copied; as for rpyc_transport_connect; without a port, 18812 is meant
 * @param service      copied reference; what the server gets as our root; NULL for nothing
 * @param config       copied; NULL for defaults; what it sets by name stays, also where that is the
 *                     default of other connections
 * @param classic_out  owned; free it with rpyc_classic_free
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TYPE
 *         (the peer has no root)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_connect(const char *address,
                                 const rpyc_class *service,
                                 const rpyc_config *config,
                                 rpyc_classic **classic_out,
                                 rpyc_error **error_out);

/**
 * The classic server at the other end of a connection, whose options stay as they are. Its root is
 * fetched.
 *
 * @param connection   borrowed; what is made of it keeps it open as a clone would
 * @param classic_out  owned; free it with rpyc_classic_free
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer has no root)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_new(rpyc_connection *connection,
                             rpyc_classic **classic_out,
                             rpyc_error **error_out);

/**
 * Another handle of the same.
 *
 * @param classic  borrowed
 * @return owned; free it with rpyc_classic_free; NULL for NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_classic *rpyc_classic_clone(const rpyc_classic *classic);

/**
 * Frees a handle. With the last one, and the last of its connection, the connection ends.
 *
 * @param classic  consumed; NULL does nothing
 *
 * Threads: any thread. Since 0.1.
 */
void rpyc_classic_free(rpyc_classic *classic);

/**
 * The connection to a classic server.
 *
 * @param classic         borrowed
 * @param connection_out  owned; free it with rpyc_connection_free
 * @param error_out       owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_connection(const rpyc_classic *classic,
                                    rpyc_connection **connection_out,
                                    rpyc_error **error_out);

/**
 * A module of the peer by its dotted name, imported there: conn.modules[name]. It is asked for
 * once.
 *
 * @param classic     borrowed
 * @param module      copied; such as "xml.dom.minidom"
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's answer
 *         is no object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_module(rpyc_classic *classic,
                                const char *module,
                                rpyc_object **object_out,
                                rpyc_error **error_out);

/**
 * The peer's builtins: conn.builtins.
 *
 * @param classic     borrowed
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_builtins(rpyc_classic *classic,
                                  rpyc_object **object_out,
                                  rpyc_error **error_out);

/**
 * Calls a function of a module of the peer, in one request once the module is known.
 *
 * @param classic    borrowed
 * @param module     copied; such as "os.path"; NULL for builtins
 * @param function   copied
 * @param args       consumed, on success and on every failure
 * @param count      number of args
 * @param keywords   consumed; a dict with text keys, see rpyc_value_new_keywords; NULL for none
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are no
 *         dict with text keys)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_call(rpyc_classic *classic,
                              const char *module,
                              const char *function,
                              rpyc_value *const *args,
                              size_t count,
                              rpyc_value *keywords,
                              rpyc_value **value_out,
                              rpyc_error **error_out);

/**
 * The value of a Python expression in the peer's namespace: conn.eval(text).
 *
 * @param classic     borrowed
 * @param expression  copied; UTF-8
 * @param length      bytes, or RPYC_NUL_TERMINATED
 * @param value_out   owned; free it with rpyc_value_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_eval(rpyc_classic *classic,
                              const char *expression,
                              size_t length,
                              rpyc_value **value_out,
                              rpyc_error **error_out);

/**
 * Runs Python statements in the peer's namespace: conn.execute(text).
 *
 * @param classic     borrowed
 * @param statements  copied; UTF-8
 * @param length      bytes, or RPYC_NUL_TERMINATED
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_execute(rpyc_classic *classic,
                                 const char *statements,
                                 size_t length,
                                 rpyc_error **error_out);

/**
 * The peer's namespace, a dict: conn.namespace. It is asked for once.
 *
 * @param classic     borrowed
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_namespace(rpyc_classic *classic,
                                   rpyc_object **object_out,
                                   rpyc_error **error_out);

/**
 * A name of the peer's namespace: conn.namespace[variable].
 *
 * @param classic    borrowed
 * @param variable   copied
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's
 *         namespace is no object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_get(rpyc_classic *classic,
                             const char *variable,
                             rpyc_value **value_out,
                             rpyc_error **error_out);

/**
 * Sets a name of the peer's namespace: conn.namespace[variable] = value.
 *
 * @param classic    borrowed
 * @param variable   copied
 * @param value      consumed, on success and on every failure; lists and dicts are lent, see
 *                   rpyc_classic_deliver
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's
 *         namespace is no object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_set(rpyc_classic *classic,
                             const char *variable,
                             rpyc_value *value,
                             rpyc_error **error_out);

/**
 * The peer's own end of this connection, as an object of the peer: conn.root.getconn().
 *
 * @param classic     borrowed
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_getconn(rpyc_classic *classic,
                                 rpyc_object **object_out,
                                 rpyc_error **error_out);

/**
 * Copies an object of the peer into a value by its pickle, in one request: rpyc.classic.obtain().
 *
 * The pickle is read as plain data: what would import or call something when Python reads it is
 * refused. rpyc_object_obtain needs no pickle.
 *
 * @param classic    borrowed
 * @param object     borrowed; of this connection
 * @param max_depth  as of rpyc_object_obtain
 * @param max_items  as of rpyc_object_obtain
 * @param max_bytes  as of rpyc_object_obtain
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_ARGUMENT (no object of this connection),
 *         RPYC_ERR_UNSAFE (its pickle is more than plain data), RPYC_ERR_TYPE (a container in it
 *         holds itself)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_obtain(rpyc_classic *classic,
                                rpyc_object *object,
                                size_t max_depth,
                                size_t max_items,
                                size_t max_bytes,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * Makes a copy of plain data at the peer: rpyc.classic.deliver(). Lists and dicts become real ones
 * there, and come back as objects of the peer.
 *
 * Objects of the peer in it are put where they stand, with a request for each container around
 * them: a bytearray or a range that rpyc_classic_call() has made, or whatever else has no value of
 * its own.
 *
 * @param classic    borrowed
 * @param value      consumed, on success and on every failure
 * @param value_out  owned; free it with rpyc_value_free
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (it is an object, or holds one that
 *         is not the peer's)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_deliver(rpyc_classic *classic,
                                 rpyc_value *value,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Copies a file, or a folder with all that is in it, to a classic server: rpyc.classic.upload().
 *
 * Folders that are missing are made. In folders, what is neither file nor folder is passed over. A
 * file that could only be copied in part stays so.
 *
 * @param classic    borrowed
 * @param local      copied; a path
 * @param remote     copied; the path of the copy, not of the folder that it lies in
 * @param options    copied; NULL for defaults
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ABI, RPYC_ERR_IO,
 *         RPYC_ERR_ARGUMENT (it is neither file nor folder), RPYC_ERR_UNSAFE, RPYC_ERR_STATE
 *         (progress has ended it), RPYC_ERR_TYPE (the peer answers with something else than files
 *         do)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_upload(rpyc_classic *classic,
                                const char *local,
                                const char *remote,
                                const rpyc_transfer_options *options,
                                rpyc_error **error_out);

/**
 * Copies a file, or a folder with all that is in it, from a classic server:
 * rpyc.classic.download().
 *
 * As rpyc_classic_upload. A name in a folder of the peer that would lead out of it is refused with
 * RPYC_ERR_UNSAFE.
 *
 * @param classic    borrowed
 * @param remote     copied; a path of the peer
 * @param local      copied; the path of the copy, not of the folder that it lies in
 * @param options    copied; NULL for defaults
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ABI, RPYC_ERR_IO,
 *         RPYC_ERR_ARGUMENT (it is neither file nor folder), RPYC_ERR_UNSAFE, RPYC_ERR_STATE
 *         (progress has ended it), RPYC_ERR_TYPE (the peer answers with something else than files
 *         do)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_download(rpyc_classic *classic,
                                  const char *remote,
                                  const char *local,
                                  const rpyc_transfer_options *options,
                                  rpyc_error **error_out);

/**
 * Leads the standard streams of a classic server to callbacks: rpyc.classic.redirected_stdio().
 *
 * What the peer's sys.stdout gets while a request of ours runs there comes before the answer. What
 * it gets at other times comes when this side serves.
 *
 * @param classic          borrowed
 * @param input            what the peer reads from sys.stdin; NULL: it keeps its own
 * @param out              gets what the peer writes to sys.stdout; NULL: it keeps its own
 * @param err              gets what the peer writes to sys.stderr; NULL: it keeps its own
 * @param userdata         given to the callbacks
 * @param userdata_free    ends userdata when the peer has let go of the streams; may be NULL
 * @param redirection_out  owned; free it with rpyc_redirection_free; end it with
 *                         rpyc_redirection_end
 * @param error_out        owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer's sys is no object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_redirect(rpyc_classic *classic,
                                  rpyc_input_fn input,
                                  rpyc_output_fn out,
                                  rpyc_output_fn err,
                                  void *userdata,
                                  rpyc_free_fn userdata_free,
                                  rpyc_redirection **redirection_out,
                                  rpyc_error **error_out);

/**
 * Leads the standard streams of a classic server to streams of C, such as this program's stdin,
 * stdout and stderr. Each write is flushed.
 *
 * @param classic          borrowed
 * @param input            borrowed until the redirection has ended; NULL: the peer keeps its own
 * @param out              borrowed likewise; NULL: the peer keeps its own
 * @param err              borrowed likewise; NULL: the peer keeps its own
 * @param redirection_out  owned; free it with rpyc_redirection_free; end it with
 *                         rpyc_redirection_end
 * @param error_out        owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer's sys is no object)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_classic_redirect_files(rpyc_classic *classic,
                                        FILE *input,
                                        FILE *out,
                                        FILE *err,
                                        rpyc_redirection **redirection_out,
                                        rpyc_error **error_out);

/**
 * Gives the peer its own streams back. Doing so again does nothing.
 *
 * @param redirection  borrowed
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_redirection_end(rpyc_redirection *redirection, rpyc_error **error_out);

/**
 * Frees a handle. A redirection that was not ended stays: the peer goes on writing to this side.
 *
 * @param redirection  consumed; NULL does nothing
 *
 * Threads: any thread; never waits. Since 0.1.
 */
void rpyc_redirection_free(rpyc_redirection *redirection);

/**
 * Describes a slave. All of it is copied by rpyc_slave_new. Members are only ever appended; what is
 * 0 or NULL has the meaning that is said of it. The callbacks get as self what create made for the
 * connection.
 */
typedef struct rpyc_slave_table {
    /** sizeof(rpyc_slave_table) */
    size_t struct_size;
    /** The name of its class. NULL: "SlaveService". */
    const char *name;
    /** What it is, for Python's help(). NULL: nothing to say. */
    const char *doc;
    /** Names of modules that masters can import. NULL: there are none. */
    const char *const *module_names;
    /**
     * The modules of these names: any objects, such as those of rpyc_module_new. One of these that
     * has the name of a module of the library's own (builtins, sys, importlib.util,
     * rpyc.lib.compat) extends it: what it has comes first, and what it has not stays. Any other
     * object of that name is taken in its place.
     */
    rpyc_object *const *modules;
    /** How many modules there are. */
    size_t module_count;
    /**
     * Imports a module that is none of these, and none of the library's own (builtins, sys,
     * importlib.util, rpyc.lib.compat): argument 0 is its dotted name, or a tuple of the parts. It
     * answers with an object, or raises ModuleNotFoundError. NULL: there are no others.
     */
    rpyc_method_fn getmodule;
    /** Evaluates argument 0, a text, and answers with the value. NULL: NotImplementedError. */
    rpyc_method_fn eval;
    /** Executes argument 0, a text. NULL: NotImplementedError. */
    rpyc_method_fn execute;
    /**
     * Answers with the namespace, an object that can do what a dict can. NULL: a dict of the
     * library's own, for each connection.
     */
    rpyc_method_fn get_namespace;
    /**
     * Makes the pointer that callbacks get as self, for each connection. If it returns NULL, the
     * connection is refused, as with rpyc_class_table, which also tells what connection can do.
     * NULL in place of the function: it is userdata.
     */
    void *(*create)(rpyc_connection *connection, void *userdata);
    /** Ends what create made, as with rpyc_class_table. */
    void (*destroy)(void *instance);
    /** A master has connected; no request of it has been served. connection is lent. */
    void (*on_connect)(rpyc_connection *connection, void *instance);
    /** A connection has ended; nothing can be sent. connection is lent. */
    void (*on_disconnect)(rpyc_connection *connection, void *instance);
} rpyc_slave_table;

/**
 * Makes the service of a slave: what a Python program drives with rpyc.classic.connect().
 *
 * Whoever connects can do whatever the callbacks do, and reads, sets and deletes every attribute of
 * every object that it gets: for its connections the options of rpyc_classic_connect are switched
 * on, and allow_exposed_attrs off, as in RPyC's SlaveService. Never let it listen where strangers
 * connect.
 *
 * Given to rpyc_classic_connect, both sides drive each other: RPyC's ClassicService.
 *
 * @param table          copied, with everything that it points to
 * @param userdata       given to create, and the self of callbacks without create
 * @param userdata_free  ends userdata when the class and all its connections are gone; may be NULL
 * @param class_out      owned; free it with rpyc_class_free; for rpyc_server_new, rpyc_connect and
 *                       the like
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size cannot be right),
 *         RPYC_ERR_ARGUMENT
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_slave_new(const rpyc_slave_table *table,
                           void *userdata,
                           rpyc_free_fn userdata_free,
                           rpyc_class **class_out,
                           rpyc_error **error_out);

/**
 * A module that a slave has for the connection of a call, as its master gets it: one of its table,
 * or one of the library's own, such as "sys", whose stdin, stdout and stderr a master may have
 * redirected.
 *
 * @param call        borrowed
 * @param module      copied
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STATE (the connection's service is not a
 *         slave), RPYC_ERR_ARGUMENT (there is no such module)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_slave_module(rpyc_call *call,
                              const char *module,
                              rpyc_object **object_out,
                              rpyc_error **error_out);

/**
 * The namespace of the connection of a call, as its master gets it: what get_namespace of the table
 * answers, or the dict of the library's own, which is of that connection alone. For callbacks that
 * evaluate and execute.
 *
 * @param call        borrowed
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (the connection's service is not a slave),
 *         RPYC_ERR_REMOTE (get_namespace raised an exception), RPYC_ERR_TYPE (it returned something
 *         else than an object)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_slave_namespace(rpyc_call *call,
                                 rpyc_object **object_out,
                                 rpyc_error **error_out);

/**
 * Makes a module: an object without attributes but its name and doc. Others are set with
 * rpyc_object_set_attr; masters may set and delete them too.
 *
 * @param module      copied; its name
 * @param doc         copied; what it is; may be NULL
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_module_new(const char *module,
                            const char *doc,
                            rpyc_object **object_out,
                            rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Sessions: the protocol without I/O
 * ============================================================================================== */
/**
 * @defgroup rpyc_sessions Sessions: the protocol without I/O
 *
 * A session is a connection without sockets, threads and clock: the application feeds it with
 * received bytes, takes events from it, and sends its output. Bindings for languages with an event
 * loop of their own use it. Otherwise use a connection, which also does the I/O.
 *
 * @code{.c}
 * rpyc_session_event event;
 * const void *output = NULL;
 * size_t length = 0;
 * char input[4096];
 * long got = read_from_peer(input, sizeof input);
 * if (got > 0 && !rpyc_session_feed(session, input, (size_t)got, &error) &&
 *     !rpyc_session_next_event(session, &event, &error) &&
 *     !rpyc_session_outgoing(session, &output, &length))
 *     rpyc_session_sent(session, write_to_peer(output, length));
 * @endcode
 *
 * @{
 */

/**
 * Values of events come packed, not as handles.
 *
 * Packed values are values in one piece of bytes, so that a binding reads and writes a whole call
 * without a function for each value. Each begins with a byte that tells its kind; numbers follow in
 * little-endian order, without padding:
 *
 * - 0, 1, 2, 3, 4: None, NotImplemented, Ellipsis, False, True; nothing follows
 * - 5: int; 8 bytes, signed
 * - 6: larger int; a length in 4 bytes, decimal text
 * - 7, 8: float in 8 bytes, complex in 16
 * - 9, 10: str in UTF-8, bytes; a length in 4 bytes, the content
 * - 11, 12, 14: tuple, list, frozenset; a count in 4 bytes, the items
 * - 13: dict; a count in 4 bytes, keys and values by turns
 * - 15: slice; start, stop, step
 * - 16: object; an rpyc_object * in 8 bytes, owned by whoever gets it from the library, borrowed
 *   towards it
 * - 17: object of the application; its token in 8 bytes; towards the library then its rpyc_class *
 *   in 8 bytes, as of rpyc_session_object_new, or 0 if it lives
 * - 18: any other value; an rpyc_value * in 8 bytes, owned or borrowed as with 16
 * - 19: function of the application, only towards the library; its token in 8 bytes, a length in 4
 *   bytes, its name; as of rpyc_session_function_new without a signature
 * - 20: method of an object of the application, which the peer took without calling it, only from
 *   the library; the token of the object in 8 bytes, a length in 4 bytes, the literal name of the
 *   member; then the method itself, as with 16
 */
#define RPYC_SESSION_PACKED 1

/**
 * Objects of other sessions and connections may be sent: for the peer they are what they are there,
 * and what it asks of them comes as RPYC_ASK_FORWARD. Without it they cannot be sent.
 */
#define RPYC_SESSION_FORWARDS 2

/** Nothing whole has arrived. */
#define RPYC_EVENT_NONE 0

/** The peer asks something of an object of the application. */
#define RPYC_EVENT_REQUEST 1

/** The answer to a request of the application. */
#define RPYC_EVENT_REPLY 2

/** Nobody holds the object of this token any more, neither the peer nor a handle nor a call. */
#define RPYC_EVENT_RELEASED 3

/** The session has ended. Every request that still waited has had a reply with an error before. */
#define RPYC_EVENT_CLOSED 4

/** Much waits to be sent. It must go before more is read; whole messages lie in the buffer. */
#define RPYC_EVENT_SEND 5

/** A method or function is called. */
#define RPYC_ASK_CALL 1

/** An attribute is read. */
#define RPYC_ASK_GET 2

/** An attribute is set. */
#define RPYC_ASK_SET 3

/** An attribute is deleted. */
#define RPYC_ASK_DEL 4

/**
 * Is there an attribute called argument 0? To be answered with a bool. Only of classes with
 * RPYC_SESSION_CLASS_DYNAMIC.
 */
#define RPYC_ASK_EXISTS 5

/** A class is called: to be answered with an object. */
#define RPYC_ASK_CONSTRUCT 6

/**
 * Something is asked of an object of another session or connection, which was sent over this one:
 * only in sessions with RPYC_SESSION_FORWARDS. To be asked there, and answered with what the object
 * answers.
 */
#define RPYC_ASK_FORWARD 7

/** In place of the id of a member: the request names none of a table. */
#define RPYC_MEMBER_NONE 18446744073709551615ull

/** A member that is called. */
#define RPYC_MEMBER_METHOD 0

/** A member whose every use is an event, as its access allows. */
#define RPYC_MEMBER_PROPERTY 1

/** A value that never changes, and of which the application hears nothing. */
#define RPYC_MEMBER_VALUE 2

/** What a session tells. Zero it and set struct_size; each call fills the rest anew. */
typedef struct rpyc_session_event {
    /** sizeof(rpyc_session_event) */
    size_t struct_size;
    /** RPYC_EVENT_... */
    int32_t kind;
    /** Of a request: RPYC_ASK_... */
    int32_t asks;
    /**
     * Of a reply: that of the request. Of a request: that of the object, function or class. Of a
     * release: that of the object. Of RPYC_ASK_FORWARD: what rpyc_session_stand_in was given, or 0.
     */
    uint64_t token;
    /** Of a reply: the number that the request was given. */
    int64_t sequence;
    /**
     * Of a request: the id of the member; RPYC_MEMBER_NONE for functions, classes, and attributes
     * that are asked for by name: argument 0 is the name then, and argument 1 the value to be set.
     */
    uint64_t member;
    /**
     * Of a request: the name of the member, function or attribute. Borrowed as long as the call;
     * not NUL-terminated.
     */
    const char *name;
    /** Bytes of name. */
    size_t name_length;
    /**
     * Of a request: owned; to be answered now or later, on any thread, and then freed with
     * rpyc_call_free.
     */
    rpyc_call *call;
    /** Of a reply that went well: owned. NULL in sessions with RPYC_SESSION_PACKED. */
    rpyc_value *value;
    /** Of a reply that did not go well, and of the end: owned. */
    rpyc_error *error;
    /**
     * In sessions with RPYC_SESSION_PACKED: of a request a tuple of the arguments (a tuple) and the
     * keywords (a dict), of a reply the value. Borrowed until the next event. Handles in it are
     * owned.
     */
    const void *packed;
    /** Bytes of packed. */
    size_t packed_length;
    /**
     * Of a request: how many milliseconds its caller still waits, as of rpyc_call_time_left; -1:
     * that is not known.
     */
    int64_t time_left_ms;
    /** Of RPYC_ASK_FORWARD: owned; the object that is asked. Free it with rpyc_object_free. */
    rpyc_object *object;
    /**
     * Of RPYC_ASK_FORWARD: RPYC_HANDLE_..., which takes name, arguments and keywords as
     * rpyc_session_ask does. Else 0.
     */
    int32_t handler;
} rpyc_session_event;

/**
 * Makes a session. Nothing has been said on it; both sides may begin.
 *
 * Options that wait or send (sync_request_timeout, close_timeout, keepalive) have no meaning here.
 * bind_threads must be off.
 *
 * @param config       copied; NULL: the defaults
 * @param flags        RPYC_SESSION_... or 0
 * @param session_out  owned; free it with rpyc_session_free
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ABI (flags without a meaning), RPYC_ERR_UNSUPPORTED
 *         (bind_threads)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_new(const rpyc_config *config,
                             uint64_t flags,
                             rpyc_session **session_out,
                             rpyc_error **error_out);

/**
 * Gives a session a number by which the application knows it, such as the place of its state:
 * rpyc_object_session_id tells it of the objects of the peer.
 *
 * @param session  borrowed
 * @param id       any number but 0
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_set_id(rpyc_session *session,
                                uint64_t id);

/**
 * Ends and frees a session. Handles that it gave stay valid; calls of it can be answered, which
 * does nothing.
 *
 * @param session  consumed; NULL does nothing
 *
 * Threads: any thread, while no other function uses the session. Since 0.1.
 */
void rpyc_session_free(rpyc_session *session);

/**
 * Takes in bytes that have been received, in pieces of any size. Then take events until there are
 * none.
 *
 * @param session    borrowed
 * @param data       copied
 * @param length     bytes
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_CLOSED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_feed(rpyc_session *session,
                              const void *data,
                              size_t length,
                              rpyc_error **error_out);

/**
 * Says that the peer sends nothing more. What has arrived is still read; then comes
 * RPYC_EVENT_CLOSED.
 *
 * @param session  borrowed
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_end_of_stream(rpyc_session *session);

/**
 * What is to be sent next, where it lies; there may be more behind it. Releases of objects that
 * were freed are part of it.
 *
 * @param session     borrowed
 * @param data_out    borrowed until the next call for this session; NULL where there is nothing
 * @param length_out  bytes; 0: there is nothing to be sent
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread, but nothing else may be called for the session while the bytes are used.
 * Since 0.1.
 */
rpyc_status rpyc_session_outgoing(rpyc_session *session,
                                  const void **data_out,
                                  size_t *length_out);

/**
 * Tells that bytes of rpyc_session_outgoing have been sent.
 *
 * @param session  borrowed
 * @param length   bytes, no more than there were
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (so many did not wait)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_sent(rpyc_session *session, size_t length);

/**
 * Takes bytes to be sent into memory of the application: rpyc_session_outgoing and
 * rpyc_session_sent in one.
 *
 * @param session     borrowed
 * @param buffer      filled from its beginning
 * @param capacity    bytes of the buffer
 * @param length_out  bytes taken; fewer than capacity: there are no more
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_take(rpyc_session *session,
                              void *buffer,
                              size_t capacity,
                              size_t *length_out);

/**
 * The next event. It never says that there is none while a whole message lies in the buffer.
 *
 * @param session    borrowed
 * @param event      filled; its struct_size must be set. What it owns is the application's
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, also for RPYC_EVENT_NONE; RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ABI
 *         (struct_size), RPYC_ERR_CLOSED (the session has ended, and everything has been told)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_next_event(rpyc_session *session,
                                    rpyc_session_event *event,
                                    rpyc_error **error_out);

/**
 * Takes in bytes, gives the next event, and takes bytes to be sent: three functions in one, for
 * applications to which each call is dear. An input that a closed session cannot take is dropped.
 *
 * @param session            borrowed
 * @param input              copied; as of rpyc_session_feed
 * @param input_length       bytes; 0: nothing is fed
 * @param output             filled; as of rpyc_session_take
 * @param output_capacity    bytes; 0: nothing is taken
 * @param output_length_out  bytes taken
 * @param event              filled; as of rpyc_session_next_event
 * @param error_out          owned; may be NULL
 * @return as rpyc_session_next_event; bytes are taken also with RPYC_ERR_CLOSED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_step(rpyc_session *session,
                              const void *input,
                              size_t input_length,
                              void *output,
                              size_t output_capacity,
                              size_t *output_length_out,
                              rpyc_session_event *event,
                              rpyc_error **error_out);

/**
 * Does an event wait, or a whole message that may give one?
 *
 * @param session  borrowed
 * @return false also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_session_has_message(const rpyc_session *session);

/**
 * How many bytes wait to be sent, without releases that were not looked for.
 *
 * @param session  borrowed
 * @return 0 also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
size_t rpyc_session_waiting(const rpyc_session *session);

/**
 * Has the session ended?
 *
 * @param session  borrowed
 * @return true also for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_session_closed(const rpyc_session *session);

/**
 * The dialect that is spoken.
 *
 * @param session  borrowed
 * @return 6: that of rpyc 6; 5: that of rpyc 4.1 to 5.3; 0: not known yet, and for NULL
 *
 * Threads: any thread. Since 0.1.
 */
int32_t rpyc_session_dialect(const rpyc_session *session);

/**
 * The dialect of the last message of the peer, also where it ended the session with
 * RPYC_ERR_DIALECT. A peer that is spoken to first in a dialect that it does not know answers in
 * its own: make a new connection, and a session with the option dialect set to this.
 *
 * @param session  borrowed
 * @return as rpyc_session_dialect
 *
 * Threads: any thread. Since 0.1.
 */
int32_t rpyc_session_heard(const rpyc_session *session);

/**
 * Tells the peer that this side goes. Send what is to be sent, then end the stream. Nothing is
 * served from now on. While rpyc_session_dialect() is 0, there is nothing to send: the peer would
 * perhaps not understand it.
 *
 * @param session    borrowed
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, also where it was closed before; RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_close(rpyc_session *session,
                               rpyc_error **error_out);

/**
 * Answers a call with packed data and frees it: rpyc_call_return and rpyc_call_free in one.
 *
 * @param session        borrowed; that of the call
 * @param call           consumed, on success and on every failure; unanswered, its caller gets a
 *                       RuntimeError
 * @param packed         copied; as RPYC_SESSION_PACKED tells; handles in it are borrowed
 * @param packed_length  bytes; 0: None
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (the packed value is malformed), RPYC_ERR_STATE
 *         (answered already), RPYC_ERR_CLOSED, RPYC_ERR_TYPE and RPYC_ERR_LIMIT (the value cannot
 *         be sent: the caller has been told), RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_return_packed(rpyc_session *session,
                                       rpyc_call *call,
                                       const void *packed,
                                       size_t packed_length,
                                       rpyc_error **error_out);

/**
 * Answers a call with an exception, whose arguments and attributes are packed, and frees it:
 * rpyc_call_raise_with and rpyc_call_free in one.
 *
 * @param session        borrowed; that of the call
 * @param call           consumed, on success and on every failure; unanswered, its caller gets a
 *                       RuntimeError
 * @param module         copied; NULL: "builtins"
 * @param name           copied; the class's name
 * @param traceback      copied; where it was raised, as the peer is to see it; NULL: nothing to say
 * @param packed         copied; a tuple of the arguments (a tuple) and the attributes (a dict with
 *                       text keys); see "Packed values"; handles in it are borrowed
 * @param packed_length  bytes; 0: neither arguments nor attributes
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the packed value is malformed),
 *         RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED, RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_raise_packed(rpyc_session *session,
                                      rpyc_call *call,
                                      const char *module,
                                      const char *name,
                                      const char *traceback,
                                      const void *packed,
                                      size_t packed_length,
                                      rpyc_error **error_out);

/**
 * A token for an object or function that may be sent over several sessions. With it peers know it
 * as one, whatever session they have it from; one that is known by another number is another object
 * to peers of another session.
 *
 * @return a number that nobody else has in this process
 *
 * Threads: any thread. Since 0.1.
 */
uint64_t rpyc_session_new_token(void);

/**
 * The object of the application that has a token: the one that lives, wherever it is held, or a new
 * one.
 *
 * A token names an object, so that peers see the same one each time it is sent. The application may
 * free the handle as soon as the object is sent; RPYC_EVENT_RELEASED tells when nobody holds the
 * object any more. Objects and functions share the tokens of a session.
 *
 * @param session     borrowed
 * @param class_      copied reference; its class, if it is made; from rpyc_session_class_new
 * @param token       comes with the events of the object
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (a function or other object of this token
 *         lives)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_object_new(rpyc_session *session,
                                    const rpyc_class *class_,
                                    uint64_t token,
                                    rpyc_object **object_out,
                                    rpyc_error **error_out);

/**
 * The function of the application that has a token: the one that lives, or a new one. Python peers
 * see a function.
 *
 * @param session     borrowed
 * @param token       comes with the events of the function; as of rpyc_session_object_new
 * @param name        copied; NUL-terminated
 * @param signature   copied; as of rpyc_method; NULL: anything goes
 * @param doc         copied; NULL: nothing to say
 * @param object_out  owned; free it with rpyc_object_free
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the signature; another object
 *         of this token lives)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_function_new(rpyc_session *session,
                                      uint64_t token,
                                      const char *name,
                                      const char *signature,
                                      const char *doc,
                                      rpyc_object **object_out,
                                      rpyc_error **error_out);

/**
 * Gives the session the object that the peer gets as root. It has the names of a service, and
 * refuses that attributes are set, as RPyC's services do.
 *
 * @param session    borrowed
 * @param class_     copied reference; from rpyc_session_class_new
 * @param token      comes with the events of the root; as of rpyc_session_object_new
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (another object of this token
 *         lives)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_set_root(rpyc_session *session,
                                  const rpyc_class *class_,
                                  uint64_t token,
                                  rpyc_error **error_out);

/**
 * Was an object lent by the peer of this session? Only then can it be asked and sent here.
 *
 * @param session  borrowed
 * @param object   borrowed
 * @return false for objects of this process, and where one is NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_session_owns(const rpyc_session *session, const rpyc_object *object);

/**
 * An object that stands for one of another session or connection, and is sent instead of it, so
 * that the application knows it by a token, which comes with RPYC_ASK_FORWARD and, once the peer
 * does not hold it any more, with RPYC_EVENT_RELEASED. Where it comes back, it is the object that
 * it stands for. An object that is sent without this has no token.
 *
 * @param session     borrowed; one with RPYC_SESSION_FORWARDS
 * @param object      borrowed; of another session or connection
 * @param token       as of rpyc_session_object_new
 * @param object_out  owned; free it with rpyc_object_free, also right after it was sent
 * @param error_out   owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (an object of this process), RPYC_ERR_STATE (the
 *         session does not forward), RPYC_ERR_ARGUMENT (an object of this session's peer; another
 *         object of this token lives)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_stand_in(rpyc_session *session,
                                  const rpyc_object *object,
                                  uint64_t token,
                                  rpyc_object **object_out,
                                  rpyc_error **error_out);

/**
 * The token under which an object of another session or connection is known to the peer of this
 * one.
 *
 * @param session    borrowed
 * @param object     borrowed; as it came back, for example
 * @param token_out  what rpyc_session_stand_in was given; may be NULL
 * @return false where nothing stands for it, or something without a token, and where one is NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_session_stand_in_token(const rpyc_session *session,
                                 const rpyc_object *object,
                                 uint64_t *token_out);

/**
 * Asks something of the peer. Its answer is a reply event.
 *
 * handler tells what is asked: RPYC_HANDLE_GETROOT and RPYC_HANDLE_PING (argument: the data) of the
 * peer itself; of an object RPYC_HANDLE_GETATTR, _SETATTR (argument: the value), _DELATTR, _CALL,
 * _CALLATTR, _REPR, _STR, _HASH, _DIR, _INSPECT, _CMP (name: that of the operator, "__eq__";
 * argument: the other), _BUFFITER (argument: how many items), _CTXEXIT (argument: None, or anything
 * if there was an error), _PICKLE (argument: the protocol), _INSTANCECHECK (object: the class;
 * argument: an object of whatever peer or session, or what RPYC_ASK_FORWARD gave for one; where ids
 * or names tell, nothing is sent, and the number is -1).
 *
 * @param session       borrowed
 * @param token         comes back with the reply
 * @param handler       RPYC_HANDLE_...
 * @param object        borrowed; one of the peer; NULL for GETROOT and PING
 * @param name          copied; of the attribute, method or operator; NULL where there is none
 * @param name_length   bytes, or RPYC_NUL_TERMINATED
 * @param args          consumed, on success and on every failure
 * @param arg_count     number of args
 * @param keywords      consumed; of calls; a dict with text keys; NULL: none
 * @param deadline_ms   milliseconds on the application's clock, as rpyc_session_expire and
 *                      rpyc_session_set_time are told them; -1: none
 * @param sequence_out  the number of the request; may be NULL
 * @param error_out     owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (no such
 *         handler, wrong number of arguments, an object of another session), RPYC_ERR_TYPE (an
 *         object of this process, keywords that are none), RPYC_ERR_UNSUPPORTED (a value that
 *         cannot be sent), RPYC_ERR_LIMIT, RPYC_ERR_CLOSED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_ask(rpyc_session *session,
                             uint64_t token,
                             int32_t handler,
                             const rpyc_object *object,
                             const char *name,
                             size_t name_length,
                             rpyc_value *const *args,
                             size_t arg_count,
                             rpyc_value *keywords,
                             int64_t deadline_ms,
                             int64_t *sequence_out,
                             rpyc_error **error_out);

/**
 * As rpyc_session_ask, with packed arguments.
 *
 * @param session        borrowed
 * @param token          comes back with the reply
 * @param handler        RPYC_HANDLE_...
 * @param object         borrowed; one of the peer; NULL for GETROOT and PING
 * @param name           copied; of the attribute, method or operator; NULL where there is none
 * @param name_length    bytes, or RPYC_NUL_TERMINATED
 * @param packed         copied; a tuple of the arguments (a tuple) and the keywords (a dict), as
 *                       RPYC_SESSION_PACKED tells; handles in it are borrowed
 * @param packed_length  bytes; 0: no arguments and no keywords
 * @param deadline_ms    as of rpyc_session_ask
 * @param sequence_out   the number of the request; may be NULL
 * @param error_out      owned; may be NULL
 * @return as rpyc_session_ask; RPYC_ERR_ARGUMENT also for what is not packed right,
 *         RPYC_ERR_NO_MEMORY
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_ask_packed(rpyc_session *session,
                                    uint64_t token,
                                    int32_t handler,
                                    const rpyc_object *object,
                                    const char *name,
                                    size_t name_length,
                                    const void *packed,
                                    size_t packed_length,
                                    int64_t deadline_ms,
                                    int64_t *sequence_out,
                                    rpyc_error **error_out);

/**
 * Sends any request, with its arguments as they are. Its answer is a reply event.
 *
 * @param session       borrowed
 * @param token         comes back with the reply
 * @param handler       number of the handler, RPYC_HANDLE_... or any other
 * @param args          consumed, on success and on every failure
 * @param arg_count     number of args
 * @param deadline_ms   as of rpyc_session_ask
 * @param sequence_out  the number of the request; may be NULL
 * @param error_out     owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT, RPYC_ERR_UNSUPPORTED,
 *         RPYC_ERR_LIMIT, RPYC_ERR_CLOSED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_request(rpyc_session *session,
                                 uint64_t token,
                                 int32_t handler,
                                 rpyc_value *const *args,
                                 size_t arg_count,
                                 int64_t deadline_ms,
                                 int64_t *sequence_out,
                                 rpyc_error **error_out);

/**
 * Gives up a request: no reply event will come for it.
 *
 * @param session   borrowed
 * @param sequence  the number of the request; another does nothing
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_forget(rpyc_session *session, int64_t sequence);

/**
 * Says what time it is on the application's clock, from which a peer that agreed on the native
 * dialect is told how long each request is waited for: until its deadline, from the time that was
 * said last. As long as none was said, the peer is not told. rpyc_session_expire says it too.
 *
 * @param session  borrowed
 * @param now_ms   milliseconds on the application's clock; an earlier time than before does nothing
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (negative)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_set_time(rpyc_session *session,
                                  int64_t now_ms);

/**
 * When rpyc_session_expire is to be called: for a request, or, once a time was said, for a peer
 * that is silent.
 *
 * @param session  borrowed
 * @return milliseconds on the application's clock; -1: nothing has a deadline, and for NULL
 *
 * Threads: any thread. Since 0.1.
 */
int64_t rpyc_session_next_deadline(const rpyc_session *session);

/**
 * Ends the waiting for answers that are overdue: each gets a reply event with RPYC_ERR_TIMEOUT. An
 * answer that still comes is read and dropped. Also ends the session, with RPYC_ERR_LIMIT, where
 * the peer has been silent for longer than the options handshake_timeout, frame_timeout,
 * first_message_timeout and idle_timeout allow: feed what has arrived before you call it.
 *
 * @param session      borrowed
 * @param now_ms       milliseconds on the application's clock
 * @param expired_out  how many these were; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_expire(rpyc_session *session,
                                int64_t now_ms,
                                size_t *expired_out);

/**
 * Looks how long the peer has been silent, for applications that keep no time for requests: as
 * rpyc_session_expire does, on a clock that may be another one.
 *
 * @param session       borrowed
 * @param now_ms        milliseconds on a clock that is the same in each call
 * @param nothing_came  not 0: nothing of what the peer sent waits to be fed. If the peer has been
 *                      silent for too long then, the session ends with RPYC_ERR_LIMIT as the next
 *                      event. 0: it only begins to count
 * @param next_ms_out   when to call it next, with nothing_came; -1: not before something was fed
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (negative)
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_watch_silence(rpyc_session *session,
                                       int64_t now_ms,
                                       int32_t nothing_came,
                                       int64_t *next_ms_out);

/**
 * Converts several values as rpyc_value_convert_all() does. The answer is one reply event with a
 * tuple of the converted values, or with the error of the first that cannot be converted. The peer
 * is asked for all objects among them in one burst of requests; those for what an answer leaves
 * open follow while events are taken.
 *
 * @param session      borrowed
 * @param token        comes with the reply, whose sequence is -1
 * @param values       borrowed; count of them, none NULL; may be NULL if count is 0. Objects of a
 *                     peer are those of this session
 * @param kinds        copied; the kind that each becomes; may be NULL if count is 0
 * @param count        number of values
 * @param deadline_ms  on the application's clock, see rpyc_session_expire; it counts once a time
 *                     was said; -1: none
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (another kind, or an object of
 *         another session), RPYC_ERR_CLOSED
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_convert(rpyc_session *session,
                                 uint64_t token,
                                 const rpyc_value *const *values,
                                 const rpyc_value_kind_id *kinds,
                                 size_t count,
                                 int64_t deadline_ms,
                                 rpyc_error **error_out);

/**
 * The session over whose peer an object was received.
 *
 * @param object  borrowed
 * @return what rpyc_session_set_id was given; 0 where that was not called or the session has been
 *         freed, for objects of connections and of this process, and for NULL
 *
 * Threads: any thread. Since 0.1.
 */
uint64_t rpyc_object_session_id(const rpyc_object *object);

/**
 * The token of an object or function of the application.
 *
 * @param object     borrowed
 * @param token_out  the token; may be NULL
 * @return false where it is not one that has a token, and for NULL
 *
 * Threads: any thread. Since 0.1.
 */
bool rpyc_object_token(const rpyc_object *object, uint64_t *token_out);

/** @} */

/* ==============================================================================================
 * Classes of sessions
 * ============================================================================================== */
/**
 * @defgroup rpyc_session_classes Classes of sessions
 *
 * The objects of a session answer by events instead of callbacks. A class says which members they
 * have.
 *
 * @code{.c}
 * const rpyc_session_member member = {.name = "exposed_get_answer", .kind = RPYC_MEMBER_METHOD};
 * const rpyc_session_class_table table = {
 *     .struct_size = sizeof table,
 *     .member_size = sizeof member,
 *     .name = "AnswerService",
 *     .members = &member,
 *     .member_count = 1,
 * };
 * rpyc_class *class_of_root = NULL;
 * rpyc_session_class_new(session, 1, &table, &class_of_root, &error);
 * rpyc_class_free(class_of_root);
 * @endcode
 *
 * @{
 */

/** The property can be read. */
#define RPYC_ACCESS_GET 1

/** The property can be set. */
#define RPYC_ACCESS_SET 2

/** The property can be deleted. */
#define RPYC_ACCESS_DEL 4

/** Reading an attribute is asked for by name, whatever the rules say: RPyC's _rpyc_getattr. */
#define RPYC_SESSION_CLASS_OWN_GET 1

/** Setting an attribute is asked for by name: RPyC's _rpyc_setattr. */
#define RPYC_SESSION_CLASS_OWN_SET 2

/** Deleting an attribute is asked for by name: RPyC's _rpyc_delattr. */
#define RPYC_SESSION_CLASS_OWN_DEL 4

/**
 * There are attributes beyond the members: RPYC_ASK_EXISTS comes, then their use by name; setting
 * one comes without it. The usual rules hold.
 */
#define RPYC_SESSION_CLASS_DYNAMIC 8

/** The class can be called, which is RPYC_ASK_CONSTRUCT with the class's token. */
#define RPYC_SESSION_CLASS_CALLABLE 16

/** One member of a class. */
typedef struct rpyc_session_member {
    /** Comes with each event about this member. */
    uint64_t id;
    /** The literal name, such as "exposed_add" or "__len__". NUL-terminated. */
    const char *name;
    /** Of a method; as of rpyc_method. NULL: anything goes. */
    const char *signature;
    /** For Python's help(). NULL: nothing to say. */
    const char *doc;
    /** RPYC_MEMBER_... */
    int32_t kind;
    /** Of a property: RPYC_ACCESS_..., added up. */
    uint32_t access;
    /** Of RPYC_MEMBER_VALUE: copied; NULL: None. */
    const rpyc_value *value;
} rpyc_session_member;

/**
 * Describes a class. All of it is copied by rpyc_session_class_new. What is 0 or NULL has the
 * meaning that is said of it.
 */
typedef struct rpyc_session_class_table {
    /** sizeof(rpyc_session_class_table) */
    size_t struct_size;
    /** sizeof(rpyc_session_member); may be 0 where there are no members */
    size_t member_size;
    /** The module that the class says it belongs to. NULL: "librpyc". */
    const char *module;
    /** Such as "CalculatorService". Not NULL. */
    const char *name;
    /** For Python's help(). NULL: nothing to say. */
    const char *doc;
    /** Members and access rules are inherited from it. NULL: there is none. */
    const rpyc_class *base;
    /** RPYC_SESSION_CLASS_... or 0. Bits without a meaning are refused. */
    uint64_t flags;
    /** What the class has; NULL with member_count 0: nothing. */
    const rpyc_session_member *members;
    /** How many members. */
    size_t member_count;
    /** Of a root: its names. NULL: its class name without "Service", in upper case. */
    const char *const *aliases;
    /** How many aliases. */
    size_t alias_count;
    /**
     * A class of another session that is the same one for peers: both have one id, and isinstance
     * takes objects of one for objects of the other. NULL: a class of its own.
     */
    const rpyc_class *same_as;
} rpyc_session_class_table;

/**
 * Makes a class of objects that the application knows by a token each. What is asked of them
 * becomes events.
 *
 * What every object of Python has (__repr__, __str__, __eq__, __hash__, __dir__, __doc__, ...),
 * isinstance, the attribute rules, signatures, and iteration over __iter__ and __next__ are
 * answered by the library, unless the class has such members.
 *
 * @param session    borrowed; the one whose events tell of calls of the class; NULL, if it cannot
 *                   be called: the class may be used in every session
 * @param token      comes with RPYC_ASK_CONSTRUCT
 * @param table      copied, with everything that it points to
 * @param class_out  owned; free it with rpyc_class_free; the class itself as an object is
 *                   rpyc_class_object
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size cannot be right, or flags or
 *         members are set that this version does not have), RPYC_ERR_ARGUMENT (a signature, name or
 *         kind); the message says which
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_session_class_new(rpyc_session *session,
                                   uint64_t token,
                                   const rpyc_session_class_table *table,
                                   rpyc_class **class_out,
                                   rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Decoders
 * ============================================================================================== */
/**
 * @defgroup rpyc_decoders Decoders
 *
 * A decoder tells what the frames of a recorded conversation say, without taking part in it.
 *
 * @code{.c}
 * rpyc_decoder *decoder = rpyc_decoder_new();
 * rpyc_decoded decoded;
 * bool found = false;
 * if (!rpyc_decoder_feed(decoder, data, length))
 *     rpyc_decoder_next(decoder, &decoded, &found);
 * rpyc_decoder_free(decoder);
 * @endcode
 *
 * @{
 */

/** What stands in a frame is not RPyC, or it is no frame. */
#define RPYC_DECODED_GARBAGE 0

/** A request. */
#define RPYC_DECODED_REQUEST 1

/** An answer. */
#define RPYC_DECODED_REPLY 2

/** An exception as the answer. */
#define RPYC_DECODED_EXCEPTION 3

/**
 * One message. Set struct_size; each call fills the rest anew. Texts are NUL-terminated UTF-8,
 * borrowed until the decoder is used again.
 */
typedef struct rpyc_decoded {
    /** sizeof(rpyc_decoded) */
    size_t struct_size;
    /** Where the frame begins in the stream. */
    uint64_t offset;
    /** Bytes of the frame as it travels. */
    uint64_t size;
    /** Bytes of what is in it, decompressed. */
    uint64_t payload_size;
    /** 1: it travels compressed. */
    int32_t compressed;
    /** RPYC_DECODED_... */
    int32_t kind;
    /** 6, 5, or 0 where it cannot be told. */
    int32_t dialect;
    /** The number of a request's handler; 0: there is none. */
    int32_t handler;
    /** The number of the request, also in its answer; -1 where it is no int. */
    int64_t sequence;
    /** With bind_threads: of the thread that sent it; else 0. */
    uint64_t from_thread;
    /** With bind_threads: of the thread that it is for; else 0. */
    uint64_t to_thread;
    /** As RPyC names it, such as "CALLATTR"; "" where there is none. */
    const char *handler_name;
    /**
     * The message in one line, such as "CALLATTR your calc.Calculator#3 'add' (40, 2)". Objects are
     * "my" those of the side that sent it, "your" those of the other.
     */
    const char *text;
    /** Why it could not be read, or only in part; "" where nothing is wrong. */
    const char *fault;
    /** Where in the stream that is; of what lies in a compressed frame, that of the frame. */
    uint64_t fault_offset;
} rpyc_decoded;

/**
 * Makes a decoder, for one direction of one connection.
 *
 * @return owned; free it with rpyc_decoder_free; never NULL
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_decoder *rpyc_decoder_new(void);

/**
 * Frees a decoder.
 *
 * @param decoder  consumed; NULL does nothing
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
void rpyc_decoder_free(rpyc_decoder *decoder);

/**
 * Sets how long the text of a value may be. Longer ones are cut, and say how long they are.
 *
 * @param decoder  borrowed
 * @param width    characters, 120 at first; 0: nothing is cut
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_decoder_set_width(rpyc_decoder *decoder, size_t width);

/**
 * Takes in bytes of the stream, in pieces of any size.
 *
 * @param decoder  borrowed
 * @param data     copied
 * @param length   bytes
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_decoder_feed(rpyc_decoder *decoder, const void *data, size_t length);

/**
 * Says that the stream is over: what is left of it comes as garbage.
 *
 * @param decoder  borrowed
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_decoder_end(rpyc_decoder *decoder);

/**
 * The next message that is here as a whole.
 *
 * @param decoder    borrowed
 * @param decoded    filled where there is one; its struct_size must be set
 * @param found_out  whether there is one
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ABI (struct_size)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_decoder_next(rpyc_decoder *decoder, rpyc_decoded *decoded, bool *found_out);

/** @} */

/* ==============================================================================================
 * Logging and hooks
 * ============================================================================================== */
/**
 * @defgroup rpyc_hooks Logging and hooks
 *
 * The library prints nothing. A log callback gets its messages, one line each with control
 * characters escaped; other hooks tell the end of a connection and give exceptions of the peer a
 * number.
 *
 * @code{.c}
 * static void log_line(int32_t level, const char *message, size_t length, void *userdata)
 * {
 *     (void)level, (void)userdata;
 *     fprintf(stderr, "%.*s\n", (int)length, message);
 * }
 *
 * static void log_warnings(rpyc_error **error)
 * {
 *     rpyc_set_log_callback(RPYC_LOG_WARN, log_line, NULL, NULL, error);
 * }
 * @endcode
 *
 * @{
 */

/**
 * The library could not do something, or the application made a mistake, and no status can say so.
 */
#define RPYC_LOG_ERROR 1

/** A peer did what it should not do, or was turned away. */
#define RPYC_LOG_WARN 2

/** What happens in the ordinary course of things. */
#define RPYC_LOG_INFO 3

/** Details for those who look for a fault. */
#define RPYC_LOG_DEBUG 4

/**
 * Gets the messages of the log: `message` is borrowed for the call, UTF-8 of `length` bytes, not
 * NUL-terminated.
 *
 * It runs on whatever thread has something to say, on several at once too. What its own calls of
 * the library would log is left out.
 */
typedef void (*rpyc_log_fn)(int32_t level, const char *message, size_t length, void *userdata);

/**
 * Sets the one log callback of the process (connections can have their own, see
 * rpyc_config_set_logger), in place of the one before, whose destructor runs when its last call has
 * returned. Without one nothing is logged.
 *
 * @param max_level      RPYC_LOG_ERROR to RPYC_LOG_DEBUG: messages up to this level; 0 for none
 * @param callback       may be NULL: no more messages
 * @param userdata       consumed; given to the callback and the destructor
 * @param userdata_free  the destructor: runs exactly once, also if this function fails; may be NULL
 * @param error_out      owned; may be NULL
 * @return RPYC_OK; RPYC_ERR_ARGUMENT for another level, which leaves the callback before in its
 *         place
 *
 * Threads: any thread. Since 0.1.
 */
rpyc_status rpyc_set_log_callback(int32_t max_level,
                                  rpyc_log_fn callback,
                                  void *userdata,
                                  rpyc_free_fn userdata_free,
                                  rpyc_error **error_out);

/**
 * Gives connections a log callback of their own, RPyC's option logger: messages about them go there
 * and not to the callback of the process.
 *
 * With log_exceptions, each exception that a peer gets is a message at RPYC_LOG_DEBUG, and with
 * debug each message on the wire is one.
 *
 * @param config         borrowed
 * @param max_level      RPYC_LOG_ERROR to RPYC_LOG_DEBUG: messages up to this level; 0 for none
 * @param callback       NULL: messages go to the callback of the process again
 * @param userdata       consumed; given to the callback and the destructor
 * @param userdata_free  the destructor: runs exactly once, when the config, its copies and the
 *                       connections are gone, also if this function fails; may be NULL
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL; RPYC_ERR_ARGUMENT for another level, which changes nothing
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_set_logger(rpyc_config *config,
                                   int32_t max_level,
                                   rpyc_log_fn callback,
                                   void *userdata,
                                   rpyc_free_fn userdata_free,
                                   rpyc_error **error_out);

/**
 * Sets what runs when this side closes a connection with rpyc_connection_close, before the peer is
 * told; RPyC's option before_closed. It does not run where the peer ended the connection, nor for
 * rpyc_connection_free, which waits for nothing. Closing the connection from within does nothing.
 *
 * @param config         borrowed
 * @param callback       NULL: nothing
 * @param userdata       consumed; given to the callback and the destructor
 * @param userdata_free  the destructor: runs exactly once, when the config, its copies and the
 *                       connections are gone, also if this function fails; may be NULL
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_set_before_closed(rpyc_config *config,
                                          rpyc_before_closed_fn callback,
                                          void *userdata,
                                          rpyc_free_fn userdata_free,
                                          rpyc_error **error_out);

/**
 * Sets what rpyc_connection_credentials gives on connections: whom the application takes the peer
 * for; RPyC's option credentials. The library does not look at it.
 *
 * @param config       borrowed
 * @param credentials  consumed, on success and on every failure; NULL: None
 * @param error_out    owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_set_credentials(rpyc_config *config,
                                        rpyc_value *credentials,
                                        rpyc_error **error_out);

/**
 * Sets what rpyc_connection_endpoints gives on connections, where the transport does not know it:
 * behind a proxy, for instance; RPyC's option endpoints.
 *
 * @param config     borrowed
 * @param local      copied; NUL-terminated; NULL, and peer too: what the transport says
 * @param peer       copied; NUL-terminated; NULL, and local too: what the transport says
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (one of the two alone is NULL), RPYC_ERR_UTF8
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_set_endpoints(rpyc_config *config,
                                      const char *local,
                                      const char *peer,
                                      rpyc_error **error_out);

/**
 * Registers a type of exceptions under a code of the application's own.
 *
 * An exception of that type that a peer raises has this rpyc_error_code, if
 * instantiate_custom_exceptions is on; types of Python's builtins need no leave. Without it, it is
 * told by its names alone.
 *
 * @param config     borrowed
 * @param module     copied; such as "bank", or "builtins"
 * @param name       copied; such as "InsufficientFunds"
 * @param code       not 0; the last one that is registered for a type counts
 * @param error_out  owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (code is 0)
 *
 * Threads: one thread at a time per handle. Since 0.1.
 */
rpyc_status rpyc_config_register_exception(rpyc_config *config,
                                           const char *module,
                                           const char *name,
                                           int32_t code,
                                           rpyc_error **error_out);

/**
 * Tells the code of a type of exceptions that was not registered; 0: it is not known. The names are
 * lent.
 */
typedef int32_t (*rpyc_exception_resolver_fn)(const char *module, const char *name, void *userdata);

/**
 * Sets who is asked about types of exceptions that are not registered, if import_custom_exceptions
 * is on: what importing a module is to Python. It is asked once for each type, when an error of
 * that type is asked for its code; beyond 4096 types each time anew, and never about names longer
 * than 1 KiB. As in Python, what it knows is of use only with instantiate_custom_exceptions.
 *
 * @param config         borrowed
 * @param callback       NULL: nobody
 * @param userdata       consumed; given to the callback and the destructor
 * @param userdata_free  the destructor: runs exactly once, when the config, its copies, the
 *                       connections and their errors are gone, also if this function fails; may be
 *                       NULL
 * @param error_out      owned; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one thread at a time per handle; the callback runs in the thread that asks for a code.
 * Since 0.1.
 */
rpyc_status rpyc_config_set_exception_resolver(rpyc_config *config,
                                               rpyc_exception_resolver_fn callback,
                                               void *userdata,
                                               rpyc_free_fn userdata_free,
                                               rpyc_error **error_out);

/** @} */

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RPYC_H */
