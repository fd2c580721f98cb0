/** Memory of the application into which bytes are received. */
#ifndef RPYC_BUFFER_HPP
#define RPYC_BUFFER_HPP

#include "async.hpp"

namespace rpyc {

/**
 * Memory that receives one bytes reply at a time. With call_into(), bytes that fit are stored in it, long ones without
 * a copy. Any other reply is an ordinary value, and so is every reply while the buffer is in use. Copies are the same
 * buffer.
 *
 *     const rpyc::Buffer frame(1 << 20);
 *     const rpyc::Value answer = camera.call_into(frame, "frame");
 *     const auto bytes = answer.as<rpyc::bytes_view>();        // at frame.data(), as long as `answer` lives
 */
class Buffer {
public:
    /** Makes a buffer with memory of its own. */
    explicit Buffer(std::size_t capacity) {
        auto memory = std::make_unique<Memory>(capacity);
        std::uint8_t *data = memory->data.get();
        make(data, capacity, memory.release());
    }
    /**
     * Makes a buffer from memory of the application, which must live until no buffer and no value uses it. Then `keep`
     * is destroyed, on any thread; it is the owner of the memory, such as a vector or a std::shared_ptr.
     */
    template <class Keep>
    Buffer(void *data, std::size_t capacity, Keep keep) {
        make(data, capacity, new Kept<Keep>(std::move(keep)));
    }

    /** Makes another handle of the same buffer. */
    Buffer(const Buffer &other) noexcept
        : raw_(rpyc_buffer_clone(other.raw_)), data_(other.data_), capacity_(other.capacity_) {}
    Buffer &operator=(const Buffer &other) noexcept {
        rpyc_buffer *old = std::exchange(raw_, rpyc_buffer_clone(other.raw_));
        data_ = other.data_;
        capacity_ = other.capacity_;
        rpyc_buffer_free(old);
        return *this;
    }
    ~Buffer() { rpyc_buffer_free(raw_); }

    /**
     * Returns a pointer to the memory. While the buffer is in use, do not write to the memory, and read it only through
     * the value that is stored there.
     */
    const std::uint8_t *data() const noexcept { return data_; }
    /** Returns the size of the memory in bytes. */
    std::size_t capacity() const noexcept { return capacity_; }
    /** Returns whether the memory is in use, by a call whose reply may still be received or by a value stored in it. */
    bool busy() const noexcept { return rpyc_buffer_busy(raw_); }
    /** Returns the handle of the C library, borrowed. */
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
        return rpyc_object_call_method_into_async(raw_, name, arguments.release(), count, keywords, buffer.raw(),
                                                  arguments.timeout_ms(), out, error);
    });
}

}  // namespace rpyc

#endif
