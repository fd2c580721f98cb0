//! Lists, dicts, sets, generators and files of this process that peers use like Python's own: modifiable ones, and
//! those by value.
//!
//! None of their locks is held while foreign code runs: a comparison may make a request to a peer, and dropping a value
//! may run a destructor of the application.

mod array;
mod compare;
mod credit;
mod cycles;
mod dict;
mod entries;
mod file;
mod frozen;
mod generator;
mod growth;
mod iterate;
mod list;
mod mappingproxy;
mod members;
mod method;
mod reckon;
mod release;
mod set;
mod slice;
mod stream;
mod times;
mod unpickle;
mod views;

pub(super) use array::array;
pub use cycles::CycleCandidates;
pub use dict::Dict;
pub use file::{File, FileMode};
pub(super) use frozen::{dict, frozenset, list};
pub use generator::Generator;
pub use list::List;
pub(super) use slice::slice;
pub(super) use times::time;
pub use unpickle::unpickle;

use compare::{
    counted, equal, is_wanted, items_equal, ordered, repr, repr_once, reprs, sequences_equal, sequences_ordered,
};
use iterate::{Continue, Enough, each, every, has_attr, iterate, iterate_or, list_items};
use method::{
    Takes, arg, as_index, as_number_of_c, as_object, class, comparison, data, indexed, method, object, property, this,
    type_error, type_name, value_error,
};

#[cfg(test)]
mod tests {
    use super::super::call::Call;
    use super::super::class::{Function, Member, MemberKind, Method};
    use super::super::operations::ask;
    use super::super::peer::{Outcome, outcome};
    use super::iterate::iterate_at_most;
    use super::*;
    use crate::error::Exception;
    use crate::value::{Ask, Reference, Text, Value};
    use std::sync::Arc;

    #[test]
    fn iterables_without_an_end() {
        let endless: Method = Arc::new(|mut call: Call| drop(call.reply(Value::Int(1))));
        let is_memory_error = |error: Exception| error.is_builtin("MemoryError");
        assert!(iterate_at_most(&object(Generator::object(endless)), 1000).is_err_and(is_memory_error));
        for value in [Value::str("abc"), Value::Bytes(b"abc".to_vec().into())] {
            assert_eq!(iterate_at_most(&value, 3).unwrap().len(), 3);
            assert!(iterate_at_most(&value, 2).is_err_and(is_memory_error));
        }
    }

    #[test]
    fn peers_meet_a_limit() {
        let numbers = || (0..growth::MAX_ITEMS as i64).map(Value::Int);
        let ask = |object: &Value, name, args: &[Value]| match object {
            Value::Ref(object) => outcome(ask(object, Ask::CallAttr { name, args, keywords: &[] })),
            other => panic!("{other:?}"),
        };
        let is_full = |outcome: Outcome| outcome.is_err_and(|error| error.is_builtin("MemoryError"));
        let list = object(List::object(numbers().collect()));
        assert!(is_full(ask(&list, "append", &[Value::None])));
        assert!(is_full(ask(&list, "insert", &[Value::Int(0), Value::None])));
        assert!(ask(&list, "pop", &[]).is_ok() && ask(&list, "append", &[Value::None]).is_ok());
        let dict = object(Dict::object(numbers().map(|n| (n, Value::None)).collect()).unwrap());
        for name in ["__setitem__", "setdefault"] {
            assert!(is_full(ask(&dict, name, &[Value::str("new"), Value::None])));
            assert!(ask(&dict, name, &[Value::Int(1), Value::None]).is_ok());
        }
        assert!(is_full(ask(
            &dict,
            "update",
            &[Value::tuple(vec![Value::tuple(vec![Value::str("new"), Value::None])])]
        )));
        let keys = ask(&dict, "keys", &[]).unwrap();
        assert!(is_full(ask(&keys, "__or__", &[Value::str("a")])));
        let set = ask(&keys, "__or__", &[Value::str("")]).unwrap();
        assert!(is_full(ask(&set, "add", &[Value::None])) && ask(&set, "add", &[Value::Int(1)]).is_ok());
    }

