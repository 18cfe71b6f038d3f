"""The break-even price of a plan is the one at which its own outcomes come to nothing."""

from __future__ import annotations

import pytest

from tests.fixtures import worked

DAY, YEAR = 86_400.0, 365 * 86_400.0
TRADED = [name for name in worked.CASES if worked.CASES[name]().decision == "trade"]


def later_sold(plan):
    """Of tokens that a withdrawal brings late, the part that is still sold: the premium halves in a day, and
    in a pool a hundredth is refused. The market is that of Monday 10:00 in New York."""
    withdrawn = [(0.945, 180.0), (0.05, 3_780.0), (0.005, 86_580.0)]
    stays = sum(chance * 2 ** (-seconds / DAY) for chance, seconds in withdrawn)
    ends = 23.5 * 3_600 - 180.0
    late = [(0.01, ends), (0.001, ends + 13 * DAY)]
    return 0.99 * stays * sum(c * 2 ** (-s / DAY) for c, s in late) / 0.011


def moved(plan, one, usd):
    """What an outcome gains where the trade on the plan's venue is better by so much; a refusal, none."""
    paid = plan.route in ("buy_and_redeem", "hedge_and_hold")
    if "refused" in one.name or "undone" in one.name or "has gone" in one.name:
        return 0.0
    if paid:  # a dollar less paid is one less financed, for as long as that outcome takes
        return usd * (1 + 0.06 * plan.duration_seconds / YEAR)
    if "late" in one.name and plan.legs[0].action == "mint":
        return usd * later_sold(plan)
    return usd


@pytest.mark.parametrize("name", TRADED)
def test_at_the_break_even_price_nothing_is_expected(name):
    plan = worked.CASES[name]()
    paid = plan.route in ("buy_and_redeem", "hedge_and_hold")
    better = (plan.break_even_price * plan.quantity_tokens - plan.size_usd) * (-1 if paid else 1)
    assert better < 0
    expected = sum(one.probability * (one.usd + moved(plan, one, better)) for one in plan.outcomes)
    assert expected == pytest.approx(0.0, abs=0.01)
