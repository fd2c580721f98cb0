// The objects of the contract: items, lists, iterators, context managers.
#pragma once

#include "values.hpp"

#include <atomic>
#include <map>
#include <mutex>

namespace interop {

using rpyc::Object;

// ---------------------------------------------------------------- iterators

/** Gives items until it throws StopIteration. */
class Generator {
public:
    explicit Generator(std::function<Value(std::int64_t)> give) : give_(std::move(give)) {}
    Value next() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return ended_ ? throw rpyc::StopIteration() : step();
    }

private:
    Value step() {
        try {
            return give_(index_++);
        } catch (...) {
            ended_ = true;
            throw;
        }
    }
    std::mutex mutex_{};
    std::function<Value(std::int64_t)> give_;
    std::int64_t index_ = 0;
    bool ended_ = false;
};

inline const rpyc::Class<Generator> &generator_class() {
    static const auto klass = rpyc::Class<Generator>("generator")
                                  .module("builtins")
                                  .expose("__next__()", &Generator::next)
                                  .expose("__iter__()", [](rpyc::Call &call) { return call.target(); });
    return klass;
}

inline Object generator(std::function<Value(std::int64_t)> give) { return generator_class().make(std::move(give)); }

inline Object iterator_over(std::vector<Value> items) {
    return generator([items = std::move(items)](std::int64_t i) {
        return static_cast<std::size_t>(i) < items.size() ? items[static_cast<std::size_t>(i)]
                                                          : throw rpyc::StopIteration();
    });
}

// ---------------------------------------------------------------- lists and dicts that peers may change

class List {
    template <class F>
    auto locked(F f) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return f();
    }

public:
    explicit List(std::vector<Value> items) : items_(std::move(items)) {}
    std::size_t size() const {
        return locked([&] { return items_.size(); });
    }
    bool contains(const Value &item) const {
        return locked([&] { return std::find(items_.begin(), items_.end(), item) != items_.end(); });
    }
    Value get(const Value &key) const;
    void set(std::int64_t index, const Value &value) {
        locked([&] { items_[place(index)] = value; });
    }
    void erase(std::int64_t index) {
        locked([&] { items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(place(index))); });
    }
    Object iterate() const {
        return locked([&] { return iterator_over(items_); });
    }

private:
    std::size_t place(std::int64_t index) const {
        const auto size = static_cast<std::int64_t>(items_.size());
        if (index < -size || index >= size)
            throw std::out_of_range("list index out of range");
        return static_cast<std::size_t>(index < 0 ? index + size : index);
    }
    mutable std::mutex mutex_{};
    std::vector<Value> items_;
};

inline const rpyc::Class<List> &list_class() {
    static const auto klass = rpyc::Class<List>("list")
                                  .module("builtins")
                                  .expose("__len__()", &List::size)
                                  .expose("__contains__(item)", &List::contains)
                                  .expose("__getitem__(key)", &List::get)
                                  .expose("__setitem__(key, value)", &List::set)
                                  .expose("__delitem__(key)", &List::erase)
                                  .expose("__iter__()", &List::iterate);
    return klass;
}

inline Value List::get(const Value &key) const {
    if (key.kind() != Kind::slice)
        return locked([&] { return items_[place(key.as<std::int64_t>())]; });
    const auto size = static_cast<std::int64_t>(this->size());
    const auto end = [&](std::size_t which, std::int64_t missing) {
        std::int64_t at = key[which].as<std::optional<std::int64_t>>().value_or(missing);
        at += at < 0 ? size : 0;
        return std::clamp<std::int64_t>(at, 0, size);
    };
    const std::int64_t step = key[2].as<std::optional<std::int64_t>>().value_or(1);
    if (step < 1)
        throw rpyc::ValueError("this list only goes forward");
    std::vector<Value> part;
    for (std::int64_t i = end(0, 0); i < end(1, size); i += step)
        part.push_back(get(i));
    return list_class().make(std::move(part));
}

// ---------------------------------------------------------------- items

class Item {
public:
    explicit Item(std::string label) : label_(std::move(label)) { live++; }
    ~Item() { live--; }
    Item(const Item &) = delete;
    Item &operator=(const Item &) = delete;

    std::string label() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return label_;
    }
    void rename(std::string label) {
        const std::lock_guard<std::mutex> lock(mutex_);
        label_ = std::move(label);
    }
    Value value() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return value_;
    }
    void set_value(const Value &value) {
        if (value.kind() != Kind::integer)
            throw rpyc::TypeError("value must be an int");
        const std::lock_guard<std::mutex> lock(mutex_);
        value_ = value;
    }
    Value slot(const Value &key) const {
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto found = slots_.find(key.repr());
        return found != slots_.end() ? found->second : throw rpyc::KeyError(key);
    }
    void set_slot(const Value &key, const Value &value) {
        const std::lock_guard<std::mutex> lock(mutex_);
        slots_[key.repr()] = value;
    }
    void delete_slot(const Value &key) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (slots_.erase(key.repr()) == 0)
            throw rpyc::KeyError(key);
    }
    std::vector<std::string> characters() const {
        std::vector<std::string> all;
        for (const char c : label()) {
            if ((static_cast<unsigned char>(c) & 0xc0) != 0x80)
                all.emplace_back();
            all.back() += c;
        }
        return all;
    }

    static inline std::atomic<std::int64_t> live{0};

