"""What an option's price costs, beside vollib, QuantLib's objects and an integral; and the choice of a hedge.

vollib lives in the peers' environment (``make peers``) and is timed there, by ``peers/vollib_prices.py``.
Where it and we disagree, the benchmark stops.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from itertools import cycle, product
from math import exp
from pathlib import Path

from msgspec import Struct, convert
from msgspec.structs import replace

from benchmarks.figure import Figure, cpu_micros_each
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.hedge_choice import Hedger
from bot.strategy.hedge_ways import Wait
from bot.strategy.hedges import ShortStock
from bot.strategy.options import Contract, Perpetual, Terms, american, european, listed, occ, perpetual
from bot.strategy.options.european import OptionKind
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Tick
from tests.fixtures.engine import shipped_registry as shipped
from tests.fixtures.hedge_tape import perp, quote_of

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
SCRIPT = Path(__file__).parent / "peers" / "vollib_prices.py"
ABSENT = "vollib: skipped, make peers"
SPOT, RATE = 100.0, 0.04
KINDS: tuple[OptionKind, ...] = ("call", "put")
GRID: list[tuple[OptionKind, float, float, float, float, float]] = [
    (kind, SPOT, strike, years, RATE, volatility)
    for kind, strike, years, volatility in product(
        KINDS, (80.0, 90.0, 100.0, 110.0, 120.0), (0.1, 0.5, 1.0), (0.2, 0.5, 0.9)
    )
]
AGREE = 1e-9
CHOICE_BUDGET = 5_000.0
"""Microseconds: of the five milliseconds from incident to plan."""
TICK_BUDGET = 10.0
"""Microseconds: a hundred thousand quotes a second are then a core's work."""


class Peer(Struct, frozen=True):
    """vollib's answers for the grid."""

    prices: list[float]
    deltas: list[float]
    volatilities: list[float]
    price_micros: float
    volatility_micros: float


def run() -> Iterator[Figure]:
    """Listed, perpetual, implied, and a hedge out of a full chain."""
    peer = _peer()
    priced = [_price(option) for option in GRID]
    _agree(peer, priced)
    name, absent = ("vollib", "") if peer is not None else ("", ABSENT)
    yield Figure("European price", _each(_price), "µs", name or absent, peer and peer.price_micros)
    back = _micros_all(lambda: [_implied(o, p) for o, p in zip(GRID, priced, strict=True)])
    yield Figure("European implied volatility", back, "µs", name or absent, peer and peer.volatility_micros)
    yield Figure("European price and five greeks", _each(_greeks), "µs")
    put = ("put", SPOT, 105.0, 0.5, 0.4, RATE)
    yield Figure("American price", cpu_micros_each(partial(american.price, *put), 5, 20), "µs")
    contract, terms = Contract("TSLA", "put", 105.0, 0), Terms(SPOT, 1.0, RATE)
    implied = partial(listed.implied_volatility, contract, 12.0, terms, 0.5)
    yield Figure("American implied volatility", cpu_micros_each(implied, 2, 20), "µs")
    paying = partial(american.price, *put, 0.0, ((0.2, 0.8),))
    yield Figure("American price over a cash dividend", cpu_micros_each(paying, 1, 5), "µs")
    option = Perpetual("call", 50_000.0, 7.0)
    assert abs(perpetual.price(option, 40_000.0, 1.0) - _integral(option, 40_000.0, 1.0)) < 1e-3
    long_way = cpu_micros_each(partial(_integral, option, 40_000.0, 1.0), 5, 20)
    yield Figure("perpetual price", cpu_micros_each(partial(perpetual.price, option, 40_000.0, 1.0)), "µs",
                 "integral of Black-Scholes, 400 points", long_way)  # fmt: skip
    yield Figure("perpetual greeks", cpu_micros_each(partial(perpetual.greeks, option, 40_000.0, 1.0)), "µs")
    book, ticks = HedgeBook(shipped()), _ticks()
    count = len(ticks) - 1
    yield Figure(f"one tick of an option into a book of {count:,}", _take_micros(book, ticks), "µs",
                 budget=TICK_BUDGET)  # fmt: skip
    yield Figure(f"hedge chosen out of {count:,} options, a perp and short stock",
                 cpu_micros_each(partial(_choose, book), 1, 30), "µs", budget=CHOICE_BUDGET)  # fmt: skip


