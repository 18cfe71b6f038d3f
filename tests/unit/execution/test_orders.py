"""A plan on its way only ever takes the steps of the diagram."""

from __future__ import annotations

import itertools

import pytest

from bot.errors import LedgerError
from bot.execution.orders import FINAL, NEXT, Filled, PlanRun, order_id
from tests.unit.execution.desk import BOOK, BROKER, ISSUER, POOL, leg, plan


@pytest.mark.parametrize(("state", "to"), list(itertools.product(NEXT, NEXT)))
def test_a_step_the_diagram_does_not_have_stops_the_daemon(state, to):
    run = PlanRun(plan(), state)
    if to in NEXT[state]:
        run.move(to)
        assert run.state == to
    else:
        with pytest.raises(LedgerError, match=f"p1 cannot go from {state} to {to}"):
            run.move(to)


def test_an_ended_plan_never_moves_again():
    assert {"done", "refused", "unwound", "stranded"} == FINAL


@pytest.mark.parametrize(
    ("first", "then", "waits"),
    [
        (leg("mint", ISSUER), leg("sell", POOL), True),
        (leg("mint", ISSUER), leg("sell", "TSLAx@kraken"), False),
        (leg("mint", ISSUER), leg("buy", POOL), False),
        (leg("redeem", ISSUER), leg("sell", POOL), False),
        (leg("redeem", ISSUER), leg("unhedge", BROKER), True),
        (leg("transfer", BOOK), leg("sell", BOOK), True),
        (leg("transfer", BOOK), leg("redeem", ISSUER), True),
    ],
)
def test_a_leg_waits_exactly_for_the_tokens_it_uses(first, then, waits):
    run = PlanRun(plan(first, then), next_leg=1, filled=[Filled(0, "10")], in_transit=[order_id("p1", 0)])
    assert run.must_wait() is waits
    run.in_transit.clear()
    assert not run.must_wait()


@pytest.mark.parametrize(
    ("actions", "turns"),
    [
        (["mint"], True),
        (["mint", "hedge"], True),
        (["mint", "hedge", "sell"], False),
        (["mint", "redeem"], False),
        (["buy", "hedge"], False),
    ],
)
def test_there_is_another_way_for_what_was_minted_while_it_is_there(actions, turns):
    legs = [leg(action, POOL) for action in actions]
    run = PlanRun(
        plan(*legs, leg("unhedge", BROKER), otherwise=[leg("redeem", ISSUER)]),
        next_leg=len(legs),
        filled=[Filled(number, "10") for number in range(len(legs))],
    )
    assert (run.turn(), run.turned) == (turns, turns)
    assert not run.turn()
