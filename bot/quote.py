"""Executable prices from the engine's last snapshot: what ``pegbot quote`` answers."""

from __future__ import annotations

from typing import Any

from bot.config import Config
from bot.driver import Driver
from bot.errors import UsageError
from bot.registry import Registry


def quote(config: Config, registry: Registry, saved: bytes | None, instrument: str, size_usd: float,
          sides: list[str]) -> dict[str, Any]:  # fmt: skip
    """Average price of ``size_usd`` on each side; ``price`` is ``None`` with ``why`` where there is none.

    Raises :class:`UsageError` if it is no token's, or the daemon has not seen it.
    """
    driver = Driver(config, registry)
    if saved is not None:
        driver.restore(saved)
    market = driver.engine.market
    state = market.instrument(instrument)
    if state is None:
        symbol = instrument.partition("@")[0]
        if symbol in registry.underlyings or driver.engine.hedges.knows(instrument):
            raise UsageError(
                f"{instrument} is no token: quote is for tokens; `pegbot positions` shows hedges"
            )
        known = ", ".join(sorted(market.instruments)[:8]) or "none; run `pegbot run` first"
        raise UsageError(f"no prices of {instrument!r} in the last snapshot; there is: {known}")
    quotes = []
    for side in sides:
        answer: dict[str, Any] = {
            "side": side,
            "price": None,
            "tokens": None,
            "price_after": None,
            "why": None,
        }
        if state.curve is None:
            answer["why"] = "the depth of this venue is not known, only its last price"
        else:
            done = state.curve.buy(size_usd) if side == "buy" else state.curve.sell(size_usd)
            if done is None:
                answer["why"] = "the venue does not hold enough"
            else:
                answer |= {"price": done.price, "tokens": done.tokens, "price_after": done.price_after}
        quotes.append(answer)
    return {"instrument": instrument, "size_usd": size_usd, "ts": state.ts, "quotes": quotes}
