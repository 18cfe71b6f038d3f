"""What hedges that are left open keep bound, and when it is free again."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from bot.strategy.hedges import MARGIN_RATIO
from bot.strategy.margins import Margins
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Fill
from tests.unit.execution.desk import BROKER, ISSUER, POOL, T
from tests.unit.execution.desk import leg as plain
from tests.unit.execution.hedged import FRIDAY, HOUR, OFFER, PERP, PUT, HedgedDesk, leg, registry

DAY_NS = DAY_SECONDS * NS
MINT = plain("mint", ISSUER, limit_price=1e9)


def bound(fills: list[Fill], *running: str) -> float:
    """After these, as after a restart in between each."""
    margins = Margins(registry())
    for fill in fills:
        margins.on_fill(fill)
        again = Margins(registry())
        again._put_in = margins._put_in  # comes with the fill after it
        again.restore(json.loads(json.dumps(margins.snapshot())))
        margins = again
    return margins.left_usd(running)


def test_margin_is_bound_by_who_is_not_running_any_more():
    desk = HedgedDesk()
    desk.perp(219.9, 220.1)
    opened = desk.execute(leg("hedge", PERP, "sell", 10, 219.9, margin=500.0))
    assert bound(opened) == 500.0
    assert bound(opened, "p1") == 0.0
    assert bound(opened, "p2") == 500.0


@pytest.mark.parametrize("price", [120.0, 219.9, 268.0])
def test_what_is_closed_binds_nothing_whatever_it_came_to(price):
    desk = HedgedDesk()
    desk.perp(219.9, 220.1, mark=220.0)
    desk.execute(leg("hedge", PERP, "sell", 10, 219.9, margin=500.0), MINT,
                 leg("unhedge", PERP, "buy", 10, 220.1))  # fmt: skip
    desk.now += NS
    desk.perp(price, price + 0.1, mark=220.0)
    desk.wait(T + DAY_NS)
    desk.now = T + DAY_NS + 60 * NS
    desk.perp(price, price + 0.1, mark=220.0)
    desk.wait(desk.now)
    assert desk.broker.state_of("p1") == "done"
    assert bound(desk.fills) == 0.0


def test_a_liquidation_and_an_expiry_and_a_lapse_free_what_was_bound():
    desk = HedgedDesk()
    desk.perp(219.9, 220.1)
    desk.option(PUT, 7.57, 7.67)
    desk.offer(volatility=0.9)
    desk.stock(220.0)
    desk.execute(leg("hedge", PERP, "sell", 10, 219.9, margin=500.0),
                 leg("hedge", PUT, "sell", 1, 757.0, margin=9_000.0),
                 leg("hedge", OFFER, "buy", 10, 0.0, margin=1.0))  # fmt: skip
    assert bound(desk.fills) == 9_501.0
    desk.now = T + HOUR
    desk.stock(230.0)
    desk.perp(300.0, 300.2)
    assert desk.fills[-1].action == "liquidate_short"
    assert bound(desk.fills) == 9_001.0
    desk.wait(T + DAY_NS)
    assert bound(desk.fills) == 9_000.0
    desk.wait(FRIDAY)
    desk.stock(230.0)
    desk.wait(FRIDAY + HOUR)
    assert "expire_short" in [fill.action for fill in desk.fills]
    assert bound(desk.fills) == 0.0


def test_shares_sold_short_bind_regulation_ts_half_and_options_bought_nothing_more():
    desk = HedgedDesk()
    desk.option(PUT, 7.57, 7.67)
    short, cover = plain("hedge", BROKER, limit_price=1e-9), plain("unhedge", BROKER)
    opened = desk.execute(leg("hedge", PUT, "buy", 1, 767.0), short)
    assert [fill.status for fill in opened] == ["filled", "filled"]
    assert bound(opened) == pytest.approx(MARGIN_RATIO * 10 * 219.9)
    desk = HedgedDesk()
    assert bound(desk.execute(short, cover)) == 0.0


def test_what_is_no_hedge_and_what_was_refused_binds_nothing():
    zero = Decimal(0)
    fills = [
        Fill(
            f"{action}-F",
            "p1-L0",
            "p1",
            T,
            action,
            BROKER,
            "AMZN",
            Decimal(10),
            Decimal(220),
            zero,
            zero,
            T,
            status,
        )
        for action, status in (("hedge", "rejected"), ("hedge_stays", "rejected"), ("buy", "filled"))
    ]
    assert bound(fills) == 0.0
    assert bound(HedgedDesk().execute(plain("buy", POOL, limit_price=1e9))) == 0.0


def test_what_the_books_say_is_taken_over_once():
    desk = HedgedDesk()
    desk.perp(219.9, 220.1)
    fills = desk.execute(leg("hedge", PERP, "sell", 10, 219.9, margin=500.0))
    margins = Margins(registry())
    margins.restore({})
    for _ in range(2):
        margins.adopt(fills)
        assert margins.left_usd(()) == 500.0
