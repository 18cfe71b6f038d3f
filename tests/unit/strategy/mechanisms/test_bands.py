"""What the detector makes of a mechanism's band."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.detector import band
from bot.engine import Engine
from bot.registry import Channel, Issuer, Token
from bot.strategy.mechanisms.bands import Bands
from tests.fixtures.engine import config, shipped_registry, trade
from tests.fixtures.market import CLOCK
from tests.unit.strategy.mechanisms.given import MONDAY, WHEN_MIRROR_LIVED, moment, quick, shipped

ISSUERS = shipped_registry().issuers
BANDS = Bands(CLOCK, 0.06)
HOUR = 3600 * 10**9


@pytest.mark.parametrize("name", ["xstocks", "ondo", "mystonks", "robinhood"])
@pytest.mark.parametrize("halted", [None, "", "a split"])
def test_the_channels_give_the_same_numbers_as_they_always_did(name, halted):
    for hour in range(24 * 8):
        ts = MONDAY + hour * HOUR + 29 * 60 * 10**9  # 09:29 and 15:59 are among them
        of = ISSUERS[name]
        before = band(of, CLOCK.session(ts), 50.0, 0.001, 0.06, CLOCK, ts, halted)
        assert BANDS(of, ts, 50.0, 0.001, 0.5, halted) == before


def test_where_nothing_holds_the_price_there_is_a_tolerance_and_it_says_so():
    found = BANDS(ISSUERS["robinhood"], MONDAY, 50.0, 0.003, 0.5, None)
    assert (found.low, found.high) == pytest.approx((-log(1.023), log(1.023)))
    assert (found.held_low, found.held_high) == (False, False)


def test_mirrors_premium_is_held_and_its_discount_is_not():
    found = BANDS(ISSUERS["mirror"], WHEN_MIRROR_LIVED, 10_000.0, 0.0, 0.5, None)
    exact = shipped("mirror").bounds(moment(WHEN_MIRROR_LIVED), 10_000.0, 0.0)
    assert (found.held_low, found.held_high) == (False, True)
    assert (found.low, found.high) == pytest.approx((-log(1.02), exact.high))


@quick
@given(st.floats(0.0, 0.05), st.floats(0.0, 0.05), st.integers(0, 24 * 7))
def test_an_issuer_of_ones_own_needs_no_code(fee, spread, hour):
    channel = Channel(fee_ratio=fee, spread_ratio=spread)
    of, ts = Issuer("own", "Own", mint=channel, redeem=channel), MONDAY + hour * HOUR
    expected = band(of, CLOCK.session(ts), 1_000.0, 0.0, 0.06, CLOCK, ts)
    assert Bands(CLOCK, 0.06)(of, ts, 1_000.0, 0.0, 0.5, None) == expected


def test_the_engine_judges_a_token_by_its_own_system():
    known = shipped_registry()
    tokens = known.tokens | {"mTSLA": Token("mTSLA", "TSLA", "mirror")}
    engine = Engine(config(), replace(known, tokens=tokens))
    ts = WHEN_MIRROR_LIVED
    engine.step(trade(ts, "mTSLA@terraswap", 620.0))
    engine.step(trade(ts, "TSLAx@kraken", 620.0))
    bands = [engine.detector.band_of(state, ts) for state in engine.market.instruments.values()]
    assert [(each.held_low, each.held_high) for each in bands] == [(False, True), (True, True)]
    assert bands[0].high > 5 * bands[1].high
    assert "nothing holds the price below" in bands[0].note
