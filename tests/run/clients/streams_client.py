"""What comes as a stream is taken as a stream, by a stock Python server and by tests/c_border/containers alike: streams_client.py
ADDRESS. What was taken before an iterable failed stays, no more of it is made than is needed, and not all of it is held at once; the
layers of files, and the words of errors."""
import os
import re
import sys
import tempfile
import threading
import time

import rpyc
from rpyc.utils.server import ThreadedServer

checks = failures = 0
CONFIG = {"allow_public_attrs": True, "allow_pickle": True}
log = []


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: %s" % (what,))


def stream(*items):
    """Logs each item that is asked for; an exception among them is raised."""
    for item in items:
        log.append(re.sub("0x[0-9a-f]+", "", repr(item)))
        if isinstance(item, Exception):
            raise item
        yield item


class Mapping:
    """Its keys are there, and then are not."""
    def keys(self):
        log.append("keys")
        return stream("k", "l", "m")

    def __getitem__(self, key):
        log.append("item " + key)
        if key == "m":
            raise LookupError("no m")
        return key * 2


class Stock(rpyc.Service):
    def exposed_give(self, kind, n=0):
        if kind == "list":
            return list(range(n))
        if kind == "generator":
            return (i for i in range(n, 0, -1))
        return {"a": 1, 2: "two", "c": 3.5}

    def exposed_file(self, path, mode):
        way = os.O_RDWR if "+" in mode else os.O_RDONLY if "r" in mode else os.O_WRONLY
        plain = {} if "b" in mode else {"newline": "\n", "encoding": "utf-8"}
        return open(os.open(path, way), mode, **plain)


def shown(value):
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return type(value)(map(shown, value))
    if hasattr(type(value), "____conn__") or "netref" in str(type(value)):
        return value.____id_pack__[0]
    return type(value).__name__, repr(value)


def outcome(text, names):
    del log[:]
    try:
        try:
            code = compile(text, text, "eval")
        except SyntaxError:
            exec(text, names)
            return None, list(log)
        return shown(eval(code, names)), list(log)
    except Exception as error:
        return "raises", type(error).__name__, re.sub(r"=\d+", "=N", str(error).split("\n\n========")[0]), list(log)


def compare(make, statements, see=None):
    sides = [{"x": make(root), "stream": stream, "Mapping": Mapping, "show": lambda items: sorted(map(repr, items)), "re": re}
             for root in roots]
    for text in filter(None, statements):
        for each in (text, see) if see else (text,):
            stock, native = [outcome(each, names) for names in sides]
            check(stock == native, "%s%s: stock %r, native %r" % (each, " after " + text if see else "", stock, native))


