"""Installs what the tests, the site and the demo lack: Debian packages (as root) and virtual environments of Python.

    prepare.py demo|site|test

Says what it installs and why. What cannot be had is said at the end, and the tests that need it are not run.
"""
import os
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True

from runner import ROOT

VERSIONS = ("6.0.2", "5.3.1", "4.1.5")
# command, Debian package, what for
COMMANDS = (
    ("c++", "g++", "the header is compiled as C++"),
    ("g++", "g++", "the C++ binding is compiled"),
    ("clang++", "clang", "the C++ binding is compiled by a second compiler"),
    ("clang-format", "clang-format", "the format of C and C++ is checked"),
    ("readelf", "binutils", "the library's symbols and name are read"),
    ("valgrind", "valgrind", "errors and leaks of memory are looked for"),
    ("strace", "strace", "system calls are counted"),
    ("luajit", "luajit", "the library is used through LuaJIT's foreign function interface"),
    ("pkg-config", "pkg-config", "programs find the installed library"),
    ("doxygen", "doxygen", "the header is described without a gap"),
    ("mandoc", "mandoc", "the manual pages are rendered"),
    ("abidiff", "abigail-tools", "the binary interface is compared with the committed one"),
    ("cmake", "cmake", "programs find the installed library with find_package"),
    ("openssl", "openssl", "certificates for tests are made"),
    ("go", "golang-go", "the Go binding is built and tested"),
    ("zsh", "zsh", "completions of the tool are tried in it"),
    ("fish", "fish", "completions of the tool are tried in it"),
    ("chromium", "chromium", "the site and the pages of the tool are opened in a browser"),
)
# What of these the site needs to be built.
SITE_COMMANDS = ("doxygen", "go")
SITE = os.path.join(ROOT, ".venvs", "site", "bin", "python")
LUA_HEADERS = "/usr/include/lua5.4"
# Debian's oldest compiler that must do: where it is, its version, and the packages that it is in (bookworm's, trixie's).
OLDEST_RUST = ("/usr/bin/rustc", "1.85", (
    ["rustc-web=1.85.*", "libstd-rust-web-dev=1.85.*", "libstd-rust-web-1.85", "cargo-web=1.85.*"],
    ["rustc=1.85.*", "libstd-rust-dev=1.85.*", "libstd-rust-1.85", "cargo=1.85.*"]))
# What programs of Python really send, and a server of RPyC that needs it; tests that need it are not run without it.
EXTRAS = {"numpy": ("6.0.2", "5.3.1"), "pandas": ("6.0.2",), "gevent": ("6.0.2",)}
# Event loops that examples use: pkg-config's name, Debian package, example.
LOOPS = {"libuv": ("libuv1-dev", "libuv_loop"), "glib-2.0": ("libglib2.0-dev", "glib_loop")}
# The same for other libraries.
LIBRARIES = {"openssl": ("libssl-dev", "openssl_stream")}


class Tools:
    """What there is: `pythons` by RPyC version; `missing` by name, with the reason."""

    def __init__(self):
        self.pythons, self.missing = {}, {}


