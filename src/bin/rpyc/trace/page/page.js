"use strict";
// Everything that peers said is put into the page as text, never as markup.

const MOST = 8000000;                       // pixels; browsers lose precision in higher elements
const state = { all: [], shown: [], pairs: new Map(), chosen: null, range: null, row: 34, slowest: 0 };
const byId = id => document.getElementById(id);
const svg = (name, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  return element;
};
const make = (name, className, text) => {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const whole = number => number.toLocaleString("en");
const milliseconds = ms => ms >= 10000 ? (ms / 1000).toFixed(1) + " s" : ms >= 100 ? ms.toFixed(1) + " ms" : ms.toFixed(3) + " ms";
const size = bytes => bytes < 10000 ? whole(bytes) + " B" : bytes < 1e7 ? (bytes / 1e3).toFixed(1) + " kB" : (bytes / 1e6).toFixed(1) + " MB";
// Rows show classes without modules, and the last four of the 15 digits of an object's number; the detail has all.
const brief = text => text.replace(/\b(your|my) (?:\w+\.)+(\w+#)/g, "$1 $2").replace(/#\d{4,}(\d{4})\b/g, "#\u2026$1");
const exact = number => number !== null && typeof number === "object" ? number.$int : String(number);

function read() {
  let head = null, summary = null;
  for (const line of byId("data").textContent.split("\n")) {
    if (!line) continue;
    let event;
    try { event = JSON.parse(line); } catch { continue; }   // the last line of a trace that was killed
    if (event.event === "trace") head = event;
    else if (event.event === "summary") summary = event;
    else state.all.push(event);
  }
  state.all.forEach((event, number) => {
    event.number = number;
    event.kind = event.event === "message" ? event.kind : "note";
    event.label = event.kind === "note" ? note(event) : event.text;
    event.search = (event.label + " " + (event.answers || "") + " " + (event.fault ? event.fault.text : "")).toLowerCase();
    if (event.sequence !== undefined && event.sequence !== null && event.kind !== "note" && event.kind !== "garbage") {
      const asker = event.kind === "request" ? event.from : event.from === "client" ? "server" : "client";
      const key = event.connection + asker + exact(event.sequence);
      const before = state.pairs.get(key);
      if (event.kind !== "request" && before !== undefined && event.latency_ms !== null) {
        event.pair = before;
        state.all[before].pair = number;
      }
      if (event.kind === "request") state.pairs.set(key, number);
    }
    if (event.latency_ms > state.slowest) state.slowest = event.latency_ms;
  });
  return [head, summary];
}

function note(event) {
  switch (event.event) {
    case "opened": return "opened: " + event.client + " \u2192 " + event.server;
    case "rejected": return event.client + " was rejected: " + event.reason;
    case "protocol": return "protocol of " + (event.protocol === 5 ? "rpyc 4.1 to 5.3" : "rpyc 6");
    case "tls": return "the " + event.from + " begins a TLS handshake: not decrypted";
    case "ended": return "the " + event.from + " ended its stream" + (event.reason ? ": " + event.reason : "");
    case "unread": return size(event.bytes) + " more of the " + event.from + " could not be read";
    case "unanswered": return "no reply" + (event.open ? " after " + milliseconds(event.age_ms) : "") + ": request " + exact(event.sequence) + " of the " + event.from + ": " + event.request;
    case "closed": return (event.open ? "still open after " : "closed after ") + milliseconds(event.after_ms) + ": " + whole(event.requests) + " requests, " + whole(event.exceptions) + " exceptions";
    default: return event.event;
  }
}

function fact(list, name, value, className) {
  const part = make("div", className);
  part.append(make("dt", "", name), make("dd", "", value));
  list.append(part);
}

function overview(head, summary) {
  if (head) {
    byId("where").textContent = head.listen + " \u2192 " + head.to + ", " + head.began;
    byId("where").title = byId("where").textContent;
    document.title = "RPyC trace of " + head.to;
  }
  const messages = state.all.filter(event => event.event === "message");
  const latencies = messages.map(event => event.latency_ms).filter(ms => ms !== null).sort((a, b) => a - b);
  const at = share => latencies.length ? milliseconds(latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))]) : "\u2013";
  const count = kind => messages.filter(event => event.kind === kind).length;
  const bytes = messages.reduce((sum, event) => sum + event.bytes, 0);
  const numbers = byId("numbers"), exceptions = count("exception"), faults = messages.filter(event => event.fault || event.kind === "garbage").length;
  const unanswered = state.all.filter(event => event.event === "unanswered").length;
  fact(numbers, "messages", whole(messages.length));
  fact(numbers, "connections", whole(new Set(state.all.map(event => event.connection)).size));
  fact(numbers, "transferred", size(bytes));
  fact(numbers, "exceptions", whole(exceptions), exceptions ? "bad" : "");
  if (faults) fact(numbers, "faults", whole(faults), "bad");
  if (unanswered) fact(numbers, "without a reply", whole(unanswered), "bad");
  fact(numbers, "median", at(0.5));
  fact(numbers, "95 %", at(0.95));
  fact(numbers, "slowest", latencies.length ? milliseconds(latencies[latencies.length - 1]) : "\u2013");
  if (!summary) fact(numbers, "the trace was not ended", "incomplete", "bad");
  const select = byId("connection");
  for (const id of [...new Set(state.all.map(event => event.connection))].sort((a, b) => a - b)) {
    const option = make("option", "", "Connection " + id);
    option.value = String(id);
    select.append(option);
  }
  histogram(latencies);
  new ResizeObserver(() => histogram(latencies)).observe(byId("histogram"));
}

