"""Minted first, and redeemed after all: the calendar of that second wait, its financing, its words."""

from __future__ import annotations

import pytest

from bot.config import ExecutionSection
from bot.execution import PaperBroker
from bot.strategy import explain
from bot.timefmt import parse as at
from tests.fixtures import worked
from tests.fixtures.market import CLOCK, incident, pool_at
from tests.unit.strategy.test_on_paper import due

THURSDAY = at("2025-07-10T14:00:00Z")
FRIDAY_OPENS, MONDAY_OPENS = at("2025-07-11T13:30:00Z"), at("2025-07-14T13:30:00Z")
YEAR_DAYS = 365


def on_thursday():
    world = worked.tsla(worked.DEAR, THURSDAY)
    world.broker("TSLA@ibkr", 395.35, 395.45)
    return world, world.plans(incident("TSLAx@raydium", 0.1317))[0]


def test_what_is_redeemed_on_a_friday_is_paid_on_monday():
    world, plan = on_thursday()
    broker = PaperBroker(world.registry, ExecutionSection())
    broker.execute(plan, world.market, world.ts)
    world.venue("TSLAx@raydium", pool_at(worked.TSLA, 1.1e6))
    fills = []
    while broker.next_due is not None:
        fills += due(world, broker)
    redeemed = next(fill for fill in fills if fill.action == "redeem" and fill.status == "pending")
    assert (redeemed.ts, redeemed.settles) == (FRIDAY_OPENS, MONDAY_OPENS)
    assert CLOCK.session(redeemed.settles) == "regular"
    assert broker.state_of(plan.id) == "done"


def test_its_financing_and_its_return_count_the_weekend():
    _, plan = on_thursday()
    tokens, mint = plan.quantity_tokens, plan.legs[0].notional_usd
    gone = next(one for one in plan.outcomes if one.name.startswith("the premium has gone"))
    # 23 h 30 min to Friday's opening, and three days to Monday's.
    days = 23.5 / 24 + 3
    back = tokens * worked.TSLA * 0.9995 * 0.9975
    shares = 116
    hedge = shares * (0.10 + 395.35 * 0.005 * 23.5 / 24 / YEAR_DAYS) + 2 * shares * 0.0035
    assert plan.legs[1].quantity_tokens == shares
    assert gone.usd == pytest.approx(back - mint * (1 + 0.06 * days / YEAR_DAYS) - 4 - hedge)
    sold = 2 ** (-23.5 / 24) * 0.99
    locked = 23.5 / 24 + (1 - sold * 0.995) * 3
    assert plan.duration_seconds == pytest.approx(locked * 86_400)
    earned = plan.expected_profit_usd / plan.capital_usd
    assert plan.annualised_return == pytest.approx(earned / (locked / YEAR_DAYS))
    assert "for 23 h 30 min, and for another 3 d if the tokens are redeemed" in explain(plan)
