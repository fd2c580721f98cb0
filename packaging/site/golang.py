"""The Go reference, from `go doc -all`."""
import os
import re
import subprocess
import textwrap

HEADINGS = ("CONSTANTS", "VARIABLES", "FUNCTIONS", "TYPES")


def parts(text):
    """(heading, lines) of the package's text and of each part."""
    heading, lines = "", []
    for line in text.splitlines():
        if line in HEADINGS:
            yield heading, lines
            heading, lines = line, []
        else:
            lines.append(line)
    yield heading, lines


def prose(lines):
    """Markdown of a comment: code is indented, and what looks like markup is not."""
    found = []
    for line in textwrap.dedent("\n".join(lines)).strip("\n").splitlines():
        found.append(line if line.startswith(("    ", "\t")) else re.sub(r"([*_<])", r"\\\1", line))
    return "\n".join(found)


def declarations(lines):
    """(declaration, comment): a declaration begins at the margin, and a comment of it is indented."""
    code, comment, open_brackets = [], [], 0
    for line in lines:
        margin = bool(line) and not line[0].isspace()
        if margin and not open_brackets and code and not line.startswith((")", "}")):
            yield "\n".join(code), comment
            code, comment = [], []
        if margin or open_brackets:
            code.append(line)
            open_brackets += sum(map(line.count, "({")) - sum(map(line.count, ")}"))
        elif code:
            comment.append(line)
    if code:
        yield "\n".join(code), comment


def title(code):
    first = code.splitlines()[0]
    found = re.match(r"func \((\w+ )?\*?(\w+)(?:\[.*?\])?\) (\w+)", first)
    if found:
        return "%s.%s" % (found.group(2), found.group(3))
    found = re.match(r"(?:func|type|const|var) (\w+)", first)
    return found.group(1) if found else None


def write(folder, path):
    text = subprocess.run(["go", "doc", "-all", "."], cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout
    pieces = ["# Go reference"]
    for heading, lines in parts(text):
        if not heading:
            pieces.append("```go\nimport \"rpyc\"\n```")
            body = re.sub(r"(?m)^# ", "## ", prose(lines[1:]))
            pieces.append(body.replace("\\# ", "## "))
            continue
        pieces.append("## " + heading.capitalize())
        for code, comment in declarations(lines):
            name = title(code)
            pieces += ["### " + name] if name else []
            pieces += ["```go\n%s\n```" % code, prose(comment)]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(pieces) + "\n")
