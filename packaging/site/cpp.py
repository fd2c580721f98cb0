"""The C++ reference: a page for each header of the binding, from what doxygen finds in it."""
import glob
import os
import subprocess
import xml.etree.ElementTree as ElementTree

OPTIONS = """INPUT = bindings/cpp/include
RECURSIVE = YES
FILE_PATTERNS = *.hpp
GENERATE_HTML = NO
GENERATE_LATEX = NO
GENERATE_XML = YES
QUIET = YES
WARNINGS = NO
EXTRACT_ALL = YES
JAVADOC_AUTOBRIEF = YES
PREDEFINED = RPYC_COROUTINES
EXCLUDE_SYMBOLS = *detail*
"""
SKIPPED = ("rpyc::Convert", "std::")


def plain(element):
    """The text of a description, a paragraph for each of its paragraphs."""
    if element is None:
        return ""
    found = []
    for part in element.iter():
        if part.tag == "programlisting":
            lines = ["".join(text_of(line)) for line in part.findall("codeline")]
            found.append("```cpp\n%s\n```" % "\n".join(lines))
        elif part.tag == "para" and part.find("programlisting") is None:
            text = " ".join("".join(part.itertext()).split())
            found += [escaped(text)] if text else []
    return "\n\n".join(found)


def text_of(element):
    """Doxygen writes blanks of code as elements."""
    yield " " if element.tag == "sp" else element.text or ""
    for part in element:
        yield from text_of(part)
        yield part.tail or ""


def escaped(text):
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("_", "\\_").replace("<", "&lt;")


def signature(member):
    kind = " ".join("".join(member.find("type").itertext()).split()).replace("rpyc::", "") if member.find("type") is not None else ""
    head = (kind + " " if kind else "") + member.findtext("name") + (member.findtext("argsstring") or "")
    template = member.find("templateparamlist")
    if template is not None:
        names = [" ".join(" ".join("".join(part.itertext()).split()) for part in param if part.tag in ("type", "declname")) for param in template]
        head = "template <%s>\n%s" % (", ".join(names), head)
    return head.strip()


def members(compound):
    """(signature, description) of what programs may use."""
    for member in compound.iter("memberdef"):
        if member.get("prot") != "public" or member.get("kind") not in ("function", "variable", "typedef"):
            continue
        if member.findtext("name").startswith("~") or "=delete" in (member.findtext("argsstring") or "").replace(" ", ""):
            continue
        text = "\n\n".join(filter(None, (plain(member.find("briefdescription")), plain(member.find("detaileddescription")))))
        yield signature(member), text


def described(compound):
    name = compound.findtext("compoundname").replace("rpyc::", "")
    yield "## " + name.replace("<", "&lt;")
    for part in ("briefdescription", "detaileddescription"):
        text = plain(compound.find(part))
        if text:
            yield text
    code = []
    for head, text in members(compound):
        if text and code:
            yield "```cpp\n%s\n```" % "\n".join(code)
            code = []
        code.append(head + ";")
        if text:
            yield "```cpp\n%s\n```" % "\n".join(code)
            yield text
            code = []
    if code:
        yield "```cpp\n%s\n```" % "\n".join(code)


def write(root, work, folder):
    """Writes the pages; gives (title, path) of each."""
    os.makedirs(work, exist_ok=True)
    subprocess.run(["doxygen", "-"], input=OPTIONS + "OUTPUT_DIRECTORY = %s\n" % work, text=True, cwd=root, check=True,
                   stdout=subprocess.DEVNULL)
    pages = {}
    for path in sorted(glob.glob(os.path.join(work, "xml", "class*.xml")) + glob.glob(os.path.join(work, "xml", "struct*.xml"))):
        compound = ElementTree.parse(path).getroot()[0]
        name = compound.findtext("compoundname")
        if name.startswith("rpyc::") and not name.startswith(SKIPPED) and compound.get("prot") == "public" and name.count("::") == 1:
            file = os.path.basename(compound.find("location").get("file"))
            pages.setdefault(file, []).append((int(compound.find("location").get("line")), compound))
    os.makedirs(folder)
    rows = []
    for file in sorted(pages):
        title = "rpyc/" + file
        parts = ["# " + title]
        names = []
        for _line, compound in sorted(pages[file], key=lambda one: one[0]):
            parts += described(compound)
            names.append(compound.findtext("compoundname").replace("rpyc::", ""))
        with open(os.path.join(folder, file[:-4] + ".md"), "w", encoding="utf-8") as out:
            out.write("\n\n".join(parts) + "\n")
        rows.append("| [%s](%s.md) | %s |" % (title, file[:-4], ", ".join("`%s`" % one for one in names)))
        yield title, file[:-4] + ".md"
    with open(os.path.join(folder, "index.md"), "w", encoding="utf-8") as out:
        out.write("# C++ reference\n\nPrograms include `rpyc.hpp`; everything is in the namespace `rpyc`. How types are converted: "
                  "[type conversions](../reference/conversions.md).\n\n| header | classes |\n| --- | --- |\n" + "\n".join(rows) + "\n")
