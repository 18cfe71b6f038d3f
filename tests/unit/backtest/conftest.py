"""The demo's week, backtested once."""

from __future__ import annotations

from typing import Any

import pytest

from bot import tape
from bot.backtest import Backtest, report
from bot.config import load
from tests.fixtures.engine import CONFIG, shipped_registry

TAPE = CONFIG / "demo" / "tape.parquet"


@pytest.fixture(scope="session")
def demo() -> Backtest:
    done = Backtest(load(CONFIG / "pegbot.toml"), shipped_registry())
    done.run(tape.merge([TAPE], on_bad=done.bad_row))
    return done


@pytest.fixture(scope="session")
def result(demo: Backtest) -> dict[str, Any]:
    return report(demo)
