// One of two parts of a program that both include the headers, each compiled in a standard and by a compiler of its own.
#include "parts.hpp"

#include <iostream>

int main() {
    const auto [near, far] = rpyc::connect_pair(rpyc::Service("Near"), service_of_two());
    const rpyc::Serving serving = far.serve_background();
    const Point sum = near.root().call("add", Point{1, 2}, Point{3, 4});
    const bool caught = raised_by_two(near.root());
    const bool same = rpyc::Value(nullptr) == none_of_two() && rpyc::None == none_of_two();
    std::cout << sum.x << ' ' << sum.y << ' ' << twice_of_two(near.root().async_call("one")) << ' ' << caught << ' '
              << same << std::endl;
    near.close();
    serving.join();
}
