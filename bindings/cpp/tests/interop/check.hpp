// Checks with names: "<check> ok" or "<check> FAIL <reason>", and at the end "<n> passed, <n> failed".
#pragma once

#include <rpyc.hpp>

#include <algorithm>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace check {

struct Failed : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline std::string place(const char *file, int line, const std::string &text) {
    const std::string path = file;
    return path.substr(path.rfind('/') + 1) + ":" + std::to_string(line) + ": " + text;
}

/** What a check compares, for people to read. */
template <class T>
std::string shown(const T &value) {
    return rpyc::Value(value).repr();
}

template <class A, class B>
void equal(const A &got, const B &want, const char *file, int line) {
    if (!(rpyc::Value(got) == rpyc::Value(want)))
        throw Failed(place(file, line, "got " + shown(got) + ", want " + shown(want)));
}

/** Runs `f`, which must throw E; gives what was thrown. */
template <class E, class F>
E raises(F f, const char *file, int line) {
    try {
        f();
    } catch (const E &error) {
        return error;
    } catch (const std::exception &error) {
        throw Failed(place(file, line, std::string("threw another exception: ") + error.what()));
    }
    throw Failed(place(file, line, "threw nothing"));
}

class Checks {
public:
    void leave_out(const std::string &name) { left_out_.push_back(name); }
    void add(std::string name, std::function<void()> f) {
        if (std::find(left_out_.begin(), left_out_.end(), name) == left_out_.end())
            checks_.emplace_back(std::move(name), std::move(f));
    }

    int run() {
        int passed = 0, failed = 0;
        for (const auto &[name, f] : checks_) {
            std::string trouble;
            try {
                f();
            } catch (const std::exception &error) {
                trouble = error.what();
            }
            trouble.empty() ? passed++ : failed++;
            std::cout << name << (trouble.empty() ? " ok" : " FAIL " + trouble) << std::endl;
        }
        std::cout << passed << " passed, " << failed << " failed" << std::endl;
        return failed == 0 && passed > 0 ? 0 : 1;
    }

private:
    std::vector<std::string> left_out_{};
    std::vector<std::pair<std::string, std::function<void()>>> checks_{};
};

}  // namespace check

#define EQUAL(got, want) check::equal(got, want, __FILE__, __LINE__)
#define TRUE(condition)                                                                                                \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            throw check::Failed(check::place(__FILE__, __LINE__, #condition));                                         \
    } while (0)
#define RAISES(type, ...) check::raises<type>([&] { (void)(__VA_ARGS__); }, __FILE__, __LINE__)
