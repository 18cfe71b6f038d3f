"""What the markets offer to carry a wait with, and the ways to hedge that are made of it. Pure.

Each way is brought to one form: what it is worth at the end of the wait for each move of the price, what it
takes now, and what it locks. Those of listed options are in :mod:`bot.strategy.hedge_options`.
"""

from __future__ import annotations

from math import inf

from msgspec import Struct

from bot.strategy.options import Chain, Greeks, Perp, Perpetual, perpetual, perps
from bot.strategy.options.european import intrinsic
from bot.types import HedgeKind, HedgeNotChosen, Ns, Side

TINY = 1e-9
HORIZON_SPARE_SECONDS = 3_600.0
"""An option must outlive the wait by this."""


class PerpetualQuote(Struct, frozen=True):
    """A perpetual option on offer. ``volatility`` is the one it is priced at, ``markup`` what the pool asks
    over the model's funding, ``fee_ratio`` of the notional on opening and on closing; ``units`` at most;
    ``coin`` is what margin, funding and payoff are in, of which ``coins_usd`` are in hand."""

    instrument: str
    underlying: str
    option: Perpetual
    volatility: float
    units: float
    ts: Ns
    markup: float = 1.0
    fee_ratio: float = 0.0005
    coin: str = "USD"
    coins_usd: float = inf


class HedgeQuotes(Struct, frozen=True):
    """All that is on offer for one underlying at a moment, beside short stock; ``aside`` was left out, and
    why."""

    chain: Chain | None = None
    perps: tuple[Perp, ...] = ()
    perpetuals: tuple[PerpetualQuote, ...] = ()
    aside: tuple[HedgeNotChosen, ...] = ()


def unavailable(kind: HedgeKind, name: str, detail: str) -> HedgeNotChosen:
    """A way that is not on offer."""
    return HedgeNotChosen(kind, name, None, None, f"hedge.unavailable: {detail}")


class HedgeLeg(Struct, frozen=True):
    """One order of a hedge: ``quantity`` contracts (units of a perpetual option) at ``price`` USD each, which
    locks ``margin_usd`` beside what is paid; ``close_price`` is what closing it now would get."""

    instrument: str
    side: Side
    quantity: float
    price: float
    close_price: float
    fee_usd: float
    margin_usd: float = 0.0


class Way(Struct, frozen=True):
    """One way to hedge so many shares: ``gains`` in USD at the end of the wait, one for each move, all costs
    but financing in them; ``least_usd`` is what trading it costs in any case. ``capital_usd`` is locked at
    ``venue``, of which ``outlay_usd`` is paid."""

    kind: HedgeKind
    name: str
    description: str
    shares: float
    notional_usd: float
    gains: tuple[float, ...]
    least_usd: float
    outlay_usd: float
    capital_usd: float
    greeks: Greeks
    venue: str = ""
    liquidation_price: float | None = None
    liquidation_probability: float = 0.0
    contracts: int = 0
    legs: tuple[HedgeLeg, ...] = ()


def perp_way(perp: Perp, shares: float, spot: float, prices: list[float], seconds: float, until: float,
             sd: float) -> Way:  # fmt: skip
    """``shares`` (negative: short) of a perp, with margin enough up to the price ``until`` of the share.

    Past its liquidation the margin is gone, and with it the hedge. A perp that stands off the share's price
    stays off by the same ratio: whether it comes back is not bet on.
    """
    entry = perp.bid if shares < 0 else perp.ask
    middle = (perp.bid + perp.ask) / 2
    off = middle / spot
    margin = perps.margin_for(entry, shares, perp.terms, until * off)
    closed_at = perps.liquidation_price(entry, shares, margin, perp.terms.maintenance_ratio)
    cost = perp.cost_usd(shares, seconds)
    gains = [
        -margin if (price * off >= closed_at if shares < 0 else price * off <= closed_at)
        else shares * (price - spot) * off - cost
        for price in prices
    ]  # fmt: skip
    side = "short" if shares < 0 else "long"
    text = (
        f"{abs(shares):,.6g} {perp.underlying} {side} at ${entry:,.2f} as a perp on {perp.terms.title} "
        f"({perp.instrument}), liquidated at ${closed_at:,.2f}"
    )
    each, leave = perp.shares_each, perp.ask if shares < 0 else perp.bid
    contracts = round(abs(shares) / each, 9)
    leg = HedgeLeg(
        perp.instrument, "sell" if shares < 0 else "buy", contracts, entry * each, leave * each,
        abs(shares) * entry * perp.terms.taker_fee_ratio, margin,
    )  # fmt: skip
    return Way(
        "perp", f"perp on {perp.terms.title}", text, abs(shares), abs(shares) * entry, tuple(gains),
        cost + max(0.0, perp.funding_usd(shares, seconds)),  # funding received is no saving: it may turn
        0.0, margin, Greeks(0.0, shares * off), perp.terms.venue, closed_at,
        perps.liquidation_probability(middle, closed_at, sd), legs=(leg,),
    )  # fmt: skip


def perpetual_way(quote: PerpetualQuote, units: float, spot: float, prices: list[float],
                  seconds: float) -> Way:  # fmt: skip
    """A perpetual option bought: funding over the wait at today's prices, fees, what it pays at the end."""
    option = quote.option
    funding = units * quote.markup * perpetual.funding_usd(option, spot, quote.volatility, seconds)
    # At the strike the time value is highest: so much is set aside that no move alone can use it up.
    margin = units * quote.markup * perpetual.funding_usd(option, option.strike, quote.volatility, seconds)
    each_now = intrinsic(option.kind, spot, option.strike)
    paid = units * each_now
    fees = 2 * units * spot * quote.fee_ratio
    gains = [units * intrinsic(option.kind, price, option.strike) - paid - funding - fees for price in prices]
    each = perpetual.greeks(option, spot, quote.volatility)
    text = (
        f"{units:,.6g} {quote.underlying} {option.strike:,.6g} perpetual {option.kind} bought "
        f"({quote.instrument}), ${funding:,.2f} of funding over the wait"
    )
    leg = HedgeLeg(quote.instrument, "buy", units, each_now, each_now, fees / 2, margin)
    return Way(
        "perpetual_option", f"perpetual {option.kind}", text, units, units * spot, tuple(gains), fees, paid,
        paid + margin + fees, each * units, quote.instrument.partition("@")[2], legs=(leg,),
    )  # fmt: skip
