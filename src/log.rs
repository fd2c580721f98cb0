//! Implements the log: one receiver for the whole process, none unless the application sets one. A connection can have
//! its own instead.

use crate::printable;
use std::cell::Cell;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

/// The level of a message. A message beyond the requested level is not even formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Error = 1,
    Warn = 2,
    Info = 3,
    Debug = 4,
}

/// The function that gets the messages, on the thread that logs.
pub type Receiver = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// 0 while there is no receiver.
static MAX_LEVEL: AtomicU8 = AtomicU8::new(0);
static RECEIVER: RwLock<Option<Receiver>> = RwLock::new(None);

thread_local! {
    static WRITING: Cell<bool> = const { Cell::new(false) };
}

/// Sets the receiver of messages up to `max_level`. The previous one is dropped when its last call has returned.
pub fn set(receiver: Option<(Level, Receiver)>) {
    let (level, receiver) = receiver.map_or((0, None), |(level, receiver)| (level as u8, Some(receiver)));
    let before = {
        let mut place = RECEIVER.write().unwrap_or_else(PoisonError::into_inner);
        MAX_LEVEL.store(level, Ordering::Relaxed);
        std::mem::replace(&mut *place, receiver)
    };
    drop(before);
}

/// Returns whether a message of this level would be received.
#[inline]
pub fn wanted(level: Level) -> bool {
    level as u8 <= MAX_LEVEL.load(Ordering::Relaxed)
}

/// Logs a message. Messages caused by the receiver itself are dropped.
#[inline]
pub fn write(level: Level, text: impl FnOnce() -> String) {
    if wanted(level) {
        send(level, &text());
    }
}

#[cold]
fn send(level: Level, text: &str) {
    // No lock is held while the receiver runs.
    let receiver = RECEIVER.read().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(receiver) = receiver.filter(|_| wanted(level)) {
        hand_over(&receiver, level, text);
    }
}

fn hand_over(receiver: &Receiver, level: Level, text: &str) {
    if !WRITING.replace(true) {
        let _done = Done;
        // Part of it is chosen by the peer, and must not look like other lines of the log or control a terminal.
        receiver(level, &printable::one_line(text));
    }
}

/// The receiver of messages about one connection: its own, or that of the process.
#[derive(Clone, Default)]
pub struct Logger(Option<(Option<Level>, Receiver)>);

impl Logger {
    /// Makes one with its own receiver of messages up to `max_level`; None for no messages. The receiver of the process
    /// gets none of them.
    pub fn own(max_level: Option<Level>, receiver: Receiver) -> Logger {
        Logger(Some((max_level, receiver)))
    }

    #[inline]
    pub fn wanted(&self, level: Level) -> bool {
        match &self.0 {
            None => wanted(level),
            Some((max, _)) => max.is_some_and(|max| level <= max),
        }
    }

    pub fn write(&self, level: Level, text: impl FnOnce() -> String) {
        match &self.0 {
            None => write(level, text),
            Some((_, receiver)) if self.wanted(level) => hand_over(receiver, level, &text()),
            Some(_) => {}
        }
    }
}

/// Messages from code in which no code of the application may run. They are written when it is dropped.
#[derive(Default)]
pub struct Notes {
    logger: Logger,
    /// The name of the connection.
    pub name: String,
    lines: Vec<(Level, String)>,
}

impl Notes {
    pub fn new(logger: Logger) -> Notes {
        Notes { logger, name: String::new(), lines: Vec::new() }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    #[inline]
    pub fn add(&mut self, level: Level, text: impl FnOnce() -> String) {
        if self.logger.wanted(level) {
            self.lines.push((level, format!("{}: {}", self.name, text())));
        }
    }

    /// Takes the messages so far.
    pub fn take(&mut self) -> Notes {
        if self.lines.is_empty() {
            return Notes::default();
        }
        Notes { logger: self.logger.clone(), name: String::new(), lines: std::mem::take(&mut self.lines) }
    }
}

impl Drop for Notes {
    fn drop(&mut self) {
        for (level, text) in self.lines.drain(..) {
            self.logger.write(level, || text);
        }
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

    /// Lets one test at a time use the log, which belongs to the process.
    pub(crate) fn alone() -> MutexGuard<'static, ()> {
        static TURN: Mutex<()> = Mutex::new(());
        TURN.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an action of a thread that runs a receiver.
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
        write(Level::Warn, || "two\nERROR \x1b[2J".into());
        write(Level::Info, || unreachable!("it is not wanted"));
        set(Some((Level::Debug, receiver("b"))));
        write(Level::Debug, || "three".into());
        set(None);
        write(Level::Error, || unreachable!("nobody listens"));
        assert_eq!(*heard.lock().unwrap(), ["a Error one", "a Warn two\\nERROR \\x1b[2J", "b Debug three"]);
        assert!(until(|| Arc::strong_count(&heard) == 1));
    }

    #[test]
    fn a_connection_has_its_own() {
        let _alone = alone();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = heard.clone();
        let receiver: Receiver = Arc::new(move |level, text| {
            sink.lock().unwrap().push(format!("{level:?} {text}"));
            write(Level::Error, || unreachable!("nothing comes from within a receiver"));
        });
        let logger = Logger::own(Some(Level::Info), receiver.clone());
        assert!(logger.wanted(Level::Info) && !logger.wanted(Level::Debug) && !Logger::default().wanted(Level::Error));
        logger.write(Level::Warn, || "one".into());
        logger.write(Level::Debug, || unreachable!("it is not wanted"));
        Logger::own(None, receiver).write(Level::Error, || unreachable!("it is mute"));
        let mut notes = Notes::new(logger);
        notes.name = "c".into();
        notes.add(Level::Info, || "two".into());
        notes.add(Level::Debug, || unreachable!("it is not wanted"));
        assert_eq!(heard.lock().unwrap().len(), 1);
        drop(notes.take());
        assert!(notes.is_empty());
        drop(notes);
        assert_eq!(*heard.lock().unwrap(), ["Warn one", "Info c: two"]);
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
