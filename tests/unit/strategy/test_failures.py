"""What a channel's failures do to a plan: outcomes by name, their arithmetic, and paper saying the same."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.config import ExecutionSection
from bot.execution import PaperBroker
from bot.registry.issuer import Failure
from bot.strategy import explain
from tests.fixtures.market import CLOCK, FAILURES, MONDAY, World, at, incident, pool_at, registry
from tests.unit.strategy.arithmetic import profit_from_legs
from tests.unit.strategy.test_on_paper import cash_of, due

FAIR, YEAR = 400.0, 365 * 86_400.0
POOL, BOOK = "TSLAx@raydium", "TSLAx@kraken"
UNIT = FAIR * 0.9995 * 0.9975
DUE = 23.5 * 3_600
"""From 10:00 on Monday to 09:30 on Tuesday, 8 July."""
DAY = 86_400.0
LATE = [(0.005, 3 * DAY), (0.002, 7 * DAY)]
"""Three business days after Tuesday is Friday, five is Tuesday again."""
LATE_CHANCE = 0.007
LATE_SECONDS = sum(chance * seconds for chance, seconds in LATE) / LATE_CHANCE


def world(price=FAIR, ts=MONDAY, failures=FAILURES, **changes):
    made = World(ts, FAIR, of=registry(failures=failures), session=CLOCK.session(ts), **changes)
    made.venue(POOL, pool_at(price, 1e6))
    return made


def only(plans, route):
    return next((plan for plan in plans if plan.route == route), None)


def outcome(plan, word):
    return next(one for one in plan.outcomes if word in one.name)


def sound(plan):
    assert sum(one.probability for one in plan.outcomes) == pytest.approx(1.0)
    mean = sum(one.probability * one.usd for one in plan.outcomes)
    assert plan.expected_profit_usd == pytest.approx(mean)
    assert plan.expected_profit_usd == pytest.approx(profit_from_legs(plan, FAIR))


def test_a_redemption_that_is_paid_late_costs_the_financing_of_those_days():
    plan = only(world(370.0).plans(incident(POOL, -0.08)), "buy_and_redeem")
    paid, tokens = plan.legs[0].notional_usd, plan.quantity_tokens
    as_planned = tokens * UNIT - paid * (1 + 0.06 * DUE / YEAR) - 2.01
    late, refused = outcome(plan, "xStocks pays 3 to 5 business days late"), outcome(plan, "sold again")
    assert plan.outcomes[0].usd == pytest.approx(as_planned)
    assert plan.outcomes[0].probability == pytest.approx(1 - 0.01 - LATE_CHANCE)
    assert (late.probability, refused.probability) == (pytest.approx(LATE_CHANCE), pytest.approx(0.01))
    assert as_planned - late.usd == pytest.approx(paid * 0.06 * LATE_SECONDS / YEAR)
    assert plan.costs_usd["leg_failure"] == pytest.approx(0.01 * (as_planned - refused.usd))
    assert plan.costs_usd["channel_failure"] == pytest.approx(LATE_CHANCE * (as_planned - late.usd))
    sound(plan)
    assert "xStocks pays 3 to 5 business days late" in explain(plan)


def test_a_mint_that_is_late_loses_most_of_the_premium():
    plan = only(world(460.0).plans(incident(POOL, 0.15)), "mint_and_sell")
    tokens, sale = plan.quantity_tokens, plan.legs[-1].notional_usd
    spent = tokens * FAIR * 1.0005 * 1.0025 * (1 + 0.06 * DUE / YEAR) + 2.01
    back = tokens * UNIT - 2.0 + 0.01
    stays = 2 ** (-DUE / DAY)
    later = stays * sum(chance * 2 ** (-seconds / DAY) for chance, seconds in LATE) / LATE_CHANCE
    sold = 0.99 * later
    as_late = sold * sale + (1 - sold) * back - spent
    # Tuesday's opening to Wednesday's: so much longer is the money away where the tokens are redeemed.
    as_late -= tokens * FAIR * 1.0005 * 1.0025 * 0.06 * (LATE_SECONDS + (1 - sold) * DAY) / YEAR
    late = outcome(plan, "xStocks delivers 3 to 5 business days late, and the premium has mostly gone")
    assert late.probability == pytest.approx(LATE_CHANCE)
    assert late.usd == pytest.approx(as_late)
    assert plan.outcomes[0].probability == pytest.approx((1 - LATE_CHANCE) * stays * 0.99)
    sound(plan)


def test_tokens_sold_that_are_minted_back_late_cost_financing_alone():
    plan = only(world(440.0, inventory_tokens={"TSLAx": 500.0}).plans(incident(POOL, 0.1)), "mint_and_sell")
    late = outcome(plan, "xStocks delivers 3 to 5 business days late")
    outlay = plan.legs[1].notional_usd
    assert plan.outcomes[0].usd - late.usd == pytest.approx(outlay * 0.06 * LATE_SECONDS / YEAR)
    assert outcome(plan, "bought back").probability == pytest.approx(0.01)
    sound(plan)


@pytest.mark.parametrize(("price", "route"), [(370.0, "buy_and_redeem"), (470.0, "mint_and_sell")])
@pytest.mark.parametrize(
    ("money", "ratio", "name"),
    [("part_lost", 0.5, "50 % of the money is lost"), ("lost", 0.0, "the money is lost")],
)
def test_money_that_is_lost_is_an_outcome_of_its_own(price, route, money, ratio, name):
    """Two in a thousand: it costs that much on average, and is beyond the 99 % case."""
    gone = Failure("custody_fails", 0.002, money, "", loss_ratio=ratio)
    plan = only(world(price, failures=[gone]).plans(incident(POOL, price / FAIR - 1)), route)
    lost = outcome(plan, name)
    what = plan.quantity_tokens * UNIT * (ratio or 1.0)
    whole = plan.outcomes[0].usd if route == "buy_and_redeem" else outcome(plan, "premium has gone").usd
    assert (lost.probability, whole - lost.usd) == (pytest.approx(0.002), pytest.approx(what))
    sound(plan)
    likelier = replace(gone, chance=0.02)
    again = world(price, failures=[likelier]).plans(incident(POOL, price / FAIR - 1))
    other = only(again, route)
    if other is not None:
        assert other.shortfall_99_usd / other.size_usd > plan.shortfall_99_usd / plan.size_usd
        assert other.worst_case_usd < -0.4 * other.quantity_tokens * UNIT * (ratio or 1.0)


def test_a_likelier_failure_is_planned_with_less_money():
    sizes = []
    for chance in (0.0, 0.01, 0.03):
        gone = Failure("custody_fails", chance, "part_lost", "", loss_ratio=0.5)
        plan = only(world(370.0, failures=[gone]).plans(incident(POOL, -0.08)), "buy_and_redeem")
        sizes.append(plan.size_usd if plan is not None else 0.0)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


def test_over_a_weekend_late_days_are_those_on_which_new_york_opens():
    """Ordered on Friday, paid on Monday; three business days later is Thursday."""
    plan = only(world(370.0, at("2025-07-11T14:00:00Z")).plans(incident(POOL, -0.08)), "buy_and_redeem")
    late = outcome(plan, "business days late")
    seconds = (0.005 * 3 * DAY + 0.002 * 7 * DAY) / LATE_CHANCE
    paid = plan.legs[0].notional_usd
    assert plan.outcomes[0].usd - late.usd == pytest.approx(paid * 0.06 * seconds / YEAR)


def refused_on_paper(plan, made):
    """Fills where the issuer refuses the redemption, and how the plan ends."""
    legs = [replace(one, limit_price=1e9) if one.action == "redeem" else one for one in plan.legs]
    broker = PaperBroker(made.registry, ExecutionSection())
    fills = broker.execute(replace(plan, legs=legs), made.market, made.ts)
    while broker.next_due is not None:
        fills += due(made, broker)
    return fills, broker.state_of(plan.id)


def test_a_refused_redemption_is_sold_again_on_paper_for_what_the_plan_says():
    made = world(370.0)
    plan = only(made.plans(incident(POOL, -0.08)), "buy_and_redeem")
    fills, state = refused_on_paper(plan, made)
    assert state == "unwound"
    assert cash_of(fills) == pytest.approx(outcome(plan, "sold again").usd, rel=0.02)


def test_a_refused_redemption_of_what_was_sent_on_keeps_the_tokens_on_paper_as_the_plan_says():
    made = world()
    made.book(BOOK, [[379.5, 100]], [[380.0, 100]])
    plan = only(made.plans(incident(BOOK, -0.05)), "buy_and_redeem")
    assert [leg.action for leg in plan.legs] == ["buy", "transfer", "redeem"]
    fills, state = refused_on_paper(plan, made)
    assert state == "stranded"
    kept = outcome(plan, "the redemption is refused and the tokens are kept in the wallet")
    # They are worth what they would bring where they were bought.
    worth = plan.quantity_tokens * 379.5 * 0.999
    assert cash_of(fills) + worth == pytest.approx(kept.usd, rel=1e-6)


@pytest.mark.parametrize(("price", "route"), [(370.0, "buy_and_redeem"), (470.0, "mint_and_sell")])
def test_a_small_loss_that_is_likely_hides_no_large_one(price, route):
    """Two in a hundred lose half: that is the 99 % case, whatever else may be lost beside."""
    large = Failure("custody_fails", 0.02, "part_lost", "", loss_ratio=0.5)
    small = Failure("slips", 0.2, "part_lost", "", loss_ratio=0.001)
    worst = []
    for failures in ([large], [large, small]):
        plan = only(world(price, failures=failures).plans(incident(POOL, price / FAIR - 1)), route)
        if plan is None:
            return  # the risk is too large for any plan: nothing is hidden
        sound(plan)
        assert outcome(plan, "50 % of the money is lost").probability == pytest.approx(0.02, rel=0.25)
        worst.append(
            (plan.worst_case_usd / plan.quantity_tokens, plan.shortfall_99_usd / plan.quantity_tokens)
        )
    (alone, alone_99), (both, both_99) = worst
    assert both <= alone * 0.99
    assert both_99 >= alone_99 * 0.99


def test_what_is_lost_while_a_discount_is_held_is_an_outcome_and_in_the_worst_case():
    saturday = at("2025-07-12T14:00:00Z")
    plans = {}
    for chance in (0.0, 0.02):
        gone = [Failure("custody_fails", chance, "part_lost", "", loss_ratio=0.5)] if chance else []
        made = world(340.0, saturday, failures=gone)
        made.broker("TSLA@ibkr", 395.35, 395.45)
        plans[chance] = only(made.plans(incident(POOL, -0.14)), "hedge_and_hold")
    safe, risky = plans[0.0], plans[0.02]
    if safe is None or risky is None:
        pytest.skip("no hedge on a Saturday in this world")
    lost = outcome(risky, "50 % of the money is lost")
    assert lost.probability == pytest.approx(0.02, rel=0.05)
    assert risky.worst_case_usd / risky.quantity_tokens < safe.worst_case_usd / safe.quantity_tokens - 150
    assert sum(one.probability for one in risky.outcomes) == pytest.approx(1.0)
