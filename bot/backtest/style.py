"""How the page looks: by day and by night, on a desk, on a phone and on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1a1d21; --soft: #5a626b; --line: #e1e1db; --edge: #8b9199;
  --ground: #f4f4f1; --panel: #fff; --s1: #1a5cb8; --s2: #b1221b; --s3: #8f5200; --s4: #17703f; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ec; --soft: #9ba5af; --line: #2a3036; --edge: #6b747d; --ground: #101316;
    --panel: #181c20; --s1: #79aefc; --s2: #ff8a80; --s3: #eab454; --s4: #5fce94; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 400 0.9rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1rem; margin: 0; }
h3 { font-size: 0.85rem; margin: 1rem 0 0; }
p { margin: 0.25rem 0 0.5rem; color: var(--soft); max-width: 80ch; }
header { margin: 0 0 1rem; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.8rem 1rem; margin: 0 0 1rem; min-width: 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 0 1rem;
  align-items: start; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: 0.7rem 1rem;
  margin: 0.6rem 0 0; }
dt { color: var(--soft); font-size: 0.8rem; }
dd { margin: 0; font-weight: 600; }
dl.first dd { font-size: 1.25rem; }
.wide { overflow-x: auto; margin-top: 0.4rem; }
.wide:focus-visible, summary:focus-visible { outline: 2px solid var(--s1); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; color: var(--soft); }
tbody th { color: var(--ink); font-weight: 400; }
td, th { padding: 0.25rem 0.8rem 0.25rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  white-space: nowrap; }
.number { text-align: right; }
.drawn { width: 50%; }
.rules { white-space: normal; min-width: 16rem; }
details { margin-top: 0.6rem; }
summary { cursor: pointer; color: var(--soft); }
figure.plot { margin: 0.6rem 0.6rem 0 0; display: grid; grid-template-columns: 3.6rem 1fr; }
.plot > svg { grid-column: 2; width: 100%; height: 13rem; overflow: visible; }
.low .plot > svg { height: 6rem; }
.up { grid-column: 1; position: relative; }
.flat { grid-column: 2; position: relative; height: 1.4rem; }
.up span, .flat span { position: absolute; font-size: 0.72rem; color: var(--soft); white-space: nowrap; }
.up span { right: 0.5rem; transform: translateY(-50%); }
.flat span { transform: translateX(-50%); top: 0.2rem; }
.legend { grid-column: 1 / -1; display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: 0.8rem; }
.legend i { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 2px; margin-right: 0.35em; }
.s1 { --c: var(--s1); } .s2 { --c: var(--s2); } .s3 { --c: var(--s3); } .s4 { --c: var(--s4); }
.legend i { background: var(--c); }
path { vector-effect: non-scaling-stroke; fill: none; }
.line { stroke: var(--c); stroke-width: 1.75; stroke-linejoin: round; }
.area { fill: var(--c); fill-opacity: 0.16; }
.grid { stroke: var(--line); }
.zero { stroke: var(--edge); }
.same { stroke: var(--edge); stroke-dasharray: 4 4; }
.dot { stroke: var(--s1); stroke-width: 9; stroke-linecap: round; stroke-opacity: 0.75; }
.bar { display: block; width: 100%; height: 0.5rem; margin: 0.15rem 0; overflow: visible; }
.bar rect { fill: var(--c); }
@media (max-width: 40rem) {
  body { padding: 0.5rem; }
  section { padding: 0.7rem; }
  dl { grid-template-columns: 1fr 1fr; }
  .drawn { width: auto; }
  .flat span:nth-child(even) { display: none; }
}
@media print { body { background: none; max-width: none; } section { break-inside: avoid; } }
"""
