"""The entries of the registry that say how a token is made and unmade: issuers, exchanges, their terms.

What they mean, and what follows from them, is in :mod:`bot.strategy.mechanisms`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Hours = Literal["24/7", "24/5", "regular", "none"]
Kind = Literal["channel", "xstocks", "ondo", "mystonks", "robinhood", "dinari", "mirror", "synthetix"]
Known = Literal["published", "assumed", "unknown"]
Money = Literal["returned", "late", "part_lost", "lost", "kept_as_tokens"]
CONVERT = "convert"
"""An exchange's conversion is ``TOKEN@EXCHANGE:convert`` among instruments: its order book is another one."""


class Late(Struct, frozen=True, forbid_unknown_fields=True):
    """A delivery that comes later than it is due: by ``hours`` of the clock, then by ``days`` on which the
    market opens, with this ``chance`` of all orders."""

    chance: float
    days: float = 0.0
    hours: float = 0.0


class Channel(Struct, frozen=True, forbid_unknown_fields=True):
    """One direction of an issuer's primary market: minting, or redeeming.

    Ratios are of the amount; days are business days of the share's settlement; ``gaps`` are times of the New
    York day in which it takes no orders (``09:29-09:31``), whatever its hours; ``late`` is what may come on
    top of the settlement days. ``source`` and ``note`` say where the numbers come from and which of them are
    assumptions.
    """

    available: bool = True
    open_to: str = "qualified"
    hours: Hours = "24/5"
    fee_ratio: float = 0.0
    spread_ratio: float = 0.0
    minimum_usd: float = 0.0
    maximum_usd: float | None = None
    settlement_days: float = 1.0
    gas_usd: float = 0.0
    gaps: list[str] = []
    late: list[Late] = []
    source: str = ""
    note: str = ""


CLOSED = Channel(available=False, hours="none")


class Term(Struct, frozen=True, forbid_unknown_fields=True):
    """Where parameters are from. ``of`` names them from the issuer down: ``mint.fee_ratio``, ``debt.ratio``.

    ``published``: by whom it binds, ``source`` and ``date`` (when it was read) say where. ``assumed``: nobody
    says; the value is ours and ``says`` why. ``unknown``: no value can be assumed, so the channel that needs
    it is not used.
    """

    of: list[str]
    known: Known
    source: str = ""
    date: str = ""
    says: str = ""


class Failure(Struct, frozen=True, forbid_unknown_fields=True):
    """A way in which an order goes wrong: with what ``chance`` of all orders (an assumption), what becomes of
    the ``money``, which part of it is gone (``loss_ratio``), and how many days on which the market opens it
    is away on top. ``side`` is where it happens to one direction only; ``moving`` says that it happens to
    tokens on their way to or from an account, and ``again`` that the order is given anew at once, which is in
    the delay."""

    name: str
    chance: float
    money: Money
    says: str
    loss_ratio: float = 0.0
    days: float = 0.0
    side: Literal["", "mint", "redeem"] = ""
    moving: bool = False
    again: bool = False


class Way(Struct, frozen=True, forbid_unknown_fields=True):
    """Another way into the same token than the main channel: ``needs`` an agreement, and counts only once
    the desk that has it sets ``enabled``."""

    name: str
    needs: str
    mint: Channel = CLOSED
    redeem: Channel = CLOSED
    enabled: bool = False


class Broker(Struct, frozen=True, forbid_unknown_fields=True):
    """Through whom the issuer's shares come: ``chance`` of all orders go this way, and its shares are with
    the custodian ``days`` and ``hours`` after they have settled."""

    name: str
    chance: float
    days: float = 0.0
    hours: float = 0.0
    says: str = ""


class Inclusion(Struct, frozen=True, forbid_unknown_fields=True):
    """How long a chain takes to take an order in, with what chance."""

    chance: float
    seconds: float


