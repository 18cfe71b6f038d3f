"""The best size beside a search on the contracts themselves: snapshot, swap there and back, revert."""

from __future__ import annotations

from random import Random

import pytest

from bot.pools import UniswapV3, decode, encode
from bot.pools.arbitrage import Arbitrage, best_size
from bot.pools.legs import Leg, PoolLeg, at_price
from tests.fixtures.anvil import SPACING, Pool, Uniswap, running_anvil

GOLDEN = (5**0.5 - 1) / 2


async def random_pool(
    uniswap: Uniswap, fee: int, price: float, tokens: tuple[object, object], rng: Random
) -> Pool:
    """Positions of random width around a price; a token of 8 decimals and a quote of 6, as the real ones."""
    pool = await uniswap.create_pool(fee, price, token=tokens[0], quote=tokens[1])
    spacing = SPACING[fee]
    centre = (await uniswap.state(pool)).tick // spacing
    for _ in range(8):
        lower, upper = centre - rng.randint(1, 40), centre + rng.randint(1, 40)
        usd = 10 ** rng.uniform(2.5, 4.5)
        amounts = (int(usd / price * 10**pool.token_decimals), int(usd * 10**pool.quote_decimals))
        await uniswap.provide(
            pool, lower * spacing, upper * spacing, *(amounts if pool.index == 0 else amounts[::-1])
        )
    return pool


async def ours(uniswap: Uniswap, pool: Pool) -> UniswapV3:
    raw = decode(encode(await uniswap.state(pool))).pool
    assert isinstance(raw, UniswapV3)
    return raw


class OnChain:
    """Profit of a size, as it happens: each trial is undone."""

    def __init__(self, uniswap: Uniswap, cheap: Pool, dear: Pool | None, price: float) -> None:
        self.uniswap, self.cheap, self.dear, self.price = uniswap, cheap, dear, price
        self.tried: dict[int, int] = {}

    async def profit(self, size: int) -> int:
        if size not in self.tried:
            before = await self.uniswap.node.snapshot()
            held = await self.uniswap.balance(self.cheap.token)
            paid = await self.uniswap.balance(self.cheap.quote)
            await self.uniswap.swap(self.cheap, self.cheap.quote, size)
            bought = await self.uniswap.balance(self.cheap.token) - held
            if self.dear is not None:
                if bought:
                    await self.uniswap.swap(self.dear, self.dear.token, bought)
                self.tried[size] = await self.uniswap.balance(self.cheap.quote) - paid
            else:
                self.tried[size] = int(bought * self.price) - size
            await self.uniswap.node.revert(before)
        return self.tried[size]

    async def search(self, low: int, high: int) -> None:
        """Golden section down to a thousandth of where it began, as nobody's formula would have it."""
        least = max((high - low) // 1000, 1)
        while high - low > least:
            inner = high - int((high - low) * GOLDEN), low + int((high - low) * GOLDEN)
            if await self.profit(inner[0]) < await self.profit(inner[1]):
                low = inner[0]
            else:
                high = inner[1]


async def shown(chain: OnChain, found: Arbitrage | None) -> None:
    """The search finds nothing better, and what was promised is what happens."""
    assert found is not None
    size = found.amounts[0]
    assert await chain.profit(size) == found.profit
    assert (await chain.profit(size - 1), await chain.profit(size + 1)) == found.neighbours
    await chain.search(1, 4 * size)
    best = max(chain.tried, key=lambda tried: chain.tried[tried])
    assert chain.tried[best] <= found.profit
    assert best == pytest.approx(size, rel=0.02)


async def test_pool_against_pool_and_pool_against_price_equal_a_search_on_the_contracts() -> None:
    rng = Random(11)
    async with running_anvil() as node:
        uniswap = await Uniswap.deploy(node)
        tokens = (await uniswap.token("AMZNx", 8), await uniswap.token("USDC", 6))
        cheap = await random_pool(uniswap, 500, 223.0, tokens, rng)
        dear = await random_pool(uniswap, 3000, 231.0, tokens, rng)
        buying, selling = PoolLeg(await ours(uniswap, cheap), False), PoolLeg(await ours(uniswap, dear), True)
        await shown(OnChain(uniswap, cheap, dear, 0.0), best_size([buying, selling]))
        # Bought in the pool with 8 decimals, sold elsewhere at 226.5 dollars of 6 decimals: 2.265 units each.
        legs: list[Leg] = [buying, at_price(2265, 1000, 10**30)]
        await shown(OnChain(uniswap, cheap, None, 2.265), best_size(legs))
