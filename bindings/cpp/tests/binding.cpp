// What the binding does by itself and between two ends in one process: conversions, futures, classes.
// Compiled in each standard and by each compiler, so it uses all that rpyc.hpp offers.
#include "ends.hpp"
#include "interop/check.hpp"

#include <atomic>
#include <deque>
#include <list>
#include <thread>

using rpyc::Kind;
using rpyc::Object;
using rpyc::Value;
using namespace std::chrono_literals;

struct Point {
    double x = 0, y = 0;
};

template <>
struct rpyc::Convert<Point> {
    static Value to(const Point &point) { return Value(std::make_pair(point.x, point.y)); }
    static Point from(View value) {
        const auto [x, y] = value.as<std::pair<double, double>>();
        return {x, y};
    }
    static std::string name() { return "point"; }
};

namespace {

std::int64_t doubled(std::int64_t value) noexcept { return 2 * value; }

template <class T>
void there_and_back(const T &value, Kind kind) {
    const Value sent = value;
    TRUE(sent.kind() == kind);
    TRUE(sent.as<T>() == value);
}

// ---------------------------------------------------------------- conversions

void conversions(check::Checks &checks) {
    checks.add("numbers", [] {
        there_and_back(true, Kind::boolean);
        there_and_back(std::int8_t{-128}, Kind::integer);
        there_and_back(std::uint16_t{65535}, Kind::integer);
        there_and_back(std::numeric_limits<std::int64_t>::min(), Kind::integer);
        there_and_back(std::numeric_limits<std::uint64_t>::max(), Kind::integer);
        there_and_back(1.5f, Kind::floating);
        there_and_back(-0.1, Kind::floating);
        there_and_back(std::complex<double>(1, -2), Kind::complex);
        EQUAL(Value(3).as<double>(), 3.0);
        EQUAL(Value(true).as<int>(), 1);
        EQUAL(Value::integer("123456789012345678901234567890").digits(), "123456789012345678901234567890");
    });
    checks.add("numbers-that-do-not-fit", [] {
        TRUE(RAISES(rpyc::ConversionError, Value(256).as<std::uint8_t>()).status() == RPYC_ERR_RANGE);
        TRUE(RAISES(rpyc::ConversionError, Value(-1).as<unsigned>()).status() == RPYC_ERR_RANGE);
        TRUE(RAISES(rpyc::ConversionError, Value::integer("9223372036854775808").as<std::int64_t>()).status() ==
             RPYC_ERR_RANGE);
        TRUE(RAISES(rpyc::ConversionError, Value(1e300).as<float>()).status() == RPYC_ERR_RANGE);
        TRUE(RAISES(rpyc::ConversionError, Value(1.5).as<int>()).status() == RPYC_ERR_TYPE);
        EQUAL(RAISES(rpyc::ConversionError, Value("x").as<int>()).what(), "value must be int, not str");
        RAISES(rpyc::ConversionError, Value(1).as<bool>());
    });
    checks.add("text-and-bytes", [] {
        there_and_back(std::string("a\0b", 3), Kind::text);
        there_and_back('c', Kind::text);
        there_and_back(rpyc::bytes("\xff\x00"), Kind::bytes);
        there_and_back(std::vector<std::uint8_t>{1, 2, 3}, Kind::bytes);
        there_and_back(std::vector<std::byte>{std::byte{7}}, Kind::bytes);
        const char *nothing = nullptr;
        TRUE(Value(nothing).is_none());
        EQUAL(Value("text").text(), "text");
        EQUAL(Value(std::string_view()), "");
        rpyc::bytes large(100000, std::uint8_t{5});
        const auto *place = large.data();
        const Value moved = std::move(large);
        TRUE(moved.as<rpyc::bytes_view>().data == place);
        char tag[4] = {'t', 'e', 's', 't'}, padded[8] = "ab";
        EQUAL(Value(tag), "test");
        EQUAL(Value(padded), "ab");
        RAISES(rpyc::Error, Value("\xff"));
        RAISES(rpyc::ConversionError, Value("text").as<rpyc::bytes>());
    });
    checks.add("containers", [] {
        there_and_back(std::vector<int>{1, 2, 3}, Kind::list);
        there_and_back(std::vector<bool>{true, false}, Kind::list);
        there_and_back(std::deque<std::string>{"a"}, Kind::list);
        there_and_back(std::list<double>{}, Kind::list);
        there_and_back(std::make_tuple(1, std::string("two"), 3.0), Kind::tuple);
        there_and_back(std::make_pair(std::string("k"), 1), Kind::tuple);
        there_and_back(std::array<int, 3>{{1, 2, 3}}, Kind::tuple);
        there_and_back(std::tuple<>{}, Kind::tuple);
        there_and_back(std::set<int>{3, 1}, Kind::frozenset);
        there_and_back(std::unordered_set<std::string>{"x"}, Kind::frozenset);
        there_and_back(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}}, Kind::dict);
        there_and_back(std::unordered_map<int, std::string>{{1, "one"}}, Kind::dict);
        TRUE((rpyc::as_tuple(std::vector<int>{1, 2}).as<std::vector<int>>() == std::vector<int>{1, 2}));
        TRUE((rpyc::numbers(std::vector<float>{1, 2}).as<std::vector<double>>() == std::vector<double>{1, 2}));
        TRUE(rpyc::numbers(std::vector<std::uint16_t>{1}).kind() == Kind::array);
        EQUAL(RAISES(rpyc::ConversionError, Value(std::make_tuple(1, "x")).as<std::vector<int>>()).what(),
              "item 1 of value must be int, not str");
        EQUAL(RAISES(rpyc::ConversionError, Value("x").as<std::vector<int>>()).what(),
              "value must be list of int, not str");
        RAISES(rpyc::ConversionError, Value(std::make_tuple(1)).as<std::pair<int, int>>());
    });
    checks.add("one-of-several", [] {
        there_and_back(std::optional<int>(3), Kind::integer);
        there_and_back(std::optional<int>(), Kind::none);
        using Either = std::variant<std::int64_t, std::string>;
        there_and_back(Either("x"), Kind::text);
        there_and_back(Either(std::int64_t{1}), Kind::integer);
        EQUAL(RAISES(rpyc::ConversionError, Value(1.5).as<Either>()).what(), "value must be int or str, not float");
        TRUE(Value(nullptr).is_none() && Value(std::monostate()).is_none() && rpyc::None.is_none());
    });
    checks.add("durations-are-seconds", [] {
        EQUAL(Value(1500ms), 1.5);
        TRUE(Value(0.25).as<std::chrono::milliseconds>() == 250ms);
        TRUE(Value(2).as<std::chrono::duration<double>>() == 2s);
        there_and_back(std::chrono::microseconds(123), Kind::floating);
        RAISES(rpyc::ConversionError, Value(1e300).as<std::chrono::nanoseconds>());
    });
    checks.add("types-of-the-program", [] {
        const Value sent = Point{1, 2};
        EQUAL(sent, std::make_pair(1.0, 2.0));
        TRUE(sent.as<Point>().y == 2);
        TRUE(Value(std::vector<Point>{{3, 4}}).as<std::vector<Point>>()[0].x == 3);
    });
    checks.add("values", [] {
        std::int64_t number = Value(5);
        std::string text = Value("five");
        std::vector<std::string> both = Value(std::make_tuple("a", "b"));
        TRUE(number == 5 && text == "five" && both.size() == 2);
        Value copy = Value("shared"), other = copy;
        other = 7;
        EQUAL(copy, "shared");
        TRUE(copy != other && other == 7 && copy != 7);
        EQUAL(Value(std::make_tuple(1, "x", nullptr)).repr(), "(1, 'x', None)");
        const Value dict = std::map<std::string, int>{{"a", 1}};
        EQUAL(dict["a"], 1);
        RAISES(rpyc::KeyError, dict["b"].get());
        const Value items = std::make_tuple(1, 2, 3);
        EQUAL(items[-1], 3);
        RAISES(rpyc::IndexError, items[3].get());
        std::int64_t sum = 0;
        for (const Value &item : items)
            sum += item.as<std::int64_t>();
        TRUE(sum == 6 && items.size() == 3);
        RAISES(rpyc::ConversionError, Value(1).begin());
        RAISES(rpyc::ConversionError, Value(1).call("method"));
    });
}

