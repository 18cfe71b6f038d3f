"""From a basis to a plan: what the strategy would do now, without an incident and without a trace."""

from __future__ import annotations

from math import log

import pytest
from msgspec.structs import replace

from bot.config import Config
from bot.driver import Driver
from bot.errors import UsageError
from bot.plan import Present, plan
from bot.types import Tick
from tests.fixtures.engine import TUESDAY, config, reference, seconds, shipped_registry
from tests.unit.cli.shell import KRAKEN

DESK = config(strategy={"inventory_tokens": {"TSLAx@kraken": 100.0}})
PAPERLESS = config(strategy={"inventory_tokens": {"TSLAx@kraken": 100.0}}, execution={"mode": "off"})


def seen(price: float, times: int = 10, settings: Config = DESK) -> Driver:
    """Half a minute of a share at 400 and Kraken's book there, then the book at ``price``."""
    driver = Driver(settings, shipped_registry())
    for n in range(30 + times):
        at, mid = TUESDAY + seconds(n), 400.0 if n < 30 else price
        driver.feed(reference(at, "TSLA@yahoo", 400))
        book = f'{{"bids": [[{mid - 0.5}, 30]], "asks": [[{mid + 0.5}, 30]]}}'
        driver.feed(Tick(at, KRAKEN, "quote", bid=mid - 0.5, ask=mid + 0.5, data=book))
    return driver


def asked(price: float, size_usd: float | None = None) -> Present:
    return plan(DESK, shipped_registry(), seen(price).snapshot(), KRAKEN, size_usd)


def test_a_basis_that_is_no_incident_is_planned_for() -> None:
    found = asked(404)
    assert found.incident_id is None
    assert found.basis.basis == pytest.approx(log(404 / 400), abs=1e-4)
    assert found.basis.cause == "unknown"
    assert found.basis.explanation.endswith("No incident is open on it, so no cause is known.")
    assert "outside the band" in found.basis.explanation
    (trade,) = found.plans
    assert (trade.decision, trade.route, trade.quantity_tokens) == ("trade", "mint_and_sell", 30.0)
    assert found.basis.executable["50"] == pytest.approx(403.5 * (1 - 0.001), rel=1e-3)


def test_nothing_to_earn_is_no_trade_with_the_rule() -> None:
    (declined,) = asked(400).plans
    assert declined.decision == "no_trade"
    assert [reason.partition(":")[0] for reason in declined.reasons] == ["profit.none"]


def test_a_size_caps_each_plan_and_never_lifts_the_limit() -> None:
    (small,) = asked(404, 2_000.0).plans
    assert 1_900 < small.size_usd <= 2_010
    assert replace(asked(404, 1e9).plans[0]) == asked(404).plans[0]
    (none,) = asked(404, 5.0).plans
    assert none.decision == "no_trade"


def test_an_open_incident_lends_its_cause_and_is_planned_for_as_the_engine_would() -> None:
    driver = seen(440, settings=PAPERLESS)
    found = plan(PAPERLESS, shipped_registry(), driver.snapshot(), KRAKEN)
    (incident,) = driver.engine.detector.open.values()
    assert (found.incident_id, found.basis.cause) == (incident.id, incident.cause)
    assert incident.id in found.basis.explanation
    again = Driver(PAPERLESS, shipped_registry())
    again.restore(driver.snapshot())
    state = again.engine.strategy.snapshot()
    again.engine.strategy.restore({**state, "last": {}})
    (own,) = again.engine.strategy.plan(incident.message("update"), again.engine.market, again.now)
    assert own.decision == "trade"
    assert replace(found.plans[0], id=own.id) == own


def test_a_no_trade_that_was_told_before_is_told_again() -> None:
    bare = config(strategy={"min_profit_usd": 1e6})
    driver = seen(480, settings=bare)
    (incident,) = driver.engine.detector.open.values()
    assert not driver.engine.strategy.wants_plan(incident, driver.now), "it has been told"
    for _ in range(2):
        (declined,) = plan(bare, shipped_registry(), driver.snapshot(), KRAKEN).plans
        assert declined.decision == "no_trade"
        assert declined.reasons


def test_the_engine_asked_is_a_copy() -> None:
    driver = seen(404)
    before = driver.snapshot()
    assert plan(DESK, shipped_registry(), before, KRAKEN) == plan(DESK, shipped_registry(), before, KRAKEN)
    assert driver.snapshot() == before


def test_a_price_with_nothing_beside_it_has_no_basis() -> None:
    driver = Driver(DESK, shipped_registry())
    driver.feed(Tick(TUESDAY, KRAKEN, "quote", bid=399.5, ask=400.5))
    found = plan(DESK, shipped_registry(), driver.snapshot(), KRAKEN)
    assert [each.decision for each in found.plans] == ["no_trade"]
    assert found.plans[0].reasons


def test_what_was_never_seen_is_refused() -> None:
    with pytest.raises(UsageError, match="run `pegbot run` first"):
        plan(DESK, shipped_registry(), None, KRAKEN)
    with pytest.raises(UsageError, match="TSLA@yahoo is no token: plan is for tokens"):
        plan(DESK, shipped_registry(), seen(400).snapshot(), "TSLA@yahoo")
