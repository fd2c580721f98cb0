"""The binary interface is the committed one, or an addition to it; and what would break programs is seen."""
import os
import re
import sys

from runner import ROOT, test

SCRIPT = os.path.join(ROOT, "packaging", "abi", "abi.py")
# What is done to the header: a name, a pattern, its replacement, and whether programs go on working.
CHANGES = (
    ("a function is gone", r"rpyc_status rpyc_connection_poll\([^;]*\);", "", False),
    ("a parameter more", r"(rpyc_status rpyc_connection_ping\()", r"\1int32_t more, ", False),
    ("another type of a parameter", r"(rpyc_value \*rpyc_value_new_int\()int64_t", r"\1int32_t", False),
    ("another result", r"bool (rpyc_connection_closed\()", r"int64_t \1", False),
    ("a member within a table", r"(size_t struct_size;)(?=.{0,200}method_size)", r"\1 size_t another;", False),
    ("a member of a table is gone", r"rpyc_method_fn del_dynamic;", "", False),
    ("another type of a member", r"rpyc_method_fn del_dynamic;", "int32_t del_dynamic;", False),
    ("another type of a callback", r"(typedef void \(\*rpyc_free_fn\)\(void \*userdata)", r"\1, int32_t more", False),
    ("another value of a constant", r"(#define RPYC_ERR_UTF8) 3", r"\1 33", False),
    ("a constant is gone", r"#define RPYC_ERR_UTF8 3", "", False),
    ("a member at the end of a table", r"\} rpyc_class_table;", r"void *more; } rpyc_class_table;", True),
    ("a function more", r"(rpyc_status rpyc_connection_poll\()", r"rpyc_status rpyc_another(rpyc_value *value); \1", True),
    ("a constant more", r"(#define RPYC_ERR_UTF8 3)", r"\1\n#define RPYC_ERR_ANOTHER 99", True),
)


def compare(case, header=None, codes=(0,)):
    case.need("abidiff")
    return case.run([sys.executable, SCRIPT, "check", *([header] if header else [])], codes=codes)


@test("abi.unchanged")
def unchanged(case):
    case.note(compare(case).output.strip())


@test("abi.sees-changes", seconds=120)
def sees_changes(case):
    """Each change is made to a copy of the header: those that break programs are seen, and the others let through."""
    with open(os.path.join(ROOT, "include", "rpyc.h"), encoding="utf-8") as file:
        text = file.read()
    header = os.path.join(case.folder, "rpyc.h")
    for name, pattern, replacement, compatible in CHANGES:
        changed, count = re.subn(pattern, replacement, text, count=1, flags=re.DOTALL)
        case.equal(count, 1, "places for '%s'" % name)
        with open(header, "w", encoding="utf-8") as file:
            file.write(changed)
        done = compare(case, header, codes=(0, 1))
        case.equal(done.popen.returncode == 0, compatible, "compatible after '%s'" % name)
    case.note("%d changes" % len(CHANGES))
