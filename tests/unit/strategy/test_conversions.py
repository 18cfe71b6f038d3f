"""An exchange's conversion beside the issuer's channel: worked numbers, places, hours, refusals, the best."""

from __future__ import annotations

from math import exp

import pytest
from msgspec.structs import replace

from bot.config import ExecutionSection
from bot.execution import PaperBroker
from bot.strategy import explain
from bot.types import split_instrument
from tests.fixtures.market import (
    CLOCK,
    FAILURES,
    KRAKEN,
    MONDAY,
    SATURDAY,
    World,
    at,
    incident,
    pool_at,
    registry,
)
from tests.unit.strategy.arithmetic import profit_from_legs

FAIR, YEAR, HOUR = 400.0, 365 * 86_400.0, 3_600.0
ONE_DAY, TEN_DAYS = 24 * HOUR - 33 * 60, 14 * 24 * HOUR - 33 * 60
"""From 10:03 in New York on Monday 7 July to 09:30 on Tuesday, and two weeks on."""
POOL, BOOK, CONVERT = "TSLAx@raydium", "TSLAx@kraken", "TSLAx@kraken:convert"
AWAY = {"ineligible_issuers": ["xstocks"]}
"""A desk that is a customer of Kraken's and not of xStocks'."""


def world(price=FAIR, ts=MONDAY, usd=1e6, conversion=KRAKEN, **changes):
    made = World(ts, FAIR, of=registry(failures=FAILURES, conversions=[conversion]),
                 session=CLOCK.session(ts), **changes)  # fmt: skip
    made.venue(POOL, pool_at(price, usd))
    return made


def only(plans, route):
    return next((plan for plan in plans if plan.route == route), None)


def premium(instrument=POOL, **changes):
    return incident(instrument, 0.05, **changes)


def below(instrument=POOL, **changes):
    return incident(instrument, -0.05, **changes)


def steps(plan):
    return [(leg.action, leg.instrument) for leg in plan.legs]


def rules(plan):
    return {reason.partition(":")[0] for reason in plan.reasons}


def outcome(plan, word):
    return next(one for one in plan.outcomes if word in one.name)


# Worked numbers, by another way than the plan's own.


def test_converted_tokens_are_withdrawn_and_sold_in_a_pool():
    """Minutes, not a day: three on the way, or an hour or a day more; so long the premium has to last."""
    plan = only(world(440.0, **AWAY).plans(premium()), "mint_and_sell")
    assert steps(plan) == [("mint", CONVERT), ("transfer", POOL), ("sell", POOL)]
    mint, move, sale = plan.legs
    assert (mint.delay_seconds, move.delay_seconds) == (0.0, 180.0)
    assert mint.price == pytest.approx(400 * 1.003)
    assert (mint.fee_usd, mint.gas_usd, move.gas_usd) == (0.0, 0.0, 1.0)
    tokens, proceeds = plan.quantity_tokens, sale.notional_usd
    delays = [(180.0, 0.945), (180.0 + HOUR, 0.05), (180.0 + 24 * HOUR, 0.005)]
    stays = sum(chance * 2 ** (-seconds / 86_400) for seconds, chance in delays)
    mean = sum(chance * seconds for seconds, chance in delays)
    outlay = tokens * 400 * 1.003
    financing = outlay * 0.06 * mean / YEAR
    gas = 1.0 + 0.01  # the withdrawal, and a swap
    back = tokens * 400 * 0.997 - 0.05  # sent back and converted at the other side
    again = outlay * 0.06 * 180.0 / YEAR  # the way back is as long
    as_sold, as_redeemed = proceeds - outlay - financing - gas, back - outlay - financing - gas - again
    late = [(0.01, ONE_DAY), (0.001, TEN_DAYS)]
    late_chance = sum(chance for chance, _ in late)
    late_mean = sum(chance * more for chance, more in late) / late_chance
    late_stays = stays * sum(chance * 2 ** (-more / 86_400) for chance, more in late) / late_chance
    sold, late_sold = (1 - late_chance) * stays * 0.99, late_stays * 0.99
    as_late = late_sold * (as_sold + financing) + (1 - late_sold) * (as_redeemed + financing)
    as_late -= financing + outlay * 0.06 * late_mean / YEAR
    in_all = sold + late_chance * late_sold
    assert plan.duration_seconds == pytest.approx(180.0 + (1 - in_all) * 180.0)
    parts = {one.name: one for one in plan.outcomes}
    assert parts["as planned"].usd == pytest.approx(as_sold)
    assert parts["as planned"].probability == pytest.approx(sold)
    gone = outcome(plan, "premium has gone or")
    assert gone.usd == pytest.approx(as_redeemed + 0.01)  # nothing is swapped then
    assert gone.probability == pytest.approx(1 - late_chance - sold)
    stuck = outcome(plan, "1 to 10 business days late")
    assert stuck.probability == pytest.approx(late_chance)
    assert stuck.usd == pytest.approx(as_late, abs=0.01)
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR))
    assert plan.expected_profit_usd == pytest.approx(sum(one.probability * one.usd for one in plan.outcomes))


