#!/usr/bin/env python3
"""Writes a C program that calls every function of a header with NULL for each of its pointers.

    null_calls.py HEADER OUTPUT

Twice over: all pointers NULL at once, with several numbers beside them; and one pointer NULL at a time, with handles that
work for the others. Each call must come back; a function without its receiver or its first input must refuse; a result
that is not a status must be the empty one.
"""
import re
import sys

# NULL is a value here, or says "none": the call may succeed.
OPTIONAL = {"rpyc_set_log_callback", "rpyc_error_status", "rpyc_value_new_slice", "rpyc_async_result_wait_all", "rpyc_value_convert_all", "rpyc_session_new"}
# What a function gives for NULL where that is not 0, false or NULL.
SPECIAL = {"rpyc_value_kind": "-1", "rpyc_connection_fileno": "-1", "rpyc_connection_write_fileno": "-1",
           "rpyc_connection_wake_fileno": "-1", "rpyc_connection_next_deadline": "-1", "rpyc_connecting_fileno": "-1", "rpyc_connecting_next_deadline": "-1", "rpyc_queue_fileno": "-1",
           "rpyc_server_stop_fd": "-1", "rpyc_connection_dialect": None,
           "rpyc_value_equal": None, "rpyc_object_same": None, "rpyc_error_message": None, "rpyc_error_describe": None,
           "rpyc_connection_closed": "1", "rpyc_session_closed": "1", "rpyc_session_next_deadline": "-1", "rpyc_call_cancelled": "1", "rpyc_call_name": None}
# They wait for a peer, or serve until they are stopped, when only an output is NULL.
WAITING = {"rpyc_connection_serve", "rpyc_connection_poll", "rpyc_connection_poll_all", "rpyc_connection_serve_all",
           "rpyc_server_serve", "rpyc_server_serve_one", "rpyc_server_join"}
# They take a call that the host owns, and the one here is lent.
OWNED_CALL = {"rpyc_session_return_packed", "rpyc_session_raise_packed"}
BORROWED_RESULTS = {"rpyc_call_connection", "rpyc_call_target"}
HANDLES = ("value", "error", "config", "transport", "connection", "object", "iterator", "class", "call", "async_result",
           "server", "client", "connecting", "classic", "redirection", "buffer", "session", "decoder", "prepared", "batch")
# Fixtures that the program has; what takes other handles is tried with NULL only.
FIXTURES = {"value", "error", "config", "connection", "object", "class", "call", "async_result", "server",
            "buffer", "session", "decoder", "prepared", "batch"}


class Parameter:
    def __init__(self, text):
        text = " ".join(text.replace("*", " * ").split())
        pieces = text.split(" ")
        self.name, self.type = pieces[-1], " ".join(pieces[:-1])
        self.type = re.sub(r"\s*\*\s*", " *", self.type).strip()
        self.type = re.sub(r"\* (?=\*)", "*", self.type)

    @property
    def handle(self):
        """The handle's name for `rpyc_NAME *`, const or not."""
        found = re.fullmatch(r"(?:const )?rpyc_(\w+) \*", self.type)
        return found.group(1) if found and found.group(1) in HANDLES else None


class Function:
    def __init__(self, result, name, parameters, callbacks):
        self.result, self.name = " ".join(result.replace("*", " * ").split()), name
        self.parameters = [Parameter(text) for text in parameters]
        self.callbacks = callbacks

    def is_pointer(self, parameter):
        return "*" in parameter.type or parameter.type in self.callbacks

    @property
    def pointers(self):
        return [p for p in self.parameters if self.is_pointer(p)]


