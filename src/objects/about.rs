//! Attributes by which objects, functions and classes describe themselves.

/// The kind of attribute.
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
    /// For bound methods: the function and its object.
    Function,
    Itself,
    /// For classes: the method that `issubclass` calls.
    SubclassCheck,
}

/// Functions have these in addition to those of all objects.
pub(super) const OF_FUNCTIONS: &[&str] =
    &["__qualname__", "__code__", "__defaults__", "__kwdefaults__", "__annotations__"];
/// Bound methods have these.
pub(super) const OF_METHODS: &[&str] =
    &["__qualname__", "__code__", "__defaults__", "__kwdefaults__", "__annotations__", "__func__", "__self__"];
/// Classes have these.
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
