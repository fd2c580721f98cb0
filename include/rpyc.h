/**
 * @file rpyc.h
 *
 * librpyc: RPyC, Python's transparent and symmetric remote procedure call, for programs that are
 * not Python.
 *
 * MIT licence.
 *
 * The following rules hold for every function below.
 *
 * # Handles
 *
 * A type without a visible body is a handle. There are two sorts.
 *
 * - Shared handles are reference counted and may be used from any thread: rpyc_value,
 *   rpyc_connection, rpyc_object, rpyc_class, rpyc_async_result, rpyc_prepared, rpyc_batch,
 *   rpyc_buffer, rpyc_server, rpyc_queue, rpyc_serving, rpyc_client, rpyc_connecting, rpyc_classic.
 *   _clone makes another handle, _free frees one.
 * - Unique handles belong to one thread at a time: rpyc_config, rpyc_error, rpyc_transport,
 *   rpyc_iterator, rpyc_decoder, and a deferred rpyc_call. rpyc_session and rpyc_redirection are
 *   unique too, but any thread may use them.
 *
 * _free does nothing if it gets NULL. It never waits and never fails, and may be called inside a
 * callback. A handle must not be used after it was freed. This is not detected.
 *
 * A function that takes a const handle only reads data of this process. It changes nothing, sends
 * nothing, and does not wait for the peer. Values are immutable and always const;
 * rpyc_value_convert() and rpyc_value_convert_all() send requests for the objects in them.
 *
 * # Ownership
 *
 * - Borrowed: valid for the period that is stated. Do not free it.
 * - Owned: it belongs to you. Free it once, with the function of its type.
 * - Consumed: the library takes it when the function is entered, on success and on every failure.
 * - Copied: it is read during the call.
 *
 * Unless stated otherwise, results are owned and inputs are copied. The values in an argument
 * array, a keyword dict and a returned value are consumed.
 *
 * # Statuses
 *
 * A function that can fail returns an rpyc_status. RPYC_OK is 0. The other numbers have ranges:
 *
 * - 1 to 99: a mistake of the caller
 * - 100 to 199: the transport
 * - 200 to 299: the protocol
 * - 300 to 399: exceptions of the peer
 * - 900: a panic inside the library, after which that connection is closed and everything else
 *   continues
 *
 * A number is never reused for another meaning. Treat a number that you do not know as an error.
 * NULL for a pointer that is required is RPYC_ERR_NULL, never a crash.
 *
 * # Groups of statuses
 *
 * The functions refer to three groups by name.
 *
 * Connection errors are the reasons for which a connection ends:
 *
 * - RPYC_ERR_EOF: the peer closed it
 * - RPYC_ERR_CLOSED: this side closed it
 * - RPYC_ERR_IO, RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT
 * - RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED
 * - RPYC_ERR_STATE: in create of a service, before the connection begins.
 *
 * Sending errors are connection errors and the reasons for which a request is not sent:
 *
 * - RPYC_ERR_FORKED
 * - RPYC_ERR_STALE: the object's connection had ended before the call
 * - RPYC_ERR_BACKPRESSURE: in non-blocking mode
 * - RPYC_ERR_LIMIT: a value is nested too deep
 * - RPYC_ERR_UNSUPPORTED: a value cannot be sent
 * - RPYC_ERR_STATE: the object belongs to a session.
 *
 * Request errors are sending errors and the failures of waiting for the reply:
 *
 * - RPYC_ERR_REMOTE, RPYC_ERR_DENIED, RPYC_ERR_STOP_ITERATION: an exception of the peer
 * - RPYC_ERR_UNKNOWN_OBJECT: the reply names an object that was not exported
 * - RPYC_ERR_TIMEOUT
 * - RPYC_ERR_WAIT_INTERRUPTED: by rpyc_connection_interrupt().
 *
 * # Outputs
 *
 * Output parameters are named _out and are the last ones. They are written on every path: first
 * NULL, 0 or false, then the result on success.
 *
 * error_out may be NULL. Otherwise it is always written. It is NULL on success. On failure the
 * error is owned: free it with rpyc_error_free().
 *
 * # Strings
 *
 * Strings are UTF-8. Names and addresses are NUL-terminated. Data is a pointer and a length, and
 * may contain NUL. The length RPYC_NUL_TERMINATED stands for a NUL-terminated string. Results have
 * one of three forms:
 *
 * - A const char * is borrowed from its handle and NUL-terminated: names, messages, addresses.
 * - A pointer and a length are borrowed from the immutable value that contains them, and are not
 *   NUL-terminated: the content of str and bytes.
 * - An rpyc_value ** receives an owned str: a string that is made for the call.
 *
 * # Terms
 *
 * - Denied: access to an attribute, by the attribute rules (RPYC_ERR_DENIED).
 * - Refused: a connection, by a service or a server.
 * - Rejected: an argument, before anything is done with it.
 *
 * # Times
 *
 * Times are in milliseconds, with names that end with _ms. -1 is no limit.
 *
 * # Callbacks
 *
 * - No call starts after the destructor of its userdata has started.
 * - The destructor runs exactly once, after the last call has returned, also if the registration
 *   fails.
 * - Calls for one object can overlap if several threads serve, unless its class has
 *   RPYC_CLASS_SERIAL.
 * - Callbacks run on a thread that is inside a function of this library for that connection, on a
 *   server's threads, or on the thread that answers a deferred call. A plain client has no hidden
 *   threads.
 * - No lock is held meanwhile. A callback may call any function, except those that are documented
 *   otherwise.
 * - A callback must return: no longjmp, pthread_exit or C++ exception may pass through it.
 *
 * # Threads
 *
 * Any function may be called from any thread, also on the same handle if it is a shared one, unless
 * it is documented otherwise. A thread must not be cancelled (pthread_cancel) while it is in the
 * library or in a callback: the process would be aborted.
 *
 * After fork(), functions return RPYC_ERR_FORKED in the child for the handles that it inherited.
 * The child may free them.
 *
 * # Tables
 *
 * A table begins with its size, so that members can be appended. A member that is missing or NULL
 * takes its default.
 *
 * # Environment
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

/** Major version of this header. It is raised when programs must be changed. */
#define RPYC_VERSION_MAJOR 0

/** Minor version of this header. It is raised when something is added. */
#define RPYC_VERSION_MINOR 1

/** Patch version of this header. It is raised for corrections. */
#define RPYC_VERSION_PATCH 0

/**
 * Returns the version of the loaded library as a string, such as "0.1.0".
 *
 * @return borrowed, valid until the process ends; never NULL
 *
 * Threads: any. Since: 0.1.
 */
const char *rpyc_version_string(void);

/**
 * Returns the version of the loaded library as one number: major * 65536 + minor * 256 + patch.
 *
 * @code{.c}
 * if (rpyc_version_number() < 0x000100)
 *     fprintf(stderr, "librpyc 0.1.0 or later is required, not %s\n", rpyc_version_string());
 * @endcode
 *
 * @return the number, which increases from version to version
 *
 * Threads: any. Since: 0.1.
 */
uint32_t rpyc_version_number(void);

/** As a length: the string is NUL-terminated. */
#define RPYC_NUL_TERMINATED SIZE_MAX

/** The result of an asynchronous request, before or after its reply. Shared. */
typedef struct rpyc_async_result rpyc_async_result;

/** Calls that are sent together. Shared. */
typedef struct rpyc_batch rpyc_batch;

/** Memory of the application that receives one bytes reply at a time, without a copy. Shared. */
typedef struct rpyc_buffer rpyc_buffer;

/** A call from a peer that is being served. Borrowed by its callback, or, if deferred, unique. */
typedef struct rpyc_call rpyc_call;

/**
 * A class: the methods of a service or of objects. Shared; it can itself be sent, see
 * rpyc_class_object().
 */
typedef struct rpyc_class rpyc_class;

/**
 * The master of a classic server, like Python's rpyc.classic.connect(). Shared.
 *
 * A classic server has no access control: a client can run any code there. Modules and the
 * namespace are fetched once.
 */
typedef struct rpyc_classic rpyc_classic;

/** A client of one address, which connects again when its connection has ended. Shared. */
typedef struct rpyc_client rpyc_client;

/** Options for connections and servers, which copy them. Unique. */
typedef struct rpyc_config rpyc_config;

/** An attempt to connect that never blocks, for event loops. Shared. */
typedef struct rpyc_connecting rpyc_connecting;

/**
 * A connection to one peer, in both directions. Shared; freeing the application's last handle
 * closes it.
 */
typedef struct rpyc_connection rpyc_connection;

/**
 * Decodes one direction of a connection, message by message, for tracing and for tests. It needs no
 * peer, accepts both dialects and either direction, and never fails: data that is not RPyC is
 * returned as garbage. Unique.
 */
typedef struct rpyc_decoder rpyc_decoder;

/** An error: a status, a message, and the exception if a peer raised one. Unique. */
typedef struct rpyc_error rpyc_error;

/** An iteration over all items of a container or iterator, fetched in growing chunks. Unique. */
typedef struct rpyc_iterator rpyc_iterator;

/** An object: one of a peer, or one of this process that peers can use. Shared. */
typedef struct rpyc_object rpyc_object;

/** A method of an object, encoded once for many calls. Shared. */
typedef struct rpyc_prepared rpyc_prepared;

/**
 * A queue of calls. Threads of the library read the peers' requests and queue them. The application
 * runs them in a thread of its own when the queue's descriptor becomes readable. Shared; after the
 * last handle is freed, callers get an error.
 */
typedef struct rpyc_queue rpyc_queue;

/**
 * A classic server's standard streams, redirected to this process. Any thread may use it, but it
 * has one owner.
 */
typedef struct rpyc_redirection rpyc_redirection;

/**
 * A server: it listens at an address and serves each connection in a thread of its own, or all
 * connections in a pool of threads (pool_threads). One more thread reads for connections with
 * long-running calls. Shared.
 */
typedef struct rpyc_server rpyc_server;

/**
 * Threads that serve a connection in the background, like RPyC's BgServingThread. Shared; freeing
 * the last handle stops them.
 */
typedef struct rpyc_serving rpyc_serving;

/**
 * A connection as a state machine: bytes are fed, and output and events are taken. It has no
 * socket, no clock and no thread, and calls no callbacks. For applications that do their own I/O,
 * and for bindings of other languages.
 *
 * Its functions may be called from any thread; they are serialized. The application must keep the
 * order of the bytes that it feeds, and of the output that it takes and sends.
 */
typedef struct rpyc_session rpyc_session;

/** A byte stream in both directions, before a connection uses it. Unique. */
typedef struct rpyc_transport rpyc_transport;

/** A value: plain data, or a reference to an object. Shared and immutable. */
typedef struct rpyc_value rpyc_value;

/**
 * Destructor for a userdata pointer. NULL for none.
 *
 * It runs exactly once, after the last use of the pointer, on any thread, also if the function that
 * took the pointer failed. It must return: no longjmp and no C++ exception.
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

/** Result of a call: RPYC_OK or an error code. */
typedef int32_t rpyc_status;

/** Success. */
#define RPYC_OK 0

/** A required pointer was NULL. */
#define RPYC_ERR_NULL 1

/** An argument is out of range or malformed. */
#define RPYC_ERR_ARGUMENT 2

/** A string is not UTF-8. */
#define RPYC_ERR_UTF8 3

/**
 * Not valid in the current state, for example a call already answered or a server not yet started.
 */
#define RPYC_ERR_STATE 4

/** The call would deadlock. */
#define RPYC_ERR_DEADLOCK 5

/** The handle was made in the parent, before a fork(). */
#define RPYC_ERR_FORKED 6

/** struct_size is invalid, or unknown flags are set. */
#define RPYC_ERR_ABI 7

/** Value of the wrong type. */
#define RPYC_ERR_TYPE 8

/** Number out of range for the requested type, or index past the end. */
#define RPYC_ERR_RANGE 9

/** Not supported on this system or by this peer. */
#define RPYC_ERR_UNSUPPORTED 10

/**
 * An allocation failed whose size an argument or a peer determined. The call had no effect;
 * consumed arguments are freed.
 */
#define RPYC_ERR_NO_MEMORY 11

/** The operating system reported an error on read, write or open. */
#define RPYC_ERR_IO 100

/** The peer ended the stream. */
#define RPYC_ERR_EOF 101

/** The operation timed out. */
#define RPYC_ERR_TIMEOUT 102

/** The connection was closed, by this side or before the call. */
#define RPYC_ERR_CLOSED 103

/** The address is malformed, cannot be resolved or cannot be reached. */
#define RPYC_ERR_ADDRESS 104

/**
 * The peer does not receive and the output queue is full. Try again when the descriptor is
 * writable.
 */
#define RPYC_ERR_BACKPRESSURE 105

/** The request was cancelled with rpyc_async_result_cancel(). */
#define RPYC_ERR_CANCELLED 106

/** The wait was ended with rpyc_connection_interrupt(). */
#define RPYC_ERR_WAIT_INTERRUPTED 107

/**
 * The peer did not authenticate itself, or it refused this side. See
 * rpyc_config_set_authenticator().
 */
#define RPYC_ERR_AUTHENTICATION 110

/**
 * The object belongs to a connection that had ended before the call. Nothing was sent. Get the
 * object again, over a new connection.
 */
#define RPYC_ERR_STALE 111

/** The peer sent malformed data. */
#define RPYC_ERR_MALFORMED 200

/** A limit on size, number or depth was exceeded. */
#define RPYC_ERR_LIMIT 201

/**
 * The peer sent data that is not safe to accept: a pickle of more than plain data, or a name that
 * points outside of a directory.
 */
#define RPYC_ERR_UNSAFE 202

/** The peer named an object that was not exported to it. */
#define RPYC_ERR_UNKNOWN_OBJECT 203

/** The peer speaks an unsupported dialect of RPyC. */
#define RPYC_ERR_DIALECT 204

/** The peer raised an exception. */
#define RPYC_ERR_REMOTE 300

/** The peer raised StopIteration: the end of an iteration. */
#define RPYC_ERR_STOP_ITERATION 301

/**
 * The attribute rules of the object's owner deny access to a name. This is an AttributeError with
 * RPyC's message.
 */
#define RPYC_ERR_DENIED 302

/**
 * A local callback raised SystemExit, which is not sent to the peer (propagate_SystemExit_locally).
 * The connection has ended, and the program should exit.
 */
#define RPYC_ERR_EXIT 303

/**
 * A local callback raised KeyboardInterrupt, which is not sent to the peer
 * (propagate_KeyboardInterrupt_locally). The connection has ended, and the program should exit.
 */
#define RPYC_ERR_INTERRUPTED 304

/** A panic inside the library. The affected connection is closed. */
#define RPYC_ERR_PANIC 900

/**
 * Gets the name of a status as in this header, such as "RPYC_ERR_TIMEOUT".
 *
 * @param status  any number
 * @return borrowed, always valid; NULL for an unknown number
 *
 * Threads: any. Since: 0.1.
 */
const char *rpyc_status_name(rpyc_status status);

/**
 * Makes an error of the application and returns its status, so that functions of the application
 * can report errors as those of this library do.
 *
 * @code{.c}
 * static rpyc_status check_row(size_t row, size_t rows, rpyc_error **error_out)
 * {
 *     if (row < rows)
 *         return RPYC_OK;
 *     return rpyc_error_new(RPYC_ERR_ARGUMENT, "LookupError", "no such row", error_out);
 * }
 * @endcode
 *
 * @param status     status of the error, which this function returns; RPYC_OK and unknown statuses
 *                   become RPYC_ERR_ARGUMENT
 * @param type       copied, NUL-terminated: the exception type that a peer gets when the error is
 *                   passed on with rpyc_call_raise_error(), in the form of rpyc_call_raise(); NULL
 *                   for the type that rpyc_call_raise_error() documents for the status
 * @param message    copied, NUL-terminated; NULL for the name of the status
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return status, or RPYC_ERR_UTF8 (type or message is not UTF-8)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_error_new(rpyc_status status,
                           const char *type,
                           const char *message,
                           rpyc_error **error_out);

/**
 * Copies an error, for example one that is borrowed for a callback.
 *
 * @param error  borrowed
 * @return owned, free with rpyc_error_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_error *rpyc_error_clone(const rpyc_error *error);

/**
 * Frees an error and every string that was borrowed from it.
 *
 * @param error  consumed; NULL does nothing
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
void rpyc_error_free(rpyc_error *error);

/**
 * Gets the status of an error. It is the status that the failed function returned.
 *
 * @param error  borrowed; may be NULL
 * @return the status; RPYC_OK for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_error_status(const rpyc_error *error);

/**
 * Gets the message of an error.
 *
 * For an exception it is the type and the message as Python prints them, without the traceback. For
 * RPYC_ERR_DENIED it also names the rule and the remedy.
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed, NUL-terminated UTF-8 (an embedded NUL is replaced by
 *         U+FFFD); never NULL; "" for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
const char *rpyc_error_message(const rpyc_error *error);

/**
 * Gets the message of an error in a form that is safe to print or log.
 *
 * It is rpyc_error_message() on one line. Control characters, line separators and marks that change
 * the writing direction are escaped as in Python (`\n`, `\x1b`, `\u202e`).
 *
 * The message of an exception comes from the peer. Show the result of this function; compare and
 * pass on the result of rpyc_error_message().
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed, NUL-terminated UTF-8; never NULL; "" for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
const char *rpyc_error_describe(const rpyc_error *error);

/**
 * Gets the module of an exception's type, such as "builtins".
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed, NUL-terminated UTF-8; NULL unless the error is an
 *         exception
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
const char *rpyc_error_type_module(const rpyc_error *error);

/**
 * Gets the name of an exception's type, such as "ValueError".
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed, NUL-terminated UTF-8; NULL unless the error is an
 *         exception
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
const char *rpyc_error_type_name(const rpyc_error *error);

/**
 * Gets the traceback of an exception as the peer sent it. It shows where in the peer's program the
 * exception was raised.
 *
 * The peer decides what it contains. Python sends "<traceback denied>" if include_local_traceback
 * is off.
 *
 * @param error  borrowed; may be NULL
 * @return borrowed until the error is freed, NUL-terminated UTF-8 of several lines; NULL unless the
 *         error is an exception
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
const char *rpyc_error_traceback(const rpyc_error *error);

/**
 * Gets the arguments of an exception, Python's `args`.
 *
 * They are plain data. An argument that cannot be passed by value is replaced by its repr (RPyC
 * wire: exceptions).
 *
 * @param error  borrowed; may be NULL
 * @return owned, free with rpyc_value_free(): a tuple; NULL unless the error is an exception
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_value *rpyc_error_args(const rpyc_error *error);

/**
 * Gets the arguments and attributes of an exception in one packed value: a tuple of a tuple and a
 * dict.
 *
 * It is meant for language bindings; see rpyc_session_ask_packed().
 *
 * @param error  borrowed; may be NULL
 * @return owned, free with rpyc_value_free(): a bytes value; NULL unless the error is an exception
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_value *rpyc_error_packed(const rpyc_error *error);

/**
 * Returns the number of attributes that an exception has, such as the errno of an OSError.
 *
 * @code{.c}
 * for (size_t at = 0; at < rpyc_error_attribute_count(error); ++at)
 *     printf("%s\n", rpyc_error_attribute_name(error, at));
 * @endcode
 *
 * @param error  borrowed; may be NULL
 * @return the number; 0 unless the error is an exception
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
size_t rpyc_error_attribute_count(const rpyc_error *error);

/**
 * Gets the name of an attribute of an exception by index.
 *
 * @param error  borrowed; may be NULL
 * @param index  from 0 to rpyc_error_attribute_count() - 1
 * @return borrowed until the error is freed, NUL-terminated UTF-8; NULL past the end
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
const char *rpyc_error_attribute_name(const rpyc_error *error, size_t index);

/**
 * Gets an attribute of an exception by name.
 *
 * @code{.c}
 * int64_t number = 0;
 * rpyc_value *attribute = rpyc_error_attribute(error, "errno");
 * if (attribute && !rpyc_value_get_int(attribute, &number, NULL))
 *     fprintf(stderr, "errno of the peer: %d\n", (int)number);
 * rpyc_value_free(attribute);
 * @endcode
 *
 * @param error  borrowed; may be NULL
 * @param name   copied, NUL-terminated UTF-8; may be NULL
 * @return owned, free with rpyc_value_free(); NULL if there is no such attribute
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_value *rpyc_error_attribute(const rpyc_error *error, const char *name);

/**
 * Gets the application's code for an exception's type, from rpyc_config_register_exception() or the
 * resolver.
 *
 * @param error  borrowed; may be NULL
 * @return the code; 0 if the type has none, or if the options of the connection do not let the type
 *         be identified
 *
 * Threads: one at a time per handle; the resolver may run. Since: 0.1.
 */
int32_t rpyc_error_code(const rpyc_error *error);

/**
 * Gets the exit code for RPYC_ERR_EXIT and RPYC_ERR_INTERRUPTED, to be passed to exit().
 *
 * It is the code that Python would use. For SystemExit it is the number that the exception was
 * raised with, 0 for None and 1 for anything else. For KeyboardInterrupt it is 130.
 *
 * @param error  borrowed; may be NULL
 * @return the code; 0 for NULL, 1 for every other error
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
int32_t rpyc_error_exit_code(const rpyc_error *error);

/**
 * Returns whether an error is an exception of a type. An exception of a derived type does not
 * match, because base classes are not sent.
 *
 * @param error  borrowed; may be NULL
 * @param name   copied, NUL-terminated: the name of the type ("ValueError"), or its module and name
 *               ("bank.InsufficientFunds")
 * @return whether the type matches; false for NULL and for errors that are not exceptions
 *
 * Threads: one at a time per handle. Since: 0.1.
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

/** Kind of a value, one of RPYC_VALUE_... */
typedef int32_t rpyc_value_kind_id;

/** None */
#define RPYC_VALUE_NONE 0

/** NotImplemented */
#define RPYC_VALUE_NOT_IMPLEMENTED 1

/** Ellipsis, Python's "..." */
#define RPYC_VALUE_ELLIPSIS 2

/** bool: True or False */
#define RPYC_VALUE_BOOL 3

/** int: an integer of any size */
#define RPYC_VALUE_INT 4

/** float: a double */
#define RPYC_VALUE_FLOAT 5

/** complex: two doubles */
#define RPYC_VALUE_COMPLEX 6

/** str: a UTF-8 string */
#define RPYC_VALUE_STR 7

/** bytes */
#define RPYC_VALUE_BYTES 8

/** tuple: values in order */
#define RPYC_VALUE_TUPLE 9

/** slice: three values, start, stop and step */
#define RPYC_VALUE_SLICE 10

/** frozenset: values of which no two are equal */
#define RPYC_VALUE_FROZENSET 11

/** list: values in order. A Python peer gets a reference to a list of them. */
#define RPYC_VALUE_LIST 12

/** dict: keys with values. A Python peer gets a reference to a dict of them. */
#define RPYC_VALUE_DICT 13

/** Reference to an object of the peer or of this process */
#define RPYC_VALUE_OBJECT 14

/**
 * Array of numbers of one type, contiguous in memory. A Python peer gets a reference to a sequence
 * of them.
 */
#define RPYC_VALUE_ARRAY 15

/** date: a calendar day. A Python peer gets a reference to it. */
#define RPYC_VALUE_DATE 16

/** time: a time of day. A Python peer gets a reference to it. */
#define RPYC_VALUE_TIME 17

/** datetime: a calendar day and a time of day. A Python peer gets a reference to it. */
#define RPYC_VALUE_DATETIME 18

/** timedelta: a duration. A Python peer gets a reference to it. */
#define RPYC_VALUE_TIMEDELTA 19

/** timezone: a timezone with a fixed offset. A Python peer gets a reference to it. */
#define RPYC_VALUE_TIMEZONE 20

/**
 * Makes another handle for a value. Large contents are shared, not copied.
 *
 * @param value  borrowed; may be NULL
 * @return owned, free with rpyc_value_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_clone(const rpyc_value *value);

/**
 * Frees a handle of a value, and everything that was borrowed from this handle.
 *
 * When the last handle of a remote reference is freed, the peer is told that its object is no
 * longer used. When the last handle of bytes in memory of the application is freed, their
 * destructor runs.
 *
 * @param value  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_value_free(rpyc_value *value);

/**
 * Returns the kind of a value.
 *
 * @code{.c}
 * switch (rpyc_value_kind(value)) {
 * case RPYC_VALUE_TUPLE:
 *     printf("a tuple of %zu items\n", rpyc_value_count(value));
 *     break;
 * case RPYC_VALUE_OBJECT:
 *     printf("a reference to an object\n");
 *     break;
 * default:
 *     break;
 * }
 * @endcode
 *
 * @param value  borrowed; may be NULL
 * @return one of RPYC_VALUE_...; -1 for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value_kind_id rpyc_value_kind(const rpyc_value *value);

/**
 * Makes Python's None.
 *
 * @return owned, free with rpyc_value_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_new_none(void);

/**
 * Makes Python's NotImplemented, the result of a comparison or an operator that does not support
 * the other operand.
 *
 * @return owned, free with rpyc_value_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_new_not_implemented(void);

/**
 * Makes Python's Ellipsis.
 *
 * @return owned, free with rpyc_value_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_new_ellipsis(void);

/**
 * Makes a bool.
 *
 * @param value  0 for False, anything else for True
 * @return owned, free with rpyc_value_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_new_bool(int32_t value);

/**
 * Makes an int.
 *
 * @param value  any number
 * @return owned, free with rpyc_value_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_new_int(int64_t value);

/**
 * Makes an int from an unsigned number.
 *
 * @param value  any number
 * @return owned, free with rpyc_value_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_new_uint(uint64_t value);

/**
 * Makes a float. All bits are kept, also those of a NaN (RPyC wire: brine).
 *
 * @param value  any number
 * @return owned, free with rpyc_value_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_new_float(double value);

/**
 * Makes a complex number.
 *
 * @param real       the real part
 * @param imaginary  the imaginary part
 * @return owned, free with rpyc_value_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_value *rpyc_value_new_complex(double real, double imaginary);

/**
 * Makes an int of any size from decimal digits.
 *
 * The limit is 4300 digits, the number that Python peers accept (RPyC wire: brine).
 *
 * @code{.c}
 * const char *digits = "-123456789012345678901234567890";
 * if (!rpyc_value_new_int_text(digits, RPYC_NUL_TERMINATED, &value, &error))
 *     rpyc_object_call_method(object, "set", &value, 1, NULL, NULL, &error);
 * @endcode
 *
 * @param digits     copied: an optional sign, then decimal digits and nothing else
 * @param length     length of digits in bytes, or RPYC_NUL_TERMINATED
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (not a decimal number), RPYC_ERR_LIMIT (too
 *         many digits)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_int_text(const char *digits,
                                    size_t length,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Makes an int of any size from two's complement, least significant byte first.
 *
 * The limit is 4300 decimal digits, the number that Python peers accept (RPyC wire: brine).
 *
 * @param little_endian  copied: the number, whose sign is the top bit of the last byte; may be NULL
 *                       for no bytes, which make 0
 * @param length         length in bytes
 * @param value_out      owned, free with rpyc_value_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible length), RPYC_ERR_LIMIT (too many
 *         digits)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_int_bytes(const uint8_t *little_endian,
                                     size_t length,
                                     rpyc_value **value_out,
                                     rpyc_error **error_out);

/**
 * Makes a str.
 *
 * @code{.c}
 * if (!rpyc_value_new_str("caf\xc3\xa9", RPYC_NUL_TERMINATED, &value, &error))
 *     printf("%zu bytes\n", rpyc_value_count(value));
 * rpyc_value_free(value);
 * @endcode
 *
 * @param text       copied: UTF-8, which may contain NUL; may be NULL if length is 0
 * @param length     length of text in bytes, or RPYC_NUL_TERMINATED
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (impossible length),
 *         RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_str(const char *text,
                               size_t length,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Makes a bytes value with a copy of data.
 *
 * @param data       copied; may be NULL if length is 0
 * @param length     length in bytes
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible length), RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_bytes(const void *data,
                                 size_t length,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Makes a bytes value from memory of the application, without a copy. It is sent from that memory.
 *
 * The memory must not change until the destructor runs. The destructor runs when the value, its
 * clones and all values that contain it have been freed and sent.
 *
 * @code{.c}
 * static rpyc_status wrap(void *data, size_t length, rpyc_value **value_out, rpyc_error **error)
 * {
 *     return rpyc_value_new_bytes_owned(data, length, data, free, value_out, error);
 * }
 * @endcode
 *
 * @param data           borrowed until the destructor runs; may be NULL if length is 0
 * @param length         length in bytes
 * @param userdata       consumed, also on failure; passed to the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, on any thread, also on failure;
 *                       may be NULL
 * @param value_out      owned, free with rpyc_value_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible length)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_bytes_owned(const void *data,
                                       size_t length,
                                       void *userdata,
                                       rpyc_free_fn userdata_free,
                                       rpyc_value **value_out,
                                       rpyc_error **error_out);

/**
 * Makes a tuple.
 *
 * @param items      each value consumed, also on failure; may be NULL for none
 * @param count      number of items
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (impossible count),
 *         RPYC_ERR_LIMIT (nested more than 1000 levels deep), RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_tuple(rpyc_value *const *items,
                                 size_t count,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Makes a slice, as in Python's x[start:stop:step].
 *
 * @code{.c}
 * rpyc_value *slice = NULL; // of object[2:10]
 * if (!rpyc_value_new_slice(rpyc_int(2), rpyc_int(10), NULL, &slice, &error))
 *     rpyc_object_get_item(object, slice, &value, &error);
 * rpyc_value_free(value);
 * @endcode
 *
 * @param start      consumed, also on failure; NULL for None
 * @param stop       consumed, also on failure; NULL for None
 * @param step       consumed, also on failure; NULL for None
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_LIMIT (nested more than 1000 levels deep)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_slice(rpyc_value *start,
                                 rpyc_value *stop,
                                 rpyc_value *step,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Makes a frozenset. The first of several equal items is kept.
 *
 * @param items      each value consumed, also on failure; may be NULL for none
 * @param count      number of items
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_TYPE (an item that is not hashable:
 *         list, dict, slice), RPYC_ERR_ARGUMENT (impossible count), RPYC_ERR_LIMIT (nested more
 *         than 1000 levels deep), RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_frozenset(rpyc_value *const *items,
                                     size_t count,
                                     rpyc_value **value_out,
                                     rpyc_error **error_out);

/**
 * Makes a list. It is a snapshot: the receiver cannot change the sender's list.
 *
 * A Python peer gets a reference to a list that the library keeps for it. rpyc_list_new() makes a
 * list that peers share.
 *
 * @param items      each value consumed, also on failure; may be NULL for none
 * @param count      number of items
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (impossible count),
 *         RPYC_ERR_LIMIT (nested more than 1000 levels deep), RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_list(rpyc_value *const *items,
                                size_t count,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * Makes a dict. It is a snapshot: the receiver cannot change the sender's dict.
 *
 * A Python peer gets a reference to a dict that the library keeps for it. Of several equal keys the
 * first is kept, with the last value.
 *
 * @code{.c}
 * rpyc_value *keys[2] = {rpyc_str("x"), rpyc_str("y")};
 * rpyc_value *values[2] = {rpyc_int(1), rpyc_int(2)};
 * if (!rpyc_value_new_dict(keys, values, 2, &value, &error)) // consumes all four, also on failure
 *     printf("%zu entries\n", rpyc_value_count(value));
 * rpyc_value_free(value);
 * @endcode
 *
 * @param keys       each value consumed, also on failure; may be NULL for none
 * @param values     each value consumed, also on failure: values[i] belongs to keys[i]; may be NULL
 *                   for none
 * @param count      number of keys, and of values
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_TYPE (a key that is not hashable:
 *         list, dict, slice), RPYC_ERR_ARGUMENT (impossible count), RPYC_ERR_LIMIT (nested more
 *         than 1000 levels deep), RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_dict(rpyc_value *const *keys,
                                rpyc_value *const *values,
                                size_t count,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * Makes a dict with str keys, as needed for keyword arguments and for the attributes of an
 * exception.
 *
 * @code{.c}
 * const char *names[1] = {"timeout"};
 * rpyc_value *values[1] = {rpyc_int(5)};
 * rpyc_value *keywords = NULL;
 * if (!rpyc_value_new_keywords(names, values, 1, &keywords, &error)) // open(timeout=5)
 *     rpyc_object_call_method(object, "open", NULL, 0, keywords, &value, &error);
 * rpyc_value_free(value);
 * @endcode
 *
 * @param names      copied, each NUL-terminated UTF-8; may be NULL for none
 * @param values     each value consumed, also on failure: values[i] belongs to names[i]; may be
 *                   NULL for none
 * @param count      number of names, and of values
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for a name or a value), RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT
 *         (impossible count, or a duplicate name), RPYC_ERR_LIMIT (nested more than 1000 levels
 *         deep), RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_keywords(const char *const *names,
                                    rpyc_value *const *values,
                                    size_t count,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Makes a value that refers to an object. An object is passed by reference.
 *
 * @param object     borrowed; the caller still frees it
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_object(const rpyc_object *object,
                                  rpyc_value **value_out,
                                  rpyc_error **error_out);

/**
 * Gets a bool from a value.
 *
 * @param value      borrowed; a bool
 * @param out        the bool
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_bool(const rpyc_value *value, bool *out, rpyc_error **error_out);

/**
 * Gets an int or a bool from a value as an int64_t.
 *
 * @param value      borrowed; an int or bool
 * @param out        the number
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind), RPYC_ERR_RANGE (does not fit)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_int(const rpyc_value *value, int64_t *out, rpyc_error **error_out);

/**
 * Gets an int that is not negative, or a bool, from a value as a uint64_t.
 *
 * @param value      borrowed; an int or bool
 * @param out        the number
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind), RPYC_ERR_RANGE (does not fit)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_uint(const rpyc_value *value, uint64_t *out, rpyc_error **error_out);

/**
 * Gets an int of any size, or a bool, from a value as decimal digits.
 *
 * @param value      borrowed; an int or bool
 * @param text_out   owned, free with rpyc_value_free(): a str
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_int_text(const rpyc_value *value,
                                    rpyc_value **text_out,
                                    rpyc_error **error_out);

/**
 * Gets an int of any size, or a bool, from a value in two's complement, least significant byte
 * first, with the fewest bytes.
 *
 * @param value      borrowed; an int or bool
 * @param bytes_out  owned, free with rpyc_value_free(): a bytes value of at least one byte
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_int_bytes(const rpyc_value *value,
                                     rpyc_value **bytes_out,
                                     rpyc_error **error_out);

/**
 * Gets a float, int or bool from a value as a double. An int is rounded to the nearest double, as
 * by Python's float().
 *
 * @param value      borrowed; a float, int or bool
 * @param out        the number
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind), RPYC_ERR_RANGE (an int beyond the
 *         range of double)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_float(const rpyc_value *value,
                                 double *out,
                                 rpyc_error **error_out);

/**
 * Gets a complex, float, int or bool from a value as two doubles. The imaginary part is 0 unless
 * the value is a complex.
 *
 * @param value          borrowed; a complex, float, int or bool
 * @param real_out       the real part
 * @param imaginary_out  the imaginary part
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind), RPYC_ERR_RANGE (an int beyond the
 *         range of double)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_complex(const rpyc_value *value,
                                   double *real_out,
                                   double *imaginary_out,
                                   rpyc_error **error_out);

/**
 * Gets the content of a str.
 *
 * @code{.c}
 * const char *text = NULL;
 * size_t size = 0;
 * if (!rpyc_value_get_str(value, &text, &size, &error))
 *     printf("%.*s\n", (int)size, text);
 * @endcode
 *
 * @param value       borrowed; a str
 * @param text_out    borrowed until this handle of the value is freed; UTF-8, not NUL-terminated,
 *                    may contain NUL
 * @param length_out  length in bytes
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_str(const rpyc_value *value,
                               const char **text_out,
                               size_t *length_out,
                               rpyc_error **error_out);

/**
 * Gets the content of a bytes value.
 *
 * Numbers in received bytes can be read in place. Received bytes of 64 KiB or more are aligned to
 * 64 bytes, and shorter ones to 8 bytes. As an exception, bytes of length 30 or less whose length
 * is not a multiple of 8 are stored in the value itself, aligned to 4 or 2 bytes if the length is a
 * multiple of that. Bytes that this process made have the alignment with which they were made.
 *
 * @param value       borrowed; a bytes value
 * @param data_out    borrowed until this handle of the value is freed
 * @param length_out  length in bytes
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_bytes(const rpyc_value *value,
                                 const uint8_t **data_out,
                                 size_t *length_out,
                                 rpyc_error **error_out);

/**
 * Gets the object that a value refers to.
 *
 * @param value       borrowed; an object
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_object(const rpyc_value *value,
                                  rpyc_object **object_out,
                                  rpyc_error **error_out);

/**
 * Returns the number of elements in a value: items of a tuple, list, frozenset, dict or array, the
 * 3 parts of a slice, or bytes of a str or bytes value.
 *
 * @param value  borrowed; may be NULL
 * @return the number; 0 for NULL and for other kinds
 *
 * Threads: any. Since: 0.1.
 */
