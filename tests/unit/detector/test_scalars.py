"""The detector's arithmetic: what each function is for, by example."""

from __future__ import annotations

import inspect
from math import exp, log

import pytest

from bot.detector import scalars
from bot.detector.scalars import (
    AT_ONCE,
    INSIDE,
    LASTED,
    NOTHING,
    OUTSIDE,
    PENDING,
    band_bounds,
    beyond,
    came_back,
    channel_cost,
    cusum_step,
    decide,
    follow,
    jump_score,
    lasting_step,
    noise_step,
    scale_step,
)

PLAIN = {
    "excess": 0.01, "sigmas": 5.0, "direction": 1, "jump": 0.0, "confirmed": True, "fair_moved": False,
    "side": 1, "count": 1, "lasting_ns": 0, "cusum": 0.0, "open_sigmas": 4.0, "spike_sigmas": 6.0,
    "spike_basis": 0.05, "jump_basis": 0.015, "jump_scales": 8.0, "lone_spike": 0.25, "confirm_ticks": 3,
    "confirm_ns": 300, "cusum_open": 1800.0,
}  # fmt: skip


def verdict(**changed: object) -> int:
    return decide(**{**PLAIN, **changed})  # type: ignore[arg-type]  # by name, from one table


def test_a_channel_costs_fee_spread_gas_financing_and_hedge() -> None:
    # 25 bp, 5 bp, $2 on the minimum of $5,000, 6 % a year for three days, 5 bp
    expected = 0.0025 + 0.0005 + 2 / 5000 + 0.06 * 3 / 365 + 0.0005
    assert channel_cost(0.0025, 0.0005, 2, 50, 5000, 0.06, 3, 0.0005) == pytest.approx(expected)
    low, high = band_bounds(0.01, 0.02, 0.001)
    assert (exp(high) - 1, exp(-low) - 1) == (pytest.approx(0.011), pytest.approx(0.021))


def test_above_what_a_seller_gets_counts_and_below_what_a_buyer_pays() -> None:
    bid, ask = log(1.04), log(1.05)
    assert beyond(bid, ask, 0.0, -0.01, 0.01) == (pytest.approx(bid - 0.01), 1, bid)
    bid, ask = log(0.94), log(0.95)
    assert beyond(bid, ask, 0.0, -0.01, 0.01) == (pytest.approx(-0.01 - ask), -1, ask)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, PENDING),
        ({"sigmas": 3.0}, NOTHING),
        ({"count": 3, "lasting_ns": 300}, LASTED),
        ({"count": 2, "lasting_ns": 300}, PENDING),
        ({"count": 3, "lasting_ns": 300, "side": -1}, PENDING),
        ({"excess": 0.05, "sigmas": 6.0}, AT_ONCE),
        ({"excess": 0.05, "sigmas": 5.9}, PENDING),
        ({"excess": 0.05, "sigmas": 6.0, "fair_moved": True}, PENDING),
        ({"excess": 0.05, "sigmas": 6.0, "confirmed": False}, PENDING),
        ({"excess": 0.25, "sigmas": 6.0, "confirmed": False}, AT_ONCE),
        ({"excess": 0.02, "sigmas": 6.0, "jump": 8.0}, AT_ONCE),
        ({"excess": 0.02, "sigmas": 6.0, "jump": -8.0}, PENDING),
        ({"sigmas": 3.0, "cusum": 1800.0}, LASTED),
    ],
)
def test_one_price_opens_an_incident_at_once_when_it_has_lasted_or_not_at_all(
    changed: dict[str, object], expected: int
) -> None:
    assert verdict(**changed) == expected


def test_hysteresis_an_incident_goes_on_until_well_inside() -> None:
    assert follow(1, 1, 2.0, 2.0) == OUTSIDE
    assert follow(1, 1, 1.9, 2.0) == INSIDE
    assert follow(1, -1, 9.0, 2.0) == INSIDE


def test_a_side_that_changes_starts_anew() -> None:
    assert lasting_step(1, 4, 100, 1, 900) == (1, 5, 100)
    assert lasting_step(1, 4, 100, -1, 900) == (-1, 1, 900)


def test_small_excesses_add_up_and_silence_proves_little() -> None:
    assert cusum_step(100.0, 3.0, 2.0, 60.0, 120.0) == 160.0
    assert cusum_step(100.0, 3.0, 2.0, 9999.0, 120.0) == 220.0
    assert cusum_step(100.0, -9.0, 2.0, 60.0, 120.0) == 0.0


def test_what_is_usual_is_learnt_but_not_from_a_single_jump() -> None:
    assert scale_step(0.001, 50.0, 0.1, 0.0005) == pytest.approx(0.0013)
    assert noise_step(1e-6, 50.0, 0.1, 1e-6, 4e-6) == pytest.approx(1.8e-6)
    assert noise_step(4e-6, 50.0, 0.5, 1e-6, 4e-6) == 4e-6
    assert jump_score(0.01, 0.0, 0.001) == pytest.approx(10.0)


def test_how_much_of_an_excursion_was_taken_back() -> None:
    assert came_back(log(400), log(500), log(400)) == pytest.approx(1.0)
    assert came_back(log(400), log(500), log(500)) == 0.0
    assert came_back(1.0, 1.0, 1.0) == 0.0


def test_nothing_in_it_but_numbers_so_that_it_compiles() -> None:
    for function in vars(scalars).values():
        if inspect.isfunction(function) and function.__module__ == scalars.__name__:
            kinds = {p.annotation for p in inspect.signature(function).parameters.values()}
            assert kinds <= {"float", "int", "bool"}, function
