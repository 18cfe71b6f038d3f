"""What the markets offer to carry a wait with, and the ways to hedge that are made of it. Pure.

Each way is brought to one form: what it is worth at the end of the wait for each move of the price, what it
takes now, and what it locks. Listed options are valued then by Black and Scholes at the volatility in their
price now, at least at what exercise pays, and closed at the far side of the spread.
"""

from __future__ import annotations

from math import inf

from msgspec import Struct

from bot.strategy.moves import Moves
from bot.strategy.options import (
    Chain,
    ChainTerms,
    Greeks,
    OptionQuote,
    Perp,
    Perpetual,
    european,
    perpetual,
    perps,
)
from bot.strategy.options.european import intrinsic
from bot.timefmt import NS, short
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


class Worth:
    """One contract over the wait: per share what it is worth at its end, and its greeks now, by the
    volatility in the middle of a quote."""

    def __init__(self, quote: OptionQuote, spot: float, prices: list[float], ts: Ns, seconds: float,
                 rate: float, dividends: european.Dividends) -> None:  # fmt: skip
        contract, mid = quote.contract, quote.mid
        assert mid is not None
        years = contract.years(ts)
        left = contract.years(ts + round(seconds * NS))
        passed = years - left
        due = [(when, usd) for when, usd in dividends if when <= years]
        later = [(when - passed, usd) for when, usd in due if when > passed]
        found = european.implied_volatility(contract.kind, mid, spot, contract.strike, years, rate, 0.0, due)
        # Who waits with the token has a dividend in its multiplier; the option is on the share without it.
        gone = sum(usd for when, usd in due if when <= passed)
        shares = [price - gone if price - gone > TINY else TINY for price in prices]
        side = 1.0 if contract.kind == "call" else -1.0
        exercised = [side * (price - contract.strike) for price in shares]
        alive = [0.0] * len(shares)
        if found is not None:
            alive = european.prices(contract.kind, shares, contract.strike, left, found, rate, 0.0, later)
        self.at_end = [live if live > paid else paid for live, paid in zip(alive, exercised, strict=True)]
        self.contract = contract
        self._now = (contract.kind, spot, contract.strike, years, found, rate, 0.0, due)
        self._mid, self._side = mid, side

    @property
    def greeks(self) -> Greeks:
        """Now, of one share's worth; without a volatility only whether it is in the money."""
        kind, spot, strike, years, found, rate, yield_, due = self._now
        if found is None:
            return Greeks(self._mid, self._side if intrinsic(kind, spot, strike) > 0 else 0.0)
        return european.greeks(kind, spot, strike, years, found, rate, yield_, due)

    @property
    def name(self) -> str:
        """As people say it: ``"TSLA 2025-07-18 380 put"``."""
        contract = self.contract
        day = short(contract.expiry).partition(" ")[0]
        return f"{contract.underlying} {day} {contract.strike:,.6g} {contract.kind}"


class OptionValues:
    """One quote over the wait, of a contract that is so much ``worth``: what buying or selling it brings."""

    def __init__(self, quote: OptionQuote, worth: Worth, moves: Moves) -> None:
        assert quote.bid is not None
        assert quote.ask is not None
        self.quote, self._worth = quote, worth
        self.spread = quote.ask - quote.bid
        half = self.spread / 2
        self.bought = [max(0.0, w - half) - quote.ask for w in worth.at_end]
        self.sold = [quote.bid - w - half for w in worth.at_end]
        self.mean_bought, self.mean_sold = moves.mean(self.bought), moves.mean(self.sold)

    @property
    def greeks(self) -> Greeks:
        """The contract's."""
        return self._worth.greeks

    @property
    def name(self) -> str:
        """The contract's."""
        return self._worth.name


def naked_margin(quote: OptionQuote, spot: float, terms: ChainTerms) -> float:
    """USD per share locked for an option sold without cover."""
    contract = quote.contract
    outside = max(0.0, contract.strike - spot if contract.kind == "call" else spot - contract.strike)
    return (quote.ask or 0.0) + max(terms.naked_ratio * spot - outside, terms.naked_least * spot)


class OptionsWay:
    """So many contracts of one option bought and, if there is one, of another sold; ``cost_usd`` and
    ``capital_usd`` are known without looking at every move, :meth:`way` has it all."""

    def __init__(self, bought: OptionValues, sold: OptionValues | None, contracts: int, spot: float,
                 terms: ChainTerms) -> None:  # fmt: skip
        self.bought, self.sold, self.contracts, self.spot = bought, sold, contracts, spot
        self.terms = terms
        self.shares = contracts * bought.quote.contract.shares
        legs = 1 if sold is None else 2
        self.fees = 2 * legs * contracts * terms.commission_usd
        spread, gain, outlay, margin = bought.spread, bought.mean_bought, bought.quote.ask or 0.0, 0.0
        if sold is not None:
            spread, gain = spread + sold.spread, gain + sold.mean_sold
            outlay -= sold.quote.bid or 0.0
            margin = naked_margin(sold.quote, spot, terms)
        self.least_usd = self.shares * spread + self.fees
        self.cost_usd = max(self.least_usd, self.fees - self.shares * gain)
        self.margin_usd = self.shares * margin
        self.outlay_usd = self.shares * outlay
        self.capital_usd = self.shares * (max(0.0, outlay) + margin)

    def gains(self) -> list[float]:
        """USD at the end of the wait in each move."""
        shares, fees = self.shares, self.fees
        if self.sold is None:
            return [shares * gain - fees for gain in self.bought.bought]
        pairs = zip(self.bought.bought, self.sold.sold, strict=True)
        return [shares * (bought + sold) - fees for bought, sold in pairs]

    def way(self, name: str, description: str, venue: str) -> Way:
        """All that is known of it."""
        greeks = self.bought.greeks
        if self.sold is not None:
            greeks = greeks + self.sold.greeks * -1.0
        return Way(
            "listed_option", name, description, self.shares, self.shares * self.spot,
            tuple(self.gains()), self.least_usd, self.outlay_usd,
            self.capital_usd, greeks * self.shares, venue, contracts=self.contracts, legs=self._legs(),
        )  # fmt: skip

    def _legs(self) -> tuple[HedgeLeg, ...]:
        """What is bought first: an option sold without it would stand bare. None where nobody says where."""
        fee, each = self.contracts * self.terms.commission_usd, self.bought.quote.contract.shares
        bought = self.bought.quote
        legs = [HedgeLeg(bought.instrument, "buy", self.contracts, each * (bought.ask or 0.0),
                         each * (bought.bid or 0.0), fee)]  # fmt: skip
        if self.sold is not None:
            sold = self.sold.quote
            legs.append(HedgeLeg(sold.instrument, "sell", self.contracts, each * (sold.bid or 0.0),
                                 each * (sold.ask or 0.0), fee, self.margin_usd))  # fmt: skip
        return tuple(legs) if all(leg.instrument for leg in legs) else ()


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
