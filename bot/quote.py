"""Executable prices from the engine's last snapshot: what ``pegbot quote`` answers."""

from __future__ import annotations

from typing import Any

from bot.config import Config
from bot.driver import Driver
from bot.engine import Engine
from bot.errors import UsageError
from bot.market import InstrumentState
from bot.registry import Registry


def quote(config: Config, registry: Registry, saved: bytes | None, instrument: str, size_usd: float,
          sides: list[str]) -> dict[str, Any]:  # fmt: skip
    """Average price of ``size_usd`` on each side; ``price`` is ``None`` with ``why`` where there is none.

    Raises :class:`UsageError` if it is no token's, or the daemon has not seen it.
    """
    driver = Driver(config, registry)
    if saved is not None:
        driver.restore(saved)
    state = seen(driver.engine, instrument, "quote")
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


def seen(engine: Engine, instrument: str, command: str) -> InstrumentState:
    """An instrument of a token that the daemon has seen; :class:`UsageError` says what there is instead."""
    state = engine.market.instrument(instrument)
    if state is not None:
        return state
    if instrument.partition("@")[0] in engine.market.registry.underlyings or engine.hedges.knows(instrument):
        raise UsageError(
            f"{instrument} is no token: {command} is for tokens; `pegbot positions` shows hedges"
        )
    known = ", ".join(sorted(engine.market.instruments)[:8]) or "none; run `pegbot run` first"
    raise UsageError(f"no prices of {instrument!r} in the last snapshot; there is: {known}")
