// served ADDRESS
//
// A server of what services and objects can be beyond the interop contract, for stock Python clients (tests/run/clients/cpp_client.py):
// own access rules, attributes that are in no table, a root for each connection, calls in a queue. It ends when it is told to.
#include <rpyc.hpp>

#include <atomic>
#include <iostream>
#include <map>
#include <thread>

using rpyc::Object;
using rpyc::Value;

namespace {

/** Every name is allowed or not by a rule of its own. */
struct Guarded {
    std::map<std::string, Value> values{{"open", 1}, {"_hidden", "seen"}};

    Value get(const std::string &name) const {
        const auto found = values.find(name);
        if (found == values.end())
            throw rpyc::AttributeError("no " + name + " for you");
        return found->second;
    }
    void set(const std::string &name, Value value) {
        if (name == "fixed")
            throw rpyc::PermissionError("fixed stays");
        values.insert_or_assign(name, std::move(value));
    }
    void del(const std::string &name) { values.erase(name); }
};

/** Its attributes are the columns of a row. */
struct Row {
    std::map<std::string, std::int64_t, std::less<>> columns{{"width", 3}, {"height", 4}};
    virtual ~Row() = default;
    bool has(std::string_view name) const {
        if (name == "broken")
            throw std::runtime_error("cannot look");
        return columns.find(name) != columns.end();
    }
    std::int64_t area() const { return columns.at("width") * columns.at("height"); }
};
struct Before {
    int something = 5;
    virtual ~Before() = default;
};
/** The base is not at the beginning: rules of the base get the base. */
struct Wide : Before, Row {};

struct Session {
    std::string user = "nobody";
    ~Session() { elsewhere += std::this_thread::get_id() != home; }
    static inline std::atomic<int> elsewhere{0};  // begun, told or ended by another thread than that of the queue
    static inline const std::thread::id home = std::this_thread::get_id();
};

/** A tree whose nodes are passed as shared pointers. */
struct Node {
    std::string name;
    std::vector<std::shared_ptr<Node>> children{};
};
/** Of which no class was made. */
struct Unknown {};

rpyc::Class<Guarded> guarded() {
    return rpyc::Class<Guarded>("Guarded")
        .get_attr(&Guarded::get)
        .set_attr([](Guarded &self, const std::string &name, Value value) { self.set(name, std::move(value)); })
        .del_attr(&Guarded::del)
        .expose("__str__()", [](const Guarded &self) { return "guarded " + std::to_string(self.values.size()); });
}

rpyc::Class<Row> rows() {
    return rpyc::Class<Row>("Row")
        .expose("area()", &Row::area)
        .dynamic(
            &Row::has, [](Row &row, const std::string &name) { return row.columns.at(name); },
            [](Row &row, const std::string &name, std::int64_t value) { row.columns[name] = value; },
            [](Row &row, const std::string &name) { row.columns.erase(name); });
}

}  // namespace

int main(int argc, char **argv) {
    try {
        const auto guarded_class = guarded();
        const auto row_class = rows();
        const auto wide_class = rpyc::Class<Wide>("Wide", row_class);
        const rpyc::Queue queue(100);
        std::atomic<bool> stop{false};

        auto service = rpyc::Service::of<Session>("Features", [] {
            Session::elsewhere += std::this_thread::get_id() != Session::home;
            return std::make_shared<Session>();
        });
        const auto told = [](const rpyc::Connection &) {
            Session::elsewhere += std::this_thread::get_id() != Session::home;
        };
        service.on_connect(told).on_disconnect(told).expose("elsewhere", [] { return Session::elsewhere.load(); });
        const auto node_class = rpyc::Class<Node>("Node")
                                    .property("name", &Node::name)
                                    .property("children", &Node::children)
                                    .expose("add(child)", [](Node &self, std::shared_ptr<Node> child) {
                                        self.children.push_back(std::move(child));
                                    });
        const auto tree = std::make_shared<Node>(Node{"tree"});
        service.expose("tree", [tree] { return tree; })
            .expose("no_node", [] { return std::shared_ptr<Node>(); })
            .expose("new_node(name)", [](const std::string &name) { return std::make_unique<Node>(Node{name}); })
            .expose("name_of(node)",
                    [](const std::shared_ptr<Node> &node) { return node != nullptr ? node->name : "none"; })
            .expose("unknown", [] { return std::make_shared<Unknown>(); })
            .expose("written", [] {
                return rpyc::list{1, "x", rpyc::list{rpyc::list{}}, rpyc::dict{{"a", 1}, {2, nullptr}}};
            });
        const rpyc::Class<Session> guests = rpyc::Class<Session>("Guest").expose("greet()", [] { return "a guest"; });
        service.expose("guarded", [guarded_class] { return guarded_class.make(); })
            .expose("row", [row_class] { return row_class.make(); })
            .expose("wide", [wide_class] { return wide_class.make(); })
            .expose("live",
                    [] {
                        return rpyc::List({1, 2, 3});
                    })
            .expose("view",
                    [row_class] {
                        return row_class.make().restricted({"area", "width"});
                    })
            .expose("count(to)",
                    [](int to) {
                        return rpyc::generator([to, n = 0]() mutable -> std::optional<int> {
                            return n < to ? std::make_optional(n++) : std::nullopt;
                        });
                    })
            .expose("login(user)", [](Session &session, std::string user) { session.user = std::move(user); })
            .expose("sum_of_list(items)",
                    [](const rpyc::List &items) {
                        std::int64_t sum = 0;
                        for (const Value &item : items)
                            sum += item.as<std::int64_t>();
                        return sum;
                    })
            .expose("thread_is_main",
                    [main = std::this_thread::get_id()] { return std::this_thread::get_id() == main; })
            .expose("become_guest", [guests](rpyc::Call &call) { call.connection().set_root(guests.make()); })
            .expose("numbers", [] { return rpyc::numbers(std::vector<double>(1000, 0.5)); })
            .expose("stop", [&] { stop = true; })
            .dynamic([](Session &session, std::string_view name) { return name == "user_" + session.user; },
                     [](const Session &session, const std::string &) { return "hello " + session.user; });
#ifdef RPYC_COROUTINES
        service.expose("squares(to)", [](int to) -> rpyc::Generator<int> {
            for (int i = 0; i < to; i++)
                co_yield i *i;
        });
#endif
        // A service without instances has rules of its own as well.
        rpyc::Service plain("Plain");
        plain.expose("normal", [] { return 1; })
            .dynamic([](std::string_view name) { return name.substr(0, 5) == "call_"; },
                     [](const std::string &name) { return rpyc::function("call", [name] { return name.substr(5); }); });

        const rpyc::Config config{{"allow_setattr", "true"}, {"allow_delattr", "true"}, {"allow_public_attrs", "true"}};
        const rpyc::Server server(argc > 1 ? argv[1] : "tcp://127.0.0.1:0", service, config);
        const rpyc::Server other("tcp://127.0.0.1:0", plain, config);
        queue.set_hooks(true);
        server.set_queue(queue);
        server.start();
        other.start();
        std::cout << "listening " << server.address() << ' ' << other.address() << std::endl;
        while (!stop)
            queue.run(0, std::chrono::seconds(1));
        server.stop();
        other.stop();
        server.join();
        other.join();
        std::cout << "stopped" << std::endl;
        return Session::elsewhere;
    } catch (const std::exception &error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
