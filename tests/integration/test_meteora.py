"""Meteora pools beside Meteora's own SDKs: account bytes and quotes, to the last unit."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from bot.pools import decode_state, encode
from bot.pools.layouts.meteora_dlmm import decode_array, decode_map, decode_pair
from tests.fixtures.meteora import (
    DlmmMarket,
    Fields,
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
    for question, swap, theirs in zip(questions[1:], ours, sdk(questions)[1:], strict=True):
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
