"""What lies at a venue: a constant product pool, a concentrated one, or a book. Orders move it exactly.

All three are asked the same: the log price, an order in USD, a move to a log price, and more or less depth.
"""

from __future__ import annotations

from math import exp, inf, isqrt, log, sqrt
from typing import Protocol

from bot.pools import ConstantProduct, ConstantProductState, UniswapV3, UniswapV3State, encode, ladder
from bot.pools.tick_math import Q96, tick_at_sqrt
from bot.simulate.scenario import Place
from bot.types import Ns, Tick

BOOK_LEVELS = 4
SPACING = 10
POSITIONS = ((400, 0.60), (1_200, 0.25), (5_000, 0.14), (40_000, 0.01))
"""Half widths in ticks around the price, and the part of the depth that lies so: ±4 %, ±13 %, ±65 %, all."""
HELD = sum(2 * part * (1.0001 ** (width / 2) - 1) for width, part in POSITIONS) / (sqrt(1.02) - 1)
"""USD in all positions, of both tokens, for each USD of depth."""
RECENTRE = 150
"""So many ticks from their middle, liquidity providers put their ranges around the price again."""


class Depth(Protocol):
    """A venue's liquidity. Prices are logs of USD (or of the coin it is quoted in) per token."""

    log_price: float

    def order(self, usd: float) -> tuple[float, float] | None:
        """A market order: ``usd`` spent, or, negative, taken out. Average price and USD, if filled."""

    def to(self, log_price: float, most_usd: float = inf) -> float:
        """Trade until the price is there, or ``most_usd`` have changed hands; how many have."""

    def scale(self, factor: float) -> None:
        """So many times the depth it was made with."""

    def tick(self, ts: Ns) -> Tick:
        """What the venue shows."""


def make(place: Place, price: float) -> Depth:
    """The depth of a place at a price."""
    if place.kind == "book":
        return Book(place, price)
    return Product(place, price) if place.kind == "pool" else Concentrated(place, price)


def _spent(done: tuple[float, float] | None) -> float:
    return 0.0 if done is None else done[1]


class Product:
    """Constant product: ``depth_usd`` on the quote side."""

    def __init__(self, place: Place, price: float) -> None:
        self.place = place
        self._raw: int = 10**place.quote_decimals
        self._token: int = 10**place.token_decimals
        self._log_scale = log(10.0 ** (place.token_decimals - place.quote_decimals))
        self._factor = 1.0
        token = int(place.depth_usd / price * self._token)
        self._set(ConstantProduct(token, int(place.depth_usd * self._raw), place.fee_pips))

    def _set(self, pool: ConstantProduct) -> None:
        self.pool = pool
        self.log_price = log(pool.quote_reserve / pool.token_reserve) + self._log_scale

    def order(self, usd: float) -> tuple[float, float] | None:
        """See :class:`Depth`."""
        amount = int(abs(usd) * self._raw)
        swap = self.pool.exact_in(amount, sell=False) if usd > 0 else self.pool.exact_out(amount, sell=True)
        if swap is None:
            return None
        token, paid = (-swap.amount_out, amount) if usd > 0 else (swap.amount_in, -amount)
        self._put(token, paid)
        return abs(paid) * self._token / (abs(token) * self._raw), abs(usd)

    def to(self, log_price: float, most_usd: float = inf) -> float:
        """See :class:`Depth`. Takes ``x · y`` for constant and pays the fee on top."""
        pool, sell = self.pool, log_price < self.log_price
        product, price = pool.token_reserve * pool.quote_reserve, exp(log_price - self._log_scale)
        target = isqrt(int(product / price)) if sell else isqrt(int(product * price))
        put = target - (pool.token_reserve if sell else pool.quote_reserve)
        put = max(put, 0) * 1_000_000 // (1_000_000 - pool.fee_pips)
        swap = pool.exact_in(put, sell)
        if swap is None:
            return 0.0
        token, paid = (put, -swap.amount_out) if sell else (-swap.amount_out, put)
        usd = abs(paid) / self._raw
        if usd > most_usd:
            return _spent(self.order(-most_usd if sell else most_usd))
        self._put(token, paid)
        return usd

    def scale(self, factor: float) -> None:
        """See :class:`Depth`."""
        by = factor / self._factor
        self._factor = factor
        pool = self.pool
        if by != 1.0:
            self._set(
                ConstantProduct(int(pool.token_reserve * by), int(pool.quote_reserve * by), pool.fee_pips)
            )

    def _put(self, token: int, paid: int) -> None:
        pool = self.pool
        self._set(ConstantProduct(pool.token_reserve + token, pool.quote_reserve + paid, pool.fee_pips))

    def tick(self, ts: Ns) -> Tick:
        """See :class:`Depth`."""
        place, pool = self.place, self.pool
        state = ConstantProductState(
            token_reserve=str(pool.token_reserve),
            quote_reserve=str(pool.quote_reserve),
            decimals=(place.token_decimals, place.quote_decimals),
            fee_pips=place.fee_pips,
        )
        liquidity = 2 * pool.quote_reserve / self._raw
        price = pool.price() * 10.0 ** (place.token_decimals - place.quote_decimals)
        return Tick(ts, place.instrument, "pool", price=price, size=round(liquidity, 2), data=encode(state))


