//! `rpyc replay`: prints a saved trace again, or acts as its server.

use super::conversation::Conversation;
use super::documents::Beginning;
use super::output::{Look, Output};
use super::record::{Head, Reader, Record, Side, Trouble, What};
use crate::command_line::{Parser, Word, missing, next, surplus, text, unknown};
use crate::failure::{FILE, Failure, Outcome};
use crate::progress::Progress;
use crate::{help, json, peer, show};
use rpyc::escape;
use rpyc::wire::{Address, Decoder, Listener, Transport};
use std::collections::BTreeMap;
use std::io::{self, IoSlice, IsTerminal};

/// Minimum size of a file, in bytes, for which a progress bar is shown.
const LONG: u64 = 1 << 20;

pub fn run(parser: &mut Parser) -> Outcome {
    let (mut path, mut listen, mut look) = (None, None, Look::new(parser));
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) if path.is_none() => path = Some(text),
            Word::Value(text) => return Err(surplus(parser, &text)),
            Word::Option(option) => match option.as_str() {
                "-h" | "--help" => return help::of(parser),
                "--listen" => listen = Some(text(parser)?),
                _ if look.take(&option, parser)? => {}
                _ => return Err(unknown(&option)),
            },
        }
    }
    let path = path.ok_or_else(|| missing("the file", parser))?;
    let listen = listen.map(|listen| peer::address(&listen, None)).transpose()?;
    let (reader, head) = Reader::open(&path).map_err(|trouble| failure(&path, trouble))?;
    if listen.is_some() && (look.json || look.html.is_some()) {
        return Err(Failure::usage("--listen acts as the server and prints no messages: omit --json and --html"));
    }
    match listen {
        Some(listen) => serve(&path, reader, &listen),
        None => print(&path, reader, &head, &look),
    }
}

/// Passes on all records. If the file is truncated or damaged, reports it and ends.
fn read_all(
    path: &str,
    mut reader: Reader<impl io::Read>,
    mut each: impl FnMut(Record, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    loop {
        match reader.read() {
            Ok(Some(record)) => each(record, reader.at())?,
            Ok(None) => return Ok(()),
            Err(Trouble::Cut(at)) => {
                show::complain(format_args!(
                    "rpyc replay: {path} is incomplete: it ends inside the record at byte {at}; everything before it was read"
                ));
                return Ok(());
            }
            Err(trouble) => return Err(failure(path, trouble)),
        }
    }
}

fn failure(path: &str, trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Cut(at) => {
            Failure::new(FILE, format!("{path} is incomplete: it ends inside its header, at byte {at}"))
        }
        Trouble::Damaged(what) => Failure::new(FILE, format!("{path}: {what}")),
        Trouble::Io(error) => Failure::file(format!("cannot read {path}"), error),
    }
}

fn print(path: &str, reader: Reader<impl io::Read>, head: &Head, look: &Look) -> Outcome {
    let mut conversation = Conversation::new(look.width);
    let mut output = Output::new(look.teller()?, look.page(head, false)?, false);
    if look.json {
        json::print(&Beginning::of(head))?;
    } else {
        let text = format!("trace of {} -> {} since {}", head.listen, head.to, head.date());
        show::line(format_args!("{}", escape::lines(&text)))?;
    }
    let length = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map_or(0, |file| file.len());
    // A bar between printed lines is useless.
    let hidden = look.quiet || length < LONG || std::io::stdout().is_terminal();
    let mut progress = Progress::new(path, Some(length), hidden);
    let mut last = 0;
    read_all(path, reader, |record, at| {
        last = last.max(record.at);
        progress.reach(at);
        conversation.take(&record, &mut output)
    })?;
    drop(progress);
    conversation.finish(last, &mut output)?;
    Ok(0)
}

/// The data of the server on a connection, each with the number of client messages that precede it.
type Part = Vec<(usize, Vec<u8>)>;

fn serve(path: &str, reader: Reader<impl io::Read>, listen: &Address) -> Outcome {
    let mut parts: BTreeMap<u64, (Decoder, usize, Part)> = BTreeMap::new();
    read_all(path, reader, |record, _| {
        match record.what {
            What::Opened { .. } => {
                parts.insert(record.connection, (Decoder::new(), 0, Vec::new()));
            }
            What::Data { from: Side::Client, bytes } => {
                if let Some((decoder, messages, _)) = parts.get_mut(&record.connection) {
                    *messages += count(decoder, &bytes);
                }
            }
            What::Data { from: Side::Server, bytes } => {
                if let Some((_, messages, part)) = parts.get_mut(&record.connection) {
                    part.push((*messages, bytes));
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    let listener = Listener::bind(listen)?;
    show::line(format_args!("listening {}", listener.address()))?;
    for (id, (_, _, part)) in parts {
        let Some(client) = listener.accept().map_err(|error| Failure::file("cannot accept", error))? else { break };
        show::line(format_args!("#{id}: {}", escape::lines(&client.peer_name())))?;
        let told = match play(&*client, &part) {
            Ok(()) => "all was sent".to_owned(),
            Err(error) => format!("ended early: {error}"),
        };
        show::line(format_args!("#{id}: {told}"))?;
    }
    Ok(0)
}

fn count(decoder: &mut Decoder, bytes: &[u8]) -> usize {
    decoder.feed(bytes);
    std::iter::from_fn(|| decoder.next_message()).count()
}

fn play(client: &dyn Transport, part: &Part) -> io::Result<()> {
    let (mut decoder, mut messages) = (Decoder::new(), 0);
    for (after, bytes) in part {
        while messages < *after {
            messages += receive(client, &mut decoder)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match client.send(&[IoSlice::new(rest)]) {
                Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => drop(client.poll(false, true, None)?),
                Err(error) => return Err(error),
            }
        }
    }
    client.end_sending();
    // Reads what the client still sends, so that its connection is not reset while it reads.
    while receive(client, &mut decoder)?.is_some() {}
    Ok(())
}

/// Returns the number of received messages, None at the end.
fn receive(client: &dyn Transport, decoder: &mut Decoder) -> io::Result<Option<usize>> {
    let mut bytes = Vec::new();
    match client.recv(&mut bytes, super::record::CHUNK, true) {
        Ok(0) => Ok(None),
        Ok(_) => Ok(Some(count(decoder, &bytes))),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(Some(0)),
        Err(error) => Err(error),
    }
}
