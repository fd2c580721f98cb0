"""Random programs: the same seed makes the same program, with every version of Python and RPyC."""
import random
import re

from operations import ROOT, Make, Operation, Program, Slot, Source, Tuple, Value

NAMES = "get set swap remember mix fail refuse call slots rank label fixed own x y nothing _p __len__ __class_ append".split()
ERRORS = "ValueError KeyError IndexError TypeError StopIteration LookupError ZeroDivisionError OSError RuntimeError".split()
COMPARISONS = "__lt__ __le__ __eq__ __ne__ __gt__ __ge__".split()
DEEP = "()"
for _ in range(40):
    DEEP = "(%s,)" % DEEP
VALUES = """None True False 0 1 -1 2 3 7 255 256 2**31 -2**63 2**64 10**40 -10**40 1.5 -0.0 2.0 float("nan") float("inf") 5e-324
1j complex("nan+1j") "" "a" "b" "ab" "zz" "\\xe9" "\\U0001f600" "\\x00" "a"*300 b"" b"a" b"\\xff"*5 () (1,) (1,(2,"x")) (None,float("nan"))
frozenset() frozenset((1,)) frozenset((1,2)) slice(1,None,2) ... NotImplemented "raise" (("a",1),("b",2)) "word" """.split() + [DEEP]
KEYS = """0 1 2 -1 True 1.0 "a" "b" "c" "" None (1,2) float("nan") 2**64 10**40 frozenset((1,)) b"a" 0.5""".split()
INDICES = """0 1 2 -1 -2 5 99 -99 10**30 True None "a" 1.0 slice(None) slice(1,3) slice(None,None,-1) slice(None,None,2) slice(-2,None)
slice(0,99) slice(None,None,0) slice(2,0) slice("a",None)""".split()
NUMBERS = "0 1 2 3 -1 -5 10 True 10**30 None 1.5".split()
TEXTS = '"" "a" "ab" "b\\n" "line\\nline" "\\xe9" "x"*70'.split()
ITERABLES = '() (1,2) (1,"a",None) "ab" ("b","a") ((1,2),(3,4)) ("ab","cd") (3,1,2) (2.5,1,float("nan")) 5 None frozenset((1,)) b"ab"'.split()
# What only a client in Python can send.
PYTHON = """[1,2]  []  {{"a":1}}  {{1,2}}  range(3)  bytearray(b"ab")  lambda *a: a  lambda *a: 1/0  iter([1,2])  [[1],2]  ValueError("x")  int
(n for n in (1,2))  {{"a":{0}}}  [{0}]  lambda *a, **k: {0}  dict.fromkeys  [].append  type("Own", (), {{"exposed_x": 1}})()  object
"\\ud800"  memoryview(b"ab")  {{}}.keys()  print  array.array("d", [1.5])""".replace("\n", "  ").split("  ")
SUBCLASSES = """things.Number(3)  things.Real(1.5)  things.Text("text")  things.Data(b"data")  things.Level.LOW  things.Pair((1,2))
decimal.Decimal("1.5")  fractions.Fraction(1,2)""".replace("\n", "  ").split("  ")

# Types of the client's own, by which a stock client asks what a netref is.
TYPES = """list dict tuple str int float bool bytes set frozenset object type Exception slice (int,list) (dict,tuple,set) things.Item things.SubItem
things.Bare (things.Item,dict) types.FunctionType types.GeneratorType types.MethodType types.ModuleType io.IOBase io.TextIOWrapper""".split() + [
    "collections.abc." + name for name in "Sequence MutableSequence Mapping MutableMapping Set MutableSet Iterable Iterator Generator Callable Hashable "
    "Sized Container Collection Reversible KeysView ItemsView ValuesView Awaitable".split()] + ["numbers.Number", "numbers.Integral"]
ASKED = """=isinstance({0}, {y})  =isinstance({0}, {y})  =issubclass(type({0}), {y})  =issubclass({0}.__class__, {y})  =isinstance({0}.__class__, {y})
=isinstance({y}, {0})  =isinstance({l}, type({0}))"""
NAMED = """={0}.__class__.__name__  ={0}.__class__.__module__  ={0}.__class__.__qualname__  =type({0}).__name__  =type({0}).__module__
=[t.__name__ for t in {0}.__class__.__mro__]  =[t.__name__ for t in {0}.__class__.__bases__]  ={0}.__class__.__doc__ == type({l}).__doc__"""

