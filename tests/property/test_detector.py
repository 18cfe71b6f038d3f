"""The detector whatever the prices: units, names, time, restarts and liars do not change what it says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from math import exp

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.engine import Engine
from bot.timefmt import parse
from bot.types import Incident, Tick, to_builtins
from tests.fixtures.engine import TUESDAY, engine, feed, incidents, quote, reference, seconds, trade

A, B, C, D = (f"TSLAx@orca:{name}" for name in ("aaaa", "bbbb", "cccc", "dddd"))
VENUES = (A, B, C, D)
FRIDAY = parse("2026-06-12T19:00:00Z")
SATURDAY = parse("2026-06-13T15:00:00Z")
BOOK = '{{"bids":[[{0:.6f},50],[{1:.6f},500]],"asks":[[{2:.6f},50],[{3:.6f},500]]}}'
few = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow], deadline=None)
many = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
seeds = st.integers(0, 10**6)


def market(seed: int, start: int = TUESDAY, minutes: int = 60, fault: bool = True) -> list[Tick]:
    """A share quoted by two sources and its token by four venues; perhaps something goes wrong with one."""
    draw = random.Random(seed)
    share, ticks = 0.0, []
    noise = dict.fromkeys(VENUES, 0.0)
    when, lasts = draw.randrange(10, minutes - 5), draw.choice((1, 3, 12, 30))
    victims = draw.choice(((A,), (B,), (A, B, C, D), ()))
    size = draw.choice((-1, 1)) * draw.choice((0.02, 0.04, 0.08, 0.5))
    for minute in range(minutes):
        ts = start + minute * seconds(60)
        share += draw.gauss(0.0, 0.0006)
        for source in ("TSLA@yahoo", "TSLA@alpaca"):
            ticks.append(reference(ts, source, 400 * exp(share)))
        for name in VENUES:
            noise[name] = 0.7 * noise[name] + draw.gauss(0.0, 0.0008)
            off = size if fault and name in victims and when <= minute < when + lasts else 0.0
            price = 400 * exp(share + noise[name] + off)
            ticks.append(quote(ts + 1, name, price) if name != B else book(ts + 1, name, price))
            if draw.random() < 0.2:
                ticks.append(trade(ts + 2, name, price, usd=draw.uniform(1, 5000)))
    return ticks


def book(ts: int, name: str, price: float) -> Tick:
    """A quote with depth."""
    levels = (price * 0.9995, price * 0.99, price * 1.0005, price * 1.01)
    return Tick(ts, name, "quote", bid=levels[0], ask=levels[2], data=BOOK.format(*levels))


def times(tick: Tick, factor: float) -> Tick:
    """The same tick in other units of money per token."""
    scaled = {
        name: getattr(tick, name) * factor
        for name in ("bid", "ask", "price")
        if getattr(tick, name) is not None
    }
    if tick.data is not None:
        sides = msgspec.json.decode(tick.data)
        for side in sides.values():
            for level in side:
                level[0], level[1] = level[0] * factor, level[1] / factor
        scaled["data"] = msgspec.json.encode(sides).decode()
    return replace(tick, **scaled)


def said(one: Engine, ticks: list[Tick]) -> list[Incident]:
    return incidents(feed(one, *ticks))


def gist(found: list[Incident], rename: Callable[[str], str] = lambda name: name) -> list[object]:
    """What was told, without prices."""
    return [
        (
            i.phase,
            i.opened,
            i.last_seen,
            i.cause,
            i.severity,
            rename(i.instrument),
            [rename(v) for v in i.venues],
        )
        for i in found
    ]


def check_scale(seed: int, power: int) -> None:
    ticks = market(seed)
    plain, scaled = said(engine(), ticks), said(engine(), [times(tick, 2.0**power) for tick in ticks])
    assert gist(plain) == gist(scaled)
    for one, other in zip(plain, scaled, strict=True):
        assert other.basis == pytest.approx(one.basis, abs=1e-9)


@few
@given(seeds, st.sampled_from([-6, -1, 3, 10]))
def test_all_prices_times_anything_give_the_same_incidents(seed: int, power: int) -> None:
    check_scale(seed, power)


@pytest.mark.slow
@pytest.mark.timeout(900)
@many
@given(seeds, st.integers(-12, 12))
def test_all_prices_times_anything_give_the_same_incidents_at_length(seed: int, power: int) -> None:
    check_scale(seed, power)


def swapped(name: str) -> str:
    """Venue A as B, C as D, and so on; references too."""
    pairs = {A: C, C: A, "TSLA@yahoo": "TSLA@alpaca", "TSLA@alpaca": "TSLA@yahoo"}
    return pairs.get(name, name)


@few
@given(seeds)
def test_it_does_not_matter_which_source_has_which_name(seed: int) -> None:
    ticks = market(seed)
    other = [replace(tick, instrument=swapped(tick.instrument)) for tick in ticks]
    assert gist(said(engine(), ticks)) == gist(said(engine(), other), swapped)


@few
@given(seeds)
def test_it_does_not_matter_which_reference_is_heard_first(seed: int) -> None:
    ticks = market(seed)
    other = list(ticks)
    for n, tick in enumerate(ticks):
        if tick.instrument == "TSLA@yahoo":
            other[n], other[n + 1] = ticks[n + 1], ticks[n]
    assert gist(said(engine(), ticks)) == gist(said(engine(), other))


@few
@given(seeds, st.floats(0.0, 1.0))
def test_what_comes_later_never_changes_what_was_said(seed: int, part: float) -> None:
    ticks = market(seed)
    whole = [engine_said for one in [engine()] for tick in ticks for engine_said in [one.step(tick)]]
    cut = int(part * len(ticks))
    assert [one_said for one in [engine()] for tick in ticks[:cut] for one_said in [one.step(tick)]] == whole[
        :cut
    ]


@few
@given(seeds, st.floats(0.0, 1.0))
def test_a_restart_anywhere_changes_nothing_that_follows(seed: int, part: float) -> None:
    ticks = market(seed)
    cut = int(part * len(ticks))
    one = engine()
    feed(one, *ticks[:cut])
    again = engine()
    again.restore(one.snapshot())
    assert again.snapshot() == one.snapshot()
    first, second = feed(one, *ticks[cut:]), feed(again, *ticks[cut:])
    assert [to_builtins(message) for message in first] == [to_builtins(message) for message in second]
    assert again.snapshot() == one.snapshot()


def liars(seed: int, start: int) -> Iterator[Tick]:
    """An honest market in which one venue says whatever it likes."""
    draw = random.Random(-1 - seed)
    mood = 1.0
    for tick in market(seed, start=start, fault=False):
        if start == SATURDAY and tick.instrument.startswith("TSLA@"):
            continue
        if tick.instrument == D:
            if draw.random() < 0.1:
                mood = draw.choice((1.0, 1.02, 0.95, 1.3, 0.5, 4.0, draw.uniform(0.2, 5.0)))
            tick = times(tick, mood)
        yield tick


def check_liar(seed: int, start: int) -> None:
    one = engine()
    if start == SATURDAY:
        feed(one, *market(seed, start=FRIDAY, minutes=59, fault=False))
    found = said(one, list(liars(seed, start)))
    assert {name for incident in found for name in incident.venues} <= {D}


@few
@given(seeds, st.sampled_from([TUESDAY, SATURDAY]))
def test_a_liar_never_makes_an_incident_of_an_honest_venue(seed: int, start: int) -> None:
    check_liar(seed, start)


@pytest.mark.slow
@pytest.mark.timeout(900)
@many
@given(seeds, st.sampled_from([TUESDAY, SATURDAY]))
def test_a_liar_never_makes_an_incident_of_an_honest_venue_at_length(seed: int, start: int) -> None:
    check_liar(seed, start)


@few
@given(seeds)
def test_an_honest_market_is_quiet(seed: int) -> None:
    assert not said(engine(), market(seed, fault=False))
