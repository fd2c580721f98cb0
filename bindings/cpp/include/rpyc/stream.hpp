/** Transports of the application. */
#ifndef RPYC_STREAM_HPP
#define RPYC_STREAM_HPP

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "connection.hpp"
#include "server.hpp"

namespace rpyc {

/**
 * A byte stream of the application, for a connection or a server: TLS of another library, a serial line. Derive a class
 * from it.
 *
 * read() and write() never run at the same time for one stream. wait(), wake() and shutdown() may run at the same time
 * as they do, on any thread. read() and write() must not use the connection of the stream, nor its objects: that would
 * deadlock. An exception of read(), write() or wait() breaks the stream; the connection's errors contain its message.
 */
class Stream {
public:
    /** The result of read() or write(). */
    class Result {
    public:
        /** Reports that bytes were read or written, at least one. */
        static Result done(std::size_t count) noexcept { return Result(RPYC_TRANSPORT_OK, count); }
        /** Reports that nothing can be done until more has arrived. */
        static Result want_read() noexcept { return Result(RPYC_TRANSPORT_WANT_READ, 0); }
        /** Reports that nothing can be done until more can be sent. */
        static Result want_write() noexcept { return Result(RPYC_TRANSPORT_WANT_WRITE, 0); }
        /** Reports that the peer has ended the stream. */
        static Result end() noexcept { return Result(RPYC_TRANSPORT_END, 0); }

        std::int32_t status() const noexcept { return status_; }
        std::size_t count() const noexcept { return count_; }

    private:
        Result(std::int32_t status, std::size_t count) noexcept : status_(status), count_(count) {}

        std::int32_t status_;
        std::size_t count_;
    };

    Stream() = default;
    Stream(const Stream &) = delete;
    Stream &operator=(const Stream &) = delete;
    virtual ~Stream() = default;

    /** Reads at most `size` bytes, which is not 0, without waiting. */
    virtual Result read(void *buffer, std::size_t size) = 0;
    /**
     * Writes at most `size` bytes, which is not 0, without waiting. After a want_...() the next call gets the same
     * bytes, at another place in memory.
     */
    virtual Result write(const void *data, std::size_t size) = 0;
    /**
     * Ends both directions: wait() returns, and read() returns end(). Called once, or not at all before the destructor.
     */
    virtual void shutdown() noexcept {}
    /**
     * Returns the descriptor to be polled, which stays open until the destructor; -1 for none, in which case wait() is
     * used. Called once.
     */
    virtual int fileno() noexcept { return -1; }
    /**
     * Waits for one of `events` (RPYC_WAIT_READ, RPYC_WAIT_WRITE) and returns those that occurred. Used without a
     * descriptor.
     */
    virtual int wait(int events, std::chrono::milliseconds timeout) {
        static_cast<void>(events);
        static_cast<void>(timeout);
        throw Error(RPYC_ERR_UNSUPPORTED, "the stream has neither fileno() nor wait()");
    }
    /** Makes every running wait() return early, or else the next one. */
    virtual void wake() noexcept {}
    /**
     * Returns the name of the peer for messages. "tcp://IP:PORT" counts for max_connections_per_address. Called once.
     */
    virtual std::string peer_name() const { return "application"; }
};

namespace detail {

/** A stream and the message of its last failure. */
struct Streaming {
    std::unique_ptr<Stream> stream;
    std::string why;

    template <class F>
    std::int32_t transfer(std::size_t *count, F run) noexcept {
        try {
            const Stream::Result result = run(*stream);
            *count = result.count();
            return result.status();
        } catch (const std::exception &failed) {
            keep(failed.what());
        } catch (...) {
            keep("");
        }
        return RPYC_TRANSPORT_FAILED;
    }

    void keep(const char *text) noexcept {
        try {
            why = text;
        } catch (...) {
            why.clear();
        }
    }

