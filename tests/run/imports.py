"""The import graph of `src`: which file names what of which other one. Arrows go from layers down, and circles stay small."""
import os
import re
import shutil
import tempfile

from runner import ROOT, test

# From below to above, without what lies beside all layers. A layer may name those before it, and none of its own row.
ROWS = (
    ("value", "error"),
    ("codec", "transport"),
    ("protocol",),
    ("objects",),
    ("connection", "session"),
    ("server", "classic", "client"),
    ("ffi", "api"),
    ("bin",),
)
# What a file may hold as `dyn Any`: each is somebody else's on purpose, and comes back only to whoever put it there.
ANY = {
    "value/reference.rs": "what an object is, the layers above know; they have it back as its type",
    "objects/class.rs": "the state of an object, and what a class keeps alive, belong to the application",
    "classic/slave.rs": "the same of a slave's service",
    "panics.rs": "what a panic was raised with",
}
MOST_FILES = 6
# Larger circles: how many files each may have, by one that is in it. A number may only fall, and at MOST_FILES it goes.
KNOWN = {}


def without_tests(text):
    """Without comments, texts, and code for tests alone."""
    text = re.sub(r'r(#+)".*?"\1|b?"(?:\\.|[^"\\])*"', '""', text, flags=re.DOTALL)
    text = re.sub(r"//[^\n]*", "", text)
    off = r'#\[cfg\((?:test|feature = ""|all\(test, [^]]*)\)\]\s*(?:pub(?:\([^)]*\))? )?mod \w+'
    text = re.sub(off + ";", "", text)
    return re.split(off + r" \{", text)[0]


def paths_of(tree, before=()):
    """(path, name) of what a `use` brings."""
    depth, start, parts = 0, 0, []
    for at, char in enumerate(tree + ","):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            parts.append(tree[start:at].strip())
            start = at + 1
    for part in filter(None, parts):
        head, brace, rest = part.partition("{")
        steps = [step.strip() for step in head.split("::") if step.strip()]
        if brace:
            yield from paths_of(rest.rstrip()[:-1], before + tuple(steps))
            continue
        last, _, alias = steps[-1].partition(" as ") if steps else ("", "", "")
        path = before + tuple(steps[:-1]) + ((last,) if last != "self" else ())
        yield path, (alias or path[-1]).strip()


class Graph:
    def __init__(self, base):
        """Of the Rust files below `base`."""
        self.files, self.code, self.names, self.arrows = {}, {}, {}, {}
        for folder, _, names in os.walk(base):
            for name in names:
                path = os.path.relpath(os.path.join(folder, name), base)
                if name.endswith(".rs"):
                    module = tuple(re.sub(r"(/mod|^lib)?\.rs$", "", path).split("/"))
                    with open(os.path.join(base, path), encoding="utf-8") as file:
                        self.files[tuple(filter(None, module))] = path
                        self.code[path] = without_tests(file.read())
        self.root_of = {path: ("bin", "rpyc") if path.startswith("bin/") else () for path in self.code}
        main = self.files.pop(("bin", "rpyc", "main"), None)
        if main:
            self.files[("bin", "rpyc")] = main
        self.drop_unused()
        for module, path in self.files.items():
            uses = re.findall(r"(pub(?:\([^)]*\))?\s+)?\buse\s+([^;]+);", self.code[path])
            self.names[module] = {}
            for public, tree in uses:
                for used, name in paths_of(tree):
                    self.names[module][name] = (used, bool(public))
        for module, path in self.files.items():
            self.arrows[path] = {to for to in self.used_by(module, path) if to and to != path}

    def drop_unused(self):
        """Files of modules that are for tests alone."""
        for module in sorted(self.files, key=len):
            above = module[:-1]
            if module and above in self.files and not re.search(
                    r"\bmod %s;" % re.escape(module[-1]), self.code[self.files[above]]):
                for below in [other for other in self.files if other[:len(module)] == module]:
                    del self.files[below]

    def used_by(self, module, path):
        code = self.code[path]
        plain = re.sub(r"(pub(?:\([^)]*\))?\s+)?\buse\s+[^;]+;", "", code)
        for name, (used, public) in self.names[module].items():
            # What is only handed on is no need of its own.
            if not public or re.search(r"\b%s\b" % re.escape(name), plain):
                yield self.target(module, used)
        for inline in re.findall(r"\b(?:crate|super|self|rpyc)(?:::\w+)+", plain):
            yield self.target(module, tuple(inline.split("::")))
        for name in set(re.findall(r"\b(\w+)::", plain)):
            if module + (name,) in self.files:
                for item in set(re.findall(r"\b%s((?:::\w+)+)" % name, plain)):
                    yield self.target(module, (name,) + tuple(filter(None, item.split("::"))))

    def target(self, module, used, seen=()):
        """The file in which the last step of a path is defined; None for what is not of this tree."""
        at, steps = module, list(used)
        if not steps or (module, used) in seen:
            return None
        first = steps[0]
        if first in ("crate", "rpyc"):
            at = self.root_of.get(self.files[module], ()) if first == "crate" else ()
            steps.pop(0)
        elif first in ("super", "self"):
            while steps and steps[0] in ("super", "self"):
                at = at[:-1] if steps.pop(0) == "super" else at
        elif at + (first,) not in self.files and first not in self.names[module]:
            return None
        while steps and at + (steps[0],) in self.files:
            at += (steps.pop(0),)
        if steps and at in self.names and steps[0] in self.names[at]:
            handed = self.names[at][steps[0]][0]
            found = self.target(at, handed + tuple(steps[1:]), seen + ((module, used),))
            if found:
                return found
        return self.files.get(at)

    def circles(self):
        """The strongly connected sets of more than one file (Tarjan), each sorted, the largest first."""
        order, low, stack, found = {}, {}, [], []

        def visit(file):
            order[file] = low[file] = len(order)
            stack.append(file)
            for to in sorted(self.arrows.get(file, ())):
                if to not in order:
                    visit(to)
                    low[file] = min(low[file], low[to])
                elif to in stack:
                    low[file] = min(low[file], order[to])
            if low[file] == order[file]:
                circle = stack[stack.index(file):]
                del stack[stack.index(file):]
                if len(circle) > 1:
                    found.append(sorted(circle))
        for file in sorted(self.arrows):
            if file not in order:
                visit(file)
        return sorted(found, key=lambda circle: (-len(circle), circle))

    def upward(self):
        """Arrows to a layer of the same row or a higher one."""
        row = {layer: at for at, layers in enumerate(ROWS) for layer in layers}
        for file, targets in sorted(self.arrows.items()):
            own = row.get(layer_of(file))
            for to in sorted(targets):
                other = row.get(layer_of(to))
                if layer_of(file) == layer_of(to) or other is None:
                    continue
                if own is None and other > 0 or own is not None and other >= own and (own, other) != (0, 0):
                    yield "%s uses %s" % (file, to)

    def hidden(self):
        """Files below the border that hold something as `dyn Any`: behind it an arrow could go anywhere."""
        return {path for path in self.files.values()
                if re.search(r"\bdyn (?:std::any::)?Any\b", self.code[path]) and layer_of(path) not in ROWS[-1]}


