"""A scenario or a file that cannot be is refused with its reason, before anything is simulated."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ConfigError, UsageError
from bot.simulate import write

SCENARIO = """
title = "One share, one pool"
start = "2026-06-01T00:00:00Z"
days = 0.1
[[shares]]
ticker = "AMZN"
price = 200
annual_volatility = 0.3
[[places]]
instrument = "AMZNx@raydium"
underlying = "AMZN"
kind = "pool"
depth_usd = 54
"""


def made(folder: Path, was: str = "", becomes: str = "") -> Path:
    """The scenario, but for this."""
    assert was in SCENARIO
    path = folder / "scenario.toml"
    path.write_text(SCENARIO.replace(was, becomes, 1) if was else SCENARIO)
    return path


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("2026-06", "9999-06", "start: 9999-06-01T00:00:00Z is not from 2000 to 2089"),
        ("2026-06", "0001-06", "start: 0001-06-01T00:00:00Z is not from 2000 to 2089"),
        ("price = 200", "price = 1e-9", "shares[1]: Expected `float` >= 0.0001 - at `$.price`"),
        ("price = 200", "price = 1e11", "at `$.price`"),
        ("volatility = 0.3", "volatility = 1e9", "at `$.annual_volatility`"),
        ("depth_usd = 54", "depth_usd = 1e-9", "at `$.depth_usd`"),
        ("depth_usd = 54", "depth_usd = 5e11", "at `$.depth_usd`"),
        (
            "depth_usd = 54",
            "depth_usd = 54\ntoken_decimals = 0",
            "54 is too little for its price and decimals",
        ),
    ],
)
def test_what_cannot_be_simulated_is_told_by_key(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        write(made(tmp_path, was, becomes), 1, tmp_path / "tape.csv")
    assert says in str(refused.value)
    assert not (tmp_path / "tape.csv").exists()


@pytest.mark.parametrize("kind", ["pool", "concentrated", "book"])
@pytest.mark.parametrize(("price", "depth"), [(1e-4, 1e11), (1e-4, 1.0), (1e5, 1e11)])
def test_what_is_allowed_does_not_break_the_arithmetic(
    tmp_path: Path, kind: str, price: float, depth: float
) -> None:
    path = made(tmp_path, "price = 200", f"price = {price}")
    path.write_text(path.read_text().replace('"pool"', f'"{kind}"').replace("= 54", f"= {depth}"))
    assert write(path, 1, tmp_path / "tape.csv")[0] > 10


def test_tape_and_labels_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    labels = tmp_path / "there" / ".." / "one.csv"
    with pytest.raises(UsageError, match="are one file"):
        write(made(tmp_path), 1, tmp_path / "one.csv", labels)
    assert not (tmp_path / "one.csv").exists()


def test_labels_that_cannot_be_written_are_told_before_the_simulation(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        write(made(tmp_path), 1, tmp_path / "tape.csv", tmp_path / "file" / "labels.csv")
    assert not (tmp_path / "tape.csv").exists()
