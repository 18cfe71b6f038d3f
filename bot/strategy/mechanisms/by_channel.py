"""A system with a mint and a redeem channel of its own: what all of that kind have in common. Pure.

The desk hands in dollars or tokens, the issuer trades the share, and what was ordered follows after the
settlement days. Each system that is particular says so in a file of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from msgspec.structs import replace

from bot.detector.bands import band
from bot.registry.issuer import CLOSED, Channel, Failure, Issuer, Late
from bot.registry.terms import covers
from bot.strategy.mechanisms.delay import Delay, late_by
from bot.strategy.mechanisms.hours import in_hand, next_open
from bot.strategy.mechanisms.model import ACTIONS, Action, Assumption, Bounds, Cost, Limits, Moment, Opening
from bot.strategy.mechanisms.told import assumptions_of
from bot.timefmt import DAY_SECONDS, parse, short
from bot.types import Ns, Session

YEAR_SECONDS = 365 * DAY_SECONDS
NEVER = frozenset({"channel.not_available", "channel.ended", "channel.term_unknown"})
"""Rules by which a channel does not exist for anybody: no time will open it."""


class ByChannel:
    """Minting and redeeming through an issuer's :class:`~bot.registry.issuer.Channel`."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.name = issuer.name
        self.title = issuer.title
        self.summary = issuer.summary
        self._began = parse(issuer.began) if issuer.began else None
        self._ended = parse(issuer.ended) if issuer.ended else None

    def channel(self, action: Action, moment: Moment) -> Channel:
        """The channel through which an order of this moment would go."""
        return self.used(action, moment.session, moment.ts)

    def used(self, action: Action, session: Session, ts: Ns) -> Channel:
        """The same for who knows the session and has no calendar."""
        return self.issuer.mint if action == "mint" else self.issuer.redeem

    def opening(self, action: Action, moment: Moment) -> Opening:
        """Whether it takes orders now; if not, why not, and when next."""
        channel = self.channel(action, moment)
        never = self._never(action, channel, moment.ts)
        if never is not None:
            return never
        if moment.halted is not None:
            reason = moment.halted or "no reason given"
            return Opening("channel.halted", f"{self.title} has halted: {reason}", None)
        return by_hours(self.title, action, channel, moment)

    def limits(self, action: Action, moment: Moment) -> Limits:
        """Smallest and largest order."""
        channel = self.channel(action, moment)
        return Limits(channel.minimum_usd, inf if channel.maximum_usd is None else channel.maximum_usd)

    def cost(self, action: Action, moment: Moment, size_usd: float) -> Cost:
        """What an order of ``size_usd`` (at fair value) costs: spread, then fee on the quoted price, gas."""
        channel = self.channel(action, moment)
        sign = 1 if action == "mint" else -1
        parts = {
            "spread": size_usd * channel.spread_ratio,
            "fee": size_usd * (1 + sign * channel.spread_ratio) * channel.fee_ratio,
            "gas": channel.gas_usd,
        }
        total = sum(parts.values())
        capital = size_usd + total if action == "mint" else size_usd
        return costed(self, action, moment, size_usd, parts, capital)

    def delay(self, action: Action, moment: Moment) -> Delay | None:
        """From now until in hand, if ordered as soon as it opens; ``None`` if nobody knows when."""
        opens = self.opening(action, moment).opens
        if opens is None:
            return None
        due = in_hand(moment.clock, opens, self.channel(action, moment).settlement_days)
        return late_by(moment.clock, moment.ts, due, *self.stages(action, moment))

    def stages(self, action: Action, moment: Moment) -> tuple[Sequence[Late], ...]:
        """What may come on top of the settlement, one after the other."""
        return (self.channel(action, moment).late,)

    def failures(self, action: Action) -> tuple[Failure, ...]:
        """How an order goes wrong."""
        return tuple(each for each in self.issuer.failures if each.side in ("", action))

    def assumptions(self) -> tuple[Assumption, ...]:
        """Parameters that nobody publishes."""
        return assumptions_of(self.issuer)

    def bounds(self, moment: Moment, size_usd: float, venue_fee: float) -> Bounds:
        """The band that the channels hold: see :mod:`bot.detector.bands`."""
        openings = {action: self.opening(action, moment) for action in ACTIONS}
        mint, redeem = (
            CLOSED if openings[action].rule in NEVER else self.channel(action, moment) for action in ACTIONS
        )
        found = band(
            replace(self.issuer, mint=mint, redeem=redeem), moment.session, size_usd, venue_fee,
            moment.financing_rate, moment.clock, moment.ts, moment.halted,
        )  # fmt: skip
        return Bounds(
            found.low if found.held_low else -inf,
            found.high if found.held_high else inf,
            openings["mint"].now,
            openings["redeem"].now,
            found.note,
            "" if found.held_low else openings["redeem"].detail,
            "" if found.held_high else openings["mint"].detail,
        )

    def _never(self, action: Action, channel: Channel, ts: Ns) -> Opening | None:
        """Why no time opens this side; ``None`` if one does."""
        if self._ended is not None and ts >= self._ended:
            return Opening("channel.ended", f"{self.title} ended on {self.issuer.ended[:10]}", None)
        if not channel.available or channel.hours == "none":
            detail = f"{self.title} offers no {action}: {channel.open_to}"
            return Opening("channel.not_available", detail, None)
        unknown = self._first_unknown(action)
        if unknown is not None:
            detail = f"{self.title}: nobody has said {unknown}, and nothing can be assumed for it"
            return Opening("channel.term_unknown", detail, None)
        if self._began is not None and ts < self._began:
            began = self.issuer.began[:10]
            return Opening("channel.not_available", f"{self.title} began on {began}", self._began)
        return None

    def _first_unknown(self, action: Action) -> str | None:
        for term in self.issuer.terms:
            if term.known == "unknown":
                for path in term.of:
                    if covers(action, path):
                        return path
        return None


