"""Which cash dividends of a share are to come, by the registry and by what ticks told. Pure.

``TSLA-DIVIDENDS@alpaca``, a ``status`` with ``{"dividends": [{"ex": "2026-12-01", "usd": 0.5}]}``, takes the
place of what the same source told before; ``"assumed": true`` is one that nobody has declared yet. Of one
dividend told by several the registry goes first, then what was declared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from bot.errors import DataError
from bot.registry.dividends import MOST_USD, goes_ex
from bot.registry.model import Registry
from bot.strategy.hedge_ticks import read
from bot.timefmt import DAY_SECONDS, NS, short
from bot.types import Ns, Tick, split_instrument

NAMED = re.compile(r"([A-Z.]{1,10})-DIVIDENDS")
MOST = 64
"""Dividends of one share from one source at most."""
SAME_NS = 20 * DAY_SECONDS * NS
"""Two that lie closer are one, told twice: nobody pays twice a month."""
SPECIAL_RATIO = 0.1
"""Of the share's price: one larger is special, and the exchange adjusts its options for it instead."""
YEAR_NS = 365 * DAY_SECONDS * NS


class Told(Struct, frozen=True):
    """One dividend as a tick has it."""

    ex: str
    usd: float
    assumed: bool = False


class _Data(Struct):
    dividends: list[Told]


class Coming(NamedTuple):
    """A dividend to come: when the share opens without it."""

    ex: Ns
    usd: float
    assumed: bool

    def __str__(self) -> str:
        day = short(self.ex).partition(" ")[0]
        return f"${self.usd:,.2f} on {day}" + (", assumed" if self.assumed else "")


decode = msgspec.json.Decoder(_Data).decode


class KnownDividends:
    """See the module's text."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._told: dict[str, tuple[Ns, list[Told]]] = {}
        self._of: dict[str, set[str]] = {}

    def share_of(self, name: str) -> str | None:
        """The share whose dividends an instrument tells; ``None`` if it tells none."""
        symbol, venue = split_instrument(name)
        found = NAMED.fullmatch(symbol)
        known = found is not None and venue in self._registry.venues
        return found[1] if found is not None and known and found[1] in self._registry.underlyings else None

    def take(self, tick: Tick) -> bool:
        """Take a tick in; whether it is one of these. Raises :class:`DataError` on one that cannot be."""
        if self.share_of(tick.instrument) is None:
            return False
        if tick.kind != "status":
            raise DataError("bad_data", f"{tick.instrument}: a {tick.kind}, not a status")
        told = read(decode, tick).dividends
        if len(told) > MOST:
            raise DataError("bad_data", f"{tick.instrument}: {len(told)} dividends")
        for each in told:
            _check(tick.instrument, each)
        if tick.ts < self._told.get(tick.instrument, (0, []))[0]:
            raise DataError("time_backwards", f"{tick.instrument}: earlier than what it told last")
        self._keep(tick.instrument, tick.ts, told)
        return True

    def coming(self, underlying: str, ts: Ns, spot: float) -> list[Coming]:
        """Those of a share that go ex after a moment, the next first; special ones left out."""
        share = self._registry.underlyings.get(underlying)
        named = [Coming(goes_ex(each.ex), each.usd, False) for each in (share.dividends if share else ())]
        told = [
            Coming(goes_ex(each.ex), each.usd, each.assumed)
            for name in sorted(self._of.get(underlying, ()))
            for each in self._told[name][1]
        ]
        found: list[Coming] = []
        for one in [*named, *sorted(told, key=lambda one: (one.assumed, one.ex))]:
            if all(abs(one.ex - other.ex) > SAME_NS for other in found):
                found.append(one)
        return sorted(one for one in found if one.ex > ts and one.usd <= SPECIAL_RATIO * spot)

    def snapshot(self) -> dict[str, Sequence[Any]]:
        """What ticks told, as plain values."""
        return {name: [ts, msgspec.to_builtins(told)] for name, (ts, told) in self._told.items()}

    def restore(self, name: str, values: Sequence[Any]) -> bool:
        """Go on from one line of :meth:`snapshot`; whether it is one of these."""
        if self.share_of(name) is None:
            return False
        self._keep(name, values[0], msgspec.convert(values[1], list[Told]))
        return True

    def _keep(self, name: str, ts: Ns, told: list[Told]) -> None:
        share = self.share_of(name)
        assert share is not None
        self._of.setdefault(share, set()).add(name)
        self._told[name] = ts, told


def due(coming: Sequence[Coming], ts: Ns) -> tuple[tuple[float, float], ...]:
    """As prices of options take them: years until each goes ex, and its USD a share."""
    return tuple(((one.ex - ts) / YEAR_NS, one.usd) for one in coming if one.ex > ts)


def _check(name: str, told: Told) -> None:
    try:
        goes_ex(told.ex)
    except ValueError:
        raise DataError("bad_data", f"{name}: {told.ex!r} is no day") from None
    if not 0 < told.usd < MOST_USD:
        raise DataError("bad_data", f"{name}: a dividend of {told.usd!r}")
