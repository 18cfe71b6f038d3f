"""How long a premium or discount lasts: by its cause, and in minutes where the token is fair elsewhere.

What can be bought at fair value on another venue is not dear for long on any, whatever is said of the cause:
who sees both prices needs no issuer. What all venues carry together lasts as its cause does.
"""

from __future__ import annotations

from math import log

from bot.strategy.mechanisms.delay import Delay
from bot.strategy.risk import half_life, still_there
from bot.strategy.routes.common import Case, View

MARKETS = frozenset({"pool", "exchange"})
GAP_HALF_LIFE = half_life("thin_liquidity")
"""Seconds after which half of what one venue of a token pays more than another is gone."""


def fair_elsewhere(view: View) -> bool:
    """Whether another venue trades the same token at a price that is nearer to fair value than to that of the
    incident."""
    incident, market = view.incident, view.market
    own = market.instrument(incident.instrument)
    if own is None or not own.price or not incident.basis:
        return False
    far = abs(incident.basis) / 2
    return any(
        state.token is own.token and abs(log(state.price / own.price)) > far
        for state in market.instruments_of(incident.underlying)
        if state is not own and state.price and state.venue_kind in MARKETS and not state.halted
    )


def half_life_of(view: View) -> float:
    """Seconds after which half of the incident's basis is gone."""
    if view.half_life is None:
        view.half_life = half_life(view.incident.cause)
        if fair_elsewhere(view):
            view.half_life = min(view.half_life, GAP_HALF_LIFE)
    return view.half_life


def paid_once_closed(cheap: Case, dear: Case) -> float:
    """What the dearer of two venues pays once they have met, over what it pays now. Where fair value lies
    between them it comes down to it; where both are off on one side, the farther from fair value the more of
    the way is its own."""
    off, beside = dear.spot - dear.fair, cheap.spot - cheap.fair
    if beside <= 0 < off:
        return dear.fair / dear.spot
    if off * beside <= 0:
        return 1.0
    gap, own = dear.spot - cheap.spot, off * off / (off * off + beside * beside)
    return 1.0 - max(0.0, gap) * own / dear.spot


def still_there_after(half: float, delay: Delay) -> float:
    """Probability that what has this half-life, in seconds, is still there after a delay, which may be longer
    than it should be."""
    return sum(
        chance * still_there(half, seconds)
        for seconds, chance in zip(delay.seconds, delay.chances, strict=True)
    )
