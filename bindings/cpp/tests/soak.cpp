// soak serve ADDRESS | call ADDRESS SEED COUNT [native] | churn
//
// The C++ half of the soak (tests/run/soak.py): tests/soak/soak.c says what the three do.
#include <rpyc.hpp>

#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <malloc.h>
#include <mutex>
#include <numeric>
#include <random>
#include <sstream>
#include <thread>
#include <unistd.h>

using rpyc::Object;
using rpyc::Value;

namespace {

constexpr std::size_t slots = 16;  // functions of the peer that an instance of the service keeps

std::atomic<long> alive{0}, operations{0}, wrong{0}, running{0}, gone{0};

/** Of which the living are counted. */
struct Counted {
    Counted() { ++alive; }
    Counted(const Counted &) { ++alive; }
    Counted &operator=(const Counted &) = default;
    ~Counted() { --alive; }
};

class Desk : Counted {
public:
    void keep(std::size_t slot, const Object &func) {
        const std::lock_guard<std::mutex> guard(lock_);
        kept_[slot % slots] = func;
    }
    Value kept(std::size_t slot, const Value &argument) { return at(slot)(argument); }

private:
    Object at(std::size_t slot) {
        const std::lock_guard<std::mutex> guard(lock_);
        if (!kept_[slot % slots])
            throw rpyc::KeyError("nothing is kept");
        return kept_[slot % slots];
    }

