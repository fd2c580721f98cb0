//! Measures the silence of a peer: within a message, before its first message, or for long. It is measured on the
//! caller's clock, only at times when no received bytes are unread, so that a busy caller does not take its own delay
//! for the peer's.

use crate::config::Config;
use crate::error::Error;
use std::time::Duration;

/// The minimum number of bytes of a partial message within its time, unless it ends: 546 bytes a second with the
/// defaults. Large messages over slow lines pass; single bytes now and then do not keep a connection open.
pub(super) const PROGRESS: u64 = 16 << 10;

/// What was received so far.
#[derive(Clone, Copy)]
pub(super) struct Heard {
    /// Total number of bytes.
    pub bytes: u64,
    /// Total number of complete messages.
    pub messages: u64,
    /// A message has begun and is not complete.
    pub mid_message: bool,
    /// One side waits for a reply of the other.
    pub busy: bool,
}

impl Heard {
    /// Returns whether the options limit the silence in this state.
    #[inline]
    pub fn matters(&self, config: &Config) -> bool {
        self.mid_message
            || config.idle_timeout.is_some()
            || config.heartbeat.is_some()
            || config.first_message_timeout.is_some() && self.messages == 0
    }

    /// Returns the maximum time without progress in a message.
    fn message_time(&self, config: &Config) -> Option<Duration> {
        if self.messages == 0 { config.handshake_timeout } else { config.frame_timeout }
    }
}

#[derive(Clone, Copy, Default)]
pub(super) struct Silence {
    /// When measuring began.
    since: Option<Duration>,
    under_way: Option<Mark>,
    quiet: Option<Mark>,
    /// A PING was sent because of the silence.
    pinged: Option<Mark>,
}

/// What was received by a time.
#[derive(Clone, Copy)]
struct Mark {
    since: Duration,
    heard: Heard,
}

impl Silence {
    /// Begins to measure, on a clock that shows `now`.
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
        self.pinged = self.pinged.filter(|before| before.heard.bytes == heard.bytes && !heard.busy);
    }

    /// Returns whether a PING is to be sent now.
    pub fn wants_ping(&self, now: Duration, heard: Heard, config: &Config) -> bool {
        self.pinged.is_none() && self.until_ping(heard, config).is_some_and(|until| now >= until)
    }

    /// Begins to measure the time of the reply.
    pub fn pinged(&mut self, now: Duration, heard: Heard) {
        self.pinged = Some(Mark { since: now, heard });
    }

    /// Returns whether the partial message has had its time and no more of it is buffered.
    pub fn is_overdue(&self, now: Duration, heard: Heard, config: &Config) -> bool {
        self.until_message(heard, config).is_some_and(|until| now >= until)
    }

    /// Returns the error with which the connection must end, if no more input is available.
    pub fn verdict(&self, now: Duration, heard: Heard, config: &Config) -> Option<Error> {
        let over = |until: Option<Duration>| until.is_some_and(|until| now >= until);
        let why = if self.is_overdue(now, heard, config) {
            let seconds = heard.message_time(config).unwrap_or_default().as_secs_f64();
            let option = if heard.messages == 0 { "handshake_timeout" } else { "frame_timeout" };
            format!("a message was not continued for {seconds} s ({option})")
        } else if over(self.until_first_message(heard, config)) {
            "the peer sent no message in time (first_message_timeout)".to_owned()
        } else if over(self.until_idle(config)) {
            "the peer was idle for too long (idle_timeout)".to_owned()
        } else if over(self.until_pong(config)) {
            "the peer did not reply to a PING in time (heartbeat_timeout)".to_owned()
        } else {
            return None;
        };
        Some(Error::Limit(why))
    }

    /// Returns the earliest time at which `verdict` can fail, as far as it is known.
    pub fn deadline(&self, heard: Heard, config: &Config) -> Option<Duration> {
        let message = self.until_message(heard, config);
        let heartbeat = self.until_pong(config).or_else(|| self.until_ping(heard, config));
        let first = self.until_first_message(heard, config);
        message.into_iter().chain(first).chain(self.until_idle(config)).chain(heartbeat).min()
    }

    fn until_message(&self, heard: Heard, config: &Config) -> Option<Duration> {
        let mark = self.under_way.filter(|_| heard.mid_message)?;
        Some(mark.since.saturating_add(heard.message_time(config)?))
    }

    fn until_first_message(&self, heard: Heard, config: &Config) -> Option<Duration> {
        let time = config.first_message_timeout.filter(|_| heard.messages == 0)?;
        Some(self.since?.saturating_add(time))
    }

    /// A peer whose dialect is not known yet cannot be asked.
    fn until_ping(&self, heard: Heard, config: &Config) -> Option<Duration> {
        let heartbeat = config.heartbeat.filter(|_| heard.messages > 0)?;
        Some(self.quiet?.since.saturating_add(heartbeat))
    }

    fn until_pong(&self, config: &Config) -> Option<Duration> {
        Some(self.pinged?.since.saturating_add(config.heartbeat_timeout))
    }

    fn until_idle(&self, config: &Config) -> Option<Duration> {
        Some(self.quiet?.since.saturating_add(config.idle_timeout?))
    }
}
