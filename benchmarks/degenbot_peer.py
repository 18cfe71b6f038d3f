"""degenbot's own Uniswap v3 quote of one of our pools, where degenbot is installed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch

from bot.pools import UniswapV3
from bot.pools.tick_math import MIN_SQRT

Quote = Callable[[int], int]


def quoter(pool: UniswapV3) -> Quote | None:
    """Amount of token1 for an amount of token0 in; ``None`` if degenbot is not installed."""
    if find_spec("degenbot") is None:
        return None
    module = _imported()
    # Its constructor asks a node for what we know; the swap itself needs only these.
    helper: Any = object.__new__(module.UniswapV3Pool)
    helper.fee, helper.tick_spacing, helper.sparse_liquidity_map = pool.fee, pool.ladder.spacing, False
    helper._swap_step_cache, helper._swap_step_cache_lock = {}, Lock()
    state = module.UniswapV3PoolState(
        address="0x" + "00" * 20, block=None, liquidity=pool.liquidity, sqrt_price_x96=pool.sqrt_price,
        tick=pool.tick, tick_bitmap={}, tick_data={
            tick: module.UniswapV3LiquidityAtTick(liquidity_net=net, liquidity_gross=abs(net))
            for tick, net in pool.ladder.ticks
        },
    )  # fmt: skip

    def quote(amount: int) -> int:
        moved = helper._calculate_swap(
            zero_for_one=True, amount_specified=amount, sqrt_price_limit_x96=MIN_SQRT + 1,
            override_state=state,
        )  # fmt: skip
        return -int(moved[1])

    return quote


def _imported() -> Any:
    """The module with the pool. Importing degenbot opens a database in the home folder: give it another."""
    with tempfile.TemporaryDirectory() as home, patch.dict(os.environ, HOME=home):
        folder = Path(home, ".config", "degenbot")
        folder.mkdir(parents=True)
        (folder / "config.toml").write_text(f'[database]\npath = "{folder / "degenbot.db"}"\n\n[rpc]\n')
        return import_module("degenbot.uniswap.v3_liquidity_pool")
