"""Legs that are refused after others have filled: what is answered, what is undone, what is tried again."""

from __future__ import annotations

from bot.config import StrategySection
from bot.execution.orders import FINAL
from bot.ledger.reconcile import hedged
from bot.strategy.desk import Desk as Reservations
from bot.strategy.desk import Exposure
from bot.timefmt import NS
from bot.types import Fill, Leg
from tests.unit.execution.desk import BOOK, BROKER, DAY, ISSUER, POOL, Desk, T, leg, plan
from tests.unit.execution.hedged import CALL, PERP, HedgedDesk
from tests.unit.execution.hedged import leg as order

DAY_NS = 86_400 * NS
ANY_BUY, ANY_SELL = 1e9, 1e-9


def shown(fills: list[Fill]) -> list[tuple[str, str]]:
    return [(fill.action, fill.status) for fill in fills]


def left_reserved(legs: list[Leg], otherwise: list[Leg]) -> tuple[list[Fill], Reservations]:
    """What a plan comes to, and what is reserved after it."""
    desk = HedgedDesk()
    reserved = Reservations(StrategySection(), desk.registry)
    made = plan(*legs, otherwise=otherwise)
    reserved.reserve(made, Exposure(2200.0, 2200.0, {}, 2200.0, {}, {"xstocks": 2200.0}))
    fills = desk.broker.execute(made, desk.market, T)
    while desk.broker.next_due is not None:
        desk.now = desk.broker.next_due
        desk.stock(220.0)
        fills += desk.broker.due(desk.now, desk.market)
    for fill in fills:
        reserved.on_fill(fill)
    assert desk.broker.state_of(made.id) == "done"
    return fills, reserved


def test_a_hedge_refused_after_the_mint_leaves_no_capital_reserved():
    mint = leg("mint", ISSUER, price=221, limit_price=ANY_BUY)
    never_quoted = order("hedge", PERP, "sell", 10, 220, margin=100)
    sell, redeem = leg("sell", POOL), leg("redeem", ISSUER, limit_price=ANY_SELL)
    close = order("unhedge", PERP, "buy", 10, 220)
    fills, reserved = left_reserved([mint, never_quoted, sell, close], [redeem, close])
    assert [(fill.action, fill.status) for fill in fills if fill.status != "settled"] == [
        ("mint", "pending"), ("hedge", "rejected"), ("redeem", "pending"), ("unhedge", "filled"),
    ]  # fmt: skip
    [skipped] = [fill for fill in fills if fill.action == "unhedge"]
    assert (skipped.quantity_tokens, skipped.reason) == (0, "there is nothing to unhedge")
    assert reserved.reservations == {}


def test_short_stock_that_was_never_sold_is_not_bought_back_though_another_hedge_was_opened():
    desk = HedgedDesk()
    desk.perp(219.9, 220.1)
    mint, redeem = leg("mint", ISSUER, limit_price=ANY_BUY), leg("redeem", ISSUER, limit_price=ANY_SELL)
    close = [order("unhedge", PERP, "buy", 10, 220.1), leg("unhedge", BROKER)]
    desk.fills = desk.broker.execute(
        plan(
            mint,
            order("hedge", PERP, "sell", 10, 219.9, margin=500.0),
            leg("hedge", BROKER, limit_price=1e6),
            *close,
            otherwise=[redeem, *close],
        ),
        desk.market,
        T,
    )
    while desk.broker.state_of("p1") not in FINAL:
        desk.now += 600 * NS
        desk.stock(220.0)
        desk.perp(219.9, 220.1)
        desk.wait(desk.now)
    assert desk.broker.state_of("p1") == "done"
    assert hedged(desk.books().positions()) == {}


