"""Where hedges are traded, and on what terms: listed options, perpetual futures, perpetual options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from msgspec import Struct


class OptionVenue(Struct, frozen=True, forbid_unknown_fields=True):
    """A venue whose ticks ``OCC@name`` are listed options, USD a share, sizes in contracts.

    Orders can be given there where it is ``tradable``: a source of delayed quotes is not. ``naked_ratio`` and
    ``naked_least`` are the margin of an option sold, of the share's price: a fifth less what it is out of
    the money, a tenth at least. ``rate`` is a year's, for prices; ``as_of`` the day of ``source``.
    """

    name: str
    tradable: bool = True
    commission_usd: float = 0.65
    naked_ratio: float = 0.2
    naked_least: float = 0.1
    rate: float = 0.0
    source: str = ""
    as_of: str = ""


class PerpVenue(Struct, frozen=True, forbid_unknown_fields=True):
    """A venue whose ticks ``SHARE@name`` are perpetual futures. Ratios are of the notional, rates per hour.

    ``unit`` says what one contract is on: a ``share``, or a ``token`` called ``SHARE`` and ``suffix``, whose
    multiplier then says how many shares. ``impact_usd`` is the notional that the venue's impact prices are
    good for, where it tells those and no sizes.
    """

    name: str
    title: str
    initial_ratio: float
    maintenance_ratio: float
    taker_fee_ratio: float
    funding_cap_hour: float
    lot: float
    unit: Literal["share", "token"] = "share"
    suffix: str = ""
    impact_usd: float = 0.0
    source: str = ""
    as_of: str = ""


class PerpetualVenue(Struct, frozen=True, forbid_unknown_fields=True):
    """A venue whose ticks ``SHARE-STRIKE-KIND-PERP@name`` are perpetual options that are paid by funding.

    What a tick's ``data`` leaves out is taken from here. ``coin`` is what margin, funding and payoff are in:
    ``USD``, or a token by its symbol. ``volatility`` 0: an offer that does not say its own is none.
    """

    name: str
    coin: str = "USD"
    period_days: float = 7.0
    volatility: float = 0.0
    markup: float = 1.0
    fee_ratio: float = 0.0
    source: str = ""
    as_of: str = ""


class PerpetualOffer(Struct, frozen=True, forbid_unknown_fields=True):
    """A standing offer of a perpetual option that no feed tells of: an assumption of whoever enters it.

    ``instrument`` is ``TSLA-400-put-PERP@fufuture``; ``units`` at most, of one share each.
    """

    instrument: str
    volatility: float
    units: float
    source: str
    as_of: str


class Bound(NamedTuple):
    """What a number may be, and how that is said."""

    holds: Callable[[float], bool]
    words: str


RATIO = Bound(lambda value: 0 <= value < 1, "0 or more, and less than 1")
NOT_LESS = Bound(lambda value: value >= 0, "0 or more")
MORE = Bound(lambda value: value > 0, "more than 0")
RATE = Bound(lambda value: -1 < value < 1, "between -1 and 1")
VOLATILITY = Bound(lambda value: 1e-4 < value < 10, "between 0.0001 and 10; 0.3 is 30 % a year")
DAYS = Bound(lambda value: 1e-4 < value < 1e4, "between 0.0001 and 10,000")
BOUNDS: dict[str, dict[str, Bound]] = {
    "option_venues": {
        "commission_usd": NOT_LESS, "naked_ratio": RATIO, "naked_least": RATIO, "rate": RATE,
    },
    "perp_venues": {
        "taker_fee_ratio": RATIO, "funding_cap_hour": MORE, "lot": MORE, "impact_usd": NOT_LESS,
    },
    "perpetual_venues": {
        "period_days": DAYS,
        "volatility": Bound(lambda value: value == 0 or VOLATILITY.holds(value), f"0 or {VOLATILITY.words}"),
        "markup": Bound(lambda value: 1e-4 < value < 1e3, "between 0.0001 and 1,000"),
        "fee_ratio": RATIO,
    },
    "perpetual_offers": {"volatility": VOLATILITY, "units": MORE},
}  # fmt: skip


def problems(kind: str, entry: Any) -> list[str]:
    """Numbers of an entry that cannot be, as sentences."""
    found = []
    if kind == "perp_venues":
        if not 0 < entry.maintenance_ratio <= entry.initial_ratio <= 1:
            found.append(
                f"initial_ratio {entry.initial_ratio} and maintenance_ratio {entry.maintenance_ratio} "
                "must be between 0 and 1, maintenance the smaller"
            )
        if entry.unit == "token" and not entry.suffix:
            found.append("unit is token: suffix must say of which (TSLA and x make TSLAx)")
    for name, bound in BOUNDS[kind].items():
        value = getattr(entry, name)
        if not bound.holds(value):
            found.append(f"{name} {value} is not {bound.words}")
    return found
