// nesting
// nesting --slave ADDRESS
//
// Calls, destructors and coroutines that nest without end; what can be refused ends with RecursionError. In this process, also on stacks
// that the thread does not know. The slave is called back without end by stock masters (tests/run/clients/classic_nesting.py), and ends
// with its stdin.
#include "ends.hpp"
#include "interop/check.hpp"

#include <cstdio>
#include <functional>
#include <sys/mman.h>
#include <ucontext.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

using rpyc::Object;
using rpyc::Value;

namespace {

/** bounce(f, *rest): f(*rest) */
Value bounce(const Object &function, const rpyc::Args &rest) { return function(rest); }

// ---------------------------------------------------------------- calls

/** Both sides call each other. */
void callbacks(const Ends &ends) {
    int depth = 0, deepest = 0;
    Object again;
    again = rpyc::function("again()", [&] {
        deepest = std::max(deepest, ++depth);
        try {
            const Value result = ends.root.call("call", again);
            depth--;
            return result;
        } catch (...) {
            depth--;
            throw;
        }
    });
    RAISES(rpyc::RecursionError, again());
    TRUE(depth == 0 && deepest > 50);
    EQUAL(ends.root.call("echo", 7), 7);
    again = Object();
}

void local_calls() {
    Object again;
    int deepest = 0;
    again = rpyc::function("again()", [&] {
        deepest++;
        return again();
    });
    RAISES(rpyc::RecursionError, again());
    TRUE(deepest > 100);
}

/** One that is its own attribute, item and equal. */
struct Odd {
    Object self{};
    Value get() const { return self.attr("exposed_more"); }
    bool equal(const Value &) const { return self.equal(self); }
    std::string text() const { return self.repr(); }
};
void operations() {
    rpyc::Class<Odd> odds("Odd");
    odds.property("more", &Odd::get).expose("__eq__(other)", &Odd::equal).expose("__repr__()", &Odd::text);
    const auto odd = std::make_shared<Odd>();
    odd->self = odds.wrap(odd);
    RAISES(rpyc::RecursionError, odd->self.attr("exposed_more").get());
    RAISES(rpyc::RecursionError, odd->self.equal(odd->self));
    RAISES(rpyc::RecursionError, odd->self.repr());
    odd->self = Object();
}

// ---------------------------------------------------------------- destructors

/** Holds the next one, and calls it when it ends. */
struct Link {
    Object next{};
    bool calls = false;
    static inline int ended = 0;
    Link() = default;
    Link(const Link &) = delete;
    Link &operator=(const Link &) = delete;
    ~Link() {
        ended++;
        if (calls && next)
            next.call("touch");
    }
    void touch() const {}
};

/** A peer lets go of a long chain. */
void destructors(bool calls, bool lists) {
    constexpr int length = 20000;
    rpyc::Class<Link> links("Link");
    links.expose("touch()", &Link::touch);
    Object head;
    rpyc::Service far("Far");
    far.expose("take()", [&] { return std::exchange(head, Object()); });
    for (int i = 0; i < length; i++) {
        const auto link = std::make_shared<Link>();
        link->calls = calls;
        link->next = lists && head ? rpyc::List(std::vector<Value>{head}) : head;
        if (lists)
            link->calls = false;
        head = links.wrap(link);
    }
    Link::ended = 0;
    const Ends ends(far);
    ends.root.call("take");
    while (Link::ended < length)
        ends.near().ping();
    EQUAL(Link::ended, length);
}

// ---------------------------------------------------------------- coroutines

#ifdef RPYC_COROUTINES
/** Coroutines of both sides wait for one another: no stack nests, and max_serving is what ends them. */
void awaited_callbacks() {
    rpyc::Service far("Far");
    far.expose("call(f)", [](Object f) -> rpyc::Future<int> { co_return (co_await f.async()).template as<int>(); })
        .expose("echo(x)", [](const Value &x) { return x; });
    const Ends ends(far);
    int deepest = 0;
    Object again;
    again = rpyc::function("again()", [&]() -> rpyc::Future<int> {
        if (++deepest > 10000)
            throw rpyc::Error(RPYC_ERR_STATE, "there is no end");
        co_return (co_await ends.root.async_call("call", again)).template as<int>();
    });
    RAISES(rpyc::RecursionError, ends.root.call("call", again));
    TRUE(deepest > 50 && deepest <= 10000);
    EQUAL(ends.root.call("echo", 7), 7);
    again = Object();
}

rpyc::Future<int> sum(int levels, const Object &root) {
    if (levels == 0)
        co_return 0;
    const int number = (co_await root.async_call("echo", 1)).as<int>();
    co_return number + co_await sum(levels - 1, root);
}
/** Each goes on where the one that it waits for has ended. */
void chains_of_coroutines(const Ends &ends) { EQUAL(sum(1000, ends.root).get(), 1000); }
#endif

// ---------------------------------------------------------------- stacks that the thread does not know

/** What the address sanitizer is told of a change of stacks. */
struct Switch {
#ifdef __SANITIZE_ADDRESS__
    void *fake = nullptr;
    void leave(const void *to, std::size_t size, bool ends = false) {
        __sanitizer_start_switch_fiber(ends ? nullptr : &fake, to, size);
    }
    void arrive(const void **from, std::size_t *size) const { __sanitizer_finish_switch_fiber(fake, from, size); }
#else
    void leave(const void *, std::size_t, bool = false) {}
    void arrive(const void **, std::size_t *) const {}
#endif
};

ucontext_t outside, inside;
std::function<void()> on_stack;
std::exception_ptr failure;

void enter() {
    const void *from = nullptr;
    std::size_t size = 0;
    Switch change;
    change.arrive(&from, &size);
    try {
        on_stack();
    } catch (...) {
        failure = std::current_exception();
    }
    change.leave(from, size, true);
}

void on_other_stack(std::function<void()> run) {
    constexpr std::size_t size = 32 << 20;
    void *const stack = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    TRUE(stack != MAP_FAILED);
    on_stack = std::move(run);
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = size;
    inside.uc_link = &outside;
    makecontext(&inside, enter, 0);
    Switch change;
    change.leave(stack, size);
    swapcontext(&outside, &inside);
    change.arrive(nullptr, nullptr);
    munmap(stack, size);
    if (failure)
        std::rethrow_exception(std::exchange(failure, nullptr));
}

int alone() {
    rpyc::Service far("Far");
    far.expose("call(f, *rest)", bounce).expose("echo(x)", [](const Value &x) { return x; });
    const Ends ends(far);
    check::Checks checks;
    checks.add("callbacks", [&] { callbacks(ends); });
    checks.add("local calls", local_calls);
    checks.add("operations", operations);
    checks.add("destructors", [] { destructors(false, false); });
    checks.add("destructors that call", [] { destructors(true, false); });
    checks.add("destructors and lists", [] { destructors(false, true); });
#ifdef RPYC_COROUTINES
    checks.add("awaited callbacks", awaited_callbacks);
    checks.add("chains of coroutines", [&] { chains_of_coroutines(ends); });
#endif
    checks.add("callbacks on another stack", [&] { on_other_stack([&] { callbacks(ends); }); });
    checks.add("local calls on another stack", [] { on_other_stack(local_calls); });
    checks.add("operations on another stack", [] { on_other_stack(operations); });
    return checks.run();
}

// ---------------------------------------------------------------- a slave

int slave(const std::string &address) {
    const Object my = rpyc::module("my");
    my.set_attr("call", rpyc::function("call(f, *rest)", bounce));
    const auto run = [](rpyc::Call &call, const std::string &name) -> Value {
        return call.target().attr("namespace")[name].object()();
    };
    rpyc::Slave slave;
    slave.module("my", my).evaluator(run).executor(run).importer(
        [run](rpyc::Call &call, const std::string &) { return run(call, "importer"); });
    const rpyc::Server server(address, slave);
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    while (std::getchar() != EOF) {}
    server.stop();
    server.join();
    return 0;
}

}  // namespace

int main(int argc, char **argv) {
    try {
        return argc == 3 && std::string(argv[1]) == "--slave" ? slave(argv[2]) : alone();
    } catch (const std::exception &error) {
        std::cerr << argv[0] << ": " << error.what() << '\n';
        return 1;
    }
}
