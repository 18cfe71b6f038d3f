"""The one plain sentence a person reads at night, and numbers as people read them."""

from __future__ import annotations

from math import expm1

from bot.types import Cause

WHY: dict[Cause, str] = {
    "thin_liquidity": "a thin venue was pushed by one order, and the print is not a price for size",
    "stale_reference": "the share's reference has stopped moving, so this may be no depeg at all",
    "stale_venue": "nobody has traded on this venue while the rest moved",
    "closed_market_drift": "the market is closed, and tokens are moving on news",
    "multiplier_mismatch": "the venue and the issuer disagree on shares per token",
    "corporate_action": "a corporate action is taking effect",
    "trading_halt": "trading is halted",
    "stablecoin_depeg": "the dollar token it is quoted in is off its own peg",
    "issuer_halt": "the issuer has stopped minting and redeeming",
    "under_backed": "there are fewer shares in custody than tokens",
    "oracle_fault": "an oracle's price is wrong",
    "broad_premium": "demand the issuer's channel has not met; every venue that trades is out",
    "feed_fault": "a source of prices has failed",
    "unknown": "the cause is not clear",
}


def premium(basis: float) -> str:
    """A basis as people say it: ``"+12.0 %"``, ``"×106"`` from ten-fold on."""
    ratio = expm1(basis)
    if ratio >= 9:
        return f"×{ratio + 1:,.0f}"
    return f"{ratio * 100:+.1f} %"


def usd(price: float) -> str:
    """A price: two decimals from a dollar on, four figures below; ``"−$0.06"`` if negative."""
    if price < 0:
        return f"−{usd(-price)}"
    return f"${price:,.2f}" if price >= 1 else f"${price:.4g}"


def cents(amount: float) -> str:
    """What is earned or lost, to the cent: ``"−$0.06"``."""
    sign = "−" if round(amount, 2) < 0 else ""
    return f"{sign}${abs(amount):,.2f}"


def sentence(instrument: str, basis: float, price: float | None, fair_value: float | None,
             fair_value_sd: float | None, cause: Cause, stake_usd: float | None) -> str:  # fmt: skip
    """``TSLAx on kraken at $451.07 is +14.1 % from fair value $395.40 (±0.4 %): …``."""
    token, _, venue = instrument.partition("@")
    text = f"{token} on {venue}"
    if price is not None:
        text += f" at {usd(price)}"
    text += f" is {premium(basis)} from fair value"
    if fair_value is not None and fair_value_sd is not None:
        text += f" {usd(fair_value)} (±{196 * fair_value_sd:.1f} %)"
    text += f": {WHY[cause]}"
    if stake_usd is not None:
        text += f"; closing it is worth about {usd(stake_usd)} before costs"
    return text + "."
