"""Paper money cannot be made out of nothing: no free round trip, and depth is spent only once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ledger.accounts import entries_for
from bot.ledger.books import fold
from bot.pools.book import BookCurve
from bot.pools.taken import Taken, behind
from bot.timefmt import NS
from tests.unit.execution.desk import BOOK, BROKER, DAY, ISSUER, POOL, Desk, ProductPool, T, leg, plan

sizes = st.floats(0.001, 100.0)
steps = st.lists(st.tuples(st.sampled_from(["buy", "sell"]), sizes), min_size=1, max_size=12)


def usd_for(curve, side, tokens, taken):
    left = behind(curve, taken)
    done = None
    if left is not None:
        done = left.buy_tokens(tokens) if side == "buy" else left.sell_tokens(tokens)
    return None if done is None else done.usd


@given(steps, st.floats(0.0, 0.02))
def test_trading_back_and_forth_in_a_pool_never_earns_anything(steps, fee):
    pool, taken = ProductPool(1000.0, 220_000.0, fee), Taken(T)
    tokens = usd = 0.0
    for side, size in steps:
        got = usd_for(pool, side, size, taken)
        assert got is not None
        taken.add(side, size, one_curve=True)
        usd += got if side == "sell" else -got
        tokens += size if side == "buy" else -size
    home = abs(tokens)
    if home > 1e-9:
        side = "sell" if tokens > 0 else "buy"
        got = usd_for(pool, side, home, taken)
        assert got is not None
        usd += got if side == "sell" else -got
    assert usd <= 1e-6


@given(st.lists(sizes, min_size=1, max_size=8), st.sampled_from(["buy", "sell"]), st.booleans())
def test_many_small_trades_cost_what_one_large_one_does(parts, side, one_curve):
    pool, taken = ProductPool(1000.0, 220_000.0, 0.0), Taken(T)
    alone = 0.0
    for part in parts:
        got = usd_for(pool, side, part, taken)
        if got is None:
            return
        alone += got
        taken.add(side, part, one_curve)
    whole = usd_for(pool, side, sum(parts), None)
    assert whole is not None
    assert alone == pytest.approx(whole, rel=1e-9)


amounts = (st.floats(0.01, 150.0), st.floats(150.0, 300.0))
delays = st.sampled_from([0.0, DAY, 3 * DAY])
legs = st.one_of(
    st.builds(leg, st.sampled_from(["buy", "sell"]), st.sampled_from([POOL, BOOK]), *amounts),
    st.builds(leg, st.sampled_from(["mint", "redeem"]), st.just(ISSUER), *amounts, delay_seconds=delays),
    st.builds(leg, st.sampled_from(["hedge", "unhedge"]), st.just(BROKER), *amounts),
)
plans = st.lists(st.lists(legs, min_size=1, max_size=4), min_size=1, max_size=6)


def carried_out(made, restart_after: int | None = None):
    desk = Desk()
    broker, fills = desk.broker, []
    for number, its_legs in enumerate(made):
        fills += broker.execute(plan(*its_legs, id=f"p{number}"), desk.market, T)
        if number == restart_after:
            state = broker.snapshot()
            broker = desk.new_broker()
            broker.restore(state)
    for day in range(1, 12):
        desk.share.ts = T + day * 86_400 * NS
        fills += broker.due(desk.share.ts, desk.market)
    return broker, fills


@settings(deadline=None)
@given(plans)
def test_any_plan_ends_and_all_its_fills_can_be_booked(made):
    broker, fills = carried_out(made)
    assert broker.next_due is None
    assert {broker.state_of(f"p{n}") for n in range(len(made))} <= {"done", "refused", "unwound", "stranded"}
    assert len({fill.id for fill in fills}) == len(fills)
    books = fold(entry for fill in fills for entry in entries_for(fill))
    assert books.reserved == {}
    for fill in fills:
        assert (fill.status == "rejected") == (": " in fill.reason)


@settings(deadline=None)
@given(plans, st.integers(0, 5))
def test_a_restart_in_the_middle_changes_no_fill(made, after):
    assert carried_out(made, restart_after=after)[1] == carried_out(made)[1]


@given(st.lists(st.tuples(st.floats(1.0, 500.0), sizes), min_size=1, max_size=6), st.floats(0.0, 0.99), sizes)
def test_what_is_left_of_a_book_is_what_a_larger_trade_would_have_had(levels, part, more):
    bids = sorted(levels, reverse=True)
    asks = [(price + 500.0, size) for price, size in sorted(levels)]
    book, whole = BookCurve(bids, asks, 0.001), sum(size for _, size in levels)
    for sell in (True, False):
        trade = BookCurve.sell_tokens if sell else BookCurve.buy_tokens
        first = part * whole
        left = book.after(first, sell)
        got, both = trade(left, more), trade(book, first + more)
        alone = trade(book, first)
        if got is None or both is None or alone is None:
            assert first == 0.0 or (got is None) == (both is None) or more + first == pytest.approx(whole)
        else:
            assert got.usd == pytest.approx(both.usd - alone.usd, rel=1e-6, abs=1e-6)
    assert book.after(whole * 1.01, True) is None
