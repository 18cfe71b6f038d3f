"""Properties of plans on random markets: the limits kept, the arithmetic honest, the law of profit whole."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.registry.issuer import Failure
from bot.types import Plan
from tests.fixtures.market import CLOCK, KRAKEN, MONDAY, SATURDAY, World, incident, pool_at, registry
from tests.unit.strategy.arithmetic import profit_from_legs

FAIR = 400.0
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

depths = st.floats(3.5, 7.0).map(lambda x: 10.0**x)


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
                  max_issuer_usd=settlement, inventory_tokens={"TSLAx": held})  # fmt: skip
    world.broker("TSLA@ibkr", 399.9, 400.1)
    names = [f"TSLAx@{'raydium' if n % 2 else 'orca'}:{n}" for n in range(len(prices))]
    for name, ratio in zip(names, prices, strict=True):
        world.venue(name, pool_at(FAIR * ratio, usd))
    issuer, concentration = world.settings.max_issuer_usd, world.settings.max_concentration
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
    bought = sum(sum(r.exposure.issuers_usd.values()) for r in held_by)
    assert bought <= issuer * slack
    assert bought <= max(0.0, concentration * capital) * slack + 1e-6
    for place in ("raydium", "orca", "xstocks"):
        assert sum(r.exposure.venues_usd.get(place, 0.0) for r in held_by) <= venue * slack
    sold = sum(r.exposure.tokens.get("TSLAx@wallet", 0.0) for r in held_by)
    assert sold <= held * slack


failures = st.lists(
    st.builds(
        Failure, st.just("x"), st.floats(0.0, 0.05),
        st.sampled_from(["returned", "late", "part_lost", "lost", "kept_as_tokens"]), st.just(""),
        loss_ratio=st.sampled_from([0.0, 0.1, 1.0]), days=st.integers(0, 10).map(float), moving=st.booleans(),
    ),
    max_size=5,
)  # fmt: skip


@quick
@given(
    prices=st.lists(st.floats(0.6, 2.0), min_size=1, max_size=3), book=st.floats(0.6, 2.0), usd=depths,
    held=st.floats(0.0, 500.0), on_deposit=st.floats(0.0, 500.0), plan=limits, capital=limits, venue=limits,
    issuer=failures, exchange=failures, away=st.sampled_from([[], ["xstocks"], ["kraken"]]),
    ts=st.sampled_from([MONDAY, SATURDAY, MONDAY - 3 * 3600 * 10**9]),
)  # fmt: skip
def test_with_an_exchanges_conversion_and_any_failures_nothing_goes_over_a_limit(
    prices, book, usd, held, on_deposit, plan, capital, venue, issuer, exchange, away, ts
):
    of = registry(failures=issuer, conversions=[replace(KRAKEN, failures=exchange)])
    world = World(ts, FAIR, of=of, max_plan_usd=plan, capital_usd=capital, max_venue_usd=venue,
                  session=CLOCK.session(ts), ineligible_issuers=away,
                  inventory_tokens={"TSLAx": held, "TSLAx@kraken": on_deposit})  # fmt: skip
    world.broker("TSLA@ibkr", 399.9, 400.1)
    names = [f"TSLAx@raydium:{n}" for n in range(len(prices))]
    for name, ratio in zip(names, prices, strict=True):
        world.venue(name, pool_at(FAIR * ratio, usd))
    at = FAIR * book
    world.book("TSLAx@kraken", [[at * 0.999, usd / at]], [[at * 1.001, usd / at]])
    names.append("TSLAx@kraken")
    for n, (name, ratio) in enumerate(zip(names, [*prices, book], strict=True)):
        for each in world.plans(incident(name, ratio - 1, id=f"i{n}", venues=names)):
            check(each, plan, capital)
    held_by = world.strategy.desk.reservations.values()
    for place in ("raydium", "kraken", "xstocks"):
        assert sum(r.exposure.venues_usd.get(place, 0.0) for r in held_by) <= venue * (1 + 1e-9)
    for place, tokens in (("wallet", held), ("kraken", on_deposit)):
        sold = sum(r.exposure.tokens.get(f"TSLAx@{place}", 0.0) for r in held_by)
        assert sold <= tokens * (1 + 1e-9)


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
    assert sum(one.probability for one in plan.outcomes) == pytest.approx(1.0)
    assert sum(one.probability * one.usd for one in plan.outcomes) == pytest.approx(
        plan.expected_profit_usd, rel=1e-9, abs=1e-6
    )
    assert 0 <= plan.probability_of_loss <= 1
    assert plan.shortfall_95_usd <= plan.shortfall_99_usd <= -plan.worst_case_usd + 1e-9
    for leg in plan.legs:
        if leg.action not in ("hedge", "unhedge", "transfer"):
            assert leg.notional_usd <= limit * (1 + 1e-9)
        assert leg.notional_usd == pytest.approx(leg.quantity_tokens * leg.price)
        if leg.limit_price is not None:
            worse = leg.limit_price - leg.price
            assert worse >= -1e-9 if leg.action in ("buy", "mint", "unhedge") else worse <= 1e-9
