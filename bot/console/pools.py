"""Pools that a search found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.console.terminal import emit, say, show, table_of
from bot.types import to_builtins

if TYPE_CHECKING:
    from bot.collectors.found import Found


def pools(found: Sequence[Found], as_json: bool) -> None:
    """Pools that a search found; those of impostors in a table of their own."""
    if as_json:
        emit([to_builtins(one) for one in found])
        return
    for title, fake in (("Pools", False), ("Impostors: another token by the same name", True)):
        rows = [one for one in found if one.impostor is fake]
        if not rows:
            continue
        table = table_of(title, "instrument", "kind", "address", "quote", "fee>", "liquidity>", "")
        for one in rows:
            fee = "" if one.fee is None else f"{one.fee:.2%}"
            worth = "unknown" if one.liquidity_usd is None else f"${one.liquidity_usd:,.0f}"
            table.add_row(one.instrument, one.amm, one.address, one.quote_address, fee, worth, one.why)
        show(table)
    if not found:
        say("No pool found.")
