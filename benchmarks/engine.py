"""The whole engine on one core: market, valuation, detector and strategy.

Ticks per second as a market grows, beside nautilus_trader's backtest loop with an empty handler, turn by turn
on the same quotes; from a tick to its incident and plan; memory per instrument. Times are of the processor
and medians of several passes, so that what else runs on the machine does not count.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from statistics import median

from benchmarks import nautilus_peer, wide, workload
from benchmarks.figure import Figure
from benchmarks.nautilus_peer import Nautilus
from bot.engine import Engine
from bot.types import Incident, Tick

TICKS = 400_000
BUDGET = 50_000
SIZES = (500, 2_000, 10_000, 50_000)
WIDE_TICKS = 200_000
WARM = 25
"""Ticks of each instrument before any is timed."""
WIDE = 10_000
WIDE_BUDGET = 100_000
PASSES = 3
PEER_SIZES = {500: 200_000, WIDE: 2_000}
"""Instruments for nautilus_trader, and ticks: at each new time its venues look at all their instruments."""
OUT_EVERY, OUT_TICKS = 400, 390
LATENCY_BUDGET_MICROS = 1_000.0
STATE_BUDGET = 4_096


def run() -> Iterator[Figure]:
    """Throughput, growth, latency, memory."""
    yield from _mixed()
    yield from _wide()
    yield from _latency()
    yield from _state()


def _mixed() -> Iterator[Figure]:
    ticks = list(workload.ticks(TICKS))
    seconds = median(_cpu_seconds(workload.engine(), ticks) for _ in range(PASSES))
    what = f"quotes, books, trades and pools, {workload.INSTRUMENTS} instruments"
    yield Figure(what, TICKS / seconds, "ticks/s", budget=BUDGET, better="higher")
    yield Figure("the same, one tick", seconds / TICKS * 1e6, "µs")


def _wide() -> Iterator[Figure]:
    ours: dict[int, list[float]] = {size: [] for size in SIZES}
    theirs: dict[int, list[float]] = {size: [] for size in PEER_SIZES}
    markets = {size: wide.market(size) for size in SIZES}
    engines = {size: _warm(size, markets[size]) for size in SIZES}
    with Nautilus() as nautilus:
        for _ in range(PASSES):
            for size in SIZES:
                ticks = list(islice(markets[size], WIDE_TICKS))
                ours[size].append(WIDE_TICKS / _cpu_seconds(engines[size], ticks))
                if size in PEER_SIZES:
                    some = ticks[: PEER_SIZES[size]]
                    done = nautilus.run(some)
                    if done is not None:
                        theirs[size].append(done.count / done.cpu)
    for size in SIZES:
        beside, other = "", None
        if size in PEER_SIZES:
            beside = "nautilus_trader" if theirs[size] else nautilus_peer.ABSENT
            other = median(theirs[size]) if theirs[size] else None
        budget = WIDE_BUDGET if size == WIDE else None
        yield Figure(
            f"quotes, {size:,} instruments", median(ours[size]), "ticks/s", beside, other, budget, "higher"
        )
    if theirs[SIZES[0]]:
        pairs = zip(ours[WIDE], theirs[SIZES[0]], strict=True)
        yield Figure(
            f"{WIDE:,} instruments here over {SIZES[0]} there, pass by pass",
            median(mine / other for mine, other in pairs), "×", "nautilus_trader", 1.0, 1.0, "higher",
        )  # fmt: skip
    growth = median(few / many for few, many in zip(ours[SIZES[0]], ours[WIDE], strict=True))
    yield Figure(f"a tick at {WIDE:,} instruments over one at {SIZES[0]}", growth, "×")


def _latency() -> Iterator[Figure]:
    """From handing in a tick to what is said of it, if it opens an incident: with its plan, and alone."""
    for what, plans in (("incident and plan", True), ("incident, strategy off", False)):
        times = opening_micros(plans)
        yield Figure(f"tick to {what}, median of {len(times):,}", median(times), "µs")
        p99 = sorted(times)[int(len(times) * 0.99)]
        yield Figure(f"tick to {what}, p99", p99, "µs", budget=LATENCY_BUDGET_MICROS)


def opening_micros(plans: bool) -> list[float]:
    """Microseconds of the processor in ``step`` for each tick that opens an incident."""
    config = workload.config()
    strategy = config.strategy.model_copy(update={"enabled": plans})
    engine = Engine(config.model_copy(update={"strategy": strategy}), workload.shipped())
    found: list[float] = []
    for tick in _often_out(workload.ticks(TICKS)):
        started = time.thread_time_ns()
        messages = engine.step(tick)
        passed = (time.thread_time_ns() - started) / 1e3
        if any(type(message) is Incident and message.phase == "open" for message in messages):
            found.append(passed)
    return found


def _often_out(ticks: Iterable[Tick]) -> Iterator[Tick]:
    """The same ticks, with one pair after another out by a tenth."""
    out, until = "", 0
    for number, tick in enumerate(ticks):
        bid, ask = tick.bid, tick.ask
        pair = tick.kind == "quote" and tick.data is None and not tick.instrument.endswith("@pyth")
        if pair and number >= until + OUT_EVERY - OUT_TICKS:
            out, until = tick.instrument, number + OUT_TICKS
        if pair and tick.instrument == out and number < until and bid is not None and ask is not None:
            yield Tick(tick.ts, out, "quote", bid * 1.1, ask * 1.1)
        else:
            yield tick


def _state() -> Iterator[Figure]:
    """What an engine holds once its instruments are seen, registry and ticks left out; and its snapshot."""
    registry, config = wide.registry(WIDE), workload.config()
    ticks = [*wide.opening(WIDE), *wide.ticks(WIDE, WIDE_TICKS)]
    gc.collect()
    tracemalloc.start()
    engine = Engine(config, registry)
    for tick in ticks:
        engine.step(tick)
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    yield Figure("heap per instrument, by tracemalloc", held / WIDE, "bytes", budget=STATE_BUDGET)
    yield Figure("snapshot per instrument", len(engine.snapshot()) / WIDE, "bytes", budget=STATE_BUDGET)


def messages(ticks: list[Tick]) -> Counter[str]:
    """What a fresh engine says to these ticks, by kind."""
    step = workload.engine().step
    counted: Counter[str] = Counter()
    for tick in ticks:
        for message in step(tick):
            counted[type(message).__name__] += 1
    return counted


def _warm(size: int, market: Iterator[Tick]) -> Engine:
    """An engine that knows its instruments and has learnt how often each speaks."""
    engine = wide.engine(size)
    opening = wide.opening(size)
    for tick in chain(opening, islice(market, WARM * len(opening))):
        engine.step(tick)
    gc.collect()
    return engine


def _cpu_seconds(engine: Engine, ticks: Sequence[Tick]) -> float:
    step = engine.step
    started = time.process_time()
    for tick in ticks:
        step(tick)
    return time.process_time() - started
