// classic tcp://HOST:PORT FOLDER: drives a stock rpyc_classic.py.
// classic --slave ADDRESS: is driven by a stock client (tests/run/clients/cpp_master.py), until that says so.
// classic --names ADDRESS: hands out a class to one, tests/run/clients/slave_names.py.
#include "interop/check.hpp"

#include <atomic>
#include <fstream>
#include <iterator>
#include <sys/stat.h>
#include <thread>

using rpyc::Object;
using rpyc::Value;
using namespace std::chrono_literals;

namespace {

void write(const std::string &path, const std::string &text) { std::ofstream(path, std::ios::binary) << text; }
std::string read(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

int master(const std::string &address, const std::string &folder) {
    const rpyc::Classic classic(address);
    check::Checks checks;
    checks.add("modules", [&] {
        EQUAL(classic.module("os.path").call("join", "a", "b"), "a/b");
        EQUAL(classic.call("os.path", "join", "a", "b"), "a/b");
        EQUAL(classic.call("", "sorted", rpyc::as_tuple(std::vector<int>{3, 1, 2}), rpyc::kw("reverse") = true)
                  .as<std::vector<int>>()
                  .at(0),
              3);
        EQUAL(classic.builtins().call("len", "four"), 4);
        EQUAL(classic.module("xml.dom.minidom").attr("__name__"), "xml.dom.minidom");
        RAISES(rpyc::ModuleNotFoundError, classic.module("no_such_module"));
    });
    checks.add("eval-and-execute", [&] {
        classic.execute("x = 40\ndef f(n):\n    return n + x");
        EQUAL(classic.eval("x + 2"), 42);
        EQUAL(classic.names()["f"](2), 42);
        EQUAL(classic.get("x"), 40);
        classic.set("y", 9);
        EQUAL(classic.eval("x + y"), 49);
        RAISES(rpyc::ZeroDivisionError, classic.eval("1 / 0"));
        RAISES(rpyc::KeyError, classic.get("nothing"));
        RAISES(rpyc::SyntaxError, classic.eval(std::string_view()));
    });
    checks.add("copies", [&] {
        const Object far = classic.eval("[1, {'a': (2, 3)}]");
        EQUAL(classic.obtain(far)[1]["a"], std::make_tuple(2, 3));
        EQUAL(far.obtain()[0], 1);
        const Object there = classic.deliver(std::map<std::string, std::vector<int>>{{"k", {1, 2}}});
        classic.set("there", there);
        EQUAL(classic.eval("type(there).__name__ + str(there)"), "dict{'k': [1, 2]}");
        const Object buffer = classic.call("", "bytearray", rpyc::bytes("ab")),
                     range = classic.call("", "range", 1, 9, 3);
        classic.set("mixed", classic.deliver(rpyc::dict{{"all", rpyc::list{buffer, range, rpyc::list{1}}}}));
        EQUAL(classic.eval("repr(mixed)"), "{'all': [bytearray(b'ab'), range(1, 9, 3), [1]]}");
        RAISES(rpyc::ConversionError, classic.deliver(rpyc::list{rpyc::List()}));
        classic.set("lent", std::vector<int>{1, 2});
        EQUAL(classic.eval("sum(lent)"), 3);
        RAISES(rpyc::ConversionError, classic.deliver(classic.builtins()));
    });
    checks.add("files", [&] {
        const std::string from = folder + "/from", to = folder + "/to", back = folder + "/back";
        mkdir(from.c_str(), 0700);
        write(from + "/text", "some text");
        write(from + "/left out", "nobody wants it");
        write(from + "/large", std::string(300000, 'x'));
        rpyc::Transfer how;
        how.chunk_size = 10000;
        std::uint64_t most = 0, calls = 0;
        how.filter = [](const std::string &name) { return name != "left out"; };
        how.progress = [&](const rpyc_transfer_progress &progress) {
            return most = std::max(most, progress.done), ++calls > 0;
        };
        classic.upload(from, to, how);
        EQUAL(read(to + "/text"), "some text");
        TRUE(read(to + "/large").size() == 300000 && read(to + "/left out").empty());
        TRUE(most == 300000 && calls > 30);
        classic.download(to, back);
        EQUAL(read(back + "/text"), "some text");
        how.progress = [](const rpyc_transfer_progress &) -> bool { throw std::runtime_error("enough"); };
        EQUAL(std::string(RAISES(std::runtime_error, (classic.download(to, back, how), 0)).what()), "enough");
        how.progress = [](const rpyc_transfer_progress &) { return false; };
        RAISES(rpyc::StateError, (classic.upload(from, to, how), 0));
        RAISES(rpyc::IoError, (classic.upload(folder + "/nothing", to), 0));
    });
    checks.add("streams", [&] {
        std::ostringstream out, err;
        std::istringstream in("first\nsecond and last");
        {
            const rpyc::Redirection streams = classic.redirect(out, err, in);
            classic.execute("import sys; print('out'); print('err', file=sys.stderr); got = [input(), input()]");
            EQUAL(out.str(), "out\n");
            EQUAL(err.str(), "err\n");
            EQUAL(rpyc::as_tuple(classic.get("got").as<std::vector<std::string>>()),
                  std::make_tuple("first", "second and last"));
        }
        std::string text;
        rpyc::Redirection mine = classic.redirect([&](std::string_view more) { text += more; });
        classic.execute("print('to a function')");
        mine.end();
        mine.end();
        EQUAL(text, "to a function\n");
        EQUAL(out.str(), "out\n");
        const auto throws = classic.redirect([](std::string_view) { throw std::runtime_error("no"); });
        classic.execute("print('nobody hears it')");
    });
    checks.add("both-ends", [&] {
        const Object end = classic.peer_connection();
        EQUAL(end.attr("closed"), false);
        const rpyc::Classic same(classic.connection());
        EQUAL(same.eval("1"), 1);
        const rpyc::Classic copy = same;
        EQUAL(copy.eval("2"), 2);
    });
    return checks.run();
}

/** What a slave hands out: tests/run/clients/slave_names.py. */
struct Motor {
    std::int64_t speed;
    std::string name;
    std::int64_t faster(std::int64_t by) { return speed += by; }
    std::string show_name() const { return name; }
};

int names(const std::string &address) {
    std::atomic<int> connected{0}, served{0};
    auto motors = rpyc::Class<Motor>("Motor")
                      .expose("faster(by=1)", &Motor::faster)
                      .expose("show_name", &Motor::show_name)
                      .property("speed", &Motor::speed, [](Motor &motor, std::int64_t speed) { motor.speed = speed; })
                      .constructor("Motor(speed, name='m')", [](std::int64_t speed, std::string name) {
                          return std::make_shared<Motor>(Motor{speed, std::move(name)});
                      });
    const Object motor = rpyc::module("motor"), builtins = rpyc::module("builtins");
    motor.set_attr("Motor", motors.object());
    motor.set_attr("shared", motors.wrap(std::make_shared<Motor>(Motor{7, "shared"})));
    builtins.set_attr("answer", 42);
    rpyc::Slave slave;
    slave.module("motor", motor)
        .module("builtins", builtins)
        .evaluator([](rpyc::Call &call, const std::string &text) -> Value { return rpyc::Slave::names_of(call)[text]; })
        .executor([](rpyc::Call &call, const std::string &text) { rpyc::Slave::names_of(call)[text] = true; })
        .on_connect([&](const rpyc::Connection &) { connected++, served++; })
        .on_disconnect([&](const rpyc::Connection &) { connected--; });
    try {
        rpyc::Class<Motor>("Motor").constructor("Other(a)", [](int) { return std::shared_ptr<Motor>(); });
        return 1;
    } catch (const std::invalid_argument &) {
        // It has another name.
    }
    const rpyc::Server server(address, slave);
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    while (served == 0 || connected > 0)
        std::this_thread::sleep_for(10ms);
    server.stop();
    server.join();
    return 0;
}

int slave(const std::string &address) {
    std::atomic<bool> stop{false};
    std::atomic<int> connected{0};
    std::int64_t level = 0;
    const Object motor = rpyc::module("motor", "It turns.");
    motor.set_attr("speed", 3);
    rpyc::Slave slave;
    slave.module("motor", motor)
        .importer([](const std::string &name) -> Object {
            if (name != "made.on.demand")
                throw rpyc::ModuleNotFoundError("No module named '" + name + "'");
            return rpyc::module(name);
        })
        .evaluator([&](rpyc::Call &call, const std::string &text) -> Value {
            if (text == "level")
                return level;
            if (text == "speed")
                return rpyc::Slave::module_of(call, "motor").attr("speed");
            throw rpyc::SyntaxError("level or speed, not " + text);
        })
        .executor([&](rpyc::Call &call, std::string_view text) {
            level = static_cast<std::int64_t>(text.size());
            const Value out = rpyc::Slave::module_of(call, "sys").attr("stdout");
            if (!out.is_none())
                out.call("write", "executed");
            stop = text == "stop";
        })
        .names([shared = rpyc::Dict({{"x", 1}})] { return shared; })
        .on_connect([&](const rpyc::Connection &) { connected++; })
        .on_disconnect([&](const rpyc::Connection &) { connected--; })
        .doc("A motor.");
    const rpyc::Server server(address, slave);
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    try {
        slave.doc("too late");
        return 1;
    } catch (const rpyc::StateError &) {
        // It is in use.
    }
    while (!stop || connected > 0)
        std::this_thread::sleep_for(10ms);
    server.stop();
    server.join();
    return 0;
}

}  // namespace

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    try {
        if (std::string(argv[1]) == "--names")
            return names(argv[2]);
        return std::string(argv[1]) == "--slave" ? slave(argv[2]) : master(argv[1], argv[2]);
    } catch (const std::exception &error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
