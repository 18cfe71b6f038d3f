"""Live running on virtual time, random faults and depegs: nothing grows, all come back, replay is equal."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytest.importorskip("ccxt")
pytest.importorskip("solders.pubkey")


def soaked(hours: float, seed: int) -> dict[str, Any]:
    """What the soak saw, in a process whose time is its own."""
    command = [sys.executable, "-m", "benchmarks.soak", "--hours", f"{hours}", "--seed", f"{seed}", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-3000:]
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def judged(seen: dict[str, Any]) -> None:
    assert seen["differ"] == 0, seen["first_difference"]
    assert seen["not_back"] == {}
    assert seen["dropped"] == 0
    assert seen["incidents"] == seen["replayed"]


@pytest.mark.timeout(180)
def test_an_hour_of_faults_and_a_depeg_is_replayed_to_the_same_incidents() -> None:
    seen = soaked(1.0, seed=4)
    judged(seen)
    assert sum(seen["faults"].values()) >= 4
    assert seen["depegs"] >= 1
    assert seen["incidents"] >= 4


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_leaves_memory_as_it_was(seed: int) -> None:
    seen = soaked(24.0, seed)
    judged(seen)
    assert seen["growth_mib"] <= 10.0, seen["memory_mib"]
    assert sum(seen["faults"].values()) > 100