// ---------------------------------------------------------------- services

struct Counter {
    std::int64_t count = 0;
    std::int64_t add(std::int64_t by) { return count += by; }
};
struct Named {
    std::string name = "nobody";
    virtual ~Named() = default;
    std::string greet() const { return "I am " + name; }
};
struct Other {
    int before = 1;
    virtual ~Other() = default;
};
/** The base is not at the beginning. */
struct Both : Other, Named {
    explicit Both(std::string its_name) { name = std::move(its_name); }
};

rpyc::Service everything() {
    rpyc::Service service{"Everything"};
    service.expose("add(a, b=2)", [](std::int64_t a, std::int64_t b) { return a + b; })
        .expose("doubled", doubled, "Twice as much.")
        .expose("small", [](std::uint8_t value) { return value; })
        .expose(
            "texts(first, *rest, **named)",
            [](std::string_view first, const std::vector<std::string> &rest, const std::map<std::string, int> &named) {
                return std::string(first) + std::to_string(rest.size()) + std::to_string(named.size());
            })
        .expose("anything",
                [](const rpyc::Args &args, const rpyc::Kwargs &named) { return args.size() * 10 + named.size(); })
        .expose("maybe", [](int first, std::optional<int> second) { return first + second.value_or(100); })
        .expose("echo(value)", [](const Value &value) { return value; })
        .expose("point", [](Point point) { return point.x + point.y; })
        .expose("who", [](rpyc::Call &call, int) { return call.name(); })
        .expose("apply(f, value)", [](const std::function<int(int)> &f, int value) { return f(value); });
    return service;
}

