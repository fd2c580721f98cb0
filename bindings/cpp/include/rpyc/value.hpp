/** Values: View reads one that somebody else holds, Value holds one. */
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

/** What kind of value something is. */
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

/** Throws what a function of the library reported. By reference: the call that sets `error` is the argument beside it. */
inline void check(rpyc_status status, rpyc_error *const &error) {
    if (status != RPYC_OK)
        throw_error(status, error);
}

/** The object that something is being sent to by this thread; nullptr: nothing is. */
inline thread_local const rpyc_object *sending_to = nullptr;

/**
 * While it lives, what is converted is sent to an object. Objects that a lambda captures and that came over the same connection
 * lose their hold of it then: the peer can call the lambda only over that connection, which would keep itself open for ever.
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

/** A handle that keeps a connection open, of something that came over it as a result; or none. */
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

/** Text of a value that has ended: a std::string of its own, which no std::string_view can be made of before it is kept. */
class Text : public std::string {
public:
    explicit Text(std::string_view text) : std::string(text) {}
    operator std::string_view() const & noexcept { return {data(), size()}; }
    operator std::string_view() const && = delete;            // it would end before it is read: keep it as std::string
};

/** None, for views of nothing. */
inline const rpyc_value *none() noexcept {
    // Never freed: destructors of what is static may still look at it.
    static const rpyc_value *const value = rpyc_value_new_none();
    return value;
}

}  // namespace detail

/**
 * Conversions to a std::optional. They are no templates, since they must be better than the constructor of std::optional, which
 * would take the value as one of T, and throw for None. For other types the two are equally good, which the compiler
 * refuses as ambiguous: as<std::optional<T>>() is what to write then, and also where an optional that is there is assigned to.
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

/** Reads a value that lives elsewhere: in a Value, or, as an argument, in a call. */
class View {
public:
    View() noexcept = default;
    /** Borrows. nullptr is None. */
    explicit View(const rpyc_value *raw) noexcept : raw_(raw) {}
    /** A view of what ends at once: keep the Value, or take it as const Value &. */
    View(Value &&) = delete;
    View(const Value &&) = delete;

    /** The handle of the C library, borrowed; never NULL. */
    const rpyc_value *raw() const noexcept { return raw_ != nullptr ? raw_ : detail::none(); }

    Kind kind() const noexcept { return static_cast<Kind>(rpyc_value_kind(raw())); }
    bool is_none() const noexcept { return kind() == Kind::none; }
    bool is_object() const noexcept { return kind() == Kind::object; }

    /** Converted to a type of C++; throws ConversionError. */
    template <class T>
    T as() const {
        static_assert(detail::has_from<T>::value, "there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert");
        if constexpr (detail::has_from<T>::value)
            return Convert<T>::from(*this);
    }

    /** int64_t sum = root.call("add", 40, 2); throws ConversionError. */
    template <class T, detail::implicit_from<T> = 0>
    operator T() const {
        return Convert<T>::from(*this);
    }
    /** To other types, for a short message of the compiler. */
    template <class T, detail::without_from<T> there_is_no_rpyc_Convert = 0>
    operator T() const = delete;              // there is no rpyc::Convert<T>::from for this type: specialise rpyc::Convert
    RPYC_DETAIL_OPTIONALS(RPYC_DETAIL_OPTIONAL)

    /** Text, borrowed from the value that holds it. */
    std::string_view text() const {
        const char *data = nullptr;
        std::size_t length = 0;
        rpyc_error *error = nullptr;
        detail::check(rpyc_value_get_str(raw(), &data, &length, &error), error);
        return {data, length};
    }

    /** An int of any size in decimal digits. */
    inline std::string digits() const;

    /** As Python's repr() prints it; no peer is asked. */
    inline std::string repr() const;

    /** What Python calls its type: "int", "str", or of an object such as "list" or "shop.Basket". */
    inline std::string type_name() const;

    /** Items of a tuple, list, frozenset, dict or array, bytes of text or bytes; an object is asked. */
    inline std::size_t size() const;

    /** Item of a tuple, list or slice by place, of a dict by key; an object is asked. See Item. */
    template <class K>
    Item operator[](const K &key) const;
    inline Value item(const Value &key) const;

    /** The items of a tuple, list or frozenset, the keys of a dict, what an object's iterator gives. */
    inline Iterator begin() const;
    inline Iterator end() const;

    /** The object that this refers to; throws ConversionError for plain data. */
    inline Object object() const;

