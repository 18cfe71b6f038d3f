"""What a running daemon recorded, replayed: the incidents that were seen live, byte for byte.

Kraken's and Pyth's wire formats on loopback, each behind a proxy that breaks its line; a depeg, a lost
exchange, a lost oracle; the daemon and the replay are processes of their own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.daemon import PEGBOT, Daemon, running_daemon
from tests.fixtures.exchange_server import serving
from tests.fixtures.fault_proxy import FaultProxy
from tests.fixtures.fault_rig import shipped
from tests.fixtures.kraken_server import KrakenServer, Pair
from tests.fixtures.prometheus import until
from tests.fixtures.pyth_server import Hermes

pytestmark = pytest.mark.timeout(180)

FEED = shipped().feeds["TSLA@pyth"].id
REGISTRY = Path(__file__).resolve().parents[2] / "config" / "registry" / "*.toml"
PRICE = 300.0


class Place:
    """Both servers, whose prices move a little, and what is in front of them."""

    def __init__(self, kraken: KrakenServer, hermes: Hermes, lines: dict[str, FaultProxy]) -> None:
        self.kraken, self.hermes, self.lines = kraken, hermes, lines
        self.factor = 1.0

    async def move(self) -> None:
        pair, number = self.kraken.pairs["TSLAx/USD"], 0
        while True:
            number += 1
            price = PRICE + number % 7 / 100
            pair.bids.clear()
            pair.asks.clear()
            pair.fill(f"{price * self.factor:.2f}")
            with suppress(ConnectionError):
                await self.kraken.say(pair.frame("snapshot", *pair.best(10), 10))
            with suppress(ConnectionError):
                await self.hermes.set_price(FEED, price, slot=number)
            await asyncio.sleep(0.1)

    def config(self, folder: Path) -> Path:
        kraken, pyth = (self.lines[name].port for name in ("kraken", "pyth"))
        file = folder / "pegbot.toml"
        file.write_text(f"""
registry = ["{REGISTRY}"]
[collectors]
grace_seconds = 0.2
backoff_initial_seconds = 0.05
backoff_max_seconds = 0.2
[[collectors.exchange]]
markets = {{ TSLAx = "TSLAx/USD" }}
rest_url = "http://127.0.0.1:{kraken}"
websocket_url = "ws://127.0.0.1:{kraken}"
[[collectors.pyth]]
url = "http://127.0.0.1:{pyth}"
feeds = ["TSLA@pyth"]
poll_seconds = 0.2
requests_per_second = 50
[detector]
resolve_seconds = 1
[ledger]
url = "sqlite+aiosqlite:///{folder}/pegbot.db"
[record]
path = "tape.parquet"
segment_megabytes = 0.002
""")
        return file


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    kraken = KrakenServer(Pair("TSLAx/USD", True).fill(f"{PRICE:.2f}"))
    async with (
        serving(kraken), Hermes() as hermes,
        FaultProxy(int(kraken.rest_url.rpartition(":")[2])) as exchange,
        FaultProxy(int(hermes.url.rpartition(":")[2])) as oracle,
    ):  # fmt: skip
        here = Place(kraken, hermes, {"kraken": exchange, "pyth": oracle})
        await hermes.set_price(FEED, PRICE)
        moving = asyncio.create_task(here.move())
        try:
            yield here
        finally:
            moving.cancel()
            await asyncio.wait({moving})
            await hermes.end_streams()


async def pegbot(*arguments: str | Path) -> bytes:
    """What a command wrote to its standard output."""
    process = await asyncio.create_subprocess_exec(
        PEGBOT, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, said = await process.communicate()
    assert process.returncode == 0, said
    return out


async def told(daemon: Daemon, kind: str, phase: str) -> None:
    """Until there is an incident of this kind that is open, or has resolved and none is open."""

    async def found() -> bool:
        incidents = (await daemon.get("/api/incidents"))["incidents"]
        here = [one for one in incidents if one["kind"] == kind]
        still = [one for one in here if one["resolved"] is None]
        return bool(still) if phase == "open" else bool(here) and not still

    await until(found, f"an incident {kind} to be {phase}", 60.0)


async def test_a_replay_of_the_recording_gives_the_incidents_that_were_seen_live(tmp_path: Path) -> None:
    async with place() as here:
        config = here.config(tmp_path)
        async with running_daemon(config) as daemon:

            async def up() -> bool:
                return '"source":"kraken","state":"up"' in daemon.log

            await until(up, "prices", 60.0)  # by its log: while ccxt is loaded it answers late
            here.factor = 1.4
            await told(daemon, "depeg", "open")
            here.factor = 1.0
            await told(daemon, "depeg", "resolved")
            for line in here.lines.values():
                await line.begin("reset")
                await told(daemon, "feed_fault", "open")
                await line.end()
                await told(daemon, "feed_fault", "resolved")
            assert await daemon.end() == 0
            assert "Traceback" not in daemon.log
        await pegbot("replay", tmp_path / "tape.parquet", "-c", config, "--incidents", tmp_path / "again")
        live = lines(await pegbot("incidents", "-c", config, "--limit", "1000", "--json"))
        again = lines((tmp_path / "again").read_bytes())  # nothing else runs
        assert {one["kind"] for one in live.values()} == {"depeg", "feed_fault"}
        assert live == again
        assert len(list(tmp_path.glob("tape-*.parquet"))) > 1  # noqa: ASYNC240


def lines(text: bytes) -> dict[str, Any]:
    """Lines of incidents as they are, by their identity."""
    return {json.loads(line)["id"]: json.loads(line) for line in text.splitlines()}