void services(check::Checks &checks) {
    checks.add("arguments", [] {
        const Ends ends(everything());
        EQUAL(ends.root.call("add", 40), 42);
        EQUAL(ends.root.call("add", rpyc::kw("b") = 1, rpyc::kw("a") = 2), 3);
        EQUAL(ends.root.call("doubled", 21), 42);
        EQUAL(ends.root.call("texts", "x", "y", "z", rpyc::kw("n") = 1), "x21");
        EQUAL(ends.root.call("anything", 1, 2, rpyc::kw("n") = 1), 21);
        EQUAL(ends.root.call("anything", rpyc::Args{{1, 2, 3}}, rpyc::Kwargs{{{"n", 1}}}), 31);
        EQUAL(ends.root.call("maybe", 1), 101);
        EQUAL(ends.root.call("maybe", 1, 1), 2);
        EQUAL(ends.root.call("point", Point{1, 2}), 3.0);
        EQUAL(ends.root.call("who", 1), "exposed_who");
        EQUAL(ends.root.call(
                  "apply", [](int x) { return x + 1; }, 4),
              5);
        EQUAL(ends.root.attr("add")(1, 1), 2);
    });
    checks.add("wrong-arguments", [] {
        const Ends ends(everything());
        const auto message = [&](const char *name, const auto &...args) {
            return std::string(RAISES(rpyc::TypeError, ends.root.call(name, args...)).args()[0].text());
        };
        EQUAL(message("add", "x"), "add() argument 'a' must be int, not str");
        EQUAL(message("add", 1, 1.5), "add() argument 'b' must be int, not float");
        EQUAL(message("doubled", nullptr), "doubled() argument 1 must be int, not None");
        EQUAL(message("texts", "x", 5), "item 0 of texts() argument 'rest' must be str, not int");
        EQUAL(message("apply", 1, 1), "apply() argument 'f' must be callable, not int");
        EQUAL(message("add"), "add() missing 1 required positional argument: 'a'");
        EQUAL(RAISES(rpyc::OverflowError, ends.root.call("small", 256)).args()[0],
              "small() argument 1 does not fit into uint8_t");
        RAISES(rpyc::TypeError, ends.root.call("doubled", 1, 2));
        RAISES(std::invalid_argument, rpyc::Service("S").expose("f(a, b)", [](int) {}), 0);
        const auto held = std::make_shared<int>(1);
        RAISES(rpyc::Error, ends.root.call(
                                "add", [held] { return *held; }, std::string("\xff")));
        RAISES(rpyc::Error, ends.root.async_call(
                                "add", [held] { return *held; }, std::string("\xff")));
        TRUE(held.use_count() == 1);
    });
    checks.add("exceptions-become-pythons", [] {
        rpyc::Service service{"Fails"};
        service.expose("fail", [](const std::string &how) {
            if (how == "invalid")
                throw std::invalid_argument("bad");
            if (how == "range")
                throw std::out_of_range("too far");
            if (how == "memory")
                throw std::bad_alloc();
            if (how == "overflow")
                throw std::overflow_error("too large");
            if (how == "cast")
                throw std::bad_cast();
            if (how == "system")
                throw std::system_error(std::make_error_code(std::errc::no_such_file_or_directory), "open");
            if (how == "runtime")
                throw std::runtime_error("broken");
            if (how == "int")
                throw 5;
            if (how == "own")
                throw rpyc::RemoteError("bank.Broke", "no money", 3).set_attribute("code", 7);
            if (how == "timeout")
                throw rpyc::Timeout(RPYC_ERR_TIMEOUT, "too slow");
            if (how == "not text")
                throw std::runtime_error("\xff");
            throw rpyc::UnicodeError("u");
        });
        const Ends ends(service);
        const auto fail = [&](const char *how) { ends.root.call("fail", how); };
        EQUAL(RAISES(rpyc::ValueError, (fail("invalid"), 0)).args()[0], "bad");
        RAISES(rpyc::IndexError, (fail("range"), 0));
        RAISES(rpyc::MemoryError, (fail("memory"), 0));
        RAISES(rpyc::OverflowError, (fail("overflow"), 0));
        RAISES(rpyc::TypeError, (fail("cast"), 0));
        EQUAL(RAISES(rpyc::FileNotFoundError, (fail("system"), 0)).attribute("errno"), 2);
        EQUAL(RAISES(rpyc::RuntimeError, (fail("runtime"), 0)).args()[0], "broken");
        RAISES(rpyc::RuntimeError, (fail("int"), 0));
        RAISES(rpyc::TimeoutError, (fail("timeout"), 0));
        RAISES(rpyc::RuntimeError, (fail("not text"), 0));
        RAISES(rpyc::ValueError, (fail("unicode"), 0));
        const auto own = RAISES(rpyc::RemoteError, (fail("own"), 0));
        EQUAL(own.module() + "." + own.type_name(), "bank.Broke");
        EQUAL(own.args(), std::make_tuple("no money", 3));
        EQUAL(own.attribute("code"), 7);
        EQUAL(RAISES(rpyc::TypeError, ends.root.call("fail", 1)).type_name(), "TypeError");
    });
    checks.add("exceptions-pass-through", [] {
        rpyc::Service far{"Far"};
        far.expose("run", [](const Object &f) { return f(); });
        const Ends ends(far);
        const auto error = RAISES(rpyc::LookupError, ends.root.call("run", [] { throw rpyc::KeyError("k"); }));
        EQUAL(error.args()[0], "k");
        EQUAL(error.status(), RPYC_ERR_REMOTE);
        RAISES(rpyc::StopIteration, ends.root.call("run", [] { throw rpyc::StopIteration(); }));
    });
    checks.add("an-instance-for-each-connection", [] {
        std::atomic<int> connected{0}, gone{0};
        auto service = rpyc::Service::of<Counter>("Counter");
        service.expose("add", &Counter::add)
            .expose("reset()", [](Counter &counter) { counter.count = 0; })
            .property("count", &Counter::count)
            .on_connect([&](Counter &counter, const rpyc::Connection &) { counter.count = 100, connected++; })
            .on_disconnect([&](Counter &, const rpyc::Connection &) { gone++; });
        const rpyc::Server server("tcp://127.0.0.1:0", service, rpyc::Config{{"allow_setattr", "true"}});
        server.start();
        {
            const auto one = rpyc::connect(server.address()), two = rpyc::connect(server.address());
            EQUAL(one.root().call("add", 5), 105);
            EQUAL(two.root().call("add", 1), 101);
            EQUAL(one.root().attr("count"), 105);
            one.root().call("reset");
            EQUAL(one.root().attr("count"), 0);
            RAISES(rpyc::AttributeError, (one.root().set_attr("count", 1), 0));
            TRUE(connected == 2);
        }
        server.stop();
        server.join();
        TRUE(gone == 2);
        RAISES(rpyc::StateError, service.expose("late", [] {}), 0);
    });
    checks.add("an-instance-made-of-its-connection", [] {
        std::string early;
        auto service = rpyc::Service::of<Counter>("Counter", [&](const rpyc::Connection &connection) {
            early = RAISES(rpyc::StateError, connection.root(), 0).what();
            auto counter = std::make_shared<Counter>();
            counter->count = connection.get_option("max_depth") == "50" ? 7 : 0;
            return counter;
        });
        service.property("count", &Counter::count);
        const rpyc::Server server("tcp://127.0.0.1:0", service, rpyc::Config{{"max_depth", "50"}});
        server.start();
        EQUAL(rpyc::connect(server.address()).root().attr("count"), 7);
        TRUE(early.find("no instance yet") != std::string::npos);
    });
    checks.add("names-that-are-not-there", [] {
        rpyc::Service far{"Far"};
        far.expose("near()", [] { return 1; }).expose_as("secret()", [] { return 2; });
        const Ends ends(far);
        const auto text = [&](const char *name, rpyc_status status) {
            const auto error = RAISES(rpyc::AttributeError, ends.root.call(name), 0);
            EQUAL(error.status(), status);
            EQUAL(error.args()[0], "cannot access '" + std::string(name) + "'");  // as stock clients have it
            EQUAL(error.attribute("refused_by").is_none(), status != RPYC_ERR_DENIED);
            return std::string(error.what());
        };
        EQUAL(text("nothing", RPYC_ERR_REMOTE), "AttributeError: 'FarService' object has no attribute 'nothing'");
        EQUAL(text("_nothing", RPYC_ERR_REMOTE), "AttributeError: 'FarService' object has no attribute '_nothing'");
        TRUE(text("secret", RPYC_ERR_DENIED).find("the attribute rules of the object's owner deny it") !=
             std::string::npos);
        TRUE(text("secret", RPYC_ERR_DENIED).find("no such attribute") == std::string::npos);
    });
    checks.add("refused-connections", [] {
        const auto service = rpyc::Service::of<Counter>(
            "Counter", []() -> std::shared_ptr<Counter> { throw std::runtime_error("full"); });
        const rpyc::Server server("tcp://127.0.0.1:0", service);
        server.start();
        RAISES(rpyc::Closed, rpyc::connect(server.address()).root());
    });
    checks.add("classes", [] {
        const rpyc::Class<Named> named =
            rpyc::Class<Named>("Named")
                .expose("greet()", &Named::greet)
                .property(
                    "name", &Named::name, [](Named &self, std::string name) { self.name = std::move(name); },
                    [](Named &self) { self.name = "nobody"; });
        const rpyc::Class<Both> both = rpyc::Class<Both>("Both", named).constructor([](const std::string &name) {
            return std::make_shared<Both>(name);
        });
        rpyc::Service service{"Shop"};
        service.expose("make", [both](const std::string &name) { return both.make(name); })
            .expose("name_of", [named](const Value &any) {
                const auto self = named.self(any);
                return self ? self->name : "none of mine";
            });
        service.expose("both", [both] { return both; });
        const Ends ends(service, rpyc::Service("Near"),
                        rpyc::Config{{"allow_setattr", "true"}, {"allow_delattr", "true"}});
        const Object ann = ends.root.call("make", "Ann");
        EQUAL(ann.call("greet"), "I am Ann");
        EQUAL(ann.attr("name"), "Ann");
        EQUAL(ends.root.call("name_of", ann), "Ann");
        EQUAL(ends.root.call("name_of", 5), "none of mine");
        ann.set_attr("name", "Anna");
        EQUAL(ann.call("greet"), "I am Anna");
        EQUAL(RAISES(rpyc::TypeError, (ann.set_attr("name", 5), 0)).args()[0],
              "name() argument 1 must be str, not int");
        ann.del_attr("name");
        EQUAL(ann.attr("name"), "nobody");
        const Object klass = ends.root.call("both");
        EQUAL(klass("Bob").call("greet"), "I am Bob");
        RAISES(rpyc::TypeError, klass());
        RAISES(rpyc::TypeError, klass(5));
        RAISES(rpyc::UsageError, named.wrap(nullptr));
        rpyc::Class<Named> unmade("Unmade");
        unmade.constructor([]() -> std::shared_ptr<Named> { return nullptr; });
        rpyc::Service empty{"Empty"};
        empty.expose("klass", [unmade] { return unmade; });
        const Ends others(empty);
        const Object unmakable = others.root.call("klass");
        RAISES(rpyc::RemoteError, unmakable());
    });
    checks.add("objects-end-with-their-users", [] {
        const auto kept = std::make_shared<Counter>();
        const std::weak_ptr<Counter> watch = kept;
        const rpyc::Class<Counter> counters("Counter");
        rpyc::Service service{"Lends"};
        service.expose("lend", [counters, watch] { return counters.wrap(watch.lock()); });
        const Ends ends(service);
        {
            const Object lent = ends.root.call("lend");
            TRUE(watch.use_count() == 2);
        }
        for (int i = 0; i < 500 && watch.use_count() > 1; i++) {
            ends.near().ping();
            std::this_thread::sleep_for(10ms);
        }
        TRUE(watch.use_count() == 1);
    });
    checks.add("answers-later", [] {
        std::vector<std::thread> threads;
        rpyc::Service service{"Later"};
        service.expose("later", [&](rpyc::Call &call, int value) {
            threads.emplace_back([deferred = call.defer(), value]() mutable {
                std::this_thread::sleep_for(20ms);
                value < 0 ? deferred.raises(std::out_of_range("below zero")) : deferred.returns(value);
            });
        });
        service.expose("promised", [&](int value) {
            const rpyc::Promise<int> promise;
            threads.emplace_back([promise, value] { promise.set_value(value + 1); });
            return promise.future();
        });
        service.expose("never", [](rpyc::Call &call) { (void)call.defer(); });
        {
            const Ends ends(service);
            EQUAL(ends.root.call("later", 5), 5);
            RAISES(rpyc::IndexError, ends.root.call("later", -5));
            EQUAL(ends.root.call("promised", 5), 6);
            RAISES(rpyc::RuntimeError, ends.root.call("never"));
        }
        for (auto &thread : threads)
            thread.join();
    });
}

