"""The market as last seen: one state per instrument, grouped by underlying; what a tick does to it.

States are plain slots of numbers, updated in place, so that a tick costs a few microseconds and a
snapshot is a dictionary. Nothing here judges a price: that is for valuation and detector.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import TYPE_CHECKING, Any

from bot.errors import DataError
from bot.registry.hours import ALWAYS
from bot.registry.model import Issuer, Registry, Token, Underlying, VenueKind
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Ns, Session, Tick

if TYPE_CHECKING:
    from bot.pools import Curve
    from bot.valuation.fair import FairValue

MIN_PRICE, MAX_PRICE = 1e-9, 1e12
MIN_MULTIPLIER, MAX_MULTIPLIER = 1e-6, 1e6
MIN_TS, MAX_TS = at("2000-01-01"), at("2100-01-01")
"""What is earlier or later was not meant as nanoseconds since 1970."""
AHEAD_NS = 900 * NS
"""So far ahead of the clock here a source's may be."""
FRESH_NS = 120 * NS
"""In the regular session a share's price that has not changed for longer is not fresh."""

UNSTEADY: tuple[VenueKind, ...] = ("pool", "issuer")
"""A pool speaks when somebody trades, an issuer when it has news or while it mints."""
SUPPLY_IN_SHARES = 0.004
CURRENCY_MAX_AGE_NS = 3600 * NS
OFF_PEG = 0.004
"""A currency farther from a dollar than this (as a log) is off its peg."""
COVERED = 0.995
SAME_SPLIT = 0.003
"""Two steps of multipliers this near, as logs, are one split."""


class TokenState:
    """A token's multiplier as of a time; one that is announced takes over when its time has come."""

    __slots__ = (
        "behind",
        "changed",
        "channel_halted",
        "channel_reason",
        "coverage",
        "handled",
        "known",
        "log_multiplier",
        "multiplier",
        "next_at",
        "next_multiplier",
        "noted",
        "previous",
        "suspect",
        "token",
        "told",
    )

    def __init__(self, token: Token) -> None:
        self.token = token
        self.multiplier = 1.0
        self.log_multiplier = 0.0
        self.known = False
        self.changed: Ns = 0
        self.told: Ns = 0
        """When it was last told anew: as ``changed``, but the first time counts, too."""
        self.previous: float | None = None
        self.behind = 0.0
        """A split (as a log) that other tokens of the share are on and this one is not yet: until it is, it
        stands for so many more of the new shares than its multiplier says."""
        self.next_multiplier: float | None = None
        self.next_at: Ns = 0
        self.noted = 0.0
        """The log multiplier that all that is known was worked out with."""
        self.handled: Ns = 0
        """The last change that was looked at: whether it is a split that the share does not trade on yet."""
        self.channel_halted = False
        self.channel_reason = ""
        self.suspect = False
        """Whether mint and redeem do not hold its price now, or less is behind it than should be."""
        self.coverage: float | None = None
        """Shares in custody per share that the tokens stand for, as last told."""

    def channel(self, data: dict[str, Any]) -> None:
        """What a ``status`` of ``TOKEN@issuer`` says: whether it mints and redeems, and what backs it.

        Supply may be told in tokens or in shares: exactly one for one is taken as shares.
        """
        held, supply = _amount(data, "shares_held"), _amount(data, "circulating_supply")
        if held is not None and supply:
            plain = held / supply
            self.coverage = plain if abs(plain - 1.0) <= SUPPLY_IN_SHARES else plain / self.multiplier
            self._suspect()
            return
        word = data.get("state")
        if word in ("halted", "closed"):
            self.channel_halted, self.channel_reason = True, str(data.get("reason", ""))
        elif word in ("open", "up"):
            self.channel_halted, self.channel_reason = False, ""
        self._suspect()

    def _suspect(self) -> None:
        self.suspect = self.channel_halted or (self.coverage is not None and self.coverage < COVERED)

    def advance(self, ts: Ns) -> None:
        """Let an announced multiplier take over if its time has come."""
        if self.next_multiplier is not None and ts >= self.next_at:
            self._set(self.next_multiplier, self.next_at)
            self.next_multiplier = None

    def update(self, data: dict[str, Any], ts: Ns) -> None:
        """What a ``multiplier`` tick says. Raises :class:`DataError` on numbers that cannot be."""
        current = _positive(data, "multiplier")
        announced = data.get("new_multiplier")
        if announced:
            effective = data.get("effective_ns", 0)
            if not isinstance(effective, int):
                raise DataError("bad_multiplier", f"effective_ns is {effective!r}")
            self.next_multiplier, self.next_at = _positive(data, "new_multiplier"), effective
        if current != self.multiplier and not (self.next_multiplier is not None and ts >= self.next_at):
            self._set(current, ts)
        self.known = True
        self.advance(ts)

    def _set(self, multiplier: float, ts: Ns) -> None:
        if self.known:  # the first one heard is news to us, not a change
            self.previous, self.changed = self.multiplier, ts
        if self.behind and abs(log(multiplier / self.multiplier) - self.behind) < SAME_SPLIT:
            self.behind = 0.0
        self.told = ts
        self.multiplier = multiplier
        self.log_multiplier = log(multiplier) + self.behind

    def split_ahead(self, step: float) -> None:
        """Other tokens of the share have split, by a log step of shares per token; 0 if that is over."""
        self.log_multiplier += step - self.behind
        self.noted += step - self.behind
        self.behind = step


