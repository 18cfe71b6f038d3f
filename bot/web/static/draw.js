// Shapes from columns: lines that break where nothing was seen, areas, runs of sessions.

const f = (number) => number.toFixed(1);

// A stretch with no point for this many times the usual distance is shown as a gap, not bridged.
const GAP = 4;
const SMALLEST_GAP = 20 * 60_000;
const NEARBY = 7;

export function gaps(ts) {
  const steps = [];
  for (let i = 1; i < ts.length; i += 1) steps.push(ts[i] - ts[i - 1]);
  // The past is kept coarser than the present, so what is usual is what is usual nearby.
  const usual = (from, to) => steps.slice(Math.max(0, from), Math.max(0, to)).sort((a, b) => a - b).at(Math.floor((to - Math.max(0, from)) / 2)) ?? 0;
  return steps.map((step, i) => step > SMALLEST_GAP && step > GAP * Math.max(usual(i - NEARBY, i), usual(i + 1, i + 1 + NEARBY)));
}

export function line(ts, values, x, y, broken) {
  let path = "";
  let pen = false;
  for (let i = 0; i < ts.length; i += 1) {
    const value = values[i];
    if (value === null) {
      pen = false;
      continue;
    }
    const joined = pen && !(i > 0 && broken[i - 1]);
    // A point on its own is drawn by its round cap.
    path += `${joined ? "L" : "M"}${f(x(ts[i]))} ${f(y(value))}${joined ? "" : "h.01"}`;
    pen = true;
  }
  return path;
}

export function extents(ts, low, high, x, y) {
  let path = "";
  for (let i = 0; i < ts.length; i += 1) {
    if (low[i] === null || high[i] === null || high[i] - low[i] < 1e-9) continue;
    path += `M${f(x(ts[i]))} ${f(y(low[i]))}V${f(y(high[i]))}`;
  }
  return path;
}

export function area(ts, low, high, x, y, broken, until) {
  let path = "";
  let start = null;
  const flush = (end) => {
    if (start === null) return;
    const edge = end === ts.length ? until : ts[end - 1];
    let upper = "";
    let lower = "";
    for (let i = start; i < end; i += 1) {
      upper += `${i === start ? "M" : "L"}${f(x(ts[i]))} ${f(y(high[i]))}`;
      lower = `L${f(x(ts[i]))} ${f(y(low[i]))}${lower}`;
    }
    const last = end - 1;
    path += `${upper}L${f(x(edge))} ${f(y(high[last]))}L${f(x(edge))} ${f(y(low[last]))}${lower}Z`;
    start = null;
  };
  for (let i = 0; i < ts.length; i += 1) {
    if (low[i] === null || high[i] === null) flush(i);
    else {
      if (start !== null && broken[i - 1]) flush(i);
      start ??= i;
    }
  }
  flush(ts.length);
  return path;
}

export function runs(ts, values, until) {
  const found = [];
  for (let i = 0; i < ts.length; i += 1) {
    const last = found[found.length - 1];
    if (last && last.value === values[i]) continue;
    if (last) last.to = ts[i];
    found.push({ value: values[i], from: ts[i], to: until });
  }
  return found;
}