// Buckets of one width on a logarithmic scale, from 1, 2 or 5 times a power of ten.
function histogram(latencies) {
  const chart = byId("histogram");
  chart.replaceChildren();
  byId("latencies").hidden = !latencies.length;
  if (!latencies.length) return;
  const width = chart.clientWidth || 600, height = chart.clientHeight || 84, foot = 18;
  const low = Math.floor(Math.log10(Math.max(latencies[0], 1e-3)) * 10) / 10;
  const high = Math.max(low + 0.5, Math.ceil(Math.log10(Math.max(latencies[latencies.length - 1], 1e-3)) * 10 + 1e-9) / 10);
  const buckets = Math.max(8, Math.min(60, Math.floor(width / 14)));
  const counts = new Array(buckets).fill(0);
  const place = ms => (Math.log10(Math.max(ms, 1e-3)) - low) / (high - low);
  const edge = bucket => 10 ** (low + (high - low) * bucket / buckets);
  for (const ms of latencies) counts[Math.min(buckets - 1, Math.floor(place(ms) * buckets))] += 1;
  const most = Math.max(...counts), step = width / buckets;
  chart.setAttribute("viewBox", "0 0 " + width + " " + height);
  chart.append(svg("line", { x1: 0, x2: width, y1: height - foot + 0.5, y2: height - foot + 0.5 }));
  let free = -1;
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) {
    for (const digit of [1, 2, 5]) {
      const ms = digit * 10 ** power, x = place(ms) * width;
      if (x < 0 || x > width) continue;
      const label = ms >= 1000 ? ms / 1000 + " s" : ms >= 1 ? ms + " ms" : Math.round(ms * 1000) + " \u00b5s";
      const from = Math.min(Math.max(x - 18, 0), width - 40);
      if (from < free) continue;
      free = from + 56;
      const text = svg("text", { x: from, y: height - 4 });
      text.textContent = label;
      chart.append(text, svg("line", { x1: x, x2: x, y1: height - foot, y2: height - foot + 4 }));
    }
  }
  counts.forEach((count, bucket) => {
    const tall = count ? Math.max(2, (height - foot - 4) * Math.sqrt(count / most)) : 0;
    const range = [edge(bucket), bucket === buckets - 1 ? Infinity : edge(bucket + 1)];
    const off = state.range && (range[0] >= state.range[1] || range[1] <= state.range[0]);
    chart.append(svg("rect", { class: off ? "bar off" : "bar", x: bucket * step + 0.5, y: height - foot - tall, width: Math.max(1, step - 1.5), height: tall, rx: 1.5 }));
    const hit = svg("rect", { class: "hit", x: bucket * step, y: 0, width: step, height: height - foot });
    const told = milliseconds(range[0]) + " to " + milliseconds(edge(bucket + 1)) + ": " + whole(count) + (count === 1 ? " reply" : " replies");
    hit.addEventListener("pointerenter", () => { byId("bar").textContent = told; });
    hit.addEventListener("pointerleave", () => { byId("bar").textContent = state.range ? "only " + state.told : ""; });
    hit.addEventListener("click", () => {
      const same = state.range && state.range[0] === range[0];
      state.range = same || !count ? null : [bucket ? range[0] : 0, range[1]];
      state.told = told;
      filter();
      histogram(latencies);
    });
    chart.append(hit);
  });
  state.draw = () => histogram(latencies);
}