def layer_of(path):
    # The system's calls lie beside all layers.
    return re.split(r"[/.]", path)[0] if path != "transport/sys.rs" else "sys"


def faults(graph, known, may_hide):
    """What is wrong with the imports, each with its files."""
    yield from graph.upward()
    hidden = graph.hidden()
    for path in sorted(hidden - set(may_hide)):
        yield "%s holds a `dyn Any`, behind which this test sees nothing: a trait of that layer says what is needed" % path
    for path in sorted(set(may_hide) - hidden):
        yield "%s holds no `dyn Any` any more: take it off the list" % path
    left = dict(known)
    for circle in graph.circles():
        named = [file for file in circle if file in left]
        ceiling = max([left.pop(file) for file in named], default=MOST_FILES)
        if len(circle) > ceiling:
            yield "a circle of %d files, %d at most: %s" % (len(circle), ceiling, ", ".join(circle))
        elif named and len(circle) < ceiling:
            yield "the circle of %s has %d files: write that down in place of %d" % (named[0], len(circle), ceiling)
    for file in left:
        yield "%s is in no large circle any more: take it off the list" % file


@test("tree.imports")
def imports(case):
    graph = Graph(os.path.join(ROOT, "src"))
    case.check(len(graph.arrows) > 200 and sum(map(len, graph.arrows.values())) > 1000, "the imports are not seen")
    case.check("objects/peer.rs" in graph.arrows["connection/shared.rs"], "what a module hands on is not followed")
    wrong = list(faults(graph, KNOWN, ANY))
    case.check(not wrong, "\n".join(wrong))


# A tree with each fault: in a test and in a comment they are none.
WRONG = {
    "lib.rs": "pub mod value;\npub mod objects;\npub mod connection;\npub mod log;",
    "value/mod.rs": "mod kept;\npub use kept::Kept;",
    "value/kept.rs": "pub struct Kept(Box<dyn Any>); // crate::connection::Shared",
    "objects/mod.rs": "mod a;\nmod b;\nmod c;\npub use a::A;",
    "objects/a.rs": "use super::b::B;\nuse crate::{connection::{self as engine, Shared}, value::Kept};\npub struct A;",
    "objects/b.rs": "pub struct B(super::c::C);",
    "objects/c.rs": "use crate::objects::A;\npub struct C(A);\n#[cfg(test)]\nmod tests {\n    use crate::connection::Shared;\n}",
    "connection/mod.rs": "mod shared;\npub use shared::Shared;",
    "connection/shared.rs": "pub struct Shared;",
    "log.rs": 'const TEXT: &str = "crate::connection::Shared";',
}


@test("tree.imports-can-fail")
def imports_can_fail(case):
    base = tempfile.mkdtemp(prefix="imports")
    try:
        for path, text in WRONG.items():
            os.makedirs(os.path.dirname(os.path.join(base, path)), exist_ok=True)
            with open(os.path.join(base, path), "w", encoding="utf-8") as file:
                file.write(text)
        graph = Graph(base)
    finally:
        shutil.rmtree(base)
    circle = ["objects/a.rs", "objects/b.rs", "objects/c.rs"]
    case.check(graph.circles() == [circle], graph.circles())
    up = ["objects/a.rs uses connection/mod.rs", "objects/a.rs uses connection/shared.rs"]
    case.check(list(graph.upward()) == up, list(graph.upward()))
    case.check(graph.hidden() == {"value/kept.rs"}, graph.hidden())
    told = "\n".join(faults(graph, {"objects/b.rs": 2, "log.rs": 9}, {"log.rs": ""}))
    for wanted in ("uses connection/shared.rs", "value/kept.rs holds a", "log.rs holds no", "a circle of 3 files, 2 at most: "
                   + ", ".join(circle), "log.rs is in no large circle"):
        case.check(wanted in told, "not told: %s in %s" % (wanted, told))
    case.check("write that down" in "\n".join(faults(graph, {"objects/b.rs": 4}, {})), "a ceiling that could fall")