def parse(text):
    """(functions, names of function pointer types) of a header."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.DOTALL)
    text = re.sub(r"^\s*#.*$", " ", text, flags=re.MULTILINE)
    callbacks = set(re.findall(r"typedef[^;{}]*\(\s*\*\s*(\w+)\s*\)\s*\(", text))
    text = re.sub(r'extern\s+"C"\s*\{', " ", text)
    while re.search(r"\{[^{}]*\}", text):                # bodies of structs
        text = re.sub(r"\{[^{}]*\}", " ", text)
    functions = []
    for result, name, inside in re.findall(r"(?:^|;|\})\s*((?:const\s+)?\w+[\s*]+)(rpyc_\w+)\s*\(([^()]*)\)\s*(?=;)", text):
        if result.split()[0] != "typedef":
            parts = [part.strip() for part in inside.split(",")]
            functions.append(Function(result, name, [] if parts in (["void"], [""]) else parts, callbacks))
    return functions


def number(parameter, turn):
    """A number for a parameter that is no pointer; `turn` picks among few."""
    if parameter.type == "double":
        return ("0", "1.5", "-1e308")[turn]
    if parameter.type == "bool":
        return ("false", "true", "true")[turn]
    if parameter.type == "size_t":
        return ("0", "1", "RPYC_NUL_TERMINATED")[turn]
    if parameter.type.startswith("uint"):
        return ("0", "1", "UINT32_MAX")[turn]
    return ("0", "1", "-1")[turn]


def conclude(function, call, wanted):
    """The lines that make a call and look at what came back. `wanted`: 'refused', 'status' or 'empty'."""
    result = function.result
    text = call.replace('"', '\\"')
    if result == "void":
        return ["BEGIN(\"%s\");" % text, "%s;" % call, "DONE();"]
    if result == "rpyc_status":
        check = "REFUSED" if wanted == "refused" else "STATUS"
        return ["BEGIN(\"%s\");" % text, "%s(%s);" % (check, call)]
    lines = ["BEGIN(\"%s\");" % text, "{"]
    if "*" in result:
        lines.append("    %sgot = %s;" % (result.replace(" * ", " *").replace(" *", " *"), call))
        if wanted == "empty" and function.name not in SPECIAL:
            lines.append("    EXPECT(got == NULL);")
        else:
            lines.append("    DONE();")
        owned = re.fullmatch(r"rpyc_(\w+) \*", result.strip())
        if owned and function.name not in BORROWED_RESULTS:
            lines.append("    rpyc_%s_free(got);" % owned.group(1))
        else:
            lines.append("    (void)got;")
    else:
        want = SPECIAL.get(function.name, "0")
        lines.append("    %s got = %s;" % (result, call))
        if wanted == "empty" and want is not None:
            lines.append("    EXPECT(got == (%s)%s);" % (result, want))
        else:
            lines += ["    (void)got;", "    DONE();"]
    return lines + ["}"]


def all_null(function):
    """Calls with every pointer NULL."""
    if not function.pointers:
        return []
    lines = []
    for turn in range(3):
        if turn and all(function.is_pointer(p) for p in function.parameters):
            break
        args = ", ".join("NULL" if function.is_pointer(p) else number(p, turn) for p in function.parameters)
        wanted = "refused" if function.result == "rpyc_status" else "empty"
        if function.name in OPTIONAL:
            wanted = "status"
        lines += conclude(function, "%s(%s)" % (function.name, args), wanted)
    return lines


def filled(parameter, function):
    """(declarations, argument, clean-up) of a parameter that is not NULL; None where there is nothing plausible."""
    kind, name = parameter.type, parameter.name
    if not function.is_pointer(parameter):
        if name == "struct_size" or kind == "size_t":
            return [], "1", []
        return [], "0" if kind != "double" else "0.5", []
    if kind in function.callbacks:
        return [], "NULL", []
    out = re.fullmatch(r"(const )?rpyc_(\w+) \*\*", kind)
    if out and not out.group(1) and out.group(2) in HANDLES:
        if out.group(2) == "call":
            return None
        return ["rpyc_%s *%s = NULL;" % (out.group(2), name)], "&" + name, ["rpyc_%s_free(%s);" % (out.group(2), name)]
    if name.endswith("_out") or name == "out":
        return ["%s %s = {0};" % (kind[:-1].strip(), name)], "&" + name, []
    if parameter.handle:
        if parameter.handle not in FIXTURES:
            return None
        if parameter.handle in ("value", "error") and not kind.startswith("const"):        # consumed
            return [], {"value": "rpyc_value_clone(fixture.value)", "error": "an_error()"}[parameter.handle], []
        return [], "fixture.%s" % parameter.handle, []
    if kind == "rpyc_value *const *":
        return ["rpyc_value *%s[1] = {rpyc_value_clone(fixture.value)};" % name], name, []
    if kind == "const char *const *":
        return ['const char *const %s[1] = {"name"};' % name], name, []
    if kind == "const char *":
        return [], {"address": '"unix:///nonexistent/librpyc"'}.get(name, '"x"'), []
    if kind in ("const uint8_t *", "const void *"):
        return [], '(%s)"x"' % kind, []
    if kind == "void *":
        return [], "NULL", []
    return None


def one_null(function):
    """Calls with one pointer NULL and the others fit for use."""
    if function.name.endswith("_free") or function.name in WAITING | OWNED_CALL:
        return []
    lines = []
    for nothing in function.pointers:
        if nothing.name == "error_out" or nothing.type in function.callbacks or nothing.type == "void *":
            continue
        before, args, after = [], [], []
        for parameter in function.parameters:
            part = ([], "NULL", []) if parameter is nothing else filled(parameter, function)
            if part is None:
                return []
            before += part[0]
            args.append(part[1])
            after += part[2]
        receiver = nothing is function.parameters[0] and (nothing.handle or nothing.name == "table")
        wanted = "refused" if receiver and function.name not in OPTIONAL else "status"
        lines += ["{"] + ["    " + line for line in before]
        lines += ["    " + line for line in conclude(function, "%s(%s)" % (function.name, ", ".join(args)), wanted)]
        lines += ["    " + line for line in after] + ["}"]
    return lines


HEAD = """/* Written by tests/run/null_calls.py from the header: do not edit. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "peers.h"

static struct {
    rpyc_value *value;
    rpyc_error *error;
    rpyc_config *config;
    rpyc_connection *connection;
    rpyc_object *object;
    rpyc_class *class;
    rpyc_call *call; /* borrowed, while the peer is called */
    rpyc_async_result *async_result;
    rpyc_prepared *prepared;
    rpyc_batch *batch;
    rpyc_buffer *buffer;
    rpyc_server *server;
    rpyc_session *session;
    rpyc_decoder *decoder;
} fixture;

