"""What carries the price risk of a route's wait: short stock, or whatever was chosen of all there is.

Both answer the same questions for a number of tokens, so that a route is sized the same way. A choice is made
for one size and taken in proportion around it; when the size is known it is made again, in whole contracts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import exp, floor, hypot, sqrt
from typing import Literal, Protocol

from bot.strategy.forecast import Swings, centred, swings
from bot.strategy.hedge_choice import HedgeChoice, Hedger, Judged
from bot.strategy.hedge_quotes import HedgeLeg
from bot.strategy.hedge_ways import PERP_RESIDUAL
from bot.strategy.hedges import MARGIN_RATIO, ShortStock
from bot.strategy.risk import HEDGE_RESIDUAL, if_long
from bot.strategy.routes.common import Case, View, bounds_of, leg, short_bounds, venue_of
from bot.strategy.sizing import Bound
from bot.types import Hedge, HedgeNotChosen, Leg, Side

BY_HAND = "hedge.by_hand"
PERP_APART = sqrt(PERP_RESIDUAL**2 - HEDGE_RESIDUAL**2)
"""Of the share's move, what a perp misses of the share itself."""
SAME_SIZE, SAME_TO, LOT = 1e-3, 1e-6, 100
"""Sizes this near, as a ratio, are one, by the contract and by the lot; shares of a contract."""


class Carrier(Protocol):
    """Of ``tokens`` held over the wait; all in USD."""

    @property
    def venue(self) -> str:
        """Where the hedge is, as the limits know it."""

    def cost_usd(self, tokens: float) -> float:
        """What it is expected to cost."""

    def figures(self, tokens: float, price: float) -> tuple[float, float]:
        """What it is expected to cost, and what tokens worth ``price`` each lose with it at 99 %, its cost in
        that."""

    def swings(self, tokens: float, price: float, apart: float) -> Swings:
        """What the price's moves do to both together, beside what is expected, where tokens are let go at
        ``price`` each as of now; ``apart`` is the part of the move by which that misses the share's."""

    def fails(self, view: View) -> float:
        """Probability that it is refused once the tokens are bought."""

    def locked_usd(self, tokens: float) -> float:
        """Capital that it locks."""

    def notional_usd(self, tokens: float) -> float:
        """What counts against the limits of its venue."""

    def bounds(self, view: View) -> list[Bound]:
        """What limits on plan, underlying and venue leave for it."""

    def opening(self, tokens: float, slack_usd: float) -> list[Leg]:
        """The orders that open it, the riskiest first; none where a person gives them."""

    def closing(self, tokens: float) -> list[Leg]:
        """The orders that end it, as it stands now, at any price: nothing is left to hedge."""

    def hedge(self, tokens: float, until: str) -> Hedge:
        """As the plan says it."""

    def notes(self) -> list[str]:
        """What a person must know of it."""


