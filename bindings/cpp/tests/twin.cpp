// twin serve ADDRESS
// twin drive ADDRESS
// twin bridge ADDRESS SERVER
//
// The service of tests/twin/service.py and the things of things.py in C++, for the random twin; the client that is told what to do;
// and a service in the middle. Prints its address, and ends with its stdin.
#include "drive.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <unistd.h>

using rpyc::Args, rpyc::Call, rpyc::Kwargs, rpyc::Object, rpyc::Value;

namespace {

/** Operations on plain data are none of the protocol's business. */
Object held(const Value &value) {
    if (!value.is_object())
        throw rpyc::TypeError("no object");
    return value.object();
}

std::string a_name(const Value &value) {
    if (value.kind() != rpyc::Kind::text)
        throw rpyc::TypeError("a name is a str");
    return value.as<std::string>();
}

Value tuple_of(const std::vector<Value> &items) { return Value(rpyc::as_tuple(items)); }

Value sorted_pairs(const Kwargs &named) {
    std::vector<std::pair<std::string, Value>> pairs = named.items;
    std::sort(pairs.begin(), pairs.end(), [](const auto &a, const auto &b) { return a.first < b.first; });
    return Value(rpyc::as_tuple(pairs));
}

Value mix(const Value &a, const Value &b, const Args &rest, const Value &c, const Kwargs &named) {
    return tuple_of({a, b, tuple_of(rest.items), c, sorted_pairs(named)});
}

// ---------------------------------------------------------------- items

struct Item {
    std::int64_t rank = 0;
    Value label{};
    rpyc::Dict slots{};

    explicit Item(const Value &given) { set_rank(given); }
    virtual ~Item() = default;

    void set_rank(const Value &given) {
        if (given.kind() != rpyc::Kind::integer)
            throw rpyc::TypeError("rank must be an int");
        try {
            const auto number = given.as<std::int64_t>();
            if (number < -1000 || number > 1000)
                throw rpyc::ValueError("rank out of range");
            rank = number;
        } catch (const rpyc::ConversionError &) {
            throw rpyc::ValueError("rank out of range");
        }
    }
    Value swap(Value value) { return std::exchange(label, std::move(value)); }
};

struct SubItem : Item {
    using Item::Item;
};

rpyc::Class<Item> item_class("Item");
rpyc::Class<SubItem> *sub_item_class;

Value compared(const Item &item, const Value &other, bool (*compare)(std::int64_t, std::int64_t)) {
    const auto another = item_class.self(other);
    return another ? Value(compare(item.rank, another->rank)) : Value::not_implemented();
}

void special_methods() {
    item_class.expose("__repr__()", [](const Item &item) { return "<Item " + std::to_string(item.rank) + ">"; })
        .expose("__str__()", [](const Item &item) { return "item " + std::to_string(item.rank); })
        .expose("__hash__()", [](const Item &item) { return item.rank == -1 ? -2 : item.rank; })
        .expose("__eq__(other)",
                [](const Item &item, const Value &other) {
                    return compared(item, other, [](auto a, auto b) { return a == b; });
                })
        .expose("__lt__(other)",
                [](const Item &item, const Value &other) {
                    return compared(item, other, [](auto a, auto b) { return a < b; });
                })
        .expose("__bool__()", [](const Item &item) { return item.rank != 0; })
        .expose("__index__()", [](const Item &item) { return item.rank; })
        .expose("__add__(other)",
                [](const Item &item, const Value &other) { return std::make_tuple(item.rank, other); })
        .expose("__radd__(other)",
                [](const Item &item, const Value &other) { return std::make_tuple(other, item.rank); })
        .expose("__neg__()", [](const Item &item) { return item_class.make(Value(-item.rank)); })
        .expose("__call__(*args, **kwargs)",
                [](const Item &item, const Args &args, const Kwargs &named) {
                    return tuple_of({item.rank, tuple_of(args.items), sorted_pairs(named)});
                })
        .expose("__len__()", [](const Item &item) { return item.slots.size(); })
        .expose("__iter__()", [](const Item &item) { return item.slots.iter(); })
        .expose("__contains__(key)", [](const Item &item, const Value &key) { return item.slots.contains(key); })
        .expose("__getitem__(key)", [](const Item &item, const Value &key) { return item.slots.get_item(key); })
        .expose("__setitem__(key, value)",
                [](const Item &item, const Value &key, const Value &value) { item.slots.set_item(key, value); })
        .expose("__delitem__(key)", [](const Item &item, const Value &key) { item.slots.del_item(key); })
        .expose("__enter__()",
                [](Item &item, Call &call) {
                    item.label = "entered";
                    return call.target();
                })
        .expose("__exit__(kind, value, traceback)", [](Item &item, const Value &kind, const Value &, const Value &) {
            item.label = kind.is_none() ? "left" : "failed";
            return item.rank != 0;
        });
}

void make_classes() {
    item_class.module("things")
        .doc("An object with a rank, anything under a label, and slots.")
        .constructor("Item(rank=0)", [](const Value &rank) { return std::make_shared<Item>(rank); })
        .property("rank", &Item::rank, &Item::set_rank)
        .property(
            "label", &Item::label, [](Item &item, const Value &label) { item.label = label; },
            [](Item &item) { item.label = Value(); })
        .property("fixed", [](const Item &) { return "fixed"; })
        .expose("get()", [](const Item &item) { return item.label; })
        .expose("set(value)",
                [](Item &item, Call &call, const Value &value) {
                    item.label = value;
                    return call.target();
                })
        .expose("swap(value)", &Item::swap)
        .expose("remember(*args, **kwargs)",
                [](Item &item, const Args &args, const Kwargs &named) {
                    return item.label = tuple_of({tuple_of(args.items), sorted_pairs(named)});
                })
        .expose("mix(a, b=2, *rest, c=3, **named)", mix)
        .expose("fail(value=None)", [](const Value &value) { throw rpyc::ValueError(value); })
        .expose("refuse()",
                [](const Item &item) {
                    throw rpyc::RemoteError("things.Refusal", "refused", item.rank).set_attribute("rank", item.rank);
                })
        .expose("call(*args, **kwargs)",
                [](const Item &item, const Args &args, const Kwargs &named) { return held(item.label)(args, named); })
        .expose("slots()", [](const Item &item) { return item.slots; });
    special_methods();
    static rpyc::Class<SubItem> derived("SubItem", item_class);
    derived.module("things")
        .doc("An Item that knows more.")
        .constructor("SubItem(rank=0)", [](const Value &rank) { return std::make_shared<SubItem>(rank); })
        .expose("get()", [](const SubItem &item) { return std::make_tuple("sub", item.label); })
        .expose("own()", [] { return "own"; });
    sub_item_class = &derived;
}

// ---------------------------------------------------------------- other things

struct Bag {
    rpyc::Dict values{};

