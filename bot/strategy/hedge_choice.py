"""Which hedge carries a wait: the cheapest that keeps the stated shortfall, and why not the others. Pure.

Every way is put through the same moves of the price. The token moves with them, the hedge with all but a
tenth (:data:`~bot.strategy.risk.HEDGE_RESIDUAL`): token and share are not one thing; a perp's index stands
still or follows tokens while New York sleeps, and misses more. *Cost* is what the hedge is expected to lose,
spreads, fees, funding, borrow and time value, with the financing of what it locks. What it might earn, as a
collar does where options are dear, is no saving beyond the cost of trading: a hedge is not a bet.
"""

from __future__ import annotations

from math import exp, inf
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
    """A way and its figures in USD; ``rule`` and ``detail`` say why it is not chosen, empty if it is."""

    way: Way
    cost_usd: float
    financing_usd: float
    shortfall_95_usd: float
    shortfall_99_usd: float
    shortfall_usd: float
    rule: str = ""
    detail: str = ""


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
        self.moves = student(wait.sd)
        self.tokens = [exp(move) - 1 for move in self.moves.logs]
        self.ways = Ways(wait, quotes, short, self.moves)

    def choose(self, shares: float, capital_usd: float = inf) -> HedgeChoice:
        """The cheapest way for so many shares that keeps the shortfall, within ``capital_usd``."""
        wait = self.wait
        exposure = abs(shares) * wait.spot
        limit = wait.shortfall_ratio * exposure
        best: dict[str, Judged] = {}
        for name, offers in self._by_name(shares).items():
            kept: tuple[Offer, _Figures] | None = None
            for offer in offers:
                figures = self._figures(offer, shares, limit, capital_usd)
                if kept is None or _order(figures) < _order(kept[1]):
                    kept = offer, figures
                if not figures.rule:
                    break  # the dearer ones of this name need not be looked at
            if kept is not None:
                best[name] = Judged(kept[0].way(), *kept[1])
        fit = sorted((j for j in best.values() if not j.rule), key=_order)
        chosen = fit[0] if fit else None
        others = [
            _not_chosen(judged, chosen)
            for judged in sorted(best.values(), key=_order)
            if judged is not chosen
        ]
        missing = [lack for name, lack in self.ways.missing.items() if name not in best]
        held = Greeks(shares * wait.spot, shares)
        return HedgeChoice(
            shares, exposure, limit, chosen, (*others, *missing, *self.ways.aside()),
            held + chosen.way.greeks if chosen is not None else held,
        )  # fmt: skip

    def _by_name(self, shares: float) -> dict[str, list[Offer]]:
        """The offers of each name, the cheapest first."""
        rate = self.wait.financing_rate * years(self.wait.seconds)
        named: dict[str, list[Offer]] = {}
        for offer in self.ways.offers(shares):
            named.setdefault(offer.name, []).append(offer)
        for offers in named.values():
            offers.sort(key=lambda offer: offer.cost_usd + offer.capital_usd * rate)
        return named

    def _figures(self, offer: Offer, shares: float, limit: float, capital_usd: float) -> _Figures:
        wait, moves = self.wait, self.moves
        usd = shares * wait.spot
        both = [usd * token + gain for token, gain in zip(self.tokens, offer.gains(), strict=True)]
        at_95, at_99, at = moves.shortfalls(both, (0.95, 0.99, wait.level))
        financing = offer.capital_usd * wait.financing_rate * years(wait.seconds)
        rule = detail = ""
        if at > limit:
            rule, detail = (
                "hedge.shortfall",
                f"${at:,.2f} would be lost at {wait.level:.0%}, ${limit:,.2f} may be",
            )
        elif offer.capital_usd > capital_usd:
            rule, detail = (
                "hedge.capital",
                f"it locks ${offer.capital_usd:,.2f} of ${max(0.0, capital_usd):,.2f}",
            )
        return _Figures(offer.cost_usd, financing, at_95, at_99, at, rule, detail)


class _Figures(NamedTuple):
    """Those of :class:`Judged`, of a way that need not be told."""

    cost_usd: float
    financing_usd: float
    shortfall_95_usd: float
    shortfall_99_usd: float
    shortfall_usd: float
    rule: str
    detail: str


def total(judged: Judged | _Figures) -> float:
    """What a way is compared by: expected cost and financing."""
    return judged.cost_usd + judged.financing_usd


def _order(judged: Judged | _Figures) -> tuple[bool, float]:
    """Those that keep the shortfall first, the cheapest first; then those that lose least."""
    return bool(judged.rule), judged.shortfall_usd if judged.rule else total(judged)


def _not_chosen(judged: Judged, chosen: Judged | None) -> HedgeNotChosen:
    reason = f"{judged.rule}: {judged.detail}"
    if not judged.rule:
        assert chosen is not None
        reason = f"hedge.dearer: ${total(judged) - total(chosen):,.2f} more than {chosen.way.name}"
    return HedgeNotChosen(
        judged.way.kind, judged.way.description, total(judged), judged.shortfall_99_usd, reason
    )
