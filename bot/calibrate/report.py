"""What a calibration says: for machines as data, for people as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bot.calibrate import baselines
from bot.calibrate.rows import Row, by_weekend
from bot.calibrate.weekends import LEVEL, Judged, Walk, fit_stretch, folds, summary, walk
from bot.registry.model import Registry
from bot.timefmt import DAY_SECONDS, NS, iso
from bot.valuation.sessions import SessionClock
from bot.valuation.volatility import STRETCH

ENOUGH = 40
"""Fewer rows than this say nothing of coverage."""
SLACK = 0.02
"""Coverage counts as right within this of what was stated: 93 to 97 % of 95 %."""


def weekends(rows: Sequence[Row], registry: Registry, clock: SessionClock, *, fit: bool, fold_count: int = 4,
             level: float = LEVEL) -> tuple[dict[str, Any], list[Judged]]:  # fmt: skip
    """Rows judged with the shipped parameters, or (``fit``) by folds of time with parameters fitted before
    each."""

    def make(stretch: float = STRETCH) -> Walk:
        return Walk(registry, clock, stretch, level)

    if fit:
        by_fold = folds(rows, fold_count, make, level)
        judged = [one for part in by_fold for one in part]
    else:
        judged, _ = walk(rows, make)
        by_fold = _in_time(judged, fold_count)
    whole = summary(judged)
    coverage = whole["coverage"]
    at_equal = {
        name: {
            "hindsight": baselines.hindsight(rows, measure, coverage),
            "hindsight_at_level": baselines.hindsight(rows, measure, level),
            "walked": baselines.walked(rows, measure, judged),
        }
        for name, measure in (("constant", baselines.constant), ("confidence", baselines.confidence))
    }
    widths = [
        found["half_width_bp"]
        for one in at_equal.values()
        if (found := one["hindsight"]) is not None
    ]  # fmt: skip
    fixed, after = walk(rows, lambda: Walk(registry, clock, STRETCH, level, adapt=False))
    report: dict[str, Any] = {
        "level": level,
        "parameters": "fitted before each fold" if fit else "shipped",
        **whole,
        "weekends": len(by_weekend(rows)),
        "at_level": baselines.ours_at(judged, level),
        "folds": [{"from": iso(part[0].row.closed)[:10], "to": iso(part[-1].row.closed)[:10], **summary(part)}
                  for part in by_fold],
        "symbols": {symbol: {"known": _known(registry, symbol), **summary(part)}
                    for symbol, part in _by_symbol(judged).items()},
        "baselines": at_equal,
        "kinds": {kind: summary(part) for kind, part in _by_kind(judged).items()},
        "without_adaptation": summary(fixed),
        "fitted": {"stretch": fit_stretch(fixed, level), "level": after.market.level},
        "coverage_right": abs(coverage - level) <= SLACK + 1e-12,
        "narrower_than_baselines": bool(widths) and whole["half_width_bp"] < min(widths),
    }  # fmt: skip
    return report, judged


def fine(report: dict[str, Any]) -> bool:
    """Whether what was stated held, and nothing simpler did as well with less."""
    return bool(report["coverage_right"] and report["narrower_than_baselines"])


def text(report: dict[str, Any], title: str) -> Iterator[str]:
    """The same for people, line by line."""
    level = report["level"]
    yield (
        f"{title}: {report['rows']} rows, {report['weekends']} closes, parameters {report['parameters']}; "
        f"stated {level:.0%}"
    )
    yield f"  coverage {report['coverage']:.1%}, mean half-width {report['half_width_bp']:.1f} bp"
    yield ""
    yield f"  {'':24} {'rows':>5} {'coverage':>9} {'half-width':>11}"
    for part in report["folds"]:
        yield _line(f"{part['from']} to {part['to']}", part)
    for symbol, part in report["symbols"].items():
        yield _line(symbol if part["known"] else f"{symbol} (not in the registry)", part)
    if len(report["kinds"]) > 1:
        for kind, part in report["kinds"].items():
            yield _line(kind, part)
    yield ""
    yield f"  at equal coverage ({report['coverage']:.1%})"
    yield f"    {'ours':36} {report['half_width_bp']:7.1f} bp"
    for name, told in (("constant", "constant ±x %"), ("confidence", "k × oracle's confidence")):
        one = report["baselines"][name]
        if one["hindsight"] is None:
            continue
        factor = one["hindsight"]["factor"]
        best = f"±{factor:.2%}" if name == "constant" else f"k = {factor:.0f}"
        yield f"    {told + ', ' + best + ' in hindsight':36} {one['hindsight']['half_width_bp']:7.1f} bp"
        if (walked := one["walked"]) is not None:
            yield (
                f"    {told + ', from the past only':36} {walked['half_width_bp']:7.1f} bp"
                f" (ours on these {walked['rows']} rows {walked['ours_half_width_bp']:.1f} bp)"
            )
    yield ""
    if report["rows"] < ENOUGH:
        yield f"  too few to judge: at {level:.0%} one miss in {1 / (1 - level):.0f} is what is expected"
        return
    yield (
        f"  coverage {'is' if report['coverage_right'] else 'is not'} within {SLACK:.0%} of what was stated; "
        f"{'narrower' if report['narrower_than_baselines'] else 'not narrower'} than what is simpler"
    )
    fitted = report["fitted"]
    yield f"  fitted to all rows: stretch {fitted['stretch']:.3f} (shipped {STRETCH})"


def intervals(judged: Sequence[Judged]) -> Iterator[dict[str, Any]]:
    """Each row's interval, as JSON-ready data."""
    for one in judged:
        yield {
            "symbol": one.row.symbol, "closed": iso(one.row.closed), "opened": iso(one.row.opened),
            "close": one.row.close, "low": one.low, "high": one.high, "open": one.row.open, "inside":
            one.inside,
        }  # fmt: skip


def _line(name: str, part: dict[str, Any]) -> str:
    return f"  {name:24} {part['rows']:5} {part['coverage']:9.1%} {part['half_width_bp']:8.1f} bp"


def _known(registry: Registry, symbol: str) -> bool:
    share = registry.underlyings.get(symbol)
    return share is not None and share.annual_volatility is not None


def _in_time(judged: Sequence[Judged], count: int) -> list[list[Judged]]:
    closes = sorted({one.row.closed for one in judged})
    count = max(1, min(count, len(closes)))
    starts = [closes[len(closes) * number // count] for number in range(count)]
    return [
        [one for one in judged if start <= one.row.closed and (end is None or one.row.closed < end)]
        for start, end in zip(starts, [*starts[1:], None], strict=True)
    ]


def _by_kind(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """Nights (a day later), weekends and single holidays (two or three), long weekends (more)."""
    found: dict[str, list[Judged]] = {}
    for one in judged:
        days = (one.row.opened - one.row.closed) / NS / DAY_SECONDS
        kind = "nights" if days < 1.5 else "weekends" if days < 3.5 else "long weekends"
        found.setdefault(kind, []).append(one)
    return found


def _by_symbol(judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    found: dict[str, list[Judged]] = {}
    for one in judged:
        found.setdefault(one.row.symbol, []).append(one)
    return dict(sorted(found.items()))
