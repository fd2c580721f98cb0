/** Classes: C++ types whose objects peers use by reference. */
#ifndef RPYC_CLASS_HPP
#define RPYC_CLASS_HPP

#include "function.hpp"

#include <algorithm>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

namespace rpyc {

namespace detail {

/** The parts of a class or service. The class of the library owns them. */
struct Members {
    struct Entry {
        std::string wire, signature, doc;
        std::uint64_t flags;
        std::unique_ptr<Method> method;
    };
    struct Attribute {
        std::string wire, doc;
        std::unique_ptr<Method> get, set, del;
    };

    std::string name, module = "librpyc", doc{};
    std::uint64_t flags = 0;
    std::deque<Entry> methods{};
    std::deque<Attribute> properties{};
    std::unordered_map<std::string_view, Method *> method_of{};
    std::unordered_map<std::string_view, Attribute *> property_of{};
    std::unique_ptr<Method> constructor{};
    std::size_t constructor_most = 0;
    /** Signature of the constructor. If it is empty, all arguments are required and passed by position. */
    std::string constructor_signature{};
    std::vector<std::string> aliases{};
    /** Access rules of the class itself, or attributes that are in no table. */
    struct Rules {
        std::unique_ptr<Method> get{}, set{}, del{};
    };
    Rules own{}, dynamic{};
    std::function<bool(void *, std::string_view)> has_dynamic{};

    bool has_instance = false;
    std::function<std::shared_ptr<void>(const Connection &)> create{};
    std::function<void(const Connection &, void *)> on_connect{}, on_disconnect{};

    std::shared_ptr<Members> base{};
    void *(*upcast)(void *) = nullptr;
    // No handle of the class: the class of the library owns this object and outlives every C++ handle.

