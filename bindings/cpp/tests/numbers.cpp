// numbers call ADDRESS: what C++ makes of the objects of tests/run/clients/numbers_server.py that stand for numbers and text;
// numbers serve: a service that takes them, for tests/run/clients/numbers_client.py.
#include <rpyc.hpp>

#include <cmath>
#include <deque>
#include <iostream>

using rpyc::Object;
using rpyc::Value;
using namespace std::chrono_literals;

namespace {

int passed = 0, failed = 0;

void check(bool good, const std::string &text, int line) {
    good ? passed++ : failed++;
    if (!good)
        std::cerr << "line " << line << ": not so: " << text << std::endl;
}
#define TRUE(...) check((__VA_ARGS__), #__VA_ARGS__, __LINE__)

template <class E, class F>
bool throws(F &&f, const char *words) {
    try {
        f();
    } catch (const E &error) {
        return std::string(error.what()).find(words) != std::string::npos;
    }
    return false;
}

/** What a conversion gives, or "error" and the name of Python's exception, as the server tells of its own. */
template <class T>
std::pair<std::string, Value> told(const Value &thing) {
    try {
        return {"value", Value(thing.as<T>())};
    } catch (const rpyc::ConversionError &error) {
        return {"error", Value(error.status() == RPYC_ERR_RANGE ? "OverflowError" : "TypeError")};
    } catch (const rpyc::RemoteError &error) {
        return {"error", Value(error.type_name())};
    }
}

bool same(const Value &a, const Value &b) {
    const auto nan = [](const Value &value) {
        return value.kind() == rpyc::Kind::floating && std::isnan(value.as<double>());
    };
    return (nan(a) && nan(b)) || (a.kind() == b.kind() && a == b);
}

template <class T>
void compare(const Object &root, int index, const char *kind) {
    const Value thing = root.call("thing", index), native = root.call("native", index, kind);
    if (!thing.is_object())
        return;  // rules for data are those of other tests
    const auto ours = told<T>(thing);
    Value theirs = native[1];
    std::string how = native[0].as<std::string>();
    if (how == "value" && theirs.kind() == rpyc::Kind::integer)
        try {
            (void)theirs.as<std::int64_t>();
        } catch (const rpyc::ConversionError &) {
            how = "error", theirs = "OverflowError";
        }
    check(ours.first == how && same(ours.second, theirs),
          std::string(kind) + " of " + root.call("name", index).as<std::string>() + ": " + ours.second.repr() +
              " is not " + native.repr(),
          __LINE__);
}

void things(const Object &root) {
    const int count = root.call("count");
    for (int i = 0; i < count; i++) {
        compare<std::int64_t>(root, i, "int");
        compare<double>(root, i, "float");
        compare<bool>(root, i, "bool");
        compare<std::string>(root, i, "str");
    }
    // Level.HIGH, Color.RED and MyBytes, in all the ways in which a value becomes a type.
    const Value level = root.call("thing", 0), color = root.call("thing", 2), bytes = root.call("thing", 10);
    TRUE(level.as<std::uint8_t>() == 3 && level.as<float>() == 3.0F && level.as<long double>() == 3.0L &&
         level.as<std::chrono::seconds>() == 3s);
    const double implicit = level;
    const std::string red = color;
    TRUE(implicit == 3 && red == "red \u00e9");
    TRUE(level.as<std::optional<int>>() == 3 && rpyc::None.as<std::optional<int>>() == std::nullopt);
    TRUE(bytes.as<rpyc::bytes>() == rpyc::bytes("\0\xff", 2) && bytes.as<std::vector<std::byte>>().size() == 2);
    TRUE(root.call("thing", 0).as<int>() == 3 && root.async_call("thing", 0).as<double>().get() == 3);
    TRUE(std::get<double>(level.as<std::variant<double, std::string>>()) == 3);
    TRUE(std::get<1>(color.as<std::variant<double, std::string>>()) == "red \u00e9");
    TRUE(level.as<std::variant<double, Object>>().index() == 1);
    const Value list = root.call("thing", 26);
    TRUE(list.type_name() == "list" && list.as<std::variant<bool, std::vector<int>>>().index() == 1);
    TRUE(throws<rpyc::ConversionError>([&] { (void)color.as<int>(); }, "value must be int, not "));
    TRUE(throws<rpyc::ConversionError>([&] { (void)level.as<std::string>(); }, "value must be str, not "));
    TRUE(throws<rpyc::ConversionError>([&] { (void)list.as<double>(); }, "value must be float, not list"));
    TRUE(throws<rpyc::OSError>([&] { (void)root.call("thing", 16).as<double>(); }, "no float today"));
}

void several(const Object &root) {
    const std::vector<double> many = root.call("things", 5000);
    TRUE(many.size() == 5000 && many[4999] == 4999);
    TRUE((root.call("things", 3).as<std::array<double, 3>>() == std::array<double, 3>{0, 1, 2}));
    TRUE((root.call("things", 3).as<std::tuple<double, bool, float>>() == std::tuple<double, bool, float>{0, true, 2}));
    TRUE((root.call("things", 3).as<std::set<double>>() == std::set<double>{0, 1, 2}));
    TRUE(root.call("things", 3).as<std::deque<std::optional<float>>>()[2] == 2);
    TRUE(throws<rpyc::ConversionError>([&] { (void)root.call("things", 3).as<std::vector<int>>(); },
                                       "item 0 of value must be int, not "));
    const Value mixed = Value::list({Value(1.5), root.call("thing", 0), Value(2), root.call("thing", 13)});
    TRUE(mixed.as<std::vector<double>>() == std::vector<double>{1.5, 3, 2, 2.5});
    TRUE(throws<rpyc::ConversionError>([&] { (void)mixed.as<std::vector<std::int64_t>>(); },
                                       "item 0 of value must be int, not float"));
    const Value wrong = Value::list({Value(1), root.call("thing", 0), Value(2), root.call("thing", 13)});
    TRUE(throws<rpyc::ConversionError>([&] { (void)wrong.as<std::vector<int>>(); },
                                       "item 3 of value must be int, not "));
    const Value dict = Value::dict(
        {{Value(1), root.call("thing", 0)}, {Value("b"), Value(2)}, {root.call("thing", 2), root.call("thing", 13)}});
    TRUE(
        throws<rpyc::ConversionError>([&] { (void)dict.as<std::map<std::string, double>>(); }, "must be str, not int"));
    const Value named = Value::dict(
        {{Value("a"), root.call("thing", 0)}, {Value("b"), Value(2)}, {root.call("thing", 2), root.call("thing", 13)}});
    TRUE((named.as<std::map<std::string, double>>() ==
          std::map<std::string, double>{{"a", 3}, {"b", 2}, {"red \u00e9", 2.5}}));
}

/** A conversion waits as long as other requests. */
void limited(const Object &root) {
    const Value slow = root.call("slow", rpyc::timeout(20s));
    TRUE(throws<rpyc::Timeout>([&] { (void)slow.as<double>(); }, ""));
    {
        const rpyc::timeout limit(50ms);
        TRUE(throws<rpyc::Timeout>([&] { (void)slow.as<int>(); }, ""));
        TRUE(throws<rpyc::Timeout>([&] { (void)Value::list({slow}).as<std::vector<int>>(); }, ""));
    }
    TRUE(root.call("thing", 0, rpyc::timeout(20s)).is_object());
    const rpyc::timeout longer(20s);
    TRUE(slow.as<double>() == 1);
    TRUE((Value::list({slow, Value(2)}).as<std::vector<double>>() == std::vector<double>{1, 2}));
}

/** Another type of the program's own: what it takes is converted as elsewhere. */
struct Point {
    double x = 0;
    std::string label = "";
};

void serve() {
    rpyc::Service service{"Numbers"};
    service.expose("int", [](std::int64_t value) { return value; });
    service.expose("float", [](double value) { return value; });
    service.expose("bool", [](bool value) { return value; });
    service.expose("str", [](const std::string &value) { return value; });
    service.expose("bytes", [](const rpyc::bytes &value) { return value; });
    service.expose("floats", [](const std::vector<double> &values) { return rpyc::as_tuple(values); });
    service.expose("named(a, b=2, *, c=0.5)", [](double a, int b, float c) { return std::make_tuple(a, b, c); });
    service.expose("length(text)", [](std::string_view text) { return text.size(); });
    service.expose("maybe(value=None)", [](std::optional<double> value) { return value; });
    service.expose("apply", [](const std::function<double(int)> &f, int n) { return f(n); });
    const auto points =
        rpyc::Class<Point>("Point")
            .property("x", &Point::x, [](Point &one, double value) { one.x = value; })
            .property("label", &Point::label, [](Point &one, std::string text) { one.label = std::move(text); });
    service.expose("point", [points] { return points.make(); });
    rpyc::Server server("tcp://127.0.0.1:0", service, rpyc::Config{{"allow_setattr", "true"}});
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    std::cin.get();
}

}  // namespace

int main(int argc, char **argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "serve") {
        serve();
        return EXIT_SUCCESS;
    }
    if (mode != "call" || argc != 3)
        return EXIT_FAILURE;
    try {
        const rpyc::Connection conn = rpyc::connect(argv[2]);
        things(conn.root());
        several(conn.root());
        const rpyc::Connection hasty = rpyc::connect(argv[2], rpyc::Config{{"sync_request_timeout", "0.2"}});
        limited(hasty.root());
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
        return EXIT_FAILURE;
    }
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
