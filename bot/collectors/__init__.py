"""Where ticks come from: one file per real source, each a :class:`Collector`; heavy ones load when used."""

from bot.collectors.base import Backoff, Collector, OnBad
from bot.collectors.factory import build

__all__ = ["Backoff", "Collector", "OnBad", "build"]
