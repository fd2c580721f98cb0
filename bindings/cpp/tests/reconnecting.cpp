// Clients that connect again: reconnecting, reconnecting restarts ADDRESS COUNT THREADS FILE (tests/run/reconnecting.py).
#include <rpyc.hpp>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

namespace {

std::atomic<int> passed{0}, failed{0};

void check(bool good, const char *text, int line) {
    good ? passed++ : failed++;
    if (!good)
        std::cerr << "line " << line << ": not so: " << text << std::endl;
}

#define CHECK(CONDITION) check(CONDITION, #CONDITION, __LINE__)

template <class E>
void raises(const std::function<void()> &f, const char *text, int line) {
    try {
        f();
        check(false, text, line);
    } catch (const E &) {
        check(true, text, line);
    } catch (const std::exception &other) {
        check(false, (std::string(text) + ": " + other.what()).c_str(), line);
    }
}

#define RAISES(TYPE, ...) raises<TYPE>([&] { static_cast<void>(__VA_ARGS__); }, #__VA_ARGS__, __LINE__)

std::atomic<int> calls{0};

rpyc::Service bumping() {
    rpyc::Service service("Bumping");
    service.expose("bump(number)", [](std::int64_t number) {
        calls++;
        return number;
    });
    service.expose("take(anything)", [](const rpyc::Value &) { calls++; });
    return service;
}

void generations(const std::string &address) {
    const rpyc::Service service = bumping();
    std::string told;
    const auto tell = [&told](const rpyc::ClientEvent &event) {
        told += event.kind == RPYC_CLIENT_CONNECTED ? "+" : event.kind == RPYC_CLIENT_LOST ? "-" : "?";
        told += std::to_string(event.generation);
        CHECK(static_cast<bool>(event.connection) == (event.status == RPYC_OK));
        throw 1;  // has nobody to go to
    };
    rpyc::Client client(address, {}, tell);
    rpyc::Client copy = client;
    rpyc::Object old;
    RAISES(rpyc::AddressError, client.call("bump", 1));
    for (int i = 1; i <= 3; i++) {
        rpyc::Server server(address, service);
        server.start();
        CHECK(copy.call("bump", 7).as<int>() == 7);
        CHECK(client.call("bump", 8, rpyc::timeout(30s)).as<int>() == 8);
        if (i > 1) {
            const int before = calls;
            RAISES(rpyc::Stale, old.call("bump", 1));
            RAISES(rpyc::Closed, old.str());
            RAISES(rpyc::Stale, client.call("take", old));
            CHECK(calls == before);
        }
        old = client.root();
        CHECK(client.attr("bump").is_object());
        CHECK(!client.connection().closed());
        CHECK(client.generation() == static_cast<std::uint64_t>(i));
        server.stop();
        server.join();
    }
    client.close();
    RAISES(rpyc::Closed, copy.call("bump", 1));
    copy.serve_all();
    CHECK(told == "?0+1-1+2-2+3");
    CHECK(calls == 6);
}

void limits(const std::string &address) {
    rpyc::Client client(address, {{"connect_retry", "3600"}});
    RAISES(rpyc::Timeout, client.call("bump", 1, rpyc::timeout(200ms)));
    std::thread serving([client] { client.serve_all(); });
    RAISES(rpyc::Timeout, client.call("bump", 1, rpyc::timeout(200ms)));
    client.close();
    serving.join();
    RAISES(rpyc::UsageError, rpyc::Client("stdio:"));
    RAISES(rpyc::UsageError, rpyc::Client(std::string("tcp://127.0.0.1:1\0", 18)));
    rpyc::Client moved = std::move(client);
    client = moved;
    RAISES(rpyc::Closed, client.root());
}

/** The loop of an application, with a thread of its own for the name. */
rpyc::Connection drive(const rpyc::Connecting &connecting) {
    for (;;) {
        const auto left = connecting.next_deadline();
        const std::int32_t interest = connecting.interest();
        pollfd fd{connecting.fileno(), 0, 0};
        fd.events =
            static_cast<short>((interest & RPYC_WAIT_READ ? POLLIN : 0) | (interest & RPYC_WAIT_WRITE ? POLLOUT : 0));
        poll(&fd, 1, left ? static_cast<int>(std::min<std::int64_t>(left->count(), 10000)) : 10000);
        if (rpyc::Connection connection = connecting.process())
            return connection;
    }
}

void without_blocking(const std::string &address) {
    const rpyc::Service service = bumping();
    for (const std::string &at : {address, std::string("tcp://127.0.0.1:0")}) {
        rpyc::Server server(at, service);
        server.start();
        const std::string port = server.address().substr(server.address().rfind(':'));
        const rpyc::Connecting connecting(at == address ? at : "tcp://localhost" + port);
        CHECK(connecting.needs_resolve() == (at != address));
        std::thread resolving([connecting] { connecting.resolve(); });
        resolving.join();
        const rpyc::Connection connection = drive(connecting);
        CHECK(connection.root().call("bump", 3).as<int>() == 3);
        RAISES(rpyc::StateError, connecting.process());
        connection.close();
        server.stop();
        server.join();
    }
    rpyc::Connecting refused(address, service);
    const rpyc::Connecting copy = refused;
    refused = rpyc::Connecting("tcp://127.0.0.1:1");
    RAISES(rpyc::AddressError, drive(copy));
    RAISES(rpyc::Unsupported, rpyc::Connecting("exec:true"));
}

int restarts(const std::string &address, int count, int threads, const char *path) {
    const int file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    std::atomic<int> lost{0}, last{0}, uncertain{0}, up{0};
    const auto tell = [&lost](const rpyc::ClientEvent &event) { lost += event.kind == RPYC_CLIENT_LOST; };
    const rpyc::Client client(address, {{"connect_retry", "60"}, {"sync_request_timeout", "60"}}, tell);
    const auto caller = [&] {
        for (int generation = 0; generation <= count;) {
            const int number = ++last;
            try {
                CHECK(client.call("bump", number).as<int>() == number);
            } catch (const rpyc::TransportError &) {
                uncertain++;
                continue;
            }
            generation = static_cast<int>(client.generation());
            const std::string text = std::to_string(number) + "\n";
            CHECK(write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
            int before = up;
            if (before < generation && up.compare_exchange_strong(before, generation))
                std::cout << "up " + std::to_string(generation) + "\n" << std::flush;
        }
    };
    std::vector<std::thread> callers;
    for (int i = 0; i < threads; i++)
        callers.emplace_back(caller);
    for (std::thread &thread : callers)
        thread.join();
    CHECK(client.generation() == static_cast<std::uint64_t>(count) + 1 && lost == count);
    std::cout << "uncertain " << uncertain << std::endl;
    return close(file);
}

}  // namespace

int main(int count, char **args) {
    if (count == 6 && std::string(args[1]) == "restarts") {
        restarts(args[2], std::atoi(args[3]), std::atoi(args[4]), args[5]);
    } else if (count == 1) {
        const std::string address = "unix://@rpyc-cpp-client-" + std::to_string(getpid());
        generations(address);
        limits(address);
        without_blocking(address);
    } else {
        return 2;
    }
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed == 0 ? 0 : 1;
}
