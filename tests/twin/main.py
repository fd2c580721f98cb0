"""The random twin: the same random programs against a stock service and its native copy, by a stock client and a native one, or
with and without a native peer in the middle.

    main.py PROGRAM serve|pool|queue|drive|bridge FIRST-LAST [--keep-going]  PROGRAM is the native half, target/c/twin
    main.py PROGRAM go|drive-go|bridge-go FIRST-LAST [--keep-going]  the same in Go, target/c/go/twin
    main.py PROGRAM cpp|drive-cpp|bridge-cpp FIRST-LAST [--keep-going]       in C++, target/c/cpp/twin
    main.py NEAR,FAR bridge-two FIRST-LAST [--keep-going]            two of them, one behind the other
    main.py PROGRAM bare FIRST-LAST [--keep-going]                   the service over bare sessions, target/c/twin_bare

Runs with the Python of a stock RPyC. Each difference that differences.py does not explain is shrunk to the smallest program that
shows it, and printed as a script.
"""
import collections
import os
import subprocess
import sys
import warnings

sys.dont_write_bytecode = True

import rpyc

import differences
import programs
from operations import Make, Native, Program, Slot, Stock, Tuple, Value

warnings.simplefilter("ignore", SyntaxWarning)        # "is" with a literal
FOLDER = os.path.dirname(os.path.abspath(__file__))
LONG = 3000                                          # programs after which an entry that nothing matched is told


class Peer:
    """A server in a process of its own, which ends with its standard input."""

    def __init__(self, command, before_port, errors=None):
        self.command, self.before_port, self.errors, self.process = command, before_port, errors, None

    def port(self):
        if self.process is None or self.process.poll() is not None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True)
            self.number = int(self.process.stdout.readline().rsplit(self.before_port, 1)[1])
        return self.number

    def died(self):
        """How it ended, if it did."""
        if self.process is None or self.process.poll() is None:
            return ""
        return "%s ended with %s" % (self.command[0], self.process.returncode)

    def close(self):
        """Whether it ended well."""
        if self.process is None:
            return True
        self.process.stdin.close()
        try:
            return self.process.wait(20) == 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            return False


# What services and clients of other languages have not.
WITHOUT = {
    "cpp": (),
    # Options are those that the server began with; truth and equality have no request of their own; each() fills a list of
    # the library from any object, for which the thread that takes the events must not wait; and classes have members alone.
    "bare": ("rules", "Bag", "truth", "equal", "each"),
    # Options are those that the server began with; sets of the library have no name in Go; generators of Go only go on; and
    # streams of Go are no descriptors.
    "go": ("rules", "set", "generator", "file"),
    # For the same reason; what a peer makes of them a client in Go can use.
    "drive-go": ("own set",),
}
Found = collections.namedtuple("Found", "number stock native")


class Twin:
    """Both sides of one mode."""

    def __init__(self, program, mode):
        self.mirrored, self.bridged, self.mode = mode.startswith("drive"), mode.startswith("bridge"), mode
        self.stock = Peer([sys.executable, os.path.join(FOLDER, "service.py")], "PORT ", subprocess.DEVNULL)
        self.natives = []        # the one that the client talks to comes last
        if self.bridged:
            port = self.stock.port()
            for middle in reversed(program.split(",")):
                self.natives.append(Peer([middle, "bridge", "tcp://127.0.0.1:0", "tcp://127.0.0.1:%d" % port], ":"))
                port = self.natives[-1].port()
        else:
            self.natives.append(Peer([program, "drive" if self.mirrored else mode if mode in ("pool", "queue") else "serve", "tcp://127.0.0.1:0"], ":"))
        self.native = self.natives[-1]
        self.driver = None
        self.matched = collections.Counter()
        self.operations = 0

    def sides(self, program):
        stock = Stock("127.0.0.1", self.stock.port(), program.open)
        if not self.mirrored:
            return stock, Stock("127.0.0.1", self.native.port(), program.open, len(self.natives) if self.bridged else 0)
        if self.native.died() or self.driver is None or self.driver.closed:
            self.driver = rpyc.connect("127.0.0.1", self.native.port(), config={"sync_request_timeout": 60})
        return stock, Native(self.driver, "tcp://127.0.0.1:%d" % self.stock.port())

    def run(self, program, counting=False):
        """The first difference that nothing explains, or None."""
        sides = []
        try:
            sides += self.sides(program)
            return self.compare(program, *sides, counting)
        finally:
            for side in sides:
                try:
                    side.close()
                except (EOFError, OSError):
                    pass

    def compare(self, program, stock, native, counting):
        for number, operation in enumerate(program.operations):
            if not all(side.has(slot) for side in (stock, native) for slot in operation.uses()):
                continue
            if self.mirrored and stock.holds_data(operation.target):
                continue
            outcome, other = stock.run(operation), native.run(operation)
            self.operations += counting
            case = differences.Case(operation, self.mirrored, self.bridged, stock.type_of(operation.target), program,
                                    rpyc.__version__, self.mode)
            entries = differences.explanation(case, outcome, other)
            if entries is None:
                return Found(number, outcome, other)
            if counting:
                self.matched.update(entry.name for entry in entries)
            if any(entry.ends for entry in entries):
                return None
        return None

    def close(self):
        if self.driver is not None:
            self.driver.close()
        return [peer.command[0] for peer in (*reversed(self.natives), self.stock) if not peer.close()]


