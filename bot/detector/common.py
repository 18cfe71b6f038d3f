"""What the tokens of one share have in common: the premium that all venues carry together, and its jumps.

While New York's regular session is shut nobody can arbitrage all venues at once against the share, and
what they carry together is mostly news: it drifts, and is no depeg. So the common level is followed (at
``TAU_SECONDS``, a step counting for three usual ones at most) and taken as fair; in the regular session
it is not followed but melts away. Where the reference jumps (an open, news), everything between the level
before and after is fair for a while: venues may have been there already, or follow in minutes. What is
told is a common level that leaves its own recent past much faster than it usually does.
"""

from __future__ import annotations

from math import sqrt

from bot.detector.scalars import average_step, weight
from bot.market import InstrumentState, UnderlyingState
from bot.timefmt import NS
from bot.types import Ns, Session

EVERY_NS = 60 * NS
TAU_SECONDS = 1800.0
MELT_SECONDS = 2000.0
"""Mean life of the common premium once the regular session has opened."""
WIDE = 0.022
"""Usual standard deviation of the common premium of a closed weekday night, at an annual volatility of
one (it
goes with its root): 1.3 % at a volatility of 35 %, after Qualiq 2026 and Cong et al. 2025."""
WEEKEND = 0.4
"""The same at weekends, as a part of it."""
WILD, CALM = 2.5, 0.7
WILD_NS, CALM_NS = 1800 * NS, 2 * 3600 * NS
"""Nights differ: one is taken as that wild until its own pace has been seen, from then on as this calm at
least.
"""
STRAYS = 0.32
"""Standard deviation of the distance from the half-hour average, as a part of the level's: it halves in 3
hours.
"""
MARK_NS, MARK_MAX_NS = 300 * NS, 1200 * NS
PACE = 0.156
"""Mean absolute change in five minutes, as a part of the level's standard deviation."""
PACES = 24
LAGS = 5
"""What is usual is what was so half an hour ago: a jump must not make itself usual."""
JUMP = 0.025
JUMP_SDS = 5.5
"""A common jump is at least so far, and so many standard deviations."""
CONFIRM_NS = 300 * NS
GAP_SECONDS = 600.0
NEWS = 6.0
"""A reference that was away for so long, or moves by so many standard deviations, has jumped."""
REGULAR_SECONDS_A_YEAR = 252 * 6.5 * 3600
BACK = 0.4
"""It is over when so little of it is left."""
LATELY_NS = 300 * NS
FRESH_NS = 45 * 60 * NS
AWAY_SECONDS = 3600.0
STILL_NS = 300 * NS
LEFT_BEHIND = 0.013
"""So far do venues go from a reference that has stood still for so long in session, and it is told."""


