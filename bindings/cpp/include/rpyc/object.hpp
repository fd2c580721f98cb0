/** Objects: those of the peer, and ours that peers use. What they and views do with each other is in access.hpp. */
#ifndef RPYC_OBJECT_HPP
#define RPYC_OBJECT_HPP

#include "exceptions.hpp"
#include "timeout.hpp"

#include <cstring>

namespace rpyc {

class Buffer;
class Connection;
template <class T>
class Future;

namespace detail {

/** The arguments of a call on their way into the library, which consumes them. */
class Arguments {
public:
    /** For `target`, or nullptr. */
    template <class... A>
    explicit Arguments(const rpyc_object *target, A &&...args) : Arguments(Empty()) {    // made here already, so that what was added is freed if add() throws
        const Sending sending(target);
        if constexpr (sizeof...(A) > inline_size)
            more_.reserve(sizeof...(A));
        (add(std::forward<A>(args)), ...);
    }
    ~Arguments() {
        for (std::size_t i = 0; i < count_; i++)
            rpyc_value_free(items()[i]);
    }
    Arguments(const Arguments &) = delete;
    Arguments &operator=(const Arguments &) = delete;

    std::size_t count() const noexcept { return count_; }
    /** What an rpyc::timeout among them says; -1: none does. A synchronous call is within it as long as it lives. */
    std::int64_t timeout_ms() const noexcept { return timeout_ms_; }
    /** From here on they belong to the function that gets them. */
    rpyc_value *const *release() noexcept {
        count_ = 0;
        return items();
    }
    rpyc_value *release_keywords() {
        if (!names_.empty()) {
            std::vector<const char *> names;
            std::vector<rpyc_value *> values(values_.size());
            for (const std::string &name : names_)
                names.push_back(name_text(name));
            for (std::size_t i = 0; i < values.size(); i++)
                values[i] = std::move(values_[i]).release();
            return std::move(Value::made([&](rpyc_value **out, rpyc_error **error) {
                       return rpyc_value_new_keywords(names.data(), values.data(), names.size(), out, error);
                   })).release();
        }
        return nullptr;
    }
    /** Where there is no place for keywords. */
    void refuse_keywords() const {
        if (!names_.empty())
            throw UsageError(RPYC_ERR_ARGUMENT, "keywords are not taken here: '" + names_[0] + "'");
    }

private:
    struct Empty {};
    explicit Arguments(Empty) noexcept {}

    static constexpr std::size_t inline_size = 6;

    rpyc_value **items() noexcept { return more_.empty() ? first_ : more_.data(); }
    void push(Value value) {
        if (more_.empty() && count_ == inline_size)
            more_.assign(first_, first_ + count_);
        if (!more_.empty())
            more_.push_back(nullptr);
        items()[count_] = std::move(value).release();
        count_++;
    }
    template <class T>
    void add(T &&argument) {
        using B = bare<T>;
        if constexpr (std::is_same_v<B, Keyword>) {
            values_.push_back(argument.value);
            names_.push_back(argument.name);
        } else if constexpr (std::is_same_v<B, Kwargs>) {
            for (const auto &[name, value] : argument.items) {
                values_.push_back(value);
                names_.push_back(name);
            }
        } else if constexpr (std::is_same_v<B, Args>) {
            for (const Value &value : argument.items)
                push(value);
        } else if constexpr (std::is_same_v<B, timeout>) {
            timeout_ms_ = argument.milliseconds();
        } else {
            static_assert(std::is_constructible_v<Value, T>, "this type of argument has no rpyc::Convert");
            if constexpr (std::is_constructible_v<Value, T>)
                push(Value(std::forward<T>(argument)));
        }
    }