    /** Adds a name, or throws std::invalid_argument if the class has it already. */
    void claim(const std::string &wire) {
        if (!names.insert(wire).second)
            throw std::invalid_argument(name + " has two members named '" + wire + "'");
    }
    /** Sets a function that a class can have only once, or throws std::invalid_argument. */
    template <class Slot>
    void set_once(Slot &slot, Slot given, const char *what) {
        if (slot)
            throw std::invalid_argument(name + " has two functions for " + what);
        slot = std::move(given);
    }
    std::unordered_set<std::string> names{};
};

struct FreeClass {
    void operator()(rpyc_class *klass) const noexcept { rpyc_class_free(klass); }
};
using OwnedClass = std::unique_ptr<rpyc_class, FreeClass>;

/** Returns the class of an object of this process. */
inline OwnedClass class_of(const rpyc_object *object) {
    rpyc_class *out = nullptr;
    rpyc_error *error = nullptr;
    check(rpyc_object_class(object, &out, &error), error);
    return OwnedClass(out);
}

/** The instance of an object of a class: its owner, and the members of its class. */
struct Instance {
    std::shared_ptr<void> owner;
    Members *members;
};

inline Members *members_of(rpyc_call *call) noexcept {
    return static_cast<std::shared_ptr<Members> *>(rpyc_call_userdata(call))->get();
}

/**
 * Calls `use` with the members of the class and of each base, and the instance as a pointer to that type, until a call
 * returns true.
 */
template <class Use>
bool each_base(Members *members, void *instance, Use use) {
    for (; members != nullptr; members = members->base.get()) {
        if (use(*members, instance))
            return true;
        if (instance != nullptr && members->upcast != nullptr)
            instance = members->upcast(instance);
    }
    return false;
}

inline void *instance_of(const Members *members, void *self) noexcept {
    return members->has_instance ? static_cast<Instance *>(self)->owner.get() : nullptr;
}

inline void call_method(rpyc_call *call, void *self) noexcept {
    Members *members = members_of(call);
    const std::string_view name = rpyc_call_name(call);
    each_base(members, instance_of(members, self), [&](Members &each, void *instance) {
        const auto found = each.method_of.find(name);
        if (found == each.method_of.end())
            return false;
        serve(found->second, call, instance);
        return true;
    });
}

template <std::unique_ptr<Method> Members::Attribute::*Which>
void call_property(rpyc_call *call, void *self) noexcept {
    Members *members = members_of(call);
    const std::string_view name = rpyc_call_name(call);
    each_base(members, instance_of(members, self), [&](Members &each, void *instance) {
        const auto found = each.property_of.find(name);
        if (found == each.property_of.end())
            return false;
        serve((found->second->*Which).get(), call, instance);
        return true;
    });
}

/** Returns whether an object has a dynamic attribute. An exception counts as no. */
inline std::int32_t has_attribute(Members *members, void *instance, const char *name, std::size_t length) noexcept {
    bool has = false;
    each_base(members, instance, [&](Members &each, void *pointer) {
        if (!each.has_dynamic)
            return false;
        try {
            has = each.has_dynamic(pointer, unprefixed(std::string_view(name, length)));
        } catch (...) {
            has = false;
        }
        return true;
    });
    return has ? 1 : 0;
}
inline std::int32_t has_attribute_of_instance(void *self, const char *name, std::size_t length) noexcept {
    const auto *instance = static_cast<Instance *>(self);
    return has_attribute(instance->members, instance->owner.get(), name, length);
}
inline std::int32_t has_attribute_of_all(void *self, const char *name, std::size_t length) noexcept {
    return has_attribute(static_cast<std::shared_ptr<Members> *>(self)->get(), nullptr, name, length);
}

inline void missing(rpyc_call *call, const std::string &klass, std::string_view name) noexcept {
    try {
        throw AttributeError("'" + klass + "' object has no attribute '" + std::string(unprefixed(name)) + "'");
    } catch (...) {
        raise_current(call);
    }
}

/** Calls an access rule or a dynamic attribute of the first class that has one. */
template <Members::Rules Members::*Kind, std::unique_ptr<Method> Members::Rules::*Which>
void call_rule(rpyc_call *call, void *self) noexcept {
    Members *members = members_of(call);
    each_base(members, instance_of(members, self), [&](Members &each, void *instance) {
        Method *method = (each.*Kind.*Which).get();
        if (method == nullptr)
            return false;
        // The library calls this for all names that the rules allow, whether they exist or not. A name that is set may
        // be new.
        const char *name = "";
        std::size_t length = 0;
        rpyc_value_get_str(rpyc_call_arg(call, 0), &name, &length, nullptr);
        if (Kind == &Members::dynamic && Which != &Members::Rules::set &&
            has_attribute(&each, instance, name, length) == 0)
            missing(call, members->name, std::string_view(name, length));
        else
            serve(method, call, instance);
        return true;
    });
}

inline void construct(rpyc_call *call, void *userdata) noexcept {
    Members *members = static_cast<std::shared_ptr<Members> *>(userdata)->get();
    const std::size_t count = rpyc_call_arg_count(call);
    try {
        // With a signature, the library has checked the arguments and filled in the defaults.
        if (members->constructor_signature.empty() && rpyc_call_keyword_count(call) != 0)
            throw TypeError(members->name + "() takes no keyword arguments");
        if (members->constructor_signature.empty() && count != members->constructor_most)
            throw TypeError(members->name + "() takes " + std::to_string(members->constructor_most) +
                            " positional arguments but " + std::to_string(count) + " were given");
    } catch (...) {
        raise_current(call);
        return;
    }
    serve(members->constructor.get(), call, nullptr);
}

/** A shared handle of a class, which is made when it is first used. */
class ClassHandle {
public:
    explicit ClassHandle(std::string name) : members_(std::make_shared<Members>()) { members_->name = std::move(name); }
    ~ClassHandle() { rpyc_class_free(raw_); }
    ClassHandle(const ClassHandle &) = delete;
    ClassHandle &operator=(const ClassHandle &) = delete;

    const std::shared_ptr<Members> &members() const noexcept { return members_; }

    /** Returns the members to be changed; throws StateError if the class is in use already. */
    Members &open() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (raw_ != nullptr)
            throw StateError(RPYC_ERR_STATE, members_->name + " is in use and cannot be changed");
        return *members_;
    }

