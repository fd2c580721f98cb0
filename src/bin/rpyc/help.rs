//! The texts of `rpyc help`, from the table of commands.

use crate::command_line::Parser;
use crate::failure::{Failure, Outcome};
use crate::options::{COMMANDS, CONNECTION, Choice, Command, HELP};
use crate::show;

pub const USAGE: &str = "\
usage: rpyc COMMAND ADDR ...
       rpyc help [COMMAND]
       rpyc --version";

const NOTATION: &str = "
ADDR is tcp://HOST:PORT or HOST:PORT, tls://HOST:PORT, unix:///PATH or /PATH, unix://@NAME,
shm:///PATH (a Unix socket, with shared memory where both sides support it), or exec:COMMAND for a
command that speaks RPyC on its stdin and stdout.

PATH leads from the root to an object: names with dots, items and calls: shelf.books[0], make('x').label

Options of all commands that connect:";

const CODES: &str = "
Exit codes: 0 success; 1 the peer raised an exception, or pings were lost; 2 invalid command line;
3 nothing listens at the address, or its host is unknown; 4 the connection broke or timed out, or the
peer does not speak RPyC; 5 a file or the output cannot be read or written; 130 ended by a signal.";

/// The column of the descriptions.
const COLUMN: usize = 31;
/// Maximum length of a line of the help.
const WIDTH: usize = 108;

pub fn general() -> Outcome {
    let mut text = format!("{USAGE}\n\nInspects, calls and traces RPyC systems, also those in Python only.\n\n");
    for command in COMMANDS {
        entry(&mut text, &format!("{} {}", command.name, command.operands), command.brief);
    }
    text.push_str(NOTATION);
    text.push('\n');
    CONNECTION.iter().chain(HELP).for_each(|choice| entry(&mut text, &forms(choice), choice.help));
    text.push_str(CODES);
    show::line(format_args!("{text}"))?;
    Ok(0)
}

pub fn of(parser: &Parser) -> Outcome {
    show::line(format_args!("{}", text(parser.command())))?;
    Ok(0)
}

pub fn of_name(name: &str) -> Outcome {
    let Some(command) = Command::find(name) else {
        return Err(Failure::usage(format!("there is no command '{name}'")).hint("'rpyc help' lists the commands"));
    };
    show::line(format_args!("{}", text(command)))?;
    Ok(0)
}

fn text(command: &Command) -> String {
    let mut text = format!("usage: {}\n\n{}\n\n", command.usage.join("\n       "), command.about);
    for group in command.options.iter().filter(|group| !std::ptr::eq(**group, CONNECTION)) {
        group.iter().for_each(|choice| entry(&mut text, &forms(choice), choice.help));
    }
    if !command.examples.is_empty() {
        text.push('\n');
        command.examples.iter().for_each(|example| text.push_str(&format!("  {example}\n")));
    }
    let also = if command.connects() { "the other options of this command, " } else { "" };
    text + &format!("\n'rpyc help' lists {also}the notation of addresses, and the exit codes.")
}

fn forms(choice: &Choice) -> String {
    let short = if choice.short.is_empty() { String::new() } else { format!("{}, ", choice.short) };
    let space = if choice.value.is_empty() { "" } else { " " };
    format!("{short}{}{space}{}", choice.name, choice.value)
}

/// Prints a name and its description, wrapped.
fn entry(text: &mut String, name: &str, help: &str) {
    let mut line = format!("  {name}");
    let mut column = line.chars().count();
    if column + 2 > COLUMN {
        line.push('\n');
        column = 0;
    }
    line.push_str(&" ".repeat(COLUMN - column));
    let mut at = COLUMN;
    for (number, word) in help.split(' ').enumerate() {
        if number > 0 && at + word.len() + 1 > WIDTH {
            line.push_str(&format!("\n{}", " ".repeat(COLUMN)));
            at = COLUMN;
        } else if number > 0 {
            line.push(' ');
            at += 1;
        }
        line.push_str(word);
        at += word.len();
    }
    text.push_str(&line);
    text.push('\n');
}
