"""What the page is told of an instrument's depth."""

from __future__ import annotations

from typing import Any

from bot.timefmt import NS
from bot.types import Tick
from bot.web.depth import depth_view
from tests.fixtures.engine import TUESDAY, engine, feed, reference

POOL, TRADED = "TSLAx@raydium", "TSLAx@kraken"
STATE = (
    '{"amm":"constant_product","decimals":[8,6],"token_reserve":"25000000000",'
    '"quote_reserve":"100000000000","fee_pips":2500}'
)


def told(name: str, *ticks: Tick) -> dict[str, Any] | None:
    one = engine()
    feed(one, reference(TUESDAY, "TSLA@yahoo", 400), *ticks)
    return depth_view(one.market, lambda: one.now, [50.0, 1e9])(name)


def test_a_pool_tells_its_depth_and_what_sizes_get() -> None:
    answer = told(POOL, Tick(TUESDAY, POOL, "pool", data=STATE))
    assert answer is not None
    assert answer["why"] is None
    assert answer["depth"]["spot"] == 400
    small, huge = answer["sizes"]
    assert small["sell"] < 400 < small["buy"]
    assert huge["sell"] is None, "it does not hold a billion dollars"


def test_a_last_price_is_no_depth() -> None:
    answer = told(TRADED, Tick(TUESDAY, TRADED, "trade", price=401.0))
    assert answer is not None
    assert answer["depth"] is None
    assert "only its last price" in answer["why"]


def test_a_halted_pool_says_why_it_cannot_be_quoted() -> None:
    halt = Tick(TUESDAY + 5 * NS, POOL, "status", data='{"state":"halted","reason":"the token is paused"}')
    answer = told(POOL, Tick(TUESDAY, POOL, "pool", data=STATE), halt)
    assert answer is not None
    assert (answer["depth"], answer["why"]) == (None, "the token is paused")


def test_an_instrument_never_seen_is_unknown() -> None:
    assert told("AMZNx@raydium") is None
