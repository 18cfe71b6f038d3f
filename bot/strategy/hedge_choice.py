"""Which hedge carries a wait: the cheapest that keeps the stated shortfall, and why not the others. Pure.

Every way is put through the same moves of the price. The token moves with them, the hedge with all but a
tenth (:data:`~bot.strategy.risk.HEDGE_RESIDUAL`): token and share are not one thing; a perp's index stands
still or follows tokens while New York sleeps, and misses more. *Cost* is what the hedge is expected to lose,
spreads, fees, funding, borrow and time value, with the financing of what it locks. What it might earn, as a
collar does where options are dear, is no saving beyond the cost of trading: a hedge is not a bet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from msgspec import Struct

from bot.strategy.hedge_quotes import HedgeQuotes, Way
from bot.strategy.hedge_ways import Offer, Wait, Ways
from bot.strategy.hedges import ShortStock
from bot.strategy.mechanisms import years
from bot.strategy.moves import student
from bot.strategy.options import Greeks
from bot.types import HedgeNotChosen


class Judged(Struct, frozen=True):
    """A way and its figures, USD."""

    way: Way
    cost_usd: float
    financing_usd: float
    shortfall_95_usd: float
    shortfall_99_usd: float
    shortfall_usd: float


class HedgeChoice(Struct, frozen=True):
    """The answer for so many shares (negative: owed). ``chosen`` is ``None`` if no way keeps the shortfall;
    ``greeks`` are of the shares and the chosen hedge together."""

    shares: float
    exposure_usd: float
    limit_usd: float
    chosen: Judged | None
    others: tuple[HedgeNotChosen, ...]
    greeks: Greeks


class Hedger:
    """The ways to carry one wait; what does not depend on the size is worked out once.

    ``short`` is a broker's quote, or why there is none.
    """

    def __init__(self, wait: Wait, quotes: HedgeQuotes, short: ShortStock | str) -> None:
        self.wait = wait
        self._rate = wait.financing_rate * years(wait.seconds)
        self.moves = student(wait.sd)
        self.ways = Ways(wait, quotes, short, self.moves)

    def choose(self, shares: float, capital_usd: float = inf) -> HedgeChoice:
        """The cheapest way for so many shares that keeps the shortfall, within ``capital_usd``."""
        wait = self.wait
        exposure = abs(shares) * wait.spot
        limits = _Limits(wait.shortfall_ratio * exposure, capital_usd)
        named: dict[str, list[Offer]] = {}
        for offer in self.ways.offers(shares):
            named.setdefault(offer.name, []).append(offer)
        best = [self._best(offers, shares, limits) for offers in named.values()]
        best.sort(key=limits.order)
        chosen = best.pop(0) if limits.keeps(best[0]) else None
        others = [self._not_chosen(judged, chosen, limits) for judged in best]
        missing = [lack for name, lack in self.ways.missing.items() if name not in named]
        held = Greeks(shares * wait.spot, shares)
        way = None if chosen is None else chosen.offer.way()
        return HedgeChoice(
            shares, exposure, limits.loss_usd,
            None if chosen is None or way is None else Judged(way, *chosen[1:]),
            (*others, *missing, *self.ways.aside()),
            held if way is None else held + way.greeks,
        )  # fmt: skip

    def _best(self, offers: Sequence[Offer], shares: float, limits: _Limits) -> _Figures:
        """Of one name the cheapest that keeps the limits; if none does, that which loses least."""
        looked_at: dict[int, _Figures] = {}

        def look(at: int) -> _Figures:
            if at not in looked_at:
                looked_at[at] = self._figures(offers[at], shares)
            return looked_at[at]

        if len(offers) == 1:
            return look(0)
        return self._cheapest(offers, limits, look) or self._least_lossy(offers, look)

    def _cheapest(self, offers: Sequence[Offer], limits: _Limits, look: _Look) -> _Figures | None:
        """That which keeps the limits. Offers that lose or cost too much at least are not looked at."""
        able = sorted(
            (offer.least_usd + offer.capital_usd * self._rate, at)
            for at, offer in enumerate(offers)
            if offer.least_loss_usd <= limits.loss_usd and offer.capital_usd <= limits.capital_usd
        )
        best: tuple[float, int] | None = None
        for least, at in able:
            if best is not None and least > best[0]:
                break
            cost = self._cost(offers[at]), at
            if (best is None or cost < best) and limits.keeps(look(at)):
                best = cost
        return None if best is None else look(best[1])

    def _least_lossy(self, offers: Sequence[Offer], look: _Look) -> _Figures:
        """Of those that lose as little the cheapest. Offers that lose too much at least are not looked at."""
        best: tuple[float, float, int] | None = None
        for least, at in sorted((offer.least_loss_usd, at) for at, offer in enumerate(offers)):
            if best is not None and least > best[0]:
                break
            lossy = look(at).shortfall_usd, self._cost(offers[at]), at
            best = lossy if best is None else min(best, lossy)
        assert best is not None
        return look(best[2])

    def _cost(self, offer: Offer) -> float:
        return offer.cost_usd + offer.capital_usd * self._rate

    def _figures(self, offer: Offer, shares: float) -> _Figures:
        wait, usd = self.wait, shares * self.wait.spot
        both = [usd * token + gain for token, gain in zip(self.ways.tokens, offer.gains(), strict=True)]
        financing = offer.capital_usd * wait.financing_rate * years(wait.seconds)
        at_95, at_99, at = self.moves.shortfalls(both, (0.95, 0.99, wait.level))
        return _Figures(offer, offer.cost_usd, financing, at_95, at_99, at)

    def _not_chosen(self, judged: _Figures, chosen: _Figures | None, limits: _Limits) -> HedgeNotChosen:
        """Why it is not."""
        offer, lost, locked = judged.offer, judged.shortfall_usd, judged.offer.capital_usd
        if lost > limits.loss_usd:
            may = f"${limits.loss_usd:,.2f} may be"
            reason = f"hedge.shortfall: ${lost:,.2f} would be lost at {self.wait.level:.0%}, {may}"
        elif locked > limits.capital_usd:
            reason = f"hedge.capital: it locks ${locked:,.2f} of ${max(0.0, limits.capital_usd):,.2f}"
        else:
            assert chosen is not None
            reason = f"hedge.dearer: ${total(judged) - total(chosen):,.2f} more than {chosen.offer.name}"
        return HedgeNotChosen(offer.kind, offer.description, total(judged), judged.shortfall_99_usd, reason)


class _Figures(NamedTuple):
    """Those of :class:`Judged`, of an offer that need not be told."""

    offer: Offer
    cost_usd: float
    financing_usd: float
    shortfall_95_usd: float
    shortfall_99_usd: float
    shortfall_usd: float


_Look = Callable[[int], _Figures]


class _Limits(NamedTuple):
    """What may be lost at the wait's level, and what may be locked."""

    loss_usd: float
    capital_usd: float

    def keeps(self, judged: _Figures) -> bool:
        return judged.shortfall_usd <= self.loss_usd and judged.offer.capital_usd <= self.capital_usd

    def order(self, judged: _Figures) -> tuple[bool, float]:
        """Those that keep them first, the cheapest first; then those that lose least."""
        return (False, total(judged)) if self.keeps(judged) else (True, judged.shortfall_usd)


def total(judged: Judged | _Figures) -> float:
    """What a way is compared by: expected cost and financing."""
    return judged.cost_usd + judged.financing_usd
