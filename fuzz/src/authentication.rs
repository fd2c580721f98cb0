//! The authentication by a shared secret, against a peer that does not know it.

use rpyc::authentication::{Opening, User, secret};
use rpyc::error::{Error, Result};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A stream that holds the input and then ends.
struct Recorded {
    input: Mutex<Vec<u8>>,
    /// The number of bytes written.
    written: Mutex<usize>,
    server: bool,
}

impl Opening for Recorded {
    fn read(&self, room: &mut [u8]) -> Result<()> {
        let mut input = self.input.lock().expect("one thread");
        if input.len() < room.len() {
            return Err(Error::Authentication("the end".into()));
        }
        let rest = input.split_off(room.len());
        room.copy_from_slice(&input);
        *input = rest;
        Ok(())
    }

    fn write(&self, bytes: &[u8]) -> Result<()> {
        *self.written.lock().expect("one thread") += bytes.len();
        Ok(())
    }

    fn time_left(&self) -> Option<Duration> {
        None
    }

    fn is_server(&self) -> bool {
        self.server
    }

    fn peer_name(&self) -> String {
        "recorded".into()
    }

    fn user(&self) -> Option<User> {
        None
    }

    fn certificate(&self) -> Option<Vec<u8>> {
        None
    }
}

/// The first byte selects the side; the rest is what the peer sends. It is never accepted, and a server proves nothing
/// to it.
pub fn opening(data: &[u8]) {
    let Some((side, input)) = data.split_first() else { return };
    let server = side & 1 == 0;
    let stream = Arc::new(Recorded { input: Mutex::new(input.to_vec()), written: Mutex::new(0), server });
    let opening: Arc<dyn Opening> = stream.clone();
    let authenticator = secret::authenticator(b"sixteen letters.").expect("long enough");
    let outcome = authenticator(&opening);
    assert!(matches!(outcome, Err(Error::Authentication(_))), "{outcome:?}");
    let written = *stream.written.lock().expect("one thread");
    let hello = 46;
    assert!(if server { written <= hello } else { written == hello || written == hello + 32 }, "{written} bytes");
}
