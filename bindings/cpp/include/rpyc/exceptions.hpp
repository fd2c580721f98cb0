/** Python's builtin exceptions as a hierarchy of C++ classes, and the exceptions for errors of the library. */
#ifndef RPYC_EXCEPTIONS_HPP
#define RPYC_EXCEPTIONS_HPP

#include "error.hpp"

#include <unordered_map>

// Each class with its base, as in Python.
#define RPYC_DETAIL_BUILTINS(X)                                                                                        \
    X(BaseException, RemoteError)                                                                                      \
    X(SystemExit, BaseException)                                                                                       \
    X(KeyboardInterrupt, BaseException)                                                                                \
    X(GeneratorExit, BaseException)                                                                                    \
    X(Exception, BaseException)                                                                                        \
    X(StopIteration, Exception)                                                                                        \
    X(StopAsyncIteration, Exception)                                                                                   \
    X(ArithmeticError, Exception)                                                                                      \
    X(FloatingPointError, ArithmeticError)                                                                             \
    X(OverflowError, ArithmeticError)                                                                                  \
    X(ZeroDivisionError, ArithmeticError)                                                                              \
    X(AssertionError, Exception)                                                                                       \
    X(AttributeError, Exception)                                                                                       \
    X(BufferError, Exception)                                                                                          \
    X(EOFError, Exception)                                                                                             \
    X(ImportError, Exception)                                                                                          \
    X(ModuleNotFoundError, ImportError)                                                                                \
    X(LookupError, Exception)                                                                                          \
    X(IndexError, LookupError)                                                                                         \
    X(KeyError, LookupError)                                                                                           \
    X(MemoryError, Exception)                                                                                          \
    X(NameError, Exception)                                                                                            \
    X(UnboundLocalError, NameError)                                                                                    \
    X(OSError, Exception)                                                                                              \
    X(BlockingIOError, OSError)                                                                                        \
    X(ChildProcessError, OSError)                                                                                      \
    X(ConnectionError, OSError)                                                                                        \
    X(BrokenPipeError, ConnectionError)                                                                                \
    X(ConnectionAbortedError, ConnectionError)                                                                         \
    X(ConnectionRefusedError, ConnectionError)                                                                         \
    X(ConnectionResetError, ConnectionError)                                                                           \
    X(FileExistsError, OSError)                                                                                        \
    X(FileNotFoundError, OSError)                                                                                      \
    X(InterruptedError, OSError)                                                                                       \
    X(IsADirectoryError, OSError)                                                                                      \
    X(NotADirectoryError, OSError)                                                                                     \
    X(PermissionError, OSError)                                                                                        \
    X(ProcessLookupError, OSError)                                                                                     \
    X(TimeoutError, OSError)                                                                                           \
    X(ReferenceError, Exception)                                                                                       \
    X(RuntimeError, Exception)                                                                                         \
    X(NotImplementedError, RuntimeError)                                                                               \
    X(RecursionError, RuntimeError)                                                                                    \
    X(SyntaxError, Exception)                                                                                          \
    X(IndentationError, SyntaxError)                                                                                   \
    X(TabError, IndentationError)                                                                                      \
    X(SystemError, Exception)                                                                                          \
    X(TypeError, Exception)                                                                                            \
    X(ValueError, Exception)                                                                                           \
    X(UnicodeError, ValueError)                                                                                        \
    X(UnicodeDecodeError, UnicodeError)                                                                                \
    X(UnicodeEncodeError, UnicodeError)                                                                                \
    X(UnicodeTranslateError, UnicodeError)                                                                             \
    X(Warning, Exception)                                                                                              \
    X(BytesWarning, Warning)                                                                                           \
    X(DeprecationWarning, Warning)                                                                                     \
    X(FutureWarning, Warning)                                                                                          \
    X(ImportWarning, Warning)                                                                                          \
    X(PendingDeprecationWarning, Warning)                                                                              \
    X(ResourceWarning, Warning)                                                                                        \
    X(RuntimeWarning, Warning)                                                                                         \
    X(SyntaxWarning, Warning)                                                                                          \
    X(UnicodeWarning, Warning)                                                                                         \
    X(UserWarning, Warning)

