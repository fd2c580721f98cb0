"""Stock RPyC sees what an option of the server does: parameters_client.py ADDRESS NAME TEXT c|python."""
import re
import sys
import threading
import time
import types

import rpyc

checks = failures = 0


def check(good, what):
    global checks, failures
    checks += 1
    if not good:
        failures += 1
        print("not so: %s" % (what,))


def equal(got, want, what):
    check(got == want, "%s is %r, not %r" % (what, want, got))


def attempt(function, *args):
    """What it gives, or the exception."""
    try:
        return function(*args)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        return error


def allowed(text, got, want):
    """With the option on, `got` is `want`; else the rules refuse."""
    if text == "true":
        equal(got, want, NAME)
    else:
        check(isinstance(got, AttributeError) and "cannot access" in str(got), "it is refused, not %r" % (got,))


def attribute(name):
    return lambda thing: attempt(getattr, thing, name)


ADDRESS, NAME, TEXT, PEER = sys.argv[1:]
HOST, PORT = re.fullmatch(r"tcp://(.+):(\d+)", ADDRESS).groups()
CONFIG = {"bind_threads": TEXT == "true"} if NAME == "bind_threads" else {}
if NAME == "instantiate_custom_exceptions":
    CONFIG[NAME] = TEXT == "true"
conn = rpyc.connect(HOST, int(PORT), config=CONFIG)
root = attempt(lambda: conn.root)


def of_thing(look, want):
    allowed(TEXT, look(root.exposed_thing()), want)


def test_allow_safe_attrs():
    of_thing(lambda thing: attempt(len, thing), 5)


def test_safe_attrs():
    allowed("true" if "__len__" in TEXT else "false", attempt(len, root.exposed_thing()), 5)


def test_allow_exposed_attrs():
    # The server lets public names pass, so that its methods are reached without this option.
    thing = root.exposed_thing()
    equal(thing.exposed_shown, 2, "the whole name")
    equal(root.get_service_name(), "PARAMETERS", "the name of the service")
    equal(tuple(root.get_service_aliases()), ("PARAMETERS",), "and its aliases")
    got = attempt(getattr, thing, "shown")
    check(got == 2 if TEXT == "true" else isinstance(got, AttributeError), "without the prefix it is %r" % (got,))


def test_exposed_prefix():
    thing = root.exposed_thing()
    equal(root.get_service_name(), "PARAMETERS", "the name of the service")
    equal(tuple(root.get_service_aliases()), ("PARAMETERS",), "and its aliases")
    for name, prefix, want in (("shown", "exposed_", 2), ("tag", "x_", 9)):
        got = attempt(getattr, thing, name)
        check(got == want if TEXT == prefix else isinstance(got, AttributeError), "%s gives %r" % (name, got))


def test_allow_public_attrs():
    of_thing(attribute("public"), 1)
    check(isinstance(attribute("_private")(root.exposed_thing()), AttributeError), "what begins with _ is not public")
    thing = root.exposed_thing()
    equal(format(thing, ""), str(thing), "a text without a format")
    equal(str(attempt(format, thing, ">5")).split("\n")[0], "unsupported format string passed to Thing.__format__", "with one")
    equal(str(attempt(thing.__format__, 5)).split("\n")[0], "__format__() argument must be str, not int", "with no text")


def test_allow_all_attrs():
    of_thing(attribute("public"), 1)
    of_thing(attribute("_private"), 3)


def test_allow_getattr():
    allowed(TEXT, attempt(lambda: len(root.exposed_thing())), 5)


def test_allow_setattr():
    got = attempt(setattr, root.exposed_thing(), "public", 11)
    allowed(TEXT, got, None)
    equal(root.exposed_public(), 11 if TEXT == "true" else 1, "the attribute")


def test_allow_delattr():
    got = attempt(delattr, root.exposed_thing(), "public")
    allowed(TEXT, got, None)
    equal(root.exposed_public(), -1 if TEXT == "true" else 1, "the attribute")


def test_allow_pickle():
    got = attempt(rpyc.classic.obtain, root.exposed_list())
    check(got == [1, 2, 3] if TEXT == "true" else isinstance(got, ValueError), "obtain gives %r" % (got,))


def test_include_local_traceback():
    error = attempt(root.exposed_raise_it, "ValueError", "no")
    check(isinstance(error, ValueError), "it is raised, not %r" % error)
    told = error._remote_tb
    check("Traceback (most recent call last)" in told if TEXT == "true" else told == "<traceback denied>", "told: %r" % told)


