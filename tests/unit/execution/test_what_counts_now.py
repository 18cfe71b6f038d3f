"""Nothing trades on what was true once: old quotes, halted issuers, yesterday's gas."""

from __future__ import annotations

from math import log

import pytest
from msgspec.structs import replace

from bot.execution.counter import Counter
from bot.market import ReferenceState
from bot.registry import Chain, Underlying
from bot.timefmt import NS
from tests.fixtures.market import pool_at
from tests.unit.execution.desk import BOOK, BROKER, ISSUER, POOL, Desk, T, leg, plan, registry

DAY_NS = 86_400 * NS
LATE = T + 301 * NS


def test_short_stock_is_not_opened_at_an_old_quote():
    desk = Desk()
    (refused,) = desk.broker.execute(
        plan(leg("hedge", BROKER, limit_price=1e-9), expires=LATE), desk.market, LATE
    )
    assert refused.reason == "hedge.stale: AMZN@ibkr was quoted 5 min 1 s ago"


def test_short_stock_is_covered_once_the_broker_quotes_again():
    desk = Desk()
    made = plan(
        leg("hedge", BROKER, limit_price=1e-9),
        leg("mint", ISSUER, limit_price=1e9, delay_seconds=600.0),
        leg("unhedge", BROKER, limit_price=1e9),
    )
    desk.broker.execute(made, desk.market, T)
    assert [fill.status for fill in desk.broker.due(T + 600 * NS, desk.market)] == ["settled"]
    desk.share.ts = T + 610 * NS
    (covered,) = desk.broker.due(T + 660 * NS, desk.market)
    assert (covered.action, covered.status) == ("unhedge", "filled")
    assert desk.broker.state_of("p1") == "done"


@pytest.mark.parametrize("action", ["mint", "redeem"])
def test_an_issuer_that_has_halted_takes_no_orders(action):
    desk = Desk()
    token = desk.market.token_state(desk.registry.tokens["AMZNx"])
    token.channel({"state": "halted", "reason": "a split"})
    limit = 1e9 if action == "mint" else 1e-9
    (refused,) = desk.broker.execute(plan(leg(action, ISSUER, limit_price=limit)), desk.market, T)
    assert refused.reason == f"{action}.halted: xStocks has halted AMZNx: a split"
    token.channel({"state": "open"})
    (taken,) = desk.broker.execute(plan(leg(action, ISSUER, limit_price=limit), id="p2"), desk.market, T)
    assert taken.status == "pending"


@pytest.mark.parametrize("action", ["mint", "redeem"])
def test_nothing_is_minted_or_redeemed_at_a_price_from_before_the_share_was_halted(action):
    desk = Desk()
    desk.share.halted, desk.share.word, desk.share.halted_reason = True, "halted", "news pending"
    limit = 1e9 if action == "mint" else 1e-9
    (refused,) = desk.broker.execute(plan(leg(action, ISSUER, limit_price=limit)), desk.market, T)
    assert refused.reason == f"{action}.halted: trading in AMZN is halted: news pending"


def test_a_fill_says_the_fee_of_the_pool_itself_whatever_pools_of_its_venue_usually_take():
    desk = Desk()
    state = desk.market.instruments[POOL]
    assert state.fee_ratio != 0.0001
    state.curve = pool_at(220.0, 1e6, fee_ratio=0.0001)
    for action, limit in (("buy", 1e9), ("sell", 1e-9)):
        done = desk.broker.execute(plan(leg(action, POOL, limit_price=limit), id=action), desk.market, T)[0]
        usd = float(done.price * done.quantity_tokens)
        assert float(done.fee_usd) == pytest.approx(usd * 0.0001, rel=1e-3)


def test_gas_is_paid_at_the_price_of_the_gas_token_of_the_moment():
    plain = registry()
    chain = Chain("ethereum", "evm", 1, gas_usd=1.5, gas_token="ETH", gas_token_usd=2_000.0)
    with_ether = replace(
        plain, chains={"ethereum": chain}, underlyings=plain.underlyings | {"ETH": Underlying("ETH")}
    )
    desk = Desk(with_ether)
    ether = desk.market.admit("ETH@ibkr")
    ether.price, ether.log_price, ether.ts = 4_000.0, log(4_000.0), T
    buy = leg("buy", POOL, limit_price=1e9, gas_usd=9.0)
    counter = Counter(with_ether)
    assert float(counter.price(buy, plan(buy), desk.market, T).gas_usd) == pytest.approx(3.0)
    # An hour on nobody says what ether is worth: it is what the registry takes it for.
    assert float(counter.price(buy, plan(buy), desk.market, T + 3601 * NS).gas_usd) == 1.5
    at_exchange = leg("buy", BOOK, limit_price=1e9, gas_usd=0.25)
    assert float(counter.price(at_exchange, plan(at_exchange), desk.market, T).gas_usd) == 0.25


def test_a_share_is_worth_its_fair_value_whatever_one_reference_says_last():
    desk = Desk()
    desk.share.price, desk.share.ts = 2_200.0, T + NS
    assert desk.market.share_usd("AMZN", T + NS) == 220.0


def test_without_a_fair_value_a_share_is_worth_what_the_freshest_trusted_reference_says():
    desk = Desk()
    desk.fair = None
    desk.share.price = 220.0
    liar = desk.market.underlyings["AMZN"].references["liar"] = ReferenceState("AMZN@liar")
    liar.price, liar.ts, liar.distrusted = 2_200.0, T + NS, True
    assert desk.market.share_usd("AMZN", T + NS) == 220.0
    assert desk.market.share_usd("AMZN", T + 10 * DAY_NS) == 220.0
    assert desk.market.share_usd("AMZN", T + 10 * DAY_NS, max_age=DAY_NS) is None


def test_a_fair_value_is_as_old_as_the_reference_behind_it():
    desk = Desk()
    desk.fair = replace(desk.fair, age_seconds=2 * 86_400.0)
    assert desk.market.share_usd("AMZN", T, max_age=3 * DAY_NS) == 220.0
    assert desk.market.share_usd("AMZN", T, max_age=DAY_NS) is None
