// async ADDRESS
//
// Asynchronous calls: futures and continuations.
#include <rpyc.hpp>

#include <iostream>

using namespace std::chrono_literals;

int main(int argc, char **argv) {
    try {
        const auto conn = rpyc::connect(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861");
        const rpyc::Object root = conn.root();

        const auto slow = root.async_call("slow", 300ms, "slow");  // a duration is a number of seconds
        std::cout << "there already? " << (slow.wait_for(1ms) ? "yes" : "no") << '\n';
        std::cout << slow.get().as<std::string>() << '\n';

        // The lambda runs in the thread that reads the reply: here, the one that waits in get().
        const auto length =
            root.async_call("slow", 10ms, "twelve chars").then([](const std::string &text) { return text.size(); });
        std::cout << length.get() << '\n';

        std::vector<rpyc::Future<int>> many;
        conn.cork();  // sends a hundred requests in one write
        for (int i = 0; i < 100; i++)
            many.emplace_back(root.async_call("square", i));
        conn.flush();
        int sum = 0;
        for (const auto &one : many)
            sum += one.get();
        std::cout << sum << '\n';

        const auto late = root.async_call("slow", 5s, "late");
        late.expire_in(50ms);
        try {
            late.get();
        } catch (const rpyc::Timeout &) {
            std::cout << "not waited for any longer\n";
        }
        return 0;
    } catch (const rpyc::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
