// One incident, all of it: evidence, how it went, what was planned and done.
import { get } from "./api.js";
import { $, h } from "./dom.js";
import * as format from "./format.js";
import { executable, tag } from "./incidents.js";
import { explanation, planLine } from "./plans.js";

const fact = (name, value) => h("div", null, h("dt", null, name), h("dd", null, value));
const PHASES = { open: "opened", update: "seen", escalate: "got worse", resolve: "resolved" };

export function detail(actions) {
  const dialog = $("detail");
  dialog.addEventListener("close", () => {
    if (location.hash.startsWith("#incident=")) history.replaceState(null, "", location.pathname);
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return async (id) => {
    let incident;
    try {
      incident = await get(`/api/incidents/${encodeURIComponent(id)}`);
    } catch (error) {
      fill(dialog, "Incident", [h("p", { class: "problem" }, error.message)]);
    }
    if (incident) fill(dialog, incident.instrument.replace("@", " on "), body(incident, actions, dialog));
    history.replaceState(null, "", `#incident=${encodeURIComponent(id)}`);
    if (!dialog.open) dialog.showModal();
  };
}

function fill(dialog, title, parts) {
  dialog.replaceChildren(h("div", { class: "sheet" },
    h("header", null, h("h2", { id: "detail-title" }, title), h("button", { type: "button", onclick: () => dialog.close() }, "Close")),
    ...parts.filter(Boolean)));
}

function body(incident, actions, dialog) {
  const opened = format.ms(incident.opened);
  const resolved = incident.resolved ? format.ms(incident.resolved) : null;
  const probability = incident.cause_probability;
  const box = h("div");
  const plan = incident.plans[0];
  return [
    h("p", null, tag(incident.severity), " ", h("strong", { class: "big" }, format.premium(incident.premium)), " at worst"),
    h("p", { class: "why" }, incident.explanation),
    h("dl", { class: "facts" },
      fact("Cause", `${format.CAUSES[incident.cause] ?? format.words(incident.cause)}${probability === null ? "" : ` (${Math.round(probability * 100)} % sure)`}`),
      fact("Opened", `${format.utc(opened)} UTC`),
      fact(resolved ? "Resolved" : "Last seen", `${format.utc(resolved ?? format.ms(incident.last_seen))} UTC${resolved ? `, after ${format.duration((resolved - opened) / 1000)}` : ""}`),
      fact("Price", format.price(incident.price)),
      fact("Fair value", `${format.price(incident.fair_value)} ${format.spread(incident.fair_value_sd)}`),
      fact("Band", `${format.premium(incident.band_low_premium)} … ${format.premium(incident.band_high_premium)}`),
      fact("At stake", format.money(incident.money_at_stake_usd)),
      incident.acknowledged_by && fact("Acknowledged by", incident.acknowledged_by)),
    executable(incident) && h("section", null, h("h3", null, "Executable price by size"), executable(incident, false)),
    incident.evidence.length > 0 && h("section", null, h("h3", null, "Evidence"), h("ul", null, incident.evidence.map((text) => h("li", null, text)))),
    incident.venues.length > 1 && h("section", null, h("h3", null, "Instruments in it"), h("p", null, incident.venues.join(", "))),
    h("section", null, h("h3", null, "How it went"), h("ol", { class: "turns" }, incident.turns.map((turn) => h("li", null,
      h("time", null, format.when(format.ms(turn.ts))), h("b", null, PHASES[turn.phase] ?? turn.phase), h("span", null, `${format.premium(turn.premium)} at ${format.price(turn.price)}`))))),
    h("section", null, h("h3", null, "Plan"), planLine(plan, -Infinity),
      plan && h("p", { class: "buttons" }, h("button", { type: "button", onclick: async () => box.replaceChildren(await explanation(plan.id)) }, "Explain")), box,
      incident.fills.length > 0 && h("p", { class: "note" }, `${format.plural(incident.fills.length, "fill")} on its plans.`)),
    h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => { dialog.close(); actions.select(incident.instrument, true); } }, "Show on the chart")),
  ];
}
