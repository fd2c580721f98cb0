//! `rpyc`: inspects, calls and traces RPyC systems, whatever they are written in.
//!
//! One file for each command. Shared: `argument`, `command_line`, `failure`, `help`, `json`, `options`, `peer`, `path`,
//! `show`, `signals`, `style`.

mod argument;
mod call;
mod classic;
mod command_line;
mod completions;
mod dir;
mod failure;
mod help;
mod json;
mod options;
mod path;
mod peer;
mod ping;
mod progress;
mod serve;
mod show;
mod signals;
mod style;
mod trace;
mod transfer;

use command_line::Parser;
use failure::{Failure, Outcome};
use lexopt::prelude::*;
use options::Command;
use std::process::ExitCode;

fn main() -> ExitCode {
    let parser = lexopt::Parser::from_env();
    let (mut command, mut json) = (String::new(), false);
    let done = run(parser, &mut command, &mut json);
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell(&command);
            if json {
                // If it cannot be printed, the exit code remains.
                let _ = json::print(&failure);
            }
            ExitCode::from(failure.code)
        }
    }
}

fn run(mut parser: lexopt::Parser, command: &mut String, json: &mut bool) -> Outcome {
    let name = match parser.next()? {
        None => {
            show::complain(format_args!("{}", help::USAGE));
            return Ok(failure::USAGE);
        }
        Some(Short('h') | Long("help")) => return help::general(),
        Some(Short('V') | Long("version")) => {
            return show::line(format_args!("rpyc {}", env!("CARGO_PKG_VERSION"))).map(|()| 0);
        }
        Some(Value(name)) => name.string()?,
        Some(option) => return Err(option.unexpected().into()),
    };
    *command = name;
    match command.as_str() {
        "help" => match parser.next()? {
            None => help::general(),
            Some(Value(name)) => help::of_name(&name.string()?),
            Some(option) => Err(option.unexpected().into()),
        },
        // For the scripts of shells, not for people.
        "__complete" => completions::complete(parser.raw_args()?),
        name => {
            let found = Command::find(name).zip(runner(name));
            let (found, run) = found.ok_or_else(|| {
                Failure::usage(format!("there is no command '{name}'")).hint("'rpyc help' lists the commands")
            })?;
            let mut parser = Parser::new(parser, found);
            *json = parser.json;
            run(&mut parser)
        }
    }
}

/// Runs a command of the table.
fn runner(name: &str) -> Option<fn(&mut Parser) -> Outcome> {
    Some(match name {
        "ping" => ping::run,
        "dir" => dir::run,
        "get" => call::get,
        "call" => call::call,
        "eval" => classic::eval,
        "exec" => classic::exec,
        "upload" => transfer::upload,
        "download" => transfer::download,
        "serve" => serve::run,
        "trace" => trace::run,
        "replay" => trace::replay::run,
        "completions" => completions::run,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_command_of_the_table_runs() {
        assert!(crate::options::COMMANDS.iter().all(|command| super::runner(command.name).is_some()));
    }
}