    /** Makes this class derived from another one, which it keeps alive. */
    void derive(std::shared_ptr<ClassHandle> base, void *(*upcast)(void *)) {
        Members &members = open();
        members.base = base->members();
        members.upcast = upcast;
        base_ = std::move(base);
    }

    rpyc_class *raw(bool service) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (raw_ == nullptr)
            raw_ = make(service);
        return raw_;
    }

private:
    static const char *text(const std::string &text) noexcept { return text.empty() ? nullptr : text.c_str(); }

    static void *create(rpyc_connection *connection, void *userdata) noexcept {
        Members *members = static_cast<std::shared_ptr<Members> *>(userdata)->get();
        try {
            auto owner = members->create(Connection::share(connection));
            return owner != nullptr ? new Instance{std::move(owner), members} : nullptr;
        } catch (...) {
            return nullptr;  // the connection is refused
        }
    }
    static void destroy(void *self) noexcept { delete static_cast<Instance *>(self); }

    template <std::function<void(const Connection &, void *)> Members::*Which>
    static void connection_changed(rpyc_connection *connection, void *self, Members *members) noexcept {
        try {
            if (members->*Which)
                (members->*Which)(Connection::share(connection), instance_of(members, self));
        } catch (...) {
            // There is no caller to report it to.
        }
    }
    template <std::function<void(const Connection &, void *)> Members::*Which>
    static void changed_of_instance(rpyc_connection *connection, void *self) noexcept {
        connection_changed<Which>(connection, self, static_cast<Instance *>(self)->members);
    }
    template <std::function<void(const Connection &, void *)> Members::*Which>
    static void changed_of_all(rpyc_connection *connection, void *self) noexcept {
        connection_changed<Which>(connection, self, static_cast<std::shared_ptr<Members> *>(self)->get());
    }

    rpyc_class *make(bool service) const {
        Members &members = *members_;
        std::vector<rpyc_method> methods;
        for (auto &entry : members.methods) {
            members.method_of.emplace(entry.wire, entry.method.get());
            methods.push_back({entry.wire.c_str(), call_method, entry.signature.c_str(), text(entry.doc), entry.flags});
        }
        std::vector<rpyc_property> properties;
        for (auto &entry : members.properties) {
            members.property_of.emplace(entry.wire, &entry);
            properties.push_back({entry.wire.c_str(), entry.get ? call_property<&Members::Attribute::get> : nullptr,
                                  entry.set ? call_property<&Members::Attribute::set> : nullptr,
                                  entry.del ? call_property<&Members::Attribute::del> : nullptr, text(entry.doc)});
        }
        std::vector<const char *> aliases;
        for (const std::string &alias : members.aliases)
            aliases.push_back(alias.c_str());

        rpyc_class_table table{};
        table.struct_size = sizeof table;
        table.method_size = sizeof(rpyc_method);
        table.property_size = sizeof(rpyc_property);
        table.module = text(members.module);
        table.name = members.name.c_str();
        table.doc = text(members.doc);
        table.base = base_ != nullptr ? base_->raw(false) : nullptr;
        table.flags = members.flags;
        table.methods = methods.data();
        table.method_count = methods.size();
        table.properties = properties.data();
        table.property_count = properties.size();
        table.construct = members.constructor != nullptr ? construct : nullptr;
        table.get_attr = members.own.get ? call_rule<&Members::own, &Members::Rules::get> : nullptr;
        table.set_attr = members.own.set ? call_rule<&Members::own, &Members::Rules::set> : nullptr;
        table.del_attr = members.own.del ? call_rule<&Members::own, &Members::Rules::del> : nullptr;
        if (members.has_dynamic)
            table.has_dynamic = members.has_instance ? has_attribute_of_instance : has_attribute_of_all;
        table.get_dynamic = members.dynamic.get ? call_rule<&Members::dynamic, &Members::Rules::get> : nullptr;
        table.set_dynamic = members.dynamic.set ? call_rule<&Members::dynamic, &Members::Rules::set> : nullptr;
        table.del_dynamic = members.dynamic.del ? call_rule<&Members::dynamic, &Members::Rules::del> : nullptr;
        table.construct_signature = text(members.constructor_signature);
        table.aliases = aliases.empty() ? nullptr : aliases.data();
        table.alias_count = aliases.size();
        if (service) {
            if (members.has_instance) {
                table.create = create;
                table.destroy = destroy;
                table.on_connect = changed_of_instance<&Members::on_connect>;
                table.on_disconnect = changed_of_instance<&Members::on_disconnect>;
            } else {
                table.on_connect = changed_of_all<&Members::on_connect>;
                table.on_disconnect = changed_of_all<&Members::on_disconnect>;
            }
        }
        rpyc_class *out = nullptr;
        rpyc_error *error = nullptr;
        const rpyc_free_fn drop = [](void *userdata) noexcept {
            delete static_cast<std::shared_ptr<Members> *>(userdata);
        };
        check(rpyc_class_new(&table, new std::shared_ptr<Members>(members_), drop, &out, &error), error);
        return out;
    }

