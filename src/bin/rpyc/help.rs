//! What the tool says of itself.

use crate::failure::{Failure, Outcome};
use crate::show;

pub const USAGE: &str = "\
usage: rpyc COMMAND ADDR ...
       rpyc help [COMMAND]
       rpyc --version";

const GENERAL: &str = "
Looks at, calls and watches RPyC systems, those of Python alone too.

  ping ADDR                    does it answer, how fast, and which protocol does it speak?
  dir ADDR [PATH]              what an object of the peer has; without a PATH, its root
  get ADDR PATH                the value of an attribute
  call ADDR PATH [ARG...]      calls a function or method and prints what it returns
  eval ADDR CODE               the value of an expression, on a classic server
  exec ADDR CODE               runs statements there
  serve [ADDR]                 a small service to try things with
  trace --listen A --to B      stands between client and server, and prints every message
  replay FILE                  prints a saved trace again, or plays its server

ADDR is tcp://HOST:PORT or HOST:PORT, unix:///PATH or /PATH, unix://@NAME, shm:///PATH (a Unix socket,
and shared memory where both sides know of it), or exec:COMMAND for a command that speaks RPyC on its
stdin and stdout.

PATH leads from the root: names with dots, items and calls: shelf.books[0], make('x').label

Options of all commands that connect:
  -t, --timeout SECONDS        how long to wait for the connection and for each answer (10 and 30)
  --dialect 5|6|auto           the protocol: 5 is that of rpyc 4.1 to 5.3 (auto)
  -o, --option NAME=VALUE      a setting by RPyC's name, such as -o compress=false
  -h, --help

Exit codes: 0 well; 1 the peer raised an exception, or pings were lost; 2 the command line is wrong;
3 nobody answers at the address; 4 the connection broke, took too long or is not RPyC; 5 a file or
the output; 130 ended by signals before it was done.";

const COMMANDS: [(&str, &str); 9] = [
    (
        "ping",
        "\
usage: rpyc ping ADDR [-c COUNT] [-i SECONDS] [-s SIZE] [-W SECONDS]

Connects, says which protocol the peer speaks, and sends PING requests, which every RPyC peer answers
by itself, before any of its services is asked.

  -c, --count COUNT            so many (4); 0: until interrupted (Ctrl-C), when it still sums up
  -i, --interval SECONDS       between two (1)
  -s, --size SIZE              bytes of data that go there and come back (56)
  -W, --wait SECONDS           for each answer (5)",
    ),
    (
        "dir",
        "\
usage: rpyc dir ADDR [PATH] [-a] [-n] [--color=always|never|auto]

Lists the names of an object, with kinds, values and the first lines of their docs; on classic servers
with signatures too. Exposed names are shown as they are called, without exposed_. Each name is asked
for, which runs the code of properties. All answers together may take twice the --timeout.

  -a, --all                    with private names, and those that the peer refuses
  -n, --names                  the names alone; nothing is asked for",
    ),
    (
        "get",
        "\
usage: rpyc get ADDR PATH

Prints the value of an attribute as Python's repr().

  rpyc get localhost:18861 version
  rpyc get localhost:18861 \"shelf.books[0].title\"",
    ),
    (
        "call",
        "\
usage: rpyc call ADDR PATH [ARG...] [NAME=ARG...] [--text]

Calls what PATH leads to, and prints the result as Python's repr(). An ARG is a literal of Python: 42,
1.5, True, None, \"'text'\", \"b'bytes'\", \"(1, 2)\", \"[1, 2]\", \"{'a': 1}\", \"{1, 2}\" (a frozenset);
NAME=ARG is a keyword. Lists and dicts go by reference, as those of Python do.

  --text                       every ARG is a text, as it is

  rpyc call localhost:18861 add 40 2
  rpyc call localhost:18861 greet --text world

When the peer raises an exception, its traceback is printed and the exit code is 1.",
    ),
    (
        "eval",
        "\
usage: rpyc eval ADDR CODE

The value of a Python expression on a classic server (rpyc_classic), printed as repr(). Without a port,
ADDR is the usual 18812. CODE - is read from stdin.

  rpyc eval localhost \"__import__('os').getpid()\"",
    ),
    (
        "exec",
        "\
usage: rpyc exec ADDR CODE

Runs Python statements on a classic server (rpyc_classic). Without a port, ADDR is the usual 18812.
CODE - is read from stdin. What the code prints, the server prints.

  rpyc exec localhost - < script.py",
    ),
    (
        "serve",
        "\
usage: rpyc serve [ADDR]

Serves echo, add, sleep, fail, call and zeros to everybody who connects; 'rpyc dir ADDR' shows them. Prints
\"listening ADDR\" first: without an ADDR, a free port of 127.0.0.1. Ends with Ctrl-C or SIGTERM, calls that run
two seconds later at the latest.",
    ),
    (
        "trace",
        "\
usage: rpyc trace --listen A --to B [--save FILE] [-q] [-w WIDTH] [--color=always|never|auto]

Listens at A, connects to B for each client, and passes on every byte as it is, both ways. Beside that it
prints each message: seconds since the start, connection, direction (-> to the server), size on the wire,
how long the answer took, kind, number, and what is in it. \"your X#n\" is an object of the side that gets
the message, \"my X#n\" one of the side that sends it. What is not RPyC is shown as garbage, and passed on.

  --save FILE                  also writes all of it to a file, for replay
  -q, --quiet                  prints connections, faults and sums, no messages
  -w, --width WIDTH            longer values are cut to about so many characters (120); 0: never
  --color WHEN                 always, never, or auto: on a terminal, unless NO_COLOR is set

Ends with Ctrl-C or SIGTERM: names the requests that have no answer yet, and sums up. TLS cannot be
looked into.

  rpyc trace --listen :18862 --to localhost:18861     and let the client connect to port 18862",
    ),
    (
        "replay",
        "\
usage: rpyc replay FILE [-q] [-w WIDTH] [--color=always|never|auto]
       rpyc replay FILE --listen A

Prints a trace that was saved with 'rpyc trace --save', also one that was cut in the middle. With --listen,
plays the server of it: the first client that connects gets what the server sent on the first connection,
each part when the client has sent as many messages as it had then, and so on for the next.",
    ),
];

pub fn general() -> Outcome {
    show::line(format_args!("{USAGE}\n{GENERAL}"))?;
    Ok(0)
}

pub fn of(command: &str) -> Outcome {
    match COMMANDS.iter().find(|(name, _)| *name == command) {
        Some((_, text)) => {
            show::line(format_args!("{text}\n\n'rpyc help' lists the options of all commands, and the exit codes."))?;
            Ok(0)
        }
        None => Err(Failure::usage(format!("there is no command '{command}'")).hint("'rpyc help' lists them")),
    }
}
