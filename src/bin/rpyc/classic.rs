//! `rpyc eval` and `rpyc exec`: code for a classic server.

use crate::command_line::{ConnectionOptions, Parser, Word, missing, next, unknown};
use crate::failure::{Failure, Outcome};
use crate::{call, help, peer};
use rpyc::{Classic, Error};
use std::io::Read;

pub fn eval(parser: &mut Parser) -> Outcome {
    let Some((classic, code)) = open(parser)? else { return help::of(parser) };
    call::print(&classic.eval(&code).map_err(explained)?, parser.json)
}

pub fn exec(parser: &mut Parser) -> Outcome {
    let Some((classic, code)) = open(parser)? else { return help::of(parser) };
    classic.execute(&code).map_err(explained)?;
    Ok(0)
}

/// The server and the code; None if help is requested.
fn open(parser: &mut Parser) -> Result<Option<(Classic, String)>, Failure> {
    let mut options = ConnectionOptions::default();
    let mut words = Vec::new();
    while let Some(word) = next(parser)? {
        match word {
            Word::Option(option) if option == "-h" || option == "--help" => return Ok(None),
            Word::Option(option) if options.take(&option, parser)? => {}
            Word::Option(option) => return Err(unknown(&option)),
            Word::Value(text) => words.push(text),
        }
    }
    let [address, code] = words.as_slice() else {
        let what = if words.is_empty() { "the address" } else { "the code (one word; quote it)" };
        return Err(missing(what, parser));
    };
    // Report an invalid address before stdin is read.
    peer::address(address, Some(peer::CLASSIC_PORT))?;
    let code = if code == "-" {
        let mut text = String::new();
        let read = std::io::stdin().read_to_string(&mut text);
        read.map_err(|error| Failure::file("cannot read the code from stdin", error))?;
        text
    } else {
        code.clone()
    };
    Ok(Some((open_classic(address, &options)?, code)))
}

/// Connects to a classic server.
pub fn open_classic(address: &str, options: &ConnectionOptions) -> Result<Classic, Failure> {
    let address = peer::address(address, Some(peer::CLASSIC_PORT))?;
    let connection = peer::connect(&address, &options.config)?;
    Classic::over(&connection).map_err(|error| Failure::at_first(error, &address))
}

/// A server that is not classic has no `eval`.
pub fn explained(error: Error) -> Failure {
    let text = match &error {
        Error::Remote(exception) if exception.is_builtin("AttributeError") => exception.summary(),
        _ => return error.into(),
    };
    if ["'eval'", "'execute'", "'getmodule'", "'modules'"].iter().any(|name| text.contains(name)) {
        return Failure::new(crate::failure::RAISED, format!("this is not a classic server ({text})"))
            .hint("only classic servers (rpyc_classic) run code; 'rpyc dir' lists the members of this one");
    }
    error.into()
}
