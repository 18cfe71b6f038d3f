"""An issuer's channel as it stands at a moment: may we use it, at what price, and when is it in hand.

Everything comes from the registry's :class:`~bot.registry.model.Channel`. The price is struck when
the issuer accepts the order, as in the books; tokens or cash follow after the settlement days. An
order given overnight or on a closed day counts as of the next trading day.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bot.config import StrategySection
from bot.detector.bands import OPEN_IN, is_open
from bot.market import Market
from bot.registry.issuer import Channel, Issuer
from bot.strategy.mechanisms.delay import Delay, late_by
from bot.timefmt import DAY_SECONDS, NS, short
from bot.types import Incident, Ns, Session
from bot.valuation.sessions import SessionClock

Action = Literal["mint", "redeem"]
MARGIN = 1.001
"""A size at the channel's minimum is planned a little above it: the price moves until it is sent."""
REGULAR: frozenset[Session] = frozenset({"regular"})
TRADE_DATE_SESSIONS: frozenset[Session] = frozenset({"pre", "regular", "post"})
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
    channel = issuer.mint if action == "mint" else issuer.redeem
    session = clock.session(ts)

    def answer(rule: str, detail: str, opens: Ns | None = None) -> Access:
        arrives = None if opens is None else in_hand(clock, opens, channel.settlement_days)
        delay = None if arrives is None else late_by(clock, ts, arrives, channel.late)
        return Access(action, issuer, channel, rule, detail, opens, arrives, delay)

    title = issuer.title
    if not channel.available or channel.hours == "none":
        return answer("channel.not_available", f"{title} offers no {action}: {channel.open_to}")
    if issuer.name in config.ineligible_issuers:
        return answer(
            "channel.desk_not_eligible", f"{title} {_ing(action)} is for {channel.open_to}, not for this desk"
        )
    status = market.instrument(f"{token}@{issuer.name}")
    if status is not None and status.halted:
        return answer("channel.halted", f"{title} has halted: {status.halted_reason or 'no reason given'}")
    if incident.cause in HALTING_CAUSES:
        return answer(
            "channel.halted", f"{title} is taken as halted: the incident's cause is {incident.cause}"
        )
    if not is_open(channel, session):
        opens = clock.next_start(ts, OPEN_IN[channel.hours])
        detail = f"{title} takes {action} orders {channel.hours}, next from {short(opens)} UTC"
        return answer("channel.closed", detail, opens)
    return answer("", "", ts)


def in_hand(clock: SessionClock, asked: Ns, settlement_days: float) -> Ns:
    """When an order accepted at ``asked`` is settled: T+N, T being the next trading day if it is not one."""
    if settlement_days == 0:
        return asked
    trade = asked
    if clock.session(asked) not in TRADE_DATE_SESSIONS:
        trade = clock.next_start(asked, REGULAR)
    return clock.business_days_after(trade, settlement_days)


def seconds_until(ts: Ns, moment: Ns) -> float:
    """From ``ts`` to ``moment``."""
    return (moment - ts) / NS


def years(seconds: float) -> float:
    """Calendar years, for rates."""
    return seconds / (365 * DAY_SECONDS)


def _ing(action: Action) -> str:
    return {"mint": "minting", "redeem": "redeeming"}[action]
