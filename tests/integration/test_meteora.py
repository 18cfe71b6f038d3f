"""Meteora pools beside Meteora's own SDKs: account bytes and quotes, to the last unit."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from itertools import chain
from math import log1p
from random import Random
from typing import Any

import pytest

pytest.importorskip("solders.pubkey")

from solders.pubkey import Pubkey

from bot.errors import PoolError
from bot.pools import (
    MeteoraDammV2,
    MeteoraDammV2State,
    MeteoraDlmm,
    MeteoraDlmmState,
    decode_state,
    encode,
)
from bot.pools.layouts import Account
from bot.pools.layouts.meteora_damm_v2 import PROGRAM as DAMM
from bot.pools.layouts.meteora_damm_v2 import decode_pool
from bot.pools.layouts.meteora_dlmm import PROGRAM as DLMM
from bot.pools.layouts.meteora_dlmm import array_address, decode_array, decode_map, decode_pair, map_address
from bot.pools.meteora_damm_v2_curve import Compounding
from bot.pools.meteora_dlmm import DlmmSwap
from bot.pools.meteora_dlmm_fee import U64, price_at
from tests.fixtures.meteora import (
    NOW,
    STEPS,
    DlmmMarket,
    Fields,
    address,
    damm_market,
    damm_state,
    dlmm_amounts,
    dlmm_market,
    dlmm_state,
    overflowing,
    words,
)
from tests.fixtures.meteora import encode as encode_as
from tests.fixtures.node import Ask, oracle


@pytest.fixture(scope="module")
def sdk() -> Iterator[Ask]:
    with oracle("solana", "meteora.mjs") as ask:
        yield lambda batch: ask({"batch": batch})


def numbers(seeds: tuple[int, int]) -> list[Any]:
    """A few seeds in the normal suite, all of them in the slow one."""
    few, many = seeds
    return [few, pytest.param(many, marks=pytest.mark.slow)]


@pytest.mark.parametrize("count", numbers((25, 250)))
def test_dlmm_quotes_are_the_sdk_s_to_the_unit(sdk: Ask, count: int) -> None:
    compared = 0
    for seed in range(count):
        compared += compare_dlmm(sdk, Random(f"dlmm {count} {seed}"), seed)
    assert compared >= 10 * count


@pytest.mark.parametrize("count", numbers((40, 400)))
def test_damm_v2_quotes_are_the_sdk_s_to_the_unit(sdk: Ask, count: int) -> None:
    quoted = 0
    for seed in range(count):
        quoted += compare_damm(sdk, Random(f"damm {count} {seed}"), seed)
    assert quoted >= 8 * count


def compare_damm(sdk: Ask, rng: Random, seed: int) -> int:
    """How many swaps of a pool both quote, and alike."""
    market = damm_market(rng)
    (encoded,) = sdk([market.encoding(seed)])
    state = decode_state(encode(damm_state(market, market.accounts(encoded))))
    assert isinstance(state, MeteoraDammV2State)
    pool = state.pool()
    questions: list[Fields] = []
    for a_to_b in (False, True):
        most = reserve(pool, a_to_b)
        for mode, size in (("in", reserve(pool, not a_to_b)), ("out", most)):
            for _ in range(4):
                amount = rng.randint(1, max(1, int(size ** rng.uniform(0.2, 1.02))))
                ask = {"call": "quoteDamm", "pool": encoded["data"], "point": str(state.point)}
                questions.append(ask | {"amount": str(min(amount, U64)), "aToB": a_to_b, "mode": mode})
    quoted = 0
    for question, theirs in zip(questions, sdk(questions), strict=True):
        swap = pool.swap_in if question["mode"] == "in" else pool.swap_out
        ours = swap(int(question["amount"]), question["aToB"])
        if ours is None:
            # Where the program's 64 bits overflow the SDK, which has no bounds, goes on.
            largest = max((int(theirs[name]) for name in ("in", "out", "fee") if name in theirs), default=0)
            assert "error" in theirs or largest > U64, (seed, state, question, theirs)
            continue
        if ours.amount_out == 0:
            # The program takes it; the SDK has no price impact to tell.
            assert theirs == {"error": "Amount out must be greater than 0"}
            continue
        found = (ours.amount_in, ours.amount_out, ours.fee, ours.curve.sqrt_price)
        named = [theirs.get(name) for name in ("in", "out", "fee", "sqrtPrice")]
        assert [str(number) for number in found] == named, (seed, state, question, theirs)
        quoted += 1
    return quoted


def reserve(pool: MeteoraDammV2, of_b: bool) -> int:
    """What lies in the pool, about."""
    curve = pool.curve
    if isinstance(curve, Compounding):
        return curve.reserve_b if of_b else curve.reserve_a
    if of_b:
        return curve.liquidity * (curve.sqrt_price - curve.sqrt_min) >> 128
    price = curve.sqrt_price
    return curve.liquidity * (curve.sqrt_max - price) // (price * curve.sqrt_max)


def compare_dlmm(sdk: Ask, rng: Random, seed: int) -> int:
    market = dlmm_market(rng)
    encoded = sdk(market.encodings(seed))
    state = decode_state(encode(dlmm_state(market, market.accounts(encoded))))
    assert isinstance(state, MeteoraDlmmState)
    pool = state.pool()
    questions: list[Fields] = [opened(market, encoded)]
    ours = []
    for for_y in (False, True):
        for exact_in in (False, True):
            for amount in dlmm_amounts(rng, pool, for_y, exact_in, 4):
                swap = (pool.swap_in if exact_in else pool.swap_out)(amount, for_y)
                ours.append(swap)
                questions.append(
                    {
                        "call": "quoteDlmm",
                        "name": market.pool,
                        "now": state.timestamp,
                        "amount": str(amount),
                        "forY": for_y,
                        "exactIn": exact_in,
                        "bin": None if swap is None else swap.bin_id,
                    }
                )
    answers = sdk(questions)
    assert answers[0] == {}, answers[0]
    for question, swap, theirs in zip(questions[1:], ours, answers[1:], strict=True):
        if swap is None:
            # The program gives nothing for nothing (InsufficientOutAmount); the SDK quotes it.
            refused = "nsufficient liquidity" in theirs.get("error", "") or theirs["out"] == "0"
            assert refused, (seed, question, theirs)
        else:
            unpaid = 0 if question["exactIn"] else given_for_nothing(pool, swap, question["forY"])
            assert theirs.get("in") == str(swap.amount_in - unpaid), (seed, question, swap, theirs)
            assert theirs["out"] == str(swap.amount_out), (seed, question, swap, theirs)
            assert theirs["ends"], (seed, question, swap, theirs)
    return sum(swap is not None for swap in ours)


@pytest.mark.parametrize("what", ["volatility", "amount"])
def test_where_the_program_overflows_the_sdk_quotes_and_we_refuse(sdk: Ask, what: str) -> None:
    """What the program does is in ``test_meteora_program.py``."""
    market = overflowing(dlmm_market(Random("overflow")), what)
    encoded = sdk(market.encodings(0))
    state = dlmm_state(market, market.accounts(encoded))
    quote = {"call": "quoteDlmm", "name": market.pool, "now": NOW, "forY": True, "exactIn": True, "bin": None}
    _, theirs = sdk([opened(market, encoded), quote | {"amount": str(10**12)}])
    assert int(theirs["out"]) > 0
    if what == "amount":
        assert state.pool().swap_in(10**12, True) is None
    else:
        with pytest.raises(PoolError, match="not_quotable: volatility 1000000 overflows"):
            state.pool()


def given_for_nothing(pool: MeteoraDlmm, swap: DlmmSwap, for_y: bool) -> int:
    """What the bins on the way take whose output is all fee: the program asks for it, the SDK forgets it."""
    steps = pool.steps(for_y)
    way = range(steps.bins.index(swap.bin_id))
    return sum(steps.paid[at + 1] - steps.paid[at] for at in way if steps.got[at + 1] == steps.got[at])


def opened(market: DlmmMarket, encoded: list[Any]) -> Fields:
    pair, *arrays, far = [one["data"] for one in encoded]
    return {"call": "openDlmm", "name": market.pool, "pair": pair, "arrays": arrays, "map": far}


def their_fields(read: Any) -> dict[str, Any]:
    """Their decoder's answer without structure: our field names, their values as text."""
    flat: dict[str, Any] = {}
    for name, value in read.items():
        if isinstance(value, dict):
            flat |= their_fields(value)
        else:
            flat[snake(name)] = value
    return flat


