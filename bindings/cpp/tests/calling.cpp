// calling tcp://HOST:PORT FOLDER
//
// What the binding does with a stock Python server (tests/run/clients/cpp_server.py) beyond the interop contract.
#include "ends.hpp"
#include "interop/check.hpp"

#include <atomic>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <thread>
#include <unistd.h>

using rpyc::Object;
using rpyc::Value;
using namespace std::chrono_literals;

namespace {

struct Account {
    std::string owner = "Ann";
    double balance = 10;
    double pay(double amount) { return balance += amount; }
};

struct Fixture {
    std::string address{}, folder{};
    rpyc::Config config = rpyc::Config{{"allow_setattr", "true"}, {"allow_public_attrs", "true"}};
    rpyc::Service service{"Client"};
    rpyc::Connection conn{};
    Object root{};

    Fixture(std::string where, std::string files) : address(std::move(where)), folder(std::move(files)) {
        conn = connect();
        root = conn.root();
    }
    rpyc::Connection connect() const { return rpyc::connect(address, service, config); }
};

template <class T>
T got(const rpyc::Future<Value> &future) {
    return future.get().as<T>();
}

void classes(check::Checks &checks, const Fixture &c) {
    checks.add("classes-of-several-connections", [&] {
        const rpyc::Connection other = c.connect();
        const Object item = c.root.call("make", "x"), own = c.root.call("item_class"),
                     theirs = other.root().call("item_class");
        TRUE(item.is_instance(own) && item.is_instance(theirs) && !own.is_instance(theirs) &&
             !c.root.is_instance(theirs));
        EQUAL(item.async_is_instance(theirs).get(), true);
        // Passed on to a third one, where it is a class that constructs.
        rpyc::Service judge("Judge");
        judge.expose("instance", [](const Object &one, const Object &klass) { return one.is_instance(klass); });
        judge.expose("is_class", [](const Object &klass) { return klass.is_class(); });
        judge.expose("make", [](const Object &klass) { return klass("made"); });
        const Ends ends(judge);
        EQUAL(ends.root.call("is_class", own), true);
        EQUAL(ends.root.call("is_class", item), false);
        EQUAL(ends.root.call("instance", item, own), true);
        EQUAL(ends.root.call("instance", item, theirs), true);
        EQUAL(ends.root.call("instance", own, theirs), false);
        EQUAL(ends.root.call("instance", c.root, theirs), false);
        const Object made = ends.root.call("make", own);
        TRUE(made.is_instance(theirs) && ends.root.call("instance", made, own).as<bool>());
        // By name, where one of them is of this process.
        const rpyc::List list;
        TRUE(list.is_instance(c.root.call("list_class")) && !list.is_instance(own));
    });
}

void asynchronous(check::Checks &checks, const Fixture &c) {
    checks.add("asynchronous-forms", [&] {
        const Object item = c.root.call("make", "x");
        item.async_set_attr("label", "renamed").get();
        EQUAL(got<std::string>(item.async_attr("label")), "renamed");
        item.async_set_item("k", 1).get();
        item.async_set_item("l", 2).get();
        EQUAL(item.async_get_item("k").get(), 1);
        EQUAL(item.async_contains("k").get(), true);
        EQUAL(item.async_size().get(), 2);
        EQUAL(item.async_compare(RPYC_LT, 5).get(), true);
        item.async_del_item("l").get();
        EQUAL(item.async_contains("l").get(), false);
        RAISES(rpyc::KeyError, (item.async_get_item("l").get(), 0));
        EQUAL(item.async_str().get(), "item renamed");
        EQUAL(item.async_repr().get(), "<item>");
        EQUAL(item.async_hash().get(), item.hash());
        TRUE(item.async_dir().get().size() > 10);
        TRUE(item.async_inspect().get().size() > 5);
        EQUAL(item.async_is_instance(c.root.call("item_class")).get(), true);
        const Object iterator = item.async_iter().get();
        EQUAL(iterator.async_next().get(), "k");
        EQUAL(iterator.async_next_chunk(5).get(), std::tuple<>());
        RAISES(rpyc::StopIteration, (iterator.async_next().get(), 0));
        TRUE(item.async_enter().get().object() == item);
        const rpyc::StateError why(RPYC_ERR_STATE, "\xff");  // no text, and yet a reason
        EQUAL(item.async_exit(&why).get(), true);
        EQUAL(item.call("state_now"), "left with an error");
        item.enter();
        item.async_exit().get();
        EQUAL(item.call("state_now"), "left");
        item.async_del_attr("label").get();
        RAISES(rpyc::AttributeError, (item.async_attr("label").get(), 0));
    });
    checks.add("asynchronous-requests", [&] {
        const auto sum =
            c.conn.async_request(RPYC_HANDLE_CALLATTR, c.root, "slow", std::make_tuple(0.01, 7), std::tuple<>());
        EQUAL(sum.get(), 7);
        RAISES(rpyc::UsageError, (c.conn.async_request(RPYC_HANDLE_PING, rpyc::kw("data") = "x"), 0));
        RAISES(rpyc::UsageError, c.conn.sync_request(RPYC_HANDLE_PING, rpyc::kw("data") = "x"));
    });
    checks.add("cancel", [&] {
        const rpyc::Connection other = c.connect();
        const auto slow = other.root().async_call("slow", 0.5, 1);
        const auto number = slow.as<int>();
        const auto next = number.then([](int n) { return n + 1; });
        TRUE(next.cancel());  // the request behind it
        RAISES(rpyc::Cancelled, slow.get());
        RAISES(rpyc::Cancelled, next.get());
        TRUE(!slow.cancel() && slow.ready() && next.ready());
        EQUAL(other.root().call("slow", 0, 2), 2);
        const auto quick = other.root().async_call("slow", 0, 3);
        quick.wait();
        TRUE(!quick.cancel());
        EQUAL(quick.get(), 3);
        TRUE(!rpyc::Promise<int>().future().cancel());
        const auto timed = other.root().async_call("slow", 0.5, 1).as<int>();
        timed.expire_in(10ms);
        RAISES(rpyc::Timeout, timed.get());
    });
    checks.add("time-limits", [&] {
        const rpyc::Connection other = c.connect();
        const rpyc::Object root = other.root();
        RAISES(rpyc::Timeout, root.call("slow", 0.5, 1, rpyc::timeout(20ms)));
        EQUAL(root.call("slow", 0, 2, rpyc::timeout(60s)), 2);  // the late answer was dropped
        RAISES(rpyc::Timeout, root.attr("slow").get().object()(0.5, 1, rpyc::timeout(20ms)));
        {
            const rpyc::timeout limit(20ms);
            RAISES(rpyc::Timeout, root.call("slow", 0.5, 1, rpyc::timeout(60s)));  // it can only be shortened
            RAISES(rpyc::Timeout, root.attr("label").str());
        }
        EQUAL(root.call("slow", 0, 3), 3);
        RAISES(rpyc::Timeout, root.async_call("slow", 0.5, 1, rpyc::timeout(20ms)).get());
        EQUAL(root.async_call("slow", 0, 4, rpyc::timeout(60s)).get(), 4);
    });
    checks.add("call-by-name", [&] {
        const rpyc::Object slow = c.root.attr("slow").object();
        EQUAL(slow.call("__call__", 0, 1), 1);
        EQUAL(slow.async_call("__call__", 0, 2).get(), 2);
        EQUAL(slow.attr("__call__")(0, 3), 3);
    });
    checks.add("interrupt", [&] {
        const rpyc::Connection other = c.connect();
        const rpyc::Object root = other.root();
        other.interrupt();  // nobody waits: it is the next one
        RAISES(rpyc::Interrupted, root.call("slow", 0, 1));
        EQUAL(root.call("slow", 0, 2), 2);
        const auto later = root.async_call("slow", 0.3, 3).as<int>();
        other.interrupt();
        RAISES(rpyc::Interrupted, later.get());
        other.interrupt();
        RAISES(rpyc::Interrupted, later.wait());
        other.interrupt();
        RAISES(rpyc::Interrupted, later.wait_for(60s));
        EQUAL(later.get(), 3);  // may be waited for again
        std::thread soon([&] {
            std::this_thread::sleep_for(50ms);
            other.interrupt();
        });
        RAISES(rpyc::Interrupted, root.call("slow", 2, 4));
        soon.join();
    });
    checks.add("wait-any", [&] {
        const rpyc::Connection other = c.connect(), busy = c.connect();
        std::vector<rpyc::Future<int>> futures;
        futures.emplace_back(busy.root().async_call("slow", 30, 1));
        futures.emplace_back(other.root().async_call("slow", 0.1, 2));
        TRUE(rpyc::wait_any(futures) == 1);
        EQUAL(futures[1].get(), 2);
        TRUE(rpyc::wait_any_for(futures, 60s) == std::size_t{1});
        futures.pop_back();
        TRUE(!rpyc::wait_any_for(futures, 30ms));
        TRUE(futures[0].cancel());
        TRUE(rpyc::wait_any(futures) == 0);
        const rpyc::Promise<std::string> promise;
        std::thread kept([&] { std::this_thread::sleep_for(50ms), promise.set_value("kept"); });
        const auto late = other.root().async_call("slow", 30, 1);
        TRUE(rpyc::wait_any(late, promise.future()) == 1);
        kept.join();
        late.cancel();
        RAISES(rpyc::UsageError, rpyc::wait_any(std::vector<rpyc::Future<int>>()), 0);
    });
    checks.add("wait-all", [&] {
        const rpyc::Connection other = c.connect(), third = c.connect();
        std::vector<rpyc::Future<std::string>> texts;
        for (int i = 0; i < 3; i++)
            for (const auto &conn : {other, third})
                texts.push_back(
                    conn.root().async_call("slow", 0.01, i).as<int>().then([](int n) { return std::to_string(n); }));
        rpyc::wait_all(texts);
        for (const auto &text : texts)
            TRUE(text.wait_for(0s));
        EQUAL(texts[5].get(), "2");
        const auto fails = third.root().async_call("nothing");
        const auto works = other.root().async_call("slow", 0.01, 5);
        rpyc::wait_all(fails, works);
        RAISES(rpyc::AttributeError, fails.get());
        EQUAL(works.get(), 5);
        const auto late = other.root().async_call("slow", 0.6, 1);
        TRUE(!rpyc::wait_all_for(std::vector<rpyc::Future<Value>>{works, late}, 20ms));
        TRUE(rpyc::wait_all_for(std::vector<rpyc::Future<Value>>{works, late}, 60s));
        TRUE(rpyc::wait_all_for(std::vector<rpyc::Future<Value>>{}, 0s));
        TRUE(works.wait_for(std::chrono::hours::max()));
    });
}

void buffers(check::Checks &checks, const Fixture &c) {
    checks.add("buffers", [&] {
        const rpyc::Buffer own(200000);
        {
            const Value blob = c.root.call_into(own, "blob", 131072);
            const auto bytes = blob.as<rpyc::bytes_view>();
            TRUE(bytes.data == own.data() && bytes.size == 131072 && bytes.data[511] == 255);
            TRUE(own.busy() && own.capacity() == 200000);
            const Value meanwhile = c.root.call_into(own, "blob", 256);
            TRUE(meanwhile.as<rpyc::bytes_view>().data != own.data());
        }
        TRUE(!own.busy());
        EQUAL(c.root.call_into(own, "text"), "no bytes");
        TRUE(c.root.call_into(own, "blob", 262144).as<rpyc::bytes>().size() == 262144);
        const rpyc::Buffer same = own;
        const Value later = c.root.async_call_into(same, "blob", rpyc::kw("size") = 512).get();
        TRUE(later.as<rpyc::bytes_view>().data == own.data());
    });
    checks.add("buffers-of-the-program", [&] {
        const auto memory = std::make_shared<std::vector<std::uint8_t>>(4096);
        const std::weak_ptr<std::vector<std::uint8_t>> watch = memory;
        Value blob;
        {
            const rpyc::Buffer buffer(memory->data(), memory->size(), memory);
            blob = c.root.call_into(buffer, "blob", 1024);
            TRUE(memory->at(1023) == 255);
        }
        TRUE(watch.use_count() == 2);
        TRUE(blob.as<rpyc::bytes_view>().data == memory->data());
        blob = Value();
        TRUE(watch.use_count() == 1);
    });
}

void sharing(check::Checks &checks, const Fixture &c) {
    checks.add("restricted-views", [&] {
        const auto accounts =
            rpyc::Class<Account>("Account")
                .expose("pay(amount)", &Account::pay)
                .property("balance", &Account::balance, [](Account &one, double value) { one.balance = value; })
                .property("owner", &Account::owner, [](Account &one, std::string name) { one.owner = std::move(name); })
                .expose("secret()", [] { return 1; });
        const Object account = accounts.make();
        const Object view = account.restricted({"balance", "pay"}, {"owner"});
        EQUAL(c.root.call("give", view), std::make_tuple("10.0", "15.0", "refused", "None", "refused"));
        EQUAL(accounts.self(account)->owner, "me");
    });
    checks.add("lists-and-dicts-that-both-change", [&] {
        const rpyc::List items({1, 2, 3});
        const auto table = rpyc::Dict::of(std::map<std::string, int>{{"old", 1}, {"new", 2}});
        EQUAL(c.root.call("change", items, table), std::make_tuple(10, true, 2));
        EQUAL(rpyc::as_tuple(items.snapshot().as<std::vector<Value>>()), std::make_tuple(10, 3, "from Python", 7));
        TRUE(items.size() == 4 && table.size() == 2);
        items.append("end");
        items.insert(0, "front");
        items.remove(1);
        items.set(-1, nullptr);
        EQUAL(items.get(0), "front");
        TRUE(items.get(-1).is_none());
        RAISES(rpyc::ConversionError, items.get(99));
        items[1] = "through the object";
        EQUAL(items.get(1), "through the object");
        TRUE(items.contains("front"));
        EQUAL(*table.get("python"), 4);
        TRUE(!table.get("old") && !table.remove("old") && table.remove("new"));
        table.set("more", 1);
        EQUAL(table.snapshot()["more"], 1);
        table.clear();
        items.clear();
        TRUE(table.size() == 0 && items.size() == 0);
        EQUAL(rpyc::List::of(std::vector<int>{4, 5}).size(), 2u);
        RAISES(rpyc::ConversionError, Value(c.root.call("make", "x")).as<rpyc::List>());
        RAISES(rpyc::ConversionError, Value(items).as<rpyc::Dict>());
        RAISES(rpyc::ConversionError, Value(5).as<rpyc::Dict>());
        TRUE(Value(items).as<rpyc::List>() == items);
    });
    checks.add("generators", [&] {
        int made = 0;
        const Object numbers = rpyc::generator([&made, n = 0]() mutable -> std::optional<int> {
            made++;
            return n < 5 ? std::make_optional(n++) : std::nullopt;
        });
        EQUAL(c.root.call("take", numbers, 2), std::make_tuple(std::make_tuple(0, 1), std::make_tuple(2, 3, 4)));
        TRUE(made == 6);
        const Object echo =
            rpyc::generator([](const Value &sent) -> std::optional<std::string> { return "got " + sent.repr(); });
        EQUAL(c.root.call("talk", echo), std::make_tuple("got None", "got 'a'", "got 'b'"));
        const Object fails = rpyc::generator([]() -> std::optional<int> { throw std::out_of_range("far"); });
        RAISES(rpyc::IndexError, c.root.call("take", fails, 1));
    });
#ifdef RPYC_COROUTINES
    checks.add("generators-that-yield", [&] {
        const auto count = [](int from, int to) -> rpyc::Generator<int> {
            for (int i = from; i < to; i++)
                co_yield i;
            if (to < 0)
                throw rpyc::ValueError("below zero");
        };
        EQUAL(c.root.call("take", count(0, 3), 1), std::make_tuple(std::make_tuple(0), std::make_tuple(1, 2)));
        RAISES(rpyc::ValueError, c.root.call("take", count(0, -1), 1));
        auto mine = count(7, 8);
        TRUE(mine.next() == 7 && !mine.next() && !mine.next());
        auto dropped = count(0, 100);
        TRUE(dropped.next() == 0);
        auto moved = std::move(dropped);
        TRUE(moved.next() == 1);
    });
#endif
    checks.add("files", [&] {
        const std::string path = c.folder + "/lines.txt";
        std::ofstream(path) << "one\ntwo\nthree\n";
        const Object file = rpyc::adopt_file(open(path.c_str(), O_RDONLY | O_CLOEXEC), "r");
        EQUAL(c.root.call("lines", file), std::make_tuple("one\n", std::make_tuple("two\n", "three\n")));
        const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
        EQUAL(c.root.call("lines", rpyc::share_file(fd, "rb")),
              std::make_tuple(rpyc::bytes("one\n"), std::make_tuple(rpyc::bytes("two\n"), rpyc::bytes("three\n"))));
        TRUE(lseek(fd, 0, SEEK_SET) == 0 && close(fd) == 0);
        RAISES(rpyc::Error, rpyc::adopt_file(-1, "r"));
        RAISES(rpyc::Error, rpyc::share_file(0, "what"));
    });
}

void serving(check::Checks &checks, const Fixture &c) {
    checks.add("serving-in-the-background", [&] {
        const rpyc::Connection conn = c.connect();
        const rpyc::Serving threads = conn.serve_background(2, true);
        TRUE(threads.running());
        std::atomic<int> seen{0};
        std::atomic<bool> mixed_up{false};
        conn.root().call(
            "call_me", [&](int number) { mixed_up = mixed_up || seen.fetch_add(1) != number; }, 20);
        for (int i = 0; i < 6000 && seen < 20; i++)
            std::this_thread::sleep_for(10ms);
        TRUE(seen == 20 && !mixed_up);
        const rpyc::Serving same = threads;
        same.stop();
        threads.join();
        TRUE(!same.running());
        conn.close();
    });
    checks.add("serving-in-several-threads", [&] {
        const rpyc::Connection conn = c.connect();
        std::atomic<int> seen{0};
        std::thread server([&] { conn.serve_threaded(2); });
        conn.root().call(
            "call_me", [&](int) { seen++; }, 5);
        for (int i = 0; i < 6000 && seen < 5; i++)
            std::this_thread::sleep_for(10ms);
        conn.close();
        server.join();
        TRUE(seen == 5);
    });
    checks.add("queues", [&] {
        const rpyc::Queue queue(10);
        queue.set_timeout(60s);
        const rpyc::Connection conn = c.connect();
        conn.set_queue(queue);
        const rpyc::Serving reader = conn.serve_background();
        const auto here = std::this_thread::get_id();
        int seen = 0;
        bool elsewhere = false;
        conn.root().call(
            "call_me", [&](int) { seen++, elsewhere = elsewhere || std::this_thread::get_id() != here; }, 3);
        pollfd readable = {queue.fileno(), POLLIN, 0};
        TRUE(poll(&readable, 1, 60000) == 1 && queue.size() == 1);
        while (seen < 3)
            TRUE(queue.run(1, 60s) == 1);
        TRUE(!elsewhere && queue.run() == 0 && queue.size() == 0);
        conn.close();
        reader.join();
    });
    checks.add("event-loops", [&] {
        const rpyc::Connection conn = c.connect();
        const Object root = conn.root();
        conn.set_nonblocking();
        TRUE(conn.wake_fileno() >= 0 && conn.write_fileno() == conn.fileno() && !conn.next_deadline());
        bool done = false;
        const auto slow = root.async_call("slow", 0.05, 5);
        slow.expire_in(60s);
        TRUE(conn.next_deadline() && *conn.next_deadline() <= 60s);
        const auto next = slow.then([&](int n) {
            done = true;
            return n;
        });
        while (!done) {
            const auto wanted = conn.interest();
            pollfd ready = {
                conn.fileno(),
                static_cast<short>((wanted & RPYC_WAIT_READ ? POLLIN : 0) | (wanted & RPYC_WAIT_WRITE ? POLLOUT : 0)),
                0};
            TRUE(poll(&ready, 1, 60000) == 1);
            conn.process();
        }
        EQUAL(next.get(), 5);
        conn.set_nonblocking(false);
        TRUE(conn.wake_fileno() == -1);
    });
    checks.add("connections-tell-and-are-told", [&] {
        std::vector<std::string> closed;
        std::atomic<int> messages{0};
        rpyc::Config config;
        config
            .set_before_closed(
                [&](const rpyc::Connection &, const Object &root) { closed.push_back(root.call("text")); })
            .set_credentials("Ann")
            .set_endpoints("here", "there")
            .set_logger(RPYC_LOG_DEBUG, [&](std::int32_t, std::string_view text) { messages += text.empty() ? 0 : 1; })
            .set("debug", true);
        const auto conn = rpyc::connect(c.address, config);
        EQUAL(conn.credentials(), "Ann");
        EQUAL(conn.endpoints(), std::make_pair("here", "there"));
        EQUAL(conn.get_option("debug"), "true");
        conn.root();
        conn.close();
        TRUE(closed == std::vector<std::string>{"no bytes"} && messages > 0);
        TRUE(c.conn.endpoints().second == c.address);
        config
            .set_before_closed([](const rpyc::Connection &, const Object &) {
                throw rpyc::Unsupported(RPYC_ERR_UNSUPPORTED, "not now");
            })
            .set("close_catchall", false);
        const auto refused = rpyc::connect(c.address, config);
        RAISES(rpyc::Unsupported, (refused.close(), 0));
        TRUE(refused.closed());
    });
    checks.add("the-log", [&] {
        std::atomic<int> messages{0};
        rpyc::set_log(RPYC_LOG_DEBUG,
                      [&](std::int32_t level, std::string_view) { messages += level <= RPYC_LOG_DEBUG ? 1 : 0; });
        c.connect().close();
        rpyc::set_log(nullptr);
        TRUE(messages > 0);
        RAISES(rpyc::UsageError, (rpyc::set_log(77, [](std::int32_t, std::string_view) {}), 0));
    });
    checks.add("exit", [&] {
        const auto conn = rpyc::connect(c.address, rpyc::Config{{"propagate_SystemExit_locally", "true"}});
        const auto serve = [&] {
            conn.root().call(
                "call_me", [](int) { throw rpyc::SystemExit(7); }, 1);  // here already, if it comes before the answer
            conn.serve_all();
        };
        EQUAL(RAISES(rpyc::SystemExit, (serve(), 0)).exit_code(), 7);
    });
}

}  // namespace

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    try {
        const Fixture fixture(argv[1], argv[2]);
        check::Checks checks;
        for (const auto add : {classes, asynchronous, buffers, sharing, serving})
            add(checks, fixture);
        return checks.run();
    } catch (const std::exception &error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
