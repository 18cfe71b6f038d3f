"""AMM and book mathematics: what a stated size would really get, exact to the last unit; no I/O."""

from bot.pools.book import BookCurve, decode_book
from bot.pools.codec import ConstantProductState, UniswapV3State, decode, encode
from bot.pools.constant_product import ConstantProduct
from bot.pools.curve import Curve, Executed
from bot.pools.ladder import Ladder, ladder
from bot.pools.raw import RawPool, Swap
from bot.pools.uniswap_v3 import UniswapV3, V3Swap
from bot.pools.usd import PoolCurve

__all__ = [
    "BookCurve",
    "ConstantProduct",
    "ConstantProductState",
    "Curve",
    "Executed",
    "Ladder",
    "PoolCurve",
    "RawPool",
    "Swap",
    "UniswapV3",
    "UniswapV3State",
    "V3Swap",
    "decode",
    "decode_book",
    "encode",
    "ladder",
]
