"""Incidents that are open together share what does not do for all of them."""

from __future__ import annotations

import pytest

from bot.detector.incidents import OpenIncident
from bot.engine import Engine
from bot.types import Tick
from bot.valuation.fair import FairValue
from tests.fixtures.engine import config, shipped_registry
from tests.fixtures.market import MONDAY, World, incident, pool_at

FAIR = {"TSLAx": 400.0, "AMZNx": 220.0}
SMALL, LARGE = incident("TSLAx@raydium", -0.02, id="small"), incident("AMZNx@raydium", -0.1, id="large")


def world(**changes):
    """A small discount of one share, and a large one of another."""
    made = World(MONDAY, 400.0, **changes)
    made.market.fair_value = lambda state, _: FairValue(FAIR[state.token.symbol], 0.001, 1.0, "regular", True)
    made.venue("TSLAx@raydium", pool_at(392.0, 2e7))
    made.venue("AMZNx@raydium", pool_at(200.0, 1e6))
    return made


def plan(made, one, *others):
    return made.strategy.plan(one, made.market, made.ts, None, lambda: [(other, None) for other in others])[0]


def worth(plans):
    """What is maximised: expected profit less the charge for the worst case."""
    return sum(each.expected_profit_usd + 0.1 * each.worst_case_usd for each in plans)


def test_alone_it_takes_what_there_is():
    assert plan(world(capital_usd=30_000.0), SMALL).capital_usd == pytest.approx(30_000, rel=1e-3)


def test_the_poorer_incident_leaves_capital_to_the_better_one():
    greedy, shared = world(capital_usd=30_000.0), world(capital_usd=30_000.0)
    first = [plan(greedy, SMALL), plan(greedy, LARGE)]
    second = [plan(shared, SMALL, LARGE), plan(shared, LARGE)]
    assert worth(second) > 2 * worth(first)
    assert second[1].capital_usd == pytest.approx(30_000, rel=1e-3)
    assert second[0].decision == "no_trade"
    assert any(reason.startswith("limits.shared: large earns more") for reason in second[0].reasons)


def test_what_they_share_is_split_where_the_next_dollar_earns_the_same():
    made = world(capital_usd=70_000.0)
    both = [plan(made, SMALL, LARGE), plan(made, LARGE)]
    assert [each.decision for each in both] == ["trade", "trade"]
    assert "limits.shared" in {reason.partition(":")[0] for reason in both[0].reasons}
    assert sum(each.capital_usd for each in both) <= 70_000
    best = max(worth([plan(world(capital_usd=usd), SMALL), plan(world(capital_usd=70_000 - usd), LARGE)])
               for usd in range(20_000, 50_000, 1_000))  # fmt: skip
    assert worth(both) >= 0.999 * best


def test_where_all_fit_nothing_changes():
    assert plan(world(), SMALL, LARGE) == plan(world(), SMALL)


def test_a_rival_that_has_nothing_to_offer_takes_nothing():
    made = world(capital_usd=30_000.0)
    made.halt("AMZNx@xstocks", "redemptions are paused")
    alone = world(capital_usd=30_000.0)
    assert plan(made, SMALL, LARGE) == plan(alone, SMALL)


def test_two_venues_limit_of_one_place_is_shared_too():
    made = world(max_venue_usd=40_000.0)
    both = [plan(made, SMALL, LARGE), plan(made, LARGE)]
    issuer = sum(r.exposure.venues_usd["xstocks"] for r in made.strategy.desk.reservations.values())
    assert issuer <= 40_000 * (1 + 1e-9)
    alone = world(max_venue_usd=40_000.0)
    assert worth(both) > worth([plan(alone, SMALL), plan(alone, LARGE)])


def test_the_engine_names_the_open_incidents_that_have_no_plan_yet():
    engine = Engine(config(), shipped_registry())
    for number, name in enumerate(("TSLAx@kraken", "AMZNx@kraken")):
        engine.step(Tick(MONDAY + number, name, "quote", bid=399.0, ask=401.0))
        one = OpenIncident(name, name.partition("x@")[0], "depeg", 1, MONDAY)
        engine.detector.open[one.underlying, 1] = one
    waiting = [one.instrument for one, _ in engine._waiting(MONDAY + 2)]
    assert waiting == ["TSLAx@kraken", "AMZNx@kraken"]
    answered = next(iter(engine.detector.open.values())).message("update")
    engine.strategy.plan(answered, engine.market, MONDAY + 2)
    assert [one.instrument for one, _ in engine._waiting(MONDAY + 3)] == ["AMZNx@kraken"]
