/**
 * Objects of peers, and objects of this process that peers use. Functions that connect objects and views are in
 * access.hpp.
 */
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

/** The arguments of a call before the library gets them and consumes them. */
class Arguments {
public:
    /** Converts the arguments of a call to `target`; nullptr if there is no object. */
    template <class... A>
    explicit Arguments(const rpyc_object *target, A &&...args)
        : Arguments(Empty()) {  // made here already, so that what was added is freed if add() throws
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
    /**
     * Returns the milliseconds of an rpyc::timeout among the arguments; -1 if there is none. A synchronous call has
     * this limit while this object exists.
     */
    std::int64_t timeout_ms() const noexcept { return timeout_ms_; }
    /** Releases the arguments to the function that gets them. */
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
                   }))
                .release();
        }
        return nullptr;
    }
    /** Throws if there are keywords, for functions that take none. */
    void refuse_keywords() const {
        if (!names_.empty())
            throw UsageError(RPYC_ERR_ARGUMENT, "keywords are not accepted here: '" + names_[0] + "'");
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

/**
 * Returns whether a method is "__call__". It is called as the object itself, because the rules of RPyC's peers deny it
 * as an attribute.
 */
inline bool is_call(const char *method) noexcept {
    return method != nullptr && method[0] == '_' && std::strcmp(method, "__call__") == 0;
}

/**
 * Returns the error that ends a block, for the library; nullptr for none. The peer is told that there was an error, and
 * nothing else about it.
 */
inline rpyc_error *reason(const Error *why) noexcept {
    rpyc_error *out = nullptr;
    if (why != nullptr)
        rpyc_error_new(RPYC_ERR_ARGUMENT, nullptr, why->message().c_str(),
                       &out);  // a message that is not UTF-8 gives another error, also a reason
    return out;
}

}  // namespace detail

/**
 * An object of a peer or of this process. Copies are handles of the same object; operator== is Python's "is".
 *
 * An object of a peer that was received as a result keeps its connection open until Connection::close(). Objects that a
 * peer passed as arguments do not, nor do those that weak() returns.
 */
class Object {
public:
    /** Makes a handle without an object; every use of it throws UsageError. */
    Object() noexcept = default;
    /** Makes another handle of the same object. */
    Object(const Object &other) noexcept : hold_(other.hold_), raw_(rpyc_object_clone(other.raw_)) {}
    Object(Object &&other) noexcept : hold_(std::move(other.hold_)), raw_(std::exchange(other.raw_, nullptr)) {}
    Object &operator=(Object other) &noexcept {
        std::swap(raw_, other.raw_);
        std::swap(hold_, other.hold_);
        return *this;
    }
    ~Object() { rpyc_object_free(raw_); }

    /** Takes ownership of a handle of the C library. */
    static Object adopt(rpyc_object *raw) noexcept { return Object(raw); }
    /** Makes another handle from a borrowed one of the C library. */
    static Object share(const rpyc_object *raw) noexcept { return Object(rpyc_object_clone(raw)); }
    /** Takes ownership of an object in a reply of a peer, which keeps its connection open. */
    static Object result(rpyc_object *raw) noexcept {
        return Object(raw, detail::Hold(rpyc_object_hold_connection(raw)));
    }
    /** Returns the handle of the C library, borrowed. */
    rpyc_object *raw() const noexcept { return raw_; }
    /** For the library: returns the handle that keeps the connection open. */
    const detail::Hold &hold() const noexcept { return hold_; }
    /**
     * Returns a handle that does not keep the connection open. Use it for objects that the connection itself keeps
     * alive, such as its service.
     */
    Object weak() const noexcept { return share(raw_); }
    /** Returns whether there is an object. */
    explicit operator bool() const noexcept { return raw_ != nullptr; }

    /** Returns whether it is an object of a peer. */
    bool is_remote() const noexcept { return rpyc_object_is_remote(raw_); }
    /** Returns whether it is a class. */
    bool is_class() const noexcept { return rpyc_object_is_class(raw_); }
    /** Returns the name of the type, such as "builtins.list". */
    std::string type_name() const {
        const char *name = rpyc_object_type_name(raw_);
        return name != nullptr ? name : "";
    }
    /** Returns the connection over which the object was received. The handle does not keep it open. */
    inline Connection connection() const;

