/** Objects that both sides use: lists and dicts that both change, generators and files. */
#ifndef RPYC_LIVE_HPP
#define RPYC_LIVE_HPP

#include "function.hpp"

namespace rpyc {

class Dict;
class List;

template <>
struct Convert<List> {
    static inline Value to(const List &list);
    static inline List from(View value);
    static std::string name() { return "local list"; }
};
template <>
struct Convert<Dict> {
    static inline Value to(const Dict &dict);
    static inline Dict from(View value);
    static std::string name() { return "local dict"; }
};

/**
 * A list of this process that peers can change too. It is an rpyc::Object: list[2] = "x", a loop over it, contains()
 * and the other functions work on it. Indexes are those of Python; negative ones count from the end.
 *
 * A std::vector that is sent becomes such a list as well, but this side has no access to it.
 */
class List : public Object {
public:
    /** Makes an empty list. */
    List() : List(std::vector<Value>()) {}
    /** Makes a list of values. */
    explicit List(std::vector<Value> items) : Object(make(std::move(items))) {}
    /** Makes a list from any C++ sequence. */
    template <class Range>
    static List of(const Range &range) {
        return List(detail::values_of(range));
    }
    /** Returns the list of this process behind an object; throws ConversionError for other objects. */
    static List from(const Object &object) {
        rpyc_value *item = nullptr;
        const rpyc_status status = rpyc_list_get(object.raw(), 0, &item, nullptr);
        rpyc_value_free(item);
        if (status != RPYC_OK && status != RPYC_ERR_RANGE)
            throw ConversionError::wrong_type(Convert<List>::name(), Value(object).type_name());
        return List(object);
    }

    /** Returns the number of items. */
    std::size_t size() const noexcept { return rpyc_list_count(raw()); }
    /** Returns an item. */
    Value get(std::int64_t index) const {
        return Value::made(
            [&](rpyc_value **out, rpyc_error **error) { return rpyc_list_get(raw(), index, out, error); });
    }
    /** Replaces an item. */
    void set(std::int64_t index, Value value) const { change(rpyc_list_set, index, std::move(value).release()); }
    /** Appends an item. */
    void append(Value value) const { change(rpyc_list_append, std::move(value).release()); }
    /** Inserts an item before an index. */
    void insert(std::int64_t index, Value value) const { change(rpyc_list_insert, index, std::move(value).release()); }
    /** Removes an item. */
    void remove(std::int64_t index) const { change(rpyc_list_remove, index); }
    /** Removes all items. */
    void clear() const { change(rpyc_list_clear); }
    /** Returns a copy of the current items. */
    Value snapshot() const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) { return rpyc_list_snapshot(raw(), out, error); });
    }

private:
    explicit List(const Object &object) : Object(object) {}

    static Object make(std::vector<Value> items) {
        std::vector<rpyc_value *> raws(items.size());
        for (std::size_t i = 0; i < items.size(); i++)
            raws[i] = std::move(items[i]).release();
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_list_new(raws.data(), raws.size(), &out, &error), error);
        return adopt(out);
    }
    template <class F, class... A>
    void change(F function, A... args) const {
        rpyc_error *error = nullptr;
        detail::check(function(raw(), args..., &error), error);
    }
};

/** A dict of this process that peers can change too; see List. */
class Dict : public Object {
public:
    /** Makes an empty dict. */
    Dict() : Dict(std::vector<std::pair<Value, Value>>()) {}
    /** Makes a dict of pairs. */
    explicit Dict(std::vector<std::pair<Value, Value>> items) : Object(make(std::move(items))) {}
    /** Makes a dict from any C++ map. */
    template <class Map>
    static Dict of(const Map &map) {
        std::vector<std::pair<Value, Value>> items;
        for (const auto &[key, value] : map)
            items.emplace_back(key, value);
        return Dict(std::move(items));
    }
    /** Returns the dict of this process behind an object; throws ConversionError for other objects. */
    static Dict from(const Object &object) {
        rpyc_value *value = nullptr;
        const rpyc_status status = rpyc_dict_get(object.raw(), rpyc_value_new_none(), &value, nullptr);
        rpyc_value_free(value);
        if (status != RPYC_OK)
            throw ConversionError::wrong_type(Convert<Dict>::name(), Value(object).type_name());
        return Dict(object);
    }

