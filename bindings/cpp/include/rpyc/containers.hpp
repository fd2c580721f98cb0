/** Conversions of C++ containers to values and back. */
#ifndef RPYC_CONTAINERS_HPP
#define RPYC_CONTAINERS_HPP

#include "array.hpp"

#include <array>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace rpyc {

namespace detail {

template <class Range>
std::vector<Value> values_of(const Range &range) {
    std::vector<Value> items;
    items.reserve(range.size());
    for (const auto &item : range)
        items.emplace_back(static_cast<const typename Range::value_type &>(item));
    return items;
}

/**
 * Throws LimitError if too many items of a container were fetched: it may have no end. The limit is that of
 * Object::obtain().
 */
inline void check_count(std::size_t fetched) {
    constexpr std::size_t most = 1 << 20;
    if (fetched == most)
        throw LimitError(RPYC_ERR_LIMIT,
                         "a container of the peer has more than " + std::to_string(most) +
                             " items, which is the most that is converted: go through the object instead");
}

/** Passes each item of a sequence, converted, to `take`. Items of a remote sequence are fetched. */
template <class T, class Take>
void each_item(View value, const std::string &wanted, Take take) {
    std::size_t index = 0, fetched = 0;
    auto convert = [&](View item) {
        try {
            take(item.as<T>());
        } catch (const ConversionError &error) {
            throw error.within("item " + std::to_string(index) + " of ");
        }
        index++;
    };
    InBursts<T, decltype(convert)> items(convert);
    switch (value.kind()) {
    case Kind::tuple:
    case Kind::list:
    case Kind::frozenset:
        for (std::size_t i = 0; i < value.size(); i++)
            items.add(value.part(rpyc_value_item(value.raw(), i)));
        break;
    case Kind::array: each_number(value, convert); break;
    case Kind::object:
        if (is_array(value)) {
            const Value copy = whole_array(value);
            return each_item<T>(copy, wanted, take);
        }
        for (const Value &item : value.object()) {
            check_count(fetched++);
            items.add(item);
        }
        break;
    default: throw ConversionError::wrong_type(wanted, value);
    }
    items.finish();
}

template <class Container>
struct ConvertSequence {
    using T = typename Container::value_type;
    template <class C, all_to<C, T> = 0>
    static Value to(const C &items) {
        return Value::list(values_of(items));
    }
    template <class C = Container, all_from<C, T> = 0>
    static C from(View value) {
        check_items<T>();
        if constexpr (is_array_number<T>::value) {
            if (value.kind() == Kind::array)
                return numbers_from<Container>(value);
            if (is_array(value)) {
                const Value copy = whole_array(value);
                return from(copy);
            }
        }
        Container items;
        each_item<T>(value, name(), [&](T &&item) { items.push_back(std::move(item)); });
        return items;
    }
    static std::string name() { return "list of " + Convert<T>::name(); }
};

template <class Container>
struct ConvertSet {
    using T = typename Container::value_type;
    template <class C, all_to<C, T> = 0>
    static Value to(const C &items) {
        return Value::frozenset(values_of(items));
    }
    template <class C = Container, all_from<C, T> = 0>
    static C from(View value) {
        check_items<T>();
        Container items;
        each_item<T>(value, name(), [&](T &&item) { items.insert(std::move(item)); });
        return items;
    }
    static std::string name() { return "set of " + Convert<T>::name(); }
};

/**
 * Passes the keys and values of a dict to `take`. A remote dict of plain data is fetched at once, another one item by
 * item.
 */
template <class Take>
void each_pair(View value, const std::string &wanted, Take take) {
    if (value.kind() == Kind::dict) {
        for (std::size_t i = 0; i < value.size(); i++)
            take(value.part(rpyc_value_key(value.raw(), i)), value.part(rpyc_value_item(value.raw(), i)));
    } else if (value.is_object()) {
        const Object object = value.object();
        Value copy;
        try {
            copy = object.obtain();
        } catch (const ConversionError &) {
            std::size_t fetched = 0;
            for (const Value &key : object) {
                check_count(fetched++);
                const Value item = object.get_item(key);
                take(key, item);
            }
            return;
        }
        if (copy.kind() != Kind::dict)
            throw ConversionError::wrong_type(wanted, value);
        each_pair(copy, wanted, take);
    } else {
        throw ConversionError::wrong_type(wanted, value);
    }
}

template <class Container>
struct ConvertMap {
    using K = typename Container::key_type;
    using T = typename Container::mapped_type;
    template <class C, all_to<C, K, T> = 0>
    static Value to(const C &items) {
        std::vector<std::pair<Value, Value>> pairs;
        for (const auto &[key, item] : items)
            pairs.emplace_back(key, item);
        return Value::dict(std::move(pairs));
    }
    template <class C = Container, all_from<C, K, T> = 0>
    static C from(View value) {
        check_items<K, T>();
        Container items;
        const auto put = [&](View key, View item) {
            try {
                items.insert_or_assign(key.as<K>(), item.as<T>());
            } catch (const ConversionError &error) {
                throw error.within("item " + key.repr() + " of ");
            }
        };
        // Entries with objects are converted in one burst; those behind them are kept too, to preserve the order.
        std::vector<Value> keys, values;
        each_pair(value, name(), [&](View key, View item) {
            if (keys.empty() && !(asked<K> && key.is_object()) && !(asked<T> && item.is_object()))
                return put(key, item);
            keys.push_back(Value::share(key));
            values.push_back(Value::share(item));
        });
        if (keys.empty())
            return items;
        const auto place = [&](std::size_t at) { return "item " + keys[at].repr() + " of "; };
        const rpyc_value_kind_id kinds[] = {plain_kind<K>::value, plain_kind<T>::value};
        plain_all(
            keys, &kinds[0], 0, [](std::size_t) { return Convert<K>::name(); }, place);
        plain_all(
            values, &kinds[1], 0, [](std::size_t) { return Convert<T>::name(); }, place);
        for (std::size_t i = 0; i < keys.size(); i++)
            put(keys[i], values[i]);
        return items;
    }
    static std::string name() { return "dict of " + Convert<K>::name() + " to " + Convert<T>::name(); }

private:
    template <class One>
    static constexpr bool asked = plain_kind<One>::value != RPYC_VALUE_NONE;
};

/** Converts a tuple, or a sequence with the same number of items, in order. */
template <class Tuple, std::size_t... I>
Tuple tuple_from(View value, const std::string &wanted, std::index_sequence<I...>) {
    check_items<std::tuple_element_t<I, Tuple>...>();
    std::vector<Value> fetched;
    if (value.is_object())
        fetched = value.as<std::vector<Value>>();
    else if (value.kind() != Kind::tuple && value.kind() != Kind::list)
        throw ConversionError::wrong_type(wanted, value);
    const std::size_t count = value.is_object() ? fetched.size() : value.size();
    if (count != sizeof...(I))
        throw ConversionError(RPYC_ERR_TYPE, "", "value",
                              "must have " + std::to_string(sizeof...(I)) + " items, not " + std::to_string(count));
    // The items that are objects are converted in one burst.
    const rpyc_value_kind_id kinds[] = {plain_kind<std::tuple_element_t<I, Tuple>>::value..., RPYC_VALUE_NONE};
    const auto part = [&](std::size_t i) { return value.part(rpyc_value_item(value.raw(), i)); };
    std::size_t objects = 0;
    for (std::size_t i = 0; i < count; i++)
        objects += kinds[i] != RPYC_VALUE_NONE && (value.is_object() ? View(fetched[i]) : part(i)).is_object();
    for (std::size_t i = fetched.size(); objects > 0 && i < count; i++)
        fetched.push_back(Value::share(part(i)));
    if (objects > 0)
        plain_all(
            fetched, kinds, 1,
            [](std::size_t i) {
                return std::vector<std::string>{Convert<std::tuple_element_t<I, Tuple>>::name()..., ""}[i];
            },
            [](std::size_t i) { return "item " + std::to_string(i) + " of "; });
    const auto item = [&](std::size_t i) { return fetched.empty() ? part(i) : View(fetched[i]); };
    const auto convert = [&](std::size_t i, auto *type) {
        try {
            return item(i).template as<std::remove_pointer_t<decltype(type)>>();
        } catch (const ConversionError &error) {
            throw error.within("item " + std::to_string(i) + " of ");
        }
    };
    (void)item, (void)convert;
    return Tuple{convert(I, static_cast<std::tuple_element_t<I, Tuple> *>(nullptr))...};
}

template <class Tuple, class... T>
struct ConvertTuple {
    using Indices = std::make_index_sequence<std::tuple_size_v<Tuple>>;
    template <class C, all_to<C, T...> = 0>
    static Value to(const C &items) {
        return std::apply([](const auto &...item) { return Value::tuple(std::vector<Value>{Value(item)...}); }, items);
    }
    template <class C = Tuple, all_from<C, T...> = 0>
    static C from(View value) {
        return tuple_from<Tuple>(value, name(), Indices());
    }
    static std::string name() { return "tuple of " + std::to_string(std::tuple_size_v<Tuple>); }
};

}  // namespace detail

