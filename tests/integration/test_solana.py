"""Solana pools from a node on loopback that speaks Solana's wire format.

The pools are Raydium CPMM ones, read by the real layout from real account bytes.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("solders.pubkey")
pytest.importorskip("aiohttp")

from bot.market import TokenState
from bot.pools import decode
from bot.pools.layouts.base import CLOCK, Account
from bot.timefmt import NS
from bot.types import Tick
from tests.fixtures.solana_node import serving
from tests.fixtures.solana_pools import QUOTE, Cpmm, address, registry, xstock
from tests.fixtures.solana_watch import POOLS, SPY, TSLA, moving, new_node, reserves, started, watching

# -- what it tells -----------------------------------------------------------------------------------


async def test_pools_are_read_at_one_slot_and_told_with_the_clusters_time() -> None:
    async with started() as (node, watch):
        first = watch.of(TSLA)[0]
        assert reserves(first) == (TSLA.tokens, TSLA.dollars)
        curve = decode(first.data or "")
        assert curve.spot() == pytest.approx(300)
        assert first.size == pytest.approx(6_000_000, rel=0.01)
        assert first.ts == node.unix * NS
        assert first.received >= first.ts
        assert set(TSLA.accounts()) <= node.subscribed()
        methods = [method for method, _ in node.requests]
        assert methods == ["getMultipleAccounts"] * 2, (
            "the pools, then all they lead to, both pools in one call"
        )


async def test_slots_change_is_told_once_the_next_slot_begins() -> None:
    async with started() as (node, watch):
        seen = len(watch.of(TSLA))
        await node.begin()
        after = TSLA.reserves(TSLA.tokens - 10**9, TSLA.dollars + 3 * 10**8)
        await node.change(TSLA.vaults[0], after[TSLA.vaults[0]])
        await node.move(after)
        await node.move()
        await watch.until(lambda: len(watch.of(TSLA)) > seen)
        assert reserves(watch.of(TSLA)[-1]) == (TSLA.tokens - 10**9, TSLA.dollars + 3 * 10**8)
        assert not watch.errors


async def test_pool_is_never_shown_half_moved() -> None:
    """Both vaults move in each slot, told in any order, the clock before, between or after."""
    rng = random.Random(3)
    async with started(TSLA) as (node, watch):
        told = set()
        for step in range(1, 150):
            tokens, dollars = TSLA.tokens + step, TSLA.dollars - step
            told.add((tokens, dollars))
            await node.begin(seconds=step % 4 == 0)
            for one, held in TSLA.reserves(tokens, dollars).items():
                node.accounts[one] = held
            order = [*TSLA.vaults, CLOCK]
            rng.shuffle(order)
            for one in order:
                await node.tell(one)
        await node.move()
        await watch.until(lambda: reserves(watch.of(TSLA)[-1]) == (TSLA.tokens + 149, TSLA.dollars - 149))
        shown = [reserves(tick) for tick in watch.of(TSLA)]
        assert all(tokens + dollars == TSLA.tokens + TSLA.dollars for tokens, dollars in shown)
        assert len(set(shown)) > 100
        assert not watch.errors


async def test_one_told_too_late_is_read_anew() -> None:
    """A vault's change told after the next slot has begun: what was kept may be torn, so it is read."""
    async with started(TSLA) as (node, watch):
        asked = len(node.requests)
        after = TSLA.reserves(TSLA.tokens + 7, TSLA.dollars - 7)
        await node.begin()
        await node.change(TSLA.vaults[0], after[TSLA.vaults[0]])
        await node.change(TSLA.vaults[1], after[TSLA.vaults[1]], told=False)
        await node.move()
        await node.tell(TSLA.vaults[1], slot=node.slot - 1)
        await node.move()
        await watch.until(lambda: len(node.requests) > asked)
        await watch.until(lambda: reserves(watch.of(TSLA)[-1]) == (TSLA.tokens + 7, TSLA.dollars - 7))


