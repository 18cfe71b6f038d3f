"""What a simulation is told: shares, venues and what happens to them, as TOML; see docs/simulation.md.

Times are hours from ``start``. Dollars, ratios and seconds are named.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from bot.timefmt import parse
from bot.types import Ns

Positive = Annotated[float, Meta(gt=0, lt=1e12)]
Price = Annotated[float, Meta(ge=1e-4, le=1e7)]
Depth = Annotated[float, Meta(ge=1, le=1e11)]
Volatility = Annotated[float, Meta(gt=0, le=20)]
Ratio = Annotated[float, Meta(ge=0, lt=1)]
Hours = Annotated[float, Meta(ge=0, le=100_000)]
Duration = Annotated[float, Meta(gt=0, le=100_000)]
Source = Literal["yahoo", "alpaca", "ibkr", "pyth", "chainlink"]
Coin = Literal["USD", "USDC", "USDT"]
Cause = Literal[
    "thin_liquidity",
    "broad_premium",
    "stale_venue",
    "stale_reference",
    "multiplier_mismatch",
    "corporate_action",
    "trading_halt",
    "stablecoin_depeg",
    "issuer_halt",
    "under_backed",
    "oracle_fault",
    "feed_fault",
    "closed_market_drift",
    "earnings",
    "maintenance",
]
HONEST: frozenset[Cause] = frozenset({"closed_market_drift", "earnings", "maintenance"})
"""What happens and is no incident: prices are right, and an alarm would be a false one."""
Mode = Literal["", "lps_leave", "wakes", "raw", "freeze", "silence"]
MODES: dict[Cause, tuple[Mode, ...]] = {
    "thin_liquidity": ("", "lps_leave"),
    "stale_venue": ("", "wakes"),
    "multiplier_mismatch": ("", "raw"),
    "oracle_fault": ("", "freeze"),
    "feed_fault": ("", "silence"),
}
"""The ways in which a cause may happen, the first being the usual one."""
NEEDS: dict[Cause, tuple[str, ...]] = {
    "thin_liquidity": ("instrument",),
    "broad_premium": ("underlying", "ratio"),
    "stale_venue": ("instrument",),
    "stale_reference": ("underlying",),
    "multiplier_mismatch": ("instrument",),
    "corporate_action": ("underlying", "ratio"),
    "trading_halt": ("underlying",),
    "stablecoin_depeg": ("coin", "ratio"),
    "issuer_halt": ("token", "ratio"),
    "under_backed": ("token", "ratio"),
    "oracle_fault": ("underlying", "source"),
    "feed_fault": ("instrument",),
    "closed_market_drift": ("ratio",),
    "earnings": ("underlying", "ratio"),
    "maintenance": ("instrument",),
}


class Share(Struct, frozen=True, forbid_unknown_fields=True):
    """A listed share: its log price diffuses at ``annual_volatility``, the part ``correlation`` of it with
    the market. ``reference`` quotes it 04:00 to 20:00, ``oracles`` beside it. ``multiplier`` is shares per
    token from the start."""

    ticker: str
    price: Price
    annual_volatility: Volatility
    reference: Source = "yahoo"
    oracles: list[Source] = []
    spread_ratio: Ratio = 0.0002
    correlation: Ratio = 0.0
    multiplier: Annotated[float, Meta(ge=1e-6, le=1e6)] = 1.0


class Place(Struct, frozen=True, forbid_unknown_fields=True):
    """One token on one venue, its depth, and who trades there; docs/simulation.md describes each key."""

    instrument: str
    underlying: str
    kind: Literal["pool", "concentrated", "book"]
    depth_usd: Depth
    quote: Coin = "USD"
    fee_pips: Annotated[int, Meta(ge=0, lt=1_000_000)] = 2500
    spread_ratio: Ratio = 0.001
    trades_per_hour: Positive = 6.0
    trade_usd: Positive = 400.0
    momentum: Ratio = 0.0
    half_life_seconds: Positive = 120.0
    tolerance_ratio: Ratio = 0.0
    capital_usd: Positive = 1e11
    settlement_hours: Hours = 24.0
    noise_ratio: Ratio = 0.0
    night_liquidity: Positive = 1.0
    weekend_liquidity: Positive = 1.0
    prints: bool = False
    odd_prints: Ratio = 0.0
    repeat_seconds: Annotated[float, Meta(ge=0, lt=1e9)] = 0.0
    token_decimals: Annotated[int, Meta(ge=0, le=18)] = 8
    quote_decimals: Annotated[int, Meta(ge=0, le=18)] = 6

    @property
    def token(self) -> str:
        """Its symbol."""
        return self.instrument.partition("@")[0]


class Happening(Struct, frozen=True, forbid_unknown_fields=True):
    """Something injected at a time for so long; docs/simulation.md says what each cause does and needs."""

    cause: Cause
    at_hours: Hours
    hours: Duration
    instrument: str = ""
    underlying: str = ""
    token: str = ""
    coin: Literal["", "USDC", "USDT"] = ""
    source: Literal["", "yahoo", "alpaca", "ibkr", "pyth", "chainlink"] = ""
    mode: Mode = ""
    order_usd: Annotated[float, Meta(gt=-1e12, lt=1e12)] = 0.0
    ratio: Annotated[float, Meta(gt=-1, lt=1e6)] = 0.0
    ramp_hours: Hours = 0.0


Range = tuple[Duration, Duration]


class Draw(Struct, frozen=True, forbid_unknown_fields=True):
    """How often, how long and how large a cause happens by chance: ``per_day`` over the whole scenario,
    ``hours`` and ``ratio`` drawn log-uniformly, ``falls`` the part that goes down instead of up."""

    per_day: Annotated[float, Meta(ge=0, lt=1000)]
    hours: Range
    ratio: Range = (0.05, 0.05)
    falls: Annotated[float, Meta(ge=0, le=1)] = 0.5
    ramp_hours: Hours = 0.0


class Scenario(Struct, frozen=True, forbid_unknown_fields=True):
    """A whole simulation. ``note`` says what it is calibrated to; ``source`` where those figures are from. If
    it ``returns``, shares end at the price they began with: the tape can be repeated without a jump."""

    title: str
    start: str
    days: Annotated[float, Meta(gt=0, le=3660)]
    shares: list[Share]
    places: list[Place]
    note: str = ""
    source: str = ""
    step_seconds: Positive = 60.0
    closed_step_seconds: Positive = 300.0
    premium_sd: Ratio = 0.002
    premium_closed_sd: Ratio | None = None
    premium_weekend_sd: Ratio | None = None
    closed_variance: Annotated[float, Meta(ge=0, le=10)] = 0.25
    weekend_variance: Annotated[float, Meta(ge=0, le=10)] = 0.08
    open_burst: Annotated[float, Meta(ge=1, le=100)] = 1.0
    fat_tails: Ratio = 0.0
    returns: bool = False
    weekend_activity: Ratio = 0.25
    label_ratio: Annotated[float, Meta(gt=0, lt=1)] = 0.01
    coins: list[Literal["USDC", "USDT"]] = []
    issuer_hours: Hours = 0.0
    happenings: list[Happening] = []
    random: dict[Cause, Draw] = {}
    apart_hours: Hours = 6.0
    warm_hours: Hours = 12.0
    thin_usd: Positive = 20_000.0
    templates: dict[str, dict[str, Any]] = {}

    @property
    def starts(self) -> Ns:
        """``start`` in nanoseconds."""
        return parse(self.start)
