//! Bytes and strings: small ones inline, large ones shared.

use crate::budget::SMALL;
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::TryReserveError;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::str::Utf8Error;
use std::sync::Arc;

/// The capacity of a `Blob` without an allocation.
pub const INLINE: usize = 30;
/// Received bytes of this length or more begin at a multiple of `ALIGNMENT`, shorter ones at a multiple of 8.
pub const ALIGNED: usize = 64 * 1024;
/// A cache line, and the longest register that numbers are read into.
pub const ALIGNMENT: usize = 64;

type Owner = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Immutable bytes, cheap to clone: inline up to 30, else a part of something shared.
#[derive(Clone)]
pub struct Blob(Repr);

#[derive(Clone)]
enum Repr {
    Inline {
        len: u8,
        bytes: [u8; INLINE],
    },
    Copied(Arc<[u8]>),
    /// A part of shared storage. Start and length have 48 bits each, which keeps a `Blob` at 32 bytes.
    Shared {
        start_high: u16,
        len_high: u16,
        start_low: u32,
        len_low: u32,
        owner: Owner,
    },
}

const _: () = assert!(size_of::<Blob>() == 32);

/// Bytes that begin at a multiple of something.
pub(super) struct Aligned {
    bytes: Vec<u8>,
    start: usize,
}

impl AsRef<[u8]> for Aligned {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or(&[])
    }
}

impl Aligned {
    pub fn copy(data: &[u8], alignment: usize) -> Result<Aligned, TryReserveError> {
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve_exact(data.len().saturating_add(alignment))?;
        let start = bytes.as_ptr().addr().wrapping_neg() % alignment;
        bytes.resize(start, 0);
        bytes.extend_from_slice(data);
        Ok(Aligned { bytes, start })
    }
}

/// The offset of an inline blob in its storage. It aligns whole elements of 2, 4 or 8 bytes; the storage itself begins
/// 2 bytes after a multiple of 8.
#[inline]
fn inline_start(len: usize) -> usize {
    INLINE.saturating_sub(len) & 0b110
}

impl Blob {
    /// The longest blob, and the longest owner of one.
    const MAX: usize = (1 << 48) - 1;

    /// Copies bytes.
    #[inline]
    pub fn copy(bytes: &[u8]) -> Blob {
        Blob::inline(bytes).unwrap_or_else(|| Blob(Repr::Copied(bytes.into())))
    }

    /// Copies bytes, if there is memory for that.
    #[inline]
    pub fn try_copy(bytes: &[u8]) -> Result<Blob, TryReserveError> {
        if bytes.len() <= SMALL { Ok(Blob::copy(bytes)) } else { Blob::try_copy_long(bytes) }
    }

    fn try_copy_long(bytes: &[u8]) -> Result<Blob, TryReserveError> {
        let mut copied = Vec::new();
        copied.try_reserve_exact(bytes.len())?;
        copied.extend_from_slice(bytes);
        Ok(Blob::from(copied))
    }

    /// Returns whether received bytes of this length begin there; see `ALIGNED`.
    #[inline]
    pub fn try_copy_aligned(bytes: &[u8]) -> Result<Blob, TryReserveError> {
        if bytes.len() < ALIGNED {
            return Blob::try_copy(bytes);
        }
        let copied = Arc::new(Aligned::copy(bytes, ALIGNMENT)?);
        Blob::foreign(copied).map_or_else(|| Blob::try_copy_long(bytes), Ok)
    }

    /// Returns whether received bytes may stay at their address.
    #[inline]
    pub fn is_aligned(bytes: &[u8]) -> bool {
        bytes.as_ptr().addr() % (if bytes.len() < ALIGNED { 8 } else { ALIGNMENT }) == 0
    }

    /// Makes a blob over the owner's bytes without copying. None beyond 2^48 bytes.
    pub fn foreign(owner: Arc<dyn AsRef<[u8]> + Send + Sync>) -> Option<Blob> {
        let len = (*owner).as_ref().len();
        (len <= Blob::MAX).then(|| Blob::shared(owner, 0, len))
    }

