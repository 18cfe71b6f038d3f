"""A hand-made market for the page: three days to Saturday, 5 July 2025, 17:34 UTC, spike included."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from math import exp, log
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from bot.config import ValuationSection
from bot.pools import ConstantProductState
from bot.pools.profile import profile
from bot.timefmt import NS, iso, parse
from bot.types import Basis, FeedStatus, Fill, Hedge, Incident, Leg, Message, Ns, Plan, Quality, Quarantined
from bot.valuation.sessions import SessionClock
from bot.web.replica import Replica

END = parse("2025-07-05T17:34:00Z")
START = END - 72 * 3600 * NS
MINUTE = 60 * NS

SHARES = {
    "AAPL": (213.55, ("AAPLx@kraken", "AAPLx@raydium:CxmMDLyR", "AAPLon@uniswap:0x14c3ab")),
    "AMZN": (223.41, ("AMZNx@kraken", "AMZNx@raydium:6m5aXAve", "AMZNx@orca:9pJup1te")),
    "CRCL": (188.77, ("CRCLx@kraken", "CRCLx@raydium:8TQkWq2B")),
    "NVDA": (159.34, ("NVDAx@kraken", "NVDAx@raydium:49iMatQt", "NVDAx@bybit", "NVDAon@uniswap:0x2d1f72")),
    "SPY": (625.34, ("SPYx@kraken", "SPYx@orca:gef4pD5g", "SPYx@raydium:6truu3rZ")),
    "TSLA": (315.35, ("TSLAx@kraken", "TSLAx@raydium:8aDaBQkT", "TSLAx@bybit", "TSLA.M@msx")),
}
SPIKED = "AMZNx@orca:9pJup1te"
DEAD = "SPYx@orca:gef4pD5g"
UNPRICED = "TSLA.M@msx"
DRIFTED = "AAPLx@raydium:CxmMDLyR"


def depth(name: str) -> dict[str, Any]:
    """Of a pool that holds $54 where the spike is, of a deep one elsewhere; of one only a last price."""
    told: dict[str, Any] = {
        "instrument": name, "ts": iso(END), "fair_value": 223.41, "depth": None, "sizes": [], "why": None,
    }  # fmt: skip
    if name == UNPRICED:
        return told | {"why": "the depth of this venue is not known, only its last price"}
    usd = 54.0 if name == SPIKED else 2_000_000.0
    curve = ConstantProductState(
        token_reserve=int(usd / 2 / 223.41 * 1e8),
        quote_reserve=int(usd / 2 * 1e6),
        decimals=(8, 6),
        fee_pips=2500,
    ).curve()
    sizes = [(size, curve.sell(size), curve.buy(size)) for size in (50.0, 500.0, 5000.0)]
    return told | {
        "depth": to_builtins(profile(curve)),
        "sizes": [
            {"usd": size, "sell": sold and sold.price, "buy": bought and bought.price}
            for size, sold, bought in sizes
        ],
    }


def bases() -> Iterator[Basis]:
    """Every five minutes; the last hour every minute. Weekend uncertainty grows with closed time."""
    clock = SessionClock(ValuationSection())
    dice = random.Random(20250705)
    walk = {share: log(price) for share, (price, _) in SHARES.items()}
    off = {name: 0.0 for _, names in SHARES.values() for name in names}
    ts, closed = START, 0.0
    while ts <= END:
        session = clock.session(ts)
        step = MINUTE if END - ts <= 3600 * NS else 5 * MINUTE
        closed = 0.0 if session in ("regular", "pre", "post") else closed + step / NS
        for share, (_, names) in SHARES.items():
            if not closed:
                walk[share] += dice.gauss(0, 0.0007)
            for name in names:
                yield _basis(name, share, session, ts, walk[share], closed, off, dice)
        ts += step


def _basis(name: str, share: str, session: Any, ts: Ns, log_fair: float, closed: float,
           off: dict[str, float], dice: random.Random) -> Basis:  # fmt: skip
    noise = 0.0028 if ":" in name else 0.0009
    off[name] = 0.9 * off[name] + dice.gauss(0, noise)
    value = off[name]
    if name == SPIKED and END - ts < 9 * MINUTE:
        value = log(106) if END - ts > 3 * MINUTE else log(4)
    if name == DRIFTED and END - ts < 5 * 3600 * NS:
        value += 0.031
    half = 0.006 if session == "regular" else 0.014
    dead = name == DEAD
    unpriced = name == UNPRICED
    sd = 0.0012 + 0.0016 * (closed / 3600) ** 0.5
    state = "ok"
    if name == SPIKED and END - ts < 9 * MINUTE:
        state = "incident"
    elif name == DRIFTED and END - ts < 5 * 3600 * NS:
        state = "pending" if END - ts > 4.9 * 3600 * NS else "incident"
    price = exp(log_fair + value)
    return Basis(
        ts=min(ts, START + 30 * 3600 * NS) if dead else ts,
        instrument=name,
        underlying=share,
        session=session,
        price=price,
        bid=price * 0.9985,
        ask=price * 1.0015,
        fair_value=None if unpriced else exp(log_fair),
        fair_value_sd=None if unpriced else sd,
        basis=None if unpriced else value,
        band_low=None if unpriced else -half * 1.2,
        band_high=None if unpriced else half,
        age_seconds=None if unpriced else closed or 4.0,
        liquidity_usd=54.0 if name == SPIKED else 410_000.0,
        state="unpriced" if unpriced else "stale" if dead else state,
    )


SPIKE = Incident(
    id="AMZNx-5b1f6a27c0de", instrument=SPIKED, underlying="AMZN", kind="depeg", cause="thin_liquidity",
    severity="critical", opened=END - 8 * MINUTE, last_seen=END, resolved=None, basis=log(106.44),
    basis_low=log(4), basis_high=log(106.44), band_low=-0.0168, band_high=0.014, fair_value=223.41,
    fair_value_sd=0.0093, executable={"50": 240.1, "500": 2305.0, "5000": None},
    evidence=["AMZNx@kraken, AMZNx@raydium:6m5aXAve stood at fair value", "$54 moves the price by 2 %"],
    explanation="AMZNx on orca:9pJup1te at $23,781.22 is ×106 from fair value $223.41 (±1.8 %): a thin venue"
    " was pushed by one order, and the print is not a price for size; closing it is worth about $31.46"
    " before costs.",
    cause_probability=0.86, price=23_781.22, money_at_stake_usd=31.46, venues=[SPIKED],
)  # fmt: skip
DRIFT = Incident(
    id="AAPLx-77aa01bc9d3e", instrument=DRIFTED, underlying="AAPL", kind="depeg", cause="broad_premium",
    severity="warning", opened=END - 290 * MINUTE, last_seen=END, resolved=None, basis=0.0402,
    basis_low=0.0255, basis_high=0.0402, band_low=-0.0168, band_high=0.014, fair_value=213.55,
    fair_value_sd=0.0091, executable={"50": 220.02, "500": 219.87, "5000": 218.31},
    evidence=["$38,200 moves the price by 2 %"],
    explanation="AAPLx on raydium:CxmMDLyR at $222.01 is +4.1 % from fair value $213.55 (±1.8 %): demand the"
    " issuer’s channel has not met; closing it is worth about $412.80 before costs.",
    cause_probability=0.61, price=222.01, money_at_stake_usd=412.8, venues=[DRIFTED, "AAPLx@kraken"],
)  # fmt: skip
PAST = replace(
    SPIKE, id="TSLAx-10aa99ff0031", instrument="TSLAx@raydium:8aDaBQkT", underlying="TSLA", severity="info",
    opened=END - 2100 * MINUTE, last_seen=END - 2052 * MINUTE, resolved=END - 2052 * MINUTE,
    basis=log(0.866), basis_low=log(0.866), basis_high=-0.02, price=273.1, fair_value=315.3,
    executable={"50": 274.0, "500": 279.2, "5000": 301.3}, money_at_stake_usd=14.2, phase="resolve",
    explanation="TSLAx on raydium:8aDaBQkT at $273.10 is −13.4 % from fair value $315.30 (±0.9 %).",
    venues=["TSLAx@raydium:8aDaBQkT"],
)  # fmt: skip

TRADE = Plan(
    id="AAPLx-77aa01bc9d3e-1", incident_id=DRIFT.id, instrument=DRIFTED, underlying="AAPL",
    created=END - MINUTE, expires=END + 45 * NS, decision="trade", route="mint_and_sell",
    size_usd=14_250.0, quantity_tokens=66.2,
    legs=[
        Leg("sell", DRIFTED, 66.2, 14_250.0, 215.26, 213.9, 14.25, 0.0004, 1.0),
        Leg("mint", "AAPLx@xstocks", 66.2, 14_137.0, 213.55, None, 35.3, 0.0, 172_800.0),
    ],
    hedge=Hedge("short_stock", "short 66 AAPL at the open", 14_094.0, 6.1), expected_profit_usd=57.2,
    costs_usd={"fees": 49.55, "gas": 0.01, "financing": 4.64, "hedge": 6.1}, worst_case_usd=-212.4,
    break_even_price=214.4, capital_usd=14_250.0, duration_seconds=172_800.0, annualised_return=0.73,
    reasons=[],
)  # fmt: skip
REFUSED = replace(
    TRADE, id="AMZNx-5b1f6a27c0de-1", incident_id=SPIKE.id, instrument=SPIKED, underlying="AMZN",
    decision="no_trade", route=None, legs=[], hedge=None, size_usd=0.0, quantity_tokens=0.0,
    expected_profit_usd=0.0, costs_usd={}, worst_case_usd=0.0, break_even_price=None, capital_usd=0.0,
    duration_seconds=0.0, annualised_return=None, created=END - 2 * MINUTE,
    reasons=["inventory: there are no AMZNx to sell, and minting takes longer than the price will last"],
)  # fmt: skip
SOLD = Fill("f1", "o1", TRADE.id, END - 50 * NS, "sell", DRIFTED, "AAPL", Decimal("66.2"),
            Decimal("215.24"), Decimal("14.25"), Decimal("0.0004"), END - 50 * NS)  # fmt: skip
MINTED = replace(
    SOLD, id="f2", order_id="o2", action="mint", instrument="AAPLx@xstocks", price=Decimal("213.55"),
    fee_usd=Decimal("35.30"), settles=END + 172_800 * NS, status="pending",
)  # fmt: skip
FEEDS = (
    FeedStatus("tape", "up", END - 3600 * NS, 0.4, 48_213, 0, quality=0.97),
    FeedStatus("evm", "silent", END - 90 * NS, 74.0, 9_120, 3, "no new block for 74 s: reconnecting"),
    FeedStatus("yahoo", "starting", END, None, 0, 0),
)
QUALITIES = (
    Quality(END, "AMZN@yahoo", "AMZN", 0.99, "", 0.8, 1.0, 0.4, 0.0, 0.0, 0.0, 0.0002, 0.93),
    Quality(END, "AMZN@pyth", "AMZN", 0.21, "frozen", 1.2, 1.0, 0.3, 3.4, 0.0, 0.78, 0.0061, 0.07),
    Quality(END, "AMZN@chainlink", "AMZN", 0.0, "halted", 3_700.0, None, 61.0, 0.0, 1.0, 0.0, None, 0.0),
)
BAD = (
    Quarantined(END - 5 * NS, "TSLAx@kraken", "not_finite", "bid is nan"),
    Quarantined(END - 4 * NS, "FAKEx@raydium", "unknown_instrument", "FAKEx@raydium"),
    Quarantined(END - 3 * NS, "FAKEx@raydium", "unknown_instrument", "FAKEx@raydium"),
)


def messages() -> Iterator[Message]:
    """All of it, in order of time."""
    yield from FEEDS
    yield from bases()
    yield from (replace(PAST, phase="open", resolved=None, last_seen=PAST.opened), PAST)
    yield from (replace(DRIFT, severity="info", last_seen=DRIFT.opened), replace(DRIFT, phase="escalate"))
    yield from (SPIKE, REFUSED, TRADE, SOLD, MINTED, *BAD, *QUALITIES)


def replica(**options: Any) -> Replica:
    """A replica that has seen it all."""
    made = Replica(**options)
    for message in messages():
        made.apply(message, getattr(message, "ts", END))
    made.now = END
    return made


async def ledger() -> dict[str, Any]:
    """What the books would say after those fills."""
    return {
        "mode": "paper",
        "cash_usd": "249935.24",
        "reserved_usd": "14137.01",
        "profit_and_loss": {
            "realised_usd": "111.89", "unrealised_usd": "0", "fees_usd": "49.55", "gas_usd": "0.0004",
            "net_usd": "62.34", "unmarked": [],
        },
        "positions": [
            {
                "commodity": "AAPLx", "held": "66.2", "in_transit": "66.2", "traded": "66.2",
                "cost_usd": "14137", "average_cost": "213.55", "realised_usd": "111.89",
                "places": {}, "mark_usd": "213.55",
            }
        ],
        "pending": [{"settles": iso(MINTED.settles)}],
        "margin_usd": "0",
        "due_usd": {"xstocks": "45777.88"},
        "greeks": {
            "AAPL": {"value": 14137.0, "delta": 16.25, "gamma": 1.5, "vega": 42.0, "theta_day": -8.25,
                     "rho": -3.0},
        },
        "greeks_unknown": ["GONEx@wallet"],
    }  # fmt: skip
