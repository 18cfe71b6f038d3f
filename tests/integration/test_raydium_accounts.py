"""Raydium's accounts, written by its SDK's layouts, read by ours and by theirs."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace
from solders.pubkey import Pubkey

from bot.pools import PoolState, RaydiumAmmV4State, RaydiumClmmState, RaydiumCpmmState
from bot.pools.layouts.base import CLOCK, Account, Accounts, Layout
from bot.pools.layouts.raydium_accounts import discriminator
from bot.pools.layouts.raydium_amm_v4 import RaydiumAmmV4Layout
from bot.pools.layouts.raydium_clmm import RaydiumClmmLayout, array_starts
from bot.pools.layouts.raydium_cpmm import RaydiumCpmmLayout
from bot.pools.layouts.token import TOKEN
from tests.fixtures.node import Ask, oracle
from tests.fixtures.raydium_pools import clock_account, mint_account, random_state, vault_account

NOW = 1_790_000_000
SLOT = 372_000_000


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    with oracle("solana", "raydium.mjs") as ask:
        yield ask


def answer(ask: Ask, question: dict[str, Any]) -> Any:
    [told] = ask({"batch": [question]})
    return told


class Chain:
    """Accounts as the SDK writes them, and what it reads in them."""

    def __init__(self, ask: Ask, rng: Random, program: str) -> None:
        self._ask, self._rng, self._program = ask, rng, program
        self.accounts: dict[str, Account | None] = {CLOCK: clock_account(SLOT, 800, NOW)}

    def address(self) -> str:
        return str(Pubkey.from_bytes(self._rng.randbytes(32)))

    def add(self, layout: str, mark: str, fields: dict[str, Any], at: str | None = None) -> tuple[str, Any]:
        """The account's address and all that the SDK reads in it."""
        filler = self._rng.randbytes(509)
        if layout.startswith("Cpmm"):
            filler = bytes(byte & 1 for byte in filler)  # two of its fields are booleans to the SDK
        made = {"layout": layout, "fields": fields, "filler": filler.hex()}
        made["mark"] = discriminator(mark).hex() if mark else ""
        data = answer(self._ask, {"call": "encode", **made})
        assert isinstance(data, str), data
        told = answer(self._ask, {"call": "decode", "layout": layout, "data": data})
        at = at or self.address()
        self.accounts[at] = Account(self._program, bytes.fromhex(data))
        return at, told

    def mint(self, decimals: int) -> str:
        at = self.address()
        self.accounts[at] = mint_account(decimals)
        return at

    def vault(self, mint: str, amount: int) -> str:
        at = self.address()
        self.accounts[at] = vault_account(mint, amount)
        return at