    rpyc_value *first_[inline_size] = {};
    std::size_t count_ = 0;
    std::int64_t timeout_ms_ = -1;
    std::vector<rpyc_value *> more_{};
    std::vector<std::string> names_{};
    std::vector<Value> values_{};
};

/** Calling an object by the name of its own call, which the rules of stock peers deny as an attribute. */
inline bool is_call(const char *method) noexcept {
    return method != nullptr && method[0] == '_' && std::strcmp(method, "__call__") == 0;
}

/** Why a block is left, as the library takes it; nullptr: normally. The peer is told that there is a reason, and not which. */
inline rpyc_error *reason(const Error *why) noexcept {
    rpyc_error *out = nullptr;
    if (why != nullptr)
        rpyc_error_new(RPYC_ERR_ARGUMENT, nullptr, why->message().c_str(), &out);   // a message that is not UTF-8 gives another error, also a reason
    return out;
}

}  // namespace detail

/**
 * A handle of an object. Copies are the same object; what Python calls "is" is operator==.
 *
 * An object of a peer that was got as a result keeps its connection open, until Connection::close(). Those that a peer gave as arguments
 * do not, nor does what weak() gives.
 */
class Object {
public:
    /** No object; every use throws UsageError. */
    Object() noexcept = default;
    Object(const Object &other) noexcept : hold_(other.hold_), raw_(rpyc_object_clone(other.raw_)) {}
    Object(Object &&other) noexcept : hold_(std::move(other.hold_)), raw_(std::exchange(other.raw_, nullptr)) {}
    Object &operator=(Object other) & noexcept {
        std::swap(raw_, other.raw_);
        std::swap(hold_, other.hold_);
        return *this;
    }
    ~Object() { rpyc_object_free(raw_); }

    /** Takes a handle of the C library over. */
    static Object adopt(rpyc_object *raw) noexcept { return Object(raw); }
    /** Shares what a handle of the C library stands for. */
    static Object share(const rpyc_object *raw) noexcept { return Object(rpyc_object_clone(raw)); }
    /** Takes over what a peer answered: it keeps its connection open. */
    static Object result(rpyc_object *raw) noexcept { return Object(raw, detail::Hold(rpyc_object_hold_connection(raw))); }
    rpyc_object *raw() const noexcept { return raw_; }
    /** For the library. */
    const detail::Hold &hold() const noexcept { return hold_; }
    /** The same object, not keeping its connection open: for what the connection itself keeps alive, such as its service. */
    Object weak() const noexcept { return share(raw_); }
    explicit operator bool() const noexcept { return raw_ != nullptr; }

    /** Is it an object of a peer? */
    bool is_remote() const noexcept { return rpyc_object_is_remote(raw_); }
    bool is_class() const noexcept { return rpyc_object_is_class(raw_); }
    /** Such as "builtins.list". */
    std::string type_name() const {
        const char *name = rpyc_object_type_name(raw_);
        return name != nullptr ? name : "";
    }
    /** Over which it was lent; does not keep the connection open. */
    inline Connection connection() const;

