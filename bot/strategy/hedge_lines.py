"""What one hedging instrument said last: a listed option, a perpetual future, a perpetual option. Pure.

:mod:`bot.strategy.hedge_ticks` has what their ticks are made of.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, ClassVar, Literal

from bot.errors import DataError
from bot.registry.derivatives import OptionVenue, PerpetualVenue, PerpVenue
from bot.said import SHUT
from bot.strategy import hedge_ticks as ticks
from bot.strategy.hedge_ticks import StatusData
from bot.strategy.options import OptionQuote, Perp, Perpetual, PerpTerms
from bot.strategy.options.listed import Contract
from bot.types import Ns, Tick

LineKind = Literal["option", "perp", "perpetual"]


class Line(ABC):
    """``crossed``: its last quote made no sense, and what was before is forgotten. ``halted`` says why."""

    __slots__ = ("crossed", "halted", "instrument", "ts", "underlying")
    kind: ClassVar[LineKind]
    KEPT: ClassVar[tuple[str, ...]]

    def __init__(self, instrument: str, underlying: str) -> None:
        self.instrument, self.underlying = instrument, underlying
        self.ts: Ns = 0
        self.crossed = False
        self.halted = ""

    def take(self, tick: Tick) -> None:
        """Raises :class:`DataError` for what cannot be, and is then as before."""
        if tick.ts < self.ts:
            raise DataError("time_backwards", f"{tick.instrument}: earlier than its last quote")
        if tick.kind == "status":
            self._status(ticks.read(ticks.status, tick))
            return
        if tick.kind != "quote":
            return
        self.read(tick)
        self.ts, self.crossed = tick.ts, False

    @abstractmethod
    def read(self, tick: Tick) -> None:
        """Take a quote in."""

    def _status(self, told: StatusData) -> None:
        self.halted = (told.reason or told.state) if told.state in SHUT else ""

    def snapshot(self) -> Sequence[Any]:
        """What it said, as plain values."""
        return _all_of(self.KEPT)(self)

    def restore(self, values: Sequence[Any]) -> None:
        """Go on from :meth:`snapshot`."""
        for name, value in zip(("ts", "crossed", "halted", *self.KEPT), values, strict=True):
            setattr(self, name, value)


@cache
def _all_of(kept: tuple[str, ...]) -> Callable[[Line], Sequence[Any]]:
    """What is kept of a line, by one call: there are tens of thousands."""
    return attrgetter("ts", "crossed", "halted", *kept)


class OptionLine(Line):
    """Sizes are contracts; a side without a size cannot be traded."""

    __slots__ = (
        "ask", "ask_size", "bid", "bid_size", "contract", "open_interest", "venue", "volatility",
    )  # fmt: skip
    kind = "option"
    KEPT = ("bid", "ask", "bid_size", "ask_size", "open_interest", "volatility")

    def __init__(self, instrument: str, contract: Contract, venue: OptionVenue) -> None:
        super().__init__(instrument, contract.underlying)
        self.contract, self.venue = contract, venue
        self.bid: float | None = None
        self.ask: float | None = None
        self.bid_size = self.ask_size = 0
        self.open_interest: int | None = None
        self.volatility: float | None = None
        """The last volatility that its price was found to hold."""

    def read(self, tick: Tick) -> None:
        told = ticks.read(ticks.option, tick)
        if (told.style, told.shares) != (self.contract.style, self.contract.shares):
            raise DataError("wrong_contract", f"{tick.instrument}: {told.style}, for {told.shares} shares")
        self.bid, self.ask = tick.bid, tick.ask
        self.bid_size, self.ask_size = max(0, told.bid_size or 0), max(0, told.ask_size or 0)
        self.open_interest = told.open_interest

    def quote(self) -> OptionQuote:
        """As it stands."""
        return OptionQuote(
            self.contract, self.bid, self.ask, self.bid_size, self.ask_size, self.ts, self.instrument
        )


class PerpLine(Line):
    """Prices are USD a contract, sizes contracts, ``funding_hour`` the rate expected from now on."""

    __slots__ = (
        "ask", "ask_size", "bid", "bid_size", "funding_hour", "index", "mark", "token", "told_lot",
        "told_taker", "venue",
    )  # fmt: skip
    kind = "perp"
    KEPT = ("bid", "ask", "bid_size", "ask_size", "mark", "index", "funding_hour", "told_taker", "told_lot")

    def __init__(self, instrument: str, underlying: str, venue: PerpVenue) -> None:
        super().__init__(instrument, underlying)
        self.venue = venue
        self.token = underlying + venue.suffix if venue.unit == "token" else ""
        self.bid: float | None = None
        self.ask: float | None = None
        self.bid_size = self.ask_size = 0.0
        self.mark: float | None = None
        self.index: float | None = None
        self.funding_hour: float | None = None
        self.told_taker: float | None = None
        self.told_lot: float | None = None

    @property
    def taker(self) -> float:
        """As the venue told it, else the registry's: of the notional."""
        return self.venue.taker_fee_ratio if self.told_taker is None else self.told_taker

    @property
    def lot(self) -> float:
        """The same of the step of an order's size, contracts."""
        return self.told_lot or self.venue.lot

    def read(self, tick: Tick) -> None:
        told = ticks.read(ticks.perp, tick)
        mark = tick.price
        if mark is None:
            raise DataError("no_price", f"{tick.instrument}: no mark")
        ticks.check_perp(tick, told)
        self.mark, self.index = mark, told.index
        if told.bid is None and told.impact_bid and told.impact_ask:
            good = self.venue.impact_usd
            self.bid, self.ask = told.impact_bid, told.impact_ask
            self.bid_size, self.ask_size = good / told.impact_bid, good / told.impact_ask
        else:
            self.bid, self.ask = told.bid, told.ask
            self.bid_size, self.ask_size = max(0.0, told.bid_size or 0.0), max(0.0, told.ask_size or 0.0)
        rate = told.funding_rate if told.funding_rate_next is None else told.funding_rate_next
        self.funding_hour = None if rate is None else rate / told.funding_hours

    def _status(self, told: StatusData) -> None:
        if told.terms is not None:
            ticks.check_terms(self.instrument, told.terms)
        super()._status(told)
        if told.terms is not None:
            if told.terms.taker is not None:
                self.told_taker = told.terms.taker
            self.told_lot = told.terms.lot or self.told_lot

    def rate_hour(self) -> float:
        """The funding rate within the venue's cap; nothing where none was told."""
        cap = self.venue.funding_cap_hour
        return min(cap, max(-cap, self.funding_hour or 0.0))

    def lacks(self) -> str:
        """What it has not told and a hedge needs; empty: nothing."""
        if self.bid is None or self.ask is None:
            return "no bid and ask"
        return "no funding rate" if self.funding_hour is None else ""

    def quote(self, shares_each: float) -> Perp:
        """Per share, one contract being for ``shares_each``; nothing may be lacking."""
        venue = self.venue
        assert self.bid is not None
        assert self.ask is not None
        terms = PerpTerms(
            venue.name, venue.title, venue.initial_ratio, venue.maintenance_ratio, self.taker,
            venue.funding_cap_hour, self.lot * shares_each, venue.source,
        )  # fmt: skip
        index = self.index or self.mark or self.bid
        return Perp(
            self.instrument, self.underlying, terms, self.bid / shares_each, self.ask / shares_each,
            self.bid_size * shares_each, self.ask_size * shares_each, index / shares_each,
            self.funding_hour or 0.0, self.ts, shares_each,
        )  # fmt: skip