    /// A part of shared bytes, as much of it as there is; copied when it fits inline.
    pub fn slice_of<T: AsRef<[u8]> + Send + Sync + 'static>(owner: &Arc<T>, start: usize, len: usize) -> Blob {
        let all = (**owner).as_ref();
        let start = start.min(all.len()).min(Blob::MAX);
        let len = len.min(all.len() - start).min(Blob::MAX);
        let bytes = all.get(start..start + len).unwrap_or(&[]);
        Blob::inline(bytes).unwrap_or_else(|| Blob::shared(owner.clone(), start, len))
    }

    /// A part of these bytes, as far as there is one; long ones are shared.
    pub fn part(&self, start: usize, len: usize) -> Blob {
        let rest = self.get(start..).unwrap_or(&[]);
        let bytes = rest.get(..len).unwrap_or(rest);
        match (&self.0, Blob::inline(bytes)) {
            (_, Some(inline)) => inline,
            (Repr::Shared { start_high, start_low, owner, .. }, None) => {
                Blob::shared(owner.clone(), join(*start_high, *start_low) + start, bytes.len())
            }
            (_, None) => Blob::copy(bytes),
        }
    }

    /// Returns the memory of a copy; 0 for bytes of a foreign owner.
    #[inline]
    pub fn weight(&self) -> usize {
        if let Repr::Copied(bytes) = &self.0 { bytes.len() + 48 } else { 0 }
    }

    /// Returns whether the bytes are stored inline, and so move with the blob.
    pub fn is_inline(&self) -> bool {
        matches!(self.0, Repr::Inline { .. })
    }

    /// The bytes.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes } => {
                let len = usize::from(*len);
                let start = inline_start(len);
                bytes.get(start..start + len).unwrap_or(&[])
            }
            Repr::Copied(bytes) => bytes,
            Repr::Shared { start_high, len_high, start_low, len_low, owner } => {
                let start = join(*start_high, *start_low);
                let len = join(*len_high, *len_low);
                // An owner from outside may have changed its mind about its length.
                (**owner).as_ref().get(start..start + len).unwrap_or(&[])
            }
        }
    }

    #[inline]
    fn inline(bytes: &[u8]) -> Option<Blob> {
        let mut room = [0; INLINE];
        let start = inline_start(bytes.len());
        room.get_mut(start..start + bytes.len())?.copy_from_slice(bytes);
        Some(Blob(Repr::Inline { len: bytes.len() as u8, bytes: room }))
    }

    fn shared(owner: Owner, start: usize, len: usize) -> Blob {
        let (start_high, start_low) = split(start);
        let (len_high, len_low) = split(len);
        Blob(Repr::Shared { start_high, len_high, start_low, len_low, owner })
    }
}

fn split(n: usize) -> (u16, u32) {
    ((n >> 32) as u16, n as u32)
}

#[inline]
fn join(high: u16, low: u32) -> usize {
    (usize::from(high) << 32) | low as usize
}

impl Default for Blob {
    fn default() -> Blob {
        Blob(Repr::Inline { len: 0, bytes: [0; INLINE] })
    }
}

impl Deref for Blob {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Blob {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Blob {
        let len = bytes.len();
        Blob::inline(&bytes).unwrap_or_else(|| Blob::shared(Arc::new(bytes), 0, len))
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Blob {
        Blob::copy(bytes)
    }
}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.as_slice().escape_ascii())
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Blob) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Blob {}

impl Hash for Blob {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl PartialOrd for Blob {
    fn partial_cmp(&self, other: &Blob) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Blob {
    fn cmp(&self, other: &Blob) -> Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Borrow<[u8]> for Blob {
    fn borrow(&self) -> &[u8] {
        self.as_slice()
    }
}

/// Immutable UTF-8, cheap to clone.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Blob);

impl Text {
    /// Copies a string.
    #[inline]
    pub fn new(text: &str) -> Text {
        Text(Blob::copy(text.as_bytes()))
    }

    /// Copies a string, if there is memory for it.
    pub fn try_new(text: &str) -> Result<Text, TryReserveError> {
        Blob::try_copy(text.as_bytes()).map(Text)
    }

    /// Converts bytes that are UTF-8; returns others with the reason.
    pub fn from_utf8(bytes: Blob) -> Result<Text, (Blob, Utf8Error)> {
        match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(Text(bytes)),
            Err(e) => Err((bytes, e)),
        }
    }

    /// For bytes that the caller has just found to be UTF-8.
    #[inline]
    pub(crate) fn checked(bytes: Blob) -> Text {
        debug_assert!(std::str::from_utf8(&bytes).is_ok());
        Text(bytes)
    }

    /// Its UTF-8.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// Looks at every byte; `as_bytes` costs nothing.
    #[inline]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or("")
    }

