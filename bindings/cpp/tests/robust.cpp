// What must hold when something fails in the middle: no memory, types that throw when they are moved, what was moved from,
// and the end of the program.
#include "ends.hpp"
#include "interop/check.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>
#include <vector>

using rpyc::Object;
using rpyc::Value;
using namespace std::chrono_literals;

namespace {

/** How many more allocations of this thread succeed; below 0: all. */
thread_local long allocations_left = -1;

void *allocate(std::size_t size) {
    if (allocations_left == 0) {
        allocations_left = -1;
        throw std::bad_alloc();
    }
    if (allocations_left > 0)
        allocations_left--;
    if (void *memory = std::malloc(size != 0 ? size : 1))
        return memory;
    throw std::bad_alloc();
}

}  // namespace

void *operator new(std::size_t size) { return allocate(size); }
void *operator new[](std::size_t size) { return allocate(size); }
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void *memory) noexcept { std::free(memory); }
void operator delete[](void *memory, std::size_t) noexcept { std::free(memory); }

namespace {

/** Destroyed behind all that the library's headers make when they are first used. */
struct AtTheEnd {
    Value kept{};
    AtTheEnd() = default;
    AtTheEnd(const AtTheEnd &) = delete;
    AtTheEnd &operator=(const AtTheEnd &) = delete;
    ~AtTheEnd() {
        bool caught = false;
        try {
            Value().as<int>();
        } catch (const rpyc::ConversionError &) {
            caught = true;
        }
        try {
            rpyc::detail::throw_exception(rpyc::detail::Raised::make("KeyError", {}), RPYC_ERR_REMOTE);
        } catch (const rpyc::LookupError &) {
            if (caught && kept.is_none() && rpyc::View().is_none())
                return;
        }
        std::cerr << "the end of the program is no good one" << std::endl;
        std::_Exit(3);
    }
} at_the_end;

/** Runs `f` with the first, the second, and so on of its allocations failing, until it gets along with all of them. */
template <class F>
void without_memory(F f) {
    int failed = 0;
    for (long allowed = 0;; allowed++) {
        allocations_left = allowed;
        try {
            f();
            const bool all_there = allocations_left >= 0;
            allocations_left = -1;
            if (all_there)
                break;
        } catch (const std::bad_alloc &) {
            failed++;
        } catch (const rpyc::MemoryError &) {  // from a function that is called in this thread
            failed++;
        }
        allocations_left = -1;
        TRUE(allowed < 10000);
    }
    TRUE(failed > 0);
}

struct Item {
    std::string label;
    explicit Item(std::string text) : label(std::move(text)) {}
};

rpyc::Service service_of_all() {
    rpyc::Service service("All");
    service
        .expose(
            "add(a, b=2)", [](std::int64_t a, std::int64_t b) { return a + b; },
            "A sum of two integers, of which one is two.")
        .expose("fail",
                [](const std::string &text) { throw rpyc::RemoteError("bank.Broke", text).set_attribute("left", 3); })
        .expose("count", [](const rpyc::Args &args, const rpyc::Kwargs &named) { return args.size() + named.size(); })
        .alias("EVERYTHING");
    return service;
}

const std::string long_text = "a text that is too long to lie in a std::string itself";

void memory(check::Checks &checks) {
    checks.add("no-memory-for-values", [] {
        without_memory([] {
            const std::map<std::string, std::vector<std::string>> source{{long_text, {long_text, "b"}}, {"c", {}}};
            const Value sent = source;
            TRUE((sent.as<std::map<std::string, std::vector<std::string>>>() == source));
            TRUE(Value(std::make_tuple(long_text, std::set<int>{1, 2})).repr().size() > 20);
            TRUE(rpyc::numbers(std::vector<double>(1000, 1.5)).as<std::vector<double>>().size() == 1000);
            TRUE(Value(rpyc::bytes(5000, std::uint8_t{1})).as<rpyc::bytes>().size() == 5000);
            try {
                Value(std::make_tuple(1, long_text)).as<std::vector<int>>();
            } catch (const rpyc::ConversionError &error) {
                TRUE(error.status() == RPYC_ERR_TYPE);
            }
        });
    });
    checks.add("no-memory-for-calls", [] {
        const Ends ends(service_of_all(), service_of_all());
        without_memory([&] {
            EQUAL(ends.root.call("add", 1, rpyc::kw("b") = 5), 6);
            EQUAL(ends.root.call("count", rpyc::Args{{1, 2, 3, long_text, 5}}, 6, 7, rpyc::Kwargs{{{long_text, 1}}}),
                  8);
            const auto text = ends.root.async_call("add", 1).then([](int n) { return std::to_string(n) + long_text; });
            TRUE(text.get() == "3" + long_text);
        });
        without_memory([&] {
            try {
                ends.root.call("fail", long_text);
            } catch (const rpyc::RemoteError &error) {
                EQUAL(error.attribute("left"), 3);
                EQUAL(error.args()[0], long_text);
            }
        });
        EQUAL(ends.root.call("add", 1), 3);
    });
    checks.add("no-memory-for-what-is-served", [] {
        without_memory([] {
            auto items = rpyc::Class<Item>("Item").property("label", &Item::label).constructor([](std::string text) {
                return std::make_shared<Item>(std::move(text));
            });
            const Object item = items.make(long_text);
            TRUE(items.self(item)->label == long_text);
            EQUAL(item.attr("label"), long_text);
            EQUAL(items.object()("made").attr("label"), "made");
            const Object function = rpyc::function("twice(text)", [](const std::string &text) { return text + text; });
            TRUE(function(long_text).as<std::string>().size() == 2 * long_text.size());
            const rpyc::Service service = service_of_all();
            TRUE(service.raw() != nullptr);
            const rpyc::Buffer buffer(100);
            const rpyc::List list({1, long_text});
            const auto dict = rpyc::Dict::of(std::map<std::string, std::string>{{long_text, long_text}});
            TRUE(list.size() == 2 && *dict.get(long_text) == long_text);
            const Object numbers = rpyc::generator([n = 0]() mutable -> std::optional<int> { return n++; });
            EQUAL(numbers.next(), 0);
            TRUE(item.restricted({"label", long_text}).raw() != nullptr);
            rpyc::Slave slave("OurSlaveService");
            slave.module(long_text, rpyc::module("m")).evaluator([](const std::string &) { return 1; });
            TRUE(slave.raw() != nullptr);
        });
    });
    checks.add("no-memory-in-a-service", [] {
        // What the function of a service lacks, its caller is told; what is told of that needs memory too.
        rpyc::Service service("Poor");
        std::atomic<long> allowed{-1};
        service.expose("work", [&](const std::string &text) {
            allocations_left = allowed.load();
            if (text.empty())
                throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory), long_text);
            return std::vector<std::string>{text, text};
        });
        rpyc::Connection near, far;
        std::tie(near, far) = rpyc::connect_pair(rpyc::Service("Near"), service);
        std::thread serving([&] {
            try {
                far.serve_all();
            } catch (const rpyc::Error &) {
                // Closed by the other end.
            }
        });
        for (const std::string &text : {long_text, std::string()})
            for (long left = 0; left < 30; left++) {
                allowed = left;
                try {
                    near.root().call("work", text);
                } catch (const rpyc::MemoryError &) {
                    // No memory.
                } catch (const rpyc::OSError &) {
                    // Enough to tell what went wrong.
                } catch (const rpyc::RuntimeError &) {
                    // Not enough for that.
                }
            }
        near.close();
        serving.join();
    });
}

