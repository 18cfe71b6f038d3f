"""Several references of one share: when one fails the next best speaks, and it comes back without flapping.

Through the engine: a share whose price moves every second, its references right, or each wrong in its way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, log, sin

import pytest

from bot.engine import Engine
from bot.types import Quality, Tick
from tests.fixtures.engine import TUESDAY, engine, seconds

YAHOO, PYTH, ALPACA = "AMZN@yahoo", "AMZN@pyth", "AMZN@alpaca"

Source = Callable[[int], Tick | None]
"""What a source says in a second, if anything."""


def truth(second: float) -> float:
    """The share's price: it wanders by half a percent within minutes, and never stands still."""
    return 220.0 * exp(0.003 * sin(second / 90) + 0.002 * sin(second / 37) + 0.00002 * second)


def quote(
    name: str, second: int, price: float, late: float = 0.0, ahead: float = 0.0, spread: float = 2e-4
) -> Tick:
    """Valid so many seconds before it is heard, or stamped so far ahead."""
    heard = TUESDAY + seconds(second)
    stamped = heard - seconds(late) + seconds(ahead)
    bid, ask = price * (1 - spread / 2), price * (1 + spread / 2)
    return Tick(stamped, name, "quote", bid=bid, ask=ask, received=heard)


def right(name: str, spread: float = 2e-4) -> Source:
    return lambda second: quote(name, second, truth(second), spread=spread)


def run(
    target: Engine, sources: list[Source], start: int, end: int
) -> Iterator[tuple[int, dict[str, Quality]]]:
    """Second by second: what the engine then says of each source."""
    for second in range(start, end):
        for source in sources:
            tick = source(second)
            if tick is not None:
                target.step(tick)
        yield second, {one.instrument: one for one in target.qualities()}


def ended(target: Engine, sources: list[Source], start: int, end: int) -> dict[str, Quality]:
    """The same, at the end."""
    for second in range(start, end):
        for source in sources:
            tick = source(second)
            if tick is not None:
                target.step(tick)
    return {one.instrument: one for one in target.qualities()}


def off(target: Engine, second: int) -> float:
    """How far fair value is from the truth, as a log."""
    anchor: float = target.market.underlyings["AMZN"].fair.anchor
    return abs(anchor - log(truth(second)))


