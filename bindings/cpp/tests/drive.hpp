#pragma once

// A client that performs one operation after the other as a driver tells it, and describes what comes of each;
// tests/twin/operations.py is the driver. Expressions are tuples: ("value", v), ("slot", n), ("tuple", e...) and
// ("make", kind, e...).
#include <rpyc.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <set>

class Driven {
public:
    /** Makes a local object by its kind. */
    using Maker = std::function<rpyc::Value(const std::string &, const rpyc::Args &)>;
    using Service = rpyc::ServiceOf<Driven>;

    explicit Driven(Maker make) : make_(std::move(make)) {}

    /** Slot 0 is the root. */
    void open(const std::string &address) {
        close();
        // The peer may be slow on a busy machine.
        connection_ = rpyc::connect(address, {{"allow_public_attrs", "true"},
                                              {"allow_setattr", "true"},
                                              {"allow_delattr", "true"},
                                              {"connect_timeout", "60"},
                                              {"sync_request_timeout", "60"}});
        slots_[0] = rpyc::Value(connection_.root());
    }

    void close() {
        slots_.clear();
        if (connection_)
            std::exchange(connection_, {}).close();
    }

    /** Runs an operation, keeps its value in the slot and describes it. */
    rpyc::Value run(const std::string &kind, const std::string &name, const rpyc::Value &target,
                    const rpyc::Value &args, const rpyc::Value &named, std::int64_t slot) {
        rpyc::Value value;
        try {
            const rpyc::Value evaluated = evaluate(target);
            const rpyc::Args given = evaluate_all(args, 0);
            const rpyc::Kwargs keywords = evaluate_named(named);
            value = kind == "make" ? evaluated : operate(kind, name, evaluated.object(), given, keywords);
        } catch (const rpyc::Error &error) {
            return describe(error);
        }
        const rpyc::Value described = describe(value);
        slots_.try_emplace(slot, std::move(value));
        return described;
    }

    static Service service(const Maker &make) {
        return Service("DrivenClientService", [make] { return std::make_shared<Driven>(make); })
            .expose("open(address)", &Driven::open)
            .expose("run(kind, name, target, args, named, slot)", &Driven::run)
            .expose("close()", &Driven::close);
    }

private:
    rpyc::Value evaluate(const rpyc::Value &expression) const {
        const auto kind = expression.item(0).as<std::string>();
        if (kind == "value")
            return expression.item(1);
        if (kind == "slot")
            return slots_.at(expression.item(1).as<std::int64_t>());
        if (kind == "make")
            return make_(expression.item(1).as<std::string>(), evaluate_all(expression, 2));
        return rpyc::as_tuple(evaluate_all(expression, 1).items);
    }

    rpyc::Args evaluate_all(const rpyc::Value &expressions, std::size_t first) const {
        rpyc::Args values;
        for (std::size_t i = first; i < expressions.size(); i++)
            values.items.push_back(evaluate(expressions.item(static_cast<std::int64_t>(i))));
        return values;
    }

    rpyc::Kwargs evaluate_named(const rpyc::Value &named) const {
        rpyc::Kwargs keywords;
        for (const rpyc::Value &pair : named)
            keywords.items.emplace_back(pair.item(0).as<std::string>(), evaluate(pair.item(1)));
        return keywords;
    }

    static rpyc::Value operate(const std::string &kind, const std::string &name, const rpyc::Object &object,
                               const rpyc::Args &args, const rpyc::Kwargs &named) {
        if (kind == "call")
            return object(args, named);
        if (kind == "method")
            return object.call(name, args, named);
        if (kind == "get")
            return object.attr(name);
        if (kind == "item")
            return object[args[0]];
        if (kind == "has")
            return object.contains(args[0]);
        if (kind == "equal")
            return object.equal(args[0]);
        if (kind == "compare")
            return object.compare(comparison(name), args[0]);
        if (kind == "set")
            object.attr(name) = args[0];
        else if (kind == "del")
            object.del_attr(name);
        else if (kind == "store")
            object[args[0]] = args[1];
        else if (kind == "delete")
            object.del_item(args[0]);
        else
            return look(kind, object);
        return {};
    }

    /** Runs an operation without arguments. */
    static rpyc::Value look(const std::string &kind, const rpyc::Object &object) {
        if (kind == "len")
            return object.size();
        if (kind == "bool")
            return object.truth();
        if (kind == "str")
            return object.str();
        if (kind == "repr")
            return object.repr();
        if (kind == "hash")
            return object.hash();
        if (kind == "next")
            return object.next();
        if (kind == "iter")
            return object.iter();
        return rpyc::as_tuple(items(object));  // "tuple"
    }

    static std::int32_t comparison(const std::string &name) {
        static const std::array<std::string_view, 6> names{"__lt__", "__le__", "__eq__", "__ne__", "__gt__", "__ge__"};
        return static_cast<std::int32_t>(std::find(names.begin(), names.end(), name) - names.begin());
    }

    static std::vector<rpyc::Value> items(const rpyc::Object &object) {
        std::vector<rpyc::Value> found;
        for (const rpyc::Value &item : object)
            found.push_back(item);
        return found;
    }

    // ------------------------------------------------------------ descriptions

    static rpyc::Value describe(const rpyc::Error &error) {
        const auto *raised = dynamic_cast<const rpyc::RemoteError *>(&error);
        if (raised == nullptr)
            return std::make_tuple("fails", rpyc_status_name(error.status()), error.message());
        return std::make_tuple("raises", raised->module(), raised->type_name(), raised->args(),
                               rpyc::as_tuple(raised->exception()->attributes));
    }

    rpyc::Value describe(const rpyc::Value &value) const {
        if (value.is_object())
            return describe(value.object());
        if (value.kind() != rpyc::Kind::tuple)
            return std::make_tuple("value", value);
        std::vector<rpyc::Value> described;
        for (const rpyc::Value &item : value)
            described.push_back(describe(item));
        return std::make_tuple("tuple", rpyc::as_tuple(described));
    }

    rpyc::Value describe(const rpyc::Object &object) const {
        std::int64_t first = -1;
        for (const auto &[number, value] : slots_)
            if (first < 0 && value.is_object() && value.object() == object)
                first = number;
        return std::make_tuple("object", object.type_name(), shown(object), first, object.is_remote());
    }

    /** Returns the contents of objects whose repr has no address, None for others. */
    static rpyc::Value shown(const rpyc::Object &object) {
        static const std::set<std::string> telling{"builtins.list",        "builtins.dict",       "builtins.dict_keys",
                                                   "builtins.dict_values", "builtins.dict_items", "things.Item",
                                                   "things.SubItem"};
        const std::string type = object.type_name();
        try {
            if (telling.count(type) != 0)
                return object.repr();
            if (type != "builtins.set")
                return {};
            std::vector<std::string> texts;
            for (const rpyc::Value &item : items(object))
                texts.push_back(item.is_object() ? item.object().repr() : item.repr());
            return rpyc::as_tuple(texts);
        } catch (const rpyc::Error &error) {
            return describe(error);
        }
    }

    Maker make_;
    rpyc::Connection connection_{};
    std::map<std::int64_t, rpyc::Value> slots_{};
};