/** Throws when it is copied or moved for the tenth time. */
struct Reluctant {
    int moved = 0;
    Reluctant() = default;
    Reluctant(const Reluctant &other) : moved(other.moved + 1) {
        if (moved >= 10)
            throw std::domain_error("moved too often");
    }
    Reluctant &operator=(const Reluctant &) = default;
};

void types(check::Checks &checks) {
    checks.add("what-throws-when-it-is-moved", [] {
        int failed = 0;
        for (int before = 0; before < 10; before++) {
            const rpyc::Promise<Reluctant> promise;
            const auto next = promise.future().then([](const Reluctant &one) { return one.moved; });
            Reluctant given;
            given.moved = before;
            std::thread other([&] { promise.set_value(given); });
            int seen = before;
            try {
                seen = next.get();
            } catch (const std::domain_error &) {
                failed++;
            }
            other.join();
            TRUE(promise.future().ready() && next.ready() && seen >= before);
        }
        TRUE(failed > 1 && failed < 10);
    });
    checks.add("exceptions-can-always-be-copied", [] {
        static_assert(std::is_nothrow_copy_constructible_v<rpyc::Error> &&
                          std::is_nothrow_copy_constructible_v<rpyc::Timeout> &&
                          std::is_nothrow_copy_constructible_v<rpyc::ConversionError> &&
                          std::is_nothrow_copy_constructible_v<rpyc::RemoteError> &&
                          std::is_nothrow_copy_constructible_v<rpyc::KeyError>,
                      "while one is being thrown, a copy must not throw another");
        const rpyc::ConversionError error = rpyc::ConversionError::wrong_type("int", Value("x")).within("item 1 of ");
        const rpyc::ConversionError copy = error;
        EQUAL(std::string(copy.what()), "item 1 of value must be int, not str");
        EQUAL(copy.text_for("f() argument 'a'"), "item 1 of f() argument 'a' must be int, not str");
    });
    checks.add("what-was-moved-from", [] {
        const Ends ends(service_of_all(), service_of_all());
        auto future = ends.root.async_call("add", 1);
        const auto taken = std::move(future);
        TRUE(future.get() == taken.get());
        rpyc::Promise<int> promise;
        const auto same = std::move(promise);
        promise.set_value(1);
        TRUE(same.future().get() == 1);
        rpyc::Service service = service_of_all(), other = std::move(service);
        service.expose("more", [] {});
        rpyc::Class<Item> items("Item");
        const rpyc::Class<Item> moved = std::move(items);
        TRUE(items.self(moved.make("x")) != nullptr);
        Object object = ends.root;
        const Object target = std::move(object);
        RAISES(rpyc::UsageError, object.call("add", 1));
        RAISES(rpyc::UsageError, object.async_call("add", 1));
        Value value("x");
        const Value held = std::move(value);
        TRUE(value.is_none() && value.size() == 0);
        rpyc::Config config;
        const rpyc::Config settings = std::move(config);
        RAISES(rpyc::UsageError, config.set("max_depth", 5));
        rpyc::Queue queue;
        const rpyc::Queue calls = std::move(queue);
        RAISES(rpyc::UsageError, queue.run());
        rpyc::Connection nothing;
        RAISES(rpyc::UsageError, nothing.root());
        RAISES(rpyc::UsageError, nothing.serve_background());
        TRUE(nothing.closed() && nothing.fileno() == -1 && nothing.interest() == 0);
        rpyc::Slave slave;
        const rpyc::Slave driven = std::move(slave);
        slave.doc("still the same");
    });
    checks.add("texts-for-terminals", [] {
        const rpyc::ValueError error("forged\n\x1b[2J");
        EQUAL(error.what(), "ValueError: forged\\n\\x1b[2J");
        EQUAL(error.message(), "ValueError: forged\n\x1b[2J");
        // As C has them, for each character of the first plane, between others.
        for (unsigned code = 1; code < 0x10000; code += code == 0xd7ff ? 0x801 : 1) {
            std::string text = "a";
            if (code < 0x80)
                text += static_cast<char>(code);
            else if (code < 0x800)
                text += {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
            else
                text += {static_cast<char>(0xe0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3f)),
                         static_cast<char>(0x80 | (code & 0x3f))};
            text += "\xf0\x9f\x98\x80";
            rpyc_error *described = nullptr;
            rpyc_error_new(RPYC_ERR_IO, nullptr, text.c_str(), &described);
            const bool same = rpyc::Error(RPYC_ERR_IO, text).what() == std::string(rpyc_error_describe(described));
            rpyc_error_free(described);
            if (!same)
                EQUAL(code, 0U);
        }
    });
    checks.add("names-with-nul", [] {
        const Ends ends(service_of_all(), service_of_all());
        const std::string name("add\0x", 5);
        RAISES(rpyc::UsageError, ends.root.call(name, 1));
        RAISES(rpyc::UsageError, ends.root.attr(name));
        RAISES(rpyc::UsageError, (ends.root.set_attr(name, long_text), 0));
        RAISES(rpyc::UsageError, ends.root.async_set_attr(name, long_text));
        RAISES(rpyc::UsageError, ends.root.call_into(rpyc::Buffer(10), name, long_text, rpyc::kw("b") = long_text));
        RAISES(rpyc::UsageError, ends.root.call("count", rpyc::kw(name) = long_text));
        RAISES(rpyc::UsageError, rpyc::connect(name));
    });
    checks.add("braces", [] {
        TRUE(rpyc::List({5}).size() == 1 && rpyc::List({"a", "b"}).size() == 2 && rpyc::List().size() == 0);
        TRUE(rpyc::Dict({{"a", 1}}).size() == 1);
        const Value bytes = rpyc::bytes("abc");
        TRUE(bytes.as<rpyc::bytes_view>().size == 3 && Value("text").as<std::string>() == "text");
    });
    checks.add("members-of-every-kind", [] {
        struct Kinds {
            int base = 1;
            int plain() & { return base; }
            int constant() const &noexcept { return base + 1; }
        };
        const Object object =
            rpyc::Class<Kinds>("Kinds").expose("plain", &Kinds::plain).expose("constant", &Kinds::constant).make();
        EQUAL(object.call("plain"), 1);
        EQUAL(object.call("constant"), 2);
        const Object quotes =
            rpyc::function("f(a='it\\'s, (a', b=1)", [](const std::string &a, int b) { return a + std::to_string(b); });
        EQUAL(quotes(), "it's, (a1");
    });
    checks.add("nesting", [] {
        // A function that calls itself without the wire, and one that the other end calls again in each call.
        Object itself;
        itself = rpyc::function("itself()", [&] { return itself(); });
        RAISES(rpyc::RecursionError, itself());
        const Ends ends(rpyc::Service("Far").expose("call", [](const Object &function) { return function(); }));
        int deepest = 0;
        Object again;
        again = rpyc::function("again()", [&] {
            deepest++;
            return ends.root.call("call", again);
        });
        RAISES(rpyc::RecursionError, ends.root.call("call", again));
        TRUE(deepest > 10);
        EQUAL(ends.root.call("call", rpyc::function("seven()", [] { return 7; })), 7);
        itself = again = Object();
    });
}

