"""Who takes an order, who pays a winner, and that no coin is made or lost."""

from __future__ import annotations

from random import Random

import pytest

from bot.errors import DataError
from bot.strategy.carry.pools import LOCK_NS, PUBLIC, Paid, Pools, Sharing, waterfall

HALF = Sharing(reserve_part=0.1, protocol_part=0.1, lock_ratio=0.5)


def pools(**changes):
    values = {"private": {"a": 100.0, "b": 10.0}, "reserve": 5.0, "public": 50.0, "terms": HALF}
    return Pools(**(values | changes))


def test_a_winner_is_paid_by_pool_then_reserve_then_public_pool_then_nobody():
    assert waterfall(3, 10, 5, 2) == Paid(3, 0, 0, 0)
    assert waterfall(12, 10, 5, 2) == Paid(10, 2, 0, 0)
    assert waterfall(16, 10, 5, 2) == Paid(10, 5, 1, 0)
    assert waterfall(20, 10, 5, 2) == Paid(10, 5, 2, 3)
    assert waterfall(17, 10, 5, 2).whole
    assert not waterfall(18, 10, 5, 2).whole


def test_the_drawn_pool_takes_the_order_or_the_next_that_has_room():
    venue = pools()
    assert venue.open("1", 10.0, drawn=3) == "b"
    assert venue.free("b") == 5.0
    assert venue.open("2", 20.0, drawn=3) == "a"
    assert venue.open("3", 200.0, drawn=0) is None  # nobody has 100 free, the public pool neither
    assert venue.open("4", 100.0, drawn=1) == "a"
    assert venue.open("5", 100.0, drawn=0) == PUBLIC
    with pytest.raises(DataError, match="is open already"):
        venue.open("5", 1.0, drawn=0)


def test_a_pool_that_stopped_takes_no_more():
    venue = pools()
    venue.stop("a")
    assert venue.open("1", 4.0, drawn=0) == "b"
    venue.stop("b")
    assert venue.open("2", 4.0, drawn=0) == PUBLIC


def test_funding_goes_to_the_pool_the_reserve_and_the_protocol():
    venue = pools()
    venue.open("1", 10.0, drawn=0)
    venue.fund("1", 1.0)
    assert (venue.private["a"], venue.reserve, venue.protocol) == pytest.approx((100.8, 5.1, 0.1))


def test_the_locks_of_other_orders_are_not_paid_out():
    venue = pools(private={"a": 20.0})
    venue.open("1", 10.0, drawn=0)
    venue.open("2", 20.0, drawn=0)
    paid = venue.close("1", 30.0)
    assert paid == Paid(10.0, 5.0, 15.0, 0.0)
    assert venue.private["a"] == 10.0
    assert venue.free("a") == 0.0


def test_an_order_that_wins_as_much_as_backs_it_may_be_liquidated_by_anyone():
    venue = pools(private={"a": 20.0})
    venue.open("1", 10.0, drawn=0)
    venue.open("2", 20.0, drawn=0)
    assert venue.exposed([("1", 9.9), ("2", 15.0)]) == ["2"]


def test_deposits_of_the_public_pool_stay_for_two_weeks_and_share_what_it_pays():
    venue = pools(private={"a": 10.0}, reserve=0.0, public=50.0)
    assert venue.deposit("me", 50.0, ts=0) == 50.0
    with pytest.raises(DataError, match="14 days"):
        venue.withdraw("me", ts=LOCK_NS - 1)
    venue.open("1", 20.0, drawn=0)
    venue.close("1", 30.0)  # 10 by the pool, 20 by the public one
    assert venue.withdraw("me", ts=LOCK_NS) == pytest.approx(40.0)
    assert venue.public == pytest.approx(40.0)


def test_what_orders_lock_in_the_public_pool_cannot_be_withdrawn():
    venue = pools(private={}, public=0.0)
    venue.deposit("me", 50.0, ts=0)
    assert venue.open("1", 100.0, drawn=0) == PUBLIC
    with pytest.raises(DataError, match="open orders lock"):
        venue.withdraw("me", ts=LOCK_NS)


def test_no_coin_is_made_or_lost():
    random = Random(5)
    venue = Pools({str(n): random.uniform(0, 50) for n in range(6)}, 10.0, 100.0, HALF)
    before, opened = venue.total(), []
    for n in range(3_000):
        moved = random.random()
        if moved < 0.4 and venue.open(f"o{n}", random.uniform(0.1, 30), random.randrange(10**9)):
            opened.append(f"o{n}")
        elif opened and moved < 0.8:
            coins = random.uniform(0, 0.3)
            venue.fund(random.choice(opened), coins)
            before += coins
        elif opened:
            owed = random.choice([0.0, random.uniform(0, 5), random.uniform(0, 60)])
            paid = venue.close(opened.pop(random.randrange(len(opened))), owed)
            assert paid.pool + paid.reserve + paid.public + paid.unpaid == pytest.approx(owed)
            before -= owed - paid.unpaid
        assert venue.total() == pytest.approx(before)
        assert min(venue.private.values()) > -1e-9
        assert venue.reserve > -1e-9
        assert venue.public > -1e-9
