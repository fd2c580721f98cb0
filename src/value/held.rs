//! What containers hold: shared, and let go without recursion, however deep the containers are nested.

use super::Value;
use crate::nesting;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The contents of a container, which others may share.
pub struct Held<T: Contents + ?Sized>(Arc<T>);

/// The values in a tuple, list or set, shared.
pub type Items = Held<[Value]>;
/// The keys and values of a dict, shared.
pub type Pairs = Held<[(Value, Value)]>;

/// What has values inside.
pub trait Contents {
    /// Those that are containers.
    fn containers(&mut self) -> impl Iterator<Item = &mut Value>;

    fn has_containers(&self) -> bool;
}

impl Contents for [Value] {
    fn containers(&mut self) -> impl Iterator<Item = &mut Value> {
        self.iter_mut().filter(|item| item.is_container())
    }

    fn has_containers(&self) -> bool {
        self.iter().any(Value::is_container)
    }
}

impl Contents for [Value; 3] {
    fn containers(&mut self) -> impl Iterator<Item = &mut Value> {
        self.iter_mut().filter(|item| item.is_container())
    }

    fn has_containers(&self) -> bool {
        self.iter().any(Value::is_container)
    }
}

impl Contents for [(Value, Value)] {
    fn containers(&mut self) -> impl Iterator<Item = &mut Value> {
        self.iter_mut().flat_map(|(key, value)| [key, value]).filter(|item| item.is_container())
    }

    fn has_containers(&self) -> bool {
        self.iter().any(|(key, value)| key.is_container() || value.is_container())
    }
}

impl<T: Contents + ?Sized> Drop for Held<T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.has_containers() {
            if let Some(contents) = Arc::get_mut(&mut self.0) {
                contents.containers().for_each(|container| nesting::let_go(std::mem::take(container)));
            }
        }
    }
}

impl<T: Contents + ?Sized> Clone for Held<T> {
    #[inline]
    fn clone(&self) -> Held<T> {
        Held(self.0.clone())
    }
}

impl<T: Contents + ?Sized> Deref for Held<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Contents + ?Sized + fmt::Debug> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Contents + ?Sized> Default for Held<T>
where
    Arc<T>: Default,
{
    fn default() -> Held<T> {
        Held(Arc::default())
    }
}

impl<T: Contents + ?Sized> Held<T> {
    /// What is shared.
    pub fn shared(&self) -> &Arc<T> {
        &self.0
    }
}

impl From<Held<[Value; 3]>> for Items {
    fn from(parts: Held<[Value; 3]>) -> Items {
        Held(parts.0.clone())
    }
}

impl From<&[Value]> for Items {
    fn from(items: &[Value]) -> Items {
        Held(items.into())
    }
}

impl<T: Contents + ?Sized> From<Arc<T>> for Held<T> {
    fn from(contents: Arc<T>) -> Held<T> {
        Held(contents)
    }
}

impl From<[Value; 3]> for Held<[Value; 3]> {
    fn from(parts: [Value; 3]) -> Held<[Value; 3]> {
        Held(Arc::new(parts))
    }
}

impl<T> From<Vec<T>> for Held<[T]>
where
    [T]: Contents,
{
    fn from(items: Vec<T>) -> Held<[T]> {
        Held(items.into())
    }
}

impl<T, const N: usize> From<[T; N]> for Held<[T]>
where
    [T]: Contents,
{
    fn from(items: [T; N]) -> Held<[T]> {
        Held(Arc::new(items))
    }
}

impl<T> FromIterator<T> for Held<[T]>
where
    [T]: Contents,
{
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Held<[T]> {
        Held(items.into_iter().collect())
    }
}
