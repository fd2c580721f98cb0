/** Connections. */
#ifndef RPYC_CONNECTION_HPP
#define RPYC_CONNECTION_HPP

#include "config.hpp"

namespace rpyc {

class Queue;
class Serving;

/**
 * A connection to one peer. Copies are handles of the same connection; destroying the last one closes it. Objects and
 * futures that were received as results over it are such handles too.
 */
class [[nodiscard]] Connection {
public:
    /** Makes a handle without a connection. */
    Connection() noexcept = default;
    /** Makes another handle of the same connection. */
    Connection(const Connection &other) noexcept : raw_(rpyc_connection_clone(other.raw_)) {}
    Connection(Connection &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Connection &operator=(Connection other) &noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Connection() { rpyc_connection_free(raw_); }

    /** Takes ownership of a handle of the C library. */
    static Connection adopt(rpyc_connection *raw) noexcept { return Connection(raw); }
    /** Makes another handle from a borrowed one of the C library. */
    static Connection share(const rpyc_connection *raw) noexcept { return Connection(rpyc_connection_clone(raw)); }
    /** Returns the handle of the C library, borrowed. */
    rpyc_connection *raw() const noexcept { return raw_; }
    /** Returns whether there is a connection. */
    explicit operator bool() const noexcept { return raw_ != nullptr; }

    /** Gets the peer's root object. It is requested once per connection. */
    Object root() const {
        return detail::object(
            [&](rpyc_object **out, rpyc_error **error) { return rpyc_connection_root(raw_, out, error); });
    }
    /** Gets the root object that the peer gets from this side. */
    Object local_root() const {
        return detail::object(
            [&](rpyc_object **out, rpyc_error **error) { return rpyc_connection_local_root(raw_, out, error); });
    }

    /** Sends a ping and waits for the reply. */
    void ping() const { ping(std::chrono::milliseconds(-1)); }
    /** Sends a ping and waits for the reply for a limited time. */
    template <class Rep, class Period>
    void ping(std::chrono::duration<Rep, Period> time) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_ping(raw_, nullptr, 0, detail::milliseconds(time), &error), error);
    }

