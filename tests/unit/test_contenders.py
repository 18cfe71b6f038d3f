"""Who is judged beside us: what they see, when they alarm, and that tuning sees what judging sees."""

from __future__ import annotations

import random
from math import log
from statistics import fmean, pstdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.contenders.eyes import Eyes, Seen
from benchmarks.contenders.kinds import KINDS
from benchmarks.contenders.monitor import Kind, Life, Monitor, Setting
from benchmarks.contenders.rolling import FLOOR, MedianScore, ZScore
from benchmarks.contenders.thresholds import Pending, TimesOf
from benchmarks.contenders.tuning import Series, claims_of, scored, watch
from bot.timefmt import NS
from bot.types import Tick
from tests.fixtures.engine import TUESDAY, reference, shipped_registry, trade

MINUTE = 60 * NS


def see(*ticks: Tick) -> Seen | None:
    """What the last of these ticks shows."""
    eyes = Eyes(shipped_registry())
    return [eyes.look(tick) for tick in ticks][-1]


def basis(*ticks: Tick) -> list[float]:
    """The bases of the last of these ticks."""
    seen = see(*ticks)
    assert seen is not None
    return list(seen.bases)


def test_a_monitor_sees_the_last_print_against_the_last_reference_times_the_multiplier() -> None:
    multiplier = Tick(TUESDAY, "AMZNx@issuer", "multiplier", data='{"multiplier": 1.01}')
    print_ = trade(TUESDAY + MINUTE, "AMZNx@kraken", 224.22)
    assert basis(reference(TUESDAY, "AMZN@yahoo", 222.0), multiplier, print_) == [pytest.approx(0.0)]


def test_an_announced_multiplier_takes_over_at_its_time() -> None:
    data = f'{{"multiplier": 1.0, "new_multiplier": 2.0, "effective_ns": {TUESDAY + MINUTE}}}'
    before = [
        reference(TUESDAY, "AMZN@yahoo", 222.0),
        Tick(TUESDAY, "AMZNx@issuer", "multiplier", data=data),
        trade(TUESDAY, "AMZNx@kraken", 222.0),
    ]
    assert basis(*before) == [pytest.approx(0.0)]
    assert basis(*before, trade(TUESDAY + MINUTE, "AMZNx@kraken", 444.0)) == [pytest.approx(0.0)]


def test_a_reference_of_more_than_five_minutes_is_not_fresh() -> None:
    quoted = reference(TUESDAY, "AMZN@yahoo", 222.0)
    ages = {
        minutes: see(quoted, trade(TUESDAY + minutes * MINUTE, "AMZNx@kraken", 222.0)) for minutes in (5, 6)
    }
    assert {minutes: seen.fresh for minutes, seen in ages.items() if seen} == {5: True, 6: False}


def test_the_shares_own_quote_goes_before_an_oracles() -> None:
    own, oracle = reference(TUESDAY, "AMZN@yahoo", 222.0), reference(TUESDAY, "AMZN@pyth", 111.0)
    print_ = trade(TUESDAY, "AMZNx@kraken", 222.0)
    assert basis(own, oracle, print_) == [pytest.approx(0.0)]
    assert basis(oracle, print_) == [pytest.approx(log(2.0))]


def test_an_oracle_is_watched_while_the_shares_own_quote_is_fresh() -> None:
    own = reference(TUESDAY, "AMZN@yahoo", 222.0)
    assert basis(own, reference(TUESDAY + MINUTE, "AMZN@pyth", 444.0)) == [pytest.approx(log(2.0))]
    assert see(own, reference(TUESDAY + 6 * MINUTE, "AMZN@pyth", 444.0)) is None


def test_without_a_reference_the_other_venues_take_its_place() -> None:
    peers = [trade(TUESDAY, f"AMZNx@{venue}", price) for venue, price in (("kraken", 220.0), ("gate", 220.0))]
    assert basis(*peers, trade(TUESDAY, "AMZNx@bybit", 440.0)) == [pytest.approx(log(2.0))]