def test_a_way_back_that_was_never_gone_is_answered_and_leaves_no_capital_reserved():
    mint = leg("mint", ISSUER, price=221, limit_price=ANY_BUY)
    never_quoted = order("hedge", PERP, "sell", 10, 220, margin=100)
    there, back = leg("transfer", BOOK, delay_seconds=600.0), leg("transfer", ISSUER, delay_seconds=600.0)
    redeem = leg("redeem", ISSUER, limit_price=ANY_SELL)
    close = order("unhedge", PERP, "buy", 10, 220)
    fills, reserved = left_reserved(
        [mint, never_quoted, there, leg("sell", BOOK), close], [back, redeem, close]
    )
    skipped = [(fill.action, fill.reason) for fill in fills if fill.reason.startswith("there is")]
    assert skipped == [
        ("transfer", "there is nothing to transfer"),
        ("unhedge", "there is nothing to unhedge"),
    ]
    assert reserved.reservations == {}


def test_tokens_moved_off_an_exchange_are_not_sold_there_and_keep_their_hedge():
    desk = Desk()
    desk.broker.execute(
        plan(
            leg("buy", BOOK, limit_price=ANY_BUY),
            leg("hedge", BROKER, limit_price=ANY_SELL),
            leg("transfer", ISSUER, delay_seconds=3600.0),
            leg("redeem", ISSUER, limit_price=1e6),
            leg("unhedge", BROKER, limit_price=ANY_BUY),
        ),
        desk.market,
        T,
    )
    assert shown(desk.broker.due(T + 3600 * NS, desk.market)) == [
        ("transfer", "settled"),
        ("redeem", "rejected"),
    ]
    assert desk.broker.state_of("p1") == "stranded"


def test_what_was_sold_before_the_transfer_of_another_token_is_still_undone():
    desk = Desk()
    fills = desk.broker.execute(
        plan(
            leg("transfer", "TSLAx@xstocks", delay_seconds=0.0),
            leg("buy", BOOK, limit_price=ANY_BUY),
            leg("sell", BOOK, limit_price=1e6),
        ),
        desk.market,
        T,
    )
    assert shown(fills)[-2:] == [("sell", "rejected"), ("sell", "filled")]


def holding() -> Desk:
    """Bought now, to be sold a day later."""
    desk = Desk()
    made = plan(
        leg("buy", POOL, limit_price=ANY_BUY), leg("sell", POOL, after_seconds=DAY, limit_price=ANY_SELL)
    )
    assert shown(desk.broker.execute(made, desk.market, T)) == [("buy", "filled")]
    desk.pool.halted = True
    return desk


def test_a_way_out_that_is_shut_when_its_time_has_come_is_tried_until_it_opens():
    desk = holding()
    assert desk.broker.due(T + DAY_NS, desk.market) == []
    assert desk.broker.next_due == T + DAY_NS + 60 * NS
    desk.pool.halted = False
    assert shown(desk.broker.due(T + DAY_NS + 60 * NS, desk.market)) == [("sell", "filled")]
    assert desk.broker.state_of("p1") == "done"


def test_a_way_out_that_stays_shut_is_given_up_after_a_day_and_says_so():
    desk = holding()
    assert desk.broker.due(T + 2 * DAY_NS - NS, desk.market) == []
    refused, *undo = desk.broker.due(T + 2 * DAY_NS + 60 * NS, desk.market)
    assert refused.reason.startswith("venue.halted: ")
    assert refused.reason.endswith("(tried for 1 d 1 min)")
    assert shown(undo) == [("sell", "rejected")]
    assert desk.broker.state_of("p1") == "stranded"


def test_a_way_out_that_pays_too_little_is_given_up_at_once():
    desk = Desk()
    made = plan(leg("buy", POOL, limit_price=ANY_BUY), leg("sell", POOL, after_seconds=DAY, limit_price=1e6))
    desk.broker.execute(made, desk.market, T)
    refused, undone = desk.broker.due(T + DAY_NS, desk.market)
    assert refused.reason.startswith("slippage")
    assert (undone.action, undone.status) == ("sell", "filled")


