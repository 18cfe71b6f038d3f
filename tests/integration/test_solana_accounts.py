"""Accounts that lead to further accounts, as a price leads to tick arrays; and what an engine makes of it."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterable

import pytest

pytest.importorskip("solders.pubkey")
pytest.importorskip("aiohttp")

from bot.engine import Engine
from bot.errors import PoolError
from bot.pools.layouts.base import CLOCK, Account, Accounts
from bot.pools.layouts.raydium_cpmm import RaydiumCpmmLayout
from bot.pools.layouts.token import token_account
from bot.pools.raydium_cpmm import RaydiumCpmmState
from bot.timefmt import NS
from bot.types import Incident, Quarantined
from tests.fixtures.engine import config
from tests.fixtures.solana_node import SolanaNode, serving
from tests.fixtures.solana_pools import PROGRAM, Cpmm, address, registry, xstock
from tests.fixtures.solana_watch import POOLS, SPY, TSLA, moving, new_node, reserves, started, watching

WIDTH = 10**10


def array(number: int) -> str:
    return address(f"array {number}")


class Arrays(RaydiumCpmmLayout):
    """A pool that also needs the array its reserve stands in, and the next ones."""

    def __init__(self, ahead: int = 1) -> None:
        self.ahead = ahead
        self.asked: list[frozenset[str]] = []

    def numbers(self, accounts: Accounts) -> Iterable[int]:
        first = token_account(accounts.get(TSLA.vaults[0])).amount // WIDTH
        return range(first, first + self.ahead + 1)

    def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
        wanted = super().wanted(pool, accounts)
        if TSLA.vaults[0] not in accounts:
            return wanted
        self.asked.append(wanted | {array(number) for number in self.numbers(accounts)})
        return self.asked[-1]

    def state(self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float) -> RaydiumCpmmState:
        for number in self.numbers(accounts):
            held = accounts.get(array(number))
            if held is None or held.data != bytes([number % 256]):
                raise PoolError("bad_account", f"array {number} is not loaded")
        return super().state(pool, accounts, token_mint=token_mint, quote_usd=quote_usd)


def node_with(numbers: Iterable[int]) -> SolanaNode:
    node = new_node(TSLA)
    for number in numbers:
        node.accounts[array(number)] = Account(PROGRAM, bytes([number % 256]))
    return node


async def test_array_that_the_price_moves_into_is_read_and_subscribed_and_the_one_it_left_is_let_go() -> None:
    layout = Arrays()
    first = TSLA.tokens // WIDTH
    async with (
        serving(node_with(range(90, 210))) as node,
        watching(node, pools=(TSLA,), layouts={"raydium_cpmm": layout}, poll_seconds=0.01) as watch,
    ):
        await watch.until(lambda: watch.of(TSLA))
        assert {array(first), array(first + 1)} <= node.subscribed()
        await node.move(TSLA.reserves(TSLA.tokens + 5 * WIDTH, TSLA.dollars))
        await node.move()
        await watch.until(lambda: reserves(watch.of(TSLA)[-1])[0] == TSLA.tokens + 5 * WIDTH)
        assert {array(first + 5), array(first + 6)} <= node.subscribed()
        async with moving(node):
            await watch.until(lambda: array(first) not in node.subscribed())
        assert not watch.of(TSLA, "status")
        assert not watch.errors


async def test_state_that_needs_more_accounts_than_a_node_gives_at_one_slot_is_not_quoted() -> None:
    async with (
        serving(node_with(range(90, 210))) as node,
        watching(node, pools=(TSLA,), layouts={"raydium_cpmm": Arrays(ahead=98)}) as watch,
    ):
        await watch.until(lambda: watch.said(TSLA))
        assert "more than a node gives at one slot" in (watch.said(TSLA) or ("", ""))[1]


async def test_pool_that_needed_too_many_is_read_once_it_needs_fewer() -> None:
    layout = Arrays(ahead=98)
    async with (
        serving(node_with(range(90, 210))) as node,
        watching(node, pools=(TSLA,), layouts={"raydium_cpmm": layout}) as watch,
    ):
        await watch.until(lambda: watch.said(TSLA))
        layout.ahead = 1
        await node.move({TSLA.token: xstock(multiplier=None)})
        await node.move()
        await watch.until(lambda: watch.quotes(TSLA))
        assert watch.said(TSLA) == ("up", "")


async def test_accounts_that_lead_on_for_ever_are_not_followed() -> None:
    class Endless(Arrays):
        def wanted(self, pool: str, accounts: Accounts) -> frozenset[str]:
            known = [number for number in range(99) if array(number) in accounts]
            return frozenset({pool, CLOCK, array(len(known))})

    async with (
        serving(new_node()) as node,
        watching(node, pools=(TSLA,), layouts={"raydium_cpmm": Endless()}) as watch,
    ):
        await watch.until(lambda: watch.said(TSLA))
        assert "ever more accounts" in (watch.said(TSLA) or ("", ""))[1]
        assert len(node.requests) < 20


async def test_layout_that_fails_on_one_pool_harms_no_other() -> None:
    class Broken(RaydiumCpmmLayout):
        def state(
            self, pool: str, accounts: Accounts, *, token_mint: str, quote_usd: float
        ) -> RaydiumCpmmState:
            if pool == TSLA.address:
                raise struct.error("unpack requires a buffer of 8 bytes")
            return super().state(pool, accounts, token_mint=token_mint, quote_usd=quote_usd)

    async with serving(new_node()) as node, watching(node, layouts={"raydium_cpmm": Broken()}) as watch:
        await watch.until(lambda: watch.said(TSLA) and watch.of(SPY))
        assert watch.said(TSLA) == ("down", "it cannot be read: error: unpack requires a buffer of 8 bytes")
        assert not watch.errors


async def test_engine_takes_every_tick_and_halts_what_is_paused() -> None:
    """Nothing is set aside: times do not run backwards, states are quotable, multipliers positive."""
    known = registry(*POOLS)
    engine = Engine(config(), known)
    async with started() as (node, watch):
        await node.move({TSLA.token: xstock(paused=True), SPY.address: None}, seconds=1)
        await node.move(seconds=4)
        await node.move()
        await watch.until(lambda: watch.said(TSLA) and watch.said(SPY))
        messages = [message for tick in watch.ticks for message in engine.step(tick)]
        halted, lost = (engine.market.instrument(pool.instrument) for pool in (TSLA, SPY))
        assert halted is not None
        assert lost is not None
        assert halted.halted
        assert halted.halted_reason == "TSLAx is paused by its issuer"
        assert halted.multiplier == 1.5
        assert [one.kind for one in messages if isinstance(one, Incident)] == ["feed_fault"]
        seen = len(watch.ticks)
        await node.move({TSLA.token: xstock(), SPY.address: SPY.pool()}, seconds=1)
        await node.move()
        await watch.until(lambda: watch.quotes(TSLA) and watch.quotes(SPY))
        messages += [message for tick in watch.ticks[seen:] for message in engine.step(tick)]
        assert not halted.halted
        assert not lost.halted
        assert halted.price == pytest.approx(300)
        assert not [one for one in messages if isinstance(one, Quarantined)]
        assert [one.phase for one in messages if isinstance(one, Incident)][-1] == "resolve"


async def test_real_token_2022_paused_and_its_multiplier_announced() -> None:
    """The mint's bytes are those that the program itself wrote, in a Solana VM."""
    pytest.importorskip("solders.litesvm")
    from tests.fixtures.token_2022 import NOBODY, Token2022

    vm = Token2022()
    vm.at(unix=int(time.time()), epoch=700)
    mint = vm.mint(8, scaled=1.5, pausable=True, hook=NOBODY, delegate=True, named=("Tesla xStock", "TSLAx"))

    def held() -> Account:
        account = vm.account(mint)
        assert account is not None
        return account

    pool = Cpmm("TSLAx", 10**12, 3 * 10**12, token=str(mint))
    pool.mint = held()
    async with started(pool) as (node, watch):
        effective = node.unix + 3600
        vm.announce(mint, 3.0, effective)
        vm.pause(mint, True)
        await node.move({pool.token: held()})
        await node.move()
        await watch.until(lambda: watch.said(pool) == ("halted", "TSLAx is paused by its issuer"))
        vm.pause(mint, False)
        await node.move({pool.token: held()})
        await node.move()
        await watch.until(lambda: watch.quotes(pool))
        told = [json.loads(one.data or "") for one in watch.ticks if one.kind == "multiplier"]
        assert told == [
            {"multiplier": 1.5},
            {"multiplier": 1.5, "new_multiplier": 3.0, "effective_ns": effective * NS},
        ]
