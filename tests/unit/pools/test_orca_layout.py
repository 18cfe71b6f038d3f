"""A Whirlpool's accounts: which are wanted, and what is said of those that are not what they should be."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

pytest.importorskip("solders.pubkey")

from msgspec.structs import replace

from bot.errors import PoolError
from bot.pools import OrcaWhirlpoolState
from bot.pools.layouts import Account
from bot.pools.layouts.base import CLOCK
from bot.pools.layouts.orca_whirlpool import (
    PROGRAM,
    SYSTEM,
    OrcaWhirlpoolLayout,
    array_address,
    oracle_address,
)
from bot.pools.orca_math import MAX_TICK, Q64
from tests.fixtures.orca_accounts import (
    account,
    array_value,
    dynamic_value,
    key,
    oracle_value,
    pool_value,
    surroundings,
)
from tests.fixtures.orca_pools import random_adaptive_fee

RNG = random.Random(11)
POOL, TOKEN, QUOTE = key(RNG), key(RNG), key(RNG)
LENGTH = 88 * 64
LAYOUT = OrcaWhirlpoolLayout()
PRESENT = array_address(POOL, 0)
Accounts = dict[str, Account | None]
STATE = OrcaWhirlpoolState(
    decimals=(8, 6),
    sqrt_price=str(Q64 + 5),
    liquidity="1000",
    tick_current_index=0,
    tick_spacing=64,
    fee_rate=400,
    ticks=[(-64, "1000"), (128, "-1000")],
    known=(-2 * LENGTH, 4 * LENGTH),
    adaptive_fee=random_adaptive_fee(RNG, 64, 0),
)


def array(start: int, dynamic: bool = False, pool: str = POOL) -> Account:
    nets = {tick: int(net) for tick, net in STATE.ticks if start <= tick < start + LENGTH}
    value = array_value(RNG, nets, pool, start, 64)
    return account("dynamic", dynamic_value(value)) if dynamic else account("fixed", value)


def accounts() -> Accounts:
    """All that is wanted, each as it should be."""
    found: Accounts = {**surroundings(STATE, (TOKEN, QUOTE))}
    found[POOL] = account("whirlpool", pool_value(RNG, STATE, (TOKEN, QUOTE)))
    found[oracle_address(POOL)] = account("oracle", oracle_value(RNG, STATE, POOL))
    found[array_address(POOL, -LENGTH)] = array(-LENGTH, dynamic=True)
    found[PRESENT] = array(0)
    for at in (-2, 1, 2, 3):
        found[array_address(POOL, at * LENGTH)] = None
    return found


def read(found: Accounts, token: str = TOKEN) -> OrcaWhirlpoolState:
    return LAYOUT.state(POOL, found, token_mint=token, quote_usd=1.0)


def test_accounts_are_named_step_by_step_until_nothing_new_is_wanted() -> None:
    everything = accounts()
    assert LAYOUT.wanted(POOL, {}) == {POOL, CLOCK}
    assert LAYOUT.wanted(POOL, {POOL: everything[POOL]}) == everything.keys()
    assert LAYOUT.wanted(POOL, everything) == everything.keys()


def test_a_pool_with_a_static_fee_wants_no_oracle() -> None:
    plain = account("whirlpool", pool_value(RNG, replace(STATE, adaptive_fee=None), (TOKEN, QUOTE)))
    assert oracle_address(POOL) not in LAYOUT.wanted(POOL, {POOL: plain})
    assert read({**accounts(), POOL: plain}).adaptive_fee is None


def test_the_state_is_what_the_accounts_say() -> None:
    assert read(accounts()) == replace(STATE, block=7)
    assert read(accounts(), QUOTE) == replace(STATE, block=7, token_index=1)


def test_the_present_arrays_are_wanted_where_prices_end() -> None:
    top = replace(STATE, tick_current_index=MAX_TICK - 3, sqrt_price="79214000000000000000000000000")
    found = {POOL: account("whirlpool", pool_value(RNG, top, (TOKEN, QUOTE)))}
    starts = [at * LENGTH for at in range(70, 90)]
    there = [start for start in starts if array_address(POOL, start) in LAYOUT.wanted(POOL, found)]
    assert there == [76 * LENGTH, 77 * LENGTH, 78 * LENGTH]


def test_an_array_that_only_was_sent_lamports_holds_no_ticks() -> None:
    found = {**accounts(), array_address(POOL, LENGTH): Account(SYSTEM, b"")}
    assert read(found) == replace(STATE, block=7)


def test_arrays_not_yet_read_bound_what_is_known() -> None:
    found = accounts()
    del found[array_address(POOL, 2 * LENGTH)]
    assert read(found).known == (-2 * LENGTH, 2 * LENGTH)
    del found[PRESENT]
    with pytest.raises(PoolError, match="bad_account: the tick array from 0 was not read"):
        read(found)


def changed(address: str, change: Callable[[bytearray], object]) -> Accounts:
    found = accounts()
    old = found[address]
    assert old is not None
    data = bytearray(old.data)
    change(data)
    found[address] = Account(old.owner, bytes(data))
    return found


def put(at: int, value: bytes) -> Callable[[bytearray], object]:
    def change(data: bytearray) -> None:
        data[at : at + len(value)] = value

    return change


def cut(size: int) -> Callable[[bytearray], object]:
    def change(data: bytearray) -> None:
        del data[size:]

    return change


ORACLE, BELOW = oracle_address(POOL), array_address(POOL, -LENGTH)


@pytest.mark.parametrize(
    ("address", "change", "says"),
    [
        (POOL, cut(652), "bad_account: the pool has 652 bytes, not 653"),
        (POOL, put(0, bytes(8)), "not_this_pool: the pool is an account of another type"),
        (POOL, put(41, bytes(2)), "bad_account: a pool at tick 0, spaced 0"),
        (POOL, put(65, bytes(16)), "bad_account: .* priced 0"),
        (POOL, put(101, bytes(32)), f"not_this_pool: it holds 1111.* and {QUOTE}, not {TOKEN}"),
        (ORACLE, cut(253), "bad_account: the oracle has 253 bytes"),
        (ORACLE, put(0, bytes(8)), "not_this_pool: the oracle is an account of another type"),
        (ORACLE, put(8, bytes(32)), "not_this_pool: the oracle is of another pool"),
        (ORACLE, put(40, b"\xff" * 7), "paused: trading opens at"),
        (PRESENT, cut(9_987), "bad_account: the tick array has 9987 bytes"),
        (PRESENT, put(0, bytes(8)), "not_this_pool: the tick array is an account of another type"),
        (PRESENT, put(8, b"\1"), "bad_account: a tick array that does not begin with the tick 0"),
        (PRESENT, put(9_956, bytes(32)), "not_this_pool: the tick array is of another pool"),
        (PRESENT, put(12, b"\2"), "bad_account: tick 0 of the array from 0 is cut or ambiguous"),
        (BELOW, put(44, b"\1"), "bad_account: tick 0 of the array from -5632 is cut or ambiguous"),
        (BELOW, cut(190), "bad_account: tick 87 of the array from -5632 is cut"),
        (BELOW, cut(140), "bad_account: tick 80 of the array from -5632 is cut"),
        (BELOW, cut(30), "not_this_pool: the tick array is of another pool"),
        (CLOCK, cut(39), "bad_account: a clock"),
        (TOKEN, cut(81), "bad_account: a mint of 81 bytes"),
    ],
)
def test_bytes_that_are_not_what_they_should_be(
    address: str, change: Callable[[bytearray], object], says: str
) -> None:
    with pytest.raises(PoolError, match=says):
        read(changed(address, change))


@pytest.mark.parametrize("gone", [None, Account(SYSTEM, b"")])
@pytest.mark.parametrize(("address", "what"), [(POOL, "pool"), (ORACLE, "oracle")])
def test_a_closed_account(address: str, what: str, gone: Account | None) -> None:
    with pytest.raises(PoolError, match=f"closed: no {what} at its address"):
        read({**accounts(), address: gone})
    if address == POOL:
        with pytest.raises(PoolError, match="closed"):
            LAYOUT.wanted(POOL, {POOL: gone})


@pytest.mark.parametrize("address", [POOL, ORACLE, PRESENT])
def test_an_account_of_another_program(address: str) -> None:
    found = accounts()
    old = found[address]
    assert old is not None
    with pytest.raises(PoolError, match=f"not_this_pool: the .* belongs to {TOKEN}"):
        read({**found, address: Account(TOKEN, old.data)})


def test_a_pool_of_other_mints() -> None:
    with pytest.raises(PoolError, match=f"not_this_pool: it holds {TOKEN} and {QUOTE}, not {POOL}"):
        read(accounts(), POOL)


def test_an_array_of_another_pool() -> None:
    with pytest.raises(PoolError, match="not_this_pool: the tick array is of another pool"):
        read({**accounts(), PRESENT: array(0, pool=TOKEN)})


def test_any_bytes_are_read_or_refused_with_words() -> None:
    rng = random.Random(12)
    whole = accounts()
    for _ in range(400):
        address = rng.choice([POOL, ORACLE, PRESENT, BELOW])
        old = whole[address]
        assert old is not None
        data = bytearray(old.data)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.getrandbits(8)
        found: dict[str, Any] = {
            **whole,
            address: Account(PROGRAM, bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])),
        }
        with suppress(PoolError):
            curve = read(found).curve()
            assert curve.spot() > 0
            curve.buy(5.0)
            curve.depth(0.02)
