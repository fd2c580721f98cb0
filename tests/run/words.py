"""What a machine can see of how the documents are written: length of lines, headings, link texts, and words with a better one."""
import glob
import os
import re

from runner import ROOT, test

COLUMNS = 100
ALSO = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md", "tests/README.md", "examples-c/README.md",
        "bindings/cpp/examples/README.md", "bindings/examples-ffi/README.md")

# What is looked for in prose and tables, without code: a pattern, and what to write instead.
WORDS = (
    (r"\b(?:the|our|a) host\b(?! name)(?:'s)?", "application; a host is a machine"),
    (r"\blen[dt]s?\b|\blending\b", "export, pass, pass by reference; borrowed for a callback's argument"),
    (r"\bso (?:many|much)\b", "the quantity"),
    (r"\b(?:stands?|stood)\b", "is, is documented, corresponds to"),
    (r"\b(?:lies?|lay)\b", "is stored, is"),
    (r"\b(?:goes|comes|came|went)\b", "is sent, is received, arrives"),
    (r"\b(?:g[ia]ves?|given) back\b", "release"),
    (r"\bhand(?:s|ed)? out\b", "pass, return"),
    (r"\blet(?:s|ting)? go\b", "free, drop"),
    (r"\brefuse[sd]?\b|\brefusals?\b", "reject an argument, deny access"),
    (r"\bdear(?:er)?\b", "expensive"),
    (r"\banew\b", "again"),
    (r"\bfor ever\b", "forever, without a limit"),
    (r"\bwants?\b|\bwanted\b", "expects, needs, requests"),
    (r"\b(?:late|no) answers?\b|\bfor (?:the|an) answer\b", "reply"),
    (r"\blimits? of time\b|\btime limits?\b", "timeout, deadline"),
    (r"\bqueues? of calls\b", "call queue"),
    (r"\btexts\b|\b(?:a|long|text) text\b", "string, message"),
    (r"(?<!there )(?<!has )\b(?:is|are) no (?!longer\b|more\b)\w+", "is not a, has no"),
    (r"\btakes? apart\b|\btaken apart\b", "decode, parse"),
    (r"\bthrown? away\b", "drop, discard"),
    (r"\bwhole programs?\b", "complete program"),
    (r"\bof (?:ours|yours)\b", "local, of the application"),
    (r"\bwhat becomes what\b|\bwhat is called what\b|\bwho frees what\b|\bwhat keeps what\b", "a noun"),
    (r"\w\?(?=[\s|)]|$)", "a statement; no questions"),
)
# What is looked for in the messages of the sources: strings of three words or more, in the library and its bindings.
MESSAGES = ("src/**/*.rs", "bindings/cpp/include/**/*.hpp", "bindings/go/*.go")
MESSAGE_WORDS = (
    (r"\bturn(?:s|ed)? away\b", "rejected"),
    (r"\blen[dt]s?\b|\blending\b", "exported, passed, borrowed"),
    (r"\bwhom\b", "a noun"),
    (r"\bwants?\b", "expected X, got Y"),
    (r"(?<!here )(?<!has )\b(?:is|are) no (?!longer\b|more\b)\w+", "expected X, got Y"),
    (r"\b(?:our|their) side\b|\bour \w+|\bof ours\b", "local, of the peer"),
    (r"\bg[aio]ves? (?:back|no\b|nothing)|\bgave\b", "released, returned"),
    (r"\b(?:the|an|no|late) answers?\b|\bnot answer\b", "reply"),
    (r"\bso (?:many|much)\b", "the quantity"),
    (r"\b(?:stands?|lies?) (?:in|beside|before|behind|where)\b|\bshould (?:stand|lie)\b", "is, is stored, precedes"),
    (r"\b(?:does not|do not) go on\b", "was not continued"),
    (r"\bthe host's\b|\bcode of the host\b", "of the application"),
    (r"\banew\b|\bfor ever\b", "again; forever, without a limit"),
    (r"\b(?:is|are) gone\b", "has ended, was released"),
    (r"\btext keys\b|\b(?:a|one) text\b", "str, string"),
)
NO_NOUN = r"(?:what|how|where|who|whom|whose|why|when|which|is|are|do|does|can)\b"
NO_LINK = r"(?:here|this|that|below|above|link|%s)" % NO_NOUN


def documents():
    """The names of the documents."""
    pages = glob.glob(os.path.join(ROOT, "docs", "**", "*.md"), recursive=True)
    names = {os.path.relpath(path, ROOT) for path in pages} | set(ALSO)
    return sorted(names)


def prose(text):
    """(number, line, plain) of each line outside of code and generated parts; `plain` has no code, and no targets of links."""
    fence = generated = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            fence = not fence
        elif line.startswith("<!-- bench:"):
            generated = "bench: end" not in line
        elif line.startswith("---") and number < 10:
            continue
        elif not fence and not generated and not line.startswith("    "):
            plain = re.sub(r"`[^`]*`", "``", line)
            yield number, line, re.sub(r"\]\([^)]*\)", "]", plain)


def headings(number, plain, level):
    """What is wrong with a heading below one of this level."""
    marks, _, title = plain.partition(" ")
    if len(marks) > level + 1:
        yield "%s below %s: a level is left out" % (marks, "#" * level or "nothing")
    if re.match(NO_NOUN, title, re.IGNORECASE):
        yield "heading '%s': a noun that a reader would search for" % title
    if title.endswith((".", ":", "?")):
        yield "heading '%s': without punctuation at its end" % title
    if len(title) > 70:
        yield "heading '%s': shorter" % title
    if number == 1 and marks != "#" or number > 1 and marks == "#":
        yield "heading '%s': one # in the first line, and no other" % title


