//! Python's types of plain data.

use crate::value::Kind;

/// Returns the kind of value to which an object of this type is copied.
pub(crate) fn kind_of(type_name: &str) -> Option<Kind> {
    Some(match type_name {
        "builtins.list" | "collections.deque" | "builtins.range" => Kind::List,
        "builtins.dict_keys" | "builtins.dict_values" | "builtins.dict_items" => Kind::List,
        // A column of a DataFrame, or its names. Before pandas 3 their types had the names of the defining modules.
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

/// Returns the type of `datetime` to which an object of this type is copied: its str() contains all of it.
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

/// Returns whether an object of this type is plain data if its contents are.
pub(crate) fn is_container(type_name: &str) -> bool {
    kind_of(type_name).is_some()
}
