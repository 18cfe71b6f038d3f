"""What holds of any constant product pool and any Uniswap v4 pool, whatever is swapped."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.pools import ConstantProduct, RawPool, UniswapV4, UniswapV4State
from bot.pools.constant_product import MOST
from bot.pools.tick_math import PIPS, sqrt_at_tick
from bot.pools.uniswap_v4 import swap_fee
from tests.fixtures import v3_steps


class Case(NamedTuple):
    """A pool, and what rounding may cost in a swap: units that go in and units that come out."""

    pool: RawPool
    lost_in: int
    lost_out: int


@st.composite
def products(draw: st.DrawFn) -> Case:
    reserve = st.integers(1, 112).flatmap(lambda bits: st.integers(1, (1 << bits) - 1))
    fee = draw(st.sampled_from((0, 2500, 3000, 10_000)) | st.integers(0, PIPS - 1))
    return Case(ConstantProduct(draw(reserve), draw(reserve), fee), 1, 1)


@st.composite
def v4_states(draw: st.DrawFn) -> UniswapV4State:
    """Prices within a factor of eight: further out one unit of the price's own rounding is many tokens."""
    spacing = draw(st.sampled_from((1, 10, 60, 200, 5000)))
    edge = 20_000 // spacing
    edges = st.lists(st.integers(-edge, edge), min_size=2, max_size=2, unique=True).map(sorted)
    nets: dict[int, int] = {}
    for lower, upper in draw(st.lists(edges, min_size=1, max_size=6)):
        liquidity = draw(st.integers(1, 90).flatmap(lambda bits: st.integers(1, 1 << bits)))
        nets[lower * spacing] = nets.get(lower * spacing, 0) + liquidity
        nets[upper * spacing] = nets.get(upper * spacing, 0) - liquidity
    tick = draw(st.integers(-20_000, 20_000))
    low, high = sqrt_at_tick(tick), sqrt_at_tick(tick + 1)
    lp_fee = draw(st.sampled_from((0, 100, 3000)) | st.integers(0, 500_000))
    protocol = draw(st.tuples(*[st.sampled_from((0, 1000)) | st.integers(0, 1000)] * 2))
    return UniswapV4State(
        decimals=(18, 18), fee=lp_fee, lp_fee=lp_fee, protocol_fee=protocol, tick_spacing=spacing,
        sqrt_price_x96=draw(st.integers(low, high - 1)), tick=tick, ticks=sorted(nets.items()),
        liquidity=sum(net for at, net in nets.items() if at <= tick), token_index=draw(st.integers(0, 1)),
    )  # fmt: skip


@st.composite
def v4_pools(draw: st.DrawFn) -> Case:
    state = draw(v4_states())
    width = state.ticks[-1][0] - state.ticks[0][0]
    steps = len(state.ticks) + width // (256 * state.tick_spacing) + 3
    # Each step rounds both amounts; a unit in, at most doubled by the fee, is worth at most 64 out.
    return Case(state.pool(), 4 * steps, 128 * steps)


quick = settings(deadline=None)
cases = products() | v4_pools()
sizes = st.integers(1, 120).flatmap(lambda bits: st.integers(1, 1 << bits))


@quick
@given(cases, st.booleans(), st.lists(sizes, min_size=2, max_size=4))
def test_more_in_gives_no_less_at_no_better_a_price(case: Case, sell: bool, amounts: list[int]) -> None:
    amounts.sort()
    swaps = [swap for swap in (case.pool.exact_in(amount, sell) for amount in amounts) if swap is not None]
    for less, more in pairwise(swaps):
        assert less.amount_out <= more.amount_out
        # Out per in does not rise, but for what the smaller one loses by rounding.
        assert more.amount_out * less.amount_in <= (less.amount_out + case.lost_out) * more.amount_in
        assert (more.price_after <= less.price_after) if sell else (more.price_after >= less.price_after)


