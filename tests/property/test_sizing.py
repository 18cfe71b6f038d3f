"""Every route is sized as well as by brute force, on random markets: arithmetic written out a second time."""

from __future__ import annotations

from math import exp
from random import Random

import pytest

from bot.config import StrategySection
from bot.detector.bands import OPEN_IN
from bot.market import InstrumentState
from bot.pools import ConstantProduct, PoolCurve
from bot.registry.model import Channel
from bot.strategy.risk import LEG_FAILS
from bot.strategy.routes import (
    Case,
    Pair,
    View,
    buy_and_redeem,
    cross_venue,
    hedge_and_hold,
    mint_and_sell,
    open_case,
)
from tests.fixtures.market import CLOCK, MONDAY, SATURDAY, World, incident, registry
from tests.fixtures.random_markets import FAIR, Limits, best_on_grid, gap, limits, venue

PLACE = {"pool": "TSLAx@raydium", "concentrated": "TSLAx@orca", "book": "TSLAx@kraken"}
OTHER = {"pool": "TSLAx@raydium:2", "concentrated": "TSLAx@orca:2", "book": "TSLAx@gate"}
GRID = 250
WITHIN = 1e-3
WAIT = 23.5 * 3600
LEAST = 5_000 * 1.001
YEAR = 365 * 86_400
VARIANCE = 0.36
KEPT = 1 + 1e-6
"""A limit is kept to a ten-millionth, and what is received is rounded to units."""


def run(worlds: range) -> int:
    """How many of them are traded; raises where brute force finds more, or a limit is not kept."""
    return sum(WAYS[seed % len(WAYS)](Random(seed)) for seed in worlds)


def test_a_hundred_random_markets_are_sized_within_a_thousandth_of_brute_force():
    assert run(range(100)) > 40


@pytest.mark.slow
def test_a_thousand_random_markets_are_sized_within_a_thousandth_of_brute_force():
    assert run(range(1_000)) > 400


def world_of(draw: Random, ts: int, bound: Limits, **changes: object) -> World:
    charge = draw.choice((0.0, 0.1, draw.uniform(0.0, 0.5)))
    return World(ts, FAIR, session=CLOCK.session(ts), risk_charge=charge, max_issuer_usd=1e9,
                 max_concentration=1.0, capital_usd=bound.capital_usd,
                 max_plan_usd=bound.max_plan_usd, max_underlying_usd=bound.max_underlying_usd,
                 max_venue_usd=bound.max_venue_usd, max_open_settlement_usd=bound.max_open_settlement_usd,
                 **changes)  # fmt: skip


def view_of(world: World, name: str, basis: float) -> View:
    made = incident(name, basis)
    return View(made, world.market, world.registry, world.settings, CLOCK, world.strategy.desk, 0.5, world.ts)


def case_of(view: View, name: str) -> Case:
    state = view.market.instrument(name)
    assert isinstance(state, InstrumentState)
    case = open_case(view, state)
    assert case is not None
    return case


def sd_to(ts: int, end: int) -> float:
    """TSLA at 60 % a year, and the fair value's own 10 bp."""
    return (0.001**2 + VARIANCE * (CLOCK.variance_time(end) - CLOCK.variance_time(ts))) ** 0.5


def judged(settings: StrategySection, expected: float, worst: float) -> float:
    return expected + settings.risk_charge * min(0.0, worst)


def gas_at(name: str) -> float:
    return 0.0 if "kraken" in name or "gate" in name else 0.01


def fails_at(name: str) -> float:
    return LEG_FAILS["exchange" if gas_at(name) == 0 else "pool"]


