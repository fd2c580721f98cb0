// hostile ADDRESS ROUNDS: a client of hostile servers (tests/hostile/server.py). Each round connects and makes every operation that
// asks the peer for something. What comes of each is a value or an exception of rpyc::Error with a text in one line.
#include <rpyc.hpp>

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

int passed = 0, failed = 0;
std::map<std::string, int> outcomes;

void check(bool good, const std::string &what) {
    (good ? passed : failed)++;
    if (!good && failed < 50)
        std::cerr << "not so: " << what << std::endl;
}

/** Runs an operation: true if it gave something. */
template <class F>
bool tried(const char *what, F &&operation) {
    try {
        operation();
        outcomes["a value"]++;
        return passed++, true;
    } catch (const rpyc::Error &error) {
        outcomes[rpyc_status_name(error.status())]++;
        bool plain = error.what()[0] != '\0';
        for (const char *c = error.what(); *c; c++)
            plain = plain && !std::iscntrl(static_cast<unsigned char>(*c));
        check(plain, std::string(what) + " says " + error.what());
    } catch (const std::exception &other) {
        check(false, std::string(what) + " throws " + other.what());
    }
    return false;
}

void on_object(const rpyc::Object &object) {
    const auto callback = [](rpyc::Value value) { return value; };
    tried("str", [&] { static_cast<void>(object.str()); });
    tried("repr", [&] { static_cast<void>(object.repr()); });
    tried("hash", [&] { static_cast<void>(object.hash()); });
    tried("dir", [&] { static_cast<void>(object.dir()); });
    tried("inspect", [&] { static_cast<void>(object.inspect()); });
    tried("get_attr", [&] { static_cast<void>(object.get_attr("x")); });
    tried("as int", [&] { static_cast<void>(object.attr("x").as<int>()); });
    tried("as vector", [&] { static_cast<void>(object.attr("x").as<std::vector<double>>()); });
    tried("as map", [&] { static_cast<void>(object.attr("x").as<std::map<std::string, int>>()); });
    tried("as string", [&] { static_cast<void>(object.attr("x").as<std::string>()); });
    tried("set_attr", [&] { object.set_attr("x", 1); });
    tried("del_attr", [&] { object.del_attr("x"); });
    tried("call", [&] { static_cast<void>(object.call("work", 1, callback)); });
    tried("call as", [&] { static_cast<void>(object.call("work").as<std::vector<std::string>>()); });
    tried("()", [&] { static_cast<void>(object(callback)); });
    tried("compare", [&] { static_cast<void>(object.compare(RPYC_LT, 1)); });
    tried("equal", [&] { static_cast<void>(object.equal(1)); });
    tried("truth", [&] { static_cast<void>(object.truth()); });
    tried("size", [&] { static_cast<void>(object.size()); });
    tried("contains", [&] { static_cast<void>(object.contains(1)); });
    tried("is_instance", [&] { static_cast<void>(object.is_instance(object)); });
    tried("get_item", [&] { static_cast<void>(object.get_item(1)); });
    tried("set_item", [&] { object.set_item(1, 2); });
    tried("del_item", [&] { object.del_item(1); });
    tried("iteration", [&] {
        int n = 0;
        for (const rpyc::Value &item : object)
            if (static_cast<void>(item.kind()), ++n > 20)
                break;
    });
    tried("next", [&] { static_cast<void>(object.iter().next()); });
    tried("next_chunk", [&] { static_cast<void>(object.iter().next_chunk(5)); });
    tried("enter", [&] { static_cast<void>(object.enter()); });
    tried("exit", [&] { static_cast<void>(object.exit()); });
    tried("obtain", [&] { static_cast<void>(object.obtain(10, 1000, 100000)); });
    tried("async", [&] { static_cast<void>(object.async_call("work", 1).get()); });
    tried("async as", [&] { static_cast<void>(object.async_call("work").get().as<int>()); });
    tried("classic", [&] {
        const rpyc::Classic classic(object.connection());
        tried("eval", [&] { static_cast<void>(classic.eval("1 + 1")); });
        tried("execute", [&] { classic.execute("x = 1"); });
        tried("module", [&] { static_cast<void>(classic.module("os").get_attr("path")); });
        tried("obtain", [&] { static_cast<void>(classic.obtain(classic.module("os"), 10, 1000, 100000)); });
    });
}

void one_round(const std::string &address, int number) {
    const char *const dialects[] = {"6", "auto", "5", "6"};
    rpyc::Config config{{"dialect", dialects[number % 4]}, {"native", number % 4 == 3 ? "on" : "accept"}};
    config.set("connect_timeout", 500ms).set("sync_request_timeout", 500ms).set("close_timeout", 200ms);
    tried("connect", [&] {
        const rpyc::Connection connection = rpyc::connect(address, config);
        tried("ping", [&] { connection.ping(); });
        tried("root", [&] { on_object(connection.root()); });
        tried("close", [&] { connection.close(); });
    });
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    for (int number = 0; number < std::atoi(argv[2]); number++)
        one_round(argv[1], number);
    for (const auto &[outcome, count] : outcomes)
        std::cout << outcome << ": " << count << "\n";
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed > 0;
}