class SignedQuotes(Struct, frozen=True, forbid_unknown_fields=True):
    """Orders against prices that the issuer signs. ``valid_seconds`` is how long one holds; ``inclusion``
    when the chain takes the order in: what comes later than that is refused.

    ``coin`` is what the issuer's contract pays in; ``coin_chance`` how often dollars must be had for it
    elsewhere, at ``coin_ratio`` of the amount.
    """

    valid_seconds: float
    inclusion: list[Inclusion]
    coin: str = ""
    coin_chance: float = 0.0
    coin_ratio: float = 0.0


class Fills(Struct, frozen=True, forbid_unknown_fields=True):
    """Outside the regular session orders only wait at a limit: ``outside_chance`` that one is filled before
    the regular session, else it is filled when that opens."""

    outside_chance: float


class Transfer(Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens to or from an account: ``hours`` that it usually takes, what may come on top, what it costs."""

    hours: float
    usd: float = 0.0
    late: list[Late] = []


class Debt(Struct, frozen=True, forbid_unknown_fields=True):
    """Tokens that are owed, against collateral: ``ratio`` of their value at least, times ``multiplier`` for
    the kind of collateral, and ``cushion_ratio`` more in practice.

    ``close_fee_ratio`` is of the collateral when it is taken back; ``hold_days`` how long the debt stays
    until the token can be bought back at par; an oracle price older than ``oracle_seconds`` stops minting;
    ``risk_charge`` is asked per standard deviation of the share until minting opens again.
    """

    ratio: float
    cushion_ratio: float
    close_fee_ratio: float
    hold_days: float
    oracle_seconds: float
    multiplier: float = 1.0
    risk_charge: float = 0.0


class OracleExchange(Struct, frozen=True, forbid_unknown_fields=True):
    """Exchange at an oracle's price. For ``wait_seconds`` what was received cannot be moved, and is settled
    anew at the price of then: protection against those who see a price coming. An oracle price older than
    ``oracle_seconds`` stops it."""

    wait_seconds: float
    oracle_seconds: float
    coin: str = "sUSD"


class Issuer(Struct, frozen=True, forbid_unknown_fields=True):
    """Who stands behind a token. ``suffix`` is how its symbols end; it never identifies a token.

    ``mechanism`` is what kind of system it is; ``began`` and ``ended`` are moments, ISO 8601, between which
    it worked (empty: it always has). Only what belongs to the mechanism is said: ``brokers`` and ``ways``
    for xStocks, ``account`` (from the issuer's books to the chain) for MyStonks, ``quotes`` for Ondo,
    ``fills`` for Dinari, ``debt`` for Mirror, ``exchange`` for Synthetix.
    """

    name: str
    title: str
    suffix: str = ""
    decimals: dict[str, int] = {}
    mint: Channel = CLOSED
    redeem: Channel = CLOSED
    mechanism: Kind = "channel"
    summary: str = ""
    began: str = ""
    ended: str = ""
    ways: list[Way] = []
    brokers: list[Broker] = []
    account: Transfer | None = None
    quotes: SignedQuotes | None = None
    fills: Fills | None = None
    debt: Debt | None = None
    exchange: OracleExchange | None = None
    terms: list[Term] = []
    failures: list[Failure] = []


class Conversion(Struct, frozen=True, forbid_unknown_fields=True):
    """An exchange that carries an issuer's tokens: ``mint`` and ``redeem`` is buying and selling them for
    dollars at the share's price (not available where there is only an order book); ``deposit`` and
    ``withdraw`` move them."""

    name: str
    venue: str
    issuer: str
    title: str
    deposit: Transfer
    withdraw: Transfer
    mint: Channel = CLOSED
    redeem: Channel = CLOSED
    summary: str = ""
    terms: list[Term] = []
    failures: list[Failure] = []

    @property
    def converts(self) -> bool:
        """Whether it has more than an order book."""
        return self.mint.available or self.redeem.available

    def instrument(self, symbol: str) -> str:
        """What a conversion of this token is called."""
        return f"{symbol}@{self.venue}:{CONVERT}"
