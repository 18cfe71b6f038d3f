"""Short stock against tokens held: where, at what cost, and what it leaves. Pure.

The share is sold at a broker's own bid and bought back at its ask. Commission is Interactive
Brokers' published tier ($0.0035 a share, $0.35 at least); margin is Regulation T's half.
"""

from __future__ import annotations

from math import floor

from msgspec import Struct

from bot.config import StrategySection
from bot.market import Market
from bot.registry.model import Registry
from bot.strategy.mechanisms import years
from bot.timefmt import NS
from bot.types import Ns, Session

TRADEABLE: frozenset[Session] = frozenset({"pre", "regular", "post"})
QUOTE_MAX_AGE_NS = 300 * NS
COMMISSION_PER_SHARE_USD = 0.0035
COMMISSION_MINIMUM_USD = 0.35
MARGIN_RATIO = 0.5


class ShortStock(Struct, frozen=True):
    """A broker's quote to sell the share short on. ``shares_per_token`` is the multiplier."""

    instrument: str
    bid: float
    ask: float
    shares_per_token: float
    borrow_rate: float

    def whole(self, tokens: float) -> int:
        """Shares that are sold against so many tokens: no part of one can be borrowed."""
        return floor(tokens * self.shares_per_token + 1e-9)

    def commission_usd(self, tokens: float) -> float:
        """For one order over so many tokens' worth of shares."""
        return max(COMMISSION_MINIMUM_USD, COMMISSION_PER_SHARE_USD * tokens * self.shares_per_token)

    def notional_usd(self, tokens: float) -> float:
        """What the shares sold are worth."""
        return tokens * self.shares_per_token * self.bid

    def cost_usd(self, tokens: float, seconds: float) -> float:
        """In and out again: the quoted spread, two commissions and the borrow."""
        spread = tokens * self.shares_per_token * (self.ask - self.bid)
        borrow = self.notional_usd(tokens) * self.borrow_rate * years(seconds)
        return spread + borrow + 2 * self.commission_usd(tokens)


def short_stock(market: Market, registry: Registry, config: StrategySection, underlying: str,
                multiplier: float, session: Session, ts: Ns) -> ShortStock | str:  # fmt: skip
    """The tightest fresh broker quote, or why there is none."""
    if session not in TRADEABLE:
        return f"{underlying} does not trade at a broker now ({session})"
    state = market.underlyings.get(underlying)
    best: ShortStock | None = None
    for venue, reference in state.references.items() if state is not None else ():
        known = registry.venues.get(venue.partition(":")[0])
        if known is None or known.kind != "broker" or reference.halted:
            continue
        if reference.bid is None or reference.ask is None or ts - reference.ts > QUOTE_MAX_AGE_NS:
            continue
        found = ShortStock(reference.name, reference.bid, reference.ask, multiplier, config.borrow_rate)
        if best is None or found.ask / found.bid < best.ask / best.bid:
            best = found
    return best if best is not None else f"no fresh broker quote of {underlying} with both sides"
