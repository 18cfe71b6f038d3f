"""Pools that sell cover: no token is made or lost, and who pays is in order, whatever the moves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.strategy.carry.model import Backing, Demand, Holder, Jump, Pair, Terms
from bot.strategy.carry.paths import Array, prices
from bot.strategy.carry.sides import EMPTY, Bought, Sold, Step

PAIR = Pair("TSLAx", "BTC", 400.0, 0.6, 100_000.0, 0.5, 0.35)
STEPS, PATHS = 16, 24
ratios = st.floats(0.0, 0.3)
tokens = st.floats(0.0, 500.0)
terms = st.builds(
    Terms, period_days=st.floats(1.0, 30.0), quoted_volatility=st.floats(0.2, 1.5),
    markup=st.floats(0.5, 4.0), opening_fee=st.floats(0.0, 0.02), reserve_part=ratios, protocol_part=ratios,
    lock_ratio=st.floats(0.02, 1.0),
)  # fmt: skip
demands = st.builds(
    Demand, utilisation=st.floats(0.0, 1.0), call_part=st.floats(0.0, 1.0), hold_days=st.floats(1.0, 9.0)
)
jumps = st.one_of(st.none(), st.builds(Jump, days=st.floats(0.0, 8.0), sigmas=st.floats(-30.0, 30.0)))


def held(pool: Sold) -> Array:
    total: Array = pool.pool + pool.reserve + pool.public + pool.protocol
    return total


def sound(pool: Sold, start: float) -> None:
    """Nothing made, nothing lost, nothing below zero; what is behind a pool pays only once that is empty."""
    scale = 1.0 + start + float(np.max(pool.paid_in))
    assert held(pool) + pool.paid_out - pool.paid_in == pytest.approx(np.full(PATHS, start), abs=1e-9 * scale)
    for each in (pool.pool, pool.reserve, pool.public, pool.protocol):
        assert (each >= -1e-12 * scale).all()
    assert (pool.paid_out <= pool.owing + 1e-9 * scale).all()
    assert not (pool.reserve_used & ~pool.emptied).any()
    assert not (pool.public_hit & ~pool.emptied).any()
    assert not (pool.unpaid & ~pool.emptied).any()
    short = pool.owing - pool.paid_out > 1e-9 * scale
    assert not (short & ~pool.unpaid).any()


@given(terms, demands, tokens, tokens, tokens, jumps, st.integers(0, 9_999))
def test_no_token_is_made_or_lost_at_any_step(
    terms: Terms,
    demand: Demand,
    pool: float,
    reserve: float,
    public: float,
    jump: Jump | None,
    seed: int,
) -> None:
    token, coin = prices(PAIR, PATHS, STEPS, 0.5, seed, stretch=4, jump=jump)
    sold = Sold(terms, demand, (reserve, public), pool, token[0], coin[0])
    start = pool + reserve + public
    sound(sold, start)
    for n in range(1, STEPS + 1):
        sold.step(Step(token[n], coin[n], token[n - 1], coin[n - 1], 0.5, n % 4 == 0))
        sound(sold, start)
    sold.close(token[-1], coin[-1])
    sound(sold, start)


@given(terms, demands, tokens, tokens, tokens, jumps, st.sampled_from(["call", "put"]), st.floats(1.0, 60.0),
       st.integers(0, 9_999))  # fmt: skip
def test_what_a_buyer_puts_in_and_takes_out_is_what_the_pools_get_and_give(
    terms: Terms,
    demand: Demand,
    counterparty: float,
    reserve: float,
    public: float,
    jump: Jump | None,
    kind: str,
    funded_days: float,
    seed: int,
) -> None:
    token, coin = prices(PAIR, PATHS, STEPS, 0.5, seed, stretch=4, jump=jump)
    backing, margin = Backing(reserve, public, counterparty, 2 * counterparty), 100.0
    holder = Holder(margin, 8.0, 0.0, kind, funded_days)
    bought = Bought(terms, demand, holder, backing, token[0], coin[0])
    start = counterparty + sum(backing.behind(counterparty, counterparty))
    lone = Sold(terms, demand, backing.behind(counterparty, counterparty), counterparty, token[0], coin[0])
    assert bought.seller.paid_in - lone.paid_in == pytest.approx(margin - bought.margin, abs=1e-6)
    for n in range(1, STEPS + 1):
        won, left = bought.won, bought.margin
        bought.step(Step(token[n], coin[n], token[n - 1], coin[n - 1], 0.5, n % 4 == 0))
        sound(bought.seller, start)
        assert (bought.won >= won).all()
        assert ((bought.margin <= left) & (bought.margin >= 0)).all()
    bought.close(token[-1], coin[-1])
    sound(bought.seller, start)
    assert (bought.won <= bought.seller.paid_out + 1e-6).all()
    assert not (bought.unpaid & ~bought.seller.unpaid).any()


@given(tokens, tokens, tokens, st.floats(0.0, 2_000.0), st.floats(0.0, 2_000.0))
def test_private_pool_then_reserve_then_public_pool_then_each_loses_in_proportion(
    pool: float, reserve: float, public: float, crowd: float, also: float
) -> None:
    one = np.ones(1)
    sold = Sold(Terms(), Demand(utilisation=0.0), (reserve, public), pool, 400.0 * one, 1e5 * one)
    paid = sold._settle(crowd * one, also * one)
    owed, there = crowd + also, pool + reserve + public
    assert sold.paid_out[0] == pytest.approx(min(owed, there))
    assert sold.pool[0] == pytest.approx(max(0.0, pool - owed), abs=1e-9)
    assert sold.reserve[0] == pytest.approx(min(reserve, max(0.0, pool + reserve - owed)), abs=1e-9)
    assert sold.public[0] == pytest.approx(min(public, max(0.0, there - owed)), abs=1e-9)
    assert bool(sold.unpaid[0]) == (owed - there > EMPTY)
    if owed > 0:
        assert paid[0] / max(also, 1e-300) == pytest.approx(min(1.0, there / owed), abs=1e-9) or also < 1e-9