class PerpetualLine(Line):
    """An offer of a perpetual option; one out of the registry is ``standing``: as good at any time."""

    __slots__ = (
        "coin", "fee_ratio", "markup", "period_days", "standing", "strike", "strike_kind", "units", "venue",
        "volatility",
    )  # fmt: skip
    kind = "perpetual"
    KEPT = ("volatility", "units", "markup", "fee_ratio", "period_days", "coin")

    def __init__(self, instrument: str, underlying: str, option: Perpetual, venue: PerpetualVenue,
                 standing: bool = False) -> None:  # fmt: skip
        super().__init__(instrument, underlying)
        self.strike_kind, self.strike = option.kind, option.strike
        self.venue, self.standing = venue, standing
        self.volatility, self.units, self.coin = venue.volatility, 0.0, venue.coin
        self.markup, self.fee_ratio, self.period_days = venue.markup, venue.fee_ratio, venue.period_days

    @property
    def option(self) -> Perpetual:
        """The contract, with the period told last."""
        return Perpetual(self.strike_kind, self.strike, self.period_days)

    def restore(self, values: Sequence[Any]) -> None:
        """The same; terms that no tick has told are the registry's of today."""
        ts, crossed, halted, *_ = values
        if self.standing and not ts:
            self.crossed, self.halted = crossed, halted
        else:
            super().restore(values)

    def read(self, tick: Tick) -> None:
        told = ticks.read(ticks.perpetual, tick)
        own, venue = told, self.venue
        volatility = venue.volatility if own.volatility is None else own.volatility
        period = venue.period_days if own.period_days is None else own.period_days
        markup = venue.markup if own.markup is None else own.markup
        fee = venue.fee_ratio if own.fee_ratio is None else own.fee_ratio
        if not (1e-4 < volatility < 10 and 1e-4 < period < 1e4 and 1e-4 < markup < 1e3 and 0 <= fee < 1):
            raise DataError(
                "option_terms", f"{tick.instrument}: volatility {volatility}, period {period} d, "
                f"markup {markup}, fee {fee}"
            )  # fmt: skip
        self.volatility, self.period_days, self.markup, self.fee_ratio = volatility, period, markup, fee
        self.units, self.coin = max(0.0, own.units), own.coin or venue.coin
