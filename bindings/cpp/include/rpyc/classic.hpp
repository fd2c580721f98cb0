/** Classic mode as master: Python's rpyc.classic.connect(). */
#ifndef RPYC_CLASSIC_HPP
#define RPYC_CLASSIC_HPP

#include "slave.hpp"

#include <istream>
#include <ostream>

namespace rpyc {

/** Options for copying files. */
struct Transfer {
    /** Number of bytes in one message; 0 for the default of RPyC. */
    std::size_t chunk_size = 0;
    /** Returns whether an entry of a copied folder is to be copied too. */
    std::function<bool(const std::string &name)> filter{};
    /**
     * Called at the beginning of each file and after each message. If it returns false or throws, the transfer ends.
     */
    std::function<bool(const rpyc_transfer_progress &progress)> progress{};
};

/** A peer's standard streams, redirected to this process until end() or the destructor. */
class [[nodiscard]] Redirection {
public:
    /** Moves the redirection. */
    Redirection(Redirection &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Redirection &operator=(Redirection &&other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    Redirection(const Redirection &) = delete;
    Redirection &operator=(const Redirection &) = delete;
    /** Ends the redirection, which sends a request to the peer. */
    ~Redirection() {
        if (raw_ != nullptr)
            rpyc_redirection_end(raw_, nullptr);
        rpyc_redirection_free(raw_);
    }

    /** Takes ownership of a handle of the C library. */
    static Redirection adopt(rpyc_redirection *raw) noexcept { return Redirection(raw); }
    /** Restores the peer's own streams. Further calls do nothing. */
    void end() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_redirection_end(raw_, &error), error);
    }

private:
    explicit Redirection(rpyc_redirection *raw) noexcept : raw_(raw) {}

    rpyc_redirection *raw_;
};

/**
 * The master of a classic server at the other end of a connection. Such a server has no access control: a client can
 * run any code there. Copies are the same master. Modules and the namespace are fetched once.
 */
class Classic {
public:
    /** Receives the output of the peer. */
    using Output = std::function<void(std::string_view text)>;
    /**
     * Stores at most `size` bytes for the peer to read in `buffer` and returns their number; 0 is the end of the input.
     */
    using Input = std::function<std::size_t(char *buffer, std::size_t size)>;

    /** Connects to a classic server such as rpyc_classic.py. The default port is 18812. */
    explicit Classic(const std::string &address) { connect(address, nullptr, nullptr); }
    /** Connects to a classic server, with options. */
    Classic(const std::string &address, const Config &config) { connect(address, nullptr, config.raw()); }
    /** Connects to a classic server and lets it use this process too: RPyC's ClassicService. */
    Classic(const std::string &address, const Slave &slave, const Config &config = Config()) {
        connect(address, slave.raw(), config.raw());
    }
    /** Uses the classic server at the other end of an existing connection. */
    explicit Classic(const Connection &connection) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_classic_new(connection.raw(), &raw_, &error), error);
    }

    /** Makes another handle of the same master. */
    Classic(const Classic &other) noexcept : raw_(rpyc_classic_clone(other.raw_)) {}
    Classic(Classic &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    Classic &operator=(Classic other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Classic() { rpyc_classic_free(raw_); }

    /** Returns the connection. */
    Connection connection() const {
        rpyc_connection *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_classic_connection(raw_, &out, &error), error);
        return Connection::adopt(out);
    }
    /** Returns the handle of the C library, borrowed. */
    rpyc_classic *raw() const noexcept { return raw_; }

    /** Imports a module of the peer: classic.module("xml.dom.minidom"). */
    Object module(const std::string &name) const {
        return detail::object([&](rpyc_object **out, rpyc_error **error) {
            return rpyc_classic_module(raw_, detail::name_text(name), out, error);
        });
    }
    /** Returns the peer's module builtins. */
    Object builtins() const {
        return detail::object(
            [&](rpyc_object **out, rpyc_error **error) { return rpyc_classic_builtins(raw_, out, error); });
    }
    /**
     * Calls a function of a module in one request: classic.call("os.path", "join", "a", "b"). "" is for builtins.
     */
    template <class... A>
    Value call(const std::string &module, const std::string &function, A &&...args) const {
        const char *where = module.empty() ? nullptr : detail::name_text(module), *name = detail::name_text(function);
        detail::Arguments arguments(nullptr, std::forward<A>(args)...);
        rpyc_value *keywords = arguments.release_keywords();
        const std::size_t count = arguments.count();
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_classic_call(raw_, where, name, arguments.release(), count, keywords, out, error);
        });
    }

    /** Evaluates an expression. */
    Value eval(std::string_view expression) const {
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_classic_eval(raw_, text(expression), expression.size(), out, error);
        });
    }
    /** Executes statements. */
    void execute(std::string_view statements) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_classic_execute(raw_, text(statements), statements.size(), &error), error);
    }
    /** Returns the namespace that these functions use, a dict: int x = classic.names()["x"]; */
    Object names() const {
        return detail::object(
            [&](rpyc_object **out, rpyc_error **error) { return rpyc_classic_namespace(raw_, out, error); });
    }
    /** Gets a name of the namespace in one request. */
    Value get(const std::string &name) const {
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_classic_get(raw_, detail::name_text(name), out, error);
        });
    }
    /** Sets a name of the namespace. Lists and dicts are passed by reference; use deliver() for copies. */
    void set(const std::string &name, Value value) const {
        const char *text = detail::name_text(name);
        rpyc_error *error = nullptr;
        detail::check(rpyc_classic_set(raw_, text, std::move(value).release(), &error), error);
    }
    /** Returns the peer's end of the connection, an object of the peer. */
    Object peer_connection() const {
        return detail::object(
            [&](rpyc_object **out, rpyc_error **error) { return rpyc_classic_getconn(raw_, out, error); });
    }

    /**
     * Copies an object of the peer by its pickle, in one request. 0 is the default limit, as for rpyc_object_obtain.
     */
    Value obtain(const Object &object, std::size_t max_depth = 0, std::size_t max_items = 0,
                 std::size_t max_bytes = 0) const {
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_classic_obtain(raw_, object.raw(), max_depth, max_items, max_bytes, out, error);
        });
    }
    /** Copies plain data to the peer. Lists and dicts become Python's own there. */
    Value deliver(Value value) const {
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_classic_deliver(raw_, std::move(value).release(), out, error);
        });
    }

    /** Copies a file, or a folder with its content, to the peer. */
    void upload(const std::string &local, const std::string &remote, const Transfer &how = Transfer()) const {
        copy(rpyc_classic_upload, local, remote, how);
    }
    /** Copies a file, or a folder with its content, from the peer. */
    void download(const std::string &remote, const std::string &local, const Transfer &how = Transfer()) const {
        copy(rpyc_classic_download, remote, local, how);
    }

    /**
     * Redirects the peer's standard streams to functions. A stream with an empty function is not changed. Output that
     * the peer writes during a request of this side arrives before the reply.
     */
    Redirection redirect(Output out, Output err = nullptr, Input in = nullptr) const {
        auto streams = std::make_unique<Streams>(Streams{std::move(out), std::move(err), std::move(in)});
        const rpyc_input_fn input = [](char *buffer, std::size_t size, void *kept) noexcept -> std::size_t {
            try {
                return std::min(size, static_cast<Streams *>(kept)->in(buffer, size));
            } catch (...) {
                return 0;
            }
        };
        const rpyc_free_fn drop = [](void *kept) noexcept { delete static_cast<Streams *>(kept); };
        const bool has_in = streams->in != nullptr, has_out = streams->out != nullptr,
                   has_err = streams->err != nullptr;
        rpyc_redirection *redirection = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_classic_redirect(raw_, has_in ? input : nullptr, has_out ? write<&Streams::out> : nullptr,
                                            has_err ? write<&Streams::err> : nullptr, streams.release(), drop,
                                            &redirection, &error),
                      error);
        return Redirection::adopt(redirection);
    }
    /** Redirects the peer's output to C++ streams, which must live until the redirection has ended. */
    Redirection redirect(std::ostream &out, std::ostream &err) const { return redirect(to(out), to(err)); }
    /** Redirects the peer's standard streams to C++ streams, which must live until the redirection has ended. */
    Redirection redirect(std::ostream &out, std::ostream &err, std::istream &in) const {
        return redirect(to(out), to(err),
                        [&in, line = std::string()](char *buffer, std::size_t size) mutable -> std::size_t {
                            // One line at a time, as from a terminal: a read would wait until the buffer is full.
                            if (line.empty()) {
                                if (!std::getline(in, line))
                                    return 0;
                                if (!in.eof())
                                    line += '\n';
                            }
                            const std::size_t given = line.copy(buffer, size);
                            line.erase(0, given);
                            return given;
                        });
    }

