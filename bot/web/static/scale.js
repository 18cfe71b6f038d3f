// Axes: time, a premium that may be 0.2 % or 10,600 %, and prices.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
// From ten-fold on a premium is written as a multiple: ×10 is +900 %.
const MULTIPLES = [10, 100, 1000, 10_000, 1e5, 1e6].map((times) => (times - 1) * 100);
const TIME_STEPS = [5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY];

const range = (values) => {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value === null || value === undefined) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
};

export function time(from, to, left, right) {
  const span = Math.max(1, to - from);
  const at = (t) => left + ((t - from) / span) * (right - left);
  const room = Math.max(2, Math.floor((right - left) / 90));
  const step = TIME_STEPS.find((each) => span / each <= room) ?? 14 * DAY;
  const ticks = [];
  for (let t = Math.ceil(from / step) * step; t <= to; t += step) ticks.push(t);
  return { at, ticks, daily: step >= DAY };
}

function nice(low, high, count) {
  const raw = (high - low) / Math.max(1, count) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((each) => each * power).find((each) => each >= raw);
  const ticks = [];
  for (let n = Math.ceil(low / step); n * step <= high + step * 1e-9; n += 1) ticks.push(n * step);
  return ticks;
}

// Straight while everything is within a few bands; beyond that straight near zero and compressed outside
// (inverse hyperbolic sine), so that neither the spike nor the calm before it is lost.
export function premium(columns, bandHalf, top, bottom) {
  const found = range(columns.flat()) ?? [-1, 1];
  const linear = Math.max(0.5, bandHalf);
  let [low, high] = [Math.min(found[0], -linear / 2), Math.max(found[1], linear / 2)];
  const compressed = Math.max(-low, high) > 8 * linear;
  const bend = compressed ? (v) => Math.asinh(v / linear) : (v) => v;
  const back = compressed ? (v) => Math.sinh(v) * linear : (v) => v;
  const pad = (bend(high) - bend(low)) * 0.07;
  [low, high] = [bend(low) - pad, bend(high) + pad];
  const at = (v) => bottom - ((bend(v) - low) / (high - low)) * (bottom - top);
  const candidates = compressed ? [...ladder().filter((v) => v <= 100), ...MULTIPLES] : nice(back(low), back(high), Math.max(2, (bottom - top) / 38));
  const ticks = [0];
  const far = (v) => ticks.every((each) => Math.abs(at(each) - at(v)) >= 20);
  for (const v of candidates) if (at(v) > top + 4 && at(v) < bottom - 2 && far(v)) ticks.push(v);
  return { at, ticks, compressed, beyond: linear };
}

function ladder() {
  const sizes = [];
  for (let power = 0.1; power < 1e9; power *= 10) sizes.push(power, 2 * power, 5 * power);
  // The powers of ten first, so that the round ones win the room.
  sizes.sort((a, b) => (String(a)[0] === "1" ? 0 : 1) - (String(b)[0] === "1" ? 0 : 1) || a - b);
  return sizes.flatMap((size) => (size <= 100 ? [size, -size] : [size]));
}

export function price(columns, top, bottom) {
  const found = range(columns.flat()) ?? [0, 1];
  const log = found[0] > 0 && found[1] / found[0] > 3;
  const bend = log ? Math.log : (v) => v;
  let [low, high] = found.map(bend);
  const pad = (high - low || Math.abs(high) * 0.01 || 1) * 0.08;
  [low, high] = [low - pad, high + pad];
  const at = (v) => bottom - ((bend(v) - low) / (high - low)) * (bottom - top);
  const candidates = log ? ladder().filter((v) => v > 0) : nice(low, high, Math.max(1, (bottom - top) / 34));
  const ticks = [];
  for (const v of candidates) {
    if (at(v) > top + 4 && at(v) < bottom - 2 && ticks.every((each) => Math.abs(at(each) - at(v)) >= 20)) ticks.push(v);
  }
  return { at, ticks, log };
}