// ---------------------------------------------------------------- futures

void futures(check::Checks &checks) {
    checks.add("continuations", [] {
        const Ends ends(everything());
        const auto sum = ends.root.async_call("add", 1, 1);
        const auto text =
            sum.then([](std::int64_t n) { return n * 10; }).then([](std::int64_t n) { return std::to_string(n); });
        EQUAL(text.get(), "20");
        EQUAL(text.get(), "20");
        int seen = 0;
        sum.then([&](std::int64_t) { seen++; }).then([&] { seen++; }).get();
        TRUE(seen == 2);
        const auto nested = sum.then([&](std::int64_t n) { return ends.root.async_call("add", n, 5); });
        static_assert(std::is_same_v<decltype(nested), const rpyc::Future<Value>>, "a future of a future is one");
        EQUAL(nested.get(), 7);
        const rpyc::Future<int> converted = ends.root.async_call("add", 1, 2);
        TRUE(converted.get() == 3);
    });
    checks.add("failures-go-on", [] {
        const Ends ends(everything());
        const auto failed = ends.root.async_call("add", "x");
        bool ran = false;
        const auto next = failed.then([&](const Value &) { ran = true; });
        RAISES(rpyc::TypeError, (next.get(), 0));
        TRUE(!ran);
        const auto handled = failed.then([](const rpyc::Future<Value> &future) {
            try {
                future.get();
                return std::string("fine");
            } catch (const rpyc::TypeError &) {
                return std::string("a type error");
            }
        });
        EQUAL(handled.get(), "a type error");
        const auto threw =
            ends.root.async_call("add", 1).then([](const Value &) -> int { throw std::domain_error("mine"); });
        RAISES(std::domain_error, threw.get());
        RAISES(rpyc::ConversionError, ends.root.async_call("add", 1).as<std::string>().get());
    });
    checks.add("arguments-stay-until-the-answer", [] {
        std::thread thread;
        rpyc::Service service{"Later"};
        service.expose("sizes(text, all)", [&](const std::string &text, const std::vector<std::string> &all) {
            const rpyc::Promise<std::string> promise;
            thread = std::thread([promise, &text, &all] {
                std::this_thread::sleep_for(50ms);
                promise.set_value(text + all.at(0));
            });
            return promise.future();
        });
        const std::string text(100, 'x'), item(100, 'y');
        {
            const Ends ends(service);
            EQUAL(ends.root.call("sizes", text, std::vector<std::string>{item}), text + item);
        }
        thread.join();
    });
    checks.add("continuations-wait", [] {
        const Ends ends(everything());
        const auto sum = ends.root.async_call("add", 1, 2);
        const auto waited = sum.then([](const rpyc::Future<Value> &same) {
            const rpyc::Future<std::int64_t> number = same;  // its continuation is behind this one
            return number.get();
        });
        TRUE(waited.wait_for(60s) && waited.get() == 3);
        const auto timed = ends.root.async_call("add", 1, 2).then([](const rpyc::Future<Value> &same) {
            const auto number = same.as<int>();
            return number.wait_for(60s) && number.ready() ? number.get() : -1;
        });
        TRUE(timed.get() == 3);
        const rpyc::Promise<int> promise;
        std::optional<rpyc::Future<int>> second;
        const auto first = promise.future().then([&](int n) { return n + second->get(); });
        second = promise.future().then([](int n) { return 10 * n; });
        promise.set_value(4);
        TRUE(first.get() == 44);
    });
    checks.add("waiting", [] {
        std::atomic<bool> go{false};
        rpyc::Service service{"Slow"};
        service.expose("slow", [&] {
            while (!go)
                std::this_thread::sleep_for(1ms);
            return 1;
        });
        const Ends ends(service);
        const auto slow = ends.root.async_call("slow");
        const auto next = slow.then([](int n) { return n + 1; });
        TRUE(!slow.wait_for(5ms) && !next.wait_for(5ms) && !next.ready());
        go = true;
        TRUE(next.wait_for(60s) && slow.wait_for(0s) && next.get() == 2);
    });
    checks.add("expiry", [] {
        std::atomic<bool> go{false};
        rpyc::Service service{"Slow"};
        service.expose("slow", [&] {
            while (!go)
                std::this_thread::sleep_for(1ms);
        });
        const Ends ends(service);
        const auto slow = ends.root.async_call("slow");
        const auto next = slow.then([](const Value &) { return 1; });
        slow.expire_in(20ms);
        RAISES(rpyc::Timeout, next.get());
        RAISES(rpyc::Timeout, slow.get());
        RAISES(rpyc::UsageError, (next.expire_in(1s), 0));
        go = true;
    });
    checks.add("the-end-of-the-connection", [] {
        std::atomic<bool> go{false};
        rpyc::Service service{"Slow"};
        service.expose("slow", [&] {
            while (!go)
                std::this_thread::sleep_for(1ms);
        });
        const rpyc::Server server("tcp://127.0.0.1:0", service);
        server.start();
        const auto conn = rpyc::connect(server.address());
        const auto next = conn.root().async_call("slow").then([](const Value &) { return 1; });
        conn.set_option("close_timeout", "0.1");
        conn.close();
        RAISES(rpyc::Closed, next.get());
        RAISES(rpyc::Closed, (conn.ping(), 0));
        go = true;
        server.stop();
        server.join();
    });
    checks.add("promises", [] {
        const rpyc::Promise<std::string> promise;
        const auto size = promise.future().then([](const std::string &text) { return text.size(); });
        TRUE(!size.ready() && !size.wait_for(1ms));
        std::thread other([&] { promise.set_value("four"); });
        TRUE(size.get() == 4);
        other.join();
        const rpyc::Promise<void> failing;
        failing.set_exception(std::make_exception_ptr(std::runtime_error("no")));
        RAISES(std::runtime_error, (failing.future().get(), 0));
        failing.set_value();
        RAISES(std::runtime_error, (failing.future().get(), 0));
        const std::string a(100, 'a'), b(100, 'b');
        for (int i = 0; i < 200; i++) {
            const rpyc::Promise<std::string> twice;
            std::thread one([&] { twice.set_value(a); }), two([&] { twice.set_value(b); });
            const std::string seen = twice.future().get();
            one.join();
            two.join();
            TRUE((seen == a || seen == b) && twice.future().get() == seen);
        }
        const auto broken = [] { return rpyc::Promise<int>().future().then([](int n) { return n; }); }();
        RAISES(rpyc::StateError, broken.get());
    });
    checks.add("dropped-promises-answer", [] {
        rpyc::Service service{"Drops"};
        service.expose("drop", [] { return rpyc::Promise<int>().future(); });
        const Ends ends(service);
        RAISES(rpyc::RemoteError, ends.root.call("drop"));
    });
}