# Operations by the type of what a slot holds. A letter is a random expression (see Writer.of); "@" a form of operations.FORMS;
# "=" source that only Python has, where {0} is the object; ">" says what comes of it, where that is of use.
LIST = """append(v)  append(v)  append(r)  extend(t)  insert(i, v)  pop()  pop(i)  remove(v)  index(v)  index(v, n)  index(v, n, n)  count(v)
reverse()  sort()  sort(key=f)  sort(reverse=n)  clear()  copy() > list  __iadd__(t)  __imul__(m)  __add__(l)  __mul__(m)  __rmul__(m)
@len  @bool  @iter > iterator  @tuple  @repr  @str  @hash  @item(i)  @item(i)  @store(i, v)  @store(i, t)  @delete(i)  @has(v)  @equal(v)
@equal(l)  @compare(l)  @compare(v)  append()  append(v, v)  pop(n, n)  sort(v)  insert(v)  nothing()  .x  .append > function  __contains__(v)
__getitem__(i)  __len__(v)  index()  .__class__  .__doc__  ={0} + {l}  ={0} * {m}  ={0} == {l}  ={0} < {l}  =sorted({0}, key=repr)
=list({0})  =list(rpyc.buffiter({0}, 2))  =[n for n in {0}][:3]  =max({0})  ={0} is {v}  =isinstance({0}, list)  ={0} != {l}
=list(reversed({0}))  ={l} + {0}  =list(zip({0}, {0}))  =rpyc.async_({0}.append)({v}).value  =rpyc.async_({0}.pop)({i}).value
=format({0}, "")  ={0}[{i}:{n}]  =sum({0})  =str({0})  .__len__ > function  =rpyc.utils.classic.obtain({0})"""
DICT = """@store(k, v)  @store(k, v)  @store(k, r)  @item(k)  @delete(k)  @has(k)  get(k)  get(k, v)  setdefault(k)  setdefault(k, v)  pop(k)
pop(k, v)  popitem()  update(p)  update(p, a=v)  update(a=v, b=v)  clear()  copy() > dict  keys() > view  values() > view  items() > view
@len  @bool  @iter > iterator  @tuple  @repr  @str  @hash  @equal(v)  @equal(d)  @compare(d)  fromkeys(t)  fromkeys(t, v)  __or__(d)
__ior__(p)  get()  get(v, v, v)  pop()  update(v)  @store(v, v)  @item(v)  .x  __getitem__(k)  __contains__(k)  __len__(n)
={0} | {d}  ={0} == {d}  ={0} != {d}  ={0} < {d}  =dict({0})  =sorted(map(repr, {0}.items()))  =list(reversed({0}))  =isinstance({0}, dict)
=list(rpyc.buffiter({0}))  ={d} | {0}  =rpyc.async_({0}.get)({k}).value  =rpyc.utils.classic.obtain({0})"""
VIEW = """@len  @tuple  @has(k)  @has(v)  @repr  isdisjoint(t)  @equal(w)  @compare(w)  __and__(t) > set  __or__(t) > set  __sub__(t) > set
__xor__(t) > set  @iter > iterator  @bool  @hash  ={0} & {t}  ={0} | {w}  ={0} - {w}  ={0} <= {w}  ={0} == {w}  .mapping  .x
={0} ^ {t}  ={t} & {0}  =list(reversed({0}))  append(v)"""
SET = """add(k)  add(k)  add(v)  discard(k)  remove(k)  clear()  copy() > set  union(t) > set  intersection(t) > set  difference(t) > set
symmetric_difference(t) > set  update(t)  issubset(t)  issuperset(t)  isdisjoint(t)  @len  @bool  @has(k)  @has(v)  @equal(s)  @compare(s)
@hash  __or__(s) > set  __and__(s) > set  __sub__(s) > set  __xor__(s) > set  __ior__(s)  __isub__(s)  __iand__(s)  intersection_update(t)
difference_update(t)  symmetric_difference_update(t)  add()  ={0} | {s}  ={0} & {s}  ={0} - {s}  ={0} <= {s}  ={0} == {s}  =isinstance({0}, set)
=sorted(map(repr, {0}))  .x  __contains__(v)  union() > set  union(t, t) > set  ={0} != {s}  ={0} > {s}"""
ITERATOR = """@next  @next  @next  @tuple  @iter > iterator  __next__()  .x  @hash  __length_hint__()  =list({0})  =list(rpyc.buffiter({0}, 2))
@len  @bool  =next({0}, {v})"""
GENERATOR = """@next  @next  @next  @tuple  @iter > generator  __next__()  send(v)  send(z)  close()  throw(e)  .x  =list({0})  @bool
=list(rpyc.buffiter({0}, 2))  =next({0}, {v})  @len  =rpyc.async_({0}.__next__)().value  send()  close(v)"""
ITEM = """get()  set(v) > item  set(r) > item  set(f) > item  swap(v)  remember()  remember(v, a=v, b=v)  mix(v)  mix(v, v, v, c=v, d=v)  mix()
mix(v, b=v)  mix(v, a=v)  fail(v)  fail()  refuse()  call(v)  call(v, b=v)  slots() > dict  own()  .rank  .label  .fixed  .x  .get > function
.rank=n  .label=v  .label=r  .fixed=v  .x=v  .rank=v  ~label  ~rank  ~x  ~fixed  @call(v)  @call(v, a=v)  @call()  @len  @bool  @hash  @str
@repr  @iter > iterator  @tuple  @item(k)  @store(k, v)  @delete(k)  @has(k)  @equal(o)  @equal(v)  @compare(o)  @compare(v)  __enter__() > item
get(v)  set()  swap(v, v)  __add__(v)  __radd__(v)  __neg__() > item  __index__()  __len__()  __eq__(o)  __len__(v)  .__class__ > class
._rank  .exposed_rank  exposed_get()  .__dict__  .__doc__  __exit__(z, z, z)  ={0} + {v}  ={v} + {0}  =-{0} > item  ={0} == {o}  ={0} < {o}
={0} != {o}  ={0} <= {o}  ={0} - 1  =int({0})  =float({0})  =range(3)[{0}]  =[1, 2][{0}]  =list({0})  =isinstance({0}, things.Item)
=rpyc.async_({0}.mix)({v}, {v}).value  =rpyc.async_({0}.set)({v}).value > item  =operator.index({0})  =callable({0})  ={0} * 2  =abs({0})
=within({0})  =within({0}, {f})  =bool({0}) and 1  =sorted([{0}, {o}])  =max({0}, {o})  =hex({0})"""
CLASS = """@call() > item  @call(n) > item  @call(rank=n) > item  @repr  .x  .__name__  .__doc__  @hash  ={0} == {v}  =isinstance({o}, {0})
=isinstance({v}, {0})  =callable({0})  get()  .get > function  @call(v)  =type({0}).__name__  .rank
@len  @bool  @iter  @item(k)  @has(v)  __index__()  .__len__ > function  ={0} + 1  =issubclass({0}, {y})  =hasattr(type({0}), {N})
=hasattr({0}, {N})  =issubclass({y}, {0})  =issubclass({0}, type({0}))  =isinstance({0}, {0})  =isinstance({0}, type)"""
FUNCTION = """@call()  @call(v)  @call(v, v)  @call(r)  @call(v, b=v)  @call(f, v)  @call(x=v)  @call(v, v, v)  .__name__  .x  @hash  @bool  @equal(v)
@repr  =callable({0})  =rpyc.async_({0})({v}).value  .__doc__  @len  =list(map({0}, (1, 2)))"""
BAG = """.x=v  .y=v  .x  .y  .nothing  ~x  ~y  .x=r  ._p  ._p=v  .exposed_x  .exposed_x=v  @repr  @bool  @len  nothing()  .x=f  x(v)  @hash  @equal(v)
=hasattr({0}, "x")  =getattr({0}, "z", 5)"""
BARE = """nothing()  .nothing > function  .x  .x=v  ~x  @repr  @str  @bool  @len  @hash  @equal(v)  @equal(r)  @compare(v)  @iter  @call()  @item(k)
={0} + 1  ={0} < 1  ={0} == {0}  @has(v)  =list({0})  .nothing=v  ~nothing  =isinstance({0}, things.Bare)"""
FILE = """read()  read(n)  readline()  readline(n)  readlines()  write(x)  write(v)  writelines(t)  seek(n)  seek(n, n)  tell()  truncate(n)  flush()
close()  readable()  writable()  seekable()  @iter  @next  @tuple  .closed  .mode  .encoding  __enter__()  fileno(v)  .x  isatty()  @bool  read(v)
=list({0})  write()  .newlines  .errors  readinto(v)  truncate()"""
OF_ROOT = """make(K) > K  make(K) > K  make(K) > K  make(K) > K  echo(v)  echo(r)  echo(r)  mix(v)  mix(v, v, v, c=v, d=r)  mix()  mix(v, b=v)  mix(v, a=v)
strict(v, v, c=v)  strict(v, v, v)  strict(a=v, b=v, c=v)  strict(v, b=v)  strict(v, v, c=v, d=v, e=v)  fail(E)  fail(E, v)  fail(E, v, v)
keep(k, f)  keep(k, f)  keep(k, v)  keep(k, r)  kept(k)  drop(k)  invoke(k, v)  invoke(k, v)  invoke(k)  invoke(k, v, b=v)  invoke(k, r)
call(f, v)  call(f)  call(f, v, b=v)  call(f, r)  call(f, f, v)  call(v)  attempt(f, v)  attempt(f)  attempt(f, f, v)  each(f, t)  each(f, t)  each(f, r)
method(r, N)  method(r, N, v)  method(r, M, v)  method(c, M, v)  get(r, N)  put(q, N, v)  remove(q, N)  len(r)  len(c)  item(c, i)  item(r, k)
store(c, i, v)  store(r, k, v)  delete(c, i)  delete(r, k)  has(c, v)  has(r, v)  iterate(c)  iterate(r)  show(c)  show(r)  text(c)  hash(c)  truth(c)
truth(r)  equal(c, c)  equal(r, v)  equal(r, r)  same(r, r)  same(c, c)  within(c, f, v)  within(r, f)  .nothing  .echo > function  .x=v  ~echo
.mix > function  .kept > function  get_service_name()  get_service_aliases()  .get_service_name  @repr  @bool  @len  @hash  nothing()  echo()
echo(v, v)  =rpyc.async_({0}.echo)({v}).value  =rpyc.async_({0}.call)({f}, {v}).value  =rpyc.timed({0}.echo, 9)({v}).value
={0}.call({0}.attempt, {f}, {v})  ={0}.call({0}.call, {0}.call, {0}.echo, {v})"""


