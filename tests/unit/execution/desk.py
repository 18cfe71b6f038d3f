"""A small market for paper execution: one pool, one book, one issuer, one broker; curves by hand."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from bot.config import ExecutionSection
from bot.execution import PaperBroker
from bot.market import InstrumentState, Market, ReferenceState
from bot.pools.book import BookCurve
from bot.pools.curve import Executed
from bot.registry import Chain, Channel, Issuer, Registry, Token, Underlying, Venue
from bot.timefmt import NS
from bot.types import Leg, Plan
from bot.valuation.fair import FairValue

T = 1_751_896_800 * NS  # Monday 7 July 2025, 14:00 UTC: regular hours
DAY = 86_400.0
POOL, BOOK, ISSUER, BROKER = "AMZNx@uniswap:0x3cd7f2a1", "AMZNx@kraken", "AMZNx@xstocks", "AMZN@ibkr"
FEE = 0.003


class ProductPool:
    """A constant-product pool by the textbook: ``(x − out)(y + in·(1 − fee)) = x·y``."""

    def __init__(self, tokens: float, usd: float, fee: float = FEE) -> None:
        self.tokens, self.usd, self.fee = tokens, usd, fee

    def buy_tokens(self, tokens: float) -> Executed | None:
        if tokens >= self.tokens:
            return None
        effective = self.usd * tokens / (self.tokens - tokens)
        paid = effective / (1 - self.fee)
        return Executed(paid, tokens, paid / tokens, (self.usd + effective) / (self.tokens - tokens))

    def sell_tokens(self, tokens: float) -> Executed | None:
        effective = tokens * (1 - self.fee)
        got = self.usd * effective / (self.tokens + effective)
        return Executed(got, tokens, got / tokens, (self.usd - got) / (self.tokens + effective))

    def fee_ratio(self, sell: bool) -> float:
        return self.fee

    def after(self, tokens: float, sell: bool) -> ProductPool | None:
        done = self.sell_tokens(tokens) if sell else self.buy_tokens(tokens)
        if done is None:
            return None
        kept = 1 - self.fee
        moved = (tokens * kept, -done.usd) if sell else (-tokens, done.usd * kept)
        return ProductPool(self.tokens + moved[0], self.usd + moved[1], self.fee)


class Book(BookCurve):
    """One level a side, without a fee."""

    def __init__(self, bid: float, ask: float, tokens: float) -> None:
        super().__init__([(bid, tokens)], [(ask, tokens)])


CHANNEL = Channel(hours="24/5", fee_ratio=0.0025, spread_ratio=0.0005, minimum_usd=100, maximum_usd=1e6,
                  settlement_days=1, gas_usd=2)  # fmt: skip


def registry(mint: Channel = CHANNEL, redeem: Channel = CHANNEL) -> Registry:
    return Registry(
        chains={"ethereum": Chain("ethereum", "evm", 1, gas_usd=1.5)},
        issuers={"xstocks": Issuer("xstocks", "xStocks", mint=mint, redeem=redeem)},
        underlyings={"AMZN": Underlying("AMZN")},
        tokens={"AMZNx": Token("AMZNx", "AMZN", "xstocks")},
        venues={
            "uniswap": Venue("uniswap", "pool", FEE, "ethereum"),
            "kraken": Venue("kraken", "exchange", 0.0),
            "xstocks": Venue("xstocks", "issuer"),
            "ibkr": Venue("ibkr", "broker", reference=True),
        },
    )


class Desk:
    """Market and broker together; ``fair`` may be changed or taken away."""

    def __init__(self, of: Registry | None = None, **config: Any) -> None:
        self.registry = of or registry()
        self.market = Market(self.registry)
        self.pool = self._admit(POOL)
        self.pool.curve = ProductPool(1000.0, 220_000.0)  # type: ignore[assignment]  # the fake has what is used
        self.book = self._admit(BOOK)
        self.book.curve = Book(bid=221.0, ask=222.0, tokens=100.0)
        broker = self.market.admit(BROKER)
        assert isinstance(broker, ReferenceState)
        broker.ts, broker.bid, broker.ask = T, 219.9, 220.1
        self.share = broker
        self.fair: FairValue | None = FairValue(220.0, 0.001, 1.0, "regular", True)
        self.market.fair_value = lambda _state, _ts: self.fair
        self.broker = self.new_broker(**config)

    def new_broker(self, **config: Any) -> PaperBroker:
        return PaperBroker(self.registry, ExecutionSection(**config))

    def _admit(self, name: str) -> InstrumentState:
        state = self.market.admit(name)
        assert isinstance(state, InstrumentState)
        state.ts = T
        return state


def leg(action: Any, instrument: str, tokens: float = 10.0, price: float = 220.0, **changes: Any) -> Leg:
    limit = None if action == "transfer" else price
    made = Leg(action, instrument, tokens, tokens * price, price, limit, 0.0, 0.0, 0.0)
    return replace(made, **changes)


def plan(*legs: Leg, **changes: Any) -> Plan:
    made = Plan(
        id="p1", incident_id="i1", instrument=POOL, underlying="AMZN", created=T, expires=T + 60 * NS,
        decision="trade", route="cross_venue", size_usd=2200.0, quantity_tokens=10.0, legs=list(legs),
        hedge=None,
        expected_profit_usd=1.0, costs_usd={}, worst_case_usd=-1.0, break_even_price=None, capital_usd=2200.0,
        duration_seconds=0.0, annualised_return=None, reasons=[],
    )  # fmt: skip
    return replace(made, **changes)
