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
        TRUE(Value(true).as<Switch>() == Switch::on && Value(Huge::most).as<Huge>() == Huge::most && Value(3).as<Fixed>() == fixed);
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
        TRUE((Value(std::map<Color, std::string>{{Color::red, "r"}}).as<std::map<Color, std::string>>().at(Color::red) == "r"));
        TRUE((Value("x").as<std::variant<Color, std::string>>().index() == 1));
        TRUE(Value(5) == Color::green && Value(5) != Color::red);
    });
    checks.add("enums-in-services", [] {
        rpyc::Service service("S");
        service.expose("next(color, other=0)", [](Color color, std::optional<Tiny>) { return color == Color::red ? Color::green : Color::red; });
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

}  // namespace

int main() {
    check::Checks checks;
    enums(checks);
    paths(checks);
    streams(checks);
    return checks.run();
}
