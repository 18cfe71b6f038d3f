"""Properties of plans on random markets: the right size, the limits kept, the arithmetic honest."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.detector.bands import OPEN_IN
from bot.market import InstrumentState
from bot.strategy.routes import Pair, View, buy_and_redeem, cross_venue, mint_and_sell, open_case
from bot.types import Plan
from tests.fixtures.market import CLOCK, MONDAY, SATURDAY, World, incident, pool_at
from tests.unit.strategy.arithmetic import profit_from_legs

FAIR = 400.0
POOL, OTHER = "TSLAx@raydium", "TSLAx@orca"
GRID = 1500
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

gaps = st.floats(0.005, 0.4)
depths = st.floats(3.5, 7.0).map(lambda x: 10.0**x)
fees = st.sampled_from([0.0, 0.0001, 0.0005, 0.0025, 0.003, 0.01])
charges = st.floats(0.0, 0.5)


def view_of(world: World, basis: float) -> View:
    made = incident(POOL, basis)
    return View(made, world.market, world.registry, world.settings, CLOCK, world.strategy.desk, 0.5, world.ts)


def case_of(view: View, name: str):
    state = view.market.instrument(name)
    assert isinstance(state, InstrumentState)
    case = open_case(view, state)
    assert case is not None
    return case


def grid(low: float, high: float):
    return (low + (high - low) * n / GRID for n in range(1, GRID + 1))


def variance_of(view: View, end: int) -> float:
    """Of the log price until ``end``: TSLA at 60 % a year and the fair value's own 10 bp."""
    return 0.001**2 + 0.36 * (CLOCK.variance_time(end) - CLOCK.variance_time(view.ts))


@quick
@given(gap=gaps, depth=depths, fee=fees, charge=charges)
def test_a_redemption_is_sized_as_well_as_by_brute_force(gap, depth, fee, charge):
    world = World(MONDAY, FAIR, max_plan_usd=1e9, max_underlying_usd=1e9, max_venue_usd=1e9,
                  max_open_settlement_usd=1e9, capital_usd=1e9, risk_charge=charge)  # fmt: skip
    curve = world.venue(POOL, pool_at(FAIR * (1 - gap), depth, fee)).curve
    view = view_of(world, -gap)
    found = buy_and_redeem(view, case_of(view, POOL))
    least = 5_000 * 1.001 / (FAIR * 0.9995)
    top = curve.to_price(FAIR)
    if not found:
        assert top.tokens < least
        return
    # Written out again: T+1 is 23 h 30 min away, 3 standard deviations count.
    wait = 23.5 * 3600
    sd = variance_of(view, MONDAY + int(wait * 1e9)) ** 0.5
    risk = FAIR * (1 - 2.718281828459045 ** (-3 * sd))

    def objective(tokens):
        done = curve.buy_tokens(tokens)
        if done is None:
            return -1e18
        profit = tokens * FAIR * 0.9995 * 0.9975 - done.usd * (1 + 0.06 * wait / 86_400 / 365) - 2.01
        return profit + charge * min(-2.01, profit - tokens * risk)

    best = max(map(objective, grid(least, top.tokens)), default=-1e18)
    assert found[0].objective >= best - 0.001 * abs(best) - 1e-6
    assert found[0].objective == pytest.approx(objective(found[0].tokens), rel=1e-6, abs=1e-6)


@quick
@given(gap=gaps, depth=depths, fee=fees, charge=charges, held=st.floats(0.01, 1e4))
def test_a_sale_from_inventory_is_sized_as_well_as_by_brute_force(gap, depth, fee, charge, held):
    world = World(SATURDAY, FAIR, session="weekend", max_plan_usd=1e9, max_underlying_usd=1e9,
                  max_venue_usd=1e9, risk_charge=charge, inventory_tokens={"TSLAx": held})  # fmt: skip
    curve = world.venue(POOL, pool_at(FAIR * (1 + gap), depth, fee)).curve
    view = view_of(world, gap)
    (found,) = mint_and_sell(view, case_of(view, POOL))
    opens = CLOCK.next_start(SATURDAY, OPEN_IN["24/5"])
    arrives = CLOCK.business_days_after(CLOCK.next_start(opens, frozenset({"regular"})), 1)
    risk = FAIR * (2.718281828459045 ** (3 * variance_of(view, arrives) ** 0.5) - 1)

    def objective(tokens):
        done = curve.sell_tokens(tokens)
        if done is None:
            return -1e18
        profit = done.usd - tokens * FAIR * 1.0005 * 1.0025 - 0.01
        return profit + charge * min(-0.01, profit - tokens * risk)

    best = max(map(objective, grid(0.0, min(held, curve.to_price(FAIR).tokens))))
    assert found.objective >= best - 0.001 * abs(best) - 1e-6
    assert found.tokens <= held


