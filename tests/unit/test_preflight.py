"""What is known to be wrong before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config import parse
from bot.preflight import problems
from tests.fixtures.engine import config, shipped_registry


def test_a_barred_venue_that_the_registry_does_not_have_bars_nothing_and_is_told() -> None:
    wrong = config(strategy={"ineligible_hedges": ["kraken_futures", "alpaca", "hyperliquid", "fufuture"]})
    assert problems(wrong, shipped_registry()) == [
        "strategy.ineligible_hedges: 'kraken_futures' is no venue of options or perps of the registry: "
        "alpaca, fufuture, hyperliquid, krakenfutures, yahoo"
    ]


@pytest.mark.parametrize("name", ["", ".", "folder"])
def test_a_kill_file_that_is_a_folder_could_never_be_put_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    wrong = parse({"execution": {"kill_file": name}}, source="c", base=tmp_path)
    (told,) = problems(wrong, shipped_registry())
    assert told.startswith(f"execution.kill_file: {name!r} is a folder; ")


def test_a_kill_file_that_is_there_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "kill").touch()
    assert problems(parse({}, source="c", base=tmp_path), shipped_registry()) == []
