//! Repeats attempts to connect for a limited time, with growing pauses.

use crate::error::{Error, Result};
use crate::sync::Instant;
use crate::transport::Address;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// The first pause, and the longest one.
pub const FIRST_PAUSE: Duration = Duration::from_millis(50);
pub const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Calls `attempt` until it succeeds, fails for good, or the time is over. Each attempt resolves the host anew. Of
/// the application only an authenticator may have run on a connection whose attempt failed.
pub(super) fn repeat<T>(address: &Address, time: Option<Duration>, attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let sleep = |pause| {
        std::thread::sleep(pause);
        Ok(())
    };
    repeat_by(address, time, sleep, attempt)
}

/// The same, with `sleep` for the pauses. Its error ends the attempts.
pub(super) fn repeat_by<T>(
    address: &Address,
    time: Option<Duration>,
    mut sleep: impl FnMut(Duration) -> Result<()>,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let Some(time) = time.filter(|_| address.can_connect_again()) else { return attempt() };
    // None: the deadline is not representable, so there is none.
    let deadline = Instant::now().checked_add(time);
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match attempt() {
            Err(error) if may_pass(&error) => error,
            done => return done,
        };
        let left = deadline.map_or(LONGEST_PAUSE, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err(error);
        }
        sleep(with_jitter(pause).min(left))?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Returns whether a server that is being started, or is busy, may be the reason.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Connect { .. } | Error::Timeout(_) | Error::Eof(_))
}

/// Takes off up to a half, so that many clients do not come at once.
pub fn with_jitter(pause: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish() as u32;
    pause / 2 + pause / 2 * (random >> 16) / (1 << 16)
}

#[cfg(all(test, not(feature = "model")))]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_shortened_by_up_to_a_half() {
        for pause in [FIRST_PAUSE, LONGEST_PAUSE] {
            for _ in 0..100 {
                let time = with_jitter(pause);
                assert!(time >= pause / 2 && time < pause, "{time:?}");
            }
        }
    }

    #[test]
    fn only_passing_failures_are_repeated() {
        let address: Address = "tcp://127.0.0.1:1".parse().unwrap();
        let time = Some(Duration::from_secs(60));
        let mut attempts = 0;
        let found = repeat(&address, time, || {
            attempts += 1;
            if attempts < 3 { Err(Error::Eof("it is being started".into())) } else { Ok(attempts) }
        });
        assert_eq!(found.unwrap(), 3);
        let failed = repeat(&address, time, || Err::<(), _>(Error::Dialect("another protocol".into())));
        assert!(matches!(failed, Err(Error::Dialect(_))));
        let failed = repeat(&address, None, || Err::<(), _>(Error::Eof("once".into())));
        assert!(matches!(failed, Err(Error::Eof(_))));
        let command = Address::Exec("true".into());
        let failed = repeat(&command, time, || Err::<(), _>(Error::Eof("a command runs once".into())));
        assert!(matches!(failed, Err(Error::Eof(_))));
    }

    #[test]
    fn the_last_error_is_returned_when_the_time_is_over() {
        let address: Address = "tcp://127.0.0.1:1".parse().unwrap();
        let mut attempts = 0;
        let failed = repeat(&address, Some(Duration::from_millis(60)), || {
            attempts += 1;
            Err::<(), _>(Error::Timeout(format!("attempt {attempts}")))
        });
        let Err(Error::Timeout(text)) = failed else { panic!("{failed:?}") };
        assert!(attempts >= 2 && text == format!("attempt {attempts}"));
    }
}
