"""Plans in words: everything a desk needs, nothing a program would say."""

from __future__ import annotations

import re

import pytest

from bot.strategy import explain
from tests.fixtures import worked


@pytest.mark.parametrize("name", worked.CASES)
def test_it_reads_as_text(name):
    text = explain(worked.CASES[name]())
    assert not re.search(r"\b(nan|inf|None|True|False)\b|e[+-]\d\d|\.\.|--|  ", text)
    for line in text.splitlines():
        assert line[-1] in ".:", line


def test_a_plan_says_what_how_much_what_it_can_lose_and_until_when():
    plan = worked.monday_with_inventory()
    text = explain(plan)
    assert text.startswith("Sell 116.42 TSLAx on raydium for $50,000.00 (mint and sell).")
    assert "2. Mint 116.42 TSLAx with xstocks" in text
    assert f"Expected profit ${plan.expected_profit_usd:,.2f}" in text
    assert f"Worst case (99 %): −${-plan.worst_case_usd:,.2f}." in text
    assert "Void after 2025-07-07 14:01:00 UTC." in text


def test_no_trade_gives_each_reason_with_its_rule():
    text = explain(worked.spike_without())
    assert text.splitlines()[0] == "No trade in AMZNx on raydium."
    assert "(channel.closed)." in text
    assert "(inventory.none_in_time)." in text


USD = r"\$[\d,.]+"
HEDGED = [
    (
        "options",
        rf"Buy \d TSLA 2026-06-19 \d+ puts? at alpaca at {USD} a share, {USD} in all, no worse than {USD} a",
    ),
    (
        "perp",
        rf"Sell [\d.]+ TSLA as a perp at krakenfutures at {USD}, {USD} in all, .* with {USD} of margin\.",
    ),
    (
        "offer",
        rf"Buy [\d.]+ TSLA-395-put-PERP at fufuture at {USD}, the rest by funding, .* {USD} of margin\.",
    ),
]


@pytest.mark.parametrize(("kind", "words"), HEDGED)
def test_a_hedge_is_named_with_its_contract_its_limit_and_its_end(kind, words):
    from bot.driver import Driver
    from bot.types import Plan
    from tests.fixtures import hedge_tape
    from tests.fixtures.engine import config, shipped_registry

    strategy = {"hedge_shortfall": 0.033, "ineligible_issuers": ["kraken"]}
    driver = Driver(config(strategy=strategy), shipped_registry())
    ticks = hedge_tape.tape(days=0.02, broker=False, hedges=(kind,))
    plans = [one for tick in ticks for one in driver.feed(tick) if isinstance(one, Plan)]
    text = explain(plans[0])
    assert re.search(words, text)
    assert "in all at today's price." in text
    assert (
        "Not chosen: short stock. No fresh broker quote of TSLA with both sides (hedge.unavailable)." in text
    )
    assert "Not chosen: the price risk of the wait is carried, expected to cost $" in text
    for line in text.splitlines():
        assert line[-1] in ".:", line
    assert not re.search(r"by hand|None", text)