def _amount(data: dict[str, Any], key: str) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0.0 <= value < 1e18:
        raise DataError("bad_data", f"{key} is {value!r}")
    return float(value)


def _positive(data: dict[str, Any], key: str) -> float:
    value = data.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise DataError("bad_multiplier", f"{key} is {value!r}")
    if not MIN_MULTIPLIER <= value <= MAX_MULTIPLIER:
        raise DataError("bad_multiplier", f"{key} is {value!r}")
    return float(value)


class InstrumentState:
    """What is known of one token on one venue. ``None`` is not known; ``ts`` is when it was valid."""

    __slots__ = (
        "alarm",
        "ask",
        "beat",
        "bid",
        "book_data",
        "changed",
        "consensus_log",
        "curve",
        "fee_ratio",
        "floats",
        "halted",
        "halted_reason",
        "is_bar",
        "liquidity_usd",
        "log_price",
        "meter",
        "name",
        "next_basis",
        "pool_data",
        "previous_ts",
        "price",
        "quote_symbol",
        "quoted",
        "sessions",
        "steady",
        "token",
        "token_state",
        "traded_usd",
        "ts",
        "underlying",
        "venue",
        "venue_kind",
        "weight",
    )

    def __init__(self, name: str, token_state: TokenState, underlying: UnderlyingState, venue: str,
                 kind: VenueKind, fee_ratio: float, quote_symbol: str = "USD",
                 sessions: frozenset[Session] = ALWAYS) -> None:  # fmt: skip
        self.name = name
        self.token_state = token_state
        self.token = token_state.token
        self.underlying = underlying
        self.venue = venue
        self.venue_kind = kind
        self.fee_ratio = fee_ratio
        self.quote_symbol = quote_symbol
        self.floats = False
        """Whether it is quoted in what is no dollar: EUR."""
        self.sessions = sessions
        """Those in which the venue is open for this token."""
        self.steady = kind not in UNSTEADY
        """Whether its silence says anything."""
        self.ts: Ns = 0
        self.previous_ts: Ns = 0
        self.changed: Ns = 0
        self.bid: float | None = None
        self.ask: float | None = None
        self.price: float | None = None
        self.log_price = 0.0
        self.consensus_log: float | None = None
        self.traded_usd: float | None = None
        self.liquidity_usd: float | None = None
        self.curve: Curve | None = None
        self.pool_data: str | None = None
        self.book_data: str | None = None
        self.is_bar = False
        self.quoted: Ns = 0
        """When depth was last told."""
        self.halted = False
        self.halted_reason = ""
        self.weight = 0.0
        """How much its price counts beside others', by depth and spread; 0: not worked out since it spoke."""
        self.next_basis: Ns = 0
        self.alarm: Any = None
        self.beat: Any = None
        self.meter: Any = None

    @property
    def multiplier(self) -> float:
        """Shares per token, as last known."""
        return self.token_state.multiplier


