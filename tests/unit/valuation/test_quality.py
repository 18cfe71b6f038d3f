"""How good a source is, by its own ticks and its peers; what comes back is heard little at first."""

from __future__ import annotations

from math import log

import msgspec
import pytest

from bot.engine import Engine
from bot.timefmt import NS, parse
from bot.types import Quality, Tick
from bot.valuation.quality import GAP, KINDS, LEARNT, Meter, dump, load
from tests.fixtures.engine import TUESDAY, engine, feed, quote, reference, seconds

REGULAR = KINDS["regular"]
BEGUN = TUESDAY - seconds(5400)
FRIDAY = parse("2026-06-12T19:00:00Z")


def spoken(every: float = 1.0, times: int = 200, lag: float = 0.0, moving: bool = True) -> Meter:
    """One that has spoken so often, to 15:00 UTC on a Tuesday."""
    meter = Meter()
    for n in range(times, -1, -1):
        ts = TUESDAY - seconds(n * every)
        meter.see(ts, ts + seconds(lag), ts if moving else TUESDAY - seconds(times * every), REGULAR, BEGUN)
    return meter


def at(meter: Meter, after: float) -> float:
    return meter.score(TUESDAY + seconds(after), REGULAR, BEGUN)


def test_a_source_that_speaks_as_it_always_does_is_faultless() -> None:
    meter = spoken()
    assert at(meter, 0.0) == at(meter, 25.0) == 1.0
    assert meter.fault(TUESDAY, REGULAR, BEGUN) == ""


def test_a_silence_counts_from_where_it_is_longer_than_ten_usual_ones() -> None:
    slow = spoken(every=20.0)
    assert at(slow, 20.0 * GAP - 1) == 1.0
    assert at(slow, 20.0 * GAP + 60) == pytest.approx(0.82, abs=0.01)
    assert slow.fault(TUESDAY + seconds(400), REGULAR, BEGUN) == "missing"


def test_a_gap_is_forgotten_over_minutes_once_it_is_over() -> None:
    meter = spoken()
    back = TUESDAY + seconds(630)
    meter.see(back, back, back, REGULAR, BEGUN)
    scores = [meter.score(back, REGULAR, BEGUN)]
    for n in range(1, 901):
        ts = back + seconds(n)
        meter.see(ts, ts, ts, REGULAR, BEGUN)
        scores.append(meter.score(ts, REGULAR, BEGUN))
    assert scores[0] == pytest.approx(0.135, abs=0.01)
    assert scores[300] == pytest.approx(0.68, abs=0.01)
    assert scores[900] > 0.95
    assert scores == sorted(scores)


def test_before_its_rhythm_is_known_a_silence_says_nothing() -> None:
    meter = spoken(times=LEARNT - 2)
    assert at(meter, 3600.0) == 1.0


def test_what_was_not_there_at_this_time_of_day_before_is_not_missed() -> None:
    """A source that speaks in regular hours alone says nothing at night, and nothing is lost."""
    meter = spoken()
    evening, night = TUESDAY + seconds(5 * 3600), KINDS["post"]
    assert meter.score(evening + seconds(3600), night, evening) == 1.0
    morning = TUESDAY + seconds(22.5 * 3600)
    assert meter.score(morning + seconds(20), REGULAR, morning) == 1.0
    assert meter.score(morning + seconds(330), REGULAR, morning) == pytest.approx(0.37, abs=0.01)


def test_a_price_that_stands_still_for_longer_than_ever_is_frozen() -> None:
    meter = spoken()
    for n in range(1, 601):
        ts = TUESDAY + seconds(n)
        meter.see(ts, ts, TUESDAY, REGULAR, BEGUN)
    now = TUESDAY + seconds(600)
    assert meter.missing_at(now, REGULAR, BEGUN) == 0.0
    assert meter.score(now, REGULAR, BEGUN) == pytest.approx(0.15, abs=0.01)
    assert meter.fault(now, REGULAR, BEGUN) == "frozen"


def test_one_that_never_moved_is_not_called_frozen() -> None:
    assert at(spoken(moving=False), 0.0) == 1.0


@pytest.mark.parametrize(("lag", "score", "fault"), [
    (0.2, 1.0, ""), (30.0, 0.5, "late"), (-5.0, 0.5, "ahead"), (-60.0, 0.007, "ahead"),
])  # fmt: skip
def test_lag_and_skew_are_told_apart(lag: float, score: float, fault: str) -> None:
    meter = spoken(lag=lag)
    assert at(meter, 0.0) == pytest.approx(score, abs=0.001)
    assert meter.fault(TUESDAY, REGULAR, BEGUN) == fault


def test_a_disagreement_is_believed_sooner_than_it_is_forgotten() -> None:
    meter = Meter()
    meter.compare(0.02, TUESDAY)
    assert meter.apart == 0.0
    for n in range(1, 61):
        meter.compare(0.02, TUESDAY + seconds(n))
    assert meter.apart == pytest.approx(0.0173, abs=0.0001)
    for n in range(61, 121):
        meter.compare(0.0, TUESDAY + seconds(n))
    assert meter.apart == pytest.approx(0.0142, abs=0.0001)