    std::mutex mutex_{};
    std::shared_ptr<Members> members_;
    std::shared_ptr<ClassHandle> base_{};
    rpyc_class *raw_ = nullptr;
};

/** Returns the instance in an object of a class or of a derived one; nullptr for other objects. */
template <class T>
std::shared_ptr<T> self_of(ClassHandle &klass, const Object &object) {
    auto *instance = static_cast<Instance *>(rpyc_object_self(object.raw(), klass.raw(false)));
    std::shared_ptr<T> out;
    if (instance != nullptr)
        each_base(instance->members, instance->owner.get(), [&](Members &each, void *pointer) {
            if (&each != klass.members().get())
                return false;
            out = std::shared_ptr<T>(instance->owner, static_cast<T *>(pointer));
            return true;
        });
    return out;
}

/** The classes of a type that have a handle. */
template <class T>
class ClassesOf {
public:
    static void enter(const std::shared_ptr<ClassHandle> &handle) {
        const std::lock_guard<std::mutex> lock(mutex_);
        handles_.erase(
            std::remove_if(handles_.begin(), handles_.end(), [](const auto &each) { return each.expired(); }),
            handles_.end());
        handles_.push_back(handle);
    }
    static std::vector<std::shared_ptr<ClassHandle>> living() {
        std::vector<std::shared_ptr<ClassHandle>> out;
        const std::lock_guard<std::mutex> lock(mutex_);
        for (const auto &each : handles_)
            if (auto handle = each.lock())
                out.push_back(std::move(handle));
        return out;
    }

private:
    static inline std::mutex mutex_{};
    static inline std::vector<std::weak_ptr<ClassHandle>> handles_{};
};

/** Returns the name that peers look up: special methods keep their name, all others get the prefix "exposed_". */
inline std::string wire_name(const std::string &name) {
    const bool special =
        name.size() > 4 && name.compare(0, 2, "__") == 0 && name.compare(name.size() - 2, 2, "__") == 0;
    return special || name.compare(0, 8, "exposed_") == 0 ? name : "exposed_" + name;
}

/**
 * Common functions of classes and services. Functions that add a member return a copy, which is the same class or
 * service: a reference to the end of a chain that begins with a temporary would not outlive the statement.
 */
template <class Self, class T>
class Exposes {
public:
    /**
     * Exposes a function, a lambda or a member function of T as a method.
     *
     * `signature` is a name, whose parameters are passed by position, or a string such as "add(a, b=2, *rest, c=3,
     * **named)", whose parameters are those of the function in this order. The name gets the prefix "exposed_", except
     * for special names such as "__len__". A lambda may take a T & as its first parameter, and a Call & at any place.
     */
    template <class F>
    Self expose(std::string_view signature, F callable, std::string doc = "", std::uint64_t flags = 0) {
        return add(signature, true, std::move(callable), std::move(doc), flags);
    }
    /** Exposes a method under exactly this name. The attribute rules may deny it to peers. */
    template <class F>
    Self expose_as(std::string_view signature, F callable, std::string doc = "", std::uint64_t flags = 0) {
        return add(signature, false, std::move(callable), std::move(doc), flags);
    }