LIST = """
x.extend(stream(1, 2, LookupError('here'), 3))  x.extend(stream())  x.__iadd__(stream(7, ValueError()))  x[1:2] = stream(5, 6, 7)
x[0:0] = stream(1, LookupError('there'))  x[::2] = stream(1, 2)  x[::2] = stream(1, TypeError('in it'))  x[0:1] = stream(TypeError('it'))
x[0:1] = 5  x.extend(5)  x.extend(stream([1], {}))  len(x)
""".replace("\n", "  ").split("  ")
DICT = """
x.update(stream(("p", 1), ("q", 2), LookupError("half way"), ("r", 3)))  x.update(stream(("s", 1), (1,), ("t", 2)))
x.update(stream(("u", 1), 5, ("v", 2)))  x.__ior__(stream(("w", 1), ([], 2)))  x.__ior__(stream(("y", 1), LookupError("there")))
x.update(stream(stream("z", 1), stream("zz", 2, 3)))  x.update(stream(("a1", 1), stream("zy", TypeError("in a pair"))))
x.update(stream(("a1", 1), stream("zy", LookupError("in a pair"))))  x.update(Mapping())  x.update(5)  x.update([5])  x.update(stream("ab", "cde"))
x.update(stream((1, 2)), b=5)  x.update(stream((3, 4), KeyError(1)), c=5)  x.fromkeys(stream(1, [], 2))  x.fromkeys(stream(1, LookupError("it")))
x.fromkeys(stream(1, 2), 3)  x.__or__(stream((1, 2)))
""".replace("\n", "  ").split("  ")
SETS = """
show(x.keys() & stream("a", 7))  x.keys() & stream("a", [], 7)  x.keys() | stream(1, LookupError("it"), 2)  x.keys() - stream("a", {}, 2)
x.keys() ^ stream("a", [], 2)  stream("a", [], 1) - x.keys()  stream("a", [], 1) & x.keys()  x.items() & stream(5, [], ("a", 1))
x.keys().isdisjoint(stream(7, 8, "a", 9))  x.items().isdisjoint(stream(5, [], ("a", 1), 6))  x.keys().isdisjoint(stream(7, [], "a"))
s = x.keys() | ()  s.issuperset(stream("a", 9, 2))  s.issuperset(stream("a", 2))  s.issubset(stream("a", 2, [], 5))  s.issubset(stream(1, 2))
s.isdisjoint(stream(7, "a", 8))  s.union(stream(1, LookupError("it")))  s.intersection(stream("a", [], 2))  s.difference(stream("a", [], 2))
s.symmetric_difference(stream("a", [], 2))  s.update(stream(1, 5, LookupError("it"), 6))  show(s)  s.update(stream(7, []), stream(8))  show(s)
s.update((10, 11), stream(12))  show(s)  s.difference_update(stream(10, 11, [], 12))  show(s)  s.difference_update((12,), stream(7))  show(s)
s.intersection_update(stream("a", 2, []))  show(s)  s.intersection_update(stream("a", 2, 1), ("a", 1))  show(s)
s.symmetric_difference_update(stream("a", 3, []))  show(s)  s.symmetric_difference_update(stream("a", 3, 3))  show(s)
s.difference_update(s)  show(s)  s.update(stream())  s.update(5)  s.symmetric_difference_update()  s.intersection_update()  s.update(a=1)
""".replace("\n", "  ").split("  ")
GENERATOR = """
x.gi_running  x.gi_suspended  x.gi_yieldfrom  next(x)  x.gi_running  x.gi_suspended  x.send()  x.send(1, 2)  x.send(5)  x.close(1)
x.throw()  x.__next__(1)  x.__iter__(1)  x.close()  x.gi_running  x.gi_suspended  x.send(None)  x.send(1)
""".replace("\n", "  ").split("  ")
LINES = """
x.writelines(stream(DATA"one\\n", DATA"two\\n", LookupError("no more"), DATA"three\\n"))  x.flush()  x.writelines(stream(DATA"four", 5, DATA"six"))
x.writelines(stream())  x.writelines(5)  x.writelines("ab")  x.writelines(b"ab")  x.writelines(stream(DATA"last\\n"))  x.writelines()
""".replace("\n", "  ").split("  ")
LAYERS = """
x.buffer  x.buffer is x.buffer  x.buffer.raw  x.buffer.raw is x.buffer.raw  x.buffer.mode  x.buffer.raw.mode  x.buffer.raw.closefd
x.buffer.closed  x.buffer.readable()  x.buffer.writable()  x.buffer.tell()  x.buffer.read(3)  x.buffer.peek(1)[:2]  x.buffer.readline()
x.buffer.raw.tell() >= 5  x.buffer.seek(0)  x.buffer.raw.seek(0)  x.buffer.raw.read(3)  x.buffer.raw.readline()  x.buffer.raw.readall()
x.buffer.raw.read(5)  x.seek(0)  x.readline()  x.buffer.read()  x.buffer.seek(0)  x.read()  x.write_through  x.line_buffering
x.buffer.raw.read("a")  x.buffer.raw.seek(0, 9)  x.buffer.raw.seek(-1)  x.buffer.raw.write("text")  x.buffer.raw.isatty()
re.sub("=\\d+", "", repr(x.buffer))  re.sub("=\\d+", "", repr(x.buffer.raw))  x.seek(0)  b = x.detach()  b  x.detach()  x.buffer  x.read()
x.write("")  x.writelines(stream("a"))  x.closed  x.name  x.mode  x.encoding  x.newlines  x.flush()  x.close()  iter(x)  next(x)  x.__enter__()
x.readable()  x.seek(0)  x.tell()  x.truncate()  x.readlines()  x.fileno()  b.read(4)  r = b.detach()  r  b.detach()  b.raw  b.read()  b.closed
b.mode  b.name  b.peek()  b.read1()  b.close()  b.writelines(stream(b"a"))  b.truncate()  b.seek(0)  repr(b)  r.seek(0)  r.read(4)  r.read(None)
r.seek(1)  next(r)  r.readlines()  r.tell()  r.flush()  r.closed  r.__enter__() is r  r.close()  r.closed  r.close()  r.read()  r.readall()
r.flush()  r.writelines(stream(b"a"))  r.write(b"a")  r.seek(0)  iter(r)  next(r)  r.readline()  r.readable()  repr(r)  r.truncate()
""".replace("\n", "  ").split("  ")
CLOSED = """
x.close()  x.closed  x.close()  x.read()  x.read(1)  x.readline()  x.readlines()  next(x)  iter(x)  x.seek(0)  x.tell()  x.flush()  x.__enter__()
x.fileno()  x.isatty()  x.readable()  x.writable()  x.seekable()  x.truncate()  x.write(DATA"")  x.writelines(stream(DATA"a"))  x.detach()
re.sub("=\\d+", "", repr(x).replace("UTF", "utf"))
""".replace("\n", "  ").split("  ")


