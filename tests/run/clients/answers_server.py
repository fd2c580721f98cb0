"""The stock twin of tests/c_border/answers.c; as a program a server for it: answers_server.py; prints its port."""
import rpyc
from rpyc.utils.server import ThreadedServer


def entries():
    names = ("x", "exposed_y", "both", "exposed_both", "_p", "exposed__q")
    return dict({name: name for name in names}, f=hello, __len__=hello)


def hello():
    return "hello"


def bag():
    """Attributes in a dict, and no others."""
    held = entries()

    class Bag:
        def __getattr__(self, name):
            if name in held:
                return held[name]
            raise AttributeError("not in the bag")

        def __setattr__(self, name, value):
            held[name] = value

        def __delattr__(self, name):
            if name not in held:
                raise AttributeError("not in the bag")
            del held[name]
    return Bag()


class Odd:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return self.value

    def __lt__(self, other):
        return self.value

    def __contains__(self, item):
        return self.value

    __hash__ = None


class Ruled:
    def __init__(self):
        self.held = dict(entries(), my_x="x", my_f=hello)

    @staticmethod
    def check(name):
        if not name.startswith("my_") or name == "my_":
            raise AttributeError("denied")

    def _rpyc_getattr(self, name):
        self.check(name)
        try:
            return self.held[name]
        except KeyError:
            raise AttributeError(name)

    def _rpyc_setattr(self, name, value):
        self.check(name)
        self.held[name] = value

    def _rpyc_delattr(self, name):
        self.check(name)
        if name not in self.held:
            raise AttributeError(name)
        del self.held[name]


class Plain:
    def __init__(self):
        self._n = 1

    def _read(self):
        if not self._n:
            raise AttributeError("deleted")
        return self._n

    def _write(self, n):
        self._n = n

    def _delete(self):
        if not self._n:
            raise AttributeError("deleted")
        self._n = 0

    p = exposed_e = property(_read, _write, _delete)
    fixed = property(_read)

    def method(self):
        return "hello"


class SameIterator:
    def __init__(self):
        self.iterator = iter([0, 1, 2, 3, 4, 5])

    def __iter__(self):
        return self.iterator


class OldSequence:
    def __getitem__(self, index):
        return (0, 1, 2)[index]


class Failing:
    """Has these methods, which fail with what would else say that there are none."""
    def fail(self, *args):
        raise AttributeError("inside")

    __bool__ = __contains__ = __iter__ = fail


class NegativeLength:
    def __len__(self):
        return -1


class Answers(rpyc.Service):
    def exposed_bag(self, which):
        return bag()

    def exposed_odd(self, value):
        return Odd([] if value == "own empty list" else value)

    def exposed_in_list(self, value):
        return [Odd(value), 7]

    def exposed_ruled(self):
        return Ruled()

    def exposed_plain(self):
        return Plain()

    def exposed_squares(self):
        return (n * n for n in range(4))

    def exposed_same_iterator(self):
        return SameIterator()

    def exposed_old_sequence(self):
        return OldSequence()

    def exposed_failing(self):
        return Failing()

    def exposed_equal_to_failing(self):
        return Odd(Failing())

    def exposed_negative_length(self):
        return NegativeLength()

    def exposed_odd_true(self):
        return Odd([0])

    def exposed_odd_false(self):
        return Odd([])


if __name__ == "__main__":
    server = ThreadedServer(Answers, hostname="127.0.0.1", port=0)
    server.listener.listen()  # as start() will, which may come later than the client
    print("PORT %d" % server.port, flush=True)
    server.start()
