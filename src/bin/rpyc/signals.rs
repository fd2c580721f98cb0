//! Signals that ask the program to end.

use crate::failure::Failure;
use signal_hook::iterator::Signals;
use signal_hook::low_level;
use std::time::{Duration, Instant};

/// The stack of each thread that is started, as large as that of the first.
pub const STACK: usize = 8 << 20;
/// The exit code of a program that SIGINT ended, as shells have it.
pub const INTERRUPTED: u8 = 130;
/// What comes again within this time is the same request: some programs send a signal to a process and to its group.
const SAME: Duration = Duration::from_millis(200);

/// At the first of these signals `end` runs, in a thread of its own. A second signal ends the program at once.
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

/// Ends the program where it stands: whoever waits for something, as for room in the output, may wait for ever.
pub fn leave(code: u8) -> ! {
    low_level::exit(code.into())
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().name(name.into()).stack_size(STACK).spawn(run);
    thread.map(drop).map_err(|error| Failure::file("cannot start a thread", error))
}
