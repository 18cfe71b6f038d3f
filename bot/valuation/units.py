"""How sure it is what a token's price is a price *of*: shares per token, and the dollars it is quoted in."""

from __future__ import annotations

from math import log
from typing import NamedTuple

from bot.market import Market, TokenState, UnderlyingState
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Ns, Session

UNKNOWN_MULTIPLIER = 0.0015
"""Standard deviation of a multiplier nobody has told: xStocks' had grown by 0.1 to 0.6 % in their first
year.
"""
UNKNOWN_CURRENCY = 0.001
"""Standard deviation of a dollar coin around a dollar when nobody says what it is worth."""
CURRENCY_NOISE = 0.0002
CURRENCY_MAX_AGE_NS = 3600 * NS
SMALL_STEP = 0.04
"""A larger change of the multiplier is a split: the detector waits for it to settle (two prices, not a
wide one).
"""
BEFORE_NS = 900 * NS
IN_SESSION_NS = 900 * NS
CLOSED_NS = 5 * DAY_SECONDS * NS


def multiplier_variance(token: TokenState, ts: Ns, session: Session) -> float:
    """Of the log multiplier. A change in flight leaves open which of the two holds: half the step, squared.

    It is in flight from a quarter of an hour before it is due, and until the share trades on it: the next
    session.
    """
    variance = 0.0 if token.known else UNKNOWN_MULTIPLIER * UNKNOWN_MULTIPLIER
    step = 0.0
    if token.next_multiplier is not None and 0 <= token.next_at - ts <= BEFORE_NS:
        step = log(token.next_multiplier) - token.log_multiplier
    elif token.previous is not None and 0 <= ts - token.changed < (
        IN_SESSION_NS if session == "regular" else CLOSED_NS
    ):
        step = token.log_multiplier - log(token.previous)
    if abs(step) <= SMALL_STEP:
        variance += step * step / 4
    return variance


def currency_variance(symbol: str, market: Market | None, ts: Ns) -> float:
    """Of the log of what a coin is worth in dollars, from how far its references are apart; more as they age.

    A coin off its peg is less sure: a tenth of how far it is off comes on top.
    """
    if symbol == "USD":
        return 0.0
    state = market.underlyings.get(symbol) if market is not None else None
    if state is None:
        return UNKNOWN_CURRENCY * UNKNOWN_CURRENCY
    doubt: Doubt | None = state.doubt
    if doubt is None or not doubt.since <= ts <= doubt.until:
        doubt = state.doubt = _doubt(state, ts)
    return doubt.variance if ts <= doubt.newest else doubt.variance + doubt.rate * (ts - doubt.newest)


class Doubt(NamedTuple):
    """Variance of the log of what a coin is worth from ``since`` to ``until``, if nobody speaks meanwhile: as
    of ``newest``, and so much more for each nanosecond after it."""

    since: Ns
    until: Ns
    newest: Ns
    variance: float
    rate: float


def _doubt(state: UnderlyingState, ts: Ns) -> Doubt:
    seen = [one for one in state.references.values() if one.price is not None and not one.halted]
    fresh = [one for one in seen if ts - one.ts <= CURRENCY_MAX_AGE_NS]
    if not fresh:
        return Doubt(ts, ts, ts, UNKNOWN_CURRENCY * UNKNOWN_CURRENCY, 0.0)
    logs = sorted(one.log_price for one in fresh)
    off = 0.0 if state.info.floating else logs[len(logs) // 2]
    apart = (logs[-1] - logs[0]) / 2 if len(logs) == 2 else 0.0
    moments = [one.ts for one in fresh]
    variance = CURRENCY_NOISE * CURRENCY_NOISE + apart * apart + 0.01 * off * off
    rate = (state.info.annual_volatility or 0.01) ** 2 / NS / DAY_SECONDS / 365.25
    return Doubt(ts, min(moments) + CURRENCY_MAX_AGE_NS, max(moments), variance, rate)
