"""Memory stays flat over ten million ticks: what the engine, the metrics and the page keep is bounded."""

from __future__ import annotations

import pytest

from benchmarks import memory


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not memory.STATM.exists(), reason="no /proc on this system to read the memory from")
def test_memory_is_flat_over_ten_million_ticks():
    seen = list(memory.resident(memory.TICKS, memory.EVERY))
    assert len(seen) == memory.TICKS // memory.EVERY
    assert memory.growth(seen) < memory.GROWTH_BUDGET, f"RSS in MB at each million ticks: {seen}"