    static Streaming *of(void *kept) noexcept { return static_cast<Streaming *>(kept); }
    static std::int32_t read(void *kept, void *buffer, std::size_t size, std::size_t *count) noexcept {
        return of(kept)->transfer(count, [&](Stream &one) { return one.read(buffer, size); });
    }
    static std::int32_t write(void *kept, const void *data, std::size_t size, std::size_t *count) noexcept {
        return of(kept)->transfer(count, [&](Stream &one) { return one.write(data, size); });
    }
    static void shutdown(void *kept) noexcept { of(kept)->stream->shutdown(); }
    static const char *error_text(void *kept) noexcept { return of(kept)->why.c_str(); }
    static std::int32_t fileno(void *kept) noexcept { return of(kept)->stream->fileno(); }
    static std::int32_t wait(void *kept, std::int32_t events, std::int64_t timeout_ms) noexcept {
        try {
            return of(kept)->stream->wait(events, std::chrono::milliseconds(timeout_ms));
        } catch (...) {
            return -1;
        }
    }
    static void wake(void *kept) noexcept { of(kept)->stream->wake(); }
    static void drop(void *kept) noexcept { delete of(kept); }
};

/** Makes a transport, which owns the stream, also if this throws. */
inline rpyc_transport *transport_of(std::unique_ptr<Stream> stream) {
    if (!stream)
        throw Error(RPYC_ERR_NULL, "stream: expected a stream, got nullptr");
    const std::string peer = stream->peer_name();
    const bool waits = stream->fileno() < 0;
    auto kept = std::make_unique<Streaming>();
    kept->stream = std::move(stream);
    rpyc_transport_table table = {};
    table.struct_size = sizeof table;
    table.peer_name = name_text(peer);
    table.read = Streaming::read;
    table.write = Streaming::write;
    table.shutdown = Streaming::shutdown;
    table.error_text = Streaming::error_text;
    if (waits) {
        table.wait = Streaming::wait;
        table.wake = Streaming::wake;
    } else {
        table.fileno = Streaming::fileno;
    }
    rpyc_transport *out = nullptr;
    rpyc_error *error = nullptr;
    check(rpyc_transport_new(&table, kept.release(), Streaming::drop, &out, &error), error);
    return out;
}

/** A function that opens streams, and the exception that it threw. */
struct Opening {
    const std::function<std::unique_ptr<Stream>()> &open;
    std::exception_ptr thrown = nullptr;

    static rpyc_transport *run(void *kept, std::int64_t) noexcept {
        auto *self = static_cast<Opening *>(kept);
        try {
            return transport_of(self->open());
        } catch (...) {
            self->thrown = std::current_exception();
            return nullptr;
        }
    }
};

}  // namespace detail

/**
 * Connects over streams that `open` makes. It is called once, and again if the other dialect has to be tried at a
 * "tcp://" or "unix://" address. `address` names the peer in messages. An exception of `open` is thrown by this
 * function.
 */
inline Connection connect_by(const std::string &address, const std::function<std::unique_ptr<Stream>()> &open,
                             const Config &config = Config()) {
    detail::Opening opening{open};
    rpyc_connection *out = nullptr;
    rpyc_error *error = nullptr;
    const rpyc_status status = rpyc_connect_by(detail::name_text(address), detail::Opening::run, &opening, nullptr,
                                               config.raw(), &out, &error);
    if (status != RPYC_OK && opening.thrown) {
        rpyc_error_free(error);
        std::rethrow_exception(opening.thrown);
    }
    detail::check(status, error);
    return Connection::adopt(out);
}

/** Makes a connection over a stream, as rpyc_connection_new: nothing is sent, and a peer of RPyC 6 is assumed. */
inline Connection connect_over(std::unique_ptr<Stream> stream, const Config &config = Config()) {
    rpyc_connection *out = nullptr;
    rpyc_error *error = nullptr;
    detail::check(rpyc_connection_new(detail::transport_of(std::move(stream)), nullptr, config.raw(), &out, &error),
                  error);
    return Connection::adopt(out);
}

inline void Server::add(std::unique_ptr<Stream> stream) const {
    rpyc_error *error = nullptr;
    detail::check(rpyc_server_add_transport(raw_, detail::transport_of(std::move(stream)), &error), error);
}

}  // namespace rpyc

#endif
