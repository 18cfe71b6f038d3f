// Wires the parts: load everything, follow the stream, draw what changed once per frame.
import { connect, get } from "./api.js";
import { Chart } from "./chart.js";
import { DepthPicture } from "./depth.js";
import { detail } from "./detail.js";
import { $, attr, h, put, show } from "./dom.js";
import * as format from "./format.js";
import { cards, headline, recent } from "./incidents.js";
import { feeds, ledger } from "./ledger.js";
import { ages, choose, market, one, sparkHead, walk } from "./market.js";
import { fills, plans } from "./plans.js";
import { Store } from "./store.js";
import { explainWords } from "./words.js";

const HOUR = 3_600_000;
const RANGES = [["6 h", 6 * HOUR], ["1 d", 24 * HOUR], ["3 d", 72 * HOUR], ["8 d", 192 * HOUR]];
const CHART_MS = 1500;
const SPARKS_MS = 5000;
const LEDGER_MS = 10_000;

const store = new Store();
const dirty = new Set();
const touched = new Set();
let span = 72 * HOUR;
let chosen = null;
let chart = null;
let depth = null;
let loaded = false;
let scheduled = false;

const actions = {
  redraw: () => mark("market"),
  open: (id) => openDetail(id),
  select: (name, scroll) => {
    chosen = name;
    store.selected = name;
    choose(name);
    drawChart();
    if (scroll) $("picture").scrollIntoView({ block: "nearest" });
  },
};
const openDetail = detail(actions);

function mark(...parts) {
  for (const part of parts) dirty.add(part);
  if (scheduled || !loaded) return;
  scheduled = true;
  requestAnimationFrame(draw);
}

const DRAWERS = {
  top: () => top(),
  incidents: () => {
    cards(store, actions);
    headline(store);
    recent(store, actions);
  },
  market: () => market(store, actions),
  plans: () => plans(store),
  fills: () => fills(store),
  ledger: () => ledger(store),
  feeds: () => feeds(store),
};

function draw() {
  scheduled = false;
  if (dirty.has("rows") && !dirty.has("market")) for (const name of touched) one(store, name);
  touched.clear();
  const parts = [...dirty];
  dirty.clear();
  for (const part of parts) DRAWERS[part]?.();
  if (!parts.includes("market")) ages(store);
}

function top() {
  put($("time-utc"), format.utc(store.now));
  put($("time-ny"), format.newYork(store.now));
  const sessions = new Set([...store.instruments.values()].map((row) => row.session));
  const session = sessions.size === 1 ? [...sessions][0] : null;
  show($("session"), sessions.size > 0);
  attr($("session"), "data-session", session);
  put($("session"), session ? format.SESSIONS[session] : "sessions differ");
}

function trouble(text) {
  put($("trouble"), text);
  show($("trouble"), Boolean(text));
}

function link(state, text) {
  attr($("link"), "data-link", state);
  put($("link-text"), text);
  attr(document.body, "data-state", state === "lost" && loaded ? "lost" : loaded ? "live" : "loading");
}

function readiness(event) {
  trouble(event.ready ? "" : `pegbot is up, but not ready: ${event.reason || "no reason given"}.`);
}

let chartTimer = 0;
let chartAsked = 0;
async function drawChart() {
  clearTimeout(chartTimer);
  chartTimer = 0;
  const name = (store.selected = chosen ?? store.open()[0]?.instrument ?? farthest());
  if (!name) return;
  const turn = ++chartAsked;
  let data;
  let around;
  try {
    const path = `/api/instruments/${encodeURIComponent(name)}`;
    [data, around] = await Promise.all([get(path), get(`${path}/depth`).catch(() => null)]);
  } catch (error) {
    if (error.status === 404) chosen = null;
    return;
  }
  if (turn !== chartAsked) return;
  if (!chart) {
    $("chart").replaceChildren();
    chart = new Chart($("chart"));
    depth = new DepthPicture($("depth-body"));
  }
  put($("depth-of"), `${data.instrument.token} ${data.instrument.venue}`);
  depth.update(around ?? { depth: null, sizes: [], fair_value: null, why: "this pegbot does not tell it" });
  $("picture-title").replaceChildren(h("b", null, data.instrument.token), ` ${data.instrument.venue}`);
  chart.update(data, span);
  choose(name);
}

