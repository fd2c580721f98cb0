/** Errors as C++ exceptions: local errors by status, exceptions of the peer as RemoteError. */
#ifndef RPYC_ERROR_HPP
#define RPYC_ERROR_HPP

#include "value.hpp"

#include <atomic>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace rpyc {

namespace detail {

/** Returns a string of a peer in a form that is safe to log or print, as by rpyc_error_describe(). */
inline std::string one_line(const std::string &text) {
    std::string shown;
    auto escape = [&shown](const char *format, unsigned code) {
        char buffer[8];
        std::snprintf(buffer, sizeof buffer, format, code);
        shown += buffer;
    };
    for (std::size_t i = 0; i < text.size(); i++) {
        auto byte = [&](std::size_t ahead) {
            return i + ahead < text.size() ? static_cast<unsigned char>(text[i + ahead]) : 0U;
        };
        // The second and third byte of the UTF-8 sequence identify the few characters that are invisible.
        const unsigned pair = byte(0) << 8 | byte(1), mark = pair << 8 | byte(2);
        const bool separates = mark == 0xe280a8 || mark == 0xe280a9;
        const bool turns = mark == 0xe2808e || mark == 0xe2808f || (0xe280aa <= mark && mark <= 0xe280ae) ||
                           (0xe281a6 <= mark && mark <= 0xe281a9);
        if (byte(0) < 0x20 || byte(0) == 0x7f) {
            const char *name = byte(0) == '\t' ? "\\t" : byte(0) == '\n' ? "\\n" : byte(0) == '\r' ? "\\r" : nullptr;
            name != nullptr ? void(shown += name) : escape("\\x%02x", byte(0));
        } else if (0xc280 <= pair && pair <= 0xc29f) {
            escape("\\x%02x", byte(1));
            i += 1;
        } else if (pair == 0xd89c) {
            shown += "\\u061c";
            i += 1;
        } else if (separates || turns) {
            escape("\\u%04x", 0x2000U | (byte(1) & 0x3fU) << 6 | (byte(2) & 0x3fU));
            i += 2;
        } else {
            shown += text[i];
        }
    }
    return shown;
}

}  // namespace detail

/**
 * The base class of all exceptions of this library.
 *
 * what() is safe to log or print: it is one line, and control characters, line separators and marks that change the
 * writing direction are escaped as in Python. message() is the message as it was received.
 */
class Error : public std::runtime_error {
public:
    /** Makes an error with a status and a message. */
    Error(rpyc_status status, const std::string &message)
        : std::runtime_error(detail::one_line(message)), status_(status),
          message_(std::make_shared<const std::string>(message)) {}

    /** Returns the status, RPYC_ERR_... */
    rpyc_status status() const noexcept { return status_; }
    /** Returns the message with all of its characters. Compare it or pass it on, but do not print it. */
    const std::string &message() const noexcept { return *message_; }

private:
    rpyc_status status_;
    /** Shared, so that copying a thrown exception cannot fail. */
    std::shared_ptr<const std::string> message_;
};

/** A mistake of the caller: statuses 1 to 99. */
class UsageError : public Error {
public:
    using Error::Error;
};

/** An error of the transport: the connection ended, could not be opened or is too slow; statuses 100 to 199. */
class TransportError : public Error {
public:
    using Error::Error;
};

/** An error of the protocol: the peer sent invalid data, or a limit of this side was exceeded; statuses 200 to 299. */
class ProtocolError : public Error {
public:
    using Error::Error;
};

/** RPYC_ERR_STATE: not valid in the current state. */
class StateError : public UsageError {
public:
    using UsageError::UsageError;
};
/** RPYC_ERR_DEADLOCK: the call would deadlock. */
class DeadlockError : public UsageError {
public:
    using UsageError::UsageError;
};
/** RPYC_ERR_FORKED: the handle was made in the parent process. */
class ForkedError : public UsageError {
public:
    using UsageError::UsageError;
};
/** RPYC_ERR_NO_MEMORY: an allocation failed whose size an argument or a peer determined. */
class OutOfMemory : public Error {
public:
    using Error::Error;
};
/** RPYC_ERR_UNSUPPORTED: not supported on this system or by this peer. */
class Unsupported : public UsageError {
public:
    using UsageError::UsageError;
};

