/** Values: a View reads a value that it does not own, a Value owns one. */
#ifndef RPYC_VALUE_HPP
#define RPYC_VALUE_HPP

#include "traits.hpp"

#include <initializer_list>
#include <rpyc.h>

#include <cstddef>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace rpyc {

/** The kind of a value. */
enum class Kind : std::int32_t {
    none = RPYC_VALUE_NONE,
    not_implemented = RPYC_VALUE_NOT_IMPLEMENTED,
    ellipsis = RPYC_VALUE_ELLIPSIS,
    boolean = RPYC_VALUE_BOOL,
    integer = RPYC_VALUE_INT,
    floating = RPYC_VALUE_FLOAT,
    complex = RPYC_VALUE_COMPLEX,
    text = RPYC_VALUE_STR,
    bytes = RPYC_VALUE_BYTES,
    tuple = RPYC_VALUE_TUPLE,
    slice = RPYC_VALUE_SLICE,
    frozenset = RPYC_VALUE_FROZENSET,
    list = RPYC_VALUE_LIST,
    dict = RPYC_VALUE_DICT,
    object = RPYC_VALUE_OBJECT,
    array = RPYC_VALUE_ARRAY,
    date = RPYC_VALUE_DATE,
    time = RPYC_VALUE_TIME,
    datetime = RPYC_VALUE_DATETIME,
    timedelta = RPYC_VALUE_TIMEDELTA,
    timezone = RPYC_VALUE_TIMEZONE
};

namespace detail {

[[noreturn]] void throw_error(rpyc_status status, rpyc_error *error);

/**
 * Throws the error that a function of the library reported. `error` is a reference because the call that sets it is the
 * other argument.
 */
inline void check(rpyc_status status, rpyc_error *const &error) {
    if (status != RPYC_OK)
        throw_error(status, error);
}

/** The object to which this thread is sending something; nullptr for none. */
inline thread_local const rpyc_object *sending_to = nullptr;

/**
 * While it exists, converted values are sent to an object. Captures of a lambda that came over the same connection then
 * stop keeping it open: the peer can call the lambda only over that connection, which would otherwise keep itself open
 * forever.
 */
class Sending {
public:
    explicit Sending(const rpyc_object *to) noexcept : before_(std::exchange(sending_to, to)) {}
    ~Sending() { sending_to = before_; }
    Sending(const Sending &) = delete;
    Sending &operator=(const Sending &) = delete;

private:
    const rpyc_object *before_;
};

/** A handle that keeps a connection open, for an object or value that was received over it as a result; or none. */
class Hold {
public:
    Hold() noexcept = default;
    explicit Hold(rpyc_connection *owned) noexcept : raw_(owned) {}
    Hold(const Hold &other) noexcept : raw_(copy(other.raw_)) {}
    Hold(Hold &&other) noexcept : raw_(move(std::exchange(other.raw_, nullptr))) {}
    Hold &operator=(Hold other) noexcept {
        std::swap(raw_, other.raw_);
        return *this;
    }
    ~Hold() { drop(raw_); }

    const rpyc_connection *raw() const noexcept { return raw_; }

    static rpyc_connection *copy(const rpyc_connection *held) noexcept {
        return held != nullptr && !is_sent(held) ? rpyc_connection_clone(held) : nullptr;
    }
    static rpyc_connection *move(rpyc_connection *held) noexcept {
        if (held == nullptr || !is_sent(held))
            return held;
        rpyc_connection_free(held);
        return nullptr;
    }
    static void drop(rpyc_connection *held) noexcept {
        if (held != nullptr)
            rpyc_connection_free(held);
    }

private:
    static bool is_sent(const rpyc_connection *held) noexcept {
        return sending_to != nullptr && rpyc_object_is_of(sending_to, held);
    }

