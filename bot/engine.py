"""The engine: market → valuation → detector → strategy, one event at a time.

``step`` is a pure function of the engine's state and the event: no clock, no I/O, no randomness.
The daemon feeds it live ticks, ``replay`` feeds it a tape; the same events give the same messages.
Time is the events' own and never runs backwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import exp, log

from msgspec.structs import replace

from bot import forks, said, snapshot
from bot.config import Config
from bot.detector import bars, splits
from bot.detector.alarm import Alarm
from bot.detector.detector import Detector
from bot.detector.feeds import Beat
from bot.detector.references import SLOW_NS, follow
from bot.errors import DataError
from bot.market import (
    AHEAD_NS,
    MAX_PRICE,
    MAX_TS,
    MIN_PRICE,
    MIN_TS,
    InstrumentState,
    Market,
    ReferenceState,
    TokenState,
    UnderlyingState,
    check,
)
from bot.pools import decode, decode_book
from bot.registry.hours import ALWAYS
from bot.registry.issuer import CONVERT
from bot.registry.model import Registry
from bot.strategy import Strategy
from bot.strategy.book import book_greeks, hedge_marks, held_hedges
from bot.strategy.hedge_book import HedgeBook
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.strategy.mechanisms.bands import Bands
from bot.strategy.options import Greeks
from bot.timefmt import NS, duration, short
from bot.types import (
    WALLET,
    Basis,
    BasisState,
    Clock,
    Command,
    Event,
    Fill,
    Incident,
    Message,
    Ns,
    Plan,
    Quality,
    Quarantined,
    Session,
    Tick,
)
from bot.valuation import Estimate, SessionClock, Valuation
from bot.valuation.quality import KINDS, SAMPLE_NS, VENUE_SAMPLE_NS, Meter, beside_peers, told
from bot.valuation.rates import in_dollars

WIDE_SPREAD = 0.10
"""A quote whose ask is this far above its bid (as a log ratio) says nothing of the price."""
STILL = 1e-5
"""A reference's price that changes by less, as a ratio, stands still: it is rounding."""
QUOTED_NS = 3600 * NS
"""A book told within so long is judged by, not prints beside it; a pool's state holds until it changes."""
HEARD_NS = 900 * NS
"""A venue that was heard within so long before it opens was never silent."""
MAX_USD = 1e18