def read(layout: Layout, pool: str, accounts: Accounts, token_mint: str) -> PoolState:
    """The state by what the layout wants, as a collector would get it; nothing else is looked at."""
    known: dict[str, Account | None] = {}
    while missing := layout.wanted(pool, known) - known.keys():
        known |= {at: accounts.get(at) for at in missing}
    return layout.state(pool, known, token_mint=token_mint, quote_usd=1.0)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("count", [20, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_clmm_pool_is_read_as_the_sdk_reads_it(ask: Ask, count: int) -> None:
    rng = Random(count)
    layout = RaydiumClmmLayout()
    for _ in range(count):
        expected = random_state(rng, dynamic=rng.random() < 0.3, orders=rng.random() < 0.4)
        chain = Chain(ask, rng, layout.program)
        mints = [chain.mint(decimals) for decimals in expected.decimals]
        spacing, width = expected.tick_spacing, 60 * expected.tick_spacing
        config, told = chain.add(
            "ClmmConfig", "AmmConfig", {"tradeFeeRate": expected.fee, "tickSpacing": spacing}
        )
        fee, spacing_told = told["tradeFeeRate"], told["tickSpacing"]
        starts = sorted({tick // width * width for tick, _ in (*expected.ticks, *expected.orders)})
        bitmaps = bits_of([start // width for start in starts])
        dynamic = expected.dynamic_fee
        pool, told = chain.add(
            "ClmmPool",
            "PoolState",
            {
                "configId": config, "mintA": mints[0], "mintB": mints[1], "tickSpacing": spacing,
                "liquidity": str(expected.liquidity), "sqrtPriceX64": str(expected.sqrt_price_x64),
                "tickCurrent": expected.tick, "feeOn": expected.fee_on,
                "status": rng.randint(0, 255) & ~(1 << 4),
                "startTime": str(NOW - rng.randint(1, 10**6)), "tickArrayBitmap": {"hex": bitmaps[0].hex()},
                "dynamicFeeInfo": dynamic_fields(expected),
            },
        )  # fmt: skip
        places = answer(ask, {"call": "addresses", "program": layout.program, "pool": pool, "starts": starts})
        if spacing < 15:
            fields = {
                "poolId": pool, "positiveTickArrayBitmap": {"hex": bitmaps[1].hex()},
                "negativeTickArrayBitmap": {"hex": bitmaps[2].hex()},
            }  # fmt: skip
            if any(bitmaps[1]) or any(bitmaps[2]) or rng.random() < 0.5:
                chain.add("BitmapExtension", "TickArrayBitmapExtension", fields, places["extension"])
        ticks: list[tuple[int, str]] = []
        orders: list[tuple[int, str]] = []
        for start, place in zip(starts, places["arrays"], strict=True):
            _, array = chain.add("TickArray", "TickArrayState", array_fields(expected, pool, start), place)
            for tick in array["ticks"]:
                waiting = int(tick["ordersAmount"]) + int(tick["partFilledOrdersRemaining"])
                ticks += [(tick["tick"], tick["liquidityNet"])] if tick["liquidityGross"] != "0" else []
                orders += [(tick["tick"], str(waiting))] if waiting else []
        info = told["dynamicFeeInfo"]
        state = read(layout, pool, chain.accounts, mints[expected.token_index])
        assert isinstance(state, RaydiumClmmState)
        assert (state.fee, state.tick_spacing) == (fee, spacing_told)
        assert (state.sqrt_price_x64, state.liquidity) == (told["sqrtPriceX64"], told["liquidity"])
        assert (state.tick, state.fee_on) == (told["tickCurrent"], told["feeOn"])
        assert (state.ticks, state.orders) == (ticks, orders)
        if dynamic is not None:
            assert state.dynamic_fee is not None
            assert str(state.dynamic_fee.updated) == info["lastUpdateTimestamp"]
            assert state.dynamic_fee.reference_index == info["tickSpacingIndexReference"]
        assert state == replace(expected, block=SLOT)


def dynamic_fields(state: RaydiumClmmState) -> dict[str, Any]:
    fee = state.dynamic_fee
    return {
        "filterPeriod": fee.filter_period if fee else 0,
        "decayPeriod": fee.decay_period if fee else 0,
        "reductionFactor": fee.reduction_factor if fee else 0,
        "dynamicFeeControl": fee.control if fee else 0,
        "maxVolatilityAccumulator": fee.max_accumulator if fee else 0,
        "tickSpacingIndexReference": fee.reference_index if fee else 0,
        "volatilityReference": fee.reference if fee else 0,
        "volatilityAccumulator": fee.accumulator if fee else 0,
        "lastUpdateTimestamp": str(fee.updated if fee else 0),
    }


def array_fields(state: RaydiumClmmState, pool: str, start: int) -> dict[str, Any]:
    nets = {tick: str(net) for tick, net in state.ticks}
    waiting = {tick: int(amount) for tick, amount in state.orders}
    spacing = state.tick_spacing
    held = [
        (
            at,
            {
                "tick": tick, "liquidityNet": nets.get(tick, "0"), "liquidityGross": str(int(tick in nets)),
                "ordersAmount": str(waiting.get(tick, 0) // 3),
                "partFilledOrdersRemaining": str(waiting.get(tick, 0) - waiting.get(tick, 0) // 3),
            },
        )
        for at in range(60)
        for tick in [start + at * spacing]
        if tick in nets or tick in waiting
    ]  # fmt: skip
    return {"poolId": pool, "startTickIndex": start, "ticks": held}


def bits_of(arrays: list[int]) -> tuple[bytes, bytes, bytes]:
    """The pool's bitmap and the two of its extension; the runs of 512 below zero go downwards."""
    own = positive = negative = 0
    for array in arrays:
        if -512 <= array < 512:
            own |= 1 << (array + 512)
        elif array >= 0:
            positive |= 1 << (array - 512)
        else:
            run = -(array + 512 + 1) // 512
            negative |= 1 << (run * 512 + array % 512)
    return own.to_bytes(128, "little"), positive.to_bytes(896, "little"), negative.to_bytes(896, "little")


@pytest.mark.parametrize("count", [25, pytest.param(500, marks=pytest.mark.slow)])
def test_bitmaps_mark_the_arrays_that_the_sdk_finds(ask: Ask, count: int) -> None:
    rng = Random(count)
    for _ in range(count):
        arrays = sorted({rng.randint(-7394, 7393) for _ in range(rng.randint(0, 40))})
        own, positive, negative = bits_of(arrays)
        spacing = rng.choice((1, 10))
        asked = {"bitmap": own.hex(), "positive": positive.hex(), "negative": negative.hex()}
        told = answer(ask, {"call": "arrays", "spacing": spacing, **asked})
        assert told == [array * 60 * spacing for array in arrays]
        assert sorted(array_starts(spacing, own, positive, negative)) == told


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.slow)])
def test_a_cpmm_pool_is_read_as_the_sdk_reads_it(ask: Ask, count: int) -> None:
    rng = Random(count)
    layout = RaydiumCpmmLayout()
    for _ in range(count):
        chain = Chain(ask, rng, layout.program)
        mints = [chain.mint(decimals) for decimals in (6, 9)]
        rates = {
            "tradeFeeRate": str(rng.randint(1, 400_000)), "protocolFeeRate": str(rng.randint(0, 500_000)),
            "fundFeeRate": str(rng.randint(0, 500_000)), "creatorFeeRate": str(rng.randint(0, 400_000)),
        }  # fmt: skip
        config, rates = chain.add("CpmmConfig", "AmmConfig", rates)
        owed = {
            f"{whose}FeesMint{side}": str(rng.randint(0, 10**9))
            for whose in ("protocol", "fund", "creator")
            for side in "AB"
        }
        balances = [rng.randint(10**10, 10**18) for _ in mints]
        vaults = [chain.vault(mint, amount) for mint, amount in zip(mints, balances, strict=True)]
        pool, told = chain.add(
            "CpmmPool",
            "PoolState",
            {
                "configId": config, "vaultA": vaults[0], "vaultB": vaults[1], "mintA": mints[0],
                "mintB": mints[1], "status": rng.choice((0, 1, 2, 3)),
                "openTime": str(NOW - rng.randint(0, 1000)), "feeOn": rng.randint(0, 2),
                "enableCreatorFee": rng.random() < 0.5, **owed,
            },
        )  # fmt: skip
        reserves = [
            balance - sum(int(told[f"{whose}FeesMint{side}"]) for whose in ("protocol", "fund", "creator"))
            for side, balance in zip("AB", balances, strict=True)
        ]
        index = rng.randint(0, 1)
        assert read(layout, pool, chain.accounts, mints[index]) == RaydiumCpmmState(
            decimals=(6, 9),
            token_index=index,
            block=SLOT,
            reserves=(str(reserves[0]), str(reserves[1])),
            trade_fee=int(rates["tradeFeeRate"]),
            creator_fee=int(rates["creatorFeeRate"]) if told["enableCreatorFee"] else 0,
            creator_fee_on=told["feeOn"],
            protocol_fee=int(rates["protocolFeeRate"]),
            fund_fee=int(rates["fundFeeRate"]),
        )


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.slow)])
def test_an_amm_v4_pool_is_read_as_the_sdk_reads_it(ask: Ask, count: int) -> None:
    rng = Random(count)
    layout = RaydiumAmmV4Layout()
    for _ in range(count):
        chain = Chain(ask, rng, layout.program)
        mints = [chain.mint(decimals) for decimals in (9, 6)]
        balances = [rng.randint(10**10, 10**18) for _ in mints]
        vaults = [chain.vault(mint, amount) for mint, amount in zip(mints, balances, strict=True)]
        pool, told = chain.add(
            "AmmV4",
            "",
            {
                "status": rng.choice(("1", "6", "7")), "swapFeeNumerator": str(rng.randint(0, 100)),
                "swapFeeDenominator": str(rng.randint(101, 10_000)),
                "poolOpenTime": str(NOW - rng.randint(0, 1000)),
                "baseNeedTakePnl": str(rng.randint(0, 10**9)), "quoteNeedTakePnl": str(rng.randint(0, 10**9)),
                "baseVault": vaults[0], "quoteVault": vaults[1], "baseMint": mints[0], "quoteMint": mints[1],
            },
        )  # fmt: skip
        if rng.random() < 0.5:
            chain.accounts[told["openOrders"]] = Account(TOKEN, bytes(3228))
        index = rng.randint(0, 1)
        assert read(layout, pool, chain.accounts, mints[index]) == RaydiumAmmV4State(
            decimals=(9, 6),
            token_index=index,
            block=SLOT,
            reserves=(
                str(balances[0] - int(told["baseNeedTakePnl"])),
                str(balances[1] - int(told["quoteNeedTakePnl"])),
            ),
            fee=(int(told["swapFeeNumerator"]), int(told["swapFeeDenominator"])),
        )