class ReferenceState:
    """One source of the share's own price."""

    steady = True
    __slots__ = (
        "ask",
        "beat",
        "bid",
        "changed",
        "differs",
        "distrusted",
        "halted",
        "halted_reason",
        "log_price",
        "meter",
        "name",
        "oracle",
        "previous",
        "price",
        "sessions",
        "ts",
        "word",
    )

    def __init__(self, name: str, oracle: bool = False, sessions: frozenset[Session] = ALWAYS) -> None:
        self.name = name
        self.sessions = sessions
        """Those in which it speaks."""
        self.oracle = oracle
        self.previous: float | None = None
        """Its log price before the last tick."""
        self.distrusted = False
        """Whether it is at fault by the others: it is not heard while that lasts."""
        self.differs: Ns = 0
        """Since when it is far from the other references."""
        self.word = "open"
        """The last state told: ``halted`` is the share's, ``down`` is the source's."""
        self.ts: Ns = 0
        self.changed: Ns = 0
        self.bid: float | None = None
        self.ask: float | None = None
        self.price: float | None = None
        self.log_price = 0.0
        self.halted = False
        self.halted_reason = ""
        self.beat: Any = None
        self.meter: Any = None


class UnderlyingState:
    """A share, its references and the instruments that stand for it."""

    __slots__ = (
        "doubt", "fair", "group", "info", "instruments", "references", "slow", "slow_at", "split", "split_at",
    )  # fmt: skip

    def __init__(self, info: Underlying) -> None:
        self.info = info
        self.instruments: list[InstrumentState] = []
        self.references: dict[str, ReferenceState] = {}
        self.fair: Any = None
        self.group: Any = None
        self.doubt: Any = None
        """Of a currency: how sure its worth is, as long as no reference of it speaks (valuation's)."""
        self.slow: float | None = None
        """Where the references have been lately: log of a share, a slow average as of ``slow_at``."""
        self.slow_at: Ns = 0
        self.split: float | None = None
        """A split (as a log) that tokens are on and references may not be, since ``split_at``."""
        self.split_at: Ns = 0

    @property
    def halt(self) -> str | None:
        """That trading in the share is halted, and why, if one of its references says so: an oracle that is
        paused says nothing of it."""
        for one in self.references.values():
            if one.halted and one.word == "halted" and not one.oracle:
                why = f": {one.halted_reason}" if one.halted_reason else ""
                return f"trading in {self.info.ticker} is halted{why}"
        return None


