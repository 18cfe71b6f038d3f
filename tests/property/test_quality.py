"""Whatever sources do, how good they are is a ratio, their weights make one, and memory does not grow."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from bot.engine import Engine
from bot.timefmt import NS
from bot.types import Tick
from tests.fixtures.engine import TUESDAY, engine, reference, seconds

SOURCES = ("AMZN@yahoo", "AMZN@pyth", "AMZN@alpaca", "AMZNx@kraken")


def wild(seed: int, ticks: int) -> list[Tick]:
    """Sources that stop for days, come late or ahead of their time, stand still, and lie."""
    draw, ts, found = Random(seed), TUESDAY, []
    prices = dict.fromkeys(SOURCES, 220.0)
    for _ in range(ticks):
        ts += seconds(draw.uniform(0, 4 * 86_400) if draw.random() < 0.002 else draw.expovariate(0.5))
        name = draw.choice(SOURCES)
        if draw.random() < 0.5:
            prices[name] = 220.0 * (1 + draw.gauss(0, 0.02 if draw.random() < 0.05 else 0.0005))
        late = draw.gauss(0, 60) if draw.random() < 0.3 else 0.2
        found.append(replace(reference(ts, name, prices[name]), received=ts + seconds(max(-800.0, late))))
    return found


def hold(target: Engine) -> None:
    """What is always true of what an engine says of its sources."""
    weights = 0.0
    for one in target.qualities():
        assert 0.0 <= one.score <= 1.0
        for ratio in (one.missing_ratio, one.frozen_ratio, one.weight_ratio):
            assert ratio is None or 0.0 <= ratio <= 1.0 + 1e-9
        assert one.age_seconds >= 0.0
        weights += one.weight_ratio or 0.0
    assert weights == pytest.approx(1.0) or weights == 0.0


def run(seed: int, ticks: int) -> None:
    target, sizes = engine(), []
    for number, tick in enumerate(wild(seed, ticks)):
        target.step(tick)
        if number % 25 == 0:
            hold(target)
        if number in (ticks // 2, ticks - 1):
            sizes.append(sum(len(one.meter.rhythms) for _, one in target.market.references.values()))
    assert sizes[0] == sizes[1]


@pytest.mark.parametrize("seed", range(3))
def test_quality_is_a_ratio_and_weights_make_one(seed: int) -> None:
    run(seed, 2_000)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 110))
def test_quality_is_a_ratio_and_weights_make_one_over_weeks(seed: int) -> None:
    run(seed, 40_000)


@pytest.mark.parametrize("seed", range(3))
def test_a_restart_at_any_tick_changes_nothing_that_is_said(seed: int) -> None:
    ticks = wild(seed, 600)
    cut = Random(seed).randrange(50, 550)
    straight, first, second = engine(), engine(), engine()
    for tick in ticks:
        straight.step(tick)
    for tick in ticks[:cut]:
        first.step(tick)
    second.restore(first.snapshot())
    for tick in ticks[cut:]:
        second.step(tick)
    assert list(second.qualities()) == list(straight.qualities())
    assert straight.now >= ticks[-1].ts - 800 * NS
