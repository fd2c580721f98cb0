"""The C reference: a page for each chapter of rpyc.h."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "packaging", "man"))
import man  # noqa: E402

CHAPTER = re.compile(r"/\*\*\s*\* @defgroup rpyc_(\w+) ([^\n]*)\n(.*?)\*/(.*?)/\*\* @\} \*/", re.DOTALL)


def words(comment):
    """A comment without its frame."""
    return "\n".join(re.sub(r"^\s*\*? ?", "", line, count=1) for line in comment.split("\n")).strip()


class Reference:
    def __init__(self, header):
        self.chapters, self.places = [], {}
        for name, title, text, body in CHAPTER.findall(header):
            about = words(text).replace("@{", "").strip()
            pieces = list(man.described(body))
            self.chapters.append((name, title, about, pieces))
            for _comment, declaration in pieces:
                what = man.name_of(declaration)
                self.places.setdefault(what, "%s.md#%s" % (name, what.lower()))

    def linked(self, text, own=""):
        """Markdown of a text: names become links, but those of the item itself, and what looks like markup is not."""
        def piece(found):
            name = found.group(1)
            if not name:
                return found.group(0) if found.group(0).startswith("`") else "\\" + found.group(0)
            place = self.places.get(name)
            return "[`%s`](%s)" % (found.group(0), place) if place and name != own else "`%s`" % found.group(0)
        return re.sub(r"\b((?:rpyc|RPYC)_\w*\w)\b(?:\(\))?|`[^`\n]*`|[*_<\[]", piece, text)

    def prose(self, text, own=""):
        parts = re.split(r"(@code\{\.c\}.*?@endcode|(?:(?:^|\n)    [^\n]*)+)", text, flags=re.DOTALL)
        for at, part in enumerate(parts):
            if part.startswith("@code"):
                parts[at] = "```c%s```" % part[len("@code{.c}"):-len("@endcode")]
            elif not part.lstrip("\n").startswith("    "):
                parts[at] = self.linked(part, own)
        return "".join(parts)

    def item(self, comment, declaration):
        name = man.name_of(declaration)
        yield "## %s { #%s }" % (name, name.lower())
        yield "```c\n%s\n```" % re.sub(r"\n\s*\n", "\n", declaration)
        body = re.split(r"\n(?=@param|@return)", comment)
        yield self.prose(body[0], name)
        rows, last = [], ""
        for part in body[1:]:
            tag, text = re.match(r"@(param|return)\s+(.*)", part, re.DOTALL).groups()
            text, *after = re.split(r"\n\s*\n", text, maxsplit=1)
            last = after[0] if after else last
            text = " ".join(text.split())
            if tag == "param":
                argument, _, text = text.partition(" ")
                rows.append("| `%s` | %s |" % (argument, self.linked(text, name).replace("|", "\\|")))
            else:
                rows.append("| returns | %s |" % self.linked(text, name).replace("|", "\\|"))
        if rows:
            yield "| parameter | |\n| --- | --- |\n" + "\n".join(rows)
        if last:
            yield self.prose(last, name)

    def page(self, title, about, pieces):
        yield "# " + title
        yield self.prose(about)
        constants = []
        for comment, declaration in [*pieces, (None, "")]:
            if declaration.startswith("#define"):
                name, value = re.match(r"#define (\w+)\s*(.*)", declaration).groups()
                text = " ".join(self.prose(comment, name).split()).replace("|", "\\|")
                constants.append('| <span id="%s"></span>`%s` | `%s` | %s |' % (name.lower(), name, value, text))
                continue
            if constants:
                yield "| constant | value | |\n| --- | --- | --- |\n" + "\n".join(constants)
                constants = []
            if comment is not None:
                yield from self.item(comment, declaration)

    def write(self, folder):
        """Writes the pages; gives (title, path) of each."""
        os.makedirs(folder)
        rows = []
        for name, title, about, pieces in self.chapters:
            with open(os.path.join(folder, name + ".md"), "w", encoding="utf-8") as file:
                file.write("\n\n".join(self.page(title, about, pieces)) + "\n")
            functions = [man.name_of(declaration) for _comment, declaration in pieces if "(" in declaration and declaration[0] != "#"]
            rows.append("| [%s](%s.md) | %s |" % (title, name, ", ".join("`%s`" % one for one in functions[:4]) + (" ..." if functions[4:] else "")))
            yield title, name + ".md"
        with open(os.path.join(folder, "index.md"), "w", encoding="utf-8") as file:
            file.write("# C reference\n\nThe chapters of `rpyc.h`. Programs need that header alone; `rpyc_helpers.h` has short names.\n\n"
                       "| chapter | |\n| --- | --- |\n" + "\n".join(rows) + "\n")
