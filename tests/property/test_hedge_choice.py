"""A hedge is chosen as if every offer were looked at in every move, though most are not."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.strategy.hedge_choice import Hedger
from bot.strategy.hedge_quotes import HedgeQuotes, Way
from bot.strategy.hedge_ways import Wait
from bot.strategy.hedges import ShortStock
from bot.strategy.moves import least_loss, student, worst
from tests.fixtures.market import MONDAY
from tests.fixtures.options import chain, perp, perpetual

SPOT = 395.4
DAY = 86_400.0
levels = st.sampled_from([0.9, 0.95, 0.975, 0.99, 0.999])


def judged(hedger: Hedger, way: Way, shares: float) -> tuple[float, float, float]:
    """What it costs with financing, what it loses at the wait's level, and what it locks."""
    wait, moves = hedger.wait, hedger.moves
    both = [shares * wait.spot * t + gain for t, gain in zip(hedger.ways.tokens, way.gains, strict=True)]
    cost = max(way.least_usd, -moves.mean(way.gains))
    financing = way.capital_usd * wait.financing_rate * wait.seconds / (365 * DAY)
    return cost + financing, moves.shortfall(both, wait.level), way.capital_usd


def told(hedger: Hedger, shares: float, limit: float, capital: float) -> dict[str, tuple[float, float]]:
    """Of each name the cost and loss of the offer that stands for it, by looking at all of them."""
    best: dict[str, tuple[bool, float, float, float]] = {}
    for way in hedger.ways.of(shares):
        cost, lost, locked = judged(hedger, way, shares)
        against = lost > limit or locked > capital
        here = (against, lost if against else cost, cost, lost)
        best[way.name] = min(best.get(way.name, here), here)
    return {name: (cost, lost) for name, (_, _, cost, lost) in best.items()}


@settings(max_examples=60, deadline=None)
@given(
    shares=st.floats(20.0, 3_000.0).flatmap(lambda most: st.sampled_from([most, -most])),
    sd=st.floats(0.005, 0.15), days=st.floats(0.1, 8.0), level=levels, ratio=st.floats(0.003, 0.2),
    capital=st.sampled_from([inf, 50_000.0, 2_000.0]), volatility=st.floats(0.1, 1.5),
    half=st.sampled_from([0.01, 0.05, 0.5, 3.0]), step=st.sampled_from([2.5, 5.0, 20.0]),
)  # fmt: skip
def test_what_is_not_looked_at_would_not_have_been_chosen(
    shares, sd, days, level, ratio, capital, volatility, half, step
):
    quotes = HedgeQuotes(
        chain(SPOT, MONDAY, volatility=volatility, half_spread=half, step=step), (perp(SPOT, MONDAY),),
        (perpetual(SPOT, MONDAY, kind="put" if shares > 0 else "call"),),
    )  # fmt: skip
    wait = Wait("TSLA", SPOT, MONDAY, days * DAY, sd, level=level, shortfall_ratio=ratio)
    hedger = Hedger(wait, quotes, ShortStock("TSLA@ibkr", 395.35, 395.45, 1.0, 0.005))
    choice = hedger.choose(shares, capital)
    wanted = told(Hedger(wait, quotes, hedger.ways.short), shares, choice.limit_usd, capital)
    known = sorted(other.cost_usd for other in choice.others if other.cost_usd is not None)
    if choice.chosen is not None:
        known.append(choice.chosen.cost_usd + choice.chosen.financing_usd)
        assert choice.chosen.shortfall_usd == pytest.approx(wanted[choice.chosen.way.name][1], abs=1e-6)
    assert sorted(known) == pytest.approx(sorted(cost for cost, _ in wanted.values()), abs=1e-6)
    able = [cost for cost, lost in wanted.values() if lost <= choice.limit_usd and capital == inf]
    if able:
        assert choice.chosen is not None
        assert choice.chosen.cost_usd + choice.chosen.financing_usd == pytest.approx(min(able), abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(level=levels, data=st.data())
def test_the_worst_moves_alone_bound_a_loss_whatever_the_others_bring(level, data):
    moves = student(0.03)
    values = data.draw(st.lists(st.floats(-100.0, 100.0), min_size=23, max_size=23))
    if data.draw(st.booleans()):
        values.sort()
    count = worst(moves.weights, level)
    found = least_loss(values[:count], moves.weights[:count], level)
    assert -100.0 <= found <= moves.shortfall(values, level) + 1e-6
    if values == sorted(values):
        # One cell farther in than where the level lies, at most.
        assert found >= -values[count - 1]
