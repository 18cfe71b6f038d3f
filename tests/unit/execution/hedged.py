"""The desk of :mod:`tests.unit.execution.desk` with options, a perp and perpetual options on AMZN."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from bot.ledger.accounts import custody, entries_for
from bot.ledger.books import Books, fold
from bot.registry import Registry, Venue
from bot.registry.derivatives import OptionVenue, PerpetualVenue, PerpVenue
from bot.strategy.hedge_book import HedgeBook
from bot.timefmt import NS
from bot.timefmt import parse as at
from bot.types import Fill, Leg, Side, Tick
from tests.unit.execution import desk
from tests.unit.execution.desk import T

HOUR = 3_600 * NS
FRIDAY = at("2025-07-11T20:00:00Z")
PUT, CALL = "AMZN250711P00220000@alpaca", "AMZN250711C00220000@alpaca"
PERP, OFFER = "AMZN@krakenfutures", "AMZN-220-put-PERP@fufuture"


def registry() -> Registry:
    """Terms in round figures, so that results can be worked out by hand."""
    plain = desk.registry()
    more = ("alpaca", "krakenfutures", "fufuture")
    return replace(
        plain,
        venues=plain.venues | {name: Venue(name, "broker") for name in more},
        option_venues={"alpaca": OptionVenue("alpaca", commission_usd=0.65, rate=0.04)},
        perp_venues={"krakenfutures": PerpVenue("krakenfutures", "Perps", 0.05, 0.025, 0.0005, 0.01, 0.01)},
        perpetual_venues={"fufuture": PerpetualVenue("fufuture")},
    )


class HedgedDesk(desk.Desk):
    """``now`` moves on with :meth:`wait`; ``fills`` are all so far."""

    def __init__(self, **config: Any) -> None:
        super().__init__(registry(), **config)
        self.hedges = HedgeBook(self.registry)
        self.broker.attach(self.hedges, self.market)
        self.now = T
        self.fills: list[Fill] = []

    def again(self) -> None:
        """As after a restart: a new broker with the memory of the old one, as JSON keeps it."""
        memory = json.loads(json.dumps(self.broker.snapshot()))
        self.broker = self.new_broker()
        self.broker.attach(self.hedges, self.market)
        self.broker.restore(memory)

    def option(self, name: str, bid: float | None, ask: float | None, size: int = 10) -> None:
        """Its quote now."""
        self._take(name, None, {"bid_size": size, "ask_size": size}, bid=bid, ask=ask)

    def perp(self, bid: float, ask: float, *, mark: float | None = None, index: float | None = None,
             rate: float = 0.0, size: float = 1e3) -> None:  # fmt: skip
        """Its quote now."""
        middle = (bid + ask) / 2
        data = {"bid": bid, "ask": ask, "bid_size": size, "ask_size": size, "index": index or middle,
                "funding_rate": rate}  # fmt: skip
        self._take(PERP, mark or middle, data)

    def offer(self, **terms: Any) -> None:
        """A perpetual option on offer now."""
        known = {"volatility": 0.5, "units": 1e3, "markup": 1.0, "fee_ratio": 0.0, "period_days": 7.0}
        self._take(OFFER, None, known | terms)

    def stock(self, price: float) -> None:
        """What the share trades at now, a cent wide on either side."""
        share = self.share
        share.ts, share.price, share.bid, share.ask = self.now, price, price - 0.01, price + 0.01
        if self.fair is not None:
            self.fair = replace(self.fair, value_usd=price)

    def _take(self, name: str, price: float | None, data: dict[str, Any], **sides: float | None) -> None:
        self.hedges.take(Tick(self.now, name, "quote", price=price, data=json.dumps(data), **sides))
        if name in self.broker.watched:
            self.fills += self.broker.heard(name, self.now)

    def execute(self, *legs: Leg) -> list[Fill]:
        """Carry out a plan of these legs now."""
        done = self.broker.execute(desk.plan(*legs), self.market, self.now)
        self.fills += done
        return done

    def wait(self, until: int) -> list[Fill]:
        """Let time pass."""
        self.now = until
        done = self.broker.due(until, self.market)
        self.fills += done
        return done

    def books(self) -> Books:
        """What the fills come to."""
        place = custody(self.registry)
        return fold(entry for fill in self.fills for entry in entries_for(fill, place(fill.instrument)))


def leg(action: str, instrument: str, side: Side, quantity: float, price: float, margin: float = 0.0,
        limit: float | None = None) -> Leg:  # fmt: skip
    """One order of a hedge."""
    far = limit if limit is not None else (1e9 if side == "buy" else 0.0)
    made = desk.leg(action, instrument, quantity, price)
    return replace(made, side=side, margin_usd=margin, limit_price=far)


def actions(fills: Iterable[Fill]) -> list[str]:
    """What happened, in order."""
    return [fill.action for fill in fills]