size_t rpyc_value_count(const rpyc_value *value);

/**
 * Gets an item of a tuple, list or frozenset, one of start, stop and step of a slice, or the value
 * of one pair of a dict.
 *
 * The numbers of an array are not values; rpyc_value_get_array() gets them.
 *
 * @code{.c}
 * for (size_t at = 0; at < rpyc_value_count(value); ++at) {
 *     int64_t number = 0;
 *     if (rpyc_value_get_int(rpyc_value_item(value, at), &number, &error))
 *         break;
 *     printf("%d\n", (int)number);
 * }
 * @endcode
 *
 * @param value  borrowed; may be NULL
 * @param index  from 0 to rpyc_value_count() - 1
 * @return borrowed until this handle of the value is freed; NULL past the end, for NULL and for
 *         other kinds
 *
 * Threads: any. Since: 0.1.
 */
const rpyc_value *rpyc_value_item(const rpyc_value *value,
                                  size_t index);

/**
 * Gets the key of one pair of a dict. The order of the pairs is unspecified.
 *
 * @code{.c}
 * for (size_t at = 0; at < rpyc_value_count(value); ++at) {
 *     rpyc_value *key = rpyc_value_repr(rpyc_value_key(value, at));
 *     const char *text = NULL;
 *     size_t size = 0;
 *     if (!rpyc_value_get_str(key, &text, &size, NULL))
 *         printf("%.*s\n", (int)size, text);
 *     rpyc_value_free(key);
 * }
 * @endcode
 *
 * @param value  borrowed; may be NULL
 * @param index  from 0 to rpyc_value_count() - 1
 * @return borrowed until this handle of the value is freed; NULL past the end, for NULL and for
 *         other kinds
 *
 * Threads: any. Since: 0.1.
 */
const rpyc_value *rpyc_value_key(const rpyc_value *value,
                                 size_t index);

/**
 * Gets the value of a dict for a str key. The search is linear.
 *
 * @param value  borrowed; may be NULL
 * @param key    copied, NUL-terminated UTF-8; may be NULL
 * @return borrowed until this handle of the value is freed; NULL if there is no such key, for NULL
 *         and for other kinds
 *
 * Threads: any. Since: 0.1.
 */
const rpyc_value *rpyc_value_lookup(const rpyc_value *value,
                                    const char *key);

