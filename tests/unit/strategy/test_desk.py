"""What running plans own is theirs: nobody else sells it, and it counts once."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bot.config import StrategySection
from bot.strategy.desk import Desk, Exposure
from bot.timefmt import NS
from bot.types import Fill
from tests.unit.execution import hedged
from tests.unit.execution.desk import BOOK, DAY, ISSUER, POOL, T, leg, plan
from tests.unit.execution.hedged import CALL, PERP, HedgedDesk

DAY_NS = round(DAY) * NS
NOTHING = Exposure(0.0, 0.0, {}, 0.0, {})
BOUGHT = Exposure(2_200.0, 2_200.0, {}, 0.0, {}, {"xstocks": 2_200.0})


def new_desk(exposure: Exposure = NOTHING, legs: int = 9, **held: float) -> Desk:
    """With ``p1`` reserved, which none of these tests brings to its end."""
    desk = Desk(StrategySection(inventory_tokens=held), hedged.registry())
    desk.reserve(plan(*[leg("buy", POOL)] * legs), exposure)
    return desk


def tell(desk: Desk, action: str, instrument: str, tokens: int, status: str = "filled") -> None:
    desk.on_fill(
        Fill(f"{action}-{status}", action, "p1", T, action, instrument, "AMZN", Decimal(tokens), Decimal(220),
             Decimal(0), Decimal(0), T, status)
    )  # fmt: skip


def test_what_a_hold_has_bought_no_other_plan_sells():
    paper, desk = HedgedDesk(), new_desk()
    paper.perp(219.9, 220.1)
    hold = plan(
        leg("buy", POOL, limit_price=1e9),
        hedged.leg("hedge", PERP, "sell", 10, 220, margin=500),
        leg("sell", POOL, limit_price=1e-9, after_seconds=DAY),
        hedged.leg("unhedge", PERP, "buy", 10, 220),
        route="hedge_and_hold",
    )
    desk.reserve(hold, BOUGHT)
    for fill in paper.broker.execute(hold, paper.market, T):
        desk.on_fill(fill)
    assert desk.tokens == {"AMZNx@wallet": 10.0}
    assert desk.free_tokens("AMZNx", "wallet") == 0.0
    while desk.reservations:
        assert paper.broker.next_due is not None
        paper.now = paper.broker.next_due
        paper.perp(219.9, 220.1)
        for fill in paper.broker.due(paper.now, paper.market):
            desk.on_fill(fill)
    assert paper.broker.state_of("p1") == "done"
    assert desk.tokens == {}


def test_what_an_offered_plan_names_is_counted_on_until_it_is_let_go_of():
    desk = new_desk()
    offered = plan(leg("buy", POOL, limit_price=1e9), hedged.leg("hedge", PERP, "sell", 10, 220, margin=500))
    assert not desk.counts_on(PERP)
    desk.reserve(offered, BOUGHT)
    assert desk.counts_on(PERP)
    assert not desk.counts_on(POOL)
    desk.expire(offered.expires + 1)
    assert not desk.counts_on(PERP)
    tell(desk, "hedge", PERP, 10)
    assert desk.counts_on(PERP)


def test_a_hedge_that_stays_leaves_its_plans_capital_where_it_is():
    desk = new_desk()
    hold = plan(leg("buy", POOL), hedged.leg("unhedge", PERP, "buy", 10, 220), route="hedge_and_hold")
    desk.reserve(hold, BOUGHT)
    tell(desk, "buy", POOL, 10)
    tell(desk, "hedge_stays", PERP, 10, "rejected")
    assert "p1" in desk.reservations
    tell(desk, "unhedge", PERP, 10, "rejected")
    assert "p1" not in desk.reservations


MINTED = [leg("mint", ISSUER), hedged.leg("hedge", PERP, "sell", 10, 220), leg("sell", POOL)]
REDEEM = leg("redeem", ISSUER)


def stranded(*told: tuple[str, str, str]) -> Desk:
    """A plan to mint and sell with two hedges to close at the end, after these fills."""
    desk = Desk(StrategySection(), hedged.registry())
    close = [hedged.leg("unhedge", PERP, "buy", 10, 220), hedged.leg("unhedge", CALL, "sell", 1, 200)]
    desk.reserve(plan(*MINTED, *close, otherwise=[REDEEM, *close]), BOUGHT)
    for action, instrument, status in told:
        tell(desk, action, instrument, 10, status)
    return desk


SOLD = [("mint", ISSUER, "pending"), ("hedge", PERP, "filled"), ("mint", ISSUER, "settled"),
        ("sell", POOL, "filled")]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), [("rejected", "rejected"), ("filled", "rejected"),
                                               ("rejected", "filled")])  # fmt: skip
def test_a_hedge_that_is_left_open_after_the_sale_keeps_no_capital_reserved(first, second):
    desk = stranded(*SOLD, ("unhedge", PERP, first))
    assert desk.reservations["p1"].legs_left == 1
    tell(desk, "unhedge_sell", CALL, 1, second)
    assert desk.reservations == {}
    assert desk.on_its_way_to(POOL) == ""


def test_what_was_minted_and_cannot_be_sold_goes_the_other_way_and_leaves_its_hedge_open():
    desk = stranded(*SOLD[:3], ("sell", POOL, "rejected"))
    assert desk.reservations["p1"].legs_left == 3
    tell(desk, "redeem", ISSUER, 10)
    tell(desk, "unhedge", PERP, 10, "rejected")
    assert desk.reservations["p1"].legs_left == 1
    tell(desk, "unhedge_sell", CALL, 1, "rejected")
    assert desk.reservations == {}


def test_nothing_comes_after_a_refusal_once_what_was_minted_is_sold():
    desk = stranded(*SOLD, ("buy", POOL, "rejected"))
    assert desk.reservations == {}


def test_a_plan_whose_hedge_cannot_be_closed_ends_on_paper_and_on_the_desk_at_once():
    paper = HedgedDesk()
    paper.perp(219.9, 220.1)
    desk = Desk(StrategySection(), paper.registry)
    close = hedged.leg("unhedge", PERP, "buy", 10, 220)
    made = plan(
        leg("mint", ISSUER, limit_price=1e9, delay_seconds=DAY),
        hedged.leg("hedge", PERP, "sell", 10, 220, margin=500),
        leg("sell", BOOK, limit_price=1e-9),
        close,
        otherwise=[REDEEM, close],
    )
    desk.reserve(made, BOUGHT)
    before = desk.capital_room().usd
    fills = paper.broker.execute(made, paper.market, T)
    while paper.broker.state_of("p1") != "stranded":
        paper.now += 3_600 * NS
        fills += paper.broker.due(paper.now, paper.market)
    for fill in fills:
        desk.on_fill(fill)
    assert fills[-1].status == "rejected"
    assert desk.reservations == {}
    # Its margin is still there, and no other plan's.
    assert desk.capital_room().usd == before + BOUGHT.capital_usd - 500.0
    again = Desk(StrategySection(), paper.registry)
    again.restore(json.loads(json.dumps(desk.snapshot())))
    assert again.capital_room() == desk.capital_room()
    paper.now += DAY_NS
    paper.perp(219.9, 220.1)
    for fill in paper.broker.due(paper.now, paper.market):
        again.on_fill(fill)
    assert again.capital_room().usd == again.capital_room().limit_usd


def test_what_it_owns_stays_its_own_on_the_way_to_where_it_is_sold():
    desk = new_desk()
    tell(desk, "mint", ISSUER, 10, "pending")
    tell(desk, "mint", ISSUER, 10, "settled")
    assert (desk.held("AMZNx"), desk.free_tokens("AMZNx", "wallet")) == (0.0, 0.0)
    tell(desk, "transfer", POOL, 10, "pending")
    assert desk.tokens == {}
    tell(desk, "transfer", BOOK, 10, "settled")
    assert desk.tokens == {"AMZNx@kraken": 10.0}
    assert desk.free_tokens("AMZNx", "kraken") == 0.0
    tell(desk, "sell", BOOK, 10)
    assert desk.reservations["p1"].owned == {}


@pytest.mark.parametrize(("action", "status"), [("sell", "partial"), ("redeem", "pending")])
def test_what_it_has_got_rid_of_it_owns_no_more(action, status):
    desk = new_desk(AMZNx=5.0)
    tell(desk, "buy", POOL, 10)
    assert desk.free_tokens("AMZNx", "wallet") == 5.0
    tell(desk, action, POOL, 6, status)
    assert desk.tokens == {"AMZNx@wallet": 9.0}
    assert desk.free_tokens("AMZNx", "wallet") == 5.0


def test_inventory_that_was_sold_and_minted_again_is_free_again():
    desk = new_desk(Exposure(0.0, 0.0, {}, 0.0, {"AMZNx@wallet": 10.0}), AMZNx=12.0)
    assert desk.free_tokens("AMZNx", "wallet") == 2.0
    tell(desk, "sell", POOL, 10)
    assert desk.free_tokens("AMZNx", "wallet") == 2.0
    tell(desk, "mint", ISSUER, 10, "pending")
    tell(desk, "mint", ISSUER, 10, "settled")
    assert desk.free_tokens("AMZNx", "wallet") == 12.0


def test_margin_in_tokens_is_put_up_from_what_is_free():
    desk = new_desk(AMZNx=5.0)
    tell(desk, "buy", POOL, 10)
    tell(desk, "margin_in", "AMZNx@fufuture", 2)
    assert desk.tokens == {"AMZNx@wallet": 13.0, "AMZNx@fufuture": 2.0}
    assert desk.free_tokens("AMZNx", "wallet") == 3.0


def test_what_a_hold_owned_before_that_was_kept_is_worked_out_from_its_fills():
    paper, desk = HedgedDesk(), new_desk()
    paper.perp(219.9, 220.1)
    hold = plan(
        leg("buy", POOL, limit_price=1e9),
        hedged.leg("hedge", PERP, "sell", 10, 220, margin=500),
        leg("sell", POOL, limit_price=1e-9, after_seconds=DAY),
        route="hedge_and_hold",
    )
    desk.reserve(hold, BOUGHT)
    fills = paper.broker.execute(hold, paper.market, T)
    for fill in fills:
        desk.on_fill(fill)
    saved = json.loads(json.dumps(desk.snapshot()))
    for reservation in saved["reservations"]:
        del reservation["owned"], reservation["hedges"]
    again = new_desk()
    again.restore(saved)
    assert again.unaccounted == {"p1"}
    assert again.free_tokens("AMZNx", "wallet") == 10.0  # anybody could sell them
    again.account("p1", reversed(fills))
    assert again.unaccounted == set()
    assert again.free_tokens("AMZNx", "wallet") == 0.0
    assert again.tokens == desk.tokens
    assert again.reservations["p1"].owned == desk.reservations["p1"].owned
    fresh = new_desk()
    fresh.restore(json.loads(json.dumps(desk.snapshot())))
    assert fresh.unaccounted == set()


def test_a_restart_keeps_whose_tokens_they_are_and_reads_memory_from_before_that_was_kept():
    desk = new_desk(AMZNx=5.0)
    tell(desk, "buy", POOL, 10)
    saved = json.loads(json.dumps(desk.snapshot()))
    again = Desk(StrategySection(), hedged.registry())
    again.restore(saved)
    assert again.snapshot() == desk.snapshot()
    assert again.free_tokens("AMZNx", "wallet") == 5.0
    for reservation in saved["reservations"]:
        del reservation["owned"]
    again.restore(saved)
    assert again.tokens == desk.tokens


def test_a_plans_tokens_count_once_towards_concentration():
    """Its reservation counts them at what they cost, before and after they are there; others are in hand."""
    desk = new_desk(BOUGHT, AMZNx=1.0)

    def room() -> float:
        return desk.concentration_room("AMZN", desk.held("AMZNx") * 220.0).usd

    before = room()
    tell(desk, "buy", POOL, 10)
    assert desk.held("AMZNx") == 1.0
    assert room() == before == 250_000.0 - 2_200.0 - 220.0
