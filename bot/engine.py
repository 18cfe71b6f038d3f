"""The engine: market → valuation → detector → strategy, one event at a time.

``step`` is a pure function of the engine's state and the event: no clock, no I/O, no randomness.
The daemon feeds it live ticks, ``replay`` feeds it a tape; the same events give the same messages.
Time is the events' own and never runs backwards.
"""

from __future__ import annotations

from math import exp, log
from typing import Any

import msgspec

from bot import snapshot
from bot.config import Config
from bot.detector.detector import Alarm, Detector
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
    UnderlyingState,
    check,
)
from bot.pools import decode, decode_book
from bot.registry.model import Registry
from bot.strategy import Strategy
from bot.timefmt import NS, duration
from bot.types import (
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
    Quarantined,
    Tick,
)
from bot.valuation import Estimate, SessionClock, Valuation

WIDE_SPREAD = 0.10
"""A quote whose ask is this far above its bid (as a log ratio) says nothing of the price."""
BAR_SECONDS = 3600.0
MAX_USD = 1e18

_decode_json = msgspec.json.Decoder(dict[str, Any]).decode


class Engine:
    """Holds all state; see :meth:`step`. ``now`` is event time, nanoseconds."""

    def __init__(self, config: Config, registry: Registry) -> None:
        self.config = config
        self.clock = SessionClock(config.valuation)
        self.market = Market(registry)
        self.valuation = Valuation(config.valuation, self.clock)
        self.market.fair_value = self.valuation.fair_value
        self.detector = Detector(config, self.market)
        self.strategy = Strategy(config.strategy, registry)
        self.now: Ns = 0
        self._sizes = config.detector.sizes_usd
        self._primary = config.detector.sizes_usd[0]
        self._basis_every = int(config.detector.basis_interval_seconds * NS)
        self._plans = config.strategy.enabled

    def snapshot(self) -> bytes:
        """Everything the engine remembers, as JSON; see :mod:`bot.snapshot`."""
        return snapshot.dump(self)

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot, as if there had been no restart."""
        snapshot.load(self, data)

    def standing(self) -> list[Basis]:
        """Where each instrument stood when it was last heard of: what to show after a restart."""
        seen = [state for state in self.market.instruments.values() if state.alarm is not None]
        return [self._basis(state, state.ts, self.valuation.estimate(state, state.ts)) for state in seen]

    def step(self, event: Event | Fill) -> list[Message]:
        """What follows from one event. A datum that cannot be used gives one ``Quarantined``."""
        if type(event) is Tick:
            return self._tick(event)
        out: list[Message] = []
        if isinstance(event, Fill):
            self.strategy.on_fill(event)
        elif isinstance(event, Command):
            told = self.detector.command(event)
            if told is not None:
                out.append(told)
        elif isinstance(event, Clock):
            self._advance(event.ts, out)
        return out

    def _tick(self, tick: Tick) -> list[Message]:
        out: list[Message] = []
        ts = tick.ts
        try:
            self._validate(tick)
            if ts > self.now:
                self._advance(ts, out)
            name = tick.instrument
            state = self.market.instruments.get(name)
            if state is not None:
                self._token(state, tick, out)
                return out
            known = self.market.references.get(name)
            if known is None:
                admitted = self._admit(tick)
                if isinstance(admitted, InstrumentState):
                    self._token(admitted, tick, out)
                    return out
                if admitted is None:
                    return out
                known = self.market.references[name]
            self._reference(known[0], known[1], tick, out)
        except DataError as error:
            out.append(Quarantined(ts, tick.instrument, error.reason, error.detail))
        return out

    def _validate(self, tick: Tick) -> None:
        ts, received = tick.ts, tick.received
        if not MIN_TS <= ts < MAX_TS:
            raise DataError("bad_ts", f"ts is {ts}, not nanoseconds since 1970")
        if received and ts - received > AHEAD_NS:
            # Once believed, it would make all that is right come too late.
            raise DataError("time_ahead", f"{duration((ts - received) / NS)} ahead of the clock here")
        price = tick.price
        bid, ask = tick.bid, tick.ask
        # The common shapes pass on comparisons alone (a NaN compares false); check() says what is wrong.
        quoted = bid is not None and ask is not None and MIN_PRICE <= bid <= ask < MAX_PRICE
        plain = tick.high is None and tick.low is None and (tick.size is None or 0.0 <= tick.size < MAX_USD)
        priced = price is None or MIN_PRICE <= price < MAX_PRICE
        if plain and priced and (quoted or (bid is None and ask is None)):
            return
        check(tick)

    def _admit(self, tick: Tick) -> InstrumentState | ReferenceState | None:
        if tick.kind == "multiplier":
            # A multiplier belongs to the token: `TOKEN@chain` needs no instrument of its own.
            token = self.market.registry.tokens.get(tick.instrument.partition("@")[0])
            if token is None:
                raise DataError("unknown_instrument", tick.instrument)
            self.market.token_state(token).update(_json(tick), tick.ts)
            return None
        return self.market.admit(tick.instrument)

    def _advance(self, ts: Ns, out: list[Message]) -> None:
        due = self.detector.next_due
        if due is not None and due <= ts:
            for incident in self.detector.due(ts):
                out.append(incident)
        if ts > self.now:
            self.now = ts

    def _reference(
        self, underlying: UnderlyingState, reference: ReferenceState, tick: Tick, out: list[Message]
    ) -> None:
        if tick.ts < reference.ts:
            raise DataError("time_backwards", _earlier(reference.ts - tick.ts))
        if tick.kind == "status":
            self._status(reference, underlying, tick, out)
            return
        bid, ask = tick.bid, tick.ask
        price = tick.price
        if bid is not None and ask is not None and log(ask / bid) < WIDE_SPREAD:
            price = (bid + ask) / 2
        if price is None:
            raise DataError("no_price", "neither a last price nor a usable quote")
        reference.ts = tick.ts
        reference.bid, reference.ask = bid, ask
        if price != reference.price:
            reference.price = price
            reference.log_price = log(price)
            reference.changed = tick.ts
        if not reference.halted:
            self.valuation.on_reference(underlying, reference, tick.ts)

    def _token(self, state: InstrumentState, tick: Tick, out: list[Message]) -> None:
        ts = tick.ts
        if ts < state.ts:
            raise DataError("time_backwards", _earlier(state.ts - ts))
        kind = tick.kind
        token = state.token_state
        if token.next_multiplier is not None:
            token.advance(ts)
        bid, ask = tick.bid, tick.ask
        price = tick.price
        if kind == "pool":
            self._pool(state, tick)
            bid, ask, price = state.bid, state.ask, state.price
        elif kind == "multiplier":
            token.update(_json(tick), ts)
            return
        elif kind == "status":
            self._status(state, state.underlying, tick, out)
            return
        elif kind == "quote" and tick.data is not None:
            state.curve = decode_book(tick.data, state.fee_ratio)
            state.book_data, state.pool_data = tick.data, None
        if price is None or (bid is not None and kind == "quote"):
            if bid is None or ask is None:
                raise DataError("no_price", "neither a last price nor both sides of a quote")
            price = (bid + ask) / 2
        log_price = log(price)
        if bid is not None and ask is not None:
            log_bid, log_ask = log(bid), log(ask)
        else:
            log_bid = log_ask = log_price
        if state.alarm is None:
            state.alarm = Alarm()
        state.previous_ts, state.ts = state.ts, ts
        if log_price != state.log_price:
            if state.changed:
                state.alarm.last_log = state.log_price
            state.changed = ts
            state.log_price = log_price
        state.price = price
        if kind != "pool":
            state.bid, state.ask = bid, ask
            state.traded_usd = tick.size
            state.is_bar = kind == "bar"
        state.halted = False
        estimate = self.valuation.estimate(state, ts)
        session = self.clock.session(ts)
        told: Incident | None = None
        if kind == "bar":
            told = self._bar(state, tick, estimate, log_price, out)
        if estimate is not None and log_ask - log_bid < WIDE_SPREAD:
            again = self.detector.judge(state, ts, log_bid, log_ask, estimate, session)
            if again is not None:
                out.append(again)
                told = again
            self.valuation.on_token(state, ts, estimate)
        elif estimate is None:
            self.valuation.on_token(state, ts, None)
        if told is not None or ts >= state.next_basis:
            state.next_basis = ts + self._basis_every
            out.append(self._basis(state, ts, estimate))
        incident = state.alarm.incident
        if incident is not None and self._plans and self.strategy.wants_plan(incident.message("update"), ts):
            plans: list[Plan] = self.strategy.plan(incident.message("update"), self.market, ts)
            out.extend(plans[:1])

    def _bar(self, state: InstrumentState, tick: Tick, estimate: Estimate | None, log_close: float,
             out: list[Message]) -> Incident | None:  # fmt: skip
        """Judge a bar's excursion: how far it went beyond both its close and what was fair around it."""
        if tick.high is None or tick.low is None:
            return None
        ts = tick.ts
        span = min(ts - state.previous_ts if state.previous_ts else 0, int(BAR_SECONDS * NS)) or int(
            BAR_SECONDS * NS
        )
        fair_state = self.valuation.state_of(state.underlying)
        drift = fair_state.variance_rate * (
            self.clock.variance_time(ts) - self.clock.variance_time(ts - span)
        )
        if estimate is None:
            estimate = Estimate(log_close - state.token_state.log_multiplier, drift, False, None)
        base = estimate.log_share + state.token_state.log_multiplier
        log_high, log_low = log(tick.high), log(tick.low)
        over, under = log_high - max(base, log_close), min(base, log_close) - log_low
        extreme, centre = (
            (log_high, max(base, log_close)) if over > under else (log_low, min(base, log_close))
        )
        if over <= 0 and under <= 0:
            return None
        around = Estimate(
            centre - state.token_state.log_multiplier, estimate.variance + drift, False, estimate.age_ns
        )
        came_back = abs(extreme - log_close) > 0.5 * max(over, under)
        told = self.detector.judge(
            state, ts, extreme, extreme, around, self.clock.session(ts), reverted=came_back
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
        data = _json(tick)
        word, reason = data.get("state"), str(data.get("reason", ""))
        if word not in ("up", "open", "down", "halted", "closed"):
            raise DataError("bad_data", f"status {word!r}")
        state.halted = word in ("down", "halted", "closed")
        state.halted_reason = reason
        if word in ("up", "open", "down"):
            told = self.detector.feed(state.name, underlying.info.ticker, word != "down", reason, tick.ts)
            if told is not None:
                out.append(told)
        if isinstance(state, InstrumentState) and state.price is not None:
            out.append(self._basis(state, tick.ts, self.valuation.estimate(state, tick.ts)))

    def _basis(self, state: InstrumentState, ts: Ns, estimate: Estimate | None) -> Basis:
        session = self.clock.session(ts)
        limits = self.detector.band_of(state, session)
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


def _json(tick: Tick) -> dict[str, Any]:
    try:
        return _decode_json(tick.data or "{}")
    except msgspec.DecodeError as error:
        raise DataError("bad_data", str(error)) from None
