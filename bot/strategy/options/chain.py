"""A chain of listed options as it stands: quotes with sizes and ages, and what they say together. Pure.

By put-call parity call and put of one strike give the share's forward price: ``F = K + e^{rT}·(C − P)``.
American prices hold a right to exercise early that parity knows nothing of; it is taken out first, at the
volatility in each price, and again with the forward that comes of it. A pair one of which is at what exercise
pays says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, log
from statistics import median
from typing import TypeVar

from msgspec import Struct

from bot.strategy.options import american, european, listed
from bot.strategy.options.european import Dividends, OptionKind
from bot.strategy.options.listed import Contract, Terms
from bot.timefmt import NS
from bot.types import HedgeNotChosen, Ns

T = TypeVar("T")
MAX_AGE_NS = 300 * NS
PASSES = 3
NEAREST = 6
"""So many strikes around the money say what the forward is."""


class OptionQuote(Struct, frozen=True, gc=False):
    """One contract's best bid and ask, USD per share, sizes in contracts; ``None``: there is none.

    ``instrument`` is where it can be traded, empty where that is not known."""

    contract: Contract
    bid: float | None
    ask: float | None
    bid_size: int
    ask_size: int
    ts: Ns
    instrument: str = ""

    @property
    def mid(self) -> float | None:
        """Halfway; ``None`` without both sides, or where they are crossed."""
        if self.bid is None or self.ask is None or not 0 < self.bid <= self.ask:
            return None
        return (self.bid + self.ask) / 2

    def fresh(self, ts: Ns, max_age_ns: Ns = MAX_AGE_NS) -> bool:
        """Whether it was seen lately and the contract has not expired."""
        return 0 <= ts - self.ts <= max_age_ns and self.contract.expiry > ts


class ChainTerms(Struct, frozen=True):
    """What trading on a chain costs and locks: USD a contract, and the margin of an option sold, in parts of
    the share's price (a fifth less what it is out of the money, a tenth at least: Cboe's rule for broad
    accounts, as for a single share). The commission is Interactive Brokers' published price."""

    commission_usd: float = 0.65
    naked_ratio: float = 0.2
    naked_least: float = 0.1


class Forward(Struct, frozen=True):
    """The share's forward price for an expiry, from so many strikes; ``spread`` is how far they lie apart."""

    expiry: Ns
    value: float
    strikes: int
    spread: float


class Chain:
    """Every quote of one underlying. ``spot`` is the share's mid, ``rate`` and ``dividends`` as in
    :class:`~bot.strategy.options.listed.Terms`; ``venue`` is where the quotes can be traded on."""

    def __init__(self, underlying: str, spot: float, ts: Ns, quotes: Iterable[OptionQuote], *,
                 rate: float = 0.0, dividends: Dividends = (), venue: str = "opra",
                 terms: ChainTerms | None = None) -> None:  # fmt: skip
        self.underlying, self.spot, self.ts, self.venue = underlying, spot, ts, venue
        self.terms = terms or ChainTerms()
        self.rate, self.dividends = rate, tuple(dividends)
        self._sorted: dict[Ns, dict[OptionKind, list[OptionQuote]]] = {}
        for quote in sorted(quotes, key=lambda quote: (quote.contract.expiry, quote.contract.strike)):
            kinds = self._sorted.setdefault(quote.contract.expiry, {"call": [], "put": []})
            kinds[quote.contract.kind].append(quote)

    def expiries(self, after: Ns) -> list[Ns]:
        """Those after a moment, the nearest first."""
        return [expiry for expiry in self._sorted if expiry > after]

    def of(self, expiry: Ns, kind: OptionKind) -> list[OptionQuote]:
        """One expiry's, by strike, whatever their age."""
        return self._sorted.get(expiry, {}).get(kind, [])

    def between(self, expiry: Ns, kind: OptionKind, low: float, high: float) -> list[OptionQuote]:
        """The same of strikes between two, both included."""
        return [quote for quote in self.of(expiry, kind) if low <= quote.contract.strike <= high]

    def spread(self, expiry: Ns, kind: OptionKind, low: float, high: float, most: int,
               ts: Ns) -> list[OptionQuote]:  # fmt: skip
        """At most so many of those, far apart, that have both sides and are fresh at ``ts``."""
        found = self.between(expiry, kind, low, high)
        return apart([quote for quote in found if quote.fresh(ts) and quote.mid is not None], most)

    def same(self, quote: OptionQuote) -> Sequence[OptionQuote]:
        """A quote's contract wherever it is quoted, the least asked first."""
        return (quote,)

    def on(self, quote: OptionQuote) -> Chain:
        """The chain of the venue that a quote is of."""
        return self

    def where(self, quote: OptionQuote) -> str:
        """For people: the quote's venue and age, where there is more than one; else empty."""
        return ""

    def reckons_with(self, expiry: Ns) -> str:
        """Dividends until then that it is priced with, in words; empty: none."""
        return ""

    def left_out(self) -> list[HedgeNotChosen]:
        """What was left out of what was asked for, and why."""
        return []


