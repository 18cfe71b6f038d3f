"""What is told of an exchange's conversion: whether it is open, and never a price."""

from __future__ import annotations

import pytest

from bot.engine import Engine
from bot.types import Quarantined, Tick
from tests.fixtures.engine import TUESDAY, config, engine, feed, seconds, shipped_registry

CONVERSION = "TSLAx@kraken:convert"


def status(word: str, name: str = CONVERSION, after: int = 0) -> Tick:
    return Tick(TUESDAY + seconds(after), name, "status", data=f'{{"state":"{word}","reason":"maintenance"}}')


@pytest.mark.parametrize("kind", ["quote", "trade", "bar", "pool"])
def test_a_conversion_is_no_market(kind: str) -> None:
    one = engine()
    numbers = {"bid": 400.0, "ask": 401.0} if kind == "quote" else {"price": 400.0}
    (told,) = feed(one, Tick(TUESDAY, CONVERSION, kind, **numbers))  # type: ignore[arg-type]  # parametrized
    assert isinstance(told, Quarantined)
    assert told.reason == "no_market"
    assert CONVERSION not in one.market.instruments


def test_a_conversion_that_is_not_there_is_unknown() -> None:
    (told,) = feed(
        engine(),
        status("open", "TSLAx@bybit:convert"),
    )
    assert isinstance(told, Quarantined)
    assert told.reason == "unknown_instrument"


def test_its_halt_is_heard_and_remembered_until_it_is_over() -> None:
    one = engine()
    assert feed(one, status("halted")) == []
    assert one.market.conversions == {CONVERSION: "maintenance"}
    other = Engine(config(), shipped_registry())
    other.restore(one.snapshot())
    assert other.market.conversions == one.market.conversions
    feed(other, status("open", after=60))
    assert other.market.conversions == {}
