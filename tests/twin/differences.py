"""What is meant to differ, each with its reason. An entry names the stock and the native outcome as narrowly as it can."""
import re
from collections import namedtuple


class Difference(namedtuple("Difference", "name reason explains ends")):
    """`explains(case, stock, native)` of two outcomes or parts of them; `ends`: what follows in the program may differ by it."""


Case = namedtuple("Case", "operation mirrored bridged type program version mode")
ENTRIES = []


def difference(name, reason, ends=False):
    def register(explains):
        ENTRIES.append(Difference(name, reason, explains, ends))
        return explains
    return register


def words(outcome):
    """The text of an exception with one argument."""
    if isinstance(outcome, tuple) and outcome[:1] == ("raises",) and len(outcome[2]) == 1 and outcome[2][0][:2] == ("value", "str"):
        return eval(outcome[2][0][2])
    return None


def texts(stock, native):
    """Two strings that are results or arguments, or parts of results; else two that no entry explains."""
    if type(stock) is str and type(native) is str:
        return stock, native
    if stock[:2] == native[:2] == ("value", "str"):
        return eval(stock[2]), eval(native[2])
    return "", ""


def explanation(case, stock, native):
    """The entries that explain how two outcomes differ; None: they should not."""
    if stock == native:
        return []
    if type(stock) is not type(native) or type(stock) not in (tuple, str):
        return None
    for entry in ENTRIES:
        if entry.explains(case, stock, native):
            return [entry]
    if type(stock) is str or len(stock) != len(native):
        return None
    found = []
    for part, other in zip(stock, native):
        entries = explanation(case, part, other)
        if entries is None:
            return None
        found += entries
    return found


# ---------------------------------------------------------------- for good
def as_native_words(text):
    """What the library says where CPython says this of a call that does not fit its signature."""
    found = re.fullmatch(r"(?:\w+\.|<locals>\.)*?(exposed_)?(\w+\(\) (?:takes|missing|got) .*)", text)
    method = re.match(r"(TwinService|Item|SubItem|Bare)\.", text)
    if not found:
        return None
    words = found.group(2)
    counted = re.fullmatch(r"(\w+\(\) takes )(?:from (\d+) to )?(\d+) positional arguments?( but )(\d+)( .*)?( were given)", words)
    if not method or not counted:
        return words
    start, least, most, but, given, named, end = counted.groups()
    most, given = int(most) - 1, int(given) - 1
    takes = "from %d to %d" % (int(least) - 1, most) if least else str(most)
    end = end if given != 1 or named else " was given"
    if named:
        named = re.sub(r"^ positional arguments?", " positional argument" + "s" * (given != 1), named)
    return "%s%s positional argument%s%s%d%s%s" % (start, takes, "s" * (most != 1 or bool(least)), but, given, named or "", end)


@difference("words of signatures", "CPython writes where a function was defined, with the prefix, and counts self")
def signatures(case, stock, native):
    stock, native = texts(stock, native)
    return as_native_words(stock) == native


def without_addresses(text):
    text = re.sub(r"(_io\.\w+ name)=\d+", r"\1=", text.replace(" at 0x", ""))
    text = re.sub(r"<built-in method (\w+) of (\w+) object>", r"<bound method \2.\1>", text)
    text = re.sub(r"<method-wrapper '(\w+)' of (\w+) object>", r"<bound method \2.\1>", text)
    text = re.sub(r"<bound method ([\w.]+) of <[^<>]*>>", r"<bound method \1>", text)
    text = re.sub(r"<function (\w+\.<locals>\.)*", "<function ", text)
    text = re.sub(r"<generator object \w+>", "<builtins.generator object>", text)
    return re.sub(r"<((list|dict_key|dict_value|dict_item|set)_?iterator object)>", r"<builtins.\1>", text)


@difference("addresses", "what has no repr of its own prints none of its address, nor where a function or generator was written; "
            "and descriptors have other numbers")
def addresses(case, stock, native):
    stock, native = texts(stock, native)
    return stock != native and without_addresses(stock) == without_addresses(native)


RULES = ("'the attribute rules'", "'the attribute rules, whether it exists or not'", '"a service\'s own rules"', "'allow_setattr'",
         "'allow_delattr'")


