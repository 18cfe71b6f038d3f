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
    stress = "Worst case, if what can fail does and the share moves against it as in one case of 100: "
    assert f"{stress}−${-plan.worst_case_usd:,.2f}." in text
    assert "Void after 2025-07-07 14:01:00 UTC." in text


def test_no_trade_gives_each_reason_with_its_rule():
    text = explain(worked.spike_without())
    assert text.splitlines()[0] == "No trade in AMZNx on raydium."
    assert "(channel.closed)." in text
    assert "(inventory.none_in_time)." in text


def test_fees_are_told_in_full_where_the_sale_is():
    """By hand: the pool keeps 25 bp of the tokens that come in, the issuer 25 bp of what it quotes."""
    plan = worked.monday_without()
    text = explain(plan)
    sale = 50_000 / 0.9975 * 0.0025
    quoted = plan.quantity_tokens * worked.TSLA
    assert f"already hold ${sale:,.2f} for venue fees" in text
    assert f"${quoted * 1.0005 * 0.0025:,.2f} for the mint fee" in text
    assert f"where the tokens are redeemed ${quoted * 0.9995 * 0.0025:,.2f} for the redeem fee" in text


def test_a_limit_below_what_redeeming_brings_says_that_they_are_redeemed_instead():
    plan = worked.monday_without()
    back = worked.TSLA * 0.9995 * 0.9975
    sale = next(leg for leg in plan.legs if leg.action == "sell")
    assert sale.limit_price < back
    assert f"below what redeeming brings then (${back:,.2f} today) they are redeemed instead." in explain(
        plan
    )


def test_what_is_done_at_any_price_has_no_limit_and_none_is_told():
    for make in (worked.monday_without, worked.discount_not_eligible):
        plan = make()
        for leg in [*plan.legs, *plan.otherwise]:
            anyhow = leg.action in ("unhedge", "transfer") or leg.after_seconds > 0 or leg in plan.otherwise
            assert (leg.limit_price is None) == anyhow, leg
            if leg.limit_price is not None:
                assert 0.8 < leg.limit_price / leg.price < 1.1, leg


def test_the_wait_for_what_is_redeemed_is_told_beside_the_first():
    words = "for 23 h 30 min, and for another 1 d if the tokens are redeemed: over 1 d 11 h on average"
    assert words in explain(worked.monday_without())


def test_of_a_sale_that_only_fails_the_gas_is_the_worst():
    assert "no more than the gas of a trade that fails, −$0.01." in explain(worked.spike_with_inventory())


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
    # Carrying it costs nothing, which need not be said.
    assert re.search(rf"Not chosen: the price risk of the wait is carried, {USD} lost with it in one", text)
    for line in text.splitlines():
        assert line[-1] in ".:", line
    assert not re.search(r"by hand|None", text)
