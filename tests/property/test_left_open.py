"""Whatever a market refuses when: a plan that has ended on paper has ended on the desk, and owes nothing."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.config import StrategySection
from bot.execution.orders import FINAL
from bot.ledger.reconcile import hedged
from bot.strategy.desk import Desk, Exposure
from bot.types import Leg
from tests.unit.execution import desk as plain
from tests.unit.execution.desk import BOOK, BROKER, DAY, ISSUER, POOL, T
from tests.unit.execution.hedged import HOUR, PERP, PUT, HedgedDesk, leg

STEP = 6 * HOUR
ENDLESS = T + 60 * 24 * HOUR
ANY_BUY, ANY_SELL = 1e9, 1e-9
HEDGES = {
    PERP: (leg("hedge", PERP, "sell", 10, 219.9, margin=500.0), leg("unhedge", PERP, "buy", 10, 220.1)),
    PUT: (leg("hedge", PUT, "buy", 1, 767.0), leg("unhedge", PUT, "sell", 1, 757.0, limit=ANY_BUY)),
    BROKER: (
        plain.leg("hedge", BROKER, limit_price=ANY_SELL),
        plain.leg("unhedge", BROKER, limit_price=ANY_SELL),
    ),
}
names = st.lists(st.sampled_from([PERP, PUT, BROKER]), unique=True, max_size=3)
ALL = frozenset({PERP, PUT, BROKER, POOL, BOOK, ISSUER})
some = st.one_of(st.just(ALL), st.frozensets(st.sampled_from(sorted(ALL))))
speaking = st.lists(some, min_size=1, max_size=12)
limits = st.sampled_from([ANY_SELL, 1e6])


def legs_of(kind: str, hedges: list[str], limit: float) -> tuple[list[Leg], list[Leg]]:
    """A plan's, and its other way."""
    opens, closes = [HEDGES[name][0] for name in hedges], [HEDGES[name][1] for name in hedges]
    redeem = plain.leg("redeem", ISSUER, limit_price=limit)
    match kind:
        case "mint":
            mint = plain.leg("mint", ISSUER, limit_price=ANY_BUY)
            there, back = (plain.leg("transfer", name, delay_seconds=600.0) for name in (BOOK, ISSUER))
            sell = plain.leg("sell", BOOK, limit_price=limit)
            return [mint, *opens, there, sell, *closes], [back, redeem, *closes]
        case "redeem":
            return [plain.leg("buy", POOL, limit_price=ANY_BUY), *opens, redeem, *closes], []
    sell = plain.leg("sell", POOL, limit_price=limit, after_seconds=DAY)
    return [plain.leg("buy", POOL, limit_price=ANY_BUY), *opens, sell, *closes], []


def quote(desk: HedgedDesk, spoken: frozenset[str]) -> None:
    """What is not among them says nothing now."""
    if PERP in spoken:
        desk.perp(219.9, 220.1)
    if PUT in spoken:
        desk.option(PUT, 7.57, 7.67)
    if BROKER in spoken:
        desk.stock(220.0)
        if BROKER in desk.broker.watched:
            desk.fills += desk.broker.heard(BROKER, desk.now)
    desk.pool.halted, desk.book.halted = POOL not in spoken, BOOK not in spoken
    desk.fair = plain.FairValue(220.0, 0.001, 1.0, "regular" if ISSUER in spoken else "weekend", True)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["mint", "redeem", "hold"]), names, limits, speaking)
def test_a_plan_that_has_ended_on_paper_has_ended_on_the_desk(kind, hedges, limit, spoken):
    paper = HedgedDesk()
    desk = Desk(StrategySection(), paper.registry)
    legs, otherwise = legs_of(kind, hedges, limit)
    made = plain.plan(*legs, otherwise=otherwise, route="hedge_and_hold" if kind == "hold" else "cross_venue")
    desk.reserve(made, Exposure(2_200.0, 2_200.0, {}, 2_200.0, {}))
    quote(paper, spoken[0])
    paper.fills += paper.broker.execute(made, paper.market, T)
    step = 0
    while paper.broker.state_of("p1") not in FINAL:
        assert paper.now < ENDLESS
        paper.now += STEP
        step += 1
        quote(paper, spoken[step % len(spoken)])
        paper.wait(paper.now)
    for fill in paper.fills:
        desk.on_fill(fill)
    assert len({fill.id for fill in paper.fills}) == len(paper.fills)
    assert desk.reservations == {}
    assert desk.hedges == hedged(paper.books().positions())
    assert set(desk.tokens.values()) <= {10.0}
    if paper.broker.state_of("p1") != "stranded":
        assert (desk.hedges, desk.held("AMZNx")) == ({}, 0.0)
        assert desk.capital_room().usd == desk.capital_room().limit_usd
