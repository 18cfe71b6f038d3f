"""What a source of ticks is, what it may raise, and what becomes of it then."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from bot.types import Quarantined, Tick

OnBad = Callable[[Quarantined], None]
"""Told of each datum that a source set aside; must not block and must not raise."""


class Collector(Protocol):
    """One source. Making it opens nothing; :meth:`ticks` does the work and may be called again.

    The contract, which :class:`bot.collectors.supervisor.Supervisor` relies on:

    * ``ticks()`` is an async generator. It yields each observation once, as soon as it is made, with
      ``received`` set from the clock it was given, and never one it made up. It ends only where the
      source itself ends (a tape); a live source that stops delivering raises.
    * It raises :class:`~bot.errors.SourceError` for what may pass, :class:`~bot.errors.SourceSilent`
      where it is connected and hears nothing, :class:`~bot.errors.SourceRefused` where the answer is no.
      It is then closed and, after a back-off, called again: it goes on, it does not repeat itself.
    * Closing the generator frees everything it opened, within seconds, whatever the source does.
    * A datum that cannot be used goes to the :data:`OnBad` it was made with, and the next one is read.
    * It never holds up the event loop: work that may take longer than a few milliseconds runs in a thread.

    Further attributes are looked for and may be absent: ``instruments`` (names it feeds; the engine is told
    when they are lost and back), ``lossless`` (true: its ticks wait for room in the queue, as a tape's must;
    else old quotes give way), ``detail`` (how it works at the moment, in a few words, for the status).
    """

    @property
    def name(self) -> str:
        """Its name in the configuration, in metrics and in messages."""

    def ticks(self) -> AsyncIterator[Tick]:
        """Observations as they come."""


class Backoff:
    """How long to wait after the n-th failure in a row, in seconds: doubling up to ``maximum``.

    Of each delay the upper half is drawn by ``rng`` (in [0, 1)), so that many clients of one server do not
    come back together and none comes back at once.
    """

    def __init__(self, initial: float, maximum: float, rng: Callable[[], float] = random.random) -> None:
        self.initial = initial
        self.maximum = max(initial, maximum)
        self._rng = rng
        self._next = initial

    def next(self) -> float:
        """The delay before the next attempt."""
        delay = self._next
        self._next = min(delay * 2, self.maximum)
        return delay * (0.5 + 0.5 * self._rng())

    def reset(self) -> None:
        """Start again with the shortest delay."""
        self._next = self.initial