def table(text):
    return [entry for entry in text.replace("\n", "  ").split("  ") if entry]


ASKED, NAMED = table(ASKED), table(NAMED)


TABLES = {"list": table(LIST), "dict": table(DICT), "view": table(VIEW), "set": table(SET), "iterator": table(ITERATOR),
          "generator": table(GENERATOR), "item": table(ITEM), "class": table(CLASS), "function": table(FUNCTION), "bag": table(BAG),
          "bare": table(BARE), "file": table(FILE), "root": table(OF_ROOT)}
KINDS = {"list": "list", "dict": "dict", "set": "set", "generator": "generator", "counter": "function", "pair": "function",
         "boom": "function", "stop": "function", "ask": "function", "adder": "function", "Item": "item", "SubItem": "item", "Bag": "bag",
         "Bare": "bare", "Item class": "class", "SubItem class": "class", "file": "file", "mixed": "any"}
COMMON = ["list"] * 4 + ["dict"] * 3 + ["Item"] * 4 + ["SubItem", "generator", "generator", "set", "file", "counter", "adder"]
FUNCTIONS = ["pair", "pair", "boom", "stop", "ask", "counter", "adder"]
OWN = ["list", "list", "dict", "generator", "Item", "Item", "SubItem", "Bag", "Bare", "Item class", "pair", "counter"]
METHODS = "append pop extend get exposed_get exposed_set set update __len__ __getitem__ nothing keys clear sort __next__ close".split()