def of_mode(statements, mode):
    return [text.replace("DATA", "b" if "b" in mode else "") for text in statements]


def files(folder):
    for number, (mode, statements) in enumerate((("w", LINES), ("wb", LINES), ("r", LINES), ("rb", LINES), ("a", LINES), ("r+b", LINES), ("r+", LAYERS),
                             ("r", LAYERS), ("r", CLOSED), ("rb", CLOSED), ("r+", CLOSED), ("wb", CLOSED), ("r+b", CLOSED))):
        paths = {}

        def make(root):
            path = paths.setdefault(id(root), os.path.join(folder, "%d %s %d" % (number, mode, len(paths))))
            with open(path, "wb") as file:
                file.write(b"" if "w" in mode else b"eins\nzwei drei\n\nvier")
            return root.file(path, mode)
        before = failures
        compare(make, of_mode(statements, mode) + ["x.close()"])
        contents = [open(path, "rb").read() for path in paths.values()]
        check(contents[0] == contents[1], "both files of mode %s hold the same: %r" % (mode, contents))
        if failures > before:
            print("with mode", mode)


def memory(process):
    with open("/proc/%d/status" % process) as status:
        return int(re.search(r"VmHWM:\s+(\d+)", status.read()).group(1))


def large(folder, process):
    """192 MiB in lines, and in a list of lines, go through a server that does not hold them."""
    path = os.path.join(folder, "large")
    open(path, "wb").close()
    before = memory(process)
    line = os.urandom(1 << 20)
    with roots[1].file(path, "wb") as file:
        file.writelines(line for _ in range(160))
        file.writelines([line] * 32)
    check(os.path.getsize(path) == 192 << 20, "%d bytes" % os.path.getsize(path))
    check(memory(process) - before < 96 << 10, "%d KiB more" % (memory(process) - before))


server = ThreadedServer(Stock(), port=0, hostname="127.0.0.1", protocol_config=CONFIG)
threading.Thread(target=server.start, daemon=True).start()
while not server.active:
    time.sleep(.01)
address, pid = sys.argv[1], int(sys.argv[2])
host, port = address[len("tcp://"):].rsplit(":", 1)
connections = [rpyc.connect(h, p, config={"allow_public_attrs": True, "sync_request_timeout": 120}) for h, p in (("127.0.0.1", server.port), (host, int(port)))]
roots = [connection.root for connection in connections]
compare(lambda root: root.give("list", 3), LIST, "list(x)")
compare(lambda root: root.give("dict"), DICT, "list(x.items())")
compare(lambda root: root.give("dict"), SETS)
compare(lambda root: root.give("generator", 5), GENERATOR)
with tempfile.TemporaryDirectory() as temporary:
    files(temporary)
    large(temporary, pid)
for connection in connections:
    connection.close()
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(failures > 0)