@difference("why a name is denied", "an AttributeError of the rules says in an attribute which rule it was, or that there is no such name")
def denied(case, stock, native):
    if stock[:2] != ("raises", "AttributeError") or native[:3] != stock[:3] or stock[3] or len(native[3]) != 1:
        return False
    (name, value), = native[3]
    return name == "refused_by" and value in RULES or name == "missing_from" and words(stock).startswith("cannot access '")


@difference("kinds of methods", "a method of the library's types is a method, where CPython has four kinds of them")
def methods(case, stock, native):
    return native[:2] == ("object", "builtins.method") and stock[2:] == native[2:] and stock[1] in (
        "builtins.method-wrapper", "builtins.builtin_function_or_method")


@difference("names of kinds of methods", "as above, in words")
def names_of_methods(case, stock, native):
    stock, native = texts(stock, native)
    return stock != native and (re.sub(r"'(builtins\.)?(method-wrapper|builtin_function_or_method)'", "", stock, count=1)
                                == re.sub(r"'(builtins\.)?(method|function)'", "", native, count=1))


@difference("objects in data", "nobody is asked for the repr of an object in an exception's arguments, nor for rpyc_value_repr")
def in_data(case, stock, native):
    stock, native = texts(stock, native)
    if not re.search(r"<local object>|<remote [\w.]+>", native):
        return False
    pattern = re.sub(r"<local\\ object>|<remote\\ [\w.\\]+>", ".*", re.escape(without_addresses(native)))
    return re.fullmatch(pattern, without_addresses(stock), re.DOTALL) is not None


@difference("attributes of functions", "a function of the library has no attributes that peers could set", ends=True)
def of_functions(case, stock, native):
    if (words(stock) or "").startswith("'method' object has no attribute '"):
        return words(stock).replace("'method'", "'function'", 1) == words(native)
    return (case.operation.name == "put" or case.operation.kind == "set") and stock == ("value", "NoneType", "None") and (
        re.match(r"'(function|TextIOWrapper|Buffered\w+)' object has no attribute '", words(native) or "") is not None)


@difference("hashes of identities", "what hashes as itself has another number in every process")
def hashes(case, stock, native):
    asked = (case.operation.name == "hash" or case.operation.kind == "hash") and stock[:2] == native[:2] == ("value", "int")
    # CPython's hash of a method mixes two addresses that are near each other: it can be any number. CPython hashes for both
    # if the native half is no server.
    method = case.type == "builtins.method"
    least, other = 0 if method else 2000, 0 if method and (case.mirrored or case.bridged) else 2000
    return asked and abs(int(stock[2])) > least and abs(int(native[2])) > other


@difference("docs of the library's types", "the library's list is not CPython's and has a text of its own")
def docs(case, stock, native):
    if case.operation[:2] == ("get", "__doc__") and (case.type.startswith("_io.") or case.type in (
            "builtins.method-wrapper", "builtins.builtin_function_or_method")):
        return native == ("value", "NoneType", "None")
    return case.operation[:2] == ("get", "__doc__") and stock == ("value", "NoneType", "None") and native == (
        "value", "str", "'Items that a native program makes when they are asked for.'") or stock[:2] == native[:2] == ("value", "str") and re.match(
        r"'Built-in mutable sequence|['\"]dict\(\) -> new|'set\(\) -> new", stock[2])


LACKING = {
    "__getitem__": "(object|type '.*') is not subscriptable", "__setitem__": "object does not support item assignment",
    "__delitem__": "object (does not|doesn't) support item deletion", "__len__": "object of type '.*' has no len\\(\\)",
    "__iter__": "(object|argument of type '.*') is not iterable", "__enter__": "object does not support the context manager protocol",
    "__contains__": "argument of type '.*' is not iterable", "__next__": "object is not an iterator", "__call__": "object is not callable",
}


@difference("operators of C name the special method", "in C an operator is a call of a special method, and a missing one an AttributeError")
def lacking(case, stock, native):
    if words(stock) is None or words(native) is None or native[1] != "AttributeError":
        return False
    found = re.search(r"^(__\w+__)$", words(native)) or re.search(r"'(__\w+__)'$", words(native))
    if stock[1] == "IndexError":                     # a key that CPython takes for an index
        return found is not None and words(stock) == "cannot fit 'int' into an index-sized integer"
    pattern = LACKING.get(found.group(1)) if found else None
    return stock[1] == "TypeError" and pattern is not None and re.search(pattern, words(stock)) is not None and (
        case.mirrored or case.operation.target.slots() == (0,))


