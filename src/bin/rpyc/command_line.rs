//! Reads the command line, and the options that several commands share.

use crate::failure::Failure;
use crate::options::Command;
use lexopt::{Arg, ValueExt};
use rpyc::Config;
use std::time::Duration;

/// The words after the command, checked with the table.
pub struct Parser {
    words: lexopt::Parser,
    command: &'static Command,
    /// `--json`.
    pub json: bool,
}

/// Options of the connection: `-o NAME=VALUE`, `--timeout`, `--dialect`.
#[derive(Default)]
pub struct ConnectionOptions {
    pub config: Config,
}

/// An option, copied from the parser so that the parser can be used meanwhile.
pub enum Word {
    Option(String),
    Value(String),
}

impl Parser {
    pub fn new(words: lexopt::Parser, command: &'static Command) -> Parser {
        // Before anything can fail.
        let mut said = std::env::args_os().take_while(|word| word != "--");
        let json = command.option("--json").is_some() && said.any(|word| word == "--json");
        Parser { words, command, json }
    }

    pub fn command(&self) -> &'static Command {
        self.command
    }

    /// Returns the first usage line of the command.
    pub fn usage(&self) -> &'static str {
        self.command.usage.first().copied().unwrap_or_default()
    }

    /// Returns the next word if it is a negative number, which lexopt would take for an option.
    pub fn negative_number(&mut self) -> Option<String> {
        let mut rest = self.words.try_raw_args()?;
        let number = rest.peek()?.to_str()?.strip_prefix('-')?.starts_with(|c: char| c.is_ascii_digit() || c == '.');
        if !number {
            return None;
        }
        rest.next().map(|text| text.to_string_lossy().into_owned())
    }
}

/// Returns the next word: `-x`, `--long`, or an operand. An option that is not in the table is an error.
pub fn next(parser: &mut Parser) -> Result<Option<Word>, Failure> {
    loop {
        let option = match parser.words.next()? {
            None => return Ok(None),
            Some(Arg::Value(text)) => return Ok(Some(Word::Value(text.string()?))),
            Some(Arg::Short(letter)) => format!("-{letter}"),
            Some(Arg::Long(name)) => format!("--{name}"),
        };
        match parser.command.option(&option) {
            // It was recognised at the beginning.
            Some(choice) if choice.name == "--json" => {}
            Some(_) => return Ok(Some(Word::Option(option))),
            None => return Err(unknown(&option)),
        }
    }
}

pub fn unknown(option: &str) -> Failure {
    Failure::usage(format!("there is no option {option}"))
        .hint("'rpyc help COMMAND' lists the options; a word that begins with '-' can be given after '--'")
}

/// An operand too many.
pub fn surplus(parser: &Parser, text: &str) -> Failure {
    Failure::usage(format!("unexpected argument '{text}'")).hint(format!("usage: {}", parser.usage()))
}

/// Returns the value of an option.
pub fn text(parser: &mut Parser) -> Result<String, Failure> {
    Ok(parser.words.value()?.string()?)
}

pub fn number<T: std::str::FromStr>(parser: &mut Parser, option: &str) -> Result<T, Failure> {
    let text = text(parser)?;
    text.parse().map_err(|_| Failure::usage(format!("{option}: expected a whole number in range, got '{text}'")))
}

pub fn seconds(parser: &mut Parser, option: &str) -> Result<Duration, Failure> {
    let text = text(parser)?;
    let time = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    time.ok_or_else(|| Failure::usage(format!("{option}: expected a number of seconds, got '{text}'")))
}

impl ConnectionOptions {
    /// Accepts an option of the connection. Returns false for any other.
    pub fn take(&mut self, option: &str, parser: &mut Parser) -> Result<bool, Failure> {
        match option {
            "-t" | "--timeout" => {
                self.config.set_timeout(Some(seconds(parser, option)?));
            }
            "--dialect" => self.config.set("dialect", &text(parser)?)?,
            "--secret-file" => {
                let path = text(parser)?;
                let mut secret =
                    std::fs::read(&path).map_err(|error| Failure::usage(format!("cannot read {path}: {error}")))?;
                if secret.last() == Some(&b'\n') {
                    secret.pop();
                }
                self.config.set_secret(&secret)?;
            }
            "--ca" => self.config.set("tls_ca", &text(parser)?)?,
            "--pin" => self.config.set("tls_pin", &text(parser)?)?,
            "--cert" => self.config.set("tls_cert", &text(parser)?)?,
            "--key" => self.config.set("tls_key", &text(parser)?)?,
            "--insecure" => {
                self.config.set("tls_insecure_no_verification", "true")?;
                crate::show::complain(format_args!(
                    "--insecure: the server is not verified; whoever is on the way can read and change everything"
                ));
            }
            "-o" | "--option" => {
                let text = text(parser)?;
                let (name, value) = text.split_once('=').ok_or_else(|| {
                    Failure::usage(format!("{option}: expected NAME=VALUE, got '{text}'"))
                        .hint("for example -o compress=false; docs/guide/security.md lists the names")
                })?;
                self.config.set(name, value)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// Reports a missing operand.
pub fn missing(what: &str, parser: &Parser) -> Failure {
    Failure::usage(format!("{what} is missing")).hint(format!("usage: {}", parser.usage()))
}