    /// Its UTF-8 as bytes that can be shared.
    #[inline]
    pub fn as_blob(&self) -> &Blob {
        &self.0
    }

    /// Its UTF-8 as bytes that can be shared.
    pub fn into_blob(self) -> Blob {
        self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text::new(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(Blob::from(text.into_bytes()))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_and_shared_alike() {
        for len in [0, 1, 29, 30, 31, 32, 1000] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let made = [
                Blob::copy(&bytes),
                Blob::from(bytes.clone()),
                Blob::foreign(Arc::new(bytes.clone())).unwrap(),
                Blob::slice_of(&Arc::new(bytes.clone()), 0, len),
            ];
            for blob in &made {
                assert_eq!(blob.as_slice(), bytes);
                assert_eq!(*blob, made[0]);
                assert_eq!(blob.clone().as_slice(), bytes);
            }
        }
    }

    #[test]
    fn numbers_can_be_read_where_bytes_lie() {
        for len in (0..300).chain([ALIGNED - 1, ALIGNED, ALIGNED + 1]) {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            // Inline blobs move with what they lie in.
            for blob in [Box::new(Blob::try_copy_aligned(&bytes).unwrap()), Box::new(Blob::copy(&bytes))] {
                assert_eq!(blob.as_slice(), bytes);
                for size in [8, 4, 2].into_iter().filter(|size| len % size == 0) {
                    assert_eq!(blob.as_ptr().addr() % size, 0, "{len} bytes");
                }
            }
            assert!(len < ALIGNED || Blob::is_aligned(&Blob::try_copy_aligned(&bytes).unwrap()));
        }
    }

    #[test]
    fn a_slice_shares_its_owner() {
        let owner = Arc::new((0..=255u8).collect::<Vec<u8>>());
        let part = Blob::slice_of(&owner, 100, 50);
        assert_eq!(part.as_slice(), &owner[100..150]);
        assert_eq!(part.as_ptr(), owner[100..].as_ptr());
        assert_eq!(Arc::strong_count(&owner), 2);
        let small = Blob::slice_of(&owner, 100, 30);
        assert_eq!(small.as_slice(), &owner[100..130]);
        assert_eq!(Arc::strong_count(&owner), 2);
        drop(part);
        assert_eq!(Arc::strong_count(&owner), 1);
    }

    #[test]
    fn a_slice_beyond_its_owner_is_what_there_is() {
        let owner = Arc::new(vec![7; 100]);
        assert_eq!(Blob::slice_of(&owner, 90, 50).as_slice(), &[7; 10]);
        assert!(Blob::slice_of(&owner, 101, 1).is_empty());
        assert!(Blob::slice_of(&owner, usize::MAX, usize::MAX).is_empty());
    }

    #[test]
    fn a_foreign_owner_is_kept_and_not_copied() {
        let owner = Arc::new([9u8; 10]);
        let blob = Blob::foreign(owner.clone()).unwrap();
        assert_eq!(blob.as_ptr(), owner.as_ptr());
        assert_eq!(Arc::strong_count(&owner), 2);
    }

    #[test]
    fn an_owner_that_shrinks_yields_nothing() {
        struct Fickle(std::sync::atomic::AtomicBool);
        impl AsRef<[u8]> for Fickle {
            fn as_ref(&self) -> &[u8] {
                if self.0.swap(true, std::sync::atomic::Ordering::Relaxed) { &[1] } else { &[1, 2, 3] }
            }
        }
        let blob = Blob::foreign(Arc::new(Fickle(false.into()))).unwrap();
        assert!(blob.as_slice().is_empty());
    }

    #[test]
    fn text_is_utf8() {
        assert_eq!(Text::new("caf\u{e9}").as_str(), "caf\u{e9}");
        assert_eq!(Text::from("x".repeat(40)).to_string(), "x".repeat(40));
        assert_eq!(Text::new("a"), *"a");
        let (bytes, error) = Text::from_utf8(Blob::copy(b"ab\xff")).unwrap_err();
        assert_eq!(bytes.as_slice(), b"ab\xff");
        assert_eq!(error.valid_up_to(), 2);
        assert!(Text::new("a") < Text::new("b"));
        assert_eq!(format!("[{:>3}]", Text::new("a")), "[  a]");
    }
}
