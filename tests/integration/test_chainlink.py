"""Chainlink's feeds and tokens' own terms, read from contracts on a real node (anvil).

The contract has the interface of Chainlink's proxies (``AggregatorV3Interface``); tokens that of ERC-8056.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.collectors.chainlink import ChainlinkCollector
from bot.collectors.issuer_robinhood import RobinhoodCollector
from bot.config import ChainlinkSource, RobinhoodSource, parse
from bot.doctor import examine
from bot.errors import ConfigError, SourceError, SourceRefused
from bot.registry.model import Chain, Feed, Issuer, Registry, Token, Underlying, Venue
from bot.timefmt import NS
from bot.types import Session, Tick
from tests.fixtures.anvil import CHAIN_ID, Node, running_anvil
from tests.fixtures.evm_contracts import created, place_multicall
from tests.fixtures.flaky_rpc import flaky_rpc
from tests.fixtures.watch import Watch

USDC, TSLA = "USDC@chainlink", "TSLAon@chainlink"
SUPPLY = 10**24


class World:
    """A node with a feed of a currency, one of a token, and the token."""

    def __init__(self, node: Node, usdc: Any, tsla: Any, token: Any) -> None:
        self.node, self.usdc, self.tsla, self.token = node, usdc, tsla, token
        self.session: Session = "regular"
        self.round = 0

    async def now(self) -> int:
        return int((await self.node.w3.eth.get_block("latest"))["timestamp"])

    async def answer(self, feed: Any, value: int, *, age: int = 0, answered_in: int | None = None,
                     updated: int | None = None) -> int:  # fmt: skip
        """The feed's next round; when it was updated."""
        self.round += 1
        at = await self.now() - age if updated is None else updated
        where = self.round if answered_in is None else answered_in
        await self.node.send(feed.functions.set(self.round, value, at, where))
        return at

    @property
    def registry(self) -> Registry:
        return Registry(
            chains={"anvil": Chain("anvil", "evm", CHAIN_ID, local=True)},
            issuers={"robinhood": Issuer("robinhood", "Robinhood")},
            underlyings={"TSLA": Underlying("TSLA"), "USDC": Underlying("USDC", kind="currency")},
            tokens={"TSLAon": Token("TSLAon", "TSLA", "robinhood", addresses={"anvil": self.token.address})},
            venues={name: Venue(name, "oracle", reference=True) for name in ("chainlink",)},
            feeds={
                USDC: Feed(USDC, self.usdc.address, chain="anvil", high=1.5),
                TSLA: Feed(TSLA, self.tsla.address, chain="anvil", heartbeat_seconds=3600,
                           sessions=["pre", "regular", "post", "overnight"]),
            },
        )  # fmt: skip


@asynccontextmanager
async def chain() -> AsyncIterator[World]:
    async with running_anvil() as node:
        await place_multicall(node)
        usdc = await created(node, "PriceFeed", 8, "USDC / USD")
        tsla = await created(node, "PriceFeed", 18, "TSLAon / USD")
        token = await created(node, "StockToken", "TSLAon", SUPPLY)
        yield World(node, usdc, tsla, token)


@asynccontextmanager
async def reading(world: World, *, urls: list[str] | None = None, **settings: Any) -> AsyncIterator[Watch]:
    source = ChainlinkSource.model_validate(
        {"urls": urls or [world.node.ws_url], "chain_id": CHAIN_ID, "feeds": [USDC, TSLA],
         "every_seconds": 0.001} | settings
    )  # fmt: skip
    async with watched(ChainlinkCollector(source, world.registry, session=lambda _: world.session)) as watch:
        yield watch


@asynccontextmanager
async def watched(collector: Any) -> AsyncIterator[Watch]:
    watch = Watch(collector)
    try:
        yield watch
    finally:
        watch.task.cancel()
        with suppress(asyncio.CancelledError, ConfigError):
            await watch.task


def quotes(watch: Watch, name: str) -> list[Tick]:
    return [tick for tick in watch.ticks if (tick.instrument, tick.kind) == (name, "quote")]


def told(watch: Watch, name: str) -> list[tuple[str, str]]:
    rows = [tick for tick in watch.ticks if (tick.instrument, tick.kind) == (name, "status")]
    return [(json.loads(one.data or "")["state"], json.loads(one.data or "")["reason"]) for one in rows]


