"""How long an order takes until it is in hand: a discrete distribution of seconds. Pure.

A settlement date is a promise, and the days it is late are counted in days on which the market opens: an
order of Thursday before a long weekend that is one business day late is four calendar days late. So each
outcome is laid on the calendar by itself, and only then becomes seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum

from msgspec import Struct

from bot.registry.issuer import Late
from bot.timefmt import NS
from bot.types import Ns
from bot.valuation.sessions import SessionClock

HOUR_NS = 3600 * NS


class Delay(Struct, frozen=True):
    """Outcomes in seconds, rising, each with its chance; the chances add up to one.

    It says how long a delivery takes that comes: what never comes is a failure mode, not a delay.
    """

    seconds: tuple[float, ...]
    chances: tuple[float, ...]

    def quantile(self, level: float) -> float:
        """Seconds within which it is in hand with a chance of at least ``level``."""
        reached = 0.0
        for second, chance in zip(self.seconds, self.chances, strict=True):
            reached += chance
            if reached >= level - 1e-12:
                return second
        return self.seconds[-1]

    @property
    def median(self) -> float:
        """Half of all orders are in hand by then."""
        return self.quantile(0.5)

    @property
    def likely(self) -> float:
        """19 of 20 orders are in hand by then."""
        return self.quantile(0.95)

    @property
    def worst(self) -> float:
        """The longest that is reckoned with."""
        return self.seconds[-1]

    @property
    def mean(self) -> float:
        """Expected seconds: what capital is locked for on average."""
        return fsum(second * chance for second, chance in zip(self.seconds, self.chances, strict=True))

    def plus(self, other: Delay) -> Delay:
        """One after the other, neither knowing of the other."""
        return delay_of(
            (first + second, chance * likewise)
            for first, chance in zip(self.seconds, self.chances, strict=True)
            for second, likewise in zip(other.seconds, other.chances, strict=True)
        )


def delay_of(outcomes: Iterable[tuple[float, float]]) -> Delay:
    """A distribution from (seconds, chance) in any order; equal seconds are one outcome."""
    merged: dict[float, float] = {}
    for second, chance in outcomes:
        if chance > 0:
            merged[second] = merged.get(second, 0.0) + chance
    seconds = tuple(sorted(merged))
    return Delay(seconds, tuple(merged[second] for second in seconds))


def certain(seconds: float) -> Delay:
    """A delay that is always the same."""
    return Delay((seconds,), (1.0,))


def late_by(clock: SessionClock, ts: Ns, arrives: Ns, *stages: Sequence[Late]) -> Delay:
    """From ``ts`` until in hand, where ``arrives`` is when it is due; each stage may add to it, neither
    knowing of the others: hours first, then business days."""
    sums: dict[tuple[float, float], float] = {(0.0, 0.0): 1.0}
    for stage in stages:
        on_time = Late(1.0 - fsum(each.chance for each in stage))
        added: dict[tuple[float, float], float] = {}
        for (hours, days), chance in sums.items():
            for each in (on_time, *stage):
                key = (hours + each.hours, days + each.days)
                added[key] = added.get(key, 0.0) + chance * each.chance
        sums = {key: chance for key, chance in added.items() if chance > 0}
    outcomes = []
    for begins in {hours for hours, _ in sums}:
        wanted = {days: chance for (hours, days), chance in sums.items() if hours == begins}
        moments = _business_days(clock, arrives + round(begins * HOUR_NS), sorted(wanted))
        outcomes += [((moments[days] - ts) / NS, chance) for days, chance in wanted.items()]
    return delay_of(outcomes)


def _business_days(clock: SessionClock, moment: Ns, rising: Sequence[float]) -> dict[float, Ns]:
    """The moments so many business days later: one walk for all of them."""
    found, walked = {}, 0
    for days in rising:
        moment = clock.business_days_after(moment, int(days) - walked)
        walked = int(days)
        found[days] = clock.business_days_after(moment, days - walked)
    return found
