"""What a sweep is asked to go through."""

from __future__ import annotations

import pytest

from bot.errors import UsageError
from bot.kernel.grid import apply, grid, parse
from tests.fixtures.engine import config


def test_values_are_a_list_or_a_range_with_both_ends() -> None:
    assert parse("detector.open_sigmas=3,4,5") == ("detector.open_sigmas", [3.0, 4.0, 5.0])
    assert parse("valuation.venue_noise=0.001:0.003:5")[1] == [0.001, 0.0015, 0.002, 0.0025, 0.003]


def test_every_combination_is_a_setting_the_last_parameter_fastest() -> None:
    settings = grid(["detector.open_sigmas=3,4", "detector.spike_basis=0.03,0.05"])
    assert [tuple(one.values()) for one in settings] == [(3, 0.03), (3, 0.05), (4, 0.03), (4, 0.05)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("open_sigmas=3", "write it as"),
        ("web.port=1,2", "write it as"),
        ("detector.open_sigmas", "write it as"),
        ("detector.open_sigmas=", "could not convert"),
        ("detector.open_sigmas=a,b", "could not convert"),
        ("detector.open_sigmas=3:4", "not enough values"),
        ("detector.open_sigmas=4:3:5", "lo < hi"),
        ("detector.open_sigmas=3:4:1", "n of two"),
        ("detector.open_sigmas=3,3", "twice"),
    ],
)
def test_what_is_no_parameter_is_told_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse(text)


def test_a_parameter_named_twice_and_a_sweep_without_end_are_refused() -> None:
    with pytest.raises(UsageError, match="comes twice"):
        grid(["detector.open_sigmas=3", "detector.open_sigmas=4"])
    with pytest.raises(UsageError, match="at most 10,000"):
        grid([f"detector.{name}=1:2:101" for name in ("open_sigmas", "close_sigmas")])


def test_a_setting_is_checked_by_the_schema_of_the_configuration() -> None:
    changed = apply(config(), {"detector.open_sigmas": 3.0, "valuation.venue_noise": 0.003})
    assert (changed.detector.open_sigmas, changed.valuation.venue_noise) == (3.0, 0.003)
    assert changed.detector.close_sigmas == config().detector.close_sigmas
    with pytest.raises(UsageError, match="no such key"):
        apply(config(), {"detector.opened_sigmas": 3.0})
    with pytest.raises(UsageError, match=r"detector\.open_sigmas: .*greater than 0"):
        apply(config(), {"detector.open_sigmas": -1.0})


def test_a_range_of_too_many_values_is_refused_before_it_is_made() -> None:
    with pytest.raises(UsageError, match="at most 10,000 go"):
        grid(["detector.open_sigmas=1:5:1000000000"])