private:
    struct Streams {
        Output out, err;
        Input in;
    };
    /** Calls the functions of a transfer and keeps the exception that one throws. */
    struct Asked {
        const Transfer &how;
        std::exception_ptr failed{};

        template <class F, class A>
        bool ask(const F &f, const A &argument) noexcept {
            try {
                return failed == nullptr && f(argument);
            } catch (...) {
                failed = std::current_exception();
                return false;
            }
        }
    };

    template <Output Streams::*Which>
    static void write(const char *text, std::size_t length, void *kept) noexcept {
        try {
            (static_cast<Streams *>(kept)->*Which)(std::string_view(text, length));
        } catch (...) {
            // The peer has written it; there is no one else to report it to.
        }
    }
    static Output to(std::ostream &stream) {
        return [&stream](std::string_view text) {
            stream.write(text.data(), static_cast<std::streamsize>(text.size())).flush();
        };
    }
    static const char *text(std::string_view text) noexcept { return text.data() != nullptr ? text.data() : ""; }

    void connect(const std::string &address, const rpyc_class *service, const rpyc_config *config) {
        rpyc_error *error = nullptr;
        detail::check(rpyc_classic_connect(detail::name_text(address), service, config, &raw_, &error), error);
    }

    template <class F>
    void copy(F function, const std::string &from, const std::string &to, const Transfer &how) const {
        Asked asked{how};
        rpyc_transfer_options options{};
        options.struct_size = sizeof options;
        options.chunk_size = how.chunk_size;
        options.userdata = &asked;
        if (how.filter)
            options.filter = [](const char *name, void *kept) noexcept {
                auto *one = static_cast<Asked *>(kept);
                return one->ask(one->how.filter, name);
            };
        if (how.progress)
            options.progress = [](const rpyc_transfer_progress *progress, void *kept) noexcept {
                auto *one = static_cast<Asked *>(kept);
                return one->ask(one->how.progress, *progress);
            };
        rpyc_error *error = nullptr;
        const rpyc_status status = function(raw_, detail::name_text(from), detail::name_text(to), &options, &error);
        if (asked.failed) {
            rpyc_error_free(error);
            std::rethrow_exception(asked.failed);
        }
        detail::check(status, error);
    }

    rpyc_classic *raw_ = nullptr;
};

}  // namespace rpyc

#endif