def test_its_memory_survives_exactly() -> None:
    meter = spoken(lag=0.4)
    meter.compare(0.001, TUESDAY)
    meter.compare(0.002, TUESDAY + NS)
    again = load(msgspec.json.decode(msgspec.json.encode(dump(meter))))
    assert dump(again) == dump(meter)
    assert load(None) is None


# -- in the engine ------------------------------------------------------------------------------------


def by_name(one: Engine) -> dict[str, Quality]:
    return {quality.instrument: quality for quality in one.qualities()}


def session(one: Engine, sources: dict[str, float], count: int, start: int = TUESDAY) -> None:
    """Each source quotes AMZN every second, so many seconds late, at a price that moves."""
    for n in range(count):
        for name, late in sources.items():
            ts = start + seconds(n)
            tick = reference(ts, name, 220.0 * (1 + 0.0001 * (n % 7)))
            feed(one, msgspec.structs.replace(tick, received=ts + seconds(late)))


def test_references_and_instruments_have_a_quality_each() -> None:
    one = engine()
    session(one, {"AMZN@yahoo": 0.1, "AMZN@pyth": 40.0}, 60)
    feed(one, quote(one.now, "AMZNx@kraken", 220.0))
    found = by_name(one)
    assert list(found) == ["AMZN@yahoo", "AMZN@pyth", "AMZNx@kraken"]
    assert found["AMZN@yahoo"].score > 0.99
    assert found["AMZN@yahoo"].every_seconds == pytest.approx(1.0)
    assert found["AMZN@pyth"].fault == "late"
    assert found["AMZN@pyth"].lag_seconds == pytest.approx(40.0)
    assert found["AMZNx@kraken"].underlying == "AMZN"


def test_of_three_the_one_that_is_alone_is_apart() -> None:
    one = engine()
    for n in range(120):
        for name, price in (("AMZN@yahoo", 220.0), ("AMZN@pyth", 220.1), ("AMZN@alpaca", 224.0)):
            feed(one, reference(TUESDAY + seconds(n), name, price + 0.01 * (n % 5)))
    found = by_name(one)
    assert found["AMZN@alpaca"].fault == "apart"
    assert found["AMZN@alpaca"].apart_ratio == pytest.approx(log(224 / 220.1), abs=0.001)
    assert found["AMZN@yahoo"].score > 0.98
    assert found["AMZN@pyth"].score > 0.98


def test_of_two_that_differ_neither_is_blamed_by_them_alone() -> None:
    one = engine()
    for n in range(60):
        feed(one, reference(TUESDAY + seconds(n), "AMZN@yahoo", 220.0 + 0.01 * (n % 5)),
             reference(TUESDAY + seconds(n), "AMZN@pyth", 224.0 + 0.01 * (n % 5)))  # fmt: skip
    assert [one.apart_ratio for one in one.qualities()] == [None, None]


def test_what_is_halted_is_worth_nothing_and_says_so() -> None:
    one = engine()
    session(one, {"AMZN@yahoo": 0.0}, 30)
    feed(one, Tick(one.now, "AMZN@yahoo", "status", data='{"state": "down", "reason": "gone"}'))
    (quality,) = one.qualities()
    assert (quality.score, quality.fault) == (0.0, "halted")


def test_a_pool_that_nobody_trades_in_is_not_blamed_for_its_silence() -> None:
    one = engine()
    for n in range(40):
        feed(one, quote(TUESDAY + seconds(n), "AMZNx@raydium:6m5aXAve", 220.0 + 0.01 * (n % 5)))
    feed(one, reference(TUESDAY + seconds(3600), "AMZN@yahoo", 220.0))
    found = by_name(one)["AMZNx@raydium:6m5aXAve"]
    assert found.score == 1.0
    assert found.missing_ratio is None


def test_a_stamp_ahead_of_the_clock_here_counts_as_of_when_it_was_heard() -> None:
    """Else one clock that is fast would make all that is stamped right come too late."""
    one = engine()
    ahead = reference(TUESDAY + seconds(300), "AMZN@pyth", 230.0)
    feed(one, msgspec.structs.replace(ahead, received=TUESDAY))
    assert one.now == TUESDAY
    assert one.market.references["AMZN@pyth"][1].ts == TUESDAY
    assert by_name(one)["AMZN@pyth"].skew_seconds == pytest.approx(300.0)


def test_the_same_ticks_give_the_same_quality_through_a_restart() -> None:
    straight, first, second = engine(), engine(), engine()
    session(straight, {"AMZN@yahoo": 0.3, "AMZN@pyth": 2.0}, 200)
    session(first, {"AMZN@yahoo": 0.3, "AMZN@pyth": 2.0}, 90)
    second.restore(first.snapshot())
    session(second, {"AMZN@yahoo": 0.3, "AMZN@pyth": 2.0}, 200)  # what was heard already is refused
    assert list(second.qualities()) == list(straight.qualities())


def test_a_share_that_closes_takes_no_quality_from_its_references() -> None:
    one = engine()
    session(one, {"AMZN@yahoo": 0.1}, 600, FRIDAY + seconds(3000))
    feed(one, quote(FRIDAY + seconds(40 * 3600), "AMZNx@kraken", 220.0))
    found = by_name(one)["AMZN@yahoo"]
    assert found.score > 0.99
    assert found.age_seconds == pytest.approx(39 * 3600, abs=5)
