"""An incident, an option chain, a perp and a perpetual option on one tape: from the tick to the books."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest

from bot import tape
from bot.backtest.report import report
from bot.backtest.run import Backtest
from bot.driver import Driver
from bot.ledger.accounts import custody, entries_for, opening_entry
from bot.ledger.books import Books
from bot.ledger.db import open_database
from bot.ledger.reconcile import differences, hedged, held
from bot.ledger.store import Store
from bot.types import Basis, Fill, Incident, Plan, Quarantined
from tests.fixtures import hedge_tape as world
from tests.fixtures.engine import config, shipped_registry

ALL = ("options", "perp", "offer")
KIND = {"options": "listed_option", "perp": "perp", "offer": "perpetual_option"}
SETTINGS = {"hedge_shortfall": 0.04, "max_underlying_usd": 50_000.0, "ineligible_issuers": ["kraken"]}
"""One plan at a time, for a desk that mints with the issuer, which takes a day."""


def driver(**strategy) -> Driver:
    return Driver(config(strategy=SETTINGS | strategy), shipped_registry())


def run(ticks, restarts: int = 0, **strategy):
    """All messages of a tape; so many times everything but the memory is lost in between."""
    ticks = list(ticks)
    every = len(ticks) // (restarts + 1) + 1
    one, out = driver(**strategy), []
    for n, tick in enumerate(ticks, 1):
        out += one.feed(tick)
        if n % every == 0:
            memory, one = one.snapshot(), driver(**strategy)
            assert one.restore(memory)
    return out


def of(kind, messages):
    return [message for message in messages if isinstance(message, kind)]


def first_trade(messages) -> Plan:
    return next(plan for plan in of(Plan, messages) if plan.decision == "trade")


@pytest.fixture(scope="module")
def everything():
    """The whole tape with all hedges on offer, once."""
    return run(world.tape())


def test_hedges_are_neither_judged_nor_set_aside(everything):
    assert of(Quarantined, everything) == []
    assert {basis.instrument for basis in of(Basis, everything)} == set(world.VENUES)
    assert {incident.underlying for incident in of(Incident, everything)} == {"TSLA"}


def test_the_cheapest_that_keeps_the_shortfall_is_chosen_and_the_others_say_why(everything):
    plan = first_trade(everything)
    others = plan.hedge.others
    rules = {other.kind: other.reason.partition(":")[0] for other in others}
    assert {plan.hedge.kind, *rules} >= {"none", "short_stock", "listed_option", "perp", "perpetual_option"}
    assert rules["none"] == "hedge.shortfall"
    dearer = [other for other in others if other.reason.startswith("hedge.dearer")]
    assert len(dearer) >= 3
    cost = plan.costs_usd["hedge"]
    assert all(other.cost_usd >= cost * 0.999 for other in dearer)


def test_when_less_may_be_lost_another_is_chosen(everything):
    strict = first_trade(run(world.tape(days=0.05), hedge_shortfall=0.018))
    loose = first_trade(run(world.tape(days=0.05), hedge_shortfall=0.2))
    assert strict.hedge.description != loose.hedge.description
    assert loose.costs_usd.get("hedge", 0.0) < strict.costs_usd["hedge"]


@pytest.mark.parametrize("kind", ALL)
def test_paper_carries_it_over_the_wait_and_ends_it(kind):
    messages = run(world.tape(broker=False, hedges=(kind,)))
    plan = first_trade(messages)
    assert plan.hedge.kind == KIND[kind]
    hedging = [leg for leg in plan.legs if leg.action in ("hedge", "unhedge")]
    half = len(hedging) // 2
    assert [leg.action for leg in hedging] == ["hedge"] * half + ["unhedge"] * half
    for leg in hedging:
        assert (leg.limit_price is None) == (leg.action == "unhedge"), "a hedge is closed at any price"
        if kind == "options":
            assert leg.quantity_tokens == int(leg.quantity_tokens)
            assert leg.instrument.endswith("@alpaca")
    fills = [fill for fill in of(Fill, messages) if fill.plan_id == plan.id]
    opened = next(fill for fill in fills if fill.action in ("hedge", "hedge_buy"))
    closed = next(fill for fill in fills if fill.action in ("unhedge", "unhedge_sell"))
    sold = next(fill for fill in fills if fill.action in ("sell", "redeem"))
    assert opened.ts == plan.created < sold.ts <= closed.ts
    if kind != "options":
        assert any(fill.action.startswith("funding") for fill in fills)


@pytest.mark.parametrize("kind", ALL)
async def test_the_ledger_balances_and_profit_is_right_to_the_cent(kind, tmp_path):
    messages = run(world.tape(broker=False, hedges=(kind,)))
    plan = first_trade(messages)
    fills = [fill for fill in of(Fill, messages) if fill.plan_id == plan.id]
    engine = await open_database(f"sqlite+aiosqlite:///{tmp_path}/books.db")
    try:
        store = Store(engine, place=custody(shipped_registry()))
        await store.open_books(world.START, 250_000)
        await store.record(of(Plan, messages) + of(Fill, messages))
        assert await store.verify() > len(fills)
        result = await store.plan_result(plan.id)
        books = await store.books()
    finally:
        await engine.dispose()
    by_hand = Decimal(0)
    for fill in fills:
        if fill.status == "rejected" or fill.status == "settled":
            continue
        worth = fill.quantity_tokens * fill.price
        gains = fill.action in ("sell", "redeem", "hedge", "unhedge_sell", "funding_received")
        pays = fill.action in ("mint", "buy", "hedge_buy", "unhedge", "funding_paid")
        by_hand += (gains - pays) * worth - fill.fee_usd - fill.gas_usd
    assert result.unmarked == []
    assert abs(result.net_usd - by_hand) < Decimal("0.00001")
    assert abs(books.margin_usd) < Decimal("0.00001")
    assert not [name for name in books.balances if ":options:" in name or ":margined:" in name]


def test_a_restart_in_the_middle_is_none(everything):
    assert run(world.tape(), restarts=3) == everything


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_tape_of_it_gives_the_same(ending, tmp_path):
    ticks = list(world.tape(days=0.1))
    path = tmp_path / f"hedges.{ending}"
    tape.write(path, ticks)
    bad: list[object] = []
    again = list(tape.read(path, on_bad=bad.append))
    assert bad == []
    assert again == ticks
    assert run(again) == run(ticks)


def test_time_never_runs_backwards_among_fills(everything):
    fills = of(Fill, everything)
    assert all(one.ts <= other.ts for one, other in pairwise(fills))


@pytest.mark.parametrize("kind", [*ALL, "coin", "stock"])
def test_desk_and_books_agree_all_along(kind):
    place, books, seen = custody(shipped_registry()), Books(), set()
    inventory = {"TSLAx": 30.0} if kind == "coin" else {}
    one = driver(inventory_tokens=inventory)
    books.apply(opening_entry(world.START, Decimal(250_000), {t: Decimal(30) for t in inventory}))
    offered = {"coin": ("offer",), "stock": ()}.get(kind, (kind,))
    coin = "TSLAx" if kind == "coin" else "USD"
    for tick in world.tape(broker=kind == "stock", hedges=offered, coin=coin):
        fills = of(Fill, one.feed(tick))
        for fill in fills:
            seen.add(fill.action)
            for entry in entries_for(fill, place(fill.instrument)):
                books.apply(entry)
        if fills:
            desk, positions = one.engine.strategy.desk, books.positions()
            assert differences(held(positions), desk.tokens) == []
            assert differences(hedged(positions), desk.hedges) == []
    assert seen & {"unhedge", "unhedge_sell"}
    assert ("coin_sell" in seen) == (kind == "coin")
    assert one.engine.strategy.desk.hedges == {}


def test_a_backtest_knows_what_its_hedges_are_worth_all_along():
    test = Backtest(config(strategy=SETTINGS), shipped_registry())
    test.run(world.tape(broker=False, hedges=("options", "perp")))
    assert all(sample.net is not None for sample in test.samples)
    result = report(test)
    assert result["net_usd"] is not None
    assert {trade["net_usd"] is not None for trade in result["trades"]} == {True}
