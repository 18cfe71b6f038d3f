"""What oracles and issuers show while their servers misbehave: every source × every fault, on loopback.

``python -m benchmarks.oracle_faults [SECONDS]``: each source runs under its supervisor with its shipped
settings against a server of its own. When it is well, the fault is switched on for SECONDS (60) and off
again. Printed is how soon it was noticed (no longer ``up``), what was said, how soon the next price
came after the fault ended, how many of the prices that the server had meanwhile were never told, and
processor time and memory of all together.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from typing import Any

import structlog

from bot.collectors.base import Collector
from bot.collectors.issuer_ondo import OndoCollector
from bot.collectors.issuer_xstocks import XStocksCollector
from bot.collectors.pyth import PythCollector
from bot.collectors.queue import TickQueue
from bot.collectors.supervisor import Supervisor
from bot.config import OndoSource, PythSource, XStocksSource
from bot.registry.model import Feed, Registry
from bot.types import FeedStatus
from tests.fixtures.faulty_http import FaultyHttp
from tests.fixtures.ondo_server import Ondo
from tests.fixtures.pyth_server import AAPL, Hermes
from tests.fixtures.xstocks_server import XStocks

SOURCES = ("pyth stream", "pyth poll", "xstocks", "ondo")
FAULTS = (
    "refused", "reset", "half-open", "slow", "truncated", "malformed", "http-500", "http-429",
    "http-429 Retry-After 5", "http-403",
)  # fmt: skip
MOVES_SECONDS = 0.5
WARM_SECONDS = 5.0
PATIENCE_SECONDS = 240.0
REGISTRY = Registry(feeds={"AAPL@pyth": Feed("AAPL@pyth", AAPL, "Equity.US.AAPL/USD")})


class Trial:
    """One source under one fault."""

    def __init__(self, source: str, fault: str) -> None:
        self.source, self.fault = source, fault
        self.statuses: list[tuple[float, FeedStatus]] = []
        self.quotes: list[float] = []
        self.moves = 0
        self.server: FaultyHttp = (
            Hermes()
            if source.startswith("pyth")
            else XStocks("TSLAx")
            if source == "xstocks"
            else Ondo("TSLAon")
        )

    def collector(self) -> Collector:
        """With its shipped settings; the server is ours."""
        url = self.server.url
        if self.source == "xstocks":
            return XStocksCollector(XStocksSource(url=url, tokens=["TSLAx"]))
        if self.source == "ondo":
            collector = OndoCollector(OndoSource(url=url, tokens=["TSLAon"]))
            assert isinstance(self.server, Ondo)
            self.server.key = None  # type: ignore[assignment]  # it asks for none here
            return collector
        stream = self.source == "pyth stream"
        return PythCollector(PythSource(url=url, feeds=["AAPL@pyth"], stream=stream), REGISTRY)

    async def move(self) -> None:
        """The server's price, another one twice a second."""
        while True:
            self.moves += 1
            price = 400 + self.moves / 100
            if isinstance(self.server, Hermes):
                # A stream whose other end is gone cannot be written to, and need not be.
                await asyncio.gather(
                    self.server.set_price(AAPL, price, slot=self.moves), return_exceptions=True
                )
            elif isinstance(self.server, XStocks):
                self.server.quotes["TSLAx"] = price
            elif isinstance(self.server, Ondo):
                self.server.prices["TSLAon"] = f"{price:.2f}"
            await asyncio.sleep(MOVES_SECONDS)

    async def misbehave(self, on: bool) -> None:
        """Begin with the fault, or end it."""
        server = self.server
        if self.fault == "refused":
            await (server.stop() if on else server.start())
            return
        server.fault = self.fault.partition(" ")[0] if on else ""
        server.retry_after = "5" if on and self.fault.endswith("5") else ""
        if isinstance(server, Hermes):
            server.mute = on and self.fault == "half-open"
            if on and self.fault != "half-open":
                await server.end_streams()

    async def run(self, seconds: float) -> str:
        """The cell of the table."""
        async with self.server:
            queue = TickQueue(4096)
            supervisor = Supervisor(
                self.collector(), queue,
                on_status=lambda status: self.statuses.append((time.monotonic(), status)),
            )  # fmt: skip
            tasks = [asyncio.create_task(one) for one in (self.move(), supervisor.run(), self.read(queue))]
            await self.until(lambda: bool(self.quotes))
            await asyncio.sleep(WARM_SECONDS)
            on, at = time.monotonic(), self.moves
            await self.misbehave(True)
            await asyncio.sleep(seconds)
            await self.misbehave(False)
            off, told = time.monotonic(), len(self.quotes)
            back = await self.until(lambda: len(self.quotes) > told)
            lost = self.moves - at - sum(one > on for one in self.quotes)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        found = [(when, status) for when, status in self.statuses if when > on and status.state != "up"]
        noticed = f"{found[0][0] - on:.0f} s" if found else "never"
        words = found[0][1].detail if found else ""
        sys.stderr.write(f"{self.source}, {self.fault}: {words}\n")
        recovered = f"{self.quotes[told] - off:.0f} s" if back else f"> {PATIENCE_SECONDS:.0f} s"
        return f"{noticed}, {recovered}, {lost}"

    async def read(self, queue: TickQueue) -> None:
        """When prices arrived."""
        while True:
            for _, tick in await queue.get_batch(100):
                if tick.kind == "quote":
                    self.quotes.append(time.monotonic())

    @staticmethod
    async def until(condition: Any) -> bool:
        """Whether it came to hold in time."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.02)
        return True


async def main(seconds: float) -> None:
    """The table, in Markdown."""
    structlog.configure(processors=[_silent])
    began, memory = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    trials = [Trial(source, fault) for source in SOURCES for fault in FAULTS]
    cells = await asyncio.gather(*(trial.run(seconds) for trial in trials))
    found = {(trial.source, trial.fault): cell for trial, cell in zip(trials, cells, strict=True)}
    print(f"| fault, for {seconds:g} s | {' | '.join(SOURCES)} |")
    print("|---" * (len(SOURCES) + 1) + "|")
    for fault in FAULTS:
        print(f"| {fault} | {' | '.join(found[source, fault] for source in SOURCES)} |")
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu, wall = used.ru_utime + used.ru_stime, time.monotonic() - began
    print(
        "\nnoticed, a price again, prices not told. "
        f"{len(trials)} sources for {wall:.0f} s: {cpu:.1f} s of one processor, "
        f"{(used.ru_maxrss - memory) / 1024:.0f} MiB more than at the start"
    )


def _silent(_logger: Any, _method: str, _event: Any) -> Any:
    raise structlog.DropEvent


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0))
