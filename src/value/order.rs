//! Python's order of numbers, strings, bytes, dates and times.

use super::Value;
use super::number::int_of_float;
use std::cmp::Ordering;

impl Value {
    /// Compares two numbers, strings, bytes, dates or times. Some(None) if one is NaN, None if Python does not order
    /// them.
    pub fn py_order(&self, other: &Value) -> Option<Option<Ordering>> {
        match (self, other) {
            (Value::Str(a), Value::Str(b)) => Some(Some(a.as_bytes().cmp(b.as_bytes()))),
            (Value::Bytes(a), Value::Bytes(b)) => Some(Some(a.cmp(b))),
            (Value::Temporal(a), Value::Temporal(b)) => a.order(b).map(Some),
            (Value::Float(a), Value::Float(b)) => Some(a.partial_cmp(b)),
            (Value::Float(x), other) => int_and_float(other, *x).map(|order| order.map(Ordering::reverse)),
            (this, Value::Float(x)) => int_and_float(this, *x),
            _ => ints(self, other).map(Some),
        }
    }
}

fn int_and_float(n: &Value, x: f64) -> Option<Option<Ordering>> {
    n.int_to_text()?;
    if x.is_nan() {
        return Some(None);
    }
    if x.is_infinite() {
        return Some(Some(if x > 0.0 { Ordering::Less } else { Ordering::Greater }));
    }
    let whole = ints(n, &int_of_float(x.floor())?)?;
    Some(Some(whole.then(if x > x.floor() { Ordering::Less } else { Ordering::Equal })))
}

fn ints(a: &Value, b: &Value) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.to_i64(), b.to_i64()) {
        return Some(a.cmp(&b));
    }
    match (a, b) {
        (Value::BigInt(a), Value::BigInt(b)) => {
            let size = || a.digits().cmp(&b.digits()).then_with(|| a.text().as_bytes().cmp(b.text().as_bytes()));
            Some(match (a.is_negative(), b.is_negative()) {
                (false, false) => size(),
                (true, true) => size().reverse(),
                (true, false) => Ordering::Less,
                (false, true) => Ordering::Greater,
            })
        }
        (Value::BigInt(a), b) => b.to_i64().map(|_| if a.is_negative() { Ordering::Less } else { Ordering::Greater }),
        (a, Value::BigInt(_)) => a.to_i64().and_then(|_| ints(b, a)).map(Ordering::reverse),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn int(text: &str) -> Value {
        Value::int_from_text(text.as_bytes(), 4300).unwrap()
    }

    #[test]
    fn numbers_of_all_kinds_stand_in_one_order() {
        let line = [
            Value::Float(f64::NEG_INFINITY),
            int("-100000000000000000000"),
            int("-99999999999999999999"),
            Value::Int(i64::MIN),
            Value::Float(-0.5),
            Value::Bool(false),
            Value::Float(0.5),
            Value::Bool(true),
            Value::Int((1 << 53) + 1),
            Value::Float(9_007_199_254_740_994.0),
            Value::Int(i64::MAX),
            Value::Float(9_223_372_036_854_775_808.0),
            int("99999999999999999999"),
            int("100000000000000000001"),
            Value::Float(f64::INFINITY),
        ];
        for (i, a) in line.iter().enumerate() {
            for (j, b) in line.iter().enumerate() {
                assert_eq!(a.py_order(b), Some(Some(i.cmp(&j))), "{} and {}", a.repr(), b.repr());
            }
        }
    }

    #[test]
    fn what_has_no_order() {
        assert_eq!(Value::Float(f64::NAN).py_order(&Value::Int(1)), Some(None));
        assert_eq!(Value::str("1").py_order(&Value::Int(1)), None);
        assert_eq!(Value::Int(1).py_order(&Value::None), None);
        assert_eq!(Value::None.py_order(&Value::Float(1.0)), None);
        assert_eq!(Value::str("a").py_order(&Value::str("é")), Some(Some(Ordering::Less)));
    }
}