def test_include_local_version():
    error = attempt(root.exposed_raise_it, "ValueError", "no")
    told = error._remote_version
    check(re.match(r"\d+\.\d+\.\d+", told) if TEXT == "true" else told == "<version denied>", "told: %r" % told)


def test_remote_version():
    error = attempt(root.exposed_raise_it, "ValueError", "no")
    equal(error._remote_version, TEXT, "the version that it came with")


def of_ending(kind, local, arg):
    got = attempt(root.exposed_raise_it, kind.__name__, arg)
    if local:
        check(isinstance(got, EOFError), "the connection is lost, not %r" % got)
        check(isinstance(attempt(lambda: conn.ping()), EOFError), "and stays so")
        return
    check(isinstance(got, kind) and got.args == (arg,), "it comes here: %r" % got)
    if kind is SystemExit:
        equal(got.code, arg, "its code")
    conn.ping()


def test_propagate_SystemExit_locally():
    of_ending(SystemExit, TEXT == "true", 3)


def test_propagate_SystemExit():
    of_ending(SystemExit, TEXT == "false", 3)


def test_propagate_KeyboardInterrupt_locally():
    of_ending(KeyboardInterrupt, TEXT == "true", "stop")


def test_instantiate_custom_exceptions():
    shop = sys.modules["shop"] = types.ModuleType("shop")
    shop.SoldOut = type("SoldOut", (Exception,), {"__module__": "shop"})
    error = attempt(root.exposed_raise_it, "shop.SoldOut", "pears")
    equal(isinstance(error, shop.SoldOut), TEXT == "true", "of our class")
    equal(isinstance(error, rpyc.core.vinegar.GenericException), TEXT == "false", "a generic one")
    equal(error.args, ("pears",), "args")


def test_constructed_exceptions():
    """Exceptions of types whose constructors make attributes of their arguments; TEXT is not looked at."""
    names = {"OSError": "errno strerror filename filename2", "BlockingIOError": "errno strerror filename characters_written",
             "SyntaxError": "msg filename lineno offset text", "UnicodeDecodeError": "encoding object start end reason",
             "SystemExit": "code"}
    names["UnicodeTranslateError"] = names["UnicodeEncodeError"] = names["UnicodeDecodeError"]
    names["TabError"] = names["SyntaxError"]
    for kind, args in (
            (OSError, (2, "none", "f")), (OSError, (2, "none")), (OSError, (1, "no", "f", None, "g")), (OSError, (7777, "x")),
            (OSError, ("text",)), (OSError, ()), (OSError, (1, 2, 3, 4, 5, 6)), (PermissionError, (2, "x")),
            (TimeoutError, (110, "slow")), (TimeoutError, ("slow",)), (IOError, (32, "pipe")), (ConnectionError, (3, "y", b"z")),
            (BlockingIOError, (11, "x", 3)), (BlockingIOError, (11, "x", "f")),
            (SyntaxError, ("bad", ("f.py", 3, 4, "a b"))), (TabError, ("bad", ("f.py", 3, 4, "a b"))), (SyntaxError, ("bad",)),
            (SyntaxError, ()), (UnicodeDecodeError, ("utf-8", b"a\xff", 1, 2, "why")),
            (UnicodeEncodeError, ("ascii", "\xe9", 0, 1, "why")), (UnicodeTranslateError, ("\xe9", 0, 1, "why")),
            (SystemExit, (3,)), (SystemExit, ()), (SystemExit, (1, 2)), (KeyError, ("k",)), (ImportError, ("m",))):
        want = kind(*args)
        got = attempt(root.exposed_raise_with, kind.__name__, args)
        what = "%s%r" % (kind.__name__, args)
        check(isinstance(got, type(want)), "%s comes as a %s" % (what, type(got).__mro__))
        for name in ("args " + names.get("OSError" if isinstance(want, OSError) else kind.__name__, "args")).split():
            equal(getattr(got, name, None), getattr(want, name, None), "%s.%s" % (what, name))
        if PEER == "c":                              # RPyC makes "-> None" of what OSError has not
            equal(str(got).split("\n\n==")[0], str(want), "the text of %s" % what)


def test_class_attributes():
    """A method taken from a class has its object as the first argument; TEXT is not looked at."""
    klass, thing = root.exposed_cls(), root.exposed_thing()
    equal(klass.exposed_twice(thing, 4), 8, "called at once")
    equal(klass.twice(thing, n=5), 10, "by its short name, with a keyword")
    twice = klass.exposed_twice
    equal(twice(thing, 6), 12, "taken, and then called")
    for args in ((), (5,), (thing,), (thing, 1, 2)):
        check(isinstance(attempt(twice, *args), TypeError), "%r is a TypeError" % (args,))
    check(not hasattr(klass, "exposed_nothing"), "what is not there")
    check(isinstance(attempt(len, klass), TypeError), "a class has no length")
    check("exposed_twice" in dir(klass), "its names: %s" % dir(klass))


