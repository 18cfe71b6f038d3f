"""What a plan costs: from an incident to the plan, its size, and capital shared by several incidents.

From incident to plan, each of a thousand different markets is planned once and every time counts: by the
clock, as a person waits for it, with whatever else the machine does; and in processor time, which is ours
alone. The peers of the searches are scipy's bounded scalar search over the same objective, and its SLSQP for
the shared programme, in processor time; neither may find a thousandth more, or the benchmark stops.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from math import ceil, exp
from random import Random
from typing import Any

from benchmarks.figure import Figure, cpu_micros_each
from bot.strategy.capital import Contender, share
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.options import Contract, occ
from bot.strategy.options.european import OptionKind
from bot.strategy.sizing import maximise
from bot.timefmt import DAY_SECONDS, NS
from tests.fixtures.engine import shipped_registry
from tests.fixtures.hedge_tape import perp, quote_of
from tests.fixtures.market import MONDAY, World, incident, pool_at

VENUES, INCIDENTS = 10, 1_000
TSLA = 395.4
BUDGET = 5_000.0
"""Microseconds from incident to plan."""
ABSENT = "scipy: skipped, not installed"
MARKETS, SHARED = 50, 5
WITHIN = 1e-3


def run() -> Iterator[Figure]:
    """Plans of each kind of incident, then the two searches beside scipy's."""
    book = _book()
    gc.collect()
    gc.freeze()  # as the daemon does once it is up
    cases: list[tuple[str, float, dict[str, Any]]] = [
        ("premium, no tokens in hand", 451.07, {}),
        ("premium, tokens in hand", 451.07, {"inventory_tokens": {"TSLAx": 500.0}}),
        ("discount", 372.0, {}),
        ("discount, no redemption for us", 360.0, {"ineligible_issuers": ["xstocks"]}),
    ]
    for name, price, changes in cases:
        what = f"incident to plan, {VENUES} pools and a full chain, {name}"
        wall, own = _plans(book, price, changes)
        yield Figure(f"{what}: median, by the clock", percentile(wall, 50), "µs")
        yield Figure(f"{what}: p99, by the clock", percentile(wall, 99), "µs", budget=BUDGET)
        yield Figure(f"{what}: p99, processor time", percentile(own, 99), "µs", budget=BUDGET)
    yield _sizing()
    yield _sharing()


def _book() -> HedgeBook:
    """Eight expiries of eighty strikes, calls and puts, and a perp."""
    book = HedgeBook(shipped_registry())
    kinds: tuple[OptionKind, ...] = ("call", "put")
    for days, step, kind in product((2, 4, 9, 16, 23, 30, 37, 58), range(80), kinds):
        contract = Contract("TSLA", kind, 295.0 + 2.5 * step, MONDAY + days * DAY_SECONDS * NS)
        book.take(quote_of(f"{occ.symbol(contract)}@alpaca", MONDAY, TSLA, size=50))
    book.take(perp(MONDAY, TSLA))
    return book


def percentile(taken: Sequence[float], percent: int) -> float:
    """The least that so many percent of all do not exceed (nearest rank)."""
    return sorted(taken)[max(0, ceil(len(taken) * percent / 100) - 1)]


def _plans(book: HedgeBook, price: float, changes: dict[str, Any]) -> tuple[list[float], list[float]]:
    """Microseconds of each incident's plan, by the clock and of the processor."""
    draw = Random(0)
    markets = [(price * exp(draw.gauss(0.0, 0.01)), 10 ** draw.uniform(5.7, 6.7)) for _ in range(INCIDENTS)]
    taken = [_once(book, at, usd, changes) for at, usd in markets]
    return [wall for wall, _ in taken], [own for _, own in taken]