/* The last call that was begun, for whoever reads the output of a crash. */
#define BEGIN(text) (current = (text))
#define DONE() (checks++)
#define EXPECT(condition) check((condition), current, __LINE__)
#define STATUS(call) check(is_status(call), current, __LINE__)
#define REFUSED(call) refused((call), current, __LINE__)

static const char *current = "";
static char memory[64]; /* of the buffer */

static rpyc_error *an_error(void)
{
    rpyc_value *value = NULL;
    rpyc_error *made = NULL;

    rpyc_value_new_int_text("no digits", RPYC_NUL_TERMINATED, &value, &made);
    rpyc_value_free(value);
    return made;
}

static int is_status(rpyc_status status)
{
    return status != RPYC_ERR_PANIC && rpyc_status_name(status) != NULL;
}

static void refused(rpyc_status status, const char *call, int line)
{
    check(status != RPYC_OK && is_status(status), call, line);
}

static void crashed(int number)
{
    const char *parts[] = {"crashed in ", current, "\\n"};

    for (int i = 0; i < 3; i++)
        if (write(STDERR_FILENO, parts[i], strlen(parts[i])) < 0)
            break;
    signal(number, SIG_DFL);
    raise(number);
}
"""

MAIN = """
static void in_a_call(rpyc_call *call)
{
    fixture.call = call;
    one_null_in_a_call();
    fixture.call = NULL;
}

int main(void)
{
    struct peers peers = {0};
    rpyc_value *answer = NULL;
    const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGALRM};

    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], crashed);
    alarm(60); /* a call that never comes back is named too */
    all_null();
    peers_open(&peers);
    fixture.value = rpyc_value_new_int(1);
    fixture.error = an_error();
    fixture.config = rpyc_config_new();
    fixture.connection = peers.client;
    fixture.class = peers.service;
    OK(rpyc_connection_root(peers.client, &fixture.object, &error));
    OK(rpyc_connection_async_request(peers.client, RPYC_HANDLE_GETROOT, NULL, 0, 5000, &fixture.async_result, &error));
    OK(rpyc_async_result_wait(fixture.async_result, &error));
    OK(rpyc_prepared_new(fixture.object, "echo", &fixture.prepared, &error));
    OK(rpyc_batch_new(0, &fixture.batch, &error));
    OK(rpyc_buffer_new(memory, sizeof memory, NULL, NULL, &fixture.buffer, &error));
    OK(rpyc_server_new("tcp://127.0.0.1:0", peers.service, NULL, &fixture.server, &error));
    OK(rpyc_session_new(NULL, 0, &fixture.session, &error));
    fixture.decoder = rpyc_decoder_new();
    one_null();
    peers_probe = in_a_call;
    OK(rpyc_object_call_method(fixture.object, "probe", NULL, 0, NULL, &answer, &error));
    rpyc_value_free(answer);
    rpyc_decoder_free(fixture.decoder);
    rpyc_session_free(fixture.session);
    rpyc_server_free(fixture.server);
    rpyc_buffer_free(fixture.buffer);
    rpyc_async_result_free(fixture.async_result);
    rpyc_prepared_free(fixture.prepared);
    rpyc_batch_free(fixture.batch);
    rpyc_object_free(fixture.object);
    rpyc_config_free(fixture.config);
    rpyc_error_free(fixture.error);
    rpyc_value_free(fixture.value);
    peers_close(&peers);
    return finish();
}
"""


def program(functions):
    parts = [HEAD]
    served = [one for one in functions if any(parameter.handle == "call" for parameter in one.parameters)]
    plain = [one for one in functions if one not in served]
    for what, maker, functions in (("all_null", all_null, functions), ("one_null", one_null, plain),
                                   ("one_null_in_a_call", one_null, served)):
        names = []
        for function in functions:
            lines = maker(function)
            if lines:
                names.append("%s_%s" % (what, function.name))
                parts.append("static void %s(void)\n{\n%s\n}\n" % (names[-1], "\n".join("    " + line for line in lines)))
        parts.append("static void %s(void)\n{\n%s\n}\n" % (what, "\n".join("    %s();" % name for name in names)))
    return "\n".join(parts) + MAIN


def main():
    header, output = sys.argv[1:]
    with open(header, encoding="utf-8") as source:
        functions = parse(source.read())
    if len(functions) < 50:
        sys.exit("only %d functions were found in %s" % (len(functions), header))
    with open(output, "w", encoding="utf-8") as target:
        target.write(program(functions))


if __name__ == "__main__":
    main()
