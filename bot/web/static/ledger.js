// Cash, what is held, profit and loss; health of the sources; what was set aside.
import { $, attr, empty, h, keyed, put, show } from "./dom.js";
import * as format from "./format.js";
import { term } from "./words.js";

export function ledger(store) {
  const box = $("ledger-body");
  const { books, booksProblem } = store;
  put($("ledger-mode"), books?.mode ? (books.mode === "paper" ? "on paper" : books.mode) : "");
  if (!books) {
    box.replaceChildren(booksProblem ? h("p", { class: booksProblem.status === 404 ? "empty" : "problem" }, booksProblem.message) : empty("Reading the books …"));
    return;
  }
  const result = books.profit_and_loss;
  const tone = (usd) => (Number(usd) > 0 ? "gain" : Number(usd) < 0 ? "loss" : null);
  const figure = (name, value, kind) => h("div", null, h("dt", null, name), h("dd", { class: kind }, value));
  const unmarked = result.unmarked ?? [];
  const costs = Number(result.fees_usd) + Number(result.gas_usd);
  const held = books.positions.filter((position) => Number(position.held) !== 0 || Number(position.in_transit) !== 0);
  const due = Object.entries(books.due_usd ?? {}).map(([venue, usd]) => `${format.money(usd)} from ${venue}`);
  const parts = [
    h("dl", { class: "figures-list" },
      figure("Cash", format.money(books.cash_usd)),
      figure(term("reserved", "Reserved"), format.money(books.reserved_usd)),
      figure("Profit, net", format.money(result.net_usd, "+"), tone(result.net_usd)),
      figure("Realised", format.money(result.realised_usd, "+"), tone(result.realised_usd)),
      figure("Unrealised", format.money(result.unrealised_usd, "+"), tone(result.unrealised_usd)),
      figure("Fees and gas", format.money(-costs))),
    due.length > 0 && h("p", { class: "note" }, `Due: ${due.join(", ")}.`),
    unmarked.length > 0 && h("p", { class: "note" }, `Not counted, for want of a fair value: ${unmarked.join(", ")}.`),
    held.length ? h("div", { class: "scroll" }, h("table", { class: "plain-table" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Held"), h("th", { scope: "col", class: "num" }, "Tokens"), h("th", { scope: "col", class: "num" }, "In transit"), h("th", { scope: "col", class: "num" }, "Worth"))),
      h("tbody", null, held.map((position) => h("tr", null,
        h("th", { scope: "row" }, position.commodity),
        h("td", { class: "num" }, format.tokens(position.held)),
        h("td", { class: "num quiet" }, Number(position.in_transit) ? format.tokens(position.in_transit) : format.NONE),
        h("td", { class: "num" }, position.mark_usd === null ? format.NONE : format.money(Number(position.held) * Number(position.mark_usd))))))))
      : empty("No tokens are held. Positions appear with the first fill."),
    greeks(books),
  ];
  const key = JSON.stringify(books);
  if (box.key === key) return;
  box.key = key;
  box.replaceChildren(...parts.filter(Boolean));
}

const quality = (score) => (score === null || score === undefined ? "" : `quality ${(100 * score).toFixed(0)}\u202f%`);
const part = (ratio, what) => (ratio > 0.02 ? `${(100 * ratio).toFixed(0)}\u202f% ${what}` : "");

// The worst first: these are the witnesses of what a share is worth.
function references(store) {
  const found = [...store.references.values()].sort((a, b) => a.score - b.score || (a.instrument < b.instrument ? -1 : 1));
  show($("references"), found.length > 0);
  keyed($("references-list"), found, (one) => one.instrument, () => h("li", null, h("i", { "aria-hidden": "true" }), h("b"), h("span", { class: "is" }), h("small")), (node, one) => {
    const [mark, name, state, more] = node.children;
    attr(mark, "class", `dot ${one.score >= 0.8 ? "up" : one.score >= 0.4 ? "silent" : "down"}`);
    put(name, one.instrument);
    put(state, one.fault || "good");
    const facts = [
      quality(one.score), one.weight_ratio !== null ? `weight ${(100 * one.weight_ratio).toFixed(0)}\u202f%` : "",
      `${format.age(one.age_seconds)} old`, part(one.missing_ratio, "missing"), part(one.frozen_ratio, "frozen"),
      one.lag_seconds > 0.5 ? `${format.duration(one.lag_seconds)} late` : "", one.skew_seconds > 0.5 ? `${format.duration(one.skew_seconds)} ahead` : "",
      one.apart_ratio > 0.001 ? `${(100 * one.apart_ratio).toFixed(1)}\u202f% from the others` : "",
    ].filter(Boolean);
    put(more, facts.join(" · "));
  });
}

// How the whole book moves with each share: tokens, shares sold, options and perps together.
function greeks(books) {
  const found = Object.entries(books.greeks ?? {}).filter(([, each]) => Number(each.delta) !== 0 || Number(each.value) !== 0);
  const unknown = books.greeks_unknown ?? [];
  if (!found.length && !unknown.length) return null;
  const heads = ["With a share", term("delta", "Delta"), "Gamma", "Vega", term("theta", "Theta"), "Worth"];
  const number = (value) => h("td", { class: "num" }, Number(value).toLocaleString("en-US", { maximumSignificantDigits: 4 }).replace("-", "−"));
  return h("div", null,
    found.length > 0 && h("div", { class: "scroll" }, h("table", { class: "plain-table greeks" },
      h("thead", null, h("tr", null, heads.map((name, i) => h("th", { scope: "col", class: i ? "num" : null }, name)))),
      h("tbody", null, found.map(([underlying, each]) => h("tr", null, h("th", { scope: "row" }, underlying),
        number(each.delta), number(each.gamma), number(each.vega), number(each.theta_day),
        h("td", { class: "num" }, format.money(each.value))))))),
    unknown.length > 0 && h("p", { class: "note" }, `Greeks leave out, for want of a price: ${unknown.join(", ")}.`));
}

const FEED = { starting: "starting", up: "up", silent: "silent", down: "down", stopped: "stopped" };

export function feeds(store) {
  const found = [...store.feeds.values()].sort((a, b) => (a.source < b.source ? -1 : 1));
  const bad = found.filter((feed) => feed.state === "down" || feed.state === "silent").length;
  put($("feeds-summary"), !found.length ? "" : bad ? `${bad} of ${found.length} in trouble` : found.every((feed) => feed.state === "stopped") ? "all stopped" : "all well");
  attr($("feeds-summary"), "class", bad ? "loss" : null);
  const list = $("feeds-list");
  if (!found.length) {
    list.nodes = undefined;
    list.replaceChildren(h("li", { class: "empty" }, "No source has reported yet. Each one appears here when it starts."));
  } else {
    if (!list.nodes) list.replaceChildren();
    keyed(list, found, (feed) => feed.source, () => h("li", null, h("i", { "aria-hidden": "true" }), h("b"), h("span", { class: "is" }), h("small")), (node, feed) => {
      const [mark, name, state, more] = node.children;
      attr(mark, "class", `dot ${feed.state}`);
      put(name, feed.source);
      put(state, FEED[feed.state] ?? feed.state);
      const lag = feed.lag_seconds !== null && feed.lag_seconds !== undefined ? `lag ${feed.lag_seconds < 10 ? `${feed.lag_seconds.toFixed(1)}\u202fs` : format.age(feed.lag_seconds)}` : "";
      const facts = [`${format.plural(feed.ticks, "tick")}`, lag, quality(feed.quality), feed.skew_seconds > 1 ? `stamps ${format.duration(feed.skew_seconds)} ahead` : "", feed.restarts ? format.plural(feed.restarts, "restart") : "", feed.detail].filter(Boolean);
      put(more, facts.join(" · "));
    });
  }
  references(store);
  const reasons = Object.entries(store.quarantined?.reasons ?? {});
  const total = reasons.reduce((sum, [, n]) => sum + n, 0);
  const aside = $("aside");
  const key = JSON.stringify(reasons);
  if (aside.key === key) return;
  aside.key = key;
  show(aside, total > 0);
  const latest = store.quarantined?.latest?.[0];
  const open = aside.querySelector("details")?.open ?? false;
  aside.replaceChildren(h("details", { open }, h("summary", null, `${format.plural(total, "datum", "data")} set aside as unusable`),
    h("ul", { class: "reasons" }, reasons.sort((a, b) => b[1] - a[1]).map(([reason, n]) => h("li", null, h("span", null, format.words(reason)), h("b", null, n.toLocaleString("en-US"))))),
    latest && h("p", { class: "note" }, `Latest: ${latest.instrument}, ${latest.detail || format.words(latest.reason)}.`)));
}
