// client ADDRESS
//
// Calls a service: arguments and results are C++ types, and exceptions of the peer are C++ exceptions.
#include <rpyc.hpp>

#include <iostream>

int main(int argc, char **argv) {
    try {
        const auto conn = rpyc::connect(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861");
        const rpyc::Object root = conn.root();

        const std::int64_t sum = root.call("add", 40, 2);
        std::cout << "40 + 2 = " << sum << '\n';
        const std::vector<double> halves = root.call("halve", std::vector<int>{1, 2, 3});
        for (const double half : halves)
            std::cout << half << '\n';
        std::cout << root.call("greet", rpyc::kw("name") = "Ann").as<std::string>() << '\n';
        try {
            root.call("add", "forty", 2);
        } catch (const rpyc::TypeError &error) {
            std::cout << error.what() << '\n';
        }
        try {
            root.call("divide", 1, 0);
        } catch (const rpyc::ArithmeticError &error) {  // ZeroDivisionError is derived from it, as in Python
            std::cout << error.what() << '\n';
        }
        return 0;
    } catch (const rpyc::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
