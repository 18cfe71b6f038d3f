"""One share's listed options on one venue as they were quoted last, and the chain they make at a moment.

Pure. A chain is read only where a plan looks at it; what is stale, crossed, halted or one-sided is left out
and counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from math import inf

from bot.registry.derivatives import OptionVenue
from bot.strategy.dividends import Coming, due
from bot.strategy.hedge_lines import OptionLine
from bot.strategy.options import Chain, ChainTerms, OptionQuote
from bot.strategy.options.chain import MAX_AGE_NS, apart
from bot.strategy.options.european import OptionKind
from bot.timefmt import NS, duration
from bot.types import HedgeKind, HedgeNotChosen, Ns

LAST = "~"
"""Comes after the name of any contract."""
Strikes = dict[OptionKind, list[tuple[float, str]]]


class Listed:
    """One share's options on one venue: by expiry, calls and puts in order of their strikes."""

    def __init__(self, tradable: bool) -> None:
        self.tradable = tradable
        self.lines: dict[str, OptionLine] = {}
        self.expiries: dict[Ns, Strikes] = {}
        self.heard: Ns = 0

    def add(self, line: OptionLine) -> None:
        contract = line.contract
        strikes = self.expiries.setdefault(contract.expiry, {"call": [], "put": []})
        insort(strikes[contract.kind], (contract.strike, line.instrument))
        self.lines[line.instrument] = line

    def drop_until(self, ts: Ns, held: Callable[[str], bool]) -> list[str]:
        """Forget what has expired and is not held; the names that went."""
        passed = [strikes for expiry, strikes in self.expiries.items() if expiry <= ts]
        gone = [name for strikes in passed for side in strikes.values() for _, name in side if not held(name)]
        for name in gone:
            self._drop(name)
        return gone

    def drop_last(self, after: Ns, held: Callable[[str], bool]) -> str | None:
        """Forget one of those that expire last, after ``after`` and not held; its name if there is one."""
        for expiry in sorted((one for one in self.expiries if one > after), reverse=True):
            for side in sorted(self.expiries[expiry].values(), key=len, reverse=True):
                for _, name in reversed(side):
                    if not held(name):
                        self._drop(name)
                        return name
        return None

    def _drop(self, name: str) -> None:
        contract = self.lines.pop(name).contract
        strikes = self.expiries[contract.expiry]
        strikes[contract.kind].remove((contract.strike, name))
        if not any(strikes.values()):
            del self.expiries[contract.expiry]


class LiveChain(Chain):
    """The chain of one venue at a moment; an expiry is looked at when asked for. ``aside`` is what is
    left out, by rule: instruments and their ages in nanoseconds."""

    def __init__(self, underlying: str, spot: float, ts: Ns, listed: Listed, venue: OptionVenue,
                 coming: Sequence[Coming] = ()) -> None:  # fmt: skip
        terms = ChainTerms(venue.commission_usd, venue.naked_ratio, venue.naked_least)
        super().__init__(
            underlying,
            spot,
            ts,
            (),
            rate=venue.rate,
            dividends=due(coming, ts),
            venue=venue.name,
            terms=terms,
        )
        self._coming = coming
        self._listed = listed
        self._made: dict[tuple[Ns, OptionKind, float, float, int, Ns], list[OptionQuote]] = {}
        self.aside: dict[str, dict[str, Ns]] = {}

    def expiries(self, after: Ns) -> list[Ns]:
        return sorted(expiry for expiry in self._listed.expiries if expiry > after)

    def of(self, expiry: Ns, kind: OptionKind) -> list[OptionQuote]:
        return self.between(expiry, kind, 0.0, inf)

    def between(self, expiry: Ns, kind: OptionKind, low: float, high: float) -> list[OptionQuote]:
        key = expiry, kind, low, high, 0, self.ts
        if key not in self._made:
            self._made[key] = [line.quote() for line in self._fit(expiry, kind, low, high)]
        return self._made[key]

    def spread(self, expiry: Ns, kind: OptionKind, low: float, high: float, most: int,
               ts: Ns) -> list[OptionQuote]:  # fmt: skip
        key = expiry, kind, low, high, most, ts
        if key not in self._made:
            # Fresh and two-sided as a quote says of itself, before any is made.
            found = [
                line for line in self._fit(expiry, kind, low, high)
                if 0 <= ts - line.ts <= MAX_AGE_NS and 0 < (line.bid or 0.0) <= (line.ask or 0.0)
            ]  # fmt: skip
            self._made[key] = [line.quote() for line in apart(found if expiry > ts else [], most)]
        return self._made[key]

    def _fit(self, expiry: Ns, kind: OptionKind, low: float, high: float) -> list[OptionLine]:
        lines, strikes = self._listed.lines, self._listed.expiries.get(expiry)
        names = strikes[kind] if strikes is not None else []
        near = names[bisect_left(names, (low, "")) : bisect_right(names, (high, LAST))]
        return [line for _, name in near if not self._unfit(line := lines[name])]

    def reckons_with(self, expiry: Ns) -> str:
        paid = [str(one) for one in self._coming if one.ex <= expiry]
        return f"with a dividend of {' and '.join(paid)}" if paid else ""

    def _unfit(self, line: OptionLine) -> bool:
        age = self.ts - line.ts
        if line.crossed:
            rule = "hedge.crossed"
        elif line.halted:
            rule = "hedge.halted"
        elif not line.ts:
            rule = "hedge.not_quoted"
        elif age > MAX_AGE_NS:
            rule = "hedge.stale"
        elif line.bid is None or line.ask is None:
            rule = "hedge.one_sided"
        else:
            return False
        self.aside.setdefault(rule, {})[line.instrument] = age  # once, however often it is asked for
        return True

    def left_out(self) -> list[HedgeNotChosen]:
        """What was left out of all that was asked for, one line a rule."""
        why = {
            "hedge.crossed": "the bid above the ask",
            "hedge.halted": "halted",
            "hedge.not_quoted": "nothing but its state was told yet",
            "hedge.one_sided": "no bid or no ask",
        }
        return [
            aside_of("listed_option", f"{len(ages)} option{'s' * (len(ages) > 1)} on {self.venue}",
                   f"{rule}: " + why.get(rule, f"the oldest of them quoted {_longest(ages)} ago"))
            for rule, ages in sorted(self.aside.items())
        ]  # fmt: skip


def _longest(ages: Mapping[str, Ns]) -> str:
    return duration(max(ages.values()) / NS)


def aside_of(kind: HedgeKind, what: str, reason: str) -> HedgeNotChosen:
    """What was left out; ``reason`` starts with the name of the rule."""
    return HedgeNotChosen(kind, what, None, None, reason)
