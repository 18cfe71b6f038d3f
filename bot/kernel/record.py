"""The columns of a tape: what the live detector judged, written down while the engine runs.

Recorded are the numbers that do not hang on the thresholds that are swept: executable price, fair value,
band, variances, jump. At the thresholds of the recording the kernel opens what the engine's detector opens.
At others it is an estimate: the engine leaves venues in an incident out of fair value. Causes are its
own, and so are feeds that fail, coins off their peg, and what is told afterwards (an excursion that came
back, a bar that waits for its neighbours): these incidents stay as they were in the recording.
"""

from __future__ import annotations

from array import array
from math import nan

from bot.engine import Engine
from bot.kernel.arrays import ABOVE, CONFIRMED, FAIR_MOVED, OWN_ABOVE, TOGETHER, WITHHELD
from bot.kernel.columns import FLOATS, Columns
from bot.market import InstrumentState, ReferenceState
from bot.types import Ns


class Recorder:
    """The trace of one engine's detector, from now on; :meth:`columns` gives what was seen."""

    def __init__(self, engine: Engine) -> None:
        self._venues: dict[str, int] = {}
        self._groups: list[str] = []
        self._ts, self._venue, self._flags = array("q"), array("q"), array("q")
        self._floats = {name: array("d") for name in FLOATS}
        self._rows = [self._floats[name].append for name in FLOATS]
        self.otherwise: set[tuple[str, Ns]] = set()
        """Openings, by instrument and time, that no price judged at that time accounts for."""
        engine.detector.trace = self

    def priced(self, instrument: InstrumentState, ts: Ns, log_bid: float, log_ask: float, log_fair: float,
               low: float, high: float, variance: float, noise_var: float) -> None:  # fmt: skip
        """A price that is judged; what follows until the next one is said of it."""
        venue = self._venues.get(instrument.name)
        if venue is None:
            venue = self._venues[instrument.name] = len(self._venues)
            self._groups.append(instrument.underlying.info.ticker)
        self._ts.append(ts)
        self._venue.append(venue)
        self._flags.append(CONFIRMED)
        values = (log_bid, log_ask, log_fair, low, high, variance, noise_var, nan, variance, 0.0)
        for append, value in zip(self._rows, values, strict=True):
            append(value)

    def own(self, excess: float, direction: int, variance: float, jump: float, confirmed: bool, waits: bool,
            fair_moved: bool) -> None:  # fmt: skip
        """What of the excess is this venue's own, and what is to be held against its opening an incident."""
        floats = self._floats
        floats["own_excess"][-1] = excess
        floats["own_variance"][-1] = variance
        floats["jump"][-1] = jump
        side = OWN_ABOVE * (direction > 0)
        self._flags[-1] = CONFIRMED * confirmed | WITHHELD * waits | FAIR_MOVED * fair_moved | side

    def together(self, direction: int) -> None:
        """All venues have jumped together, and this one with them."""
        self._flags[-1] |= TOGETHER | ABOVE * (direction > 0)

    def opened(self, instrument: InstrumentState | ReferenceState, ts: Ns) -> None:
        """An incident opens, or gets one more venue, as of ``ts``."""
        judged = self._ts and self._ts[-1] == ts and self._venue[-1] == self._venues.get(instrument.name)
        if not judged:
            self.otherwise.add((instrument.name, ts))

    def columns(self) -> Columns:
        """All of it, by group and time."""
        import numpy as np

        groups = sorted(set(self._groups))
        place = {ticker: number for number, ticker in enumerate(groups)}
        group_of = np.array([place[ticker] for ticker in self._groups], dtype=np.int64)
        order = np.argsort(group_of, kind="stable")
        renumbered = np.empty_like(order)
        renumbered[order] = np.arange(len(order))
        names = list(self._venues)
        venue = renumbered[np.array(self._venue, dtype=np.int64)]
        row_group = group_of[order][venue]
        rows = np.argsort(row_group, kind="stable")
        edges = np.arange(len(groups) + 1)
        return Columns(
            [names[number] for number in order],
            groups,
            np.searchsorted(row_group[rows], edges),
            np.searchsorted(group_of[order], edges),
            np.array(self._ts, dtype=np.int64)[rows],
            venue[rows],
            np.array(self._flags, dtype=np.int64)[rows],
            {name: np.array(values)[rows] for name, values in self._floats.items()},
        )