class StockCarrier:
    """Shares sold short; it leaves a tenth of the move. In proportion while a size is sought; after that
    ``whole`` shares, and the rest bare."""

    def __init__(self, view: View, short: ShortStock, sd: float, seconds: float,
                 others: tuple[HedgeNotChosen, ...] = (), *, whole: bool = False) -> None:  # fmt: skip
        self.short, self.others, self.whole = short, others, whole
        self._underlying, self._seconds = view.incident.underlying, seconds
        self._whole_sd = sd
        # Lost of a dollar at 99 %, hedged and bare.
        self._slips, self._falls = if_long(1.0, HEDGE_RESIDUAL * sd), if_long(1.0, sd)
        self.venue = venue_of(short.instrument)

    def in_whole(self, view: View, tokens: float) -> StockCarrier | None:
        """The same in whole shares; ``None`` if that is not one."""
        if not self.short.whole(tokens):
            return None
        return StockCarrier(view, self.short, self._whole_sd, self._seconds, self.others, whole=True)

    def _held(self, tokens: float) -> float:
        """Of ``tokens``, those that shares are sold against."""
        return self.short.whole(tokens) / self.short.shares_per_token if self.whole else tokens

    def cost_usd(self, tokens: float) -> float:
        return self.short.cost_usd(self._held(tokens), self._seconds)

    def figures(self, tokens: float, price: float) -> tuple[float, float]:
        held, cost = self._held(tokens), self.cost_usd(tokens)
        return cost, held * price * self._slips + (tokens - held) * price * self._falls + cost

    def swings(self, tokens: float, price: float, apart: float) -> Swings:
        return swings(tokens * price - self.notional_usd(tokens), self._whole_sd, tokens * price * apart)

    def fails(self, view: View) -> float:
        return view.fails(self.short.instrument)

    def locked_usd(self, tokens: float) -> float:
        return MARGIN_RATIO * self.notional_usd(tokens)

    def notional_usd(self, tokens: float) -> float:
        return self.short.notional_usd(self._held(tokens))

    def bounds(self, view: View) -> list[Bound]:
        return short_bounds(view, self.short)

    def opening(self, tokens: float, slack_usd: float) -> list[Leg]:
        short, held = self.short, self._held(tokens)
        return [leg("hedge", short.instrument, self._shares(held), short.notional_usd(held),
                    slack_usd=slack_usd, fee_usd=short.commission_usd(held))]  # fmt: skip

    def closing(self, tokens: float) -> list[Leg]:
        short, held = self.short, self._held(tokens)
        shares = self._shares(held)
        return [leg("unhedge", short.instrument, shares, shares * short.ask, any_price=True,
                    fee_usd=short.commission_usd(held))]  # fmt: skip

    def _shares(self, held: float) -> float:
        return float(self.short.whole(held)) if self.whole else held * self.short.shares_per_token

    def hedge(self, tokens: float, until: str) -> Hedge:
        short = self.short
        return Hedge(
            "short_stock",
            f"{self._shares(self._held(tokens)):,.6g} {self._underlying} sold short at ${short.bid:,.2f} "
            f"({short.instrument}) {until}",
            self.notional_usd(tokens), self.cost_usd(tokens), list(self.others),
        )  # fmt: skip

    def notes(self) -> list[str]:
        return []


class ChosenCarrier:
    """What a choice for ``tokens`` says, in proportion for any other number of them."""

    def __init__(self, hedger: Hedger, choice: HedgeChoice, chosen: Judged, tokens: float) -> None:
        self._choice, self._chosen, self._tokens = choice, chosen, tokens
        self._hedger = hedger
        self.venue = chosen.way.venue

    @property
    def by_contract(self) -> bool:
        """Whether a little more or less is the same hedge."""
        return self._chosen.way.kind in ("none", "listed_option")

    def cost_usd(self, tokens: float) -> float:
        return self._chosen.cost_usd * tokens / self._tokens

    def figures(self, tokens: float, price: float) -> tuple[float, float]:
        return self.cost_usd(tokens), self._chosen.shortfall_99_usd * tokens / self._tokens

    def swings(self, tokens: float, price: float, apart: float) -> Swings:
        moves, part = self._hedger.moves, tokens / self._tokens

        def both() -> Sequence[float]:
            pairs = zip(moves.logs, self._gains(apart), strict=True)
            return centred([tokens * price * (exp(m) - 1) + part * gain for m, gain in pairs], moves.weights)

        return both

    def _gains(self, apart: float) -> Sequence[float]:
        """Of the hedge, in each move of what misses ``apart`` of the share's: nothing of it, where tokens are
        redeemed at the share's price. A perp misses its own part beside."""
        way, prices_at = self._chosen.way, self._hedger.ways.prices_at
        if apart == HEDGE_RESIDUAL:
            return way.gains
        missed, known = apart, HEDGE_RESIDUAL
        if way.kind == "perp":
            missed, known = hypot(apart, PERP_APART), PERP_RESIDUAL
        prices = prices_at(known)
        return [_at(prices, way.gains, price) for price in prices_at(missed)]

    def fails(self, view: View) -> float:
        works = 1.0
        for one in self._chosen.way.legs:
            works *= 1.0 - view.fails(one.instrument)
        return 1.0 - works

    def locked_usd(self, tokens: float) -> float:
        return self._chosen.way.capital_usd * tokens / self._tokens

    def notional_usd(self, tokens: float) -> float:
        return self.locked_usd(tokens)

    def bounds(self, view: View) -> list[Bound]:
        each = self.notional_usd(1.0)
        if each <= 0:
            return []
        return bounds_of(view.desk.leg_rooms(view.incident.underlying, self.venue), lambda usd: usd / each)

    def opening(self, tokens: float, slack_usd: float) -> list[Leg]:
        legs = self._chosen.way.legs
        return [
            _order("hedge", one, one.side, one.price, slack_usd / len(legs), margin_usd=one.margin_usd)
            for one in legs
        ]

    def closing(self, tokens: float) -> list[Leg]:
        legs = self._chosen.way.legs
        # What was sold is bought back first: without what protects it it would stand bare.
        return [
            _order("unhedge", one, "sell" if one.side == "buy" else "buy", one.close_price, None)
            for one in reversed(legs)
        ]

    def hedge(self, tokens: float, until: str) -> Hedge:
        way = self._chosen.way
        return Hedge(
            way.kind, f"{way.description} {until}", way.notional_usd, self.cost_usd(tokens),
            list(self._choice.others),
        )  # fmt: skip

    def notes(self) -> list[str]:
        if self._chosen.way.kind == "none" or self._chosen.way.legs:
            return []
        return [f"{BY_HAND}: the hedge is bought by hand; nobody has said where it is traded"]


