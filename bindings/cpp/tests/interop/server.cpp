// cpp_interop_server ADDRESS [--set NAME=VALUE]...
//
// Offers the service of tests/peers/contract.md, written with rpyc.hpp, at tcp://HOST:PORT or unix:///PATH to any number of
// clients, or at stdio: to the one at the other end. The first line says "listening ADDRESS". Ends on SIGTERM.
#include "objects.hpp"

#include <condition_variable>
#include <csignal>
#include <iostream>
#include <malloc.h>
#include <thread>
#include <unistd.h>

using interop::Kind;
using interop::Value;
using rpyc::Object;
using Seconds = std::chrono::duration<double>;

namespace {

/** Work that is done later in threads of its own, and is given up when the server ends. */
class Later {
public:
    void run(Seconds delay, std::function<void()> work) {
        const std::lock_guard<std::mutex> lock(mutex_);
        threads_.emplace_back([this, delay, work = std::move(work)]() mutable {
            {
                std::unique_lock<std::mutex> waiting(mutex_);
                if (ending_.wait_for(waiting, delay, [this] { return ended_; }))
                    return;
            }
            work();
            work = nullptr;
        });
    }
    ~Later() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            ended_ = true;
        }
        ending_.notify_all();
        for (auto &thread : threads_)
            thread.join();
    }

private:
    std::mutex mutex_{};
    std::condition_variable ending_{};
    bool ended_ = false;
    std::vector<std::thread> threads_{};
};

/** What each connection has of its own. */
class Root {
public:
    void hold(Value value) {
        const std::lock_guard<std::mutex> lock(mutex_);
        std::swap(held_, value);
    }
    Value held() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return held_;
    }
    Object shared() const { return shared_; }

private:
    mutable std::mutex mutex_{};
    Value held_{};
    Object shared_ = interop::item_class().make("shared");
};

std::string kind(const Value &value) {
    switch (value.kind()) {
    case Kind::none: return "none";
    case Kind::not_implemented: return "notimplemented";
    case Kind::text: return "str";
    case Kind::object: return value.object().is_remote() ? "ref" : "own";
    default: return value.type_name();
    }
}

[[noreturn]] Value fail(const std::string &name, const rpyc::Args &args) {
    static const std::set<std::string> known{"ValueError",        "KeyError",          "TypeError",
                                             "ZeroDivisionError", "AttributeError",    "RuntimeError",
                                             "StopIteration",     "FileNotFoundError", "NotImplementedError",
                                             "IndexError",        "ImportError"};
    if (name == "CustomError")
        throw rpyc::RemoteError("interop.CustomError", args[0])
            .set_attribute("code", args.size() > 1 ? args[1] : Value(7));
    if (known.count(name) == 0)
        throw rpyc::KeyError(name);
    rpyc::RemoteError error(name, args);
    if (name == "FileNotFoundError" && args.size() == 2)
        error.set_attribute("errno", args[0]).set_attribute("strerror", args[1]);
    throw error;
}

void expose_values(rpyc::ServiceOf<Root> &service) {
    service.property("contract", [] { return 1; })
        .expose("implementation()", [] { return "C++ librpyc " + std::string(rpyc_version_string()); })
        .expose("add(a, b)", interop::add)
        .expose("in_use()",
                [] {
                    // Of malloc, for tests of what is left behind.
                    const auto all = mallinfo2();
                    return static_cast<std::int64_t>(all.uordblks + all.hblkhd);
                })
        .expose("echo(value)", [](const Value &value) { return value; })
        .expose("kind(value)", kind)
        .expose("sample(name)", interop::sample)
        .expose("concat(first, *rest, **named)",
                [](const Value &first, const rpyc::Args &rest, const rpyc::Kwargs &named) {
                    const std::map<std::string, Value> sorted(named.begin(), named.end());
                    return std::make_tuple(first, rest, rpyc::as_tuple(sorted));
                })
        .expose("defaults(a, b=2, *, c=3)",
                [](const Value &a, const Value &b, const Value &c) { return std::make_tuple(a, b, c); })
        .expose("nothing()", [] {})
        .expose("fail(name, *args)", fail)
        .expose("divide(a, b)", interop::floor_divide)
        .expose("blob(size)", interop::noise)
        .expose("zeros(size)", [](std::size_t size) { return rpyc::bytes(size, std::uint8_t{0}); })
        .expose("digest(data)", interop::digest);
}

