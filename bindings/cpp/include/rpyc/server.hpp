/** Servers. */
#ifndef RPYC_SERVER_HPP
#define RPYC_SERVER_HPP

#include <memory>

#include "service.hpp"

namespace rpyc {

class Slave;
class Stream;

/**
 * Listens at an address and serves each connection in a thread of its own. Copies are the same server, and the last that
 * goes stops it.
 */
class [[nodiscard]] Server {
public:
    /**
     * "tcp://HOST:PORT", with port 0 for any free one, "unix:///PATH" or "shm:///PATH"; "": it listens nowhere, and add() gives
     * it connections. Clients can connect when it returns.
     */
    template <class S, class T>
    Server(const std::string &address, const detail::Serves<S, T> &service) : Server(address, service.raw(), nullptr) {}
    template <class S, class T>
    Server(const std::string &address, const detail::Serves<S, T> &service, const Config &config)
        : Server(address, service.raw(), config.raw()) {}
    /** Lets masters drive this program: RPyC's classic mode. */
    inline Server(const std::string &address, const Slave &slave, const Config &config = Config());

    Server(const Server &other) noexcept : raw_(rpyc_server_clone(other.raw_)) {}
    Server(Server &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Server &operator=(Server other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Server() { rpyc_server_free(raw_); }

    /** Accepts connections in this thread until the server is stopped. */
    void serve() const { run(rpyc_server_serve); }
    /** Accepts connections in a thread of the server's own. */
    void start() const { run(rpyc_server_start); }
    /** Accepts one connection and serves it in this thread. */
    void serve_one() const { run(rpyc_server_serve_one); }
    /** Accepts no more, waits for calls that are running, and ends the connections. */
    void stop() const { stop(std::chrono::seconds(1)); }
    template <class Rep, class Period>
    void stop(std::chrono::duration<Rep, Period> grace) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_server_stop(raw_, detail::milliseconds(grace), &error), error);
    }
    /** Waits until it has been stopped and the threads of its connections have ended. */
    void join() const { run(rpyc_server_join); }

    /** Serves a stream that the application has accepted, in a thread of the server's own. */
    inline void add(std::unique_ptr<Stream> stream) const;

    /** Where it listens, with its real port. */
    std::string address() const {
        const char *text = rpyc_server_address(raw_);
        return text != nullptr ? text : "";
    }
    std::size_t connection_count() const noexcept { return rpyc_server_connection_count(raw_); }
    /** 0: no limit. With all taken, the oldest of which no message has come is closed for a new one, unless make_room is false. */
    void set_max_connections(std::size_t count) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_server_set_max_connections(raw_, count, &error), error);
    }
    /** Calls of connections that are accepted from now on wait in a queue. */
    inline void set_queue(const Queue &queue) const;
    /** For signal handlers: writing the 8 bytes of a uint64_t 1 ends serve(). */
    int stop_fd() const noexcept { return rpyc_server_stop_fd(raw_); }
    rpyc_server *raw() const noexcept { return raw_; }

private:
    Server(const std::string &address, const rpyc_class *service, const rpyc_config *config) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_server_new(detail::name_text(address), service, config, &raw_, &error), error);
    }
    template <class F>
    void run(F function) const {
        rpyc_error *error = nullptr;
        detail::check(function(raw_, &error), error);
    }

    rpyc_server *raw_ = nullptr;
};

}  // namespace rpyc

#endif