    rpyc_connection *raw_ = nullptr;
};

/**
 * The string of a temporary value: a std::string of its own, from which no std::string_view can be made before it is
 * stored.
 */
class Text : public std::string {
public:
    explicit Text(std::string_view text) : std::string(text) {}
    operator std::string_view() const &noexcept { return {data(), size()}; }
    operator std::string_view() const && = delete;  // it would dangle: keep it as std::string
};

/** None, for views without a value. */
inline const rpyc_value *none() noexcept {
    // Never freed: destructors of static objects may still read it.
    static const rpyc_value *const value = rpyc_value_new_none();
    return value;
}

}  // namespace detail

/**
 * Conversions to a std::optional. They are not templates, because they must be preferred to the constructor of
 * std::optional, which would convert the value to T, and throw for None. For other types the two are equally good,
 * which the compiler rejects as ambiguous. For those, and to assign to an existing optional, write
 * `as<std::optional<T>>()`.
 */
#define RPYC_DETAIL_OPTIONAL_TYPES(EACH)                                                                               \
    EACH(bool)                                                                                                         \
    EACH(signed char)                                                                                                  \
    EACH(unsigned char)                                                                                                \
    EACH(short)                                                                                                        \
    EACH(unsigned short)                                                                                               \
    EACH(int)                                                                                                          \
    EACH(unsigned)                                                                                                     \
    EACH(long)                                                                                                         \
    EACH(unsigned long)                                                                                                \
    EACH(long long)                                                                                                    \
    EACH(unsigned long long)                                                                                           \
    EACH(float)                                                                                                        \
    EACH(double)                                                                                                       \
    EACH(std::string)
#define RPYC_DETAIL_OPTIONALS(EACH)                                                                                    \
    RPYC_DETAIL_OPTIONAL_TYPES(EACH)                                                                                   \
    template <class T>                                                                                                 \
    operator std::optional<T>() & = delete; /* as<std::optional<T>>(), if T has a rpyc::Convert */                     \
    template <class T>                                                                                                 \
    operator std::optional<T>() const & = delete; /* as<std::optional<T>>(), if T has a rpyc::Convert */               \
    template <class T>                                                                                                 \
    operator std::optional<T>() && = delete; /* as<std::optional<T>>(), if T has a rpyc::Convert */
#define RPYC_DETAIL_OPTIONAL(T)                                                                                        \
    operator std::optional<T>() &;                                                                                     \
    operator std::optional<T>() const &;                                                                               \
    operator std::optional<T>() &&;

/** Reads a value that is stored elsewhere: in a Value, or, for an argument, in a call. */
class View {
public:
    /** Makes a view of None. */
    View() noexcept = default;
    /** Makes a view of a borrowed value; nullptr is None. */
    explicit View(const rpyc_value *raw) noexcept : raw_(raw) {}
    /** Deleted for temporary values: keep the Value, or take it as const Value &. */
    View(Value &&) = delete;
    View(const Value &&) = delete;

    /** Returns the handle of the C library, borrowed; never NULL. */
    const rpyc_value *raw() const noexcept { return raw_ != nullptr ? raw_ : detail::none(); }

    /** Returns the kind of the value. */
    Kind kind() const noexcept { return static_cast<Kind>(rpyc_value_kind(raw())); }
    /** Returns whether the value is None. */
    bool is_none() const noexcept { return kind() == Kind::none; }
    /** Returns whether the value is a reference to an object. */
    bool is_object() const noexcept { return kind() == Kind::object; }

    /** Converts the value to a C++ type; throws ConversionError. */
    template <class T>
    T as() const {
        static_assert(detail::has_from<T>::value,
                      "there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert");
        if constexpr (detail::has_from<T>::value)
            return Convert<T>::from(*this);
    }

    /** Converts the value to a C++ type: int64_t sum = root.call("add", 40, 2); throws ConversionError. */
    template <class T, detail::implicit_from<T> = 0>
    operator T() const {
        return Convert<T>::from(*this);
    }
    /** Deleted for other types, for a short message of the compiler. */
    template <class T, detail::without_from<T> there_is_no_rpyc_Convert = 0>
    operator T() const = delete;  // there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert
    RPYC_DETAIL_OPTIONALS(RPYC_DETAIL_OPTIONAL)