async def test_answer_is_valid_when_its_round_was_updated_and_told_once() -> None:
    async with chain() as world:
        first = await world.answer(world.usdc, 99_970_000, age=500)
        await world.answer(world.tsla, 410 * 10**18)
        async with reading(world) as watch:
            await watch.until(lambda: quotes(watch, USDC) and quotes(watch, TSLA))
            tick = quotes(watch, USDC)[0]
            assert (tick.ts, tick.price) == (first * NS, 0.9997)
            assert json.loads(tick.data or "") == {
                "round": "1", "decimals": 8, "description": "USDC / USD",
            }  # fmt: skip
            assert quotes(watch, TSLA)[0].price == 410.0
            await world.node.mine(3)
            second = await world.answer(world.usdc, 99_970_000)
            await watch.until(lambda: len(quotes(watch, USDC)) == 2)
            assert quotes(watch, USDC)[1].ts == second * NS, "the same price, affirmed anew"
            assert told(watch, USDC) == [("up", "")]


async def test_feed_without_data_is_down_alone_and_up_with_its_first_round() -> None:
    async with chain() as world:
        await world.answer(world.tsla, 410 * 10**18)
        async with reading(world) as watch:
            await watch.until(lambda: quotes(watch, TSLA) and told(watch, USDC))
            assert told(watch, USDC) == [("down", "the contract refuses latestRoundData")]
            await world.answer(world.usdc, 10**8)
            await watch.until(lambda: quotes(watch, USDC))
            assert told(watch, USDC)[-1] == ("up", "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"value": 10**8, "updated": 0}, "its round is not complete"),
        ({"value": 10**8, "answered_in": 1}, "its round is not complete"),
        ({"value": -5}, "it answers -5"),
        ({"value": 0}, "it answers 0"),
        ({"value": 2 * 10**8}, "2 is at the edge of what it may answer"),
        ({"value": 10**8, "age": -4000}, "ahead of the chain"),
        ({"value": 10**8, "age": 90_000}, "its heartbeat is 1 d"),
    ],
)
async def test_round_that_may_not_be_believed_is_down_with_the_reason(
    answer: dict[str, int], words: str
) -> None:
    async with chain() as world:
        world.round = 5
        value = answer.pop("value")
        await world.answer(world.usdc, value, **answer)
        async with reading(world, feeds=[USDC]) as watch:
            await watch.until(lambda: told(watch, USDC))
            assert told(watch, USDC)[0][0] == "down"
            assert words in told(watch, USDC)[0][1]
            await world.node.mine(2)
            await world.answer(world.usdc, 10**8)
            await watch.until(lambda: quotes(watch, USDC))
            assert len(told(watch, USDC)) == 2, "each state is told once, not at each block"


async def test_feed_of_a_paused_token_is_halted_and_old_out_of_its_sessions_closed() -> None:
    async with chain() as world:
        await world.answer(world.tsla, 410 * 10**18)
        async with reading(world, feeds=[TSLA]) as watch:
            await watch.until(lambda: quotes(watch, TSLA))
            await world.node.send(world.token.functions.setOraclePaused(True))
            await watch.until(lambda: told(watch, TSLA)[-1][0] == "halted")
            assert told(watch, TSLA)[-1][1] == "its oracle is paused by the issuer"
            await world.node.send(world.token.functions.setOraclePaused(False))
            await watch.until(lambda: told(watch, TSLA)[-1][0] == "up")
            world.session = "weekend"
            await world.answer(world.tsla, 410 * 10**18, age=30_000)
            await watch.until(lambda: told(watch, TSLA)[-1][0] == "closed")
            assert "overnight session only" in told(watch, TSLA)[-1][1]


async def test_endpoint_that_fails_gives_way_to_the_next() -> None:
    async with chain() as world:
        await world.answer(world.usdc, 10**8)
        async with flaky_rpc(world.node.ws_url) as proxy:
            urls = [proxy.url, world.node.ws_url]
            async with reading(world, feeds=[USDC], urls=urls, silence_seconds=0.3) as watch:
                await watch.until(lambda: quotes(watch, USDC))
                proxy.silent = True
                await watch.until_error(SourceError, "no new block for 0.3 s")
                await world.answer(world.usdc, 10**8 + 5)
                await watch.until(lambda: len(quotes(watch, USDC)) == 2)


