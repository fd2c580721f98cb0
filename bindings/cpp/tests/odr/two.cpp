// The other part.
#include "parts.hpp"

rpyc::Service service_of_two() {
    rpyc::Service service("Points");
    service.expose("add", [](Point a, Point b) { return Point{a.x + b.x, a.y + b.y}; }).expose("one", [] { return 1; });
    service.expose("fail", [] { throw rpyc::KeyError("k"); });
    return service;
}

int twice_of_two(const rpyc::Future<rpyc::Value> &one) {
    return one.then([](int n) { return 2 * n; }).get();
}

bool raised_by_two(const rpyc::Object &root) {
    try {
        root.call("fail");
    } catch (const rpyc::LookupError &) {
        return true;
    }
    return false;
}

rpyc::Value none_of_two() { return rpyc::None; }
