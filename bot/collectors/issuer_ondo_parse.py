"""What the API of Ondo Global Markets says, in our terms; and what of it cannot be. Pure.

Source of the shapes: docs.ondo.finance (``api-reference``, ``openapi.json``) and answers that public
clients of it recorded in 2026. Prices are text; times are milliseconds, or ISO 8601 in ``/status``.
``primaryMarket`` is the token, ``underlyingMarket`` the share, ``null`` for a token of several. Soft
quotes are whole numbers of 18 decimals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from bot.collectors.http_json import number
from bot.errors import DataError
from bot.timefmt import NS, parse
from bot.types import Ns

ONE = 10**18
PAUSES = frozenset({"ASSET_PAUSED", "MARKET_PAUSED", "ASSET_REDEEM_ONLY"})
"""Reasons that are a halt, whatever the hours; others are hours, or limits that are used up."""


class Market(Struct, frozen=True):
    """Of ``/status/market``: whether anything is traded now, and when it is next."""

    open_now: bool
    session: str
    reason: str
    paused: bool
    next_open: Ns
    off_hours: bool


class Pause(Struct, frozen=True):
    """Of ``/status/assets``: one token, stopped or about to be. ``end`` 0: nobody knows."""

    symbol: str
    active: bool
    code: str
    why: str
    start: Ns
    end: Ns
    new_multiplier: bool


class Price(Struct, frozen=True):
    """A token's price, and what it was at."""

    symbol: str
    usd: float
    at: Ns


class Limit(Struct, frozen=True):
    """How much of a token may be bought or sold now, and why no more."""

    usd: float
    attestations: float | None
    open_now: bool
    code: str
    why: str


def market(answer: Any) -> Market:
    """DataError if it does not say whether it is open."""
    if not isinstance(answer, dict) or not isinstance(answer.get("isOpen"), bool):
        raise DataError("malformed", f"no market status in {str(answer)[:60]}")
    code, why = _reason(answer)
    off_hours = answer.get("offhours")
    off = isinstance(off_hours, dict) and off_hours.get("isOpen") is True
    return Market(
        answer["isOpen"] or off, str(answer.get("marketStatus") or ""), why or code,
        code in PAUSES, _iso(answer.get("nextOpen")), off,
    )  # fmt: skip


def pause(row: Any) -> Pause:
    """One of ``/status/assets``: only symbol, status and type are always there."""
    if not isinstance(row, dict) or not row.get("symbol") or row.get("status") not in ("active", "upcoming"):
        raise DataError("malformed", f"no asset status in {str(row)[:60]}")
    code, why = _reason(row)
    return Pause(
        str(row["symbol"]), row["status"] == "active", code or "ASSET_PAUSED", why, _iso(row.get("start")),
        _iso(row.get("end")), row.get("updateSharesMultiplier") is True,
    )  # fmt: skip


def price(row: Any) -> Price:
    """Of ``/assets/all/prices/latest`` or ``/assets/all/market``."""
    primary = row.get("primaryMarket") if isinstance(row, dict) else None
    usd = number(primary.get("price")) if isinstance(primary, dict) else None
    at = number(row.get("timestamp")) if isinstance(row, dict) else None
    if usd is None or usd <= 0 or not isinstance(primary, dict):
        raise DataError("bad_price", f"no price in {str(row)[:80]}")
    if at is None or at <= 0:
        raise DataError("no_time", f"timestamp is {row.get('timestamp')!r}")
    return Price(str(primary.get("symbol")), usd, int(at) * (NS // 1000))


def shares(row: Any) -> tuple[float, list[str]]:
    """Of ``/assets/all/market``: shares per token, and the sessions in which the token is traded."""
    primary = row.get("primaryMarket") if isinstance(row, dict) else None
    found = number(primary.get("sharesMultiplier")) if isinstance(primary, dict) else None
    if found is None or found <= 0 or not isinstance(primary, dict):
        raise DataError("malformed", f"no sharesMultiplier in {str(row)[:80]}")
    sessions = primary.get("tradableSessions")
    return found, [str(one) for one in sessions] if isinstance(sessions, list) else []


def limit(answer: Any) -> Limit:
    """Of ``/limits/trading``."""
    usd = number(answer.get("maxNotionalValue")) if isinstance(answer, dict) else None
    if usd is None or not isinstance(answer.get("isAssetTradingOpen"), bool):
        raise DataError("malformed", f"no limits in {str(answer)[:60]}")
    code, why = _reason(answer)
    return Limit(usd, number(answer.get("remainingAttestations")), answer["isAssetTradingOpen"], code, why)


def soft(answer: Any) -> float:
    """Of ``/attestations/soft``: the price, USD per token."""
    found = number(answer.get("price")) if isinstance(answer, dict) else None
    if found is None or found <= 0:
        raise DataError("bad_price", f"no price in {str(answer)[:60]}")
    return found / ONE


def rows(answer: Any) -> Sequence[Any]:
    """A list, as it is. DataError if it is none."""
    if not isinstance(answer, list):
        raise DataError("malformed", f"no list in {str(answer)[:60]}")
    return answer


def _reason(answer: dict[str, Any]) -> tuple[str, str]:
    told = answer.get("reason")
    if not isinstance(told, dict):
        return "", ""
    return str(told.get("code") or ""), str(told.get("message") or "")


def _iso(value: Any) -> Ns:
    if not value:
        return 0
    try:
        return parse(str(value))
    except ValueError:
        raise DataError("bad_time", f"{value!r} is no time") from None
