/** A time limit for synchronous calls. */
#ifndef RPYC_TIMEOUT_HPP
#define RPYC_TIMEOUT_HPP

#include <rpyc.h>

#include <chrono>
#include <cmath>
#include <cstdint>

namespace rpyc {

namespace detail {

/** Returns milliseconds for the library, rounded up; a negative time is no limit. */
template <class Rep, class Period>
std::int64_t milliseconds(std::chrono::duration<Rep, Period> time) {
    if (time < std::chrono::duration<Rep, Period>::zero())
        return -1;
    const double most = 9e15, wanted = std::ceil(std::chrono::duration<double, std::milli>(time).count());
    return static_cast<std::int64_t>(wanted < most ? wanted : most);
}

}  // namespace detail

/**
 * Limits the time that this thread waits for replies, while the object exists. It replaces sync_request_timeout, which
 * may be shorter or longer. A request that takes longer throws Timeout. A limit inside another one can only shorten it.
 * Do not keep one across co_await.
 *
 *     root.call("slow", 1, rpyc::timeout(2s));         // for one call, among its arguments
 *
 *     const rpyc::timeout limit(2s);                   // for all requests of this block together
 *     for (const int n : root.attr("numbers"))
 *         root.call("add", n);
 *
 * Among the arguments of an asynchronous call it is the time within which the reply must be received, as with
 * Future::expire_in().
 */
class [[nodiscard]] timeout {
public:
    /** Begins a time limit; a negative time is no limit. */
    template <class Rep, class Period>
    explicit timeout(std::chrono::duration<Rep, Period> time)
        : milliseconds_(detail::milliseconds(time)), begun_(rpyc_timeout_begin(milliseconds_)) {}
    ~timeout() { rpyc_timeout_end(begun_); }
    timeout(const timeout &) = delete;
    timeout &operator=(const timeout &) = delete;

    /** Returns the limit in milliseconds; -1 for no limit. */
    std::int64_t milliseconds() const noexcept { return milliseconds_; }

private:
    std::int64_t milliseconds_;
    std::size_t begun_;
};

}  // namespace rpyc

#endif
