/** Connections and their settings. */
#ifndef RPYC_CONNECTION_HPP
#define RPYC_CONNECTION_HPP

#include "access.hpp"

#include <initializer_list>

namespace rpyc {

namespace detail {

/** Milliseconds for the library, rounded up; what is negative is no limit. */
template <class Rep, class Period>
std::int64_t milliseconds(std::chrono::duration<Rep, Period> time) {
    if (time < std::chrono::duration<Rep, Period>::zero())
        return -1;
    const double most = 9e15, wanted = std::ceil(std::chrono::duration<double, std::milli>(time).count());
    return static_cast<std::int64_t>(wanted < most ? wanted : most);
}

}  // namespace detail

/** Settings of connections and servers, by the names of RPyC; rpyc_config_set() in rpyc.h has the list. */
class Config {
public:
    Config() : raw_(rpyc_config_new()) {}
    /** rpyc::Config{{"allow_setattr", "true"}, {"sync_request_timeout", "5"}} */
    Config(std::initializer_list<std::pair<const char *, const char *>> options) : Config() {
        for (const auto &[name, text] : options)
            set(name, text);
    }
    Config(const Config &other) : raw_(rpyc_config_clone(other.raw_)) {}
    Config(Config &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Config &operator=(Config other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Config() { rpyc_config_free(raw_); }

    Config &set(const std::string &name, const char *text) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_config_set(raw_, name.c_str(), text, &error), error);
        return *this;
    }
    Config &set(const std::string &name, const std::string &text) { return set(name, text.c_str()); }
    template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
    Config &set(const std::string &name, T value) {
        rpyc_error *error = nullptr;
        if constexpr (std::is_same_v<T, bool>)
            detail::check(rpyc_config_set_bool(raw_, name.c_str(), value, &error), error);
        else
            detail::check(rpyc_config_set_int(raw_, name.c_str(), static_cast<std::int64_t>(value), &error), error);
        return *this;
    }
    template <class Rep, class Period>
    Config &set(const std::string &name, std::chrono::duration<Rep, Period> time) {
        const std::int64_t ms = detail::milliseconds(time);
        std::string text = "none";
        if (ms >= 0) {
            std::string rest = std::to_string(1000 + ms % 1000);
            text = std::to_string(ms / 1000) + "." + rest.substr(1);
        }
        return set(name, text);
    }
    std::string get(const std::string &name) const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_config_get(raw_, name.c_str(), out, error);
        });
    }
    const rpyc_config *raw() const noexcept { return raw_; }

private:
    rpyc_config *raw_;
};

/** A handle of a connection: copies are the same one, and the last that goes closes it. */
class Connection {
public:
    Connection() noexcept = default;
    Connection(const Connection &other) noexcept : raw_(rpyc_connection_clone(other.raw_)) {}
    Connection(Connection &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Connection &operator=(Connection other) noexcept {
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
        return object([&](rpyc_object **out, rpyc_error **error) { return rpyc_connection_root(raw_, out, error); });
    }
    /** What the peer gets from us. */
    Object service() const {
        return object([&](rpyc_object **out, rpyc_error **error) { return rpyc_connection_service(raw_, out, error); });
    }

    void ping() const { ping(std::chrono::milliseconds(-1)); }
    template <class Rep, class Period>
    void ping(std::chrono::duration<Rep, Period> timeout) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_ping(raw_, nullptr, 0, detail::milliseconds(timeout), &error), error);
    }

    /** Waits for one message of the peer and handles it, in this thread. Was there one? */
    bool serve() const { return serve(std::chrono::milliseconds(-1)); }
    template <class Rep, class Period>
    bool serve(std::chrono::duration<Rep, Period> timeout) const {
        return handled(rpyc_connection_serve, detail::milliseconds(timeout));
    }
    /** Handles what has arrived; what an event loop calls when fileno() is readable. */
    bool poll_all() const { return handled(rpyc_connection_poll_all, 0); }
    template <class Rep, class Period>
    bool poll_all(std::chrono::duration<Rep, Period> timeout) const {
        return handled(rpyc_connection_poll_all, detail::milliseconds(timeout));
    }
    /** Serves the peer in this thread until the connection ends. */
    void serve_all() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_serve_all(raw_, &error), error);
    }
    int fileno() const noexcept { return rpyc_connection_fileno(raw_); }
    /** Whole messages in the library's own buffer, where no poll of fileno() sees them. */
    std::size_t pending() const noexcept { return rpyc_connection_pending(raw_); }

    /** Tells the peer and waits for it, at most close_timeout. */
    void close() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_close(raw_, &error), error);
    }
    bool closed() const noexcept { return rpyc_connection_closed(raw_); }

    /** Any request of RPyC's: handler is RPYC_HANDLE_... */
    template <class... A>
    Value sync_request(std::int32_t handler, A &&...args) const {
        detail::Arguments arguments(std::forward<A>(args)...);
        const std::size_t count = arguments.count();
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_connection_sync_request(raw_, handler, arguments.release(), count, out, error);
        });
    }

    /** Asynchronous requests are gathered from begin() to flush(), and leave in one write. */
    void begin() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_begin(raw_, &error), error);
    }
    void flush() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_flush(raw_, &error), error);
    }

    /** Changes an option of the living connection. */
    void set(const std::string &option, const std::string &text) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_connection_set(raw_, option.c_str(), text.c_str(), &error), error);
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
    static Object object(F get) {
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(get(&out, &error), error);
        return Object::adopt(out);
    }
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

inline Connection connect(const std::string &address, const rpyc_class *service, const rpyc_config *config) {
    rpyc_connection *out = nullptr;
    rpyc_error *error = nullptr;
    check(rpyc_connect(address.c_str(), service, config, &out, &error), error);
    return Connection::adopt(out);
}

inline Connection accept(const std::string &address, const rpyc_class *service, const rpyc_config *config) {
    rpyc_transport *transport = nullptr;
    rpyc_connection *out = nullptr;
    rpyc_error *error = nullptr;
    check(rpyc_transport_connect(address.c_str(), config, &transport, &error), error);
    check(rpyc_connection_new(transport, service, config, &out, &error), error);
    return Connection::adopt(out);
}

}  // namespace detail

/** Connects to "tcp://HOST:PORT", "unix:///PATH", "fd:R,W", "stdio:" or "exec:COMMAND". */
inline Connection connect(const std::string &address) { return detail::connect(address, nullptr, nullptr); }
inline Connection connect(const std::string &address, const Config &config) {
    return detail::connect(address, nullptr, config.raw());
}

}  // namespace rpyc

#endif
