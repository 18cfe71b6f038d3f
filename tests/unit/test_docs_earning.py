"""docs/earning.md: what it shows of ``pegbot earn`` is what that prints, and its tables the program's."""

from __future__ import annotations

import pytest

from bot import earn
from bot.console import desk
from bot.strategy.carry import ways
from tests.fixtures import earning
from tests.fixtures.engine import config, shipped_registry
from tests.fixtures.pages import DOCS, blocks, section

PAGE = DOCS / "earning.md"
STALE = "docs/earning.md is out of date: python -m tests.fixtures.earning prints what it must show"
TABLES = {
    "## What a seller must be paid": earning.markup_rows,
    "## Incentivised pools": earning.mirror_rows,
}
SHOWN = {"## TSLA beside BTC": "TSLA × BTC", "## NVDA beside ETH": "NVDA × ETH"}


@pytest.mark.parametrize("heading", TABLES)
def test_the_table_is_what_the_program_prints(heading: str) -> None:
    lines = [line for line in section(PAGE, heading).splitlines() if line.startswith("| ")]
    assert lines[1:] == TABLES[heading](), STALE


@pytest.mark.parametrize("heading", SHOWN)
def test_the_example_is_what_the_command_prints(heading: str, capsys: pytest.CaptureFixture[str]) -> None:
    desk.earned(earning.example(SHOWN[heading]), as_json=False)
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    (shown,) = blocks(PAGE, "text", heading)
    lines = shown.splitlines()
    assert len(lines) > 25
    assert lines == printed[: len(lines)], STALE
    assert len(lines) == len(printed) or printed[len(lines)] == "It goes by:"


def test_the_figures_in_the_text_are_the_codes() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    case = earning_case()
    thin, jump = ways.stressed_case(case, 30.0)
    assert (case.terms.lock_ratio, thin.terms.lock_ratio, thin.demand.utilisation) == (0.5, 0.05, 0.9)
    assert (jump.days, jump.sigmas) == (15.0, -6.0)
    for written in (
        "lock a twentieth of what they sell instead of a half and are lent nearly whole (nine tenths)",
        "a fall of the coin by six of its daily standard deviations half-way",
        "orders held for five days",
        "four degrees of freedom",
    ):
        assert written in page
    assert case.demand.hold_days == 5.0


def test_stress_reaches_every_part_of_the_waterfall_and_calm_hardly_any() -> None:
    for pair in earning.PAIRS:
        sold = [way for way in earning.example(pair).ways if way.name == "sell cover"]
        calm, stressed = sorted(sold, key=lambda way: way.stressed)
        chances = [stressed.pool_empty, stressed.reserve_used, stressed.public_hit, stressed.unpaid]
        assert all(chance is not None and chance > 0.1 for chance in chances)
        assert chances == sorted(chances, key=lambda chance: -(chance or 0.0))
        assert calm.pool_empty is not None
        assert calm.pool_empty < 0.001


def test_selling_earns_where_the_markup_is_above_the_sellers_and_buying_loses() -> None:
    for pair in earning.PAIRS:
        buyer, seller = earning.markups(pair)
        found = earning.example(pair)
        assert buyer < seller < found.markup
        assert seller == pytest.approx(found.markup_earns_from)
        by_name = {way.name: way for way in found.ways if not way.stressed}
        sold = by_name["sell cover"]
        assert sold.expected > 3 * sold.error
        assert by_name["margin for calls"].expected < 0
        assert by_name["margin for puts"].expected < 0


def earning_case() -> ways.Case:
    registry = shipped_registry()
    token, venue = registry.tokens["TSLAx"], registry.cover_venues["fufuture"]
    return earn.case_of(config(), registry, token, registry.coins["BTC"], venue)
