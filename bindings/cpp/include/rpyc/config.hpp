/** Settings of connections and servers, and the log. */
#ifndef RPYC_CONFIG_HPP
#define RPYC_CONFIG_HPP

#include "access.hpp"
#include "timeout.hpp"

#include <initializer_list>

namespace rpyc {

namespace detail {

/** Ends what the library was given. */
template <class T>
void drop(void *kept) noexcept {
    delete static_cast<T *>(kept);
}

template <class F>
void log_message(std::int32_t level, const char *message, std::size_t length, void *kept) noexcept {
    try {
        (*static_cast<F *>(kept))(level, std::string_view(message, length));
    } catch (...) {
        // Nobody waits for an answer.
    }
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

    // Of a temporary they give a new one, to which a reference may be kept.
    Config &set(const std::string &name, const char *text) & {
        rpyc_error *error = nullptr;
        detail::check(rpyc_config_set(raw_, detail::name_text(name), text, &error), error);
        return *this;
    }
    Config &set(const std::string &name, const std::string &text) & { return set(name, text.c_str()); }
    template <class T, std::enable_if_t<std::is_integral_v<T>, int> = 0>
    Config &set(const std::string &name, T value) & {
        rpyc_error *error = nullptr;
        if constexpr (std::is_same_v<T, bool>)
            detail::check(rpyc_config_set_bool(raw_, detail::name_text(name), value, &error), error);
        else
            detail::check(rpyc_config_set_int(raw_, detail::name_text(name), static_cast<std::int64_t>(value), &error), error);
        return *this;
    }
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
    template <class V>
    Config set(const std::string &name, const V &value) && {
        return std::move(set(name, value));
    }
    std::string get(const std::string &name) const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_config_get(raw_, detail::name_text(name), out, error);
        });
    }

    /** Messages about these connections, up to this level, go to f(level, text), on any thread, and not to that of set_log(). */
    template <class F>
    Config &set_logger(std::int32_t max_level, F f) & {
        return with(f, [&](void *kept, rpyc_free_fn drop, rpyc_error **error) {
            return rpyc_config_set_logger(raw_, max_level, detail::log_message<F>, kept, drop, error);
        });
    }
    template <class F>
    Config set_logger(std::int32_t max_level, F f) && {
        return std::move(set_logger(max_level, std::move(f)));
    }
    /** f(connection, root) runs before this side closes a connection with close(), which fails with the status of what it throws. */
    template <class F>
    Config &set_before_closed(F f) &;
    template <class F>
    Config set_before_closed(F f) && {
        return std::move(set_before_closed(std::move(f)));
    }
    /** Whom this program takes the peer for: what Connection::credentials() gives. */
    Config &set_credentials(Value credentials) & {
        rpyc_error *error = nullptr;
        detail::check(rpyc_config_set_credentials(raw_, std::move(credentials).release(), &error), error);
        return *this;
    }
    Config set_credentials(Value credentials) && { return std::move(set_credentials(std::move(credentials))); }
    /** What Connection::endpoints() gives, where the transport does not know it. */
    Config &set_endpoints(const std::string &local, const std::string &peer) & {
        rpyc_error *error = nullptr;
        detail::check(rpyc_config_set_endpoints(raw_, detail::name_text(local), detail::name_text(peer), &error), error);
        return *this;
    }
    Config set_endpoints(const std::string &local, const std::string &peer) && { return std::move(set_endpoints(local, peer)); }
    const rpyc_config *raw() const noexcept { return raw_; }

private:
    /** Gives a function to the library, which ends it. */
    template <class F, class Set>
    Config &with(F &f, Set set) {
        auto *kept = new F(std::move(f));
        rpyc_error *error = nullptr;
        detail::check(set(kept, detail::drop<F>, &error), error);
        return *this;
    }

    rpyc_config *raw_;
};

/** Messages of the whole library, up to this level (RPYC_LOG_...), go to f(level, text), on any thread. */
template <class F>
void set_log(std::int32_t max_level, F f) {
    auto *kept = new F(std::move(f));
    rpyc_error *error = nullptr;
    detail::check(rpyc_set_log_callback(max_level, detail::log_message<F>, kept, detail::drop<F>, &error), error);
}
/** No more messages. */
inline void set_log(std::nullptr_t) {
    rpyc_error *error = nullptr;
    detail::check(rpyc_set_log_callback(0, nullptr, nullptr, nullptr, &error), error);
}

}  // namespace rpyc

#endif
