/** Conversion of C++ exceptions to exceptions of the peer. */
#ifndef RPYC_RAISE_HPP
#define RPYC_RAISE_HPP

#include "convert.hpp"

#include <cerrno>
#include <exception>
#include <new>
#include <system_error>
#include <typeinfo>

namespace rpyc {

namespace detail {

/** Returns the exception that Python raises for an errno. */
inline const char *os_error_name(int code) noexcept {
    switch (code) {
    case ENOENT: return "FileNotFoundError";
    case EEXIST: return "FileExistsError";
    case EACCES:
    case EPERM: return "PermissionError";
    case ENOTDIR: return "NotADirectoryError";
    case EISDIR: return "IsADirectoryError";
    case EINTR: return "InterruptedError";
    case EAGAIN:
    case EINPROGRESS:
    case EALREADY: return "BlockingIOError";
    case ECHILD: return "ChildProcessError";
    case ESRCH: return "ProcessLookupError";
    case ETIMEDOUT: return "TimeoutError";
    case EPIPE: return "BrokenPipeError";
    case ECONNABORTED: return "ConnectionAbortedError";
    case ECONNREFUSED: return "ConnectionRefusedError";
    case ECONNRESET: return "ConnectionResetError";
    default: return "OSError";
    }
}

inline void raise(rpyc_call *call, const Raised &exception) {
    // Allocate first: a clone would leak if the allocation failed.
    std::vector<rpyc_value *> args(exception.args.size()), values(exception.attributes.size());
    std::vector<const char *> names;
    for (const auto &attribute : exception.attributes)
        names.push_back(attribute.first.c_str());
    for (std::size_t i = 0; i < args.size(); i++)
        args[i] = rpyc_value_clone(rpyc_value_item(exception.args.raw(), i));
    for (std::size_t i = 0; i < values.size(); i++)
        values[i] = rpyc_value_clone(exception.attributes[i].second.raw());
    rpyc_value *attributes = nullptr;
    if (!names.empty())
        rpyc_value_new_keywords(names.data(), values.data(), names.size(), &attributes, nullptr);
    rpyc_call_raise_with(call, exception.module.c_str(), exception.name.c_str(), args.data(), args.size(), attributes);
}

inline void raise(rpyc_call *call, const char *name, const char *message) noexcept {
    if (rpyc_call_raise(call, name, message) == RPYC_ERR_UTF8)
        rpyc_call_raise(call, name, "(the message is not UTF-8)");
}

/** Answers a call with the exception that is being handled. */
inline void raise_current(rpyc_call *call) noexcept {
    try {
        try {
            throw;
        } catch (const RemoteError &error) {
            // An exception that was received is passed on unchanged, with its traceback.
            if (rpyc_error *received = error.exception()->received.exchange(nullptr))
                rpyc_call_raise_error(call, received);
            else
                raise(call, *error.exception());
        } catch (const ConversionError &error) {
            raise(call, error.status() == RPYC_ERR_RANGE ? "OverflowError" : "TypeError", error.message().c_str());
        } catch (const Error &error) {
            rpyc_error *raw = nullptr;
            rpyc_error_new(error.status(), nullptr, error.message().c_str(), &raw);
            rpyc_call_raise_error(call, raw);
        } catch (const std::bad_alloc &error) {
            raise(call, "MemoryError", error.what());
        } catch (const std::bad_cast &error) {
            raise(call, "TypeError", error.what());
        } catch (const std::out_of_range &error) {
            raise(call, "IndexError", error.what());
        } catch (const std::invalid_argument &error) {
            raise(call, "ValueError", error.what());
        } catch (const std::domain_error &error) {
            raise(call, "ValueError", error.what());
        } catch (const std::length_error &error) {
            raise(call, "ValueError", error.what());
        } catch (const std::range_error &error) {
            raise(call, "ValueError", error.what());
        } catch (const std::overflow_error &error) {
            raise(call, "OverflowError", error.what());
        } catch (const std::underflow_error &error) {
            raise(call, "ArithmeticError", error.what());
        } catch (const std::system_error &error) {
            const int code = error.code().default_error_condition().value();
            const bool errno_code = error.code().default_error_condition().category() == std::generic_category();
            const char *type = errno_code ? os_error_name(code) : "OSError";
            auto exception = Raised::make(type, {Value(code), Value(error.what())});
            exception->attributes.emplace_back("errno", code);
            exception->attributes.emplace_back("strerror", error.what());
            raise(call, *exception);
        } catch (const std::exception &error) {
            raise(call, "RuntimeError", error.what());
        } catch (...) {
            raise(call, "RuntimeError", "a C++ exception that is not a std::exception");
        }
    } catch (...) {
        // Out of memory, or the message is not UTF-8.
        raise(call, "RuntimeError", "a C++ exception whose message is not available");
    }
}

}  // namespace detail

}  // namespace rpyc

#endif
