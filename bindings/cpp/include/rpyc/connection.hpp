/** Connections. */
#ifndef RPYC_CONNECTION_HPP
#define RPYC_CONNECTION_HPP

#include "config.hpp"

namespace rpyc {

class Queue;
class Serving;

/**
 * A handle of a connection: copies are the same one, and the last that goes closes it. Objects and futures that were got as results
 * over it are such handles too.
 */
class [[nodiscard]] Connection {
public:
    Connection() noexcept = default;
    Connection(const Connection &other) noexcept : raw_(rpyc_connection_clone(other.raw_)) {}
    Connection(Connection &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Connection &operator=(Connection other) & noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Connection() { rpyc_connection_free(raw_); }

    static Connection adopt(rpyc_connection *raw) noexcept { return Connection(raw); }
    static Connection share(const rpyc_connection *raw) noexcept { return Connection(rpyc_connection_clone(raw)); }
    rpyc_connection *raw() const noexcept { return raw_; }
    explicit operator bool() const noexcept { return raw_ != nullptr; }

    /** What the peer's service offers; asked for once. */
    Object root() const {
        return detail::object([&](rpyc_object **out, rpyc_error **error) { return rpyc_connection_root(raw_, out, error); });
    }
    /** What the peer gets from us. */
    Object local_root() const {
        return detail::object([&](rpyc_object **out, rpyc_error **error) { return rpyc_connection_local_root(raw_, out, error); });
    }

    void ping() const { ping(std::chrono::milliseconds(-1)); }
    template <class Rep, class Period>
    void ping(std::chrono::duration<Rep, Period> time) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_ping(raw_, nullptr, 0, detail::milliseconds(time), &error), error);
    }

    /** Waits for one message of the peer and handles it, in this thread. Was there one? */
    bool serve() const { return serve(std::chrono::milliseconds(-1)); }
    template <class Rep, class Period>
    bool serve(std::chrono::duration<Rep, Period> time) const {
        return handled(rpyc_connection_serve, detail::milliseconds(time));
    }
    /** Handles what has arrived, or all that comes within a time. False, too, when the connection has ended: see closed(). */
    bool poll_all() const { return handled(rpyc_connection_poll_all, 0); }
    template <class Rep, class Period>
    bool poll_all(std::chrono::duration<Rep, Period> time) const {
        return handled(rpyc_connection_poll_all, detail::milliseconds(time));
    }
    /** Serves the peer in this thread until the connection ends. */
    void serve_all() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_serve_all(raw_, &error), error);
    }
    /** The same in several threads, this one included; with `in_order` one call begins when the one before has ended or waits. */
    void serve_threaded(std::size_t threads, bool in_order = false) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_serve_threaded(raw_, threads, in_order ? RPYC_SERVE_IN_ORDER : 0, &error), error);
    }
    /** Serves it in threads of the library. */
    inline Serving serve_background(std::size_t threads = 1, bool in_order = false) const;
    /** Calls of the peer wait in a queue; whoever serves the connection puts them there. */
    inline void set_queue(const Queue &queue) const;

    int fileno() const noexcept { return rpyc_connection_fileno(raw_); }
    /** Whether a whole message is in the library's own buffer, where no poll of fileno() sees it. */
    bool has_message() const noexcept { return rpyc_connection_has_message(raw_); }

    /** An event loop drives it: only calls that wait for their answer block. See process(). */
    void set_nonblocking(bool nonblocking = true) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_set_nonblocking(raw_, nonblocking, &error), error);
    }
    /** Sends what goes and handles up to about 64 messages that have arrived, without waiting. Was there anything? */
    bool process() const {
        bool out = false;
        rpyc_error *error = nullptr;
        const rpyc_status status = rpyc_connection_process(raw_, &out, &error);
        if (status == RPYC_ERR_BACKPRESSURE)                // no failure: interest() says what to wait for
            rpyc_error_free(error);
        else
            detail::check(status, error);
        return out;
    }
    /** RPYC_WAIT_READ for fileno(), RPYC_WAIT_WRITE for write_fileno(), both or none: what to wait for before process(). */
    std::int32_t interest() const noexcept { return rpyc_connection_interest(raw_); }
    /** How long a loop may wait at most; nothing: as long as it likes. */
    std::optional<std::chrono::milliseconds> next_deadline() const {
        const std::int64_t ms = rpyc_connection_next_deadline(raw_);
        return ms < 0 ? std::nullopt : std::make_optional(std::chrono::milliseconds(ms));
    }
    int write_fileno() const noexcept { return rpyc_connection_write_fileno(raw_); }
    /** Readable when another thread has left something for process() to do. */
    int wake_fileno() const noexcept { return rpyc_connection_wake_fileno(raw_); }

    /** Tells the peer and waits for it, at most close_timeout. */
    void close() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_close(raw_, &error), error);
    }
    /**
     * Ends the waits on this connection that are there, or else the next one, which throw Interrupted: see rpyc_connection_interrupt. It
     * may be called in a signal handler, and from any thread.
     */
    void interrupt() const noexcept { rpyc_connection_interrupt(raw_); }
    bool closed() const noexcept { return rpyc_connection_closed(raw_); }

    /** Any request of RPyC's: handler is RPYC_HANDLE_... */
    template <class... A>
    Value sync_request(std::int32_t handler, A &&...args) const {
        detail::Arguments arguments(nullptr, std::forward<A>(args)...);
        arguments.refuse_keywords();
        const std::size_t count = arguments.count();
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_connection_sync_request(raw_, handler, arguments.release(), count, out, error);
        });
    }
    /** The same without waiting for the answer. */
    template <class... A>
    Future<Value> async_request(std::int32_t handler, A &&...args) const;

    /** Asynchronous requests are gathered from cork() to flush(), and leave in one write. flush() sends releases, too. */
    void cork() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_cork(raw_, &error), error);
    }
    void flush() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_flush(raw_, &error), error);
    }

    /** Changes an option of the living connection. */
    void set_option(const std::string &option, const std::string &text) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_set_option(raw_, detail::name_text(option), text.c_str(), &error), error);
    }
    std::string get_option(const std::string &option) const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_connection_get_option(raw_, detail::name_text(option), out, error);
        });
    }
    /** Gives this connection another root than its service, in on_connect for instance: an object of ours, or a restricted view. */
    void set_root(const Object &root) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_set_root(raw_, root.raw(), &error), error);
    }
    /** What Config::set_credentials was given. */
    Value credentials() const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) { return rpyc_connection_credentials(raw_, out, error); });
    }
    /** Both ends, ours first. */
    std::pair<std::string, std::string> endpoints() const {
        rpyc_value *local = nullptr, *peer = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_endpoints(raw_, &local, &peer, &error), error);
        const Value ours = Value::adopt(local), theirs = Value::adopt(peer);
        return {std::string(ours.text()), std::string(theirs.text())};
    }
    /** 6 or 5, the dialect that is spoken; 0: not known yet. */
    int dialect() const noexcept { return rpyc_connection_dialect(raw_); }
    /** Do lists, dicts and arrays travel by value? */
    bool is_native() const noexcept { return rpyc_connection_is_native(raw_); }
    std::string peer_name() const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_connection_peer_name(raw_, out, error);
        });
    }

