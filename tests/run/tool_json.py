"""`rpyc --json` (docs/guide/tool.md): what Python's json reads of each command, and arguments from files and stdin."""
import json
import os
import signal

from interop import start_python_server
from ports import free_port
from runner import test
from tool import CONNECT, FILE, RAISED, USAGE, binary, each_version, rpyc


def strict(text):
    """A document as Python reads it, without what JSON has not."""
    def refuse(name):
        raise ValueError("%s is not JSON" % name)
    return json.loads(text, parse_constant=refuse)


def asked(case, *args, code=0):
    """The one document of a command."""
    output, _ = rpyc(case, *args, "--json", code=code)
    case.equal(output.count("\n"), 1, "lines of %s" % " ".join(args))
    return strict(output)


def lines(case, text):
    return [strict(line) for line in text.splitlines()]


@each_version("json.values")
def values(case, version):
    """One document each, with the same fields; what JSON lacks has a form of its own."""
    _server, address = start_python_server(case, version, "tcp")
    for literal, name, want in (("9007199254740992", "int", 2**53), ("-9007199254740993", "int", {"$int": str(-2**53 - 1)}),
                                ("1" + 40 * "0", "int", {"$int": "1" + 40 * "0"}), ("1.5", "float", 1.5), ("1e999", "float", {"$float": "inf"}),
                                ("b'\\x00\\xff'", "bytes", {"$bytes": "AP8="}), ("'a\\x1b\\x9b\\u202e\"<é'", "str", "a\x1b\x9b\u202e\"<é"), ("None", "NoneType", None),
                                ("(1, (True, None))", "tuple", [1, [True, None]]), ("{1, 2}", "frozenset", None)):
        got = asked(case, "call", address, "echo", literal)
        if name == "frozenset":
            case.equal(sorted(got["value"]["$frozenset"]), [1, 2], literal)
            got["value"] = want = None
        case.equal(got, {"ok": True, "type": name, "value": want}, literal)
    case.equal(asked(case, "get", address, "contract"), {"ok": True, "type": "int", "value": 1}, "get")
    got = asked(case, "call", address, "make_list", "3")
    case.equal(got["value"], {"$ref": "builtins.list", "repr": "[0, 1, 2]"}, "a reference")
    raw, _ = rpyc(case, "call", address, "echo", "'\\x9b\\u202e'", "--json")
    case.check(raw.isascii(), "what a terminal obeys is not escaped: %r" % raw)


@each_version("json.errors")
def errors(case, version):
    """Errors are a document on stdout too, with the exit code; stderr says the same for people."""
    _server, address = start_python_server(case, version, "tcp")
    got = asked(case, "call", address, "divide", "1", "0", code=RAISED)
    error = got["error"]
    case.equal((got["ok"], error["kind"], error["code"]), (False, "exception", RAISED), "the kind")
    case.equal(error["exception"]["type"], "builtins.ZeroDivisionError", "its type")
    case.equal(error["exception"]["message"], "integer division or modulo by zero", "its message")
    case.check("exposed_divide" in error["exception"]["traceback"], "its traceback")
    for args, code, kind in ((("get", "127.0.0.1:%d" % free_port(), "x"), CONNECT, "unreachable"), (("get", address), USAGE, "usage"),
                             (("call", "--what", address, "x"), USAGE, "usage"), (("call", address, "f", "@none"), FILE, "file"),
                             (("ping", "127.0.0.1:%d" % free_port()), CONNECT, "unreachable"), (("eval", address, "1"), RAISED, "exception"),
                             (("dir", address, "a..b"), USAGE, "usage"), (("trace", "--listen", ":0"), USAGE, "usage"), (("replay", "/none"), FILE, "file")):
        got = asked(case, *args, code=code)
        case.equal(set(got), {"ok", "error"}, "fields of %s" % " ".join(args))
        case.equal(set(got["error"]), {"kind", "code", "message", "hint", "exception"}, "fields of the error of %s" % " ".join(args))
        case.equal((got["error"]["kind"], got["error"]["code"]), (kind, code), " ".join(args))
    case.equal(rpyc(case, "call", address, "echo", "--text", "--", "--json")[0], "'--json'\n", "behind -- it is an argument")


@each_version("json.dir-and-ping")
def listing(case, version):
    _server, address = start_python_server(case, version, "tcp")
    got = asked(case, "dir", address)
    case.equal((got["ok"], got["doc"].startswith("The service of contract.md."), got["denied"] > 0), (True, True, True), "the head")
    members = {member["name"]: member for member in got["members"]}
    case.equal(members["contract"], {"name": "contract", "kind": "int", "type": "int", "value": 1, "doc": None, "signature": None, "error": None}, "contract")
    case.equal((members["add"]["kind"], members["add"]["value"]), ("method", None), "add")
    case.equal(asked(case, "dir", address, "-n")["denied"], 0, "names alone")
    case.equal(asked(case, "dir", address, "contract"), {"ok": True, "type": "int", "value": 1, "doc": None, "members": [], "denied": 0}, "a value")
    got = lines(case, rpyc(case, "ping", address, "-c", "2", "-i", "0", "--json")[0])
    case.equal([one["event"] for one in got], ["connected", "reply", "reply", "summary"], "events")
    case.equal(got[0]["protocol"], int(version[0]), "the protocol")
    case.equal((got[-1]["sent"], got[-1]["received"]), (2, 2), "the sum")
    case.check(0 < got[-1]["min_ms"] <= got[-1]["avg_ms"] <= got[-1]["max_ms"], "times: %r" % got[-1])


