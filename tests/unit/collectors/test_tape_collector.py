"""Ticks from a file: in order, at the pace asked for, round after round with the clock moved on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot import tape
from bot.collectors.tape import SLICE, TapeCollector
from bot.config import TapeSource
from bot.errors import SourceError
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Quarantined, Tick
from tests.fixtures.manual_time import ManualTime

WEEK = 7 * 86_400 * NS
MONDAY = at("2026-06-01T14:00:00Z")
"""10:00 in New York."""


def tick(ts: int, **more: Any) -> Tick:
    return Tick(ts, "TSLAx@kraken", "quote", **{"price": 300.0, "received": ts + 5, **more})


def hours(*numbers: float) -> list[Tick]:
    return [tick(MONDAY + round(number * 3600 * NS)) for number in numbers]


class Deck:
    """A tape in memory, and a clock to pace it with."""

    def __init__(self, ticks: list[Tick], *, loop: bool = False, speed: float = 0.0, **more: Any) -> None:
        self.rows = ticks
        self.time = ManualTime()
        self.opened = self.closed = 0
        source = TapeSource(path="t.csv", loop=loop, speed=speed)
        self.collector = TapeCollector(
            source, Path(), monotonic=self.time.monotonic, sleep=self.time.sleep, read=self._read, **more
        )

    def _read(self, path: Path, *, on_bad: object) -> Iterator[Tick]:
        self.opened += 1
        try:
            yield from self.rows
        finally:
            self.closed += 1

    async def take(self, number: int) -> list[Tick]:
        """The first so many ticks."""
        found: list[Tick] = []
        async with aclosing(self.collector.ticks()) as ticks:
            async for one in ticks:
                found.append(one)
                if len(found) == number:
                    break
        return found


async def until_asleep(deck: Deck) -> None:
    """Until the collector waits for its clock; it reads in a thread, so the loop's turns do not tell."""
    async with asyncio.timeout(20):
        while True:
            if any(not future.done() for _, _, future in deck.time._sleepers):
                return
            await asyncio.sleep(0.001)


async def all_of(ticks: AsyncIterator[Tick]) -> list[Tick]:
    return [one async for one in ticks]


async def test_all_ticks_of_a_file_come_once_in_its_order(tmp_path: Path) -> None:
    written = [tick(MONDAY + n) for n in range(2 * SLICE + 3)]
    tape.write(tmp_path / "t.jsonl", written)
    collector = TapeCollector(TapeSource(path="t.jsonl"), tmp_path)
    assert await all_of(collector.ticks()) == written
    assert collector.rounds == 1


async def test_bad_rows_are_set_aside_with_their_line_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    tape.write(path, hours(0, 1))
    path.write_text(path.read_text() + "yesterday,,TSLAx@kraken,quote,,,1.0,,,,\n")
    bad: list[Quarantined] = []
    collector = TapeCollector(TapeSource(path="t.csv"), tmp_path, on_bad=bad.append)
    assert await all_of(collector.ticks()) == hours(0, 1)
    assert [(one.instrument, one.reason) for one in bad] == [("tape", "bad_ts")]
    assert "t.csv:4" in bad[0].detail


@pytest.mark.parametrize("loop", [False, True])
async def test_a_tape_without_a_usable_tick_is_a_fault(loop: bool) -> None:
    with pytest.raises(SourceError, match="no usable tick"):
        await Deck([], loop=loop).take(1)


async def test_a_disk_that_fails_is_a_fault_of_the_source() -> None:
    def broken(path: Path, *, on_bad: object) -> Iterator[Tick]:
        yield tick(MONDAY)
        raise OSError(5, "Input/output error")

    collector = TapeCollector(TapeSource(path="t.csv"), Path(), read=broken)
    with pytest.raises(SourceError, match="Input/output error"):
        await all_of(collector.ticks())


# -- pace ----------------------------------------------------------------------------------------------


async def test_at_a_speed_the_tape_takes_its_time_divided_by_it() -> None:
    deck = Deck(hours(0, 1, 3), speed=3600)
    taking = asyncio.create_task(deck.take(3))
    await until_asleep(deck)
    assert deck.time.slept == [1.0]
    await deck.time.advance(1)
    await until_asleep(deck)
    assert deck.time.slept == [1.0, 2.0]
    await deck.time.advance(2)
    assert await taking == hours(0, 1, 3)


async def test_ticks_that_are_late_go_out_at_once_and_the_schedule_does_not_drift() -> None:
    deck = Deck(hours(0, 1, 2, 5), speed=3600)
    got: list[Tick] = []

    async def take() -> None:
        async for one in deck.collector.ticks():
            got.append(one)
            if len(got) == 1:
                deck.time.seconds += 3.5  # the consumer was held up

    taking = asyncio.create_task(take())
    await until_asleep(deck)
    assert got == hours(0, 1, 2)
    assert deck.time.slept == [1.5]
    await deck.time.advance(1.5)
    await asyncio.wait_for(taking, 20)


