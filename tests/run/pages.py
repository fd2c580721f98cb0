"""The site (`make site`): it is built without a dead link, and looks as it should in a browser, on a phone too."""
import functools
import glob
import http.server
import json
import os
import re
import threading

import prepare
from runner import ROOT, test

# Wide enough for the page beside its sides; a phone.
WIDTHS = (1280, 360)
# What a page must show, by its path.
PAGES = {"index.html": "A Python server, called from C, C++ and Go", "c/connections.html": "rpyc_connect",
         "c/errors.html": "RPYC_ERR_TIMEOUT", "cpp/connection.html": "Connection", "go/index.html": "func Dial",
         "guide/first-steps.html": "A service in C", "reference/conversions.html": "numpy"}
# Opens a page in a frame of each width, and writes what it finds into its own text.
LOOK = """<!doctype html><meta charset=utf-8><body><script>
const found = [], widths = %s;
async function look(width) {
  const frame = document.createElement("iframe");
  frame.style.width = width + "px"; frame.style.height = "800px";
  frame.src = "/%s";
  document.body.append(frame);
  await new Promise(loaded => frame.onload = loaded);
  await new Promise(drawn => setTimeout(drawn, 300));
  const page = frame.contentDocument, whole = page.scrollingElement;
  found.push({width, over: whole.scrollWidth - whole.clientWidth, text: page.body.innerText,
              search: !!page.querySelector("[data-md-component=search-query]"), schemes: page.querySelectorAll("[data-md-color-scheme]").length});
  frame.remove();
}
(async () => {
  for (const width of widths) await look(width);
  document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
})();
</script>"""


def built(case):
    """The folder of the site's pages."""
    for tool in ("site", "doxygen", "go"):
        case.need(tool)
    folder = os.path.join(case.folder, "site")
    case.run([prepare.SITE, os.path.join(ROOT, "packaging", "site", "make.py"), folder], case.left(200))
    return os.path.join(folder, "html")


class Pages(http.server.SimpleHTTPRequestHandler):
    look = None

    def do_GET(self):
        if not self.path.startswith("/look/"):
            return super().do_GET()
        text = (LOOK % (json.dumps(WIDTHS), self.path[len("/look/"):])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_args):
        pass


def in_a_browser(case, chromium, port, path):
    """What a browser of each width shows of a page."""
    done = case.run([chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=20000",
                     "--user-data-dir=" + os.path.join(case.folder, "browser"), "--dump-dom",
                     "http://127.0.0.1:%d/look/%s" % (port, path)], case.left(120))
    found = re.search(r"FOUND(.*)END", done.output, re.DOTALL)
    case.check(found, "the browser shows nothing of %s" % path)
    text = found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return json.loads(text)


@test("site.pages", seconds=300)
def pages(case):
    """It is built without warnings, which dead links are; its pages show what they should and do not scroll sideways."""
    chromium = case.tool("chromium")
    folder = built(case)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for path, words in PAGES.items():
            for seen in in_a_browser(case, chromium, server.server_port, path):
                where = "%s at %d pixels" % (path, seen["width"])
                case.check(words in seen["text"], "%s does not show %r: %s" % (where, words, seen["text"][:500]))
                case.check(len(seen["text"]) > 1000, where + " is nearly empty")
                case.check(seen["over"] <= 0, "%s scrolls sideways by %d pixels" % (where, seen["over"]))
                case.check(seen["search"], where + " has no search")
    finally:
        server.shutdown()
    with open(os.path.join(folder, "search", "search_index.json"), encoding="utf-8") as file:
        index = json.load(file)["docs"]
    names = {entry["title"] for entry in index}
    header = open(os.path.join(ROOT, "include", "rpyc.h"), encoding="utf-8").read()
    functions = set(re.findall(r"^(?:const )?[\w ]+[ *](rpyc_\w+)\(", header, re.MULTILINE))
    lost = sorted(functions - names)
    case.check(not lost, "the search does not find " + ", ".join(lost[:10]))
    case.note("%d pages, %d functions of C" % (len(glob.glob(os.path.join(folder, "**", "*.html"), recursive=True)), len(functions)))