@difference("names of remote types", "Python's own operators name the type of a netref with its module, those of the library without; "
            "for RPyC 5.3 it is always 'type'")
def remote_types(case, stock, native):
    def named(text):
        return re.sub(r"(?:builtins|things|service|_io|array|decimal|fractions)\.(\w+)", r"\1", text)
    old = r"""(['"])(?:type|EnumType)\1|type$"""
    stock, native = texts(stock, native)
    if stock != native and case.version < "6" and re.search(old, stock):
        pattern = re.sub(old, r"""['"]?[\\w.]+['"]?""", re.escape(stock).replace("\\'", "'").replace('\\"', '"'))
        return re.fullmatch(pattern, native) is not None
    return stock != native and named(stock) == named(native)


@difference("order of comparisons", "list.sort does not compare in the order of CPython, so that it may fail at another pair", ends=True)
def comparisons(case, stock, native):
    start = "'<' not supported between instances of "
    return case.operation.name in ("sort", "method") and all((words(outcome) or "").startswith(start) for outcome in (stock, native))


@difference("relayed exceptions", "stock RPyC adds a name of its own each time that it passes an exception on")
def relayed(case, stock, native):
    mark = "rpyc.core.vinegar/"
    return isinstance(stock, str) and stock.startswith(mark) and stock.rsplit(".", 1)[1] == native.rsplit(".", 1)[-1] and (
        mark not in native)


@difference("a sort that fails", "CPython leaves what it has sorted so far, the library what was there before", ends=True)
def failed_sort(case, stock, native):
    stock, native = texts(stock, native)
    return stock != native and sorted(stock) == sorted(native) and stock[:1] == "[" and any(
        "sort" in operation.source() for operation in case.program.operations)


@difference("isinstance of derived classes", "stock RPyC compares the class itself alone, the library asks for what it derives from")
def derived(case, stock, native):
    return case.operation.source().startswith("isinstance(") and (stock, native) == (
        ("value", "bool", "False"), ("value", "bool", "True")) and any(
            "SubItem" in operation.source() for operation in case.program.operations)


@difference("identity of NaN", "a float of the library has no identity: NaN is itself, also where two came over the wire", ends=True)
def nan(case, stock, native):
    return "nan" in "".join(operation.source() for operation in case.program.operations) and (
        case.operation.kind in ("compare", "equal", "has") or case.operation.name == "sort"
        or case.type in ("builtins.set", "builtins.dict", "builtins.dict_keys", "builtins.dict_items")
        or " in " in case.operation.source())


# ---------------------------------------------------------------- classes as objects

@difference("functions of classes", "a class makes a function each time, which runs with an object of that class alone", ends=True)
def class_functions(case, stock, native):
    if case.operation.kind == "get" and stock[:2] == native[:2] == ("object", "builtins.function") and case.type.endswith("Item"):
        return stock[2] == native[2]
    needs = r"needs an object of \\*'(Sub)?Item\\*' as its first argument"
    if re.search(needs, words(native) or "") or case.operation.name == "attempt" and re.search(needs, str(native)):
        return True
    stock, native = texts(stock, native)
    return stock != native and re.sub("<function (Sub)?Item.", "<function ", without_addresses(stock)) == native


# ---------------------------------------------------------------- files
@difference("readinto", "nothing that a peer sends can be read into, so files have no method for it")
def readinto(case, stock, native):
    return case.operation.name == "readinto" and stock[:2] == ("raises", "TypeError") and (
        (words(native) or "").endswith(" object has no attribute 'readinto'"))


@difference("seek to a float", "a text file of CPython takes a float for a place, by accident", ends=True)
def floats(case, stock, native):
    return case.operation.name == "seek" and stock[:2] == ("value", "float") and (
        words(native) == "'float' object cannot be interpreted as an integer")