    /** Returns the string, borrowed from the owner of the value. */
    std::string_view text() const {
        const char *data = nullptr;
        std::size_t length = 0;
        rpyc_error *error = nullptr;
        detail::check(rpyc_value_get_str(raw(), &data, &length, &error), error);
        return {data, length};
    }

    /** Returns an int of any size in decimal digits. */
    inline std::string digits() const;

    /** Returns the value as Python's repr() prints it. No request is sent. */
    inline std::string repr() const;

    /** Returns the name of the Python type: "int", "str", or for objects for example "list" or "shop.Basket". */
    inline std::string type_name() const;

    /**
     * Returns the number of items of a tuple, list, frozenset, dict or array, or of bytes of a string or bytes value.
     * For an object it is requested.
     */
    inline std::size_t size() const;

    /**
     * Refers to an item of a tuple, list or slice by index, or of a dict by key. For an object it is requested. See
     * Item.
     */
    template <class K>
    Item operator[](const K &key) const;
    /** Returns an item of a tuple, list or slice by index, or of a dict by key. For an object it is requested. */
    inline Value item(const Value &key) const;

    /**
     * Starts an iteration over the items of a tuple, list or frozenset, the keys of a dict, or the items of an object's
     * iterator.
     */
    inline Iterator begin() const;
    /** Returns the end of an iteration. */
    inline Iterator end() const;

    /** Returns the object that the value refers to; throws ConversionError for plain data. */
    inline Object object() const;

    // Requests to the object that the value refers to, as for class Object.
    /** Calls the object. */
    template <class... A>
    inline Value operator()(A &&...args) const;
    /** Calls the object with a list as its first argument. */
    template <class... A>
    inline Value operator()(std::initializer_list<Value> first, A &&...args) const;
    /** Calls a method of the object in one request. */
    template <class... A>
    inline Value call(const char *method, A &&...args) const;
    /** Calls a method of the object with a list as its first argument. */
    template <class... A>
    inline Value call(const char *method, std::initializer_list<Value> first, A &&...args) const;
    /** Refers to an attribute of the object. See Attribute. */
    inline Attribute attr(const char *attribute) const;
    /** Refers to an attribute of the object. See Attribute. */
    inline Attribute attr(const std::string &attribute) const;
    /** Returns a str as it is, the result of Python's str() for an object, and the repr of any other value. */
    inline std::string str() const;

    /** For the library: makes a view of a part of this value. */
    View part(const rpyc_value *raw) const noexcept { return View(raw, hold_); }
    /**
     * For the library: returns whether the value is a result or part of one. Objects in it then keep their connection
     * open.
     */
    bool is_result() const noexcept { return hold_ != nullptr; }

private:
    friend class Value;
    View(const rpyc_value *raw, rpyc_connection *hold) noexcept : raw_(raw), hold_(hold) {}

    const rpyc_value *raw_ = nullptr;
    rpyc_connection *hold_ = nullptr;  // not owned, except by a Value
};

// Declared before the first use of has_to and has_from for these types, which are defined later.
template <>
struct Convert<View> {
    static inline Value to(View value);
    static inline View from(View value);
    static std::string name() { return "value"; }
};
template <>
struct Convert<Value> {
    static inline Value from(View value);
    static std::string name() { return "value"; }
};
template <>
struct Convert<Object> {
    static inline Value to(const Object &object);
    static inline Object from(View value);
    static std::string name() { return "object"; }
};
template <>
struct Convert<std::string> {
    static inline Value to(const std::string &text);
    static inline std::string from(View value);
    static std::string name() { return "str"; }
};
template <>
struct Convert<Item> {
    static inline Value to(const Item &item);
};
template <>
struct Convert<Attribute> {
    static inline Value to(const Attribute &attribute);
};