    /** Exposes an attribute that is read by a function, a member function or a data member of T. */
    template <class Get>
    Self property(const std::string &name, Get get, std::string doc = "") {
        return add_property(wire_name(name), std::move(doc), method(name, std::move(get)), nullptr, nullptr);
    }
    /** Exposes an attribute that can also be set. `set` gets the new value. */
    template <class Get, class Set, std::enable_if_t<!std::is_convertible_v<Set, std::string>, int> = 0>
    Self property(const std::string &name, Get get, Set set, std::string doc = "") {
        return add_property(wire_name(name), std::move(doc), method(name, std::move(get)), method(name, std::move(set)),
                            nullptr);
    }
    /** Exposes an attribute that can also be set and deleted. */
    template <class Get, class Set, class Del, std::enable_if_t<!std::is_convertible_v<Del, std::string>, int> = 0>
    Self property(const std::string &name, Get get, Set set, Del del, std::string doc = "") {
        return add_property(wire_name(name), std::move(doc), method(name, std::move(get)), method(name, std::move(set)),
                            method(name, std::move(del)));
    }

    /**
     * Sets the access rule for reading, RPyC's _rpyc_getattr: f(name) or f(T &, name) is called for every attribute
     * that a peer reads, with the name that the peer gave, and returns the value or throws. Exposed members are then
     * accessible only through it.
     */
    template <class F>
    Self get_attr(F f) {
        rule(&detail::Members::Rules::get, method("_rpyc_getattr(name)", std::move(f)), "_rpyc_getattr");
        return self();
    }
    /** Sets the access rule for setting, RPyC's _rpyc_setattr: f(name, value) sets an attribute. */
    template <class F>
    Self set_attr(F f) {
        rule(&detail::Members::Rules::set, method("_rpyc_setattr(name, value)", std::move(f)), "_rpyc_setattr");
        return self();
    }
    /** Sets the access rule for deleting, RPyC's _rpyc_delattr: f(name) deletes an attribute. */
    template <class F>
    Self del_attr(F f) {
        rule(&detail::Members::Rules::del, method("_rpyc_delattr(name)", std::move(f)), "_rpyc_delattr");
        return self();
    }

    /**
     * Adds dynamic attributes, beyond those that are exposed. `has`(name) or has(T &, name), with the name as
     * std::string_view, returns whether an attribute exists, and `get`(name) reads it. Names are as in Python code,
     * without "exposed_".
     */
    template <class Has, class Get>
    Self dynamic(Has has, Get get) {
        auto reads = named("attribute(name)", std::move(get));
        detail::Members &members = handle_->open();
        members.set_once(members.has_dynamic, asked(std::move(has)), "dynamic attributes");
        members.dynamic.get = std::move(reads);
        return self();
    }
    /**
     * Adds dynamic attributes that peers can also set, new ones too, with `set`(name, value), if allow_setattr is on.
     */
    template <class Has, class Get, class Set>
    Self dynamic(Has has, Get get, Set set) {
        dynamic(std::move(has), std::move(get));
        handle_->open().dynamic.set = named("attribute(name, value)", std::move(set));
        return self();
    }
    /** Adds dynamic attributes that peers can also set and delete, the latter with `del`(name). */
    template <class Has, class Get, class Set, class Del>
    Self dynamic(Has has, Get get, Set set, Del del) {
        dynamic(std::move(has), std::move(get), std::move(set));
        handle_->open().dynamic.del = named("attribute(name)", std::move(del));
        return self();
    }

    /** Sets the documentation for Python's help(). */
    Self doc(std::string text) {
        handle_->open().doc = std::move(text);
        return self();
    }
    /** Sets the name of the module that the class belongs to for peers. */
    Self module(std::string name) {
        handle_->open().module = std::move(name);
        return self();
    }
    /** Serializes the calls: those for one object never overlap. See RPYC_CLASS_SERIAL. */
    Self serial() {
        handle_->open().flags |= RPYC_CLASS_SERIAL;
        return self();
    }

