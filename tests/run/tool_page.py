"""`rpyc trace --html`: the page with 10,000 messages in a headless browser, and with what a hostile peer says."""
import functools
import http.server
import json
import os
import re
import threading

from runner import test
from tool import FILE, binary, rpyc
from tool_trace import start_trace, stop_trace

CALLS = 5000
# Opens the page at a desktop's and a phone's width, does what a reader does, and writes what it finds into its own text.
LOOK = """<!doctype html><meta charset=utf-8><body><script>
const found = [], pause = () => new Promise(drawn => setTimeout(drawn, 150));
async function look(width) {
  const frame = document.createElement("iframe");
  frame.style.width = width + "px"; frame.style.height = "900px";
  frame.src = "/page.html";
  document.body.append(frame);
  await new Promise(loaded => frame.onload = loaded);
  await pause();
  const page = frame.contentDocument, id = name => page.getElementById(name), seen = { width };
  const rows = () => [...page.querySelectorAll(".row")], count = () => id("count").textContent;
  const labels = () => rows().map(row => row.querySelector(".label").textContent);
  const set = async (name, value) => { id(name).value = value; id("filters").dispatchEvent(new Event("input")); await pause(); };
  seen.title = page.title; seen.all = count(); seen.rows = rows().length; seen.first = labels()[1];
  seen.over = page.scrollingElement.scrollWidth - page.scrollingElement.clientWidth;
  seen.overRows = id("view").scrollWidth - id("view").clientWidth;
  seen.bars = page.querySelectorAll("#histogram rect.bar").length;
  seen.numbers = id("numbers").textContent;
  id("view").scrollTop = id("view").scrollHeight; id("view").dispatchEvent(new Event("scroll")); await pause();
  seen.end = labels().slice(-1)[0]; seen.rowsAtEnd = rows().length;
  await set("search", "needle");
  seen.found = count(); seen.needles = labels();
  rows()[0].click(); await pause();
  seen.detail = id("content").textContent; seen.other = !id("other").hidden;
  id("other").click(); await pause();
  seen.pair = id("what").textContent; seen.reset = count(); await set("search", "");
  await set("direction", "client"); seen.toServer = count(); await set("direction", "");
  page.querySelector("[data-kind=request]").click(); await pause(); seen.noRequests = count();
  page.querySelector("[data-kind=request]").click(); await pause();
  await set("slow", "250"); seen.slow = count(); seen.slowLabels = labels(); await set("slow", "");
  await set("search", "no such text"); seen.nothing = !id("nothing").hidden; await set("search", "");
  seen.elements = page.querySelectorAll("img, iframe, body script:not(#data)").length;
  found.push(seen);
  frame.remove();
}
(async () => {
  for (const width of [1280, 360]) await look(width);
  document.body.textContent = "FOUND" + JSON.stringify(found) + "END";
})();
</script>"""
EVIL = "</script><script>document.title = 'executed'</script><img src=x onerror=\"document.title='executed'\"><!--"
CLIENT = """
import rpyc
connection = rpyc.connect("127.0.0.1", %s)
echo = connection.root.echo
for number in range(%d):
    echo(number)
echo("needle")
echo(%r)
connection.root.sleep(0.3)
try:
    connection.root.fail("ValueError", %r)
except ValueError:
    pass
connection.close()
"""


class Pages(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


def record(case, *options, calls=CALLS):
    """A trace of a Python client that calls as often; the page is written to page.html."""
    page = os.path.join(case.folder, "page.html")
    server = case.start([binary(), "serve", "tcp://127.0.0.1:0"])
    address = server.wait_for(r"^listening (\S+)$", case.left(30)).group(1)
    trace, listening = start_trace(case, address, "-q", "--html", page, *options)
    case.run([case.python("6.0.2"), "-c", CLIENT % (listening.rpartition(":")[2], calls, EVIL, EVIL)])
    trace.wait_for(r"#1 closed after", case.left(30))
    stop_trace(case, trace)
    return page


def seen_in(case, folder):
    """What the browser finds at each width; it must report no error."""
    with open(os.path.join(folder, "look.html"), "w", encoding="utf-8") as file:
        file.write(LOOK)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Pages, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        done = case.run([case.tool("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=60000",
                         "--enable-logging=stderr", "--user-data-dir=" + os.path.join(case.folder, "browser"), "--dump-dom",
                         "http://127.0.0.1:%d/look.html" % server.server_port], case.left(60))
    finally:
        server.shutdown()
    found = re.search(r"FOUND(.*)END", done.output, re.DOTALL)
    complaints = [line for line in done.read("err").splitlines() if "CONSOLE" in line and "favicon" not in line]
    case.check(not complaints, "the browser reports %s" % complaints)
    case.check(found, "the page shows nothing: %s" % done.read("err")[-500:])
    return json.loads(found.group(1).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


@test("tool.trace.html", seconds=120)
def html(case):
    """10,000 messages: few rows at a time, filters that agree with the trace, nothing executed, no sideways scroll."""
    case.need("chromium")
    page = record(case)
    for seen in seen_in(case, os.path.dirname(page)):
        where = "at %d pixels: %r" % (seen["width"], seen)
        rows = int(seen["all"].replace(",", "").split()[0])
        case.check(rows > 2 * CALLS, "rows " + where)
        case.check(5 < seen["rows"] < 60 and 5 < seen["rowsAtEnd"] < 60, "not all rows, but those of the view, are elements " + where)
        case.check(seen["over"] <= 0 and seen["overRows"] <= 0, "sideways scroll " + where)
        case.check(seen["first"].startswith("protocol of rpyc 6") and "closed after" in seen["end"], "first and last row " + where)
        case.check(seen["bars"] >= 8 and "median" in seen["numbers"], "the latencies " + where)
        case.check(seen["found"].startswith("2 of ") and all("needle" in one for one in seen["needles"]), "the filter " + where)
        case.check("needle" in seen["detail"] and seen["other"] and seen["pair"].startswith("reply "), "the detail " + where)
        case.check(seen["reset"].startswith("2 of"), "after going to the reply " + where)
        to_server, no_requests = (int(seen[name].replace(",", "").split()[0]) for name in ("toServer", "noRequests"))
        case.check(CALLS < to_server < rows - CALLS and CALLS < no_requests < rows - CALLS, "direction and kind " + where)
        case.check(seen["slow"].startswith("2 of ") and "sleep" in seen["slowLabels"][0], "slow ones " + where)
        case.check(seen["nothing"], "nothing is not told " + where)
        case.check(seen["title"].startswith("RPyC trace of tcp://") and seen["elements"] == 0, "a peer's text was executed " + where)
    case.note("%d bytes" % os.path.getsize(page))


@test("tool.replay.html")
def replayed(case):
    """The page of a recording is that of the trace; one that was cut is complete up to there; no text ends its element."""
    saved, again = (os.path.join(case.folder, name) for name in ("saved", "again.html"))
    page = record(case, "--save", saved, calls=20)
    rpyc(case, "replay", saved, "--html", again, "-q")
    with open(page, encoding="utf-8") as one, open(again, encoding="utf-8") as other:
        text = one.read()
        data = text.partition('type="application/x-ndjson">')[2].rpartition("</script>")[0]
        same = re.compile(r'"at_ms":[^,]*,"connection":0,')
        case.equal(same.sub("", other.read()), same.sub("", text), "the page of the recording")
    case.check("<" not in data and "executed" in data, "markup in the data")
    for line in data.splitlines():
        json.loads(line or "{}")
    case.check("no-such-folder" in rpyc(case, "replay", saved, "--html", "/no-such-folder/x", code=FILE)[1], "where it cannot be written")