    /** Waits for one message of the peer and handles it, in this thread. Returns whether there was one. */
    bool serve() const { return serve(std::chrono::milliseconds(-1)); }
    /** Waits for one message for a limited time and handles it, in this thread. Returns whether there was one. */
    template <class Rep, class Period>
    bool serve(std::chrono::duration<Rep, Period> time) const {
        return handled(rpyc_connection_serve, detail::milliseconds(time));
    }
    /**
     * Handles the messages that have arrived. Returns whether there were any; false also if the connection has ended,
     * see closed().
     */
    bool poll_all() const { return handled(rpyc_connection_poll_all, 0); }
    /**
     * Handles all messages that arrive within a time, and always uses the whole time. Returns whether there were any;
     * false also if the connection has ended, see closed().
     */
    template <class Rep, class Period>
    bool poll_all(std::chrono::duration<Rep, Period> time) const {
        return handled(rpyc_connection_poll_all, detail::milliseconds(time));
    }
    /** Serves the peer in this thread until the connection ends. */
    void serve_all() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_serve_all(raw_, &error), error);
    }
    /**
     * Serves the peer in several threads, including this one, until the connection ends. If `in_order` is true, a call
     * begins when the one before it has ended or waits.
     */
    void serve_threaded(std::size_t threads, bool in_order = false) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_serve_threaded(raw_, threads, in_order ? RPYC_SERVE_IN_ORDER : 0, &error), error);
    }
    /** Serves the peer in background threads of the library. */
    inline Serving serve_background(std::size_t threads = 1, bool in_order = false) const;
    /** Puts calls of the peer into a queue. The threads that serve the connection do so. */
    inline void set_queue(const Queue &queue) const;

    /** Returns the descriptor to read from. */
    int fileno() const noexcept { return rpyc_connection_fileno(raw_); }
    /** Returns whether a complete message is in the library's own buffer. Polling fileno() does not show it. */
    bool has_message() const noexcept { return rpyc_connection_has_message(raw_); }

    /**
     * Enables or disables non-blocking mode, for a connection that an event loop drives. Only calls that wait for their
     * reply block then. See process().
     */
    void set_nonblocking(bool nonblocking = true) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_set_nonblocking(raw_, nonblocking, &error), error);
    }
    /**
     * Sends what the transport accepts without blocking and handles up to about 64 received messages. It never waits
     * for the peer. Returns whether any message was handled.
     */
    bool process() const {
        bool out = false;
        rpyc_error *error = nullptr;
        const rpyc_status status = rpyc_connection_process(raw_, &out, &error);
        if (status == RPYC_ERR_BACKPRESSURE)  // not a failure: interest() tells the events to wait for
            rpyc_error_free(error);
        else
            detail::check(status, error);
        return out;
    }
    /**
     * Returns the events to wait for before process(): RPYC_WAIT_READ for fileno(), RPYC_WAIT_WRITE for write_fileno(),
     * both, or none.
     */
    std::int32_t interest() const noexcept { return rpyc_connection_interest(raw_); }
    /** Returns the longest time that a loop may wait before process(); nothing for no limit. */
    std::optional<std::chrono::milliseconds> next_deadline() const {
        const std::int64_t ms = rpyc_connection_next_deadline(raw_);
        return ms < 0 ? std::nullopt : std::make_optional(std::chrono::milliseconds(ms));
    }
    /** Returns the descriptor to write to. */
    int write_fileno() const noexcept { return rpyc_connection_write_fileno(raw_); }
    /** Returns a descriptor that becomes readable when another thread has queued work for process(). */
    int wake_fileno() const noexcept { return rpyc_connection_wake_fileno(raw_); }

    /** Closes the connection: tells the peer and waits for it, at most for close_timeout. */
    void close() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_close(raw_, &error), error);
    }
    /**
     * Ends all current waits on this connection, or else the next one, which throw Interrupted: see
     * rpyc_connection_interrupt. It may be called in a signal handler and from any thread.
     */
    void interrupt() const noexcept { rpyc_connection_interrupt(raw_); }
    /** Returns whether the connection has ended. */
    bool closed() const noexcept { return rpyc_connection_closed(raw_); }

    /** Sends any request of RPyC and waits for the reply. `handler` is one of RPYC_HANDLE_... */
    template <class... A>
    Value sync_request(std::int32_t handler, A &&...args) const {
        detail::Arguments arguments(nullptr, std::forward<A>(args)...);
        arguments.refuse_keywords();
        const std::size_t count = arguments.count();
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_connection_sync_request(raw_, handler, arguments.release(), count, out, error);
        });
    }
    /** Sends any request of RPyC and does not wait for the reply. */
    template <class... A>
    Future<Value> async_request(std::int32_t handler, A &&...args) const;

    /** Begins a burst: asynchronous requests are collected until flush() and sent in one write. */
    void cork() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_cork(raw_, &error), error);
    }
    /** Sends the collected requests, and the releases of freed objects. */
    void flush() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_flush(raw_, &error), error);
    }

    /** Changes an option of the open connection. */
    void set_option(const std::string &option, const std::string &text) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_set_option(raw_, detail::name_text(option), text.c_str(), &error), error);
    }
    /** Returns the value of an option. */
    std::string get_option(const std::string &option) const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_connection_get_option(raw_, detail::name_text(option), out, error);
        });
    }
    /**
     * Replaces the root object that the peer of this connection gets: an object of this process or a restricted view.
     * Call it in on_connect, for example.
     */
    void set_root(const Object &root) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_set_root(raw_, root.raw(), &error), error);
    }
    /** Returns the credentials that were set with Config::set_credentials. */
    Value credentials() const {
        return Value::made(
            [&](rpyc_value **out, rpyc_error **error) { return rpyc_connection_credentials(raw_, out, error); });
    }
    /** Returns the addresses of both ends, first that of this side. */
    std::pair<std::string, std::string> endpoints() const {
        rpyc_value *local = nullptr, *peer = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_endpoints(raw_, &local, &peer, &error), error);
        const Value ours = Value::adopt(local), theirs = Value::adopt(peer);
        return {std::string(ours.text()), std::string(theirs.text())};
    }
    /** Returns the dialect of RPyC that the connection uses, 6 or 5; 0 if it is not known yet. */
    int dialect() const noexcept { return rpyc_connection_dialect(raw_); }
    /** Returns whether lists, dicts and arrays are passed by value on this connection. */
    bool is_native() const noexcept { return rpyc_connection_is_native(raw_); }
    /** Returns the name of the peer for messages. */
    std::string peer_name() const {
        return Value::made(
            [&](rpyc_value **out, rpyc_error **error) { return rpyc_connection_peer_name(raw_, out, error); });
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

/** Calls a function of Config::set_before_closed. The library gets a failure as a status. */
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
/** Connects to an address, with options. */
inline Connection connect(const std::string &address, const Config &config) {
    return detail::connect(address, nullptr, config.raw());
}

}  // namespace rpyc

#endif
