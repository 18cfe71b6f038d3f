"""What tokens and a chosen hedge lose together, where they are sold and where they are redeemed."""

from __future__ import annotations

from math import exp, sqrt

import pytest

from bot.strategy.hedge_choice import Hedger
from bot.strategy.hedge_quotes import HedgeQuotes
from bot.strategy.hedge_ways import PERP_RESIDUAL, Wait
from bot.strategy.moves import student
from bot.strategy.risk import HEDGE_RESIDUAL
from bot.strategy.routes.carry import ChosenCarrier
from tests.fixtures.market import MONDAY
from tests.fixtures.options import chain, perp

SPOT, SD, TOKENS = 400.0, 0.04, 100.0
PERPS, OPTIONS = HedgeQuotes(perps=(perp(SPOT, MONDAY),)), HedgeQuotes(chain(SPOT, MONDAY))


def shortfall(quotes: HedgeQuotes, apart: float, sd: float = SD) -> float:
    """Beyond what is expected, exceeded in one of 20 cases, as a part of the tokens' worth."""
    wait = Wait("TSLA", SPOT, MONDAY, 2 * 86_400.0, sd, shortfall_ratio=0.05 if sd else 0.0)
    hedger = Hedger(wait, quotes, "no broker")
    choice = hedger.choose(TOKENS)
    assert choice.chosen is not None
    values = ChosenCarrier(hedger, choice, choice.chosen, TOKENS).swings(TOKENS, SPOT, apart)()
    assert student(sd).mean(values) == pytest.approx(0.0, abs=1e-6)
    return student(sd).shortfall(values, 0.95) / (TOKENS * SPOT)


def test_a_perp_leaves_its_own_part_of_the_move_where_tokens_are_redeemed():
    moves = student(SD)
    bare = moves.shortfall([exp(move) - 1 for move in moves.logs], 0.95)
    own = sqrt(PERP_RESIDUAL**2 - HEDGE_RESIDUAL**2)
    assert shortfall(PERPS, HEDGE_RESIDUAL) == pytest.approx(PERP_RESIDUAL * bare, rel=0.05)
    assert shortfall(PERPS, 0.0) == pytest.approx(own * bare, rel=0.05)


def test_an_option_leaves_less_where_tokens_are_redeemed_than_where_they_are_sold():
    assert shortfall(OPTIONS, 0.0) < 0.95 * shortfall(OPTIONS, HEDGE_RESIDUAL)


def test_a_price_that_cannot_move_brings_nothing():
    assert shortfall(PERPS, 0.0, sd=0.0) == pytest.approx(0.0, abs=1e-9)