def _at(prices: Sequence[float], gains: Sequence[float], price: float) -> float:
    """The gain at a price, on the line through the two known that are nearest."""
    index = min(max(bisect_right(prices, price), 1), len(prices) - 1)
    low, high = prices[index - 1], prices[index]
    part = (price - low) / (high - low) if high > low else 0.0
    return gains[index - 1] + part * (gains[index] - gains[index - 1])


def _order(action: Literal["hedge", "unhedge"], one: HedgeLeg, side: Side, price: float,
           slack_usd: float | None, margin_usd: float = 0.0) -> Leg:  # fmt: skip
    """One order of a hedge, in whole contracts; its limit gives up at most ``slack_usd`` (``None``: any price
    will do)."""
    limit = None
    if slack_usd is not None:
        limit = max(0.0, price + slack_usd / one.quantity * (1 if side == "buy" else -1))
    return Leg(
        action, one.instrument, one.quantity, one.quantity * price, price, limit,
        one.fee_usd, 0.0, 0.0, side, margin_usd,
    )  # fmt: skip


def carrier_for(view: View, case: Case, hedger: Hedger, tokens: float, room_usd: float, *,
                to_size: bool) -> Carrier | None:  # fmt: skip
    """What carries so many tokens best, with ``room_usd`` of capital left for it; ``None``, and why, if
    nothing keeps the stated shortfall. ``to_size`` by, what was chosen on another venue will do."""
    if to_size and hedger in view.carriers:
        return view.carriers[hedger]
    choice = hedger.choose(tokens * case.state.multiplier, room_usd)
    chosen, short = choice.chosen, view.short(case.state.multiplier)
    if chosen is None:
        for other in choice.others:
            view.refuse(
                other.reason.partition(":")[0], f"{other.description}: {other.reason.partition(': ')[2]}"
            )
        return None
    carrier: Carrier = ChosenCarrier(hedger, choice, chosen, tokens)
    if chosen.way.kind == "short_stock" and isinstance(short, ShortStock):
        carrier = StockCarrier(view, short, hedger.wait.sd, hedger.wait.seconds, choice.others)
    if to_size:
        view.carriers[hedger], view.chosen_for[hedger] = carrier, tokens
    return carrier


def as_chosen(view: View, hedger: Hedger, tokens: float, shares_per_token: float) -> bool:
    """Whether what was chosen to size by is what would be chosen for so many tokens: as good as the same
    size, and as many whole contracts."""
    before, carrier = view.chosen_for.get(hedger, 0.0), view.carriers.get(hedger)
    # A perp or an offer is had to the last lot: what was chosen is for another size.
    whole = isinstance(carrier, StockCarrier) or (isinstance(carrier, ChosenCarrier) and carrier.by_contract)
    near = abs(tokens - before) <= (SAME_SIZE if whole else SAME_TO) * before
    contracts = [floor(each * shares_per_token / LOT) for each in (before, tokens)]
    return near and contracts[0] == contracts[1]