class Market:
    """All instruments seen so far. Unknown names raise :class:`DataError` ``unknown_instrument``."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.fair_value: Callable[[InstrumentState, Ns], FairValue | None] = lambda _state, _ts: None
        self.instruments: dict[str, InstrumentState] = {}
        self.references: dict[str, tuple[UnderlyingState, ReferenceState]] = {}
        self.underlyings: dict[str, UnderlyingState] = {}
        self.tokens: dict[str, TokenState] = {}
        self.forks: dict[str, TokenState] = {}
        """By ``TOKEN@chain``: states of tokens whose multiplier is another there (:mod:`bot.forks`)."""
        self.speakers: dict[str, list[str]] = {}
        """Chains that have told a token's multiplier."""
        self.coins: dict[str, float] = {}
        """Currencies off their peg: log of what one is worth in USD."""
        self.gas: dict[str, tuple[float, Ns]] = {}
        """By chain: what a unit of gas costs, in its gas token, and when that was told."""
        self.conversions: dict[str, str] = {}
        """Conversions that are halted, by name (``TSLAx@kraken:convert``), and why."""

    def instrument(self, name: str) -> InstrumentState | None:
        """The instrument by name, if a tick of it has been seen."""
        return self.instruments.get(name)

    def instruments_of(self, underlying: str) -> list[InstrumentState]:
        """All instruments of an underlying, in the order first seen."""
        state = self.underlyings.get(underlying)
        return state.instruments if state else []

    def share_halted(self, underlying: str) -> str | None:
        """Why nobody can say what the share is worth: see :attr:`UnderlyingState.halt`."""
        state = self.underlyings.get(underlying)
        return state.halt if state is not None else None

    def issuer_of(self, instrument: InstrumentState) -> Issuer:
        """Who issued the instrument's token."""
        return self.registry.issuers[instrument.token.issuer]

    def fair(self, name: str, ts: Ns) -> FairValue | None:
        """Fair value of one token of this instrument at ``ts``; ``None`` if there is no basis for one."""
        state = self.instruments.get(name)
        return None if state is None else self.fair_value(state, ts)

    def token_state(self, token: Token) -> TokenState:
        """The state of a token, made on first use."""
        state = self.tokens.get(token.symbol)
        if state is None:
            state = self.tokens[token.symbol] = TokenState(token)
        return state

    def multiplier(self, symbol: str) -> float:
        """Shares per token as last known; one for one where nobody has told."""
        state = self.tokens.get(symbol)
        return state.multiplier if state is not None else 1.0

    def share_usd(self, underlying: str, ts: Ns, max_age: Ns | None = None) -> float | None:
        """What a share is worth: its fair value, or without one the freshest reference that is trusted.

        ``None`` if nobody says, or if the reference behind it is older than ``max_age``.
        """
        state = self.underlyings.get(underlying)
        if state is None:
            return None
        for one in state.instruments:
            fair = self.fair(one.name, ts)
            if fair is not None and (max_age is None or (fair.age_seconds or 0.0) * NS <= max_age):
                return fair.value_usd / one.multiplier
        told = [
            one
            for one in state.references.values()
            if one.price is not None
            and not (one.halted or one.distrusted)
            and (max_age is None or ts - one.ts <= max_age)
        ]
        return max(told, key=lambda one: one.ts).price if told else None

    def token_usd(self, symbol: str, ts: Ns) -> float | None:
        """Fair value of a token, by the first of its instruments that knows."""
        token = self.registry.tokens.get(symbol)
        for state in self.instruments_of(token.underlying) if token is not None else ():
            if state.token.symbol == symbol and (fair := self.fair(state.name, ts)) is not None:
                return fair.value_usd
        return None

    def peg(self, currency: UnderlyingState, ts: Ns) -> None:
        """What a currency is worth: median of its references of the last hour, of two middle ones that nearer
        to a dollar; kept while it is off its peg.
        """
        currency.doubt = None
        seen = sorted(
            one.log_price
            for one in currency.references.values()
            if one.price is not None and not one.halted and ts - one.ts <= CURRENCY_MAX_AGE_NS
        )
        off = min(seen[len(seen) // 2], seen[(len(seen) - 1) // 2], key=abs) if seen else 0.0
        symbol = currency.info.ticker
        if currency.info.floating:
            return
        if abs(off) >= OFF_PEG:
            self.coins[symbol] = off
        elif symbol in self.coins:
            del self.coins[symbol]

    def admit(self, name: str) -> InstrumentState | ReferenceState:
        """The state behind a name, made on first sight from the registry."""
        resolved = self.registry.resolve(name)
        if resolved is None or (resolved.token is None and not resolved.is_reference):
            raise DataError("unknown_instrument", f"{name} is not in the registry; add it to config/registry")
        ticker = resolved.underlying.ticker
        underlying = self.underlyings.get(ticker)
        if underlying is None:
            underlying = self.underlyings[ticker] = UnderlyingState(resolved.underlying)
        if resolved.token is None:
            reference = ReferenceState(name, resolved.venue_kind == "oracle", resolved.sessions)
            underlying.references[resolved.venue] = reference
            self.references[name] = (underlying, reference)
            return reference
        token_state = self.token_state(resolved.token)
        state = InstrumentState(
            name, token_state, underlying, resolved.venue, resolved.venue_kind, resolved.fee_ratio,
            resolved.quote_symbol, resolved.sessions,
        )  # fmt: skip
        currency = self.registry.underlyings.get(resolved.quote_symbol)
        state.floats = currency is not None and currency.floating
        underlying.instruments.append(state)
        self.instruments[name] = state
        return state


def check(tick: Tick) -> None:
    """Raise :class:`DataError` if a number of the tick is not a price; the reason is a metric label."""
    for value in (tick.bid, tick.ask, tick.price, tick.high, tick.low):
        if value is not None and not MIN_PRICE <= value < MAX_PRICE:
            raise DataError(
                "not_finite" if value != value or value == float("inf") else "bad_price", repr(value)
            )
    if tick.bid is not None and tick.ask is not None and tick.bid > tick.ask:
        raise DataError("crossed", f"bid {tick.bid!r} above ask {tick.ask!r}")
    if tick.high is not None and tick.low is not None and tick.low > tick.high:
        raise DataError("crossed", f"low {tick.low!r} above high {tick.high!r}")
    if tick.size is not None and not 0.0 <= tick.size < float("inf"):
        raise DataError("bad_size", repr(tick.size))
