"""What the detector remembers of one instrument: a handful of numbers, whatever it has seen."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from bot.detector.bands import Band
from bot.detector.incidents import OpenIncident
from bot.market import InstrumentState, ReferenceState
from bot.types import Ns, Session
from bot.valuation import Estimate


class Alarm:
    """Where one instrument stands with the detector.

    ``side``, ``count``, ``since``, ``peak``: on which side it is out, for how many prices, since when and
    how far at most. ``basis``, ``fair``, ``scale``, ``noise_var``: what is usual for it (its last basis,
    the slow average of fair value, the size of its moves, the variance of an honest basis), learnt at
    ``learnt``. ``usual_depth`` is USD that move it by 2 %, as of ``depth_at``. ``before``,
    ``extreme``, ``extreme_at``, ``extreme_usd``, ``after``: a far move that nobody confirms, kept for
    when it comes back, and how many prices have come since. ``bar_scale`` is the usual move from bar to
    bar. ``left``, ``left_since``: on which side of its peers a pool that stands still is left behind, and
    since when.
    """

    __slots__ = (
        "after", "band", "band_from", "band_until", "bar_high", "bar_low", "bar_scale", "bars", "basis",
        "before", "count", "cusum", "cusum_side", "depth_at", "extreme", "extreme_at",
        "extreme_usd", "fair", "incident", "last_log", "learnt", "left", "left_since", "level", "noise_var",
        "peak", "scale", "seen", "side", "since", "usual_depth",
    )  # fmt: skip

    def __init__(self) -> None:
        self.band: Band | None = None
        self.band_from: Ns = 0
        self.band_until: Ns = 0
        self.incident: OpenIncident | None = None
        self.side = 0
        self.count = 0
        self.since: Ns = 0
        self.peak = 0.0
        self.cusum = 0.0
        self.cusum_side = 0
        self.seen: Ns = 0
        self.last_log: float | None = None
        self.basis = 0.0
        self.level = 0.0
        self.fair: float | None = None
        self.scale = 0.0
        self.noise_var = 0.0
        self.learnt: Ns = 0
        self.usual_depth: float | None = None
        self.depth_at: Ns = 0
        self.before = 0.0
        self.extreme = 0.0
        self.extreme_at: Ns = 0
        self.extreme_usd: float | None = None
        self.after = 0
        self.bar_scale = 0.0
        self.bars = 0
        self.bar_low = 0.0
        self.bar_high = 0.0
        self.left = 0
        self.left_since: Ns = 0


REMEMBERED = tuple(
    name for name in Alarm.__slots__ if name not in ("band", "band_from", "band_until", "incident")
)
"""What a snapshot keeps by name; bands are made again, incidents are kept by id."""


class Sighting(NamedTuple):
    """One price, judged: how far out (``basis``, and ``sigmas`` beyond the band), which way, seen how.

    ``fair_moved``: it was fair value that went away, not this venue. ``move`` is this venue's last move
    (of its log price), ``usd`` what was traded at that price if that is known; ``reverted``: it came back
    within its bar; ``old_units``: it stands where the token's multiplier of before puts it.
    """

    instrument: InstrumentState
    ts: Ns
    basis: float
    direction: int
    sigmas: float
    estimate: Estimate
    session: Session
    fair_moved: bool
    move: float
    usd: float | None
    reverted: bool = False
    old_units: bool = False


class Trace(Protocol):
    """Who listens to what is judged, and by what numbers (:class:`bot.kernel.record.Recorder`)."""

    def priced(self, instrument: InstrumentState, ts: Ns, log_bid: float, log_ask: float, log_fair: float,
               low: float, high: float, variance: float, noise_var: float) -> None:  # fmt: skip
        """A price that is judged; what follows until the next one is said of it."""

    def own(self, excess: float, direction: int, variance: float, jump: float, confirmed: bool, waits: bool,
            fair_moved: bool) -> None:  # fmt: skip
        """It is beyond the band, in no incident: what it is judged by, what speaks against opening one."""

    def together(self, direction: int) -> None:
        """All venues have jumped together, and this one with them."""

    def opened(self, instrument: InstrumentState | ReferenceState, ts: Ns) -> None:
        """An incident opens, or gets one more venue, as of ``ts``."""
