// times call ADDRESS: dates and times of tests/run/clients/times_server.py as types of C++; times serve: a service that takes and gives them,
// for tests/run/clients/times_bindings.py.
#include <rpyc.hpp>

#include <chrono>
#include <deque>
#include <iostream>

using rpyc::Object;
using rpyc::Value;
using namespace std::chrono;
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
        if (std::string(error.what()).find(words) != std::string::npos)
            return true;
        std::cerr << error.what() << std::endl;
    }
    return false;
}

using Micro = time_point<system_clock, microseconds>;
using Seconds = time_point<system_clock, seconds>;

/** 2024-02-29 12:00 in UTC. */
constexpr std::int64_t noon = 1709208000;

void values() {
    const Value moment(Micro(seconds(noon) + 5us));
    TRUE(moment.kind() == rpyc::Kind::datetime && moment.type_name() == "datetime");
    TRUE(moment.repr() == "datetime.datetime(2024, 2, 29, 12, 0, 0, 5, tzinfo=datetime.timezone.utc)");
    TRUE(moment.as<Micro>() == Micro(seconds(noon) + 5us));
    TRUE(moment.as<Seconds>() == Seconds(seconds(noon)));
    TRUE(moment.as<system_clock::time_point>() == system_clock::time_point(seconds(noon) + 5us));
    // Before 1970, and ticks shorter than a microsecond: towards the past.
    const Value past(time_point<system_clock, nanoseconds>(-1ns));
    TRUE(past.repr() == "datetime.datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=datetime.timezone.utc)");
    TRUE(past.as<Seconds>() == Seconds(-1s) && past.as<Micro>() == Micro(-1us));
    const Value old = Value::datetime(rpyc_datetime{1, 1, 1, 0, 0, 0, 0, 0, false, 0});
    TRUE(old.as<Seconds>() == Seconds(-62135596800s));
    TRUE(throws<rpyc::ConversionError>([&] { (void)old.as<time_point<system_clock, nanoseconds>>(); }, "time_point"));
    TRUE(throws<rpyc::ConversionError>([] { (void)Value(Seconds(253402300800s)); }, "datetime"));
    TRUE(throws<rpyc::ConversionError>([] { (void)Value(Seconds(seconds::max())); }, "datetime"));
    TRUE(throws<rpyc::ConversionError>([] { (void)Value(5).as<Seconds>(); }, "datetime"));
    TRUE(throws<rpyc::ConversionError>([] { (void)Value(rpyc_datetime{}); }, "datetime"));

    const Value span = Value::timedelta(-1500ms);
    TRUE(span.repr() == "datetime.timedelta(days=-1, seconds=86398, microseconds=500000)");
    TRUE(span.as<milliseconds>() == -1500ms && span.as<duration<double>>() == duration<double>(-1.5));
    TRUE(span.as<nanoseconds>() == -1500000000ns && span.as<seconds>() == -2s);
    TRUE(Value::timedelta(-1ns).as<microseconds>() == -1us);
    TRUE(Value::timedelta(hours(24 * 365 * 1000)).as<hours>() == hours(24 * 365 * 1000));
    TRUE(throws<rpyc::ConversionError>([] { (void)Value::timedelta(hours(24 * 365 * 1000)).as<nanoseconds>(); },
                                       "duration"));
    TRUE(throws<rpyc::ConversionError>([] { (void)Value::timedelta(hours::max()); }, "timedelta"));
    TRUE(throws<rpyc::ConversionError>([] { (void)Value::timedelta(duration<double>(NAN)); }, "timedelta"));
    TRUE(Value(1500ms) == Value(1.5) && Value(1.5).as<milliseconds>() == 1500ms);
    TRUE(throws<rpyc::ConversionError>([] { (void)Value("1s").as<seconds>(); }, "float"));
    TRUE(Value::timezone(5h + 30min).repr() == "datetime.timezone(datetime.timedelta(seconds=19800))");
    TRUE(throws<rpyc::ConversionError>([] { (void)Value::timezone(24h); }, "timezone"));
    TRUE(Value::date(2024, 2, 29).as<rpyc_datetime>().day == 29 && Value::date(2024, 2, 29).kind() == rpyc::Kind::date);
    TRUE(Value::time(rpyc_datetime{0, 0, 0, 1, 2, 3, 4, 1, false, 0}).repr() == "datetime.time(1, 2, 3, 4, fold=1)");
#ifdef RPYC_DETAIL_CALENDAR
    const year_month_day leap{year(2024), month(2), day(29)};
    TRUE(Value(leap) == Value::date(2024, 2, 29) && Value(leap).as<year_month_day>() == leap);
    TRUE(throws<rpyc::ConversionError>([] { (void)Value(year_month_day{year(2023), month(2), day(29)}); }, "date"));
    TRUE(throws<rpyc::ConversionError>([&] { (void)moment.as<year_month_day>(); }, "date"));
    TRUE(Value(sys_days(leap)).repr() == "datetime.datetime(2024, 2, 29, 0, 0, tzinfo=datetime.timezone.utc)");
#endif
}

