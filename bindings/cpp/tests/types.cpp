// Types of C++ that become values and back: enums, paths, pointers to objects of classes, lists in braces, streams.
#include "ends.hpp"
#include "interop/check.hpp"

using rpyc::Kind;
using rpyc::Object;
using rpyc::Value;

namespace {

enum class Color { red, green = 5 };
enum class Tiny : std::int8_t { low = -128 };
enum class Letter : char { a = 'a' };
enum class Switch : bool { off, on };
enum class Huge : std::uint64_t { most = std::numeric_limits<std::uint64_t>::max() };
enum Fixed : short { fixed = 3 };
enum Loose { loose = 7 };

template <class T>
rpyc_status refusal(const Value &value) {
    return RAISES(rpyc::ConversionError, value.as<T>()).status();
}

void enums(check::Checks &checks) {
    checks.add("enums-are-ints", [] {
        EQUAL(Value(Color::green), 5);
        EQUAL(Value(Tiny::low), -128);
        EQUAL(Value(Letter::a), 97);
        EQUAL(Value(Huge::most), std::numeric_limits<std::uint64_t>::max());
        EQUAL(Value(fixed), 3);
        EQUAL(Value(loose), 7);
        TRUE(Value(Switch::on).kind() == Kind::integer);
        const Color color = Value(5);
        TRUE(color == Color::green && Value(-128).as<Tiny>() == Tiny::low && Value(97).as<Letter>() == Letter::a);
        TRUE(Value(true).as<Switch>() == Switch::on && Value(Huge::most).as<Huge>() == Huge::most &&
             Value(3).as<Fixed>() == fixed);
        TRUE(Value(77).as<Color>() == static_cast<Color>(77));
        static_assert(!rpyc::detail::has_from<Loose>::value && !rpyc::detail::has_to<std::byte>::value);
    });
    checks.add("enums-have-the-range-of-their-type", [] {
        EQUAL(refusal<Tiny>(128), RPYC_ERR_RANGE);
        EQUAL(refusal<Letter>(200), RPYC_ERR_RANGE);
        EQUAL(refusal<Switch>(2), RPYC_ERR_RANGE);
        EQUAL(refusal<Huge>(-1), RPYC_ERR_RANGE);
        EQUAL(refusal<Color>(std::int64_t{1} << 40), RPYC_ERR_RANGE);
        EQUAL(refusal<Color>(1.0), RPYC_ERR_TYPE);
        EQUAL(refusal<Color>("red"), RPYC_ERR_TYPE);
        EQUAL(refusal<Color>(nullptr), RPYC_ERR_TYPE);
    });
    checks.add("enums-in-others", [] {
        TRUE((Value(std::make_tuple(0, 5)).as<std::vector<Color>>() == std::vector<Color>{Color::red, Color::green}));
        TRUE(!Value().as<std::optional<Color>>());
        TRUE(
            (Value(std::map<Color, std::string>{{Color::red, "r"}}).as<std::map<Color, std::string>>().at(Color::red) ==
             "r"));
        TRUE((Value("x").as<std::variant<Color, std::string>>().index() == 1));
        TRUE(Value(5) == Color::green && Value(5) != Color::red);
    });
    checks.add("enums-in-services", [] {
        rpyc::Service service("S");
        service.expose("next(color, other=0)", [](Color color, std::optional<Tiny>) {
            return color == Color::red ? Color::green : Color::red;
        });
        const Ends ends(service);
        TRUE(ends.root.call("next", Color::red).as<Color>() == Color::green);
        const auto error = RAISES(rpyc::RemoteError, ends.root.call("next", "x"));
        TRUE(error.type_name() == "TypeError" && error.message().find("'color'") != std::string::npos);
        RAISES(rpyc::RemoteError, ends.root.call("next", 0, 1000));
    });
}

void paths(check::Checks &checks) {
    using std::filesystem::path;
    checks.add("paths-are-text", [] {
        EQUAL(Value(path("/tmp") / "a"), "/tmp/a");
        const path back = Value("/tmp/a");
        TRUE(back == path("/tmp/a") && Value("").as<path>().empty());
        EQUAL(Value(std::vector<path>{"a", "b"}).as<std::vector<std::string>>()[1], "b");
        TRUE((Value(std::make_tuple("a", "b")).as<std::vector<path>>()[1] == path("b")));
        EQUAL(refusal<path>(1), RPYC_ERR_TYPE);
        EQUAL(refusal<path>(rpyc::bytes("a")), RPYC_ERR_TYPE);
        EQUAL(refusal<path>(std::string("a\0b", 3)), RPYC_ERR_TYPE);
        RAISES(rpyc::Error, Value(path("\xff")));
    });
    checks.add("paths-in-services", [] {
        rpyc::Service service("S");
        service.expose("parent(of)", [](const path &of) { return of.parent_path(); });
        const Ends ends(service);
        TRUE(ends.root.call("parent", path("/a/b")).as<path>() == path("/a"));
    });
}

void containers(check::Checks &checks) {
    checks.add("containers-without-an-end", [] {
        rpyc::Service service("S");
        service.expose("count", [] { return rpyc::generator([n = 0]() mutable { return std::make_optional(n++); }); });
        const Ends ends(service);
        const auto error = RAISES(rpyc::LimitError, ends.root.call("count").as<std::vector<int>>());
        TRUE(error.status() == RPYC_ERR_LIMIT && error.message().find("1048576 items") != std::string::npos);
    });
}

template <class T>
std::string written(const T &value) {
    std::ostringstream stream;
    stream << value;
    return stream.str();
}

void streams(check::Checks &checks) {
    checks.add("values-in-streams", [] {
        EQUAL(written(Value("a\nb")), "a\nb");
        EQUAL(written(Value(3)), "3");
        EQUAL(written(Value()), "None");
        EQUAL(written(Value(std::make_tuple("x", 1.5))), "('x', 1.5)");
        EQUAL(written(rpyc::View()), "None");
        EQUAL(written(Object()), "<no object>");
        std::ostringstream wide;
        wide.width(5);
        wide << std::left << Value("ab") << '|';
        EQUAL(wide.str(), "ab   |");
    });
    checks.add("objects-in-streams-ask-nobody", [] {
        int asked = 0;
        rpyc::Class<int> klass("Thing");
        klass.expose("__repr__()", [&](int &) { return std::string("thing ") + std::to_string(++asked); })
            .expose("__str__()", [&](int &) { return std::string("thing ") + std::to_string(++asked); })
            .property("size", [](int &) { return 4; });
        rpyc::Service service("S");
        service.expose("make", [klass] { return klass.make(1); });
        const Ends ends(service);
        const Value value = ends.root.call("make");
        const Object object = value.object();
        TRUE(written(value).find("Thing") != std::string::npos && written(object) == written(value));
        EQUAL(written(object.attr("size")), "4");
        EQUAL(asked, 0);
        EQUAL(written(object.str()), "thing 1");
    });
}

struct Point {
    int x = 0;
    std::shared_ptr<Point> next{};
};
struct Far : Point {
    int z = 9;
};

void pointers(check::Checks &checks) {
    checks.add("pointers-are-objects-of-their-class", [] {
        const auto points = rpyc::Class<Point>("Point").property("x", &Point::x).property("next", &Point::next);
        const auto kept = std::make_shared<Point>(Point{3});
        rpyc::Service service("S");
        service.expose("kept", [&] { return kept; })
            .expose("made", [] { return std::make_unique<Point>(); })
            .expose("all",
                    [&] {
                        return std::vector<std::shared_ptr<Point>>{kept, nullptr, kept};
                    })
            .expose("x(point)", [](const std::shared_ptr<Point> &point) { return point ? point->x : -1; })
            .expose("same(point)", [&](std::shared_ptr<Point> point) { return point == kept; });
        const Ends ends(service);
        const Object one = ends.root.call("kept"), two = ends.root.call("kept");
        TRUE(one == two && one.attr("x").as<int>() == 3 && one.attr("next").is_none());
        TRUE(ends.root.call("same", one).as<bool>() && ends.root.call("x", one).as<int>() == 3);
        EQUAL(ends.root.call("x", nullptr), -1);
        TRUE(ends.root.call("made").object() != ends.root.call("made").object());
        TRUE(!ends.root.call("same", ends.root.call("made")).as<bool>());
        const Value all = ends.root.call("all");
        TRUE(all[0].object() == one && all[1].is_none() && all[2].object() == one);
        const auto error = RAISES(rpyc::RemoteError, ends.root.call("x", 7));
        TRUE(error.message().find("'point' must be Point, not int") != std::string::npos);
        // Objects that wrap() made are others, with the same inside.
        TRUE(points.wrap(kept) != points.wrap(kept) && Value(points.wrap(kept)).as<std::shared_ptr<Point>>() == kept);
    });
    checks.add("pointers-end-with-their-last-user", [] {
        const rpyc::Class<Point> points("Point");
        auto shared = std::make_shared<Point>();
        {
            const Value value(shared);
            EQUAL(shared.use_count(), 2);
            TRUE(Value(shared).object() == value.object());
            EQUAL(shared.use_count(), 2);
        }
        EQUAL(shared.use_count(), 1);
        Value last(shared);
        shared = nullptr;
        TRUE(last.as<std::shared_ptr<Point>>().use_count() == 2);
        last = Value();
        TRUE(Value(std::unique_ptr<Point>()).is_none() && Value().as<std::shared_ptr<Point>>() == nullptr);
    });
    checks.add("pointers-to-bases", [] {
        const rpyc::Class<Point> points("Point");
        const rpyc::Class<Far> far("Far", points);
        const auto shared = std::make_shared<Far>();
        const Value value(shared);
        TRUE(value.as<std::shared_ptr<Far>>() == shared && value.as<std::shared_ptr<Point>>() == shared);
        EQUAL(refusal<std::shared_ptr<Far>>(Value(std::make_shared<Point>())), RPYC_ERR_TYPE);
    });
    checks.add("pointers-without-a-class", [] {
        const auto shared = std::make_shared<Point>();
        { const rpyc::Class<Point> gone("Point"); }
        const auto none = RAISES(rpyc::UsageError, Value(shared));
        TRUE(none.message().find("there is no rpyc::Class<") == 0 &&
             none.message().find("Point>: make one") != std::string::npos);
        const rpyc::Class<Point> first("Point"), second("Point");
        RAISES(rpyc::UsageError, Value(shared));
        RAISES(rpyc::UsageError, first.object().raw() != nullptr ? Value(1).as<std::shared_ptr<Point>>() : nullptr);
        const rpyc::Class<Point> copy = first;  // a copy is the same class
        static_assert(!rpyc::detail::has_to<std::shared_ptr<const Point>>::value &&
                      !rpyc::detail::has_from<std::unique_ptr<Point>>::value);
    });
}

void literals(check::Checks &checks) {
    checks.add("lists-and-dicts-that-are-written-down", [] {
        EQUAL(written(Value(rpyc::list{1, 2.5, "x", nullptr})), "[1, 2.5, 'x', None]");
        EQUAL(written(Value(rpyc::list{})), "[]");
        EQUAL(written(Value(rpyc::list{rpyc::list{}})), "[[]]");
        EQUAL(written(Value(rpyc::list{rpyc::list{rpyc::list{1, 2}}})), "[[[1, 2]]]");
        EQUAL(written(Value(rpyc::list{rpyc::list{1}, rpyc::dict{{"a", rpyc::list{2}}}})), "[[1], {'a': [2]}]");
        EQUAL(written(Value(rpyc::dict{{"a", "b"}, {"c", nullptr}})), "{'a': 'b', 'c': None}");
        EQUAL(written(Value(rpyc::dict{{1, 2}})), "{1: 2}");
        EQUAL(written(Value(rpyc::dict{})), "{}");
        auto items = rpyc::list{1};
        auto copy = items;
        std::vector<decltype(items)> both{items, copy};
        both.emplace_back(items);
        EQUAL(written(Value(both)), "[[1], [1], [1]]");
    });
    checks.add("lists-in-braces", [] {
        rpyc::Service service("S");
        service
            .expose("show(*items)",
                    [](const rpyc::Args &items) {
                        std::vector<Value> copies;
                        for (const Value &item : items.items)
                            copies.push_back(item.is_object() ? item.object().obtain() : item);
                        return Value::tuple(copies).repr();
                    })
            .expose("get", [] {
                return rpyc::function("f(*a, **b)", [](const rpyc::Args &a, const rpyc::Kwargs &b) {
                    return a.items.size() + b.items.size();
                });
            });
        const Ends ends(service);
        EQUAL(ends.root.call("show", {1, 2, "x"}), "([1, 2, 'x'],)");
        EQUAL(ends.root.call(std::string("show"), {"a", "b"}, 3, rpyc::list{4}), "(['a', 'b'], 3, [4])");
        EQUAL(ends.root.call("show", {}), "([],)");
        EQUAL(ends.root.call("show", {1}, rpyc::timeout(std::chrono::seconds(30))), "([1],)");
        EQUAL(ends.root.async_call("show", {1, nullptr}).get(), "([1, None],)");
        EQUAL(ends.root.attr("show")({1}, 2), "([1], 2)");
        const Value function = ends.root.call("get");
        EQUAL(function({1, 2}, rpyc::kw("c") = 3), 2);
        EQUAL(function.object()({}), 1);
        EQUAL(function.object().async({1}, 2).get(), 2);
    });
}

}  // namespace

int main() {
    check::Checks checks;
    enums(checks);
    paths(checks);
    streams(checks);
    containers(checks);
    pointers(checks);
    literals(checks);
    return checks.run();
}
