"""Splits: shares per token change at one moment, the share's own price at another.

An issuer moves the multiplier at 00:00 UTC, the share trades on the new count from its next session on
(Robinhood: at the open, both at once). In between, a reference still says the price of an old share. For so
long each price of the share is read in the count in which it makes sense: nearer to where the share was.
"""

from __future__ import annotations

from math import log

from bot.market import InstrumentState, ReferenceState, TokenState, UnderlyingState
from bot.timefmt import NS
from bot.types import Ns

RATIOS = tuple(sorted({log(n) for n in (1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50)}))
NEAR = 0.003
"""A step of the multiplier this near to a ratio of whole shares, as a log, is a split."""
LASTS_NS = 5 * 24 * 3600 * NS
"""So long, over the longest weekend, a reference may be on either count."""


def is_split(step: float) -> bool:
    """Whether a log step of a multiplier is that of a split, or of a reverse one."""
    size = abs(step)
    return any(abs(size - ratio) < NEAR for ratio in RATIOS)


def multiplied(underlying: UnderlyingState, token: TokenState) -> None:
    """A multiplier has changed: if that was a split that the share does not trade on yet, remember it."""
    if token.previous is None or token.handled == token.changed:
        return
    token.handled = token.changed
    step = token.log_multiplier - log(token.previous)
    fair = underlying.fair
    if not is_split(step) or fair is None or fair.anchor is None:
        return
    venues = [one for one in underlying.instruments if one.token_state is token and one.price is not None]
    if underlying.split is None and not _ahead(venues, token, fair.anchor, step):
        return
    if underlying.split is None:
        underlying.split, underlying.split_at = step, token.changed
        for name in ("anchor", "prior"):
            if getattr(fair, name) is not None:
                setattr(fair, name, getattr(fair, name) - step)
        fair.open_log -= step
        fair.close_log -= step
        if underlying.slow is not None:
            underlying.slow -= step
        for reference in underlying.references.values():
            reference.log_price -= step
        if underlying.group is not None and underlying.group.anchor is not None:
            underlying.group.anchor -= step
    for one in venues:
        if one.consensus_log is not None:
            one.consensus_log -= step


def _ahead(venues: list[InstrumentState], token: TokenState, anchor: float, step: float) -> bool:
    """Whether the multiplier is ahead of the share: by where the token's venues stand, if there are any."""
    levels = sorted(one.log_price - token.log_multiplier - anchor for one in venues)
    if not levels:
        return True
    level = levels[len(levels) // 2]
    return abs(level + step) < abs(level)


def read(underlying: UnderlyingState, reference: ReferenceState, log_price: float, ts: Ns) -> float:
    """A reference's log price in the count of shares that the multiplier is in."""
    split = underlying.split
    assert split is not None
    if ts - underlying.split_at > LASTS_NS:
        underlying.split = None
        return log_price
    fair = underlying.fair
    last = reference.log_price if reference.price is not None else fair.anchor if fair is not None else None
    if last is None:
        return log_price
    return log_price - split if abs(log_price - split - last) < abs(log_price - last) else log_price
