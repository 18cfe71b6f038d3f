// Plans with their size, expected profit and worst case; the reasoning on demand.
import { get } from "./api.js";
import { $, attr, empty, h, keyed, put, show } from "./dom.js";
import * as format from "./format.js";
import { term } from "./words.js";

const isTrade = (plan) => plan.decision === "trade";
const title = (plan) => (isTrade(plan) ? format.ROUTES[plan.route] ?? format.words(plan.route) : "no trade");
const reason = (plan) => (plan.reasons?.[0] ?? "").replace(/^[\w.]+:\s*/, "");

// One line under an incident: what to do, for how much.
export function planLine(plan, now, filled = false) {
  if (!plan) return h("p", { class: "none" }, "No plan yet.");
  if (!isTrade(plan)) return h("p", null, h("b", null, "No trade. "), reason(plan) ? `${capital(reason(plan))}.` : "Nothing is left after costs.");
  const fate = filled ? " (traded)" : format.ms(plan.expires) <= now ? " (expired)" : "";
  return h("p", null, h("b", null, `${capital(title(plan))} for ${format.size(plan.size_usd)}: `),
    h("span", { class: "gain" }, format.money(plan.expected_profit_usd, "+")), " expected, ",
    h("span", { class: "loss" }, format.money(plan.worst_case_usd)), " at worst", fate, ".");
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

// All plans to trade, and the latest refusal for each incident.
function shown(store) {
  const refused = new Set();
  return store.plans().filter((plan) => {
    if (isTrade(plan)) return true;
    if (refused.has(plan.incident_id)) return false;
    refused.add(plan.incident_id);
    return true;
  }).slice(0, 40);
}

export function plans(store) {
  const box = $("plans-body");
  const found = shown(store);
  if (!found.length) {
    box.replaceChildren(empty("None yet. For each incident pegbot works out what could be done, for how many dollars, and what can go wrong, or why to do nothing."));
    return;
  }
  if (!box.querySelector("table")) {
    const heads = [["Made", ""], ["Instrument", ""], ["What to do", ""], ["Size", "num"], ["Expected", "num"], [term("worst", "Worst case"), "num"], ["Valid", "wide-only"], [h("span", { class: "unseen" }, "Explanation"), ""]];
    box.replaceChildren(h("div", { class: "scroll" }, h("table", { class: "plain-table stack" },
      h("thead", null, h("tr", null, heads.map(([name, kind]) => h("th", { scope: "col", class: kind || null }, name)))))));
  }
  keyed(box.querySelector("table"), found, (plan) => plan.id, create, (node, plan) => update(node, plan, store));
}

function create(plan) {
  const body = h("tbody");
  const panel = h("td", { colspan: 8, id: `plan-${plan.id}` });
  body.more = h("tr", { class: "more", hidden: true }, panel);
  body.button = h("button", { type: "button", "aria-expanded": "false", "aria-controls": `plan-${plan.id}`, "aria-label": `Explain the plan for ${plan.instrument}` }, "Explain");
  body.button.addEventListener("click", async () => {
    const opening = body.more.hidden;
    show(body.more, opening);
    attr(body.button, "aria-expanded", String(opening));
    if (opening) panel.replaceChildren(await explanation(plan.id));
  });
  const cell = (kind, label) => h("td", { class: kind, "data-label": label });
  body.append(h("tr", null, cell("quiet"), cell("where"), cell("what"), cell("num", "size"), cell("num", "expected"), cell("num", "worst case"), cell("quiet wide-only"), h("td", { class: "do" }, body.button)), body.more);
  return body;
}

function update(body, plan, store) {
  const [made, instrument, what, size, expected, worst, valid] = body.firstElementChild.children;
  const trade = isTrade(plan);
  put(made, format.dayMinute(format.ms(plan.created)));
  put(instrument, `${plan.token} on ${plan.venue}`);
  put(what, trade ? title(plan) : `no trade: ${reason(plan)}`);
  attr(what, "class", trade ? "what action" : "what none");
  put(size, trade ? format.size(plan.size_usd) : format.NONE);
  put(expected, trade ? format.money(plan.expected_profit_usd, "+") : format.NONE);
  put(worst, trade ? format.money(plan.worst_case_usd) : format.NONE);
  attr(expected, "class", trade ? "num gain" : "num none");
  attr(worst, "class", trade ? "num loss" : "num none");
  put(valid, !trade ? format.NONE : store.filled(plan.id) ? "filled" : format.ms(plan.expires) > store.now ? `${format.age((format.ms(plan.expires) - store.now) / 1000)} more` : "expired");
}

// The reasoning as text, and every step with its figures.
export async function explanation(id) {
  let plan;
  try {
    plan = await get(`/api/plans/${encodeURIComponent(id)}`);
  } catch (error) {
    return h("p", { class: "problem" }, error.message);
  }
  const legs = plan.legs.length > 0 && h("div", { class: "scroll" }, h("table", { class: "plain-table legs" },
    h("caption", { class: "unseen" }, "Steps"),
    h("thead", null, h("tr", null, ["Step", "Where", "Tokens", "Price", "Not beyond", "Fees", "Takes"].map((name, i) => h("th", { scope: "col", class: i > 1 ? "num" : null }, name)))),
    h("tbody", null, plan.legs.map((leg) => h("tr", null,
      h("td", null, leg.action), h("td", null, leg.instrument), h("td", { class: "num" }, format.tokens(leg.quantity_tokens)),
      h("td", { class: "num" }, format.price(leg.price)), h("td", { class: "num" }, format.price(leg.limit_price)),
      h("td", { class: "num" }, format.money(leg.fee_usd + leg.gas_usd)), h("td", { class: "num" }, format.duration(leg.delay_seconds)))))));
  const costs = Object.entries(plan.costs_usd);
  const facts = plan.decision === "trade" && h("dl", { class: "facts" },
    fact("Capital locked", `${format.money(plan.capital_usd)} for ${format.duration(plan.duration_seconds)}`),
    plan.break_even_price !== null && fact("Breaks even at", format.price(plan.break_even_price)),
    plan.probability_of_loss !== null && fact("Loses money in", odds(plan.probability_of_loss)),
    plan.shortfall_95_usd !== null && fact("Brings, at least", `${format.money(-plan.shortfall_95_usd)} in 19 of 20 cases, ${format.money(-plan.shortfall_99_usd)} in 99 of 100`),
    plan.outcomes.length > 1 && fact("May go", plan.outcomes.map((one) => `${one.name}: ${odds(one.probability)}, ${format.money(one.usd)}`).join("; ")),
    plan.hedge && plan.hedge.kind !== "none" && fact("Hedge", `${plan.hedge.description} (${format.money(plan.hedge.cost_usd)})`),
    costs.length > 0 && fact("Costs", costs.map(([name, usd]) => `${format.words(name)} ${format.money(usd)}`).join(", ")));
  return h("div", { class: "explain" }, plan.explain && h("p", { class: "prose" }, plan.explain), facts, legs,
    !plan.explain && plan.reasons.length > 0 && h("ul", null, plan.reasons.map((text) => h("li", null, text))));
}

const odds = (probability) => `${probability >= 0.1 ? (probability * 100).toFixed(0) : (probability * 100).toPrecision(2)} %`;
const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));

