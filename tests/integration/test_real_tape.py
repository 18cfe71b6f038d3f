"""Nine real pools over four weeks: what the default config calls an incident, and nothing else."""

from __future__ import annotations

import pytest

from bot.config import load
from bot.importers import IMPORTERS
from bot.replay import Replay
from bot.timefmt import NS, short
from bot.types import Incident
from tests.fixtures.engine import CONFIG, shipped_registry
from tests.fixtures.shared import xstocks_solana

pytestmark = pytest.mark.shared

HOUR = 3600 * NS
"""A bar is known at its end, so an incident opens an hour after its bar began."""


@pytest.fixture(scope="module")
def replayed() -> Replay:
    """All files imported and replayed with the shipped config."""
    session = Replay(load(CONFIG / "pegbot.toml"), shipped_registry())
    session.run(IMPORTERS["geckoterminal"](xstocks_solana(), shipped_registry()))
    return session


def of_bar(session: Replay, instrument: str, began: str) -> list[Incident]:
    """Incidents of an instrument that opened with the bar that began then."""
    return [
        one
        for one in session.incidents.values()
        if one.instrument == instrument and short(one.opened - HOUR) == began
    ]


def test_the_print_of_54_424_93_dollars_is_exactly_one_incident(replayed: Replay) -> None:
    (one,) = of_bar(replayed, "SPYx@orca:gef4pD5g", "2026-06-14 17:00:00")
    assert one.price == pytest.approx(54_424.93, abs=0.005)
    assert one.cause == "thin_liquidity"
    assert "$12.67 traded in all of its bar" in one.evidence


def test_the_dip_to_350_44_dollars_is_exactly_one_incident(replayed: Replay) -> None:
    (one,) = of_bar(replayed, "TSLAx@raydium:8aDaBQkT", "2026-06-14 20:00:00")
    assert one.price == pytest.approx(350.44, abs=0.005)
    assert one.cause == "thin_liquidity"
    assert "TSLAx@orca:9p7abUFv stood at fair value" in one.evidence


def test_there_are_four_incidents_and_no_others(replayed: Replay) -> None:
    found = sorted(replayed.incidents.values(), key=lambda one: one.opened)
    assert [(short(one.opened), one.instrument, round(one.price or 0, 2), one.cause) for one in found] == [
        ("2026-05-22 22:00:00", "TSLAx@orca:9p7abUFv", 277.07, "thin_liquidity"),
        ("2026-06-08 19:00:00", "TSLAx@orca:9p7abUFv", 378.77, "thin_liquidity"),
        ("2026-06-14 18:00:00", "SPYx@orca:gef4pD5g", 54_424.93, "thin_liquidity"),
        ("2026-06-14 21:00:00", "TSLAx@raydium:8aDaBQkT", 350.44, "thin_liquidity"),
    ]
    assert all(one.kind == "depeg" and one.resolved is not None for one in found)


def test_no_real_tick_is_set_aside_and_no_print_without_depth_is_traded(replayed: Replay) -> None:
    assert replayed.ticks == 7759
    assert replayed.quarantined == {}
    assert replayed.fills == []
    assert {plan.decision for plan in replayed.plans} == {"no_trade"}
