//! The table of commands and options. Command lines are checked with it; help and completions are generated from it.

/// The kind of an option or operand, for completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An option without a value.
    Flag,
    Text,
    File,
    Address,
    /// A value, or `@FILE`.
    Argument,
    Names(&'static [&'static str]),
    Commands,
}

/// An option, or an operand if `name` does not begin with a hyphen.
pub struct Choice {
    /// The short form, or "".
    pub short: &'static str,
    pub name: &'static str,
    pub kind: Kind,
    /// The name of its value; "" for a flag.
    pub value: &'static str,
    pub help: &'static str,
}

pub struct Command {
    pub name: &'static str,
    /// Printed after the name in the list of commands.
    pub operands: &'static str,
    /// A summary for the list of commands.
    pub brief: &'static str,
    /// One line for each form.
    pub usage: &'static [&'static str],
    pub about: &'static str,
    /// The kinds of operands. The last one is also that of further operands.
    pub takes: &'static [Kind],
    /// Groups of options that the command shares with others.
    pub options: &'static [&'static [Choice]],
    pub examples: &'static [&'static str],
}

impl Command {
    pub fn find(name: &str) -> Option<&'static Command> {
        COMMANDS.iter().find(|command| command.name == name)
    }

    /// Returns the option with this short or long name.
    pub fn option(&self, name: &str) -> Option<&'static Choice> {
        self.choices().find(|choice| choice.name == name || !choice.short.is_empty() && choice.short == name)
    }

    pub fn choices(&self) -> impl Iterator<Item = &'static Choice> + use<> {
        self.options.iter().flat_map(|group| group.iter())
    }

    pub fn connects(&self) -> bool {
        self.options.iter().any(|group| std::ptr::eq(*group, CONNECTION))
    }
}

const fn flag(short: &'static str, name: &'static str, help: &'static str) -> Choice {
    Choice { short, name, kind: Kind::Flag, value: "", help }
}

const fn option(
    short: &'static str,
    name: &'static str,
    kind: Kind,
    value: &'static str,
    help: &'static str,
) -> Choice {
    Choice { short, name, kind, value, help }
}

const WHEN: Kind = Kind::Names(&["always", "never", "auto"]);
const COLOUR: Choice =
    option("", "--color", WHEN, "WHEN", "always, never, or auto: on a terminal, unless NO_COLOR is set");

/// Options of all commands that connect; listed in the general help.
pub const CONNECTION: &[Choice] = &[
    option("-t", "--timeout", Kind::Text, "SECONDS", "timeout of the connection (10) and of each reply (30)"),
    option(
        "",
        "--dialect",
        Kind::Names(&["5", "6", "auto"]),
        "5|6|auto",
        "the protocol: 5 is that of rpyc 4.1 to 5.3 (auto)",
    ),
    option(
        "",
        "--secret-file",
        Kind::File,
        "FILE",
        "authenticate both sides by the bytes of FILE, without a final newline",
    ),
    option("", "--ca", Kind::File, "FILE", "tls://: PEM file of the certificate authorities to trust"),
    option("", "--pin", Kind::Text, "SHA256", "tls://: trust only this certificate, for example a self-signed one"),
    option("", "--cert", Kind::File, "FILE", "tls://: PEM file of this side's certificate; a server needs it"),
    option("", "--key", Kind::File, "FILE", "tls://: PEM file of its private key"),
    flag("", "--insecure", "tls://: do not verify the server"),
    option("-o", "--option", Kind::Text, "NAME=VALUE", "set an option by RPyC's name, such as -o compress=false"),
];
pub const HELP: &[Choice] = &[flag("-h", "--help", "print the help of the command")];
const JSON: Choice = flag("", "--json", "print JSON for programs; errors too, on stdout");
const NO_BAR: Choice = flag("-q", "--quiet", "show no progress");
const LOOK: &[Choice] = &[
    flag("-q", "--quiet", "print connections, faults and statistics, no messages"),
    option("-w", "--width", Kind::Text, "WIDTH", "shorten longer values to about WIDTH characters (120); 0: never"),
    option("", "--html", Kind::File, "FILE", "also write a page for a browser: diagram, filters, latencies"),
    COLOUR,
    JSON,
];

