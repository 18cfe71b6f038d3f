"""How long a premium lasts: by its cause, and in minutes where one venue stands off alone."""

from __future__ import annotations

import pytest

from bot.strategy.mechanisms.delay import Delay
from bot.strategy.routes.common import View, open_case
from bot.strategy.routes.lasting import gap_half_life, paid_once_closed, still_there_after
from tests.fixtures.market import CLOCK, MONDAY, World, incident, pool_at, registry

FAIR, DEAR, DAY = 400.0, 440.0, 86_400.0
POOL, OTHER, BOOK = "TSLAx@raydium", "TSLAx@orca", "TSLAx@kraken"


def world(*others, of=None):
    """TSLAx ten per cent dear in one pool; other venues stand where they are said to."""
    made = World(MONDAY, FAIR, session=CLOCK.session(MONDAY), of=of or registry())
    made.venue(POOL, pool_at(DEAR, 1e6))
    for name, price in others:
        made.venue(name, pool_at(price, 1e6))
    return made


def minted(made, **changes):
    """The plan to mint first, if there is one."""
    plans = made.plans(incident(POOL, 0.0953, **changes))
    return next((one for one in plans if one.route == "mint_and_sell"), None), plans


def stays(plan):
    """As the plan has it: a hundredth of the sales is refused."""
    assert plan.hedge.kind == "none"
    return plan.outcomes[0].probability / 0.99


WAIT = 23.5 * 3_600


@pytest.mark.parametrize(("cause", "half"), [("broad_premium", DAY), ("closed_market_drift", DAY / 2)])
def test_on_the_only_venue_it_lasts_as_its_cause_says(cause, half):
    plan, _ = minted(world(), cause=cause)
    assert stays(plan) == pytest.approx(2 ** (-WAIT / half))


@pytest.mark.parametrize("cause", ["broad_premium", "closed_market_drift", "stablecoin_depeg", "unknown"])
def test_beside_a_venue_that_is_fair_it_is_gone_before_a_mint_arrives(cause):
    plan, plans = minted(world((OTHER, FAIR)), cause=cause)
    assert plan is None
    assert [one.route for one in plans] == ["cross_venue"]


def test_beside_a_venue_that_is_out_as_well_it_lasts_as_its_cause_says():
    """Whether or not that one is told in the incident yet."""
    for venues in ([POOL], [POOL, OTHER]):
        plan, _ = minted(world((OTHER, DEAR * 0.99)), venues=venues)
        assert stays(plan) == pytest.approx(2 ** (-WAIT / DAY))


def test_while_the_issuer_has_halted_nobody_can_close_it():
    """Which a desk with a conversion meets: half of it is there after three days."""
    made = world((OTHER, FAIR))
    found = {}
    for cause in ("issuer_halt", "broad_premium"):
        seen = incident(POOL, 0.0953, cause=cause)
        view = View(seen, made.market, made.registry, made.settings, CLOCK, made.strategy.desk, 0.5, MONDAY)
        found[cause] = still_there_after(view, Delay((120.0, 3 * DAY), (0.5, 0.5)))
    assert found["issuer_halt"] == pytest.approx(0.5 * 2 ** (-120 / (3 * DAY)) + 0.25)
    assert found["broad_premium"] == pytest.approx(0.25)


def cases(cheap, dear):
    """Two venues of TSLAx at these prices beside a fair value of 400."""
    made = World(MONDAY, FAIR, session=CLOCK.session(MONDAY), of=registry())
    seen = incident(POOL, 0.05, cause="issuer_halt", venues=[POOL, OTHER])
    view = View(seen, made.market, made.registry, made.settings, CLOCK, made.strategy.desk, 0.5, MONDAY)
    at = [made.venue(name, pool_at(price, 1e6)) for name, price in ((OTHER, cheap), (POOL, dear))]
    return view, *(open_case(view, state) for state in at)


@pytest.mark.parametrize(
    ("cheap", "dear", "half", "paid"),
    [
        (400.0, 440.0, 3 * DAY, 400.0),  # the dear one comes down to fair value
        (380.0, 440.0, 3 * DAY, 400.0),
        (380.0, 400.0, 3 * DAY, 400.0),  # the cheap one comes up to it
        (420.0, 440.0, 120.0, 440.0 - 20.0 * 40 / 60),  # both are dear: the dearer goes most of the way
        (360.0, 380.0, 120.0, 380.0 - 20.0 * 20 / 60),
        (401.0, 440.0, 3 * DAY, 440.0 - 39.0 * 40 / 41),  # that is noise
    ],
)
def test_a_gap_between_two_venues_that_are_off_closes_in_minutes_and_in_part_by_each(cheap, dear, half, paid):
    view, below, above = cases(cheap, dear)
    assert gap_half_life(view, below, above) == half
    assert paid_once_closed(below, above) * dear == pytest.approx(paid, rel=1e-6)


def test_a_halted_venue_and_another_issuers_token_say_nothing():
    made = world((OTHER, FAIR))
    made.market.instrument(OTHER).halted = True
    made.venue("TSLAon@kraken", pool_at(FAIR, 1e6))
    plan, _ = minted(made)
    assert stays(plan) == pytest.approx(2 ** (-WAIT / DAY))
