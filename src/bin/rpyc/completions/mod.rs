//! `rpyc completions`: scripts that complete words in shells. They ask this program, so they know all options.
//!
//! A script runs `rpyc __complete WORD...`; the last word is the one before the cursor. Each printed line has a
//! candidate, a tab and its description. The line `:files` tells the shell to complete file names.

use crate::command_line::{Parser, Word, missing, next, surplus, unknown};
use crate::failure::{Failure, Outcome};
use crate::options::{COMMANDS, Choice, Command, Kind};
use crate::{help, show};
use std::ffi::OsString;
use std::path::Path;

const FILES: &str = ":files";
/// Prefixes of arguments that are read from a file.
const SOURCES: [&str; 4] = ["@text:", "@bytes:", "@json:", "@"];
/// Kinds of addresses that contain a path.
const PATHS: [&str; 2] = ["unix://", "shm://"];

pub fn run(parser: &mut Parser) -> Outcome {
    let mut shell = None;
    while let Some(word) = next(parser)? {
        match word {
            Word::Value(text) if shell.is_none() => shell = Some(text),
            Word::Value(text) => return Err(surplus(parser, &text)),
            Word::Option(option) if option == "-h" || option == "--help" => return help::of(parser),
            Word::Option(option) => return Err(unknown(&option)),
        }
    }
    let script = match shell.ok_or_else(|| missing("the shell", parser))?.as_str() {
        "bash" => include_str!("rpyc.bash"),
        "zsh" => include_str!("rpyc.zsh"),
        "fish" => include_str!("rpyc.fish"),
        other => return Err(Failure::usage(format!("shell: expected bash, zsh or fish, got '{other}'"))),
    };
    show::line(format_args!("{}", script.trim_end()))?;
    Ok(0)
}

/// Prints the candidates for the last word.
pub fn complete(words: impl Iterator<Item = OsString>) -> Outcome {
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let mut found = Candidates::default();
    found.of(&words);
    for (word, help) in found.words {
        // A candidate must not contain a tab or newline, or equal the word for files.
        if !word.contains(['\n', '\t']) && !word.starts_with(':') {
            show::line(format_args!("{word}\t{help}"))?;
        }
    }
    if found.files {
        show::line(format_args!("{FILES}"))?;
    }
    Ok(0)
}

#[derive(Default)]
struct Candidates {
    words: Vec<(String, String)>,
    files: bool,
}

impl Candidates {
    fn of(&mut self, words: &[String]) {
        let Some((current, before)) = words.split_last() else { return };
        let Some((name, before)) = before.split_first() else {
            self.values(current, "", Kind::Commands);
            return self.names(current, [("help", "print the help"), ("--help", ""), ("--version", "")]);
        };
        if name == "help" && before.is_empty() {
            return self.values(current, "", Kind::Commands);
        }
        let Some(command) = Command::find(name) else { return };
        let (mut operands, mut waiting, mut only_operands) = (0_usize, None::<&Choice>, false);
        for word in before {
            if waiting.take().is_some() {
                continue;
            }
            if only_operands || !word.starts_with('-') || word == "-" {
                operands += 1;
            } else if word == "--" {
                only_operands = true;
            } else {
                waiting = command.option(word).filter(|choice| choice.kind != Kind::Flag);
            }
        }
        if let Some(choice) = waiting {
            return self.values(current, "", choice.kind);
        }
        if current.starts_with('-') && !only_operands {
            return match current.split_once('=') {
                None => self.options(command, current),
                Some((name, value)) => {
                    if let Some(choice) = command.option(name) {
                        self.values(value, &format!("{name}="), choice.kind);
                    }
                }
            };
        }
        if let Some(kind) = command.takes.get(operands).or_else(|| command.takes.last().filter(|_| repeats(command))) {
            self.values(current, "", *kind);
        }
    }

    fn options(&mut self, command: &Command, current: &str) {
        for choice in command.choices() {
            for name in [choice.short, choice.name].into_iter().filter(|name| !name.is_empty()) {
                self.names(current, [(name, choice.help)]);
            }
        }
    }

