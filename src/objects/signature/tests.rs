use super::literal::Cursor;
use super::*;

fn parse(text: &str) -> Signature {
    Signature::parse(text).unwrap_or_else(|e| panic!("{e}"))
}

fn refusal(text: &str) -> String {
    match Signature::parse(text) {
        Err(Error::Argument(message)) => message,
        other => panic!("{text}: {other:?}"),
    }
}

/// The arguments of a call as Python writes it: `add(1, 2, c=3)`.
fn call(text: &str) -> (Vec<Value>, Vec<(Text, Value)>) {
    let (mut args, mut keywords) = (Vec::new(), Vec::new());
    let mut cursor = Cursor::new(text);
    cursor.identifier();
    assert!(cursor.eat("("), "{text}");
    while !cursor.eat(")") {
        cursor.skip_space();
        let mut ahead = Cursor::new(text.split_at(cursor.at()).1);
        match ahead.identifier() {
            Some(name) if ahead.eat("=") => {
                assert!(cursor.eat(name) && cursor.eat("="));
                keywords.push((Text::new(name), cursor.literal().unwrap()));
            }
            _ => args.push(cursor.literal().unwrap()),
        }
        assert!(cursor.eat(",") || cursor.peek() == Some(')'), "{text}");
    }
    (args, keywords)
}

