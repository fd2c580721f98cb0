/** Services: the root objects that peers get. */
#ifndef RPYC_SERVICE_HPP
#define RPYC_SERVICE_HPP

#include "class.hpp"

namespace rpyc {

template <class T>
class ServiceOf;

namespace detail {

inline std::string service_name(const std::string &name) {
    const std::string suffix = "Service";
    const bool has =
        name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
    return has ? name : name + suffix;
}

/** Common functions of services with and without an instance per connection. */
template <class Self, class T>
class Serves : public Exposes<Self, T> {
public:
    /** Adds a name of the service. The default is the name that it was made with, in upper case. */
    Self alias(std::string name) {
        this->handle_->open().aliases.push_back(std::move(name));
        return static_cast<Self &>(*this);
    }
    /**
     * Sets the hook for the beginning of a connection, before anything is received: f(connection) or f(instance,
     * connection).
     */
    template <class F>
    Self on_connect(F f) {
        hook(&detail::Members::on_connect, told(std::move(f)), "on_connect");
        return static_cast<Self &>(*this);
    }
    /** Sets the hook for the end of a connection. */
    template <class F>
    Self on_disconnect(F f) {
        hook(&detail::Members::on_disconnect, told(std::move(f)), "on_disconnect");
        return static_cast<Self &>(*this);
    }

    rpyc_class *raw() const { return this->handle_->raw(true); }

protected:
    explicit Serves(const std::string &name) : Exposes<Self, T>(service_name(name)) {}

private:
    using Hook = std::function<void(const Connection &, void *)>;

    void hook(Hook Members::*which, Hook given, const char *what) {
        Members &members = this->handle_->open();
        members.set_once(members.*which, std::move(given), what);
    }

    template <class F>
    static Hook told(F f) {
        if constexpr (std::is_void_v<T>)
            static_assert(std::is_invocable_v<F &, const Connection &>,
                          "the function takes a const rpyc::Connection &");
        else
            static_assert(std::is_invocable_v<F &, T &, const Connection &> ||
                              std::is_invocable_v<F &, const Connection &>,
                          "the function takes a const rpyc::Connection &, or the instance and that");
        return [f = std::move(f)](const Connection &connection, void *instance) mutable {
            if constexpr (std::is_void_v<T>)
                (void)instance, f(connection);
            else if constexpr (std::is_invocable_v<F &, T &, const Connection &>)
                std::invoke(f, *static_cast<T *>(instance), connection);
            else
                f(connection);
        };
    }
};

}  // namespace detail

/** A service of functions. Copies are the same service. It must be complete when it is first used. */
class Service : public detail::Serves<Service, void> {
public:
    /** Makes a service. Service("Calculator") is RPyC's CalculatorService, whose name is CALCULATOR. */
    explicit Service(const std::string &name) : Serves(name) {}

    /** Makes a service with an object of type T for each connection. */
    template <class T>
    static ServiceOf<T> of(const std::string &name) {
        return ServiceOf<T>(name, [] { return std::make_shared<T>(); });
    }
    /**
     * Makes a service with an object for each connection, made by `make`, which may take the connection as a const
     * Connection &. If it returns nullptr or throws, the connection is refused. No request can be sent over the
     * connection before on_connect.
     */
    template <class T, class F>
    static ServiceOf<T> of(const std::string &name, F make) {
        return ServiceOf<T>(name, std::move(make));
    }
};

/** A service with an object of type T for each connection. */
template <class T>
class ServiceOf : public detail::Serves<ServiceOf<T>, T> {
public:
    /** Makes a service with objects that `make` makes, see Service::of(). */
    template <class F>
    ServiceOf(const std::string &name, F make) : detail::Serves<ServiceOf<T>, T>(name) {
        detail::Members &members = this->handle_->open();
        members.has_instance = true;
        members.create = [make = std::move(make)](const Connection &connection) mutable -> std::shared_ptr<void> {
            std::shared_ptr<T> instance;
            if constexpr (std::is_invocable_v<F &, const Connection &>)
                instance = make(connection);
            else
                (void)connection, instance = make();
            return instance;
        };
    }
};

/** Connects to an address and lets the peer use a service of this process. */
template <class S, class T>
Connection connect(const std::string &address, const detail::Serves<S, T> &service) {
    return detail::connect(address, service.raw(), nullptr);
}
/** Connects to an address, with options, and lets the peer use a service of this process. */
template <class S, class T>
Connection connect(const std::string &address, const detail::Serves<S, T> &service, const Config &config) {
    return detail::connect(address, service.raw(), config.raw());
}

/**
 * Serves the peer at the other end of a stream such as "stdio:" or "fd:R,W". The peer speaks first. Then call
 * serve_all().
 */
template <class S, class T>
Connection accept(const std::string &address, const detail::Serves<S, T> &service, const Config &config = Config()) {
    return detail::accept(address, service.raw(), config.raw());
}

/** Connects two services of this program with each other in memory. */
template <class S1, class T1, class S2, class T2>
std::pair<Connection, Connection> connect_pair(const detail::Serves<S1, T1> &left, const detail::Serves<S2, T2> &right,
                                               const Config &config = Config()) {
    rpyc_transport *ends[2] = {nullptr, nullptr};
    rpyc_connection *out[2] = {nullptr, nullptr};
    rpyc_error *error = nullptr;
    detail::check(rpyc_transport_new_pair(&ends[0], &ends[1], &error), error);
    const rpyc_status status = rpyc_connection_new(ends[0], left.raw(), config.raw(), &out[0], &error);
    if (status != RPYC_OK)
        rpyc_transport_free(ends[1]);
    detail::check(status, error);
    Connection first = Connection::adopt(out[0]);
    detail::check(rpyc_connection_new(ends[1], right.raw(), config.raw(), &out[1], &error), error);
    return {std::move(first), Connection::adopt(out[1])};
}

}  // namespace rpyc

#endif
