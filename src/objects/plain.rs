//! Which types of Python are plain data.

use crate::value::Kind;

/// What an object of this type is copied as.
pub(crate) fn kind_of(type_name: &str) -> Option<Kind> {
    Some(match type_name {
        "builtins.list" | "collections.deque" | "builtins.range" => Kind::List,
        "builtins.dict_keys" | "builtins.dict_values" | "builtins.dict_items" => Kind::List,
        // A column of a DataFrame, or its names; before pandas 3 they were known by where they are defined.
        "pandas.Series" | "pandas.Index" | "pandas.RangeIndex" => Kind::List,
        "pandas.core.series.Series" | "pandas.core.indexes.base.Index" | "pandas.core.indexes.range.RangeIndex" => {
            Kind::List
        }
        "builtins.tuple" => Kind::Tuple,
        "builtins.set" => Kind::Set,
        "builtins.frozenset" => Kind::FrozenSet,
        "builtins.dict" | "builtins.mappingproxy" => Kind::Dict,
        "collections.OrderedDict" | "collections.defaultdict" | "collections.Counter" => Kind::Dict,
        _ => return None,
    })
}

/// The type of `datetime` that an object of this type is copied as: its text says all that it is.
pub(crate) fn time_of(type_name: &str) -> Option<&'static str> {
    Some(match type_name {
        "datetime.date" => "date",
        "datetime.time" => "time",
        "datetime.datetime" | "pandas._libs.tslibs.timestamps.Timestamp" => "datetime",
        "datetime.timedelta" => "timedelta",
        "datetime.timezone" => "timezone",
        _ => return None,
    })
}

/// Is an object of this type plain data, if what is in it is?
pub(crate) fn is_container(type_name: &str) -> bool {
    kind_of(type_name).is_some()
}
