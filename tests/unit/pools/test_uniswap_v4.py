"""Uniswap v4 states: fees of either direction, hooks that may touch a swap, and what is refused."""

from __future__ import annotations

from random import Random

import pytest

from bot.errors import PoolError
from bot.pools import UniswapV3State, UniswapV4, UniswapV4State, decode, encode
from bot.pools.tick_math import Q96
from bot.pools.uniswap_v4 import DYNAMIC_FEE, MOST, swap_fee
from tests.fixtures.v3_steps import swap as stepped

TICKS: list[tuple[int, int | str]] = [(-600, 10**20), (-60, 10**21), (120, -(10**21)), (600, -(10**20))]
LIQUIDITY = 10**20 + 10**21


def state(**changes: object) -> UniswapV4State:
    given = {
        "decimals": (18, 18), "fee": 3000, "lp_fee": 3000, "tick_spacing": 60, "sqrt_price_x96": str(Q96),
        "liquidity": str(LIQUIDITY), "tick": 0, "ticks": TICKS,
    }  # fmt: skip
    return UniswapV4State(**(given | changes))  # type: ignore[arg-type]  # fields by name


def pool(**changes: object) -> UniswapV4:
    made = decode(encode(state(**changes))).pool
    assert isinstance(made, UniswapV4)
    return made


def test_the_protocols_fee_is_taken_first_and_the_providers_of_the_rest() -> None:
    assert swap_fee(3000, 0) == 3000
    assert swap_fee(3000, 1000) == 3997
    assert swap_fee(0, 1000) == 1000
    assert swap_fee(1_000_000, 1000) == 1_000_000
    assert swap_fee(999_999, 1000) == 1_000_000  # rounded up
    assert swap_fee(999_998, 1000) == 999_999


def test_without_a_protocol_fee_it_is_the_same_pool_as_in_v3() -> None:
    v3 = UniswapV3State(
        decimals=(18, 18), fee=3000, tick_spacing=60, sqrt_price_x96=str(Q96), liquidity=str(LIQUIDITY),
        tick=0, ticks=TICKS,
    ).pool()  # fmt: skip
    v4 = pool()
    for exponent in range(20):
        for sell in (True, False):
            assert v4.exact_in(10**exponent, sell) == v3.exact_in(10**exponent, sell)
            assert v4.exact_out(10**exponent, sell) == v3.exact_out(10**exponent, sell)
    assert v4.to_price(0.99, sell=True) == v3.to_price(0.99, sell=True)
    assert v4.ranges() == v3.ranges()


@pytest.mark.parametrize("token_index", [0, 1])
def test_each_direction_has_its_own_fee(token_index: int) -> None:
    made = pool(protocol_fee=(1000, 0), token_index=token_index)
    for sell in (True, False):
        token0_in = sell == (token_index == 0)
        fee = 3997 if token0_in else 3000
        assert made.fee_ratio(sell) == fee / 1e6
        swap = made.exact_in(10**18, sell)
        assert swap is not None
        nets = {tick: int(net) for tick, net in TICKS}
        paid, got, *_ = stepped(nets, Q96, 0, LIQUIDITY, 60, fee, 10**18, token0_in)
        assert (swap.amount_in, swap.amount_out) == (paid, got)


def test_any_order_agrees_with_the_contracts_loop() -> None:
    rng = Random(1)
    nets = {tick: int(net) for tick, net in TICKS}
    made = pool(protocol_fee=(777, 1000))
    fees = swap_fee(3000, 777), swap_fee(3000, 1000)
    for _ in range(300):
        zero_for_one, exact_in = rng.random() < 0.5, rng.random() < 0.5
        amount = int(10 ** rng.uniform(0, 19.2))
        swap = (made.swap_in if exact_in else made.swap_out)(amount, zero_for_one)
        fee = fees[0 if zero_for_one else 1]
        want = stepped(nets, Q96, 0, LIQUIDITY, 60, fee, amount if exact_in else -amount, zero_for_one)
        if swap is None:
            assert (want[0] if exact_in else want[1]) < amount
        else:
            assert (swap.amount_in, swap.amount_out, swap.sqrt_price, swap.tick, swap.liquidity) == want[:5]