@difference("rules in the middle", "a peer in the middle applies its own rules before those of the service are asked")
def in_the_middle(case, stock, native):
    if not case.bridged:
        return False
    if words(native) == "pickling is disabled":
        return "obtain" in case.operation.source()
    return words(stock) == "access denied" and (words(native) or "").startswith("cannot access '") and (
        native[3][:1] and native[3][0][0] in ("refused_by", "missing_from"))


@difference("pickles", "what is no plain data is not pickled: stock RPyC asks its owner, who refuses, or names its class")
def pickles(case, stock, native):
    return "obtain" in case.operation.source() and native[:2] == ("raises", "TypeError") and re.match(
        "the object cannot be copied: it contains a |cannot pickle '", words(native) or "") is not None


# ---------------------------------------------------------------- C++
@difference("constructors of C++", "they have the name of their class in their signatures")
def constructors_of_cpp(case, stock, native):
    stock, native = texts(stock, native)
    return case.mode in ("cpp", "drive-cpp") and stock != native and (
        as_native_words(stock) == re.sub(r"^(Sub)?Item\(\)", "__init__()", native))


@difference("dynamic attributes of C++", "they are exposed, under names without the prefix, so that peers reach them by any rules")
def dynamic_of_cpp(case, stock, native):
    if case.mode != "cpp" or case.type != "things.Bag" or not isinstance(native, tuple):
        return False
    denied = (words(stock) or "").startswith(("cannot access '", "exposed_")) or stock == ("value", "int", "5") and "getattr(" in case.operation.source()
    called = case.operation.kind == "method" and words(native) == "'str' object is not callable"
    return denied and (called or native[:2] == ("value", "str") and native[2].startswith("'no ") or (words(native) or "").startswith(
        "'Bag' object has no attribute '"))


@difference("words of dynamic attributes", "a name for which the class says that there is none has the text of the library")
def no_dynamic_of_cpp(case, stock, native):
    return case.mode in ("drive-cpp", "drive-go") and stock[:2] == native[:2] == ("raises", "AttributeError") and words(stock) is not None and (
        words(native) == "'Bag' object has no attribute %s" % words(stock) or words(native) == "'Bag' object has no attribute '%s'" % words(stock))


# ---------------------------------------------------------------- Go
GO = ("go", "drive-go")


@difference("Go on its own objects", "what Python's operators do with objects of its own, a program in Go does by their methods", ends=True)
def own_of_go(case, stock, native):
    return case.mode in GO and native == ("raises", "NotImplementedError", (("value", "str", "'own'"),), ())


@difference("words of Go's containers", "their methods are functions of Go with signatures, whose exceptions have other texts")
def words_of_go(case, stock, native):
    containers = case.type in (
        "builtins.list", "builtins.dict", "builtins.method-wrapper", "builtins.builtin_function_or_method") or case.operation.target.slots() == (0,) or (
        case.operation.kind == "source" and case.type.startswith("builtins."))
    return case.mode == "go" and containers and words(stock) is not None and words(native) is not None and stock[1] == native[1]


@difference("signatures of Go's containers", "methods of a client's lists and dicts are functions of Go, which say so where CPython's have texts of their own")
def signatures_of_go(case, stock, native):
    said = r"(takes|expected|got|missing|at least|at most) "
    return case.mode == "drive-go" and stock[:2] == native[:2] == ("raises", "TypeError") and case.operation.target.slots() == (0,) and (
        re.match(r"\w+\(\) (takes|missing|got) ", words(native) or "") is not None and re.search(said, words(stock) or "") is not None
        or re.sub(r"^\w+\(\) argument '\w+' must be int, not (\w+)$", r"'\1' object cannot be interpreted as an integer", words(native) or "")
        == words(stock))


@difference("iterators of Go", "whatever goes through a list or dict of Go is a generator", ends=True)
def iterators_of_go(case, stock, native):
    return case.mode in GO and native[:2] == ("object", "builtins.generator") and stock[0] == "object" and (
        re.fullmatch(r"builtins\.(list|dict_key|dict_value|dict_item)_?(reverse)?iterator", stock[1]) is not None)


