// Premium over time with its band, incidents and sessions; below it the prices. One cursor for both.
import { attr, h, put, show, svg } from "./dom.js";
import * as draw from "./draw.js";
import * as format from "./format.js";
import * as scale from "./scale.js";

const LEFT = 8;
const AXIS = 58;
const TOP = 10;
const PREMIUM = 208;
const RIBBON = 14;
const PRICE_TOP = 262;
const PRICE = 92;
const HEIGHT = PRICE_TOP + PRICE + 22;

const widened = (columns, side) => columns.ts.map((_, i) => {
  const edge = columns[side][i];
  const sd = columns.fair_value_sd[i];
  if (edge === null || sd === null) return null;
  return ((1 + edge / 100) * Math.exp((side === "band_low" ? -1.96 : 1.96) * sd) - 1) * 100;
});

const around = (columns, sign) => columns.fair_value.map((fair, i) => {
  const sd = columns.fair_value_sd[i];
  return fair === null || sd === null ? null : fair * Math.exp(sign * 1.96 * sd);
});

function within(history, from) {
  const ts = history.ts.map(format.ms);
  const start = ts.findIndex((t) => t >= from);
  const cut = start < 0 ? ts.length : start;
  const columns = { ts: ts.slice(cut) };
  for (const [name, values] of Object.entries(history)) if (name !== "ts") columns[name] = values.slice(cut);
  return columns;
}

export class Chart {
  constructor(box) {
    this.box = box;
    this.readout = h("output", { class: "readout", "aria-live": "off" });
    this.canvas = svg("svg", { role: "img", height: HEIGHT, "aria-label": "Premium and price over time" });
    this.frame = h("div", { class: "frame", tabindex: 0, role: "group", "aria-roledescription": "chart" }, this.canvas);
    this.none = h("p", { class: "empty over", hidden: true });
    this.legend = h("ul", { class: "legend", "aria-hidden": "true" },
      ...[["premium", "premium"], ["band", "band"], ["sure", "band widened by the fair value’s uncertainty (95 %)"], ["price", "price"], ["fair", "fair value"]]
        .map(([name, text]) => h("li", null, h("i", { class: `key ${name}` }), text)),
      this.bent = h("li", { class: "bent" }));
    box.append(this.readout, this.frame, this.none, this.legend);
    this.cursor = null;
    new ResizeObserver(() => this.render()).observe(this.frame);
    this.frame.addEventListener("pointermove", (event) => this.point(event));
    this.frame.addEventListener("pointerleave", () => this.move(null));
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.frame.addEventListener("blur", () => this.move(null));
  }

  // `data` is the answer of /api/instruments/{instrument}; `span` how many milliseconds of it to show.
  update(data, span) {
    this.data = data;
    const now = format.ms(data.now);
    const first = data.history.ts.length ? format.ms(data.history.ts[0]) : now;
    this.to = now;
    this.from = Math.max(now - span, Math.min(first, now - 600_000));
    this.columns = within(data.history, this.from);
    this.render();
  }