async def test_pool_in_which_nothing_happens_is_told_again() -> None:
    async with started(TSLA) as (node, watch):
        seen = len(watch.of(TSLA))
        asked = len(node.requests)
        await node.move(seconds=4)
        await node.move()
        await watch.until(lambda: len(watch.of(TSLA)) > seen)
        assert len(node.requests) == asked


async def test_reading_waits_for_the_slot_that_was_told() -> None:
    """An HTTP endpoint a little behind its own pubsub is asked again, not believed."""
    async with started(TSLA) as (node, watch):
        node.lag = 20
        await node.move({TSLA.address: TSLA.pool()}, parent=5)
        await node.move({TSLA.vaults[0]: TSLA.reserves(77, 1)[TSLA.vaults[0]]})
        await node.move()
        await watch.until(lambda: node.requests[-1][1][1].get("minContextSlot", 0) > node.slot - node.lag)
        node.lag = 0
        await watch.until(lambda: reserves(watch.of(TSLA)[-1])[0] == 77)
        assert not watch.errors


# -- multipliers -------------------------------------------------------------------------------------


async def test_multiplier_in_flight() -> None:
    """Old, announced, in force by its second without anything told, called off."""
    async with started(TSLA) as (node, watch):
        state = TokenState(registry(TSLA).tokens["TSLAx"])

        def multipliers() -> list[Tick]:
            return [one for one in watch.ticks if one.instrument == "TSLAx@solana"]

        assert [json.loads(one.data or "") for one in multipliers()] == [{"multiplier": 1.5}]
        effective = node.unix + 600
        await node.move({TSLA.token: xstock(multiplier=(1.5, 3.0, effective))})
        await node.move()
        await watch.until(lambda: len(multipliers()) == 2)
        for one in multipliers():
            state.update(json.loads(one.data or ""), one.ts)
        assert (state.multiplier, state.next_multiplier, state.next_at) == (1.5, 3.0, effective * NS)
        state.advance(effective * NS - 1)
        assert state.multiplier == 1.5
        await node.move({TSLA.token: xstock(multiplier=(1.5, 1.5, 0))})
        await node.move()
        await watch.until(lambda: len(multipliers()) == 3)
        state.update(json.loads(multipliers()[-1].data or ""), multipliers()[-1].ts)
        state.advance(effective * NS)
        assert state.multiplier == 1.5, "what was called off does not come"


async def test_multiplier_that_took_over_before_we_looked() -> None:
    pool = Cpmm("TSLAx", 10**12, 3 * 10**12, tag="m")
    pool.mint = xstock(multiplier=(1.5, 3.0, int(time.time()) - 60))
    async with started(pool) as (_, watch):
        assert [one.data for one in watch.ticks if one.kind == "multiplier"] == ['{"multiplier":3.0}']


# -- one pool is at fault, the others are not --------------------------------------------------------


CASES: dict[str, tuple[Callable[[], dict[str, Account | None]], tuple[str, str]]] = {
    "pool closed": (lambda: {TSLA.address: None}, ("down", "no account")),
    "account cut": (lambda: {TSLA.address: Account(TSLA.pool().owner, b"x" * 100)}, ("down", "")),
    "vault cut": (lambda: {TSLA.vaults[0]: Account(xstock().owner, b"\1" * 20)}, ("down", "20 bytes")),
    "vault closed": (lambda: {TSLA.vaults[1]: None}, ("down", "")),
    "of another program": (lambda: {TSLA.address: Account(QUOTE, TSLA.pool().data)}, ("down", "")),
    "token paused": (lambda: {TSLA.token: xstock(paused=True)}, ("halted", "paused by its issuer")),
    "swaps disabled": (lambda: {TSLA.address: TSLA.pool(status=4)}, ("halted", "disabled")),
    "hook installed": (lambda: {TSLA.token: xstock(hook=b"\7" * 32)}, ("down", "on every transfer")),
    "empty": (lambda: TSLA.reserves(0, 0), ("down", "")),
}


