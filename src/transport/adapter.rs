//! Makes a transport of a stream that never blocks: callbacks of the application, or TLS. The adapter adds what such a
//! stream lacks: one caller at a time, waiting until it can continue, and a test for input.

use super::steps::{Direction, Step, Stream};
use super::{Ready, TICK, Transport};
use crate::error::Error;
use crate::sync::{Instant, Mutex, lock};
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Maximum size of one read onto the buffer, and of short parts gathered for one write.
const CHUNK: usize = 16 << 10;
/// Number of bytes read to test for input.
const LOOK: usize = 4096;
/// Means "no limit".
const FOR_EVER: Duration = Duration::MAX;
/// Number of consecutive calls of a stream that reports to be ready, but is not, before the adapter pauses.
const IN_VAIN: u32 = 16;

/// The base of a stream. Every function may be called from any thread at any time.
pub trait Base: Send + Sync {
    /// Waits at most `timeout` until a requested direction is ready. May return early.
    fn wait(&self, read: bool, write: bool, timeout: Duration) -> io::Result<Ready>;

    /// As `Transport::await_input`. May return early.
    fn await_input(&self, timeout: Duration);

    /// As in `Transport`.
    fn interrupt(&self);
    fn hang_bell(&self) {}
    fn ring(&self) {}
    fn shutdown(&self);
    fn fileno(&self) -> Option<RawFd>;
    fn write_fileno(&self) -> Option<RawFd>;
    fn peer_name(&self) -> String;
    fn local_name(&self) -> String;
    fn is_under_way(&self) -> bool {
        false
    }
    fn quick_ack(&self) {}
    fn set_keepalive(&self, _idle: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

pub(crate) struct Adapter<S, B> {
    // Dropped before the base that it uses.
    state: Mutex<State<S>>,
    base: B,
    down: AtomicBool,
    failure: OnceLock<String>,
}

struct State<S> {
    stream: S,
    /// The bytes that were read to test for input, from `taken` on.
    ahead: Vec<u8>,
    taken: usize,
    /// Set after the end or a failure, for reading and for writing.
    ended: bool,
    broken: bool,
    /// The direction that reading waits for, and the one that writing waits for, if it does.
    read_needs: Direction,
    write_needs: Option<Direction>,
}

impl<S: Stream, B: Base> Adapter<S, B> {
    pub(crate) fn new(stream: S, base: B) -> Adapter<S, B> {
        let state = State {
            stream,
            ahead: Vec::new(),
            taken: 0,
            ended: false,
            broken: false,
            read_needs: Direction::Read,
            write_needs: None,
        };
        Adapter { state: Mutex::new(state), base, down: AtomicBool::new(false), failure: OnceLock::new() }
    }

    fn is_down(&self) -> bool {
        self.down.load(Ordering::Acquire)
    }

    fn failed(&self, error: &io::Error) {
        // A failure after the shutdown is not a reason of the end.
        if !self.is_down() {
            let _ = self.failure.set(error.to_string());
        }
    }

    /// Reads from the stream once.
    fn read(&self, state: &mut State<S>, room: &mut [u8]) -> io::Result<usize> {
        if self.is_down() || state.ended {
            return Ok(0);
        }
        match state.stream.read(room) {
            Step::Done(n) if n > 0 => Ok(n.min(room.len())),
            Step::Want(direction) => {
                state.read_needs = direction;
                Err(ErrorKind::WouldBlock.into())
            }
            Step::Done(_) | Step::End => {
                state.ended = true;
                Ok(0)
            }
            Step::Failed(error) => {
                state.ended = true;
                state.broken = true;
                self.failed(&error);
                Err(error)
            }
        }
    }

    /// Receives what is available, into `room` or onto `buf`.
    fn receive(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let ahead = state.ahead.get(state.taken..).unwrap_or(&[]);
        if !ahead.is_empty() {
            let (for_room, rest) = ahead.split_at(ahead.len().min(room.len()));
            let for_buf = rest.get(..max.min(rest.len())).unwrap_or(&[]);
            room.iter_mut().zip(for_room).for_each(|(place, byte)| *place = *byte);
            buf.extend_from_slice(for_buf);
            let n = for_room.len() + for_buf.len();
            state.taken += n;
            if state.taken == state.ahead.len() {
                state.ahead.clear();
                state.taken = 0;
            }
            return Ok(n);
        }
        if !room.is_empty() {
            return self.read(state, room);
        }
        let before = buf.len();
        buf.resize(before + max.min(CHUNK), 0);
        let received = self.read(state, buf.get_mut(before..).unwrap_or(&mut []));
        buf.truncate(before + received.as_ref().copied().unwrap_or(0));
        received
    }

    /// Returns the directions that are ready, and whether the others wait for reading or writing of the base.
    fn look(&self, read: bool, write: bool) -> (Ready, bool, bool) {
        let mut state = lock(&self.state);
        let state = &mut *state;
        let down = self.is_down();
        let mut needs = (false, false);
        let mut add = |direction| match direction {
            Direction::Read => needs.0 = true,
            Direction::Write => needs.1 = true,
        };
        let mut ready = Ready::default();
        if read {
            ready.read = down || state.ended || state.taken < state.ahead.len();
            if !ready.read {
                let mut ahead = std::mem::take(&mut state.ahead);
                ahead.resize(LOOK, 0);
                let received = self.read(state, &mut ahead);
                ahead.truncate(received.as_ref().copied().unwrap_or(0));
                state.ahead = ahead;
                state.taken = 0;
                match received {
                    Err(e) if e.kind() == ErrorKind::WouldBlock => add(state.read_needs),
                    _ => ready.read = true,
                }
            }
        }
        if write {
            ready.write = down || state.broken || state.write_needs.is_none();
            state.write_needs.filter(|_| !ready.write).into_iter().for_each(add);
        }
        (ready, needs.0, needs.1)
    }

    /// Notes that directions of the base are ready.
    fn found(&self, below: Ready) {
        let mut state = lock(&self.state);
        match state.write_needs {
            Some(Direction::Read) if below.read => state.write_needs = None,
            Some(Direction::Write) if below.write => state.write_needs = None,
            _ => {}
        }
    }
}

impl<S: Stream, B: Base> Transport for Adapter<S, B> {
    fn open_now(&self) -> io::Result<Option<Ready>> {
        match lock(&self.state).stream.begin() {
            None => Ok(None),
            Some(Step::Failed(error)) => {
                self.failed(&error);
                Err(error)
            }
            Some(Step::Want(Direction::Write)) => Ok(Some(Ready { read: false, write: true })),
            Some(Step::Want(Direction::Read) | Step::Done(_)) => Ok(Some(Ready { read: true, write: false })),
            Some(Step::End) => Err(ErrorKind::UnexpectedEof.into()),
        }
    }

    fn open(&self, timeout: Option<Duration>) -> io::Result<()> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            let step = lock(&self.state).stream.begin();
            let (read, write) = match step {
                None => return Ok(()),
                Some(Step::Failed(error)) => {
                    self.failed(&error);
                    return Err(error);
                }
                Some(_) if self.is_down() => return Err(ErrorKind::NotConnected.into()),
                Some(Step::Want(direction)) => (direction == Direction::Read, direction == Direction::Write),
                Some(Step::Done(_) | Step::End) => return Err(ErrorKind::UnexpectedEof.into()),
            };
            let left = end.map_or(TICK, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                let text = format!("no TLS handshake within {} s", timeout.unwrap_or_default().as_secs_f64());
                return Err(io::Error::new(ErrorKind::TimedOut, text));
            }
            self.base.wait(read, write, left.min(TICK))?;
        }
    }

