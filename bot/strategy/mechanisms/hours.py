"""When a channel takes orders, its short gaps included, and when what was ordered is due. Pure."""

from __future__ import annotations

from bot.detector.bands import OPEN_IN, gap_until, is_open
from bot.registry.issuer import Channel
from bot.types import Ns, Session
from bot.valuation.sessions import SessionClock

REGULAR: frozenset[Session] = frozenset({"regular"})
TRADE_DATE_SESSIONS: frozenset[Session] = frozenset({"pre", "regular", "post"})


def takes_orders(channel: Channel, session: Session, ts: Ns) -> bool:
    """Whether it does now: in its hours, and in none of its gaps."""
    return is_open(channel, session) and not (channel.gaps and gap_until(channel, ts)[0])


def next_open(channel: Channel, clock: SessionClock, ts: Ns) -> Ns:
    """The first moment at or after ``ts`` at which the channel takes orders. One with hours ``none`` never
    does: ask for its hours first."""
    moment = clock.next_start(ts, OPEN_IN[channel.hours])
    while channel.gaps:
        inside, until = gap_until(channel, moment)
        if not inside:
            break
        moment = clock.next_start(until, OPEN_IN[channel.hours])
    return moment


def in_hand(clock: SessionClock, asked: Ns, settlement_days: float) -> Ns:
    """When an order accepted at ``asked`` is settled: T+N, T being the next trading day if it is not one."""
    if settlement_days == 0:
        return asked
    trade = asked
    if clock.session(asked) not in TRADE_DATE_SESSIONS:
        trade = clock.next_start(asked, REGULAR)
    return clock.business_days_after(trade, settlement_days)
