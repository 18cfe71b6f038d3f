"""From sources of share prices and option chains, built as configured, into the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("alpaca")
pytest.importorskip("ib_async")
pytest.importorskip("yfinance")

from bot.collectors import build
from bot.collectors.queue import TickQueue
from bot.collectors.supervisor import Supervisor
from bot.config import Config
from bot.driver import Driver
from bot.timefmt import iso
from bot.types import Quarantined
from tests.fixtures.alpaca_server import KEY, SECRET, AlpacaServer
from tests.fixtures.engine import config, shipped_registry
from tests.fixtures.ibkr_server import DELAYED, Tws
from tests.fixtures.yahoo_server import YahooServer, contract

DAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=20)
CALL = f"TSLA{DAY:%y%m%d}C00400000"
KEYS = {"api_key": "env:ALPACA_KEY", "api_secret": "env:ALPACA_SECRET"}


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALPACA_KEY", KEY)
    monkeypatch.setenv("ALPACA_SECRET", SECRET)


class Running:
    """An engine and the sources of a configuration, under their supervisors."""

    def __init__(self, settings: Config) -> None:
        self.driver = Driver(settings, shipped_registry())
        self.bad: list[Quarantined] = []
        self._queue = TickQueue(4096)
        engine = self.driver.engine
        built = build(settings, shipped_registry(), on_bad=self.bad.append, session=engine.clock.session)
        work = [Supervisor(one, self._queue, on_status=lambda _: None).run() for one in built]
        self.tasks = [asyncio.create_task(one) for one in (*work, self._drive())]

    async def _drive(self) -> None:
        while True:
            for _, tick in await self._queue.get_batch(256):
                self.bad += [one for one in self.driver.feed(tick) if isinstance(one, Quarantined)]

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                assert not self.tasks[-1].done()
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(**collectors: Any) -> Any:
    found = Running(config(collectors=collectors))
    try:
        yield found
    finally:
        for task in found.tasks:
            task.cancel()
        await asyncio.wait(found.tasks, timeout=20)


async def test_alpaca_and_interactive_brokers_are_references_of_the_share() -> None:
    async with AlpacaServer() as alpaca, Tws() as tws:
        await alpaca.set_quote("TSLA", 399.9, 400.1)
        source = {"symbols": ["TSLA"], "stream_url": alpaca.stream_url, "data_url": alpaca.url, **KEYS}
        ibkr = {"symbols": ["TSLA"], "port": tws.port, "quote_seconds": 0}
        async with running(alpaca=[source], ibkr=[ibkr]) as run:
            known = run.driver.engine.market.references
            await run.until(lambda: {"TSLA@alpaca", "TSLA@ibkr"} <= known.keys())
            assert known["TSLA@alpaca"][1].price == known["TSLA@ibkr"][1].price == pytest.approx(400.0)
            tws.quote("TSLA", 400.9, 401.1, halted=1)
            await run.until(lambda: known["TSLA@ibkr"][1].halted)
            assert known["TSLA@ibkr"][1].halted_reason == "trading halt"
            tws.quote("TSLA", 401.9, 402.1, halted=0)
            await run.until(lambda: not known["TSLA@ibkr"][1].halted)
            assert run.bad == []


async def test_delayed_data_is_as_old_to_the_engine_as_it_is() -> None:
    async with Tws() as tws:
        tws.kind = DELAYED
        async with running(ibkr=[{"symbols": ["TSLA"], "port": tws.port, "market_data": "delayed"}]) as run:
            known = run.driver.engine.market.references
            await run.until(lambda: "TSLA@ibkr" in known and known["TSLA@ibkr"][1].price)
            late = datetime.now(UTC).timestamp() - known["TSLA@ibkr"][1].ts / 1e9
            assert 899 < late < 930
            assert run.bad == []


async def test_option_chains_are_hedges_to_the_engine() -> None:
    with YahooServer() as yahoo:
        row = contract(CALL, 400.0, int(DAY.timestamp()))
        yahoo.set_chain("TSLA", [row], regularMarketPrice=400.0)
        async with AlpacaServer() as alpaca:
            await alpaca.set_quote("TSLA", 399.9, 400.1)
            quote = {"t": iso(int(datetime.now(UTC).timestamp() * 1000) * 10**6), "bp": 4.8, "ap": 5.2}
            alpaca.chains["TSLA"] = {CALL: {"latestQuote": quote | {"bs": 11, "as": 12}}}
            chains = {"symbols": ["TSLA"], "data_url": alpaca.url, "trading_url": alpaca.url, **KEYS}
            late = {"symbols": ["TSLA"], "query_url": yahoo.query_url}
            async with running(alpaca_options=[chains], yahoo_options=[late]) as run:
                lines = run.driver.engine.hedges.lines
                await run.until(lambda: {f"{CALL}@alpaca", f"{CALL}@yahoo"} <= lines.keys())
                firm, seen = lines[f"{CALL}@alpaca"], lines[f"{CALL}@yahoo"]
                assert (firm.bid, firm.ask, firm.bid_size, firm.ask_size) == (4.8, 5.2, 11, 12)
                assert (seen.bid, seen.ask) == (4.9, 5.1)
                assert firm.ts > seen.ts
                assert run.bad == []
