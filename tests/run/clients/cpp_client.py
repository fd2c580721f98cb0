"""A stock client of bindings/cpp/tests/served.cpp: cpp_client.py ADDRESS ADDRESS."""
import sys

import rpyc

failed = passed = 0


def check(what, got, want):
    global failed, passed
    if got == want:
        passed += 1
    else:
        failed += 1
        print("%s: got %r, want %r" % (what, got, want))


def raised(function, *args):
    try:
        return function(*args)
    except Exception as error:
        return "%s: %s" % (type(error).__name__, error.args[0] if error.args else "")


def connect(address):
    host, port = address.rsplit("/", 1)[1].rsplit(":", 1)
    return rpyc.connect(host, int(port), config={"allow_public_attrs": True, "sync_request_timeout": 60})


conn = connect(sys.argv[1])
root = conn.root

guarded = root.guarded()
check("own rules allow", guarded.open, 1)
check("a name that RPyC hides", getattr(guarded, "_hidden"), "seen")
check("own rules refuse", raised(getattr, guarded, "closed"), "AttributeError: no closed for you")
guarded.closed = [1]
check("set by own rules", guarded.closed[0], 1)
check("refused setting", raised(setattr, guarded, "fixed", 1), "PermissionError: fixed stays")
del guarded.closed
check("deleted by own rules", raised(getattr, guarded, "closed"), "AttributeError: no closed for you")
check("special methods are found as ever", str(guarded), "guarded 2")

for name in ("row", "wide"):
    row = getattr(root, name)()
    check(name + ": dynamic attribute", (row.width, row.height, row.area()), (3, 4, 12))
    row.width = 5
    check(name + ": set", (row.width, row.area()), (5, 20))
    check(name + ": wrong type", raised(setattr, row, "width", "x"), "TypeError: attribute() argument 'value' must be int, not str")
    del row.height
    check(name + ": deleted", raised(lambda: row.height).split(":")[0], "AttributeError")
    check(name + ": absent", raised(lambda: row.depth).split(":")[0], "AttributeError")
    check(name + ": what cannot tell has none", raised(lambda: row.broken).split(":")[0], "AttributeError")

check("dynamic attribute of a service", root.user_nobody, "hello nobody")
root.login("Ann")
check("its instance tells", root.user_Ann, "hello Ann")
check("no more", raised(lambda: root.user_nobody).split(":")[0], "AttributeError")

view = root.view()
check("view", (view.width, view.area()), (3, 12))
check("view refuses", raised(lambda: view.height).split(":")[0], "AttributeError")
check("view is not to be set", raised(setattr, view, "width", 1).split(":")[0], "AttributeError")

live = root.live()
live.append(4)
check("live list", list(live), [1, 2, 3, 4])
check("it comes back as itself", root.sum_of_list(live), 10)
check("another list is none", raised(root.sum_of_list, [1]), "TypeError: sum_of_list() argument 'items' must be local list, not list")
check("generator", list(root.count(4)), [0, 1, 2, 3])
check("numbers", (len(root.numbers()), root.numbers()[999]), (1000, 0.5))
if root.squares:
    check("coroutine", list(root.squares(4)), [0, 1, 4, 9])
    check("coroutine that is left", next(root.squares(4)), 0)
check("calls run in the thread of the queue", root.thread_is_main(), True)

check("service and hooks are in that thread", root.elsewhere(), 0)

tree = root.tree()
check("one object for one pointer", root.tree() is tree, True)
node = root.new_node("leaf")
check("a unique pointer", (node.name, root.new_node("leaf") is node), ("leaf", False))
tree.add(node)
check("it comes back as itself", (tree.children[0] is node, root.name_of(node), root.name_of(tree)), (True, "leaf", "tree"))
check("no pointer", (root.no_node(), root.name_of(None)), (None, "none"))
check("another object is none", raised(root.name_of, live), "TypeError: name_of() argument 'node' must be Node, not list")
check("a type without a class", raised(root.unknown).startswith("RuntimeError: there is no rpyc::Class<"), True)
del tree, node
check("as long as it is used", root.tree().children[0].name, "leaf")
check("lists and dicts that are written down", str(root.written()), "[1, 'x', [[]], {'a': 1, 2: None}]")

guest = connect(sys.argv[1])
guest.root.become_guest()
check("another root", guest._local_root is not None and raised(lambda: rpyc.Connection.root.fget(guest)) is not None, True)
guest._remote_root = None                            # asked for anew
check("the root is another one", guest.root.greet(), "a guest")
check("and not the service", raised(lambda: guest.root.row).split(":")[0], "AttributeError")
guest.close()

plain = connect(sys.argv[2])
check("a service without instances", (plain.root.normal(), plain.root.call_home()), (1, "home"))
plain.close()

root.stop()
conn.close()
print("%d passed, %d failed" % (passed, failed))
sys.exit(1 if failed else 0)