def by_hours(title: str, action: Action, channel: Channel, moment: Moment) -> Opening:
    """Open or not by the channel's hours and gaps alone."""
    opens = next_open(channel, moment.clock, moment.ts)
    if opens == moment.ts:
        return Opening("", "", opens)
    detail = f"{title} takes {action} orders {channel.hours}, next from {short(opens)} UTC"
    return Opening("channel.closed", detail, opens)


def costed(of: ByChannel, action: Action, moment: Moment, size_usd: float, parts: dict[str, float],
           capital_usd: float) -> Cost:  # fmt: skip
    """A cost from its parts: what an order of this size is refused for is said along with it."""
    sign = 1 if action == "mint" else -1
    tokens = size_usd / moment.fair_usd
    delay = of.delay(action, moment)
    carry = 0.0 if delay is None else capital_usd * moment.financing_rate * delay.mean / YEAR_SECONDS
    rule, detail = _refusal(of, action, moment, size_usd)
    unit = (size_usd + sign * sum(parts.values())) / tokens
    used = {name: usd for name, usd in parts.items() if usd > 0}
    return Cost(action, size_usd, tokens, unit, used, carry, capital_usd, rule, detail)


def _refusal(of: ByChannel, action: Action, moment: Moment, size_usd: float) -> tuple[str, str]:
    """Why an order of this size is never taken, whatever the hour; empty if it is."""
    opening, limits = of.opening(action, moment), of.limits(action, moment)
    if opening.rule in NEVER:
        return opening.rule, opening.detail
    if size_usd < limits.least_usd:
        return "channel.minimum", f"{of.title} {action}s from ${limits.least_usd:,.0f} an order"
    if size_usd > limits.most_usd:
        return "channel.maximum", f"{of.title} {action}s up to ${limits.most_usd:,.0f} an order"
    return "", ""
