/** Servers. */
#ifndef RPYC_SERVER_HPP
#define RPYC_SERVER_HPP

#include <memory>

#include "service.hpp"

namespace rpyc {

class Slave;
class Stream;

/**
 * A server: it listens at an address and serves each connection in a thread of its own, or all connections in a few
 * threads, with the option pool_threads. Copies are the same server. Destroying the last one stops it.
 */
class [[nodiscard]] Server {
public:
    /**
     * Makes a server that listens at "tcp://HOST:PORT", with port 0 for any free one, "unix:///PATH" or "shm:///PATH".
     * With "" it does not listen and gets connections from add(). Clients can connect when the constructor has
     * returned.
     */
    template <class S, class T>
    Server(const std::string &address, const detail::Serves<S, T> &service) : Server(address, service.raw(), nullptr) {}
    /** Makes a server, with options. */
    template <class S, class T>
    Server(const std::string &address, const detail::Serves<S, T> &service, const Config &config)
        : Server(address, service.raw(), config.raw()) {}
    /** Makes a server whose clients control this program: RPyC's classic mode. */
    inline Server(const std::string &address, const Slave &slave, const Config &config = Config());

    /** Makes another handle of the same server. */
    Server(const Server &other) noexcept : raw_(rpyc_server_clone(other.raw_)) {}
    Server(Server &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Server &operator=(Server other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Server() { rpyc_server_free(raw_); }

    /** Accepts connections in this thread until the server is stopped. */
    void serve() const { run(rpyc_server_serve); }
    /** Accepts connections in a thread of the server. */
    void start() const { run(rpyc_server_start); }
    /** Accepts one connection and serves it in this thread. */
    void serve_one() const { run(rpyc_server_serve_one); }
    /**
     * Stops the server: it accepts no more connections, waits at most 1 s for running calls, and ends the connections.
     */
    void stop() const { stop(std::chrono::seconds(1)); }
    /** Stops the server and waits at most a given time for running calls. */
    template <class Rep, class Period>
    void stop(std::chrono::duration<Rep, Period> grace) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_server_stop(raw_, detail::milliseconds(grace), &error), error);
    }
    /**
     * Stops the server gracefully: it accepts no more connections, answers every request that has been received, and
     * ends each connection on which nothing has arrived for a given time. At the limit it ends the rest. Returns the
     * number of connections that were ended although a request had no reply.
     */
    template <class R1, class P1, class R2, class P2>
    std::size_t drain(std::chrono::duration<R1, P1> idle, std::chrono::duration<R2, P2> limit) const {
        rpyc_error *error = nullptr;
        std::size_t cut = 0;
        detail::check(rpyc_server_drain(raw_, detail::milliseconds(idle), detail::milliseconds(limit), &cut, &error),
                      error);
        return cut;
    }
    /**
     * Returns a duplicate of the listening socket, which the caller closes: for a process that makes its server with
     * the address "fd:N". From then on stopping does not shut the socket down.
     */
    int pass_socket() const {
        rpyc_error *error = nullptr;
        std::int32_t fd = -1;
        detail::check(rpyc_server_pass_socket(raw_, &fd, &error), error);
        return fd;
    }
    /** Waits until the server has been stopped and the threads of its connections have ended. */
    void join() const { run(rpyc_server_join); }

    /** Serves a stream that the application has accepted, in a thread of the server. */
    inline void add(std::unique_ptr<Stream> stream) const;

    /** Returns the address at which the server listens, with the actual port. */
    std::string address() const {
        const char *text = rpyc_server_address(raw_);
        return text != nullptr ? text : "";
    }
    /** Returns the number of connections. */
    std::size_t connection_count() const noexcept { return rpyc_server_connection_count(raw_); }
    /** Returns the number of connections that were closed because the authentication of the peer failed. */
    std::uint64_t authentication_failures() const noexcept { return rpyc_server_authentication_failures(raw_); }
    /**
     * Limits the number of connections; 0 for no limit. A connection beyond it replaces the oldest one that has not
     * sent a complete message, unless the option make_room is false.
     */
    void set_max_connections(std::size_t count) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_server_set_max_connections(raw_, count, &error), error);
    }
    /** Puts the calls of connections that are accepted from now on into a queue. */
    inline void set_queue(const Queue &queue) const;
    /** Returns a descriptor for signal handlers: writing the 8 bytes of a uint64_t with the value 1 ends serve(). */
    int stop_fd() const noexcept { return rpyc_server_stop_fd(raw_); }
    /** Returns the handle of the C library, borrowed. */
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
