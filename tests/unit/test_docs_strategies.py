"""docs/strategies.md: every figure, plan, cost and rule on it is the program's own."""

from __future__ import annotations

import importlib
import json
import re
from statistics import NormalDist
from typing import Any

import pytest

from bot.pools import PoolCurve
from bot.strategy import explain, hedges, risk, strategy
from bot.strategy.explain import COSTS
from bot.strategy.routes import IN_PRICES, common
from bot.strategy.strategy import NO_PRICE_CAUSES
from bot.timefmt import NS, duration
from tests.fixtures import worked
from tests.fixtures.market import CHANNEL, KRAKEN, pool, settings
from tests.fixtures.pages import DOCS, ROOT, blocks, rows, section

STRATEGIES = DOCS / "strategies.md"
FIGURE = re.compile(
    r"[$×]\d+(?:,\d{3})*(?:\.\d+)?|\d+(?:\.\d+)? (?:%|(?:d|h|min|s)\b)(?: \d+ (?:h|min|s)\b)?"
)
BEFORE, AFTER = pool(worked.SPIKE_TOKENS, worked.SPIKE_USD), worked.spiked_pool()


def tokens_in(curve: PoolCurve) -> float:
    """Tokens that lie in a pool of the examples."""
    return curve.pool.token_reserve / 1e8  # type: ignore[attr-defined]  # a constant product


def usd_in(curve: PoolCurve) -> float:
    """USD that lie in a pool of the examples."""
    return curve.pool.quote_reserve / 1e6  # type: ignore[attr-defined]  # a constant product


SOURCES: dict[str, Any] = {
    "NS": NS, "CHANNEL": CHANNEL, "NormalDist": NormalDist, "common": common, "hedges": hedges, "risk": risk,
    "settings": settings(), "strategy": strategy, "worked": worked, "before": BEFORE, "after": AFTER,
    "spike": worked.spike_with_inventory(), "by_conversion": worked.premium_by_conversion(),
    "KRAKEN": KRAKEN, "tokens_in": tokens_in, "usd_in": usd_in,
    **{
        name: importlib.import_module(f"bot.strategy.routes.{name}")
        for name in ("mint_and_sell", "cross_venue", "hedge_and_hold", "failing")
    },
}  # fmt: skip
"""What the right column of the page's last table may speak of."""


def shown(value: float, like: str) -> str:
    """The value as the page writes it: same unit, same number of digits."""
    digits = len(like.partition(".")[2].rstrip(" %"))
    if re.search(r"\d (?:d|h|min|s)$", like):
        return duration(value)
    if like.endswith(" %"):
        return f"{value * 100:.{digits}f} %"
    return f"{like[0] if like[0] in '$×' else ''}{value:,.{digits}f}"


@pytest.mark.parametrize("row", rows(STRATEGIES, "## Where the figures come from"), ids=lambda r: r[0])
def test_every_figure_is_the_one_in_the_code(row: list[str]) -> None:
    _, written, source = row
    assert written == shown(eval(source.strip("`"), SOURCES), written)


def test_the_table_of_examples_is_what_the_program_says() -> None:
    table = section(STRATEGIES, "## All examples in one table")
    printed = [worked.row(name) for name in worked.CASES]
    assert [line for line in table.splitlines() if line.startswith("| ")][1:] == printed, (
        "docs/strategies.md is out of date: python -m tests.fixtures.worked prints what it must show"
    )


def test_no_figure_is_written_that_no_checked_table_or_text_holds() -> None:
    page = STRATEGIES.read_text()
    checked = [explain(make()) for make in worked.CASES.values()]
    tables = ("## All examples in one table", "## Where the figures come from")
    checked += [section(STRATEGIES, heading) for heading in tables]
    rest = page
    for text in checked:
        rest = rest.replace(text, "")
    known = {figure for text in checked for figure in FIGURE.findall(text)}
    assert set(FIGURE.findall(rest)) <= known


def test_the_pool_in_three_moments_is_the_pool_of_the_checked_figures() -> None:
    figures = [row[1] for row in rows(STRATEGIES, "## Where the figures come from")]
    moments = [cell for row in rows(STRATEGIES, "## How large") for cell in row[1:]]
    order = figures.index("$500")
    assert moments == figures[:order] + figures[order + 1 : order + 7]


def test_the_chart_is_drawn_from_the_pool() -> None:
    (chart,) = blocks(STRATEGIES, "mermaid", "## How large")
    sold, received, worth = (json.loads(numbers) for numbers in re.findall(r"(\[.+\])", chart))
    assert received[1:] == [round(AFTER.sell_tokens(tokens).usd) for tokens in sold[1:]]
    assert worth == [round(tokens * worked.CLOSE) for tokens in sold]
    gain = [here - cost for here, cost in zip(received, worth, strict=True)]
    assert sold[gain.index(max(gain))] == pytest.approx(SOURCES["spike"].quantity_tokens, abs=0.03)


def test_every_cost_is_explained_and_whether_the_prices_hold_it() -> None:
    table = {row[0].strip("`"): row[2] for row in rows(STRATEGIES, "## Costs")}
    assert table == {cost: "yes" if cost in IN_PRICES else "no" for cost in COSTS}


def test_every_rule_is_explained_and_no_other() -> None:
    table = [row[0].strip("`") for row in rows(STRATEGIES, "## no_trade")]
    sources = "".join(file.read_text() for file in (ROOT / "bot" / "strategy").rglob("*.py"))
    groups = "channel|depth|hedge|hold|inventory|limits|profit|reference|risk|settlement|venue"
    rules = set(re.findall(rf'"((?:{groups})\.[a-z_]+)', sources))
    assert sorted(table) == sorted(rules | {f"cause.{cause}" for cause in NO_PRICE_CAUSES})


@pytest.mark.parametrize("name", worked.CASES)
def test_a_plan_is_shown_below_its_route(name: str) -> None:
    plan = worked.CASES[name]()
    below = section(STRATEGIES, f"## {plan.route or 'no_trade'}")
    assert explain(plan) in below
