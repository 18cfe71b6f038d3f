"""A channel as routes use it, the issuer's own or an exchange's: may we, at what price, and when in hand.

The price is struck when the issuer accepts the order, as in the books; tokens or cash follow after the
settlement days. An order given overnight or on a closed day counts as of the next trading day. Hours, rules
and delays are the mechanism's; what is added here is the desk and the incident.
"""

from __future__ import annotations

from msgspec import Struct

from bot.config import StrategySection
from bot.market import Market
from bot.registry.issuer import Channel, Conversion, Failure, Issuer
from bot.strategy.mechanisms.by_channel import NEVER, ByChannel
from bot.strategy.mechanisms.delay import Delay
from bot.strategy.mechanisms.exchange import Exchange
from bot.strategy.mechanisms.hours import in_hand
from bot.strategy.mechanisms.model import Action, Moment
from bot.strategy.mechanisms.system import mechanism_of
from bot.timefmt import DAY_SECONDS, NS
from bot.types import WALLET, Incident, Ns
from bot.valuation.sessions import SessionClock

MARGIN = 1.001
"""A size at the channel's minimum is planned a little above it: the price moves until it is sent."""
HALTING_CAUSES = frozenset({"issuer_halt", "under_backed"})


class Access(Struct, frozen=True):
    """One direction of one channel now: the issuer's own or, with ``conversion``, an exchange's.

    ``rule`` and ``detail`` say why it cannot be used at this moment; both empty if it can. ``opens``
    is when it next takes orders (now, if it is open), ``arrives`` when what was ordered then is due; both
    ``None`` if nobody knows. ``failures`` are the ``mechanism``'s own.
    """

    action: Action
    issuer: Issuer
    channel: Channel
    rule: str
    detail: str
    opens: Ns | None
    arrives: Ns | None
    mechanism: ByChannel
    moment: Moment
    failures: tuple[Failure, ...] = ()
    conversion: Conversion | None = None

    @property
    def title(self) -> str:
        """Who mints or redeems, for people."""
        return self.issuer.title if self.conversion is None else self.conversion.title

    @property
    def venue(self) -> str:
        """Whose limits an order counts against."""
        return self.issuer.name if self.conversion is None else self.conversion.venue

    @property
    def place(self) -> str:
        """Where tokens are delivered, and taken from: an exchange converts what lies with it."""
        return WALLET if self.conversion is None else self.conversion.venue

    def instrument(self, symbol: str) -> str:
        """What orders name."""
        name = f"{symbol}@{self.issuer.name}"
        return name if self.conversion is None else self.conversion.instrument(symbol)

    @property
    def delay(self) -> Delay | None:
        """How long from now until it is in hand, as a distribution; ``None`` if nobody knows."""
        if self.opens is None:
            return None
        if isinstance(self.mechanism, Exchange):  # the way of the tokens is a step of its own
            return self.mechanism.converted(self.action, self.moment)
        return self.mechanism.delay(self.action, self.moment)

    @property
    def usable(self) -> bool:
        """Whether an order given now is accepted."""
        return not self.rule

    def price(self, fair_usd: float) -> float:
        """USD per token, spread and fee included: paid for a mint, received for a redeem."""
        channel = self.channel
        if self.action == "mint":
            return fair_usd * (1 + channel.spread_ratio) * (1 + channel.fee_ratio)
        return fair_usd * (1 - channel.spread_ratio) * (1 - channel.fee_ratio)

    def fee_per_token(self, fair_usd: float) -> float:
        """The fee in :meth:`price`, USD per token."""
        return self._quoted(fair_usd) * self.channel.fee_ratio

    def spread_per_token(self, fair_usd: float) -> float:
        """The spread in :meth:`price`, USD per token."""
        return fair_usd * self.channel.spread_ratio

    def tokens_least(self, fair_usd: float) -> float:
        """Fewest tokens of one order."""
        return self.channel.minimum_usd * MARGIN / self._quoted(fair_usd)

    def tokens_most(self, fair_usd: float) -> float:
        """Most tokens of one order; infinite where the issuer names no maximum."""
        most = self.channel.maximum_usd
        return float("inf") if most is None else most / MARGIN / self._quoted(fair_usd)

    def _quoted(self, fair_usd: float) -> float:
        return fair_usd * (1 + (1 if self.action == "mint" else -1) * self.channel.spread_ratio)


def look(action: Action, token: str, issuer: Issuer, market: Market, clock: SessionClock, ts: Ns,
         incident: Incident, config: StrategySection,
         conversion: Conversion | None = None) -> Access:  # fmt: skip
    """How the issuer's channel for ``token``, or an exchange's, stands at ``ts``.

    It counts as halted if a ``status`` of ``TOKEN@issuer`` says so, or the incident's cause does; an
    exchange's, if one of its own order book does, too.
    """
    mechanism = mechanism_of(issuer) if conversion is None else Exchange(conversion)
    halted = _halted(token, issuer, market, conversion)
    moment = Moment(clock, ts, halted=halted)
    channel = mechanism.channel(action, moment)
    if conversion is not None:  # the way of the tokens is a step of its own
        channel = conversion.mint if action == "mint" else conversion.redeem

    def access(rule: str, detail: str, opens: Ns | None = None) -> Access:
        arrives = None if opens is None else in_hand(clock, opens, channel.settlement_days)
        return Access(action, issuer, channel, rule, detail, opens, arrives, mechanism, moment,
                      mechanism.failures(action), conversion)  # fmt: skip

    opening = mechanism.opening(action, moment)
    if opening.rule in NEVER:
        return access(opening.rule, opening.detail)
    if mechanism.name in config.ineligible_issuers:
        detail = f"{mechanism.title} {_ing(action)} is for {channel.open_to}, not for this desk"
        return access("channel.desk_not_eligible", detail)
    if issuer.debt is not None:
        detail = f"{issuer.title} lends tokens against collateral; no route here owes tokens"
        return access("channel.debt", detail)
    if halted is None and incident.cause in HALTING_CAUSES:
        detail = f"{mechanism.title} is taken as halted: the incident's cause is {incident.cause}"
        return access("channel.halted", detail)
    return access(opening.rule, opening.detail, opening.opens)


def _halted(token: str, issuer: Issuer, market: Market, conversion: Conversion | None) -> str | None:
    """Why nothing is minted and redeemed; ``None`` if it is."""
    told = market.tokens.get(token)
    if told is not None and told.channel_halted:  # not "down", which is a connection that was lost
        return told.channel_reason if conversion is None else f"so has {issuer.title}"
    return None if conversion is None else conversion_halted(token, conversion, market)


def conversion_halted(token: str, conversion: Conversion, market: Market) -> str | None:
    """Why an exchange does not convert a token: it says so, or its own order book is halted."""
    told = market.conversions.get(conversion.instrument(token))
    if told is not None:
        return told
    book = market.instrument(f"{token}@{conversion.venue}")
    return book.halted_reason if book is not None and book.halted else None


def seconds_until(ts: Ns, moment: Ns) -> float:
    """From ``ts`` to ``moment``."""
    return (moment - ts) / NS


def years(seconds: float) -> float:
    """Calendar years, for rates."""
    return seconds / (365 * DAY_SECONDS)


def _ing(action: Action) -> str:
    return {"mint": "minting", "redeem": "redeeming"}[action]