/// The slots as Python prints a tuple of them, or the message of the TypeError.
fn outcome(signature: &str, text: &str) -> String {
    let (args, keywords) = call(text);
    match parse(signature).bind(args, keywords) {
        Ok(slots) => Value::tuple(slots).repr(),
        Err(e) => {
            assert!(e.is_builtin("TypeError"));
            match e.args.as_slice() {
                [Value::Str(message)] => message.to_string(),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// A signature, a call, and what CPython 3.11 makes of them.
const CALLS: &[(&str, &str, &str)] = &[
    // By position
    ("f()", "f()", "()"),
    ("f()", "f(1)", "f() takes 0 positional arguments but 1 was given"),
    ("f()", "f(1, 2)", "f() takes 0 positional arguments but 2 were given"),
    ("f(a)", "f(1)", "(1,)"),
    ("f(a)", "f()", "f() missing 1 required positional argument: 'a'"),
    ("f(a)", "f(1, 2)", "f() takes 1 positional argument but 2 were given"),
    ("add(a, b)", "add(1, 2)", "(1, 2)"),
    ("add(a, b)", "add(1)", "add() missing 1 required positional argument: 'b'"),
    ("add(a, b)", "add()", "add() missing 2 required positional arguments: 'a' and 'b'"),
    ("add(a, b)", "add(1, 2, 3)", "add() takes 2 positional arguments but 3 were given"),
    ("f(a, b, c)", "f()", "f() missing 3 required positional arguments: 'a', 'b', and 'c'"),
    ("f(a, b, c, d)", "f()", "f() missing 4 required positional arguments: 'a', 'b', 'c', and 'd'"),
    // With defaults
    ("f(a, b=2)", "f(1)", "(1, 2)"),
    ("f(a, b=2)", "f(1, 5)", "(1, 5)"),
    ("f(a, b=2)", "f()", "f() missing 1 required positional argument: 'a'"),
    ("f(a, b=2)", "f(1, 2, 3)", "f() takes from 1 to 2 positional arguments but 3 were given"),
    ("f(a=1)", "f()", "(1,)"),
    ("f(a=1)", "f(1, 2)", "f() takes from 0 to 1 positional arguments but 2 were given"),
    ("f(a, b=2, c=3)", "f(1, c=0)", "(1, 2, 0)"),
    ("f(a, b=2, c=3)", "f(c=0)", "f() missing 1 required positional argument: 'a'"),
    // By name
    ("f(a, b)", "f(b=2, a=1)", "(1, 2)"),
    ("f(a, b)", "f(1, b=2)", "(1, 2)"),
    ("f(a, b)", "f(b=2)", "f() missing 1 required positional argument: 'a'"),
    ("f(a, b)", "f(1, a=2)", "f() got multiple values for argument 'a'"),
    ("f(a, b)", "f(1, 2, a=2)", "f() got multiple values for argument 'a'"),
    ("f(a, b)", "f(1, 2, 3, a=2)", "f() got multiple values for argument 'a'"),
    ("f(a, b)", "f(x=2)", "f() got an unexpected keyword argument 'x'"),
    ("f(a, b)", "f(1, 2, x=2)", "f() got an unexpected keyword argument 'x'"),
    ("f(a, b)", "f(1, 2, 3, x=2)", "f() got an unexpected keyword argument 'x'"),
    ("f(a, b)", "f(1, a=1, x=2)", "f() got multiple values for argument 'a'"),
    ("f(a, b)", "f(1, x=2, a=1)", "f() got an unexpected keyword argument 'x'"),
    ("f()", "f(x=1)", "f() got an unexpected keyword argument 'x'"),
    // Only by position
    ("f(a, /, b)", "f(1, 2)", "(1, 2)"),
    ("f(a, /, b)", "f(1, b=2)", "(1, 2)"),
    ("f(a, /)", "f(a=1)", "f() got some positional-only arguments passed as keyword arguments: 'a'"),
    ("f(a, b, /)", "f(b=1, a=1)", "f() got some positional-only arguments passed as keyword arguments: 'a, b'"),
    ("f(a, b, /)", "f(1, b=1)", "f() got some positional-only arguments passed as keyword arguments: 'b'"),
    ("f(a, b, /)", "f(x=0, b=1)", "f() got some positional-only arguments passed as keyword arguments: 'b'"),
    ("f(a, /, b)", "f(1, a=1)", "f() got some positional-only arguments passed as keyword arguments: 'a'"),
    ("f(a, /)", "f(1, x=1)", "f() got an unexpected keyword argument 'x'"),
    ("f(a, b=2, /)", "f(1)", "(1, 2)"),
    ("f(a, /, **k)", "f(1, a=2)", "(1, {'a': 2})"),
    ("f(a, /, **k)", "f(a=2)", "f() missing 1 required positional argument: 'a'"),
    // Only by name
    ("f(*, c)", "f(c=1)", "(1,)"),
    ("f(*, c)", "f()", "f() missing 1 required keyword-only argument: 'c'"),
    ("f(*, c, d)", "f()", "f() missing 2 required keyword-only arguments: 'c' and 'd'"),
    ("f(*, c, d=4, e, g)", "f()", "f() missing 3 required keyword-only arguments: 'c', 'e', and 'g'"),
    ("f(*, c)", "f(1)", "f() takes 0 positional arguments but 1 was given"),
    (
        "f(*, c)",
        "f(1, c=2)",
        "f() takes 0 positional arguments but 1 positional argument (and 1 keyword-only argument) were given",
    ),
    (
        "f(a, *, c, d=1)",
        "f(1, 2, c=2, d=3)",
        "f() takes 1 positional argument but 2 positional arguments (and 2 keyword-only arguments) were given",
    ),
    (
        "f(a, b=1, *, c)",
        "f(1, 2, 3, c=2)",
        "f() takes from 1 to 2 positional arguments but 3 positional arguments (and 1 keyword-only argument) were given",
    ),
    ("f(a, *, c)", "f()", "f() missing 1 required positional argument: 'a'"),
    ("f(a, *, c=3, d)", "f(1, d=4)", "(1, 3, 4)"),
    // The rest
    ("f(*rest)", "f()", "((),)"),
    ("f(*rest)", "f(1, 2)", "((1, 2),)"),
    ("f(*rest)", "f(rest=1)", "f() got an unexpected keyword argument 'rest'"),
    ("f(a, *rest)", "f(1)", "(1, ())"),
    ("f(a, *rest)", "f(1, 2)", "(1, (2,))"),
    ("f(a, *rest)", "f(1, 2, a=3)", "f() got multiple values for argument 'a'"),
    ("f(**named)", "f()", "({},)"),
    ("f(**named)", "f(b=1, a=2)", "({'b': 1, 'a': 2},)"),
    ("f(**named)", "f(named=1)", "({'named': 1},)"),
    ("f(**named)", "f(1)", "f() takes 0 positional arguments but 1 was given"),
    ("f(*rest, **named)", "f(1, rest=2)", "((1,), {'rest': 2})"),
    ("add(a, b=2, *rest, c=3, **named)", "add(1)", "(1, 2, (), 3, {})"),
    ("add(a, b=2, *rest, c=3, **named)", "add(1, 9, 8, 7, d=6, c=5)", "(1, 9, (8, 7), 5, {'d': 6})"),
    ("add(a, b=2, *rest, c, **named)", "add(1, 2, 3, d=6)", "add() missing 1 required keyword-only argument: 'c'"),
    ("f(größe)", "f()", "f() missing 1 required positional argument: 'größe'"),
    ("f(größe)", "f(größe=1)", "(1,)"),
];

#[test]
fn calls_as_in_python() {
    for (signature, call, expected) in CALLS {
        assert_eq!(outcome(signature, call), *expected, "{signature}: {call}");
    }
}

/// A literal and what Python prints for it.
const LITERALS: &[(&str, &str)] = &[
    ("None", "None"),
    ("True", "True"),
    ("False", "False"),
    ("Ellipsis", "Ellipsis"),
    ("...", "Ellipsis"),
    ("0", "0"),
    ("000", "0"),
    ("-0", "0"),
    ("+7", "7"),
    ("- 5", "-5"),
    ("1_000", "1000"),
    ("9223372036854775807", "9223372036854775807"),
    ("9223372036854775808", "9223372036854775808"),
    ("-9223372036854775808", "-9223372036854775808"),
    ("-9223372036854775809", "-9223372036854775809"),
    ("0xff", "255"),
    ("0X_fF_fF", "65535"),
    ("-0x8000000000000000", "-9223372036854775808"),
    ("0xffffffffffffffffffff", "1208925819614629174706175"),
    ("0o17", "15"),
    ("0b1010", "10"),
    ("1.5", "1.5"),
    ("-.5", "-0.5"),
    ("1.", "1.0"),
    ("01.5", "1.5"),
    ("-0.0", "-0.0"),
    ("1e3", "1000.0"),
    ("1_0.2_5E-0_1", "1.025"),
    ("1e999", "inf"),
    ("2j", "2j"),
    ("-2j", "(-0-2j)"),
    ("01.5e1J", "15j"),
    ("1+2j", "(1+2j)"),
    ("-1.5 - 2j", "(-1.5-2j)"),
    ("-0.0+1j", "1j"),
    ("1-0j", "(1+0j)"),
    ("(1+2j)", "(1+2j)"),
    ("''", "''"),
    ("'it'", "'it'"),
    ("\"it's\"", "\"it's\""),
    ("'a, b) = \"c\"'", "'a, b) = \"c\"'"),
    (r"'\\\'\x22\a\b\f\n\r\t\v'", r#"'\\\'"\x07\x08\x0c\n\r\t\x0b'"#),
    (r"'\0\12\1234\777'", r"'\x00\nS4ǿ'"),
    (r"'\xe9\u20ac\U0001f600é€😀'", "'é€😀é€😀'"),
    ("b''", "b''"),
    (r#"B"a'\x00\xff\377\n""#, r#"b"a'\x00\xff\xff\n""#),
    ("()", "()"),
    ("(1)", "1"),
    ("(1,)", "(1,)"),
    ("( 1 , 'a' )", "(1, 'a')"),
    ("(1, (), (None, (b'x',)),)", "(1, (), (None, (b'x',)))"),
];

#[test]
fn literals_as_in_python() {
    for (literal, expected) in LITERALS {
        let text = format!("f(a={literal}, b = {literal} )");
        let slots = parse(&text).bind(vec![], vec![]).unwrap();
        assert_eq!(slots.iter().map(Value::repr).collect::<Vec<_>>(), [*expected; 2], "{literal}");
    }
}

#[test]
fn integers_have_one_form() {
    let slots = parse("f(a=-9223372036854775808, b=0x7fffffffffffffff, c=-0x8000000000000000)").bind(vec![], vec![]);
    assert_eq!(slots.unwrap(), [Value::Int(i64::MIN), Value::Int(i64::MAX), Value::Int(i64::MIN)]);
}

#[test]
fn texts_that_are_no_literals() {
    let expected = "expected a literal (None, a bool, number, str, bytes, or tuple of such) (at 4)";
    for bad in ["x", "none", "[]", "{}", "f'x'", "r'x'", "*", "", "..", "~1", "not", "bb''"] {
        let message = refusal(&format!("f(a={bad})"));
        let number = bad == "..";
        assert!(message.ends_with(if number { "malformed number (at 4)" } else { expected }), "{message}");
    }
    for bad in [
        "1a", "0x", "0xg", "0b2", "0o8", "0x__1", "1__0", "1_", "1_.0", "1._0", "1e", "1e+", "1e_1", ".", ".e1", "010",
        "1.5.2", "1jj", "0x1.5", "1.e", "5_j", "0x1j",
    ] {
        let message = refusal(&format!("f(a={bad})"));
        assert!(message.ends_with("malformed number (at 4)"), "{message}");
    }
    let cases = [
        ("--1", "malformed number (at 5)"),
        ("-'a'", "malformed number (at 5)"),
        ("1+2", "expected an imaginary number (at 6)"),
        ("'abc", "the quote is never closed (at 4)"),
        ("'abc\n'", "the quote is never closed (at 4)"),
        (r"'abc\", r"unknown escape \) (at 8)"),
        (r"'\q'", r"unknown escape \q (at 5)"),
        (r"'\é'", r"unknown escape \é (at 5)"),
        (r"'\x1'", r"unknown escape \x1 (at 5)"),
        (r"'\ud800'", r"unknown escape \ud800 (at 5)"),
        (r"'\U00110000'", r"unknown escape \U00110000 (at 5)"),
        (r"b'\u0041'", r"unknown escape \u (at 6)"),
        (r"b'\400'", r"unknown escape \400 (at 6)"),
        ("b'é'", "'é' in bytes, which allow only ASCII (at 6)"),
        ("'a' 'b'", "expected ',' or ')' (at 8)"),
        ("(1 2)", "expected ',' or ')' (at 7)"),
        ("(,)", "expected a literal (None, a bool, number, str, bytes, or tuple of such) (at 5)"),
    ];
    for (bad, expected) in cases {
        let message = refusal(&format!("f(a={bad})"));
        assert!(message.ends_with(&format!(": {expected}")), "{message}");
    }
    let large = format!("f(a={}+1j)", "9".repeat(400));
    assert!(refusal(&large).ends_with("an integer too large for a complex number (at 4)"));
}

#[test]
fn nesting_has_an_end() {
    let nested = |levels: usize| format!("f(a={}{})", "(".repeat(levels), ")".repeat(levels));
    assert!(Signature::parse(&nested(100)).is_ok());
    assert!(refusal(&nested(100_000)).ends_with("tuples nested more than 100 deep (at 104)"));
}

#[test]
fn errors_name_the_place() {
    let cases = [
        ("add(a, a)", "signature 'add(a, a)': parameter 'a' twice (at 7)"),
        ("f(a='x', a)", r#"signature "f(a='x', a)": parameter 'a' twice (at 9)"#),
        ("f(a, *a)", "signature 'f(a, *a)': parameter 'a' twice (at 6)"),
        ("", "signature '': expected '(' (at 0)"),
        ("add", "signature 'add': expected '(' (at 3)"),
        ("a.(b)", "signature 'a.(b)': expected a name (at 2)"),
        ("1(b)", "signature '1(b)': expected '(' (at 0)"),
        ("f(", "signature 'f(': expected a parameter (at 2)"),
        ("f(a", "signature 'f(a': expected ',' or ')' (at 3)"),
        ("f(a b)", "signature 'f(a b)': expected ',' or ')' (at 4)"),
        ("f(,)", "signature 'f(,)': expected a parameter (at 2)"),
        ("f(a,,b)", "signature 'f(a,,b)': expected a parameter (at 4)"),
        ("f(1)", "signature 'f(1)': expected a parameter (at 2)"),
        ("f(from)", "signature 'f(from)': 'from' is a keyword of Python (at 2)"),
        ("f(*None)", "signature 'f(*None)': 'None' is a keyword of Python (at 3)"),
        ("f(a=1, b)", "signature 'f(a=1, b)': parameter 'b' needs a default, as the one before it (at 7)"),
        ("f(a=1, /, b)", "signature 'f(a=1, /, b)': parameter 'b' needs a default, as the one before it (at 10)"),
        ("f(*)", "signature 'f(*)': '*' needs a parameter after it (at 2)"),
        ("f(a, *,)", "signature 'f(a, *,)': '*' needs a parameter after it (at 5)"),
        ("f(*, **k)", "signature 'f(*, **k)': '*' needs a parameter after it (at 2)"),
        ("f(*a, *b)", "signature 'f(*a, *b)': '*' twice (at 6)"),
        ("f(*, *b)", "signature 'f(*, *b)': '*' twice (at 5)"),
        ("f(* *b)", "signature 'f(* *b)': expected a parameter (at 4)"),
        ("f(***b)", "signature 'f(***b)': expected a parameter (at 4)"),
        ("f(*a=())", "signature 'f(*a=())': expected ',' or ')' (at 4)"),
        ("f(**k={})", "signature 'f(**k={})': expected ',' or ')' (at 5)"),
        ("f(**k, a)", "signature 'f(**k, a)': nothing can follow '**' (at 7)"),
        ("f(**k, *a)", "signature 'f(**k, *a)': nothing can follow '**' (at 7)"),
        ("f(/)", "signature 'f(/)': '/' needs a parameter before it (at 2)"),
        ("f(a, /, /)", "signature 'f(a, /, /)': '/' twice (at 8)"),
        ("f(*a, /)", "signature 'f(*a, /)': '/' must precede '*' (at 6)"),
        ("f() x", "signature 'f() x': expected the end (at 4)"),
        ("f():", "signature 'f():': expected the end (at 3)"),
        ("f() -> ", "signature 'f() -> ': expected an annotation (at 7)"),
        ("f() -> int, str", "signature 'f() -> int, str': expected the end (at 10)"),
        ("f(a:)", "signature 'f(a:)': expected an annotation (at 4)"),
        ("f(a: = 1)", "signature 'f(a: = 1)': expected an annotation (at 5)"),
        ("f(a: list[int)", "signature 'f(a: list[int)': ')' closes nothing (at 13)"),
        ("f(a: list[int", "signature 'f(a: list[int': no ']' for this (at 9)"),
        ("f(a: 'int)", r#"signature "f(a: 'int)": the quote is never closed (at 5)"#),
        ("f(é, é)", "signature 'f(é, é)': parameter 'é' twice (at 6)"),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(text), expected);
    }
}

#[test]
fn annotations_are_skipped() {
    let text = "f(a: int, b: dict[str, tuple[int, ...]]=(1, 2), *rest: 'a, b', c: Callable[[int], str] | None = None, \
                **named: {'x': 1}) -> tuple[int, str]";
    let signature = parse(text);
    let slots = signature.bind(vec![Value::Int(1)], vec![]).unwrap();
    assert_eq!(Value::tuple(slots).repr(), "(1, (1, 2), (), None, {})");
    assert_eq!(signature.text(), text);
}

#[test]
fn spaces_and_commas_are_free() {
    let signature = parse(" f (\ta ,b= 2\n, /, * , c , ** named , ) -> None ");
    let slots = signature.bind(vec![Value::Int(1)], vec![(Text::new("c"), Value::Int(3))]).unwrap();
    assert_eq!(Value::tuple(slots).repr(), "(1, 2, 3, {})");
    assert_eq!(signature.name(), "f");
    assert!(signature.text().starts_with("f (") && signature.text().ends_with("None"));
}

#[test]
fn names() {
    let signature = parse("Calculator.add(a, b=2, *rest, c, **named)");
    assert_eq!(signature.name(), "Calculator.add");
    let parameters: Vec<&str> = (0..6).map_while(|slot| signature.parameter_name(slot)).collect();
    assert_eq!(parameters, ["a", "b", "rest", "c", "named"]);
    let error = signature.bind(vec![], vec![]).unwrap_err();
    assert_eq!(error.summary(), "TypeError: Calculator.add() missing 1 required positional argument: 'a'");

    let unnamed = parse("(a)").of("add").unwrap();
    assert_eq!((unnamed.name(), unnamed.text()), ("add", "add(a)"));
    assert_eq!(parse("(a)").name(), "");
    for (entry, good) in
        [("sum", true), ("exposed_sum", true), ("x_sum", true), ("add", false), ("checksum", false), ("sum_of", false)]
    {
        let of = parse("sum(a)").of(entry);
        assert_eq!(of.as_ref().is_ok_and(|signature| signature.text() == "sum(a)"), good, "{entry}");
        assert_eq!(parse("Numbers.sum(a)").of(entry).is_ok(), good, "{entry}");
    }
}

#[test]
fn a_call_that_fits_is_given_back_untouched() {
    for text in ["f(a, b)", "f(a, b=2)", "f(a, /, b)", "f(a=1, b=2, /)"] {
        let args = vec![Value::Int(7), Value::str("x")];
        let (place, capacity) = (args.as_ptr(), args.capacity());
        let slots = parse(text).bind(args, vec![]).unwrap();
        assert_eq!((slots.as_ptr(), slots.capacity()), (place, capacity), "{text}");
        assert_eq!(slots, [Value::Int(7), Value::str("x")]);
    }
}

#[test]
fn keywords_that_no_python_program_could_write() {
    let one = |name: &str, n| (Text::new(name), Value::Int(n));
    let signature = parse("f(a, **named)");
    let slots = signature.bind(vec![], vec![one("x y", 1), one("a", 2), one("", 3), one("x y", 4)]).unwrap();
    assert_eq!(Value::tuple(slots).repr(), "(2, {'x y': 4, '': 3})");
    let error = signature.bind(vec![], vec![one("a", 1), one("a", 2)]).unwrap_err();
    assert_eq!(error.summary(), "TypeError: f() got multiple values for argument 'a'");
    let error = parse("f()").bind(vec![], vec![one("'\n", 1)]).unwrap_err();
    assert_eq!(error.summary(), "TypeError: f() got an unexpected keyword argument ''\n'");
}

#[test]
fn many_keywords_and_arguments() {
    let keywords = (0..20_000).map(|n| (Text::from(format!("k{n}")), Value::Int(n))).collect();
    let slots = parse("f(*rest, **named)").bind(vec![Value::None; 20_000], keywords).unwrap();
    match slots.as_slice() {
        [Value::Tuple(rest), Value::Dict(named)] => {
            assert_eq!((rest.len(), named.len()), (20_000, 20_000));
            assert_eq!(named[19_999], (Value::str("k19999"), Value::Int(19_999)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn containers_are_literals_where_they_are_wanted() {
    let value = |text: &str| Cursor::new(text).value().map(|value| value.repr()).map_err(|fault| fault.what);
    for (text, repr) in [
        ("[]", "[]"),
        ("[1, [2], ]", "[1, [2]]"),
        ("{}", "{}"),
        ("{'a': 1, 2: (3,), }", "{'a': 1, 2: (3,)}"),
        ("{1, 2, 1}", "frozenset({1, 2})"),
        ("({'k': [b'x', None]}, -1)", "({'k': [b'x', None]}, -1)"),
        ("((1))", "1"),
    ] {
        assert_eq!(value(text).as_deref(), Ok(repr), "{text}");
    }
    for (text, what) in [
        ("[1", "expected ',' or ']'"),
        ("[1 2]", "expected ',' or ']'"),
        ("{1: 2, 3}", "expected ':', as in the other entries"),
        ("{1, 2: 3}", "expected ':', as in the other entries"),
        ("{1: 2", "expected ',' or '}'"),
        ("{[1]: 2}", "unhashable type: 'list'"),
        ("{[1]}", "unhashable type: 'list'"),
        ("name", "not a Python literal"),
        ("[,]", "not a Python literal"),
    ] {
        assert_eq!(value(text), Err(what.to_owned()), "{text}");
    }
    assert!(value(&"[".repeat(100_000)).is_err_and(|what| what.contains("nested more than 100 deep")));
    assert!(refusal("f(a=[])").contains("expected a literal"));
}

/// What becomes of arguments, as reprs, or the exception.
fn fitted(text: &str, args: Vec<Value>) -> String {
    let signature = Signature::parse(text).unwrap();
    let result = signature.bind(args, Vec::new()).and_then(|mut args| {
        let asked = signature.fit(&mut args)?;
        assert!(asked.is_empty());
        Ok(Value::tuple(args).repr())
    });
    result.unwrap_or_else(|exception| exception.summary())
}

#[test]
fn types_convert_data() {
    let none = || Value::None;
    assert_eq!(fitted("f(a: float, b: int = 1)", vec![Value::Int(2)]), "(2.0, 1)");
    assert_eq!(fitted("f(a: int)", vec![Value::Bool(true)]), "(1,)");
    assert_eq!(fitted("f(a: bool)", vec![Value::str("")]), "(False,)");
    assert_eq!(fitted("f(a: 'float', b: float | None)", vec![Value::Int(2), none()]), "(2.0, None)");
    assert_eq!(fitted("f(a: None | int, b: typing.Optional[str])", vec![none(), none()]), "(None, None)");
    assert_eq!(fitted("f(a: str = None, b: int = 'x')", vec![none(), Value::str("x")]), "(None, 'x')");
    assert_eq!(fitted("f(*a: float)", vec![Value::Int(2), Value::Float(0.5)]), "((2.0, 0.5),)");
    assert_eq!(fitted("f(a: list[int], b: int | str)", vec![Value::str("x"), none()]), "('x', None)");
    for (text, value, wanted) in [
        ("f(a: int)", Value::Float(1.0), "TypeError: f() argument 'a' must be int, not float"),
        ("f(a: float)", Value::str("1"), "TypeError: f() argument 'a' must be float, not str"),
        ("f(*a: str)", Value::Int(1), "TypeError: f() argument 'a' must be str, not int"),
        ("f(a: bytes)", Value::None, "TypeError: f() argument 'a' must be bytes, not NoneType"),
    ] {
        assert_eq!(fitted(text, vec![value]), wanted);
    }
    assert!(!Signature::parse("f(a: list[int], b: int | str = 3, c=4)").unwrap().is_typed());
}
