"""How long a premium lasts: by its cause, and in minutes where one venue stands off alone."""

from __future__ import annotations

import pytest

from bot.strategy.mechanisms.delay import Delay
from bot.strategy.routes.common import View, open_case
from bot.strategy.routes.lasting import half_life_of, paid_once_closed, still_there_after
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


@pytest.mark.parametrize("venues", [[POOL], [POOL, BOOK]])
def test_an_issuer_that_has_halted_keeps_no_two_venues_apart(venues):
    """Who buys on the one and sells on the other needs no issuer; what all carry together lasts."""
    found = {}
    for other in (FAIR, DEAR * 0.99):
        made = world((OTHER, other))
        seen = incident(POOL, 0.0953, cause="issuer_halt", venues=venues)
        view = View(seen, made.market, made.registry, made.settings, CLOCK, made.strategy.desk, 0.5, MONDAY)
        found[other] = still_there_after(half_life_of(view), Delay((120.0, 3 * DAY), (0.5, 0.5)))
    assert found[FAIR] == pytest.approx(0.25)
    assert found[DEAR * 0.99] == pytest.approx(0.5 * 2 ** (-120 / (3 * DAY)) + 0.25)


def cases(cheap, dear):
    """Two venues of TSLAx at these prices beside a fair value of 400."""
    made = World(MONDAY, FAIR, session=CLOCK.session(MONDAY), of=registry())
    seen = incident(POOL, 0.05, cause="issuer_halt", venues=[POOL, OTHER])
    view = View(seen, made.market, made.registry, made.settings, CLOCK, made.strategy.desk, 0.5, MONDAY)
    at = [made.venue(name, pool_at(price, 1e6)) for name, price in ((OTHER, cheap), (POOL, dear))]
    return [open_case(view, state) for state in at]


@pytest.mark.parametrize(
    ("cheap", "dear", "paid"),
    [
        (400.0, 440.0, 400.0),  # the dear one comes down to fair value
        (380.0, 440.0, 400.0),
        (380.0, 400.0, 400.0),  # the cheap one comes up to it
        (420.0, 440.0, 440.0 - 20.0 * 40**2 / (40**2 + 20**2)),  # both are dear
        (360.0, 380.0, 380.0 - 20.0 * 20**2 / (20**2 + 40**2)),
        (380.0, 399.8, 399.8),  # that is noise
    ],
)
def test_two_venues_meet_each_going_the_farther_the_farther_it_is_from_fair_value(cheap, dear, paid):
    below, above = cases(cheap, dear)
    assert paid_once_closed(below, above) * dear == pytest.approx(paid, rel=1e-5)


def test_a_halted_venue_and_another_issuers_token_say_nothing():
    made = world((OTHER, FAIR))
    made.market.instrument(OTHER).halted = True
    made.venue("TSLAon@kraken", pool_at(FAIR, 1e6))
    plan, _ = minted(made)
    assert stays(plan) == pytest.approx(2 ** (-WAIT / DAY))
