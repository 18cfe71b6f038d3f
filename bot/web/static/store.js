// What the page knows: the server's last answers, and what the stream has said since.
import { get } from "./api.js";
import { ms, severityRank } from "./format.js";

const KEPT = 500;

export class Store {
  constructor() {
    this.now = NaN;
    this.status = null;
    this.instruments = new Map();
    this.sparks = new Map();
    this.spark = null;
    this.incidents = new Map();
    this.planMap = new Map();
    this.fillMap = new Map();
    this.feeds = new Map();
    this.references = new Map();
    this.quarantined = null;
    this.books = null;
    this.booksProblem = null;
    this.selected = null;
  }

  // Everything, after each (re)connection: the answers replace what was known.
  async load() {
    const [status, , incidents, plans, fills] = await Promise.all([
      get("/api/status"), this.loadInstruments(), get("/api/incidents?limit=200"),
      get("/api/plans?limit=200"), get("/api/fills?limit=100"), this.loadBooks(),
    ]);
    this.status = status;
    this.quarantined = status.quarantined;
    this.feeds = new Map(status.feeds.map((feed) => [feed.source, feed]));
    this.references = new Map(status.references.map((one) => [one.instrument, one]));
    this.incidents = new Map(incidents.incidents.map((incident) => [incident.id, incident]));
    this.planMap = new Map(plans.plans.reverse().map((plan) => [plan.id, plan]));
    this.fillMap = new Map(fills.fills.reverse().map((fill) => [fill.id, fill]));
    this.clock(status.now);
  }

  async loadInstruments() {
    const answer = await get("/api/instruments");
    this.instruments = new Map(answer.instruments.map((row) => [row.instrument, row]));
    this.sparks = new Map(answer.instruments.map((row) => [row.instrument, row.spark]));
    this.spark = answer.spark;
    this.clock(answer.now);
  }

  async loadBooks() {
    try {
      this.books = await get("/api/ledger");
      this.booksProblem = null;
    } catch (error) {
      this.books = null;
      this.booksProblem = error;
    }
  }

  // What the stream said; tells which parts of the page it concerns.
  merge(event) {
    const parts = new Set();
    this.clock(event.now);
    for (const row of event.instruments ?? []) {
      parts.add(this.instruments.has(row.instrument) ? "rows" : "market");
      this.instruments.set(row.instrument, row);
    }
    for (const incident of event.incidents ?? []) {
      this.incidents.set(incident.id, incident);
      parts.add("incidents");
    }
    for (const plan of event.plans ?? []) {
      keep(this.planMap, plan.id, plan);
      const incident = this.incidents.get(plan.incident_id);
      if (incident) incident.plan = plan;
      parts.add("plans").add("incidents");
    }
    for (const fill of event.fills ?? []) {
      keep(this.fillMap, fill.id, fill);
      parts.add("fills").add("plans").add("ledger");
    }
    for (const feed of event.feeds ?? []) {
      this.feeds.set(feed.source, feed);
      parts.add("feeds");
    }
    for (const one of event.references ?? []) {
      this.references.set(one.instrument, one);
      parts.add("feeds");
    }
    if (event.quarantined) {
      this.quarantined = event.quarantined;
      parts.add("feeds");
    }
    return parts;
  }

  clock(now) {
    const at = ms(now);
    if (Number.isFinite(at)) this.now = at;
  }

  open() {
    return [...this.incidents.values()].filter((incident) => !incident.resolved)
      .sort((a, b) => severityRank[a.severity] - severityRank[b.severity] || (a.opened < b.opened ? 1 : -1));
  }

  resolved() {
    return [...this.incidents.values()].filter((incident) => incident.resolved).sort((a, b) => (a.resolved < b.resolved ? 1 : -1));
  }

  plans() {
    return [...this.planMap.values()].reverse();
  }

  fillList() {
    return [...this.fillMap.values()].reverse();
  }

  filled(planId) {
    return [...this.fillMap.values()].some((fill) => fill.plan_id === planId && fill.status !== "rejected");
  }
}

function keep(map, key, value) {
  map.delete(key);
  map.set(key, value);
  if (map.size > KEPT) map.delete(map.keys().next().value);
}