async def test_without_a_speed_it_never_waits_but_lets_others_run() -> None:
    deck = Deck([tick(MONDAY + n) for n in range(10 * SLICE)])
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await deck.take(10 * SLICE)
    beside.cancel()
    assert deck.time.slept == []
    assert turns >= 10


async def test_closing_it_while_it_waits_ends_the_wait_and_closes_the_file() -> None:
    deck = Deck(hours(0, 1), speed=1)
    taking = asyncio.create_task(deck.take(2))
    await until_asleep(deck)
    taking.cancel()
    await asyncio.wait({taking}, timeout=20)
    assert taking.cancelled()
    assert deck.closed == deck.opened == 1


# -- rounds --------------------------------------------------------------------------------------------


async def test_a_loop_goes_on_a_week_later_with_every_time_moved_alike() -> None:
    data = json.dumps({"multiplier": 1.0, "effective_ns": MONDAY + 9})
    rows = [tick(MONDAY), Tick(MONDAY + NS, "TSLAx@ink", "multiplier", data=data)]
    deck = Deck(rows, loop=True)
    got = await deck.take(6)
    for number in range(3):
        quote, multiplier = got[2 * number : 2 * number + 2]
        assert (quote.ts, quote.received) == (MONDAY + number * WEEK, MONDAY + number * WEEK + 5)
        assert (multiplier.ts, multiplier.received) == (MONDAY + NS + number * WEEK, 0)
        assert json.loads(multiplier.data or "") == {
            "multiplier": 1.0, "effective_ns": MONDAY + 9 + number * WEEK,
        }  # fmt: skip
        assert quote.price == 300.0


async def test_a_tape_longer_than_a_week_is_moved_by_as_many_weeks_as_it_needs() -> None:
    deck = Deck([tick(MONDAY), tick(MONDAY + 2 * WEEK + 1)], loop=True)
    assert [one.ts - MONDAY for one in await deck.take(4)] == [0, 2 * WEEK + 1, 3 * WEEK, 5 * WEEK + 1]


async def test_each_round_begins_at_the_same_hour_in_new_york_whatever_the_season() -> None:
    deck = Deck(hours(0), loop=True)
    begins = [
        datetime.fromtimestamp(one.ts / NS, ZoneInfo("America/New_York")) for one in await deck.take(60)
    ]
    assert {(one.weekday(), one.hour, one.minute) for one in begins} == {(0, 10, 0)}
    assert len({one.utcoffset() for one in begins}) == 2


async def test_the_empty_time_between_two_rounds_is_not_waited_for() -> None:
    deck = Deck(hours(0, 1), loop=True, speed=3600)
    taking = asyncio.create_task(deck.take(4))
    for _ in range(2):
        await until_asleep(deck)
        await deck.time.advance(1)
    await asyncio.wait_for(taking, 20)
    assert deck.time.slept == [1.0, 1.0]


# -- going on ------------------------------------------------------------------------------------------


async def test_ticks_before_the_start_are_passed_over() -> None:
    deck = Deck(hours(0, 1, 2, 3), start=MONDAY + 2 * 3600 * NS)
    assert await all_of(deck.collector.ticks()) == hours(2, 3)


async def test_a_tape_that_was_seen_to_its_end_says_so() -> None:
    deck = Deck(hours(0, 1), start=MONDAY + WEEK)
    assert await all_of(deck.collector.ticks()) == []
    assert deck.collector.detail == "all 2 ticks are earlier than what was already seen"


@pytest.mark.parametrize("seen", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("rounds", [0, 1, 7])
async def test_a_loop_goes_on_in_the_round_and_at_the_place_where_it_stood(rounds: int, seen: float) -> None:
    start = MONDAY + rounds * WEEK + round(seen * 3600 * NS)
    straight = [one for one in await Deck(hours(0, 1), loop=True).take(30) if one.ts >= start]
    resumed = await Deck(hours(0, 1), loop=True, start=start).take(5)
    assert resumed == straight[:5]


async def test_after_a_long_stop_a_loop_goes_on_later_never_earlier() -> None:
    start = MONDAY + 20 * WEEK + WEEK // 2
    got = await Deck(hours(0, 1), loop=True, start=start).take(2)
    assert [one.ts for one in got] == [MONDAY + 21 * WEEK, MONDAY + 21 * WEEK + 3600 * NS]


async def test_called_again_it_goes_on_where_it_stood() -> None:
    deck = Deck(hours(0, 1, 2, 3))
    assert await deck.take(2) == hours(0, 1)
    assert [one.ts for one in await all_of(deck.collector.ticks())] == [one.ts for one in hours(1, 2, 3)]
    assert deck.closed == deck.opened == 2