private:
    explicit Connection(rpyc_connection *raw) noexcept : raw_(raw) {}

    template <class F>
    bool handled(F function, std::int64_t timeout_ms) const {
        bool out = false;
        rpyc_error *error = nullptr;
        detail::check(function(raw_, timeout_ms, &out, &error), error);
        return out;
    }

    rpyc_connection *raw_ = nullptr;
};

inline Connection Object::connection() const {
    rpyc_connection *out = nullptr;
    rpyc_error *error = nullptr;
    detail::check(rpyc_object_connection(raw_, &out, &error), error);
    return Connection::adopt(out);
}

namespace detail {

/** A function of Config::set_before_closed; the library knows why it failed by a status. */
template <class F>
rpyc_status before_closed(rpyc_connection *connection, rpyc_object *root, void *kept) noexcept {
    try {
        (*static_cast<F *>(kept))(Connection::share(connection), Object::share(root));
        return RPYC_OK;
    } catch (const Error &error) {
        return error.status();
    } catch (...) {
        return RPYC_ERR_STATE;
    }
}

inline Connection connect(const std::string &address, const rpyc_class *service, const rpyc_config *config) {
    rpyc_connection *out = nullptr;
    rpyc_error *error = nullptr;
    check(rpyc_connect(detail::name_text(address), service, config, &out, &error), error);
    return Connection::adopt(out);
}

inline Connection accept(const std::string &address, const rpyc_class *service, const rpyc_config *config) {
    rpyc_transport *transport = nullptr;
    rpyc_connection *out = nullptr;
    rpyc_error *error = nullptr;
    check(rpyc_transport_connect(detail::name_text(address), config, &transport, &error), error);
    check(rpyc_connection_new(transport, service, config, &out, &error), error);
    return Connection::adopt(out);
}

}  // namespace detail

template <class F>
Config &Config::set_before_closed(F f) & {
    return with(f, [&](void *kept, rpyc_free_fn drop, rpyc_error **error) {
        return rpyc_config_set_before_closed(raw_, detail::before_closed<F>, kept, drop, error);
    });
}

/** Connects to "tcp://HOST:PORT", "unix:///PATH", "shm:///PATH", "fd:R,W", "stdio:" or "exec:COMMAND". */
inline Connection connect(const std::string &address) { return detail::connect(address, nullptr, nullptr); }
inline Connection connect(const std::string &address, const Config &config) {
    return detail::connect(address, nullptr, config.raw());
}

}  // namespace rpyc

#endif
