/** Memory of the program into which bytes are received. */
#ifndef RPYC_BUFFER_HPP
#define RPYC_BUFFER_HPP

#include "async.hpp"

namespace rpyc {

/**
 * Memory for one answer at a time: with call_into(), bytes that fit come to lie in it, long ones without a copy. Every other
 * answer is an ordinary value, and so is any answer while the buffer is busy. Copies are the same buffer.
 *
 *     const rpyc::Buffer frame(1 << 20);
 *     const rpyc::Value answer = camera.call_into(frame, "frame");
 *     const auto bytes = answer.as<rpyc::bytes_view>();        // at frame.data(), as long as `answer` lives
 */
class Buffer {
public:
    /** Memory of its own. */
    explicit Buffer(std::size_t capacity) {
        auto memory = std::make_unique<Memory>(capacity);
        std::uint8_t *data = memory->data.get();
        make(data, capacity, memory.release());
    }
    /**
     * Memory of the program's, that lives until no buffer and no value uses it any more: `keep`, such as the vector or the
     * std::shared_ptr that holds it, is destroyed then, on any thread.
     */
    template <class Keep>
    Buffer(void *data, std::size_t capacity, Keep keep) {
        make(data, capacity, new Kept<Keep>(std::move(keep)));
    }

    Buffer(const Buffer &other) noexcept : raw_(rpyc_buffer_clone(other.raw_)), data_(other.data_), capacity_(other.capacity_) {}
    Buffer &operator=(const Buffer &other) noexcept {
        rpyc_buffer *old = std::exchange(raw_, rpyc_buffer_clone(other.raw_));
        data_ = other.data_;
        capacity_ = other.capacity_;
        rpyc_buffer_free(old);
        return *this;
    }
    ~Buffer() { rpyc_buffer_free(raw_); }

    /** Its beginning. While the buffer is busy, it is read only through the value that lies there. */
    const std::uint8_t *data() const noexcept { return data_; }
    std::size_t capacity() const noexcept { return capacity_; }
    /** Is it in use, by a call that has no answer yet, or by a value that lies in it? */
    bool busy() const noexcept { return rpyc_buffer_busy(raw_); }
    rpyc_buffer *raw() const noexcept { return raw_; }

private:
    struct Keeper {
        Keeper() = default;
        virtual ~Keeper() = default;
        Keeper(const Keeper &) = delete;
        Keeper &operator=(const Keeper &) = delete;
    };
    struct Memory final : Keeper {
        std::unique_ptr<std::uint8_t[]> data;
        explicit Memory(std::size_t size) : data(new std::uint8_t[size]) {}
    };
    template <class Keep>
    struct Kept final : Keeper {
        Keep keep;
        explicit Kept(Keep what) : keep(std::move(what)) {}
    };

    void make(void *data, std::size_t capacity, Keeper *keeper) {
        const rpyc_free_fn drop = [](void *kept) noexcept { delete static_cast<Keeper *>(kept); };
        rpyc_error *error = nullptr;
        detail::check(rpyc_buffer_new(data, capacity, keeper, drop, &raw_, &error), error);
        data_ = static_cast<const std::uint8_t *>(data);
        capacity_ = capacity;
    }

    rpyc_buffer *raw_ = nullptr;
    const std::uint8_t *data_ = nullptr;
    std::size_t capacity_ = 0;
};

template <class... A>
Value Object::call_into(const Buffer &buffer, const std::string &method, A &&...args) const {
    const char *name = detail::name_text(method);
    detail::Arguments arguments(raw_, std::forward<A>(args)...);
    rpyc_value *keywords = arguments.release_keywords();
    const std::size_t count = arguments.count();
    return Value::got([&](rpyc_value **out, rpyc_error **error) {
        return rpyc_object_call_method_into(raw_, name, arguments.release(), count, keywords, buffer.raw(), out, error);
    });
}

template <class... A>
Future<Value> Object::async_call_into(const Buffer &buffer, const std::string &method, A &&...args) const {
    const char *name = detail::name_text(method);
    detail::Arguments arguments(raw_, std::forward<A>(args)...);
    rpyc_value *keywords = arguments.release_keywords();
    const std::size_t count = arguments.count();
    return detail::asynchronous(hold_, [&](rpyc_async_result **out, rpyc_error **error) {
        return rpyc_object_call_method_into_async(raw_, name, arguments.release(), count, keywords, buffer.raw(), arguments.timeout_ms(), out, error);
    });
}

}  // namespace rpyc

#endif
