//! Copies arrays of numbers: numpy's, `array.array`, memoryviews and bytearrays, and numpy's numbers and strings.
//!
//! If the peer allows public names, an array is sent as its bytes with their layout. Otherwise its items are requested;
//! those that are objects are requested in one burst.

use super::{Obtaining, key, type_of};
use crate::error::{Error, Result};
use crate::value::{Array, Ask, Bounds, Element, GraphError, Layout, Piece, Reference, Shaped, Value};
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;

/// numpy's maximum.
const MAX_DIMENSIONS: usize = 64;

/// The kind of an object to be copied.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Numpy,
    Array,
    View,
    Bytes,
    /// A numpy number, with the method that returns Python's.
    Number(&'static str, Option<Element>),
    /// A numpy string or bytes, whose slices are Python's.
    Text,
}

fn form_of(object: &Reference) -> Option<Form> {
    let (name, is_class) = type_of(object);
    match name {
        _ if is_class => None,
        "numpy.ndarray" | "numpy.memmap" => Some(Form::Numpy),
        "array.array" => Some(Form::Array),
        "builtins.memoryview" => Some(Form::View),
        "builtins.bytearray" => Some(Form::Bytes),
        name => number_of(name.strip_prefix("numpy.")?),
    }
}

fn number_of(name: &str) -> Option<Form> {
    let element = match name {
        "str" | "str_" | "bytes_" => return Some(Form::Text),
        "bool" | "bool_" => return Some(Form::Number("__bool__", None)),
        "longdouble" | "float128" => return Some(Form::Number("__float__", None)),
        "float64" => Element::F64,
        "float32" | "float16" => Element::F32,
        "int8" => Element::I8,
        "int16" => Element::I16,
        "int32" | "intc" => Element::I32,
        "int64" | "longlong" => Element::I64,
        "uint8" => Element::U8,
        "uint16" => Element::U16,
        "uint32" | "uintc" => Element::U32,
        "uint64" | "ulonglong" => Element::U64,
        _ => return None,
    };
    let is_float = matches!(element, Element::F32 | Element::F64);
    Some(Form::Number(if is_float { "__float__" } else { "__index__" }, Some(element)))
}

/// The chain of arrays that contain an array.
struct Within {
    key: usize,
    outer: Option<Rc<Within>>,
}

impl Within {
    fn has(&self, key: usize) -> bool {
        let mut at = Some(self);
        while let Some(within) = at {
            if within.key == key {
                return true;
            }
            at = within.outer.as_deref();
        }
        false
    }
}

/// The copy of an object.
enum Copied {
    Array { array: Shaped, truths: bool },
    Value(Value),
}

impl Copied {
    /// Converts to a value: an array, or lists of arrays if it has several dimensions.
    fn into_value(self) -> Value {
        match self {
            Copied::Value(value) => value,
            Copied::Array { array: (array, shape), truths: false } => array.nested(&shape),
            Copied::Array { array: (array, shape), truths: true } => truths(array.nested(&shape)),
        }
    }
}

/// Converts 0 and 1 in nested lists to bools. There are few levels.
fn truths(nested: Value) -> Value {
    match nested {
        Value::Array(array) => Value::List(array.iter().map(|n| Value::Bool(n != Value::Int(0))).collect()),
        Value::List(rows) => Value::List(rows.iter().map(|row| truths(row.clone())).collect()),
        number => Value::Bool(number != Value::Int(0)),
    }
}

/// An array whose shape is known, and whose bytes are to be requested.
struct Plan {
    at: usize,
    shape: Vec<usize>,
    layout: Told,
}

enum Told {
    /// One of the requested numpy types, by index.
    Type(usize),
    /// By a letter.
    Code(String),
    Bytes,
}

impl Plan {
    /// Returns the number of elements. Fails if they exceed the bounds, as bytes or as lists.
    fn count(&self, bounds: &Bounds) -> Result<usize> {
        let product = |lengths: &[usize]| lengths.iter().try_fold(1usize, |n, length| n.checked_mul(*length));
        let rows = self.shape.split_last().map_or(&[][..], |(_, rows)| rows);
        match (product(rows), product(&self.shape)) {
            (Some(rows), Some(count)) if rows <= bounds.items && count <= bounds.bytes => Ok(count),
            (Some(rows), _) if rows <= bounds.items => Err(GraphError::TooManyBytes(bounds.bytes).into()),
            _ => Err(GraphError::TooManyItems(bounds.items).into()),
        }
    }
}