# What a stock client says of a netref without asking.
LOCAL = (".__class__", ".__doc__", ".__dict__", ".__name__")


class Writer:
    """Writes one program."""

    def __init__(self, seed, mirrored, without):
        self.random = random.Random("%s %s" % (seed, "mirrored" if mirrored else "served"))
        self.seed, self.mirrored, self.without = seed, mirrored, without
        self.types, self.operations = {ROOT: "root"}, []
        self.next = 1

    def one(self, choices):
        return self.random.choice(choices)

    def chance(self, part):
        return self.random.random() < part

    # ------------------------------------------------------------ expressions
    def slot_of(self, *types):
        """A slot with one of these types, or None."""
        slots = [number for number, kind in self.types.items() if kind in types]
        return Slot(self.one(slots[-8:])) if slots else None

    def reference(self):
        """Anything that is an object: of the server, or of the client."""
        slots = [number for number, kind in self.types.items() if kind not in ("set", "value")]
        if self.chance(.55):
            return Slot(self.one(slots[-10:]))
        return self.own(self.one(OWN))

    def changeable(self):
        """The same, but neither a class, which the next program would find changed, nor the service."""
        found = self.reference()
        classes = isinstance(found, Make) and "class" in found.kind or isinstance(found, Slot) and "class" in self.types[found.number]
        return self.own("Bag") if classes or found == Slot(ROOT) else found

    def own(self, kind):
        kind = "list" if "own " + kind in self.without else kind
        return Make(kind, self.arguments(kind))

    def arguments(self, kind):
        """What make() of this kind takes."""
        if kind in ("list", "generator"):
            return tuple(self.value() for _ in range(self.random.randrange(5)))
        if kind == "set":
            return tuple(Value(self.one(KEYS)) for _ in range(self.random.randrange(4)))
        if kind == "dict":
            return tuple(Tuple((Value(self.one(KEYS)), self.value())) for _ in range(self.random.randrange(4)))
        if kind == "adder":
            return (self.value(),)
        if kind in ("Item", "SubItem"):
            return tuple(Value(str(self.random.randrange(-2, 4))) for _ in range(self.random.randrange(2)))
        if kind == "file":
            return Value(repr(self.one(("r", "r+", "rb", "r+b", "w", "wb", "a", "w+")))), Value(self.one(TEXTS))
        return ()

    def value(self):
        if self.chance(.72):
            return Value(self.one(VALUES))
        if self.chance(.2):
            return Tuple(tuple(self.value() for _ in range(self.random.randrange(3))))
        if not self.mirrored and self.chance(.3):
            return self.python()
        return self.reference()

    def python(self):
        text = self.one(SUBCLASSES if self.chance(.15) else PYTHON)
        return Source(text, (self.value(),) if "{0}" in text else ())

    def function(self):
        found = self.slot_of("function", "class", "item") if self.chance(.35) else None
        if not self.mirrored and self.chance(.15):
            return Source("lambda *a, **k: {0}", (self.value(),))
        return found or self.own(self.one(FUNCTIONS))

    def iterable(self):
        if self.chance(.5):
            return Value(self.one(ITERABLES))
        if not self.mirrored and self.chance(.4):
            return self.python()
        return self.slot_of("list", "dict", "view", "generator", "item") or self.own(self.one(("list", "generator", "dict")))

    def pairs(self):
        if self.chance(.4):
            return Value(self.one(('(("a",1),)', '((1,2),(1.0,3))', '("ab","cd")', "((1,2,3),)", "5", '("a",)', "()")))
        return self.slot_of("dict") or self.own("dict")

    def of(self, letter):
        """The expression that a letter of the tables stands for."""
        random_values = {"k": KEYS, "i": INDICES, "n": NUMBERS, "x": TEXTS, "z": ["None"], "y": TYPES,
                         "m": ["0", "1", "2", "-1", "2", '"a"', "1.5", "10**30"]}
        if letter in random_values:
            return Value(self.one(random_values[letter])) if self.chance(.95) else self.value()
        if letter in "lds":
            kind = {"l": "list", "d": "dict", "s": "set"}[letter]
            return self.slot_of(kind) if self.chance(.7) and self.slot_of(kind) else self.own(kind)
        if letter in "ENM":
            return Value(repr(self.one({"E": ERRORS, "N": NAMES, "M": METHODS}[letter])))
        if letter == "w":
            return self.slot_of("view") or self.own("dict")
        if letter == "o":
            return self.slot_of("item") if self.chance(.8) and self.slot_of("item") else self.own(self.one(("Item", "SubItem", "Bare")))
        if letter == "c":
            return self.own(self.one(("list", "dict", "Item", "generator"))) if self.chance(.4) else self.reference()
        if letter == "e":
            return self.own("Item class") if self.mirrored else Source(self.one(("ValueError", "KeyError('k')", "StopIteration", "5")), ())
        return {"v": self.value, "r": self.reference, "q": self.changeable, "f": self.function, "t": self.iterable, "p": self.pairs}[letter]()

    # ------------------------------------------------------------ operations
    def add(self, kind, name, target, args=(), named=(), result="any"):
        self.operations.append(Operation(kind, name, target, tuple(args), tuple(named), self.next))
        if kind not in ("set", "del", "store", "delete"):
            self.types[self.next] = result
        self.next += 1

    def letters(self, text):
        """Positional and named expressions of "v, a=v"."""
        args, named = [], []
        for part in filter(None, text.split(", ")):
            name, equals, letter = part.partition("=")
            if equals:
                named.append((name, self.of(letter)))
            else:
                args.append(self.of(part))
        return args, named

    def operate(self, target, entry):
        text, _, result = entry.partition(" > ")
        result = result or "value"
        if text[0] == "=":
            letters = [letter for letter in "vlktdswofinymN" if "{%s}" % letter in text]
            form = text[1:]
            for number, letter in enumerate(letters):
                form = form.replace("{%s}" % letter, "{%d}" % (number + 1))
            return self.add("source", form, target, [self.of(letter) for letter in letters], (), result)
        if text[0] == "~":
            return self.add("del", text[1:], target)
        if text[0] == ".":
            name, equals, letter = text[1:].partition("=")
            if equals:
                return self.add("set", name, target, [self.of(letter)])
            return self.add("get", name, target, (), (), result)
        name, _, inside = text.partition("(")
        if inside == "K)":
            kinds = COMMON if self.chance(.7) else list(KINDS)
            kind = self.one([kind for kind in kinds if kind not in self.without])
            return self.add("method", name, target, (Value(repr(kind)),) + tuple(self.arguments(kind)), (), KINDS[kind])
        args, named = self.letters(inside.rstrip(")"))
        if name == "@compare":
            return self.add("compare", self.one(COMPARISONS), target, args)
        if name[0] == "@":
            return self.add(name[1:], "", target, args, named, result)
        self.add("method", name, target, args, named, result)

    def program(self):
        if "rules" not in self.without and self.chance(.4):
            self.add("method", "rules", Slot(ROOT), [Value(self.one(("'strict'", "'pickle'")))])
        for _ in range(self.random.randrange(1, 4)):
            self.operate(Slot(ROOT), "make(K) > K")
        for _ in range(self.random.randrange(6, 30)):
            if self.chance(.1):
                kind = self.one(OWN)
                self.add("make", "", self.own(kind), (), (), "own " + KINDS[kind])
                continue
            slots = [number for number, kind in self.types.items() if kind in TABLES and kind != "root"]
            number = ROOT if not slots or self.chance(.35) else self.one(slots[-6:])
            kind = self.types[number]
            if self.chance(.05) and kind != "set":   # sets have no order that could be compared
                kind = self.one(list(TABLES))        # what it may not have
            asked = ASKED if self.chance(.9) else NAMED
            entries = asked if not self.mirrored and self.chance(.25 if kind == "class" else .06) else [entry for entry in TABLES[kind] if not (self.mirrored and (entry[0] == "=" or entry.split(" ")[0] in LOCAL))]
            if kind == "root":
                entries = [entry for entry in entries if entry.split("(")[0] not in self.without]
            if self.types[number] == "class":        # the next program would find it changed
                entries = [entry for entry in entries if entry[0] != "~" and not re.match(r"\.\w+=", entry)]
            self.operate(Slot(number), self.one(entries))
        for number in [number for number, kind in self.types.items() if kind in ("list", "dict", "item", "own list", "own dict", "own item")]:
            if not self.mirrored or not self.types[number].startswith("own"):
                self.add("repr", "", Slot(number))
        return Program(self.seed, self.chance(.7) or self.mirrored, self.operations)


def program(seed, mirrored=False, without=()):
    """`without`: what the native side has not: kinds of things, "own " kinds of the client, and "rules"."""
    return Writer(seed, mirrored, without).program()
