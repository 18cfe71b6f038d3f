"""How long a premium or discount lasts, by its cause and by whether its venue stands off alone.

Where the token is fair on other venues, what is off is that venue's own depth: its traders close it in
minutes, whatever is said of its cause. A halted issuer is another matter: nobody can close it then.
"""

from __future__ import annotations

from math import log

from bot.strategy.mechanisms.delay import Delay
from bot.strategy.risk import half_life, still_there
from bot.strategy.routes.common import Case, View

MARKETS = frozenset({"pool", "exchange"})
OFF_AS_WELL = 0.25
"""A venue as far off as this part of another is off as well, and not by its noise."""


def alone(view: View) -> bool:
    """Whether one venue is out, and another trades the same token at a price that is farther from it than
    from fair value."""
    incident, market = view.incident, view.market
    names = incident.venues or [incident.instrument]
    own = market.instrument(names[0])
    if len(names) > 1 or own is None or not own.price or not incident.basis:
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
        cause = view.incident.cause
        view.half_life = half_life(cause)
        if cause != "issuer_halt" and alone(view):
            view.half_life = min(view.half_life, half_life("thin_liquidity"))
    return view.half_life


def gap_half_life(view: View, cheap: Case, dear: Case) -> float:
    """Seconds after which half of what the dearer of two venues pays more is gone: the incident's if one of
    the two is fair; where both are off on one side their traders close it in minutes."""
    half, off, beside = half_life_of(view), dear.spot - dear.fair, cheap.spot - cheap.fair
    if off * beside > 0 and min(abs(off), abs(beside)) > OFF_AS_WELL * max(abs(off), abs(beside)):
        return min(half, half_life("thin_liquidity"))
    return half


def paid_once_closed(cheap: Case, dear: Case) -> float:
    """What the dearer of two venues pays once they have met, over what it pays now: of the way between them
    the part is its own that is its part in how far both are from fair value."""
    gap, off, beside = dear.spot - cheap.spot, abs(dear.spot - dear.fair), abs(cheap.spot - cheap.fair)
    return 1.0 - gap * off / (off + beside) / dear.spot if gap > 0 and off else 1.0


def still_there_after(view: View, delay: Delay, half: float | None = None) -> float:
    """Probability that it is still there after a delay that may be longer than it should be; ``half`` is its
    half-life if it is not the incident's basis."""
    half = half_life_of(view) if half is None else half
    return sum(
        chance * still_there(half, seconds)
        for seconds, chance in zip(delay.seconds, delay.chances, strict=True)
    )
