"""docs/hedges.md: every table on it is what the program prints, and its figures are the code's."""

from __future__ import annotations

import re

import pytest

from bot.strategy.hedge_ways import PERP_RESIDUAL
from bot.strategy.options import ChainTerms
from bot.strategy.risk import SIGMAS_99
from tests.fixtures import hedged
from tests.fixtures.pages import DOCS, section

HEDGES = DOCS / "hedges.md"
TABLES = {
    "## An example": hedged.hedge_rows,
    "## Why not the others": hedged.other_rows,
    "## On paper": hedged.paper_rows,
}


@pytest.mark.parametrize("heading", TABLES)
def test_the_table_is_what_the_program_prints(heading: str) -> None:
    lines = [line for line in section(HEDGES, heading).splitlines() if line.startswith("| ")]
    assert lines[1:] == TABLES[heading](), (
        "docs/hedges.md is out of date: python -m tests.fixtures.hedged prints what it must show"
    )


def test_the_figures_in_the_text_are_the_codes() -> None:
    page = HEDGES.read_text(encoding="utf-8")
    for written in (
        f"TSLA at ${hedged.SPOT:.2f}, a wait of three days",
        f"a standard deviation of {hedged.SD * 100:.0f} % over it",
        f"${ChainTerms().commission_usd} a contract",
        f"{PERP_RESIDUAL * 100:.0f} % of the move",
    ):
        assert written in page
    assert (hedged.DAYS, SIGMAS_99) == (3.0, 3.0)


def test_every_way_is_described() -> None:
    named = re.findall(r"(?m)^\| ([a-z ]+) \|", section(HEDGES, "## What each one is"))
    chosen = {
        re.sub(r"perp on .*", "stock perp", judged.way.name)
        for name in hedged.EXAMPLES
        if (judged := hedged.choice(name).chosen) is not None
    }
    assert chosen <= set(named)
