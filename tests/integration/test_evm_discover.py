"""Pools found on chain by factories and their events, and impostors apart; against the real contracts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bot.collectors.discover_evm import discover
from bot.collectors.evm_abi import text
from bot.collectors.found import Found
from bot.errors import UsageError
from bot.registry.model import Chain, Factory, Quote, Registry, Token
from tests.fixtures.anvil import CHAIN_ID, ERC20, UNIT, Node, Pool, Uniswap, artefact, running_anvil
from tests.fixtures.anvil_v2 import UniswapV2
from tests.fixtures.anvil_v4 import UniswapV4
from tests.fixtures.evm_contracts import place_multicall
from tests.fixtures.flaky_rpc import flaky_rpc


def registry(pool: Pool, *factories: Factory, symbol: str = "AMZNx") -> Registry:
    """The token of the pool, and its quote token as USDC of the chain."""
    quotes = {"USDC": Quote(pool.quote, 1.0)}
    return Registry(
        chains={"anvil": Chain("anvil", "evm", CHAIN_ID, local=True, quotes=quotes)},
        tokens={symbol: Token(symbol, "AMZN", "xstocks", addresses={"anvil": pool.token})},
        factories={one.key: one for one in factories},
    )


def v3_of(uniswap: Uniswap, *fees: int) -> Factory:
    return Factory("anvil", "uniswap_v3", uniswap.factory.address, "uniswap", fees=list(fees))


async def test_pools_of_the_token_are_found_and_impostors_listed_apart() -> None:
    async with running_anvil() as node:
        await place_multicall(node)
        uniswap = await Uniswap.deploy(node)
        pool = await uniswap.thin_pool(usd=54.0)
        abi = artefact(ERC20)["abi"]
        token, quote = (node.w3.eth.contract(address=one, abi=abi) for one in (pool.token, pool.quote))
        rich = await uniswap.create_pool(500, 223.0, token=token, quote=quote)
        await uniswap.provide(rich, -887_270, 887_270, 1000 * UNIT, 1000 * UNIT)
        other = await uniswap.create_pool(3000, 223.0, token=token, quote=await uniswap.token("WETH"))
        await uniswap.provide(other, -887_220, 887_220, 1000 * UNIT, 1000 * UNIT)
        fake = await uniswap.create_pool(3000, 1.0, quote=quote)
        await uniswap.provide(fake, -887_220, 887_220, UNIT, UNIT)
        assert fake.token != pool.token
        v2 = await pair_of(node, pool)
        of_v2 = Factory("anvil", "uniswap_v2", v2.factory.address, "sushi", [3000])
        factories = (v3_of(uniswap, 500, 3000), of_v2)
        found = await discover(node.ws_url, "AMZNx", registry(pool, *factories))
    by_address = {one.address.lower(): one for one in found}
    assert by_address.keys() == {one.address.lower() for one in (pool, rich, other, fake)} | {
        one.address for one in found if one.amm == "uniswap_v2"
    }
    assert [one.impostor for one in found] == [False, False, False, False, True]
    assert by_address[rich.address.lower()] is found[0], "the largest first"
    thin = by_address[pool.address.lower()]
    assert thin.instrument == f"AMZNx@uniswap:{pool.address.lower()[:10]}"
    assert (thin.fee, thin.liquidity_usd) == (0.003, pytest.approx(54.0, rel=0.01))
    assert by_address[other.address.lower()].liquidity_usd is None, "what WETH is worth nobody said"
    assert by_address[other.address.lower()].why == "paid in WETH"
    assert (
        found[-1].why
        == f"its token, {fake.token.lower()}, calls itself AMZNx; the registry's is {pool.token}"
    )


async def pair_of(node: Node, pool: Pool) -> UniswapV2:
    """An empty v2 pair of the same tokens."""
    v2 = await UniswapV2.deploy(node)
    await node.send(v2.factory.functions.createPair(pool.token, pool.quote))
    return v2


async def test_v4_pools_are_found_by_the_events_of_their_manager() -> None:
    async with running_anvil() as node:
        await place_multicall(node)
        uniswap = await UniswapV4.deploy(node)
        made = await uniswap.create_pool(3000, 60, 2**96)
        await uniswap.provide([made.position(-6000, 6000, 10**21)])
        names = []
        for token in uniswap.tokens:
            names.append(text(await node.w3.eth.call({"to": token, "data": "0x95d89b41"})))
        known = registry(
            Pool("", uniswap.tokens[0], uniswap.tokens[1], 3000, 0, None),
            Factory("anvil", "uniswap_v4", uniswap.manager.address, "uniswap"), symbol=names[0] or "",
        )  # fmt: skip
        chain = replace(known.chains["anvil"], quotes={names[1] or "": Quote(uniswap.tokens[1], 1.0)})
        (found,) = await discover(node.ws_url, names[0] or "", replace(known, chains={"anvil": chain}))
    assert isinstance(found, Found)
    assert (found.amm, found.address, found.fee) == ("uniswap_v4", "0x" + made.id.hex(), 0.003)
    assert found.liquidity_usd is not None


async def test_a_node_that_does_not_look_back_still_gives_what_factories_name() -> None:
    async with running_anvil() as node, flaky_rpc(node.ws_url) as proxy:
        uniswap = await Uniswap.deploy(node)
        pool = await uniswap.thin_pool()
        proxy.refuse_logs = True
        found = await discover(proxy.url, "AMZNx", registry(pool, v3_of(uniswap, 3000)))
    assert [one.address for one in found] == [pool.address.lower()]


async def test_what_is_not_in_the_registry_is_said() -> None:
    async with running_anvil() as node:
        uniswap = await Uniswap.deploy(node)
        pool = await uniswap.thin_pool()
        with pytest.raises(UsageError, match=r"anvil has no \[\[factories\]\]"):
            await discover(node.ws_url, "AMZNx", registry(pool))
        with pytest.raises(UsageError, match="GHOSTx or chain 31337 is not in the registry"):
            await discover(node.ws_url, "GHOSTx", registry(pool, v3_of(uniswap)))