/** RPYC_ERR_TIMEOUT: the operation timed out. */
class Timeout : public TransportError {
public:
    using TransportError::TransportError;
};
/** RPYC_ERR_CLOSED: the connection was closed. Base of Eof and Stale. */
class Closed : public TransportError {
public:
    using TransportError::TransportError;
};
/** RPYC_ERR_EOF: the peer ended the stream. */
class Eof : public Closed {
public:
    using Closed::Closed;
};
/** RPYC_ERR_STALE: an object whose connection had ended before the call. Nothing was sent. */
class Stale : public Closed {
public:
    using Closed::Closed;
};
/** RPYC_ERR_IO: the operating system reported an error. */
class IoError : public TransportError {
public:
    using TransportError::TransportError;
};
/** RPYC_ERR_ADDRESS: the address is malformed, cannot be resolved or cannot be reached. */
class AddressError : public TransportError {
public:
    using TransportError::TransportError;
};
/** RPYC_ERR_BACKPRESSURE: the output queue of a non-blocking connection is full. */
class Backpressure : public TransportError {
public:
    using TransportError::TransportError;
};
/** RPYC_ERR_CANCELLED: this program cancelled the request. */
class Cancelled : public TransportError {
public:
    using TransportError::TransportError;
};
/** RPYC_ERR_WAIT_INTERRUPTED: Connection::interrupt() ended the wait. */
class Interrupted : public TransportError {
public:
    using TransportError::TransportError;
};

/** RPYC_ERR_AUTHENTICATION: the peer did not authenticate itself, or refused this side. */
class AuthenticationError : public TransportError {
public:
    using TransportError::TransportError;
};

/** RPYC_ERR_LIMIT: a limit on size, number or depth was exceeded. */
class LimitError : public ProtocolError {
public:
    using ProtocolError::ProtocolError;
};
/** RPYC_ERR_MALFORMED: the peer sent malformed data. */
class Malformed : public ProtocolError {
public:
    using ProtocolError::ProtocolError;
};
/** RPYC_ERR_UNSAFE: the peer sent data that is not safe to accept. */
class Unsafe : public ProtocolError {
public:
    using ProtocolError::ProtocolError;
};
/** RPYC_ERR_DIALECT: the peer speaks an unsupported dialect of RPyC. */
class DialectError : public ProtocolError {
public:
    using ProtocolError::ProtocolError;
};

/** A value of the wrong type (RPYC_ERR_TYPE), or a number out of range for the type (RPYC_ERR_RANGE). */
class ConversionError : public UsageError {
public:
    /** Makes an error with a message. */
    ConversionError(rpyc_status status, const std::string &message)
        : ConversionError(status, message, Parts{"", message}) {}

    /** Makes an error whose message consists of a place, a subject and a problem, such as "must be int, not str". */
    ConversionError(rpyc_status status, const std::string &where, const std::string &what, const std::string &problem)
        : ConversionError(status, where + what + " " + problem, Parts{where, problem}) {}

    /** Makes an error for a value of the wrong type. */
    static ConversionError wrong_type(const std::string &wanted, const View &got) {
        return wrong_type(wanted, got.type_name());
    }
    /** Makes an error for a value of the wrong type, whose type is given by name. */
    static ConversionError wrong_type(const std::string &wanted, const std::string &got) {
        return {RPYC_ERR_TYPE, "", "value", "must be " + wanted + ", not " + got};
    }
    /** Makes an error for a number out of range. */
    static ConversionError out_of_range(const std::string &wanted) {
        return {RPYC_ERR_RANGE, "", "value", "does not fit into " + wanted};
    }

    /** Returns the same error for a part of a container: "item 2 of ". */
    ConversionError within(const std::string &place) const {
        return parts_->problem == message()
                   ? *this
                   : ConversionError(status(), parts_->where + place, "value", parts_->problem);
    }
    /** Returns the message for a named subject: "add() argument 'a'". */
    std::string text_for(const std::string &name) const {
        return parts_->problem == message() ? name + ": " + parts_->problem
                                            : parts_->where + name + " " + parts_->problem;
    }

private:
    /** Shared, so that copying a thrown exception cannot fail. */
    struct Parts {
        std::string where, problem;
    };
    ConversionError(rpyc_status status, const std::string &message, Parts parts)
        : UsageError(status, message), parts_(std::make_shared<const Parts>(std::move(parts))) {}

    std::shared_ptr<const Parts> parts_;
};

namespace detail {

/** Returns a name as a C string. A name that contains NUL is rejected: the library reads only up to the first NUL. */
inline const char *name_text(const std::string &name) {
    if (name.find('\0') != std::string::npos)
        throw UsageError(RPYC_ERR_ARGUMENT, "a name with NUL in it: '" + std::string(name.c_str()) + "\\0...'");
    return name.c_str();
}

struct FreeError {
    void operator()(rpyc_error *error) const noexcept { rpyc_error_free(error); }
};

/** The parts of a Python exception, shared by the copies of a RemoteError. */
struct Raised {
    std::string module, name, message, traceback;
    Value args = Value::tuple({});
    std::vector<std::pair<std::string, Value>> attributes{};
    int exit_code = 1;
    /** The error as it was received, until it is passed on. */
    std::atomic<rpyc_error *> received{nullptr};