/** Over a socket, one byte at a time; it throws once it has read `limit` bytes. */
class Slow : public rpyc::Stream {
public:
    Slow(int fd, int limit, std::atomic<int> &alive) : fd_(fd), limit_(limit), alive_(alive) { alive_++; }
    ~Slow() override {
        close(fd_);
        alive_--;
    }
    Result read(void *buffer, std::size_t) override {
        if (limit_-- == 0)
            throw std::runtime_error("the modem hung up");
        const auto n = recv(fd_, buffer, 1, MSG_DONTWAIT);
        if (n < 0)
            limit_++;
        return n > 0 ? Result::done(1) : n == 0 ? Result::end() : Result::want_read();
    }
    Result write(const void *data, std::size_t) override {
        const auto n = send(fd_, data, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            throw std::runtime_error("nobody listens");
        return n > 0 ? Result::done(1) : Result::want_write();
    }
    void shutdown() noexcept override { ::shutdown(fd_, SHUT_RDWR); }
    int fileno() noexcept override { return fd_; }
    std::string peer_name() const override { return "modem"; }

private:
    int fd_, limit_;
    std::atomic<int> &alive_;
};

void streams(check::Checks &checks) {
    checks.add("streams-of-the-program", [] {
        std::atomic<int> alive{0};
        const rpyc::Server server("", rpyc::Service("Adder").expose("add", [](int a, int b) { return a + b; }));
        EQUAL(server.address(), "");
        const auto open = [&](int limit) -> std::unique_ptr<rpyc::Stream> {
            int fds[2];
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0)
                throw std::runtime_error("no sockets");
            server.add(std::make_unique<Slow>(fds[1], -1, alive));
            return std::make_unique<Slow>(fds[0], limit, alive);
        };
        {
            const auto conn = rpyc::connect_by("tcp://modem:1", [&] { return open(-1); });
            EQUAL(conn.root().call("add", 40, 2), 42);
            const auto over = rpyc::connect_over(open(-1));
            EQUAL(over.root().call("add", 1, 2), 3);
        }
        std::string why;
        try {
            rpyc::connect_over(open(10)).root();
        } catch (const rpyc::Error &error) {
            why = error.what();
        }
        TRUE(why.find("the stream failed: the modem hung up") != std::string::npos);
        RAISES(std::runtime_error, rpyc::connect_by("tcp://modem:1", []() -> std::unique_ptr<rpyc::Stream> {
                   throw std::runtime_error("busy");
               }));
        RAISES(rpyc::Error, rpyc::connect_by("tcp://modem:1", [] { return std::unique_ptr<rpyc::Stream>(); }));
        RAISES(rpyc::Error, server.add(nullptr));
        server.stop();
        RAISES(rpyc::Error, open(-1));
        server.join();
        EQUAL(alive.load(), 0);
    });
}

