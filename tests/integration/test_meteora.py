"""Meteora pools beside Meteora's own SDKs: account bytes and quotes, to the last unit."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from bot.pools import MeteoraDammV2, MeteoraDammV2State, decode_state, encode
from bot.pools.meteora_damm_v2_curve import Compounding
from bot.pools.meteora_dlmm_fee import U64
from tests.fixtures.meteora import (
    DlmmMarket,
    Fields,
    damm_market,
    damm_state,
    dlmm_amounts,
    dlmm_market,
    dlmm_state,
)
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
    assert compared >= 12 * count


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
            assert "nsufficient liquidity" in theirs["error"], (seed, question, theirs)
        else:
            assert theirs.get("in") == str(swap.amount_in), (seed, question, swap, theirs)
            assert theirs["out"] == str(swap.amount_out), (seed, question, swap, theirs)
            assert theirs["ends"], (seed, question, swap, theirs)
    return len(ours)


def opened(market: DlmmMarket, encoded: list[Any]) -> Fields:
    pair, *arrays, far = [one["data"] for one in encoded]
    return {"call": "openDlmm", "name": market.pool, "pair": pair, "arrays": arrays, "map": far}
