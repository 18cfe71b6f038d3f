"""An order book from JSON: what is no level is refused, whatever it is, and nothing else happens."""

from __future__ import annotations

import pytest

from bot.errors import PoolError
from bot.pools.book import decode_book
from bot.pools.codec import decode

DEEP = "[" * 9999 + "]" * 9999


@pytest.mark.parametrize(
    "level",
    ["5", "null", "[]", "[1]", "[1, 2, 3]", '["1", 2]', '"ab"', "{}", "[0, 1]", "[1, -1]", f"[{10**400}, 1]",
     f"[1, {10**400}]", "[null, 1]"],
)  # fmt: skip
@pytest.mark.parametrize("side", ["bids", "asks"])
def test_what_is_no_level_is_refused_by_side(side: str, level: str) -> None:
    book = {"bids": "[]", "asks": "[]"} | {side: f"[{level}]"}
    with pytest.raises(PoolError) as refused:
        decode_book(f'{{"bids": {book["bids"]}, "asks": {book["asks"]}}}', 0.0)
    assert refused.value.reason == "bad_book"
    assert refused.value.detail.startswith(f"{side}: ")
    assert len(refused.value.detail) < 150


def test_what_is_nested_without_end_is_refused() -> None:
    with pytest.raises(PoolError, match="bad_data"):
        decode_book(f'{{"bids": {DEEP}, "asks": []}}', 0.0)
    with pytest.raises(PoolError, match="bad_pool_state"):
        decode(f'{{"amm": "uniswap_v2", "x": {DEEP}}}')