// Lists: a Python peer gets a reference to a list that the library keeps.
template <class T, class A>
struct Convert<std::vector<T, A>> : detail::ConvertSequence<std::vector<T, A>> {};
template <class T, class A>
struct Convert<std::deque<T, A>> : detail::ConvertSequence<std::deque<T, A>> {};
template <class T, class A>
struct Convert<std::list<T, A>> : detail::ConvertSequence<std::list<T, A>> {};

template <class... A>
struct Convert<std::set<A...>> : detail::ConvertSet<std::set<A...>> {};
template <class... A>
struct Convert<std::unordered_set<A...>> : detail::ConvertSet<std::unordered_set<A...>> {};

template <class... A>
struct Convert<std::map<A...>> : detail::ConvertMap<std::map<A...>> {};
template <class... A>
struct Convert<std::unordered_map<A...>> : detail::ConvertMap<std::unordered_map<A...>> {};

template <class... T>
struct Convert<std::tuple<T...>> : detail::ConvertTuple<std::tuple<T...>, T...> {};
template <class F, class S>
struct Convert<std::pair<F, S>> : detail::ConvertTuple<std::pair<F, S>, F, S> {};
template <class T, std::size_t N>
struct Convert<std::array<T, N>> : detail::ConvertTuple<std::array<T, N>, T> {};

template <>
struct Convert<Args> {
    static Value to(const Args &args) { return Value::tuple(args.items); }
    static Args from(View value) { return Args{value.as<std::vector<Value>>()}; }
    static std::string name() { return "tuple"; }
};

template <>
struct Convert<Kwargs> {
    static Value to(const Kwargs &keywords) {
        std::vector<std::pair<Value, Value>> pairs;
        for (const auto &[name, value] : keywords)
            pairs.emplace_back(name, value);
        return Value::dict(std::move(pairs));
    }
    static Kwargs from(View value) {
        Kwargs keywords;
        detail::each_pair(value, name(), [&](View key, View item) {
            keywords.items.emplace_back(key.as<std::string>(), item.as<Value>());
        });
        return keywords;
    }
    static std::string name() { return "dict"; }
};

/** Makes a tuple from a sequence, which is passed by value to every peer: rpyc::as_tuple(numbers). */
template <class Range>
Value as_tuple(const Range &range) {
    return Value::tuple(detail::values_of(range));
}

}  // namespace rpyc

#endif
