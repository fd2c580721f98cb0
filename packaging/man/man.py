#!/usr/bin/env python3
"""Writes the manual pages of section 3, docs/man/*.3, from rpyc.h and the prose beside this file.

    man.py FOLDER

NAME.txt has what a page says of its topic; functions, constants and tables come from the header, each into the page whose
line in PAGES has the longest beginning of its name. So a new function is in some page, with no line to write for it.
"""
import os
import re
import sys
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Page: what it is about, and the beginnings of names that belong to it.
PAGES = {
    "rpyc": ("RPyC for programs that are not Python", "rpyc_ RPYC_"),
    "rpyc_connection": ("connections of RPyC and what they run over",
                        "rpyc_connect rpyc_connection_ rpyc_transport_ rpyc_config_ RPYC_HANDLE_ RPYC_DIALECT_ RPYC_CHANNEL_"),
    "rpyc_value": ("values that are copied between RPyC peers", "rpyc_value_ rpyc_buffer_ rpyc_array_ RPYC_VALUE_ RPYC_ARRAY_ RPYC_NUL_TERMINATED"),
    "rpyc_object": ("objects of RPyC peers and of this process",
                    "rpyc_object_ rpyc_iterator_ rpyc_list_ rpyc_dict_ rpyc_set_new rpyc_generator_ rpyc_file_ rpyc_container_ RPYC_LT RPYC_LE RPYC_EQ RPYC_NE RPYC_GT RPYC_GE"),
    "rpyc_async_result": ("results of asynchronous requests", "rpyc_async_"),
    "rpyc_class": ("classes, methods and services in C",
                   "rpyc_class_ rpyc_method rpyc_property rpyc_function_ rpyc_call_ RPYC_CLASS_ RPYC_METHOD_ RPYC_FUNCTION_ RPYC_PROPERTY_"),
    "rpyc_server": ("servers that accept RPyC connections", "rpyc_server_ RPYC_SERVER_"),
    "rpyc_error": ("what went wrong, and exceptions of the peer", "rpyc_error_ rpyc_status RPYC_OK RPYC_ERR_"),
    "rpyc_classic": ("classic mode, as master and as slave",
                     "rpyc_classic_ rpyc_redirection_ rpyc_slave_ rpyc_module_ rpyc_transfer_ rpyc_input_ rpyc_output_"),
    "rpyc_loop": ("event loops, queues of calls and serving in the background",
                  "rpyc_loop_ rpyc_queue_ rpyc_serving_ rpyc_connection_interest rpyc_connection_next_deadline rpyc_connection_process "
                  "rpyc_connection_set_nonblocking rpyc_connection_wake_fileno rpyc_connection_write_fileno "
                  "rpyc_connection_set_queue rpyc_connection_serve_background rpyc_connection_serve_threaded RPYC_WAIT_ RPYC_LOOP_"),
    "rpyc_session": ("a connection without sockets, threads and clock", "rpyc_session_ rpyc_decoder_ rpyc_event_ RPYC_SESSION_ RPYC_EVENT_"),
}
DATE = "November 23, 2026"


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def escape(text):
    """Text as roff takes it literally."""
    text = text.replace("\\", "\\e")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def words(text):
    """A paragraph, a sentence on each line as mdoc wants it."""
    text = re.sub(r"\s+", " ", text).strip()
    lines = []
    for sentence in re.split(r"(?<=[\w)\"*/][.:?!]) (?=[A-Z\"(])|(?<=[\w][.?!][)\"]) (?=[A-Z])", text):
        lines += textwrap.wrap(sentence, 78, break_long_words=False, break_on_hyphens=False)
    return escape("\n".join(lines))


def items(header):
    """(comment, declaration) of each piece of the header that is described."""
    header = header.split("#endif // __cplusplus", 1)[1]
    return described(re.sub(r"/\*\*\s*(?:\*\s*)?@(?:defgroup|\}).*?\*/|/\* =.*?\*/", "", header, flags=re.DOTALL))


def described(text):
    """The same, of a part of it without the banners of chapters."""
    for found in re.finditer(r"/\*\*(.*?)\*/\s*(#define [^\n]*|(?:[^;{]|\{[^}]*\})*?;)", text, re.DOTALL):
        comment = "\n".join(re.sub(r"^\s*\* ?", "", line) for line in found.group(1).split("\n")).strip()
        yield comment, found.group(2).strip()


def name_of(declaration):
    for pattern in (r"#define (\w+)", r"typedef [^;]*\(\*(\w+)\)", r"\}\s*(\w+);$", r"typedef [^(]*?(\w+);$", r"(\w+)\s*\("):
        found = re.search(pattern, declaration, re.DOTALL)
        if found:
            return found.group(1)
    raise ValueError(declaration)


def page_of(name):
    """The page with the longest beginning."""
    fits = [(len(start), page) for page, (_, starts) in PAGES.items() for start in starts.split() if name.startswith(start)]
    return max(fits)[1]


def blocks(text):
    """What blank lines part; pieces of code that follow each other are one."""
    found = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        if found and block.startswith("    ") and found[-1].startswith("    "):
            found[-1] += "\n\n" + block
        elif block.strip():
            found.append(block)
    return found


