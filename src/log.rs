//! The log: one receiver for the whole process, none unless the host sets one.

use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// How much a message matters. What is beyond the level that the host asked for is not even put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
}

/// What gets the messages, on whatever thread has one.
pub type Receiver = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// 0 while there is no receiver.
static MAX_LEVEL: AtomicU8 = AtomicU8::new(0);
static RECEIVER: RwLock<Option<Receiver>> = RwLock::new(None);

thread_local! {
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Sends messages up to `max_level` to a receiver, instead of to the one before. That one is dropped when the last
/// message to it has been received.
pub fn set(receiver: Option<(Level, Receiver)>) {
    let (level, receiver) = receiver.map_or((0, None), |(level, receiver)| (level as u8, Some(receiver)));
    let before = {
        let mut place = RECEIVER.write().unwrap_or_else(PoisonError::into_inner);
        MAX_LEVEL.store(level, Ordering::Relaxed);
        std::mem::replace(&mut *place, receiver)
    };
    drop(before);
}

/// Would a message of this level be received?
#[inline]
pub fn wanted(level: Level) -> bool {
    level as u8 <= MAX_LEVEL.load(Ordering::Relaxed)
}

/// Logs a message. What the receiver itself causes to be logged is left out.
#[inline]
pub fn write(level: Level, text: impl FnOnce() -> String) {
    if wanted(level) {
        send(level, &text());
    }
}

#[cold]
fn send(level: Level, text: &str) {
    if WRITING.get() {
        return;
    }
    // No lock is held while the receiver runs.
    let receiver = RECEIVER.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(receiver) = receiver.filter(|_| wanted(level)) {
        WRITING.set(true);
        let _done = Done;
        receiver(level, text);
    }
}

struct Done;

impl Drop for Done {
    fn drop(&mut self) {
        WRITING.set(false);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::sync::{Mutex, MutexGuard};

    /// The log is the process's own: one test at a time.
    pub(crate) fn alone() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for what a thread does that is just now in a receiver.
    pub(crate) fn until(condition: impl Fn() -> bool) -> bool {
        (0..1_000_000).any(|_| {
            std::thread::yield_now();
            condition()
        })
    }

    #[test]
    fn levels_and_receivers() {
        let _alone = alone();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let receiver = |name: &'static str| -> Receiver {
            let heard = heard.clone();
            let ours = std::thread::current().id();
            Arc::new(move |level, text| {
                if std::thread::current().id() == ours {
                    heard.lock().unwrap().push(format!("{name} {level:?} {text}"));
                    write(Level::Error, || "from the receiver".into());
                }
            })
        };
        write(Level::Error, || unreachable!("nobody listens"));
        set(Some((Level::Warn, receiver("a"))));
        write(Level::Error, || "one".into());
        write(Level::Warn, || "two".into());
        write(Level::Info, || unreachable!("it is not wanted"));
        set(Some((Level::Debug, receiver("b"))));
        write(Level::Debug, || "three".into());
        set(None);
        write(Level::Error, || unreachable!("nobody listens"));
        assert_eq!(*heard.lock().unwrap(), ["a Error one", "a Warn two", "b Debug three"]);
        assert!(until(|| Arc::strong_count(&heard) == 1));
    }

    #[test]
    fn a_receiver_may_replace_itself() {
        let _alone = alone();
        let count = Arc::new(());
        let kept = count.clone();
        let ours = std::thread::current().id();
        set(Some((
            Level::Info,
            Arc::new(move |_, _| {
                if std::thread::current().id() == ours {
                    set(None);
                    assert_eq!(Arc::strong_count(&kept), 2);
                }
            }),
        )));
        write(Level::Info, || "last".into());
        assert!(until(|| Arc::strong_count(&count) == 1));
    }
}
