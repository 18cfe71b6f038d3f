"""Orca's accounts: the Whirlpool, its tick arrays of both kinds, and the oracle of one with an adaptive fee.

Source: ``state/whirlpool.rs``, ``fixed_tick_array.rs``, ``dynamic_tick_array.rs`` and ``oracle.rs`` of the
Whirlpool program; all little-endian, without padding.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from msgspec import Struct
from solders.pubkey import Pubkey

from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Account, Accounts
from bot.pools.layouts.token import Clock, clock, mint, movable
from bot.pools.orca_adaptive_fee import AdaptiveFee, FeeConstants, FeeVariables
from bot.pools.orca_ladder import ARRAY, ARRAYS, array_start
from bot.pools.orca_math import MAX_SQRT, MAX_TICK, MIN_SQRT, MIN_TICK
from bot.pools.orca_whirlpool import OrcaWhirlpoolState

PROGRAM = "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc"
SYSTEM = "11111111111111111111111111111111"
"""Owns what is at an address that was only ever sent some lamports: to the program, no account."""

POOL = bytes.fromhex("3f95d10ce1806309")
FIXED = bytes.fromhex("4561bdbe6e0742bb")
DYNAMIC = bytes.fromhex("11d8f68ee1c7da38")
ORACLE = bytes.fromhex("8bc283b38cb3e5f4")
POOL_BYTES, FIXED_BYTES, ORACLE_BYTES = 653, 9_988, 254
TICK_BYTES = 113

_POOL = struct.Struct("<41x3H2x16s16si16x32s48x32s")
_ORACLE = struct.Struct("<8x32sQ3HII2H16xQQIiI")


class Whirlpool(Struct, frozen=True):
    """What a price depends on in the pool's own account."""

    tick_spacing: int
    fee_tier: int
    fee_rate: int
    liquidity: int
    sqrt_price: int
    tick_current_index: int
    mints: tuple[str, str]

    @property
    def adaptive(self) -> bool:
        """Whether it has an oracle: only those of adaptive-fee tiers are numbered otherwise than spaced."""
        return self.fee_tier != self.tick_spacing


class Oracle(Struct, frozen=True):
    """An oracle account; ``trade_enable_timestamp`` in Unix seconds."""

    trade_enable_timestamp: int
    constants: FeeConstants
    variables: FeeVariables


class OrcaWhirlpoolLayout:
    """See :class:`~bot.pools.layouts.base.Layout`. Reads the tick arrays that a swap either way can go
    through from the present price: two below, the present one, and three above."""

    amm = "orca_whirlpool"
    program = PROGRAM

    def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        if pool not in accounts:
            return frozenset((pool, CLOCK))
        read = whirlpool(accounts[pool])
        arrays = (array_address(pool, start) for start in _starts(read))
        oracle = (oracle_address(pool),) if read.adaptive else ()
        return frozenset((pool, CLOCK, *read.mints, *oracle, *arrays))

    def state(
        self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float
    ) -> OrcaWhirlpoolState:
        """See :class:`~bot.pools.layouts.base.Layout`."""
        read = whirlpool(accounts.get(pool))
        if token_mint not in read.mints:
            raise PoolError("not_this_pool", f"it holds {' and '.join(read.mints)}, not {token_mint}")
        now = clock(accounts.get(CLOCK))
        tokens = [mint(accounts.get(address), now.epoch) for address in read.mints]
        for token, address in zip(tokens, read.mints, strict=True):
            movable(token, address)
        fee = _adaptive_fee(pool, accounts, now) if read.adaptive else None
        ticks, known = _known_ticks(pool, read, accounts)
        return OrcaWhirlpoolState(
            decimals=(tokens[0].decimals, tokens[1].decimals),
            token_index=read.mints.index(token_mint),
            quote_usd=quote_usd,
            transfer_fees=(tokens[0].transfer_fee, tokens[1].transfer_fee),
            block=now.slot,
            sqrt_price=str(read.sqrt_price),
            liquidity=str(read.liquidity),
            tick_current_index=read.tick_current_index,
            tick_spacing=read.tick_spacing,
            fee_rate=read.fee_rate,
            ticks=[(tick, str(net)) for tick, net in ticks],
            known=known,
            adaptive_fee=fee,
        )


def whirlpool(account: Account | None) -> Whirlpool:
    """The pool's account. Raises :class:`PoolError`: ``closed``, ``not_this_pool``, ``bad_account``."""
    data = _ours(account, "pool", POOL)
    _sized(data, POOL_BYTES, "pool")
    spacing, tier, fee, liquidity, price, tick, mint_a, mint_b = _POOL.unpack_from(data)
    read = Whirlpool(
        tick_spacing=spacing,
        fee_tier=tier,
        fee_rate=fee,
        liquidity=_whole(liquidity),
        sqrt_price=_whole(price),
        tick_current_index=tick,
        mints=(_address(mint_a), _address(mint_b)),
    )
    if spacing == 0 or not MIN_SQRT <= read.sqrt_price <= MAX_SQRT or not MIN_TICK - 1 <= tick <= MAX_TICK:
        raise PoolError("bad_account", f"a pool at tick {tick}, spaced {spacing}, priced {read.sqrt_price}")
    return read


