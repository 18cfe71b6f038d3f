"""What a ladder's steps are, what a changed position remakes of them, and what it leaves alone."""

from __future__ import annotations

import pytest

from bot.pools import Ladder, UniswapV3, ladder
from bot.pools.steps import Rules
from bot.pools.tick_math import sqrt_at_tick, tick_at_sqrt

SPACING, FEE = 60, 3000


def pyramid(positions: int, fee: int | tuple[int, int] = FEE, liquidity: int = 10**18) -> Ladder:
    """Position ``n`` reaches ``n`` spacings to both sides of tick 0."""
    below = [(-number * SPACING, liquidity) for number in range(positions, 0, -1)]
    above = [(number * SPACING, -liquidity) for number in range(1, positions + 1)]
    return Ladder((*below, *above), 0, SPACING, fee)


def pool_on(made: Ladder, tick: int = 30) -> UniswapV3:
    return UniswapV3(sqrt_at_tick(tick) + 1, tick, made.liquidity_at(tick), made, 0)


def all_made(made: Ladder) -> Ladder:
    for zero_for_one in (True, False):
        assert made.steps(zero_for_one).edges
    return made


def ticks_of(made: Ladder, zero_for_one: bool) -> list[int]:
    return [tick_at_sqrt(edge) for edge in made.steps(zero_for_one).edges]


def test_steps_end_at_initialised_ticks_in_the_order_a_swap_meets_them() -> None:
    made = pyramid(2).changed(0, 60, 5)
    assert ticks_of(made, True) == [120, 60, 0, -60, -120]
    assert ticks_of(made, False) == [-120, -60, 0, 60, 120]


def test_steps_also_end_at_the_edges_of_bitmap_words_which_differ_by_direction() -> None:
    made = Ladder(((-300, 7), (600, -7)), 0, 1, FEE)
    assert ticks_of(made, True) == [600, 512, 256, 0, -256, -300]
    assert ticks_of(made, False) == [-300, -257, -1, 255, 511, 600]


def test_a_word_edge_at_which_a_tick_is_initialised_is_one_stop() -> None:
    made = Ladder(((-256, 7), (0, 1), (300, -8)), 0, 1, FEE)
    assert ticks_of(made, True) == [300, 256, 0, -256]


def test_only_what_a_quote_comes_to_is_summed() -> None:
    made = pyramid(200)
    assert pool_on(made).swap_in(10**15, True) is not None
    runs = made.steps(True).runs
    assert sum(run is not None for run in runs) == 1
    assert len(runs) > 20


def test_a_position_near_the_price_leaves_the_runs_elsewhere_as_they_are() -> None:
    before = all_made(pyramid(200))
    after = before.changed(-120, 120, 5)
    for zero_for_one in (True, False):
        old, new = before.steps(zero_for_one).runs, after.steps(zero_for_one).runs
        kept = {id(run) for run in new} & {id(run) for run in old}
        assert len(kept) >= len(old) - 3


def test_the_ladder_before_a_change_is_as_it_was() -> None:
    before = all_made(pyramid(20))
    quote = pool_on(before).swap_in(10**17, True)
    before.changed(-600, 600, 10**18)
    assert pool_on(before).swap_in(10**17, True) == quote
    assert before == pyramid(20)


def test_a_tick_at_which_nothing_is_left_in_sum_is_a_stop_until_liquidity_is_taken() -> None:
    made = pyramid(2).changed(60, 180, 10**18)
    assert (60, 0) in made.ticks
    assert 60 in ticks_of(made, True)
    assert (60, 0) in made.changed(-120, 120, -5).ticks


def test_a_tick_goes_with_the_last_liquidity_unless_it_is_said_to_be_kept() -> None:
    made = pyramid(2).changed(-600, 600, 5)
    assert made.changed(-600, 600, -5) == pyramid(2)
    assert (600, 0) in made.changed(-600, 600, -5, kept={600}).ticks


def test_the_first_position_and_the_last_one_gone() -> None:
    empty = Ladder((), 0, SPACING, FEE)
    assert pool_on(empty).swap_in(1, True) is None
    one = all_made(empty.changed(-60, 60, 10**18))
    assert pool_on(one).swap_in(10**10, True) is not None
    assert one.changed(-60, 60, -(10**18)) == empty


def test_a_thousand_positions_one_by_one_keep_the_runs_short() -> None:
    made = Ladder(((-60_000, 1), (60_000, -1)), 0, SPACING, FEE)
    for number in range(1, 500):
        made.steps(True)
        made = made.changed(-number * SPACING, number * SPACING, 10**18)
    steps = made.steps(True)
    assert len(steps.edges) > 990
    assert max(len(run.liquidity) for run in steps.runs if run) <= 32


def test_each_direction_has_its_own_fee() -> None:
    both = pool_on(pyramid(3, (500, 10_000)))
    assert (both.fee_ratio(sell=True), both.fee_ratio(sell=False)) == (0.0005, 0.01)
    for zero_for_one, fee in ((True, 500), (False, 10_000)):
        alike = pool_on(pyramid(3, fee))
        assert both.swap_in(10**17, zero_for_one) == alike.swap_in(10**17, zero_for_one)


def test_ladders_of_the_same_ticks_and_fees_are_equal() -> None:
    assert pyramid(3) == pyramid(3)
    assert hash(pyramid(3)) == hash(pyramid(3))
    assert pyramid(3) != pyramid(3, 500)
    assert pyramid(3) != "a ladder"


def test_a_state_told_again_gets_the_ladder_that_is_there() -> None:
    ticks = pyramid(3).ticks
    assert ladder(ticks, SPACING, FEE) is ladder(ticks, SPACING, FEE)


def test_another_programs_rules_say_prices_amounts_and_where_steps_end() -> None:
    def linear(start: int, end: int, liquidity: int, fee: int) -> tuple[int, int]:
        return abs(end - start) * liquidity + fee, abs(end - start) * liquidity

    rules = Rules(price=lambda tick: 1000 + tick, falling=linear, rising=linear, word=5, offsets=(0, 4))
    made = Ladder(((-10, 2), (0, 1), (20, -3)), 0, 2, 1, rules)
    assert made.steps(True).edges == [1020, 1010, 1000, 990]
    assert made.steps(False).edges == [990, 998, 1000, 1008, 1018, 1020]
    start = made.steps(True).start(1015, 15)
    assert start is not None
    *_, paid, got = start
    assert (paid, got) == (5 * 3 + 1, 5 * 3)
    assert made.steps(True).between(0, 1) == (10 * 3 + 1 + 10 * 3 + 1 + 10 * 2 + 1, 80)


@pytest.mark.parametrize("price", [1, 1 << 200])
def test_no_tick_is_at_an_impossible_price(price: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        tick_at_sqrt(price)
