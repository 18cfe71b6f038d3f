"""Listed options over a wait: what a contract is worth at its end, and offers made of one or two. Pure.

A contract is valued by Black and Scholes at the volatility in its price now, at least at what exercise pays,
and closed at the far side of the spread. What is not asked for is not worked out: most offers lose too much
in the worst of the moves to be looked at in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from bot.strategy.hedge_quotes import TINY, HedgeLeg, Way
from bot.strategy.moves import Moves
from bot.strategy.options import Chain, ChainTerms, Greeks, OptionQuote, european
from bot.strategy.options.european import intrinsic
from bot.timefmt import NS, short
from bot.types import HedgeKind, Ns


class Worth:
    """One contract over the wait: per share what it is worth at its end, and its greeks now, by the
    volatility in the middle of a quote."""

    def __init__(self, quote: OptionQuote, spot: float, ts: Ns, seconds: float, rate: float,
                 dividends: european.Dividends) -> None:  # fmt: skip
        mid = quote.mid
        assert mid is not None
        self.contract, self._mid, self._spot = quote.contract, mid, spot
        self._ts, self._end, self._rate, self._dividends = ts, ts + round(seconds * NS), rate, dividends

    @cached_property
    def _now(self) -> tuple[float, list[tuple[float, float]], float | None]:
        """Years until it expires, the dividends due in them, and the volatility."""
        contract, rate = self.contract, self._rate
        years = contract.years(self._ts)
        due = [(when, usd) for when, usd in self._dividends if when <= years]
        found = european.implied_volatility(
            contract.kind, self._mid, self._spot, contract.strike, years, rate, 0.0, due
        )
        return years, due, found

    def at(self, prices: Sequence[float]) -> list[float]:
        """At the end of the wait, at each of these prices of the share."""
        contract, (years, due, volatility) = self.contract, self._now
        kind, strike, left = contract.kind, contract.strike, contract.years(self._end)
        if due:
            passed = years - left
            # Who waits with the token has a dividend in its multiplier; the option is on the share without.
            gone = sum(usd for when, usd in due if when <= passed)
            prices = [max(price - gone, TINY) for price in prices]
            due = [(when - passed, usd) for when, usd in due if when > passed]
        side = 1.0 if kind == "call" else -1.0
        if volatility is None:
            return [max(0.0, side * (price - strike)) for price in prices]
        alive = european.prices(kind, prices, strike, left, volatility, self._rate, 0.0, due)
        return [
            live if live > (paid := side * (price - strike)) else paid
            for live, price in zip(alive, prices, strict=True)
        ]

    @property
    def greeks(self) -> Greeks:
        """Now, of one share's worth; without a volatility only whether it is in the money."""
        contract, spot, (years, due, volatility) = self.contract, self._spot, self._now
        if volatility is None:
            side = 1.0 if contract.kind == "call" else -1.0
            return Greeks(self._mid, side if intrinsic(contract.kind, spot, contract.strike) > 0 else 0.0)
        return european.greeks(contract.kind, spot, contract.strike, years, volatility, self._rate, 0.0, due)

    @property
    def name(self) -> str:
        """As people say it: ``"TSLA 2025-07-18 380 put"``."""
        contract = self.contract
        day = short(contract.expiry).partition(" ")[0]
        return f"{contract.underlying} {day} {contract.strike:,.6g} {contract.kind}"


class Gains(NamedTuple):
    """USD a share in each move, and their mean."""

    each: list[float]
    mean: float


class OptionValues:
    """One quote over the wait, of a contract that is so much ``worth``: USD a share that buying or selling it
    brings at each of ``prices``, of which ``worst`` are those that it is bought against."""

    def __init__(self, quote: OptionQuote, worth: Worth, spot: float, moves: Moves, prices: Sequence[float],
                 worst: slice, terms: ChainTerms) -> None:  # fmt: skip
        assert quote.bid is not None
        assert quote.ask is not None
        self.quote, self.bid, self.ask, self.spot, self.terms = quote, quote.bid, quote.ask, spot, terms
        self.spread = quote.ask - quote.bid
        self.half = self.spread / 2
        self._worth, self._moves, self._prices, self.worst = worth, moves, prices, worst
        self._bought_in_worst: list[float] = []
        self._bought: Gains | None = None
        self._sold: Gains | None = None
        contract = quote.contract
        self.shares = contract.shares
        outside = contract.strike - spot if contract.kind == "call" else spot - contract.strike
        self.naked_margin = quote.ask + max(
            terms.naked_ratio * spot - max(0.0, outside), terms.naked_least * spot
        )
        """USD a share locked where it is sold without cover."""
        self.most_sold = quote.bid - self.half
        """What selling it brings at most: it is worth nothing at the end."""

    @property
    def bought_in_worst(self) -> list[float]:
        """In the worst moves alone."""
        if not self._bought_in_worst:
            self._bought_in_worst = self._buying(self._prices[self.worst])
        return self._bought_in_worst

    @property
    def bought(self) -> Gains:
        """In each move, and expected."""
        if self._bought is None:
            gains = self._buying(self._prices)
            self._bought = Gains(gains, self._moves.mean(gains))
        return self._bought

    @property
    def sold(self) -> Gains:
        """The same where it is sold."""
        if self._sold is None:
            bid, half = self.bid, self.half
            gains = [bid - worth - half for worth in self._worth.at(self._prices)]
            self._sold = Gains(gains, self._moves.mean(gains))
        return self._sold

    def _buying(self, prices: Sequence[float]) -> list[float]:
        ask, half = self.ask, self.half
        return [(worth - half if worth > half else 0.0) - ask for worth in self._worth.at(prices)]

    @property
    def greeks(self) -> Greeks:
        """The contract's."""
        return self._worth.greeks

    @property
    def name(self) -> str:
        """The contract's."""
        return self._worth.name


