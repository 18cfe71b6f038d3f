"""The no-arbitrage band of each mechanism, worked out again from its parameters by a short calculation."""

from __future__ import annotations

from math import exp, inf, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.registry.issuer import Channel, Debt, Fills, Inclusion, Issuer, OracleExchange, SignedQuotes, Term
from bot.strategy.mechanisms import mechanism_of
from bot.timefmt import parse as at
from tests.fixtures.market import CLOCK
from tests.unit.strategy.mechanisms.given import (
    DAY,
    HEDGE,
    MONDAY,
    SATURDAY,
    WHEN_MIRROR_LIVED,
    changed,
    moment,
    quick,
    shipped,
    written,
)

SIZE = 10_000.0


def by_hand(channel: dict, days: float, size: float = SIZE, rate: float = 0.06, fee: float = 0.0) -> float:
    """What one order costs, as a log ratio: fee, spread, gas, the hedge, and financing for ``days``."""
    moved = max(size, channel.get("minimum_usd", 0.0))
    return log(
        1
        + channel.get("fee_ratio", 0.0)
        + channel.get("spread_ratio", 0.0)
        + channel.get("gas_usd", 0.0) / moved
        + rate * days / 365
        + HEDGE
        + fee
    )


SETTLED = {
    # From the session's beginning until settled: Monday's open to Tuesday's, Friday 20:00 to Tuesday's.
    MONDAY: (at("2025-07-08T13:30Z") - at("2025-07-07T13:30Z")) / DAY,
    SATURDAY: (at("2025-07-08T13:30Z") - at("2025-07-05T00:00Z")) / DAY,
}
AT_ONCE = {MONDAY: 0.0, SATURDAY: (at("2025-07-07T00:00Z") - at("2025-07-05T00:00Z")) / DAY}
IN_SESSION = {MONDAY: 0.0, SATURDAY: (at("2025-07-07T13:30Z") - at("2025-07-05T00:00Z")) / DAY}


@pytest.mark.parametrize("ts", [MONDAY, SATURDAY])
@pytest.mark.parametrize(
    ("name", "waits"),
    [
        ("xstocks", SETTLED),
        ("mystonks", SETTLED),
        ("ondo", AT_ONCE),
        ("dinari", AT_ONCE),
        ("synthetix", IN_SESSION),
    ],
)
@pytest.mark.parametrize("size", [50.0, SIZE])
@pytest.mark.parametrize("venue_fee", [0.0, 0.001])
def test_a_band_of_two_channels(name, waits, ts, size, venue_fee):
    entry = written(name)
    found = shipped(name).bounds(moment(ts), size, venue_fee)
    assert found.high == pytest.approx(by_hand(entry["mint"], waits[ts], size, fee=venue_fee), rel=1e-12)
    assert found.low == pytest.approx(-by_hand(entry["redeem"], waits[ts], size, fee=venue_fee), rel=1e-12)
    assert (found.mint_open, found.redeem_open) == (ts == MONDAY, ts == MONDAY)
    assert (found.why_low, found.why_high) == ("", "")


def test_the_shipped_numbers_of_xstocks_in_the_regular_session():
    found = shipped("xstocks").bounds(moment(MONDAY), 50.0, 0.0)
    # 25 bp fee, 5 bp spread, $2 on the least order of $5,000, a day at 6 %, 5 bp of hedge: 40.6 bp
    assert exp(found.high) - 1 == pytest.approx(0.0025 + 0.0005 + 0.0004 + 0.06 / 365 + 0.0005)


@pytest.mark.parametrize("ts", [MONDAY, SATURDAY])
def test_robinhood_has_none(ts):
    found = shipped("robinhood").bounds(moment(ts), SIZE, 0.0)
    assert (found.low, found.high) == (-inf, inf)
    assert not found.mint_open
    assert not found.redeem_open
    assert "nobody outside the app" in found.why_low
    assert "nobody outside the app" in found.why_high
    assert "nothing holds the price" in found.note


def test_kraken_adds_its_withdrawal_to_buying_and_nothing_to_selling():
    entry = written("kraken", "conversions")
    found = shipped("kraken").bounds(moment(MONDAY), SIZE, 0.0)
    buying = entry["mint"] | {"gas_usd": entry["withdraw"]["usd"]}
    assert found.high == pytest.approx(by_hand(buying, 0.0), rel=1e-12)
    assert found.low == pytest.approx(-by_hand(entry["redeem"], 0.0), rel=1e-12)


def test_an_exchange_that_only_has_a_book_holds_no_price():
    found = shipped("bybit").bounds(moment(MONDAY), SIZE, 0.0)
    assert (found.low, found.high) == (-inf, inf)
    assert "it is an order book" in found.why_high


def test_mirror_holds_a_premium_by_what_a_debt_costs_and_a_discount_not_at_all():
    entry = written("mirror")
    debt, gas = entry["debt"], entry["mint"]["gas_usd"]
    found = shipped("mirror").bounds(moment(WHEN_MIRROR_LIVED), SIZE, 0.003)
    collateral = debt["ratio"] + debt["cushion_ratio"]  # 200 % of the token's value
    closing = debt["close_fee_ratio"] * collateral  # 3 % of it
    financing = 0.06 * debt["hold_days"] / 365 * collateral
    assert exp(found.high) - 1 == pytest.approx(closing + financing + gas / SIZE + 0.003)
    assert found.low == -inf
    assert "burning pays back only the debt" in found.why_low
    assert found.mint_open
    assert not found.redeem_open


