"""librpyc with stock RPyC on the other side, beside Python on both; and how many requests a piece of work takes."""
import json
import os

from lab import ONE, PEERS, VERSION, free_port, median, ratio, repeat, rounded

# name, title, mode of the C client, mode of the Python client, transport
CALLS = (
    ("lat", "synchronous echo", "lat", "lat", "tcp"),
    ("lat", "synchronous echo", "lat", "lat", "unix"),
    ("cb", "call with one nested callback", "cb", "cb", "tcp"),
    ("attr", "obj.method(x), the method fetched for each call", "lat", "attr", "unix"),
)
# (server, client)
PAIRS = (("python", "python"), ("python", "native"), ("native", "python"))
# What travels: (name, title, how many, how the C client and the Python client say it)
WORK = (
    ("iterate", "a list of %d integers", 10000, "iterate", (("plain", "iterate"), ("buffiter", "buffiter"))),
    ("copy", "a dict of %d lists of 10 integers", 100, "copy", (("plain", "copy"), ("buffiter", "buffcopy"))),
)
# Nobody waits for these.
UNAWAITED = ("del", "close")


def calls(lab, say):
    """Calls a second, as many times those of Python with Python in the same run, and our share of the CPU time of both."""
    rows = []
    for name, title, native_mode, python_mode, transport in CALLS:
        say("python peers %s %s" % (name, transport))

        def pair(kinds):
            server, client = kinds
            count = lab.number(3000, 200)
            mode = native_mode if client == "native" else python_mode
            run = lab.pair(server, client, [mode, count], transport, ONE)
            group = mode
            return {part: run["%s.%s" % (group, part)] for part in ("rate", "cpu_client", "cpu_server")}

        got = repeat(lab, PAIRS, pair)
        base = [run["rate"] for run in got["python", "python"]]
        for server, client in PAIRS:
            runs = got[server, client]
            rates = [run["rate"] for run in runs]
            ours = "cpu_client" if client == "native" else "cpu_server" if server == "native" else None
            share = median([run[ours] / (run["cpu_client"] + run["cpu_server"]) for run in runs]) if ours else None
            rows.append({
                "metric": name, "title": title, "transport": transport, "server": server, "client": client,
                "rate": rounded(median(rates)), "times_python": rounded(ratio(rates, base, False)), "our_cpu": rounded(share),
            })
    return rows


def counted(lab, server_kind, command):
    """What a client sent, counted by a proxy before the server. command(addr): the client's."""
    server = lab.server(server_kind)
    port = free_port()
    proxy = lab.case.start([lab.case.python(VERSION), os.path.join(PEERS, "counting_proxy.py"), str(port),
                            server.addr.partition(":")[2]])
    try:
        proxy.wait_for(r"^READY", 30)
        lab.run(command("tcp:%d" % port))
        return json.loads(proxy.wait_for(r"^\{.*\}$", 30).group(0))
    finally:
        proxy.close()
        server.process.close()


def round_trips(lab, say):
    """Requests that the client waits for, and those that it only sends, for one piece of work, from connecting to closing."""
    rows = []
    for server in ("python", "native"):
        for name, title, count, native_mode, python_modes in WORK:
            count = lab.number(count, count // 10)
            clients = [("native", "rpyc_iterator", native_mode)]
            clients += [("python", how, mode) for how, mode in python_modes]
            for client, how, mode in clients:
                if (server, client) == ("native", "native"):
                    continue                         # what it needs is what it needs of Python
                say("round trips %s %s of a %s server" % (mode, client, server))

                def command(addr):
                    if client == "native":
                        return [lab.case.program("paths_client"), addr, mode, str(count)]
                    return [*lab.command("python", "client"), addr, "0", mode, str(count)]

                got = counted(lab, server, command)["requests"]
                waited = sum(number for handler, number in got.items() if handler not in UNAWAITED)
                rows.append({
                    "work": name, "title": title % count, "server": server, "client": client, "how": how,
                    "round_trips": waited, "unawaited": sum(got.get(handler, 0) for handler in UNAWAITED), "requests": got,
                })
    return rows
