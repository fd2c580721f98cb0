// coroutines ADDRESS
//
// C++20: coroutines that await futures and return futures.
#include <rpyc.hpp>

#include <iostream>

#ifdef RPYC_COROUTINES

namespace {

rpyc::Future<int> sum_of_squares(rpyc::Object root, int count) {
    int sum = 0;
    for (int i = 1; i <= count; i++) {
        const int square = co_await root.async_call("square", i);
        sum += square;
    }
    co_return sum;
}

rpyc::Future<std::string> careful(rpyc::Object root) {
    try {
        co_await root.async_call("square", "three");
    } catch (const rpyc::TypeError &) {
        co_return "that has no square";
    }
    co_return "that has one";
}

}  // namespace

int main(int argc, char **argv) {
    try {
        const auto conn = rpyc::connect(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861");
        // Both run at the same time. get() reads the replies of both.
        const auto ten = sum_of_squares(conn.root(), 10), three = sum_of_squares(conn.root(), 3);
        std::cout << three.get() << ' ' << ten.get() << '\n';
        std::cout << careful(conn.root()).get() << '\n';
        return 0;
    } catch (const rpyc::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}

#else

int main() {
    std::cout << "this compiler has no coroutines\n";
    return 2;
}

#endif