struct Counted {
    static inline std::atomic<int> alive{0};
    Counted() { alive++; }
    ~Counted() { alive--; }
    Counted(const Counted &) = delete;
    Counted &operator=(const Counted &) = delete;
    int plus(int n) const { return n + 1; }
};

/** One of several kinds of calls, whose result must be right if there is one. */
void call_somehow(const Object &root, int kind, int n) {
    if (kind == 0)
        EQUAL(root.call("add", n, 2), n + 2);
    if (kind == 1)
        EQUAL(root.call("slow", n % 6, n, rpyc::timeout(3ms)), n);
    if (kind == 2)
        EQUAL(root.call("back", rpyc::function("same(n)", [](int same) { return same; })), 10);
    if (kind == 3)
        EQUAL(root.call("counted").object().call("plus", n), n + 1);
    if (kind == 4)
        root.async_call("slow", n % 4, n);  // dropped at once
    if (kind == 5) {
        const rpyc::timeout limit(std::chrono::milliseconds(1 + n % 5));
        const Object counted = root.call("counted").object();
        for (int i = 0; i < 5; i++)
            EQUAL(counted.call("plus", i), i + 1);
    }
    if (kind == 6) {
        std::vector<rpyc::Future<int>> sums;
        for (int i = 0; i < 5; i++)
            sums.emplace_back(root.async_call("add", i, n));
        for (int i = 0; i < 5; i++)
            EQUAL(sums[static_cast<std::size_t>(i)].get(), i + n);
    }
}