def test_many_sizes_at_once_are_each_its_own_quote() -> None:
    made = pool(protocol_fee=(1000, 0))
    sizes = [0, 1, 10**9, 10**18, 10**21]
    for zero_for_one in (True, False):
        assert made.quotes(sizes, zero_for_one) == [made.swap_in(size, zero_for_one) for size in sizes]


def test_amounts_stay_within_127_bits() -> None:
    liquidity = 1 << 127
    ticks = [(-887_220, liquidity), (887_220, -liquidity)]
    made = pool(ticks=[(tick, str(net)) for tick, net in ticks], liquidity=str(liquidity))
    assert made.swap_in(MOST // 2, True) is not None
    assert made.swap_in(MOST + 1, True) is None
    assert made.v3.swap_in(MOST + 1, True) is not None
    assert made.swap_out(MOST // 3 * 2, True) is None  # more than twice as much would have to go in


def test_where_all_is_fee_nothing_can_be_had() -> None:
    made = pool(fee=999_999, lp_fee=999_999, protocol_fee=(1000, 0))
    assert made.exact_in(10**15, sell=True) is None
    assert made.exact_out(1, sell=True) is None
    assert made.to_price(0.9, sell=True) is None
    assert made.after(10**15, sell=True) is None
    assert made.quotes([10**15], True) == [None]
    assert made.exact_in(10**15, sell=False) is not None


def hook(flags: int) -> str:
    return f"0x{0xABCD << 144 | flags:040x}"


@pytest.mark.parametrize(
    ("flags", "fee", "words"),
    [
        (1 << 7, 3000, "act before a swap"),
        (1 << 6, 3000, "act after a swap"),
        (1 << 7 | 1 << 3, 3000, "act before a swap, take or give a part of what goes in or is asked for"),
        (1 << 6 | 1 << 2, 3000, "act after a swap, take or give a part of what the swap leaves"),
        (1 << 7, DYNAMIC_FEE, "act before a swap, set the fee of each swap"),
    ],
)
def test_a_hook_that_may_touch_a_swap_makes_the_pool_not_quotable(flags: int, fee: int, words: str) -> None:
    with pytest.raises(PoolError) as refused:
        state(hooks=hook(flags), fee=fee).curve()
    assert refused.value.reason == "not_quotable"
    assert refused.value.detail == f"the hook {hook(flags)} may {words}"


@pytest.mark.parametrize("flag", [13, 12, 11, 10, 9, 8, 5, 4, 1, 0])
def test_a_hook_on_anything_else_does_not(flag: int) -> None:
    assert state(hooks=hook(1 << flag)).curve().spot() == 1.0


def test_a_dynamic_fee_is_what_slot0_says() -> None:
    assert pool(fee=DYNAMIC_FEE, hooks=hook(0), lp_fee=1234).fee_ratio(sell=True) == 1234 / 1e6


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lp_fee": 1_000_001, "fee": 1_000_001}, "lp_fee 1000001 is not in millionths"),
        ({"lp_fee": 500}, "fee 3000 is static, yet lp_fee is 500"),
        ({"protocol_fee": (0, 1001)}, r"protocol_fee \(0, 1001\)"),
        ({"tick_spacing": 32_768}, "tick_spacing 32768"),
        ({"tick_spacing": 0}, "tick_spacing 0"),
        ({"hooks": "0x12"}, "hooks '0x12' is not an address"),
        ({"hooks": "0x" + "g" * 40}, "is not an address"),
        ({"sqrt_price_x96": 0}, "sqrt_price_x96 0"),
        ({"tick": 1}, "is not at tick 1"),
        ({"ticks": TICKS[:-1]}, "does not add up to nothing"),
        ({"ticks": TICKS[::-1]}, "ticks are not rising"),
        ({"ticks": [(-887_273, 1), (600, -1)]}, "a tick is out of range"),
        ({"liquidity": "5"}, "liquidity is not what the ticks add up to"),
    ],
)
def test_a_state_that_cannot_be_says_why(changes: dict[str, object], words: str) -> None:
    with pytest.raises(PoolError, match=words) as refused:
        decode(encode(state(**changes)))
    assert refused.value.reason == "bad_pool_state"


def test_a_state_survives_its_json() -> None:
    made = state(protocol_fee=(10, 20), hooks=hook(1 << 11), fee=DYNAMIC_FEE, block=7)
    assert decode(encode(made)).pool == made.pool()
