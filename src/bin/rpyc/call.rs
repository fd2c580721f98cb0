//! `rpyc get` and `rpyc call`.

use crate::command_line::{ConnectionOptions, Word, missing, next, unknown};
use crate::failure::{Failure, Outcome};
use crate::path::{Arguments, Path};
use crate::{help, peer, show};
use lexopt::Parser;
use rpyc::Value;
use rpyc::escape;

pub fn get(parser: &mut Parser) -> Outcome {
    const USAGE: &str = "rpyc get ADDR PATH";
    let mut options = ConnectionOptions::default();
    let mut words = Vec::new();
    while let Some(word) = next(parser)? {
        match word {
            Word::Option(option) if option == "-h" || option == "--help" => return help::of("get"),
            Word::Option(option) if options.take(&option, parser)? => {}
            Word::Option(option) => return Err(unknown(&option)),
            Word::Value(text) => words.push(text),
        }
    }
    let [address, path] = words.as_slice() else {
        return Err(missing(if words.is_empty() { "the address" } else { "one path" }, USAGE));
    };
    let (address, path) = (peer::address(address, None)?, Path::parse(path)?);
    let connection = peer::connect(&address, &options.config)?;
    let value = path.walk(connection.root()?.into())?;
    print(&value)
}

pub fn call(parser: &mut Parser) -> Outcome {
    const USAGE: &str = "rpyc call ADDR PATH [ARG...] [NAME=ARG...]";
    let mut options = ConnectionOptions::default();
    let (mut words, mut texts) = (Vec::new(), false);
    while let Some(word) = next_word(parser, words.len())? {
        match word {
            Word::Option(option) if option == "-h" || option == "--help" => return help::of("call"),
            Word::Option(option) if option == "--text" => texts = true,
            Word::Option(option) if options.take(&option, parser)? => {}
            Word::Option(option) => return Err(unknown(&option)),
            Word::Value(text) => words.push(text),
        }
    }
    let [address, path, args @ ..] = words.as_slice() else {
        return Err(missing(if words.is_empty() { "the address" } else { "the path" }, USAGE));
    };
    let (address, path, with) = (peer::address(address, None)?, Path::parse(path)?, Arguments::parse(args, texts)?);
    let connection = peer::connect(&address, &options.config)?;
    let value = path.call(connection.root()?.into(), &with)?;
    print(&value)
}

/// Behind the path, a number may be negative: `-1` is an argument, as no option is a digit.
fn next_word(parser: &mut Parser, words: usize) -> Result<Option<Word>, Failure> {
    if words >= 2 {
        let negative = parser.try_raw_args().and_then(|mut rest| {
            let number = rest.peek()?.to_str().is_some_and(|text| {
                text.strip_prefix('-').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '.'))
            });
            if number { rest.next() } else { None }
        });
        if let Some(text) = negative {
            return Ok(Some(Word::Value(text.to_string_lossy().into_owned())));
        }
    }
    next(parser)
}

pub fn print(value: &Value) -> Outcome {
    show::line(format_args!("{}", escape::lines(&show::repr(value)?)))?;
    Ok(0)
}
