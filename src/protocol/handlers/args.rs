//! Reads the arguments of a request one by one.

use super::super::boxing::{self, Unboxer};
use super::super::request::Keywords;
use super::super::vinegar::wrong_arguments;
use crate::codec::brine::{Reader, tag};
use crate::error::{Exception, Result};
use crate::value::{Local, Text, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Number of keywords up to which a linear search is faster.
const FEW_KEYWORDS: usize = 16;

/// The argument tuple of a request, sent as a value or as boxes.
pub(super) struct Args<'u, 'r, 'd> {
    pub(super) unboxer: Unboxer<'u>,
    pub(super) reader: &'r mut Reader<'d>,
    boxed: bool,
    left: usize,
    /// The number of bytes after those that name the callee.
    pub(super) after_callee: Option<usize>,
}

impl<'u, 'r, 'd> Args<'u, 'r, 'd> {
    pub(super) fn new(unboxer: Unboxer<'u>, reader: &'r mut Reader<'d>) -> Args<'u, 'r, 'd> {
        Args { unboxer, reader, boxed: false, left: 0, after_callee: None }
    }

    /// Begins at the argument tuple of a call.
    #[inline]
    pub(super) fn of_call(unboxer: Unboxer<'u>, reader: &'r mut Reader<'d>) -> Args<'u, 'r, 'd> {
        Args { unboxer, reader, boxed: true, left: 2, after_callee: None }
    }
}

impl<'d> Args<'_, '_, 'd> {
    /// Returns whether there are more.
    pub(super) fn has_more(&self) -> bool {
        self.left > 0
    }

    /// Begins to read; checks the number of arguments.
    pub(super) fn open(&mut self, handler: &str, names: &[&str], optional: usize) -> Result<()> {
        match self.unboxer.label(self.reader)? {
            Some(label @ (boxing::VALUE | boxing::TUPLE)) if boxing::is_tuple(self.reader) => {
                self.boxed = label == boxing::TUPLE;
                self.left = self.reader.tuple_header()?;
                if self.left > names.len() || self.left < names.len() - optional {
                    self.unboxer.fault(wrong_arguments(handler, names, optional, self.left));
                }
            }
            Some(label @ (boxing::VALUE | boxing::TUPLE | boxing::LOCAL_REF | boxing::REMOTE_REF)) => {
                self.reader.skip()?;
                self.unboxer.fault(Exception::builtin(
                    "TypeError",
                    format!("the arguments of a request are a tuple (label {label} holds something else)"),
                ));
            }
            Some(label) => {
                self.reader.skip()?;
                self.unboxer.fault(Exception::builtin("ValueError", format!("invalid label {label}")));
            }
            None => {}
        }
        Ok(())
    }

    fn next(&mut self) -> bool {
        let some = self.left > 0;
        self.left -= some as usize;
        some
    }

    /// Reads the label of the next argument; it is VALUE in a plain tuple.
    fn label(&mut self) -> Result<Option<i64>> {
        if self.boxed { self.unboxer.label(self.reader) } else { Ok(Some(boxing::VALUE)) }
    }

    fn labelled(&mut self, label: Option<i64>) -> Result<Value> {
        match label {
            None => Ok(Value::None),
            Some(label) => self.unboxer.unbox_labelled(self.reader, label),
        }
    }

    pub(super) fn value(&mut self) -> Result<Option<Value>> {
        if !self.next() {
            return Ok(None);
        }
        let label = self.label()?;
        self.labelled(label).map(Some)
    }

    /// Reads an object that was exported on this connection.
    pub(super) fn target(&mut self) -> Result<Option<Arc<dyn Local>>> {
        if !self.next() {
            return Ok(None);
        }
        match self.label()? {
            Some(boxing::LOCAL_REF) => self.unboxer.local_ref(self.reader),
            label => {
                self.labelled(label)?;
                self.unboxer.fault(no_target());
                Ok(None)
            }
        }
    }

    pub(super) fn name(&mut self) -> Result<Option<Cow<'d, [u8]>>> {
        if !self.next() {
            return Ok(None);
        }
        let label = self.label()?;
        if label == Some(boxing::VALUE) && self.reader.peek() == Some(tag::STR) {
            return Ok(Some(Cow::Borrowed(self.reader.text()?)));
        }
        match self.labelled(label)? {
            Value::Bytes(bytes) if std::str::from_utf8(&bytes).is_ok() => Ok(Some(Cow::Owned(bytes.to_vec()))),
            Value::Bytes(bytes) => {
                self.unboxer.fault(Exception::not_utf8(&bytes));
                Ok(None)
            }
            _ => {
                self.unboxer.fault(Exception::builtin("TypeError", "name must be a string"));
                Ok(None)
            }
        }
    }

    /// Reads an id_pack by value, and returns its bytes.
    pub(super) fn id_pack(&mut self) -> Result<Option<&'d [u8]>> {
        if !self.next() {
            return Ok(None);
        }
        let label = self.label()?;
        if label != Some(boxing::VALUE) {
            self.labelled(label)?;
            self.unboxer.fault(Exception::builtin("TypeError", "id_pack: expected a tuple by value"));
            return Ok(None);
        }
        let start = self.reader.position();
        self.reader.skip()?;
        Ok(Some(self.reader.raw_from(start)))
    }

