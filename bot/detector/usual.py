"""What is usual for one venue: how far it moves, how it strays, how deep it is, where fair value has been."""

from __future__ import annotations

from bot.detector.alarm import Alarm
from bot.detector.common import Common
from bot.detector.evidence import UNMOVED_NS
from bot.detector.scalars import average_step, noise_step, scale_step, weight
from bot.market import InstrumentState
from bot.timefmt import NS
from bot.types import Ns

LEARN_CAP_SECONDS = 300.0
SCALE_TAU, SCALE_FLOOR = 7200.0, 0.001
NOISE_TAU, NOISE_MOST = 21_600.0, 2.0
FAIR_TAU, FAIR_CAP_SECONDS = 600.0, 60.0
BARS = 20
"""Bars in the average of usual moves; from half of them on it is believed."""
DEPTH_NS = 4 * 3600 * NS
"""How often depth is looked at for what is usual: it is an average over a day, and dear to work out."""
DEPTH_TAU, DEPTH_CAP_SECONDS = 86_400.0, 14_400.0


def learn(instrument: InstrumentState, alarm: Alarm, ts: Ns, basis: float, base: float, variance: float,
      regular: bool, noise_var: float) -> None:  # fmt: skip
    """One more price, judged: ``basis`` beside ``base``, the log of fair value, known by ``variance``.

    ``regular``: in New York's session, where noise is learnt; ``noise_var`` is the least that it can be.
    """
    seconds = (ts - alarm.learnt) / NS
    if alarm.learnt:
        lately = seconds if seconds < LEARN_CAP_SECONDS else LEARN_CAP_SECONDS
        share = weight(lately, SCALE_TAU)
        alarm.scale = scale_step(alarm.scale, basis - alarm.basis, share, SCALE_FLOOR)
        if (
            variance <= noise_var
            and alarm.incident is None
            and regular
            and ts - instrument.changed <= UNMOVED_NS
        ):
            share = weight(lately, NOISE_TAU)
            common: Common = instrument.underlying.group
            own = basis - min(max(basis, common.low), common.high)
            alarm.noise_var = noise_step(alarm.noise_var, own, share, noise_var, noise_var * NOISE_MOST**2)
        if instrument.is_bar and alarm.last_log is not None:
            move = instrument.log_price - alarm.last_log
            alarm.bars = min(alarm.bars + 1, BARS)
            alarm.bar_scale = scale_step(alarm.bar_scale, move, 1.0 / alarm.bars, SCALE_FLOOR)
    if alarm.fair is None:
        alarm.fair = base
    else:
        lately = seconds if seconds < FAIR_CAP_SECONDS else FAIR_CAP_SECONDS
        alarm.fair = average_step(alarm.fair, base, weight(lately, FAIR_TAU))
    alarm.basis, alarm.level, alarm.learnt = basis, base + basis, ts
    if instrument.curve is not None and ts - alarm.depth_at >= DEPTH_NS:
        depth = min(instrument.curve.depth(0.02))
        seconds = min((ts - alarm.depth_at) / NS, DEPTH_CAP_SECONDS)
        usual = alarm.usual_depth
        alarm.usual_depth = depth if usual is None else average_step(usual, depth, weight(seconds, DEPTH_TAU))
        alarm.depth_at = ts
