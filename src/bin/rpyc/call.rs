//! `rpyc get` and `rpyc call`.

use crate::argument::Arguments;
use crate::command_line::{ConnectionOptions, Parser, Word, missing, next, unknown};
use crate::failure::{Failure, Outcome};
use crate::json::{self, Answer};
use crate::path::Path;
use crate::{help, peer, show};
use rpyc::Value;
use rpyc::escape;

pub fn get(parser: &mut Parser) -> Outcome {
    let mut options = ConnectionOptions::default();
    let mut words = Vec::new();
    while let Some(word) = next(parser)? {
        match word {
            Word::Option(option) if option == "-h" || option == "--help" => return help::of(parser),
            Word::Option(option) if options.take(&option, parser)? => {}
            Word::Option(option) => return Err(unknown(&option)),
            Word::Value(text) => words.push(text),
        }
    }
    let [address, path] = words.as_slice() else {
        return Err(missing(if words.is_empty() { "the address" } else { "one path" }, parser));
    };
    let (address, path) = (peer::address(address, None)?, Path::parse(path)?);
    let connection = peer::connect(&address, &options.config)?;
    let value = path.walk(peer::root(&connection, &address)?)?;
    print(&value, parser.json)
}

pub fn call(parser: &mut Parser) -> Outcome {
    let mut options = ConnectionOptions::default();
    let (mut words, mut texts) = (Vec::new(), false);
    while let Some(word) = next_word(parser, words.len())? {
        match word {
            Word::Option(option) if option == "-h" || option == "--help" => return help::of(parser),
            Word::Option(option) if option == "--text" => texts = true,
            Word::Option(option) if options.take(&option, parser)? => {}
            Word::Option(option) => return Err(unknown(&option)),
            Word::Value(text) => words.push(text),
        }
    }
    let [address, path, args @ ..] = words.as_slice() else {
        return Err(missing(if words.is_empty() { "the address" } else { "the path" }, parser));
    };
    let (address, path, with) = (peer::address(address, None)?, Path::parse(path)?, Arguments::parse(args, texts)?);
    let connection = peer::connect(&address, &options.config)?;
    let value = path.call(peer::root(&connection, &address)?, &with)?;
    print(&value, parser.json)
}

/// A number after the path may be negative: `-1` is an argument, because no option is a digit.
fn next_word(parser: &mut Parser, words: usize) -> Result<Option<Word>, Failure> {
    if words >= 2 {
        if let Some(number) = parser.negative_number() {
            return Ok(Some(Word::Value(number)));
        }
    }
    next(parser)
}

pub fn print(value: &Value, json: bool) -> Outcome {
    if json {
        json::print(&Answer::new(value))?;
    } else {
        show::line(format_args!("{}", escape::lines(&show::repr(value)?)))?;
    }
    Ok(0)
}