def oracle(account: Account | None, pool: str) -> Oracle:
    """A pool's oracle. Raises :class:`PoolError`: ``closed``, ``not_this_pool``, ``bad_account``."""
    data = _ours(account, "oracle", ORACLE)
    _sized(data, ORACLE_BYTES, "oracle")
    owner, enabled, *numbers = _ORACLE.unpack_from(data)
    _belongs(owner, pool, "oracle")
    return Oracle(enabled, FeeConstants(*numbers[:7]), FeeVariables(*numbers[7:]))


def tick_array(account: Account, pool: str, start: int, spacing: int) -> list[tuple[int, int]]:
    """The initialised ticks of an array that begins with the tick ``start``, each with its net liquidity.

    Raises :class:`PoolError`: ``not_this_pool``, ``bad_account``.
    """
    if account.owner == SYSTEM and not account.data:
        return []
    data = _ours(account, "tick array", FIXED, DYNAMIC)
    if data[:8] == FIXED:
        _sized(data, FIXED_BYTES, "tick array")
        owner, at, marks, short = data[-32:], 12, None, False
    else:
        owner, at, marks, short = data[12:44], 60, _whole(data[44:60]), True
    _belongs(owner, pool, "tick array")
    if int.from_bytes(data[8:12], "little", signed=True) != start:
        raise PoolError("bad_account", f"a tick array that does not begin with the tick {start}")
    ticks = []
    for offset in range(ARRAY):
        mark = data[at : at + 1]
        if mark not in (b"\0", b"\1") or (marks is not None and marks >> offset & 1 != mark[0]):
            raise PoolError("bad_account", f"tick {offset} of the array from {start} is cut or ambiguous")
        if mark == b"\1":
            if len(data) < at + TICK_BYTES:
                raise PoolError("bad_account", f"tick {offset} of the array from {start} is cut")
            net = int.from_bytes(data[at + 1 : at + 17], "little", signed=True)
            ticks.append((start + offset * spacing, net))
        at += 1 if short and mark == b"\0" else TICK_BYTES
    return ticks


@lru_cache(maxsize=1 << 14)
def array_address(pool: str, start: int) -> str:
    """Where the tick array that begins with the tick ``start`` is, if there is one."""
    return _derived(b"tick_array", bytes(Pubkey.from_string(pool)), str(start).encode())


@lru_cache(maxsize=1 << 12)
def oracle_address(pool: str) -> str:
    """Where a pool's oracle is, if it has one."""
    return _derived(b"oracle", bytes(Pubkey.from_string(pool)))


def _starts(read: Whirlpool) -> list[int]:
    length = ARRAY * read.tick_spacing
    present = array_start(read.tick_current_index, read.tick_spacing)
    starts = [present + at * length for at in range(1 - ARRAYS, ARRAYS + 1)]
    return [start for start in starts if start <= MAX_TICK and start + length > MIN_TICK]


def _known_ticks(
    pool: str, read: Whirlpool, accounts: Accounts
) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Ticks of the arrays around the present one, as far as they were read without a gap."""
    length = ARRAY * read.tick_spacing
    present = array_start(read.tick_current_index, read.tick_spacing)
    starts = {start for start in _starts(read) if array_address(pool, start) in accounts}
    if present not in starts:
        raise PoolError("bad_account", f"the tick array from {present} was not read")
    first = end = present
    while first - length in starts:
        first -= length
    while end in starts:
        end += length
    ticks = []
    for start in range(first, end, length):
        account = accounts[array_address(pool, start)]
        if account is not None:
            ticks += tick_array(account, pool, start, read.tick_spacing)
    return ticks, (first, end)


def _adaptive_fee(pool: str, accounts: Accounts, now: Clock) -> AdaptiveFee:
    read = oracle(accounts.get(oracle_address(pool)), pool)
    if read.trade_enable_timestamp > now.unix_timestamp:
        raise PoolError(
            "paused", f"trading opens at {read.trade_enable_timestamp}, it is {now.unix_timestamp}"
        )
    return AdaptiveFee(read.constants, read.variables, now.unix_timestamp)


def _ours(account: Account | None, what: str, *marks: bytes) -> bytes:
    if account is None or (account.owner == SYSTEM and not account.data):
        raise PoolError("closed", f"no {what} at its address")
    if account.owner != PROGRAM:
        raise PoolError("not_this_pool", f"the {what} belongs to {account.owner}")
    if account.data[:8] not in marks:
        raise PoolError("not_this_pool", f"the {what} is an account of another type")
    return account.data


def _sized(data: bytes, size: int, what: str) -> None:
    if len(data) != size:
        raise PoolError("bad_account", f"the {what} has {len(data)} bytes, not {size}")


def _belongs(owner: bytes, pool: str, what: str) -> None:
    if len(owner) != 32 or _address(owner) != pool:
        raise PoolError("not_this_pool", f"the {what} is of another pool")


def _whole(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _address(data: bytes) -> str:
    return str(Pubkey.from_bytes(data))


def _derived(*seeds: bytes) -> str:
    return str(Pubkey.find_program_address(list(seeds), Pubkey.from_string(PROGRAM))[0])
