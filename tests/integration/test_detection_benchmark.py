"""The detection benchmark from scenario to tables, on a simulated day of a few instruments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.detection import main
from benchmarks.detection_tables import text

SCENARIO = """
title = "One day, two venues"
start = "2026-06-02T00:00:00Z"
days = 1
step_seconds = 300
closed_step_seconds = 600

[[shares]]
ticker = "AMZN"
price = 223
annual_volatility = 0.33

[[places]]
instrument = "AMZNx@kraken"
underlying = "AMZN"
kind = "book"
depth_usd = 70_000

[[places]]
instrument = "AMZNx@orca:s2"
underlying = "AMZN"
kind = "pool"
depth_usd = 8_000

[[happenings]]
cause = "thin_liquidity"
instrument = "AMZNx@orca:s2"
at_hours = 15
hours = 1
ratio = 0.8
"""
ONLY = ("pegbot", "last print, 5 %", "N of M minutes")


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """The benchmark at its smallest, without the real tapes."""
    scenario = tmp_path / "day.toml"
    scenario.write_text(SCENARIO)
    return [
        "--scenario", str(scenario), "--train", "1", "--test", "2", "3", "--every", "1", "--only", *ONLY,
        "--cache", str(tmp_path / "cache"), "--real", str(tmp_path / "none"), "--jobs", "1",
    ]  # fmt: skip


def test_all_contenders_are_judged_on_seeds_they_were_not_tuned_on(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["train_seeds"], report["test_seeds"], report["labels"]) == ([1], [2, 3], 2)
    assert set(report["simulated"]) == set(ONLY)
    for figures in report["simulated"].values():
        assert figures["recall"] == 1.0
        assert figures["micros_per_tick"] > 0
    assert report["simulated"]["pegbot"]["f1"] == 1.0
    assert report["simulated"]["pegbot"]["delay_seconds_median"] == 0.0

    tables = "\n".join(text(report))
    assert all(name in tables for name in ONLY)
    assert "recall of" in tables