def quiet(args, seconds=300):
    """Runs a command; None, or its last line of output when it fails."""
    try:
        done = subprocess.run(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=seconds, env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    except OSError as error:
        return "%s: %s" % (args[0], error.strerror)
    except subprocess.TimeoutExpired:
        return "%s: no end after %d s" % (args[0], seconds)
    if done.returncode == 0:
        return None
    lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "%s ended with %d" % (args[0], done.returncode)


class Apt:
    """Debian's packages; the lists are fetched once, at the first need."""

    def __init__(self):
        self.fetched = False

    def install(self, package, why, *others):
        """None, or why it could not be installed, or one of the others that go with it."""
        if not shutil.which("apt-get"):
            return "there is no apt-get to install %s with" % package
        if os.geteuid() != 0:
            return "only root can install %s (apt-get install %s)" % (package, package)
        print("installing %s (apt-get): %s" % (package, why), flush=True)
        if not self.fetched:
            self.fetched = True
            quiet(["apt-get", "update"])
        return quiet(["apt-get", "install", "-y", "--no-install-recommends", package, *others])


def oldest_rust(apt, install):
    """None, or why there is no compiler of the oldest version."""
    path, version, choices = OLDEST_RUST

    def there():
        try:
            said = subprocess.run([path, "--version"], stdout=subprocess.PIPE, text=True).stdout
        except OSError:
            return False
        return said.startswith("rustc %s." % version)

    trouble = "Rust %s (Debian's rustc or rustc-web) is not installed as %s" % (version, path)
    for packages in choices if install and not os.path.exists(path) else ():
        trouble = apt.install(packages[0], "the library is compiled by the oldest compiler that is promised", *packages[1:])
        if not trouble:
            break
    return None if there() else trouble or "%s is not version %s" % (path, version)


def has_rpyc(python, version):
    code = "import rpyc, rpyc.version as v; assert '.'.join(map(str, v.version)) == %r, v.version" % version
    return quiet([python, "-c", code])


def environment(version, apt):
    """(interpreter, None) with this RPyC, or (None, why not)."""
    folder = os.path.join(ROOT, ".venvs", "rpyc-" + version)
    python = os.path.join(folder, "bin", "python")
    if os.path.exists(python) and has_rpyc(python, version) is None:
        return python, None
    print("making .venvs/rpyc-%s (pip): the unmodified RPyC %s that C programs talk to" % (version, version), flush=True)
    base = os.environ.get("PYTHON") or sys.executable
    shutil.rmtree(folder, ignore_errors=True)
    why = quiet([base, "-m", "venv", folder])
    if why:
        why = apt.install("python3-venv", "Python's virtual environments") or quiet([base, "-m", "venv", "--clear", folder])
    why = why or quiet([python, "-m", "pip", "install", "--disable-pip-version-check", "-q", "rpyc==" + version])
    why = why or has_rpyc(python, version)
    return (None, "RPyC %s cannot be installed: %s" % (version, why)) if why else (python, None)


def extra(package, version, python, install):
    """None, or why the environment of this RPyC has not the package."""
    def there():
        return quiet([python, "-c", "import " + package]) is None

    if there():
        return None
    if not install:
        return "%s is not in .venvs/rpyc-%s" % (package, version)
    print("installing %s (pip) into .venvs/rpyc-%s: tests need it" % (package, version), flush=True)
    why = quiet([python, "-m", "pip", "install", "--disable-pip-version-check", "-q", "--only-binary", ":all:", package], 600)
    return None if there() else "%s cannot be installed for RPyC %s: %s" % (package, version, why)


def site_environment(apt, install):
    """None, or why there is no environment in which the site is built."""
    listed = os.path.join(ROOT, "packaging", "site", "requirements.txt")
    wanted = open(listed, encoding="utf-8").read().split()

    def there():
        code = "from importlib.metadata import version as v; assert all(v(n) == w for n, w in (one.split('==') for one in %r))" % wanted
        return os.path.exists(SITE) and quiet([SITE, "-c", code]) is None

    if there():
        return None
    if not install:
        return ".venvs/site is not there"
    print("making .venvs/site (pip): %s, which make the site" % ", ".join(wanted), flush=True)
    folder, base = os.path.dirname(os.path.dirname(SITE)), os.environ.get("PYTHON") or sys.executable
    shutil.rmtree(folder, ignore_errors=True)
    why = quiet([base, "-m", "venv", folder])
    if why:
        why = apt.install("python3-venv", "Python's virtual environments") or quiet([base, "-m", "venv", "--clear", folder])
    why = why or quiet([SITE, "-m", "pip", "install", "--disable-pip-version-check", "-q", "-r", listed])
    return None if there() else "%s cannot be installed: %s" % (", ".join(wanted), why)


def prepare(what, install=True):
    """All that `what` ("test", "site", or else the demo) needs, as far as it can be had."""
    tools, apt = Tools(), Apt()
    if what in ("site", "test"):
        for command, package, why in COMMANDS:
            if shutil.which(command) or what == "site" and command not in SITE_COMMANDS:
                continue
            trouble = apt.install(package, why) if install else "%s is not installed" % package
            if trouble or not shutil.which(command):
                tools.missing[command] = trouble or "%s is still missing after the installation of %s" % (command, package)
        trouble = site_environment(apt, install)
        if trouble:
            tools.missing["site"] = trouble
    if what == "test":
        if not os.path.exists(os.path.join(LUA_HEADERS, "lua.h")):
            trouble = apt.install("liblua5.4-dev", "the example of a slave embeds Lua") if install else "it is not installed"
            if trouble or not os.path.exists(os.path.join(LUA_HEADERS, "lua.h")):
                tools.missing["lua5.4"] = "Lua 5.4 (liblua5.4-dev): %s" % (trouble or "still missing after its installation")
        trouble = oldest_rust(apt, install)
        if trouble:
            tools.missing["rust-" + OLDEST_RUST[1]] = trouble
        for name, (package, example) in {**LOOPS, **LIBRARIES}.items():
            if quiet(["pkg-config", "--exists", name]):
                trouble = apt.install(package, "the example %s uses it" % example) if install else "it is not installed"
                trouble = trouble or quiet(["pkg-config", "--exists", name])
                if trouble:
                    tools.missing[name] = "%s (%s): %s" % (name, package, trouble)
    for version in {"test": VERSIONS, "site": ()}.get(what, VERSIONS[:1]):
        python, trouble = environment(version, apt)
        if python:
            tools.pythons[version] = python
        else:
            tools.missing["rpyc-" + version] = trouble
    for package, versions in EXTRAS.items() if what == "test" else ():
        troubles = [extra(package, version, tools.pythons[version], install) for version in versions if version in tools.pythons]
        trouble = next(filter(None, troubles), None if troubles else "there is no environment with RPyC for it")
        if trouble:
            print("WITHOUT %s, whose tests are not run: %s" % (package, trouble), file=sys.stderr, flush=True)
            tools.missing[package] = trouble
    return tools


def main():
    what = sys.argv[1] if len(sys.argv) == 2 else ""
    if what not in ("demo", "site", "test"):
        sys.exit(__doc__.strip())
    tools = prepare(what)
    for name, why in tools.missing.items():
        print("MISSING %s: %s" % (name, why), file=sys.stderr)
    sys.exit(1 if tools.missing else 0)


if __name__ == "__main__":
    main()