/**
 * Returns whether two values are equal, without a request to a peer.
 *
 * Plain data is compared as by Python's ==, so 1, 1.0 and True are equal. Objects are equal if they
 * are the same object.
 *
 * @param left   borrowed; may be NULL
 * @param right  borrowed; may be NULL
 * @return whether the values are equal; false if one is NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_value_equal(const rpyc_value *left,
                      const rpyc_value *right);

/**
 * Returns whether a value is a str with a given content.
 *
 * @param value  borrowed; may be NULL
 * @param text   copied, NUL-terminated UTF-8; may be NULL
 * @return whether it is; false for NULL and for other kinds
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_value_str_equal(const rpyc_value *value, const char *text);

/**
 * Formats a value as Python's repr() does, without a request to a peer.
 *
 * An object is shown by the name of its type, with control characters escaped. rpyc_object_repr()
 * asks the object itself.
 *
 * @param value  borrowed; may be NULL
 * @return owned, free with rpyc_value_free(): a str; NULL for NULL
 *
 * Threads: any. Since: 0.1.
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

/** Type of the numbers in an array, one of RPYC_ARRAY_... */
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
 * Makes an array with a copy of numbers. It is a snapshot.
 *
 * It is passed by value between librpyc peers that agreed on native values. Any other peer gets a
 * reference to a sequence that the library keeps for it, whose type is named array.array.
 *
 * @param type       one of RPYC_ARRAY_...
 * @param data       copied; may be NULL if the count is 0
 * @param count      number of elements, not of bytes
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (unknown type, or impossible count),
 *         RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_array(rpyc_array_type_id type,
                                 const void *data,
                                 size_t count,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Makes an array from numbers in memory of the application, without a copy. They are sent from that
 * memory.
 *
 * The numbers must not change until the destructor runs. The destructor runs when the value, its
 * clones and all values that contain it have been freed and sent. Numbers whose address is not a
 * multiple of their size are copied, and the destructor runs at once.
 *
 * @code{.c}
 * const rpyc_array_type_id type = RPYC_ARRAY_DOUBLE;
 * double *samples = calloc(1000, sizeof *samples);
 * if (!rpyc_value_new_array_owned(type, samples, 1000, samples, free, &value, &error))
 *     rpyc_value_free(value); // frees samples
 * @endcode
 *
 * @param type           one of RPYC_ARRAY_...
 * @param data           borrowed until the destructor runs; may be NULL if the count is 0
 * @param count          number of elements, not of bytes
 * @param userdata       consumed, also on failure; passed to the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, on any thread, also on failure;
 *                       may be NULL
 * @param value_out      owned, free with rpyc_value_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (unknown type, or impossible count),
 *         RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_array_owned(rpyc_array_type_id type,
                                       const void *data,
                                       size_t count,
                                       void *userdata,
                                       rpyc_free_fn userdata_free,
                                       rpyc_value **value_out,
                                       rpyc_error **error_out);

/**
 * Gets the numbers of an array. They are in the byte order of this machine, at an address that is a
 * multiple of their size.
 *
 * @param value      borrowed; an array
 * @param type_out   one of RPYC_ARRAY_...
 * @param data_out   borrowed until this handle of the value is freed; never NULL on success
 * @param count_out  number of elements, not of bytes
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
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
 * Fields of a date, a time or a datetime, with Python's names. The layout of this struct never
 * changes.
 *
 * A member that is not set is 0: {2026, 11, 30} is a day, and as a datetime it is naive and at
 * midnight.
 */
typedef struct rpyc_datetime {
    /** 1 to 9999 */
    int32_t year;
    /** 1 to 12 */
    int32_t month;
    /** 1 to the length of the month */
    int32_t day;
    /** 0 to 23 */
    int32_t hour;
    /** 0 to 59 */
    int32_t minute;
    /** 0 to 59; Python has no leap seconds */
    int32_t second;
    /** 0 to 999999 */
    int32_t microsecond;
    /**
     * 1 for the second occurrence of an ambiguous time, as in the night in which summer time ends;
     * otherwise 0
     */
    int32_t fold;
    /**
     * Whether the offset from UTC is known ("aware" in Python's terms). Otherwise the time is
     * naive.
     */
    bool aware;
    /**
     * Offset from UTC in microseconds: positive east of Greenwich, less than a day. Ignored if the
     * time is naive.
     */
    int64_t utcoffset;
} rpyc_datetime;

/**
 * Makes a date, Python's datetime.date.
 *
 * @param year       1 to 9999
 * @param month      1 to 12
 * @param day        1 to the length of the month
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (no such day)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_date(int32_t year,
                                int32_t month,
                                int32_t day,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * Makes a time of day, Python's datetime.time.
 *
 * @param time       copied; year, month and day are ignored
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (a field out of range)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_time(const rpyc_datetime *time,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * Makes a date with a time of day, Python's datetime.datetime.
 *
 * @param datetime   copied
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (a field out of range)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_datetime(const rpyc_datetime *datetime,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Makes a datetime in UTC, Python's datetime.fromtimestamp(microseconds / 1e6, timezone.utc).
 *
 * @param microseconds  microseconds since the beginning of 1970 in UTC; negative before it
 * @param value_out     owned, free with rpyc_value_free()
 * @param error_out     owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (not in the years 1 to 9999)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_timestamp(int64_t microseconds,
                                     rpyc_value **value_out,
                                     rpyc_error **error_out);

/**
 * Makes a duration, Python's datetime.timedelta(days, seconds, microseconds).
 *
 * Each argument may have any size and sign. The result is normalized as in Python.
 *
 * @param days          days
 * @param seconds       seconds
 * @param microseconds  microseconds
 * @param value_out     owned, free with rpyc_value_free()
 * @param error_out     owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (more than 999999999 days)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_timedelta(int64_t days,
                                     int64_t seconds,
                                     int64_t microseconds,
                                     rpyc_value **value_out,
                                     rpyc_error **error_out);

/**
 * Makes a timezone with a fixed offset, Python's datetime.timezone.
 *
 * @param utcoffset  offset from UTC in microseconds, less than a day; 0 for timezone.utc
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_RANGE (a day or more)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_new_timezone(int64_t utcoffset,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Gets the fields of a date, time or datetime. Fields that the kind does not have are 0;
 * rpyc_value_kind() returns the kind.
 *
 * @code{.c}
 * rpyc_datetime at;
 * if (!rpyc_value_get_datetime(value, &at, &error))
 *     printf("%04d-%02d-%02d\n", (int)at.year, (int)at.month, (int)at.day);
 * @endcode
 *
 * @param value         borrowed; a date, time or datetime
 * @param datetime_out  the fields
 * @param error_out     owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_datetime(const rpyc_value *value,
                                    rpyc_datetime *datetime_out,
                                    rpyc_error **error_out);

/**
 * Gets the point in time of a datetime as a number. A naive datetime is taken as UTC.
 *
 * @param value             borrowed; a datetime
 * @param microseconds_out  microseconds since the beginning of 1970 in UTC; negative before it
 * @param error_out         owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_get_timestamp(const rpyc_value *value,
                                     int64_t *microseconds_out,
                                     rpyc_error **error_out);

/**
 * Gets the parts of a timedelta, normalized as in Python, or of the offset of a timezone.
 *
 * @param value             borrowed; a timedelta or a timezone
 * @param days_out          days, -999999999 to 999999999
 * @param seconds_out       seconds, 0 to 86399
 * @param microseconds_out  microseconds, 0 to 999999
 * @param error_out         owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (another kind)
 *
 * Threads: any. Since: 0.1.
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
 * Time limit of a conversion: that of a synchronous request. It is the option sync_request_timeout,
 * or a limit set with rpyc_timeout_begin(), which may be shorter or longer.
 */
#define RPYC_TIMEOUT_DEFAULT -2

/**
 * Converts a value to a bool, int, float, str, bytes, date or time, as CPython's own functions do.
 *
 * Plain data is converted in this process. An object is asked. For a peer's object, RPyC's default
 * rules are sufficient.
 *
 * - RPYC_VALUE_INT: an int is unchanged. A bool becomes 0 or 1. An object gives the result of its
 *   `__index__` (numpy.int64, IntEnum). A float is never converted to an int.
 * - RPYC_VALUE_FLOAT: a float is unchanged. An int is rounded. An object gives the result of its
 *   `__float__`, otherwise of its `__index__` (numpy.float32, Decimal, Fraction).
 * - RPYC_VALUE_BOOL: the result of Python's bool() for any value. An object gives the result of its
 *   `__bool__`, otherwise of its `__len__`.
 * - RPYC_VALUE_STR and RPYC_VALUE_BYTES: an instance of a subclass (class Color(str, Enum)), which
 *   is recognized by its methods, is copied as by [:], never by str().
 * - RPYC_VALUE_DATE, RPYC_VALUE_TIME, RPYC_VALUE_DATETIME, RPYC_VALUE_TIMEDELTA: an object of
 *   exactly that type of Python's module datetime is copied, by its str(). DATETIME also accepts a
 *   Timestamp of pandas, without its nanoseconds. The offset from UTC is kept, the name of a
 *   timezone is not. fold is kept if the time is naive. A naive time costs two requests.
 *
 * Anything else is RPYC_ERR_TYPE. A number costs one request, a str two.
 *
 * @code{.c}
 * static rpyc_status get_price(rpyc_object *order, double *out, rpyc_error **error_out)
 * {
 *     rpyc_value *price = NULL, *number = NULL;
 *     rpyc_status status = rpyc_object_get_attr(order, "price", &price, error_out); // a Decimal
 *
 *     if (!status)
 *         status = rpyc_value_convert(price, RPYC_VALUE_FLOAT, 1000, &number, error_out);
 *     if (!status)
 *         status = rpyc_value_get_float(number, out, error_out);
 *     rpyc_value_free(number);
 *     rpyc_value_free(price);
 *     return status;
 * }
 * @endcode
 *
 * @param value       borrowed
 * @param kind        RPYC_VALUE_BOOL, RPYC_VALUE_INT, RPYC_VALUE_FLOAT, RPYC_VALUE_STR,
 *                    RPYC_VALUE_BYTES, RPYC_VALUE_DATE, RPYC_VALUE_TIME, RPYC_VALUE_DATETIME or
 *                    RPYC_VALUE_TIMEDELTA
 * @param timeout_ms  time limit for the peer in milliseconds; -1 for no limit; or
 *                    RPYC_TIMEOUT_DEFAULT
 * @param value_out   owned, free with rpyc_value_free(): a value of that kind
 * @param error_out   owned, free with rpyc_error_free(); may be NULL; receives an exception that
 *                    the object raises
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (another kind), RPYC_ERR_TYPE (cannot be
 *         converted to that kind), RPYC_ERR_RANGE (an int beyond the range of double),
 *         RPYC_ERR_STATE (an object of a session), request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_convert(const rpyc_value *value,
                               rpyc_value_kind_id kind,
                               int64_t timeout_ms,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Converts several values as rpyc_value_convert() does, with one burst of requests for all of them.
 * It takes about as long as the conversion of one.
 *
 * @code{.c}
 * const rpyc_value *values[2] = {rpyc_value_item(value, 0), rpyc_value_item(value, 1)};
 * const rpyc_value_kind_id kinds[2] = {RPYC_VALUE_FLOAT, RPYC_VALUE_STR};
 * rpyc_value *converted[2];
 * size_t failed = 0;
 * if (rpyc_value_convert_all(values, kinds, 2, 1000, converted, &failed, &error))
 *     fprintf(stderr, "item %zu: %s\n", failed, rpyc_error_describe(error));
 * rpyc_value_free(converted[0]); // NULL on failure
 * rpyc_value_free(converted[1]);
 * @endcode
 *
 * @param values      borrowed; count values, none NULL; may be NULL if count is 0
 * @param kinds       copied: the kind to convert each value to; may be NULL if count is 0
 * @param count       number of values
 * @param timeout_ms  time limit for the peer in milliseconds; -1 for no limit; or
 *                    RPYC_TIMEOUT_DEFAULT
 * @param values_out  owned, free each with rpyc_value_free(): count values; all NULL on failure
 * @param failed_out  index of the value that cannot be converted, if the status is about one value;
 *                    otherwise count; may be NULL
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_value_convert
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_value_convert_all(const rpyc_value *const *values,
                                   const rpyc_value_kind_id *kinds,
                                   size_t count,
                                   int64_t timeout_ms,
                                   rpyc_value **values_out,
                                   size_t *failed_out,
                                   rpyc_error **error_out);

/**
 * Converts several values as rpyc_value_convert_all() does, without waiting. All remote objects
 * among them must belong to one connection.
 *
 * @param values      borrowed; count values, none NULL; may be NULL if count is 0
 * @param kinds       copied: the kind to convert each value to; may be NULL if count is 0
 * @param count       number of values
 * @param timeout_ms  time in milliseconds after which the result expires; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free(); its value is a tuple of the
 *                    converted values
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (another kind, or objects of several
 *         connections), RPYC_ERR_STATE (an object of a session), connection errors
 *
 * Threads: any; never waits for the peer. Since: 0.1.
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
 * Makes a configuration with the defaults of rpyc 6.0.2.
 *
 * A function that takes a configuration uses the same defaults if it gets NULL.
 *
 * @return owned, free with rpyc_config_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_config *rpyc_config_new(void);

/**
 * Copies a configuration. The copy can be changed independently.
 *
 * @param config  borrowed; may be NULL
 * @return owned, free with rpyc_config_free(); NULL for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_config *rpyc_config_clone(const rpyc_config *config);

/**
 * Frees a configuration. Connections and servers that were made with it keep their copy.
 *
 * @param config  consumed; NULL does nothing
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
void rpyc_config_free(rpyc_config *config);

/**
 * Sets an option from a string, as a settings file or a binding has it.
 *
 * Flags are "true" or "false". Times are in seconds, such as "0.5", or "none" for no limit. Names
 * in a list are separated by spaces or commas. RPyC's options logger, credentials, endpoints and
 * before_closed are not strings and have functions of their own.
 *
 * @code{.c}
 * rpyc_config *config = rpyc_config_new();
 * if (rpyc_config_set(config, "sync_request_timeout", "2.5", &error) ||
 *     rpyc_config_set(config, "exposed_prefix", "public_", &error))
 *     fprintf(stderr, "%s\n", rpyc_error_describe(error));
 * rpyc_config_free(config);
 * @endcode
 *
 * The options and their defaults follow. Those of the first group are RPyC's own:
 *
 * - allow_safe_attrs=true: peers may access the names in safe_attrs
 * - allow_exposed_attrs=true: peers may access names that begin with exposed_prefix
 * - allow_public_attrs=false: peers may access names that do not begin with "_"
 * - allow_all_attrs=false: peers may access every name
 * - safe_attrs: names of special methods, 80 by default
 * - exposed_prefix=exposed_: prefix that is put before a name that a peer requests
 * - allow_getattr=true: peers may read attributes
 * - allow_setattr=false: peers may set attributes
 * - allow_delattr=false: peers may delete attributes
 * - allow_pickle=false: objects that are plain data (lists, dicts) reply to a peer's obtain() with
 *   a pickle. No pickle is ever run
 * - include_local_traceback=true: exceptions are sent with a traceback
 * - include_local_version=true: exceptions are sent with the version
 * - sync_request_timeout=30: time limit for the reply to a request
 * - instantiate_custom_exceptions=false: exceptions of registered types have their code, see
 *   rpyc_config_register_exception
 * - import_custom_exceptions=false: the resolver is called for other types, see
 *   rpyc_config_set_exception_resolver
 * - instantiate_oldstyle_exceptions=false: accepted and ignored, as with Python 3
 * - propagate_SystemExit_locally=false: a callback's SystemExit ends the connection with
 *   RPYC_ERR_EXIT and is not sent
 * - propagate_SystemExit=true: the older name, with the opposite meaning
 * - propagate_KeyboardInterrupt_locally=true: a callback's KeyboardInterrupt ends the connection
 *   with RPYC_ERR_INTERRUPTED and is not sent
 * - log_exceptions=true: exceptions that are sent to a peer are logged at RPYC_LOG_DEBUG
 * - debug=false: each message is logged at RPYC_LOG_DEBUG
 * - close_catchall=false: closing a connection does not report a failure of before_closed
 * - bind_threads=false: requests of a peer's thread are served by the thread that waits for that
 *   thread
 * - compress=true: frames above compression_threshold are compressed
 * - remote_version: version that is sent with exceptions, as _remote_version. Empty: that of the
 *   dialect and of librpyc. Stock RPyC compares the part before the first dot with its own version,
 *   and warns
 * - connid: name of the connection
 *
 * - close_timeout=5: time limit for the peer when a connection is closed; not "none"
 * - connect_timeout=10: time limit for connecting
 * - connect_retry=none: total time for which rpyc_connect repeats an attempt that failed because
 *   the server is not there or does not reply, with pauses from 0.05 to 5 seconds. connect_timeout
 *   limits each attempt
 * - tls_ca: a PEM file of certificate authorities for tls://. Clients verify servers with it,
 *   servers verify clients
 * - tls_ca_pem: the same as a string
 * - tls_system_roots=false: the authorities of the system are trusted too, from
 *   /etc/ssl/certs/ca-certificates.crt and the places of other systems
 * - tls_pin: the SHA-256 of the server's certificate in hexadecimal, or several. Such a certificate
 *   is trusted whatever its names, times and signer are, and no other is. For self-signed
 *   certificates
 * - tls_server_name: the name that the server's certificate must have; empty for the host of the
 *   address
 * - tls_cert: a PEM file with this side's certificate, followed by those between it and the
 *   authority; required for servers
 * - tls_key: a PEM file with its private key: PKCS#8, PKCS#1 or SEC1, not encrypted
 * - tls_client_certs=none: for servers. optional: a certificate that a client sends is verified;
 *   required: clients that send none are rejected
 * - tls_min_version=1.2: 1.2 or 1.3
 * - tls_insecure_no_verification=false: every server is accepted: whoever is between the peers can
 *   read and change everything
 * - tcp_keepalive=none: after this time without input, in whole seconds, the kernel probes the
 *   peer. The connection ends after five such times without a reply
 * - frame_timeout=30: time limit for progress of a message that has begun, to its end or by 16384
 *   bytes, after which the connection ends. It includes a message larger than max_frame, which is
 *   discarded
 * - handshake_timeout=10: the same until the first message of the peer has arrived
 * - first_message_timeout=none: time limit for the first complete message of the peer, after which
 *   the connection ends. Stock clients send nothing until they are used
 * - idle_timeout=none: time without input from the peer after which the connection ends, while no
 *   request waits for its reply in either direction, or while the peer does not accept output
 * - heartbeat=none: time without input from the peer after which a PING is sent, while no request
 *   waits for its reply in either direction, by the thread that serves the connection or by its
 *   event loop. Only for peers that serve: others do not reply
 * - heartbeat_timeout=10: time without input after the PING of heartbeat, after which the
 *   connection ends; not "none"
 * - max_connections=0: of a server: as rpyc_server_set_max_connections
 * - max_connections_per_address=0: of a server: limit of connections from one IPv4 address or one
 *   /64 of IPv6; more are closed at once. 0: no limit. Unix sockets have no addresses
 * - make_room=true: of a server: at the limit of rpyc_server_set_max_connections the oldest
 *   connection that has sent no message is closed for a new one. If there is none, or with "false",
 *   the new one is closed
 * - reuse_port=false: of a server on tcp: other sockets of the same user can listen at the address
 *   too, and the kernel divides new connections among them (SO_REUSEPORT). When one of them is
 *   closed, connections that it has not accepted are reset; pass on a socket to restart without
 *   that
 * - pool_threads=0: of a server: threads that serve all connections together; "auto" is one for
 *   each processor, at least 4. 0: each connection has a thread of its own. Not with bind_threads
 * - release=lazy: the peer is told of freed objects after the next message, within 100 ms if a
 *   thread serves or an event loop runs, or by rpyc_connection_flush. now: at once, as far as the
 *   transport accepts it without blocking
 * - dialect=auto: "5": rpyc 4.1 to 5.3. "6": rpyc 6. auto: that of the peer (see rpyc_connect)
 * - native=accept: lists, dicts and arrays are passed by value between two librpyc peers. "on": the
 *   peer is asked before the first request. accept: if the peer asks. "off": never. A Python peer
 *   notices nothing
 * - compression_threshold=3000: size of a frame in bytes
 * - compression_level=1: 0 to 9
 * - spin_us=0: time in microseconds for which a thread polls for input before it sleeps
 * - interruptible=false: rpyc_connection_interrupt ends waits at once, whichever thread calls it.
 *   This costs a system call for each receive
 * - max_depth=128: levels of nesting in a value
 * - max_digits=4300: digits of an int
 * - max_items=16777216: items of all tuples and sets in one message
 * - max_memory=536870912: bytes of memory for the values of one message
 * - max_bytes=268435456: bytes of one str or bytes value
 * - max_frame=268435456: bytes of one message as it is received
 * - max_inflated=268435456: bytes of one message after decompression
 * - max_exports=16777216: objects of this process that the peer references
 * - max_imports=16777216: objects of the peer that this process references
 * - max_pending=1048576: requests of this side that wait for a reply
 * - max_serving=256: requests of the peer that are being served
 * - max_buffered=67108864: bytes that wait to be decoded or sent
 * - max_queued=1048576: bytes that wait to be sent on a connection of an event loop before it
 *   accepts no more
 * - max_total_memory=0: bytes of memory for all connections of a server, or for all connections
 *   that are made with one configuration: what is received, decompressed, waiting to be sent, and
 *   held for peers. A single connection uses at most half of it. 0: no limit
 * - profile=auto: limits that are not set individually. trusted: as above. untrusted: max_frame and
 *   max_inflated 67108864, max_memory 268435456, max_exports 65536, max_total_memory 1073741824.
 *   auto: untrusted for servers on tcp, otherwise trusted
 *
 * @param config     borrowed
 * @param name       copied, NUL-terminated: the name of the option
 * @param text       copied, NUL-terminated UTF-8: the new value
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown name, or invalid value)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set(rpyc_config *config,
                            const char *name,
                            const char *text,
                            rpyc_error **error_out);

/**
 * Gets an option as a string that rpyc_config_set() accepts for its current value.
 *
 * @param config     borrowed
 * @param name       copied, NUL-terminated: the name of the option
 * @param text_out   owned, free with rpyc_value_free(): a str
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown name)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_get(const rpyc_config *config,
                            const char *name,
                            rpyc_value **text_out,
                            rpyc_error **error_out);

/**
 * Sets an option that is a flag. rpyc_config_set() lists the options.
 *
 * @param config     borrowed
 * @param name       copied, NUL-terminated: the name of the option
 * @param value      0 for false, anything else for true
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown name, or not a flag)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_bool(rpyc_config *config,
                                 const char *name,
                                 int32_t value,
                                 rpyc_error **error_out);

/**
 * Sets an option that is a number, or a time in whole seconds. rpyc_config_set() lists the options.
 *
 * @param config     borrowed
 * @param name       copied, NUL-terminated: the name of the option
 * @param value      the new value
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown name, or invalid value)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_int(rpyc_config *config,
                                const char *name,
                                int64_t value,
                                rpyc_error **error_out);

/**
 * Runs before the application closes a connection. The connection and the peer's root are borrowed
 * for the call, and can still be used.
 *
 * It returns RPYC_OK or the status of what failed. RPYC_ERR_EOF, RPYC_ERR_CLOSED, RPYC_ERR_STALE
 * and RPYC_ERR_TIMEOUT are ignored: the peer has gone or does not reply. rpyc_connection_close()
 * returns any other status, unless close_catchall is on. The connection is closed in any case.
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

/** Result of a transport callback: bytes were read or written; *count_out is their number. */
#define RPYC_TRANSPORT_OK 0

/** Result of a transport callback: cannot continue until more data has arrived. */
#define RPYC_TRANSPORT_WANT_READ 1

/** Result of a transport callback: cannot continue until the stream accepts more data. */
#define RPYC_TRANSPORT_WANT_WRITE 2

/** Result of a transport callback: the peer has ended the stream. */
#define RPYC_TRANSPORT_END 3

/** Result of a transport callback: the stream is broken; error_text gets the reason. */
#define RPYC_TRANSPORT_FAILED 4

/**
 * A transport of the application, for example TLS of another library, a serial line or a socket of
 * a hypervisor. rpyc_transport_new() copies all of it. New members are only ever appended.
 *
 * read, write and error_text never run at the same time for one transport. wait, wake and shutdown
 * may run at the same time as these and as each other, on any threads. The library can hold its
 * lock of the connection while read and write run: they must not call functions of the library for
 * that connection or its objects, which would deadlock. They may use other connections, values and
 * errors. No lock is held while wait, wake, shutdown and the destructor run. After fork(), only the
 * destructor runs in the child. All callbacks must return: no longjmp, no C++ exception.
 */
typedef struct rpyc_transport_table {
    /** sizeof(rpyc_transport_table) */
    size_t struct_size;
    /**
     * Name of the peer, for messages, endpoints and max_connections_per_address (which requires
     * "tcp://IP:PORT"). NULL for "application".
     */
    const char *peer_name;
    /** Name of this side, for the same purposes. NULL for "application". */
    const char *local_name;
    /**
     * Reads at most size bytes without blocking; size is not 0. Returns RPYC_TRANSPORT_...;
     * *count_out is 0 at first. It is not called again after RPYC_TRANSPORT_END or
     * RPYC_TRANSPORT_FAILED. Not NULL.
     */
    int32_t (*read)(void *userdata, void *buffer, size_t size, size_t *count_out);
    /**
     * Writes at most size bytes without blocking and without SIGPIPE; size is not 0. Returns
     * RPYC_TRANSPORT_..., as read does. After RPYC_TRANSPORT_WANT_... it is called with the same
     * bytes again, at another address, and possibly with more bytes after them (for OpenSSL:
     * SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER). Not NULL.
     */
    int32_t (*write)(void *userdata, const void *data, size_t size, size_t *count_out);
    /**
     * Ends the stream in both directions: wait returns, read returns RPYC_TRANSPORT_END, write
     * fails. It is called at most once, before the destructor. NULL for no call; the peer then sees
     * the end when the destructor closes the stream.
     */
    void (*shutdown)(void *userdata);
    /**
     * Returns the reason why the last read or write of this thread failed; borrowed until the next
     * one. NULL, or a NULL result, for no reason.
     */
    const char *(*error_text)(void *userdata);
    /**
     * Returns the descriptor for the library to poll: readable when read can continue, writable
     * when write can continue. It is called once, in rpyc_transport_new(). The descriptor stays
     * open until the destructor runs. NULL, or a negative result, for no descriptor; then wait is
     * required.
     */
    int32_t (*fileno)(void *userdata);
    /**
     * Waits at most timeout_ms milliseconds (0 to 1000) for one of events (RPYC_WAIT_READ,
     * RPYC_WAIT_WRITE or both) and returns those that occurred; 0 for none. A negative result
     * breaks the stream. Several threads may call it at the same time. NULL to poll the descriptor.
     */
    int32_t (*wait)(void *userdata, int32_t events, int64_t timeout_ms);
    /**
     * Makes all current waits return early, or the next one if there is none. NULL if waits end by
     * themselves, within a second.
     */
    void (*wake)(void *userdata);
} rpyc_transport_table;

/**
 * Opens a transport to an address.
 *
 * Forms of an address:
 *
 * - "tcp://HOST:PORT", or "tcp://[::1]:PORT" for IPv6; without a host, loopback
 * - "tls://HOST:PORT": TLS over TCP; the server is verified as the options tls_... of
 *   rpyc_config_set() say
 * - "unix:///PATH"
 * - "shm:///PATH": shared memory between two processes of one user, over a Unix socket at that path
 * - "fd:R,W": open descriptors, which are consumed
 * - "stdio:": the descriptors 0 and 1, which are consumed
 * - "exec:COMMAND": a child process, run by the shell; its standard input and output are the stream
 *
 * With "shm:", two processes that both use this library hand each other 16 KiB of memory each over
 * the socket. Small messages then pass through the memory; large ones, and all of an event loop,
 * through the socket. Any other peer gets a Unix socket, and so does every peer if the system
 * denies the memory, which is logged (RPYC_LOG_INFO). Either side may use "unix:///PATH" instead.
 *
 * With "stdio:" the transport uses private copies of the descriptors 0 and 1. From then on 0 is
 * /dev/null and 1 is standard error, for the application and its children. That remains so after
 * the connection, and a second "stdio:" fails with RPYC_ERR_ADDRESS. If standard error is closed or
 * is the same stream, 1 (and then 2) is /dev/null. Call fflush(stdout) before: bytes still buffered
 * by stdio are written to standard error later. "fd:" does the same for 0, 1 and 2.
 *
 * @param address        copied; NUL-terminated
 * @param config         copied; its connect_timeout applies; NULL for the defaults
 * @param transport_out  owned, free with rpyc_transport_free() or pass to rpyc_connection_new()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_IO,
 *         RPYC_ERR_ARGUMENT (an option of TLS), RPYC_ERR_UNSUPPORTED (built without TLS)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_transport_connect(const char *address,
                                   const rpyc_config *config,
                                   rpyc_transport **transport_out,
                                   rpyc_error **error_out);

/**
 * Makes a transport of open descriptors: sockets or pipes. Both may be the same. Their flags are
 * not changed.
 *
 * @param read_fd        descriptor to receive from
 * @param write_fd       descriptor to send to
 * @param close_fds      1 if the descriptors are consumed on success; of 0, 1 and 2 the transport
 *                       makes copies, and then 0 and 2 are /dev/null and 1 is standard error. 0 if
 *                       they remain the caller's
 * @param transport_out  owned, free with rpyc_transport_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT, RPYC_ERR_ADDRESS (not open, or not a stream),
 *         RPYC_ERR_IO
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_transport_new_fd(int32_t read_fd,
                                  int32_t write_fd,
                                  int32_t close_fds,
                                  rpyc_transport **transport_out,
                                  rpyc_error **error_out);

/**
 * Makes two transports that are connected to each other in memory.
 *
 * @param left_out   owned, free with rpyc_transport_free()
 * @param right_out  owned, free with rpyc_transport_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_transport_new_pair(rpyc_transport **left_out,
                                    rpyc_transport **right_out,
                                    rpyc_error **error_out);

/**
 * Closes and frees a transport that was not passed to a connection.
 *
 * @param transport  consumed; NULL does nothing
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
void rpyc_transport_free(rpyc_transport *transport);

/**
 * Makes a transport of callbacks of the application. It is used like any other, for example with
 * rpyc_connection_new() or rpyc_server_add_transport().
 *
 * @param table          copied
 * @param userdata       consumed, also on failure; argument of the callbacks
 * @param userdata_free  destructor of userdata, which closes the stream; called exactly once, after
 *                       the last callback; may be NULL
 * @param transport_out  owned, free with rpyc_transport_free() or pass to a connection or server
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI, RPYC_ERR_ARGUMENT (neither a
 *         descriptor nor wait), RPYC_ERR_ADDRESS (the descriptor is not open), RPYC_ERR_IO (no
 *         descriptor available)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_transport_new(const rpyc_transport_table *table,
                               void *userdata,
                               rpyc_free_fn userdata_free,
                               rpyc_transport **transport_out,
                               rpyc_error **error_out);

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
 * Opens a transport for rpyc_connect_by(), which consumes it. Returns NULL on failure.
 *
 * timeout_ms limits the time to open it, in milliseconds; -1 for no limit.
 */
typedef rpyc_transport *(*rpyc_open_fn)(void *userdata, int64_t timeout_ms);

/**
 * Connects to an address: opens a transport and makes a connection over it.
 *
 * With the option dialect at "auto", the function fetches the peer's root to detect the peer's
 * dialect. If the server speaks the dialect of rpyc 4.1 to 5.3, the function connects a second
 * time. If the server sends nothing for a moment, the function asks in the other dialect on a
 * second connection. It keeps the connection that gets a reply, and the service sees only that one.
 * connect_timeout and sync_request_timeout limit both attempts together.
 *
 * The command of "exec:" is run only once. If it speaks the dialect of rpyc 4.1 to 5.3 and does not
 * send first, the result is RPYC_ERR_DIALECT: set the option to "5". The same holds for a server
 * that accepts only one connection. For "fd:" and "stdio:" the dialect is detected as in
 * rpyc_connection_new().
 *
 * @param address         copied; NUL-terminated, as for rpyc_transport_connect()
 * @param service         copied (a reference); the class of the root that the peer gets; NULL for
 *                        none
 * @param config          copied; NULL for the defaults, which are those of RPyC 6
 * @param connection_out  owned, free with rpyc_connection_free()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT,
 *         RPYC_ERR_AUTHENTICATION, RPYC_ERR_STATE (the create callback refused the connection),
 *         RPYC_ERR_ARGUMENT (an option of TLS), RPYC_ERR_UNSUPPORTED (built without TLS),
 *         connection errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connect(const char *address,
                         const rpyc_class *service,
                         const rpyc_config *config,
                         rpyc_connection **connection_out,
                         rpyc_error **error_out);

/**
 * Connects over transports that the application opens. Like rpyc_connect(), it detects the dialect
 * of the peer.
 *
 * open is called in this thread. For "tcp://" and "unix://" addresses it is called a second time if
 * the other dialect must be tried, see rpyc_connect().
 *
 * @param address         copied; as for rpyc_transport_connect(); the name of the peer in messages,
 *                        under which its dialect is remembered
 * @param open            opens the transports; not NULL
 * @param userdata        borrowed for the call; argument of open
 * @param service         copied (a reference); the class of the root that the peer gets; NULL for
 *                        none
 * @param config          copied; NULL for the defaults
 * @param connection_out  owned, free with rpyc_connection_free()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_IO
 *         (open returned NULL), RPYC_ERR_AUTHENTICATION, RPYC_ERR_STATE (the create callback
 *         refused the connection), connection errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connect_by(const char *address,
                            rpyc_open_fn open,
                            void *userdata,
                            const rpyc_class *service,
                            const rpyc_config *config,
                            rpyc_connection **connection_out,
                            rpyc_error **error_out);

/**
 * Makes a connection over a transport.
 *
 * The function sends nothing, unless the configuration has an authenticator: then it authenticates
 * the peer, as the connecting side, within connect_timeout. With the option dialect at "auto", the
 * peer's first message selects the dialect. If this side sends first, it uses the dialect of rpyc
 * 6.
 *
 * @code{.c}
 * rpyc_transport *transport = NULL;
 * if (!rpyc_transport_connect("exec:./worker", NULL, &transport, &error))
 *     rpyc_connection_new(transport, service, NULL, &connection, &error); // consumes transport
 * @endcode
 *
 * @param transport       consumed, also on failure
 * @param service         copied (a reference); the class of the root that the peer gets; NULL for
 *                        none
 * @param config          copied; NULL for the defaults
 * @param connection_out  owned, free with rpyc_connection_free()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TIMEOUT, RPYC_ERR_AUTHENTICATION, RPYC_ERR_STATE (the
 *         create callback refused the connection)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_new(rpyc_transport *transport,
                                const rpyc_class *service,
                                const rpyc_config *config,
                                rpyc_connection **connection_out,
                                rpyc_error **error_out);

/**
 * Gets another handle of the same connection. A clone of a handle that a callback borrowed does not
 * keep the connection open.
 *
 * @param connection  borrowed
 * @return owned, free with rpyc_connection_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_connection *rpyc_connection_clone(const rpyc_connection *connection);

/**
 * Frees a handle. Freeing the last handle ends the connection; the peer is told if that is possible
 * without blocking.
 *
 * @param connection  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_connection_free(rpyc_connection *connection);

/**
 * Closes a connection: tells the peer and waits, at most close_timeout, until the peer ends the
 * stream.
 *
 * Pending requests can get their reply meanwhile; otherwise they fail with RPYC_ERR_CLOSED. Objects
 * of the peer can no longer be used. Closing a closed connection does nothing. The callback set
 * with rpyc_config_set_before_closed() runs first.
 *
 * @param connection  borrowed
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED; the failure of the before_closed callback,
 *         unless close_catchall is on (the connection is closed in any case)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_close(rpyc_connection *connection,
                                  rpyc_error **error_out);

/**
 * Returns whether the connection has ended, on either side.
 *
 * @param connection  borrowed
 * @return true also for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_connection_closed(const rpyc_connection *connection);

/**
 * Gets the peer's root object. It is requested once per connection.
 *
 * @param connection  borrowed
 * @param root_out    owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the root is not an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_root(rpyc_connection *connection,
                                 rpyc_object **root_out,
                                 rpyc_error **error_out);

/**
 * Sends data to the peer and waits until the peer has returned it.
 *
 * @param connection  borrowed
 * @param data        copied; sent as bytes; NULL for a str of 520 letters, as RPyC's ping sends it
 * @param length      number of bytes in data
 * @param timeout_ms  milliseconds; -1 for no limit
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors; RPYC_ERR_MALFORMED also if other data came back
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_ping(rpyc_connection *connection,
                                 const void *data,
                                 size_t length,
                                 int64_t timeout_ms,
                                 rpyc_error **error_out);

/**
 * Changes an option of an existing connection, from the next message on.
 *
 * @param connection  borrowed
 * @param option      copied; NUL-terminated, as for rpyc_config_set()
 * @param text        copied; NUL-terminated; the new value of the option
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT, RPYC_ERR_STATE
 *         (this option cannot be changed after the connection has been made)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_set_option(rpyc_connection *connection,
                                       const char *option,
                                       const char *text,
                                       rpyc_error **error_out);

/**
 * Stores a pointer of the application in the connection and replaces the one stored before.
 *
 * The create callback of a service may call this function, so that the other callbacks find the
 * pointer. The data behind userdata must not contain a clone of this connection: each would keep
 * the other alive.
 *
 * @param connection     borrowed; a callback's argument is allowed
 * @param userdata       consumed, also on failure; the result of rpyc_connection_userdata() from
 *                       now on
 * @param userdata_free  destructor of userdata; called when userdata is replaced, or after
 *                       on_disconnect when the connection is no longer in use; may be NULL
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_set_userdata(rpyc_connection *connection,
                                         void *userdata,
                                         rpyc_free_fn userdata_free,
                                         rpyc_error **error_out);

/**
 * Gets the pointer set with rpyc_connection_set_userdata().
 *
 * @param connection  borrowed; a callback's argument is allowed
 * @return borrowed until another pointer is set or the connection is destroyed; NULL if none is
 *         set, and in a forked child
 *
 * Threads: any; before replacing the pointer, make sure that no other thread uses it. Since: 0.1.
 */
void *rpyc_connection_userdata(const rpyc_connection *connection);

/**
 * Gets the dialect of the connection.
 *
 * @param connection  borrowed
 * @return 6 for that of rpyc 6; 5 for that of rpyc 4.1 to 5.3; 0 if it is not known yet
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_connection_dialect(const rpyc_connection *connection);

/**
 * Returns whether lists, dicts and arrays are passed by value on this connection.
 *
 * That requires two librpyc peers, one with the option native at "on" and the other with "on" or
 * "accept". The peers agree before the first request is answered. Otherwise these values are passed
 * as references to objects that the library keeps.
 *
 * @param connection  borrowed; may be NULL
 * @return whether the peer agreed
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_connection_is_native(const rpyc_connection *connection);

/**
 * Gets the name of the peer: its address if it has one.
 *
 * @param connection  borrowed
 * @param text_out    owned, free with rpyc_value_free(); a str
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_peer_name(const rpyc_connection *connection,
                                      rpyc_value **text_out,
                                      rpyc_error **error_out);

/**
 * Gets the root object that this side offers to the peer.
 *
 * @param connection  borrowed
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection is still being
 *         made), RPYC_ERR_CLOSED (the connection is closed, and the last handle that kept it open
 *         has been freed)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_local_root(const rpyc_connection *connection,
                                       rpyc_object **object_out,
                                       rpyc_error **error_out);

/**
 * Gets an option of an existing connection, as a string that rpyc_connection_set_option() takes.
 *
 * @param connection  borrowed
 * @param option      copied; NUL-terminated, as for rpyc_config_set()
 * @param text_out    owned, free with rpyc_value_free(); a str
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown
 *         option)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_get_option(const rpyc_connection *connection,
                                       const char *option,
                                       rpyc_value **text_out,
                                       rpyc_error **error_out);

/**
 * Gets the credentials of the peer: those of the authenticator, see
 * rpyc_config_set_authenticator(), otherwise those set with rpyc_config_set_credentials(). If there
 * are neither and the peer has a verified TLS certificate, gets that certificate as bytes (DER).
 *
 * @param connection       borrowed; a callback's argument is allowed
 * @param credentials_out  owned, free with rpyc_value_free(); None if there are none
 * @param error_out        owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_credentials(const rpyc_connection *connection,
                                        rpyc_value **credentials_out,
                                        rpyc_error **error_out);

/**
 * Gets the addresses of both ends of a connection: for TCP "tcp://HOST:PORT" from getsockname() and
 * getpeername(), unless rpyc_config_set_endpoints() has set others.
 *
 * @param connection  borrowed; a callback's argument is allowed
 * @param local_out   owned, free with rpyc_value_free(); a str
 * @param peer_out    owned, free with rpyc_value_free(); a str
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_endpoints(const rpyc_connection *connection,
                                      rpyc_value **local_out,
                                      rpyc_value **peer_out,
                                      rpyc_error **error_out);

/**
 * Replaces the root object that the peer of this connection gets, from now on. Peers ask for the
 * root once, so call this function in create or on_connect. The service's hooks still get the
 * instance that was made for the connection.
 *
 * @param connection  borrowed; a callback's argument is allowed
 * @param root        copied (a reference); an object of this process
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_TYPE (an object of a peer; a restricted
 *         view of it is allowed)
 *
 * Threads: any. Since: 0.1.
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

/** Returns its argument. Arguments: data. */
#define RPYC_HANDLE_PING 1

/** Ends the connection. */
#define RPYC_HANDLE_CLOSE 2

/** Gets the root object. */
#define RPYC_HANDLE_GETROOT 3

/** Gets an attribute. Arguments: object, name. */
#define RPYC_HANDLE_GETATTR 4

/** Deletes an attribute. Arguments: object, name. */
#define RPYC_HANDLE_DELATTR 5

/** Sets an attribute. Arguments: object, name, value. */
#define RPYC_HANDLE_SETATTR 6

/** Calls an object. Arguments: object, arguments, keywords as a tuple of pairs. */
#define RPYC_HANDLE_CALL 7

/** Calls a method. Arguments: object, name, arguments, keywords as a tuple of pairs. */
#define RPYC_HANDLE_CALLATTR 8

/** Gets the repr of an object. */
#define RPYC_HANDLE_REPR 9

/** Gets the str of an object. */
#define RPYC_HANDLE_STR 10

/** Compares two objects. Arguments: object, other, name of the operator's method. */
#define RPYC_HANDLE_CMP 11

/** Gets the hash of an object. */
#define RPYC_HANDLE_HASH 12

/** Gets the names of an object's attributes. */
#define RPYC_HANDLE_DIR 13

/** Gets a pickle of an object. Arguments: object, protocol. */
#define RPYC_HANDLE_PICKLE 14

/**
 * Releases references to an object. Arguments: object, count. The library sends this request
 * itself.
 */
#define RPYC_HANDLE_DEL 15

/** Gets the methods of an object. Argument: the object's id. */
#define RPYC_HANDLE_INSPECT 16

/** Gets the next items of an iterator. Arguments: object, count. */
#define RPYC_HANDLE_BUFFITER 17

/**
 * Slices in the manner of Python 2. Arguments: object, attempt, fallback, start, stop, arguments.
 */
#define RPYC_HANDLE_OLDSLICING 18

/** Leaves a context. Arguments: object, exception or None. */
#define RPYC_HANDLE_CTXEXIT 19

/** Tests whether an object is an instance of a class. Arguments: class, id of the object. */
#define RPYC_HANDLE_INSTANCECHECK 20

/**
 * Sends any request and waits for its reply, at most sync_request_timeout. Requests of the peer are
 * served meanwhile.
 *
 * The functions for objects send all requests that a program needs. This function is for requests
 * that they do not cover (see RPyC's protocol for the handlers).
 *
 * @param connection  borrowed
 * @param handler     number of the handler, RPYC_HANDLE_...
 * @param args        consumed (each value), also on failure
 * @param count       number of args
 * @param value_out   owned, free with rpyc_value_free(); the reply
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_sync_request(rpyc_connection *connection,
                                         int32_t handler,
                                         rpyc_value *const *args,
                                         size_t count,
                                         rpyc_value **value_out,
                                         rpyc_error **error_out);

/**
 * Sends any request without waiting for its reply.
 *
 * @code{.c}
 * rpyc_async_result *result = NULL;
 * rpyc_value *args[1] = {NULL};
 * if (!rpyc_value_new_object(object, &args[0], &error) &&
 *     !rpyc_connection_async_request(connection, RPYC_HANDLE_STR, args, 1, 1000, &result, &error))
 *     rpyc_async_result_value(result, &value, &error); // waits for the reply
 * rpyc_async_result_free(result);
 * @endcode
 *
 * @param connection  borrowed
 * @param handler     number of the handler, RPYC_HANDLE_...
 * @param args        consumed (each value), also on failure
 * @param count       number of args
 * @param timeout_ms  deadline of the reply, in milliseconds from now; -1 for none
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_async_request(rpyc_connection *connection,
                                          int32_t handler,
                                          rpyc_value *const *args,
                                          size_t count,
                                          int64_t timeout_ms,
                                          rpyc_async_result **result_out,
                                          rpyc_error **error_out);

/**
 * Begins a burst: the asynchronous requests that follow are collected and sent in one write by
 * rpyc_connection_flush(). They are also sent before a function waits on this connection, and when
 * a great number has been collected.
 *
 * @param connection  borrowed
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any; the burst covers the requests of all threads. Since: 0.1.
 */
rpyc_status rpyc_connection_cork(rpyc_connection *connection,
                                 rpyc_error **error_out);

/**
 * Sends everything that is pending: the requests collected since rpyc_connection_cork(), whose
 * burst ends, and the releases of objects that were freed.
 *
 * @param connection  borrowed
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, connection errors
 *
 * Threads: any. Since: 0.1.
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
 * Begins a time limit for the synchronous requests of the calling thread. It ends with
 * rpyc_timeout_end().
 *
 * Every synchronous request that the thread makes meanwhile, with any function and on any
 * connection, fails with RPYC_ERR_TIMEOUT when the time has passed. The limit replaces
 * sync_request_timeout, which may be shorter or longer. The time counts from this call, for all
 * requests together. A request made after that time is not sent. The connection remains usable, and
 * a late reply is dropped.
 *
 * @code{.c}
 * const size_t limit = rpyc_timeout_begin(2000);
 * rpyc_status status = rpyc_object_call_method(object, "slow", NULL, 0, NULL, &value, &error);
 * rpyc_timeout_end(limit);
 * @endcode
 *
 * A limit inside another one can only shorten it. It does not apply to connecting, serving, closing
 * and asynchronous results, which have limits of their own, nor to requests that this thread serves
 * for a peer while it waits. Native peers are told the remaining time, see rpyc_call_time_left().
 *
 * @param timeout_ms  milliseconds; -1 for no limit, in place of sync_request_timeout; 0 lets every
 *                    request fail
 * @return the limit, for rpyc_timeout_end() in the same thread
 *
 * Threads: any; the limit applies to the calling thread only. Since: 0.1.
 */
size_t rpyc_timeout_begin(int64_t timeout_ms);

/**
 * Ends a time limit of this thread, and those begun inside it that have not been ended.
 *
 * @param limit  result of rpyc_timeout_begin()
 *
 * Threads: the thread that began the limit. Since: 0.1.
 */
void rpyc_timeout_end(size_t limit);

/**
 * Ends all current waits on a connection, or the next one if there is none: each fails with
 * RPYC_ERR_WAIT_INTERRUPTED. May be called in a signal handler. The connection remains usable: the
 * request may still be running at the peer, and a late reply is dropped.
 *
 * The function ends synchronous requests, batches, waits for asynchronous results (which may be
 * waited for again), waits for calls of the connection's queue, and functions that serve in a
 * thread of the application. If no thread waits, the next request is not sent. Of nested waits in
 * one thread, the innermost ends; the outer one gets as its reply the answer of the callback. A
 * close ends at once, with RPYC_OK.
 *
 * Not ended are functions that do not wait: those with a timeout of 0, rpyc_connection_process(),
 * and asynchronous requests. Not ended either are threads that the library started, servers, waits
 * for this process only, and connecting.
 *
 * A wait ends at once in the thread in which the signal handler runs (among threads that wait for
 * the one that receives, in the first eight). With the option interruptible, and with threads that
 * serve in the background, it ends at once in every thread. Otherwise it ends within a second. Over
 * a pair in memory, the thread that receives always needs up to a second.
 *
 * @param connection  borrowed; must not be freed meanwhile
 * @return RPYC_OK, also if the connection has ended; RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any, and signal handlers; errno is preserved. Since: 0.1.
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
 * Waits for one message of the peer and handles it. A request runs in this thread, and so do
 * requests nested in it. The end of the connection is reported at once, as RPYC_ERR_EOF.
 *
 * @param connection   borrowed
 * @param timeout_ms   milliseconds to wait for the message; -1 for no limit; 0 to handle only a
 *                     message that has arrived
 * @param handled_out  whether a message was handled; may be NULL
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED, connection errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_serve(rpyc_connection *connection,
                                  int64_t timeout_ms,
                                  bool *handled_out,
                                  rpyc_error **error_out);

/**
 * Does the same as rpyc_connection_serve(). RPyC has both names.
 *
 * @param connection   borrowed
 * @param timeout_ms   milliseconds to wait for the message; -1 for no limit; 0 to handle only a
 *                     message that has arrived
 * @param handled_out  whether a message was handled; may be NULL
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_connection_serve
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_poll(rpyc_connection *connection,
                                 int64_t timeout_ms,
                                 bool *handled_out,
                                 rpyc_error **error_out);

/**
 * Handles all messages that arrive within a time. The function always uses the whole time, unless
 * the connection ends.
 *
 * A message that arrived in time is handled even if the time has passed by then. With 0, the
 * function handles the messages that have arrived when it is called; a peer that keeps sending does
 * not prevent it from returning.
 *
 * @param connection   borrowed
 * @param timeout_ms   milliseconds to serve; -1 until the connection ends; 0 for the messages that
 *                     have arrived
 * @param handled_out  whether any message was handled; false at the end of the connection; may be
 *                     NULL
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, also if the connection has ended, as in RPyC (see rpyc_connection_closed());
 *         RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT,
 *         RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED, RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_poll_all(rpyc_connection *connection,
                                     int64_t timeout_ms,
                                     bool *handled_out,
                                     rpyc_error **error_out);

/**
 * Serves the peer in this thread until the connection ends.
 *
 * @code{.c}
 * if (!rpyc_connect("exec:./worker", service, NULL, &connection, &error))
 *     rpyc_connection_serve_all(connection, &error); // returns when the worker has exited
 * rpyc_connection_free(connection);
 * @endcode
 *
 * @param connection  borrowed
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK if the peer or this side closed the connection; RPYC_ERR_NULL, RPYC_ERR_FORKED,
 *         RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_STATE (in create of a
 *         service), RPYC_ERR_WAIT_INTERRUPTED (by rpyc_connection_interrupt()); RPYC_ERR_EXIT,
 *         RPYC_ERR_INTERRUPTED (a callback raised SystemExit or KeyboardInterrupt, see
 *         propagate_SystemExit_locally; rpyc_error_exit_code() gets the exit code)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_serve_all(rpyc_connection *connection,
                                      rpyc_error **error_out);

/**
 * Flag of rpyc_connection_serve_background(): calls of the connection run one after the other, in
 * the order of their arrival. The next call begins when the one before has returned or waits in a
 * function of the library. A call that waited continues when no other one runs. Without this flag,
 * calls run at once, as many as there are threads.
 */
#define RPYC_SERVE_IN_ORDER 1

/**
 * Serves a connection in threads of the library, until it ends or rpyc_serving_stop() is called.
 * The threads do not keep the connection open.
 *
 * @param connection   borrowed
 * @param threads      number of threads, 1 to 1024; with RPYC_SERVE_IN_ORDER at least two, so that
 *                     the peer is read while a call runs
 * @param flags        0 or RPYC_SERVE_IN_ORDER, which applies to all threads that serve the
 *                     connection, from now on
 * @param serving_out  owned, free with rpyc_serving_free()
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT, RPYC_ERR_IO (no thread could
 *         be started), RPYC_ERR_STATE (in create of a service)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_serve_background(rpyc_connection *connection,
                                             size_t threads,
                                             int32_t flags,
                                             rpyc_serving **serving_out,
                                             rpyc_error **error_out);

/**
 * Serves a connection until it ends, in this thread and in others that the library starts.
 *
 * @param connection  borrowed
 * @param threads     number of threads including this one, 1 to 1024
 * @param flags       as for rpyc_connection_serve_background()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK if the peer or this side closed the connection; RPYC_ERR_NULL, RPYC_ERR_FORKED,
 *         RPYC_ERR_ARGUMENT, RPYC_ERR_IO (no thread could be started), RPYC_ERR_MALFORMED,
 *         RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_STATE (in create of a service),
 *         RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_serve_threaded(rpyc_connection *connection,
                                           size_t threads,
                                           int32_t flags,
                                           rpyc_error **error_out);

/**
 * Gets another handle of the same threads.
 *
 * @param serving  borrowed
 * @return owned, free with rpyc_serving_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_serving *rpyc_serving_clone(const rpyc_serving *serving);

/**
 * Frees a handle. Freeing the last handle stops the threads, as rpyc_serving_stop() does, without
 * waiting for them.
 *
 * @param serving  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_serving_free(rpyc_serving *serving);

/**
 * Returns whether any of the threads is still running.
 *
 * @param serving  borrowed
 * @return false also for NULL, and in a forked child
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_serving_is_running(const rpyc_serving *serving);

/**
 * Tells the threads to end and does not wait for that. A thread that runs a call ends after it; a
 * thread that waits for the peer ends at once. The connection stays open.
 *
 * @param serving    borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_serving_stop(rpyc_serving *serving,
                              rpyc_error **error_out);

/**
 * Waits until all threads have ended, because they were stopped or because the connection has
 * ended.
 *
 * @param serving    borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called by one of these
 *         threads); if the connection failed, RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT
 *
 * Threads: not from a callback. Since: 0.1.
 */
rpyc_status rpyc_serving_join(rpyc_serving *serving,
                              rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Clients that connect again
 * ============================================================================================== */
/**
 * @defgroup rpyc_clients Clients that connect again
 *
 * A client has an address and one open connection to it. It connects when it is used first, and
 * again when its connection has ended; the application is told. A call that may have been executed
 * is not repeated. There is no hidden thread: the threads that use the client connect, and one that
 * the application gives to rpyc_client_serve_all().
 *
 * @code{.c}
 * rpyc_client *client = NULL;
 * rpyc_config *config = rpyc_config_new();
 * rpyc_config_set(config, "connect_retry", "60", &error);
 * if (!rpyc_client_new("tcp://127.0.0.1:18861", NULL, config, NULL, NULL, NULL, &client, &error))
 *     rpyc_client_call(client, "get_answer", NULL, 0, NULL, &value, &error);
 * rpyc_value_free(value);
 * rpyc_client_free(client);
 * rpyc_config_free(config);
 * @endcode
 *
 * @{
 */

/** A connection was made, and the peer's root has arrived. */
#define RPYC_CLIENT_CONNECTED 1

/**
 * The connection has ended. It is noticed when the client is used next, or by
 * rpyc_client_serve_all().
 */
#define RPYC_CLIENT_LOST 2

/** No connection could be made within the limits. The next use of the client tries again. */
#define RPYC_CLIENT_FAILED 3

/**
 * Receives the events of a client, RPYC_CLIENT_...
 *
 * generation is the number of the connection, counted from 1; for RPYC_CLIENT_FAILED that of the
 * last one, or 0. connection is borrowed for the call, and NULL unless the event is
 * RPYC_CLIENT_CONNECTED. error is borrowed for the call, and NULL for RPYC_CLIENT_CONNECTED.
 *
 * The callback runs in the thread that uses the client, without a lock. Other threads wait
 * meanwhile: so a callback for RPYC_CLIENT_CONNECTED can log in or subscribe, with connection or
 * with the client, before any other request is sent on the new connection. For the other events,
 * functions of the client fail with RPYC_ERR_STATE in the callback.
 */
typedef void (*rpyc_client_event_fn)(int32_t event,
                                     uint64_t generation,
                                     rpyc_connection *connection,
                                     const rpyc_error *error,
                                     void *userdata);

/**
 * Makes a client of an address. It does not connect yet: the functions that use it do, in the
 * thread that calls them. While one thread connects, the others wait for it.
 *
 * The client connects again when its connection has ended. Each attempt resolves the host name
 * anew. The options of the configuration hold for each connection: connect_timeout, connect_retry
 * (the total time of the attempts; the default is one attempt), heartbeat and others.
 * rpyc_timeout_begin() limits the time of a thread, too: what is left of it limits the wait for
 * another thread, the pauses, and the time to open a stream.
 *
 * @param address        copied; NUL-terminated, as for rpyc_transport_connect(), except "fd:" and
 *                       "stdio:"; the command of "exec:" is run again for each connection
 * @param service        copied (a reference); the class of the root that the peer gets, with a new
 *                       instance for each connection; NULL for none
 * @param config         copied; NULL for the defaults
 * @param callback       receives events; may be NULL
 * @param userdata       consumed, also on failure; passed to the callback and the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, also on failure; may be NULL
 * @param client_out     owned, free with rpyc_client_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS (malformed), RPYC_ERR_ARGUMENT
 *         ("fd:" or "stdio:")
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_client_new(const char *address,
                            const rpyc_class *service,
                            const rpyc_config *config,
                            rpyc_client_event_fn callback,
                            void *userdata,
                            rpyc_free_fn userdata_free,
                            rpyc_client **client_out,
                            rpyc_error **error_out);

/**
 * Gets another handle of the same client.
 *
 * @param client  borrowed
 * @return owned, free with rpyc_client_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_client *rpyc_client_clone(const rpyc_client *client);

/**
 * Frees a handle. Freeing the last one frees the client's handle of its connection.
 *
 * @param client  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_client_free(rpyc_client *client);

/**
 * Gets the open connection of a client. Connects if there is none, or if what has arrived shows
 * that it has ended.
 *
 * @param client          borrowed
 * @param connection_out  owned, free with rpyc_connection_free()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_CLOSED (also: the client is closed),
 *         RPYC_ERR_TIMEOUT, RPYC_ERR_STATE (in a callback of the client), or as rpyc_connect;
 *         request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_client_connection(rpyc_client *client,
                                   rpyc_connection **connection_out,
                                   rpyc_error **error_out);

/**
 * Gets the root object of the open connection; connects as rpyc_client_connection().
 *
 * An object belongs to its connection. After the end of that its requests fail with RPYC_ERR_STALE:
 * get it again.
 *
 * @param client     borrowed
 * @param root_out   owned, free with rpyc_object_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_client_connection; RPYC_ERR_TYPE (the root is not an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_client_root(rpyc_client *client,
                             rpyc_object **root_out,
                             rpyc_error **error_out);

/**
 * Gets an attribute by its path from the root, such as "accounts.first"; connects as
 * rpyc_client_connection(). Every name of the path is one request.
 *
 * @param client     borrowed
 * @param path       copied; NUL-terminated; names separated by dots
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_client_connection; RPYC_ERR_UTF8, RPYC_ERR_TYPE (an attribute on the path is not
 *         an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_client_get_attr(rpyc_client *client,
                                 const char *path,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Calls a method by its path from the root, such as "accounts.add"; connects as
 * rpyc_client_connection(). The path is resolved for each call, on the connection that is open; a
 * name alone is one request.
 *
 * A call is sent at most once. If the connection ends before the call is written to it, the call is
 * made on the next connection. If the connection ends later, the call may have been executed: the
 * result is RPYC_ERR_EOF or the reason for the end, and the call is not repeated. The same holds
 * for each request that resolves the path.
 *
 * @code{.c}
 * rpyc_client *client = NULL;
 * if (!rpyc_client_new("tcp://127.0.0.1:18861", NULL, NULL, NULL, NULL, NULL, &client, &error))
 *     rpyc_client_call(client, "get_answer", NULL, 0, NULL, &value, &error);
 * rpyc_client_free(client);
 * @endcode
 *
 * @param client     borrowed
 * @param path       copied; NUL-terminated; names separated by dots, the last one of the method
 * @param args       consumed (each value), also on failure
 * @param count      number of args
 * @param keywords   consumed, also on failure; a dict with str keys; NULL for none
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_client_get_attr; RPYC_ERR_STALE also for an argument of a connection that has
 *         ended; RPYC_ERR_TYPE also for keywords that are not a dict with str keys
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_client_call(rpyc_client *client,
                             const char *path,
                             rpyc_value *const *args,
                             size_t count,
                             rpyc_value *keywords,
                             rpyc_value **value_out,
                             rpyc_error **error_out);

/**
 * Keeps a client connected, and serves its connection in this thread, until rpyc_client_close():
 * the peer's calls and the heartbeat. It connects again when the connection has ended, after a
 * pause if it lasted less than 5 seconds.
 *
 * @param client     borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK after rpyc_client_close(); why no connection could be made, as
 *         rpyc_client_connection; RPYC_ERR_WAIT_INTERRUPTED, RPYC_ERR_EXIT, RPYC_ERR_INTERRUPTED as
 *         rpyc_connection_serve_all
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_client_serve_all(rpyc_client *client,
                                  rpyc_error **error_out);

/**
 * Gets the number of connections that a client has made. Objects of one number are stale with the
 * next.
 *
 * @param client  borrowed
 * @return 0 before the first connection, and for NULL
 *
 * Threads: any. Since: 0.1.
 */
uint64_t rpyc_client_generation(const rpyc_client *client);

/**
 * Closes a client and its connection, as rpyc_connection_close(). Pauses, and waits for a thread
 * that connects, end at once, an attempt to connect within its time limits. From then on, functions
 * of the client fail with RPYC_ERR_CLOSED. No event is sent for it.
 *
 * @param client     borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_connection_close
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_client_close(rpyc_client *client,
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

/** Event flag: wait until the descriptor is readable. */
#define RPYC_WAIT_READ 1

/** Event flag: wait until the descriptor is writable. */
#define RPYC_WAIT_WRITE 2

/**
 * Gets the descriptor that becomes readable when the peer has sent something, for poll or epoll.
 *
 * Messages that the library has already buffered do not make it readable: see
 * rpyc_connection_has_message().
 *
 * @param connection  borrowed
 * @return a descriptor, not to be read or closed; -1 for NULL and for a transport without a
 *         descriptor
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_connection_fileno(const rpyc_connection *connection);

/**
 * Gets the descriptor to poll for RPYC_WAIT_WRITE. It is that of rpyc_connection_fileno(), except
 * over a pair of pipes.
 *
 * @param connection  borrowed
 * @return a descriptor, not to be written or closed; -1 for NULL and for a transport without a
 *         descriptor
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_connection_write_fileno(const rpyc_connection *connection);

/**
 * Gets the descriptor that becomes readable when another thread has queued work for the loop, such
 * as a reply that could not be sent at once. rpyc_connection_process() makes it unreadable again.
 * Only programs that use the connection in several threads need it.
 *
 * @param connection  borrowed
 * @return a descriptor, not to be read or closed; valid until the connection is freed or made
 *         blocking again; -1 for NULL, in a forked child, and without a call of
 *         rpyc_connection_set_nonblocking()
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_connection_wake_fileno(const rpyc_connection *connection);

/**
 * Enables or disables non-blocking mode, for a connection that an event loop drives.
 *
 * In this mode only functions that wait for a reply block. Output that the transport does not
 * accept at once is queued, up to about max_queued bytes, and sent by rpyc_connection_process().
 * Asynchronous requests beyond that limit fail with RPYC_ERR_BACKPRESSURE. Replies are always
 * queued; while they are pending, no further message of the peer is handled.
 *
 * @param connection   borrowed
 * @param nonblocking  1 enables the mode; 0 disables it and flushes pending output, which can block
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the pool of a server drives it),
 *         RPYC_ERR_IO (no descriptor available)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connection_set_nonblocking(rpyc_connection *connection,
                                            int32_t nonblocking,
                                            rpyc_error **error_out);

/**
 * Gets the events that a loop must wait for before it calls rpyc_connection_process(). Call it each
 * time before waiting.
 *
 * @code{.c}
 * const int32_t interest = rpyc_connection_interest(connection);
 * const int read_fd = interest & RPYC_WAIT_READ ? rpyc_connection_fileno(connection) : -1;
 * const int write_fd = interest & RPYC_WAIT_WRITE ? rpyc_connection_write_fileno(connection) : -1;
 * // poll() read_fd for POLLIN and write_fd for POLLOUT
 * @endcode
 *
 * @param connection  borrowed
 * @return RPYC_WAIT_READ for rpyc_connection_fileno(), RPYC_WAIT_WRITE for
 *         rpyc_connection_write_fileno(), or both; 0 for only rpyc_connection_wake_fileno(), while
 *         another thread reads; 0 also for NULL and in a forked child
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_connection_interest(const rpyc_connection *connection);

/**
 * Gets the longest time that a loop may wait before it calls rpyc_connection_process() even without
 * an event: for example until the next asynchronous result expires, or until releases of freed
 * objects are to be sent. Call it each time before waiting.
 *
 * @param connection  borrowed
 * @return milliseconds, rounded up; 0 for no wait; -1 for no limit; -1 also for NULL and in a
 *         forked child
 *
 * Threads: any. Since: 0.1.
 */
int64_t rpyc_connection_next_deadline(const rpyc_connection *connection);

/**
 * Sends what the transport accepts without blocking and handles received messages. Calls of the
 * peer run in this thread, and so do callbacks of results. The function never waits for the peer,
 * neither to send nor to receive.
 *
 * One call handles at most about 64 messages, so that a peer that keeps sending does not block the
 * loop. While there are more, rpyc_connection_next_deadline() returns 0 and
 * rpyc_connection_interest() includes RPYC_WAIT_WRITE, so that the loop calls again at once.
 *
 * @param connection   borrowed
 * @param handled_out  whether any message was handled; may be NULL
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK; RPYC_ERR_BACKPRESSURE (the peer does not receive; no more of its messages are
 *         handled until some output has been sent; this is not a failure: wait for the events of
 *         rpyc_connection_interest()); otherwise as rpyc_connection_serve. The end of the
 *         connection is reported at once, or by the next call if this one has handled messages
 *
 * Threads: any; usually always the same. Since: 0.1.
 */
rpyc_status rpyc_connection_process(rpyc_connection *connection,
                                    bool *handled_out,
                                    rpyc_error **error_out);

/**
 * Returns whether a complete message is in the library's own buffer. Polling the descriptor does
 * not show it.
 *
 * @param connection  borrowed
 * @return false also for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_connection_has_message(const rpyc_connection *connection);

/**
 * Begins to connect without blocking, for an event loop: the loop waits for what
 * rpyc_connecting_interest() returns and calls rpyc_connecting_process(), until that gives a
 * connection. No thread is started.
 *
 * A numeric address and a Unix socket need nothing else. The host name of an address is resolved by
 * rpyc_connecting_resolve(), which blocks: the application calls it in a thread of its own.
 *
 * connect_timeout limits everything after the resolution, the handshake of TLS included.
 * connect_retry has no effect. The connection is made as by rpyc_connection_new(): with the option
 * dialect at "auto", this side uses the dialect of rpyc 6 if it sends first. For a server of rpyc
 * 4.1 to 5.3 set the option to "5".
 *
 * @code{.c}
 * rpyc_connecting *connecting = NULL;
 * rpyc_status status = rpyc_connect_start("tcp://127.0.0.1:1234", NULL, NULL, &connecting, &error);
 * while (!status && !connection) {
 *     // poll rpyc_connecting_fileno(connecting) for rpyc_connecting_interest(connecting),
 *     // at most for rpyc_connecting_next_deadline(connecting) milliseconds
 *     status = rpyc_connecting_process(connecting, &connection, &error);
 * }
 * rpyc_connecting_free(connecting);
 * @endcode
 *
 * @param address         copied; NUL-terminated; "tcp://", "tls://" or "unix://"
 * @param service         copied (a reference); the class of the root that the peer gets; NULL for
 *                        none
 * @param config          copied; NULL for the defaults
 * @param connecting_out  owned, free with rpyc_connecting_free()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS (malformed), RPYC_ERR_UNSUPPORTED
 *         (another kind of address, a configuration with an authenticator, which blocks, or built
 *         without TLS), RPYC_ERR_ARGUMENT (an option of TLS), RPYC_ERR_IO (a file of TLS)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connect_start(const char *address,
                               const rpyc_class *service,
                               const rpyc_config *config,
                               rpyc_connecting **connecting_out,
                               rpyc_error **error_out);

/**
 * Gets another handle of the same attempt, for the thread that calls rpyc_connecting_resolve().
 *
 * @param connecting  borrowed
 * @return owned, free with rpyc_connecting_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_connecting *rpyc_connecting_clone(const rpyc_connecting *connecting);

/**
 * Frees a handle. Freeing the last one cancels the attempt.
 *
 * @param connecting  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_connecting_free(rpyc_connecting *connecting);

/**
 * Returns whether the address has a host name that was not resolved yet. Until
 * rpyc_connecting_resolve() has returned, rpyc_connecting_process() does nothing.
 *
 * @param connecting  borrowed
 * @return false also for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_connecting_needs_resolve(const rpyc_connecting *connecting);

/**
 * Resolves the host name of the address. It blocks, for a time that the system's resolver
 * determines. Call it in a thread of the application, with a handle of its own, and tell the event
 * loop when it has returned, for example by a write to an eventfd. The loop may free its handle
 * meanwhile.
 *
 * @param connecting  borrowed
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, also if there is nothing to resolve; RPYC_ERR_NULL, RPYC_ERR_FORKED; RPYC_ERR_IO
 *         (the host was not found), which rpyc_connecting_process() returns too
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connecting_resolve(rpyc_connecting *connecting,
                                    rpyc_error **error_out);

/**
 * Gets the descriptor to poll. Each step can have another one: call it each time before waiting.
 *
 * @param connecting  borrowed
 * @return a descriptor, not to be used otherwise; -1 if there is none to wait for, and for NULL
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_connecting_fileno(const rpyc_connecting *connecting);

/**
 * Gets the events of rpyc_connecting_fileno() that the loop must wait for.
 *
 * @param connecting  borrowed
 * @return RPYC_WAIT_READ or RPYC_WAIT_WRITE; 0 if there is no descriptor, and for NULL
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_connecting_interest(const rpyc_connecting *connecting);

/**
 * Gets the longest time that a loop may wait before it calls rpyc_connecting_process() even without
 * an event.
 *
 * @param connecting  borrowed
 * @return milliseconds, rounded up; 0 for no wait; -1 for no limit, as while the host is not
 *         resolved, and for NULL
 *
 * Threads: any. Since: 0.1.
 */
int64_t rpyc_connecting_next_deadline(const rpyc_connecting *connecting);

/**
 * Continues to connect, without blocking. The create callback of the service and its on_connect run
 * in this thread.
 *
 * @param connecting      borrowed
 * @param connection_out  owned, free with rpyc_connection_free(); NULL if the attempt has not
 *                        ended. The connection is in blocking mode, see
 *                        rpyc_connection_set_nonblocking()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED; the failure of the attempt, with which it ends:
 *         RPYC_ERR_ADDRESS, RPYC_ERR_TIMEOUT, RPYC_ERR_IO; RPYC_ERR_STATE (the attempt has ended
 *         before, or the create callback refused the connection)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_connecting_process(rpyc_connecting *connecting,
                                    rpyc_connection **connection_out,
                                    rpyc_error **error_out);

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
 * Makes another handle for an object.
 *
 * @param object  borrowed
 * @return owned, free with rpyc_object_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_object *rpyc_object_clone(const rpyc_object *object);

/**
 * Frees a handle of an object. When the last use of a remote object ends, the peer is told as the
 * option release says.
 *
 * @param object  consumed; NULL does nothing
 *
 * Threads: any; never waits. Since: 0.1.
 */
void rpyc_object_free(rpyc_object *object);

/**
 * Returns whether an object is an object of a peer.
 *
 * @param object  borrowed
 * @return whether it is; false for objects of this process and for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_object_is_remote(const rpyc_object *object);

/**
 * Returns whether an object is a class.
 *
 * @param object  borrowed
 * @return whether it is; false for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_object_is_class(const rpyc_object *object);

/**
 * Returns whether two handles refer to the same object, as Python's `is`.
 *
 * @param left   borrowed
 * @param right  borrowed
 * @return whether they do; false if one is NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_object_same(const rpyc_object *left, const rpyc_object *right);

/**
 * Gets the name of an object's type with its module, such as "builtins.list". For a class it is the
 * class's own name.
 *
 * The name of a remote object comes from the peer. Escape control characters before you print it.
 *
 * @param object  borrowed
 * @return borrowed until the handle is freed, NUL-terminated; NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
const char *rpyc_object_type_name(const rpyc_object *object);

/**
 * Gets the connection of a remote object.
 *
 * @param object          borrowed
 * @param connection_out  owned, free with rpyc_connection_free(); it does not keep the connection
 *                        open
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (an object of this process), RPYC_ERR_STALE
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_connection(const rpyc_object *object,
                                   rpyc_connection **connection_out,
                                   rpyc_error **error_out);

/**
 * Gets an attribute of an object. The owner's attribute rules decide which names can be read.
 *
 * @code{.c}
 * int64_t count = 0;
 * if (!rpyc_object_get_attr(object, "count", &value, &error))
 *     rpyc_take_int(value, &count, &error); // frees value
 * @endcode
 *
 * @param object     borrowed
 * @param attribute  copied, NUL-terminated
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_get_attr(rpyc_object *object,
                                 const char *attribute,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Sets an attribute of an object.
 *
 * @param object     borrowed
 * @param attribute  copied, NUL-terminated
 * @param value      consumed, also on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_set_attr(rpyc_object *object,
                                 const char *attribute,
                                 rpyc_value *value,
                                 rpyc_error **error_out);

/**
 * Deletes an attribute of an object.
 *
 * @param object     borrowed
 * @param attribute  copied, NUL-terminated
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_del_attr(rpyc_object *object,
                                 const char *attribute,
                                 rpyc_error **error_out);

/**
 * Calls an object.
 *
 * @code{.c}
 * rpyc_value *args[2] = {rpyc_int(2), rpyc_int(10)};
 * int64_t power = 0;
 * if (!rpyc_object_call(object, args, 2, NULL, &value, &error)) // consumes args, also on failure
 *     rpyc_take_int(value, &power, &error);
 * @endcode
 *
 * @param object     borrowed
 * @param args       each value consumed, also on failure
 * @param count      number of arguments
 * @param keywords   consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords();
 *                   NULL for none
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (keywords is not a dict with str
 *         keys)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_call(rpyc_object *object,
                             rpyc_value *const *args,
                             size_t count,
                             rpyc_value *keywords,
                             rpyc_value **value_out,
                             rpyc_error **error_out);

/**
 * Calls a method of an object in one request.
 *
 * @code{.c}
 * rpyc_value *args[1] = {rpyc_str("hello")};
 * if (rpyc_object_call_method(object, "shout", args, 1, NULL, &value, &error))
 *     fprintf(stderr, "%s\n", rpyc_error_describe(error));
 * rpyc_value_free(value);
 * @endcode
 *
 * @param object     borrowed
 * @param method     copied, NUL-terminated
 * @param args       each value consumed, also on failure
 * @param count      number of arguments
 * @param keywords   consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords();
 *                   NULL for none
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords is not a
 *         dict with str keys)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_call_method(rpyc_object *object,
                                    const char *method,
                                    rpyc_value *const *args,
                                    size_t count,
                                    rpyc_value *keywords,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Calls an object, or a method of it, with arguments that are already a tuple, such as those of a
 * call that is forwarded.
 *
 * @param object     borrowed
 * @param method     copied, NUL-terminated; NULL to call the object itself
 * @param args       consumed, also on failure: a tuple; NULL for none
 * @param keywords   consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords();
 *                   NULL for none
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_object_call_method, and RPYC_ERR_TYPE also if args is not a tuple
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_call_tuple(rpyc_object *object,
                                   const char *method,
                                   rpyc_value *args,
                                   rpyc_value *keywords,
                                   rpyc_value **value_out,
                                   rpyc_error **error_out);

/**
 * Gets the string form of an object, as Python's str().
 *
 * @param object     borrowed
 * @param text_out   owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_str(rpyc_object *object, rpyc_value **text_out, rpyc_error **error_out);

/**
 * Gets the representation of an object, as Python's repr().
 *
 * @param object     borrowed
 * @param text_out   owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_repr(rpyc_object *object, rpyc_value **text_out, rpyc_error **error_out);

/**
 * Gets the hash of an object, as Python's hash(): an int.
 *
 * @param object     borrowed
 * @param hash_out   owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_hash(rpyc_object *object, rpyc_value **hash_out, rpyc_error **error_out);

/**
 * Gets the names of an object's attributes, as Python's dir().
 *
 * @param object     borrowed
 * @param names_out  owned, free with rpyc_value_free(): a tuple of str
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_dir(rpyc_object *object, rpyc_value **names_out, rpyc_error **error_out);

/**
 * Gets the methods of an object.
 *
 * @param object       borrowed
 * @param methods_out  owned, free with rpyc_value_free(): a tuple of pairs (name, doc), in which
 *                     doc is a str or None
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_inspect(rpyc_object *object,
                                rpyc_value **methods_out,
                                rpyc_error **error_out);

/**
 * Evaluates Python's bool(object): `__bool__`, otherwise `__len__`, otherwise true.
 *
 * @param object     borrowed
 * @param truth_out  the result; false on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (`__bool__` or `__len__` returned
 *         an unexpected type)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_truth(rpyc_object *object,
                              bool *truth_out,
                              rpyc_error **error_out);

/**
 * Evaluates Python's object == other.
 *
 * If `__eq__` of the object returns NotImplemented and other is an object, `__eq__` of other is
 * called. If that returns NotImplemented too, the two are equal if they are the same object.
 *
 * @param object     borrowed
 * @param other      consumed, also on failure
 * @param equal_out  the result; false on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_object_truth, and RPYC_ERR_TYPE also if `__eq__` returns neither a bool nor an
 *         object
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_equal(rpyc_object *object,
                              rpyc_value *other,
                              bool *equal_out,
                              rpyc_error **error_out);

/**
 * Gets a handle that keeps the connection of an object open, as a clone of the application's own
 * handle does.
 *
 * An object does not keep its connection open. A binding can make the objects that it gets as
 * results do so: it frees this handle together with the object.
 *
 * @param object  borrowed
 * @return owned, free with rpyc_connection_free(); NULL for NULL, for an object of this process,
 *         and if there is no connection to keep open: it belongs to a server, or the application
 *         has freed all handles that kept it open
 *
 * Threads: any. Since: 0.1.
 */
rpyc_connection *rpyc_object_hold_connection(const rpyc_object *object);

/**
 * Evaluates Python's isinstance(object, class_).
 *
 * Object and class may belong to different peers or to this process. No request is sent if the
 * class ids are equal, or if one of the two is local and the names decide. Otherwise the peer that
 * owns the class is asked.
 *
 * @param object      borrowed
 * @param class_      borrowed; a class
 * @param result_out  the result
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (class_ is not a class)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_is_instance(rpyc_object *object,
                                    rpyc_object *class_,
                                    bool *result_out,
                                    rpyc_error **error_out);

/**
 * Gets the length of a container, as Python's len(). An object without `__len__` raises an
 * AttributeError, which is RPYC_ERR_REMOTE.
 *
 * @param object      borrowed
 * @param length_out  number of items
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (`__len__` does not return an int),
 *         RPYC_ERR_RANGE (does not fit)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_length(rpyc_object *object,
                               int64_t *length_out,
                               rpyc_error **error_out);

/**
 * Gets an item of a container, object[key]. The key may be a slice. An object without `__getitem__`
 * raises an AttributeError.
 *
 * @code{.c}
 * rpyc_status status = rpyc_object_get_item(object, rpyc_str("pear"), &value, &error);
 * if (status == RPYC_ERR_REMOTE && rpyc_error_is(error, "KeyError"))
 *     fprintf(stderr, "there is no pear\n");
 * rpyc_value_free(value);
 * @endcode
 *
 * @param object     borrowed
 * @param key        consumed, also on failure
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_get_item(rpyc_object *object,
                                 rpyc_value *key,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Sets an item of a container, object[key] = value.
 *
 * @param object     borrowed
 * @param key        consumed, also on failure
 * @param value      consumed, also on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_set_item(rpyc_object *object,
                                 rpyc_value *key,
                                 rpyc_value *value,
                                 rpyc_error **error_out);

/**
 * Deletes an item of a container, del object[key].
 *
 * @param object     borrowed
 * @param key        consumed, also on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_del_item(rpyc_object *object, rpyc_value *key, rpyc_error **error_out);

/**
 * Evaluates Python's `item in object`.
 *
 * If the object has no `__contains__`, its items are requested one by one until one is equal, as in
 * Python. An iterator then continues after that item.
 *
 * @param object      borrowed
 * @param item        consumed, also on failure
 * @param result_out  the result
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (a method of the object returned an
 *         unexpected type)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_contains(rpyc_object *object,
                                 rpyc_value *item,
                                 bool *result_out,
                                 rpyc_error **error_out);

/**
 * Enters a context, as Python's with statement does. An object without `__enter__` raises an
 * AttributeError.
 *
 * @code{.c}
 * rpyc_value *entered = NULL;
 * bool swallowed = false;
 * if (!rpyc_object_enter(object, &entered, &error)) {
 *     rpyc_error *failure = NULL;
 *     rpyc_object_call_method(object, "work", NULL, 0, NULL, &value, &failure);
 *     rpyc_object_exit(object, failure, &swallowed, &error); // also after a failure
 *     rpyc_error_free(failure);
 * }
 * rpyc_value_free(value);
 * rpyc_value_free(entered);
 * @endcode
 *
 * @param object     borrowed
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_enter(rpyc_object *object,
                              rpyc_value **value_out,
                              rpyc_error **error_out);

/**
 * Exits a context. The peer is told whether there was an error, and nothing else about it (RPyC
 * wire: CTXEXIT).
 *
 * @param object         borrowed
 * @param error          borrowed; the error that ended the block; NULL for none
 * @param swallowed_out  true if the context handled the error of the block
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (`__bool__` of the result does not
 *         return a bool)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_exit(rpyc_object *object,
                             const rpyc_error *error,
                             bool *swallowed_out,
                             rpyc_error **error_out);

/** Less than */
#define RPYC_LT 0

/** Less than or equal */
#define RPYC_LE 1

/** Equal */
#define RPYC_EQ 2

/** Not equal */
#define RPYC_NE 3

/** Greater than */
#define RPYC_GT 4

/** Greater than or equal */
#define RPYC_GE 5

/**
 * Compares an object with a value. The result is a bool, NotImplemented if its class does not
 * support the comparison, or whatever else its method returns.
 *
 * @code{.c}
 * bool less = false;
 * rpyc_value *result = NULL;
 * if (!rpyc_object_compare(object, RPYC_LT, rpyc_int(10), &result, &error) &&
 *     rpyc_value_kind(result) == RPYC_VALUE_BOOL)
 *     rpyc_value_get_bool(result, &less, &error);
 * rpyc_value_free(result);
 * @endcode
 *
 * @param object      borrowed
 * @param op          RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
 * @param other       consumed, also on failure
 * @param result_out  owned, free with rpyc_value_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_ARGUMENT (unknown op)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_compare(rpyc_object *object,
                                int32_t op,
                                rpyc_value *other,
                                rpyc_value **result_out,
                                rpyc_error **error_out);

/**
 * Gets a handle that keeps open the connection of the first remote object in a value, at any depth
 * of its containers.
 *
 * @param value  borrowed
 * @return owned, free with rpyc_connection_free(); NULL where rpyc_object_hold_connection() returns
 *         NULL, and if the value has no remote object
 *
 * Threads: any. Since: 0.1.
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
 * Starts an iteration over a container.
 *
 * The items are requested in chunks of 10, 20, 40 and so on up to 1000. The iterator of the peer
 * can therefore be ahead of the items that rpyc_iterator_next() returned. If the iterator is used
 * afterwards, use rpyc_object_next() instead.
 *
 * @param object        borrowed
 * @param iterator_out  owned, free with rpyc_iterator_free()
 * @param error_out     owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the iterator is not an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_iterate(rpyc_object *object,
                                rpyc_iterator **iterator_out,
                                rpyc_error **error_out);

/**
 * Gets the next item of an iteration.
 *
 * @param iterator   borrowed
 * @param item_out   owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_STOP_ITERATION (the end, also when called again; no error is made),
 *         RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer replied with something other than
 *         items)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_iterator_next(rpyc_iterator *iterator,
                               rpyc_value **item_out,
                               rpyc_error **error_out);

/**
 * Ends an iteration and frees its handle.
 *
 * @param iterator  consumed; NULL does nothing
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
void rpyc_iterator_free(rpyc_iterator *iterator);

/**
 * Gets an iterator over an object, as Python's iter(), for rpyc_object_next(). An object without
 * `__iter__` raises an AttributeError.
 *
 * @param object        borrowed
 * @param iterator_out  owned, free with rpyc_object_free()
 * @param error_out     owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the iterator is not an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_iter(rpyc_object *object,
                             rpyc_object **iterator_out,
                             rpyc_error **error_out);

/**
 * Gets the next item of an iterator, as Python's next(). The end is RPYC_ERR_STOP_ITERATION. An
 * object without `__next__` raises an AttributeError.
 *
 * Each item costs one request. rpyc_object_iterate() needs far fewer.
 *
 * @param iterator   borrowed; an iterator
 * @param item_out   owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_next(rpyc_object *iterator,
                             rpyc_value **item_out,
                             rpyc_error **error_out);

/**
 * Gets the next items of an iterator in one request. An exception of the iterator replaces all of
 * them.
 *
 * @param iterator   borrowed; an iterator
 * @param count      maximum number of items
 * @param items_out  owned, free with rpyc_value_free(): a tuple, empty at the end
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
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
 * Called when a reply has arrived. The result is borrowed for the call.
 *
 * It runs once, in the thread that read the reply, or in the thread that registered it if the reply
 * had arrived before. It does not run for a reply that arrives after the result expired.
 */
typedef void (*rpyc_async_callback)(rpyc_async_result *result, void *userdata);

/**
 * Makes another handle for a result.
 *
 * @param result  borrowed
 * @return owned, free with rpyc_async_result_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_async_result *rpyc_async_result_clone(const rpyc_async_result *result);

/**
 * Frees a handle of a result. The request continues. When its reply arrives, the callbacks run and
 * the reply is dropped.
 *
 * @param result  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_async_result_free(rpyc_async_result *result);

/**
 * Returns whether the reply has arrived. As in RPyC, received messages are handled first, without
 * waiting.
 *
 * @param result  borrowed
 * @return whether the reply has arrived; false for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_async_result_ready(rpyc_async_result *result);

/**
 * Returns whether the reply has arrived and is an exception.
 *
 * @param result  borrowed
 * @return whether it is; false for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_async_result_error(rpyc_async_result *result);

/**
 * Returns whether the time limit has passed without a reply.
 *
 * @param result  borrowed
 * @return whether it has; false for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_async_result_expired(rpyc_async_result *result);

/**
 * Waits until the reply has arrived or the time limit has passed. The peer's requests are served
 * meanwhile.
 *
 * @param result     borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK (a value or an exception arrived), RPYC_ERR_NULL, RPYC_ERR_FORKED,
 *         RPYC_ERR_TIMEOUT, RPYC_ERR_CANCELLED, RPYC_ERR_WAIT_INTERRUPTED, connection errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_async_result_wait(rpyc_async_result *result,
                                   rpyc_error **error_out);

/**
 * Waits as rpyc_async_result_wait() does, and gets the value of the reply. It can be called
 * repeatedly.
 *
 * @param result     borrowed
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL; receives an exception of the
 *                   peer
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_CANCELLED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_async_result_value(rpyc_async_result *result,
                                    rpyc_value **value_out,
                                    rpyc_error **error_out);

/**
 * Cancels a request. The result fails with RPYC_ERR_CANCELLED at once, its callbacks run in this
 * thread, and threads that wait for it wake up.
 *
 * RPyC has no message to tell the peer, which continues. A reply that arrives later is dropped.
 *
 * @param result  borrowed
 * @return true if the request was cancelled; false if the reply had arrived or it was cancelled
 *         before, and for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_async_result_cancel(rpyc_async_result *result);

/**
 * Waits until one of several results is done: it has its reply or an exception, it has expired, or
 * its connection has ended.
 *
 * The results may belong to several connections, whose requests are served meanwhile.
 *
 * @code{.c}
 * rpyc_async_result *results[2] = {NULL, NULL};
 * size_t first = 0;
 * if (!rpyc_object_call_method_async(object, "slow", NULL, 0, NULL, 5000, &results[0], &error) &&
 *     !rpyc_object_call_method_async(object, "fast", NULL, 0, NULL, 5000, &results[1], &error) &&
 *     !rpyc_async_result_wait_any(results, 2, -1, &first, &error))
 *     rpyc_async_result_value(results[first], &value, &error);
 * rpyc_value_free(value);
 * rpyc_async_result_free(results[0]);
 * rpyc_async_result_free(results[1]);
 * @endcode
 *
 * @param results     borrowed, as are the handles in it
 * @param count       number of results, at least 1
 * @param timeout_ms  time limit in milliseconds; -1 for no limit but those of the results
 * @param index_out   index of the result that is done; the first of several
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (no results), RPYC_ERR_TIMEOUT (none of them in
 *         time), RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_async_result_wait_any(rpyc_async_result *const *results,
                                       size_t count,
                                       int64_t timeout_ms,
                                       size_t *index_out,
                                       rpyc_error **error_out);

/**
 * Waits until all of several results are done: each has its reply or an exception, has expired, or
 * its connection has ended.
 *
 * The results may belong to several connections, whose requests are served meanwhile.
 *
 * @param results     borrowed, as are the handles in it; may be NULL for none
 * @param count       number of results
 * @param timeout_ms  time limit in milliseconds; -1 for no limit but those of the results
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK (rpyc_async_result_value() gets each one's outcome), RPYC_ERR_NULL,
 *         RPYC_ERR_ARGUMENT (impossible count), RPYC_ERR_TIMEOUT (not all of them in time),
 *         RPYC_ERR_FORKED, RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_async_result_wait_all(rpyc_async_result *const *results,
                                       size_t count,
                                       int64_t timeout_ms,
                                       rpyc_error **error_out);

/**
 * Registers a callback that runs when the reply arrives, or at once if it has arrived.
 *
 * Several callbacks run in the order of registration, one after the other. One that is added while
 * others run, also by one of them, runs after them in their thread.
 *
 * @code{.c}
 * static void print_result(rpyc_async_result *result, void *label)
 * {
 *     rpyc_value *value = NULL;
 *     double number = 0;
 *
 *     if (!rpyc_async_result_value(result, &value, NULL) &&
 *         !rpyc_take_float(value, &number, NULL)) // frees value
 *         printf("%s: %g\n", (const char *)label, number);
 * }
 *
 * static rpyc_status watch(rpyc_async_result *result, rpyc_error **error_out)
 * {
 *     return rpyc_async_result_add_callback(result, print_result, "total", NULL, error_out);
 * }
 * @endcode
 *
 * @param result         borrowed
 * @param callback       called once
 * @param userdata       consumed, also on failure; passed to the callback
 * @param userdata_free  destructor of userdata: runs after the callback has run, or when it can
 *                       never run; may be NULL
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_async_result_add_callback(rpyc_async_result *result,
                                           rpyc_async_callback callback,
                                           void *userdata,
                                           rpyc_free_fn userdata_free,
                                           rpyc_error **error_out);

/**
 * Sets the time limit for the reply, counted from now.
 *
 * @param result      borrowed
 * @param timeout_ms  time limit in milliseconds; -1 for no limit
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_async_result_set_expiry(rpyc_async_result *result,
                                         int64_t timeout_ms,
                                         rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_get_attr() without waiting for the reply.
 *
 * @param object      borrowed
 * @param attribute   copied, NUL-terminated
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_get_attr_async(rpyc_object *object,
                                       const char *attribute,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_set_attr() without waiting for the reply.
 *
 * @code{.c}
 * rpyc_async_result *result = NULL;
 * if (!rpyc_object_set_attr_async(object, "color", rpyc_str("red"), 1000, &result, &error))
 *     rpyc_async_result_wait(result, &error);
 * rpyc_async_result_free(result);
 * @endcode
 *
 * @param object      borrowed
 * @param attribute   copied, NUL-terminated
 * @param value       consumed, also on failure
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_set_attr_async(rpyc_object *object,
                                       const char *attribute,
                                       rpyc_value *value,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_del_attr() without waiting for the reply.
 *
 * @param object      borrowed
 * @param attribute   copied, NUL-terminated
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_del_attr_async(rpyc_object *object,
                                       const char *attribute,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_call() without waiting for the reply.
 *
 * @param object      borrowed
 * @param args        each value consumed, also on failure
 * @param count       number of arguments
 * @param keywords    consumed, also on failure: a dict with str keys, see
 *                    rpyc_value_new_keywords(); NULL for none
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (keywords is not a dict with str
 *         keys)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_call_async(rpyc_object *object,
                                   rpyc_value *const *args,
                                   size_t count,
                                   rpyc_value *keywords,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_call_method() without waiting for the reply.
 *
 * @code{.c}
 * rpyc_async_result *result = NULL;
 * if (!rpyc_object_call_method_async(object, "compute", NULL, 0, NULL, -1, &result, &error)) {
 *     // do something else meanwhile
 *     if (!rpyc_async_result_value(result, &value, &error)) // waits for the reply
 *         rpyc_value_free(value);
 * }
 * rpyc_async_result_free(result);
 * @endcode
 *
 * @param object      borrowed
 * @param method      copied, NUL-terminated
 * @param args        each value consumed, also on failure
 * @param count       number of arguments
 * @param keywords    consumed, also on failure: a dict with str keys, see
 *                    rpyc_value_new_keywords(); NULL for none
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords is not a
 *         dict with str keys)
 *
 * Threads: any. Since: 0.1.
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
 * Sends the request of rpyc_object_str() without waiting for the reply.
 *
 * @param object      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_str_async(rpyc_object *object,
                                  int64_t timeout_ms,
                                  rpyc_async_result **result_out,
                                  rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_repr() without waiting for the reply.
 *
 * @param object      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_repr_async(rpyc_object *object,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_hash() without waiting for the reply.
 *
 * @param object      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_hash_async(rpyc_object *object,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_compare() without waiting for the reply.
 *
 * @param object      borrowed
 * @param op          RPYC_LT, RPYC_LE, RPYC_EQ, RPYC_NE, RPYC_GT or RPYC_GE
 * @param other       consumed, also on failure
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_ARGUMENT (unknown op)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_compare_async(rpyc_object *object,
                                      int32_t op,
                                      rpyc_value *other,
                                      int64_t timeout_ms,
                                      rpyc_async_result **result_out,
                                      rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_dir() without waiting for the reply.
 *
 * @param object      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_dir_async(rpyc_object *object,
                                  int64_t timeout_ms,
                                  rpyc_async_result **result_out,
                                  rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_inspect() without waiting for the reply.
 *
 * @param object      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_inspect_async(rpyc_object *object,
                                      int64_t timeout_ms,
                                      rpyc_async_result **result_out,
                                      rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_is_instance() without waiting for the reply.
 *
 * @param object      borrowed
 * @param class_      borrowed; a class
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (class_ is not a class)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_is_instance_async(rpyc_object *object,
                                          rpyc_object *class_,
                                          int64_t timeout_ms,
                                          rpyc_async_result **result_out,
                                          rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_length() without waiting for the reply.
 *
 * @code{.c}
 * rpyc_async_result *result = NULL;
 * int64_t length = 0;
 * if (!rpyc_object_length_async(object, 1000, &result, &error) &&
 *     !rpyc_async_result_value(result, &value, &error))
 *     rpyc_take_int(value, &length, &error); // frees value
 * rpyc_async_result_free(result);
 * @endcode
 *
 * @param object      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_length_async(rpyc_object *object,
                                     int64_t timeout_ms,
                                     rpyc_async_result **result_out,
                                     rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_get_item() without waiting for the reply.
 *
 * @code{.c}
 * rpyc_async_result *results[2] = {NULL, NULL}; // both requests are sent before the first reply
 * rpyc_object_get_item_async(object, rpyc_int(0), 1000, &results[0], NULL);
 * rpyc_object_get_item_async(object, rpyc_int(1), 1000, &results[1], NULL);
 * for (int at = 0; at < 2; ++at) {
 *     if (!rpyc_async_result_value(results[at], &value, NULL))
 *         rpyc_value_free(value);
 *     rpyc_async_result_free(results[at]);
 * }
 * @endcode
 *
 * @param object      borrowed
 * @param key         consumed, also on failure
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_get_item_async(rpyc_object *object,
                                       rpyc_value *key,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_set_item() without waiting for the reply.
 *
 * @param object      borrowed
 * @param key         consumed, also on failure
 * @param value       consumed, also on failure
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_set_item_async(rpyc_object *object,
                                       rpyc_value *key,
                                       rpyc_value *value,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_del_item() without waiting for the reply.
 *
 * @param object      borrowed
 * @param key         consumed, also on failure
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_del_item_async(rpyc_object *object,
                                       rpyc_value *key,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_contains() without waiting for the reply. The object must have
 * `__contains__`: its items are not requested one by one.
 *
 * @param object      borrowed
 * @param item        consumed, also on failure
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_contains_async(rpyc_object *object,
                                       rpyc_value *item,
                                       int64_t timeout_ms,
                                       rpyc_async_result **result_out,
                                       rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_iter() without waiting for the reply.
 *
 * @param object      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_iter_async(rpyc_object *object,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_next() without waiting for the reply.
 *
 * @param iterator    borrowed; an iterator
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_next_async(rpyc_object *iterator,
                                   int64_t timeout_ms,
                                   rpyc_async_result **result_out,
                                   rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_next_chunk() without waiting for the reply.
 *
 * @param iterator    borrowed; an iterator
 * @param count       maximum number of items
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_next_chunk_async(rpyc_object *iterator,
                                         int64_t count,
                                         int64_t timeout_ms,
                                         rpyc_async_result **result_out,
                                         rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_enter() without waiting for the reply.
 *
 * @param object      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_enter_async(rpyc_object *object,
                                    int64_t timeout_ms,
                                    rpyc_async_result **result_out,
                                    rpyc_error **error_out);

/**
 * Sends the request of rpyc_object_exit() without waiting for the reply.
 *
 * @param object      borrowed
 * @param error       borrowed; the error that ended the block; NULL for none
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors
 *
 * Threads: any. Since: 0.1.
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
 * @param object        borrowed; the prepared method keeps the object, but like any object it does
 *                      not keep the connection open
 * @param method        copied, NUL-terminated; NULL to call the object itself
 * @param prepared_out  owned, free with rpyc_prepared_free()
 * @param error_out     owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STALE (the connection is gone),
 *         RPYC_ERR_STATE (an object of a session)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_prepared_new(rpyc_object *object,
                              const char *method,
                              rpyc_prepared **prepared_out,
                              rpyc_error **error_out);

/**
 * Makes another handle for a prepared method.
 *
 * @param prepared  borrowed
 * @return owned, free with rpyc_prepared_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_prepared *rpyc_prepared_clone(const rpyc_prepared *prepared);

/**
 * Frees a handle of a prepared method.
 *
 * @param prepared  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_prepared_free(rpyc_prepared *prepared);

/**
 * Calls a prepared method, as rpyc_object_call_method() does.
 *
 * @code{.c}
 * rpyc_prepared *square = NULL;
 * int64_t result = 0;
 * if (!rpyc_prepared_new(object, "square", &square, &error)) {
 *     rpyc_value *args[1] = {rpyc_int(12)};
 *     if (!rpyc_prepared_call(square, args, 1, NULL, &value, &error))
 *         rpyc_take_int(value, &result, &error);
 * }
 * rpyc_prepared_free(square);
 * @endcode
 *
 * @param prepared   borrowed
 * @param args       each value consumed, also on failure
 * @param count      number of arguments
 * @param keywords   consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords();
 *                   NULL for none
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (keywords is not a dict with str
 *         keys)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_prepared_call(rpyc_prepared *prepared,
                               rpyc_value *const *args,
                               size_t count,
                               rpyc_value *keywords,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Calls a prepared method without waiting for the reply, as rpyc_object_call_method_async() does.
 *
 * @param prepared    borrowed
 * @param args        each value consumed, also on failure
 * @param count       number of arguments
 * @param keywords    consumed, also on failure: a dict with str keys, see
 *                    rpyc_value_new_keywords(); NULL for none
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, sending errors, RPYC_ERR_TYPE (keywords is not a dict with str
 *         keys)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_prepared_call_async(rpyc_prepared *prepared,
                                     rpyc_value *const *args,
                                     size_t count,
                                     rpyc_value *keywords,
                                     int64_t timeout_ms,
                                     rpyc_async_result **result_out,
                                     rpyc_error **error_out);

/**
 * Receives the result of one call of a batch.
 *
 * It runs in the thread that called rpyc_batch_run(), for one call at a time, with no lock held. It
 * may call any function, also for the same connection and the same batch.
 *
 * `index` is the number of the call, counted from 0 in the order of rpyc_batch_add(). `value` is
 * borrowed for the call, and NULL if the call failed. `error` is borrowed for the call, and NULL if
 * the call succeeded. Use rpyc_value_clone() and rpyc_error_clone() to keep them.
 */
typedef void (*rpyc_batch_fn)(size_t index,
                              const rpyc_value *value,
                              const rpyc_error *error,
                              void *userdata);

/**
 * Makes an empty batch: a list of calls to objects of one connection, which rpyc_batch_run() sends
 * together.
 *
 * Nothing is allocated for a single call. A burst of calls takes the connection's lock once, and is
 * sent with one write.
 *
 * The calls are sent in the order in which they were added. A peer that handles one request after
 * the other runs them in that order. At most `window` calls are sent and not yet answered. This
 * bounds what the peer and this process store, and nothing more is sent to a peer that does not
 * receive.
 *
 * @param window     maximum number of calls that are sent and not yet answered; 0 for 256. The
 *                   option max_pending is a limit too.
 * @param batch_out  owned, free with rpyc_batch_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_batch_new(size_t window,
                           rpyc_batch **batch_out,
                           rpyc_error **error_out);

/**
 * Makes another handle for a batch.
 *
 * @param batch  borrowed
 * @return owned, free with rpyc_batch_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_batch *rpyc_batch_clone(const rpyc_batch *batch);

/**
 * Frees a handle of a batch. A run in progress continues. Freeing the last handle drops the calls
 * that were added and not run.
 *
 * @param batch  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_batch_free(rpyc_batch *batch);

/**
 * Adds one call to a batch. Nothing is sent before rpyc_batch_run(). The results of the last run
 * are dropped.
 *
 * @param batch      borrowed
 * @param prepared   borrowed; of the same connection as the others, or of an object of this process
 * @param args       each value consumed, also on failure
 * @param count      number of arguments
 * @param keywords   consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords();
 *                   NULL for none
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the batch is running),
 *         RPYC_ERR_ARGUMENT (another connection, or impossible count), RPYC_ERR_TYPE (keywords is
 *         not a dict with str keys), RPYC_ERR_STALE (the connection is gone), RPYC_ERR_LIMIT (2^32
 *         calls), RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_batch_add(rpyc_batch *batch,
                           const rpyc_prepared *prepared,
                           rpyc_value *const *args,
                           size_t count,
                           rpyc_value *keywords,
                           rpyc_error **error_out);

/**
 * Adds several calls of one method to a batch, as rpyc_batch_add() does. If it fails, none of them
 * is added.
 *
 * @param batch      borrowed
 * @param prepared   borrowed
 * @param args       each value consumed, also on failure: calls * count values, those of the first
 *                   call first
 * @param count      number of arguments of each call
 * @param calls      number of calls
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_batch_add
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_batch_add_many(rpyc_batch *batch,
                                const rpyc_prepared *prepared,
                                rpyc_value *const *args,
                                size_t count,
                                size_t calls,
                                rpyc_error **error_out);

/**
 * Makes the calls that were added since the last run, and waits until each has a result. The peer's
 * requests are served meanwhile, also those that it makes before it replies.
 *
 * A failed call does not end the run. An exception of the peer is the result of that call. So is an
 * argument that cannot be sent: nothing of that call is sent. Any other failure ends the run, and
 * is returned. The calls without a reply then fail with the same status, and the message of each
 * says whether the call was sent. A call that was sent may still be running, and its reply is
 * dropped. No call is sent in part.
 *
 * A callback is called exactly once for each call, in the order of the replies, and no result is
 * kept. Without a callback, rpyc_batch_value() gets the results after this function has returned,
 * also if it failed.
 *
 * @code{.c}
 * static void count_failures(size_t index, const rpyc_value *value, const rpyc_error *failure,
 *                            void *count)
 * {
 *     (void)index, (void)value;
 *     if (failure)
 *         ++*(size_t *)count;
 * }
 *
 * static rpyc_status run(rpyc_batch *batch, rpyc_error **error_out)
 * {
 *     size_t failures = 0;
 *     rpyc_status status = rpyc_batch_run(batch, 10000, count_failures, &failures, error_out);
 *
 *     if (!status)
 *         printf("%zu calls failed\n", failures);
 *     return status;
 * }
 * @endcode
 *
 * @param batch       borrowed; it may be freed while this function runs, also by the callback
 * @param timeout_ms  time limit for all calls in milliseconds; -1 for no limit but that of
 *                    rpyc_timeout_begin(). The option sync_request_timeout has no effect.
 * @param callback    called in this thread; NULL to keep the results
 * @param userdata    borrowed until this function returns; passed to the callback
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK (each call has a result of its own), RPYC_ERR_NULL, RPYC_ERR_STATE (the batch is
 *         already running, and no callback is called), RPYC_ERR_FORKED, RPYC_ERR_TIMEOUT,
 *         RPYC_ERR_CANCELLED (by rpyc_batch_cancel()), RPYC_ERR_WAIT_INTERRUPTED, connection
 *         errors, RPYC_ERR_STALE (the connection had ended; no call was sent)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_batch_run(rpyc_batch *batch,
                           int64_t timeout_ms,
                           rpyc_batch_fn callback,
                           void *userdata,
                           rpyc_error **error_out);

/**
 * Gets the result of one call of the last run. It can be called repeatedly, until a call is added
 * or the batch is run again.
 *
 * @code{.c}
 * static double sum_of_results(rpyc_batch *batch, size_t count)
 * {
 *     double sum = 0, x = 0;
 *
 *     for (size_t at = 0; at < count; ++at) {
 *         rpyc_value *value = NULL;
 *         if (!rpyc_batch_value(batch, at, &value, NULL) && !rpyc_take_float(value, &x, NULL))
 *             sum += x;
 *     }
 *     return sum;
 * }
 * @endcode
 *
 * @param batch      borrowed
 * @param index      the number of the call, from 0 in the order of rpyc_batch_add()
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL; receives the error of that
 *                   call
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (no such call), RPYC_ERR_STATE (no results, or
 *         the batch is running), request errors, RPYC_ERR_CANCELLED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_batch_value(rpyc_batch *batch,
                             size_t index,
                             rpyc_value **value_out,
                             rpyc_error **error_out);

/**
 * Cancels the run of a batch. No further call is sent, the calls without a reply fail with
 * RPYC_ERR_CANCELLED, and rpyc_batch_run() returns it.
 *
 * RPyC has no message to tell the peer, which continues with the calls that it was sent.
 *
 * @param batch  borrowed
 * @return true if the run was cancelled; false if the batch is not running or was cancelled before,
 *         and for NULL
 *
 * Threads: any, also in the callback of the batch. Since: 0.1.
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
 * Copies an object that is plain data into a value, with all that it contains: lists, dicts,
 * tuples, sets and frozensets, ranges, views of dicts, and arrays.
 *
 * An array of numbers (numpy.ndarray, array.array, memoryview) becomes a value of kind
 * RPYC_VALUE_ARRAY. One of several dimensions becomes a list of arrays; rpyc_object_obtain_array()
 * is better for it. numpy scalars become int, float and bool. Arrays of booleans become lists.
 * Other arrays of numpy become the result of their tolist(). A bytearray becomes bytes.
 *
 * Sets become frozensets. An OrderedDict, defaultdict or Counter becomes a dict, a deque a list. If
 * an object is changed meanwhile, parts of its former state can be in the copy.
 *
 * If the peer allows access to public names (allow_public_attrs, classic servers), the bytes of an
 * array are sent in one piece, with two bursts of requests. Otherwise its items are requested, and
 * each numpy scalar, all in one burst.
 *
 * All requests for one level of nesting are sent in one burst, or in two if there are dicts. A
 * burst has at most 16384 requests. The time therefore depends on the depth and not on the number
 * of items. The requests need no more than the default settings of RPyC's servers allow.
 *
 * @code{.c}
 * rpyc_status status = rpyc_object_obtain(object, 0, 100000, 0, &value, &error);
 * if (status == RPYC_OK && rpyc_value_kind(value) == RPYC_VALUE_DICT)
 *     printf("%zu entries\n", rpyc_value_count(value));
 * else if (status == RPYC_ERR_LIMIT)
 *     fprintf(stderr, "too large to copy\n");
 * rpyc_value_free(value);
 * @endcode
 *
 * @param object     borrowed
 * @param max_depth  maximum levels of nesting, in which a list of numbers is one; 0 for 100
 * @param max_items  maximum number of items of all containers together. Shared containers are
 *                   counted each time, and an entry of a dict counts twice; 0 for 1048576. A single
 *                   container has fewer than 1048576 items in any case
 * @param max_bytes  maximum size in bytes of all strings, bytes, arrays and long ints together; 0
 *                   for 67108864
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_LIMIT (also if the copy exceeds these
 *         limits), RPYC_ERR_TYPE (a part is not plain data, or a container contains itself)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_obtain(rpyc_object *object,
                               size_t max_depth,
                               size_t max_items,
                               size_t max_bytes,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Copies an array of numbers and its shape: a numpy.ndarray of any number of dimensions, an
 * array.array, a memoryview or a bytearray. It sends the same requests as rpyc_object_obtain().
 *
 * Floats of 16 bits become floats of 32 bits. Booleans become 0 and 1 of RPYC_ARRAY_UINT8. The
 * result has the byte order of this machine, whatever that of the numpy array is. array.array and
 * memoryview are assumed to have the byte order of this machine.
 *
 * An empty array whose type is unknown becomes one of doubles. If the peer's rules hide the type of
 * an array.array or memoryview, the result has doubles or int64_t.
 *
 * @code{.c}
 * rpyc_value *array = NULL, *shape = NULL;
 * if (!rpyc_object_obtain_array(object, 0, &array, &shape, &error))
 *     printf("%zu numbers in %zu dimensions\n", rpyc_value_count(array), rpyc_value_count(shape));
 * rpyc_value_free(shape);
 * rpyc_value_free(array);
 * @endcode
 *
 * @param object     borrowed
 * @param max_bytes  maximum size in bytes of all numbers together; 0 for 67108864
 * @param array_out  owned, free with rpyc_value_free(): a value of kind RPYC_VALUE_ARRAY, in which
 *                   the last index varies fastest
 * @param shape_out  owned, free with rpyc_value_free(): a tuple of ints, the length of each
 *                   dimension, empty for a single number; may be NULL
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_LIMIT (also if the array exceeds
 *         max_bytes), RPYC_ERR_TYPE (another object, or items that are not numbers of one type)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_obtain_array(rpyc_object *object,
                                     size_t max_bytes,
                                     rpyc_value **array_out,
                                     rpyc_value **shape_out,
                                     rpyc_error **error_out);

/**
 * Makes a buffer from memory of the application, into which the library can receive the reply to a
 * call. See rpyc_object_call_method_into().
 *
 * The library may write to the memory, and reads it again, until the destructor has run. The
 * destructor runs when this handle and its clones have been freed, and no call and no value uses
 * the memory. While rpyc_buffer_busy() returns true, do not write to the memory, and read it only
 * through the value that is stored there.
 *
 * @param data           borrowed until the destructor runs
 * @param capacity       size of the memory in bytes
 * @param userdata       consumed, also on failure; passed to the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, on any thread, also on failure;
 *                       may be NULL
 * @param buffer_out     owned, free with rpyc_buffer_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (impossible capacity)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_buffer_new(void *data,
                            size_t capacity,
                            void *userdata,
                            rpyc_free_fn userdata_free,
                            rpyc_buffer **buffer_out,
                            rpyc_error **error_out);

/**
 * Makes another handle for a buffer.
 *
 * @param buffer  borrowed
 * @return owned, free with rpyc_buffer_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_buffer *rpyc_buffer_clone(const rpyc_buffer *buffer);

/**
 * Frees a handle of a buffer. The memory is in use until its destructor runs. It runs at once, or
 * when the call or the value that uses the memory has ended.
 *
 * @param buffer  consumed; NULL does nothing
 *
 * Threads: any; never waits. Since: 0.1.
 */
void rpyc_buffer_free(rpyc_buffer *buffer);

/**
 * Returns whether the memory of a buffer is in use: by a call whose reply may still be received, or
 * by a value stored in it.
 *
 * A call that timed out uses the memory while its reply is being received, until the whole reply
 * has been received or the connection has ended. Nothing is received while no thread waits on the
 * connection.
 *
 * @param buffer  borrowed
 * @return whether it is in use; false for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_buffer_busy(const rpyc_buffer *buffer);

/**
 * Calls a method as rpyc_object_call_method() does, with a buffer for the reply.
 *
 * Bytes that fit are stored at the beginning of the buffer, and rpyc_value_get_bytes() returns the
 * address of its `data`. Bytes of 64 KiB or more that are sent uncompressed are received directly
 * into it, without a copy; see the option compress, which is the peer's. Others are copied.
 *
 * Every other reply is an ordinary value. So are bytes that do not fit, and any reply if the buffer
 * was busy at the call. The memory can be used again when the value, its clones and all values that
 * contain it have been freed.
 *
 * @code{.c}
 * static void read_block(rpyc_object *file, void *memory, size_t size, rpyc_error **error)
 * {
 *     rpyc_buffer *buffer = NULL;
 *     rpyc_value *block = NULL;
 *
 *     if (!rpyc_buffer_new(memory, size, NULL, NULL, &buffer, error)) {
 *         rpyc_value *args[1] = {rpyc_int((int64_t)size)};
 *         rpyc_object_call_method_into(file, "read", args, 1, NULL, buffer, &block, error);
 *     }
 *     rpyc_value_free(block); // its bytes stay in memory
 *     rpyc_buffer_free(buffer);
 * }
 * @endcode
 *
 * @param object     borrowed
 * @param method     copied, NUL-terminated
 * @param args       each value consumed, also on failure
 * @param count      number of arguments
 * @param keywords   consumed, also on failure: a dict with str keys, see rpyc_value_new_keywords();
 *                   NULL for none
 * @param buffer     borrowed
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_object_call_method
 *
 * Threads: any. Since: 0.1.
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
 * Sends the request of rpyc_object_call_method_into() without waiting for the reply. The buffer is
 * busy until the result and all values that are stored in it have been freed.
 *
 * @param object      borrowed
 * @param method      copied, NUL-terminated
 * @param args        each value consumed, also on failure
 * @param count       number of arguments
 * @param keywords    consumed, also on failure: a dict with str keys, see
 *                    rpyc_value_new_keywords(); NULL for none
 * @param buffer      borrowed
 * @param timeout_ms  time limit for the reply in milliseconds; -1 for no limit
 * @param result_out  owned, free with rpyc_async_result_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_object_call_method_async
 *
 * Threads: any. Since: 0.1.
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
 * Callback that serves a call.
 *
 * It answers with one of the functions rpyc_call_return...() and rpyc_call_raise...(), or keeps the
 * call with rpyc_call_defer(). If it does neither, the caller gets a RuntimeError. It must return:
 * no longjmp, no C++ exception.
 *
 * call is borrowed for the call. self is the pointer of the object; for a function, its userdata.
 */
typedef void (*rpyc_method_fn)(rpyc_call *call, void *instance);

/**
 * Flag of rpyc_method: the method is short and never blocks. Replies to a burst of calls may be
 * sent together.
 */
#define RPYC_METHOD_QUICK 1

/** A method of a class. */
typedef struct rpyc_method {
    /** Literal name, such as "exposed_add" or "__len__". NUL-terminated. */
    const char *name;
    /** Serves a call. Not NULL. */
    rpyc_method_fn call;
    /**
     * Signature, such as "add(a, b=2, *rest, c=3, **named)". Arguments are checked before the
     * callback runs. Each parameter is an argument of the call, in the order of the signature:
     * *rest is a tuple, **named a dict. The name is that of the method, with or without the prefix;
     * it may be omitted. NULL for any arguments.
     *
     * With a type, as in "set(value: float, count: int = 1)", an argument is converted before the
     * callback runs, as by rpyc_value_convert(). Types are bool, int, float, str, bytes, date,
     * time, datetime, timedelta, and unions such as "float | None". The conversion of an object
     * asks the peer without blocking the reading thread; other calls can overtake this one
     * meanwhile. The call counts in max_serving. After sync_request_timeout the caller gets
     * TypeError. Other annotations are ignored.
     */
    const char *signature;
    /** Description of the method, for Python's help(). NULL for none. */
    const char *doc;
    /** RPYC_METHOD_... or 0. Unknown bits are rejected. */
    uint64_t flags;
} rpyc_method;

/** A property of a class. */
typedef struct rpyc_property {
    /** Literal name, such as "exposed_size". NUL-terminated. */
    const char *name;
    /** Answers with the value. NULL if the property cannot be read. */
    rpyc_method_fn get;
    /** Sets the value, which is argument 0. NULL if the property cannot be set. */
    rpyc_method_fn set;
    /** Deletes the property. NULL if it cannot be deleted. */
    rpyc_method_fn del;
    /** Description of the property. NULL for none. */
    const char *doc;
} rpyc_property;

/**
 * Flag of rpyc_class_table: calls for one object of the class never overlap. While one of them
 * waits in a function of this library, others run.
 */
#define RPYC_CLASS_SERIAL 1

/** Flag of rpyc_class_table: all connections share one instance of the service. */
#define RPYC_CLASS_SHARED 2

/**
 * Describes a class. rpyc_class_new() copies all of it. New members are only ever appended. A
 * member that is 0 or NULL takes the default documented for it.
 */
typedef struct rpyc_class_table {
    /** sizeof(rpyc_class_table) */
    size_t struct_size;
    /** sizeof(rpyc_method). May be 0 without methods. */
    size_t method_size;
    /** sizeof(rpyc_property). May be 0 without properties. */
    size_t property_size;
    /**
     * Module of the class. NULL for "librpyc". With "builtins" and the name of a type of Python,
     * Python peers treat its objects as that type.
     */
    const char *module;
    /** Name of the class, such as "CalculatorService". Not NULL. */
    const char *name;
    /** Description of the class, for Python's help(). NULL for none. */
    const char *doc;
    /** Base class. Its methods, properties and access rules are inherited. NULL for none. */
    const rpyc_class *base;
    /** RPYC_CLASS_... or 0. Unknown bits are rejected. */
    uint64_t flags;
    /** Methods of the class. NULL if it has none of its own. */
    const rpyc_method *methods;
    /** Number of methods. */
    size_t method_count;
    /** Properties of the class. NULL if it has none of its own. */
    const rpyc_property *properties;
    /** Number of properties. */
    size_t property_count;
    /**
     * Called when a peer calls the class; answers with an object of it. userdata is that of the
     * class. NULL if the class cannot be called.
     */
    void (*construct)(rpyc_call *call, void *userdata);
    /**
     * Replaces the access rules for reading, like RPyC's _rpyc_getattr. Argument 0 is the name as
     * the peer sent it. NULL for the usual rules.
     */
    rpyc_method_fn get_attr;
    /**
     * Replaces the access rules for setting, like RPyC's _rpyc_setattr. Arguments are the name and
     * the value. NULL for the usual rules.
     */
    rpyc_method_fn set_attr;
    /**
     * Replaces the access rules for deleting, like RPyC's _rpyc_delattr. Argument 0 is the name.
     * NULL for the usual rules.
     */
    rpyc_method_fn del_attr;
    /**
     * Returns nonzero if the object has an attribute that is in no table. It is called for each
     * permitted name before get_dynamic and del_dynamic, also for special methods. If it returns 0,
     * the peer gets an AttributeError. set_dynamic is called without it, because setting makes
     * attributes. The usual rules apply to the names. NULL if an attribute exists unless
     * get_dynamic raises AttributeError, as with Python's __getattr__.
     */
    int32_t (*has_dynamic)(void *instance, const char *name, size_t length);
    /**
     * Reads an attribute that is in no table. Argument 0 is its name. NULL if they cannot be read.
     */
    rpyc_method_fn get_dynamic;
    /**
     * Sets an attribute that is in no table. Arguments are its name and the value. NULL if they
     * cannot be set.
     */
    rpyc_method_fn set_dynamic;
    /**
     * Deletes an attribute that is in no table. Argument 0 is its name. NULL if they cannot be
     * deleted.
     */
    rpyc_method_fn del_dynamic;
    /** Names of a service. NULL for its class name without "Service", in upper case. */
    const char *const *aliases;
    /** Number of aliases. */
    size_t alias_count;
    /**
     * For a service: makes, for each connection, the pointer that callbacks get as self.
     *
     * If it returns NULL, the connection is refused: it ends before anything is answered, without
     * on_connect and on_disconnect. If this side made the connection, the function that makes it
     * returns RPYC_ERR_STATE.
     *
     * connection is borrowed for the call. Its options, credentials and endpoints can be read, and
     * rpyc_connection_set_userdata() can be called; a request or serving fails with RPYC_ERR_STATE.
     * The instance may hold a clone of it. connection is NULL for the one object of
     * RPYC_CLASS_SHARED.
     *
     * NULL to use userdata as self.
     */
    void *(*create)(rpyc_connection *connection, void *userdata);
    /**
     * Destroys the instance that create made: after on_disconnect, when the calls that use it have
     * returned and no handle of the application keeps the connection open.
     */
    void (*destroy)(void *instance);
    /**
     * For a service: called when a connection begins, before any request of the peer is served.
     * connection is borrowed for the call.
     */
    void (*on_connect)(rpyc_connection *connection, void *instance);
    /**
     * For a service: called when a connection has ended; nothing can be sent. connection is
     * borrowed for the call.
     */
    void (*on_disconnect)(rpyc_connection *connection, void *instance);
    /**
     * Signature of construct, such as "Point(x, y=0)", with the name of the class. Arguments are
     * then matched as for a method with a signature, keywords and types included. NULL if construct
     * gets the arguments as they were sent.
     */
    const char *construct_signature;
} rpyc_class_table;

/**
 * Makes a class from a table.
 *
 * @param table          copied, with everything that it points to
 * @param userdata       consumed, also on failure; an argument of construct and create, and the
 *                       self of a service without create
 * @param userdata_free  destructor of userdata; called when the class and all its objects have been
 *                       destroyed; may be NULL
 * @param class_out      owned, free with rpyc_class_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size is invalid, or flags or
 *         members are set that this version does not have), RPYC_ERR_ARGUMENT (an invalid signature
 *         or name, a duplicate name, a property without functions); the message says which
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_class_new(const rpyc_class_table *table,
                           void *userdata,
                           rpyc_free_fn userdata_free,
                           rpyc_class **class_out,
                           rpyc_error **error_out);

/**
 * Gets another handle of the same class.
 *
 * @param class_  borrowed
 * @return owned, free with rpyc_class_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_class *rpyc_class_clone(const rpyc_class *class_);

/**
 * Frees a handle. The class lives as long as its objects, servers and connections.
 *
 * @param class_  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_class_free(rpyc_class *class_);

/**
 * Gets the class as an object that can be sent. A peer that calls the object runs construct.
 *
 * @param class_      borrowed
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_class_object(const rpyc_class *class_,
                              rpyc_object **object_out,
                              rpyc_error **error_out);

/**
 * Makes an object of this process: an instance of a class, with a pointer of the application.
 *
 * @code{.c}
 * rpyc_object *counter = NULL;
 * int *count = calloc(1, sizeof *count);
 * if (!rpyc_object_new(service, count, free, &counter, &error)) // frees count also on failure
 *     rpyc_value_new_object(counter, &value, &error);
 * rpyc_value_free(value);
 * rpyc_object_free(counter);
 * @endcode
 *
 * @param class_      copied: a reference to the class is kept
 * @param instance    consumed, also on failure; passed to the callbacks of the class
 * @param self_free   destructor of instance: runs when neither this process nor a peer uses the
 *                    object any more, and on failure; may be NULL
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_new(const rpyc_class *class_,
                            void *instance,
                            rpyc_free_fn self_free,
                            rpyc_object **object_out,
                            rpyc_error **error_out);

/**
 * Gets the object of a class that was made for a key, or makes a new one if there is none.
 *
 * Something that the application has once thereby becomes one object, whose identity peers can
 * compare. The object exists as long as this process or a peer uses it.
 *
 * @param class_      copied: a reference to the class is kept; each class has its own keys
 * @param key         identifies the object, usually the address of what it represents; it is not
 *                    dereferenced. While the object exists, the application must not use the key
 *                    for anything else
 * @param instance    consumed, also on failure; passed to the callbacks of the class if an object
 *                    is made
 * @param self_free   destructor of instance: runs when neither this process nor a peer uses the
 *                    object any more, at once if the object existed and keeps its own instance, and
 *                    on failure; may be NULL
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also if key is NULL)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_get_or_new(const rpyc_class *class_,
                                   const void *key,
                                   void *instance,
                                   rpyc_free_fn self_free,
                                   rpyc_object **object_out,
                                   rpyc_error **error_out);

/**
 * Gets the pointer that an object of this process was made with.
 *
 * @param object  borrowed
 * @param class_  borrowed; the class of the object, or one that it is derived from
 * @return borrowed, valid as long as the object; NULL for other objects
 *
 * Threads: any. Since: 0.1.
 */
void *rpyc_object_self(const rpyc_object *object, const rpyc_class *class_);

/**
 * Gets the class of an object of this process. For a class that was sent as an object, it is the
 * class itself. In a construct callback, the called class is that of rpyc_call_target().
 *
 * @param object     borrowed; made with rpyc_object_new() or rpyc_class_object(), or the root of a
 *                   service
 * @param class_out  owned, free with rpyc_class_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (an object of a peer, or one without an rpyc_class)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_object_class(const rpyc_object *object,
                              rpyc_class **class_out,
                              rpyc_error **error_out);

/**
 * Returns whether an object is a remote object of a connection.
 *
 * @param object      borrowed
 * @param connection  borrowed
 * @return whether it is; false for NULL and for an object of this process
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_object_is_of(const rpyc_object *object, const rpyc_connection *connection);

/**
 * Makes a view of an object that gives peers access to some of its attributes and to no others,
 * whatever the attribute rules are. It is RPyC's restricted().
 *
 * Access to a listed name is performed as by this program. For an object of this process the name
 * is searched with and without the prefix "exposed_". For a remote object the request is forwarded
 * to its owner, whose rules apply. Access to any other name raises the AttributeError that RPyC
 * raises, with the attribute refused_by.
 *
 * Methods are read, so list them among the readable names. Unlike in Python, a readable name is not
 * also writable unless it is listed as writable.
 *
 * @code{.c}
 * const char *readable[2] = {"name", "describe"};
 * const char *writable[1] = {"name"};
 * rpyc_object *view = NULL;
 * if (!rpyc_object_restricted(object, readable, 2, writable, 1, &view, &error))
 *     rpyc_value_new_object(view, &value, &error); // pass this instead of object
 * rpyc_value_free(value);
 * rpyc_object_free(view);
 * @endcode
 *
 * @param object          copied: a reference is kept; an object of this process or of a peer
 * @param readable        copied: names that can be read; NULL for none
 * @param readable_count  number of readable names
 * @param writable        copied: names that can be set; NULL for none
 * @param writable_count  number of writable names
 * @param view_out        owned, free with rpyc_object_free()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
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

/**
 * Flag of rpyc_function_new(): the function is short and never blocks. Replies to a burst of calls
 * may be sent together.
 */
#define RPYC_FUNCTION_QUICK 1

/**
 * Flag of rpyc_function_new(): calls of the function never overlap. While one of them waits in a
 * function of this library, others run.
 */
#define RPYC_FUNCTION_SERIAL 2

/**
 * Makes a callable object of a C function. Python peers see a function.
 *
 * @code{.c}
 * static void on_event(rpyc_call *call, void *self)
 * {
 *     const char *event;
 *     size_t length;
 *
 *     (void)self;
 *     if (!rpyc_call_get_str(call, 0, &event, &length)) {
 *         printf("%.*s\n", (int)length, event);
 *         rpyc_call_return(call, NULL); // None
 *     }
 * }
 *
 * static rpyc_status subscribe(rpyc_object *remote, rpyc_error **error_out)
 * {
 *     rpyc_object *function = NULL;
 *     rpyc_value *arg, *result = NULL;
 *     rpyc_status status = rpyc_function_new("on_event", on_event, "on_event(event)", NULL, 0,
 *                                            NULL, NULL, &function, error_out);
 *     if (status)
 *         return status;
 *     arg = rpyc_ref(function);
 *     rpyc_object_free(function); // the argument keeps the function alive
 *     status = rpyc_object_call_method(remote, "subscribe", &arg, 1, NULL, &result, error_out);
 *     rpyc_value_free(result);
 *     return status;
 * }
 * @endcode
 *
 * @param name           copied; NUL-terminated
 * @param call           serves a call; userdata is its self
 * @param signature      copied; as in rpyc_method; NULL for any arguments
 * @param doc            copied; NULL for none
 * @param flags          RPYC_FUNCTION_... or 0
 * @param userdata       consumed, also on failure; the self of call
 * @param userdata_free  destructor of userdata; called when neither this process nor a peer
 *                       references the function any more; may be NULL
 * @param object_out     owned, free with rpyc_object_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the signature), RPYC_ERR_ABI
 *         (unknown flags)
 *
 * Threads: any. Since: 0.1.
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
 * Makes a list that this process and its peers share: a change by one of them is seen by all.
 *
 * A Python peer uses it like a list of a Python server, under the attribute rules of the
 * connection: methods such as append are public names. All functions for objects work on it too.
 *
 * @param items      consumed (each value), also on failure; NULL for none
 * @param count      number of items
 * @param list_out   owned, free with rpyc_object_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (count is out of range)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_list_new(rpyc_value *const *items,
                          size_t count,
                          rpyc_object **list_out,
                          rpyc_error **error_out);

/**
 * Gets the number of items of a list.
 *
 * @param list  borrowed
 * @return 0 also for NULL and for an object not made by rpyc_list_new()
 *
 * Threads: any. Since: 0.1.
 */
size_t rpyc_list_count(const rpyc_object *list);

/**
 * Gets an item of a list.
 *
 * @param list       borrowed
 * @param index      from 0; -1 is the last item
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new()), RPYC_ERR_RANGE
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_list_get(const rpyc_object *list,
                          int64_t index,
                          rpyc_value **value_out,
                          rpyc_error **error_out);

/**
 * Replaces an item of a list.
 *
 * @param list       borrowed
 * @param index      from 0; -1 is the last item
 * @param value      consumed, also on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new()), RPYC_ERR_RANGE
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_list_set(rpyc_object *list,
                          int64_t index,
                          rpyc_value *value,
                          rpyc_error **error_out);

/**
 * Appends a value to a list.
 *
 * @param list       borrowed
 * @param value      consumed, also on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new())
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_list_append(rpyc_object *list, rpyc_value *value, rpyc_error **error_out);

/**
 * Inserts a value before an item of a list.
 *
 * @param list       borrowed
 * @param index      from 0; negative ones count from the end; an index beyond an end means that
 *                   end, as in Python
 * @param value      consumed, also on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new())
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_list_insert(rpyc_object *list,
                             int64_t index,
                             rpyc_value *value,
                             rpyc_error **error_out);

/**
 * Removes an item from a list.
 *
 * @param list       borrowed
 * @param index      from 0; -1 is the last item
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new()), RPYC_ERR_RANGE
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_list_remove(rpyc_object *list, int64_t index, rpyc_error **error_out);

/**
 * Removes all items from a list.
 *
 * @param list       borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new())
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_list_clear(rpyc_object *list, rpyc_error **error_out);

/**
 * Copies the current items into a value of kind list.
 *
 * @param list       borrowed
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_list_new())
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_list_snapshot(const rpyc_object *list,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Makes a dict that this process and its peers share: a change by one of them is seen by all.
 *
 * A Python peer uses it like a dict of a Python server, under the attribute rules of the
 * connection: methods such as keys are public names. All functions for objects work on it too.
 * Entries keep the order of insertion. An object as a key is compared by identity.
 *
 * @code{.c}
 * rpyc_value *keys[1], *values[1];
 * rpyc_object *dict = NULL;
 * keys[0] = rpyc_str("answer");
 * values[0] = rpyc_int(42);
 * if (!rpyc_dict_new(keys, values, 1, &dict, &error)) // consumes the key and the value
 *     rpyc_dict_set(dict, rpyc_str("question"), rpyc_none(), &error);
 * rpyc_object_free(dict);
 * @endcode
 *
 * @param keys       consumed (each value), also on failure; NULL for none
 * @param values     consumed (each value), also on failure; values[i] belongs to keys[i]
 * @param count      number of keys, and of values
 * @param dict_out   owned, free with rpyc_object_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (also for an item), RPYC_ERR_ARGUMENT (count is out of range),
 *         RPYC_ERR_TYPE (a key that Python cannot hash)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_dict_new(rpyc_value *const *keys,
                          rpyc_value *const *values,
                          size_t count,
                          rpyc_object **dict_out,
                          rpyc_error **error_out);

/**
 * Gets the number of entries of a dict.
 *
 * @param dict  borrowed
 * @return 0 also for NULL and for an object not made by rpyc_dict_new()
 *
 * Threads: any. Since: 0.1.
 */
size_t rpyc_dict_count(const rpyc_object *dict);

/**
 * Gets the value of a key.
 *
 * @param dict       borrowed
 * @param key        consumed, also on failure
 * @param value_out  owned, free with rpyc_value_free(); NULL, with RPYC_OK, if the dict does not
 *                   have the key
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new(), or a key that Python
 *         cannot hash)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_dict_get(const rpyc_object *dict,
                          rpyc_value *key,
                          rpyc_value **value_out,
                          rpyc_error **error_out);

/**
 * Sets the value of a key.
 *
 * @param dict       borrowed
 * @param key        consumed, also on failure
 * @param value      consumed, also on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new(), or a key that Python
 *         cannot hash)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_dict_set(rpyc_object *dict,
                          rpyc_value *key,
                          rpyc_value *value,
                          rpyc_error **error_out);

/**
 * Removes a key and its value from a dict.
 *
 * @param dict       borrowed
 * @param key        consumed, also on failure
 * @param found_out  whether the dict had the key
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new(), or a key that Python
 *         cannot hash)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_dict_delete(rpyc_object *dict,
                             rpyc_value *key,
                             bool *found_out,
                             rpyc_error **error_out);

/**
 * Removes all entries from a dict.
 *
 * @param dict       borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new())
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_dict_clear(rpyc_object *dict, rpyc_error **error_out);

/**
 * Copies the current entries into a value of kind dict, for iterating with rpyc_value_key() and
 * rpyc_value_item().
 *
 * @code{.c}
 * size_t i;
 * if (!rpyc_dict_snapshot(object, &value, &error))
 *     for (i = 0; i < rpyc_value_count(value); i++)
 *         rpyc_dict_set(object, rpyc_value_clone(rpyc_value_key(value, i)), rpyc_none(), &error);
 * rpyc_value_free(value);
 * @endcode
 *
 * @param dict       borrowed
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (not made by rpyc_dict_new())
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_dict_snapshot(const rpyc_object *dict,
                               rpyc_value **value_out,
                               rpyc_error **error_out);

/**
 * Makes a generator: a callback makes each item when the peer asks for it, with Python's next(), a
 * loop, send or RPyC's buffiter.
 *
 * @code{.c}
 * static void next_number(rpyc_call *call, void *self)
 * {
 *     int64_t *left = (int64_t *)self;
 *     if (*left > 0)
 *         rpyc_call_return_int(call, (*left)--);
 *     else
 *         rpyc_call_raise(call, "StopIteration", NULL);
 * }
 *
 * static rpyc_status count_down(int64_t from, rpyc_object **generator_out, rpyc_error **error_out)
 * {
 *     int64_t *left = (int64_t *)malloc(sizeof *left);
 *     if (left == NULL)
 *         return rpyc_error_new(RPYC_ERR_NO_MEMORY, NULL, "no memory", error_out);
 *     *left = from;
 *     return rpyc_generator_new(next_number, left, free, generator_out, error_out);
 * }
 * @endcode
 *
 * @param next           answers with the next item (rpyc_call_return() and the like) or raises
 *                       StopIteration. It is not called again after an exception, nor after a peer
 *                       has called close. Its calls never overlap; it may defer. Argument 0 is the
 *                       value that the peer sent with send, or None
 * @param userdata       consumed, also on failure; the self of next
 * @param userdata_free  destructor of userdata; called at the end of the generator, or when it is
 *                       no longer referenced; may be NULL
 * @param generator_out  owned, free with rpyc_object_free()
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_generator_new(rpyc_method_fn next,
                               void *userdata,
                               rpyc_free_fn userdata_free,
                               rpyc_object **generator_out,
                               rpyc_error **error_out);

/**
 * Makes a file object of a descriptor. A Python peer uses it like a file from open(): read, write,
 * seek, lines, with. Strings are UTF-8 and lines end with "\n"; neither is translated. Written data
 * is passed to the system at once.
 *
 * @code{.c}
 * rpyc_object *file = NULL;
 * if (!rpyc_file_new(2, "w", 0, &file, &error)) // a duplicate of standard error
 *     rpyc_value_new_object(file, &value, &error);
 * rpyc_object_free(file);
 * @endcode
 *
 * @param fd         an open descriptor
 * @param mode       copied; as for Python's open: "r", "rb", "w", "a", "r+", "w+b" and so on. It
 *                   limits what peers may do; it does not change the descriptor or truncate the
 *                   file
 * @param close_fd   1 if the descriptor is consumed on success: it is closed by close(), at the end
 *                   of a with, or when the file is no longer referenced. 0 if it remains the
 *                   caller's: the file uses a duplicate, which shares its position
 * @param file_out   owned, free with rpyc_object_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (mode or descriptor),
 *         RPYC_ERR_IO (the descriptor could not be duplicated)
 *
 * Threads: any. Since: 0.1.
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
 * Gets the userdata of the called function, or of the called object's class as passed to
 * rpyc_class_new(), even if create made another self.
 *
 * @param call  borrowed
 * @return borrowed, as long as the class or function lives; NULL for NULL and without userdata
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
void *rpyc_call_userdata(const rpyc_call *call);

/**
 * Gets the number of arguments of a call. With a signature, there is one for each parameter.
 *
 * @param call  borrowed
 * @return 0 also for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
size_t rpyc_call_arg_count(const rpyc_call *call);

/**
 * Gets an argument of a call.
 *
 * @param call   borrowed
 * @param index  from 0; with a signature, the position of the parameter
 * @return borrowed, as long as the call lives; NULL past the end
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
const rpyc_value *rpyc_call_arg(const rpyc_call *call, size_t index);

/**
 * Gets the number of keywords of a call to a method without a signature. With a signature, keywords
 * become arguments.
 *
 * @param call  borrowed
 * @return 0 also for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
size_t rpyc_call_keyword_count(const rpyc_call *call);

/**
 * Gets a keyword of a call, in the order in which the caller passed them.
 *
 * @code{.c}
 * static void show_keywords(rpyc_call *call, void *self)
 * {
 *     const rpyc_value *value;
 *     const char *name;
 *     size_t i, length;
 *
 *     (void)self;
 *     for (i = 0; i < rpyc_call_keyword_count(call); i++)
 *         if (!rpyc_call_keyword(call, i, &name, &length, &value))
 *             printf("%.*s\n", (int)length, name);
 *     rpyc_call_return(call, NULL);
 * }
 * @endcode
 *
 * @param call        borrowed
 * @param index       from 0
 * @param name_out    borrowed, as long as the call lives; not NUL-terminated
 * @param length_out  length of the name, in bytes
 * @param value_out   borrowed, as long as the call lives
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE, RPYC_ERR_RANGE (past the end)
 *
 * Threads: one at a time per handle. Since: 0.1.
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
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE, RPYC_ERR_TYPE (the caller has been sent a
 *         TypeError that names the argument; the callback just returns)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_get_bool(rpyc_call *call,
                               size_t index,
                               bool *out);

/**
 * Reads an int argument. A bool counts as 0 or 1, as in Python.
 *
 * @param call   borrowed
 * @param index  from 0
 * @param out    the argument
 * @return as rpyc_call_get_bool, and RPYC_ERR_RANGE (out of range; the caller has been sent an
 *         OverflowError)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_get_int(rpyc_call *call,
                              size_t index,
                              int64_t *out);

/**
 * Reads a non-negative int argument. A bool counts as 0 or 1.
 *
 * @param call   borrowed
 * @param index  from 0
 * @param out    the argument
 * @return as rpyc_call_get_int
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_get_uint(rpyc_call *call, size_t index, uint64_t *out);

/**
 * Reads a float argument. An int or bool is converted.
 *
 * @param call   borrowed
 * @param index  from 0
 * @param out    the argument
 * @return as rpyc_call_get_bool
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_get_float(rpyc_call *call, size_t index, double *out);

/**
 * Reads a str argument.
 *
 * @param call        borrowed
 * @param index       from 0
 * @param text_out    borrowed, as long as the call lives; UTF-8, not NUL-terminated
 * @param length_out  number of bytes
 * @return as rpyc_call_get_bool
 *
 * Threads: one at a time per handle. Since: 0.1.
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
 * @param length_out  number of bytes
 * @return as rpyc_call_get_bool
 *
 * Threads: one at a time per handle. Since: 0.1.
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
 * @param object_out  owned, free with rpyc_object_free()
 * @return as rpyc_call_get_bool
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_get_object(rpyc_call *call, size_t index, rpyc_object **object_out);

/**
 * Gets the connection over which a call came.
 *
 * @param call  borrowed
 * @return borrowed, as long as the call lives; clones of it do not keep the connection open; NULL
 *         for calls within this process and for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_connection *rpyc_call_connection(const rpyc_call *call);

/**
 * Gets the called object.
 *
 * @param call  borrowed
 * @return borrowed, as long as the call lives; NULL for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_object *rpyc_call_target(const rpyc_call *call);

/**
 * Gets the name of the called method, as in its table.
 *
 * @param call  borrowed
 * @return borrowed, as long as the call lives; NUL-terminated; "" if the call has no method
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
const char *rpyc_call_name(const rpyc_call *call);

/**
 * Returns whether the caller has gone or its deadline has passed. The function checks, without
 * blocking, for the end of the stream and for the deadline of the call (rpyc_call_time_left()). A
 * long call may check it repeatedly.
 *
 * @code{.c}
 * static void count_up(rpyc_call *call, void *self)
 * {
 *     int64_t n = 0;
 *
 *     (void)self;
 *     while (n < 1000000 && !rpyc_call_cancelled(call))
 *         n++; // a step of the work
 *     rpyc_call_return_int(call, n);
 * }
 * @endcode
 *
 * @param call  borrowed
 * @return true also for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
bool rpyc_call_cancelled(const rpyc_call *call);

/**
 * Gets the time that the caller will still wait for the reply.
 *
 * Only a peer that has agreed on the native dialect tells it: in its sync_request_timeout, the
 * timeout of an asynchronous call, or the deadline of a request of a session. The time counts from
 * when the request was read here, for deferred calls too. A call can be answered even after that
 * time.
 *
 * @param call  borrowed
 * @return milliseconds; 0 if the time has passed; -1 if the caller has not told it, waits without a
 *         limit, or has its reply; 0 also for NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
int64_t rpyc_call_time_left(const rpyc_call *call);

/**
 * Keeps a call beyond its callback, to answer it later and from any thread. Data borrowed from the
 * call stays valid as long as the new handle.
 *
 * @code{.c}
 * static rpyc_call *pending; // a program protects this with a mutex
 *
 * static void wait_for_result(rpyc_call *call, void *self)
 * {
 *     (void)self;
 *     pending = rpyc_call_defer(call); // the callback returns without an answer
 * }
 *
 * static void result_is_ready(double result)
 * {
 *     rpyc_call_return_float(pending, result);
 *     rpyc_call_free(pending);
 * }
 * @endcode
 *
 * @param call  borrowed; functions return RPYC_ERR_STATE for it from now on
 * @return owned, free with rpyc_call_free() after answering; NULL if the call was answered or
 *         deferred before
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_call *rpyc_call_defer(rpyc_call *call);

/**
 * Frees a deferred call. If it was not answered, the caller gets a RuntimeError.
 *
 * @param call  consumed; NULL does nothing; never a call that a callback borrowed
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_call_free(rpyc_call *call);

/**
 * Answers with a value.
 *
 * @param call   borrowed
 * @param value  consumed, also on failure; NULL for None
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED (the caller
 *         has gone), RPYC_ERR_TYPE and RPYC_ERR_LIMIT (the value cannot be sent; the caller has
 *         been told)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_return(rpyc_call *call,
                             rpyc_value *value);

/**
 * Answers with a bool.
 *
 * @param call   borrowed
 * @param value  0 for False, otherwise True
 * @return as rpyc_call_return
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_return_bool(rpyc_call *call, int32_t value);

/**
 * Answers with an int.
 *
 * @param call   borrowed
 * @param value  the answer
 * @return as rpyc_call_return
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_return_int(rpyc_call *call, int64_t value);

/**
 * Answers with a float.
 *
 * @param call   borrowed
 * @param value  the answer
 * @return as rpyc_call_return
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_return_float(rpyc_call *call, double value);

/**
 * Answers with a str.
 *
 * @param call    borrowed
 * @param text    copied; UTF-8
 * @param length  number of bytes, or RPYC_NUL_TERMINATED
 * @return as rpyc_call_return, and RPYC_ERR_UTF8 (the call is not answered)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_return_str(rpyc_call *call, const char *text, size_t length);

/**
 * Answers with bytes.
 *
 * @param call    borrowed
 * @param data    copied
 * @param length  number of bytes
 * @return as rpyc_call_return
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_return_bytes(rpyc_call *call, const void *data, size_t length);

/**
 * Answers with an object.
 *
 * @param call    borrowed
 * @param object  copied (a reference)
 * @return as rpyc_call_return
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_return_object(rpyc_call *call, const rpyc_object *object);

/**
 * Answers with an exception that has its message as the only argument.
 *
 * @param call     borrowed
 * @param name     copied; a builtin of Python such as "ValueError", or "module.Name";
 *                 "StopIteration" ends an iteration
 * @param message  copied; NULL for no arguments
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_raise(rpyc_call *call,
                            const char *name,
                            const char *message);

/**
 * Answers with an exception that has any arguments and attributes. Those that cannot be passed by
 * value arrive as their repr.
 *
 * For builtin types whose constructors set attributes from their arguments, these attributes are
 * set as in Python: an OSError with 2 and two strings is a FileNotFoundError with errno, strerror
 * and filename. Given attributes are not changed.
 *
 * @code{.c}
 * static void open_table(rpyc_call *call, void *self)
 * {
 *     rpyc_value *args[3];
 *
 *     (void)self;
 *     args[0] = rpyc_int(2); // ENOENT
 *     args[1] = rpyc_str("No such file or directory");
 *     args[2] = rpyc_str("/data/table");
 *     rpyc_call_raise_with(call, NULL, "OSError", args, 3, NULL); // a FileNotFoundError
 * }
 * @endcode
 *
 * @param call        borrowed
 * @param module      copied; NULL for "builtins"
 * @param name        copied; name of the class
 * @param args        consumed (each value), also on failure
 * @param count       number of args
 * @param attributes  consumed, also on failure; a dict with str keys; NULL for none
 * @return as rpyc_call_raise, and RPYC_ERR_TYPE (attributes are not a dict with str keys)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_call_raise_with(rpyc_call *call,
                                 const char *module,
                                 const char *name,
                                 rpyc_value *const *args,
                                 size_t count,
                                 rpyc_value *attributes);

/**
 * Answers with an error.
 *
 * A remote exception is passed on unchanged, with its traceback. Another error becomes the
 * exception that stock Python raises for the same condition:
 *
 * - a timeout: TimeoutError
 * - the end of a connection: EOFError
 * - RPYC_ERR_IO and RPYC_ERR_ADDRESS: OSError
 * - RPYC_ERR_UNSAFE: PermissionError
 * - RPYC_ERR_TYPE: TypeError
 * - RPYC_ERR_RANGE: OverflowError
 * - RPYC_ERR_NO_MEMORY: MemoryError
 * - RPYC_ERR_ARGUMENT, RPYC_ERR_MALFORMED and RPYC_ERR_LIMIT: ValueError
 * - any other: RuntimeError
 *
 * @code{.c}
 * static void forward(rpyc_call *call, void *self)
 * {
 *     rpyc_value *result = NULL;
 *     rpyc_error *error = NULL;
 *
 *     if (rpyc_object_call_method((rpyc_object *)self, "run", NULL, 0, NULL, &result, &error))
 *         rpyc_call_raise_error(call, error); // consumes the error
 *     else
 *         rpyc_call_return(call, result); // consumes the value
 * }
 * @endcode
 *
 * @param call   borrowed
 * @param error  consumed, also on failure
 * @return as rpyc_call_raise
 *
 * Threads: one at a time per handle. Since: 0.1.
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
 * A server listens at an address and serves each connection in a thread of its own, or all
 * connections in a few threads, with the option pool_threads. rpyc_server_stop() may be called in a
 * signal handler through the descriptor of rpyc_server_stop_fd(). rpyc_server_drain() stops without
 * losing a request, and rpyc_server_pass_socket() hands the listening socket to a successor.
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
 * Makes a server. When the function returns, the address is bound and clients can connect. They are
 * served once rpyc_server_serve(), rpyc_server_start() or rpyc_server_serve_one() is called.
 *
 * Each connection has a thread of its own, or, with the option pool_threads, a few threads serve
 * all connections:
 *
 * @code{.c}
 * rpyc_config *config = rpyc_config_new();
 * if (!rpyc_config_set(config, "pool_threads", "auto", &error)
 *     && !rpyc_server_new("tcp://:18861", service, config, &server, &error))
 *     rpyc_server_serve(server, &error);
 * rpyc_config_free(config);
 * @endcode
 *
 * @param address     copied; "tcp://HOST:PORT" (without a host, loopback; port 0 for any free
 *                    port), "tls://HOST:PORT" (with the options tls_cert and tls_key),
 *                    "unix:///PATH" or "shm:///PATH" (see rpyc_transport_connect()); "fd:N" to take
 *                    over descriptor N, a TCP or Unix socket that listens already (see
 *                    rpyc_server_pass_socket()); "" to not listen, for a server that only gets
 *                    connections by rpyc_server_add_transport()
 * @param service     copied (a reference); the class of the root; each connection gets an instance
 * @param config      copied; the options of the connections; NULL for the defaults
 * @param server_out  owned, free with rpyc_server_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS, RPYC_ERR_IO, RPYC_ERR_ARGUMENT
 *         (an option of TLS, pool_threads with bind_threads), RPYC_ERR_UNSUPPORTED (built without
 *         TLS)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_new(const char *address,
                            const rpyc_class *service,
                            const rpyc_config *config,
                            rpyc_server **server_out,
                            rpyc_error **error_out);

/**
 * Gets another handle of the same server.
 *
 * @param server  borrowed
 * @return owned, free with rpyc_server_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_server *rpyc_server_clone(const rpyc_server *server);

/**
 * Frees a handle. Freeing the last handle stops the server, without waiting for running calls.
 *
 * @param server  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_server_free(rpyc_server *server);

/**
 * Gets the address at which a server listens, with its actual port; "" for a server that does not
 * listen.
 *
 * @param server  borrowed
 * @return borrowed, as long as the handle lives; NUL-terminated; NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
const char *rpyc_server_address(const rpyc_server *server);

/**
 * Gets the number of connections of a server.
 *
 * @param server  borrowed
 * @return 0 also for NULL
 *
 * Threads: any. Since: 0.1.
 */
size_t rpyc_server_connection_count(const rpyc_server *server);

/**
 * Limits the number of connections of a server.
 *
 * When a connection exceeds the limit, the server closes the oldest connection that has not sent a
 * complete message. If there is none, or the option make_room is "false", it closes the new
 * connection at once. A connection that has sent a message is never closed for another one, even if
 * it is silent for a long time afterwards.
 *
 * @param server     borrowed
 * @param count      largest number of connections; 0 for no limit
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_set_max_connections(rpyc_server *server,
                                            size_t count,
                                            rpyc_error **error_out);

/**
 * Accepts connections in this thread until the server is stopped. Each connection is served in a
 * thread of its own, or all in the threads of the pool.
 *
 * @param server     borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK when the server was stopped, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE
 *         (stopped, or accepting already), RPYC_ERR_IO
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_serve(rpyc_server *server,
                              rpyc_error **error_out);

/**
 * Accepts one connection and serves it in this thread until it ends.
 *
 * @param server     borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already),
 *         RPYC_ERR_IO; if the connection failed, RPYC_ERR_AUTHENTICATION, RPYC_ERR_TIMEOUT (of the
 *         authentication), RPYC_ERR_MALFORMED, RPYC_ERR_LIMIT, RPYC_ERR_DIALECT, RPYC_ERR_EXIT,
 *         RPYC_ERR_INTERRUPTED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_serve_one(rpyc_server *server,
                                  rpyc_error **error_out);

/**
 * Accepts connections in a thread of the server's own, until the server is stopped.
 *
 * @code{.c}
 * if (!rpyc_server_start(server, &error)) {
 *     printf("listening at %s\n", rpyc_server_address(server));
 *     getchar(); // until a line is typed
 *     rpyc_server_stop(server, 1000, &error);
 *     rpyc_server_join(server, &error);
 * }
 * @endcode
 *
 * @param server     borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped, or accepting already),
 *         RPYC_ERR_IO (no thread could be started)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_start(rpyc_server *server,
                              rpyc_error **error_out);

/**
 * Serves a stream that the application has accepted or opened itself, in a thread of the server's
 * own. It counts like the connections that the server accepts: in max_connections,
 * rpyc_server_stop() and rpyc_server_join(). The server does not need to be serving or started.
 *
 * @param server     borrowed
 * @param transport  consumed, also on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (stopped), RPYC_ERR_LIMIT
 *         (max_connections, max_connections_per_address), RPYC_ERR_IO (no thread could be started)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_add_transport(rpyc_server *server,
                                      rpyc_transport *transport,
                                      rpyc_error **error_out);

/**
 * Stops a server: it accepts no more connections, waits for running calls, and ends its
 * connections. Requests that were received but have not begun are lost; rpyc_server_drain() answers
 * them.
 *
 * As with RPyC's own servers, peers see the end of the stream without a CLOSE request.
 *
 * @param server     borrowed
 * @param grace_ms   longest wait, in milliseconds, for calls that run, wait in a queue or were
 *                   deferred, until their replies have been sent. In a callback of the server
 *                   itself, the function does not wait
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_stop(rpyc_server *server,
                             int64_t grace_ms,
                             rpyc_error **error_out);

/**
 * Gets a descriptor through which a signal handler can end rpyc_server_serve(): it writes to it
 * with `uint64_t one = 1; write(fd, &one, sizeof one);`. No function of a server may be called in a
 * signal handler. After the write, the server accepts no more connections and rpyc_server_serve()
 * returns. Open connections continue until rpyc_server_stop() is called. Only the server closes the
 * descriptor.
 *
 * @param server  borrowed
 * @return borrowed, as long as the server lives; -1 for NULL and in a forked child
 *
 * Threads: any; call it before the handler is installed. Since: 0.1.
 */
int32_t rpyc_server_stop_fd(const rpyc_server *server);

/**
 * Waits until a server has been stopped and all its threads have ended.
 *
 * @param server     borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_DEADLOCK (called from one of the
 *         server's own callbacks)
 *
 * Threads: not from a callback. Since: 0.1.
 */
rpyc_status rpyc_server_join(rpyc_server *server,
                             rpyc_error **error_out);

/**
 * Stops a server gracefully: it accepts no more connections, answers every request that has been
 * received, and ends each connection once it is idle. Returns when all connections have ended, or
 * at the time limit.
 *
 * A connection is idle when all of its requests are answered, the system of the peer has received
 * the replies, and nothing has arrived for `idle_ms`. Requests that arrive before that are served.
 * A connection is not idle while a message is arriving, nor during a TLS handshake or an
 * authentication. Connections that are not idle at the limit are ended as rpyc_server_stop() does;
 * a call that still runs then finds its connection closed (rpyc_call_cancelled()), and its caller
 * gets the end of the stream.
 *
 * @code{.c}
 * size_t cut = 0;
 * if (!rpyc_server_drain(server, 1000, 30000, &cut, &error)) // not in a callback
 *     printf("%zu connections were cut off\n", cut);
 * @endcode
 *
 * @param server     borrowed
 * @param idle_ms    time without input, in milliseconds, after which a connection is idle; 0 for
 *                   the shortest, about 20 ms. Clients that are between two calls need more, for
 *                   example 1000
 * @param limit_ms   time limit in milliseconds; -1 for no limit
 * @param cut_out    number of connections that were ended although a request had no reply, a
 *                   message had begun to arrive, or their authentication had not ended; may be NULL
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, also if connections were cut off, RPYC_ERR_NULL, RPYC_ERR_FORKED,
 *         RPYC_ERR_DEADLOCK (called from one of the server's own callbacks)
 *
 * Threads: not from a callback. Since: 0.1.
 */
rpyc_status rpyc_server_drain(rpyc_server *server,
                              int64_t idle_ms,
                              int64_t limit_ms,
                              size_t *cut_out,
                              rpyc_error **error_out);

/**
 * Duplicates the listening socket of a server, to hand it over to another process: its successor in
 * a restart, or one that shares the load.
 *
 * The successor makes its server with the address "fd:N". Both processes accept from one queue, so
 * no client is refused at any time. From this call on, stopping the server does not shut the socket
 * down, and the file of a Unix socket is not removed: connections that nobody accepts wait in the
 * queue.
 *
 * @code{.c}
 * int32_t fd = -1;
 * if (!rpyc_server_pass_socket(server, &fd, &error)) {
 *     char address[32];
 *     snprintf(address, sizeof address, "fd:%d", (int)fd);
 *     // in a child: fcntl(fd, F_SETFD, 0), then exec the successor with this address
 * }
 * @endcode
 *
 * @param server     borrowed
 * @param fd_out     owned, close with close(); close-on-exec. -1 on failure
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (it does not listen),
 *         RPYC_ERR_UNSUPPORTED (shm://, tls://), RPYC_ERR_IO
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_pass_socket(rpyc_server *server,
                                    int32_t *fd_out,
                                    rpyc_error **error_out);

/** @} */

/* ==============================================================================================
 * Authentication
 * ============================================================================================== */
/**
 * @defgroup rpyc_authentication Authentication
 *
 * An authenticator of a configuration proves who the peer is, on both sides, on the raw stream
 * before the first frame. What it returns are the credentials of the connection, see
 * rpyc_connection_credentials(). There are ready-made ones for a shared secret and for users of
 * Unix sockets.
 *
 * @code{.c}
 * rpyc_config *config = rpyc_config_new();
 * if (!rpyc_config_set_secret(config, data, length, &error))
 *     rpyc_server_new("tcp://127.0.0.1:18861", service, config, &server, &error);
 * rpyc_config_free(config);
 * @endcode
 *
 * @{
 */

/**
 * The authentication of one peer, on the raw stream before the first frame. Borrowed by its
 * callback.
 */
typedef struct rpyc_authentication rpyc_authentication;

/**
 * Reads exactly size bytes of the raw stream. Waits at most for the rest of the time limit.
 *
 * @param authentication  borrowed
 * @param buffer          room for size bytes; its contents are undefined on failure
 * @param size            number of bytes; 0 is allowed
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TIMEOUT, RPYC_ERR_IO, RPYC_ERR_AUTHENTICATION (the peer
 *         ended the stream). After a failure, later reads and writes fail with it too
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_authentication_read(rpyc_authentication *authentication,
                                     void *buffer,
                                     size_t size,
                                     rpyc_error **error_out);

/**
 * Writes bytes to the raw stream. Waits at most for the rest of the time limit.
 *
 * @param authentication  borrowed
 * @param data            copied
 * @param size            number of bytes in data
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT, RPYC_ERR_TIMEOUT, RPYC_ERR_IO,
 *         RPYC_ERR_AUTHENTICATION (the peer ended the stream)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_authentication_write(rpyc_authentication *authentication,
                                      const void *data,
                                      size_t size,
                                      rpyc_error **error_out);

/**
 * Accepts the peer. After the callback has returned, rpyc_connection_credentials() returns the
 * credentials, and the first frame can be sent.
 *
 * @param authentication  borrowed
 * @param credentials     consumed, also on failure; NULL for None
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (accepted or refused before, or a read or write
 *         has failed)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_authentication_accept(rpyc_authentication *authentication,
                                       rpyc_value *credentials,
                                       rpyc_error **error_out);

/**
 * Refuses the peer, for a reason that is logged and not sent. It also takes back
 * rpyc_authentication_accept().
 *
 * @param authentication  borrowed
 * @param reason          copied; NUL-terminated; NULL for no reason
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8 (the peer is refused all the same)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_authentication_refuse(rpyc_authentication *authentication,
                                       const char *reason,
                                       rpyc_error **error_out);

/**
 * Returns whether this side is the server, which accepted the stream, or the side that connected.
 *
 * @param authentication  borrowed
 * @return false also for NULL
 *
 * Threads: any, during the callback. Since: 0.1.
 */
bool rpyc_authentication_is_server(const rpyc_authentication *authentication);

/**
 * Gets the address of the peer, as rpyc_connection_endpoints() returns it for the transport.
 *
 * @param authentication  borrowed
 * @return borrowed for the callback; NUL-terminated; NULL for NULL
 *
 * Threads: any, during the callback. Since: 0.1.
 */
const char *rpyc_authentication_peer_name(const rpyc_authentication *authentication);

/**
 * Returns the rest of the time limit, for work that does not use the stream.
 *
 * @param authentication  borrowed
 * @return milliseconds; -1 for no limit; 0 also for NULL
 *
 * Threads: any, during the callback. Since: 0.1.
 */
int64_t rpyc_authentication_time_left(const rpyc_authentication *authentication);

/**
 * Gets the process at the other end of a Unix socket, as the kernel recorded it when the peer
 * connected: a dict with the ints "uid", "gid" and "pid", and "groups", a tuple of the
 * supplementary groups. The ids are the effective ones. The process may have ended since, and its
 * pid may belong to another one.
 *
 * @param authentication  borrowed
 * @param peer_out        owned, free with rpyc_value_free()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UNSUPPORTED (not a Unix socket)
 *
 * Threads: any, during the callback. Since: 0.1.
 */
rpyc_status rpyc_authentication_unix_peer(const rpyc_authentication *authentication,
                                          rpyc_value **peer_out,
                                          rpyc_error **error_out);

/**
 * Gets the certificate with which the peer authenticated itself in a TLS handshake.
 *
 * @param authentication   borrowed
 * @param certificate_out  owned, free with rpyc_value_free(); bytes (DER), or None for no
 *                         certificate
 * @param error_out        owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any, during the callback. Since: 0.1.
 */
rpyc_status rpyc_authentication_certificate(const rpyc_authentication *authentication,
                                            rpyc_value **certificate_out,
                                            rpyc_error **error_out);

/**
 * Authenticates one peer on the raw stream, before the first frame. authentication is borrowed for
 * the call.
 *
 * It reads and writes what both sides have agreed on, and ends with rpyc_authentication_accept().
 * If it returns without, or after rpyc_authentication_refuse(), or if a read or write has failed,
 * the peer is refused.
 */
typedef void (*rpyc_authenticator_fn)(rpyc_authentication *authentication, void *userdata);

/**
 * Sets a callback that authenticates the peer of every connection, before the first frame is sent
 * or read. It replaces any other authenticator of the configuration; the result of the last one set
 * counts.
 *
 * On a server the callback runs in the thread of the connection, after the connection was accepted
 * and before the service's create: other clients are not delayed. handshake_timeout limits the time
 * of the whole authentication. Until it has ended, the connection counts as one that has sent no
 * message: for max_connections and max_connections_per_address, and it is the first to be closed by
 * make_room. A refused connection is closed; the reason is logged at RPYC_LOG_WARN with the peer's
 * name and is not sent to the peer; see also rpyc_server_authentication_failures().
 *
 * On the connecting side the callback runs in the thread that calls rpyc_connect(),
 * rpyc_connection_new() or another function that makes a connection. connect_timeout limits
 * connecting and authentication together. If the peer is refused, ends the stream or is too slow,
 * that function fails with RPYC_ERR_AUTHENTICATION or RPYC_ERR_TIMEOUT. The detection of the
 * dialect may connect a second time, see rpyc_connect(); then the callback runs on each stream.
 *
 * A callback that does not read or write is not interrupted. If it returns after the time limit,
 * the peer is refused.
 *
 * @code{.c}
 * static void magic_word(rpyc_authentication *authentication, void *userdata)
 * {
 *     char word[2];
 *
 *     (void)userdata;
 *     if (rpyc_authentication_read(authentication, word, sizeof word, NULL))
 *         return;
 *     if (word[0] == 'M' && word[1] == 'a')
 *         rpyc_authentication_accept(authentication, rpyc_value_new_int(42), NULL);
 *     else
 *         rpyc_authentication_refuse(authentication, "wrong magic word", NULL);
 * }
 *
 * static rpyc_status demand_magic_word(rpyc_config *config, rpyc_error **error_out)
 * {
 *     return rpyc_config_set_authenticator(config, magic_word, NULL, NULL, error_out);
 * }
 * @endcode
 *
 * @param config         borrowed
 * @param callback       called on several threads at the same time; NULL for no authentication
 * @param userdata       consumed, also on failure; passed to the callback and the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, when the config, its copies and
 *                       the connections are gone, also on failure; may be NULL
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_authenticator(rpyc_config *config,
                                          rpyc_authenticator_fn callback,
                                          void *userdata,
                                          rpyc_free_fn userdata_free,
                                          rpyc_error **error_out);

/**
 * Authenticates both sides by a shared secret. It replaces any other authenticator of the
 * configuration.
 *
 * Client and server prove to each other that they know the secret, by HMAC-SHA-256 over random
 * numbers of both; the secret itself is not sent. The guide "Authentication" describes the bytes,
 * and examples-c/peers/secret.py is the other side for stock RPyC in Python. The credentials are
 * the dict {"authentication": "secret"}.
 *
 * Only the opening is protected: over plain TCP, who controls the network can read and change
 * everything that follows.
 *
 * @code{.c}
 * static rpyc_status use_secret(rpyc_config *config, const void *key, rpyc_error **error_out)
 * {
 *     return rpyc_config_set_secret(config, key, 32, error_out); // 32 random bytes
 * }
 * @endcode
 *
 * @param config     borrowed
 * @param secret     copied; random bytes, because a peer can test guesses offline
 * @param length     number of bytes, at least 16
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (too short; nothing is changed)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_secret(rpyc_config *config,
                                   const void *secret,
                                   size_t length,
                                   rpyc_error **error_out);

/**
 * Accepts peers of Unix sockets ("unix:", "shm:") by their user and groups, as the kernel recorded
 * them when the peer connected. It replaces any other authenticator of the configuration. Nothing
 * is sent; the peer notices only a refusal, as the end of the stream. Peers of other transports are
 * refused. The credentials are the dict that rpyc_authentication_unix_peer() returns.
 *
 * @code{.c}
 * static rpyc_status only_one_user(rpyc_config *config, uint32_t uid, rpyc_error **error_out)
 * {
 *     return rpyc_config_set_unix_peers(config, &uid, 1, NULL, 0, error_out);
 * }
 * @endcode
 *
 * @param config     borrowed
 * @param uids       copied; effective user ids that are accepted; 0 (root) only if it is listed
 * @param uid_count  number of uids
 * @param gids       copied; a peer is accepted if its effective or a supplementary group is one of
 *                   them
 * @param gid_count  number of gids; one id at least is required
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (no id; nothing is changed)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_unix_peers(rpyc_config *config,
                                       const uint32_t *uids,
                                       size_t uid_count,
                                       const uint32_t *gids,
                                       size_t gid_count,
                                       rpyc_error **error_out);

/**
 * Gets the number of connections that a server has closed because the authentication of the peer
 * failed or took too long, see rpyc_config_set_authenticator().
 *
 * @param server  borrowed
 * @return 0 also for NULL
 *
 * Threads: any. Since: 0.1.
 */
uint64_t rpyc_server_authentication_failures(const rpyc_server *server);

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
 * @param limit      largest number of calls waiting in the queue, of all connections together; a
 *                   caller beyond it gets RuntimeError at once. One connection has at most
 *                   max_serving calls in it
 * @param queue_out  owned, free with rpyc_queue_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (limit is 0), RPYC_ERR_IO (no descriptor
 *         available)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_queue_new(size_t limit,
                           rpyc_queue **queue_out,
                           rpyc_error **error_out);

/**
 * Gets another handle of the same queue.
 *
 * @param queue  borrowed
 * @return owned, free with rpyc_queue_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_queue *rpyc_queue_clone(const rpyc_queue *queue);

/**
 * Frees a handle. After the last one is freed, callers of waiting calls get RuntimeError, and so do
 * all later callers.
 *
 * @param queue  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_queue_free(rpyc_queue *queue);

/**
 * Gets the descriptor that is readable while calls wait.
 *
 * @param queue  borrowed
 * @return borrowed, as long as the queue lives; not to be read or closed; -1 for NULL
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_queue_fileno(const rpyc_queue *queue);

/**
 * Gets the number of waiting calls; with rpyc_queue_set_hooks() also of waiting hooks.
 *
 * @param queue  borrowed
 * @return 0 also for NULL, and in a forked child
 *
 * Threads: any. Since: 0.1.
 */
size_t rpyc_queue_length(const rpyc_queue *queue);

/**
 * Limits how long a call may wait. A call that has waited longer is not run when its turn comes;
 * its caller gets TimeoutError. The same applies to a call whose caller has stopped waiting, as far
 * as that is known (rpyc_call_time_left()).
 *
 * @param queue       borrowed
 * @param timeout_ms  milliseconds, for calls that arrive from now on; -1 for no limit, the default
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_queue_set_timeout(rpyc_queue *queue,
                                   int64_t timeout_ms,
                                   rpyc_error **error_out);

/**
 * Makes the queue run the hooks of services too, so that they run in the application's own thread.
 *
 * For connections that a server accepts, create and on_connect run in the queue before the first
 * call. The peer's requests wait until then. These hooks do not count against the limit of the
 * queue. The connection is closed instead if the peer has disconnected meanwhile, the time of
 * rpyc_queue_set_timeout() has passed, the server is stopped or the queue is freed.
 *
 * on_disconnect runs in the queue when the last running call has returned. After it the instance is
 * destroyed, unless the application still holds it or a handle of the connection. on_disconnect has
 * no time limit and is never skipped. If it is waiting when the last handle of the queue is freed,
 * it runs in that thread; later ones run in the thread that ends the connection. If a thread of the
 * queue ends a connection outside of its calls, it runs at once.
 *
 * Connections that the application makes itself have run create and on_connect before they can be
 * given a queue.
 *
 * @param queue      borrowed
 * @param on         1 runs hooks in the queue; 0, the default, runs them in threads of the library.
 *                   Applies to hooks that become due from now on
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_queue_set_hooks(rpyc_queue *queue,
                                 int32_t on,
                                 rpyc_error **error_out);

/**
 * Runs waiting calls in this thread, one of each connection in turn. Calls of one connection run in
 * the order of their arrival.
 *
 * After the first call of this function, the thread belongs to the queue: while it waits for
 * something on a connection of the queue, it runs what that connection's peer calls meanwhile.
 *
 * @param queue       borrowed
 * @param most        largest number of calls to run; 0 for the number that wait at the beginning
 * @param timeout_ms  milliseconds to wait for the first call; -1 for no limit; 0 to run only calls
 *                    that have arrived. The wait also ends when the last handle of the queue is
 *                    freed
 * @param ran_out     number of calls run, hooks included; may be NULL
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK (also if no call arrived), RPYC_ERR_NULL, RPYC_ERR_FORKED,
 *         RPYC_ERR_WAIT_INTERRUPTED
 *
 * Threads: any; usually always the same. Since: 0.1.
 */
rpyc_status rpyc_queue_run(rpyc_queue *queue,
                           size_t most,
                           int64_t timeout_ms,
                           size_t *ran_out,
                           rpyc_error **error_out);

/**
 * Puts all calls from a server's connections into a queue; each connection's thread reads them.
 * Applies to connections that are accepted from now on. Hooks (create, on_connect, on_disconnect)
 * and destructors still run in threads of the server, unless rpyc_queue_set_hooks() is used.
 *
 * @param server     borrowed
 * @param queue      copied (a reference); the server does not keep it open
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the server has a queue already)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_server_set_queue(rpyc_server *server,
                                  const rpyc_queue *queue,
                                  rpyc_error **error_out);

/**
 * Puts the calls from a connection into a queue. The thread that serves the connection reads them:
 * rpyc_connection_serve_background() does it in a thread of the library.
 *
 * @code{.c}
 * rpyc_queue *queue = NULL;
 * rpyc_serving *serving = NULL;
 * if (!rpyc_queue_new(100, &queue, &error) &&
 *     !rpyc_connection_set_queue(connection, queue, &error) &&
 *     !rpyc_connection_serve_background(connection, 1, 0, &serving, &error))
 *     while (!rpyc_connection_closed(connection))
 *         rpyc_queue_run(queue, 0, 100, NULL, NULL); // the peer's calls run here
 * rpyc_serving_free(serving);
 * rpyc_queue_free(queue);
 * @endcode
 *
 * @param connection  borrowed
 * @param queue       copied (a reference); the connection does not keep it open
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_STATE (the connection has a queue
 *         already)
 *
 * Threads: any. Since: 0.1.
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

/** Progress of a transfer. */
typedef struct rpyc_transfer_progress {
    /** Path of the local file that is being copied. Borrowed for the call; NUL-terminated. */
    const char *local;
    /** Path of the peer's file. Borrowed for the call; NUL-terminated. */
    const char *remote;
    /** Number of bytes of the file copied. */
    uint64_t done;
    /** Size of the file at the beginning, in bytes. */
    uint64_t size;
    /** Number of files copied before this one. */
    uint64_t files;
    /** Number of bytes copied of all files. */
    uint64_t total;
} rpyc_transfer_progress;

/**
 * Options for copying files and directories. New members are only ever appended. A member that is 0
 * or NULL takes the default documented for it.
 */
typedef struct rpyc_transfer_options {
    /** sizeof(rpyc_transfer_options) */
    size_t struct_size;
    /** Size of one message, in bytes. 0 for 64000, as in RPyC. */
    size_t chunk_size;
    /**
     * Returns whether to copy the file or directory with this name, which is in a directory that is
     * copied. NULL to copy all.
     */
    bool (*filter)(const char *name, void *userdata);
    /**
     * Called at the beginning of each file and after each message. Returns false to end the
     * transfer. NULL for none.
     */
    bool (*progress)(const rpyc_transfer_progress *progress, void *userdata);
    /** Argument of filter and progress. */
    void *userdata;
} rpyc_transfer_options;

/**
 * Writes up to `size` bytes of the peer's input into `buffer` and returns their number; 0 for the
 * end of the input.
 */
typedef size_t (*rpyc_input_fn)(char *buffer, size_t size, void *userdata);

/** Receives output of the peer: `length` bytes of UTF-8, borrowed for the call. */
typedef void (*rpyc_output_fn)(const char *text, size_t length, void *userdata);

/**
 * Connects to a classic server (rpyc_classic.py).
 *
 * Without a service, the server gets no objects to use: that is RPyC's ClassicClient. With a
 * service from rpyc_slave_new(), each side drives the other: that is RPyC's ClassicService.
 *
 * The server's access to this side's values is not restricted, as with rpyc.classic.connect().
 * allow_all_attrs, allow_getattr, allow_setattr, allow_delattr, allow_pickle, and the three options
 * that make exceptions of their types at the peer are on, unless config sets them. So
 * pandas.DataFrame(a dict of this side) works.
 *
 * @code{.c}
 * rpyc_classic *classic = NULL;
 * if (!rpyc_classic_connect("tcp://127.0.0.1:18812", NULL, NULL, &classic, &error))
 *     rpyc_classic_call(classic, "os", "getcwd", NULL, 0, NULL, &value, &error);
 * rpyc_classic_free(classic);
 * @endcode
 *
 * @param address      copied; as for rpyc_transport_connect(); the default port is 18812
 * @param service      copied (a reference); the class of the root that the server gets; NULL for
 *                     none
 * @param config       copied; NULL for the defaults; options set in it by name are kept, even if
 *                     the value is the default of other connections
 * @param classic_out  owned, free with rpyc_classic_free()
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ADDRESS,
 *         RPYC_ERR_AUTHENTICATION, RPYC_ERR_TYPE (the peer has no root)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_connect(const char *address,
                                 const rpyc_class *service,
                                 const rpyc_config *config,
                                 rpyc_classic **classic_out,
                                 rpyc_error **error_out);

/**
 * Makes a handle for the classic server at the other end of a connection, and fetches its root. The
 * options of the connection are not changed.
 *
 * @param connection   borrowed; the new handle keeps it open, as a clone does
 * @param classic_out  owned, free with rpyc_classic_free()
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer has no root)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_new(rpyc_connection *connection,
                             rpyc_classic **classic_out,
                             rpyc_error **error_out);

/**
 * Gets another handle of the same classic server.
 *
 * @param classic  borrowed
 * @return owned, free with rpyc_classic_free(); NULL for NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_classic *rpyc_classic_clone(const rpyc_classic *classic);

/**
 * Frees a handle. Freeing the last handle of the classic server and of its connection ends the
 * connection.
 *
 * @param classic  consumed; NULL does nothing
 *
 * Threads: any. Since: 0.1.
 */
void rpyc_classic_free(rpyc_classic *classic);

/**
 * Gets the connection to a classic server.
 *
 * @param classic         borrowed
 * @param connection_out  owned, free with rpyc_connection_free()
 * @param error_out       owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_connection(const rpyc_classic *classic,
                                    rpyc_connection **connection_out,
                                    rpyc_error **error_out);

/**
 * Imports a module at the peer by its dotted name: conn.modules[name]. It is requested once.
 *
 * @code{.c}
 * rpyc_object *sys = NULL;
 * rpyc_classic *classic = NULL;
 * if (!rpyc_classic_new(connection, &classic, &error) &&
 *     !rpyc_classic_module(classic, "sys", &sys, &error))
 *     rpyc_object_get_attr(sys, "version", &value, &error);
 * rpyc_object_free(sys);
 * rpyc_classic_free(classic);
 * @endcode
 *
 * @param classic     borrowed
 * @param module      copied; such as "xml.dom.minidom"
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's reply is
 *         not an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_module(rpyc_classic *classic,
                                const char *module,
                                rpyc_object **object_out,
                                rpyc_error **error_out);

/**
 * Gets the peer's builtins: conn.builtins.
 *
 * @param classic     borrowed
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_builtins(rpyc_classic *classic,
                                  rpyc_object **object_out,
                                  rpyc_error **error_out);

/**
 * Calls a function of a module of the peer, in one request once the module has been imported.
 *
 * @param classic    borrowed
 * @param module     copied; such as "os.path"; NULL for builtins
 * @param function   copied
 * @param args       consumed (each value), also on failure
 * @param count      number of args
 * @param keywords   consumed, also on failure; a dict with str keys, see rpyc_value_new_keywords();
 *                   NULL for none
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (keywords are not a
 *         dict with str keys)
 *
 * Threads: any. Since: 0.1.
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
 * Evaluates a Python expression in the peer's namespace: conn.eval(text).
 *
 * @param classic     borrowed
 * @param expression  copied; UTF-8
 * @param length      number of bytes, or RPYC_NUL_TERMINATED
 * @param value_out   owned, free with rpyc_value_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_eval(rpyc_classic *classic,
                              const char *expression,
                              size_t length,
                              rpyc_value **value_out,
                              rpyc_error **error_out);

/**
 * Runs Python statements in the peer's namespace: conn.execute(text).
 *
 * @code{.c}
 * static rpyc_status twice(rpyc_classic *classic, rpyc_value **value_out, rpyc_error **error_out)
 * {
 *     rpyc_status status = rpyc_classic_set(classic, "x", rpyc_float(1.5), error_out);
 *     if (!status)
 *         status = rpyc_classic_execute(classic, "y = 2 * x", RPYC_NUL_TERMINATED, error_out);
 *     return status ? status : rpyc_classic_get(classic, "y", value_out, error_out);
 * }
 * @endcode
 *
 * @param classic     borrowed
 * @param statements  copied; UTF-8
 * @param length      number of bytes, or RPYC_NUL_TERMINATED
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_execute(rpyc_classic *classic,
                                 const char *statements,
                                 size_t length,
                                 rpyc_error **error_out);

/**
 * Gets the peer's namespace, a dict: conn.namespace. It is requested once.
 *
 * @param classic     borrowed
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_namespace(rpyc_classic *classic,
                                   rpyc_object **object_out,
                                   rpyc_error **error_out);

/**
 * Gets a variable of the peer's namespace: conn.namespace[variable].
 *
 * @param classic    borrowed
 * @param variable   copied
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's
 *         namespace is not an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_get(rpyc_classic *classic,
                             const char *variable,
                             rpyc_value **value_out,
                             rpyc_error **error_out);

/**
 * Sets a variable of the peer's namespace: conn.namespace[variable] = value.
 *
 * @param classic    borrowed
 * @param variable   copied
 * @param value      consumed, also on failure; lists and dicts are passed by reference, see
 *                   rpyc_classic_deliver()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_TYPE (the peer's
 *         namespace is not an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_set(rpyc_classic *classic,
                             const char *variable,
                             rpyc_value *value,
                             rpyc_error **error_out);

/**
 * Gets the peer's own end of this connection, as an object of the peer: conn.root.getconn().
 *
 * @param classic     borrowed
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_getconn(rpyc_classic *classic,
                                 rpyc_object **object_out,
                                 rpyc_error **error_out);

/**
 * Copies an object of the peer into a value by pickling it, in one request: rpyc.classic.obtain().
 *
 * Only plain data is accepted: a pickle that would import or call anything when Python loads it
 * fails with RPYC_ERR_UNSAFE. rpyc_object_obtain() does not need a pickle.
 *
 * @param classic    borrowed
 * @param object     borrowed; of this connection
 * @param max_depth  as for rpyc_object_obtain()
 * @param max_items  as for rpyc_object_obtain()
 * @param max_bytes  as for rpyc_object_obtain()
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_ARGUMENT (not an object of this
 *         connection), RPYC_ERR_UNSAFE (the pickle is more than plain data), RPYC_ERR_TYPE (a
 *         container in it contains itself)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_obtain(rpyc_classic *classic,
                                rpyc_object *object,
                                size_t max_depth,
                                size_t max_items,
                                size_t max_bytes,
                                rpyc_value **value_out,
                                rpyc_error **error_out);

/**
 * Copies plain data to the peer: rpyc.classic.deliver(). Lists and dicts become Python's own there,
 * and the result is an object of the peer.
 *
 * The data may contain objects of the peer, for example a bytearray or a range made with
 * rpyc_classic_call(), or anything else that has no value of its own. They are inserted in their
 * place, with one request for each container around them.
 *
 * @code{.c}
 * static rpyc_status set_list(rpyc_classic *classic, rpyc_value *list, rpyc_error **error)
 * {
 *     rpyc_value *delivered = NULL;
 *     rpyc_status status = rpyc_classic_deliver(classic, list, &delivered, error);
 *     return status ? status : rpyc_classic_set(classic, "items", delivered, error);
 * }
 * @endcode
 *
 * @param classic    borrowed
 * @param value      consumed, also on failure
 * @param value_out  owned, free with rpyc_value_free()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (an object of this side, alone or
 *         within the value)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_deliver(rpyc_classic *classic,
                                 rpyc_value *value,
                                 rpyc_value **value_out,
                                 rpyc_error **error_out);

/**
 * Copies a file, or a directory with its content, to a classic server: rpyc.classic.upload().
 *
 * Missing directories are made. In a directory, entries that are neither a file nor a directory are
 * skipped. A partly copied file remains after a failure.
 *
 * @code{.c}
 * static bool show(const rpyc_transfer_progress *progress, void *userdata)
 * {
 *     (void)userdata;
 *     printf("%s: %llu bytes\n", progress->local, (unsigned long long)progress->done);
 *     return true; // continue
 * }
 *
 * static rpyc_status upload(rpyc_classic *classic, rpyc_error **error_out)
 * {
 *     const rpyc_transfer_options options = {.struct_size = sizeof options, .progress = show};
 *     return rpyc_classic_upload(classic, "data.csv", "/tmp/data.csv", &options, error_out);
 * }
 * @endcode
 *
 * @param classic    borrowed
 * @param local      copied; a path
 * @param remote     copied; the path of the copy itself, not of its directory
 * @param options    copied; NULL for the defaults
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ABI, RPYC_ERR_IO,
 *         RPYC_ERR_ARGUMENT (neither a file nor a directory), RPYC_ERR_UNSAFE, RPYC_ERR_STATE
 *         (progress ended the transfer), RPYC_ERR_TYPE (the peer's reply is not that of a file)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_upload(rpyc_classic *classic,
                                const char *local,
                                const char *remote,
                                const rpyc_transfer_options *options,
                                rpyc_error **error_out);

/**
 * Copies a file, or a directory with its content, from a classic server: rpyc.classic.download().
 *
 * See rpyc_classic_upload(). A name in a directory of the peer that would point outside of it is
 * rejected with RPYC_ERR_UNSAFE.
 *
 * @param classic    borrowed
 * @param remote     copied; a path of the peer
 * @param local      copied; the path of the copy itself, not of its directory
 * @param options    copied; NULL for the defaults
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_UTF8, RPYC_ERR_ABI, RPYC_ERR_IO,
 *         RPYC_ERR_ARGUMENT (neither a file nor a directory), RPYC_ERR_UNSAFE, RPYC_ERR_STATE
 *         (progress ended the transfer), RPYC_ERR_TYPE (the peer's reply is not that of a file)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_download(rpyc_classic *classic,
                                  const char *remote,
                                  const char *local,
                                  const rpyc_transfer_options *options,
                                  rpyc_error **error_out);

/**
 * Redirects the standard streams of a classic server to callbacks: rpyc.classic.redirected_stdio().
 *
 * Output that the peer's sys.stdout gets during a request arrives before the reply. Output at other
 * times arrives when this side serves.
 *
 * @code{.c}
 * static void collect(const char *text, size_t length, void *userdata)
 * {
 *     fwrite(text, 1, length, (FILE *)userdata);
 * }
 *
 * static rpyc_status log_output(rpyc_classic *classic, FILE *log, rpyc_error **error_out)
 * {
 *     rpyc_redirection *redirection = NULL;
 *     rpyc_status status = rpyc_classic_redirect(classic, NULL, collect, collect, log, NULL,
 *                                                &redirection, error_out);
 *     if (!status)
 *         status = rpyc_classic_execute(classic, "print('hi')", RPYC_NUL_TERMINATED, error_out);
 *     rpyc_redirection_end(redirection, NULL);
 *     rpyc_redirection_free(redirection);
 *     return status;
 * }
 * @endcode
 *
 * @param classic          borrowed
 * @param input            provides what the peer reads from sys.stdin; NULL to leave it unchanged
 * @param out              receives what the peer writes to sys.stdout; NULL to leave it unchanged
 * @param err              receives what the peer writes to sys.stderr; NULL to leave it unchanged
 * @param userdata         consumed, also on failure; argument of the callbacks
 * @param userdata_free    destructor of userdata; called when the peer no longer references the
 *                         streams; may be NULL
 * @param redirection_out  owned, free with rpyc_redirection_free() after rpyc_redirection_end()
 * @param error_out        owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer's sys is not an object)
 *
 * Threads: any. Since: 0.1.
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
 * Redirects the standard streams of a classic server to C streams, such as this program's stdin,
 * stdout and stderr. Each write is flushed.
 *
 * @param classic          borrowed
 * @param input            borrowed until the redirection has ended; NULL to leave the peer's stream
 *                         unchanged
 * @param out              borrowed until the redirection has ended; NULL to leave the peer's stream
 *                         unchanged
 * @param err              borrowed until the redirection has ended; NULL to leave the peer's stream
 *                         unchanged
 * @param redirection_out  owned, free with rpyc_redirection_free() after rpyc_redirection_end()
 * @param error_out        owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors, RPYC_ERR_TYPE (the peer's sys is not an object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_classic_redirect_files(rpyc_classic *classic,
                                        FILE *input,
                                        FILE *out,
                                        FILE *err,
                                        rpyc_redirection **redirection_out,
                                        rpyc_error **error_out);

/**
 * Restores the peer's own streams. Calling it again does nothing.
 *
 * @param redirection  borrowed
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, request errors
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_redirection_end(rpyc_redirection *redirection, rpyc_error **error_out);

/**
 * Frees a handle. A redirection that was not ended remains in effect: the peer continues to write
 * to this side.
 *
 * @param redirection  consumed; NULL does nothing
 *
 * Threads: any; never waits. Since: 0.1.
 */
void rpyc_redirection_free(rpyc_redirection *redirection);

/**
 * Describes a slave. rpyc_slave_new() copies all of it. New members are only ever appended. A
 * member that is 0 or NULL takes the default documented for it. The self of the callbacks is the
 * result of create for the connection.
 */
typedef struct rpyc_slave_table {
    /** sizeof(rpyc_slave_table) */
    size_t struct_size;
    /** Name of the class. NULL for "SlaveService". */
    const char *name;
    /** Description, for Python's help(). NULL for none. */
    const char *doc;
    /** Names of modules that masters can import. NULL for none. */
    const char *const *module_names;
    /**
     * Modules with these names: any objects, such as those of rpyc_module_new(). An object of
     * rpyc_module_new() with the name of one of the library's own modules (builtins, sys,
     * importlib.util, rpyc.lib.compat) extends that module: its attributes take precedence, the
     * others remain. Any other object replaces the module.
     */
    rpyc_object *const *modules;
    /** Number of modules. */
    size_t module_count;
    /**
     * Imports a module that is neither in modules nor one of the library's own (builtins, sys,
     * importlib.util, rpyc.lib.compat). Argument 0 is its dotted name, or a tuple of the parts.
     * Answers with an object, or raises ModuleNotFoundError. NULL if there are no others.
     */
    rpyc_method_fn getmodule;
    /** Evaluates argument 0, a str, and answers with the value. NULL for NotImplementedError. */
    rpyc_method_fn eval;
    /** Executes argument 0, a str. NULL for NotImplementedError. */
    rpyc_method_fn execute;
    /**
     * Answers with the namespace, an object with the methods of a dict. NULL for a dict of the
     * library's own, one for each connection.
     */
    rpyc_method_fn get_namespace;
    /**
     * Makes, for each connection, the pointer that callbacks get as self. If it returns NULL, the
     * connection is refused, as with rpyc_class_table, which also documents the use of connection.
     * NULL to use userdata as self.
     */
    void *(*create)(rpyc_connection *connection, void *userdata);
    /** Destroys the instance that create made, as with rpyc_class_table. */
    void (*destroy)(void *instance);
    /**
     * Called when a master has connected, before any of its requests is served. connection is
     * borrowed for the call.
     */
    void (*on_connect)(rpyc_connection *connection, void *instance);
    /**
     * Called when a connection has ended; nothing can be sent. connection is borrowed for the call.
     */
    void (*on_disconnect)(rpyc_connection *connection, void *instance);
} rpyc_slave_table;

/**
 * Makes the service of a slave, which a Python program drives with rpyc.classic.connect().
 *
 * A master can do everything that the callbacks do. It can read, set and delete every attribute of
 * every object that it gets: for connections of the service, the options of rpyc_classic_connect()
 * are on and allow_exposed_attrs is off, as in RPyC's SlaveService. Never let it listen where
 * untrusted clients can connect.
 *
 * If the service is passed to rpyc_classic_connect(), each side drives the other: that is RPyC's
 * ClassicService.
 *
 * @code{.c}
 * static void evaluate(rpyc_call *call, void *self)
 * {
 *     const char *text;
 *     size_t length;
 *
 *     (void)self;
 *     if (!rpyc_call_get_str(call, 0, &text, &length))
 *         rpyc_call_return_int(call, (int64_t)length); // a real slave evaluates the text
 * }
 *
 * static rpyc_status make_slave(rpyc_class **class_out, rpyc_error **error_out)
 * {
 *     const rpyc_slave_table table = {.struct_size = sizeof table, .eval = evaluate};
 *     return rpyc_slave_new(&table, NULL, NULL, class_out, error_out);
 * }
 * @endcode
 *
 * @param table          copied, with everything that it points to
 * @param userdata       consumed, also on failure; an argument of create, and the self of callbacks
 *                       without create
 * @param userdata_free  destructor of userdata; called when the class and all its connections have
 *                       been destroyed; may be NULL
 * @param class_out      owned, free with rpyc_class_free(); for rpyc_server_new(), rpyc_connect()
 *                       and the like
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size is invalid),
 *         RPYC_ERR_ARGUMENT
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_slave_new(const rpyc_slave_table *table,
                           void *userdata,
                           rpyc_free_fn userdata_free,
                           rpyc_class **class_out,
                           rpyc_error **error_out);

/**
 * Gets a module of a slave as the master of the call's connection gets it: one of its table, or one
 * of the library's own, such as "sys", whose stdin, stdout and stderr the master may have
 * redirected.
 *
 * @param call        borrowed
 * @param module      copied
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_STATE (the connection's service is not a
 *         slave), RPYC_ERR_ARGUMENT (unknown module)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_slave_module(rpyc_call *call,
                              const char *module,
                              rpyc_object **object_out,
                              rpyc_error **error_out);

/**
 * Gets the namespace as the master of the call's connection gets it: the answer of get_namespace of
 * the table, or the library's own dict, which belongs to that connection only. For callbacks that
 * evaluate and execute.
 *
 * @param call        borrowed
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_STATE (the connection's service is not a slave),
 *         RPYC_ERR_REMOTE (get_namespace raised an exception), RPYC_ERR_TYPE (its answer is not an
 *         object)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_slave_namespace(rpyc_call *call,
                                 rpyc_object **object_out,
                                 rpyc_error **error_out);

/**
 * Makes a module: an object without attributes except its name and doc. Set others with
 * rpyc_object_set_attr(); masters may set and delete them too.
 *
 * @code{.c}
 * rpyc_object *module = NULL;
 * if (!rpyc_module_new("settings", NULL, &module, &error))
 *     rpyc_object_set_attr(module, "level", rpyc_int(3), &error);
 * rpyc_object_free(module);
 * @endcode
 *
 * @param module      copied; its name
 * @param doc         copied; its description; NULL for none
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8
 *
 * Threads: any. Since: 0.1.
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
 * Flag of rpyc_session_new(): values of events are packed, instead of handles.
 *
 * Packed values are values in one block of bytes, so that a binding reads and writes a whole call
 * without a function call for each value. Each begins with a byte for its kind. Numbers follow in
 * little-endian order, without padding:
 *
 * - 0, 1, 2, 3, 4: None, NotImplemented, Ellipsis, False, True; no content
 * - 5: int; 8 bytes, signed
 * - 6: larger int; a length in 4 bytes, decimal digits
 * - 7, 8: float in 8 bytes, complex in 16
 * - 9, 10: str in UTF-8, bytes; a length in 4 bytes, the content
 * - 11, 12, 14: tuple, list, frozenset; a count in 4 bytes, the items
 * - 13: dict; a count in 4 bytes, keys and values in turn
 * - 15: slice; start, stop, step
 * - 16: object; an rpyc_object * in 8 bytes; owned if the library passes it, borrowed if the
 *   application does
 * - 17: object of the application; its token in 8 bytes; if the application passes it, then also
 *   its rpyc_class * in 8 bytes, as for rpyc_session_object_new(), or 0 if the object exists
 * - 18: any other value; an rpyc_value * in 8 bytes, owned or borrowed as with 16
 * - 19: function of the application, only passed to the library; its token in 8 bytes, a length in
 *   4 bytes, its name; as for rpyc_session_function_new() without a signature
 * - 20: method of an object of the application, which the peer read without calling it, only passed
 *   by the library; the token of the object in 8 bytes, a length in 4 bytes, the literal name of
 *   the member; then the method itself, as with 16
 */
#define RPYC_SESSION_PACKED 1

/**
 * Flag of rpyc_session_new(): objects of other sessions and connections may be sent. The peer sees
 * them with their own type, and its requests for them are RPYC_ASK_FORWARD events. Without this
 * flag they cannot be sent.
 */
#define RPYC_SESSION_FORWARDS 2

/**
 * Flag of rpyc_session_new(): changing threads take the events, as with a scheduler that moves
 * tasks between threads. A function that waits for an object of the session then always waits until
 * an event has been taken and answered. Without this flag it fails with RPYC_ERR_STATE in a thread
 * that has taken all events so far.
 */
#define RPYC_SESSION_ANY_THREAD 4

/** No complete message is available. */
#define RPYC_EVENT_NONE 0

/** The peer made a request to an object of the application. */
#define RPYC_EVENT_REQUEST 1

/** The reply to a request of the application. */
#define RPYC_EVENT_REPLY 2

/** The object with this token is no longer referenced by the peer, a handle or a call. */
#define RPYC_EVENT_RELEASED 3

/** The session has ended. Every pending request has got a reply event with an error before. */
#define RPYC_EVENT_CLOSED 4

/**
 * More than 256 KiB of output is pending. Send it before taking the next event; complete messages
 * are still buffered.
 */
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
 * Asks whether there is an attribute with the name in argument 0. Answer with a bool. Only for
 * classes with RPYC_SESSION_CLASS_DYNAMIC.
 */
#define RPYC_ASK_EXISTS 5

/** A class is called. Answer with an object. */
#define RPYC_ASK_CONSTRUCT 6

/**
 * A request for an object of another session or connection, which was sent over this one. Send the
 * request to that object and answer with its reply. Only in sessions with RPYC_SESSION_FORWARDS.
 */
#define RPYC_ASK_FORWARD 7

/** Value of member in rpyc_session_event: the request does not name a member of a table. */
#define RPYC_MEMBER_NONE 18446744073709551615ull

/** Kind of rpyc_session_member: a method. */
#define RPYC_MEMBER_METHOD 0

/** Kind of rpyc_session_member: a property. Each permitted access is an event. */
#define RPYC_MEMBER_PROPERTY 1

/** Kind of rpyc_session_member: a constant value. Access to it is not an event. */
#define RPYC_MEMBER_VALUE 2

/** An event of a session. Zero it and set struct_size; each call fills the other members. */
typedef struct rpyc_session_event {
    /** sizeof(rpyc_session_event) */
    size_t struct_size;
    /** RPYC_EVENT_... */
    int32_t kind;
    /** In a request: RPYC_ASK_... */
    int32_t asks;
    /**
     * In a reply: token of the request. In a request: token of the object, function or class. In a
     * release: token of the object. In RPYC_ASK_FORWARD: token given to rpyc_session_stand_in(), or
     * 0.
     */
    uint64_t token;
    /** In a reply: number of the request. */
    int64_t sequence;
    /**
     * In a request: id of the member. RPYC_MEMBER_NONE for functions, classes, and attributes that
     * are requested by name: then argument 0 is the name and argument 1 the value to be set.
     */
    uint64_t member;
    /**
     * In a request: name of the member, function or attribute. Borrowed, as long as the call lives;
     * not NUL-terminated.
     */
    const char *name;
    /** Length of name, in bytes. */
    size_t name_length;
    /**
     * In a request: owned, free with rpyc_call_free() after answering it, now or later, on any
     * thread.
     */
    rpyc_call *call;
    /**
     * In a reply with a value: owned, free with rpyc_value_free(). NULL in sessions with
     * RPYC_SESSION_PACKED.
     */
    rpyc_value *value;
    /**
     * In a reply with an error, and at the end of the session: owned, free with rpyc_error_free().
     */
    rpyc_error *error;
    /**
     * In sessions with RPYC_SESSION_PACKED. In a request: a tuple of the arguments (a tuple) and
     * the keywords (a dict). In a reply: the value. Borrowed until the next event. Handles in it
     * are owned.
     */
    const void *packed;
    /** Length of packed, in bytes. */
    size_t packed_length;
    /**
     * In a request: milliseconds that the caller will still wait, as from rpyc_call_time_left(); -1
     * if unknown.
     */
    int64_t time_left_ms;
    /** In RPYC_ASK_FORWARD: the requested object. Owned, free with rpyc_object_free(). */
    rpyc_object *object;
    /**
     * In RPYC_ASK_FORWARD: RPYC_HANDLE_..., which uses name, arguments and keywords like
     * rpyc_session_ask(). Otherwise 0.
     */
    int32_t handler;
} rpyc_session_event;

/**
 * Makes a session. Nothing has been sent on it; either side may begin.
 *
 * The options sync_request_timeout, close_timeout and keepalive have no effect on a session.
 * bind_threads must be off.
 *
 * @param config       copied; NULL for the defaults
 * @param flags        RPYC_SESSION_... or 0
 * @param session_out  owned, free with rpyc_session_free()
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ABI (unknown flags), RPYC_ERR_UNSUPPORTED (bind_threads,
 *         an authenticator)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_new(const rpyc_config *config,
                             uint64_t flags,
                             rpyc_session **session_out,
                             rpyc_error **error_out);

/**
 * Sets a number by which the application identifies the session, such as an index of its state.
 * rpyc_object_session_id() returns it for objects of the peer.
 *
 * @param session  borrowed
 * @param id       any number but 0
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_set_id(rpyc_session *session, uint64_t id);

/**
 * Ends and frees a session. Handles from it stay valid. Its calls can still be answered, without
 * effect.
 *
 * @param session  consumed; NULL does nothing
 *
 * Threads: any, while no other function uses the session. Since: 0.1.
 */
void rpyc_session_free(rpyc_session *session);

/**
 * Adds received bytes, in pieces of any size. Then take events until there are none.
 *
 * @param session    borrowed
 * @param data       copied
 * @param length     number of bytes
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_CLOSED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_feed(rpyc_session *session,
                              const void *data,
                              size_t length,
                              rpyc_error **error_out);

/**
 * Marks the end of the peer's stream. Received messages are still read; then RPYC_EVENT_CLOSED
 * follows.
 *
 * @param session  borrowed
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_end_of_stream(rpyc_session *session);

/**
 * Gets the bytes to send next, without copying them. There may be more after them. The output
 * includes releases of objects that were freed.
 *
 * @code{.c}
 * const void *output = NULL;
 * size_t count = 0;
 * while (!rpyc_session_outgoing(session, &output, &count) && count > 0) {
 *     const size_t written = write_to_peer(output, count);
 *     rpyc_session_sent(session, written);
 *     if (written < count)
 *         break; // wait until the transport accepts more
 * }
 * @endcode
 *
 * @param session     borrowed
 * @param data_out    borrowed until the next call for this session; NULL if there is no output
 * @param length_out  number of bytes; 0 if there is no output
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any, but no other function may use the session while the bytes are used. Since: 0.1.
 */
rpyc_status rpyc_session_outgoing(rpyc_session *session,
                                  const void **data_out,
                                  size_t *length_out);

/**
 * Marks the first `length` bytes of rpyc_session_outgoing() as sent.
 *
 * @param session  borrowed
 * @param length   number of bytes, at most the pending output
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (more than the pending output)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_sent(rpyc_session *session, size_t length);

/**
 * Copies output into a buffer of the application and marks it as sent: rpyc_session_outgoing() and
 * rpyc_session_sent() in one call.
 *
 * @param session     borrowed
 * @param buffer      filled from its beginning
 * @param capacity    size of the buffer, in bytes
 * @param length_out  number of bytes copied; fewer than capacity if there is no more output
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_take(rpyc_session *session,
                              void *buffer,
                              size_t capacity,
                              size_t *length_out);

/**
 * Takes the next event. RPYC_EVENT_NONE means that no complete message is buffered.
 *
 * @code{.c}
 * rpyc_session_event event;
 * memset(&event, 0, sizeof event);
 * event.struct_size = sizeof event;
 * while (!rpyc_session_next_event(session, &event, &error) && event.kind != RPYC_EVENT_NONE) {
 *     if (event.kind == RPYC_EVENT_SEND)
 *         break; // send the output first
 *     if (event.kind == RPYC_EVENT_REQUEST)
 *         rpyc_call_return_int(event.call, 42);
 *     rpyc_call_free(event.call);
 *     rpyc_value_free(event.value);
 *     rpyc_error_free(event.error);
 *     rpyc_object_free(event.object);
 * }
 * @endcode
 *
 * @param session    borrowed
 * @param event      filled; its struct_size must be set; its owned members are the application's to
 *                   free
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, also with RPYC_EVENT_NONE; RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ABI
 *         (struct_size), RPYC_ERR_CLOSED (the session has ended, and all events were taken)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_next_event(rpyc_session *session,
                                    rpyc_session_event *event,
                                    rpyc_error **error_out);

/**
 * Feeds bytes, takes the next event, and takes output: rpyc_session_feed(),
 * rpyc_session_next_event() and rpyc_session_take() in one call, for bindings with expensive calls
 * into C. Input for a closed session is dropped.
 *
 * @param session            borrowed
 * @param input              copied; as for rpyc_session_feed()
 * @param input_length       number of bytes; 0 to feed nothing
 * @param output             filled; as for rpyc_session_take()
 * @param output_capacity    number of bytes; 0 to take nothing
 * @param output_length_out  number of bytes taken
 * @param event              filled; as for rpyc_session_next_event()
 * @param error_out          owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_session_next_event; output is taken also with RPYC_ERR_CLOSED
 *
 * Threads: any. Since: 0.1.
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
 * Returns whether an event is waiting, or a complete message that may cause one.
 *
 * @param session  borrowed
 * @return false also for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_session_has_message(const rpyc_session *session);

/**
 * Gets the number of output bytes, not including releases that have not been collected yet.
 *
 * @param session  borrowed
 * @return 0 also for NULL
 *
 * Threads: any. Since: 0.1.
 */
size_t rpyc_session_waiting(const rpyc_session *session);

/**
 * Returns whether the session has ended.
 *
 * @param session  borrowed
 * @return true also for NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_session_closed(const rpyc_session *session);

/**
 * Gets the dialect of the session.
 *
 * @param session  borrowed
 * @return 6 for that of rpyc 6; 5 for that of rpyc 4.1 to 5.3; 0 if it is not known yet, and for
 *         NULL
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_session_dialect(const rpyc_session *session);

/**
 * Gets the dialect of the peer's last message, also if that message ended the session with
 * RPYC_ERR_DIALECT.
 *
 * A peer that receives its first message in an unknown dialect replies in its own. Then make a new
 * connection, and a session with the option dialect set to this result.
 *
 * @param session  borrowed
 * @return as rpyc_session_dialect
 *
 * Threads: any. Since: 0.1.
 */
int32_t rpyc_session_heard(const rpyc_session *session);

/**
 * Ends the session and tells the peer. Send the remaining output, then end the stream. Nothing is
 * served from now on. While rpyc_session_dialect() is 0, there is no output for this, because the
 * peer might not understand it.
 *
 * @param session    borrowed
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, also if it was closed before; RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_close(rpyc_session *session,
                               rpyc_error **error_out);

/**
 * Answers a call with a packed value and frees the call: rpyc_call_return() and rpyc_call_free() in
 * one call.
 *
 * @param session        borrowed; that of the call
 * @param call           consumed, also on failure; if it was not answered, the caller gets a
 *                       RuntimeError
 * @param packed         copied; in the format of RPYC_SESSION_PACKED; handles in it are borrowed
 * @param packed_length  number of bytes; 0 for None
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (the packed value is malformed), RPYC_ERR_STATE
 *         (answered already), RPYC_ERR_CLOSED, RPYC_ERR_TYPE and RPYC_ERR_LIMIT (the value cannot
 *         be sent; the caller has been told), RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_return_packed(rpyc_session *session,
                                       rpyc_call *call,
                                       const void *packed,
                                       size_t packed_length,
                                       rpyc_error **error_out);

/**
 * Answers a call with an exception whose arguments and attributes are packed, and frees the call:
 * rpyc_call_raise_with() and rpyc_call_free() in one call.
 *
 * @param session        borrowed; that of the call
 * @param call           consumed, also on failure; if it was not answered, the caller gets a
 *                       RuntimeError
 * @param module         copied; NULL for "builtins"
 * @param name           copied; name of the class
 * @param traceback      copied; the traceback that the peer gets; NULL for none
 * @param packed         copied; a tuple of the arguments (a tuple) and the attributes (a dict with
 *                       str keys), in the format of RPYC_SESSION_PACKED; handles in it are borrowed
 * @param packed_length  number of bytes; 0 for neither arguments nor attributes
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the packed value is malformed),
 *         RPYC_ERR_STATE (answered already), RPYC_ERR_CLOSED, RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
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
 * Gets a token for an object or function that may be sent over several sessions. Peers then
 * recognize it as one object, from whatever session they have it. Under a different token, it is a
 * different object to peers of another session.
 *
 * @return a number that is unique in this process
 *
 * Threads: any. Since: 0.1.
 */
uint64_t rpyc_session_new_token(void);

/**
 * Gets the object of the application with a token: the existing one, if it is referenced anywhere,
 * or a new one.
 *
 * A token identifies an object, so that peers see the same one each time it is sent. The
 * application may free the handle as soon as the object is sent. RPYC_EVENT_RELEASED is reported
 * when the object is no longer referenced. Objects and functions share the tokens of a session.
 *
 * @code{.c}
 * static void answer_with_row(rpyc_session *session, rpyc_class *row_class, rpyc_call *call)
 * {
 *     rpyc_object *row = NULL;
 *
 *     if (!rpyc_session_object_new(session, row_class, 17, &row, NULL)) // 17 identifies the row
 *         rpyc_call_return_object(call, row);
 *     rpyc_object_free(row);
 *     rpyc_call_free(call);
 * }
 * @endcode
 *
 * @param session     borrowed
 * @param class_      copied (a reference); from rpyc_session_class_new(); the class of a new object
 * @param token       returned in the events of the object
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (the token belongs to a function or another
 *         object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_object_new(rpyc_session *session,
                                    const rpyc_class *class_,
                                    uint64_t token,
                                    rpyc_object **object_out,
                                    rpyc_error **error_out);

/**
 * Gets the function of the application with a token: the existing one, or a new one. Python peers
 * see a function.
 *
 * @param session     borrowed
 * @param token       returned in the events of the function; as for rpyc_session_object_new()
 * @param name        copied; NUL-terminated
 * @param signature   copied; as in rpyc_method; NULL for any arguments
 * @param doc         copied; NULL for none
 * @param object_out  owned, free with rpyc_object_free()
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (the signature; the token
 *         belongs to another object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_function_new(rpyc_session *session,
                                      uint64_t token,
                                      const char *name,
                                      const char *signature,
                                      const char *doc,
                                      rpyc_object **object_out,
                                      rpyc_error **error_out);

/**
 * Sets the object that the peer gets as root. It has the names of a service. As with RPyC's
 * services, its attributes cannot be set by the peer.
 *
 * @param session    borrowed
 * @param class_     copied (a reference); from rpyc_session_class_new()
 * @param token      returned in the events of the root; as for rpyc_session_object_new()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (the token belongs to another
 *         object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_set_root(rpyc_session *session,
                                  const rpyc_class *class_,
                                  uint64_t token,
                                  rpyc_error **error_out);

/**
 * Returns whether an object belongs to the peer of this session. Only such objects can be requested
 * and sent here.
 *
 * @param session  borrowed
 * @param object   borrowed
 * @return false for objects of this process, and if an argument is NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_session_owns(const rpyc_session *session,
                       const rpyc_object *object);

/**
 * Makes an object that represents one of another session or connection and is sent instead of it.
 *
 * The application then identifies it by a token, which is in RPYC_ASK_FORWARD events and, when the
 * peer no longer references it, in RPYC_EVENT_RELEASED. When the peer sends it back, it arrives as
 * the original object. An object that is sent without this function has no token.
 *
 * @param session     borrowed; with RPYC_SESSION_FORWARDS
 * @param object      borrowed; of another session or connection
 * @param token       as for rpyc_session_object_new()
 * @param object_out  owned, free with rpyc_object_free(), also right after sending it
 * @param error_out   owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_TYPE (an object of this process), RPYC_ERR_STATE (the
 *         session does not forward), RPYC_ERR_ARGUMENT (an object of this session's peer, or the
 *         token belongs to another object)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_stand_in(rpyc_session *session,
                                  const rpyc_object *object,
                                  uint64_t token,
                                  rpyc_object **object_out,
                                  rpyc_error **error_out);

/**
 * Gets the token under which the peer of this session knows an object of another session or
 * connection.
 *
 * @param session    borrowed
 * @param object     borrowed; for example as the peer sent it back
 * @param token_out  the token given to rpyc_session_stand_in(); may be NULL
 * @return whether there is such a token; false also if an argument is NULL
 *
 * Threads: any. Since: 0.1.
 */
bool rpyc_session_stand_in_token(const rpyc_session *session,
                                 const rpyc_object *object,
                                 uint64_t *token_out);

/**
 * Sends a request to the peer or to one of its objects. The reply is an event.
 *
 * Handlers without an object:
 *
 * - RPYC_HANDLE_GETROOT
 * - RPYC_HANDLE_PING; argument: the data
 *
 * Handlers with an object:
 *
 * - RPYC_HANDLE_GETATTR, RPYC_HANDLE_DELATTR, RPYC_HANDLE_CALL, RPYC_HANDLE_CALLATTR,
 *   RPYC_HANDLE_REPR, RPYC_HANDLE_STR, RPYC_HANDLE_HASH, RPYC_HANDLE_DIR, RPYC_HANDLE_INSPECT
 * - RPYC_HANDLE_SETATTR; argument: the value
 * - RPYC_HANDLE_CMP; name: that of the operator, such as "__eq__"; argument: the other operand
 * - RPYC_HANDLE_BUFFITER; argument: number of items
 * - RPYC_HANDLE_CTXEXIT; argument: None, or any other value if there was an error
 * - RPYC_HANDLE_PICKLE; argument: the protocol
 * - RPYC_HANDLE_INSTANCECHECK; object: the class; argument: an object of any peer or session, or
 *   the argument of an RPYC_ASK_FORWARD event for this handler. If ids or names decide, nothing is
 *   sent and the number of the request is -1
 *
 * @code{.c}
 * const uint64_t token = 1; // returned in the reply event
 * rpyc_value *args[2];
 * args[0] = rpyc_int(40);
 * args[1] = rpyc_int(2);
 * rpyc_session_ask(session, token, RPYC_HANDLE_CALLATTR, object, "add", RPYC_NUL_TERMINATED,
 *                  args, 2, NULL, -1, NULL, &error);
 * @endcode
 *
 * @param session       borrowed
 * @param token         returned in the reply event
 * @param handler       RPYC_HANDLE_...
 * @param object        borrowed; one of the peer; NULL for RPYC_HANDLE_GETROOT and RPYC_HANDLE_PING
 * @param name          copied; of the attribute, method or operator; NULL for none
 * @param name_length   number of bytes, or RPYC_NUL_TERMINATED
 * @param args          consumed (each value), also on failure
 * @param arg_count     number of args
 * @param keywords      consumed, also on failure; for calls, a dict with str keys; NULL for none
 * @param deadline_ms   milliseconds on the application's clock, which rpyc_session_expire() and
 *                      rpyc_session_set_time() are given; -1 for none
 * @param sequence_out  number of the request; may be NULL
 * @param error_out     owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (unknown
 *         handler, wrong number of arguments, an object of another session), RPYC_ERR_TYPE (an
 *         object of this process, keywords that are not a dict with str keys), RPYC_ERR_UNSUPPORTED
 *         (a value that cannot be sent), RPYC_ERR_LIMIT, RPYC_ERR_CLOSED, RPYC_ERR_STALE (an object
 *         after the end of the session)
 *
 * Threads: any. Since: 0.1.
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
 * Does the same as rpyc_session_ask(), with packed arguments.
 *
 * @param session        borrowed
 * @param token          returned in the reply event
 * @param handler        RPYC_HANDLE_...
 * @param object         borrowed; one of the peer; NULL for RPYC_HANDLE_GETROOT and
 *                       RPYC_HANDLE_PING
 * @param name           copied; of the attribute, method or operator; NULL for none
 * @param name_length    number of bytes, or RPYC_NUL_TERMINATED
 * @param packed         copied; a tuple of the arguments (a tuple) and the keywords (a dict), in
 *                       the format of RPYC_SESSION_PACKED; handles in it are borrowed
 * @param packed_length  number of bytes; 0 for no arguments and no keywords
 * @param deadline_ms    as for rpyc_session_ask()
 * @param sequence_out   number of the request; may be NULL
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return as rpyc_session_ask; RPYC_ERR_ARGUMENT also if packed is malformed; RPYC_ERR_NO_MEMORY
 *
 * Threads: any. Since: 0.1.
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
 * Sends any request, with its arguments unchanged. The reply is an event.
 *
 * @param session       borrowed
 * @param token         returned in the reply event
 * @param handler       number of the handler, RPYC_HANDLE_... or any other
 * @param args          consumed (each value), also on failure
 * @param arg_count     number of args
 * @param deadline_ms   as for rpyc_session_ask()
 * @param sequence_out  number of the request; may be NULL
 * @param error_out     owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT, RPYC_ERR_UNSUPPORTED,
 *         RPYC_ERR_LIMIT, RPYC_ERR_CLOSED, RPYC_ERR_STALE (as rpyc_session_ask)
 *
 * Threads: any. Since: 0.1.
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
 * Abandons a request: there will be no reply event for it.
 *
 * @param session   borrowed
 * @param sequence  number of the request; an unknown one is ignored
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_forget(rpyc_session *session, int64_t sequence);

/**
 * Sets the current time of the application's clock. rpyc_session_expire() sets it too.
 *
 * A peer that has agreed on the native dialect is told how long each request is waited for: the
 * time between the current time and the deadline of the request. Until a time is set, the peer is
 * not told.
 *
 * @param session  borrowed
 * @param now_ms   milliseconds on the application's clock; a time earlier than the last one is
 *                 ignored
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (negative)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_set_time(rpyc_session *session,
                                  int64_t now_ms);

/**
 * Gets the time at which to call rpyc_session_expire(): for the deadline of a request, or, once a
 * time was set, for a silent peer.
 *
 * @param session  borrowed
 * @return milliseconds on the application's clock; -1 if nothing has a deadline, and for NULL
 *
 * Threads: any. Since: 0.1.
 */
int64_t rpyc_session_next_deadline(const rpyc_session *session);

/**
 * Ends the requests whose deadline has passed: each gets a reply event with RPYC_ERR_TIMEOUT. A
 * late reply is read and dropped.
 *
 * The function also ends the session, with RPYC_ERR_LIMIT, if the peer has been silent for longer
 * than the options handshake_timeout, frame_timeout, first_message_timeout and idle_timeout allow.
 * Feed received bytes before calling it.
 *
 * @code{.c}
 * static void tick(rpyc_session *session, int64_t now_ms)
 * {
 *     const int64_t next = rpyc_session_next_deadline(session);
 *     if (next >= 0 && next <= now_ms)
 *         rpyc_session_expire(session, now_ms, NULL);
 * }
 * @endcode
 *
 * @param session      borrowed
 * @param now_ms       milliseconds on the application's clock
 * @param expired_out  number of expired requests; may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_expire(rpyc_session *session,
                                int64_t now_ms,
                                size_t *expired_out);

/**
 * Checks how long the peer has been silent, as rpyc_session_expire() does, for applications that do
 * not set deadlines of requests. The clock may be another one.
 *
 * @param session       borrowed
 * @param now_ms        milliseconds on a clock that is the same in each call
 * @param nothing_came  nonzero if no received bytes are waiting to be fed; if the peer has been
 *                      silent for too long, the session then ends, with RPYC_ERR_LIMIT as the next
 *                      event. 0 only starts the measurement
 * @param next_ms_out   time of the next call, with nothing_came; -1 for not before bytes are fed
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (negative)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_watch_silence(rpyc_session *session,
                                       int64_t now_ms,
                                       int32_t nothing_came,
                                       int64_t *next_ms_out);

/**
 * Converts several values as rpyc_value_convert_all() does.
 *
 * The result is one reply event: a tuple of the converted values, or the error of the first value
 * that cannot be converted. The peer is asked for all objects among them in one burst of requests.
 * Conversions that need further requests send them while events are taken.
 *
 * @param session      borrowed
 * @param token        returned in the reply event, whose sequence is -1
 * @param values       borrowed (each value), none of them NULL; objects of a peer must belong to
 *                     this session; may be NULL if count is 0
 * @param kinds        copied; kinds[i] is the target of values[i]; may be NULL if count is 0
 * @param count        number of values
 * @param deadline_ms  milliseconds on the application's clock, see rpyc_session_expire(); it has an
 *                     effect once a time was set; -1 for none
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_FORKED, RPYC_ERR_ARGUMENT (unknown kind, or an object of
 *         another session), RPYC_ERR_CLOSED
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_session_convert(rpyc_session *session,
                                 uint64_t token,
                                 const rpyc_value *const *values,
                                 const rpyc_value_kind_id *kinds,
                                 size_t count,
                                 int64_t deadline_ms,
                                 rpyc_error **error_out);

/**
 * Gets the id of the session from whose peer an object was received.
 *
 * @param object  borrowed
 * @return the number given to rpyc_session_set_id(); 0 if there was none or the session has been
 *         freed, for objects of connections and of this process, and for NULL
 *
 * Threads: any. Since: 0.1.
 */
uint64_t rpyc_object_session_id(const rpyc_object *object);

/**
 * Gets the token of an object or function of the application.
 *
 * @param object     borrowed
 * @param token_out  the token; may be NULL
 * @return whether the object has a token; false also for NULL
 *
 * Threads: any. Since: 0.1.
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

/** Flag of rpyc_session_member: the property can be read. */
#define RPYC_ACCESS_GET 1

/** Flag of rpyc_session_member: the property can be set. */
#define RPYC_ACCESS_SET 2

/** Flag of rpyc_session_member: the property can be deleted. */
#define RPYC_ACCESS_DEL 4

/**
 * Flag of rpyc_session_class_table: reading any attribute is a request by name, without the access
 * rules. Like RPyC's _rpyc_getattr.
 */
#define RPYC_SESSION_CLASS_OWN_GET 1

/**
 * Flag of rpyc_session_class_table: setting any attribute is a request by name. Like RPyC's
 * _rpyc_setattr.
 */
#define RPYC_SESSION_CLASS_OWN_SET 2

/**
 * Flag of rpyc_session_class_table: deleting any attribute is a request by name. Like RPyC's
 * _rpyc_delattr.
 */
#define RPYC_SESSION_CLASS_OWN_DEL 4

/**
 * Flag of rpyc_session_class_table: objects have attributes beyond the members. For each use there
 * is an RPYC_ASK_EXISTS event and then a request by name; setting has no RPYC_ASK_EXISTS. The usual
 * rules apply.
 */
#define RPYC_SESSION_CLASS_DYNAMIC 8

/**
 * Flag of rpyc_session_class_table: the class can be called. The event is RPYC_ASK_CONSTRUCT with
 * the class's token.
 */
#define RPYC_SESSION_CLASS_CALLABLE 16

/** A member of a class of a session. */
typedef struct rpyc_session_member {
    /** Returned in each event for this member. */
    uint64_t id;
    /** Literal name, such as "exposed_add" or "__len__". NUL-terminated. */
    const char *name;
    /** Signature of a method, as in rpyc_method. NULL for any arguments. */
    const char *signature;
    /** Description, for Python's help(). NULL for none. */
    const char *doc;
    /** RPYC_MEMBER_... */
    int32_t kind;
    /** For a property: RPYC_ACCESS_... flags. */
    uint32_t access;
    /** For RPYC_MEMBER_VALUE: copied; NULL for None. */
    const rpyc_value *value;
} rpyc_session_member;

/**
 * Describes a class of a session. rpyc_session_class_new() copies all of it. A member that is 0 or
 * NULL takes the default documented for it.
 */
typedef struct rpyc_session_class_table {
    /** sizeof(rpyc_session_class_table) */
    size_t struct_size;
    /** sizeof(rpyc_session_member). May be 0 without members. */
    size_t member_size;
    /** Module of the class. NULL for "librpyc". */
    const char *module;
    /** Name of the class, such as "CalculatorService". Not NULL. */
    const char *name;
    /** Description, for Python's help(). NULL for none. */
    const char *doc;
    /** Base class. Its members and access rules are inherited. NULL for none. */
    const rpyc_class *base;
    /** RPYC_SESSION_CLASS_... or 0. Unknown bits are rejected. */
    uint64_t flags;
    /** Members of the class. NULL, with member_count 0, for none. */
    const rpyc_session_member *members;
    /** Number of members. */
    size_t member_count;
    /**
     * For a root: names of the service. NULL for its class name without "Service", in upper case.
     */
    const char *const *aliases;
    /** Number of aliases. */
    size_t alias_count;
    /**
     * A class of another session that is the same class for peers. Both have one id, and isinstance
     * accepts objects of either as objects of the other. NULL for a class of its own.
     */
    const rpyc_class *same_as;
} rpyc_session_class_table;

/**
 * Makes a class of objects that the application identifies by tokens. Requests for them become
 * events.
 *
 * The library itself answers everything that each object of Python has (__repr__, __str__, __eq__,
 * __hash__, __dir__, __doc__, ...), isinstance, the attribute rules, signatures, and iteration over
 * __iter__ and __next__, unless the class has such members.
 *
 * @param session    borrowed; its events report calls of the class. NULL if the class cannot be
 *                   called; it may then be used in every session
 * @param token      returned with RPYC_ASK_CONSTRUCT
 * @param table      copied, with everything that it points to
 * @param class_out  owned, free with rpyc_class_free(); for the class as an object, see
 *                   rpyc_class_object()
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ABI (a size is invalid, or flags or
 *         members are set that this version does not have), RPYC_ERR_ARGUMENT (an invalid
 *         signature, name or kind); the message says which
 *
 * Threads: any. Since: 0.1.
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

/** Kind of rpyc_decoded: not a frame, or a frame whose content is not RPyC. */
#define RPYC_DECODED_GARBAGE 0

/** Kind of rpyc_decoded: a request. */
#define RPYC_DECODED_REQUEST 1

/** Kind of rpyc_decoded: a reply with a value. */
#define RPYC_DECODED_REPLY 2

/** Kind of rpyc_decoded: a reply with an exception. */
#define RPYC_DECODED_EXCEPTION 3

/**
 * One message of a decoder. Set struct_size; each call fills the other members. Strings are
 * NUL-terminated UTF-8, borrowed until the decoder is used again.
 */
typedef struct rpyc_decoded {
    /** sizeof(rpyc_decoded) */
    size_t struct_size;
    /** Offset of the frame in the stream. */
    uint64_t offset;
    /** Size of the frame as sent, in bytes. */
    uint64_t size;
    /** Size of its decompressed content, in bytes. */
    uint64_t payload_size;
    /** 1 if the content was sent compressed. */
    int32_t compressed;
    /** RPYC_DECODED_... */
    int32_t kind;
    /** 6 or 5; 0 if the message does not show it. */
    int32_t dialect;
    /** Number of a request's handler; 0 for none. */
    int32_t handler;
    /** Number of the request, also in its reply; -1 if it is not an int. */
    int64_t sequence;
    /** With bind_threads, the id of the sending thread; otherwise 0. */
    uint64_t from_thread;
    /** With bind_threads, the id of the receiving thread; otherwise 0. */
    uint64_t to_thread;
    /** RPyC's name of the handler, such as "CALLATTR"; "" for none. */
    const char *handler_name;
    /**
     * The message on one line, such as "CALLATTR your calc.Calculator#3 'add' (40, 2)". Objects of
     * the sender are "my", objects of the receiver "your".
     */
    const char *text;
    /** Reason why the message was not, or only partly, decoded; "" for none. */
    const char *fault;
    /** Offset of the fault in the stream; for a compressed frame, that of the frame. */
    uint64_t fault_offset;
} rpyc_decoded;

/**
 * Makes a decoder for one direction of one connection.
 *
 * @return owned, free with rpyc_decoder_free(); never NULL
 *
 * Threads: any. Since: 0.1.
 */
rpyc_decoder *rpyc_decoder_new(void);

/**
 * Frees a decoder.
 *
 * @param decoder  consumed; NULL does nothing
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
void rpyc_decoder_free(rpyc_decoder *decoder);

/**
 * Limits the printed length of a value. Longer ones are cut and show their length.
 *
 * @param decoder  borrowed
 * @param width    in characters, 120 by default; 0 for no limit
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_decoder_set_width(rpyc_decoder *decoder, size_t width);

/**
 * Adds bytes of the stream, in pieces of any size.
 *
 * @param decoder  borrowed
 * @param data     copied
 * @param length   number of bytes
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_decoder_feed(rpyc_decoder *decoder, const void *data, size_t length);

/**
 * Marks the end of the stream. The rest of it is returned as garbage.
 *
 * @param decoder  borrowed
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_decoder_end(rpyc_decoder *decoder);

/**
 * Gets the next complete message.
 *
 * @code{.c}
 * static void print_messages(rpyc_decoder *decoder, const void *data, size_t length)
 * {
 *     rpyc_decoded message;
 *     bool found = false;
 *
 *     message.struct_size = sizeof message;
 *     rpyc_decoder_feed(decoder, data, length);
 *     while (!rpyc_decoder_next(decoder, &message, &found) && found)
 *         printf("%llu: %s\n", (unsigned long long)message.offset, message.text);
 * }
 * @endcode
 *
 * @param decoder    borrowed
 * @param decoded    filled if there is a message; its struct_size must be set
 * @param found_out  whether there is a message
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ABI (struct_size)
 *
 * Threads: one at a time per handle. Since: 0.1.
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
 * The library failed to do something, or the application made a mistake, and no status can report
 * it.
 */
#define RPYC_LOG_ERROR 1

/** A peer did something that it should not do, or was rejected. */
#define RPYC_LOG_WARN 2

/** Events of normal operation. */
#define RPYC_LOG_INFO 3

/** Details for debugging. */
#define RPYC_LOG_DEBUG 4

/**
 * Receives a message of the log. `message` is borrowed for the call: UTF-8, `length` bytes, not
 * NUL-terminated.
 *
 * It runs in the thread that logs the message, and in several threads at once. Messages about its
 * own calls of the library are omitted.
 */
typedef void (*rpyc_log_fn)(int32_t level, const char *message, size_t length, void *userdata);

/**
 * Sets the log callback of the process, and replaces the previous one.
 *
 * The destructor of the previous callback runs when its last call has returned. Without a callback
 * nothing is logged. A connection can have a callback of its own; see rpyc_config_set_logger().
 *
 * @param max_level      RPYC_LOG_ERROR to RPYC_LOG_DEBUG: messages up to this level are passed; 0
 *                       for none
 * @param callback       NULL to log nothing
 * @param userdata       consumed, also on failure; passed to the callback and the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, also on failure; may be NULL
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_ARGUMENT (unknown level; the previous callback stays)
 *
 * Threads: any. Since: 0.1.
 */
rpyc_status rpyc_set_log_callback(int32_t max_level,
                                  rpyc_log_fn callback,
                                  void *userdata,
                                  rpyc_free_fn userdata_free,
                                  rpyc_error **error_out);

/**
 * Sets a log callback for the connections of a configuration, RPyC's option logger. It gets the
 * messages about them instead of the callback of the process.
 *
 * If log_exceptions is on, each exception that is sent to a peer is logged at RPYC_LOG_DEBUG. If
 * debug is on, each message on the wire is.
 *
 * @param config         borrowed
 * @param max_level      RPYC_LOG_ERROR to RPYC_LOG_DEBUG: messages up to this level are passed; 0
 *                       for none
 * @param callback       NULL to use the callback of the process again
 * @param userdata       consumed, also on failure; passed to the callback and the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, when the config, its copies and
 *                       the connections are gone, also on failure; may be NULL
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_ARGUMENT (unknown level; nothing is changed)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_logger(rpyc_config *config,
                                   int32_t max_level,
                                   rpyc_log_fn callback,
                                   void *userdata,
                                   rpyc_free_fn userdata_free,
                                   rpyc_error **error_out);

/**
 * Sets a callback that runs when this side closes a connection with rpyc_connection_close(), before
 * the peer is told. It is RPyC's option before_closed.
 *
 * The callback does not run if the peer ended the connection. It does not run for
 * rpyc_connection_free(), which never waits. Closing the connection in the callback does nothing.
 *
 * @code{.c}
 * static rpyc_status log_out(rpyc_connection *connection, rpyc_object *root, void *userdata)
 * {
 *     rpyc_value *result = NULL;
 *     rpyc_status status = rpyc_object_call_method(root, "log_out", NULL, 0, NULL, &result, NULL);
 *
 *     (void)connection, (void)userdata;
 *     rpyc_value_free(result);
 *     return status;
 * }
 *
 * static rpyc_status log_out_at_the_end(rpyc_config *config, rpyc_error **error_out)
 * {
 *     return rpyc_config_set_before_closed(config, log_out, NULL, NULL, error_out);
 * }
 * @endcode
 *
 * @param config         borrowed
 * @param callback       NULL for none
 * @param userdata       consumed, also on failure; passed to the callback and the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, when the config, its copies and
 *                       the connections are gone, also on failure; may be NULL
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_before_closed(rpyc_config *config,
                                          rpyc_before_closed_fn callback,
                                          void *userdata,
                                          rpyc_free_fn userdata_free,
                                          rpyc_error **error_out);

/**
 * Sets the credentials that rpyc_connection_credentials() returns: the identity that the
 * application assigns to the peer. It is RPyC's option credentials. The library does not interpret
 * them. Those of an authenticator replace them.
 *
 * @param config       borrowed
 * @param credentials  consumed, also on failure; NULL for None
 * @param error_out    owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_credentials(rpyc_config *config,
                                        rpyc_value *credentials,
                                        rpyc_error **error_out);

/**
 * Sets the addresses that rpyc_connection_endpoints() returns. It is RPyC's option endpoints.
 *
 * They replace those of the transport, which may not know them, for example behind a proxy.
 *
 * @param config     borrowed
 * @param local      copied, NUL-terminated; NULL, together with peer, for the address that the
 *                   transport has
 * @param peer       copied, NUL-terminated; NULL, together with local, for the address that the
 *                   transport has
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL (only one of the two is NULL), RPYC_ERR_UTF8
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_set_endpoints(rpyc_config *config,
                                      const char *local,
                                      const char *peer,
                                      rpyc_error **error_out);

/**
 * Registers a code of the application for a type of exception.
 *
 * If instantiate_custom_exceptions is on, rpyc_error_code() returns the code for an exception of
 * this type that a peer raises. Types of Python's builtins do not need the option. If it is off,
 * other types are identified by their names alone.
 *
 * @code{.c}
 * rpyc_config *config = rpyc_config_new();
 * rpyc_config_set_bool(config, "instantiate_custom_exceptions", 1, &error);
 * rpyc_config_register_exception(config, "bank", "InsufficientFunds", 1001, &error);
 * // with a connection of this configuration: rpyc_error_code(error) == 1001
 * rpyc_config_free(config);
 * @endcode
 *
 * @param config     borrowed
 * @param module     copied, NUL-terminated; such as "bank" or "builtins"
 * @param name       copied, NUL-terminated; such as "InsufficientFunds"
 * @param code       not 0; the last registration of a type takes effect
 * @param error_out  owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL, RPYC_ERR_UTF8, RPYC_ERR_ARGUMENT (code is 0)
 *
 * Threads: one at a time per handle. Since: 0.1.
 */
rpyc_status rpyc_config_register_exception(rpyc_config *config,
                                           const char *module,
                                           const char *name,
                                           int32_t code,
                                           rpyc_error **error_out);

/**
 * Returns the application's code for a type of exception that is not registered, or 0 for an
 * unknown type. The names are borrowed for the call.
 */
typedef int32_t (*rpyc_exception_resolver_fn)(const char *module, const char *name, void *userdata);

/**
 * Sets a callback that resolves types of exceptions that are not registered. It corresponds to
 * Python's import of a module.
 *
 * It runs if import_custom_exceptions is on, once for each type, when rpyc_error_code() is called
 * for an error of that type. After 4096 types it runs each time. It never runs for a name longer
 * than 1 KiB. As in Python, its result takes effect only if instantiate_custom_exceptions is on.
 *
 * @param config         borrowed
 * @param callback       NULL for none
 * @param userdata       consumed, also on failure; passed to the callback and the destructor
 * @param userdata_free  destructor of userdata: runs exactly once, when the config, its copies, the
 *                       connections and their errors are gone, also on failure; may be NULL
 * @param error_out      owned, free with rpyc_error_free(); may be NULL
 * @return RPYC_OK, RPYC_ERR_NULL
 *
 * Threads: one at a time per handle; the callback runs in the thread that calls rpyc_error_code().
 * Since: 0.1.
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
