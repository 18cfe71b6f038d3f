"""The demo's week, backtested once, for a desk that mints with the issuer, which takes a day."""

from __future__ import annotations

from typing import Any

import pytest

from bot import tape
from bot.backtest import Backtest, report
from bot.config import Config, load
from tests.fixtures.engine import CONFIG, shipped_registry

TAPE = CONFIG / "demo" / "tape.parquet"


def settings(**strategy: Any) -> Config:
    """The shipped configuration, but for what may be converted at an exchange at once, and these."""
    config = load(CONFIG / "pegbot.toml")
    changes = {"ineligible_issuers": ["kraken"]} | strategy
    return config.model_copy(update={"strategy": config.strategy.model_copy(update=changes)})


@pytest.fixture(scope="session")
def demo() -> Backtest:
    done = Backtest(settings(), shipped_registry())
    done.run(tape.merge([TAPE], on_bad=done.bad_row))
    return done


@pytest.fixture(scope="session")
def result(demo: Backtest) -> dict[str, Any]:
    return report(demo)