/** A value that it owns: plain data, or a reference to an object. Immutable; copies share it. */
class Value : public View {
public:
    /** Makes None. */
    Value() noexcept = default;

    /** Converts from every type that has a conversion. */
    template <
        class T, class B = detail::bare<T>,
        std::enable_if_t<std::conjunction_v<std::negation<std::is_base_of<Value, B>>, detail::has_to<B>>, int> = 0>
    Value(T &&source) : Value(Convert<B>::to(std::forward<T>(source))) {}
    /** Deleted for other types, for a short message of the compiler. */
    template <class T, detail::unconvertible<T> there_is_no_rpyc_Convert = 0>
    Value(T &&source) = delete;  // there is no rpyc::Convert for this type: specialise it

    /** Makes a str from a C string; nullptr is None. */
    Value(const char *text) : Value(text != nullptr ? new_text(text) : nullptr, Adopt{}) {}

    /** Makes another handle of the same value. */
    Value(const Value &other) noexcept : View(rpyc_value_clone(other.raw_), detail::Hold::copy(other.hold_)) {}
    Value(Value &&other) noexcept
        : View(std::exchange(other.raw_, nullptr), detail::Hold::move(std::exchange(other.hold_, nullptr))) {}
    /** Replaces the value. Not available for the result of a call, where it would have no effect. */
    Value &operator=(Value other) &noexcept {
        std::swap(raw_, other.raw_);
        std::swap(hold_, other.hold_);
        return *this;
    }
    ~Value() {
        rpyc_value_free(const_cast<rpyc_value *>(raw_));
        detail::Hold::drop(hold_);
    }

    /** Returns the string, borrowed from this value; for a temporary, a std::string. */
    std::string_view text() const & { return View::text(); }
    detail::Text text() const && { return detail::Text(View::text()); }

    /** Converts the value to a C++ type; throws ConversionError. */
    template <class T>
    T as() const & {
        return View::as<T>();
    }
    template <class T>
    T as() const && {
        static_assert(
            !detail::is_borrowed<T>::value,
            "this only looks into the value, which ends here: keep the value, or take std::string, bytes or Value");
        return View::as<T>();
    }

    /** Takes ownership of a handle of the C library. */
    static Value adopt(rpyc_value *raw) noexcept { return Value(raw, Adopt{}); }
    /** Makes another handle from a borrowed one of the C library. */
    static Value share(const rpyc_value *raw) noexcept { return Value(rpyc_value_clone(raw), Adopt{}); }
    /** Makes a value that shares the one of a view. */
    static Value share(const View &view) noexcept {
        rpyc_value *raw = rpyc_value_clone(view.raw_);
        return view.is_result() ? result(raw) : adopt(raw);
    }
    /** Takes ownership of a value in a reply of a peer. The objects in it keep their connection open. */
    static Value result(rpyc_value *raw) noexcept { return Value(raw, rpyc_value_hold_connection(raw)); }
    /** For the library: makes a value of an object, which keeps the same connection open. */
    static Value held(rpyc_value *raw, const detail::Hold &hold) noexcept {
        return Value(raw, detail::Hold::copy(hold.raw()));
    }
    /** Releases the handle to the caller, who frees it or lets it be consumed. */
    rpyc_value *release() &&noexcept {
        detail::Hold::drop(std::exchange(hold_, nullptr));
        rpyc_value *raw = const_cast<rpyc_value *>(std::exchange(raw_, nullptr));
        return raw != nullptr ? raw : rpyc_value_new_none();
    }

    /** Makes Python's NotImplemented. */
    static Value not_implemented() noexcept { return adopt(rpyc_value_new_not_implemented()); }
    /** Makes Python's Ellipsis. */
    static Value ellipsis() noexcept { return adopt(rpyc_value_new_ellipsis()); }

