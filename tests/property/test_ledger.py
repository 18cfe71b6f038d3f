"""Whatever fills come, in whatever order: the books balance, positions are sums, and nothing counts twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.ledger.accounts import Entry, check, entries_for, opening_entry
from bot.ledger.books import Books, fold
from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.money import total
from bot.types import Fill
from tests.unit.ledger.fills import D, T, fill, pair

quantities = st.decimals("0.000000000000000001", "9999999999", places=18)
prices = st.decimals("0.0000000001", "99999999", places=10)
costs = st.decimals("0", "9999", places=8)
tokens = st.sampled_from(["AMZNx", "TSLAx", "AMZNon"])
venues = st.sampled_from(["uniswap:0x3cd7f2a1", "kraken", "orca:gef4pD5g"])


@st.composite
def trades(draw: st.DrawFn, number: int) -> list[Fill]:
    """One order with all its fills: at once, refused, or asked for and (perhaps) settled."""
    action = draw(st.sampled_from(["buy", "sell", "mint", "redeem", "transfer", "hedge", "unhedge"]))
    token, venue = draw(tokens), draw(venues)
    quantity, price = str(draw(quantities)), str(draw(prices))
    spent = {"fee_usd": draw(costs), "gas_usd": draw(costs), "underlying": token[:4]}
    if action in ("mint", "redeem", "transfer"):
        both = pair(number, action, quantity, price, instrument=f"{token}@{venue}", **spent)
        return list(both[: draw(st.integers(1, 2))])
    instrument = f"{token[:4]}@ibkr" if action.endswith("hedge") else f"{token}@{venue}"
    status = draw(st.sampled_from(["filled", "filled", "filled", "partial", "rejected"]))
    return [fill(number, action, quantity, price, instrument=instrument, status=status, **spent)]


@st.composite
def histories(draw: st.DrawFn) -> list[Fill]:
    """Fills of up to a dozen orders, settlements mixed in behind what they settle."""
    return [one for number in range(draw(st.integers(0, 12))) for one in draw(trades(number))]


def booked(fills: Sequence[Fill]) -> list[Entry]:
    return [entry for one in fills for entry in entries_for(one)]


def summed(books: Books, commodity: str) -> Decimal:
    return total(amounts.get(commodity, D(0)) for amounts in books.balances.values())


@given(histories())
def test_the_books_sum_to_zero_in_every_commodity(fills):
    entries = booked(fills)
    for entry in entries:
        check(entry)
    books = fold(entries)
    for commodity in ("USD", "AMZNx", "TSLAx", "AMZNon", "AMZN", "TSLA"):
        assert summed(books, commodity) == 0


@given(histories())
def test_positions_are_what_came_in_less_what_went_out(fills):
    held: dict[str, Decimal] = {}
    for one in fills:
        if one.status in ("rejected", "settled") or one.action == "transfer":
            continue  # a settlement and a transfer change where tokens are, not how many
        commodity = one.instrument.partition("@")[0]
        sign = 1 if one.action in ("buy", "mint", "unhedge") else -1
        held[commodity] = total((held.get(commodity, D(0)), D(sign) * one.quantity_tokens))
    positions = {p.commodity: p for p in fold(booked(fills)).positions()}
    assert {name: q for name, q in held.items() if q} == {n: p.held for n, p in positions.items() if p.held}
    for position in positions.values():
        assert position.held == position.traded == total(position.places.values())


@given(histories(), st.dictionaries(st.sampled_from(["AMZNx", "TSLAx", "AMZNon", "AMZN", "TSLA"]), prices))
def test_profit_is_what_everything_is_worth_now_less_what_there_was(fills, marks):
    opening = opening_entry(T, D(100_000), {"AMZNx": D(7)})
    books = fold([opening, *booked(fills)])
    result = books.profit_and_loss(marks)
    if result.net_usd is None:
        assert result.unmarked
        return
    wealth = total(
        total(
            amount * marks.get(commodity, D(0)) if commodity != "USD" else amount
            for commodity, amount in amounts.items()
        )
        for account, amounts in books.balances.items()
        if account.startswith(("assets:", "liabilities:"))
    )
    start = 100_000 + 7 * marks.get("AMZNx", D(0))
    scale = max(abs(wealth), *(abs(p.cost_usd) for p in books.positions()), D(1))
    assert abs(wealth - start - result.net_usd) <= D("0.000001") + scale * D("1e-20")
    assert result.net_usd == total(
        (result.realised_usd, result.unrealised_usd, -result.fees_usd, -result.gas_usd)
    )


@given(histories())
def test_realised_profit_and_open_cost_account_for_every_dollar_traded(fills):
    books = fold(booked(fills))
    traded = total(
        amounts.get("USD", D(0))
        for name, amounts in books.balances.items()
        if name.startswith("income:trading:")
    )
    open_cost = total(p.cost_usd for p in books.positions())
    realised = total(p.realised_usd for p in books.positions())
    assert total((realised, traded)) == open_cost


@given(histories())
def test_capital_is_reserved_exactly_while_something_is_in_transit(fills):
    waiting = {f.order_id: f for f in fills if f.status == "pending"}
    for one in fills:
        if one.status == "settled":
            waiting.pop(one.order_id)
    books = fold(booked(fills))
    worth = [entries_for(one)[0].postings[0].usd.copy_abs() for one in waiting.values()]
    assert books.reserved_usd == total(worth)


@settings(deadline=None, max_examples=25)
@given(histories(), st.randoms(use_true_random=False))
def test_the_store_agrees_with_the_arithmetic_however_often_and_in_whatever_batches_it_is_told(fills, chance):
    async def told() -> None:
        engine = await open_database("sqlite://")
        try:
            store = Store(engine)
            remaining = list(fills)
            while remaining:
                size = chance.randrange(1, 5)
                batch, remaining = remaining[:size], remaining[size:]
                await store.record([*batch, *chance.sample(batch, k=chance.randrange(len(batch) + 1))])
                if chance.random() < 0.3:
                    await store.record(batch)
            alone = fold(booked(fills))
            assert await store.balances() == alone.balances
            assert await store.positions() == alone.positions()
            assert await store.verify() == len(booked(fills))
            settled = {one.order_id for one in fills if one.status == "settled"}
            pending = {one.order_id for one in fills if one.status == "pending"} - settled
            assert {one.order_id for one in await store.pending_settlements()} == pending
        finally:
            await engine.dispose()

    asyncio.run(told())


@given(histories(), st.integers(0, 11))
def test_a_fill_that_was_tampered_with_books_differently(fills, index):
    if not fills:
        return
    one = fills[index % len(fills)]
    if one.status != "rejected" and one.quantity_tokens * one.price > 1:
        assert entries_for(replace(one, price=one.price * 2)) != entries_for(one)
