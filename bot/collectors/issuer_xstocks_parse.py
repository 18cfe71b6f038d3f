"""What the xStocks API says, in our terms; and what of it cannot be. Pure.

Source of the shapes: docs.xstocks.fi (``apis/openapi``) and answers that public clients of it recorded
in 2026. Numbers come as numbers or as text, times as 0, seconds, milliseconds or ISO 8601. A corporate
action is told in versions under one ``eventId``: the highest counts, unless it is cancelled; "upcoming"
lists past ones too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from bot.collectors.http_json import number
from bot.errors import DataError
from bot.timefmt import NS, duration, parse
from bot.types import Ns

KINDS = frozenset({
    "CashDividend", "StockDividend", "ForwardSplit", "ReverseSplit", "UnitSplit", "SpinOff", "CashMerger",
    "StockMerger", "StockAndCashMerger", "Redemption", "WorthlessRemoval", "NameChange", "RightsDistribution",
})  # fmt: skip
SPLITS = frozenset({"ForwardSplit", "ReverseSplit", "UnitSplit"})
MILLISECONDS = 10**11
"""A whole number from here on counts milliseconds since 1970, one below it seconds."""
SAME = 1e-9


class Multiplier(Struct, frozen=True):
    """Shares per token now; ``new`` takes over at ``effective``."""

    current: float
    new: float | None = None
    effective: Ns = 0
    why: str = ""
    net_usd: float | None = None
    """Of a dividend: what a share pays after tax, which is what the multiplier grows by."""


class Action(Struct, frozen=True):
    """One version of a corporate action. ``ratio`` is of the multipliers, ``None`` where it is not told."""

    event: str
    version: int
    symbol: str
    kind: str
    cancelled: bool
    effective: Ns
    old: float | None
    new: float | None
    ratio: float | None
    net_usd: float | None


class Trading(Struct, frozen=True):
    """Whether the issuer trades a token, and its hours and limits (USD) now."""

    halted: bool = False
    period: str = ""
    open_now: bool | None = None
    next_change: str = ""
    min_usd: float | None = None
    max_usd: float | None = None


class Custody(Struct, frozen=True):
    """Shares that custodians hold, and tokens that circulate."""

    shares: float
    supply: float
    as_of: Ns


def moment(value: Any) -> Ns:
    """A time of the API; 0 for none. DataError if it is no time."""
    if value in (None, 0, "0", ""):
        return 0
    seconds = number(value)
    if seconds is not None and seconds > 0:
        return int(seconds * (NS // 1000 if seconds >= MILLISECONDS else NS))
    try:
        return parse(str(value))
    except ValueError:
        raise DataError("bad_time", f"{value!r} is no time") from None


def multiplier(answer: Any, now: Ns) -> Multiplier:
    """Of ``/assets/SYMBOL/multiplier``. One whose time has come is in force, whatever "current" says."""
    current = _positive(answer, "currentMultiplier")
    new, effective = number(answer.get("newMultiplier")), moment(answer.get("activationDateTime"))
    if not new or new <= 0 or not effective:
        return Multiplier(current)
    if effective <= now:
        return Multiplier(new)
    return Multiplier(current, new, effective, str(answer.get("reason") or ""))


def quote(answer: Any) -> float | None:
    """Of ``/assets/SYMBOL/price-data``; ``None`` where the issuer quotes nothing now."""
    if not isinstance(answer, dict) or "quote" not in answer:
        raise DataError("malformed", f"no quote in {str(answer)[:60]}")
    return None if answer["quote"] is None else _positive(answer, "quote")


def halts(answer: Any) -> tuple[bool, bool]:
    """Of ``/system/status/SYMBOL``: is mint and redeem halted, and is the atomic way?"""
    try:
        market, atomic = answer["isMarketTradingHalted"], answer["isAtomicTradingHalted"]
    except (KeyError, TypeError):
        raise DataError("malformed", f"no halts in {str(answer)[:60]}") from None
    if not isinstance(market, bool) or not isinstance(atomic, bool):
        raise DataError("malformed", f"halts are {market!r} and {atomic!r}")
    return market, atomic


def trading(asset: Any) -> Trading:
    """Of one of ``/assets``."""
    if not isinstance(asset, dict):
        raise DataError("malformed", f"no asset in {str(asset)[:60]}")
    told = asset.get("trading") or {}
    period = str(told.get("currentPeriod") or "")
    limits = (told.get("limitsPerPeriod") or {}).get(period) or {}
    return Trading(
        halted=asset.get("isTradingHalted") is True or told.get("isTradingHalted") is True,
        period=period,
        open_now=told.get("openNow") if isinstance(told.get("openNow"), bool) else None,
        next_change=str(told.get("nextChangeAt") or ""),
        min_usd=number(limits.get("minOrderFiatValue")),
        max_usd=number(limits.get("maxOrderFiatValue")),
    )


def custody(answer: Any, now: Ns, max_age: Ns) -> Custody | None:
    """Of ``/proof-of-reserves/SYMBOL``; ``None`` where there is no proof, DataError for an old one."""
    if answer is None:
        return None
    shares, supply = _amount(answer, "sharesHeld"), _amount(answer, "circulatingSupply")
    as_of = moment(answer.get("timestamp"))
    if not as_of:
        raise DataError("no_time", "a proof of reserves without a time")
    if now - as_of > max_age:
        raise DataError("stale", f"the proof of reserves is {duration((now - as_of) / NS)} old")
    return Custody(shares, supply, as_of)


def action(row: Any) -> Action:
    """One row of ``/corporate-actions/…``. DataError if it is none."""
    try:
        kind, symbol = str(row["caType"]), str(row["xstockSymbol"])
        event, version = str(row["eventId"]), int(row.get("version") or 0)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise DataError("malformed", f"no corporate action in {str(row)[:60]}") from None
    old, new = number(row.get("multiplierOld")), number(row.get("multiplierNew"))
    parts, units = number(row.get("fromUnits")), number(row.get("toUnits"))
    ratio = None
    if old and new and old > 0 and new > 0:
        ratio = new / old
    elif kind in SPLITS and parts and units and parts > 0 and units > 0:
        ratio = units / parts
    return Action(
        event, version, symbol, kind, str(row.get("status")) == "Cancelled",
        moment(row.get("effectiveTimeUtc")), old, new, ratio, number(row.get("netCashflowUsd")),
    )  # fmt: skip


def announced(actions: Iterable[Action], told: Multiplier, now: Ns) -> Multiplier:
    """``told`` with the next action that will move it, if that comes before what it announces itself."""
    last: dict[str, Action] = {}
    for one in actions:
        if one.event not in last or one.version >= last[one.event].version:
            last[one.event] = one
    coming = [
        one
        for one in last.values()
        if not one.cancelled and one.ratio is not None and abs(one.ratio - 1) > SAME and one.effective > now
    ]
    if not coming:
        return told
    first = min(coming, key=lambda one: one.effective)
    if told.new is not None and told.effective <= first.effective:
        return told
    assert first.ratio is not None
    as_said = first.new is not None and first.old is not None and abs(first.old / told.current - 1) < 1e-6
    new = first.new if as_said else told.current * first.ratio
    return Multiplier(told.current, new, first.effective, first.kind, first.net_usd)


def _positive(answer: Any, key: str) -> float:
    found = number(answer.get(key)) if isinstance(answer, dict) else None
    if found is None or found <= 0:
        raise DataError("malformed", f"no {key} in {str(answer)[:60]}")
    return found


def _amount(answer: Any, key: str) -> float:
    found = number(answer.get(key)) if isinstance(answer, dict) else None
    if found is None or found < 0:
        raise DataError("malformed", f"no {key} in {str(answer)[:60]}")
    return found