void expose_callbacks(rpyc::ServiceOf<Root> &service, const std::shared_ptr<Later> &later) {
    service
        .expose("call(func, *args, **kwargs)", [](const Object &func, const rpyc::Args &args,
                                                  const rpyc::Kwargs &kwargs) { return func(args, kwargs); })
        .expose("call_n(func, count)",
                [](const Object &func, std::int64_t count) {
                    std::vector<Value> results;
                    for (std::int64_t i = 0; i < count; i++)
                        results.push_back(func(i));
                    return rpyc::as_tuple(results);
                })
        .expose("call_catch(func, *args)",
                [](const Object &func, const rpyc::Args &args) -> Value {
                    try {
                        return std::make_pair("returned", func(args));
                    } catch (const rpyc::RemoteError &error) {
                        return std::make_tuple("raised", error.type_name(), error.args());
                    }
                })
        .expose("recurse(func, depth)", [](const std::function<std::int64_t(std::int64_t)> &func,
                                           std::int64_t depth) { return depth <= 0 ? 0 : 1 + func(depth - 1); })
        .expose("call_method(obj, name, *args)", [](const Object &object, const std::string &name,
                                                    const rpyc::Args &args) { return object.attr(name)(args); })
        .expose("describe(obj)",
                [](const Object &object) {
                    return std::make_tuple(object.str(), object.repr(), object.size(), object.equal(object));
                })
        .expose("total(iterable)",
                [](const Value &iterable) {
                    Value sum = 0;
                    for (const Value &item : iterable)
                        sum = interop::add(sum, item);
                    return sum;
                })
        .expose("ask_root(name, *args)",
                [](rpyc::Call &call, const std::string &name, const rpyc::Args &args) {
                    return call.connection().root().call(name, args);
                })
        .expose("later(delay, func, value)",
                [later](Seconds delay, const Object &func, const Value &value) {
                    later->run(delay, [func, value] {
                        try {
                            func(value);
                        } catch (const rpyc::Error &) {
                            // Nobody is there to hear of it.
                        }
                    });
                })
        .expose("slow(delay, value)",
                [](Seconds delay, const Value &value) {
                    std::this_thread::sleep_for(delay);
                    return value;
                })
        .expose("slow_fail(delay)", [later](rpyc::Call &call, Seconds delay) {
            auto deferred = std::make_shared<rpyc::Deferred>(call.defer());
            later->run(delay, [deferred] { deferred->raises(std::invalid_argument("late failure")); });
        });
}

void expose_objects(rpyc::ServiceOf<Root> &service) {
    service.expose("hold(obj)", &Root::hold)
        .expose("get_held()", &Root::held)
        .expose("release()", [](Root &root) { root.hold(rpyc::None); })
        .expose("is_same(a, b)", [](const Value &a, const Value &b) { return a.is_object() && a == b; })
        .expose("make(label)", [](std::string label) { return interop::item_class().make(std::move(label)); })
        .expose("make_sub(label)", [](std::string label) { return interop::sub_item_class().make(std::move(label)); })
        .expose("classes()", [] { return std::make_tuple(interop::item_class(), interop::sub_item_class()); })
        .expose("shared()", &Root::shared)
        .expose("live()", [] { return interop::Item::live.load(); })
        .expose("collect()", [] {})
        .expose("make_list(n)",
                [](std::int64_t n) { return interop::list_class().make(interop::range(n).as<std::vector<Value>>()); })
        .expose("make_dict()",
                [] {
                    return std::map<std::string, Value>{{"a", 1}, {"b", std::make_tuple(2, 3)}};
                })
        .expose("gen(n)",
                [](std::int64_t n) {
                    return interop::generator(
                        [n](std::int64_t i) { return i < n ? Value(i * i) : throw rpyc::StopIteration(); });
                })
        .expose("gen_fail(n)",
                [](std::int64_t n) {
                    return interop::generator(
                        [n](std::int64_t i) { return i < n ? Value(i) : throw rpyc::ValueError("generator gave up"); });
                })
        .expose("mixed()",
                [] {
                    return std::make_tuple(1, "two", interop::item_class().make("three"),
                                           std::make_tuple(4, std::vector<int>{5, 6}), nullptr);
                })
        .expose("ctx(swallow=False)", [](bool swallow) { return interop::context_class().make(swallow); })
        .expose("adder(base)", [](const Value &base) {
            return rpyc::function("adder(value)", [base](const Value &value) { return interop::add(base, value); });
        });
}

volatile std::sig_atomic_t stop_fd = -1;

void on_signal(int) {
    const std::uint64_t one = 1;
    if (stop_fd >= 0 && write(stop_fd, &one, sizeof one) < 0)
        _exit(1);
}

int run(const std::string &address, const rpyc::Config &config) {
    const auto later = std::make_shared<Later>();
    auto service = rpyc::Service::of<Root>("Interop");
    service.module("interop").doc("The service of the interop contract.").alias("INTEROP").alias("INTEROPALIAS");
    service.on_disconnect([](Root &root, const rpyc::Connection &) { root.hold(rpyc::None); });
    expose_values(service);
    expose_callbacks(service, later);
    expose_objects(service);
    if (address == "stdio:") {
        const rpyc::Connection peer = rpyc::accept(address, service, config);
        std::cerr << "listening stdio:" << std::endl;
        peer.serve_all();
        return 0;
    }
    const rpyc::Server server(address, service, config);
    stop_fd = server.stop_fd();
    std::signal(SIGTERM, on_signal);
    std::cout << "listening " << server.address() << std::endl;
    server.serve();
    server.stop();
    server.join();
    return 0;
}

}  // namespace

int main(int argc, char **argv) {
    try {
        rpyc::Config config{{"allow_setattr", "true"}, {"allow_delattr", "true"}};
        for (int i = 2; i + 1 < argc; i += 2) {
            const std::string option = argv[i + 1];
            config.set(option.substr(0, option.find('=')), option.substr(option.find('=') + 1));
        }
        return argc > 1 ? run(argv[1], config) : 2;
    } catch (const std::exception &error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