def test_of_a_bar_high_low_and_close_are_seen() -> None:
    bar = Tick(TUESDAY, "AMZNx@kraken", "bar", price=220.0, high=440.0, low=110.0)
    assert basis(reference(TUESDAY, "AMZN@yahoo", 220.0), bar) == pytest.approx([log(2.0), -log(2.0), 0.0])


def test_n_of_m_minutes_counts_minutes_not_prints() -> None:
    gate = TimesOf(0.01, 2, 3)
    assert not any(gate.alarm(second * NS, 0.02) for second in range(50))
    assert gate.alarm(MINUTE, 0.02)
    assert [gate.alarm(minute * MINUTE, 0.0) for minute in (2, 3)] == [True, False]


def test_a_large_move_waits_and_a_small_one_is_told_at_once() -> None:
    assert Pending(0.01, 0.05, 15).alarm(0, 0.02)
    gate = Pending(0.01, 0.05, 15)
    assert [gate.alarm(minute * MINUTE, 0.5) for minute in (0, 14, 15)] == [False, False, True]
    gate = Pending(0.01, 0.05, 15)
    assert [gate.alarm(m * MINUTE, x) for m, x in ((0, 0.5), (7, 0.0), (14, 0.5), (15, 0.5))] == [False] * 4


def test_an_incident_outlives_a_short_interruption_and_ends_when_the_price_came_back() -> None:
    life = Life(15)
    alarms = [(0, True), (10, False), (20, True), (30, False), (44, False), (45, False)]
    assert [life.step(minute * MINUTE, alarm) for minute, alarm in alarms] == [None] * 5 + [(0, 30 * MINUTE)]


@given(st.lists(st.floats(-0.5, 0.5).map(lambda x: round(x, 4)), min_size=40, max_size=90))
def test_rolling_scores_are_what_their_definitions_say(values: list[float]) -> None:
    z, mad = ZScore(50), MedianScore(50)
    for at, value in enumerate(values):
        past = values[max(0, at - 50) : at]
        got = z.score(0, value), mad.score(0, value)
        if len(past) < 30:
            assert got == (0.0, 0.0)
            continue
        middle = sorted(past)[len(past) // 2]
        spread = sorted(abs(x - middle) for x in past)[len(past) // 2]
        assert got[0] == pytest.approx(
            abs(value - fmean(past)) / max(pstdev(past), FLOOR), rel=1e-4, abs=1e-3
        )
        assert got[1] == pytest.approx(abs(value - middle) / max(1.4826 * spread, FLOOR))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not kind.needs], ids=lambda kind: kind.name)
def test_tuning_and_judging_find_the_same_incidents(kind: Kind) -> None:
    rng = random.Random(7)
    ticks, drift = [reference(TUESDAY, "AMZN@yahoo", 222.0)], 0.0
    for minute in range(3000):
        ts = TUESDAY + minute * MINUTE
        if minute % 9 == 0 and minute % 500 < 300:
            ticks.append(reference(ts, "AMZN@yahoo", 222.0))
        drift = 0.97 * drift + rng.gauss(0, 0.004) + (0.3 if rng.random() < 0.003 else 0)
        ticks.append(trade(ts + rng.randrange(60) * NS, "AMZNx@kraken", 222.0 * (1 + drift)))
    setting = Setting(kind.signals[0], kind.gates[len(kind.gates) // 4], 15.0, kind.fresh[-1])
    monitor = Monitor(kind, setting, shipped_registry())
    judged = monitor.judge(ticks) + monitor.finish()
    seen: dict[str, Series] = watch([ticks], [], shipped_registry(), every=1).series
    tuned = {name: scored(kind, setting.signal, setting.fresh_only, own) for name, own in seen.items()}
    assert judged
    assert list(claims_of(kind, setting, tuned)) == judged
