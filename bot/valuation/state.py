"""What valuation remembers of one underlying: plain numbers, so that a snapshot is a dictionary."""

from __future__ import annotations

from bot.types import Ns


class FairState:
    """The anchor, what was known before it, what waits to be believed, and how volatile the share has been.

    ``prior`` is the anchor as it was before the moment it last moved: with all that is said at one moment
    it is fused anew, so that the order in which sources are heard does not matter.
    """

    __slots__ = (
        "anchor",
        "anchor_ts",
        "anchor_var",
        "anchor_vt",
        "by_reference",
        "close_log",
        "close_ts",
        "factor_log",
        "held",
        "held_log",
        "open_log",
        "open_ts",
        "prior",
        "prior_var",
        "prior_vt",
        "ratio",
        "rejected_log",
        "rejected_since",
        "rejections",
        "session_end",
        "source",
        "variance_rate",
        "weight",
    )

    def __init__(self, annual_volatility: float) -> None:
        self.variance_rate = annual_volatility**2
        self.anchor: float | None = None
        self.anchor_var = 0.0
        self.anchor_vt = 0.0
        self.anchor_ts: Ns = 0
        self.by_reference = False
        self.source = ""
        self.factor_log: float | None = None
        self.prior: float | None = None
        self.prior_var = 0.0
        self.prior_vt = 0.0
        self.held = 0
        self.held_log = 0.0
        self.rejections = 0
        self.rejected_log = 0.0
        self.rejected_since: Ns = 0
        self.ratio = 1.0
        self.weight = 0.0
        self.open_log = self.close_log = 0.0
        self.open_ts: Ns = 0
        self.close_ts: Ns = 0
        self.session_end: Ns = 0

    def predicted(self, ts: Ns, variance_time: float) -> tuple[float | None, float]:
        """(log price, variance) that what was known before ``ts`` lets expect at it."""
        if ts != self.anchor_ts:
            self.prior, self.prior_var, self.prior_vt = self.anchor, self.anchor_var, self.anchor_vt
        since = max(0.0, variance_time - self.prior_vt)
        return self.prior, self.prior_var + self.variance_rate * since