@pytest.mark.parametrize("case", CASES)
async def test_pool_at_fault_is_marked_and_comes_back(case: str) -> None:
    changes, (state, words) = CASES[case][0](), CASES[case][1]
    async with started() as (node, watch):
        await node.move(changes)
        await node.move()
        await watch.until(lambda: watch.said(TSLA) is not None)
        said = watch.said(TSLA)
        assert said is not None
        assert said[0] == state
        assert words in said[1]
        assert said[1]
        seen = len(watch.of(SPY))
        await node.move({SPY.vaults[0]: SPY.reserves(SPY.tokens + 1, 0)[SPY.vaults[0]]})
        await node.move(seconds=4)
        await node.move()
        await watch.until(lambda: len(watch.of(SPY)) > seen)
        assert watch.said(SPY) is None
        assert len(watch.of(TSLA, "status")) == 1, "told once"
        await node.move({one: TSLA.accounts()[one] for one in changes})
        await node.move()
        await watch.until(lambda: watch.quotes(TSLA))
        assert watch.said(TSLA) == ("up", "")
        assert reserves(watch.of(TSLA)[-1]) == (TSLA.tokens, TSLA.dollars)
        assert not watch.errors


async def test_account_that_cannot_be_decoded_is_a_fault_of_its_pool_only() -> None:
    async with started() as (node, watch):
        node.malformed[TSLA.address] = ["not base64!", "base64"]
        await node.move({TSLA.address: TSLA.pool()})
        await node.move()
        await watch.until(lambda: (watch.said(TSLA) or ("",))[0] == "down")
        node.malformed.clear()
        await node.move({TSLA.address: TSLA.pool()})
        await node.move(seconds=4)
        await node.move()
        await watch.until(lambda: watch.quotes(TSLA) and watch.quotes(SPY))
        assert watch.said(SPY) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"token_decimals": 6}, "has 8 decimals, the registry says 6"),
        ({"quote_address": address("another")}, "it trades"),
        ({"amm": "raydium_clmm"}, "is owned by CPMM"),
    ],
)
async def test_pool_that_is_not_as_the_registry_says_is_not_trusted(
    wrong: dict[str, Any], words: str
) -> None:
    from msgspec.structs import replace

    known = registry(*POOLS)
    known.pools[TSLA.instrument] = replace(known.pools[TSLA.instrument], **wrong)
    async with serving(new_node()) as node, watching(node, known=known) as watch:
        await watch.until(lambda: watch.said(TSLA) and watch.of(SPY))
        state, reason = watch.said(TSLA) or ("", "")
        assert state == "down"
        assert words in reason
        assert not watch.of(TSLA)


# -- many --------------------------------------------------------------------------------------------


async def test_three_hundred_pools_on_one_connection() -> None:
    pools = tuple(Cpmm(f"T{number}x", 10**12 + number, 10**12) for number in range(300))
    async with started(*pools) as (node, watch):
        assert node.sockets == 1
        calls = [params[0] for method, params in node.requests if method == "getMultipleAccounts"]
        assert all(len(call) <= 100 for call in calls)
        assert len(calls) < 40
        assert len(node.subscribed()) == 300 * 4 + 4, (
            "pool, two vaults and mint each; dollar, config, clock, slots"
        )
        seen = len(watch.ticks)
        for pool in pools:
            node.accounts |= pool.reserves(5 * 10**11, 10**12)
        await node.move({vault: node.accounts[vault] for pool in pools for vault in pool.vaults})
        await node.move()
        await watch.until(lambda: len(watch.ticks) >= seen + 300)
        assert not watch.errors


async def test_pools_beyond_the_bound_say_so_and_keep_saying_so() -> None:
    async with serving(new_node()) as node, watching(node, max_subscriptions=10, poll_seconds=0.01) as watch:
        await watch.until(lambda: watch.of(TSLA) and watch.said(SPY))
        async with moving(node):
            await node.move({TSLA.config: TSLA.fees(2400)}, seconds=4)
            seen = len(watch.of(TSLA))
            await watch.until(lambda: len(watch.of(TSLA)) > seen + 1)
        assert "max_subscriptions" in (watch.said(SPY) or ("", ""))[1]
        assert len(watch.of(SPY, "status")) == 1
        assert len(node.subscribed() - {"slots"}) <= 10
        assert not watch.errors
