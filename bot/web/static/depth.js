// What it takes to move an instrument's price: sales to the left of it, purchases to the right.
import { attr, h, put, show, svg } from "./dom.js";
import * as format from "./format.js";

const HEIGHT = 180;
const TOP = 14;
const BOTTOM = HEIGHT - 20;
const AXIS = 58;
const f = (number) => number.toFixed(1);

export class DepthPicture {
  constructor(box) {
    this.box = box;
    this.why = h("p", { class: "empty" });
    this.readout = h("output", { class: "depth-readout", "aria-live": "off" });
    this.canvas = svg("svg", { role: "img", height: HEIGHT });
    this.frame = h("div", { class: "depth-frame", tabindex: 0, role: "group", "aria-roledescription": "chart" }, this.canvas);
    this.sizes = h("table", { class: "plain-table" });
    this.picture = h("div", null, this.readout, this.frame);
    box.append(this.why, this.picture, this.sizes);
    this.cursor = null;
    new ResizeObserver(() => this.render()).observe(this.frame);
    this.frame.addEventListener("pointermove", (event) => this.point(event));
    this.frame.addEventListener("pointerleave", () => this.move(null));
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.frame.addEventListener("blur", () => this.move(null));
  }

  // `data` is the answer of /api/instruments/{instrument}/depth.
  update(data) {
    this.data = data;
    show(this.why, !data.depth);
    show(this.picture, Boolean(data.depth));
    put(this.why, data.why ? `No depth: ${data.why}.` : "");
    this.points = data.depth ? [...data.depth.sell.map((each) => ({ ...each, side: "sell" })).reverse(), ...data.depth.buy.map((each) => ({ ...each, side: "buy" }))] : [];
    this.table();
    this.render();
  }

  table() {
    const { sizes } = this.data;
    show(this.sizes, sizes.length > 0);
    const cell = (price) => h("td", { class: price === null ? "num none" : "num" }, price === null ? "cannot be filled" : format.price(price));
    this.sizes.replaceChildren(
      h("thead", null, h("tr", null, h("th", { scope: "col" }, "Size"), h("th", { scope: "col", class: "num" }, "a seller gets"), h("th", { scope: "col", class: "num" }, "a buyer pays"))),
      h("tbody", null, sizes.map((each) => h("tr", null, h("th", { scope: "row" }, format.size(each.usd)), cell(each.sell), cell(each.buy)))));
  }

  render() {
    const width = Math.floor(this.frame.clientWidth);
    if (!this.points?.length || width < 120) return;
    const { spot } = this.data.depth;
    const right = width - AXIS;
    const prices = this.points.map((each) => each.price);
    const [low, high] = [Math.min(...prices), Math.max(...prices)];
    const most = Math.max(...this.points.map((each) => each.usd), 1);
    this.x = (price) => 4 + ((price - low) / (high - low)) * (right - 4);
    this.y = (usd) => BOTTOM - (usd / most) * (BOTTOM - TOP);
    this.right = right;
    const parts = [];
    for (const usd of [most, most / 2]) {
      parts.push(svg("g", { class: "grid" }, svg("line", { x1: 0, x2: right, y1: f(this.y(usd)), y2: f(this.y(usd)) }), svg("text", { x: right + 6, y: f(this.y(usd) + 4) }, format.size(usd))));
    }
    for (const side of ["sell", "buy"]) {
      const points = this.data.depth[side];
      let path = `M${f(this.x(spot))} ${BOTTOM}`;
      for (const each of points) path += `L${f(this.x(each.price))} ${f(this.y(each.usd))}`;
      const line = path;
      path += `L${f(this.x(points.at(-1).price))} ${BOTTOM}Z`;
      parts.push(svg("path", { class: `depth-area ${side}`, d: path }), svg("path", { class: `depth-line ${side}`, d: line }));
    }
    const marks = [["spot", spot, "price"]];
    if (this.data.fair_value !== null && this.data.fair_value > low && this.data.fair_value < high) marks.push(["fair", this.data.fair_value, "fair value"]);
    for (const [name, price, text] of marks) {
      const side = name === "spot" ? "start" : "end";
      parts.push(svg("line", { class: `depth-mark ${name}`, x1: f(this.x(price)), x2: f(this.x(price)), y1: TOP, y2: BOTTOM }),
        svg("text", { x: f(this.x(price) + (side === "start" ? 4 : -4)), y: TOP - 3, "text-anchor": side }, text));
    }
    for (const [price, anchor] of [[low, "start"], [spot, "middle"], [high, "end"]]) parts.push(svg("text", { x: f(this.x(price)), y: HEIGHT - 4, "text-anchor": anchor }, format.price(price)));
    this.line = svg("line", { class: "depth-cursor", y1: TOP, y2: BOTTOM, hidden: true });
    parts.push(this.line);
    this.canvas.setAttribute("width", width);
    this.canvas.replaceChildren(...parts);
    const near = this.data.depth.sell[5] ?? this.data.depth.sell.at(-1);
    const up = this.data.depth.buy[5] ?? this.data.depth.buy.at(-1);
    this.summary = `${format.money(near.usd)} sold moves the price down to ${format.price(near.price)}, ${format.money(up.usd)} bought moves it up to ${format.price(up.price)}.`;
    attr(this.canvas, "aria-label", this.summary);
    this.move(this.cursor);
  }

  point(event) {
    if (!this.x) return;
    const at = event.clientX - this.frame.getBoundingClientRect().left;
    let best = 0;
    this.points.forEach((each, i) => {
      if (Math.abs(this.x(each.price) - at) < Math.abs(this.x(this.points[best].price) - at)) best = i;
    });
    this.move(best);
  }

  key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !this.points.length) return;
    event.preventDefault();
    this.move(Math.min(this.points.length - 1, Math.max(0, (this.cursor ?? Math.floor(this.points.length / 2)) + step)));
  }

  move(index) {
    this.cursor = index;
    if (!this.line) return;
    show(this.line, index !== null);
    const each = index === null ? null : this.points[index];
    if (!each) {
      put(this.readout, this.summary ?? "");
      return;
    }
    attr(this.line, "x1", f(this.x(each.price)));
    attr(this.line, "x2", f(this.x(each.price)));
    put(this.readout, `${each.side === "sell" ? "Selling" : "Buying"} ${format.money(each.usd)} takes the price to ${format.price(each.price)}${each.average === null ? "" : `, ${format.price(each.average)} on average`}.`);
  }
}
