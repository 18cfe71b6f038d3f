"""One source kept running: back-off, health, and what the engine is told when it is lost."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.collectors.queue import TickQueue
from bot.collectors.supervisor import STATUS_SECONDS, Supervisor
from bot.config import parse
from bot.errors import ConfigError, SourceError, SourceRefused, SourceSilent
from bot.types import FeedStatus, Tick
from tests.fixtures.manual_time import ManualTime, settle
from tests.unit.collectors.fakes import FOREVER, Bench, tick


@pytest.fixture(autouse=True)
def quiet() -> object:
    with capture_logs() as logs:
        yield logs


async def test_it_is_starting_until_the_first_tick_then_up_with_the_ticks_in_the_queue() -> None:
    async with Bench([2.0, tick(5, lag=250_000_000), FOREVER]) as bench:
        assert bench.supervisor.status.state == "starting"
        assert bench.supervisor.status.lag_seconds is None
        await bench.time.advance(2)
        status = bench.said[-1]
        assert (status.state, status.ticks, status.restarts) == ("up", 0, 0)
        assert bench.supervisor.status.ticks == 1
        assert bench.supervisor.status.lag_seconds == 0.25
        assert status.since == bench.time.clock()
        assert [one.ts for one in await bench.queued()] == [5]


async def test_a_failed_source_is_called_again_with_growing_delays_up_to_the_longest() -> None:
    async with Bench([SourceError("away")]) as bench:
        await bench.time.advance(600)
        delays = [delay for delay in bench.time.slept if delay != STATUS_SECONDS]
        assert delays[:9] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
        assert bench.supervisor.restarts == bench.source.called - 1
        assert bench.source.closed == bench.source.called
        assert bench.states == ["starting", "down"]
        assert bench.said[-1].detail == "away"


async def test_a_source_that_fails_at_once_is_not_a_busy_loop() -> None:
    async with Bench([tick(1), SourceError("flapping")]) as bench:
        await bench.time.advance(3600)
        assert bench.source.called < 70, "one tick does not make it healthy: the back-off goes on growing"


async def test_after_a_healthy_period_the_back_off_begins_again() -> None:
    failing = [SourceError("away")]
    async with Bench(failing, failing, failing, [tick(1), 31.0, SourceError("again")]) as bench:
        await bench.time.advance(0.5 + 1 + 2)
        assert bench.supervisor.state == "up"
        await bench.time.advance(31)
        assert bench.supervisor.state == "down"
        assert bench.time.slept[-1] == 0.5


async def test_a_refusal_is_retried_much_later() -> None:
    async with Bench([SourceRefused("bad key")]) as bench:
        await bench.time.advance(59)
        assert bench.source.called == 1
        await bench.time.advance(1)
        assert bench.source.called == 2
        await bench.time.advance(119)
        assert bench.source.called == 2


async def test_silence_is_a_state_of_its_own() -> None:
    async with Bench([tick(1), SourceSilent("nothing for 60 s")], [tick(2), FOREVER]) as bench:
        await bench.time.advance(1)
        assert bench.states == ["starting", "up", "silent", "up"]
        assert [one.ts for one in await bench.queued()] == [1, 2]
        assert bench.supervisor.status.restarts == 1


async def test_a_source_that_ends_stays_stopped() -> None:
    async with Bench([tick(1)]) as bench:
        assert bench.task is not None
        await asyncio.wait_for(bench.task, 5)
        assert bench.said[-1].state == "stopped"
        assert bench.source.called == 1


async def test_a_wrong_configuration_is_not_tried_again() -> None:
    async with Bench([ConfigError("collectors.evm: no such pool")]) as bench:
        assert bench.task is not None
        await asyncio.wait_for(bench.task, 5)
        assert (bench.said[-1].state, bench.said[-1].detail) == ("stopped", "collectors.evm: no such pool")


async def test_a_bug_in_a_source_is_logged_with_its_trace_and_the_source_goes_on(quiet: list[dict]) -> None:
    async with Bench([KeyError("price")], [tick(1), FOREVER]) as bench:
        await bench.time.advance(1)
        assert bench.supervisor.state == "up"
        logged = [one for one in quiet if one["event"] == "source failed"]
        assert logged[0]["log_level"] == "error"
        assert isinstance(logged[0]["exc_info"], KeyError)
        assert "KeyError" in next(one.detail for one in bench.said if one.state == "down")


async def test_a_key_in_the_address_of_a_failed_source_is_not_shown() -> None:
    async with Bench([SourceError("cannot reach wss://node.example/v3/0123456789abcdef")]) as bench:
        assert "0123456789abcdef" not in str(bench.said)
        assert "node.example" in bench.said[-1].detail


async def test_the_engine_is_told_only_of_a_loss_that_lasts() -> None:
    names = ["TSLA@yahoo", "SPY@yahoo"]
    away = [SourceError("away")]
    async with Bench([tick(1), SourceError("drop")], [tick(2), SourceError("drop")], away, away, away, away,
                     [tick(3), FOREVER], instruments=names) as bench:  # fmt: skip
        await bench.time.advance(0.5)
        told = [one for one in await bench.queued() if one.kind == "status"]
        assert [json.loads(one.data or "")["state"] for one in told] == ["up", "up"], "only at the start"
        await bench.time.advance(14)
        assert [one.kind for one in await bench.queued()] == []
        await bench.time.advance(1)
        down = await bench.queued()
        assert [(one.instrument, one.kind) for one in down] == [(name, "status") for name in names]
        assert json.loads(down[0].data or "") == {"state": "down", "reason": "away"}
        assert down[0].ts == down[0].received == bench.time.clock()
        await bench.time.advance(30)
        back = await bench.queued()
        assert [(one.kind, one.instrument) for one in back] == [
            ("status", "TSLA@yahoo"), ("status", "SPY@yahoo"), ("quote", "TSLA@yahoo"),
        ]  # fmt: skip
        assert json.loads(back[0].data or "")["state"] == "up"


async def test_a_source_that_never_comes_up_is_a_loss_too() -> None:
    async with Bench([FOREVER], instruments=["TSLA@yahoo"]) as bench:
        await bench.time.advance(16)
        told = await bench.queued()
        assert json.loads(told[0].data or "") == {"state": "down", "reason": "no prices from yahoo yet"}


async def test_its_health_is_said_at_intervals_with_how_it_works_at_the_moment() -> None:
    async with Bench([tick(1), FOREVER]) as bench:
        bench.source.__dict__["detail"] = "polling; socket dropped"
        before = len(bench.said)
        await bench.time.advance(3 * STATUS_SECONDS)
        assert [one.detail for one in bench.said[before:]] == ["polling; socket dropped"] * 3


async def test_being_cancelled_closes_the_source_and_leaves_no_task() -> None:
    tasks = asyncio.all_tasks()
    async with Bench([tick(1), FOREVER], instruments=["TSLA@yahoo"]) as bench:
        pass
    assert bench.source.closed == 1
    assert asyncio.all_tasks() == tasks


async def test_a_tape_waits_for_the_engine_instead_of_losing_ticks() -> None:
    ticks = [tick(n) for n in range(100)]
    async with Bench([*ticks, FOREVER], size=10, lossless=True) as bench:
        got: list[Tick] = []
        while len(got) < 100:
            await settle()
            assert bench.queue.depth <= 10
            got += await bench.queued()
        assert [one.ts for one in got] == list(range(100))


async def test_one_broken_source_does_not_slow_another() -> None:
    time = ManualTime()
    queue = TickQueue(10)
    said: list[FeedStatus] = []
    benches = [Bench([SourceError("away")]), Bench([tick(1), 1.0, tick(2), FOREVER])]
    running = []
    for bench in benches:
        bench.source._sleep = time.sleep
        running.append(asyncio.create_task(Supervisor(
            bench.source, queue, on_status=said.append, clock=time.clock, monotonic=time.monotonic,
            sleep=time.sleep,
        ).run()))  # fmt: skip
    await time.advance(1)
    assert [one.ts for _, one in await queue.get_batch(10)] == [1, 2]
    for task in running:
        task.cancel()
    await asyncio.wait(running)


async def test_a_source_that_never_waits_leaves_the_others_their_turn() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    ticking = asyncio.create_task(other())
    async with Bench([tick(n) for n in range(20_000)]) as bench:
        assert bench.task is not None
        await asyncio.wait_for(bench.task, 20)
    ticking.cancel()
    assert turns >= 19


def test_the_daemon_makes_one_from_its_configuration() -> None:
    class Owner:
        config = parse({"collectors": {"backoff_max_seconds": 7.0}}, source="test", base=Path())
        queue = TickQueue(10)
        clock = staticmethod(lambda: 5)

        def feed_status(self, status: FeedStatus) -> None: ...

    supervisor = Supervisor.of(Owner(), Bench([FOREVER]).source)
    assert supervisor.status == FeedStatus("yahoo", "starting", 5, None, 0, 0)
    assert supervisor._backoff.maximum == 7.0