void of_stock(const Object &root) {
    const auto thing = [&](int index) -> Value { return root.call("thing", index); };
    TRUE(thing(11).as<Seconds>() == Seconds(seconds(noon)) && thing(12).as<Seconds>() == Seconds(seconds(noon)));
    TRUE(thing(13).as<Micro>() == Micro(seconds(noon) + 2us));
    TRUE(thing(7).as<rpyc_datetime>().microsecond == 5 && !thing(7).as<rpyc_datetime>().aware);
    TRUE(thing(8).as<rpyc_datetime>().fold == 1);
    TRUE(thing(15).as<microseconds>() == 24h + 2s + 3us && thing(16).as<microseconds>() == -1us);
    TRUE(throws<rpyc::ConversionError>([&] { (void)thing(17).as<nanoseconds>(); }, "duration"));
    TRUE(throws<rpyc::ConversionError>([&] { (void)thing(0).as<Seconds>(); }, "datetime"));
    TRUE(throws<rpyc::ConversionError>([&] { (void)thing(11).as<seconds>(); }, "float or timedelta"));
    TRUE(throws<rpyc::ConversionError>([&] { (void)thing(11).as<double>(); }, "float"));
#ifdef RPYC_DETAIL_CALENDAR
    TRUE(thing(0).as<year_month_day>() == year_month_day(year(2026), month(11), day(30)));
    TRUE(throws<rpyc::ConversionError>([&] { (void)thing(11).as<year_month_day>(); }, "date"));
#endif
    TRUE(root.call("take", Micro(seconds(noon))).as<std::string>() == "datetime 2024-02-29 12:00:00+00:00");
    TRUE(root.call("take", Value::timedelta(25h)).as<std::string>() == "timedelta 1 day, 1:00:00");
    TRUE(root.call("take", 1500ms).as<std::string>() == "float 1.5");
}

void serve() {
    rpyc::Service service{"Times"};
    service.expose("moment", [](Micro value) { return value.time_since_epoch().count(); });
    service.expose("moment_named(value)", [](Micro value) { return value.time_since_epoch().count(); });
    service.expose("moments", [](const std::vector<Micro> &values) { return values.size(); });
    service.expose("from_moment", [](std::int64_t value) { return Micro(microseconds(value)); });
    service.expose("span", [](microseconds value) { return value.count(); });
    service.expose("span_named(value)", [](microseconds value) { return value.count(); });
    service.expose("maybe_span(value=None)",
                   [](std::optional<microseconds> value) { return value ? value->count() : -1; });
    service.expose("from_span", [](std::int64_t value) { return Value::timedelta(microseconds(value)); });
#ifdef RPYC_DETAIL_CALENDAR
    service.expose("day", [](year_month_day value) { return Value(sys_days(value)); });
    service.expose("day_named(value)", [](year_month_day value) { return value; });
#endif
    rpyc::Class<std::pair<Micro, microseconds>> meeting{"Meeting"};
    meeting.constructor("Meeting(at, length)", [](Micro at, microseconds length) {
        return std::make_shared<std::pair<Micro, microseconds>>(at, length);
    });
    meeting.expose("end", [](const std::pair<Micro, microseconds> &self) { return self.first + self.second; });
    service.property("Meeting", [meeting] { return meeting.object(); });
    const rpyc::Server server("tcp://127.0.0.1:0", service);
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    while (std::cin.get() != EOF)
        continue;
}

}  // namespace

int main(int argc, char **argv) {
    const std::string mode = argc > 1 ? argv[1] : "";
    try {
        if (mode == "serve") {
            serve();
            return EXIT_SUCCESS;
        }
        if (mode != "call" || argc != 3)
            return EXIT_FAILURE;
        values();
        const rpyc::Connection conn = rpyc::connect(argv[2]);
        of_stock(conn.root());
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
        return EXIT_FAILURE;
    }
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