class Engine:
    """Holds all state; see :meth:`step`. ``now`` is event time, nanoseconds. ``shown``: whether anybody looks
    at where instruments stand and how good venues are, which decides nothing; if not, a ``Basis`` comes once,
    and with an incident."""

    def __init__(self, config: Config, registry: Registry, *, shown: bool = True) -> None:
        self.config = config
        self.clock = SessionClock(config.valuation)
        self.market = Market(registry)
        self.valuation = Valuation(config.valuation, self.clock, self.market)
        self.market.fair_value = self.valuation.fair_value
        bands = Bands(self.clock, config.strategy.financing_rate)
        self.detector = Detector(config, self.market, self.clock, bands)
        self.strategy = Strategy(config.strategy, registry)
        self.hedges = HedgeBook(registry, config.strategy.ineligible_hedges, self.strategy.desk.counts_on)
        self.now: Ns = 0
        self.heard: Ns = 0
        """When the last tick was of, whatever came since without one."""
        self._turns: Ns = 0
        """When the present session ends."""
        self._ahead: Ns = 0
        """How far the stamp of the present tick is ahead of the clock here."""
        self._sizes = config.detector.sizes_usd
        self._primary = config.detector.sizes_usd[0]
        self._shown = shown
        self._basis_every = int(config.detector.basis_interval_seconds * NS) if shown else MAX_TS
        self._plans = config.strategy.enabled

    def snapshot(self) -> bytes:
        """Everything the engine remembers, as JSON; see :mod:`bot.snapshot`."""
        return snapshot.dump(self)

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot, as if there had been no restart."""
        snapshot.load(self, data)
        self._turns = self.clock.session_end(self.now) if self.now else 0

    def standing(self) -> list[Basis]:
        """Where each instrument stood when it was last heard of: what to show after a restart."""
        seen = [state for state in self.market.instruments.values() if state.alarm is not None]
        return [
            self._basis(state, at, self.valuation.estimate(state, at), self.clock.session(at))
            for state in seen
            for at in (state.ts,)
        ]

    def qualities(self) -> Iterator[Quality]:
        """How good each source of a price is now, references first; may be stepped between two of them."""
        market = self.market
        known: list[tuple[ReferenceState | InstrumentState, UnderlyingState]]
        known = [(one, share) for share, one in market.references.values()]
        known += [(one, one.underlying) for one in market.instruments.values()]
        weights: dict[str, float] = {}
        for one, share in known:
            now, weight = self.now, None
            if isinstance(one, ReferenceState) and share.info.kind == "share":
                if one.name not in weights:
                    weights |= self.valuation.weights(share, now)
                weight = weights[one.name]
            session, begun = self.clock.session(now), self.clock.segment(now)[0]
            found = told(one, share.info.ticker, now, session, begun, weight)
            if found is not None:
                yield found

    def step(self, event: Event | Fill) -> list[Message]:
        """What follows from one event. A datum that cannot be used gives one ``Quarantined``."""
        out: list[Message] = []
        if type(event) is Tick:
            try:
                self._tick(event, out)
            except DataError as error:
                if error.reason == "crossed":
                    self.hedges.distrust(event.instrument)
                out.append(Quarantined(event.ts, event.instrument, error.reason, error.detail))
        elif isinstance(event, Fill):
            self.strategy.on_fill(event)
        elif isinstance(event, Command) and event.verb in ("kill", "release"):
            self.strategy.switch(event)
        elif isinstance(event, Command):
            told = self.detector.command(event)
            if told is not None:
                out.append(told)
        elif isinstance(event, Clock):
            self._advance(event.ts, out)
        return out

    def accepts(self, event: Event) -> Ns | None:
        """What time it will be once :meth:`step` has taken this event in; ``None`` for a tick that is refused
        as it stands, and then it stays what it was."""
        if type(event) is Tick:
            try:
                self._refuse(event)
            except DataError:
                return None
            at = min(event.ts, event.received) if event.received else event.ts
            return max(self.now, at)
        return max(self.now, event.ts) if isinstance(event, Clock) else self.now

    def _tick(self, tick: Tick, out: list[Message]) -> None:
        ts, received = tick.ts, tick.received
        bid, ask, price, size = tick.bid, tick.ask, tick.price, tick.size
        # The common shapes pass on comparisons alone (a NaN compares false); _refuse() says what is wrong.
        if not (
            MIN_TS <= ts < MAX_TS
            and (not received or ts - received <= AHEAD_NS)
            and (price is None or MIN_PRICE <= price < MAX_PRICE)
            and (
                (bid is None and ask is None)
                or (bid is not None and ask is not None and MIN_PRICE <= bid <= ask < MAX_PRICE)
            )
            and tick.high is None
            and tick.low is None
            and (size is None or 0.0 <= size < MAX_USD)
        ):
            self._refuse(tick)
        if received and ts > received:
            # Nothing is valid later than it was heard; believed, it would make what is stamped right too old.
            self._ahead = ts - received
            try:
                self._tick(replace(tick, ts=received), out)
            finally:
                self._ahead = 0
            return
        if ts > self.now:
            if self.detector.is_due(ts):
                out.extend(self.detector.due(ts, self.heard))
            self.now = ts
            if ts >= self._turns:
                self._turn(ts, out)
        if ts > self.heard:
            self.heard = ts
        name = tick.instrument
        state = self.market.instruments.get(name)
        if state is None:
            known = self.market.references.get(name)
            if known is None:
                if self.hedges.take(tick):
                    return
                admitted = self._admit(tick)
                if admitted is None:
                    return
                if isinstance(admitted, InstrumentState):
                    self._token(admitted, tick, out)
                    return
                known = self.market.references[name]
            self._reference(known[0], known[1], tick, out)
            return
        self._token(state, tick, out)

    def _refuse(self, tick: Tick) -> None:
        """Raise :class:`DataError` if anything of the tick cannot be; a bar, or half a quote, passes."""
        ts, received = tick.ts, tick.received
        if not MIN_TS <= ts < MAX_TS:
            raise DataError("bad_ts", f"ts is {ts}, not nanoseconds since 1970")
        if received and ts - received > AHEAD_NS:
            # Once believed, it would make all that is right come too late.
            raise DataError("time_ahead", f"{duration((ts - received) / NS)} ahead of the clock here")
        check(tick)

    def _admit(self, tick: Tick) -> InstrumentState | ReferenceState | None:
        name, _, place = tick.instrument.partition("@")
        if tick.kind == "multiplier":
            # A multiplier belongs to the token: `TOKEN@chain` needs no instrument of its own.
            token = self.market.registry.tokens.get(name)
            if token is None:
                raise DataError("unknown_instrument", tick.instrument)
            self._multiplied(forks.told(self.market, token, place, said.data(tick), tick.ts))
            return None
        if tick.kind == "status" and place in self.market.registry.chains:
            said.gas(self.market, tick)
            return None
        if tick.instrument.endswith(f":{CONVERT}"):
            said.conversion(self.market, tick)
            return None
        return forks.admit(self.market, tick.instrument)

    def _multiplied(self, token: TokenState) -> None:
        splits.multiplied(self.market, token)
        if self.market.forks:
            forks.join(self.market, token.token)

    def _advance(self, ts: Ns, out: list[Message]) -> None:
        if self.detector.is_due(ts):
            out.extend(self.detector.due(ts, self.heard))
        if ts > self.now:
            self.now = ts
            if ts >= self._turns:
                self._turn(ts, out)

    def _turn(self, ts: Ns, out: list[Message]) -> None:
        """Another session has begun: who closes is shown as closed, who opens and was silent as stale."""
        first, self._turns = not self._turns, self.clock.session_end(ts)
        if first:
            return
        session, (begun, until) = self.clock.session(ts), self.clock.segment(ts)
        for state in self.market.instruments.values():
            if state.sessions is ALWAYS or state.price is None or state.halted or state.alarm is None:
                continue
            is_open = session in state.sessions
            was_open = self.clock.session(begun - 1) in state.sessions
            if is_open == was_open or (is_open and ts - state.ts < HEARD_NS):
                continue
            basis = self._basis(state, ts, self.valuation.estimate(state, ts), session)
            if basis.state == "incident":
                continue
            note = "" if is_open else f"opens {short(self.clock.next_start(until, state.sessions))} UTC"
            out.append(replace(basis, state="stale" if is_open else "closed", note=note))

    def _reference(
        self, underlying: UnderlyingState, reference: ReferenceState, tick: Tick, out: list[Message]
    ) -> None:
        ts = tick.ts
        if ts < reference.ts:
            raise DataError("time_backwards", _earlier(reference.ts - ts))
        if tick.kind == "status":
            self._status(reference, underlying, tick, out)
            return
        bid, ask = tick.bid, tick.ask
        price = tick.price
        if bid is not None and ask is not None and log(ask / bid) < WIDE_SPREAD:
            price = (bid + ask) / 2
        if price is None:
            raise DataError("no_price", "neither a last price nor a usable quote")
        beat = reference.beat
        if beat is None or beat.left or self.detector.feeds.silent:
            self._hear(reference, underlying, ts, out)
        reference.ts = ts
        reference.bid, reference.ask = bid, ask
        if reference.price is not None:
            reference.previous = reference.log_price
        if reference.price is None or abs(price - reference.price) > STILL * price:
            log_price = log(price)
            if underlying.split is not None:
                log_price = splits.read(underlying, reference, log_price, ts)
            reference.price = price
            reference.log_price = log_price
            reference.changed = ts
        meter: Meter | None = reference.meter
        if meter is None or ts >= meter.due:
            self._measure(reference, ts, tick.received)
            apart = beside_peers(underlying, reference, ts) if len(underlying.references) > 2 else None
            if apart is not None:
                reference.meter.compare(apart, ts)
        if underlying.info.kind == "currency":
            self.market.peg(underlying, ts)
            told = self.detector.currency(underlying, reference, ts)
            if told is not None:
                out.append(told)
        elif not reference.halted:
            self.valuation.on_reference(underlying, reference, ts)
            if ts - underlying.slow_at >= SLOW_NS:
                follow(underlying, ts, self.clock.session(ts))
            if len(underlying.references) > 1:
                told = self.detector.references.judge(underlying, reference, ts, self.clock.session(ts))
                if told is not None:
                    out.append(told)

    def _measure(self, state: InstrumentState | ReferenceState, ts: Ns, received: Ns) -> None:
        """Take note of how well a source speaks."""
        meter: Meter = state.meter
        if meter is None:
            meter = state.meter = Meter(SAMPLE_NS if isinstance(state, ReferenceState) else VENUE_SAMPLE_NS)
        kind, begun = KINDS[self.clock.session(ts)], self.clock.segment(ts)[0]
        meter.see(ts, received - self._ahead, state.changed, kind, begun, state.steady)

    def _hear(self, state: InstrumentState | ReferenceState, underlying: UnderlyingState, ts: Ns,
              out: list[Message]) -> None:  # fmt: skip
        """It speaks: how often it does so is learnt, now and then; and a silence is over."""
        feeds = self.detector.feeds
        if state.beat is None:
            state.beat = Beat()
        elif state.beat.left:
            feeds.learn(state, ts)
        if feeds.silent and state.name in feeds.silent:
            told = feeds.heard(state.name, underlying.info.ticker, ts)
            if told is not None:
                out.append(told)

    def _token(self, state: InstrumentState, tick: Tick, out: list[Message]) -> None:
        ts = tick.ts
        if ts < state.ts:
            raise DataError("time_backwards", _earlier(state.ts - ts))
        kind = tick.kind
        if state.floats and kind not in ("status", "multiplier", "pool"):
            tick = in_dollars(self.market, state.quote_symbol, tick)
        token = state.token_state
        if token.next_multiplier is not None:
            token.advance(ts)
        if token.handled != token.changed:
            splits.multiplied(self.market, token)
        bid, ask = tick.bid, tick.ask
        price = tick.price
        if kind == "quote":
            if tick.data is not None:
                state.curve = decode_book(tick.data, state.fee_ratio)
                state.book_data, state.pool_data = tick.data, None
        elif kind == "trade":
            if state.curve is not None and (state.pool_data is not None or ts - state.quoted <= QUOTED_NS):
                # What can be had is known from the depth itself; a print beside it is no price.
                state.traded_usd = tick.size
                return
        elif kind == "pool":
            self._pool(state, tick)
            bid, ask, price = state.bid, state.ask, state.price
        elif kind == "multiplier":
            token.update(said.data(tick), ts)
            self._multiplied(token)
            return
        elif kind == "status":
            self._status(state, state.underlying, tick, out)
            return
        if price is None or (bid is not None and kind == "quote"):
            if bid is None or ask is None:
                raise DataError("no_price", "neither a last price nor both sides of a quote")
            price = (bid + ask) / 2
        log_price = log(price)
        if bid is not None and ask is not None:
            log_bid, log_ask = log(bid), log(ask)
        else:
            log_bid = log_ask = log_price
        beat = state.beat
        if beat is None or beat.left or self.detector.feeds.silent:
            self._hear(state, state.underlying, ts, out)
        state.previous_ts, state.ts = state.ts, ts
        state.price, state.weight = price, 0.0
        if kind != "pool":
            state.bid, state.ask = bid, ask
            state.traded_usd = tick.size
            state.is_bar = kind == "bar"
        if state.curve is not None:
            state.quoted = ts
        state.halted = False
        if state.alarm is None:
            self.detector.band_of(state, ts)
        if log_price != state.log_price:
            if state.changed:
                state.alarm.last_log = state.log_price
            state.changed = ts
            state.log_price = log_price
        if self._shown:
            meter: Meter | None = state.meter
            if meter is None or ts >= meter.due:
                self._measure(state, ts, tick.received)
        estimate = self.valuation.estimate(state, ts)
        session = self.clock.session(ts)
        coins = self.market.coins
        told: Incident | None = None
        if kind == "bar":
            told = self._bar(state, tick, estimate, log_price, out)
        if estimate is not None and log_ask - log_bid < WIDE_SPREAD:
            state.consensus_log = log_price - token.log_multiplier
            if coins:
                state.consensus_log = self._in_usd(state, log_price)
            again = self.detector.judge(state, ts, log_bid, log_ask, estimate, session)
            if again is not None:
                out.append(again)
                told = again
            self.valuation.on_token(state, ts, estimate)
            if coins:
                state.consensus_log = self._in_usd(state, state.log_price)
            if self.detector.resting:
                self._rest(state, ts, session, out)
        elif estimate is None:
            self.valuation.on_token(state, ts, None)
            if coins:
                state.consensus_log = self._in_usd(state, state.log_price)
        if told is not None or ts >= state.next_basis:
            state.next_basis = ts + self._basis_every
            out.append(self._basis(state, ts, estimate, session))
        incident = state.alarm.incident
        if incident is None or incident.of_coin or not self._plans:
            return
        if self.strategy.wants_plan(incident, ts):
            hedges = self._hedges(state, estimate, ts)
            plans: list[Plan] = self.strategy.plan(
                incident.message("update"), self.market, ts, hedges, partial(self._waiting, ts)
            )
            out.extend(plans[:1])

    def _waiting(self, ts: Ns) -> Iterator[tuple[Incident, HedgeQuotes | None]]:
        """The open incidents that wait for a plan, and what can carry their waits."""
        for incident in self.detector.open.values():
            state = self.market.instruments.get(incident.instrument)
            if state is not None and state.price is not None and self.strategy.wants_plan(incident, ts):
                estimate = self.valuation.estimate(state, ts)
                yield incident.message("update"), self._hedges(state, estimate, ts)

    def _hedges(self, state: InstrumentState, estimate: Estimate | None, ts: Ns) -> HedgeQuotes | None:
        """What can carry a wait beside short stock; ``None`` if nothing was ever told of."""
        underlying = state.underlying.info.ticker
        if estimate is None or underlying not in self.hedges.shares:
            return None
        desk, market = self.strategy.desk, self.market

        def coins_usd(symbol: str) -> float:
            return desk.free_tokens(symbol, WALLET) * (market.token_usd(symbol, ts) or 0.0)

        return self.hedges.quotes(underlying, ts, exp(estimate.log_share), market.multiplier, coins_usd)

    def greeks(self) -> tuple[dict[str, Greeks], list[str]]:
        """Of the whole book by underlying, and what could not be counted."""
        desk, market = self.strategy.desk, self.market
        beside, unknown = held_hedges(desk, self.hedges, market, self.now)
        total, more = book_greeks(desk, market, market.registry, self.now, beside)
        return total, [*more, *unknown]

    def hedge_marks(self) -> dict[str, float]:
        """USD a contract of what is held as a hedge, by the name the books know it by."""
        return hedge_marks(self.strategy.desk, self.hedges, self.market, self.now)

    def _rest(self, spoke: InstrumentState, ts: Ns, session: Session, out: list[Message]) -> None:
        """Judge the pools of the share that stand still, by what is known now."""
        resting, self.detector.resting = self.detector.resting, []
        for state in resting:
            bid, ask = state.bid, state.ask
            if state is spoke or bid is None or ask is None:
                continue
            estimate = self.valuation.estimate(state, ts)
            if estimate is None:
                continue
            told = self.detector.judge(state, ts, log(bid), log(ask), estimate, session)
            if told is not None:
                out.append(told)

    def _in_usd(self, state: InstrumentState, log_price: float) -> float:
        """Log price per share in dollars, whatever the venue quotes in: as others hear of it."""
        level = log_price - state.token_state.log_multiplier
        coins = self.market.coins
        return level + coins[state.quote_symbol] if coins and state.quote_symbol in coins else level

    def _bar(self, state: InstrumentState, tick: Tick, estimate: Estimate | None, log_close: float,
             out: list[Message]) -> Incident | None:  # fmt: skip
        """Judge how far a bar went beyond its close."""
        ts, moved = tick.ts, self.clock.variance_time
        rate = self.valuation.state_of(state.underlying).variance_rate
        drift = rate * (moved(ts) - moved(bars.begins(state, ts)))
        found = bars.excursion(state, tick, estimate, drift, log_close)
        if found is None:
            return None
        told = self.detector.judge(
            state, ts, found.extreme, found.extreme, found.around, self.clock.session(ts), found.came_back
        )
        if told is not None:
            out.append(told)
        return told

    def _pool(self, state: InstrumentState, tick: Tick) -> None:
        if tick.data is None:
            raise DataError("no_pool_state", "a pool tick carries its state in data")
        curve = state.curve if tick.data == state.pool_data else decode(tick.data)
        assert curve is not None
        try:
            spot = curve.spot()
            sold, bought = curve.sell(self._primary), curve.buy(self._primary)
        except ArithmeticError as error:
            raise DataError("bad_pool_state", f"it gives no price: {error}") from None
        if not MIN_PRICE <= spot < MAX_PRICE:
            raise DataError("bad_price", f"pool's spot is {spot!r}")
        state.curve, state.pool_data, state.book_data = curve, tick.data, None
        # Executable for the primary size where the pool can fill it; the marginal price where not.
        state.bid = sold.price if sold is not None else spot
        state.ask = bought.price if bought is not None else spot
        if state.bid > state.ask or log(state.ask / state.bid) > WIDE_SPREAD:
            state.bid = state.ask = spot
        state.price = spot
        state.liquidity_usd = tick.size

    def _status(
        self,
        state: InstrumentState | ReferenceState,
        underlying: UnderlyingState,
        tick: Tick,
        out: list[Message],
    ) -> None:
        """A venue is halted, or a source has lost it: its last price stays, but is not judged by."""
        data = said.data(tick)
        word, reason = said.state(tick)
        state.halted = word in said.SHUT
        state.halted_reason = reason
        if isinstance(state, ReferenceState):
            state.word = word
            underlying.doubt = None
        elif state.venue_kind == "issuer" or state.venue == "issuer":
            said.channel(self.market, state, data)
            short = self.detector.custody(state, tick.ts)
            if short is not None:
                out.append(short)
        if word in ("up", "open", "down"):
            told = self.detector.feeds.status(
                state.name, underlying.info.ticker, word != "down", reason, tick.ts
            )
            if told is not None:
                out.append(told)
        if isinstance(state, InstrumentState) and state.price is not None:
            ts = tick.ts
            out.append(self._basis(state, ts, self.valuation.estimate(state, ts), self.clock.session(ts)))

    def _basis(self, state: InstrumentState, ts: Ns, estimate: Estimate | None, session: Session) -> Basis:
        limits = self.detector.band_of(state, ts)
        fair_value = basis = sd = age = None
        if estimate is not None:
            base = estimate.log_share + state.token_state.log_multiplier
            fair_value, sd = exp(base), estimate.variance**0.5
            basis = state.log_price - base
            age = None if estimate.age_ns is None else estimate.age_ns / NS
        alarm: Alarm = state.alarm
        status: BasisState
        if alarm.incident is not None:
            status = "incident"
        elif state.halted:
            status = "halted"
        elif estimate is None:
            status = "unpriced"
        else:
            status = "pending" if alarm.count else "ok"
        return Basis(
            ts, state.name, state.underlying.info.ticker, session, state.price, state.bid, state.ask,
            fair_value, sd, basis, limits.low, limits.high, age, state.liquidity_usd, status,
            state.multiplier, state.halted_reason if state.halted else "",
        )  # fmt: skip


def _earlier(ns: Ns) -> str:
    return f"{duration(ns / NS) if ns >= NS else f'{ns:,} ns'} before the last one"