def test_out_of_hours_mirror_lets_a_premium_grow_by_the_risk_until_minting_opens():
    night = at("2021-06-02T04:00Z")  # Tuesday's session "overnight" has begun at 20:00 in New York
    vol, entry = 0.6, written("mirror")["debt"]
    day = shipped("mirror").bounds(moment(WHEN_MIRROR_LIVED, annual_volatility=vol), SIZE, 0.0)
    found = shipped("mirror").bounds(moment(night, annual_volatility=vol), SIZE, 0.0)
    hours = {"overnight": 8.0, "pre": 5.5}  # each counts 0.2 of a regular hour
    year = 252 * 6.5 + 0.2 * 252 * 17.5 + 0.025 * (8766 - 252 * 24)
    sd = vol * (0.2 * sum(hours.values()) / year) ** 0.5
    assert exp(found.high) - exp(day.high) == pytest.approx(entry["risk_charge"] * sd)
    assert not found.mint_open
    assert "next from 2021-06-02 13:30:00 UTC" in found.note


HALTED = moment(MONDAY, halted="proof of reserves is short")


@pytest.mark.parametrize("name", ["xstocks", "ondo", "mystonks", "dinari", "synthetix"])
def test_a_halt_opens_the_band_and_says_why(name):
    found = shipped(name).bounds(HALTED, SIZE, 0.0)
    assert (found.low, found.high) == (-inf, inf)
    assert "proof of reserves is short" in found.why_low
    assert "proof of reserves is short" in found.note


def test_after_its_end_nothing_holds():
    found = shipped("mirror").bounds(moment(at("2022-06-01T15:00Z")), SIZE, 0.0)
    assert (found.low, found.high) == (-inf, inf)
    assert "ended on 2022-06-01" in found.why_high


def test_one_side_with_an_unknown_term_is_open_ended_and_the_other_is_held():
    terms = [Term(["redeem.fee_ratio"], "unknown", says="nobody has said")]
    found = changed("mystonks", terms=terms).bounds(moment(MONDAY), SIZE, 0.0)
    assert found.low == -inf
    assert "redeem.fee_ratio" in found.why_low
    assert found.high == pytest.approx(by_hand(written("mystonks")["mint"], SETTLED[MONDAY]))


# Properties, of every kind of system with terms of any size.

ratios = st.floats(0.0, 0.05)
KINDS = ["channel", "xstocks", "ondo", "mystonks", "dinari", "synthetix", "mirror"]


def issuer_of(kind, fee, spread, gas, days, hours="24/5"):
    channel = Channel(hours=hours, fee_ratio=fee, spread_ratio=spread, gas_usd=gas, settlement_days=days)
    return Issuer(
        kind, kind, mint=channel, redeem=channel, mechanism=kind,
        quotes=SignedQuotes(30.0, [Inclusion(1.0, 12.0)]), fills=Fills(0.5),
        debt=Debt(1.5, 0.5, 0.015, 7.0, 60.0, risk_charge=0.1), exchange=OracleExchange(360.0, 90_000.0),
    )  # fmt: skip


@quick
@given(
    kind=st.sampled_from(KINDS), fee=ratios, spread=ratios, gas=st.floats(0.0, 50.0),
    days=st.integers(0, 3), rate=st.floats(0.0, 0.3), venue=ratios, size=st.floats(1.0, 1e6),
    hours=st.sampled_from(["24/7", "24/5", "regular"]), hour=st.integers(0, 24 * 7),
)  # fmt: skip
def test_a_band_holds_zero_and_widens_with_every_cost(
    kind, fee, spread, gas, days, rate, venue, size, hours, hour
):
    issuer = issuer_of(kind, fee, spread, gas, days, hours)
    now = moment(MONDAY + hour * 3600 * 10**9, financing_rate=rate)
    base = mechanism_of(issuer).bounds(now, size, venue)
    assert base.low < 0 < base.high
    dearer = [
        issuer_of(kind, fee + 0.001, spread, gas, days, hours),
        issuer_of(kind, fee, spread + 0.001, gas, days, hours),
        issuer_of(kind, fee, spread, gas + 1.0, days, hours),
        issuer_of(kind, fee, spread, gas, days + 1, hours),
        replace(issuer, debt=Debt(1.6, 0.5, 0.015, 7.0, 60.0, risk_charge=0.1)),
        replace(issuer, debt=Debt(1.5, 0.5, 0.02, 7.0, 60.0, risk_charge=0.1)),
        replace(issuer, debt=Debt(1.5, 0.5, 0.015, 9.0, 60.0, risk_charge=0.2)),
    ]
    wider = [mechanism_of(each).bounds(now, size, venue) for each in dearer]
    wider.append(mechanism_of(issuer).bounds(now, size, venue + 0.001))
    wider.append(mechanism_of(issuer).bounds(replace(now, financing_rate=rate + 0.01), size, venue))
    for found in wider:
        assert found.low <= base.low
        assert found.high >= base.high
    if kind != "mirror":
        for found in (wider[0], wider[1], wider[-2]):  # these count whatever the size, rate and hour
            assert found.low < base.low
            assert found.high > base.high


@quick
@given(hour=st.integers(0, 24 * 21))
def test_one_session_has_one_band(hour):
    start, end = CLOCK.segment(MONDAY + hour * 3600 * 10**9)
    of = shipped("xstocks")
    assert of.bounds(moment(start), SIZE, 0.0) == of.bounds(moment(end - 1), SIZE, 0.0)
