"""Plans by an exchange's conversion, carried out on paper and booked: where the tokens lie, what is made."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.config import ExecutionSection
from bot.execution import PaperBroker
from bot.ledger.accounts import custody, entries_for
from bot.ledger.books import Books
from tests.fixtures.market import FAILURES, KRAKEN, MONDAY, World, incident, pool_at, registry
from tests.unit.strategy.test_on_paper import as_planned, cash_of, due

FAIR = 400.0
POOL, BOOK = "TSLAx@raydium", "TSLAx@kraken"


def world(price=FAIR, **changes):
    made = World(MONDAY, FAIR, of=registry(failures=FAILURES, conversions=[KRAKEN]),
                 ineligible_issuers=["xstocks"], **changes)  # fmt: skip
    made.venue(POOL, pool_at(price, 1e6))
    return made


class Done:
    """A plan carried out step by step; after each fill the books say where the tokens lie."""

    def __init__(self, made, what, before_arrival=None):
        self.world, (self.plan, *_) = made, made.plans(what)
        self.books, self.fills, self.lay = Books(), [], []
        self.place = custody(made.registry)
        self.broker = PaperBroker(made.registry, ExecutionSection())
        self.take(self.broker.execute(self.plan, made.market, made.ts))
        if before_arrival is not None:
            before_arrival()
        while self.broker.next_due is not None:
            self.take(due(made, self.broker))

    def take(self, fills):
        for fill in fills:
            self.fills.append(fill)
            self.world.strategy.on_fill(fill)
            for entry in entries_for(fill, self.place(fill.instrument)):
                self.books.apply(entry)
            self.lay.append(self.held())

    def held(self):
        found = {
            name.partition("TSLAx@")[2]: amounts["TSLAx"]
            for name, amounts in self.books.balances.items()
            if "TSLAx" in amounts and name.startswith("assets:")
        }
        desk = {key.partition("@")[2]: tokens for key, tokens in self.world.strategy.desk.tokens.items()}
        on_hand = {place: float(tokens) for place, tokens in found.items() if place != "transfer"}
        assert on_hand == pytest.approx(desk), "the ledger and the desk say the same"
        return sorted(found)

    @property
    def steps(self):
        return [(fill.action, fill.instrument, fill.status) for fill in self.fills]


def test_bought_at_the_exchange_withdrawn_and_sold_in_the_pool():
    done = Done(world(440.0), incident(POOL, 0.1))
    assert done.steps == [
        ("mint", "TSLAx@kraken:convert", "filled"), ("transfer", "TSLAx@kraken:convert", "pending"),
        ("transfer", POOL, "settled"), ("sell", POOL, "filled"),
    ]  # fmt: skip
    assert done.lay == [["kraken"], ["transfer"], ["wallet"], []]
    # Three minutes, or an hour or a day more; the way back, which is financed too, is not taken.
    waited = 180.0 + 0.05 * 3_600 + 0.005 * 86_400
    financing = done.plan.legs[0].notional_usd * 0.06 * waited / (365 * 86_400)
    assert cash_of(done.fills) - financing == pytest.approx(as_planned(done.plan), rel=1e-9)
    assert float(done.books.cash_usd) == pytest.approx(cash_of(done.fills), abs=1e-6)
    assert done.world.strategy.desk.reservations == {}
    assert done.broker.state_of(done.plan.id) == "done"


def test_bought_in_the_pool_deposited_and_sold_to_the_exchange():
    done = Done(world(370.0), incident(POOL, -0.08))
    assert done.steps == [
        ("buy", POOL, "filled"), ("transfer", POOL, "pending"), ("transfer", BOOK, "settled"),
        ("redeem", "TSLAx@kraken:convert", "filled"),
    ]  # fmt: skip
    assert done.lay == [["wallet"], ["transfer"], ["kraken"], []]
    assert cash_of(done.fills) - done.plan.costs_usd["financing"] == pytest.approx(
        as_planned(done.plan), rel=1e-9
    )
    assert done.world.strategy.desk.reservations == {}


def test_on_its_own_book_nothing_waits():
    made = world()
    made.book(BOOK, [[410.0, 50.0]], [[411.0, 50.0]])
    done = Done(made, incident(BOOK, 0.02))
    assert [step[0] for step in done.steps] == ["mint", "sell"]
    assert done.lay == [["kraken"], []]
    assert cash_of(done.fills) == pytest.approx(as_planned(done.plan), rel=1e-9)


def test_inventory_comes_back_to_the_wallet():
    made = world(450.0, inventory_tokens={"TSLAx": 20.0})
    plan = made.plans(incident(POOL, 0.1))[0]
    broker = PaperBroker(made.registry, ExecutionSection())
    fills = broker.execute(plan, made.market, made.ts)
    while broker.next_due is not None:
        fills += due(made, broker)
    for fill in fills:
        made.strategy.on_fill(fill)
    assert [fill.action for fill in fills] == ["sell", "mint", "transfer", "transfer"]
    assert made.strategy.desk.tokens == {"TSLAx@wallet": pytest.approx(20.0)}
    assert made.strategy.desk.reservations == {}


def test_where_the_premium_has_gone_the_tokens_are_sent_back_and_converted():
    made = world(440.0)
    done = Done(made, incident(POOL, 0.1), lambda: made.venue(POOL, pool_at(FAIR, 1e6)))
    assert [step[0] for step in done.steps if step[2] != "settled"] == [
        "mint", "transfer", "sell", "transfer", "redeem",
    ]  # fmt: skip
    assert done.lay[-1] == []
    gone = next(one.usd for one in done.plan.outcomes if one.name.startswith("the premium has gone"))
    assert cash_of(done.fills) - done.plan.costs_usd["financing"] == pytest.approx(gone, abs=0.02)
    assert done.world.strategy.desk.reservations == {}


def test_a_conversion_that_is_refused_after_the_deposit_leaves_the_tokens_there():
    made = world(370.0)
    closed = replace(made.fair, session="weekend")

    def shut():
        made.fair = closed

    done = Done(made, incident(POOL, -0.08), shut)
    assert done.steps[-1][2] == "rejected"
    assert done.broker.state_of(done.plan.id) == "stranded"
    assert done.lay[-1] == ["kraken"]


def test_the_books_balance_to_the_last_digit():
    done = Done(world(440.0), incident(POOL, 0.1))
    total: dict[str, Decimal] = {}
    for amounts in done.books.balances.values():
        for commodity, amount in amounts.items():
            total[commodity] = total.get(commodity, Decimal(0)) + amount
    assert set(total.values()) <= {Decimal(0)}


def test_while_tokens_are_on_their_way_no_others_are_minted_for_the_same_depth():
    made = world(440.0)
    plan = made.plans(incident(POOL, 0.1))[0]
    broker = PaperBroker(made.registry, ExecutionSection())
    for fill in broker.execute(plan, made.market, made.ts):
        made.strategy.on_fill(fill)
    (again,) = made.plans(incident(POOL, 0.2))  # worse, and so planned for again
    assert again.decision == "no_trade"
    assert f"depth.taken: what {plan.id} has minted is on its way to be sold on {POOL}" in again.reasons
    for fill in due(made, broker):
        made.strategy.on_fill(fill)
    assert made.strategy.desk.on_its_way_to(POOL) == ""
