"""Joint moves of token and coin: the law of the rest of the strategy, and a jump on top of it."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest

from bot.strategy.carry.model import Jump, Pair
from bot.strategy.carry.paths import prices
from bot.strategy.moves import quantile
from bot.strategy.risk import SIGMAS_99

PAIR = Pair("TSLAx", "BTC", 400.0, 0.6, 100_000.0, 0.5, 0.4)


def test_a_move_over_an_orders_life_has_the_tails_of_the_law() -> None:
    _, coin = prices(PAIR, 60_000, 20, 0.25, seed=4, stretch=20)
    moves = np.log(coin[-1] / coin[0]) / (0.5 * sqrt(5 / 365))
    for level in (0.005, 0.01, 0.05, 0.95, 0.99, 0.995):
        wanted = SIGMAS_99 * quantile(level) / quantile(0.99)
        assert np.quantile(moves, level) == pytest.approx(wanted, rel=0.06)
    assert np.mean(np.abs(moves)) == pytest.approx(sqrt(2 / np.pi), rel=0.02), "an option costs what it did"


def test_scales_of_their_own_for_each_step_would_hide_the_tails() -> None:
    stretched, mixed = (
        np.log(prices(PAIR, 60_000, 20, 0.25, seed=4, stretch=n)[1][-1] / 1e5) for n in (20, 1)
    )
    deep = [np.mean(moves < -6 * np.std(moves) / 1.3) for moves in (stretched, mixed)]
    assert deep[0] > 3 * deep[1]


def test_there_is_no_drift_and_the_moves_go_together() -> None:
    token, coin = prices(PAIR, 60_000, 12, 1.0, seed=5, stretch=4)
    assert token.mean(axis=1) == pytest.approx(np.full(13, 400.0), rel=0.02)
    assert coin.mean(axis=1) == pytest.approx(np.full(13, 1e5), rel=0.02)
    first = np.corrcoef(np.log(token[1] / token[0]), np.log(coin[1] / coin[0]))[0, 1]
    assert first == pytest.approx(0.4, abs=0.03)


def test_a_jump_is_so_many_daily_deviations_at_its_time_and_nothing_else() -> None:
    calm, jumped = (prices(PAIR, 50, 20, 0.5, seed=6, jump=jump) for jump in (None, Jump(5.0, -6.0)))
    for before, after, part, volatility in zip(calm, jumped, (0.4, 1.0), (0.6, 0.5), strict=True):
        assert (after[:10] == before[:10]).all()
        wanted = exp(-6.0 * part * volatility / sqrt(365))
        assert after[10:] / before[10:] == pytest.approx(np.full((11, 50), wanted))


def test_the_same_seed_gives_the_same_paths() -> None:
    one, two, other = (prices(PAIR, 9, 5, 1.0, seed=seed, stretch=2)[1] for seed in (1, 1, 2))
    assert (one == two).all()
    assert not (one[1:] == other[1:]).all()