fn shape_of(answer: &Value) -> Result<Vec<usize>> {
    let lengths: Option<Vec<usize>> = match answer {
        Value::Tuple(lengths) if lengths.len() <= MAX_DIMENSIONS => {
            lengths.iter().map(|n| n.to_u64().and_then(|n| usize::try_from(n).ok())).collect()
        }
        length => length.to_u64().and_then(|n| usize::try_from(n).ok()).map(|n| vec![n]),
    };
    lengths.ok_or_else(|| Error::Malformed(format!("the shape of an array is {}", answer.repr())))
}

const NOTHING: &[Value] = &[];

fn method<'a>(name: &'a str, args: &'a [Value]) -> Ask<'a> {
    Ask::CallAttr { name, args, keywords: &[] }
}

fn text(answer: &Value) -> Option<&str> {
    if let Value::Str(text) = answer { Some(text.as_str()) } else { None }
}

impl Obtaining<'_> {
    /// Copies all arrays and numpy numbers and strings in values, so that `admit` finds them.
    pub(super) fn arrays<'v>(&mut self, values: impl Iterator<Item = &'v Value>) -> Result<()> {
        let (mut found, mut seen) = (Vec::new(), HashSet::new());
        let mut look = |value: &Value| {
            if let Value::Ref(object) = value {
                if let Some(form) = form_of(object) {
                    if !self.known.contains_key(&key(object)) && seen.insert(key(object)) {
                        found.push((object.clone(), form));
                    }
                }
            }
        };
        for value in values {
            match value.is_container() {
                true => value.flat().for_each(|(_, inner)| look(inner)),
                false => look(value),
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let copies = self.copies(&found, &[], MAX_DIMENSIONS)?;
        for ((object, _), copied) in found.into_iter().zip(copies) {
            let piece: Piece = self.admit(copied.into_value())?;
            self.known.insert(key(&object), (object, piece));
        }
        Ok(())
    }

    /// Copies one array with its shape; bools as 0 and 1.
    pub(super) fn array(&mut self, object: &Reference) -> Result<Shaped> {
        let (name, _) = type_of(object);
        let refused = || Error::Type(format!("the object cannot be copied as an array of numbers: it is a {name}"));
        let form = form_of(object).filter(|form| !matches!(form, Form::Number(..) | Form::Text)).ok_or_else(refused)?;
        let copied = self.copies(&[(object.clone(), form)], &[], MAX_DIMENSIONS)?.pop();
        let (array, shape) = match copied {
            Some(Copied::Array { array, .. }) => array,
            Some(Copied::Value(Value::Bytes(bytes))) => {
                let length = bytes.len();
                let array = Array::share(Element::U8, bytes).map_err(|error| Error::Limit(error.to_string()))?;
                (array, vec![length])
            }
            Some(Copied::Value(Value::List(items))) if items.is_empty() => {
                (Array::of_values(Element::F64, &[]).ok_or_else(refused)?, vec![0])
            }
            _ => return Err(Error::Type(format!("the items of the {name} are not numbers of one type"))),
        };
        match array.data().len() > self.bounds.bytes {
            true => Err(GraphError::TooManyBytes(self.bounds.bytes).into()),
            false => Ok((array, shape)),
        }
    }

    /// `within` has the containing arrays of each object, or is empty.
    fn copies(&mut self, found: &[(Reference, Form)], within: &[Rc<Within>], levels: usize) -> Result<Vec<Copied>> {
        found.iter().try_for_each(|(object, _)| self.meet(object))?;
        let mut copied: Vec<Option<Copied>> = found.iter().map(|_| None).collect();
        if self.public != Some(false) {
            self.by_bytes(found, &mut copied)?;
        }
        self.scalars(found, &mut copied)?;
        self.by_items(found, within, &mut copied, levels)?;
        let missing = || Error::State("a reply is missing".into());
        copied.into_iter().map(|one| one.ok_or_else(missing)).collect()
    }

    /// Copies the objects whose bytes and layout the peer sends.
    fn by_bytes(&mut self, found: &[(Reference, Form)], copied: &mut [Option<Copied>]) -> Result<()> {
        let asks = found.iter().flat_map(|(object, form)| {
            let (what, shape) = match form {
                Form::Numpy => (Some(Ask::GetAttr("dtype")), Some(Ask::GetAttr("shape"))),
                Form::View => (Some(Ask::GetAttr("format")), Some(Ask::GetAttr("shape"))),
                Form::Array => (Some(Ask::GetAttr("typecode")), Some(method("__len__", NOTHING))),
                Form::Bytes => (None, Some(method("__len__", NOTHING))),
                Form::Number(..) | Form::Text => (None, None),
            };
            [what, shape].into_iter().flatten().map(move |ask| (object, ask))
        });
        let mut answers = self.burst(asks)?.into_iter();
        let (mut plans, mut types) = (Vec::new(), Vec::new());
        let mut refused = false;
        for (at, (_, form)) in found.iter().enumerate() {
            if matches!(form, Form::Number(..) | Form::Text) {
                continue;
            }
            let what = if *form == Form::Bytes { Some(Ok(Value::None)) } else { answers.next() };
            let (Some(Ok(what)), Some(Ok(shape))) = (what, answers.next()) else {
                refused = true;
                continue;
            };
            let layout = match what {
                Value::None => Told::Bytes,
                Value::Str(code) => Told::Code(code.to_string()),
                Value::Ref(object) => {
                    let known = types.iter().position(|known| key(known) == key(&object));
                    Told::Type(known.unwrap_or_else(|| {
                        types.push(object);
                        types.len() - 1
                    }))
                }
                other => return Err(Error::Malformed(format!("the type of an array is {}", other.repr()))),
            };
            plans.push(Plan { at, shape: shape_of(&shape)?, layout });
        }
        if refused && self.public.is_none() {
            self.public = Some(false);
        }
        plans.iter().try_for_each(|plan| plan.count(self.bounds).map(drop))?;
        self.bytes(found, &plans, &types, copied)
    }

    /// Sends the second burst: the bytes.
    fn bytes(
        &mut self,
        found: &[(Reference, Form)],
        plans: &[Plan],
        types: &[Reference],
        copied: &mut [Option<Copied>],
    ) -> Result<()> {
        let latin = [Value::str("latin-1")];
        let content = plans.iter().filter_map(|plan| {
            let (object, form) = found.get(plan.at)?;
            Some((object, if *form == Form::Bytes { method("decode", &latin) } else { method("tobytes", NOTHING) }))
        });
        let names = types.iter().map(|of| (of, Ask::GetAttr("str")));
        let mut answers = self.burst(names.chain(content))?;
        let contents = answers.split_off(types.len());
        let mut others = Vec::new();
        for (plan, content) in plans.iter().zip(contents) {
            let count = plan.count(self.bounds)?;
            let answer = match (content, &plan.layout) {
                (Ok(Value::Str(text)), Told::Bytes) => {
                    let bytes: Option<Vec<u8>> = text.as_str().chars().map(|c| u8::try_from(c).ok()).collect();
                    bytes.map(|bytes| Copied::Value(Value::Bytes(bytes.into())))
                }
                (Ok(Value::Bytes(bytes)), told) => {
                    let layout = match told {
                        Told::Type(at) => match answers.get(*at) {
                            Some(Ok(name)) => text(name).and_then(Layout::of_numpy),
                            _ => None,
                        },
                        Told::Code(code) => Layout::of_code(code, bytes.len().checked_div(count)),
                        Told::Bytes => None,
                    };
                    let fits = layout.filter(|layout| layout.size().checked_mul(count) == Some(bytes.len()));
                    let read = fits.and_then(|layout| Some((layout.read(bytes).ok()?, layout.is_bool())));
                    read.map(|(array, truths)| Copied::Array { array: (array, plan.shape.clone()), truths })
                }
                // Anything else is requested by item.
                _ => None,
            };
            match (answer, found.get(plan.at)) {
                (Some(answer), _) => {
                    self.public = Some(true);
                    if let Some(place) = copied.get_mut(plan.at) {
                        *place = Some(answer);
                    }
                }
                (None, Some((object, Form::Numpy))) => others.push((plan.at, object)),
                (None, _) => {}
            }
        }
        // Neither numbers nor objects that must be requested one by one: complex numbers, strings and the like.
        let lists = self.burst(others.iter().map(|(_, object)| (*object, method("tolist", NOTHING))))?;
        for ((at, _), list) in others.iter().zip(lists) {
            if let (Ok(list), Some(place)) = (list, copied.get_mut(*at)) {
                *place = Some(Copied::Value(list));
            }
        }
        Ok(())
    }

    /// Copies numpy numbers and strings, all in one burst.
    fn scalars(&mut self, found: &[(Reference, Form)], copied: &mut [Option<Copied>]) -> Result<()> {
        let whole = [Value::Slice(Arc::new([Value::None, Value::None, Value::None]).into())];
        let asked = found.iter().filter_map(|(object, form)| match form {
            Form::Number(name, _) => Some((object, method(name, NOTHING))),
            Form::Text => Some((object, method("__getitem__", &whole))),
            _ => None,
        });
        let mut answers = self.burst(asked)?.into_iter();
        for ((_, form), place) in found.iter().zip(copied) {
            if let Some(answer) = answers_for(form, &mut answers) {
                *place = Some(Copied::Value(answer?));
            }
        }
        Ok(())
    }

    /// Copies the rest by their items, and the items that are objects.
    fn by_items(
        &mut self,
        found: &[(Reference, Form)],
        within: &[Rc<Within>],
        copied: &mut [Option<Copied>],
        levels: usize,
    ) -> Result<()> {
        let left: Vec<usize> = copied.iter().enumerate().filter(|(_, one)| one.is_none()).map(|(at, _)| at).collect();
        let objects: Vec<&(Reference, Form)> = left.iter().filter_map(|at| found.get(*at)).collect();
        if objects.is_empty() {
            return Ok(());
        }
        // Each has at least one byte, and one more than allowed shows that there are too many.
        let count = self.count().min(i64::try_from(self.bounds.bytes).map_or(i64::MAX, |most| most.saturating_add(1)));
        let answers = self.burst(objects.iter().map(|(object, _)| (object, Ask::BuffIter(count))))?;
        let mut items = Vec::new();
        for ((object, form), answer) in objects.iter().zip(answers) {
            items.push(match answer {
                Ok(Value::Tuple(items)) if items.len() > self.bounds.bytes => {
                    return Err(GraphError::TooManyBytes(self.bounds.bytes).into());
                }
                Ok(answer) => (false, self.items_of(answer, count)?),
                // An array without dimensions.
                Err(_) if *form == Form::Numpy => {
                    let nothing = [Value::tuple(Vec::new())];
                    let number = self.burst(std::iter::once((object, method("__getitem__", &nothing))))?;
                    (true, number.into_iter().collect::<Result<_>>()?)
                }
                Err(error) => return Err(error),
            });
        }
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        for (at, (_, items)) in left.iter().zip(&items) {
            let Some((object, _)) = found.get(*at) else { continue };
            let here = Rc::new(Within { key: key(object), outer: within.get(*at).cloned() });
            for (item, form) in items.iter().filter_map(nested) {
                if here.has(key(&item)) {
                    return Err(GraphError::Cycle.into());
                }
                inner.push((item, form));
                outer.push(here.clone());
            }
        }
        let mut forms = inner.iter().map(|(_, form)| *form);
        let copies = match levels.checked_sub(1) {
            _ if inner.is_empty() => Vec::new(),
            Some(levels) => self.copies(&inner, &outer, levels)?,
            None => return Err(GraphError::TooDeep(MAX_DIMENSIONS).into()),
        };
        let mut copies = copies.into_iter();
        for ((at, (_, form)), (single, items)) in left.iter().zip(objects).zip(items) {
            let items = items.into_iter().map(|item| match nested(&item) {
                Some(_) => (forms.next(), copies.next().unwrap_or(Copied::Value(Value::None))),
                None => (None, Copied::Value(item)),
            });
            let whole = joined(*form, single, items.collect());
            if let Some(place) = copied.get_mut(*at) {
                *place = Some(whole);
            }
        }
        Ok(())
    }
}

fn answers_for(form: &Form, answers: &mut impl Iterator<Item = Result<Value>>) -> Option<Result<Value>> {
    if let Form::Number(..) | Form::Text = form { answers.next() } else { None }
}

/// Returns an item that must be copied itself.
fn nested(item: &Value) -> Option<(Reference, Form)> {
    if let Value::Ref(object) = item { form_of(object).map(|form| (object.clone(), form)) } else { None }
}

/// Joins the items of an array, each with its form if it was an object.
fn joined(form: Form, single: bool, items: Vec<(Option<Form>, Copied)>) -> Copied {
    let element = match items.first() {
        Some((Some(Form::Number(_, Some(element))), _)) => Some(*element),
        _ => None,
    };
    let alike = items.iter().all(|(form, _)| matches!(form, Some(Form::Number(_, of)) if *of == element));
    let mut rows = Vec::new();
    for (_, item) in &items {
        match item {
            Copied::Array { array, truths: false } => rows.push(array.clone()),
            _ => break,
        }
    }
    if rows.len() == items.len() {
        if let Some(array) = Array::concat(&rows) {
            return Copied::Array { array, truths: false };
        }
    }
    let mut values: Vec<Value> = items.into_iter().map(|(_, item)| item.into_value()).collect();
    let length = values.len();
    let element = element.filter(|_| alike).or_else(|| match form {
        Form::Array | Form::View => Element::of_values(&values),
        Form::Bytes => Some(Element::U8),
        _ => None,
    });
    match element.and_then(|element| Array::of_values(element, &values)) {
        _ if single => Copied::Value(values.pop().unwrap_or_default()),
        Some(bytes) if form == Form::Bytes => Copied::Value(Value::Bytes(bytes.to_bytes())),
        Some(array) => Copied::Array { array: (array, vec![length]), truths: false },
        None => Copied::Value(Value::List(values.into())),
    }
}
