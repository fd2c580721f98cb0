//! `rpyc trace`: forwards between clients and a server, and prints their messages.

mod circle;
mod conversation;
mod documents;
mod event;
mod lines;
mod output;
mod page;
mod proxy;
mod record;
pub mod replay;

use crate::command_line::{Parser, Word, missing, next, surplus, text, unknown};
use crate::failure::{FILE, Failure, Outcome};
use crate::{help, json, peer, show, signals};
use conversation::Conversation;
use output::{Look, Output};
use proxy::{Happening, Proxy};
use record::{Head, Record, Writer};
use rpyc::escape;
use rpyc::wire::Listener;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Maximum number of pending items. Beyond it, the traced connections are paused.
const WAITING: usize = 1024;
/// If the output accepts nothing for this time while the trace is ending, nobody reads it.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn run(parser: &mut Parser) -> Outcome {
    let (mut listen, mut to, mut save, mut look) = (None, None, None, Look::new(parser));
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) => return Err(surplus(parser, &text)),
            Word::Option(option) => match option.as_str() {
                "-h" | "--help" => return help::of(parser),
                "--listen" => listen = Some(text(parser)?),
                "--to" => to = Some(text(parser)?),
                "--save" => save = Some(text(parser)?),
                _ if look.take(&option, parser)? => {}
                _ => return Err(unknown(&option)),
            },
        }
    }
    let listen = peer::address(&listen.ok_or_else(|| missing("--listen", parser))?, None)?;
    let to = peer::address(&to.ok_or_else(|| missing("--to", parser))?, None)?;
    let teller = look.teller()?;
    let listener = Listener::bind(&listen)?;
    circle::check(listener.address(), &to)?;
    let head = Head::now(listener.address().to_string(), to.to_string());
    let saving = match &save {
        None => None,
        Some(path) => Some((
            Writer::create(path, &head).map_err(|error| Failure::file(format!("cannot write {path}"), error))?,
            path.clone(),
        )),
    };
    let page = look.page(&head, true)?;
    let output = Output::new(teller, page, true);
    let began = Instant::now();
    let (sender, happenings) = mpsc::sync_channel(WAITING);
    let stop = sender.clone();
    let proxy =
        proxy::start(listener, to, began, sender).map_err(|error| Failure::file("cannot start a thread", error))?;
    let proxy = Arc::new(proxy);
    let conversation = Conversation::new(look.width);
    let watch = Watch { conversation, output, saving, code: 0, done: Arc::default() };
    signals::at_first(&[SIGINT, SIGTERM, SIGHUP], {
        let (done, proxy) = (watch.done.clone(), proxy.clone());
        move || end(&stop, &done, &proxy)
    })?;
    if look.json {
        json::print(&documents::Beginning::of(&head))?;
    } else {
        show::line(format_args!("listening {}", head.listen))?;
        show::line(format_args!("tracing to {} since {}", head.to, head.date()))?;
    }
    let outcome = watch.run(began, &happenings);
    drop(happenings);
    proxy.stop();
    outcome
}

/// Stops the watch, and ends the program if the watch is blocked because nobody reads its output.
fn end(stop: &mpsc::SyncSender<Happening>, done: &AtomicU64, proxy: &Proxy) -> ! {
    let mut told = false;
    loop {
        let before = done.load(Ordering::Relaxed);
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            told = told || stop.try_send(Happening::Stop).is_ok();
            std::thread::sleep(Duration::from_millis(10));
        }
        if done.load(Ordering::Relaxed) == before {
            proxy.stop();
            signals::leave(signals::INTERRUPTED);
        }
    }
}

/// Prints and saves events. The traced connections must not suffer if one of the two fails.
struct Watch {
    conversation: Conversation,
    output: Output,
    /// The file and its path.
    saving: Option<(Writer, String)>,
    code: u8,
    /// Number of handled records.
    done: Arc<AtomicU64>,
}

impl Watch {
    /// Runs until it is stopped.
    fn run(mut self, began: Instant, happenings: &mpsc::Receiver<Happening>) -> Outcome {
        while let Ok(happening) = happenings.recv() {
            match happening {
                Happening::Stop => break,
                Happening::Trouble(text) => show::complain(format_args!("rpyc trace: {}", escape::lines(&text))),
                Happening::Record(record) => self.take(&record)?,
            }
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        self.conversation.finish(proxy::since(began), &mut self.output)?;
        Ok(self.code.max(self.output.code))
    }

    fn take(&mut self, record: &Record) -> Result<(), Failure> {
        if let Some((writer, path)) = &mut self.saving {
            if let Err(error) = writer.write(record) {
                show::complain(format_args!(
                    "rpyc trace: cannot write {path}: {error}; the trace continues without saving"
                ));
                (self.saving, self.code) = (None, FILE);
            }
        }
        self.conversation.take(record, &mut self.output)
    }
}
