"""What Raydium's layouts refuse, and in which words: each fault by itself, on a good pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
from solders.pubkey import Pubkey

from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Account, Layout
from bot.pools.layouts.raydium_accounts import derived, discriminator, raw_address
from bot.pools.layouts.raydium_amm_v4 import ORDERS_TOTALS, RaydiumAmmV4Layout
from bot.pools.layouts.raydium_amm_v4 import POOL as AMM_POOL
from bot.pools.layouts.raydium_clmm import ARRAY, EXTENSION, RaydiumClmmLayout
from bot.pools.layouts.raydium_clmm import CONFIG as CLMM_CONFIG
from bot.pools.layouts.raydium_clmm import POOL as CLMM_POOL
from bot.pools.layouts.raydium_cpmm import CONFIG as CPMM_CONFIG
from bot.pools.layouts.raydium_cpmm import POOL as CPMM_POOL
from bot.pools.layouts.raydium_cpmm import RaydiumCpmmLayout
from bot.pools.layouts.token import TOKEN_2022
from bot.pools.raydium_math import sqrt_at_tick
from tests.fixtures.raydium_pools import clock_account, mint_account, vault_account

NOW = 1_790_000_000
POOL, CONFIG, TOKEN_MINT, QUOTE_MINT, VAULT0, VAULT1, ORDERS = (
    str(Pubkey.from_bytes(bytes([number] * 32))) for number in range(1, 8)
)
OTHER = str(Pubkey.from_bytes(bytes([99] * 32)))

Known = dict[str, Account | None]


class Kind(NamedTuple):
    """A layout and the accounts of one good pool; ``build`` takes what is to be otherwise."""

    layout: Layout
    build: Callable[..., Known]


def common() -> Known:
    return {
        CLOCK: clock_account(372_000_000, 800, NOW),
        TOKEN_MINT: mint_account(8),
        QUOTE_MINT: mint_account(6),
    }


def key(text: str) -> bytes:
    return raw_address(text)


def marked(name: str, data: bytes) -> bytes:
    return discriminator(name) + data[8:]


def clmm(*, status: int = 0, opens: int = 0, spacing: int = 10, config_spacing: int = 10) -> Known:
    program = RaydiumClmmLayout.program
    array = derived(program, b"tick_array", key(POOL), (0).to_bytes(4, "big"))
    extension = derived(program, b"pool_tick_array_bitmap_extension", key(POOL))
    liquidity = (10**12).to_bytes(16, "little")
    ticks = bytearray(168 * 60)
    for at, net in ((0, 10**12), (5, -(10**12))):
        ticks[at * 168 : at * 168 + 36] = (
            (at * spacing).to_bytes(4, "little") + net.to_bytes(16, "little", signed=True) + liquidity
        )
    pool = CLMM_POOL.pack(
        key(CONFIG), key(TOKEN_MINT), key(QUOTE_MINT), 8, 6, spacing, liquidity,
        sqrt_at_tick(20).to_bytes(16, "little"), 20, status, 0, (1 << 512).to_bytes(128, "little"), opens,
        *[0] * 9,
    )  # fmt: skip
    return common() | {
        POOL: Account(program, marked("PoolState", pool)),
        CONFIG: Account(program, marked("AmmConfig", CLMM_CONFIG.pack(0, 2500, config_spacing, 0))),
        array: Account(program, marked("TickArrayState", ARRAY.pack(key(POOL), 0, bytes(ticks), 2))),
        extension: Account(
            program, marked("TickArrayBitmapExtension", EXTENSION.pack(key(POOL), bytes(896), bytes(896)))
        ),
    }


def cpmm(*, status: int = 0, opens: int = 0, owed: int = 5, fee: int = 2500) -> Known:
    program = RaydiumCpmmLayout.program
    pool = CPMM_POOL.pack(
        *map(key, (CONFIG, VAULT0, VAULT1, TOKEN_MINT, QUOTE_MINT)),
        status,
        owed,
        0,
        0,
        0,
        opens,
        0,
        False,
        0,
        0,
    )
    return common() | {
        POOL: Account(program, marked("PoolState", pool)),
        CONFIG: Account(program, marked("AmmConfig", CPMM_CONFIG.pack(fee, 120_000, 40_000, 0))),
        VAULT0: vault_account(TOKEN_MINT, 10**9),
        VAULT1: vault_account(QUOTE_MINT, 10**9),
    }


def amm_v4(*, status: int = 6, opens: int = 0, owed: int = 5, fee: int = 25) -> Known:
    pool = AMM_POOL.pack(
        status, fee, 10_000, owed, 0, opens, *map(key, (VAULT0, VAULT1, TOKEN_MINT, QUOTE_MINT, ORDERS))
    )
    return common() | {
        POOL: Account(RaydiumAmmV4Layout.program, pool),
        VAULT0: vault_account(TOKEN_MINT, 10**9),
        VAULT1: vault_account(QUOTE_MINT, 10**9),
    }


KINDS = {
    "raydium_clmm": Kind(RaydiumClmmLayout(), clmm),
    "raydium_cpmm": Kind(RaydiumCpmmLayout(), cpmm),
    "raydium_amm_v4": Kind(RaydiumAmmV4Layout(), amm_v4),
}
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def refusal(kind: Kind, accounts: Known, token_mint: str = TOKEN_MINT) -> str:
    with pytest.raises(PoolError) as refused:
        kind.layout.state(POOL, accounts, token_mint=token_mint, quote_usd=1.0)
    assert refused.value.detail
    return refused.value.reason


@kinds
def test_a_good_pool_is_read_of_what_is_wanted_alone(kind: Kind) -> None:
    accounts, known = kind.build(), Known()
    while missing := kind.layout.wanted(POOL, known) - known.keys():
        known |= {at: accounts.get(at) for at in missing}
    for mint, index in ((TOKEN_MINT, 0), (QUOTE_MINT, 1)):
        state = kind.layout.state(POOL, known, token_mint=mint, quote_usd=1.0)
        assert (state.decimals, state.token_index, state.block) == ((8, 6), index, 372_000_000)
        assert state.curve().sell_tokens(1e-4) is not None


@kinds
def test_a_pool_that_is_not_known_yet_is_all_that_is_wanted_with_the_clock(kind: Kind) -> None:
    assert kind.layout.wanted(POOL, {}) == {POOL, CLOCK}
    assert kind.layout.wanted(POOL, {POOL: None}) == {POOL, CLOCK}


@kinds
def test_an_account_that_is_gone_closes_the_pool(kind: Kind) -> None:
    accounts = kind.build()
    for at in accounts:
        if at not in (derived(RaydiumClmmLayout.program, b"pool_tick_array_bitmap_extension", key(POOL)),):
            assert refusal(kind, accounts | {at: None}) == "closed", at


@kinds
def test_an_account_cut_short_is_bad(kind: Kind) -> None:
    for at, account in kind.build().items():
        assert account is not None
        for length in (0, 7, 8, len(account.data) // 2, len(account.data) - 1):
            cut = kind.build() | {at: Account(account.owner, account.data[:length])}
            assert refusal(kind, cut) in ("bad_account", "not_this_pool"), (at, length)


@kinds
def test_an_account_of_another_program_is_not_this_pools(kind: Kind) -> None:
    for at, account in kind.build().items():
        assert account is not None
        if account.owner == kind.layout.program:
            assert refusal(kind, kind.build() | {at: Account(OTHER, account.data)}) == "not_this_pool"
        else:
            assert refusal(kind, kind.build() | {at: Account(OTHER, account.data)}) == "bad_account"


@kinds
def test_a_pool_of_other_tokens_is_refused(kind: Kind) -> None:
    assert refusal(kind, kind.build(), token_mint=OTHER) == "not_this_pool"


@kinds
def test_a_pool_before_its_time_is_paused(kind: Kind) -> None:
    status = {"status": 7} if kind.layout.amm == "raydium_amm_v4" else {}
    assert refusal(kind, kind.build(opens=NOW + 1, **status)) == "paused"
    kind.layout.state(POOL, kind.build(opens=NOW - 1, **status), token_mint=TOKEN_MINT, quote_usd=1.0)


@kinds
def test_a_token_paused_by_its_issuer_pauses_the_pool(kind: Kind) -> None:
    plain = mint_account(8).data
    pausable = plain + bytes(83) + b"\1" + (26).to_bytes(2, "little") + (33).to_bytes(2, "little")
    paused = Account(TOKEN_2022, pausable + bytes(32) + b"\1")
    assert refusal(kind, kind.build() | {TOKEN_MINT: paused}) == "paused"


@pytest.mark.parametrize(
    ("name", "status"),
    [("raydium_clmm", 1 << 4), ("raydium_cpmm", 1 << 2), *(("raydium_amm_v4", n) for n in (2, 3, 4, 5))],
)
def test_disabled_swaps_pause_the_pool(name: str, status: int) -> None:
    assert refusal(KINDS[name], KINDS[name].build(status=status)) == "paused"


@pytest.mark.parametrize(
    ("name", "status"), [("raydium_clmm", 0xEF), ("raydium_cpmm", 3), ("raydium_amm_v4", 1)]
)
def test_whatever_else_is_disabled_does_not_matter(name: str, status: int) -> None:
    kind = KINDS[name]
    kind.layout.state(POOL, kind.build(status=status), token_mint=TOKEN_MINT, quote_usd=1.0)


@pytest.mark.parametrize("name", ["raydium_cpmm", "raydium_amm_v4"])
def test_a_vault_that_holds_less_than_is_owed_is_not_quotable(name: str) -> None:
    assert refusal(KINDS[name], KINDS[name].build(owed=10**9)) == "not_quotable"


@pytest.mark.parametrize("name", ["raydium_cpmm", "raydium_amm_v4"])
def test_a_vault_of_another_token_or_frozen_is_refused(name: str) -> None:
    kind = KINDS[name]
    assert refusal(kind, kind.build() | {VAULT0: vault_account(OTHER, 10**9)}) == "not_this_pool"
    assert refusal(kind, kind.build() | {VAULT0: vault_account(TOKEN_MINT, 10**9, frozen=True)}) == "paused"


def test_an_amm_v4_pool_never_set_up_is_bad() -> None:
    assert refusal(KINDS["raydium_amm_v4"], amm_v4(status=0)) == "bad_account"
    assert refusal(KINDS["raydium_amm_v4"], amm_v4(status=8)) == "bad_account"


def test_an_amm_v4_pool_with_something_in_orders_is_not_quotable() -> None:
    kind = KINDS["raydium_amm_v4"]
    assert ORDERS in kind.layout.wanted(POOL, amm_v4(status=1))
    empty, full = (Account(OTHER, ORDERS_TOTALS.pack(coin, 0) + bytes(100)) for coin in (0, 1))
    kind.layout.state(POOL, amm_v4(status=1) | {ORDERS: empty}, token_mint=TOKEN_MINT, quote_usd=1.0)
    assert refusal(kind, amm_v4(status=1) | {ORDERS: full}) == "not_quotable"
    assert refusal(kind, amm_v4(status=1) | {ORDERS: Account(OTHER, bytes(50))}) == "bad_account"


def test_fees_that_cannot_be_are_bad_and_none_at_all_not_quotable() -> None:
    assert refusal(KINDS["raydium_amm_v4"], amm_v4(fee=10_000)) == "bad_account"
    assert refusal(KINDS["raydium_cpmm"], cpmm(fee=1_000_000)) == "bad_account"
    assert refusal(KINDS["raydium_cpmm"], cpmm(fee=0)) == "not_quotable"


def test_a_clmm_config_of_another_spacing_is_bad() -> None:
    assert refusal(KINDS["raydium_clmm"], clmm(config_spacing=60)) == "bad_account"


def test_a_clmm_tick_in_the_place_of_another_is_bad() -> None:
    accounts = clmm()
    array = derived(RaydiumClmmLayout.program, b"tick_array", key(POOL), (0).to_bytes(4, "big"))
    account = accounts[array]
    assert account is not None
    moved = account.data[:44] + (3).to_bytes(4, "little") + account.data[48:]
    accounts[array] = Account(account.owner, moved)
    assert refusal(KINDS["raydium_clmm"], accounts) == "bad_account"


def test_the_marks_of_anchor_accounts() -> None:
    assert discriminator("PoolState").hex() == "f7ede3f5d7c3de46"
    assert discriminator("AmmConfig").hex() == "daf42168cbcb2b6f"
    assert discriminator("TickArrayState").hex() == "c09b55cd31f9812a"
    assert discriminator("TickArrayBitmapExtension").hex() == "3c9624db61808b99"