def paragraphs(text):
    """The paragraphs, lists and code of a comment or of prose."""
    before, fence, after = text.partition("@code{.c}\n")
    if fence:
        code, _, after = after.partition("\n@endcode")
        yield from paragraphs(before)
        yield ".Bd -literal -offset indent"
        yield escape(code)
        yield ".Ed"
        yield ".Pp"
        yield from paragraphs(after)
        return
    for block in blocks(text):
        if re.match(r"\s*- ", block):
            yield ".Bl -bullet -compact"
            for entry in re.split(r"(?:^|\n)\s*- ", block)[1:]:
                yield ".It"
                yield words(entry)
            yield ".El"
        elif block.startswith("    "):
            yield ".Bd -literal -offset indent"
            yield escape(textwrap.dedent(block))
            yield ".Ed"
        else:
            # A list may follow its sentence without a line between.
            head, *rest = re.split(r"\n(?=\s*- )", block, maxsplit=1)
            yield words(head)
            yield from (paragraphs(rest[0]) if rest else ())
        yield ".Pp"


def without_last_pp(lines):
    lines = list(lines)
    while lines and lines[-1] == ".Pp":
        lines.pop()
    return lines


def arguments(declaration):
    """A function's type and arguments."""
    found = re.match(r"(.*?)(\w+)\s*\((.*)\);$", re.sub(r"\s+", " ", declaration))
    kind, name, text = found.groups()
    depth, parts, start = 0, [], 0
    for at, letter in enumerate(text + ","):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return kind.strip(), name, parts


def function(comment, declaration):
    """A function as a subsection: prototype, text, parameters."""
    kind, name, parts = arguments(declaration)
    body = re.split(r"\n(?=@param|@return)", comment)
    tags = [re.match(r"@(param|return)\s+(.*)", part, re.DOTALL) for part in body[1:]]
    last = ""
    lines = [".Ss " + name, ".Ft " + quoted(kind), ".Fo " + name]
    lines += [".Fa " + quoted(part) for part in parts] + [".Fc", ".Pp"]
    lines += without_last_pp(paragraphs(body[0]))
    if tags:
        lines += [".Bl -tag -width Ds"]
        for tag in tags:
            text, *after = re.split(r"\n\s*\n", tag.group(2), maxsplit=1)
            last = after[0] if after else last
            if tag.group(1) == "param":
                argument, _, text = text.partition(" ")
                lines += [".It Fa " + argument, words(text)]
            else:
                lines += [".It returns", words(text)]
        lines += [".El"]
    return lines + ([".Pp"] + without_last_pp(paragraphs(last)) if last else [])


def quoted(text):
    return '"%s"' % text


def constant(comment, declaration):
    name, value = re.match(r"#define (\w+)\s*(.*)", declaration).groups()
    return [".It Dv %s Pq %s" % (name, escape(value)), words(comment)]


def table(comment, declaration, name):
    """A type: what it is, and its members as they stand in the header."""
    code = re.sub(r"\n\s*(?=\n)", "", re.sub(r"/\*\*?(.*?)\*/", lambda found: "/* %s */" % re.sub(r"\s*\n\s*\*?\s*", " ", found.group(1)).strip(),
                                           declaration, flags=re.DOTALL))
    lines = []
    for line in code.split("\n"):
        if len(line) > 76 and line.strip().startswith("/*"):
            indent = " " * (len(line) - len(line.lstrip()))
            lines += textwrap.wrap(line.strip(), 76, initial_indent=indent, subsequent_indent=indent + "   ")
        else:
            lines.append(line)
    return [".Ss " + name, *without_last_pp(paragraphs(comment)), ".Bd -literal", escape("\n".join(lines)), ".Ed"]


def page(name, pieces, names):
    """A whole page."""
    about, version = PAGES[name][0], re.search(r'^version = "(.*)"', read(ROOT, "Cargo.toml"), re.MULTILINE).group(1)
    sections = {"functions": [], "constants": [], "types": []}
    synopsis = []
    for comment, declaration in pieces:
        what = name_of(declaration)
        if declaration.startswith("#define"):
            sections["constants"] += constant(comment, declaration)
        elif declaration.startswith("typedef"):
            if not re.match(r"typedef struct \w+ \w+;", declaration):
                sections["types"] += table(comment, declaration, what)
        else:
            kind, _, parts = arguments(declaration)
            synopsis += [".Ft " + quoted(kind), ".Fn %s %s" % (what, " ".join(map(quoted, parts)))]
            sections["functions"] += function(comment, declaration)
    lines = ['.\\" Written by packaging/man/man.py from rpyc.h and packaging/man/%s.txt.' % name,
             ".Dd " + DATE, ".Dt %s 3" % name.upper(), ".Os librpyc " + version,
             ".Sh NAME", ".Nm " + name, ".Nd " + about, ".Sh SYNOPSIS", ".In rpyc.h", *synopsis,
             ".Sh DESCRIPTION", *without_last_pp(paragraphs(read(HERE, name + ".txt")))]
    if sections["functions"]:
        lines += [".Sh FUNCTIONS", *sections["functions"]]
    if sections["types"]:
        lines += [".Sh TYPES", *sections["types"]]
    if sections["constants"]:
        lines += [".Sh CONSTANTS", ".Bl -tag -width Ds", *sections["constants"], ".El"]
    others = [other for other in sorted(names) if other != name]
    lines += [".Sh SEE ALSO"] + [".Xr %s 3%s" % (other, " ," if other != others[-1] else "") for other in others]
    # A display makes its own space.
    return re.sub(r"\n\.Pp(?=\n\.Bd)", "", "\n".join(lines)) + "\n"


def pages():
    """All pages: name and text. A topic of which the header has nothing yet, and no prose stands alone, has none."""
    pieces = {}
    for comment, declaration in items(read(ROOT, "include", "rpyc.h")):
        pieces.setdefault(page_of(name_of(declaration)), []).append((comment, declaration))
    names = [name for name in PAGES if name in pieces or name == "rpyc_loop"]
    return {name: page(name, pieces.get(name, []), names) for name in names}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip())
    for name, text in pages().items():
        with open(os.path.join(sys.argv[1], name + ".3"), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