    /** Returns the number of entries. */
    std::size_t size() const noexcept { return rpyc_dict_count(raw()); }
    /** Returns the value for a key; nothing if the dict does not have the key. */
    std::optional<Value> get(Value key) const {
        rpyc_value *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_dict_get(raw(), std::move(key).release(), &out, &error), error);
        return out != nullptr ? std::make_optional(Value::adopt(out)) : std::nullopt;
    }
    /** Sets the value for a key. */
    void set(Value key, Value value) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_dict_set(raw(), std::move(key).release(), std::move(value).release(), &error), error);
    }
    /** Removes a key. Returns whether the dict had it. */
    bool remove(Value key) const {
        bool found = false;
        rpyc_error *error = nullptr;
        detail::check(rpyc_dict_delete(raw(), std::move(key).release(), &found, &error), error);
        return found;
    }
    /** Removes all entries. */
    void clear() const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_dict_clear(raw(), &error), error);
    }
    /** Returns a copy of the current entries. */
    Value snapshot() const {
        return Value::made([&](rpyc_value **out, rpyc_error **error) { return rpyc_dict_snapshot(raw(), out, error); });
    }

private:
    explicit Dict(const Object &object) : Object(object) {}

    static Object make(std::vector<std::pair<Value, Value>> items) {
        std::vector<rpyc_value *> keys(items.size()), values(items.size());
        for (std::size_t i = 0; i < items.size(); i++) {
            keys[i] = std::move(items[i].first).release();
            values[i] = std::move(items[i].second).release();
        }
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_dict_new(keys.data(), values.data(), keys.size(), &out, &error), error);
        return adopt(out);
    }
};

inline Value Convert<List>::to(const List &list) { return Convert<Object>::to(list); }
inline List Convert<List>::from(View value) {
    if (!value.is_object())
        throw ConversionError::wrong_type(name(), value);
    return List::from(value.object());
}
inline Value Convert<Dict>::to(const Dict &dict) { return Convert<Object>::to(dict); }
inline Dict Convert<Dict>::from(View value) {
    if (!value.is_object())
        throw ConversionError::wrong_type(name(), value);
    return Dict::from(value.object());
}

// ---------------------------------------------------------------- generators

namespace detail {

template <class F>
class NextOf final : public Method {
    static auto ask(F &next, View sent) {
        if constexpr (std::is_invocable_v<F &>)
            return next();
        else
            return next(Value::share(sent));
    }

public:
    static constexpr bool answerable =
        std::is_constructible_v<Value, decltype(*ask(std::declval<F &>(), std::declval<View>()))>;

    explicit NextOf(F next) : next_(std::move(next)) {}

    void invoke(rpyc_call *call, void *) override {
        if constexpr (answerable) {
            auto item = ask(next_, View(rpyc_call_arg(call, 0)));
            if (item)
                rpyc_call_return(call, std::move(Value(*std::move(item))).release());
            else
                rpyc_call_raise_with(call, nullptr, "StopIteration", nullptr, 0, nullptr);
        }
    }

private:
    F next_;
};

}  // namespace detail

/**
 * Makes a generator. `next` is called when an item is requested and returns it in a std::optional, which is empty at
 * the end. Its calls never overlap. It may take a Value: the argument of a peer's send(), otherwise None.
 */
template <class F>
Object generator(F next) {
    static_assert(detail::NextOf<F>::answerable, "this type of item has no rpyc::Convert");
    auto method = std::make_unique<detail::NextOf<F>>(std::move(next));
    const rpyc_method_fn ask = [](rpyc_call *call, void *self) noexcept {
        detail::serve(static_cast<detail::Method *>(self), call, nullptr);
    };
    const rpyc_free_fn drop = [](void *self) noexcept { delete static_cast<detail::Method *>(self); };
    rpyc_object *out = nullptr;
    rpyc_error *error = nullptr;
    detail::Method *kept = method.release();
    detail::check(rpyc_generator_new(ask, kept, drop, &out, &error), error);
    return Object::adopt(out);
}

