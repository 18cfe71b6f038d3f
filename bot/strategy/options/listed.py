"""A listed option: its contract, what it is worth on given terms, and the volatility in its price. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from bot.errors import DataError
from bot.strategy.options import american, european
from bot.strategy.options.european import DAYS, OptionKind, intrinsic
from bot.strategy.options.greeks import Greeks
from bot.timefmt import NS
from bot.types import Ns

Style = Literal["american", "european"]
YEAR_NS = 365 * 86_400 * NS
HIGHEST = 10.0
"""No volatility beyond 1,000 % a year is looked for."""
LOWEST, STEP_DOWN = 1e-4, 0.7
STEPS = 60
PRICE_TOLERANCE = 1e-9
BUMP_SPOT, BUMP_VOLATILITY, BUMP_RATE = 5e-3, 1e-3, 1e-4
BUMP_YEARS = 0.25 / DAYS


class Contract(Struct, frozen=True):
    """One option on a share; ``shares`` is how many one contract is for, the strike USD per share."""

    underlying: str
    kind: OptionKind
    strike: float
    expiry: Ns
    style: Style = "american"
    shares: int = 100

    def years(self, ts: Ns) -> float:
        """From a moment until it expires; nothing once it has."""
        return max(0.0, (self.expiry - ts) / YEAR_NS)


class Terms(Struct, frozen=True):
    """What a price depends on beside the contract. ``dividends`` are ``(years until ex, USD a share)``."""

    spot: float
    volatility: float
    rate: float = 0.0
    yield_: float = 0.0
    dividends: tuple[tuple[float, float], ...] = ()


def price(contract: Contract, terms: Terms, years: float) -> float:
    """USD per share; raises :class:`~bot.errors.DataError` for terms without a price."""
    _check(contract, terms)
    model = american.price if contract.style == "american" else european.price
    return model(contract.kind, terms.spot, contract.strike, years, terms.volatility, terms.rate,
                 terms.yield_, terms.dividends)  # fmt: skip


def greeks(contract: Contract, terms: Terms, years: float) -> Greeks:
    """Per share. European in closed form, American by central differences of its price."""
    _check(contract, terms)
    if contract.style == "european":
        return european.greeks(contract.kind, terms.spot, contract.strike, years, terms.volatility,
                               terms.rate, terms.yield_, terms.dividends)  # fmt: skip

    def at(spot: float = 0.0, volatility: float = 0.0, rate: float = 0.0, later: float = 0.0) -> float:
        due = tuple((when - later, usd) for when, usd in terms.dividends)
        moved = Terms(terms.spot + spot, terms.volatility + volatility, terms.rate + rate, terms.yield_, due)
        return price(contract, moved, years - later)

    here = at()
    bump = terms.spot * BUMP_SPOT
    up, down = at(spot=bump), at(spot=-bump)
    wait = min(BUMP_YEARS, years / 4)
    vol = min(BUMP_VOLATILITY, terms.volatility / 4)
    return Greeks(
        here, (up - down) / (2 * bump), (up - 2 * here + down) / (bump * bump),
        (at(volatility=vol) - at(volatility=-vol)) / (2 * vol),
        (at(later=wait) - at(later=-wait)) / (2 * wait) / DAYS,
        (at(rate=BUMP_RATE) - at(rate=-BUMP_RATE)) / (2 * BUMP_RATE),
    )  # fmt: skip


def implied_volatility(contract: Contract, paid: float, terms: Terms, years: float) -> float | None:
    """The volatility at which the option costs ``paid`` a share (``terms.volatility`` is not looked at).

    ``None`` where none does: below what exercise pays, or so near it that the price does not move with the
    volatility. An American price is at least the European, so the European volatility bounds it from above.
    """
    spot, strike, kind = terms.spot, contract.strike, contract.kind
    due = terms.dividends
    if years <= 0 or paid <= intrinsic(kind, spot, strike) + PRICE_TOLERANCE * strike:
        return None
    plain = european.implied_volatility(kind, paid, spot, strike, years, terms.rate, terms.yield_, due)
    if contract.style == "european":
        return plain
    if plain is None and paid >= (spot if kind == "call" else strike):
        return None
    high = plain if plain is not None else HIGHEST

    def miss(volatility: float) -> float:
        value = american.price(kind, spot, strike, years, volatility, terms.rate, terms.yield_, due)
        return value - paid

    return _root(miss, high)


def _root(miss: Callable[[float], float], high: float) -> float | None:
    """Where an increasing function of volatility is nothing, at ``high`` or below: regula falsi, Illinois."""
    at_high = miss(high)
    if abs(at_high) <= PRICE_TOLERANCE:
        return high
    if at_high < 0:
        return None
    low = high * STEP_DOWN
    while (at_low := miss(low)) > 0:
        high, at_high, low = low, at_low, low * STEP_DOWN
        if low < LOWEST:
            return None
    for _ in range(STEPS):
        middle = (low * at_high - high * at_low) / (at_high - at_low)
        found = miss(middle)
        if abs(found) < PRICE_TOLERANCE or high - low < LOWEST * 1e-8:
            return middle
        if found > 0:
            high, at_high, at_low = middle, found, at_low / 2
        else:
            low, at_low, at_high = middle, found, at_high / 2
    return None


def _check(contract: Contract, terms: Terms) -> None:
    if not (terms.spot > 0 and contract.strike > 0 and terms.volatility > 0):
        raise DataError("option_terms", f"spot {terms.spot:g}, strike {contract.strike:g}, "
                        f"volatility {terms.volatility:g} must be more than nothing")  # fmt: skip
