"""What an exchange's conversion is called, and that its order book is something else."""

from __future__ import annotations

from msgspec.structs import replace

from bot.ledger.accounts import custody
from tests.fixtures.engine import shipped_registry
from tests.fixtures.market import KRAKEN, registry

OF = registry(conversions=[KRAKEN])


def test_a_conversion_is_found_by_its_name():
    assert KRAKEN.instrument("TSLAx") == "TSLAx@kraken:convert"
    assert OF.conversion_at("TSLAx@kraken:convert") is KRAKEN


def test_what_is_none_is_none():
    names = (
        "TSLAx@kraken",
        "TSLAx@kraken:2",
        "TSLAx@gate:convert",
        "TSLAon@kraken:convert",
        "WHAT@kraken:convert",
    )
    assert [OF.conversion_at(name) for name in names] == [None] * 5


def test_an_exchange_with_an_order_book_alone_converts_nothing():
    book = replace(KRAKEN, mint=replace(KRAKEN.mint, available=False),
                   redeem=replace(KRAKEN.redeem, available=False))  # fmt: skip
    of = registry(conversions=[book])
    assert of.conversions_of(of.tokens["TSLAx"]) == []
    assert of.carries("kraken", of.tokens["TSLAx"]) is book


def test_converted_tokens_lie_with_the_exchange():
    assert custody(OF)("TSLAx@kraken:convert") == "kraken"


def test_exchanges_with_terms_of_their_own_have_no_days_in_the_list_of_venues():
    of = shipped_registry()
    said = {each.venue for each in of.conversions.values()}
    assert said == {"kraken", "bybit", "gate"}
    assert all(of.venues[name].withdraw_days == 0 for name in said)
    assert of.venues["okx"].withdraw_days > 0
