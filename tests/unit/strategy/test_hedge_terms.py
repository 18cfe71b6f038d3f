"""Terms that ticks of perps and perpetual options tell: none that cannot be is taken."""

from __future__ import annotations

import json

import pytest

from bot.errors import DataError
from bot.registry.derivatives import PerpetualVenue, PerpVenue
from bot.strategy.hedge_lines import PerpetualLine, PerpLine
from bot.strategy.options import Perpetual
from bot.timefmt import NS
from bot.types import Tick

T = 1_780_000_000 * NS
PERP, OFFER = "TSLA@there", "TSLA-400-put-PERP@there"


def tick(instrument, kind="quote", **data):
    return Tick(ts=T, instrument=instrument, kind=kind, data=json.dumps(data))


@pytest.fixture
def perp():
    return PerpLine(PERP, "TSLA", PerpVenue("there", "There", 0.1, 0.05, 0.0005, 0.01, 0.01))


@pytest.fixture
def offer():
    option = Perpetual("put", 400.0, 7.0)
    return PerpetualLine(OFFER, "TSLA", option, PerpetualVenue("there", volatility=0.6))


@pytest.mark.parametrize(
    "terms", [{"taker": -5}, {"taker": 1}, {"lot": -1}, {"lot": 0}, {"lot": 1e12}, {"taker": 1e300}]
)
def test_a_perps_terms_that_cannot_be_leave_it_as_it_was(perp, terms):
    with pytest.raises(DataError) as refused:
        perp.take(tick(PERP, "status", state="halted", terms=terms))
    assert refused.value.reason == "bad_data"
    assert (perp.taker, perp.lot, perp.halted) == (0.0005, 0.01, "")


def test_a_perps_own_terms_go_before_the_registrys(perp):
    perp.take(tick(PERP, "status", state="open", terms={"taker": 0.0, "lot": 1}))
    assert (perp.taker, perp.lot) == (0.0, 1.0)


@pytest.mark.parametrize(
    "told", [{"volatility": 1e-300}, {"period_days": 1e-300}, {"markup": 1e-300}, {"period_days": 1e4}]
)
def test_terms_so_small_that_the_price_divides_by_nothing_are_refused(offer, told):
    before = offer.snapshot()
    with pytest.raises(DataError) as refused:
        offer.take(tick(OFFER, units=10, **told))
    assert refused.value.reason == "option_terms"
    assert offer.snapshot() == before
