"""What is held, and how it moves with each share, from the books and the engine's last snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec.structs import asdict

from bot.backtest.run import marks as marks_of
from bot.config import Config
from bot.driver import Driver
from bot.errors import UsageError
from bot.ledger.books import Books
from bot.money import total as summed
from bot.registry import Registry
from bot.strategy.options import Greeks


def positions(config: Config, registry: Registry, saved: bytes | None, books: Books) -> dict[str, Any]:
    """Positions that are not nothing, each at fair value or its last quote, and the greeks by underlying.

    ``ts`` is that of the engine's memory, ``None`` if there is none that this version understands. Raises
    :class:`UsageError` where neither memory nor books have anything.
    Worth is ``None`` where nothing says what one is worth; ``unknown`` names what the greeks leave out.
    ``due_usd`` was redeemed and is not paid out yet; ``due_from`` is the same by who owes it.
    """
    driver = Driver(config, registry)
    remembered = saved is not None and driver.restore(saved)
    if not (remembered or books.balances):
        raise UsageError("neither prices nor positions in the ledger; run `pegbot run` first")
    engine = driver.engine
    marks = marks_of(engine.market, engine.now, engine.hedge_marks())
    total, unknown = engine.greeks()
    due = books.due_usd
    held = [one for one in books.positions() if one.held or one.in_transit]
    return {
        "ts": engine.now if remembered else None,
        "cash_usd": float(books.cash_usd),
        "margin_usd": float(books.margin_usd),
        "due_usd": float(summed(due.values())),
        "due_from": {venue: float(usd) for venue, usd in due.items()},
        "positions": [
            {
                "commodity": one.commodity,
                "held": float(one.held),
                "in_transit": float(one.in_transit),
                "worth_usd": _worth(one.held, marks.get(one.commodity)),
                "places": {place: float(amount) for place, amount in one.places.items()},
            }
            for one in held
        ],
        "greeks": plain(total),
        "unknown": unknown,
    }


def plain(total: Mapping[str, Greeks]) -> dict[str, dict[str, float]]:
    """Greeks by underlying as plain data."""
    return {underlying: asdict(greeks) for underlying, greeks in sorted(total.items())}


def _worth(held: Decimal, mark: Decimal | None) -> float | None:
    return None if mark is None else float(held * mark)
