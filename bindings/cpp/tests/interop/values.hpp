// What the contract asks of plain values: Python's + and //, samples, noise.
#pragma once

#include <rpyc.hpp>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

namespace interop {

using rpyc::Kind;
using rpyc::Value;

/** a + b of ints, floats, texts, bytes and tuples. */
inline Value add(const Value &a, const Value &b) {
    const auto both = [&](Kind kind) { return a.kind() == kind && b.kind() == kind; };
    const auto number = [](const Value &v) { return v.kind() == Kind::integer || v.kind() == Kind::boolean; };
    if (both(Kind::text))
        return std::string(a.text()) + std::string(b.text());
    if (number(a) && number(b)) {
        std::int64_t sum = 0;
        if (__builtin_add_overflow(a.as<std::int64_t>(), b.as<std::int64_t>(), &sum))
            throw rpyc::OverflowError("the sum does not fit into 64 bits");
        return sum;
    }
    if (both(Kind::tuple)) {
        auto items = a.as<std::vector<Value>>();
        for (const Value &item : b)
            items.push_back(item);
        return Value::tuple(std::move(items));
    }
    if ((number(a) || a.kind() == Kind::floating) && (number(b) || b.kind() == Kind::floating))
        return a.as<double>() + b.as<double>();
    throw rpyc::TypeError("unsupported operand type(s) for +: '" + a.type_name() + "' and '" + b.type_name() + "'");
}

inline std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
    if (b == 0)
        throw rpyc::ZeroDivisionError("integer division or modulo by zero");
    return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

inline Value range(std::int64_t count) {
    std::vector<std::int64_t> numbers;
    for (std::int64_t i = 0; i < count; i++)
        numbers.push_back(i);
    return rpyc::as_tuple(numbers);
}

inline Value sample(const std::string &name) {
    if (name == "none")
        return rpyc::None;
    if (name == "true")
        return true;
    if (name == "false")
        return false;
    if (name == "zero")
        return 0;
    if (name == "int")
        return 12345;
    if (name == "negative")
        return -49;
    if (name == "imm-low")
        return -48;
    if (name == "imm-high")
        return 159;
    if (name == "int64-min")
        return std::numeric_limits<std::int64_t>::min();
    if (name == "uint64-max")
        return std::numeric_limits<std::uint64_t>::max();
    if (name == "huge")
        return Value::integer("1" + std::string(300, '0'));
    if (name == "float")
        return 1.5;
    if (name == "minus-zero")
        return -0.0;
    if (name == "inf")
        return std::numeric_limits<double>::infinity();
    if (name == "nan")
        return std::numeric_limits<double>::quiet_NaN();
    if (name == "complex")
        return std::complex<double>(1.5, -2.5);
    if (name == "str")
        return "text";
    if (name == "str-empty")
        return "";
    if (name == "str-unicode")
        return "\u05e9\u20ac\U0001f600";
    if (name == "bytes")
        return rpyc::bytes{0x00, 0xff};
    if (name == "bytes-empty")
        return rpyc::bytes{};
    if (name == "bytes-256") {
        rpyc::bytes all;
        for (int i = 0; i < 256; i++)
            all.push_back(static_cast<std::uint8_t>(i));
        return all;
    }
    if (name == "tuple")
        return std::make_tuple(1, "two", std::make_tuple(3.0, nullptr));
    if (name == "tuple-empty")
        return std::tuple<>{};
    if (name == "tuple-300")
        return range(300);
    if (name == "slice")
        return Value::slice(1, rpyc::None, 2);
    if (name == "frozenset")
        return std::set<int>{1, 2, 3};
    if (name == "ellipsis")
        return Value::ellipsis();
    if (name == "notimplemented")
        return Value::not_implemented();
    throw rpyc::KeyError(name);
}

/** SHA-256, which the contract checks bulk with. */
class Sha256 {
public:
    static std::array<std::uint8_t, 32> of(const std::uint8_t *data, std::size_t size) {
        std::array<std::uint32_t, 8> h{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
        std::size_t i = 0;
        for (; i + 64 <= size; i += 64)
            block(h, data + i);
        std::uint8_t last[128] = {};
        const std::size_t rest = size - i, padded = rest < 56 ? 64 : 128;
        if (rest != 0)
            std::memcpy(last, data + i, rest);
        last[rest] = 0x80;
        for (unsigned b = 0; b < 8; b++)
            last[padded - 1 - b] = static_cast<std::uint8_t>(std::uint64_t{size} * 8 >> (8 * b));
        for (std::size_t at = 0; at < padded; at += 64)
            block(h, last + at);
        std::array<std::uint8_t, 32> out{};
        for (std::size_t b = 0; b < 32; b++)
            out[b] = static_cast<std::uint8_t>(h[b / 4] >> (24 - 8 * (b % 4)));
        return out;
    }

private:
    static std::uint32_t turn(std::uint32_t x, int by) { return x >> by | x << (32 - by); }
    static void block(std::array<std::uint32_t, 8> &h, const std::uint8_t *data) {
        static const std::array<std::uint32_t, 64> k = constants();
        std::uint32_t w[64];
        for (int i = 0; i < 16; i++)
            w[i] = std::uint32_t{data[4 * i]} << 24 | std::uint32_t{data[4 * i + 1]} << 16 |
                   std::uint32_t{data[4 * i + 2]} << 8 | data[4 * i + 3];
        for (int i = 16; i < 64; i++)
            w[i] = w[i - 16] + (turn(w[i - 15], 7) ^ turn(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
                   (turn(w[i - 2], 17) ^ turn(w[i - 2], 19) ^ w[i - 2] >> 10);
        auto s = h;
        for (std::size_t i = 0; i < 64; i++) {
            const std::uint32_t t1 = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) +
                                     ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[i] + w[i];
            const std::uint32_t t2 =
                (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
            s = {t1 + t2, s[0], s[1], s[2], s[3] + t1, s[4], s[5], s[6]};
        }
        for (std::size_t i = 0; i < 8; i++)
            h[i] += s[i];
    }
    /** The first 32 bits of the fractions of the cube roots of the first 64 primes. */
    static std::array<std::uint32_t, 64> constants() {
        std::array<std::uint32_t, 64> k{};
        std::size_t found = 0;
        for (unsigned n = 2; found < 64; n++) {
            bool prime = true;
            for (unsigned d = 2; d * d <= n; d++)
                prime = prime && n % d != 0;
            if (prime) {
                const long double root = std::cbrt(static_cast<long double>(n));
                k[found++] = static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
            }
        }
        return k;
    }
};

inline std::string digest(rpyc::bytes_view data) {
    std::string out;
    for (const std::uint8_t byte : Sha256::of(data.data, data.size)) {
        out += "0123456789abcdef"[byte >> 4];
        out += "0123456789abcdef"[byte & 15];
    }
    return out;
}

inline rpyc::bytes noise(std::size_t size) {
    rpyc::bytes out;
    out.reserve(size + 32);
    for (std::uint64_t i = 0; out.size() < size; i++) {
        std::uint8_t seed[15] = {'i', 'n', 't', 'e', 'r', 'o', 'p'};
        for (unsigned b = 0; b < 8; b++)
            seed[7 + b] = static_cast<std::uint8_t>(i >> (56 - 8 * b));
        const auto block = Sha256::of(seed, sizeof seed);
        out.insert(out.end(), block.begin(), block.end());
    }
    out.resize(size);
    return out;
}

}  // namespace interop
