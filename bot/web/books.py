"""The ledger as the page shows it: cash, what is held, what is on its way, profit and loss."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from bot.types import split_instrument
from bot.web.replica import Replica
from bot.web.views import row

if TYPE_CHECKING:
    from bot.ledger.store import Store
    from bot.strategy.options import Greeks


def ledger_view(
    store: Store,
    replica: Replica,
    *,
    mode: str = "paper",
    hedges: Callable[[], Mapping[str, float]] = dict,
    greeks: Callable[[], tuple[dict[str, Greeks], list[str]]] = lambda: ({}, []),
) -> Callable[[], Awaitable[dict[str, Any]]]:
    """What ``GET /api/ledger`` answers, read from ``store`` each time; money is exact, as text.

    ``hedges`` gives USD a contract of options and perps that are held, ``greeks`` those of the whole book by
    underlying, and what they leave out. ``due_usd``: redeemed and not paid out yet, by who owes it.

    Open positions are valued at the fair value of the token (see :func:`marks`), never at a venue's
    price; what has no fair value is named in ``profit_and_loss.unmarked`` and makes ``net_usd`` null.
    """

    async def view() -> dict[str, Any]:
        books = await store.books()
        pending = await store.pending_settlements()
        valued = marks(replica, hedges())
        total, unknown = greeks()
        return {
            "mode": mode,
            "cash_usd": str(books.cash_usd),
            "reserved_usd": str(books.reserved_usd),
            "profit_and_loss": _plain(books.profit_and_loss(valued)),
            "positions": [
                {**_plain(position), "mark_usd": _text(valued.get(position.commodity))}
                for position in books.positions()
            ],
            "pending": [row(fill) for fill in pending],
            "margin_usd": str(books.margin_usd),
            "due_usd": _text(books.due_usd),
            "greeks": {name: asdict(each) for name, each in sorted(total.items())},
            "greeks_unknown": unknown,
        }

    return view


def marks(replica: Replica, hedges: Mapping[str, float] | None = None) -> dict[str, Decimal]:
    """USD per token, and per share: the latest fair value of each that has one; and of ``hedges``."""
    latest: dict[str, tuple[int, float]] = {}
    for basis in replica.instruments.values():
        if basis.fair_value is None:
            continue
        token, _ = split_instrument(basis.instrument)
        share = basis.fair_value / basis.multiplier
        for name, value in ((token, basis.fair_value), (basis.underlying, share)):
            if basis.ts >= latest.get(name, (0, 0.0))[0]:
                latest[name] = (basis.ts, value)
    found = {name: value for name, (_, value) in latest.items()}
    return {name: Decimal(repr(value)) for name, value in (found | dict(hedges or {})).items()}


def _plain(struct: Any) -> dict[str, Any]:
    return {name: _text(value) for name, value in asdict(struct).items()}


def _text(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {key: _text(each) for key, each in value.items()}
    return value