def _take_micros(book: HedgeBook, ticks: list[Tick]) -> float:
    """Each contract once more, a second later each time."""
    taken = []
    for turn in range(1, 11):
        again = [replace(tick, ts=tick.ts + turn * NS) for tick in ticks]
        started = time.process_time()
        for tick in again:
            book.take(tick)
        taken.append((time.process_time() - started) * 1e6 / len(again))
    return min(taken)


def _price(option: tuple[OptionKind, float, float, float, float, float]) -> float:
    kind, spot, strike, years, rate, volatility = option
    return european.price(kind, spot, strike, years, volatility, rate)


def _greeks(option: tuple[OptionKind, float, float, float, float, float]) -> object:
    kind, spot, strike, years, rate, volatility = option
    return european.greeks(kind, spot, strike, years, volatility, rate)


def _implied(option: tuple[OptionKind, float, float, float, float, float], paid: float) -> float | None:
    kind, spot, strike, years, rate, _ = option
    return european.implied_volatility(kind, paid, spot, strike, years, rate)


def _each(work: object) -> float:
    assert callable(work)
    return _micros_all(lambda: [work(option) for option in GRID])


def _micros_all(work: object) -> float:
    assert callable(work)
    return cpu_micros_each(work, 1, 30) / len(GRID)


def _agree(peer: Peer | None, priced: list[float]) -> None:
    if peer is None:
        return
    for option, ours, theirs, delta, volatility in zip(
        GRID, priced, peer.prices, peer.deltas, peer.volatilities, strict=True
    ):
        assert abs(ours - theirs) < AGREE, f"{option}: {ours}, vollib {theirs}"
        kind, spot, strike, years, rate, vol = option
        assert abs(european.greeks(kind, spot, strike, years, vol, rate).delta - delta) < 1e-6, option
        assert ours < 1e-3 or abs((_implied(option, ours) or 0.0) - volatility) < 1e-6, option


def _peer() -> Peer | None:
    if not PYTHON.exists():
        return None
    done = subprocess.run(
        [PYTHON, SCRIPT], input=json.dumps(GRID), capture_output=True, text=True, check=False
    )
    return convert(json.loads(done.stdout), Peer) if done.returncode == 0 else None


def _integral(option: Perpetual, spot: float, volatility: float, points: int = 400) -> float:
    """The midpoint rule, over the root of time."""
    end, total = 40.0**0.5, 0.0
    for n in range(points):
        root = end * (n + 0.5) / points
        years = root * root * option.period_days / 365
        total += (
            2 * root * exp(-root * root) * european.price(option.kind, spot, option.strike, years, volatility)
        )
    return total * end / points


TS = 1_751_896_800 * NS
TSLA = 395.4


def _ticks() -> list[Tick]:
    """Eight expiries of eighty strikes, calls and puts; and a perp."""
    made = []
    for days, step, kind in product((2, 4, 9, 16, 23, 30, 37, 58), range(80), KINDS):
        contract = Contract("TSLA", kind, 295.0 + 2.5 * step, TS + days * DAY_SECONDS * NS)
        made.append(quote_of(f"{occ.symbol(contract)}@alpaca", TS, TSLA, size=50))
    return [*made, perp(TS, TSLA)]


TURNS = cycle((180.0, 250.0, 320.0))


def _choose(book: HedgeBook) -> None:
    quotes = book.quotes("TSLA", TS, TSLA, lambda _symbol: 1.0)
    assert quotes is not None
    wait = Wait("TSLA", TSLA, TS, 3.0 * DAY_SECONDS, 0.05, shortfall_ratio=0.04)
    short = ShortStock("TSLA@ibkr", 395.35, 395.45, 1.0, 0.005)
    assert Hedger(wait, quotes, short).choose(next(TURNS)).chosen is not None