def test_on_the_exchanges_own_book_converted_tokens_are_sold_at_once():
    made = world(**AWAY)
    made.book(BOOK, [[410.0, 50.0]], [[411.0, 50.0]])
    plan = only(made.plans(premium(BOOK)), "mint_and_sell")
    assert steps(plan) == [("mint", CONVERT), ("sell", BOOK)]
    assert (plan.duration_seconds, plan.quantity_tokens) == (0.0, pytest.approx(50.0, rel=1e-6))
    as_planned = 50 * 410 * 0.999 - 50 * 400 * 1.003
    assert plan.outcomes[0].usd == pytest.approx(as_planned, rel=1e-5)
    locked = outcome(plan, "keeps the money back for 10 business days")
    assert locked.probability == pytest.approx(0.001)
    financing = 50 * 401.2 * 0.06 * (TEN_DAYS + 180) / YEAR
    refused = 0.005 * (50 * 410 * 0.999 - 50 * 400 * 0.997)  # the sale, as at any exchange
    assert as_planned - locked.usd == pytest.approx(financing + refused, rel=1e-5)
    assert plan.otherwise[0].instrument == CONVERT
    assert [leg.action for leg in plan.otherwise] == ["redeem"]  # they lie there already


def test_a_discount_in_a_pool_is_deposited_and_converted():
    plan = only(world(370.0, **AWAY).plans(below()), "buy_and_redeem")
    assert steps(plan) == [("buy", POOL), ("transfer", BOOK), ("redeem", CONVERT)]
    assert [leg.delay_seconds for leg in plan.legs] == [0.0, 180.0, 0.0]
    tokens, paid = plan.quantity_tokens, plan.legs[0].notional_usd
    mean = 180 + 0.05 * HOUR + 0.005 * 24 * HOUR
    gas = 0.01 + 0.05  # a swap, and the transaction that deposits
    as_planned = tokens * 400 * 0.997 - paid * (1 + 0.06 * mean / YEAR) - gas
    assert plan.outcomes[0].usd == pytest.approx(as_planned)
    held = outcome(plan, "held on their way for 1 business day")
    assert held.probability == pytest.approx(0.01)
    assert as_planned - held.usd == pytest.approx(paid * 0.06 * ONE_DAY / YEAR)
    late = outcome(plan, "pays 10 business days late")
    assert (late.probability, as_planned - late.usd) == (
        pytest.approx(0.001), pytest.approx(paid * 0.06 * TEN_DAYS / YEAR),
    )  # fmt: skip
    assert plan.outcomes[0].probability == pytest.approx(1 - 0.011)
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR))


def test_a_discount_on_the_exchanges_own_book_is_converted_at_once_and_settles_nothing():
    made = world(max_open_settlement_usd=100.0, **AWAY)
    made.book(BOOK, [[379.0, 100.0]], [[380.0, 100.0]])
    plan = only(made.plans(below(BOOK)), "buy_and_redeem")
    assert steps(plan) == [("buy", BOOK), ("redeem", CONVERT)]
    assert plan.duration_seconds == 0
    reserved = made.strategy.desk.reservations[plan.id].exposure
    assert reserved.settlement_usd == 0
    assert reserved.venues_usd == {"kraken": pytest.approx(sum(leg.notional_usd for leg in plan.legs))}