#ifdef RPYC_COROUTINES

rpyc::Future<std::int64_t> sum_of(Object root, int count) {
    std::int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum = co_await root.async_call("add", sum, i);
    co_return sum;
}

rpyc::Future<void> failing(Object root) { co_await root.async_call("add", "x"); }

rpyc::Future<std::string> catching(Object root) {
    try {
        co_await failing(root);
    } catch (const rpyc::TypeError &error) {
        co_return error.type_name();
    }
    co_return "nothing";
}

rpyc::Future<int> waiting_inside(Object root) {
    const auto sum = root.async_call("add", 1, 2);
    co_await sum;
    co_return sum.as<int>().get();
}

void coroutines(check::Checks &checks) {
    checks.add("coroutines", [] {
        const Ends ends(everything());
        TRUE(sum_of(ends.root, 10).get() == 45);
        EQUAL(catching(ends.root).get(), "TypeError");
        TRUE(waiting_inside(ends.root).get() == 3);
        RAISES(rpyc::TypeError, (failing(ends.root).get(), 0));
    });
    checks.add("coroutines-serve", [] {
        rpyc::Service service{"Sums"};
        service.expose("through(f, value)", [](Object f, std::int64_t value) -> rpyc::Future<std::int64_t> {
            const std::int64_t once = co_await f.async(value);
            const std::int64_t twice = co_await f.async(once);
            co_return twice;
        });
        service.expose("behind(text, f)", [](const std::string &text, Object f) -> rpyc::Future<std::string> {
            co_await f.async();
            co_return text + "!";
        });
        const Ends ends(service);
        const std::string text(100, 'x');
        EQUAL(ends.root.call("behind", text, [] { return 1; }), text + "!");
        EQUAL(ends.root.call(
                  "through", [](std::int64_t x) { return x * 3; }, 5),
              45);
        RAISES(rpyc::ZeroDivisionError, ends.root.call(
                                            "through", [](std::int64_t) { throw rpyc::ZeroDivisionError("z"); }, 5));
    });
}

#endif

}  // namespace

int main() {
    check::Checks checks;
    conversions(checks);
    services(checks);
    futures(checks);
#ifdef RPYC_COROUTINES
    coroutines(checks);
#endif
    return checks.run();
}
