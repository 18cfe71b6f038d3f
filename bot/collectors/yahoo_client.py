"""yfinance, loaded once, when first needed, and made to behave inside a daemon."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

LOCK = threading.RLock()
"""yfinance keeps one HTTP session for the process: one caller at a time."""

REFUSALS = frozenset({401, 403, 429, 451})
"""HTTP statuses that say no, rather than that something is broken."""

CACHE = Path("var/yfinance")
"""Time zones and cookies that yfinance keeps between runs (small SQLite files)."""


def load(cache: Path = CACHE) -> Any:
    """The yfinance module. Importing it takes about a second (pandas): call it in a thread."""
    with LOCK:
        import yfinance

        # By default yfinance logs an error and returns nothing; we want to know which error it was …
        if yfinance.config.debug.hide_exceptions:
            yfinance.config.debug.hide_exceptions = False
            yfinance.set_tz_cache_location(str(cache.absolute()))
            # … and tell it once, in our own words, instead of at every attempt.
            logger = logging.getLogger("yfinance")
            if logger.getEffectiveLevel() > logging.DEBUG:
                logger.setLevel(logging.CRITICAL)
        return yfinance
