//! Peers that fall silent: in the middle of a message, before their first one, or for long. What is looked at is a clock of the
//! host's, at moments when nothing of what the peer sent waits to be received: a host that was busy itself blames nobody.

use crate::config::Config;
use crate::error::Error;
use std::time::Duration;

/// A message that is under way brings at least this number of bytes within its time, or its end: 546 bytes a second with the defaults.
/// Large ones over slow lines go on; single bytes now and then do not keep a connection.
pub(super) const PROGRESS: u64 = 16 << 10;

/// What has come so far.
#[derive(Clone, Copy)]
pub(super) struct Heard {
    /// Bytes, in all.
    pub bytes: u64,
    /// Whole messages, in all.
    pub messages: u64,
    /// A message has begun, and its end is not here.
    pub mid_message: bool,
    /// One side waits for an answer of the other.
    pub busy: bool,
}

impl Heard {
    /// Is there anything that the clock could say?
    #[inline]
    pub fn matters(&self, config: &Config) -> bool {
        self.mid_message
            || config.idle_timeout.is_some()
            || config.first_message_timeout.is_some() && self.messages == 0
    }

    /// How long a message may take to go on.
    fn message_time(&self, config: &Config) -> Option<Duration> {
        if self.messages == 0 { config.handshake_timeout } else { config.frame_timeout }
    }
}

#[derive(Clone, Copy, Default)]
pub(super) struct Silence {
    /// Since when the host looks.
    since: Option<Duration>,
    under_way: Option<Mark>,
    quiet: Option<Mark>,
}

/// What had come at a time.
#[derive(Clone, Copy)]
struct Mark {
    since: Duration,
    heard: Heard,
}

impl Silence {
    /// Begins to count what is to be counted, on a clock that shows `now`.
    pub fn note(&mut self, now: Duration, heard: Heard) {
        let mark = Mark { since: now, heard };
        let goes_on =
            |before: &Mark| heard.messages != before.heard.messages || heard.bytes - before.heard.bytes >= PROGRESS;
        self.since.get_or_insert(now);
        self.under_way = match self.under_way {
            _ if !heard.mid_message => None,
            Some(before) if !goes_on(&before) => Some(before),
            _ => Some(mark),
        };
        self.quiet = match self.quiet {
            Some(before) if before.heard.bytes == heard.bytes && !heard.busy => Some(before),
            _ => Some(mark),
        };
    }

    /// Has the message that is under way had its time, if nothing more of it is here?
    pub fn is_overdue(&self, now: Duration, heard: Heard, config: &Config) -> bool {
        self.until_message(heard, config).is_some_and(|until| now >= until)
    }

    /// Why the connection is to end, if nothing more is here.
    pub fn verdict(&self, now: Duration, heard: Heard, config: &Config) -> Option<Error> {
        let over = |until: Option<Duration>| until.is_some_and(|until| now >= until);
        let why = if self.is_overdue(now, heard, config) {
            let seconds = heard.message_time(config).unwrap_or_default().as_secs_f64();
            let option = if heard.messages == 0 { "handshake_timeout" } else { "frame_timeout" };
            format!("a message that has begun does not go on for {seconds} s ({option})")
        } else if over(self.until_first_message(heard, config)) {
            "the peer has sent no message in time (first_message_timeout)".to_owned()
        } else if over(self.until_idle(config)) {
            "the peer has been idle for too long (idle_timeout)".to_owned()
        } else {
            return None;
        };
        Some(Error::Limit(why))
    }

    /// When there may be a verdict, as far as has been noted.
    pub fn deadline(&self, heard: Heard, config: &Config) -> Option<Duration> {
        let message = self.until_message(heard, config);
        message.into_iter().chain(self.until_first_message(heard, config)).chain(self.until_idle(config)).min()
    }

    fn until_message(&self, heard: Heard, config: &Config) -> Option<Duration> {
        let mark = self.under_way.filter(|_| heard.mid_message)?;
        Some(mark.since.saturating_add(heard.message_time(config)?))
    }

    fn until_first_message(&self, heard: Heard, config: &Config) -> Option<Duration> {
        let time = config.first_message_timeout.filter(|_| heard.messages == 0)?;
        Some(self.since?.saturating_add(time))
    }

    fn until_idle(&self, config: &Config) -> Option<Duration> {
        Some(self.quiet?.since.saturating_add(config.idle_timeout?))
    }
}