TOO_CHEAP = 1e-9
"""A limit at which nobody sells."""


def test_a_hedge_is_closed_at_any_price_once_what_it_hedged_is_sold():
    """A limit would leave a bet that nobody made, and turn the plan to redeem tokens that it has sold."""
    mint = leg("mint", ISSUER, price=221, limit_price=ANY_BUY)
    short = leg("hedge", BROKER, limit_price=ANY_SELL)
    sell, redeem = leg("sell", BOOK, limit_price=ANY_SELL), leg("redeem", ISSUER, limit_price=ANY_SELL)
    close = leg("unhedge", BROKER, limit_price=TOO_CHEAP)
    fills, reserved = left_reserved([mint, short, sell, close], [redeem, close])
    assert shown(fills) == [
        ("mint", "pending"), ("hedge", "filled"), ("mint", "settled"), ("sell", "filled"),
        ("unhedge", "filled"),
    ]  # fmt: skip
    assert (reserved.reservations, reserved.hedges, reserved.held("AMZNx")) == ({}, {}, 0.0)


def test_a_hedge_that_was_closed_is_never_opened_again():
    desk = HedgedDesk()
    desk.perp(219.9, 220.1)
    desk.option(CALL, 2.0, 2.1)
    done = desk.execute(
        leg("buy", POOL, limit_price=ANY_BUY),
        order("hedge", PERP, "sell", 10, 219.9, margin=500.0),
        order("hedge", CALL, "buy", 1, 210.0),
        leg("sell", POOL, limit_price=ANY_SELL),
        order("unhedge", PERP, "buy", 10, 220.1),
        order("unhedge", CALL, "sell", 1, 200.0, limit=ANY_BUY),
    )
    assert shown(done)[-4:] == [
        ("sell", "filled"), ("unhedge", "filled"), ("margin_out", "filled"), ("unhedge_sell", "filled"),
    ]  # fmt: skip
    assert desk.broker.state_of("p1") == "done"


def test_what_is_undone_leaves_out_a_hedge_that_was_closed_before():
    desk = Desk()
    fills = desk.broker.execute(
        plan(
            leg("buy", BOOK, limit_price=ANY_BUY),
            leg("hedge", BROKER, limit_price=ANY_SELL),
            leg("unhedge", BROKER, limit_price=ANY_BUY),
            leg("sell", BOOK, limit_price=1e6),
        ),
        desk.market,
        T,
    )
    assert shown(fills)[-3:] == [("unhedge", "filled"), ("sell", "rejected"), ("sell", "filled")]
    assert desk.broker.state_of("p1") == "unwound"


def test_what_is_undone_leaves_a_hedge_that_was_left_open_to_its_market():
    desk = Desk()
    made = plan(
        leg("buy", BOOK, limit_price=ANY_BUY),
        leg("hedge", BROKER, limit_price=ANY_SELL),
        leg("unhedge", BROKER),
        leg("sell", BOOK, limit_price=1e6),
    )
    desk.share.ts = T
    desk.share.ask = None  # nobody sells shares
    fills = desk.broker.execute(made, desk.market, T)
    while desk.broker.state_of("p1") not in FINAL:
        assert desk.broker.next_due is not None
        desk.book.ts = desk.share.ts = desk.broker.next_due
        fills += desk.broker.due(desk.broker.next_due, desk.market)
    assert [each for each in shown(fills) if each[0] != "hedge_stays"][2:] == [
        ("unhedge", "rejected"), ("sell", "rejected"), ("sell", "filled"),
    ]  # fmt: skip
    assert desk.broker.state_of("p1") == "stranded"
    desk.share.ask, desk.share.ts = 230.0, desk.share.ts + 120 * NS
    desk.broker.heard(BROKER, desk.share.ts)
    assert shown(desk.broker.due(desk.share.ts, desk.market)) == [("unhedge", "filled")]
