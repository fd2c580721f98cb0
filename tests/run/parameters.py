"""Every option of RPyC's connections, each value of each switch, against stock RPyC. Where Python has the option on its own
side too, the same client finds the same with a stock server: what the option means is Python's to say."""
import os
import re

import memory
from behaviour import CLIENTS
from prepare import VERSIONS
from runner import test

NEW = VERSIONS[0]
# Parameter, its values, the other options of the server, and whether a stock server has it as well.
OF_SERVERS = (
    ("allow_safe_attrs", ("true", "false"), (), True),
    ("safe_attrs", ("__len__ __str__", "__str__ __hash__"), (), True),
    ("allow_exposed_attrs", ("true", "false"), ("allow_public_attrs=true",), True),
    ("exposed_prefix", ("exposed_", "x_"), ("allow_public_attrs=true",), True),
    ("allow_public_attrs", ("true", "false"), (), True),
    ("allow_all_attrs", ("true", "false"), (), True),
    ("allow_getattr", ("true", "false"), (), True),
    ("allow_setattr", ("true", "false"), ("allow_public_attrs=true",), True),
    ("allow_delattr", ("true", "false"), ("allow_public_attrs=true",), True),
    ("allow_pickle", ("true", "false"), (), True),
    ("include_local_traceback", ("true", "false"), (), True),
    ("include_local_version", ("true", "false"), (), True),
    ("remote_version", ("9.8.7",), (), False),
    ("propagate_SystemExit_locally", ("true", "false"), (), True),
    ("propagate_SystemExit", ("true", "false"), (), False),
    ("propagate_KeyboardInterrupt_locally", ("true", "false"), (), True),
    ("log_exceptions", ("true", "false"), ("logger=4",), False),
    ("debug", ("true", "false"), ("logger=4",), False),
    ("logger", ("4", "3", "0"), (), False),
    ("connid", ("the seventh",), ("logger=4",), False),
    ("credentials", ("alice",), (), True),
    ("endpoints", ("the gate",), (), False),
    ("bind_threads", ("true", "false"), (), True),
)
# Options of one's own side, whose peer is a stock server: for a C client.
OF_CLIENTS = (
    ("instantiate_custom_exceptions", ("true", "false")),
    ("import_custom_exceptions", ("true", "false")),
    ("instantiate_oldstyle_exceptions", ("true", "false")),
    ("sync_request_timeout", ("0.5", "none")),
    ("before_closed", ("true", "false")),
    ("close_catchall", ("true", "false")),
    # Of a callback that runs during a call, in serve, and one that answers from another thread.
    ("propagate_SystemExit_locally", ("nested", "served", "deferred")),
    ("propagate_KeyboardInterrupt_locally", ("nested", "served", "deferred")),
)
# How a connection to the C server ends when a callback raises what stays here.
ENDINGS = {("propagate_SystemExit_locally", "true"): ("RPYC_ERR_EXIT", "3"), ("propagate_SystemExit", "false"): ("RPYC_ERR_EXIT", "3"),
           ("propagate_KeyboardInterrupt_locally", "true"): ("RPYC_ERR_INTERRUPTED", "130")}


def start_c(case, *options):
    server = case.start([case.program("border/parameters_server"), "tcp://127.0.0.1:0", *options])
    return server, server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)


def start_python(case, version, *options):
    server = case.start([case.python(version), os.path.join(CLIENTS, "parameters_server.py"), *options])
    return server, "tcp://127.0.0.1:" + server.wait_for(r"^PORT (\d+)$", case.left(30)).group(1)


def all_passed(case, done):
    lines = done.output.splitlines()
    found = re.fullmatch(r"([1-9]\d*) passed, 0 failed", lines[-1] if lines else "")
    case.check(found, "the last line is %r" % (lines[-1:],))
    case.note(found.group(1) + " checks")


def client(case, version, *args):
    all_passed(case, case.run([case.python(version), os.path.join(CLIENTS, "parameters_client.py"), *args]))


def of_server(name, text, options, version):
    def function(case):
        case.python(version)
        server, address = start_c(case, *(["%s=%s" % (name, text)] if text else []), *options)
        client(case, version, address, name, text, "c")
        ending = server.wait_for(r"^ended (\S+) (\d+) ", case.left(30)).groups()
        case.equal(ending, ENDINGS.get((name, text), ENDINGS["propagate_SystemExit_locally", "true"] if name == "live" else ("RPYC_OK", "0")), "how the connection ended")
    return function


def of_python(name, text, options, version):
    def function(case):
        _server, address = start_python(case, version, *(["%s=%s" % (name, text)] if text else []), *options)
        client(case, version, address, name, text, "python")
    return function


def of_client(name, text, version):
    def function(case):
        _server, address = start_python(case, version)
        all_passed(case, case.run([case.program("border/parameters_client"), address, name, text]))
    return function


def foreign(text, version, start):
    """What Python makes of a C program's own exceptions, and of Python's."""
    def function(case):
        _server, address = start(case)
        client(case, version, address, "instantiate_custom_exceptions", text, "any")
    return function


def called(name, text):
    return "parameter.%s.%s" % (name, text.replace(" ", "-") or "unset")


for name, values, options, stock in OF_SERVERS:
    for text in values + (("",) if name in ("credentials", "endpoints") else ()):
        test(called(name, text))(of_server(name, text, options, NEW))
        if stock:
            test(called(name, text) + ".stock-server")(of_python(name, text, options, NEW))
for name, values in OF_CLIENTS:
    for text in values:
        test(called(name, text))(of_client(name, text, NEW))
for text in ("true", "false"):
    test(called("instantiate_custom_exceptions", text) + ".raised-by-c")(foreign(text, NEW, start_c))
    test(called("instantiate_custom_exceptions", text) + ".stock-server")(
        foreign(text, NEW, lambda case: start_python(case, NEW)))
test("parameter.constructed-exceptions")(of_server("constructed_exceptions", "", ("propagate_SystemExit_locally=false",), NEW))
test("parameter.constructed-exceptions.stock-server")(
    of_python("constructed_exceptions", "", ("propagate_SystemExit_locally=false",), NEW))
test("parameter.class-attributes")(of_server("class_attributes", "", (), NEW))
test("parameter.class-attributes.5.3.1")(of_server("class_attributes", "", (), "5.3.1"))
test("parameter.class-attributes.stock-server")(of_python("class_attributes", "", (), NEW))
test("parameter.endpoints.stock-server")(of_python("endpoints", "", (), NEW))
test("parameter.live-connection")(of_server("live", "", ("allow_setattr=true",), NEW))
# The same rules hold for clients of the older dialect.
for name, text in (("allow_public_attrs", "true"), ("allow_getattr", "false"), ("propagate_SystemExit_locally", "true"),
                   ("include_local_version", "false"), ("remote_version", "9.8.7")):
    test(called(name, text) + ".5.3.1")(of_server(name, text, (), "5.3.1"))


@test("valgrind.parameter.clients", memory.SECONDS)
def clients_memory(case):
    for name, text in (("import_custom_exceptions", "true"), ("close_catchall", "false"),
                       ("propagate_SystemExit_locally", "deferred")):
        _server, address = start_python(case, NEW)
        all_passed(case, case.run([*memory.valgrind(case), case.program("border/parameters_client"), address, name, text]))
    memory.check(case)
