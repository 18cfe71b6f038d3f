"""Figures as people read them."""

from __future__ import annotations

MINUS = "−"


def money(usd: float | None) -> str:
    """With its sign in front; a dash where it is not known."""
    return "–" if usd is None else _signed(usd, f"${abs(usd):,.2f}")


def short_money(usd: float) -> str:
    """For an axis: whole dollars, or thousands and millions of them; cents only where there is less."""
    size = abs(usd)
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if size >= unit:
            return _signed(usd, f"${size / unit:,.4g}{letter}")
    return _signed(usd, f"${size:,.3g}")


def percent(ratio: float | None) -> str:
    """A ratio in percent; a dash where it is not known."""
    return "–" if ratio is None else _signed(ratio, f"{abs(ratio) * 100:,.2f} %")


def points(bp: float | None) -> str:
    """Basis points; a dash where there is nothing to divide by."""
    return "–" if bp is None else _signed(bp, f"{abs(bp):,.1f} bp")


def named(identifier: str | None) -> str:
    """An identifier in words."""
    return (identifier or "").replace("_", " ")


def day(ts: str, minutes: bool = True) -> str:
    """A time as the reports have it, to the minute or the day, UTC."""
    return ts[:16].replace("T", " ") if minutes else ts[5:10]


def _signed(value: float, text: str) -> str:
    """Nothing that reads as zero has a sign."""
    return MINUS + text if value < 0 and any(digit in text for digit in "123456789") else text
