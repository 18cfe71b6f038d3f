"""What is made of a chain for one wait: protection bought, alone or paid for by an option sold. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, floor, inf
from typing import TYPE_CHECKING

from bot.strategy.hedge_options import OptionsOffer, OptionValues, Worth
from bot.strategy.hedge_quotes import HORIZON_SPARE_SECONDS, unavailable
from bot.strategy.moves import Moves, least_loss, worst
from bot.strategy.options import Chain, Contract, OptionQuote
from bot.strategy.options.european import OptionKind
from bot.strategy.risk import SIGMAS_99
from bot.timefmt import NS, duration
from bot.types import HedgeNotChosen, Ns

if TYPE_CHECKING:
    from bot.strategy.hedge_ways import Wait

EXPIRIES, STRIKES, FAR_STRIKES = 2, 5, 3
"""So many of the nearest expiries beyond the wait, strikes of the protection, and strikes to pay for it."""
LEAST_REACH, INSIDE = 0.03, 0.02
"""Strikes are looked at so far from the spot at least, as a log distance, and of the protection so far on the
other side."""
ROUNDING = 1e-6
"""A least loss is right to so much of what is hedged."""


class Combinations:
    """``tokens`` is what each move does to a dollar of what is hedged, ``prices`` the share's after it."""

    def __init__(self, wait: Wait, chain: Chain, moves: Moves, tokens: Sequence[float],
                 prices: Sequence[float]) -> None:  # fmt: skip
        self._wait, self._chain, self._moves = wait, chain, moves
        self._tokens, self._prices = tokens, prices
        lowest, highest = (worst(weights, wait.level) for weights in (moves.weights, moves.weights[::-1]))
        self._worst: dict[OptionKind, slice] = {"put": slice(lowest), "call": slice(-highest, None)}
        """The moves against which an option of a kind is bought."""
        self._looked_at: dict[tuple[str, Ns, OptionKind, bool], list[OptionQuote]] = {}
        self._values: dict[int, OptionValues] = {}
        self._worths: dict[Contract, Worth] = {}

    def offers(self, shares: float, missing: dict[str, HedgeNotChosen]) -> Iterator[OptionsOffer]:
        """For so many shares (negative: owed); ``missing`` is told of what is not on offer, by its name."""
        wait, found = self._wait, False
        end = wait.ts + round((wait.seconds + HORIZON_SPARE_SECONDS) * NS)
        protecting: OptionKind = "put" if shares > 0 else "call"
        for expiry in self._chain.expiries(end)[:EXPIRIES]:
            for quote in self._near(self._chain, expiry, protecting, protects=True):
                found = True
                yield from self._with(quote, shares, missing)
        if not found:
            _lacks(missing, "listed options",
                   f"no fresh option that outlives {duration(wait.seconds)} near the price")  # fmt: skip

    def _with(self, quote: OptionQuote, shares: float,
              missing: dict[str, HedgeNotChosen]) -> Iterator[OptionsOffer]:  # fmt: skip
        """One contract as the protection: so many of it and, where they are for fewer shares, one more; then
        paid for by another."""
        each, name = quote.contract.shares, f"protective {quote.contract.kind}"
        down = floor(abs(shares) / each + 1e-9)
        losses: dict[int, float] = {}
        for contracts in dict.fromkeys((down, down + (down * each < abs(shares) * (1 - 1e-9)))):
            if contracts < 1:
                continue
            bought = self._sized(quote, contracts)
            if contracts > bought.ask_size:
                _lacks(missing, name, f"{bought.ask_size} contracts at the ask, {contracts} needed")
                continue
            protection = self._value(bought)
            losses[contracts] = self._least_loss(protection, contracts, shares)
            yield OptionsOffer(name, protection, None, contracts, self._chain, losses[contracts])
        yield from self._paid_for(self._sized(quote, down), down, shares, losses.get(down, inf), missing)

    def _paid_for(self, bought: OptionQuote, contracts: int, shares: float, loss: float,
                  missing: dict[str, HedgeNotChosen]) -> Iterator[OptionsOffer]:  # fmt: skip
        """An option bought and the opposite sold: a collar, or at one strike a synthetic position. What is
        sold is never for more shares than are hedged. ``loss`` is what is lost at least with what is bought
        alone."""
        contract, there = bought.contract, self._chain.on(bought)
        paying: OptionKind = "call" if shares > 0 else "put"
        for sold in self._near(there, contract.expiry, paying, protects=False):
            same = contract.strike == sold.contract.strike
            name = ("synthetic short" if shares > 0 else "synthetic long") if same else "collar"
            if contracts < 1:
                _lacks(missing, name, f"one contract is for {contract.shares} shares")
            elif contracts > (room := min(bought.ask_size, sold.bid_size)):
                _lacks(missing, name, f"{room} contracts at the quotes, {contracts} needed")
            else:
                protection, paid_by = self._value(bought), self._value(sold)
                yield OptionsOffer(name, protection, paid_by, contracts, self._chain, loss)

    def _least_loss(self, bought: OptionValues, contracts: int, shares: float) -> float:
        """What is lost with it at the wait's level at least, USD, whatever it brings in other moves than the
        worst; fees left out."""
        usd, covered, worst = shares * self._wait.spot, contracts * bought.shares, bought.worst
        pairs = zip(self._tokens[worst], bought.bought_in_worst, strict=True)
        both = [usd * token + covered * gain for token, gain in pairs]
        found = least_loss(both, self._moves.weights[worst], self._wait.level)
        return found - ROUNDING * abs(usd)

    def _sized(self, quote: OptionQuote, contracts: int) -> OptionQuote:
        """The same contract where least is asked for so many, or for any."""
        if quote.ask_size >= contracts:
            return quote
        same = self._chain.same(quote)
        return next((each for each in same if each.ask_size >= contracts), quote)

    def _near(self, chain: Chain, expiry: Ns, kind: OptionKind, *, protects: bool) -> list[OptionQuote]:
        """Of the strikes between two log distances from the spot."""
        key = (chain.venue, expiry, kind, protects)
        if key not in self._looked_at:
            wait = self._wait
            reach = max(SIGMAS_99 * wait.sd, LEAST_REACH)
            inside, most = (INSIDE, STRIKES) if protects else (0.0, FAR_STRIKES)
            edges = (-reach, inside) if kind == "put" else (-inside, reach)
            low, high = (wait.spot * exp(edge) for edge in edges)
            self._looked_at[key] = chain.spread(expiry, kind, low, high, most, wait.ts)
        return self._looked_at[key]

    def _value(self, quote: OptionQuote) -> OptionValues:
        found = self._values.get(id(quote))
        if found is None:
            worst, terms = self._worst[quote.contract.kind], self._chain.on(quote).terms
            found = self._values[id(quote)] = OptionValues(
                quote, self._worth(quote), self._wait.spot, self._moves, self._prices, worst, terms
            )
        return found

    def _worth(self, quote: OptionQuote) -> Worth:
        """A contract is worth one thing wherever it is quoted: what the first quote looked at says."""
        found = self._worths.get(quote.contract)
        if found is None:
            chain, wait = self._chain.on(quote), self._wait
            found = self._worths[quote.contract] = Worth(
                quote, wait.spot, wait.ts, wait.seconds, chain.rate, chain.dividends
            )
        return found


def _lacks(missing: dict[str, HedgeNotChosen], name: str, detail: str) -> None:
    missing[name] = unavailable("listed_option", name, detail)
