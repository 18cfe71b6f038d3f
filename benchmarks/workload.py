"""A busy market: 100 shares, each with a reference, three exchange pairs and two pools: 500 instruments.

A tick every 2 ms of event time, so each instrument ticks about once a second; every 4,000 ticks the
clock jumps an hour, so that all six sessions come by and two million ticks fill a page's history of a
week. Pools swap, and now and then their positions change. One pair at a time is out by 8 to 30 %, for
8 seconds. The same seed gives the same ticks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import cache
from math import exp, sqrt
from pathlib import Path

from benchmarks.v3 import v3_state
from bot import registry
from bot.config import Config, parse
from bot.engine import Engine
from bot.pools import ConstantProductState, encode
from bot.registry import Registry
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Tick

CONFIG = Path(__file__).resolve().parent.parent / "config"
START = at("2026-06-17T15:00:00Z")
SHARES, INSTRUMENTS = 100, 500
SPACING_NS = 2_000_000
BURST = OUT_EVERY = 4_000
GAP_NS = 3600 * NS
PAIRS = ("kraken", "bybit", "gate")
LIQUIDITY_USD = 500_000.0
SWAPS_PER_POSITION = 24
"""After so many swaps somebody adds to a position, so that a pool's ticks are new."""


@cache
def shipped() -> Registry:
    """The registry in config/registry."""
    return registry.load(sorted((CONFIG / "registry").glob("*.toml")))


def config() -> Config:
    """Everything by default."""
    return parse({}, source="benchmark", base=CONFIG)


def engine() -> Engine:
    """A fresh engine on the shipped registry."""
    return Engine(config(), shipped())


class _Share:
    """One share and its token's venues; each method is a tick of one kind."""

    def __init__(self, ticker: str, token: str, rng: random.Random) -> None:
        self.random = rng
        self.base = self.price = rng.uniform(20.0, 600.0)
        self.reference_name = f"{ticker}@pyth"
        self.pairs = [f"{token}@{venue}" for venue in PAIRS]
        self.out: dict[str, float] = {}
        self.reserves, self.ladder = f"{token}@raydium:bench", f"{token}@uniswap:bench"
        self.swaps = rng.randrange(10**6)

    def reference(self, ts: int) -> Tick:
        pull = 0.02 * (self.base / self.price - 1)
        price = self.price = self.price * (1 + pull + 0.0002 * (self.random.random() - 0.5))
        return Tick(ts, self.reference_name, "quote", price * 0.9999, price * 1.0001)

    def quote(self, ts: int) -> Tick:
        name, price = self._seen()
        return Tick(ts, name, "quote", price * 0.9995, price * 1.0005)

    def book(self, ts: int) -> Tick:
        name, price = self._seen()
        bids = ",".join(f"[{price * (0.9995 - level / 500):.4f},40.5]" for level in range(10))
        asks = ",".join(f"[{price * (1.0005 + level / 500):.4f},40.5]" for level in range(10))
        data = f'{{"bids":[{bids}],"asks":[{asks}]}}'
        return Tick(ts, name, "quote", price * 0.9995, price * 1.0005, data=data)

    def trade(self, ts: int) -> Tick:
        name, price = self._seen()
        return Tick(ts, name, "trade", price=price, size=250.0)

    def constant_product(self, ts: int) -> Tick:
        price = self._pool_price()
        usd = sqrt(LIQUIDITY_USD**2 / 4 * price / self.base)
        state = ConstantProductState(
            token_reserve=str(round(usd / price * 1e8)), quote_reserve=str(round(usd * 1e6)),
            decimals=(8, 6), fee_pips=2500,
        )  # fmt: skip
        return Tick(ts, self.reserves, "pool", size=2 * usd, data=encode(state))

    def uniswap_v3(self, ts: int) -> Tick:
        self.swaps += 1
        state = v3_state(self._pool_price(), added=self.swaps // SWAPS_PER_POSITION)
        return Tick(ts, self.ladder, "pool", size=LIQUIDITY_USD, data=encode(state))

    def _pool_price(self) -> float:
        return self.base * exp(self.random.gauss(0, 0.0005))

    def _seen(self) -> tuple[str, float]:
        draw = self.random.random()
        name = self.pairs[int(draw * len(PAIRS))]
        return name, self.price * (1 + 0.0004 * (draw - 0.5)) * self.out.get(name, 1.0)


KINDS = {
    _Share.reference: 14, _Share.quote: 68, _Share.book: 4, _Share.trade: 8,
    _Share.constant_product: 4, _Share.uniswap_v3: 2,
}  # fmt: skip
"""Of a hundred ticks; pools speak once a block, pairs all the time."""


def ticks(count: int, seed: int = 7) -> Iterator[Tick]:
    """So many ticks, by time."""
    rng = random.Random(seed)
    tokens = sorted((t for t in shipped().tokens.values() if t.issuer == "xstocks"), key=lambda t: t.symbol)
    shares = [_Share(token.underlying, token.symbol, rng) for token in tokens[:SHARES]]
    yield from _opening(shares)
    kinds, weights = list(KINDS), list(KINDS.values())
    ts, out = START + NS, shares[0]
    for number in range(INSTRUMENTS + SHARES, count):
        if number % OUT_EVERY == 0:
            out.out.clear()
            out = rng.choice(shares)
            out.out[rng.choice(out.pairs)] = exp(rng.choice((-1, 1)) * rng.uniform(0.08, 0.3))
        ts += SPACING_NS if number % BURST else GAP_NS
        kind = rng.choices(kinds, weights)[0]
        yield kind(rng.choice(shares), ts)


def _opening(shares: list[_Share]) -> Iterator[Tick]:
    """Every instrument and reference once."""
    for share in shares:
        yield share.reference(START)
        for name in share.pairs:
            yield Tick(START, name, "quote", share.price * 0.9995, share.price * 1.0005)
        yield share.constant_product(START)
        yield share.uniswap_v3(START)
