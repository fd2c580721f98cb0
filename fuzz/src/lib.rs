//! What reads bytes and texts of strangers, and what programs do with the C interface, each as a function that takes any bytes: it
//! must not panic, hang or take memory beyond its limits, and what it understood it must be able to write and read again. libFuzzer drives these (`make fuzz`), and
//! tests/fuzz.rs does for a short time, always with the same inputs.

pub mod authentication;
pub mod calls;
pub mod codecs;
pub mod connections;
pub mod inputs;
pub mod requests;
pub mod sessions;
pub mod texts;

pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Where to begin: inputs that mean something.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Inputs of the short run in tests/fuzz.rs: about a second for each target.
    pub short: usize,
}

pub const TARGETS: &[Target] = &[
    Target { name: "brine", run: codecs::brine, seeds: inputs::brine, short: 60000 },
    Target { name: "frames", run: codecs::frames, seeds: inputs::frames, short: 40000 },
    Target { name: "pickle", run: codecs::pickle, seeds: inputs::pickle, short: 60000 },
    Target { name: "native", run: codecs::native, seeds: inputs::native, short: 60000 },
    Target { name: "session", run: sessions::stream, seeds: inputs::stream, short: 25000 },
    Target { name: "messages", run: sessions::messages, seeds: inputs::messages, short: 20000 },
    Target { name: "connection", run: connections::served, seeds: inputs::connection, short: 12000 },
    Target { name: "requests", run: requests::connection, seeds: inputs::requests, short: 2000 },
    Target { name: "bare", run: requests::session, seeds: inputs::requests, short: 2000 },
    Target { name: "calls", run: calls::sequence, seeds: inputs::requests, short: 300 },
    Target { name: "authentication", run: authentication::opening, seeds: inputs::openings, short: 40000 },
    Target { name: "addresses", run: texts::addresses, seeds: inputs::addresses, short: 40000 },
    Target { name: "signatures", run: texts::signatures, seeds: inputs::signatures, short: 40000 },
    Target { name: "options", run: texts::options, seeds: inputs::options, short: 40000 },
];
