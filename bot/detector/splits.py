"""Splits: shares per token change at one moment, the share's own price at another.

An issuer moves the multiplier at 00:00 UTC, the share trades on the new count from its next session on
(Robinhood: at the open, both at once). In between, a reference still says the price of an old share. For so
long each price of the share is read in the count in which it makes sense: nearer to where the share was.
"""

from __future__ import annotations

from math import log

from bot.market import InstrumentState, Market, ReferenceState, TokenState, UnderlyingState
from bot.timefmt import NS
from bot.types import Ns
from bot.valuation import FairState

RATIOS = tuple(sorted({log(n) for n in (1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 12, 15, 20, 25, 30, 40, 50)}))
NEAR = 0.003
"""A step of the multiplier this near to a ratio of whole shares, as a log, is a split."""
TOGETHER_NS = 3600 * NS
"""Tokens of one share split within so long of one another."""
LASTS_NS = 5 * 24 * 3600 * NS
"""So long, over the longest weekend, a reference may be on either count."""


def is_split(step: float) -> bool:
    """Whether a log step of a multiplier is that of a split, or of a reverse one."""
    size = abs(step)
    return any(abs(size - ratio) < NEAR for ratio in RATIOS)


def multiplied(market: Market, token: TokenState) -> None:
    """A multiplier is known, or has changed: what was worked out with the old one is worked out anew.

    If the change is a split that the share does not trade on yet, that is remembered, too.
    """
    if token.handled == token.changed and token.noted == token.log_multiplier:
        return
    step = token.log_multiplier - token.noted
    fresh, token.handled, token.noted = token.handled != token.changed, token.changed, token.log_multiplier
    underlying = market.underlyings.get(token.token.underlying)
    if underlying is None:
        return
    fair = underlying.fair
    venues = [one for one in underlying.instruments if one.token_state is token and one.price is not None]
    if not fresh and fair is not None and fair.anchor is not None and not fair.by_reference:
        _shift_fair(fair, step)
    split = fresh and is_split(step)
    if not split and underlying.group is not None:
        underlying.group.stepped(step)
    if split or not fresh:
        # A dividend moves the token's price with the multiplier; a split leaves it, as does mere knowledge.
        for one in venues:
            if one.consensus_log is not None:
                one.consensus_log -= step
    if not split or fair is None or fair.anchor is None:
        return
    pending = underlying.split is not None and token.changed - underlying.split_at < TOGETHER_NS
    if not pending and _ahead(venues, token, fair.anchor, step):
        underlying.split, underlying.split_at = step, token.changed
        _shift_share(market, underlying, step)
        _left_behind(underlying, token, step)


def _left_behind(underlying: UnderlyingState, ahead: TokenState, step: float) -> None:
    """Tokens of other issuers, which do not split yet, stand for so many more of the new shares."""
    for one in underlying.instruments:
        token = one.token_state
        if token is ahead or abs(token.changed - ahead.changed) < TOGETHER_NS:
            continue
        if not token.behind:
            token.split_ahead(step)
        if one.consensus_log is not None:
            one.consensus_log -= step


def _shift_share(market: Market, underlying: UnderlyingState, step: float) -> None:
    """One share is so much less from now on: all that was known of its price is in the new count."""
    _shift_fair(underlying.fair, step)
    if underlying.slow is not None:
        underlying.slow -= step
    for reference in underlying.references.values():
        reference.log_price -= step
    if underlying.group is not None and underlying.group.anchor is not None:
        underlying.group.anchor -= step
    for other in market.underlyings.values():
        if other.info.factor == underlying.info.ticker and other.fair is not None:
            fair = other.fair
            if fair.factor_log is not None:
                fair.factor_log -= step


def _shift_fair(fair: FairState, step: float) -> None:
    for name in ("anchor", "prior"):
        level = getattr(fair, name)
        if level is not None:
            setattr(fair, name, level - step)
    fair.open_log -= step
    fair.close_log -= step


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
        for one in underlying.instruments:
            one.token_state.split_ahead(0.0)
        return log_price
    fair = underlying.fair
    last = reference.log_price if reference.price is not None else fair.anchor if fair is not None else None
    if last is None:
        return log_price
    return log_price - split if abs(log_price - split - last) < abs(log_price - last) else log_price
