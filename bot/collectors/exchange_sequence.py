"""Whether a book's messages follow on each other: what was seen already, what is new, what was missed.
Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec import Struct

Verdict = Literal["use", "drop", "gap"]


class Step(Struct, frozen=True):
    """Where a message stands in its book's sequence: from ``first`` to ``last``; a snapshot starts anew.

    ``complete``: every message is a whole book, and only an older one is refused.
    """

    key: str
    first: int
    last: int
    snapshot: bool = False
    complete: bool = False


StepOf = Callable[[Mapping[str, Any]], Step | None]
"""The step of a message; ``None``: it is not part of a book, or its exchange numbers nothing."""


class Sequence:
    """The last number of each book."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}

    def clear(self) -> None:
        """Snapshots are to come."""
        self._last.clear()

    def take(self, step: Step) -> Verdict:
        """What to do with the message; after a gap nothing of this book is used until a snapshot."""
        last = self._last.get(step.key)
        if step.complete:
            if last is not None and step.last < last:
                return "drop"
        elif not step.snapshot:
            if last is None or step.last <= last:
                return "drop"
            if step.first > last + 1:
                del self._last[step.key]
                return "gap"
        self._last[step.key] = step.last
        return "use"


def bybit(message: Mapping[str, Any]) -> Step | None:
    """``u`` of ``orderbook.*`` goes up by one; ``u`` 1 is a snapshot after a restart (Bybit v5,
    Orderbook)."""
    topic = message.get("topic")
    if not isinstance(topic, str) or not topic.startswith("orderbook."):
        return None
    number = int(message["data"]["u"])
    return Step(topic, number, number, message.get("type") == "snapshot")


def gate(message: Mapping[str, Any]) -> Step | None:
    """``spot.obu`` covers ``U`` to ``u``; ``full`` is a snapshot (Gate spot WebSocket v4, Order Book v2).

    ccxt 4.5.90 drops what is old there and does not see what is missing.
    """
    result = message.get("result")
    if message.get("channel") != "spot.obu" or not isinstance(result, Mapping) or "u" not in result:
        return None
    last = int(result["u"])
    return Step(str(result["s"]), int(result.get("U", last)), last, bool(result.get("full")))


def bitget(message: Mapping[str, Any]) -> Step | None:
    """``books5`` and ``books15`` are whole books, in the order of ``ts`` (Bitget v2, Depth Channel)."""
    asked = message.get("arg")
    data = message.get("data")
    if not isinstance(asked, Mapping) or not str(asked.get("channel", "")).startswith("books") or not data:
        return None
    time = int(data[0]["ts"])
    return Step(str(asked.get("instId")), time, time, complete=True)


def hyperliquid(message: Mapping[str, Any]) -> Step | None:
    """``l2Book`` is a whole book as of ``time`` (Hyperliquid, WebSocket subscriptions)."""
    if message.get("channel") != "l2Book":
        return None
    data = message["data"]
    return Step(str(data["coin"]), int(data["time"]), int(data["time"]), complete=True)


def krakenfutures(message: Mapping[str, Any]) -> Step | None:
    """``seq`` of a product's ``book`` goes up by one from its ``book_snapshot`` (cryptofeed 2.4.1 checks it
    so; ccxt 4.5.90 does not). ``ticker`` carries ``time`` and ``seq`` of its own."""
    feed = message.get("feed")
    if feed == "ticker" and "time" in message:
        return Step(
            f"ticker {message.get('product_id')}", int(message["time"]), int(message["time"]), complete=True
        )
    if feed not in ("book", "book_snapshot"):
        return None
    number = int(message["seq"])
    return Step(str(message["product_id"]), number, number, feed == "book_snapshot")
