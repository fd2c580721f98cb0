//! `rpyc ping`: checks that the peer replies, and prints its latency and protocol.

use crate::command_line::{ConnectionOptions, Parser, Word, missing, next, number, seconds, surplus, unknown};
use crate::failure::{self, Failure, Outcome};
use crate::{help, json, peer, show, signals};
use rpyc::{Connection, Dialect, Error};
use serde::Serialize;
use signal_hook::consts::SIGINT;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

struct Options {
    connection: ConnectionOptions,
    /// 0: until interrupted.
    count: u64,
    interval: Duration,
    size: usize,
    wait: Duration,
    json: bool,
}

/// A document of `--json`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Told<'p> {
    Connected {
        address: &'p str,
        peer: &'p str,
        protocol: Option<u8>,
        native: bool,
        ms: f64,
    },
    Reply {
        seq: u64,
        bytes: usize,
        ms: f64,
    },
    Lost {
        seq: u64,
        after_ms: f64,
    },
    Summary {
        address: &'p str,
        sent: u64,
        received: usize,
        min_ms: Option<f64>,
        avg_ms: Option<f64>,
        max_ms: Option<f64>,
        deviation_ms: Option<f64>,
    },
}

/// Time for a pending reply after an interruption.
const LAST_ANSWER: Duration = Duration::from_secs(1);
/// Size of a message without its data.
const ENVELOPE: usize = 64;

/// Statistics of round trips, in seconds.
#[derive(Default)]
struct Statistics {
    sent: u64,
    times: Vec<f64>,
    json: bool,
    /// Set by whichever prints first: the end or the interruption.
    told: bool,
}

/// State for the interruption.
#[derive(Default)]
struct Progress {
    connected: AtomicBool,
    interrupted: AtomicBool,
    statistics: Mutex<Statistics>,
}

impl Progress {
    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    fn statistics(&self) -> MutexGuard<'_, Statistics> {
        self.statistics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub fn run(parser: &mut Parser) -> Outcome {
    let mut options = Options {
        connection: ConnectionOptions::default(),
        count: 4,
        interval: Duration::from_secs(1),
        size: 56,
        wait: Duration::from_secs(5),
        json: parser.json,
    };
    let mut address = None;
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) if address.is_none() => address = Some(text),
            Word::Value(text) => return Err(surplus(parser, &text)),
            Word::Option(option) => match option.as_str() {
                "-h" | "--help" => return help::of(parser),
                "-c" | "--count" => options.count = number(parser, &option)?,
                "-i" | "--interval" => options.interval = seconds(parser, &option)?,
                "-s" | "--size" => options.size = number(parser, &option)?,
                "-W" | "--wait" => options.wait = seconds(parser, &option)?,
                _ if options.connection.take(&option, parser)? => {}
                _ => return Err(unknown(&option)),
            },
        }
    }
    let address = peer::address(&address.ok_or_else(|| missing("the address", parser))?, None)?;
    let most = options.connection.config.get("max_frame")?.parse().unwrap_or(usize::MAX).saturating_sub(ENVELOPE);
    if options.size > most {
        return Err(Failure::usage(format!("--size: expected at most {most}, got {}", options.size))
            .hint("the reply is one message; -o max_frame=BYTES accepts a larger one"));
    }
    // An interruption prints the statistics.
    let progress = Arc::new(Progress::default());
    progress.statistics().json = options.json;
    signals::at_first(&[SIGINT], {
        let (progress, address) = (progress.clone(), address.to_string());
        move || interrupt(&progress, &address)
    })?;

    let started = Instant::now();
    let connection = peer::connect(&address, &options.connection.config)?;
    let connected = started.elapsed();
    tell_connected(&connection, &options, &address.to_string(), millis(connected))?;
    progress.connected.store(true, Ordering::Relaxed);
    let outcome = ping_all(&connection, &options, &progress);
    let mut statistics = progress.statistics();
    statistics.print(&address.to_string())?;
    outcome?;
    Ok(statistics.code())
}