    /** Calls the object. */
    template <class... A>
    Value operator()(A &&...args) const {
        detail::Arguments arguments(raw_, std::forward<A>(args)...);
        rpyc_value *keywords = arguments.release_keywords();
        const std::size_t count = arguments.count();
        return Value::got([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_object_call(raw_, arguments.release(), count, keywords, out, error);
        });
    }
    /** Calls a method in one request. "__call__" calls the object itself. */
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
    /** Calls a method in one request. "__call__" calls the object itself. */
    template <class... A>
    Value call(const std::string &method, A &&...args) const {
        return call(detail::name_text(method), std::forward<A>(args)...);
    }
    // The first argument may be a list in braces: call("f", {1, "x"}). Further lists are written rpyc::list{1, "x"}.
    /** Calls the object with a list as its first argument. */
    template <class... A>
    Value operator()(std::initializer_list<Value> first, A &&...args) const;
    /** Calls a method with a list as its first argument. */
    template <class... A>
    Value call(const char *method, std::initializer_list<Value> first, A &&...args) const;
    /** Calls a method with a list as its first argument. */
    template <class... A>
    Value call(const std::string &method, std::initializer_list<Value> first, A &&...args) const;
    /** Calls a method with a list as its first argument, and does not wait for the reply. */
    template <class... A>
    Future<Value> async_call(const char *method, std::initializer_list<Value> first, A &&...args) const;
    /** Calls a method with a list as its first argument, and does not wait for the reply. */
    template <class... A>
    Future<Value> async_call(const std::string &method, std::initializer_list<Value> first, A &&...args) const;
    /** Calls the object with a list as its first argument, and does not wait for the reply. */
    template <class... A>
    Future<Value> async(std::initializer_list<Value> first, A &&...args) const;
    /** Calls a method and does not wait for the reply. "__call__" calls the object itself, as async() does. */
    template <class... A>
    Future<Value> async_call(const char *method, A &&...args) const;
    /** Calls a method and does not wait for the reply. */
    template <class... A>
    Future<Value> async_call(const std::string &method, A &&...args) const;
    /** Calls the object itself and does not wait for the reply. */
    template <class... A>
    Future<Value> async(A &&...args) const;

    /** Calls a method. A bytes reply that fits is received into the buffer, see rpyc::Buffer. */
    template <class... A>
    Value call_into(const Buffer &buffer, const std::string &method, A &&...args) const;
    /** Calls a method and does not wait for the reply. A bytes reply that fits is received into the buffer. */
    template <class... A>
    Future<Value> async_call_into(const Buffer &buffer, const std::string &method, A &&...args) const;

