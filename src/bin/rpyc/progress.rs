//! A progress bar on stderr, if that is a terminal.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Interval between two updates.
const PAUSE: Duration = Duration::from_millis(100);
/// Width of the bar in characters.
const CELLS: usize = 24;
/// Width of the name before it.
const NAME: usize = 24;

pub struct Progress {
    name: String,
    /// None: unknown.
    total: Option<u64>,
    done: u64,
    began: Instant,
    drawn: Option<Instant>,
    visible: bool,
}

impl Progress {
    /// `quiet`: shows nothing, as if stderr were not a terminal.
    pub fn new(name: &str, total: Option<u64>, quiet: bool) -> Progress {
        let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        let visible = !quiet && !dumb && std::io::stderr().is_terminal();
        let name = crate::show::shortened(&rpyc::escape::one_line(name), NAME);
        Progress { name, total, done: 0, began: Instant::now(), drawn: None, visible }
    }

    /// Sets the number of bytes transferred so far.
    pub fn reach(&mut self, done: u64) {
        self.done = done;
        if self.visible && self.drawn.is_none_or(|drawn| drawn.elapsed() >= PAUSE) {
            self.draw("");
        }
    }

    /// Ends the bar and leaves its last state on the terminal.
    pub fn finish(mut self) {
        if self.visible {
            self.draw("\n");
        }
        self.visible = false;
    }

    fn draw(&mut self, end: &str) {
        self.drawn = Some(Instant::now());
        let text = self.text(self.began.elapsed().as_secs_f64());
        let _ = write!(std::io::stderr().lock(), "\r{text}\x1b[K{end}");
    }

    fn text(&self, seconds: f64) -> String {
        let mut text = format!("{:<NAME$} ", self.name);
        let share = self.total.map(|total| if total == 0 { 1.0 } else { (self.done as f64 / total as f64).min(1.0) });
        if let Some(share) = share {
            let full = (share * CELLS as f64) as usize;
            let _ =
                write!(text, "[{}{}] {:>3.0}%  ", "#".repeat(full), ".".repeat(CELLS - full), (share * 100.0).floor());
        }
        text += &size(self.done as f64);
        if seconds > 0.5 {
            let speed = self.done as f64 / seconds;
            let _ = write!(text, "  {}/s", size(speed));
            let left = self.total.map(|total| total.saturating_sub(self.done) as f64 / speed.max(1.0));
            if let Some(left) = left.filter(|left| *left >= 1.0 && *left < 360_000.0) {
                let left = left as u64;
                let _ = write!(text, "  {}:{:02} left", left / 60, left % 60);
            }
        }
        text
    }
}

/// Removes a bar that has not reached its end.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.visible && self.drawn.is_some() {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

fn size(bytes: f64) -> String {
    match bytes {
        ..10_000.0 => format!("{bytes:.0} B"),
        ..10_000_000.0 => format!("{:.1} kB", bytes / 1e3),
        ..10_000_000_000.0 => format!("{:.1} MB", bytes / 1e6),
        _ => format!("{:.1} GB", bytes / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_line() {
        let mut bar = Progress::new("name", Some(1000), true);
        for (done, want) in [
            (0, "[........................]   0%  0 B"),
            (500, "[############............]  50%  500 B"),
            (2000, "] 100%  2000 B"),
        ] {
            bar.done = done;
            assert!(bar.text(0.0).contains(want), "{}", bar.text(0.0));
        }
        bar.done = 10;
        assert!(bar.text(10.0).ends_with("10 B  1 B/s  16:30 left"), "{}", bar.text(10.0));
        for total in [Some(0), Some(u64::MAX), None] {
            bar.total = total;
            bar.done = u64::MAX;
            assert!(bar.text(0.0).chars().count() < 79, "{}", bar.text(0.0));
        }
    }
}
