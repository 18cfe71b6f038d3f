"""An order book as a curve: levels are walked best first, the taker's fee on top."""

from __future__ import annotations

from collections.abc import Sequence
from sys import float_info
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from bot.errors import PoolError
from bot.pools.curve import Executed

Level = tuple[float, float]
"""Price in USD per token, tokens."""


LARGEST = float_info.max
"""JSON knows integers beyond it."""
SHOWN = 80
"""Characters of what is no level."""

Amount = Annotated[float, Meta(gt=0.0, le=LARGEST)]


class Book(Struct, gc=False):
    """A whole book, as nearly all are; what is not one is looked at in :func:`decode_book`."""

    bids: list[tuple[Amount, Amount]]
    asks: list[tuple[Amount, Amount]]


_decode_whole = msgspec.json.Decoder(Book).decode
_decode_json = msgspec.json.Decoder(dict[str, Any]).decode


def decode_book(data: str, fee_ratio: float) -> BookCurve | None:
    """The book in the JSON of a quote's ``data``, ``None`` if it holds none. Raises :class:`PoolError`."""
    try:
        whole = _decode_whole(data)
        if _are_best_first(whole.bids, falling=True) and _are_best_first(whole.asks, falling=False):
            return BookCurve(whole.bids, whole.asks, fee_ratio)
    except (msgspec.DecodeError, RecursionError):
        pass  # the other decoder says why
    try:
        book = _decode_json(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PoolError("bad_data", str(error)) from None
    if "bids" not in book or "asks" not in book:
        return None
    if not (isinstance(book["bids"], list) and isinstance(book["asks"], list)):
        raise PoolError("bad_book", "bids and asks are not lists of [price, tokens]")
    bids, asks = _levels(book["bids"], "bids", falling=True), _levels(book["asks"], "asks", falling=False)
    return BookCurve(bids, asks, fee_ratio)


class BookCurve:
    """``bids`` and ``asks`` are ``(price, tokens)``, both positive, best first; ``fee_ratio`` is the taker's.

    A fee is taken from the USD received on a sale and added to the USD spent on a buy.
    """

    __slots__ = ("_asks", "_bids", "_fee")

    def __init__(self, bids: Sequence[Level], asks: Sequence[Level], fee_ratio: float = 0.0) -> None:
        self._bids = bids
        self._asks = asks
        self._fee = fee_ratio
        if self._bids and self._asks and self._bids[0][0] > self._asks[0][0]:
            raise PoolError("crossed", f"bid {self._bids[0][0]!r} above ask {self._asks[0][0]!r}")

    def spot(self) -> float:
        """The mid; the one side there is if the other is empty."""
        sides = [side[0][0] for side in (self._bids, self._asks) if side]
        if not sides:
            raise PoolError("empty_book", "no bids and no asks")
        return sum(sides) / len(sides)

    def fee_ratio(self, sell: bool) -> float:
        """See :class:`~bot.pools.curve.Curve`."""
        return self._fee

    def buy(self, usd: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        return _by_usd(self._asks, usd, 1 + self._fee)

    def sell(self, usd: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        return _by_usd(self._bids, usd, 1 - self._fee)

    def buy_tokens(self, tokens: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        return _by_tokens(self._asks, tokens, 1 + self._fee)

    def sell_tokens(self, tokens: float) -> Executed | None:
        """See :class:`~bot.pools.curve.Curve`."""
        return _by_tokens(self._bids, tokens, 1 - self._fee)

    def depth(self, ratio: float) -> tuple[float, float]:
        """See :class:`~bot.pools.curve.Curve`."""
        spot = self.spot()
        down = sum(price * tokens for price, tokens in self._bids if price >= spot * (1 - ratio))
        up = sum(price * tokens for price, tokens in self._asks if price <= spot * (1 + ratio))
        return down, up

    def to_price(self, price: float) -> Executed | None:
        """Take every level better than ``price``."""
        if price < self.spot():
            side, factor = [level for level in self._bids if level[0] > price], 1 - self._fee
        else:
            side, factor = [level for level in self._asks if level[0] < price], 1 + self._fee
        tokens = sum(level[1] for level in side)
        return _by_tokens(side, tokens, factor) if tokens else None

    def after(self, tokens: float, sell: bool) -> BookCurve | None:
        """The book without the best levels of the side that was hit."""
        side = _without(self._bids if sell else self._asks, tokens)
        if side is None:
            return None
        return BookCurve(side, self._asks, self._fee) if sell else BookCurve(self._bids, side, self._fee)


def _without(side: Sequence[Level], tokens: float) -> list[Level] | None:
    for place, (price, size) in enumerate(side):
        if tokens < size:
            return [(price, size - tokens), *side[place + 1 :]]
        tokens -= size
    return [] if tokens <= 1e-12 * sum(size for _, size in side) else None


def _are_best_first(levels: Sequence[Level], *, falling: bool) -> bool:
    last = LARGEST if falling else 0.0
    for price, _ in levels:
        if price > last if falling else price < last:
            return False
        last = price
    return True


def _levels(levels: Sequence[Sequence[float]], name: str, *, falling: bool) -> list[Level]:
    """Levels one by one; the first that is none is said to be. Raises :class:`PoolError`."""
    out: list[Level] = []
    for level in levels:
        try:
            price, tokens = level
            usable = isinstance(price, int | float) and isinstance(tokens, int | float)
            usable = usable and 0 < price <= LARGEST and 0 < tokens <= LARGEST
        except (TypeError, ValueError):  # no list, or not of two
            usable = False
        if not usable:
            raise PoolError("bad_book", f"{name}: {str(level)[:SHOWN]} is not [price, tokens]")
        price, tokens = float(price), float(tokens)
        if out and (price > out[-1][0] if falling else price < out[-1][0]):
            raise PoolError("bad_book", f"{name} are not best first at {price!r}")
        out.append((price, tokens))
    return out


def _by_usd(side: Sequence[Level], usd: float, factor: float) -> Executed | None:
    if usd <= 0:
        return None
    left, tokens = usd, 0.0
    for price, size in side:
        worth = price * size * factor
        if left <= worth:
            tokens += left / (price * factor)
            return Executed(usd, tokens, usd / tokens, price)
        left -= worth
        tokens += size
    return None


def _by_tokens(side: Sequence[Level], tokens: float, factor: float) -> Executed | None:
    if tokens <= 0:
        return None
    left, usd = tokens, 0.0
    for price, size in side:
        # A sum of the same sizes may differ in its last digit: that is all of the level, not too much.
        if left <= size * (1 + 1e-12):
            usd += left * price * factor
            return Executed(usd, tokens, usd / tokens, price)
        left -= size
        usd += price * size * factor
    return None