const soon = () => (chartTimer ||= setTimeout(drawChart, CHART_MS));

function farthest() {
  const rows = [...store.instruments.values()].filter((row) => row.premium !== null);
  rows.sort((a, b) => Math.abs(b.premium) - Math.abs(a.premium));
  return (rows[0] ?? store.instruments.values().next().value)?.instrument ?? null;
}

const told = new Map();
function announce(incidents, quiet) {
  for (const incident of incidents) {
    const before = told.get(incident.id);
    const state = incident.resolved ? "resolved" : incident.severity;
    told.set(incident.id, state);
    if (quiet || before === state) continue;
    const what = incident.resolved ? `Resolved: ${incident.instrument.replace("@", " on ")}.` : `${before ? "Worse" : "New incident"}, ${incident.severity}: ${incident.explanation}`;
    put(incident.severity === "critical" && !incident.resolved ? $("urgent") : $("polite"), what);
    if (!before) requestAnimationFrame(() => attr($(`card-${incident.id}`) ?? document.body, "data-new", "yes"));
  }
}

async function hello(event) {
  try {
    await store.load();
  } catch (error) {
    link("wait", "connecting");
    if (!loaded) put($("loading"), `${error.message}; trying again …`);
    setTimeout(() => hello(event), 1000);
    return;
  }
  announce(store.incidents.values(), !loaded);
  if (!loaded) first();
  link("live", "live");
  readiness(event);
  mark(...Object.keys(DRAWERS));
  sparkHead(store.spark);
  drawChart();
}

function first() {
  loaded = true;
  show($("loading"), false);
  show($("main"), true);
  show($("footer"), true);
  put($("notice"), store.status.notice);
  show($("notice"), Boolean(store.status.notice));
  put($("version"), `pegbot ${store.status.version}`.trim());
  following();
  addEventListener("hashchange", following);
}

function following() {
  const found = /^#incident=(.+)$/.exec(location.hash);
  if (found) openDetail(decodeURIComponent(found[1]));
}

function changes(event) {
  if (!loaded) return;
  const parts = store.merge(event);
  for (const row of event.instruments ?? []) touched.add(row.instrument);
  announce(event.incidents ?? [], false);
  readiness(event);
  if (parts.has("rows") || parts.has("market")) parts.add("incidents");
  mark("top", ...parts);
  if (event.instruments?.some((row) => row.instrument === store.selected) || event.incidents || !store.selected) soon();
  if (parts.has("ledger")) refreshBooks();
}

function lost() {
  link("lost", "no connection");
  if (loaded) trouble(`The connection to pegbot is lost; trying again. What you see is from ${format.utc(store.now)} UTC.`);
  else put($("loading"), "pegbot does not answer; trying again …");
}

async function refreshBooks() {
  await store.loadBooks();
  mark("ledger");
}

const alive = () => loaded && !document.hidden && document.body.dataset.state === "live";
setInterval(() => alive() && refreshBooks(), LEDGER_MS);
setInterval(async () => {
  if (!alive()) return;
  try {
    await store.loadInstruments();
  } catch {
    return; // the stream notices a server that is gone, and says so
  }
  sparkHead(store.spark);
  mark("market");
}, SPARKS_MS);

for (const [name, each] of RANGES) {
  const input = h("input", { type: "radio", name: "range", value: name, checked: each === span });
  input.addEventListener("change", () => {
    span = each;
    drawChart();
  });
  $("ranges").append(h("label", null, input, h("span", null, name)));
}
walk(actions);
explainWords();
connect({ hello, changes, lost });
