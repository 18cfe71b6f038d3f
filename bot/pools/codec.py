"""Pool state as the JSON of ``Tick.data``, and back; the one list of all kinds."""

from __future__ import annotations

import msgspec

from bot.errors import PoolError
from bot.pools.constant_product import ConstantProductState
from bot.pools.meteora_damm_v2 import MeteoraDammV2State
from bot.pools.meteora_dlmm import MeteoraDlmmState
from bot.pools.orca_whirlpool import OrcaWhirlpoolState
from bot.pools.raydium_amm_v4 import RaydiumAmmV4State
from bot.pools.raydium_clmm import RaydiumClmmState
from bot.pools.raydium_cpmm import RaydiumCpmmState
from bot.pools.state import PoolState
from bot.pools.uniswap_v3 import UniswapV3State
from bot.pools.uniswap_v4 import UniswapV4State
from bot.pools.usd import PoolCurve
from bot.pools.v3_forks import PancakeV3State, SlipstreamState

AnyState = (
    ConstantProductState
    | UniswapV3State
    | PancakeV3State
    | SlipstreamState
    | UniswapV4State
    | MeteoraDammV2State
    | MeteoraDlmmState
    | OrcaWhirlpoolState
    | RaydiumAmmV4State
    | RaydiumClmmState
    | RaydiumCpmmState
)

_decoder: msgspec.json.Decoder[AnyState] = msgspec.json.Decoder(AnyState)


def decode_state(data: str | bytes) -> PoolState:
    """The state in the JSON. Raises :class:`PoolError`."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise PoolError("bad_pool_state", str(error)) from None


def decode(data: str | bytes) -> PoolCurve:
    """The curve of a pool's state. Raises :class:`PoolError` naming what is wrong with it."""
    try:
        return decode_state(data).curve()
    except ValueError as error:
        raise PoolError("bad_pool_state", f"not a whole number: {error}") from None


def encode(state: PoolState) -> str:
    """The JSON of a state."""
    return msgspec.json.encode(state).decode()
