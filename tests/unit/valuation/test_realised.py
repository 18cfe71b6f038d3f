"""Volatility learnt from references: the live model is the one that is calibrated."""

from __future__ import annotations

from itertools import pairwise
from math import exp, log

import pytest

from bot.calibrate.rows import Row
from bot.calibrate.weekends import Walk
from bot.engine import Engine
from bot.timefmt import parse
from bot.valuation.scalars import half_width
from tests.fixtures.engine import engine, feed, quote, reference, seconds, shipped_registry

DAYS = ["2026-06-08", "2026-06-09", "2026-06-10", "2026-06-11", "2026-06-12", "2026-06-15", "2026-06-16"]
OPENS = [400.0, 404.0, 396.0, 410.0, 409.0, 431.0, 429.0]
CLOSES = [402.0, 399.0, 408.0, 412.0, 405.0, 428.0, 425.0]
SECOND = seconds(1)


def day(one: Engine, date: str, opened: float, closed: float) -> None:
    feed(one, reference(parse(f"{date}T13:30:00Z"), "TSLA@yahoo", opened))
    feed(one, reference(parse(f"{date}T20:00:00Z") - SECOND, "TSLA@yahoo", closed))


def test_live_and_calibrated_intervals_are_the_same_model() -> None:
    one = engine()
    clock = one.clock
    walk = Walk(shipped_registry(), clock)
    rows = []
    for (date, _, closed), (later, opened, _) in pairwise(zip(DAYS, OPENS, CLOSES, strict=True)):
        rows.append(Row("TSLA", parse(f"{date}T20:00:00Z"), parse(f"{later}T13:30:00Z"), closed, opened))
    day(one, DAYS[0], OPENS[0], CLOSES[0])
    feed(one, quote(rows[0].closed - SECOND, "TSLAx@kraken", 400))
    walk._opened["TSLA"] = (parse(f"{DAYS[0]}T13:30:00Z"), OPENS[0])
    for row, date, opened, closed in zip(rows, DAYS[1:], OPENS[1:], CLOSES[1:], strict=True):
        (judged,) = walk.weekend([row])
        # After the close somebody speaks, so that the day is over; then the night is as wide as calibrated.
        feed(one, quote(row.closed + SECOND, "TSLAx@kraken", row.close))
        fair = one.market.fair("TSLAx@kraken", row.opened - 1)
        assert fair is not None
        state = one.market.underlyings["TSLA"].fair
        accrued = fair.sd**2 - state.anchor_var - 0.0015**2
        assert half_width(accrued, 0.95, fair.stretch) == pytest.approx(judged.half_width, rel=2e-4)
        day(one, date, opened, closed)
    state = one.market.underlyings["TSLA"].fair
    feed(one, quote(parse(f"{DAYS[-1]}T20:00:01Z"), "TSLAx@kraken", 425))
    assert one.valuation.realised.market.level != 1.0
    assert one.valuation.realised.market.stretch == pytest.approx(walk.market.stretch, rel=1e-9)
    assert state.weight > 1.0


def test_a_wild_fortnight_makes_all_intervals_wider_a_calm_one_narrower() -> None:
    def sd(step: float) -> float:
        one = engine()
        price = 400.0
        for n, date in enumerate(DAYS):
            day(one, date, price, price * exp(step * (-1) ** n))
            price *= exp(step * (-1) ** (n + 1) / 2)
        last = parse(f"{DAYS[-1]}T20:00:00Z")
        feed(one, quote(last, "TSLAx@kraken", 400))
        found = one.market.fair("TSLAx@kraken", last + seconds(12 * 3600))
        assert found is not None
        return found.sd

    assert sd(0.002) < 0.9 * sd(0.02) < 0.81 * sd(0.10)


def test_a_split_in_an_unadjusted_reference_teaches_nothing() -> None:
    one = engine()
    day(one, DAYS[0], 400, 400)
    before = one.valuation.realised.market.level
    for n in range(4):
        feed(one, reference(parse(f"{DAYS[1]}T13:30:00Z") + n * SECOND, "TSLA@yahoo", 40 + n / 100))
    assert one.valuation.realised.market.stretch == 1.0
    assert one.valuation.realised.market.level <= before


def test_it_is_all_in_the_snapshot() -> None:
    one = engine()
    for n, date in enumerate(DAYS[:5]):
        day(one, date, OPENS[n], CLOSES[n])
    after = engine()
    after.restore(one.snapshot())
    assert after.valuation.realised.snapshot() == one.valuation.realised.snapshot()
    for each in (one, after):
        day(each, DAYS[5], OPENS[5], CLOSES[5])
    assert after.snapshot() == one.snapshot()
    state = after.market.underlyings["TSLA"].fair
    assert state.close_log == pytest.approx(log(CLOSES[5]), abs=1e-6)
