/** Connecting without blocking, for event loops. */
#ifndef RPYC_CONNECTING_HPP
#define RPYC_CONNECTING_HPP

#include "service.hpp"

namespace rpyc {

/**
 * An attempt to connect that never blocks: see rpyc_connect_start. The loop waits for interest() on fileno(), at most
 * for next_deadline(), and calls process() until it returns a connection. Copies are handles of the same attempt;
 * destroying the last one cancels it.
 */
class [[nodiscard]] Connecting {
public:
    /** Begins to connect to an address, with options. */
    explicit Connecting(const std::string &address, const Config &config = Config())
        : Connecting(detail::name_text(address), nullptr, config) {}
    /** Begins to connect, and lets the peer use a service of this process. */
    template <class S, class T>
    Connecting(const std::string &address, const detail::Serves<S, T> &service, const Config &config = Config())
        : Connecting(detail::name_text(address), service.raw(), config) {}
    /** Makes another handle of the same attempt, for a thread that calls resolve(). */
    Connecting(const Connecting &other) noexcept : raw_(rpyc_connecting_clone(other.raw_)) {}
    Connecting(Connecting &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Connecting &operator=(Connecting other) &noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Connecting() { rpyc_connecting_free(raw_); }

    /** Returns whether the address has a host name that was not resolved yet. */
    bool needs_resolve() const noexcept { return rpyc_connecting_needs_resolve(raw_); }
    /** Resolves the host name. It blocks: call it in a thread of the application. */
    void resolve() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connecting_resolve(raw_, &error), error);
    }
    /** Returns the descriptor to poll, or -1. Each step can have another one. */
    int fileno() const noexcept { return rpyc_connecting_fileno(raw_); }
    /** Returns the events to wait for: RPYC_WAIT_READ, RPYC_WAIT_WRITE, or 0. */
    std::int32_t interest() const noexcept { return rpyc_connecting_interest(raw_); }
    /** Returns the longest time that a loop may wait before process(); nothing for no limit. */
    std::optional<std::chrono::milliseconds> next_deadline() const {
        const std::int64_t ms = rpyc_connecting_next_deadline(raw_);
        return ms < 0 ? std::nullopt : std::make_optional(std::chrono::milliseconds(ms));
    }
    /** Continues, without blocking. Returns the connection, or a handle without one if the attempt has not ended. */
    Connection process() const {
        rpyc_connection *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_connecting_process(raw_, &out, &error), error);
        return Connection::adopt(out);
    }
    /** Returns the handle of the C library, borrowed. */
    rpyc_connecting *raw() const noexcept { return raw_; }

private:
    Connecting(const char *address, const rpyc_class *service, const Config &config) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connect_start(address, service, config.raw(), &raw_, &error), error);
    }

    rpyc_connecting *raw_ = nullptr;
};

}  // namespace rpyc

#endif