    /**
     * Refers to an attribute: object.attr("x") can be read, converted, assigned and called, which sends the request.
     * See Attribute.
     */
    inline Attribute attr(std::string attribute) const;
    /** Gets an attribute. */
    Value get_attr(const std::string &attribute) const {
        return get(rpyc_object_get_attr, detail::name_text(attribute));
    }
    /** Sets an attribute. */
    template <class T = Value>
    void set_attr(const std::string &attribute, T &&value) const {
        static_assert(std::is_constructible_v<Value, T>, "this type has no rpyc::Convert");
        const char *name = detail::name_text(attribute);  // checked before the value is released
        Value made = sent(std::forward<T>(value));
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_set_attr(raw_, name, std::move(made).release(), &error), error);
    }
    /** Deletes an attribute. */
    void del_attr(const std::string &attribute) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_del_attr(raw_, detail::name_text(attribute), &error), error);
    }

    /**
     * Refers to an item: object[key] can be read, converted, assigned and called, which sends the request. See Item.
     */
    inline Item operator[](Value key) const;
    /** Gets an item. */
    Value get_item(Value key) const { return get(rpyc_object_get_item, std::move(key).release()); }
    /** Sets an item. */
    template <class T = Value>
    void set_item(Value key, T &&value) const {
        static_assert(std::is_constructible_v<Value, T>, "this type has no rpyc::Convert");
        Value made = sent(std::forward<T>(value));
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_set_item(raw_, std::move(key).release(), std::move(made).release(), &error), error);
    }
    /** Deletes an item. */
    void del_item(Value key) const {
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_del_item(raw_, std::move(key).release(), &error), error);
    }
    /** Returns whether a container contains an item: Python's "in". */
    bool contains(Value item) const { return ask(rpyc_object_contains, std::move(item).release()); }
    /** Returns the length: Python's len(). */
    std::size_t size() const {
        std::int64_t length = 0;
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_length(raw_, &length, &error), error);
        return static_cast<std::size_t>(length);
    }
    /** Starts an iteration. The items are requested in chunks of 10, 20, 40 and so on up to 1000. */
    Iterator begin() const { return Iterator(*this); }
    /** Returns the end of an iteration. */
    Iterator end() const noexcept { return Iterator(); }
    /** Calls Python's iter(). */
    Object iter() const {
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_object_iter(raw_, &out, &error), error);
        return result(out);
    }
    /** Calls Python's next(). Throws StopIteration at the end. */
    Value next() const { return get(rpyc_object_next); }
    /** Requests the next items of an iterator in one request, as a tuple that is empty at the end. */
    Value next_chunk(std::int64_t count) const { return get(rpyc_object_next_chunk, count); }

    /** Calls Python's str(). */
    std::string str() const { return std::string(get(rpyc_object_str).text()); }
    /** Calls Python's repr(). */
    std::string repr() const { return std::string(get(rpyc_object_repr).text()); }
    /** Calls Python's hash(). */
    Value hash() const { return get(rpyc_object_hash); }
    /** Calls Python's bool(). */
    bool truth() const { return ask(rpyc_object_truth); }
    /** Calls Python's dir(). */
    Value dir() const { return get(rpyc_object_dir); }
    /** Returns pairs of the name and the documentation of each method. */
    Value inspect() const { return get(rpyc_object_inspect); }
    /** Compares with Python's ==, evaluated by the object. */
    bool equal(Value other) const { return ask(rpyc_object_equal, std::move(other).release()); }
    /**
     * Makes one comparison, RPYC_LT to RPYC_GE. The result is a bool, NotImplemented, or any other value that the
     * object returns.
     */
    Value compare(std::int32_t op, Value other) const {
        return get(rpyc_object_compare, op, std::move(other).release());
    }
    /** Returns whether the object is an instance of a class. */
    bool is_instance(const Object &klass) const { return ask(rpyc_object_is_instance, klass.raw_); }

    /** Enters a context, the beginning of Python's with. */
    Value enter() const { return get(rpyc_object_enter); }
    /** Exits a context. Returns whether the context handled the error of the block. */
    bool exit(const Error *why = nullptr) const {
        rpyc_error *reason = detail::reason(why), *error = nullptr;
        bool swallowed = false;
        const rpyc_status status = rpyc_object_exit(raw_, reason, &swallowed, &error);
        rpyc_error_free(reason);
        detail::check(status, error);
        return swallowed;
    }

    /**
     * Makes a view that lets peers read the names in `readable`, set those in `writable`, and access no others,
     * whatever the attribute rules are. Methods are read.
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
        detail::check(
            rpyc_object_restricted(raw_, reads.data(), reads.size(), writes.data(), writes.size(), &out, &error),
            error);
        return adopt(out);
    }

    // The asynchronous forms do not wait for the reply: see the functions without async_.

    /** Gets an attribute, asynchronously. */
    inline Future<Value> async_attr(const std::string &attribute) const;
    /** Sets an attribute, asynchronously. */
    inline Future<Value> async_set_attr(const std::string &attribute, Value value) const;
    /** Deletes an attribute, asynchronously. */
    inline Future<Value> async_del_attr(const std::string &attribute) const;
    /** Gets an item, asynchronously. */
    inline Future<Value> async_get_item(Value key) const;
    /** Sets an item, asynchronously. */
    inline Future<Value> async_set_item(Value key, Value value) const;
    /** Deletes an item, asynchronously. */
    inline Future<Value> async_del_item(Value key) const;
    /** Calls Python's "in", asynchronously. */
    inline Future<Value> async_contains(Value item) const;
    /** Calls Python's len(), asynchronously. */
    inline Future<Value> async_size() const;
    /** Calls Python's iter(), asynchronously. */
    inline Future<Value> async_iter() const;
    /** Calls Python's next(), asynchronously. */
    inline Future<Value> async_next() const;
    /** Requests the next items of an iterator, asynchronously. */
    inline Future<Value> async_next_chunk(std::int64_t count) const;
    /** Calls Python's str(), asynchronously. */
    inline Future<Value> async_str() const;
    /** Calls Python's repr(), asynchronously. */
    inline Future<Value> async_repr() const;
    /** Calls Python's hash(), asynchronously. */
    inline Future<Value> async_hash() const;
    /** Calls Python's dir(), asynchronously. */
    inline Future<Value> async_dir() const;
    /** Gets the methods with their documentation, asynchronously. */
    inline Future<Value> async_inspect() const;
    /** Makes one comparison, asynchronously. */
    inline Future<Value> async_compare(std::int32_t op, Value other) const;
    /** Calls Python's isinstance(), asynchronously. */
    inline Future<Value> async_is_instance(const Object &klass) const;
    /** Enters a context, asynchronously. */
    inline Future<Value> async_enter() const;
    /** Exits a context, asynchronously. */
    inline Future<Value> async_exit(const Error *why = nullptr) const;

    /** Copies an object that is plain data, with all that it contains. 0 is the default limit of rpyc_object_obtain. */
    Value obtain(std::size_t max_depth = 0, std::size_t max_items = 0, std::size_t max_bytes = 0) const {
        return get(rpyc_object_obtain, max_depth, max_items, max_bytes);
    }

    /** Returns whether both are the same object. No request is sent. */
    friend bool operator==(const Object &left, const Object &right) noexcept {
        return left.raw_ == right.raw_ || rpyc_object_same(left.raw_, right.raw_);
    }
    /** Returns whether the objects are different. No request is sent. */
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

    detail::Hold hold_{};  // destroyed after the handle: it may be the last one of the connection
    rpyc_object *raw_ = nullptr;
};

