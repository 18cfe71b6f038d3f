"""yfinance, loaded once, when first needed, and made to behave inside a daemon."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
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


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """``function(*args)`` in a thread of its own, which neither a cancelled caller nor the process's end
    has to wait for (a blocked HTTP request cannot be stopped from outside)."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T allows it

    def work() -> None:
        result, failure = None, None
        try:
            result = function(*args)
        except Exception as error:
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=work, name="yahoo", daemon=True).start()
    return await future
