"""Pool state as the JSON of ``Tick.data``, and back. Integers that may exceed 53 bits are text."""

from __future__ import annotations

from itertools import pairwise

import msgspec
from msgspec import Struct

from bot.errors import PoolError
from bot.pools.constant_product import ConstantProduct
from bot.pools.ladder import ladder
from bot.pools.tick_math import MAX_SQRT, MAX_TICK, MIN_SQRT, MIN_TICK
from bot.pools.uniswap_v3 import UniswapV3
from bot.pools.usd import PoolCurve

Raw = int | str


class ConstantProductState(Struct, frozen=True, tag_field="amm", tag="constant_product"):
    """``decimals`` are the token's and the quote's; ``quote_usd`` is what one quote token is worth."""

    token_reserve: Raw
    quote_reserve: Raw
    decimals: tuple[int, int]
    fee_pips: int
    quote_usd: float = 1.0


class UniswapV3State(Struct, frozen=True, tag_field="amm", tag="uniswap_v3"):
    """``decimals`` are token0's and token1's; ``token_index`` says which is ours; ``ticks`` are all
    initialised ones, ``(tick, liquidity_net)``."""

    token_index: int
    decimals: tuple[int, int]
    fee: int
    tick_spacing: int
    sqrt_price_x96: Raw
    liquidity: Raw
    tick: int
    ticks: list[tuple[int, Raw]]
    quote_usd: float = 1.0
    block: int | None = None


_decoder = msgspec.json.Decoder(ConstantProductState | UniswapV3State)


def decode(data: str) -> PoolCurve:
    """The curve of a pool's state. Raises :class:`PoolError` naming what is wrong with it."""
    try:
        state = _decoder.decode(data)
        if isinstance(state, ConstantProductState):
            return _constant_product(state)
        return _uniswap_v3(state)
    except msgspec.DecodeError as error:
        raise PoolError("bad_pool_state", str(error)) from None
    except ValueError as error:
        raise PoolError("bad_pool_state", f"not a whole number: {error}") from None


def encode(state: ConstantProductState | UniswapV3State) -> str:
    """The JSON of a state."""
    return msgspec.json.encode(state).decode()


def _need(condition: bool, what: str) -> None:
    if not condition:
        raise PoolError("bad_pool_state", what)


def _common(decimals: tuple[int, int], fee: int, quote_usd: float) -> None:
    _need(all(0 <= number <= 36 for number in decimals), f"decimals {decimals}")
    _need(0 <= fee < 1_000_000, f"fee {fee} is not in millionths")
    _need(0 < quote_usd < 1e6, f"quote_usd {quote_usd!r}")


def _constant_product(state: ConstantProductState) -> PoolCurve:
    _common(state.decimals, state.fee_pips, state.quote_usd)
    token, quote = int(state.token_reserve), int(state.quote_reserve)
    _need(token > 0 and quote > 0, "a reserve is empty")
    return PoolCurve(ConstantProduct(token, quote, state.fee_pips), *state.decimals, state.quote_usd)


def _uniswap_v3(state: UniswapV3State) -> PoolCurve:
    _common(state.decimals, state.fee, state.quote_usd)
    _need(state.token_index in (0, 1), f"token_index {state.token_index}")
    _need(state.tick_spacing > 0, f"tick_spacing {state.tick_spacing}")
    price, liquidity = int(state.sqrt_price_x96), int(state.liquidity)
    _need(MIN_SQRT <= price < MAX_SQRT, f"sqrt_price_x96 {price}")
    _need(liquidity >= 0, f"liquidity {liquidity}")
    ticks = tuple([(tick, int(net)) for tick, net in state.ticks])
    _need(all(MIN_TICK <= tick <= MAX_TICK for tick, _ in ticks), "a tick is out of range")
    _need(all(a[0] < b[0] for a, b in pairwise(ticks)), "ticks are not rising")
    _need(sum(net for _, net in ticks) == 0, "the ticks' liquidity does not add up to nothing")
    steps = ladder(ticks, 0, state.tick_spacing, state.fee)
    _need(steps.liquidity_at(state.tick) == liquidity, "liquidity is not what the ticks add up to")
    token, quote = state.decimals if state.token_index == 0 else state.decimals[::-1]
    pool = UniswapV3(price, state.tick, liquidity, steps, state.token_index)
    return PoolCurve(pool, token, quote, state.quote_usd)