@difference("views of Go", "keys(), values() and items() of a dict of Go are lists, made when they are asked for", ends=True)
def views_of_go(case, stock, native):
    return case.mode in GO and stock[:1] == native[:1] == ("object",) and native[1] == "builtins.list" and (
        stock[1] in ("builtins.dict_keys", "builtins.dict_values", "builtins.dict_items"))


@difference("docs of Go's containers", "they have no text")
def docs_of_go(case, stock, native):
    return case.mode == "go" and case.operation[:2] == ("get", "__doc__") and native == ("value", "NoneType", "None") and (
        case.type.startswith("builtins."))


@difference("reversed lists of Go", "they can be read, which the rules of stock RPyC refuse")
def reversed_of_go(case, stock, native):
    return case.mode == "go" and words(stock) == "cannot access '__reversed__'" and "reversed(" in case.operation.source()


@difference("keys of Go's dicts", "no object of a peer is one", ends=True)
def keys_of_go(case, stock, native):
    return case.mode in GO and words(native) == "an object of a peer cannot be a key of a dict here"


@difference("methods that come home to Go", "they are functions of Go then", ends=True)
def methods_of_go(case, stock, native):
    stock_text, native_text = texts(stock, native)
    return case.mode in GO and (
        stock[:2] == ("object", "builtins.method") and native[:2] == ("object", "builtins.function")
        or stock_text.startswith("<bound method TwinService.") and native_text.startswith("<function "))


@difference("words of Go's dynamic attributes", "a name that is none has the text of the library")
def bags_of_go(case, stock, native):
    return case.mode in GO and case.type == "things.Bag" and stock[:2] == native[:2] == ("raises", "AttributeError")


@difference("lists of peers in Go", "an operator of a list or dict of Go takes one of the peer for one", ends=True)
def peers_lists_of_go(case, stock, native):
    refused = stock == ("value", "NotImplementedType", "NotImplemented") or stock[:2] == ("raises", "TypeError") and re.search(
        r"unsupported operand|can only concatenate|not supported between instances", words(stock) or "") is not None
    same = (stock, native) in (
        (("value", "bool", "False"), ("value", "bool", "True")), (("value", "bool", "True"), ("value", "bool", "False"))) and (
            case.operation.kind == "equal" or re.search("[!=]=", case.operation.source()) is not None)
    refused = refused or same
    made = [arg for arg in case.operation.args if arg.source()[:10] in ("make('list", "make('dict")]
    return case.mode in GO and refused and native[0] in ("value", "object") and bool(made)


@difference("sorting in Go", "by keys that are plain data", ends=True)
def sorting_of_go(case, stock, native):
    return case.mode in GO and "sort" in case.operation.source() and native[:2] == ("raises", "TypeError") and (
        (words(native) or "").startswith("'<' not supported between instances of "))


@difference("functions of Go's classes", "they take their object before anything else is looked at", ends=True)
def class_functions_of_go(case, stock, native):
    return case.mode == "go" and stock[:2] == native[:2] == ("raises", "TypeError") and (
        (words(native) or "").endswith(" missing 1 required positional argument: 'self'")
        and re.match(r"(Sub)?Item\.", words(stock) or "") is not None)


# ---------------------------------------------------------------- bare sessions
@difference("containers of sessions ask nobody", "a container of the library does not wait for what objects of the peer or of the application "
            "answer where the application drives the session", ends=True)
def no_waiting(case, stock, native):
    told = ("the object belongs to a session; send the request with rpyc_session_ask()", "cannot wait for an object of a session here")
    return case.mode == "bare" and native[:2] == ("raises", "RuntimeError") and words(native) in told


def without_contents(text):
    return re.sub(r"<[\w.]+ object>|<[\w. ]+ object>", "<>", text)


@difference("containers of sessions show types", "for the same reason what is shown of an object in a container is its type", ends=True)
def shown_types(case, stock, native):
    native = texts(stock, native)[1]
    return case.mode == "bare" and re.search(r"<[\w.]+ object>", native) is not None and texts(stock, "")[0] != native


@difference("in, asked without waiting", "rpyc_object_contains_async, with which the program asks its own objects, knows __contains__ alone", ends=True)
def contains(case, stock, native):
    return case.mode == "bare" and case.operation.name == "has" and re.fullmatch(r"'\w+' object has no attribute '__contains__'", words(native) or "") is not None
