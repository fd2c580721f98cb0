/** Clients that connect again. */
#ifndef RPYC_CLIENT_HPP
#define RPYC_CLIENT_HPP

#include "service.hpp"

namespace rpyc {

/** An event of a Client. */
struct ClientEvent {
    /** RPYC_CLIENT_CONNECTED, RPYC_CLIENT_LOST or RPYC_CLIENT_FAILED. */
    std::int32_t kind;
    /** The number of the connection, counted from 1; for RPYC_CLIENT_FAILED that of the last one, or 0. */
    std::uint64_t generation;
    /** The new connection, for RPYC_CLIENT_CONNECTED. */
    Connection connection;
    /** Why the connection ended or could not be made; RPYC_OK for RPYC_CLIENT_CONNECTED. */
    rpyc_status status;
    /** The message that belongs to the status. */
    std::string message;
};

namespace detail {

/** Calls the function of a Client. There is no caller to which an exception could be reported. */
template <class F>
void client_event(std::int32_t kind, std::uint64_t generation, rpyc_connection *connection, const rpyc_error *error,
                  void *kept) noexcept {
    try {
        (*static_cast<F *>(kept))(ClientEvent{kind, generation, Connection::share(connection),
                                              error != nullptr ? rpyc_error_status(error) : RPYC_OK,
                                              error != nullptr ? rpyc_error_describe(error) : ""});
    } catch (...) {
        // The connection is used all the same.
    }
}

}  // namespace detail

/**
 * A client of one address, which connects when it is used first, and again when its connection has ended: see
 * rpyc_client_new. There is no hidden thread. Copies are handles of the same client; any thread may use them.
 *
 *     rpyc::Client client("tcp://127.0.0.1:18861", {{"connect_retry", "60"}});
 *     client.call("add", 40, 2).as<int>();
 *
 * A call that may have been executed is never repeated: it throws rpyc::Closed. Objects of a connection that has ended
 * throw rpyc::Stale.
 */
class [[nodiscard]] Client {
public:
    /** Makes a client of an address, with options. It does not connect yet. */
    explicit Client(const std::string &address, const Config &config = Config())
        : raw_(made(detail::name_text(address), nullptr, config, nullptr, nullptr, nullptr)) {}
    /** Makes a client of an address, and lets the peer use a service of this process on each connection. */
    template <class S, class T>
    Client(const std::string &address, const detail::Serves<S, T> &service, const Config &config = Config())
        : raw_(made(detail::name_text(address), service.raw(), config, nullptr, nullptr, nullptr)) {}
    /** Makes a client whose events are passed to f(const ClientEvent &), in the threads that use it. */
    template <class F, std::enable_if_t<std::is_invocable_v<F &, const ClientEvent &>, int> = 0>
    Client(const std::string &address, const Config &config, F f)
        : raw_(telling(detail::name_text(address), nullptr, config, std::move(f))) {}
    /** Makes a client with a service and a function for its events. */
    template <class S, class T, class F, std::enable_if_t<std::is_invocable_v<F &, const ClientEvent &>, int> = 0>
    Client(const std::string &address, const detail::Serves<S, T> &service, const Config &config, F f)
        : raw_(telling(detail::name_text(address), service.raw(), config, std::move(f))) {}
    /** Makes another handle of the same client. */
    Client(const Client &other) noexcept : raw_(rpyc_client_clone(other.raw_)) {}
    Client(Client &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Client &operator=(Client other) &noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Client() { rpyc_client_free(raw_); }

    /** Returns the handle of the C library, borrowed. */
    rpyc_client *raw() const noexcept { return raw_; }

    /** Gets the open connection. Connects if there is none. */
    Connection connection() const {
        rpyc_connection *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_client_connection(raw_, &out, &error), error);
        return Connection::adopt(out);
    }
    /** Gets the root of the open connection. */
    Object root() const {
        return detail::object(
            [&](rpyc_object **out, rpyc_error **error) { return rpyc_client_root(raw_, out, error); });
    }
    /** Gets an attribute by its path from the root: attr("accounts.first"). */
    Value attr(const std::string &path) const {
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_client_get_attr(raw_, detail::name_text(path), out, error);
        });
    }
    /** Calls a method by its path from the root, at most once: see rpyc_client_call. */
    template <class... A>
    Value call(const std::string &path, A &&...args) const {
        const char *name = detail::name_text(path);
        detail::Arguments arguments(nullptr, std::forward<A>(args)...);
        rpyc_value *keywords = arguments.release_keywords();
        const std::size_t count = arguments.count();
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_client_call(raw_, name, arguments.release(), count, keywords, out, error);
        });
    }
    /** Keeps the client connected and serves the peer in this thread, until close(). */
    void serve_all() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_client_serve_all(raw_, &error), error);
    }
    /** Returns the number of connections that were made so far. */
    std::uint64_t generation() const noexcept { return rpyc_client_generation(raw_); }
    /** Closes the client and its connection, and ends everything that waits on it. */
    void close() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_client_close(raw_, &error), error);
    }

private:
    template <class F>
    static rpyc_client *telling(const char *address, const rpyc_class *service, const Config &config, F f) {
        const rpyc_free_fn drop = [](void *kept) noexcept { delete static_cast<F *>(kept); };
        return made(address, service, config, detail::client_event<F>, new F(std::move(f)), drop);
    }
    static rpyc_client *made(const char *address, const rpyc_class *service, const Config &config,
                             rpyc_client_event_fn callback, void *userdata, rpyc_free_fn drop) {
        rpyc_client *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_client_new(address, service, config.raw(), callback, userdata, drop, &out, &error), error);
        return out;
    }

    rpyc_client *raw_;
};

}  // namespace rpyc

#endif
