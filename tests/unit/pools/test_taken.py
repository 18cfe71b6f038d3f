"""What is gone of a market's depth, for whom and for how long."""

from __future__ import annotations

import msgspec
import pytest

from bot.pools.taken import REMEMBERED, Spent, Taken, behind
from tests.fixtures.market import pool_at

POOL, BOOK = "TSLAx@raydium", "TSLAx@kraken"


def took(*trades: tuple[str, int, str, float], pool: bool = False) -> Spent:
    """(incident, ts, side, tokens) on one instrument, one after the other."""
    made = Spent()
    for incident, ts, side, tokens in trades:
        made.take(POOL, incident, ts, side, tokens, pool)  # type: ignore[arg-type]  # one of two words
    return made


def test_since_a_market_was_observed_everybodys_trades_count_on_both_sides() -> None:
    made = took(("i1", 1, "buy", 3.0), ("i2", 1, "sell", 2.0))
    for incident in ("i1", "i2", "i3"):
        for side in ("buy", "sell"):
            assert made.gone(POOL, incident, 1, side) == Taken(1, 3.0, 2.0)  # type: ignore[arg-type]


def test_observed_anew_only_the_incidents_own_trades_count_and_only_on_their_side() -> None:
    made = took(("i1", 1, "buy", 3.0), ("i1", 2, "buy", 1.0), ("i2", 2, "buy", 5.0))
    assert made.gone(POOL, "i1", 3, "buy") == Taken(3, 4.0, 0.0)
    assert made.gone(POOL, "i1", 3, "sell") is None
    assert made.gone(POOL, "i3", 3, "buy") is None
    assert made.gone(POOL, "i1", 2, "buy") == Taken(2, 9.0, 0.0)


def test_an_older_purchase_makes_no_later_sale_dearer() -> None:
    made = took(("i1", 1, "buy", 100.0), ("i1", 2, "sell", 10.0), pool=True)
    assert made.gone(POOL, "i1", 2, "sell") == Taken(2, 0.0, 10.0)
    assert made.gone(POOL, "i1", 3, "sell") == Taken(3, 0.0, 10.0)
    assert made.gone(POOL, "i1", 3, "buy") == Taken(3, 100.0, 0.0)


def test_incidents_that_trade_on_one_venue_do_not_forget_each_other() -> None:
    made = took(("i1", 1, "buy", 10.0), ("i2", 2, "buy", 20.0))
    assert made.gone(POOL, "i1", 3, "buy") == Taken(3, 10.0, 0.0)
    assert made.gone(POOL, "i2", 3, "buy") == Taken(3, 20.0, 0.0)
    assert made.gone(BOOK, "i1", 3, "buy") is None


def test_on_one_curve_what_is_undone_at_once_was_not_taken() -> None:
    assert took(("i1", 1, "buy", 10.0), ("i1", 1, "sell", 10.0), pool=True).gone(POOL, "i1", 2, "buy") is None
    book = took(("i1", 1, "buy", 10.0), ("i1", 1, "sell", 10.0))
    assert book.gone(POOL, "i1", 1, "buy") == Taken(1, 10.0, 10.0)


def test_what_is_remembered_is_bounded_and_goes_on_after_a_restart() -> None:
    made = Spent()
    for number in range(REMEMBERED + 2):
        made.take(f"T{number}x@kraken", "i1", 1, "buy", 1.0, False)
        made.take(POOL, f"i{number}", 1, "buy", 1.0, False)
    other = Spent()
    other.restore(msgspec.json.decode(msgspec.json.encode(made.snapshot())))
    for one in (made, other):
        assert one.gone("T0x@kraken", "i1", 2, "buy") is None
        assert one.gone(POOL, "i0", 2, "buy") is None
        assert one.gone(POOL, "i5", 2, "buy") == Taken(2, 1.0, 0.0)


def test_a_pool_behind_a_trade_is_the_pool_that_the_trade_leaves() -> None:
    pool = pool_at(400.0, 1e6)
    left = behind(pool, Taken(1, bought=10.0))
    done = pool.buy_tokens(10.0)
    assert left is not None
    assert done is not None
    assert left.spot() == pytest.approx(done.price_after, rel=1e-5)
    assert behind(pool, Taken(1, bought=1e9)) is None
    assert behind(pool, None) is pool