class Concentrated:
    """Uniswap v3's mathematics: ``depth_usd`` moves the price by 2 %; thinner farther out."""

    def __init__(self, place: Place, price: float) -> None:
        self.place = place
        self._raw: int = 10**place.quote_decimals
        self._token: int = 10**place.token_decimals
        self._log_scale = log(10.0 ** (place.token_decimals - place.quote_decimals))
        self._factor = 1.0
        self._around(int(sqrt(price * 10.0 ** (place.quote_decimals - place.token_decimals)) * Q96))

    def _around(self, sqrt_price: int) -> None:
        """Liquidity providers put their positions around the price."""
        place = self.place
        tick = self._centre = tick_at_sqrt(sqrt_price)
        unit = place.depth_usd * self._factor * self._raw / (sqrt(1.02) - 1) / (sqrt_price / Q96)
        nets: dict[int, int] = {}
        active = 0
        for width, part in POSITIONS:
            liquidity = int(unit * part)
            low, high = (tick - width) // SPACING * SPACING, (tick + width) // SPACING * SPACING
            nets[low] = nets.get(low, 0) + liquidity
            nets[high] = nets.get(high, 0) - liquidity
            active += liquidity
        self._ticks = sorted(nets.items())
        self._size = round(place.depth_usd * self._factor * HELD, 2)
        self._set(UniswapV3(sqrt_price, tick, active, ladder(tuple(self._ticks), SPACING, place.fee_pips), 0))

    def _set(self, pool: UniswapV3) -> None:
        self.pool = pool
        self.log_price = 2 * log(pool.sqrt_price / Q96) + self._log_scale

    def order(self, usd: float) -> tuple[float, float] | None:
        """See :class:`Depth`."""
        amount = int(abs(usd) * self._raw)
        pool = self.pool
        swap = pool.swap_in(amount, False) if usd > 0 else pool.swap_out(amount, True)
        if swap is None or not swap.amount_in or not swap.amount_out:
            return None
        self._set(pool.moved(swap))
        token = swap.amount_out if usd > 0 else swap.amount_in
        return amount * self._token / (token * self._raw), abs(usd)

    def to(self, log_price: float, most_usd: float = inf) -> float:
        """See :class:`Depth`."""
        sell = log_price < self.log_price
        swap = self.pool.swap_to(int(exp((log_price - self._log_scale) / 2) * Q96), sell)
        if swap is None:
            return 0.0
        usd = (swap.amount_out if sell else swap.amount_in) / self._raw
        if usd > most_usd:
            return _spent(self.order(-most_usd if sell else most_usd))
        self._set(self.pool.moved(swap))
        return usd

    def scale(self, factor: float) -> None:
        """See :class:`Depth`. Whoever comes or goes puts the ranges around the price again."""
        moved = abs(self.pool.tick - self._centre) > RECENTRE
        if factor != self._factor or moved:
            self._factor = factor
            self._around(self.pool.sqrt_price)

    def tick(self, ts: Ns) -> Tick:
        """See :class:`Depth`."""
        place, pool = self.place, self.pool
        state = UniswapV3State(
            decimals=(place.token_decimals, place.quote_decimals),
            fee=place.fee_pips,
            tick_spacing=SPACING,
            sqrt_price_x96=str(pool.sqrt_price),
            liquidity=str(pool.liquidity),
            tick=pool.tick,
            ticks=[(tick, str(net)) for tick, net in self._ticks],
        )
        price = (pool.sqrt_price / Q96) ** 2 * 10.0 ** (place.token_decimals - place.quote_decimals)
        return Tick(ts, place.instrument, "pool", price=price, size=self._size, data=encode(state))


class Book:
    """A book of ``depth_usd`` within 2 % on each side; an order leaves the middle moved in proportion."""

    def __init__(self, place: Place, price: float) -> None:
        self.place = place
        self.log_price = log(price)
        self.wide = 1.0
        self._factor = 1.0

    def order(self, usd: float) -> tuple[float, float] | None:
        """See :class:`Depth`."""
        half = self.place.spread_ratio * self.wide / 2
        price = exp(self.log_price) * (1 + half if usd > 0 else 1 - half)
        self.log_price += 0.02 * usd / (self.place.depth_usd * self._factor)
        return price, abs(usd)

    def to(self, log_price: float, most_usd: float = inf) -> float:
        """See :class:`Depth`."""
        gap = log_price - self.log_price
        self.log_price = log_price
        return abs(gap) / 0.02 * self.place.depth_usd * self._factor

    def scale(self, factor: float) -> None:
        """See :class:`Depth`. A thinner book is a wider one."""
        self._factor = factor
        self.wide = 1.0 if factor >= 1.0 else min(factor**-0.5, 6.0)

    def tick(self, ts: Ns) -> Tick:
        """See :class:`Depth`."""
        mid, half = exp(self.log_price), self.place.spread_ratio * self.wide / 2
        size = self.place.depth_usd * self._factor / mid / BOOK_LEVELS
        s = repr(round(size, 6))
        steps = [half + 0.02 * level / BOOK_LEVELS for level in range(BOOK_LEVELS)]
        bids = [round(mid * (1 - step), 4) for step in steps]
        asks = [round(mid * (1 + step), 4) for step in steps]
        b, a = (",".join([f"[{price},{s}]" for price in side]) for side in (bids, asks))
        data = f'{{"bids":[{b}],"asks":[{a}]}}'
        return Tick(ts, self.place.instrument, "quote", bid=bids[0], ask=asks[0], data=data)
