"""Bands from mechanisms: the basis that minting and redeeming cannot profitably close.

Above the band it pays to mint and sell, below it to buy and redeem, if the channel is open. The costs are
the channel's fee and spread, its gas on the smallest order, the hedge, and financing from now until the
settled tokens or dollars are in hand: the wait until the channel takes orders, then the settlement days,
in calendar days as they really elapse (an order on a Friday with one day to settle costs three). The
venue's own fee comes on top where the price does not already include it. Uncertainty is not in the band:
the detector asks for a basis outside it by more than the fair value's uncertainty explains.

A side that no channel holds (a closed loop, an issuer that has halted) is open-ended: nothing pulls the price
back there. The bound is then a tolerance, people are told beyond it, and the band says so.

Which channels there are, and what holds the price of a system without any, the mechanisms say
(:mod:`bot.strategy.mechanisms`): the detector is handed them as a :class:`BandSource`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from bot.detector.scalars import band_bounds, channel_cost
from bot.registry.model import Channel, Hours, Issuer
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Ns, Session
from bot.valuation.sessions import NEW_YORK, SessionClock

OPEN_IN: dict[Hours, frozenset[Session]] = {
    "24/7": frozenset({"pre", "regular", "post", "overnight", "weekend", "holiday"}),
    "24/5": frozenset({"pre", "regular", "post", "overnight"}),
    "regular": frozenset({"regular"}),
    "none": frozenset(),
}
NO_CHANNEL_BAND = 0.02
"""Where no issuer's channel holds the price, the tolerance before people are told, each way."""
HEDGE_RATIO = 0.0005
"""Cost of carrying a hedge over the settlement wait: 5 bp, an assumption."""
WEEKEND_FACTOR = 7 / 5
"""Calendar days per business day, on average: for whoever asks without a moment."""
TRADE_DATE: frozenset[Session] = frozenset({"pre", "regular", "post"})
"""Sessions whose orders count as of their own day."""
DAY_MINUTES = 24 * 60


class Band(Struct, frozen=True):
    """Bounds of the basis (log ratios) and whether the channel that makes them is open now.

    ``held_low`` and ``held_high``: a channel pulls the price back beyond that bound, now or when it opens;
    where not, the bound is a tolerance and the side open-ended.
    """

    low: float
    high: float
    mint_open: bool
    redeem_open: bool
    note: str
    held_low: bool = True
    held_high: bool = True


class BandSource(Protocol):
    """Where the detector has its bands from."""

    def __call__(self, issuer: Issuer, ts: Ns, size_usd: float, venue_fee: float, annual_volatility: float,
                 halted: str | None) -> Band:  # fmt: skip
        """The band at ``ts`` of a token of ``issuer``, on a venue whose price does not include ``venue_fee``;
        ``halted`` is why the issuer neither mints nor redeems it, ``None`` if it does."""


def is_open(channel: Channel, session: Session) -> bool:
    """Whether the channel takes orders in this session, its short gaps aside."""
    return channel.available and session in OPEN_IN[channel.hours]


def gap_until(channel: Channel, ts: Ns) -> tuple[bool, Ns]:
    """Whether ``ts`` falls into one of the channel's gaps, and until when that answer holds (a day at
    most).
    """
    local = datetime.fromtimestamp(ts // NS, NEW_YORK)
    minute, second = local.hour * 60 + local.minute, ts - (ts // NS - local.second) * NS
    ahead = DAY_MINUTES - minute
    for gap in channel.gaps:
        begins, _, ends = gap.partition("-")
        start, end = _minutes(begins), _minutes(ends)
        if start <= minute < end:
            return True, ts - second + (end - minute) * 60 * NS
        if minute < start:
            ahead = min(ahead, start - minute)
    return False, ts - second + ahead * 60 * NS


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def wait_days(channel: Channel, clock: SessionClock, ts: Ns) -> float:
    """Calendar days from ``ts`` until what is ordered as soon as the channel opens is in hand."""
    asked = clock.next_start(ts, OPEN_IN[channel.hours])
    settled = asked
    if channel.settlement_days:
        traded = asked
        if clock.session(asked) not in TRADE_DATE:
            traded = clock.next_start(asked, frozenset({"regular"}))
        settled = clock.business_days_after(traded, channel.settlement_days)
    return (settled - ts) / NS / DAY_SECONDS


def cost(channel: Channel, size_usd: float, financing_rate: float, days: float) -> float:
    """Cost of one mint or redeem of ``size_usd`` (or the channel's minimum), as a ratio of it."""
    return channel_cost(
        channel.fee_ratio, channel.spread_ratio, channel.gas_usd, size_usd, channel.minimum_usd,
        financing_rate, days, HEDGE_RATIO,
    )  # fmt: skip


def band(issuer: Issuer, session: Session, size_usd: float, venue_fee: float, financing_rate: float,
         clock: SessionClock | None = None, ts: Ns = 0, halted: str | None = None) -> Band:  # fmt: skip
    """The band of a token of this issuer on a venue whose price does not include ``venue_fee``.

    With a ``clock``, financing is counted over the days that elapse from ``ts``, and gaps are looked at;
    without, average days count. ``halted`` is why the issuer neither mints nor redeems now, ``None`` if
    it does.
    """
    sides = []
    for channel in (issuer.mint, issuer.redeem):
        held = halted is None and channel.available and channel.hours != "none"
        if not held:
            sides.append((NO_CHANNEL_BAND, False, False))
            continue
        days = channel.settlement_days * WEEKEND_FACTOR
        if clock is not None:
            # As of the session's start, so that one session has one band.
            days = wait_days(channel, clock, clock.segment(ts)[0])
        open_now = is_open(channel, session) and not (channel.gaps and clock and gap_until(channel, ts)[0])
        sides.append((cost(channel, size_usd, financing_rate, days), True, open_now))
    (high, held_high, mint_open), (low, held_low, redeem_open) = sides
    bounds = band_bounds(high, low, venue_fee)
    note = _note(issuer, mint_open, redeem_open, halted)
    return Band(*bounds, mint_open, redeem_open, note, held_low, held_high)


def _note(issuer: Issuer, mint_open: bool, redeem_open: bool, halted: str | None) -> str:
    title = issuer.title
    if halted is not None:
        why = f": {halted}" if halted else ""
        return f"{title} neither mints nor redeems now{why}; nothing holds the price"
    if not issuer.mint.available and not issuer.redeem.available:
        return f"{title} has no channel open to a desk; nothing holds the price"
    shut = [name for name, open_now in (("mint", mint_open), ("redeem", redeem_open)) if not open_now]
    if not shut:
        return f"{title} mints and redeems now{_terms(issuer.mint)}"
    return f"{title}'s {' and '.join(shut)} channel is closed now"


def _terms(channel: Channel) -> str:
    terms = [f"for {channel.open_to}"] if channel.open_to else []
    if channel.minimum_usd > 1:
        terms.append(f"from ${channel.minimum_usd:,.0f}")
    return f", {', '.join(terms)}" if terms else ""
