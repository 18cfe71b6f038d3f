"""The asynchronous shell: supervise collectors, drive the engine, fan messages out, shut down.

The engine runs in the event loop, in batches that end after ``SLICE_SECONDS``, so that page, metrics and
messages stay alive. What must not be lost is the journal's (:mod:`bot.journal`); after ``kill -9`` the
daemon goes on from the last thing written.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec
import structlog
from msgspec.structs import replace

from bot import collectors, kill, logs, preflight
from bot.collectors.base import Collector
from bot.collectors.queue import TickQueue
from bot.collectors.recorder import Recorder, free_path, rotation
from bot.collectors.supervisor import Supervisor
from bot.collectors.tape import TapeCollector
from bot.config import Config
from bot.driver import Driver
from bot.errors import PegbotError, ServiceUnreachable, TapeError
from bot.execution import require_start
from bot.journal import Journal
from bot.metrics import Metrics
from bot.registry import Registry
from bot.steady import SteadyClock
from bot.timefmt import DAY_SECONDS, NS, iso
from bot.types import Clock, Command, Event, FeedStatus, Incident, Message, Ns, Quarantined, Tick
from bot.web.books import marks
from bot.web.replica import Replica

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from bot.alerts import AlertSender, MqttPublisher
    from bot.ledger.store import Store

BATCH = 512
SLICE_SECONDS = 0.02
IDLE_SECONDS = 1.0
"""With live sources and nothing to read, the engine is told the time this often."""
SHUTDOWN_SECONDS = 10.0
WATCH_SECONDS = 0.5
PRUNE_FIRST, PRUNE_EVERY = 600, 172_800
"""Old rows are dropped five minutes after the start and then daily, in turns of the watch."""
MOST_OPEN = 10_000
FORGOTTEN = "closed at a restart, its memory lost; if the price is still off, it is told as a new incident"
RECONCILE = "reconcile"
MOST_FILLS = 10_000
"""Of one plan: far more than it has legs, funding by the hour included."""
QUALITIES = 100
"""So many are worked out before others get their turn."""
BOOKS_EVERY = 10
"""Books, and how good the sources are, are read for metrics and page every so many turns of the watch."""


class Sink(Protocol):
    """Something that is told of every message; it must not block and must not raise."""

    def offer(self, message: Message) -> None:
        """Take a message."""

    async def run(self) -> None:
        """Deliver what was taken, until cancelled."""


class Daemon:
    """The parts of a running bot and how they are wired; :meth:`run` runs them until stopped."""

    def __init__(self, config: Config, registry: Registry, clock: Callable[[], Ns] | None = None) -> None:
        require_start(config.execution)
        self.config = config
        self.registry = registry
        self.clock = clock or SteadyClock()
        self.driver = Driver(config, registry)
        self.metrics = Metrics()
        self.replica = Replica()
        self.queue = TickQueue(config.collectors.queue_ticks)
        self.sinks: list[Sink] = []
        self._listeners: list[Callable[[Tick], None]] = []
        self.stopping = asyncio.Event()
        self._commands: list[Command] = []
        self._sender: AlertSender
        self._mqtt: MqttPublisher | None = None
        self._journal: Journal | None = None
        self._live = False
        self._fed = False
        self._feeds: dict[str, str] = {}
        self._names: dict[str, Sequence[str]] = {}
        """What each source feeds, where it says so."""
        self._scores: dict[str, float] = {}
        self._recorder: Recorder | None = None
        self._log = structlog.get_logger("pegbot")

    # -- messages ----------------------------------------------------------------------------------

    def publish(self, message: Message) -> None:
        """Hand one message to everybody; none of them can hold the engine up."""
        self.metrics.offer(message)
        self.replica.apply(message, self.driver.now)
        if self._journal is not None:
            self._journal.offer(message)
        for sink in self.sinks:
            sink.offer(message)

    def feed_status(self, status: FeedStatus) -> None:
        """A supervisor says how its source is."""
        self._feeds[status.source] = status.state
        names = self._names.get(status.source) or self._scores
        scores = [self._scores[name] for name in names if name in self._scores]
        if scores:
            status = replace(status, quality=sum(scores) / len(scores))
        self.publish(status)

    def bad_datum(self, error: TapeError | Quarantined) -> None:
        """A collector set a datum aside."""
        if isinstance(error, TapeError):
            error = Quarantined(self.driver.now, "", error.reason, error.detail)
        self.publish(error)

    def command(self, command: Command) -> None:
        """Somebody asks something of the engine; taken in the next turn."""
        if len(self._commands) >= BATCH:
            raise asyncio.QueueFull
        self._commands.append(command)

    def ready(self) -> tuple[bool, str]:
        """Whether a source is up, the engine fed and the database written, and if not, why."""
        if self._journal is None:
            return False, "the database is not open yet"
        if self._journal.failing:
            return False, f"the database cannot be written: {self._journal.failing}"
        if not self._fed:
            return False, "no tick has arrived yet"
        if "up" not in self._feeds.values():
            return False, "no source is up: " + ", ".join(
                f"{name} {how}" for name, how in self._feeds.items()
            )
        return True, ""

    # -- the loop ------------------------------------------------------------------------------------

    async def drive(self) -> None:
        """Take ticks from the queue, step the engine, publish what follows; ends when stopped and drained."""
        while not (self.stopping.is_set() and self.queue.depth == 0):
            batch: Sequence[tuple[str, Tick]] = ()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS if not self.stopping.is_set() else 0.05):
                    batch = await self.queue.get_batch(BATCH)
            commands, self._commands = self._commands, []
            for command in commands:
                self._feed(command)
            if batch:
                await self._steps(batch)
            elif self._live:
                self._feed(Clock(self.clock()))

    async def _steps(self, batch: Sequence[tuple[str, Tick]]) -> None:
        started = time.perf_counter()
        steps = 0
        self._sender.heard()
        for source, tick in batch:
            self._feed(tick)
            for listen in self._listeners:
                listen(tick)
            self.metrics.tick(source, tick.kind)
            steps += 1
            spent = time.perf_counter() - started
            if spent > SLICE_SECONDS:
                self.metrics.engine(self.driver.now, self._lag(tick), spent, steps)
                steps = 0
                await asyncio.sleep(0)
                started = time.perf_counter()
        if steps:
            self.metrics.engine(
                self.driver.now, self._lag(batch[-1][1]), time.perf_counter() - started, steps
            )
        self._fed = True

    def _lag(self, tick: Tick) -> float:
        return max(0.0, (self.clock() - tick.received) / NS) if self._live and tick.received else 0.0

    def _feed(self, event: Event) -> None:
        for message in self.driver.feed(event):
            self.publish(message)

    # -- life ----------------------------------------------------------------------------------------

    async def run(
        self, *, port: int | None = None, announce: Callable[[str], None] = lambda _url: None
    ) -> None:
        """Start everything, run until :attr:`stopping` is set, then flush and close in order."""
        from bot.alerts import outbox  # noqa: F401 -- its table must be known before the database is opened
        from bot.ledger.accounts import custody
        from bot.ledger.db import open_database
        from bot.ledger.store import Store

        database = await open_database(self.config.ledger.url)
        try:
            store = Store(database, place=custody(self.registry))
            await self._resume(store)
            sources = self._collectors()
            sender = self._add_sinks(database)
            self._journal = Journal(
                store, self.driver.snapshot, sender.enqueue, wrote=self._wrote,
                failed=self._not_written,
            )  # fmt: skip
            self.metrics.before_render(self._read_parts)
            for incident in await self._forgotten(store):
                self.publish(incident)
            # What is there now stays: a full collection that looks at it, too, holds a plan up by 80 ms.
            gc.collect()
            gc.freeze()
            await self._run_parts(store, sources, port, announce)
        finally:
            await database.dispose()

    def _wrote(self, seconds: float) -> None:
        self.metrics.time("pegbot_ledger_write_seconds", seconds)
        self._sender.wake()
        if self.driver.broker is not None:
            self.driver.broker.halted = ""

    def _not_written(self) -> None:
        """What cannot be booked must not be traded."""
        self.metrics.add("pegbot_ledger_write_failures_total", 1)
        if self.driver.broker is not None:
            self.driver.broker.halted = "the ledger cannot be written"

    async def _run_parts(
        self, store: Store, sources: Sequence[Collector], port: int | None, announce: Callable[[str], None]
    ) -> None:
        assert self._journal is not None
        async with asyncio.TaskGroup() as group:
            web = group.create_task(self._serve(store, port, announce), name="web")
            outer = [web, group.create_task(self._watch(store), name="watch")]
            outer += [group.create_task(sink.run(), name=type(sink).__name__) for sink in self.sinks]
            if self._recorder is not None:
                outer.append(group.create_task(self._recorder.run(), name="recorder"))
            journal = group.create_task(self._journal.run(), name="journal")
            feeds = [group.create_task(Supervisor.of(self, one).run(), name=one.name) for one in sources]
            driving = group.create_task(self.drive(), name="engine")
            await self.stopping.wait()
            self._log.info("stopping")
            # Collectors first, so that nothing new comes; then what came is taken in and written.
            await _end(feeds)
            await driving
            await _end([journal])
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                if not await self._journal.flush(final=True):
                    self._log.error("what came last could not be written", error=self._journal.failing)
            await _end(outer)
        self._log.info("stopped")

    async def _resume(self, store: Store) -> None:
        """Go on from what was written last; open the books the first time."""
        saved = await store.load_snapshot()
        fresh = saved is None
        if saved is not None:
            if not self.driver.restore(saved):
                fresh = True
                self._log.warning("the engine's memory is of another version, and left alone")
            for basis in self.driver.engine.standing():
                self.metrics.offer(basis)
                self.replica.apply(basis, self.driver.now)
            for incident in await store.incidents(limit=500):
                self.replica.apply(incident, self.driver.now)
            self.metrics.restore(await store.incidents(limit=500, open_only=True))
            for plan in await store.plans(limit=200):
                self.replica.apply(plan, self.driver.now)
        if self.driver.broker is not None:
            self.driver.broker.adopt(await store.pending_settlements())
            booked = await store.hedge_fills()
            lost = self.driver.broker.adopt_hedges(booked)
            if lost:
                self._log.warning("hedges that the books know are taken over: people close them", hedges=lost)
            strategy = self.config.strategy
            await store.open_books(self.driver.now or 1, strategy.capital_usd, strategy.inventory_tokens)
            await store.verify()
            desk = self.driver.engine.strategy.desk
            desk.adopt_hedges(booked)
            for plan_id in sorted(desk.unaccounted):
                desk.account(plan_id, await store.fills(MOST_FILLS, plan_id=plan_id))
            await self._reconcile(store, fresh=fresh)
        if saved is not None:
            self._log.info(
                "resumed", event_time=iso(self.driver.now),
                open_incidents=len(self.driver.engine.detector.open),
            )  # fmt: skip

    async def _forgotten(self, store: Store) -> list[Incident]:
        """Incidents left open by an engine whose memory is gone, closed: nobody watches them any more."""
        watched = {incident.id for incident in self.driver.engine.detector.open.values()}
        now = self.driver.now
        return [
            msgspec.structs.replace(
                incident, phase="resolve", resolved=max(now, incident.last_seen), explanation=FORGOTTEN
            )
            for incident in await store.incidents(limit=MOST_OPEN, open_only=True)
            if incident.id not in watched
        ]

    async def _reconcile(self, store: Store, *, fresh: bool) -> None:
        """Before anything is traded: the desk holds what the books say. Without memory of its own it takes
        their word; with one that differs, no plan is made."""
        from bot.ledger.reconcile import differences, due, hedged, held

        strategy = self.driver.engine.strategy
        positions = (await store.books()).positions()
        books, hedges = held(positions), hedged(positions)
        found = differences(books, strategy.desk.tokens) + differences(hedges, strategy.desk.hedges)
        if found and fresh:
            self._log.warning("the desk takes over what the books say", differences=found)
            strategy.desk.tokens, strategy.desk.hedges = dict(books), dict(hedges)
            strategy.desk.due = due(positions)
        strategy.killed.pop(RECONCILE, None)
        if found and not fresh:
            self._log.error("books and desk differ: no plan is made", differences=found)
            strategy.killed[RECONCILE] = f"books and desk differ: {'; '.join(found)}"

    def _collectors(self) -> list[Collector]:
        built = collectors.build(
            self.config, self.registry, clock=self.clock, now=self.driver.now,
            on_bad=self.bad_datum, session=self.driver.engine.clock.session,
        )  # fmt: skip
        self._names = {one.name: getattr(one, "instruments", ()) for one in built}
        self._live = any(not isinstance(one, TapeCollector) for one in built)
        return built

    def _add_sinks(self, database: AsyncEngine) -> AlertSender:
        from bot.alerts import AlertSender, LogSink, MqttPublisher

        self._sender = AlertSender(database, self.config.alerts, self.clock)
        self.sinks += [LogSink(), self._sender]
        if self.config.mqtt.enabled:
            self._mqtt = MqttPublisher(self.config.mqtt, self.clock)
            self.sinks.append(self._mqtt)
            if "tick" in self.config.mqtt.topics:
                self._listeners.append(self._mqtt.offer)
        if self.config.record.path:
            record = self.config.record
            self._recorder = Recorder(free_path(self.config.path(record.path)), rotation=rotation(record))
            self._listeners.append(self._recorder.offer)
        return self._sender

    def _read_parts(self) -> None:
        """At each scrape: the figures that parts keep themselves."""
        part = self.metrics.part
        part(
            "queue", "engine",
            depth=self.queue.depth, capacity=self.queue.maxsize, dropped_total=self.queue.dropped_total,
        )  # fmt: skip
        for channel, figures in self._sender.figures().items():
            part("outbox", channel, **figures)
        if self._mqtt is not None:
            part(
                "mqtt",
                connected=self._mqtt.connected,
                published_total=self._mqtt.published_total,
                dropped_total=self._mqtt.dropped_total,
            )
            mqtt = self._mqtt
            part(
                "queue", "mqtt",
                depth=mqtt.depth, capacity=self.config.mqtt.buffer, dropped_total=mqtt.dropped_total,
            )  # fmt: skip
        if self._recorder is not None:
            tape = self._recorder
            part("queue", "record", depth=tape.depth, capacity=tape.capacity, dropped_total=tape.dropped)

    async def _watch(self, store: Store) -> None:
        """How late the loop runs, and now and then what the books say."""
        loop = asyncio.get_running_loop()
        turn = 0
        while True:
            due = loop.time() + WATCH_SECONDS
            await asyncio.sleep(WATCH_SECONDS)
            self.metrics.set("pegbot_loop_delay_seconds", max(0.0, loop.time() - due))
            self.metrics.part("hedges", refused_total=self.driver.engine.hedges.refused)
            self._look_at_switch()
            turn += 1
            if turn % BOOKS_EVERY == 0:
                await self._show_quality()
                await self._show_books(store)
            if turn % PRUNE_EVERY == PRUNE_FIRST:
                await self._prune(store)

    async def _show_quality(self) -> None:
        for number, quality in enumerate(self.driver.engine.qualities()):
            self._scores[quality.instrument] = quality.score
            self.publish(quality)
            if number % QUALITIES == 0:
                await asyncio.sleep(0)

    def _look_at_switch(self) -> None:
        """The kill switch is a file: it works when nothing else does, and by ``touch``."""
        killed = self.driver.engine.strategy.killed
        why = kill.reason(self.config)
        if (why is not None) != (kill.BY in killed):
            verb: Literal["kill", "release"] = "release" if why is None else "kill"
            self._log.warning("kill switch", verb=verb, reason=why or "")
            # With no room for it now, the next turn asks again.
            with contextlib.suppress(asyncio.QueueFull):
                self.command(Command(self.driver.now, verb, why or "", by=kill.BY))
        self.metrics.set("pegbot_kill_switch", float(bool(killed)))

    def _notice(self) -> str:
        """What stands on top of the page."""
        killed = self.driver.engine.strategy.killed
        thrown = [f"No new plan is made: {why} ({by})" for by, why in killed.items()]
        return " · ".join([*thrown, *filter(None, [self.config.web.notice])])

    async def _prune(self, store: Store) -> None:
        """Drop what is older than ``[ledger] keep_days``, in event time."""
        before = self.driver.now - int(self.config.ledger.keep_days * DAY_SECONDS * NS)
        try:
            dropped = await store.prune(before)
        except ServiceUnreachable as error:
            self._log.warning("old rows cannot be dropped", error=str(error))
            return
        if dropped:
            self._log.info("old rows dropped", rows=dropped)

    async def _show_books(self, store: Store) -> None:
        try:
            books = await store.books()
        except ServiceUnreachable as error:
            self._log.warning("books cannot be read", error=str(error))
            return
        engine = self.driver.engine
        result = books.profit_and_loss(marks(self.replica, engine.hedge_marks()))
        figures = {
            "cash": books.cash_usd,
            "reserved": books.reserved_usd,
            "realised": result.realised_usd,
            "unrealised": result.unrealised_usd,
            "funding": result.funding_usd,
            "margin": books.margin_usd,
            "fees": result.fees_usd,
            "gas": result.gas_usd,
            "net": result.net_usd,
        }
        for item, value in figures.items():
            self.metrics.set("pegbot_ledger_usd", None if value is None else float(value), item)
        self.metrics.book(engine.greeks()[0])

    async def _serve(self, store: Store, port: int | None, announce: Callable[[str], None]) -> None:
        from bot import __version__
        from bot.web.app import create_app
        from bot.web.books import ledger_view
        from bot.web.depth import depth_view
        from bot.web.server import serve

        app = create_app(
            self.replica,
            metrics_text=self.metrics.render,
            ready=self.ready,
            ledger=ledger_view(
                store,
                self.replica,
                mode=self.config.execution.mode,
                hedges=self.driver.engine.hedge_marks,
                greeks=self.driver.engine.greeks,
            ),
            depth=depth_view(
                self.driver.engine.market, lambda: self.driver.now, self.config.detector.sizes_usd
            ),
            commands=self.command,
            version=__version__,
            notice=self._notice,
            hosts=self.config.web.hosts,
        )
        web = self.config.web
        await serve(app, web.host, web.port if port is None else port, started=announce)


def main(config: Config, registry: Registry, *, port: int | None = None) -> int:
    """Run the daemon until SIGINT or SIGTERM; the exit code. Errors made on purpose are raised as such."""
    preflight.require(config, registry)
    logs.configure(config.log, secrets=preflight.secrets(config))
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_main(config, registry, port))
    return 0


async def _main(config: Config, registry: Registry, port: int | None) -> None:
    daemon = Daemon(config, registry)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, daemon.stopping.set)

    def announce(url: str) -> None:
        sys.stderr.write(
            f"pegbot is running: {config.execution.mode} trading, Ctrl-C stops it\n"
            f"  page     {url}/\n  metrics  {url}/metrics\n  health   {url}/healthz\n"
        )
        sys.stderr.flush()

    try:
        await daemon.run(port=port, announce=announce)
    except BaseExceptionGroup as group:
        raise _first(group) from group


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that people should read: one of ours if there is one."""
    leaves: list[BaseException] = []
    pending: list[BaseException] = [group]
    while pending:
        error = pending.pop(0)
        if isinstance(error, BaseExceptionGroup):
            pending += error.exceptions
        else:
            leaves.append(error)
    return next((error for error in leaves if isinstance(error, PegbotError)), leaves[0])


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait until they have tidied up."""
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