    // Moving copies, so that no class is without members.
    Exposes(const Exposes &) noexcept = default;
    Exposes &operator=(const Exposes &) noexcept = default;

protected:
    ~Exposes() = default;
    explicit Exposes(std::string name) : handle_(std::make_shared<ClassHandle>(std::move(name))) {}

    template <class F>
    static std::unique_ptr<MethodOf<T, F>> method(std::string_view signature, F callable) {
        static_assert(is_callable<F> || std::is_member_pointer_v<F>,
                      "a function, an object with exactly one operator(), or a member of the class");
        static_assert(MethodOf<T, F>::answerable, "this type of result has no rpyc::Convert");
        static_assert(MethodOf<T, F>::takeable, "a type among the parameters has no rpyc::Convert");
        return std::make_unique<MethodOf<T, F>>(std::move(callable), Signature::parse(signature));
    }

    std::shared_ptr<ClassHandle> handle_;

private:
    Self &self() { return static_cast<Self &>(*this); }

    void rule(std::unique_ptr<Method> Members::Rules::*which, std::unique_ptr<Method> rule, const char *what) {
        Members &members = handle_->open();
        members.set_once(members.own.*which, std::move(rule), what);
    }

    template <class F>
    static std::unique_ptr<Method> named(std::string_view signature, F f) {
        auto one = method(signature, std::move(f));
        one->takes_short_name();
        return one;
    }
    template <class F>
    static std::function<bool(void *, std::string_view)> asked(F has) {
        return [has = std::move(has)](void *instance, std::string_view name) mutable -> bool {
            if constexpr (std::is_void_v<T>)
                return (void)instance, static_cast<bool>(has(name));
            else if constexpr (std::is_invocable_v<F &, T &, std::string_view>)
                return static_cast<bool>(std::invoke(has, *static_cast<T *>(instance), name));
            else
                return static_cast<bool>(has(name));
        };
    }

    template <class F>
    Self add(std::string_view text, bool prefix, F callable, std::string doc, std::uint64_t flags) {
        auto one = method(text, std::move(callable));
        const Signature &signature = one->signature();
        std::string wire = prefix ? wire_name(signature.name) : signature.name;
        std::string signature_text = signature.text;
        handle_->open().claim(wire);
        handle_->open().methods.push_back(
            {std::move(wire), std::move(signature_text), std::move(doc), flags, std::move(one)});
        return self();
    }
    Self add_property(std::string wire, std::string doc, std::unique_ptr<Method> get, std::unique_ptr<Method> set,
                      std::unique_ptr<Method> del) {
        handle_->open().claim(wire);
        handle_->open().properties.push_back(
            {std::move(wire), std::move(doc), std::move(get), std::move(set), std::move(del)});
        return self();
    }
};

}  // namespace detail

/** A class for objects of type T. Copies are the same class. It must be complete when it is first used. */
template <class T>
class Class : public detail::Exposes<Class<T>, T> {
    using Base = detail::Exposes<Class<T>, T>;

public:
    /** Makes a class without members. */
    explicit Class(std::string name) : Base(std::move(name)) {
        this->handle_->open().has_instance = true;
        detail::ClassesOf<T>::enter(this->handle_);
    }

    /** Makes a class derived from another one, whose type is a base of T. It has the methods of that class. */
    template <class B>
    Class(std::string name, const Class<B> &base) : Class(std::move(name)) {
        static_assert(std::is_base_of_v<B, T>, "T must be derived from the base's type");
        base.raw();
        this->handle_->derive(base.handle(),
                              [](void *instance) -> void * { return static_cast<B *>(static_cast<T *>(instance)); });
    }

    /** Makes the class callable by peers: `make` returns a std::shared_ptr<T>. Its arguments are passed by position. */
    template <class F>
    Class constructor(F make) {
        return constructed(detail::Signature{this->handle_->open().name, "", {}}, std::move(make));
    }
    /**
     * Makes the class callable by peers with a signature such as "Point(x, y=0)", so that keywords and defaults can be
     * used.
     */
    template <class F>
    Class constructor(std::string_view signature, F make) {
        auto parsed = detail::Signature::parse(signature);
        if (parsed.text.empty() || parsed.name != this->handle_->open().name)
            throw std::invalid_argument("the constructor of " + this->handle_->open().name + " has the signature '" +
                                        std::string(signature) + "': write " + this->handle_->open().name +
                                        "(PARAMETERS)");
        return constructed(std::move(parsed), std::move(make));
    }

