"""A hedge that cannot be closed: how often it is tried, who is told, and how that ends."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import Refusal
from bot.execution.margin import NEVER
from bot.execution.retries import GONE_NS, RETRY_NS, SLOWEST_NS, Retries, waits
from bot.ledger.reconcile import hedged
from bot.strategy.hedge_book import HedgeBook
from bot.timefmt import NS
from tests.unit.execution import desk as plain
from tests.unit.execution.desk import BROKER, ISSUER, T
from tests.unit.execution.hedged import CALL, FRIDAY, HOUR, PERP, PUT, HedgedDesk, actions, leg

DAY = 24 * HOUR
ANY_BUY = 1e9
MINT = plain.leg("mint", ISSUER, 10.0, 221.0, limit_price=ANY_BUY, delay_seconds=86_400.0)
STALE = Refusal("hedge.stale", "long ago")


def short_perp() -> HedgedDesk:
    """Tokens minted against a perp whose venue says nothing more."""
    desk = HedgedDesk()
    desk.perp(219.9, 220.1, rate=1e-5)
    desk.execute(leg("hedge", PERP, "sell", 10, 219.9, margin=500.0), MINT,
                 leg("unhedge", PERP, "buy", 10, 220.1))  # fmt: skip
    return desk


def gone() -> HedgedDesk:
    """The same, a week after its venue was to close it."""
    desk = short_perp()
    day = T + DAY
    while desk.broker.state_of("p1") not in ("done", "stranded"):
        assert day < T + 30 * DAY
        desk.wait(day)
        day += HOUR
    return desk


def test_a_pause_is_a_minute_at_first_and_an_hour_at_last():
    retries, closing, pauses = Retries(), leg("unhedge", PERP, "buy", 10, 220.0), []
    now = T
    while now < T + 3 * DAY:
        retries.again("p1", closing, now, [PERP])
        pauses.append(retries.next_due - now)
        now = retries.next_due
    assert pauses[0] == RETRY_NS
    assert pauses == sorted(pauses)
    assert pauses[-1] == SLOWEST_NS
    assert len(pauses) < 150  # beside 4,320 by the minute


def test_it_is_told_after_a_day_and_then_each_day():
    retries, closing, told = Retries(), leg("unhedge", PERP, "buy", 10, 220.0), []
    now = T
    while now < T + 4 * DAY:
        if retries.again("p1", closing, now, [PERP]):
            told.append((now - T) // DAY)
        now = retries.next_due
    assert told == [1, 2, 3]


def test_a_quote_brings_the_next_try_forward_to_a_minute_after_the_last_and_no_further():
    retries, closing = Retries(), leg("unhedge", PERP, "buy", 10, 220.0)
    retries.again("p1", closing, T, [PERP])
    retries.again("p1", closing, T + 5 * HOUR, [PERP])
    assert retries.watched == {PERP}
    retries.heard(PUT, T + 5 * HOUR + NS)
    assert retries.next_due == T + 5 * HOUR + 30 * 60 * NS
    retries.heard(PERP, T + 5 * HOUR + NS)
    assert retries.next_due == T + 5 * HOUR + RETRY_NS
    assert retries.due(T + 5 * HOUR + RETRY_NS) == ["p1"]
    retries.heard(PERP, T + 6 * HOUR)
    assert retries.next_due == NEVER  # it is being tried
    retries.over("p1")
    assert retries.watched == frozenset()


@given(st.lists(st.tuples(st.integers(1, 10 * DAY), st.booleans()), min_size=1, max_size=30))
def test_a_memory_of_retries_goes_on_as_if_nothing_had_been(steps):
    one, now = Retries(), T
    closing = leg("unhedge", PERP, "buy", 10, 220.0)
    for passed, heard in steps:
        now += passed
        again = Retries()
        again.restore(one.snapshot())
        assert (again.next_due, again.watched) == (one.next_due, one.watched)
        assert again.again("p1", closing, now, [PERP]) == one.again("p1", closing, now, [PERP])
        if heard:
            one.heard(PERP, now)
            again.heard(PERP, now)
        assert again.snapshot() == one.snapshot()
        assert now + RETRY_NS <= one.next_due <= now + SLOWEST_NS


def test_what_an_older_version_remembered_is_understood():
    retries = Retries()
    retries.restore({"p1": T})
    assert retries.next_due == T


def test_an_option_is_waited_for_until_it_has_expired_and_a_perp_a_week():
    perp, put = leg("unhedge", PERP, "buy", 10, 220.0), leg("unhedge", PUT, "sell", 1, 700.0)
    assert waits(perp, STALE, T, 0, GONE_NS - NS)
    assert not waits(perp, STALE, T, 0, GONE_NS)
    assert waits(put, STALE, FRIDAY + GONE_NS - NS, 0, 3 * GONE_NS)
    assert not waits(put, STALE, FRIDAY + GONE_NS, 0, 3 * GONE_NS)
    assert not waits(perp, Refusal("slippage", "too dear"), T, 0, 0)


def test_a_perp_whose_venue_is_gone_is_tried_for_a_week_told_each_day_and_then_left_open():
    desk = gone()
    told = [fill for fill in desk.fills if fill.action == "hedge_stays"]
    assert [(fill.ts - T) // DAY for fill in told] == [2, 3, 4, 5, 6, 7]
    assert {(fill.status, fill.instrument, fill.quantity_tokens) for fill in told} == {
        ("rejected", PERP, Decimal(10))
    }
    assert "(tried for 1 d, again in 1 h or with its next quote)" in told[0].reason
    assert told[0].reason.startswith("hedge.stale: AMZN@krakenfutures was quoted 2 d ago")
    assert len({fill.id for fill in desk.fills}) == len(desk.fills)
    last = desk.fills[-1]
    assert (last.action, last.status) == ("unhedge", "rejected")
    assert last.reason.endswith("(tried for 7 d)")
    assert desk.broker.state_of("p1") == "stranded"


def test_a_hedge_that_ended_by_itself_leaves_none_of_its_waiting_to_the_next():
    desk = HedgedDesk()
    desk.perp(219.9, 220.1)
    desk.option(PUT, 2.0, 2.1)
    desk.execute(
        leg("hedge", PUT, "buy", 1, 210.0), leg("hedge", PERP, "sell", 10, 219.9, margin=5_000.0), MINT,
        leg("unhedge", PUT, "sell", 1, 200.0), leg("unhedge", PERP, "buy", 10, 220.1),
    )  # fmt: skip
    hour = T + DAY
    while desk.broker.state_of("p1") != "stranded":
        assert hour < T + 30 * DAY
        desk.now = hour
        desk.stock(230.0)  # the put expires worthless
        desk.wait(hour)
        hour += HOUR
    told = [fill for fill in desk.fills if fill.action == "hedge_stays" and fill.instrument == PERP]
    assert [(fill.ts - FRIDAY) // DAY for fill in told] == [1, 2, 3, 4, 5, 6]
    given_up = desk.fills[-1]
    assert given_up.reason.endswith("(tried for 7 d)")
    assert given_up.ts - FRIDAY == 7 * DAY


def test_what_is_left_open_stays_in_the_books_and_costs_nothing_that_nobody_knows():
    desk = gone()
    assert hedged(desk.books().positions()) == {PERP: -10.0}
    assert desk.broker.watched == {PERP}
    paid = [fill.ts for fill in desk.fills if fill.action == "funding_received"]
    assert max(paid) <= T + DAY  # nothing is known of the days since
    desk.perp(219.9, 220.1, rate=1e-5)
    desk.wait(desk.now + HOUR)
    caught_up = desk.fills[-1]
    assert caught_up.action == "funding_received"
    assert caught_up.quantity_tokens > sum(
        fill.quantity_tokens for fill in desk.fills[:-1] if fill.action == "funding_received"
    )
    desk.perp(300.0, 300.2)
    assert actions(desk.fills)[-1] == "liquidate_short"
    assert desk.wait(desk.now) == []
    assert desk.broker.next_due is None
    assert desk.broker.watched == frozenset()


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_left_open_is_closed_once_its_market_speaks_again(restart):
    desk = gone()
    desk.now += 3 * DAY
    desk.wait(desk.now)
    assert hedged(desk.books().positions()) == {PERP: -10.0}
    if restart:
        desk.again()
    desk.perp(230.0, 230.2)
    assert desk.broker.next_due == desk.now
    before = len(desk.fills)
    desk.wait(desk.now)
    done = desk.fills[before:]
    assert actions(done)[-2:] == ["unhedge", "margin_out"]
    (closed,) = [fill for fill in done if fill.action == "unhedge"]
    assert (closed.status, float(closed.price)) == ("filled", 230.2)
    assert closed.reason == "its market speaks again, 3 d after it was left open"
    assert hedged(desk.books().positions()) == {}
    assert desk.broker.state_of("p1") == "stranded"
    assert (desk.broker.next_due, desk.broker.watched) == (None, frozenset())
    assert len({fill.id for fill in desk.fills}) == len(desk.fills)


def test_one_that_still_cannot_be_closed_is_tried_with_its_next_quote_a_minute_later():
    desk = gone()
    desk.wait(desk.now + HOUR)
    desk.perp(219.9, 220.1, size=1.0)  # too thin
    assert desk.broker.next_due == desk.now
    assert "unhedge" not in actions(desk.wait(desk.now))
    tried = desk.now
    desk.now = tried + 30 * NS
    desk.perp(219.9, 220.1)
    assert desk.broker.next_due != desk.now
    desk.now = tried + 60 * NS
    desk.perp(219.9, 220.1)
    assert "unhedge" in actions(desk.wait(desk.now))


def test_short_stock_that_was_left_open_is_covered_once_a_broker_quotes():
    desk = plain.Desk()
    made = plain.plan(
        plain.leg("hedge", BROKER, limit_price=1e-9), plain.leg("mint", ISSUER, limit_price=ANY_BUY),
        plain.leg("unhedge", BROKER, limit_price=ANY_BUY),
    )  # fmt: skip
    desk.broker.execute(made, desk.market, T)
    now = T
    while desk.broker.state_of("p1") not in ("done", "stranded"):
        now += HOUR
        desk.broker.due(now, desk.market)
    assert desk.broker.state_of("p1") == "stranded"
    assert desk.broker.watched == {BROKER}
    desk.share.ts = now
    assert desk.broker.heard(BROKER, now) == []
    assert desk.broker.due(now, desk.market) == []  # it was tried at this very moment
    later = desk.share.ts = now + RETRY_NS
    desk.broker.heard(BROKER, later)
    (covered,) = desk.broker.due(later, desk.market)
    assert (covered.action, covered.status) == ("unhedge", "filled")


def test_nothing_is_undone_because_a_hedge_cannot_be_closed_and_what_is_left_of_the_plan_is_done():
    desk = HedgedDesk()
    desk.perp(219.9, 220.1)
    desk.option(PUT, 7.57, 7.67)
    desk.execute(
        leg("hedge", PERP, "sell", 10, 219.9, margin=500.0), leg("hedge", PUT, "buy", 1, 767.0), MINT,
        leg("unhedge", PERP, "buy", 10, 220.1), leg("unhedge", PUT, "sell", 1, 757.0),
    )  # fmt: skip
    for hour in range(24, 24 * 9):
        desk.now = T + hour * HOUR
        if desk.now < FRIDAY:
            desk.option(PUT, 7.57, 7.67)
        desk.stock(210.0)
        desk.wait(desk.now)
    assert desk.broker.state_of("p1") == "stranded"
    mine = [fill.action for fill in desk.fills if fill.status != "rejected" and fill.action != "hedge_stays"]
    # The put was exercised at its expiry, and the shares that it delivered were bought back.
    assert [each for each in mine if "fund" not in each] == [
        "margin_in", "hedge", "hedge_buy", "mint", "mint", "exercise", "unhedge",
    ]  # fmt: skip


def test_a_hedge_is_closed_a_minute_after_the_last_try_once_its_market_speaks():
    desk = short_perp()
    desk.wait(T + DAY)
    desk.wait(T + 30 * HOUR)
    tried = desk.now
    desk.now = tried + 5 * NS
    desk.perp(218.0, 218.2)
    assert desk.broker.next_due == tried + RETRY_NS
    desk.wait(tried + RETRY_NS)
    assert desk.broker.state_of("p1") == "done"
    assert "unhedge" in actions(desk.fills)


def test_short_stock_is_watched_while_it_cannot_be_covered():
    desk = plain.Desk()
    made = plain.plan(
        plain.leg("hedge", BROKER, limit_price=1e-9),
        plain.leg("mint", ISSUER, limit_price=ANY_BUY, delay_seconds=600.0),
        plain.leg("unhedge", BROKER, limit_price=ANY_BUY),
    )
    desk.broker.execute(made, desk.market, T)
    desk.broker.due(T + 600 * NS, desk.market)
    assert desk.broker.watched == {BROKER}
    desk.broker.due(T + 5 * HOUR, desk.market)
    now = desk.share.ts = T + 5 * HOUR + 5 * 60 * NS
    assert desk.broker.heard(BROKER, now) == []
    assert desk.broker.next_due == now
    (covered,) = desk.broker.due(now, desk.market)
    assert (covered.action, covered.status) == ("unhedge", "filled")
    assert desk.broker.watched == frozenset()


def test_two_plans_opposite_hedges_in_one_contract_are_both_held():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0))
    opposite = plain.plan(leg("hedge", PUT, "sell", 1, 757.0, margin=9_000.0), id="p2")
    desk.fills += desk.broker.execute(opposite, desk.market, T)
    assert hedged(desk.books().positions()) == {}
    assert desk.hedges.carried(PUT)
    assert not desk.hedges.carried(CALL)
    desk.wait(FRIDAY)
    desk.stock(230.0)
    desk.wait(FRIDAY + 61 * NS)
    assert not desk.hedges.carried(PUT)


def test_a_contract_that_a_plan_on_its_way_names_stays_in_the_book():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    later = leg("hedge", CALL, "sell", 1, 800.0, margin=9_000.0)
    desk.execute(leg("hedge", PUT, "buy", 1, 767.0), MINT, leg("unhedge", PUT, "sell", 1, 757.0), later)
    assert desk.hedges.carried(CALL)
    fresh = HedgeBook(desk.registry)
    assert not fresh.carried(CALL)