void interrupts(check::Checks &checks) {
    checks.add("interrupts-and-time-limits-of-many-calls", [] {
        rpyc::Service service("Interrupted");
        service.expose("add", [](int a, int b) { return a + b; });
        service.expose("slow", [](int ms, int n) {
            std::this_thread::sleep_for(std::chrono::milliseconds(ms));
            return n;
        });
        service.expose("back", [](const Object &same) {
            int sum = 0;
            for (int i = 0; i < 5; i++)
                sum += same(i).as<int>();
            return sum;
        });
        const auto counted = rpyc::Class<Counted>("Counted").expose("plus(n)", &Counted::plus);
        service.expose("counted", [] { return std::make_shared<Counted>(); });
        rpyc::Server server("tcp://127.0.0.1:0", service);
        server.start();
        {
            const rpyc::Connection conn = rpyc::connect(server.address());
            const Object root = conn.root();
            std::atomic<int> ended{0}, good{0};
            std::vector<std::thread> threads;
            for (int t = 0; t < 4; t++)
                threads.emplace_back([&, t] {
                    for (int n = 0; n < 200; n++) {
                        try {
                            call_somehow(root, (n * 5 + t) % 7, n);
                            good++;
                        } catch (const rpyc::Interrupted &) {
                        } catch (const rpyc::Timeout &) {
                        } catch (const std::exception &error) {
                            std::fprintf(stderr, "%s\n", error.what());
                            good -= 1000000;
                        }
                    }
                    ended++;
                });
            for (int i = 0; ended < 4; i++) {
                conn.interrupt();
                std::this_thread::sleep_for(std::chrono::microseconds(i * 37 % 5000));
            }
            for (auto &thread : threads)
                thread.join();
            TRUE(good >= 0);
            try {
                root.call("add", 0, 0);
            } catch (const rpyc::Interrupted &) {
                // The last one had nobody to end.
            }
            EQUAL(root.call("add", 40, 2), 42);
        }
        for (int i = 0; i < 2000 && Counted::alive != 0; i++)
            std::this_thread::sleep_for(10ms);
        EQUAL(Counted::alive.load(), 0);
        server.stop();
        server.join();
    });
}

/** Waits until a server has refused this number of peers. */
bool refused(const rpyc::Server &server, std::uint64_t count) {
    for (int i = 0; i < 2000 && server.authentication_failures() < count; i++)
        std::this_thread::sleep_for(5ms);
    return server.authentication_failures() == count;
}

