"""One pass over tapes with books: the same driver and the same double entries as the daemon's, in memory."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from decimal import Decimal
from heapq import heappop, heappush

from msgspec import Struct

from bot.backtest.capital import Meter, Use, use_of
from bot.config import Config
from bot.ledger.accounts import custody, entries_for, opening_entry
from bot.ledger.books import Books
from bot.market import Market
from bot.registry.model import Registry
from bot.replay import Replay
from bot.timefmt import NS
from bot.types import Basis, Fill, Ns, Plan, Tick

SAMPLE_SECONDS = 3600.0
AFTER_SECONDS = 180.0
"""A plan is valued so long after its time is over: its last legs wait for quotes."""
UNDER_WAY = frozenset({"sending", "waiting"})
"""States of plans with legs to come: they are valued later, and not at all if the tape ends before."""


class Sample(Struct, frozen=True, gc=False):
    """The books at a moment, USD. ``net`` is profit since the start at fair value, ``None`` while something
    held has none; ``use`` what of the capital is bound."""

    ts: Ns
    net: float | None
    realised: float
    cash: float
    use: Use = Use()


class Backtest(Replay):
    """A replay that books its fills. ``samples`` is the equity curve, hourly in event time; ``came`` is what
    each plan that filled came to, USD at fair value when its own time was over and all its legs were done; a
    plan with legs to come is not in it, one that holds what has no fair value is ``None``."""

    def __init__(self, config: Config, registry: Registry, sample_seconds: float = SAMPLE_SECONDS) -> None:
        super().__init__(config, registry)
        self.books = Books()
        self.by_plan: dict[str, Books] = {}
        self.traded: dict[str, Plan] = {}
        self.samples: list[Sample] = []
        self.meter = Meter()
        self.came: dict[str, float | None] = {}
        self.started: Ns = 0
        self.config = config
        self._place = custody(registry)
        self._every = int(sample_seconds * NS)
        self._next: Ns = 0
        self._sample_at: Ns = 0
        self._over: list[tuple[Ns, str]] = []

    def keep(self, messages: Iterable[object]) -> None:
        """Book what was filled, and remember what was traded."""
        for message in messages:
            if type(message) is Basis:
                continue
            if isinstance(message, Fill):
                self._book(message)
            elif isinstance(message, Plan) and message.decision == "trade":
                self.traded[message.id] = message
        super().keep(messages)

    def run(self, ticks: Iterable[Tick], progress: Callable[[int, int], None] | None = None) -> None:
        """Feed all ticks, then let what is under way settle, as far as time alone settles it."""
        super().run(self._passing(ticks), progress)
        self.meter.stop(self.driver.now)
        broker = self.driver.broker
        while broker is not None and (due := broker.next_settlement) is not None:
            self.keep(broker.due(due, self.driver.engine.market))
        if self.started:
            self.samples.append(self.sample(self.driver.now))
        left, self._over = self._over, []
        for _, plan_id in left:
            self._value(plan_id, self.driver.now)

    def _passing(self, ticks: Iterable[Tick]) -> Iterator[Tick]:
        for tick in ticks:
            if tick.ts >= self._next:
                self._pass(tick.ts)
            yield tick

    def _pass(self, ts: Ns) -> None:
        """Open the books at first; look at them now and then, and at a plan's when its time is over."""
        if not self.started:
            self._open(ts)
        while self._over and self._over[0][0] <= ts:
            self._value(heappop(self._over)[1], ts)
        if ts >= self._sample_at:
            self._sample_at = ts + self._every
            self.samples.append(self.sample(ts))
        self._look()

    def _open(self, ts: Ns) -> None:
        self.started = ts
        self.meter.start(ts)
        strategy = self.config.strategy
        inventory = {name: Decimal(repr(amount)) for name, amount in strategy.inventory_tokens.items()}
        self.books.apply(opening_entry(ts, Decimal(repr(strategy.capital_usd)), inventory))

    def _look(self) -> None:
        over = self._over[0][0] if self._over else self._sample_at
        self._next = min(self._sample_at, over)

    def sample(self, ts: Ns) -> Sample:
        """The books as they stand."""
        result = self.books.profit_and_loss(self._marks(ts, self.books))
        net, cash = result.net_usd, float(self.books.cash_usd)
        return Sample(
            ts, None if net is None else float(net), float(result.realised_usd), cash, self.meter.now
        )

    def _book(self, fill: Fill) -> None:
        entries = entries_for(fill, self._place(fill.instrument))
        if not entries:
            return
        plan = self.traded.get(fill.plan_id)
        if fill.plan_id not in self.by_plan and plan is not None:
            over = plan.created + round((plan.duration_seconds + AFTER_SECONDS) * NS)
            heappush(self._over, (over, plan.id))
            self._look()
        books = self.by_plan.setdefault(fill.plan_id, Books())
        for entry in entries:
            self.books.apply(entry)
            books.apply(entry)
        self.meter.put(fill.ts, fill.plan_id, use_of(books))

    def _value(self, plan_id: str, ts: Ns) -> None:
        broker = self.driver.broker
        if broker is not None and broker.state_of(plan_id) in UNDER_WAY:
            heappush(self._over, (ts + self._every, plan_id))
            return
        books = self.by_plan[plan_id]
        net = books.profit_and_loss(self._marks(ts, books)).net_usd
        self.came[plan_id] = None if net is None else float(net)

    def _marks(self, ts: Ns, books: Books) -> dict[str, Decimal]:
        engine = self.driver.engine
        return marks(engine.market, ts, engine.hedge_marks(), books.traded)


def marks(market: Market, ts: Ns, hedges: Mapping[str, float] | None = None,
          only: Container[str] | None = None) -> dict[str, Decimal]:  # fmt: skip
    """USD per token and share at fair value, and a contract of ``hedges``; what has none is not there. Of
    tokens and shares ``only`` these, if they are named."""
    found = {name: Decimal(repr(usd)) for name, usd in (hedges or {}).items()}
    for name, state in market.instruments.items():
        symbol, share = state.token.symbol, state.underlying.info.ticker
        if symbol in found or not (only is None or symbol in only or share in only):
            continue
        fair = market.fair(name, ts)
        if fair is not None:
            found[symbol] = Decimal(repr(fair.value_usd))
            found.setdefault(share, Decimal(repr(fair.value_usd / state.multiplier)))
    return found
