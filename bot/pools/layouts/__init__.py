"""Account bytes of Solana programs as pool states: one file per program, each a :class:`Layout`; no I/O."""

from bot.pools.layouts.base import Account, Accounts, Layout

__all__ = ["Account", "Accounts", "Layout"]
