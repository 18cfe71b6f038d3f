"""The world of the soak: servers, proxies, who breaks what when, and the daemon in the middle."""

from __future__ import annotations

import asyncio
import gc
import io
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from math import exp
from pathlib import Path
from typing import Any

import structlog
from msgspec import Struct
from msgspec.structs import replace

from bot import tape
from bot.collectors.growing import Rotation
from bot.collectors.recorder import Recorder
from bot.collectors.supervisor import Supervisor
from bot.config import Config, parse
from bot.daemon import Daemon
from bot.errors import TapeError
from bot.registry import Registry
from bot.replay import Replay
from bot.types import Clock, Message
from tests.fixtures import jupiter_server, xstocks_server
from tests.fixtures.fault_proxy import FAULTS, FaultProxy
from tests.fixtures.fault_rig import shipped
from tests.fixtures.fault_trial import resident
from tests.fixtures.jupiter_server import Jupiter
from tests.fixtures.kraken_server import KrakenServer, Pair
from tests.fixtures.pyth_server import Hermes
from tests.fixtures.solana_node import SolanaNode, serving
from tests.fixtures.solana_pools import Cpmm, xstock
from tests.fixtures.xstocks_server import XStocks

PRICE, MOVE_SECONDS, MOVE_SD = 300.0, 10.0, 0.0004
QUIET_SECONDS = 120.0
"""Before the first fault."""
FAULT_MEAN_SECONDS, FAULT_SECONDS = 180.0, (5.0, 400.0)
DEPEG_MEAN_SECONDS, DEPEG_SECONDS, DEPEGS = 900.0, (60.0, 900.0), (0.7, 0.85, 1.15, 1.4, 3.0)
LAST_SECONDS = 1500.0
"""All is well for so long in the end: time to come back, even after a refusal."""
TOKENS = 10_000


class Seen(Struct):
    """What the soak saw."""

    hours: float
    seed: int
    wall_seconds: float = 0.0
    ticks: int = 0
    faults: dict[str, int] = {}
    depegs: int = 0
    restarts: int = 0
    incidents: int = 0
    replayed: int = 0
    plans: int = 0
    differ: int = 0
    first_difference: list[str] = []
    set_aside: dict[str, int] = {}
    not_back: dict[str, str] = {}
    dropped: int = 0
    segments: int = 0
    memory_mib: list[float] = []
    """At every full hour, or twelfth of a shorter run."""
    growth_mib: float = 0.0


class Quiet:
    """In place of the sender of alerts."""

    def heard(self) -> None:
        """Nothing."""