    /** Calls it. */
    template <class... A>
    Value operator()(A &&...args) const {
        detail::Arguments arguments(raw_, std::forward<A>(args)...);
        rpyc_value *keywords = arguments.release_keywords();
        const std::size_t count = arguments.count();
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_object_call(raw_, arguments.release(), count, keywords, out, error);
        });
    }
    /** Calls a method, in one request; "__call__" is the object itself. */
    template <class... A>
    Value call(const char *method, A &&...args) const {
        if (detail::is_call(method))
            return (*this)(std::forward<A>(args)...);
        detail::Arguments arguments(raw_, std::forward<A>(args)...);
        rpyc_value *keywords = arguments.release_keywords();
        const std::size_t count = arguments.count();
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_object_call_method(raw_, method, arguments.release(), count, keywords, out, error);
        });
    }
    template <class... A>
    Value call(const std::string &method, A &&...args) const {
        return call(detail::name_text(method), std::forward<A>(args)...);
    }
    // The first argument may be a list in braces: call("f", {1, "x"}). Others are written rpyc::list{1, "x"}.
    template <class... A>
    Value operator()(std::initializer_list<Value> first, A &&...args) const;
    template <class... A>
    Value call(const char *method, std::initializer_list<Value> first, A &&...args) const;
    template <class... A>
    Value call(const std::string &method, std::initializer_list<Value> first, A &&...args) const;
    template <class... A>
    Future<Value> async_call(const char *method, std::initializer_list<Value> first, A &&...args) const;
    template <class... A>
    Future<Value> async_call(const std::string &method, std::initializer_list<Value> first, A &&...args) const;
    template <class... A>
    Future<Value> async(std::initializer_list<Value> first, A &&...args) const;
    /** Calls a method without waiting for the answer; "__call__" is the object itself, as in async(). */
    template <class... A>
    Future<Value> async_call(const char *method, A &&...args) const;
    template <class... A>
    Future<Value> async_call(const std::string &method, A &&...args) const;
    /** Calls the object itself without waiting for the answer. */
    template <class... A>
    Future<Value> async(A &&...args) const;

    /** Calls a method; bytes that fit come into the buffer, see rpyc::Buffer. */
    template <class... A>
    Value call_into(const Buffer &buffer, const std::string &method, A &&...args) const;
    template <class... A>
    Future<Value> async_call_into(const Buffer &buffer, const std::string &method, A &&...args) const;

    /** object.attr("x") can be read, converted, assigned and called, and is fetched when that is done: see Attribute. */
    inline Attribute attr(std::string attribute) const;
    Value get_attr(const std::string &attribute) const { return get(rpyc_object_get_attr, detail::name_text(attribute)); }
    template <class T = Value>
    void set_attr(const std::string &attribute, T &&value) const {
        static_assert(std::is_constructible_v<Value, T>, "this type has no rpyc::Convert");
        const char *name = detail::name_text(attribute);     // before the value is given away
        Value made = sent(std::forward<T>(value));
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_set_attr(raw_, name, std::move(made).release(), &error), error);
    }
    void del_attr(const std::string &attribute) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_del_attr(raw_, detail::name_text(attribute), &error), error);
    }

    /** object[key] can be read, converted, assigned and called. */
    inline Item operator[](Value key) const;
    Value get_item(Value key) const { return get(rpyc_object_get_item, std::move(key).release()); }
    template <class T = Value>
    void set_item(Value key, T &&value) const {
        static_assert(std::is_constructible_v<Value, T>, "this type has no rpyc::Convert");
        Value made = sent(std::forward<T>(value));
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_set_item(raw_, std::move(key).release(), std::move(made).release(), &error), error);
    }
    void del_item(Value key) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_del_item(raw_, std::move(key).release(), &error), error);
    }
    bool contains(Value item) const { return ask(rpyc_object_contains, std::move(item).release()); }
    /** Python's len(). */
    std::size_t size() const {
        std::int64_t length = 0;
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_length(raw_, &length, &error), error);
        return static_cast<std::size_t>(length);
    }
    /** Items come 10, 20, 40 and at last 1000 in a request. */
    Iterator begin() const { return Iterator(*this); }
    Iterator end() const noexcept { return Iterator(); }
    /** Python's iter() and next(); next() throws StopIteration at the end. */
    Object iter() const {
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_iter(raw_, &out, &error), error);
        return result(out);
    }
    Value next() const { return get(rpyc_object_next); }
    /** The next items of an iterator in one request, a tuple that is empty at the end. */
    Value next_chunk(std::int64_t count) const { return get(rpyc_object_next_chunk, count); }

    /** Python's str(), repr(), hash(), bool(), dir(). */
    std::string str() const { return std::string(get(rpyc_object_str).text()); }
    std::string repr() const { return std::string(get(rpyc_object_repr).text()); }
    Value hash() const { return get(rpyc_object_hash); }
    bool truth() const { return ask(rpyc_object_truth); }
    Value dir() const { return get(rpyc_object_dir); }
    /** Pairs of name and doc of its methods. */
    Value inspect() const { return get(rpyc_object_inspect); }
    /** Python's ==, asked of the object. */
    bool equal(Value other) const { return ask(rpyc_object_equal, std::move(other).release()); }
    /** One comparison, RPYC_LT to RPYC_GE: a bool, NotImplemented, or whatever the object answers. */
    Value compare(std::int32_t op, Value other) const { return get(rpyc_object_compare, op, std::move(other).release()); }
    bool is_instance(const Object &klass) const { return ask(rpyc_object_is_instance, klass.raw_); }

    /** Python's with: enters now, leaves with `exit`. */
    Value enter() const { return get(rpyc_object_enter); }
    /** Tells whether an error of the block is dealt with. */
    bool exit(const Error *why = nullptr) const {
        rpyc_error *reason = detail::reason(why), *error = nullptr;
        bool swallowed = false;
        const rpyc_status status = rpyc_object_exit(raw_, reason, &swallowed, &error);
        rpyc_error_free(reason);
        detail::check(status, error);
        return swallowed;
    }

    /**
     * A view that lets peers read the first names, set the second ones, and nothing else, whatever the rules say. Methods are
     * read.
     */
    Object restricted(const std::vector<std::string> &readable, const std::vector<std::string> &writable = {}) const {
        const auto pointers = [](const std::vector<std::string> &names) {
            std::vector<const char *> all;
            for (const std::string &name : names)
                all.push_back(detail::name_text(name));
            return all;
        };
        const auto reads = pointers(readable), writes = pointers(writable);
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_restricted(raw_, reads.data(), reads.size(), writes.data(), writes.size(), &out, &error), error);
        return adopt(out);
    }

    // All of it without waiting for the answer: see the function without async_.
    inline Future<Value> async_attr(const std::string &attribute) const;
    inline Future<Value> async_set_attr(const std::string &attribute, Value value) const;
    inline Future<Value> async_del_attr(const std::string &attribute) const;
    inline Future<Value> async_get_item(Value key) const;
    inline Future<Value> async_set_item(Value key, Value value) const;
    inline Future<Value> async_del_item(Value key) const;
    inline Future<Value> async_contains(Value item) const;
    inline Future<Value> async_size() const;
    inline Future<Value> async_iter() const;
    inline Future<Value> async_next() const;
    inline Future<Value> async_next_chunk(std::int64_t count) const;
    inline Future<Value> async_str() const;
    inline Future<Value> async_repr() const;
    inline Future<Value> async_hash() const;
    inline Future<Value> async_dir() const;
    inline Future<Value> async_inspect() const;
    inline Future<Value> async_compare(std::int32_t op, Value other) const;
    inline Future<Value> async_is_instance(const Object &klass) const;
    inline Future<Value> async_enter() const;
    inline Future<Value> async_exit(const Error *why = nullptr) const;

    /** Copies an object that is plain data, with all that is in it; 0 is the limit of rpyc_object_obtain. */
    Value obtain(std::size_t max_depth = 0, std::size_t max_items = 0, std::size_t max_bytes = 0) const {
        return get(rpyc_object_obtain, max_depth, max_items, max_bytes);
    }

    /** The same object; no peer is asked. */
    friend bool operator==(const Object &left, const Object &right) noexcept {
        return left.raw_ == right.raw_ || rpyc_object_same(left.raw_, right.raw_);
    }
    friend bool operator!=(const Object &left, const Object &right) noexcept { return !(left == right); }

