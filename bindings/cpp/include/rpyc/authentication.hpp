/** Authentication of peers on the raw stream, before the first frame. */
#ifndef RPYC_AUTHENTICATION_HPP
#define RPYC_AUTHENTICATION_HPP

#include "config.hpp"

#include <exception>
#include <optional>

namespace rpyc {

/** The raw stream of one peer, for the duration of the call of an authenticator. See Config::set_authenticator(). */
class Authentication {
public:
    Authentication(const Authentication &) = delete;
    Authentication &operator=(const Authentication &) = delete;

    /** Reads exactly this number of bytes. */
    std::string read(std::size_t size) {
        std::string bytes(size, '\0');
        rpyc_error *error = nullptr;
        detail::check(rpyc_authentication_read(raw_, bytes.data(), size, &error), error);
        return bytes;
    }
    /** Writes all bytes. */
    void write(std::string_view bytes) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_authentication_write(raw_, bytes.data(), bytes.size(), &error), error);
    }
    /** Returns whether this side is the server. */
    bool is_server() const noexcept { return rpyc_authentication_is_server(raw_); }
    /** Returns the address of the peer. */
    std::string peer_name() const {
        const char *name = rpyc_authentication_peer_name(raw_);
        return name != nullptr ? name : "";
    }
    /** Returns the rest of the time limit; none for no limit. */
    std::optional<std::chrono::milliseconds> time_left() const noexcept {
        const std::int64_t left = rpyc_authentication_time_left(raw_);
        return left < 0 ? std::nullopt : std::optional(std::chrono::milliseconds(left));
    }
    /** Returns the process at the other end of a Unix socket: a dict with uid, gid, pid and groups. */
    Value unix_peer() const {
        return Value::made(
            [&](rpyc_value **out, rpyc_error **error) { return rpyc_authentication_unix_peer(raw_, out, error); });
    }
    /** Returns the certificate of a TLS handshake as bytes (DER), or None. */
    Value certificate() const {
        return Value::made(
            [&](rpyc_value **out, rpyc_error **error) { return rpyc_authentication_certificate(raw_, out, error); });
    }

private:
    template <class F>
    friend void detail::authenticate(rpyc_authentication *, void *) noexcept;

    explicit Authentication(rpyc_authentication *raw) noexcept : raw_(raw) {}

    rpyc_authentication *raw_;
};

namespace detail {

/** Runs an authenticator. An exception refuses the peer, with its message as the reason. */
template <class F>
void authenticate(rpyc_authentication *raw, void *kept) noexcept {
    try {
        Authentication authentication(raw);
        Value credentials = (*static_cast<F *>(kept))(authentication);
        rpyc_authentication_accept(raw, std::move(credentials).release(), nullptr);
    } catch (const std::exception &exception) {
        rpyc_authentication_refuse(raw, exception.what(), nullptr);
    } catch (...) {
        rpyc_authentication_refuse(raw, "the authenticator threw an exception of unknown type", nullptr);
    }
}

}  // namespace detail

template <class F>
Config &Config::set_authenticator(F f) & {
    return with(f, [&](void *kept, rpyc_free_fn drop, rpyc_error **error) {
        return rpyc_config_set_authenticator(raw_, detail::authenticate<F>, kept, drop, error);
    });
}

inline Config &Config::set_secret(std::string_view secret) & {
    rpyc_error *error = nullptr;
    detail::check(rpyc_config_set_secret(raw_, secret.data(), secret.size(), &error), error);
    return *this;
}

inline Config &Config::set_unix_peers(const std::vector<std::uint32_t> &uids,
                                      const std::vector<std::uint32_t> &gids) & {
    rpyc_error *error = nullptr;
    detail::check(rpyc_config_set_unix_peers(raw_, uids.data(), uids.size(), gids.data(), gids.size(), &error), error);
    return *this;
}

}  // namespace rpyc

#endif
