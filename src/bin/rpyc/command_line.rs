//! Options that several commands have.

use crate::failure::Failure;
use lexopt::{Arg, Parser, ValueExt};
use rpyc::Config;
use std::time::Duration;

/// Settings of the connection: `-o NAME=VALUE`, `--timeout`, `--dialect`.
#[derive(Default)]
pub struct ConnectionOptions {
    pub config: Config,
}

/// An option, taken out of the parser's hands so that others can be asked.
pub enum Word {
    Option(String),
    Value(String),
}

/// The next word of the command line: `-x`, `--long`, or an operand.
pub fn next(parser: &mut Parser) -> Result<Option<Word>, Failure> {
    Ok(match parser.next()? {
        None => None,
        Some(Arg::Short(letter)) => Some(Word::Option(format!("-{letter}"))),
        Some(Arg::Long(name)) => Some(Word::Option(format!("--{name}"))),
        Some(Arg::Value(text)) => Some(Word::Value(text.string()?)),
    })
}

pub fn unknown(option: &str) -> Failure {
    Failure::usage(format!("there is no option {option}"))
        .hint("'rpyc help COMMAND' lists the options; a word that begins with '-' can be given behind '--'")
}

/// The value of an option.
pub fn text(parser: &mut Parser) -> Result<String, Failure> {
    Ok(parser.value()?.string()?)
}

pub fn number<T: std::str::FromStr>(parser: &mut Parser, option: &str) -> Result<T, Failure> {
    let text = text(parser)?;
    text.parse()
        .map_err(|_| Failure::usage(format!("{option} wants a whole number that is not too large, not '{text}'")))
}

pub fn seconds(parser: &mut Parser, option: &str) -> Result<Duration, Failure> {
    let text = text(parser)?;
    let time = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| Failure::usage(format!("{option} wants a number of seconds, not '{text}'")))
}

impl ConnectionOptions {
    /// Takes an option that is one of these; false for others.
    pub fn take(&mut self, option: &str, parser: &mut Parser) -> Result<bool, Failure> {
        match option {
            "-t" | "--timeout" => {
                self.config.set_timeout(Some(seconds(parser, option)?));
            }
            "--dialect" => self.config.set("dialect", &text(parser)?)?,
            "-o" | "--option" => {
                let text = text(parser)?;
                let (name, value) = text.split_once('=').ok_or_else(|| {
                    Failure::usage(format!("{option} wants NAME=VALUE, not '{text}'"))
                        .hint("such as -o compress=false; docs/guide/security.md lists the names")
                })?;
                self.config.set(name, value)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// What a command lacks.
pub fn missing(what: &str, usage: &str) -> Failure {
    Failure::usage(format!("{what} is missing")).hint(format!("usage: {usage}"))
}