    #[test]
    fn what_is_given_by_value() {
        let numbers = |from: i64, to: i64| (from..to).map(Value::Int);
        let call = |of: &Value, name, args: &[Value]| match of {
            Value::Ref(of) => outcome(ask(of, Ask::CallAttr { name, args, keywords: &[] })),
            other => panic!("{other:?}"),
        };
        let is = |outcome: Outcome, wanted: &Value| outcome.is_ok_and(|value| value.py_eq(wanted));
        let set = object(frozenset(numbers(0, 100).collect()));
        for n in [0, 50, 99] {
            assert!(is(call(&set, "__contains__", &[Value::Int(n)]), &Value::Bool(true)));
        }
        assert!(is(call(&set, "__contains__", &[Value::Float(0.5)]), &Value::Bool(false)));
        assert!(is(call(&set, "__contains__", &[Value::Float(f64::NAN)]), &Value::Bool(false)));
        assert!(
            call(&set, "__contains__", &[Value::List([].into())]).is_err_and(|error| error.is_builtin("TypeError"))
        );
        let some = Value::FrozenSet(numbers(98, 102).collect());
        assert!(is(call(&set, "__and__", std::slice::from_ref(&some)), &Value::FrozenSet(numbers(98, 100).collect())));
        assert!(is(
            call(&set, "__rsub__", std::slice::from_ref(&some)),
            &Value::FrozenSet(numbers(100, 102).collect())
        ));
        assert!(is(call(&set, "__or__", &[some]), &Value::FrozenSet(numbers(0, 102).collect())));
        assert!(is(call(&set, "__gt__", &[Value::FrozenSet(numbers(0, 9).collect())]), &Value::Bool(true)));
        assert!(is(call(&set, "__eq__", &[object(frozenset(numbers(0, 100).collect()))]), &Value::Bool(true)));
        let few = object(frozenset(numbers(1, 2).collect()));
        assert!(is(call(&few, "__repr__", &[]), &Value::str("frozenset({1})")));
        assert_eq!(iterate(&few).unwrap(), [Value::Int(1)]);
        let pairs = numbers(0, 1000).map(|n| (n.clone(), n)).collect();
        let dict = object(dict(pairs));
        for n in [0, 500, 999] {
            assert!(is(call(&dict, "__getitem__", &[Value::Float(n as f64)]), &Value::Int(n)));
        }
        for (of, change) in [(&set, "add"), (&dict, "update"), (&object(list([].into())), "append")] {
            assert!(call(of, change, &[Value::None]).is_err_and(|error| error.is_builtin("AttributeError")));
        }
    }

    #[test]
    fn sorting_keeps_the_order_of_equals() {
        for count in [0, 1, 2, 3, 7, 8, 9, 1000] {
            let items = (0..count).map(|n| Value::tuple(vec![Value::Int(n * 7 % 5), Value::Int(n)]));
            let list = object(List::object(items.clone().collect()));
            let Value::Ref(reference) = &list else { unreachable!() };
            let first: Method = Arc::new(|mut call: Call| {
                let Value::Tuple(pair) = arg(&call, 0) else { panic!("no pair") };
                let _ = call.reply(pair[0].clone());
            });
            let member = Member {
                name: "first".into(),
                doc: None,
                kind: MemberKind::Method { run: first, signature: None, quick: false },
            };
            let key = Value::Ref(Reference::Local(Function::new(member, Box::new(()))));
            for reverse in [false, true] {
                let keywords = [(Text::new("key"), key.clone()), (Text::new("reverse"), Value::Bool(reverse))];
                let sort = Ask::CallAttr { name: "sort", args: &[], keywords: &keywords };
                outcome(ask(reference, sort)).unwrap();
                let mut wanted: Vec<Value> = items.clone().collect();
                let by = |pair: &Value| if let Value::Tuple(pair) = pair { pair[0].to_i64() } else { None };
                wanted.sort_by(|a, b| if reverse { by(b).cmp(&by(a)) } else { by(a).cmp(&by(b)) });
                let sorted = as_object::<List>(&list).unwrap();
                assert_eq!(List::of(&sorted).unwrap().snapshot(), wanted);
                List::of(&sorted).unwrap().clear();
                items.clone().for_each(|item| List::of(&sorted).unwrap().append(item));
            }
        }
    }

    #[test]
    fn texts_that_grow_at_each_level() {
        let mut list = object(List::object(vec![Value::from("x".repeat(1 << 10))]));
        for _ in 0..9 {
            list = object(List::object(vec![list; 10]));
        }
        assert!(repr(&list).is_err_and(|error| error.is_builtin("MemoryError")));
    }
}
