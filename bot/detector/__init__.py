"""Depegs: bands from mechanisms, the alarm of each instrument, causes, and incidents' lives."""

from bot.detector.bands import Band, band
from bot.detector.detector import Detector

__all__ = ["Band", "Detector", "band"]