def simpler(expression):
    """Expressions that might do in its place, the simplest first."""
    if isinstance(expression, (Tuple, Make)) and expression.items:
        for number in range(len(expression.items)):
            yield expression._replace(items=expression.items[:number] + expression.items[number + 1:])
    if not isinstance(expression, (Slot, Value)):
        yield Value("None")
    if isinstance(expression, Value) and expression.text not in ("0", "None", "()") and expression.text[0] not in "'\"":
        yield from (Value("None"), Value("0"))


def smaller(program):
    """Programs with a part less."""
    count = len(program.operations)
    size = count
    while size:
        for start in range(0, count, size):
            yield program._replace(operations=program.operations[:start] + program.operations[start + size:])
        size //= 2
    for number, operation in enumerate(program.operations):
        for place, arg in enumerate(operation.args):
            for other in simpler(arg):
                args = operation.args[:place] + (other,) + operation.args[place + 1:]
                yield program._replace(operations=program.operations[:number] + [operation._replace(args=args)]
                                       + program.operations[number + 1:])
        for place in range(len(operation.named)):
            named = operation.named[:place] + operation.named[place + 1:]
            yield program._replace(operations=program.operations[:number] + [operation._replace(named=named)]
                                   + program.operations[number + 1:])


def shrunk(twin, program, found):
    """The smallest program found that differs in the same kind of operation."""
    kind = kind_of(program, found)
    program = program._replace(operations=program.operations[:found.number + 1])
    again = True
    while again:
        again = False
        for candidate in smaller(program):
            other = twin.run(candidate)
            if other is not None and kind_of(candidate, other) == kind:
                program, found, again = candidate._replace(operations=candidate.operations[:other.number + 1]), other, True
                break
    return program, found


def kind_of(program, found):
    operation = program.operations[found.number]
    return operation.kind, operation.name, found.stock[:2] if found.stock[0] == "raises" else found.stock[0], found.native[0]


def tell(twin, program, found):
    print("=" * 20, "seed %s, %s:" % (program.seed, "client" if twin.mirrored else "service"))
    print(program.script(twin.stock.port()))
    print("# stock:  %r\n# native: %r" % (found.stock, found.native), flush=True)
    died = "".join(native.died() for native in twin.natives)
    if died:
        print("# %s" % died, flush=True)


def main(native, mode, seeds, *flags):
    first, last = map(int, seeds.split("-"))
    twin, failed = Twin(native, mode), 0
    seen = set()
    for seed in range(first, last + 1):
        program = programs.program(seed, twin.mirrored, WITHOUT.get(mode, ()))
        found = twin.run(program, True)
        if found is None:
            continue
        failed += 1
        program, found = shrunk(twin, program, found)
        kind = kind_of(program, found)
        if kind not in seen:
            seen.add(kind)
            tell(twin, program, found)
        if "--keep-going" not in flags and failed >= 3:
            break
    for name in twin.close():
        print("%s did not end well" % name)
        failed += 1
    count = last - first + 1
    for entry in differences.ENTRIES:
        if twin.matched[entry.name]:
            print("%6d %s" % (twin.matched[entry.name], entry.name))
        elif count >= LONG:
            print("no program shows the difference '%s': is it still one?" % entry.name)
    print("%d operations of %d programs, %d failed" % (twin.operations, count, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
