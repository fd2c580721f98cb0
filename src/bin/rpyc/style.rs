//! Colours of the output.

use crate::failure::Failure;
use std::fmt;
use std::io::IsTerminal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    Dim,
    Bold,
    Red,
    Green,
    Yellow,
    Blue,
    Cyan,
}

#[derive(Clone, Copy)]
pub struct Style {
    coloured: bool,
}

impl Style {
    pub const PLAIN: Style = Style { coloured: false };

    /// Applies `--color`. `auto`: colours on a terminal, unless NO_COLOR is set or the terminal has none.
    pub fn for_output(when: &str) -> Result<Style, Failure> {
        let coloured = match when {
            "always" => true,
            "never" => false,
            "auto" => {
                let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
                let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
                std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
            }
            other => return Err(Failure::usage(format!("--color: expected always, never or auto, got '{other}'"))),
        };
        Ok(Style { coloured })
    }

    pub fn paint<T: fmt::Display>(self, colour: Colour, what: T) -> Painted<T> {
        Painted { colour: self.coloured.then_some(colour), what }
    }
}

pub struct Painted<T> {
    colour: Option<Colour>,
    what: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(colour) = self.colour else { return self.what.fmt(f) };
        let code = match colour {
            Colour::Bold => 1,
            Colour::Dim => 2,
            Colour::Red => 31,
            Colour::Green => 32,
            Colour::Yellow => 33,
            Colour::Blue => 34,
            Colour::Cyan => 36,
        };
        write!(f, "\x1b[{code}m")?;
        self.what.fmt(f)?;
        f.write_str("\x1b[0m")
    }
}