def snake(name: str) -> str:
    return re.sub("([A-Z])", r"_\1", name).lower()


def as_theirs(value: Any, sample: Any) -> Any:
    """Our value as theirs is written: addresses and wide numbers as text, byte arrays as lists."""
    if isinstance(value, bytes) and isinstance(sample, str) and not sample.isdigit():
        return str(Pubkey.from_bytes(value))
    if isinstance(value, bytes) and isinstance(sample, str):
        return str(int.from_bytes(value, "little"))
    if isinstance(value, bytes):
        return list(value)
    return str(value) if isinstance(sample, str) else value


@pytest.mark.parametrize("count", numbers((100, 2000)))
def test_dlmm_accounts_are_read_as_the_sdk_reads_them(sdk: Ask, count: int) -> None:
    rng = Random(f"dlmm accounts {count}")
    pool = address(rng)
    for start in range(0, count, 50):
        batch = []
        for seed in range(start, start + 50):
            index = rng.randint(-6656, 6655)
            batch += [
                encode_as("dlmm", "LbPair", {}, seed),
                encode_as("dlmm", "BinArray", {"index": str(index), "lbPair": pool}, seed),
                encode_as("dlmm", "BinArrayBitmapExtension", {"lbPair": pool}, seed),
            ]
        answers = sdk(batch)
        for pair, array, far in zip(answers[::3], answers[1::3], answers[2::3], strict=True):
            check_pair(pair)
            check_array(array, pool)
            above, below = decode_map(account(DLMM, far), pool)
            assert words(above, 96) == list(chain(*far["read"]["positiveBinArrayBitmap"]))
            assert words(below, 96) == list(chain(*far["read"]["negativeBinArrayBitmap"]))


