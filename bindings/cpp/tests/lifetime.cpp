// What outlives its handle: classes, services, functions and modules that peers still use; connections that results keep open.
#include "ends.hpp"
#include "interop/check.hpp"

#include <atomic>
#include <optional>

using rpyc::Object;
using rpyc::Value;
using namespace std::chrono_literals;

namespace {

struct Motor {
    int speed = 7;
    static inline std::atomic<int> alive{0};
    Motor() { alive++; }
    explicit Motor(int at) : speed(at) { alive++; }
    Motor(const Motor &) = delete;
    Motor &operator=(const Motor &) = delete;
    virtual ~Motor() { alive--; }
    int twice() const { return 2 * speed; }
};
struct Racer : Motor {
    using Motor::Motor;
    int turbo() const { return 10 * speed; }
};

/** A class of which only the object is left. */
Object motor_class() {
    rpyc::Class<Motor> motors("Motor");
    motors.expose("twice", &Motor::twice)
        .property("speed", &Motor::speed, [](Motor &motor, int speed) { motor.speed = speed; })
        .constructor([](int speed) { return std::make_shared<Motor>(speed); });
    return motors.object();
}
/** One derived from a class of which no handle is left either. */
Object racer_class() {
    rpyc::Class<Racer> racers("Racer", [] {
        rpyc::Class<Motor> motors("Motor");
        motors.expose("twice", &Motor::twice);
        return motors;
    }());
    racers.expose("turbo", &Racer::turbo).constructor([](int speed) { return std::make_shared<Racer>(speed); });
    return racers.object();
}
/** A service with all of it, of which no handle is left but that of the server. */
rpyc::Server workshop(const std::string &address) {
    rpyc::Service service("Workshop");
    service.expose("motor", [klass = motor_class()] { return klass; });
    service.expose("racer", [klass = racer_class()] { return klass; });
    service.expose("function", [] { return rpyc::function("add(a, b)", [](int a, int b) { return a + b; }); });
    service.expose("module", [] {
        const Object module = rpyc::module("parts");
        module.set_attr("Motor", motor_class());
        module.set_attr("stop", rpyc::function("stop", [kept = std::make_shared<int>(3)] { return *kept; }));
        return module;
    });
    service.expose("counted(n)", [](int n) {
        return rpyc::generator([n]() mutable { return n > 0 ? std::make_optional(n--) : std::nullopt; });
    });
    service.expose("items", [] { return rpyc::List(std::vector<Value>{1, 2, 3}); });
    service.expose("none", [] {});
    service.expose("echo(x)", [](const Value &x) { return x; });
    service.expose("pair", [] { return std::make_pair(motor_class(), 5); });
    service.expose("subscribe(call)", [](const Object &call) {
        call(1);
        return call;
    });
    service.expose("set_later(call)", [](const Object &call) { call.attr("heard") = 1; });
    return rpyc::Server(address, service, rpyc::Config{{"allow_setattr", "true"}, {"allow_public_attrs", "true"}});
}

// ---------------------------------------------------------------- handles that are gone

void classes_outlive_their_handles() {
    {
        const Object klass = motor_class();
        const Object motor = klass(4);
        EQUAL(motor.call("twice"), 8);
        EQUAL(motor.attr("exposed_speed"), 4);
        const Object racer = racer_class()(2);
        EQUAL(racer.call("twice"), 4);
        EQUAL(racer.call("turbo"), 20);
        RAISES(rpyc::TypeError, klass());
    }
    EQUAL(Motor::alive.load(), 0);
}

/** A reference to what a chain gives holds it, whatever the chain began with. */
void chains_begin_with_temporaries() {
    const auto &motors = rpyc::Class<Motor>("Motor")
                             .expose("twice", &Motor::twice)
                             .property("speed", &Motor::speed, "how fast")
                             .constructor([](int speed) { return std::make_shared<Motor>(speed); })
                             .doc("A motor.");
    const auto &service = rpyc::Service("Garage")
                              .alias("GARAGE")
                              .on_connect([](const rpyc::Connection &) {})
                              .expose("motor(speed)", [motors](int speed) { return motors.make(speed); });
    const auto &config = rpyc::Config()
                             .set("allow_setattr", true)
                             .set("sync_request_timeout", 50s)
                             .set("exposed_prefix", std::string("exposed_"))
                             .set("allow_delattr", "true")
                             .set_endpoints("here", "there");
    const auto &slave = rpyc::Slave().doc("A slave.").evaluator([](const std::string &text) { return text; });
    const auto &error = rpyc::KeyError("k").set_attribute("hint", "a text that is kept elsewhere");
    EQUAL(error.attribute("hint"), "a text that is kept elsewhere");
    EQUAL(config.get("sync_request_timeout"), "50");
    const Ends ends(service, rpyc::Service("Near"), config);
    EQUAL(ends.root.call("motor", 4).call("twice"), 8);
    EQUAL(motors.object()(5).attr("exposed_speed"), 5);
    TRUE(slave.raw() != nullptr);
}

#ifdef RPYC_COROUTINES
/** A coroutine uses what its lambda captures, which the class holds. */
void generators_outlive_their_class() {
    Object items = [] {
        rpyc::Class<Motor> motors("Motor");
        motors.expose("items",
                      [counted = std::make_shared<std::string>("a text that is kept elsewhere"),
                       least = std::vector<int>{3}](int to) -> rpyc::Generator<std::string> {
                          for (int i = least[0]; i < to; i++)
                              co_yield *counted + std::to_string(i);
                      });
        return motors.make(1).call("items", 5).object();
    }();
    EQUAL(items.next(), "a text that is kept elsewhere3");
    EQUAL(items.next(), "a text that is kept elsewhere4");
    RAISES(rpyc::StopIteration, items.next());
    Object function = rpyc::function(
        "items", [text = std::string("another text that is kept elsewhere")]() -> rpyc::Generator<std::string> {
            co_yield text;
        });
    items = function().object();
    function = Object();
    EQUAL(items.next(), "another text that is kept elsewhere");
    items = Object();
    EQUAL(Motor::alive.load(), 0);
}
#endif

void peers_reach_what_has_no_handle() {
    const rpyc::Server server = workshop("tcp://127.0.0.1:0");
    server.start();
    {
        const auto conn = rpyc::connect(server.address());
        const Object root = conn.root();
        const Object klass = root.call("motor");
        const Object motor = klass(21);
        EQUAL(motor.call("twice"), 42);
        motor.attr("speed") = 5;
        EQUAL(motor.attr("speed"), 5);
        EQUAL(root.call("racer")(3).call("turbo"), 30);
        EQUAL(root.call("function")(40, 2), 42);
        const Object module = root.call("module");
        EQUAL(module.attr("stop")(), 3);
        EQUAL(module.attr("Motor")(1).call("twice"), 2);
        EQUAL(root.call("counted", 3).as<std::vector<int>>(), (std::vector<int>{3, 2, 1}));
        EQUAL(root.call("items").size(), 3);
        conn.close();
    }
    server.stop(0ms);
    server.join();
    EQUAL(Motor::alive.load(), 0);
}

// ---------------------------------------------------------------- connections

/** A server of the test's own, which says when nobody is connected any more. */
class Shop {
public:
    Shop() { server_.start(); }
    ~Shop() {
        server_.stop(0ms);
        server_.join();
    }
    Shop(const Shop &) = delete;
    Shop &operator=(const Shop &) = delete;
    std::string address() const { return server_.address(); }
    bool empties() const {
        for (int i = 0; i < 2000 && server_.connection_count() > 0; i++)
            std::this_thread::sleep_for(5ms);
        return server_.connection_count() == 0;
    }
    bool serves() const { return server_.connection_count() > 0; }
    const rpyc::Server &server() const { return server_; }

private:
    rpyc::Server server_ = workshop("tcp://127.0.0.1:0");
};

void results_keep_their_connection() {
    const Shop shop;
    {
        const auto root = rpyc::connect(shop.address()).root();
        EQUAL(root.call("echo", 5), 5);
    }
    TRUE(shop.empties());
    {
        const Value in_a_tuple = rpyc::connect(shop.address()).root().call("pair");
        EQUAL(in_a_tuple[0](6).call("twice"), 12);
        const auto [klass, number] = in_a_tuple.as<std::pair<Object, int>>();
        EQUAL(klass(number).call("twice"), 10);
    }
    TRUE(shop.empties());
    {
        const auto later = rpyc::connect(shop.address()).root().async_call("motor");
        const Object klass = later.get();
        EQUAL(klass(2).call("twice"), 4);
        const rpyc::Future<int> next =
            klass.async(3).then([](const Object &motor) -> int { return motor.call("twice"); });
        EQUAL(next.get(), 6);
    }
    TRUE(shop.empties());
    {
        std::vector<int> seen;
        for (const Value &item : rpyc::connect(shop.address()).root().call("items"))
            seen.push_back(item);
        EQUAL(seen, (std::vector<int>{1, 2, 3}));
        rpyc::Iterator at = rpyc::connect(shop.address()).root().call("counted", 2).object().begin();
        EQUAL(*at, 2);
        EQUAL(*++at, 1);
    }
    TRUE(shop.empties());
    {
        const std::function<int(int, int)> add =
            rpyc::connect(shop.address()).root().call("function").as<std::function<int(int, int)>>();
        EQUAL(add(1, 2), 3);
    }
    TRUE(shop.empties());
    {
        const Value plain = rpyc::connect(shop.address()).root().call("echo", std::make_tuple(1, 2));
        TRUE(shop.empties());
        EQUAL(plain[1], 2);
    }
}

void close_always_ends() {
    const Shop shop;
    const Object root = rpyc::connect(shop.address()).root();
    root.connection().close();
    TRUE(shop.empties());
    RAISES(rpyc::Closed, root.call("none"));
    const Object weak = [&] {
        const Object other = rpyc::connect(shop.address()).root();
        EQUAL(other.weak().call("echo", 1), 1);
        return other.weak();
    }();
    TRUE(shop.empties());
    RAISES(rpyc::Closed, weak.call("none"));
}

void threads_share_results() {
    const Shop shop;
    std::vector<std::thread> threads;
    {
        const Object root = rpyc::connect(shop.address()).root();
        for (int i = 0; i < 4; i++)
            threads.emplace_back([root, i] {
                for (int n = 0; n < 20; n++) {
                    const Object motor = root.call("motor")(i);
                    const Object copy = motor;
                    EQUAL(copy.call("twice"), 2 * i);
                }
            });
    }
    for (std::thread &thread : threads)
        thread.join();
    TRUE(shop.empties());
}

struct Counted {
    static inline std::atomic<int> alive{0};
    Counted() { alive++; }
    Counted(const Counted &) { alive++; }
    Counted &operator=(const Counted &) = default;
    ~Counted() { alive--; }
};

/** A lambda that captures the root and is sent over its connection does not keep that open: nobody else could call it. */
void subscriptions_keep_nothing() {
    const Shop shop;
    for (int how = 0; how < 6; how++) {
        {
            const Object root = rpyc::connect(shop.address()).root();
            const auto heard = [root, counted = Counted()](int) { root.call("none"); };
            switch (how) {
            case 0: root.call("subscribe", heard); break;
            case 1: root.call("subscribe", [root, counted = Counted()](int) { root.call("none"); }); break;
            case 2: root.call("subscribe", std::function<void(int)>(heard)); break;
            case 3: root.async_call("subscribe", heard).get(); break;
            case 4: {
                const Object list = root.call("items");
                list[0] = heard;
                list.set_item(1, heard);
                break;
            }
            case 5: root.attr("subscribe")(heard); break;
            }
            TRUE(Counted::alive.load() > 0);
        }
        TRUE(shop.empties());
        EQUAL(Counted::alive.load(), 0);
    }
    // A function that was made before keeps what it captures: until close(), or the peer's end.
    for (const bool by_peer : {false, true}) {
        const auto own = std::make_unique<Shop>();
        {
            const Object root = rpyc::connect(own->address()).root();
            const Object function = rpyc::function("heard", [root, counted = Counted()](int) { root.call("none"); });
            root.call("subscribe", function);
            const rpyc::Connection conn = root.connection();
            if (by_peer) {
                own->server().stop(0ms);
                RAISES(rpyc::Closed, root.call("none"));
            } else {
                conn.close();
            }
        }
        EQUAL(Counted::alive.load(), 0);
    }
    // A lambda of another connection's keeps that one.
    const Shop other;
    {
        rpyc::Service bridge("Bridge");
        bridge.expose("add(a, b)", [root = rpyc::connect(other.address()).root()](int a, int b) {
            return root.call("function")(a, b);
        });
        const Ends ends(bridge);
        EQUAL(ends.root.call("add", 2, 3), 5);
    }
    TRUE(other.empties());
}

/** On the side of a server, and among arguments, nothing is kept: dropping an object ends no connection of its own. */
void servers_go_on() {
    rpyc::Service service("Caller");
    Object kept;
    service.expose("ask(call)", [&kept](const Object &call) {
        const Object made = call();
        kept = made.call("child");
        return kept.call("number");
    });
    const rpyc::Server server("tcp://127.0.0.1:0", service);
    server.start();
    struct Node {};
    const auto nodes = rpyc::Class<Node>("Node").expose("number", [] { return 5; });
    const auto parents = rpyc::Class<Motor>("Parent").expose("child", [nodes] { return nodes.make(); });
    {
        const auto conn = rpyc::connect(server.address());
        for (int i = 0; i < 3; i++)
            EQUAL(conn.root().call("ask", [parents] { return parents.make(); }), 5);
    }
    server.stop(0ms);
    server.join();
    kept = Object();
}

// ---------------------------------------------------------------- what is assigned and converted

void accessors_assign() {
    const Shop shop;
    const Object root = rpyc::connect(shop.address()).root();
    const Object motor = root.call("motor")(1);
    motor.attr("speed") = 5;
    EQUAL(motor.attr("speed"), 5);
    const auto speed = motor.attr("speed");  // the attribute, not its value
    speed = 6;
    EQUAL(motor.get_attr("speed"), 6);
    const auto copy = speed;
    copy = 7;
    EQUAL(speed, 7);
    const Object second = root.call("motor")(2);
    second.attr("speed") = motor.attr("speed");  // reads one, sets the other
    EQUAL(second.attr("speed"), 7);
    root.call("motor")(1).attr("speed") = 3;
    root.call("pair")[0](1).attr("speed") = 3;
    const Object list = root.call("items");
    list[0] = list[1];
    root.call("echo", list)[2] = "x";
    EQUAL(list[0], 2);
    EQUAL(list[2], "x");
    RAISES(rpyc::UsageError, root.call("echo", std::make_tuple(1, 2))[0] = 5);
    TRUE(motor.attr("speed") == 7 && motor.attr("speed") != 8 && list[0] == list[1]);
    int sum = 0;
    for (const Value &item : std::vector<Value>{list[0], list[1]})
        sum += item.as<int>();
    EQUAL(sum, 4);
    EQUAL(motor.attr("twice")(), 14);
    RAISES(rpyc::AttributeError, motor.attr("nothing").get());
    auto left = motor.attr("speed"), right = second.attr("speed");
    left = 1, right = 2;
    swap(left, right);  // what the peers have, as assigning does
    EQUAL(motor.attr("speed"), 2);
    EQUAL(second.attr("speed"), 1);
    std::vector<rpyc::Item> items{list[0], list[1]};
    list[0] = 10, list[1] = 11;
    std::iter_swap(items.begin(), items.begin() + 1);
    EQUAL(list[0], 11);
    EQUAL(list[1], 10);
}

void none_is_an_empty_optional() {
    const Shop shop;
    const Object root = rpyc::connect(shop.address()).root();
    const std::optional<int> none = root.call("none"), five = root.call("echo", 5);
    TRUE(!none && five == 5);
    const auto object = root.call("none").as<std::optional<Object>>(),
               klass = root.call("motor").as<std::optional<Object>>();
    TRUE(!object && klass && (*klass)(2).call("twice") == 4);
    const Value nothing = root.call("none");
    const std::optional<std::string> text = nothing, empty = root.call("echo", "");
    TRUE(!text && empty == "");
    Value changing = nothing;
    const std::optional<double> number = changing;
    TRUE(!number);
    std::optional<int> assigned = 3;
    RAISES(rpyc::ConversionError, assigned = root.call("none"));  // std::optional's own operator= takes it as an int
    assigned = root.call("none").as<std::optional<int>>();
    TRUE(!assigned);
    const auto several = root.call("echo", std::make_tuple(1, nullptr)).as<std::vector<std::optional<int>>>();
    TRUE(several.size() == 2 && several[0] == 1 && !several[1]);
    const std::variant<std::monostate, int> either = root.call("none");
    TRUE(either.index() == 0);
    EQUAL(root.call("echo", std::optional<int>()), nullptr);
    EQUAL(root.call("echo", std::optional<int>(3)), 3);
}

// ---------------------------------------------------------------- instances

struct Session {
    rpyc::Connection client;
    static inline std::atomic<int> alive{0}, ended{0};
    explicit Session(const rpyc::Connection &connection) : client(connection) { alive++; }
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;
    ~Session() { alive--; }
    Value ask(const std::string &name) const { return client.root().call(name); }
};

/** An instance that keeps its connection, to call the client later, goes with it. */
void instances_hold_their_connection() {
    const auto sessions = rpyc::Service::of<Session>("Sessions",
                                                     [](const rpyc::Connection &client) {
                                                         RAISES(rpyc::StateError, client.root());
                                                         return std::make_shared<Session>(client);
                                                     })
                              .expose("ask", &Session::ask)
                              .on_disconnect([](Session &session, const rpyc::Connection &) {
                                  TRUE(session.client.closed());
                                  Session::ended++;
                              });
    const rpyc::Server server("tcp://127.0.0.1:0", sessions);
    server.start();
    for (int i = 0; i < 3; i++) {
        const auto client =
            rpyc::connect(server.address(), rpyc::Service("Client").expose("name", [] { return "me"; }));
        EQUAL(client.root().call("ask", "name"), "me");
        TRUE(Session::alive > 0);
    }
    server.stop(1s);
    server.join();
    EQUAL(Session::ended.load(), 3);
    EQUAL(Session::alive.load(), 0);
}

// ---------------------------------------------------------------- tables with mistakes

void two_of_one_name_are_refused() {
    const auto refuses = [](auto f) {
        try {
            f();
        } catch (const std::invalid_argument &error) {
            return std::string(error.what());
        }
        return std::string();
    };
    EQUAL(refuses([] { rpyc::Service("S").expose("add", [] {}).expose("add(a)", [](int) {}); }),
          "SService has two members named 'exposed_add'");
    EQUAL(refuses([] { rpyc::Service("S").expose("add", [] {}).expose("exposed_add", [] {}); }),
          "SService has two members named 'exposed_add'");
    EQUAL(refuses([] { rpyc::Class<Motor>("M").expose("speed", [] {}).property("speed", &Motor::speed); }),
          "M has two members named 'exposed_speed'");
    EQUAL(refuses([] { rpyc::Class<Motor>("M").property("speed", &Motor::speed).property("speed", &Motor::speed); }),
          "M has two members named 'exposed_speed'");
    EQUAL(
        refuses([] {
            rpyc::Service("S").on_connect([](const rpyc::Connection &) {}).on_connect([](const rpyc::Connection &) {});
        }),
        "SService has two functions for on_connect");
    const auto make = [] { return std::make_shared<Motor>(); };
    EQUAL(refuses([&] { rpyc::Class<Motor>("M").constructor(make).constructor(make); }),
          "M has two functions for the constructor");
    // What a base has may be overridden, and a plain name is another one.
    const auto base = rpyc::Class<Motor>("M")
                          .expose("twice", &Motor::twice)
                          .expose_as("plain", &Motor::twice)
                          .expose("plain", &Motor::twice);
    const auto derived = rpyc::Class<Racer>("R", base).expose("twice", &Racer::turbo);
    EQUAL(derived.make(2).call("twice"), 20);
}

/** For a Python client: serves until its standard input ends. */
int serve(const char *address) {
    const rpyc::Server server = workshop(address);
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    while (std::cin.get() != std::char_traits<char>::eof()) {}
    server.stop(0ms);
    server.join();
    return Motor::alive == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc > 1)
        return serve(argv[1]);
    check::Checks checks;
    checks.add("classes-outlive-their-handles", classes_outlive_their_handles);
#ifdef RPYC_COROUTINES
    checks.add("generators-outlive-their-class", generators_outlive_their_class);
#endif
    checks.add("chains-begin-with-temporaries", chains_begin_with_temporaries);
    checks.add("peers-reach-what-has-no-handle", peers_reach_what_has_no_handle);
    checks.add("results-keep-their-connection", results_keep_their_connection);
    checks.add("close-always-ends", close_always_ends);
    checks.add("threads-share-results", threads_share_results);
    checks.add("subscriptions-keep-nothing", subscriptions_keep_nothing);
    checks.add("servers-go-on", servers_go_on);
    checks.add("accessors-assign", accessors_assign);
    checks.add("none-is-an-empty-optional", none_is_an_empty_optional);
    checks.add("instances-hold-their-connection", instances_hold_their_connection);
    checks.add("two-of-one-name-are-refused", two_of_one_name_are_refused);
    return checks.run();
}
