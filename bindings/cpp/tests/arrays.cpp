// arrays ADDRESS RULES NUMPY: what C++ makes of the arrays of tests/run/clients/arrays_server.py, with the rules default or public,
// and 1 for numpy or 0.
#include <rpyc.hpp>

#include <deque>
#include <iostream>
#include <numeric>

namespace {

int passed = 0, failed = 0;

void check(bool good, const char *text, int line) {
    good ? passed++ : failed++;
    if (!good)
        std::cerr << "line " << line << ": not so: " << text << std::endl;
}
#define TRUE(...) check((__VA_ARGS__), #__VA_ARGS__, __LINE__)

template <class E, class F>
bool throws(F &&f, const char *words) {
    try {
        f();
    } catch (const E &error) {
        return std::string(error.what()).find(words) != std::string::npos;
    }
    return false;
}

template <class T>
using Rows = std::vector<std::vector<T>>;

void of_python(const rpyc::Object &root) {
    const auto give = [&](const char *name) { return root.call("give", name); };
    TRUE(give("array_d").as<std::vector<double>>() == std::vector<double>{0.5, -1.5, 2.5});
    TRUE(give("array_d").as<std::deque<float>>() == std::deque<float>{0.5F, -1.5F, 2.5F});
    TRUE(give("array_d").as<std::array<double, 3>>()[2] == 2.5);
    TRUE(give("array_l").as<std::vector<int>>() == std::vector<int>{-5, 6});
    TRUE(give("array_u").as<std::vector<std::string>>() == std::vector<std::string>{"a", "b"});
    TRUE(give("array_empty").as<std::vector<short>>().empty());
    TRUE(give("array_l").as<std::set<int>>() == std::set<int>{-5, 6});
    const auto bytes = give("bytearray").as<std::vector<std::uint8_t>>();
    TRUE(bytes.size() == 256 && bytes[255] == 255);
    TRUE(give("bytearray").as<rpyc::bytes>().size() == 256);
    TRUE(give("view_doubles").as<std::vector<double>>() == std::vector<double>{1.5, 2.5});
    const auto ints = give("array_i").as<rpyc::Array<std::int64_t>>();
    TRUE(ints.shape() == std::vector<std::size_t>{1000} &&
         std::accumulate(ints.begin(), ints.end(), std::int64_t()) == 499500);
    TRUE(throws<rpyc::ConversionError>([&] { give("array_l").as<std::vector<unsigned>>(); },
                                       "item 0 of value does not fit"));
    TRUE(throws<rpyc::ConversionError>([&] { give("array_d").as<std::vector<int>>(); },
                                       "item 0 of value must be int, not float"));
    TRUE(throws<rpyc::ConversionError>([&] { give("nested").as<rpyc::Array<double>>(); }, "dict"));
    TRUE(throws<rpyc::ConversionError>([&] { rpyc::Value(3).as<rpyc::Array<double>>(); },
                                       "must be array of numbers, not int"));
#if __cplusplus >= 202002L
    const rpyc::Value local = rpyc::numbers(std::vector<double>{1, 2});
    TRUE(local.as<std::span<const double>>()[1] == 2);
    const std::span<const std::int64_t> all(ints);
    TRUE(all.size() == 1000 && all[999] == 999);
    TRUE(throws<rpyc::ConversionError>([&] { (void)local.as<std::span<const float>>(); }, "of this type"));
    const rpyc::Value remote = give("array_d");
    TRUE(throws<rpyc::ConversionError>([&] { (void)remote.as<std::span<const double>>(); }, "as rpyc::Array"));
#endif
}

void of_numpy(const rpyc::Object &root) {
    const auto give = [&](const char *name) { return root.call("give", name); };
    const auto doubles = give("doubles").as<std::vector<double>>();
    TRUE(doubles.size() == 2000 && doubles[1999] == 999.5);
    TRUE(give("halves").as<std::vector<float>>() == std::vector<float>{0.5F, -2, 65504});
    TRUE(give("big_endian").as<std::vector<int>>() == std::vector<int>{1, 2, 300});
    TRUE(give("bytes").as<std::vector<std::uint8_t>>() == std::vector<std::uint8_t>{0, 1, 2, 3, 4});
    TRUE(give("unsigned").as<std::vector<std::uint64_t>>()[0] == 18446744073709551615U);
    TRUE(give("truths").as<std::vector<bool>>() == std::vector<bool>{true, false});
    TRUE(give("matrix").as<Rows<double>>() == Rows<double>{{0, 1, 2}, {3, 4, 5}});
    TRUE(give("empty").as<std::vector<double>>().empty());
    const auto cube = give("cube").as<rpyc::Array<std::int16_t>>();
    TRUE(cube.shape() == std::vector<std::size_t>{2, 3, 4} && cube.size() == 24 && cube[23] == 23);
    const auto transposed = give("transposed").as<rpyc::Array<float>>();
    TRUE(transposed.shape() == std::vector<std::size_t>{3, 2} && transposed[1] == 3);
    const rpyc::Value numbers = give("numbers").object().obtain();
    TRUE(numbers.repr() == "[0.5, 7, True, 0.25, 255]");
}

}  // namespace

int main(int argc, char **argv) {
    if (argc != 4)
        return EXIT_FAILURE;
    try {
        const rpyc::Connection connection = rpyc::connect(argv[1]);
        of_python(connection.root());
        if (argv[3] == std::string("1"))
            of_numpy(connection.root());
    } catch (const std::exception &error) {
        std::cerr << error.what() << std::endl;
        return EXIT_FAILURE;
    }
    std::cout << passed << " passed, " << failed << " failed" << std::endl;
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