class Common:
    """The common premium of one share's venues, as a log over the last reference. Constant size.

    From ``low`` to ``high`` is what is taken as fair, ``sd`` the standard deviation of the level around
    it, ``side`` the direction of a jump that stands, ``peak`` how far it went. ``pace`` is the mean
    absolute change in five minutes since ``begun``, the start of the session, by ``paced`` of them;
    ``paces`` are its latest values.
    """

    __slots__ = (
        "anchor", "begun", "due", "high", "low", "marked", "marked_at", "melted", "pace", "paced",
        "paces", "peak", "regular", "sd", "seen", "side", "since", "told", "toward", "volatility",
    )  # fmt: skip

    def __init__(self, volatility: float) -> None:
        self.volatility = volatility
        self.low = self.high = 0.0
        self.anchor: float | None = None
        self.told: Ns = 0
        self.sd = STRAYS * WIDE * sqrt(volatility)
        self.begun: Ns = 0
        self.marked = 0.0
        self.marked_at: Ns = 0
        self.pace = 0.0
        self.paced = 0
        self.paces: list[float] = []
        self.side = 0
        self.peak = 0.0
        self.toward = 0
        self.since: Ns = 0
        self.seen: Ns = 0
        self.due: Ns = 0
        self.melted: Ns = 0
        self.regular = False

    @property
    def variance(self) -> float:
        """Of the common level around what is taken as fair."""
        return self.sd * self.sd

    def update(self, underlying: UnderlyingState, anchor: float, told: Ns, ts: Ns, session: Session,
               begun: Ns) -> None:  # fmt: skip
        """Look at all venues, at most once a minute.

        ``anchor`` is the share's log price, as of ``told``; ``begun`` is when the session began.
        """
        self.due = ts + EVERY_NS
        seconds = (ts - self.seen) / NS if self.seen else 0.0
        first = self.seen == 0
        self.anchored(anchor, told, ts, session)
        regular = session == "regular"
        still = regular and stands_still(underlying, ts)
        if regular and not still:
            if not self.regular:
                # What they carry as the session opens is what melts.
                level = middle(underlying.instruments, ts, None)
                if level is not None:
                    self.low, self.high = min(self.low, level - anchor), max(self.high, level - anchor)
            self.regular = True
            self.side = self.toward = 0
            self.seen = ts
            return
        self.regular = regular
        level = middle(underlying.instruments, ts, None, outside=self.side != 0)
        if level is None:
            return
        self.seen = ts
        level -= anchor
        if first or seconds > AWAY_SECONDS:
            # Nobody looked meanwhile: what may be news or a jump is news.
            self.low = self.high = level
            self.side = self.toward = 0
            return
        self._usual(level, ts, session, begun)
        off = level - self.high if level > self.high else min(level - self.low, 0.0)
        if self.side:
            self._stands(off)
            return
        if off and abs(level) < abs(self.low + self.high) / 2:
            # Back towards the share's own price: whatever they carried is gone.
            self.low, self.high = min(self.low, level), max(self.high, level)
            off = 0.0
        self._jumps(off, LEFT_BEHIND if still else max(JUMP, JUMP_SDS * self.sd), ts)
        if self.toward or regular:
            return
        share = weight(min(seconds, 1800.0), TAU_SECONDS)
        limit = 3.0 * self.sd
        self.low += share * max(-limit, min(level - self.low, limit))
        self.high += share * max(-limit, min(level - self.high, limit))

    def _usual(self, level: float, ts: Ns, session: Session, begun: Ns) -> None:
        """How wild this night is: by what nights are, and by its own pace once that has been seen."""
        if begun != self.begun:
            self.begun, self.marked_at, self.pace, self.paced, self.paces = begun, 0, 0.0, 0, []
        since = ts - self.marked_at
        if since >= MARK_NS:
            if self.marked_at and since <= MARK_MAX_NS:
                change = abs(level - self.marked) * sqrt(MARK_NS / since)
                self.paced += 1
                if self.paced > 2:
                    change = min(change, 3.0 * self.pace)
                self.pace = average_step(self.pace, change, 1.0 / min(self.paced, PACES))
                self.paces = [*self.paces[1 - LAGS :], self.pace]
            self.marked, self.marked_at = level, ts
        wild = min(max((ts - begun - WILD_NS) / (CALM_NS - WILD_NS), 0.0), 1.0)
        usual = WIDE * sqrt(self.volatility) * (WILD + wild * (CALM - WILD))
        if session in ("weekend", "holiday"):
            usual *= WEEKEND
        if len(self.paces) == LAGS:
            usual = max(usual, self.paces[0] / PACE)
        self.sd = STRAYS * usual

    def anchored(self, anchor: float, told: Ns, ts: Ns, session: Session) -> None:
        """The reference has spoken: after a jump both sides of it are fair for now; in session that melts."""
        if session == "regular" and 0 < self.melted < ts and (self.low or self.high):
            share = weight(min((ts - self.melted) / NS, 3600.0), MELT_SECONDS)
            self.low, self.high = average_step(self.low, 0.0, share), average_step(self.high, 0.0, share)
        self.melted = ts
        before = self.anchor
        if before is not None and anchor != before:
            step, gap = anchor - before, (told - self.told) / NS
            usual = self.volatility * sqrt(min(max(gap, 60.0), 600.0) / REGULAR_SECONDS_A_YEAR)
            if gap > GAP_SECONDS or abs(step) > NEWS * usual:
                self.low, self.high = min(self.low, self.low - step), max(self.high, self.high - step)
        self.anchor, self.told = anchor, told

    def stepped(self, step: float) -> None:
        """A token stands for more or fewer shares, by a log step, while New York is shut.

        Whether its price follows, or the share's does at its next open, only that will tell: both are fair.
        """
        if not self.regular:
            self.low, self.high = min(self.low, self.low - step), max(self.high, self.high - step)

    def _jumps(self, off: float, least: float, ts: Ns) -> None:
        size, direction = abs(off), 1 if off > 0 else -1
        if size < least:
            self.toward = 0
        elif self.toward != direction:
            self.toward, self.since = direction, ts
        elif ts - self.since >= CONFIRM_NS:
            self.side, self.peak = direction, size

    def _stands(self, off: float) -> None:
        self.peak = max(self.peak, off * self.side)
        if off * self.side < BACK * self.peak:
            self.side = self.toward = 0


def stands_still(underlying: UnderlyingState, ts: Ns) -> bool:
    """Whether, in session, no reference of the share moves any more, or its trading is halted."""
    told = False
    for one in underlying.references.values():
        if one.price is not None:
            if not (one.halted or ts - one.changed > STILL_NS):
                return False
            told = True
    return told


def middle(
    instruments: list[InstrumentState], ts: Ns, without: InstrumentState | None, outside: bool = False
) -> float | None:
    """Median log share price of the venues that have moved lately, one left out; ``None`` if there is none.

    Tokens that nothing holds are not heard; venues in an incident only where ``outside`` says so: when it is
    the common move that is looked at.
    """
    found, lately = [], []
    for one in instruments:
        level, age = one.consensus_log, ts - one.changed
        if (
            one is without
            or level is None
            or age > FRESH_NS
            or one.halted
            or (one.token_state.suspect and (without is None or one.token_state is not without.token_state))
            or not (outside or one.alarm is None or one.alarm.incident is None)
        ):
            continue
        found.append(level)
        if age <= LATELY_NS:
            lately.append(level)
    # Those that move now know better than those that will only move when it pays.
    heard = sorted(lately or found)
    if not heard:
        return None
    half = len(heard) // 2
    return heard[half] if len(heard) % 2 else (heard[half - 1] + heard[half]) / 2