    Raised(std::string in_module, std::string in_name) : module(std::move(in_module)), name(std::move(in_name)) {}
    ~Raised() { rpyc_error_free(received.load()); }
    Raised(const Raised &) = delete;
    Raised &operator=(const Raised &) = delete;

    /** Takes ownership of an error with an exception of the peer. */
    static std::shared_ptr<Raised> take(std::unique_ptr<rpyc_error, FreeError> owned) {
        rpyc_error *error = owned.get();
        const char *module = rpyc_error_type_module(error), *name = rpyc_error_type_name(error);
        auto exception =
            std::make_shared<Raised>(module != nullptr ? module : "builtins", name != nullptr ? name : "StopIteration");
        exception->received = owned.release();
        exception->exit_code = rpyc_error_exit_code(error);
        exception->message = rpyc_error_message(error);
        const char *traceback = rpyc_error_traceback(error);
        exception->traceback = traceback != nullptr ? traceback : "";
        if (rpyc_value *args = rpyc_error_args(error))
            exception->args = Value::result(args);
        for (std::size_t i = 0; i < rpyc_error_attribute_count(error); i++) {
            const char *attribute = rpyc_error_attribute_name(error, i);
            exception->attributes.emplace_back(attribute, Value::result(rpyc_error_attribute(error, attribute)));
        }
        return exception;
    }

    /** Makes an exception that this side raises. `type` is a builtin exception of Python or "module.Name". */
    static std::shared_ptr<Raised> make(const std::string &type, std::vector<Value> args) {
        auto dot = type.rfind('.');
        auto exception = dot == std::string::npos ? std::make_shared<Raised>("builtins", type)
                                                  : std::make_shared<Raised>(type.substr(0, dot), type.substr(dot + 1));
        std::string text;
        if (args.size() == 1)
            text = args[0].kind() == Kind::text ? std::string(args[0].text()) : args[0].repr();
        exception->args = Value::tuple(std::move(args));
        if (exception->args.size() > 1)
            text = exception->args.repr();
        exception->message = exception->name + (text.empty() ? "" : ": " + text);
        return exception;
    }
};

}  // namespace detail

/** An exception of Python: raised by the peer, or thrown by a service for its caller. */
class RemoteError : public Error {
public:
    /** Makes an exception for the caller of a service: RemoteError("bank.InsufficientFunds", "only 3 left"). */
    template <class... A>
    explicit RemoteError(const std::string &type, const A &...args)
        : RemoteError(detail::Raised::make(type, std::vector<Value>{Value(args)...})) {}

    /** Makes an exception with any number of arguments. */
    RemoteError(const std::string &type, const Args &args) : RemoteError(detail::Raised::make(type, args.items)) {}

    /** For the library: makes an exception from its parts. */
    explicit RemoteError(std::shared_ptr<detail::Raised> exception, rpyc_status status = RPYC_ERR_REMOTE)
        : Error(status, exception->message), exception_(std::move(exception)) {}

    /** Returns the module of the type, such as "builtins". */
    const std::string &module() const noexcept { return exception_->module; }
    /** Returns the name of the type, such as "ValueError". */
    const std::string &type_name() const noexcept { return exception_->name; }
    /** Returns the traceback as the peer sent it; "" if the exception was raised here. */
    const std::string &traceback() const noexcept { return exception_->traceback; }
    /** Returns the exit code for a SystemExit or KeyboardInterrupt that ended serve_all(), as Python would use it. */
    int exit_code() const noexcept { return exception_->exit_code; }
    /** Returns Python's args, a tuple. */
    const Value &args() const noexcept { return exception_->args; }
    /** Returns an attribute such as errno; None if there is none. */
    Value attribute(std::string_view name) const {
        for (const auto &[key, value] : exception_->attributes)
            if (key == name)
                return value;
        return {};
    }
    /** Adds an attribute, before the exception is thrown. */
    RemoteError &set_attribute(const std::string &name, Value value) & {
        exception_->attributes.emplace_back(name, std::move(value));
        return *this;
    }
    /** Adds an attribute, before the exception is thrown. */
    RemoteError set_attribute(const std::string &name, Value value) && { return set_attribute(name, std::move(value)); }

    /** For the library: returns the parts of the exception. */
    const std::shared_ptr<detail::Raised> &exception() const noexcept { return exception_; }

private:
    std::shared_ptr<detail::Raised> exception_;
};

}  // namespace rpyc

#endif