def test_two_legs_with_one_exchange_share_its_limit():
    made = world(max_venue_usd=20_000.0, **AWAY)
    made.book(BOOK, [[379.0, 100.0]], [[380.0, 100.0]])
    plan = only(made.plans(below(BOOK)), "buy_and_redeem")
    assert sum(leg.notional_usd for leg in plan.legs) <= 20_000.0
    assert "limits.venue_usd" in rules(plan)


# Which channel.


def test_the_better_of_two_channels_is_taken():
    """Minutes beat a day, but not at any price."""
    assert steps(only(world(450.0).plans(premium()), "mint_and_sell"))[0] == ("mint", CONVERT)
    dear = replace(KRAKEN, mint=replace(KRAKEN.mint, spread_ratio=0.2),
                   redeem=replace(KRAKEN.redeem, spread_ratio=0.2))  # fmt: skip
    made = world(450.0, conversion=dear, inventory_tokens={"TSLAx": 50.0})
    assert steps(only(made.plans(premium()), "mint_and_sell"))[1] == ("mint", "TSLAx@xstocks")
    assert steps(only(world(360.0, conversion=dear).plans(below()), "buy_and_redeem"))[-1] == (
        "redeem", "TSLAx@xstocks",
    )  # fmt: skip


def test_neither_is_worse_than_the_best_of_both_alone():
    both, issuer, exchange = (
        only(world(450.0, ineligible_issuers=away).plans(premium()), "mint_and_sell")
        for away in ([], ["kraken"], ["xstocks"])
    )
    assert both.expected_profit_usd >= max(issuer.expected_profit_usd, exchange.expected_profit_usd) - 1e-6
    assert steps(issuer)[0] == ("mint", "TSLAx@xstocks")
    assert steps(exchange)[0] == ("mint", CONVERT)


def test_tokens_sold_out_of_the_wallet_come_back_to_it():
    plan = only(world(450.0, inventory_tokens={"TSLAx": 20.0}, **AWAY).plans(premium()), "mint_and_sell")
    assert steps(plan) == [("sell", POOL), ("mint", CONVERT), ("transfer", POOL)]
    assert plan.costs_usd["gas"] == pytest.approx(1.01)
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR))


def test_tokens_sold_on_deposit_are_converted_where_they_lay():
    made = world(inventory_tokens={"TSLAx@kraken": 20.0}, **AWAY)
    made.book(BOOK, [[420.0, 100.0]], [[421.0, 100.0]])
    plan = only(made.plans(premium(BOOK)), "mint_and_sell")
    assert steps(plan) == [("sell", BOOK), ("mint", CONVERT)]


def test_a_conversion_has_no_minimum_worth_the_name():
    """Ten dollars of depth: far below the issuer's $5,000."""
    made = world(**AWAY)
    made.book(BOOK, [[460.0, 0.5]], [[461.0, 0.5]])
    plan = only(made.plans(premium(BOOK)), "mint_and_sell")
    assert plan.size_usd == pytest.approx(0.5 * 460 * 0.999, rel=1e-6)


# When it is refused.


def test_when_none_is_usable_each_is_refused_by_rule():
    plan = world(420.0, SATURDAY).plans(premium())[0]
    assert plan.decision == "no_trade"
    told = [reason for reason in plan.reasons if reason.startswith("channel.closed")]
    assert [each.split(" takes")[0] for each in told] == [
        "channel.closed: xStocks", "channel.closed: Kraken's xStocks conversion",
    ]  # fmt: skip
    assert "inventory.none_in_time" in rules(plan)


def test_a_desk_that_is_no_customer_is_told_so():
    plan = world(420.0, ineligible_issuers=["xstocks", "kraken"]).plans(premium())[0]
    told = [reason for reason in plan.reasons if reason.startswith("channel.desk_not_eligible")]
    assert len(told) == 2
    assert told[1].endswith("minting is for Kraken's customers, not for this desk")


