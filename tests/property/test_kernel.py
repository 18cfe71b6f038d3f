"""One source, run as plain Python and compiled: equal bit for bit."""

from __future__ import annotations

import inspect
import random
import struct
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.detector import scalars as detector_scalars
from bot.kernel import run
from bot.kernel.columns import Thresholds, thresholds
from bot.kernel.compiled import compiled
from bot.valuation import scalars as valuation_scalars
from tests.fixtures.columns import columns
from tests.fixtures.engine import config

FUNCTIONS = [
    (module, name)
    for module in (detector_scalars, valuation_scalars)
    for name, value in vars(module).items()
    if inspect.isfunction(value) and value.__module__ == module.__name__
]
POSITIVE = ("variance", "noise_var", "cost", "fee", "volatility", "confidence", "stretch", "seconds", "noise")
"""Parts of names of what is never negative."""
WITHIN = {"level": (0.01, 4.0), "own": (0.05, 5.0), "weight": (0.0, 33.0), "alpha": (0.0, 1.0)}


def bits(value: Any) -> Any:
    """So that −0 is not 0, a NaN is a NaN, and True is not 1.0."""
    if isinstance(value, tuple):
        return tuple(bits(one) for one in value)
    return struct.pack(">d", value) if isinstance(value, float) else value


def outcome(function: Callable[..., Any], arguments: list[Any]) -> Any:
    try:
        return bits(function(*arguments))
    except (ZeroDivisionError, OverflowError) as error:
        return type(error)


def argument(name: str, annotation: str, function: str, rng: random.Random) -> Any:
    if annotation == "bool":
        return rng.random() < 0.5
    if annotation == "int":
        return rng.randrange(2 * 10**18) if name.endswith("ns") or name == "ts" else rng.randint(-1, 1)
    if function.startswith("student_quantile") or (function == "half_width" and name == "level"):
        return rng.uniform(-0.1, 0.999)
    if name in WITHIN:
        return rng.uniform(*WITHIN[name])
    size = rng.choice([rng.gauss(0, 1), rng.expovariate(1e4), rng.expovariate(1.0), 1.0, 0.0])
    return abs(size) + 1e-12 if any(part in name for part in POSITIVE) else size


@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=[name for _, name in FUNCTIONS])
def test_every_scalar_function_is_the_same_compiled(module: ModuleType, name: str) -> None:
    plain, fast = getattr(module, name), getattr(compiled(module), name)
    rng = random.Random(name)
    wanted = [(p.name, p.annotation) for p in inspect.signature(plain).parameters.values()]
    for _ in range(1_000):
        arguments = [argument(part, annotation, name, rng) for part, annotation in wanted]
        assert outcome(fast, arguments) == outcome(plain, arguments), arguments


SHIPPED = thresholds(config())
SETTINGS = st.builds(
    lambda sigmas, close, spike, confirm, resolve, reopen: Thresholds(
        **{name: getattr(SHIPPED, name) for name in Thresholds.__struct_fields__}
        | {
            "open_sigmas": sigmas, "close_sigmas": close * sigmas, "spike_sigmas": 1.5 * sigmas,
            "spike_basis": spike, "confirm_ns": confirm * 10**9, "resolve_ns": resolve * 10**9,
            "reopen_ns": reopen * 10**9,
        }
    ),
    st.floats(0.5, 12.0), st.floats(0.1, 1.0), st.floats(0.005, 0.3), st.integers(0, 3600),
    st.integers(0, 7200), st.integers(0, 20_000),
)  # fmt: skip


@given(st.integers(0, 10**6), SETTINGS, st.sampled_from([0.0, 0.02, 0.5]))
@settings(max_examples=40, deadline=None)
def test_incidents_over_arrays_are_the_same_compiled(seed: int, setting: Thresholds, missing: float) -> None:
    made = columns(seed, groups=3, venues=3, rows=150, missing=missing)
    assert run.episodes(made, setting) == run.episodes(made, setting, plain=True)


@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.1, 1.0]))
@settings(max_examples=20, deadline=None)
def test_scores_over_arrays_are_the_same_bits_compiled(seed: int, missing: float) -> None:
    made = columns(seed, groups=2, rows=200, missing=missing)
    fast, plain = run.score(made), run.score(made, plain=True)
    for name in ("excess", "direction", "basis", "sigmas"):
        assert getattr(fast, name).tobytes() == np.array(getattr(plain, name)).tobytes(), name


@given(st.integers(0, 10**6))
@settings(max_examples=10, deadline=None)
def test_a_group_says_the_same_alone_as_among_others(seed: int) -> None:
    together = run.episodes(columns(seed, groups=1, rows=300), SHIPPED)
    among = columns(seed, groups=1, rows=300)
    twice = type(among)(
        [*among.instruments, *(f"other {name}" for name in among.instruments)], ["T0", "T1"],
        np.array([0, 300, 600]), np.array([0, 4, 8]), np.tile(among.ts, 2),
        np.concatenate([among.venue, among.venue + 4]), np.tile(among.flags, 2),
        {name: np.tile(values, 2) for name, values in among.floats.items()},
    )  # fmt: skip
    assert [one for one in run.episodes(twice, SHIPPED) if one.group == "T0"] == together


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_hundred_thousand_rows_are_the_same_compiled(seed: int) -> None:
    made = columns(seed, groups=25, rows=4_000)
    assert run.episodes(made, SHIPPED) == run.episodes(made, SHIPPED, plain=True)
