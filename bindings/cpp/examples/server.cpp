// server ADDRESS
//
// Offers functions and the methods of an object for each connection. Ends on SIGTERM.
#include <rpyc.hpp>

#include <csignal>
#include <iostream>
#include <unistd.h>

namespace {

/** The state of one connection. */
class Calculator {
public:
    std::int64_t add(std::int64_t a, std::int64_t b) {
        calls_++;
        return a + b;
    }
    double divide(double a, double b) {
        calls_++;
        return b != 0 ? a / b : throw rpyc::ZeroDivisionError("division by zero");
    }
    int calls() const { return calls_; }

private:
    int calls_ = 0;
};

volatile std::sig_atomic_t stop_fd = -1;

void on_signal(int) {
    const std::uint64_t one = 1;
    if (write(stop_fd, &one, sizeof one) < 0)
        _exit(1);
}

}  // namespace

int main(int argc, char **argv) {
    auto service = rpyc::Service::of<Calculator>("Calculator");
    service.expose("add(a, b)", &Calculator::add, "The sum of two integers.")
        .expose("divide(a, b=1)", &Calculator::divide)
        .expose("halve(numbers)",
                [](const std::vector<double> &numbers) {
                    std::vector<double> halves;
                    for (const double number : numbers)
                        halves.push_back(number / 2);
                    return halves;
                })
        .expose("greet(name='stranger')", [](const std::string &name) { return "Hello, " + name; })
        .property("calls", &Calculator::calls, "How many calls this connection has made.");

    const rpyc::Server server(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861", service);
    stop_fd = server.stop_fd();
    std::signal(SIGTERM, on_signal);
    std::cout << "listening " << server.address() << std::endl;
    server.serve();
    server.stop();
    server.join();
    std::cout << "stopped" << std::endl;
}
