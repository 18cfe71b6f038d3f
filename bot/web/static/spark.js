// A day of premium in the width of a word, with the band behind it.
import { attr, svg } from "./dom.js";

const WIDTH = 104;
const HEIGHT = 24;

export function sparkline() {
  const node = svg("svg", { class: "spark", width: WIDTH, height: HEIGHT, viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" });
  node.band = svg("rect", { class: "band", x: 0, width: WIDTH });
  node.line = svg("path", { class: "premium" });
  node.dot = svg("circle", { class: "premium-dot", r: 2 });
  node.append(node.band, node.line, node.dot);
  return node;
}

export function drawSpark(node, values, row) {
  const low = row.band_low_premium ?? 0;
  const high = row.band_high_premium ?? 0;
  const width = Math.max(0.25, high, -low);
  const bend = (v) => Math.asinh(v / width);
  const seen = values.filter((v) => v !== null);
  const top = Math.max(bend(high), ...seen.map(bend), 0.9);
  const bottom = Math.min(bend(low), ...seen.map(bend), -0.9);
  const y = (v) => 2 + ((top - bend(v)) / (top - bottom)) * (HEIGHT - 4);
  const x = (i) => (i / (values.length - 1)) * (WIDTH - 5) + 1;
  let path = "";
  let last = null;
  values.forEach((v, i) => {
    if (v === null) return;
    // One empty step is the grain of the data; more is a gap.
    const joined = last !== null && i - last <= 2;
    path += `${joined ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}${joined ? "" : "h.01"}`;
    last = i;
  });
  attr(node.line, "d", path);
  attr(node.band, "y", y(high).toFixed(1));
  attr(node.band, "height", Math.max(0, y(low) - y(high)).toFixed(1));
  attr(node.band, "visibility", row.band_low_premium === null ? "hidden" : null);
  attr(node.dot, "visibility", last === null ? "hidden" : null);
  if (last !== null) {
    attr(node.dot, "cx", x(last).toFixed(1));
    attr(node.dot, "cy", y(values[last]).toFixed(1));
  }
}
