"""Bands reproduced from the channel's parameters by an independent short calculation."""

from __future__ import annotations

from math import exp

import pytest

from bot.detector import band
from bot.registry import Channel, Issuer
from tests.fixtures.engine import shipped_registry

XSTOCKS = shipped_registry().issuers["xstocks"]


def test_the_band_is_the_cost_of_minting_and_of_redeeming() -> None:
    found = band(XSTOCKS, "regular", 50.0, 0.0, 0.06)
    # 25 bp fee, 5 bp spread, $2 gas on the $5,000 minimum, 6 % for 1.4 calendar days, 5 bp of hedge
    expected = 0.0025 + 0.0005 + 2 / 5000 + 0.06 * 1.4 / 365 + 0.0005
    assert exp(found.high) - 1 == pytest.approx(expected)
    assert exp(-found.low) - 1 == pytest.approx(expected)
    assert found.mint_open
    assert "mints and redeems now" in found.note


def test_the_venue_fee_comes_on_top_where_the_price_does_not_include_it() -> None:
    without, with_fee = (band(XSTOCKS, "regular", 50.0, fee, 0.06) for fee in (0.0, 0.01))
    assert exp(with_fee.high) - exp(without.high) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("session", "is_open"), [("overnight", True), ("weekend", False), ("holiday", False)]
)
def test_a_24_5_channel_is_shut_at_weekends_and_says_so(session: str, is_open: bool) -> None:
    found = band(XSTOCKS, session, 50.0, 0.0, 0.06)  # type: ignore[arg-type]  # parametrised literal
    assert found.mint_open is is_open
    assert ("closed" in found.note) is not is_open


def test_where_no_desk_may_mint_or_redeem_the_band_says_so() -> None:
    found = band(shipped_registry().issuers["robinhood"], "regular", 50.0, 0.0, 0.06)
    assert found.high == pytest.approx(0.0198, abs=1e-4)
    assert not found.mint_open
    assert "no channel" in found.note


def test_each_side_has_its_own_channel() -> None:
    cheap = Channel(fee_ratio=0.001, settlement_days=0)
    issuer = Issuer("one", "One", mint=cheap, redeem=Channel(available=False, hours="none"))
    found = band(issuer, "regular", 1000.0, 0.0, 0.06)
    assert found.high < -found.low
    assert found.mint_open
    assert not found.redeem_open
    assert "redeem channel is closed" in found.note
