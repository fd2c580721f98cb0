//! Model of our threads: the real connections over the real transport in memory, run under shuttle, which decides at
//! each lock, wake-up and atomic who goes on. `docs/internals/architecture.md` has the table of states that is checked here.
//!
//! `make model` runs each scenario under 1500 schedules, `make model-long` under 20,000. A schedule
//! that fails is printed; with its text in the environment as MODEL_REPLAY, the same scenario runs it again, and with
//! SHUTTLE_CAPTURE_BACKTRACE=1 a deadlock says where each thread waits.

mod batches;
mod calls;
mod clock;
mod closing;
mod embedding;
mod fixture;
mod nesting;
mod pool;
mod releases;
mod resting;
mod results;
mod scheduler;
mod serving;
mod sleepers;
mod turns;
mod writing;