class Lead:
    """Whether a source leads: more than 0.6 of the weight is its, and it does until less than 0.4 is."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.leads = False
        self.changes: list[int] = []

    def see(self, second: int, told: dict[str, Quality]) -> None:
        one = told.get(self.name)
        weight = (one.weight_ratio if one is not None else None) or 0.0
        if weight < 0.4 if self.leads else weight > 0.6:
            self.leads = not self.leads
            self.changes.append(second)


def test_one_frozen_one_skewed_one_late_and_the_price_is_right_all_the_same() -> None:
    target = engine()
    ended(target, [right(YAHOO), right(PYTH), right(ALPACA)], 0, 300)

    def frozen(second: int) -> Tick:
        return quote(YAHOO, second, truth(300))

    def skewed(second: int) -> Tick:
        return quote(PYTH, second, truth(second), ahead=300.0)

    def late(second: int) -> Tick:
        return quote(ALPACA, second, truth(second - 45), late=45.0)

    sources: list[Source] = [frozen, skewed, late]
    worst = 0.0
    for second, _ in run(target, sources, 300, 900):
        worst = max(worst, off(target, second))
    told = {one.instrument: one for one in target.qualities()}
    assert {name: one.fault for name, one in told.items()} == {YAHOO: "frozen", PYTH: "ahead", ALPACA: "late"}
    assert (told[YAHOO].weight_ratio or 0.0) < 0.03
    assert told[ALPACA].lag_seconds == pytest.approx(45.0, abs=0.1)
    assert told[PYTH].skew_seconds == pytest.approx(300.0, abs=0.1)
    assert worst < 0.005  # what the share itself moves in the seconds that one of them is late by
    assert target.now == TUESDAY + seconds(899)


def test_a_skewed_clock_does_not_make_the_others_late() -> None:
    """One stamped five minutes ahead, and wrong: believed, it would have silenced the two that are right."""
    target = engine()

    def ahead(second: int) -> Tick:
        return quote(PYTH, second, truth(second) * 1.02, ahead=300.0)

    told = ended(target, [right(YAHOO), right(ALPACA), ahead], 0, 300)
    assert off(target, 299) < 0.001
    assert (told[PYTH].weight_ratio or 0.0) < 0.01


def test_a_primary_that_goes_is_replaced_by_the_next_best_and_returns_once() -> None:
    target = engine()
    primary, second_best, third = right(YAHOO), right(PYTH, 1e-3), right(ALPACA, 3e-3)

    def away(second: int) -> Tick | None:
        return None if 600 <= second < 1200 else primary(second)

    lead = Lead(YAHOO)
    for second, told in run(target, [away, second_best, third], 0, 2400):
        lead.see(second, told)
        if second > 60:
            assert off(target, second) < 0.001, second
        if second == 800:
            assert told[YAHOO].weight_ratio == 0.0
            assert told[YAHOO].fault == "missing"
        if second == 1201:
            assert 0.0 < (told[YAHOO].weight_ratio or 0.0) < 0.9
    first, gone, back = lead.changes
    assert first < 60
    assert (
        600 <= gone <= 721
    )  # a price that stands counts for less with every second, after two minutes for nothing
    assert 1200 < back < 1800


def test_a_primary_that_comes_and_goes_does_not_make_the_lead_flap() -> None:
    target = engine()
    primary = right(YAHOO)

    def flapping(second: int) -> Tick | None:
        """From the tenth minute on it is away for fifty seconds of each minute."""
        return primary(second) if second < 600 or second % 60 < 10 else None

    lead = Lead(YAHOO)
    for second, told in run(target, [flapping, right(PYTH, 3e-4)], 0, 2400):
        lead.see(second, told)
        if second > 60:
            assert off(target, second) < 0.002, second
    assert len(lead.changes) <= 2
    assert not lead.leads


def test_one_that_lies_loses_its_weight_in_a_minute_and_gets_it_back_over_minutes() -> None:
    target = engine()

    def lying(second: int) -> Tick:
        return quote(ALPACA, second, truth(second) * (1.01 if 300 <= second < 600 else 1.0))

    weights: dict[int, float] = {}
    for second, told in run(target, [right(YAHOO), right(PYTH), lying], 0, 1500):
        weights[second] = told[ALPACA].weight_ratio or 0.0
        if second > 60:
            assert off(target, second) < 0.001, second
    assert weights[299] == pytest.approx(1 / 3, abs=0.02)
    assert weights[360] < 0.15
    assert weights[599] < 0.12
    assert weights[620] < 0.2
    assert weights[1499] == pytest.approx(1 / 3, abs=0.03)
    back = [weights[second] for second in range(760, 1500, 20)]
    assert back == sorted(back)


def test_what_is_all_there_is_is_heard_however_poor_it_is() -> None:
    target = engine()
    ended(target, [right(YAHOO), right(PYTH)], 0, 300)

    def late(second: int) -> Tick:
        return quote(PYTH, second, truth(second - 60), late=60.0)

    told = ended(target, [late], 300, 900)
    assert told[PYTH].weight_ratio == 1.0
    assert off(target, 899) < 0.006


def test_replay_says_of_every_source_what_was_said_live() -> None:
    """The same ticks, with a restart among them and without."""
    sources = [
        right(YAHOO),
        right(PYTH, 1e-3),
        lambda second: quote(ALPACA, second, truth(second - 5), late=5.0),
    ]
    straight, first, second = engine(), engine(), engine()
    ended(straight, sources, 0, 240)
    ended(first, sources, 0, 100)
    second.restore(first.snapshot())
    ended(second, sources, 100, 240)
    assert list(second.qualities()) == list(straight.qualities())
