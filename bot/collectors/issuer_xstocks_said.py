"""What xStocks has said of its tokens, and what of a new answer is worth a tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import log
from typing import Any

import msgspec

from bot.collectors.issuer_xstocks_parse import (
    Action,
    Custody,
    Multiplier,
    Trading,
    announced,
    custody,
    halts,
    multiplier,
    quote,
    trading,
)
from bot.collectors.told import Told
from bot.timefmt import NS
from bot.types import Ns, Tick

ISSUER = "xstocks"
SPLIT = 0.04
"""A multiplier that moves by more, as a log, is a split's: the share follows when its market opens."""
FOLLOWED = 0.15
"""A share that has moved by the split's ratio within so much, as a log, has followed."""


class Said:
    """State by token. Each method takes an answer of the API and gives the ticks that follow; it raises
    :class:`DataError` for one that cannot be used."""

    def __init__(self, clock: Callable[[], Ns], *, per_share: bool, reserves_max_age: Ns) -> None:
        self._clock = clock
        self._per_share = per_share
        self._reserves_max_age = reserves_max_age
        self._told = Told(clock)
        self._halted: dict[str, bool] = {}
        self._atomic: dict[str, bool] = {}
        self._trading: dict[str, Trading] = {}
        self._custody: dict[str, Custody] = {}
        self._multipliers: dict[str, Multiplier] = {}
        self._quotes: dict[str, float] = {}
        self._before_split: dict[str, tuple[float, float]] = {}

    def forget(self) -> None:
        """Tell everything anew that is not a quote: an old quote must not look like a new one."""
        self._told.forget()

    def is_halted(self, token: str) -> bool:
        """Whether minting and redeeming are, as last told."""
        return self._halted.get(token, False) or self._trading.get(token, Trading()).halted

    @property
    def halted(self) -> int:
        """How many are."""
        return sum(self.is_halted(token) for token in self._halted)

    def halts(self, token: str, answer: Any) -> list[Tick]:
        """An answer of ``/system/status/SYMBOL``."""
        self._halted[token], self._atomic[token] = halts(answer)
        return self._channel(token)

    def trading(self, token: str, asset: Any) -> list[Tick]:
        """One of ``/assets``."""
        self._trading[token] = trading(asset)
        return self._channel(token)

    def custody(self, token: str, answer: Any) -> list[Tick]:
        """An answer of ``/proof-of-reserves/SYMBOL``."""
        self._custody.pop(token, None)
        found = custody(answer, self._clock(), self._reserves_max_age)
        if found is not None:
            self._custody[token] = found
        return self._channel(token)

    def _channel(self, token: str) -> list[Tick]:
        """Whether it mints and redeems; and what backs it, in a tick of its own."""
        if token not in self._halted:
            return []
        name = f"{token}@{ISSUER}"
        hours = self._trading.get(token, Trading())
        why = "minting and redeeming are halted" if self._halted[token] else ""
        why = why or ("trading in it is halted" if hours.halted else "")
        # A status always says a state: what backs the token must not seem to end a halt.
        data: dict[str, Any] = {"state": "halted" if why else "open", "reason": why, "scope": "issuer"}
        channel = data | {"atomic_halted": self._atomic.get(token, False)}
        if hours.period:
            channel |= {
                "period": hours.period, "open_now": hours.open_now, "next_change": hours.next_change,
                "min_usd": hours.min_usd, "max_usd": hours.max_usd,
            }  # fmt: skip
        out = self._told.news("status", name, channel, topic="channel")
        held = self._custody.get(token)
        if held is not None:
            backed = {
                "shares_held": held.shares,
                "circulating_supply": held.supply,
                "as_of": held.as_of // NS,
            }
            out += self._told.news("status", name, data | backed, topic="custody")
        return out

    def multiplier(self, token: str, answer: Any, actions: Iterable[Action]) -> list[Tick]:
        """An answer of ``/assets/SYMBOL/multiplier``, beside the corporate actions known of the token."""
        now = self._clock()
        told = announced(actions, multiplier(answer, now), now)
        before = self._multipliers.get(token)
        self._multipliers[token] = told
        if before is not None and abs(log(told.current / before.current)) > SPLIT and token in self._quotes:
            self._before_split[token] = self._quotes[token], told.current / before.current
        data: dict[str, Any] = {"multiplier": told.current}
        if told.new is not None:
            data |= {"new_multiplier": told.new, "effective_ns": told.effective, "why": told.why}
            if told.net_usd is not None:
                data["net_usd"] = told.net_usd
        elif before is not None and before.new is not None and before.effective > now:
            # Withdrawn: it must not take over where it has been heard of.
            data |= {"new_multiplier": told.current, "effective_ns": before.effective, "why": "withdrawn"}
        return self._told.news("multiplier", f"{token}@{ISSUER}", data)

    def quote(self, token: str, answer: Any) -> list[Tick]:
        """An answer of ``/assets/SYMBOL/price-data``."""
        told, units = quote(answer), self._multipliers.get(token)
        if told is None or told == self._quotes.get(token) or units is None:
            return []
        if token not in self._quotes and self._trading.get(token, Trading()).open_now is False:
            # Nobody knows how old it is: told once it moves.
            self._quotes[token] = told
            return []
        waiting = self._before_split.get(token)
        if waiting is not None and self._per_share:
            # The token has split: a quote per share means something again once the share has, too.
            if abs(log(told / waiting[0] * waiting[1])) > FOLLOWED:
                return []
            del self._before_split[token]
        self._quotes[token] = told
        price = told * units.current if self._per_share else told
        unit = "share" if self._per_share else "token"
        text = msgspec.json.encode({"quote": told, "unit": unit, "stamped": "received"}).decode()
        now = self._clock()
        return [Tick(now, f"{token}@{ISSUER}", "quote", price=price, data=text, received=now)]
