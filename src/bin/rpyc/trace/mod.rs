//! `rpyc trace`: stands between client and server, and tells what they say.

mod printer;
mod proxy;
mod record;
pub mod replay;

use crate::command_line::{Word, missing, next, number, text, unknown};
use crate::failure::{Failure, Outcome};
use crate::style::Style;
use crate::{help, peer, show};
use lexopt::Parser;
use printer::Printer;
use proxy::Happening;
use record::{Head, Writer};
use rpyc::transport::Listener;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::sync::mpsc;

/// So much may wait to be printed and saved before the traced connections are held up.
const WAITING: usize = 1024;

/// How messages are printed.
struct Look {
    style: String,
    quiet: bool,
    width: usize,
}

impl Look {
    fn new() -> Look {
        Look { style: "auto".into(), quiet: false, width: 120 }
    }

    fn take(&mut self, option: &str, parser: &mut Parser) -> Result<bool, Failure> {
        match option {
            "--color" => self.style = text(parser)?,
            "-q" | "--quiet" => self.quiet = true,
            "-w" | "--width" => self.width = number(parser, option)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn printer(&self) -> Result<Printer, Failure> {
        Ok(Printer::new(Style::for_output(&self.style)?, self.quiet, self.width))
    }
}

pub fn run(parser: &mut Parser) -> Outcome {
    const USAGE: &str = "rpyc trace --listen A --to B";
    let (mut listen, mut to, mut save, mut look) = (None, None, None, Look::new());
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) => {
                return Err(Failure::usage(format!("what is '{text}'?")).hint(format!("usage: {USAGE}")));
            }
            Word::Option(option) => match option.as_str() {
                "-h" | "--help" => return help::of("trace"),
                "--listen" => listen = Some(text(parser)?),
                "--to" => to = Some(text(parser)?),
                "--save" => save = Some(text(parser)?),
                _ if look.take(&option, parser)? => {}
                _ => return Err(unknown(&option)),
            },
        }
    }
    let listen = peer::address(&listen.ok_or_else(|| missing("--listen", USAGE))?, None)?;
    let to = peer::address(&to.ok_or_else(|| missing("--to", USAGE))?, None)?;
    let printer = look.printer()?;
    let listener = Listener::bind(&listen)?;
    let head = Head::now(listener.address().to_string(), to.to_string());
    let saving = match &save {
        None => None,
        Some(path) => Some((
            Writer::create(path, &head).map_err(|error| Failure::file(format!("cannot write {path}"), error))?,
            path.as_str(),
        )),
    };
    let (sender, happenings) = mpsc::sync_channel(WAITING);
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let stop = sender.clone();
    let waits = std::thread::Builder::new().name("rpyc-signals".into()).spawn(move || {
        signals.forever().next();
        // If nobody takes it, all has ended already.
        let _ = stop.send(Happening::Stop);
    });
    waits.map_err(|error| Failure::file("cannot start a thread", error))?;
    show::line(format_args!("listening {}", head.listen))?;
    show::line(format_args!("tracing to {} since {}", head.to, head.date()))?;
    proxy::start(listener, to, sender).map_err(|error| Failure::file("cannot start a thread", error))?;
    watch(printer, saving, &happenings)
}

/// Prints and saves until it is told to stop.
fn watch(mut printer: Printer, mut saving: Option<(Writer, &str)>, happenings: &mpsc::Receiver<Happening>) -> Outcome {
    while let Ok(happening) = happenings.recv() {
        let record = match happening {
            Happening::Stop => break,
            Happening::Trouble(text) => {
                eprintln!("rpyc trace: {text}");
                continue;
            }
            Happening::Record(record) => record,
        };
        if let Some((writer, path)) = &mut saving {
            if let Err(error) = writer.write(&record) {
                // What is traced must not suffer from a full disk.
                eprintln!("rpyc trace: cannot write {path} any more: {error}");
                saving = None;
            }
        }
        printer.print(&record)?;
    }
    printer.finish()?;
    Ok(0)
}