function filter() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const connection = byId("connection").value, direction = byId("direction").value;
  const slow = parseFloat(byId("slow").value);
  const kinds = new Set([...document.querySelectorAll(".kinds button[aria-pressed=true]")].map(button => button.dataset.kind));
  // A request is as slow as its reply.
  const latency = event => event.latency_ms !== undefined && event.latency_ms !== null ? event.latency_ms :
    event.pair !== undefined ? state.all[event.pair].latency_ms : event.age_ms;
  const anchor = state.chosen;
  state.shown = state.all.filter(event => {
    if (!kinds.has(event.kind)) return false;
    if (connection && String(event.connection) !== connection) return false;
    if (direction && event.from !== direction) return false;
    if (slow > 0 && !(latency(event) > slow)) return false;
    if (state.range && !(latency(event) >= state.range[0] && latency(event) < state.range[1])) return false;
    return words.every(word => event.search.includes(word));
  });
  const all = state.shown.length === state.all.length;
  byId("count").textContent = all ? whole(state.all.length) + " rows" : whole(state.shown.length) + " of " + whole(state.all.length) + " rows";
  byId("reset").hidden = all;
  byId("nothing").hidden = state.shown.length > 0;
  measure();
  if (anchor !== null && state.shown.includes(state.all[anchor])) show(anchor); else byId("view").scrollTop = 0;
  draw();
}

function measure() {
  state.row = parseFloat(getComputedStyle(document.documentElement).getPropertyValue("--row")) || 34;
  byId("room").style.height = Math.min(MOST, state.shown.length * state.row) + "px";
}

// The first row of the view, with its fraction.
function first() {
  const view = byId("view"), total = state.shown.length * state.row;
  if (total <= MOST) return view.scrollTop / state.row;
  return view.scrollTop / (MOST - view.clientHeight) * (state.shown.length - view.clientHeight / state.row);
}

function show(number) {
  const place = state.shown.indexOf(state.all[number]), view = byId("view"), rows = view.clientHeight / state.row;
  if (place < 0 || place >= first() && place + 1 <= first() + rows) return;
  const top = Math.max(0, place - rows / 2), total = state.shown.length * state.row;
  view.scrollTop = total <= MOST ? top * state.row : top / (state.shown.length - rows) * (MOST - view.clientHeight);
}

function draw() {
  const view = byId("view"), from = first(), begin = Math.max(0, Math.floor(from) - 4);
  const end = Math.min(state.shown.length, Math.ceil(from + view.clientHeight / state.row) + 4);
  const rows = [];
  for (let place = begin; place < end; place++) {
    const row = line(state.shown[place]);
    row.style.top = (view.scrollTop + (place - from) * state.row) + "px";
    rows.push(row);
  }
  byId("rows").replaceChildren(...rows);
}

function line(event) {
  const row = make("div", "row " + event.kind), message = event.kind !== "note", client = event.from === "client";
  row.setAttribute("role", "listitem");
  row.dataset.number = event.number;
  if (message) row.classList.add(client ? "to-server" : "to-client");
  if (["rejected", "unanswered", "unread"].includes(event.event) || event.event === "ended" && event.reason) row.classList.add("bad");
  if (event.number === state.chosen) row.classList.add("chosen");
  else if (state.chosen !== null && event.number === state.all[state.chosen].pair) row.classList.add("pair");
  const when = make("span", "when");
  when.append(make("b", "", (event.at_ms / 1000).toFixed(6)), make("span", "", "#" + event.connection));
  const asked = message ? size(event.bytes) : "";
  const arrow = make("div", "arrow"), label = make("div", "label");
  if (message) {
    label.append(make("em", "", event.kind === "request" ? "" : event.kind + " "), label_of(event));
    if (event.answers) label.append(make("i", "", "  \u21a4 " + brief(event.answers)));
    if (event.fault) label.append(make("em", "", "  ! " + event.fault.text));
  } else label.textContent = brief(event.label);
  label.title = event.label;
  arrow.append(label);
  const took = make("div", "took");
  if (event.latency_ms !== undefined && event.latency_ms !== null) {
    took.append(make("span", "", milliseconds(event.latency_ms)));
    took.style.setProperty("--share", state.slowest ? Math.max(0.02, event.latency_ms / state.slowest) : 0);
    if (event.latency_ms === state.slowest) took.classList.add("slowest");
  }
  row.append(when, make("div", "life client", message && client ? asked : ""), arrow, make("div", "life server", message && !client ? asked : ""), took);
  return row;
}

