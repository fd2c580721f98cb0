//! Signals that end the program.

use crate::failure::Failure;
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::time::{Duration, Instant};

/// Stack size of each new thread, equal to that of the main thread.
pub const STACK: usize = 8 << 20;
/// The exit code after SIGINT, as in shells.
pub const INTERRUPTED: u8 = 130;
/// A signal that is repeated within this time counts once: some programs signal a process and its group.
const SAME: Duration = Duration::from_millis(200);

/// Runs `end` in a new thread at the first of these signals. A second signal ends the program at once.
pub fn at_first(signals: &[i32], end: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let mut signals = Signals::new(signals)?;
    spawn("rpyc-signals", move || {
        let mut arriving = signals.forever();
        arriving.next();
        let first = Instant::now();
        if spawn("rpyc-ending", end).is_err() {
            leave(INTERRUPTED);
        }
        for _ in arriving {
            if first.elapsed() > SAME {
                leave(INTERRUPTED);
            }
        }
    })
}

/// Ends the program, because another thread may be blocked, for example by its output.
pub fn leave(code: u8) -> ! {
    low_level::exit(code.into())
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().name(name.into()).stack_size(STACK).spawn(run);
    thread.map(drop).map_err(|error| Failure::file("cannot start a thread", error))
}
