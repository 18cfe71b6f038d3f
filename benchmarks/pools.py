"""What exact quotes of pools cost, beside degenbot, QuoterV2, Orca's core and the contract's loop in Python.

The pool is :func:`benchmarks.v3.dense`: every tick near the price is initialised. Whoever quotes the same
pool must give the same amount to the last unit, or the benchmark stops. Ours, the loop and degenbot are
measured in processor time; what QuoterV2 and Orca take is the quickest call by the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

from benchmarks import degenbot_peer, orca_peer, quoter_peer
from benchmarks.figure import Figure, cpu_micros_each
from benchmarks.v3 import dense, sale_over
from bot.pools import ConstantProduct, UniswapV3
from tests.fixtures.v3_steps import swap

CROSSED = (0, 17, 50, 200)
TICKS = 450
QUOTE_BUDGET = 3.0
ROUNDED_APART = 5
"""Units, beside one a step, by which Orca's amounts may differ: a whirlpool's prices are Q64.64."""
CONSTANT = ConstantProduct(10**14, 10**13, 3000)
SOLD = 10**10


def run() -> Iterator[Figure]:
    """Quotes of a Uniswap v3 pool by what they cross, many at once, then a constant-product pool's."""
    pool = dense(TICKS)
    amounts = [sale_over(pool, crossed) for crossed in CROSSED]
    ours = [cpu_micros_each(_fresh(pool, amount)) for amount in amounts]
    yield from _beside_the_loop(pool, amounts, ours)
    yield from _beside_degenbot(pool, amounts, ours)
    yield from _beside_the_quoter(ours)
    yield from _beside_orca(ours)
    yield from _other_quotes(pool, amounts)
    assert _constant() == _formula()
    yield Figure(
        "constant product exact in",
        cpu_micros_each(_constant),
        "µs",
        "the bare formula",
        cpu_micros_each(_formula),
    )


def _fresh(pool: UniswapV3, amount: int) -> Callable[[], object]:
    """Each time another amount: nothing remembered of the last quote's helps."""
    units = count(1)
    return lambda: pool.swap_in(amount + next(units), True)


def _beside_the_loop(pool: UniswapV3, amounts: Sequence[int], ours: Sequence[float]) -> Iterator[Figure]:
    ticks = dict(pool.ladder.ticks)
    for crossed, amount, micros in zip(CROSSED, amounts, ours, strict=True):
        loop = partial(
            swap,
            ticks,
            pool.sqrt_price,
            pool.tick,
            pool.liquidity,
            pool.ladder.spacing,
            pool.fee,
            amount,
            True,
        )
        _, given, *_, counted = loop()
        assert (_out(pool, amount), crossed) == (given, counted)
        yield Figure(
            f"Uniswap v3 exact in, {crossed} ticks crossed", micros, "µs",
            "contract's loop in Python", cpu_micros_each(loop, 20, 20), QUOTE_BUDGET,
        )  # fmt: skip


def _beside_degenbot(pool: UniswapV3, amounts: Sequence[int], ours: Sequence[float]) -> Iterator[Figure]:
    theirs = degenbot_peer.timed(pool, amounts)
    if theirs is None:
        yield Figure("Uniswap v3 exact in", ours[0], "µs", degenbot_peer.ABSENT)
        return
    for crossed, amount, micros, their in zip(CROSSED, amounts, ours, theirs, strict=True):
        assert _out(pool, amount) == their.amount_out
        what = f"Uniswap v3 exact in, {crossed} ticks crossed"
        yield Figure(what, micros, "µs", "degenbot", their.fresh_micros)
        yield Figure(what, micros, "µs", "degenbot, the same again", their.same_micros)
        least = {0: 1.0, 50: 20.0}.get(crossed)
        yield Figure(
            f"as often as degenbot, {crossed} crossed", their.fresh_micros / micros, "×", budget=least,
            better="higher",
        )  # fmt: skip


def _beside_the_quoter(ours: Sequence[float]) -> Iterator[Figure]:
    told = quoter_peer.asked(TICKS, lambda pool: [sale_over(pool, crossed) for crossed in CROSSED])
    if told is None:
        yield Figure("Uniswap v3 exact in", ours[0], "µs", quoter_peer.ABSENT)
        return
    for crossed, amount, out, micros in zip(
        CROSSED, told.amounts, told.amounts_out, told.micros, strict=True
    ):
        assert _out(told.pool, amount) == out
        yield Figure(
            f"Uniswap v3 exact in, {crossed} ticks crossed", cpu_micros_each(_fresh(told.pool, amount)), "µs",
            "eth_call to QuoterV2 on anvil", micros,
        )  # fmt: skip


def _beside_orca(ours: Sequence[float]) -> Iterator[Figure]:
    pool = dense(TICKS, liquidity=10**12)  # a whirlpool's amounts have 64 bits
    amounts = [sale_over(pool, crossed) for crossed in CROSSED]
    theirs = orca_peer.timed(pool, amounts)
    if theirs is None:
        yield Figure("Uniswap v3 exact in", ours[0], "µs", orca_peer.ABSENT)
        return
    for crossed, amount, (out, micros) in zip(CROSSED, amounts, theirs, strict=True):
        assert abs(_out(pool, amount) - out) <= crossed + ROUNDED_APART
        yield Figure(
            f"Uniswap v3 exact in, {crossed} ticks crossed", cpu_micros_each(_fresh(pool, amount)), "µs",
            "Orca's core in Node.js", micros,
        )  # fmt: skip


def _other_quotes(pool: UniswapV3, amounts: Sequence[int]) -> Iterator[Figure]:
    for crossed, amount in zip(CROSSED, amounts, strict=True):
        out = _out(pool, amount)
        micros = cpu_micros_each(partial(pool.swap_out, out, True))
        yield Figure(f"Uniswap v3 exact out, {crossed} ticks crossed", micros, "µs", budget=QUOTE_BUDGET)
    target = pool.swap_in(amounts[2], True)
    assert target is not None
    price = target.sqrt_price
    yield Figure(
        "Uniswap v3 to a price, 50 crossed", cpu_micros_each(partial(pool.swap_to, price, True)), "µs"
    )
    sizes = [amounts[-1] * size // 20 for size in range(1, 21)]
    assert pool.quotes(sizes, True) == [pool.swap_in(size, True) for size in sizes]
    yield Figure(
        "Uniswap v3, 20 sizes at once",
        cpu_micros_each(partial(pool.quotes, sizes, True), 20),
        "µs",
        budget=40.0,
    )


def _out(pool: UniswapV3, amount: int) -> int:
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