namespace detail {

/** The functions of an item or attribute that is fetched when it is used. Each use is a request of its own. */
template <class Self>
class Accessor {
public:
    template <class T, implicit_from<T> = 0>
    operator T() const {
        return get().template as<T>();
    }
    /** Deleted for other types, for a short message of the compiler. */
    template <class T, without_from<T> there_is_no_rpyc_Convert = 0>
    operator T() const = delete;  // there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert
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

    // As for Value.
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

    /** Exchanges the values of the two items of the peer. */
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
 * An item of an object or of a value: object[key]. It is fetched anew each time it is read or called. An assignment
 * changes the item of the peer, also through a copy and through a variable declared with `auto`. To keep the current
 * value, use rpyc::Value.
 */
class [[nodiscard]] Item : public detail::Accessor<Item> {
public:
    /** Refers to an item of an object. */
    Item(const Object &object, Value key) : container_(object), key_(std::move(key)) {}
    /** Refers to an item of a value. */
    Item(Value container, Value key) : container_(std::move(container)), key_(std::move(key)) {}
    Item(const Item &) = default;

    /** Fetches the item. */
    Value get() const { return container_.item(key_); }
    /** Sets the item. */
    template <class T, std::enable_if_t<!std::is_same_v<detail::bare<T>, Item>, int> = 0>
    const Item &operator=(T &&value) const {
        static_assert(std::is_constructible_v<Value, T>, "this type has no rpyc::Convert");
        if constexpr (std::is_constructible_v<Value, T>)
            set(std::forward<T>(value));
        return *this;
    }
    /** Sets the item to the value of another one. */
    const Item &operator=(const Item &other) const {
        set(other.get());
        return *this;
    }
    /** Calls the item. */
    template <class... A>
    Value operator()(A &&...args) const {
        return get()(std::forward<A>(args)...);
    }
    /** Calls the item with a list as its first argument. */
    template <class... A>
    Value operator()(std::initializer_list<Value> first, A &&...args) const;

private:
    template <class T>
    void set(T &&value) const {
        if (!container_.is_object())
            throw UsageError(RPYC_ERR_TYPE,
                             "an item of a " + container_.type_name() + " that is a copy cannot be assigned");
        container_.object().set_item(key_, std::forward<T>(value));
    }

    Value container_;
    Value key_;
};

/**
 * An attribute of an object: object.attr(name). It is used like an Item. A call of it calls the method, in one request.
 */
class [[nodiscard]] Attribute : public detail::Accessor<Attribute> {
public:
    /** Refers to an attribute of an object. */
    Attribute(Object object, std::string name) : object_(std::move(object)), name_(std::move(name)) {
        detail::name_text(name_);
    }
    Attribute(const Attribute &) = default;

    /** Fetches the attribute. */
    Value get() const { return object_.get_attr(name_); }
    /** Sets the attribute. */
    template <class T, std::enable_if_t<!std::is_same_v<detail::bare<T>, Attribute>, int> = 0>
    const Attribute &operator=(T &&value) const {
        object_.set_attr(name_, std::forward<T>(value));
        return *this;
    }
    /** Sets the attribute to the value of another one. */
    const Attribute &operator=(const Attribute &other) const {
        object_.set_attr(name_, other.get());
        return *this;
    }
    /** Calls the method. */
    template <class... A>
    Value operator()(A &&...args) const {
        return object_.call(name_, std::forward<A>(args)...);
    }
    /** Calls the method with a list as its first argument. */
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

/** Returns the object that a C function makes: get(&object, &error). */
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
