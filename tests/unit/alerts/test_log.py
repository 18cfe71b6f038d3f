"""The terminal's view: what a line of the log holds, and what it leaves out."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import structlog

from bot.alerts.log import LogSink
from bot.types import Fill
from tests.fixtures.engine import TUESDAY


def fill(status: Any, reason: str = "") -> Fill:
    return Fill(
        id="f", order_id="o", plan_id="P1", ts=TUESDAY, action="sell", instrument="AAPLx@kraken",
        underlying="AAPL", quantity_tokens=Decimal("136.84264991216173"),
        price=Decimal("0" if reason else "214.5"), fee_usd=Decimal(0), gas_usd=Decimal(0), settles=TUESDAY,
        status=status, reason=reason,
    )  # fmt: skip


def test_a_fill_that_was_refused_says_why_and_no_price() -> None:
    with structlog.testing.capture_logs() as lines:
        LogSink().offer(fill("filled"))
        LogSink().offer(fill("rejected", "slippage: sell at 212.01"))
    filled, rejected = lines
    assert (filled["price"], filled["tokens"]) == ("214.5", "136.842649912")
    assert "reason" not in filled
    assert rejected["reason"] == "slippage: sell at 212.01"
    assert "price" not in rejected
