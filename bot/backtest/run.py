"""One pass over tapes with books: the same driver and the same double entries as the daemon's, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from msgspec import Struct

from bot.config import Config
from bot.ledger.accounts import custody, entries_for, opening_entry
from bot.ledger.books import Books
from bot.market import Market
from bot.registry.model import Registry
from bot.replay import Replay
from bot.timefmt import NS
from bot.types import Fill, Ns, Plan, Tick

SAMPLE_SECONDS = 3600.0


class Sample(Struct, frozen=True, gc=False):
    """The books at a moment, USD. ``net`` is profit since the start at fair value, ``None`` while something
    held has none; ``reserved`` what waits to settle."""

    ts: Ns
    net: float | None
    realised: float
    reserved: float
    cash: float


class Backtest(Replay):
    """A replay that books its fills. ``samples`` is the equity curve, hourly in event time."""

    def __init__(self, config: Config, registry: Registry, sample_seconds: float = SAMPLE_SECONDS) -> None:
        super().__init__(config, registry)
        self.books = Books()
        self.by_plan: dict[str, Books] = {}
        self.traded: dict[str, Plan] = {}
        self.samples: list[Sample] = []
        self.started: Ns = 0
        self.config = config
        self._place = custody(registry)
        self._every = int(sample_seconds * NS)
        self._next: Ns = 0

    def keep(self, messages: Iterable[object]) -> None:
        """Book what was filled, and remember what was traded."""
        for message in messages:
            if isinstance(message, Fill):
                self._book(message)
            elif isinstance(message, Plan) and message.decision == "trade":
                self.traded[message.id] = message
        super().keep(messages)

    def run(self, ticks: Iterable[Tick], progress: Callable[[int, int], None] | None = None) -> None:
        """Feed all ticks, then let what is under way settle, as far as time alone settles it."""
        super().run(self._passing(ticks), progress)
        broker = self.driver.broker
        while broker is not None and (due := broker.next_settlement) is not None:
            self.keep(broker.due(due, self.driver.engine.market))
        if self.started:
            self.samples.append(self.sample(self.driver.now))

    def _passing(self, ticks: Iterable[Tick]) -> Iterator[Tick]:
        for tick in ticks:
            if tick.ts >= self._next:
                self._pass(tick.ts)
            yield tick

    def _pass(self, ts: Ns) -> None:
        """Open the books at first; look at them now and then."""
        self._next = ts + self._every
        if not self.started:
            self.started = ts
            strategy = self.config.strategy
            inventory = {name: Decimal(repr(amount)) for name, amount in strategy.inventory_tokens.items()}
            self.books.apply(opening_entry(ts, Decimal(repr(strategy.capital_usd)), inventory))
        self.samples.append(self.sample(ts))

    def sample(self, ts: Ns) -> Sample:
        """The books as they stand."""
        engine = self.driver.engine
        result = self.books.profit_and_loss(marks(engine.market, ts, engine.hedge_marks()))
        return Sample(
            ts,
            None if result.net_usd is None else float(result.net_usd),
            float(result.realised_usd),
            float(self.books.reserved_usd),
            float(self.books.cash_usd),
        )

    def _book(self, fill: Fill) -> None:
        for entry in entries_for(fill, self._place(fill.instrument)):
            self.books.apply(entry)
            self.by_plan.setdefault(fill.plan_id, Books()).apply(entry)


def marks(market: Market, ts: Ns, hedges: Mapping[str, float] | None = None) -> dict[str, Decimal]:
    """USD per token and share at fair value, and a contract of ``hedges``; what has none is not there."""
    found = {name: Decimal(repr(usd)) for name, usd in (hedges or {}).items()}
    for name, state in market.instruments.items():
        symbol = state.token.symbol
        if symbol in found:
            continue
        fair = market.fair(name, ts)
        if fair is not None:
            found[symbol] = Decimal(repr(fair.value_usd))
            found.setdefault(state.underlying.info.ticker, Decimal(repr(fair.value_usd / state.multiplier)))
    return found
