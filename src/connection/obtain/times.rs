//! Copies dates and times. Their strings contain the whole value, and every server allows these.

use super::{Obtaining, key, type_of};
use crate::error::Result;
use crate::objects::plain;
use crate::value::{Ask, Piece, Reference, Temporal, Value};
use std::collections::HashSet;

fn is_clock(name: &str) -> bool {
    matches!(name, "time" | "datetime")
}

impl Obtaining<'_> {
    /// Copies all dates and times in values, in one burst, so that `admit` finds them.
    pub(super) fn times<'v>(&mut self, values: impl Iterator<Item = &'v Value>) -> Result<()> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let mut look = |value: &Value| {
            let Value::Ref(object) = value else { return };
            let (type_name, is_class) = type_of(object);
            if let (Some(name), false) = (plain::time_of(type_name), is_class) {
                if !self.known.contains_key(&key(object)) && seen.insert(key(object)) {
                    found.push((object.clone(), name));
                }
            }
        };
        for value in values {
            match value.is_container() {
                true => value.flat().for_each(|(_, inner)| look(inner)),
                false => look(value),
            }
        }
        found.iter().try_for_each(|(object, _)| self.meet(object))?;
        // str() omits the fold of a time, which repr() contains.
        let asks = found.iter().flat_map(|(object, name): &(Reference, &str)| {
            let repr = is_clock(name).then_some((object, Ask::Repr));
            std::iter::once((object, Ask::Str)).chain(repr)
        });
        let mut answers = self.burst(asks)?.into_iter();
        let mut answer = || answers.next().unwrap_or(Ok(Value::None));
        for (object, name) in &found {
            let text = answer()?;
            let time = match &text {
                Value::Str(text) => Temporal::parse(name, text.as_str()),
                _ => None,
            };
            let mut time = time.ok_or_else(|| self.refusal(type_of(object).0))?;
            if is_clock(name) {
                let repr = answer()?;
                if time.may_be_folded() {
                    time = time.folded_as(&repr);
                }
            }
            self.known.insert(key(object), (object.clone(), Piece::Value(Value::Temporal(time))));
        }
        Ok(())
    }
}
