// Open incidents as cards, resolved ones as a table.
import { command } from "./api.js";
import { $, attr, empty, h, keyed, put, show } from "./dom.js";
import * as format from "./format.js";
import { planLine } from "./plans.js";
import { term } from "./words.js";

const place = (incident) => [h("b", null, incident.token), ` ${incident.venue ? `on ${incident.venue}` : ""}`];

export function tag(severity) {
  return h("span", { class: `tag ${severity}` }, severity);
}

export function executable(incident, lead = true) {
  const sizes = Object.entries(incident.executable ?? {});
  if (!sizes.length) return null;
  return h("ul", { class: "sizes" }, lead && h("li", { class: "lead" }, term("executable", "Executable")), sizes.map(([size, price]) =>
    h("li", { class: price === null ? "none" : null },
      h("span", null, `${format.size(size)}`), h("b", null, price === null ? "cannot be filled" : format.price(price)))));
}

// Opened N ago; while a command is under way its button says so.
export function cards(store, actions) {
  const list = $("open-incidents");
  keyed(list, store.open(), (incident) => incident.id, (incident) => create(incident, actions), (node, incident) => update(node, incident, store));
}

function create(incident, actions) {
  const node = h("li", { class: "card", id: `card-${incident.id}` });
  const ask = async (button, verb, query = "") => {
    button.disabled = true;
    show(node.problem, false);
    try {
      await command(`/api/incidents/${encodeURIComponent(incident.id)}/${verb}${query}`);
    } catch (error) {
      put(node.problem, error.message);
      show(node.problem, true);
    }
    button.disabled = false;
  };
  node.badge = h("span", { class: "tag" });
  node.since = h("span", { class: "since" });
  node.big = h("strong", { class: "big" });
  node.worst = h("span", { class: "worst" });
  node.stake = h("p", { class: "stake" });
  node.text = h("p", { class: "why" });
  node.facts = h("div");
  node.plan = h("div", { class: "suggest" });
  node.problem = h("p", { class: "problem", role: "alert", hidden: true });
  node.note = h("p", { class: "note" });
  const name = `${incident.token} on ${incident.venue}`;
  node.acknowledge = h("button", { type: "button", onclick: () => ask(node.acknowledge, "acknowledge") }, "Acknowledge");
  node.mute = h("button", { type: "button", onclick: () => ask(node.mute, node.muted ? "unmute" : "mute", node.muted ? "" : "?minutes=60") }, "Mute 1 h");
  attr(node.acknowledge, "aria-label", `Acknowledge: ${name}`);
  node.append(
    h("header", null, node.badge, h("h3", null, h("button", { type: "button", class: "plain", onclick: () => actions.select(incident.instrument, true) }, place(incident))), node.since),
    h("div", { class: "figures" }, h("p", null, node.big, node.worst), node.stake),
    node.text, node.facts, node.plan, node.note, node.problem,
    h("div", { class: "buttons" }, node.acknowledge, node.mute,
      h("button", { type: "button", onclick: () => actions.open(incident.id), "aria-label": `Details: ${name}` }, "Details")),
  );
  return node;
}

function update(node, incident, store) {
  attr(node, "class", `card ${incident.severity}`);
  attr(node.badge, "class", `tag ${incident.severity}`);
  put(node.badge, incident.severity);
  const opened = format.ms(incident.opened);
  put(node.since, `${format.duration((store.now - opened) / 1000)}, since ${format.dayMinute(opened)}`);
  attr(node.since, "title", `${format.utc(opened)} UTC`);
  const row = store.instruments.get(incident.instrument);
  const now = row?.premium;
  const feed = incident.kind === "feed_fault";
  put(node.big, feed ? "feed fault" : format.premium(now ?? incident.premium));
  put(node.worst, feed || now === undefined || format.premium(now) === format.premium(incident.premium) ? "" : `now; worst ${format.premium(incident.premium)}`);
  show(node.stake, incident.money_at_stake_usd !== null);
  if (!node.stake.firstChild) node.stake.append(h("b"), term("stake"));
  put(node.stake.firstChild, format.money(incident.money_at_stake_usd));
  put(node.text, incident.explanation || `${incident.token} on ${incident.venue}: ${format.CAUSES[incident.cause] ?? format.words(incident.cause)}.`);
  fresh(node.facts, JSON.stringify(incident.executable), () => [executable(incident)]);
  const left = incident.plan ? Math.sign(format.ms(incident.plan.expires) - store.now) : 0;
  const filled = incident.plan ? store.filled(incident.plan.id) : false;
  fresh(node.plan, `${incident.plan?.id} ${left} ${filled}`, () => [planLine(incident.plan, store.now, filled)]);
  const muted = incident.muted_until ? format.ms(incident.muted_until) : NaN;
  node.muted = muted > store.now;
  put(node.mute, node.muted ? "Unmute" : "Mute 1 h");
  attr(node.mute, "aria-label", `${node.mute.textContent}: ${incident.token} on ${incident.venue}`);
  show(node.acknowledge, !incident.acknowledged_by);
  const notes = [
    incident.acknowledged_by && `Acknowledged by ${incident.acknowledged_by}.`,
    node.muted && `Messages muted until ${format.dayMinute(muted)} UTC.`,
    incident.venues?.length > 1 && `Also on ${format.plural(incident.venues.length - 1, "more venue")}.`,
  ].filter(Boolean);
  put(node.note, notes.join(" "));
  show(node.note, notes.length > 0);
}