def test_log_exceptions():
    check(isinstance(attempt(root.exposed_raise_it, "ValueError", "no pears"), ValueError), "it is raised")
    # A callback's exception, and one of the rules, which is told with the rule and the side.
    attempt(getattr, root.exposed_thing(), "public")
    log = root.exposed_log()
    equal("ValueError: no pears" in log, TEXT == "true", "an exception in the log %r" % log)
    equal("cannot access 'public' (denied here by the attribute rules)" in log, TEXT == "true", "a refusal in %r" % log)


def test_debug():
    conn.ping("x")
    log = root.exposed_log()
    equal(re.search(r"received request \d+\n4 .*sent reply to \d+", log) is not None, TEXT == "true", "messages in %r" % log)


def test_logger():
    # TEXT is the level; exceptions are logged at 4.
    attempt(root.exposed_raise_it, "ValueError", "no pears")
    log = root.exposed_log()
    equal("4 " in log and "no pears" in log, TEXT == "4", "the message in %r" % log)


def test_connid():
    equal(root.exposed_option("connid"), TEXT, "connid")
    if PEER == "c":
        attempt(root.exposed_raise_it, "ValueError", "no pears")
        check(("4 %s: exception sent for request" % TEXT) in root.exposed_log(), "the log calls the connection so: %r" % root.exposed_log())


def test_credentials():
    equal(root.exposed_credentials(), TEXT or None, "credentials")


def test_endpoints():
    sock = conn._channel.stream.sock
    real = tuple("%s:%d" % end[:2] for end in (sock.getpeername(), sock.getsockname()))
    if PEER == "c":                                  # in the notation of addresses
        real = tuple("tcp://" + end for end in real)
    equal(tuple(root.exposed_endpoints()), (TEXT, "a proxy") if TEXT else real, "endpoints")


def test_bind_threads():
    equal(root.exposed_call_back(lambda n: n * 2), 42, "a callback")
    # What a thread passed is released although the thread has ended, and so takes no message any more.
    for _ in range(4):
        thread = threading.Thread(target=root.exposed_call_back, args=(lambda n: n,))
        thread.start()
        thread.join()
    deadline = time.monotonic() + 30
    while len(conn._local_objects._dict) > 1 and time.monotonic() < deadline:
        conn.poll(0.01)
    check(len(conn._local_objects._dict) <= 1, "the peer holds %r" % (conn._local_objects._dict,))
    if PEER == "c":
        equal(root.exposed_option("bind_threads"), TEXT, "bind_threads")


def test_live():
    """Options that are changed while the connection lives; TEXT is not looked at."""
    thing = root.exposed_thing()
    for name, look, want in (("allow_public_attrs", attribute("public"), 1), ("allow_all_attrs", attribute("_private"), 3),
                             ("allow_safe_attrs", lambda thing: attempt(len, thing), 5)):
        before = root.exposed_option(name)
        for text in ("false", "true", "false"):
            root.exposed_set_option(name, text)
            got = look(thing)
            check(got == want if text == "true" else isinstance(got, AttributeError), "%s=%s: %r" % (name, text, got))
        root.exposed_set_option(name, before)
    root.exposed_set_option("propagate_SystemExit_locally", "false")
    root.exposed_set_option("propagate_KeyboardInterrupt_locally", "false")
    of_ending(SystemExit, False, 3)
    of_ending(KeyboardInterrupt, False, 3)
    root.exposed_set_option("include_local_traceback", "false")
    equal(attempt(root.exposed_raise_it, "ValueError", "no")._remote_tb, "<traceback denied>", "the traceback")
    for name in ("dialect", "bind_threads", "native"):
        check(isinstance(attempt(root.exposed_set_option, name, "5"), Exception), "%s is settled" % name)
    # By the older name, which says the opposite.
    root.exposed_set_option("propagate_SystemExit", "false")
    equal(root.exposed_option("propagate_SystemExit_locally"), "true", "the other name")
    of_ending(SystemExit, True, 3)


globals()["test_" + NAME]()
attempt(conn.close)
print("%d passed, %d failed" % (checks - failures, failures))
sys.exit(1 if failures or not checks else 0)