def undone(case: Case, usd: float, tokens: float, selling: bool) -> float:
    """What it costs to trade back at once: on a book at the other side, in a pool both fees; what is paid of
    them into ``x · y`` makes the way back dearer or better. In ranges they lie beside, but what is kept of
    the tokens that come back leaves the price short of where it was: there the pool's own steps say it."""
    curve = case.curve
    if isinstance(curve, PoolCurve) and isinstance(curve.pool, ConstantProduct):
        held, quote = curve.pool.token_reserve / 1e8, curve.pool.quote_reserve / 1e6
        keeps = 1 - curve.fee_ratio(True)
        if selling:  # all the tokens are in the pool, and so many must come out again
            return (quote - usd) * tokens / held / keeps - usd
        return usd - (quote + usd) * tokens * keeps / (held - tokens + tokens * keeps)
    if case.state.venue_kind == "pool":
        left = curve.after(tokens, selling)
        assert left is not None
        both = (1 - curve.fee_ratio(True)) ** 2
        curve, nearly = left, usd / both - usd if selling else usd - usd * both
        back = curve.buy_tokens(tokens) if selling else curve.sell_tokens(tokens)
        assert back is not None
        assert abs(back.usd - usd) == pytest.approx(nearly, rel=0.2, abs=1e-4)
        return abs(back.usd - usd)
    back = curve.buy_tokens(tokens) if selling else curve.sell_tokens(tokens)
    if back is None:
        return 0.02 * usd
    return max(0.0, back.usd - usd if selling else usd - back.usd)


def compare(found: float | None, best: float) -> bool:
    """What was found against the grid's best, where doing nothing is 0."""
    if best <= 1e-6:
        return found is not None and found > 0
    assert found is not None, best
    assert found >= best - WITHIN * best
    return True


def redeem(draw: Random) -> bool:
    """A discount, bought and redeemed on a Monday."""
    off, bound = gap(draw), limits(draw)
    kind, curve = venue(FAIR * (1 - off), draw)
    world = world_of(draw, MONDAY, bound)
    name = PLACE[kind]
    world.venue(name, curve)
    view = view_of(world, name, -off)
    case = case_of(view, name)
    moving = 0.05 * 86_400 if kind == "book" else 0.0
    unit = FAIR * 0.9995 * 0.9975
    risk = FAIR * (1 - exp(-3 * sd_to(MONDAY, MONDAY + round((WAIT + moving) * 1e9))))
    gas = gas_at(name) + 2 + (0.05 if moving else 0.0)
    fails = LEG_FAILS["issuer"]

    wide = min(bound.max_plan_usd, bound.max_underlying_usd, bound.max_venue_usd) * KEPT

    def fits(usd: float, proceeds: float) -> bool:
        if max(usd, proceeds) > wide:
            return False
        return usd <= bound.capital_usd * KEPT and proceeds <= bound.max_open_settlement_usd * KEPT

    def objective(tokens: float) -> float | None:
        done = curve.buy_tokens(tokens)
        if done is None or not fits(done.usd, tokens * unit):
            return None
        planned = tokens * unit - done.usd * (1 + 0.06 * (WAIT + moving) / YEAR) - gas
        refused = -undone(case, done.usd, tokens, False) - 2 * gas_at(name) - (0.05 if moving else 0.0)
        expected = (1 - fails) * planned + fails * refused
        return judged(world.settings, expected, min(-gas, planned - tokens * risk))

    top = curve.to_price(FAIR)
    way = (sd_to(MONDAY, MONDAY + round(moving * 1e9)) if moving else 0.001) * 3
    least = LEAST * exp(way) / (FAIR * 0.9995)
    best = best_on_grid(objective, least, top.tokens if top is not None else 0.0, GRID)
    plans = buy_and_redeem(view, case)
    if plans:
        used = plans[0].exposure
        assert fits(used.capital_usd, used.settlement_usd)
        assert plans[0].objective == pytest.approx(objective(plans[0].tokens), rel=1e-6, abs=1e-6)
    return compare(plans[0].objective if plans else None, best)