private:
    explicit Object(rpyc_object *raw, detail::Hold hold = {}) noexcept : hold_(std::move(hold)), raw_(raw) {}

    template <class T>
    Value sent(T &&value) const {
        const detail::Sending sending(raw_);
        if constexpr (std::is_constructible_v<Value, T>)
            return Value(std::forward<T>(value));
        else
            return {};
    }

    template <class F, class... A>
    Value get(F function, A... args) const {
        return Value::got([&](rpyc_value **out, rpyc_error **error) { return function(raw_, args..., out, error); });
    }
    template <class F, class... A>
    bool ask(F function, A... args) const {
        bool out = false;
        rpyc_error *error = nullptr;
        detail::check(function(raw_, args..., &out, &error), error);
        return out;
    }

    detail::Hold hold_{};                   // behind the handle in time: it may be the last of the connection
    rpyc_object *raw_ = nullptr;
};

namespace detail {

/** What can be read of something that is fetched when it is used: each use is a request of its own. */
template <class Self>
class Accessor {
public:
    template <class T, implicit_from<T> = 0>
    operator T() const {
        return get().template as<T>();
    }
    /** To other types, for a short message of the compiler. */
    template <class T, without_from<T> there_is_no_rpyc_Convert = 0>
    operator T() const = delete;              // there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert
#define RPYC_DETAIL_ACCESS(T)                                                                                          \
    operator std::optional<T>() & { return get(); }                                                                    \
    operator std::optional<T>() const & { return get(); }                                                              \
    operator std::optional<T>() && { return get(); }
    RPYC_DETAIL_OPTIONALS(RPYC_DETAIL_ACCESS)
#undef RPYC_DETAIL_ACCESS
    template <class T>
    T as() const {
        return get().template as<T>();
    }

    // As of Value.
    Kind kind() const { return get().kind(); }
    bool is_none() const { return get().is_none(); }
    bool is_object() const { return get().is_object(); }
    Object object() const { return get().object(); }
    Text text() const { return get().text(); }
    std::string digits() const { return get().digits(); }
    std::string str() const { return get().str(); }
    std::string repr() const { return get().repr(); }
    std::string type_name() const { return get().type_name(); }
    std::size_t size() const { return get().size(); }
    Value item(const Value &key) const { return get().item(key); }
    template <class K>
    Item operator[](const K &key) const;
    Iterator begin() const { return get().begin(); }
    Iterator end() const noexcept { return Iterator(); }
    template <class... A>
    Value call(const char *method, A &&...args) const {
        return get().call(method, std::forward<A>(args)...);
    }
    template <class... A>
    Value call(const std::string &method, A &&...args) const {
        return get().object().call(method, std::forward<A>(args)...);
    }
    Attribute attr(const std::string &attribute) const;