class Kept:
    """What was published, as a replay keeps it."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay

    def offer(self, message: Message) -> None:
        """Take a message."""
        self.replay.keep((message,))

    async def run(self) -> None:
        """Nothing is delivered."""


class World:
    """One run, all of whose chances come from ``seed``."""

    def __init__(self, folder: Path, hours: float, seed: int) -> None:
        structlog.configure(processors=[_drop])
        self.seen = Seen(hours, seed)
        self._rng = random.Random(seed)
        random.seed(seed)  # jitter of the back-offs
        self._out = folder / "soak.parquet"
        self._proxies: dict[str, FaultProxy] = {}
        self._puts: list[Callable[[float], Awaitable[None]]] = []
        self._notes: list[list[Any]] = []
        self._factor = 1.0
        self._faulty = True
        self._pool = Cpmm("TSLAx", TOKENS * 10**8, round(PRICE * TOKENS * 10**6))
        self._pool.mint = xstock(multiplier=(1.0, 1.0, 0))
        known = shipped()
        pools = {**known.pools, self._pool.instrument: self._pool.entry()}
        self._registry: Registry = replace(known, pools=pools)

    async def run(self) -> Seen:
        """All of it, and the replay."""
        began = time.perf_counter()
        async with AsyncExitStack() as stack:
            await self._start(stack)
            config = self._config()
            live = await self._live(config)
        gc.collect()
        self._compare(live, config)
        self.seen.wall_seconds = round(time.perf_counter() - began, 1)
        return self.seen

    # -- servers ---------------------------------------------------------------------------------------

    async def _start(self, stack: AsyncExitStack) -> None:
        kraken = KrakenServer(Pair("TSLAx/USD", True).fill(f"{PRICE:.2f}"))
        kraken.beat_seconds = 5.0
        await kraken.start()
        stack.push_async_callback(kraken.stop)
        hermes, xstocks, jupiter = Hermes(), XStocks("TSLAx"), Jupiter()
        for server in (hermes, xstocks):
            await stack.enter_async_context(server)
        stack.push_async_callback(hermes.end_streams)
        await stack.enter_async_context(jupiter_server.serving(jupiter))
        node: SolanaNode = SolanaNode(self._pool.accounts())
        await stack.enter_async_context(serving(node))
        for name, url, streams in (
            ("kraken", kraken.rest_url, True), ("pyth", hermes.url, True), ("xstocks", xstocks.url, False),
            ("jupiter", jupiter.url.partition("/swap")[0], False), ("solana", node.url, True),
        ):  # fmt: skip
            proxy = FaultProxy(int(url.rpartition(":")[2]), streams=streams)
            self._proxies[name] = await stack.enter_async_context(proxy)

        known = self._registry.feeds

        async def at_kraken(price: float) -> None:
            pair = kraken.pairs["TSLAx/USD"]
            pair.bids.clear()
            pair.asks.clear()
            pair.fill(f"{price * self._factor:.2f}")
            await kraken.say(pair.frame("snapshot", *pair.best(kraken.depth), kraken.depth))

        async def at_pyth(price: float) -> None:
            await hermes.set_price(known["TSLA@pyth"].id, price)

        async def at_apis(price: float) -> None:
            xstocks.quotes["TSLAx"] = round(price, 2)
            at = xstocks_server.iso(time.time() - 60)
            xstocks.reserves["TSLAx"] = xstocks_server.reserves("TSLAx", "1000", "1000", at)
            jupiter.dollars = price

        async def on_chain(price: float) -> None:
            node.unix = int(time.time())
            dollars = round(price * TOKENS * 10**6)
            await node.move(self._pool.reserves(self._pool.tokens, dollars))

        self._puts = [at_kraken, at_pyth, at_apis, on_chain]
        for put in self._puts:
            await put(PRICE)
        self._notes = [kraken.asked, kraken.requests, hermes.headers, xstocks.headers, jupiter.asked,
                       jupiter.keys, node.requests]  # fmt: skip

    def _config(self) -> Config:
        port = {name: proxy.port for name, proxy in self._proxies.items()}
        http = {name: f"http://127.0.0.1:{number}" for name, number in port.items()}
        collectors = {
            "exchange": [{"markets": {"TSLAx": "TSLAx/USD"}, "rest_url": http["kraken"], "trades": False,
                          "websocket_url": f"ws://127.0.0.1:{port['kraken']}"}],
            "pyth": [{"url": http["pyth"], "feeds": ["TSLA@pyth"]}],
            "xstocks": [{"url": http["xstocks"], "tokens": ["TSLAx"]}],
            "jupiter": [{"url": http["jupiter"] + "/swap/v1/quote", "tokens": ["TSLAx"]}],
            "solana": [{"urls": [http["solana"]], "pools": [self._pool.instrument],
                        "websocket_urls": [f"ws://127.0.0.1:{port['solana']}"]}],
        }  # fmt: skip
        return parse({"collectors": collectors}, source="soak", base=Path())

    # -- what happens ------------------------------------------------------------------------------------

    async def _live(self, config: Config) -> Replay:
        daemon = Daemon(config, self._registry, time.time_ns)
        daemon._sender = Quiet()  # type: ignore[assignment]  # nobody is told
        kept = Replay(config, self._registry)
        daemon.sinks.append(Kept(kept))
        recorder = Recorder(self._out, flush_seconds=20.0, rotation=Rotation(seconds=3600.0))
        daemon._listeners.append(recorder.offer)
        supervisors = [Supervisor.of(daemon, one) for one in daemon._collectors()]
        feeds = [asyncio.create_task(one.run()) for one in supervisors]
        world = [asyncio.create_task(one) for one in
                 (self._move(), self._break(), self._depeg(), self._measure())]  # fmt: skip
        writing, driving = asyncio.create_task(recorder.run()), asyncio.create_task(daemon.drive())
        await asyncio.sleep(self.seen.hours * 3600.0 - LAST_SECONDS)
        self._faulty = False
        for proxy in self._proxies.values():
            await proxy.end()
        await asyncio.sleep(LAST_SECONDS)
        for task in (*world, driving, writing):
            if task.done():
                task.result()
        self.seen.not_back = {
            one.name: f"{one.state} {one.detail}" for one in supervisors if one.state != "up"
        }
        await _end([*feeds, *world])
        daemon.stopping.set()
        await driving
        await _end([writing])
        engine = daemon.driver.engine
        while (due := engine.detector.next_due) is not None:  # as a replay does when its tape has ended
            kept.keep(daemon.driver.feed(Clock(due)))
        self.seen.restarts = sum(one.restarts for one in supervisors)
        self.seen.ticks = sum(one.ticks for one in supervisors)
        self.seen.dropped = daemon.queue.dropped_total + recorder.dropped
        return kept

    async def _move(self) -> None:
        price = PRICE
        while True:
            await asyncio.sleep(MOVE_SECONDS)
            price *= exp(self._rng.gauss(0.0, MOVE_SD))
            await asyncio.gather(*(put(price) for put in self._puts), return_exceptions=True)
            for notes in self._notes:  # what the servers write down of their clients is not what is measured
                notes.clear()

    async def _break(self) -> None:
        """One source at a time, or a second while the first is still broken."""
        await asyncio.sleep(QUIET_SECONDS)
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / FAULT_MEAN_SECONDS))
            name, fault = self._rng.choice(sorted(self._proxies)), self._rng.choice(FAULTS)
            lasts = self._rng.uniform(*FAULT_SECONDS)
            proxy = self._proxies[name]
            if not self._faulty or proxy.fault:
                continue
            self.seen.faults[fault] = self.seen.faults.get(fault, 0) + 1
            await proxy.begin(fault)
            await asyncio.sleep(lasts)
            await proxy.end()

    async def _depeg(self) -> None:
        await asyncio.sleep(QUIET_SECONDS)
        while True:
            await asyncio.sleep(self._rng.expovariate(1 / DEPEG_MEAN_SECONDS))
            self._factor = self._rng.choice(DEPEGS) if self._faulty else 1.0
            self.seen.depegs += self._factor != 1.0
            await asyncio.sleep(self._rng.uniform(*DEPEG_SECONDS))
            self._factor = 1.0

    async def _measure(self) -> None:
        every = min(3600.0, self.seen.hours * 300.0)
        while True:
            await asyncio.sleep(every * 0.999)
            gc.collect()
            self.seen.memory_mib.append(round(resident() / 2**20, 1))

    # -- and again ---------------------------------------------------------------------------------------

    def _compare(self, live: Replay, config: Config) -> None:
        seen = self.seen
        again = Replay(config, self._registry)
        bad: Counter[str] = Counter()

        def aside(error: TapeError) -> None:
            bad[error.reason] += 1

        again.run(tape.read(self._out, on_bad=aside))
        seen.set_aside = dict(live.quarantined)
        seen.segments = sum(1 for _ in self._out.parent.glob("soak-*.parquet"))
        seen.incidents, seen.replayed, seen.plans = len(live.incidents), len(again.incidents), len(live.plans)
        ours, theirs = _written(live), _written(again)
        pairs = [(a, b) for a, b in zip(ours, theirs, strict=False) if a != b]
        seen.differ = len(pairs) + abs(len(ours) - len(theirs))
        if pairs:
            seen.first_difference = [one.decode()[:2000] for one in pairs[0]]
        tail = seen.memory_mib[len(seen.memory_mib) // 4 :]
        seen.growth_mib = round(tail[-1] - tail[0], 1) if tail else 0.0


def _written(replay: Replay) -> list[bytes]:
    """Lines of incidents, then of plans."""
    incidents, plans = io.BytesIO(), io.BytesIO()
    replay.write(incidents, plans)
    return [*incidents.getvalue().splitlines(), *plans.getvalue().splitlines()]


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _drop(_logger: object, _method: str, _event: object) -> object:
    raise structlog.DropEvent
