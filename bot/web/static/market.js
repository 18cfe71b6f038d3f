// The table of instruments, grouped by underlying.
import { $, attr, h, keyed, put, show } from "./dom.js";
import * as format from "./format.js";
import { drawSpark, sparkline } from "./spark.js";

const OLD_SECONDS = 15 * 60;
const rows = new Map();
let filter = "";

const cell = (kind, label) => h("td", { role: "cell", class: kind, "data-label": label });

export function market(store, actions) {
  const table = document.querySelector("table.market");
  const needle = filter.trim().toLowerCase();
  const groups = new Map();
  let matching = 0;
  for (const row of store.instruments.values()) {
    if (needle && !`${row.instrument} ${row.underlying} ${row.state}`.toLowerCase().includes(needle)) continue;
    matching += 1;
    if (!groups.has(row.underlying)) groups.set(row.underlying, []);
    groups.get(row.underlying).push(row);
  }
  const ordered = [...groups].sort(([a], [b]) => (a < b ? -1 : 1));
  keyed(table, ordered, ([name]) => name, group, (body, [name, found]) => {
    put(body.session, format.SESSIONS[found[0].session] ?? "");
    attr(body.session, "data-session", found[0].session);
    found.sort((a, b) => (a.instrument < b.instrument ? -1 : 1));
    keyed(body, [{ head: true }, ...found], (row) => (row.head ? "" : row.instrument), (row) => (row.head ? body.head : create(row, actions)), (node, row) => row.head || update(node, row, store));
  });
  const total = store.instruments.size;
  put($("instruments-count"), needle ? `${matching} of ${total}` : total || "");
  put($("table-hint"), matching ? "Choose an instrument to see its past above; ↑ and ↓ walk through them."
    : needle ? "Nothing matches the filter." : "No prices yet. Instruments appear with the first price of each.");
  tabStop(store.selected);
}

// A basis came in: only its own row is touched.
export function one(store, name) {
  const node = rows.get(name);
  const row = store.instruments.get(name);
  if (!node || !row) return false;
  update(node, row, store);
  return true;
}

export function ages(store) {
  for (const [name, node] of rows) {
    const row = store.instruments.get(name);
    if (row) age(node, row, store);
  }
}

export function choose(name) {
  for (const [key, node] of rows) {
    attr(node, "class", key === name ? "chosen" : null);
    attr(node.button, "aria-pressed", String(key === name));
  }
  tabStop(name);
}

// One stop for Tab in the whole table; the arrow keys walk from there.
function tabStop(name) {
  const buttons = [...document.querySelectorAll(".market td button")];
  const stop = rows.get(name)?.button?.isConnected ? rows.get(name).button : buttons[0];
  for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
}

export function walk(actions) {
  $("filter").addEventListener("input", (event) => {
    filter = event.target.value;
    actions.redraw();
  });
  document.querySelector(".market").addEventListener("keydown", (event) => {
    const buttons = [...document.querySelectorAll(".market td button")];
    const here = buttons.indexOf(event.target);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (here < 0 || to === undefined) return;
    event.preventDefault();
    const next = buttons[Math.min(buttons.length - 1, Math.max(0, to))];
    next.focus();
    next.click();
  });
}

function group([name]) {
  const body = h("tbody", { role: "rowgroup" });
  body.session = h("span", { class: "session" });
  body.head = h("tr", { role: "row", class: "group" }, h("th", { role: "rowheader", scope: "rowgroup", colspan: 8 }, h("b", null, name), " ", body.session));
  return body;
}

function create(row, actions) {
  const node = h("tr", { role: "row" });
  node.button = h("button", { type: "button", class: "plain", tabindex: -1, "aria-pressed": "false" }, h("b", null, row.token), h("span", null, row.venue));
  node.price = cell("num price");
  node.fair = cell("num fair", "fair");
  node.fair.append(h("span"), " ", h("small"));
  node.premium = cell("num premium");
  node.band = cell("num band", "band");
  node.age = cell("num age", "age");
  node.state = h("span", { class: "state" });
  node.spark = sparkline();
  node.append(h("td", { role: "cell", class: "name" }, node.button), node.price, node.fair, node.premium, node.band, node.age,
    h("td", { role: "cell", class: "is" }, node.state), h("td", { role: "cell", class: "day" }, node.spark));
  node.addEventListener("click", () => actions.select(row.instrument));
  rows.set(row.instrument, node);
  return node;
}

function update(node, row, store) {
  put(node.price, format.price(row.price));
  attr(node.price, "title", row.bid === null ? null : `sells for ${format.price(row.bid)}, costs ${format.price(row.ask)}`);
  put(node.fair.firstChild, format.price(row.fair_value));
  put(node.fair.lastChild, format.spread(row.fair_value_sd));
  attr(node.fair, "title", row.age_seconds === null ? "no reference yet" : `built on a reference that is ${format.duration(row.age_seconds)} old`);
  put(node.premium, format.premium(row.premium));
  put(node.band, row.band_low_premium === null && row.band_high_premium === null ? format.NONE : `${format.premium(row.band_low_premium).replace("\u202f%", "")} … ${format.premium(row.band_high_premium)}`);
  const [name, meaning] = format.STATES[row.state] ?? [row.state, ""];
  put(node.state, name);
  attr(node.state, "class", `state ${row.state}`);
  attr(node.state, "title", row.note || meaning);
  attr(node, "data-state", row.state);
  age(node, row, store);
  const spark = store.sparks.get(row.instrument);
  if (spark && node.drawn !== spark) {
    node.drawn = spark;
    drawSpark(node.spark, spark, row);
  }
}

function age(node, row, store) {
  const seconds = (store.now - format.ms(row.ts)) / 1000;
  put(node.age, format.age(seconds));
  attr(node.age, "class", seconds > OLD_SECONDS ? "num age old" : "num age");
}

export function sparkHead(spark) {
  put($("spark-head"), spark ? `Last ${format.duration(spark.step_seconds * spark.points).replace(/\u202f/g, " ").replace("1 d", "day")}` : "Last day");
  show($("spark-head"), true);
}