    template <class T, std::enable_if_t<std::is_constructible_v<Value, const T &>, int> = 0>
    friend bool operator==(const Self &left, const T &right) {
        return left.get() == Value(right);
    }
    template <class T, std::enable_if_t<std::is_constructible_v<Value, const T &>, int> = 0>
    friend bool operator!=(const Self &left, const T &right) {
        return !(left.get() == Value(right));
    }

    /** Exchanges what the peer has. */
    friend void swap(Self &left, Self &right) {
        const Value kept = left.get();
        left = right.get();
        right = kept;
    }

protected:
    ~Accessor() = default;

private:
    Value get() const { return static_cast<const Self *>(this)->get(); }
};

}  // namespace detail

/**
 * object[key], or an item of a value. It is fetched when it is read or called, each time anew, and what is assigned to it is assigned to
 * the peer's item: also to a copy, and what `auto` makes, is such an item. rpyc::Value keeps what it is now.
 */
class [[nodiscard]] Item : public detail::Accessor<Item> {
public:
    Item(const Object &object, Value key) : container_(object), key_(std::move(key)) {}
    Item(Value container, Value key) : container_(std::move(container)), key_(std::move(key)) {}
    Item(const Item &) = default;

    Value get() const { return container_.item(key_); }
    template <class T, std::enable_if_t<!std::is_same_v<detail::bare<T>, Item>, int> = 0>
    const Item &operator=(T &&value) const {
        static_assert(std::is_constructible_v<Value, T>, "this type has no rpyc::Convert");
        if constexpr (std::is_constructible_v<Value, T>)
            set(std::forward<T>(value));
        return *this;
    }
    const Item &operator=(const Item &other) const {
        set(other.get());
        return *this;
    }
    template <class... A>
    Value operator()(A &&...args) const {
        return get()(std::forward<A>(args)...);
    }
    template <class... A>
    Value operator()(std::initializer_list<Value> first, A &&...args) const;

private:
    template <class T>
    void set(T &&value) const {
        if (!container_.is_object())
            throw UsageError(RPYC_ERR_TYPE, "an item of a " + container_.type_name() + " that is a copy cannot be assigned");
        container_.object().set_item(key_, std::forward<T>(value));
    }

    Value container_;
    Value key_;
};

/** object.attr(name): as Item, of an attribute. Calling it calls the method, in one request. */
class [[nodiscard]] Attribute : public detail::Accessor<Attribute> {
public:
    Attribute(Object object, std::string name) : object_(std::move(object)), name_(std::move(name)) { detail::name_text(name_); }
    Attribute(const Attribute &) = default;

    Value get() const { return object_.get_attr(name_); }
    template <class T, std::enable_if_t<!std::is_same_v<detail::bare<T>, Attribute>, int> = 0>
    const Attribute &operator=(T &&value) const {
        object_.set_attr(name_, std::forward<T>(value));
        return *this;
    }
    const Attribute &operator=(const Attribute &other) const {
        object_.set_attr(name_, other.get());
        return *this;
    }
    template <class... A>
    Value operator()(A &&...args) const {
        return object_.call(name_, std::forward<A>(args)...);
    }
    template <class... A>
    Value operator()(std::initializer_list<Value> first, A &&...args) const;

private:
    Object object_;
    std::string name_;
};

template <class Self>
template <class K>
Item detail::Accessor<Self>::operator[](const K &key) const {
    static_assert(std::is_constructible_v<Value, const K &>, "this type of key has no rpyc::Convert");
    if constexpr (std::is_constructible_v<Value, const K &>)
        return {get(), Value(key)};
}
template <class Self>
Attribute detail::Accessor<Self>::attr(const std::string &attribute) const {
    return {get().object(), attribute};
}

inline Attribute Object::attr(std::string attribute) const { return {*this, std::move(attribute)}; }
inline Item Object::operator[](Value key) const { return {*this, std::move(key)}; }

namespace detail {

/** What a function of C gives as a result: get(&object, &error). */
template <class F>
Object object(F get) {
    rpyc_object *out = nullptr;
    rpyc_error *error = nullptr;
    check(get(&out, &error), error);
    return Object::result(out);
}

}  // namespace detail

}  // namespace rpyc

#endif
