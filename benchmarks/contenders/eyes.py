"""What a public monitor sees of a tape: the last print against the last reference times the multiplier."""

from __future__ import annotations

from collections import deque
from math import log
from statistics import median

import msgspec
from msgspec import Struct

from bot.registry import Registry
from bot.timefmt import NS
from bot.types import Ns, Tick, split_instrument

FRESH_NS = 300 * NS
ORACLES = frozenset({"pyth", "chainlink"})
OWN_PRINTS = 24


class Seen(Struct, frozen=True, gc=False):
    """Log ratios of a tick's prices to the reference; whether that is at most five minutes old."""

    bases: tuple[float, ...]
    fresh: bool


class _Share:
    __slots__ = ("log_price", "oracle", "prints", "ts")

    def __init__(self) -> None:
        self.ts: Ns = 0
        self.log_price: float | None = None
        self.oracle = True
        self.prints: dict[str, float] = {}


class _Multiplier:
    """Shares per token as log; an announced one takes over at its time."""

    def __init__(self, data: str | None) -> None:
        told = msgspec.json.decode(data or "{}")
        self._now = log(told["multiplier"])
        self._next = log(told.get("new_multiplier") or told["multiplier"])
        self._at: Ns = told.get("effective_ns") or 0

    def at(self, ts: Ns) -> float:
        return self._next if ts >= self._at else self._now


class Eyes:
    """Remembers the last price of each share and token.

    The share's own quote goes before an oracle's, and an oracle is watched too while that quote is fresh. On
    a tape without references the median of the other venues' last prints takes their place, and for a lone
    venue the median of its own last day of bars. Of a bar its high, low and close are seen.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._multipliers: dict[str, _Multiplier] = {}
        self._shares: dict[str, _Share] = {}
        self._own: dict[str, deque[float]] = {}
        self._names: dict[str, tuple[str, str, str] | None] = {}

    def look(self, tick: Tick) -> Seen | None:
        """What this tick shows of a token, or of an oracle; ``None`` where it shows no price to compare."""
        name = tick.instrument
        names = self._names.get(name) or self._named(name)
        if names is None:
            return None
        token, ticker, venue = names
        share = self._shares.get(ticker)
        if share is None:
            share = self._shares[ticker] = _Share()
        if tick.kind == "multiplier":
            self._multipliers[token] = _Multiplier(tick.data)
            return None
        if tick.kind == "status":
            return None
        bid, ask, price = tick.bid, tick.ask, tick.price
        if price is None or tick.kind == "quote":
            if bid is None or ask is None:
                return None
            price = (bid + ask) / 2
        if not token:
            return self._reference(share, venue, price, tick.ts)
        return self._token(share, name, token, price, tick)

    def _named(self, name: str) -> tuple[str, str, str] | None:
        token, venue = split_instrument(name)
        known = self._registry.tokens.get(token)
        if known is not None:
            found = (token, known.underlying, venue)
        elif token in self._registry.underlyings:
            found = ("", token, venue)
        else:
            return None
        self._names[name] = found
        return found

    def _reference(self, share: _Share, source: str, price: float, ts: Ns) -> Seen | None:
        oracle, log_price = source in ORACLES, log(price)
        if oracle and not share.oracle:
            if share.log_price is None or ts - share.ts > FRESH_NS:
                return None
            return Seen((log_price - share.log_price,), True)
        share.ts, share.log_price, share.oracle = ts, log_price, oracle
        return None

    def _token(self, share: _Share, name: str, token: str, price: float, tick: Tick) -> Seen:
        multiplier = self._multipliers.get(token)
        scale = 0.0 if multiplier is None else multiplier.at(tick.ts)
        prices = (price,) if tick.high is None or tick.low is None else (tick.high, tick.low, price)
        logs = [log(one) - scale for one in prices]
        if share.log_price is None:
            base, fresh = self._without_reference(share, name, logs[-1]), True
        else:
            base, fresh = share.log_price, tick.ts - share.ts <= FRESH_NS
        return Seen(tuple(one - base for one in logs), fresh)

    def _without_reference(self, share: _Share, name: str, last: float) -> float:
        others = [print_ for other, print_ in share.prints.items() if other != name]
        share.prints[name] = last
        own = self._own.get(name)
        if own is None:
            own = self._own[name] = deque(maxlen=OWN_PRINTS)
        base = median(others) if others else median(own) if own else last
        own.append(last)
        return base
