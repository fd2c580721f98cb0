"""Builds the site of the project: `make site`.

    make.py FOLDER

Guides and references come from docs, the C reference from rpyc.h, that of C++ from doxygen and that of Go from go doc, the
examples from their sources. A link that leads nowhere is an error. It runs in an environment with packaging/site/requirements.txt.
"""
import glob
import os
import re
import shutil
import subprocess
import sys

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import cpp  # noqa: E402
import golang  # noqa: E402
from header import Reference  # noqa: E402

LANGUAGES = {".c": "c", ".h": "c", ".hpp": "cpp", ".cpp": "cpp", ".go": "go", ".py": "python", ".rs": "rust", ".lua": "lua", ".toml": "toml"}
EXAMPLES = {"C": "examples-c/*.c", "C++": "bindings/cpp/examples/*.cpp", "Python peers": "examples-c/peers/*.py"}


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


class Site:
    def __init__(self, folder):
        self.folder = folder
        self.pages = os.path.join(folder, "pages")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(self.pages)
        self.placed = {}                             # the page of each file of the project that has one

    def write(self, path, text):
        whole = os.path.join(self.pages, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as file:
            file.write(text)

    def documents(self):
        """docs as it is; README.md of the project is not a page of its own, its parts are on the front page."""
        for path in glob.glob(os.path.join(ROOT, "docs", "**", "*"), recursive=True):
            below = os.path.relpath(path, os.path.join(ROOT, "docs"))
            if os.path.isfile(path) and not below.startswith("man") and below not in ("README.md", "Doxyfile"):
                self.placed[os.path.relpath(path, ROOT)] = below
        for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"):
            self.placed[name] = "project/" + name.lower()
        self.placed["README.md"] = self.placed["docs/README.md"] = "index.md"
        self.placed["include/rpyc.h"] = "c/index.md"

    def examples(self):
        rows = ["# Examples", "Each program is compiled and run by the tests."]
        for language, pattern in EXAMPLES.items():
            rows.append("## " + language)
            rows.append("| program | subject |\n| --- | --- |")
            for path in sorted(glob.glob(os.path.join(ROOT, pattern))):
                below = os.path.relpath(path, ROOT)
                self.placed[below] = "examples/%s.md" % below.replace("/", "-")
                text = read(path)
                about = re.search(r'(?:/\*|//|""")\s*(.*?)(?:\*/|"""|\n)', text, re.DOTALL)
                rows[-1] += "\n| [%s](%s) | %s |" % (os.path.basename(path), os.path.basename(self.placed[below]),
                                                 " ".join(about.group(1).split()) if about else "")
                self.write(self.placed[below], "# %s\n\n```%s\n%s```\n" % (os.path.basename(path), LANGUAGES[os.path.splitext(path)[1]], text))
        self.placed["examples-c/README.md"] = self.placed["examples-c"] = "examples/index.md"
        self.placed["bindings/cpp/examples/README.md"] = self.placed["bindings/cpp/examples"] = "examples/index.md"
        self.write("examples/index.md", "\n\n".join(rows) + "\n")

    def rewritten(self, text, source, page):
        """A document whose links to files of the project lead to their pages; what has none is named without a link."""
        def link(found):
            label, target, anchor = found.group(1), found.group(2), found.group(3) or ""
            if re.match(r"\w+:", target) or not target:
                return found.group(0)
            file = os.path.normpath(os.path.join(os.path.dirname(source), target))
            place = self.placed.get(file.rstrip("/"))
            if place is None:
                return label
            if place == "index.md" and anchor:
                anchor = ""
            return "[%s](%s%s)" % (label, os.path.relpath(place, os.path.dirname(page) or "."), anchor)
        pieces = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
        for at in range(0, len(pieces), 2):
            pieces[at] = re.sub(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)#\s]*)(#[^)\s]*)?\)", link, pieces[at])
        return "".join(pieces).replace("/* compiled by the tests */\n", "").replace("// compiled by the tests\n", "")

    def copy(self):
        for source, page in self.placed.items():
            path = os.path.join(ROOT, source)
            if not os.path.isfile(path) or page.startswith("examples/") or page in ("index.md", "c/index.md"):
                continue
            if source.endswith(".md"):
                self.write(page, self.rewritten(read(path), source, page))
            else:
                os.makedirs(os.path.dirname(os.path.join(self.pages, page)), exist_ok=True)
                shutil.copy(path, os.path.join(self.pages, page))

    def guides(self, folder):
        """(title, page) in the order of docs/README.md."""
        for title, target in re.findall(r"^\| \[([^\]]*)\]\(([^)]*)\)", read(ROOT, "docs", "README.md"), re.MULTILINE):
            if target == folder or target.startswith(folder + "/"):
                yield {re.sub("`", "", title): target}

    def build(self):
        self.documents()
        self.examples()
        self.copy()
        c_pages = [{title: "c/" + path} for title, path in Reference(read(ROOT, "include", "rpyc.h")).write(os.path.join(self.pages, "c"))]
        cpp_pages = [{title: "cpp/" + path} for title, path in cpp.write(ROOT, os.path.join(self.folder, "doxygen"), os.path.join(self.pages, "cpp"))]
        golang.write(os.path.join(ROOT, "bindings", "go"), os.path.join(self.pages, "go", "index.md"))
        shutil.copy(os.path.join(HERE, "index.md"), self.pages)
        shutil.copy(os.path.join(HERE, "site.css"), self.pages)
        nav = [{"Home": "index.md"}, {"Guides": [*self.guides("guide"), *self.guides("operations.md")]},
               {"C": ["c/index.md", *c_pages]}, {"C++": ["cpp/index.md", *cpp_pages]}, {"Go": ["go/index.md"]},
               {"Reference": list(self.guides("reference"))}, {"Examples": ["examples/index.md"]},
               {"Project": [{"Release notes": "project/changelog.md"}, {"Contributing": "project/contributing.md"},
                            {"Security policy": "project/security.md"}, *self.guides("internals")]}]
        settings = read(HERE, "mkdocs.yml") + yaml.safe_dump(
            {"docs_dir": self.pages, "site_dir": os.path.join(self.folder, "html"), "nav": nav}, sort_keys=False)
        config = os.path.join(self.folder, "mkdocs.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(settings)
        # Not --quiet: then it counts no warnings.
        done = subprocess.run([sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", config],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            sys.exit(done.stdout)


if __name__ == "__main__":
    Site(os.path.abspath(sys.argv[1])).build()
    print(os.path.join(os.path.abspath(sys.argv[1]), "html", "index.html"))
