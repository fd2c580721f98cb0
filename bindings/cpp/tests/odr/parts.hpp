// What both parts know.
#pragma once

#include <rpyc.hpp>

struct Point {
    double x, y;
};

template <>
struct rpyc::Convert<Point> {
    static Value to(const Point &point) { return Value(std::make_pair(point.x, point.y)); }
    static Point from(View value) {
        const auto [x, y] = value.as<std::pair<double, double>>();
        return {x, y};
    }
    static std::string name() { return "point"; }
};

rpyc::Service service_of_two();
int twice_of_two(const rpyc::Future<rpyc::Value> &one);
bool raised_by_two(const rpyc::Object &root);
rpyc::Value none_of_two();
