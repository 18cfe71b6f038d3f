"""Hedges that the ledger knows, made again from its fills: what a broker without memory takes over. Pure.

The fills that opened a hedge, funded it and moved its margin say all that :class:`Position` holds; those that
ended it say that it is there no more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from bot.execution.margin import NEVER, Kind, Position
from bot.money import ZERO, value_usd
from bot.strategy.options import occ
from bot.timefmt import DAY_SECONDS, NS
from bot.types import CONTRACT_SHARES, Fill, Ns, Side, split_instrument

KindOf = Callable[[str], Kind | None]
"""What an instrument is; ``None``: no hedge of the broker's own, as shares sold short."""
HOUR_NS, DAY_NS = 3_600 * NS, DAY_SECONDS * NS
OPENED: dict[str, Side] = {"hedge": "sell", "hedge_buy": "buy"}
CLOSED: dict[str, Side] = {"unhedge": "sell", "unhedge_sell": "buy"}
"""Which side they close."""
DELIVERED = frozenset({"exercise", "assign"})
ENDED = frozenset({"expire_long", "expire_short", "liquidate_long", "liquidate_short", "lapse"})
NOTE = re.compile(r"(.+)-H(\d+)")
"""The order of what happened to a hedge by itself: the hedge's own, and a number."""


def positions_of(fills: Iterable[Fill], kind_of: KindOf) -> list[Position]:
    """What is open after ``fills``, which come as they were booked."""
    found: dict[str, Position] = {}
    for fill in fills:
        if fill.status != "filled" or not fill.quantity_tokens:
            continue
        note = NOTE.fullmatch(fill.order_id)
        if note is not None:
            _happened(found, fill, note[1], int(note[2]))
        elif fill.action in OPENED and (kind := kind_of(fill.instrument)) is not None:
            _opened(found, fill, kind)
        elif fill.action in CLOSED and (closed := _closed(found, fill)) is not None:
            del found[closed.id]
    positions = [one for one in found.values() if one.quantity]
    for one in positions:
        one.due = _due(one)
    return positions


def _opened(found: dict[str, Position], fill: Fill, kind: Kind) -> None:
    one = found.setdefault(fill.order_id, _blank(fill, fill.order_id))
    one.kind, one.side, one.quantity, one.accrued = kind, OPENED[fill.action], fill.quantity_tokens, fill.ts
    one.instrument = fill.instrument
    if kind != "option":
        worth = value_usd(fill.quantity_tokens, fill.price)
        one.usd += worth if one.side == "sell" else -worth


def _closed(found: dict[str, Position], fill: Fill) -> Position | None:
    """What a leg has closed: shares that an option delivered are bought back under a broker's name."""
    mine = [one for one in found.values() if (one.plan_id, one.side) == (fill.plan_id, CLOSED[fill.action])]
    for one in mine:
        if one.instrument == fill.instrument and one.kind != "shares":
            return one
    symbol, _ = split_instrument(fill.instrument)
    for one in mine:
        same = one.kind == "shares" and (one.underlying, one.quantity) == (symbol, fill.quantity_tokens)
        if same:
            return one
    return None


def _happened(found: dict[str, Position], fill: Fill, position_id: str, number: int) -> None:
    """Something by itself; what comes out of a margin account after the end is of no position any more."""
    one = found.get(position_id)
    if one is None:
        if fill.action != "margin_in" or number > 1:
            return
        one = found[position_id] = _blank(fill, position_id)
    one.booked = max(one.booked, number)
    if fill.action in ENDED:
        del found[position_id]
    elif fill.action in DELIVERED:
        found[position_id] = _delivered(one, fill)
    else:
        _moved(one, fill)


def _moved(one: Position, fill: Fill) -> None:
    """Its margin, as :class:`~bot.execution.margin.Margin` moves it."""
    symbol, _ = split_instrument(fill.instrument)
    number, usd = fill.quantity_tokens, value_usd(fill.quantity_tokens, fill.price)
    if symbol != "USD":
        one.coin, one.coin_usd = symbol, fill.price
    match fill.action:
        case "margin_in" if symbol == "USD":
            one.usd += usd
        case "margin_in":
            one.coins += number
        case "coin_sell":
            one.coins, one.usd = one.coins - number, one.usd + usd
        case "funding_received":
            one.usd, one.accrued = one.usd + usd, fill.ts
        case "funding_paid":
            one.usd, one.accrued = one.usd - usd, fill.ts


def _delivered(one: Position, fill: Fill) -> Position:
    """The shares that an option became."""
    contract = occ.parse(split_instrument(one.instrument)[0])
    sells = contract is not None and (contract.kind == "put") == (fill.action == "exercise")
    return Position(
        one.id, one.plan_id, one.instrument, one.underlying, "shares", "sell" if sells else "buy",
        one.quantity * CONTRACT_SHARES, fill.ts, booked=one.booked,
    )  # fmt: skip


def _due(one: Position) -> Ns:
    """When something next happens to it by itself, as if it had been held all the time."""
    match one.kind:
        case "perp":
            return (one.accrued // HOUR_NS + 1) * HOUR_NS
        case "perpetual":
            return one.accrued + DAY_NS
        case "option" if (contract := occ.parse(split_instrument(one.instrument)[0])) is not None:
            sold = one.side == "sell"
            return min(occ.close_after(one.accrued), contract.expiry) if sold else contract.expiry
    return NEVER


def _blank(fill: Fill, position_id: str) -> Position:
    """Margin comes before what it is for."""
    return Position(position_id, fill.plan_id, "", fill.underlying, "perp", "sell", ZERO, fill.ts)