def _once(book: HedgeBook, price: float, usd: float, changes: dict[str, Any]) -> tuple[float, float]:
    names = [f"TSLAx@raydium:{n}" for n in range(VENUES)]
    world = World(MONDAY, TSLA, **changes)
    for n, name in enumerate(names):
        world.venue(name, pool_at(price * (1 + 0.0005 * n), usd))
    world.broker("TSLA@ibkr", 395.35, 395.45)
    found = incident(names[0], price / TSLA - 1, venues=names)
    began, started = time.perf_counter(), time.process_time()
    quotes = book.quotes("TSLA", world.ts, TSLA, lambda _symbol: 1.0)
    plans = world.strategy.plan(found, world.market, world.ts, quotes)
    own, wall = time.process_time() - started, time.perf_counter() - began
    assert plans[0].decision == "trade"
    return wall * 1e6, own * 1e6


Objective = Callable[[float], float]


def _objectives() -> list[tuple[Objective, float]]:
    """Sales into pools, less what tokens cost and a charge for the worst case; and the most to look at."""
    draw = Random(0)
    found: list[tuple[Objective, float]] = []
    for _ in range(MARKETS):
        curve = pool_at(400.0 * (1 + draw.uniform(0.005, 0.4)), 10 ** draw.uniform(4, 7))
        top = curve.to_price(400.0)
        assert top is not None

        def objective(tokens: float, sell: Any = curve.sell_tokens) -> float:
            done = sell(tokens)
            return float("-inf") if done is None else 1.1 * (done.usd - tokens * 401.2) - 0.4 * tokens

        found.append((objective, top.tokens))
    return found


def _sizing() -> Figure:
    markets = _objectives()
    ours = cpu_micros_each(lambda: [maximise(f, 0.0, most) for f, most in markets], 1, 10) / MARKETS
    try:
        from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]  # has no types
    except ImportError:
        return Figure("best size of a sale", ours, "µs", ABSENT)

    def theirs(f: Objective, most: float) -> float:
        done = minimize_scalar(lambda x: -f(x), bounds=(0.0, most), method="bounded",
                               options={"xatol": 1e-4 * most})  # fmt: skip
        return float(done.x)

    for f, most in markets:
        assert f(maximise(f, 0.0, most)) >= f(theirs(f, most)) * (1 - WITHIN)
    peer = cpu_micros_each(lambda: [theirs(f, most) for f, most in markets], 1, 5) / MARKETS
    return Figure("best size of a sale", ours, "µs", "scipy bounded search", peer)


def _contenders() -> tuple[list[Contender], dict[str, float]]:
    draw = Random(1)
    made = []
    for n in range(SHARED):
        depth, top = 10 ** draw.uniform(2.5, 4.0), draw.uniform(0.02, 0.3)

        def profit(size: float, depth: float = depth, top: float = top) -> float:
            return 400 * (size * (1 + top) / (1 + size / depth) - size)

        def uses(size: float, n: int = n) -> dict[str, float]:
            return {"capital": 400 * size, f"venue{n % 2}": 410 * size}

        made.append(Contender(f"c{n}", 0.0, depth * ((1 + top) ** 0.5 - 1), profit, uses))
    wanted = sum(400 * one.most for one in made)
    return made, {"capital": 0.4 * wanted, "venue0": 0.3 * wanted, "venue1": 0.3 * wanted}


def _sharing() -> Figure:
    made, rooms = _contenders()
    name = f"capital shared by {SHARED} incidents under three limits"
    ours = cpu_micros_each(partial(share, made, rooms), 1, 10)
    try:
        from scipy.optimize import minimize
    except ImportError:
        return Figure(name, ours, "µs", ABSENT)
    limits = [
        {"type": "ineq", "fun": lambda x, key=key: 1 - sum(
            one.uses(one.most * v).get(key, 0.0) for one, v in zip(made, x, strict=True)) / rooms[key]}
        for key in rooms
    ]  # fmt: skip

    def theirs() -> Any:
        return minimize(
            lambda x: -sum(one.profit(one.most * v) for one, v in zip(made, x, strict=True)), [0.2] * SHARED,
            bounds=[(0, 1)] * SHARED, constraints=limits, method="SLSQP",
        )  # fmt: skip

    assert share(made, rooms).profit_usd >= -theirs().fun * (1 - WITHIN)
    return Figure(name, ours, "µs", "scipy SLSQP", cpu_micros_each(theirs, 1, 5))