  render() {
    const { columns } = this;
    const width = Math.floor(this.frame.clientWidth);
    if (!columns || width < 120) return;
    const { token, venue } = this.data.instrument;
    show(this.none, columns.ts.length === 0);
    put(this.none, `Nothing was seen of ${token} on ${venue} in this time.`);
    const right = width - AXIS;
    const x = (this.x = scale.time(this.from, this.to, LEFT, right));
    const sureLow = widened(columns, "band_low");
    const sureHigh = widened(columns, "band_high");
    const half = median(columns.band_high.map((high, i) => (high === null || columns.band_low[i] === null ? null : Math.max(high, -columns.band_low[i]))));
    const y = (this.y = scale.premium([columns.premium_low, columns.premium_high, columns.band_low, columns.band_high], half, TOP, TOP + PREMIUM));
    const floor = TOP + PREMIUM;
    const clamp = (v) => Math.min(floor, Math.max(TOP, y.at(v)));
    const p = (this.p = scale.price([columns.price, columns.fair_value], PRICE_TOP, PRICE_TOP + PRICE));
    const clampPrice = (v) => Math.min(PRICE_TOP + PRICE, Math.max(PRICE_TOP, p.at(v)));
    const broken = draw.gaps(columns.ts);

    this.canvas.replaceChildren(
      pattern(),
      ...y.ticks.map((v) => grid(v === 0 ? "zero" : "grid", LEFT, right, y.at(v), format.premiumTick(v))),
      ...p.ticks.map((v) => grid("grid", LEFT, right, p.at(v), format.price(v).replace(".00", ""))),
      svg("path", { class: "sure", d: draw.area(columns.ts, sureLow, sureHigh, x.at, clamp, broken, this.to) }),
      svg("path", { class: "band", d: draw.area(columns.ts, columns.band_low, columns.band_high, x.at, clamp, broken, this.to) }),
      ...this.incidents(x, right),
      ...this.ribbon(x, floor + 8),
      svg("path", { class: "extent", d: draw.extents(columns.ts, columns.premium_low, columns.premium_high, x.at, y.at) }),
      svg("path", { class: "premium", d: draw.line(columns.ts, columns.premium, x.at, y.at, broken) }),
      svg("path", { class: "sure", d: draw.area(columns.ts, around(columns, -1), around(columns, 1), x.at, clampPrice, broken, this.to) }),
      svg("path", { class: "fair", d: draw.line(columns.ts, columns.fair_value, x.at, p.at, broken) }),
      svg("path", { class: "price", d: draw.line(columns.ts, columns.price, x.at, p.at, broken) }),
      ...x.ticks.map((t) => timeTick(t, x, right)),
      (this.mark = svg("g", { class: "cursor" })),
    );
    attr(this.canvas, "width", width);
    attr(this.canvas, "viewBox", `0 0 ${width} ${HEIGHT}`);
    show(this.bent, y.compressed || p.log);
    put(this.bent, y.compressed ? `scale compressed beyond ±${y.beyond.toFixed(1)} %` : "price on a logarithmic scale");
    attr(this.frame, "aria-label", `Premium and price of ${token} on ${venue}: ${columns.ts.length} points. Left and right arrow keys read them.`);
    if (this.cursor !== null) this.cursor = Math.min(this.cursor, columns.ts.length - 1);
    this.read();
  }

  incidents(x, right) {
    return this.data.incidents.flatMap((incident) => {
      const from = Math.max(this.from, format.ms(incident.opened));
      const to = incident.resolved ? format.ms(incident.resolved) : this.to;
      if (to < this.from || from > this.to) return [];
      const left = Math.min(x.at(from), right - 2);
      const width = Math.max(3, x.at(to) - left);
      const place = { class: `happened ${incident.severity}`, x: left, width };
      return [
        svg("rect", { ...place, y: TOP, height: PREMIUM }),
        svg("rect", { ...place, class: `cap ${incident.severity}`, y: TOP - 4, height: 4 }),
      ];
    });
  }

  ribbon(x, top) {
    return draw.runs(this.columns.ts, this.columns.session, this.to).flatMap(({ value, from, to }) => {
      const left = x.at(from);
      const width = Math.max(0, x.at(to) - left);
      const name = format.SESSIONS[value];
      const box = svg("rect", { class: `session-${value}`, x: left, y: top, width, height: RIBBON });
      const label = width > name.length * 6.4 + 6 && svg("text", { class: `ribbon on-${value}`, x: left + width / 2, y: top + 10.5 }, name);
      return label ? [box, label] : [box];
    });
  }

  point(event) {
    if (!this.columns?.ts.length) return;
    attr(this.readout, "aria-live", "off");
    const box = this.canvas.getBoundingClientRect();
    const at = event.clientX - box.left;
    let best = 0;
    let distance = Infinity;
    this.columns.ts.forEach((t, i) => {
      const d = Math.abs(this.x.at(t) - at);
      if (d < distance) [best, distance] = [i, d];
    });
    this.move(best);
  }

