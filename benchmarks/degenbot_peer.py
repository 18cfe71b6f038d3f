"""degenbot's own Uniswap v3 quotes of one of our pools. It wants an older web3 than we do, so it lives in an
environment of its own (``make peers``) and is timed there, by ``peers/degenbot_v3.py``."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct, convert

from bot.pools import UniswapV3

ROOT = Path(__file__).parent.parent
PYTHON = ROOT / ".venv" / "peers" / "bin" / "python"
SCRIPT = Path(__file__).parent / "peers" / "degenbot_v3.py"
ABSENT = "degenbot: skipped, make peers"


class Timed(Struct, frozen=True):
    """Token1 out; microseconds of a quote when each asks another amount, and when the same is asked again."""

    amount_out: int
    fresh_micros: float
    same_micros: float


def timed(pool: UniswapV3, amounts: Sequence[int]) -> list[Timed] | None:
    """Each amount of token0 in; ``None`` where degenbot is not installed."""
    if not PYTHON.exists():
        return None
    question = {
        "fee": pool.fee, "spacing": pool.ladder.spacing, "price": pool.sqrt_price, "tick": pool.tick,
        "liquidity": pool.liquidity, "ticks": pool.ladder.ticks, "amounts": list(amounts),
    }  # fmt: skip
    # Importing degenbot writes files in the home folder: give it another.
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [PYTHON, SCRIPT], input=json.dumps(question), env={"HOME": home}, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
    return convert(json.loads(done.stdout), list[Timed])
