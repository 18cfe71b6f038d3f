"""What Ondo has said of its tokens, and what of a new answer is worth a tick."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from bot.collectors.issuer_ondo_parse import (
    PAUSES,
    Limit,
    Market,
    Pause,
    limit,
    market,
    pause,
    price,
    shares,
    soft,
)
from bot.collectors.told import Told
from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Tick

ISSUER = "ondo"
FUTURE_NS = 10 * NS
"""A price from further ahead of our clock is not believed."""


class Said:
    """State by token. Each method takes an answer of the API and gives the ticks that follow; it raises
    :class:`DataError` for one that cannot be used."""

    def __init__(self, clock: Callable[[], Ns], *, soon: Ns, soft_usd: float) -> None:
        self._clock = clock
        self._soon = soon
        self._soft_usd = soft_usd
        self._told = Told(clock)
        self._market: Market | None = None
        self._pauses: dict[str, list[Pause]] = {}
        self._limits: dict[str, dict[str, Limit]] = {}
        self._sessions: dict[str, list[str]] = {}
        self._seen: dict[str, tuple[Ns, float]] = {}

    def forget(self) -> None:
        """Tell everything anew that is not a price."""
        self._told.forget()

    @property
    def session(self) -> str:
        """What the issuer calls the present one."""
        return self._market.session if self._market is not None else ""

    def market(self, answer: Any) -> None:
        """An answer of ``/status/market``."""
        self._market = market(answer)

    def pauses(self, found: list[Any]) -> list[DataError]:
        """All rows of ``/status/assets``; those that cannot be used."""
        bad: list[DataError] = []
        pauses: dict[str, list[Pause]] = {}
        for row in found:
            try:
                one = pause(row)
            except DataError as error:
                bad.append(error)
                continue
            pauses.setdefault(one.symbol, []).append(one)
        self._pauses = pauses
        return bad

    def limit(self, token: str, side: str, answer: Any) -> list[Tick]:
        """An answer of ``/limits/trading``."""
        self._limits.setdefault(token, {})[side] = limit(answer)
        return self.channel(token)

    def halt(self, token: str) -> str:
        """Why the issuer neither mints nor redeems it, beyond its hours; empty if it does."""
        for one in self._pauses.get(token, ()):
            if one.active and one.code in PAUSES:
                return f"it is paused: {one.why or one.code}"
        now = self._market
        if now is None or now.open_now or not now.paused:
            return ""
        if now.next_open and now.next_open - self._clock() <= self._soon:
            return ""
        return f"the market is paused: {now.reason}"

    def channel(self, token: str) -> list[Tick]:
        """Whether it mints and redeems, and how much of it."""
        if self._market is None:
            return []
        halted = self.halt(token)
        sessions = self._sessions.get(token)
        traded = sessions is None or self._market.session in sessions or self._market.off_hours
        data: dict[str, Any] = {
            "state": "halted" if halted else "open", "reason": halted, "scope": "issuer",
            "period": self._market.session, "open_now": self._market.open_now and traded and not halted,
        }  # fmt: skip
        for side, found in self._limits.get(token, {}).items():
            data |= {f"{side}_usd": found.usd, f"{side}_left": found.attestations, f"{side}_why": found.code}
        changes = [one.start for one in self._pauses.get(token, ()) if one.new_multiplier and not one.active]
        if changes:
            data["multiplier_changes"] = min(changes) // NS
        return self._told.news("status", f"{token}@{ISSUER}", data)

    def shares(self, token: str, row: Any) -> list[Tick]:
        """One of ``/assets/all/market``."""
        many, self._sessions[token] = shares(row)
        return self._told.news("multiplier", f"{token}@{ISSUER}", {"multiplier": many})

    def price(self, token: str, row: Any) -> list[Tick]:
        """One of ``/assets/all/prices/latest``."""
        one, now = price(row), self._clock()
        if one.at > now + FUTURE_NS:
            raise DataError("future", f"{(one.at - now) / NS:.0f} s ahead of this machine's clock")
        at, last = self._seen.get(token, (0, 0.0))
        if self.halt(token) or one.at < at or (one.at, one.usd) == (at, last):
            return []
        self._seen[token] = one.at, one.usd
        text = msgspec.json.encode({"via": "display"}).decode()
        return [Tick(one.at, f"{token}@{ISSUER}", "quote", price=one.usd, data=text, received=now)]

    def soft(self, token: str, bought: Any, sold: Any) -> list[Tick]:
        """Two answers of ``/attestations/soft``, asked for one after the other."""
        ask, bid = soft(bought), soft(sold)
        if bid > ask:  # the price moved in between
            return []
        now = self._clock()
        self._seen[token] = now, (bid + ask) / 2
        text = msgspec.json.encode(
            {"via": "soft", "size_usd": self._soft_usd, "stamped": "received"}
        ).decode()
        return [Tick(now, f"{token}@{ISSUER}", "quote", bid=bid, ask=ask, data=text, received=now)]
