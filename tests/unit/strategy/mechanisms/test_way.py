"""The way of tokens from one place to another: how long, how much longer, and what it costs."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.strategy.mechanisms import Moment
from bot.strategy.mechanisms.way import HERE, way_between
from tests.fixtures.market import CLOCK, KRAKEN, MONDAY, registry

GAS = 0.05
OF = registry(conversions=[KRAKEN])
MINUTES = 180.0


def way(origin, to, symbol="TSLAx"):
    return way_between(OF, Moment(CLOCK, MONDAY), symbol, origin, to, GAS)


def test_what_is_there_already_moves_nowhere():
    assert way("kraken", "kraken") is HERE
    assert (HERE.seconds, HERE.delay.mean, HERE.usd) == (0.0, 0.0, 0.0)


def test_a_withdrawal_costs_the_exchanges_fee_and_a_deposit_the_gas():
    out, into = way("kraken", "wallet"), way("wallet", "kraken")
    assert (out.seconds, out.usd, into.seconds, into.usd) == (MINUTES, 1.0, MINUTES, GAS)
    assert dict(zip(out.delay.seconds, out.delay.chances, strict=True)) == pytest.approx(
        {MINUTES: 0.945, MINUTES + 3_600: 0.05, MINUTES + 86_400: 0.005}
    )


def test_from_one_exchange_into_another_is_both_ways_one_after_the_other():
    """Gate has no terms here, and 72 minutes."""
    found = way("kraken", "gate")
    assert found.seconds == pytest.approx(MINUTES + 0.05 * 86_400)
    assert found.delay.mean == pytest.approx(found.seconds + 0.05 * 3_600 + 0.005 * 86_400)
    assert found.usd == 1.0
    assert way("gate", "kraken").usd == GAS


def test_an_exchange_moves_another_issuers_token_as_it_does_those_it_speaks_of():
    assert way("kraken", "wallet", "TSLAon") == way("kraken", "wallet")


def test_terms_of_the_same_issuer_go_first():
    slow = replace(KRAKEN, name="kraken_ondo", issuer="ondo", withdraw=replace(KRAKEN.withdraw, hours=2.0))
    both = registry(conversions=[KRAKEN, slow])
    hours = [
        way_between(both, Moment(CLOCK, MONDAY), symbol, "kraken", "wallet", GAS).seconds / 3_600
        for symbol in ("TSLAx", "TSLAon")
    ]
    assert hours == [pytest.approx(0.05), 2.0]