@each_version("json.eval")
def evaluated(case, version):
    _server, address = start_python_server(case, version, "tcp", "--classic")
    case.equal(asked(case, "eval", address, "float('nan')")["value"], {"$float": "nan"}, "nan")
    case.equal(asked(case, "eval", address, "(1 << 64, b'x')")["value"], [{"$int": str(1 << 64)}, {"$bytes": "eA=="}], "a tuple")
    case.equal(asked(case, "eval", address, "there_is_none", code=RAISED)["error"]["exception"]["type"], "builtins.NameError", "an error")


MESSAGE = {"event", "at_ms", "connection", "from", "kind", "sequence", "handler", "bytes", "compressed", "threads", "text", "latency_ms", "answers",
           "fault", "garbage"}


@each_version("json.trace")
def traced(case, version):
    """Each line of a trace, and of its replay, is a document; the sums agree with the messages."""
    _server, address = start_python_server(case, version, "tcp")
    saved = os.path.join(case.folder, "saved")
    trace = case.start([binary(), "trace", "--listen", "tcp://127.0.0.1:0", "--to", address, "--json", "--save", saved])
    listening = json.loads(trace.wait_for(r'^(\{"event":"trace".*\})$', case.left(30)).group(1))["listen"]
    rpyc(case, "call", listening, "add", "40", "2", "--dialect", version[0])
    trace.wait_for(r'"event":"closed"', case.left(30))
    trace.signal(signal.SIGINT)
    case.equal(trace.wait(case.left(30)), 0, "exit code")
    told = lines(case, trace.output)
    case.equal([told[0]["event"], told[-1]["event"]], ["trace", "summary"], "first and last")
    messages = [one for one in told if one["event"] == "message"]
    case.check(messages and all(set(one) == MESSAGE for one in messages), "fields: %r" % [sorted(one) for one in messages if set(one) != MESSAGE])
    answer = [one for one in messages if one["text"] == "42"][0]
    case.check(answer["latency_ms"] > 0 and answer["from"] == "server" and answer["kind"] == "reply" and "'add'" in answer["answers"], "%r" % answer)
    case.equal(sum(one["bytes"] for one in messages if one["from"] == "client"), told[-1]["bytes_to_server"], "bytes to the server")
    again = lines(case, rpyc(case, "replay", saved, "--json")[0])
    case.equal([one["event"] for one in again], [one["event"] for one in told], "events of the replay")
    case.equal([one for one in again if one["event"] == "message"], messages, "messages of the replay")


@each_version("arguments")
def arguments(case, version):
    """Strings, bytes and JSON values of files and of stdin; what --json printed can be given again."""
    _server, address = start_python_server(case, version, "tcp")
    text, data, value = (os.path.join(case.folder, name) for name in ("text", "data", "value"))
    with open(text, "w", encoding="utf-8") as file:
        file.write("é\n'\"")
    with open(data, "wb") as file:
        file.write(bytes(range(256)))
    sent = {"a": [1, 2.5, None, True, "x\u202e", {"$bytes": "AP8="}], "b": {"$tuple": [{"$int": str(10**30)}, {"$float": "nan"}]}, "c": 10**25}
    with open(value, "w", encoding="utf-8") as file:
        json.dump(sent, file)
    case.equal(rpyc(case, "call", address, "echo", "@" + text)[0], repr("é\n'\"") + "\n", "a string")
    case.equal(rpyc(case, "call", address, "echo", "@bytes:" + data)[0], repr(bytes(range(256))) + "\n", "bytes")
    got = rpyc(case, "call", address, "echo", "@json:" + value)[0]
    case.equal(got, "{'a': [1, 2.5, None, True, 'x\\u202e', b'\\x00\\xff'], 'b': (%d, nan), 'c': %d}\n" % (10**30, 10**25), "JSON")

    def fed(stdin, *args, code=0):
        path = os.path.join(case.folder, "stdin")
        with open(path, "wb") as file:
            file.write(stdin)
        done = case.run(["sh", "-c", 'exec "$0" "$@" <"$STDIN"', binary(), *args], codes=(code,), env={"STDIN": path})
        return done.read("err") if code else done.output

    case.equal(fed("é\n".encode(), "call", address, "echo", "-"), "'é\\n'\n", "stdin")
    case.equal(fed(b"\xff", "call", address, "echo", "@bytes:-"), "b'\\xff'\n", "bytes of stdin")
    big = {"$int": str(2**70)}
    again = strict(fed(json.dumps(big).encode(), "call", address, "echo", "@json:-", "--json"))
    case.equal(again["value"], big, "a value there and back")
    for stdin, args, said in ((b"\xff", ("-",), "is not UTF-8 at byte 0"), (b"", ("-", "-"), "stdin can be only one argument"), (b"[1", ("@json:-",), "invalid JSON"),
                              (b"", ("@",), "name of the file is missing"), (b"NaN", ("@json:-",), "invalid JSON"),
                              (8000 * b"[" + 8000 * b"]", ("@json:-",), "levels")):
        case.check(said in fed(stdin, "call", address, "echo", *args, code=USAGE), "%r is not said" % said)
    case.check("cannot read" in fed(b"", "call", address, "echo", "@/none", code=FILE), "a file that is not there")
    case.equal(fed(b"", "call", address, "echo", "--text", "@x"), "'@x'\n", "with --text")
