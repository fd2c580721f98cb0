//! The attributes by which objects, functions and classes say what they are.

/// Of which kind the attribute is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Class,
    Module,
    QualName,
    Dict,
    Bases,
    Mro,
    Code,
    Defaults,
    KeywordDefaults,
    Annotations,
    /// Of a bound method: the function, and its object.
    Function,
    Itself,
    /// Of a class: the method that `issubclass` calls.
    SubclassCheck,
}

/// What functions have beside what all objects have.
pub(super) const OF_FUNCTIONS: &[&str] =
    &["__qualname__", "__code__", "__defaults__", "__kwdefaults__", "__annotations__"];
/// What bound methods have.
pub(super) const OF_METHODS: &[&str] =
    &["__qualname__", "__code__", "__defaults__", "__kwdefaults__", "__annotations__", "__func__", "__self__"];
/// What classes have.
pub(super) const OF_CLASSES: &[&str] =
    &["__qualname__", "__bases__", "__mro__", "__annotations__", "__subclasscheck__"];

pub(super) fn about(name: &str) -> Option<About> {
    Some(match name {
        "__class__" => About::Class,
        "__module__" => About::Module,
        "__qualname__" => About::QualName,
        "__dict__" => About::Dict,
        "__bases__" => About::Bases,
        "__mro__" => About::Mro,
        "__code__" => About::Code,
        "__defaults__" => About::Defaults,
        "__kwdefaults__" => About::KeywordDefaults,
        "__annotations__" => About::Annotations,
        "__func__" => About::Function,
        "__self__" => About::Itself,
        "__subclasscheck__" => About::SubclassCheck,
        _ => return None,
    })
}
