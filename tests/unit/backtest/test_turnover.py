"""What was traded, once each."""

from __future__ import annotations

from decimal import Decimal

from bot.backtest.turnover import turnover
from tests.fixtures.messages import fill


def of(*actions: tuple[str, str]) -> dict[str, float]:
    each = {"quantity_tokens": Decimal(2), "price": Decimal(5)}
    return turnover(fill(action=action, status=status, **each) for action, status in actions)


def test_each_kind_has_its_own() -> None:
    assert of(("buy", "filled"), ("sell", "partial")) == {"venue": 20.0, "issuer": 0.0, "hedge": 0.0}
    assert of(("mint", "pending"), ("redeem", "filled")) == {"venue": 0.0, "issuer": 20.0, "hedge": 0.0}
    hedges = ["hedge", "unhedge", "hedge_buy", "unhedge_sell", "exercise", "liquidate_short"]
    assert of(*((name, "filled") for name in hedges)) == {"venue": 0.0, "issuer": 0.0, "hedge": 60.0}


def test_what_settles_is_not_traded_again_and_what_is_refused_not_at_all() -> None:
    assert sum(of(("mint", "settled"), ("redeem", "settled"), ("buy", "rejected")).values()) == 0


def test_moves_of_tokens_and_margin_are_no_trade() -> None:
    moves = ("transfer", "margin_in", "margin_out", "funding_paid", "coin_sell")
    assert sum(of(*((name, "filled") for name in moves)).values()) == 0
