// What conversions cost, in C++: benches/run/conversions.py has the other end and counts the requests. It is used as
// benches/c/conversions.c is.
#include <rpyc.hpp>

#include <chrono>
#include <complex>
#include <iomanip>
#include <iostream>

namespace {

constexpr int many = 2000;

rpyc::Value once(const rpyc::Object &root, const std::string &name, const std::string &kind)
{
    const rpyc::Value value = root.call("give", name);
    if (kind == "int")
        return value.as<std::int64_t>();
    if (kind == "uint")
        return value.as<std::uint64_t>();
    if (kind == "float")
        return value.as<double>();
    if (kind == "bool")
        return value.as<bool>();
    if (kind == "str")
        return value.as<std::string>();
    if (kind == "bytes")
        return value.as<rpyc::bytes>();
    if (kind == "complex")
        return value.as<std::complex<double>>();
    if (kind == "floats")
        return rpyc::Value(value.as<std::vector<double>>());
    if (kind == "map")
        return rpyc::Value(value.as<std::map<int, double>>());
    if (kind == "set")
        return rpyc::Value(value.as<std::set<double>>());
    throw std::invalid_argument("no such kind");
}

void call(const std::string &address)
{
    auto connection = rpyc::connect(address);
    const auto root = connection.root();
    std::string name, kind;
    int count = 0;
    while (std::cin >> name >> kind >> count) {
        try {
            rpyc::Value value;
            std::chrono::duration<double, std::micro> best = std::chrono::hours(1);
            for (int i = 0; i < count; i++) {
                const auto start = std::chrono::steady_clock::now();
                value = once(root, name, kind);
                best = std::min<decltype(best)>(best, std::chrono::steady_clock::now() - start);
            }
            std::cout << std::fixed << std::setprecision(1) << best.count() << " " << value.repr().substr(0, 60)
                      << std::endl;
        } catch (const std::exception &error) {
            std::cout << "- " << error.what() << std::endl;
        }
    }
}

rpyc::Value give(const std::string &name)
{
    std::vector<double> floats(many);
    std::map<int, double> dict;
    for (int i = 0; i < many; i++)
        dict[i] = floats[static_cast<std::size_t>(i)] = i / 2.0;
    if (name == "array")
        return rpyc::numbers(floats);
    if (name == "float")
        return 2.5;
    if (name == "dict")
        return rpyc::Value(dict);
    if (name == "tuple")
        return rpyc::as_tuple(floats);
    return rpyc::Value(floats);
}

void serve()
{
    rpyc::Service service{"Conversions"};
    service.expose("take_int(value)", [](std::int64_t value) { return value; });
    service.expose("take_float(value)", [](double value) { return value; });
    service.expose("take_bool(value)", [](bool value) { return value; });
    service.expose("take_str(value)", [](const std::string &value) { return value; });
    service.expose("take_bytes(value)", [](const rpyc::bytes &value) { return value; });
    service.expose("give", give);
    rpyc::Server server("tcp://127.0.0.1:0", service, rpyc::Config{{"allow_pickle", "true"}});
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    std::cin.get();
}

} // namespace

int main(int argc, char **argv)
{
    const std::string mode = argc > 1 ? argv[1] : "";
    if (mode == "serve" && argc == 2)
        serve();
    else if (mode == "call" && argc == 3)
        call(argv[2]);
    else
        std::cerr << "usage: conversions call ADDRESS, conversions serve" << std::endl;
    return EXIT_SUCCESS;
}
