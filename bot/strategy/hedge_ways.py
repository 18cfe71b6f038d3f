"""The ways to carry a wait that the markets offer at a moment, each put through the same moves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp, floor, inf
from typing import Protocol

from msgspec import Struct

from bot.strategy.hedge_combinations import Combinations
from bot.strategy.hedge_quotes import HedgeQuotes, Way, perp_way, perpetual_way, unavailable
from bot.strategy.hedges import MARGIN_RATIO, ShortStock
from bot.strategy.moves import Moves
from bot.strategy.options import Greeks
from bot.strategy.options.chain import MAX_AGE_NS
from bot.strategy.options.european import OptionKind
from bot.strategy.risk import HEDGE_RESIDUAL, SIGMAS_99
from bot.types import HedgeKind, HedgeNotChosen, Ns

PERP_RESIDUAL = 0.15
"""As :data:`~bot.strategy.risk.HEDGE_RESIDUAL`, for a perp. An assumption."""


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


class Offer(Protocol):
    """A way by name; what is not asked for is not worked out."""

    @property
    def kind(self) -> HedgeKind:
        """Of hedge."""

    @property
    def name(self) -> str:
        """One of each name is told."""

    @property
    def description(self) -> str:
        """For people."""

    @property
    def cost_usd(self) -> float:
        """What it is expected to cost."""

    @property
    def least_usd(self) -> float:
        """What it costs at least."""

    @property
    def capital_usd(self) -> float:
        """What it locks."""

    @property
    def least_loss_usd(self) -> float:
        """What is lost with it at the wait's level at least; minus infinity where nothing is known."""

    def gains(self) -> Sequence[float]:
        """What it brings in each move, USD."""

    def way(self) -> Way:
        """All that is known of it."""


class Made:
    """An offer of which everything is known."""

    least_loss_usd = -inf

    def __init__(self, way: Way, moves: Moves) -> None:
        self._way, self.kind, self.name, self.description = way, way.kind, way.name, way.description
        self.least_usd, self.capital_usd = way.least_usd, way.capital_usd
        self.cost_usd = max(way.least_usd, -moves.mean(way.gains))

    def gains(self) -> Sequence[float]:
        return self._way.gains

    def way(self) -> Way:
        return self._way


class Ways:
    """Every way to hedge one wait; what does not depend on the size is worked out once.

    ``tokens`` are the log moves as ratios of the price. ``missing`` says of the last asked what was not on
    offer, by the name of the way.
    """

    def __init__(self, wait: Wait, quotes: HedgeQuotes, short: ShortStock | str, moves: Moves) -> None:
        self.wait, self.quotes, self.short, self.moves = wait, quotes, short, moves
        self.tokens = [exp(move) - 1 for move in moves.logs]
        self.prices = self.prices_at(HEDGE_RESIDUAL)
        self._perp_prices = self.prices_at(PERP_RESIDUAL)
        self.missing: dict[str, HedgeNotChosen] = {}
        self._combinations = None
        if quotes.chain is not None:
            self._combinations = Combinations(wait, quotes.chain, moves, self.tokens, self.prices)

    def offers(self, shares: float) -> Iterator[Offer]:
        """Each way for so many shares (negative: owed), none at all first; fills ``missing`` as it goes."""
        self.missing = {}
        for way in self._simple(shares):
            yield Made(way, self.moves)
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
        if self._combinations is None:
            self._lacks("listed_option", "listed options", "no chain")
            return
        yield from self._combinations.offers(shares, self.missing)

    def prices_at(self, residual: float) -> list[float]:
        """The hedge's price after each move of the token, all but ``residual`` of it; expected to stay."""
        factors = [exp(move * (1 - residual)) for move in self.moves.logs]
        centre = self.moves.mean(factors)
        return [self.wait.spot * factor / centre for factor in factors]

    def _lacks(self, kind: HedgeKind, name: str, detail: str) -> None:
        self.missing[name] = unavailable(kind, name, detail)
