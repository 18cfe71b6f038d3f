"""Fills, incidents and plans to write down, with sound values to change one at a time."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from bot.timefmt import NS
from bot.types import Fill, Incident, Plan

T = 1_751_896_800 * NS
POOL = "AMZNx@uniswap:0x3cd7f2a1"
D = Decimal


def fill(
    number: int = 1, action: str = "buy", quantity: str = "2", price: str = "200", **changes: Any
) -> Fill:
    made = Fill(
        id=f"p1-L{number}-F", order_id=f"p1-L{number}", plan_id="p1", ts=T + number, action=action,
        instrument=POOL, underlying="AMZN", quantity_tokens=D(quantity), price=D(price), fee_usd=D("1.25"),
        gas_usd=D("0.1"), settles=T + number,
    )  # fmt: skip
    return replace(made, **changes)


def pair(
    number: int, action: str, quantity: str = "2", price: str = "200", **changes: Any
) -> tuple[Fill, Fill]:
    """A mint, redemption or transfer as it is asked for, and as it settles."""
    instrument = changes.pop("instrument", "AMZNx@xstocks")
    asked = fill(number, action, quantity, price, instrument=instrument, status="pending",
                 settles=T + number + 86_400 * NS, **changes)  # fmt: skip
    settled = replace(
        asked, id=f"{asked.order_id}-S", ts=asked.settles, fee_usd=D(0), gas_usd=D(0), status="settled"
    )
    return asked, settled


def incident(**changes: Any) -> Incident:
    made = Incident(
        id="i1", instrument=POOL, underlying="AMZN", kind="depeg", cause="thin_liquidity",
        severity="critical", opened=T, last_seen=T, resolved=None, basis=4.66,
        basis_low=4.6, basis_high=4.66, band_low=-0.03,
        band_high=0.02, fair_value=223.5, fair_value_sd=0.012, executable={"50.0": 2305.0, "500.0": None},
        evidence=["$54 of depth"], explanation="a $500 order met a pool of $54",
    )  # fmt: skip
    return replace(made, **changes)


def plan(**changes: Any) -> Plan:
    made = Plan(
        id="p1", incident_id="i1", instrument=POOL, underlying="AMZN", created=T, expires=T + 60 * NS,
        decision="trade", route="mint_and_sell", size_usd=54.0, quantity_tokens=0.2, legs=[], hedge=None,
        expected_profit_usd=31.5, costs_usd={"gas": 0.05}, worst_case_usd=-2.0, break_even_price=None,
        capital_usd=54.0, duration_seconds=0.0, annualised_return=None, reasons=[],
    )  # fmt: skip
    return replace(made, **changes)
