#!/usr/bin/env python3
"""The binary interface, compared with the one that was committed.

    abi.py check [HEADER]    ends with 1 and says what changed, if programs that were built before would break
    abi.py bless [HEADER]    makes the header's interface the one to compare with

What abidiff says of the Rust library itself misleads: it follows opaque types inside, and misses parameters. So the header is
turned into a C library without insides, and that is compared. Constants leave nothing in a library, and tables may grow at
their end, which abidiff cannot be told reliably: they are lines of layout.txt, none of which may change.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
HEADER = os.path.join(ROOT, "include", "rpyc.h")
BASELINE = os.path.join(HERE, "rpyc.abi")
LAYOUT = os.path.join(HERE, "layout.txt")
ABIDW = ["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs"]
# Of abidiff's exit code: it failed, or there is a change that is not suppressed.
TROUBLE = 1 | 2 | 4 | 8


TABLE = re.compile(r"typedef struct \w* ?\{([^{}]*)\} (\w+);")


def pieces(text):
    """What ends with a semicolon, on one line each."""
    return [" ".join(piece.split()) for piece in text.split(";") if piece.strip()]


def declarations(header):
    """The header without comments and directives."""
    with open(header, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/|//[^\n]*|^\s*#[^\n]*", "", file.read(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r'extern "C" \{|^\s*\}\s*(?:// extern.*)?$', "", text, flags=re.MULTILINE)


def layout(header):
    """A line for each macro with a value (but the version's), each type, and each member of a table."""
    with open(header, encoding="utf-8") as file:
        macros = re.findall(r"^#define (RPYC_\w+) (\S.*)$", file.read(), re.MULTILINE)
    lines = ["%s = %s" % pair for pair in macros if not pair[0].startswith("RPYC_VERSION_")]
    text = declarations(header)
    lines += [piece for piece in pieces(TABLE.sub("", text)) if piece.startswith("typedef ")]
    for members, name in TABLE.findall(text):
        lines += ["%s[%d]: %s" % (name, index, member) for index, member in enumerate(pieces(members))]
    return lines


def stub(header, folder):
    """A library that has the functions of the header, and nothing in them; tables are opaque to it."""
    text = TABLE.sub(r"typedef struct \2 \2;", declarations(header))
    # Only prototypes are left beside typedefs.
    functions = [piece for piece in pieces(text) if not piece.startswith("typedef ")]
    if not functions:
        sys.exit("no functions in " + header)
    source, library = os.path.join(folder, "stub.c"), os.path.join(folder, "librpyc.so")
    with open(source, "w", encoding="utf-8") as file:
        file.write("#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n")
        file.writelines("%s;\n" % piece for piece in pieces(text) if piece.startswith("typedef "))
        file.writelines("%s { __builtin_trap(); }\n" % function for function in functions)
    subprocess.run([os.environ.get("CC", "cc"), "-g", "-O0", "-w", "-shared", "-fPIC", "-Wl,-soname,librpyc.so.0", source, "-o", library],
                   check=True)
    return library, len(functions)


def bless(header):
    with tempfile.TemporaryDirectory() as folder:
        library, count = stub(header, folder)
        subprocess.run([*ABIDW, "--out-file", BASELINE, library], check=True)
    with open(LAYOUT, "w", encoding="utf-8") as file:
        file.write("# Constants, types and members of tables of rpyc.h: lines are added, none is changed.\n")
        file.writelines(line + "\n" for line in layout(header))
    print("the interface is now that of %d functions" % count)


def check(header):
    """Says what broke, if anything did."""
    now = set(layout(header))
    with open(LAYOUT, encoding="utf-8") as file:
        broken = ["gone or changed: " + line.rstrip("\n") for line in file if line[0] != "#" and line.rstrip("\n") not in now]
    with tempfile.TemporaryDirectory() as folder:
        library, count = stub(header, folder)
        done = subprocess.run(["abidiff", "--no-added-syms", BASELINE, library],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode & TROUBLE:
        broken += done.stdout.splitlines()
    print("\n".join(broken) if broken else "%d functions: compatible" % count)
    return not broken


def main():
    arguments = sys.argv[1:]
    if not 1 <= len(arguments) <= 2 or arguments[0] not in ("check", "bless"):
        sys.exit(__doc__.strip())
    for tool in ("abidw", "abidiff"):
        if not shutil.which(tool):
            sys.exit("%s is missing: apt-get install abigail-tools" % tool)
    header = arguments[1] if len(arguments) == 2 else HEADER
    if arguments[0] == "bless":
        bless(header)
    elif not check(header):
        sys.exit(1)


if __name__ == "__main__":
    main()
