"""AMM and book mathematics: what a stated size would really get, exact to the last unit; no I/O."""

from bot.pools.book import BookCurve, decode_book
from bot.pools.codec import decode, decode_state, encode
from bot.pools.constant_product import ConstantProduct, ConstantProductState
from bot.pools.curve import Curve, Executed
from bot.pools.ladder import Ladder, ladder
from bot.pools.meteora_damm_v2 import MeteoraDammV2, MeteoraDammV2State
from bot.pools.meteora_dlmm import MeteoraDlmm, MeteoraDlmmState
from bot.pools.orca_whirlpool import OrcaWhirlpool, OrcaWhirlpoolState
from bot.pools.ranges import Range
from bot.pools.raw import RawPool, Swap
from bot.pools.raydium_amm_v4 import RaydiumAmmV4State
from bot.pools.raydium_clmm import RaydiumClmm, RaydiumClmmState
from bot.pools.raydium_cpmm import RaydiumCpmmState
from bot.pools.raydium_product import RaydiumProduct
from bot.pools.state import PoolState
from bot.pools.transfer_fee import TaxedPool, TransferFee
from bot.pools.uniswap_v3 import UniswapV3, UniswapV3State, V3Swap
from bot.pools.uniswap_v4 import UniswapV4, UniswapV4State
from bot.pools.usd import PoolCurve
from bot.pools.v3_forks import PancakeV3State, SlipstreamState

__all__ = [
    "BookCurve",
    "ConstantProduct",
    "ConstantProductState",
    "Curve",
    "Executed",
    "Ladder",
    "MeteoraDammV2",
    "MeteoraDammV2State",
    "MeteoraDlmm",
    "MeteoraDlmmState",
    "OrcaWhirlpool",
    "OrcaWhirlpoolState",
    "PancakeV3State",
    "PoolCurve",
    "PoolState",
    "Range",
    "RawPool",
    "RaydiumAmmV4State",
    "RaydiumClmm",
    "RaydiumClmmState",
    "RaydiumCpmmState",
    "RaydiumProduct",
    "SlipstreamState",
    "Swap",
    "TaxedPool",
    "TransferFee",
    "UniswapV3",
    "UniswapV3State",
    "UniswapV4",
    "UniswapV4State",
    "V3Swap",
    "decode",
    "decode_book",
    "decode_state",
    "encode",
    "ladder",
]