    fn names<'a>(&mut self, current: &str, names: impl IntoIterator<Item = (&'a str, &'a str)>) {
        let fitting = names.into_iter().filter(|(name, _)| name.starts_with(current));
        self.words.extend(fitting.map(|(name, help)| (name.to_owned(), help.to_owned())));
    }

    /// Returns the values of a kind. `before` is the part of the word that precedes them.
    fn values(&mut self, current: &str, before: &str, kind: Kind) {
        let from = self.words.len();
        match kind {
            Kind::Flag | Kind::Text => {}
            Kind::Names(names) => self.names(current, names.iter().map(|name| (*name, ""))),
            Kind::Commands => self.names(current, COMMANDS.iter().map(|command| (command.name, command.brief))),
            Kind::File if before.is_empty() => self.files = true,
            Kind::File => self.paths("", current),
            Kind::Address => self.addresses(current),
            Kind::Argument => {
                if let Some(source) = SOURCES.into_iter().find(|source| current.starts_with(source)) {
                    self.paths(source, current.get(source.len()..).unwrap_or_default());
                }
            }
        }
        if !before.is_empty() {
            self.words.iter_mut().skip(from).for_each(|(word, _)| word.insert_str(0, before));
        }
    }

    fn addresses(&mut self, current: &str) {
        if let Some(scheme) = PATHS.into_iter().find(|scheme| current.starts_with(&format!("{scheme}/"))) {
            return self.paths(scheme, current.get(scheme.len()..).unwrap_or_default());
        }
        if current.starts_with('/') {
            return self.paths("", current);
        }
        let schemes = [
            ("tcp://", "TCP: HOST:PORT"),
            ("tls://", "TLS over TCP: HOST:PORT"),
            ("unix:///", "Unix socket: path"),
            ("shm:///", "Unix socket with shared memory: path"),
            ("exec:", "a command that speaks RPyC on stdin and stdout"),
        ];
        self.names(current, schemes);
        let scheme = ["tcp://", "tls://"].into_iter().find(|scheme| current.starts_with(scheme)).unwrap_or("");
        let host = current.get(scheme.len()..).unwrap_or_default();
        for name in hosts() {
            if name.starts_with(host) {
                self.words.push((format!("{scheme}{name}:"), "host".into()));
            }
        }
    }

    /// Returns file names that begin with `start`, each with the prefix. Directories end with a slash.
    fn paths(&mut self, prefix: &str, start: &str) {
        let (folder, begin) =
            start.rsplit_once('/').map_or(("", start), |(folder, _)| start.split_at(folder.len() + 1));
        let home = folder.strip_prefix("~/").zip(std::env::var_os("HOME"));
        let place = match home {
            Some((rest, home)) => Path::new(&home).join(rest),
            None if folder.is_empty() => ".".into(),
            None => folder.into(),
        };
        let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
        let mut found: Vec<String> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let hidden = name.starts_with('.') && !begin.starts_with('.');
                let slash = if entry.path().is_dir() { "/" } else { "" };
                (name.starts_with(begin) && !hidden).then(|| format!("{prefix}{folder}{name}{slash}"))
            })
            .collect();
        found.sort();
        self.words.extend(found.into_iter().map(|word| (word, String::new())));
    }
}

/// Returns whether the last operand can be repeated, as the arguments of a call.
fn repeats(command: &Command) -> bool {
    command.takes.last() == Some(&Kind::Argument)
}

/// Returns the names in /etc/hosts.
fn hosts() -> Vec<String> {
    let text = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let lines = text.lines().filter_map(|line| line.split('#').next());
    let mut names: Vec<String> = lines.flat_map(|line| line.split_whitespace().skip(1)).map(str::to_owned).collect();
    names.push("localhost".into());
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(words: &[&str]) -> (Vec<String>, bool) {
        let mut found = Candidates::default();
        found.of(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        (found.words.into_iter().map(|(word, _)| word).collect(), found.files)
    }

    #[test]
    fn each_kind_of_word_is_completed() {
        assert_eq!(completed(&["pi"]).0, ["ping"]);
        assert!(completed(&[""]).0.len() > COMMANDS.len());
        assert_eq!(completed(&["help", "tr"]).0, ["trace"]);
        assert_eq!(completed(&["trace", "--li"]).0, ["--listen"]);
        assert_eq!(completed(&["dir", "x:1", "--color", "a"]).0, ["always", "auto"]);
        assert_eq!(completed(&["dir", "--color=n"]).0, ["--color=never"]);
        assert!(completed(&["trace", "--save", ""]).1);
        assert!(completed(&["replay", ""]).1);
        assert_eq!(completed(&["replay", "x", ""]), (vec![], false));
        assert!(completed(&["ping", "lo"]).0.contains(&"localhost:".into()));
        assert!(completed(&["ping", "-c", "3", "-i", "1", "tcp://lo"]).0.contains(&"tcp://localhost:".into()));
        assert_eq!(completed(&["trace", "--to", "ex"]).0, ["exec:"]);
        assert!(completed(&["serve", "unix:///"]).0.contains(&"unix:///etc/".into()));
        assert!(completed(&["ping", "/et"]).0.contains(&"/etc/".into()));
        assert!(completed(&["call", "x:1", "f", "1", "@bytes:/et"]).0.contains(&"@bytes:/etc/".into()));
        assert_eq!(completed(&["completions", ""]).0, ["bash", "zsh", "fish"]);
        assert_eq!(completed(&["pong", ""]).0, Vec::<String>::new());
        assert_eq!(completed(&[]).0, Vec::<String>::new());
    }

    #[test]
    fn every_option_of_the_table_is_completed() {
        for command in COMMANDS {
            for choice in command.choices() {
                assert!(completed(&[command.name, choice.name]).0.contains(&choice.name.to_owned()), "{}", choice.name);
                assert_eq!(choice.kind == Kind::Flag, choice.value.is_empty(), "{}", choice.name);
            }
        }
    }
}
