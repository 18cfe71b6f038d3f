"""The figures of a backtest, as JSON-ready data; pure. docs/backtests.md says what each means."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bot.backtest.forecast import by_route, forecast, lost, trades, won
from bot.backtest.missed import missed
from bot.backtest.run import Backtest, Sample
from bot.backtest.slippage import slippage
from bot.backtest.turnover import turnover
from bot.timefmt import DAY_SECONDS, NS, iso
from bot.types import BY_ITSELF, Fill

YEAR_DAYS = 365.0


def report(test: Backtest) -> dict[str, Any]:
    """Equity, profit by route, drawdown, capital use, turnover, slippage against plan, what was missed.

    USD and ratios; ``None`` where there is nothing to divide by, or something held has no fair value.
    """
    capital = test.config.strategy.capital_usd
    now = test.driver.now
    days = (now - test.started) / NS / DAY_SECONDS if test.started else 0.0
    net = test.samples[-1].net if test.samples else None
    rows = trades(test)
    traded = turnover(test.fills)
    mean = test.meter.mean
    return {
        "ticks": test.ticks,
        "days": round(days, 6),
        "capital_usd": capital,
        "net_usd": net,
        "return_ratio": None if net is None else net / capital,
        "annualised_return": None if net is None or days <= 0 else net / capital / days * YEAR_DAYS,
        "incidents": len(test.incidents),
        "plans": len(test.plans),
        "plans_traded": len(rows),
        "fills": len(test.fills),
        "fills_rejected": refused(test.fills),
        "won": won(rows),
        "lost": lost(rows),
        "profit_by_route": by_route(rows),
        "max_drawdown_usd": drawdown(test.samples),
        "capital_use_mean": None if mean is None else mean / capital,
        "capital_use_max": test.meter.most / capital if test.started else None,
        "turnover_usd": sum(traded.values()),
        "turnover_ratio": sum(traded.values()) / capital,
        "turnover_by_kind": traded,
        "slippage": slippage(test.fills, test.traded),
        "forecast": forecast(rows),
        "missed": missed(test, rows),
        "quarantined": dict(test.quarantined),
        "quarantined_first": dict(test.examples),
        "trades": rows,
        "equity": [_row(sample) for sample in test.samples],
    }


def refused(fills: Iterable[Fill]) -> int:
    """How many orders were; a hedge that stays is told of without one."""
    return sum(fill.status == "rejected" and fill.action not in BY_ITSELF for fill in fills)


def drawdown(samples: Iterable[Sample]) -> float:
    """The deepest fall of net profit from its highest so far, USD, not negative."""
    return max((fall for fall in falls(sample.net for sample in samples) if fall is not None), default=0.0)


def falls(nets: Iterable[float | None]) -> list[float | None]:
    """How far each is below the highest so far, the start at 0 among them."""
    peak, found = 0.0, []
    for net in nets:
        peak = peak if net is None else max(peak, net)
        found.append(None if net is None else peak - net)
    return found


def _row(sample: Sample) -> dict[str, Any]:
    use = sample.use
    return {
        "ts": iso(sample.ts), "net_usd": sample.net, "realised_usd": sample.realised,
        "cash_usd": sample.cash, "capital_used_usd": use.total, "reserved_usd": use.transit,
        "held_usd": use.held, "margin_usd": use.margin, "short_margin_usd": use.short,
    }  # fmt: skip