def faults(text):
    """(number, what) of what is wrong in a document."""
    level = 0
    for number, line, plain in prose(text):
        if number == 1 and not line.startswith("# "):
            yield 1, "begins with a heading"
        if line.startswith("#"):
            for what in headings(number, plain, level):
                yield number, what
            level = len(line.split(" ")[0])
        if len(line) > COLUMNS and not line.startswith(("|", "#")) and " " in line.strip()[:COLUMNS].lstrip("*1234567890. "):
            yield number, "%d columns, of %d" % (len(line), COLUMNS)
        if line != line.rstrip():
            yield number, "space at the end"
        for link in re.findall(r"\[([^\]]+)\]\(", re.sub(r"`[^`]*`", "``", line)):
            if re.fullmatch(NO_LINK + r".*", link, re.IGNORECASE):
                yield number, "link text '%s': the subject of the page" % link
        for pattern, instead in WORDS:
            for found in re.finditer(pattern, plain, re.IGNORECASE):
                yield number, "'%s': %s" % (found.group(0), instead)


def messages(text):
    """(number, string) of each string in a source that can be a message. Unit tests at its end are left out."""
    text = re.split(r"^#\[cfg\(test\)\]\n(?:mod|pub mod) \w+ \{", text, maxsplit=1, flags=re.MULTILINE)[0]
    for found in re.finditer(r"//[^\n]*|/\*.*?\*/|'(?:[^'\\\n]|\\.)'|\"((?:[^\"\\]|\\.)*)\"", text, re.DOTALL):
        string = re.sub(r"\{[^{}]*\}", "{}", re.sub(r"\\\n\s*", "", found.group(1) or ""))
        if len(re.findall(r"[A-Za-z]{2,}", string)) >= 3:
            yield text.count("\n", 0, found.start()) + 1, string


def message_faults(text):
    """(number, what) of the words with better ones in the messages of a source."""
    for number, string in messages(text):
        for pattern, instead in MESSAGE_WORDS:
            for found in re.finditer(pattern, string):
                yield number, "'%s' in \"%s\": %s" % (found.group(0), string[:60], instead)


# A document with one fault for each rule, and what is right beside it.
WRONG = """Librpyc
## What it does
#### Deep.
[here](x) and [how](y)
The host lent so much text; texts stand and lie where it goes, is given back, handed out, let go.
It refuses what is dear, anew, for ever; it wants the answer in a limit of time from a queue of calls.
This is no int. Taken apart, thrown away, a whole program, what becomes what. Does it work? No answer of yours.
%s
trailing\x20
# Second
""" % ("word " * 30).strip()
RIGHT = """# Host names and limits

The application sends a string; the reply has no limit. There is no host name `the host lent`, see
[Ownership](what.md).

    the host lent

| table | %s |
| --- | --- |
""" % ("word " * 30).strip()


@test("docs.words")
def words(case):
    """Every fault with file and line; and the rules find what they are for, and nothing in a document without faults."""
    wrong = []
    for name in documents():
        with open(os.path.join(ROOT, name), encoding="utf-8") as file:
            wrong += ["%s:%d: %s" % (name, number, what) for number, what in faults(file.read())]
    seen = list(faults(WRONG))
    for pattern, instead in WORDS:
        case.check(any(what.endswith(": " + instead) for _, what in seen), "the rule %s finds nothing in the sample" % pattern)
    for number, part in ((1, "begins with"), (2, "a noun"), (3, "level is left out"), (3, "punctuation"), (4, "'here'"), (4, "'how'"),
                         (8, "columns"), (9, "space at the end"), (10, "one # in the first line")):
        case.check(any(at == number and part in what for at, what in seen), "'%s' is not found in line %d" % (part, number))
    case.equal(list(faults(RIGHT)), [], "faults of a document without any")
    case.check(not wrong, "%d faults:\n%s" % (len(wrong), "\n".join(wrong)))
    case.note("%d documents" % len(documents()))


WRONG_SOURCE = """// A comment that the host lent.
fail("{peer} is turned away, and was lent so much; to whom?");
fail("{op} is no comparison, it wants an answer of our own; it gave nothing, and is gone");
fail("a str at 5 where an int should stand, which does not go on anew, in the host's code with text keys");
"""
RIGHT_SOURCE = """// The host lent so much.
fail('"', "expected a dict with str keys, got {}");
fail("there is no such attribute, or no reply");
#[cfg(test)]
mod tests {
    fail("what was lent is no int");
"""


@test("docs.messages")
def messages_test(case):
    """The messages of the sources have none of the words that were replaced; each rule finds its sample."""
    wrong, count = [], 0
    for pattern in MESSAGES:
        for path in sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True)):
            name = os.path.relpath(path, ROOT)
            if name.endswith(("_test.go", "_test.rs", "/tests.rs")):
                continue
            with open(path, encoding="utf-8") as file:
                text = file.read()
            count += sum(1 for _ in messages(text))
            wrong += ["%s:%d: %s" % (name, number, what) for number, what in message_faults(text)]
    seen = list(message_faults(WRONG_SOURCE))
    for pattern, instead in MESSAGE_WORDS:
        case.check(any(what.endswith(": " + instead) for _, what in seen), "the rule %s finds nothing in the sample" % pattern)
    case.equal(list(message_faults(RIGHT_SOURCE)), [], "faults of a source without any")
    case.check(count > 800, "only %d messages were found" % count)
    case.check(not wrong, "%d faults:\n%s" % (len(wrong), "\n".join(wrong)))
    case.note("%d messages" % count)
