"""Account bytes of Solana programs as pool states: one file per program, each a :class:`Layout`; no I/O."""

from __future__ import annotations

from importlib import import_module

from bot.pools.layouts.base import Account, Accounts, Layout

__all__ = ["Account", "Accounts", "Layout", "by_amm"]

LAYOUTS = {
    "meteora_damm_v2": "MeteoraDammV2Layout",
    "meteora_dlmm": "MeteoraDlmmLayout",
    "orca_whirlpool": "OrcaWhirlpoolLayout",
    "raydium_amm_v4": "RaydiumAmmV4Layout",
    "raydium_clmm": "RaydiumClmmLayout",
    "raydium_cpmm": "RaydiumCpmmLayout",
}
"""By ``amm``, which is also the name of the module."""


def by_amm() -> dict[str, Layout]:
    """Every program's layout by the registry's ``amm``. Loads them, and solders, on the first call."""
    return {amm: getattr(import_module(f"{__name__}.{amm}"), kind)() for amm, kind in LAYOUTS.items()}