    /** Makes an int of any size from decimal digits. */
    static Value integer(std::string_view digits) {
        return made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_value_new_int_text(digits.data(), digits.size(), out, error);
        });
    }
    /** Makes a tuple. */
    static Value tuple(std::vector<Value> items) { return sequence(rpyc_value_new_tuple, std::move(items)); }
    /** Makes a list. */
    static Value list(std::vector<Value> items) { return sequence(rpyc_value_new_list, std::move(items)); }
    /** Makes a frozenset. */
    static Value frozenset(std::vector<Value> items) { return sequence(rpyc_value_new_frozenset, std::move(items)); }
    /** Makes a dict. */
    static Value dict(std::vector<std::pair<Value, Value>> items) {
        std::vector<rpyc_value *> keys(items.size()), values(items.size());
        for (std::size_t i = 0; i < items.size(); i++) {
            keys[i] = std::move(items[i].first).release();
            values[i] = std::move(items[i].second).release();
        }
        return made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_value_new_dict(keys.data(), values.data(), keys.size(), out, error);
        });
    }
    /** Makes a slice. */
    static Value slice(Value start, Value stop, Value step = Value()) {
        return made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_value_new_slice(std::move(start).release(), std::move(stop).release(),
                                        std::move(step).release(), out, error);
        });
    }

    /** Makes a date from the year, month and day of the fields. */
    static Value date(const rpyc_datetime &fields) { return date(fields.year, fields.month, fields.day); }
    /** Makes a date. */
    static Value date(std::int32_t year, std::int32_t month, std::int32_t day) {
        return made(
            [&](rpyc_value **out, rpyc_error **error) { return rpyc_value_new_date(year, month, day, out, error); });
    }
    /** Makes a time of day from the fields of the time. */
    static Value time(const rpyc_datetime &fields) {
        return made([&](rpyc_value **out, rpyc_error **error) { return rpyc_value_new_time(&fields, out, error); });
    }
    /** Makes a datetime from the fields. */
    static Value datetime(const rpyc_datetime &fields) {
        return made([&](rpyc_value **out, rpyc_error **error) { return rpyc_value_new_datetime(&fields, out, error); });
    }
    /** Makes a timedelta. Parts of a microsecond are cut off. */
    template <class Rep, class Period>
    static Value timedelta(std::chrono::duration<Rep, Period> span);
    /** Makes a timezone with an offset from UTC. Parts of a microsecond are cut off. */
    template <class Rep, class Period>
    static Value timezone(std::chrono::duration<Rep, Period> utcoffset);

    /** For the library: makes a value with one of its functions. */
    template <class F>
    static Value made(F make) {
        rpyc_value *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(make(&out, &error), error);
        return adopt(out);
    }
    /** For the library: makes a value with one of its functions that returns a reply of a peer. */
    template <class F>
    static Value got(F ask) {
        rpyc_value *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(ask(&out, &error), error);
        return result(out);
    }

    /** Compares values as Python's ==. Objects are equal if they are the same. No request is sent. */
    friend bool operator==(const Value &left, const Value &right) noexcept {
        return rpyc_value_equal(left.raw(), right.raw());
    }
    /** Returns whether the values are different. */
    friend bool operator!=(const Value &left, const Value &right) noexcept {
        return !rpyc_value_equal(left.raw(), right.raw());
    }
    /** Compares a value with a C++ value. */
    template <class T, detail::comparable<T> = 0>
    friend bool operator==(const Value &left, const T &right) {
        return left == Value(right);
    }
    /** Returns whether a value is different from a C++ value. */
    template <class T, detail::comparable<T> = 0>
    friend bool operator!=(const Value &left, const T &right) {
        return !(left == Value(right));
    }