    fn certificate(&self) -> Option<Vec<u8>> {
        lock(&self.state).stream.certificate()
    }

    fn recv(&self, buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        self.recv_into(&mut [], buf, max, wait)
    }

    fn recv_into(&self, room: &mut [u8], buf: &mut Vec<u8>, max: usize, wait: bool) -> io::Result<usize> {
        let mut end = None;
        loop {
            match self.receive(room, buf, max) {
                Err(e) if wait && e.kind() == ErrorKind::WouldBlock => {}
                received => return received,
            }
            // A caller that asks to wait relies on the whole tick.
            let now = Instant::now();
            let left = end.get_or_insert_with(|| now + TICK).saturating_duration_since(now);
            if left.is_zero() {
                return Err(ErrorKind::WouldBlock.into());
            }
            self.poll(true, false, Some(left))?;
        }
    }

    fn holds_input(&self) -> bool {
        self.look(true, false).0.read
    }

    fn shows_input(&self) -> bool {
        let needs = {
            let mut state = lock(&self.state);
            if self.is_down() || state.ended || state.taken < state.ahead.len() || state.stream.holds_data() {
                return true;
            }
            state.read_needs
        };
        // Reading from the stream would take the input from the base, where another thread may wait for it.
        let write = needs == Direction::Write;
        self.base.wait(!write, write, Duration::ZERO).is_ok_and(|ready| ready.any())
    }

