"""Meteora accounts that are not what they should be, closed, paused or newer than we know: said in words."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from msgspec.structs import replace

pytest.importorskip("solders.pubkey")

from solders.pubkey import Pubkey

from bot.errors import PoolError
from bot.pools.layouts import Account
from bot.pools.layouts import meteora_damm_v2 as damm
from bot.pools.layouts import meteora_dlmm as dlmm
from bot.pools.layouts.base import CLOCK
from bot.pools.meteora_damm_v2 import MeteoraDammV2State
from bot.pools.meteora_dlmm import MeteoraDlmmState
from bot.pools.meteora_dlmm_fee import price_at
from tests.fixtures.meteora import BIN_STEP_U128, MAX_SQRT, MIN_SQRT, NOW, SLOT, clock_account, mint_account

TOKEN, USDC, OTHER, POOL = (str(Pubkey.from_bytes(bytes([at] * 32))) for at in (1, 2, 3, 9))
STEP, ACTIVE = 10, -5
Accounts = dict[str, Account | None]


def key(address: str) -> bytes:
    return bytes(Pubkey.from_string(address))


def pair_bytes(
    *,
    status: int = 0,
    kind: int = 3,
    opens: int = 0,
    by_time: int = 1,
    function: int = 1,
    marked: tuple[int, ...] = (-1, 0),
) -> bytes:
    bitmap = sum(1 << index + 512 for index in marked).to_bytes(128, "little")
    fees = (10_000, 30, 600, 5000, 7500, 150_000, -443_636, 443_636, 500, 0, function, 0)
    return dlmm.PAIR.pack(
        *(dlmm.PAIR_TAG, *fees, 20_000, 0, ACTIVE, NOW - 40, kind, ACTIVE, STEP, status, by_time),
        *(key(TOKEN), key(USDC), bytes(32), bytes(32), bitmap, opens),
    )


def array_bytes(
    index: int, pool: str = POOL, price: Callable[[int], int] = lambda at: price_at(at, STEP)
) -> bytes:
    head = dlmm.ARRAY.pack(dlmm.ARRAY_TAG, index, 2, key(pool))
    return head + b"".join(
        dlmm.BIN.pack(
            10**8 * (at >= ACTIVE), 10**8 * (at <= ACTIVE), price(at).to_bytes(16, "little"), 7, 5, 0
        )
        for at in range(70 * index, 70 * index + 70)
    )


def dlmm_accounts(pair: bytes | None = None, **arrays: bytes) -> Accounts:
    accounts: Accounts = {
        POOL: Account(dlmm.PROGRAM, pair_bytes() if pair is None else pair),
        dlmm.map_address(POOL): None,
        CLOCK: clock_account(),
        TOKEN: mint_account(8),
        USDC: mint_account(6),
    }
    for index in (-1, 0):
        data = arrays.get(f"array{index + 1}", array_bytes(index))
        accounts[dlmm.array_address(POOL, index)] = Account(dlmm.PROGRAM, data)
    return accounts


def dlmm_read(accounts: Accounts, token: str = TOKEN) -> MeteoraDlmmState:
    return dlmm.MeteoraDlmmLayout().state(POOL, accounts, token_mint=token, quote_usd=1.0)


def damm_bytes(
    *, status: int = 0, mode: int = 0, fee_mode: int = 0, version: int = 0, opens: int = 0, by_time: int = 1
) -> bytes:
    fee = struct.pack("<QB5xHQQ", 2_500_000, mode, 0, 0, 0)
    price = (1 << 64).to_bytes(16, "little")
    wide = [bound.to_bytes(16, "little") for bound in (MIN_SQRT, MAX_SQRT)]
    dynamic = (1, 14_460_000, 956, 1, 10, 120, 5000, NOW - 50, BIN_STEP_U128.to_bytes(16, "little"), price)
    return damm.POOL.pack(
        *(damm.POOL_TAG, fee, 20, 20, 0, *dynamic, bytes(16), bytes(16), bytes(16)),
        *(key(TOKEN), key(USDC), (10**15 << 64).to_bytes(16, "little"), *wide, price),
        *(opens, by_time, status, fee_mode, version, 10**15, 10**15, 1),
    )


def damm_accounts(pool: bytes | None = None) -> Accounts:
    return {
        POOL: Account(damm.PROGRAM, damm_bytes() if pool is None else pool),
        CLOCK: clock_account(),
        TOKEN: mint_account(8),
        USDC: mint_account(6),
    }


def damm_read(accounts: Accounts, token: str = TOKEN) -> MeteoraDammV2State:
    return damm.MeteoraDammV2Layout().state(POOL, accounts, token_mint=token, quote_usd=1.0)


def refused(read: Callable[[], object]) -> str:
    with pytest.raises(PoolError) as error:
        read()
    return str(error.value)


def test_a_pair_asks_for_its_mints_and_map_and_then_for_the_arrays_that_the_map_marks() -> None:
    layout, all_of_it = dlmm.MeteoraDlmmLayout(), dlmm_accounts()
    known: Accounts = {}
    rounds = 0
    while missing := layout.wanted(POOL, known) - known.keys():
        known |= {address: all_of_it[address] for address in missing}
        rounds += 1
    assert known == all_of_it
    assert rounds == 2


def test_a_pair_is_read_into_bins_that_can_be_swapped_through() -> None:
    state = dlmm_read(dlmm_accounts())
    assert (len(state.bins), state.orders, state.active_id) == (140, [], ACTIVE)
    assert state.block == 400_000_000
    pool = state.pool()
    swap = pool.exact_in(10**9, sell=True)
    assert swap is not None
    assert swap.price_after < pool.price()
    flipped = dlmm_read(dlmm_accounts(), USDC).pool()
    assert flipped.exact_in(10**9, sell=False) == replace(swap, price_after=1 / swap.price_after)


def test_limit_orders_count_where_the_pair_supports_them() -> None:
    for function, orders in ((2, 140), (0, 140), (1, 0)):
        assert len(dlmm_read(dlmm_accounts(pair_bytes(function=function))).orders) == orders


def test_only_the_nearest_arrays_are_loaded_and_a_swap_beyond_them_is_not_quoted() -> None:
    pair = pair_bytes(marked=tuple(range(-400, 400)))
    wanted = dlmm.MeteoraDlmmLayout().wanted(POOL, dlmm_accounts(pair))
    arrays = {dlmm.array_address(POOL, index) for index in range(-1 - 29, -1 + 30)}
    assert {address for address in wanted if address in arrays} == arrays
    assert len(wanted) == len(arrays) + 5
    assert dlmm_read(dlmm_accounts()).pool().exact_in(10**15, sell=True) is None


def test_arrays_far_out_are_marked_in_the_map() -> None:
    above = (1 << 3).to_bytes(768, "little")
    below = (1 << 600).to_bytes(768, "little")
    accounts = dlmm_accounts()
    accounts[dlmm.map_address(POOL)] = Account(
        dlmm.PROGRAM, dlmm.MAP.pack(dlmm.MAP_TAG, key(POOL), above, below)
    )
    wanted = dlmm.MeteoraDlmmLayout().wanted(POOL, accounts)
    assert {dlmm.array_address(POOL, 515), dlmm.array_address(POOL, -1113)} < wanted


@pytest.mark.parametrize(
    ("accounts", "says"),
    [
        (lambda: dlmm_accounts() | {POOL: None}, "closed: no pair"),
        (lambda: dlmm_accounts() | {POOL: Account(damm.PROGRAM, pair_bytes())}, "not_this_pool.*by cpamd"),
        (lambda: dlmm_accounts(bytes(8) + pair_bytes()[8:]), "not_this_pool: the account is no pair"),
        (lambda: dlmm_accounts(pair_bytes()[:-1]), "bad_account: the pair has 903 bytes"),
        (lambda: dlmm_accounts(pair_bytes() + b"\0"), "bad_account: the pair has 905 bytes"),
        (lambda: dlmm_accounts(pair_bytes(status=1)), "paused: the pair is disabled"),
        (lambda: dlmm_accounts(pair_bytes(kind=2, opens=NOW + 1)), f"paused: the pair opens at {NOW + 1}"),
        (lambda: dlmm_accounts(pair_bytes(kind=1, opens=SLOT + 1, by_time=0)), "paused.*at 400000001"),
        (lambda: dlmm_accounts(pair_bytes(kind=1, by_time=2)), "not_quotable: activation of type 2"),
        (lambda: dlmm_accounts(pair_bytes(kind=4)), "not_quotable: a pair of kind 4"),
        (lambda: dlmm_accounts(pair_bytes(function=3)), "not_quotable.*function 3"),
        (lambda: dlmm_accounts() | {dlmm.array_address(POOL, 0): None}, "closed: no bin array 0"),
        (lambda: dlmm_accounts(array1=array_bytes(0)[:-1]), "bad_account: the bin array 0 has 10135"),
        (lambda: dlmm_accounts(array1=array_bytes(1)), "not_this_pool: bin array 1 of"),
        (lambda: dlmm_accounts(array1=array_bytes(0, OTHER)), f"not_this_pool: bin array 0 of {OTHER}"),
        (lambda: dlmm_accounts(array1=array_bytes(0, price=lambda at: 1 << 64)), "bad_account: bin 1 has"),
        (lambda: dlmm_accounts() | {TOKEN: None}, "closed: no mint"),
        (lambda: dlmm_accounts() | {CLOCK: None}, "closed: no clock"),
    ],
)  # fmt: skip
def test_a_pair_that_cannot_be_quoted_says_why(accounts: Callable[[], Accounts], says: str) -> None:
    with pytest.raises(PoolError, match=says):
        dlmm_read(accounts())


def test_a_pair_that_opens_for_all_at_once_needs_no_activation() -> None:
    assert dlmm_read(dlmm_accounts(pair_bytes(kind=3, opens=NOW + 1))).bins


def test_a_map_of_another_pair_is_refused() -> None:
    accounts = dlmm_accounts()
    data = dlmm.MAP.pack(dlmm.MAP_TAG, key(OTHER), bytes(768), bytes(768))
    accounts[dlmm.map_address(POOL)] = Account(dlmm.PROGRAM, data)
    assert refused(lambda: dlmm_read(accounts)) == f"not_this_pool: map of bin arrays of {OTHER}"


def test_a_cp_amm_pool_is_read_with_its_mints_and_time() -> None:
    layout = damm.MeteoraDammV2Layout()
    assert layout.wanted(POOL, {}) == {POOL, CLOCK}
    assert layout.wanted(POOL, damm_accounts()) == {POOL, CLOCK, TOKEN, USDC}
    state = damm_read(damm_accounts())
    assert (state.decimals, state.token_index, state.point, state.timestamp) == ((8, 6), 0, NOW, NOW)
    pool = state.pool()
    swap = pool.exact_in(10**12, sell=True)
    assert swap is not None
    assert swap.amount_out == 996_503_496_502
    assert pool.fee_ratio(True) == 0.0025


@pytest.mark.parametrize(
    ("accounts", "says"),
    [
        (lambda: damm_accounts() | {POOL: None}, "closed: no pool"),
        (lambda: damm_accounts() | {POOL: Account(dlmm.PROGRAM, damm_bytes())}, "not_this_pool.*by LBUZ"),
        (lambda: damm_accounts(bytes(8) + damm_bytes()[8:]), "not_this_pool: the account is no pool"),
        (lambda: damm_accounts(damm_bytes()[:-1]), "bad_account: the pool has 1111 bytes, not 1112"),
        (lambda: damm_accounts(damm_bytes(status=1)), "paused: the pool is disabled"),
        (lambda: damm_accounts(damm_bytes(opens=NOW + 1)), f"paused: the pool opens at {NOW + 1}"),
        (lambda: damm_accounts(damm_bytes(opens=SLOT + 1, by_time=0)), "paused.*at 400000001"),
        (lambda: damm_accounts(damm_bytes(mode=5)), "not_quotable: a base fee of kind 5"),
        (lambda: damm_accounts(damm_bytes(fee_mode=3)), "not_quotable: fee mode"),
        (lambda: damm_accounts(damm_bytes(version=2)), "not_quotable: fee mode, fee version"),
        (lambda: damm_accounts(damm_bytes(by_time=2)), "not_quotable: fee mode"),
        (lambda: damm_accounts() | {USDC: None}, "closed: no mint"),
    ],
)  # fmt: skip
def test_a_cp_amm_pool_that_cannot_be_quoted_says_why(accounts: Callable[[], Accounts], says: str) -> None:
    with pytest.raises(PoolError, match=says):
        damm_read(accounts())


def test_pools_of_other_tokens_are_refused() -> None:
    for read in (lambda: dlmm_read(dlmm_accounts(), OTHER), lambda: damm_read(damm_accounts(), OTHER)):
        assert refused(read).startswith(f"not_this_pool: {OTHER} is not one of its mints")
