"""``pegbot record`` and its writer, killed with no time to tidy up: what was flushed is there, in order."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot import segments, tape
from bot.types import Tick
from tests.fixtures.daemon import PEGBOT
from tests.fixtures.exchange_server import serving
from tests.fixtures.kraken_server import KrakenServer
from tests.fixtures.prometheus import until
from tests.integration.record_writer import tick

REGISTRY = Path(__file__).parents[2] / "config" / "registry" / "*.toml"


def read(path: Path) -> list[Tick]:
    """All of it, which has to be without fault."""

    def bad(error: Exception) -> None:
        raise error

    return list(tape.read(path, on_bad=bad))


def killed(path: Path, first: int, flushes: int, microseconds: int) -> int:
    """A writer that goes on from ``first`` and is killed a moment after so many flushes; what it had said."""
    command = [sys.executable, "-m", "tests.integration.record_writer", str(path), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        said = first
        for _ in range(flushes):
            said = int(writer.stdout.readline())
        os.sched_yield()
        for _ in range(microseconds):  # a moment that no clock makes too long
            pass
        writer.kill()
        rest = writer.stdout.read().split(b"\n")
        return int(rest[-2]) if len(rest) > 1 else said


def kill_again_and_again(path: Path, times: int, seed: int) -> None:
    rng = random.Random(seed)
    written = 0
    for _ in range(times):
        said = killed(path, written, rng.randint(1, 60), rng.randint(0, 20_000))
        found = read(path)
        assert len(found) >= said, "what was flushed is there"
        assert len(found) - said <= 50, "and nothing but the flush that was under way"
        assert found == [tick(number) for number in range(len(found))]
        written = len(found)


def test_a_recording_killed_again_and_again_has_every_tick_that_was_flushed(tmp_path: Path) -> None:
    kill_again_and_again(tmp_path / "week.parquet", 2, seed=1)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(3))
def test_killed_forty_times_at_random_moments(tmp_path: Path, seed: int) -> None:
    kill_again_and_again(tmp_path / "week.parquet", 40, seed)


@pytest.mark.timeout(120)
async def test_the_command_killed_loses_nothing_that_could_be_read_before_and_goes_on(tmp_path: Path) -> None:
    config, out = tmp_path / "pegbot.toml", tmp_path / "week.parquet"
    async with serving(KrakenServer()) as server:
        config.write_text(f"""
registry = ["{REGISTRY}"]
[[collectors.exchange]]
exchange = "kraken"
markets = {{ TSLAx = "TSLAx/USD" }}
rest_url = "{server.rest_url}"
websocket_url = "{server.websocket_url}"
quote_seconds = 0
""")
        told = 0

        async def changed() -> int:
            """A new best bid, so often until it has come through to the disk; ticks there."""
            nonlocal told
            before = await asyncio.to_thread(lambda: len(read(out)) if tape.exists(out) else 0)

            async def there() -> int:
                nonlocal told
                told += 1
                await server.change("TSLAx/USD", "bids", "399.99", f"{told}")
                found = await asyncio.to_thread(lambda: len(read(out)) if tape.exists(out) else 0)
                return found if found > before else 0

            return await until(there, "a tick on the disk", 60.0)

        for number in (signal.SIGKILL, signal.SIGINT):
            process = await asyncio.create_subprocess_exec(
                PEGBOT, "record", out, "--config", config, cwd=tmp_path,
                stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                seen = await changed()
                process.send_signal(number)
                _, said = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            found = await asyncio.to_thread(read, out)
            assert len(found) >= seen
        assert process.returncode == 0, said
        assert b"Traceback" not in said
        assert sorted(segments.of(out)) == [segments.nth(out, 1), segments.nth(out, 2)]
        assert {one.instrument for one in found} == {"TSLAx@kraken"}
