"""The search finds the top of anything concave, with few looks at it."""

from __future__ import annotations

import pytest

from bot.strategy.sizing import IMPOSSIBLE, Bound, maximise, tightest


@pytest.mark.parametrize("top", [1e-6, 0.01, 0.3, 0.5, 0.999, 1.0, 7.0])
@pytest.mark.parametrize("high", [1.0, 100.0])
def test_a_parabola(top, high):
    found = maximise(lambda x: -((x - top) ** 2), 0.0, high)
    best = min(top, high)
    assert found == pytest.approx(best, rel=2e-3, abs=2e-3 * high)


@pytest.mark.parametrize("top", [0.02, 0.4, 0.9])
def test_a_kink(top):
    assert maximise(lambda x: -abs(x - top), 0.0, 1.0) == pytest.approx(top, rel=5e-3)


def test_a_size_that_cannot_be_filled_is_not_chosen():
    assert maximise(lambda x: x if 0 < x <= 0.3 else IMPOSSIBLE, 0.0, 1.0) == pytest.approx(0.3, rel=3e-3)


def test_the_ends_count():
    assert maximise(lambda x: x, 2.0, 5.0) == 5.0
    assert maximise(lambda x: -x, 2.0, 5.0) == pytest.approx(2.0)


def test_one_point_is_fine():
    assert maximise(lambda x: -((x - 9) ** 2), 3.0, 3.0) == 3.0


def test_a_smooth_top_takes_few_looks():
    looks = []
    maximise(lambda x: looks.append(x) or 3 * x / (1 + x) - x, 0.0, 2.0)
    assert len(looks) <= 14


def test_the_tightest_bound_is_named_when_it_binds():
    bound = tightest([Bound(3.0, "limits.plan_usd", "$1 left"), Bound(2.0, "limits.venue_usd", "$2 left")])
    assert bound.binds(2.0) == ["limits.venue_usd: this limit holds the size, $2 left"]
    assert bound.binds(1.9) == []
    assert Bound(2.0, "", "").binds(2.0) == []