function label_of(event) {
  const part = document.createDocumentFragment();
  if (event.handler && event.text.startsWith(event.handler)) {
    part.append(make("em", "", event.handler), brief(event.text.slice(event.handler.length)));
  } else part.append(brief(event.text));
  return part;
}

function choose(number) {
  state.chosen = number;
  byId("detail").hidden = number === null;
  if (number !== null) {
    const event = state.all[number], facts = byId("facts"), message = event.kind !== "note";
    facts.replaceChildren();
    byId("what").textContent = message ? event.kind + (event.sequence !== null ? " " + exact(event.sequence) : "") + (event.from === "client" ? ", client to server" : ", server to client") : event.event;
    fact(facts, "connection", String(event.connection));
    fact(facts, "time", (event.at_ms / 1000).toFixed(6) + " s");
    if (message) {
      fact(facts, "size", size(event.bytes) + (event.compressed ? ", compressed" : ""));
      if (event.latency_ms !== null) fact(facts, "latency", milliseconds(event.latency_ms));
      if (event.threads) fact(facts, "threads", exact(event.threads[0]) + " \u2192 " + exact(event.threads[1]));
      if (event.answers) fact(facts, "request", event.answers);
      if (event.fault) fact(facts, "fault", event.fault.text + " (at byte " + event.fault.offset + ")");
      if (event.garbage) fact(facts, "bytes", event.garbage.replace(/(..)/g, "$1 ").trim());
    }
    byId("content").textContent = event.label;
    byId("other").hidden = event.pair === undefined;
    byId("other").textContent = event.kind === "request" ? "Go to the reply" : "Go to the request";
  }
  measure();
  if (number !== null) show(number);
  draw();
}

function move(step) {
  const at = state.chosen === null ? -1 : state.shown.indexOf(state.all[state.chosen]);
  const next = Math.min(state.shown.length - 1, Math.max(0, at + step));
  if (state.shown[next]) choose(state.shown[next].number);
}

function start() {
  const [head, summary] = read();
  overview(head, summary);
  filter();
  byId("view").addEventListener("scroll", draw);   // at most once for each frame
  new ResizeObserver(() => { measure(); draw(); }).observe(byId("view"));
  byId("rows").addEventListener("click", event => {
    const row = event.target.closest(".row");
    if (row) choose(Number(row.dataset.number));
  });
  byId("view").addEventListener("keydown", event => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); move(step); }
    if (event.key === "Escape") choose(null);
  });
  byId("close").addEventListener("click", () => choose(null));
  byId("other").addEventListener("click", () => {
    const pair = state.all[state.chosen].pair;
    if (!state.shown.includes(state.all[pair])) byId("filters").reset();
    choose(pair);
  });
  const form = byId("filters");
  form.addEventListener("input", filter);
  form.addEventListener("submit", event => event.preventDefault());
  form.addEventListener("reset", () => {
    for (const button of document.querySelectorAll(".kinds button")) button.setAttribute("aria-pressed", "true");
    for (const id of ["search", "slow", "connection", "direction"]) byId(id).value = "";
    state.range = null;
    byId("bar").textContent = "";
    if (state.draw) state.draw();
    filter();
  });
  for (const button of document.querySelectorAll(".kinds button")) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.dataset.theme || (dark ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  });
  document.addEventListener("keydown", event => {
    if (event.key === "/" && !/INPUT|SELECT/.test(document.activeElement.tagName)) { event.preventDefault(); byId("search").focus(); }
  });
}

document.addEventListener("DOMContentLoaded", start);
