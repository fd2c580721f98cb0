//! What reads bytes of strangers (fuzz/), for some seconds, with inputs that are the same in every run. `make fuzz` goes on longer,
//! and looks for ways that were not gone yet. The allocator counts, so this file has its process to itself.

#[path = "../fuzz/src/lib.rs"]
mod fuzz;

use fuzz::inputs::Random;
use fuzz::{TARGETS, Target};
use std::alloc::{GlobalAlloc, Layout, System};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// No input may make more of itself than this: limits of a megabyte, for the values and for what is said about them.
const MOST: usize = 16 << 20;
/// For one input, of the processor's time: one that makes thousands of short waits takes minutes on a machine that is busy with
/// other things, for each of them gives the processor away.
const PATIENCE: Duration = Duration::from_secs(60);
/// For one that waits and does nothing.
const ASLEEP: Duration = Duration::from_secs(600);

/// What the threads of this process have taken of the processor's time.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").expect("the kernel tells it");
    // Behind the name of the program, which may hold anything: user and system time in hundredths of a second.
    let rest = text.rsplit_once(") ").expect("the name stands in brackets").1;
    let ticks: u64 = rest.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// Ends the process, with a word, when an input takes for ever: nothing else can end a loop.
fn watch(input: Arc<Mutex<(&'static str, Vec<u8>)>>, count: Arc<AtomicU64>) {
    std::thread::spawn(move || {
        let (mut last, mut since, mut had) = (0, Instant::now(), worked());
        loop {
            std::thread::sleep(Duration::from_millis(200));
            let now = count.load(Ordering::Relaxed);
            if now != last {
                (last, since, had) = (now, Instant::now(), worked());
            } else if worked().saturating_sub(had) > PATIENCE || since.elapsed() > ASLEEP {
                let (target, bytes) = &*input.lock().unwrap();
                eprintln!("{target} does not come to an end with {}", hex(bytes));
                std::process::abort();
            }
        }
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("FUZZ_INPUT is hex");
    (0..text.len()).step_by(2).map(byte).collect()
}

fn one(target: &Target, bytes: &[u8]) {
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(bytes)));
    assert!(outcome.is_ok(), "{} panics with {}", target.name, hex(bytes));
    let grown = PEAK.load(Ordering::Relaxed) - before;
    assert!(grown < MOST, "{} takes {grown} bytes with {}", target.name, hex(bytes));
}

#[test]
fn bytes_of_strangers() {
    let asked = std::env::var("FUZZ_ROUNDS").ok().map(|text| text.parse().expect("FUZZ_ROUNDS is a number"));
    let only = std::env::var("FUZZ_TARGET").ok();
    // A seed in place of the target's own, as the messages of this test show it.
    let given = std::env::var("FUZZ_INPUT").ok().map(|text| unhex(&text));
    let (input, count) = (Arc::new(Mutex::new(("", Vec::new()))), Arc::new(AtomicU64::new(0)));
    watch(input.clone(), count.clone());
    for target in TARGETS.iter().filter(|target| only.as_deref().is_none_or(|name| name == target.name)) {
        let (started, rounds) = (Instant::now(), asked.unwrap_or(target.short));
        let seeds = given.clone().map_or_else(target.seeds, |input| vec![input]);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut slowest = (Duration::ZERO, 0);
        for round in 0..seeds.len() + rounds {
            let bytes = seeds.get(round).cloned().unwrap_or_else(|| random.mutant(&seeds));
            *input.lock().unwrap() = (target.name, bytes.clone());
            let began = Instant::now();
            one(target, &bytes);
            slowest = slowest.max((began.elapsed(), round));
            count.fetch_add(1, Ordering::Relaxed);
        }
        let (name, (most, round)) = (target.name, slowest);
        println!(
            "{name}: {} seeds, {rounds} mutants, {:.1?}; input {round} took {most:.1?}",
            seeds.len(),
            started.elapsed()
        );
    }
}

/// libFuzzer has a program for each target, and none besides.
#[test]
fn every_target_has_its_program() {
    let manifest = include_str!("../fuzz/Cargo.toml");
    let mut programs: Vec<_> = manifest
        .split("[[bin]]")
        .skip(1)
        .filter_map(|part| part.split('"').nth(1))
        .filter(|name| *name != "seeds")
        .collect();
    let mut targets: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    programs.sort();
    targets.sort();
    assert_eq!(programs, targets);
    for name in targets {
        let path = format!("{}/fuzz/fuzz_targets/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        assert!(std::path::Path::new(&path).exists(), "{path} is missing");
    }
}
