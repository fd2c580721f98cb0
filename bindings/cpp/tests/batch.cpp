// Batches and prepared methods of the binding.
#include "ends.hpp"
#include "interop/check.hpp"

#include <numeric>
#include <thread>

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
    service.expose("inverse", [](std::int64_t n) {
        if (n == 0)
            throw std::runtime_error("by zero");
        return 100 / n;
    });
    service.expose("wait", [](std::int64_t ms) {
        std::this_thread::sleep_for(std::chrono::milliseconds(ms));
        return ms;
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
    checks.add("one future of all outcomes", [&] {
        std::vector<std::int64_t> numbers(300);
        std::iota(numbers.begin(), numbers.end(), 0);
        const auto squares = square.async_each<std::int64_t>(numbers);
        std::size_t seen = 0;
        const auto sum = squares.then([&](const std::vector<rpyc::Outcome<std::int64_t>> &outcomes) {
            seen = outcomes.size();
            return outcomes.back().get();
        });
        TRUE(sum.get() == 299 * 299 && seen == 300);
        const auto again = squares.get();
        for (std::size_t i = 0; i < again.size(); i++)
            TRUE(again[i].get() == static_cast<std::int64_t>(i * i));
        TRUE(squares.ready() && squares.wait_for(std::chrono::seconds(0)) && !squares.cancel());
        TRUE(square.async_each(std::vector<int>()).get().empty());
        // A call that fails at either end has an error, the others a result.
        const Prepared inverse(ends.root, "inverse");
        std::vector<Value> mixed{Value(1), Value(0), Value(4)};
        const auto inverses = inverse.async_each<std::int64_t>(mixed).get();
        TRUE(inverses.size() == 3 && inverses[0].get() == 100 && !inverses[1] && inverses[2].get() == 25);
        RAISES(rpyc::RemoteError, inverses[1].get());
        // Beside another future, and converted in vain.
        const auto words = square.async_each<std::string>(std::vector<int>{1, 2});
        const std::size_t first = rpyc::wait_any(words, square.async(3));
        TRUE(first <= 1 && !words.get()[0] && !words.get()[1]);
    });
    checks.add("one future, when the connection ends", [&] {
        auto other = std::make_unique<Ends>(calculator());
        const Prepared wait(other->root, "wait");
        const auto waits = wait.async_each<std::int64_t>(std::vector<int>{0, 5000, 5000});
        const auto cancelled = wait.async_each<std::int64_t>(std::vector<int>{5000});
        TRUE(!waits.wait_for(std::chrono::milliseconds(20)) && !waits.ready());
        TRUE(cancelled.cancel());
        RAISES(rpyc::Cancelled, cancelled.get()[0].get());
        waits.expire_in(std::chrono::milliseconds(1));
        const auto outcomes = waits.get();
        TRUE(outcomes.size() == 3 && !outcomes[1] && !outcomes[2]);
        RAISES(rpyc::Timeout, outcomes[2].get());
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
        const rpyc::Object twice =
            rpyc::function("twice(n)", [&](std::int64_t n) { return 2 * n + square(1).as<std::int64_t>(); });
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