private:
    struct Adopt {};
    Value(rpyc_value *raw, Adopt) noexcept : View(raw) {}
    Value(rpyc_value *raw, rpyc_connection *hold) noexcept : View(raw, hold) {}

    static rpyc_value *new_text(const char *text) {
        rpyc_value *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_value_new_str(text, RPYC_NUL_TERMINATED, &out, &error), error);
        return out;
    }

    template <class F>
    static Value sequence(F make, std::vector<Value> items) {
        std::vector<rpyc_value *> raws(items.size());
        for (std::size_t i = 0; i < items.size(); i++)
            raws[i] = std::move(items[i]).release();
        return made([&](rpyc_value **out, rpyc_error **error) { return make(raws.data(), raws.size(), out, error); });
    }
};

/** Python's None. */
inline const Value None{};

/** Iterates once over the items of a value or object. Items of an object are fetched in growing chunks. */
class Iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using pointer = const Value *;
    using reference = const Value &;

    /** Makes the end of an iteration. */
    Iterator() noexcept = default;
    /** Starts an iteration over a value; throws if it is not iterable. */
    inline explicit Iterator(const View &container);
    /** Starts an iteration over an object. */
    inline explicit Iterator(const Object &container);

    /** Returns the current item. */
    reference operator*() const noexcept { return item_; }
    /** Returns the current item. */
    pointer operator->() const noexcept { return &item_; }
    /** Advances to the next item, which may be requested. */
    inline Iterator &operator++();
    /** Advances to the next item. */
    void operator++(int) { ++*this; }
    /** Returns whether both are at the end, or neither. */
    friend bool operator==(const Iterator &left, const Iterator &right) noexcept { return left.done_ == right.done_; }
    /** Returns whether only one is at the end. */
    friend bool operator!=(const Iterator &left, const Iterator &right) noexcept { return left.done_ != right.done_; }

private:
    inline void fetch();

    struct Remote {
        rpyc_iterator *raw = nullptr;
        detail::Hold hold{};  // while there are items to fetch
        Remote() noexcept = default;
        ~Remote() { rpyc_iterator_free(raw); }
        Remote(const Remote &) = delete;
        Remote &operator=(const Remote &) = delete;
    };
    Value local_{};
    std::size_t index_ = 0;
    std::shared_ptr<Remote> remote_{};
    Value item_{};
    bool done_ = true;
};

/** The arguments after the named ones: as a parameter it receives *args, as an argument of a call it is expanded. */
struct Args {
    /** The arguments in order. */
    std::vector<Value> items{};

    /** Returns the number of arguments. */
    std::size_t size() const noexcept { return items.size(); }
    /** Returns an argument; throws std::out_of_range past the end. */
    const Value &operator[](std::size_t index) const { return items.at(index); }
    /** Returns an iterator to the first argument. */
    auto begin() const noexcept { return items.begin(); }
    /** Returns an iterator past the last argument. */
    auto end() const noexcept { return items.end(); }
};

/** Keywords in the order of the call: as a parameter it receives **kwargs, as an argument of a call it is expanded. */
struct Kwargs {
    /** The names and values in order. */
    std::vector<std::pair<std::string, Value>> items{};

    /** Returns the number of keywords. */
    std::size_t size() const noexcept { return items.size(); }
    /** Returns an iterator to the first keyword. */
    auto begin() const noexcept { return items.begin(); }
    /** Returns an iterator past the last keyword. */
    auto end() const noexcept { return items.end(); }
};

/** One keyword argument. */
struct Keyword {
    /** The name. */
    std::string name;
    /** The value. */
    Value value;
};

/** Names a keyword argument of a call: rpyc::kw("count") = 3 */
class kw {
public:
    /** Makes a name. */
    explicit kw(std::string name) : name_(std::move(name)) {}
    /** Assigns the value and makes the keyword argument. */
    template <class T>
    Keyword operator=(T &&value) && {
        static_assert(std::is_constructible_v<Value, T>, "this type of argument has no rpyc::Convert");
        if constexpr (std::is_constructible_v<Value, T>)
            return Keyword{std::move(name_), Value(std::forward<T>(value))};
    }

private:
    std::string name_;
};

}  // namespace rpyc

#endif
