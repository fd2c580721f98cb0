"""Completions of `rpyc` in the shells themselves: bash and zsh behind a terminal, in which Tab is pressed, and fish."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios

from runner import test
from tool import USAGE, binary, rpyc

# Typed up to Tab; the words of the command after that, with END typed behind it.
COMPLETED = (("rpyc compl", "completions END"), ("rpyc help tr", "help trace END"), ("rpyc trace --sa", "trace --save END"),
             ("rpyc dir x:1 --color=al", "dir x:1 --color=always END"), ("rpyc ping --dialect au", "ping --dialect auto END"),
             ("rpyc ping tcp://localho", "ping tcp://localhost:END"), ("rpyc serve localho", "serve localhost:END"),
             ("rpyc ping unix://FOLDER/so", "ping unix://FOLDER/socket END"), ("rpyc trace --to ex", "trace --to exec:END"),
             ("rpyc ping FOLDER/so", "ping FOLDER/socket END"), ("rpyc replay FOLDER/mon", "replay FOLDER/monday.trace END"),
             ("rpyc trace --save FOLDER/fol", "trace --save FOLDER/folder/END"),
             ("rpyc call x:1 f 1 @FOLDER/mon", "call x:1 f 1 @FOLDER/monday.trace END"))
# A `rpyc` that shows what it is run with, but completes as the real one.
SHOWS = """#!/bin/sh
case $1 in
__complete | completions) [ "$2" = END ] || exec %s "$@" ;;
esac
printf 'RUN'
printf '<%%s>' "$@"
echo
"""


def place(case):
    """A folder with a program `rpyc`, and files to complete."""
    path = os.path.join(case.folder, "place")
    os.makedirs(os.path.join(path, "folder"))
    for name, text in (("socket", ""), ("monday.trace", ""), ("rpyc", SHOWS % binary())):
        with open(os.path.join(path, name), "w", encoding="utf-8") as file:
            file.write(text)
    os.chmod(os.path.join(path, "rpyc"), 0o755)
    return path


class Terminal:
    """A shell behind a terminal, with no settings of a user."""

    def __init__(self, case, args, path):
        self.case, self.text = case, ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(path)
            os.environ.update(PATH=path + ":" + os.environ["PATH"], HOME=path, TERM="dumb", INPUTRC="/dev/null", COLUMNS="1000")
            os.execvp(args[0], args)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 1000, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def wait_for(self, pattern):
        """Reads until the text matches, and returns what did."""
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            ready, _, _ = select.select([self.fd], [], [], self.case.left(20))
            self.case.check(ready, "%r does not appear in %r" % (pattern, self.text))
            try:
                self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                self.case.check(False, "the shell has ended: %r" % self.text)

    def close(self):
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def press_tab(case, args, start):
    path = place(case)
    shell = Terminal(case, args, path)
    try:
        shell.type(start + "; echo rea''dy\n")
        shell.wait_for("ready")
        for typed, want in COMPLETED:
            typed, want = (text.replace("FOLDER", path) for text in (typed, want))
            shell.type(typed + "\tEND\n")
            got = shell.wait_for(r"RUN<(.*)>\r?\n").group(1)
            case.equal(got.replace("><", " "), want, "%r and Tab" % typed)
    finally:
        shell.close()


@test("tool.completions.bash")
def bash(case):
    press_tab(case, ["bash", "--norc", "--noprofile", "-i"], "bind 'set enable-bracketed-paste off'; source <(rpyc completions bash)")


@test("tool.completions.zsh")
def zsh(case):
    press_tab(case, [case.tool("zsh"), "-f", "-i"], "autoload -U compinit; compinit -u -D; source <(rpyc completions zsh)")


@test("tool.completions.fish")
def fish(case):
    """fish prints what it would offer."""
    program, path = case.tool("fish"), place(case)
    for typed, want in COMPLETED:
        typed, want = (text.replace("FOLDER", path) for text in (typed, want))
        code = "source (rpyc completions fish | psub); complete -C '%s'" % typed
        offered = case.run([program, "--no-config", "-c", code], env={"PATH": path + ":" + os.environ["PATH"], "HOME": path}).output
        want = want.split("END")[0].split()[-1]
        case.check(want in [line.split("\t")[0] for line in offered.splitlines()], "%r: %r lacks %r" % (typed, offered, want))


@test("tool.completions")
def scripts(case):
    """Each script is valid for its shell; an unknown shell is an error; candidates cannot run anything."""
    case.check("expected bash, zsh or fish" in rpyc(case, "completions", "tcsh", code=USAGE)[1], "tcsh")
    case.check("shell is missing" in rpyc(case, "completions", code=USAGE)[1], "no shell")
    for shell in ("bash", case.tool("zsh"), case.tool("fish")):
        path = os.path.join(case.folder, os.path.basename(shell))
        with open(path, "w", encoding="utf-8") as file:
            file.write(rpyc(case, "completions", os.path.basename(shell))[0])
        case.run([shell, "-n", path])
    evil = os.path.join(case.folder, "a$(touch x)`touch x`;'\"b")
    open(evil, "w", encoding="utf-8").close()
    code = ("source \"$0\"; COMP_WORDS=(\"$1\" ping \"$2/a\") COMP_CWORD=2; COMP_LINE=\"${COMP_WORDS[*]}\"; COMP_POINT=${#COMP_LINE}\n"
            "_rpyc; echo \"${#COMPREPLY[@]}\"; eval \"printf '%s\\n' ${COMPREPLY[0]}\"")
    got = case.run(["bash", "-c", code, os.path.join(case.folder, "bash"), binary(), case.folder]).output
    case.equal(got, "1\n%s\n" % evil, "a file with a hostile name, quoted and evaluated again")
