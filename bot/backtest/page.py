"""A backtest as one HTML file that needs nothing else: figures first, then the curves, then every trade."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, LEFT = 860, 220, 76
STYLE = """
:root { color-scheme: light dark; --ink: #1a1d21; --soft: #5a626b; --line: #e1e1db; --ground: #f4f4f1;
  --panel: #fff; --accent: #1a5cb8; --wash: #1a5cb81a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9ba5af; --line: #2a3036;
  --ground: #101316; --panel: #181c20; --accent: #79aefc; --wash: #79aefc26; } }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; background: var(--ground); color: var(--ink);
  font: 400 0.9rem/1.45 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
section { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.8rem 1rem;
  margin: 0 0 1rem; overflow-x: auto; }
h1 { font-size: 1.3rem; } h2 { font-size: 1rem; margin: 0 0 0.5rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 0.6rem; margin: 0; }
dt { color: var(--soft); font-size: 0.8rem; } dd { margin: 0; font-weight: 600; }
table { border-collapse: collapse; width: 100%; }
th { text-align: left; font-weight: 500; color: var(--soft); }
td, th { padding: 0.25rem 0.6rem 0.25rem 0; border-bottom: 1px solid var(--line); }
svg { display: block; width: 100%; height: auto; } svg text { font-size: 11px; fill: var(--soft); }
.line { fill: none; stroke: var(--accent); stroke-width: 1.75; } .area { fill: var(--wash); }
.grid { stroke: var(--line); }
"""


def page(result: dict[str, Any], title: str) -> str:
    """The report as HTML; ``title`` says what was tested."""
    equity = result["equity"]
    parts = [
        f"<h1>{escape(title)}</h1>",
        _section("Result", _figures(result)),
        _section(
            "Net profit, at fair value",
            curve(equity, "net_usd", "Net profit over time, USD"),
        ),
        _section("Waiting to settle", curve(equity, "reserved_usd", "Capital reserved over time, USD")),
        _section("Profit by route", _routes(result["profit_by_route"])),
        _section("Missed: money at stake that no plan took", _missed(result["missed"])),
        _section("Trades", _trades(result["trades"])),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def money(usd: float | None) -> str:
    """With its sign in front; a dash where it is not known."""
    if usd is None:
        return "–"
    text = f"${abs(usd):,.2f}"
    return text if usd >= 0 or text == "$0.00" else "−" + text


def percent(ratio: float | None) -> str:
    """A ratio in percent; a dash where it is not known."""
    return "–" if ratio is None else f"{ratio * 100:,.2f} %".replace("-", "−")


def curve(samples: Sequence[dict[str, Any]], key: str, label: str) -> str:
    """One column over the samples as SVG; broken where it is not known."""
    known = [(number, sample[key]) for number, sample in enumerate(samples) if sample[key] is not None]
    if len(known) < 2:
        return "<p>Too little is known to draw it.</p>"
    low, high = min(0.0, *(value for _, value in known)), max(0.0, *(value for _, value in known))
    span = (high - low) or 1.0
    right = WIDTH - LEFT

    def x(number: int) -> float:
        return number / max(len(samples) - 1, 1) * right

    def y(value: float) -> float:
        return float(10 + (high - value) / span * (HEIGHT - 34))

    path, before = "", -2
    for number, value in known:
        path += f"{'L' if number == before + 1 else 'M'}{x(number):.1f} {y(value):.1f}"
        before = number
    first, last = known[0][0], known[-1][0]
    lines = "".join(
        f'<line class="grid" x1="0" x2="{right}" y1="{y(value):.1f}" y2="{y(value):.1f}"/>'
        f'<text x="{right + 6}" y="{y(value) + 4:.1f}">{money(value)}</text>'
        for value in sorted({low, 0.0, high})
    )
    area = f"{path}L{x(last):.1f} {y(0.0):.1f}L{x(first):.1f} {y(0.0):.1f}Z" if path.count("M") == 1 else ""
    days = [samples[0]["ts"][:16].replace("T", " "), samples[-1]["ts"][:16].replace("T", " ")]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">{lines}'
        f'<path class="area" d="{area}"/><path class="line" d="{path}"/>'
        f'<text x="0" y="{HEIGHT - 4}">{days[0]}</text>'
        f'<text x="{right}" y="{HEIGHT - 4}" text-anchor="end">{days[1]} UTC</text></svg>'
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _figures(result: dict[str, Any]) -> str:
    slip = result["slippage"]
    rows = [
        ("Net profit", money(result["net_usd"])),
        ("Of capital", percent(result["return_ratio"])),
        ("A year, at this rate", percent(result["annualised_return"])),
        ("Deepest fall", money(-result["max_drawdown_usd"])),
        ("Capital", money(result["capital_usd"])),
        ("Waiting to settle, mean", percent(result["capital_use_mean"])),
        ("Waiting to settle, most", percent(result["capital_use_max"])),
        ("Turnover", money(result["turnover_usd"])),
        ("Slippage against plan", percent(slip["ratio"])),
        ("Expected of plans filled", money(result["forecast"]["expected_usd"])),
        ("Plans that lost more than their worst case", str(result["forecast"]["worse_than_worst_case"])),
        ("Incidents, plans traded", f"{result['incidents']}, {result['plans_traded']}"),
        ("Days", f"{result['days']:,.1f}"),
    ]
    return "<dl>" + "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in rows) + "</dl>"


def _routes(routes: dict[str, dict[str, Any]]) -> str:
    rows = [
        [route.replace("_", " "), str(row["plans"]), money(row["expected_usd"]), money(row["net_usd"])]
        for route, row in routes.items()
    ]
    return _table(["route", "plans", "expected", "net"], rows)


def _missed(missed: dict[str, Any]) -> str:
    rows = [
        [one["opened"][:16].replace("T", " "), one["instrument"], one["cause"].replace("_", " "),
         money(one["at_stake_usd"]), ", ".join(one["rules"])]
        for one in missed["largest"]
    ]  # fmt: skip
    return _table(["opened (UTC)", "instrument", "cause", "at stake", "rules that said no"], rows)


def _trades(trades: Sequence[dict[str, Any]]) -> str:
    rows = [
        [one["created"][:16].replace("T", " "), one["instrument"], (one["route"] or "").replace("_", " "),
         money(one["size_usd"]), money(one["expected_usd"]), money(one["net_usd"])]
        for one in trades
    ]  # fmt: skip
    return _table(["made (UTC)", "instrument", "route", "size", "expected", "net"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "<p>None.</p>"
    tops = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{tops}</tr></thead><tbody>{body}</tbody></table>"
