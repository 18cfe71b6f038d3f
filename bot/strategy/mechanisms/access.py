"""An issuer's channel as routes use it: may we, at what price, and when is it in hand.

The price is struck when the issuer accepts the order, as in the books; tokens or cash follow after the
settlement days. An order given overnight or on a closed day counts as of the next trading day. Hours, rules
and delays are the mechanism's; what is added here is the desk and the incident.
"""

from __future__ import annotations

from msgspec import Struct

from bot.config import StrategySection
from bot.market import Market
from bot.registry.issuer import Channel, Issuer
from bot.strategy.mechanisms.by_channel import NEVER
from bot.strategy.mechanisms.delay import Delay
from bot.strategy.mechanisms.hours import in_hand
from bot.strategy.mechanisms.model import Action, Moment
from bot.strategy.mechanisms.system import mechanism_of
from bot.timefmt import DAY_SECONDS, NS
from bot.types import Incident, Ns
from bot.valuation.sessions import SessionClock

MARGIN = 1.001
"""A size at the channel's minimum is planned a little above it: the price moves until it is sent."""
HALTING_CAUSES = frozenset({"issuer_halt", "under_backed"})


class Access(Struct, frozen=True):
    """One direction of one issuer's channel now.

    ``rule`` and ``detail`` say why it cannot be used at this moment; both empty if it can. ``opens``
    is when it next takes orders (now, if it is open), ``arrives`` when what was ordered then is due, and
    ``delay`` how long from now until it is in hand, as a distribution; all ``None`` if nobody knows.
    """

    action: Action
    issuer: Issuer
    channel: Channel
    rule: str
    detail: str
    opens: Ns | None
    arrives: Ns | None
    delay: Delay | None = None

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
         incident: Incident, config: StrategySection) -> Access:  # fmt: skip
    """How the channel of ``token`` stands at ``ts``.

    It counts as halted if a ``status`` of ``TOKEN@issuer`` says so, or the incident's cause does.
    """
    mechanism = mechanism_of(issuer)
    title = issuer.title
    halted = None
    told = market.tokens.get(token)
    if told is not None and told.channel_halted:  # not "down", which is a connection that was lost
        halted = told.channel_reason
    moment = Moment(clock, ts, halted=halted)
    channel = mechanism.channel(action, moment)

    def access(rule: str, detail: str, opens: Ns | None = None) -> Access:
        arrives = None if opens is None else in_hand(clock, opens, channel.settlement_days)
        delay = None if opens is None else mechanism.delay(action, moment)
        return Access(action, issuer, channel, rule, detail, opens, arrives, delay)

    opening = mechanism.opening(action, moment)
    if opening.rule in NEVER:
        return access(opening.rule, opening.detail)
    if issuer.name in config.ineligible_issuers:
        detail = f"{title} {_ing(action)} is for {channel.open_to}, not for this desk"
        return access("channel.desk_not_eligible", detail)
    if issuer.debt is not None:
        detail = f"{title} lends tokens against collateral; no route here owes tokens"
        return access("channel.debt", detail)
    if halted is None and incident.cause in HALTING_CAUSES:
        detail = f"{title} is taken as halted: the incident's cause is {incident.cause}"
        return access("channel.halted", detail)
    return access(opening.rule, opening.detail, opening.opens)


def seconds_until(ts: Ns, moment: Ns) -> float:
    """From ``ts`` to ``moment``."""
    return (moment - ts) / NS


def years(seconds: float) -> float:
    """Calendar years, for rates."""
    return seconds / (365 * DAY_SECONDS)


def _ing(action: Action) -> str:
    return {"mint": "minting", "redeem": "redeeming"}[action]
