"""Paper fills are what the market would really have given, and say no by name where it would not."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.errors import Refusal
from bot.pools.book import BookCurve
from bot.timefmt import NS
from bot.valuation.fair import FairValue
from tests.unit.execution.desk import (
    BOOK,
    BROKER,
    CHANNEL,
    DAY,
    FEE,
    ISSUER,
    POOL,
    Book,
    Desk,
    ProductPool,
    T,
    leg,
    plan,
    registry,
)


def test_a_buy_pays_the_curve_and_not_the_last_print():
    desk = Desk()
    desk.pool.price = 1.0  # a print nobody can trade at
    (fill,) = desk.broker.execute(plan(leg("buy", POOL, limit_price=225.0)), desk.market, T)
    cash = 220_000 * 10 / 990 / (1 - FEE)
    assert fill.status == "filled"
    assert float(fill.quantity_tokens * fill.price + fill.fee_usd) == pytest.approx(cash, rel=1e-12)
    assert float(fill.fee_usd) == pytest.approx(cash * FEE, rel=1e-9)
    assert fill.gas_usd == Decimal("1.5")  # of the chain, whatever the plan thought
    assert desk.broker.state_of("p1") == "done"


def test_a_sale_receives_the_curve_less_the_fee():
    desk = Desk()
    (fill,) = desk.broker.execute(plan(leg("sell", POOL, limit_price=215.0)), desk.market, T)
    received = desk.pool.curve.sell_tokens(10.0).usd
    assert float(fill.quantity_tokens * fill.price - fill.fee_usd) == pytest.approx(received, rel=1e-12)


def test_the_tiny_pool_of_july_2025_gives_no_more_than_it_holds():
    desk = Desk()
    desk.pool.curve = ProductPool(0.24, 54.0, 0.0)
    selling = plan(leg("sell", POOL, 100.0, 23_781.22, limit_price=20_000.0))
    (fill,) = desk.broker.execute(selling, desk.market, T)
    assert fill.status == "rejected"
    assert fill.reason.startswith("slippage: sell at 0.53")  # $54 for 100 tokens, at best


@pytest.mark.parametrize(
    ("action", "price", "beyond", "filled"),
    [("buy", 222.0, 1.009, True), ("buy", 222.0, 1.011, False),
     ("sell", 221.0, 0.991, True), ("sell", 221.0, 0.989, False)],
)  # fmt: skip
def test_once_begun_a_leg_worse_than_its_limit_by_more_than_the_slippage_is_refused(
    action, price, beyond, filled
):
    desk = Desk(slippage=0.01)
    first = leg("sell" if action == "buy" else "buy", BOOK, 1.0, limit_price=None)
    worse = leg(action, BOOK, limit_price=price / beyond)
    second = desk.broker.execute(plan(first, worse), desk.market, T)[1]
    assert (second.status, second.reason.partition(":")[0]) == (
        ("filled", "") if filled else ("rejected", "slippage")
    )


@pytest.mark.parametrize(("action", "price"), [("buy", 222.0), ("sell", 221.0)])
def test_no_plan_is_begun_beyond_the_limit_of_its_first_leg(action, price):
    desk = Desk(slippage=0.01)
    worse = price * (1 - 1e-6) if action == "buy" else price * (1 + 1e-6)
    (refused,) = desk.broker.execute(plan(leg(action, BOOK, limit_price=worse)), desk.market, T)
    assert refused.reason.startswith("slippage: ")
    (done,) = desk.broker.execute(plan(leg(action, BOOK, limit_price=price), id="p2"), desk.market, T)
    assert done.status == "filled"


def test_a_leg_without_a_limit_is_done_at_any_price():
    desk = Desk(slippage=0.0)
    refused, done = (
        desk.broker.execute(plan(leg("buy", BOOK, price=221.9, **limit), id=name), desk.market, T)[0]
        for name, limit in (("p1", {}), ("p2", {"limit_price": None}))
    )
    assert refused.reason.startswith("slippage")
    assert done.status == "filled"


def _halt(desk: Desk) -> None:
    desk.pool.halted, desk.pool.halted_reason = True, "paused by the issuer"


def _no_curve(desk: Desk) -> None:
    desk.pool.curve, desk.pool.price = None, 220.0


@pytest.mark.parametrize(
    ("change", "one", "rule"),
    [
        (_no_curve, leg("buy", POOL), "depth.unknown"),
        (lambda desk: None, leg("buy", "AMZNx@nowhere"), "depth.unknown"),
        (lambda desk: None, leg("buy", POOL, 1000.0), "depth.insufficient"),
        (lambda desk: None, leg("buy", POOL, 0.0), "quantity"),
        (lambda desk: None, leg("buy", POOL, float("nan")), "quantity"),
        (lambda desk: None, leg("buy", POOL, 1e-12), "quantity"),
        (_halt, leg("buy", POOL), "venue.halted"),
        (lambda desk: setattr(desk, "fair", None), leg("mint", ISSUER), "reference.missing"),
        (lambda desk: None, leg("mint", "WHATx@xstocks"), "mint.unknown"),
        (lambda desk: None, leg("redeem", ISSUER, 0.1), "redeem.minimum"),
        (lambda desk: None, leg("redeem", ISSUER, 1e5), "redeem.maximum"),
        (lambda desk: None, leg("hedge", "AMZN@nobody"), "depth.unknown"),
        (lambda desk: setattr(desk.share, "bid", None), leg("hedge", BROKER), "depth.unknown"),
        (lambda desk: setattr(desk.share, "halted", True), leg("hedge", BROKER), "venue.halted"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name_and_moves_nothing(change, one, rule):
    desk = Desk()
    change(desk)
    (fill,) = desk.broker.execute(plan(one), desk.market, T)
    assert (fill.status, fill.price, fill.fee_usd) == ("rejected", 0, 0)
    assert fill.reason.startswith(f"{rule}: ")
    assert desk.broker.state_of("p1") == "refused"
    assert desk.broker.next_due is None


def test_a_channel_that_is_shut_takes_no_orders():
    desk = Desk()
    desk.fair = FairValue(220.0, 0.01, 100.0, "weekend", True)
    (fill,) = desk.broker.execute(plan(leg("mint", ISSUER)), desk.market, T)
    assert fill.reason == "mint.closed: xstocks is open 24/5, and it is weekend"
    closed_loop = Desk(registry(mint=replace(CHANNEL, available=False)))
    (fill,) = closed_loop.broker.execute(plan(leg("mint", ISSUER)), closed_loop.market, T)
    assert fill.reason.startswith("mint.unavailable")


def test_an_expired_plan_is_refused_and_one_on_its_last_moment_is_not():
    desk = Desk()
    (late,) = desk.broker.execute(plan(leg("buy", BOOK, price=222)), desk.market, T + 60 * NS + 1)
    assert late.reason.startswith("plan.expired")
    (last,) = desk.broker.execute(plan(leg("buy", BOOK, price=222), id="p2"), desk.market, T + 60 * NS)
    assert last.status == "filled"


def test_the_same_plan_twice_is_once_and_ids_come_from_the_plan():
    desk = Desk()
    first = desk.broker.execute(
        plan(leg("buy", BOOK, price=222), leg("sell", POOL, price=217)), desk.market, T
    )
    assert [fill.order_id for fill in first] == ["p1-L0", "p1-L1"]
    assert (
        desk.broker.execute(plan(leg("buy", BOOK, price=222), leg("sell", POOL, price=217)), desk.market, T)
        == []
    )
    fresh = desk.new_broker()
    again = fresh.execute(plan(leg("buy", BOOK, price=222), leg("sell", POOL, price=217)), desk.market, T)
    assert again == first


def test_nothing_is_sent_for_a_plan_to_do_nothing_or_with_execution_off():
    desk = Desk()
    assert desk.broker.execute(plan(decision="no_trade"), desk.market, T) == []
    assert Desk(mode="off").broker.execute(plan(leg("buy", BOOK)), desk.market, T) == []


def test_a_mint_is_pending_until_its_settlement_delay_has_passed():
    desk = Desk()
    minting = plan(leg("mint", ISSUER, price=222, delay_seconds=2 * DAY))
    (pending,) = desk.broker.execute(minting, desk.market, T)
    assert (pending.status, pending.settles) == ("pending", T + 2 * 86_400 * NS)
    assert float(pending.price) == pytest.approx(220 * 1.0005)
    assert float(pending.fee_usd) == pytest.approx(2200 * 1.0005 * 0.0025)
    assert desk.broker.next_due == pending.settles
    assert desk.broker.state_of("p1") == "settling"
    assert desk.broker.due(pending.settles - 1) == []
    (settled,) = desk.broker.due(pending.settles + 5)
    assert (settled.status, settled.ts, settled.order_id) == ("settled", pending.settles, pending.order_id)
    assert (settled.quantity_tokens, settled.price) == (pending.quantity_tokens, pending.price)
    assert (settled.fee_usd, settled.gas_usd) == (0, 0)
    assert desk.broker.next_due is None
    assert desk.broker.state_of("p1") == "done"
    assert desk.broker.due(pending.settles + 6) == []


def test_settlements_come_in_the_order_they_fall_due():
    desk = Desk()
    for number, days in enumerate((3.0, 1.0, 2.0)):
        one = leg("redeem", ISSUER, price=219, delay_seconds=days * DAY)
        desk.broker.execute(plan(one, id=f"p{number}"), desk.market, T)
    settled = desk.broker.due(T + 10 * 86_400 * NS)
    assert [fill.plan_id for fill in settled] == ["p1", "p2", "p0"]


def test_an_instant_issuer_fills_at_once():
    desk = Desk(registry(mint=replace(CHANNEL, settlement_days=0)))
    (fill,) = desk.broker.execute(plan(leg("mint", ISSUER, price=222)), desk.market, T)
    assert fill.status == "filled"


def test_a_leg_that_needs_tokens_in_transit_waits_and_then_meets_the_market_of_its_day():
    desk = Desk()
    route = plan(leg("mint", ISSUER, price=222, delay_seconds=DAY), leg("sell", BOOK, limit_price=221.0))
    assert [fill.action for fill in desk.broker.execute(route, desk.market, T)] == ["mint"]
    assert desk.broker.state_of("p1") == "waiting"
    desk.book.curve = Book(bid=240.0, ask=241.0, tokens=100.0)
    later = T + 86_400 * NS + 7
    settled, sold = desk.broker.due(later, desk.market)
    assert (settled.status, sold.action, sold.price, sold.ts) == ("settled", "sell", 240, later)
    assert desk.broker.state_of("p1") == "done"


def test_a_waiting_leg_stays_until_the_driver_brings_a_market():
    desk = Desk()
    route = plan(leg("mint", ISSUER, price=222, delay_seconds=DAY), leg("sell", BOOK, limit_price=221.0))
    desk.broker.execute(route, desk.market, T)
    assert [fill.status for fill in desk.broker.due(T + 86_400 * NS)] == ["settled"]
    assert [fill.action for fill in desk.broker.due(T + 86_401 * NS, desk.market)] == ["sell"]


def test_selling_out_of_inventory_first_does_not_wait_for_the_mint():
    desk = Desk()
    route = plan(leg("sell", BOOK, limit_price=221.0), leg("mint", ISSUER, price=222, delay_seconds=DAY))
    assert [fill.status for fill in desk.broker.execute(route, desk.market, T)] == ["filled", "pending"]


def test_an_unhedge_waits_for_what_it_hedged():
    desk = Desk()
    route = plan(
        leg("hedge", BROKER, price=219.9, fee_usd=0.35),
        leg("redeem", ISSUER, price=219, delay_seconds=DAY),
        leg("unhedge", BROKER, price=221),
    )
    short, redeem = desk.broker.execute(route, desk.market, T)
    assert (float(short.price), float(short.fee_usd), redeem.status) == (219.9, 0.35, "pending")
    desk.share.ts = T + 86_400 * NS
    _, cover = desk.broker.due(T + 86_400 * NS, desk.market)
    assert (cover.action, float(cover.price)) == ("unhedge", 220.1)


def test_what_was_minted_keeps_its_hedge_when_it_can_no_longer_be_sold():
    desk = Desk()
    route = plan(
        leg("mint", ISSUER, price=222, delay_seconds=DAY),
        leg("hedge", BROKER, price=219.9),
        leg("sell", BOOK, price=240, limit_price=240),
        leg("unhedge", BROKER, price=221),
    )
    desk.broker.execute(route, desk.market, T)
    _, refused = desk.broker.due(T + 86_400 * NS, desk.market)
    assert (refused.action, refused.status) == ("sell", "rejected")
    assert desk.broker.state_of("p1") == "stranded"


def test_a_transfer_leaves_one_place_and_arrives_at_the_other_later():
    desk = Desk()
    route = plan(
        leg("buy", POOL, price=225),
        leg("transfer", BOOK, price=220, delay_seconds=1200, fee_usd=1.0),
        leg("sell", BOOK, limit_price=221),
    )
    _, leaving = desk.broker.execute(route, desk.market, T)
    assert (leaving.instrument, leaving.status, leaving.reason) == (POOL, "pending", f"to {BOOK}")
    arrived, sold = desk.broker.due(T + 1200 * NS, desk.market)
    assert (arrived.instrument, arrived.status, sold.action) == (BOOK, "settled", "sell")


def test_a_transfer_moves_the_tokens_and_not_the_hedge_opened_in_between():
    """Seen in the demo: the shares sold short were booked as sent to the venue, for good."""
    desk = Desk()
    route = plan(
        leg("mint", ISSUER, price=222, delay_seconds=DAY),
        leg("hedge", BROKER, price=221),
        leg("transfer", BOOK, price=220, delay_seconds=1200),
        leg("sell", BOOK, limit_price=221),
    )
    desk.broker.execute(route, desk.market, T)
    told = desk.broker.due(T + DAY * NS, desk.market)
    [leaving] = [fill for fill in told if fill.action == "transfer"]
    assert (leaving.instrument, leaving.status, leaving.reason) == (ISSUER, "pending", f"to {BOOK}")


def test_after_a_refused_leg_nothing_more_is_sent_and_what_filled_is_undone_at_a_real_loss():
    desk = Desk()
    route = plan(leg("buy", POOL, price=225), leg("sell", BOOK, price=230), leg("sell", BOOK, price=220))
    bought, refused, undone = desk.broker.execute(route, desk.market, T)
    assert refused.reason.startswith("slippage")
    assert (undone.order_id, undone.action, undone.instrument) == ("p1-U0", "sell", POOL)
    assert undone.reason == "unwind of p1-L0"
    paid = float(bought.quantity_tokens * bought.price + bought.fee_usd)
    back = float(undone.quantity_tokens * undone.price - undone.fee_usd)
    # The way back costs both fees, not both impacts: it begins where the purchase left the pool.
    pool = desk.pool.curve
    tokens, usd = pool.tokens - 10.0, pool.usd + paid * (1 - FEE)
    assert back == pytest.approx(usd * 10.0 * (1 - FEE) / (tokens + 10.0 * (1 - FEE)), rel=1e-9)
    assert back == pytest.approx(paid * (1 - FEE) ** 2, rel=1e-4)
    assert desk.broker.state_of("p1") == "unwound"


def test_what_cannot_be_undone_is_left_open_and_said_so():
    desk = Desk()
    route = plan(leg("mint", ISSUER, price=222, delay_seconds=DAY), leg("buy", BOOK, price=100))
    desk.broker.execute(route, desk.market, T)
    assert desk.broker.state_of("p1") == "stranded"
    assert [fill.status for fill in desk.broker.due(T + 86_400 * NS, desk.market)] == ["settled"]
    assert desk.broker.state_of("p1") == "stranded"


def test_an_unwind_into_a_venue_that_went_dark_is_refused_and_the_position_stays():
    desk = Desk()
    route = plan(leg("buy", BOOK, 60.0, 222), leg("sell", POOL, 60.0, 300))
    desk.book.curve = BookCurve([], [(222.0, 60.0)])
    bought, _, undo = desk.broker.execute(route, desk.market, T)
    assert (bought.status, undo.status) == ("filled", "rejected")
    assert desk.broker.state_of("p1") == "stranded"


def test_depth_is_spent_only_once_until_the_venue_is_seen_again_and_for_one_incident_as_long_as_it_lasts():
    desk = Desk()
    one = desk.broker.execute(plan(leg("buy", POOL, price=225), id="a"), desk.market, T)[0]
    two = desk.broker.execute(plan(leg("buy", POOL, price=230), id="b"), desk.market, T)[0]
    whole = Desk()
    both = whole.broker.execute(plan(leg("buy", POOL, 20.0, 230)), whole.market, T)[0]
    paid = [float(fill.quantity_tokens * fill.price + fill.fee_usd) for fill in (one, two, both)]
    assert paid[0] + paid[1] == pytest.approx(paid[2], rel=1e-9)
    assert two.price > one.price
    desk.pool.ts += NS
    same = desk.broker.execute(plan(leg("buy", POOL, price=235), id="c"), desk.market, T + NS)[0]
    assert same.price > two.price
    desk.pool.ts += NS
    other = plan(leg("buy", POOL, price=225), id="d", incident_id="i2")
    assert desk.broker.execute(other, desk.market, T + 2 * NS)[0].price == one.price


def test_what_was_bought_days_ago_does_not_make_it_dearer_to_sell():
    desk = Desk()
    desk.broker.execute(plan(leg("buy", POOL, price=230), id="a"), desk.market, T)
    desk.pool.ts += NS
    sold = desk.broker.execute(plan(leg("sell", POOL, price=215), id="b"), desk.market, T + NS)[0]
    fresh = Desk()
    assert sold.price == fresh.broker.execute(plan(leg("sell", POOL, price=215)), fresh.market, T)[0].price


def test_a_refused_leg_spends_no_depth():
    desk = Desk()
    desk.broker.execute(plan(leg("buy", POOL, price=100), id="a"), desk.market, T)
    two = desk.broker.execute(plan(leg("buy", POOL, price=225), id="b"), desk.market, T)[0]
    fresh = Desk()
    assert two.price == fresh.broker.execute(plan(leg("buy", POOL, price=225)), fresh.market, T)[0].price


def test_a_book_has_two_sides_and_bought_asks_do_not_deepen_the_bids():
    desk = Desk()
    desk.broker.execute(plan(leg("buy", BOOK, 60.0, 222), id="a"), desk.market, T)
    (more,) = desk.broker.execute(plan(leg("buy", BOOK, 60.0, 222), id="b"), desk.market, T)
    assert more.reason.startswith("depth.insufficient")
    (sold,) = desk.broker.execute(plan(leg("sell", BOOK, 100.0, 221), id="c"), desk.market, T)
    assert sold.price == 221


def test_a_broker_restored_from_its_snapshot_goes_on_as_if_nothing_had_happened():
    desk = Desk()
    route = plan(leg("mint", ISSUER, price=222, delay_seconds=DAY), leg("sell", BOOK, limit_price=221.0))
    desk.broker.execute(route, desk.market, T)
    desk.broker.execute(plan(leg("buy", POOL, price=225), id="done"), desk.market, T)
    restored = desk.new_broker()
    restored.restore(desk.broker.snapshot())
    assert restored.snapshot() == desk.broker.snapshot()
    assert restored.next_due == desk.broker.next_due
    assert restored.execute(route, desk.market, T) == []
    assert restored.due(T + 86_400 * NS, desk.market) == desk.broker.due(T + 86_400 * NS, desk.market)


def test_settlements_the_ledger_waits_for_are_taken_over_once():
    desk = Desk()
    pending = desk.broker.execute(plan(leg("redeem", ISSUER, price=219, delay_seconds=DAY)), desk.market, T)
    fresh = desk.new_broker()
    assert (fresh.adopt(pending), fresh.adopt(pending), desk.broker.adopt(pending)) == (1, 0, 0)
    assert fresh.due(T + 86_400 * NS) == desk.broker.due(T + 86_400 * NS)


def test_memory_does_not_grow_with_plans_carried_out(monkeypatch):
    monkeypatch.setattr("bot.execution.paper.KEEP_FINISHED", 10)
    desk = Desk()
    for number in range(50):
        desk.broker.execute(plan(leg("buy", BOOK, 0.1, 222), id=f"p{number}"), desk.market, T)
    state = desk.broker.snapshot()
    assert (len(state["finished"]), state["runs"], len(state["spent"])) == (10, [], 1)


def test_live_mode_is_refused_at_start_because_there_is_nowhere_to_send_orders():
    with pytest.raises(Refusal) as refused:
        Desk(mode="live")
    assert refused.value.rule == "live.no_venue"
    assert 'execution.mode = "paper"' in str(refused.value)
