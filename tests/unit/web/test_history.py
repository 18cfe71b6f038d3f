"""A thinned past: bounded, in order, and never without its spikes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.timefmt import NS
from bot.web.history import TIERS, History
from tests.fixtures.messages import BASIS, T

MINUTE = 60 * NS
HOUR = 3600 * NS
CAPACITY = sum(capacity for _, capacity in TIERS)


def filled(count: int, step: int, *, spike_at: int | None = None) -> History:
    history = History()
    for n in range(count):
        value = 4.66 if n == spike_at else 0.001
        history.add(replace(BASIS, ts=T + n * step, basis=value))
    return history


def test_the_recent_past_is_by_the_minute_and_the_far_past_by_the_hour() -> None:
    points = filled(7 * 24 * 120, 30 * NS).points()
    steps = [b.ts - a.ts for a, b in pairwise(points)]
    assert steps[-5:] == [MINUTE] * 5
    assert steps[2:7] == [HOUR] * 5
    assert points[-1].ts - points[0].ts > 6.9 * 24 * HOUR


def test_a_spike_of_one_tick_is_still_there_days_later() -> None:
    history = filled(6 * 24 * 60, MINUTE, spike_at=777)
    spiked = [point for point in history.points() if point.high is not None and point.high > 4]
    assert spiked
    assert all(abs(point.ts - (T + 777 * MINUTE)) <= HOUR for point in spiked)


def test_it_never_grows_beyond_its_rings() -> None:
    assert filled(40_000, MINUTE).size <= CAPACITY + len(TIERS)


@settings(max_examples=50, deadline=None)
@given(
    gaps=st.lists(st.integers(1, 3 * HOUR), min_size=1, max_size=400),
    values=st.lists(st.floats(-0.5, 5, width=32), min_size=400, max_size=400),
)
def test_points_are_in_order_and_no_extreme_of_the_last_days_is_lost(
    gaps: list[int], values: list[float]
) -> None:
    history, ts = History(), T
    for gap, value in zip(gaps, values, strict=False):
        ts += gap
        history.add(replace(BASIS, ts=ts, basis=value))
    points = history.points()
    times = [point.ts for point in points]
    assert times == sorted(times)
    assert times[-1] == ts
    seen = values[: len(gaps)]
    if len(gaps) <= 180:
        assert max(p.high for p in points if p.high is not None) == float(f"{max(seen):.7g}")
        assert min(p.low for p in points if p.low is not None) == float(f"{min(seen):.7g}")


def test_what_was_not_known_is_none_and_not_zero() -> None:
    history = History()
    history.add(replace(BASIS, price=None, basis=None, fair_value=None, fair_value_sd=None, state="unpriced"))
    (point,) = history.points()
    assert (point.price, point.basis, point.low, point.high, point.fair_value) == (None,) * 5
    assert (point.session, point.state) == ("weekend", "unpriced")


def test_a_number_beyond_a_float32_is_not_known_rather_than_infinite() -> None:
    history = History()
    history.add(replace(BASIS, price=1e300, basis=float("nan")))
    (point,) = history.points()
    assert point.price is None
    assert point.basis is None


def test_a_basis_from_before_the_last_one_changes_nothing() -> None:
    history = filled(3, MINUTE)
    before = history.points()
    history.add(replace(BASIS, ts=T - HOUR, basis=9.0))
    assert history.points() == before
