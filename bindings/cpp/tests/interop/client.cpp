// cpp_interop_client ADDRESS [NAME=VALUE | -CHECK]...
//
// An option of the connection, or a check that is left out.
//
// Checks any server that offers the service of tests/peers/contract.md, with rpyc.hpp: the checks of peer_client.py.
#include "check.hpp"
#include "values.hpp"

#include <atomic>
#include <thread>

using interop::Kind;
using interop::Value;
using rpyc::Object;
using namespace std::chrono_literals;

namespace {

/** A client object that the server gets by reference. */
struct Thing {
    std::string name;
    explicit Thing(std::string its_name) : name(std::move(its_name)) {}
    Value hello(const rpyc::Args &args) const {
        std::vector<Value> all{"hello", name};
        all.insert(all.end(), args.begin(), args.end());
        return Value::tuple(all);
    }
};

struct Fixture {
    rpyc::Class<Thing> things{"LocalThing"};
    rpyc::Service service{"Client"};
    rpyc::Config config{};
    std::string address{};
    rpyc::Connection conn{};
    Object root{};

    Fixture(std::string where, rpyc::Config settings) : config(std::move(settings)), address(std::move(where)) {
        things.expose("hello(*args)", &Thing::hello)
            .property("name", &Thing::name)
            .expose_as("secret()", [] { return "no"; })
            .expose("__str__()", [](const Thing &thing) { return "thing " + thing.name; })
            .expose("__repr__()", [] { return "<LocalThing>"; })
            .expose("__len__()", [] { return 11; });
        service.expose("double(value)", [](std::int64_t value) { return value * 2; })
            .expose("join(*parts)",
                    [](const std::vector<std::string> &parts) {
                        std::string all;
                        for (const std::string &part : parts)
                            all += (all.empty() ? "" : "-") + part;
                        return all;
                    })
            .expose("refuse()", [] { throw rpyc::PermissionError("not today"); });
        conn = connect();
        root = conn.root();
    }
    rpyc::Connection connect() const { return rpyc::connect(address, service, config); }
    Object thing(const char *name) const { return things.make(name); }
    template <class... A>
    Value call(const char *name, A &&...args) const {
        return root.call(name, std::forward<A>(args)...);
    }
};

template <class... T>
Value tuple(const T &...items) {
    return std::make_tuple(Value(items)...);
}

std::vector<Value> items_of(const Value &container) { return container.as<std::vector<Value>>(); }

template <class F>
void eventually(F get, std::int64_t want) {
    const auto end = std::chrono::steady_clock::now() + 10s;
    std::int64_t got = get();
    while (got != want && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(20ms);
        got = get();
    }
    EQUAL(got, want);
}

void basics(check::Checks &checks, Fixture &c) {
    checks.add("connect-and-root", [&] {
        TRUE(c.conn.root() == c.root);
        EQUAL(c.root.attr("contract"), 1);
    });
    checks.add("ping", [&] {
        c.conn.ping();
        c.conn.ping(10s);
    });
    checks.add("service-name", [&] {
        EQUAL(c.call("get_service_name"), "INTEROP");
        EQUAL(rpyc::as_tuple(items_of(c.call("get_service_aliases"))), tuple("INTEROP", "INTEROPALIAS"));
    });
    checks.add("implementation-text", [&] { TRUE(c.call("implementation").kind() == Kind::text); });
    checks.add("call-positional", [&] {
        const std::int64_t sum = c.call("add", 2, 3);
        TRUE(sum == 5);
        EQUAL(c.call("add", "a", "b"), "ab");
        EQUAL(c.call("add", std::make_tuple(1), std::make_tuple(2)), tuple(1, 2));
    });
    checks.add("call-keywords", [&] {
        EQUAL(c.call("concat", "x", 1, 2, rpyc::kw("b") = "B", rpyc::kw("a") = "A"),
              tuple("x", tuple(1, 2), tuple(tuple("a", "A"), tuple("b", "B"))));
        EQUAL(c.call("concat", "x"), tuple("x", tuple(), tuple()));
        EQUAL(c.call("add", rpyc::kw("a") = 1, rpyc::kw("b") = 2), 3);
        EQUAL(c.call("add", 1, rpyc::kw("b") = 2), 3);
    });
    checks.add("call-keywords-unicode", [&] {
        EQUAL(c.call("concat", "x", rpyc::kw("\u00e9t\u00e9") = 1),
              tuple("x", tuple(), tuple(tuple("\u00e9t\u00e9", 1))));
    });
    checks.add("call-keyword-by-reference", [&] {
        const Object mine = c.thing("kw");
        const Value back = c.call("concat", "x", rpyc::kw("key") = mine);
        TRUE(back[2][0][1].object() == mine);
    });
    checks.add("call-defaults", [&] {
        EQUAL(c.call("defaults", 1), tuple(1, 2, 3));
        EQUAL(c.call("defaults", 1, 5), tuple(1, 5, 3));
        EQUAL(c.call("defaults", 1, rpyc::kw("c") = 9), tuple(1, 2, 9));
    });
    checks.add("call-wrong-arguments", [&] {
        RAISES(rpyc::TypeError, c.call("add", 1));
        RAISES(rpyc::TypeError, c.call("add", 1, 2, rpyc::kw("nope") = 3));
    });
    checks.add("call-returns-none", [&] { TRUE(c.call("nothing").is_none()); });
    checks.add("method-object-reused", [&] {
        const Object add = c.root.attr("add");
        for (int i = 0; i < 5; i++)
            EQUAL(add(i, i), 2 * i);
    });
}

void values(check::Checks &checks, Fixture &c) {
    const auto echoes = [&c](const Value &value) {
        const Value back = c.call("echo", value);
        TRUE(back.kind() == value.kind());
        EQUAL(back, value);
    };
    checks.add("echo-scalars", [=] {
        for (const std::int64_t n :
             {0L, 1L, -1L, -48L, -49L, 159L, 160L, 255L, 256L, 2147483647L, -2147483648L, 4294967296L})
            echoes(n);
        for (const Value &v :
             {Value(), Value(true), Value(false), Value(INT64_MAX), Value(INT64_MIN), Value(UINT64_MAX),
              Value::integer("-1" + std::string(300, '0')), Value(0.0), Value(-2.25), Value(5e-324),
              Value(std::complex<double>(1, -2)), Value::ellipsis(), Value::not_implemented()})
            echoes(v);
    });
    checks.add("echo-float-specials", [&c] {
        for (const std::uint64_t bits : {0x8000000000000000u, 0x7ff0000000000000u, 0xfff0000000000000u,
                                         0x7ff8000000000000u, 0x7ff800000000002au}) {
            double number = 0, back = 0;
            std::uint64_t got = 0;
            std::memcpy(&number, &bits, sizeof number);
            back = c.call("echo", number).as<double>();
            std::memcpy(&got, &back, sizeof got);
            EQUAL(got, bits);
        }
    });
    checks.add("echo-strings", [=] {
        for (const char *text : {"", "a", "abcd", "abcde", "\u00e9", "\u05e9\u05dc\u05d5\u05dd", "\U0001f600", "\uffff",
                                 "\U0010ffff", "line\nline", "\ufeff"})
            echoes(text);
        echoes(std::string(255, 'x'));
        echoes(std::string(256, 'x'));
        echoes(std::string_view("\0a\0", 3));
    });
    checks.add("echo-bytes", [=] {
        for (const std::size_t n : {0u, 1u, 2u, 3u, 4u, 5u, 255u, 256u, 257u})
            echoes(interop::noise(n));
    });
    checks.add("echo-tuples", [=] {
        for (const int n : {0, 1, 2, 3, 4, 5, 255, 256, 300})
            echoes(interop::range(n));
        echoes(tuple(tuple(1, tuple(2, tuple(3, tuple()))), tuple("a", rpyc::bytes("b"))));
    });
    checks.add("echo-slices", [=] {
        for (const Value &v :
             {Value::slice({}, {}), Value::slice(1, 2, 3), Value::slice({}, -1), Value::slice("a", {}, 2.5)})
            echoes(v);
    });
    checks.add("echo-frozensets", [=] {
        echoes(std::set<int>{});
        echoes(std::set<int>{1, 2, 3});
        echoes(Value::frozenset({"a", tuple(1, 2), rpyc::None}));
        echoes(Value::frozenset(items_of(interop::range(300))));
    });
    checks.add("echo-deep-tuple", [=] {
        Value deep = tuple();
        for (int i = 0; i < 60; i++)
            deep = tuple(deep);
        echoes(deep);
    });
    checks.add("kinds-seen-by-server", [&c] {
        const auto seen = [&](const Value &value, const char *kind) { EQUAL(c.call("kind", value), kind); };
        seen(rpyc::None, "none"), seen(true, "bool"), seen(1, "int"), seen(Value::integer(std::string(40, '9')), "int");
        seen(1.0, "float"), seen(std::complex<double>(0, 1), "complex"), seen("", "str"), seen(rpyc::bytes(), "bytes");
        seen(tuple(), "tuple"), seen(Value::slice(1, {}), "slice"), seen(std::set<int>{}, "frozenset");
        seen(Value::ellipsis(), "ellipsis"), seen(Value::not_implemented(), "notimplemented");
        seen(c.thing("k"), "ref"), seen(std::vector<int>{}, "ref"), seen(std::map<int, int>{}, "ref");
        seen(c.call("shared"), "own"), seen(c.root, "own");
    });
    checks.add("samples-from-server", [&c] {
        for (const char *name :
             {"none",        "true",      "false",       "zero",      "int",         "negative",      "imm-low",
              "imm-high",    "int64-min", "uint64-max",  "huge",      "float",       "inf",           "complex",
              "str",         "str-empty", "str-unicode", "bytes",     "bytes-empty", "bytes-256",     "tuple",
              "tuple-empty", "tuple-300", "slice",       "frozenset", "ellipsis",    "notimplemented"})
            EQUAL(c.call("sample", name), interop::sample(name));
        TRUE(std::signbit(c.call("sample", "minus-zero").as<double>()));
        TRUE(std::isnan(c.call("sample", "nan").as<double>()));
        RAISES(rpyc::KeyError, c.call("sample", "no such sample"));
    });
}

void callbacks(check::Checks &checks, Fixture &c) {
    checks.add("callback-plain", [&] {
        EQUAL(c.call(
                  "call", [](int a, int b) { return a * b; }, 6, 7),
              42);
    });
    checks.add("callback-keywords", [&] {
        const Object f = rpyc::function("f(a, scale=1)", [](int a, int scale) { return a * scale; });
        EQUAL(c.call("call", f, 6, rpyc::kw("scale") = 3), 18);
        EQUAL(c.call("call", f, 6), 6);
    });
    checks.add("callback-many", [&] {
        const auto squares = c.call(
                                  "call_n", [](std::int64_t i) { return i * i; }, 20)
                                 .as<std::vector<std::int64_t>>();
        TRUE(squares.size() == 20 && squares[19] == 361);
    });
    checks.add("callback-exception-caught-there", [&] {
        EQUAL(c.call("call_catch", [] { throw rpyc::ValueError("from the client", 5); }),
              tuple("raised", "ValueError", tuple("from the client", 5)));
        EQUAL(c.call(
                  "call_catch", [](int x) { return x; }, 9),
              tuple("returned", 9));
    });
    checks.add("callback-exception-passes-through", [&] {
        const auto error = RAISES(rpyc::LookupError, c.call("call", [] { throw rpyc::KeyError("round trip"); }));
        EQUAL(error.args(), tuple("round trip"));
        EQUAL(error.type_name(), "KeyError");
    });
    checks.add("callback-recursion", [&] {
        std::function<std::int64_t(std::int64_t)> go;
        const Object callback = rpyc::function("go(depth)", [&](std::int64_t depth) { return go(depth); });
        go = [&](std::int64_t depth) -> std::int64_t { return c.call("recurse", callback, depth); };
        EQUAL(c.call("recurse", callback, 10), 10);
    });
    checks.add("object-passed-and-called",
               [&] { EQUAL(c.call("call_method", c.thing("t1"), "hello", 1, "x"), tuple("hello", "t1", 1, "x")); });
    checks.add("object-passed-and-described",
               [&] { EQUAL(c.call("describe", c.thing("t2")), tuple("thing t2", "<LocalThing>", 11, true)); });
    checks.add("object-denies-private",
               [&] { RAISES(rpyc::AttributeError, c.call("call_method", c.thing("t3"), "secret")); });
    checks.add("object-round-trip-identity", [&] {
        const Object thing = c.thing("t4");
        TRUE(c.call("echo", thing).object() == thing);
        EQUAL(c.call("is_same", thing, thing), true);
        EQUAL(c.call("is_same", thing, c.thing("t5")), false);
        const Value back = c.call("echo", tuple(1, thing, tuple(thing, 2)));
        TRUE(back[1].object() == thing && back[2][0].object() == thing);
        TRUE(c.things.self(back[1])->name == "t4");
    });
    checks.add("object-held-by-server", [&] {
        const Object thing = c.thing("held");
        c.call("hold", thing);
        TRUE(c.call("get_held").object() == thing);
        c.call("release");
        TRUE(c.call("get_held").is_none());
    });
    checks.add("list-passed-by-reference", [&] {
        EQUAL(c.call("total", std::vector<int>{1, 2, 3}), 6);
        EQUAL(c.call("total", std::deque<double>{0.5, 1.5}), 2.0);
        EQUAL(c.call("echo", std::vector<int>{1, 2, 3}).size(), 3);
    });
    checks.add("client-root-used", [&] {
        EQUAL(c.call("ask_root", "double", 21), 42);
        EQUAL(c.call("ask_root", "join", "a", "b"), "a-b");
        const auto error = RAISES(rpyc::PermissionError, c.call("ask_root", "refuse"));
        EQUAL(error.args()[0], "not today");
    });
    checks.add("server-calls-later", [&] {
        std::vector<std::string> got;
        c.call(
            "later", 150ms, [&](std::string text) { got.push_back(std::move(text)); }, "tick");
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (got.empty() && std::chrono::steady_clock::now() < end)
            c.conn.serve(50ms);
        TRUE(got == std::vector<std::string>{"tick"});
    });
}

void objects(check::Checks &checks, Fixture &c) {
    checks.add("object-methods", [&] {
        const Object item = c.call("make", "abc");
        EQUAL(item.call("get"), "abc");
        EQUAL(item.attr("label"), "abc");
        TRUE(item.call("rename", "xyz").object() == item);
        EQUAL(item.attr("label"), "xyz");
    });
    checks.add("object-identity", [&] {
        const Object one = c.call("shared");
        TRUE(one == c.call("shared").object());
        EQUAL(c.call("is_same", one, c.call("shared")), true);
        EQUAL(c.call("is_same", one, c.call("make", "shared")), false);
        EQUAL(one.call("same", one), true);
    });
    checks.add("object-property", [&] {
        const Object item = c.call("make", "p");
        EQUAL(item.attr("value"), 0);
        item.set_attr("value", 41);
        EQUAL(item.attr("value"), 41);
        RAISES(rpyc::TypeError, (item.set_attr("value", "text"), 0));
        EQUAL(item.attr("value"), 41);
        item.del_attr("value");
        EQUAL(item.attr("value"), 0);
    });
    checks.add("object-operators", [&] {
        const Object a = c.call("make", "a"), b = c.call("make", "b"), a2 = c.call("make", "a");
        TRUE(a.equal(a2) && !a.equal(b) && a.equal("a") && !a.equal("b") && !a.equal(5));
        EQUAL(a.compare(RPYC_LT, b), true);
        EQUAL(b.compare(RPYC_GT, a), true);
        EQUAL(a.compare(RPYC_LT, a2), false);
        EQUAL(a.compare(RPYC_NE, 5), true);
        EQUAL(a.compare(RPYC_LT, 5), Value::not_implemented());
        EQUAL(a.call("__add__", "!"), "a!");
        EQUAL(a.call("__radd__", "!"), "!a");
    });
    checks.add("object-hash", [&] { EQUAL(c.call("make", "ab").object().hash(), 97 + 98); });
    checks.add("object-text", [&] {
        const Object item = c.call("make", "txt");
        EQUAL(item.str(), "item txt");
        EQUAL(item.repr(), "<Item txt>");
    });
    checks.add("object-container", [&] {
        const Object item = c.call("make", "hello");
        TRUE(item.size() == 5 && item.truth() && !c.call("make", "false").object().truth());
        TRUE(item.contains("ell") && !item.contains("xyz"));
        std::string all;
        for (const Value &letter : item)
            all += letter.as<std::string>();
        EQUAL(all, "hello");
        item["k"] = std::make_tuple(1, 2);
        EQUAL(Value(item["k"]), tuple(1, 2));
        item.del_item("k");
        RAISES(rpyc::KeyError, item["k"].get());
    });
    checks.add("object-called", [&] {
        const Object item = c.call("make", "f");
        EQUAL(item(1, "x", rpyc::kw("k") = 2), tuple("f", tuple(1, "x"), tuple(tuple("k", 2))));
    });
    checks.add("object-dir", [&] {
        bool found = false;
        for (const Value &name : c.call("make", "d").object().dir()) {
            const std::string text = name;
            found = found || (text.size() >= 3 && text.compare(text.size() - 3, 3, "get") == 0);
        }
        TRUE(found);
    });
    checks.add("object-denied", [&] {
        const Object item = c.call("make", "d");
        for (const char *name : {"hidden", "_value", "no_such_thing"})
            RAISES(rpyc::AttributeError, item.attr(name).get());
        RAISES(rpyc::AttributeError, c.root.attr("no_such_method").get());
        RAISES(rpyc::AttributeError, (item.set_attr("hidden", 1), 0));
        RAISES(rpyc::AttributeError, (c.root.set_attr("contract", 2), 0));
    });
    checks.add("object-isinstance", [&] {
        const auto [item_class, sub_class] = c.call("classes").as<std::pair<Object, Object>>();
        const Object item = c.call("make", "i"), sub = c.call("make_sub", "s"), list = c.call("make_list", 1);
        TRUE(item.is_instance(item_class) && sub.is_instance(sub_class) && !item.is_instance(sub_class));
        TRUE(!list.is_instance(item_class) && item_class.is_class());
        RAISES(rpyc::ConversionError, item.is_instance(sub));
    });
    checks.add("object-class-called", [&] {
        const Object item = c.call("classes")[0]("made by class");
        EQUAL(item.call("get"), "made by class");
    });
    checks.add("object-closure", [&] {
        const std::function<std::int64_t(std::int64_t)> plus = c.call("adder", 10);
        TRUE(plus(5) == 15);
    });
    checks.add("tuple-with-references", [&] {
        const auto [one, two, item, nested, none] =
            c.call("mixed").as<std::tuple<int, std::string, Object, std::pair<int, std::vector<int>>, Value>>();
        TRUE(one == 1 && two == "two" && nested.first == 4 && none.is_none());
        EQUAL(item.attr("label"), "three");
        TRUE((nested.second == std::vector<int>{5, 6}));
    });
}

void lifetimes(check::Checks &checks, Fixture &c) {
    const auto live = [&c]() -> std::int64_t { return c.call("live"); };
    const auto settled = [&c, live] {
        RAISES(rpyc::ValueError,
               c.call("fail", "ValueError"));  // a server may keep the last traceback, with its locals
        std::int64_t last = -1;
        for (int calm = 0; calm < 4;) {
            c.call("collect");
            const std::int64_t now = live();
            calm = now == last ? calm + 1 : 0;
            last = now;
            std::this_thread::sleep_for(20ms);
        }
        return last;
    };
    checks.add("objects-released", [&c, live, settled] {
        const std::int64_t base = settled();
        std::vector<Object> items;
        for (int i = 0; i < 20; i++)
            items.push_back(c.call("make", "n"));
        EQUAL(live(), base + 20);
        items.resize(5);
        eventually(live, base + 5);
        items.clear();
        eventually(live, base);
    });
    checks.add("object-released-after-many-receptions", [&c, live, settled] {
        const std::int64_t base = settled();
        Object item = c.call("make", "many");
        for (int i = 0; i < 10; i++)
            TRUE(c.call("echo", item).object() == item);
        EQUAL(live(), base + 1);
        EQUAL(item.attr("label"), "many");
        item = Object();
        eventually(live, base);
    });
    checks.add("object-revived", [&c] {
        { const Object item = c.call("shared"); }
        EQUAL(c.call("shared").attr("label"), "shared");
    });
}

void iteration(check::Checks &checks, Fixture &c) {
    checks.add("list-reference", [&] {
        const Object data = c.call("make_list", 10);
        TRUE(data.size() == 10);
        EQUAL(Value(data[3]), 3);
        EQUAL(Value(data[-1]), 9);
        EQUAL(rpyc::as_tuple(items_of(data[Value::slice(2, 5)])), tuple(2, 3, 4));
        EQUAL(rpyc::as_tuple(items_of(data)), interop::range(10));
        TRUE(data.contains(4) && !data.contains(40));
        data[0] = "zero";
        EQUAL(Value(data[0]), "zero");
        data.del_item(0);
        TRUE(data.size() == 9);
        RAISES(rpyc::IndexError, data[99].get());
    });
    checks.add("dict-reference", [&] {
        const Object data = c.call("make_dict");
        EQUAL(Value(data["a"]), 1);
        EQUAL(Value(data["b"]), tuple(2, 3));
        TRUE(data.size() == 2 && data.contains("a") && !data.contains("z"));
        std::set<std::string> keys;
        for (const Value &key : data)
            keys.insert(key);
        TRUE((keys == std::set<std::string>{"a", "b"}));
        RAISES(rpyc::KeyError, data["z"].get());
        const auto copy = Value(data).as<std::map<std::string, Value>>();
        TRUE(copy.size() == 2 && copy.at("a") == 1);
    });
    checks.add("generator", [&] {
        TRUE((c.call("gen", 6).as<std::vector<int>>() == std::vector<int>{0, 1, 4, 9, 16, 25}));
        TRUE(c.call("gen", 0).as<std::vector<int>>().empty());
        const Object it = c.call("gen", 2).object().iter();
        EQUAL(it.next(), 0);
        EQUAL(it.next(), 1);
        RAISES(rpyc::StopIteration, it.next());
    });
    checks.add("generator-fails", [&] {
        std::vector<std::int64_t> got;
        const Object it = c.call("gen_fail", 3).object().iter();
        RAISES(
            rpyc::ValueError,
            [&] {
                while (true)
                    got.push_back(it.next());
            }(),
            0);
        TRUE((got == std::vector<std::int64_t>{0, 1, 2}));
    });
    checks.add("buffered-iteration", [&] {
        EQUAL(rpyc::as_tuple(items_of(c.call("make_list", 100))), interop::range(100));
        TRUE(items_of(c.call("gen", 37)).size() == 37);
        TRUE(items_of(c.call("make_list", 0)).empty());
        EQUAL(c.call("gen", 3).object().iter().next_chunk(2), tuple(0, 1));
        RAISES(rpyc::ValueError, items_of(c.call("gen_fail", 25)));
    });
    checks.add("context-manager", [&] {
        const Object ctx = c.call("ctx");
        EQUAL(ctx.call("state"), "new");
        TRUE(ctx.enter().object() == ctx);
        EQUAL(ctx.call("state"), "entered");
        ctx.exit();
        EQUAL(ctx.call("state"), "exited");
    });
    checks.add("context-manager-error", [&] {
        const rpyc::ValueError why("inside");
        for (const bool swallow : {false, true}) {
            const Object ctx = c.call("ctx", rpyc::kw("swallow") = swallow);
            ctx.enter();
            TRUE(ctx.exit(&why) == swallow);
            EQUAL(ctx.call("state"), "exited with an error");
        }
    });
}

void exceptions(check::Checks &checks, Fixture &c) {
    checks.add("exception-builtin", [&] {
        const auto raised = [&](const char *name) {
            return RAISES(rpyc::RemoteError, c.call("fail", name, "message", 2));
        };
        for (const char *name : {"ValueError", "TypeError", "ZeroDivisionError", "AttributeError", "RuntimeError",
                                 "IndexError", "NotImplementedError", "ImportError"}) {
            EQUAL(raised(name).type_name(), name);
            EQUAL(raised(name).args(), tuple("message", 2));
        }
        RAISES(rpyc::ArithmeticError, c.call("fail", "ZeroDivisionError"));
        RAISES(rpyc::RuntimeError, c.call("fail", "NotImplementedError"));
        EQUAL(RAISES(rpyc::KeyError, c.call("fail", "KeyError", tuple("k", 1))).args(), tuple(tuple("k", 1)));
    });
    checks.add("exception-organic", [&] { RAISES(rpyc::ZeroDivisionError, c.call("divide", 1, 0)); });
    checks.add("exception-oserror", [&] {
        const auto error = RAISES(rpyc::OSError, c.call("fail", "FileNotFoundError", 2, "gone"));
        EQUAL(error.type_name(), "FileNotFoundError");
        EQUAL(error.attribute("errno"), 2);
        EQUAL(error.args(), tuple(2, "gone"));
    });
    checks.add("exception-stop-iteration", [&] { RAISES(rpyc::StopIteration, c.call("fail", "StopIteration")); });
    checks.add("exception-custom", [&] {
        const auto error = RAISES(rpyc::RemoteError, c.call("fail", "CustomError", "special"));
        EQUAL(error.module() + "." + error.type_name(), "interop.CustomError");
        EQUAL(error.args(), tuple("special"));
        EQUAL(error.attribute("code"), 7);
        TRUE(error.attribute("no such").is_none());
    });
    checks.add("exception-remote-traceback-text",
               [&] { TRUE(!RAISES(rpyc::ValueError, c.call("fail", "ValueError", "tb")).traceback().empty()); });
    checks.add("exception-then-normal-work", [&] {
        for (int i = 0; i < 5; i++) {
            RAISES(rpyc::ValueError, c.call("fail", "ValueError", i));
            EQUAL(c.call("add", i, 1), i + 1);
        }
    });
}

void bulk(check::Checks &checks, Fixture &c) {
    checks.add("bulk-compressible", [&] {
        for (const std::size_t size : {2900u, 3000u, 3100u, 64000u, 100000u, 1u << 20}) {
            const rpyc::bytes zeros(size, std::uint8_t{0});
            EQUAL(c.call("digest", rpyc::bytes(zeros)), interop::digest({zeros.data(), size}));
            TRUE(c.call("zeros", size).as<rpyc::bytes>() == zeros);
        }
    });
    checks.add("bulk-incompressible", [&] {
        for (const std::size_t size : {2985u, 3005u, 63990u, 64010u, 200000u, 1u << 20}) {
            const rpyc::bytes blob = interop::noise(size);
            EQUAL(c.call("digest", blob), interop::digest({blob.data(), size}));
            TRUE(c.call("blob", size).as<rpyc::bytes>() == blob);
        }
    });
    checks.add("bulk-tuple", [&] { EQUAL(c.call("echo", interop::range(20000)), interop::range(20000)); });
}

void asynchronous(check::Checks &checks, Fixture &c) {
    checks.add("async-call", [&] {
        const auto future = c.root.async_call("slow", 0.3, "done");
        TRUE(!future.ready() && !future.wait_for(1ms));
        EQUAL(future.get(), "done");
        TRUE(future.ready() && future.wait_for(0s));
    });
    checks.add("async-several", [&] {
        std::vector<rpyc::Future<std::int64_t>> futures;
        for (int i = 0; i < 50; i++)
            futures.emplace_back(c.root.async_call("echo", i));
        for (std::size_t i = 0; i < futures.size(); i++)
            TRUE(futures[i].get() == static_cast<std::int64_t>(i));
    });
    checks.add("async-callback", [&] {
        std::vector<std::string> seen;
        const auto next = c.root.async_call("slow", 0.05, "cb").then([&](std::string text) {
            seen.push_back(text);
            return text.size();
        });
        TRUE(next.get() == 2);
        TRUE(seen == std::vector<std::string>{"cb"});
    });
    checks.add("async-failure", [&] {
        const auto future = c.root.async_call("slow_fail", 0.05);
        future.wait();
        RAISES(rpyc::ValueError, future.get());
        RAISES(rpyc::ValueError, future.then([](const Value &) { return 1; }).get());
    });
    checks.add("async-timeout", [&] {
        const auto future = c.root.async_call("slow", 0.6, "late");
        future.expire_in(200ms);
        RAISES(rpyc::Timeout, future.get());
        EQUAL(c.call("add", 1, 1), 2);
    });
    checks.add("async-object-result", [&] {
        const Object item = c.root.attr("make").object().async("async").get();
        EQUAL(item.attr("label"), "async");
    });
    checks.add("threads-share-connection", [&] {
        std::atomic<int> good{0};
        std::vector<std::thread> threads;
        for (int tag = 0; tag < 4; tag++)
            threads.emplace_back([&c, &good, tag] {
                for (int i = 0; i < 20; i++)
                    good += c.call("echo", std::make_pair(tag, i)) == std::make_pair(tag, i) ? 1 : 0;
            });
        for (auto &thread : threads)
            thread.join();
        EQUAL(good.load(), 80);
    });
    checks.add("background-serving-thread", [&] {
        std::atomic<bool> got{false}, stop{false};
        std::thread serving([&] {
            while (!stop)
                c.conn.serve(20ms);
        });
        c.call(
            "later", 0.1, [&](const Value &) { got = true; }, nullptr);
        const auto end = std::chrono::steady_clock::now() + 10s;
        while (!got && std::chrono::steady_clock::now() < end)
            std::this_thread::sleep_for(10ms);
        stop = true;
        serving.join();
        TRUE(got);
    });
}

void endings(check::Checks &checks, Fixture &c) {
    checks.add("raw-callattr-on-root", [&] {
        EQUAL(c.conn.sync_request(RPYC_HANDLE_CALLATTR, c.root, "add", tuple(4, 5), tuple()), 9);
        EQUAL(c.conn.sync_request(RPYC_HANDLE_CALLATTR, c.root, "concat", tuple("z"), tuple(tuple("k", 1))),
              tuple("z", tuple(), tuple(tuple("k", 1))));
    });
    checks.add("raw-unknown-handler", [&] {
        RAISES(rpyc::RemoteError, c.conn.sync_request(99));
        EQUAL(c.call("add", 1, 2), 3);
    });
    // As in C: two requests name what the server does not have, an object that it was told to forget, and an id by value.
    checks.add("raw-unknown-object", [&] {
        {
            const Object item = c.call("make", "forgotten");
            EQUAL(item.attr("label"), "forgotten");
            TRUE(c.conn.sync_request(RPYC_HANDLE_DEL, item, 1).is_none());
            RAISES(rpyc::KeyError, item.attr("label").get());
        }
        RAISES(rpyc::KeyError, c.conn.sync_request(RPYC_HANDLE_INSPECT, tuple("no.Such", 1234567, 7654321)));
        EQUAL(c.call("add", 1, 2), 3);
    });
    checks.add("second-connection", [&] {
        const rpyc::Connection other = c.connect();
        EQUAL(other.root().call("add", 5, 5), 10);
        TRUE(other.root().call("shared").object() != c.call("shared").object());
        other.close();
        EQUAL(c.call("add", 5, 6), 11);
    });
    checks.add("close", [&] {
        c.conn.close();
        TRUE(c.conn.closed());
        RAISES(rpyc::Closed, (c.conn.ping(), 0));
        RAISES(rpyc::Closed, c.call("add", 1, 2));
    });
}

}  // namespace

int main(int argc, char **argv) {
    if (argc < 2)
        return 2;
    try {
        rpyc::Config config;
        check::Checks checks;
        for (int i = 2; i < argc; i++) {
            const std::string option = argv[i];
            if (option[0] == '-')
                checks.leave_out(option.substr(1));
            else
                config.set(option.substr(0, option.find('=')), option.substr(option.find('=') + 1));
        }
        Fixture fixture(argv[1], config);
        for (const auto add :
             {basics, values, callbacks, objects, lifetimes, iteration, exceptions, bulk, asynchronous, endings})
            add(checks, fixture);
        return checks.run();
    } catch (const std::exception &error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
