//! The outputs of a trace, as the options select them: lines for people or programs, and a page.

use super::documents::Documents;
use super::event::{Event, Teller};
use super::lines::Lines;
use super::page::Page;
use super::record::Head;
use crate::command_line::{Parser, number, text};
use crate::failure::{FILE, Failure};
use crate::style::Style;

/// Settings of the printed messages.
pub struct Look {
    style: String,
    pub html: Option<String>,
    pub quiet: bool,
    pub width: usize,
    pub json: bool,
}

impl Look {
    pub fn new(parser: &Parser) -> Look {
        Look { style: "auto".into(), html: None, quiet: false, width: 120, json: parser.json }
    }

    pub fn take(&mut self, option: &str, parser: &mut Parser) -> Result<bool, Failure> {
        match option {
            "--color" => self.style = text(parser)?,
            "--html" => self.html = Some(text(parser)?),
            "-q" | "--quiet" => self.quiet = true,
            "-w" | "--width" => self.width = number(parser, option)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub fn teller(&self) -> Result<Box<dyn Teller>, Failure> {
        let style = Style::for_output(&self.style)?;
        Ok(if self.json { Box::new(Documents::new(self.quiet)) } else { Box::new(Lines::new(style, self.quiet)) })
    }

    /// Opens the page of `--html`. `live`: the trace is running.
    pub fn page(&self, head: &Head, live: bool) -> Result<Option<Page>, Failure> {
        self.html.as_ref().map(|path| Page::create(path, head, live)).transpose()
    }
}

/// All outputs.
pub struct Output {
    lines: Option<Box<dyn Teller>>,
    page: Option<Page>,
    /// A failed write does not end the trace.
    goes_on: bool,
    pub code: u8,
}

impl Output {
    pub fn new(lines: Box<dyn Teller>, page: Option<Page>, goes_on: bool) -> Output {
        Output { lines: Some(lines), page, goes_on, code: 0 }
    }

    /// If nobody reads the output any more, the trace ends; a full disk does not end it.
    fn failed(&mut self, failure: Failure, remedy: &str) -> Result<(), Failure> {
        if failure.is_broken_pipe() || !self.goes_on {
            return Err(failure);
        }
        failure.hint(remedy).tell("trace");
        self.code = FILE;
        Ok(())
    }
}

impl Teller for Output {
    fn tell(&mut self, at: u64, connection: u64, event: &Event) -> Result<(), Failure> {
        if let Some(Err(failure)) = self.page.as_mut().map(|page| page.tell(at, connection, event)) {
            self.page = None;
            self.failed(failure, "the page ends here; the trace continues")?;
        }
        if let Some(Err(failure)) = self.lines.as_mut().map(|lines| lines.tell(at, connection, event)) {
            self.lines = None;
            self.failed(failure, "printing has stopped; the trace continues")?;
        }
        Ok(())
    }
}
