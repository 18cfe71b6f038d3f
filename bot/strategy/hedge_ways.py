"""The ways to carry a wait that the markets offer at a moment, each put through the same moves. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import exp, floor
from typing import Any, NamedTuple

from msgspec import Struct

from bot.strategy.hedge_quotes import (
    HORIZON_SPARE_SECONDS,
    HedgeQuotes,
    OptionsWay,
    OptionValues,
    Way,
    Worth,
    perp_way,
    perpetual_way,
)
from bot.strategy.hedges import MARGIN_RATIO, ShortStock
from bot.strategy.moves import Moves
from bot.strategy.options import Chain, Contract, Greeks, OptionQuote
from bot.strategy.options.chain import MAX_AGE_NS
from bot.strategy.options.european import OptionKind
from bot.strategy.risk import HEDGE_RESIDUAL, SIGMAS_99
from bot.timefmt import NS, duration
from bot.types import HedgeKind, HedgeNotChosen, Ns

PERP_RESIDUAL = 0.15
"""As :data:`~bot.strategy.risk.HEDGE_RESIDUAL`, for a perp. An assumption."""
EXPIRIES, STRIKES, FAR_STRIKES = 2, 5, 3
"""So many of the nearest expiries beyond the wait, strikes of the protection, and strikes to pay for it."""
LEAST_REACH = 0.03
"""Strikes are looked at so far from the spot at least, as a log distance, and 2 % on the other side."""


class Wait(Struct, frozen=True):
    """What is to be carried: ``sd`` is the log price's over the wait, ``shortfall_ratio`` what may be lost of
    what is hedged, at ``level``."""

    underlying: str
    spot: float
    ts: Ns
    seconds: float
    sd: float
    financing_rate: float = 0.06
    level: float = 0.99
    shortfall_ratio: float = 0.02


class Offer(NamedTuple):
    """A way by name, what it is expected to cost, what it locks; :attr:`gains` works out what it brings in
    each move, and :attr:`way` the rest."""

    name: str
    cost_usd: float
    capital_usd: float
    gains: Callable[[], Sequence[float]]
    way: Callable[[], Way]


class Ways:
    """Every way to hedge one wait; what does not depend on the size is worked out once.

    ``missing`` says of the last asked what was not on offer, by the name of the way.
    """

    def __init__(self, wait: Wait, quotes: HedgeQuotes, short: ShortStock | str, moves: Moves) -> None:
        self.wait, self.quotes, self.short, self.moves = wait, quotes, short, moves
        self.prices = self.prices_at(HEDGE_RESIDUAL)
        self._perp_prices = self.prices_at(PERP_RESIDUAL)
        self.missing: dict[str, HedgeNotChosen] = {}
        self._values: dict[int, OptionValues] = {}
        self._worths: dict[Contract, Worth] = {}

    def offers(self, shares: float) -> Iterator[Offer]:
        """Each way for so many shares (negative: owed), none at all first; fills ``missing`` as it goes."""
        self.missing = {}
        for way in self._simple(shares):
            cost = max(way.least_usd, -self.moves.mean(way.gains))
            yield Offer(way.name, cost, way.capital_usd, partial(_same, way.gains), partial(_same, way))
        yield from self._options(shares)

    def aside(self) -> list[HedgeNotChosen]:
        """What was left out of what the markets said, and why."""
        chain = self.quotes.chain
        return [*self.quotes.aside, *(chain.left_out() if chain is not None else ())]

    def of(self, shares: float) -> Iterator[Way]:
        """Each way with all that is known of it."""
        return (offer.way() for offer in self.offers(shares))

    def _simple(self, shares: float) -> Iterator[Way]:
        nothing = tuple(0.0 for _ in self.prices)
        yield Way("none", "no hedge", "the price risk of the wait is carried", 0.0, 0.0, nothing, 0.0, 0.0,
                  0.0, Greeks())  # fmt: skip
        if shares > 0:
            yield from self._stock(shares)
        yield from self._perps(shares)
        yield from self._perpetuals(shares)

    def _stock(self, shares: float) -> Iterator[Way]:
        quote, wait = self.short, self.wait
        if not isinstance(quote, ShortStock):
            self._lacks("short_stock", "short stock", quote)
            return
        tokens = shares / quote.shares_per_token
        cost, notional = quote.cost_usd(tokens, wait.seconds), quote.notional_usd(tokens)
        # In proportion: which whole number of shares it is becomes known with the size.
        whole = quote.whole(tokens)
        if not whole:
            self._lacks("short_stock", "short stock", "it is less than one share")
            return
        text = f"{whole:,} {wait.underlying} sold short at ${quote.bid:,.2f} ({quote.instrument})"
        gains = tuple(-shares * (price - wait.spot) - cost for price in self.prices)
        yield Way("short_stock", "short stock", text, shares, notional, gains, cost, 0.0,
                  MARGIN_RATIO * notional, Greeks(0.0, -shares),
                  quote.instrument.partition("@")[2])  # fmt: skip

    def _perps(self, shares: float) -> Iterator[Way]:
        wait, prices = self.wait, self._perp_prices
        far = exp(SIGMAS_99 * wait.sd * (1 if shares > 0 else -1))
        for perp in self.quotes.perps:
            name = f"perp on {perp.terms.title}"
            room = perp.bid_shares if shares > 0 else perp.ask_shares
            lots = floor(abs(shares) / perp.terms.lot_shares + 1e-9) * perp.terms.lot_shares
            if wait.ts - perp.ts > MAX_AGE_NS:
                self._lacks("perp", name, f"the quote of {perp.instrument} is old")
            elif lots <= 0 or lots > room:
                self._lacks("perp", name, f"{perp.instrument} has {room:,.6g} shares at its quote")
            else:
                yield perp_way(perp, -lots if shares > 0 else lots, wait.spot, prices, wait.seconds,
                               wait.spot * far, wait.sd)  # fmt: skip

    def _perpetuals(self, shares: float) -> Iterator[Way]:
        kind: OptionKind = "put" if shares > 0 else "call"
        for quote in self.quotes.perpetuals:
            if quote.option.kind != kind:
                continue
            if self.wait.ts - quote.ts > MAX_AGE_NS or quote.units < abs(shares):
                self._lacks(
                    "perpetual_option", f"perpetual {kind}", f"{quote.instrument} is old or too small"
                )
                continue
            way = perpetual_way(quote, abs(shares), self.wait.spot, self.prices, self.wait.seconds)
            if way.capital_usd > quote.coins_usd:
                need = f"${way.capital_usd:,.2f} of {quote.coin} as margin, ${quote.coins_usd:,.2f} in hand"
                self._lacks("perpetual_option", f"perpetual {kind}", f"{quote.instrument} takes {need}")
                continue
            yield way

    def _options(self, shares: float) -> Iterator[Offer]:
        chain, wait = self.quotes.chain, self.wait
        if chain is None:
            self._lacks("listed_option", "listed options", "no chain")
            return
        end = wait.ts + round((wait.seconds + HORIZON_SPARE_SECONDS) * NS)
        found = False
        protecting: OptionKind = "put" if shares > 0 else "call"
        paying: OptionKind = "call" if shares > 0 else "put"
        sign = -1 if shares > 0 else 1
        for expiry in chain.expiries(end)[:EXPIRIES]:
            reach, far = max(SIGMAS_99 * wait.sd, LEAST_REACH), dict[str, list[OptionQuote]]()
            for quote in self._within(chain, expiry, protecting, sign * reach, -sign * 0.02, STRIKES):
                found = True
                yield from self._bought(quote, shares)
                sized = self._sized(quote, floor(abs(shares) / quote.contract.shares + 1e-9))
                there = chain.on(sized)
                if there.venue not in far:
                    far[there.venue] = self._within(there, expiry, paying, -sign * reach, 0.0, FAR_STRIKES)
                for other in far[there.venue]:
                    yield from self._paid_for(sized, other, shares)
        if not found:
            self._lacks("listed_option", "listed options",
                        f"no fresh option that outlives {duration(wait.seconds)} near the price")  # fmt: skip

    def _sized(self, quote: OptionQuote, contracts: int) -> OptionQuote:
        """The same contract where least is asked for so many, or for any."""
        assert self.quotes.chain is not None
        same = self.quotes.chain.same(quote)
        return next((each for each in same if each.ask_size >= contracts), quote)

    def _within(self, chain: Chain, expiry: Ns, kind: OptionKind, one: float, other: float,
                most: int) -> list[OptionQuote]:  # fmt: skip
        """Fresh quotes, both sides, of strikes between two log distances from the spot; at most so many."""
        low, high = (self.wait.spot * exp(edge) for edge in sorted((one, other)))
        found = [
            quote for quote in chain.between(expiry, kind, low, high)
            if quote.fresh(self.wait.ts) and quote.mid is not None
        ]  # fmt: skip
        if len(found) <= most:
            return found
        return [found[round(i * (len(found) - 1) / (most - 1))] for i in range(most)]

    def _bought(self, quote: OptionQuote, shares: float) -> Iterator[Offer]:
        each = quote.contract.shares
        down = floor(abs(shares) / each + 1e-9)
        for contracts in dict.fromkeys((down, down + (down * each < abs(shares) * (1 - 1e-9)))):
            if contracts < 1:
                continue
            name, sized = f"protective {quote.contract.kind}", self._sized(quote, contracts)
            if contracts > sized.ask_size:
                self._lacks(
                    "listed_option", name, f"{sized.ask_size} contracts at the ask, {contracts} needed"
                )
                continue
            assert self.quotes.chain is not None
            terms = self.quotes.chain.on(sized).terms
            yield self._offer(name, OptionsWay(self._value(sized), None, contracts, self.wait.spot, terms))

    def _paid_for(self, quote: OptionQuote, other: OptionQuote, shares: float) -> Iterator[Offer]:
        """An option bought and the opposite sold: a collar, or at one strike a synthetic position. What is
        sold is never for more shares than are hedged."""
        contracts = floor(abs(shares) / quote.contract.shares + 1e-9)
        same = quote.contract.strike == other.contract.strike
        name = ("synthetic short" if shares > 0 else "synthetic long") if same else "collar"
        if contracts < 1:
            self._lacks("listed_option", name, f"one contract is for {quote.contract.shares} shares")
        elif contracts > min(quote.ask_size, other.bid_size):
            room = min(quote.ask_size, other.bid_size)
            self._lacks("listed_option", name, f"{room} contracts at the quotes, {contracts} needed")
        else:
            assert self.quotes.chain is not None
            terms = self.quotes.chain.on(quote).terms
            both = OptionsWay(self._value(quote), self._value(other), contracts, self.wait.spot, terms)
            yield self._offer(name, both)

    def _offer(self, name: str, options: OptionsWay) -> Offer:
        bought, sold = options.bought, options.sold
        chain = self.quotes.chain
        assert chain is not None
        venue = chain.on(bought.quote).venue

        def way() -> Way:
            text = f"{options.contracts} {bought.name} bought at ${bought.quote.ask:,.2f}"
            text += chain.where(bought.quote)
            if sold is not None:
                text += f", {options.contracts} {sold.name} sold at ${sold.quote.bid:,.2f}"
            if note := chain.reckons_with(bought.quote.contract.expiry):
                text += f", {note}"
            return options.way(name, text, venue)

        return Offer(name, options.cost_usd, options.capital_usd, options.gains, way)

    def _value(self, quote: OptionQuote) -> OptionValues:
        found = self._values.get(id(quote))
        if found is None:
            found = self._values[id(quote)] = OptionValues(quote, self._worth(quote), self.moves)
        return found

    def _worth(self, quote: OptionQuote) -> Worth:
        """A contract is worth one thing wherever it is quoted: what the first quote looked at says."""
        found = self._worths.get(quote.contract)
        if found is None:
            assert self.quotes.chain is not None
            chain, wait = self.quotes.chain.on(quote), self.wait
            found = self._worths[quote.contract] = Worth(
                quote, wait.spot, self.prices, wait.ts, wait.seconds, chain.rate, chain.dividends
            )
        return found

    def prices_at(self, residual: float) -> list[float]:
        """The hedge's price after each move of the token, all but ``residual`` of it; expected to stay."""
        factors = [exp(move * (1 - residual)) for move in self.moves.logs]
        centre = self.moves.mean(factors)
        return [self.wait.spot * factor / centre for factor in factors]

    def _lacks(self, kind: HedgeKind, name: str, detail: str) -> None:
        self.missing[name] = HedgeNotChosen(kind, name, None, None, f"hedge.unavailable: {detail}")


def _same(value: Any) -> Any:
    return value
