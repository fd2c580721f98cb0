//! `rpyc upload` and `rpyc download`: files to and from a classic server.

use crate::classic::{explained, open_classic};
use crate::command_line::{ConnectionOptions, Parser, Word, missing, next, surplus, unknown};
use crate::failure::{Failure, Outcome};
use crate::help;
use crate::progress::Progress;
use rpyc::{Classic, Object, Value};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};

/// Number of bytes in one message.
const CHUNK: usize = 256 << 10;

struct Task {
    classic: Classic,
    from: String,
    to: String,
    quiet: bool,
}

pub fn upload(parser: &mut Parser) -> Outcome {
    let Some(task) = open(parser)? else { return help::of(parser) };
    let mut file =
        File::open(&task.from).map_err(|error| Failure::file(format!("cannot read {}", task.from), error))?;
    let cannot_read = |error| Failure::file(format!("cannot read {}", task.from), error);
    let kind = file.metadata().map_err(cannot_read)?;
    if kind.is_dir() {
        return Err(Failure::file(format!("cannot upload {}", task.from), ErrorKind::IsADirectory.into())
            .hint("only files are uploaded"));
    }
    let total = kind.is_file().then_some(kind.len());
    let remote = open_remote(&task.classic, &task.to, "wb")?;
    let mut progress = Progress::new(&task.from, total, task.quiet);
    let (mut sent, mut buffer) = (0_u64, vec![0; CHUNK]);
    // One message at a time, because some servers run requests of one connection in parallel.
    while let Some(bytes) = read_full(&mut file, &mut buffer).map_err(cannot_read)? {
        progress.reach(sent);
        remote.call("write", (Value::bytes(bytes),))?;
        sent += bytes.len() as u64;
    }
    remote.call("close", ())?;
    progress.reach(sent);
    progress.finish();
    Ok(0)
}

pub fn download(parser: &mut Parser) -> Outcome {
    let Some(task) = open(parser)? else { return help::of(parser) };
    let remote = open_remote(&task.classic, &task.from, "rb")?;
    let total = match task.classic.call("os.path", "getsize", (task.from.as_str(),)) {
        Ok(Value::Int(size)) => u64::try_from(size).ok(),
        _ => None,
    };
    let cannot_write = |error| Failure::file(format!("cannot write {}", task.to), error);
    let mut file = File::create(&task.to).map_err(cannot_write)?;
    let mut progress = Progress::new(&task.from, total.filter(|total| *total > 0), task.quiet);
    let mut received = 0_u64;
    loop {
        progress.reach(received);
        match remote.call("read", (CHUNK as i64,))? {
            Value::Bytes(bytes) if bytes.is_empty() => break,
            Value::Bytes(bytes) => {
                file.write_all(&bytes).map_err(cannot_write)?;
                received += bytes.len() as u64;
            }
            other => {
                let text = format!("expected bytes of {}, got {}", task.from, other.type_name());
                return Err(Failure::new(crate::failure::PROTOCOL, text));
            }
        }
    }
    progress.reach(received);
    remote.call("close", ())?;
    progress.finish();
    Ok(0)
}

fn open_remote(classic: &Classic, path: &str, mode: &str) -> Result<Object, Failure> {
    Ok(Object::try_from(classic.call("builtins", "open", (path, mode)).map_err(explained)?)?)
}

/// Fills the buffer, unless the file ends before. Returns None at its end.
fn read_full<'b>(file: &mut File, buffer: &'b mut [u8]) -> std::io::Result<Option<&'b [u8]>> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(got) => done += got,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(buffer.get(..done).filter(|bytes| !bytes.is_empty()))
}

/// None if help is requested.
fn open(parser: &mut Parser) -> Result<Option<Task>, Failure> {
    let (mut options, mut words, mut quiet) = (ConnectionOptions::default(), Vec::new(), false);
    while let Some(word) = next(parser)? {
        match word {
            Word::Option(option) => match option.as_str() {
                "-h" | "--help" => return Ok(None),
                "-q" | "--quiet" => quiet = true,
                _ if options.take(&option, parser)? => {}
                _ => return Err(unknown(&option)),
            },
            Word::Value(text) if words.len() < 3 => words.push(text),
            Word::Value(text) => return Err(surplus(parser, &text)),
        }
    }
    let [address, from, to] = words.as_slice() else {
        let what = ["the address", "the file to read", "the file to write"].get(words.len()).copied();
        return Err(missing(what.unwrap_or("a file"), parser));
    };
    let classic = open_classic(address, &options)?;
    Ok(Some(Task { classic, from: from.clone(), to: to.clone(), quiet }))
}