private:
    mutable std::mutex mutex_{};
    std::string label_;
    Value value_ = 0;
    std::map<std::string, Value> slots_{};
};

class SubItem : public Item {
public:
    using Item::Item;
};

inline const rpyc::Class<Item> &item_class();

/** The label of an Item, or a str itself. */
inline std::optional<std::string> comparable(const Value &other) {
    if (other.kind() == Kind::text)
        return std::string(other.text());
    if (const auto item = item_class().self(other))
        return item->label();
    return std::nullopt;
}

template <class Compare>
auto ordered(Compare compare) {
    return [compare](const Item &item, const Value &other) {
        const auto label = comparable(other);
        return label ? Value(compare(item.label(), *label)) : Value::not_implemented();
    };
}

inline const rpyc::Class<Item> &item_class() {
    static const auto klass =
        rpyc::Class<Item>("Item")
            .module("interop")
            .doc("An object that lives on the server.")
            .constructor([](std::string label) { return std::make_shared<Item>(std::move(label)); })
            .expose("get()", &Item::label, "Gives the label.", rpyc::quick)
            .expose("rename(label)",
                    [](Item &item, rpyc::Call &call, std::string label) {
                        item.rename(std::move(label));
                        return call.target();
                    })
            .expose("same(other)",
                    [](rpyc::Call &call, const Value &other) {
                        return other.is_object() && other.object() == call.target();
                    })
            .expose("__str__()", [](const Item &item) { return "item " + item.label(); })
            .expose("__repr__()", [](const Item &item) { return "<Item " + item.label() + ">"; })
            .expose("__len__()", [](const Item &item) { return item.characters().size(); })
            .expose("__bool__()", [](const Item &item) { return item.label() != "false"; })
            .expose("__iter__()",
                    [](const Item &item) {
                        const auto all = item.characters();
                        return iterator_over(std::vector<Value>(all.begin(), all.end()));
                    })
            .expose(
                "__contains__(text)",
                [](const Item &item, std::string_view text) { return item.label().find(text) != std::string::npos; })
            .expose("__getitem__(key)", &Item::slot)
            .expose("__setitem__(key, value)", &Item::set_slot)
            .expose("__delitem__(key)", &Item::delete_slot)
            .expose("__call__(*args, **kwargs)",
                    [](const Item &item, const rpyc::Args &args, const rpyc::Kwargs &named) {
                        const std::map<std::string, Value> sorted(named.begin(), named.end());
                        return std::make_tuple(item.label(), args, rpyc::as_tuple(sorted));
                    })
            .expose("__add__(text)", [](const Item &item, const Value &text) { return add(item.label(), text); })
            .expose("__radd__(text)", [](const Item &item, const Value &text) { return add(text, item.label()); })
            .expose("__eq__(other)",
                    [](const Item &item, const Value &other) { return comparable(other) == item.label(); })
            .expose("__ne__(other)",
                    [](const Item &item, const Value &other) { return comparable(other) != item.label(); })
            .expose("__lt__(other)", ordered(std::less<>()))
            .expose("__gt__(other)", ordered(std::greater<>()))
            .expose("__hash__()",
                    [](const Item &item) {
                        std::int64_t sum = 0;
                        for (const char c : item.label())
                            sum += static_cast<unsigned char>(c);
                        return sum;
                    })
            .property("label", &Item::label, "The label.")
            .property(
                "value", &Item::value, &Item::set_value, [](Item &item) { item.set_value(0); },
                "An int; 0 when deleted.");
    return klass;
}

inline const rpyc::Class<SubItem> &sub_item_class() {
    static const auto klass =
        rpyc::Class<SubItem>("SubItem", item_class()).module("interop").constructor([](std::string label) {
            return std::make_shared<SubItem>(std::move(label));
        });
    return klass;
}

// ---------------------------------------------------------------- context managers

struct Context {
    explicit Context(bool swallows) : swallow(swallows) {}
    bool swallow;
    std::string state = "new";
};

inline const rpyc::Class<Context> &context_class() {
    static const auto klass = rpyc::Class<Context>("Ctx")
                                  .module("interop")
                                  .serial()
                                  .expose("state", &Context::state, "What has happened so far.")
                                  .expose("__enter__()",
                                          [](Context &context, rpyc::Call &call) {
                                              context.state = "entered";
                                              return call.target();
                                          })
                                  .expose("__exit__(kind, value, traceback)",
                                          [](Context &context, const Value &kind, const Value &, const Value &) {
                                              const bool failed = !kind.is_none();
                                              context.state = failed ? "exited with an error" : "exited";
                                              return failed && context.swallow;
                                          });
    return klass;
}

}  // namespace interop