fn tell_connected(connection: &Connection, options: &Options, address: &str, ms: f64) -> Result<(), Failure> {
    let peer = connection.peer_name();
    if options.json {
        let protocol = match connection.dialect() {
            Dialect::V5 => Some(5),
            Dialect::V6 => Some(6),
            Dialect::Auto => None,
        };
        return json::print(&Told::Connected { address, peer: &peer, protocol, native: connection.is_native(), ms });
    }
    // Detected, or set with --dialect.
    let speaks = if options.connection.config.get("dialect")? == "auto" { "speaks" } else { "is addressed in" };
    let dialect = peer::dialect(connection);
    show::line(format_args!("PING {address}: connected in {ms:.3} ms, {peer} {speaks} {dialect}"))
}

/// Ends the program if it is waiting for the server.
fn interrupt(progress: &Progress, address: &str) {
    progress.interrupted.store(true, Ordering::Relaxed);
    if !progress.connected.load(Ordering::Relaxed) {
        show::complain(format_args!("rpyc ping: interrupted before {address} replied"));
        signals::leave(signals::INTERRUPTED);
    }
    std::thread::sleep(LAST_ANSWER);
    let mut statistics = progress.statistics();
    let code = match statistics.print(address) {
        Ok(()) => statistics.code(),
        Err(failure) => failure.code,
    };
    signals::leave(code);
}

fn ping_all(connection: &Connection, options: &Options, progress: &Progress) -> Result<(), Failure> {
    let data: Vec<u8> = (b'a'..=b'z').cycle().take(options.size).collect();
    let mut seq = 0;
    while (options.count == 0 || seq < options.count) && !progress.is_interrupted() {
        if seq > 0 {
            rest(options.interval, progress);
            if progress.is_interrupted() {
                break;
            }
        }
        seq += 1;
        progress.statistics().sent = seq;
        let started = Instant::now();
        match connection.ping(&data, Some(options.wait)) {
            Ok(()) => {
                let time = started.elapsed();
                progress.statistics().times.push(time.as_secs_f64());
                let (bytes, ms) = (options.size, millis(time));
                if options.json {
                    json::print(&Told::Reply { seq, bytes, ms })?;
                } else {
                    show::line(format_args!("{bytes} bytes: seq={seq} time={ms:.3} ms"))?;
                }
            }
            Err(Error::Timeout(_)) if options.json => {
                json::print(&Told::Lost { seq, after_ms: millis(options.wait) })?;
            }
            Err(Error::Timeout(_)) => {
                show::line(format_args!("no reply in {} s: seq={seq}", options.wait.as_secs_f64()))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Sleeps until an interruption.
fn rest(time: Duration, progress: &Progress) {
    let began = Instant::now();
    while !progress.is_interrupted() {
        let left = time.saturating_sub(began.elapsed());
        if left.is_zero() {
            return;
        }
        std::thread::sleep(left.min(Duration::from_millis(50)));
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl Statistics {
    fn code(&self) -> u8 {
        if self.times.len() as u64 == self.sent { 0 } else { failure::RAISED }
    }

    /// Prints the statistics once.
    fn print(&mut self, address: &str) -> Result<(), Failure> {
        if std::mem::replace(&mut self.told, true) {
            return Ok(());
        }
        let (sent, back) = (self.sent, self.times.len());
        let mean = self.times.iter().sum::<f64>() / back as f64;
        let variance = self.times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / back as f64;
        let least = self.times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.times.iter().copied().fold(0.0, f64::max);
        let [min, avg, max, deviation] = [least, mean, most, variance.sqrt()].map(|seconds| seconds * 1e3);
        if self.json {
            let some = |ms| (back > 0).then_some(ms);
            return json::print(&Told::Summary {
                address,
                sent,
                received: back,
                min_ms: some(min),
                avg_ms: some(avg),
                max_ms: some(max),
                deviation_ms: some(deviation),
            });
        }
        let lost = (sent.saturating_sub(back as u64) * 100).checked_div(sent).unwrap_or(0);
        show::line(format_args!("--- {address}: {sent} sent, {back} received, {lost}% lost"))?;
        if back == 0 {
            return Ok(());
        }
        show::line(format_args!(
            "round trip: min {min:.3} ms, avg {avg:.3} ms, max {max:.3} ms, deviation {deviation:.3} ms"
        ))
    }
}