    static bool is_odd(std::string_view name) { return name.substr(0, 1) == "_" || name.substr(0, 8) == "exposed_"; }
};
struct Bare {};

const rpyc::Class<Bag> &bags() {
    static const auto made =
        rpyc::Class<Bag>("Bag")
            .module("things")
            .doc("Attributes that are made by setting them.")
            .dynamic(
                [](Bag &bag, std::string_view name) {
                    return bag.values.contains(std::string(name)) || !Bag::is_odd(name);
                },
                [](Bag &bag, const std::string &name) { return bag.values.get(name).value_or(Value("no " + name)); },
                [](Bag &bag, const std::string &name, const Value &value) { bag.values.set(name, value); },
                [](Bag &bag, const std::string &name) {
                    if (!bag.values.remove(name))
                        throw rpyc::AttributeError("'Bag' object has no attribute '" + name + "'");
                });
    return made;
}

const rpyc::Class<Bare> &bares() {
    static const auto made = rpyc::Class<Bare>("Bare")
                                 .module("things")
                                 .doc("An object without anything that Python does not give it.")
                                 .expose("nothing()", [] {});
    return made;
}

Object file(const Args &args) {
    std::array<char, 26> path{"/tmp/librpyc-twin-XXXXXX"};
    const std::string content = args[1].as<std::string>();
    const int descriptor = mkstemp(path.data());
    if (descriptor < 0)
        throw rpyc::OSError("no file");
    unlink(path.data());
    if (write(descriptor, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
        lseek(descriptor, 0, SEEK_SET) != 0)
        throw rpyc::OSError("no file");
    return rpyc::adopt_file(descriptor, args[0].as<std::string>());
}

Object generator(std::vector<Value> items) {
    return rpyc::generator([items = std::move(items), next = std::size_t()]() mutable -> std::optional<Value> {
        if (next == items.size())
            return std::nullopt;
        const Value item = items[next++];
        if (item.kind() == rpyc::Kind::text && item.text() == "raise")
            throw rpyc::LookupError("raise");
        return std::optional<Value>(item);
    });
}

Value function(const std::string &kind, const Args &args) {
    if (kind == "counter")
        return Value(rpyc::function("tick(*args)", [count = 0](const Args &) mutable { return ++count; }));
    if (kind == "pair")
        return Value(
            rpyc::function("pair(a, b=None)", [](const Value &a, const Value &b) { return std::make_tuple(a, b); }));
    if (kind == "boom")
        return Value(
            rpyc::function("boom(*args)", [](const Args &all) { throw rpyc::RemoteError("ValueError", all); }));
    if (kind == "stop")
        return Value(rpyc::function("stop()", [] { throw rpyc::StopIteration(); }));
    if (kind == "ask")
        return Value(
            rpyc::function("ask(function, *args, **kwargs)",
                           [](const Value &f, const Args &all, const Kwargs &named) { return held(f)(all, named); }));
    if (kind == "adder")
        return Value(rpyc::function("add(value, *more)", [base = args[0]](const Value &value, const Args &more) {
            return tuple_of({base, value, tuple_of(more.items)});
        }));
    throw rpyc::LookupError("no such thing");
}

Value make(const std::string &kind, const Args &args) {
    if (kind == "list")
        return Value(rpyc::List(args.items));
    if (kind == "dict" || kind == "set") {
        const rpyc::Dict dict;
        if (kind == "set")
            return dict.call("keys").call("__or__", tuple_of(args.items));
        dict.call("update", tuple_of(args.items));
        return Value(dict);
    }
    if (kind == "Item")
        return Value(item_class.make(args.size() > 0 ? args[0] : Value(0)));
    if (kind == "SubItem")
        return Value(sub_item_class->make(args.size() > 0 ? args[0] : Value(0)));
    if (kind == "Item class")
        return Value(item_class);
    if (kind == "SubItem class")
        return Value(*sub_item_class);
    if (kind == "Bag")
        return Value(bags().make());
    if (kind == "Bare")
        return Value(bares().make());
    if (kind == "file")
        return Value(file(args));
    if (kind == "generator")
        return Value(generator(args.items));
    if (kind == "mixed")
        return tuple_of({1, rpyc::List({1, 2}), std::make_tuple(item_class.make(Value(3)), rpyc::Dict())});
    return function(kind, args);
}

// ---------------------------------------------------------------- the service

struct Root {
    rpyc::Dict kept{};
};
using RootService = rpyc::ServiceOf<Root>;

void rules(Call &call, const std::string &name) {
    const bool pickle = name == "pickle", open = pickle || name == "public";
    for (const char *option : {"allow_public_attrs", "allow_setattr", "allow_delattr"})
        call.connection().set_option(option, open ? "true" : "false");
    call.connection().set_option("allow_pickle", pickle ? "true" : "false");
}

Value attempt(const Value &function, const Args &args) {
    const Object callee = held(function);
    try {
        return Value(std::make_tuple("returned", callee(args)));
    } catch (const rpyc::RemoteError &error) {
        return Value(std::make_tuple("raised", error.type_name(), error.args()));
    }
}

Value each(const Value &function, const Value &items) {
    const Object callee = held(function);
    const rpyc::List made;
    made.call("extend", items);
    std::vector<Value> results;
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(made.size()); i++)
        results.push_back(callee(made.get(i)));
    return tuple_of(results);
}

Value iterate(const Value &value) {
    std::vector<Value> items;
    const Object iterator = held(value).iter();
    try {
        for (;;)
            items.push_back(iterator.next());
    } catch (const rpyc::StopIteration &) {
        return tuple_of(items);
    }
}

std::string within(const Value &value, const Value &function, const Args &args) {
    const Object callee = held(function), context = held(value);
    Args all{{context.enter()}};
    all.items.insert(all.items.end(), args.begin(), args.end());
    try {
        callee(all);
    } catch (const rpyc::Error &error) {
        if (!context.exit(&error))
            throw;
        return "after";
    }
    context.exit();
    return "after";
}

void operations(RootService service) {
    service
        .expose("method(value, name, *args)", [](const Value &value, const Value &name,
                                                 const Args &args) { return held(value).call(a_name(name), args); })
        .expose("get(value, name)",
                [](const Value &value, const Value &name) { return held(value).get_attr(a_name(name)); })
        .expose("put(value, name, new)",
                [](const Value &value, const Value &name, const Value &to) { held(value).set_attr(a_name(name), to); })
        .expose("remove(value, name)",
                [](const Value &value, const Value &name) { held(value).del_attr(a_name(name)); })
        .expose("len(value)", [](const Value &value) { return held(value).size(); })
        .expose("item(value, key)", [](const Value &value, const Value &key) { return held(value).get_item(key); })
        .expose("store(value, key, new)",
                [](const Value &value, const Value &key, const Value &to) { held(value).set_item(key, to); })
        .expose("delete(value, key)", [](const Value &value, const Value &key) { held(value).del_item(key); })
        .expose("has(value, key)", [](const Value &value, const Value &key) { return held(value).contains(key); })
        .expose("iterate(value)", iterate)
        .expose("show(value)", [](const Value &value) { return held(value).repr(); })
        .expose("text(value)", [](const Value &value) { return held(value).str(); })
        .expose("hash(value)", [](const Value &value) { return held(value).hash(); })
        .expose("truth(value)", [](const Value &value) { return held(value).truth(); })
        .expose("equal(value, other)", [](const Value &value, const Value &other) { return held(value).equal(other); })
        .expose(
            "same(value, other)",
            [](const Value &value, const Value &other) { return other.is_object() && held(value) == other.object(); })
        .expose("within(value, function, *args)", within);
}

RootService twin_service() {
    auto service = rpyc::Service::of<Root>("TwinService");
    service.module("service")
        .expose("rules(name)", rules)
        .expose("make(kind, *args)", make)
        .expose("echo(value)", [](const Value &value) { return value; })
        .expose("mix(a, b=2, *rest, c=3, **named)", mix)
        .expose("strict(a, /, b, *, c)",
                [](const Value &a, const Value &b, const Value &c) { return std::make_tuple(a, b, c); })
        .expose("fail(name, *args)",
                [](const Value &name, const Args &args) { throw rpyc::RemoteError(a_name(name), args); })
        .expose("keep(key, value)",
                [](Root &root, const Value &key, const Value &value) { root.kept.set_item(key, value); })
        .expose("kept(key)", [](Root &root, const Value &key) { return root.kept.get_item(key); })
        .expose("drop(key)", [](Root &root, const Value &key) { root.kept.del_item(key); })
        .expose("invoke(key, *args, **kwargs)",
                [](Root &root, const Value &key, const Args &args, const Kwargs &named) {
                    return held(root.kept.get_item(key))(args, named);
                })
        .expose("call(function, *args, **kwargs)", [](const Value &function, const Args &args,
                                                      const Kwargs &named) { return held(function)(args, named); })
        .expose("attempt(function, *args)", attempt)
        .expose("each(function, items)", each);
    operations(service);
    return service;
}

/** A connection of its own to the server behind, for each client. */
struct Middle {
    rpyc::Connection connection;
};

rpyc::ServiceOf<Middle> bridge_service(const std::string &address, const rpyc::Config &config) {
    const auto connect = [address, config] { return std::make_shared<Middle>(Middle{rpyc::connect(address, config)}); };
    return rpyc::ServiceOf<Middle>("BridgeService", connect).expose("behind()", [](Middle &middle) {
        return middle.connection.root();
    });
}

template <class Service>
void serve(const std::string &address, const Service &service, const rpyc::Config &config) {
    const rpyc::Server server(address, service, config);
    server.start();
    std::cout << "listening " << server.address() << std::endl;
    while (std::cin.get() != std::istream::traits_type::eof())
        continue;
    server.stop();
    server.join();
}

}  // namespace

int main(int argc, char **argv) {
    try {
        const std::string what = argc > 2 ? argv[1] : "";
        const rpyc::Config config{{"allow_public_attrs", "true"}, {"allow_setattr", "true"}, {"allow_delattr", "true"}};
        if (what == "bridge" && argc == 4) {
            serve(argv[2], bridge_service(argv[3], config), config);
        } else if (what == "serve" && argc == 3) {
            make_classes();
            serve(argv[2], twin_service(), config);
        } else if (what == "drive" && argc == 3) {
            make_classes();
            serve(argv[2], Driven::service(make), config);
        } else {
            throw std::invalid_argument("usage: twin serve|drive ADDRESS, twin bridge ADDRESS SERVER");
        }
    } catch (const std::exception &failure) {
        std::cerr << failure.what() << '\n';
        return 1;
    }
}