#ifdef RPYC_COROUTINES

/**
 * A coroutine that makes items with co_yield. A peer gets it as a Python generator; in C++, next() returns one item.
 *
 *     rpyc::Generator<int> count(int from) { for (;;) co_yield from++; }
 */
template <class T>
class Generator {
public:
    /** The promise type of the coroutine. */
    struct promise_type {
        std::optional<T> item{};
        std::exception_ptr failed{};

        Generator get_return_object() { return Generator(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_always initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        template <class V>
        std::suspend_always yield_value(V &&value) {
            item.emplace(std::forward<V>(value));
            return {};
        }
        void return_void() const noexcept {}
        void unhandled_exception() noexcept { failed = std::current_exception(); }
        // It is resumed when an item is requested, not when a reply is received.
        template <class U>
        void await_transform(U &&) = delete;
    };

    /** Moves the coroutine. */
    Generator(Generator &&other) noexcept : running_(std::exchange(other.running_, nullptr)) {}
    Generator &operator=(Generator &&other) noexcept {
        std::swap(running_, other.running_);
        return *this;
    }
    Generator(const Generator &) = delete;
    Generator &operator=(const Generator &) = delete;
    ~Generator() {
        if (running_)
            running_.destroy();
    }

    /** Returns the next item; nothing at the end and after an exception. */
    std::optional<T> next() {
        if (!running_ || running_.done())
            return std::nullopt;
        promise_type &promise = running_.promise();
        promise.item.reset();
        running_.resume();
        if (promise.failed)
            std::rethrow_exception(std::exchange(promise.failed, nullptr));
        return std::exchange(promise.item, std::nullopt);
    }

private:
    explicit Generator(std::coroutine_handle<promise_type> running) noexcept : running_(running) {}

    std::coroutine_handle<promise_type> running_;
};

namespace detail {
template <class T>
struct outlives_call<Generator<T>> : std::true_type {};
}  // namespace detail

template <class T>
struct Convert<Generator<T>> {
    template <class U, std::enable_if_t<std::is_same_v<U, T> && std::is_constructible_v<Value, U>, int> = 0>
    static Value to(Generator<U> &&items) {
        return to_with(Object(), std::move(items));
    }
    /** Makes a generator that keeps `owner`, which has the data that the coroutine uses. */
    static Value to_with(Object owner, Generator<T> &&items) {
        struct Running {
            Object owner;  // destroyed last
            Generator<T> items;
        };
        return Value(generator(
            [running = Running{std::move(owner), std::move(items)}]() mutable { return running.items.next(); }));
    }
    /** Takes the items of a generator that is not moved too: they can be made only once. */
    template <class U, std::enable_if_t<std::is_same_v<U, T> && std::is_constructible_v<Value, U>, int> = 0>
    static Value to(Generator<U> &items) {
        return to(std::move(items));
    }
};

#endif

// ---------------------------------------------------------------- files

/**
 * Makes an object that peers use like a file of Python's open(). `mode` is as for open() and limits the operations. The
 * descriptor is closed by close(), at the end of a with block, or when the file is no longer referenced.
 */
inline Object adopt_file(int fd, const std::string &mode) {
    rpyc_object *out = nullptr;
    rpyc_error *error = nullptr;
    detail::check(rpyc_file_new(fd, detail::name_text(mode), 1, &out, &error), error);
    return Object::adopt(out);
}
/** Makes a file object from a duplicate of the descriptor. The program keeps its own. */
inline Object share_file(int fd, const std::string &mode) {
    rpyc_object *out = nullptr;
    rpyc_error *error = nullptr;
    detail::check(rpyc_file_new(fd, detail::name_text(mode), 0, &out, &error), error);
    return Object::adopt(out);
}

}  // namespace rpyc

#endif