@quick
@given(gap=gaps, depth=depths, other=depths, fee=fees, charge=charges)
def test_two_venues_are_sized_as_well_as_by_brute_force(gap, depth, other, fee, charge):
    world = World(MONDAY, FAIR, max_plan_usd=1e9, max_underlying_usd=1e9, max_venue_usd=1e9,
                  capital_usd=1e9, risk_charge=charge)  # fmt: skip
    dear = world.venue(POOL, pool_at(FAIR * (1 + gap), depth, fee)).curve
    cheap = world.venue(OTHER, pool_at(FAIR, other, fee)).curve
    view = view_of(world, gap)
    pair = Pair(case_of(view, OTHER), case_of(view, POOL))
    found = cross_venue(view, pair)

    def profit(tokens):
        bought, sold = cheap.buy_tokens(tokens), dear.sell_tokens(tokens)
        return -1e18 if bought is None or sold is None else sold.usd - bought.usd - 0.02

    if charge == 0:
        best = max(map(profit, grid(0.0, pair.meet_tokens)))
        assert found[0].objective >= best - 0.001 * abs(best) - 1e-6
    for candidate in found:
        assert candidate.expected_usd == pytest.approx(profit(candidate.tokens), rel=1e-9, abs=1e-9)
        assert candidate.expected_usd <= pair.promise + 1e-6


limits = st.floats(3.0, 6.0).map(lambda x: 10.0**x)


@quick
@given(
    prices=st.lists(st.floats(0.6, 2.0), min_size=1, max_size=5), usd=depths, held=st.floats(0.0, 2000.0),
    plan=limits, capital=limits, underlying=limits, venue=limits, settlement=limits,
    ts=st.sampled_from([MONDAY, SATURDAY, MONDAY - 3 * 3600 * 10**9]),
)  # fmt: skip
def test_no_plan_ever_goes_over_a_limit(prices, usd, held, plan, capital, underlying, venue, settlement, ts):
    world = World(ts, FAIR, max_plan_usd=plan, capital_usd=capital, max_underlying_usd=underlying,
                  max_venue_usd=venue, max_open_settlement_usd=settlement, session=CLOCK.session(ts),
                  inventory_tokens={"TSLAx": held})  # fmt: skip
    world.broker("TSLA@ibkr", 399.9, 400.1)
    names = [f"TSLAx@{'raydium' if n % 2 else 'orca'}:{n}" for n in range(len(prices))]
    for name, ratio in zip(names, prices, strict=True):
        world.venue(name, pool_at(FAIR * ratio, usd))
    spent: list[Plan] = []
    for n, name in enumerate(names):
        plans = world.plans(incident(name, prices[n] - 1, id=f"i{n}", venues=names))
        spent += [plan for plan in plans[:1] if plan.decision == "trade"]
        for each in plans:
            check(each, plan, capital)
    held_by = world.strategy.desk.reservations.values()
    slack = 1 + 1e-9
    assert sum(r.exposure.capital_usd for r in held_by) <= capital * slack
    assert sum(r.exposure.settlement_usd for r in held_by) <= settlement * slack
    assert sum(r.exposure.largest_usd for r in held_by) <= underlying * slack
    for place in ("raydium", "orca", "xstocks"):
        assert sum(r.exposure.venues_usd.get(place, 0.0) for r in held_by) <= venue * slack
    sold = sum(r.exposure.tokens.get("TSLAx@wallet", 0.0) for r in held_by)
    assert sold <= held * slack


def check(plan: Plan, limit: float, capital: float) -> None:
    """What holds for every plan."""
    assert plan.capital_usd <= capital * (1 + 1e-9)
    assert plan.worst_case_usd <= 0
    if plan.decision == "no_trade":
        assert plan.reasons
        assert all(": " in reason for reason in plan.reasons)
        return
    assert plan.expected_profit_usd >= 5.0
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR), rel=1e-9, abs=1e-6)
    assert all(usd > 0 for usd in plan.costs_usd.values())
    for leg in plan.legs:
        if leg.action not in ("hedge", "unhedge", "transfer"):
            assert leg.notional_usd <= limit * (1 + 1e-9)
        assert leg.notional_usd == pytest.approx(leg.quantity_tokens * leg.price)
        if leg.limit_price is not None:
            worse = leg.limit_price - leg.price
            assert worse >= -1e-9 if leg.action in ("buy", "mint", "unhedge") else worse <= 1e-9
