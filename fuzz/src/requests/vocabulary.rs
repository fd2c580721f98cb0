//! Names that the peer asks for, with how many arguments each is given.

type Names = &'static [(&'static str, usize)];

pub const ANY: &[&str] = &["inner", "exposed_keep", "__call__", "call", "", "é", "nothing"];

/// What the service of `service.rs` has.
pub const SERVICE: Names = &[
    ("keep", 1),
    ("keep", 2),
    ("forget", 0),
    ("kept", 0),
    ("call", 1),
    ("call", 2),
    ("call", 3),
    ("later", 2),
    ("poke", 0),
    ("poke", 1),
    ("use", 1),
    ("compare", 2),
    ("list", 2),
    ("data", 2),
    ("dict", 2),
    ("generator", 1),
    ("iterate", 1),
    ("thing", 1),
    ("thing", 0),
    ("thing_class", 0),
    ("restricted", 1),
    ("function", 1),
    ("guard", 1),
    ("nest", 1),
    ("file", 0),
    ("defer", 0),
    ("settle", 1),
    ("refuse", 1),
    ("get_service_name", 0),
];

const LIST: Names = &[
    ("append", 1),
    ("extend", 1),
    ("insert", 2),
    ("pop", 0),
    ("remove", 1),
    ("index", 1),
    ("count", 1),
    ("sort", 0),
    ("reverse", 0),
    ("copy", 0),
    ("clear", 0),
    ("__getitem__", 1),
    ("__setitem__", 2),
    ("__delitem__", 1),
    ("__contains__", 1),
    ("__iter__", 0),
    ("__len__", 0),
    ("__add__", 1),
    ("__iadd__", 1),
    ("__eq__", 1),
    ("__lt__", 1),
    ("__repr__", 0),
];

const DICT: Names = &[
    ("get", 1),
    ("pop", 1),
    ("setdefault", 2),
    ("update", 1),
    ("keys", 0),
    ("values", 0),
    ("items", 0),
    ("copy", 0),
    ("popitem", 0),
    ("clear", 0),
    ("__getitem__", 1),
    ("__setitem__", 2),
    ("__delitem__", 1),
    ("__contains__", 1),
    ("__iter__", 0),
    ("__len__", 0),
    ("__eq__", 1),
    ("__or__", 1),
    ("__repr__", 0),
];

const FILE: Names = &[
    ("read", 0),
    ("readline", 0),
    ("readlines", 0),
    ("write", 1),
    ("seek", 1),
    ("tell", 0),
    ("truncate", 0),
    ("flush", 0),
    ("close", 0),
    ("fileno", 0),
    ("__iter__", 0),
    ("__next__", 0),
    ("__enter__", 0),
    ("closed", 0),
];

const OTHERS: Names = &[
    ("__next__", 0),
    ("__iter__", 0),
    ("send", 1),
    ("close", 0),
    ("throw", 1),
    ("__call__", 1),
    ("__call__", 2),
    ("__eq__", 1),
    ("__lt__", 1),
    ("__hash__", 0),
    ("__repr__", 0),
    ("__str__", 0),
    ("__dir__", 0),
    ("__len__", 0),
    ("__bool__", 0),
    ("__contains__", 1),
    ("__getitem__", 1),
    ("__enter__", 0),
    ("__exit__", 3),
    ("__and__", 1),
    ("__doc__", 0),
    ("__name__", 0),
    ("inner", 0),
    ("size", 0),
    ("constant", 0),
    ("exposed_keep", 1),
    ("nothing", 0),
];

/// Given an iterator over the container itself, these go on until it has 16 million items, as in Python until the memory is full.
pub const GROWING: &[&str] = &["extend", "__iadd__", "update", "__or__"];

pub fn of_type(name: &str) -> Names {
    match name {
        "builtins.list" => LIST,
        "builtins.dict" | "builtins.set" => DICT,
        "_io.TextIOWrapper" | "_io.BufferedReader" | "_io.BufferedWriter" => FILE,
        _ if name.ends_with("Service") => SERVICE,
        _ => OTHERS,
    }
}