def sale(draw: Random) -> bool:
    """A premium on a Saturday, sold out of inventory, replaced when the issuer has opened."""
    off, bound = gap(draw), limits(draw)
    kind, curve = venue(FAIR * (1 + off), draw)
    name, held = PLACE[kind], 10 ** draw.uniform(-1, 4)
    world = world_of(draw, SATURDAY, bound,
                     inventory_tokens={"TSLAx@kraken" if kind == "book" else "TSLAx": held})  # fmt: skip
    world.venue(name, curve)
    view = view_of(world, name, off)
    opens = CLOCK.next_start(SATURDAY, OPEN_IN["24/5"])
    arrives = CLOCK.business_days_after(CLOCK.next_start(opens, frozenset({"regular"})), 1)
    risk = FAIR * (exp(3 * sd_to(SATURDAY, arrives)) - 1)
    most = min(bound.max_plan_usd, bound.max_underlying_usd, bound.max_venue_usd) * KEPT

    def objective(tokens: float) -> float | None:
        done = curve.sell_tokens(tokens)
        if done is None or done.usd > most:
            return None
        back = tokens * FAIR * 1.0005 * 1.0025
        # The issuer's gas, and the deposit with an exchange: below the minimum, their part of a larger mint.
        later = (2 + (0.05 if kind == "book" else 0.0)) * min(1.0, back / 5_000)
        planned = done.usd - back - later - gas_at(name)
        return judged(world.settings, planned, min(-gas_at(name), planned - tokens * risk))

    top = curve.to_price(FAIR)
    best = best_on_grid(objective, 0.0, min(held, top.tokens if top is not None else 0.0), GRID)
    plans = mint_and_sell(view, case_of(view, name))
    if plans:
        assert plans[0].tokens <= held
        assert plans[0].size_usd <= most
    return compare(plans[0].objective if plans else None, best)


def minted(draw: Random) -> bool:
    """A premium on a Monday without tokens: minted, carried, sold if it lasts; no broker quotes the share."""
    off, bound = gap(draw), limits(draw)
    kind, curve = venue(FAIR * (1 + off), draw)
    name = PLACE[kind]
    world = world_of(draw, MONDAY, bound)
    world.venue(name, curve)
    view = view_of(world, name, off)
    wait = WAIT + (0.05 * 86_400 if kind == "book" else 0.0)
    stays = 2.0 ** (-wait / 86_400)
    sold = stays * (1 - fails_at(name))
    mint, gone = FAIR * 1.0005 * 1.0025, FAIR * 0.9995 * 0.9975
    gas = gas_at(name) + 2 + (0.05 if kind == "book" else 0.0)
    # Redeemed from Tuesday's opening, or so much later, and paid at Wednesday's.
    again = 86_400 - (wait - WAIT)
    move = exp(-3 * sd_to(MONDAY, MONDAY + round(wait * 1e9)))
    wide = min(bound.max_plan_usd, bound.max_underlying_usd, bound.max_venue_usd)
    most = min(wide, bound.capital_usd, bound.max_open_settlement_usd) * KEPT

    def objective(tokens: float) -> float | None:
        done = curve.sell_tokens(tokens)
        if done is None or tokens * mint > most or done.usd > wide * KEPT:
            return None
        spent = tokens * mint * (1 + 0.06 * wait / YEAR) + gas
        back = tokens * gone - 2 + gas_at(name) - (0.05 if kind == "book" else 0.0)
        back -= tokens * mint * 0.06 * again / YEAR
        expected = sold * done.usd + (1 - sold) * back - spent
        return judged(
            world.settings, expected, min(-gas, tokens * (gone * move - mint * 0.06 * again / YEAR) - spent)
        )

    top = curve.to_price(FAIR)
    # Of a book four fifths are counted on once the tokens are there.
    high = (top.tokens if top is not None else 0.0) * (0.8 if kind == "book" else 1.0)
    best = best_on_grid(objective, LEAST / (FAIR * 1.0005) / move, high, GRID)
    plans = mint_and_sell(view, case_of(view, name))
    if plans:
        used = plans[0].exposure
        assert used.capital_usd <= most
        assert used.largest_usd <= wide * KEPT
    return compare(plans[0].objective if plans else None, best)


