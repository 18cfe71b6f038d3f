"""Plans by an exchange's conversion are sized as well as by brute force: their arithmetic a second time."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from bot.strategy.routes import buy_and_redeem, mint_and_sell
from tests.fixtures.market import CLOCK, FAILURES, KRAKEN, MONDAY, registry
from tests.fixtures.random_markets import FAIR, best_on_grid, gap, limits, venue
from tests.property.test_sizing import (
    GRID,
    KEPT,
    PLACE,
    YEAR,
    case_of,
    compare,
    fails_at,
    gas_at,
    judged,
    sd_to,
    view_of,
    world_of,
)

DAY = 86_400.0
MOVES = [(180.0, 0.945), (3_780.0, 0.05), (86_580.0, 0.005)]
"""Three minutes, an hour more, a day more."""
OF = registry(failures=FAILURES, conversions=[KRAKEN])


def business_days(after: float, days: float) -> float:
    start = MONDAY + round(after * 1e9)
    return (CLOCK.business_days_after(start, days) - start) / 1e9


def financed(seconds: float) -> float:
    return 0.06 * seconds / YEAR


def sd_after(seconds: float) -> float:
    return sd_to(MONDAY, MONDAY + round(seconds * 1e9)) if seconds else 0.001


def mean(pairs: list[tuple[float, float]]) -> float:
    return sum(chance * seconds for seconds, chance in pairs)


def bought_there(draw: Random) -> bool:
    """A premium; tokens are bought where they are converted, and sold on that book at once or in a pool."""
    off, bound = gap(draw), limits(draw)
    kind, curve = venue(FAIR * (1 + off), draw)
    name, there = PLACE[kind], kind == "book"
    world = world_of(draw, MONDAY, bound, of=OF, ineligible_issuers=["xstocks"])
    world.venue(name, curve)
    view = view_of(world, name, off)
    moves = [(0.0, 1.0)] if there else MOVES
    stays = sum(chance * 2 ** (-seconds / DAY) for seconds, chance in moves)
    late = [(business_days(0.0, 10), 0.001)]
    if not there:
        late = [(business_days(180.0, 1), 0.01), (business_days(180.0, 10), 0.001)]
    happens = sum(chance for _, chance in late)
    later = stays if there else stays * sum(c * 2 ** (-s / DAY) for s, c in late) / happens
    sells = 1 - fails_at(name)
    gas = gas_at(name) + (0.0 if there else 1.0)
    sd = sum(chance * sd_after(seconds) ** 2 for seconds, chance in moves) ** 0.5
    longest = 0.0 if there else late[0][0]
    if longest:
        sd = max(sd, sd_after(180.0 + longest))
    mint, gone = FAIR * 1.003, FAIR * 0.997
    again = mint * financed(0.0 if there else 180.0)
    """A token that is not sold goes back: so long the money stays away."""
    wide = min(bound.max_plan_usd, bound.max_underlying_usd, bound.max_venue_usd / (2 if there else 1)) * KEPT

    def objective(tokens: float) -> float | None:
        done = curve.sell_tokens(tokens)
        if done is None or max(tokens * mint, done.usd) > wide or tokens * mint > bound.capital_usd * KEPT:
            return None
        spent = tokens * mint * (1 + financed(mean(moves))) + gas
        back = tokens * (gone - again) - (0.0 if there else 0.05) + gas_at(name)
        usual = stays * sells * done.usd + (1 - stays * sells) * back
        delayed = later * sells * done.usd + (1 - later * sells) * back
        delayed -= tokens * mint * financed(mean(late) / happens)
        expected = (1 - happens) * usual + happens * delayed - spent
        worst = tokens * (gone * exp(-3 * sd) - again) - tokens * mint * financed(longest) - spent
        return judged(world.settings, expected, min(-gas, worst))

    top = curve.to_price(FAIR)
    least = 1.001 / mint * exp(3 * sd_after(moves[0][0]))
    best = best_on_grid(objective, least, top.tokens if top is not None else 0.0, GRID)
    plans = mint_and_sell(view, case_of(view, name))
    if plans:
        assert plans[0].objective == pytest.approx(objective(plans[0].tokens), rel=1e-6, abs=1e-6)
    return compare(plans[0].objective if plans else None, best)


def sold_there(draw: Random) -> bool:
    """A discount; tokens are bought on the exchange's book or in a pool, deposited, and converted."""
    off, bound = gap(draw), limits(draw)
    kind, curve = venue(FAIR * (1 - off), draw)
    name, there = PLACE[kind], kind == "book"
    world = world_of(draw, MONDAY, bound, of=OF, ineligible_issuers=["xstocks"])
    world.venue(name, curve)
    view = view_of(world, name, -off)
    moves = [(0.0, 1.0)] if there else MOVES
    late = [(business_days(0.0 if there else 180.0, 10), 0.001)]
    held = 0.0 if there else business_days(180.0, 1)
    delayed = mean(late) + 0.01 * held
    gas = gas_at(name) + (0.0 if there else 0.05)
    sd = sum(chance * sd_after(seconds) ** 2 for seconds, chance in moves) ** 0.5
    if held:
        sd = max(sd, sd_after(180.0 + held))
    unit = FAIR * 0.997
    wide = min(bound.max_plan_usd, bound.max_underlying_usd, bound.max_venue_usd / (2 if there else 1)) * KEPT

    def objective(tokens: float) -> float | None:
        done = curve.buy_tokens(tokens)
        if done is None or max(done.usd, tokens * unit) > wide or done.usd > bound.capital_usd * KEPT:
            return None
        planned = tokens * unit - done.usd * (1 + financed(mean(moves))) - gas
        worst = planned - done.usd * financed(held) - tokens * FAIR * (1 - exp(-3 * sd))
        return judged(world.settings, planned - done.usd * financed(delayed), min(-gas, worst))

    top = curve.to_price(FAIR)
    moved = 0.0 if there else sum(c * (sd_after(s) ** 2 - 0.001**2) for s, c in moves)
    least = 1.001 / unit * exp(3 * (moved + 0.001**2) ** 0.5)
    best = best_on_grid(objective, least, top.tokens if top is not None else 0.0, GRID)
    plans = buy_and_redeem(view, case_of(view, name))
    if plans:
        assert plans[0].objective == pytest.approx(objective(plans[0].tokens), rel=1e-6, abs=1e-6)
    return compare(plans[0].objective if plans else None, best)


def run(seeds: range) -> int:
    """How many of them are traded; raises where brute force finds more."""
    return sum((bought_there, sold_there)[seed % 2](Random(seed)) for seed in seeds)


def test_fifty_random_markets_are_sized_within_a_thousandth_of_brute_force():
    assert run(range(50)) > 20


@pytest.mark.slow
def test_six_hundred_random_markets_are_sized_within_a_thousandth_of_brute_force():
    assert run(range(600)) > 240
