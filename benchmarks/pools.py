"""What an exact-in quote of a pool costs, beside degenbot's or the contract's own loop of steps.

Both sides must give the same amount to the last unit, or the benchmark stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.degenbot_peer import quoter
from benchmarks.figure import Figure, micros_each
from benchmarks.v3 import v3_state
from bot.pools import ConstantProduct, UniswapV3, decode, encode
from tests.fixtures.v3_steps import swap

PRICE = 231.0
SALES = tuple(tokens * 10**18 for tokens in (1, 10_000, 25_000))
"""From within one range to most of what a pool of forty positions can take."""
CONSTANT = ConstantProduct(10**14, 10**13, 3000)
SOLD = 10**10


def run() -> Iterator[Figure]:
    """Sales into a Uniswap v3 pool, then one into a constant-product pool."""
    pool = decode(encode(v3_state(PRICE))).pool
    assert isinstance(pool, UniswapV3)
    degenbot = quoter(pool)
    contract = partial(_contract, pool, dict(pool.ladder.ticks))
    peer = "degenbot" if degenbot else "contract's loop; no degenbot here"
    for amount in SALES:
        given, crossed = contract(amount)
        theirs = partial(degenbot or contract, amount)
        assert _ours(pool, amount) == given
        assert degenbot is None or theirs() == given
        yield Figure(
            f"Uniswap v3 exact in, {crossed} ticks crossed", micros_each(partial(_ours, pool, amount)), "µs",
            peer, micros_each(theirs, 100),
        )  # fmt: skip
    assert _constant() == _formula()
    yield Figure(
        "constant product exact in", micros_each(_constant), "µs", "the bare formula", micros_each(_formula)
    )


def _contract(pool: UniswapV3, ticks: dict[int, int], amount: int) -> tuple[int, int]:
    """Amount out and ticks crossed, as the contract finds them."""
    _, given, _, _, _, crossed = swap(
        ticks, pool.sqrt_price, pool.tick, pool.liquidity, pool.ladder.spacing, pool.fee, amount, True
    )
    return given, crossed


def _ours(pool: UniswapV3, amount: int) -> int:
    done = pool.swap_in(amount, True)
    assert done is not None
    return done.amount_out


def _constant() -> int:
    done = CONSTANT.exact_in(SOLD, True)
    assert done is not None
    return done.amount_out


def _formula() -> int:
    kept = SOLD * 997_000
    return kept * CONSTANT.quote_reserve // (CONSTANT.token_reserve * 1_000_000 + kept)
