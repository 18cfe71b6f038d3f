"""Perpetual futures on shares (Kraken futures, Hyperliquid): funding, margin, liquidation. Pure.

Isolated margin in USD. A short is liquidated when ``margin + (entry − p)·n`` is down to the maintenance
margin ``ratio·p·n``, so at ``p = (entry + margin/n) / (1 + ratio)``, a long at
``p = (entry − margin/n) / (1 − ratio)``. Longs pay shorts where the funding rate is positive. Rates are
ratios of the notional per hour.
"""

from __future__ import annotations

from math import inf, log

from msgspec import Struct

from bot.strategy.options.european import cdf
from bot.types import Ns


class PerpTerms(Struct, frozen=True):
    """A venue's rules. Ratios are of the notional; ``lot_shares`` is the step of an order's size."""

    venue: str
    title: str
    initial_ratio: float
    maintenance_ratio: float
    taker_fee_ratio: float
    funding_cap_hour: float
    lot_shares: float
    source: str


KRAKEN_FUTURES = PerpTerms(
    "krakenfutures", "Kraken futures", 1 / 20, 1 / 40, 0.0005, 0.0025, 0.01,
    "20 times, hourly funding, capped at 0.25 % an hour (a cap that binds); maintenance as half of initial, "
    "fee and lot are assumptions",
)  # fmt: skip
HYPERLIQUID = PerpTerms(
    "hyperliquid", "Hyperliquid", 1 / 10, 1 / 20, 0.00045, 0.04, 0.001,
    "maintenance is half of initial at the highest leverage, hourly funding capped at 4 %; leverage of stock "
    "markets, fee and lot are assumptions",
)  # fmt: skip


class Perp(Struct, frozen=True):
    """A quote. Prices are USD per share, sizes shares, ``funding_hour`` the rate expected from now on. One
    contract of ``instrument`` is for ``shares_each``."""

    instrument: str
    underlying: str
    terms: PerpTerms
    bid: float
    ask: float
    bid_shares: float
    ask_shares: float
    index: float
    funding_hour: float
    ts: Ns
    shares_each: float = 1.0

    def rate_hour(self) -> float:
        """The funding rate within the venue's cap."""
        cap = self.terms.funding_cap_hour
        return min(cap, max(-cap, self.funding_hour))

    def funding_usd(self, shares: float, seconds: float) -> float:
        """Received over so long (negative: paid) for ``shares`` held; short is negative shares."""
        return -shares * self.index * self.rate_hour() * seconds / 3600

    def cost_usd(self, shares: float, seconds: float) -> float:
        """In and out again: the spread, two taker fees, and the funding paid (received: less)."""
        held = abs(shares)
        fees = held * (self.bid + self.ask) * self.terms.taker_fee_ratio
        return held * (self.ask - self.bid) + fees - self.funding_usd(shares, seconds)


def liquidation_price(entry: float, shares: float, margin_usd: float, maintenance_ratio: float) -> float:
    """USD per share at which a position is closed by force; 0 for a long, infinite for none, if never."""
    if shares == 0:
        return inf
    each = margin_usd / abs(shares)
    if shares < 0:
        return (entry + each) / (1 + maintenance_ratio)
    return max(0.0, (entry - each) / (1 - maintenance_ratio))


def margin_for(entry: float, shares: float, terms: PerpTerms, until: float) -> float:
    """USD that keep it from liquidation up to the price ``until``; the initial margin at least."""
    held, ratio = abs(shares), terms.maintenance_ratio
    each = until * (1 + ratio) - entry if shares < 0 else entry - until * (1 - ratio)
    return held * max(each, entry * terms.initial_ratio)


def liquidation_probability(spot: float, liquidation: float, sd: float) -> float:
    """That the price touches it over a wait, ``sd`` being the log price's at its end: the reflection
    principle for a price without drift."""
    if sd <= 0 or liquidation in (0.0, inf):
        return 0.0
    return min(1.0, 2 * cdf(-abs(log(liquidation / spot)) / sd))