    // Of objects, as in class Object.
    template <class... A>
    inline Value operator()(A &&...args) const;
    template <class... A>
    inline Value operator()(std::initializer_list<Value> first, A &&...args) const;
    template <class... A>
    inline Value call(const char *method, A &&...args) const;
    template <class... A>
    inline Value call(const char *method, std::initializer_list<Value> first, A &&...args) const;
    inline Attribute attr(const char *attribute) const;
    inline Attribute attr(const std::string &attribute) const;
    inline std::string str() const;

    /** For the library: of a part of this value. */
    View part(const rpyc_value *raw) const noexcept { return View(raw, hold_); }
    /** For the library: is it a result, or in one? Objects in it keep their connection open then. */
    bool is_result() const noexcept { return hold_ != nullptr; }

private:
    friend class Value;
    View(const rpyc_value *raw, rpyc_connection *hold) noexcept : raw_(raw), hold_(hold) {}

    const rpyc_value *raw_ = nullptr;
    rpyc_connection *hold_ = nullptr;       // not owned, but by a Value
};

// Before the first use of has_to and has_from for these types, which are defined later.
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

/** Holds a value: plain data, or a reference to an object. Immutable; copies share it. */
class Value : public View {
public:
    /** None. */
    Value() noexcept = default;

    /** From everything that Convert knows. */
    template <class T, class B = detail::bare<T>,
              std::enable_if_t<std::conjunction_v<std::negation<std::is_base_of<Value, B>>, detail::has_to<B>>, int> = 0>
    Value(T &&source) : Value(Convert<B>::to(std::forward<T>(source))) {}
    /** Of other types, for a short message of the compiler. */
    template <class T, detail::unconvertible<T> there_is_no_rpyc_Convert = 0>
    Value(T &&source) = delete;               // there is no rpyc::Convert for this type: specialise it

    /** A C string; nullptr is None. */
    Value(const char *text) : Value(text != nullptr ? new_text(text) : nullptr, Adopt{}) {}

    Value(const Value &other) noexcept : View(rpyc_value_clone(other.raw_), detail::Hold::copy(other.hold_)) {}
    Value(Value &&other) noexcept
        : View(std::exchange(other.raw_, nullptr), detail::Hold::move(std::exchange(other.hold_, nullptr))) {}
    /** Not of what a call has just given: assigning to that would change nothing. */
    Value &operator=(Value other) & noexcept {
        std::swap(raw_, other.raw_);
        std::swap(hold_, other.hold_);
        return *this;
    }
    ~Value() {
        rpyc_value_free(const_cast<rpyc_value *>(raw_));
        detail::Hold::drop(hold_);
    }

    /** Text, borrowed from this value, or, of one that ends at once, a std::string. */
    std::string_view text() const & { return View::text(); }
    detail::Text text() const && { return detail::Text(View::text()); }

    /** Converted to a type of C++; throws ConversionError. */
    template <class T>
    T as() const & {
        return View::as<T>();
    }
    template <class T>
    T as() const && {
        static_assert(!detail::is_borrowed<T>::value, "this only looks into the value, which ends here: keep the value, or take std::string, bytes or Value");
        return View::as<T>();
    }

    /** Takes a handle of the C library over. */
    static Value adopt(rpyc_value *raw) noexcept { return Value(raw, Adopt{}); }
    /** Shares what a handle of the C library stands for. */
    static Value share(const rpyc_value *raw) noexcept { return Value(rpyc_value_clone(raw), Adopt{}); }
    /** What a view looks at. */
    static Value share(const View &view) noexcept {
        rpyc_value *raw = rpyc_value_clone(view.raw_);
        return view.is_result() ? result(raw) : adopt(raw);
    }
    /** Takes over what a peer answered: the objects in it keep their connection open. */
    static Value result(rpyc_value *raw) noexcept { return Value(raw, rpyc_value_hold_connection(raw)); }
    /** A value of an object, with the hold that the object has. */
    static Value held(rpyc_value *raw, const detail::Hold &hold) noexcept { return Value(raw, detail::Hold::copy(hold.raw())); }
    /** Gives the handle away: it is to be freed or consumed. */
    rpyc_value *release() && noexcept {
        detail::Hold::drop(std::exchange(hold_, nullptr));
        rpyc_value *raw = const_cast<rpyc_value *>(std::exchange(raw_, nullptr));
        return raw != nullptr ? raw : rpyc_value_new_none();
    }

    static Value not_implemented() noexcept { return adopt(rpyc_value_new_not_implemented()); }
    static Value ellipsis() noexcept { return adopt(rpyc_value_new_ellipsis()); }

