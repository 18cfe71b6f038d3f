"""Depth of one instrument for the page, read from the engine's own state when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from bot.errors import PoolError
from bot.market import Market
from bot.pools.profile import profile
from bot.timefmt import iso
from bot.types import Ns


def depth_view(
    market: Market, now: Callable[[], Ns], sizes_usd: list[float]
) -> Callable[[str], dict[str, Any] | None]:
    """What ``/api/instruments/{instrument}/depth`` answers; ``None`` for an instrument never seen.

    ``sizes`` are executable prices per token, ``null`` where the venue cannot fill them; ``depth`` is
    ``null`` with ``why`` where only a last price is known, or the venue cannot be quoted now.
    """

    def view(name: str) -> dict[str, Any] | None:
        state = market.instrument(name)
        if state is None:
            return None
        fair = market.fair(name, now())
        answer: dict[str, Any] = {
            "instrument": name,
            "ts": iso(state.ts),
            "fair_value": None if fair is None else fair.value_usd,
            "depth": None,
            "sizes": [],
            "why": None,
        }
        curve = state.curve
        if state.halted:
            answer["why"] = state.halted_reason or "the venue is halted"
        elif curve is None:
            answer["why"] = "the depth of this venue is not known, only its last price"
        else:
            try:
                answer["depth"] = msgspec.to_builtins(profile(curve))
            except PoolError as error:
                answer["why"] = str(error)
            else:
                answer["sizes"] = [
                    {"usd": size, "sell": _price(curve.sell(size)), "buy": _price(curve.buy(size))}
                    for size in sizes_usd
                ]
        return answer

    return view


def _price(done: Any) -> float | None:
    return None if done is None else done.price
