"""An order book of Kraken's WebSocket v2 ``book`` channel, verified by its checksum. Pure.

From docs.kraken.com, "Book (Level 2)" and "Book checksum (WebSocket v2)": all levels of a message are
applied (a quantity of 0 removes one), then each side is cut to the subscribed depth; the checksum is CRC-32
over the ten best asks, then the ten best bids, each as the digits of price and quantity without point and
without leading zeros.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal
from math import isfinite
from zlib import crc32

from msgspec import Raw, Struct

from bot.errors import DataError

CHECKED_LEVELS = 10


class Level(Struct, frozen=True, gc=False):
    """Price and quantity as on the wire: their digits count, trailing zeros too."""

    price: Raw
    qty: Raw


class BookData(Struct, frozen=True, gc=False):
    """``data[0]`` of a ``book`` message."""

    symbol: str
    checksum: int
    bids: list[Level] = []
    asks: list[Level] = []
    timestamp: str = ""


class BookFrame(Struct, frozen=True, gc=False):
    """A message of the ``book`` channel."""

    channel: str
    type: str
    data: list[BookData]


class KrakenBook:
    """Both sides of one symbol. Useless (``valid`` is false) until a snapshot, and after a bad message.

    ``price_decimals`` and ``qty_decimals`` are the pair's precisions, to which digits are filled up with
    zeros should a serialiser between us and the exchange have trimmed them.
    """

    __slots__ = ("_asks", "_bids", "depth", "price_decimals", "qty_decimals", "symbol", "timestamp", "valid")

    def __init__(self, symbol: str, depth: int, price_decimals: int = 0, qty_decimals: int = 0) -> None:
        self.symbol = symbol
        self.depth = depth
        self.price_decimals, self.qty_decimals = price_decimals, qty_decimals
        self.valid = False
        self.timestamp = ""
        """Of the last message applied, RFC 3339; snapshots may have none."""
        self._bids = _Side(-1.0)
        self._asks = _Side(1.0)

    def apply(self, data: BookData, *, snapshot: bool) -> None:
        """Take in one message. Raises :class:`DataError`: after ``malformed``, ``checksum`` and ``crossed``
        the book is void until the next snapshot, after ``out_of_order`` it is as it was."""
        if snapshot:
            self._bids, self._asks = _Side(-1.0), _Side(1.0)
        elif not self.valid:
            raise DataError("no_snapshot", f"{self.symbol}: an update before a snapshot")
        elif data.timestamp and data.timestamp < self.timestamp:
            # Taken in, it may leave the book as it once was, checksum and all. Were it news, the next one
            # would show that it is missing.
            raise DataError("out_of_order", f"{self.symbol}: {data.timestamp} after {self.timestamp}")
        self.valid = False
        prices, quantities = self.price_decimals, self.qty_decimals
        try:
            for side, levels in ((self._bids, data.bids), (self._asks, data.asks)):
                for level in levels:
                    side.set(bytes(level.price), bytes(level.qty), prices, quantities)
                side.cut(self.depth)
        except ValueError as error:
            raise DataError("malformed", f"{self.symbol}: {error}") from None
        if self.checksum() != data.checksum:
            raise DataError("checksum", f"{self.symbol}: {self.checksum()} here, {data.checksum} at Kraken")
        bids, asks = self._bids.keys, self._asks.keys
        if bids and asks and -bids[0] >= asks[0]:
            raise DataError("crossed", f"{self.symbol}: bid {-bids[0]!r} not below ask {asks[0]!r}")
        self.valid = True
        if data.timestamp:
            self.timestamp = data.timestamp

    def checksum(self) -> int:
        """Of the ten best levels of each side."""
        return crc32(self._bids.digits(), crc32(self._asks.digits()))

    def bids(self, most: int) -> list[tuple[float, float]]:
        """``(price, quantity)``, best first."""
        return self._bids.best(most)

    def asks(self, most: int) -> list[tuple[float, float]]:
        """``(price, quantity)``, best first."""
        return self._asks.best(most)


class _Side:
    """``keys`` are prices, or for bids their negatives, rising: the best first."""

    __slots__ = ("keys", "levels", "sign")

    def __init__(self, sign: float) -> None:
        self.sign = sign
        self.keys: list[float] = []
        self.levels: dict[float, tuple[float, float, bytes]] = {}

    def set(self, price_text: bytes, qty_text: bytes, price_decimals: int, qty_decimals: int) -> None:
        price, qty = float(price_text), float(qty_text)
        if not (isfinite(price) and isfinite(qty) and price > 0 and qty >= 0):
            raise ValueError(f"price {price!r}, quantity {qty!r}")
        key = price * self.sign
        if qty:
            if key not in self.levels:
                insort(self.keys, key)
            digits = _digits(price_text, price_decimals) + _digits(qty_text, qty_decimals)
            self.levels[key] = price, qty, digits
        elif self.levels.pop(key, None) is not None:
            del self.keys[bisect_left(self.keys, key)]

    def cut(self, depth: int) -> None:
        while len(self.keys) > depth:
            del self.levels[self.keys.pop()]

    def digits(self) -> bytes:
        levels = self.levels
        return b"".join([levels[key][2] for key in self.keys[:CHECKED_LEVELS]])

    def best(self, most: int) -> list[tuple[float, float]]:
        levels = self.levels
        return [levels[key][:2] for key in self.keys[:most]]


def _digits(text: bytes, decimals: int) -> bytes:
    if b"e" in text or b"E" in text:
        text = f"{Decimal(text.decode()):f}".encode()
    whole, _, fraction = text.partition(b".")
    if len(fraction) < decimals:
        fraction = fraction.ljust(decimals, b"0")
    return (whole + fraction).lstrip(b"0")