namespace rpyc {

namespace detail {
template <class T>
using not_an_error = std::enable_if_t<!std::is_base_of_v<Error, T> && std::is_constructible_v<Value, const T &>, int>;
}

#define RPYC_DETAIL_CLASS(NAME, BASE)                                                                                  \
    /** Python's NAME: thrown if the peer raised it, or by a service for its caller. */                                \
    class NAME : public BASE {                                                                                         \
    public:                                                                                                            \
        NAME() : NAME(detail::Raised::make(#NAME, {})) {}                                                              \
        template <class T, class... A, detail::not_an_error<T> = 0>                                                    \
        explicit NAME(const T &first, const A &...others)                                                              \
            : NAME(detail::Raised::make(#NAME, std::vector<Value>{Value(first), Value(others)...})) {}                 \
        explicit NAME(std::shared_ptr<detail::Raised> exception, rpyc_status status = RPYC_ERR_REMOTE)                 \
            : BASE(std::move(exception), status) {}                                                                    \
    };
RPYC_DETAIL_BUILTINS(RPYC_DETAIL_CLASS)
#undef RPYC_DETAIL_CLASS

namespace detail {

using Thrower = void (*)(std::shared_ptr<Raised>, rpyc_status);

template <class E>
[[noreturn]] void throw_as(std::shared_ptr<Raised> exception, rpyc_status status) {
    throw E(std::move(exception), status);
}

/** Throws the C++ class that is named like the type of the exception, otherwise RemoteError. */
[[noreturn]] inline void throw_exception(std::shared_ptr<Raised> exception, rpyc_status status) {
#define RPYC_DETAIL_ROW(NAME, BASE) {#NAME, throw_as<::rpyc::NAME>},
    // Never destroyed: destructors of static objects may still call this.
    static const auto &throwers = *new std::unordered_map<std::string_view, Thrower>{
        RPYC_DETAIL_BUILTINS(RPYC_DETAIL_ROW){"EnvironmentError", throw_as<::rpyc::OSError>},
        {"IOError", throw_as<::rpyc::OSError>}};
#undef RPYC_DETAIL_ROW
    auto found = exception->module == "builtins" ? throwers.find(exception->name) : throwers.end();
    if (found != throwers.end())
        found->second(std::move(exception), status);
    throw RemoteError(std::move(exception), status);
}

/** Throws the exception for a local error, which is freed. */
[[noreturn]] inline void throw_local(rpyc_status status, std::unique_ptr<rpyc_error, FreeError> error) {
    std::string message;
    if (error != nullptr) {
        message = rpyc_error_message(error.get());
        error.reset();
    } else {
        const char *name = rpyc_status_name(status);
        message = name != nullptr ? name : "status " + std::to_string(status);
    }
    switch (status) {
    case RPYC_ERR_STATE: throw StateError(status, message);
    case RPYC_ERR_DEADLOCK: throw DeadlockError(status, message);
    case RPYC_ERR_FORKED: throw ForkedError(status, message);
    case RPYC_ERR_NO_MEMORY: throw OutOfMemory(status, message);
    case RPYC_ERR_UNSUPPORTED: throw Unsupported(status, message);
    case RPYC_ERR_TYPE:
    case RPYC_ERR_RANGE: throw ConversionError(status, message);
    case RPYC_ERR_IO: throw IoError(status, message);
    case RPYC_ERR_EOF: throw Eof(status, message);
    case RPYC_ERR_TIMEOUT: throw Timeout(status, message);
    case RPYC_ERR_CLOSED: throw Closed(status, message);
    case RPYC_ERR_STALE: throw Stale(status, message);
    case RPYC_ERR_ADDRESS: throw AddressError(status, message);
    case RPYC_ERR_BACKPRESSURE: throw Backpressure(status, message);
    case RPYC_ERR_CANCELLED: throw Cancelled(status, message);
    case RPYC_ERR_WAIT_INTERRUPTED: throw Interrupted(status, message);
    case RPYC_ERR_AUTHENTICATION: throw AuthenticationError(status, message);
    case RPYC_ERR_MALFORMED: throw Malformed(status, message);
    case RPYC_ERR_LIMIT: throw LimitError(status, message);
    case RPYC_ERR_UNSAFE: throw Unsafe(status, message);
    case RPYC_ERR_DIALECT: throw DialectError(status, message);
    default: break;
    }
    if (status < 100)
        throw UsageError(status, message);
    if (status < 200)
        throw TransportError(status, message);
    if (status < 300)
        throw ProtocolError(status, message);
    throw Error(status, message);
}

[[noreturn]] inline void throw_error(rpyc_status status, rpyc_error *error) {
    std::unique_ptr<rpyc_error, FreeError> owned(error);
    // RPYC_ERR_DENIED, the end of an iteration and exits are exceptions of Python too.
    if (rpyc_error_type_name(error) != nullptr)
        throw_exception(Raised::take(std::move(owned)), status);
    throw_local(status, std::move(owned));
}

}  // namespace detail

}  // namespace rpyc

#undef RPYC_DETAIL_BUILTINS

#endif
