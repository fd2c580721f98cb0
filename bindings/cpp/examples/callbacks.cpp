// callbacks ADDRESS
//
// Lambdas that Python calls, objects of C++ that Python uses, and objects of Python that C++ uses.
#include <rpyc.hpp>

#include <iostream>

namespace {

/** A class whose objects the peer uses by reference. */
struct Basket {
    std::vector<std::string> items{};
    void put(std::string item) { items.push_back(std::move(item)); }
};

}  // namespace

int main(int argc, char **argv) {
    try {
        const auto conn = rpyc::connect(argc > 1 ? argv[1] : "tcp://127.0.0.1:18861");
        const rpyc::Object root = conn.root();

        // Python gets a lambda as a function. An exception of it is raised in Python.
        root.call("count_to", 3, [](int number) { std::cout << "counted " << number << '\n'; });
        try {
            root.call("count_to", 3, [](int) { throw std::invalid_argument("enough"); });
        } catch (const rpyc::ValueError &error) {
            std::cout << "it came back: " << error.what() << '\n';
        }

        // An object of this process, whose methods Python calls.
        const auto baskets = rpyc::Class<Basket>("Basket")
                                 .expose("put(item)", &Basket::put)
                                 .expose("__len__()", [](const Basket &basket) { return basket.items.size(); });
        const auto basket = std::make_shared<Basket>();
        std::cout << "Python counts " << root.call("fill", baskets.wrap(basket)).as<int>() << " items\n";
        for (const std::string &item : basket->items)
            std::cout << "- " << item << '\n';

        // Objects of Python: a dict and a generator.
        const rpyc::Object stock = root.attr("stock");
        stock["pears"] = 7;
        std::cout << "apples: " << stock["apples"].as<int>() << ", pears: " << stock["pears"].as<int>() << '\n';
        for (const rpyc::Value &square : root.call("squares", 5))
            std::cout << square.as<int>() << '\n';
        return 0;
    } catch (const rpyc::Error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
