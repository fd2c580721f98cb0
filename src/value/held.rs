//! Contents of containers: shared, and dropped without recursion, however deep the containers are nested.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// The contents of a container, which others may share.
pub struct Held<T: Contents + ?Sized>(Arc<T>);

/// Storage that contains values.
pub trait Contents {
    /// Drops those that are containers, without recursion.
    fn let_go(&mut self);

    fn has_containers(&self) -> bool;
}

impl<T: Contents + ?Sized> Drop for Held<T> {
    #[inline]
    fn drop(&mut self) {
        if self.0.has_containers() {
            if let Some(contents) = Arc::get_mut(&mut self.0) {
                contents.let_go();
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
    /// Returns the shared contents.
    pub fn shared(&self) -> &Arc<T> {
        &self.0
    }
}

impl<T: Contents + ?Sized> From<Arc<T>> for Held<T> {
    fn from(contents: Arc<T>) -> Held<T> {
        Held(contents)
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
