"""Depth around a price, as the page draws it."""

from __future__ import annotations

import pytest

from bot.pools import BookCurve, ConstantProductState
from bot.pools.profile import profile


def test_depth_grows_with_the_distance_and_holds_what_the_pool_holds() -> None:
    curve = ConstantProductState(
        token_reserve=10**14, quote_reserve=2 * 10**14, decimals=(8, 6), fee_pips=3000
    ).curve()
    depth = profile(curve, [0.01, 0.02, 0.05, 0.99])
    assert depth.spot == pytest.approx(200)
    for side in (depth.sell, depth.buy):
        assert [each.usd for each in side] == sorted(each.usd for each in side)
        assert sum(each.held_usd for each in side) == pytest.approx(side[-1].usd)
    # Down to a hundredth of the price a constant product pool gives nine tenths of its dollars.
    assert depth.sell[-1].usd == pytest.approx(0.9 * 2e8, rel=1e-3)
    # A hundredth up takes √1.01 − 1 of the quote in, fee on top.
    assert depth.buy[0].usd == pytest.approx(2e8 * (1.01**0.5 - 1) / 0.997, rel=2e-3)


def test_levels_of_a_book_count_up_to_the_price() -> None:
    depth = profile(BookCurve([(99.0, 1.0), (95.0, 2.0)], [(101.0, 3.0)]), [0.005, 0.02, 0.06])
    assert [each.usd for each in depth.sell] == [0.0, 99.0, 289.0]
    assert [each.average for each in depth.sell] == [None, 99.0, pytest.approx(289 / 3)]
    assert [each.usd for each in depth.buy] == [0.0, 303.0, 303.0]
