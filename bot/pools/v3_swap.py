"""Swaps over the steps of a Uniswap v3 pool: the cumulative sums of :mod:`bot.pools.steps` say where one
ends, and only its first step, begun at the pool's price, and its last, partial one are computed.

Source: ``SwapMath.computeSwapStep`` and ``UniswapV3Pool.swap`` of ``@uniswap/v3-core``. A whole step is
crossed exactly when what remains covers its cost with fee (exact in) or its output (exact out).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from msgspec import Struct

from bot.pools.ladder import LIMITS, falling, rising
from bot.pools.steps import Run, Start, Steps
from bot.pools.tick_math import PIPS, UINT256, tick_at_sqrt


class V3Swap(Struct, frozen=True, gc=False):
    """A swap's raw amounts (fee in ``amount_in``) and the state it leaves."""

    amount_in: int
    amount_out: int
    sqrt_price: int
    tick: int
    liquidity: int


def swap_in(steps: Steps, start: Start, amount: int) -> V3Swap | None:
    """Exactly ``amount``, positive, in; ``None`` if the liquidity does not take all of it."""
    index, run, at, price, position, paid, got = start
    if amount < paid:
        return _part_in(steps, price, position, run.liquidity[at], amount, amount, 0)
    keys, edges, liquidity, costs, gives = run
    # Counted from the beginning of the run, as its sums are.
    spent, got = amount - paid + costs[at + 1], got - gives[at + 1]
    edge = at + 1
    if spent > costs[-1]:
        found = steps.find(index, spent, False)
        if found is None:
            return None
        index, run, before, more = found
        keys, edges, liquidity, costs, gives = run
        spent, got = spent - before, got + more
        edge = 1
    # The first edge at which nothing is left is where the contract stops.
    edge = bisect_left(costs, spent, edge)
    if costs[edge] == spent:
        return _on_edge(steps, index, run, edge, amount, got + gives[edge])
    edge -= 1
    return _part_in(
        steps, edges[edge], keys[edge], liquidity[edge], spent - costs[edge], amount, got + gives[edge]
    )


def swap_out(steps: Steps, start: Start, amount: int) -> V3Swap | None:
    """Exactly ``amount``, positive, out; ``None`` if there is not so much."""
    index, run, at, price, position, paid, got = start
    if amount < got:
        return _part_out(steps, index, run, at, price, position, amount, 0, amount)
    keys, edges, _, costs, gives = run
    edge = at + 1
    wanted, paid = amount - got + gives[edge], paid - costs[edge]
    if wanted > gives[-1]:
        found = steps.find(index, wanted, True)
        if found is None:
            return None
        index, run, more, before = found
        keys, edges, _, costs, gives = run
        wanted, paid = wanted - before, paid + more
        edge = 1
    edge = bisect_left(gives, wanted, edge)
    if gives[edge] == wanted:
        return _on_edge(steps, index, run, edge, paid + costs[edge], amount)
    at = edge - 1
    return _part_out(steps, index, run, at, edges[at], keys[at], wanted - gives[at], paid + costs[at], amount)


def swap_to(steps: Steps, start: Start, target: int) -> V3Swap:
    """On until the price is ``target``, beyond the present one, or the steps end."""
    index, run, at, price, position, paid, got = start
    tick = tick_at_sqrt(target)
    end = ~tick if steps.zero_for_one else tick
    if target == price:
        return _on_edge(steps, index, run, at, 0, 0)  # the first stop, come to from outside all liquidity
    if end < position:
        return V3Swap(0, 0, target, tick, 0)  # short of it
    last = min(bisect_right(steps.starts, end), len(steps.runs)) - 1
    if last != index or end >= run.keys[at + 1]:
        costs, gives = steps.between(index, last)
        paid, got = paid - run.paid[at + 1] + costs, got - run.got[at + 1] + gives
        index, run = last, steps.run(last)
        at = min(bisect_right(run.keys, end) - 1, len(run.liquidity))
        paid, got, price = paid + run.paid[at], got + run.got[at], run.edges[at]
        if at == len(run.liquidity) or price == target:
            return _on_edge(steps, index, run, at, paid, got)
    else:
        paid = got = 0
    takes, gives = (falling if steps.zero_for_one else rising)(price, target, run.liquidity[at], steps.fee)
    if target == run.edges[at + 1]:
        return _on_edge(steps, index, run, at + 1, paid + takes, got + gives)
    return V3Swap(paid + takes, got + gives, target, tick, run.liquidity[at])


def _part_in(
    steps: Steps, price: int, position: int, liquidity: int, left: int, amount: int, got: int
) -> V3Swap:
    """The last, partial step of an exact-in swap: all that is ``left`` is used, the rest of it is fee. It
    never comes to the step's end: its cost is the least that does.

    ``getNextSqrtPriceFromInput`` and the amount out are written out: this is most of a quote.
    """
    moves = left * (PIPS - steps.fee) // PIPS
    if steps.zero_for_one:
        scaled, product = liquidity << 96, moves * price
        whole = scaled + product
        # The contract's ⌈scaled · price / whole⌉ with a smaller quotient; its other way where that overflows.
        fits = whole < UINT256
        less = product * price // whole if fits else price + -scaled // (scaled // price + moves)
        if less:
            after = price - less
            return V3Swap(amount, got + (liquidity * less >> 96), after, tick_at_sqrt(after), liquidity)
        return V3Swap(amount, got, price, ~position, liquidity)
    more = (moves << 96) // liquidity
    if more:
        after = price + more
        got += (liquidity * more << 96) // (after * price)
        return V3Swap(amount, got, after, tick_at_sqrt(after), liquidity)
    return V3Swap(amount, got, price, position, liquidity)


def _part_out(
    steps: Steps, index: int, run: Run, at: int, price: int, position: int, left: int, paid: int, amount: int
) -> V3Swap:
    """The last step of an exact-out swap: ``left`` is to come out, less than all of it; rounding may still
    take the price to its end. The price is rounded so that no less comes out, and no more is given.

    ``getNextSqrtPriceFromOutput`` and the cost are written out; within a step neither can revert.
    """
    liquidity = run.liquidity[at]
    if steps.zero_for_one:
        after = price + (-left << 96) // liquidity
        paid -= (liquidity * (after - price) << 96) // (after * price) * PIPS // (PIPS - steps.fee)
    else:
        product = left * price
        less = -product * price // ((liquidity << 96) - product)
        after = price - less
        paid -= (liquidity * less >> 96) * PIPS // (PIPS - steps.fee)
    if after == run.edges[at + 1]:
        return _on_edge(steps, index, run, at + 1, paid, amount)
    if after == price:
        return V3Swap(paid, amount, price, ~position if steps.zero_for_one else position, liquidity)
    return V3Swap(paid, amount, after, tick_at_sqrt(after), liquidity)


def _on_edge(steps: Steps, index: int, run: Run, edge: int, paid: int, got: int) -> V3Swap:
    """A swap that ends exactly on an edge has crossed it: the next step's liquidity is in force.

    At the ends of all prices it stops short of the tick.
    """
    price = run.edges[edge]
    if price in LIMITS:
        return V3Swap(paid, got, price, tick_at_sqrt(price), run.liquidity[edge - 1])
    key = run.keys[edge]
    tick = ~key if steps.zero_for_one else key
    return V3Swap(paid, got, price, tick, steps.liquidity_beyond(index, run, edge))