def apart(found: Sequence[T], most: int) -> list[T]:
    """At most so many, the first and the last among them."""
    if len(found) <= most:
        return list(found)
    return [found[round(i * (len(found) - 1) / (most - 1))] for i in range(most)]


def implied(quote: OptionQuote, spot: float, ts: Ns, rate: float = 0.0, yield_: float = 0.0,
            dividends: Dividends = ()) -> float | None:  # fmt: skip
    """The volatility in the middle of a quote; ``None`` where there is no middle or no volatility in it."""
    mid = quote.mid
    if mid is None:
        return None
    terms = Terms(spot, 1.0, rate, yield_, tuple(dividends))
    return listed.implied_volatility(quote.contract, mid, terms, quote.contract.years(ts))


def forward(quotes: Iterable[OptionQuote], ts: Ns, rate: float) -> Forward | None:
    """What calls and puts of one expiry say of the forward; ``None`` where no pair at one strike does.

    It starts from the strike at which call and put cost most nearly the same: the forward is not far.
    """
    pairs = _pairs(quotes)
    if not pairs:
        return None
    expiry = pairs[0][0].contract.expiry
    years = pairs[0][0].contract.years(ts)
    if years <= 0:
        return None
    grown = exp(rate * years)
    start = min(pairs, key=lambda pair: abs((pair[0].mid or 0.0) - (pair[1].mid or 0.0)))
    spot = start[0].contract.strike / grown + (start[0].mid or 0.0) - (start[1].mid or 0.0)
    found: list[float] = []
    for _ in range(PASSES):
        near = sorted(pairs, key=lambda pair: abs(log(pair[0].contract.strike / spot)))[:NEAREST]
        found = [
            pair[0].contract.strike + grown * apart
            for pair in near
            if (apart := _apart(pair, spot, years, rate)) is not None
        ]
        if not found:
            return None
        spot = median(found) / grown
    return Forward(expiry, median(found), len(found), max(found) - min(found))


def _pairs(quotes: Iterable[OptionQuote]) -> list[tuple[OptionQuote, OptionQuote]]:
    calls: dict[tuple[Ns, float], OptionQuote] = {}
    puts: dict[tuple[Ns, float], OptionQuote] = {}
    for quote in quotes:
        if quote.mid is not None:
            side = calls if quote.contract.kind == "call" else puts
            side[quote.contract.expiry, quote.contract.strike] = quote
    return [(calls[key], puts[key]) for key in sorted(calls.keys() & puts.keys())]


def _apart(pair: tuple[OptionQuote, OptionQuote], spot: float, years: float, rate: float) -> float | None:
    call, put = (_european(quote, spot, years, rate) for quote in pair)
    return None if call is None or put is None else call - put


def _european(quote: OptionQuote, spot: float, years: float, rate: float) -> float | None:
    """The middle of a quote without its right to early exercise; ``None`` where only that is left of it."""
    mid, contract = quote.mid, quote.contract
    assert mid is not None
    if contract.style == "european" or rate == 0:
        return mid
    volatility = listed.implied_volatility(contract, mid, Terms(spot, 1.0, rate), years)
    if volatility is None:
        return None
    early = american.price(contract.kind, spot, contract.strike, years, volatility, rate) - european.price(
        contract.kind, spot, contract.strike, years, volatility, rate
    )
    return mid - early
