"""What Pyth's Hermes says, as ticks; and what of it cannot be true. Pure.

Source of the shape: the OpenAPI of ``pyth-network/pyth-crosschain``'s Hermes (``ParsedPriceUpdate``): whole
numbers as text, ``price × 10^expo``, ``publish_time`` in seconds. ``conf`` is how far the publishers are
apart, not what a price may move by, and nobody trades at it: it is told in ``data``, and is no bid and ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from bot.errors import DataError
from bot.timefmt import NS
from bot.types import Ns, Session, Tick

FUTURE_SECONDS = 10.0
"""A price from further ahead of our clock is not believed: one of the two clocks is wrong."""
EXPONENTS = range(-18, 19)


class Price(Struct, frozen=True):
    """One update of one feed; ``conf`` in dollars as ``price`` is, ``slot`` 0 where it is not told."""

    id: str
    price: float
    conf: float
    published: Ns
    slot: int


class Seen(Struct, frozen=True):
    """The last update that was passed on, and since when its price has been the same."""

    price: Price
    since: Ns


def updates(message: Any) -> list[Any]:
    """The updates in an answer or an event. DataError if it is neither."""
    found = message.get("parsed") if isinstance(message, dict) else None
    if not isinstance(found, list):
        raise DataError("malformed", f"no parsed prices in {str(message)[:60]!r}")
    return found


def feed_id(update: Any) -> str:
    """Whose update it is, in small letters and without ``0x``; empty if it does not say."""
    found = update.get("id") if isinstance(update, dict) else None
    return found.lower().removeprefix("0x") if isinstance(found, str) else ""


def price_of(update: Mapping[str, Any], now: Ns, max_confidence: float) -> Price:
    """Raises :class:`DataError` for an update that cannot be used.

    ``max_confidence`` is a ratio: publishers farther apart than that have no common price.
    """
    told = update.get("price")
    try:
        mantissa, spread = int(told["price"]), int(told["conf"])  # type: ignore[index]  # what else: TypeError
        exponent, published = int(told["expo"]), int(told["publish_time"])  # type: ignore[index]  # likewise
    except (KeyError, ValueError, TypeError):
        raise DataError("malformed", f"price is {str(told)[:80]}") from None
    if exponent not in EXPONENTS or abs(mantissa) >= 2**63:
        raise DataError("malformed", f"{mantissa} × 10^{exponent}")
    price, conf = mantissa * 10.0**exponent, spread * 10.0**exponent
    if price <= 0:
        raise DataError("bad_price", f"price is {price!r}")
    if not 0 <= conf <= max_confidence * price:
        raise DataError("unsure", f"confidence ±{conf:,.4g} around {price:,.4g}: the publishers disagree")
    if published <= 0:
        raise DataError("no_time", f"publish_time is {published}")
    if published * NS > now + FUTURE_SECONDS * NS:
        ahead = published - now / NS
        raise DataError("future", f"publish_time is {ahead:.0f} s ahead of this machine's clock")
    meta = update.get("metadata")
    slot = meta.get("slot") if isinstance(meta, dict) else 0
    return Price(feed_id(update), price, conf, published * NS, slot if isinstance(slot, int) else 0)


def is_news(price: Price, last: Seen | None) -> bool:
    """Whether it is later than what was passed on; neither repeated nor out of order."""
    if last is None:
        return True
    before = last.price
    if (price.published, price.slot) == (before.published, before.slot):
        return False
    if price.slot and before.slot:
        return price.published >= before.published and price.slot > before.slot
    return price.published > before.published


def follow(price: Price, last: Seen | None) -> Seen:
    """What is remembered once it is passed on."""
    return Seen(
        price, last.since if last is not None and last.price.price == price.price else price.published
    )


def tick_of(
    instrument: str, seen: Seen, sessions: Sequence[Session], frozen_ns: Ns, now: Ns, via: str
) -> Tick:
    """A quote valid at its publish time. One that has stood still for ``frozen_ns`` while its time went on
    says since when: a time stamp that moves is no proof of a price that lives."""
    price = seen.price
    data: dict[str, Any] = {
        "via": via, "conf": price.conf, "publish_time": price.published // NS,
        "session": "+".join(sessions) or "all",
    }  # fmt: skip
    if price.published - seen.since >= frozen_ns:
        data["frozen_since"] = seen.since // NS
    text = msgspec.json.encode(data).decode()
    return Tick(price.published, instrument, "quote", price=price.price, data=text, received=now)