    std::mutex lock_{};
    std::array<Object, slots> kept_{};
};

rpyc::ServiceOf<Desk> service() {
    auto all = rpyc::Service::of<Desk>("SoakService");
    all.expose("echo(x)", [](const Value &x) { return x; })
        .expose("apply(func, x)", [](const Object &func, const Value &x) { return func(x); })
        .expose("keep(slot, func)", &Desk::keep)
        .expose("kept(slot, x)", &Desk::kept)
        .expose("fail(text)", [](const std::string &text) -> int { throw rpyc::ValueError(text); })
        .expose("numbers(n)",
                [](int n) {
                    const rpyc::List list;
                    for (int i = 0; i < n; i++)
                        list.append(i);
                    return list;
                })
        .expose("total(numbers)", [](const Object &numbers) {
            std::int64_t sum = 0;
            for (const Value &number : numbers)
                sum += number.as<std::int64_t>();
            return sum;
        });
    return all;
}

std::size_t entries(const char *folder) {
    const std::filesystem::directory_iterator all(folder);
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void report(std::size_t connections) {
    const auto heap = mallinfo2();
    std::ifstream statm("/proc/self/statm");
    long size = 0, resident = 0;
    statm >> size >> resident;
    std::cout << "report in_use=" << heap.uordblks + heap.hblkhd << " resident=" << resident * sysconf(_SC_PAGESIZE)
              << " threads=" << entries("/proc/self/task") << " descriptors=" << entries("/proc/self/fd")
              << " connections=" << connections << " objects=" << alive << " running=" << running
              << " operations=" << operations << " gone=" << gone << " wrong=" << wrong << std::endl;
}

/** A function that adds, and refuses what is negative. */
Object adder(std::int64_t more) {
    return rpyc::function("add(x)", [more, counted = Counted()](std::int64_t x) {
        return x >= 0 ? x + more : throw rpyc::ValueError("negative");
    });
}

class Client {
public:
    Client(const std::string &address, std::uint64_t seed, const char *native) : draw_(seed) {
        // No answer is wrong because the machine is busy.
        const rpyc::Config config{{"native", native}, {"sync_request_timeout", "none"}, {"connect_timeout", "none"}};
        connection_ = rpyc::connect(address, config);
        root_ = connection_.root();
    }
    bool one() {
        const auto x = static_cast<std::int64_t>(below(1000000));
        const std::size_t slot = below(slots);
        switch (below(8)) {
        case 0: return echoes(x);
        case 1: return root_.call("apply", adder(x), 5) == Value(x + 5);
        case 2: return raises([&] { root_.call("apply", adder(0), -1); });
        case 3:
            root_.call("keep", slot, adder(x + 1));
            held_[slot] = x + 1;
            return true;
        case 4: return held_[slot] == 0 || root_.call("kept", slot, x) == Value(x + held_[slot]);
        case 5: return raises([&] { root_.call("fail", "a failure that was asked for"); });
        case 6: return lists(x % 300);
        default: return x % 2 != 0 ? totals(x % 100) : bursts(x);
        }
    }

private:
    std::uint64_t below(std::uint64_t limit) { return draw_() % limit; }

    bool echoes(std::int64_t x) {
        const std::string text(std::array<std::size_t, 6>{0, 1, 30, 300, 4000, 40000}.at(below(6)), 'x');
        const Value sent = rpyc::Value(std::make_tuple(rpyc::bytes(text), x, 0.5, "y", nullptr));
        return root_.call("echo", sent) == sent;
    }
    template <class F>
    static bool raises(const F &call) {
        try {
            call();
        } catch (const rpyc::ValueError &) {
            return true;
        }
        return false;
    }
    bool lists(std::int64_t count) {
        const Object list = root_.call("numbers", count);
        std::int64_t sum = 0;
        for (const Value &item : list)
            sum += item.as<std::int64_t>();
        return static_cast<std::int64_t>(list.size()) == count && sum == count * (count - 1) / 2;
    }
    bool totals(std::int64_t count) {
        std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
        std::iota(numbers.begin(), numbers.end(), 0);
        return root_.call("total", rpyc::List::of(numbers)) == Value(count * (count - 1) / 2);
    }
    /** Several that are on their way at once. */
    bool bursts(std::int64_t more) {
        std::vector<rpyc::Future<Value>> results;
        for (int i = 0; i < 8; i++)
            results.push_back(i % 2 != 0 ? root_.async_call("apply", adder(more), i) : root_.async_call("echo", i));
        bool right = true;
        for (int i = 0; i < 8; i++)
            right = results[static_cast<std::size_t>(i)].get() == Value(i % 2 != 0 ? i + more : i) && right;
        return right;
    }

    std::mt19937_64 draw_;
    rpyc::Connection connection_{};
    Object root_{};
    std::array<std::int64_t, slots> held_{};  // what each kept function adds; 0: none
};

int call(const std::string &address, std::uint64_t seed, long count, const char *native) {
    try {
        Client client(address, seed, native);
        for (long at = 0; count == 0 || at < count; at++) {
            operations++;
            if (!client.one())
                throw std::runtime_error("a wrong answer");
        }
        return 0;
    } catch (const rpyc::Closed &) {
        gone++;
        return 0;
    } catch (const rpyc::IoError &) {
        gone++;
        return 0;
    } catch (const std::exception &error) {
        // A server that is killed while its dialect is found out.
        if (std::string_view(error.what()).find("could not be reached again") != std::string_view::npos) {
            gone++;
            return 0;
        }
        std::cerr << address << ", seed " << seed << ": " << error.what() << std::endl;
        wrong++;
        return 1;
    }
}

/** Until standard input ends. */
template <class F>
void orders(const F &connections) {
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line == "report") {
            report(connections());
            continue;
        }
        std::istringstream words(line);
        std::string address;
        std::uint64_t seed = 0;
        long count = 0;
        if (words >> address >> seed >> count) {
            running++;
            std::thread([=] {
                call(address, seed, count, "accept");
                running--;
            }).detach();
        }
    }
}

void serve(const char *address) {
    const rpyc::Server server(address, service(), rpyc::Config{{"sync_request_timeout", "none"}});
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    orders([&] { return server.connection_count(); });
    server.stop();
    server.join();
}

}  // namespace

int main(int argc, char **argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    try {
        if (words.size() == 2 && words[0] == "serve") {
            serve(argv[2]);
            return 0;
        }
        if (words.size() >= 4 && words[0] == "call")
            return call(words[1], std::stoull(words[2]), std::stol(words[3]), words.size() > 4 ? "on" : "off");
        if (words.size() == 1 && words[0] == "churn") {
            std::cout << "ready" << std::endl;
            orders([] { return std::size_t(0); });
            return 0;
        }
    } catch (const std::exception &error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
    std::cerr << "usage: see tests/soak/soak.c\n";
    return 2;
}
