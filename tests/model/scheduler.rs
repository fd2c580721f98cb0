//! Runs a scenario under many schedules, with a clock that goes on when nothing else can.

use rpyc::sync::clock;
use shuttle::scheduler::{
    PctScheduler, RandomScheduler, ReplayScheduler, Schedule, Scheduler, Task, TaskId,
    UncontrolledNondeterminismCheckScheduler,
};
use shuttle::{Config, MaxSteps, Runner};
use std::time::Duration;

/// The clock is the first thread that a scenario starts.
const CLOCK: usize = 1;
/// How often PCT changes its mind about which thread comes first.
const DEPTH: usize = 4;
const STACK: usize = 256 << 10;
const STEPS: usize = 200_000;

/// What time may do in a scenario.
#[derive(Clone, Copy)]
pub enum Time {
    /// None passes: each wait ends by a notification.
    Stands,
    /// It passes where nothing else is left to happen, but no more than this.
    Passes(Duration),
    /// So it does, and at any other moment too, as if all threads were slow.
    Races(Duration),
}

/// Lets the clock run when no other thread can, and, where time races, now and then.
struct Timed<S> {
    inner: S,
    races: bool,
    random: u64,
}

impl<S: Scheduler> Timed<S> {
    /// Once in 32 times.
    fn now_and_then(&mut self) -> bool {
        self.random = self.random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.random >> 59 == 0
    }
}

impl<S: Scheduler> Scheduler for Timed<S> {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.inner.new_execution()
    }

    fn next_task(&mut self, runnable: &[&Task], current: Option<TaskId>, is_yielding: bool) -> Option<TaskId> {
        let is_clock = |task: &&Task| usize::from(task.id()) == CLOCK;
        let Some(clock) = runnable.iter().copied().find(is_clock) else {
            return self.inner.next_task(runnable, current, is_yielding);
        };
        if runnable.len() == 1 || (self.races && self.now_and_then()) {
            return Some(clock.id());
        }
        let others: Vec<&Task> = runnable.iter().copied().filter(|task| !is_clock(task)).collect();
        self.inner.next_task(&others, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        self.inner.next_u64()
    }
}

fn schedules() -> usize {
    std::env::var("MODEL_SCHEDULES").ok().and_then(|text| text.parse().ok()).unwrap_or(1500)
}

fn run(scheduler: impl Scheduler + 'static, time: Time, scenario: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK;
    config.max_steps = MaxSteps::FailAfter(STEPS);
    config.silence_warnings = true;
    let end = match time {
        Time::Stands => Duration::ZERO,
        Time::Passes(end) | Time::Races(end) => end,
    };
    Runner::new(scheduler, config).run(move || clock::run(end, &scenario));
}

/// Checks a scenario: half of the schedules choose freely at each step, half change between threads rarely but at the
/// worst places (PCT).
pub fn check(time: Time, scenario: impl Fn() + Send + Sync + Copy + 'static) {
    if let Ok(schedule) = std::env::var("MODEL_REPLAY") {
        return run(ReplayScheduler::new_from_encoded(&schedule), time, scenario);
    }
    let races = matches!(time, Time::Races(_));
    let count = schedules().div_ceil(2);
    // First of all: the same schedule twice is the same run, so that a failure can be seen again.
    let twice = Timed { inner: RandomScheduler::new(count.div_ceil(20)), races, random: 0 };
    run(UncontrolledNondeterminismCheckScheduler::new(twice), time, scenario);
    run(Timed { inner: RandomScheduler::new(count), races, random: 1 }, time, scenario);
    run(Timed { inner: PctScheduler::new(DEPTH, count), races, random: 2 }, time, scenario);
}
