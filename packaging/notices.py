"""THIRD-PARTY-NOTICES.txt: the licences of all code that is in the built libraries and the program.

    notices.py write FILE   makes the file, from Cargo.lock and the sources that cargo has fetched
    notices.py check FILE   whether it is what would be made; ends with 1 and says where it differs

The part on Rust's standard library, which Cargo.lock does not know, is packaging/notices-std.txt.
"""
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TARGET = "x86_64-unknown-linux-gnu"
LINE = "=" * 80 + "\n"
STD = os.path.join(ROOT, "packaging", "notices-std.txt")
HEAD = """Third-party notices of librpyc

librpyc itself is under the MIT licence (LICENSE). The libraries librpyc.so and
librpyc.a and the program rpyc also contain the code that is listed here, each
under the licence that follows its name. Where a choice is offered, MIT is taken.
"""


class Missing(Exception):
    """Something that the notices need is not there; the text says what."""


def run(*command):
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout.decode()


def shipped():
    """The packages that are linked into what is shipped, by name and version."""
    cargo = os.environ.get("CARGO") or "cargo"
    known = json.loads(run(cargo, "metadata", "--locked", "--format-version", "1", "--features", "tool",
                           "--filter-platform", TARGET))
    packages = {package["id"]: package for package in known["packages"]}
    nodes = {node["id"]: node for node in known["resolve"]["nodes"]}
    seen, todo = set(), [known["resolve"]["root"]]
    while todo:
        one = todo.pop()
        # A procedural macro, and what it needs, runs in the compiler and is not linked.
        if one in seen or any("proc-macro" in target["kind"] for target in packages[one]["targets"]):
            continue
        seen.add(one)
        todo += [needed["pkg"] for needed in nodes[one]["deps"]
                 if any(kind["kind"] is None for kind in needed["dep_kinds"])]
    seen.remove(known["resolve"]["root"])
    return sorted((packages[one] for one in seen), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """The licence texts that apply: MIT's where there is a choice, else all that the package has."""
    folder = os.path.dirname(package["manifest_path"])
    found = sorted(path for path in glob.glob(folder + "/*")
                   if re.match(r"(licen[cs]e|copying|notice|unlicense)", os.path.basename(path), re.IGNORECASE))
    if not found:
        raise Missing("%s %s has no licence text" % (package["name"], package["version"]))
    if "MIT OR" in package["license"] or "OR MIT" in package["license"]:
        found = [path for path in found if "APACHE" not in os.path.basename(path).upper()] or found
    for path in found:
        with open(path, encoding="utf-8") as file:
            yield "\n".join(line.rstrip() for line in file.read().strip().splitlines()) + "\n"


def section(title, licence, source, bodies):
    return LINE + "%s\nLicence: %s\n%s\n" % (title, licence, source) + "\n" + "\n".join(bodies) + "\n"


def made():
    sections = [section("%s %s" % (package["name"], package["version"]), package["license"],
                        package["repository"] or "https://crates.io/crates/" + package["name"], list(texts(package)))
                for package in shipped()]
    with open(STD, encoding="utf-8") as file:
        return HEAD + "\n" + "".join(sections) + file.read()


def main():
    what, path = sys.argv[1:]
    before = ""
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            before = file.read()
    try:
        after = made()
    except Missing as missing:
        sys.exit("notices.py: %s" % missing)
    if what == "write":
        with open(path, "w", encoding="utf-8") as file:
            file.write(after)
    elif before != after:
        titles = [set(re.findall(r"^=+\n(.*)$", text, re.MULTILINE)) for text in (before, after)]
        sys.exit("%s is not what Cargo.lock says (make notices writes it anew); missing: %s; too many: %s" % (
            path, ", ".join(sorted(titles[1] - titles[0])) or "none", ", ".join(sorted(titles[0] - titles[1])) or "none"))


if __name__ == "__main__":
    main()