pub const COMMANDS: &[Command] = &[
    Command {
        name: "ping",
        operands: "ADDR",
        brief: "check that the peer replies; print its protocol and latency",
        usage: &["rpyc ping ADDR [-c COUNT] [-i SECONDS] [-s SIZE] [-W SECONDS] [--json]"],
        about: "\
Connects, prints the protocol of the peer, and sends PING requests. Every RPyC peer replies to them
itself, without its service.",
        takes: &[Kind::Address],
        options: &[
            &[
                option(
                    "-c",
                    "--count",
                    Kind::Text,
                    "COUNT",
                    "number of pings (4); 0: until Ctrl-C, which prints statistics",
                ),
                option("-i", "--interval", Kind::Text, "SECONDS", "pause between two pings (1)"),
                option("-s", "--size", Kind::Text, "SIZE", "bytes of data in each direction (56)"),
                option("-W", "--wait", Kind::Text, "SECONDS", "timeout of each reply (5)"),
                JSON,
            ],
            CONNECTION,
            HELP,
        ],
        examples: &[],
    },
    Command {
        name: "dir",
        operands: "ADDR [PATH]",
        brief: "list the members of an object; without PATH, of the root",
        usage: &["rpyc dir ADDR [PATH] [-a] [-n] [--color=always|never|auto] [--json]"],
        about: "\
Lists the names of an object with their kinds, values and the first lines of their docs; on classic
servers also with signatures. Exposed names are printed without exposed_, as programs write them. Each
attribute is requested, which runs the code of properties. All replies together may take twice the
--timeout.",
        takes: &[Kind::Address, Kind::Text],
        options: &[
            &[
                flag("-a", "--all", "also list private names, and those that the peer denies"),
                flag("-n", "--names", "list names only; request no attributes"),
                COLOUR,
                JSON,
            ],
            CONNECTION,
            HELP,
        ],
        examples: &[],
    },
    Command {
        name: "get",
        operands: "ADDR PATH",
        brief: "print the value of an attribute",
        usage: &["rpyc get ADDR PATH [--json]"],
        about: "Prints the value of an attribute as Python's repr().",
        takes: &[Kind::Address, Kind::Text],
        options: &[&[JSON], CONNECTION, HELP],
        examples: &["rpyc get localhost:18861 version", "rpyc get localhost:18861 \"shelf.books[0].title\""],
    },
    Command {
        name: "call",
        operands: "ADDR PATH [ARG...]",
        brief: "call a function or method and print its result",
        usage: &["rpyc call ADDR PATH [ARG...] [NAME=ARG...] [--text] [--json]"],
        about: "\
Calls the object at PATH and prints the result as Python's repr(). An ARG is a Python literal: 42, 1.5,
True, None, \"'text'\", \"b'bytes'\", \"(1, 2)\", \"[1, 2]\", \"{'a': 1}\", \"{1, 2}\" (a frozenset). NAME=ARG is a
keyword argument. Lists and dicts are passed by reference, as in Python. @FILE is the contents of a file
as a string, @bytes:FILE as bytes, @json:FILE as the value of a JSON document; FILE - is stdin, and - is
short for @-.

When the peer raises an exception, its traceback is printed and the exit code is 1.",
        takes: &[Kind::Address, Kind::Text, Kind::Argument],
        options: &[&[flag("", "--text", "every ARG is a string, used as it is"), JSON], CONNECTION, HELP],
        examples: &[
            "rpyc call localhost:18861 add 40 2",
            "rpyc call localhost:18861 greet --text world",
            "rpyc call localhost:18861 store name=\"'a.png'\" data=@bytes:a.png",
        ],
    },
    Command {
        name: "eval",
        operands: "ADDR CODE",
        brief: "evaluate an expression on a classic server",
        usage: &["rpyc eval ADDR CODE [--json]"],
        about: "\
Evaluates a Python expression on a classic server (rpyc_classic) and prints the value as repr(). The
default port is 18812. CODE - is read from stdin.",
        takes: &[Kind::Address, Kind::Text],
        options: &[&[JSON], CONNECTION, HELP],
        examples: &["rpyc eval localhost \"__import__('os').getpid()\""],
    },
    Command {
        name: "exec",
        operands: "ADDR CODE",
        brief: "run statements on a classic server",
        usage: &["rpyc exec ADDR CODE"],
        about: "\
Runs Python statements on a classic server (rpyc_classic). The default port is 18812. CODE - is read
from stdin. The output of the code is printed by the server.",
        takes: &[Kind::Address, Kind::Text],
        options: &[CONNECTION, HELP],
        examples: &["rpyc exec localhost - < script.py"],
    },
    Command {
        name: "upload",
        operands: "ADDR LOCAL REMOTE",
        brief: "copy a file to a classic server",
        usage: &["rpyc upload ADDR LOCAL REMOTE [-q]"],
        about: "\
Copies the file LOCAL to the path REMOTE on a classic server (rpyc_classic). The default port is 18812. An
existing file is overwritten. On a terminal, a bar shows the progress.",
        takes: &[Kind::Address, Kind::File, Kind::Text],
        options: &[&[NO_BAR], CONNECTION, HELP],
        examples: &["rpyc upload localhost model.bin /tmp/model.bin"],
    },
    Command {
        name: "download",
        operands: "ADDR REMOTE LOCAL",
        brief: "copy a file from a classic server",
        usage: &["rpyc download ADDR REMOTE LOCAL [-q]"],
        about: "\
Copies the file REMOTE of a classic server (rpyc_classic) to the path LOCAL. The default port is 18812. An
existing file is overwritten. On a terminal, a bar shows the progress.",
        takes: &[Kind::Address, Kind::Text, Kind::File],
        options: &[&[NO_BAR], CONNECTION, HELP],
        examples: &["rpyc download localhost /var/log/service.log service.log"],
    },
    Command {
        name: "serve",
        operands: "[ADDR]",
        brief: "run a small service for testing clients",
        usage: &["rpyc serve [ADDR] [--pool N|auto]"],
        about: "\
Serves echo, add, sleep, fail, call and zeros to every client; 'rpyc dir ADDR' lists them. Prints
\"listening ADDR\" first; without ADDR, it uses the socket that systemd passes (LISTEN_FDS), otherwise a free
port of 127.0.0.1. ADDR can be fd:N, a listening socket. Ctrl-C or SIGTERM ends it: received requests
are answered, for at most two seconds; \"cut N\" counts the connections that took longer.",
        takes: &[Kind::Address],
        options: &[
            &[option(
                "",
                "--pool",
                Kind::Text,
                "N|auto",
                "serve all connections with N threads; auto: one for each processor, at least 4",
            )],
            CONNECTION,
            HELP,
        ],
        examples: &[],
    },
    Command {
        name: "trace",
        operands: "--listen A --to B",
        brief: "forward between clients and a server; print every message",
        usage: &["rpyc trace --listen A --to B [--save FILE] [--html FILE] [-q] [-w WIDTH] [--json]"],
        about: "\
Listens at A, connects to B for each client, and forwards every byte unchanged. It prints each message:
seconds since the start, connection, direction (-> is to the server), size on the wire, latency of a
reply, kind, number and content. \"your X#n\" is an object of the receiving side, \"my X#n\" one of the
sending side. Bytes that are not RPyC are printed as garbage, and forwarded.

Ctrl-C or SIGTERM ends the trace: it prints the requests without a reply, and statistics. TLS cannot be
decrypted.",
        takes: &[],
        options: &[
            &[
                option("", "--listen", Kind::Address, "ADDR", "the address for the clients"),
                option("", "--to", Kind::Address, "ADDR", "the address of the server"),
                option("", "--save", Kind::File, "FILE", "also write the trace to a file, for rpyc replay"),
            ],
            LOOK,
            HELP,
        ],
        examples: &["rpyc trace --listen :18862 --to localhost:18861     then connect the client to port 18862"],
    },
    Command {
        name: "replay",
        operands: "FILE",
        brief: "print a saved trace again, or act as its server",
        usage: &["rpyc replay FILE [--html FILE] [-q] [-w WIDTH] [--json]", "rpyc replay FILE --listen A"],
        about: "\
Prints a trace saved with 'rpyc trace --save', also an incomplete file. With --listen it acts as the
server: the first client gets what the server sent on the first connection, each part when the client
has sent as many messages as in the trace, and so on for the next client.",
        takes: &[Kind::File],
        options: &[
            &[option("", "--listen", Kind::Address, "ADDR", "act as the server of the trace at this address")],
            LOOK,
            HELP,
        ],
        examples: &[],
    },
    Command {
        name: "completions",
        operands: "SHELL",
        brief: "print the completion script for bash, zsh or fish",
        usage: &["rpyc completions bash|zsh|fish"],
        about: "\
Prints the script with which a shell completes the commands, options, addresses and file names of rpyc.
'make install' and the Debian package install it.",
        takes: &[Kind::Names(&["bash", "zsh", "fish"])],
        options: &[HELP],
        examples: &["source <(rpyc completions bash)", "rpyc completions fish | source"],
    },
];