void authentication(check::Checks &checks) {
    checks.add("authenticators", [] {
        rpyc::Service service{"Who"};
        service.expose("who", [](rpyc::Call &call) { return call.connection().credentials(); });
        rpyc::Config config;
        config.set_authenticator([](rpyc::Authentication &peer) {
            if (!peer.is_server() || peer.peer_name().empty() || !peer.time_left())
                throw std::logic_error("not a server");
            if (peer.read(5) != "Ma6ik")
                throw std::runtime_error("wrong magic word");
            if (peer.read(1) == "!")
                throw 1;
            RAISES(rpyc::Unsupported, peer.unix_peer());
            EQUAL(peer.certificate(), Value());
            peer.write("ok");
            return Value("Ann");
        });
        rpyc::Server server("tcp://127.0.0.1:0", service, config);
        server.start();
        const auto with = [&](const std::string &word) {
            rpyc::Config near;
            near.set_authenticator([word](rpyc::Authentication &peer) {
                peer.write(word);
                return Value(peer.read(2));
            });
            return rpyc::connect(server.address(), near);
        };
        {
            const auto conn = with("Ma6ik.");
            EQUAL(conn.root().call("who"), "Ann");
            EQUAL(conn.credentials(), "ok");
        }
        RAISES(rpyc::AuthenticationError, with("Magic."));
        RAISES(rpyc::AuthenticationError, with("Ma6ik!"));
        TRUE(refused(server, 2));
        server.stop();
        server.join();
    });
    checks.add("secrets", [] {
        const rpyc::Service service{"Secret"};
        const auto key = rpyc::Config().set_secret("sixteen letters.");
        rpyc::Server server("tcp://127.0.0.1:0", service, key);
        server.start();
        TRUE(rpyc::connect(server.address(), key).root());
        RAISES(rpyc::AuthenticationError,
               rpyc::connect(server.address(), rpyc::Config().set_secret("letters sixteen.")));
        RAISES(rpyc::UsageError, rpyc::Config().set_secret("short"));
        RAISES(rpyc::UsageError, rpyc::Config().set_unix_peers({}));
        RAISES(rpyc::AuthenticationError, rpyc::connect(server.address(), rpyc::Config().set_unix_peers({0}, {0})));
        server.stop();
        server.join();
    });
}

void failures(check::Checks &checks) {
    checks.add("local-failures", [] {
        RAISES(rpyc::AddressError, rpyc::connect("nonsense"));
        RAISES(rpyc::TransportError, rpyc::connect("unix:///no/such/socket"));
        RAISES(rpyc::UsageError, rpyc::Config({{"no_such_option", "1"}}));
        RAISES(rpyc::UsageError, Object().call("method"));
        rpyc::Config config;
        config.set("allow_public_attrs", true).set("max_depth", 50).set("sync_request_timeout", 1500ms);
        EQUAL(config.get("allow_public_attrs"), "true");
        EQUAL(config.get("max_depth"), "50");
        EQUAL(config.get("sync_request_timeout"), "1.5");
        const rpyc::Config copy = config;
        config.set("max_depth", "60");
        EQUAL(copy.get("max_depth"), "50");
    });
    checks.add("timeouts", [] {
        std::atomic<bool> go{false};
        rpyc::Service service{"Slow"};
        service.expose("slow", [&] {
            while (!go)
                std::this_thread::sleep_for(1ms);
        });
        const Ends ends(service, rpyc::Service("Near"), rpyc::Config().set("sync_request_timeout", 50ms));
        RAISES(rpyc::Timeout, ends.root.call("slow"));
        go = true;
    });
    checks.add("deadlines", [] {
        using left = std::optional<std::chrono::milliseconds>;
        const auto number = [](left time) { return time ? std::int64_t(time->count()) : -1; };
        rpyc::Service service{"Clocked"};
        std::thread later;
        service.expose("left", [&](rpyc::Call &call) { return number(call.time_left()); });
        service.expose("later", [&](rpyc::Call &call) {
            later =
                std::thread([&, deferred = call.defer()]() mutable { deferred.returns(number(deferred.time_left())); });
        });
        const auto about = [](std::int64_t time) { return time > 3'000'000 && time <= 3'600'000; };
        const auto config = rpyc::Config().set("native", "on").set("sync_request_timeout", 1h);
        {
            const Ends ends(service, rpyc::Service("Near"), config);
            TRUE(about(ends.root.call("left").as<std::int64_t>()));
            TRUE(about(ends.root.call("later").as<std::int64_t>()));
        }
        later.join();
        const Ends ends(service, rpyc::Service("Near"), rpyc::Config().set("sync_request_timeout", 1h));
        EQUAL(ends.root.call("left"), -1);
    });
    checks.add("errors-can-be-copied", [] {
        rpyc::KeyError first("k");
        const rpyc::LookupError second = first;
        const rpyc::RemoteError third = second;
        EQUAL(third.type_name(), "KeyError");
        EQUAL(third.what(), "KeyError: k");
        EQUAL(rpyc::ValueError(1, "two").what(), "ValueError: (1, 'two')");
    });
}

}  // namespace

int main() {
    check::Checks checks;
    memory(checks);
    types(checks);
    streams(checks);
    interrupts(checks);
    authentication(checks);
    failures(checks);
    return checks.run();
}