async def test_what_nodes_do_is_an_error_and_passes() -> None:
    async with chain() as world:
        await world.answer(world.usdc, 10**8)
        async with flaky_rpc(world.node.ws_url) as proxy:
            proxy.refuse = 403, {}
            async with reading(world, feeds=[USDC], urls=[proxy.url]) as watch:
                await watch.until_error(SourceRefused, "check the key in the URL")
                proxy.refuse = 429, {"Retry-After": "1"}
                await watch.until_error(SourceError, "HTTP 429")
                proxy.refuse = None
                proxy.age_seconds = 1000
                await watch.until_error(SourceError, "the node is behind")
                proxy.age_seconds = 0
                proxy.garble = "oops"
                await watch.until_error(SourceError, "no JSON-RPC")
                proxy.garble = ""
                await watch.until(lambda: quotes(watch, USDC))
                await proxy.hang_up()
                await watch.until_error(SourceError, "the node ended the connection")


async def test_node_of_another_chain_is_a_mistake_to_be_corrected() -> None:
    async with chain() as world:
        source = ChainlinkSource(urls=[world.node.ws_url], chain_id=1, feeds=[USDC])
        with pytest.raises(ConfigError, match="the node is on chain 31337, configured is 1"):
            await anext(ChainlinkCollector(source, world.registry).ticks())


async def test_it_reads_no_more_often_than_configured() -> None:
    async with chain() as world:
        await world.answer(world.usdc, 10**8)
        async with (
            flaky_rpc(world.node.ws_url) as proxy,
            reading(world, feeds=[USDC], urls=[proxy.url], every_seconds=600) as watch,
        ):
            await watch.until(lambda: quotes(watch, USDC))
            calls = proxy.asked["eth_call"]
            await world.node.mine(20)
            began = time.monotonic()
            await watch.until(lambda: time.monotonic() > began + 0.1)
            assert proxy.asked["eth_call"] == calls


async def test_token_tells_its_multiplier_ahead_of_time_and_its_pause() -> None:
    async with chain() as world:
        source = RobinhoodSource(urls=[world.node.ws_url], chain_id=CHAIN_ID, tokens=["TSLAon"],
                                 every_seconds=0.001)  # fmt: skip
        name = "TSLAon@robinhood"
        async with watched(RobinhoodCollector(source, world.registry)) as watch:

            def multipliers() -> list[dict[str, Any]]:
                rows = [one for one in watch.ticks if (one.instrument, one.kind) == (name, "multiplier")]
                return [json.loads(one.data or "") for one in rows]

            await watch.until(multipliers)
            when = await world.now() + 1000
            await world.node.send(world.token.functions.announce(3 * 10**18, when))
            await watch.until(lambda: len(multipliers()) == 2)
            await world.node.rpc("evm_setNextBlockTimestamp", when)
            await world.node.mine()
            await watch.until(lambda: len(multipliers()) == 3)
            assert multipliers() == [
                {"multiplier": 1.0},
                {"multiplier": 1.0, "new_multiplier": 3.0, "effective_ns": when * NS},
                {"multiplier": 3.0},
            ]
            await world.node.send(world.token.functions.setOraclePaused(True))
            await watch.until(lambda: told(watch, name)[-1] == ("halted", "its oracle is paused"))
            await world.node.send(world.token.functions.setOraclePaused(False))
            await watch.until(lambda: told(watch, name)[-1] == ("open", ""))


async def test_doctor_says_which_feed_is_down(tmp_path: Path) -> None:
    async with chain() as world:
        await world.answer(world.usdc, 10**8)
        chainlink = {"urls": [world.node.ws_url], "chain_id": CHAIN_ID, "feeds": [USDC, TSLA]}
        robinhood = {"urls": [world.node.ws_url], "chain_id": CHAIN_ID, "tokens": ["TSLAon"]}
        config = parse(
            {
                "collectors": {"chainlink": [chainlink], "robinhood": [robinhood]},
                "ledger": {"url": f"sqlite+aiosqlite:///{tmp_path}/pegbot.db"},
                "web": {"port": 0},
            },
            source="test",
            base=tmp_path,
        )
        oracle, issuer, *_ = await examine(config, world.registry)
        assert (oracle.ok, oracle.what) == (False, f"{TSLA}: the contract refuses latestRoundData")
        assert (issuer.ok, issuer.what[:23]) == (True, "1 instruments told of; ")
        await world.answer(world.tsla, 410 * 10**18)
        oracle, *_ = await examine(config, world.registry)
        assert (oracle.ok, oracle.what[:23]) == (True, "2 instruments told of; ")