@quick
@given(cases, st.booleans(), st.lists(sizes, min_size=2, max_size=4))
def test_more_out_takes_no_less_at_no_better_a_price(case: Case, sell: bool, amounts: list[int]) -> None:
    amounts.sort()
    swaps = [swap for swap in (case.pool.exact_out(amount, sell) for amount in amounts) if swap is not None]
    for less, more in pairwise(swaps):
        assert less.amount_in <= more.amount_in
        paid_for_less = max(less.amount_in - case.lost_in, 0)
        assert paid_for_less * more.amount_out <= more.amount_in * less.amount_out


@quick
@given(cases, st.booleans(), sizes)
def test_there_and_back_again_never_gains(case: Case, sell: bool, amount: int) -> None:
    there, after = case.pool.exact_in(amount, sell), case.pool.after(amount, sell)
    assume(there is not None)
    assert there is not None
    assert after is not None
    back = after.exact_in(there.amount_out, not sell)
    assert back is None or back.amount_out <= amount
    again = after.exact_out(amount, not sell)
    assert again is None or again.amount_in >= there.amount_out


@quick
@given(cases, st.booleans(), sizes)
def test_a_pool_after_a_swap_stands_where_the_quote_said(case: Case, sell: bool, amount: int) -> None:
    swap, after = case.pool.exact_in(amount, sell), case.pool.after(amount, sell)
    assert (swap is None) == (after is None)
    if swap is not None and after is not None:
        assert swap.amount_in == amount
        assert after.price() == swap.price_after
        assert (after.price() <= case.pool.price()) if sell else (after.price() >= case.pool.price())


@quick
@given(cases, st.booleans(), sizes)
def test_exact_out_undoes_exact_in_to_rounding(case: Case, sell: bool, amount: int) -> None:
    bought = case.pool.exact_out(amount, sell)
    assume(bought is not None)
    assert bought is not None
    assert bought.amount_out == amount
    spent = case.pool.exact_in(bought.amount_in, sell)
    assert spent is None or spent.amount_out >= amount - case.lost_out
    cheaper = case.pool.exact_in(bought.amount_in - case.lost_in, sell)
    assert cheaper is None or cheaper.amount_out <= amount


@quick
@given(products(), st.booleans(), sizes, sizes)
def test_a_constant_product_order_cut_in_two_gets_no_more(
    case: Case, sell: bool, first: int, second: int
) -> None:
    whole = case.pool.exact_in(first + second, sell)
    one, after = case.pool.exact_in(first, sell), case.pool.after(first, sell)
    assume(whole is not None and one is not None and after is not None)
    assert whole is not None
    assert one is not None
    assert after is not None
    two = after.exact_in(second, sell)
    assert one.amount_out + (0 if two is None else two.amount_out) <= whole.amount_out


@quick
@given(products(), sizes, st.booleans())
def test_the_product_of_the_reserves_never_falls(case: Case, amount: int, sell: bool) -> None:
    pool = case.pool
    after = pool.after(amount, sell)
    if after is not None:
        assert isinstance(pool, ConstantProduct)
        assert isinstance(after, ConstantProduct)
        before = pool.token_reserve * pool.quote_reserve
        assert after.token_reserve * after.quote_reserve >= before
        assert max(after.token_reserve, after.quote_reserve) <= MOST


@quick
@given(v4_states(), st.booleans(), st.booleans(), sizes)
def test_a_v4_swap_is_the_contracts_loop_with_the_fee_of_its_direction(
    state: UniswapV4State, zero_for_one: bool, exact_in: bool, amount: int
) -> None:
    pool = state.pool()
    assert isinstance(pool, UniswapV4)
    swap = (pool.swap_in if exact_in else pool.swap_out)(amount, zero_for_one)
    fee = swap_fee(state.lp_fee, state.protocol_fee[0 if zero_for_one else 1])
    *told, _ = v3_steps.swap(
        {tick: int(net) for tick, net in state.ticks}, int(state.sqrt_price_x96), state.tick,
        int(state.liquidity), state.tick_spacing, fee, amount if exact_in else -amount, zero_for_one,
    )  # fmt: skip
    if swap is None:
        assert told[0 if exact_in else 1] < amount
    else:
        assert (swap.amount_in, swap.amount_out, swap.sqrt_price, swap.tick, swap.liquidity) == tuple(told)
