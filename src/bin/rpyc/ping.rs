//! `rpyc ping`: does the peer answer, how fast, and what does it speak?

use crate::command_line::{ConnectionOptions, Word, missing, next, number, seconds, unknown};
use crate::failure::{self, Failure, Outcome};
use crate::{help, peer, show};
use lexopt::Parser;
use rpyc::error::Error;
use rpyc::value::{Blob, Value};
use signal_hook::consts::SIGINT;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

struct Options {
    connection: ConnectionOptions,
    /// 0: until interrupted.
    count: u64,
    interval: Duration,
    size: usize,
    wait: Duration,
}

/// Round trips, in seconds.
#[derive(Default)]
struct Statistics {
    sent: u64,
    times: Vec<f64>,
}

pub fn run(parser: &mut Parser) -> Outcome {
    let mut options = Options {
        connection: ConnectionOptions::default(),
        count: 4,
        interval: Duration::from_secs(1),
        size: 56,
        wait: Duration::from_secs(5),
    };
    let mut address = None;
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) if address.is_none() => address = Some(text),
            Word::Value(text) => return Err(Failure::usage(format!("one address is enough; what is '{text}'?"))),
            Word::Option(option) => match option.as_str() {
                "-h" | "--help" => return help::of("ping"),
                "-c" | "--count" => options.count = number(parser, &option)?,
                "-i" | "--interval" => options.interval = seconds(parser, &option)?,
                "-s" | "--size" => options.size = number(parser, &option)?,
                "-W" | "--wait" => options.wait = seconds(parser, &option)?,
                _ if options.connection.take(&option, parser)? => {}
                _ => return Err(unknown(&option)),
            },
        }
    }
    let address = peer::address(&address.ok_or_else(|| missing("the address", "rpyc ping ADDR"))?, None)?;
    // Interrupted, it still says what came of it.
    let interrupted = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, interrupted.clone())?;
    signal_hook::flag::register(SIGINT, interrupted.clone())?;

    let started = Instant::now();
    let connection = peer::connect(&address, options.connection.config.clone())?;
    let connected = started.elapsed();
    show::line(format_args!(
        "PING {address}: connected in {:.3} ms, {} speaks {}",
        millis(connected),
        connection.peer_name(),
        peer::dialect(&connection)
    ))?;
    let mut statistics = Statistics::default();
    let outcome = ping_all(&connection, &options, &interrupted, &mut statistics);
    statistics.print(&address.to_string())?;
    outcome?;
    Ok(if statistics.times.len() as u64 == statistics.sent { 0 } else { failure::RAISED })
}

fn ping_all(
    connection: &rpyc::connection::Connection,
    options: &Options,
    interrupted: &AtomicBool,
    statistics: &mut Statistics,
) -> Result<(), Failure> {
    let data: Vec<u8> = (b'a'..=b'z').cycle().take(options.size).collect();
    let data = Value::Bytes(Blob::copy(&data));
    while (options.count == 0 || statistics.sent < options.count) && !interrupted.load(Ordering::Relaxed) {
        if statistics.sent > 0 {
            rest(options.interval, interrupted);
            if interrupted.load(Ordering::Relaxed) {
                break;
            }
        }
        statistics.sent += 1;
        let seq = statistics.sent;
        let started = Instant::now();
        match connection.ping(data.clone(), Some(options.wait)) {
            Ok(()) => {
                let time = started.elapsed();
                statistics.times.push(time.as_secs_f64());
                show::line(format_args!("{} bytes back: seq={seq} time={:.3} ms", options.size, millis(time)))?;
            }
            Err(Error::Timeout(_)) => {
                show::line(format_args!("no answer in {} s: seq={seq}", options.wait.as_secs_f64()))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A pause that an interruption ends.
fn rest(time: Duration, interrupted: &AtomicBool) {
    let until = Instant::now() + time;
    while !interrupted.load(Ordering::Relaxed) {
        let left = until.saturating_duration_since(Instant::now());
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
    fn print(&self, address: &str) -> Result<(), Failure> {
        let (sent, back) = (self.sent, self.times.len());
        let lost = (sent.saturating_sub(back as u64) * 100).checked_div(sent).unwrap_or(0);
        show::line(format_args!("--- {address}: {sent} sent, {back} came back, {lost}% lost"))?;
        if back == 0 {
            return Ok(());
        }
        let mean = self.times.iter().sum::<f64>() / back as f64;
        let variance = self.times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / back as f64;
        let least = self.times.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.times.iter().copied().fold(0.0, f64::max);
        show::line(format_args!(
            "round trip: min {:.3} ms, avg {:.3} ms, max {:.3} ms, deviation {:.3} ms",
            least * 1e3,
            mean * 1e3,
            most * 1e3,
            variance.sqrt() * 1e3
        ))
    }
}
