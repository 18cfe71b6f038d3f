"""Constant product pools: v2's formulas with any fee, the pair's limits, and the exact swap to a price."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest

from bot.errors import PoolError
from bot.pools import ConstantProduct, ConstantProductState, decode, encode
from bot.pools.constant_product import MOST


def state(**changes: object) -> ConstantProductState:
    given = {"token_reserve": 10**18, "quote_reserve": 223 * 10**6, "decimals": (18, 6), "fee_pips": 3000}
    return ConstantProductState(**(given | changes))  # type: ignore[arg-type]  # fields by name


@pytest.mark.parametrize(
    ("fee_pips", "kept", "whole"),
    [(3000, 997, 1000), (2500, 9975, 10_000), (2000, 998, 1000), (1000, 999, 1000), (0, 1, 1)],
    ids=["Uniswap and SushiSwap", "PancakeSwap", "ApeSwap", "Biswap", "none"],
)
def test_a_forks_fee_in_millionths_rounds_as_its_own_fraction_does(
    fee_pips: int, kept: int, whole: int
) -> None:
    rng = Random(fee_pips)
    for _ in range(300):
        x, y, amount = (rng.getrandbits(rng.randint(1, 100)) + 2 for _ in range(3))
        pool = ConstantProduct(x, y, fee_pips)
        out = amount * kept * y // (x * whole + amount * kept)
        swap = pool.exact_in(amount, sell=True)
        assert (0 if swap is None else swap.amount_out) == out
        wanted = 1 + amount % (y - 1)
        needed = x * wanted * whole // ((y - wanted) * kept) + 1
        bought = pool.exact_out(wanted, sell=True)
        assert (needed if needed <= MOST - x else None) == (None if bought is None else bought.amount_in)


def test_what_would_give_nothing_is_no_swap() -> None:
    pool = ConstantProduct(10**24, 10**6, 3000)
    assert pool.exact_in(10**15, sell=True) is None
    assert pool.exact_in(0, sell=True) is None
    assert pool.exact_out(0, sell=True) is None
    assert pool.after(10**15, sell=True) is None


def test_a_reserve_stays_within_112_bits() -> None:
    room = 10**9
    pool = ConstantProduct(MOST - room, 10**30, 3000)
    filled = pool.exact_in(room, sell=True)
    assert filled is not None
    assert pool.exact_in(room + 1, sell=True) is None
    assert pool.exact_out(filled.amount_out, sell=True) is not None
    assert pool.exact_out(filled.amount_out * 2, sell=True) is None
    assert pool.to_price(pool.price() / 2, sell=True) == filled


def test_all_of_a_reserve_cannot_be_bought() -> None:
    pool = ConstantProduct(100, 100, 3000)
    assert pool.exact_out(100, sell=False) is None
    last = pool.exact_out(99, sell=False)
    assert last is not None
    assert last.amount_in == 100 * 99 * 1000 // (1 * 997) + 1


def test_a_swap_to_a_price_is_the_largest_that_stays_within_it() -> None:
    rng = Random(1)
    found = 0
    for _ in range(3000):
        x, y = (rng.getrandbits(rng.randint(1, 80)) + 1 for _ in range(2))
        pool = ConstantProduct(x, y, rng.choice((0, 2500, 3000, 500_000)))
        sell = rng.random() < 0.5
        price = pool.price() * (1 + (-1 if sell else 1) * 10 ** rng.uniform(-9, -0.1))
        swap = pool.to_price(price, sell)
        if swap is not None:
            assert within(pool, swap.amount_in, price, sell)
            assert not within(pool, swap.amount_in + 1, price, sell)
            found += 1
    assert found > 1500


def within(pool: ConstantProduct, amount: int, price: float, sell: bool) -> bool:
    """Whether a swap of ``amount`` leaves the price on this side of ``price``, in exact arithmetic."""
    after = pool.after(amount, sell)
    if after is None:
        return True
    ratio = Fraction(after.quote_reserve, after.token_reserve)
    return ratio >= Fraction(price) if sell else ratio <= Fraction(price)


def test_there_is_no_swap_to_a_price_that_lies_the_other_way_or_is_none() -> None:
    pool = ConstantProduct(10**18, 10**18, 3000)
    assert pool.to_price(1.1, sell=True) is None
    assert pool.to_price(0.9, sell=False) is None
    assert pool.to_price(1.0, sell=True) is None
    for price in (0.0, -1.0, float("inf"), float("nan")):
        assert pool.to_price(price, sell=True) is None
        assert pool.to_price(price, sell=False) is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token_reserve": 0}, "a reserve is empty"),
        ({"quote_reserve": MOST + 1}, "a reserve exceeds 112 bits"),
        ({"fee_pips": 1_000_000}, "fee 1000000 is not in millionths"),
        ({"token_index": 1}, "the token comes first in a constant_product state"),
        ({"token_reserve": "ten"}, "not a whole number"),
    ],
)
def test_a_state_that_cannot_be_says_why(changes: dict[str, object], words: str) -> None:
    with pytest.raises(PoolError, match=words):
        decode(encode(state(**changes)))
