"""New York's trading day as segments of time: which session it is, and how fast variance accrues.

A segment runs from one boundary to the next. Cumulative *variance time* makes the variance between
any two moments one subtraction: it counts years of a share's annual variance, so that
``annual_volatility² × (variance_time(b) − variance_time(a))`` is the variance of the log price
over ``[a, b]``, however many nights and weekends lie between.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

from bot.config import ValuationSection
from bot.timefmt import NS
from bot.types import Ns, Session

NEW_YORK = ZoneInfo("America/New_York")
REGULAR_HOURS_A_YEAR = 252 * 6.5
CLOSED_HOURS_A_YEAR = 252 * 17.5
WEEKEND_HOURS_A_YEAR = 8766 - 252 * 24
HOUR_NS = 3600 * NS


class SessionClock:
    """Sessions and variance time for any moment; segments of a year are made when first asked for.

    Holidays and early closes are those of ``exchange-calendars``' XNYS. A half-day closes at 13:00
    and its post-market ends at 17:00.
    """

    def __init__(self, config: ValuationSection) -> None:
        closed, weekend = config.closed_variance_fraction, config.weekend_variance_fraction
        year = REGULAR_HOURS_A_YEAR + CLOSED_HOURS_A_YEAR * closed + WEEKEND_HOURS_A_YEAR * weekend
        self._rates: dict[Session, float] = {
            "regular": 1 / year / HOUR_NS,
            "pre": closed / year / HOUR_NS,
            "post": closed / year / HOUR_NS,
            "overnight": closed / year / HOUR_NS,
            "weekend": weekend / year / HOUR_NS,
            "holiday": weekend / year / HOUR_NS,
        }
        self._starts: list[Ns] = []
        self._sessions: list[Session] = []
        self._cumulative: list[float] = []
        self.origin: Ns | None = None
        """The first moment ever asked for; variance time is counted from near it."""
        self._first_year = self._last_year = 0
        self._known = 0, 0
        """From when until when all years, and one more on each side, have been made."""
        self._from = self._until = 0
        self._session: Session = "regular"
        self._base = self._rate = 0.0

    def session(self, ts: Ns) -> Session:
        """The session at ``ts``."""
        if not self._from <= ts < self._until:
            self._seek(ts)
        return self._session

    def segment(self, ts: Ns) -> tuple[Ns, Ns]:
        """From when until when the session at ``ts`` lasts."""
        if not self._from <= ts < self._until:
            self._seek(ts)
        return self._from, self._until

    def session_end(self, ts: Ns) -> Ns:
        """When the session that holds ``ts`` ends."""
        self.session(ts)
        return self._until

    def variance_time(self, ts: Ns) -> float:
        """Years of variance accrued up to ``ts``, from an arbitrary fixed origin."""
        if not self._from <= ts < self._until:
            self._seek(ts)
        return self._base + (ts - self._from) * self._rate

    def next_start(self, ts: Ns, sessions: frozenset[Session]) -> Ns:
        """The first moment at or after ``ts`` in one of ``sessions``."""
        if self.session(ts) in sessions:
            return ts
        self._cover(ts + 14 * 24 * HOUR_NS)
        index = bisect_right(self._starts, ts)
        while index < len(self._starts) and self._sessions[index] not in sessions:
            index += 1
        return self._starts[index]

    def business_days_after(self, ts: Ns, days: float) -> Ns:
        """``ts`` plus so many days on which the market opens (part of a day is hours of the clock)."""
        whole = int(days)
        moment = ts
        for _ in range(whole):
            moment = self.next_start(_next_midnight(moment), frozenset({"regular"}))
        return moment + int((days - whole) * 24 * HOUR_NS)

    def _seek(self, ts: Ns) -> None:
        self._cover(ts)
        index = bisect_right(self._starts, ts) - 1
        self._from, self._until = self._starts[index], self._starts[index + 1]
        self._session = self._sessions[index]
        self._base = self._cumulative[index]
        self._rate = self._rates[self._session]

    def _cover(self, ts: Ns) -> None:
        """Make sure that the segments around ``ts`` exist: its year and one more on each side."""
        if self._known[0] <= ts < self._known[1]:
            return
        year = datetime.fromtimestamp(ts / NS, UTC).year
        if self.origin is None:
            self.origin = ts
        # The origin of variance time must not move once given out, so all is shifted to the
        # value that the first moment known until now had.
        anchor = self._starts[0] if self._starts else None
        origin = self._cumulative[0] if self._starts else 0.0
        first = min(year - 1, self._first_year) if self._starts else year - 1
        last = max(year + 1, self._last_year) if self._starts else year + 1
        self._build(first, last)
        if anchor is not None:
            index = bisect_right(self._starts, anchor) - 1
            rate = self._rates[self._sessions[index]]
            shift = self._cumulative[index] + (anchor - self._starts[index]) * rate
            self._cumulative = [value - shift + origin for value in self._cumulative]
        self._from = self._until = 0

    def _build(self, first: int, last: int) -> None:
        schedule = _schedule(first, last)
        self._first_year, self._last_year = first, last
        self._known = _new_year(first + 1), _new_year(last)
        marks: list[tuple[Ns, Session]] = []
        day = date(first, 1, 1)
        while day <= date(last, 12, 31):
            marks += _day(day, schedule)
            day += timedelta(days=1)
        self._starts, self._sessions, self._cumulative = [], [], []
        total = 0.0
        for start, session in marks:
            if self._sessions:
                if session == self._sessions[-1]:
                    continue
                total += (start - self._starts[-1]) * self._rates[self._sessions[-1]]
            self._starts.append(start)
            self._sessions.append(session)
            self._cumulative.append(total)


def _schedule(first: int, last: int) -> dict[date, tuple[Ns, Ns]]:
    """Open and close of each trading day, from the first of ``first`` to the end of ``last`` plus a week."""
    import exchange_calendars

    calendar: Any = exchange_calendars.get_calendar(
        "XNYS", start=f"{first - 1}-12-20", end=f"{last + 1}-01-10"
    )
    frame = calendar.schedule
    return {
        day.date(): (int(opens.value), int(closes.value))
        for day, opens, closes in zip(frame.index, frame["open"], frame["close"], strict=True)
    }


def _day(day: date, schedule: dict[date, tuple[Ns, Ns]]) -> list[tuple[Ns, Session]]:
    """Where sessions begin on ``day``, New York time, from midnight on."""
    trading = schedule.get(day)
    tomorrow = schedule.get(day + timedelta(days=1))
    evening: Session = "overnight" if tomorrow else _closed(day + timedelta(days=1))
    if trading is None:
        return [(_at(day, 0), _closed(day)), (_at(day, 20), evening)]
    opens, closes = trading
    post_ends = _at(day, 20) if closes >= _at(day, 16) else _at(day, 17)
    marks: list[tuple[Ns, Session]] = [
        (_at(day, 0), "overnight"),
        (_at(day, 4), "pre"),
        (opens, "regular"),
        (closes, "post"),
    ]
    if post_ends < _at(day, 20):
        marks.append((post_ends, evening))
    return [*marks, (_at(day, 20), evening)]


def _new_year(year: int) -> Ns:
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * NS


def _closed(day: date) -> Session:
    return "weekend" if day.weekday() >= 5 else "holiday"


def _at(day: date, hour: int) -> Ns:
    return int(datetime.combine(day, clock(hour), NEW_YORK).timestamp()) * NS


def _next_midnight(ts: Ns) -> Ns:
    local = datetime.fromtimestamp(ts / NS, NEW_YORK).date() + timedelta(days=1)
    return _at(local, 0)