  key(event) {
    const last = (this.columns?.ts.length ?? 0) - 1;
    const here = this.cursor ?? last;
    const to = { ArrowLeft: here - 1, ArrowRight: here + 1, PageUp: here - 20, PageDown: here + 20, Home: 0, End: last, Escape: null }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    attr(this.readout, "aria-live", "polite");
    this.move(to === null ? null : Math.min(last, Math.max(0, to)));
  }

  move(index) {
    this.cursor = index;
    this.read();
  }

  read() {
    const { columns, cursor } = this;
    if (!columns || !this.mark) return;
    const i = cursor ?? columns.ts.length - 1;
    if (i < 0) {
      put(this.readout, "");
      this.mark.replaceChildren();
      return;
    }
    const t = columns.ts[i];
    const [low, high, value] = [columns.premium_low[i], columns.premium_high[i], columns.premium[i]];
    const moved = low !== null && high !== null && format.premium(low) !== format.premium(high);
    const during = this.data.incidents.find((each) => format.ms(each.opened) <= t && t <= (each.resolved ? format.ms(each.resolved) : this.to));
    this.readout.replaceChildren(
      h("time", null, `${format.when(t)} UTC`),
      h("span", null, format.SESSIONS[columns.session[i]]),
      h("span", null, "premium ", h("b", null, format.premium(value)), moved ? ` (${format.premium(low)} … ${format.premium(high)})` : ""),
      h("span", null, `band ${format.premium(columns.band_low[i])} … ${format.premium(columns.band_high[i])}`),
      h("span", null, `price ${format.price(columns.price[i])}`),
      h("span", null, `fair value ${format.price(columns.fair_value[i])} ${format.spread(columns.fair_value_sd[i])}`),
      ...(during ? [h("span", { class: `tone-${during.severity}` }, `incident: ${format.CAUSES[during.cause]}`)] : []),
    );
    if (cursor === null) {
      this.mark.replaceChildren();
      return;
    }
    const at = this.x.at(t);
    this.mark.replaceChildren(
      svg("line", { x1: at, x2: at, y1: TOP, y2: PRICE_TOP + PRICE }),
      ...(value === null ? [] : [svg("circle", { class: "premium-dot", cx: at, cy: this.y.at(value), r: 4 })]),
      ...(columns.price[i] === null ? [] : [svg("circle", { class: "price-dot", cx: at, cy: this.p.at(columns.price[i]), r: 3.5 })]),
    );
  }
}

function median(values) {
  const known = values.filter((v) => v !== null).sort((a, b) => a - b);
  return known.length ? known[Math.floor(known.length / 2)] : 1;
}

function grid(kind, left, right, y, label) {
  return svg("g", { class: kind }, svg("line", { x1: left, x2: right, y1: y, y2: y }), svg("text", { x: right + 6, y: y + 4 }, label));
}

function timeTick(t, x, right) {
  const at = x.at(t);
  const anchor = at > right - 24 ? "end" : at < LEFT + 24 ? "start" : "middle";
  return svg("g", { class: "tick" },
    svg("line", { x1: at, x2: at, y1: TOP, y2: TOP + PREMIUM }),
    svg("line", { x1: at, x2: at, y1: PRICE_TOP, y2: PRICE_TOP + PRICE }),
    svg("text", { x: at, y: PRICE_TOP + PRICE + 15, "text-anchor": anchor }, x.daily ? format.dayMinute(t).split(" ")[0] : format.dayMinute(t)));
}

function pattern() {
  const stripes = svg("pattern", { id: "stripes", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("line", { class: "stripe", x1: 0, x2: 0, y1: 0, y2: 5 }));
  return svg("defs", null, stripes);
}