function fresh(node, key, make) {
  if (node.fresh === key) return;
  node.fresh = key;
  node.replaceChildren(...make().filter(Boolean));
}

export function headline(store) {
  const open = store.open();
  const stake = open.reduce((sum, incident) => sum + (incident.money_at_stake_usd ?? 0), 0);
  const worst = open[0]?.severity;
  attr($("headline"), "class", worst ? `tone-${worst}` : "tone-calm");
  const count = store.instruments.size;
  const shares = new Set([...store.instruments.values()].map((row) => row.underlying)).size;
  if (open.length) {
    put($("headline"), `${format.plural(open.length, "open incident")}`);
    put($("headline-more"), stake > 0 ? `About ${format.money(stake)} at stake before costs.` : "How much is at stake is not known.");
  } else if (count) {
    const odd = [...store.instruments.values()].filter((row) => row.state !== "ok").length;
    put($("headline"), "Nothing is off its peg");
    put($("headline-more"), `${format.plural(count - odd, "instrument")} on ${format.plural(shares, "underlying")} stand where arbitrage should hold them`
      + `${odd ? `; ${odd} cannot be judged or are being confirmed` : ""}. When one leaves its band, it appears here: why, how much, and what to do.`);
  } else {
    put($("headline"), "Waiting for prices");
    put($("headline-more"), "Instruments appear with their first price. If nothing comes, look at the feeds below.");
  }
  document.title = `${open.length ? `(${open.length}) ` : ""}pegbot`;
}

export function recent(store, actions) {
  const box = $("recent-body");
  const resolved = store.resolved();
  if (!resolved.length) {
    box.nodes = undefined;
    box.replaceChildren(empty("None yet. An incident moves here once every venue in it has stood inside its band for a while."));
    return;
  }
  if (!box.querySelector("table")) {
    box.replaceChildren(h("div", { class: "scroll" }, h("table", { class: "plain-table" },
      h("thead", null, h("tr", null, ["Opened", "Lasted", "Instrument", "Cause", "Worst", "Severity"].map((name, i) =>
        h("th", { scope: "col", class: i === 4 ? "num" : i === 1 || i === 5 ? "wide-only" : null }, name)))), h("tbody"))));
  }
  keyed(box.querySelector("tbody"), resolved.slice(0, 50), (incident) => incident.id, (incident) => {
    const row = h("tr", null, h("td", { class: "quiet" }), h("td", { class: "wide-only" }),
      h("td", null, h("button", { type: "button", class: "plain", onclick: () => actions.open(incident.id) }, place(incident))),
      h("td"), h("td", { class: "num" }), h("td", { class: "wide-only" }));
    return row;
  }, (row, incident) => {
    const [opened, lasted, , cause, worst, severity] = row.children;
    put(opened, format.dayMinute(format.ms(incident.opened)));
    put(lasted, format.duration((format.ms(incident.resolved) - format.ms(incident.opened)) / 1000));
    put(cause, format.CAUSES[incident.cause] ?? format.words(incident.cause));
    put(worst, format.premium(incident.premium));
    if (severity.textContent !== incident.severity) severity.replaceChildren(tag(incident.severity));
  });
}