def across(draw: Random) -> bool:
    """Two venues of one token; both trades at once, or with a way between."""
    off, bound = gap(draw), limits(draw)
    kind, dear = venue(FAIR * (1 + off), draw)
    other, cheap = venue(FAIR, draw)
    world = world_of(draw, MONDAY, bound)
    here, there = PLACE[kind], OTHER[other]
    world.venue(here, dear)
    world.venue(there, cheap)
    view = view_of(world, here, off)
    low, high = case_of(view, there), case_of(view, here)
    if low.spot >= high.spot:
        return False
    pair = Pair(low, high)
    days = 0.05 * (("kraken" in here) + ("gate" in there)) * (low.place != high.place)
    travel = days * 86_400
    # What one venue pays more than another is gone in minutes.
    stays = 2.0 ** (-travel / 120)
    lasts = stays * (1 - fails_at(here))
    gone = min(1.0, FAIR / high.spot)
    gas = gas_at(here) + gas_at(there) + (0.05 if travel else 0.0)
    end = MONDAY + round((travel or 60) * 1e9)
    sd = (VARIANCE * (CLOCK.variance_time(end) - CLOCK.variance_time(MONDAY))) ** 0.5
    risk = low.spot * (1 - exp(-3 * sd))
    legs_there = 2 if here.partition(":")[0] == there.partition(":")[0] else 1
    wide = min(bound.max_plan_usd, bound.max_underlying_usd, bound.max_venue_usd / legs_there) * KEPT

    def objective(tokens: float) -> float | None:
        bought, sold = cheap.buy_tokens(tokens), dear.sell_tokens(tokens)
        if bought is None or sold is None or max(bought.usd, sold.usd) > wide:
            return None
        if bought.usd > bound.capital_usd * KEPT:
            return None
        planned = sold.usd - bought.usd * (1 + 0.06 * travel / YEAR) - gas
        failed = -undone(low, bought.usd, tokens, False) - gas
        if travel:
            failed = sold.usd * gone - bought.usd * (1 + 0.06 * travel / YEAR) - gas
        expected = lasts * planned + (1 - lasts) * failed
        return judged(world.settings, expected, min(-gas, failed - tokens * risk))

    most = pair.meet_tokens
    if travel and kind == "book":  # of which four fifths are counted on once the tokens are there
        most = min(most, 0.8 * dear.to_price(low.spot).tokens)
    best = best_on_grid(objective, 0.0, most, GRID)
    plans = cross_venue(view, pair)
    if plans:
        used = plans[0].exposure
        assert used.capital_usd <= bound.capital_usd * KEPT
        assert used.largest_usd <= wide
    return compare(plans[0].objective if plans else None, best)


def held(draw: Random) -> bool:
    """A discount of a token nobody redeems: bought, hedged by the share sold short, sold three days on."""
    off, bound = gap(draw), limits(draw)
    kind, curve = venue(FAIR * (1 - off), draw)
    name = PLACE[kind]
    world = world_of(draw, MONDAY, bound, of=registry(redeem=Channel(available=False, hours="none")))
    world.venue(name, curve)
    world.broker("TSLA@ibkr", 399.9, 400.1)
    view = view_of(world, name, -off)
    case = case_of(view, name)
    days, closed = 3.0, 0.875
    gas, fee = 2 * gas_at(name), curve.fee_ratio(True)
    risk = FAIR * (1 - exp(-3 * 0.1 * sd_to(MONDAY, MONDAY + round(days * 86_400e9))))
    wide = min(bound.max_plan_usd, bound.max_underlying_usd, bound.max_venue_usd) * KEPT

    def objective(tokens: float) -> float | None:
        done = curve.buy_tokens(tokens)
        short = 399.9 * tokens
        if done is None or max(done.usd, short) > wide or done.usd + short / 2 > bound.capital_usd * KEPT:
            return None
        hedge = 0.2 * tokens + short * 0.005 * days / 365 + 2 * max(0.35, 0.0035 * tokens)
        carry = done.usd * 0.06 * days / 365 + gas
        taken = done.usd * fee if kind != "book" else done.usd * fee / (1 + fee)
        moved = max(1.0, (done.usd - taken) / tokens / case.spot)
        back = tokens * (closed * FAIR + (1 - closed) * case.spot) * (1 - fee) / moved
        back_again = undone(case, done.usd, tokens, False)
        planned = back - done.usd - carry - hedge
        expected = 0.995 * planned + 0.005 * (-back_again - 2 * gas_at(name))
        wider = done.usd * (1 - (case.spot / FAIR) ** 2)
        worst = -back_again - wider - carry - tokens * risk - hedge
        return judged(world.settings, expected, min(-gas, worst))

    top = curve.to_price(FAIR)
    best = best_on_grid(objective, 0.0, top.tokens if top is not None else 0.0, GRID)
    plans = hedge_and_hold(view, case)
    if plans:
        assert plans[0].exposure.capital_usd <= bound.capital_usd * KEPT
        assert plans[0].exposure.largest_usd <= wide
    return compare(plans[0].objective if plans else None, best)


WAYS = (redeem, sale, minted, across, held)
