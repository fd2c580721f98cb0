"""What modules of a slave in C and of a stock one say of themselves to a stock master: slave_reflection.py NATIVE STOCK."""
import sys
import types                                         # noqa: F401, for the questions

import rpyc

# What classic_slave.c has. Not asked is what follows from the module's type, which is librpyc.module and not one that Python knows.
MODULE = '''
import sys, types
module = sys.modules["my.math"] = types.ModuleType("my.math")
def twice(n):
    "n + n"
    return n + n
twice.__module__ = None
module.twice, module.pi = twice, 3.25
'''
QUESTIONS = """m.__class__.__name__  m.__class__.__module__  m.__class__.__qualname__  m.__class__.__class__.__name__  m.__name__  m.__doc__
m.__class__.__bases__[0].__bases__  [c.__name__ for c in m.__class__.__bases__[0].__mro__]
[c.__name__ for c in m.__class__.__mro__]  [c.__name__ for c in m.__class__.__bases__]  isinstance(m, types.ModuleType)  isinstance(m, dict)
type(m.__dict__).__name__  m.__dict__.__class__.__name__  m.__dict__["pi"]  m.__dict__["__name__"]  m.__dict__["__doc__"]  m.__dict__["nothing"]
[name for name in ("pi", "twice", "__name__", "nothing") if name in m.__dict__]  m.__dict__["twice"] == m.twice
m.twice.__class__.__name__  m.twice.__name__  m.twice.__qualname__  m.twice.__doc__  m.twice.__code__.co_varnames  m.twice.__defaults__
m.twice.__code__.co_argcount  m.twice.__dict__ == {}  isinstance(m.twice, types.FunctionType)  type(m.twice).__name__  m.twice(4)
m.twice.__class__.__mro__[1].__name__  b.__name__  b.__class__.__name__  b.len.__name__  b.len.__qualname__  b.len.__module__  "len" in b.__dict__
s.__name__  s.__class__.__name__  type(conn.namespace).__name__  conn.namespace.__class__.__name__  [c.__name__ for c in conn.namespace.__class__.__mro__]
conn.namespace.__class__.__name__  hash(m) == hash(m)  m == m  m != m  bool(m)  callable(m)  callable(m.twice)  "twice" in dir(m)
hasattr(m, "nothing")  getattr(m, "nothing", 5)  issubclass(m.__class__, object)  isinstance(m.__class__, type)
said(getattr, m, "nothing")  said(getattr, m, "_nothing")  said(getattr, b, "nothing")  said(getattr, s, "nothing")  said(delattr, m, "nothing")
said(getattr, conn.builtins, "nothing")  setattr(m, "new", 3)  m.new  delattr(m, "new")  said(getattr, m, "new")  said(delattr, m, "new")  str(m.__class__)""".replace("\n", "  ").split("  ")

if str(rpyc.__version__).startswith("(4"):             # which lends this one class as an instance of type
    QUESTIONS.remove("isinstance(m.__class__, type)")
if str(rpyc.__version__).startswith("5."):             # which takes a class that it does not know for an object of it
    QUESTIONS.remove("m.__class__.__class__.__name__")


def said(function, *args):
    try:
        return function(*args)
    except AttributeError as error:
        return error.args


def answers(address):
    host, port = address.rsplit("/", 1)[1].rsplit(":", 1)
    conn = rpyc.classic.connect(host, int(port))
    if address == sys.argv[2]:
        conn.execute(MODULE)
    names = {"conn": conn, "m": conn.modules["my.math"], "b": conn.modules.builtins, "s": conn.modules.sys, "types": types, "said": said}
    for question in QUESTIONS:
        try:
            yield question, eval(question, names)
        except Exception as error:
            yield question, (type(error).__name__, error.args[:1] if isinstance(error, KeyError) else None)
    conn.close()


failed = 0
for (question, native), (_, stock) in zip(answers(sys.argv[1]), answers(sys.argv[2]), strict=True):
    if native != stock:
        failed += 1
        print("%s: %r, of a stock slave %r" % (question, native, stock))
print("%d passed, %d failed" % (len(QUESTIONS) - failed, failed))
