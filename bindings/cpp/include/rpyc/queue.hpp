/** Threads for the calls of peers: queues, and background serving. */
#ifndef RPYC_QUEUE_HPP
#define RPYC_QUEUE_HPP

#include "server.hpp"

namespace rpyc {

/**
 * A queue of calls, which a thread of the application runs, such as that of its window or game. Threads of the library
 * read the calls meanwhile. Copies are the same queue. When the last one is destroyed, callers get an error.
 */
class Queue {
public:
    /**
     * Makes a queue for at most `limit` waiting calls of all connections together. Callers beyond the limit get
     * RuntimeError.
     */
    explicit Queue(std::size_t limit = 1000) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_queue_new(limit, &raw_, &error), error);
    }
    /** Makes another handle of the same queue. */
    Queue(const Queue &other) noexcept : raw_(rpyc_queue_clone(other.raw_)) {}
    Queue(Queue &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Queue &operator=(Queue other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Queue() { rpyc_queue_free(raw_); }

    /** Runs the waiting calls in this thread and returns their number. */
    std::size_t run() const { return run(0, std::chrono::milliseconds(0)); }
    /**
     * Runs at most `most` calls, 0 for all that are waiting. Waits for the first one within a time; a negative time is
     * no limit.
     */
    template <class Rep, class Period>
    std::size_t run(std::size_t most, std::chrono::duration<Rep, Period> time) const {
        std::size_t ran = 0;
        rpyc_error *error = nullptr;
        detail::check(rpyc_queue_run(raw_, most, detail::milliseconds(time), &ran, &error), error);
        return ran;
    }
    /**
     * Limits the time that a call may wait. Calls that wait longer are answered with TimeoutError. A negative time is
     * no limit.
     */
    template <class Rep, class Period>
    void set_timeout(std::chrono::duration<Rep, Period> time) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_queue_set_timeout(raw_, detail::milliseconds(time), &error), error);
    }
    /**
     * Makes run() run the hooks of services too: the creation of instances, on_connect and on_disconnect. See
     * rpyc_queue_set_hooks.
     */
    void set_hooks(bool on) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_queue_set_hooks(raw_, on, &error), error);
    }
    /** Returns the number of waiting calls. */
    std::size_t size() const noexcept { return rpyc_queue_length(raw_); }
    /** Returns a descriptor that is readable while calls are waiting. */
    int fileno() const noexcept { return rpyc_queue_fileno(raw_); }
    /** Returns the handle of the C library, borrowed. */
    rpyc_queue *raw() const noexcept { return raw_; }

private:
    rpyc_queue *raw_ = nullptr;
};

/**
 * Threads that serve a connection in the background. Copies are the same threads. Destroying the last one stops them.
 */
class [[nodiscard]] Serving {
public:
    /** Makes another handle of the same threads. */
    Serving(const Serving &other) noexcept : raw_(rpyc_serving_clone(other.raw_)) {}
    Serving(Serving &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Serving &operator=(Serving other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Serving() { rpyc_serving_free(raw_); }

    /** Takes ownership of a handle of the C library. */
    static Serving adopt(rpyc_serving *raw) noexcept { return Serving(raw); }
    /** Returns whether the threads are running. */
    bool running() const noexcept { return rpyc_serving_is_running(raw_); }
    /** Tells the threads to end after the call that they run. A thread that waits for the peer ends at once. */
    void stop() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_serving_stop(raw_, &error), error);
    }
    /**
     * Waits until the threads have ended, after stop() or with the connection. Throws the error that ended the
     * connection, unless it was closed.
     */
    void join() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_serving_join(raw_, &error), error);
    }
    /** Returns the handle of the C library, borrowed. */
    rpyc_serving *raw() const noexcept { return raw_; }

private:
    explicit Serving(rpyc_serving *raw) noexcept : raw_(raw) {}

    rpyc_serving *raw_;
};

inline Serving Connection::serve_background(std::size_t threads, bool in_order) const {
    rpyc_serving *out = nullptr;
    rpyc_error *error = nullptr;
    detail::check(rpyc_connection_serve_background(raw_, threads, in_order ? RPYC_SERVE_IN_ORDER : 0, &out, &error),
                  error);
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
