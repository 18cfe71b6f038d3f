"""The chains of several venues as one: each contract at the venue that asks least for it. Pure.

What is sold against it is looked for where it was bought: margin and exercise are one broker's.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from bot.strategy.hedge_chain import LiveChain
from bot.strategy.options import Chain, OptionQuote
from bot.strategy.options.european import OptionKind
from bot.timefmt import NS, duration
from bot.types import HedgeNotChosen, Ns, split_instrument


class Venues(Chain):
    """``chains`` are two or more of one share, at one moment."""

    def __init__(self, chains: Sequence[LiveChain]) -> None:
        first = chains[0]
        super().__init__(
            first.underlying, first.spot, first.ts, (), rate=first.rate, dividends=first.dividends,
            venue=first.venue, terms=first.terms,
        )  # fmt: skip
        self._chains = {chain.venue: chain for chain in chains}
        self._asked: dict[tuple[Ns, OptionKind, float, float], list[OptionQuote]] = {}
        self._same: dict[tuple[Ns, OptionKind, float], list[OptionQuote]] = {}

    def expiries(self, after: Ns) -> list[Ns]:
        return sorted({expiry for chain in self._chains.values() for expiry in chain.expiries(after)})

    def of(self, expiry: Ns, kind: OptionKind) -> list[OptionQuote]:
        return self.between(expiry, kind, 0.0, inf)

    def between(self, expiry: Ns, kind: OptionKind, low: float, high: float) -> list[OptionQuote]:
        key = expiry, kind, low, high
        found = self._asked.get(key)
        if found is None:
            found = self._asked[key] = self._least(expiry, kind, low, high)
        return found

    def same(self, quote: OptionQuote) -> Sequence[OptionQuote]:
        contract = quote.contract
        return self._same[contract.expiry, contract.kind, contract.strike]

    def on(self, quote: OptionQuote) -> Chain:
        return self._chains[split_instrument(quote.instrument)[1]]

    def where(self, quote: OptionQuote) -> str:
        return f" on {self.on(quote).venue}, quoted {duration((self.ts - quote.ts) / NS)} ago"

    def reckons_with(self, expiry: Ns) -> str:
        return next(iter(self._chains.values())).reckons_with(expiry)

    def left_out(self) -> list[HedgeNotChosen]:
        return [one for chain in self._chains.values() for one in chain.left_out()]

    def _least(self, expiry: Ns, kind: OptionKind, low: float, high: float) -> list[OptionQuote]:
        """By strike, where least is asked, commission included; remembers the others in that order."""
        contracts: dict[float, list[OptionQuote]] = {}
        for chain in self._chains.values():
            for quote in chain.between(expiry, kind, low, high):
                contracts.setdefault(quote.contract.strike, []).append(quote)
        for strike, quotes in contracts.items():
            if len(quotes) > 1:
                quotes.sort(key=self._asks)
            self._same[expiry, kind, strike] = quotes
        return [contracts[strike][0] for strike in sorted(contracts)]

    def _asks(self, quote: OptionQuote) -> tuple[float, str]:
        commission = self.on(quote).terms.commission_usd / quote.contract.shares
        return (quote.ask or 0.0) + commission, quote.instrument