@pytest.mark.parametrize("name", ["TSLAx@kraken", "TSLAx@xstocks"])
def test_a_halt_of_the_exchanges_market_or_of_the_issuer_halts_the_conversion(name):
    made = world(420.0)
    made.halt(name, "maintenance")
    access = made.registry
    assert access.conversions
    plans = made.plans(premium())
    told = [reason for plan in plans for reason in plan.reasons]
    if name.endswith("xstocks"):
        assert plans[0].decision == "no_trade"
        assert any("Kraken's xStocks conversion has halted: so has xStocks" in each for each in told)
    else:
        assert all(CONVERT not in leg.instrument for plan in plans for leg in plan.legs)


def test_its_own_word_halts_it_in_plans_and_on_paper():
    made = world(420.0)
    (plan, *_) = [one for one in made.plans(premium()) if one.decision == "trade"]
    (mint,) = [leg for leg in plan.legs if leg.action == "mint"]
    made.market.conversions[mint.instrument] = "maintenance"
    fills = PaperBroker(made.registry, ExecutionSection()).execute(plan, made.market, made.ts)
    assert fills[0].status == "rejected"
    assert fills[0].reason == "mint.halted: Kraken's xStocks conversion has halted TSLAx: maintenance"
    again = made.plans(premium(severity="critical"))
    assert all(CONVERT not in leg.instrument for one in again for leg in one.legs)


def test_an_order_book_alone_is_no_channel():
    gate = replace(KRAKEN, mint=replace(KRAKEN.mint, available=False),
                   redeem=replace(KRAKEN.redeem, available=False))  # fmt: skip
    plan = world(420.0, conversion=gate, **AWAY).plans(premium())[0]
    assert plan.decision == "no_trade"
    assert not any("Kraken" in reason for reason in plan.reasons)


def test_a_deposit_that_arrives_after_closing_is_refused():
    """Friday 19:58 in New York: three minutes later nothing is converted any more."""
    made = world(370.0, at("2025-07-11T23:58:00Z"), **AWAY)
    plans = made.plans(below())
    assert only(plans, "buy_and_redeem") is None
    told = [reason for plan in plans for reason in plan.reasons]
    assert any("takes no orders any more when the tokens are there" in each for each in told)


def test_before_it_opens_a_discount_is_held_until_the_exchange_converts():
    early = MONDAY - 2 * 3_600 * 10**9
    regular = replace(KRAKEN, redeem=replace(KRAKEN.redeem, hours="regular"))
    made = world(360.0, early, conversion=regular, **AWAY)
    made.broker("TSLA@ibkr", 399.9, 400.1)
    plan = only(made.plans(below()), "hedge_and_hold")
    assert steps(plan)[2:4] == [("transfer", BOOK), ("redeem", CONVERT)]
    assert plan.legs[3].after_seconds == pytest.approx(1.5 * HOUR)  # when New York opens
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR))


def test_it_is_said_as_a_person_would():
    text = explain(only(world(440.0, **AWAY).plans(premium()), "mint_and_sell"))
    assert " TSLAx by conversion at kraken at $401.20" in text
    assert "for the exchange's spread" in text
    assert "Kraken's xStocks conversion delivers 1 to 10 business days late" in text
    assert ":convert" not in text


def test_every_leg_has_a_place_that_the_desk_knows():
    for made, what in ((world(440.0, **AWAY), premium()), (world(370.0, **AWAY), below())):
        for plan in made.plans(what):
            for leg in plan.legs:
                symbol, _ = split_instrument(leg.instrument)
                assert symbol == "TSLAx"
                assert made.strategy.desk.place(leg.instrument) in ("wallet", "kraken")


def test_the_wait_of_minutes_is_not_hedged_and_risks_little():
    made = world(440.0, **AWAY)
    made.broker("TSLA@ibkr", 399.9, 400.1)
    plan = only(made.plans(premium()), "mint_and_sell")
    assert plan.hedge.kind == "none"
    assert plan.worst_case_usd > -plan.size_usd * (1 - exp(-3 * 0.6 / 252**0.5 * 1.5))
