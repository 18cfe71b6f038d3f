"""What every mechanism answers, and to what. Pure: the moment is an argument."""

from __future__ import annotations

from math import inf
from typing import Literal, Protocol

from msgspec import Struct

from bot.registry.issuer import Failure, Known
from bot.strategy.mechanisms.delay import Delay
from bot.types import Ns, Session
from bot.valuation.sessions import SessionClock

Action = Literal["mint", "redeem"]
ACTIONS: tuple[Action, Action] = ("mint", "redeem")


class Moment(Struct, frozen=True):
    """When a mechanism is asked, and what is known of the token then.

    ``fair_usd`` is USD per token; ``financing_rate`` and ``annual_volatility`` are per year; ``halted`` is
    why the issuer neither mints nor redeems (``None``: it does); ``oracle_age_seconds`` how old the price is
    that a contract goes by (``None``: nobody has told, and then the share's hours decide).
    """

    clock: SessionClock
    ts: Ns
    fair_usd: float = 100.0
    financing_rate: float = 0.0
    annual_volatility: float = 0.5
    halted: str | None = None
    oracle_age_seconds: float | None = None

    @property
    def session(self) -> Session:
        """The share's session."""
        return self.clock.session(self.ts)


class Opening(Struct, frozen=True):
    """Whether an order is taken now. ``rule`` and ``detail`` say why not (both empty: it is); ``opens`` is
    when it next will be, ``None`` if nobody knows."""

    rule: str
    detail: str
    opens: Ns | None

    @property
    def now(self) -> bool:
        """Whether it is open."""
        return not self.rule


class Limits(Struct, frozen=True):
    """Of one order, USD at fair value; ``most_usd`` is infinite where nobody names a maximum."""

    least_usd: float
    most_usd: float = inf


class Cost(Struct, frozen=True):
    """What one order costs. ``unit_usd`` is all in, USD per token: paid for a mint, received for a redeem;
    ``parts_usd`` is what stands between it and fair value, for the whole order.

    ``carry_usd`` is what the wait costs on top: financing of the capital that is locked. ``rule`` and
    ``detail`` say why an order of this size is not taken; its price then says what it would be.
    """

    action: Action
    size_usd: float
    tokens: float
    unit_usd: float
    parts_usd: dict[str, float]
    carry_usd: float
    capital_usd: float
    rule: str = ""
    detail: str = ""


class Bounds(Struct, frozen=True):
    """The no-arbitrage band: bases (log ratios) beyond which minting and selling, or buying and redeeming,
    pays. Infinite where no channel holds the price, and then ``why_…`` says why not."""

    low: float
    high: float
    mint_open: bool
    redeem_open: bool
    note: str
    why_low: str = ""
    why_high: str = ""


class Assumption(Struct, frozen=True):
    """A parameter that nobody publishes: its path, the value that is taken (``None``: none), and why.

    ``known`` is ``unknown`` where nothing can be assumed, so that the channel that needs it is not used.
    """

    name: str
    value: float | str | None
    says: str
    known: Known = "assumed"


class Mechanism(Protocol):
    """A system that issues or carries tokens: how they are made and unmade, when, at what cost and risk."""

    @property
    def name(self) -> str:
        """What it is known by."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def summary(self) -> str:
        """What it is, in a sentence."""

    def opening(self, action: Action, moment: Moment) -> Opening:
        """Whether it takes orders now; if not, why not, and when next."""

    def limits(self, action: Action, moment: Moment) -> Limits:
        """Smallest and largest order."""

    def cost(self, action: Action, moment: Moment, size_usd: float) -> Cost:
        """What an order of ``size_usd`` (at fair value) costs, whether it is open now or not."""

    def delay(self, action: Action, moment: Moment) -> Delay | None:
        """From now until in hand, if ordered as soon as it opens; ``None`` if nobody knows when."""

    def failures(self, action: Action) -> tuple[Failure, ...]:
        """How an order goes wrong."""

    def assumptions(self) -> tuple[Assumption, ...]:
        """Parameters that nobody publishes."""

    def bounds(self, moment: Moment, size_usd: float, venue_fee: float) -> Bounds:
        """The band of its token on a venue whose price does not include ``venue_fee``, for ``size_usd``."""