    /** An int of any size from decimal digits. */
    static Value integer(std::string_view digits) {
        return made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_value_new_int_text(digits.data(), digits.size(), out, error);
        });
    }
    static Value tuple(std::vector<Value> items) { return sequence(rpyc_value_new_tuple, std::move(items)); }
    static Value list(std::vector<Value> items) { return sequence(rpyc_value_new_list, std::move(items)); }
    static Value frozenset(std::vector<Value> items) { return sequence(rpyc_value_new_frozenset, std::move(items)); }
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
    static Value slice(Value start, Value stop, Value step = Value()) {
        return made([&](rpyc_value **out, rpyc_error **error) {
            return rpyc_value_new_slice(std::move(start).release(), std::move(stop).release(), std::move(step).release(),
                                        out, error);
        });
    }

    /** A date, a time of day, and both, of their fields; of those of a date only year, month and day count. */
    static Value date(const rpyc_datetime &fields) { return date(fields.year, fields.month, fields.day); }
    static Value date(std::int32_t year, std::int32_t month, std::int32_t day) {
        return made([&](rpyc_value **out, rpyc_error **error) { return rpyc_value_new_date(year, month, day, out, error); });
    }
    static Value time(const rpyc_datetime &fields) {
        return made([&](rpyc_value **out, rpyc_error **error) { return rpyc_value_new_time(&fields, out, error); });
    }
    static Value datetime(const rpyc_datetime &fields) {
        return made([&](rpyc_value **out, rpyc_error **error) { return rpyc_value_new_datetime(&fields, out, error); });
    }
    /** A timedelta and a timezone; what is less than a microsecond is cut off. */
    template <class Rep, class Period>
    static Value timedelta(std::chrono::duration<Rep, Period> span);
    template <class Rep, class Period>
    static Value timezone(std::chrono::duration<Rep, Period> utcoffset);

    /** Calls a function of the library that makes a value. */
    template <class F>
    static Value made(F make) {
        rpyc_value *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(make(&out, &error), error);
        return adopt(out);
    }
    /** The same where it is what a peer answers. */
    template <class F>
    static Value got(F ask) {
        rpyc_value *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(ask(&out, &error), error);
        return result(out);
    }

    /** As Python's ==; objects are equal if they are the same. No peer is asked. */
    friend bool operator==(const Value &left, const Value &right) noexcept {
        return rpyc_value_equal(left.raw(), right.raw());
    }
    friend bool operator!=(const Value &left, const Value &right) noexcept {
        return !rpyc_value_equal(left.raw(), right.raw());
    }
    template <class T, detail::comparable<T> = 0>
    friend bool operator==(const Value &left, const T &right) {
        return left == Value(right);
    }
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

/** None. */
inline const Value None{};

/** Goes through the items of a value or object once; those of an object are fetched in growing chunks. */
class Iterator {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using pointer = const Value *;
    using reference = const Value &;

    /** The end. */
    Iterator() noexcept = default;
    /** Begins; throws where there is nothing to iterate over. */
    inline explicit Iterator(const View &container);
    inline explicit Iterator(const Object &container);

    reference operator*() const noexcept { return item_; }
    pointer operator->() const noexcept { return &item_; }
    inline Iterator &operator++();
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator &left, const Iterator &right) noexcept { return left.done_ == right.done_; }
    friend bool operator!=(const Iterator &left, const Iterator &right) noexcept { return left.done_ != right.done_; }

private:
    inline void fetch();

    struct Remote {
        rpyc_iterator *raw = nullptr;
        detail::Hold hold{};                // while there are items to fetch
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

/** The arguments of a call after those that are named: what *args receives, or, given to a call, spreads. */
struct Args {
    std::vector<Value> items{};

    std::size_t size() const noexcept { return items.size(); }
    const Value &operator[](std::size_t index) const { return items.at(index); }
    auto begin() const noexcept { return items.begin(); }
    auto end() const noexcept { return items.end(); }
};

/** Keywords in the order in which they were given: what **kwargs receives, or, given to a call, spreads. */
struct Kwargs {
    std::vector<std::pair<std::string, Value>> items{};

    std::size_t size() const noexcept { return items.size(); }
    auto begin() const noexcept { return items.begin(); }
    auto end() const noexcept { return items.end(); }
};

/** One keyword argument. */
struct Keyword {
    std::string name;
    Value value;
};

/** rpyc::kw("count") = 3 */
class kw {
public:
    explicit kw(std::string name) : name_(std::move(name)) {}
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
