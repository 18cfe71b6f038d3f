"""Kraken's book: the documentation's own example, and a second implementation of the same rules beside it."""

from __future__ import annotations

import random
from decimal import Decimal

import msgspec
import pytest

pytest.importorskip("aiohttp")

from bot.collectors.kraken_book import BookFrame, KrakenBook
from bot.errors import DataError
from tests.fixtures.kraken_server import Pair

EXAMPLE = """{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[
{"price":45283.5,"qty":0.10000000},{"price":45283.4,"qty":1.54582015},{"price":45282.1,"qty":0.10000000},
{"price":45281.0,"qty":0.10000000},{"price":45280.3,"qty":1.54592586},{"price":45279.0,"qty":0.07990000},
{"price":45277.6,"qty":0.03310103},{"price":45277.5,"qty":0.30000000},{"price":45277.3,"qty":1.54602737},
{"price":45276.6,"qty":0.15445238}],"asks":[{"price":45285.2,"qty":0.00100000},{"price":45286.4,"qty":1.54571953},
{"price":45286.6,"qty":1.54571109},{"price":45289.6,"qty":1.54560911},{"price":45290.2,"qty":0.15890660},
{"price":45291.8,"qty":1.54553491},{"price":45294.7,"qty":0.04454749},{"price":45296.1,"qty":0.35380000},
{"price":45297.5,"qty":0.09945542},{"price":45299.5,"qty":0.18772827}],"checksum":3310070434}]}"""
"""Of docs.kraken.com, "Book checksum (WebSocket v2)"."""


def apply(book: KrakenBook, frame: str) -> None:
    told = msgspec.json.decode(frame, type=BookFrame)
    book.apply(told.data[0], snapshot=told.type == "snapshot")


def test_documented_example_has_the_documented_checksum() -> None:
    book = KrakenBook("BTC/USD", 10)
    apply(book, EXAMPLE)
    assert book.valid
    assert book.checksum() == 3310070434
    assert book.bids(1) == [(45283.5, 0.1)]
    assert book.asks(2) == [(45285.2, 0.001), (45286.4, 1.54571953)]


def test_zeros_that_a_serialiser_trimmed_are_filled_up() -> None:
    trimmed = (
        EXAMPLE.replace("0000000}", "}")
        .replace("00000}", "}")
        .replace("0000}", "}")
        .replace("45281.0", "45281")
    )
    assert trimmed != EXAMPLE
    with pytest.raises(DataError, match="checksum"):
        apply(KrakenBook("BTC/USD", 10), trimmed)
    apply(KrakenBook("BTC/USD", 10, 1, 8), trimmed)


def test_small_quantities_may_come_with_an_exponent() -> None:
    apply(KrakenBook("BTC/USD", 10, 1, 8), EXAMPLE.replace("0.00100000", "1e-3"))


@pytest.mark.parametrize("depth", [10, 25])
@pytest.mark.parametrize("seed", range(3))
def test_book_is_krakens_after_any_updates(seed: int, depth: int) -> None:
    rng = random.Random(seed)
    pair = Pair("AAPLx/USD", True).fill("250.00", levels=depth + 5)
    book = KrakenBook(pair.symbol, depth)
    apply(book, pair.frame("snapshot", *pair.best(depth), depth))
    for _ in range(2000):
        before = pair.best(depth)
        side = pair.bids if rng.random() < 0.5 else pair.asks
        for _ in range(rng.randint(1, 3)):
            level = rng.choice(list(side))
            if rng.random() < 0.3 and len(side) > depth:
                del side[level]
            elif rng.random() < 0.5:
                side[level] = Decimal(rng.randint(1, 10**9)).scaleb(-8)
            else:
                step = Decimal(rng.randint(1, 5)).scaleb(-2)
                new = max(side) + step if side is pair.bids else min(side) - step
                if max(pair.bids) < new < min(pair.asks):
                    side[new] = Decimal("1.00000001")
        after = pair.best(depth)
        bids, asks = (_difference(was, now) for was, now in zip(before, after, strict=True))
        apply(book, pair.frame("update", bids, asks, depth))
        assert book.bids(depth) == [(float(p), float(q)) for p, q in after[0]]
        assert book.asks(depth) == [(float(p), float(q)) for p, q in after[1]]


def _difference(
    was: list[tuple[Decimal, Decimal]], now: list[tuple[Decimal, Decimal]]
) -> list[tuple[Decimal, Decimal]]:
    """As Kraken tells it: levels that changed or came into view; those that are gone, as 0."""
    old, new = dict(was), dict(now)
    return [(p, q) for p, q in now if old.get(p) != q] + [(p, Decimal(0)) for p in old if p not in new]


def test_missed_update_shows_in_the_checksum_and_voids_the_book() -> None:
    pair = Pair("AAPLx/USD", True).fill("250.00")
    book = KrakenBook(pair.symbol, 10)
    apply(book, pair.frame("snapshot", *pair.best(10), 10))
    pair.bids[Decimal("249.99")] = Decimal("7")  # never told
    pair.asks[Decimal("250.01")] = Decimal("8")
    with pytest.raises(DataError) as caught:
        apply(book, pair.frame("update", [], [(Decimal("250.01"), Decimal("8"))], 10))
    assert caught.value.reason == "checksum"
    assert not book.valid
    with pytest.raises(DataError) as caught:
        apply(book, pair.frame("update", [], [], 10))
    assert caught.value.reason == "no_snapshot"
    apply(book, pair.frame("snapshot", *pair.best(10), 10))
    assert book.valid


def test_same_update_again_changes_nothing() -> None:
    pair = Pair("AAPLx/USD", True).fill("250.00")
    book = KrakenBook(pair.symbol, 10)
    apply(book, pair.frame("snapshot", *pair.best(10), 10))
    pair.bids[Decimal("249.99")] = Decimal("7")
    frame = pair.frame("update", [(Decimal("249.99"), Decimal("7"))], [], 10)
    apply(book, frame)
    apply(book, frame)
    assert book.bids(1) == [(249.99, 7.0)]


@pytest.mark.parametrize(
    ("level", "reason"), [("-1.00", "malformed"), ("0.00", "malformed"), ("251.00", "crossed")]
)
def test_price_that_cannot_be_is_refused(level: str, reason: str) -> None:
    pair = Pair("AAPLx/USD", True).fill("250.00")
    book = KrakenBook(pair.symbol, 10)
    apply(book, pair.frame("snapshot", *pair.best(10), 10))
    pair.bids[Decimal(level)] = Decimal(1)
    with pytest.raises(DataError) as caught:
        apply(book, pair.frame("update", [(Decimal(level), Decimal(1))], [], 10))
    assert caught.value.reason == reason