class OptionsOffer:
    """So many contracts of one option of a ``chain`` bought and, if there is one, of another sold.

    ``loss_usd`` is what is lost at the wait's level at least by what is hedged and what is bought together,
    fees left out.
    """

    kind: HedgeKind = "listed_option"

    def __init__(self, name: str, bought: OptionValues, sold: OptionValues | None, contracts: int,
                 chain: Chain, loss_usd: float) -> None:  # fmt: skip
        self.name, self.bought, self.sold, self.contracts, self.chain = name, bought, sold, contracts, chain
        self.shares = shares = contracts * bought.shares
        spread, outlay, margin, legs = bought.spread, bought.ask, 0.0, 1
        if sold is not None:
            spread, outlay, margin, legs = spread + sold.spread, outlay - sold.bid, sold.naked_margin, 2
            loss_usd -= shares * sold.most_sold
        self.fees = fees = 2 * legs * contracts * bought.terms.commission_usd
        self.least_usd = shares * spread + fees
        self.least_loss_usd = loss_usd + fees
        self.margin_usd = shares * margin
        self.outlay_usd = shares * outlay
        self.capital_usd = shares * (max(0.0, outlay) + margin)

    @property
    def cost_usd(self) -> float:
        """Expected, and no less than what trading it costs."""
        gain = self.bought.bought.mean
        if self.sold is not None:
            gain += self.sold.sold.mean
        return max(self.least_usd, self.fees - self.shares * gain)

    def gains(self) -> list[float]:
        """USD at the end of the wait in each move."""
        shares, fees = self.shares, self.fees
        if self.sold is None:
            return [shares * gain - fees for gain in self.bought.bought.each]
        pairs = zip(self.bought.bought.each, self.sold.sold.each, strict=True)
        return [shares * (bought + sold) - fees for bought, sold in pairs]

    def way(self) -> Way:
        """All that is known of it."""
        greeks = self.bought.greeks
        if self.sold is not None:
            greeks = greeks + self.sold.greeks * -1.0
        return Way(
            self.kind, self.name, self.description, self.shares, self.shares * self.bought.spot,
            tuple(self.gains()), self.least_usd, self.outlay_usd,
            self.capital_usd, greeks * self.shares, self.chain.on(self.bought.quote).venue,
            contracts=self.contracts, legs=self._legs(),
        )  # fmt: skip

    @property
    def description(self) -> str:
        """For people."""
        bought, sold, chain = self.bought, self.sold, self.chain
        text = f"{self.contracts} {bought.name} bought at ${bought.ask:,.2f}{chain.where(bought.quote)}"
        if sold is not None:
            text += f", {self.contracts} {sold.name} sold at ${sold.bid:,.2f}"
        if note := chain.reckons_with(bought.quote.contract.expiry):
            text += f", {note}"
        return text

    def _legs(self) -> tuple[HedgeLeg, ...]:
        """What is bought first: an option sold without it would stand bare. None where nobody says where."""
        fee, each = self.contracts * self.bought.terms.commission_usd, self.bought.shares
        bought, sold = self.bought, self.sold
        legs = [HedgeLeg(bought.quote.instrument, "buy", self.contracts, each * bought.ask,
                         each * bought.bid, fee)]  # fmt: skip
        if sold is not None:
            legs.append(HedgeLeg(sold.quote.instrument, "sell", self.contracts, each * sold.bid,
                                 each * sold.ask, fee, self.margin_usd))  # fmt: skip
        return tuple(legs) if all(leg.instrument for leg in legs) else ()