    /** Makes a new T and the object through which peers use it. */
    template <class... A>
    Object make(A &&...args) const {
        return wrap(std::make_shared<T>(std::forward<A>(args)...));
    }
    /**
     * Makes an object for a T that others may own too. Each call makes a new one, so keep it where identity matters.
     */
    Object wrap(std::shared_ptr<T> shared) const { return wrap(raw(), members().get(), std::move(shared)); }
    /** Returns the T in an object of this class or of a derived one; nullptr for other objects. */
    std::shared_ptr<T> self(const Object &object) const { return detail::self_of<T>(*this->handle_, object); }
    /** Returns the T in an object that is given as a value; nullptr for other values. */
    template <class V,
              std::enable_if_t<!std::is_base_of_v<Object, V> && std::is_constructible_v<Value, const V &>, int> = 0>
    std::shared_ptr<T> self(const V &given) const {
        const Value value(given);
        return value.is_object() ? self(value.object()) : nullptr;
    }

    /** Returns the class itself as an object, which can be sent. */
    Object object() const {
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        detail::check(rpyc_class_object(raw(), &out, &error), error);
        return Object::adopt(out);
    }

    /** Returns the handle of the C library, borrowed. */
    rpyc_class *raw() const { return this->handle_->raw(false); }
    /** For the library: returns the members of the class. */
    const std::shared_ptr<detail::Members> &members() const noexcept { return this->handle_->members(); }
    /** For the library: returns the shared handle of the class. */
    const std::shared_ptr<detail::ClassHandle> &handle() const noexcept { return this->handle_; }

private:
    template <class F>
    Class constructed(detail::Signature signature, F make) {
        using Parameters = typename detail::traits_of<F>::parameters;
        static_assert(detail::MethodOf<void, F>::takeable, "a type among the parameters has no rpyc::Convert");
        detail::Members &members = this->handle_->open();
        auto callable = wrapping(std::move(make), &members, Parameters());
        const bool by_name = !signature.text.empty();
        auto method =
            std::make_unique<detail::MethodOf<void, decltype(callable)>>(std::move(callable), std::move(signature));
        std::string text = by_name ? method->signature().text : "";
        std::unique_ptr<detail::Method> made = std::move(method);
        members.set_once(members.constructor, std::move(made), "the constructor");
        members.constructor_signature = std::move(text);
        members.constructor_most = detail::slots(Parameters());
        return *this;
    }

    static Object wrap(const rpyc_class *klass, detail::Members *members, std::shared_ptr<T> shared) {
        if (shared == nullptr)
            throw UsageError(RPYC_ERR_NULL, "no object to wrap in " + members->name + ": nullptr");
        auto *instance = new detail::Instance{std::move(shared), members};
        rpyc_object *out = nullptr;
        rpyc_error *error = nullptr;
        const rpyc_free_fn drop = [](void *self) noexcept { delete static_cast<detail::Instance *>(self); };
        detail::check(rpyc_object_new(klass, instance, drop, &out, &error), error);
        return Object::adopt(out);
    }

    /**
     * Returns a function that calls `make` and wraps its result. The members own the function, and the class comes from
     * the call, because the handles of the class may have been destroyed.
     */
    template <class F, class... P>
    static auto wrapping(F make, detail::Members *members, detail::types<P...>) {
        return [make = std::move(make), members](Call &call, P... parameters) mutable -> Object {
            const detail::OwnedClass klass = detail::class_of(rpyc_call_target(call.raw()));
            return wrap(klass.get(), members, make(std::forward<P>(parameters)...));
        };
    }
};

template <class T>
struct Convert<Class<T>> {
    static Value to(const Class<T> &klass) { return Value(klass.object()); }
};

}  // namespace rpyc

#endif