    /// Reads a tuple of values, boxed in any way.
    #[inline]
    pub(super) fn tuple(&mut self) -> Result<Vec<Value>> {
        // As most are: a few values in one box.
        if let (true, true, [tag::TUPLE_2, boxing::BOXED_VALUE, tag::TUPLE_1..=tag::TUPLE_4, ..]) =
            (self.left > 0, self.boxed, self.reader.rest())
        {
            self.left -= 1;
            self.reader.advance(2);
            let n = self.reader.tuple_header()?;
            let mut items = Vec::with_capacity(n);
            for _ in 0..n {
                items.push(self.reader.value()?);
            }
            return Ok(items);
        }
        self.any_tuple()
    }

    fn any_tuple(&mut self) -> Result<Vec<Value>> {
        let label = if self.next() { self.label()? } else { return Ok(Vec::new()) };
        let mut items = Vec::new();
        match label {
            Some(label @ (boxing::VALUE | boxing::TUPLE)) if boxing::is_tuple(self.reader) => {
                let n = self.reader.tuple_header()?;
                items = Vec::with_capacity(n.min(1024));
                for _ in 0..n {
                    items.push(if label == boxing::TUPLE {
                        self.unboxer.unbox(self.reader)?
                    } else {
                        self.reader.value()?
                    });
                }
            }
            label => {
                let got = self.labelled(label)?;
                let text = format!("argument after * must be a tuple, not {}", got.type_name());
                self.unboxer.fault(Exception::builtin("TypeError", text));
            }
        }
        Ok(items)
    }

    #[inline]
    pub(super) fn keywords(&mut self) -> Result<Keywords> {
        if self.left == 1 && self.boxed && self.reader.rest().starts_with(&boxing::NO_KEYWORDS) {
            self.left = 0;
            self.reader.advance(boxing::NO_KEYWORDS.len());
            return Ok(Keywords::new());
        }
        self.some_keywords()
    }

    fn some_keywords(&mut self) -> Result<Keywords> {
        let pairs = self.tuple()?;
        let mut keywords: Keywords = Vec::with_capacity(pairs.len());
        let mut many: HashMap<Text, usize> = HashMap::new();
        for pair in pairs {
            let name_and_value = match &pair {
                Value::Tuple(pair) => match &**pair {
                    [Value::Str(name), value] => Some((name.clone(), value.clone())),
                    _ => None,
                },
                _ => None,
            };
            match name_and_value {
                None => self.unboxer.fault(Exception::builtin("TypeError", "keywords are pairs of a str and a value")),
                Some((name, value)) => {
                    // The last one counts. A linear search is only fast for a few.
                    let place = match keywords.len() {
                        0..FEW_KEYWORDS => keywords.iter().position(|(known, _)| *known == name),
                        n => {
                            for (index, (known, _)) in keywords.iter().enumerate().skip(many.len()) {
                                many.insert(known.clone(), index);
                            }
                            debug_assert_eq!(many.len(), n);
                            many.get(&name).copied()
                        }
                    };
                    match place.and_then(|place| keywords.get_mut(place)) {
                        Some(known) => known.1 = value,
                        None => keywords.push((name, value)),
                    }
                }
            }
        }
        Ok(keywords)
    }

    /// Skips the remaining arguments, counting their references, and returns the fault.
    #[inline]
    pub(super) fn close(mut self) -> Result<Option<Exception>> {
        while self.left > 0 {
            self.value()?;
        }
        Ok(self.unboxer.fault)
    }
}

fn no_target() -> Exception {
    Exception::builtin("TypeError", "the target of a request must be an object that was exported over this connection")
}
