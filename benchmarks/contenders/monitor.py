"""A monitor: eyes, a signal per instrument, a gate per instrument, and the life of an incident.

Generous on purpose: an incident goes on through interruptions of ``quiet`` and ends when the basis came
back; a feed that says it is down is told as such by everyone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import msgspec
from msgspec import Struct

from benchmarks.contenders.eyes import Eyes
from bot.registry import Registry
from bot.score import Claim
from bot.timefmt import NS
from bot.types import Ns, Tick


class Signal(Protocol):
    """How odd a basis is; online, one per instrument."""

    def score(self, ts: Ns, basis: float) -> float: ...


class Gate(Protocol):
    """Whether to raise the alarm, given how odd it is now and was before; one per instrument.

    While ``idle``, a score that is not over ``limit`` changes nothing: tuning passes over it.
    """

    limit: float

    @property
    def idle(self) -> bool: ...

    def alarm(self, ts: Ns, score: float) -> bool: ...


class Setting(Struct, frozen=True):
    """How a contender is set: its signal and its gate by their parameters, the quiet time that ends an
    incident, and whether a price counts only while the reference is fresh."""

    signal: tuple[float, ...]
    gate: tuple[float, ...]
    quiet_minutes: float
    fresh_only: bool


class Kind(Struct, frozen=True):
    """A contender as it is tuned: how to make it, and the values tried of each parameter."""

    name: str
    signal: Callable[..., Signal]
    gate: Callable[..., Gate]
    signals: list[tuple[float, ...]]
    gates: list[tuple[float, ...]]
    quiets: tuple[float, ...] = (15.0, 60.0)
    fresh: tuple[bool, ...] = (False, True)
    needs: str = ""
    """The library without which it is left out."""


class Life:
    """The incidents of one instrument: opened by an alarm, over when none came for ``quiet``."""

    __slots__ = ("back", "opened", "quiet")

    def __init__(self, quiet_minutes: float) -> None:
        self.quiet = int(quiet_minutes * 60 * NS)
        self.opened: Ns | None = None
        self.back: Ns | None = None

    def step(self, ts: Ns, alarm: bool) -> tuple[Ns, Ns] | None:
        """The incident that is over with this observation: when it opened, and came back."""
        opened, back = self.opened, self.back
        if opened is None:
            if alarm:
                self.opened = ts
            return None
        if back is None:
            if not alarm:
                self.back = ts
            return None
        if ts - back >= self.quiet:
            self.opened, self.back = (ts, None) if alarm else (None, None)
            return opened, back
        if alarm:
            self.back = None
        return None


class Downs:
    """Feeds that say of themselves that they are down."""

    def __init__(self) -> None:
        self._since: dict[str, Ns] = {}

    def step(self, tick: Tick) -> list[Claim]:
        """The outage that is over with this status."""
        state = msgspec.json.decode(tick.data or "{}").get("state")
        if state == "down":
            self._since.setdefault(tick.instrument, tick.ts)
        elif tick.instrument in self._since:
            return [_outage(tick.instrument, self._since.pop(tick.instrument), tick.ts)]
        return []

    def finish(self, last: Ns) -> list[Claim]:
        """The outages that still last."""
        return [_outage(name, since, last) for name, since in self._since.items()]


def _outage(name: str, since: Ns, until: Ns) -> Claim:
    return Claim(frozenset([name]), since, until, "feed_fault")


class Monitor:
    """See :class:`benchmarks.contenders.Contender`."""

    def __init__(self, kind: Kind, setting: Setting, registry: Registry) -> None:
        self._kind, self._setting = kind, setting
        self._eyes = Eyes(registry)
        self._watched: dict[str, tuple[Signal, Gate, Life]] = {}
        self._downs = Downs()
        self._last: Ns = 0

    def judge(self, ticks: Iterable[Tick]) -> list[Claim]:
        over: list[Claim] = []
        look, fresh_only = self._eyes.look, self._setting.fresh_only
        for tick in ticks:
            seen = look(tick)
            if seen is None:
                if tick.kind == "status":
                    over += self._downs.step(tick)
                continue
            if fresh_only and not seen.fresh:
                continue
            watched = self._watched.get(tick.instrument) or self._watch(tick.instrument)
            signal, gate, life = watched
            for basis in seen.bases:
                ended = life.step(tick.ts, gate.alarm(tick.ts, signal.score(tick.ts, basis)))
                if ended is not None:
                    over.append(Claim(frozenset([tick.instrument]), *ended, "unknown"))
            self._last = tick.ts
        return over

    def finish(self) -> list[Claim]:
        still = [(name, life.opened, life.back) for name, (_, _, life) in self._watched.items()]
        return self._downs.finish(self._last) + [
            Claim(frozenset([name]), opened, back or self._last, "unknown")
            for name, opened, back in still
            if opened is not None
        ]

    def _watch(self, name: str) -> tuple[Signal, Gate, Life]:
        kind, setting = self._kind, self._setting
        watched = kind.signal(*setting.signal), kind.gate(*setting.gate), Life(setting.quiet_minutes)
        self._watched[name] = watched
        return watched