    fn send(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = lock(&self.state);
        let mut gathered = Vec::new();
        let mut sent = 0;
        loop {
            let bytes = next_bytes(bufs, sent, &mut gathered);
            if bytes.is_empty() {
                return Ok(sent);
            }
            if self.is_down() || state.broken {
                return Err(ErrorKind::BrokenPipe.into());
            }
            let error = match state.stream.write(bytes) {
                Step::Done(n) if n > 0 => {
                    sent += n.min(bytes.len());
                    continue;
                }
                Step::Want(direction) => {
                    state.write_needs = Some(direction);
                    ErrorKind::WouldBlock.into()
                }
                Step::Done(_) | Step::End => {
                    state.broken = true;
                    ErrorKind::BrokenPipe.into()
                }
                Step::Failed(error) => {
                    state.broken = true;
                    self.failed(&error);
                    error
                }
            };
            return if sent > 0 { Ok(sent) } else { Err(error) };
        }
    }

    fn poll(&self, read: bool, write: bool, timeout: Option<Duration>) -> io::Result<Ready> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let mut in_vain = 0;
        loop {
            let (ready, below_read, below_write) = self.look(read, write);
            if ready.any() {
                return Ok(ready);
            }
            let left = end.map_or(FOR_EVER, |end| end.saturating_duration_since(Instant::now()));
            let below = self.base.wait(below_read, below_write, left.min(TICK))?;
            if below.any() {
                self.found(below);
                in_vain += 1;
            }
            if left <= TICK && (!below.any() || left.is_zero() && in_vain > 1) && !self.is_down() {
                return Ok(Ready::default());
            }
            if in_vain > IN_VAIN {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn await_input(&self, timeout: Duration) {
        let (ready, _, below_write) = self.look(true, false);
        if ready.read {
            return;
        }
        if below_write {
            // It waits for room first, which a bell cannot interrupt.
            let _ = self.base.wait(true, true, timeout.min(Duration::from_millis(10)));
            return;
        }
        self.base.await_input(timeout);
    }

    fn interrupt(&self) {
        self.base.interrupt();
    }

    fn hang_bell(&self) {
        self.base.hang_bell();
    }

    fn ring(&self) {
        self.base.ring();
    }

    fn shutdown(&self) {
        if !self.down.swap(true, Ordering::AcqRel) {
            if let Some(mut state) = crate::sync::try_lock(&self.state) {
                if !state.broken {
                    state.stream.end();
                }
            }
        }
        self.base.shutdown();
    }

    fn is_under_way(&self) -> bool {
        self.base.is_under_way()
    }

    fn failure(&self) -> Option<Error> {
        self.failure.get().map(|why| Error::Eof(format!("the stream failed: {why}")))
    }

    fn fileno(&self) -> Option<RawFd> {
        self.base.fileno()
    }

    fn write_fileno(&self) -> Option<RawFd> {
        self.base.write_fileno()
    }

    fn peer_name(&self) -> String {
        self.base.peer_name()
    }

    fn local_name(&self) -> String {
        self.base.local_name()
    }

    fn quick_ack(&self) {
        self.base.quick_ack();
    }

    fn set_keepalive(&self, idle: Option<Duration>) -> io::Result<()> {
        self.base.set_keepalive(idle)
    }
}

/// Returns the bytes of `bufs` from `start` on that are to be written at once. Short parts are gathered.
fn next_bytes<'a>(bufs: &'a [IoSlice<'_>], start: usize, gathered: &'a mut Vec<u8>) -> &'a [u8] {
    let mut skip = start;
    gathered.clear();
    for (at, buf) in bufs.iter().enumerate() {
        let rest = buf.get(skip.min(buf.len())..).unwrap_or(&[]);
        skip = skip.saturating_sub(buf.len());
        if rest.is_empty() {
            continue;
        }
        if gathered.is_empty() && (rest.len() >= CHUNK || at + 1 == bufs.len()) {
            return rest;
        }
        gathered.extend_from_slice(rest.get(..CHUNK - gathered.len()).unwrap_or(rest));
        if gathered.len() == CHUNK {
            break;
        }
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// A stream that takes what its base shows.
    struct Taking(Arc<AtomicBool>);

    impl Stream for Taking {
        fn read(&mut self, _: &mut [u8]) -> Step {
            if self.0.swap(false, Ordering::SeqCst) { Step::Done(1) } else { Step::Want(Direction::Read) }
        }

        fn write(&mut self, _: &[u8]) -> Step {
            Step::Want(Direction::Write)
        }
    }

    struct Showing(Arc<AtomicBool>);

    impl Base for Showing {
        fn wait(&self, read: bool, _: bool, _: Duration) -> io::Result<Ready> {
            Ok(Ready { read: read && self.0.load(Ordering::SeqCst), write: false })
        }

        fn await_input(&self, _: Duration) {}
        fn interrupt(&self) {}
        fn shutdown(&self) {}

        fn fileno(&self) -> Option<RawFd> {
            None
        }

        fn write_fileno(&self) -> Option<RawFd> {
            None
        }

        fn peer_name(&self) -> String {
            String::new()
        }

        fn local_name(&self) -> String {
            String::new()
        }
    }

    #[test]
    fn a_look_leaves_input_to_the_thread_that_waits_for_it() {
        let arrived = Arc::new(AtomicBool::new(false));
        let adapter = Adapter::new(Taking(arrived.clone()), Showing(arrived.clone()));
        assert!(!adapter.shows_input());
        arrived.store(true, Ordering::SeqCst);
        assert!(adapter.shows_input() && arrived.load(Ordering::SeqCst));
        // Taken, but not received yet.
        assert!(adapter.holds_input() && !arrived.load(Ordering::SeqCst));
        assert!(adapter.shows_input());
        assert_eq!(adapter.recv(&mut Vec::new(), 8, false).unwrap(), 1);
        assert!(!adapter.shows_input());
    }

    #[test]
    fn short_parts_are_gathered_and_long_ones_are_not_copied() {
        let long = vec![7; CHUNK];
        let bufs =
            [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cd"), IoSlice::new(&long), IoSlice::new(b"z")];
        let mut gathered = Vec::new();
        let first = next_bytes(&bufs, 0, &mut gathered).to_vec();
        assert_eq!(first, [&b"abcd"[..], &long[4..]].concat());
        assert_eq!(next_bytes(&bufs, 3, &mut gathered)[..1], b"d"[..]);
        assert_eq!(next_bytes(&bufs, 4, &mut gathered).as_ptr(), long.as_ptr());
        assert_eq!(next_bytes(&bufs, 5, &mut gathered).len(), CHUNK);
        assert_eq!(next_bytes(&bufs, CHUNK + 4, &mut gathered), b"z");
        assert_eq!(next_bytes(&bufs, CHUNK + 5, &mut gathered), b"");
    }
}
