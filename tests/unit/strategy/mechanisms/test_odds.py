"""What becomes of the money of an order that goes wrong, from the failures that a mechanism names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.registry.issuer import Failure
from bot.strategy.mechanisms import odds_of
from bot.strategy.mechanisms.exchange import Exchange
from tests.fixtures.market import FAILURES, KRAKEN
from tests.unit.strategy.mechanisms.given import shipped

UNNAMED = 0.01


def failure(money, chance=0.01, **changes):
    return Failure("x", chance, money, "", **changes)


def test_a_system_that_names_no_failure_refuses_now_and_then():
    assert odds_of([], False, UNNAMED) == (0.01, (), (), ())


def test_what_comes_back_is_refused_what_comes_late_and_what_is_lost_are_kept_apart():
    found = odds_of(
        [failure("returned"), failure("kept_as_tokens", 0.02), failure("late", 0.03, days=2),
         failure("part_lost", 0.04, loss_ratio=0.5), failure("lost", 0.05)],
        False, UNNAMED,
    )  # fmt: skip
    assert found.refused == pytest.approx(0.03)
    assert found.late == ((0.03, 2),)
    assert found.lost == ((0.04, 0.5), (0.05, 1.0))
    assert found.chance == pytest.approx(0.15)


def test_what_happens_on_the_way_happens_only_to_what_is_moved():
    still, moved = (odds_of(KRAKEN.failures, moves, UNNAMED) for moves in (False, True))
    assert (still.held, still.late) == ((), ((0.001, 10),))
    assert (moved.held, moved.late) == (((0.01, 1),), ((0.001, 10),))


def test_xstocks_as_the_registry_has_it():
    assert odds_of(shipped("xstocks").failures("redeem"), False, UNNAMED) == odds_of(FAILURES, False, UNNAMED)
    assert odds_of(FAILURES, False, UNNAMED) == (0.01, (), ((0.005, 3), (0.002, 5)), ())


def test_kraken_as_the_registry_has_it():
    assert Exchange(KRAKEN).failures("mint") == tuple(KRAKEN.failures)
    shipped_odds = odds_of(shipped("kraken").failures("mint"), True, UNNAMED)
    assert shipped_odds == odds_of(KRAKEN.failures, True, UNNAMED)


def test_a_quote_of_ondo_that_runs_out_is_asked_for_again_and_usdon_is_sold_for_less():
    found = odds_of(shipped("ondo").failures("redeem"), False, UNNAMED)
    assert found.refused == pytest.approx(0.02 + 0.002)  # a used up limit; a pause
    assert found.lost == ((0.05, 0.001),)


@given(
    st.lists(
        st.builds(
            Failure, st.just("x"), st.floats(0, 0.1),
            st.sampled_from(["returned", "late", "part_lost", "lost", "kept_as_tokens"]), st.just(""),
            loss_ratio=st.floats(0, 1), days=st.floats(0, 30), moving=st.booleans(), again=st.booleans(),
        ),
        max_size=6,
    ),
    st.booleans(),
)  # fmt: skip
def test_no_failure_counts_twice(failures, moves):
    counted = [each for each in failures if not each.again and (moves or not each.moving)]
    found = odds_of(failures, moves, 0.0)
    assert found.chance == pytest.approx(sum(each.chance for each in counted))
    assert all(0 <= ratio <= 1 for _, ratio in found.lost)
