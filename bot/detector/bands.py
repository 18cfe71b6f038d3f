"""Bands from mechanisms: the basis that minting and redeeming cannot profitably close.

Above the band it pays to mint and sell, below it to buy and redeem, if the channel is open. The
costs are the channel's fee and spread, its gas, and financing over the settlement days (calendar
days, so a Friday costs three). The venue's own fee comes on top where the price does not already
include it. Uncertainty is not in the band: the detector asks for a basis outside it by more than
the fair value's uncertainty explains.
"""

from __future__ import annotations

from math import log1p

from msgspec import Struct

from bot.registry.model import Channel, Hours, Issuer
from bot.types import Session

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
"""Calendar days per business day, on average."""


class Band(Struct, frozen=True):
    """Bounds of the basis (log ratios) and whether the channel that makes them is open now."""

    low: float
    high: float
    mint_open: bool
    redeem_open: bool
    note: str


def is_open(channel: Channel, session: Session) -> bool:
    """Whether the channel takes orders in this session."""
    return channel.available and session in OPEN_IN[channel.hours]


def channel_cost(channel: Channel, size_usd: float, financing_rate: float) -> float:
    """Cost of one mint or redeem of ``size_usd``, as a ratio of it."""
    days = channel.settlement_days * WEEKEND_FACTOR
    gas = channel.gas_usd / max(size_usd, channel.minimum_usd, 1.0)
    return channel.fee_ratio + channel.spread_ratio + gas + financing_rate * days / 365 + HEDGE_RATIO


def band(issuer: Issuer, session: Session, size_usd: float, venue_fee: float, financing_rate: float) -> Band:
    """The band of a token of this issuer on a venue whose price does not include ``venue_fee``."""
    mint, redeem = issuer.mint, issuer.redeem
    high = channel_cost(mint, size_usd, financing_rate) if mint.available else NO_CHANNEL_BAND
    low = channel_cost(redeem, size_usd, financing_rate) if redeem.available else NO_CHANNEL_BAND
    mint_open, redeem_open = is_open(mint, session), is_open(redeem, session)
    return Band(
        -log1p(low + venue_fee), log1p(high + venue_fee), mint_open, redeem_open,
        _note(issuer, mint_open, redeem_open),
    )  # fmt: skip


def _note(issuer: Issuer, mint_open: bool, redeem_open: bool) -> str:
    if not issuer.mint.available and not issuer.redeem.available:
        return f"{issuer.title} has no channel open to a desk"
    shut = [name for name, open_now in (("mint", mint_open), ("redeem", redeem_open)) if not open_now]
    if not shut:
        return f"{issuer.title} mints and redeems now"
    return f"{issuer.title}'s {' and '.join(shut)} channel is closed now"
