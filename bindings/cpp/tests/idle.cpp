// idle release ADDRESS: lets go of objects over a connection that is idle otherwise (tests/run/clients/release_server.py).
// idle stdio -: serves at its standard streams, and prints all the same (tests/run/clients/stdio_bindings.py).
#include <rpyc.hpp>

#include <cstdlib>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

namespace {

int release(const std::string &address) {
    const rpyc::Connection watching = rpyc::connect(address), idle = rpyc::connect(address);
    const rpyc::Object asked = watching.root(), root = idle.root();
    int passed = 0;
    const auto ends = [&](const char *what, auto &&let_go) {
        const int before = asked.call("ended").as<int>();
        root.call("make");  // dropped at once
        let_go();
        for (int i = 0; i < 6000 && asked.call("ended").as<int>() == before; i++)
            std::this_thread::sleep_for(5ms);
        if (asked.call("ended").as<int>() != before + 1)
            throw std::runtime_error(what);
        passed++;
    };
    ends("flush", [&] { idle.flush(); });
    idle.set_option("release", "now");
    ends("now", [] {});
    idle.set_option("release", "lazy");
    const rpyc::Serving serving = idle.serve_background();
    ends("in the background", [] {});
    serving.stop();
    serving.join();
    std::cout << passed << " passed, 0 failed" << std::endl;
    return 0;
}

int serve() {
    rpyc::Service service("Noisy");
    service.expose("noisy()", [] {
        std::cout << "from Println" << std::endl;
        std::puts("from println");
        std::fflush(stdout);
        return std::system("echo from a child; wc -c");
    });
    service.expose("again()", [] {
        try {
            static_cast<void>(rpyc::connect("stdio:"));
        } catch (const rpyc::Error &) {
            return true;
        }
        return false;
    });
    rpyc::accept("stdio:", service).serve_all();
    std::cout << "at the end" << std::endl;
    return 0;
}

}  // namespace

int main(int argc, char **argv) {
    try {
        if (argc == 3)
            return argv[1] == std::string("stdio") ? serve() : release(argv[2]);
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
    }
    return EXIT_FAILURE;
}