export function fills(store) {
  const box = $("fills-body");
  const found = store.fillList();
  if (!found.length) {
    box.replaceChildren(empty("None yet. Plans to trade are filled on paper, at what the venue’s depth would really have given."));
    return;
  }
  if (!box.querySelector("table")) {
    box.replaceChildren(h("div", { class: "scroll" }, h("table", { class: "plain-table stack" },
      h("thead", null, h("tr", null, ["When", "What", "Instrument", "Tokens", "Price", "Fees", "Status"].map((name, i) => h("th", { scope: "col", class: i > 2 && i < 6 ? `num${i === 5 ? " wide-only" : ""}` : null }, name)))),
      h("tbody"))));
  }
  keyed(box.querySelector("tbody"), found.slice(0, 40), (fill) => fill.id, () => h("tr", null, h("td", { class: "quiet" }), h("td", { class: "action" }), h("td", { class: "where" }), h("td", { class: "num", "data-label": "tokens" }), h("td", { class: "num", "data-label": "price" }), h("td", { class: "num wide-only" }), h("td")),
    (row, fill) => {
      const [ts, action, instrument, quantity, price, fees, status] = row.children;
      put(ts, format.dayMinute(format.ms(fill.ts)));
      put(action, fill.action);
      put(instrument, fill.instrument.replace("@", " on "));
      put(quantity, format.tokens(fill.quantity_tokens));
      put(price, fill.status === "rejected" ? format.NONE : format.price(fill.price));
      put(fees, format.money(Number(fill.fee_usd) + Number(fill.gas_usd)));
      put(status, fill.status === "pending" ? `settles ${format.dayMinute(format.ms(fill.settles))}` : fill.reason ? `${fill.status}: ${fill.reason}` : fill.status);
      attr(status, "class", fill.status === "rejected" ? "loss" : fill.status === "pending" ? "quiet" : null);
    });
}
