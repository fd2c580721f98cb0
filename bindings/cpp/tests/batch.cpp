// Batches and prepared methods of the binding.
#include "ends.hpp"
#include "interop/check.hpp"

#include <numeric>

using rpyc::Batch;
using rpyc::Prepared;
using rpyc::Value;

namespace {

rpyc::Service calculator() {
    rpyc::Service service("Calculator");
    service.expose("square", [](std::int64_t n) { return n * n; });
    service.expose("divide", [](std::int64_t a, std::int64_t b) {
        if (b == 0)
            throw std::runtime_error("by zero");
        return a / b;
    });
    service.expose("apply", [](const rpyc::Object &f, std::int64_t n) { return f(n).as<std::int64_t>(); });
    return service;
}

}  // namespace

int main() {
    check::Checks checks;
    const Ends ends(calculator());
    const Prepared square(ends.root, "square"), divide(ends.root, "divide"), apply(ends.root, "apply");

    checks.add("prepared", [&] {
        TRUE(square(7).as<std::int64_t>() == 49);
        TRUE(square.async(8).get().as<std::int64_t>() == 64);
        Prepared copy = divide;
        copy = square;
        TRUE(copy(3).as<std::int64_t>() == 9);
        RAISES(rpyc::Error, divide(1, 0));
    });
    checks.add("results", [&] {
        std::vector<std::int64_t> numbers(1000);
        std::iota(numbers.begin(), numbers.end(), 0);
        Batch batch(7);
        batch.add_each(square, numbers);
        const auto outcomes = batch.run<std::int64_t>();
        TRUE(outcomes.size() == 1000);
        for (std::size_t i = 0; i < outcomes.size(); i++)
            TRUE(outcomes[i].get() == static_cast<std::int64_t>(i * i));
        TRUE(batch.run().empty());
    });
    checks.add("errors of single calls", [&] {
        Batch batch;
        for (const int n : {2, 0, 5})
            batch.add(divide, 10, n);
        const auto outcomes = batch.run<std::int64_t>(std::chrono::seconds(30));
        TRUE(outcomes.size() == 3 && outcomes[0] && !outcomes[1] && outcomes[2].get() == 2);
        RAISES(rpyc::RemoteError, outcomes[1].get());
        TRUE(outcomes[1].error() != nullptr && outcomes[0].error() == nullptr);
    });
    checks.add("callbacks and nested calls", [&] {
        const rpyc::Object twice = rpyc::function("twice(n)", [&](std::int64_t n) { return 2 * n + square(1).as<std::int64_t>(); });
        Batch batch(10);
        for (int i = 0; i < 100; i++)
            batch.add(apply, twice, i);
        std::int64_t sum = 0;
        std::size_t count = 0;
        batch.run_each([&](std::size_t, const rpyc::Outcome<> &outcome) {
            sum += outcome.get().as<std::int64_t>();
            count++;
        });
        TRUE(sum == 99 * 100 + 100 && count == 100);
    });
    checks.add("giving up", [&] {
        Batch batch(2);
        for (int i = 0; i < 100; i++)
            batch.add(square, i);
        std::size_t cancelled = 0;
        const auto tell = [&](std::size_t, const rpyc::Outcome<> &outcome) {
            if (outcome)
                batch.cancel();
            else
                cancelled++;
        };
        RAISES(rpyc::Cancelled, batch.run_each(tell));
        TRUE(cancelled > 90 && !batch.cancel());
        // What a callback throws comes out.
        for (int i = 0; i < 100; i++)
            batch.add(square, i);
        const auto throws = [](std::size_t, const rpyc::Outcome<> &) { throw std::logic_error("enough"); };
        RAISES(std::logic_error, batch.run_each(throws));
    });
    return checks.run();
}
