/** Whose threads run the calls of peers: queues, and serving in the background. */
#ifndef RPYC_QUEUE_HPP
#define RPYC_QUEUE_HPP

#include "server.hpp"

namespace rpyc {

/**
 * Calls that wait until a thread of the program runs them, such as that of its window or its game. Threads of the library read
 * them meanwhile. Copies are the same queue; when the last one goes, calls are refused.
 */
class Queue {
public:
    /** At most `limit` calls wait, of all connections together: callers beyond that get RuntimeError. */
    explicit Queue(std::size_t limit = 1000) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_queue_new(limit, &raw_, &error), error);
    }
    Queue(const Queue &other) noexcept : raw_(rpyc_queue_clone(other.raw_)) {}
    Queue(Queue &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Queue &operator=(Queue other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Queue() { rpyc_queue_free(raw_); }

    /** Runs the calls that wait, in this thread. How many were there? */
    std::size_t run() const { return run(0, std::chrono::milliseconds(0)); }
    /** Runs at most `most` calls, 0 for as many as wait, and waits for the first one; a negative time is no limit. */
    template <class Rep, class Period>
    std::size_t run(std::size_t most, std::chrono::duration<Rep, Period> time) const {
        std::size_t ran = 0;
        rpyc_error *error = nullptr;
        detail::check(rpyc_queue_run(raw_, most, detail::milliseconds(time), &ran, &error), error);
        return ran;
    }
    /** Calls that wait longer are answered with TimeoutError; a negative time is no limit. */
    template <class Rep, class Period>
    void set_timeout(std::chrono::duration<Rep, Period> time) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_queue_set_timeout(raw_, detail::milliseconds(time), &error), error);
    }
    /** Whether services are made, and told of connections that begin and end, by run() too; see rpyc_queue_set_hooks. */
    void set_hooks(bool on) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_queue_set_hooks(raw_, on, &error), error);
    }
    std::size_t size() const noexcept { return rpyc_queue_length(raw_); }
    /** Readable while calls wait. */
    int fileno() const noexcept { return rpyc_queue_fileno(raw_); }
    rpyc_queue *raw() const noexcept { return raw_; }

private:
    rpyc_queue *raw_ = nullptr;
};

/** Threads that serve a connection in the background. Copies are the same ones; when the last one goes, they stop. */
class [[nodiscard]] Serving {
public:
    Serving(const Serving &other) noexcept : raw_(rpyc_serving_clone(other.raw_)) {}
    Serving(Serving &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Serving &operator=(Serving other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Serving() { rpyc_serving_free(raw_); }

    static Serving adopt(rpyc_serving *raw) noexcept { return Serving(raw); }
    bool running() const noexcept { return rpyc_serving_is_running(raw_); }
    /** Has them end when they have done what they are doing; a thread that waits for the peer notices within a second. */
    void stop() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_serving_stop(raw_, &error), error);
    }
    /** Waits until they have ended: after stop(), or with the connection. Throws what ended that, if it was no good end. */
    void join() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_serving_join(raw_, &error), error);
    }
    rpyc_serving *raw() const noexcept { return raw_; }

private:
    explicit Serving(rpyc_serving *raw) noexcept : raw_(raw) {}

    rpyc_serving *raw_;
};

inline Serving Connection::serve_background(std::size_t threads, bool in_order) const {
    rpyc_serving *out = nullptr;
    rpyc_error *error = nullptr;
    detail::check(rpyc_connection_serve_background(raw_, threads, in_order ? RPYC_SERVE_IN_ORDER : 0, &out, &error), error);
    return Serving::adopt(out);
}

inline void Connection::set_queue(const Queue &queue) const {
    rpyc_error *error = nullptr;
    detail::check(rpyc_connection_set_queue(raw_, queue.raw(), &error), error);
}

inline void Server::set_queue(const Queue &queue) const {
    rpyc_error *error = nullptr;
    detail::check(rpyc_server_set_queue(raw_, queue.raw(), &error), error);
}

}  // namespace rpyc

#endif
