"""The reference: Doxygen over the header, with nothing undescribed, and manual pages that are those of the header and render."""
import glob
import os
import re
import sys

from runner import ROOT, test

PAGES = os.path.join(ROOT, "docs", "man")


def doxygen(case, *headers):
    """Runs it over headers; what it finds wrong."""
    with open(os.path.join(ROOT, "docs", "Doxyfile"), encoding="utf-8") as file:
        settings = file.read()
    settings += "OUTPUT_DIRECTORY=%s\nINPUT=%s\nWARN_LOGFILE=%s/warnings\n" % (case.folder, " ".join(headers), case.folder)
    with open(os.path.join(case.folder, "Doxyfile"), "w", encoding="utf-8") as file:
        file.write(settings)
    case.run([case.tool("doxygen"), os.path.join(case.folder, "Doxyfile")], folder=ROOT, codes=(0, 1))
    with open(os.path.join(case.folder, "warnings"), encoding="utf-8") as file:
        return file.read().splitlines()


@test("docs.doxygen", seconds=120)
def described(case):
    """Every function, parameter, constant and member is described; and what is not would be found."""
    headers = [os.path.join("include", name) for name in ("rpyc.h", "rpyc_helpers.h")]
    wrong = doxygen(case, *headers)
    case.check(not wrong, "\n".join(wrong[:20]))
    case.check(os.path.exists(os.path.join(case.folder, "html", "rpyc_8h.html")), "no page for rpyc.h was made")
    with open(os.path.join(ROOT, "include", "rpyc.h"), encoding="utf-8") as file:
        text = file.read()
    bare = os.path.join(case.folder, "bare.h")
    with open(bare, "w", encoding="utf-8") as file:
        file.write(re.sub(r" \* @param timeout_ms [^\n]*\n", "", text, count=1).replace("@file rpyc.h", "@file bare.h"))
    case.check(any("timeout_ms" in line for line in doxygen(case, bare)), "a parameter without a description is not found")


@test("docs.man")
def manual_pages(case):
    """The pages are what the header makes them, each function has its place in one, and none has a fault."""
    case.run([sys.executable, os.path.join(ROOT, "packaging", "man", "man.py"), case.folder])
    made = {os.path.basename(path): open(path, encoding="utf-8").read() for path in glob.glob(case.folder + "/*.3")}
    there = {os.path.basename(path): open(path, encoding="utf-8").read() for path in glob.glob(PAGES + "/*.3")}
    other = sorted(name for name in set(made) | set(there) if made.get(name) != there.get(name))
    case.check(not other, "not what the header makes them (make man): " + ", ".join(other))
    with open(os.path.join(ROOT, "include", "symbols.txt"), encoding="utf-8") as file:
        functions = [line.split()[0] for line in file if line.startswith("rpyc_")]
    described = {name for text in there.values() for name in re.findall(r"^\.Fo (\w+)$", text, re.MULTILINE)}
    case.equal(sorted(described), sorted(functions), "functions of the pages")
    case.note("%d functions in %d pages" % (len(functions), len(there)))


@test("docs.man-renders")
def rendered(case):
    """All pages, those of the tool too."""
    pages = sorted(glob.glob(PAGES + "/*.[1-9]"))
    case.check(len(pages) > 5, "the pages are missing")
    lint = case.run([case.tool("mandoc"), "-Tlint", "-W", "warning", *pages], codes=(0, 1, 2, 3, 4))
    case.equal(lint.output + lint.read("err"), "", "what mandoc says")
    for page in pages:
        # Bold letters are struck twice.
        text = re.sub(".\b", "", case.run([case.tool("mandoc"), "-Tutf8", page]).output)
        case.check("NAME" in text and len(text) > 500, os.path.basename(page) + " renders to nothing")