def check_pair(answer: Any) -> None:
    ours = decode_pair(account(DLMM, answer))
    theirs = their_fields(answer["read"])
    theirs["bitmap"] = theirs["bin_array_bitmap"]
    theirs["reward_0_mint"], theirs["reward_1_mint"] = (
        farm["mint"] for farm in answer["read"]["rewardInfos"]
    )
    for name in ours.__struct_fields__:
        value = getattr(ours, name)
        if name == "bitmap":
            assert words(int.from_bytes(value, "little"), 16) == theirs[name]
        else:
            assert as_theirs(value, theirs[name]) == theirs[name], name


def check_array(answer: Any, pool: str) -> None:
    read = answer["read"]
    ours = decode_array(account(DLMM, answer), pool, int(read["index"]))
    assert len(ours) == len(read["bins"]) == 70
    for held, theirs in zip(ours, read["bins"], strict=True):
        assert [
            str(number) for number in (held.amount_x, held.amount_y, held.price, held.open, held.processed)
        ] == [
            theirs[name]
            for name in ("amountX", "amountY", "price", "openOrderAmount", "processedOrderRemainingAmount")
        ]
        assert held.sells_x == bool(theirs["limitOrderAskSide"])


@pytest.mark.parametrize("count", numbers((200, 2000)))
def test_damm_v2_accounts_are_read_as_the_sdk_reads_them(sdk: Ask, count: int) -> None:
    for start in range(0, count, 100):
        for answer in sdk([encode_as("damm", "Pool", {}, seed) for seed in range(start, start + 100)]):
            ours = decode_pool(account(DAMM, answer))
            theirs = their_fields(answer["read"])
            theirs |= {"base_fee": theirs["data"], "dynamic_fee_initialized": theirs["initialized"]}
            for name in ours.__struct_fields__:
                assert as_theirs(getattr(ours, name), theirs[name]) == theirs[name], name


def account(owner: str, answer: Any) -> Account:
    return Account(owner, base64.b64decode(answer["data"]))


def test_addresses_and_prices_are_the_sdk_s(sdk: Ask) -> None:
    rng = Random("addresses")
    pools = [(address(rng), rng.randint(-6656, 6655)) for _ in range(100)]
    found = sdk([{"call": "addresses", "pool": pool, "index": index} for pool, index in pools])
    assert [(one["array"], one["map"]) for one in found] == [
        (array_address(pool, index), map_address(pool)) for pool, index in pools
    ]
    places = [(rng.choice(STEPS), rng.uniform(-1, 1)) for _ in range(400)]
    bins = [(step, round(where * 43 / log1p(step / 10_000))) for step, where in places]
    prices = sdk([{"call": "q64", "bin": at, "step": step} for step, at in bins])
    assert [one["price"] for one in prices] == [str(price_at(at, step)) for step, at in bins]
