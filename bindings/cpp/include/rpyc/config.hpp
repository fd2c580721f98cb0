/** Options of connections and servers, and the log. */
#ifndef RPYC_CONFIG_HPP
#define RPYC_CONFIG_HPP

#include "access.hpp"
#include "timeout.hpp"

#include <initializer_list>
#include <vector>

namespace rpyc {

namespace detail {

/** Destructor for the userdata of a callback. */
template <class T>
void drop(void *kept) noexcept {
    delete static_cast<T *>(kept);
}

template <class F>
void log_message(std::int32_t level, const char *message, std::size_t length, void *kept) noexcept {
    try {
        (*static_cast<F *>(kept))(level, std::string_view(message, length));
    } catch (...) {
        // There is no caller to report it to.
    }
}

template <class F>
void authenticate(rpyc_authentication *raw, void *kept) noexcept;

}  // namespace detail

/**
 * Options for connections and servers, with the names that they have in RPyC. For the list, see rpyc_config_set() in
 * rpyc.h.
 */
class Config {
public:
    /** Makes options with their default values. */
    Config() : raw_(rpyc_config_new()) {}
    /** Makes options from names and values: rpyc::Config{{"allow_setattr", "true"}, {"sync_request_timeout", "5"}} */
    Config(std::initializer_list<std::pair<const char *, const char *>> options) : Config() {
        for (const auto &[name, text] : options)
            set(name, text);
    }
    /** Copies the options. */
    Config(const Config &other) : raw_(rpyc_config_clone(other.raw_)) {}
    Config(Config &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Config &operator=(Config other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Config() { rpyc_config_free(raw_); }

    // For a temporary, the functions that set an option return a new object, to which a reference may be kept.

    /** Sets an option by its name. */
    Config &set(const std::string &name, const char *text) & {
        rpyc_error *error = nullptr;
        detail::check(rpyc_config_set(raw_, detail::name_text(name), text, &error), error);
        return *this;
    }
    /** Sets an option by its name. */
    Config &set(const std::string &name, const std::string &text) & { return set(name, text.c_str()); }
    /** Sets an option to a bool or a number. */
    template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
    Config &set(const std::string &name, T value) & {
        rpyc_error *error = nullptr;
        if constexpr (std::is_same_v<T, bool>)
            detail::check(rpyc_config_set_bool(raw_, detail::name_text(name), value, &error), error);
        else
            detail::check(rpyc_config_set_int(raw_, detail::name_text(name), static_cast<std::int64_t>(value), &error),
                          error);
        return *this;
    }
    /** Sets an option to a duration. */
    template <class Rep, class Period>
    Config &set(const std::string &name, std::chrono::duration<Rep, Period> time) & {
        const std::int64_t ms = detail::milliseconds(time);
        std::string text = "none";
        if (ms >= 0) {
            std::string rest = std::to_string(1000 + ms % 1000);
            text = std::to_string(ms / 1000) + "." + rest.substr(1);
        }
        return set(name, text);
    }
    /** Sets an option by its name. */
    template <class V>
    Config set(const std::string &name, const V &value) && {
        return std::move(set(name, value));
    }
    /** Returns the value of an option. */
    std::string get(const std::string &name) const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_config_get(raw_, detail::name_text(name), out, error);
        });
    }

    /**
     * Sets the logger of these connections: messages up to this level are passed to f(level, text), on any thread, and
     * not to the function of set_log().
     */
    template <class F>
    Config &set_logger(std::int32_t max_level, F f) & {
        return with(f, [&](void *kept, rpyc_free_fn drop, rpyc_error **error) {
            return rpyc_config_set_logger(raw_, max_level, detail::log_message<F>, kept, drop, error);
        });
    }
    /** Sets the logger of these connections. */
    template <class F>
    Config set_logger(std::int32_t max_level, F f) && {
        return std::move(set_logger(max_level, std::move(f)));
    }
    /**
     * Sets a callback: f(connection, root) runs before this side closes a connection with close(). If it throws,
     * close() fails with the status of the exception.
     */
    template <class F>
    Config &set_before_closed(F f) &;
    /** Sets the callback that runs before this side closes a connection. */
    template <class F>
    Config set_before_closed(F f) && {
        return std::move(set_before_closed(std::move(f)));
    }
    /** Sets the credentials of the peer, which Connection::credentials() returns. */
    Config &set_credentials(Value credentials) & {
        rpyc_error *error = nullptr;
        detail::check(rpyc_config_set_credentials(raw_, std::move(credentials).release(), &error), error);
        return *this;
    }
    /** Sets the credentials of the peer, which Connection::credentials() returns. */
    Config set_credentials(Value credentials) && { return std::move(set_credentials(std::move(credentials))); }
    /**
     * Sets an authenticator: f(authentication) reads and writes the raw stream of each peer before the first frame, and
     * returns the credentials, a Value, which Connection::credentials() returns. An exception refuses the peer; its
     * message is logged. See rpyc_config_set_authenticator() in rpyc.h.
     */
    template <class F>
    Config &set_authenticator(F f) &;
    /** Sets an authenticator. */
    template <class F>
    Config set_authenticator(F f) && {
        return std::move(set_authenticator(std::move(f)));
    }
    /** Authenticates both sides by a shared secret of at least 16 bytes. See rpyc_config_set_secret() in rpyc.h. */
    Config &set_secret(std::string_view secret) &;
    /** Authenticates both sides by a shared secret. */
    Config set_secret(std::string_view secret) && { return std::move(set_secret(secret)); }
    /** Accepts peers of Unix sockets by user and group. See rpyc_config_set_unix_peers() in rpyc.h. */
    Config &set_unix_peers(const std::vector<std::uint32_t> &uids, const std::vector<std::uint32_t> &gids = {}) &;
    /** Accepts peers of Unix sockets by user and group. */
    Config set_unix_peers(const std::vector<std::uint32_t> &uids, const std::vector<std::uint32_t> &gids = {}) && {
        return std::move(set_unix_peers(uids, gids));
    }
    /** Sets the endpoints that Connection::endpoints() returns if the transport does not know them. */
    Config &set_endpoints(const std::string &local, const std::string &peer) & {
        rpyc_error *error = nullptr;
        detail::check(rpyc_config_set_endpoints(raw_, detail::name_text(local), detail::name_text(peer), &error),
                      error);
        return *this;
    }
    /** Sets the endpoints that Connection::endpoints() returns if the transport does not know them. */
    Config set_endpoints(const std::string &local, const std::string &peer) && {
        return std::move(set_endpoints(local, peer));
    }
    /** Returns the handle of the C library, borrowed. */
    const rpyc_config *raw() const noexcept { return raw_; }

private:
    /** Passes a function to the library, which destroys it. */
    template <class F, class Set>
    Config &with(F &f, Set set) {
        auto *kept = new F(std::move(f));
        rpyc_error *error = nullptr;
        detail::check(set(kept, detail::drop<F>, &error), error);
        return *this;
    }

    rpyc_config *raw_;
};

/**
 * Sets the logger of the library: messages up to this level (RPYC_LOG_...) are passed to f(level, text), on any thread.
 */
template <class F>
void set_log(std::int32_t max_level, F f) {
    auto *kept = new F(std::move(f));
    rpyc_error *error = nullptr;
    detail::check(rpyc_set_log_callback(max_level, detail::log_message<F>, kept, detail::drop<F>, &error), error);
}
/** Removes the logger of the library. */
inline void set_log(std::nullptr_t) {
    rpyc_error *error = nullptr;
    detail::check(rpyc_set_log_callback(0, nullptr, nullptr, nullptr, &error), error);
}

}  // namespace rpyc

#endif
