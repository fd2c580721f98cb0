/** Classic mode as slave: programs that Python uses with rpyc.classic.connect(). */
#ifndef RPYC_SLAVE_HPP
#define RPYC_SLAVE_HPP

#include "server.hpp"

#include <map>

namespace rpyc {

/** Makes a module that slaves offer. Its attributes are set with set_attr(), by masters too. */
inline Object module(const std::string &name, const std::string &doc = "") {
    rpyc_object *out = nullptr;
    rpyc_error *error = nullptr;
    detail::check(rpyc_module_new(detail::name_text(name), doc.empty() ? nullptr : doc.c_str(), &out, &error), error);
    return Object::adopt(out);
}

/**
 * A slave of classic mode: a client can do everything that its functions do, and can read and set every attribute of
 * every object that it gets. Never let it listen where untrusted clients can connect. Copies are the same slave. It
 * must be complete when it is first used.
 *
 * The functions take strings as std::string or std::string_view, and may have an rpyc::Call & among their parameters.
 */
class Slave {
public:
    /** Makes a slave without functions. */
    explicit Slave(std::string name = "SlaveService") : shared_(std::make_shared<Shared>()) {
        shared_->parts->name = std::move(name);
    }
    // Moving copies, so that no slave is without parts.
    Slave(const Slave &) noexcept = default;
    Slave &operator=(const Slave &) noexcept = default;
    ~Slave() = default;

    /**
     * Adds a module that masters can import: slave.module("motor", rpyc::module("motor")). A module with the name of
     * one of the library ("builtins", "sys") extends that one.
     */
    Slave module(std::string name, Object object) {
        open().modules.insert_or_assign(std::move(name), std::move(object));
        return *this;
    }
    /** Sets the function that imports other modules: f(name) returns the module or throws ModuleNotFoundError. */
    template <class F>
    Slave importer(F f) {
        return set(&Parts::getmodule, "getmodule(name)", std::move(f));
    }
    /** Sets the function that evaluates an expression: f(text) returns its value. */
    template <class F>
    Slave evaluator(F f) {
        return set(&Parts::eval, "eval(text)", std::move(f));
    }
    /** Sets the function that executes statements: f(text). */
    template <class F>
    Slave executor(F f) {
        return set(&Parts::execute, "execute(text)", std::move(f));
    }
    /**
     * Sets the function that returns the namespace, an object such as an rpyc::Dict: f(). Without it each connection
     * has a dict of its own.
     */
    template <class F>
    Slave names(F f) {
        return set(&Parts::names, "namespace()", std::move(f));
    }
    /** Sets the documentation for Python's help(). */
    Slave doc(std::string text) {
        open().doc = std::move(text);
        return *this;
    }
    /** Sets the hook for a master that has connected. */
    Slave on_connect(std::function<void(const Connection &)> f) {
        open().on_connect = std::move(f);
        return *this;
    }
    /** Sets the hook for a connection that has ended. */
    Slave on_disconnect(std::function<void(const Connection &)> f) {
        open().on_disconnect = std::move(f);
        return *this;
    }

    /**
     * Returns a module as the master of a call sees it, for example "sys", whose stdout the master may have redirected.
     */
    static Object module_of(const Call &call, const std::string &name) {
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_slave_module(call.raw(), detail::name_text(name), &out, &error), error);
        return Object::adopt(out);
    }

    /**
     * Returns the namespace of the connection of a call, for evaluators and executors: a dict, unless names() returns
     * another object.
     */
    static Object names_of(const Call &call) {
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_slave_namespace(call.raw(), &out, &error), error);
        return Object::adopt(out);
    }

    /** Returns the handle of the C library, borrowed. */
    rpyc_class *raw() const {
        const std::lock_guard<std::mutex> lock(shared_->mutex);
        if (shared_->raw == nullptr)
            shared_->raw = make(shared_->parts);
        return shared_->raw;
    }

private:
    /** The parts of a slave. The class of the library owns them. */
    struct Parts {
        std::string name{}, doc{};
        std::map<std::string, Object> modules{};
        std::unique_ptr<detail::Method> getmodule{}, eval{}, execute{}, names{};
        std::function<void(const Connection &)> on_connect{}, on_disconnect{};
    };
    struct Shared {
        std::mutex mutex{};
        std::shared_ptr<Parts> parts = std::make_shared<Parts>();
        rpyc_class *raw = nullptr;

        Shared() = default;
        ~Shared() { rpyc_class_free(raw); }
        Shared(const Shared &) = delete;
        Shared &operator=(const Shared &) = delete;
    };

    Parts &open() const {
        const std::lock_guard<std::mutex> lock(shared_->mutex);
        if (shared_->raw != nullptr)
            throw StateError(RPYC_ERR_STATE, shared_->parts->name + " is in use and cannot be changed");
        return *shared_->parts;
    }

    template <class F>
    Slave set(std::unique_ptr<detail::Method> Parts::*which, std::string_view signature, F f) {
        static_assert(detail::is_callable<F>, "a function, or an object with exactly one operator()");
        open().*which = std::make_unique<detail::MethodOf<void, F>>(std::move(f), detail::Signature::parse(signature));
        return *this;
    }

    static Parts &parts_of(void *self) noexcept { return **static_cast<std::shared_ptr<Parts> *>(self); }

    template <std::unique_ptr<detail::Method> Parts::*Which>
    static void ask(rpyc_call *call, void *self) noexcept {
        detail::serve((parts_of(self).*Which).get(), call, nullptr);
    }
    template <std::function<void(const Connection &)> Parts::*Which>
    static void changed(rpyc_connection *connection, void *self) noexcept {
        try {
            if (parts_of(self).*Which)
                (parts_of(self).*Which)(Connection::share(connection));
        } catch (...) {
            // There is no caller to report it to.
        }
    }

    /** The names of C++ classes begin with "exposed_", which masters do not write. */
    static void connected(rpyc_connection *connection, void *self) noexcept {
        rpyc_connection_set_option(connection, "allow_exposed_attrs", "true", nullptr);
        changed<&Parts::on_connect>(connection, self);
    }

    static rpyc_class *make(const std::shared_ptr<Parts> &parts) {
        std::vector<const char *> names;
        std::vector<rpyc_object *> modules;
        for (const auto &[name, module] : parts->modules) {
            names.push_back(detail::name_text(name));
            modules.push_back(module.raw());
        }
        rpyc_slave_table table{};
        table.struct_size = sizeof table;
        table.name = parts->name.c_str();
        table.doc = parts->doc.empty() ? nullptr : parts->doc.c_str();
        table.module_names = names.data();
        table.modules = modules.data();
        table.module_count = names.size();
        table.getmodule = parts->getmodule ? ask<&Parts::getmodule> : nullptr;
        table.eval = parts->eval ? ask<&Parts::eval> : nullptr;
        table.execute = parts->execute ? ask<&Parts::execute> : nullptr;
        table.get_namespace = parts->names ? ask<&Parts::names> : nullptr;
        table.on_connect = connected;
        table.on_disconnect = changed<&Parts::on_disconnect>;
        rpyc_class *out = nullptr;
        rpyc_error *error = nullptr;
        const rpyc_free_fn drop = [](void *kept) noexcept { delete static_cast<std::shared_ptr<Parts> *>(kept); };
        detail::check(rpyc_slave_new(&table, new std::shared_ptr<Parts>(parts), drop, &out, &error), error);
        return out;
    }

    std::shared_ptr<Shared> shared_;
};

inline Server::Server(const std::string &address, const Slave &slave, const Config &config)
    : Server(address, slave.raw(), config.raw()) {}

}  // namespace rpyc

#endif
