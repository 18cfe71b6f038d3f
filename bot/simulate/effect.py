"""The life of one happening: it begins, grows, ends, and is watched for the labels it earns."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from typing import TYPE_CHECKING

from bot.simulate.labels import Watch
from bot.simulate.scenario import HONEST, Happening
from bot.simulate.shares import HOUR_NS, ReferenceState, ShareState
from bot.types import Ns, Tick

if TYPE_CHECKING:
    from bot.simulate.venue import Venue
    from bot.simulate.world import World

LINGER_NS = 6 * HOUR_NS
"""So long after its end an effect is watched for what it leaves behind."""


class Effect:
    """One happening in its world; ``shift`` is its log now.

    What a cause does is in :mod:`bot.simulate.effects`: ``_CAUSE`` when it begins, ``_after_CAUSE`` when it
    ends.
    """

    def __init__(self, one: Happening, world: World) -> None:
        self.one = one
        self.world = world
        self.start: Ns = world.scenario.starts + int(one.at_hours * HOUR_NS)
        self.end: Ns = self.start + int(one.hours * HOUR_NS)
        self.ended = False
        self.announced = one.cause != "corporate_action"
        self.watches: list[tuple[Watch, Callable[[], float]]] = []
        self.full = log(1 + one.ratio)
        self.shift = 0.0

    def begin(self, ts: Ns) -> list[Tick]:
        """What happens at once."""
        ticks: list[Tick] = getattr(self, f"_{self.one.cause}")(ts)
        return ticks

    def step(self, ts: Ns) -> None:
        """Its size grows over ``ramp_hours``."""
        ramp = int(self.one.ramp_hours * HOUR_NS)
        self.shift = self.full * min(1.0, (ts - self.start) / ramp) if ramp else self.full

    def finish(self, ts: Ns) -> list[Tick]:
        """What ends."""
        self.ended = True
        self.shift = 0.0
        after = getattr(self, f"_after_{self.one.cause}", None)
        return after(ts) if after is not None else []

    def see(self, ts: Ns) -> None:
        """Look at all it is labelled on."""
        for watch, off in self.watches:
            if watch.start is not None or not self.ended:
                watch.see(ts, off())

    def close(self, ts: Ns) -> None:
        """No more of it: write the labels that are open."""
        for watch, _ in self.watches:
            watch.close(ts)
        self.watches = []

    def over(self, ts: Ns) -> bool:
        """Whether nothing more can come of it."""
        if not self.ended:
            return False
        return ts - self.end >= LINGER_NS or all(watch.start is None for watch, _ in self.watches)

    # -- who is watched -------------------------------------------------------------------------------

    def _watch(self, instrument: str, off: Callable[[], float]) -> None:
        if self.one.cause not in HONEST:
            watch = Watch(instrument, self.one.cause, self.world.scenario.label_ratio, self.world.labels)
            self.watches.append((watch, off))

    def _watch_venue(self, venue: Venue) -> None:
        world = self.world
        self._watch(venue.place.instrument, lambda: venue.depth.log_price - world.honest(venue))

    def _watch_against(self, reference: ReferenceState, share: ShareState) -> None:
        """The share's tokens against the price that its reference stands at."""
        world = self.world

        def off(venue: Venue) -> float:
            if self.ended or reference.said is None:
                return 0.0
            return venue.depth.log_price - reference.said - world.log_multiplier(venue.token)

        for venue in world.of(underlying=share.share.ticker):
            self._watch(venue.place.instrument, lambda venue=venue: off(venue))  # type: ignore[misc]

    def _watch_reference(self, reference: ReferenceState, share: ShareState) -> None:
        market = self.world.market

        def off() -> float:
            if reference.said is None or market.session not in reference.sessions or self.ended:
                return 0.0
            return reference.said - share.log_price - share.unsplit

        self._watch(reference.instrument, off)

    def _venues(self) -> list[Venue]:
        one = self.one
        return self.world.of(
            instrument=one.instrument, underlying=one.underlying, token=one.token, coin=one.coin
        )

    def _all(self) -> list[Tick]:
        for venue in self._venues():
            self._watch_venue(venue)
        return []
