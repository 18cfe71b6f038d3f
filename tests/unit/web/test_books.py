"""The ledger as the page gets it, with hedges and the greeks of the whole book."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from bot.ledger.accounts import custody
from bot.ledger.db import open_database
from bot.ledger.store import Store
from bot.strategy.options import Greeks
from bot.web.books import ledger_view, marks
from bot.web.replica import Replica
from tests.fixtures.messages import T, basis
from tests.unit.execution.hedged import PERP, PUT, HedgedDesk, leg


async def test_hedges_are_held_at_their_quotes_and_the_greeks_beside_them(tmp_path: Path) -> None:
    desk = HedgedDesk()
    desk.perp(400.0, 400.5)
    desk.option(PUT, 7.57, 7.67)
    desk.execute(leg("hedge", PERP, "sell", 10, 400.0, margin=500.0), leg("hedge", PUT, "buy", 1, 767.0))
    engine = await open_database(f"sqlite+aiosqlite:///{tmp_path}/p.db")
    store = Store(engine, place=custody(desk.registry))
    await store.record(desk.fills)
    greeks = {"AMZN": Greeks(757.0, -52.0, 1.5, 30.0, -9.0, 2.0)}
    view = ledger_view(
        store, Replica(), hedges=lambda: {PERP: 390.0, "AMZN250711P00220000": 757.0},
        greeks=lambda: (greeks, ["GONEx@wallet"]),
    )  # fmt: skip
    told = json.loads(json.dumps(await view()))
    await engine.dispose()
    assert told["greeks"]["AMZN"]["delta"] == -52.0
    assert told["greeks_unknown"] == ["GONEx@wallet"]
    assert Decimal(told["margin_usd"]) == 4_500
    held = {one["commodity"]: (one["held"], one["mark_usd"]) for one in told["positions"]}
    assert held == {PERP: ("-10.000000000", "390.0"), "AMZN250711P00220000": ("1.000000000", "757.0")}
    result = told["profit_and_loss"]
    assert result["unmarked"] == []
    # 10 · 10 on the perp, −10 on the put; fees of 2.00 and 0.65.
    assert Decimal(result["net_usd"]) == Decimal("87.35")


def test_marks_of_hedges_stand_beside_fair_values() -> None:
    replica = Replica()
    replica.apply(basis(), 1)
    found = marks(replica, {PERP: 390.0})
    assert found[PERP] == 390
    assert found["AMZNx"] == Decimal("223.5")


@pytest.mark.parametrize("names", [("AMZNx", "AMZNon"), ("AMZNon", "AMZNx")])
def test_a_share_is_worth_what_its_newest_token_says(names: tuple[str, str]) -> None:
    told = {
        "AMZNx": basis("AMZNx@kraken", ts=T + 5, fair_value=220.0),
        "AMZNon": basis("AMZNon@gate", ts=T, fair_value=242.0, multiplier=1.1),
    }
    replica = Replica()
    for name in names:
        replica.apply(told[name], T + 5)
    assert marks(replica) == {"AMZNx": Decimal("220.0"), "AMZNon": Decimal("242.0"), "AMZN": Decimal("220.0")}
    replica.apply(basis("AMZNon@gate", ts=T + 6, fair_value=242.0, multiplier=1.1), T + 6)
    assert marks(replica)["AMZN"] == Decimal(repr(242.0 / 1.1))
